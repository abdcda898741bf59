/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/rsa.h"

#include <gcrypt.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "support/vectors.h"

/* A key for tests, made with OpenSSL 3.0, and its signature of the bytes 00 to 13 (openssl pkeyutl -sign). */
#define MODULUS \
  "b7efb1d6c395e77f60c908924e14ce3ab8d9fb465f438c6abbe1c848d9ff1340b196d0bc48ba371fd072c2ba3bb137f4b24fdb9c" \
  "b54e88a052a09d98211b45fda32265a7733a50af2947064bd575a2459b5517533b8302f0f891484ec93ab671dbad921e81819374" \
  "03bbdb92526d9a669966d7b2055c972c62686c61004a5dfb"
#define PRIVATE_EXPONENT \
  "2adcc86c6b977b22cbc30d244addbe5120d26b23b2ff62b15ca6f8ad415f9774f3ed5927072b9dbce42e5a025bf6a83b7571f693" \
  "460ccef9cd4770720b04f802054bfad671013c4862ec97f4410994d5d37d6dc88ea0f12085abd9c4963a8fe829c5ed0ba9c01ad0" \
  "a1217a4948b88adecd1f11f1dfed059d44d913ef52a611c1"
#define PUBLIC_DER "30818902818100" MODULUS "0203010001"
#define SIGNATURE \
  "37037ca294b936018ede710165b0a03a7325bc2ba7ea096333e8860320fe1dbbe20887312bbf144b9e145156e1e7a7aa359d6be1" \
  "2cd54468b3b7f04bcd1b670af1545aabc398333381f702dccc20538f7930f49b92a70069352b49b63b5eb0416e43733d206010ee" \
  "71eb05bdcfe3b926c12f5a6cf9e2c2bfff724e09b71908db"

#define KEY_LEN 128

static CepaRsaKey *
parse_key (const char *hex, GError **error)
{
  g_autoptr (GByteArray) der = vector_bytes (hex);

  return cepa_rsa_key_new_from_der (der->data, der->len, error);
}

static void
fill_digest (guint8 digest[20])
{
  for (guint8 i = 0; i < 20; i++)
    digest[i] = i;
}

/* @block ^ d mod n: a signature that opens to @block, whatever that is. */
static void
sign_block (const guint8 block[KEY_LEN], guint8 signature[KEY_LEN])
{
  g_autoptr (GByteArray) n_bytes = vector_bytes (MODULUS), d_bytes = vector_bytes (PRIVATE_EXPONENT);
  gcry_mpi_t n = NULL, d = NULL, number = NULL, result = gcry_mpi_new (0);
  guint8 bytes[KEY_LEN];
  gsize len = 0;

  g_assert_cmpuint (gcry_mpi_scan (&n, GCRYMPI_FMT_USG, n_bytes->data, n_bytes->len, NULL), ==, 0);
  g_assert_cmpuint (gcry_mpi_scan (&d, GCRYMPI_FMT_USG, d_bytes->data, d_bytes->len, NULL), ==, 0);
  g_assert_cmpuint (gcry_mpi_scan (&number, GCRYMPI_FMT_USG, block, KEY_LEN, NULL), ==, 0);
  gcry_mpi_powm (result, number, d, n);
  g_assert_cmpuint (gcry_mpi_print (GCRYMPI_FMT_USG, bytes, sizeof bytes, &len, result), ==, 0);
  memset (signature, 0, KEY_LEN);
  memcpy (signature + KEY_LEN - len, bytes, len);
  gcry_mpi_release (n);
  gcry_mpi_release (d);
  gcry_mpi_release (number);
  gcry_mpi_release (result);
}

static void
fill_block (guint8 block[KEY_LEN], const guint8 *digest, gsize digest_len)
{
  memset (block, 0xff, KEY_LEN);
  block[0] = 0;
  block[1] = 1;
  block[KEY_LEN - digest_len - 1] = 0;
  memcpy (block + KEY_LEN - digest_len, digest, digest_len);
}

