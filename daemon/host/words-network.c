/* SPDX-License-Identifier: BSD-3-Clause */
/* Network1: the relays of the directory, and what the consensus says. */
#include <arpa/inet.h>
#include <string.h>
#include <vocabulary-info.h>

#include "base/encoding.h"
#include "directory/descriptors.h"
#include "directory/flavour.h"
#include "host/words.h"
#include "netdoc/consensus-text.h"

#define WORDS_NETWORK_SHOWN 60 /* characters of what was asked for, in messages */

/* What a worker makes the list from; nothing of it changes. */
typedef struct
{
  CepaConsensus *consensus;
  GBytes *text; /* of the consensus, which may get another place for it meanwhile */
  CepaRelay *relays;
  guint n_relays;
} WordsNetworkInput;

/* (nullable) */
static CepaNetwork *
words_network_get (CepaHostVocabulary *self)
{
  CepaDirectory *directory = cepa_words_get_client (self)->directory;

  return directory != NULL ? cepa_directory_get_network (directory) : NULL;
}

static GVariant *
words_network_make_time (CepaHostVocabulary *self, gint64 (*get) (const CepaConsensus *consensus))
{
  CepaNetwork *network = words_network_get (self);

  return g_variant_new_int64 (network != NULL ? get (cepa_network_get_consensus (network)) : 0);
}

static GVariant *
words_network_get_valid_after (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_network_make_time (self, cepa_consensus_get_valid_after_s);
}

static GVariant *
words_network_get_fresh_until (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_network_make_time (self, cepa_consensus_get_fresh_until_s);
}

static GVariant *
words_network_get_valid_until (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_network_make_time (self, cepa_consensus_get_valid_until_s);
}

static GVariant *
words_network_get_n_relays (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaNetwork *network = words_network_get (self);

  return g_variant_new_uint32 (network != NULL ? cepa_network_get_n_relays (network) : 0);
}

/* (transfer none) (nullable): the directory that has descriptors of this kind. */
static CepaDirectory *
words_network_get_directory (CepaHostVocabulary *self, CepaConsensusFlavour flavour)
{
  CepaDirectory *directory = cepa_words_get_client (self)->directory;

  return directory != NULL ? cepa_directory_get_of_flavour (directory, flavour) : NULL;
}

static GVariant *
words_network_get_descriptors (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  static const char *const words[] = {
    [CEPA_CONSENSUS_MICRODESC] = "microdescriptors",
    [CEPA_CONSENSUS_NS] = "server-descriptors",
  };
  CepaDirectory *first = cepa_words_get_client (self)->directory;
  guint is_ns = first != NULL && words_network_get_directory (self, CEPA_CONSENSUS_NS) == first;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (words_network_get_directory (self, (CepaConsensusFlavour) (i ^ is_ns)) != NULL)
      g_variant_builder_add (&out, "s", words[i ^ is_ns]);
  return g_variant_builder_end (&out);
}

/* ---- a relay ---- */

static GVariant *
words_network_make_bytes (const guint8 *bytes, gsize len)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, len, 1);
}

static GVariant *
words_network_make_flags (CepaSlice flags)
{
  g_autofree char *text = g_strndup (flags.text, flags.len);
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0' && g_utf8_validate (words[i], -1, NULL))
      g_variant_builder_add (&out, "s", words[i]);
  return g_variant_builder_end (&out);
}

/* @status: @text: of the same relay */
static GVariant *
words_network_make_row (CepaConsensusFlavour flavour, const CepaRelay *relay, const CepaRouterStatus *status,
                        const CepaRouterText *text)
{
  static const guint8 none[32];
  gsize ed25519_len = memcmp (relay->ed25519_id, none, sizeof none) != 0 ? sizeof relay->ed25519_id : 0;
  const struct in_addr ipv4 = { .s_addr = htonl (relay->ipv4) };
  char fingerprint[41], address[INET_ADDRSTRLEN] = "", ipv6[INET6_ADDRSTRLEN] = "", ipv6_port[64] = "";
  GVariantDict row;

  cepa_hex_encode_to (relay->rsa_id, sizeof relay->rsa_id, fingerprint);
  inet_ntop (AF_INET, &ipv4, address, sizeof address);
  if (relay->ipv6_port != 0 && inet_ntop (AF_INET6, relay->ipv6, ipv6, sizeof ipv6) != NULL)
    g_snprintf (ipv6_port, sizeof ipv6_port, "[%s]:%u", ipv6, relay->ipv6_port);
  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "nickname", "s", relay->nickname);
  g_variant_dict_insert (&row, "fingerprint", "s", fingerprint);
  g_variant_dict_insert_value (&row, "ed25519", words_network_make_bytes (relay->ed25519_id, ed25519_len));
  g_variant_dict_insert (&row, "published", "x", text->published_s);
  g_variant_dict_insert (&row, "address", "s", address);
  g_variant_dict_insert (&row, "or-port", "q", relay->or_port);
  g_variant_dict_insert (&row, "ipv6", "s", ipv6_port);
  g_variant_dict_insert_value (&row, "flags", words_network_make_flags (text->flags));
  g_variant_dict_insert (&row, "bandwidth", "u", relay->bandwidth);
  g_variant_dict_insert_value (&row, "digest", words_network_make_bytes (status->microdesc_digest, cepa_flavour_get (flavour)->digest_len));
  g_variant_dict_insert (&row, "has-microdescriptor", "b", (relay->flags & CEPA_RELAY_HAS_KEYS) != 0);
  g_variant_dict_insert (&row, "country", "s", relay->country);
  g_variant_dict_insert (&row, "as-number", "u", relay->as_number);
  return g_variant_dict_end (&row);
}

