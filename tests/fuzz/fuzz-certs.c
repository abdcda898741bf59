/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The input is the length of a TLS certificate in 2 bytes, the certificate, and the body of a CERTS cell; all
 * of it is also taken as an Ed25519 certificate and as an RSA key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/certs.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"
#include "wire/link.h"

/* A seed is what a relay sent at this time, and who it is. Nobody can forge another, so none is accepted. */
#define SEED_NOW_S G_GINT64_CONSTANT (1795361470)
static const guint8 seed_rsa_id[20] = { 0x2d, 0xe1, 0x6c, 0x32, 0x01, 0x46, 0x3f, 0x26, 0x90, 0xcc,
                                        0x16, 0x54, 0x03, 0x17, 0xbe, 0x0e, 0x04, 0xa4, 0x80, 0x4a };

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
parse_ed_cert (const guint8 *data, gsize len)
{
  g_autoptr (GError) error = NULL;
  CepaEdCert cert;

  require (cepa_ed_cert_parse (data, len, &cert, &error) == (error == NULL));
  if (error != NULL)
    return;
  require (cert.bytes == data && cert.len == len && cert.expires_s >= 0 && cert.expires_s % 3600 == 0);
  require (cepa_ed_cert_check (&cert, cert.signing_key, 0, &error) == (error == NULL));
}

static void
parse_rsa_key (const guint8 *data, gsize len)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaRsaKey) key = cepa_rsa_key_new_from_der (data, len, &error);
  guint8 digest[20];

  require ((key == NULL) == (error != NULL));
  if (key == NULL)
    return;
  require (cepa_rsa_key_get_bits (key) >= 1024 && cepa_rsa_key_get_bits (key) <= 8192);
  cepa_rsa_key_get_digest (key, digest);
  cepa_rsa_key_verify_digest (key, data, (cepa_rsa_key_get_bits (key) + 7) / 8, digest, sizeof digest);
}

static void
verify_link (const guint8 *data, gsize len)
{
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  g_autoptr (GError) error = NULL;
  CepaRelayIdentity identity;
  CepaReader reader, tls_cert;
  guint n;

  cepa_reader_init (&reader, data, len);
  tls_cert = cepa_reader_sub (&reader, cepa_reader_u16 (&reader));
  if (reader.failed || !cepa_certs_parse (reader.data, reader.left, certs, &n, NULL))
    return;
  if (cepa_link_certs_verify (certs, n, tls_cert.data, tls_cert.left, SEED_NOW_S, &identity, &error))
    require (memcmp (identity.rsa_id, seed_rsa_id, sizeof seed_rsa_id) == 0);
  else
    require (error != NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);

  require (cepa_secret_init (NULL) && cepa_crypto_init (NULL)); /* both may be called again */
  parse_ed_cert (copy, size);
  parse_rsa_key (copy, size);
  verify_link (copy, size);
  return 0;
}
