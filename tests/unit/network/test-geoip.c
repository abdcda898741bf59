/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/geoip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static GBytes *
text (const char *string)
{
  return g_bytes_new_static (string, strlen (string));
}

/* (transfer full) */
static CepaGeoip *
make (const char *ipv4, const char *ipv6, GPtrArray *problems)
{
  g_autoptr (GBytes) a = ipv4 != NULL ? text (ipv4) : NULL;
  g_autoptr (GBytes) b = ipv6 != NULL ? text (ipv6) : NULL;

  return cepa_geoip_new (a, b, problems);
}

static void
assert_country (const CepaGeoip *geoip, const char *address, const char *expected)
{
  char country[4] = "xxx";
  guint8 bytes[16];
  gboolean known;

  if (inet_pton (AF_INET, address, bytes) == 1)
    known = cepa_geoip_find_ipv4 (geoip, (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 | (guint32) bytes[2] << 8
                                             | bytes[3], country);
  else
    {
      g_assert_cmpint (inet_pton (AF_INET6, address, bytes), ==, 1);
      known = cepa_geoip_find_ipv6 (geoip, bytes, country);
    }
  g_test_message ("%s", address);
  g_assert_cmpstr (country, ==, expected);
  g_assert_cmpint (country[3], ==, 0);
  g_assert_cmpint (known, ==, expected[0] != '\0');
}

static void
test_ipv4 (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = make ("# a comment\n"
                                      "16777216,16777471,AU\n"            /* 1.0.0.0/24 */
                                      "16777472,16778239,cn\r\n"
                                      "\n"
                                      "\"33996344\",\"33996351\",\"GB\",\"GBR\",\"United Kingdom\"\n"
                                      "33996352,33996352,??\n"
                                      "4294967040,4294967295,A1",         /* 255.255.255.0/24 */
                                      NULL, problems);

  g_assert_cmpuint (problems->len, ==, 0);
  g_assert_true (cepa_geoip_has_ipv4 (geoip));
  g_assert_false (cepa_geoip_has_ipv6 (geoip));
  assert_country (geoip, "0.255.255.255", "");
  assert_country (geoip, "1.0.0.0", "au");
  assert_country (geoip, "1.0.0.255", "au");
  assert_country (geoip, "1.0.1.0", "cn");
  assert_country (geoip, "1.0.3.255", "cn");
  assert_country (geoip, "1.0.4.0", "");
  assert_country (geoip, "2.6.190.56", "gb");
  assert_country (geoip, "2.6.190.63", "gb");
  assert_country (geoip, "2.6.190.64", "");
  assert_country (geoip, "255.255.254.255", "");
  assert_country (geoip, "255.255.255.255", "a1");
  assert_country (geoip, "2001:db8::1", "");
  g_assert_true (cepa_geoip_knows_country (geoip, "au"));
  g_assert_false (cepa_geoip_knows_country (geoip, "de"));
}

static void
test_ipv6 (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = make (NULL,
                                      "2001:67c:2ba8::,2001:67c:2ba8:ffff:ffff:ffff:ffff:ffff,PL\n"
                                      "2001:db8::,2001:db8::7fff:ffff:ffff:ffff,DE\n" /* half of a /64 */
                                      "2001:db8::8000:0:0:0,2001:db8::8000:0:0:0,FR\n"
                                      "ffff:ffff:ffff:ffff::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,ZZ\n",
                                      problems);

  g_assert_cmpuint (problems->len, ==, 0);
  g_assert_true (cepa_geoip_has_ipv6 (geoip));
  g_assert_false (cepa_geoip_has_ipv4 (geoip));
  assert_country (geoip, "2001:67c:2ba7:ffff::", "");
  assert_country (geoip, "2001:67c:2ba8::1", "pl");
  assert_country (geoip, "2001:67c:2ba8:ffff:ffff::", "pl");
  assert_country (geoip, "2001:67c:2ba9::", "");
  assert_country (geoip, "2001:db8::1", "de");
  assert_country (geoip, "2001:db8::7fff:0:0:1", "de");
  assert_country (geoip, "2001:db8::8000:0:0:0", "fr");
  assert_country (geoip, "2001:db8::8000:0:0:1", "");
  assert_country (geoip, "ffff:ffff:ffff:ffff::1", "zz");
  assert_country (geoip, "10.0.0.1", "");
}

static void
test_damage (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *longer = g_strnfill (CEPA_GEOIP_MAX_LINE, '1');
  g_autofree char *lines = g_strconcat ("1,2,DE\n"
                                        "banana\n"
                                        "5,4,DE\n"           /* ends before it begins */
                                        "6,4294967296,DE\n"  /* beyond IPv4 */
                                        "7,8,DEU\n"
                                        "7,8\n"
                                        "7,,DE\n"
                                        "-7,8,DE\n"
                                        "7,8,\xff\xff\n",
                                        longer, ",2,DE\n"
                                        "20,30,FR\n", NULL);
  g_autoptr (CepaGeoip) geoip = make (lines, "::1,::2\n", problems);

  g_assert_cmpuint (problems->len, ==, 2);
  g_assert_cmpstr (problems->pdata[0], ==, "9 of the lines with countries of IPv4 addresses are damaged and left out; "
                                           "the first is line 2: \"banana\"");
  g_assert_nonnull (strstr (problems->pdata[1], "1 of the lines with countries of IPv6"));
  assert_country (geoip, "0.0.0.2", "de");
  assert_country (geoip, "0.0.0.7", "");
  assert_country (geoip, "0.0.0.25", "fr");
  g_assert_false (cepa_geoip_has_ipv6 (geoip));
}

/* Lines in no order, ranges that overlap: of two the one that begins later. */
static void
test_order (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = make ("50,60,FR\n10,20,DE\n15,30,IT\n40,45,ES\n50,50,PT\n", NULL, problems);

  assert_country (geoip, "0.0.0.14", "de");
  assert_country (geoip, "0.0.0.15", "it");
  assert_country (geoip, "0.0.0.30", "it");
  assert_country (geoip, "0.0.0.31", "");
  assert_country (geoip, "0.0.0.45", "es");
  assert_country (geoip, "0.0.0.50", "pt");
  assert_country (geoip, "0.0.0.51", "fr");
}

/* Ranges within ranges, as in a file with a country for most of it and exceptions: the outer one goes on behind. */
static void
test_within (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = make ("0,4294967295,DE\n10,30,FR\n15,20,IT\n18,25,ES\n30,40,PT\n50,50,??\n60,60,AT\n",
                                      "::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n"
                                      "2001:db8::,2001:db8::ffff:ffff:ffff:ffff,FR\n",
                                      problems);

  g_assert_cmpuint (problems->len, ==, 0);
  assert_country (geoip, "0.0.0.0", "de");
  assert_country (geoip, "0.0.0.10", "fr");
  assert_country (geoip, "0.0.0.15", "it");
  assert_country (geoip, "0.0.0.18", "es");
  assert_country (geoip, "0.0.0.25", "es");
  assert_country (geoip, "0.0.0.26", "fr");
  assert_country (geoip, "0.0.0.29", "fr");
  assert_country (geoip, "0.0.0.30", "pt");
  assert_country (geoip, "0.0.0.41", "de");
  assert_country (geoip, "0.0.0.50", "");
  assert_country (geoip, "0.0.0.51", "de");
  assert_country (geoip, "255.255.255.255", "de");
  assert_country (geoip, "::1", "de");
  assert_country (geoip, "2001:db8::1", "fr");
  assert_country (geoip, "2001:db8:0:1::", "de");
  assert_country (geoip, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "de");
}

/* Many ranges: what is at the ends of blocks. */
static void
test_blocks (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  GString *lines = g_string_new (NULL);
  g_autoptr (CepaGeoip) geoip = NULL;
  g_autofree char *all = NULL;
  char country[4];

  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (lines, "%u,%u,%c%c\n", i * 100000, i * 100000 + 49999 + i, 'a' + i % 26, 'a' + i / 26 % 26);
  all = g_string_free (lines, FALSE);
  geoip = make (all, NULL, problems);
  g_assert_cmpuint (problems->len, ==, 0);
  for (guint i = 0; i < 1000; i++)
    {
      char expected[3] = { (char) ('a' + i % 26), (char) ('a' + i / 26 % 26), '\0' };

      g_assert_true (cepa_geoip_find_ipv4 (geoip, i * 100000, country));
      g_assert_cmpstr (country, ==, expected);
      g_assert_true (cepa_geoip_find_ipv4 (geoip, i * 100000 + 49999 + i, country));
      g_assert_cmpstr (country, ==, expected);
      g_assert_false (cepa_geoip_find_ipv4 (geoip, i * 100000 + 50000 + i, country));
      g_assert_false (cepa_geoip_find_ipv4 (geoip, i * 100000 + 99999, country));
    }
}

/* Ranges at any distance, whatever zeros it ends with: 1, 2, 4 ... and all bits. */
static void
test_distances (void)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) lines = g_string_new ("::,::ffff:ffff:ffff:ffff,AA\n");
  g_autoptr (CepaGeoip) geoip = NULL;
  guint64 starts[127], at = 0;
  guint n = 0;

  /* 2^n from the last, and once in between all bits up to that. */
  for (guint bits = 0; bits < 63; bits++)
    for (guint odd = 0; odd < 2; odd++)
      {
        guint64 distance = (G_GUINT64_CONSTANT (1) << bits) - (odd != 0 ? 1 : 0);

        if (distance > 0 && at + distance > at)
          starts[n++] = at += distance;
      }
  starts[n++] = G_MAXUINT64;
  for (guint i = 0; i < n; i++)
    g_string_append_printf (lines, "%04x:%04x:%04x:%04x::,%04x:%04x:%04x:%04x:ffff:ffff:ffff:ffff,%c%c\n",
                            (guint) (starts[i] >> 48), (guint) (starts[i] >> 32 & 0xffff),
                            (guint) (starts[i] >> 16 & 0xffff), (guint) (starts[i] & 0xffff), (guint) (starts[i] >> 48),
                            (guint) (starts[i] >> 32 & 0xffff), (guint) (starts[i] >> 16 & 0xffff),
                            (guint) (starts[i] & 0xffff), 'b' + i % 25, 'a' + i / 25);
  geoip = make (NULL, lines->str, problems);
  g_assert_cmpuint (problems->len, ==, 0);
  for (guint i = 0; i < n; i++)
    {
      const char expected[3] = { (char) ('b' + i % 25), (char) ('a' + i / 25), '\0' };
      guint64 big = GUINT64_TO_BE (starts[i]);
      guint8 address[16] = { 0 };
      char country[4];

      memcpy (address, &big, sizeof big);
      g_assert_true (cepa_geoip_find_ipv6 (geoip, address, country));
      g_assert_cmpstr (country, ==, expected);
      big = GUINT64_TO_BE (starts[i] + 1);
      memcpy (address, &big, sizeof big);
      g_assert_cmpint (cepa_geoip_find_ipv6 (geoip, address, country), ==,
                       starts[i] == G_MAXUINT64 || (i + 1 < n && starts[i + 1] == starts[i] + 1));
    }
}

