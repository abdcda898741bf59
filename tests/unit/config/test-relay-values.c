/* SPDX-License-Identifier: BSD-3-Clause */
/* What the options of relays come to. */
#include "config/relay-values.h"

#include <string.h>

#include "config/config-private.h"
#include "config/torrc.h"

static const guint8 v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

/* @lines: "Name value", one a line. @warnings: (nullable) (out) (transfer full): of all, joined by "|". */
static CepaConfig *
load (const char *lines, char **warnings)
{
  g_autoptr (GPtrArray) layer = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *const layers[] = { layer };
  g_auto (GStrv) split = g_strsplit (lines, "\n", -1);
  g_autoptr (GError) error = NULL;
  CepaConfig *config;

  for (guint i = 0; split[i] != NULL && split[i][0] != '\0'; i++)
    {
      char *space = strchr (split[i], ' ');

      g_assert_nonnull (space);
      *space = '\0';
      g_ptr_array_add (layer, cepa_torrc_line_new ("torrc:1", CEPA_TORRC_SET, split[i], space + 1));
    }
  config = cepa_config_new_from_layers (layers, 1, texts, &error);
  g_assert_no_error (error);
  g_ptr_array_add (texts, NULL);
  if (warnings != NULL)
    *warnings = g_strjoinv ("|", (GStrv) texts->pdata);
  return config;
}

static void
test_vanguards (void)
{
  g_autoptr (CepaConfig) usual = load ("", NULL);
  g_autoptr (CepaConfig) config = load ("VanguardsLiteEnabled 0\nHSLayer2Nodes second,2nd\n_HSLayer3Nodes third\n"
                                        "HSLayer2Nodes deux", NULL);
  const CepaRelay deux = { .nickname = "deux" };
  CepaVanguardsConfig vanguards;

  cepa_relay_values_get_vanguards (&usual->relays, &vanguards);
  g_assert_cmpint (vanguards.lite, ==, -1);
  g_assert_null (vanguards.layer2);
  g_assert_null (vanguards.layer3);
  cepa_relay_values_get_vanguards (&config->relays, &vanguards);
  g_assert_cmpint (vanguards.lite, ==, 0);
  g_assert_cmpuint (cepa_node_set_get_n_entries (vanguards.layer2), ==, 3);
  g_assert_cmpuint (cepa_node_set_get_n_entries (vanguards.layer3), ==, 1);
  g_assert_true (cepa_node_set_contains_relay (vanguards.layer2, &deux, FALSE));
}

static void
test_defaults (void)
{
  g_autofree char *warnings = NULL;
  g_autoptr (CepaConfig) config = load ("", &warnings);
  CepaRestrictionsConfig restrictions;

  g_assert_cmpstr (warnings, ==, "");
  g_assert_cmpstr (config->relays.geoip_file, ==, "/usr/share/tor/geoip");
  g_assert_cmpstr (config->relays.geoip6_file, ==, "/usr/share/tor/geoip6");
  g_assert_null (config->relays.as_file);
  cepa_relay_values_get_restrictions (&config->relays, &restrictions);
  g_assert_null (restrictions.exclude);
  g_assert_null (restrictions.exit);
  g_assert_cmpint (restrictions.exclude_unknown, ==, -1);
  g_assert_false (restrictions.is_strict);
  g_assert_null (restrictions.reachability.policy);
  g_assert_true (restrictions.reachability.use_ipv4 && restrictions.reachability.use_ipv6);
  g_assert_false (restrictions.reachability.prefer_ipv6);
}

static void
test_sets (void)
{
  g_autoptr (CepaConfig) config = load ("ExcludeNodes Alice,Bob\n"
                                        "ExcludeNodes {de}\n"
                                        "ExcludeExitNodes Carol\n"
                                        "EntryNodes Dora\n"
                                        "MiddleNodes Eve,Fay\n"
                                        "ExitNodes 10.0.0.0/8\n"
                                        "NodeFamily Alice,Bob\n"
                                        "NodeFamily Carol,10.0.0.0/8\n"
                                        "StrictNodes 1\n"
                                        "GeoIPExcludeUnknown 0\n", NULL);
  CepaRestrictionsConfig restrictions;

  cepa_relay_values_get_restrictions (&config->relays, &restrictions);
  g_assert_cmpuint (cepa_node_set_get_n_entries (restrictions.exclude), ==, 3);
  g_assert_cmpuint (cepa_node_set_get_n_entries (restrictions.exclude_exit), ==, 1);
  g_assert_cmpuint (cepa_node_set_get_n_entries (restrictions.entry), ==, 1);
  g_assert_cmpuint (cepa_node_set_get_n_entries (restrictions.middle), ==, 2);
  g_assert_false (cepa_node_set_is_list (restrictions.exit));
  g_assert_true (restrictions.is_strict);
  g_assert_cmpint (restrictions.exclude_unknown, ==, 0);
  g_assert_cmpuint (config->relays.node_families->len, ==, 2);
}

