/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/key-certificate.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"

static void
assert_refused (const char *text, gsize len, int code, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_key_certificate_parse (text, len, &error));
  maker_assert_error (error, code, reason);
  g_assert_true (g_str_has_prefix (error->message, "key certificate"));
}

static void
assert_digest (const guint8 *digest, const char *expected)
{
  char hex[41];

  cepa_hex_encode_to (digest, 20, hex);
  g_assert_cmpstr (hex, ==, expected);
}

static void
test_network (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("key-certificates.txt", &len);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) all = cepa_key_certificates_parse_all (text, len, errors);
  const CepaKeyCertificate *first;

  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (all->len, ==, 3);
  first = g_ptr_array_index (all, 0);
  assert_digest (cepa_key_certificate_get_identity (first), "593134F17D3E1AC369675DAA8B6D31A0DA06DB59");
  assert_digest (cepa_key_certificate_get_signing_key_digest (first),
                 "1A568707078BD38AAAB327197A59BCD4F5CAF172");
  g_assert_cmpint (cepa_key_certificate_get_published_s (first), ==, 1795362191);
  g_assert_cmpint (cepa_key_certificate_get_expires_s (first), ==, 1826898191);
  g_assert_cmpuint (cepa_rsa_key_get_bits (cepa_key_certificate_get_signing_key (first)), ==, 2048);
  g_assert_cmpmem (g_bytes_get_data (cepa_key_certificate_get_text (first), NULL),
                   g_bytes_get_size (cepa_key_certificate_get_text (first)), text,
                   (gsize) (strstr (text + 1, "dir-key-certificate-version") - text));
}

/* AUTHORITY_CERT_A, B and C of C Tor 0.4.9.11's src/test/test_data.c. */
static void
test_c_tor_vectors (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("c-tor-key-certificates.txt", &len);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) all = cepa_key_certificates_parse_all (text, len, errors);

  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (all->len, ==, 3);
  assert_digest (cepa_key_certificate_get_identity (g_ptr_array_index (all, 0)),
                 "D867ACF56A9D229B35C25F0090BC9867E906BE69");
  assert_digest (cepa_key_certificate_get_signing_key_digest (g_ptr_array_index (all, 0)),
                 "CBF56A83368A5150F1A9AAADAFB4D77F8C4170E2");
  assert_digest (cepa_key_certificate_get_identity (g_ptr_array_index (all, 1)),
                 "AD011E25302925A9D39A80E0E32576442E956467");
  assert_digest (cepa_key_certificate_get_identity (g_ptr_array_index (all, 2)),
                 "628C2086EC29C9D26E638C5A8B2065BFBD35829B");
}

static void
test_made (void)
{
  g_autofree char *text = maker_certificate (maker_authority (0), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaKeyCertificate) certificate = cepa_key_certificate_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_cmpmem (cepa_key_certificate_get_identity (certificate), 20,
                   maker_authority (0)->identity->digest, 20);
}

/* dir-spec allows "SIGNATURE" for the cross-certificate; it and unknown lines are signed like any. */
static void
test_variants (void)
{
  const MakerFaults faults = { .extra = "dir-address 1.2.3.4:80\nwhatever comes\n" };
  g_autofree char *text = maker_certificate (maker_authority (0), &faults);
  g_autofree char *begin = maker_replace (text, "BEGIN ID SIGNATURE", "BEGIN SIGNATURE");
  g_autofree char *renamed = maker_replace (begin, "END ID SIGNATURE", "END SIGNATURE");
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaKeyCertificate) certificate = cepa_key_certificate_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_nonnull (certificate);
  /* The type is read, and only then does the signature not fit the changed text. */
  assert_refused (renamed, strlen (renamed), CEPA_ERROR_BAD_SIGNATURE, "not signed by its identity key");
}

