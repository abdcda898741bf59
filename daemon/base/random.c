/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/random.h"

#include <sodium.h>
#include <string.h>

static void
random_system_fill (G_GNUC_UNUSED CepaRandom *self, void *out, gsize len)
{
  randombytes_buf (out, len);
}

CepaRandom *
cepa_random_system (void)
{
  static CepaRandom random = { random_system_fill };

  return &random;
}

guint32
cepa_random_u32 (CepaRandom *self)
{
  guint32 value;

  cepa_random_fill (self, &value, sizeof value);
  return GUINT32_FROM_LE (value); /* a seed gives the same draws on every machine */
}

guint64
cepa_random_below (CepaRandom *self, guint64 limit)
{
  guint64 value, bound;

  g_return_val_if_fail (limit > 0, 0);
  /* Values from @bound on would make the small results likelier; they are drawn again. */
  bound = G_MAXUINT64 - G_MAXUINT64 % limit;
  do
    {
      cepa_random_fill (self, &value, sizeof value);
      value = GUINT64_FROM_LE (value);
    }
  while (value >= bound);
  return value % limit;
}

static void
random_seeded_fill (CepaRandom *random, void *out, gsize len)
{
  CepaRandomSeeded *self = (CepaRandomSeeded *) random;
  guint8 nonce[crypto_stream_chacha20_NONCEBYTES];

  G_STATIC_ASSERT (sizeof nonce == sizeof self->counter);
  memcpy (nonce, &(guint64){ GUINT64_TO_LE (self->counter) }, sizeof nonce);
  self->counter++;
  crypto_stream_chacha20 (out, len, nonce, self->seed);
}

void
cepa_random_seeded_init (CepaRandomSeeded *self, guint64 seed)
{
  guint64 le = GUINT64_TO_LE (seed);

  memset (self, 0, sizeof *self);
  self->random.fill = random_seeded_fill;
  memcpy (self->seed, &le, sizeof le);
}

void
cepa_random_seeded_init_from (CepaRandomSeeded *self, CepaRandom *source)
{
  cepa_random_seeded_init (self, 0);
  cepa_random_fill (source, self->seed, sizeof self->seed);
}
