/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/network.h"

#include <string.h>

#include "base/encoding.h"
#include "support/test-consensus.h"

#define USABLE (CEPA_RELAY_RUNNING | CEPA_RELAY_VALID)

/* All different, so that a mistaken one shows. */
#define WEIGHTS \
  "Wbd=100 Wbe=200 Wbg=300 Wbm=400 Wdb=5000 Web=6000 Wed=700 Wee=800 Weg=900 Wem=1000 Wgb=7000 Wgd=1200 " \
  "Wgg=1300 Wgm=1400 Wmb=8000 Wmd=1500 Wme=1600 Wmg=1700 Wmm=1800"

#define FULL_WEIGHTS \
  "Wbd=10000 Wbe=10000 Wbg=10000 Wbm=10000 Wdb=10000 Web=10000 Wed=10000 Wee=10000 Weg=10000 Wem=10000 " \
  "Wgb=10000 Wgd=10000 Wgg=10000 Wgm=10000 Wmb=10000 Wmd=10000 Wme=10000 Wmg=10000 Wmm=10000"

static void
test_rows (void)
{
  const TestRelay relays[] = {
    { .nickname = "first", .flags = TEST_RELAY_FLAGS, .bandwidth = 12, .ipv4 = 0x01020304 },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .bandwidth = 34, .ipv6 = "[2001:db8::1]:9050" },
    { .nickname = "nineteencharactersx", .flags = USABLE | CEPA_RELAY_GUARD },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays), .params = "circwindow=100" };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  g_autoptr (CepaNetwork) network = cepa_network_new (consensus);
  const CepaNetworkView *view = cepa_network_get_view (network);
  const CepaRelay *row;
  guint8 id[20];

  g_assert_true (cepa_network_get_consensus (network) == consensus);
  g_assert_cmpuint (cepa_network_get_n_relays (network), ==, 3);
  g_assert_cmpuint (view->n_relays, ==, 3);
  g_assert_cmpuint (view->size, ==, sizeof *view);
  g_assert_cmpint (view->valid_after_s, ==, TEST_CONSENSUS_VALID_AFTER_S);
  for (guint i = 0; i < 3; i++)
    {
      test_relay_id (i, id);
      g_assert_cmpint (cepa_network_find (network, id), ==, (gint) i);
      row = cepa_network_get_relay (network, i);
      g_assert_true (cepa_network_view_relay (view, i) == row);
      g_assert_cmpmem (row->rsa_id, 20, id, 20);
      g_assert_cmpuint (row->flags, ==, relays[i].flags);
      g_assert_cmpuint (row->bandwidth, ==, relays[i].bandwidth);
      g_assert_cmpuint (row->or_port, ==, 9001);
    }
  test_relay_id (3, id);
  g_assert_cmpint (cepa_network_find (network, id), ==, -1);
  memset (id, 0, sizeof id);
  g_assert_cmpint (cepa_network_find (network, id), ==, -1);
  g_assert_cmpuint (cepa_network_get_relay (network, 0)->ipv4, ==, 0x01020304);
  g_assert_cmpstr (cepa_network_get_relay (network, 0)->nickname, ==, "first");
  g_assert_cmpuint (cepa_network_get_relay (network, 0)->ipv6_port, ==, 0);
  g_assert_cmpuint (cepa_network_get_relay (network, 1)->ipv6_port, ==, 9050);
  g_assert_cmpuint (cepa_network_get_relay (network, 1)->ipv6[15], ==, 1);
  g_assert_cmpstr (cepa_network_get_relay (network, 2)->nickname, ==, "nineteencharactersx");
  g_assert_cmpint (cepa_network_view_param (view, "circwindow", 7), ==, 100);
  g_assert_cmpint (cepa_network_view_param (view, "nothing", 7), ==, 7);
}

