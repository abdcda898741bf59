/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram machines of padding.circpad at work: draws, tokens, transitions, lengths, limits. */
#include <math.h>
#include <string.h>

#include "engine.h"
#include "support/seeded-host.h"

typedef struct
{
  SeededHost fake;
  CepaCircpadSpec *spec;
  CepaCircpadEngine *engine;
  guint n_actions;
  CepaPaddingAction action;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  seeded_host_init (&self->fake, 20261122);
}

static void
fixture_stop (Fixture *self)
{
  g_clear_pointer (&self->engine, cepa_circpad_engine_free);
  g_clear_pointer (&self->spec, cepa_circpad_spec_free);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_stop (self);
  seeded_host_clear (&self->fake);
}

/* A machine of the lines @text behind "machine test". */
static void
fixture_start (Fixture *self, const char *text)
{
  g_autofree char *all = g_strconcat ("machine test\n", text, NULL);
  g_autoptr (GError) error = NULL;

  fixture_stop (self);
  self->spec = cepa_circpad_spec_parse (all, strlen (all), "test", &error);
  g_assert_no_error (error);
  self->engine = cepa_circpad_engine_new (self->spec, &self->fake.host);
}

static void
fixture_tell (Fixture *self, CepaPaddingEventType type, guint count)
{
  CepaPaddingEvent event = { type, count };

  memset (&self->action, 0xff, sizeof self->action);
  self->n_actions = cepa_circpad_engine_trigger (self->engine, &event, 1, self->fake.clock.monotonic_us,
                                                 &self->action, 1);
}

static void
fixture_check_state (Fixture *self, const char *state)
{
  g_assert_cmpstr (cepa_circpad_engine_get_state (self->engine), ==, state);
}

static void
fixture_check_sends (Fixture *self, gint64 from_us, gint64 to_us)
{
  g_assert_cmpuint (self->n_actions, ==, 1);
  g_assert_cmpuint (self->action.type, ==, CEPA_PADDING_SEND);
  g_assert_cmpint (self->action.timeout_us, >=, from_us);
  g_assert_cmpint (self->action.timeout_us, <, to_us);
}

static void
fixture_check_cancels (Fixture *self)
{
  g_assert_cmpuint (self->n_actions, ==, 1);
  g_assert_cmpuint (self->action.type, ==, CEPA_PADDING_CANCEL);
  g_assert_cmpuint (self->action.timers, ==, CEPA_PADDING_TIMER_ACTION);
}

/* "4 2 1/3": the bins, and infinity behind the stroke. */
static void
fixture_check_tokens (Fixture *self, const char *tokens)
{
  g_autoptr (GString) got = g_string_new (NULL);
  guint n = self->spec->states[self->spec->n_states - 1].n_bins;

  for (guint i = 0; i < n; i++)
    g_string_append_printf (got, "%s%u", i > 0 ? " " : "", cepa_circpad_engine_get_tokens (self->engine, i));
  g_string_append_printf (got, "/%u", cepa_circpad_engine_get_tokens (self->engine, n));
  g_assert_cmpstr (got->str, ==, tokens);
}

/* ---- draws ---- */

