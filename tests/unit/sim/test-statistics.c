/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers about draws, with answers that are known. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "report.h"
#include "rows.h"
#include "statistics.h"
#include "support/test-consensus.h"

#define START_S TEST_CONSENSUS_VALID_AFTER_S

static void
assert_near (double a, double b)
{
  g_assert_cmpfloat_with_epsilon (a, b, 1e-9);
}

/* A fair die has log2 6 bits; a half and two quarters have 1.5. */
static void
test_spread (void)
{
  const double die[] = { 1, 1, 1, 1, 1, 1 }, uneven[] = { 0.5, 0, 0.25, 0.25 }, one[] = { 0, 9 }, none[] = { 0, 0 };
  CepaSimSpread spread = cepa_sim_spread (die, 6);

  assert_near (spread.entropy, log2 (6));
  assert_near (spread.effective, 6);
  g_assert_cmpuint (spread.n_relays, ==, 6);
  spread = cepa_sim_spread (uneven, 4);
  assert_near (spread.entropy, 1.5);
  assert_near (spread.effective, pow (2, 1.5));
  assert_near (spread.greatest, 0.5);
  g_assert_cmpuint (spread.n_relays, ==, 3);
  spread = cepa_sim_spread (one, 2);
  assert_near (spread.entropy, 0);
  assert_near (spread.effective, 1);
  spread = cepa_sim_spread (none, 2);
  assert_near (spread.effective, 0);
}

static void
test_greatest (void)
{
  const double shares[] = { 0.1, 0.4, 0, 0.4, 0.2 };
  guint n = 3;
  g_autofree guint *order = cepa_sim_greatest (shares, 5, &n);

  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpuint (order[0], ==, 1);
  g_assert_cmpuint (order[1], ==, 3);
  g_assert_cmpuint (order[2], ==, 4);
  n = 10;
  g_free (g_steal_pointer (&order));
  order = cepa_sim_greatest (shares, 5, &n);
  g_assert_cmpuint (n, ==, 4);
}

static void
test_quantile (void)
{
  gint64 times[] = { 40, G_MAXINT64, 10, 30, 20 };

  g_assert_cmpint (cepa_sim_quantile_s (times, 5, 0.5), ==, 30);
  g_assert_cmpint (cepa_sim_quantile_s (times, 5, 0.2), ==, 10);
  g_assert_cmpint (cepa_sim_quantile_s (times, 5, 1), ==, G_MAXINT64);
  g_assert_cmpint (cepa_sim_quantile_s (times, 0, 0.5), ==, G_MAXINT64);
}

static void
test_share_text (void)
{
  const struct
  {
    guint64 part, whole;
    const char *text;
  } cases[] = { { 0, 7, "0.000000000" }, { 1, 3, "0.333333333" }, { 2, 3, "0.666666667" }, { 5, 5, "1.000000000" },
                { G_MAXUINT64 / 2 + 1, G_MAXUINT64, "0.500000000" }, { 3, 0, "0.000000000" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char text[CEPA_SIM_SHARE_LEN + 1] = "";

      cepa_sim_share_to_text (cases[i].part, cases[i].whole, text);
      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

/* ---- over a network ---- */

/* Guards 0 and 1 with 3 to 1, middle 2, exits 3 (443 alone) and 4 (443 and 22) with 1 to 1; 4 is not Stable. */
static const TestRelay stat_relays[] = {
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 3000 },
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 1000 },
  { .flags = TEST_RELAY_FLAGS, .bandwidth = 500 },
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .bandwidth = 2000, .microdesc = "p accept 443,22\n" },
  { .flags = (TEST_RELAY_FLAGS | CEPA_RELAY_EXIT) & ~(guint32) CEPA_RELAY_STABLE, .bandwidth = 2000,
    .microdesc = "p accept 443\n" },
};