static void
test_parse (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaRsaKey) key = parse_key (PUBLIC_DER, &error);
  guint8 digest[20];

  g_assert_no_error (error);
  g_assert_cmpuint (cepa_rsa_key_get_bits (key), ==, 1024);
  cepa_rsa_key_get_digest (key, digest);
  vector_assert (digest, sizeof digest, "bdcf8c144e42b635d0701539b9ef3705f2201aa6"); /* by OpenSSL */
}

static void
check_not_a_key (const void *der, gsize len)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_rsa_key_new_from_der (der, len, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
}

static void
test_parse_refused (void)
{
  static const char *const ders[] = {
    "",
    "30818902818100" MODULUS "02030100",         /* cut off */
    PUBLIC_DER "00",                             /* a byte behind it */
    "30818a02818100" MODULUS "020301000100",     /* a byte behind the numbers */
    "30818d02818100" MODULUS "02030100010202000a", /* three numbers */
    "308189028180" MODULUS "020400010001",       /* a negative modulus, a padded exponent */
    "30818602818100" MODULUS "0200",             /* no exponent */
    "308184" "02818100" MODULUS,
    "31818902818100" MODULUS "0203010001",
    "30818902818100" MODULUS "0303010001",
    "3082008902818100" MODULUS "0203010001",
    "30818702818100" MODULUS "020100",           /* e = 0 */
    "30818702818100" MODULUS "020101",           /* e = 1 */
    "30818702818100" MODULUS "020104",           /* even */
    "30818c02818100" MODULUS "02060100000001",   /* cut off: says 6, has 5 */
    "30818b02818100" MODULUS "02050100000001",   /* 33 bits */
  };

  for (guint i = 0; i < G_N_ELEMENTS (ders); i++)
    {
      g_autoptr (GByteArray) der = vector_bytes (ders[i]);

      check_not_a_key (der->data, der->len);
    }
}

/* Writes a key of exactly @bits with all of them set but those that @clear_mask takes from the last byte. */
static gsize
write_key (guint bits, guint8 clear_mask, guint32 exponent, guint8 *out, gsize size)
{
  gsize len = (bits + 7) / 8;
  g_autofree guint8 *modulus = g_malloc (len), *numbers = g_malloc (len + 32);
  guint8 e[4] = { (guint8) (exponent >> 24), (guint8) (exponent >> 16), (guint8) (exponent >> 8),
                  (guint8) exponent };
  CepaWriter inner, outer;

  memset (modulus, 0xff, len);
  modulus[0] = (guint8) (0xff >> (8 * len - bits));
  modulus[len - 1] &= (guint8) ~clear_mask;
  cepa_writer_init (&inner, numbers, len + 32);
  cepa_der_write_unsigned (&inner, modulus, len);
  cepa_der_write_unsigned (&inner, e, sizeof e);
  cepa_writer_init (&outer, out, size);
  cepa_der_write_header (&outer, CEPA_DER_SEQUENCE, inner.len);
  cepa_writer_bytes (&outer, numbers, inner.len);
  g_assert_false (inner.failed || outer.failed);
  return outer.len;
}

static void
test_parse_sizes (void)
{
  static const guint good[] = { 1024, 1025, 1031, 1032, 2048, 3072, 4096, 8191, 8192 };
  static const guint bad[] = { 1, 512, 1023, 8193 };
  guint8 der[1200];

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      gsize len = write_key (good[i], 0, i % 2 == 0 ? 3 : G_MAXUINT32, der, sizeof der);
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaRsaKey) key = cepa_rsa_key_new_from_der (der, len, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (cepa_rsa_key_get_bits (key), ==, good[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    check_not_a_key (der, write_key (bad[i], 0, 3, der, sizeof der));
  check_not_a_key (der, write_key (2048, 1, 3, der, sizeof der)); /* an even modulus */
  check_not_a_key (der, write_key (2048, 0, G_MAXUINT32 - 1, der, sizeof der));
}

static void
test_verify (void)
{
  g_autoptr (CepaRsaKey) key = parse_key (PUBLIC_DER, NULL);
  guint8 signature[KEY_LEN], digest[20];

  fill_digest (digest);
  vector_fill (SIGNATURE, signature, sizeof signature);
  g_assert_true (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, sizeof digest));

  for (guint i = 0; i < sizeof digest; i++)
    {
      digest[i] ^= 1;
      g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, sizeof digest));
      digest[i] ^= 1;
    }
  for (guint i = 0; i < sizeof signature; i++)
    {
      signature[i] ^= 1;
      g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, sizeof digest));
      signature[i] ^= 1;
    }
}

