/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits1. */
#include <cepa/event.h>
#include <cepa/types.h>
#include <vocabulary-info.h>

#include "base/encoding.h"
#include "host/words.h"

static const char *
words_circuits_state (const CepaCircuit *circuit)
{
  static const char *const names[] = {
    [CEPA_CIRCUIT_BUILDING] = "building", [CEPA_CIRCUIT_OPEN] = "open", [CEPA_CIRCUIT_CLOSED] = "closed",
  };

  return names[cepa_circuit_get_state (circuit)];
}

static const char *
words_circuits_purpose (const CepaCircuit *circuit)
{
  switch (cepa_circuit_get_purpose (circuit))
    {
    case CEPA_PURPOSE_INTERNAL:
      return "internal";
    case CEPA_PURPOSE_DIRECTORY:
      return "directory";
    default:
      return "general";
    }
}

static GVariant *
words_circuits_path (const CepaCircuit *circuit)
{
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; i < cepa_circuit_get_n_hops (circuit); i++)
    {
      const CepaCircuitHop *hop = cepa_circuit_get_hop (circuit, i);
      char fingerprint[41];

      cepa_hex_encode_to (hop->target.rsa_id, sizeof hop->target.rsa_id, fingerprint);
      g_variant_builder_add (&out, "(ss)", fingerprint, hop->nickname);
    }
  return g_variant_builder_end (&out);
}

/* @event: @reason: (nullable): in Changed */
static GVariant *
words_circuits_row (const CepaCircuit *circuit, gboolean has_closed, const GError *reason)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "t", (guint64) cepa_circuit_get_number (circuit));
  g_variant_dict_insert (&row, "state", "s", has_closed ? "closed" : words_circuits_state (circuit));
  g_variant_dict_insert (&row, "purpose", "s", words_circuits_purpose (circuit));
  g_variant_dict_insert_value (&row, "path", words_circuits_path (circuit));
  g_variant_dict_insert (&row, "built", "u", cepa_circuit_get_n_built (circuit));
  g_variant_dict_insert (&row, "streams", "u", cepa_circuit_get_n_streams (circuit));
  g_variant_dict_insert (&row, "created", "x", cepa_circuit_get_created_us (circuit));
  g_variant_dict_insert (&row, "channel", "t", cepa_circuit_get_channel_number (circuit));
  if (has_closed)
    {
      g_variant_dict_insert (&row, "reason", "s", reason != NULL ? reason->message : "");
      g_variant_dict_insert (&row, "remote-reason", "u", cepa_circuit_get_remote_reason (circuit));
    }
  return g_variant_dict_end (&row);
}

static void
words_circuits_add (gpointer user_data, CepaCircuit *circuit)
{
  g_variant_builder_add_value (user_data, words_circuits_row (circuit, FALSE, NULL));
}

static void
words_circuits_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  if (circuits != NULL)
    cepa_circuits_foreach (circuits, words_circuits_add, &out);
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &out));
}

static void
words_circuits_close (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  g_autoptr (GError) error = NULL;
  gboolean if_unused;
  guint64 id;

  g_variant_get (args, "(tb)", &id, &if_unused);
  if (circuits == NULL)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no circuit %" G_GUINT64_FORMAT, id);
  else if (cepa_circuits_close_by_number (circuits, id, if_unused, &error))
    cepa_word_reply_return (reply, NULL);
  else
    cepa_word_reply_fail (reply, error);
}

void
cepa_words_circuit_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer circuit, const GError *reason)
{
  static const char *const names[] = {
    [CEPA_CIRCUIT_EVENT_LAUNCHED] = "launched", [CEPA_CIRCUIT_EVENT_EXTENDED] = "extended",
    [CEPA_CIRCUIT_EVENT_BUILT] = "built",       [CEPA_CIRCUIT_EVENT_FAILED] = "failed",
    [CEPA_CIRCUIT_EVENT_ENDED] = "closed",
  };
  gboolean has_closed = event->what == CEPA_CIRCUIT_EVENT_FAILED || event->what == CEPA_CIRCUIT_EVENT_ENDED;

  if (event->what < G_N_ELEMENTS (names) && cepa_host_vocabulary_has_listener (self, "Circuits1", "Changed"))
    cepa_host_vocabulary_emit (self, "Circuits1", "Changed",
                               g_variant_new ("(ts@a{sv})", event->circuit, names[event->what],
                                              words_circuits_row (circuit, has_closed, reason)));
}

static const CepaWordMethod words_circuits_methods[] = {
  { "List", words_circuits_list },
  { "Close", words_circuits_close },
  { NULL, NULL },
};

static const CepaWordProperty words_circuits_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_circuits = {
  .info = &org_cepa_circuits1_interface,
  .properties = words_circuits_properties,
  .methods = words_circuits_methods,
};
