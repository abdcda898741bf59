/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake host's timers, by a clock that is set, and watches, by the real poll. */
#include <fcntl.h>
#include <glib-unix.h>

#include "fake-host-private.h"

/* Real time for which nothing must happen before the clock moves on to the next timer. */
#define FAKE_LOOP_QUIET_MS 10

/* Real time after which the clock moves on although sources are dispatched all the time. */
#define FAKE_LOOP_BUSY_US (50 * G_TIME_SPAN_MILLISECOND)

/* Real time after which sources that are dispatched all the time, without timers, are not waited for any more. */
#define FAKE_LOOP_ACTIVE_US (5 * G_TIME_SPAN_SECOND)

/* Turns of the loop between two timers when the clock is set on. */
#define FAKE_LOOP_MAX_TURNS 100

/* Real time after which nothing more is waited for, when there is no timer that could bring it. */
#define FAKE_LOOP_PATIENCE_US (2 * G_USEC_PER_SEC)

static FakeTimer *
fake_loop_find_timer (CepaFakeHost *self, guint64 id, guint *index)
{
  for (guint i = 0; i < self->timers->len; i++)
    {
      FakeTimer *timer = g_ptr_array_index (self->timers, i);

      if (timer->id == id)
        {
          *index = i;
          return timer;
        }
    }
  return NULL;
}

static guint64
fake_loop_timer_new (const CepaHost *table, CepaTimerFunc func, void *user_data)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "timer_new");
  FakeTimer *timer;

  if (self == NULL)
    return 0;
  if (func == NULL)
    {
      cepa_fake_host_add_fault (self, "timer_new was called without a function");
      return 0;
    }
  timer = g_new0 (FakeTimer, 1);
  timer->id = ++self->last_id;
  timer->func = func;
  timer->data = user_data;
  timer->due_us = -1;
  g_ptr_array_add (self->timers, timer);
  return timer->id;
}

static void
fake_loop_timer_set (const CepaHost *table, guint64 id, gint64 delay_us)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "timer_set");
  guint index;
  FakeTimer *timer = self != NULL ? fake_loop_find_timer (self, id, &index) : NULL;

  if (timer != NULL)
    timer->due_us = delay_us < 0 ? -1 : delay_us > G_MAXINT64 - self->now_us ? G_MAXINT64 : self->now_us + delay_us;
  else if (self != NULL)
    cepa_fake_host_add_fault (self, "timer_set was called for a timer that there is not");
}

static void
fake_loop_timer_free (const CepaHost *table, guint64 id)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "timer_free");
  guint index;

  if (self != NULL && fake_loop_find_timer (self, id, &index) != NULL)
    g_ptr_array_remove_index (self->timers, index);
  else if (self != NULL)
    cepa_fake_host_add_fault (self, "timer_free was called for a timer that there is not");
}

static void
fake_loop_note_time (CepaFakeHost *self, gint64 since_us)
{
  self->longest_us = MAX (self->longest_us, g_get_monotonic_time () - since_us);
}

static gboolean
fake_loop_dispatch_watch (gint fd, GIOCondition condition, gpointer data)
{
  FakeWatch *watch = data;
  CepaFakeHost *host = watch->host;
  gint64 since_us = g_get_monotonic_time ();
  guint32 events = 0;

  if ((condition & G_IO_IN) != 0)
    events |= CEPA_WATCH_READ;
  if ((condition & G_IO_OUT) != 0)
    events |= CEPA_WATCH_WRITE;
  if ((condition & (G_IO_ERR | G_IO_HUP | G_IO_NVAL)) != 0)
    events |= CEPA_WATCH_ERROR;
  if ((condition & G_IO_NVAL) != 0)
    {
      cepa_fake_host_add_fault (host, "the descriptor of a watch was closed before the watch was freed");
      return G_SOURCE_REMOVE;
    }
  watch->func (watch->data, fd, events);
  fake_loop_note_time (host, since_us);
  return G_SOURCE_CONTINUE;
}

