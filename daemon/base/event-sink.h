/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the core tells what happens to channels, circuits, streams and cells: one for each client. */
#pragma once

#include <glib.h>

#include "base/clock.h"

G_BEGIN_DECLS

typedef struct _CepaEvent CepaEvent; /* <cepa/event.h>: who tells events includes it */
typedef struct _CepaEventSink CepaEventSink;

/**
 * CepaEventSink:
 * @wanted: the CEPA_EVENT_* that somebody wants; others are not told
 * @event: (nullable): something happened. @object: (transfer none): the CepaChannel (of channel and cell events), the
 *   CepaCircuit or the CepaApplication that it is about, alive during the call. @reason: (transfer none) (nullable):
 *   why it failed or ended. Called from the place where it happens: look, copy, come back; close nothing.
 * @clock: (transfer none): of the times in the events
 * @last_channel: @last_stream: the numbers that were given last; those of circuits are the directory's
 *
 * Filled by its owner, who outlives whatever tells it something. Whoever is handed one may get NULL: nobody listens.
 */
struct _CepaEventSink
{
  guint32 wanted;
  void (*event) (CepaEventSink *self, const CepaEvent *event, gpointer object, const GError *reason);
  const CepaClock *clock;
  guint64 last_channel, last_stream;
};

/* Whether somebody wants any of the @kinds (CEPA_EVENT_*). One branch that goes the same way for long. */
static inline gboolean
cepa_event_sink_wants (const CepaEventSink *self, guint32 kinds)
{
  return self != NULL && (self->wanted & kinds) != 0;
}

/* Numbers count up from 1; 0 where there is no sink. */
static inline guint64
cepa_event_sink_draw_channel (CepaEventSink *self)
{
  return self != NULL ? ++self->last_channel : 0;
}

static inline guint64
cepa_event_sink_draw_stream (CepaEventSink *self)
{
  return self != NULL ? ++self->last_stream : 0;
}

/* For CepaEvent.time_ns. The clock counts microseconds. */
static inline gint64
cepa_event_sink_now_ns (const CepaEventSink *self)
{
  return cepa_clock_monotonic_us (self->clock) * 1000;
}

G_END_DECLS
