/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of the vocabulary as tables. A daemon of another version may lack keys, or have others. */
#pragma once

#include "ctl/ctl.h"
#include "ctl/text.h"

G_BEGIN_DECLS

/* Values of a dictionary a{sv}; nothing, 0, when the key is missing or of another type. */
const char *cepa_ctl_get_text (GVariant *dict, const char *key);
guint64 cepa_ctl_get_number (GVariant *dict, const char *key); /* of any integer type; below 0 is 0 */
gboolean cepa_ctl_get_boolean (GVariant *dict, const char *key);

/* Returns: (transfer full): since "created" of @dict, in microseconds: "3 min ago". */
char *cepa_ctl_get_age (GVariant *dict);

/* Returns: (transfer full): @n, and "-" for 0. */
char *cepa_ctl_number_or_dash (guint64 n);

/* Adds the cells of @item. */
typedef void (*CepaCtlRowFunc) (CepaCtlTable *table, GVariant *item);

/**
 * cepa_ctl_show_list:
 * @method: "Circuits1.List", which returns aa{sv}
 * @headings: as for cepa_ctl_table_new()
 * @none: what people read when the list is empty
 *
 * Asks the daemon and prints: a table, or with --json an array.
 */
gboolean cepa_ctl_show_list (const CepaCtlOptions *options, const char *method, const char *headings,
                             const char *none, CepaCtlRowFunc add_row, GError **error);

G_END_DECLS
