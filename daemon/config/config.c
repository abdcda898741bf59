/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "config/config-private.h"
#include "config/known.h"
#include "config/listen.h"
#include "config/options.h"
#include "config/plugins.h"
#include "config/relay-values.h"
#include "config/torrc.h"

#define CONFIG_LIST_MAX 1000 /* lines of one option */

/* The lines that count for each option, by its place in the table. They belong to the layers. */
typedef struct
{
  GPtrArray *lines[CEPA_OPTIONS_MAX];   /* (element-type CepaTorrcLine) */
  gboolean in_layer[CEPA_OPTIONS_MAX];  /* whether the layer that is being read has named it already */
  const CepaOption *options;
  guint n_options;
  GPtrArray *warnings; /* (element-type utf8) */
} ConfigDraft;

static void
config_draft_init (ConfigDraft *draft, GPtrArray *warnings)
{
  memset (draft, 0, sizeof *draft);
  draft->options = cepa_options (&draft->n_options);
  draft->warnings = warnings;
  for (guint i = 0; i < draft->n_options; i++)
    draft->lines[i] = g_ptr_array_new ();
}

static void
config_draft_clear (ConfigDraft *draft)
{
  for (guint i = 0; i < draft->n_options; i++)
    g_ptr_array_unref (draft->lines[i]);
}

static GPtrArray *
config_draft_lines (const ConfigDraft *draft, const char *name)
{
  return draft->lines[cepa_option_find (name) - draft->options];
}

static void G_GNUC_PRINTF (3, 4)
config_warn (ConfigDraft *draft, const CepaTorrcLine *line, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (draft->warnings, g_strdup_printf ("%s: %s", line->where, text));
}

static gboolean G_GNUC_PRINTF (3, 4)
config_fail (const CepaTorrcLine *line, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s: %s", line->where, text);
  return FALSE;
}

static gboolean
config_fail_unknown (const CepaTorrcLine *line, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (line->key, strlen (line->key), 60);
  g_autofree char *suggestion = cepa_option_suggest (line->key);

  if (suggestion != NULL)
    return config_fail (line, error, "unknown option \"%s\"; did you mean %s?", shown, suggestion);
  return config_fail (line, error, "unknown option \"%s\"", shown);
}

/* A line of an option that is not in the table. */
static gboolean
config_take_other (ConfigDraft *draft, const CepaTorrcLine *line, GError **error)
{
  const char *name = NULL, *value;
  CepaKnownKind kind = cepa_known_find (cepa_known_resolve_alias (line->key), &name);

  if (kind == CEPA_KNOWN_NOT)
    return config_fail_unknown (line, error);
  if (kind == CEPA_KNOWN_OBSOLETE)
    {
      config_warn (draft, line, "%s is obsolete and is ignored", name);
      return TRUE;
    }
  value = cepa_known_value (name);
  if (line->command == CEPA_TORRC_CLEAR || (value != NULL && g_str_equal (line->value, value)))
    return TRUE;
  if (kind == CEPA_KNOWN_RELAY)
    return config_fail (line, error, "%s is an option of relays; Cepa is a client", name);
  return config_fail (line, error, "%s is not supported by this version of Cepa yet", name);
}

/* The first line of a list option in a layer replaces what lower layers say, unless it has a "+". */
static gboolean
config_take_line (ConfigDraft *draft, const CepaTorrcLine *line, GError **error)
{
  const CepaOption *option = cepa_option_find (line->key);
  gboolean is_first;
  GPtrArray *lines;

  if (option == NULL)
    return config_take_other (draft, line, error);
  lines = draft->lines[option - draft->options];
  is_first = !draft->in_layer[option - draft->options];
  draft->in_layer[option - draft->options] = TRUE;

  if (line->command == CEPA_TORRC_CLEAR)
    {
      g_ptr_array_set_size (lines, 0);
      return TRUE;
    }
  if (line->value[0] == '\0')
    return config_fail (line, error, "%s: a value is needed: %s", option->name,
                        cepa_option_argument (option));
  if (!cepa_option_is_list (option) && !is_first && lines->len > 0)
    config_warn (draft, line, "%s is given more than once; the last one counts", option->name);
  if (!cepa_option_is_list (option) || (is_first && line->command != CEPA_TORRC_ADD))
    g_ptr_array_set_size (lines, 0);
  if (lines->len == CONFIG_LIST_MAX)
    return config_fail (line, error, "%s is given more than %d times", option->name, CONFIG_LIST_MAX);
  g_ptr_array_add (lines, (gpointer) line);
  return TRUE;
}

