/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/guard-script.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SHOWN 5

static const CepaGuardsFuncs script_funcs;

void
guard_script_init (GuardScript *self, guint n_relays, guint n_guards, guint64 seed)
{
  memset (self, 0, sizeof *self);
  g_assert_cmpuint (n_relays, <=, GUARD_SCRIPT_MAX_RELAYS);
  cepa_clock_fake_init (&self->clock, G_USEC_PER_SEC, TEST_CONSENSUS_VALID_AFTER_S);
  cepa_random_seeded_init (&self->random, seed);
  cepa_guards_config_init (&self->config);
  for (guint i = 0; i < n_relays; i++)
    self->relays[i] = (TestRelay) {
      .flags = TEST_RELAY_FLAGS | (i < n_guards ? (guint32) CEPA_RELAY_GUARD : (guint32) CEPA_RELAY_EXIT),
      .bandwidth = 1000,
      .ipv4 = 0x01000001u + (i << 16),
    };
  self->spec.relays = self->relays;
  self->spec.n_relays = n_relays;
  self->told = g_string_new (NULL);
  self->events = g_string_new (NULL);
  self->guards = cepa_guards_new (&self->clock.clock, &self->random.random, &self->config);
  cepa_guards_set_funcs (self->guards, &script_funcs, self);
}

void
guard_script_clear (GuardScript *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->tickets); i++)
    cepa_guard_ticket_free (self->tickets[i]);
  cepa_guards_free (self->guards);
  g_clear_pointer (&self->network, cepa_network_unref);
  g_string_free (self->told, TRUE);
  g_string_free (self->events, TRUE);
}

char
guard_script_letter (const GuardScript *self, const guint8 *rsa_id)
{
  for (guint i = 0; i < self->n_letters; i++)
    if (memcmp (self->letters[i], rsa_id, 20) == 0)
      return LETTERS[i];
  return '?';
}

static const guint8 *
script_id (const GuardScript *self, char letter)
{
  const char *at = strchr (LETTERS, letter);

  g_assert_true (letter != '\0' && at != NULL && at - LETTERS < (gssize) self->n_letters);
  return self->letters[at - LETTERS];
}

static guint
script_relay (const GuardScript *self, char letter)
{
  const guint8 *id = script_id (self, letter);
  guint8 other[20];
  guint i = 0;

  for (test_relay_id (i, other); memcmp (id, other, 20) != 0; test_relay_id (i, other))
    g_assert_cmpuint (++i, <, self->spec.n_relays);
  return i;
}

static void
script_name_one (gpointer user_data, const CepaGuardInfo *guard)
{
  GuardScript *self = user_data;

  if (guard->is_current && self->n_letters < 52 && guard_script_letter (self, guard->rsa_id) == '?')
    memcpy (self->letters[self->n_letters++], guard->rsa_id, 20);
}

void
guard_script_name (GuardScript *self)
{
  cepa_guards_foreach (self->guards, script_name_one, self);
}

static void
script_changed (gpointer user_data)
{
  ((GuardScript *) user_data)->n_changes++;
}

static void
script_event (gpointer user_data, CepaGuardEvent event, const CepaGuardInfo *guard)
{
  GuardScript *self = user_data;

  g_string_append_printf (self->events, "%c%c", "+^v!=-"[event], guard_script_letter (self, guard->rsa_id));
}

static void
script_switched (gpointer user_data)
{
  g_string_append_c (((GuardScript *) user_data)->events, '*');
}

static const CepaGuardsFuncs script_funcs = { script_changed, script_event, script_switched };

void
guard_script_publish (GuardScript *self)
{
  guint8 *barred = g_malloc0 (self->spec.n_relays);

  self->spec.valid_after_s = self->clock.wall_s - self->clock.wall_s % 3600;
  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = test_consensus_make_network (&self->spec);
  for (guint i = 0; i < self->spec.n_relays; i++)
    {
      guint8 id[20];
      gint row;

      test_relay_id (i, id);
      row = cepa_network_find (self->network, id);
      if (row >= 0)
        barred[row] = self->barred[i];
    }
  cepa_guards_set_network (self->guards, self->network, barred);
  g_free (barred);
  guard_script_name (self);
}

void
guard_script_pass (GuardScript *self, gint64 seconds)
{
  self->clock.wall_s += seconds;
  self->clock.monotonic_us += seconds * G_USEC_PER_SEC;
}

