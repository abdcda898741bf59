/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by channel.c and handshake.c. */
#pragma once

#include "channel/channel.h"
#include "channel/mux.h"
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
  gint64 skew_s;
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
};

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

G_END_DECLS
