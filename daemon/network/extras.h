/* SPDX-License-Identifier: BSD-3-Clause */
/* What this machine knows of relays beside the directory: countries, autonomous systems, side tables of plugins. */
#pragma once

#include <glib.h>

#include "network/as-map.h"
#include "network/geoip.h"
#include "network/side-table.h"

G_BEGIN_DECLS

/* Side tables of all plugins together. */
#define CEPA_EXTRAS_MAX_SIDE_TABLES 64

/**
 * CepaExtras:
 *
 * Counted; filled by one owner and not changed any more once it is shared: a change is a copy.
 */
typedef struct _CepaExtras CepaExtras;

CepaExtras *cepa_extras_new (void);
/* Returns: (transfer full): one with the same content, to be changed. */
CepaExtras *cepa_extras_copy (const CepaExtras *self);
CepaExtras *cepa_extras_ref (CepaExtras *self);
void cepa_extras_unref (CepaExtras *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaExtras, cepa_extras_unref)

void cepa_extras_set_geoip (CepaExtras *self, CepaGeoip *geoip);     /* (nullable) (transfer none) */
void cepa_extras_set_as_map (CepaExtras *self, CepaAsMap *as_map);   /* (nullable) (transfer none) */
CepaGeoip *cepa_extras_get_geoip (const CepaExtras *self);           /* (nullable) (transfer none) */
CepaAsMap *cepa_extras_get_as_map (const CepaExtras *self);          /* (nullable) (transfer none) */

/**
 * cepa_extras_set_side_table:
 * @name: replaces the one of this name
 * @table: (nullable) (transfer none): NULL: there is none of this name
 *
 * Returns: FALSE when there are CEPA_EXTRAS_MAX_SIDE_TABLES of other names.
 */
gboolean cepa_extras_set_side_table (CepaExtras *self, const char *name, CepaSideTable *table);

/* Calls @func for each side table. */
typedef void (*CepaExtrasEachFunc) (gpointer user_data, const char *name, const CepaSideTable *table);
void cepa_extras_foreach_side_table (const CepaExtras *self, CepaExtrasEachFunc func, gpointer user_data);

G_END_DECLS
