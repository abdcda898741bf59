/* SPDX-License-Identifier: BSD-3-Clause */
#include "maker.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"

#define MAKER_MAX_KEYS 16
#define MAKER_BITS 1024

/* DER of an INTEGER, with the zero before a first bit that is set. */
static void
maker_append_integer (GByteArray *out, gcry_mpi_t value)
{
  g_autofree guint8 *bytes = NULL;
  gsize len;
  guint8 head[4] = { 0x02 };

  g_assert_false (gcry_mpi_print (GCRYMPI_FMT_STD, NULL, 0, &len, value));
  bytes = g_malloc (len);
  g_assert_false (gcry_mpi_print (GCRYMPI_FMT_STD, bytes, len, &len, value));
  g_assert_cmpuint (len, <, 256);
  if (len < 128)
    {
      head[1] = (guint8) len;
      g_byte_array_append (out, head, 2);
    }
  else
    {
      head[1] = 0x81;
      head[2] = (guint8) len;
      g_byte_array_append (out, head, 3);
    }
  g_byte_array_append (out, bytes, (guint) len);
}

static gcry_mpi_t
maker_take_number (gcry_sexp_t key, const char *name)
{
  gcry_sexp_t part = gcry_sexp_find_token (key, name, 0);
  gcry_mpi_t value = gcry_sexp_nth_mpi (part, 1, GCRYMPI_FMT_USG);

  gcry_sexp_release (part);
  return value;
}

static GBytes *
maker_encode_public (gcry_sexp_t key)
{
  g_autoptr (GByteArray) numbers = g_byte_array_new ();
  GByteArray *der = g_byte_array_new ();
  gcry_mpi_t n = maker_take_number (key, "n"), e = maker_take_number (key, "e");
  guint8 head[3] = { 0x30, 0x81 };

  maker_append_integer (numbers, n);
  maker_append_integer (numbers, e);
  gcry_mpi_release (n);
  gcry_mpi_release (e);
  g_assert_cmpuint (numbers->len, >=, 128);
  g_assert_cmpuint (numbers->len, <, 256);
  head[2] = (guint8) numbers->len;
  g_byte_array_append (der, head, sizeof head);
  g_byte_array_append (der, numbers->data, numbers->len);
  return g_byte_array_free_to_bytes (der);
}

MakerKey *
maker_key (guint i)
{
  static MakerKey keys[MAKER_MAX_KEYS];
  MakerKey *key = &keys[i];
  gcry_sexp_t spec;

  g_assert_cmpuint (i, <, MAKER_MAX_KEYS);
  if (key->secret != NULL)
    return key;
  g_assert_false (gcry_sexp_build (&spec, NULL, "(genkey (rsa (nbits %d) (flags transient-key)))",
                                   MAKER_BITS));
  g_assert_false (gcry_pk_genkey (&key->secret, spec));
  gcry_sexp_release (spec);
  key->der = maker_encode_public (key->secret);
  cepa_sha1 (g_bytes_get_data (key->der, NULL), g_bytes_get_size (key->der), key->digest);
  return key;
}

MakerAuthority *
maker_authority (guint i)
{
  static MakerAuthority authorities[MAKER_MAX_KEYS / 2];
  MakerAuthority *authority = &authorities[i];

  g_assert_cmpuint (i, <, G_N_ELEMENTS (authorities));
  if (authority->identity != NULL)
    return authority;
  authority->identity = maker_key (2 * i);
  authority->signing = maker_key (2 * i + 1);
  g_snprintf (authority->nickname, sizeof authority->nickname, "test%u", i);
  authority->source.nickname = authority->nickname;
  authority->source.is_authority = TRUE;
  authority->source.is_v3 = TRUE;
  authority->source.weight = 1.0;
  memcpy (authority->source.v3_id, authority->identity->digest, 20);
  return authority;
}

GPtrArray *
maker_sources (guint n)
{
  GPtrArray *sources = g_ptr_array_new ();

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (sources, &maker_authority (i)->source);
  return sources;
}