void
guard_script_restart (GuardScript *self)
{
  g_autoptr (GVariant) kept = g_variant_ref_sink (cepa_guards_to_variant (self->guards));
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (self->tickets); i++)
    g_clear_pointer (&self->tickets[i], cepa_guard_ticket_free);
  cepa_guards_free (self->guards);
  self->guards = cepa_guards_new (&self->clock.clock, &self->random.random, &self->config);
  cepa_guards_set_funcs (self->guards, &script_funcs, self);
  g_assert_true (cepa_guards_from_variant (self->guards, kept, &error));
  g_assert_no_error (error);
  guard_script_publish (self);
}

/* ---- steps ---- */

typedef struct
{
  GuardScript *script;
  char kind;
  char found[GUARD_SCRIPT_MAX_RELAYS + 1];
  guint n;
} Listing;

static void
script_list_one (gpointer user_data, const CepaGuardInfo *guard)
{
  Listing *listing = user_data;
  char letter = guard_script_letter (listing->script, guard->rsa_id);

  if (!guard->is_current)
    return;
  if (listing->kind == 'p' && guard->primary_index >= 0)
    listing->found[guard->primary_index] = letter;
  else if (listing->kind == 'c' && guard->confirmed_index >= 0)
    listing->found[guard->confirmed_index] = letter;
  else if (listing->kind == 's' || (listing->kind == 'u' && guard->is_filtered && guard->reachable != CEPA_GUARD_DOWN))
    listing->found[listing->n++] = letter;
}

static char *
script_list_set (GuardScript *self, char kind)
{
  Listing listing = { .script = self, .kind = kind };

  cepa_guards_foreach (self->guards, script_list_one, &listing);
  return g_strdup (listing.found);
}

/* "@7" and "-AB" at the end of a step. */
static void
script_restrict (GuardScript *self, const char *word, CepaGuardRestriction *restriction, guint8 exit_id[20],
                 guint8 (*outdated)[20])
{
  memset (restriction, 0, sizeof *restriction);
  if (word == NULL)
    return;
  if (word[0] == '@')
    {
      test_relay_id ((guint) atoi (word + 1), exit_id);
      restriction->exit_id = exit_id;
      return;
    }
  g_assert_cmpint (word[0], ==, '-');
  for (word++; *word != '\0'; word++)
    memcpy (outdated[restriction->n_outdated++], script_id (self, *word), 20);
  restriction->outdated = (const guint8 (*)[20]) outdated;
}

static char *
script_list_candidates (GuardScript *self, CepaGuardKind kind, const char *word)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, 20);
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  CepaGuardRestriction restriction;
  guint8 exit_id[20], outdated[52][20];
  GString *out = g_string_new (NULL);

  script_restrict (self, word, &restriction, exit_id, outdated);
  if (!cepa_guards_list_identities (self->guards, kind, &restriction, ids))
    return g_string_free (g_string_assign (out, "none"), FALSE);
  for (guint i = 0; i < ids->len && i < SHOWN; i++)
    g_string_append_c (out, guard_script_letter (self, (const guint8 *) ids->data + 20 * i));
  if (ids->len > 0 && cepa_guards_get_selection (self->guards) != CEPA_GUARDS_BRIDGES && self->config.n_entry_guards == 0
      && kind == CEPA_GUARD_DATA)
    {
      g_assert_true (cepa_guards_list_candidates (self->guards, kind, &restriction, rows));
      g_assert_cmpuint (rows->len, ==, ids->len);
      for (guint i = 0; i < rows->len; i++)
        g_assert_cmpmem (cepa_network_get_relay (self->network, g_array_index (rows, guint32, i))->rsa_id, 20,
                         ids->data + 20 * i, 20);
    }
  return g_string_free (out, FALSE);
}

static void
script_told (gpointer user_data, CepaGuardTicket *ticket, CepaGuardVerdict verdict)
{
  GuardScript *self = user_data;
  guint i = 0;

  while (self->tickets[i] != ticket)
    g_assert_cmpuint (++i, <, G_N_ELEMENTS (self->tickets));
  g_string_append_printf (self->told, "%u%s ", i, verdict == CEPA_GUARD_USE ? "use" : "drop");
}

static char *
script_try (GuardScript *self, CepaGuardKind kind, char **words)
{
  CepaGuardTicket **ticket = &self->tickets[words[2][0] - '0'];
  CepaGuardRestriction restriction;
  guint8 exit_id[20], outdated[52][20];

  script_restrict (self, words[3], &restriction, exit_id, outdated);
  g_assert_null (*ticket);
  *ticket = cepa_guards_attempt (self->guards, script_id (self, words[1][0]), kind, &restriction, script_told, self);
  if (*ticket == NULL)
    return g_strdup ("none");
  return g_strdup (cepa_guard_ticket_is_usable_on_completion (*ticket) ? "now" : "wait");
}

