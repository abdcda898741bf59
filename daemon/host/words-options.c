/* SPDX-License-Identifier: BSD-3-Clause */
/* Options1: the torrc's options, and changing a few of them while the daemon runs. */
#include <string.h>
#include <vocabulary-info.h>

#include "base/error.h"
#include "base/log.h"
#include "config/change.h"
#include "config/options.h"
#include "host/words.h"

/* How many options one Set may name. */
#define WORDS_OPTIONS_MAX_CHANGES 100

struct _CepaWordsOptions
{
  CepaConfig *config;  /* (nullable): in place of the client's, once something has been set */
  gboolean is_setting; /* a Set has not ended yet */
};

/* A Set under way. */
typedef struct
{
  CepaWordReply *reply;
  CepaConfig *config;
  GPtrArray *changed; /* (element-type CepaOption): what differs */
} WordsOptionsSet;

/* All that may be set while running: what is done for each is in words_options_apply() or words_options_finish(). */
static const char *const words_options_settable[] = { "Log", "PathPolicy", "SafeLogging" };

/* And these: what the user says of relays goes to relays.c as a whole. */
static const char *const words_options_of_relays[] = {
  "ASFile", "ClientPreferIPv6DirPort", "ClientPreferIPv6ORPort", "ClientUseIPv4", "ClientUseIPv6", "EntryNodes",
  "ExcludeExitNodes", "ExcludeNodes", "ExitNodes", "FascistFirewall", "FirewallPorts", "GeoIPExcludeUnknown", "GeoIPFile",
  "GeoIPv6File", "MiddleNodes", "NodeFamily", "ReachableAddresses", "ReachableDirAddresses", "ReachableORAddresses",
  "StrictNodes",
};

/* And these go to the guards. */
static const char *const words_options_of_guards[] = {
  "GuardLifetime", "NumDirectoryGuards", "NumEntryGuards", "NumPrimaryGuards", "PathBiasCircThreshold",
  "PathBiasDropGuards", "PathBiasExtremeRate", "PathBiasExtremeUseRate", "PathBiasNoticeRate", "PathBiasNoticeUseRate",
  "PathBiasScaleThreshold", "PathBiasScaleUseThreshold", "PathBiasUseThreshold", "PathBiasWarnRate", "UseEntryGuards",
};

static CepaWordsOptions *
words_options_get_state (CepaHostVocabulary *self)
{
  CepaWordsOptions **place = cepa_words_get_options (self);

  if (*place == NULL)
    *place = g_new0 (CepaWordsOptions, 1);
  return *place;
}

void
cepa_words_options_free (CepaWordsOptions *self)
{
  g_clear_pointer (&self->config, cepa_config_free);
  g_free (self);
}

/* (transfer none) (nullable) */
static const CepaConfig *
words_options_get_config (CepaHostVocabulary *self)
{
  const CepaConfig *changed = words_options_get_state (self)->config;

  return changed != NULL ? changed : cepa_words_get_client (self)->config;
}

static gboolean
words_options_is_one_of (const CepaOption *option, const char *const *names, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (names[i], option->name))
      return TRUE;
  return FALSE;
}

static gboolean
words_options_is_of_relays (const CepaOption *option)
{
  return words_options_is_one_of (option, words_options_of_relays, G_N_ELEMENTS (words_options_of_relays));
}

static gboolean
words_options_is_of_guards (const CepaOption *option)
{
  return words_options_is_one_of (option, words_options_of_guards, G_N_ELEMENTS (words_options_of_guards));
}

static gboolean
words_options_is_settable (const CepaOption *option)
{
  return words_options_is_one_of (option, words_options_settable, G_N_ELEMENTS (words_options_settable))
         || words_options_is_of_relays (option) || words_options_is_of_guards (option);
}

static gboolean
words_options_is (const CepaOption *option, const char *name)
{
  return g_str_equal (option->name, name);
}

/* (transfer full): strings that GVariant can carry. */
static GStrv
words_options_dup_values (CepaHostVocabulary *self, const CepaOption *option, const CepaConfig *config)
{
  GStrv values = cepa_option_dup_values (option, config);
  const char *log = cepa_log_config_default (cepa_words_get_client (self)->console);

  if (values[0] == NULL && words_options_is (option, "Log") && log != NULL)
    {
      const char *const only[] = { log, NULL };

      g_strfreev (values);
      values = g_strdupv ((GStrv) only);
    }
  for (guint i = 0; values[i] != NULL; i++)
    {
      char *valid = g_utf8_make_valid (values[i], -1);

      g_free (values[i]);
      values[i] = valid;
    }
  return values;
}

/* ---- asking ---- */

static void
words_options_list (G_GNUC_UNUSED CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  GVariantBuilder out;
  guint n = 0;
  const CepaOption *options = cepa_options (&n);

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ssb)"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add (&out, "(ssb)", options[i].name, cepa_option_argument (&options[i]),
                           words_options_is_settable (&options[i]));
  cepa_word_reply_return (reply, g_variant_new ("(a(ssb))", &out));
}

