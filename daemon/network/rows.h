/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding a relay among the consensus' rows. Private to network. */
#pragma once

#include <string.h>

/* Identities are digests: a probe says about how many rows away another one is. After so many probes the rest is halved,
   whatever identities somebody has made up. */
#define CEPA_ROWS_MAX_GUESSES 6

#include "netdoc/consensus.h"

G_BEGIN_DECLS

/* The first four bytes of an identity as a number, in the order of identities. */
static inline guint32
cepa_rows_prefix (const guint8 rsa_id[20])
{
  guint32 prefix;

  memcpy (&prefix, rsa_id, sizeof prefix);
  return GUINT32_FROM_BE (prefix);
}

/* As cepa_rows_find() for those who search a lot. @prefixes: of each row */
static inline gint
cepa_rows_find_by_prefix (const CepaRouterStatus *relays, const guint32 *prefixes, guint n_relays,
                          const guint8 rsa_id[20])
{
  guint32 prefix = cepa_rows_prefix (rsa_id);
  guint low = 0, high = n_relays, probe = (guint) ((guint64) prefix * n_relays >> 32);

  for (guint n = 0; low < high; n++)
    {
      guint32 found = prefixes[probe];
      int order = prefix != found ? (prefix < found ? -1 : 1) : memcmp (rsa_id, relays[probe].rsa_id, 20);

      if (order == 0)
        return (gint) probe;
      if (order < 0)
        high = probe;
      else
        low = probe + 1;
      if (n < CEPA_ROWS_MAX_GUESSES)
        {
          gint64 guess = probe + (((gint64) prefix - found) * n_relays >> 32);

          probe = guess < low ? low : guess >= high ? high - 1 : (guint) guess;
        }
      else
        probe = low + (high - low) / 2;
    }
  return -1;
}

/* Returns: the row of @relays, ascending by identity, that has @rsa_id; -1 when none has. */
static inline gint
cepa_rows_find (const CepaRouterStatus *relays, guint n_relays, const guint8 rsa_id[20])
{
  guint low = 0, high = n_relays;

  while (low < high)
    {
      guint middle = (low + high) / 2;
      int order = memcmp (rsa_id, relays[middle].rsa_id, sizeof relays->rsa_id);

      if (order == 0)
        return (gint) middle;
      if (order < 0)
        high = middle;
      else
        low = middle + 1;
    }
  return -1;
}

G_END_DECLS
