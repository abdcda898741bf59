/* SPDX-License-Identifier: BSD-3-Clause */
/* Path bias: what is counted when, when it is said, and how counts fade (path-spec; C Tor's circpathbias.c). */
#include "path/path-bias.h"

#include "path/guard-script.h"
#include "support/log-capture.h"

static void
settle (CepaPathBiasLimits *limits, gint drop_guards)
{
  CepaPathBiasConfig config;

  cepa_path_bias_config_init (&config);
  config.drop_guards = drop_guards;
  cepa_path_bias_limits_settle (limits, &config, NULL);
}

/* One circuit, from its second hop to its end. Returns: what its attempt made of the counts. */
static CepaPathBiasVerdict
run_circuit (CepaPathBias *bias, const CepaPathBiasLimits *limits, CepaPathBiasStage end, gboolean by_others)
{
  CepaPathBiasStage stage = CEPA_PATH_BIAS_NEW;
  CepaPathBiasVerdict verdict = cepa_path_bias_attempt (bias, &stage, limits);

  if (end >= CEPA_PATH_BIAS_BUILD_SUCCEEDED)
    cepa_path_bias_built (bias, &stage);
  if (end >= CEPA_PATH_BIAS_USE_ATTEMPTED)
    {
      CepaPathBiasVerdict used = cepa_path_bias_use (bias, &stage, limits);

      verdict = MAX (used, verdict);
    }
  if (end == CEPA_PATH_BIAS_USE_SUCCEEDED)
    cepa_path_bias_use_succeeded (bias, &stage);
  if (end == CEPA_PATH_BIAS_USE_FAILED)
    cepa_path_bias_probe_failed (bias, &stage);
  g_assert_cmpint (stage, ==, end);
  cepa_path_bias_closed (bias, &stage, by_others);
  g_assert_cmpint (stage, ==, CEPA_PATH_BIAS_COUNTED);
  return verdict;
}

static void
test_defaults (void)
{
  CepaPathBiasLimits limits;

  settle (&limits, -1);
  g_assert_cmpint (limits.min_circuits, ==, 150);
  g_assert_cmpfloat (limits.notice_rate, ==, 0.7);
  g_assert_cmpfloat (limits.warn_rate, ==, 0.5);
  g_assert_cmpfloat (limits.extreme_rate, ==, 0.3);
  g_assert_cmpint (limits.scale_threshold, ==, 300);
  g_assert_cmpint (limits.min_uses, ==, 20);
  g_assert_cmpfloat (limits.notice_use_rate, ==, 0.8);
  g_assert_cmpfloat (limits.extreme_use_rate, ==, 0.6);
  g_assert_cmpint (limits.scale_use_threshold, ==, 100);
  g_assert_cmpfloat (limits.scale_ratio, ==, 0.5);
  g_assert_false (limits.drop_guards);
}

/* The user before the consensus, values out of range as if they were not there. */
static void
test_params (void)
{
  TestRelay relay = { .flags = TEST_RELAY_FLAGS };
  TestConsensus spec = {
    .relays = &relay,
    .n_relays = 1,
    .params = "pb_dropguards=1 pb_extremepct=31 pb_extremeusepct=61 pb_mincircs=151 pb_minuse=2 pb_multfactor=3 "
              "pb_noticepct=101 pb_noticeusepct=81 pb_scalecircs=301 pb_scalefactor=4 pb_scaleuse=102 pb_warnpct=51",
  };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  CepaPathBiasConfig config;
  CepaPathBiasLimits limits;

  cepa_path_bias_config_init (&config);
  config.scale_threshold = 9;      /* below 10 */
  config.scale_use_threshold = 10;
  config.warn_rate = 0;
  cepa_path_bias_limits_settle (&limits, &config, consensus);
  g_assert_cmpint (limits.min_circuits, ==, 151);
  g_assert_cmpint (limits.min_uses, ==, 3);
  g_assert_cmpfloat (limits.notice_rate, ==, 1);
  g_assert_cmpfloat (limits.warn_rate, ==, 0);
  g_assert_cmpfloat (limits.extreme_rate, ==, 0.31);
  g_assert_cmpfloat (limits.notice_use_rate, ==, 0.81);
  g_assert_cmpfloat (limits.extreme_use_rate, ==, 0.61);
  g_assert_cmpint (limits.scale_threshold, ==, 301);
  g_assert_cmpint (limits.scale_use_threshold, ==, 10);
  g_assert_cmpfloat (limits.scale_ratio, ==, 0.75);
  g_assert_true (limits.drop_guards);
}