/* ---- List ---- */

static void
words_network_input_free (WordsNetworkInput *input)
{
  cepa_consensus_unref (input->consensus);
  g_bytes_unref (input->text);
  g_free (input->relays);
  g_free (input);
}

static void
words_network_list_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data,
                           G_GNUC_UNUSED GCancellable *cancellable)
{
  const WordsNetworkInput *input = task_data;
  guint n = 0;
  const CepaRouterStatus *statuses = cepa_consensus_get_relays (input->consensus, &n);
  CepaConsensusFlavour flavour = cepa_consensus_get_flavour (input->consensus);
  GVariantBuilder out;
  GVariant *list;
  gsize offset = 0;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  for (guint row = 0; row < input->n_relays; row++)
    {
      CepaRouterText text = { 0 };

      cepa_consensus_read_text (input->consensus, input->text, row, &offset, &text);
      g_variant_builder_add_value (&out, words_network_make_row (flavour, &input->relays[row], &statuses[row], &text));
    }
  list = g_variant_ref_sink (g_variant_new ("(aa{sv})", &out));
  g_variant_get_data (list); /* one piece from then on: a tree of so many values would be freed in the loop */
  g_task_return_pointer (task, list, (GDestroyNotify) g_variant_unref);
}

static void
words_network_listed (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GVariant) relays = g_task_propagate_pointer (G_TASK (result), NULL);

  cepa_word_reply_return (user_data, relays);
}

/* Ten thousand rows are too much for the loop: a worker makes them. */
static void
words_network_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaNetwork *network = words_network_get (self);
  WordsNetworkInput *input;
  g_autoptr (GTask) task = NULL;

  if (network == NULL)
    {
      cepa_word_reply_return (reply, g_variant_new ("(@aa{sv})", g_variant_new_array (G_VARIANT_TYPE_VARDICT, NULL, 0)));
      return;
    }
  input = g_new0 (WordsNetworkInput, 1);
  input->consensus = cepa_consensus_ref (cepa_network_get_consensus (network));
  input->text = g_bytes_ref (cepa_consensus_get_text (input->consensus));
  input->n_relays = cepa_network_get_n_relays (network);
  input->relays = g_new (CepaRelay, input->n_relays);
  for (guint row = 0; row < input->n_relays; row++)
    input->relays[row] = *cepa_network_get_relay (network, row);
  task = g_task_new (NULL, NULL, words_network_listed, reply);
  g_task_set_name (task, "list of relays");
  g_task_set_task_data (task, input, (GDestroyNotify) words_network_input_free);
  g_task_run_in_thread (task, words_network_list_thread);
}

/* ---- finding one ---- */

static gint
words_network_find_nickname (const CepaNetwork *network, const char *nickname, CepaWordReply *reply)
{
  g_autofree char *shown = cepa_escape_for_log (nickname, strlen (nickname), WORDS_NETWORK_SHOWN);
  guint n_found = 0;
  gint found = -1;

  for (guint row = 0; row < cepa_network_get_n_relays (network); row++)
    if (g_ascii_strcasecmp (cepa_network_get_relay (network, row)->nickname, nickname) == 0)
      {
        found = (gint) row;
        n_found++;
      }
  if (n_found == 1)
    return found;
  if (n_found == 0)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no relay \"%s\" in the consensus", shown);
  else
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID,
                               "%u relays have the nickname \"%s\"; the fingerprint of one of them is needed", n_found,
                               shown);
  return -1;
}

/* The row of what @name asks for; -1 when there is none and @reply has been answered. @network: (nullable) */
static gint
words_network_find_row (const CepaNetwork *network, const char *name, CepaWordReply *reply)
{
  const char *hex = name[0] == '$' ? name + 1 : name;
  guint8 rsa_id[20];
  gint row;

  if (network == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no directory yet");
      return -1;
    }
  if (strlen (hex) < 40 || !cepa_hex_decode (hex, 40, rsa_id, sizeof rsa_id)
      || (hex[40] != '\0' && hex[40] != '~' && hex[40] != '='))
    return words_network_find_nickname (network, name, reply);
  row = cepa_network_find (network, rsa_id);
  if (row >= 0 && hex[40] != '\0'
      && g_ascii_strcasecmp (cepa_network_get_relay (network, (guint) row)->nickname, hex + 41) != 0)
    row = -1;
  if (row < 0)
    {
      g_autofree char *shown = cepa_escape_for_log (name, strlen (name), WORDS_NETWORK_SHOWN);

      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no relay \"%s\" in the consensus", shown);
    }
  return row;
}