/* More different lines than are remembered while they are read, each of two relays. */
static void
test_protocols (void)
{
  enum { N = 200 };
  TestRelay relays[N] = { 0 };
  const TestConsensus spec = { relays, N };
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (CepaNetwork) network = NULL;

  for (guint i = 0; i < N; i++)
    {
      g_ptr_array_add (lines, g_strdup_printf ("Link=%s X%u=1", i / 2 % 2 != 0 ? "4-5" : "4", i / 2 % 100));
      relays[i] = (TestRelay){ .flags = TEST_RELAY_FLAGS, .protocols = lines->pdata[i] };
    }
  relays[0].protocols = "Relay=2-6 FlowCtrl=1-2 Unknown=1";
  relays[1].protocols = "Relay=2-";
  consensus = test_consensus_make (&spec);
  network = cepa_network_new (consensus);
  g_assert_cmphex (cepa_network_get_relay (network, 0)->protocols, ==,
                   CEPA_PROTOCOL_RELAY_2 | CEPA_PROTOCOL_RELAY_3 | CEPA_PROTOCOL_RELAY_4 | CEPA_PROTOCOL_RELAY_5
                     | CEPA_PROTOCOL_RELAY_6 | CEPA_PROTOCOL_FLOWCTRL_1 | CEPA_PROTOCOL_FLOWCTRL_2);
  g_assert_cmphex (cepa_network_get_relay (network, 1)->protocols, ==, 0);
  for (guint i = 2; i < N; i++)
    g_assert_cmphex (cepa_network_get_relay (network, i)->protocols, ==,
                     CEPA_PROTOCOL_LINK_4 | (i / 2 % 2 != 0 ? CEPA_PROTOCOL_LINK_5 : 0));
}

static void
test_microdescriptors (void)
{
  const TestRelay relays[] = {
    { .flags = TEST_RELAY_FLAGS },
    { .flags = TEST_RELAY_FLAGS, .key = 99 },
    { .flags = TEST_RELAY_FLAGS, .microdesc = "p accept 80\n" },
    { .flags = TEST_RELAY_FLAGS, .key = 99 }, /* the same text as relay 1 */
  };
  const TestRelay strangers[] = { { .key = 1234 } };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) }, strange = { strangers, 1 };
  static const guint order[] = { 0, 1, 2 };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  g_autoptr (CepaNetwork) network = cepa_network_new (consensus);
  g_autoptr (GArray) missing = cepa_network_list_missing (network);
  const CepaRouterStatus *statuses = cepa_consensus_get_relays (consensus, &(guint){ 0 });

  g_assert_cmpuint (missing->len, ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      const guint8 *digest = statuses[order[i]].microdesc_digest;

      g_assert_cmpmem (missing->data + 32 * i, 32, digest, 32);
    }
  g_assert_cmpuint (test_consensus_add_microdescriptor (&strange, network, 0), ==, 0);

  g_assert_cmpuint (test_consensus_add_microdescriptor (&spec, network, 3), ==, 2);
  g_assert_cmpuint (test_consensus_add_microdescriptor (&spec, network, 1), ==, 0);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint ((cepa_network_get_relay (network, i)->flags & CEPA_RELAY_HAS_KEYS) != 0, ==, i % 2 == 1);
  g_assert_cmpuint (cepa_network_get_ntor_key (network, 1)[3], ==, 99);
  g_assert_cmpuint (cepa_network_get_ntor_key (network, 3)[3], ==, 99);
  g_assert_false (cepa_network_exit_allows (network, 2, 80, FALSE));

  g_assert_cmpuint (test_consensus_add_microdescriptor (&spec, network, 2), ==, 1);
  g_assert_true (cepa_network_exit_allows (network, 2, 80, FALSE));
  g_assert_false (cepa_network_exit_allows (network, 2, 80, TRUE));
  g_assert_false (cepa_network_exit_allows (network, 1, 0, FALSE));
  g_array_unref (missing);
  missing = cepa_network_list_missing (network);
  g_assert_cmpuint (missing->len, ==, 1);
  g_assert_cmpmem (missing->data, 32, statuses[0].microdesc_digest, 32);
}

static void
test_identities_and_ipv6 (void)
{
#define IPV6_LINE "a [2001:db8::2]:443\n"
#define ID_LINE "id ed25519 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n"
  const TestRelay relays[] = {
    { .flags = TEST_RELAY_FLAGS, .microdesc = IPV6_LINE ID_LINE },
    { .flags = TEST_RELAY_FLAGS, .microdesc = IPV6_LINE, .ipv6 = "[2001:db8::1]:9050" },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_NO_ED_CONSENSUS, .microdesc = ID_LINE },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  const guint8 zeros[32] = { 0 };
  guint8 ones[32];

  memset (ones, 1, sizeof ones);
  g_assert_cmpmem (cepa_network_get_relay (network, 0)->ed25519_id, 32, ones, 32);
  g_assert_cmpuint (cepa_network_get_relay (network, 0)->ipv6_port, ==, 443);
  g_assert_cmpuint (cepa_network_get_relay (network, 0)->ipv6[15], ==, 2);
  g_assert_cmpmem (cepa_network_get_relay (network, 1)->ed25519_id, 32, zeros, 32);
  g_assert_cmpuint (cepa_network_get_relay (network, 1)->ipv6_port, ==, 9050);
  g_assert_cmpuint (cepa_network_get_relay (network, 1)->ipv6[15], ==, 1);
  g_assert_cmpmem (cepa_network_get_relay (network, 2)->ed25519_id, 32, zeros, 32);
}

