/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/annotations.h"

#include <cepa/side-table.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "network/node-set.h"
#include "support/mmdb.h"
#include "support/test-consensus.h"

/* 10.1.0.1 to 10.5.0.1, as test-consensus gives them. */
static const TestRelay test_relays[] = {
  { .flags = TEST_RELAY_FLAGS }, { .flags = TEST_RELAY_FLAGS, .ipv6 = "[2001:db8::7]:9050" },
  { .flags = TEST_RELAY_FLAGS }, { .flags = TEST_RELAY_FLAGS },
  { .flags = TEST_RELAY_FLAGS },
};

static CepaNetwork *
make_network (void)
{
  const TestConsensus spec = { test_relays, G_N_ELEMENTS (test_relays) };

  return test_consensus_make_network (&spec);
}

/* (transfer full): the map of a file that is made for it and removed. */
static CepaAsMap *
open_as_map (const TestMmdbPrefix *prefixes, guint n, gboolean as_text)
{
  g_autoptr (GBytes) bytes = test_mmdb_make (prefixes, n, as_text);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("cepa-mmdb-XXXXXX", &path, &error);
  CepaAsMap *map;

  g_assert_no_error (error);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), &error));
  map = cepa_as_map_open (path, &error);
  g_assert_no_error (error);
  g_unlink (path);
  return map;
}

static void
test_as_map (void)
{
  static const TestMmdbPrefix prefixes[] = { { 0x0a000000, 16, 64500 }, { 0x0a010000, 16, 4200000000 },
                                             { 0x0a020001, 32, 1 }, { 0x80000000, 1, 7 } };

  for (gboolean as_text = FALSE; as_text <= TRUE; as_text++)
    {
      g_autoptr (CepaAsMap) map = open_as_map (prefixes, G_N_ELEMENTS (prefixes), as_text);

      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0x0a00ffff), ==, 64500);
      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0x0a010001), ==, 4200000000);
      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0x0a020001), ==, 1);
      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0x0a020002), ==, 0);
      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0xffffffff), ==, 7);
      g_assert_cmpuint (cepa_as_map_find_ipv4 (map, 0x01000000), ==, 0);
    }
}

