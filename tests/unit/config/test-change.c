/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in force, and other ones in their place while the daemon runs. */
#include <glib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "config/change.h"
#include "config/command-line.h"
#include "config/config-private.h"
#include "config/options.h"
#include "config/torrc.h"

#define TORRC \
  "SocksPort 127.0.0.1:9999 IPv6Traffic\nSocksPort auto\nSafeLogging relay\nDataDirectory /x/../data\n" \
  "Log notice stderr\nlog  [circ]debug file /tmp/a b\n"

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

/* @expected: the values with "|" behind each */
static void
assert_values (const CepaConfig *config, const char *name, const char *expected)
{
  g_auto (GStrv) values = cepa_option_dup_values (cepa_option_find (name), config);
  g_autoptr (GString) got = g_string_new (NULL);

  for (guint i = 0; values[i] != NULL; i++)
    g_string_append_printf (got, "%s|", values[i]);
  g_assert_cmpstr (got->str, ==, expected);
}

static void
test_values (void)
{
  g_autoptr (CepaConfig) given = load (TORRC), none = load ("");
  g_autofree char *data = g_strconcat (g_get_user_state_dir (), "/cepa|", NULL);

  assert_values (given, "socksport", "127.0.0.1:9999 IPv6Traffic|auto|");
  assert_values (given, "SafeLogging", "relay|");
  assert_values (given, "Log", "notice stderr|[circ]debug file /tmp/a b|");
  assert_values (none, "SocksPort", "9250|");
  assert_values (none, "DataDirectory", data);
  assert_values (none, "SafeLogging", "1|");
  assert_values (none, "PathPolicy", "weighted|");
  assert_values (none, "Log", "");
  assert_values (none, "PidFile", "");
  assert_values (none, "DirAuthority", "");
}

static CepaConfig *
change (const CepaConfig *config, const char *name, const char *const *values, GError **error)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  const CepaConfigChange changes[] = { { name, values } };

  return cepa_config_new_changed (config, changes, 1, warnings, error);
}

static void
test_good (void)
{
  static const char *const logs[] = { "warn stdout", "debug file /tmp/c", NULL }, *const off[] = { "0", NULL };
  const CepaConfigChange changes[] = { { "LOG", logs }, { "safelogging", off }, { "SocksPort", NULL } };
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaConfig) old = load (TORRC), changed = NULL, again = NULL;
  g_autoptr (GError) error = NULL;

  changed = cepa_config_new_changed (old, changes, G_N_ELEMENTS (changes), warnings, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (warnings->len, ==, 0);
  assert_values (changed, "Log", "warn stdout|debug file /tmp/c|");
  assert_values (changed, "SafeLogging", "0|");
  assert_values (changed, "SocksPort", "9250|");
  assert_values (old, "SafeLogging", "relay|");
  g_assert_false (changed->safe_logging);
  again = change (changed, "SafeLogging", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (again->safe_logging);
  assert_values (again, "Log", "warn stdout|debug file /tmp/c|");
  g_assert_cmpstr (again->data_directory, ==, old->data_directory);
}

static void
assert_bad (const CepaConfig *config, const char *name, const char *value, const char *part)
{
  const char *const values[] = { value, NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (change (config, name, values, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

static void
test_bad (void)
{
  g_autoptr (CepaConfig) config = load (TORRC);
  g_autofree char *longest = g_strnfill (5000, 'a');

  assert_bad (config, "SafeLogging", "2", "setting: SafeLogging: \"2\" is not 0, 1 or relay");
  assert_bad (config, "SafeLoging", "1", "unknown option \"SafeLoging\"; did you mean SafeLogging?");
  assert_bad (config, "ORPort", "1", "an option of relays");
  assert_bad (config, "Log", "loud stdout", "setting: Log: \"loud\" is neither");
  assert_bad (config, "Log", "notice\nSocksPort 1", "one line");
  assert_bad (config, "PathPolicy", "\xff", "UTF-8");
  assert_bad (config, "PathPolicy", "", "a value is needed");
  assert_bad (config, "PathPolicy", longest, "4096");
  assert_bad (config, "a\nb", "1", "one line");
}

static void
test_log_replace (void)
{
  static const char *const good[] = { "warn stderr", "debug stderr", NULL };
  static const char *const bad[] = { "debug stderr", "notice file /nowhere/at/all/log", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_log_config_apply (NULL, CEPA_CONSOLE_HUSH, &error));
  cepa_log_startup_done ();
  g_assert_false (cepa_log_config_replace (bad, CEPA_CONSOLE_HUSH, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 1);
  g_assert_false (cepa_log_enabled (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE));
  g_clear_error (&error);
  g_assert_true (cepa_log_config_replace (good, CEPA_CONSOLE_HUSH, &error));
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 2);
  g_assert_true (cepa_log_enabled (CEPA_LOG_GENERAL, CEPA_LOG_DEBUG));
  g_assert_true (cepa_log_config_replace (NULL, CEPA_CONSOLE_QUIET, &error));
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 0);
  cepa_log_close ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/change/values", test_values);
  g_test_add_func ("/change/good", test_good);
  g_test_add_func ("/change/bad", test_bad);
  g_test_add_func ("/change/log-replace", test_log_replace);
  return g_test_run ();
}
