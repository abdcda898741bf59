/* SPDX-License-Identifier: BSD-3-Clause */
/* Options while the daemon runs: asking for them, and changing those that can be. */
#include <string.h>

#include "base/log.h"
#include "config/config-private.h"
#include "config/options.h"
#include "config/torrc.h"
#include "host/fixture.h"
#include "host/vocabulary.h"

#define SETTABLE \
  "Log PathPolicy SafeLogging ASFile ClientPreferIPv6DirPort ClientPreferIPv6ORPort ClientUseIPv4 ClientUseIPv6 EntryNodes " \
  "ExcludeExitNodes ExcludeNodes ExitNodes FascistFirewall FirewallPorts GeoIPExcludeUnknown GeoIPFile GeoIPv6File " \
  "MiddleNodes NodeFamily ReachableAddresses ReachableDirAddresses ReachableORAddresses StrictNodes GuardLifetime " \
  "NumDirectoryGuards NumEntryGuards NumPrimaryGuards PathBiasCircThreshold PathBiasDropGuards PathBiasExtremeRate " \
  "PathBiasExtremeUseRate PathBiasNoticeRate PathBiasNoticeUseRate PathBiasScaleThreshold PathBiasScaleUseThreshold " \
  "PathBiasUseThreshold PathBiasWarnRate UseEntryGuards"

typedef struct
{
  Fixture host;
  CepaConfig *config;
  CepaHostVocabulary *vocabulary;
  guint n_replies, n_sinks;
  GVariant *result; /* (nullable): of the last reply */
  GError *error;    /* (nullable): the same */
  GString *told;    /* names of Options1.Changed with "|" behind each signal */
} Options;

static CepaConfig *
load (const char *text)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  CepaConfig *config;

  g_assert_true (cepa_torrc_parse (text, strlen (text), "torrc", lines, &error));
  config = cepa_config_new_from_layers (&lines, 1, warnings, &error);
  g_assert_no_error (error);
  return config;
}

static void
options_reply (gpointer user_data, GVariant *result, const GError *error)
{
  Options *self = user_data;

  self->n_replies++;
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  self->result = result != NULL ? g_variant_ref (result) : NULL;
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
options_changed (gpointer user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                 GVariant *args)
{
  Options *self = user_data;
  g_autofree const char **names = NULL;
  g_autofree char *text = NULL;

  g_variant_get (args, "(^a&s)", &names);
  text = g_strjoinv (" ", (GStrv) names);
  g_string_append_printf (self->told, "%s|", text);
}

static void
options_set_up (Options *self, gconstpointer data)
{
  CepaVocabularyClient client = { .console = CEPA_CONSOLE_HUSH };
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  fixture_set_up (&self->host, data);
  cepa_log_close ();
  self->config = load ("SocksPort 9999\nLog err stderr\n");
  g_assert_true (cepa_log_config_apply ((const char *const *) self->config->logs, CEPA_CONSOLE_HUSH, &error));
  cepa_log_startup_done ();
  self->told = g_string_new (NULL);
  self->vocabulary = cepa_host_vocabulary_new (self->host.host);
  client.config = self->config;
  cepa_host_vocabulary_set_client (self->vocabulary, &client);
  cepa_host_vocabulary_subscribe (self->vocabulary, self, "Options1", NULL, options_changed, self);
}

static void
options_tear_down (Options *self, gconstpointer data)
{
  cepa_host_vocabulary_free (self->vocabulary);
  fixture_tear_down (&self->host, data);
  cepa_config_free (self->config);
  cepa_log_close ();
  cepa_log_set_safe_logging (TRUE);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_string_free (self->told, TRUE);
}

static void
options_begin (Options *self, const char *method, GVariant *args)
{
  cepa_host_vocabulary_call (self->vocabulary, self, "Options1", method, args, options_reply, self);
}

static void
options_wait (Options *self, guint n_replies)
{
  while (self->n_replies < n_replies)
    g_main_context_iteration (self->host.context, TRUE);
}

/* @text: of a(sas) as GVariant writes it */
static void
options_begin_set (Options *self, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) options = g_variant_parse (G_VARIANT_TYPE ("a(sas)"), text, NULL, NULL, &error);

  g_assert_no_error (error);
  options_begin (self, "Set", g_variant_new ("(@a(sas))", options));
}

