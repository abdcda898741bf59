/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock-watch.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"

struct _CepaClockWatch
{
  int fd;
  CepaLoopWatch *source;
  CepaClockWatchFunc func;
  gpointer user_data;
  gint64 offset_us; /* the time of day minus that of timers, when last looked at */
};

static gint64
clock_watch_offset_us (void)
{
  return g_get_real_time () - g_get_monotonic_time ();
}

/* A time that never comes, which the kernel takes back when the clock is set. */
static gboolean
clock_watch_arm (CepaClockWatch *self)
{
  const struct itimerspec never = { .it_value = { .tv_sec = G_MAXINT32 } };

  return timerfd_settime (self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0;
}

static void
clock_watch_ready (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaClockWatch *self = user_data;
  guint64 n;
  ssize_t got = read (self->fd, &n, sizeof n);
  gint64 offset, jump;

  if (got >= 0 || errno != ECANCELED)
    return;
  clock_watch_arm (self);
  offset = clock_watch_offset_us ();
  jump = offset - self->offset_us;
  self->offset_us = offset;
  self->func (self->user_data, jump / G_USEC_PER_SEC);
}

CepaClockWatch *
cepa_clock_watch_new (GMainContext *context, CepaClockWatchFunc func, gpointer user_data)
{
  CepaClockWatch *self = g_new0 (CepaClockWatch, 1);

  self->fd = timerfd_create (CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (self->fd < 0 || !clock_watch_arm (self))
    {
      cepa_clock_watch_free (self);
      return NULL;
    }
  self->func = func;
  self->user_data = user_data;
  self->offset_us = clock_watch_offset_us ();
  self->source = cepa_loop_watch_fd (context, self->fd, "clock watch", clock_watch_ready, self);
  cepa_loop_set_condition (self->source, G_IO_IN);
  return self;
}

void
cepa_clock_watch_free (CepaClockWatch *self)
{
  if (self == NULL)
    return;
  cepa_loop_clear (&self->source);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}
