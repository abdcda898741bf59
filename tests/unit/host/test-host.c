/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin host with good and bad plugins (tests/plugins), each in a private directory. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/secret.h"
#include "host/fixture.h"
#include "path/check.h"
#include "support/test-consensus.h"

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
  fixture_install (self, "a/b/c", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  policy = fixture_policy (self);
  g_assert_true (fixture_policy (self) == policy);
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
  fixture_install (self, ".", "old-table", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  g_assert_null (fixture_policy (self)->network_changed);
}

static void
test_nothing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *missing = g_build_filename (self->root, "missing", NULL);

  fixture_assert_refused (self, "weighted", "there is no usable plugin \"path.weighted\"; there are none at all");
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  fixture_assert_refused (self, "weighted", self->root);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, missing), ==, 0);
  fixture_assert_refused (self, "weighted", "No such file");
}

static void
test_depth (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *loop = g_build_filename (self->root, "loop", NULL);

  g_assert_cmpint (symlink (self->root, loop), ==, 0);
  fixture_install (self, "a/b/c/d", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  fixture_assert_refused (self, "path.variant", "none at all");
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
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\nAbiMinor=99\n", "this daemon has 1." },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\nAbiMinor=-1\n", "version 1.-1" },
    { "[Plugin]\nId=path.x\nName=X\nModule=x.so\nAbiMajor=1\nAbiMinor=0\nProfile=required\n",
      "its Profile \"required\" is neither optional nor disabled" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      fixture_write (self, "x.plugin", cases[i].text, -1);
      g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
      fixture_assert_refused (self, "path.x", cases[i].part);
      fixture_assert_refused (self, "path.x", "x.plugin: ");
      fixture_renew (self);
    }
}

static void
test_huge_keyfile (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = g_strnfill (100000, '#');

  fixture_write (self, "x.plugin", text, -1);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 0);
  fixture_assert_refused (self, "path.x", "not a file of at most 65536 bytes");
}

static void
test_same_id (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_install (self, "a", "good", NULL);
  fixture_install (self, "b", "no-symbol", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  fixture_assert_refused (self, "path.other", "there are: path.variant");
  fixture_assert_refused (self, "path.other", "b/variant.plugin: its Id \"path.variant\" is taken by");
  fixture_policy (self);
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
    { "abi-major", "version 7." G_STRINGIFY (CEPA_ABI_MINOR) " of the interface and this daemon has 1." },
    { "abi-minor", "version 1.99 of the interface and this daemon has 1." },
    { "small", "size of its table cepa_plugin_v1 is 4" },
    { "other-id", "the id \"path.other\" and its keyfile \"path.variant\"" },
    { "create-fails", "create failed: no table of latencies" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      fixture_install (self, cases[i].variant, cases[i].variant, NULL);
      fixture_renew (self);
      {
        g_autofree char *folder = g_build_filename (self->root, cases[i].variant, NULL);

        g_assert_cmpuint (cepa_plugin_host_scan (self->host, folder), ==, 1);
      }
      fixture_assert_refused (self, "variant", cases[i].part);
      fixture_assert_refused (self, "variant", "path.variant is ");
    }
}

static void
test_not_a_module (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_write (self, "variant.plugin", KEYFILE, -1);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  fixture_assert_refused (self, "variant", "cannot be found");
  fixture_write (self, "variant.so", "#!/bin/sh\nexit 0\n", -1);
  fixture_assert_refused (self, "variant", "cannot be loaded");
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

  fixture_install (self, "open/a", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_build_filename (self->root, cases[i].name, NULL);

      g_assert_cmpint (g_chmod (path, cases[i].bad), ==, 0);
      fixture_assert_refused (self, "variant", cases[i].part);
      g_assert_cmpint (g_chmod (path, cases[i].good), ==, 0);
    }
  g_assert_cmpint (g_chmod (sticky, 01777), ==, 0);
  fixture_policy (self);
}

/* Only root can make files of another user. */
static void
test_owner (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *module = g_build_filename (self->root, "a", "variant.so", NULL);
  g_autofree char *folder = g_build_filename (self->root, "a", NULL);

  fixture_install (self, "a", "good", NULL);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (module, 4242, 0), ==, 0);
      fixture_assert_refused (self, "variant", "a/variant.so belongs to user 4242");
      g_assert_cmpint (chown (module, 0, 0), ==, 0);
      g_assert_cmpint (chown (folder, 4242, 0), ==, 0);
      fixture_assert_refused (self, "variant", "/a belongs to user 4242");
      g_assert_cmpint (chown (folder, 0, 0), ==, 0);
    }
  fixture_policy (self);
}

