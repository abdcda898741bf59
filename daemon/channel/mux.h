/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuits of a channel: who gets which cell, and who may send. */
#pragma once

#include <glib.h>

#include "channel/channel.h"

G_BEGIN_DECLS

typedef struct _CepaChannelCircuit CepaChannelCircuit;
typedef struct _CepaPadder CepaPadder; /* padder.h */

/**
 * CepaChannelCircuitFuncs:
 * @opened: the channel is open: CREATE may be sent
 * @cell: a fixed-length cell for the circuit came; @body is CEPA_CELL_BODY_LEN bytes, to be changed at will,
 *   valid until @batch_end
 * @batch_end: what came together has been handed over; called once after one or more @cell
 * @sendable: there is room again after cepa_channel_has_room() was FALSE
 * @closed: the channel is gone; the circuit is detached already
 */
typedef struct
{
  void (*opened) (CepaChannelCircuit *self);
  void (*cell) (CepaChannelCircuit *self, guint8 command, guint8 *body);
  void (*batch_end) (CepaChannelCircuit *self);
  void (*sendable) (CepaChannelCircuit *self);
  void (*closed) (CepaChannelCircuit *self, const GError *reason);
} CepaChannelCircuitFuncs;

/* The channel's part of a circuit: the first member of whatever is attached. */
struct _CepaChannelCircuit
{
  const CepaChannelCircuitFuncs *funcs;
  CepaChannel *channel; /* (nullable): set while attached; holds a reference */
  guint32 id;           /* on the channel; 0 until it is open */
  guint64 number;       /* for events */
  gboolean is_dirty;    /* in the list of those whose batch_end is due */
  gboolean for_applications; /* it may carry their streams; set before it is attached */
  CepaCellCounts counts;     /* kept by the channel, but for padding */
  CepaPadder *padder;        /* (nullable): of the channel, which ends it */
};

/**
 * cepa_channel_attach:
 * @circuit: not attached anywhere
 *
 * It gets a circuit id at once when the channel is open, or its @opened later.
 *
 * Returns: FALSE with CEPA_ERROR_CLOSED or, when no circuit id is free, CEPA_ERROR_LIMIT.
 */
gboolean cepa_channel_attach (CepaChannel *self, CepaChannelCircuit *circuit, GError **error);

/* Sends nothing; the circuit gets no calls any more. Does nothing when it is not attached. */
void cepa_channel_detach (CepaChannelCircuit *circuit);

/* Whether data may be queued. Control cells may be queued whenever the channel is open. */
gboolean cepa_channel_has_room (const CepaChannel *self);

/**
 * cepa_channel_reserve_cell:
 *
 * Queues a fixed-length cell of @circuit, which is attached to an open channel.
 *
 * Returns: (transfer none): its body, CEPA_CELL_BODY_LEN bytes of anything: fill all of it at once.
 */
guint8 *cepa_channel_reserve_cell (CepaChannelCircuit *circuit, guint8 command);

/* The same for a relay cell; @relay_command is for events. */
guint8 *cepa_channel_reserve_relay_cell (CepaChannelCircuit *circuit, guint8 command, guint8 relay_command);

/* For events: a relay cell came. @relay_command: what it says, when it is for us; 0 otherwise */
void cepa_channel_tell_relay_cell (CepaChannelCircuit *circuit, guint8 command, guint8 relay_command);

/* A stream of an application was begun on one of the circuits. */
void cepa_channel_note_stream (CepaChannel *self);

G_END_DECLS
