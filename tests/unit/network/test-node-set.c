/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/node-set.h"

#include <string.h>

#include "base/error.h"

#define FP "0102030405060708090A0B0C0D0E0F1011121314"

/* $FP, Alice, 192.0.2.7:9001, [2001:db8::7]:9050, in de. */
static CepaRelay
make_relay (void)
{
  CepaRelay relay = { .ipv4 = 0xc0000207, .or_port = 9001, .ipv6_port = 9050, .nickname = "Alice", .country = "de" };

  for (guint i = 0; i < sizeof relay.rsa_id; i++)
    relay.rsa_id[i] = (guint8) (i + 1);
  memcpy (relay.ipv6, (const guint8[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 7 }, sizeof relay.ipv6);
  return relay;
}

/* (transfer full) */
static CepaNodeSet *
parse (const char *line)
{
  CepaNodeSet *set = cepa_node_set_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_node_set_add_line (set, line, &error));
  g_assert_no_error (error);
  return set;
}

static void
test_contains (void)
{
  static const struct
  {
    const char *line;
    gboolean contains;
  } cases[] = {
    { "", FALSE },
    { "$" FP, TRUE },
    { FP, TRUE },
    { "0102030405060708090a0b0c0d0e0f1011121314", TRUE },
    { "$" FP "=Bob", TRUE },
    { FP "~Alice", TRUE },
    { "$1102030405060708090A0B0C0D0E0F1011121314", FALSE },
    { "aLICE", TRUE },
    { "Alic", FALSE },
    { "Alicee", FALSE },
    { " Bob , Alice ", TRUE },
    { "{DE}", TRUE },
    { "{fr},{de}", TRUE },
    { "{fr}", FALSE },
    { "{??}", FALSE },
    { "192.0.2.0/24", TRUE },
    { "192.0.2.0/24:9001", TRUE },
    { "192.0.2.0/24:9002", FALSE },
    { "192.0.3.0/24", FALSE },
    { "[2001:db8::]/32", TRUE },
    { "[2001:db8::]/32:9001", FALSE },
    { "*:9050", TRUE },
    { "*", TRUE },
    { "*6:1-9000", FALSE },
    { "accept 192.0.2.7, 192.0.2.0/24", FALSE },
    { "192.0.2.0/24, accept 192.0.2.7", TRUE },
    { "reject 192.0.2.0/24", TRUE },
  };
  CepaRelay relay = make_relay ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaNodeSet) set = parse (cases[i].line);

      g_test_message ("%s", cases[i].line);
      g_assert_cmpint (cepa_node_set_contains_relay (set, &relay, TRUE), ==, cases[i].contains);
    }
}

static void
test_countries (void)
{
  g_autoptr (CepaNodeSet) unknown = parse ("{??}");
  g_autoptr (CepaNodeSet) german = parse ("{de}");
  CepaRelay relay = make_relay ();
  g_auto (GStrv) countries = NULL;

  g_assert_false (cepa_node_set_contains_relay (german, &relay, FALSE));
  memset (relay.country, 0, sizeof relay.country);
  g_assert_true (cepa_node_set_contains_relay (unknown, &relay, TRUE));
  /* Without a file nobody's country is known, which is not what is meant. */
  g_assert_false (cepa_node_set_contains_relay (unknown, &relay, FALSE));
  g_assert_false (cepa_node_set_contains_relay (german, &relay, TRUE));

  g_assert_true (cepa_node_set_needs_countries (german));
  cepa_node_set_add_unknown_countries (german);
  cepa_node_set_add_unknown_countries (german);
  g_assert_cmpuint (cepa_node_set_get_n_entries (german), ==, 3);
  g_assert_true (cepa_node_set_contains_relay (german, &relay, TRUE));
  g_strlcpy (relay.country, "a1", sizeof relay.country);
  g_assert_true (cepa_node_set_contains_relay (german, &relay, TRUE));
  countries = cepa_node_set_dup_countries (german);
  g_assert_cmpuint (g_strv_length (countries), ==, 3);
  g_assert_true (g_strv_contains ((const char *const *) countries, "de"));
}

static void
test_lines_merge (void)
{
  g_autoptr (CepaNodeSet) set = parse ("Alice");
  g_autoptr (GError) error = NULL;
  CepaRelay relay = make_relay ();

  g_assert_true (cepa_node_set_is_list (set));
  g_assert_true (cepa_node_set_add_line (set, "Bob,$" FP, &error));
  g_assert_cmpuint (cepa_node_set_get_n_entries (set), ==, 3);
  g_strlcpy (relay.nickname, "Bob", sizeof relay.nickname);
  relay.rsa_id[0] = 0;
  g_assert_true (cepa_node_set_contains_relay (set, &relay, FALSE));
  /* A line with a fault changes nothing. */
  g_assert_false (cepa_node_set_add_line (set, "Carol,10.0.0.0/8,ban-ana", &error));
  g_assert_cmpuint (cepa_node_set_get_n_entries (set), ==, 3);
  g_assert_true (cepa_node_set_is_list (set));
  g_assert_true (cepa_node_set_add_line (set, "10.0.0.0/8", NULL));
  g_assert_false (cepa_node_set_is_list (set));
}

static void
test_nobody (void)
{
  g_autoptr (CepaNodeSet) set = parse ("0.0.0.0/0,[::]/0,Alice");
  CepaRelay relay = { .or_port = 0 };

  g_assert_false (cepa_node_set_contains_relay (set, &relay, TRUE));
}

static void
test_faults (void)
{
  static const struct
  {
    const char *line, *message;
  } cases[] = {
    { "ban-ana", "\"ban-ana\": is not a fingerprint" },
    { "Alice,nicknameoftwentyletters", "\"nicknameoftwentyletters\"" },
    { "$0102", "is not a fingerprint" },
    { "$" FP "=", "is not a fingerprint" },
    { "$" FP "-Alice", "is not a fingerprint" },
    { "$" FP "0", "is not a fingerprint" },
    { "{deu}", "is not a fingerprint" },
    { "{d}", "is not a fingerprint" },
    { "{?d}", "is not a fingerprint" },
    { "de}", "is not a fingerprint" },
    { "1.2.3", "the address is not" },
    { "1.2.3.4/40", "bits of the network" },
    { "2001:db8::1", "a port is" },
    { "Alice Bob", "is not a fingerprint" },
    { "\n", "is not a fingerprint" },
    { "Alice,\r,Bob", "is not a fingerprint" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaNodeSet) set = cepa_node_set_new ();
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_node_set_add_line (set, cases[i].line, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_test_message ("%s: %s", cases[i].line, error->message);
      g_assert_nonnull (strstr (error->message, cases[i].message));
      g_assert_cmpuint (cepa_node_set_get_n_entries (set), ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/node-set/contains", test_contains);
  g_test_add_func ("/network/node-set/countries", test_countries);
  g_test_add_func ("/network/node-set/lines-merge", test_lines_merge);
  g_test_add_func ("/network/node-set/nobody", test_nobody);
  g_test_add_func ("/network/node-set/faults", test_faults);
  return g_test_run ();
}
