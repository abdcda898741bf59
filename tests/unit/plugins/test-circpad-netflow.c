/* SPDX-License-Identifier: BSD-3-Clause */
/* Netflow padding of padding.circpad: when, how much, and what the relay is told. */
#include <string.h>

#include "netflow.h"
#include "support/seeded-host.h"

#define MS 1000

typedef struct
{
  SeededHost fake;
  CepaNetflow netflow;
  CepaNetflowMachine *machine;
  gint64 timer_us; /* when the internal timer is due; -1: not set */
  guint n_sent, n_stops, n_triggers;
  gboolean was_replace;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  seeded_host_init (&self->fake, 20261122);
  cepa_netflow_init (&self->netflow, &self->fake.host, CEPA_NETFLOW_AUTO, FALSE);
  self->timer_us = -1;
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer (&self->machine, cepa_netflow_machine_free);
  seeded_host_clear (&self->fake);
}

static void
fixture_tell (Fixture *self, CepaPaddingEventType type)
{
  CepaPaddingEvent event = { type, 1 };
  CepaPaddingAction actions[4];
  gint64 now = self->fake.clock.monotonic_us;
  guint32 n = cepa_netflow_machine_trigger (self->machine, &event, 1, now, actions, G_N_ELEMENTS (actions));

  self->n_triggers++;
  for (guint32 i = 0; i < n; i++)
    if (actions[i].type == CEPA_PADDING_SEND)
      {
        self->n_sent++;
        self->was_replace = (actions[i].flags & CEPA_PADDING_REPLACE) != 0;
        g_assert_cmpint (actions[i].timeout_us, ==, 0);
      }
    else if (actions[i].type == CEPA_PADDING_NEGOTIATE)
      {
        self->n_stops++;
        g_assert_cmpuint (actions[i].low_ms + actions[i].high_ms, ==, 0);
      }
    else
      {
        g_assert_cmpint (actions[i].type, ==, CEPA_PADDING_UPDATE_TIMER);
        g_assert_cmpint (actions[i].duration_us, >=, 0);
        self->timer_us = now + actions[i].duration_us;
      }
}

static void
fixture_open (Fixture *self, guint link_version)
{
  CepaPaddingTarget target = { .size = sizeof target, .link_version = link_version };

  g_clear_pointer (&self->machine, cepa_netflow_machine_free);
  self->machine = cepa_netflow_machine_new (&self->netflow, &target);
  self->timer_us = -1;
  fixture_tell (self, CEPA_PADDING_OPENED);
}

/* Lets time pass for @us, with what the timer brings. */
static void
fixture_pass (Fixture *self, gint64 us)
{
  gint64 end = self->fake.clock.monotonic_us + us;

  while (self->timer_us >= 0 && self->timer_us <= end)
    {
      self->fake.clock.monotonic_us = MAX (self->fake.clock.monotonic_us, self->timer_us);
      self->timer_us = -1;
      fixture_tell (self, CEPA_PADDING_TIMER_END);
    }
  self->fake.clock.monotonic_us = end;
}

/* How long an idle channel waits until it is padded, milliseconds. */
static guint
fixture_measure (Fixture *self)
{
  gint64 start = self->fake.clock.monotonic_us;
  guint before = self->n_sent;

  fixture_tell (self, CEPA_PADDING_TUNNEL_RECEIVED);
  while (self->n_sent == before)
    {
      g_assert_cmpint (self->timer_us, >=, 0);
      fixture_pass (self, MAX (self->timer_us - self->fake.clock.monotonic_us, 0));
    }
  return (guint) ((self->fake.clock.monotonic_us - start) / MS);
}

