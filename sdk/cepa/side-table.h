/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that a plugin puts beside the relays. Since 1.1. */
#ifndef CEPA_SIDE_TABLE_H
#define CEPA_SIDE_TABLE_H

#include <cepa/host.h>
#include <cepa/network.h>

G_BEGIN_DECLS

/**
 * cepa_host_load_side_table:
 * @name: of the table in cepa_network_view_side_column(): a-z, 0-9 and -; one of this name is replaced
 * @path: of a CSV file: a header line, whose first word says what the first column is: `fingerprint` (40 hexadecimal
 *   digits) or `prefix` (an IPv4 or IPv6 prefix; the longest that fits counts); then a line for each key, with numbers
 * @done: called once, in a later turn, unless the instance is destroyed before
 *
 * Reads numbers that belong to relays and puts them beside the rows, now and for every later directory, until the
 * instance is destroyed. The file is read once, by another thread. Not in create.
 */
static inline void
cepa_host_load_side_table (const CepaHost *host, const char *name, const char *path, CepaDoneFunc done,
                           void *user_data)
{
  if (CEPA_TABLE_HAS (host, CepaHost, load_side_table))
    host->load_side_table (host, name, path, done, user_data);
}

/**
 * cepa_network_view_side_column:
 * @table: the name under which a side table was loaded: cepa_host_load_side_table()
 * @column: of its header line
 *
 * Returns: (transfer none) (nullable) (array length=n_relays): the numbers of @column by row, NaN for a relay that the
 * table does not have; as long valid as the view. NULL when there is no such table or column, or the host has none.
 */
static inline const double *
cepa_network_view_side_column (const CepaNetworkView *self, const char *table, const char *column)
{
  return CEPA_TABLE_HAS (self, CepaNetworkView, side_column) ? self->side_column (self, table, column) : NULL;
}

G_END_DECLS

#endif