/* A signature is as long as the modulus and below it: otherwise one signature would have many forms. */
static void
test_verify_lengths (void)
{
  g_autoptr (CepaRsaKey) key = parse_key (PUBLIC_DER, NULL);
  guint8 signature[KEY_LEN + 1] = { 0 }, digest[20], modulus[KEY_LEN];
  guint carry = 0;

  fill_digest (digest);
  vector_fill (SIGNATURE, signature + 1, KEY_LEN);
  g_assert_true (cepa_rsa_key_verify_digest (key, signature + 1, KEY_LEN, digest, 20));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature, KEY_LEN + 1, digest, 20));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature + 1, KEY_LEN - 1, digest, 20));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature + 1, 0, digest, 20));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature + 1, KEY_LEN, digest, 19));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature + 1, KEY_LEN, digest, 0));

  /* 0x37... + 0xb7... is still 128 bytes long and opens to the same. */
  vector_fill (MODULUS, modulus, sizeof modulus);
  for (guint i = KEY_LEN; i > 0; i--)
    {
      carry += (guint) signature[i] + modulus[i - 1];
      signature[i] = (guint8) carry;
      carry >>= 8;
    }
  g_assert_cmpuint (carry, ==, 0);
  g_assert_false (cepa_rsa_key_verify_digest (key, signature + 1, KEY_LEN, digest, 20));
}

/* PKCS#1 v1.5 block type 1: any other padding is refused, above all the short one with rubbish behind it. */
static void
test_verify_padding (void)
{
  g_autoptr (CepaRsaKey) key = parse_key (PUBLIC_DER, NULL);
  guint8 block[KEY_LEN], signature[KEY_LEN], digest[20];

  fill_digest (digest);
  fill_block (block, digest, sizeof digest);
  sign_block (block, signature);
  vector_assert (signature, sizeof signature, SIGNATURE);

  for (guint i = 1; i < KEY_LEN - sizeof digest; i++)
    {
      fill_block (block, digest, sizeof digest);
      block[i] ^= i == 1 ? 3 : 0x81; /* type 2 in place of 1, later no FF or no 00 */
      sign_block (block, signature);
      g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, sizeof digest));
    }

  memset (block, 0xab, sizeof block);
  memcpy (block, "\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0", 11);
  memcpy (block + 11, digest, sizeof digest);
  sign_block (block, signature);
  g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, sizeof digest));
}

/* The longest digest leaves eight bytes of FF (RFC 8017 § 9.2). */
static void
test_verify_long_digest (void)
{
  g_autoptr (CepaRsaKey) key = parse_key (PUBLIC_DER, NULL);
  guint8 block[KEY_LEN], signature[KEY_LEN], digest[KEY_LEN];

  memset (digest, 0x77, sizeof digest);
  fill_block (block, digest, KEY_LEN - 11);
  sign_block (block, signature);
  g_assert_true (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, KEY_LEN - 11));
  fill_block (block, digest, KEY_LEN - 10);
  sign_block (block, signature);
  g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, KEY_LEN - 10));
  g_assert_false (cepa_rsa_key_verify_digest (key, signature, sizeof signature, digest, KEY_LEN));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/rsa/parse", test_parse);
  g_test_add_func ("/crypto/rsa/parse-refused", test_parse_refused);
  g_test_add_func ("/crypto/rsa/parse-sizes", test_parse_sizes);
  g_test_add_func ("/crypto/rsa/verify", test_verify);
  g_test_add_func ("/crypto/rsa/verify-lengths", test_verify_lengths);
  g_test_add_func ("/crypto/rsa/verify-padding", test_verify_padding);
  g_test_add_func ("/crypto/rsa/verify-long-digest", test_verify_long_digest);
  return g_test_run ();
}
