/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a channel is to. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The relay that a channel is to. */
typedef struct
{
  guint8 rsa_id[20];
  gboolean has_ed25519_id;
  guint8 ed25519_id[32]; /* must match too when it is known */
  guint32 ipv4;          /* host byte order */
  guint16 or_port;
  guint16 ipv6_port;     /* 0 without IPv6 */
  guint8 ipv6[16];
  char nickname[20];     /* for people; empty when it is not known */
} CepaChannelTarget;

/* Returns: (transfer full): "$FINGERPRINT at ADDRESS:PORT". */
char *cepa_channel_target_describe (const CepaChannelTarget *target);

G_END_DECLS
