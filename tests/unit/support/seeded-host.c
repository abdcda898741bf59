/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/seeded-host.h"

#include <math.h>
#include <string.h>

static void
host_random (const CepaHost *host, void *out, size_t len)
{
  cepa_random_fill (&((SeededHost *) host->context)->random.random, out, len);
}

static int64_t
host_monotonic_us (const CepaHost *host)
{
  return ((SeededHost *) host->context)->clock.monotonic_us;
}

static int32_t
host_param (const CepaNetworkView *view, const char *name, int32_t fallback)
{
  const SeededHost *self = (const SeededHost *) (const void *) ((const char *) view - G_STRUCT_OFFSET (SeededHost, view));
  gpointer value;

  return g_hash_table_lookup_extended (self->params, name, NULL, &value) ? GPOINTER_TO_INT (value) : fallback;
}

void
seeded_host_init (SeededHost *self, guint64 seed)
{
  memset (self, 0, sizeof *self);
  cepa_random_seeded_init (&self->random, seed);
  cepa_clock_fake_init (&self->clock, 1000 * G_USEC_PER_SEC, 0);
  self->params = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->host.size = sizeof self->host;
  self->host.context = self;
  self->host.random = host_random;
  self->host.monotonic_us = host_monotonic_us;
  self->view.size = sizeof self->view;
  self->view.version = 1;
  self->view.param = host_param;
}

void
seeded_host_clear (SeededHost *self)
{
  g_hash_table_unref (self->params);
}

void
seeded_host_set_param (SeededHost *self, const char *name, gint value)
{
  g_hash_table_replace (self->params, g_strdup (name), GINT_TO_POINTER (value));
}

double
seeded_host_chi_square (const guint *counts, const double *expected, guint n, guint *degrees)
{
  double sum = 0, rest_count = 0, rest_expected = 0;
  guint cells = 0;

  for (guint i = 0; i < n; i++)
    {
      rest_count += counts[i];
      rest_expected += expected[i];
      if (rest_expected < 5 && i + 1 < n)
        continue;
      if (rest_expected > 0)
        {
          sum += pow (rest_count - rest_expected, 2) / rest_expected;
          cells++;
        }
      else
        g_assert_cmpfloat (rest_count, ==, 0);
      rest_count = rest_expected = 0;
    }
  *degrees = cells - 1;
  return sum;
}

double
seeded_host_chi_square_limit (guint degrees)
{
  double k = degrees, z = 4.7534; /* of the normal distribution, one in a million */

  return k * pow (1 - 2 / (9 * k) + z * sqrt (2 / (9 * k)), 3);
}
