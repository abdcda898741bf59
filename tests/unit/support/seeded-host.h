/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin's host for tests of its algorithm: seeded randomness, a clock that is set, nothing else. */
#pragma once

#include <cepa/network.h>
#include <cepa/services.h>

#include "base/clock.h"
#include "base/random.h"

G_BEGIN_DECLS

/* @host and @view come first in what is handed out. Parameters are those of @params, others have their fallback. */
typedef struct
{
  CepaHost host;
  CepaNetworkView view;
  CepaRandomSeeded random;
  CepaClockFake clock;
  GHashTable *params; /* (element-type utf8 gint) */
} SeededHost;

void seeded_host_init (SeededHost *self, guint64 seed);
void seeded_host_clear (SeededHost *self);
void seeded_host_set_param (SeededHost *self, const char *name, gint value);

/* Pearson's statistic of @n counts of which @expected were expected; those below 5 are put together. @degrees: (out) */
double seeded_host_chi_square (const guint *counts, const double *expected, guint n, guint *degrees);

/* What the statistic exceeds by chance once in a million times (Wilson and Hilferty's approximation). */
double seeded_host_chi_square_limit (guint degrees);

G_END_DECLS