static void
fake_loop_attach_watch (FakeWatch *watch, guint32 events)
{
  GIOCondition condition = G_IO_ERR | G_IO_HUP;

  if ((events & CEPA_WATCH_READ) != 0)
    condition |= G_IO_IN;
  if ((events & CEPA_WATCH_WRITE) != 0)
    condition |= G_IO_OUT;
  if (watch->source != NULL)
    {
      g_source_destroy (watch->source);
      g_source_unref (watch->source);
    }
  watch->source = g_unix_fd_source_new (watch->fd, condition);
  g_source_set_callback (watch->source, G_SOURCE_FUNC (fake_loop_dispatch_watch), watch, NULL);
  g_source_set_static_name (watch->source, "watch of a plugin");
  g_source_attach (watch->source, watch->host->context);
}

static guint64
fake_loop_watch_new (const CepaHost *table, int fd, guint32 events, CepaWatchFunc func, void *user_data)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "watch_new");
  FakeWatch *watch;

  if (self == NULL)
    return 0;
  if (fd < 0 || fcntl (fd, F_GETFD) == -1 || func == NULL)
    {
      cepa_fake_host_add_fault (self, "watch_new was called %s", func == NULL ? "without a function"
                                                                              : "for a descriptor that is not open");
      return 0;
    }
  watch = g_new0 (FakeWatch, 1);
  watch->host = self;
  watch->id = ++self->last_id;
  watch->fd = fd;
  watch->func = func;
  watch->data = user_data;
  g_hash_table_insert (self->watches, &watch->id, watch);
  fake_loop_attach_watch (watch, events);
  return watch->id;
}

static void
fake_loop_watch_set (const CepaHost *table, guint64 id, guint32 events)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "watch_set");
  FakeWatch *watch = self != NULL ? g_hash_table_lookup (self->watches, &id) : NULL;

  if (watch != NULL)
    fake_loop_attach_watch (watch, events);
  else if (self != NULL)
    cepa_fake_host_add_fault (self, "watch_set was called for a watch that there is not");
}

static void
fake_loop_watch_free (const CepaHost *table, guint64 id)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "watch_free");
  FakeWatch *watch = self != NULL ? g_hash_table_lookup (self->watches, &id) : NULL;

  if (watch != NULL && fcntl (watch->fd, F_GETFD) == -1)
    cepa_fake_host_add_fault (self, "the descriptor of a watch was closed before the watch was freed");
  if (watch != NULL)
    g_hash_table_remove (self->watches, &id);
  else if (self != NULL)
    cepa_fake_host_add_fault (self, "watch_free was called for a watch that there is not");
}

static void
fake_loop_drop_watch (gpointer data)
{
  FakeWatch *watch = data;

  g_source_destroy (watch->source);
  g_source_unref (watch->source);
  g_free (watch);
}

void
cepa_fake_loop_init (CepaFakeHost *self)
{
  self->timers = g_ptr_array_new_with_free_func (g_free);
  self->watches = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, fake_loop_drop_watch);
  self->table.timer_new = fake_loop_timer_new;
  self->table.timer_set = fake_loop_timer_set;
  self->table.timer_free = fake_loop_timer_free;
  self->table.watch_new = fake_loop_watch_new;
  self->table.watch_set = fake_loop_watch_set;
  self->table.watch_free = fake_loop_watch_free;
}

void
cepa_fake_loop_clear (CepaFakeHost *self)
{
  g_ptr_array_unref (self->timers);
  g_hash_table_unref (self->watches);
}

guint
cepa_fake_host_get_n_timers (CepaFakeHost *self)
{
  return self->timers->len;
}

guint
cepa_fake_host_get_n_watches (CepaFakeHost *self)
{
  return g_hash_table_size (self->watches);
}

gint64
cepa_fake_host_get_longest_us (CepaFakeHost *self)
{
  return self->longest_us;
}

