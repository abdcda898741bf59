/* SPDX-License-Identifier: BSD-3-Clause */
/* The watch of the clock is quiet while nobody sets it. Setting it is for tests of a whole machine. */
#include "base/clock-watch.h"
#include "base/loop.h"

static void
note_jump (gpointer user_data, G_GNUC_UNUSED gint64 jump_s)
{
  *(guint *) user_data += 1;
}

static void
note_time (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  *(gboolean *) user_data = TRUE;
}

static void
test_quiet (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  gboolean is_over = FALSE;
  guint n = 0;
  CepaClockWatch *watch = cepa_clock_watch_new (context, note_jump, &n);
  CepaLoopWatch *timer = cepa_loop_watch_fd (context, -1, "test", note_time, &is_over);

  g_assert_nonnull (watch);
  cepa_loop_set_delay (timer, G_USEC_PER_SEC / 20);
  while (!is_over)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (n, ==, 0);
  cepa_clock_watch_free (watch);
  cepa_loop_clear (&timer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock-watch/quiet", test_quiet);
  return g_test_run ();
}