char *
maker_object (const char *type, const void *data, gsize len)
{
  g_autofree char *base64 = g_base64_encode (data, len);
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "-----BEGIN %s-----\n", type);
  for (const char *p = base64; *p != '\0'; p += MIN (strlen (p), 64))
    g_string_append_printf (out, "%.64s\n", p);
  g_string_append_printf (out, "-----END %s-----\n", type);
  return g_string_free (out, FALSE);
}

char *
maker_sign (const MakerKey *key, const char *type, const void *digest, gsize len)
{
  guint8 block[MAKER_BITS / 8], signature[MAKER_BITS / 8] = { 0 };
  gcry_sexp_t data, result;
  gcry_mpi_t value;
  gsize written;

  /* PKCS#1 v1.5 type 1: 00 01 ff ... ff 00 and the digest alone. */
  memset (block, 0xff, sizeof block);
  block[0] = 0;
  block[1] = 1;
  block[sizeof block - len - 1] = 0;
  memcpy (block + sizeof block - len, digest, len);
  g_assert_false (gcry_sexp_build (&data, NULL, "(data (flags raw) (value %b))", (int) sizeof block, block));
  g_assert_false (gcry_pk_sign (&result, data, key->secret));
  value = maker_take_number (result, "s");
  g_assert_false (gcry_mpi_print (GCRYMPI_FMT_USG, NULL, 0, &written, value));
  g_assert_cmpuint (written, <=, sizeof signature);
  g_assert_false (gcry_mpi_print (GCRYMPI_FMT_USG, signature + sizeof signature - written, written, NULL,
                                  value));
  gcry_mpi_release (value);
  gcry_sexp_release (result);
  gcry_sexp_release (data);
  return maker_object (type, signature, sizeof signature);
}

char *
maker_directory_signature (const MakerAuthority *authority, gboolean sha256, const char *text)
{
  char identity[41], signing[41];
  guint8 digest[32];
  g_autofree char *object = NULL;

  if (sha256)
    cepa_sha256 (text, strlen (text), digest);
  else
    cepa_sha1 (text, strlen (text), digest);
  object = maker_sign (authority->signing, "SIGNATURE", digest, sha256 ? 32 : 20);
  cepa_hex_encode_to (authority->identity->digest, 20, identity);
  cepa_hex_encode_to (authority->signing->digest, 20, signing);
  return g_strdup_printf ("directory-signature %s%s %s\n%s", sha256 ? "sha256 " : "", identity, signing,
                          object);
}

static void
maker_append_key (GString *out, const char *keyword, const MakerKey *key)
{
  g_autofree char *object = maker_object ("RSA PUBLIC KEY", g_bytes_get_data (key->der, NULL),
                                          g_bytes_get_size (key->der));

  g_string_append_printf (out, "%s\n%s", keyword, object);
}

char *
maker_certificate (const MakerAuthority *authority, const MakerFaults *faults)
{
  static const MakerFaults none;
  GString *out = g_string_new ("dir-key-certificate-version 3\n");
  g_autofree char *crosscert = NULL;
  g_autofree char *certification = NULL;
  char fingerprint[41];
  guint8 digest[20];

  if (faults == NULL)
    faults = &none;
  cepa_hex_encode_to (authority->identity->digest, 20, fingerprint);
  g_string_append_printf (out, "fingerprint %s\ndir-key-published %s\ndir-key-expires %s\n", fingerprint,
                          faults->published != NULL ? faults->published : "2026-01-01 00:00:00",
                          faults->expires != NULL ? faults->expires : "2027-01-01 00:00:00");
  maker_append_key (out, "dir-identity-key", authority->identity);
  maker_append_key (out, "dir-signing-key", authority->signing);
  if (faults->extra != NULL)
    g_string_append (out, faults->extra);
  crosscert = maker_sign (faults->crosser != NULL ? faults->crosser : authority->signing, "ID SIGNATURE",
                          authority->identity->digest, 20);
  g_string_append_printf (out, "dir-key-crosscert\n%sdir-key-certification\n", crosscert);
  cepa_sha1 (out->str, out->len, digest);
  certification = maker_sign (faults->certifier != NULL ? faults->certifier : authority->identity,
                              "SIGNATURE", digest, sizeof digest);
  g_string_append (out, certification);
  return g_string_free (out, FALSE);
}

