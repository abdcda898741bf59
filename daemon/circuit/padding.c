/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuit's side of padding: DROP messages to a hop, and DATA that is held back. */
#include "circuit/circuit-private.h"

#include "channel/padder.h"

static gboolean
circuit_padding_has_room (gpointer user_data)
{
  CepaCircuit *self = user_data;

  return self->state == CEPA_CIRCUIT_OPEN && cepa_channel_has_room (self->base.channel);
}

static void
circuit_padding_send (gpointer user_data, guint hop)
{
  CepaCircuit *self = user_data;

  cepa_circuit_send_to_hop (self, hop, CEPA_RELAY_DROP, 0, NULL, 0);
  self->base.counts.padding_sent++;
}

static void
circuit_padding_hold (gpointer user_data, gboolean held)
{
  CepaCircuit *self = user_data;

  self->is_held = held;
  if (!held)
    cepa_circuit_tell_sendable (self);
}

static gboolean
circuit_padding_release_one (gpointer user_data)
{
  CepaCircuit *self = cepa_circuit_ref (user_data);
  gboolean sent;

  self->may_release = TRUE;
  cepa_circuit_tell_sendable (self);
  sent = !self->may_release;
  self->may_release = FALSE;
  cepa_circuit_unref (self);
  return sent;
}

void
cepa_circuit_padding_open (CepaCircuit *self)
{
  static const CepaPadderFuncs funcs = { circuit_padding_has_room, circuit_padding_send, NULL, circuit_padding_hold,
                                         circuit_padding_release_one };
  CepaPaddingTarget target = { .scope = CEPA_PADDING_CIRCUIT, .number = self->number, .n_hops = self->n_hops };

  target.purpose = self->n_hops > 1 ? CEPA_PURPOSE_GENERAL : CEPA_PURPOSE_DIRECTORY;
  cepa_channel_add_padder (&self->base, &target, &funcs, self);
}

void
cepa_circuit_note_streams (CepaCircuit *self, gboolean any)
{
  cepa_padder_set_in_use (self->base.padder, any);
  if (any && self->base.for_applications && self->base.channel != NULL)
    cepa_channel_note_stream (self->base.channel);
  if (!any && self->owner.idle != NULL)
    self->owner.idle (self->owner.user_data, self);
}
