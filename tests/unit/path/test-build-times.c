/* SPDX-License-Identifier: BSD-3-Clause */
/* How long circuits are waited for. The estimates are held to those of C Tor 0.4.9's test "circuit_timeout_xm_alpha"
   (src/test/test.c). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "path/build-times.h"
#include "support/test-consensus.h"

#define SECONDS(n) ((gint64) (n) * G_USEC_PER_SEC)
#define ABANDONED 0

typedef struct
{
  CepaBuildTimes *times;
  CepaBuildTimesParams params;
  CepaRandomSeeded random;
  gint64 now_us;
  guint n_computed, n_reset, n_grown;
  CepaBuildTimesFigures told;
} Fixture;

static void
fixture_changed (gpointer user_data, CepaBuildTimesChange change, const CepaBuildTimesFigures *figures)
{
  Fixture *self = user_data;

  if (change == CEPA_BUILD_TIMES_GROWN)
    {
      self->n_grown++;
      return;
    }
  self->told = *figures;
  self->n_computed += change == CEPA_BUILD_TIMES_COMPUTED;
  self->n_reset += change == CEPA_BUILD_TIMES_RESET;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  cepa_build_times_params_init (&self->params, NULL);
  cepa_random_seeded_init (&self->random, 1);
  self->times = cepa_build_times_new (TRUE, 0, fixture_changed, self);
  self->now_us = SECONDS (1000);
  cepa_build_times_note_live (self->times, self->now_us);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_build_times_free (self->times);
}

/* A circuit that took @ms, or one that was closed. */
static void
feed (Fixture *self, guint ms)
{
  if (ms == ABANDONED)
    cepa_build_times_note_close (self->times, self->now_us, cepa_build_times_get_close_us (self->times));
  else
    cepa_build_times_note_built (self->times, (gint64) ms * 1000, FALSE);
}

static guint
timeout_ms (Fixture *self)
{
  return (guint) (cepa_build_times_get_timeout_us (self->times, CEPA_BUILD_TIMES_GENERAL) / 1000);
}

/* ---- the estimate ---- */

static void
test_vectors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint modes[] = { 100, 20, 1000, 500, 200, 5000, 30, 600, 200, 300 };
  static const struct
  {
    guint n_modes, xm;
    double alpha;
  } vectors[] = {
    { 1, 205, 1.394401 }, { 3, 117, 0.902313 },  { 5, 146, 1.049032 },
    { 10, 800, 4.851754 }, { 15, 800, 4.851754 }, { 20, 800, 4.851754 },
  };

  for (guint i = 0; i < 10; i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (modes); j++)
        feed (self, modes[j] + i);
      feed (self, ABANDONED);
    }
  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      CepaBuildTimesFigures figures;

      self->params.n_modes = vectors[i].n_modes;
      cepa_build_times_set_params (self->times, &self->params);
      feed (self, ABANDONED); /* counts for neither of the two */
      cepa_build_times_get_figures (self->times, &figures);
      g_assert_cmpuint (figures.n_times, ==, 111 + i);
      g_assert_cmpuint (figures.xm_ms, ==, vectors[i].xm);
      g_assert_cmpfloat_with_epsilon (figures.alpha, vectors[i].alpha, 0.00001);
    }
}

/* Times drawn from a Pareto curve by their quantiles: the timeout is where the curve has it. */
static void
test_quantiles (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const double xm = 1000, alpha = 2;
  double timeout = xm / pow (1 - 0.8, 1 / alpha);

  self->params.n_modes = 1;
  self->params.initial_ms = 1000;
  cepa_build_times_set_params (self->times, &self->params);
  for (guint i = 0; i < 500; i++)
    feed (self, (guint) (xm / pow (1 - (i + 0.5) / 500, 1 / alpha)));
  g_assert_cmpfloat_with_epsilon (timeout_ms (self) / timeout, 1, 0.02);
  g_assert_cmpfloat_with_epsilon (cepa_build_times_get_close_us (self->times) / 1000.0
                                      / (xm / pow (1 - 0.99, 1 / alpha)), 1, 0.05);
}

