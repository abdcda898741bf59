/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/tor1.h"

#include <gcrypt.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/digest.h"
#include "tor1-vector.h"
#include "support/vectors.h"

#define N_HOPS 3
#define N_CELLS 51

/* The relay's view of a hop: what goes forward for the client comes in here, and the other way round. */
static CepaTor1 *
relay_new (const guint8 *keys)
{
  guint8 swapped[CEPA_TOR1_KEYS_LEN];

  memcpy (swapped, keys + 20, 20);
  memcpy (swapped + 20, keys, 20);
  memcpy (swapped + 40, keys + 56, 16);
  memcpy (swapped + 56, keys + 40, 16);
  return cepa_tor1_new (swapped);
}

typedef struct
{
  CepaTor1 *client[N_HOPS], *relay[N_HOPS];
} Circuit;

static void
circuit_init (Circuit *circuit)
{
  for (guint i = 0; i < N_HOPS; i++)
    {
      const guint8 *keys = (const guint8 *) tor1_vector_keys[i];

      circuit->client[i] = cepa_tor1_new (keys);
      circuit->relay[i] = relay_new (keys);
    }
}

static void
circuit_clear (Circuit *circuit)
{
  for (guint i = 0; i < N_HOPS; i++)
    {
      cepa_tor1_free (circuit->client[i]);
      cepa_tor1_free (circuit->relay[i]);
    }
}

static void
fill_message (guint8 body[CEPA_CELL_BODY_LEN], guint8 byte)
{
  memset (body, byte, CEPA_CELL_BODY_LEN);
  memset (body, 0, 11);
  body[0] = 2;
  body[4] = 1;
  body[9] = 1;
  body[10] = 242;
}

static void
send_forward (Circuit *circuit, guint hop, guint8 *body, guint8 *tag)
{
  cepa_tor1_originate (circuit->client[hop], body, tag);
  for (guint i = hop + 1; i > 0; i--)
    cepa_tor1_encrypt (circuit->client[i - 1], body);
}

/* What comes from relay @hop, with all the layers on the way to the client. */
static void
send_backward (Circuit *circuit, guint hop, guint8 *body, guint8 *tag)
{
  cepa_tor1_originate (circuit->relay[hop], body, tag);
  for (guint i = hop + 1; i > 0; i--)
    cepa_tor1_encrypt (circuit->relay[i - 1], body);
}

/* Returns: the hop that @states recognize a cell at, N_HOPS for none. */
static guint
recognize_at (CepaTor1 **states, guint8 *body, guint8 *tag)
{
  for (guint i = 0; i < N_HOPS; i++)
    {
      cepa_tor1_decrypt (states[i], body);
      if (cepa_tor1_recognize (states[i], body, tag))
        return i;
    }
  return N_HOPS;
}

/* The cells of the vector go out as they should; the relays at the other end open them again. */
static void
test_vector (void)
{
  gcry_md_hd_t shake;
  g_autoptr (GByteArray) hashed = g_byte_array_new ();
  guint next = 0;
  Circuit circuit;

  circuit_init (&circuit);
  g_assert_cmpuint (gcry_md_open (&shake, GCRY_MD_SHAKE256, 0), ==, 0);
  gcry_md_write (shake, tor1_vector_seed, strlen (tor1_vector_seed));
  g_byte_array_append (hashed, (const guint8 *) tor1_vector_keys[N_HOPS - 1], 20);
  for (guint i = 0; i < N_CELLS; i++)
    {
      guint8 plain[CEPA_CELL_BODY_LEN], body[CEPA_CELL_BODY_LEN], tag[20], relay_tag[20], expected_tag[20];

      fill_message (plain, 0);
      g_assert_cmpuint (gcry_md_extract (shake, GCRY_MD_SHAKE256, plain + 11, sizeof plain - 11), ==, 0);
      memcpy (body, plain, sizeof body);
      send_forward (&circuit, N_HOPS - 1, body, tag);
      if (next < G_N_ELEMENTS (tor1_vector_cells) && tor1_vector_cells[next].index == i)
        vector_assert (body, sizeof body, tor1_vector_cells[next++].cell);

      /* The tag is the digest of the seed and of every cell until now. */
      g_byte_array_append (hashed, plain, sizeof plain);
      cepa_sha1 (hashed->data, hashed->len, expected_tag);
      g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);

      g_assert_cmpuint (recognize_at (circuit.relay, body, relay_tag), ==, N_HOPS - 1);
      g_assert_cmpmem (relay_tag, sizeof relay_tag, expected_tag, sizeof expected_tag);
      g_assert_cmpmem (body, sizeof body, plain, sizeof plain);
    }
  g_assert_cmpuint (next, ==, G_N_ELEMENTS (tor1_vector_cells));
  gcry_md_close (shake);
  circuit_clear (&circuit);
}

