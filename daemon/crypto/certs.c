/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/certs.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"
#include "crypto/curve.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"

#define CERT_SECONDS_PER_HOUR 3600

/* cert-spec § Ed25519 certificates. */
#define CERT_ED_VERSION 1
#define CERT_ED_EXT_SIGNING_KEY 4
#define CERT_ED_EXT_AFFECTS_VALIDATION 1
#define CERT_KEY_ED25519 1
#define CERT_KEY_SHA256_OF_X509 3

/* cert-spec § RSA->Ed25519 cross-certificate. */
#define CERT_CROSS_PREFIX "Tor TLS RSA/Ed25519 cross-certificate"
#define CERT_CROSS_SIGNED_LEN 36

/* tor-spec: negotiating-channels: the RSA identity key has this length, no other. */
#define CERT_RSA_ID_BITS 1024
#define CERT_RSA_ID_MAX_SIGNATURE (CERT_RSA_ID_BITS / 8)

/*
 * What a clock may be off by for the dates of the RSA identity certificate, as in C Tor: it vouches for
 * itself, so its dates keep nobody out, and the chain's other dates are held to the second.
 */
#define CERT_RSA_ID_PAST_SLOP_S (2 * 24 * 3600)
#define CERT_RSA_ID_FUTURE_SLOP_S (30 * 24 * 3600)

static const char *
cert_type_name (guint type)
{
  switch (type)
    {
    case CEPA_CERT_TLS_LINK_RSA:
      return "RSA link certificate (type 1)";
    case CEPA_CERT_RSA_ID:
      return "RSA identity certificate (type 2)";
    case CEPA_CERT_ED_SIGNING:
      return "Ed25519 signing key certificate (type 4)";
    case CEPA_CERT_ED_LINK:
      return "Ed25519 link certificate (type 5)";
    case CEPA_CERT_RSA_ED_CROSS:
      return "RSA to Ed25519 cross-certificate (type 7)";
    case CEPA_CERT_NTOR_ID:
      return "ntor key's certificate (type 10)";
    case CEPA_CERT_FAMILY_ID:
      return "family certificate (type 12)";
    default:
      return "certificate of another type";
    }
}

static gboolean
cert_fail (GError **error, CepaErrorKind kind, guint type, const char *what)
{
  g_set_error (error, CEPA_ERROR, kind, "%s: %s", cert_type_name (type), what);
  return FALSE;
}

static gboolean
cert_check_not_expired (guint type, gint64 expires_s, gint64 now_s, GError **error)
{
  if (now_s <= expires_s)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_EXPIRED,
               "%s: it ended at %" G_GINT64_FORMAT ", our clock says %" G_GINT64_FORMAT,
               cert_type_name (type), expires_s, now_s);
  return FALSE;
}

/* Reads one extension of an Ed25519 certificate into @out. Returns what is wrong with it, or NULL. */
static const char *
ed_cert_read_extension (CepaReader *reader, CepaEdCert *out)
{
  gsize len = cepa_reader_u16 (reader);
  guint8 type = cepa_reader_u8 (reader), flags = cepa_reader_u8 (reader);
  CepaReader body = cepa_reader_sub (reader, len);

  if (reader->failed)
    return "it ends within an extension";
  if (type == CERT_ED_EXT_SIGNING_KEY)
    {
      if (out->has_signing_key)
        return "it names its signing key twice";
      if (len != sizeof out->signing_key)
        return "its signing key is not of 32 bytes";
      out->has_signing_key = cepa_reader_copy (&body, out->signing_key, sizeof out->signing_key);
    }
  else if (flags & CERT_ED_EXT_AFFECTS_VALIDATION)
    return "it has an unknown extension that affects validation";
  return NULL;
}

gboolean
cepa_ed_cert_parse (const void *data, gsize len, CepaEdCert *out, GError **error)
{
  CepaEdCert cert = { .bytes = data, .len = len };
  const char *fault = NULL;
  CepaReader reader;
  guint n_extensions;
  guint8 version;

  cepa_reader_init (&reader, data, len);
  version = cepa_reader_u8 (&reader);
  cert.type = cepa_reader_u8 (&reader);
  cert.expires_s = (gint64) cepa_reader_u32 (&reader) * CERT_SECONDS_PER_HOUR;
  cert.key_type = cepa_reader_u8 (&reader);
  cepa_reader_copy (&reader, cert.key, sizeof cert.key);
  n_extensions = cepa_reader_u8 (&reader);
  if (version != CERT_ED_VERSION)
    fault = "its version is not 1";
  else if (reader.failed)
    fault = "it is too short";
  for (guint i = 0; fault == NULL && i < n_extensions; i++)
    fault = ed_cert_read_extension (&reader, &cert);
  cepa_reader_take (&reader, CEPA_ED25519_SIGNATURE_LEN);
  if (fault == NULL && !cepa_reader_is_done (&reader))
    fault = "its signature is not the 64 bytes that end it";
  if (fault != NULL)
    return cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, cert.type, fault);
  *out = cert;
  return TRUE;
}

