/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/loop.h"

#include <glib-unix.h>

#include "base/log.h"

/* Whoever holds the loop for longer than this is named in the log. */
#define LOOP_MAX_HOLD_US 100000

typedef struct
{
  GSource source;
  gpointer tag; /* (nullable): without a descriptor */
  GIOCondition condition;
} LoopSource;

static gboolean
loop_source_check (GSource *source)
{
  LoopSource *self = (LoopSource *) source;

  return self->tag != NULL && g_source_query_unix_fd (source, self->tag) != 0;
}

static gboolean
loop_source_prepare (G_GNUC_UNUSED GSource *source, gint *timeout)
{
  *timeout = -1;
  return FALSE;
}

static gboolean
loop_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  LoopSource *self = (LoopSource *) source;
  GIOCondition revents = self->tag != NULL ? g_source_query_unix_fd (source, self->tag) : 0;
  gint64 ready = g_source_get_ready_time (source), held;

  /* A time that has come is spent, so that a func that does nothing about it is not called for ever. */
  if (ready >= 0 && ready <= g_source_get_time (source))
    g_source_set_ready_time (source, -1);
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
  self->tag = fd >= 0 ? g_source_add_unix_fd (source, fd, 0) : NULL;
  g_source_set_callback (source, (GSourceFunc) (void (*) (void)) func, user_data, NULL);
  g_source_attach (source, context);
  return source;
}

void
cepa_loop_set_condition (GSource *source, GIOCondition condition)
{
  LoopSource *self = (LoopSource *) source;

  if (self->tag == NULL || self->condition == condition)
    return;
  self->condition = condition;
  g_source_modify_unix_fd (source, self->tag, condition);
}

void
cepa_loop_set_delay (GSource *source, gint64 delay_us)
{
  g_source_set_ready_time (source, delay_us < 0 ? -1 : delay_us == 0 ? 0 : g_get_monotonic_time () + delay_us);
}

void
cepa_loop_clear (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
