/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of "cepa-sim paths". */
#pragma once

#include <glib.h>

#include "ports.h"

G_BEGIN_DECLS

/* What the user asked for. */
typedef struct
{
  char **inputs;           /* files and folders */
  GPtrArray *authorities;  /* (nullable) (element-type CepaDirectorySource): NULL with --unchecked */
  char *plugin;
  char **plugin_options;   /* (nullable) */
  char **plugin_directories;
  guint64 seed, n_paths;
  guint rate;              /* 0: n_paths counts */
  guint n_clients, clients_per_instance, n_threads, n_top;
  guint32 hours;           /* bit N: N:00 to N+1:00 UTC */
  CepaSimPorts ports;
  gboolean any_subnet, no_guards, ids_are_rows, is_quiet;
  char *adversary;         /* (nullable): a file */
  char *geoip, *geoip6, *as_file; /* (nullable) */
  double adversary_share;  /* 0: none */
  char *csv, *summary, *plot; /* (nullable) */
} CepaSimOptions;

/**
 * cepa_sim_options_parse:
 * @argv: the command line behind "paths", the program's name first
 *
 * --help is printed, and ends the process, here.
 *
 * Returns: (transfer full) (nullable): NULL with G_OPTION_ERROR or CEPA_ERROR_CONFIG for a command line that is wrong,
 * CEPA_ERROR_FILE for a file of it that cannot be read.
 */
CepaSimOptions *cepa_sim_options_parse (char **argv, GError **error);
void cepa_sim_options_free (CepaSimOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimOptions, cepa_sim_options_free)

/* Returns: (transfer full) (nullable): the text of a small file that an option names. NULL with CEPA_ERROR_FILE when it
   cannot be read, or is no text. */
char *cepa_sim_options_read_file (const char *path, GError **error);

/* "9-17,20": the hours 9 to 16, and 20. FALSE with CEPA_ERROR_CONFIG. */
gboolean cepa_sim_hours_parse (const char *text, guint32 *hours, GError **error);

G_END_DECLS