static void
words_options_get (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  const CepaConfig *config = words_options_get_config (self);
  g_auto (GStrv) values = NULL;
  const CepaOption *option;
  const char *name;

  g_variant_get (args, "(&s)", &name);
  option = cepa_option_find (name);
  if (option == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no option of that name");
      return;
    }
  if (config == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  values = words_options_dup_values (self, option, config);
  cepa_word_reply_return (reply, g_variant_new ("(s^as)", option->name, values));
}

/* ---- setting ---- */

static void
words_options_set_free (WordsOptionsSet *set)
{
  g_clear_pointer (&set->config, cepa_config_free);
  g_ptr_array_unref (set->changed);
  g_free (set);
}

static gboolean
words_options_has_changed (const WordsOptionsSet *set, const char *name)
{
  for (guint i = 0; i < set->changed->len; i++)
    if (words_options_is (g_ptr_array_index (set->changed, i), name))
      return TRUE;
  return FALSE;
}

/* Fills @set with what is different in its config. FALSE with CEPA_PLUGIN_ERROR_FAILED when some of it may not be. */
static gboolean
words_options_compare (const CepaConfig *old, WordsOptionsSet *set, GError **error)
{
  guint n = 0;
  const CepaOption *options = cepa_options (&n);

  for (guint i = 0; i < n; i++)
    {
      g_auto (GStrv) before = cepa_option_dup_values (&options[i], old);
      g_auto (GStrv) after = cepa_option_dup_values (&options[i], set->config);

      if (g_strv_equal ((const char *const *) before, (const char *const *) after))
        continue;
      if (!words_options_is_settable (&options[i]))
        {
          g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                       "%s cannot be changed while the daemon runs; change the torrc and start it again",
                       options[i].name);
          return FALSE;
        }
      g_ptr_array_add (set->changed, (gpointer) &options[i]);
    }
  return TRUE;
}

static void
words_options_tell (CepaHostVocabulary *self, const GPtrArray *changed)
{
  GVariantBuilder names;

  if (changed->len == 0 || !cepa_host_vocabulary_has_listener (self, "Options1", "Changed"))
    return;
  g_variant_builder_init (&names, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < changed->len; i++)
    g_variant_builder_add (&names, "s", ((const CepaOption *) g_ptr_array_index (changed, i))->name);
  cepa_host_vocabulary_emit (self, "Options1", "Changed", g_variant_new ("(as)", &names));
}

static void
words_options_set_relays (CepaHostVocabulary *self, const WordsOptionsSet *set)
{
  CepaHostRelays *relays = cepa_words_get_client (self)->relays;
  gboolean has_changed = FALSE;

  for (guint i = 0; i < set->changed->len; i++)
    has_changed = has_changed || words_options_is_of_relays (g_ptr_array_index (set->changed, i));
  if (has_changed && relays != NULL)
    cepa_host_relays_set_config (relays, set->config);
}

static void
words_options_set_guards (CepaHostVocabulary *self, const WordsOptionsSet *set)
{
  CepaGuards *guards = cepa_words_get_client (self)->guards;
  gboolean has_changed = FALSE;
  CepaGuardsConfig config;

  for (guint i = 0; i < set->changed->len; i++)
    has_changed = has_changed || words_options_is_of_guards (g_ptr_array_index (set->changed, i));
  if (!has_changed || guards == NULL)
    return;
  cepa_guard_options_settle (&set->config->guards, &config);
  cepa_guards_set_config (guards, &config);
}

/* Everything that can fail has not. */
static void
words_options_finish (CepaHostVocabulary *self, WordsOptionsSet *set)
{
  CepaWordsOptions *state = words_options_get_state (self);
  CepaWordReply *reply = set->reply;

  if (words_options_has_changed (set, "SafeLogging"))
    cepa_log_set_safe_logging (set->config->safe_logging);
  words_options_set_relays (self, set);
  words_options_set_guards (self, set);
  g_clear_pointer (&state->config, cepa_config_free);
  state->config = g_steal_pointer (&set->config);
  state->is_setting = FALSE;
  words_options_tell (self, set->changed);
  words_options_set_free (set);
  cepa_word_reply_return (reply, NULL);
}

static void
words_options_fail (CepaHostVocabulary *self, WordsOptionsSet *set, const GError *error)
{
  CepaWordReply *reply = set->reply;

  words_options_get_state (self)->is_setting = FALSE;
  words_options_set_free (set);
  cepa_word_reply_fail (reply, error);
}

/* The policy could not be used: the log becomes what it was. */
static void
words_options_restore_log (CepaHostVocabulary *self)
{
  g_autoptr (GError) error = NULL;

  if (!cepa_log_config_replace ((const char *const *) words_options_get_config (self)->logs,
                                cepa_words_get_client (self)->console, &error))
    cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN, "the log stays as it was just set: %s", error->message);
}

