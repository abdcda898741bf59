/* SPDX-License-Identifier: BSD-3-Clause */
/* How plugins start, stop and misbehave (tests/plugins/conduct.c), and what they require of each other. */
#include <cepa/services.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "host/fixture.h"
#include "host/host-private.h"
#include "support/log-capture.h"

#define ID "metrics.conduct"

static void
assert_failed (Fixture *self, const char *id, const char *part)
{
  fixture_assert_refused (self, id, part);
  g_assert_cmpint (fixture_find (self, id)->state, ==, CEPA_PLUGIN_FAILED);
  g_assert_nonnull (strstr (fixture_find (self, id)->reason, part));
  g_assert_null (fixture_find (self, id)->instance);
}

static CepaHostPlugin *
start (Fixture *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = fixture_start (self, id, &error);

  g_assert_no_error (error);
  g_assert_true (cepa_host_plugin_is_running (plugin));
  return plugin;
}

static void
stop (Fixture *self, CepaHostPlugin *plugin)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (fixture_stop (self, plugin, &error));
  g_assert_no_error (error);
  g_assert_cmpint (plugin->state, ==, CEPA_PLUGIN_STOPPED);
  g_assert_null (plugin->instance);
}

/* As often as one likes: each time it is another instance. */
static void
test_again (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, data, ID, "");
  for (guint i = 0; i < 3; i++)
    {
      CepaHostPlugin *plugin = start (self, ID);

      g_assert_true (start (self, ID) == plugin);
      stop (self, plugin);
      stop (self, plugin);
    }
  g_assert_cmpuint (g_hash_table_size (fixture_find (self, ID)->violations), ==, 0);
}

static void
test_start_never (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-never", ID, "");
  assert_failed (self, ID, "its start did not come to an end");
  g_assert_cmpuint (fixture_violations (fixture_find (self, ID), "start-deadline"), ==, 1);
}

/* One that has not answered yet is stopped. */
static void
test_stop_while_starting (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  fixture_install_as (self, "start-never", ID, "");
  plugin = fixture_find (self, ID);
  cepa_plugin_host_start_plugin (self->host, plugin, NULL, NULL);
  while (plugin->state != CEPA_PLUGIN_STARTING)
    g_main_context_iteration (self->context, TRUE);
  stop (self, plugin);
}

static void
test_start_fails (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-fails", ID, "");
  assert_failed (self, ID, ID ": start failed: the table of latencies is torn");
  assert_failed (self, ID, "the table of latencies is torn");
}

static void
test_start_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-twice", ID, "");
  g_assert_cmpuint (fixture_violations (start (self, ID), "no-such-task"), ==, 1);
}

static void
test_stop_never (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;

  fixture_install_as (self, "stop-never", ID, "");
  plugin = start (self, ID);
  fixture_stop (self, plugin, &error);
  g_assert_cmpint (plugin->state, ==, CEPA_PLUGIN_FAILED);
  g_assert_cmpstr (plugin->reason, ==, "its stop did not come to an end");
  g_assert_cmpuint (fixture_violations (plugin, "stop-deadline"), ==, 1);
  g_assert_null (plugin->instance);
}

/* What it asks from another thread is not done, and it is stopped from the loop. */
static void
test_thread (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *log = NULL;
  LogCapture capture;
  CepaHostPlugin *plugin;

  fixture_install_as (self, "thread", ID, "");
  plugin = fixture_find (self, ID);
  log_capture_start (&capture, CEPA_LOG_INFO);
  cepa_plugin_host_start_plugin (self->host, plugin, NULL, NULL);
  while (plugin->state != CEPA_PLUGIN_FAILED)
    g_main_context_iteration (self->context, TRUE);
  log = log_capture_stop (&capture);
  g_assert_null (strstr (log, "from elsewhere"));
  log_capture_assert_has (log, "it called log from a thread of its own");
  g_assert_cmpuint (fixture_violations (plugin, "wrong-thread"), >=, 1);
}

static void
test_leaks (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  fixture_install_as (self, "leaks", ID, "");
  plugin = start (self, ID);
  stop (self, plugin);
  g_assert_cmpuint (fixture_violations (plugin, "left-sources"), ==, 1);
  g_assert_cmpuint (g_hash_table_size (plugin->sources), ==, 0);
}

static void
test_gives_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  fixture_install_as (self, "gives-up", ID, "");
  plugin = start (self, ID);
  while (plugin->state != CEPA_PLUGIN_FAILED)
    g_main_context_iteration (self->context, TRUE);
  g_assert_nonnull (strstr (plugin->reason, "the pipe has spoken"));
}

static void
test_files (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->root, "plugins", ID, "notes", NULL);

  fixture_install_as (self, "files", ID, "");
  start (self, ID);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
}

/* ---- options ---- */

