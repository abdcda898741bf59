/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel's side of padding: PADDING and PADDING_NEGOTIATE cells (tor-spec: cell-packet-format; padding-spec:
   connection-level padding), and the turns in which machines are told. */
#include <string.h>

#include <cepa/event.h>

#include "channel/channel-private.h"

/* Of PADDING_NEGOTIATE, version 0. */
#define CHANNEL_PADDING_STOP 1
#define CHANNEL_PADDING_START 2

static guint8 *
channel_padding_reserve (CepaChannel *self, guint8 command)
{
  guint8 *out = cepa_buffer_reserve (&self->output, cepa_cell_fixed_len (self->link_version));
  gsize header = cepa_cell_write_header (out, self->link_version, 0, command);

  if (G_UNLIKELY (cepa_event_sink_wants (self->events, CEPA_EVENT_CELL)))
    cepa_channel_trace_queued (self, 0, command, 0);
  self->counts.sent++;
  cepa_channel_wants_write (self);
  memset (out + header, 0, CEPA_CELL_BODY_LEN);
  return out + header;
}

static gboolean
channel_padding_has_room (gpointer user_data)
{
  return cepa_channel_has_room (user_data);
}

static void
channel_padding_send (gpointer user_data, G_GNUC_UNUSED guint hop)
{
  CepaChannel *self = user_data;

  channel_padding_reserve (self, CEPA_CELL_PADDING);
  self->counts.padding_sent++;
}

static void
channel_padding_negotiate (gpointer user_data, gboolean start, guint low_ms, guint high_ms)
{
  CepaChannel *self = user_data;
  guint8 *body = channel_padding_reserve (self, CEPA_CELL_PADDING_NEGOTIATE);

  body[1] = start ? CHANNEL_PADDING_START : CHANNEL_PADDING_STOP;
  body[2] = (guint8) (low_ms >> 8);
  body[3] = (guint8) low_ms;
  body[4] = (guint8) (high_ms >> 8);
  body[5] = (guint8) high_ms;
}

void
cepa_channel_padding_open (CepaChannel *self)
{
  static const CepaPadderFuncs funcs
      = { channel_padding_has_room, channel_padding_send, channel_padding_negotiate, NULL, NULL };
  CepaPaddingTarget target = { .scope = CEPA_PADDING_CHANNEL, .link_version = self->link_version };

  if (self->padding == NULL)
    return;
  target.number = self->number;
  self->padder = cepa_padder_new (self->padding, self->padders, &target, &self->counts, &funcs, self);
  cepa_padder_set_in_use (self->padder, self->n_for_applications > 0);
  if (self->has_stream)
    cepa_padder_note_stream (self->padder);
}

void
cepa_channel_set_padding (CepaChannel *self, CepaPadding *padding)
{
  g_return_if_fail (self->state == CEPA_CHANNEL_CONNECTING);
  self->padding = padding;
}

CepaPadder *
cepa_channel_add_padder (CepaChannelCircuit *circuit, const CepaPaddingTarget *target, const CepaPadderFuncs *funcs,
                         gpointer user_data)
{
  CepaChannel *self = circuit->channel;

  if (self->padding != NULL && circuit->padder == NULL)
    circuit->padder = cepa_padder_new (self->padding, self->padders, target, &circuit->counts, funcs, user_data);
  return circuit->padder;
}

void
cepa_channel_note_stream (CepaChannel *self)
{
  self->has_stream = TRUE;
  cepa_padder_note_stream (self->padder);
}

void
cepa_channel_end_turn (CepaChannel *self)
{
  gsize cell_len, n_waiting;

  if (G_LIKELY (!cepa_padders_has_any (self->padders)) || self->state != CEPA_CHANNEL_OPEN)
    return;
  cell_len = cepa_cell_fixed_len (self->link_version);
  n_waiting = (self->output.len + cell_len - 1) / cell_len;
  cepa_channel_ref (self);
  cepa_padders_turn (self->padders, cepa_clock_monotonic_us (self->clock),
                     self->counts.sent - MIN (n_waiting, self->counts.sent));
  cepa_channel_unref (self);
}

gint64
cepa_channel_get_turn_due_us (const CepaChannel *self)
{
  return self->state == CEPA_CHANNEL_OPEN ? cepa_padders_get_due_us (self->padders) : -1;
}

const CepaCellCounts *
cepa_channel_get_cell_counts (const CepaChannel *self)
{
  return &self->counts;
}