/* Weights in 1/10000, worked out by hand from WEIGHTS. */
static void
test_weights (void)
{
  static const struct
  {
    guint32 flags;
    guint32 guard, middle, exit;
  } cases[] = {
    { USABLE, 0, 1800, 0 },
    { USABLE | CEPA_RELAY_EXIT, 0, 1600, 800 },
    { USABLE | CEPA_RELAY_GUARD, 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 1200, 1500, 700 },
    { USABLE | CEPA_RELAY_V2DIR, 0, 1440, 0 },
    { USABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_EXIT, 0, 960, 480 },
    { USABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_GUARD, 910, 1190, 0 },
    { USABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 600, 750, 350 },
    { USABLE | CEPA_RELAY_EXIT | CEPA_RELAY_BAD_EXIT, 0, 1800, 0 },
    { USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT | CEPA_RELAY_BAD_EXIT, 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT | CEPA_RELAY_MIDDLE_ONLY, 0, 1500, 0 },
    { CEPA_RELAY_VALID | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 0, 0, 0 },
    { CEPA_RELAY_RUNNING | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 0, 0, 0 },
  };
  TestRelay relays[G_N_ELEMENTS (cases)] = { 0 };
  const TestConsensus spec = { relays, G_N_ELEMENTS (cases), .weights = WEIGHTS };
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (CepaNetwork) network = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      relays[i].flags = cases[i].flags;
      relays[i].bandwidth = 10 + i; /* so small that nothing is scaled down */
    }
  consensus = test_consensus_make (&spec);
  network = cepa_network_new (consensus);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint place = 0; place < CEPA_N_PLACES; place++)
      g_assert_cmpuint (cepa_network_get_relay (network, i)->weight[place], ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      test_consensus_add_microdescriptor (&spec, network, i);
      test_network_take_flags (network, i, USABLE & ~cases[i].flags);
    }
  cepa_network_commit (network);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CepaRelay *row = cepa_network_get_relay (network, i);
      guint32 unit = (10 + i) * 10000;

      g_assert_cmpuint (row->weight[CEPA_PLACE_GUARD], ==, unit * cases[i].guard);
      g_assert_cmpuint (row->weight[CEPA_PLACE_MIDDLE], ==, unit * cases[i].middle);
      g_assert_cmpuint (row->weight[CEPA_PLACE_EXIT], ==, unit * cases[i].exit);
    }
}

/* Weights in 1/10000, worked out by hand from WEIGHTS: F * Wpf + (1 - F) * Wpn (proposal 236), where a relay is a guard, and
   the place is not that of one. */
