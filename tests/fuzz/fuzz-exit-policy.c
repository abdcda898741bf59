/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as two exit policy summaries, parted by the first newline. */
#include <stdint.h>
#include <string.h>

#include "network/exit-policy.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* "Some port" is what the ports one by one say, and @swapped has the two texts the other way round. */
static void
fuzz_exit_policy_check (const CepaExitPolicyTable *table, guint32 policy, guint32 swapped)
{
  gboolean any = FALSE;

  for (guint port = 1; port <= G_MAXUINT16; port++)
    {
      gboolean allowed = cepa_exit_policy_table_allows (table, policy, (guint16) port, FALSE);

      any = any || allowed;
      if (port % 64 == 0)
        g_assert (cepa_exit_policy_table_allows (table, swapped, (guint16) port, TRUE) == allowed);
    }
  g_assert (cepa_exit_policy_table_allows (table, policy, 0, FALSE) == any);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  const char *newline = size > 0 ? memchr (text, '\n', size) : NULL;
  gsize first = newline != NULL ? (gsize) (newline - text) : size;
  CepaSlice policy = { text, first };
  CepaSlice policy6 = { newline != NULL ? newline + 1 : NULL, newline != NULL ? size - first - 1 : 0 };
  CepaExitPolicyTable *table = cepa_exit_policy_table_new ();
  guint32 number, swapped;

  /* The parser of microdescriptors lets no zero bytes through. */
  if (size == 0 || memchr (data, 0, size) == NULL)
    {
      number = cepa_exit_policy_table_intern (table, policy, policy6);
      swapped = cepa_exit_policy_table_intern (table, policy6, policy);
      g_assert (cepa_exit_policy_table_intern (table, policy, policy6) == number);
      fuzz_exit_policy_check (table, number, swapped);
    }
  cepa_exit_policy_table_free (table);
  return 0;
}