GPtrArray *
maker_certificates (guint n)
{
  GPtrArray *certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = maker_certificate (maker_authority (i), NULL);
      g_autoptr (GError) error = NULL;
      CepaKeyCertificate *certificate = cepa_key_certificate_parse (text, strlen (text), &error);

      g_assert_no_error (error);
      g_ptr_array_add (certificates, certificate);
    }
  return certificates;
}

static void
maker_append_relay (GString *out, guint i, guint n)
{
  /* Ascending in @i and spread over all identities. */
  guint32 high = GUINT32_TO_BE ((guint32) ((guint64) i * G_MAXUINT32 / n));
  guint8 identity[20] = { 0 }, digest[32] = { 0 };
  g_autofree char *identity_text = NULL;
  g_autofree char *digest_text = NULL;

  memcpy (identity, &high, sizeof high);
  cepa_sha256 (identity, sizeof identity, digest);
  identity_text = cepa_base64_encode_unpadded (identity, sizeof identity);
  digest_text = cepa_base64_encode_unpadded (digest, sizeof digest);
  g_string_append_printf (out,
                          "r relay%u %s 2038-01-01 00:00:00 10.%u.%u.%u 9001 0\n"
                          "a [2001:db8::%x]:9001\n"
                          "m %s\n"
                          "s Exit Fast Guard HSDir Running Stable V2Dir Valid\n"
                          "v Tor 0.4.9.11\n"
                          "pr Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 "
                          "HSRend=1-2 Link=3-5 LinkAuth=3 Microdesc=1-3 Padding=2 Relay=2-6\n"
                          "w Bandwidth=%u\n",
                          i, identity_text, i >> 16 & 255, i >> 8 & 255, i & 255, i & 0xffff, digest_text, i);
}

GString *
maker_consensus (guint n_voters, guint n_relays, const char *extra)
{
  GString *out = g_string_new ("network-status-version 3 microdesc\n"
                               "vote-status consensus\n"
                               "consensus-method 34\n"
                               "valid-after 2026-06-01 12:00:00\n"
                               "fresh-until 2026-06-01 13:00:00\n"
                               "valid-until 2026-06-01 15:00:00\n"
                               "voting-delay 300 300\n"
                               "client-versions 0.4.8.10,0.4.9.11\n"
                               "server-versions 0.4.8.10,0.4.9.11\n"
                               "known-flags Authority Exit Fast Guard HSDir Running Stable V2Dir Valid\n");

  if (extra != NULL)
    g_string_append (out, extra);
  for (guint i = 0; i < n_voters; i++)
    {
      char identity[41];

      cepa_hex_encode_to (maker_authority (i)->identity->digest, 20, identity);
      g_string_append_printf (out,
                              "dir-source test%u %s 127.0.0.1 127.0.0.1 9030 9001\n"
                              "contact nobody\n"
                              "vote-digest 0000000000000000000000000000000000000000\n",
                              i, identity);
    }
  for (guint i = 0; i < n_relays; i++)
    maker_append_relay (out, i, n_relays);
  g_string_append (out, "directory-footer\ndirectory-signature ");
  return out;
}

char *
maker_read_data (const char *name, gsize *len)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "netdoc", name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, len, &error);
  g_assert_no_error (error);
  return text;
}

char *
maker_replace (const char *text, const char *find, const char *replacement)
{
  const char *at = strstr (text, find);

  g_assert_nonnull (at);
  g_assert_null (strstr (at + 1, find));
  return g_strdup_printf ("%.*s%s%s", (int) (at - text), text, replacement, at + strlen (find));
}

void
maker_assert_error (const GError *error, int code, const char *part)
{
  g_assert_error (error, CEPA_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, part);
}
