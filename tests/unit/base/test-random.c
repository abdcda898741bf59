/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/random.h"

#include <string.h>

#include "base/encoding.h"
#include "base/secret.h"

static void
assert_hex (const void *data, gsize len, const char *hex)
{
  g_autofree char *got = cepa_hex_encode (data, len);

  g_assert_cmpstr (got, ==, hex);
}

/*
 * ChaCha20 with a nonce of 8 bytes: the streams of draft-agl-tls-chacha20poly1305-04 § 7 for key 0 with
 * nonces 0 and 1 (little-endian), and by "openssl enc -chacha20" for key 2a 00 ... 00.
 */
static void
test_seeded_vectors (void)
{
  CepaRandomSeeded random;
  guint8 out[32];

  cepa_random_seeded_init (&random, 0);
  cepa_random_fill (&random.random, out, sizeof out);
  assert_hex (out, sizeof out, "76B8E0ADA0F13D90405D6AE55386BD28BDD219B8A08DED1AA836EFCC8B770DC7");
  cepa_random_fill (&random.random, out, sizeof out);
  assert_hex (out, sizeof out, "EF3FDFD6C61578FBF5CF35BD3DD33B8009631634D21E42AC33960BD138E50D32");
  cepa_random_seeded_init (&random, 42);
  cepa_random_fill (&random.random, out, sizeof out);
  assert_hex (out, sizeof out, "1F76E526510AE36A625C8B5C597FEBB416042CCE3DB589B3DC82A8F7A4A86626");
}

/* The first four bytes of that stream, least significant first, on every machine. */
static void
test_u32 (void)
{
  CepaRandomSeeded random;

  cepa_random_seeded_init (&random, 0);
  g_assert_cmpuint (cepa_random_u32 (&random.random), ==, 0xade0b876);
}

typedef struct
{
  CepaRandom random;
  const guint64 *values;
  guint n;
} ListedRandom;

static void
listed_random_fill (CepaRandom *random, void *out, gsize len)
{
  ListedRandom *self = (ListedRandom *) random;
  guint64 le = GUINT64_TO_LE (*self->values);

  g_assert_cmpuint (len, ==, sizeof le);
  g_assert_cmpuint (self->n, >, 0);
  memcpy (out, &le, sizeof le);
  self->values++;
  self->n--;
}

/* Values at the top, where the range is not a whole number of times @limit, are drawn again. */
static void
test_below_is_fair (void)
{
  static const guint64 values[] = { G_MAXUINT64, G_MAXUINT64 - 1, 11, 0 };
  ListedRandom random = { { listed_random_fill }, values, G_N_ELEMENTS (values) };

  /* 2^64 - 1 is 5 more than a multiple of 10. */
  g_assert_cmpuint (cepa_random_below (&random.random, 10), ==, 1);
  g_assert_cmpuint (random.n, ==, 1);
  g_assert_cmpuint (cepa_random_below (&random.random, 10), ==, 0);
  g_assert_cmpuint (random.n, ==, 0);
}

static void
test_below_range (void)
{
  static const guint64 limits[] = { 1, 2, 3, 10, 1 << 20, G_MAXUINT64 / 2 + 2, G_MAXUINT64 };
  CepaRandomSeeded random;
  guint counts[10] = { 0 };

  cepa_random_seeded_init (&random, 1);
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    for (guint k = 0; k < 1000; k++)
      g_assert_cmpuint (cepa_random_below (&random.random, limits[i]), <, limits[i]);
  for (guint k = 0; k < 10000; k++)
    counts[cepa_random_below (&random.random, 10)]++;
  /* Six standard deviations of 30 around 1000. */
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    g_assert_true (counts[i] > 820 && counts[i] < 1180);
}

static void
test_seeded_from (void)
{
  CepaRandomSeeded source, random, same;
  guint8 a[32], b[32];

  cepa_random_seeded_init (&source, 7);
  cepa_random_seeded_init_from (&random, &source.random);
  cepa_random_seeded_init (&source, 7);
  cepa_random_seeded_init_from (&same, &source.random);
  cepa_random_fill (&random.random, a, sizeof a);
  cepa_random_fill (&same.random, b, sizeof b);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  cepa_random_seeded_init_from (&same, &source.random);
  cepa_random_fill (&same.random, b, sizeof b);
  g_assert_cmpint (memcmp (a, b, sizeof a), !=, 0);
}

static void
test_system (void)
{
  guint8 a[32] = { 0 }, b[32] = { 0 };

  cepa_random_fill (cepa_random_system (), a, sizeof a);
  cepa_random_fill (cepa_random_system (), b, sizeof b);
  g_assert_cmpint (memcmp (a, b, sizeof a), !=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL))
    return 1;
  g_test_add_func ("/base/random/seeded-vectors", test_seeded_vectors);
  g_test_add_func ("/base/random/u32", test_u32);
  g_test_add_func ("/base/random/below-is-fair", test_below_is_fair);
  g_test_add_func ("/base/random/below-range", test_below_range);
  g_test_add_func ("/base/random/seeded-from", test_seeded_from);
  g_test_add_func ("/base/random/system", test_system);
  return g_test_run ();
}
