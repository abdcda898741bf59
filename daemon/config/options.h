/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of options: what exists, of which type, with which default, and where it goes in CepaConfig. */
#pragma once

#include <glib.h>

#include "config/config.h"

G_BEGIN_DECLS

typedef enum
{
  CEPA_OPTION_BOOL,         /* gboolean: 0 or 1 */
  CEPA_OPTION_SAFE_LOGGING, /* gboolean: 0, 1 or relay */
  CEPA_OPTION_PATH,         /* char *: a file or folder */
  CEPA_OPTION_PATHS,        /* GStrv: one a line */
  CEPA_OPTION_NAME,         /* char *: letters, digits, - _ . */
  CEPA_OPTION_SOCKS_PORTS,  /* GPtrArray of CepaListenConfig */
  CEPA_OPTION_CONTROL_PORTS, /* the same, and an option of a plugin */
  CEPA_OPTION_AUTHORITIES,  /* GPtrArray of CepaDirectorySource */
  CEPA_OPTION_FALLBACKS,    /* the same */
  CEPA_OPTION_LOGS,         /* GStrv: checked values of Log lines */
  CEPA_OPTION_PLUGINS,      /* GPtrArray of CepaPluginConfig */
  CEPA_OPTION_PLUGIN_OPTIONS, /* GPtrArray of CepaPluginOptionConfig */
  CEPA_OPTION_PORTS,        /* GArray of guint16: with commas between them, in the place of the default */
  CEPA_OPTION_AUTO_BOOL,    /* gint: 0, 1, or -1 for auto */
  CEPA_OPTION_NODES,        /* CepaNodeSet: of all lines together */
  CEPA_OPTION_NODE_FAMILIES, /* GPtrArray of CepaNodeSet: one a line */
  CEPA_OPTION_ADDRESSES,    /* CepaAddressPolicy: of all lines together */
  /* An array of CepaPluginOptionConfig, of options that stand for one of a plugin, which checks the value. */
  CEPA_OPTION_OF_PLUGIN,
  CEPA_OPTION_OF_PLUGIN_BOOL,
  CEPA_OPTION_OF_PLUGIN_PATH,
  CEPA_OPTION_OF_PLUGIN_LIST,
  CEPA_OPTION_UINT,         /* guint, or gint where @min is negative: from @min to @max */
  CEPA_OPTION_INTERVAL,     /* gint64: seconds; 0 where that means something, else from @min to @max */
  CEPA_OPTION_RATE,         /* double: from 0 to 1, or -1 */
  CEPA_OPTION_WORDS,        /* GStrv: separated by commas or spaces, also over several lines */
} CepaOptionType;

#define CEPA_OPTION_N_TYPES (CEPA_OPTION_WORDS + 1)

typedef struct
{
  const char *name;
  CepaOptionType type;
  const char *default_text; /* (nullable): as a torrc would say it; NULL leaves the member as it is */
  gsize offset;             /* of the member of CepaConfig */
  const char *description;  /* whole sentences, for the man page */
  const char *argument;     /* (nullable): of options of plugins: what the value looks like */
  const char *plugin_id;    /* (nullable): whose option it stands for */
  const char *plugin_option; /* (nullable): its name there */
  gint64 min, max;          /* of numbers */
  gboolean takes_zero;      /* an interval: 0 as well, which has a meaning of its own */
} CepaOption;

#define CEPA_OPTIONS_MAX 256

/* Returns: (transfer none) (array length=n): the table, by name; at most CEPA_OPTIONS_MAX options. */
const CepaOption *cepa_options (guint *n);

/* Returns: (transfer none) (nullable): the option of that name, in any case, or of another spelling of it. */
const CepaOption *cepa_option_find (const char *key);

/* Returns: (transfer full) (nullable): the option of Cepa's or C Tor's whose name is close to @key. */
char *cepa_option_suggest (const char *key);

/* Whether each line of the option adds a value. */
gboolean cepa_option_is_list (const CepaOption *option);

/* Returns: (transfer none): what the value looks like, for people: "0|1", "[ADDRESS:]PORT|auto|0 [flags]". */
const char *cepa_option_argument (const CepaOption *option);

/**
 * cepa_option_parse:
 * @value: UTF-8, not empty
 * @config: its member gets the value; a list is appended to
 * @warnings: (element-type utf8): sentences that name the option, not the place, are added
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG whose message says what is wrong with @value and what would be right.
 */
gboolean cepa_option_parse (const CepaOption *option, const char *value, CepaConfig *config,
                            GPtrArray *warnings, GError **error);

/* Returns: (transfer full): the values in force, each as a line of the torrc would give it; none for a list that is
   empty, or an option that has no value. */
GStrv cepa_option_dup_values (const CepaOption *option, const CepaConfig *config);

/* Returns: (transfer full): the lines that describe every option in docs/cepad.1. */
char *cepa_options_to_man (void);

G_END_DECLS
