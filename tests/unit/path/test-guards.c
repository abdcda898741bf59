/* SPDX-License-Identifier: BSD-3-Clause */
/* Which guards are kept, in the situations that guard-spec names: sampling, primary and confirmed guards, time, the user's
   restrictions, bridges. What circuits make of them is in test-guards-circuits.c. */
#include "path/guard-script.h"

#include <string.h>

/* guard-spec 4.1, 4.2: twenty that may be reachable; more only while these fail; a fifth of all at most. */
static const GuardStep sampling_steps[] = {
  { "size", "20" },
  { "sample", "ABCDEFGHIJKLMNOPQRST" },
  { "primary", "ABC" },
  { "confirmed", "" },
  { "set", "default" },
  { "events", "+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?" },
  { "consensus" },
  { "size", "20" }, /* nobody has failed: nobody is added */
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "list", "BCDEF" },
  { "size", "21" },
  { "bar BCDEFGHIJK" }, { "consensus" },
  { "size", "31" },
  { "bar LMNOPQRSTUVWXYZ" }, { "consensus" },
  { "size", "40" }, /* a fifth of 200, whatever the filter leaves */
  { "unbar BCDEFGHIJKLMNOPQRSTUVWXYZ" }, { "consensus" },
  { "size", "40" },
  { "primary", "Aab" }, /* who was primary before stays so, until others are confirmed */
};
static const GuardScenario sampling = GUARD_SCENARIO (300, 200, NULL, sampling_steps);

static const GuardStep cap_steps[] = {
  { "size", "20" },
  { "bar ABCDEFGHIJKLMNOPQRST" }, { "consensus" },
  { "size", "25" },
};
static const GuardScenario cap = GUARD_SCENARIO (400, 300, "guard-max-sample-size=25", cap_steps);

/* Never fewer than the smallest useful sample, though a fifth of the network is less. */
static const GuardStep small_steps[] = {
  { "size", "20" },
  { "bar ABCDEFGHIJKLMNOPQRST" }, { "consensus" },
  { "size", "20" },
};
static const GuardScenario small = GUARD_SCENARIO (60, 40, NULL, small_steps);

static const GuardStep tiny_steps[] = {
  { "size", "4" }, { "primary", "ABC" }, { "list", "ABCD" }, { "list", "ABCD" },
};
static const GuardScenario tiny = GUARD_SCENARIO (9, 4, NULL, tiny_steps);

static const GuardStep params_steps[] = {
  { "size", "7" }, { "primary", "ABCDE" },
};
static const GuardScenario params
  = GUARD_SCENARIO (100, 80, "guard-min-filtered-sample-size=7 guard-n-primary-guards=5", params_steps);

/* guard-spec 4.3, 4.4: confirmed guards come first, in the order of sampling (proposal 310). */
static const GuardStep confirm_steps[] = {
  { "primary", "ABC" },
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "try B 1", "now" }, { "failed 1" }, { "close 1" },
  { "try C 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "confirmed", "C" },
  { "primary", "ABC" },
  { "try B 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "confirmed", "CB" }, /* in the order of confirmation */
  { "primary", "ABC" },
  { "keep" },
  { "confirmed", "CB" },
  { "primary", "ABC" },
  { "list", "ABCDE" },
};
static const GuardScenario confirm = GUARD_SCENARIO (150, 100, NULL, confirm_steps);

/* A guard that is confirmed without being primary takes the place of one that is not confirmed. */
static const GuardStep replace_steps[] = {
  { "try A 1", "now" }, { "built 1", "use" },
  { "try B 2", "now" }, { "failed 2" }, { "close 2" },
  { "try C 2", "now" }, { "failed 2" }, { "close 2" },
  { "try H 3", "wait" },
  { "built 3", "use" }, /* it is primary by now */
  { "primary", "ABH" },
  { "confirmed", "AH" },
  { "keep" },
  { "primary", "ABH" },
};
static const GuardScenario replace = GUARD_SCENARIO (150, 100, NULL, replace_steps);

/* The choice stays over restarts, and is the same after months. */
static const GuardStep stable_steps[] = {
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "keep" }, { "sample", "ABCDEFGHIJKLMNOPQRST" }, { "primary", "ABC" },
  { "day 10" }, { "keep" }, { "primary", "ABC" },
  { "day 20" }, { "keep" }, { "primary", "ABC" }, { "confirmed", "A" },
  { "day 17" }, { "keep" }, { "primary", "ABC" }, { "confirmed", "A" },
  { "size", "20" },
};
static const GuardScenario stable = GUARD_SCENARIO (150, 100, NULL, stable_steps);