gboolean
cepa_ed_cert_check (const CepaEdCert *self, const guint8 key[32], gint64 now_s, GError **error)
{
  gsize signed_len = self->len - CEPA_ED25519_SIGNATURE_LEN;

  if (self->has_signing_key && memcmp (self->signing_key, key, sizeof self->signing_key) != 0)
    return cert_fail (error, CEPA_ERROR_BAD_SIGNATURE, self->type,
                      "it names another signing key than it must have");
  if (!cepa_ed25519_verify (self->bytes + signed_len, self->bytes, signed_len, key))
    return cert_fail (error, CEPA_ERROR_BAD_SIGNATURE, self->type, "its signature is wrong");
  return cert_check_not_expired (self->type, self->expires_s, now_s, error);
}

/* The certificates of a CERTS cell that the chain is made of. */
typedef struct
{
  const CepaLinkCert *rsa_id, *ed_signing, *ed_link, *cross;
} LinkCertsFound;

static const CepaLinkCert **
link_certs_slot (LinkCertsFound *found, guint8 type)
{
  switch (type)
    {
    case CEPA_CERT_RSA_ID:
      return &found->rsa_id;
    case CEPA_CERT_ED_SIGNING:
      return &found->ed_signing;
    case CEPA_CERT_ED_LINK:
      return &found->ed_link;
    case CEPA_CERT_RSA_ED_CROSS:
      return &found->cross;
    default:
      return NULL;
    }
}

static gboolean
link_certs_find (const CepaLinkCert *certs, guint n_certs, LinkCertsFound *found, GError **error)
{
  static const guint8 needed[] = { CEPA_CERT_ED_SIGNING, CEPA_CERT_ED_LINK, CEPA_CERT_RSA_ID,
                                   CEPA_CERT_RSA_ED_CROSS };
  gboolean seen[256] = { FALSE };

  for (guint i = 0; i < n_certs; i++)
    {
      const CepaLinkCert **slot = link_certs_slot (found, certs[i].type);

      if (seen[certs[i].type])
        return cert_fail (error, CEPA_ERROR_IDENTITY, certs[i].type, "the CERTS cell has it twice");
      seen[certs[i].type] = TRUE;
      if (slot != NULL)
        *slot = &certs[i];
    }
  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    if (!seen[needed[i]])
      return cert_fail (error, CEPA_ERROR_IDENTITY, needed[i], "the CERTS cell does not have it");
  return TRUE;
}

/* Parses @cert and requires the types that its place in the chain asks for. */
static gboolean
link_certs_parse_ed (const CepaLinkCert *cert, guint8 key_type, CepaEdCert *out, GError **error)
{
  if (!cepa_ed_cert_parse (cert->data, cert->len, out, error))
    return FALSE;
  if (out->type != cert->type)
    return cert_fail (error, CEPA_ERROR_IDENTITY, cert->type, "inside it says that it is of another type");
  if (out->key_type != key_type)
    return cert_fail (error, CEPA_ERROR_IDENTITY, cert->type,
                      "the type of the key that it certifies is wrong");
  return TRUE;
}

/* Ed25519 identity -> signing key -> TLS certificate. Gives the identity, which only itself certifies. */
static gboolean
link_certs_verify_ed (const LinkCertsFound *found, const void *tls_cert, gsize tls_cert_len, gint64 now_s,
                      guint8 identity[32], GError **error)
{
  CepaEdCert signing, link;
  guint8 tls_digest[CEPA_SHA256_LEN];

  if (!link_certs_parse_ed (found->ed_signing, CERT_KEY_ED25519, &signing, error)
      || !link_certs_parse_ed (found->ed_link, CERT_KEY_SHA256_OF_X509, &link, error))
    return FALSE;
  if (!signing.has_signing_key)
    return cert_fail (error, CEPA_ERROR_IDENTITY, CEPA_CERT_ED_SIGNING, "it does not name the identity");
  if (!cepa_ed_cert_check (&signing, signing.signing_key, now_s, error)
      || !cepa_ed_cert_check (&link, signing.key, now_s, error))
    return FALSE;
  cepa_sha256 (tls_cert, tls_cert_len, tls_digest);
  if (memcmp (tls_digest, link.key, sizeof tls_digest) != 0)
    return cert_fail (error, CEPA_ERROR_IDENTITY, CEPA_CERT_ED_LINK,
                      "it is not for the TLS certificate of this link");
  memcpy (identity, signing.signing_key, sizeof signing.signing_key);
  return TRUE;
}

