/* SPDX-License-Identifier: BSD-3-Clause */
/* The one source of randomness, handed to whatever draws: the system's in the daemon, a seeded one in tests. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaRandom CepaRandom;
struct _CepaRandom
{
  void (*fill) (CepaRandom *self, void *out, gsize len);
};

/* Returns: (transfer none): the system's cryptographic randomness. cepa_secret_init() must have been called. */
CepaRandom *cepa_random_system (void);

static inline void
cepa_random_fill (CepaRandom *self, void *out, gsize len)
{
  self->fill (self, out, len);
}

guint32 cepa_random_u32 (CepaRandom *self);

/* Returns: a number in [0, @limit), each equally likely; @limit is at least 1. */
guint64 cepa_random_below (CepaRandom *self, guint64 limit);

/**
 * CepaRandomSeeded:
 *
 * ChaCha20 of a seed and a counter: the same seed gives the same draws on every machine.
 */
typedef struct
{
  CepaRandom random;
  guint8 seed[32];
  guint64 counter;
} CepaRandomSeeded;

void cepa_random_seeded_init (CepaRandomSeeded *self, guint64 seed);

/* Seeds it with 32 bytes of @source: draws that cost no system call, for padding. */
void cepa_random_seeded_init_from (CepaRandomSeeded *self, CepaRandom *source);

G_END_DECLS
