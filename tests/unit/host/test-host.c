/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin host with good and bad plugins (tests/plugins), each in a private directory. */
#include "host/host.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/secret.h"
#include "path/check.h"
#include "support/test-consensus.h"

#define KEYFILE \
  "[Plugin]\nId=path.variant\nName=A plugin for tests\nModule=variant.so\nAbiMajor=1\nAbiMinor=0\n"

typedef struct
{
  char *root; /* where the host looks */
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaPluginHost *host;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->root = g_dir_make_tmp ("cepa-test-host-XXXXXX", &error);
  g_assert_no_error (error);
  cepa_clock_fake_init (&self->clock, 5, 5);
  cepa_random_seeded_init (&self->random, 1);
  self->host = cepa_plugin_host_new (&self->clock.clock, &self->random.random);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_plugin_host_free (self->host);
  remove_tree (self->root);
  g_free (self->root);
}

static void
write_file (const Fixture *self, const char *name, const char *text, gssize len)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_file_set_contents (path, text, len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
}

/* Puts the module @variant and a keyfile, KEYFILE when it is NULL, into the folder @folder of the root. */
static void
install (const Fixture *self, const char *folder, const char *variant, const char *keyfile)
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
  write_file (self, module, bytes, (gssize) len);
  write_file (self, key, keyfile != NULL ? keyfile : KEYFILE, -1);
}

