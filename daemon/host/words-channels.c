/* SPDX-License-Identifier: BSD-3-Clause */
/* Channels1. */
#include <cepa/event.h>
#include <vocabulary-info.h>

#include "base/encoding.h"
#include "host/words.h"

static const char *
words_channels_state (const CepaChannel *channel)
{
  static const char *const names[] = {
    [CEPA_CHANNEL_CONNECTING] = "connecting", [CEPA_CHANNEL_OPEN] = "open", [CEPA_CHANNEL_CLOSED] = "closed",
  };

  return names[cepa_channel_get_state (channel)];
}

/* @reason: (nullable) */
static GVariant *
words_channels_row (const CepaChannel *channel, gboolean has_closed, const GError *reason)
{
  const CepaChannelTarget *target = cepa_channel_get_target (channel);
  g_autofree char *address
      = g_strdup_printf ("%u.%u.%u.%u:%u", target->ipv4 >> 24, target->ipv4 >> 16 & 255, target->ipv4 >> 8 & 255,
                         target->ipv4 & 255, target->or_port);
  char fingerprint[41];
  GVariantDict row;

  cepa_hex_encode_to (target->rsa_id, sizeof target->rsa_id, fingerprint);
  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "t", cepa_channel_get_number (channel));
  g_variant_dict_insert (&row, "state", "s", has_closed ? "closed" : words_channels_state (channel));
  g_variant_dict_insert (&row, "fingerprint", "s", fingerprint);
  g_variant_dict_insert (&row, "nickname", "s", cepa_channel_get_nickname (channel));
  g_variant_dict_insert (&row, "address", "s", address);
  g_variant_dict_insert (&row, "circuits", "u", cepa_channel_get_n_circuits (channel));
  if (has_closed)
    g_variant_dict_insert (&row, "reason", "s", reason != NULL ? reason->message : "");
  return g_variant_dict_end (&row);
}

static void
words_channels_add (gpointer user_data, CepaChannel *channel)
{
  g_variant_builder_add_value (user_data, words_channels_row (channel, FALSE, NULL));
}

static void
words_channels_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaChannelPool *channels = cepa_words_get_client (self)->channels;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  if (channels != NULL)
    cepa_channel_pool_foreach (channels, words_channels_add, &out);
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &out));
}

void
cepa_words_channel_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer channel, const GError *reason)
{
  static const char *const names[] = {
    [CEPA_CHANNEL_EVENT_LAUNCHED] = "launched", [CEPA_CHANNEL_EVENT_OPENED] = "opened",
    [CEPA_CHANNEL_EVENT_FAILED] = "failed",     [CEPA_CHANNEL_EVENT_ENDED] = "closed",
  };
  gboolean has_closed = event->what == CEPA_CHANNEL_EVENT_FAILED || event->what == CEPA_CHANNEL_EVENT_ENDED;

  if (event->what < G_N_ELEMENTS (names) && cepa_host_vocabulary_has_listener (self, "Channels1", "Changed"))
    cepa_host_vocabulary_emit (self, "Channels1", "Changed",
                               g_variant_new ("(ts@a{sv})", event->channel, names[event->what],
                                              words_channels_row (channel, has_closed, reason)));
}

static const CepaWordMethod words_channels_methods[] = {
  { "List", words_channels_list },
  { NULL, NULL },
};

static const CepaWordProperty words_channels_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_channels = {
  .info = &org_cepa_channels1_interface,
  .properties = words_channels_properties,
  .methods = words_channels_methods,
};
