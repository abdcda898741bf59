/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes and the key derivations built on them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_SHA1_LEN 20
#define CEPA_SHA256_LEN 32
#define CEPA_SHA3_256_LEN 32

/**
 * cepa_crypto_init:
 *
 * Prepares libgcrypt (no secure-memory pool of its own); call once, after cepa_secret_init().
 *
 * Returns: FALSE with CEPA_ERROR_INTERNAL when the library is too old or unusable.
 */
gboolean cepa_crypto_init (GError **error);

void cepa_sha1 (const void *data, gsize len, guint8 out[CEPA_SHA1_LEN]);
void cepa_sha256 (const void *data, gsize len, guint8 out[CEPA_SHA256_LEN]);
void cepa_sha3_256 (const void *data, gsize len, guint8 out[CEPA_SHA3_256_LEN]);
void cepa_hmac_sha256 (const void *key, gsize key_len, const void *data, gsize len, guint8 out[CEPA_SHA256_LEN]);

/**
 * cepa_kdf_tor:
 * @secret: K0, @secret_len bytes
 * @out: @out_len bytes of H(K0 | [00]) | H(K0 | [01]) | ..., H being SHA-1
 *
 * tor-spec: create-created-cells § KDF-TOR. @out_len is at most 255 * 20.
 */
void cepa_kdf_tor (const void *secret, gsize secret_len, void *out, gsize out_len);

/**
 * cepa_hkdf_sha256:
 * @ikm: input key material
 * @salt: @salt_len bytes; none is as 32 zeros
 * @info: @info_len bytes
 * @out: @out_len bytes, at most 255 * 32
 *
 * RFC 5869, extract and expand.
 */
void cepa_hkdf_sha256 (const void *ikm, gsize ikm_len, const void *salt, gsize salt_len, const void *info,
                       gsize info_len, void *out, gsize out_len);

G_END_DECLS
