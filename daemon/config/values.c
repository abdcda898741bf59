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

/* A whole number and nothing else. */
static gboolean
value_parse_number (const char *text, gint64 *out)
{
  return g_ascii_string_to_signed (text, 10, G_MININT32, G_MAXINT32, out, NULL);
}

static gboolean
value_parse_uint (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                  GPtrArray *warnings, GError **error)
{
  gint64 number;

  (void) config, (void) warnings;
  if (!value_parse_number (value, &number) || number < option->min || number > option->max)
    {
      g_autofree char *what = g_strdup_printf ("is not a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                               option->min, option->max);

      return value_fail (value, what, error);
    }
  *(guint *) target = (guint) number;
  return TRUE;
}

/* A share of one; -1 is for what the consensus says. */
static gboolean
value_parse_rate (const CepaOption *option, const char *value, CepaConfig *config, gpointer target, GPtrArray *warnings,
                  GError **error)
{
  char *end;
  double number = g_ascii_strtod (value, &end);

  (void) option, (void) config, (void) warnings;
  if (end == value || *end != '\0' || !((number >= 0 && number <= 1) || number == -1))
    return value_fail (value, "is not a number from 0 to 1, or -1", error);
  *(double *) target = number;
  return TRUE;
}

/* Seconds of @unit, which may have an s at its end; 0 when there is no such unit. */
static gint64
value_unit_seconds (const char *unit)
{
  static const struct
  {
    const char *name;
    gint64 seconds;
  } units[] = {
    { "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 }, { "week", 7 * 86400 }, { "month", 2629728 },
  };
  gsize len = strlen (unit);

  len -= len > 1 && g_ascii_tolower (unit[len - 1]) == 's';
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (strlen (units[i].name) == len && g_ascii_strncasecmp (units[i].name, unit, len) == 0)
      return units[i].seconds;
  return 0;
}

/* C Tor's intervals: a number of seconds, or of the unit behind it. What is out of bounds is brought inside, as C Tor
   does. */
static gboolean
value_parse_interval (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                      GPtrArray *warnings, GError **error)
{
  gsize n_digits = strspn (value, G_CSET_DIGITS), n_spaces = strspn (value + n_digits, " \t");
  g_autofree char *digits = g_strndup (value, n_digits);
  const char *unit = value + n_digits + n_spaces;
  gint64 unit_s = *unit == '\0' ? 1 : value_unit_seconds (unit), number, seconds;

  (void) config;
  if (!value_parse_number (digits, &number) || unit_s == 0)
    return value_fail (value, "is not an interval; write a number and second, minute, hour, day, week or month", error);
  seconds = number * unit_s;
  if ((seconds < option->min && !(option->takes_zero && seconds == 0)) || seconds > option->max)
    {
      gint64 settled = CLAMP (seconds, option->min, option->max);

      g_ptr_array_add (warnings, g_strdup_printf ("%s is %" G_GINT64_FORMAT " seconds, which is out of bounds; %"
                                                  G_GINT64_FORMAT " are taken", option->name, seconds, settled));
      seconds = settled;
    }
  *(gint64 *) target = seconds;
  return TRUE;
}

static gboolean
value_parse_words (const CepaOption *option, const char *value, CepaConfig *config, gpointer target,
                   GPtrArray *warnings, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (value, ", \t", -1);

  (void) option, (void) config, (void) warnings, (void) error;
  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      value_append_text (target, g_strdup (words[i]));
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
  [CEPA_OPTION_UINT] = { "NUMBER", FALSE, value_parse_uint },
  [CEPA_OPTION_INTERVAL] = { "NUMBER [second|minute|hour|day|week|month]", FALSE, value_parse_interval },
  [CEPA_OPTION_RATE] = { "NUMBER", FALSE, value_parse_rate },
  [CEPA_OPTION_WORDS] = { "WORD[,WORD ...]", TRUE, value_parse_words },
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