/* Bins of different widths and weights, and infinity: by bins, and evenly within the widest. */
static void
test_histogram (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const double weights[] = { 1, 0, 6, 3, 10 };
  const guint n_draws = 100000;
  guint counts[5] = { 0 }, within[20] = { 0 }, degrees;
  double expected[5], even[20];

  fixture_start (self, "hop 3\nstate s\nbin 0 10 1\nbin 10 100 0\nbin 200 1200 6\nbin 1200 1201 3\ninfinity 10\n"
                       "on normal-received s\n");
  for (guint i = 0; i < n_draws; i++)
    {
      gint64 delay;

      fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
      delay = self->action.timeout_us;
      if (self->n_actions == 0 || self->action.type == CEPA_PADDING_CANCEL)
        counts[4]++;
      else
        {
          g_assert_cmpuint (self->action.hop, ==, 2);
          counts[delay < 10 ? 0 : delay < 200 ? 1 : delay < 1200 ? 2 : 3]++;
          g_assert_cmpint (delay, <=, 1200);
          if (delay >= 200 && delay < 1200)
            within[(delay - 200) / 50]++;
        }
    }
  for (guint i = 0; i < 5; i++)
    expected[i] = n_draws * weights[i] / 20;
  for (guint i = 0; i < 20; i++)
    even[i] = counts[2] / 20.0;
  g_assert_cmpfloat (seeded_host_chi_square (counts, expected, 5, &degrees), <, seeded_host_chi_square_limit (3));
  g_assert_cmpuint (degrees, ==, 3);
  g_assert_cmpfloat (seeded_host_chi_square (within, even, 20, &degrees), <, seeded_host_chi_square_limit (19));
  fixture_check_tokens (self, "1 0 6 3/10");
}

/* The quarters of each distribution are where its quantile function says. */
static void
test_distributions (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    CepaCircpadDistribution distribution;
    double quarters[3];
  } cases[] = {
    { { CEPA_CIRCPAD_UNIFORM, 100, 300 }, { 150, 200, 250 } },
    { { CEPA_CIRCPAD_LOGISTIC, 1000, 10 }, { 989.0139, 1000, 1010.9861 } },
    { { CEPA_CIRCPAD_LOG_LOGISTIC, 100, 2 }, { 57.7350, 100, 173.2051 } },
    { { CEPA_CIRCPAD_WEIBULL, 2, 100 }, { 53.6360, 83.2555, 117.7410 } },
    { { CEPA_CIRCPAD_PARETO, 100, 0.5 }, { 30.9401, 82.8427, 200 } },
    { { CEPA_CIRCPAD_PARETO, 100, 0 }, { 28.7682, 69.3147, 138.6294 } },
  };
  const guint n_draws = 40000;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint counts[4] = { 0 }, degrees;
      const double expected[4] = { n_draws / 4.0, n_draws / 4.0, n_draws / 4.0, n_draws / 4.0 };

      for (guint d = 0; d < n_draws; d++)
        {
          double value = cepa_circpad_distribution_draw (&cases[i].distribution, &self->fake.host);
          guint quarter = 0;

          while (quarter < 3 && value >= cases[i].quarters[quarter])
            quarter++;
          counts[quarter]++;
        }
      g_assert_cmpfloat (seeded_host_chi_square (counts, expected, 4, &degrees), <, seeded_host_chi_square_limit (3));
    }
}

static void
test_geometric (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircpadDistribution geometric = { CEPA_CIRCPAD_GEOMETRIC, 0.25, 0 }, certain = { CEPA_CIRCPAD_GEOMETRIC, 1, 0 };
  const guint n_draws = 40000;
  guint counts[40] = { 0 }, degrees;
  double expected[40];

  for (guint i = 0; i < 40; i++)
    expected[i] = i == 0 ? 0 : n_draws * 0.25 * pow (0.75, i - 1.0);
  expected[39] = n_draws * pow (0.75, 38);
  for (guint d = 0; d < n_draws; d++)
    {
      double value = cepa_circpad_distribution_draw (&geometric, &self->fake.host);

      g_assert_true (value >= 1 && value == floor (value));
      counts[(guint) MIN (value, 39)]++;
    }
  g_assert_cmpfloat (seeded_host_chi_square (counts, expected, 40, &degrees), <, seeded_host_chi_square_limit (degrees));
  g_assert_cmpfloat (cepa_circpad_distribution_draw (&certain, &self->fake.host), ==, 1);
}

static void
test_delay (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state s\ndelay uniform 1000 9000\ndelay-max 2000\ndelay-shift 500\non normal-received s\n");
  for (guint i = 0; i < 1000; i++)
    {
      fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
      fixture_check_sends (self, 1500, 2501);
    }
}

