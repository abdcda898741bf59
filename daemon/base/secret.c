/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/secret.h"

#include <sodium.h>

#include "base/error.h"

gboolean
cepa_secret_init (GError **error)
{
  if (sodium_init () < 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "libsodium could not be initialised");
      return FALSE;
    }
  return TRUE;
}

void *
cepa_secret_alloc (gsize size)
{
  void *memory = sodium_malloc (size);

  if (memory == NULL)
    g_error ("no locked memory for %" G_GSIZE_FORMAT " bytes", size);
  sodium_memzero (memory, size);
  return memory;
}

void
cepa_secret_free (void *memory)
{
  sodium_free (memory);
}

void
cepa_secret_wipe (void *memory, gsize len)
{
  sodium_memzero (memory, len);
}

gboolean
cepa_bytes_equal_ct (const void *a, const void *b, gsize len)
{
  return sodium_memcmp (a, b, len) == 0;
}

gboolean
cepa_bytes_is_zero_ct (const void *data, gsize len)
{
  return sodium_is_zero (data, len) == 1;
}