/* Returns: (nullable): the timer that comes next. */
static FakeTimer *
fake_loop_next_timer (CepaFakeHost *self)
{
  FakeTimer *next = NULL;

  for (guint i = 0; i < self->timers->len; i++)
    {
      FakeTimer *timer = g_ptr_array_index (self->timers, i);

      if (timer->due_us >= 0 && (next == NULL || timer->due_us < next->due_us))
        next = timer;
    }
  return next;
}

/* Calls the next timer if it comes by @end_us. */
static gboolean
fake_loop_fire (CepaFakeHost *self, gint64 end_us)
{
  FakeTimer *timer = fake_loop_next_timer (self);
  gint64 since_us;

  if (timer == NULL || timer->due_us > end_us)
    return FALSE;
  self->now_us = MAX (self->now_us, timer->due_us);
  timer->due_us = -1;
  since_us = g_get_monotonic_time ();
  timer->func (timer->data);
  fake_loop_note_time (self, since_us);
  return TRUE;
}

void
cepa_fake_host_advance (CepaFakeHost *self, gint64 delay_us)
{
  gint64 end_us = self->now_us + delay_us;

  do
    for (guint i = 0; i < FAKE_LOOP_MAX_TURNS && g_main_context_iteration (self->context, FALSE);)
      i++;
  while (fake_loop_fire (self, end_us));
  self->now_us = end_us;
}

static gboolean
fake_loop_is_quiet (gpointer data)
{
  gboolean *is_quiet = data;

  *is_quiet = TRUE;
  return G_SOURCE_REMOVE;
}

/* Waits some real time for sources. Returns: whether one was dispatched. */
static gboolean
fake_loop_wait (CepaFakeHost *self)
{
  g_autoptr (GSource) source = g_timeout_source_new (FAKE_LOOP_QUIET_MS);
  gboolean is_quiet = FALSE;

  g_source_set_callback (source, fake_loop_is_quiet, &is_quiet, NULL);
  g_source_attach (source, self->context);
  g_main_context_iteration (self->context, TRUE);
  g_source_destroy (source);
  return !is_quiet;
}

gboolean
cepa_fake_host_run (CepaFakeHost *self, gboolean (*done) (gpointer data), gpointer data, gint64 limit_us)
{
  gint64 end_us = limit_us > G_MAXINT64 - self->now_us ? G_MAXINT64 : self->now_us + limit_us;
  gint64 patience_us = done != NULL ? FAKE_LOOP_PATIENCE_US : 0;
  gint64 active_us = g_get_monotonic_time (), moved_us = active_us;

  while (done == NULL || !done (data))
    {
      gboolean is_active = g_main_context_iteration (self->context, FALSE) || fake_loop_fire (self, self->now_us)
                           || fake_loop_wait (self);
      gint64 real_us = g_get_monotonic_time ();

      if (is_active)
        active_us = real_us;
      if ((!is_active || real_us - moved_us >= FAKE_LOOP_BUSY_US) && fake_loop_fire (self, end_us))
        active_us = moved_us = real_us;
      else if ((!is_active && real_us - active_us >= patience_us) || real_us - moved_us >= FAKE_LOOP_ACTIVE_US)
        {
          if (end_us != G_MAXINT64)
            self->now_us = end_us;
          return FALSE;
        }
    }
  return TRUE;
}

typedef struct
{
  CepaFakeHost *host;
  guint64 task;
} FakeLoopTask;

static gboolean
fake_loop_task_is_done (gpointer data)
{
  const FakeLoopTask *self = data;

  return cepa_fake_host_get_task (self->host, self->task) != CEPA_FAKE_TASK_PENDING;
}

gboolean
cepa_fake_host_run_task (CepaFakeHost *self, guint64 task, gint64 limit_us)
{
  FakeLoopTask wanted = { self, task };

  return cepa_fake_host_run (self, fake_loop_task_is_done, &wanted, limit_us);
}
