/* SPDX-License-Identifier: BSD-3-Clause */
/* Thousands of events in any order, over months: what must hold always does, and the same seed gives the same guards. */
#include "path/guard-script.h"

#include <string.h>

#define N_RELAYS 120
#define N_EVENTS 2000
#define N_SEEDS 3
#define LAST_S (TEST_CONSENSUS_VALID_AFTER_S + 200 * G_GINT64_CONSTANT (86400)) /* the authority's certificate ends then */

typedef struct
{
  GuardScript *script;
  guint n_sampled, n_primary, n_confirmed;
  guint8 primary[16], confirmed[GUARD_SCRIPT_MAX_RELAYS]; /* how often each index was there */
} Count;

static void
check_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  Count *count = user_data;
  gint64 now_s = count->script->clock.wall_s;

  g_assert_cmpint (guard->sampled_on_s, >, 0);
  g_assert_cmpint (guard->sampled_on_s, <=, now_s);
  g_assert_cmpint (guard->confirmed_on_s, <=, now_s);
  g_assert_cmpint (guard->unlisted_since_s, <=, now_s);
  g_assert_cmpint (guard->failing_since_s, <=, now_s);
  g_assert_cmpint (guard->is_listed, ==, guard->unlisted_since_s == 0);
  g_assert_cmpint (guard->confirmed_index >= 0, ==, guard->confirmed_on_s > 0);
  if (guard->reachable == CEPA_GUARD_UP)
    g_assert_cmpint (guard->confirmed_index, >=, 0);
  if (!guard->is_current)
    return;
  count->n_sampled++;
  if (guard->primary_index >= 0)
    {
      g_assert_true (guard->is_filtered);
      g_assert_true (guard->is_listed);
      g_assert_cmpint (guard->primary_index, <, 3);
      count->primary[guard->primary_index]++;
      count->n_primary++;
    }
  if (guard->confirmed_index >= 0)
    {
      count->confirmed[guard->confirmed_index]++;
      count->n_confirmed++;
    }
  for (guint i = 0; i < CEPA_N_PATH_BIAS_STAGES; i++)
    g_assert_cmpuint (guard->path_bias.open[i], <=, G_N_ELEMENTS (count->script->tickets));
}

static void
check_all (GuardScript *script)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint8 seen[N_RELAYS] = { 0 };
  Count count = { .script = script };

  cepa_guards_foreach (script->guards, check_guard, &count);
  g_assert_cmpuint (count.n_sampled, <=, 20);
  for (guint i = 0; i < count.n_primary; i++)
    g_assert_cmpuint (count.primary[i], ==, 1);
  for (guint i = 0; i < count.n_confirmed; i++)
    g_assert_cmpuint (count.confirmed[i], ==, 1);
  g_assert_true (cepa_guards_list_candidates (script->guards, CEPA_GUARD_DATA, NULL, rows));
  g_assert_cmpuint (rows->len, <=, count.n_sampled);
  for (guint i = 0; i < rows->len; i++)
    {
      guint32 row = g_array_index (rows, guint32, i);

      g_assert_cmpuint (row, <, cepa_network_get_n_relays (script->network));
      g_assert_cmpuint (seen[row]++, ==, 0);
      g_assert_cmpuint (cepa_network_get_relay (script->network, row)->flags & CEPA_RELAY_GUARD, !=, 0);
    }
}

static void
random_told (gpointer user_data, CepaGuardTicket *ticket, CepaGuardVerdict verdict)
{
  GuardScript *script = user_data;

  g_assert_cmpint (verdict, !=, CEPA_GUARD_WAIT);
  for (guint i = 0; i < G_N_ELEMENTS (script->tickets); i++)
    if (script->tickets[i] == ticket && (verdict == CEPA_GUARD_DROP || i % 2 == 0))
      g_clear_pointer (&script->tickets[i], cepa_guard_ticket_free);
}

