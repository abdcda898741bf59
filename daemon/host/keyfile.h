/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyfile beside a module: what is known of a plugin before any of its code runs. For host and the
   simulator. */
#pragma once

#include <glib.h>

#include "config/plugins.h"

G_BEGIN_DECLS

/* Bytes of a keyfile; real ones have 200. */
#define CEPA_PLUGIN_MAX_KEYFILE (64 * 1024)

typedef enum
{
  CEPA_PLUGIN_KIND_PATH,
  CEPA_PLUGIN_KIND_PADDING,
  CEPA_PLUGIN_KIND_TRANSPORT,
  CEPA_PLUGIN_KIND_CONTROL,
  CEPA_PLUGIN_KIND_METRICS,
} CepaPluginKind;

#define CEPA_PLUGIN_N_KINDS (CEPA_PLUGIN_KIND_METRICS + 1)

/* Returns: (transfer none): "path". */
const char *cepa_plugin_kind_name (CepaPluginKind kind);

/* What the keyfile says. */
typedef struct
{
  char *keyfile;             /* its path */
  char *module;              /* path of the shared object */
  char *id;                  /* "path.weighted" */
  char *name;                /* for people */
  CepaPluginKind kind;       /* of @id */
  CepaPluginProfile profile; /* not REQUIRED: only the user can say that */
  GStrv requires;            /* ids without which it does not start */
  GStrv wants;               /* ids that are started before it if they are there */
  gboolean needs_countries;  /* countries of relays are read before it is asked for paths */
  guint abi_major, abi_minor;
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

/* Says that a version of the interface does not fit: "it is for version ...". FALSE with CEPA_ERROR_PLUGIN. */
gboolean cepa_plugin_check_abi (const char *what, gint64 major, gint64 minor, GError **error);

/* Sets CEPA_ERROR_PLUGIN and returns FALSE. */
gboolean cepa_plugin_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