static void
test_guard_fraction (void)
{
  static const struct
  {
    guint32 flags;
    const char *w;
    guint32 guard, middle, exit;
  } cases[] = {
    { USABLE | CEPA_RELAY_GUARD, " GuardFraction=30", 1300, 1770, 0 },
    { USABLE | CEPA_RELAY_GUARD, " GuardFraction=0", 1300, 1800, 0 },
    { USABLE | CEPA_RELAY_GUARD, " GuardFraction=100", 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD, NULL, 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD, " GuardFraction=101", 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD, " GuardFraction=-3", 1300, 1700, 0 },
    { USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, " GuardFraction=30", 1200, 1570, 770 },
    { USABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_GUARD, " GuardFraction=50", 910, 1315, 0 },
    { USABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, " GuardFraction=50", 600, 855, 415 },
    { USABLE, " GuardFraction=30", 0, 1800, 0 },
    { USABLE | CEPA_RELAY_EXIT, " GuardFraction=30", 0, 1600, 800 },
  };
  static const struct
  {
    const char *params;
    gint use;
    gboolean expected;
  } uses[] = { { NULL, 1, TRUE }, { NULL, 0, FALSE }, { NULL, -1, FALSE }, { "UseGuardFraction=1", -1, TRUE },
               { "UseGuardFraction=1", 0, FALSE }, { "UseGuardFraction=0", 1, TRUE } };
  TestRelay relays[G_N_ELEMENTS (cases)] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    relays[i] = (TestRelay){ .flags = cases[i].flags, .w = cases[i].w, .bandwidth = 10 + i };
  for (guint use = 0; use < G_N_ELEMENTS (uses); use++)
    {
      const TestConsensus spec
          = { relays, G_N_ELEMENTS (cases), .params = uses[use].params, .weights = WEIGHTS };
      g_autoptr (CepaNetwork) plain = test_consensus_make_network (&spec);
      g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);

      g_assert_cmpint (cepa_network_set_guard_fraction (network, uses[use].use), ==, uses[use].expected);
      cepa_network_commit (network);
      for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
        {
          const guint32 *weight = cepa_network_get_relay (network, i)->weight;
          const guint32 *plain_weight = cepa_network_get_relay (plain, i)->weight;
          guint32 unit = (10 + i) * 10000;

          g_assert_cmpuint (weight[CEPA_PLACE_GUARD], ==, unit * cases[i].guard);
          g_assert_cmpuint (weight[CEPA_PLACE_MIDDLE], ==,
                            uses[use].expected ? unit * cases[i].middle : plain_weight[CEPA_PLACE_MIDDLE]);
          g_assert_cmpuint (weight[CEPA_PLACE_EXIT], ==,
                            uses[use].expected ? unit * cases[i].exit : plain_weight[CEPA_PLACE_EXIT]);
        }
    }
}

/* The greatest uses the bits that there are; small ones do not vanish. */
static void
test_weights_scaled (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE, .bandwidth = 4000000000 },
    { .flags = USABLE, .bandwidth = 2000000000 },
    { .flags = USABLE, .bandwidth = 1 },
    { .flags = USABLE, .bandwidth = 0 },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays), .weights = FULL_WEIGHTS };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  guint32 first = cepa_network_get_relay (network, 0)->weight[CEPA_PLACE_MIDDLE];

  g_assert_cmpuint (first, >, G_MAXUINT32 / 2);
  g_assert_cmpuint (first / 2, ==, cepa_network_get_relay (network, 1)->weight[CEPA_PLACE_MIDDLE]);
  g_assert_cmpuint (cepa_network_get_relay (network, 2)->weight[CEPA_PLACE_MIDDLE], ==, 1);
  g_assert_cmpuint (cepa_network_get_relay (network, 3)->weight[CEPA_PLACE_MIDDLE], ==, 0);
}

static void
test_weights_other_scale (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE, .bandwidth = 10 },
    { .flags = USABLE | CEPA_RELAY_GUARD, .bandwidth = 10 },
  };
  const TestConsensus spec = { relays, 2, .params = "bwweightscale=4000", .weights = WEIGHTS };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);

  /* Wmm=1800 and Wgg=1300 of 4000. */
  g_assert_cmpuint (cepa_network_get_relay (network, 0)->weight[CEPA_PLACE_MIDDLE], ==, 10u * 4500 * 10000);
  g_assert_cmpuint (cepa_network_get_relay (network, 1)->weight[CEPA_PLACE_GUARD], ==, 10u * 3250 * 10000);
}

/* A private network: nobody's bandwidth is measured. */
static void
test_weights_unmeasured (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE },
    { .flags = USABLE | CEPA_RELAY_GUARD },
    { .flags = USABLE | CEPA_RELAY_EXIT },
    { .flags = USABLE | CEPA_RELAY_EXIT | CEPA_RELAY_BAD_EXIT },
    { .flags = USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT }, /* not Running later */
    { .flags = USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_MIDDLE_ONLY },
  };
  static const guint32 expected[][CEPA_N_PLACES] = { { 0, 1, 0 }, { 1, 1, 0 }, { 0, 1, 1 },
                                                     { 0, 1, 0 }, { 0, 0, 0 }, { 0, 1, 0 } };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);

  test_network_take_flags (network, 4, CEPA_RELAY_RUNNING);
  cepa_network_commit (network);
  for (guint i = 0; i < G_N_ELEMENTS (relays); i++)
    for (guint place = 0; place < CEPA_N_PLACES; place++)
      g_assert_cmpuint (cepa_network_get_relay (network, i)->weight[place], ==, expected[i][place]);
}

