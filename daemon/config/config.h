/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: one table of options, C Tor's torrc grammar and its command line. */
#pragma once

#include <glib.h>

#include "config/guard-options.h"
#include "config/relay-config.h"
#include "netdoc/authority.h"

G_BEGIN_DECLS

/* Where a listener listens. */
typedef struct
{
  char *option;     /* "SocksPort", for messages */
  char *address;    /* numeric IPv4 or IPv6, without brackets */
  guint16 port;     /* 0 with @is_auto */
  gboolean is_auto; /* any free port */
} CepaListenConfig;

typedef enum
{
  CEPA_PLUGIN_CONFIG_DISABLED,
  CEPA_PLUGIN_CONFIG_OPTIONAL,
  CEPA_PLUGIN_CONFIG_REQUIRED,
} CepaPluginConfigProfile;

/* A Plugin line. */
typedef struct
{
  char *id;
  CepaPluginConfigProfile profile;
} CepaPluginConfig;

/* A PluginOption line, or one of an option that stands for it. */
typedef struct
{
  char *option; /* "ControlPort", "PluginOption path.mine.depth": for messages */
  char *id;     /* of the plugin */
  char *name;   /* of its option */
  char *value;
} CepaPluginOptionConfig;

/**
 * CepaConfig:
 *
 * The settled values. Immutable once made.
 */
typedef struct
{
  char *data_directory;
  GPtrArray *socks_ports;      /* (element-type CepaListenConfig): empty when SocksPort is 0 */
  GPtrArray *control_ports;    /* (element-type CepaListenConfig) */
  gboolean client_only;
  gboolean testing_tor_network;
  gboolean safe_logging;
  gboolean enforce_distinct_subnets;
  gboolean reject_internal_addresses; /* ClientRejectInternalAddresses */
  GPtrArray *authorities;      /* (element-type CepaDirectorySource) */
  gint64 bootstrap_authority_delay_s, bootstrap_fallback_delay_s, bootstrap_authority_only_delay_s;
  guint bootstrap_max_tries;      /* these four: ClientBootstrapConsensus... */
  double dir_authority_fallback_rate;
  gboolean fetch_dir_info_early, fetch_dir_info_extra_early;
  gboolean fetch_server_descriptors;
  double paths_needed;         /* PathsNeededToBuildCircuits, 0.25 to 0.95; -1: the consensus says */
  GPtrArray *fallbacks;        /* (element-type CepaDirectorySource) */
  gboolean use_default_fallbacks; /* UseDefaultFallbackDirs; already settled in @fallbacks */
  gboolean is_public_network;  /* the built-in authorities are in use */
  CepaGuardOptions guards;
  GArray *long_lived_ports;    /* (element-type guint16): LongLivedPorts */
  GStrv logs;                  /* values of Log lines, checked */
  char *path_policy;           /* PathPolicy: "weighted" */
  GStrv plugin_directories;    /* PluginDirectory lines: looked through before the built-in place */
  GPtrArray *plugins;          /* (element-type CepaPluginConfig) */
  GPtrArray *plugin_options;   /* (element-type CepaPluginOptionConfig): in the order of the table of options */
  gboolean disable_predicted_circuits; /* __DisablePredictedCircuits */
  gboolean learn_circuit_build_timeout;
  gint64 circuit_build_timeout_s;      /* 0: the consensus says; so the next */
  gint64 circuits_available_timeout_s;
  gint64 circuit_stream_timeout_s;     /* 0: 10, 10, 15, ... */
  gint64 max_circuit_dirtiness_s;
  guint max_client_circuits_pending;
  gint64 socks_timeout_s;
  gint64 dormant_client_timeout_s;
  gboolean dormant_timeout_enabled, dormant_timeout_disabled_by_idle_streams;
  gboolean dormant_on_first_startup, dormant_canceled_by_startup;
  GStrv track_host_exits;              /* (nullable) */
  gint64 track_host_exits_expire_s;
  char *pid_file;              /* (nullable) */
  CepaRelayConfig relays;      /* which relays the user wants where */
  GPtrArray *lines;            /* (element-type GStrv): per option of the table the lines' values as they were written */
} CepaConfig;

void cepa_config_free (CepaConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaConfig, cepa_config_free)

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
  char *config_file;  /* (nullable): the torrc that was read or looked for */
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
