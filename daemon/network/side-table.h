/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers about relays that a plugin brings: a CSV file keyed by fingerprint or by prefix of the address. */
#pragma once

#include <cepa/relay.h>
#include <glib.h>

G_BEGIN_DECLS

#define CEPA_SIDE_TABLE_MAX_BYTES (16 * 1024 * 1024)
#define CEPA_SIDE_TABLE_MAX_LINE 4096
#define CEPA_SIDE_TABLE_MAX_COLUMNS 32
#define CEPA_SIDE_TABLE_MAX_ROWS 200000
/* Letters of a column's name. */
#define CEPA_SIDE_TABLE_MAX_NAME 64

/* Counted and immutable: any thread may ask. */
typedef struct _CepaSideTable CepaSideTable;

/**
 * cepa_side_table_parse:
 * @text: a line `fingerprint,NAME,...` or `prefix,NAME,...`, then one for each key: 40 hexadecimal digits (a `$` before
 *   them does not count), or an IPv4 or IPv6 address with or without `/BITS`; then a number for each column, with a
 *   point; nothing, or `nan`, when there is none. Each part may be in quotation marks. Empty lines, and those that begin
 *   with #, are passed over
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT that names line and fault: nothing of a table
 * with a fault is used. A key that is there twice is one.
 */
CepaSideTable *cepa_side_table_parse (GBytes *text, GError **error);
CepaSideTable *cepa_side_table_ref (CepaSideTable *self);
void cepa_side_table_unref (CepaSideTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSideTable, cepa_side_table_unref)

guint cepa_side_table_get_n_rows (const CepaSideTable *self);
guint cepa_side_table_get_n_columns (const CepaSideTable *self);
const char *cepa_side_table_get_column (const CepaSideTable *self, guint column); /* (transfer none): its name */

/* A number of the content, never 0. */
guint64 cepa_side_table_get_id (const CepaSideTable *self);

/**
 * cepa_side_table_find:
 * @relay: by its identity; or by its IPv4 address, the longest prefix counts, and by the IPv6 one when no prefix has
 *   that
 *
 * Returns: (transfer none) (nullable) (array): a number for each column; NULL when the table does not have it.
 */
const double *cepa_side_table_find (const CepaSideTable *self, const CepaRelay *relay);

G_END_DECLS
