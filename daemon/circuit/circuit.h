/* SPDX-License-Identifier: BSD-3-Clause */
/* A circuit that we made: its hops, building it, relay messages over it, its flow control. */
#pragma once

#include <glib.h>

#include "base/random.h"
#include "channel/channel.h"
#include "channel/mux.h"
#include "wire/relay-message.h"

G_BEGIN_DECLS

#define CEPA_CIRCUIT_MAX_HOPS 8
#define CEPA_CIRCUIT_WINDOW 1000         /* DATA cells (tor-spec: flow-control § circuit-level) */
#define CEPA_CIRCUIT_WINDOW_STEP 100     /* that one SENDME acknowledges */

/* A relay of the path. */
typedef struct
{
  CepaChannelTarget target;
  gboolean has_ntor_key; /* without it only a one-hop circuit can be made, by CREATE_FAST */
  guint8 ntor_key[32];
  char nickname[20];
} CepaCircuitHop;

typedef enum
{
  CEPA_CIRCUIT_BUILDING,
  CEPA_CIRCUIT_OPEN,
  CEPA_CIRCUIT_CLOSED,
} CepaCircuitState;

typedef struct _CepaCircuit CepaCircuit;

/**
 * CepaCircuitOwner:
 * @opened: every hop is there; again after cepa_circuit_extend()
 * @closed: it is gone, for the reason in @reason; told once, also when the owner closed it
 * @progress: (nullable): the first cell has been sent, or a hop has answered and the next one was asked for
 * @idle: (nullable): the last of its streams has ended
 *
 * @progress and @idle are told from the middle of things: look, note, and come back.
 */
typedef struct
{
  void (*opened) (gpointer user_data, CepaCircuit *circuit);
  void (*closed) (gpointer user_data, CepaCircuit *circuit, const GError *reason);
  gpointer user_data;
  void (*progress) (gpointer user_data, CepaCircuit *circuit);
  void (*idle) (gpointer user_data, CepaCircuit *circuit);
} CepaCircuitOwner;

/**
 * CepaCircuitStreams:
 * @message: a message of a stream came from the last hop; FALSE with CEPA_ERROR_PROTOCOL closes the circuit
 * @batch_end: all @message calls of one turn were made
 * @sendable: cepa_circuit_can_send_data() is TRUE again
 * @closed: the circuit is gone
 * @count: (nullable): how many streams are open
 *
 * Filled by what keeps the streams.
 */
typedef struct
{
  gboolean (*message) (gpointer user_data, const CepaRelayMessage *message, GError **error);
  void (*batch_end) (gpointer user_data);
  void (*sendable) (gpointer user_data);
  void (*closed) (gpointer user_data, const GError *reason);
  gpointer user_data;
  guint (*count) (gpointer user_data);
} CepaCircuitStreams;

/**
 * cepa_circuit_new:
 * @number: for the log; not 0
 * @hops: (array length=n_hops): the path, 1 to CEPA_CIRCUIT_MAX_HOPS
 * @package_window: consensus parameter circwindow, 100 to 1000
 * @extend_by_ed25519: consensus parameter ExtendByEd25519ID
 *
 * Returns: (transfer full): a circuit that waits for cepa_circuit_build().
 */
CepaCircuit *cepa_circuit_new (guint32 number, const CepaCircuitHop *hops, guint n_hops, guint package_window,
                               gboolean extend_by_ed25519, CepaRandom *random, const CepaCircuitOwner *owner);
CepaCircuit *cepa_circuit_ref (CepaCircuit *self);
void cepa_circuit_unref (CepaCircuit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaCircuit, cepa_circuit_unref)

/* CepaPathPurpose; before cepa_circuit_build(). CEPA_PURPOSE_GENERAL when it is not set. */
void cepa_circuit_set_purpose (CepaCircuit *self, guint purpose);

void cepa_circuit_set_streams (CepaCircuit *self, const CepaCircuitStreams *streams);

/**
 * cepa_circuit_build:
 * @channel: to the first hop, in any state; its event sink is told what happens to the circuit from now on
 *
 * Goes on by itself. A failure is told by the owner's closed, also when it happens during this call.
 */
void cepa_circuit_build (CepaCircuit *self, CepaChannel *channel);

/* Sends DESTROY, or only forgets it when the channel is gone or told so. Does nothing when it is closed. */
void cepa_circuit_close (CepaCircuit *self, const GError *reason);

CepaCircuitState cepa_circuit_get_state (const CepaCircuit *self);
guint32 cepa_circuit_get_number (const CepaCircuit *self);
guint cepa_circuit_get_n_hops (const CepaCircuit *self);
guint cepa_circuit_get_n_built (const CepaCircuit *self);
const CepaCircuitHop *cepa_circuit_get_hop (const CepaCircuit *self, guint index); /* (transfer none) */
CepaChannel *cepa_circuit_get_channel (const CepaCircuit *self);                   /* (transfer none) (nullable) */
guint64 cepa_circuit_get_channel_number (const CepaCircuit *self); /* 0 before it is built; stays when it has closed */
guint cepa_circuit_get_purpose (const CepaCircuit *self);
guint cepa_circuit_get_n_streams (const CepaCircuit *self);        /* open ones */
gint64 cepa_circuit_get_created_us (const CepaCircuit *self);      /* since 1970; 0 without a sink, as the next */
gint64 cepa_circuit_get_launched_us (const CepaCircuit *self);     /* the same moment, monotonic */
guint cepa_circuit_get_remote_reason (const CepaCircuit *self);    /* of DESTROY or TRUNCATED that came; else 0 */

/* Whether the first relay has ended it by DESTROY. */
gboolean cepa_circuit_was_destroyed (const CepaCircuit *self);

/* Returns: (transfer full): "$FINGERPRINT~nickname at A:P, ..." in the order of the hops. */
char *cepa_circuit_describe_path (const CepaCircuit *self);

/* Whether a DATA message may be sent now: the window is open and the channel has room. */
gboolean cepa_circuit_can_send_data (const CepaCircuit *self);

/**
 * cepa_circuit_begin_message:
 * @command: @stream_id: @len: of the message, to the last hop; @len up to CEPA_RELAY_MAX_DATA
 *
 * Reserves a cell of an open circuit. For DATA, cepa_circuit_can_send_data() must be TRUE.
 *
 * Returns: (transfer none): where the @len bytes of the message go; call cepa_circuit_end_message() at once.
 */
guint8 *cepa_circuit_begin_message (CepaCircuit *self, guint8 command, guint16 stream_id, guint len);
void cepa_circuit_end_message (CepaCircuit *self);

/* Whether there are streams on it; for padding. Told by what keeps them. */
void cepa_circuit_note_streams (CepaCircuit *self, gboolean any);

/* Both at once. @data may be NULL when @len is 0. */
void cepa_circuit_send_message (CepaCircuit *self, guint8 command, guint16 stream_id, const void *data, guint len);

G_END_DECLS