/* ---- tokens ---- */

#define BINS "state s\nbin 0 100 %u\nbin 100 200 %u\nbin 200 600 %u\nbin 600 700 %u\ninfinity 0\non normal-received s\n"

/* Padding is scheduled, and @elapsed_us later a cell with a purpose goes. */
static void
check_removal (Fixture *self, const char *how, const guint tokens[4], gint64 elapsed_us, const char *left)
{
  g_autofree char *bins = g_strdup_printf (BINS "tokens %s\n", tokens[0], tokens[1], tokens[2], tokens[3], how);

  fixture_start (self, bins);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_check_sends (self, 0, 700);
  self->fake.clock.monotonic_us += elapsed_us;
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1);
  if (strcmp (how, "keep") == 0)
    g_assert_cmpuint (self->n_actions, ==, 0);
  else
    fixture_check_cancels (self);
  fixture_check_tokens (self, left);
}

static void
test_removal (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint full[] = { 5, 5, 5, 5 }, hole[] = { 5, 0, 5, 5 }, sides[] = { 5, 0, 0, 5 };
  static const guint low[] = { 5, 0, 0, 0 }, high[] = { 0, 0, 0, 5 };

  check_removal (self, "keep", full, 150, "5 5 5 5/0");
  check_removal (self, "exact", full, 0, "4 5 5 5/0");
  check_removal (self, "exact", full, 99, "4 5 5 5/0");
  check_removal (self, "exact", full, 100, "5 4 5 5/0");
  check_removal (self, "exact", full, 5000, "5 5 5 4/0");
  check_removal (self, "exact", hole, 150, "5 0 5 5/0");
  check_removal (self, "higher", full, 150, "5 4 5 5/0");
  check_removal (self, "higher", hole, 150, "5 0 4 5/0");
  check_removal (self, "higher", low, 150, "5 0 0 0/0");
  check_removal (self, "lower", full, 150, "5 4 5 5/0");
  check_removal (self, "lower", hole, 150, "4 0 5 5/0");
  check_removal (self, "lower", high, 150, "0 0 0 5/0");
  check_removal (self, "closest", full, 150, "5 4 5 5/0");
  check_removal (self, "closest", hole, 150, "4 0 5 5/0"); /* as far: the lower */
  check_removal (self, "closest", sides, 150, "4 0 0 5/0");
  check_removal (self, "closest", sides, 300, "5 0 0 4/0");
  check_removal (self, "closest", low, 650, "4 0 0 0/0");
  check_removal (self, "closest", high, 50, "0 0 0 4/0");
  check_removal (self, "closest-time", hole, 150, "4 0 5 5/0"); /* 100 to the middle at 50, 250 to that at 400 */
  check_removal (self, "closest-time", sides, 300, "4 0 0 5/0"); /* 250 to 50, 350 to 650 */
  check_removal (self, "closest-time", sides, 350, "4 0 0 5/0"); /* as far: the lower */
  check_removal (self, "closest-time", sides, 351, "5 0 0 4/0");
  check_removal (self, "closest-time", high, 50, "0 0 0 4/0");
}

/* Padding takes the token that was drawn; infinity too, when it is drawn. */
static void
test_padding_takes_token (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state s\nbin 0 100 0\nbin 100 200 2\ninfinity 0\ntokens exact\non normal-received s\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_check_sends (self, 100, 200);
  fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
  fixture_check_tokens (self, "0 1/0");
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1); /* none is scheduled: nothing is taken */
  fixture_check_tokens (self, "0 1/0");
  fixture_start (self, "state s\ninfinity 2\ntokens exact\non normal-received s\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  g_assert_cmpuint (self->n_actions, ==, 0);
  fixture_check_tokens (self, "/1");
}

/* ---- transitions ---- */

