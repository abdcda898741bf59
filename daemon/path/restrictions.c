/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/restrictions.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"

#define RESTRICTIONS_MAX_KEPT 16 /* exit countries whose arrays are kept */
#define RESTRICTIONS_HASH_STEP G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)

/* Of one exit country, or of none. */
typedef struct
{
  char country[4];
  guint8 *rows; /* (nullable): nothing is barred */
  guint64 id;
  guint n_exits; /* that could be last */
  guint64 used;  /* when last, in calls */
} RestrictionsEntry;

struct _CepaRestrictions
{
  CepaRestrictionsConfig config; /* with references of its own */
  gboolean is_waiting;
  void (*want) (gpointer user_data); /* (nullable) */
  gpointer want_data;
  guint64 version; /* of the network that @entries are of; 0: of none */
  GPtrArray *entries; /* (element-type RestrictionsEntry) */
  guint64 n_calls;
  gboolean has_warned[CEPA_N_PLACES]; /* that nobody is left there */
};

/* What counts for each relay, found out once. */
typedef struct
{
  const CepaRestrictionsConfig *config;
  const CepaNetwork *network;
  gboolean has_countries;
  gboolean exclude_unknown, exclude_unknown_exit;
  const char *exit_country; /* (nullable) */
} RestrictionsRules;

static void
restrictions_entry_free (gpointer data)
{
  RestrictionsEntry *self = data;

  g_free (self->rows);
  g_free (self);
}

static void
restrictions_clear_config (CepaRestrictions *self)
{
  g_clear_pointer (&self->config.exclude, cepa_node_set_unref);
  g_clear_pointer (&self->config.exclude_exit, cepa_node_set_unref);
  g_clear_pointer (&self->config.entry, cepa_node_set_unref);
  g_clear_pointer (&self->config.middle, cepa_node_set_unref);
  g_clear_pointer (&self->config.exit, cepa_node_set_unref);
  cepa_address_policy_unref ((CepaAddressPolicy *) self->config.reachability.policy);
  self->config.reachability.policy = NULL;
}

static void
restrictions_ref_set (CepaNodeSet *set)
{
  if (set != NULL)
    cepa_node_set_ref (set);
}

static gboolean
restrictions_has_countries (const CepaNodeSet *set)
{
  return set != NULL && cepa_node_set_needs_countries (set);
}

static void
restrictions_take_config (CepaRestrictions *self, const CepaRestrictionsConfig *config)
{
  self->config = *config;
  restrictions_ref_set (config->exclude);
  restrictions_ref_set (config->exclude_exit);
  restrictions_ref_set (config->entry);
  restrictions_ref_set (config->middle);
  restrictions_ref_set (config->exit);
  if (config->reachability.policy != NULL)
    cepa_address_policy_ref ((CepaAddressPolicy *) config->reachability.policy);
}

CepaRestrictions *
cepa_restrictions_new (const CepaRestrictionsConfig *config)
{
  CepaRestrictions *self = g_new0 (CepaRestrictions, 1);

  self->entries = g_ptr_array_new_with_free_func (restrictions_entry_free);
  restrictions_take_config (self, config);
  return self;
}

void
cepa_restrictions_free (CepaRestrictions *self)
{
  if (self == NULL)
    return;
  restrictions_clear_config (self);
  g_ptr_array_unref (self->entries);
  g_free (self);
}

void
cepa_restrictions_set_config (CepaRestrictions *self, const CepaRestrictionsConfig *config)
{
  CepaRestrictions old = *self;

  restrictions_take_config (self, config);
  restrictions_clear_config (&old);
  g_ptr_array_set_size (self->entries, 0);
  memset (self->has_warned, 0, sizeof self->has_warned);
}

void
cepa_restrictions_set_waiting (CepaRestrictions *self, gboolean is_waiting)
{
  self->is_waiting = is_waiting;
}

gboolean
cepa_restrictions_is_waiting (const CepaRestrictions *self)
{
  return self->is_waiting;
}

void
cepa_restrictions_set_want_countries (CepaRestrictions *self, void (*want) (gpointer user_data), gpointer user_data)
{
  self->want = want;
  self->want_data = user_data;
}

void
cepa_restrictions_want_countries (CepaRestrictions *self, const CepaNetwork *network)
{
  if (self->want != NULL && !self->is_waiting && (network == NULL || !cepa_network_has_countries (network)))
    self->want (self->want_data);
}

gboolean
cepa_restrictions_is_strict (const CepaRestrictions *self)
{
  return self->config.is_strict;
}

gboolean
cepa_restrictions_need_countries (const CepaRestrictions *self)
{
  const CepaRestrictionsConfig *config = &self->config;

  return config->exclude_unknown == 1 || restrictions_has_countries (config->exclude)
         || restrictions_has_countries (config->exclude_exit) || restrictions_has_countries (config->entry)
         || restrictions_has_countries (config->middle) || restrictions_has_countries (config->exit);
}

const CepaRestrictionsConfig *
cepa_restrictions_get_config (const CepaRestrictions *self)
{
  return &self->config;
}

