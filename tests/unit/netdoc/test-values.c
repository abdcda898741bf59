/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/values.h"

static CepaSlice
slice_of (const char *text)
{
  return (CepaSlice) { text, strlen (text) };
}

static void
test_words (void)
{
  CepaSlice rest = slice_of ("  one\ttwo \t three "), word;

  g_assert_true (cepa_slice_next_word (&rest, &word));
  g_assert_true (cepa_slice_is (word, "one"));
  g_assert_true (cepa_slice_next_word (&rest, &word));
  g_assert_true (cepa_slice_is (word, "two"));
  g_assert_true (cepa_slice_next_word (&rest, &word));
  g_assert_true (cepa_slice_is (word, "three"));
  g_assert_false (cepa_slice_next_word (&rest, &word));
  g_assert_true (cepa_slice_is (word, "three"));
  rest = (CepaSlice) { NULL, 0 };
  g_assert_false (cepa_slice_next_word (&rest, &word));
}

static void
test_split (void)
{
  CepaSlice name, value;

  g_assert_true (cepa_slice_split_at (slice_of ("a=b=c"), '=', &name, &value));
  g_assert_true (cepa_slice_is (name, "a"));
  g_assert_true (cepa_slice_is (value, "b=c"));
  g_assert_true (cepa_slice_split_at (slice_of ("a="), '=', &name, &value));
  g_assert_cmpuint (value.len, ==, 0);
  g_assert_false (cepa_slice_split_at (slice_of ("=b"), '=', &name, &value));
  g_assert_false (cepa_slice_split_at (slice_of ("b"), '=', &name, &value));
  g_assert_false (cepa_slice_split_at (slice_of (""), '=', &name, &value));
}

static void
test_numbers (void)
{
  static const char *const bad[] = {
    "", " 1", "1 ", "+1", "1.0", "0x1", "a", "18446744073709551616", "--1", "-",
  };
  guint64 value = 7;
  gint32 number = 7;
  guint16 port = 7;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (cepa_slice_to_uint (slice_of (bad[i]), G_MAXUINT64, &value));
      g_assert_false (cepa_slice_to_int32 (slice_of (bad[i]), &number));
    }
  g_assert_cmpuint (value, ==, 7);
  g_assert_cmpint (number, ==, 7);

  g_assert_true (cepa_slice_to_uint (slice_of ("18446744073709551615"), G_MAXUINT64, &value));
  g_assert_cmpuint (value, ==, G_MAXUINT64);
  g_assert_true (cepa_slice_to_uint (slice_of ("100"), 100, &value));
  g_assert_false (cepa_slice_to_uint (slice_of ("101"), 100, &value));
  g_assert_false (cepa_slice_to_uint (slice_of ("110"), 100, &value));
  g_assert_cmpuint (value, ==, 100);

  g_assert_true (cepa_slice_to_int32 (slice_of ("-2147483648"), &number));
  g_assert_cmpint (number, ==, G_MININT32);
  g_assert_true (cepa_slice_to_int32 (slice_of ("2147483647"), &number));
  g_assert_cmpint (number, ==, G_MAXINT32);
  g_assert_false (cepa_slice_to_int32 (slice_of ("2147483648"), &number));
  g_assert_false (cepa_slice_to_int32 (slice_of ("-2147483649"), &number));

  g_assert_true (cepa_slice_to_port (slice_of ("65535"), &port));
  g_assert_cmpuint (port, ==, 65535);
  g_assert_false (cepa_slice_to_port (slice_of ("65536"), &port));
}

