/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/loop.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/log-capture.h"

#define HOLD_US 7000
/* More than one turn asks about. */
#define N_MANY 150

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
  cepa_loop_probe_clear (&self->probe);
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

static gint64
thread_cpu_us (void)
{
  struct timespec now;

  g_assert_cmpint (clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now), ==, 0);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static gboolean
fixture_work (G_GNUC_UNUSED gpointer user_data)
{
  gint64 end = thread_cpu_us () + HOLD_US;

  while (thread_cpu_us () < end)
    continue;
  return G_SOURCE_REMOVE;
}

/* Only when somebody reads of it. */
static void
test_probe_measures_cpu (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (gboolean is_read = FALSE; is_read <= TRUE; is_read++)
    {
      g_autoptr (GSource) source = g_idle_source_new ();
      g_autofree char *log = NULL;
      LogCapture capture;

      log_capture_start (&capture, is_read ? CEPA_LOG_INFO : CEPA_LOG_NOTICE);
      g_source_set_callback (source, fixture_work, NULL, NULL);
      g_source_attach (source, self->context);
      g_main_context_iteration (self->context, TRUE);
      g_main_context_iteration (self->context, FALSE);
      log = log_capture_stop (&capture);
      if (is_read)
        {
          log_capture_assert_has (log, " ms of CPU time, more than before");
          g_assert_cmpint (cepa_loop_probe_get_longest_cpu_us (self->probe), >=, HOLD_US);
        }
      else
        g_assert_cmpint (cepa_loop_probe_get_longest_cpu_us (self->probe), ==, 0);
    }
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
  CepaLoopWatch *timer = cepa_loop_watch_fd (self->context, -1, "test", fixture_count, self);
  gint64 began = g_get_monotonic_time ();

  cepa_loop_set_delay (timer, 50 * HOLD_US);
  while (self->n_calls == 0)
    g_main_context_iteration (self->context, TRUE);
  g_main_context_iteration (self->context, FALSE);
  g_assert_cmpint (cepa_loop_probe_get_longest_us (self->probe), <, g_get_monotonic_time () - began);
  cepa_loop_clear (&timer);
}

/* ---- watches ---- */

/* One end of a pair of sockets, and what its watch was called with. */
typedef struct
{
  GMainContext *context;
  int fds[2];
  CepaLoopWatch *watch;
  CepaLoopWatch **clears; /* (nullable): in its call */
  GIOCondition wants;     /* from its call on, unless it is 0 */
  guint n_calls;
  GIOCondition seen;
} End;

static void
end_ready (gpointer user_data, GIOCondition revents)
{
  End *self = user_data;

  self->n_calls++;
  self->seen = revents;
  if (self->clears != NULL)
    cepa_loop_clear (self->clears);
  if (self->wants != 0)
    cepa_loop_set_condition (self->watch, self->wants);
}

static void
end_open (End *self, GMainContext *context)
{
  *self = (End){ .context = context };
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->fds), ==, 0);
  self->watch = cepa_loop_watch_fd (context, self->fds[0], "end", end_ready, self);
}

static void
end_write (End *self)
{
  g_assert_cmpint (write (self->fds[1], "x", 1), ==, 1);
}

static void
end_close (End *self)
{
  cepa_loop_clear (&self->watch);
  close (self->fds[0]);
  close (self->fds[1]);
}

/* Turns until nothing is ready. Returns: how many called somebody. */
static guint
run_ready (GMainContext *context)
{
  guint n = 0;

  while (n < 1000 && g_main_context_iteration (context, FALSE))
    n++;
  return n;
}

static void
test_conditions (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  End end;

  end_open (&end, self->context);
  end_write (&end);
  g_assert_cmpuint (run_ready (self->context), ==, 0); /* nothing was asked for */
  cepa_loop_set_condition (end.watch, G_IO_IN);
  cepa_loop_set_condition (end.watch, 0);
  g_assert_cmpuint (run_ready (self->context), ==, 0);
  cepa_loop_set_condition (end.watch, G_IO_IN);
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_cmpint (end.seen, ==, G_IO_IN);
  g_assert_true (g_main_context_iteration (self->context, FALSE)); /* as long as it is not read */
  g_assert_cmpuint (end.n_calls, ==, 2);
  end.wants = G_IO_OUT;
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_cmpint (end.seen, ==, G_IO_OUT);
  cepa_loop_set_condition (end.watch, G_IO_IN);
  end.wants = G_IO_ERR; /* no more of either: what is there to be read wakes nobody */
  g_assert_cmpuint (run_ready (self->context), ==, 1);
  g_assert_cmpuint (run_ready (self->context), ==, 0);
  g_assert_cmpint (shutdown (end.fds[1], SHUT_RDWR), ==, 0);
  g_assert_true (g_main_context_iteration (self->context, FALSE)); /* that comes unasked */
  g_assert_cmpint (end.seen & G_IO_HUP, ==, G_IO_HUP);
  end_close (&end);
}

