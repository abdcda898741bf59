/* SPDX-License-Identifier: BSD-3-Clause */
/* How long the turns of a loop take. */
#include <time.h>

#include "base/log.h"
#include "base/loop.h"

#define LOOP_NEVER (-1)
/* The longest turn so far is told of when it took more than this. */
#define LOOP_MIN_REPORTED_US 1000

typedef struct
{
  GSource source;
  gint64 woken_us; /* when this turn's waiting ended; LOOP_NEVER when that has been used */
  gint64 longest_us;
  gint64 woken_cpu_us; /* this thread's CPU time then; LOOP_NEVER when nobody wants to know */
  gint64 longest_cpu_us;
} LoopProbe;

static gint64
loop_probe_cpu_us (void)
{
  struct timespec now = { 0 };

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Asking for it is a system call, so that is only done for those who read of it. */
static void
loop_probe_note_cpu (LoopProbe *self)
{
  gint64 used;

  if (self->woken_cpu_us == LOOP_NEVER)
    return;
  used = loop_probe_cpu_us () - self->woken_cpu_us;
  self->woken_cpu_us = LOOP_NEVER;
  if (used <= self->longest_cpu_us)
    return;
  self->longest_cpu_us = used;
  if (used > LOOP_MIN_REPORTED_US)
    cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_INFO,
              "a turn of the loop took %" G_GINT64_FORMAT ".%u ms of CPU time, more than before", used / 1000,
              (guint) (used % 1000 / 100));
}

/* The first thing of the next turn: of all sources, this has the greatest priority. */
static gboolean
loop_probe_prepare (GSource *source, gint *timeout)
{
  LoopProbe *self = (LoopProbe *) source;
  gint64 held;

  *timeout = -1;
  if (self->woken_us == LOOP_NEVER)
    return FALSE;
  loop_probe_note_cpu (self);
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
  LoopProbe *self = (LoopProbe *) source;

  self->woken_us = g_source_get_time (source);
  self->woken_cpu_us = cepa_log_enabled (CEPA_LOG_GENERAL, CEPA_LOG_INFO) ? loop_probe_cpu_us () : LOOP_NEVER;
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
  ((LoopProbe *) source)->woken_us = ((LoopProbe *) source)->woken_cpu_us = LOOP_NEVER;
  g_source_attach (source, context);
  return source;
}

gint64
cepa_loop_probe_get_longest_us (GSource *probe)
{
  return ((LoopProbe *) probe)->longest_us;
}

gint64
cepa_loop_probe_get_longest_cpu_us (GSource *probe)
{
  return ((LoopProbe *) probe)->longest_cpu_us;
}

void
cepa_loop_probe_clear (GSource **probe)
{
  if (*probe == NULL)
    return;
  g_source_destroy (*probe);
  g_clear_pointer (probe, g_source_unref);
}
