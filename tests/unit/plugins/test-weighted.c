/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin path.weighted over made-up networks and seeded randomness. */
#include "weighted.h"

#include <string.h>

#include "base/secret.h"
#include "support/path-oracle.h"

typedef struct
{
  FakeView fake;
  CepaWeighted *weighted;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_view_init (&self->fake);
  self->weighted = cepa_weighted_new (&self->fake.host);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_weighted_free (self->weighted);
}

static CepaPathRequest
make_request (guint32 n_hops, guint16 port)
{
  return (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = n_hops, .port = port };
}

/* Draws @n paths and compares how often each comes with what is expected. */
static void
assert_distribution_of (Fixture *self, const CepaPathRequest *request, guint n)
{
  const PathOracle oracle = { .fake = &self->fake, .request = request };
  guint n_paths = path_oracle_count (&oracle);
  g_autofree double *chances = path_oracle_chances (&oracle);
  g_autofree guint *seen = g_new0 (guint, n_paths);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, request, &path, &error));
      fake_view_assert_path (&self->fake, request, &path);
      seen[path_oracle_index (&oracle, &path)]++;
    }
  fake_view_assert_chi_square (seen, chances, n_paths, n);
}

static void
assert_distribution (Fixture *self, guint16 port, guint n)
{
  CepaPathRequest request = make_request (3, port);

  assert_distribution_of (self, &request, n);
}

static void
assert_no_path (Fixture *self, const CepaPathRequest *request, int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = 77 };

  g_assert_false (cepa_weighted_choose (self->weighted, &self->fake.view, request, &path, &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, code);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_cmpuint (path.n_hops, ==, 77);
}

/* Weights are small, so that being off by one shows. */
static void
add_mixed_relays (Fixture *self)
{
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 10, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 30, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 20, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 15, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 40, FAKE_POLICY_MAIL);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 7, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 25, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 9, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 50, FAKE_POLICY_NONE);
  self->fake.relays[0].weight[CEPA_PLACE_GUARD] = 18;
  self->fake.relays[2].weight[CEPA_PLACE_GUARD] = 5;
  self->fake.relays[2].weight[CEPA_PLACE_EXIT] = 11;
  self->fake.relays[3].weight[CEPA_PLACE_EXIT] = 8;
  /* Guard 1 with exit 3; middle 6 with guard 0. */
  self->fake.relays[1].family = self->fake.relays[3].family = 7;
  self->fake.relays[6].ipv4 = self->fake.relays[0].ipv4 + 1;
}

static void
test_distribution (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  add_mixed_relays (self);
  assert_distribution (self, 80, 200000);
}

/* Of the weight for exits nearly none allows the port: what decides is the look at all of them. */
static void
test_distribution_rare_port (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  add_mixed_relays (self);
  self->fake.relays[4].weight[CEPA_PLACE_EXIT] = 4000000000;
  assert_distribution (self, 80, 50000);
}

static void
test_distribution_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 8, 1, 77, 0, 2 };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (self);
  self->fake.relays[1].weight[CEPA_PLACE_GUARD] = 0;
  request.guards = guards;
  request.n_guards = G_N_ELEMENTS (guards);
  assert_distribution_of (self, &request, 100000);
  request.n_hops = 4;
  assert_distribution_of (self, &request, 400000);
}

static void
test_distribution_settled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 fixed[] = { CEPA_PATH_ANY_ROW, 6, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW };
  CepaPathRequest request = make_request (4, 80);

  add_mixed_relays (self);
  request.fixed = fixed;
  assert_distribution_of (self, &request, 400000);
  fixed[0] = 1;
  fixed[3] = 2;
  assert_distribution_of (self, &request, 50000);
}

static void
test_distribution_barred (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 barred[16] = { [1] = 1 << CEPA_PLACE_GUARD, [2] = 1 << CEPA_PLACE_EXIT, [7] = 0xff,
                        [8] = 1 << CEPA_PLACE_MIDDLE, [5] = 1 << CEPA_PLACE_GUARD | 1 << CEPA_PLACE_MIDDLE };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (self);
  request.barred = barred;
  /* More contents than there are sets of tables. */
  for (request.barred_id = 1; request.barred_id < 7; request.barred_id++)
    {
      barred[8] ^= 1 << CEPA_PLACE_MIDDLE;
      assert_distribution_of (self, &request, 50000);
    }
  request.barred = NULL;
  request.barred_id = 0;
  assert_distribution_of (self, &request, 100000);
}

static void
test_distribution_vanguards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (4, 0);

  add_mixed_relays (self);
  self->fake.view.n_relays = 7;
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.flags = CEPA_PATH_VANGUARDS;
  assert_distribution_of (self, &request, 600000);
}