/* guard-spec 4.1: relays leave the consensus and return; after 20 days (the date is put back by up to 4) they are gone. */
static const GuardStep unlisted_steps[] = {
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "events", "+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?+?^A" },
  { "gone A" }, { "consensus" },
  { "events", "!A" }, /* the sample is as large as it may be */
  { "primary", "BCD" },
  { "list", "BCDEF" },
  { "try A 1", "none" },
  { "keep" },
  { "primary", "BCD" },
  { "day 15" },
  { "back A" }, { "consensus" },
  { "events", "!A=A" },
  { "primary", "ABC" },
  { "confirmed", "A" },
  { "gone A" }, { "consensus" }, { "day 15" },
  { "confirmed", "A" },
  { "day 6" },
  { "confirmed", "" },
  { "events", "!A-A+?" }, /* there is room for another now */
  { "back A" }, { "consensus" },
  { "confirmed", "" },
  { "primary", "BCD" },
};
static const GuardScenario unlisted = GUARD_SCENARIO (150, 100, NULL, unlisted_steps);

/* Losing a flag that guards must have is as good as being gone. */
static void
test_flags (void)
{
  static const guint32 flags[] = { CEPA_RELAY_GUARD, CEPA_RELAY_STABLE, CEPA_RELAY_FAST, CEPA_RELAY_V2DIR };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      static const GuardStep steps[] = { { "primary", "BCD" }, { "try A 1", "none" } };
      GuardScript script;
      guint8 id[20];

      guard_script_init (&script, 150, 100, 3);
      guard_script_publish (&script);
      for (guint relay = 0; relay < 100; relay++)
        {
          test_relay_id (relay, id);
          if (guard_script_letter (&script, id) == 'A')
            script.relays[relay].flags &= ~flags[i];
        }
      guard_script_publish (&script);
      GUARD_SCRIPT_RUN (&script, steps);
      guard_script_clear (&script);
    }
}

/* An expired consensus says nothing about who is listed, and nobody is sampled or dropped by it. */
static const GuardStep stale_steps[] = {
  { "gone A" }, { "consensus" },
  { "primary", "BCD" },
  { "wait 3456000" }, /* 40 days without a consensus */
  { "keep" },
  { "primary", "BCD" },
};
static const GuardScenario stale = GUARD_SCENARIO (150, 100, NULL, stale_steps);

static void
test_no_live_consensus (void)
{
  static const GuardStep steps[] = {
    { "wait 97200" }, /* valid for 3 hours, and counts for 24 more */
    { "size", "20" },
  };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  cepa_guards_drop_all (script.guards);
  guard_script_run (&script, steps + 1, 1);
  guard_script_pass (&script, 1);
  cepa_guards_drop_all (script.guards);
  {
    static const GuardStep none[] = { { "size", "0" }, { "list", "" }, { "primary", "" } };

    GUARD_SCRIPT_RUN (&script, none);
  }
  guard_script_clear (&script);
}

/* guard-spec 4.1 as 0.4.9.10 does it: 120 days for who was never used, 60 for who was, both put back by up to 12. */
static const GuardStep expiry_steps[] = {
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "day 47" },
  { "confirmed", "A" },
  { "day 13" },
  { "confirmed", "" },
  { "primary", "BCD" },
  { "size", "20" },
  { "day 47" }, /* day 107 */
  { "primary", "BCD" },
  { "day 13" }, /* day 120: all of the first sample are gone, and so is every letter before U */
  { "primary", "UVW" },
};
static const GuardScenario expiry = GUARD_SCENARIO (150, 100, NULL, expiry_steps);

