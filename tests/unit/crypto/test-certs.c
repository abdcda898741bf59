/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/certs.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/writer.h"
#include "crypto/digest.h"
#include "support/link-vector.h"
#include "support/vectors.h"
#include "test-keys.h"

/* From Arti's tor-cert/tests/testvec_certs.rs: types 4 and 5 of a relay in a test network. */
#define ARTI_IDENTITY "dcb604db2034b00fd16986d4adb9d16b21cb4e4457a33dec0f538903683e96e9"
#define ARTI_SIGNING_KEY "f82294b866a31f01fc5d0da8572850a9b929545c3266558d7d2316e3b74172b0"
#define ARTI_TLS_DIGEST "b4fd606b64e4cbd466b8d76cb131069bae6f3aa1878857c9f624e31d77a799b8"
#define ARTI_SIGNING_SIGNATURE \
  "ff1a5203fa27f86ef7528d89a0845d2520166e340754ffea2aae0f612b7ce5da" \
  "094a0236cdac45034b0b6842c18e7f6b51b93a3cf7e60663b8ad061c30a62602"
#define ARTI_SIGNING "01 04 0006cc2a 01" ARTI_SIGNING_KEY "01 0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE
#define ARTI_LINK \
  "01 05 0006c98a 03" ARTI_TLS_DIGEST "00" \
  "7173e5f8068431d0d3f5ee16b4c9ffd59df373e152a87281bae744aa5fcf7217" \
  "1bf4b27c4e8fc1c6a9fc5ca11058bc49647063d7903cfd9f512f89099b27bc0c"
#define ARTI_SIGNING_ENDS_S G_GINT64_CONSTANT (1603735200) /* 2020-10-26 18:00:00 UTC */

#define HOUR 3600
#define NOW_H 500000 /* a day in 2027 */
#define NOW_S (G_GINT64_CONSTANT (3600) * NOW_H)