static void
test_transitions (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *name;
    CepaPaddingEventType type;
  } events[] = {
    { "normal-received", CEPA_PADDING_NORMAL_RECEIVED },
    { "normal-sent", CEPA_PADDING_NORMAL_SENT },
    { "padding-received", CEPA_PADDING_PADDING_RECEIVED },
    { "padding-sent", CEPA_PADDING_PADDING_SENT },
    { "opened", CEPA_PADDING_OPENED },
    { "in-use", CEPA_PADDING_IN_USE },
    { "unused", CEPA_PADDING_UNUSED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autofree char *text
          = g_strdup_printf ("state a\nstate b\nbin 5 6 1\non %s end\nstate c\non %s b\n", events[i].name, events[i].name);
      g_autofree char *from_a = g_strdup_printf ("state a\non %s c\n%s", events[i].name, text + strlen ("state a\n"));

      fixture_start (self, from_a);
      fixture_check_state (self, "a");
      for (guint other = 0; other < G_N_ELEMENTS (events); other++)
        if (other != i)
          fixture_tell (self, events[other].type, 1);
      fixture_tell (self, CEPA_PADDING_TUNNEL_SENT, 1);
      fixture_tell (self, CEPA_PADDING_TUNNEL_RECEIVED, 1);
      fixture_check_state (self, "a");
      fixture_tell (self, events[i].type, 1);
      fixture_check_state (self, "c");
      fixture_tell (self, events[i].type, 1);
      fixture_check_state (self, "b");
      fixture_check_sends (self, 5, 6);
      fixture_tell (self, events[i].type, 1);
      fixture_check_state (self, "end");
      g_assert_cmpuint (self->n_actions, ==, 0);
      fixture_tell (self, events[i].type, 3);
      fixture_check_state (self, "end");
    }
}

/* Cells that come at once lead on, each to the next state. */
static void
test_counts (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const char *text = "state a\non normal-sent b\non normal-received b\nstate b\non normal-sent c\non normal-received c\n"
                     "state c\nbin 5 6 1\non normal-sent c\n";

  fixture_start (self, text);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 2);
  fixture_check_state (self, "c");
  fixture_check_sends (self, 5, 6);
  fixture_start (self, text);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 250);
  fixture_check_state (self, "c");
}

/* A machine in circles ends its turn. */
static void
test_circles (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state a\ninfinity 1\non normal-sent b\non infinity b\nstate b\ninfinity 1\non infinity a\n"
                       "on normal-sent a\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1000000);
  g_assert_cmpuint (self->n_actions, ==, 0);
}

static void
test_cancel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state a\nbin 5 6 1\non normal-received a\non normal-sent cancel\non padding-received ignore\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_PADDING_RECEIVED, 1);
  g_assert_cmpuint (self->n_actions, ==, 0);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1);
  fixture_check_cancels (self);
  fixture_check_state (self, "a");
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1); /* nothing is there to be cancelled */
  g_assert_cmpuint (self->n_actions, ==, 0);
}

static void
test_infinity (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state a\nbin 5 6 1\non normal-received b\nstate b\ninfinity 1\non infinity c\n"
                       "state c\nbin 7 8 1\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_check_state (self, "c");
  fixture_check_sends (self, 7, 8);
}

static void
test_bins_empty (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state a\nbin 5 6 2\ninfinity 0\ntokens exact\non normal-received a\non padding-sent a\n"
                       "on bins-empty b\nstate b\nbin 7 8 1\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
  fixture_check_state (self, "a");
  fixture_check_sends (self, 5, 6);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1); /* takes the last one */
  fixture_check_state (self, "b");
  fixture_check_sends (self, 7, 8);
}

/* ---- lengths and limits ---- */