/* A hop that is settled on who does not fit there. */
static void
test_settled_badly (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 1 };
  guint32 fixed[] = { 6, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (self);
  request.fixed = fixed;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "settled as hop 1 of 3");
  fixed[0] = 0;
  fixed[1] = 6; /* of the network of 0 */
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "settled as hop 2 of 3");
  fixed[1] = 9;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "settled as hop 2 of 3");
  fixed[1] = CEPA_PATH_ANY_ROW;
  request.guards = guards;
  request.n_guards = 1;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "settled as hop 1 of 3");
  fixed[0] = CEPA_PATH_ANY_ROW;
  fixed[2] = 3; /* of the family of 1 */
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as guard beside");
}

/* A rule more, of a policy that is built on this one. */
static gboolean
agrees_ascending (void *context, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request, guint hop,
                  guint32 row, const guint32 *others, guint n_others)
{
  guint *n = context;

  (*n)++;
  return hop + 1 == request->n_hops || (n_others > 0 && row < others[0]);
}

static void
test_rule (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n = 0;
  const CepaWeightedRule rule = { agrees_ascending, &n };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (self);
  cepa_weighted_set_rule (self->weighted, &rule);
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
      fake_view_assert_path (&self->fake, &request, &path);
      g_assert_cmpuint (path.hops[0], <, path.hops[2]);
      g_assert_cmpuint (path.hops[1], <, path.hops[2]);
    }
  g_assert_cmpuint (n, >=, 3000);
}

static void
test_constraints (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint16 ports[] = { 0, 25, 80, 443 };
  CepaRandom *random = &self->fake.random.random;
  guint n_paths[CEPA_PATH_MAX_HOPS + 1] = { 0 };
  guint32 excluded[50];

  for (guint i = 0; i < 300; i++)
    fake_view_add_random (&self->fake);
  for (guint i = 0; i < G_N_ELEMENTS (excluded); i++)
    excluded[i] = 6 * i + (guint32) cepa_random_below (random, 6);
  for (guint i = 0; i < 100000; i++)
    {
      guint32 n_hops = 1 + (guint32) cepa_random_below (random, CEPA_PATH_MAX_HOPS);
      guint16 port = ports[cepa_random_below (random, G_N_ELEMENTS (ports))];
      CepaPathRequest request = make_request (n_hops, port);
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      request.purpose = (guint32) cepa_random_below (random, 2);
      request.flags = (guint32) cepa_random_below (random, 16);
      request.excluded = excluded;
      request.n_excluded = cepa_random_below (random, 2) != 0 ? G_N_ELEMENTS (excluded) : 0;
      if (!cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error))
        {
          /* Nobody's policy lets these through. */
          g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH);
          g_assert_true (request.purpose == CEPA_PURPOSE_GENERAL && (request.flags & CEPA_PATH_IPV6) != 0);
          g_assert_true (request.port == 25 || request.port == 80);
          continue;
        }
      fake_view_assert_path (&self->fake, &request, &path);
      n_paths[n_hops]++;
    }
  for (guint i = 1; i <= CEPA_PATH_MAX_HOPS; i++)
    g_assert_cmpuint (n_paths[i], >, 5000);
}

static void
test_impossible (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint32 excluded[] = { 0 };

  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "none of the 0 relays fits as exit to port 80");
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 10, FAKE_POLICY_NONE);
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "fits as exit to port 80 beside");
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 10, FAKE_POLICY_MAIL);
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "none of the 2 relays fits as exit to port 80");
  request.flags = CEPA_PATH_IPV6;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "to port 80 over IPv6");
  request.port = 443;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as middle relay");
  fake_view_add (&self->fake, FAKE_VIEW_USABLE & ~CEPA_RELAY_STABLE, 10, FAKE_POLICY_NONE);
  self->fake.view.version++;
  request.flags |= CEPA_PATH_NEED_STABLE;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as middle relay of a long-lived path");
  self->fake.relays[2].flags |= CEPA_RELAY_STABLE;
  request.excluded = excluded;
  request.n_excluded = 1;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as guard");
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.n_hops = 4;
  request.n_excluded = 0;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "a path of 4");
  request.n_hops = 0;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_UNSUPPORTED, "0 relays");
  request.n_hops = CEPA_PATH_MAX_HOPS + 1;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_UNSUPPORTED, "9 relays");
  request.n_hops = 3;
  request.purpose = 2;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_UNSUPPORTED, "purpose 2");
}

/* The likeliest guards are the only exit or of its family: another guard is found. Then the likeliest exit leaves no
   guard, and the likeliest guard no middle relay: other ones are found. */
