/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"

#define DEADLINE_US (60 * G_USEC_PER_SEC)

static void
fixture_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

static void
fixture_failed (gpointer user_data, const GError *error)
{
  Fixture *self = user_data;

  if (self->failure == NULL)
    self->failure = g_error_copy (error);
}

static void
fixture_new_host (Fixture *self)
{
  CepaPluginHostFuncs funcs = { fixture_failed, self };

  self->host = cepa_plugin_host_new (self->context, &self->clock.clock, &self->random.random, self->root, &funcs);
}

static void
fixture_free_host (Fixture *self)
{
  cepa_plugin_host_stop (self->host);
  while (!cepa_plugin_host_is_stopped (self->host))
    g_main_context_iteration (self->context, TRUE);
  g_clear_pointer (&self->host, cepa_plugin_host_free);
}

void
fixture_renew (Fixture *self)
{
  fixture_free_host (self);
  fixture_new_host (self);
}

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  self->root = g_dir_make_tmp ("cepa-test-host-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  cepa_clock_fake_init (&self->clock, 5, 5);
  cepa_random_seeded_init (&self->random, 1);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", fixture_too_late, self);
  cepa_loop_set_delay (self->deadline, DEADLINE_US);
  fixture_new_host (self);
}

static void
fixture_remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      fixture_remove_tree (child);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_free_host (self);
  cepa_loop_clear (&self->deadline);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_clear_error (&self->failure);
  fixture_remove_tree (self->root);
  g_free (self->root);
}

void
fixture_write (const Fixture *self, const char *name, const char *text, gssize len)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_file_set_contents (path, text, len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
}

void
fixture_install (const Fixture *self, const char *folder, const char *variant, const char *keyfile)
{
  g_autofree char *file = g_strconcat (variant, ".so", NULL);
  g_autofree char *source = g_test_build_filename (G_TEST_BUILT, "plugins", file, NULL);
  g_autofree char *module = g_build_filename (folder, "variant.so", NULL);
  g_autofree char *key = g_build_filename (folder, "variant.plugin", NULL);
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  gsize len;

  g_file_get_contents (source, &bytes, &len, &error);
  g_assert_no_error (error);
  fixture_write (self, module, bytes, (gssize) len);
  fixture_write (self, key, keyfile != NULL ? keyfile : KEYFILE, -1);
}

void
fixture_install_as (const Fixture *self, const char *variant, const char *id, const char *more)
{
  g_autofree char *keyfile = g_strdup_printf ("[Plugin]\nId=%s\nName=A plugin for tests\nModule=variant.so\n"
                                              "AbiMajor=1\nAbiMinor=0\n%s", id, more);
  g_autofree char *folder = g_build_filename (self->root, id, NULL);

  fixture_install (self, id, variant, keyfile);
  cepa_plugin_host_scan (self->host, folder);
}

typedef struct
{
  gboolean is_over;
  GError *error;
} FixtureWait;

static void
fixture_settled (gpointer user_data, const GError *error)
{
  FixtureWait *wait = user_data;

  wait->is_over = TRUE;
  wait->error = error != NULL ? g_error_copy (error) : NULL;
}

static gboolean
fixture_wait (Fixture *self, FixtureWait *wait, GError **error)
{
  while (!wait->is_over)
    g_main_context_iteration (self->context, TRUE);
  if (wait->error == NULL)
    return TRUE;
  g_propagate_error (error, wait->error);
  return FALSE;
}

CepaHostPlugin *
fixture_start (Fixture *self, const char *id, GError **error)
{
  g_autofree char *full_id = strchr (id, '.') != NULL ? g_strdup (id) : g_strconcat ("path.", id, NULL);
  CepaHostPlugin *plugin = cepa_plugin_host_find (self->host, full_id, error);
  FixtureWait wait = { FALSE, NULL };

  if (plugin == NULL)
    return NULL;
  cepa_plugin_host_start_plugin (self->host, plugin, fixture_settled, &wait);
  return fixture_wait (self, &wait, error) ? plugin : NULL;
}

gboolean
fixture_use (Fixture *self, const char *id, GError **error)
{
  CepaHostPlugin *plugin = fixture_find (self, id);
  FixtureWait wait = { FALSE, NULL };

  cepa_plugin_host_use_policy (self->host, plugin, fixture_settled, &wait);
  return fixture_wait (self, &wait, error);
}

gboolean
fixture_stop (Fixture *self, CepaHostPlugin *plugin, GError **error)
{
  FixtureWait wait = { FALSE, NULL };

  cepa_plugin_host_stop_plugin (self->host, plugin, fixture_settled, &wait);
  return fixture_wait (self, &wait, error);
}

CepaHostPlugin *
fixture_find (const Fixture *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = cepa_plugin_host_find (self->host, id, &error);

  g_assert_no_error (error);
  return plugin;
}

guint
fixture_violations (const CepaHostPlugin *plugin, const char *rule)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (plugin->violations, rule));
}

CepaPathPolicy *
fixture_policy (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = fixture_start (self, "path.variant", &error);
  CepaPathPolicy *policy;

  g_assert_no_error (error);
  policy = plugin->kind;
  g_assert_cmpstr (policy->id, ==, "path.variant");
  return policy;
}

void
fixture_assert_refused (Fixture *self, const char *id, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (fixture_start (self, id, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}
