/* SPDX-License-Identifier: BSD-3-Clause */
/* What a circuit tells the event sink. */
#include <cepa/event.h>

#include "circuit/circuit-private.h"

static void
events_tell (CepaCircuit *self, guint what, const GError *reason)
{
  CepaEvent event = { .size = sizeof event, .kind = CEPA_EVENT_CIRCUIT, .what = what, .circuit = self->number,
                      .channel = self->channel_number, .purpose = self->purpose, .n = self->n_built };

  if (!cepa_event_sink_wants (self->events, CEPA_EVENT_CIRCUIT))
    return;
  if (reason != NULL)
    event.reason = self->remote_reason;
  event.time_ns = cepa_event_sink_now_ns (self->events);
  self->events->event (self->events, &event, self, reason);
}

void
cepa_circuit_tell_launched (CepaCircuit *self, CepaChannel *channel)
{
  self->events = cepa_channel_get_events (channel);
  self->channel_number = cepa_channel_get_number (channel);
  if (self->events == NULL)
    return;
  self->created_us = cepa_clock_wall_us (self->events->clock);
  self->launched_us = cepa_clock_monotonic_us (self->events->clock);
  events_tell (self, CEPA_CIRCUIT_EVENT_LAUNCHED, NULL);
}

void
cepa_circuit_tell_extended (CepaCircuit *self)
{
  events_tell (self, CEPA_CIRCUIT_EVENT_EXTENDED, NULL);
}

void
cepa_circuit_tell_built (CepaCircuit *self)
{
  if (self->was_built)
    return; /* it was made longer, which has been told */
  self->was_built = TRUE;
  events_tell (self, CEPA_CIRCUIT_EVENT_BUILT, NULL);
}

void
cepa_circuit_tell_closed (CepaCircuit *self, const GError *reason)
{
  events_tell (self, self->was_built ? CEPA_CIRCUIT_EVENT_ENDED : CEPA_CIRCUIT_EVENT_FAILED, reason);
}

void
cepa_circuit_set_purpose (CepaCircuit *self, guint purpose)
{
  self->purpose = purpose;
}

guint
cepa_circuit_get_purpose (const CepaCircuit *self)
{
  return self->purpose;
}

guint64
cepa_circuit_get_channel_number (const CepaCircuit *self)
{
  return self->channel_number;
}

guint
cepa_circuit_get_n_streams (const CepaCircuit *self)
{
  return self->streams.count != NULL ? self->streams.count (self->streams.user_data) : 0;
}

gint64
cepa_circuit_get_created_us (const CepaCircuit *self)
{
  return self->created_us;
}

gint64
cepa_circuit_get_launched_us (const CepaCircuit *self)
{
  return self->launched_us;
}

guint
cepa_circuit_get_remote_reason (const CepaCircuit *self)
{
  return self->remote_reason;
}

gboolean
cepa_circuit_was_destroyed (const CepaCircuit *self)
{
  return self->is_destroyed;
}
