/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/key-certificate.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/limits.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

#define KEY_CERTIFICATE_FIRST "dir-key-certificate-version"
#define KEY_CERTIFICATE_MAX_DER 2048
#define KEY_CERTIFICATE_MAX_SIGNATURE 1024

struct _CepaKeyCertificate
{
  gatomicrefcount refs;
  GBytes *text;
  guint8 identity[20];
  guint8 signing_key_digest[20];
  CepaRsaKey *signing_key;
  gint64 published_s;
  gint64 expires_s;
};

typedef struct
{
  guint8 bytes[KEY_CERTIFICATE_MAX_SIGNATURE];
  gsize len;
} KeyCertificateSignature;

/* A certificate being read. */
typedef struct
{
  CepaKeyCertificate *certificate;
  CepaRsaKey *identity_key;
  guint8 fingerprint[20];
  KeyCertificateSignature crosscert;
  KeyCertificateSignature certification;
  const char *signed_end; /* behind the line "dir-key-certification" */
} KeyCertificateReader;

static gboolean
key_certificate_read_version (G_GNUC_UNUSED gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice args = item->args, word;

  if (!cepa_slice_next_word (&args, &word) || !cepa_slice_is (word, "3"))
    return cepa_netdoc_refuse (error, "not of version 3");
  return TRUE;
}

static gboolean
key_certificate_read_fingerprint (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;

  if (!cepa_hex_decode (item->args.text, item->args.len, self->fingerprint, sizeof self->fingerprint))
    return cepa_netdoc_refuse (error, "\"fingerprint\" without 40 hexadecimal digits");
  return TRUE;
}

static CepaRsaKey *
key_certificate_read_key (const CepaTextItem *item, GError **error)
{
  guint8 der[KEY_CERTIFICATE_MAX_DER];
  gsize len;

  if (!cepa_text_item_decode_object (item, "RSA PUBLIC KEY", der, sizeof der, &len, error))
    return NULL;
  return cepa_rsa_key_new_from_der (der, len, error);
}

static gboolean
key_certificate_read_identity_key (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;

  self->identity_key = key_certificate_read_key (item, error);
  if (self->identity_key == NULL)
    {
      g_prefix_error (error, "dir-identity-key: ");
      return FALSE;
    }
  cepa_rsa_key_get_digest (self->identity_key, self->certificate->identity);
  return TRUE;
}

static gboolean
key_certificate_read_signing_key (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;
  CepaRsaKey *key = key_certificate_read_key (item, error);

  if (key == NULL)
    {
      g_prefix_error (error, "dir-signing-key: ");
      return FALSE;
    }
  self->certificate->signing_key = key;
  cepa_rsa_key_get_digest (key, self->certificate->signing_key_digest);
  return TRUE;
}

static gboolean
key_certificate_read_published (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;

  if (!cepa_slice_to_time (item->args, &self->certificate->published_s))
    return cepa_netdoc_refuse (error, "\"dir-key-published\" without a time");
  return TRUE;
}

static gboolean
key_certificate_read_expires (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;

  if (!cepa_slice_to_time (item->args, &self->certificate->expires_s))
    return cepa_netdoc_refuse (error, "\"dir-key-expires\" without a time");
  return TRUE;
}

/* dir-spec allows either type of object here. */
static gboolean
key_certificate_read_crosscert (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;
  const char *type = cepa_slice_is (item->object_type, "SIGNATURE") ? "SIGNATURE" : "ID SIGNATURE";

  return cepa_text_item_decode_object (item, type, self->crosscert.bytes, sizeof self->crosscert.bytes,
                                       &self->crosscert.len, error);
}

static gboolean
key_certificate_read_certification (gpointer document, const CepaTextItem *item, GError **error)
{
  KeyCertificateReader *self = document;

  /* Signed is what is before the object, the end of the keyword's line included. */
  self->signed_end = (const char *) memchr (item->start, '\n', (gsize) (item->end - item->start)) + 1;
  return cepa_text_item_decode_object (item, "SIGNATURE", self->certification.bytes,
                                       sizeof self->certification.bytes, &self->certification.len, error);
}

static const CepaItemRule key_certificate_items[] = {
  { KEY_CERTIFICATE_FIRST, CEPA_ITEM_REQUIRED, key_certificate_read_version },
  { "dir-address", CEPA_ITEM_ONCE, NULL },
  { "fingerprint", CEPA_ITEM_REQUIRED, key_certificate_read_fingerprint },
  { "dir-identity-key", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    key_certificate_read_identity_key },
  { "dir-key-published", CEPA_ITEM_REQUIRED, key_certificate_read_published },
  { "dir-key-expires", CEPA_ITEM_REQUIRED, key_certificate_read_expires },
  { "dir-signing-key", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    key_certificate_read_signing_key },
  { "dir-key-crosscert", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    key_certificate_read_crosscert },
  { "dir-key-certification", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    key_certificate_read_certification },
};

