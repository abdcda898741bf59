/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/handshake.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "support/vectors.h"

/* Arti's tor-proto/src/crypto/handshake/ntor.rs, fn testvec. */
#define NTOR_NODE_ID "69546f6c64596f7541626f75745374616972732e"
#define NTOR_ONION_KEY "ccbc8541904d18af08753eae967874749e6149f873de937f57f8fd903a21c471"
#define NTOR_SECRET "706f6461792069207075742e2e2e2e2e2e2e2e4a454c4c59206f6e2074686973"
#define NTOR_PUBLIC "e65dfdbef8b2635837fe2cebc086a8096eae3213e6830dc407516083d412b078"
#define NTOR_REPLY \
  "390480a14362761d6aec1fea840f6e9e928fb2adb7b25c670be1045e35133a37" \
  "1cbdf68b89923e1f85e8e18ee6e805ea333fe4849c790ffd2670bd80fec95cc8"
#define NTOR_KEYS \
  "0c62dee7f48893370d0ef896758d35729867beef1a5121df80e00f79ed349af39b51cae125719182f19d932a667dae1afbf2e336" \
  "e6910e7822223e763afad0a13342157969dc6b79"

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

static CepaNtor *
start_ntor (const char *node_id_hex, guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN])
{
  FixedRandom random = { { fixed_random_fill }, NTOR_SECRET };
  guint8 node_id[20], onion_key[32];

  vector_fill (node_id_hex, node_id, sizeof node_id);
  vector_fill (NTOR_ONION_KEY, onion_key, sizeof onion_key);
  return cepa_ntor_new (&random.random, node_id, onion_key, onionskin);
}

static void
test_ntor (void)
{
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], reply[CEPA_NTOR_REPLY_LEN], keys[72];
  g_autoptr (CepaNtor) ntor = start_ntor (NTOR_NODE_ID, onionskin);
  g_autoptr (GError) error = NULL;

  vector_assert (onionskin, sizeof onionskin, NTOR_NODE_ID NTOR_ONION_KEY NTOR_PUBLIC);
  vector_fill (NTOR_REPLY, reply, sizeof reply);
  g_assert_true (cepa_ntor_finish (ntor, reply, keys, sizeof keys, &error));
  g_assert_no_error (error);
  vector_assert (keys, sizeof keys, NTOR_KEYS);
}

static void
check_ntor_refused (const CepaNtor *ntor, const guint8 *reply)
{
  g_autoptr (GError) error = NULL;
  guint8 keys[72];

  memset (keys, 0x5a, sizeof keys);
  g_assert_false (cepa_ntor_finish (ntor, reply, keys, sizeof keys, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
  for (guint i = 0; i < sizeof keys; i++)
    g_assert_cmpuint (keys[i], ==, 0x5a);
}

/* Every bit of the reply counts; the top one of the public key, which X25519 ignores, by way of AUTH. */
static void
test_ntor_wrong_reply (void)
{
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], reply[CEPA_NTOR_REPLY_LEN];
  g_autoptr (CepaNtor) ntor = start_ntor (NTOR_NODE_ID, onionskin);

  vector_fill (NTOR_REPLY, reply, sizeof reply);
  for (guint bit = 0; bit < 8 * sizeof reply; bit++)
    {
      reply[bit / 8] ^= (guint8) (1 << bit % 8);
      check_ntor_refused (ntor, reply);
      reply[bit / 8] ^= (guint8) (1 << bit % 8);
    }
}

/* The same reply for another relay's identity. */
static void
test_ntor_wrong_identity (void)
{
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], reply[CEPA_NTOR_REPLY_LEN];
  g_autoptr (CepaNtor) ntor = start_ntor ("69546f6c64596f7541626f75745374616972732f", onionskin);

  vector_fill (NTOR_REPLY, reply, sizeof reply);
  check_ntor_refused (ntor, reply);
}

/*
 * A relay that does not have the onion key sends Y = 0. Both EXP() would be known to it if the onion key
 * were of small order too; then only the check for zeros is left. AUTH is right here, by the spec's formula.
 */