/* The RSA key of an X.509 certificate as the DER of which Tor takes the identity digest. */
static CepaRsaKey *
rsa_id_cert_get_key (gnutls_x509_crt_t cert, GError **error)
{
  gnutls_datum_t modulus = { NULL, 0 }, exponent = { NULL, 0 };
  guint8 der[CERT_RSA_ID_BITS / 8 + 64], numbers[CERT_RSA_ID_BITS / 8 + 32];
  CepaRsaKey *key = NULL;
  CepaWriter inner, outer;

  if (gnutls_x509_crt_get_pk_rsa_raw (cert, &modulus, &exponent) < 0)
    {
      cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID, "it has no RSA key");
      return NULL;
    }
  cepa_writer_init (&inner, numbers, sizeof numbers);
  cepa_der_write_unsigned (&inner, modulus.data, modulus.size);
  cepa_der_write_unsigned (&inner, exponent.data, exponent.size);
  cepa_writer_init (&outer, der, sizeof der);
  cepa_der_write_header (&outer, CEPA_DER_SEQUENCE, inner.len);
  cepa_writer_bytes (&outer, numbers, inner.len);
  gnutls_free (modulus.data);
  gnutls_free (exponent.data);
  if (!inner.failed && !outer.failed)
    key = cepa_rsa_key_new_from_der (der, outer.len, error);
  else
    cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID, "its RSA key is too long");
  if (key != NULL && cepa_rsa_key_get_bits (key) != CERT_RSA_ID_BITS)
    {
      g_clear_pointer (&key, cepa_rsa_key_free);
      cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID, "its RSA key is not of 1024 bits");
    }
  return key;
}

/* Writes the DigestInfo (RFC 8017 § 9.2, note 1) of the signed part of @cert. Returns its length, or 0. */
static gsize
rsa_id_cert_write_digest_info (gnutls_x509_crt_t cert, const CepaLinkCert *raw, guint8 *out, gsize size)
{
  static const guint8 sha1_info[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                      0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 };
  static const guint8 sha256_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
  int algorithm = gnutls_x509_crt_get_signature_algorithm (cert);
  CepaReader outer, whole;
  CepaWriter writer;
  const guint8 *signed_start;
  gsize signed_len;

  cepa_reader_init (&outer, raw->data, raw->len);
  whole = cepa_der_read (&outer, CEPA_DER_SEQUENCE);
  signed_start = whole.data;
  cepa_der_read (&whole, CEPA_DER_SEQUENCE);
  if (whole.failed || !cepa_reader_is_done (&outer))
    return 0;
  signed_len = (gsize) (whole.data - signed_start);

  cepa_writer_init (&writer, out, size);
  if (algorithm == GNUTLS_SIGN_RSA_SHA256)
    {
      cepa_writer_bytes (&writer, sha256_info, sizeof sha256_info);
      cepa_sha256 (signed_start, signed_len, cepa_writer_reserve (&writer, CEPA_SHA256_LEN));
    }
  else if (algorithm == GNUTLS_SIGN_RSA_SHA1)
    {
      cepa_writer_bytes (&writer, sha1_info, sizeof sha1_info);
      cepa_sha1 (signed_start, signed_len, cepa_writer_reserve (&writer, CEPA_SHA1_LEN));
    }
  return writer.len;
}

/* The self-signature. Done here: GnuTLS and system policies refuse the 1024-bit keys that Tor still has. */
static gboolean
rsa_id_cert_check_signature (gnutls_x509_crt_t cert, const CepaLinkCert *raw, const CepaRsaKey *key,
                             GError **error)
{
  guint8 info[64];
  char signature[CERT_RSA_ID_MAX_SIGNATURE];
  gsize info_len = rsa_id_cert_write_digest_info (cert, raw, info, sizeof info);
  size_t signature_len = sizeof signature;

  if (info_len == 0)
    return cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID,
                      "its signature is of an unknown kind");
  if (gnutls_x509_crt_get_signature (cert, signature, &signature_len) < 0
      || !cepa_rsa_key_verify_digest (key, signature, signature_len, info, info_len))
    return cert_fail (error, CEPA_ERROR_BAD_SIGNATURE, CEPA_CERT_RSA_ID, "its key did not sign it");
  return TRUE;
}

