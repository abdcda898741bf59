/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-host.h"

#include <string.h>

#include "base/loop.h"

#define FAKE_HOST_DEADLINE_US (30 * G_USEC_PER_SEC)

/* A timer, or a watch. */
typedef struct
{
  FakeHost *host;
  int fd; /* -1 of a timer */
  CepaLoopWatch *source;
  CepaTimerFunc timer;
  CepaWatchFunc watch;
  void *user_data;
} HostSource;

static FakeHost *
host_of (const CepaHost *base)
{
  FakeHost *self = (FakeHost *) (void *) base;

  g_assert_true (g_thread_self () == self->thread);
  return self;
}

static void
host_log (const CepaHost *base, CepaHostLogLevel level, const char *text)
{
  g_assert_true (g_utf8_validate (text, -1, NULL) && strchr (text, '\n') == NULL);
  g_string_append_printf (host_of (base)->log, "%d %s\n", (int) level, text);
}

static void
host_random (G_GNUC_UNUSED const CepaHost *base, void *out, size_t len)
{
  memset (out, 0x55, len);
}

static int64_t
host_monotonic_us (G_GNUC_UNUSED const CepaHost *base)
{
  return g_get_monotonic_time ();
}

static int64_t
host_wall_s (const CepaHost *base)
{
  return host_of (base)->now_s;
}

static const char *const *
host_option (const CepaHost *base, const char *name)
{
  static const char *const none[] = { NULL };
  const char *const *values = g_hash_table_lookup (host_of (base)->options, name);

  return values != NULL ? values : none;
}

static void
host_complete (const CepaHost *base, uint64_t task, GError *error)
{
  FakeHost *self = host_of (base);

  for (guint i = 0; i < self->tasks->len; i++)
    g_assert_cmpuint (g_array_index (self->tasks, guint64, i), !=, task);
  g_array_append_val (self->tasks, task);
  if (error != NULL)
    {
      g_clear_error (&self->error);
      self->error = error;
    }
}

static void
host_fail (const CepaHost *base, GError *error)
{
  host_of (base)->n_failed++;
  g_clear_error (&host_of (base)->error);
  host_of (base)->error = error;
}

/* ---- timers and watches ---- */

static void
host_source_free (gpointer data)
{
  HostSource *source = data;

  if (source->fd < 0)
    source->host->n_timers--;
  else
    source->host->n_watches--;
  cepa_loop_clear (&source->source);
  g_free (source);
}

static void
host_source_ready (gpointer user_data, GIOCondition revents)
{
  HostSource *source = user_data;
  guint32 events = ((revents & G_IO_IN) != 0 ? CEPA_WATCH_READ : 0) | ((revents & G_IO_OUT) != 0 ? CEPA_WATCH_WRITE : 0)
                   | ((revents & (G_IO_ERR | G_IO_HUP | G_IO_NVAL)) != 0 ? CEPA_WATCH_ERROR : 0);

  if (source->fd < 0)
    source->timer (source->user_data);
  else
    source->watch (source->user_data, source->fd, events);
}

static guint64
host_add (FakeHost *self, int fd, CepaTimerFunc timer, CepaWatchFunc watch, void *user_data)
{
  HostSource *source = g_new0 (HostSource, 1);
  guint64 *number = g_new (guint64, 1);

  *source = (HostSource){ self, fd, NULL, timer, watch, user_data };
  source->source = cepa_loop_watch_fd (self->context, fd, "fake host", host_source_ready, source);
  *number = ++self->last_source;
  g_hash_table_insert (self->sources, number, source);
  return *number;
}

static HostSource *
host_find (const CepaHost *base, guint64 number)
{
  HostSource *source = g_hash_table_lookup (host_of (base)->sources, &number);

  g_assert_nonnull (source);
  return source;
}

static uint64_t
host_timer_new (const CepaHost *base, CepaTimerFunc func, void *user_data)
{
  host_of (base)->n_timers++;
  return host_add (host_of (base), -1, func, NULL, user_data);
}

