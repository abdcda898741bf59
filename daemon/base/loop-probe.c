/* SPDX-License-Identifier: BSD-3-Clause */
/* How long the turns of a loop take. */
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
cepa_loop_probe_clear (GSource **probe)
{
  if (*probe == NULL)
    return;
  g_source_destroy (*probe);
  g_clear_pointer (probe, g_source_unref);
}
