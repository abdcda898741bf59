/* SPDX-License-Identifier: BSD-3-Clause */
/* Plugin files: what the keyfile says, who may write them, and whether the tables fit. Private to host. */
#pragma once

#include <cepa/plugin.h>
#include <glib.h>

G_BEGIN_DECLS

/* Bytes of a keyfile; real ones have 200. */
#define CEPA_PLUGIN_MAX_KEYFILE (64 * 1024)

/* What the keyfile beside a module says. */
typedef struct
{
  char *keyfile; /* its path */
  char *module;  /* path of the shared object */
  char *id;      /* "path.weighted" */
  char *name;    /* for people */
} CepaPluginFile;

/**
 * cepa_plugin_file_read:
 * @keyfile: path of a "*.plugin" file
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_PLUGIN when it cannot be read, lacks something,
 * is of a kind that is not known or for another version of the plugin interface.
 */
CepaPluginFile *cepa_plugin_file_read (const char *keyfile, GError **error);
void cepa_plugin_file_free (CepaPluginFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPluginFile, cepa_plugin_file_free)

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

G_END_DECLS