static gboolean
rsa_id_cert_check_dates (gnutls_x509_crt_t cert, gint64 now_s, GError **error)
{
  time_t from = gnutls_x509_crt_get_activation_time (cert);
  time_t until = gnutls_x509_crt_get_expiration_time (cert);

  if (from == (time_t) -1 || until == (time_t) -1)
    return cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID, "its dates cannot be read");
  if (now_s < (gint64) from - CERT_RSA_ID_FUTURE_SLOP_S)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_EXPIRED,
                   "%s: it begins at %" G_GINT64_FORMAT ", our clock says %" G_GINT64_FORMAT,
                   cert_type_name (CEPA_CERT_RSA_ID), (gint64) from, now_s);
      return FALSE;
    }
  return cert_check_not_expired (CEPA_CERT_RSA_ID, (gint64) until + CERT_RSA_ID_PAST_SLOP_S, now_s, error);
}

/* Returns: (transfer full) (nullable): the RSA identity key that the self-signed @raw holds. */
static CepaRsaKey *
link_certs_verify_rsa_id (const CepaLinkCert *raw, gint64 now_s, GError **error)
{
  gnutls_datum_t der = { (unsigned char *) raw->data, raw->len };
  gnutls_x509_crt_t cert = NULL;
  g_autoptr (CepaRsaKey) key = NULL;
  gboolean good = FALSE;

  if (gnutls_x509_crt_init (&cert) < 0 || gnutls_x509_crt_import (cert, &der, GNUTLS_X509_FMT_DER) < 0)
    cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ID, "it is not an X.509 certificate");
  else
    {
      key = rsa_id_cert_get_key (cert, error);
      good = key != NULL && rsa_id_cert_check_signature (cert, raw, key, error)
             && rsa_id_cert_check_dates (cert, now_s, error);
    }
  if (cert != NULL)
    gnutls_x509_crt_deinit (cert);
  return good ? g_steal_pointer (&key) : NULL;
}

/* ED25519_KEY 32 | EXPIRATION_DATE 4, in hours | SIGLEN 1 | SIGNATURE. */
static gboolean
link_certs_verify_cross (const CepaLinkCert *raw, const CepaRsaKey *key, const guint8 identity[32],
                         gint64 now_s, GError **error)
{
  guint8 input[sizeof CERT_CROSS_PREFIX - 1 + CERT_CROSS_SIGNED_LEN], digest[CEPA_SHA256_LEN];
  const guint8 *certified, *signature;
  CepaReader reader;
  gint64 expires_s;
  gsize signature_len;

  cepa_reader_init (&reader, raw->data, raw->len);
  certified = cepa_reader_take (&reader, CEPA_ED25519_KEY_LEN);
  expires_s = (gint64) cepa_reader_u32 (&reader) * CERT_SECONDS_PER_HOUR;
  signature_len = cepa_reader_u8 (&reader);
  signature = cepa_reader_take (&reader, signature_len);
  if (!cepa_reader_is_done (&reader))
    return cert_fail (error, CEPA_ERROR_BAD_DOCUMENT, CEPA_CERT_RSA_ED_CROSS, "its lengths do not add up");
  if (memcmp (certified, identity, CEPA_ED25519_KEY_LEN) != 0)
    return cert_fail (error, CEPA_ERROR_IDENTITY, CEPA_CERT_RSA_ED_CROSS,
                      "it is for another Ed25519 identity");

  memcpy (input, CERT_CROSS_PREFIX, sizeof CERT_CROSS_PREFIX - 1);
  memcpy (input + sizeof CERT_CROSS_PREFIX - 1, raw->data, CERT_CROSS_SIGNED_LEN);
  cepa_sha256 (input, sizeof input, digest);
  if (!cepa_rsa_key_verify_digest (key, signature, signature_len, digest, sizeof digest))
    return cert_fail (error, CEPA_ERROR_BAD_SIGNATURE, CEPA_CERT_RSA_ED_CROSS, "its signature is wrong");
  return cert_check_not_expired (CEPA_CERT_RSA_ED_CROSS, expires_s, now_s, error);
}

gboolean
cepa_link_certs_verify (const CepaLinkCert *certs, guint n_certs, const void *tls_cert, gsize tls_cert_len,
                        gint64 now_s, CepaRelayIdentity *out, GError **error)
{
  LinkCertsFound found = { NULL };
  g_autoptr (CepaRsaKey) rsa_key = NULL;
  guint8 ed25519_id[32];

  if (!link_certs_find (certs, n_certs, &found, error)
      || !link_certs_verify_ed (&found, tls_cert, tls_cert_len, now_s, ed25519_id, error))
    return FALSE;
  rsa_key = link_certs_verify_rsa_id (found.rsa_id, now_s, error);
  if (rsa_key == NULL || !link_certs_verify_cross (found.cross, rsa_key, ed25519_id, now_s, error))
    return FALSE;
  cepa_rsa_key_get_digest (rsa_key, out->rsa_id);
  memcpy (out->ed25519_id, ed25519_id, sizeof out->ed25519_id);
  return TRUE;
}