static char *
script_update (GuardScript *self)
{
  gint64 due_us;

  g_string_truncate (self->told, 0);
  due_us = cepa_guards_update (self->guards);
  if (due_us >= 0)
    g_string_append_printf (self->told, "+%" G_GINT64_FORMAT, (due_us - self->clock.monotonic_us) / G_USEC_PER_SEC);
  return g_strdup (g_strchomp (self->told->str));
}

static void
script_change_relays (GuardScript *self, const char *verb, const char *letters)
{
  for (; *letters != '\0'; letters++)
    {
      guint relay = script_relay (self, *letters);

      if (strcmp (verb, "gone") == 0 || strcmp (verb, "back") == 0)
        self->relays[relay].is_absent = verb[0] == 'g';
      else
        self->barred[relay] = verb[0] == 'b' ? 1 << CEPA_PLACE_GUARD : 0;
    }
}

/* Steps that have something to show. Returns: (nullable) (transfer full) */
static char *
script_look (GuardScript *self, char **words)
{
  static const char *const verdicts[] = { "use", "wait", "drop" };
  const char *verb = words[0];
  char *text;

  if (strcmp (verb, "sample") == 0 || strcmp (verb, "primary") == 0 || strcmp (verb, "confirmed") == 0
      || strcmp (verb, "usable") == 0)
    return script_list_set (self, verb[0]);
  if (strcmp (verb, "size") == 0)
    {
      g_autofree char *sample = script_list_set (self, 's');

      return g_strdup_printf ("%" G_GSIZE_FORMAT, strlen (sample));
    }
  if (strcmp (verb, "list") == 0 || strcmp (verb, "listdir") == 0)
    return script_list_candidates (self, verb[4] == 'd' ? CEPA_GUARD_DIRECTORY : CEPA_GUARD_DATA, words[1]);
  if (strcmp (verb, "try") == 0 || strcmp (verb, "trydir") == 0)
    return script_try (self, verb[3] == 'd' ? CEPA_GUARD_DIRECTORY : CEPA_GUARD_DATA, words);
  if (strcmp (verb, "built") == 0)
    return g_strdup (verdicts[cepa_guard_ticket_succeeded (self->tickets[words[1][0] - '0'])]);
  if (strcmp (verb, "update") == 0)
    return script_update (self);
  if (strcmp (verb, "set") == 0)
    return g_strdup (cepa_guards_selection_to_string (cepa_guards_get_selection (self->guards)));
  if (strcmp (verb, "events") != 0)
    return NULL;
  text = g_strdup (self->events->str);
  g_string_truncate (self->events, 0);
  return text;
}

static void
script_do (GuardScript *self, char **words)
{
  const char *verb = words[0];

  if (strcmp (verb, "failed") == 0)
    cepa_guard_ticket_failed (self->tickets[words[1][0] - '0']);
  else if (strcmp (verb, "close") == 0)
    g_clear_pointer (&self->tickets[words[1][0] - '0'], cepa_guard_ticket_free);
  else if (strcmp (verb, "wait") == 0)
    guard_script_pass (self, atoi (words[1]));
  else if (strcmp (verb, "keep") == 0)
    guard_script_restart (self);
  else if (strcmp (verb, "barfrom") == 0)
    for (guint i = 0; i < self->spec.n_relays; i++)
      self->barred[i] = i >= (guint) atoi (words[1]) ? 1 << CEPA_PLACE_GUARD : 0;
  else if (strcmp (verb, "day") == 0)
    {
      guard_script_pass (self, 86400 * (gint64) atoi (words[1]));
      guard_script_publish (self);
    }
  else if (strcmp (verb, "consensus") == 0)
    guard_script_publish (self);
  else
    script_change_relays (self, verb, words[1]);
}

void
guard_script_run (GuardScript *self, const GuardStep *steps, guint n_steps)
{
  for (guint i = 0; i < n_steps; i++)
    {
      g_auto (GStrv) words = g_strsplit (steps[i].step, " ", -1);
      g_autofree char *seen = script_look (self, words);
      g_autofree char *line = NULL, *wanted = NULL;

      if (seen == NULL)
        script_do (self, words);
      if (steps[i].expected == NULL)
        continue;
      line = g_strdup_printf ("%u %s: %s", i + 1, steps[i].step, seen);
      wanted = g_strdup_printf ("%u %s: %s", i + 1, steps[i].step, steps[i].expected);
      g_assert_cmpstr (line, ==, wanted);
    }
}

void
guard_scenario_run (gconstpointer data)
{
  const GuardScenario *scenario = data;
  GuardScript script;

  guard_script_init (&script, scenario->n_relays, scenario->n_guards, 1);
  script.spec.params = scenario->params;
  guard_script_publish (&script);
  guard_script_run (&script, scenario->steps, scenario->n_steps);
  guard_script_clear (&script);
}
