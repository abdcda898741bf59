/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of options, by type. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "config/listen.h"
#include "config/log-config.h"
#include "config/options.h"
#include "config/paths.h"
#include "config/plugins.h"
#include "config/relay-values.h"

/* @target: the option's member of CepaConfig. */
typedef gboolean (*ValueParse) (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                                GPtrArray *warnings, GError **error);

typedef struct
{
  const char *argument;
  gboolean is_list;
  ValueParse parse;
} ValueType;

static gboolean
value_fail (const char *value, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (value, strlen (value), 60);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "\"%s\" %s", shown, what);
  return FALSE;
}

static gboolean
value_parse_bool (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                  GError **error)
{
  (void) option, (void) config, (void) warnings;
  if (!g_str_equal (value, "0") && !g_str_equal (value, "1"))
    return value_fail (value, "is not 0 or 1", error);
  *(gboolean *) target = value[0] == '1';
  return TRUE;
}

/* In C Tor "relay" scrubs what it logs as a relay only; Cepa never is one. */
static gboolean
value_parse_safe_logging (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                          GError **error)
{
  (void) option, (void) config, (void) warnings;
  if (!g_str_equal (value, "0") && !g_str_equal (value, "1") && g_ascii_strcasecmp (value, "relay") != 0)
    return value_fail (value, "is not 0, 1 or relay", error);
  *(gboolean *) target = value[0] == '1';
  return TRUE;
}

static gboolean
value_parse_path (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                  GError **error)
{
  char *path = cepa_path_expand (value, error);

  (void) option, (void) config, (void) warnings;
  if (path == NULL)
    return FALSE;
  g_free (*(char **) target);
  *(char **) target = path;
  return TRUE;
}

static void
value_append_text (GStrv *list, char *text)
{
  guint n = *list != NULL ? g_strv_length (*list) : 0;

  *list = g_renew (char *, *list, n + 2);
  (*list)[n] = text;
  (*list)[n + 1] = NULL;
}

static gboolean
value_parse_paths (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                   GError **error)
{
  char *path = cepa_path_expand (value, error);

  (void) option, (void) config, (void) warnings;
  if (path != NULL)
    value_append_text (target, path);
  return path != NULL;
}