static gboolean
key_certificate_read_items (KeyCertificateReader *self, const char *text, gsize len, GError **error)
{
  const guint n_rules = G_N_ELEMENTS (key_certificate_items);
  CepaTextCursor cursor;
  guint32 seen = 0;

  cepa_text_cursor_init (&cursor, text, len);
  while (!cepa_text_cursor_is_done (&cursor))
    {
      guint line = cursor.line;
      CepaTextItem item;

      if (self->signed_end != NULL)
        return cepa_netdoc_refuse (error, "line %u: text behind \"dir-key-certification\"", line);
      if (!cepa_text_cursor_next (&cursor, &item, error)
          || !cepa_item_rules_apply (key_certificate_items, n_rules, &seen, self, &item, error))
        {
          g_prefix_error (error, "line %u: ", line);
          return FALSE;
        }
      if (line == 1 && !cepa_slice_is (item.keyword, KEY_CERTIFICATE_FIRST))
        return cepa_netdoc_refuse (error, "does not begin with \"" KEY_CERTIFICATE_FIRST "\"");
    }
  return cepa_item_rules_check (key_certificate_items, n_rules, seen, error);
}

static gboolean
key_certificate_check (const KeyCertificateReader *self, const char *text, GError **error)
{
  const CepaKeyCertificate *certificate = self->certificate;
  guint8 digest[CEPA_SHA1_LEN];

  if (memcmp (self->fingerprint, certificate->identity, sizeof self->fingerprint) != 0)
    return cepa_netdoc_refuse (error, "\"fingerprint\" is not that of the identity key");
  if (certificate->published_s >= certificate->expires_s)
    return cepa_netdoc_refuse (error, "expires before it was published");
  cepa_sha1 (text, (gsize) (self->signed_end - text), digest);
  if (!cepa_rsa_key_verify_digest (self->identity_key, self->certification.bytes, self->certification.len,
                                   digest, sizeof digest))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE, "not signed by its identity key");
      return FALSE;
    }
  if (!cepa_rsa_key_verify_digest (certificate->signing_key, self->crosscert.bytes, self->crosscert.len,
                                   certificate->identity, sizeof certificate->identity))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE,
                           "its signing key has not signed the identity key (dir-key-crosscert)");
      return FALSE;
    }
  return TRUE;
}

CepaKeyCertificate *
cepa_key_certificate_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (CepaKeyCertificate) certificate = NULL;
  g_autoptr (CepaRsaKey) identity_key = NULL;
  KeyCertificateReader reader = { .signed_end = NULL };
  gboolean good;

  g_return_val_if_fail (text != NULL || len == 0, NULL);

  if (len > CEPA_KEY_CERTIFICATE_MAX_BYTES)
    {
      cepa_netdoc_refuse (error, "key certificate: more than %d bytes", CEPA_KEY_CERTIFICATE_MAX_BYTES);
      return NULL;
    }
  certificate = reader.certificate = g_new0 (CepaKeyCertificate, 1);
  g_atomic_ref_count_init (&certificate->refs);
  good = key_certificate_read_items (&reader, text, len, error)
         && key_certificate_check (&reader, text, error);
  identity_key = reader.identity_key;
  if (!good)
    {
      char name[2 * sizeof certificate->identity + 1] = "";

      if (identity_key != NULL)
        cepa_hex_encode_to (certificate->identity, sizeof certificate->identity, name);
      g_prefix_error (error, "key certificate%s%s: ", identity_key != NULL ? " of " : "", name);
      return NULL;
    }
  certificate->text = g_bytes_new (text, len);
  return g_steal_pointer (&certificate);
}

CepaKeyCertificate *
cepa_key_certificate_ref (CepaKeyCertificate *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
cepa_key_certificate_unref (CepaKeyCertificate *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->text, g_bytes_unref);
  g_clear_pointer (&self->signing_key, cepa_rsa_key_free);
  g_free (self);
}

const guint8 *
cepa_key_certificate_get_identity (const CepaKeyCertificate *self)
{
  return self->identity;
}

const guint8 *
cepa_key_certificate_get_signing_key_digest (const CepaKeyCertificate *self)
{
  return self->signing_key_digest;
}

const CepaRsaKey *
cepa_key_certificate_get_signing_key (const CepaKeyCertificate *self)
{
  return self->signing_key;
}

gint64
cepa_key_certificate_get_published_s (const CepaKeyCertificate *self)
{
  return self->published_s;
}

gint64
cepa_key_certificate_get_expires_s (const CepaKeyCertificate *self)
{
  return self->expires_s;
}

GBytes *
cepa_key_certificate_get_text (const CepaKeyCertificate *self)
{
  return self->text;
}

/* Where the certificate behind the one at @p begins. */
static const char *
key_certificate_find_next (const char *p, const char *end)
{
  static const char first[] = "\n" KEY_CERTIFICATE_FIRST;
  const char *found = memmem (p, (gsize) (end - p), first, sizeof first - 1);

  return found != NULL ? found + 1 : end;
}

GPtrArray *
cepa_key_certificates_parse_all (const char *text, gsize len, GPtrArray *errors)
{
  GPtrArray *certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);
  const char *p = len > 0 ? text : "", *end = p + len;

  while (p < end && *p == '\n')
    p++;
  while (p < end)
    {
      const char *next = key_certificate_find_next (p, end), *last = next;
      g_autoptr (GError) error = NULL;
      CepaKeyCertificate *certificate;

      /* Blank lines between two belong to neither. */
      while (last - p > 1 && last[-1] == '\n' && last[-2] == '\n')
        last--;
      certificate = cepa_key_certificate_parse (p, (gsize) (last - p), &error);
      if (certificate != NULL)
        g_ptr_array_add (certificates, certificate);
      else if (errors != NULL)
        g_ptr_array_add (errors, g_steal_pointer (&error));
      p = next;
    }
  return certificates;
}