static void
test_ed_cert_parse (void)
{
  g_autoptr (GByteArray) bytes = vector_bytes (ARTI_SIGNING), link = vector_bytes (ARTI_LINK);
  g_autoptr (GError) error = NULL;
  guint8 signing_key[32];
  CepaEdCert cert;

  g_assert_true (cepa_ed_cert_parse (bytes->data, bytes->len, &cert, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (cert.type, ==, CEPA_CERT_ED_SIGNING);
  g_assert_cmpuint (cert.key_type, ==, 1);
  g_assert_cmpint (cert.expires_s, ==, ARTI_SIGNING_ENDS_S);
  g_assert_true (cert.has_signing_key);
  vector_assert (cert.key, 32, ARTI_SIGNING_KEY);
  vector_assert (cert.signing_key, 32, ARTI_IDENTITY);
  g_assert_true (cepa_ed_cert_check (&cert, cert.signing_key, ARTI_SIGNING_ENDS_S, &error));
  g_assert_false (cepa_ed_cert_check (&cert, cert.signing_key, ARTI_SIGNING_ENDS_S + 1, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_EXPIRED);
  g_clear_error (&error);
  memcpy (signing_key, cert.key, sizeof signing_key);
  g_assert_false (cepa_ed_cert_check (&cert, signing_key, 0, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE);
  g_clear_error (&error);

  g_assert_true (cepa_ed_cert_parse (link->data, link->len, &cert, &error));
  g_assert_cmpuint (cert.type, ==, CEPA_CERT_ED_LINK);
  g_assert_cmpuint (cert.key_type, ==, 3);
  g_assert_false (cert.has_signing_key);
  vector_assert (cert.key, 32, ARTI_TLS_DIGEST);
  g_assert_true (cepa_ed_cert_check (&cert, signing_key, 0, &error));
  g_assert_no_error (error);
}

static void
check_ed_cert_refused (const guint8 *data, gsize len)
{
  g_autoptr (GError) error = NULL;
  CepaEdCert cert = { .type = 0x5a };

  g_assert_false (cepa_ed_cert_parse (data, len, &cert, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  g_assert_cmpuint (cert.type, ==, 0x5a);
}

/* The first three are from Arti's tor-cert/tests/invalid_certs.rs. */
static void
test_ed_cert_refused (void)
{
  static const char *const certs[] = {
    "03",
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "01 0021 04 00" ARTI_IDENTITY "ff" ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "01 0020 09 01" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "01 001f 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "02 04 0006cc2a 01" ARTI_SIGNING_KEY "01 0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "00 0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "02 0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY
    "02 0020 04 00" ARTI_IDENTITY "0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    ARTI_SIGNING "00",
  };
  g_autoptr (GByteArray) good = vector_bytes (ARTI_SIGNING);

  for (guint i = 0; i < G_N_ELEMENTS (certs); i++)
    {
      g_autoptr (GByteArray) bytes = vector_bytes (certs[i]);

      check_ed_cert_refused (bytes->data, bytes->len);
    }
  for (guint len = 0; len < good->len; len++)
    check_ed_cert_refused (good->data, len);
}

/* An extension that is not known and does not affect validation is passed over, whatever its length. */
static void
test_ed_cert_unknown_extension (void)
{
  static const char *const certs[] = {
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY "02 0000 09 00 0020 04 00" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
    "01 04 0006cc2a 01" ARTI_SIGNING_KEY
    "02 0003 09 fe abcdef 0020 04 01" ARTI_IDENTITY ARTI_SIGNING_SIGNATURE,
  };

  for (guint i = 0; i < G_N_ELEMENTS (certs); i++)
    {
      g_autoptr (GByteArray) bytes = vector_bytes (certs[i]);
      g_autoptr (GError) error = NULL;
      CepaEdCert cert;

      g_assert_true (cepa_ed_cert_parse (bytes->data, bytes->len, &cert, &error));
      g_assert_no_error (error);
      vector_assert (cert.signing_key, 32, ARTI_IDENTITY);
    }
}

/* The body of a CERTS cell as certificates; the parser of wire/link.h is not this folder's to use. */
static guint
split_certs (GByteArray *body, CepaLinkCert *certs)
{
  CepaReader reader;
  guint n;

  cepa_reader_init (&reader, body->data, body->len);
  n = cepa_reader_u8 (&reader);
  for (guint i = 0; i < n; i++)
    {
      certs[i].type = cepa_reader_u8 (&reader);
      certs[i].len = cepa_reader_u16 (&reader);
      certs[i].data = cepa_reader_take (&reader, certs[i].len);
    }
  g_assert_true (cepa_reader_is_done (&reader));
  return n;
}

/* @code: of CEPA_ERROR, or -1 for any */
static void
check_refused (const CepaLinkCert *certs, guint n, const void *tls, gsize tls_len, gint64 now_s, int code)
{
  g_autoptr (GError) error = NULL;
  CepaRelayIdentity identity, untouched;

  memset (&identity, 0x5a, sizeof identity);
  memset (&untouched, 0x5a, sizeof untouched);
  g_assert_false (cepa_link_certs_verify (certs, n, tls, tls_len, now_s, &identity, &error));
  if (code < 0)
    g_assert_nonnull (error);
  else
    g_assert_error (error, CEPA_ERROR, code);
  g_assert_cmpmem (&identity, sizeof identity, &untouched, sizeof untouched);
}

static void
test_link_vector (void)
{
  g_autoptr (GByteArray) body = vector_bytes (link_vector_certs), tls = vector_bytes (link_vector_tls_cert);
  g_autofree char *ed25519_id = NULL;
  g_autoptr (GError) error = NULL;
  CepaLinkCert certs[16];
  CepaRelayIdentity identity;
  guint n = split_certs (body, certs);

  g_assert_true (
    cepa_link_certs_verify (certs, n, tls->data, tls->len, LINK_VECTOR_NOW_S, &identity, &error));
  g_assert_no_error (error);
  vector_assert (identity.rsa_id, sizeof identity.rsa_id, LINK_VECTOR_RSA_ID);
  ed25519_id = cepa_base64_encode_unpadded (identity.ed25519_id, sizeof identity.ed25519_id);
  g_assert_cmpstr (ed25519_id, ==, LINK_VECTOR_ED25519_ID_BASE64);

  tls->data[tls->len - 1] ^= 1;
  check_refused (certs, n, tls->data, tls->len, LINK_VECTOR_NOW_S, CEPA_ERROR_IDENTITY);
}

/* Every byte of the four certificates of the chain counts. */
static void
test_link_vector_changed (void)
{
  g_autoptr (GByteArray) body = vector_bytes (link_vector_certs), tls = vector_bytes (link_vector_tls_cert);
  CepaLinkCert certs[16];
  guint n = split_certs (body, certs);

  for (guint i = 0; i < n; i++)
    {
      guint8 *data = (guint8 *) certs[i].data;

      if (certs[i].type == CEPA_CERT_TLS_LINK_RSA)
        continue;
      for (guint at = 0; at < certs[i].len; at++)
        {
          data[at] ^= 1;
          check_refused (certs, n, tls->data, tls->len, LINK_VECTOR_NOW_S, -1);
          data[at] ^= 1;
        }
      for (guint16 full = certs[i].len, len = 0; len < full; len = (guint16) (len + 23))
        {
          certs[i].len = len;
          check_refused (certs, n, tls->data, tls->len, LINK_VECTOR_NOW_S, -1);
          certs[i].len = full;
        }
    }
}

/* A chain of our own, of which tests replace parts. */
enum
{
  SIGNING,
  LINK,
  RSA_ID,
  CROSS,
  N_PARTS
};

static const guint8 part_types[N_PARTS] = { CEPA_CERT_ED_SIGNING, CEPA_CERT_ED_LINK, CEPA_CERT_RSA_ID,
                                            CEPA_CERT_RSA_ED_CROSS };
static const char tls_cert[] = "the DER of a TLS certificate";

typedef struct
{
  guint8 identity[32], identity_secret[64], signing[32], signing_secret[64], tls_digest[32];
  GByteArray *parts[N_PARTS];
} Chain;

/* @named: (nullable): the key in extension 4 */
static GByteArray *
make_ed_cert (guint8 type, guint32 expires_h, guint8 key_type, const guint8 *key, const guint8 *named,
              const guint8 *secret)
{
  GByteArray *cert = g_byte_array_new ();
  guint8 buffer[200], signature[64];
  CepaWriter writer;

  cepa_writer_init (&writer, buffer, sizeof buffer);
  cepa_writer_u8 (&writer, 1);
  cepa_writer_u8 (&writer, type);
  cepa_writer_u32 (&writer, expires_h);
  cepa_writer_u8 (&writer, key_type);
  cepa_writer_bytes (&writer, key, 32);
  cepa_writer_u8 (&writer, named != NULL);
  if (named != NULL)
    {
      cepa_writer_u16 (&writer, 32);
      cepa_writer_u8 (&writer, 4);
      cepa_writer_u8 (&writer, 0);
      cepa_writer_bytes (&writer, named, 32);
    }
  crypto_sign_detached (signature, NULL, buffer, writer.len, secret);
  cepa_writer_bytes (&writer, signature, sizeof signature);
  return g_byte_array_append (cert, buffer, (guint) writer.len);
}

static gnutls_x509_privkey_t
load_key (const char *pem)
{
  gnutls_datum_t text = { (unsigned char *) pem, (unsigned) strlen (pem) };
  gnutls_x509_privkey_t key;

  g_assert_cmpint (gnutls_x509_privkey_init (&key), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &text, GNUTLS_X509_FMT_PEM), ==, 0);
  return key;
}

static GByteArray *
make_rsa_id (const char *key_pem, const char *signer_pem, int digest, gint64 from_s, gint64 until_s)
{
  GByteArray *cert = g_byte_array_new ();
  gnutls_x509_privkey_t key = load_key (key_pem), signer = load_key (signer_pem);
  gnutls_datum_t der;
  gnutls_x509_crt_t crt;

  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, "\1\2\3", 3);
  gnutls_x509_crt_set_dn (crt, "CN=www.example.net", NULL);
  gnutls_x509_crt_set_issuer_dn (crt, "CN=www.example.net", NULL);
  gnutls_x509_crt_set_activation_time (crt, from_s);
  gnutls_x509_crt_set_expiration_time (crt, until_s);
  gnutls_x509_crt_set_key (crt, key);
  g_assert_cmpint (gnutls_x509_crt_sign2 (crt, crt, signer, digest, 0), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
  g_byte_array_append (cert, der.data, der.size);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
  gnutls_x509_privkey_deinit (signer);
  return cert;
}

static GByteArray *
make_cross (const guint8 *key, guint32 expires_h, const char *signer_pem)
{
  static const char prefix[] = "Tor TLS RSA/Ed25519 cross-certificate";
  guint8 input[sizeof prefix - 1 + 36], digest[32], head[37];
  gnutls_datum_t hash = { digest, sizeof digest }, signature;
  gnutls_x509_privkey_t key_x509 = load_key (signer_pem);
  GByteArray *cert = g_byte_array_new ();
  gnutls_privkey_t signer;
  CepaWriter writer;
  int result;

  cepa_writer_init (&writer, head, sizeof head);
  cepa_writer_bytes (&writer, key, 32);
  cepa_writer_u32 (&writer, expires_h);
  memcpy (input, prefix, sizeof prefix - 1);
  memcpy (input + sizeof prefix - 1, head, 36);
  cepa_sha256 (input, sizeof input, digest);
  gnutls_privkey_init (&signer);
  gnutls_privkey_import_x509 (signer, key_x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
  result = gnutls_privkey_sign_hash (signer, GNUTLS_DIG_UNKNOWN, GNUTLS_PRIVKEY_SIGN_FLAG_TLS1_RSA, &hash,
                                     &signature);
  g_assert_cmpint (result, ==, 0);
  cepa_writer_u8 (&writer, (guint8) signature.size);
  g_byte_array_append (cert, head, sizeof head);
  g_byte_array_append (cert, signature.data, signature.size);
  gnutls_free (signature.data);
  gnutls_privkey_deinit (signer);
  return cert;
}

static void
chain_init (Chain *chain)
{
  guint8 seed[32];

  memset (seed, 1, sizeof seed);
  crypto_sign_seed_keypair (chain->identity, chain->identity_secret, seed);
  memset (seed, 2, sizeof seed);
  crypto_sign_seed_keypair (chain->signing, chain->signing_secret, seed);
  cepa_sha256 (tls_cert, sizeof tls_cert, chain->tls_digest);
  chain->parts[SIGNING] = make_ed_cert (4, NOW_H + 10, 1, chain->signing, chain->identity,
                                        chain->identity_secret);
  chain->parts[LINK] = make_ed_cert (5, NOW_H + 5, 3, chain->tls_digest, NULL, chain->signing_secret);
  chain->parts[RSA_ID] = make_rsa_id (test_key_identity, test_key_identity, GNUTLS_DIG_SHA256,
                                      NOW_S - 24 * HOUR, NOW_S + 365 * 24 * HOUR);
  chain->parts[CROSS] = make_cross (chain->identity, NOW_H + 15, test_key_identity);
}

static void
chain_clear (Chain *chain)
{
  for (guint i = 0; i < N_PARTS; i++)
    g_byte_array_unref (chain->parts[i]);
}

/* @part: (transfer full) */
static void
chain_replace (Chain *chain, guint i, GByteArray *part)
{
  g_byte_array_unref (chain->parts[i]);
  chain->parts[i] = part;
}

static guint
chain_certs (const Chain *chain, CepaLinkCert *certs)
{
  for (guint i = 0; i < N_PARTS; i++)
    certs[i] = (CepaLinkCert){ part_types[i], (guint16) chain->parts[i]->len, chain->parts[i]->data };
  return N_PARTS;
}

static void
chain_check_good (const Chain *chain, gint64 now_s)
{
  g_autoptr (GError) error = NULL;
  CepaLinkCert certs[N_PARTS];
  CepaRelayIdentity identity;

  chain_certs (chain, certs);
  g_assert_true (
    cepa_link_certs_verify (certs, N_PARTS, tls_cert, sizeof tls_cert, now_s, &identity, &error));
  g_assert_no_error (error);
  /* The digest that OpenSSL gives of this key. */
  vector_assert (identity.rsa_id, sizeof identity.rsa_id, "bdcf8c144e42b635d0701539b9ef3705f2201aa6");
  g_assert_cmpmem (identity.ed25519_id, 32, chain->identity, 32);
}

static void
chain_check_refused (const Chain *chain, gint64 now_s, int code)
{
  CepaLinkCert certs[N_PARTS];

  chain_certs (chain, certs);
  check_refused (certs, N_PARTS, tls_cert, sizeof tls_cert, now_s, code);
}

static void
test_link_missing_doubled_unknown (void)
{
  CepaLinkCert certs[N_PARTS + 3];
  g_autoptr (GError) error = NULL;
  CepaRelayIdentity identity;
  Chain chain;

  chain_init (&chain);
  chain_check_good (&chain, NOW_S);
  for (guint i = 0; i < N_PARTS; i++)
    {
      chain_certs (&chain, certs);
      certs[i].type = 99;
      check_refused (certs, N_PARTS, tls_cert, sizeof tls_cert, NOW_S, CEPA_ERROR_IDENTITY);
      chain_certs (&chain, certs);
      certs[N_PARTS] = certs[i];
      check_refused (certs, N_PARTS + 1, tls_cert, sizeof tls_cert, NOW_S, CEPA_ERROR_IDENTITY);
    }
  check_refused (certs, 0, tls_cert, sizeof tls_cert, NOW_S, CEPA_ERROR_IDENTITY);

  chain_certs (&chain, certs);
  for (guint8 i = 0; i < 3; i++)
    certs[N_PARTS + i] = (CepaLinkCert){ (guint8) (i == 0 ? CEPA_CERT_TLS_LINK_RSA : 200 + i), 0,
                                         chain.parts[0]->data };
  g_assert_true (
    cepa_link_certs_verify (certs, N_PARTS + 3, tls_cert, sizeof tls_cert, NOW_S, &identity, &error));
  g_assert_no_error (error);
  certs[N_PARTS + 2].type = certs[N_PARTS + 1].type;
  check_refused (certs, N_PARTS + 3, tls_cert, sizeof tls_cert, NOW_S, CEPA_ERROR_IDENTITY);
  chain_clear (&chain);
}

/* Each one alone ends the chain: good in its last second, refused in the next. */
static void
test_link_expired (void)
{
  Chain chain;

  chain_init (&chain);
  chain_check_good (&chain, NOW_S + 5 * HOUR);
  chain_check_refused (&chain, NOW_S + 5 * HOUR + 1, CEPA_ERROR_EXPIRED);

  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 100, 3, chain.tls_digest, NULL,
                                             chain.signing_secret));
  chain_check_good (&chain, NOW_S + 10 * HOUR);
  chain_check_refused (&chain, NOW_S + 10 * HOUR + 1, CEPA_ERROR_EXPIRED);

  chain_replace (&chain, SIGNING,
                 make_ed_cert (4, NOW_H + 100, 1, chain.signing, chain.identity, chain.identity_secret));
  chain_check_good (&chain, NOW_S + 15 * HOUR);
  chain_check_refused (&chain, NOW_S + 15 * HOUR + 1, CEPA_ERROR_EXPIRED);
  chain_clear (&chain);
}

/* C Tor's allowance for wrong clocks on this one: 30 days before it begins, 2 after it ended. */
static void
test_link_rsa_id_dates (void)
{
  Chain chain;

  chain_init (&chain);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_identity, test_key_identity, GNUTLS_DIG_SHA256,
                                              NOW_S + 30 * 24 * HOUR, NOW_S + 60 * 24 * HOUR));
  chain_check_good (&chain, NOW_S);
  chain_check_refused (&chain, NOW_S - 1, CEPA_ERROR_EXPIRED);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_identity, test_key_identity, GNUTLS_DIG_SHA256,
                                              NOW_S - 60 * 24 * HOUR, NOW_S - 2 * 24 * HOUR));
  chain_check_good (&chain, NOW_S);
  chain_check_refused (&chain, NOW_S + 1, CEPA_ERROR_EXPIRED);
  chain_clear (&chain);
}

