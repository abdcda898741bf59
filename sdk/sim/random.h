/* SPDX-License-Identifier: BSD-3-Clause */
/* Chance from the run's seed: for each purpose and number a stream of its own. */
#pragma once

#include "base/random.h"

G_BEGIN_DECLS

#define CEPA_SIM_RANDOM_WORDS 128

/* What a stream of chance is for; streams of different purposes know nothing of each other. */
typedef enum
{
  CEPA_SIM_RANDOM_MODEL = 1,  /* when a user asks, and for which port; the number is of the block */
  CEPA_SIM_RANDOM_DRAWS,      /* the core's draws by weight; of the block */
  CEPA_SIM_RANDOM_PLUGIN,     /* what the plugin gets; of the block */
  CEPA_SIM_RANDOM_GUARDS,     /* of the client */
  CEPA_SIM_RANDOM_ADVERSARY,  /* who is taken for --adversary-share; 0 */
} CepaSimRandomPurpose;

/* ChaCha20 with a key made of seed, purpose and number; numbers are made many at a time. */
typedef struct
{
  CepaRandom random; /* first: may be handed to the core */
  CepaRandomSeeded source;
  guint n_left;
  guint64 words[CEPA_SIM_RANDOM_WORDS];
} CepaSimRandom;

void cepa_sim_random_init (CepaSimRandom *self, guint64 seed, CepaSimRandomPurpose purpose, guint64 number);

/* The same without a buffer, for where there are many. */
void cepa_sim_random_seed (CepaRandomSeeded *self, guint64 seed, CepaSimRandomPurpose purpose, guint64 number);

void cepa_sim_random_refill (CepaSimRandom *self);

static inline guint64
cepa_sim_random_next (CepaSimRandom *self)
{
  if (G_UNLIKELY (self->n_left == 0))
    cepa_sim_random_refill (self);
  return self->words[--self->n_left];
}

/* Returns: a number in [0, @limit); the small ones are likelier by at most @limit in 2^64. */
static inline guint64
cepa_sim_random_below (CepaSimRandom *self, guint64 limit)
{
  return (guint64) ((unsigned __int128) cepa_sim_random_next (self) * limit >> 64);
}

G_END_DECLS
