/* SPDX-License-Identifier: BSD-3-Clause */
/* What control plugins get: the vocabulary as a table of functions. */
#include "host/host.h"
#include "host/plugin.h"
#include "host/vocabulary.h"

/* The owner of what one instance has subscribed to and asked for. */
typedef struct
{
  gboolean is_over; /* its stop has begun: it gets nothing any more */
} ControlInstance;

static ControlInstance *
control_get_instance (const CepaHost *host)
{
  return cepa_host_plugin_from_services (host)->kind;
}

static CepaHostVocabulary *
control_get_vocabulary (const CepaHost *host)
{
  return cepa_host_get_vocabulary (cepa_host_plugin_from_services (host)->host);
}

static gboolean
control_may (const CepaHost *host, const char *function)
{
  return cepa_host_services_check_thread (cepa_host_plugin_from_services (host), function)
         && !control_get_instance (host)->is_over;
}

static const char *
control_describe (G_GNUC_UNUSED const CepaHost *host)
{
  return cepa_host_vocabulary_describe ();
}

static GVariant *
control_get (const CepaHost *host, const char *interface_name, const char *property, GError **error)
{
  if (control_may (host, "vocabulary.get"))
    return cepa_host_vocabulary_get (control_get_vocabulary (host), interface_name, property, error);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_CANCELLED, "the plugin is being stopped");
  return NULL;
}

static void
control_call (const CepaHost *host, const char *interface_name, const char *method, GVariant *args, CepaReplyFunc func,
              void *user_data)
{
  if (control_may (host, "vocabulary.call"))
    cepa_host_vocabulary_call (control_get_vocabulary (host), control_get_instance (host), interface_name, method, args,
                               func, user_data);
  else if (args != NULL)
    g_variant_unref (g_variant_ref_sink (args));
}

static uint64_t
control_subscribe (const CepaHost *host, const char *interface_name, const char *signal, CepaSignalFunc func,
                   void *user_data)
{
  if (!control_may (host, "vocabulary.subscribe"))
    return 0;
  return cepa_host_vocabulary_subscribe (control_get_vocabulary (host), control_get_instance (host), interface_name,
                                         signal, func, user_data);
}

static void
control_unsubscribe (const CepaHost *host, uint64_t subscription)
{
  if (control_may (host, "vocabulary.unsubscribe"))
    cepa_host_vocabulary_unsubscribe (control_get_vocabulary (host), control_get_instance (host), subscription);
}

static const CepaVocabulary control_table = {
  .size = sizeof control_table,
  .describe = control_describe,
  .get = control_get,
  .call = control_call,
  .subscribe = control_subscribe,
  .unsubscribe = control_unsubscribe,
};

static void
control_make (CepaHostPlugin *self)
{
  self->kind = g_new0 (ControlInstance, 1);
  self->services.vocabulary = &control_table;
}

static void
control_ending (CepaHostPlugin *self)
{
  ((ControlInstance *) self->kind)->is_over = TRUE;
  cepa_host_vocabulary_drop (cepa_host_get_vocabulary (self->host), self->kind);
}

/* A start that failed was never ended. */
static void
control_gone (CepaHostPlugin *self)
{
  cepa_host_vocabulary_drop (cepa_host_get_vocabulary (self->host), self->kind);
  g_clear_pointer (&self->kind, g_free);
}

const CepaHostKind cepa_host_kind_control = {
  .make = control_make,
  .ending = control_ending,
  .gone = control_gone,
};
