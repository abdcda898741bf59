/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for keys: locked, kept from core dumps, guarded, wiped when freed. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_secret_init:
 *
 * Prepares the library that gives locked memory and randomness; call once before anything else here.
 *
 * Returns: FALSE with CEPA_ERROR_INTERNAL when it cannot be used.
 */
gboolean cepa_secret_init (GError **error);

/**
 * cepa_secret_alloc:
 * @size: bytes
 *
 * Returns: (transfer full): zeroed locked memory; ends the process when there is none, as g_malloc does.
 */
void *cepa_secret_alloc (gsize size);

/* Wipes and frees what cepa_secret_alloc gave; NULL is allowed. */
void cepa_secret_free (void *memory);

/* Wipes @len bytes in a way that the compiler keeps. */
void cepa_secret_wipe (void *memory, gsize len);

/* Whether @len bytes are equal, in a time that does not depend on their content. */
gboolean cepa_bytes_equal_ct (const void *a, const void *b, gsize len);

/* Whether all @len bytes are zero, in a time that does not depend on their content. */
gboolean cepa_bytes_is_zero_ct (const void *data, gsize len);

G_END_DECLS