static void
test_options (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  fixture_install_as (self, "well", ID, "");
  plugin = fixture_find (self, ID);
  cepa_host_plugin_add_line (plugin, "depth", "07");
  cepa_host_plugin_add_line (plugin, "names", "a");
  cepa_host_plugin_add_line (plugin, "names", "b");
  cepa_host_plugin_add_line (plugin, "output", "/x/../y");
  start (self, ID);
  g_assert_cmpint (cepa_host_option_int (&plugin->services, "depth", 0), ==, 7);
  g_assert_cmpint (cepa_host_option_int (&plugin->services, "loud", 5), ==, 0);
  g_assert_cmpstr (cepa_host_option_text (&plugin->services, "output", ""), ==, "/y");
  g_assert_cmpstr (cepa_host_option_text (&plugin->services, "format", "none"), ==, "none");
  g_assert_cmpstr (cepa_host_option (&plugin->services, "names")[1], ==, "b");
  g_assert_null (cepa_host_option (&plugin->services, "names")[2]);
  g_assert_null (cepa_host_option (&plugin->services, "width"));
}

/* Whoever asks sees that there is one. */
static void
test_secret_option (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) dict = NULL;
  g_autofree char *text = NULL;
  CepaHostPlugin *plugin;

  fixture_install_as (self, "well", ID, "");
  plugin = fixture_find (self, ID);
  cepa_host_plugin_add_line (plugin, "password", "sesame");
  start (self, ID);
  g_assert_cmpstr (cepa_host_option_text (&plugin->services, "password", ""), ==, "sesame");
  dict = g_variant_ref_sink (cepa_host_plugin_to_variant (plugin));
  text = g_variant_print (dict, FALSE);
  g_assert_null (strstr (text, "sesame"));
  g_assert_nonnull (strstr (text, "[secret]"));
}

static void
test_bad_options (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const cases[][3] = {
    { "depth", "10", "its option depth is \"10\"; write a number from 1 to 9" },
    { "depth", "deep", "its option depth is \"deep\"" },
    { "loud", "yes", "its option loud is \"yes\"; write 0 or 1" },
    { "format", "xml", "its option format is \"xml\"; write one of csv|json" },
    { "width", "1", "it has no option \"width\"; it has: depth, format, names, loud, password, output" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      fixture_renew (self);
      fixture_install_as (self, "well", ID, "");
      cepa_host_plugin_add_line (fixture_find (self, ID), cases[i][0], cases[i][1]);
      assert_failed (self, ID, cases[i][2]);
    }
  fixture_renew (self);
  fixture_install_as (self, "well", ID, "");
  cepa_host_plugin_add_line (fixture_find (self, ID), "depth", "1");
  cepa_host_plugin_add_line (fixture_find (self, ID), "depth", "2");
  assert_failed (self, ID, "its option depth is given 2 times");
}

/* ---- each other ---- */

static void
test_requires (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *first, *second;

  fixture_install_as (self, "later", ID, "");
  fixture_install_as (self, "second", "metrics.second", "Requires=" ID "\n");
  second = start (self, "metrics.second");
  first = fixture_find (self, ID);
  g_assert_true (cepa_host_plugin_is_running (first));
  stop (self, first);
  g_assert_cmpint (second->state, ==, CEPA_PLUGIN_STOPPED);
}

static void
test_requires_missing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "second", "metrics.second", "Requires=metrics.nobody\n");
  assert_failed (self, "metrics.second", "it requires the plugin metrics.nobody, which is not there: install it");
}

static void
test_requires_failing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-fails", ID, "");
  fixture_install_as (self, "second", "metrics.second", "Requires=" ID "\n");
  assert_failed (self, "metrics.second", "it requires the plugin " ID ", which is failed: ");
}

/* Starts what is to be started, and waits until all of it has come to something. */
static void
start_all (Fixture *self)
{
  GPtrArray *plugins = cepa_plugin_host_list (self->host);

  cepa_plugin_host_start (self->host);
  for (guint i = 0; i < plugins->len; i++)
    while (!cepa_host_plugin_is_settled (g_ptr_array_index (plugins, i)))
      g_main_context_iteration (self->context, TRUE);
  g_assert_true (cepa_plugin_host_is_ready (self->host));
}

/* What it wants is started before when it is to be started, and is not missed. */
static void
test_wants (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-fails", ID, "Profile=optional\n");
  fixture_install_as (self, "second", "metrics.second", "Wants=" ID ";metrics.nobody\nProfile=optional\n");
  start_all (self);
  g_assert_true (cepa_host_plugin_is_running (fixture_find (self, "metrics.second")));
  g_assert_cmpint (fixture_find (self, ID)->state, ==, CEPA_PLUGIN_FAILED);
  g_assert_null (self->failure);
}

static void
test_circle (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "well", ID, "Requires=metrics.second\n");
  fixture_install_as (self, "second", "metrics.second", "Requires=" ID "\n");
  fixture_install_as (self, "third", "metrics.third", "Requires=" ID "\n");
  assert_failed (self, ID, "in a circle: " ID ", metrics.second");
  assert_failed (self, "metrics.third", "in a circle");
}