static void
words_network_find (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  const char *name;
  CepaRouterText text = { 0 };
  CepaConsensus *consensus;
  gsize offset = 0;
  guint n = 0;
  gint row;

  g_variant_get (args, "(&s)", &name);
  row = words_network_find_row (words_network_get (self), name, reply);
  if (row < 0)
    return;
  consensus = cepa_network_get_consensus (words_network_get (self));
  cepa_consensus_read_text (consensus, cepa_consensus_get_text (consensus), (guint) row, &offset, &text);
  cepa_word_reply_return (
      reply, g_variant_new ("(@a{sv})",
                            words_network_make_row (cepa_consensus_get_flavour (consensus),
                                                    cepa_network_get_relay (words_network_get (self), (guint) row),
                                                    &cepa_consensus_get_relays (consensus, &n)[row], &text)));
}

/* ---- a descriptor ---- */

static void
words_network_found (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree char *text = cepa_directory_find_descriptor_finish (result), *valid = NULL;

  if (text == NULL)
    {
      cepa_word_reply_fail_with (user_data, CEPA_PLUGIN_ERROR_INVALID, "the descriptor of this relay is not here");
      return;
    }
  valid = g_utf8_make_valid (text, -1);
  cepa_word_reply_return (user_data, g_variant_new ("(s)", valid));
}

static void
words_network_find_descriptor (CepaHostVocabulary *self, CepaConsensusFlavour flavour, GVariant *args,
                               CepaWordReply *reply)
{
  CepaDirectory *directory = words_network_get_directory (self, flavour);
  const char *name;
  gint row;

  g_variant_get (args, "(&s)", &name);
  if (directory == NULL && words_network_get (self) != NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                                 "the directory in use does not have descriptors of this kind, by UseMicrodescriptors");
      return;
    }
  row = words_network_find_row (directory != NULL ? cepa_directory_get_network (directory) : NULL, name, reply);
  if (row >= 0)
    cepa_directory_find_descriptor_async (directory, (guint) row, words_network_found, reply);
}

static void
words_network_microdescriptor (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  words_network_find_descriptor (self, CEPA_CONSENSUS_MICRODESC, args, reply);
}

static void
words_network_server_descriptor (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  words_network_find_descriptor (self, CEPA_CONSENSUS_NS, args, reply);
}

static void
words_network_parameter (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaNetwork *network = words_network_get (self);
  const char *name;
  gint32 value;

  g_variant_get (args, "(&si)", &name, &value);
  if (network != NULL)
    value = cepa_consensus_get_param (cepa_network_get_consensus (network), name, value);
  cepa_word_reply_return (reply, g_variant_new ("(i)", value));
}

void
cepa_host_vocabulary_network_changed (CepaHostVocabulary *self)
{
  CepaNetwork *network = words_network_get (self);

  if (network != NULL && cepa_host_vocabulary_has_listener (self, "Network1", "Changed"))
    cepa_host_vocabulary_emit (self, "Network1", "Changed",
                               g_variant_new ("(ux)", cepa_network_get_n_relays (network),
                                              cepa_consensus_get_valid_after_s (cepa_network_get_consensus (network))));
}

void
cepa_host_vocabulary_relays_described (CepaHostVocabulary *self, const CepaNetwork *network, const GArray *rows)
{
  GVariantBuilder out;

  if (!cepa_host_vocabulary_has_listener (self, "Network1", "Described"))
    return;
  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; i < rows->len; i++)
    {
      const CepaRelay *relay = cepa_network_get_relay (network, g_array_index (rows, guint32, i));
      char fingerprint[41];

      cepa_hex_encode_to (relay->rsa_id, sizeof relay->rsa_id, fingerprint);
      g_variant_builder_add (&out, "(ss)", fingerprint, relay->nickname);
    }
  cepa_host_vocabulary_emit (self, "Network1", "Described", g_variant_new ("(a(ss))", &out));
}

static const CepaWordProperty words_network_properties[] = {
  { "ValidAfter", words_network_get_valid_after },
  { "FreshUntil", words_network_get_fresh_until },
  { "ValidUntil", words_network_get_valid_until },
  { "NRelays", words_network_get_n_relays },
  { "Descriptors", words_network_get_descriptors },
  { NULL, NULL },
};

static const CepaWordMethod words_network_methods[] = {
  { "List", words_network_list },
  { "Find", words_network_find },
  { "Microdescriptor", words_network_microdescriptor },
  { "ServerDescriptor", words_network_server_descriptor },
  { "Parameter", words_network_parameter },
  { "Country", cepa_words_country },
  { "HasCountries", cepa_words_has_countries },
  { NULL, NULL },
};

const CepaWords cepa_words_network = {
  .info = &org_cepa_network1_interface,
  .properties = words_network_properties,
  .methods = words_network_methods,
};
