/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/loop.h"

#include "base/log.h"

/* Whoever holds the loop for longer than this is named in the log. */
#define LOOP_MAX_HOLD_US 100000
#define LOOP_NEVER (-1)
/* The longest turn so far is told of when it took more than this. */
#define LOOP_MIN_REPORTED_US 1000

/* GLib writes to its wake-up descriptor at each change of a source's time or condition and around each dispatch of
   a source that may not recurse, which costs a turn of the loop. All of that is for other threads: a context here is
   only ever used by the one that runs it, so the poll record and the time are ours, and prepare() says them. */
typedef struct
{
  GSource source;
  GPollFD poll; /* fd is -1 without a descriptor */
  gint64 due_us; /* monotonic; 0: at once */
} LoopSource;

static gboolean
loop_source_is_due (LoopSource *self)
{
  return self->due_us == 0
         || (self->due_us != LOOP_NEVER && self->due_us <= g_source_get_time (&self->source));
}

static gboolean
loop_source_prepare (GSource *source, gint *timeout)
{
  LoopSource *self = (LoopSource *) source;

  *timeout = -1;
  if (loop_source_is_due (self))
    return TRUE;
  if (self->due_us != LOOP_NEVER)
    *timeout = (gint) MIN ((self->due_us - g_source_get_time (source) + 999) / 1000, G_MAXINT);
  return FALSE;
}

static gboolean
loop_source_check (GSource *source)
{
  LoopSource *self = (LoopSource *) source;

  return self->poll.revents != 0 || loop_source_is_due (self);
}

static gboolean
loop_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  LoopSource *self = (LoopSource *) source;
  GIOCondition revents = self->poll.revents;
  gint64 held;

  /* A time that has come is spent, so that a func that does nothing about it is not called for ever. */
  if (loop_source_is_due (self))
    self->due_us = LOOP_NEVER;
  self->poll.revents = 0;
  ((CepaLoopFunc) (void (*) (void)) callback) (user_data, revents);
  held = g_get_monotonic_time () - g_source_get_time (source);
  if (G_UNLIKELY (held > LOOP_MAX_HOLD_US) && !g_source_is_destroyed (source))
    cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_INFO, "the loop was held for %" G_GINT64_FORMAT " ms up to the end of \"%s\"",
              held / 1000, g_source_get_name (source));
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs loop_source_funcs = { loop_source_prepare, loop_source_check, loop_source_dispatch, NULL,
                                          NULL, NULL };

GSource *
cepa_loop_watch_fd (GMainContext *context, int fd, const char *name, CepaLoopFunc func, gpointer user_data)
{
  GSource *source = g_source_new (&loop_source_funcs, sizeof (LoopSource));
  LoopSource *self = (LoopSource *) source;

  g_source_set_static_name (source, name);
  g_source_set_can_recurse (source, TRUE);
  self->due_us = LOOP_NEVER;
  self->poll.fd = fd;
  self->poll.events = G_IO_ERR | G_IO_HUP;
  if (fd >= 0)
    g_source_add_poll (source, &self->poll);
  g_source_set_callback (source, (GSourceFunc) (void (*) (void)) func, user_data, NULL);
  g_source_attach (source, context);
  return source;
}

void
cepa_loop_set_condition (GSource *source, GIOCondition condition)
{
  ((LoopSource *) source)->poll.events = condition | G_IO_ERR | G_IO_HUP;
}

void
cepa_loop_set_delay (GSource *source, gint64 delay_us)
{
  gint64 now_us = delay_us > 0 ? g_get_monotonic_time () : 0;

  ((LoopSource *) source)->due_us = delay_us < 0 ? LOOP_NEVER : now_us + MIN (delay_us, G_MAXINT64 - now_us);
}

void
cepa_loop_set_due_us (GSource *source, gint64 due_us)
{
  ((LoopSource *) source)->due_us = due_us < 0 ? LOOP_NEVER : due_us;
}

gboolean
cepa_loop_has_delay (GSource *source)
{
  return ((LoopSource *) source)->due_us != LOOP_NEVER;
}

/* ---- the probe ---- */

typedef struct
{
  GSource source;
  gint64 woken_us; /* when this turn's waiting ended; LOOP_NEVER when that has been used */
  gint64 longest_us;
} LoopProbe;

/* The first thing of the next turn: of all sources, this has the greatest priority. */
static gboolean
loop_probe_prepare (GSource *source, gint *timeout)
{
  LoopProbe *self = (LoopProbe *) source;
  gint64 held;

  *timeout = -1;
  if (self->woken_us == LOOP_NEVER)
    return FALSE;
  held = g_source_get_time (source) - self->woken_us;
  self->woken_us = LOOP_NEVER;
  if (held <= self->longest_us)
    return FALSE;
  self->longest_us = held;
  if (held > LOOP_MIN_REPORTED_US)
    cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_INFO, "the loop was held for %" G_GINT64_FORMAT ".%u ms, longer than before",
              held / 1000, (guint) (held % 1000 / 100));
  return FALSE;
}

static gboolean
loop_probe_check (GSource *source)
{
  ((LoopProbe *) source)->woken_us = g_source_get_time (source);
  return FALSE;
}

static gboolean
loop_probe_dispatch (G_GNUC_UNUSED GSource *source, G_GNUC_UNUSED GSourceFunc callback,
                     G_GNUC_UNUSED gpointer user_data)
{
  return G_SOURCE_CONTINUE; /* it is never ready */
}

static GSourceFuncs loop_probe_funcs = { loop_probe_prepare, loop_probe_check, loop_probe_dispatch, NULL, NULL, NULL };

GSource *
cepa_loop_probe_new (GMainContext *context)
{
  GSource *source = g_source_new (&loop_probe_funcs, sizeof (LoopProbe));

  g_source_set_static_name (source, "probe");
  g_source_set_priority (source, G_MININT);
  ((LoopProbe *) source)->woken_us = LOOP_NEVER;
  g_source_attach (source, context);
  return source;
}

gint64
cepa_loop_probe_get_longest_us (GSource *probe)
{
  return ((LoopProbe *) probe)->longest_us;
}

void
cepa_loop_clear (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
