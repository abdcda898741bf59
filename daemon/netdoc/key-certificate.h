/* SPDX-License-Identifier: BSD-3-Clause */
/* Authorities' key certificates (dir-spec: "Creating key certificates"). */
#pragma once

#include <glib.h>

#include "crypto/rsa.h"

G_BEGIN_DECLS

/**
 * CepaKeyCertificate:
 *
 * A certificate whose own signatures hold: the fingerprint line matches the identity key, the identity key
 * signed the whole, and the signing key cross-certifies the identity. Whether that authority is one of ours,
 * and whether it is still valid, is asked apart.
 */
typedef struct _CepaKeyCertificate CepaKeyCertificate;

/**
 * cepa_key_certificate_parse:
 * @text: one certificate, @len bytes, from "dir-key-certificate-version" to the end of its signature
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT or CEPA_ERROR_BAD_SIGNATURE.
 */
CepaKeyCertificate *cepa_key_certificate_parse (const char *text, gsize len, GError **error);
CepaKeyCertificate *cepa_key_certificate_ref (CepaKeyCertificate *self);
void cepa_key_certificate_unref (CepaKeyCertificate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaKeyCertificate, cepa_key_certificate_unref)

const guint8 *cepa_key_certificate_get_identity (const CepaKeyCertificate *self);           /* 20 bytes */
const guint8 *cepa_key_certificate_get_signing_key_digest (const CepaKeyCertificate *self); /* 20 bytes */
const CepaRsaKey *cepa_key_certificate_get_signing_key (const CepaKeyCertificate *self);
gint64 cepa_key_certificate_get_published_s (const CepaKeyCertificate *self);
gint64 cepa_key_certificate_get_expires_s (const CepaKeyCertificate *self);
GBytes *cepa_key_certificate_get_text (const CepaKeyCertificate *self); /* (transfer none) */

/**
 * cepa_key_certificates_parse_all:
 * @text: any number of certificates one after the other, @len bytes, as in cached-certs
 * @errors: (element-type GError) (nullable): one that does not parse is left out and its error added here
 *
 * Returns: (transfer full) (element-type CepaKeyCertificate): those that are good; free function set.
 */
GPtrArray *cepa_key_certificates_parse_all (const char *text, gsize len, GPtrArray *errors);

G_END_DECLS
