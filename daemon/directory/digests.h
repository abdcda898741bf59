/* SPDX-License-Identifier: BSD-3-Clause */
/* Digests of 32 bytes as keys of hash tables; they are spread evenly as they are. Private to directory. */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

static inline guint
cepa_digest_hash (gconstpointer digest)
{
  guint hash;

  memcpy (&hash, digest, sizeof hash);
  return hash;
}

static inline gboolean
cepa_digest_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 32) == 0;
}

G_END_DECLS