static void
test_wrong_signers (void)
{
  const MakerFaults other_certifier = { .certifier = maker_key (4) };
  const MakerFaults self_certified = { .certifier = maker_authority (0)->signing };
  const MakerFaults other_crosser = { .crosser = maker_key (4) };
  g_autofree char *first = maker_certificate (maker_authority (0), &other_certifier);
  g_autofree char *second = maker_certificate (maker_authority (0), &self_certified);
  g_autofree char *third = maker_certificate (maker_authority (0), &other_crosser);

  assert_refused (first, strlen (first), CEPA_ERROR_BAD_SIGNATURE, "not signed by its identity key");
  assert_refused (second, strlen (second), CEPA_ERROR_BAD_SIGNATURE, "not signed by its identity key");
  assert_refused (third, strlen (third), CEPA_ERROR_BAD_SIGNATURE, "dir-key-crosscert");
}

static void
test_times (void)
{
  const MakerFaults faults = { .published = "2027-01-01 00:00:00", .expires = "2027-01-01 00:00:00" };
  g_autofree char *text = maker_certificate (maker_authority (0), &faults);

  assert_refused (text, strlen (text), CEPA_ERROR_BAD_DOCUMENT, "expires before it was published");
}

static void
test_refused (void)
{
  static const struct
  {
    const char *find;
    const char *replacement;
    const char *reason;
  } cases[] = {
    { "version 3", "version 4", "line 1: not of version 3" },
    { "dir-key-certificate-version 3", "dir-key-version 3", "does not begin with" },
    { "fingerprint ", "fingerprint 0", "line 2: \"fingerprint\" without" },
    { "fingerprint ", "fingerpaint ", "no \"fingerprint\"" },
    { "dir-key-published 2026-01-01", "dir-key-published 2026-1-1", "\"dir-key-published\" without a time" },
    { "dir-key-expires 2027-01-01", "dir-key-expires 2027", "\"dir-key-expires\" without a time" },
    { "dir-key-expires 2027-01-01 00:00:00\n", "", "no \"dir-key-expires\"" },
    { "dir-key-expires", "dir-key-published 2026-01-01 00:00:00\ndir-key-expires",
      "a second \"dir-key-published\"" },
    { "dir-identity-key\n", "dir-identity-key 1\n", "an argument of \"dir-identity-key\"" },
    { "dir-signing-key\n", "", "malformed keyword \"-----BEGIN\"" },
    { "dir-key-crosscert\n", "dir-key-cross\n", "no \"dir-key-crosscert\"" },
    { "BEGIN ID SIGNATURE", "BEGIN WRONG", "END is not that of its BEGIN" },
    { "dir-key-certification\n", "dir-key-certification x\n", "an argument of \"dir-key-certification\"" },
    { "dir-key-certification\n", "dir-key-certified\n", "no \"dir-key-certification\"" },
  };
  g_autofree char *good = maker_certificate (maker_authority (0), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = maker_replace (good, cases[i].find, cases[i].replacement);

      assert_refused (text, strlen (text), CEPA_ERROR_BAD_DOCUMENT, cases[i].reason);
    }
}

static void
test_wrong_fingerprint (void)
{
  g_autofree char *good = maker_certificate (maker_authority (0), NULL);
  char mine[41], other[41];
  g_autofree char *text = NULL;

  cepa_hex_encode_to (maker_authority (0)->identity->digest, 20, mine);
  cepa_hex_encode_to (maker_authority (1)->identity->digest, 20, other);
  text = maker_replace (good, mine, other);
  assert_refused (text, strlen (text), CEPA_ERROR_BAD_DOCUMENT, "is not that of the identity key");
}

static void
test_suffix (void)
{
  g_autofree char *good = maker_certificate (maker_authority (0), NULL);
  g_autofree char *blank = g_strconcat (good, "\n", NULL);
  g_autofree char *text = g_strconcat (good, "more\n", NULL);

  assert_refused (text, strlen (text), CEPA_ERROR_BAD_DOCUMENT, "text behind \"dir-key-certification\"");
  assert_refused (blank, strlen (blank), CEPA_ERROR_BAD_DOCUMENT, "text behind \"dir-key-certification\"");
}

