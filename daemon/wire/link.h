/* SPDX-License-Identifier: BSD-3-Clause */
/* The cells of the link handshake (tor-spec: negotiating-channels). */
#pragma once

#include <glib.h>

#include "crypto/certs.h"
#include "wire/cell.h"

G_BEGIN_DECLS

#define CEPA_LINK_MAX_CERTS 16

/**
 * cepa_versions_write:
 * @out: room for 11 bytes
 *
 * The client's VERSIONS cell: 3, 4 and 5, circuit id of 2 bytes.
 *
 * Returns: the bytes written.
 */
gsize cepa_versions_write (guint8 out[11]);

/* Returns: the highest of 3, 4, 5 in a VERSIONS body; 0 when there is none or the length is odd. */
guint cepa_versions_choose (const guint8 *body, gsize len);

/**
 * cepa_certs_parse:
 * @body: of a CERTS cell
 * @certs: room for CEPA_LINK_MAX_CERTS; they point into @body
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL when lengths do not add up or there are too many.
 */
gboolean cepa_certs_parse (const guint8 *body, gsize len, CepaLinkCert *certs, guint *n_certs, GError **error);

/* Returns: FALSE with CEPA_ERROR_PROTOCOL when it is too short for its method count. Sets @n_methods. */
gboolean cepa_auth_challenge_parse (const guint8 *body, gsize len, guint *n_methods, GError **error);

/* An address in NETINFO: type 4 and 4 bytes, type 6 and 16 bytes; others are kept as length 0. */
typedef struct
{
  guint8 len; /* 0, 4 or 16 */
  guint8 bytes[16];
} CepaNetinfoAddress;

typedef struct
{
  gint64 timestamp_s;           /* the relay's clock, 0 when it does not say */
  CepaNetinfoAddress ours;      /* as the relay sees us */
  CepaNetinfoAddress theirs[16]; /* the first of the relay's own addresses */
  guint n_theirs;
} CepaNetinfo;

gboolean cepa_netinfo_parse (const guint8 *body, gsize len, CepaNetinfo *out, GError **error);

/**
 * cepa_netinfo_write:
 * @peer: the address that we connected to
 * @body: (out): zero-filled behind
 *
 * A client's: time 0, no addresses of its own.
 */
void cepa_netinfo_write (const CepaNetinfoAddress *peer, guint8 body[CEPA_CELL_BODY_LEN]);

G_END_DECLS
