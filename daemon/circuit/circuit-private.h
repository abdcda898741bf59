/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by circuit.c, build.c, events.c, flow.c and padding.c. */
#pragma once

#include "circuit/circuit.h"
#include "crypto/handshake.h"
#include "crypto/tor1.h"

G_BEGIN_DECLS

/* SENDMEs that may be on their way: one for each step of the largest window. */
#define CEPA_CIRCUIT_MAX_TAGS (CEPA_CIRCUIT_WINDOW / CEPA_CIRCUIT_WINDOW_STEP)

/* Circuit-level flow control with the last hop. */
typedef struct
{
  guint package_window; /* DATA cells that we may still send */
  guint deliver_window; /* DATA cells that the hop may still send */
  guint sent;           /* DATA cells sent, modulo the step */
  guint received;       /* DATA cells that no SENDME of ours has acknowledged */
  guint n_tags;         /* tags of cells whose SENDME is still to come, oldest first */
  guint8 tags[CEPA_CIRCUIT_MAX_TAGS][CEPA_TOR1_TAG_LEN];
} CepaCircuitFlow;

struct _CepaCircuit
{
  CepaChannelCircuit base; /* first: the channel knows it by this */
  gint ref_count;
  CepaCircuitState state;
  guint32 number;
  guint purpose, remote_reason;
  guint64 channel_number;
  gint64 created_us, launched_us;
  CepaEventSink *events;   /* (nullable): the channel's */
  guint n_hops, n_built;
  guint relay_early_left;
  gboolean extend_by_ed25519;
  gboolean was_built;
  gboolean is_destroyed; /* the relay sent DESTROY: none goes back */
  gboolean is_blocked;   /* streams were told no, and wait for @sendable */
  gboolean is_held;      /* padding holds DATA back */
  gboolean may_release;  /* but for one cell */
  guint package_window_start;
  CepaCircuitFlow flow;
  CepaCircuitOwner owner;
  CepaCircuitStreams streams;
  CepaRandom *random;
  CepaRandomSeeded padding; /* fills cells behind their message */
  CepaNtor *ntor;           /* (nullable): the handshake under way */
  guint8 create_fast[CEPA_CREATE_FAST_LEN];
  guint8 *pending;          /* (nullable): the cell between begin and end of a message */
  CepaTor1 *layers[CEPA_CIRCUIT_MAX_HOPS];
  CepaCircuitHop hops[CEPA_CIRCUIT_MAX_HOPS];
};

/* events.c */
void cepa_circuit_tell_launched (CepaCircuit *self, CepaChannel *channel);
void cepa_circuit_tell_extended (CepaCircuit *self);
void cepa_circuit_tell_built (CepaCircuit *self);
void cepa_circuit_tell_closed (CepaCircuit *self, const GError *reason);

/* build.c */

/* The channel is open: sends CREATE2 or CREATE_FAST. */
void cepa_circuit_build_create (CepaCircuit *self);

/* CREATED2 or CREATED_FAST came. FALSE: the circuit must close. */
gboolean cepa_circuit_build_created (CepaCircuit *self, guint8 command, const guint8 *body, GError **error);

/* EXTENDED2 came from the last hop that is there. */
gboolean cepa_circuit_build_extended (CepaCircuit *self, const CepaRelayMessage *message, GError **error);

/* flow.c */
void cepa_circuit_flow_init (CepaCircuitFlow *self, guint package_window);

/* A DATA cell with @tag was sent. */
void cepa_circuit_flow_note_sent (CepaCircuitFlow *self, const guint8 tag[CEPA_TOR1_TAG_LEN]);

/* A DATA cell came; @wants_sendme: whether it is to be acknowledged now. FALSE: more than the window allows. */
gboolean cepa_circuit_flow_note_received (CepaCircuitFlow *self, gboolean *wants_sendme, GError **error);

/* A circuit-level SENDME came. */
gboolean cepa_circuit_flow_acknowledged (CepaCircuitFlow *self, const CepaRelayMessage *message, GError **error);

/* padding.c: the circuit is open. */
void cepa_circuit_padding_open (CepaCircuit *self);

/* circuit.c: streams may go on, if cepa_circuit_can_send_data(). */
void cepa_circuit_tell_sendable (CepaCircuit *self);

/* circuit.c: sends a message to the hop @hop, which is built. */
void cepa_circuit_send_to_hop (CepaCircuit *self, guint hop, guint8 command, guint16 stream_id, const void *data,
                               guint len);

G_END_DECLS