static void
test_times (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  End ends[2];
  gint64 began = g_get_monotonic_time ();

  for (guint i = 0; i < 2; i++)
    end_open (&ends[i], self->context);
  /* The earlier is taken back, and it is the later that is waited for. */
  cepa_loop_set_delay (ends[0].watch, HOLD_US);
  cepa_loop_set_delay (ends[1].watch, 10 * HOLD_US);
  g_assert_true (cepa_loop_has_delay (ends[0].watch));
  cepa_loop_set_delay (ends[0].watch, -1);
  g_assert_false (cepa_loop_has_delay (ends[0].watch));
  while (ends[1].n_calls == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, 10 * HOLD_US);
  g_assert_cmpuint (ends[0].n_calls, ==, 0);
  g_assert_false (cepa_loop_has_delay (ends[1].watch)); /* it is spent */
  /* At once, and not again; with what there is to be read, in one call. */
  cepa_loop_set_condition (ends[0].watch, G_IO_IN);
  cepa_loop_set_delay (ends[0].watch, 0);
  end_write (&ends[0]);
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_cmpuint (ends[0].n_calls, ==, 1);
  g_assert_cmpint (ends[0].seen, ==, G_IO_IN);
  cepa_loop_set_condition (ends[0].watch, 0);
  cepa_loop_set_due_us (ends[1].watch, 1);
  g_assert_cmpuint (run_ready (self->context), ==, 1);
  g_assert_cmpint (ends[1].seen, ==, 0);
  for (guint i = 0; i < 2; i++)
    end_close (&ends[i]);
}

/* What is set in a call is for the next turn, however short its time: the loop goes on in between. */
static void
again (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  End *self = user_data;

  self->n_calls++;
  cepa_loop_set_delay (self->watch, 0);
}

static void
test_again (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  End end = { 0 };

  end.watch = cepa_loop_watch_fd (self->context, -1, "again", again, &end);
  cepa_loop_set_delay (end.watch, 0);
  for (guint i = 1; i <= 3; i++)
    {
      g_assert_true (g_main_context_iteration (self->context, FALSE));
      g_assert_cmpuint (end.n_calls, ==, i);
    }
  cepa_loop_clear (&end.watch);
  g_assert_null (end.watch);
  cepa_loop_clear (&end.watch);
}

/* Both are ready in one turn: the first ends itself, or the other, which is not called then. */
static void
test_cleared (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint who = 0; who < 2; who++)
    {
      End ends[2];

      for (guint i = 0; i < 2; i++)
        {
          end_open (&ends[i], self->context);
          cepa_loop_set_condition (ends[i].watch, G_IO_IN);
          cepa_loop_set_delay (ends[i].watch, 0);
          end_write (&ends[i]);
          ends[i].clears = &ends[who == 0 ? i : 1 - i].watch;
        }
      g_assert_true (g_main_context_iteration (self->context, FALSE));
      g_assert_cmpuint (ends[0].n_calls + ends[1].n_calls, ==, who == 0 ? 2 : 1);
      g_assert_cmpint ((ends[0].watch == NULL) + (ends[1].watch == NULL), ==, who == 0 ? 2 : 1);
      for (guint i = 0; i < 2; i++)
        end_close (&ends[i]);
    }
}

/* What epoll does not take: a file, and a descriptor that has a watch already. */
static void
test_plain (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = NULL;
  End end, second = { 0 };
  int fd = g_file_open_tmp ("cepa-loop-XXXXXX", &path, NULL);
  CepaLoopWatch *file = cepa_loop_watch_fd (self->context, fd, "file", end_ready, &second);

  cepa_loop_set_condition (file, G_IO_IN);
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_cmpint (second.seen, ==, G_IO_IN);
  cepa_loop_set_condition (file, 0);
  run_ready (self->context);
  cepa_loop_clear (&file);
  close (fd);
  g_unlink (path);

  end_open (&end, self->context);
  second = (End){ .watch = cepa_loop_watch_fd (self->context, end.fds[0], "second", end_ready, &second) };
  cepa_loop_set_condition (end.watch, G_IO_IN);
  cepa_loop_set_condition (second.watch, G_IO_IN);
  end_write (&end);
  while (end.n_calls == 0 || second.n_calls == 0)
    g_main_context_iteration (self->context, TRUE);
  cepa_loop_clear (&end.watch);
  second.seen = 0;
  g_assert_true (g_main_context_iteration (self->context, FALSE));
  g_assert_cmpint (second.seen, ==, G_IO_IN);
  cepa_loop_clear (&second.watch);
  end_close (&end);
}

static void
test_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree End *ends = g_new (End, N_MANY);
  guint n_called = 0, n_turns = 0;

  for (guint i = 0; i < N_MANY; i++)
    {
      end_open (&ends[i], self->context);
      cepa_loop_set_condition (ends[i].watch, G_IO_IN);
      end_write (&ends[i]);
    }
  while (n_called < N_MANY && n_turns++ < N_MANY)
    {
      g_main_context_iteration (self->context, FALSE);
      n_called = 0;
      for (guint i = 0; i < N_MANY; i++)
        n_called += ends[i].n_calls > 0;
    }
  g_assert_cmpuint (n_called, ==, N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    end_close (&ends[i]);
}

#define ADD(path, function) g_test_add ("/base/loop/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

/* Times that no clock comes to: they do not come, and are set. */
static void
test_far_delay (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaLoopWatch *timer = cepa_loop_watch_fd (self->context, -1, "test", fixture_count, self);

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
  ADD ("conditions", test_conditions);
  ADD ("times", test_times);
  ADD ("far-delay", test_far_delay);
  ADD ("again", test_again);
  ADD ("cleared", test_cleared);
  ADD ("plain", test_plain);
  ADD ("many", test_many);
  ADD ("probe/any-source", test_probe_measures_any_source);
  ADD ("probe/longest", test_probe_keeps_the_longest);
  ADD ("probe/waiting", test_probe_does_not_count_waiting);
  ADD ("probe/cpu", test_probe_measures_cpu);
  return g_test_run ();
}
