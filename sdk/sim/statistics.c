/* SPDX-License-Identifier: BSD-3-Clause */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

CepaSimSpread
cepa_sim_spread (const double *shares, guint n)
{
  CepaSimSpread self = { 0 };
  double sum = 0;

  for (guint i = 0; i < n; i++)
    sum += shares[i];
  for (guint i = 0; i < n; i++)
    if (shares[i] > 0)
      {
        double share = shares[i] / sum;

        self.n_relays++;
        self.entropy -= share * log2 (share);
        self.greatest = MAX (self.greatest, share);
      }
  self.entropy = MAX (self.entropy, 0);
  self.effective = self.n_relays > 0 ? exp2 (self.entropy) : 0;
  return self;
}

double
cepa_sim_ratio (guint64 part, guint64 whole)
{
  return whole > 0 ? (double) part / (double) whole : 0;
}

static int
statistics_compare (gconstpointer a, gconstpointer b, gpointer data)
{
  const double *shares = data;
  guint x = *(const guint *) a, y = *(const guint *) b;

  if (shares[x] > shares[y] || shares[x] < shares[y])
    return shares[x] > shares[y] ? -1 : 1;
  return x < y ? -1 : x > y;
}

guint *
cepa_sim_greatest (const double *shares, guint n_shares, guint *n)
{
  guint *order = g_new (guint, MAX (n_shares, 1));
  guint n_positive = 0;

  for (guint i = 0; i < n_shares; i++)
    if (shares[i] > 0)
      order[n_positive++] = i;
  g_qsort_with_data (order, (gint) n_positive, sizeof *order, statistics_compare, (gpointer) shares);
  *n = MIN (*n, n_positive);
  return order;
}

static int
statistics_compare_times (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

gint64
cepa_sim_quantile_s (gint64 *times, guint n, double part)
{
  guint index = (guint) ceil (part * n);

  if (n == 0)
    return G_MAXINT64;
  qsort (times, n, sizeof *times, statistics_compare_times);
  return times[index > 0 ? index - 1 : 0];
}