/* Debian's files against a reading of their lines that knows nothing of the packing. */
static void
test_debian (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) ipv4 = cepa_file_map ("/usr/share/tor/geoip", &error);
  g_autoptr (GBytes) ipv6 = cepa_file_map ("/usr/share/tor/geoip6", &error);
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = NULL;
  const char *next, *end;
  gsize len;
  guint n = 0;

  g_assert_no_error (error);
  geoip = cepa_geoip_new_from_maps (ipv4, ipv6, problems);
  g_assert_cmpuint (problems->len, ==, 0);
  g_assert_cmpuint (cepa_geoip_get_size (geoip), <, 5 * 1024 * 1024 / 2);
  next = g_bytes_get_data (ipv4, &len);
  end = next + len;
  while (next < end)
    {
      const char *newline = memchr (next, '\n', (gsize) (end - next));
      g_autofree char *line = g_strndup (next, (gsize) ((newline != NULL ? newline : end) - next));
      guint low, high;
      char expected[3], country[4];

      next += strlen (line) + 1;
      if (sscanf (line, "%u,%u,%2s", &low, &high, expected) != 3)
        continue;
      n++;
      cepa_geoip_find_ipv4 (geoip, low + (high - low) / 2, country);
      g_assert_cmpint (g_ascii_strcasecmp (g_str_equal (expected, "??") ? "" : expected, country), ==, 0);
      cepa_geoip_find_ipv4 (geoip, high, country);
      g_assert_cmpint (g_ascii_strcasecmp (g_str_equal (expected, "??") ? "" : expected, country), ==, 0);
    }
  g_assert_cmpuint (n, >, 100000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/geoip/ipv4", test_ipv4);
  g_test_add_func ("/network/geoip/ipv6", test_ipv6);
  g_test_add_func ("/network/geoip/damage", test_damage);
  g_test_add_func ("/network/geoip/order", test_order);
  g_test_add_func ("/network/geoip/within", test_within);
  g_test_add_func ("/network/geoip/blocks", test_blocks);
  g_test_add_func ("/network/geoip/distances", test_distances);
  g_test_add_func ("/network/geoip/debian", test_debian);
  return g_test_run ();
}