/* Asserts that the plugin is refused, with a sentence that has @part. */
static void
assert_refused (const Fixture *self, const char *id, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_plugin_host_get_path_policy (self->host, id, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

static CepaPathPolicy *
get_policy (const Fixture *self)
{
  g_autoptr (GError) error = NULL;
  CepaPathPolicy *policy = cepa_plugin_host_get_path_policy (self->host, "variant", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (policy->id, ==, "path.variant");
  return policy;
}

static void
test_good (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaPathRequest request = { .size = sizeof request, .n_hops = 3 };
  const CepaNetworkView view = { .size = sizeof view };
  g_autoptr (GError) error = NULL;
  CepaRandomSeeded random;
  CepaPathPolicy *policy;
  CepaPath path = { 0 };
  guint8 byte;

  cepa_random_seeded_init (&random, 1);
  cepa_random_fill (&random.random, &byte, 1);
  install (self, "a/b/c", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  policy = get_policy (self);
  g_assert_true (cepa_plugin_host_get_path_policy (self->host, "path.variant", &error) == policy);
  policy->network_changed (policy, &view);
  policy->network_changed (policy, &view);
  g_assert_true (policy->choose (policy, &view, &request, &path, &error));
  g_assert_cmpuint (path.size, ==, sizeof path);
  g_assert_cmpuint (path.n_hops, ==, 3);
  g_assert_cmpuint (path.hops[0], ==, 2);
  g_assert_cmpuint (path.hops[1], ==, byte);
  g_assert_cmpuint (path.hops[2], ==, 1);
}

/* A table that ends before network_changed: what is behind its size is not there. */
static void
test_old_table (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  install (self, ".", "old-table", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  g_assert_null (get_policy (self)->network_changed);
}

static void
test_nothing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *missing = g_build_filename (self->root, "missing", NULL);

  assert_refused (self, "weighted", "there is no usable plugin \"path.weighted\"; there are none at all");
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  assert_refused (self, "weighted", self->root);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, missing), ==, 0);
  assert_refused (self, "weighted", "No such file");
}

static void
test_depth (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *loop = g_build_filename (self->root, "loop", NULL);

  g_assert_cmpint (symlink (self->root, loop), ==, 0);
  install (self, "a/b/c/d", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  assert_refused (self, "path.variant", "none at all");
}

static void
test_keyfiles (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *text, *part;
  } cases[] = {
    { "", "no Id" },
    { "hello", "cannot be read" },
    { "[Other]\nId=path.x\n", "no Id" },
    { "[Plugin]\nId=x\n", "not a kind, a dot and a name" },
    { "[Plugin]\nId=path.\n", "not a kind, a dot and a name" },
    { "[Plugin]\nId=path.X\n", "other characters" },
    { "[Plugin]\nId=path.x.y\n", "other characters" },
    { "[Plugin]\nId=cooking.x\n", "kind \"cooking\"" },
    { "[Plugin]\nId=path.x\n", "no Name" },
    { "[Plugin]\nId=path.x\nName=X\n", "no Module" },
    { "[Plugin]\nId=path.x\nName=X\nModule=../x.so\n", "not the name" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.la\n", "not the name" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\n", "no number AbiMajor" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=one\n", "no number AbiMajor" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\n", "no number AbiMinor" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=2\nAbiMinor=5\n", "version 2.5" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\nAbiMinor=1\n", "this daemon has 1.0" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\nAbiMinor=-1\n", "version 1.-1" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CepaPluginHost *host = self->host;

      write_file (self, "x.plugin", cases[i].text, -1);
      g_assert_cmpuint (cepa_plugin_host_scan (host, self->root), ==, 0);
      assert_refused (self, "path.x", cases[i].part);
      assert_refused (self, "path.x", "x.plugin: ");
      cepa_plugin_host_free (host);
      self->host = cepa_plugin_host_new (&self->clock.clock, &self->random.random);
    }
}

static void
test_huge_keyfile (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = g_strnfill (100000, '#');

  write_file (self, "x.plugin", text, -1);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  assert_refused (self, "path.x", "not a file of at most 65536 bytes");
}

static void
test_same_id (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  install (self, "a", "good", NULL);
  install (self, "b", "no-symbol", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  assert_refused (self, "path.other", "there are: path.variant");
  assert_refused (self, "path.other", "b/variant.plugin: its Id \"path.variant\" is taken by");
  get_policy (self);
}

/* Modules whose tables do not fit: the variant and what is said of it. */
static void
test_tables (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *variant, *part;
  } cases[] = {
    { "no-symbol", "does not export the symbol cepa_plugin_v1" },
    { "abi-major", "version 7.0 of the interface and this daemon has 1.0" },
    { "abi-minor", "version 1.99 of the interface and this daemon has 1.0" },
    { "small", "size of its table cepa_plugin_v1 is 4" },
    { "other-id", "the id \"path.other\" and its keyfile \"path.variant\"" },
    { "create-fails", "create failed: no table of latencies" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CepaPluginHost *host = self->host;

      install (self, cases[i].variant, cases[i].variant, NULL);
      self->host = cepa_plugin_host_new (&self->clock.clock, &self->random.random);
      {
        g_autofree char *folder = g_build_filename (self->root, cases[i].variant, NULL);

        g_assert_cmpuint (cepa_plugin_host_scan (self->host, folder), ==, 1);
      }
      assert_refused (self, "variant", cases[i].part);
      assert_refused (self, "variant", "the plugin \"path.variant\" (");
      cepa_plugin_host_free (host);
    }
}

static void
test_not_a_module (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  write_file (self, "variant.plugin", KEYFILE, -1);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  assert_refused (self, "variant", "cannot be found");
  write_file (self, "variant.so", "#!/bin/sh\nexit 0\n", -1);
  assert_refused (self, "variant", "cannot be loaded");
}

/* What others could change is not loaded; where only we could, it is. */
static void
test_modes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *name;
    int bad, good;
    const char *part;
  } cases[] = {
    { "open/a/variant.so", 0664, 0644, "variant.so can be written by its group: run chmod go-w" },
    { "open/a/variant.so", 0646, 0644, "variant.so can be written by everyone" },
    { "open/a/variant.plugin", 0664, 0644, "variant.plugin can be written by its group" },
    { "open/a", 0775, 0755, "open/a can be written by its group" },
    { "open", 0757, 0755, "open can be written by everyone" },
  };
  g_autofree char *sticky = g_build_filename (self->root, "open", NULL);

  install (self, "open/a", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_build_filename (self->root, cases[i].name, NULL);

      g_assert_cmpint (g_chmod (path, cases[i].bad), ==, 0);
      assert_refused (self, "variant", cases[i].part);
      g_assert_cmpint (g_chmod (path, cases[i].good), ==, 0);
    }
  g_assert_cmpint (g_chmod (sticky, 01777), ==, 0);
  get_policy (self);
}

/* Only root can make files of another user. */
static void
test_owner (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *module = g_build_filename (self->root, "a", "variant.so", NULL);
  g_autofree char *folder = g_build_filename (self->root, "a", NULL);

  install (self, "a", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (module, 4242, 0), ==, 0);
      assert_refused (self, "variant", "a/variant.so belongs to user 4242");
      g_assert_cmpint (chown (module, 0, 0), ==, 0);
      g_assert_cmpint (chown (folder, 4242, 0), ==, 0);
      assert_refused (self, "variant", "/a belongs to user 4242");
      g_assert_cmpint (chown (folder, 0, 0), ==, 0);
    }
  get_policy (self);
}

/* A link's target counts, not the link. */
static void
test_symlink (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *target = g_build_filename (self->root, "elsewhere", "variant.so", NULL);
  g_autofree char *link = g_build_filename (self->root, "a", "variant.so", NULL);

  install (self, "elsewhere", "good", "[Plugin]\nId=path.unused\n");
  write_file (self, "a/variant.plugin", KEYFILE, -1);
  g_assert_cmpint (symlink (target, link), ==, 0);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  g_assert_cmpint (g_chmod (target, 0666), ==, 0);
  assert_refused (self, "variant", "elsewhere/variant.so can be written by everyone");
  g_assert_cmpint (g_chmod (target, 0644), ==, 0);
  get_policy (self);
}

/* Plugins that misbehave when asked: the variant, the kind of error and what it says. */
static void
test_conduct (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *variant;
    int code;
    const char *message;
  } cases[] = {
    { "no-path", CEPA_ERROR_NO_PATH, "path.variant: nobody is\\x0ahome" },
    { "fails", CEPA_ERROR_PLUGIN, "path.variant: choose_path failed: the table is torn" },
    { "silent", CEPA_ERROR_PLUGIN, "path.variant: choose_path failed and set no error" },
    { "both", CEPA_ERROR_PLUGIN, "path.variant: choose_path returned TRUE and set an error" },
    { "too-many", CEPA_ERROR_PLUGIN, "path.variant: choose_path gave 9 hops, and 8 are the most" },
  };
  const CepaPathRequest request = { .size = sizeof request, .n_hops = 3 };
  const CepaNetworkView view = { .size = sizeof view };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = g_build_filename (self->root, cases[i].variant, NULL);
      g_autoptr (GError) error = NULL;
      CepaPath path = { .n_hops = 77 };
      CepaPathPolicy *policy;

      cepa_plugin_host_free (self->host);
      self->host = cepa_plugin_host_new (&self->clock.clock, &self->random.random);
      install (self, cases[i].variant, cases[i].variant, NULL);
      cepa_plugin_host_scan (self->host, folder);
      policy = get_policy (self);
      g_assert_false (policy->choose (policy, &view, &request, &path, &error));
      g_assert_error (error, CEPA_ERROR, cases[i].code);
      g_assert_cmpstr (error->message, ==, cases[i].message);
      g_assert_cmpuint (path.n_hops, ==, 77);
    }
}

