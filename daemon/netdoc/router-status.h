/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay's entry in a consensus (dir-spec: "Router status entries"). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_NO_GUARD_FRACTION 255

typedef struct
{
  guint8 rsa_id[20];
  union
  {
    guint8 microdesc_digest[32];  /* SHA-256, CEPA_CONSENSUS_MICRODESC */
    guint8 descriptor_digest[20]; /* SHA-1 and zeros behind it, CEPA_CONSENSUS_NS */
  };
  guint32 ipv4; /* host byte order */
  guint16 or_port;
  guint16 ipv6_port; /* of the "a" line, 0 without one */
  guint8 ipv6[16];
  guint32 flags;     /* CEPA_RELAY_* of cepa/network.h; unknown flags are left out */
  guint32 bandwidth; /* of the "w" line, kilobytes per second; 0 without one */
  gboolean is_unmeasured;
  guint8 guard_fraction; /* percent, of the "w" line; CEPA_NO_GUARD_FRACTION without one */
  char nickname[20];
  guint64 protocols; /* CEPA_PROTOCOL_* of cepa/relay.h: of the "pr" line */
} CepaRouterStatus;

G_END_DECLS