static void
test_dead_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 4000000000, FAKE_POLICY_WEB);
  for (guint i = 1; i < 20; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1000000000, FAKE_POLICY_NONE)->family
        = i % 2 == 0 ? 5 : 0;
  self->fake.relays[0].family = 5;
  for (guint i = 1; i < 20; i += 2)
    self->fake.relays[i].weight[CEPA_PLACE_GUARD] = 1;
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
      fake_view_assert_path (&self->fake, &request, &path);
      g_assert_cmpuint (path.hops[2], ==, 0);
      g_assert_cmpuint (path.hops[0] % 2, ==, 1);
    }
  self->fake.view.n_relays = 0;
  self->fake.view.version++;
  memset (self->fake.relays, 0, sizeof self->fake.relays);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 4000000000, FAKE_POLICY_WEB)->family = 1;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 3, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1, FAKE_POLICY_NONE)->family = 1;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_MIDDLE_ONLY, 1, FAKE_POLICY_NONE)->family = 2;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1000, FAKE_POLICY_NONE)->family = 1;
  fake_view_add (&self->fake, 0, 0, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 2, FAKE_POLICY_NONE)->family = 1;
  self->fake.relays[0].weight[CEPA_PLACE_MIDDLE] = 0;
  self->fake.relays[1].weight[CEPA_PLACE_MIDDLE] = 2;
  self->fake.relays[4].ipv4 = self->fake.relays[3].ipv4;
  assert_distribution (self, 80, 1000);
}

/* When only relays without weight are left, each of them has the same chance. */
static void
test_weightless (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint seen[6] = { 0 };

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 5, FAKE_POLICY_NONE);
  for (guint i = 1; i < 6; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 0, FAKE_POLICY_WEB);
  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
      seen[path.hops[1]]++;
    }
  for (guint i = 1; i < 6; i++)
    {
      g_assert_cmpuint (seen[i], >, 4000 - 6 * 57);
      g_assert_cmpuint (seen[i], <, 4000 + 6 * 57);
    }
}

static void
test_lengths (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (1, 80);
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path };

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_MIDDLE_ONLY, 1000000, FAKE_POLICY_NONE);
  g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 1);
  request.n_hops = 2;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 0);
  g_assert_cmpuint (path.hops[1], ==, 1);
  request.n_hops = 3;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
  g_assert_cmpuint (path.hops[1], ==, 2);
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.n_hops = 1;
  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
      g_assert_cmpuint (path.hops[0], <, 2);
    }
}

static void
test_any_subnet (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path };

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1, FAKE_POLICY_NONE)->ipv4 = 0x7f000001;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1, FAKE_POLICY_WEB)->ipv4 = 0x7f000001;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 1, FAKE_POLICY_NONE)->ipv4 = 0x7f000001;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as guard beside");
  request.flags = CEPA_PATH_ANY_SUBNET;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
}

/* Another version brings other tables; a stride above ours is a row of a newer host. */
static void
test_new_view (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  struct
  {
    CepaRelay relay;
    guint64 more;
  } rows[2] = { 0 };
  CepaPathRequest request = make_request (1, 80);
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path };

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 0, FAKE_POLICY_WEB);
  g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 0);
  rows[0].relay = self->fake.relays[0];
  rows[1].relay = self->fake.relays[1];
  rows[0].relay.weight[CEPA_PLACE_EXIT] = 0;
  rows[1].relay.weight[CEPA_PLACE_EXIT] = 1;
  self->fake.view.relays = &rows[0].relay;
  self->fake.view.stride = sizeof rows[0];
  self->fake.view.version++;
  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (cepa_weighted_choose (self->weighted, &self->fake.view, &request, &path, &error));
      g_assert_cmpuint (path.hops[0], ==, 1);
    }
}

#define ADD(name, function) \
  g_test_add ("/plugins/weighted/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("distribution", test_distribution);
  ADD ("distribution-rare-port", test_distribution_rare_port);
  ADD ("distribution-guards", test_distribution_guards);
  ADD ("distribution-settled", test_distribution_settled);
  ADD ("distribution-barred", test_distribution_barred);
  ADD ("distribution-vanguards", test_distribution_vanguards);
  ADD ("settled-badly", test_settled_badly);
  ADD ("rule", test_rule);
  ADD ("constraints", test_constraints);
  ADD ("impossible", test_impossible);
  ADD ("dead-ends", test_dead_ends);
  ADD ("weightless", test_weightless);
  ADD ("lengths", test_lengths);
  ADD ("any-subnet", test_any_subnet);
  ADD ("new-view", test_new_view);
  return g_test_run ();
}
