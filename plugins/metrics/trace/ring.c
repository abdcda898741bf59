/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring.h"

#include <string.h>

void
cepa_trace_ring_init (CepaTraceRing *self, guint size)
{
  *self = (CepaTraceRing){ g_new0 (CepaEvent, size), size, 0, 0 };
}

void
cepa_trace_ring_clear (CepaTraceRing *self)
{
  g_free (self->events);
  memset (self, 0, sizeof *self);
}

static CepaEvent *
ring_at (const CepaTraceRing *self, guint i)
{
  return &self->events[(self->first + i) % self->size];
}

void
cepa_trace_ring_push (CepaTraceRing *self, const CepaEvent *event)
{
  CepaEvent *place;

  if (self->n == self->size)
    {
      ring_at (self, self->n - 1)->queued_ns++;
      return;
    }
  place = ring_at (self, self->n++);
  if (self->n < self->size)
    {
      memset (place, 0, sizeof *place);
      memcpy (place, event, MIN (event->size, sizeof *place));
    }
  else
    *place = (CepaEvent){ .size = sizeof *place, .kind = CEPA_TRACE_OWN, .what = CEPA_TRACE_LOST,
                          .time_ns = event->time_ns, .queued_ns = 1 };
}

const CepaEvent *
cepa_trace_ring_peek (const CepaTraceRing *self)
{
  return self->n > 0 ? ring_at (self, 0) : NULL;
}

void
cepa_trace_ring_pop (CepaTraceRing *self)
{
  self->first = (self->first + 1) % self->size;
  self->n--;
}
