/* SPDX-License-Identifier: BSD-3-Clause */
/* Events that have not been written yet: memory that is there from the start, and a count of what had no room. */
#pragma once

#include <cepa/event.h>
#include <glib.h>

G_BEGIN_DECLS

/* Kinds of events of our own, among those of CepaEvent.kind. */
#define CEPA_TRACE_OWN (1u << 31)

/* CepaEvent.what of CEPA_TRACE_OWN; queued_ns is the value. */
typedef enum
{
  CEPA_TRACE_STARTED = 0, /* seconds since 1970 */
  CEPA_TRACE_LOST = 1,    /* how many events had no room here */
  CEPA_TRACE_STOPPED = 2,
} CepaTraceWhat;

/**
 * CepaTraceRing:
 * @n: events in it
 */
typedef struct
{
  CepaEvent *events;
  guint size, first, n;
} CepaTraceRing;

/* @size: room for events; at least 2 */
void cepa_trace_ring_init (CepaTraceRing *self, guint size);
void cepa_trace_ring_clear (CepaTraceRing *self);

/* Copies @event, of which any size may be there. The last place is for the count of those that find none. */
void cepa_trace_ring_push (CepaTraceRing *self, const CepaEvent *event);

/* Returns: (transfer none) (nullable): the oldest, until the next push. */
const CepaEvent *cepa_trace_ring_peek (const CepaTraceRing *self);
void cepa_trace_ring_pop (CepaTraceRing *self);

G_END_DECLS
