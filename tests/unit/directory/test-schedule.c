/* SPDX-License-Identifier: BSD-3-Clause */
/* When documents are asked for: what C Tor 0.4.9.11 does (dlstatus.c, networkstatus.c, routerlist.c), over many draws. */
#include "directory/schedule.h"

#include "base/secret.h"

#define HOUR_S 3600
#define SECOND_US G_USEC_PER_SEC
#define N_DRAWS 2000

static CepaRandomSeeded random_source;

/* Each wait is between the shortest and three times the last; none is over the longest. */
static void
check_backoff (CepaBackoffRange range)
{
  for (guint i = 0; i < 200; i++)
    {
      CepaBackoff backoff = { 0 };
      gint64 last = range.min_us;

      for (guint n = 0; n < 30; n++)
        {
          gint64 low = MIN (MAX (range.min_us, range.unit_us), range.max_us / 2);

          cepa_backoff_count (&backoff, &range, 1000, &random_source.random);
          g_assert_cmpint (backoff.delay_us, >=, low);
          g_assert_cmpint (backoff.delay_us, <=, MIN (MAX (3 * last, low + range.unit_us), range.max_us));
          g_assert_cmpint (backoff.due_us, ==, 1000 + backoff.delay_us);
          last = backoff.delay_us;
        }
      g_assert_cmpuint (backoff.n, ==, 30);
      cepa_backoff_reset (&backoff, 7);
      g_assert_cmpint (backoff.due_us, ==, 7);
      g_assert_cmpint (backoff.delay_us, ==, 0);
    }
}

static void
test_backoff (void)
{
  check_backoff ((CepaBackoffRange){ 0, SECOND_US, 3600 * (gint64) SECOND_US });
  check_backoff ((CepaBackoffRange){ 6 * SECOND_US, SECOND_US, 600 * SECOND_US });
  check_backoff ((CepaBackoffRange){ 0, SECOND_US / 10, 3 * SECOND_US });
}

/* Nobody comes back in step: clients that failed together differ, and the waits grow. */
static void
test_backoff_grows (void)
{
  const CepaBackoffRange range = { 0, SECOND_US, 3600 * (gint64) SECOND_US };
  double early = 0, late = 0;

  for (guint i = 0; i < N_DRAWS; i++)
    {
      CepaBackoff backoff = { 0 };

      for (guint n = 0; n < 12; n++)
        {
          cepa_backoff_count (&backoff, &range, 0, &random_source.random);
          early += n == 1 ? (double) backoff.delay_us : 0;
          late += n == 11 ? (double) backoff.delay_us : 0;
        }
    }
  g_assert_cmpfloat (late, >, 10 * early);
}

/* Fills @low and @high with the first and last of many draws, from valid-after at 0. */
static void
draw_next (gint64 fresh, gint64 until, CepaScheduleHaste haste, gint64 *low, gint64 *high)
{
  *low = G_MAXINT64;
  *high = G_MININT64;
  for (guint i = 0; i < N_DRAWS; i++)
    {
      gint64 due = cepa_schedule_next_consensus_s (0, fresh, until, haste, &random_source.random);

      *low = MIN (*low, due);
      *high = MAX (*high, due);
    }
}

/* The public network: fresh for one hour, valid for three. */
static void
test_next_consensus (void)
{
  gint64 low, high;

  draw_next (HOUR_S, 3 * HOUR_S, CEPA_SCHEDULE_CLIENT, &low, &high);
  g_assert_cmpint (low, >=, 6300);
  g_assert_cmpint (low, <, 6300 + 40);
  g_assert_cmpint (high, <, 6300 + 3937);
  g_assert_cmpint (high, >, 6300 + 3937 - 40);

  draw_next (HOUR_S, 3 * HOUR_S, CEPA_SCHEDULE_EARLY, &low, &high);
  g_assert_cmpint (low, >=, 3720);
  g_assert_cmpint (high, <, 3720 + 1800);
  g_assert_cmpint (high, >, 3720 + 1700);

  draw_next (HOUR_S, 3 * HOUR_S, CEPA_SCHEDULE_EXTRA_EARLY, &low, &high);
  g_assert_cmpint (low, >=, 3720);
  g_assert_cmpint (high, <, 3720 + 60);
}

/* Networks that vote every few seconds: behind fresh-until and before valid-until all the same. */
static void
test_next_consensus_fast (void)
{
  for (gint64 fresh = 1; fresh < 40; fresh++)
    for (gint64 until = fresh + 2; until < 100; until += 7)
      for (int haste = CEPA_SCHEDULE_CLIENT; haste <= CEPA_SCHEDULE_EXTRA_EARLY; haste++)
        for (guint i = 0; i < 20; i++)
          {
            gint64 due = cepa_schedule_next_consensus_s (0, fresh, until, (CepaScheduleHaste) haste, &random_source.random);

            g_assert_cmpint (due, >=, fresh);
            g_assert_cmpint (due, <, until);
          }
}

static void
test_batch (void)
{
  static const guint cases[][2] = {
    { 1, 32 }, { 32, 32 }, { 96, 32 }, { 97, 33 }, { 300, 100 }, { 1500, 500 }, { 1501, 500 }, { 10000, 500 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (cepa_schedule_batch (cases[i][0], CEPA_SCHEDULE_MAX_BATCH), ==, cases[i][1]);
  g_assert_cmpuint (cepa_schedule_batch (10000, CEPA_SCHEDULE_MAX_SERVER_BATCH), ==, 96);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_true (cepa_secret_init (NULL));
  cepa_random_seeded_init (&random_source, 1);
  g_test_add_func ("/schedule/backoff", test_backoff);
  g_test_add_func ("/schedule/backoff-grows", test_backoff_grows);
  g_test_add_func ("/schedule/next-consensus", test_next_consensus);
  g_test_add_func ("/schedule/next-consensus-fast", test_next_consensus_fast);
  g_test_add_func ("/schedule/batch", test_batch);
  return g_test_run ();
}
