/* SPDX-License-Identifier: BSD-3-Clause */
/* The certificates of the link handshake and the Ed25519 certificate format. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Certificate types (cert-spec): of a CERTS cell, and of server descriptors. */
enum
{
  CEPA_CERT_TLS_LINK_RSA = 1,
  CEPA_CERT_RSA_ID = 2,
  CEPA_CERT_ED_SIGNING = 4, /* ED_IDENTITY_V_SIGNING: identity certifies signing key */
  CEPA_CERT_ED_LINK = 5,    /* ED_SIGNING_V_TLS_CERT: signing key certifies the TLS certificate's SHA-256 */
  CEPA_CERT_RSA_ED_CROSS = 7,
  CEPA_CERT_NTOR_ID = 10,   /* NTOR_CC_IDENTITY: the ntor key, as an Ed25519 key, certifies the identity */
  CEPA_CERT_FAMILY_ID = 12, /* FAMILY_V_IDENTITY: a family's key certifies the identity (proposal 321) */
};

/**
 * CepaEdCert:
 *
 * A parsed Ed25519 certificate (cert-spec § Ed25519 certificates). Parsing says nothing about its signature.
 */
typedef struct
{
  guint8 type;
  guint8 key_type;
  gint64 expires_s; /* seconds since 1970 */
  guint8 key[32];
  gboolean has_signing_key; /* extension 4 */
  guint8 signing_key[32];
  const guint8 *bytes; /* (transfer none): the whole certificate */
  gsize len;
} CepaEdCert;

/**
 * cepa_ed_cert_parse:
 * @data: @len bytes; must outlive @out
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT: wrong version, lengths, an unknown extension that affects
 * validation.
 */
gboolean cepa_ed_cert_parse (const void *data, gsize len, CepaEdCert *out, GError **error);

/**
 * cepa_ed_cert_check:
 * @key: the key that must have signed it
 * @now_s: seconds since 1970
 *
 * Returns: FALSE with CEPA_ERROR_BAD_SIGNATURE or CEPA_ERROR_EXPIRED.
 */
gboolean cepa_ed_cert_check (const CepaEdCert *self, const guint8 key[32], gint64 now_s, GError **error);

/* One certificate as a CERTS cell carries it; the bytes belong to the cell. */
typedef struct
{
  guint8 type;
  guint16 len;
  const guint8 *data;
} CepaLinkCert;

/* Who a relay has proved to be. */
typedef struct
{
  guint8 rsa_id[20];
  guint8 ed25519_id[32];
} CepaRelayIdentity;

/**
 * cepa_link_certs_verify:
 * @certs: (array length=n_certs): what the CERTS cell held; no type twice (checked here)
 * @tls_cert: the DER of the certificate that the TLS peer showed, @tls_cert_len bytes
 * @now_s: seconds since 1970
 * @out: who it is
 *
 * Requires the whole chain of tor-spec: negotiating-channels § CERTS: Ed25519 identity -> signing key (4),
 * signing key -> SHA-256 of the TLS certificate (5), RSA identity certificate (2, self-signed X.509), RSA
 * cross-certificate of the Ed25519 identity (7). Every one of them unexpired. Unknown types are ignored.
 *
 * Returns: FALSE with CEPA_ERROR_IDENTITY (something missing, doubled or not matching),
 * CEPA_ERROR_BAD_SIGNATURE, CEPA_ERROR_EXPIRED or CEPA_ERROR_BAD_DOCUMENT; the message says which certificate.
 */
gboolean cepa_link_certs_verify (const CepaLinkCert *certs, guint n_certs, const void *tls_cert, gsize tls_cert_len,
                                 gint64 now_s, CepaRelayIdentity *out, GError **error);

G_END_DECLS
