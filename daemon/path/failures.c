/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/failures.h"

#include <string.h>

typedef struct
{
  guint8 rsa_id[20];
  gint64 when_us;
} Failure;

struct _CepaFailures
{
  const CepaClock *clock;
  GArray *entries; /* (element-type Failure): few at any time */
};

CepaFailures *
cepa_failures_new (const CepaClock *clock)
{
  CepaFailures *self = g_new0 (CepaFailures, 1);

  self->clock = clock;
  self->entries = g_array_new (FALSE, FALSE, sizeof (Failure));
  return self;
}

void
cepa_failures_free (CepaFailures *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->entries);
  g_free (self);
}

void
cepa_failures_forget (CepaFailures *self, const guint8 *rsa_id)
{
  for (guint i = 0; i < self->entries->len; i++)
    if (memcmp (g_array_index (self->entries, Failure, i).rsa_id, rsa_id, 20) == 0)
      {
        g_array_remove_index_fast (self->entries, i);
        return;
      }
}

void
cepa_failures_forget_all (CepaFailures *self)
{
  g_array_set_size (self->entries, 0);
}

void
cepa_failures_note (CepaFailures *self, const guint8 *rsa_id)
{
  Failure failure = { .when_us = cepa_clock_monotonic_us (self->clock) };

  cepa_failures_forget (self, rsa_id);
  memcpy (failure.rsa_id, rsa_id, sizeof failure.rsa_id);
  g_array_append_val (self->entries, failure);
}

static void
failures_drop_old (CepaFailures *self)
{
  gint64 oldest = cepa_clock_monotonic_us (self->clock) - CEPA_FAILURES_FORGET_US;

  for (guint i = self->entries->len; i-- > 0;)
    if (g_array_index (self->entries, Failure, i).when_us < oldest)
      g_array_remove_index_fast (self->entries, i);
}

static void
failures_add_row (GArray *rows, const CepaNetwork *network, const guint8 *rsa_id)
{
  gint row = cepa_network_find (network, rsa_id);
  guint32 value = (guint32) row;

  if (row >= 0)
    g_array_append_val (rows, value);
}

static gint
failures_compare_rows (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;

  return x < y ? -1 : x > y;
}

GArray *
cepa_failures_list (CepaFailures *self, const CepaNetwork *network, const guint8 (*more)[20], guint n_more)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (guint32));

  failures_drop_old (self);
  for (guint i = 0; i < self->entries->len; i++)
    failures_add_row (rows, network, g_array_index (self->entries, Failure, i).rsa_id);
  for (guint i = 0; i < n_more; i++)
    failures_add_row (rows, network, more[i]);
  g_array_sort (rows, failures_compare_rows);
  for (guint i = rows->len; i-- > 1;)
    if (g_array_index (rows, guint32, i) == g_array_index (rows, guint32, i - 1))
      g_array_remove_index (rows, i);
  return rows;
}
