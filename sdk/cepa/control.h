/* SPDX-License-Identifier: BSD-3-Clause */
/* Control plugins: front ends. What they can ask, tell and watch is the vocabulary. */
#ifndef CEPA_CONTROL_H
#define CEPA_CONTROL_H

#include <cepa/host.h>

G_BEGIN_DECLS

/* The reply to a call. @result: (transfer none) (nullable): a tuple of what the method returns; NULL with @error. */
typedef void (*CepaReplyFunc) (void *user_data, GVariant *result, const GError *error);

/* A signal. @args: (transfer none): a tuple of its arguments. */
typedef void (*CepaSignalFunc) (void *user_data, const char *interface_name, const char *signal, GVariant *args);

/**
 * CepaVocabulary:
 * @size: of this struct as the host knows it, bytes
 * @reserved: 0
 *
 * Interfaces with properties, methods and signals, as data/org.cepa.Cepa1.xml says and describe() returns. Names of
 * interfaces are without "org.cepa.": "Circuits1".
 */
struct _CepaVocabulary
{
  uint32_t size;
  uint32_t reserved;

  /* Returns: (transfer none): the interfaces as D-Bus introspection XML, with their whole names. */
  const char *(*describe) (const CepaHost *host);

  /* Returns: (transfer full) (nullable): the property's value, not floating; NULL with an error of
     CEPA_PLUGIN_ERROR_UNSUPPORTED. */
  GVariant *(*get) (const CepaHost *host, const char *interface_name, const char *property, GError **error);

  /**
   * call:
   * @args: (transfer floating) (nullable): a tuple as the method takes it; NULL for none
   * @func: (nullable): called once, now or later; not after the plugin's stop was called
   *
   * A method that there is not, or arguments of other types, are CEPA_PLUGIN_ERROR_UNSUPPORTED and
   * CEPA_PLUGIN_ERROR_INVALID in the reply.
   */
  void (*call) (const CepaHost *host, const char *interface_name, const char *method, GVariant *args,
                CepaReplyFunc func, void *user_data);

  /**
   * subscribe:
   * @signal: (nullable): NULL for all of the interface
   *
   * Returns: for unsubscribe; 0 when there is no such signal. It is called from the place where the thing happens: a
   * front end copies what it needs and comes back.
   */
  uint64_t (*subscribe) (const CepaHost *host, const char *interface_name, const char *signal, CepaSignalFunc func,
                         void *user_data);
  /* Ends what subscribe gave. Also from the function that it calls. */
  void (*unsubscribe) (const CepaHost *host, uint64_t subscription);
};

/* Whether the host has CepaVocabulary.@member. */
#define CEPA_VOCABULARY_HAS(host, member) \
  (CEPA_TABLE_HAS (host, CepaHost, vocabulary) && CEPA_TABLE_HAS ((host)->vocabulary, CepaVocabulary, member))

/* As CepaVocabulary.describe; "<node/>" without one. */
static inline const char *
cepa_vocabulary_describe (const CepaHost *host)
{
  return CEPA_VOCABULARY_HAS (host, describe) ? host->vocabulary->describe (host) : "<node/>";
}

/* As CepaVocabulary.get; CEPA_PLUGIN_ERROR_UNSUPPORTED without one. */
static inline GVariant *
cepa_vocabulary_get (const CepaHost *host, const char *interface_name, const char *property, GError **error)
{
  if (CEPA_VOCABULARY_HAS (host, get))
    return host->vocabulary->get (host, interface_name, property, error);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "this host has no vocabulary");
  return NULL;
}

/* As CepaVocabulary.call; replies CEPA_PLUGIN_ERROR_UNSUPPORTED without one. */
static inline void
cepa_vocabulary_call (const CepaHost *host, const char *interface_name, const char *method, GVariant *args,
                      CepaReplyFunc func, void *user_data)
{
  if (CEPA_VOCABULARY_HAS (host, call))
    host->vocabulary->call (host, interface_name, method, args, func, user_data);
  else
    {
      GError *error = g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                                           "this host has no vocabulary");

      if (args != NULL)
        g_variant_unref (g_variant_ref_sink (args));
      if (func != NULL)
        func (user_data, NULL, error);
      g_error_free (error);
    }
}

/* As CepaVocabulary.subscribe; 0 without one. */
static inline uint64_t
cepa_vocabulary_subscribe (const CepaHost *host, const char *interface_name, const char *signal, CepaSignalFunc func,
                           void *user_data)
{
  return CEPA_VOCABULARY_HAS (host, subscribe)
             ? host->vocabulary->subscribe (host, interface_name, signal, func, user_data)
             : 0;
}

/* As CepaVocabulary.unsubscribe; 0 is allowed. */
static inline void
cepa_vocabulary_unsubscribe (const CepaHost *host, uint64_t subscription)
{
  if (subscription != 0 && CEPA_VOCABULARY_HAS (host, unsubscribe))
    host->vocabulary->unsubscribe (host, subscription);
}

/**
 * CepaControlTable:
 *
 * What a control plugin gives, besides its life. Descriptors, sockets and files are its own, over the services of
 * cepa/loop.h.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaControlTable) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */

  /* (nullable): Returns: (transfer full): where it can be reached, one a line: "127.0.0.1:9051", "unix:/run/x". */
  char *(*list_addresses) (void *self);
} CepaControlTable;

G_END_DECLS

#endif
