/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve.h"

#include <gcrypt.h>
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

/* u of Curve25519 is y = (u - 1) / (u + 1) of Ed25519, both mod 2^255 - 19. @out: big-endian, 32 bytes */
static gboolean
curve_u_to_y (gcry_mpi_t u, guint8 *out)
{
  gcry_mpi_t p = gcry_mpi_set_ui (NULL, 1), below = gcry_mpi_new (256), y = gcry_mpi_new (256);
  gsize len = 0;
  gboolean good;

  gcry_mpi_lshift (p, p, 255);
  gcry_mpi_sub_ui (p, p, 19);
  gcry_mpi_add_ui (below, u, 1);
  good = gcry_mpi_invm (below, below, p) != 0;
  if (good)
    {
      gcry_mpi_add (y, u, p); /* so that u - 1 is not below 0 */
      gcry_mpi_sub_ui (y, y, 1);
      gcry_mpi_mulm (y, y, below, p);
      good = gcry_mpi_print (GCRYMPI_FMT_USG, out, CEPA_ED25519_KEY_LEN, &len, y) == 0;
    }
  if (good)
    {
      memmove (out + CEPA_ED25519_KEY_LEN - len, out, len);
      memset (out, 0, CEPA_ED25519_KEY_LEN - len);
    }
  gcry_mpi_release (p);
  gcry_mpi_release (below);
  gcry_mpi_release (y);
  return good;
}

gboolean
cepa_ed25519_from_x25519 (const guint8 public_key[CEPA_X25519_LEN], gboolean is_negative,
                          guint8 out[CEPA_ED25519_KEY_LEN])
{
  guint8 big_endian[CEPA_X25519_LEN], y[CEPA_ED25519_KEY_LEN];
  gcry_mpi_t u = NULL;
  gboolean good;

  for (guint i = 0; i < CEPA_X25519_LEN; i++)
    big_endian[i] = public_key[CEPA_X25519_LEN - 1 - i];
  big_endian[0] &= 0x7f; /* RFC 7748: the last bit does not count */
  good = gcry_mpi_scan (&u, GCRYMPI_FMT_USG, big_endian, sizeof big_endian, NULL) == 0 && curve_u_to_y (u, y);
  gcry_mpi_release (u);
  if (!good)
    return FALSE;
  for (guint i = 0; i < CEPA_ED25519_KEY_LEN; i++)
    out[i] = y[CEPA_ED25519_KEY_LEN - 1 - i];
  out[CEPA_ED25519_KEY_LEN - 1] |= is_negative ? 0x80 : 0;
  return TRUE;
}
