/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as two exit policy summaries, parted by the first newline. */
#include <stdint.h>
#include <string.h>

#include "network/exit-policy.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Counts the ports that are let through; "some port" must be what it says. */
static guint
fuzz_exit_policy_count (const CepaExitPolicyTable *table, guint32 policy, gboolean ipv6)
{
  guint n = 0;

  for (guint port = 1; port <= G_MAXUINT16; port++)
    n += cepa_exit_policy_table_allows (table, policy, (guint16) port, ipv6);
  g_assert (cepa_exit_policy_table_allows (table, policy, 0, ipv6) == (n > 0));
  return n;
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
      g_assert (fuzz_exit_policy_count (table, number, FALSE) == fuzz_exit_policy_count (table, swapped, TRUE));
      g_assert (fuzz_exit_policy_count (table, number, TRUE) == fuzz_exit_policy_count (table, swapped, FALSE));
    }
  cepa_exit_policy_table_free (table);
  return 0;
}