static void
options_set (Options *self, const char *text)
{
  guint n = self->n_replies;

  options_begin_set (self, text);
  options_wait (self, n + 1);
}

static void
assert_get (Options *self, const char *name, const char *expected)
{
  g_autofree char *text = NULL;

  options_begin (self, "Get", g_variant_new ("(s)", name));
  g_assert_no_error (self->error);
  text = g_variant_print (self->result, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

static void
assert_refused (Options *self, const char *text, CepaPluginError code, const char *part)
{
  options_set (self, text);
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, (gint) code);
  g_test_message ("%s", self->error->message);
  g_assert_nonnull (strstr (self->error->message, part));
}

static void
test_get (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) list = NULL;
  guint n = 0;
  const CepaOption *options = cepa_options (&n);

  options_begin (self, "List", NULL);
  list = g_variant_get_child_value (self->result, 0);
  g_assert_cmpuint (g_variant_n_children (list), ==, n);
  for (guint i = 0; i < n; i++)
    {
      const char *name, *argument;
      gboolean is_settable;

      g_variant_get_child (list, i, "(&s&sb)", &name, &argument, &is_settable);
      g_assert_cmpstr (name, ==, options[i].name);
      g_assert_cmpstr (argument, !=, "");
      g_assert_cmpint (is_settable, ==, strstr (SETTABLE, name) != NULL);
    }
  assert_get (self, "socksport", "('SocksPort', ['9999'])");
  assert_get (self, "SafeLogging", "('SafeLogging', ['1'])");
  assert_get (self, "LOG", "('Log', ['err stderr'])");
  assert_get (self, "PidFile", "('PidFile', [])");
  assert_get (self, "DirServer", "('DirAuthority', [])");
  options_begin (self, "Get", g_variant_new ("(s)", "ORPort"));
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
}

static void
test_set (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  options_set (self, "[('safelogging', ['0']), ('Log', ['warn stderr', 'info stderr']), ('SocksPort', ['9999'])]");
  g_assert_no_error (self->error);
  g_assert_cmpstr (self->told->str, ==, "Log SafeLogging|");
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "example.com");
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 2);
  g_assert_true (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_INFO));
  assert_get (self, "Log", "('Log', ['warn stderr', 'info stderr'])");
  /* No values: the default, which for the log is what the command line says. */
  options_set (self, "[('Log', []), ('SafeLogging', [])]");
  g_assert_no_error (self->error);
  assert_get (self, "Log", "('Log', ['warn stdout'])");
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 1);
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "[scrubbed]");
  /* Nothing new: nobody is told. */
  g_string_truncate (self->told, 0);
  options_set (self, "[('SafeLogging', ['1'])]");
  g_assert_no_error (self->error);
  g_assert_cmpstr (self->told->str, ==, "");
}

/* All or none. */
static void
test_refused (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  assert_refused (self, "[('SafeLogging', ['0']), ('Log', ['loud stderr'])]", CEPA_PLUGIN_ERROR_INVALID,
                  "setting: Log: \"loud\"");
  assert_refused (self, "[('SafeLogging', ['0']), ('SafeLoging', ['0'])]", CEPA_PLUGIN_ERROR_INVALID,
                  "did you mean SafeLogging?");
  assert_refused (self, "[('SafeLogging', ['0']), ('SocksPort', ['9998'])]", CEPA_PLUGIN_ERROR_FAILED,
                  "SocksPort cannot be changed while the daemon runs");
  assert_refused (self, "[('SafeLogging', ['0']), ('Log', ['notice file /nowhere/at/all/log'])]",
                  CEPA_PLUGIN_ERROR_FILE, "/nowhere/at/all/log");
  assert_refused (self, "[('SafeLogging', ['0']), ('PathPolicy', ['nobody'])]", CEPA_PLUGIN_ERROR_INVALID,
                  "setting: PathPolicy: ");
  assert_get (self, "SafeLogging", "('SafeLogging', ['1'])");
  assert_get (self, "Log", "('Log', ['err stderr'])");
  assert_get (self, "PathPolicy", "('PathPolicy', ['weighted'])");
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "[scrubbed]");
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  g_assert_cmpstr (self->told->str, ==, "");
}

