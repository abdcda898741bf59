/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a side table. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "network/side-table.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) text = g_bytes_new_static (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSideTable) table = cepa_side_table_parse (text, &error);
  CepaRelay relay = { .ipv4 = 0x0a020304, .or_port = 1, .ipv6_port = 1 };

  g_assert ((table == NULL) == (error != NULL));
  if (table == NULL)
    {
      g_assert (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT));
      return 0;
    }
  g_assert (cepa_side_table_get_id (table) != 0);
  g_assert (cepa_side_table_get_n_columns (table) >= 1);
  g_assert (cepa_side_table_get_n_columns (table) <= CEPA_SIDE_TABLE_MAX_COLUMNS);
  for (guint i = 0; i < 8; i++)
    {
      const double *numbers = cepa_side_table_find (table, &relay);

      for (guint j = 0; numbers != NULL && j < cepa_side_table_get_n_columns (table); j++)
        g_assert (isnan (numbers[j]) || isfinite (numbers[j]));
      memset (relay.rsa_id, (int) i, sizeof relay.rsa_id);
      relay.ipv6[0] = (guint8) (0x20 + i);
      relay.ipv4 = i % 2 != 0 ? 0 : relay.ipv4 * 2654435761u;
    }
  return 0;
}
