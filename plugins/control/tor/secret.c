/* SPDX-License-Identifier: BSD-3-Clause */
/* What authentication calculates. */
#include "secret.h"

#include <string.h>

#include "text.h"

#define TOR_SECRET_SHA1_LEN 20

static const char tor_secret_keys[][64] = {
  [CEPA_TOR_SAFECOOKIE_SERVER] = "Tor safe cookie authentication server-to-controller hash",
  [CEPA_TOR_SAFECOOKIE_CONTROLLER] = "Tor safe cookie authentication controller-to-server hash",
};

gboolean
cepa_tor_hashed_parse (const char *text, guint8 hashed[CEPA_TOR_HASHED_LEN])
{
  g_autofree guint8 *bytes = NULL;
  gsize len;

  if (!g_str_has_prefix (text, "16:"))
    return FALSE;
  bytes = cepa_tor_text_unhex (text + strlen ("16:"), &len);
  if (bytes == NULL || len != CEPA_TOR_HASHED_LEN)
    return FALSE;
  memcpy (hashed, bytes, len);
  return TRUE;
}

gboolean
cepa_tor_secret_equal (const guint8 *a, const guint8 *b, gsize len)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < len; i++)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

gboolean
cepa_tor_hashed_check (const guint8 hashed[CEPA_TOR_HASHED_LEN], const guint8 *password, gsize len)
{
  guint8 count_code = hashed[CEPA_TOR_HASHED_SALT_LEN], digest[TOR_SECRET_SHA1_LEN];
  gsize left = (gsize) (16 + (count_code & 15)) << ((count_code >> 4) + 6);
  gsize piece = CEPA_TOR_HASHED_SALT_LEN + len, digest_len = sizeof digest;
  guint8 *salted = g_malloc (piece);
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA1);
  gboolean equal;

  memcpy (salted, hashed, CEPA_TOR_HASHED_SALT_LEN);
  if (len > 0)
    memcpy (salted + CEPA_TOR_HASHED_SALT_LEN, password, len);
  while (left > 0)
    {
      gsize n = MIN (left, piece);

      g_checksum_update (sum, salted, (gssize) n);
      left -= n;
    }
  g_checksum_get_digest (sum, digest, &digest_len);
  g_checksum_free (sum);
  equal = cepa_tor_secret_equal (digest, hashed + CEPA_TOR_HASHED_SALT_LEN + 1, sizeof digest);
  explicit_bzero (salted, piece);
  g_free (salted);
  explicit_bzero (digest, sizeof digest);
  return equal;
}

void
cepa_tor_safecookie (CepaTorSafecookie side, const guint8 cookie[CEPA_TOR_COOKIE_LEN], const guint8 *client_nonce,
                     gsize client_nonce_len, const guint8 server_nonce[CEPA_TOR_NONCE_LEN],
                     guint8 out[CEPA_TOR_HMAC_LEN])
{
  const char *key = tor_secret_keys[side];
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, (const guchar *) key, strlen (key));
  gsize len = CEPA_TOR_HMAC_LEN;

  g_hmac_update (hmac, cookie, CEPA_TOR_COOKIE_LEN);
  g_hmac_update (hmac, client_nonce, (gssize) client_nonce_len);
  g_hmac_update (hmac, server_nonce, CEPA_TOR_NONCE_LEN);
  g_hmac_get_digest (hmac, out, &len);
  g_hmac_unref (hmac);
}
