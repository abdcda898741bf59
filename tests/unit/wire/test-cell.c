/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cell.h"

#include "support/vectors.h"

static void
test_variable_commands (void)
{
  for (guint command = 0; command < 256; command++)
    g_assert_cmpint (cepa_cell_command_is_variable ((guint8) command), ==, command == 7 || command >= 128);
}

/* tor-spec: cell-packet-format: ids of 2 bytes up to version 3, of 4 from version 4. */
static void
test_parse_fixed (void)
{
  static const guint versions[] = { 0, 3, 4, 5 };

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      gboolean wide = versions[i] >= 4;
      gsize head = wide ? 5 : 3, len = cepa_cell_fixed_len (versions[i]);
      guint8 data[CEPA_CELL_MAX_LEN + 1] = { 0 };
      CepaCell cell = { .command = 0x5a };

      g_assert_cmpuint (len, ==, wide ? 514 : 512);
      g_assert_cmpuint (cepa_cell_write_header (data, versions[i], 0x81020304, CEPA_CELL_RELAY), ==, head);
      vector_assert (data, head, wide ? "8102030403" : "030403");
      for (gsize n = 0; n < len; n++)
        g_assert_cmpuint (cepa_cell_parse (data, n, versions[i], &cell), ==, 0);
      g_assert_cmpuint (cell.command, ==, 0x5a);
      for (gsize n = len; n <= len + 1; n++)
        g_assert_cmpuint (cepa_cell_parse (data, n, versions[i], &cell), ==, len);
      g_assert_cmpuint (cell.circuit_id, ==, wide ? 0x81020304 : 0x0304);
      g_assert_cmpuint (cell.command, ==, CEPA_CELL_RELAY);
      g_assert_cmpuint (cell.body_len, ==, CEPA_CELL_BODY_LEN);
      g_assert_true (cell.body == data + head);
    }
}

/* Cells as Arti's tor-proto/src/channel/codec.rs has them: VERSIONS for 2 only, an empty CERTS. */
static void
test_parse_variable (void)
{
  g_autoptr (GByteArray) versions = vector_bytes ("0000 07 0004 0200 0000");
  g_autoptr (GByteArray) certs = vector_bytes ("00000000 81 0001 00");
  CepaCell cell = { 0 };

  for (gsize n = 0; n < versions->len; n++)
    g_assert_cmpuint (cepa_cell_parse (versions->data, n, 0, &cell), ==, 0);
  g_assert_cmpuint (cepa_cell_parse (versions->data, versions->len, 0, &cell), ==, 9);
  g_assert_cmpuint (cell.command, ==, CEPA_CELL_VERSIONS);
  g_assert_cmpuint (cell.circuit_id, ==, 0);
  g_assert_cmpmem (cell.body, cell.body_len, versions->data + 5, 4);

  g_assert_cmpuint (cepa_cell_parse (certs->data, certs->len, 5, &cell), ==, 8);
  g_assert_cmpuint (cell.command, ==, CEPA_CELL_CERTS);
  g_assert_cmpmem (cell.body, cell.body_len, "\0", 1);
}

static void
test_parse_longest (void)
{
  g_autofree guint8 *data = g_malloc0 (CEPA_CELL_MAX_VARIABLE_LEN);
  CepaCell cell = { 0 };

  data[4] = CEPA_CELL_VPADDING;
  data[5] = data[6] = 0xff;
  g_assert_cmpuint (cepa_cell_parse (data, CEPA_CELL_MAX_VARIABLE_LEN - 1, 4, &cell), ==, 0);
  g_assert_cmpuint (cepa_cell_parse (data, CEPA_CELL_MAX_VARIABLE_LEN, 4, &cell), ==,
                    CEPA_CELL_MAX_VARIABLE_LEN);
  g_assert_cmpuint (cell.body_len, ==, CEPA_CELL_MAX_VARIABLE_BODY);

  data[5] = data[6] = 0;
  g_assert_cmpuint (cepa_cell_parse (data, 7, 4, &cell), ==, 7);
  g_assert_cmpuint (cell.body_len, ==, 0);
}

static void
test_destroy_reasons (void)
{
  static const char *const names[] = {
    "NONE",          "PROTOCOL",    "INTERNAL",       "REQUESTED", "HIBERNATING", "RESOURCELIMIT",
    "CONNECTFAILED", "OR_IDENTITY", "CHANNEL_CLOSED", "FINISHED",  "TIMEOUT",     "DESTROYED",
    "NOSUCHSERVICE", "UNKNOWN",
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpstr (cepa_destroy_reason_name (i), ==, names[i]);
  g_assert_cmpstr (cepa_destroy_reason_name (G_MAXUINT), ==, "UNKNOWN");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/cell/variable-commands", test_variable_commands);
  g_test_add_func ("/wire/cell/parse-fixed", test_parse_fixed);
  g_test_add_func ("/wire/cell/parse-variable", test_parse_variable);
  g_test_add_func ("/wire/cell/parse-longest", test_parse_longest);
  g_test_add_func ("/wire/cell/destroy-reasons", test_destroy_reasons);
  return g_test_run ();
}
