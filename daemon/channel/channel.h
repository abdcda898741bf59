/* SPDX-License-Identifier: BSD-3-Clause */
/* A channel: cells to and from one relay. Bytes in, bytes out; the socket is in connection.h. */
#pragma once

#include <glib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/event-sink.h"
#include "base/random.h"
#include "channel/target.h"

G_BEGIN_DECLS

/* Once so many bytes wait to be sent, no more data is taken for them; sendable again below the low mark. */
#define CEPA_CHANNEL_HIGH_WATER (64 * 1024)
#define CEPA_CHANNEL_LOW_WATER (32 * 1024)

typedef struct _CepaChannel CepaChannel;
typedef struct _CepaPadding CepaPadding;

/* Fixed-length cells of an open channel, or of a circuit, since it began. */
typedef struct
{
  guint64 sent, padding_sent; /* queued; of them padding, for no purpose of ours */
  guint64 received, padding_received;
} CepaCellCounts;

typedef enum
{
  CEPA_CHANNEL_CONNECTING, /* TCP, TLS or the link handshake is under way */
  CEPA_CHANNEL_OPEN,
  CEPA_CHANNEL_CLOSED,
} CepaChannelState;

/* What went over channels, with the overhead of cells and without that of TLS. */
typedef struct
{
  guint64 bytes_read, bytes_written;
  guint64 cells_received, cells_sent;
} CepaChannelTotals;

/**
 * CepaChannelShell:
 * @wants_write: the output queue has something new
 * @closed: the channel closed itself: end the connection after what is queued
 *
 * What the channel asks of whatever carries its bytes.
 */
typedef struct
{
  void (*wants_write) (gpointer user_data);
  void (*closed) (gpointer user_data);
  gpointer user_data;
} CepaChannelShell;

/**
 * cepa_channel_new:
 * @target: the relay wanted
 * @clock: @random: outlive the channel
 *
 * Returns: (transfer full): a channel that waits for cepa_channel_start_handshake().
 */
CepaChannel *cepa_channel_new (const CepaChannelTarget *target, const CepaClock *clock, CepaRandom *random);
CepaChannel *cepa_channel_ref (CepaChannel *self);
void cepa_channel_unref (CepaChannel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaChannel, cepa_channel_unref)

void cepa_channel_set_shell (CepaChannel *self, const CepaChannelShell *shell);

/* The connection is to the target's IPv6 address: NETINFO says where we see the relay. */
void cepa_channel_set_over_ipv6 (CepaChannel *self);

/**
 * cepa_channel_launched:
 * @events: (nullable): must outlive the channel; is told of it from now on, and gives it its number
 * @totals: (nullable): counted up until the channel has ended
 *
 * To be called once, by whoever made the channel and can show it.
 */
void cepa_channel_launched (CepaChannel *self, CepaEventSink *events, CepaChannelTotals *totals);

/* @padding: (transfer none): outlives the channel; where it and its circuits get machines. Before it is open. */
void cepa_channel_set_padding (CepaChannel *self, CepaPadding *padding);

/* TLS is up: @tls_certificate is the DER that the peer showed. Queues VERSIONS. */
void cepa_channel_start_handshake (CepaChannel *self, GBytes *tls_certificate);

/**
 * cepa_channel_receive:
 * @data: @len bytes as they came from TLS, changed in place
 *
 * Handles every complete cell.
 *
 * Returns: the bytes done with; the rest is to be given again with more behind it.
 */
gsize cepa_channel_receive (CepaChannel *self, guint8 *data, gsize len);

/* Tells the circuits that got cells that there are no more for now. Call after each turn of receiving. */
void cepa_channel_end_batch (CepaChannel *self);

/* Returns: (transfer none): what is to be sent; drained by the shell, which then calls cepa_channel_note_sent(). */
CepaBuffer *cepa_channel_get_output (CepaChannel *self);

/* The shell has taken @len bytes out of the output and given them to TLS. Call before cepa_channel_note_sent(). */
void cepa_channel_note_written (CepaChannel *self, gsize len);

/* @unsent: bytes that the shell holds beyond the output queue. Wakes circuits when there is room again. */
void cepa_channel_note_sent (CepaChannel *self, gsize unsent);

/* Reading and writing are done for now: machines for padding are told what happened, and do what is due. Call it at the
   end of each turn, and when the next is due: microseconds (monotonic); negative: never. */
void cepa_channel_end_turn (CepaChannel *self);
gint64 cepa_channel_get_turn_due_us (const CepaChannel *self);

/* Ends the channel: circuits learn @reason. Does nothing when it is closed already. */
void cepa_channel_close (CepaChannel *self, const GError *reason);

CepaChannelState cepa_channel_get_state (const CepaChannel *self);
const CepaChannelTarget *cepa_channel_get_target (const CepaChannel *self);
guint cepa_channel_get_n_circuits (const CepaChannel *self);
guint64 cepa_channel_get_number (const CepaChannel *self);      /* as in events; 0 for none */
const char *cepa_channel_get_nickname (const CepaChannel *self); /* (transfer none): may be empty */
CepaEventSink *cepa_channel_get_events (const CepaChannel *self); /* (transfer none) (nullable) */

/* Microseconds (monotonic) since when it has no circuit; 0 while it has one. */
gint64 cepa_channel_get_idle_since_us (const CepaChannel *self);

const CepaCellCounts *cepa_channel_get_cell_counts (const CepaChannel *self); /* (transfer none) */

/* When cells came last, microseconds (monotonic); 0 for never. */
gint64 cepa_channel_get_last_received_us (const CepaChannel *self);

/* The relay's clock minus ours, seconds; 0 until NETINFO came, or when the relay does not tell the time there. */
gboolean cepa_channel_tells_time (const CepaChannel *self);
gint64 cepa_channel_get_skew_s (const CepaChannel *self);

/* Whether circuits should go elsewhere: a first hop did not answer. Set by whoever saw it. */
gboolean cepa_channel_is_bad (const CepaChannel *self);
void cepa_channel_set_bad (CepaChannel *self);

G_END_DECLS
