/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client keeps between runs: the state file, and the guards in it. */
#pragma once

#include <glib.h>

#include "config/config.h"
#include "config/state.h"
#include "host/host.h"
#include "path/guards.h"

G_BEGIN_DECLS

typedef struct _CepaClientKept CepaClientKept;

/**
 * cepa_client_kept_new:
 * @context: the thread's default context
 * @config: @host: outlive it; @host's vocabulary is told what happens to guards
 *
 * Reads the state file of the data directory. What cannot be used of it is set aside, and that is logged.
 *
 * Returns: (transfer full)
 */
CepaClientKept *cepa_client_kept_new (GMainContext *context, const CepaConfig *config, CepaPluginHost *host);

/* After cepa_client_kept_is_saved(), or what has changed since the last write is lost. */
void cepa_client_kept_free (CepaClientKept *self);

CepaGuards *cepa_client_kept_get_guards (CepaClientKept *self); /* (transfer none) */
CepaState *cepa_client_kept_get_state (CepaClientKept *self);   /* (transfer none): for sections of others */

/* @switched: (nullable): another set of guards is in use: no circuit that there is may take new streams */
void cepa_client_kept_set_switched (CepaClientKept *self, void (*switched) (gpointer user_data), gpointer user_data);

/* Begins the last write; it is over when cepa_client_kept_is_saved() says so, whatever came of it. */
void cepa_client_kept_save (CepaClientKept *self);
gboolean cepa_client_kept_is_saved (const CepaClientKept *self);

/**
 * cepa_client_kept_import_guards:
 * @config: of a client that does not run; its data directory is locked
 * @path: C Tor's state file
 *
 * Puts the guards of C Tor into the state file, in place of those that are in it. Before there is a loop.
 *
 * Returns: how many there were; 0 with CEPA_ERROR_FILE: the state file is as it was.
 */
guint cepa_client_kept_import_guards (const CepaConfig *config, const char *path, GError **error);

G_END_DECLS
