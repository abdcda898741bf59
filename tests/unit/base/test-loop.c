/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/loop.h"

#define HOLD_US 7000

typedef struct
{
  GMainContext *context;
  GSource *probe;
  guint n_calls;
  gint64 hold_us;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->context = g_main_context_new ();
  self->probe = cepa_loop_probe_new (self->context);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_loop_clear (&self->probe);
  g_main_context_unref (self->context);
}

static gboolean
fixture_hold (gpointer user_data)
{
  Fixture *self = user_data;
  gint64 end = g_get_monotonic_time () + self->hold_us;

  while (g_get_monotonic_time () < end)
    continue;
  self->n_calls++;
  return G_SOURCE_REMOVE;
}

/* Has a plain source of GLib's hold the loop. */
static void
fixture_run_held (Fixture *self, gint64 hold_us)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  self->hold_us = hold_us;
  g_source_set_callback (source, fixture_hold, self, NULL);
  g_source_attach (source, self->context);
  g_main_context_iteration (self->context, TRUE);
  /* The turn's end is where the next begins. */
  g_main_context_iteration (self->context, FALSE);
}

static void
test_probe_measures_any_source (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_cmpint (cepa_loop_probe_get_longest_us (self->probe), ==, 0);
  fixture_run_held (self, HOLD_US);
  g_assert_cmpuint (self->n_calls, ==, 1);
  g_assert_cmpint (cepa_loop_probe_get_longest_us (self->probe), >=, HOLD_US);
}

static void
test_probe_keeps_the_longest (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 longest;

  fixture_run_held (self, 3 * HOLD_US);
  longest = cepa_loop_probe_get_longest_us (self->probe);
  fixture_run_held (self, 0);
  g_assert_cmpint (cepa_loop_probe_get_longest_us (self->probe), >=, longest);
}

static void
fixture_count (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  ((Fixture *) user_data)->n_calls++;
}

/* What waits is not held: the probe is not ready by itself, and the waiting is not counted. */
static void
test_probe_does_not_count_waiting (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GSource *timer = cepa_loop_watch_fd (self->context, -1, "test", fixture_count, self);
  gint64 began = g_get_monotonic_time ();

  cepa_loop_set_delay (timer, 50 * HOLD_US);
  while (self->n_calls == 0)
    g_main_context_iteration (self->context, TRUE);
  g_main_context_iteration (self->context, FALSE);
  g_assert_cmpint (cepa_loop_probe_get_longest_us (self->probe), <, g_get_monotonic_time () - began);
  cepa_loop_clear (&timer);
}

/* Times that no clock comes to: they do not come, and are set. */
static void
test_far_delay (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GSource *timer = cepa_loop_watch_fd (self->context, -1, "test", fixture_count, self);

  cepa_loop_set_delay (timer, G_MAXINT64);
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_assert_cmpuint (self->n_calls, ==, 0);
  g_assert_true (cepa_loop_has_delay (timer));
  cepa_loop_set_delay (timer, 0);
  g_main_context_iteration (self->context, FALSE);
  g_assert_cmpuint (self->n_calls, ==, 1);
  g_assert_false (cepa_loop_has_delay (timer));
  cepa_loop_clear (&timer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/base/loop/probe/any-source", Fixture, NULL, fixture_set_up, test_probe_measures_any_source,
              fixture_tear_down);
  g_test_add ("/base/loop/probe/longest", Fixture, NULL, fixture_set_up, test_probe_keeps_the_longest,
              fixture_tear_down);
  g_test_add ("/base/loop/probe/waiting", Fixture, NULL, fixture_set_up, test_probe_does_not_count_waiting,
              fixture_tear_down);
  g_test_add ("/base/loop/far-delay", Fixture, NULL, fixture_set_up, test_far_delay, fixture_tear_down);
  return g_test_run ();
}
