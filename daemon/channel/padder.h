/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between one channel or circuit and its machine: cells are counted, told once a turn, and what the
   machine wants is done in time and within the budget. No socket, no timer: the next due time is given. */
#pragma once

#include "channel/mux.h"
#include "channel/padding.h"

G_BEGIN_DECLS

typedef struct _CepaPadder CepaPadder;
typedef struct _CepaPadders CepaPadders;

/**
 * CepaPadderFuncs:
 * @has_room: whether a cell of padding may be queued
 * @send: queues one; @hop: of a circuit
 * @negotiate: (nullable): tells the relay to stop, or to pad within a range; 0 and 0: the consensus'
 * @hold: (nullable): DATA is held back from now on, or may go again
 * @release_one: (nullable): lets one DATA cell go although it is held back; FALSE when there is none
 *
 * What a channel or circuit can do.
 */
typedef struct
{
  gboolean (*has_room) (gpointer user_data);
  void (*send) (gpointer user_data, guint hop);
  void (*negotiate) (gpointer user_data, gboolean start, guint low_ms, guint high_ms);
  void (*hold) (gpointer user_data, gboolean held);
  gboolean (*release_one) (gpointer user_data);
} CepaPadderFuncs;

/**
 * cepa_padders_new:
 * @counts: of the channel
 * @wake: called when there is something for cepa_padders_turn() to do without a cell
 *
 * Returns: (transfer full): those of one channel and its circuits that have a machine: none yet.
 */
CepaPadders *cepa_padders_new (const CepaCellCounts *counts, void (*wake) (gpointer user_data), gpointer user_data);
void cepa_padders_free (CepaPadders *self); /* every padder is gone */

/* Whether a turn has any effect. */
gboolean cepa_padders_has_any (const CepaPadders *self);

/**
 * cepa_padders_turn:
 * @n_left: of the cells that the channel has queued, those that have left for the network
 *
 * Runs the timers that are due, and tells each machine, once, what has happened. A call may close anything.
 */
void cepa_padders_turn (CepaPadders *self, gint64 now_us, guint64 n_left);

/* When the next turn is due without any cell, microseconds (monotonic); -1: never. */
gint64 cepa_padders_get_due_us (const CepaPadders *self);

/**
 * cepa_padder_new:
 * @counts: kept up to date by whoever owns it; read once a turn
 *
 * For a channel or circuit that has just opened.
 *
 * Returns: (transfer full): it has a machine at once, or when the provider has one for it.
 */
CepaPadder *cepa_padder_new (CepaPadding *padding, CepaPadders *padders, const CepaPaddingTarget *target,
                             const CepaCellCounts *counts, const CepaPadderFuncs *funcs, gpointer user_data);
void cepa_padder_free (CepaPadder *self);

/* One for @circuit, which has just opened, when its channel knows where machines come from. Ends with its attachment.
   Returns: (transfer none) (nullable) */
CepaPadder *cepa_channel_add_padder (CepaChannelCircuit *circuit, const CepaPaddingTarget *target,
                                     const CepaPadderFuncs *funcs, gpointer user_data);

/* A channel carries circuits for applications, a circuit has streams; or not any more. @self: (nullable) */
void cepa_padder_set_in_use (CepaPadder *self, gboolean in_use);
/* A channel: an application's stream was begun on it. Told once. @self: (nullable) */
void cepa_padder_note_stream (CepaPadder *self);

G_END_DECLS
