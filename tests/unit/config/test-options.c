/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of options, and the man page that is made from one of them. */
#include <glib.h>
#include <string.h>

#include "config/known.h"
#include "config/options.h"

static void
test_options_table (void)
{
  guint n;
  const CepaOption *options = cepa_options (&n);

  for (guint i = 0; i < n; i++)
    {
      g_assert_true (cepa_option_find (options[i].name) == &options[i]);
      g_assert_cmpint (options[i].description[strlen (options[i].description) - 1], ==, '.');
      g_assert_nonnull (cepa_option_argument (&options[i]));
      if (i > 0)
        g_assert_cmpint (g_ascii_strcasecmp (options[i - 1].name, options[i].name), <, 0);
    }
  g_assert_true (cepa_option_find ("dirserver") == cepa_option_find ("DirAuthority"));
  g_assert_null (cepa_option_find ("Banana"));
}

/* C Tor 0.4.9.11 has 372 names; each is in one table. */
static void
test_options_known (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  static const char *const ours[] = { "ASFile", "PathPolicy", "Plugin", "PluginDirectory", "PluginOption" };
  const char *name, *found = NULL;
  guint n_known = 0, n_options;

  cepa_options (&n_options);
  for (; (name = cepa_known_name (n_known)) != NULL; n_known++)
    {
      g_autofree char *lower = g_ascii_strdown (name, -1);
      CepaKnownKind kind = cepa_known_find (lower, &found);

      g_assert_true (kind == CEPA_KNOWN_RELAY || kind == CEPA_KNOWN_LATER);
      g_assert_cmpstr (found, ==, name);
      g_assert_null (cepa_option_find (name));
      g_assert_true (g_hash_table_add (names, (gpointer) name));
    }
  g_assert_cmpuint (n_known + n_options - G_N_ELEMENTS (ours), ==, 372);
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    g_assert_nonnull (cepa_option_find (ours[i]));
  g_assert_cmpint (cepa_known_find ("SocksPort", &found), ==, CEPA_KNOWN_NOT);
  g_assert_cmpint (cepa_known_find ("warnunsafesocks", &found), ==, CEPA_KNOWN_OBSOLETE);
  g_assert_cmpstr (found, ==, "WarnUnsafeSocks");
  g_assert_cmpstr (cepa_known_resolve_alias ("virtualaddrnetwork"), ==, "VirtualAddrNetworkIPv4");
  g_assert_cmpstr (cepa_known_resolve_alias ("SocksPort"), ==, "SocksPort");
  g_assert_cmpstr (cepa_known_value ("ORPort"), ==, "0");
  g_assert_cmpstr (cepa_known_value ("Nickname"), ==, NULL);
}

static void
test_options_suggest (void)
{
  static const struct
  {
    const char *key, *suggestion;
  } cases[] = {
    { "SocksPor", "SocksPort" },
    { "SocksPorts", "SocksPort" },
    { "socksprot", "SocksPort" },
    { "SoksPrt", "SocksPort" },
    { "DataDir", NULL },
    { "DataDirectry", "DataDirectory" },
    { "Bridges", "Bridge" },
    { "Logs", "Log" },
    { "Lo", "Log" },
    { "x", NULL },
    { "", NULL },
    { "AnOptionWithANameThatIsLongerThanAnyOptionOfAnyTorClientEverWasOr", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *suggestion = cepa_option_suggest (cases[i].key);

      g_assert_cmpstr (suggestion, ==, cases[i].suggestion);
    }
}

/* docs/cepad.1 has what the table says, between two comments; when it has not, the right text is printed. */
static void
test_options_man (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "docs", "cepad.1", NULL);
  g_autofree char *options = cepa_options_to_man ();
  g_autofree char *wanted = g_strconcat (".\\\" options\n", options, ".\\\" end of options\n", NULL);
  g_autofree char *page = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &page, NULL, &error);
  g_assert_no_error (error);
  if (strstr (page, wanted) == NULL)
    {
      g_test_message ("%s", options);
      g_test_fail_printf ("%s has not the text above between its option comments", path);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/table", test_options_table);
  g_test_add_func ("/options/known", test_options_known);
  g_test_add_func ("/options/suggest", test_options_suggest);
  g_test_add_func ("/options/man", test_options_man);
  return g_test_run ();
}