static void
test_policy (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (&self->host, "good", "path.variant", "");
  options_set (self, "[('PathPolicy', ['variant']), ('Log', ['info stderr'])]");
  g_assert_no_error (self->error);
  g_assert_true (cepa_host_plugin_is_running (fixture_find (&self->host, "path.variant")));
  g_assert_cmpstr (self->told->str, ==, "Log PathPolicy|");
  assert_get (self, "PathPolicy", "('PathPolicy', ['variant'])");
  /* The other way to the same. */
  cepa_host_vocabulary_call (self->vocabulary, self, "Plugins1", "Use", g_variant_new ("(s)", "path.variant"),
                             options_reply, self);
  options_wait (self, 3);
  g_assert_no_error (self->error);
  assert_get (self, "PathPolicy", "('PathPolicy', ['path.variant'])");
  g_assert_cmpstr (self->told->str, ==, "Log PathPolicy|PathPolicy|");
}

/* One after the other. */
static void
test_busy (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (&self->host, "good", "path.variant", "");
  options_begin_set (self, "[('PathPolicy', ['variant'])]");
  g_assert_cmpuint (self->n_replies, ==, 0);
  options_begin_set (self, "[('SafeLogging', ['0'])]");
  g_assert_cmpuint (self->n_replies, ==, 1);
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED);
  g_assert_nonnull (strstr (self->error->message, "setting other options just now"));
  options_wait (self, 2);
  g_assert_no_error (self->error);
  assert_get (self, "PathPolicy", "('PathPolicy', ['variant'])");
  assert_get (self, "SafeLogging", "('SafeLogging', ['1'])");
}

/* The policy cannot be had: the log, which was set before it, is what it was. */
static void
test_policy_fails (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (&self->host, "create-fails", "path.variant", "");
  options_set (self, "[('PathPolicy', ['variant']), ('Log', ['info stderr']), ('SafeLogging', ['0'])]");
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED);
  g_assert_nonnull (strstr (self->error->message, "no table of latencies"));
  assert_get (self, "Log", "('Log', ['err stderr'])");
  assert_get (self, "PathPolicy", "('PathPolicy', ['weighted'])");
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "[scrubbed]");
  g_assert_cmpstr (self->told->str, ==, "");
  /* It can be set again. */
  options_set (self, "[('SafeLogging', ['0'])]");
  g_assert_no_error (self->error);
}

/* Those of guards reach them, all of a call or none. */
static void
test_guards (Options *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaVocabularyClient client = { .console = CEPA_CONSOLE_HUSH, .config = self->config };
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  CepaGuardsConfig config;
  CepaGuards *guards;

  cepa_guard_options_settle (&self->config->guards, &config);
  guards = cepa_guards_new (cepa_clock_system (), cepa_random_system (), &config);
  client.guards = guards;
  cepa_host_vocabulary_set_client (self->vocabulary, &client);
  g_assert_true (cepa_guards_list_candidates (guards, CEPA_GUARD_DATA, NULL, rows));
  options_set (self, "[('NumPrimaryGuards', ['2']), ('NumEntryGuards', ['3'])]");
  g_assert_nonnull (self->error);
  g_assert_nonnull (strstr (self->error->message, "there cannot be more than NumPrimaryGuards"));
  g_clear_error (&self->error);
  options_set (self, "[('UseEntryGuards', ['0']), ('PathBiasNoticeRate', ['0.25'])]");
  g_assert_no_error (self->error);
  g_assert_cmpstr (self->told->str, ==, "PathBiasNoticeRate UseEntryGuards|");
  g_assert_false (cepa_guards_list_candidates (guards, CEPA_GUARD_DATA, NULL, rows));
  cepa_host_vocabulary_set_client (self->vocabulary, NULL);
  cepa_guards_free (guards);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (Options *self, gconstpointer data);
  } tests[] = {
    { "/words-options/get", test_get },
    { "/words-options/set", test_set },
    { "/words-options/refused", test_refused },
    { "/words-options/policy", test_policy },
    { "/words-options/busy", test_busy },
    { "/words-options/policy-fails", test_policy_fails },
    { "/words-options/guards", test_guards },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Options, NULL, options_set_up, tests[i].test, options_tear_down);
  return g_test_run ();
}