/* One that another requires gives up while both run. */
static void
test_required_gives_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *second;

  fixture_install_as (self, "gives-up", ID, "");
  fixture_install_as (self, "second", "metrics.second", "Requires=" ID "\n");
  second = start (self, "metrics.second");
  while (second->state != CEPA_PLUGIN_STOPPED)
    g_main_context_iteration (self->context, TRUE);
}

/* ---- what the daemon cannot do without ---- */

/* One that the daemon can do without does not hold it up, however long its start takes. */
static void
test_ready (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *slow;

  fixture_install_as (self, "start-never", ID, "Profile=optional\n");
  fixture_install_as (self, "good", "path.variant", "Profile=optional\n");
  slow = fixture_find (self, ID);
  g_assert_false (cepa_plugin_host_is_ready (self->host));
  cepa_plugin_host_start (self->host);
  while (!cepa_plugin_host_is_ready (self->host))
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpint (slow->state, ==, CEPA_PLUGIN_STARTING);
  slow->profile = CEPA_PLUGIN_REQUIRED;
  g_assert_false (cepa_plugin_host_is_ready (self->host));
  stop (self, slow);
  g_assert_true (cepa_plugin_host_is_ready (self->host));
}

static void
test_required_profile (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-fails", ID, "");
  fixture_find (self, ID)->profile = CEPA_PLUGIN_REQUIRED;
  start_all (self);
  g_assert_error (self->failure, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (self->failure->message, "the required plugin \"" ID "\" ("));
}

static void
test_optional_profile (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "start-fails", ID, "Profile=optional\n");
  fixture_install_as (self, "second", "metrics.second", "");
  start_all (self);
  g_assert_no_error (self->failure);
  g_assert_cmpint (fixture_find (self, ID)->state, ==, CEPA_PLUGIN_FAILED);
  g_assert_cmpint (fixture_find (self, "metrics.second")->state, ==, CEPA_PLUGIN_FOUND);
}

static void
test_last_policy (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install_as (self, "create-fails", "path.variant", "Profile=optional\n");
  start_all (self);
  g_assert_error (self->failure, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (self->failure->message, "no plugin of kind path is left"));
}

static void
test_variant (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) dict = NULL;
  const char *state = NULL, *reason = NULL, *profile = NULL, *abi = NULL;

  fixture_install_as (self, "start-fails", ID, "");
  dict = g_variant_ref_sink (cepa_host_plugin_to_variant (fixture_find (self, ID)));
  g_assert_true (g_variant_lookup (dict, "state", "&s", &state));
  g_assert_cmpstr (state, ==, "disabled");
  g_clear_pointer (&dict, g_variant_unref);
  assert_failed (self, ID, "torn");
  dict = g_variant_ref_sink (cepa_host_plugin_to_variant (fixture_find (self, ID)));
  g_assert_true (g_variant_lookup (dict, "state", "&s", &state));
  g_assert_true (g_variant_lookup (dict, "reason", "&s", &reason));
  g_assert_true (g_variant_lookup (dict, "profile", "&s", &profile));
  g_assert_true (g_variant_lookup (dict, "abi", "&s", &abi));
  g_assert_cmpstr (state, ==, "failed");
  g_assert_nonnull (strstr (reason, "torn"));
  g_assert_cmpstr (profile, ==, "disabled");
  g_assert_cmpstr (abi, ==, "1.0");
}

#define ADD(name, function) \
  g_test_add ("/life/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_true (cepa_secret_init (NULL));
  g_test_add ("/life/again", Fixture, "well", fixture_set_up, test_again, fixture_tear_down);
  g_test_add ("/life/again-later", Fixture, "later", fixture_set_up, test_again, fixture_tear_down);
  g_test_add ("/life/again-bare", Fixture, "bare", fixture_set_up, test_again, fixture_tear_down);
  ADD ("start-never", test_start_never);
  ADD ("stop-while-starting", test_stop_while_starting);
  ADD ("start-fails", test_start_fails);
  ADD ("start-twice", test_start_twice);
  ADD ("stop-never", test_stop_never);
  ADD ("thread", test_thread);
  ADD ("leaks", test_leaks);
  ADD ("gives-up", test_gives_up);
  ADD ("files", test_files);
  ADD ("options", test_options);
  ADD ("secret-option", test_secret_option);
  ADD ("bad-options", test_bad_options);
  ADD ("requires", test_requires);
  ADD ("requires-missing", test_requires_missing);
  ADD ("requires-failing", test_requires_failing);
  ADD ("wants", test_wants);
  ADD ("circle", test_circle);
  ADD ("required-gives-up", test_required_gives_up);
  ADD ("required-profile", test_required_profile);
  ADD ("optional-profile", test_optional_profile);
  ADD ("ready", test_ready);
  ADD ("last-policy", test_last_policy);
  ADD ("variant", test_variant);
  return g_test_run ();
}
