/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by channel.c, channel-padding.c, events.c and handshake.c. */
#pragma once

#include "channel/channel.h"
#include "channel/mux.h"
#include "channel/padder.h"
#include "wire/cell.h"

G_BEGIN_DECLS

/* What the link handshake waits for. */
typedef enum
{
  CEPA_LINK_IDLE, /* TLS is not up */
  CEPA_LINK_VERSIONS,
  CEPA_LINK_CERTS,
  CEPA_LINK_NETINFO, /* AUTH_CHALLENGE may come before it */
  CEPA_LINK_DONE,
} CepaLinkStage;

typedef struct _CepaChannelTrace CepaChannelTrace;

struct _CepaChannel
{
  gint ref_count;
  CepaChannelState state;
  CepaLinkStage stage;
  guint link_version; /* 0 before VERSIONS */
  gboolean had_auth_challenge;
  gboolean is_bad, is_over_ipv6;
  gboolean is_blocked; /* has_room() has been FALSE since circuits were last told otherwise */
  gsize unsent;        /* held by the shell */
  gint64 idle_since_us, last_received_us;
  gboolean tells_time;
  gint64 skew_s;
  guint64 number;
  CepaEventSink *events;     /* (nullable) */
  CepaChannelTotals *totals; /* (nullable) */
  CepaChannelTrace *trace;   /* (nullable): of the cells in @output while somebody wants them */
  guint64 n_written;         /* bytes that the shell has taken out of @output */
  gint64 turn_us;            /* when what is being received was taken out of TLS */
  CepaChannelTarget target;
  const CepaClock *clock;
  CepaRandom *random;
  GBytes *tls_certificate; /* (nullable) */
  CepaChannelShell shell;
  CepaBuffer output;
  GHashTable *circuits;    /* (element-type guint32 CepaChannelCircuit): by id */
  GPtrArray *waiting;      /* (element-type CepaChannelCircuit): attached before the channel was open */
  GPtrArray *dirty;        /* (element-type CepaChannelCircuit) (nullable elements): batch_end is due */
  CepaChannelCircuit *last; /* (nullable): the circuit of the last cell */
  CepaCellCounts counts;
  guint n_for_applications; /* circuits */
  gboolean has_stream;
  CepaPadding *padding;     /* (nullable) */
  CepaPadders *padders;
  CepaPadder *padder;       /* (nullable): the channel's own, while it is open */
};

/* channel.c: the output has something new. */
void cepa_channel_wants_write (CepaChannel *self);

/* channel-padding.c: the channel is open. */
void cepa_channel_padding_open (CepaChannel *self);

/**
 * cepa_link_handshake_cell:
 * @cell: any cell that came before the channel was open
 *
 * Returns: FALSE with the reason for which the channel must close. When it is through, @stage is
 * CEPA_LINK_DONE and NETINFO is queued.
 */
gboolean cepa_link_handshake_cell (CepaChannel *self, const CepaCell *cell, GError **error);

/* Queues VERSIONS and waits for the relay's. */
void cepa_link_handshake_start (CepaChannel *self);

/* ---- events.c ---- */

void cepa_channel_tell_opened (CepaChannel *self);
void cepa_channel_tell_closed (CepaChannel *self, gboolean was_open, const GError *reason);

/* A cell came that is not a relay cell of a circuit. Only when CEPA_EVENT_CELL is wanted. */
void cepa_channel_tell_cell (CepaChannel *self, const CepaCell *cell);

/* A cell was put at the end of @output. Only when CEPA_EVENT_CELL is wanted. @circuit: its number; 0 for none */
void cepa_channel_trace_queued (CepaChannel *self, guint64 circuit, guint8 command, guint8 relay_command);
void cepa_channel_trace_clear (CepaChannel *self);

/* @len bytes with @n_cells complete cells were received. */
void cepa_channel_note_read (CepaChannel *self, gsize len, guint n_cells);

G_END_DECLS