static void
test_counts (void)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasLimits limits;

  settle (&limits, 0);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_ATTEMPTED, TRUE);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_SUCCEEDED, FALSE);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_SUCCEEDED, TRUE);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_USE_SUCCEEDED, TRUE);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_USE_ATTEMPTED, FALSE);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_USE_FAILED, FALSE);
  g_assert_cmpfloat (bias.circ_attempts, ==, 6);
  g_assert_cmpfloat (bias.circ_successes, ==, 5);
  g_assert_cmpfloat (bias.circuits_closed, ==, 2);
  g_assert_cmpfloat (bias.collapsed_circuits, ==, 1);
  g_assert_cmpfloat (bias.unusable_circuits, ==, 2);
  g_assert_cmpfloat (bias.use_attempts, ==, 3);
  g_assert_cmpfloat (bias.use_successes, ==, 1);
  for (guint i = 0; i < CEPA_N_PATH_BIAS_STAGES; i++)
    g_assert_cmpuint (bias.open[i], ==, 0);
}

/* Steps out of turn change nothing: a circuit is counted once at each. */
static void
test_order (void)
{
  CepaPathBias bias = { 0 }, before;
  CepaPathBiasStage stage = CEPA_PATH_BIAS_NEW;
  CepaPathBiasLimits limits;

  settle (&limits, 0);
  cepa_path_bias_built (&bias, &stage);
  cepa_path_bias_use (&bias, &stage, &limits);
  cepa_path_bias_use_succeeded (&bias, &stage);
  cepa_path_bias_timed_out (&bias, &stage);
  before = (CepaPathBias) { 0 };
  g_assert_cmpmem (&bias, sizeof bias, &before, sizeof before);
  cepa_path_bias_attempt (&bias, &stage, &limits);
  cepa_path_bias_attempt (&bias, &stage, &limits);
  cepa_path_bias_timed_out (&bias, &stage);
  cepa_path_bias_built (&bias, &stage);
  cepa_path_bias_built (&bias, &stage);
  cepa_path_bias_use_rolled_back (&bias, &stage);
  cepa_path_bias_use (&bias, &stage, &limits);
  cepa_path_bias_use (&bias, &stage, &limits);
  cepa_path_bias_use_succeeded (&bias, &stage);
  cepa_path_bias_timed_out (&bias, &stage); /* it has worked: no */
  cepa_path_bias_use_rolled_back (&bias, &stage);
  g_assert_cmpint (stage, ==, CEPA_PATH_BIAS_USE_ATTEMPTED);
  g_assert_cmpuint (bias.open[CEPA_PATH_BIAS_USE_ATTEMPTED], ==, 1);
  cepa_path_bias_use_succeeded (&bias, &stage);
  g_assert_cmpfloat (bias.use_successes, ==, 0); /* only when it is closed */
  cepa_path_bias_closed (&bias, &stage, FALSE);
  cepa_path_bias_closed (&bias, &stage, FALSE);
  g_assert_cmpfloat (bias.circ_attempts, ==, 1);
  g_assert_cmpfloat (bias.circ_successes, ==, 1);
  g_assert_cmpfloat (bias.use_attempts, ==, 1);
  g_assert_cmpfloat (bias.use_successes, ==, 1);
  g_assert_cmpfloat (bias.timeouts, ==, 1);
}

/* Said once each, and not before 150 circuits. @good of every ten circuits are closed well. */
static void
check_share (guint good, CepaPathBiasVerdict expected, gint drop_guards)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasLimits limits;
  guint n_said = 0;

  settle (&limits, drop_guards);
  for (guint i = 0; i < 200; i++)
    {
      CepaPathBiasVerdict verdict
        = run_circuit (&bias, &limits, i % 10 < good ? CEPA_PATH_BIAS_BUILD_SUCCEEDED : CEPA_PATH_BIAS_BUILD_ATTEMPTED,
                       FALSE);

      if (i <= 150)
        g_assert_cmpint (verdict, ==, CEPA_PATH_BIAS_FINE);
      n_said += verdict == expected;
      g_assert_true (verdict == expected || verdict == CEPA_PATH_BIAS_FINE);
    }
  g_assert_cmpuint (n_said, ==, expected == CEPA_PATH_BIAS_FINE ? 200 : 1);
  g_assert_cmpint (bias.is_disabled, ==, expected == CEPA_PATH_BIAS_DISABLED);
}

