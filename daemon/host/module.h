/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin's shared object: who may write it, loading it, and whether its tables fit. For host and the simulator. */
#pragma once

#include <cepa/plugin.h>
#include <glib.h>

#include "host/keyfile.h"

G_BEGIN_DECLS

/**
 * cepa_module_check_path:
 * @path: a file
 *
 * Returns: (transfer full) (nullable): the path without symbolic links, when it is a regular file and neither
 * it nor a directory above it can be written but by root and this user. A directory that everyone may write,
 * as /tmp, is good when it is sticky: what is under it is looked at next. NULL with CEPA_ERROR_PLUGIN that
 * names the culprit and what to do.
 */
char *cepa_module_check_path (const char *path, GError **error);

/**
 * cepa_module_check_tables:
 * @file: what the keyfile promised
 * @plugin: the module's cepa_plugin_v1; read only as far as its size reaches
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN: what the plugin's author has to change.
 */
gboolean cepa_module_check_tables (const CepaPluginFile *file, const CepaPlugin *plugin, GError **error);

/**
 * cepa_module_load:
 * @file: what the keyfile says
 *
 * Checks the paths, opens the module, for good, and checks its tables.
 *
 * Returns: (transfer none) (nullable): the module's table; NULL with CEPA_ERROR_PLUGIN.
 */
const CepaPlugin *cepa_module_load (const CepaPluginFile *file, GError **error);

/* Returns: (transfer none): the @i th of its options; @i is below n_options. */
const CepaPluginOption *cepa_module_get_option (const CepaPlugin *plugin, guint i);

G_END_DECLS