static void
test_time_known (void)
{
  static const struct
  {
    const char *text;
    gint64 expected;
  } times[] = {
    { "1970-01-01 00:00:00", 0 },
    { "2000-02-29 23:59:59", 951868799 },
    { "2001-09-09 01:46:40", 1000000000 },
    { "2038-01-19 03:14:08", 2147483648 },
    { "2100-03-01 00:00:00", 4107542400 },
    { "9999-12-31 23:59:59", 253402300799 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autofree char *back = cepa_netdoc_format_time (times[i].expected);
      gint64 got = -1;

      g_assert_true (cepa_slice_to_time (slice_of (times[i].text), &got));
      g_assert_cmpint (got, ==, times[i].expected);
      g_assert_cmpstr (back, ==, times[i].text);
    }
}

/* Each day of 130 years, against GLib's calendar. */
static void
test_time_each_day (void)
{
  for (gint64 day = 0; day < 130 * 366; day++)
    {
      g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (day * 86400 + 1);
      g_autofree char *text = g_date_time_format (date, "%Y-%m-%d %H:%M:%S");
      gint64 got = -1;

      g_assert_true (cepa_slice_to_time (slice_of (text), &got));
      g_assert_cmpint (got, ==, day * 86400 + 1);
    }
}

static void
test_time_bad (void)
{
  static const char *const bad[] = {
    "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:0", "2026-01-01 00:00:000",
    "2026-13-01 00:00:00", "2026-00-01 00:00:00", "2026-01-00 00:00:00", "2026-01-32 00:00:00",
    "2026-04-31 00:00:00", "2026-02-29 00:00:00", "2100-02-29 00:00:00", "2026-01-01 24:00:00",
    "2026-01-01 00:60:00", "2026-01-01 00:00:60", "1969-12-31 23:59:59", "2026-01-01 +1:00:00",
    "2026-01-01 00-00-00", " 026-01-01 00:00:00", "2026/01/01 00:00:00",
  };
  gint64 got = 7;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (cepa_slice_to_time (slice_of (bad[i]), &got));
  g_assert_cmpint (got, ==, 7);
}

static void
test_addresses (void)
{
  static const char *const bad4[] = {
    "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "::1", "1.2.3.004444444444",
  };
  static const char *const bad6[] = {
    "", "::1", "[::1]", "[::1]:", "[::1]:0", "[::1]:65536", "[::1]80", "[1.2.3.4]:80", "1.2.3.4:80", "[]:80",
    "[::1:80", "[::1]:80 ", "[:::1]:80", "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:80",
  };
  static const guint8 loopback[16] = { [15] = 1 };
  guint8 address[16];
  guint32 ipv4 = 7;
  guint16 port = 7;

  for (guint i = 0; i < G_N_ELEMENTS (bad4); i++)
    g_assert_false (cepa_slice_to_ipv4 (slice_of (bad4[i]), &ipv4));
  g_assert_cmpuint (ipv4, ==, 7);
  g_assert_true (cepa_slice_to_ipv4 (slice_of ("1.2.3.255"), &ipv4));
  g_assert_cmphex (ipv4, ==, 0x010203ff);

  for (guint i = 0; i < G_N_ELEMENTS (bad6); i++)
    g_assert_false (cepa_slice_to_ipv6_port (slice_of (bad6[i]), address, &port));
  g_assert_cmpuint (port, ==, 7);
  g_assert_true (cepa_slice_to_ipv6_port (slice_of ("[::1]:443"), address, &port));
  g_assert_cmpmem (address, 16, loopback, 16);
  g_assert_cmpuint (port, ==, 443);
}

static void
test_base64 (void)
{
  guint8 out[4] = { 7, 7, 7, 7 };

  g_assert_false (cepa_slice_to_base64 (slice_of ("AQIDBAU"), out, 4));
  g_assert_false (cepa_slice_to_base64 (slice_of ("AQID"), out, 4));
  g_assert_false (cepa_slice_to_base64 (slice_of ("AQID!A=="), out, 4));
  g_assert_cmpuint (out[0], ==, 7);
  g_assert_true (cepa_slice_to_base64 (slice_of ("AQIDBA"), out, 4));
  g_assert_cmpmem (out, 4, "\1\2\3\4", 4);
  g_assert_true (cepa_slice_to_base64 (slice_of ("BQIDBA=="), out, 4));
  g_assert_cmpuint (out[0], ==, 5);
}

static void
test_nicknames (void)
{
  g_assert_true (cepa_slice_is_nickname (slice_of ("Unnamed")));
  g_assert_true (cepa_slice_is_nickname (slice_of ("1234567890123456789")));
  g_assert_false (cepa_slice_is_nickname (slice_of ("12345678901234567890")));
  g_assert_false (cepa_slice_is_nickname (slice_of ("")));
  g_assert_false (cepa_slice_is_nickname (slice_of ("a-b")));
  g_assert_false (cepa_slice_is_nickname (slice_of ("caf\xc3\xa9")));
}

static void
test_odd_time_in_message (void)
{
  g_autofree char *shown = cepa_netdoc_format_time (G_MAXINT64);

  g_assert_cmpstr (shown, ==, "9223372036854775807");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/netdoc/values/words", test_words);
  g_test_add_func ("/netdoc/values/split", test_split);
  g_test_add_func ("/netdoc/values/numbers", test_numbers);
  g_test_add_func ("/netdoc/values/time-known", test_time_known);
  g_test_add_func ("/netdoc/values/time-each-day", test_time_each_day);
  g_test_add_func ("/netdoc/values/time-bad", test_time_bad);
  g_test_add_func ("/netdoc/values/addresses", test_addresses);
  g_test_add_func ("/netdoc/values/base64", test_base64);
  g_test_add_func ("/netdoc/values/nicknames", test_nicknames);
  g_test_add_func ("/netdoc/values/odd-time-in-message", test_odd_time_in_message);
  return g_test_run ();
}