static void
count_between (gpointer user_data, const CepaGuardInfo *guard)
{
  gint64 *range = user_data;

  range[0] = MIN (range[0], guard->sampled_on_s);
  range[1] = MAX (range[1], guard->sampled_on_s);
}

/* Dates lie up to a tenth of the lifetime in the past, all over it. */
static void
test_back_dated (void)
{
  gint64 now_s = TEST_CONSENSUS_VALID_AFTER_S, range[2] = { G_MAXINT64, 0 };
  GuardScript script;

  guard_script_init (&script, 300, 200, 7);
  script.spec.params = "guard-min-filtered-sample-size=200";
  guard_script_publish (&script);
  cepa_guards_foreach (script.guards, count_between, range);
  g_assert_cmpint (range[0], >, now_s - 12 * 86400);
  g_assert_cmpint (range[0], <, now_s - 11 * 86400);
  g_assert_cmpint (range[1], <=, now_s);
  g_assert_cmpint (range[1], >, now_s - 86400);
  guard_script_clear (&script);
}

static void
test_own_lifetime (void)
{
  static const GuardStep steps[] = {
    { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
    { "day 26" }, { "confirmed", "A" }, { "day 4" }, { "confirmed", "" }, { "primary", "UVW" },
  };
  GuardScript script;

  guard_script_init (&script, 400, 380, 1);
  script.config.lifetime_s = 30 * 86400;
  cepa_guards_set_config (script.guards, &script.config);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  guard_script_clear (&script);
}

/* guard-spec 2 and C Tor's hysteresis: of 100 guards, below 19 left is restricted, from 21 on is default. */
static const GuardStep restricted_steps[] = {
  { "set", "default" },
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "events" },
  { "barfrom 19" }, { "consensus" }, { "set", "default" },
  { "barfrom 18" }, { "consensus" }, { "set", "restricted" },
  { "size", "18" }, /* of who is left alone */
  { "confirmed", "" },
  { "barfrom 20" }, { "consensus" }, { "set", "restricted" },
  { "keep" }, { "set", "default" }, /* nothing is remembered of which set was used: 20 of 100 is not restricted */
  { "barfrom 18" }, { "consensus" }, { "set", "restricted" },
  { "barfrom 21" }, { "consensus" }, { "set", "default" },
  { "barfrom 1000" }, { "consensus" },
  { "confirmed", "A" }, { "primary", "ADG" }, /* D and G were primary while B and C were excluded */
};
static const GuardScenario restricted = GUARD_SCENARIO (150, 100, NULL, restricted_steps);

static void
test_switched (void)
{
  static const GuardStep steps[] = {
    { "barfrom 5" }, { "events" }, { "consensus" }, { "set", "restricted" }, { "size", "5" },
    { "barfrom 1000" }, { "consensus" }, { "set", "default" },
  };
  GuardScript script;
  const char *star;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  star = strchr (script.events->str, '*');
  g_assert_nonnull (star);
  g_assert_nonnull (strchr (star + 1, '*'));
  g_assert_null (strchr (strchr (star + 1, '*') + 1, '*'));
  guard_script_clear (&script);
}

/* With restrictions from the start, the first set is the restricted one. */
static void
test_restricted_at_first (void)
{
  static const GuardStep steps[] = {
    { "set", "restricted" }, { "size", "2" }, { "primary", "AB" }, { "list", "AB" },
    { "try A 1", "now" }, { "built 1", "use" }, { "close 1" }, { "keep" }, { "set", "restricted" }, { "primary", "AB" },
  };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  for (guint i = 2; i < 150; i++)
    script.barred[i] = 1 << CEPA_PLACE_GUARD | 1 << CEPA_PLACE_MIDDLE;
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  guard_script_clear (&script);
}

static void
make_bridge (CepaGuardBridge *bridge, guint number)
{
  memset (bridge, 0, sizeof *bridge);
  test_relay_id (1000 + number, bridge->rsa_id);
  g_snprintf (bridge->address, sizeof bridge->address, "192.0.2.%u:443", number);
  bridge->has_keys = TRUE;
}

