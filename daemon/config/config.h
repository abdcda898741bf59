/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: one table of options, C Tor's torrc grammar and its command line. */
#pragma once

#include <glib.h>

#include "config/guard-options.h"
#include "config/relay-config.h"
#include "config/use-options.h"
#include "netdoc/authority.h"

G_BEGIN_DECLS

/* Where a listener listens. */
typedef struct
{
  char *option;     /* "SocksPort", for messages */
  char *address;    /* numeric IPv4 or IPv6, without brackets */
  guint16 port;     /* 0 with @is_auto */
  gboolean is_auto; /* any free port */
  gboolean keeps_alive; /* KeepAliveIsolateSOCKSAuth */
} CepaListenConfig;

/* When a plugin is started: its keyfile says it, and a Plugin line says it otherwise. */
typedef enum
{
  CEPA_PLUGIN_DISABLED, /* not before somebody asks */
  CEPA_PLUGIN_OPTIONAL, /* with the daemon, which goes on without it */
  CEPA_PLUGIN_REQUIRED, /* the daemon ends when it fails */
  CEPA_PLUGIN_N_PROFILES
} CepaPluginProfile;

/* A Plugin line. */
typedef struct
{
  char *id;
  CepaPluginProfile profile;
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
  gboolean fetch_server_descriptors, fetch_useless_descriptors;
  gint use_microdescriptors;   /* 0, or 1 and -1 (auto), which are the same */
  double paths_needed;         /* PathsNeededToBuildCircuits, 0.25 to 0.95; -1: the consensus says */
  GPtrArray *fallbacks;        /* (element-type CepaDirectorySource) */
  gboolean use_default_fallbacks; /* UseDefaultFallbackDirs; already settled in @fallbacks */
  gboolean is_public_network;  /* the built-in authorities are in use */
  CepaGuardOptions guards;
  GStrv logs;                  /* values of Log lines, checked */
  char *path_policy;           /* PathPolicy: "weighted" */
  GStrv plugin_directories;    /* PluginDirectory lines: looked through before the built-in place */
  GPtrArray *plugins;          /* (element-type CepaPluginConfig) */
  GPtrArray *plugin_options;   /* (element-type CepaPluginOptionConfig): in the order of the table of options */
  CepaUseOptions use;
  char *pid_file;              /* (nullable) */
  CepaRelayConfig relays;      /* which relays the user wants where */
  GPtrArray *lines;            /* (element-type GStrv): per option of the table the lines' values as they were written */
} CepaConfig;

void cepa_config_free (CepaConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaConfig, cepa_config_free)

G_END_DECLS