static void
test_length (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const char *padding = "state a\non normal-received b\nstate b\nbin 5 6 1\nlength uniform 3 3\non padding-sent b\n"
                        "on length-up end\n";
  g_autofree char *all = g_strconcat (padding, "length-counts all\n", NULL);
  g_autofree char *capped = g_strconcat (padding, "length-min 5\nlength-max 1\n", NULL);

  fixture_start (self, padding);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 50);
  for (guint i = 0; i < 2; i++)
    {
      fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
      fixture_check_sends (self, 5, 6);
    }
  fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
  fixture_check_state (self, "end");
  fixture_start (self, all);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 2);
  fixture_check_state (self, "b");
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1);
  fixture_check_state (self, "end");
  fixture_start (self, all);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 50); /* all at once */
  fixture_check_state (self, "end");
  fixture_start (self, capped);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
  fixture_check_state (self, "end");
}

/* Ten cells are free, then at most half of what goes. */
static void
test_limit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n = 0;

  fixture_start (self, "allowed-cells 10\nmax-percent 50\nstate a\nbin 5 6 1\non padding-sent a\non normal-received a\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 20);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  while (self->n_actions == 1 && n < 1000)
    {
      n++;
      fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
    }
  g_assert_cmpuint (n, ==, 21);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 10);
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  g_assert_cmpuint (self->n_actions, ==, 1);
}

/* The budget of the host refused it: the machine goes on with the next event. */
static void
test_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self, "state s\nbin 100 101 2\ninfinity 0\ntokens exact\non normal-received s\n");
  fixture_tell (self, CEPA_PADDING_NORMAL_RECEIVED, 1);
  self->fake.clock.monotonic_us += 200;
  fixture_tell (self, CEPA_PADDING_REFUSED, 1);
  fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1);
  g_assert_cmpuint (self->n_actions, ==, 0);
  fixture_check_tokens (self, "2/0");
}

/* The machine that is shipped: it comes to rest, and its padding is within its limits. */
static void
test_shipped (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path
      = g_test_build_filename (G_TEST_DIST, "..", "plugins", "padding", "circpad", "machines", "adaptive.machine", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gint64 due = -1;
  guint n_padding = 0;
  gsize len;

  g_assert_true (g_file_get_contents (path, &text, &len, &error));
  self->spec = cepa_circpad_spec_parse (text, len, path, &error);
  g_assert_no_error (error);
  self->engine = cepa_circpad_engine_new (self->spec, &self->fake.host);
  fixture_tell (self, CEPA_PADDING_OPENED, 1);
  fixture_tell (self, CEPA_PADDING_IN_USE, 1);
  for (guint i = 0; i < 100000; i++)
    {
      if (self->n_actions == 1)
        due = self->action.type == CEPA_PADDING_SEND ? self->fake.clock.monotonic_us + self->action.timeout_us : -1;
      if (due < 0 && i > 50000)
        break;
      if (due < 0 || (i < 50000 && i % 3 == 0))
        {
          self->fake.clock.monotonic_us += 1000;
          fixture_tell (self, CEPA_PADDING_NORMAL_SENT, 1 + i % 5);
          continue;
        }
      self->fake.clock.monotonic_us = MAX (due, self->fake.clock.monotonic_us);
      due = -1;
      n_padding++;
      fixture_tell (self, CEPA_PADDING_PADDING_SENT, 1);
    }
  g_assert_cmpint (due, ==, -1);
  g_assert_cmpuint (n_padding, >, 100);
}

#define ADD(path, func) \
  g_test_add ("/circpad/engine/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("histogram", test_histogram);
  ADD ("distributions", test_distributions);
  ADD ("geometric", test_geometric);
  ADD ("delay", test_delay);
  ADD ("removal", test_removal);
  ADD ("padding-takes-token", test_padding_takes_token);
  ADD ("transitions", test_transitions);
  ADD ("counts", test_counts);
  ADD ("circles", test_circles);
  ADD ("cancel", test_cancel);
  ADD ("infinity", test_infinity);
  ADD ("bins-empty", test_bins_empty);
  ADD ("length", test_length);
  ADD ("limit", test_limit);
  ADD ("refused", test_refused);
  ADD ("shipped", test_shipped);
  return g_test_run ();
}