/* Every hop can talk to the client, in any order: each has its own digest, the ciphers move for all. */
static void
test_leaky_pipe (void)
{
  static const guint8 hops[] = { 0, 2, 1, 1, 2, 0, 2, 2, 1, 0 };
  Circuit circuit;

  circuit_init (&circuit);
  for (guint i = 0; i < G_N_ELEMENTS (hops); i++)
    {
      guint8 plain[CEPA_CELL_BODY_LEN], body[CEPA_CELL_BODY_LEN], tag[20], got_tag[20];

      fill_message (plain, (guint8) i);
      memcpy (body, plain, sizeof body);
      send_backward (&circuit, hops[i], body, tag);
      g_assert_cmpuint (recognize_at (circuit.client, body, got_tag), ==, hops[i]);
      g_assert_cmpmem (body, sizeof body, plain, sizeof plain);
      g_assert_cmpmem (got_tag, sizeof got_tag, tag, sizeof tag);

      send_forward (&circuit, hops[i], body, NULL);
      g_assert_cmpuint (recognize_at (circuit.relay, body, got_tag), ==, hops[i]);
      g_assert_cmpmem (body, sizeof body, plain, sizeof plain);
    }
  circuit_clear (&circuit);
}

static void
check_not_recognized (CepaTor1 *state, guint8 *body)
{
  guint8 before[CEPA_CELL_BODY_LEN], tag[20];

  memset (tag, 0x5a, sizeof tag);
  memcpy (before, body, sizeof before);
  g_assert_false (cepa_tor1_recognize (state, body, tag));
  g_assert_cmpmem (body, CEPA_CELL_BODY_LEN, before, sizeof before);
  for (guint i = 0; i < sizeof tag; i++)
    g_assert_cmpuint (tag[i], ==, 0x5a);
}

/* A changed cell is refused and left as it is; the digest stays, so the true cell is still recognized. */
static void
test_changed_cells (void)
{
  const guint8 *keys = (const guint8 *) tor1_vector_keys[0];
  g_autoptr (CepaTor1) client = cepa_tor1_new (keys), relay = relay_new (keys);
  guint8 body[CEPA_CELL_BODY_LEN], sent[CEPA_CELL_BODY_LEN], tag[20], expected[20];

  for (guint cell = 0; cell < 3; cell++)
    {
      fill_message (body, (guint8) cell);
      cepa_tor1_originate (relay, body, expected);
      memcpy (sent, body, sizeof sent);
      for (guint i = 0; i < sizeof body; i++)
        {
          body[i] ^= 0x80;
          check_not_recognized (client, body);
          g_assert_cmpuint (body[i], ==, sent[i] ^ 0x80);
          body[i] ^= 0x80;
        }
      g_assert_true (cepa_tor1_recognize (client, body, tag));
      g_assert_cmpmem (tag, sizeof tag, expected, sizeof expected);
      for (guint i = 5; i < 9; i++)
        g_assert_cmpuint (body[i], ==, 0);
      /* Seen once, the same cell does not fit again. */
      check_not_recognized (client, sent);
    }
}

/* "Recognized" must be zero in both bytes, even when the digest fits. */
static void
test_recognized_field (void)
{
  const guint8 *keys = (const guint8 *) tor1_vector_keys[0];
  g_autoptr (CepaTor1) client = cepa_tor1_new (keys), relay = relay_new (keys);
  guint8 body[CEPA_CELL_BODY_LEN];

  for (guint i = 1; i < 3; i++)
    {
      fill_message (body, 0);
      body[i] = 1;
      cepa_tor1_originate (relay, body, NULL);
      check_not_recognized (client, body);
      cepa_tor1_free (g_steal_pointer (&relay));
      relay = relay_new (keys);
    }
}

/* The counter runs on within a block: 509 is no multiple of 16. */
static void
test_counter (void)
{
  const guint8 *keys = (const guint8 *) tor1_vector_keys[1];
  g_autoptr (CepaTor1) state = cepa_tor1_new (keys);
  g_autofree guint8 *stream = g_malloc0 (5 * CEPA_CELL_BODY_LEN);
  g_autofree guint8 *cells = g_malloc0 (5 * CEPA_CELL_BODY_LEN);
  guint8 counter[16] = { 0 };
  gcry_cipher_hd_t ecb;

  g_assert_cmpuint (gcry_cipher_open (&ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0), ==, 0);
  g_assert_cmpuint (gcry_cipher_setkey (ecb, keys + 40, 16), ==, 0);
  for (guint i = 0; i < 5 * CEPA_CELL_BODY_LEN; i += 16)
    {
      guint8 block[16];

      counter[14] = (guint8) (i / 16 >> 8);
      counter[15] = (guint8) (i / 16);
      g_assert_cmpuint (gcry_cipher_encrypt (ecb, block, 16, counter, 16), ==, 0);
      memcpy (stream + i, block, MIN (16, 5 * CEPA_CELL_BODY_LEN - i));
    }
  gcry_cipher_close (ecb);
  for (guint i = 0; i < 5; i++)
    cepa_tor1_encrypt (state, cells + i * CEPA_CELL_BODY_LEN);
  g_assert_cmpmem (cells, 5 * CEPA_CELL_BODY_LEN, stream, 5 * CEPA_CELL_BODY_LEN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/crypto/tor1/vector", test_vector);
  g_test_add_func ("/crypto/tor1/leaky-pipe", test_leaky_pipe);
  g_test_add_func ("/crypto/tor1/changed-cells", test_changed_cells);
  g_test_add_func ("/crypto/tor1/recognized-field", test_recognized_field);
  g_test_add_func ("/crypto/tor1/counter", test_counter);
  return g_test_run ();
}