/* Of two even draws from R values the greater one is i with the chance (2i + 1) / R^2. */
static void
check_distribution (Fixture *self, guint low, guint high, guint n_draws, guint (*draw) (Fixture *self))
{
  guint range = high - low, degrees;
  g_autofree guint *counts = g_new0 (guint, range);
  g_autofree double *expected = g_new0 (double, range);
  double statistic;

  for (guint i = 0; i < range; i++)
    expected[i] = n_draws * (2.0 * i + 1) / ((double) range * range);
  for (guint i = 0; i < n_draws; i++)
    {
      guint value = draw (self);

      g_assert_cmpuint (value, >=, low);
      g_assert_cmpuint (value, <, high);
      counts[value - low]++;
    }
  statistic = seeded_host_chi_square (counts, expected, range, &degrees);
  g_test_message ("chi-square %f, %u degrees of freedom", statistic, degrees);
  g_assert_cmpuint (degrees, >, 20);
  g_assert_cmpfloat (statistic, <, seeded_host_chi_square_limit (degrees));
}

static guint
draw_time (Fixture *self)
{
  return cepa_netflow_draw_ms (&self->netflow);
}

static void
test_draw (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_distribution (self, 1500, 9500, 400000, draw_time);
}

/* As seen from outside, with cells before that come at any time. */
static guint
draw_padding (Fixture *self)
{
  for (guint i = cepa_random_u32 (&self->fake.random.random) % 4; i > 0; i--)
    {
      fixture_tell (self, CEPA_PADDING_TUNNEL_SENT);
      fixture_pass (self, cepa_random_u32 (&self->fake.random.random) % (110 * MS));
    }
  return fixture_measure (self);
}

static void
test_idle_times (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  seeded_host_set_param (&self->fake, "nf_ito_low", 50);
  seeded_host_set_param (&self->fake, "nf_ito_high", 100);
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  check_distribution (self, 50, 100, 20000, draw_padding);
  g_assert_true (self->was_replace);
}

/* While cells go there is one look at the clock in the least time, and no draw. */
static void
test_busy (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  for (guint i = 0; i < 10000; i++)
    {
      fixture_tell (self, CEPA_PADDING_TUNNEL_SENT);
      fixture_pass (self, 10 * MS);
    }
  g_assert_cmpuint (self->n_sent, ==, 0);
  g_assert_cmpuint (self->n_triggers, <=, 10000 + 2 + 100 * 1000 / 1490);
  g_assert_cmpuint (self->n_stops, ==, 0);
}

static gboolean
fixture_pads (Fixture *self)
{
  guint before = self->n_sent;

  fixture_tell (self, CEPA_PADDING_TUNNEL_SENT);
  fixture_pass (self, 120 * G_USEC_PER_SEC);
  g_assert_true (self->n_sent > before || self->timer_us == -1); /* who does not pad sleeps */
  return self->n_sent > before;
}

static void
test_usage (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 5);
  g_assert_false (fixture_pads (self));
  fixture_tell (self, CEPA_PADDING_IN_USE);
  g_assert_true (fixture_pads (self));
  fixture_tell (self, CEPA_PADDING_UNUSED);
  g_assert_true (fixture_pads (self)); /* once in use, always */
  seeded_host_set_param (&self->fake, "nf_pad_before_usage", 0);
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  g_assert_false (fixture_pads (self));
  fixture_tell (self, CEPA_PADDING_STREAM);
  g_assert_true (fixture_pads (self));
}

static void
test_modes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    CepaNetflowMode mode;
    gboolean reduced;
    guint link_version;
    gboolean stops, pads;
  } cases[] = {
    { CEPA_NETFLOW_NEVER, FALSE, 5, TRUE, FALSE },  { CEPA_NETFLOW_NEVER, FALSE, 4, FALSE, FALSE },
    { CEPA_NETFLOW_AUTO, FALSE, 5, FALSE, TRUE },   { CEPA_NETFLOW_AUTO, FALSE, 4, FALSE, FALSE },
    { CEPA_NETFLOW_ALWAYS, FALSE, 5, FALSE, TRUE }, { CEPA_NETFLOW_ALWAYS, FALSE, 4, FALSE, TRUE },
    { CEPA_NETFLOW_AUTO, TRUE, 5, TRUE, TRUE },     { CEPA_NETFLOW_ALWAYS, TRUE, 3, FALSE, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cepa_netflow_init (&self->netflow, &self->fake.host, cases[i].mode, cases[i].reduced);
      self->n_stops = 0;
      fixture_open (self, cases[i].link_version);
      g_assert_cmpuint (self->n_stops, ==, cases[i].stops);
      fixture_tell (self, CEPA_PADDING_IN_USE);
      g_assert_true (fixture_pads (self) == cases[i].pads);
      g_assert_cmpuint (self->n_stops, ==, cases[i].stops);
    }
}

