/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/restrictions.h"

#include <string.h>

#include "base/error.h"
#include "network/annotations.h"
#include "support/test-consensus.h"

#define GUARD (1u << CEPA_PLACE_GUARD)
#define MIDDLE (1u << CEPA_PLACE_MIDDLE)
#define EXIT (1u << CEPA_PLACE_EXIT)
#define ALL (GUARD | MIDDLE | EXIT)

enum
{
  ROW_GUARD,    /* 10.1.0.1, de */
  ROW_MIDDLE,   /* 10.2.0.1, fr */
  ROW_EXIT,     /* 10.3.0.1, de, reached over IPv6 too */
  ROW_EXIT_TOO, /* 10.4.0.1, in a country that nobody knows */
  N_ROWS
};

static const TestRelay test_relays[N_ROWS] = {
  { .nickname = "guard", .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .ipv4 = 0x0a010001 },
  { .nickname = "middle", .flags = TEST_RELAY_FLAGS, .ipv4 = 0x0a020001 },
  { .nickname = "exit", .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .ipv4 = 0x0a030001, .ipv6 = "[2001:db8::3]:443" },
  { .nickname = "exittoo", .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .ipv4 = 0x0a040001 },
};

#define GEOIP_LINES \
  "167837696,167903231,DE\n" \
  "167903232,167968767,FR\n" \
  "167968768,168034303,DE\n"

static CepaNetwork *
make_network (gboolean with_countries)
{
  const TestConsensus spec = { test_relays, N_ROWS };
  CepaNetwork *network = test_consensus_make_network (&spec);
  g_autoptr (GBytes) text = g_bytes_new_static (GEOIP_LINES, strlen (GEOIP_LINES));
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaGeoip) geoip = cepa_geoip_new (text, NULL, problems);
  g_autoptr (CepaExtras) extras = cepa_extras_new ();

  if (with_countries)
    cepa_extras_set_geoip (extras, geoip);
  cepa_network_annotate (network, cepa_annotations_new (network, extras));
  cepa_network_commit (network);
  return network;
}

static CepaNodeSet *
make_set (const char *line)
{
  CepaNodeSet *set;
  g_autoptr (GError) error = NULL;

  if (line == NULL)
    return NULL;
  set = cepa_node_set_new ();
  g_assert_true (cepa_node_set_add_line (set, line, &error));
  g_assert_no_error (error);
  return set;
}