static void
test_too_large (void)
{
  g_autofree char *text = g_strnfill (128 * 1024 + 1, 'a');

  assert_refused (text, strlen (text), CEPA_ERROR_BAD_DOCUMENT, "more than 131072 bytes");
}

/* Any bit: the certificate is refused, though perhaps for another reason. */
static void
test_changed_byte (void)
{
  g_autofree char *text = maker_certificate (maker_authority (0), NULL);
  gsize len = strlen (text);

  for (gsize i = 0; i < len; i++)
    {
      g_autoptr (GError) error = NULL;

      text[i] ^= (char) (1 << i % 7);
      g_assert_null (cepa_key_certificate_parse (text, len, &error));
      g_assert_true (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT)
                     || g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE));
      text[i] ^= (char) (1 << i % 7);
    }
}

static void
test_cut (void)
{
  g_autofree char *text = maker_certificate (maker_authority (0), NULL);
  gsize len = strlen (text);

  for (gsize cut = 0; cut < len; cut++)
    {
      g_autofree char *part = g_memdup2 (text, MAX (cut, 1));

      assert_refused (part, cut, CEPA_ERROR_BAD_DOCUMENT, "");
    }
}

/* What is bad is left out and said; what is good around it is kept. */
static void
test_parse_all (void)
{
  g_autofree char *first = maker_certificate (maker_authority (0), NULL);
  g_autofree char *second = maker_certificate (maker_authority (1), NULL);
  g_autofree char *bad = maker_replace (first, "version 3", "version 4");
  g_autofree char *text = g_strconcat ("\n", first, "\n\n", bad, second, "\n", NULL);
  g_autofree char *junk = g_strconcat ("junk\n", first, NULL);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) all = cepa_key_certificates_parse_all (text, strlen (text), errors);
  g_autoptr (GPtrArray) behind_junk = cepa_key_certificates_parse_all (junk, strlen (junk), errors);
  g_autoptr (GPtrArray) none = cepa_key_certificates_parse_all ("", 0, NULL);
  g_autoptr (GPtrArray) bad_alone = cepa_key_certificates_parse_all (bad, strlen (bad), NULL);

  g_assert_cmpuint (all->len, ==, 2);
  g_assert_cmpmem (cepa_key_certificate_get_identity (g_ptr_array_index (all, 0)), 20,
                   maker_authority (0)->identity->digest, 20);
  g_assert_cmpmem (cepa_key_certificate_get_identity (g_ptr_array_index (all, 1)), 20,
                   maker_authority (1)->identity->digest, 20);
  g_assert_cmpuint (behind_junk->len, ==, 1);
  g_assert_cmpuint (errors->len, ==, 2);
  maker_assert_error (g_ptr_array_index (errors, 0), CEPA_ERROR_BAD_DOCUMENT, "not of version 3");
  maker_assert_error (g_ptr_array_index (errors, 1), CEPA_ERROR_BAD_DOCUMENT, "does not begin with");
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpuint (bad_alone->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/netdoc/key-certificate/network", test_network);
  g_test_add_func ("/netdoc/key-certificate/c-tor-vectors", test_c_tor_vectors);
  g_test_add_func ("/netdoc/key-certificate/made", test_made);
  g_test_add_func ("/netdoc/key-certificate/variants", test_variants);
  g_test_add_func ("/netdoc/key-certificate/wrong-signers", test_wrong_signers);
  g_test_add_func ("/netdoc/key-certificate/times", test_times);
  g_test_add_func ("/netdoc/key-certificate/refused", test_refused);
  g_test_add_func ("/netdoc/key-certificate/wrong-fingerprint", test_wrong_fingerprint);
  g_test_add_func ("/netdoc/key-certificate/suffix", test_suffix);
  g_test_add_func ("/netdoc/key-certificate/too-large", test_too_large);
  g_test_add_func ("/netdoc/key-certificate/changed-byte", test_changed_byte);
  g_test_add_func ("/netdoc/key-certificate/cut", test_cut);
  g_test_add_func ("/netdoc/key-certificate/parse-all", test_parse_all);
  return g_test_run ();
}
