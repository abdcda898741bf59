/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes small MMDB files, by MaxMind's public description of the format (version 2.0). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whom an IPv4 prefix belongs to. */
typedef struct
{
  guint32 ipv4; /* host byte order */
  guint bits;   /* 1 to 32; no prefix is within another */
  guint32 as_number;
} TestMmdbPrefix;

/**
 * test_mmdb_make:
 * @as_text: writes "asn" as "AS64500" and not "autonomous_system_number" as a number
 *
 * Returns: (transfer full): the file.
 */
GBytes *test_mmdb_make (const TestMmdbPrefix *prefixes, guint n, gboolean as_text);

G_END_DECLS