/* A link's target counts, not the link. */
static void
test_symlink (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *target = g_build_filename (self->root, "elsewhere", "variant.so", NULL);
  g_autofree char *link = g_build_filename (self->root, "a", "variant.so", NULL);

  fixture_install (self, "elsewhere", "good", "[Plugin]\nId=path.unused\n");
  fixture_write (self, "a/variant.plugin", KEYFILE, -1);
  g_assert_cmpint (symlink (target, link), ==, 0);
  g_assert_cmpuint (cepa_plugin_host_scan (self->host, self->root), ==, 1);
  g_assert_cmpint (g_chmod (target, 0666), ==, 0);
  fixture_assert_refused (self, "variant", "elsewhere/variant.so can be written by everyone");
  g_assert_cmpint (g_chmod (target, 0644), ==, 0);
  fixture_policy (self);
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

      fixture_renew (self);
      fixture_install (self, cases[i].variant, cases[i].variant, NULL);
      cepa_plugin_host_scan (self->host, folder);
      policy = fixture_policy (self);
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

  fixture_install (self, ".", "twice", NULL);
  cepa_plugin_host_scan (self->host, self->root);
  policy = fixture_policy (self);
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
  CepaHostPlugin *plugin;
  CepaPathPolicy *policy;
  CepaPath path;

  g_assert_cmpuint (cepa_plugin_host_scan (self->host, plugins), >=, 1);
  plugin = fixture_start (self, "weighted", &error);
  g_assert_no_error (error);
  policy = plugin->kind;
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

/* Which policy is asked, as the vocabulary has it; NULL for none. */
static const char *
host_find_used (const Fixture *self)
{
  const char *const ids[] = { "path.weighted", "path.variant", "path.second" };
  const char *used = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autoptr (GVariant) dict = g_variant_ref_sink (cepa_host_plugin_to_variant (fixture_find (self, ids[i])));
      gboolean is_used = FALSE;

      g_assert_true (g_variant_lookup (dict, "is-used", "b", &is_used));
      g_assert_false (is_used && used != NULL);
      used = is_used ? ids[i] : used;
    }
  return used;
}

/* A policy that cannot be had takes nobody's place. */
static void
test_use (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *plugins = g_test_build_filename (G_TEST_BUILT, "..", "plugins", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (cepa_plugin_host_scan (self->host, plugins), >=, 1);
  fixture_install_as (self, "good", "path.variant", "");
  fixture_install_as (self, "beside-second", "path.second", ""); /* without a file it does not start */
  g_assert_null (host_find_used (self));
  fixture_start (self, "path.weighted", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (host_find_used (self), ==, "path.weighted");
  g_assert_false (fixture_use (self, "path.second", &error));
  g_clear_error (&error);
  g_assert_cmpstr (host_find_used (self), ==, "path.weighted");
  g_assert_true (fixture_use (self, "path.variant", &error));
  g_assert_false (fixture_use (self, "path.second", &error));
  g_clear_error (&error);
  g_assert_cmpstr (host_find_used (self), ==, "path.variant");
  g_assert_true (fixture_stop (self, fixture_find (self, "path.variant"), &error));
  g_assert_cmpstr (host_find_used (self), ==, "path.weighted"); /* asked instead */
  fixture_start (self, "path.variant", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (host_find_used (self), ==, "path.variant");
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
  ADD ("use", test_use);
  return g_test_run ();
}
