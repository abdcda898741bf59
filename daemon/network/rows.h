/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding a relay among the consensus' rows. Private to network. */
#pragma once

#include <string.h>

#include "netdoc/consensus.h"

G_BEGIN_DECLS

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
