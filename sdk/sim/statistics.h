/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers about counts. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of how @n_drawn draws fell on relays. */
typedef struct
{
  guint n_relays;     /* that were drawn at all */
  double entropy;     /* of the shares, bits */
  double effective;   /* 2^entropy: as many relays, drawn evenly, would have it */
  double greatest;    /* share of the relay that was drawn most */
} CepaSimSpread;

/* @shares: (array length=n): of any sum; all 0 makes all 0 */
CepaSimSpread cepa_sim_spread (const double *shares, guint n);

/* Returns: @part / @whole; 0 without a whole. */
double cepa_sim_ratio (guint64 part, guint64 whole);

/* Returns: (transfer full) (array length=n): numbers of the @n (inout) greatest of @n_shares, the greatest first, of equal
   ones the lower number first; those of share 0 are left out. */
guint *cepa_sim_greatest (const double *shares, guint n_shares, guint *n);

/**
 * cepa_sim_quantile_s:
 * @times: (array length=n): sorted here; G_MAXINT64 for never
 * @part: 0 to 1
 *
 * Returns: the time at which so large a part of all is over; G_MAXINT64 when that is never.
 */
gint64 cepa_sim_quantile_s (gint64 *times, guint n, double part);

G_END_DECLS