static gboolean
config_take_layer (ConfigDraft *draft, GPtrArray *layer, GError **error)
{
  memset (draft->in_layer, 0, sizeof draft->in_layer);
  for (guint i = 0; i < layer->len; i++)
    if (!config_take_line (draft, layer->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
config_settle_line (ConfigDraft *draft, const CepaOption *option, const CepaTorrcLine *line,
                    CepaConfig *config, GError **error)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);

  if (!cepa_option_parse (option, line->value, config, warnings, error))
    {
      g_prefix_error (error, "%s: %s: ", line->where, option->name);
      return FALSE;
    }
  for (guint i = 0; i < warnings->len; i++)
    config_warn (draft, line, "%s", (const char *) warnings->pdata[i]);
  return TRUE;
}

static gboolean
config_settle_option (ConfigDraft *draft, guint i, CepaConfig *config, GError **error)
{
  const CepaOption *option = &draft->options[i];
  CepaTorrcLine built_in = { .where = (char *) "default", .value = (char *) option->default_text };

  for (guint j = 0; j < draft->lines[i]->len; j++)
    if (!config_settle_line (draft, option, draft->lines[i]->pdata[j], config, error))
      return FALSE;
  if (draft->lines[i]->len == 0 && option->default_text != NULL)
    return config_settle_line (draft, option, &built_in, config, error);
  return TRUE;
}

/* C Tor: a port option is either 0 or a list of places. */
static gboolean
config_check_ports (const ConfigDraft *draft, const char *name, const GPtrArray *listeners, GError **error)
{
  const GPtrArray *lines = config_draft_lines (draft, name);

  for (guint i = 0; listeners->len > 0 && i < lines->len; i++)
    {
      const CepaTorrcLine *line = lines->pdata[i];

      if (line->value[0] == '0' && (line->value[1] == '\0' || g_ascii_isspace (line->value[1])))
        return config_fail (line, error, "%s: 0 means no port at all, but another line of it names one",
                            name);
    }
  return TRUE;
}

static gboolean
config_check_authorities (const ConfigDraft *draft, const CepaConfig *config, GError **error)
{
  const GPtrArray *authorities = config_draft_lines (draft, "DirAuthority");
  const GPtrArray *testing = config_draft_lines (draft, "TestingTorNetwork");
  guint n_v3 = 0;

  if (config->testing_tor_network && config->authorities->len == 0)
    return config_fail (testing->pdata[testing->len - 1], error,
                        "TestingTorNetwork: a private network needs its own DirAuthority lines");
  for (guint i = 0; i < config->authorities->len; i++)
    n_v3 += ((const CepaDirectorySource *) config->authorities->pdata[i])->is_v3 ? 1 : 0;
  if (authorities->len > 0 && n_v3 == 0)
    return config_fail (authorities->pdata[0], error,
                        "DirAuthority: no line has a v3ident=, so that nobody could sign a consensus");
  return TRUE;
}

/* As C Tor refuses them. */
static gboolean
config_check_guards (const ConfigDraft *draft, const CepaConfig *config, GError **error)
{
  const GPtrArray *entry = config_draft_lines (draft, "NumEntryGuards");
  const GPtrArray *none = config_draft_lines (draft, "UseEntryGuards");

  if (config->guards.n_primary_guards > 0 && config->guards.n_entry_guards > config->guards.n_primary_guards)
    return config_fail (entry->pdata[entry->len - 1], error, "NumEntryGuards: there cannot be more than NumPrimaryGuards");
  if (!config->guards.use_entry_guards && config->relays.entry_nodes != NULL)
    return config_fail (none->pdata[none->len - 1], error,
                        "UseEntryGuards: without guards EntryNodes cannot be kept to");
  return TRUE;
}

static gboolean
config_add_built_in (GPtrArray *sources, const char *const *lines,
                     CepaDirectorySource *(*parse) (const char *line, GError **error), GError **error)
{
  for (guint i = 0; lines[i] != NULL; i++)
    {
      CepaDirectorySource *source = parse (lines[i], error);

      if (source == NULL)
        {
          g_prefix_error (error, "built-in directory \"%s\": ", lines[i]);
          return FALSE;
        }
      g_ptr_array_add (sources, source);
    }
  return TRUE;
}

static void
config_warn_option (ConfigDraft *draft, const char *name, const char *text)
{
  const GPtrArray *lines = config_draft_lines (draft, name);

  if (lines->len > 0)
    config_warn (draft, lines->pdata[lines->len - 1], "%s", text);
}

/* What the options of the directory come to. */
static gboolean
config_settle_directory (ConfigDraft *draft, CepaConfig *config, GError **error)
{
  const GPtrArray *early = config_draft_lines (draft, "FetchDirInfoExtraEarly");
  const GPtrArray *rate = config_draft_lines (draft, "DirAuthorityFallbackRate");
  const struct
  {
    const char *name;
    gint64 *delay_s;
  } delays[] = {
    { "ClientBootstrapConsensusAuthorityDownloadInitialDelay", &config->bootstrap_authority_delay_s },
    { "ClientBootstrapConsensusFallbackDownloadInitialDelay", &config->bootstrap_fallback_delay_s },
    { "ClientBootstrapConsensusAuthorityOnlyDownloadInitialDelay", &config->bootstrap_authority_only_delay_s },
  };

  if (config->fetch_dir_info_extra_early && !config->fetch_dir_info_early)
    return config_fail (early->pdata[early->len - 1], error, "FetchDirInfoExtraEarly: needs FetchDirInfoEarly 1 as well");
  if (config->dir_authority_fallback_rate < 0)
    return config_fail (rate->pdata[rate->len - 1], error, "DirAuthorityFallbackRate: write a number from 0 to 1");
  for (guint i = 0; config->testing_tor_network && i < G_N_ELEMENTS (delays); i++)
    if (config_draft_lines (draft, delays[i].name)->len == 0)
      *delays[i].delay_s = 0;
  if (config->paths_needed >= 0 && (config->paths_needed < 0.25 || config->paths_needed > 0.95))
    {
      config->paths_needed = CLAMP (config->paths_needed, 0.25, 0.95);
      config_warn_option (draft, "PathsNeededToBuildCircuits",
                          "PathsNeededToBuildCircuits is out of bounds; the nearest of 0.25 and 0.95 is taken");
    }
  return TRUE;
}

/* What no line says and no text in the table can say. */
static gboolean
config_fill (const ConfigDraft *draft, CepaConfig *config, GError **error)
{
  gboolean has_fallbacks = config->fallbacks->len > 0;

  config->is_public_network = config->authorities->len == 0;
  if (config->testing_tor_network && config_draft_lines (draft, "ClientRejectInternalAddresses")->len == 0)
    config->reject_internal_addresses = FALSE;
  if (config->data_directory == NULL)
    config->data_directory = g_build_filename (g_get_user_state_dir (), "cepa", NULL);
  if (config->logs == NULL)
    config->logs = g_new0 (char *, 1);
  if (config->plugin_directories == NULL)
    config->plugin_directories = g_new0 (char *, 1);
  if (!config->is_public_network)
    return TRUE;
  if (!config_add_built_in (config->authorities, cepa_built_in_authorities,
                            cepa_directory_source_parse_authority, error))
    return FALSE;
  return has_fallbacks || !config->use_default_fallbacks
         || config_add_built_in (config->fallbacks, cepa_built_in_fallbacks,
                                 cepa_directory_source_parse_fallback, error);
}

/* Warns at the last line of @name, which is there. */
/* What the options of relays come to, and what should be said of them. */
static void
config_settle_relays (ConfigDraft *draft, CepaConfig *config)
{
  static const char *const of_reach[] = { "ReachableAddresses", "ReachableORAddresses", "ClientUseIPv4", "ClientUseIPv6" };
  g_autofree char *warning = cepa_relay_values_settle (&config->relays);

  for (guint i = 0; warning != NULL && i < G_N_ELEMENTS (of_reach); i++)
    if (config_draft_lines (draft, of_reach[i])->len > 0)
      {
        config_warn_option (draft, of_reach[i], warning);
        break;
      }
  config_warn_option (draft, "ReachableDirAddresses",
                      "ReachableDirAddresses does nothing, as in C Tor: directories are fetched from OR ports");
  if (config->relays.exclude_nodes != NULL && config->relays.strict_nodes)
    config_warn_option (draft, "StrictNodes",
                        "StrictNodes with ExcludeNodes: onion services and directory servers that are excluded cannot be "
                        "reached, whatever fails by it");
}

static void
config_keep_lines (const ConfigDraft *draft, CepaConfig *config)
{
  for (guint i = 0; i < draft->n_options; i++)
    {
      const GPtrArray *lines = draft->lines[i];
      GStrv values = g_new0 (char *, lines->len + 1);

      for (guint j = 0; j < lines->len; j++)
        values[j] = g_strdup (((const CepaTorrcLine *) lines->pdata[j])->value);
      g_ptr_array_add (config->lines, values);
    }
}

static CepaConfig *
config_new (void)
{
  CepaConfig *self = g_new0 (CepaConfig, 1);

  self->socks_ports = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_listen_config_free);
  self->control_ports = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_listen_config_free);
  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  self->fallbacks = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  self->relays.node_families = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_node_set_unref);
  self->plugins = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_plugin_config_free);
  self->plugin_options = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_plugin_option_config_free);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  return self;
}

