/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks when for what: ports, hours, the plan, chance. */
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "options.h"
#include "plan.h"
#include "ports.h"
#include "random.h"

#define HOUR_S 3600
#define START_S G_GINT64_CONSTANT (1780315200) /* 2026-06-01 12:00:00 UTC */

/* ---- ports ---- */

static void
test_ports (void)
{
  CepaSimPorts ports;
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_sim_ports_parse ("443=80, 80v6=15\n# 25=9\n22=5 # ssh\n", &ports, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ports.n, ==, 3);
  g_assert_cmpuint (ports.sum, ==, 100);
  g_assert_cmpuint (ports.ports[0].port, ==, 443);
  g_assert_false (ports.ports[0].is_stable);
  g_assert_cmpuint (ports.ports[1].port, ==, 80);
  g_assert_true (ports.ports[1].is_ipv6);
  g_assert_cmpuint (ports.ports[1].weight, ==, 15);
  g_assert_true (ports.ports[2].is_stable);
  g_assert_true (cepa_sim_ports_parse ("8080", &ports, &error));
  g_assert_cmpuint (ports.sum, ==, 1);
}

static void
test_ports_bad (void)
{
  static const struct
  {
    const char *text, *part;
  } bad[] = { { "", "no entry" },       { "# 80", "no entry" },     { "web", "\"web\"" },   { "0", "\"0\"" },
              { "65536", "\"65536\"" }, { "443=", "\"443=\"" },     { "443=0", "443=0" },   { "443=1.5", "443=1.5" },
              { "443=-1", "443=-1" },   { "443,443", "443 twice" }, { "80v4", "\"80v4\"" }, { "v6", "\"v6\"" } };
  g_autoptr (GString) many = g_string_new (NULL);
  g_autoptr (GError) too_many = NULL;
  CepaSimPorts ports = { .n = 17 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_sim_ports_parse (bad[i].text, &ports, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_assert_nonnull (strstr (error->message, bad[i].part));
    }
  for (guint i = 1; i <= CEPA_SIM_MAX_PORTS + 1; i++)
    g_string_append_printf (many, "%u,", i);
  g_assert_false (cepa_sim_ports_parse (many->str, &ports, &too_many));
  g_assert_nonnull (strstr (too_many->message, "more than"));
  g_assert_cmpuint (ports.n, ==, 17);
}

static void
test_ports_draw (void)
{
  CepaSimPorts ports;
  CepaSimRandom random;
  guint counts[3] = { 0 };

  g_assert_true (cepa_sim_ports_parse ("443=70,80=29,22=1", &ports, NULL));
  cepa_sim_random_init (&random, 1, CEPA_SIM_RANDOM_MODEL, 0);
  for (guint i = 0; i < 100000; i++)
    counts[cepa_sim_ports_draw (&ports, &random)]++;
  /* Five standard deviations. */
  g_assert_cmpint (ABS ((int) counts[0] - 70000), <, 725);
  g_assert_cmpint (ABS ((int) counts[1] - 29000), <, 718);
  g_assert_cmpint (ABS ((int) counts[2] - 1000), <, 158);
}

/* ---- hours ---- */

static void
test_hours (void)
{
  guint32 hours = 0;

  g_assert_true (cepa_sim_hours_parse ("9-17,20", &hours, NULL));
  g_assert_cmphex (hours, ==, 0x11fe00);
  g_assert_true (cepa_sim_hours_parse ("0-24", &hours, NULL));
  g_assert_cmphex (hours, ==, CEPA_SIM_ALL_HOURS);
  for (const char *const *bad = (const char *const[]){ "", "24", "9-9", "17-9", "9-25", "9,", "-3", "a", NULL }; *bad != NULL;
       bad++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_sim_hours_parse (*bad, &hours, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
    }
  g_assert_cmphex (hours, ==, CEPA_SIM_ALL_HOURS);
}

/* ---- the plan ---- */

static guint64
count_all (const CepaSimPlan *plan)
{
  guint64 n = 0;

  for (guint step = 0; step < plan->n_steps; step++)
    for (guint block = 0; block < plan->n_blocks; block++)
      n += cepa_sim_plan_count (plan, step, block);
  return n;
}

static void
test_counts (void)
{
  const gint64 times[] = { START_S, START_S + HOUR_S, START_S + 4 * HOUR_S };
  g_autoptr (CepaSimPlan) plan
      = cepa_sim_plan_new (times, 3, START_S + 5 * HOUR_S, CEPA_SIM_ALL_HOURS, 7, 3, 1003, 0, NULL);
  guint first;

  g_assert_cmpuint (plan->n_blocks, ==, 3);
  g_assert_cmpuint (cepa_sim_plan_get_clients (plan, 0, &first), ==, 3);
  g_assert_cmpuint (first, ==, 0);
  g_assert_cmpuint (cepa_sim_plan_get_clients (plan, 2, &first), ==, 1);
  g_assert_cmpuint (first, ==, 6);
  g_assert_cmpuint (count_all (plan), ==, 1003);
  /* Three fifths of the time, three sevenths of the clients. */
  g_assert_cmpuint (cepa_sim_plan_count (plan, 1, 0), >=, 257);
  g_assert_cmpuint (cepa_sim_plan_count (plan, 1, 0), <=, 259);
}

static void
test_rate (void)
{
  const gint64 times[] = { START_S, START_S + 24 * HOUR_S };
  g_autoptr (CepaSimPlan) plan = cepa_sim_plan_new (times, 2, START_S + 48 * HOUR_S, 0xff, 1000, 0, 1, 4, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (plan->n_paths, ==, 2 * 8 * 4 * 1000);
  g_assert_cmpuint (plan->n_blocks, ==, CEPA_SIM_MAX_BLOCKS);
  g_assert_cmpuint (count_all (plan), ==, plan->n_paths);
  /* It is twelve to thirteen: nobody is there. */
  g_assert_null (cepa_sim_plan_new (times, 1, START_S + HOUR_S, 0xff, 1, 0, 1, 0, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
}

/* The times of use of a day and a half with the hours 0, 1 and 13 are three spans; positions walk through them. */
static void
test_times (void)
{
  const gint64 times[] = { START_S };
  g_autoptr (CepaSimPlan) plan
      = cepa_sim_plan_new (times, 1, START_S + 36 * HOUR_S, 1u << 0 | 1u << 1 | 1u << 13, 1, 0, 10, 0, NULL);
  CepaSimCursor cursor = { 0 };
  const struct
  {
    gint64 position_s, time_s;
  } expected[] = { { 0, START_S + HOUR_S },
                   { HOUR_S - 1, START_S + 2 * HOUR_S - 1 },
                   { HOUR_S, START_S + 12 * HOUR_S },
                   { 3 * HOUR_S - 1, START_S + 14 * HOUR_S - 1 },
                   { 3 * HOUR_S, START_S + 25 * HOUR_S } };

  g_assert_cmpint (plan->active_s, ==, 4 * HOUR_S);
  g_assert_cmpuint (plan->steps[0].spans->len, ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpint (cepa_sim_plan_time_us (plan, 0, &cursor, expected[i].position_s * G_USEC_PER_SEC), ==,
                     expected[i].time_s * G_USEC_PER_SEC);
}

/* ---- chance ---- */

static void
test_random (void)
{
  CepaSimRandom a, b, other;
  guint64 bytes[2], n_even = 0;

  cepa_sim_random_init (&a, 7, CEPA_SIM_RANDOM_MODEL, 3);
  cepa_sim_random_init (&b, 7, CEPA_SIM_RANDOM_MODEL, 3);
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (cepa_sim_random_next (&a), ==, cepa_sim_random_next (&b));
  /* Every part of the key counts. */
  for (guint i = 0; i < 3; i++)
    {
      cepa_sim_random_init (&other, i == 0 ? 8 : 7, i == 1 ? CEPA_SIM_RANDOM_DRAWS : CEPA_SIM_RANDOM_MODEL, i == 2 ? 4 : 3);
      cepa_sim_random_init (&a, 7, CEPA_SIM_RANDOM_MODEL, 3);
      g_assert_cmpuint (cepa_sim_random_next (&a), !=, cepa_sim_random_next (&other));
    }
  cepa_random_fill (&a.random, &bytes[0], sizeof bytes[0]);
  cepa_random_fill (&a.random, &bytes[1], sizeof bytes[1]);
  g_assert_cmpuint (bytes[0], !=, bytes[1]);
  for (guint i = 0; i < 100000; i++)
    {
      guint64 number = cepa_sim_random_below (&a, 10);

      g_assert_cmpuint (number, <, 10);
      n_even += number % 2 == 0;
    }
  g_assert_cmpint (ABS ((int) n_even - 50000), <, 791);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_true (cepa_secret_init (NULL));
  g_test_add_func ("/sim/ports", test_ports);
  g_test_add_func ("/sim/ports/bad", test_ports_bad);
  g_test_add_func ("/sim/ports/draw", test_ports_draw);
  g_test_add_func ("/sim/hours", test_hours);
  g_test_add_func ("/sim/plan/counts", test_counts);
  g_test_add_func ("/sim/plan/rate", test_rate);
  g_test_add_func ("/sim/plan/times", test_times);
  g_test_add_func ("/sim/random", test_random);
  return g_test_run ();
}