static void
test_circuits (void)
{
  check_share (8, CEPA_PATH_BIAS_FINE, 0);
  check_share (6, CEPA_PATH_BIAS_NOTICE, 0);
  check_share (4, CEPA_PATH_BIAS_WARN, 0);
  check_share (1, CEPA_PATH_BIAS_EXTREME, 0);
  check_share (1, CEPA_PATH_BIAS_DISABLED, 1);
  check_share (4, CEPA_PATH_BIAS_WARN, 1);
}

static void
check_uses (guint good, CepaPathBiasVerdict expected, gint drop_guards)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasLimits limits;
  guint n_said = 0;

  settle (&limits, drop_guards);
  for (guint i = 0; i < 60; i++)
    {
      CepaPathBiasVerdict verdict
        = run_circuit (&bias, &limits, i % 10 < good ? CEPA_PATH_BIAS_USE_SUCCEEDED : CEPA_PATH_BIAS_USE_ATTEMPTED, FALSE);

      if (i <= 20)
        g_assert_cmpint (verdict, ==, CEPA_PATH_BIAS_FINE);
      n_said += verdict == expected;
    }
  g_assert_cmpuint (n_said, ==, expected == CEPA_PATH_BIAS_FINE ? 60 : 1);
}

static void
test_uses (void)
{
  check_uses (9, CEPA_PATH_BIAS_FINE, 0);
  check_uses (7, CEPA_PATH_BIAS_USE_NOTICE, 0);
  check_uses (5, CEPA_PATH_BIAS_USE_EXTREME, 0);
  check_uses (5, CEPA_PATH_BIAS_DISABLED, 1);
}

/* Circuits that are still open are nobody's fault. */
static void
test_open (void)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasStage stages[200] = { 0 };
  CepaPathBiasLimits limits;

  settle (&limits, 0);
  for (guint i = 0; i < 200; i++)
    {
      g_assert_cmpint (cepa_path_bias_attempt (&bias, &stages[i], &limits), ==, CEPA_PATH_BIAS_FINE);
      cepa_path_bias_built (&bias, &stages[i]);
      g_assert_cmpint (cepa_path_bias_use (&bias, &stages[i], &limits), ==, CEPA_PATH_BIAS_FINE);
    }
  g_assert_cmpuint (bias.open[CEPA_PATH_BIAS_USE_ATTEMPTED], ==, 200);
}

/* Beyond 300 circuits and 100 uses counts are halved, but for what is open. */
static void
test_scaling (void)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasStage building = CEPA_PATH_BIAS_NEW, built = CEPA_PATH_BIAS_NEW;
  CepaPathBiasLimits limits;

  settle (&limits, 0);
  cepa_path_bias_attempt (&bias, &building, &limits);
  cepa_path_bias_attempt (&bias, &built, &limits);
  cepa_path_bias_built (&bias, &built);
  for (guint i = 0; i < 298; i++)
    run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_SUCCEEDED, i % 2 == 0);
  g_assert_cmpfloat (bias.circ_attempts, ==, 300);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_SUCCEEDED, FALSE);
  g_assert_cmpfloat (bias.circ_attempts, ==, 301);
  run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_SUCCEEDED, FALSE);
  g_assert_cmpfloat (bias.circ_attempts, ==, (301 - 2) / 2.0 + 2 + 1);
  g_assert_cmpfloat (bias.circ_successes, ==, (300 - 1) / 2.0 + 1 + 1);
  g_assert_cmpfloat (bias.circuits_closed, ==, 150 / 2.0 + 1);
  g_assert_cmpfloat (bias.collapsed_circuits, ==, 149 / 2.0);
  bias = (CepaPathBias) { 0 };
  for (guint i = 0; i < 102; i++)
    run_circuit (&bias, &limits, CEPA_PATH_BIAS_USE_SUCCEEDED, FALSE);
  g_assert_cmpfloat (bias.use_attempts, ==, 101 / 2.0 + 1);
  g_assert_cmpfloat (bias.use_successes, ==, 101 / 2.0 + 1);
}