static CepaAddressPolicy *
make_policy (const char *rules)
{
  CepaAddressPolicy *policy = cepa_address_policy_new ();

  g_assert_true (cepa_address_policy_add_list (policy, rules, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
  cepa_address_policy_end_with_reject (policy);
  return policy;
}

/* What the user wrote. */
typedef struct
{
  const char *exclude, *exclude_exit, *entry, *middle, *exit, *reachable;
  gint exclude_unknown;
  gboolean no_ipv4;
} Options;

static CepaRestrictions *
make_restrictions (const Options *options)
{
  g_autoptr (CepaNodeSet) exclude = make_set (options->exclude);
  g_autoptr (CepaNodeSet) exclude_exit = make_set (options->exclude_exit);
  g_autoptr (CepaNodeSet) entry = make_set (options->entry);
  g_autoptr (CepaNodeSet) middle = make_set (options->middle);
  g_autoptr (CepaNodeSet) exit = make_set (options->exit);
  g_autoptr (CepaAddressPolicy) policy = options->reachable != NULL ? make_policy (options->reachable) : NULL;
  CepaRestrictionsConfig config = CEPA_RESTRICTIONS_CONFIG_INIT;

  config.exclude = exclude;
  config.exclude_exit = exclude_exit;
  config.entry = entry;
  config.middle = middle;
  config.exit = exit;
  config.exclude_unknown = options->exclude_unknown;
  config.reachability.policy = policy;
  config.reachability.use_ipv4 = !options->no_ipv4;
  return cepa_restrictions_new (&config);
}

static void
test_places (void)
{
  static const struct
  {
    Options options;
    guint8 barred[N_ROWS];
  } cases[] = {
    { { .exclude = "middle" }, { 0, ALL, 0, 0 } },
    { { .exclude_exit = "exit" }, { 0, 0, EXIT, 0 } },
    { { .exclude = "middle", .exclude_exit = "exit" }, { 0, ALL, EXIT, 0 } },
    { { .entry = "guard,middle" }, { 0, 0, GUARD, GUARD } },
    { { .middle = "middle" }, { MIDDLE, 0, MIDDLE, MIDDLE } },
    { { .exit = "exit" }, { EXIT, EXIT, 0, EXIT } },
    { { .exit = "exit,exittoo", .exclude = "exit" }, { EXIT, EXIT, ALL, 0 } },
    { { .exclude = "10.3.0.0/16" }, { 0, 0, ALL, 0 } },
    { { .exclude = "[2001:db8::]/32" }, { 0, 0, ALL, 0 } },
    /* Without countries in the options, what is not known is not excluded. */
    { { .exclude = "middle", .exclude_unknown = -1 }, { 0, ALL, 0, 0 } },
    { { .exclude = "{fr}", .exclude_unknown = -1 }, { 0, ALL, 0, ALL } },
    { { .exclude = "{fr}" }, { 0, ALL, 0, 0 } },
    { { .exclude_exit = "{de}", .exclude_unknown = -1 }, { EXIT, 0, EXIT, EXIT } },
    { { .exclude_unknown = 1 }, { 0, 0, 0, ALL } },
    { { .exclude = "{??}" }, { 0, 0, 0, ALL } },
    { { .exit = "{de}", .exclude_unknown = -1 }, { 0, EXIT, 0, EXIT } },
    { { .reachable = "*:443" }, { GUARD, GUARD, 0, GUARD } },
    { { .reachable = "reject 10.1.0.0/16, *:*" }, { GUARD, 0, 0, 0 } },
    { { .no_ipv4 = TRUE }, { GUARD, GUARD, 0, GUARD } },
  };
  g_autoptr (CepaNetwork) network = make_network (TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaRestrictions) restrictions = make_restrictions (&cases[i].options);
      CepaBarred barred = { NULL, 0 };
      g_autoptr (GError) error = NULL;

      g_test_message ("case %u", i);
      g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, &error));
      g_assert_cmpuint (barred.id, !=, 0);
      g_assert_cmpmem (barred.rows, N_ROWS, cases[i].barred, N_ROWS);
      for (guint row = 0; row < N_ROWS; row++)
        for (guint place = 0; place < CEPA_N_PLACES; place++)
          g_assert_cmpint (cepa_restrictions_allows (restrictions, network, row, (CepaPlace) place), ==,
                           (cases[i].barred[row] >> place & 1) == 0);
    }
}

static void
test_nothing (void)
{
  static const Options options = { .exclude_unknown = -1 };
  g_autoptr (CepaNetwork) network = make_network (TRUE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&options);
  CepaBarred barred = { (const guint8 *) "", 1 };

  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_null (barred.rows);
  g_assert_cmpuint (barred.id, ==, 0);
  g_assert_true (cepa_restrictions_allows (restrictions, network, ROW_EXIT, CEPA_PLACE_GUARD));
  g_assert_false (cepa_restrictions_need_countries (restrictions));
  g_assert_false (cepa_restrictions_is_strict (restrictions));
}

