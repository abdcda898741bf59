/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/digest.h"

#include <gcrypt.h>
#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"

#define DIGEST_MIN_GCRYPT "1.10.0"
#define DIGEST_KDF_MAX_BLOCKS 255

gboolean
cepa_crypto_init (GError **error)
{
  if (gcry_check_version (DIGEST_MIN_GCRYPT) == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "libgcrypt %s is too old: %s or newer is needed",
                   gcry_check_version (NULL), DIGEST_MIN_GCRYPT);
      return FALSE;
    }
  if (gcry_control (GCRYCTL_INITIALIZATION_FINISHED_P))
    return TRUE;
  /* Its pool would be a second, smaller one beside ours; it wipes cipher handles on close without one. */
  gcry_control (GCRYCTL_DISABLE_SECMEM, 0);
  if (gcry_control (GCRYCTL_INITIALIZATION_FINISHED, 0) != 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "libgcrypt could not be initialised");
      return FALSE;
    }
  return TRUE;
}

void
cepa_sha1 (const void *data, gsize len, guint8 out[CEPA_SHA1_LEN])
{
  gcry_md_hash_buffer (GCRY_MD_SHA1, out, data, len);
}

void
cepa_sha256 (const void *data, gsize len, guint8 out[CEPA_SHA256_LEN])
{
  gcry_md_hash_buffer (GCRY_MD_SHA256, out, data, len);
}

void
cepa_sha3_256 (const void *data, gsize len, guint8 out[CEPA_SHA3_256_LEN])
{
  gcry_md_hash_buffer (GCRY_MD_SHA3_256, out, data, len);
}

/* libsodium forbids NULL even for no bytes. */
static const guint8 *
digest_bytes (const void *data, gsize len)
{
  return len > 0 ? data : (const guint8 *) "";
}

void
cepa_hmac_sha256 (const void *key, gsize key_len, const void *data, gsize len, guint8 out[CEPA_SHA256_LEN])
{
  crypto_auth_hmacsha256_state state;

  crypto_auth_hmacsha256_init (&state, digest_bytes (key, key_len), key_len);
  crypto_auth_hmacsha256_update (&state, digest_bytes (data, len), len);
  crypto_auth_hmacsha256_final (&state, out);
  cepa_secret_wipe (&state, sizeof state);
}

void
cepa_kdf_tor (const void *secret, gsize secret_len, void *out, gsize out_len)
{
  guint8 block[CEPA_SHA1_LEN], counter = 0;
  guint8 *to = out;

  g_return_if_fail (out_len <= DIGEST_KDF_MAX_BLOCKS * CEPA_SHA1_LEN);
  while (out_len > 0)
    {
      gsize n = MIN (out_len, sizeof block);
      gcry_buffer_t input[2] = {
        { .data = (void *) secret, .len = secret_len },
        { .data = &counter, .len = 1 },
      };

      gcry_md_hash_buffers (GCRY_MD_SHA1, 0, block, input, G_N_ELEMENTS (input));
      memcpy (to, block, n);
      to += n;
      out_len -= n;
      counter++;
    }
  cepa_secret_wipe (block, sizeof block);
}

void
cepa_hkdf_sha256 (const void *ikm, gsize ikm_len, const void *salt, gsize salt_len, const void *info,
                  gsize info_len, void *out, gsize out_len)
{
  guint8 prk[CEPA_SHA256_LEN], block[CEPA_SHA256_LEN], counter = 1;
  guint8 *to = out;

  g_return_if_fail (out_len <= DIGEST_KDF_MAX_BLOCKS * CEPA_SHA256_LEN);
  cepa_hmac_sha256 (salt, salt_len, ikm, ikm_len, prk);
  while (out_len > 0)
    {
      gsize n = MIN (out_len, sizeof block);
      crypto_auth_hmacsha256_state state;

      crypto_auth_hmacsha256_init (&state, prk, sizeof prk);
      if (counter > 1)
        crypto_auth_hmacsha256_update (&state, block, sizeof block);
      crypto_auth_hmacsha256_update (&state, digest_bytes (info, info_len), info_len);
      crypto_auth_hmacsha256_update (&state, &counter, 1);
      crypto_auth_hmacsha256_final (&state, block);
      cepa_secret_wipe (&state, sizeof state);
      memcpy (to, block, n);
      to += n;
      out_len -= n;
      counter++;
    }
  cepa_secret_wipe (block, sizeof block);
  cepa_secret_wipe (prk, sizeof prk);
}