static void
random_attempt (GuardScript *script, CepaRandom *random, CepaGuardTicket **ticket)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, 20);
  guint8 exit_id[20];
  CepaGuardRestriction restriction = { .exit_id = exit_id };
  gboolean is_restricted = cepa_random_below (random, 2) == 0;

  test_relay_id (100 + (guint) cepa_random_below (random, 20), exit_id);
  g_assert_true (cepa_guards_list_identities (script->guards, CEPA_GUARD_DATA, is_restricted ? &restriction : NULL, ids));
  if (ids->len > 0)
    *ticket = cepa_guards_attempt (script->guards,
                                   (const guint8 *) ids->data
                                     + 20 * cepa_random_below (random, MIN (ids->len, 1 + cepa_random_below (random, 6))),
                                   CEPA_GUARD_DATA, is_restricted ? &restriction : NULL, random_told, script);
}

static void
random_ticket (GuardScript *script, CepaRandom *random)
{
  CepaGuardTicket **ticket = &script->tickets[cepa_random_below (random, G_N_ELEMENTS (script->tickets))];

  if (*ticket == NULL)
    {
      random_attempt (script, random, ticket);
      return;
    }
  switch (cepa_random_below (random, 8))
    {
    case 0:
      cepa_guard_ticket_failed (*ticket);
      break;
    case 1:
      cepa_guard_ticket_first_hop_built (*ticket);
      break;
    case 2:
      cepa_guard_ticket_used (*ticket);
      break;
    case 3:
      cepa_guard_ticket_use_succeeded (*ticket);
      break;
    case 4:
      cepa_guard_ticket_closed (*ticket, cepa_random_below (random, 2) == 0);
      break;
    case 5:
      g_clear_pointer (ticket, cepa_guard_ticket_free);
      break;
    default:
      cepa_guard_ticket_succeeded (*ticket);
    }
}

static void
random_event (GuardScript *script, CepaRandom *random)
{
  guint relay = (guint) cepa_random_below (random, N_RELAYS);
  guint what = (guint) cepa_random_below (random, 100);
  gint64 due_us;

  if (what < 80)
    random_ticket (script, random);
  else if (what < 85)
    guard_script_pass (script, (gint64) cepa_random_below (random, 7200));
  else if (what < 88)
    script->relays[relay].is_absent = !script->relays[relay].is_absent;
  else if (what < 90)
    script->barred[relay] = script->barred[relay] != 0 ? 0 : 1 << CEPA_PLACE_GUARD;
  else if (what < 91)
    script->relays[relay].flags ^= CEPA_RELAY_STABLE;
  else if (what < 95 && script->clock.wall_s < LAST_S)
    {
      guard_script_pass (script, (gint64) cepa_random_below (random, 3 * 86400));
      guard_script_publish (script);
    }
  else if (what < 96 && script->clock.wall_s < LAST_S)
    guard_script_restart (script);
  due_us = cepa_guards_update (script->guards);
  g_assert_true (due_us == -1 || due_us > script->clock.monotonic_us);
}

static GVariant *
run_seed (guint64 seed)
{
  CepaRandomSeeded random;
  GuardScript script;
  GVariant *kept;

  cepa_random_seeded_init (&random, seed);
  guard_script_init (&script, N_RELAYS, 90, seed);
  guard_script_publish (&script);
  for (guint i = 0; i < N_EVENTS; i++)
    {
      random_event (&script, &random.random);
      check_all (&script);
    }
  kept = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
  guard_script_clear (&script);
  return kept;
}

static void
test_random (void)
{
  for (guint64 seed = 1; seed <= N_SEEDS; seed++)
    g_variant_unref (run_seed (seed));
}

static void
test_same (void)
{
  g_autoptr (GVariant) first = run_seed (77), second = run_seed (77), other = run_seed (78);

  g_assert_true (g_variant_equal (first, second));
  g_assert_false (g_variant_equal (first, other));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/path/guards-random/invariants", test_random);
  g_test_add_func ("/path/guards-random/same-seed", test_same);
  return g_test_run ();
}
