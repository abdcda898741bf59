/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on a circuit: BEGIN, DATA, END, and flow control of each. */
#pragma once

#include <glib.h>

#include "circuit/circuit.h"

G_BEGIN_DECLS

#define CEPA_STREAM_WINDOW 500 /* DATA cells (tor-spec: flow-control § stream-level) */
#define CEPA_STREAM_WINDOW_STEP 50
/* A stream whose reader holds more than this gets no SENDME: the sender stops at its window. */
#define CEPA_STREAM_MAX_QUEUED (10 * CEPA_RELAY_MAX_DATA)

typedef struct _CepaStreams CepaStreams;
typedef struct _CepaStream CepaStream;

/**
 * CepaStreamFuncs:
 * @connected: the other end is there; @connected says which address, if the exit says
 * @data: what came; @data stays where it is until @batch_end
 * @batch_end: no more for now: write what came, then tell cepa_stream_note_queued()
 * @sendable: cepa_stream_can_send() is TRUE again
 * @ended: it is over, told once: @reason is of END, or CEPA_END_DESTROY when the circuit went; data given
 *   before may be written still, now. The stream is no more when the call returns.
 */
typedef struct
{
  void (*connected) (gpointer user_data, const CepaConnected *connected);
  void (*data) (gpointer user_data, const guint8 *data, gsize len);
  void (*batch_end) (gpointer user_data);
  void (*sendable) (gpointer user_data);
  void (*ended) (gpointer user_data, const CepaEnd *end);
} CepaStreamFuncs;

/**
 * cepa_streams_new:
 * @circuit: (transfer none): kept without a reference: free this when the circuit has closed
 *
 * Returns: (transfer full): the streams of @circuit, none yet.
 */
CepaStreams *cepa_streams_new (CepaCircuit *circuit, CepaRandom *random);
void cepa_streams_free (CepaStreams *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaStreams, cepa_streams_free)

/* How many streams there are that neither side has ended. */
guint cepa_streams_get_n_open (const CepaStreams *self);

/**
 * cepa_streams_begin:
 * @host: a name or an address, as cepa_begin_write() wants it; NULL asks the hop for its directory (BEGIN_DIR)
 * @flags: of BEGIN
 * @funcs: outlives the stream
 *
 * The circuit must be open. Data may be sent at once, before @connected.
 *
 * Returns: (transfer none) (nullable): valid until @ended or cepa_stream_close(). NULL with
 * CEPA_ERROR_LIMIT when no stream id is free, CEPA_ERROR_CONFIG when @host cannot be asked for.
 */
CepaStream *cepa_streams_begin (CepaStreams *self, const char *host, guint16 port, guint32 flags,
                                const CepaStreamFuncs *funcs, gpointer user_data, GError **error);

/* Whether at least one DATA message may be sent now. When not, @sendable tells when. */
gboolean cepa_stream_can_send (CepaStream *self);

/**
 * cepa_stream_send:
 * @data: @len bytes
 *
 * Returns: how many of them were sent: all, unless a window or the channel is full; @sendable tells when to
 * go on.
 */
gsize cepa_stream_send (CepaStream *self, const guint8 *data, gsize len);

/* The reader holds @queued bytes that its application has not taken: decides about SENDMEs. */
void cepa_stream_note_queued (CepaStream *self, gsize queued);

/* Sends END; @self must not be used any more. What still comes for it is counted and dropped. */
void cepa_stream_close (CepaStream *self, CepaEndReason reason);

G_END_DECLS