/* A rate of 0 turns it off. */
static void
test_off (void)
{
  CepaPathBias bias = { 0 };
  CepaPathBiasConfig config;
  CepaPathBiasLimits limits;

  cepa_path_bias_config_init (&config);
  config.notice_rate = config.warn_rate = config.extreme_rate = 0;
  cepa_path_bias_limits_settle (&limits, &config, NULL);
  for (guint i = 0; i < 200; i++)
    g_assert_cmpint (run_circuit (&bias, &limits, CEPA_PATH_BIAS_BUILD_ATTEMPTED, TRUE), ==, CEPA_PATH_BIAS_FINE);
}

/* With PathBiasDropGuards such a guard leaves the primary ones, and stays out. */
static void
test_dropped (void)
{
  static const GuardStep before[] = { { "try A 1", "now" }, { "built 1", "use" }, { "close 1" }, { "primary", "ABC" },
                                      { "events" } };
  static const GuardStep after[] = { { "primary", "BCD" }, { "events", "!A" }, { "try A 1", "none" },
                                     { "consensus" }, { "list", "BCDEF" } };
  LogCapture capture;
  GuardScript script;
  g_autofree char *logged = NULL;

  guard_script_init (&script, 150, 100, 1);
  script.config.path_bias.drop_guards = 1;
  cepa_guards_set_config (script.guards, &script.config);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, before);
  log_capture_start (&capture, CEPA_LOG_WARN);
  for (guint i = 0; i < 152; i++)
    {
      g_autoptr (CepaGuardTicket) ticket
        = cepa_guards_attempt (script.guards, script.letters[0], CEPA_GUARD_DATA, NULL, NULL, NULL);

      g_assert_nonnull (ticket);
      cepa_guard_ticket_first_hop_built (ticket);
      cepa_guard_ticket_timed_out (ticket);
      cepa_guard_ticket_closed (ticket, FALSE);
    }
  logged = log_capture_stop (&capture);
  log_capture_assert_has (logged, "is not used any more (PathBiasDropGuards). Of 152 circuits 0 were built");
  GUARD_SCRIPT_RUN (&script, after);
  guard_script_clear (&script);
}

/* The whole way of a ticket: a used circuit without proof is to be probed. */
static void
test_ticket (void)
{
  g_autoptr (CepaGuardTicket) ticket = NULL;
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  ticket = cepa_guards_attempt (script.guards, script.letters[0], CEPA_GUARD_DATA, NULL, NULL, NULL);
  cepa_guard_ticket_first_hop_built (ticket);
  g_assert_cmpint (cepa_guard_ticket_succeeded (ticket), ==, CEPA_GUARD_USE);
  g_assert_false (cepa_guard_ticket_wants_probe (ticket));
  cepa_guard_ticket_used (ticket);
  g_assert_true (cepa_guard_ticket_wants_probe (ticket));
  cepa_guard_ticket_use_succeeded (ticket);
  g_assert_false (cepa_guard_ticket_wants_probe (ticket));
  cepa_guard_ticket_use_rolled_back (ticket);
  g_assert_true (cepa_guard_ticket_wants_probe (ticket));
  cepa_guard_ticket_probe_failed (ticket);
  g_assert_false (cepa_guard_ticket_wants_probe (ticket));
  cepa_guard_ticket_closed (ticket, FALSE);
  g_clear_pointer (&ticket, cepa_guard_ticket_free);
  {
    g_autoptr (GVariant) kept = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
    g_autofree char *text = g_variant_print (kept, FALSE);

    g_assert_nonnull (strstr (text, "'unusable_circuits': <1.0>"));
    g_assert_nonnull (strstr (text, "'use_attempts': <1.0>"));
    g_assert_null (strstr (text, "'use_successes'"));
  }
  guard_script_clear (&script);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/path/path-bias/defaults", test_defaults);
  g_test_add_func ("/path/path-bias/params", test_params);
  g_test_add_func ("/path/path-bias/counts", test_counts);
  g_test_add_func ("/path/path-bias/order", test_order);
  g_test_add_func ("/path/path-bias/circuits", test_circuits);
  g_test_add_func ("/path/path-bias/uses", test_uses);
  g_test_add_func ("/path/path-bias/open", test_open);
  g_test_add_func ("/path/path-bias/scaling", test_scaling);
  g_test_add_func ("/path/path-bias/off", test_off);
  g_test_add_func ("/path/path-bias/dropped", test_dropped);
  g_test_add_func ("/path/path-bias/ticket", test_ticket);
  return g_test_run ();
}
