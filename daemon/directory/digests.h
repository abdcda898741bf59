/* SPDX-License-Identifier: BSD-3-Clause */
/* Digests of 32 bytes as keys of hash tables; they are spread evenly as they are. Private to directory. */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

#define CEPA_DIGEST_LEN 32

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
  return memcmp (a, b, CEPA_DIGEST_LEN) == 0;
}

/* (transfer full): a set of @digests, 32 bytes each, which must stay. */
static inline GHashTable *
cepa_digest_set_new (GBytes *digests)
{
  GHashTable *self = g_hash_table_new (cepa_digest_hash, cepa_digest_equal);
  gsize len;
  const guint8 *data = g_bytes_get_data (digests, &len);

  for (gsize i = 0; i < len / CEPA_DIGEST_LEN; i++)
    g_hash_table_add (self, (gpointer) (data + i * CEPA_DIGEST_LEN));
  return self;
}

G_END_DECLS