static void
test_ntor_zero_keys (void)
{
  static const char protoid[] = "ntor-curve25519-sha256-1", server[] = "Server";
  FixedRandom random = { { fixed_random_fill }, NTOR_SECRET };
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], reply[CEPA_NTOR_REPLY_LEN] = { 0 };
  guint8 zeros[32] = { 0 }, verify[32];
  g_autoptr (CepaNtor) ntor = cepa_ntor_new (&random.random, zeros, zeros, onionskin);
  g_autoptr (GByteArray) input = g_byte_array_new ();

  for (guint i = 0; i < 2; i++)
    g_byte_array_append (input, zeros, 32); /* EXP(Y,x) | EXP(B,x) */
  g_byte_array_append (input, zeros, 20);
  g_byte_array_append (input, zeros, 32);
  g_byte_array_append (input, onionskin + 52, 32);
  g_byte_array_append (input, zeros, 32);
  g_byte_array_append (input, (const guint8 *) protoid, sizeof protoid - 1);
  cepa_hmac_sha256 ("ntor-curve25519-sha256-1:verify", 31, input->data, input->len, verify);

  g_byte_array_set_size (input, 0);
  g_byte_array_append (input, verify, sizeof verify);
  g_byte_array_append (input, zeros, 20);
  g_byte_array_append (input, zeros, 32);
  g_byte_array_append (input, zeros, 32);
  g_byte_array_append (input, onionskin + 52, 32);
  g_byte_array_append (input, (const guint8 *) protoid, sizeof protoid - 1);
  g_byte_array_append (input, (const guint8 *) server, sizeof server - 1);
  cepa_hmac_sha256 ("ntor-curve25519-sha256-1:mac", 28, input->data, input->len, reply + 32);
  check_ntor_refused (ntor, reply);
}

/* Arti's tor-proto/src/crypto/handshake/fast.rs, fn testvec: made with C Tor. */
static const struct
{
  const char *x, *reply, *keys;
} fast_cases[] = {
  { "080E247DF7C252FCD2DC10F459703480C223E3A6",
    "BA95C0D092335428BF80093BBED0B7A26C49E1E8696FBF9C8D6BE26504219C000D26AFE370FCEF04",
    "AFA89B4FC8CF882335A582C52478B5FCB1E08DAF707E2C2D23B8C27D30BD461F3DF98A3AF82221CB658AD0AA8680B99067E4F7DB"
    "C546970EA9A56B26433C71DA867BDD09C14A1308BC327D6A448D71D2382B3AB6AF0BB4E19649A8DFF607DB9C57A04AC3" },
  { "5F786C724C2F5978474A04FA63772057AD896A03",
    "6210B037001405742FE78B6F5B34E6DB3C9F2F7E24239498613E0ED872E110A00774A3FCB37A7507",
    "D41B65D83FB4B34A322B658BE4D706EDCD8B62813757E719118C394E1F22E1C8EA8959BAB30E856A914C3054946F547397094DE0"
    "31F5BCA384C65C8880BF7AAB9CE7BEE33971F9DE8C22A23366F46BF8B5E5112321E216B0E02C62EEA3ABB72A0E062592" },
};

static void
test_create_fast (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (fast_cases); i++)
    {
      guint8 x[CEPA_CREATE_FAST_LEN], reply[CEPA_CREATED_FAST_LEN], keys[100];
      g_autoptr (GError) error = NULL;

      vector_fill (fast_cases[i].x, x, sizeof x);
      vector_fill (fast_cases[i].reply, reply, sizeof reply);
      g_assert_true (cepa_create_fast_finish (x, reply, keys, sizeof keys, &error));
      g_assert_no_error (error);
      vector_assert (keys, sizeof keys, fast_cases[i].keys);
    }
}

static void
test_create_fast_wrong_reply (void)
{
  guint8 x[CEPA_CREATE_FAST_LEN], reply[CEPA_CREATED_FAST_LEN], keys[72];

  vector_fill (fast_cases[0].x, x, sizeof x);
  vector_fill (fast_cases[0].reply, reply, sizeof reply);
  for (guint i = 0; i < sizeof reply; i++)
    {
      g_autoptr (GError) error = NULL;

      reply[i] ^= 0x10;
      memset (keys, 0x5a, sizeof keys);
      g_assert_false (cepa_create_fast_finish (x, reply, keys, sizeof keys, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
      for (guint k = 0; k < sizeof keys; k++)
        g_assert_cmpuint (keys[k], ==, 0x5a);
      reply[i] ^= 0x10;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/handshake/ntor", test_ntor);
  g_test_add_func ("/crypto/handshake/ntor-wrong-reply", test_ntor_wrong_reply);
  g_test_add_func ("/crypto/handshake/ntor-wrong-identity", test_ntor_wrong_identity);
  g_test_add_func ("/crypto/handshake/ntor-zero-keys", test_ntor_zero_keys);
  g_test_add_func ("/crypto/handshake/create-fast", test_create_fast);
  g_test_add_func ("/crypto/handshake/create-fast-wrong-reply", test_create_fast_wrong_reply);
  return g_test_run ();
}