/* A {cc} without a GeoIP file means nothing, as in C Tor. */
static void
test_without_countries (void)
{
  static const Options options = { .exclude = "{de},middle", .exclude_unknown = 1 };
  static const guint8 expected[N_ROWS] = { 0, ALL, 0, 0 };
  g_autoptr (CepaNetwork) network = make_network (FALSE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&options);
  CepaBarred barred;
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_restrictions_need_countries (restrictions));
  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_cmpmem (barred.rows, N_ROWS, expected, N_ROWS);
  g_assert_false (cepa_restrictions_get (restrictions, network, "de", &barred, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
}

static void
test_exit_country (void)
{
  static const Options options = { .exclude_exit = "exittoo" };
  static const guint8 german[N_ROWS] = { 0, EXIT, 0, EXIT };
  g_autoptr (CepaNetwork) network = make_network (TRUE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&options);
  CepaBarred barred, again, plain;
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_restrictions_get (restrictions, network, "DE", &barred, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (barred.rows, N_ROWS, german, N_ROWS);
  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &plain, NULL));
  g_assert_cmpuint (plain.id, !=, barred.id);
  g_assert_true (cepa_restrictions_get (restrictions, network, "de", &again, NULL));
  g_assert_true (again.rows == barred.rows);
  g_assert_cmpuint (again.id, ==, barred.id);

  g_assert_false (cepa_restrictions_get (restrictions, network, "fr", &barred, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  g_assert_nonnull (strstr (error->message, "{fr}"));
  g_clear_error (&error);
  g_assert_false (cepa_restrictions_get (restrictions, network, "deu", &barred, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
}

/* More countries than are kept: each is right all the same. */
static void
test_many_countries (void)
{
  static const Options options = { .exclude_exit = "exittoo" };
  g_autoptr (CepaNetwork) network = make_network (TRUE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&options);
  CepaBarred barred;

  for (char c = 'a'; c <= 'z'; c++)
    {
      char country[] = { 'q', c, '\0' };

      g_assert_false (cepa_restrictions_get (restrictions, network, country, &barred, NULL));
      g_assert_true (cepa_restrictions_get (restrictions, network, "de", &barred, NULL));
      g_assert_cmpuint (barred.rows[ROW_MIDDLE], ==, EXIT);
    }
}

static void
test_waiting (void)
{
  static const Options plain = { .exclude = "middle" }, with_countries = { .exclude = "{fr}" };
  g_autoptr (CepaNetwork) network = make_network (FALSE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&plain);
  g_autoptr (CepaRestrictions) needy = make_restrictions (&with_countries);
  CepaBarred barred;
  g_autoptr (GError) error = NULL;

  cepa_restrictions_set_waiting (restrictions, TRUE);
  cepa_restrictions_set_waiting (needy, TRUE);
  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_false (cepa_restrictions_get (restrictions, network, "de", &barred, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  g_clear_error (&error);
  g_assert_false (cepa_restrictions_get (needy, network, NULL, &barred, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  g_assert_false (cepa_restrictions_allows (needy, network, ROW_EXIT, CEPA_PLACE_EXIT));
  cepa_restrictions_set_waiting (needy, FALSE);
  g_assert_true (cepa_restrictions_get (needy, network, NULL, &barred, NULL));
}

/* Another network, other options: nothing of the former is given. */
static void
test_changes (void)
{
  static const Options options = { .exclude = "{de}", .exclude_unknown = 0 };
  static const guint8 with[N_ROWS] = { ALL, 0, ALL, 0 };
  g_autoptr (CepaNetwork) network = make_network (TRUE);
  g_autoptr (CepaNetwork) bare = make_network (FALSE);
  g_autoptr (CepaRestrictions) restrictions = make_restrictions (&options);
  g_autoptr (CepaNodeSet) middle = make_set ("middle");
  CepaRestrictionsConfig config = CEPA_RESTRICTIONS_CONFIG_INIT;
  CepaBarred barred;

  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_cmpmem (barred.rows, N_ROWS, with, N_ROWS);
  g_assert_true (cepa_restrictions_get (restrictions, bare, NULL, &barred, NULL));
  g_assert_null (barred.rows);
  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_cmpmem (barred.rows, N_ROWS, with, N_ROWS);

  config = *cepa_restrictions_get_config (restrictions);
  config.exclude = middle;
  config.is_strict = TRUE;
  cepa_restrictions_set_config (restrictions, &config);
  g_assert_true (cepa_restrictions_is_strict (restrictions));
  g_assert_true (cepa_restrictions_get (restrictions, network, NULL, &barred, NULL));
  g_assert_cmpuint (barred.rows[ROW_GUARD], ==, 0);
  g_assert_cmpuint (barred.rows[ROW_MIDDLE], ==, ALL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/path/restrictions/places", test_places);
  g_test_add_func ("/path/restrictions/nothing", test_nothing);
  g_test_add_func ("/path/restrictions/without-countries", test_without_countries);
  g_test_add_func ("/path/restrictions/exit-country", test_exit_country);
  g_test_add_func ("/path/restrictions/many-countries", test_many_countries);
  g_test_add_func ("/path/restrictions/waiting", test_waiting);
  g_test_add_func ("/path/restrictions/changes", test_changes);
  return g_test_run ();
}