static void
test_version (void)
{
  const TestRelay relays[] = { { .flags = USABLE }, { .flags = USABLE } };
  const TestRelay others[] = { { .flags = USABLE }, { .flags = USABLE, .bandwidth = 1 } };
  const TestConsensus spec = { relays, 2 }, other_spec = { others, 2 };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  g_autoptr (CepaNetwork) same = test_consensus_make_network (&spec);
  g_autoptr (CepaNetwork) other = test_consensus_make_network (&other_spec);
  g_autoptr (CepaNetwork) growing = cepa_network_new (cepa_network_get_consensus (network));
  guint64 before = cepa_network_get_view (growing)->version;

  g_assert_cmpuint (before, !=, 0);
  g_assert_cmpuint (cepa_network_get_view (network)->version, ==, cepa_network_get_view (same)->version);
  g_assert_cmpuint (cepa_network_get_view (network)->version, !=, cepa_network_get_view (other)->version);
  test_consensus_add_microdescriptor (&spec, growing, 1);
  cepa_network_commit (growing);
  g_assert_cmpuint (cepa_network_get_view (growing)->version, !=, before);
  before = cepa_network_get_view (growing)->version;
  cepa_network_commit (growing);
  g_assert_cmpuint (cepa_network_get_view (growing)->version, ==, before);
  test_consensus_add_microdescriptor (&spec, growing, 0);
  cepa_network_commit (growing);
  g_assert_cmpuint (cepa_network_get_view (growing)->version, ==, cepa_network_get_view (network)->version);
}

static void
test_subnets (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE, .ipv4 = 0x0a010203 },
    { .flags = USABLE, .ipv4 = 0x0a01ffff, .ipv6 = "[2001:db8:1::1]:1" },
    { .flags = USABLE, .ipv4 = 0x0a020203, .ipv6 = "[2001:db8:2::1]:1" },
    { .flags = USABLE, .ipv4 = 0x0b010203, .ipv6 = "[2001:db9:1::1]:1" },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);

  g_assert_true (cepa_network_same_subnet (network, 0, 1));
  g_assert_true (cepa_network_same_subnet (network, 1, 2));
  g_assert_false (cepa_network_same_subnet (network, 0, 2)); /* neither in all /8 nor by zeros for no IPv6 */
  g_assert_false (cepa_network_same_subnet (network, 0, 3));
  g_assert_false (cepa_network_same_subnet (network, 1, 3));
  g_assert_false (cepa_network_same_subnet (network, 2, 3));
}

/* The share of guards is 1/4, 4/4 with relay 1; of middles 1/10, 4/10, 9/10, 1; of exits 0/5, 5/5 with 3. */
static void
test_usable_fraction (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE | CEPA_RELAY_GUARD, .bandwidth = 10 },
    { .flags = USABLE | CEPA_RELAY_GUARD, .bandwidth = 30 },
    { .flags = USABLE, .bandwidth = 10 },
    { .flags = USABLE | CEPA_RELAY_EXIT, .bandwidth = 50, .microdesc = "p accept 80\n" },
    { .flags = USABLE | CEPA_RELAY_GUARD, .bandwidth = 5000 }, /* not Running later: does not count */
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays), .weights = FULL_WEIGHTS };
  const TestConsensus no_exit = { relays, 3, .weights = FULL_WEIGHTS };
  const TestConsensus no_guard = { relays + 2, 2, .weights = FULL_WEIGHTS };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  g_autoptr (CepaConsensus) consensus2 = test_consensus_make (&no_exit);
  g_autoptr (CepaNetwork) network = cepa_network_new (consensus);
  g_autoptr (CepaNetwork) network2 = cepa_network_new (consensus2);
  g_autoptr (CepaNetwork) network3 = test_consensus_make_network (&no_guard);

  test_network_take_flags (network, 4, CEPA_RELAY_RUNNING);
  g_assert_cmpfloat (cepa_network_usable_fraction (network), ==, 0);
  test_consensus_add_microdescriptor (&spec, network, 0);
  g_assert_cmpfloat (cepa_network_usable_fraction (network), ==, 0);
  test_consensus_add_microdescriptor (&spec, network, 3);
  g_assert_cmpfloat_with_epsilon (cepa_network_usable_fraction (network), 0.25 * 0.6, 1e-9);
  test_consensus_add_microdescriptor (&spec, network, 1);
  g_assert_cmpfloat_with_epsilon (cepa_network_usable_fraction (network), 0.9, 1e-9);
  test_consensus_add_microdescriptor (&spec, network, 2);
  g_assert_cmpfloat_with_epsilon (cepa_network_usable_fraction (network), 1.0, 1e-9);

  test_consensus_add_microdescriptor (&no_exit, network2, 1);
  g_assert_cmpfloat_with_epsilon (cepa_network_usable_fraction (network2), 0.75 * 0.6, 1e-9);
  g_assert_cmpfloat (cepa_network_usable_fraction (network3), ==, 0);
}