/* ---- who is barred where ---- */

static gboolean
restrictions_is_in (const RestrictionsRules *rules, const CepaNodeSet *set, const CepaRelay *relay)
{
  return set != NULL && cepa_node_set_contains_relay (set, relay, rules->has_countries);
}

/* Whether there is a list of those that may, and @relay is not on it. */
static gboolean
restrictions_is_left_out (const RestrictionsRules *rules, const CepaNodeSet *set, const CepaRelay *relay)
{
  return set != NULL && !cepa_node_set_contains_relay (set, relay, rules->has_countries);
}

/* "a1" stands for proxies nobody can place in old files. */
static gboolean
restrictions_is_unknown (const RestrictionsRules *rules, const CepaRelay *relay)
{
  return rules->has_countries && (relay->country[0] == '\0' || g_str_equal (relay->country, "a1"));
}

/* Returns: a bit for each CepaPlace. */
static guint8
restrictions_judge (const RestrictionsRules *rules, const CepaRelay *relay)
{
  const CepaRestrictionsConfig *config = rules->config;
  gboolean is_unknown = restrictions_is_unknown (rules, relay);
  guint8 barred = 0;

  if (restrictions_is_in (rules, config->exclude, relay) || (is_unknown && rules->exclude_unknown))
    return 1u << CEPA_PLACE_GUARD | 1u << CEPA_PLACE_MIDDLE | 1u << CEPA_PLACE_EXIT;
  if (restrictions_is_left_out (rules, config->entry, relay)
      || cepa_reachability_choose_relay (&config->reachability, relay) == CEPA_REACH_NONE)
    barred |= 1u << CEPA_PLACE_GUARD;
  if (restrictions_is_left_out (rules, config->middle, relay))
    barred |= 1u << CEPA_PLACE_MIDDLE;
  if (restrictions_is_in (rules, config->exclude_exit, relay) || (is_unknown && rules->exclude_unknown_exit)
      || restrictions_is_left_out (rules, config->exit, relay)
      || (rules->exit_country != NULL && !g_str_equal (relay->country, rules->exit_country)))
    barred |= 1u << CEPA_PLACE_EXIT;
  return barred;
}

/* Whether the directory lets a relay stand at @place; its keys may still come. */
static gboolean
restrictions_fits (guint32 flags, CepaPlace place)
{
  const guint32 usable = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID;

  if ((flags & usable) != usable || (place != CEPA_PLACE_MIDDLE && (flags & CEPA_RELAY_MIDDLE_ONLY) != 0))
    return FALSE;
  if (place == CEPA_PLACE_GUARD)
    return (flags & CEPA_RELAY_GUARD) != 0;
  return place == CEPA_PLACE_MIDDLE || ((flags & CEPA_RELAY_EXIT) != 0 && (flags & CEPA_RELAY_BAD_EXIT) == 0);
}

static void
restrictions_warn (CepaRestrictions *self, CepaPlace place, guint n_all, guint n_left)
{
  static const char *const whom[CEPA_N_PLACES] = { "guard", "middle", "exit" };
  static const char *const options[CEPA_N_PLACES]
      = { "ExcludeNodes, EntryNodes and what is reachable (ReachableAddresses, ClientUseIPv4 and their like)",
          "ExcludeNodes and MiddleNodes", "ExcludeNodes, ExcludeExitNodes and ExitNodes" };
  gboolean is_empty = n_all > 0 && n_left == 0;

  if (is_empty && !self->has_warned[place])
    cepa_log (CEPA_LOG_CIRC, CEPA_LOG_WARN,
              "of the %u relays that could be the %s of a circuit, %s leave none: no circuit can be built", n_all,
              whom[place], options[place]);
  self->has_warned[place] = is_empty;
}

static void
restrictions_fill (CepaRestrictions *self, const RestrictionsRules *rules, RestrictionsEntry *entry)
{
  guint n = cepa_network_get_n_relays (rules->network), n_all[CEPA_N_PLACES] = { 0 }, n_left[CEPA_N_PLACES] = { 0 };
  g_autofree guint8 *rows = g_malloc0 (MAX (n, 1));
  guint64 id = 1;
  guint8 any = 0;

  for (guint row = 0; row < n; row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (rules->network, row);

      rows[row] = restrictions_judge (rules, relay);
      any |= rows[row];
      id = (id ^ rows[row]) * RESTRICTIONS_HASH_STEP;
      id ^= id >> 32;
      for (guint place = 0; place < CEPA_N_PLACES; place++)
        if (restrictions_fits (relay->flags, (CepaPlace) place))
          {
            n_all[place]++;
            n_left[place] += (rows[row] >> place & 1u) == 0;
          }
    }
  entry->n_exits = n_left[CEPA_PLACE_EXIT];
  for (guint place = 0; rules->exit_country == NULL && place < CEPA_N_PLACES; place++)
    restrictions_warn (self, (CepaPlace) place, n_all[place], n_left[place]);
  if (any == 0)
    return;
  entry->rows = g_steal_pointer (&rows);
  entry->id = MAX (id, 1);
}