static void
test_link_wrong_signers (void)
{
  Chain chain;

  chain_init (&chain);
  chain_replace (&chain, SIGNING, make_ed_cert (4, NOW_H + 10, 1, chain.signing, chain.identity,
                                                chain.signing_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_clear (&chain);

  /* By the identity itself, past the signing key. */
  chain_init (&chain);
  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 5, 3, chain.tls_digest, NULL, chain.identity_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 5, 3, chain.tls_digest, chain.identity,
                                             chain.identity_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 5, 3, chain.tls_digest, chain.identity,
                                             chain.signing_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_clear (&chain);

  chain_init (&chain);
  chain_replace (&chain, CROSS, make_cross (chain.identity, NOW_H + 15, test_key_other));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_replace (&chain, CROSS, make_cross (chain.signing, NOW_H + 15, test_key_identity));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_clear (&chain);
}

/* A certificate of another relay's identity does not fit into the chain, good as it is. */
static void
test_link_mixed_relays (void)
{
  Chain chain;

  chain_init (&chain);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_other, test_key_other, GNUTLS_DIG_SHA256, NOW_S,
                                              NOW_S + 24 * HOUR));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_clear (&chain);
}

static void
test_link_wrong_types (void)
{
  Chain chain;

  chain_init (&chain);
  chain_replace (&chain, SIGNING, make_ed_cert (4, NOW_H + 10, 1, chain.signing, NULL,
                                                chain.identity_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_replace (&chain, SIGNING, make_ed_cert (4, NOW_H + 10, 3, chain.signing, chain.identity,
                                                chain.identity_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_replace (&chain, SIGNING, make_ed_cert (6, NOW_H + 10, 1, chain.signing, chain.identity,
                                                chain.identity_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_clear (&chain);

  chain_init (&chain);
  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 5, 1, chain.tls_digest, NULL, chain.signing_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_replace (&chain, LINK, make_ed_cert (6, NOW_H + 5, 3, chain.tls_digest, NULL, chain.signing_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_replace (&chain, LINK, make_ed_cert (5, NOW_H + 5, 3, chain.signing, NULL, chain.signing_secret));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_IDENTITY);
  chain_clear (&chain);
}

static void
test_link_rsa_id_kinds (void)
{
  const gint64 until_s = NOW_S + 24 * HOUR;
  Chain chain;

  chain_init (&chain);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_identity, test_key_identity, GNUTLS_DIG_SHA1, NOW_S,
                                              until_s));
  chain_check_good (&chain, NOW_S);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_identity, test_key_other, GNUTLS_DIG_SHA256, NOW_S,
                                              until_s));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_SIGNATURE);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_identity, test_key_identity, GNUTLS_DIG_SHA512, NOW_S,
                                              until_s));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_DOCUMENT);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_long, test_key_long, GNUTLS_DIG_SHA256, NOW_S,
                                              until_s));
  chain_replace (&chain, CROSS, make_cross (chain.identity, NOW_H + 15, test_key_long));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_DOCUMENT);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_odd_size, test_key_odd_size, GNUTLS_DIG_SHA256, NOW_S,
                                              until_s));
  chain_replace (&chain, CROSS, make_cross (chain.identity, NOW_H + 15, test_key_odd_size));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_DOCUMENT);
  chain_replace (&chain, RSA_ID, make_rsa_id (test_key_ec, test_key_ec, GNUTLS_DIG_SHA256, NOW_S, until_s));
  chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_DOCUMENT);
  chain_clear (&chain);

  /* A byte behind each of the four. */
  for (guint i = 0; i < N_PARTS; i++)
    {
      chain_init (&chain);
      g_byte_array_append (chain.parts[i], (const guint8 *) "", 1);
      chain_check_refused (&chain, NOW_S, CEPA_ERROR_BAD_DOCUMENT);
      chain_clear (&chain);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/certs/ed-cert-parse", test_ed_cert_parse);
  g_test_add_func ("/crypto/certs/ed-cert-refused", test_ed_cert_refused);
  g_test_add_func ("/crypto/certs/ed-cert-unknown-extension", test_ed_cert_unknown_extension);
  g_test_add_func ("/crypto/certs/link-vector", test_link_vector);
  g_test_add_func ("/crypto/certs/link-vector-changed", test_link_vector_changed);
  g_test_add_func ("/crypto/certs/link-missing-doubled-unknown", test_link_missing_doubled_unknown);
  g_test_add_func ("/crypto/certs/link-expired", test_link_expired);
  g_test_add_func ("/crypto/certs/link-rsa-id-dates", test_link_rsa_id_dates);
  g_test_add_func ("/crypto/certs/link-wrong-signers", test_link_wrong_signers);
  g_test_add_func ("/crypto/certs/link-mixed-relays", test_link_mixed_relays);
  g_test_add_func ("/crypto/certs/link-wrong-types", test_link_wrong_types);
  g_test_add_func ("/crypto/certs/link-rsa-id-kinds", test_link_rsa_id_kinds);
  return g_test_run ();
}