/* The consensus gives each place to those that have its flag. */
static const TestConsensus stat_consensus = {
  .relays = stat_relays,
  .n_relays = G_N_ELEMENTS (stat_relays),
  .weights = "Wbd=0 Wbe=0 Wbg=0 Wbm=10000 Wdb=10000 Web=10000 Wed=10000 Wee=10000 Weg=10000 Wem=10000 Wgb=10000 Wgd=0 "
             "Wgg=10000 Wgm=10000 Wmb=10000 Wmd=0 Wme=0 Wmg=0 Wmm=10000",
};

typedef struct
{
  CepaNetwork *network;
  CepaSimPorts ports;
  CepaSimRelays *relays;
  CepaSimSet *adversary;
  CepaSimScene *scene;
} Fixture;

static void
fixture_init (Fixture *self)
{
  g_autofree char *guard = test_relay_fingerprint (0), *exit = test_relay_fingerprint (3);
  g_autofree char *list = g_strdup_printf ("# watchers\n%s nick\n %s,x\n", guard, exit + 1);

  self->network = test_consensus_make_network (&stat_consensus);
  g_assert_true (cepa_sim_ports_parse ("443=3,22=1", &self->ports, NULL));
  self->relays = cepa_sim_relays_new ();
  self->adversary = cepa_sim_set_parse (list, NULL);
  self->scene = cepa_sim_scene_new (self->network, &self->ports, self->relays, self->adversary, TRUE);
}

static void
fixture_clear (Fixture *self)
{
  cepa_sim_scene_free (self->scene);
  cepa_sim_set_free (self->adversary);
  cepa_sim_relays_free (self->relays);
  cepa_network_unref (self->network);
}

static void
test_scene (void)
{
  Fixture fixture;
  const CepaSimScene *scene;

  fixture_init (&fixture);
  scene = fixture.scene;
  assert_near (cepa_sim_scene_get_share (scene, CEPA_PLACE_GUARD, 0), 0.75);
  assert_near (cepa_sim_scene_get_share (scene, CEPA_PLACE_GUARD, 2), 0);
  assert_near (cepa_sim_scene_get_share (scene, CEPA_PLACE_MIDDLE, 2), 1);
  /* Three quarters of the streams may go to either exit, the others only to 3, which is the Stable one too. */
  assert_near (cepa_sim_scene_get_share (scene, CEPA_PLACE_EXIT, 3), 0.75 * 0.5 + 0.25);
  assert_near (cepa_sim_scene_get_share (scene, CEPA_PLACE_EXIT, 4), 0.75 * 0.5);
  g_assert_cmpuint (cepa_sim_set_get_n (fixture.adversary), ==, 2);
  g_assert_cmpuint (scene->is_adversary[0] + scene->is_adversary[3], ==, 2);
  g_assert_cmpuint (scene->is_adversary[1] + scene->is_adversary[2] + scene->is_adversary[4], ==, 0);
  /* For streams of one kind of need there is one table of guards. */
  g_assert_true (scene->tables[0][CEPA_PLACE_GUARD] != scene->tables[1][CEPA_PLACE_GUARD]);
  fixture_clear (&fixture);
}

