/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/side-table.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define FP "0102030405060708090A0B0C0D0E0F1011121314"

static CepaRelay
make_relay (void)
{
  CepaRelay relay = { .ipv4 = 0xc0000207, .or_port = 9001, .ipv6_port = 9050 };

  for (guint i = 0; i < sizeof relay.rsa_id; i++)
    relay.rsa_id[i] = (guint8) (i + 1);
  memcpy (relay.ipv6, (const guint8[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 7 }, sizeof relay.ipv6);
  return relay;
}

static CepaSideTable *
parse (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

  return cepa_side_table_parse (bytes, error);
}

static void
test_fingerprints (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSideTable) table = parse ("# measured\n"
                                           "fingerprint, latency_ms ,\"jitter\"\r\n"
                                           "\n"
                                           "$" FP ",12.5,-3e2\n"
                                           "\"1102030405060708090a0b0c0d0e0f1011121314\",,nan",
                                           &error);
  CepaRelay relay = make_relay ();
  const double *numbers;

  g_assert_no_error (error);
  g_assert_cmpuint (cepa_side_table_get_n_rows (table), ==, 2);
  g_assert_cmpuint (cepa_side_table_get_n_columns (table), ==, 2);
  g_assert_cmpstr (cepa_side_table_get_column (table, 0), ==, "latency_ms");
  g_assert_cmpstr (cepa_side_table_get_column (table, 1), ==, "jitter");
  numbers = cepa_side_table_find (table, &relay);
  g_assert_nonnull (numbers);
  g_assert_true (numbers[0] == 12.5 && numbers[1] == -300);
  relay.rsa_id[0] = 0x11;
  numbers = cepa_side_table_find (table, &relay);
  g_assert_true (numbers != NULL && isnan (numbers[0]) && isnan (numbers[1]));
  relay.rsa_id[0] = 0x12;
  g_assert_null (cepa_side_table_find (table, &relay));
}

static void
test_prefixes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSideTable) table = parse ("prefix,risk\n"
                                           "0.0.0.0/0,1\n"
                                           "192.0.2.0/24,2\n"
                                           "192.0.2.7,3\n"
                                           "192.0.2.99/28,4\n" /* what is behind the bits does not count */
                                           "2001:db8::/32,5\n",
                                           &error);
  CepaRelay relay = make_relay ();

  g_assert_no_error (error);
  g_assert_true (cepa_side_table_find (table, &relay)[0] == 3);
  relay.ipv4 = 0xc0000208;
  g_assert_true (cepa_side_table_find (table, &relay)[0] == 2);
  relay.ipv4 = 0xc0000260;
  g_assert_true (cepa_side_table_find (table, &relay)[0] == 4);
  relay.ipv4 = 0xc0000308;
  g_assert_true (cepa_side_table_find (table, &relay)[0] == 1);
  relay.ipv4 = 0;
  g_assert_true (cepa_side_table_find (table, &relay)[0] == 5);
  relay.ipv6[0] = 0x21;
  g_assert_null (cepa_side_table_find (table, &relay));
  relay.ipv6_port = 0;
  g_assert_null (cepa_side_table_find (table, &relay));
}

static void
test_faults (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "", "no line with the names" },
    { "# only\n\n", "no line with the names" },
    { "relay,a\n", "line 1: \"relay\" is not what a table begins with" },
    { "prefix\n", "there is no column" },
    { "prefix,a,a\n", "the name of two" },
    { "prefix,a b\n", "is not a column's name" },
    { "prefix,\n", "is not a column's name" },
    { "fingerprint,a\n0102,1\n", "line 2: \"0102\" is not a fingerprint" },
    { "prefix,a\n1.2.3,1\n", "is not a prefix" },
    { "prefix,a\n1.2.3.4/33,1\n", "is not a prefix" },
    { "prefix,a\n1.2.3.4/,1\n", "is not a prefix" },
    { "prefix,a\n::/129,1\n", "is not a prefix" },
    { "prefix,a,b\n::/1,1\n", "\"b\" has no number" },
    { "prefix,a\n::/1,1,2\n", "\"2\" is behind the last" },
    { "prefix,a\n::/1,x\n", "\"x\" is not a number" },
    { "prefix,a\n::/1,0x10\n", "is not a number" },
    { "prefix,a\n::/1,inf\n", "is not a number" },
    { "prefix,a\n::/1,1e999\n", "is not a number" },
    { "prefix,a\n::/1,1-\n", "is not a number" },
    { "prefix,a\n::/1,1\n0::/1,2\n", "row 2 has the key of another" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (cases[i].text, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, cases[i].message));
    }
}

static void
test_limits (void)
{
  g_autoptr (GError) error = NULL;
  GString *text = g_string_new ("prefix");
  g_autofree char *columns = NULL, *line = NULL, *cut = NULL;
  g_autoptr (CepaSideTable) full = NULL;
  g_autoptr (GBytes) with_zero = g_bytes_new_static ("prefix,a\n::/1,\0001\n", 17);

  for (guint i = 0; i <= CEPA_SIDE_TABLE_MAX_COLUMNS; i++)
    g_string_append_printf (text, ",c%u", i);
  columns = g_string_free (text, FALSE);
  g_assert_null (parse (columns, &error));
  g_assert_nonnull (strstr (error->message, "one column too many"));
  cut = g_strndup (columns, strlen (columns) - strlen (",c32"));
  g_clear_error (&error);
  full = parse (cut, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cepa_side_table_get_n_columns (full), ==, CEPA_SIDE_TABLE_MAX_COLUMNS);
  line = g_strnfill (CEPA_SIDE_TABLE_MAX_LINE + 1, 'a');
  g_clear_error (&error);
  g_assert_null (parse (line, &error));
  g_assert_nonnull (strstr (error->message, "is longer than"));
  g_clear_error (&error);
  g_assert_null (cepa_side_table_parse (with_zero, &error));
  g_assert_nonnull (strstr (error->message, "no text"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/side-table/fingerprints", test_fingerprints);
  g_test_add_func ("/network/side-table/prefixes", test_prefixes);
  g_test_add_func ("/network/side-table/faults", test_faults);
  g_test_add_func ("/network/side-table/limits", test_limits);
  return g_test_run ();
}
