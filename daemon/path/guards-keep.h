/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards between runs, and out of C Tor's state file. */
#pragma once

#include <glib.h>

#include "path/guard-info.h"

G_BEGIN_DECLS

/* Returns: (transfer full): a{sv}, floating: for the section "guards" of the state file. */
GVariant *cepa_guards_to_variant (CepaGuards *self);

/**
 * cepa_guards_from_variant:
 * @variant: a{sv} as cepa_guards_to_variant() gives it, or as JSON keeps it
 *
 * In place of the guards that there are; before a network is given.
 *
 * Returns: FALSE with CEPA_ERROR_FILE that says what is wrong: nothing has changed then. Dates in the future are taken
 * for now.
 */
gboolean cepa_guards_from_variant (CepaGuards *self, GVariant *variant, GError **error);

/**
 * cepa_guards_import_tor:
 * @text: of C Tor's state file
 * @n_imported: (out) (optional)
 *
 * Takes the guards of C Tor's sets, with their order, dates and path-bias counts, in place of those that there are.
 *
 * Returns: FALSE with CEPA_ERROR_FILE naming the line when one cannot be read, or when there is no guard.
 */
gboolean cepa_guards_import_tor (CepaGuards *self, const char *text, gsize len, guint *n_imported, GError **error);

G_END_DECLS
