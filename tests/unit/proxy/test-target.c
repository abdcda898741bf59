/* SPDX-License-Identifier: BSD-3-Clause */
/* Which targets are refused before they go anywhere. */
#include <string.h>

#include "proxy/target.h"

/* @wanted: (nullable): what @host becomes; NULL when it is refused for a reason that has @reason in it */
static void
check (const char *host, gboolean reject_internal, const char *wanted, const char *reason)
{
  g_autofree char *copy = g_strdup (host);
  const char *refusal = cepa_target_check (copy, reject_internal);

  if (wanted != NULL)
    {
      if (refusal != NULL)
        g_error ("\"%s\" is refused: %s", host, refusal);
      g_assert_cmpstr (copy, ==, wanted);
    }
  else if (refusal == NULL || g_strstr_len (refusal, -1, reason) == NULL)
    g_error ("\"%s\" is refused with \"%s\" where \"%s\" was expected", host, refusal, reason);
}

static void
test_names (void)
{
  check ("example.com", TRUE, "example.com", NULL);
  check ("EXAMPLE.Com", TRUE, "example.com", NULL);
  check ("example.com.", TRUE, "example.com", NULL);
  check ("a_b-c.x--y.1", TRUE, "a_b-c.x--y.1", NULL);
  check ("onion", TRUE, NULL, "onion service");
  check ("onions", TRUE, "onions", NULL);
  check ("local.example", TRUE, "local.example", NULL);
  check ("notlocalhost", TRUE, "notlocalhost", NULL);
  check ("exit.example", TRUE, "exit.example", NULL);
}

static void
test_refused_names (void)
{
  static const char *const odd[] = { "a b", "a/b", "a@b", "a\nb", "a\x7f", "\xc3\xa9.fr", "a%b", "a\"b", "[::1]", "a*" };

  check ("", TRUE, NULL, "empty");
  check (".", TRUE, NULL, "empty");
  check ("..", TRUE, NULL, "empty");
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    check (odd[i], FALSE, NULL, "characters");
  check ("example.com:80", FALSE, NULL, "colon");
  check ("1:2", FALSE, NULL, "colon");
}

/* However it is written, none of these goes to an exit. */
static void
test_special_names (void)
{
  static const char *const onions[] = {
    "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", "a.b.ONION", "x.oNiOn.", "x.onion..",
    "x..onion", ".onion", "onion.",
  };
  static const char *const exits[] = { "example.com.exit", "a.EXIT.", "exit", "x.exit...", ".exit" };

  for (guint i = 0; i < G_N_ELEMENTS (onions); i++)
    check (onions[i], FALSE, NULL, "onion service");
  for (guint i = 0; i < G_N_ELEMENTS (exits); i++)
    check (exits[i], FALSE, NULL, "exit");
}

static void
test_internal (void)
{
  static const char *const internal[] = {
    "0.0.0.0", "0.255.0.1", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
    "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "::", "::1", "fc00::1",
    "fdff::1", "fe80::1", "febf::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::FFFF:7f00:1",
    "localhost", "LOCALHOST.", "a.localhost", "printer.local", "local", "local..",
  };
  static const char *const external[] = {
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "8.8.8.8",
    "2001:db8::1", "fb00::1", "fe00::1", "ff02::1", "::2", "::ffff:8.8.8.8",
  };

  for (guint i = 0; i < G_N_ELEMENTS (internal); i++)
    {
      g_autofree char *lower = g_ascii_strdown (internal[i], -1);

      check (internal[i], TRUE, NULL, "private network");
      g_strchomp (lower);
      while (g_str_has_suffix (lower, "."))
        lower[strlen (lower) - 1] = '\0';
      check (internal[i], FALSE, lower, NULL);
    }
  for (guint i = 0; i < G_N_ELEMENTS (external); i++)
    check (external[i], TRUE, external[i], NULL);
}

static void
test_ipv6 (void)
{
  g_assert_true (cepa_target_is_ipv6 ("2001:db8::1"));
  g_assert_true (cepa_target_is_ipv6 ("::"));
  g_assert_false (cepa_target_is_ipv6 ("1.2.3.4"));
  g_assert_false (cepa_target_is_ipv6 ("example.com"));
  g_assert_false (cepa_target_is_ipv6 ("2001:db8:::1"));
  g_assert_false (cepa_target_is_ipv6 (""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/target/names", test_names);
  g_test_add_func ("/target/refused-names", test_refused_names);
  g_test_add_func ("/target/special-names", test_special_names);
  g_test_add_func ("/target/internal", test_internal);
  g_test_add_func ("/target/ipv6", test_ipv6);
  return g_test_run ();
}