static void
test_bounds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (cepa_build_times_is_learning (self->times));
  for (guint i = 0; i < 99; i++)
    feed (self, 2);
  g_assert_cmpuint (timeout_ms (self), ==, 60000);
  g_assert_true (cepa_build_times_is_learning (self->times));
  feed (self, 3);
  g_assert_false (cepa_build_times_is_learning (self->times));
  /* Never below ten milliseconds, and measured for a minute. */
  g_assert_cmpuint (timeout_ms (self), ==, 10);
  g_assert_cmpint (cepa_build_times_get_close_us (self->times), ==, SECONDS (60));
  g_assert_cmpuint (self->n_computed, ==, 1);
  g_assert_cmpuint (self->n_grown, ==, 10);
  g_assert_cmpuint (self->told.n_times, ==, 100);
  g_assert_cmpfloat (self->told.quantile, ==, 0.8);
  for (guint i = 0; i < 2000; i++)
    feed (self, 40000);
  /* Never above the longest that was seen. */
  g_assert_cmpuint (timeout_ms (self), ==, 40000);
  g_assert_cmpint (cepa_build_times_get_close_us (self->times), ==, SECONDS (80));
  g_assert_cmpuint (self->told.n_times, ==, CEPA_BUILD_TIMES_MAX);
}

static void
test_kinds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const gint64 expected_s[] = { 60, 101, 141, 91, 181, 41 };

  for (guint i = 0; i < G_N_ELEMENTS (expected_s); i++)
    g_assert_cmpint (cepa_build_times_get_timeout_us (self->times, i), ==, SECONDS (expected_s[i]));
}

/* ---- what is not learned from ---- */

static void
learn (Fixture *self)
{
  for (guint i = 0; i < 100; i++)
    feed (self, 1000 + i);
}

/* While nothing comes from any relay, what circuits do says nothing. */
static void
test_dead_network (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  learn (self);
  self->now_us += SECONDS (100);
  feed (self, ABANDONED);
  feed (self, ABANDONED);
  feed (self, 500);
  g_assert_cmpuint (self->n_computed, ==, 1);
  cepa_build_times_note_live (self->times, self->now_us + 1);
  feed (self, 500);
  g_assert_cmpuint (self->n_computed, ==, 2);
  g_assert_cmpuint (self->told.n_times, ==, 101);
}

static void
test_strange (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  learn (self);
  cepa_build_times_note_built (self->times, -1, FALSE);
  cepa_build_times_note_built (self->times, SECONDS (121) + 1, FALSE);
  cepa_build_times_note_close (self->times, self->now_us, SECONDS (121) + 1);
  g_assert_cmpuint (self->n_computed, ==, 1);
  cepa_build_times_note_built (self->times, SECONDS (121), FALSE);
  g_assert_cmpuint (self->n_computed, ==, 2);
}

/* 18 of the last 20 time out behind their first hop: all anew, with the first timeout; when that happens again, with
   twice as much. */
static void
test_reset (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  learn (self);
  for (guint i = 0; i < 17; i++)
    cepa_build_times_note_timeout (self->times, TRUE);
  for (guint i = 0; i < 50; i++)
    cepa_build_times_note_timeout (self->times, FALSE); /* the guard may be to blame */
  g_assert_cmpuint (self->n_reset, ==, 0);
  g_assert_cmpuint (timeout_ms (self), <, 2000);
  cepa_build_times_note_timeout (self->times, TRUE);
  g_assert_cmpuint (self->n_reset, ==, 1);
  g_assert_cmpfloat (self->told.quantile, ==, 1);
  g_assert_cmpuint (self->told.n_times, ==, 0);
  g_assert_cmpuint (timeout_ms (self), ==, 60000);
  g_assert_true (cepa_build_times_is_learning (self->times));
  for (guint i = 0; i < 18; i++)
    cepa_build_times_note_timeout (self->times, TRUE);
  g_assert_cmpuint (self->n_reset, ==, 2);
  g_assert_cmpuint (timeout_ms (self), ==, 120000);
}