static gboolean
value_parse_name (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                  GError **error)
{
  (void) option, (void) config, (void) warnings;
  if (value[strspn (value, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.")] != '\0')
    return value_fail (value, "is not a name; it has letters, digits, -, _ and . only", error);
  g_free (*(char **) target);
  *(char **) target = g_strdup (value);
  return TRUE;
}

static gboolean
value_parse_socks_port (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                        GError **error)
{
  (void) config;
  return cepa_listen_parse_socks (option->name, value, *(GPtrArray **) target, warnings, error);
}

static gboolean
value_parse_control_port (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                          GError **error)
{
  GPtrArray *ports = *(GPtrArray **) target;
  gboolean is_wanted = FALSE;

  (void) warnings;
  if (!cepa_listen_parse_control (option->name, value, ports, &is_wanted, error))
    return FALSE;
  return !is_wanted || cepa_plugins_parse_of_plugin (option, value, config->plugin_options, error);
}

static gboolean
value_parse_authority (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                       GError **error)
{
  CepaDirectorySource *source = cepa_directory_source_parse_authority (value, error);

  (void) option, (void) config, (void) warnings;
  if (source != NULL)
    g_ptr_array_add (*(GPtrArray **) target, source);
  return source != NULL;
}

static gboolean
value_parse_fallback (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                      GError **error)
{
  CepaDirectorySource *source = cepa_directory_source_parse_fallback (value, error);

  (void) option, (void) config, (void) warnings;
  if (source != NULL)
    g_ptr_array_add (*(GPtrArray **) target, source);
  return source != NULL;
}

static gboolean
value_parse_log (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                 GError **error)
{
  (void) option, (void) config, (void) warnings;
  if (!cepa_log_config_check (value, error))
    return FALSE;
  value_append_text (target, g_strdup (value));
  return TRUE;
}

static gboolean
value_parse_plugin (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                    GPtrArray *warnings, GError **error)
{
  (void) option, (void) config, (void) warnings;
  return cepa_plugins_parse_plugin (value, *(GPtrArray **) target, error);
}

static gboolean
value_parse_plugin_option (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                           GPtrArray *warnings, GError **error)
{
  (void) option, (void) config, (void) warnings;
  return cepa_plugins_parse_option (value, *(GPtrArray **) target, error);
}

static gboolean
value_parse_of_plugin (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                       GPtrArray *warnings, GError **error)
{
  (void) config, (void) warnings;
  return cepa_plugins_parse_of_plugin (option, value, *(GPtrArray **) target, error);
}

static gboolean
value_parse_of_plugin_bool (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                            GPtrArray *warnings, GError **error)
{
  (void) config, (void) warnings;
  if (!g_str_equal (value, "0") && !g_str_equal (value, "1"))
    return value_fail (value, "is not 0 or 1", error);
  return cepa_plugins_parse_of_plugin (option, value, *(GPtrArray **) target, error);
}

static gboolean
value_parse_of_plugin_path (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                            GPtrArray *warnings, GError **error)
{
  g_autofree char *path = cepa_path_expand (value, error);

  (void) config, (void) warnings;
  return path != NULL && cepa_plugins_parse_of_plugin (option, path, *(GPtrArray **) target, error);
}

/* Ports with commas between them, as C Tor's lists; blanks around them do not count. */
static gboolean
value_parse_ports (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                   GError **error)
{
  g_auto (GStrv) words = g_strsplit (value, ",", -1);
  g_autoptr (GArray) ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  GArray **old = target;

  (void) option, (void) config, (void) warnings;
  for (guint i = 0; words[i] != NULL; i++)
    {
      const char *word = g_strstrip (words[i]);
      guint64 number;
      guint16 port;

      if (*word == '\0')
        continue;
      if (!g_ascii_string_to_unsigned (word, 10, 1, 65535, &number, NULL))
        return value_fail (word, "is not a port from 1 to 65535; write them with commas between them", error);
      port = (guint16) number;
      g_array_append_val (ports, port);
    }
  g_clear_pointer (old, g_array_unref);
  *old = g_steal_pointer (&ports);
  return TRUE;
}

static gboolean
value_parse_auto_bool (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                       GPtrArray *warnings, GError **error)
{
  gboolean is_auto = g_ascii_strcasecmp (value, "auto") == 0;

  (void) option, (void) config, (void) warnings;
  if (!is_auto && !g_str_equal (value, "0") && !g_str_equal (value, "1"))
    return value_fail (value, "is not 0, 1 or auto", error);
  *(gint *) target = is_auto ? -1 : value[0] - '0';
  return TRUE;
}

static gboolean
value_parse_nodes (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                   GError **error)
{
  (void) option, (void) config, (void) warnings;
  return cepa_relay_values_parse_node_set (value, target, error);
}

static gboolean
value_parse_node_family (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                         GPtrArray *warnings, GError **error)
{
  (void) option, (void) config, (void) warnings;
  return cepa_relay_values_parse_node_family (value, *(GPtrArray **) target, error);
}

static gboolean
value_parse_addresses (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                       GPtrArray *warnings, GError **error)
{
  (void) option, (void) config, (void) warnings;
  return cepa_relay_values_parse_addresses (value, target, error);
}

static const ValueType value_types[CEPA_OPTION_N_TYPES] = {
  [CEPA_OPTION_BOOL] = { "0|1", FALSE, value_parse_bool },
  [CEPA_OPTION_SAFE_LOGGING] = { "0|1|relay", FALSE, value_parse_safe_logging },
  [CEPA_OPTION_PATH] = { "PATH", FALSE, value_parse_path },
  [CEPA_OPTION_PATHS] = { "PATH", TRUE, value_parse_paths },
  [CEPA_OPTION_NAME] = { "NAME", FALSE, value_parse_name },
  [CEPA_OPTION_SOCKS_PORTS] = { "[ADDRESS:]PORT|[ADDRESS:]auto|0 [FLAG ...]", TRUE, value_parse_socks_port },
  [CEPA_OPTION_CONTROL_PORTS] = { "[ADDRESS:]PORT|unix:PATH|auto|0", TRUE, value_parse_control_port },
  [CEPA_OPTION_AUTHORITIES] = { "[NICKNAME] orport=PORT v3ident=HEX [ipv6=[ADDRESS]:PORT] ADDRESS:PORT "
                                "FINGERPRINT",
                                TRUE, value_parse_authority },
  [CEPA_OPTION_FALLBACKS] = { "ADDRESS[:PORT] orport=PORT id=FINGERPRINT [ipv6=[ADDRESS]:PORT] "
                              "[weight=NUMBER]", TRUE,
                              value_parse_fallback },
  [CEPA_OPTION_PLUGINS] = { "PLUGIN required|optional|disabled", TRUE, value_parse_plugin },
  [CEPA_OPTION_PLUGIN_OPTIONS] = { "PLUGIN.OPTION VALUE", TRUE, value_parse_plugin_option },
  [CEPA_OPTION_PORTS] = { "PORT[,PORT ...]", FALSE, value_parse_ports },
  [CEPA_OPTION_AUTO_BOOL] = { "0|1|auto", FALSE, value_parse_auto_bool },
  [CEPA_OPTION_NODES] = { "NODE[,NODE ...]", TRUE, value_parse_nodes },
  [CEPA_OPTION_NODE_FAMILIES] = { "NODE,NODE[,NODE ...]", TRUE, value_parse_node_family },
  [CEPA_OPTION_ADDRESSES] = { "[accept|reject] ADDRESS[/BITS][:PORT][,...]", TRUE, value_parse_addresses },
  [CEPA_OPTION_OF_PLUGIN] = { "TEXT", FALSE, value_parse_of_plugin },
  [CEPA_OPTION_OF_PLUGIN_BOOL] = { "0|1", FALSE, value_parse_of_plugin_bool },
  [CEPA_OPTION_OF_PLUGIN_PATH] = { "PATH", FALSE, value_parse_of_plugin_path },
  [CEPA_OPTION_OF_PLUGIN_LIST] = { "TEXT", TRUE, value_parse_of_plugin },
  [CEPA_OPTION_LOGS] = { "SEVERITY[-SEVERITY] ... [stdout|stderr|syslog|file PATH]", TRUE, value_parse_log },
};

gboolean
cepa_option_is_list (const CepaOption *option)
{
  return value_types[option->type].is_list;
}

const char *
cepa_option_argument (const CepaOption *option)
{
  return option->argument != NULL ? option->argument : value_types[option->type].argument;
}

gboolean
cepa_option_parse (const CepaOption *option, const char *value, CepaConfig *config, GPtrArray *warnings,
                   GError **error)
{
  return value_types[option->type].parse (option, value, config, G_STRUCT_MEMBER_P (config, option->offset), warnings,
                                          error);
}
