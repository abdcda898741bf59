/* SPDX-License-Identifier: BSD-3-Clause */
/* What options and this machine say of relays, on a network of four that is there already. */
#include "host/relays.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "config/change.h"
#include "config/config-private.h"
#include "directory/servers.h"
#include "host/vocabulary.h"
#include "netdoc/maker.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

#define BIT(place) (1u << CEPA_PLACE_##place)
#define ALL (BIT (GUARD) | BIT (MIDDLE) | BIT (EXIT))

typedef struct
{
  FakeNetwork network;
  CepaPluginHost *host;
  CepaHostRelays *relays;
  CepaConfig *config;
  CepaHostVocabulary *vocabulary;
  char *geoip, *geoip6;
  guint n_replies;
  GVariant *result; /* (nullable) */
  GError *error;    /* (nullable) */
} Relays;

static CepaConfig *
make_config (void)
{
  g_autoptr (GPtrArray) layer = g_ptr_array_new ();
  GPtrArray *const layers[] = { layer };
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  CepaConfig *config = cepa_config_new_from_layers (layers, 1, warnings, &error);

  g_assert_no_error (error);
  return config;
}

/* Puts an option in force as Options1.Set does; @value: (nullable): its default. */
static void
set_option (Relays *self, const char *name, const char *value)
{
  const char *const values[] = { value, NULL };
  const CepaConfigChange change = { name, values };
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  CepaConfig *changed = cepa_config_new_changed (self->config, &change, 1, warnings, &error);

  g_assert_no_error (error);
  cepa_host_relays_set_config (self->relays, changed);
  g_clear_pointer (&self->config, cepa_config_free);
  self->config = changed;
}

static const CepaRelay *
get_relay (Relays *self, guint row)
{
  return cepa_network_get_relay (cepa_directory_get_network (self->network.directory), row);
}

/* A line that puts the relay of @row, and nobody else, into @country. */
static char *
make_geoip_line (Relays *self, guint row, const char *country)
{
  return g_strdup_printf ("%u,%u,%s\n", get_relay (self, row)->ipv4, get_relay (self, row)->ipv4, country);
}

static void
relays_set_up (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaVocabularyClient client = { .version = "1" };
  const CepaPluginHostFuncs host_funcs = { NULL, NULL };
  g_autofree char *german = NULL, *french = NULL, *lines = NULL;

  fake_network_init (&self->network);
  german = make_geoip_line (self, FAKE_ROW_EXIT_A, "DE");
  french = make_geoip_line (self, FAKE_ROW_EXIT_B, "FR");
  lines = g_strconcat (german, french, NULL);
  self->geoip = g_build_filename (self->network.folder, "geoip", NULL);
  self->geoip6 = g_build_filename (self->network.folder, "geoip6", NULL);
  g_assert_true (g_file_set_contents (self->geoip, lines, -1, NULL));
  g_assert_true (g_file_set_contents (self->geoip6, "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,IT\n", -1, NULL));
  self->host = cepa_plugin_host_new (self->network.context, fake_server_clock (), cepa_random_system (),
                                     self->network.folder, &host_funcs);
  self->config = make_config ();
  self->relays = cepa_host_relays_new (self->host, self->network.directory, self->config);
  cepa_host_relays_set_circuits (self->relays, self->network.circuits);
  set_option (self, "GeoIPFile", self->geoip);
  set_option (self, "GeoIPv6File", self->geoip6);
  cepa_host_relays_start (self->relays);
  self->vocabulary = cepa_host_vocabulary_new (NULL);
  client.directory = self->network.directory;
  client.relays = self->relays;
  cepa_host_vocabulary_set_client (self->vocabulary, &client);
}

static void
relays_tear_down (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_host_vocabulary_set_client (self->vocabulary, NULL);
  cepa_host_relays_stop (self->relays);
  while (cepa_host_relays_is_busy (self->relays) || cepa_directory_is_busy (self->network.directory))
    fake_network_turn (&self->network);
  cepa_circuits_set_restrictions (self->network.circuits, NULL);
  cepa_host_relays_free (self->relays);
  cepa_host_vocabulary_free (self->vocabulary);
  cepa_plugin_host_free (self->host);
  cepa_config_free (self->config);
  g_unlink (self->geoip);
  g_unlink (self->geoip6);
  g_free (self->geoip);
  g_free (self->geoip6);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  fake_network_clear (&self->network);
}

static void
wait_for_countries (Relays *self)
{
  CepaKnowledge *knowledge = cepa_host_relays_get_knowledge (self->relays);

  while (cepa_knowledge_is_waiting (knowledge) || cepa_directory_lacks_supplement (self->network.directory))
    fake_network_turn (&self->network);
  cepa_host_relays_network_changed (self->relays);
}

