/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of subprotocols, with C Tor's cases (0.4.9.11, src/test/test_protover.c). */
#include <cepa/relay.h>
#include <string.h>

#include "base/error.h"
#include "netdoc/protocols.h"

static CepaSlice
slice (const char *text)
{
  return (CepaSlice) { text, strlen (text) };
}

static CepaProtocols *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  CepaProtocols *self = cepa_protocols_parse (slice (text), &error);

  g_assert_no_error (error);
  g_assert_nonnull (self);
  return self;
}

static void
check_refused (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaProtocols) self = cepa_protocols_parse (slice (text), &error);

  g_assert_null (self);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  g_assert_cmpuint (cepa_protocols_relay_bits (slice (text)), ==, 0);
}

/* test_protover_parse, test_protover_supports_version */
static void
test_parse (void)
{
  static const guint quux[] = { 9, 10, 11, 12, 14, 15, 16 };
  g_autoptr (CepaProtocols) self = parse ("Foo=1,3 Bar=3 Baz= Quux=9-12,14,15-16"), empty = parse ("");
  g_autoptr (CepaProtocols) link = parse ("Link=3-6"), all = parse ("  Foo=0-63  Bar=1 Bar=3 ");
  guint n = 0;

  for (guint version = 0; version < 70; version++)
    {
      g_assert_cmpint (cepa_protocols_contains (self, "Foo", version), ==, version == 1 || version == 3);
      g_assert_cmpint (cepa_protocols_contains (self, "Bar", version), ==, version == 3);
      g_assert_false (cepa_protocols_contains (self, "Baz", version));
      g_assert_false (cepa_protocols_contains (empty, "Foo", version));
      g_assert_cmpint (cepa_protocols_contains (all, "Foo", version), ==, version <= 63);
      if (cepa_protocols_contains (self, "Quux", version))
        g_assert_cmpuint (quux[n++], ==, version);
    }
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (quux));
  g_assert_true (cepa_protocols_contains (link, "Link", 3) && cepa_protocols_contains (link, "Link", 6));
  g_assert_false (cepa_protocols_contains (link, "Link", 7) || cepa_protocols_contains (link, "LinkAuth", 3));
  g_assert_false (cepa_protocols_contains (link, "link", 3) || cepa_protocols_contains (link, "Lin", 3));
  g_assert_true (cepa_protocols_contains (all, "Bar", 1) && cepa_protocols_contains (all, "Bar", 3));
}

/* test_protover_parse_fail, test_protover_vote and what is like them */
static void
test_refused (void)
{
  static const char *const bad[] = {
    "!!3@*", "Link=4 Haprauxymatyve Desc=9", "Link=4 =3 Desc=9", "Link=fred", "Link=1,fred", "Link=1,fred,3",
    "Link=1,9-8,3", "Faux=10-5", "Faux=-0", "Sleen=1-4294967295", "Sleen=1-64", "Sleen=64", "Sleen=4294967297",
    "Link=1,", "Link=,1", "Link=1,,2", "Link=1-", "Link=1-2-3", "Link=+1", "Link= 1", "Link=1\t", "Desc=1\t,2",
    "Li_nk=1", "Link=1=2", "Relay=2 Link=1;",
  };
  g_autofree char *name = g_strnfill (101, 'a'), *longer = g_strconcat (name, "=1", NULL);
  g_autofree char *blanks = g_strnfill (16 * 1024 + 1, ' ');
  g_autoptr (CepaProtocols) longest = parse (longer + 1);
  g_autoptr (GString) many = g_string_new (NULL);

  g_assert_true (cepa_protocols_contains (longest, name + 1, 1));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    check_refused (bad[i]);
  check_refused (longer);
  check_refused (blanks);
  for (guint i = 0; i < 257; i++)
    g_string_append_printf (many, "N%u=1 ", i);
  check_refused (many->str);
}

static void
check_missing (const char *wanted_text, const char *have_text, const char *missing)
{
  g_autoptr (CepaProtocols) wanted = parse (wanted_text), have = parse (have_text);
  g_autofree char *got = cepa_protocols_missing (wanted, have);

  g_assert_cmpstr (got, ==, missing);
}

/* test_protover_all_supported, by what C Tor has there: Link=3-5 and Desc=2 */
static void
test_missing (void)
{
  static const char have[] = "Desc=1-2 Link=3-5";

  check_missing ("", have, NULL);
  check_missing ("Link=3-4", have, NULL);
  check_missing ("Link=3-4 Desc=2", have, NULL);
  check_missing ("Wombat=9", have, "Wombat=9");
  check_missing ("Link=60", have, "Link=60");
  check_missing ("Link=3-4 Wombat=9", have, "Wombat=9");
  check_missing ("Link=3-60", have, "Link=6-60");
  check_missing ("Link=1-3,50-63", have, "Link=1-2,50-63");
  check_missing ("Link=1-3,5-12", have, "Link=1-2,6-12");
  check_missing ("Link=3,5-12 Quokka=40-41", have, "Link=6-12 Quokka=40-41");
  check_missing ("Fribble=", have, NULL);
  check_missing ("Zap=0,2,4 Aye=63", "", "Zap=0,2,4 Aye=63");
  check_missing ("Link=4 Link=6", have, "Link=6");
}

/* What authorities of 0.4.9 require of clients, and that we do not say to do what nobody has written. */
static void
test_supported (void)
{
  g_autoptr (CepaProtocols) ours = parse (CEPA_PROTOCOLS_SUPPORTED);

  check_missing ("Cons=2 Desc=2 FlowCtrl=1 Link=4 Microdesc=2 Relay=2", CEPA_PROTOCOLS_SUPPORTED, NULL);
  g_assert_false (cepa_protocols_contains (ours, "Relay", 1)); /* TAP */
  g_assert_false (cepa_protocols_contains (ours, "Link", 6));
  g_assert_false (cepa_protocols_contains (ours, "Microdesc", 4));
}

static void
test_relay_bits (void)
{
  static const struct
  {
    const char *text;
    guint64 bits;
  } cases[] = {
    { "", 0 },
    { "Link=3", 0 },
    { "Link=1-5", CEPA_PROTOCOL_LINK_4 | CEPA_PROTOCOL_LINK_5 },
    { "FlowCtrl=1-2", CEPA_PROTOCOL_FLOWCTRL_1 | CEPA_PROTOCOL_FLOWCTRL_2 },
    { "FlowCtrl=1 FlowCtrl=2", CEPA_PROTOCOL_FLOWCTRL_1 | CEPA_PROTOCOL_FLOWCTRL_2 },
    { "Relay=2,4-6", CEPA_PROTOCOL_RELAY_2 | CEPA_PROTOCOL_RELAY_4 | CEPA_PROTOCOL_RELAY_5 | CEPA_PROTOCOL_RELAY_6 },
    { "Padding=1 LinkAuth=1,3 HSRend=1", 0 },
    { "relay=2", 0 },
    { "Relay=2 Link", 0 },
    /* A relay of 0.4.9.11. */
    { "Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=3-5 LinkAuth=3 "
      "Microdesc=1-3 Padding=2 Relay=2-6",
      (CEPA_PROTOCOL_RELAY_6 << 1) - 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (cepa_protocols_relay_bits (slice (cases[i].text)), ==, cases[i].bits);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/protocols/parse", test_parse);
  g_test_add_func ("/protocols/refused", test_refused);
  g_test_add_func ("/protocols/missing", test_missing);
  g_test_add_func ("/protocols/supported", test_supported);
  g_test_add_func ("/protocols/relay-bits", test_relay_bits);
  return g_test_run ();
}
