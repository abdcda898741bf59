/* SPDX-License-Identifier: BSD-3-Clause */
/* C Tor's command line, and where the log goes. */
#pragma once

#include "config/config.h"

G_BEGIN_DECLS

typedef enum
{
  CEPA_CONSOLE_NOTICE, /* as Log lines say */
  CEPA_CONSOLE_HUSH,   /* --hush: warnings and errors only */
  CEPA_CONSOLE_QUIET,  /* --quiet: nothing */
} CepaConsole;

typedef enum
{
  CEPA_RUN,             /* run with the configuration */
  CEPA_PRINT_AND_EXIT,  /* print @output to standard output, exit 0 */
  CEPA_VERIFY,          /* print "Configuration was valid", exit 0 */
} CepaAction;

/* What the command line asked for. */
typedef struct
{
  CepaAction action;
  CepaConsole console;
  char *output;       /* (nullable): for CEPA_PRINT_AND_EXIT; no newline at its end */
  CepaConfig *config; /* (nullable): for the others */
  char *import_guards; /* (nullable): C Tor's state file, whose guards are to be taken over */
  char *config_file;  /* (nullable): the torrc that was read or looked for, absolute; "-" for standard input */
  GPtrArray *warnings; /* (element-type utf8): lines to log at warn once the log is open */
} CepaCommandLine;

void cepa_command_line_free (CepaCommandLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaCommandLine, cepa_command_line_free)

/**
 * cepa_command_line_load:
 * @argv: (array zero-terminated=1): as main() got it
 * @torrc_default: where the torrc is looked for without -f; missing there is fine
 *
 * Reads the command line, --defaults-torrc and the torrc, in C Tor's grammar and precedence.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG: one line with file, line number, option
 * and what would be right ("torrc:3: SocksPort: \"banana\" is not a port; write a number from 1 to 65535,
 * ADDRESS:PORT, auto, or 0").
 */
CepaCommandLine *cepa_command_line_load (char *const *argv, const char *torrc_default, GError **error);

/**
 * cepa_log_config_apply:
 * @logs: Log values
 * @console: what the command line said
 *
 * Opens the log sinks. Without any Log line: notice to standard output.
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG or CEPA_ERROR_FILE.
 */
gboolean cepa_log_config_apply (const char *const *logs, CepaConsole console, GError **error);

/* The same in the place of the sinks that are open; with an error these stay. */
gboolean cepa_log_config_replace (const char *const *logs, CepaConsole console, GError **error);

/* Returns: (transfer none) (nullable): the value that stands for no Log line; NULL for nothing at all. */
const char *cepa_log_config_default (CepaConsole console);

G_END_DECLS