static void
test_rows (void)
{
  Fixture fixture;
  const guint32 hops[] = { 1, 2, 3 };
  g_autofree char *guard = NULL, *middle = NULL, *exit = NULL, *expected = NULL;
  CepaSimRows rows = { 0 };
  CepaSimRow row = { .time_s = START_S, .client = 12, .stream = 1234567890123, .kind = 0, .hops = hops };

  fixture_init (&fixture);
  guard = test_relay_fingerprint (1);
  middle = test_relay_fingerprint (2);
  exit = test_relay_fingerprint (3);
  cepa_sim_rows_add (&rows, fixture.scene, &row, FALSE);
  row.kind = 1;
  cepa_sim_rows_add (&rows, fixture.scene, &row, TRUE);
  row.hops = NULL;
  row.refusal = "no-path";
  cepa_sim_rows_add (&rows, fixture.scene, &row, TRUE);
  expected = g_strdup_printf ("1780315200,12,1234567890123,443,%s,%s,%s,0.250000000,1.000000000,0.500000000,\n"
                              "1780315200,12,1234567890123,22,1,2,3,0.250000000,1.000000000,1.000000000,\n"
                              "1780315200,12,1234567890123,22,,,,,,,no-path\n", guard + 1, middle + 1, exit + 1);
  g_assert_cmpmem (rows.text, rows.len, expected, strlen (expected));
  for (guint i = 0; i < 20000; i++)
    cepa_sim_rows_add (&rows, fixture.scene, &row, FALSE);
  g_assert_cmpuint (rows.len, ==, strlen (expected) + 20000 * strlen ("1780315200,12,1234567890123,22,,,,,,,no-path\n"));
  g_free (rows.text);
  fixture_clear (&fixture);
}

/* ---- tallies ---- */

static void
count_some (Fixture *fixture, CepaSimTally *tally, guint client)
{
  const guint32 paths[][3] = { { 0, 2, 3 }, { 0, 2, 4 }, { 1, 2, 3 }, { 0, 2, 3 } };

  cepa_sim_tally_grow (tally, G_N_ELEMENTS (stat_relays));
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    cepa_sim_tally_add (tally, fixture->scene, paths[i], client, START_S + 60 * (client + i + 1));
  tally->clients[client].n_guards = 1 + client;
}

static void
test_tally (void)
{
  Fixture fixture;
  g_autoptr (CepaSimTally) all = cepa_sim_tally_new (3), part = cepa_sim_tally_new (3), merged = cepa_sim_tally_new (3);
  g_autoptr (GBytes) packed = NULL, all_packed = NULL, merged_packed = NULL;

  fixture_init (&fixture);
  count_some (&fixture, all, 0);
  cepa_sim_tally_expect (all, fixture.scene, 8);
  count_some (&fixture, part, 2);
  g_assert_cmpuint (all->totals.n_both_seen, ==, 2);
  g_assert_cmpuint (all->totals.n_guard_seen, ==, 3);
  g_assert_cmpuint (all->totals.n_exit_seen, ==, 3);
  g_assert_cmpuint (all->counts[CEPA_PLACE_GUARD][fixture.scene->numbers[0]], ==, 3);
  g_assert_cmpint (all->clients[0].first_both_s, ==, START_S + 60);
  g_assert_cmpint (all->clients[1].first_both_s, ==, CEPA_SIM_NEVER);
  /* One after the other, and put together from two. */
  all_packed = cepa_sim_tally_pack (all);
  packed = cepa_sim_tally_pack (part);
  g_assert_true (cepa_sim_tally_merge (merged, g_bytes_get_data (packed, NULL), g_bytes_get_size (packed)));
  g_assert_true (cepa_sim_tally_merge (merged, g_bytes_get_data (all_packed, NULL), g_bytes_get_size (all_packed)));
  count_some (&fixture, all, 2);
  g_clear_pointer (&all_packed, g_bytes_unref);
  all_packed = cepa_sim_tally_pack (all);
  merged_packed = cepa_sim_tally_pack (merged);
  g_assert_true (g_bytes_equal (all_packed, merged_packed));
  g_assert_false (cepa_sim_tally_merge (merged, g_bytes_get_data (packed, NULL), g_bytes_get_size (packed) - 1));
  g_assert_false (cepa_sim_tally_merge (merged, "", 0));
  fixture_clear (&fixture);
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("there is no \"%s\" in:\n%s", part, text);
}

