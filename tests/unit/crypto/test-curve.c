/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve.h"

#include <string.h>

#include "base/secret.h"
#include "crypto/digest.h"
#include "support/vectors.h"

static void
check_x25519 (const char *secret, const char *public_key, const char *expected)
{
  guint8 secret_bytes[32], public_bytes[32], shared[32];

  vector_fill (secret, secret_bytes, 32);
  vector_fill (public_key, public_bytes, 32);
  g_assert_true (cepa_x25519 (secret_bytes, public_bytes, shared));
  vector_assert (shared, 32, expected);
}

/* RFC 7748 § 5.2. */
static void
test_x25519 (void)
{
  check_x25519 ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  check_x25519 ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* RFC 7748 § 5.2: the function fed with itself a thousand times. */
static void
test_x25519_iterated (void)
{
  guint8 k[32] = { 9 }, u[32] = { 9 }, next[32];

  for (guint i = 0; i < 1000; i++)
    {
      g_assert_true (cepa_x25519 (k, u, next));
      memcpy (u, k, sizeof u);
      memcpy (k, next, sizeof k);
      if (i == 0)
        vector_assert (k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  vector_assert (k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* The points of small order, as https://cr.yp.to/ecdh.html lists them: each gives zeros, none is accepted. */
static void
test_x25519_low_order (void)
{
  static const char *const points[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  };
  guint8 secret[32], point[32], shared[32];

  memset (secret, 0x42, sizeof secret);
  for (guint i = 0; i < G_N_ELEMENTS (points); i++)
    {
      vector_fill (points[i], point, 32);
      memset (shared, 0x5a, sizeof shared);
      g_assert_false (cepa_x25519 (secret, point, shared));
      g_assert_true (cepa_bytes_is_zero_ct (shared, sizeof shared));
    }
}

typedef struct
{
  CepaRandom random;
  const char *hex;
} FixedRandom;

static void
fixed_random_fill (CepaRandom *random, void *out, gsize len)
{
  vector_fill (((FixedRandom *) random)->hex, out, len);
}

/* RFC 7748 § 6.1: Alice's and Bob's keys, and what they share. */
static void
test_x25519_generate (void)
{
  FixedRandom alice = { { fixed_random_fill },
                        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a" };
  FixedRandom bob = { { fixed_random_fill },
                      "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb" };
  guint8 a[32], b[32], a_public[32], b_public[32], a_shared[32], b_shared[32];

  cepa_x25519_generate (&alice.random, a, a_public);
  cepa_x25519_generate (&bob.random, b, b_public);
  vector_assert (a, 32, alice.hex);
  vector_assert (a_public, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  vector_assert (b_public, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  g_assert_true (cepa_x25519 (a, b_public, a_shared));
  g_assert_true (cepa_x25519 (b, a_public, b_shared));
  vector_assert (a_shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  g_assert_cmpmem (a_shared, 32, b_shared, 32);
}

/* RFC 8032 § 7.1: TEST 1 to 3 and TEST SHA(abc). */
static const struct
{
  const char *key, *message, *signature;
} ed25519_cases[] = {
  { "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
  { "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
  { "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
  { "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
    "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704" },
};

static void
test_ed25519_verify (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (ed25519_cases); i++)
    {
      g_autoptr (GByteArray) message = vector_bytes (ed25519_cases[i].message);
      guint8 key[32], signature[64], nothing = 0;
      const guint8 *data = message->len > 0 ? message->data : &nothing;

      vector_fill (ed25519_cases[i].key, key, sizeof key);
      vector_fill (ed25519_cases[i].signature, signature, sizeof signature);
      g_assert_true (cepa_ed25519_verify (signature, data, message->len, key));
      g_assert_false (cepa_ed25519_verify (signature, "another", 7, key));
      for (guint bit = 0; bit < 512; bit++)
        {
          signature[bit / 8] ^= (guint8) (1 << bit % 8);
          g_assert_false (cepa_ed25519_verify (signature, data, message->len, key));
          signature[bit / 8] ^= (guint8) (1 << bit % 8);
        }
      key[0] ^= 1;
      g_assert_false (cepa_ed25519_verify (signature, data, message->len, key));
    }
}

/* RFC 8032 § 5.1.7: S must be below the order of the group; one signature must not give another. */
static void
test_ed25519_malleable (void)
{
  static const char *const order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
  guint8 key[32], signature[64], l[32];
  guint carry = 0;

  vector_fill (ed25519_cases[1].key, key, sizeof key);
  vector_fill (ed25519_cases[1].signature, signature, sizeof signature);
  vector_fill (order, l, sizeof l);
  for (guint i = 0; i < 32; i++)
    {
      carry += (guint) signature[32 + i] + l[i];
      signature[32 + i] = (guint8) carry;
      carry >>= 8;
    }
  g_assert_cmpuint (carry, ==, 0);
  g_assert_false (cepa_ed25519_verify (signature, "\x72", 1, key));
}

/* A key of small order would take R = S * B with S = 0 for any message. */
static void
test_ed25519_low_order (void)
{
  guint8 key[32] = { 1 }, signature[64] = { 1 };

  g_assert_false (cepa_ed25519_verify (signature, "message", 7, key));
}

/* C Tor 0.4.9.11, src/test/ed25519_vectors.inc: the same secrets as keys of both kinds. */
static void
test_ed25519_from_x25519 (void)
{
  static const struct
  {
    const char *x25519, *ed25519;
  } cases[] = {
    { "17ba77846e04c7ee5ca17cade774ac1884408f9701f439d4df32cbd8736c6a1f",
      "c2247870536a192d142d056abefca68d6193158e7c1a59c1654c954eccaff894" },
    { "022be2124bc1899a78ba2b4167d191af3b59cadf94f0382bc31ce183a117f161",
      "1519a3b15816a1aafab0b213892026ebf5c0dc232c58b21088d88cb90e9b940d" },
    { "bf4fd38ef22f718f03c0a12ba5127bd1e3afd494793753f519728b29cc577571",
      "081faa81992e360ea22c06af1aba096e7a73f1c665bc8b3e4e531c46455fd1dd" },
    { "56c493e490261cef31633efd2461d2b896908e90459e4eecde950a895aef681d",
      "73cfa1189a723aad7966137cbffa35140bb40d7e16eae4c40b79b5f0360dd65a" },
    { "089675a3e8ff2a7d8b2844a79269c95b7f97a4b8b5ea0cbeec669c6f2dea9b39",
      "66c1a77104d86461b6f98f73acf3cd229c80624495d2d74d6fda1e940080a96b" },
    { "59e20dcb691c4a345fe86c8a79ac817e5b514d84bbf0512a842a08e43f7f087e",
      "d21c294db0e64cb2d8976625786ede1d9754186ae8197a64d72f68c792eecc19" },
  };
  static const char *const minus_one = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
  guint8 from[32], wanted[32], got[32];

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      vector_fill (cases[i].x25519, from, sizeof from);
      vector_fill (cases[i].ed25519, wanted, sizeof wanted);
      g_assert_true (cepa_ed25519_from_x25519 (from, wanted[31] >> 7, got));
      g_assert_cmpmem (got, sizeof got, wanted, sizeof wanted);
      g_assert_true (cepa_ed25519_from_x25519 (from, !(wanted[31] >> 7), got));
      wanted[31] ^= 0x80;
      g_assert_cmpmem (got, sizeof got, wanted, sizeof wanted);
    }
  vector_fill (minus_one, from, sizeof from);
  g_assert_false (cepa_ed25519_from_x25519 (from, FALSE, got));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/curve/x25519", test_x25519);
  g_test_add_func ("/crypto/curve/x25519-iterated", test_x25519_iterated);
  g_test_add_func ("/crypto/curve/x25519-low-order", test_x25519_low_order);
  g_test_add_func ("/crypto/curve/x25519-generate", test_x25519_generate);
  g_test_add_func ("/crypto/curve/ed25519-verify", test_ed25519_verify);
  g_test_add_func ("/crypto/curve/ed25519-malleable", test_ed25519_malleable);
  g_test_add_func ("/crypto/curve/ed25519-low-order", test_ed25519_low_order);
  g_test_add_func ("/crypto/curve/ed25519-from-x25519", test_ed25519_from_x25519);
  return g_test_run ();
}