static void
check_range (Fixture *self, guint low, guint high)
{
  guint least = G_MAXUINT, most = 0;

  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  for (guint i = 0; i < 20000; i++)
    {
      guint value = cepa_netflow_draw_ms (&self->netflow);

      least = MIN (least, value);
      most = MAX (most, value);
    }
  g_assert_cmpuint (least, >=, low);
  g_assert_cmpuint (least, <=, low + (high - low) / 4);
  g_assert_cmpuint (most, <=, high);
  g_assert_cmpuint (most, >=, high - (high - low) / 100);
}

static void
test_params (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_range (self, 1500, 9500);
  seeded_host_set_param (&self->fake, "nf_ito_low", 3000);
  seeded_host_set_param (&self->fake, "nf_ito_high", 4000);
  check_range (self, 3000, 4000);
  seeded_host_set_param (&self->fake, "nf_ito_high", 2000); /* never below the low one */
  check_range (self, 3000, 3000);
  seeded_host_set_param (&self->fake, "nf_ito_low", -1);
  seeded_host_set_param (&self->fake, "nf_ito_high", 100000);
  check_range (self, 0, 60000);
  self->netflow.reduced = TRUE;
  seeded_host_set_param (&self->fake, "nf_ito_low", 1500);
  seeded_host_set_param (&self->fake, "nf_ito_high", 9500);
  check_range (self, 9000, 14000);
  seeded_host_set_param (&self->fake, "nf_ito_low_reduced", 1000); /* never more than those who pad fully */
  seeded_host_set_param (&self->fake, "nf_ito_high_reduced", 20000);
  check_range (self, 1500, 20000);
}

/* 0 and 0: the network wants no padding. */
static void
test_disabled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  seeded_host_set_param (&self->fake, "nf_ito_low", 0);
  seeded_host_set_param (&self->fake, "nf_ito_high", 0);
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  g_assert_false (fixture_pads (self));
  seeded_host_set_param (&self->fake, "nf_ito_high", 1000); /* it has changed its mind: from the next cell on */
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  g_assert_true (fixture_pads (self));
}

/* A new range holds from the next cell on, whatever the timer was set to. */
static void
test_changed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  seeded_host_set_param (&self->fake, "nf_ito_low", 60000);
  seeded_host_set_param (&self->fake, "nf_ito_high", 60000);
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  fixture_pass (self, 30000 * MS);
  g_assert_cmpuint (self->n_sent, ==, 0);
  seeded_host_set_param (&self->fake, "nf_ito_low", 300);
  seeded_host_set_param (&self->fake, "nf_ito_high", 400);
  cepa_netflow_set_params (&self->netflow, &self->fake.view);
  g_assert_cmpuint (fixture_measure (self), <, 400);
}

/* For ever idle: padding goes on. */
static void
test_rate (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 5);
  fixture_tell (self, CEPA_PADDING_IN_USE);
  fixture_pass (self, G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC);
  /* The mean of low + max of two draws is 1500 + 8000 * 2 / 3 ms. */
  g_assert_cmpuint (self->n_sent, >, 12644 * 97 / 100);
  g_assert_cmpuint (self->n_sent, <, 12644 * 103 / 100);
}

#define ADD(path, func) \
  g_test_add ("/circpad/netflow/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("draw", test_draw);
  ADD ("idle-times", test_idle_times);
  ADD ("busy", test_busy);
  ADD ("usage", test_usage);
  ADD ("modes", test_modes);
  ADD ("params", test_params);
  ADD ("disabled", test_disabled);
  ADD ("changed", test_changed);
  ADD ("rate", test_rate);
  return g_test_run ();
}
