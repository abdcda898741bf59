/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/reachability.h"

#define V4 0xc0000207u

static const guint8 v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

static void
test_families (void)
{
  static const struct
  {
    gboolean use_ipv4, use_ipv6, prefer_ipv6;
    CepaReach both, only_ipv4, only_ipv6;
  } cases[] = {
    { TRUE, TRUE, FALSE, CEPA_REACH_IPV4, CEPA_REACH_IPV4, CEPA_REACH_IPV6 },
    { TRUE, TRUE, TRUE, CEPA_REACH_IPV6, CEPA_REACH_IPV4, CEPA_REACH_IPV6 },
    { TRUE, FALSE, FALSE, CEPA_REACH_IPV4, CEPA_REACH_IPV4, CEPA_REACH_NONE },
    { FALSE, TRUE, FALSE, CEPA_REACH_IPV6, CEPA_REACH_NONE, CEPA_REACH_IPV6 },
    { FALSE, FALSE, FALSE, CEPA_REACH_NONE, CEPA_REACH_NONE, CEPA_REACH_NONE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CepaReachability self = { NULL, cases[i].use_ipv4, cases[i].use_ipv6, cases[i].prefer_ipv6 };

      g_assert_cmpint (cepa_reachability_choose (&self, V4, 9001, v6, 9001), ==, cases[i].both);
      g_assert_cmpint (cepa_reachability_choose (&self, V4, 9001, v6, 0), ==, cases[i].only_ipv4);
      g_assert_cmpint (cepa_reachability_choose (&self, 0, 0, v6, 9001), ==, cases[i].only_ipv6);
      g_assert_cmpint (cepa_reachability_choose (&self, 0, 0, v6, 0), ==, CEPA_REACH_NONE);
    }
}

static void
test_policy (void)
{
  static const struct
  {
    const char *rules;
    gboolean prefer_ipv6;
    CepaReach reach;
  } cases[] = {
    { "*:9001", FALSE, CEPA_REACH_IPV4 },
    { "*:9001", TRUE, CEPA_REACH_IPV6 },
    { "*:443", FALSE, CEPA_REACH_NONE },
    { "*6:9001", FALSE, CEPA_REACH_IPV6 },
    { "192.0.2.0/24", TRUE, CEPA_REACH_IPV4 },
    { "reject 192.0.2.7, accept *:*", FALSE, CEPA_REACH_IPV6 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
      CepaReachability self = { policy, TRUE, TRUE, cases[i].prefer_ipv6 };

      g_assert_true (cepa_address_policy_add_list (policy, cases[i].rules, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
      cepa_address_policy_end_with_reject (policy);
      g_test_message ("%s", cases[i].rules);
      g_assert_cmpint (cepa_reachability_choose (&self, V4, 9001, v6, 9001), ==, cases[i].reach);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/reachability/families", test_families);
  g_test_add_func ("/network/reachability/policy", test_policy);
  return g_test_run ();
}
