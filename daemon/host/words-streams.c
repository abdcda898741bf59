/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams1: those of applications. */
#include <cepa/event.h>
#include <vocabulary-info.h>

#include "host/words.h"

#define WORDS_STREAMS_MAX_REASON 255 /* one byte in END */

static const char *
words_streams_state (const CepaApplication *application)
{
  switch (cepa_application_get_state (application))
    {
    case CEPA_APPLICATION_ATTACHED:
      return "attached";
    case CEPA_APPLICATION_OPEN:
      return "open";
    case CEPA_APPLICATION_CLOSED:
      return "closed";
    default:
      return "new";
    }
}

/* @event: (nullable): in Changed */
static GVariant *
words_streams_row (const CepaApplication *application, const CepaEvent *event)
{
  gboolean has_failed = event != NULL && event->what == CEPA_STREAM_EVENT_FAILED;
  gboolean has_ended = event != NULL && event->what == CEPA_STREAM_EVENT_ENDED;
  g_autofree char *target = cepa_application_dup_target (application);
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "t", cepa_application_get_number (application));
  g_variant_dict_insert (&row, "state", "s", has_failed || has_ended ? "closed" : words_streams_state (application));
  g_variant_dict_insert (&row, "circuit", "t",
                         event != NULL ? event->circuit : cepa_application_get_circuit_number (application));
  g_variant_dict_insert (&row, "target", "s", target);
  g_variant_dict_insert (&row, "source", "s", cepa_application_get_source (application));
  g_variant_dict_insert (&row, "created", "x", cepa_application_get_created_us (application));
  g_variant_dict_insert (&row, "bytes-read", "t", cepa_application_get_bytes_read (application));
  g_variant_dict_insert (&row, "bytes-written", "t", cepa_application_get_bytes_written (application));
  if (has_failed || has_ended || (event != NULL && event->what == CEPA_STREAM_EVENT_DETACHED))
    g_variant_dict_insert (&row, "reason", "u", event->reason);
  return g_variant_dict_end (&row);
}

static void
words_streams_add (gpointer user_data, CepaApplication *application)
{
  g_variant_builder_add_value (user_data, words_streams_row (application, NULL));
}

static void
words_streams_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaProxy *proxy = cepa_words_get_client (self)->proxy;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  if (proxy != NULL)
    cepa_proxy_foreach (proxy, words_streams_add, &out);
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &out));
}

static void
words_streams_close (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaProxy *proxy = cepa_words_get_client (self)->proxy;
  g_autoptr (GError) error = NULL;
  guint64 id;
  guint32 reason;

  g_variant_get (args, "(tu)", &id, &reason);
  if (reason > WORDS_STREAMS_MAX_REASON)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "%u is no reason of END: these are from 0 to %d",
                               reason, WORDS_STREAMS_MAX_REASON);
  else if (proxy == NULL)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no stream %" G_GUINT64_FORMAT, id);
  else if (cepa_proxy_close_stream (proxy, id, reason, &error))
    cepa_word_reply_return (reply, NULL);
  else
    cepa_word_reply_fail (reply, error);
}

void
cepa_words_stream_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer application)
{
  static const char *const names[] = {
    [CEPA_STREAM_EVENT_NEW] = "new",             [CEPA_STREAM_EVENT_ATTACHED] = "attached",
    [CEPA_STREAM_EVENT_SUCCEEDED] = "succeeded", [CEPA_STREAM_EVENT_DETACHED] = "detached",
    [CEPA_STREAM_EVENT_FAILED] = "failed",       [CEPA_STREAM_EVENT_ENDED] = "closed",
  };

  if (event->what < G_N_ELEMENTS (names) && cepa_host_vocabulary_has_listener (self, "Streams1", "Changed"))
    cepa_host_vocabulary_emit (self, "Streams1", "Changed",
                               g_variant_new ("(ts@a{sv})", event->stream, names[event->what],
                                              words_streams_row (application, event)));
}

static const CepaWordMethod words_streams_methods[] = {
  { "List", words_streams_list },
  { "Close", words_streams_close },
  { NULL, NULL },
};

static const CepaWordProperty words_streams_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_streams = {
  .info = &org_cepa_streams1_interface,
  .properties = words_streams_properties,
  .methods = words_streams_methods,
};