/* Those that are built in time push the others out. */
/* What was learned is dropped on request: back to the beginning, and it can be learned anew. */
static void
test_drop (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < 120; i++)
    feed (self, 300 + i);
  g_assert_false (cepa_build_times_is_learning (self->times));
  g_assert_cmpuint (self->told.timeout_ms, <, 1000);
  cepa_build_times_drop (self->times);
  g_assert_cmpuint (self->n_reset, ==, 1);
  g_assert_cmpuint (self->told.n_times, ==, 0);
  g_assert_cmpuint (self->told.timeout_ms, ==, 60000);
  g_assert_cmpuint (self->told.close_ms, ==, 60000);
  g_assert_cmpfloat (self->told.alpha, ==, 0);
  g_assert_true (cepa_build_times_is_learning (self->times));
  for (guint i = 0; i < 100; i++)
    feed (self, 3000 + i);
  g_assert_false (cepa_build_times_is_learning (self->times));
  g_assert_cmpuint (self->told.timeout_ms, >, 3000);
}

static void
test_recent (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  learn (self);
  for (guint i = 0; i < 200; i++)
    {
      cepa_build_times_note_timeout (self->times, TRUE);
      if (i % 5 == 0)
        cepa_build_times_note_built (self->times, SECONDS (1), FALSE);
      else
        cepa_build_times_note_built (self->times, SECONDS (1), TRUE); /* that very circuit, measured to its end */
    }
  g_assert_cmpuint (self->n_reset, ==, 0);
  g_assert_cmpfloat_with_epsilon (self->told.timeout_rate, 200.0 / (200 + 40 + 100), 0.01);
}

static void
test_disabled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree CepaBuildTimes *fixed = cepa_build_times_new (FALSE, 7000, fixture_changed, self);
  g_autofree CepaBuildTimes *start = cepa_build_times_new (TRUE, 7000, fixture_changed, self);

  g_assert_false (cepa_build_times_is_learning (fixed));
  g_assert_true (cepa_build_times_is_learning (start));
  g_assert_cmpint (cepa_build_times_get_timeout_us (start, CEPA_BUILD_TIMES_GENERAL), ==, SECONDS (7));
  for (guint i = 0; i < 200; i++)
    {
      cepa_build_times_note_built (fixed, 1000, FALSE);
      cepa_build_times_note_timeout (fixed, TRUE);
    }
  g_assert_cmpuint (self->n_computed + self->n_reset, ==, 0);
  g_assert_cmpint (cepa_build_times_get_timeout_us (fixed, CEPA_BUILD_TIMES_GENERAL), ==, SECONDS (7));
  learn (self);
  self->params.is_disabled = TRUE;
  cepa_build_times_set_params (self->times, &self->params);
  g_assert_cmpuint (timeout_ms (self), ==, 60000);
  self->params.is_disabled = FALSE;
  cepa_build_times_set_params (self->times, &self->params);
  g_assert_cmpuint (timeout_ms (self), <, 2000);
  cepa_build_times_set_is_lost (self->times, TRUE);
  g_assert_cmpuint (timeout_ms (self), ==, 60000);
  g_assert_false (cepa_build_times_is_learning (self->times));
  cepa_build_times_set_is_lost (self->times, FALSE);
  g_assert_cmpuint (timeout_ms (self), <, 2000);
}

static void
test_params (G_GNUC_UNUSED Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  TestRelay relays[] = { { .flags = TEST_RELAY_FLAGS } };
  TestConsensus spec = { relays, 1,
                         .params = "cbtclosequantile=50 cbtdisabled=1 cbtinitialtimeout=5 cbtmaxopencircs=99 "
                                   "cbtmincircs=7 cbtmintimeout=400 cbtnummodes=0 cbtquantile=60 cbtrecentcount=2 "
                                   "cbttestfreq=1" };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  CepaBuildTimesParams params;

  cepa_build_times_params_init (&params, consensus);
  g_assert_true (params.is_disabled);
  g_assert_cmpuint (params.quantile, ==, 60);
  g_assert_cmpuint (params.close_quantile, ==, 60); /* not below the other */
  g_assert_cmpuint (params.min_circuits, ==, 7);
  g_assert_cmpuint (params.min_ms, ==, 400);
  g_assert_cmpuint (params.initial_ms, ==, 400);
  g_assert_cmpuint (params.n_modes, ==, 1);
  g_assert_cmpuint (params.recent_count, ==, 3);
  g_assert_cmpuint (params.max_timeouts, ==, 18);
  g_assert_cmpuint (params.max_open, ==, 14);
  g_assert_cmpuint (params.test_freq_s, ==, 1);
  g_assert_cmpuint (params.learn_timeout_s, ==, 180);
}

