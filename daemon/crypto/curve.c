/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve.h"

#include <sodium.h>
#include <string.h>

G_STATIC_ASSERT (CEPA_X25519_LEN == crypto_scalarmult_curve25519_BYTES);
G_STATIC_ASSERT (CEPA_X25519_LEN == crypto_scalarmult_curve25519_SCALARBYTES);
G_STATIC_ASSERT (CEPA_ED25519_KEY_LEN == crypto_sign_ed25519_PUBLICKEYBYTES);
G_STATIC_ASSERT (CEPA_ED25519_SIGNATURE_LEN == crypto_sign_ed25519_BYTES);

void
cepa_x25519_generate (CepaRandom *random, guint8 secret[CEPA_X25519_LEN], guint8 public_key[CEPA_X25519_LEN])
{
  cepa_random_fill (random, secret, CEPA_X25519_LEN);
  crypto_scalarmult_curve25519_base (public_key, secret);
}

gboolean
cepa_x25519 (const guint8 secret[CEPA_X25519_LEN], const guint8 public_key[CEPA_X25519_LEN],
             guint8 shared[CEPA_X25519_LEN])
{
  if (crypto_scalarmult_curve25519 (shared, secret, public_key) == 0)
    return TRUE;
  /* The library leaves @shared unset for some of the low-order points. */
  memset (shared, 0, CEPA_X25519_LEN);
  return FALSE;
}

gboolean
cepa_ed25519_verify (const guint8 signature[CEPA_ED25519_SIGNATURE_LEN], const void *data, gsize len,
                     const guint8 key[CEPA_ED25519_KEY_LEN])
{
  return crypto_sign_ed25519_verify_detached (signature, data, len, key) == 0;
}