/* Bridges are a set of their own: as many as the user gives, no consensus needed, kept with their addresses. */
static void
test_bridges (void)
{
  static const GuardStep first[] = {
    { "set", "bridges" }, { "size", "30" }, { "primary", "ABC" }, { "list", "ABCDE" },
    { "try A 1", "now" }, { "failed 1" }, { "close 1" },
    { "try B 1", "now" }, { "built 1", "use" }, { "close 1" },
    { "confirmed", "B" }, { "list", "BCDEF" }, { "wait 600" }, { "list", "ABCDE" },
  };
  static const GuardStep second[] = {
    { "set", "bridges" }, { "confirmed", "B" }, { "primary", "ABC" },
  };
  static const GuardStep third[] = {
    { "set", "bridges" }, { "primary", "B" }, { "list", "B" }, { "confirmed", "B" },
  };
  static const GuardStep fourth[] = {
    { "set", "default" }, { "size", "30" }, { "confirmed", "" },
  };
  CepaGuardBridge bridges[30];
  GuardScript script;
  guint n;

  guard_script_init (&script, 150, 100, 1);
  script.config.use_bridges = TRUE;
  cepa_guards_set_config (script.guards, &script.config);
  for (guint i = 0; i < 30; i++)
    make_bridge (&bridges[i], i);
  script.spec.params = "guard-min-filtered-sample-size=30";
  guard_script_publish (&script);
  cepa_guards_set_bridges (script.guards, bridges, 30);
  guard_script_name (&script);
  GUARD_SCRIPT_RUN (&script, first);
  guard_script_restart (&script);
  cepa_guards_set_bridges (script.guards, bridges, 30);
  GUARD_SCRIPT_RUN (&script, second);
  for (n = 0; memcmp (bridges[n].rsa_id, script.letters[1], 20) != 0; n++)
    ;
  cepa_guards_set_bridges (script.guards, &bridges[n], 1);
  GUARD_SCRIPT_RUN (&script, third);
  script.config.use_bridges = FALSE;
  cepa_guards_set_config (script.guards, &script.config);
  GUARD_SCRIPT_RUN (&script, fourth);
  guard_script_clear (&script);
}

/* A bridge without its descriptor is not tried again by the guards' schedule, and is no guard of circuits yet. */
static void
test_bridge_without_keys (void)
{
  static const GuardStep steps[] = {
    { "list", "" }, { "listdir" , "A" },
    { "trydir A 1", "now" }, { "failed 1" }, { "close 1" }, { "wait 6000" }, { "usable", "" },
  };
  CepaGuardBridge bridge;
  GuardScript script;

  guard_script_init (&script, 3, 0, 1);
  script.config.use_bridges = TRUE;
  cepa_guards_set_config (script.guards, &script.config);
  make_bridge (&bridge, 1);
  bridge.has_keys = FALSE;
  cepa_guards_set_bridges (script.guards, &bridge, 1);
  guard_script_name (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  guard_script_clear (&script);
}

static void
test_no_guards (void)
{
  static const GuardStep steps[] = { { "list", "none" }, { "try A 1", "none" } };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  script.config.use_entry_guards = FALSE;
  cepa_guards_set_config (script.guards, &script.config);
  GUARD_SCRIPT_RUN (&script, steps);
  guard_script_clear (&script);
}

/* Guards are drawn by the consensus' weight for the guard's place, whether or not microdescriptors are here: who serves
   those must not choose our guards. */
static void
test_weights (void)
{
  g_autoptr (CepaConsensus) consensus = NULL;
  CepaNetwork *network;
  GuardScript script;
  guint8 heavy[20];
  guint n_first = 0;

  guard_script_init (&script, 30, 30, 0);
  script.relays[11].bandwidth = 29 * 1000; /* as much as all others together */
  test_relay_id (11, heavy);
  consensus = test_consensus_make (&script.spec);
  network = cepa_network_new (consensus);
  cepa_network_commit (network); /* no microdescriptor at all */
  for (guint seed = 0; seed < 400; seed++)
    {
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, 20);

      cepa_guards_drop_all (script.guards);
      script.n_letters = 0;
      cepa_guards_set_network (script.guards, network, NULL);
      g_assert_true (cepa_guards_list_identities (script.guards, CEPA_GUARD_DATA, NULL, ids));
      g_assert_cmpuint (ids->len, ==, 0); /* nothing can be built through them yet */
      g_assert_cmpuint (cepa_guards_count_missing (script.guards), ==, 2);
      guard_script_name (&script);
      n_first += guard_script_letter (&script, heavy) == 'A';
    }
  cepa_network_unref (network);
  guard_script_clear (&script);
  /* Binomial (400, 1/2): a deviation of five sigmas is 50. */
  g_assert_cmpuint (n_first, >, 150);
  g_assert_cmpuint (n_first, <, 250);
}