static void
words_options_policy_used (gpointer user_data, const GError *error)
{
  WordsOptionsSet *set = user_data;
  CepaHostVocabulary *self = cepa_word_reply_get_vocabulary (set->reply);

  if (self == NULL)
    {
      cepa_word_reply_return (set->reply, NULL);
      words_options_set_free (set);
      return;
    }
  if (error == NULL)
    {
      words_options_finish (self, set);
      return;
    }
  if (words_options_has_changed (set, "Log"))
    words_options_restore_log (self);
  words_options_fail (self, set, error);
}

/* (nullable): the plugin of the option's value, which may leave out the kind. */
static CepaHostPlugin *
words_options_find_policy (CepaHostVocabulary *self, const char *name, GError **error)
{
  CepaPluginHost *host = cepa_words_get_host (self);
  g_autofree char *id = g_str_has_prefix (name, "path.") ? g_strdup (name) : g_strconcat ("path.", name, NULL);
  g_autoptr (GError) own = NULL;
  CepaHostPlugin *plugin = host != NULL ? cepa_plugin_host_find (host, id, &own) : NULL;

  if (plugin == NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "setting: PathPolicy: %s",
                 own != NULL ? own->message : "there are no plugins");
  return plugin;
}

/* What can be undone first, what takes its time then; what cannot fail is for words_options_finish(). */
static void
words_options_apply (CepaHostVocabulary *self, WordsOptionsSet *set)
{
  gboolean has_policy = words_options_has_changed (set, "PathPolicy");
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *policy = NULL;

  if (has_policy)
    policy = words_options_find_policy (self, set->config->path_policy, &error);
  if (error == NULL && words_options_has_changed (set, "Log"))
    cepa_log_config_replace ((const char *const *) set->config->logs, cepa_words_get_client (self)->console, &error);
  if (error != NULL)
    words_options_fail (self, set, error);
  else if (has_policy)
    cepa_plugin_host_use_policy (cepa_words_get_host (self), policy, words_options_policy_used, set);
  else
    words_options_finish (self, set);
}

/* The config with what @args, "(a(sas))", says; warnings of its own are logged. */
static CepaConfig *
words_options_read (const CepaConfig *old, GVariant *args, GError **error)
{
  g_autoptr (GVariant) list = g_variant_get_child_value (args, 0);
  gsize n = g_variant_n_children (list);
  g_autofree CepaConfigChange *changes = NULL;
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  CepaConfig *config;

  if (n > WORDS_OPTIONS_MAX_CHANGES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "more than %d options at once", WORDS_OPTIONS_MAX_CHANGES);
      return NULL;
    }
  changes = g_new0 (CepaConfigChange, n);
  for (gsize i = 0; i < n; i++)
    {
      const char **values = NULL;

      g_variant_get_child (list, i, "(&s^a&s)", &changes[i].name, &values);
      changes[i].values = values;
    }
  config = cepa_config_new_changed (old, changes, (guint) n, warnings, error);
  for (guint i = 0; config != NULL && i < warnings->len; i++)
    cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN, "%s", (const char *) warnings->pdata[i]);
  for (gsize i = 0; i < n; i++)
    g_free ((gpointer) changes[i].values);
  return config;
}

static void
words_options_set (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaWordsOptions *state = words_options_get_state (self);
  const CepaConfig *old = words_options_get_config (self);
  g_autoptr (GError) error = NULL;
  WordsOptionsSet *set;

  if (old == NULL || state->is_setting)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s",
                                 old == NULL ? cepa_words_get_state (self) : "setting other options just now");
      return;
    }
  set = g_new0 (WordsOptionsSet, 1);
  set->reply = reply;
  set->changed = g_ptr_array_new ();
  set->config = words_options_read (old, args, &error);
  state->is_setting = TRUE;
  if (set->config != NULL && words_options_compare (old, set, &error))
    words_options_apply (self, set);
  else
    words_options_fail (self, set, error);
}

void
cepa_words_options_note_policy (CepaHostVocabulary *self, const char *id)
{
  CepaWordsOptions *state = words_options_get_state (self);
  const CepaConfig *old = words_options_get_config (self);
  const char *const values[] = { id, NULL };
  const CepaConfigChange change = { "PathPolicy", values };
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) changed = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  CepaConfig *config;

  if (old == NULL || state->is_setting)
    return;
  config = cepa_config_new_changed (old, &change, 1, warnings, &error);
  if (config == NULL)
    {
      cepa_log (CEPA_LOG_BUG, CEPA_LOG_WARN, "%s", error->message);
      return;
    }
  g_clear_pointer (&state->config, cepa_config_free);
  state->config = config;
  g_ptr_array_add (changed, (gpointer) cepa_option_find ("PathPolicy"));
  words_options_tell (self, changed);
}

static const CepaWordMethod words_options_methods[] = {
  { "List", words_options_list },
  { "Get", words_options_get },
  { "Set", words_options_set },
  { NULL, NULL },
};

static const CepaWordProperty words_options_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_options = {
  .info = &org_cepa_options1_interface,
  .properties = words_options_properties,
  .methods = words_options_methods,
};