static void
test_as_map_faults (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("cepa-mmdb-XXXXXX", &path, NULL);

  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (path, "not a database of that kind", -1, NULL));
  g_assert_null (cepa_as_map_open (path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_unlink (path);
  g_clear_error (&error);
  g_assert_null (cepa_as_map_open (path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (cepa_as_map_open (path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_unlink (path);
}

static CepaGeoip *
make_geoip (const char *lines)
{
  g_autoptr (GBytes) text = g_bytes_new_static (lines, strlen (lines));
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);

  return cepa_geoip_new (text, NULL, problems);
}

static void
annotate (CepaNetwork *network, CepaExtras *extras)
{
  cepa_network_annotate (network, cepa_annotations_new (network, extras));
  cepa_network_commit (network);
}

static void
test_rows (void)
{
  static const TestMmdbPrefix prefixes[] = { { 0x0a020000, 16, 64500 } };
  g_autoptr (CepaNetwork) network = make_network ();
  g_autoptr (CepaGeoip) geoip = make_geoip ("167837696,167903231,DE\n" /* 10.1.0.0/16 */
                                            "167968768,168034303,FR\n" /* 10.3.0.0/16 */);
  g_autoptr (CepaAsMap) as_map = open_as_map (prefixes, G_N_ELEMENTS (prefixes), FALSE);
  g_autoptr (CepaExtras) extras = cepa_extras_new ();
  g_autoptr (CepaExtras) none = cepa_extras_new ();
  guint64 before = cepa_network_get_view (network)->version, between;

  g_assert_false (cepa_network_has_countries (network));
  g_assert_null (cepa_network_get_extras (network));
  cepa_extras_set_geoip (extras, geoip);
  cepa_extras_set_as_map (extras, as_map);
  annotate (network, extras);
  g_assert_true (cepa_network_has_countries (network));
  g_assert_true (cepa_network_get_extras (network) == extras);
  for (guint row = 0; row < G_N_ELEMENTS (test_relays); row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (network, row);
      guint second = relay->ipv4 >> 16 & 0xff;

      g_assert_cmpstr (relay->country, ==, second == 1 ? "de" : second == 3 ? "fr" : "");
      g_assert_cmpuint (relay->as_number, ==, second == 2 ? 64500 : 0);
    }
  between = cepa_network_get_view (network)->version;
  g_assert_cmpuint (between, !=, before);

  annotate (network, none);
  g_assert_cmpuint (cepa_network_get_view (network)->version, ==, before);
  g_assert_false (cepa_network_has_countries (network));
  g_assert_cmpstr (cepa_network_get_relay (network, 0)->country, ==, "");
}

static CepaSideTable *
make_side_table (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  g_autoptr (GError) error = NULL;
  CepaSideTable *table = cepa_side_table_parse (bytes, &error);

  g_assert_no_error (error);
  return table;
}

static void
test_side_tables (void)
{
  g_autoptr (CepaNetwork) network = make_network ();
  const CepaNetworkView *view = cepa_network_get_view (network);
  g_autoptr (CepaSideTable) risk = make_side_table ("prefix,risk,cost\n10.0.0.0/8,1,10\n10.2.0.0/16,2,20\n");
  g_autoptr (CepaSideTable) other = make_side_table ("prefix,risk\n10.2.0.0/16,7\n");
  g_autoptr (CepaExtras) extras = cepa_extras_new ();
  g_autoptr (CepaExtras) changed = NULL;
  guint64 plain = view->version, first;
  const double *numbers;

  g_assert_null (cepa_network_view_side_column (view, "mine", "risk"));
  g_assert_true (cepa_extras_set_side_table (extras, "mine", risk));
  annotate (network, extras);
  first = view->version;
  g_assert_cmpuint (first, !=, plain);
  numbers = cepa_network_view_side_column (view, "mine", "cost");
  for (guint row = 0; row < G_N_ELEMENTS (test_relays); row++)
    g_assert_true (numbers[row] == ((cepa_network_get_relay (network, row)->ipv4 >> 16 & 0xff) == 2 ? 20 : 10));
  g_assert_null (cepa_network_view_side_column (view, "mine", "nothing"));
  g_assert_null (cepa_network_view_side_column (view, "yours", "risk"));

  changed = cepa_extras_copy (extras);
  g_assert_true (cepa_extras_set_side_table (changed, "mine", other));
  annotate (network, changed);
  g_assert_cmpuint (view->version, !=, first);
  numbers = cepa_network_view_side_column (view, "mine", "risk");
  for (guint row = 0; row < G_N_ELEMENTS (test_relays); row++)
    if ((cepa_network_get_relay (network, row)->ipv4 >> 16 & 0xff) == 2)
      g_assert_true (numbers[row] == 7);
    else
      g_assert_true (isnan (numbers[row]));
  g_assert_null (cepa_network_view_side_column (view, "mine", "cost"));

  g_clear_pointer (&changed, cepa_extras_unref);
  changed = cepa_extras_copy (extras);
  g_assert_true (cepa_extras_set_side_table (changed, "mine", NULL));
  annotate (network, changed);
  g_assert_cmpuint (view->version, ==, plain);
  g_assert_null (cepa_network_view_side_column (view, "mine", "risk"));
}

static void
test_side_table_limit (void)
{
  g_autoptr (CepaSideTable) table = make_side_table ("prefix,risk\n10.2.0.0/16,7\n");
  g_autoptr (CepaExtras) extras = cepa_extras_new ();

  for (guint i = 0; i < CEPA_EXTRAS_MAX_SIDE_TABLES; i++)
    {
      g_autofree char *name = g_strdup_printf ("t%u", i);

      g_assert_true (cepa_extras_set_side_table (extras, name, table));
    }
  g_assert_false (cepa_extras_set_side_table (extras, "more", table));
  g_assert_true (cepa_extras_set_side_table (extras, "t1", table));
}

static CepaNodeSet *
make_set (const char *line)
{
  CepaNodeSet *set = cepa_node_set_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_node_set_add_line (set, line, &error));
  g_assert_no_error (error);
  return set;
}

static void
test_node_families (void)
{
  g_autoptr (CepaNetwork) network = make_network ();
  const CepaNetworkView *view = cepa_network_get_view (network);
  g_autoptr (GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_node_set_unref);
  guint64 before = view->version;

  g_assert_false (cepa_network_same_family (network, 0, 1));
  g_ptr_array_add (sets, make_set ("relay0,relay1"));
  g_ptr_array_add (sets, make_set ("relay1,10.3.0.0/16"));
  cepa_network_set_node_families (network, sets);
  cepa_network_commit (network);
  g_assert_cmpuint (view->version, !=, before);
  g_assert_true (cepa_network_same_family (network, 0, 1));
  g_assert_true (cepa_network_view_same_family (view, 1, 0));
  for (guint row = 2; row < G_N_ELEMENTS (test_relays); row++)
    {
      gboolean named = (cepa_network_get_relay (network, row)->ipv4 >> 16 & 0xff) == 3;

      g_assert_cmpint (cepa_network_same_family (network, 1, row), ==, named);
      /* Not transitive: no line names both. */
      g_assert_false (cepa_network_same_family (network, 0, row));
      g_assert_false (cepa_network_view_same_family (view, 0, row));
    }
  cepa_network_set_node_families (network, NULL);
  cepa_network_commit (network);
  g_assert_cmpuint (view->version, ==, before);
  g_assert_false (cepa_network_same_family (network, 0, 1));
}

/* All rows at once are those that it contains one by one, whatever it names them by. */
static void
test_mark (void)
{
  static const char *const lines[] = {
    "", "relay0", "RELAY2,relay3,nobody", "{fr}", "{??}", "{de},{??},relay0", "{xx}", "10.3.0.0/16", "[2001:db8::]/32",
    "*", "accept 10.2.0.1,10.0.0.0/8", "relay4,{fr},10.1.0.0/16",
  };
  g_autoptr (CepaNetwork) network = make_network ();
  g_autoptr (CepaGeoip) geoip = make_geoip ("167837696,167903231,DE\n167968768,168034303,FR\n");
  g_autoptr (CepaExtras) extras = cepa_extras_new ();
  g_autofree char *first = test_relay_fingerprint (0), *last = test_relay_fingerprint (4);
  g_autofree char *listed = g_strdup_printf ("%s,%s=relay4,$%040d", first, last, 0);

  cepa_extras_set_geoip (extras, geoip);
  for (gboolean has_countries = FALSE; has_countries <= TRUE; has_countries++)
    {
      for (guint i = 0; i <= G_N_ELEMENTS (lines); i++)
        {
          g_autoptr (CepaNodeSet) set = make_set (i < G_N_ELEMENTS (lines) ? lines[i] : listed);
          guint8 bits[G_N_ELEMENTS (test_relays) / 8 + 1] = { 0 };

          cepa_node_set_mark (set, network, bits);
          for (guint row = 0; row < G_N_ELEMENTS (test_relays); row++)
            g_assert_cmpint (bits[0] >> row & 1, ==, cepa_node_set_contains (set, network, row));
          g_assert_cmpuint (bits[0], <, 1u << G_N_ELEMENTS (test_relays));
          if (i == G_N_ELEMENTS (lines))
            g_assert_cmpuint (bits[0], ==, 1 | 1u << 4);
        }
      annotate (network, extras);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/network/annotations/as-map", test_as_map);
  g_test_add_func ("/network/annotations/as-map-faults", test_as_map_faults);
  g_test_add_func ("/network/annotations/rows", test_rows);
  g_test_add_func ("/network/annotations/mark", test_mark);
  g_test_add_func ("/network/annotations/side-tables", test_side_tables);
  g_test_add_func ("/network/annotations/side-table-limit", test_side_table_limit);
  g_test_add_func ("/network/annotations/node-families", test_node_families);
  return g_test_run ();
}