void
cepa_config_free (CepaConfig *self)
{
  if (self == NULL)
    return;
  g_free (self->data_directory);
  g_ptr_array_unref (self->socks_ports);
  g_ptr_array_unref (self->control_ports);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->fallbacks);
  g_ptr_array_unref (self->plugins);
  g_ptr_array_unref (self->plugin_options);
  g_clear_pointer (&self->use.long_lived_ports, g_array_unref);
  g_strfreev (self->logs);
  g_free (self->path_policy);
  g_strfreev (self->plugin_directories);
  g_strfreev (self->use.track_host_exits);
  g_free (self->pid_file);
  cepa_relay_values_clear (&self->relays);
  g_ptr_array_unref (self->lines);
  g_free (self);
}

CepaConfig *
cepa_config_new_from_layers (GPtrArray *const *layers, guint n_layers, GPtrArray *warnings, GError **error)
{
  g_autoptr (CepaConfig) config = config_new ();
  ConfigDraft draft;
  gboolean ok = TRUE;

  config_draft_init (&draft, warnings);
  for (guint i = 0; ok && i < n_layers; i++)
    ok = config_take_layer (&draft, layers[i], error);
  for (guint i = 0; ok && i < draft.n_options; i++)
    ok = config_settle_option (&draft, i, config, error);
  ok = ok && config_check_ports (&draft, "SocksPort", config->socks_ports, error)
       && config_check_ports (&draft, "ControlPort", config->control_ports, error)
       && config_check_authorities (&draft, config, error) && config_check_guards (&draft, config, error)
       && config_settle_directory (&draft, config, error) && config_fill (&draft, config, error);
  if (ok)
    {
      config_settle_relays (&draft, config);
      config_keep_lines (&draft, config);
    }
  config_draft_clear (&draft);
  return ok ? g_steal_pointer (&config) : NULL;
}