/* The same relay three times comes through the host, and not through the check. */
static void
test_checked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const TestRelay relays[] = { { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD } };
  const TestConsensus spec = { relays, 1 };
  const CepaPathRequest request = { .size = sizeof request, .n_hops = 3, .purpose = CEPA_PURPOSE_INTERNAL };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  g_autoptr (GError) error = NULL;
  CepaPathPolicy *policy;
  CepaPath path;

  install (self, ".", "twice", NULL);
  cepa_plugin_host_scan (self->host, self->root);
  policy = get_policy (self);
  g_assert_true (policy->choose (policy, cepa_network_get_view (network), &request, &path, &error));
  g_assert_false (cepa_path_check (network, &request, &path, TRUE, NULL, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (error->message, "no relay is twice in a path"));
}

/* The plugin as it is built draws paths over a network as the daemon has it, and they pass the check. */
static void
test_weighted (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const TestRelay relays[] = {
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 10 },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 20 },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .bandwidth = 30, .microdesc = "p accept 443\n" },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .bandwidth = 40, .microdesc = "p accept 80\n" },
    { .flags = TEST_RELAY_FLAGS, .bandwidth = 50 },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) };
  CepaPathRequest request = { .size = sizeof request, .n_hops = 3, .port = 443 };
  g_autofree char *plugins = g_test_build_filename (G_TEST_BUILT, "..", "plugins", NULL);
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  g_autoptr (GError) error = NULL;
  CepaPathPolicy *policy;
  CepaPath path;

  g_assert_cmpuint (cepa_plugin_host_scan (self->host, plugins), >=, 1);
  policy = cepa_plugin_host_get_path_policy (self->host, "weighted", &error);
  g_assert_no_error (error);
  policy->network_changed (policy, cepa_network_get_view (network));
  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (policy->choose (policy, cepa_network_get_view (network), &request, &path, &error));
      cepa_path_check (network, &request, &path, TRUE, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (path.hops[2], ==, 2);
    }
  request.port = 25;
  g_assert_false (policy->choose (policy, cepa_network_get_view (network), &request, &path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  g_assert_nonnull (strstr (error->message, "path.weighted: none of the 5 relays fits as exit to port 25"));
}

#define ADD(name, function) \
  g_test_add ("/host/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("good", test_good);
  ADD ("old-table", test_old_table);
  ADD ("nothing", test_nothing);
  ADD ("depth", test_depth);
  ADD ("keyfiles", test_keyfiles);
  ADD ("huge-keyfile", test_huge_keyfile);
  ADD ("same-id", test_same_id);
  ADD ("tables", test_tables);
  ADD ("not-a-module", test_not_a_module);
  ADD ("modes", test_modes);
  ADD ("owner", test_owner);
  ADD ("symlink", test_symlink);
  ADD ("conduct", test_conduct);
  ADD ("checked", test_checked);
  ADD ("weighted", test_weighted);
  return g_test_run ();
}
