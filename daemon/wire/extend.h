/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of CREATE2, EXTEND2 and of their answers (tor-spec: create-created-cells). */
#pragma once

#include <glib.h>

#include "wire/relay-message.h"

G_BEGIN_DECLS

/* One end of a hop to extend to. */
typedef struct
{
  guint8 rsa_id[20];
  guint8 ed25519_id[32];
  gboolean has_ed25519_id;
  guint32 ipv4; /* host byte order */
  guint16 or_port;
} CepaExtendTarget;

/**
 * cepa_extend2_write:
 * @handshake_type: 2 for ntor
 * @handshake: @handshake_len bytes of client handshake data
 * @with_ed25519: whether to name the Ed25519 identity (consensus parameter ExtendByEd25519ID)
 *
 * Specifiers in C Tor's order: IPv4, RSA identity, Ed25519 identity.
 *
 * Returns: the bytes written, 0 when they do not fit.
 */
gsize cepa_extend2_write (const CepaExtendTarget *target, gboolean with_ed25519, guint16 handshake_type,
                          const guint8 *handshake, gsize handshake_len, guint8 out[CEPA_RELAY_MAX_DATA]);

/**
 * cepa_created2_parse:
 * @data: body of CREATED2 or EXTENDED2, @len bytes
 * @reply: (out): into @data
 *
 * Returns: FALSE when HLEN is more than there is.
 */
gboolean cepa_created2_parse (const guint8 *data, gsize len, const guint8 **reply, gsize *reply_len);

/* Writes the body of CREATE2 into @body (zero-filled behind). Returns FALSE when it does not fit. */
gboolean cepa_create2_write (guint16 handshake_type, const guint8 *handshake, gsize handshake_len,
                             guint8 body[CEPA_CELL_BODY_LEN]);

G_END_DECLS
