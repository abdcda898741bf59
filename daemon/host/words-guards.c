/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards1. */
#include <cepa/types.h>
#include <vocabulary-info.h>

#include "base/encoding.h"
#include "host/words.h"

#define WORDS_GUARDS_DAY_S 86400

/* C Tor's words of GETINFO entry-guards, and since when (0: not said). */
static const char *
words_guards_state (const CepaGuardInfo *guard, gint64 *since_s)
{
  *since_s = 0;
  if (guard->confirmed_index < 0)
    return "never-connected";
  if (!guard->is_listed)
    {
      *since_s = guard->unlisted_since_s;
      return "unusable";
    }
  if (!guard->is_filtered)
    return "unusable";
  if (guard->reachable == CEPA_GUARD_DOWN)
    {
      *since_s = guard->failing_since_s;
      return "down";
    }
  return "up";
}

/* Dates that are put back by chance say no more by their hours. */
static void
words_guards_insert_day (GVariantDict *row, const char *name, gint64 date_s)
{
  g_variant_dict_insert (row, name, "x", date_s - date_s % WORDS_GUARDS_DAY_S);
}

static GVariant *
words_guards_path_bias (const CepaPathBias *bias)
{
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sd}"));
  g_variant_builder_add (&out, "{sd}", "circuits-attempted", bias->circ_attempts);
  g_variant_builder_add (&out, "{sd}", "circuits-built", bias->circ_successes);
  g_variant_builder_add (&out, "{sd}", "circuits-closed", bias->circuits_closed);
  g_variant_builder_add (&out, "{sd}", "circuits-collapsed", bias->collapsed_circuits);
  g_variant_builder_add (&out, "{sd}", "circuits-unusable", bias->unusable_circuits);
  g_variant_builder_add (&out, "{sd}", "circuits-timed-out", bias->timeouts);
  g_variant_builder_add (&out, "{sd}", "uses-attempted", bias->use_attempts);
  g_variant_builder_add (&out, "{sd}", "uses-succeeded", bias->use_successes);
  return g_variant_builder_end (&out);
}

static GVariant *
words_guards_row (const CepaGuardInfo *guard)
{
  static const char *const reachable[]
    = { [CEPA_GUARD_MAYBE] = "maybe", [CEPA_GUARD_UP] = "up", [CEPA_GUARD_DOWN] = "down" };
  char fingerprint[41];
  GVariantDict row;
  gint64 since_s;
  const char *state = words_guards_state (guard, &since_s);

  cepa_hex_encode_to (guard->rsa_id, sizeof guard->rsa_id, fingerprint);
  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "fingerprint", "s", fingerprint);
  g_variant_dict_insert (&row, "nickname", "s", guard->nickname);
  g_variant_dict_insert (&row, "bridge-address", "s", guard->bridge_address);
  g_variant_dict_insert (&row, "selection", "s", cepa_guards_selection_to_string (guard->selection));
  g_variant_dict_insert (&row, "is-current", "b", guard->is_current);
  g_variant_dict_insert (&row, "state", "s", state);
  g_variant_dict_insert (&row, "since", "x", since_s);
  g_variant_dict_insert (&row, "reachable", "s", reachable[guard->reachable]);
  g_variant_dict_insert (&row, "is-listed", "b", guard->is_listed);
  g_variant_dict_insert (&row, "is-allowed", "b", guard->is_filtered);
  g_variant_dict_insert (&row, "primary", "i", (gint32) guard->primary_index);
  g_variant_dict_insert (&row, "confirmed", "i", (gint32) guard->confirmed_index);
  words_guards_insert_day (&row, "sampled-on", guard->sampled_on_s);
  words_guards_insert_day (&row, "confirmed-on", guard->confirmed_on_s);
  words_guards_insert_day (&row, "unlisted-since", guard->unlisted_since_s);
  g_variant_dict_insert_value (&row, "path-bias", words_guards_path_bias (&guard->path_bias));
  return g_variant_dict_end (&row);
}

static void
words_guards_add (gpointer user_data, const CepaGuardInfo *guard)
{
  g_variant_builder_add_value (user_data, words_guards_row (guard));
}

static void
words_guards_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaGuards *guards = cepa_words_get_client (self)->guards;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  if (guards != NULL)
    cepa_guards_foreach (guards, words_guards_add, &out);
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &out));
}

static void
words_guards_drop (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaGuards *guards = cepa_words_get_client (self)->guards;

  if (guards == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  cepa_guards_drop_all (guards);
  cepa_word_reply_return (reply, NULL);
}

static GVariant *
words_guards_get_selection (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaGuards *guards = cepa_words_get_client (self)->guards;

  return g_variant_new_string (guards != NULL ? cepa_guards_selection_to_string (cepa_guards_get_selection (guards)) : "");
}

void
cepa_host_vocabulary_guard_event (CepaHostVocabulary *self, CepaGuardEvent event, const CepaGuardInfo *guard)
{
  g_autofree char *name = NULL;

  if (!cepa_host_vocabulary_has_listener (self, "Guards1", "Changed"))
    return;
  name = g_ascii_strdown (cepa_guard_event_to_string (event), -1);
  cepa_host_vocabulary_emit (self, "Guards1", "Changed", g_variant_new ("(s@a{sv})", name, words_guards_row (guard)));
}

void
cepa_words_vanguard_changed (gpointer user_data, const guint8 rsa_id[20], gboolean is_good)
{
  CepaHostVocabulary *self = user_data;
  CepaDirectory *directory = cepa_words_get_client (self)->directory;
  const CepaNetwork *network = directory != NULL ? cepa_directory_get_network (directory) : NULL;
  gint row = network != NULL ? cepa_network_find (network, rsa_id) : -1;
  char fingerprint[41];
  GVariantDict vanguard;

  if (!cepa_host_vocabulary_has_listener (self, "Guards1", "Changed"))
    return;
  cepa_hex_encode_to (rsa_id, 20, fingerprint);
  g_variant_dict_init (&vanguard, NULL);
  g_variant_dict_insert (&vanguard, "fingerprint", "s", fingerprint);
  g_variant_dict_insert (&vanguard, "nickname", "s",
                         row >= 0 ? cepa_network_get_relay (network, (guint) row)->nickname : "");
  cepa_host_vocabulary_emit (self, "Guards1", "Changed",
                             g_variant_new ("(s@a{sv})", is_good ? "good-l2" : "bad-l2", g_variant_dict_end (&vanguard)));
}

static const CepaWordMethod words_guards_methods[] = {
  { "List", words_guards_list },
  { "Drop", words_guards_drop },
  { NULL, NULL },
};

static const CepaWordProperty words_guards_properties[] = {
  { "Selection", words_guards_get_selection },
  { NULL, NULL },
};

const CepaWords cepa_words_guards = {
  .info = &org_cepa_guards1_interface,
  .properties = words_guards_properties,
  .methods = words_guards_methods,
};