static void
host_timer_set (const CepaHost *base, uint64_t timer, int64_t delay_us)
{
  host_of (base)->n_delays += delay_us >= 0;
  cepa_loop_set_delay (host_find (base, timer)->source, delay_us);
}

static void
host_source_remove (const CepaHost *base, uint64_t number)
{
  g_assert_true (g_hash_table_remove (host_of (base)->sources, &number));
}

static void
host_watch_set (const CepaHost *base, uint64_t watch, uint32_t events)
{
  GIOCondition condition = ((events & CEPA_WATCH_READ) != 0 ? G_IO_IN : 0)
                           | ((events & CEPA_WATCH_WRITE) != 0 ? G_IO_OUT : 0);

  cepa_loop_set_condition (host_find (base, watch)->source, condition);
}

static uint64_t
host_watch_new (const CepaHost *base, int fd, uint32_t events, CepaWatchFunc func, void *user_data)
{
  uint64_t watch = host_add (host_of (base), fd, NULL, func, user_data);

  g_assert_cmpint (fd, >=, 0);
  host_of (base)->n_watches++;
  host_watch_set (base, watch, events);
  return watch;
}

/* ---- the test's side ---- */

static void
host_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

void
fake_host_init (FakeHost *self)
{
  memset (self, 0, sizeof *self);
  self->base = (CepaHost){ .size = sizeof (CepaHost), .abi_major = CEPA_ABI_MAJOR, .abi_minor = CEPA_ABI_MINOR,
                           .log = host_log, .random = host_random, .monotonic_us = host_monotonic_us,
                           .wall_s = host_wall_s, .option = host_option, .complete = host_complete,
                           .fail = host_fail, .timer_new = host_timer_new, .timer_set = host_timer_set,
                           .timer_free = host_source_remove, .watch_new = host_watch_new,
                           .watch_set = host_watch_set, .watch_free = host_source_remove };
  self->thread = g_thread_self ();
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->log = g_string_new (NULL);
  self->tasks = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->options = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
  self->sources = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, host_source_free);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", host_too_late, self);
  cepa_loop_set_delay (self->deadline, FAKE_HOST_DEADLINE_US);
}

void
fake_host_be_patient (FakeHost *self)
{
  cepa_loop_set_delay (self->deadline, -1);
}

void
fake_host_clear (FakeHost *self)
{
  g_assert_cmpuint (self->n_timers, ==, 0);
  g_assert_cmpuint (self->n_watches, ==, 0);
  cepa_loop_clear (&self->deadline);
  g_hash_table_unref (self->sources);
  g_hash_table_unref (self->options);
  g_array_unref (self->tasks);
  g_string_free (self->log, TRUE);
  g_clear_error (&self->error);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
}

void
fake_host_set_option (FakeHost *self, const char *name, ...)
{
  GStrvBuilder *values = g_strv_builder_new ();
  va_list args;

  va_start (args, name);
  for (const char *value = va_arg (args, const char *); value != NULL; value = va_arg (args, const char *))
    g_strv_builder_add (values, value);
  va_end (args);
  g_hash_table_replace (self->options, g_strdup (name), g_strv_builder_end (values));
  g_strv_builder_unref (values);
}

void
fake_host_turn (FakeHost *self)
{
  g_main_context_iteration (self->context, TRUE);
}

gboolean
fake_host_has_ended (FakeHost *self, guint64 task, GError **error)
{
  for (guint i = 0; i < self->tasks->len; i++)
    if (g_array_index (self->tasks, guint64, i) == task)
      {
        g_array_remove_index (self->tasks, i);
        if (self->error != NULL)
          g_propagate_error (error, g_steal_pointer (&self->error));
        return TRUE;
      }
  return FALSE;
}

GError *
fake_host_wait_for_task (FakeHost *self, guint64 task)
{
  for (;;)
    {
      for (guint i = 0; i < self->tasks->len; i++)
        if (g_array_index (self->tasks, guint64, i) == task)
          return g_steal_pointer (&self->error);
      fake_host_turn (self);
    }
}
