/* SPDX-License-Identifier: BSD-3-Clause */
/* The guards as the directory asks them for documents. */
#pragma once

#include <glib.h>

#include "directory/servers.h"
#include "path/guards.h"

G_BEGIN_DECLS

/**
 * cepa_directory_guards_init:
 * @guards: (transfer none): outlives @self
 *
 * Fills @self in: for cepa_directory_set_guards(). What the guards decide about circuits that wait follows when
 * cepa_guards_update() is called next.
 */
void cepa_directory_guards_init (CepaDirectoryGuards *self, CepaGuards *guards);

G_END_DECLS