/* ---- the state file ---- */

static void
test_state (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree CepaBuildTimes *other = cepa_build_times_new (TRUE, 0, NULL, NULL);
  g_autoptr (GVariant) saved = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  CepaBuildTimesFigures before, after;

  for (guint i = 0; i < 900; i++)
    feed (self, 300 + i * 7 % 900);
  for (guint i = 0; i < 30; i++)
    feed (self, ABANDONED);
  saved = g_variant_ref_sink (cepa_build_times_to_variant (self->times));
  g_assert_true (cepa_build_times_from_variant (other, saved, &self->random.random, &error));
  g_assert_no_error (error);
  again = g_variant_ref_sink (cepa_build_times_to_variant (other));
  g_assert_true (g_variant_equal (saved, again));
  cepa_build_times_get_figures (self->times, &before);
  cepa_build_times_get_figures (other, &after);
  g_assert_cmpuint (after.n_times, ==, 930);
  g_assert_cmpuint (after.xm_ms, ==, before.xm_ms);
  g_assert_cmpfloat_with_epsilon (after.timeout_ms, before.timeout_ms, before.timeout_ms / 50.0);
}

/* As JSON gives it back, and what nobody may be taken in by. */
static void
test_state_forms (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *text;
    gboolean is_good;
  } forms[] = {
    { "{'total': <int64 5>, 'abandoned': <int64 1>, 'bins': <[<int64 15>, <int64 1>, <int64 25>, <int64 3>]>}", TRUE },
    { "{'total': <int64 0>, 'abandoned': <int64 0>, 'bins': <@av []>}", TRUE },
    { "{'total': <int64 6>, 'abandoned': <int64 1>, 'bins': <[<int64 15>, <int64 1>, <int64 25>, <int64 3>]>}", FALSE },
    { "{'total': <int64 5>, 'abandoned': <int64 -1>, 'bins': <[<int64 15>, <int64 6>]>}", FALSE },
    { "{'total': <int64 1001>, 'abandoned': <int64 0>, 'bins': <[<int64 15>, <int64 1001>]>}", FALSE },
    { "{'total': <int64 9000000000>, 'abandoned': <int64 9000000000>, 'bins': <@av []>}", FALSE },
    { "{'total': <int64 1>, 'abandoned': <int64 0>, 'bins': <[<int64 0>, <int64 1>]>}", FALSE },
    { "{'total': <int64 1>, 'abandoned': <int64 0>, 'bins': <[<int64 4294967295>, <int64 1>]>}", FALSE },
    { "{'total': <int64 1>, 'abandoned': <int64 0>, 'bins': <[<int64 15>]>}", FALSE },
    { "{'total': <int64 1>, 'abandoned': <int64 0>, 'bins': <['15', '1']>}", FALSE },
    { "{'total': <int64 1>, 'abandoned': <int64 0>}", FALSE },
    { "{'total': <'1'>}", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GVariant) form = g_variant_parse (G_VARIANT_TYPE_VARDICT, forms[i].text, NULL, NULL, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (form);
      g_assert_cmpint (cepa_build_times_from_variant (self->times, form, &self->random.random, &error), ==,
                       forms[i].is_good);
      if (!forms[i].is_good)
        g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
#define ADD(name, func) \
  g_test_add ("/path/build-times/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
  ADD ("vectors", test_vectors);
  ADD ("quantiles", test_quantiles);
  ADD ("bounds", test_bounds);
  ADD ("kinds", test_kinds);
  ADD ("dead-network", test_dead_network);
  ADD ("strange", test_strange);
  ADD ("reset", test_reset);
  ADD ("drop", test_drop);
  ADD ("recent", test_recent);
  ADD ("disabled", test_disabled);
  ADD ("params", test_params);
  ADD ("state", test_state);
  ADD ("state-forms", test_state_forms);
  return g_test_run ();
}