static RestrictionsRules
restrictions_get_rules (const CepaRestrictions *self, const CepaNetwork *network, const char *exit_country)
{
  const CepaRestrictionsConfig *config = &self->config;
  RestrictionsRules rules = { config, network, cepa_network_has_countries (network), FALSE, FALSE, exit_country };

  rules.exclude_unknown = config->exclude_unknown == 1
                          || (config->exclude_unknown < 0 && restrictions_has_countries (config->exclude));
  rules.exclude_unknown_exit = config->exclude_unknown < 0 && restrictions_has_countries (config->exclude_exit);
  return rules;
}

/* The one whose last use is longest ago goes. */
static void
restrictions_make_room (CepaRestrictions *self)
{
  guint oldest = 0;

  if (self->entries->len < RESTRICTIONS_MAX_KEPT)
    return;
  for (guint i = 1; i < self->entries->len; i++)
    if (((RestrictionsEntry *) g_ptr_array_index (self->entries, i))->used
        < ((RestrictionsEntry *) g_ptr_array_index (self->entries, oldest))->used)
      oldest = i;
  g_ptr_array_remove_index_fast (self->entries, oldest);
}

/* @country: small letters, or empty */
static RestrictionsEntry *
restrictions_get_entry (CepaRestrictions *self, const CepaNetwork *network, const char *country)
{
  guint64 version = cepa_network_get_view (network)->version;
  RestrictionsEntry *entry = NULL;
  RestrictionsRules rules;

  if (version != self->version)
    g_ptr_array_set_size (self->entries, 0);
  self->version = version;
  for (guint i = 0; entry == NULL && i < self->entries->len; i++)
    if (g_str_equal (((RestrictionsEntry *) g_ptr_array_index (self->entries, i))->country, country))
      entry = g_ptr_array_index (self->entries, i);
  if (entry == NULL)
    {
      restrictions_make_room (self);
      entry = g_new0 (RestrictionsEntry, 1);
      g_strlcpy (entry->country, country, sizeof entry->country);
      rules = restrictions_get_rules (self, network, country[0] != '\0' ? entry->country : NULL);
      restrictions_fill (self, &rules, entry);
      g_ptr_array_add (self->entries, entry);
    }
  entry->used = ++self->n_calls;
  return entry;
}

/* Writes @exit_country in small letters. */
static gboolean
restrictions_check_country (const CepaNetwork *network, const char *exit_country, char out[4], GError **error)
{
  if (strlen (exit_country) != 2 || !g_ascii_isalpha (exit_country[0]) || !g_ascii_isalnum (exit_country[1]))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "an exit's country is two letters, as \"de\"");
      return FALSE;
    }
  if (!cepa_network_has_countries (network))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                           "the countries of relays are not known, for there is no GeoIPFile that could be read");
      return FALSE;
    }
  out[0] = g_ascii_tolower (exit_country[0]);
  out[1] = g_ascii_tolower (exit_country[1]);
  return TRUE;
}

static gboolean
restrictions_must_wait (const CepaRestrictions *self, const char *exit_country)
{
  return self->is_waiting && (exit_country != NULL || cepa_restrictions_need_countries (self));
}

gboolean
cepa_restrictions_get (CepaRestrictions *self, const CepaNetwork *network, const char *exit_country,
                       CepaBarred *barred, GError **error)
{
  const RestrictionsEntry *entry;
  char country[4] = { 0 };

  if (exit_country != NULL)
    cepa_restrictions_want_countries (self, network);
  if (restrictions_must_wait (self, exit_country))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "the countries of relays are being read");
      return FALSE;
    }
  if (exit_country != NULL && !restrictions_check_country (network, exit_country, country, error))
    return FALSE;
  entry = restrictions_get_entry (self, network, country);
  if (exit_country != NULL && entry->n_exits == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "no exit that may be used is in {%s}", country);
      return FALSE;
    }
  *barred = (CepaBarred) { entry->rows, entry->id };
  return TRUE;
}

gboolean
cepa_restrictions_allows (CepaRestrictions *self, const CepaNetwork *network, guint row, CepaPlace place)
{
  const RestrictionsEntry *entry;

  if (restrictions_must_wait (self, NULL))
    return FALSE;
  entry = restrictions_get_entry (self, network, "");
  return entry->rows == NULL || (entry->rows[row] >> place & 1u) == 0;
}

gboolean
cepa_restrictions_allows_server (const CepaRestrictions *self, const CepaRelay *relay, gboolean has_countries,
                                 gboolean even_excluded)
{
  const CepaRestrictionsConfig *config = &self->config;

  if (cepa_reachability_choose_relay (&config->reachability, relay) == CEPA_REACH_NONE)
    return FALSE;
  if (even_excluded && !config->is_strict)
    return TRUE;
  return config->exclude == NULL || !cepa_node_set_contains_relay (config->exclude, relay, has_countries);
}