static void
test_reachability (void)
{
  static const struct
  {
    const char *lines;
    guint16 port;
    CepaReach reach; /* of a relay that has both addresses at @port */
  } cases[] = {
    { "ReachableAddresses *:80", 80, CEPA_REACH_IPV4 },
    { "ReachableAddresses *:80", 81, CEPA_REACH_NONE },
    { "ReachableAddresses reject 192.0.2.0/24\nReachableAddresses *:80", 80, CEPA_REACH_IPV6 },
    { "ReachableAddresses *:80\nReachableORAddresses *:81", 80, CEPA_REACH_NONE },
    { "ReachableAddresses *:80\nReachableORAddresses *:81", 81, CEPA_REACH_IPV4 },
    { "ReachableDirAddresses *:80", 9001, CEPA_REACH_IPV4 },
    { "FascistFirewall 1", 443, CEPA_REACH_IPV4 },
    { "FascistFirewall 1", 80, CEPA_REACH_NONE },
    { "FascistFirewall 1\nFirewallPorts 80, 9001", 9001, CEPA_REACH_IPV4 },
    { "FascistFirewall 1\nFirewallPorts 80, 9001", 443, CEPA_REACH_NONE },
    { "FirewallPorts 80", 443, CEPA_REACH_IPV4 },
    { "FascistFirewall 1\nReachableAddresses *:9001", 9001, CEPA_REACH_IPV4 },
    { "FascistFirewall 1\nReachableAddresses *:9001", 443, CEPA_REACH_NONE },
    { "ClientUseIPv4 0", 1, CEPA_REACH_IPV6 },
    { "ClientUseIPv4 0\nClientUseIPv6 0", 1, CEPA_REACH_IPV6 },
    { "ClientPreferIPv6ORPort 1", 1, CEPA_REACH_IPV6 },
    { "ClientPreferIPv6ORPort 1\nClientUseIPv6 0", 1, CEPA_REACH_IPV6 },
    { "ClientPreferIPv6ORPort auto", 1, CEPA_REACH_IPV4 },
    { "ClientUseIPv6 0\nReachableAddresses *6:*", 1, CEPA_REACH_NONE },
    { "ClientUseIPv6 0\nReachableAddresses *6:*\nClientPreferIPv6DirPort 1", 1, CEPA_REACH_IPV6 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaConfig) config = load (cases[i].lines, NULL);

      g_test_message ("%s", cases[i].lines);
      g_assert_cmpint (cepa_reachability_choose (&config->relays.reachability, 0xc0000207, cases[i].port, v6, cases[i].port),
                       ==, cases[i].reach);
    }
}

static void
test_warnings (void)
{
  static const struct
  {
    const char *lines, *warning;
  } cases[] = {
    { "ReachableAddresses reject *:*", "no relay can be reached at all" },
    { "ClientUseIPv6 0\nReachableORAddresses *6", "no relay can be reached at all" },
    { "ReachableAddresses *6", "reject all IPv4 addresses" },
    { "ReachableAddresses *:80", NULL },
    { "ReachableDirAddresses *:80", "ReachableDirAddresses does nothing" },
    { "StrictNodes 1", NULL },
    { "StrictNodes 1\nExcludeNodes Alice", "StrictNodes with ExcludeNodes" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *warnings = NULL;
      g_autoptr (CepaConfig) config = load (cases[i].lines, &warnings);

      g_test_message ("%s: %s", cases[i].lines, warnings);
      if (cases[i].warning == NULL)
        g_assert_cmpstr (warnings, ==, "");
      else
        g_assert_nonnull (strstr (warnings, cases[i].warning));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/relay-values/defaults", test_defaults);
  g_test_add_func ("/config/relay-values/sets", test_sets);
  g_test_add_func ("/config/relay-values/vanguards", test_vanguards);
  g_test_add_func ("/config/relay-values/reachability", test_reachability);
  g_test_add_func ("/config/relay-values/warnings", test_warnings);
  return g_test_run ();
}