/* An exit that lets nothing through is none; unmeasured relays count one by one. */
static void
test_usable_fraction_odd (void)
{
  const TestRelay relays[] = {
    { .flags = USABLE | CEPA_RELAY_GUARD },
    { .flags = USABLE | CEPA_RELAY_EXIT, .microdesc = "p reject 1-65535\n" },
    { .flags = USABLE | CEPA_RELAY_EXIT, .microdesc = "p6 accept 443\n" },
    { .flags = USABLE | CEPA_RELAY_EXIT, .microdesc = "p accept 443\n" },
  };
  const TestConsensus spec = { relays, G_N_ELEMENTS (relays) };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  g_autoptr (CepaNetwork) network = cepa_network_new (consensus);

  test_consensus_add_microdescriptor (&spec, network, 0);
  test_consensus_add_microdescriptor (&spec, network, 1);
  g_assert_cmpfloat (cepa_network_usable_fraction (network), ==, 0);
  test_consensus_add_microdescriptor (&spec, network, 2);
  g_assert_cmpfloat_with_epsilon (cepa_network_usable_fraction (network), 0.75 * 0.5, 1e-9);
}

static void
test_empty (void)
{
  const TestConsensus spec = { NULL, 0 };
  g_autoptr (CepaNetwork) network = test_consensus_make_network (&spec);
  g_autoptr (GArray) missing = cepa_network_list_missing (network);
  guint8 id[20] = { 0 };

  g_assert_cmpuint (cepa_network_get_view (network)->n_relays, ==, 0);
  g_assert_cmpuint (missing->len, ==, 0);
  g_assert_cmpint (cepa_network_find (network, id), ==, -1);
  g_assert_cmpfloat (cepa_network_usable_fraction (network), ==, 0);
}

static void
test_references (void)
{
  const TestRelay relays[] = { { .flags = USABLE } };
  const TestConsensus spec = { relays, 1 };
  CepaConsensus *consensus = test_consensus_make (&spec);
  CepaNetwork *network = cepa_network_new (consensus);
  CepaNetwork *again = cepa_network_ref (network);

  cepa_consensus_unref (consensus);
  cepa_network_unref (network);
  g_assert_cmpuint (cepa_network_get_n_relays (again), ==, 1);
  g_assert_cmpint (cepa_consensus_get_valid_after_s (cepa_network_get_consensus (again)), ==,
                   TEST_CONSENSUS_VALID_AFTER_S);
  cepa_network_unref (again);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/network/rows", test_rows);
  g_test_add_func ("/network/protocols", test_protocols);
  g_test_add_func ("/network/microdescriptors", test_microdescriptors);
  g_test_add_func ("/network/identities-and-ipv6", test_identities_and_ipv6);
  g_test_add_func ("/network/weights", test_weights);
  g_test_add_func ("/network/guard-fraction", test_guard_fraction);
  g_test_add_func ("/network/weights-scaled", test_weights_scaled);
  g_test_add_func ("/network/weights-other-scale", test_weights_other_scale);
  g_test_add_func ("/network/weights-unmeasured", test_weights_unmeasured);
  g_test_add_func ("/network/version", test_version);
  g_test_add_func ("/network/subnets", test_subnets);
  g_test_add_func ("/network/usable-fraction", test_usable_fraction);
  g_test_add_func ("/network/usable-fraction-odd", test_usable_fraction_odd);
  g_test_add_func ("/network/empty", test_empty);
  g_test_add_func ("/network/references", test_references);
  return g_test_run ();
}
