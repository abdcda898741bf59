/* SPDX-License-Identifier: BSD-3-Clause */
#include "random.h"

#include <string.h>

void
cepa_sim_random_seed (CepaRandomSeeded *self, guint64 seed, CepaSimRandomPurpose purpose, guint64 number)
{
  const guint64 words[3] = { GUINT64_TO_LE (seed), GUINT64_TO_LE ((guint64) purpose), GUINT64_TO_LE (number) };

  cepa_random_seeded_init (self, 0);
  G_STATIC_ASSERT (sizeof words <= sizeof self->seed);
  memcpy (self->seed, words, sizeof words);
}

void
cepa_sim_random_refill (CepaSimRandom *self)
{
  cepa_random_fill (&self->source.random, self->words, sizeof self->words);
  for (guint i = 0; i < CEPA_SIM_RANDOM_WORDS; i++)
    self->words[i] = GUINT64_FROM_LE (self->words[i]);
  self->n_left = CEPA_SIM_RANDOM_WORDS;
}

/* Whoever is handed it fetches many numbers at once: they need not come from the buffer. */
static void
random_fill (CepaRandom *random, void *out, gsize len)
{
  CepaSimRandom *self = (CepaSimRandom *) random;

  cepa_random_fill (&self->source.random, out, len);
}

void
cepa_sim_random_init (CepaSimRandom *self, guint64 seed, CepaSimRandomPurpose purpose, guint64 number)
{
  self->random.fill = random_fill;
  self->n_left = 0;
  cepa_sim_random_seed (&self->source, seed, purpose, number);
}