static void
test_same_seed (void)
{
  GVariant *kept[2];

  for (guint i = 0; i < 2; i++)
    {
      static const GuardStep steps[] = {
        { "try A 1" }, { "built 1" }, { "close 1" }, { "bar BCD" }, { "day 30" }, { "gone FG" }, { "day 30" },
      };
      GuardScript script;

      guard_script_init (&script, 300, 200, 42);
      guard_script_publish (&script);
      GUARD_SCRIPT_RUN (&script, steps);
      kept[i] = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
      guard_script_clear (&script);
    }
  g_assert_true (g_variant_equal (kept[0], kept[1]));
  g_variant_unref (kept[0]);
  g_variant_unref (kept[1]);
}

static void
test_drop_all (void)
{
  static const GuardStep before[] = { { "try A 1", "now" }, { "built 1", "use" }, { "events" } };
  static const GuardStep after[] = { { "size", "20" }, { "confirmed", "" }, { "built 1", "drop" } };
  GuardScript script;

  guard_script_init (&script, 300, 200, 42);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, before);
  cepa_guards_drop_all (script.guards);
  g_assert_true (g_str_has_prefix (script.events->str, "-A-B-C-D-E-F-G-H-I-J-K-L-M-N-O-P-Q-R-S-T*+"));
  GUARD_SCRIPT_RUN (&script, after);
  guard_script_clear (&script);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_data_func ("/path/guards/sampling", &sampling, guard_scenario_run);
  g_test_add_data_func ("/path/guards/sample-size", &cap, guard_scenario_run);
  g_test_add_data_func ("/path/guards/small-network", &small, guard_scenario_run);
  g_test_add_data_func ("/path/guards/tiny-network", &tiny, guard_scenario_run);
  g_test_add_data_func ("/path/guards/params", &params, guard_scenario_run);
  g_test_add_data_func ("/path/guards/confirmed", &confirm, guard_scenario_run);
  g_test_add_data_func ("/path/guards/replaced", &replace, guard_scenario_run);
  g_test_add_data_func ("/path/guards/restarts", &stable, guard_scenario_run);
  g_test_add_data_func ("/path/guards/unlisted", &unlisted, guard_scenario_run);
  g_test_add_func ("/path/guards/flags", test_flags);
  g_test_add_data_func ("/path/guards/stale-consensus", &stale, guard_scenario_run);
  g_test_add_func ("/path/guards/no-live-consensus", test_no_live_consensus);
  g_test_add_data_func ("/path/guards/expiry", &expiry, guard_scenario_run);
  g_test_add_func ("/path/guards/back-dated", test_back_dated);
  g_test_add_func ("/path/guards/own-lifetime", test_own_lifetime);
  g_test_add_data_func ("/path/guards/restricted", &restricted, guard_scenario_run);
  g_test_add_func ("/path/guards/switched", test_switched);
  g_test_add_func ("/path/guards/restricted-at-first", test_restricted_at_first);
  g_test_add_func ("/path/guards/bridges", test_bridges);
  g_test_add_func ("/path/guards/bridge-without-keys", test_bridge_without_keys);
  g_test_add_func ("/path/guards/none-kept", test_no_guards);
  g_test_add_func ("/path/guards/weights", test_weights);
  g_test_add_func ("/path/guards/same-seed", test_same_seed);
  g_test_add_func ("/path/guards/drop-all", test_drop_all);
  return g_test_run ();
}