static void
test_report (void)
{
  const gint64 start_s = START_S;
  Fixture fixture;
  CepaSimOutcome outcome = { .relays = g_array_new (FALSE, FALSE, sizeof (CepaSimRelay)) };
  g_autoptr (CepaSimPlan) plan = cepa_sim_plan_new (&start_s, 1, START_S + 3600, CEPA_SIM_ALL_HOURS, 2, 0, 8, 0, NULL);
  CepaSimReport report = { .plugin_id = "path.\"odd\"", .seed = 9, .plan = plan, .outcome = &outcome, .n_adversary = 2,
                           .n_top = 1 };
  guint n;
  const CepaSimRelay *relays;
  GString *text;

  fixture_init (&fixture);
  relays = cepa_sim_relays_get (fixture.relays, &n);
  g_array_append_vals (outcome.relays, relays, n);
  outcome.tally = cepa_sim_tally_new (2);
  count_some (&fixture, outcome.tally, 0);
  count_some (&fixture, outcome.tally, 1);
  cepa_sim_tally_expect (outcome.tally, fixture.scene, 8);
  text = cepa_sim_report_to_text (&report);
  assert_has (text->str, "Paths:       8 drawn by 2 clients, 0 refused\n");
  /* 3/4 and 1/4: 2 - 3/4 log2 3 bits. */
  assert_has (text->str, "guard           2     0.8113        1.8  75.0000 %     0.8113        1.8\n");
  assert_has (text->str, "at the guard 75.000000 % of paths, at the exit 75.000000 %, at both 50.000000 %\n");
  assert_has (text->str, "of 2 of 2 clients (100.00 %); of half of them after 0.02 hours\n");
  assert_has (text->str, "Guards of a client: 1.50 on average, 2 at most\n");
  assert_has (text->str, " relay0 ");
  g_string_free (text, TRUE);
  text = cepa_sim_report_to_json (&report);
  assert_has (text->str, "\"policy\": \"path.\\\"odd\\\"\"");
  assert_has (text->str, "\"guard\": {\"relays\": 2, \"entropy\": 0.811278124,");
  assert_has (text->str, "\"both\": 0.500000000, \"clients\": 2, \"half_after_s\": 60, \"clients_by_consensus\": [2]");
  assert_has (text->str, "\"guard\": 6, \"guard_by_weight\": 6.000");
  g_string_free (text, TRUE);
  cepa_sim_tally_free (outcome.tally);
  g_array_unref (outcome.relays);
  fixture_clear (&fixture);
}

static void
test_sets (void)
{
  static const TestRelay idle[] = { { .flags = TEST_RELAY_FLAGS }, { .flags = TEST_RELAY_FLAGS } };
  const TestConsensus idle_consensus = { .relays = idle, .n_relays = G_N_ELEMENTS (idle) };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&stat_consensus);
  g_autoptr (CepaNetwork) weightless = test_consensus_make_network (&idle_consensus);
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSimSet) all = cepa_sim_set_draw (network, 1, 1, NULL), few = cepa_sim_set_draw (network, 0.01, 1, NULL);
  guint8 id[20];

  g_assert_cmpuint (cepa_sim_set_get_n (all), ==, 5);
  g_assert_cmpuint (cepa_sim_set_get_n (few), ==, 1);
  test_relay_id (4, id);
  g_assert_true (cepa_sim_set_contains (all, id));
  g_assert_null (cepa_sim_set_draw (weightless, 1, 1, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND);
  for (const char *const *bad = (const char *const[]){ "", "# none\n", "relay0\n", "$0123\n", NULL }; *bad != NULL; bad++)
    g_assert_null (cepa_sim_set_parse (*bad, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/sim/statistics/spread", test_spread);
  g_test_add_func ("/sim/statistics/greatest", test_greatest);
  g_test_add_func ("/sim/statistics/quantile", test_quantile);
  g_test_add_func ("/sim/share-text", test_share_text);
  g_test_add_func ("/sim/scene", test_scene);
  g_test_add_func ("/sim/rows", test_rows);
  g_test_add_func ("/sim/tally", test_tally);
  g_test_add_func ("/sim/report", test_report);
  g_test_add_func ("/sim/sets", test_sets);
  return g_test_run ();
}
