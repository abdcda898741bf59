/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/address-policy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"

static CepaAddressPolicyAnswer
ask (const CepaAddressPolicy *policy, const char *address, guint16 port)
{
  guint8 bytes[16];

  if (inet_pton (AF_INET, address, bytes) == 1)
    return cepa_address_policy_ask_ipv4 (policy, (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16
                                                     | (guint32) bytes[2] << 8 | bytes[3], port);
  g_assert_cmpint (inet_pton (AF_INET6, address, bytes), ==, 1);
  return cepa_address_policy_ask_ipv6 (policy, bytes, port);
}

static void
test_rules (void)
{
  static const struct
  {
    const char *rules, *address;
    guint16 port;
    CepaAddressPolicyAnswer answer;
  } cases[] = {
    { "192.0.2.0/24", "192.0.2.255", 1, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "192.0.2.0/24", "192.0.3.0", 1, CEPA_ADDRESS_POLICY_SILENT },
    { "192.0.2.128/25", "192.0.2.127", 1, CEPA_ADDRESS_POLICY_SILENT },
    { "192.0.2.128/25", "192.0.2.200", 1, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "192.0.2.0/255.255.255.0:80-90", "192.0.2.7", 85, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "192.0.2.0/24:80-90", "192.0.2.7", 91, CEPA_ADDRESS_POLICY_SILENT },
    { "192.0.2.7", "192.0.2.7", 65535, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "192.0.2.7:*", "192.0.2.8", 1, CEPA_ADDRESS_POLICY_SILENT },
    { "reject 192.0.2.7:80, accept *:*", "192.0.2.7", 80, CEPA_ADDRESS_POLICY_REJECTS },
    { "reject 192.0.2.7:80, accept *:*", "192.0.2.7", 81, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "REJECT  *4:443 ,, *6", "192.0.2.7", 443, CEPA_ADDRESS_POLICY_REJECTS },
    { "reject *4:443, *6", "2001:db8::1", 443, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "reject6 *:443", "192.0.2.7", 443, CEPA_ADDRESS_POLICY_SILENT },
    { "reject6 *:443", "2001:db8::1", 443, CEPA_ADDRESS_POLICY_REJECTS },
    { "[2001:db8::]/33:9001", "2001:db8:7fff::1", 9001, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "[2001:db8::]/33:9001", "2001:db8:8000::1", 9001, CEPA_ADDRESS_POLICY_SILENT },
    { "[2001:db8::1]", "2001:db8::1", 2, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "reject private:*", "172.31.0.1", 1, CEPA_ADDRESS_POLICY_REJECTS },
    { "reject private:*", "172.32.0.1", 1, CEPA_ADDRESS_POLICY_SILENT },
    { "reject private", "fe80::1", 1, CEPA_ADDRESS_POLICY_REJECTS },
    { "reject private:22", "10.1.1.1", 23, CEPA_ADDRESS_POLICY_SILENT },
    { "0.0.0.0/0", "255.255.255.255", 1, CEPA_ADDRESS_POLICY_ACCEPTS },
    { "", "192.0.2.7", 1, CEPA_ADDRESS_POLICY_SILENT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
      g_autoptr (GError) error = NULL;

      g_assert_true (cepa_address_policy_add_list (policy, cases[i].rules, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, &error));
      g_assert_no_error (error);
      g_test_message ("%s: %s:%u", cases[i].rules, cases[i].address, cases[i].port);
      g_assert_cmpint (ask (policy, cases[i].address, cases[i].port), ==, cases[i].answer);
    }
}

static void
test_faults (void)
{
  static const struct
  {
    const char *rule, *message;
  } cases[] = {
    { "192.0.2.0/33", "bits of the network, at most 32" },
    { "192.0.2.0/255.0.255.0", "bits of the network" },
    { "[2001:db8::]/129", "at most 128" },
    { "[2001:db8::]/ff", "bits of the network" },
    { "2001:db8::1", "a port is" },
    { "[2001:db8::1", "] is missing" },
    { "[2001:db8::1]x", "behind ]" },
    { "[192.0.2.1]", "the address is not" },
    { "192.0.2.1:0", "a port is" },
    { "192.0.2.1:65536", "a port is" },
    { "192.0.2.1:90-80", "a port is" },
    { "192.0.2.1:80-", "a port is" },
    { "*/8", "* has no network bits" },
    { "*5:80", "the address is not" },
    { "accept6 192.0.2.1", "take no IPv4" },
    { "reject6 *4", "take no IPv4" },
    { "accept 192.0.2.1 :80", "a blank" },
    { "permit 192.0.2.1", "a blank" },
    { "accept", "the address is not" },
    { "192.0.2", "the address is not" },
    { "192.0.2.1:80-90-100", "a port is" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
      g_autoptr (GError) error = NULL;
      g_autofree char *list = g_strdup_printf ("10.0.0.0/8, %s", cases[i].rule);

      g_assert_false (cepa_address_policy_add_list (policy, list, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
      g_test_message ("%s: %s", cases[i].rule, error->message);
      g_assert_nonnull (strstr (error->message, cases[i].message));
      g_assert_cmpuint (cepa_address_policy_get_n_rules (policy), ==, 0);
    }
}

static void
test_bare (void)
{
  g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (cepa_address_policy_add (policy, "192.0.2.1", 9, CEPA_ADDRESS_POLICY_BARE_IS_FAULT, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  g_assert_true (cepa_address_policy_add (policy, "192.0.2.1", 9, CEPA_ADDRESS_POLICY_BARE_REJECTS, NULL));
  g_assert_cmpint (ask (policy, "192.0.2.1", 1), ==, CEPA_ADDRESS_POLICY_REJECTS);
  g_assert_cmpint (ask (policy, "192.0.2.2", 1), ==, CEPA_ADDRESS_POLICY_SILENT);
  cepa_address_policy_end_with_reject (policy);
  g_assert_cmpint (ask (policy, "192.0.2.2", 1), ==, CEPA_ADDRESS_POLICY_REJECTS);
  g_assert_cmpint (ask (policy, "::1", 1), ==, CEPA_ADDRESS_POLICY_REJECTS);
}

static void
test_rejects_all (void)
{
  static const struct
  {
    const char *rules;
    gboolean ipv4, ipv6;
  } cases[] = {
    { "reject *:*", TRUE, TRUE },
    { "reject *4", TRUE, FALSE },
    { "reject6 *", FALSE, TRUE },
    { "reject *:80", FALSE, FALSE },
    { "accept 192.0.2.1, reject *", FALSE, TRUE },
    { "reject 192.0.2.1, reject *", TRUE, TRUE },
    { "", FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();

      g_assert_true (cepa_address_policy_add_list (policy, cases[i].rules, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
      g_assert_cmpint (cepa_address_policy_rejects_all (policy, FALSE), ==, cases[i].ipv4);
      g_assert_cmpint (cepa_address_policy_rejects_all (policy, TRUE), ==, cases[i].ipv6);
    }
}

static void
test_limits (void)
{
  g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *longer = g_strnfill (200, '1');

  for (guint i = 0; i < CEPA_ADDRESS_POLICY_MAX_RULES; i++)
    g_assert_true (cepa_address_policy_add (policy, "192.0.2.1", 9, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
  g_assert_false (cepa_address_policy_add (policy, "192.0.2.1", 9, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  g_assert_false (cepa_address_policy_add (policy, longer, 200, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
  g_assert_false (cepa_address_policy_add (policy, "10.0.0.1\0:80", 12, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
}

static void
test_sharing (void)
{
  g_autoptr (CepaAddressPolicy) a = cepa_address_policy_new ();
  g_autoptr (CepaAddressPolicy) b = cepa_address_policy_new ();
  g_autoptr (CepaAddressPolicy) held = cepa_address_policy_ref (a);

  g_assert_true (cepa_address_policy_equal (a, b));
  cepa_address_policy_add_list (a, "accept 192.0.2.0/24:80", CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL);
  g_assert_false (cepa_address_policy_equal (a, b));
  cepa_address_policy_add_list (b, "192.0.2.0/24:80-80", CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL);
  g_assert_true (cepa_address_policy_equal (a, b));
  g_assert_cmpuint (cepa_address_policy_hash (a), ==, cepa_address_policy_hash (b));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/address-policy/rules", test_rules);
  g_test_add_func ("/network/address-policy/faults", test_faults);
  g_test_add_func ("/network/address-policy/bare", test_bare);
  g_test_add_func ("/network/address-policy/rejects-all", test_rejects_all);
  g_test_add_func ("/network/address-policy/limits", test_limits);
  g_test_add_func ("/network/address-policy/sharing", test_sharing);
  return g_test_run ();
}
