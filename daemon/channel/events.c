/* SPDX-License-Identifier: BSD-3-Clause */
/* What a channel tells the event sink: its life, and cells while somebody wants them. */
#include <cepa/event.h>

#include "channel/channel-private.h"

/* Cells that may wait in the output when the first is traced; the ring grows when control cells pile up. */
#define EVENTS_RING_START 1024

/* A cell in the output. */
typedef struct
{
  guint64 end; /* bytes written to the channel when all of it is */
  gint64 queued_ns;
  guint64 circuit;
  guint8 command, relay_command;
} TracedCell;

/* A ring; its size is a power of two. */
struct _CepaChannelTrace
{
  guint size, first, len;
  TracedCell *cells;
};

static void
events_tell (CepaChannel *self, guint what, const GError *reason)
{
  CepaEvent event = { .size = sizeof event, .kind = CEPA_EVENT_CHANNEL, .what = what, .channel = self->number };

  if (!cepa_event_sink_wants (self->events, CEPA_EVENT_CHANNEL))
    return;
  event.time_ns = cepa_event_sink_now_ns (self->events);
  self->events->event (self->events, &event, self, reason);
}

void
cepa_channel_launched (CepaChannel *self, CepaEventSink *events, CepaChannelTotals *totals)
{
  self->events = events;
  self->totals = totals;
  self->number = cepa_event_sink_draw_channel (events);
  events_tell (self, CEPA_CHANNEL_EVENT_LAUNCHED, NULL);
}

void
cepa_channel_tell_opened (CepaChannel *self)
{
  events_tell (self, CEPA_CHANNEL_EVENT_OPENED, NULL);
}

void
cepa_channel_tell_closed (CepaChannel *self, gboolean was_open, const GError *reason)
{
  events_tell (self, was_open ? CEPA_CHANNEL_EVENT_ENDED : CEPA_CHANNEL_EVENT_FAILED, reason);
}

/* ---- cells ---- */

static void
events_tell_cell (CepaChannel *self, const CepaEvent *part)
{
  CepaEvent event = *part;

  event.size = sizeof event;
  event.kind = CEPA_EVENT_CELL;
  event.channel = self->number;
  self->events->event (self->events, &event, self, NULL);
}

void
cepa_channel_tell_cell (CepaChannel *self, const CepaCell *cell)
{
  CepaChannelCircuit *circuit = g_hash_table_lookup (self->circuits, GUINT_TO_POINTER (cell->circuit_id));

  events_tell_cell (self, &(CepaEvent){ .what = CEPA_CELL_EVENT_RECEIVED, .time_ns = self->turn_us * 1000,
                                        .circuit = circuit != NULL ? circuit->number : 0, .command = cell->command });
}

void
cepa_channel_tell_relay_cell (CepaChannelCircuit *circuit, guint8 command, guint8 relay_command)
{
  CepaChannel *self = circuit->channel;

  if (self == NULL || !cepa_event_sink_wants (self->events, CEPA_EVENT_CELL))
    return;
  events_tell_cell (self, &(CepaEvent){ .what = CEPA_CELL_EVENT_RECEIVED, .time_ns = self->turn_us * 1000,
                                        .circuit = circuit->number, .command = command,
                                        .relay_command = relay_command });
}

static void
events_grow (CepaChannelTrace *trace)
{
  guint size = trace->size > 0 ? trace->size * 2 : EVENTS_RING_START;
  TracedCell *cells = g_new (TracedCell, size);

  for (guint i = 0; i < trace->len; i++)
    cells[i] = trace->cells[(trace->first + i) & (trace->size - 1)];
  g_free (trace->cells);
  trace->cells = cells;
  trace->size = size;
  trace->first = 0;
}

void
cepa_channel_trace_queued (CepaChannel *self, guint64 circuit, guint8 command, guint8 relay_command)
{
  CepaChannelTrace *trace = self->trace;
  TracedCell cell = { self->n_written + self->output.len, cepa_event_sink_now_ns (self->events), circuit, command,
                      relay_command };

  if (trace == NULL)
    trace = self->trace = g_new0 (CepaChannelTrace, 1);
  if (trace->len == trace->size)
    events_grow (trace);
  trace->cells[(trace->first + trace->len++) & (trace->size - 1)] = cell;
}

static void
events_trace_written (CepaChannel *self)
{
  CepaChannelTrace *trace = self->trace;
  gint64 now;

  if (!cepa_event_sink_wants (self->events, CEPA_EVENT_CELL))
    {
      cepa_channel_trace_clear (self);
      return;
    }
  now = cepa_event_sink_now_ns (self->events);
  while (trace->len > 0 && trace->cells[trace->first].end <= self->n_written)
    {
      const TracedCell *cell = &trace->cells[trace->first];
      CepaEvent event = { .what = CEPA_CELL_EVENT_SENT, .time_ns = now, .queued_ns = cell->queued_ns,
                          .circuit = cell->circuit, .command = cell->command, .relay_command = cell->relay_command };

      trace->first = (trace->first + 1) & (trace->size - 1);
      trace->len--;
      events_tell_cell (self, &event);
    }
}

void
cepa_channel_note_written (CepaChannel *self, gsize len)
{
  self->n_written += len;
  if (self->totals != NULL)
    {
      self->totals->bytes_written += len;
      self->totals->cells_sent += len / cepa_cell_fixed_len (self->link_version);
    }
  if (G_UNLIKELY (self->trace != NULL))
    events_trace_written (self);
}

void
cepa_channel_note_read (CepaChannel *self, gsize len, guint n_cells)
{
  if (self->totals == NULL)
    return;
  self->totals->bytes_read += len;
  self->totals->cells_received += n_cells;
}

void
cepa_channel_trace_clear (CepaChannel *self)
{
  if (self->trace == NULL)
    return;
  g_free (self->trace->cells);
  g_clear_pointer (&self->trace, g_free);
}
