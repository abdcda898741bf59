/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/secret.h"

#include <string.h>

static void
test_alloc (void)
{
  static const gsize sizes[] = { 1, 32, 72, 4096, 4097, 100000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint8 *memory = cepa_secret_alloc (sizes[i]);

      g_assert_true (cepa_bytes_is_zero_ct (memory, sizes[i]));
      memset (memory, 0xff, sizes[i]);
      cepa_secret_free (memory);
    }
  cepa_secret_free (NULL);
}

static void
test_wipe (void)
{
  guint8 memory[40];

  memset (memory, 0xff, sizeof memory);
  cepa_secret_wipe (memory, 32);
  g_assert_true (cepa_bytes_is_zero_ct (memory, 32));
  g_assert_cmpuint (memory[32], ==, 0xff);
}

static void
test_compare (void)
{
  guint8 a[33] = { 0 }, b[33] = { 0 };

  g_assert_true (cepa_bytes_equal_ct (a, b, sizeof a));
  g_assert_true (cepa_bytes_is_zero_ct (a, sizeof a));
  for (guint bit = 0; bit < 8 * sizeof a; bit++)
    {
      b[bit / 8] = (guint8) (1 << bit % 8);
      g_assert_false (cepa_bytes_equal_ct (a, b, sizeof a));
      g_assert_false (cepa_bytes_is_zero_ct (b, sizeof b));
      g_assert_true (cepa_bytes_equal_ct (a, b, bit / 8));
      g_assert_true (cepa_bytes_is_zero_ct (b, bit / 8));
      b[bit / 8] = 0;
    }
  g_assert_true (cepa_bytes_equal_ct (a, "x", 0));
}

/* A write past the end meets a page that nobody may touch. */
static void
test_guard (void)
{
  if (g_test_subprocess ())
    {
      volatile guint8 *memory = cepa_secret_alloc (32);

      memory[32] = 1;
      return;
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL))
    return 1;
  g_test_add_func ("/base/secret/alloc", test_alloc);
  g_test_add_func ("/base/secret/wipe", test_wipe);
  g_test_add_func ("/base/secret/compare", test_compare);
  g_test_add_func ("/base/secret/guard", test_guard);
  return g_test_run ();
}
