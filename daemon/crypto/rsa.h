/* SPDX-License-Identifier: BSD-3-Clause */
/* RSA public keys as Tor's documents and certificates carry them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaRsaKey CepaRsaKey;

/**
 * cepa_rsa_key_new_from_der:
 * @der: @len bytes of a PKCS#1 RSAPublicKey
 *
 * Returns: (transfer full) (nullable): the key, of 1024 to 8192 bits with an odd exponent of at least 3 and
 * at most 32 bits; NULL with CEPA_ERROR_BAD_DOCUMENT.
 */
CepaRsaKey *cepa_rsa_key_new_from_der (const void *der, gsize len, GError **error);
void cepa_rsa_key_free (CepaRsaKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaRsaKey, cepa_rsa_key_free)

guint cepa_rsa_key_get_bits (const CepaRsaKey *self);

/* SHA-1 of the DER: the identity digest of a relay or the id of a signing key. */
void cepa_rsa_key_get_digest (const CepaRsaKey *self, guint8 out[20]);

/**
 * cepa_rsa_key_verify_digest:
 * @signature: @signature_len bytes
 * @digest: @digest_len bytes
 *
 * Whether @signature, opened, is @digest in PKCS#1 v1.5 type 1 padding without any DigestInfo, as
 * directory documents are signed (dir-spec § "signing").
 */
gboolean cepa_rsa_key_verify_digest (const CepaRsaKey *self, const void *signature, gsize signature_len,
                                     const void *digest, gsize digest_len);

/* The same, but what is signed begins with @start and may go on (dir-spec: "onion-key-crosscert"). */
gboolean cepa_rsa_key_verify_start (const CepaRsaKey *self, const void *signature, gsize signature_len,
                                    const void *start, gsize start_len);

G_END_DECLS
