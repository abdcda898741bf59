/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/digest.h"

#include <string.h>

#include "base/secret.h"
#include "support/vectors.h"

/* FIPS 180-4 and FIPS 202: the examples published with them. */
static void
test_hashes (void)
{
  static const char *const long_text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  guint8 out[32], a3[200];

  cepa_sha1 ("abc", 3, out);
  vector_assert (out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
  cepa_sha1 (long_text, strlen (long_text), out);
  vector_assert (out, 20, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  cepa_sha1 ("", 0, out);
  vector_assert (out, 20, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  cepa_sha256 ("abc", 3, out);
  vector_assert (out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  cepa_sha256 (long_text, strlen (long_text), out);
  vector_assert (out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  cepa_sha3_256 ("", 0, out);
  vector_assert (out, 32, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
  memset (a3, 0xa3, sizeof a3);
  cepa_sha3_256 (a3, sizeof a3, out);
  vector_assert (out, 32, "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787");
}

/* RFC 4231 § 4.2, 4.3, 4.7 and 4.8: short keys and keys longer than a block. */
static void
test_hmac_sha256 (void)
{
  static const struct
  {
    guint8 key_byte, key_len;
    const char *key, *data, *expected;
  } cases[] = {
    { 0x0b, 20, NULL, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { 0, 4, "Jefe", "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { 0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    { 0xaa, 131, NULL,
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
      "be hashed before being used by the HMAC algorithm.",
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
  };
  guint8 out[32], key[256];

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      memset (key, cases[i].key_byte, sizeof key);
      if (cases[i].key != NULL)
        memcpy (key, cases[i].key, cases[i].key_len);
      cepa_hmac_sha256 (key, cases[i].key_len, cases[i].data, strlen (cases[i].data), out);
      vector_assert (out, 32, cases[i].expected);
    }
}

static void
check_hkdf (const char *ikm, const char *salt, const char *info, const char *expected)
{
  g_autoptr (GByteArray) ikm_bytes = vector_bytes (ikm), salt_bytes = vector_bytes (salt);
  g_autoptr (GByteArray) info_bytes = vector_bytes (info), expected_bytes = vector_bytes (expected);

  /* Every length below the vector's is a prefix of it. */
  for (guint len = 0; len <= expected_bytes->len; len++)
    {
      g_autofree guint8 *out = g_malloc (len + 1);

      out[len] = 0x5a;
      cepa_hkdf_sha256 (ikm_bytes->data, ikm_bytes->len, salt_bytes->len > 0 ? salt_bytes->data : NULL,
                        salt_bytes->len, info_bytes->len > 0 ? info_bytes->data : NULL, info_bytes->len,
                        out, len);
      g_assert_cmpmem (out, len, expected_bytes->data, len);
      g_assert_cmpuint (out[len], ==, 0x5a);
    }
}

/* RFC 5869 appendix A.1 to A.3. */
static void
test_hkdf_sha256 (void)
{
  check_hkdf ("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
              "f0f1f2f3f4f5f6f7f8f9",
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  check_hkdf ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
              "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
              "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
              "88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
              "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
              "d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
              "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  check_hkdf ("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

/* C Tor's src/test/test_crypto.c, test_crypto_kdf_TAP. */
static void
test_kdf_tor (void)
{
  static const struct
  {
    const char *secret, *expected;
  } cases[] = {
    { "",
      "5ba93c9db0cff93f52b521d7420e43f6eda2784fbf8b4530d8d246dd74ac53a13471bba17941dff7c4ea21bb365bbeeaf5f2"
      "c654883e56d11e43c44e9842926af7ca0a8cca12604f945414f07b01e13da42c6cf1de3abfdea9b95f34687cbbe92b9a"
      "7383" },
    { "Tor",
      "776c6214fc647aaa5f683c737ee66ec44f03d0372e1cce69227950f236ddf1e329a7ce7c227903303f525a8c6662426e8034"
      "870642a6dabbd41b5d97ec9bf2312ea729992f48f8ea2d0ba83f45dfda1a80bdc8b80de01b23e3e0ffae099b3e4ccf28"
      "dc28" },
    { "AN ALARMING ITEM TO FIND ON A MONTHLY AUTO-DEBIT NOTICE",
      "a340b5d126086c3ab29c2af4179196dbf95e1c72431419d3314844bf8f6afb6098db952b95581fb6c33625709d6f4400b8e7"
      "ace18a70579fad83c0982ef73f89395bcc39493ad53a685854daf2ba9b78733b805d9a6824c907ee1dba5ac27a1e466d"
      "4d10" },
  };
  guint8 out[101];

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) expected = vector_bytes (cases[i].expected);

      for (guint len = 0; len <= 100; len++)
        {
          out[len] = 0x5a;
          cepa_kdf_tor (cases[i].secret, strlen (cases[i].secret), out, len);
          g_assert_cmpmem (out, len, expected->data, len);
          g_assert_cmpuint (out[len], ==, 0x5a);
        }
    }
}

/* A second call finds the library ready and says so. */
static void
test_init_again (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_crypto_init (&error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/digest/hashes", test_hashes);
  g_test_add_func ("/crypto/digest/hmac-sha256", test_hmac_sha256);
  g_test_add_func ("/crypto/digest/hkdf-sha256", test_hkdf_sha256);
  g_test_add_func ("/crypto/digest/kdf-tor", test_kdf_tor);
  g_test_add_func ("/crypto/digest/init-again", test_init_again);
  return g_test_run ();
}