static void
assert_barred (Relays *self, guint guard, guint middle, guint exit_a, guint exit_b)
{
  CepaRestrictions *restrictions = cepa_host_relays_get_restrictions (self->relays);
  const guint8 expected[FAKE_N_ROWS] = {
    [FAKE_ROW_GUARD] = (guint8) guard,
    [FAKE_ROW_MIDDLE] = (guint8) middle,
    [FAKE_ROW_EXIT_A] = (guint8) exit_a,
    [FAKE_ROW_EXIT_B] = (guint8) exit_b,
  };
  static const guint8 nothing[FAKE_N_ROWS];
  g_autoptr (GError) error = NULL;
  CepaBarred barred;

  g_assert_true (cepa_restrictions_get (restrictions, cepa_directory_get_network (self->network.directory), NULL,
                                        &barred, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (barred.rows != NULL ? barred.rows : nothing, FAKE_N_ROWS, expected, FAKE_N_ROWS);
}

/* Nobody has asked for countries: nothing is read. */
static void
test_idle (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_null (cepa_knowledge_get_geoip (cepa_host_relays_get_knowledge (self->relays)));
  g_assert_false (cepa_host_relays_is_busy (self->relays));
  assert_barred (self, 0, 0, 0, 0);
}

static void
test_options (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *middle = g_strdup (get_relay (self, FAKE_ROW_MIDDLE)->nickname);

  set_option (self, "ExcludeNodes", middle);
  assert_barred (self, 0, ALL, 0, 0);
  set_option (self, "ExcludeNodes", NULL);
  assert_barred (self, 0, 0, 0, 0);
  set_option (self, "MiddleNodes", middle);
  assert_barred (self, BIT (MIDDLE), 0, BIT (MIDDLE), BIT (MIDDLE));
  set_option (self, "MiddleNodes", NULL);
  set_option (self, "ReachableAddresses", "reject *:*");
  assert_barred (self, BIT (GUARD), BIT (GUARD), BIT (GUARD), BIT (GUARD));
}

static void
test_countries (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaRestrictions *restrictions = cepa_host_relays_get_restrictions (self->relays);

  set_option (self, "ExcludeExitNodes", "{de}");
  /* Nothing is decided before the countries are there. */
  g_assert_true (cepa_restrictions_is_waiting (restrictions));
  g_assert_false (cepa_restrictions_allows (restrictions, cepa_directory_get_network (self->network.directory),
                                            FAKE_ROW_EXIT_B, CEPA_PLACE_EXIT));
  wait_for_countries (self);
  g_assert_cmpstr (get_relay (self, FAKE_ROW_EXIT_A)->country, ==, "de");
  g_assert_cmpstr (get_relay (self, FAKE_ROW_EXIT_B)->country, ==, "fr");
  g_assert_cmpstr (get_relay (self, FAKE_ROW_GUARD)->country, ==, "");
  assert_barred (self, BIT (EXIT), BIT (EXIT), BIT (EXIT), 0);
  set_option (self, "GeoIPExcludeUnknown", "0");
  assert_barred (self, 0, 0, BIT (EXIT), 0);
}

/* Without a file a country means nothing, and the user is told so. */
static void
test_no_file (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  set_option (self, "GeoIPFile", "/nowhere/geoip");
  set_option (self, "GeoIPv6File", "/nowhere/geoip6");
  set_option (self, "ExcludeNodes", "{de}");
  wait_for_countries (self);
  assert_barred (self, 0, 0, 0, 0);
  /* Another file while it runs. */
  set_option (self, "GeoIPFile", self->geoip);
  wait_for_countries (self);
  assert_barred (self, ALL, ALL, ALL, 0);
}

static void
test_families (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *names = g_strdup_printf ("%s,%s", get_relay (self, FAKE_ROW_EXIT_A)->nickname,
                                            get_relay (self, FAKE_ROW_MIDDLE)->nickname);
  const CepaNetwork *network = cepa_directory_get_network (self->network.directory);

  g_assert_false (cepa_network_same_family (network, FAKE_ROW_EXIT_A, FAKE_ROW_MIDDLE));
  set_option (self, "NodeFamily", names);
  wait_for_countries (self);
  g_assert_true (cepa_network_same_family (network, FAKE_ROW_EXIT_A, FAKE_ROW_MIDDLE));
  g_assert_false (cepa_network_same_family (network, FAKE_ROW_EXIT_B, FAKE_ROW_MIDDLE));
  set_option (self, "NodeFamily", NULL);
  wait_for_countries (self);
  g_assert_false (cepa_network_same_family (network, FAKE_ROW_EXIT_A, FAKE_ROW_MIDDLE));
}

static void
test_side_table (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char text[] = "fingerprint,n\n0000000000000000000000000000000000000000,1\n";
  CepaKnowledge *knowledge = cepa_host_relays_get_knowledge (self->relays);
  const CepaNetworkView *view = cepa_network_get_view (cepa_directory_get_network (self->network.directory));
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (CepaSideTable) table = cepa_side_table_parse (bytes, NULL);

  g_assert_true (cepa_knowledge_set_side_table (knowledge, "mine", table));
  wait_for_countries (self);
  g_assert_true (isnan (view->side_column (view, "mine", "n")[0]));
  g_assert_true (cepa_knowledge_set_side_table (knowledge, "mine", NULL));
  wait_for_countries (self);
  g_assert_null (view->side_column (view, "mine", "n"));
}

/* ---- asked through the vocabulary ---- */

static void
relays_reply (gpointer user_data, GVariant *result, const GError *error)
{
  Relays *self = user_data;

  self->n_replies++;
  self->result = result != NULL ? g_variant_ref (result) : NULL;
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
ask (Relays *self, const char *method, const char *address)
{
  guint n = self->n_replies;

  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  cepa_host_vocabulary_call (self->vocabulary, self, "Network1", method,
                             address != NULL ? g_variant_new ("(s)", address) : NULL, relays_reply, self);
  while (self->n_replies == n)
    fake_network_turn (&self->network);
}

static void
assert_country (Relays *self, const char *address, const char *expected)
{
  const char *country;

  ask (self, "Country", address);
  g_assert_no_error (self->error);
  g_variant_get (self->result, "(&s)", &country);
  g_assert_cmpstr (country, ==, expected);
}

static void
test_questions (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 ipv4 = get_relay (self, FAKE_ROW_EXIT_A)->ipv4;
  g_autofree char *german
      = g_strdup_printf ("%u.%u.%u.%u", ipv4 >> 24, ipv4 >> 16 & 255, ipv4 >> 8 & 255, ipv4 & 255);
  gboolean has_ipv4, has_ipv6;

  assert_country (self, german, "de");
  assert_country (self, "255.255.255.255", "");
  assert_country (self, "2001:db8::1", "it");
  ask (self, "Country", "home");
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  ask (self, "HasCountries", NULL);
  g_variant_get (self->result, "(bb)", &has_ipv4, &has_ipv6);
  g_assert_true (has_ipv4 && has_ipv6);
  set_option (self, "GeoIPv6File", "/nowhere/geoip6");
  ask (self, "Country", "2001:db8::1");
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
  assert_country (self, german, "de");
}

/* Asked, and the daemon ends: the question is answered. */
static void
test_stopped (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_host_vocabulary_call (self->vocabulary, self, "Network1", "Country", g_variant_new ("(s)", "192.0.2.1"),
                             relays_reply, self);
  cepa_host_relays_stop (self->relays);
  while (self->n_replies == 0)
    fake_network_turn (&self->network);
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
}

/* ---- who is asked for documents ---- */

static void
test_servers (Relays *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GPtrArray) authorities = maker_sources (2);
  g_autoptr (GPtrArray) fallbacks = g_ptr_array_new ();
  CepaDirectorySource *first = g_ptr_array_index (authorities, 0), *second = g_ptr_array_index (authorities, 1);
  g_autofree char *first_address = NULL, *both = NULL;
  CepaServers *servers = cepa_servers_new (authorities, fallbacks, 1.0, fake_server_clock (), cepa_random_system ());
  const CepaServersWish wish = { .kind = CEPA_SERVERS_AUTHORITY };
  const CepaServersFilter *filter = cepa_host_relays_get_filter (self->relays);
  CepaCircuitHop hop;
  gboolean is_guard;

  /* So that addresses tell them apart. */
  first->ipv4 = 0x0a630001;
  second->ipv4 = 0x0a630002;
  first->or_port = second->or_port = 9001;
  first->has_ipv6 = second->has_ipv6 = FALSE;
  cepa_servers_set_filter (servers, filter);
  set_option (self, "ExcludeNodes", "10.99.0.1");
  for (guint i = 0; i < 20; i++)
    {
      g_assert_true (cepa_servers_choose (servers, &wish, &hop, &is_guard));
      g_assert_cmpuint (hop.target.ipv4, ==, second->ipv4);
    }
  /* One that failed, and whom the user wants, is better than one whom he does not. */
  cepa_servers_note_failure (servers, second->rsa_id);
  g_assert_true (cepa_servers_choose (servers, &wish, &hop, &is_guard));
  g_assert_cmpuint (hop.target.ipv4, ==, second->ipv4);
  /* With nobody else left, StrictNodes says whether the excluded are asked. */
  set_option (self, "ExcludeNodes", "10.99.0.0/16");
  g_assert_true (cepa_servers_choose (servers, &wish, &hop, &is_guard));
  set_option (self, "StrictNodes", "1");
  g_assert_false (cepa_servers_choose (servers, &wish, &hop, &is_guard));
  set_option (self, "ExcludeNodes", NULL);
  g_assert_true (cepa_servers_choose (servers, &wish, &hop, &is_guard));
  set_option (self, "ReachableAddresses", "reject 10.99.0.0/16, accept *:*");
  g_assert_false (cepa_servers_choose (servers, &wish, &hop, &is_guard));
  cepa_servers_free (servers);
}

#define ADD(path, func) g_test_add ("/relays/" path, Relays, NULL, relays_set_up, func, relays_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("idle", test_idle);
  ADD ("options", test_options);
  ADD ("countries", test_countries);
  ADD ("no-file", test_no_file);
  ADD ("families", test_families);
  ADD ("side-table", test_side_table);
  ADD ("questions", test_questions);
  ADD ("stopped", test_stopped);
  ADD ("servers", test_servers);
  return g_test_run ();
}
