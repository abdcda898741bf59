/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths drawn by weights that a made-up policy gives, over made-up networks and seeded randomness. */
#include "path/draw.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "support/path-oracle.h"

/**
 * Fixture:
 * @weights: (nullable): what the policy gives, by place; NULL: the weights of the relays
 * @fails: the policy gives an error instead
 * @detaches: the policy goes away while it is asked
 */
typedef struct
{
  FakeView fake;
  CepaPathPolicy policy;
  CepaPathDraw *draw;
  guint32 *weights[CEPA_N_PLACES];
  guint n_asked[CEPA_N_PLACES];
  gboolean fails, detaches;
} Fixture;

static gboolean
fixture_weigh (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, guint32 place,
               guint32 *weights, GError **error)
{
  Fixture *self = policy->context;

  g_assert_cmpuint (request->n_excluded, ==, 0);
  g_assert_null (request->guards);
  g_assert_null (request->fixed);
  g_assert_cmpuint (place, <, CEPA_N_PLACES);
  self->n_asked[place]++;
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      g_assert_cmpuint (weights[row], ==, 0);
      weights[row] = self->weights[place] != NULL ? self->weights[place][row]
                                                  : cepa_network_view_relay (view, row)->weight[place];
    }
  if (self->detaches)
    cepa_path_draw_detach (self->draw);
  if (self->fails)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "path.fake: no table of latencies");
  return !self->fails;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_view_init (&self->fake);
  self->policy = (CepaPathPolicy){ .id = "path.fake", .weigh = fixture_weigh, .context = self };
  self->draw = cepa_path_draw_new (&self->policy);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_path_draw_unref (self->draw);
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    g_free (self->weights[place]);
}

static CepaPathRequest
make_request (guint32 n_hops, guint16 port)
{
  return (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = n_hops, .port = port };
}

static gboolean
run (Fixture *self, const CepaPathRequest *request, CepaPath *path, GError **error)
{
  return cepa_path_draw_run (self->draw, &self->fake.view, &self->fake.random.random, request, path, error);
}

static void
assert_path (Fixture *self, const CepaPathRequest *request, CepaPath *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (run (self, request, path, &error));
  g_assert_no_error (error);
  fake_view_assert_path (&self->fake, request, path);
}

static void
assert_no_path (Fixture *self, const CepaPathRequest *request, int kind, const char *part)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = 77 };

  g_assert_false (run (self, request, &path, &error));
  g_assert_error (error, CEPA_ERROR, kind);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, error->message);
  g_assert_cmpuint (path.n_hops, ==, 77);
}

static void
assert_distribution (Fixture *self, const CepaPathRequest *request, guint n_draws)
{
  const PathOracle oracle = { &self->fake, request,
                              { self->weights[CEPA_PLACE_GUARD], self->weights[CEPA_PLACE_MIDDLE],
                                self->weights[CEPA_PLACE_EXIT] } };
  guint n_paths = path_oracle_count (&oracle);
  g_autofree double *chances = path_oracle_chances (&oracle);
  g_autofree guint *seen = g_new0 (guint, n_paths);

  for (guint i = 0; i < n_draws; i++)
    {
      CepaPath path = { .size = sizeof path };

      assert_path (self, request, &path);
      seen[path_oracle_index (&oracle, &path)]++;
    }
  fake_view_assert_chi_square (seen, chances, n_paths, n_draws);
}

/* ---- chances ---- */

/* Weights are small, so that being off by one shows. */
static void
add_mixed_relays (FakeView *fake)
{
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 10, FAKE_POLICY_NONE);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 30, FAKE_POLICY_NONE);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 20, FAKE_POLICY_WEB);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 15, FAKE_POLICY_WEB);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 40, FAKE_POLICY_MAIL);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 7, FAKE_POLICY_WEB);
  fake_view_add (fake, FAKE_VIEW_USABLE, 25, FAKE_POLICY_NONE);
  fake_view_add (fake, FAKE_VIEW_USABLE & ~CEPA_RELAY_STABLE, 9, FAKE_POLICY_NONE);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_MIDDLE_ONLY, 50, FAKE_POLICY_NONE);
  fake_view_add (fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT | CEPA_RELAY_BAD_EXIT, 35, FAKE_POLICY_WEB);
  /* Guard 1 with exit 3; middle 6 with guard 0. */
  fake->relays[1].family = fake->relays[3].family = 7;
  fake->relays[6].ipv4 = fake->relays[0].ipv4 + 1;
}

static void
test_distribution (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { 3, 6 };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  assert_distribution (self, &request, 100000);
  request.flags = CEPA_PATH_ANY_SUBNET;
  assert_distribution (self, &request, 100000);
  request.flags = CEPA_PATH_NEED_STABLE;
  assert_distribution (self, &request, 100000);
  request.flags = 0;
  request.excluded = excluded;
  request.n_excluded = G_N_ELEMENTS (excluded);
  assert_distribution (self, &request, 100000);
}

/* Of every length, and paths that stay inside the network. */
static void
test_distribution_lengths (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  add_mixed_relays (&self->fake);
  for (guint32 n_hops = 1; n_hops <= 4; n_hops++)
    for (guint32 purpose = CEPA_PURPOSE_GENERAL; purpose <= CEPA_PURPOSE_INTERNAL; purpose++)
      {
        CepaPathRequest request = make_request (n_hops, 80);

        request.purpose = purpose;
        assert_distribution (self, &request, n_hops < 4 ? 200000 : 600000);
      }
}

/* The first guard that fits is taken, whatever its weight; the exit is drawn before it. */
static void
test_distribution_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 8, 1, 77, 0, 2 };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  self->fake.relays[1].weight[CEPA_PLACE_GUARD] = 0;
  request.guards = guards;
  request.n_guards = G_N_ELEMENTS (guards);
  assert_distribution (self, &request, 100000);
  g_assert_cmpuint (self->n_asked[CEPA_PLACE_GUARD], ==, 0);
  request.flags = CEPA_PATH_ANY_SUBNET;
  request.n_hops = 4;
  assert_distribution (self, &request, 400000);
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.n_hops = 1;
  request.n_guards = 1;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "none of the 1 guards to choose from fits as last relay");
}

/* Each hop settled in turn, and several. */
static void
test_distribution_settled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 settled[][4] = {
    { 0, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW },
    { CEPA_PATH_ANY_ROW, 8, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW },
    { CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW, 3 },
    { CEPA_PATH_ANY_ROW, 6, CEPA_PATH_ANY_ROW, 2 },
  };
  CepaPathRequest request = make_request (4, 80);

  add_mixed_relays (&self->fake);
  for (guint i = 0; i < G_N_ELEMENTS (settled); i++)
    {
      request.fixed = settled[i];
      assert_distribution (self, &request, 200000);
    }
}

static void
test_distribution_barred (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 barred[16] = { [1] = 1 << CEPA_PLACE_GUARD, [2] = 1 << CEPA_PLACE_EXIT, [7] = 0xff,
                        [8] = 1 << CEPA_PLACE_MIDDLE, [5] = 1 << CEPA_PLACE_GUARD | 1 << CEPA_PLACE_MIDDLE };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  request.barred = barred;
  request.barred_id = 1;
  assert_distribution (self, &request, 100000);
  barred[8] = 0;
  request.barred_id = 2;
  request.purpose = CEPA_PURPOSE_INTERNAL;
  assert_distribution (self, &request, 200000);
}

/* Family and subnet count for nobody; a relay may come again with two between. */
static void
test_distribution_vanguards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 1 };
  CepaPathRequest request = make_request (3, 0);

  add_mixed_relays (&self->fake);
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.flags = CEPA_PATH_VANGUARDS;
  assert_distribution (self, &request, 200000);
  self->fake.view.n_relays = 7;
  self->fake.view.version++;
  request.n_hops = 5;
  request.guards = guards;
  request.n_guards = 1;
  assert_distribution (self, &request, 600000);
}

/* Nearly all of the weight is of relays that cannot be used now: what decides is the look at all of them. */
static void
test_distribution_rare (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { 1, 3, 8 };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  self->fake.relays[1].weight[CEPA_PLACE_GUARD] = G_MAXUINT32;
  self->fake.relays[3].weight[CEPA_PLACE_EXIT] = G_MAXUINT32;
  self->fake.relays[8].weight[CEPA_PLACE_MIDDLE] = G_MAXUINT32;
  request.excluded = excluded;
  request.n_excluded = G_N_ELEMENTS (excluded);
  assert_distribution (self, &request, 50000);
}

/* Likely draws that leave nobody for the others: chances are as if they were not there. The exit 0 is of the family of
   both guards; with the exit 2 and the guard 4 there is no middle relay. */
static void
test_dead_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 4000000000, FAKE_POLICY_WEB)->family = 1;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 3, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 2, FAKE_POLICY_WEB)->family = 2;
  fake_view_add (&self->fake, 0, 0, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 50, FAKE_POLICY_NONE)->family = 1;
  fake_view_add (&self->fake, 0, 0, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 5, FAKE_POLICY_NONE)->family = 1;
  for (guint row = 0; row < 7; row++)
    self->fake.relays[row].weight[CEPA_PLACE_MIDDLE] = 0;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 1, FAKE_POLICY_NONE)->ipv4 = self->fake.relays[4].ipv4;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 4, FAKE_POLICY_NONE)->family = 2;
  assert_distribution (self, &request, 50000);
}

/* What leaves no path beside one exit may be drawn beside another: with the exit 0 there is no middle relay. */
static void
test_dead_exit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1000, FAKE_POLICY_WEB)->family = 2;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 3, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 50, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 5, FAKE_POLICY_NONE);
  for (guint row = 0; row < 4; row++)
    self->fake.relays[row].weight[CEPA_PLACE_MIDDLE] = 0;
  fake_view_add (&self->fake, FAKE_VIEW_USABLE, 4, FAKE_POLICY_NONE)->family = 2;
  assert_distribution (self, &request, 10000);
}

/* Chances stay when each weight is as great as it can be. */
static void
test_huge (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint n_first_half = 0;

  add_mixed_relays (&self->fake);
  for (guint row = 0; row < self->fake.view.n_relays; row++)
    for (guint place = 0; place < CEPA_N_PLACES; place++)
      self->fake.relays[row].weight[place] = G_MAXUINT32;
  assert_distribution (self, &request, 100000);
  for (guint i = self->fake.view.n_relays; i < 3000; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, G_MAXUINT32, FAKE_POLICY_WEB);
  self->fake.view.version++;
  for (guint i = 0; i < 10000; i++)
    {
      CepaPath path = { .size = sizeof path };

      assert_path (self, &request, &path);
      n_first_half += path.hops[0] < 1500;
    }
  g_assert_cmpuint (n_first_half, >, 5000 - 6 * 50);
  g_assert_cmpuint (n_first_half, <, 5000 + 6 * 50);
}

/* ---- rules ---- */

static void
set_random_weights (Fixture *self)
{
  CepaRandom *random = &self->fake.random.random;

  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      g_free (self->weights[place]);
      self->weights[place] = g_new0 (guint32, FAKE_VIEW_MAX_RELAYS);
      for (guint row = 0; row < FAKE_VIEW_MAX_RELAYS; row++)
        self->weights[place][row] = cepa_random_u32 (random) >> cepa_random_below (random, 32);
    }
}

/* Guards, a settled hop and bars by chance. Returns: whether there may be no path then. */
static gboolean
add_random_wishes (Fixture *self, CepaPathRequest *request, guint32 *rows, guint8 *barred)
{
  CepaRandom *random = &self->fake.random.random;
  guint n_hops = request->n_hops;

  if (cepa_random_below (random, 2) != 0)
    {
      request->guards = rows;
      request->n_guards = 30;
    }
  for (guint hop = 0; hop < n_hops; hop++)
    rows[100 + hop] = CEPA_PATH_ANY_ROW;
  if (cepa_random_below (random, 4) == 0)
    {
      rows[100 + cepa_random_below (random, n_hops)] = rows[30 + cepa_random_below (random, 60)];
      request->fixed = rows + 100;
    }
  if (cepa_random_below (random, 2) != 0)
    {
      request->barred = barred + cepa_random_below (random, 2);
      request->barred_id = (guint64) (request->barred - barred) + 1;
    }
  return request->fixed != NULL;
}

static void
test_constraints (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint16 ports[] = { 0, 25, 80, 443 };
  CepaRandom *random = &self->fake.random.random;
  guint n_paths[CEPA_PATH_MAX_HOPS + 1] = { 0 };
  guint32 excluded[50], rows[110];
  guint8 barred[301];

  for (guint i = 0; i < G_N_ELEMENTS (barred); i++)
    barred[i] = cepa_random_below (random, 3) == 0 ? (guint8) cepa_random_below (random, 8) : 0;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    rows[i] = (guint32) cepa_random_below (random, 300);
  for (guint i = 0; i < 300; i++)
    fake_view_add_random (&self->fake);
  for (guint i = 0; i < G_N_ELEMENTS (excluded); i++)
    excluded[i] = 6 * i + (guint32) cepa_random_below (random, 6);
  set_random_weights (self);
  for (guint i = 0; i < 50000; i++)
    {
      CepaPathRequest request = make_request (1 + (guint32) cepa_random_below (random, CEPA_PATH_MAX_HOPS),
                                              ports[cepa_random_below (random, G_N_ELEMENTS (ports))]);
      CepaPath path = { .size = sizeof path };

      request.purpose = (guint32) cepa_random_below (random, 2);
      request.flags = (guint32) cepa_random_below (random, 16);
      request.excluded = excluded;
      request.n_excluded = cepa_random_below (random, 2) != 0 ? G_N_ELEMENTS (excluded) : 0;
      if (add_random_wishes (self, &request, rows, barred))
        {
          g_autoptr (GError) error = NULL;

          if (run (self, &request, &path, &error))
            fake_view_assert_path (&self->fake, &request, &path);
          else
            g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
          continue;
        }
      if (request.purpose == CEPA_PURPOSE_GENERAL && (request.flags & CEPA_PATH_IPV6) != 0
          && (request.port == 25 || request.port == 80))
        {
          /* Nobody's policy lets these through. */
          assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "fits as exit to port");
          continue;
        }
      assert_path (self, &request, &path);
      n_paths[request.n_hops]++;
    }
  for (guint i = 1; i <= CEPA_PATH_MAX_HOPS; i++)
    g_assert_cmpuint (n_paths[i], >, 2500);
}

static void
test_impossible (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { 0 };
  CepaPathRequest request = make_request (3, 80);

  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "path.fake: none of the 0 relays fits as exit to port 80");
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 10, FAKE_POLICY_NONE);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 10, FAKE_POLICY_MAIL);
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "none of the 2 relays fits as exit to port 80");
  request.flags = CEPA_PATH_IPV6;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "to port 80 over IPv6");
  request.port = 0;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH,
                  "none of the 2 relays that fit as middle relay and have a weight fits beside the others of a path of 3");
  request.flags = CEPA_PATH_NEED_STABLE;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "as middle relay of a long-lived path");
  request.excluded = excluded;
  request.n_excluded = 1;
  request.flags = 0;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH,
                  "none of the 1 relays that fit as guard and have a weight fits beside the others of a path of 3, "
                  "with 1 relays excluded");
  request.n_excluded = 0;
  self->fake.relays[0].flags &= ~(guint32) CEPA_RELAY_GUARD;
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "none of the 2 relays fits as guard");
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.n_hops = 1;
  self->fake.relays[0].flags |= CEPA_RELAY_MIDDLE_ONLY;
  self->fake.relays[1].flags |= CEPA_RELAY_MIDDLE_ONLY;
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "none of the 2 relays fits as last relay");
}

/* Settled hops keep the rules as others do. */
static void
test_settled_badly (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 1 };
  guint32 fixed[] = { CEPA_PATH_ANY_ROW, 0, CEPA_PATH_ANY_ROW };
  const guint8 barred[10] = { [6] = 1 << CEPA_PLACE_MIDDLE };
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  request.fixed = fixed;
  fixed[0] = 6;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "which is settled as hop 1 of 3, does not fit as guard");
  fixed[0] = 0;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "which is settled as hop 2 of 3, does not fit as middle relay");
  fixed[1] = 6; /* of the network of 0 */
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "which is settled as hop 2 of 3, does not fit as middle relay");
  fixed[0] = CEPA_PATH_ANY_ROW;
  request.barred = barred;
  request.barred_id = 1;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "does not fit as middle relay");
  fixed[1] = 10;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "the row 10, which is settled as hop 2, is none of the 10");
  fixed[0] = 0;
  fixed[1] = CEPA_PATH_ANY_ROW;
  request.guards = guards;
  request.n_guards = 1;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "settled as hop 1 of 3");
  fixed[0] = CEPA_PATH_ANY_ROW;
  fixed[2] = 3; /* of the family of 1 */
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH,
                  "path.fake: none of the 1 guards to choose from fits as guard beside the others of a path of 3");
}

/* Who gives no weight to anybody that fits gets no path, and is told of whom there are. */
static void
test_weightless (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  add_mixed_relays (&self->fake);
  self->weights[CEPA_PLACE_EXIT] = g_new0 (guint32, FAKE_VIEW_MAX_RELAYS);
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH,
                  "path.fake: all of the 3 relays that fit as exit to port 80 have the weight 0");
  /* Only to those that do not. */
  self->weights[CEPA_PLACE_EXIT][0] = self->weights[CEPA_PLACE_EXIT][4] = G_MAXUINT32;
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "all of the 3 relays that fit as exit");
  self->weights[CEPA_PLACE_EXIT][2] = 1;
  self->weights[CEPA_PLACE_GUARD] = g_new0 (guint32, FAKE_VIEW_MAX_RELAYS);
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "all of the 3 relays that fit as guard have the weight 0");
}

/* A network in which all exits but one leave no guard, and that one is hardly ever drawn: the search comes to an end. */
static void
test_bounded (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1, FAKE_POLICY_WEB);
  for (guint i = 0; i < 2000; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1000000, FAKE_POLICY_WEB)->ipv4 = 0x0f020304;
  for (guint i = 0; i < 1999; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD, 1000, FAKE_POLICY_NONE)->ipv4 = 0x0f020305;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "path.fake: gave up the search for a guard of a path of 3 after");
  /* What is left behind does not stand in the way of the next. */
  request.flags = CEPA_PATH_ANY_SUBNET;
  for (guint i = 0; i < 1000; i++)
    {
      CepaPath path = { .size = sizeof path };

      assert_path (self, &request, &path);
    }
}

/* ---- tables ---- */

static void
assert_asked (Fixture *self, guint guard, guint middle, guint exit)
{
  g_assert_cmpuint (self->n_asked[CEPA_PLACE_GUARD], ==, guard);
  g_assert_cmpuint (self->n_asked[CEPA_PLACE_MIDDLE], ==, middle);
  g_assert_cmpuint (self->n_asked[CEPA_PLACE_EXIT], ==, exit);
  memset (self->n_asked, 0, sizeof self->n_asked);
}

static void
test_kept (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { 5 }, fixed[] = { CEPA_PATH_ANY_ROW, 7, CEPA_PATH_ANY_ROW };
  static const guint8 barred[51];
  CepaPathRequest request = make_request (3, 80);
  CepaPath path = { .size = sizeof path };

  for (guint i = 0; i < 50; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 10, FAKE_POLICY_WEB);
  for (guint i = 0; i < 100; i++)
    {
      request.n_excluded = i % 2;
      request.excluded = excluded;
      assert_path (self, &request, &path);
    }
  assert_asked (self, 1, 1, 1);
  request.port = 443;
  assert_path (self, &request, &path);
  assert_asked (self, 1, 1, 1);
  request.flags = CEPA_PATH_NEED_STABLE;
  assert_path (self, &request, &path);
  assert_asked (self, 1, 1, 1);
  request.n_hops = 1;
  assert_path (self, &request, &path);
  assert_asked (self, 0, 0, 1);
  request = make_request (3, 80);
  assert_path (self, &request, &path);
  assert_asked (self, 0, 0, 0);
  /* Eight kinds are kept: the one that was not used for the longest goes. */
  for (guint32 n_hops = 4; n_hops <= 8; n_hops++)
    {
      request.n_hops = n_hops;
      assert_path (self, &request, &path);
    }
  assert_asked (self, 5, 5, 5);
  request = make_request (3, 80);
  assert_path (self, &request, &path);
  assert_asked (self, 0, 0, 0);
  request.port = 443;
  assert_path (self, &request, &path);
  assert_asked (self, 1, 1, 1);
  /* What the user bars is another kind by its number, not by where it lies. */
  request.barred = barred;
  for (guint64 id = 1; id <= 2; id++)
    {
      request.barred_id = id;
      assert_path (self, &request, &path);
      assert_asked (self, 1, 1, 1);
    }
  request.barred = barred + 1;
  assert_path (self, &request, &path);
  assert_asked (self, 0, 0, 0);
  request.fixed = fixed;
  request.guards = excluded;
  request.n_guards = 1;
  request.port = 80;
  request.barred_id = 3;
  assert_path (self, &request, &path);
  assert_asked (self, 0, 0, 1);
}

/* Another version of the directory brings other tables, also with fewer relays. */
static void
test_new_view (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (1, 80);
  CepaPath path = { .size = sizeof path };

  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 0, FAKE_POLICY_WEB);
  fake_view_add (&self->fake, FAKE_VIEW_USABLE | CEPA_RELAY_EXIT, 1, FAKE_POLICY_WEB);
  assert_path (self, &request, &path);
  g_assert_cmpuint (path.hops[0], ==, 1);
  self->fake.view.n_relays = 1;
  self->fake.relays[0].weight[CEPA_PLACE_EXIT] = 1;
  self->fake.view.version++;
  assert_path (self, &request, &path);
  g_assert_cmpuint (path.hops[0], ==, 0);
  self->fake.view.n_relays = 0;
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_NO_PATH, "none of the 0 relays");
}

static void
test_same_seed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint32 hops[2][100];

  add_mixed_relays (&self->fake);
  for (guint run_number = 0; run_number < 2; run_number++)
    {
      g_autoptr (CepaPathDraw) draw = cepa_path_draw_new (&self->policy);
      CepaRandomSeeded random;

      cepa_random_seeded_init (&random, 7);
      for (guint i = 0; i < 100; i++)
        {
          CepaPath path = { .size = sizeof path };

          g_assert_true (cepa_path_draw_run (draw, &self->fake.view, &random.random, &request, &path, NULL));
          hops[run_number][i] = path.hops[0] << 16 | path.hops[1] << 8 | path.hops[2];
        }
    }
  g_assert_cmpmem (hops[0], sizeof hops[0], hops[1], sizeof hops[1]);
}

/* A policy that fails is asked again; one that has gone is not. */
static void
test_policy_fails (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  CepaPath path = { .size = sizeof path };

  add_mixed_relays (&self->fake);
  self->fails = TRUE;
  assert_no_path (self, &request, CEPA_ERROR_PLUGIN, "path.fake: no table of latencies");
  assert_asked (self, 0, 0, 1);
  self->fails = FALSE;
  assert_path (self, &request, &path);
  assert_asked (self, 1, 1, 1);
  self->detaches = TRUE;
  self->fake.view.version++;
  assert_no_path (self, &request, CEPA_ERROR_PLUGIN, "went away");
  assert_asked (self, 0, 0, 1);
}

#define ADD(name, function) \
  g_test_add ("/path/draw/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  cepa_secret_init (&error);
  g_assert_no_error (error);
  ADD ("distribution", test_distribution);
  ADD ("distribution-lengths", test_distribution_lengths);
  ADD ("distribution-guards", test_distribution_guards);
  ADD ("distribution-settled", test_distribution_settled);
  ADD ("distribution-barred", test_distribution_barred);
  ADD ("distribution-vanguards", test_distribution_vanguards);
  ADD ("distribution-rare", test_distribution_rare);
  ADD ("dead-ends", test_dead_ends);
  ADD ("dead-exit", test_dead_exit);
  ADD ("huge", test_huge);
  ADD ("constraints", test_constraints);
  ADD ("impossible", test_impossible);
  ADD ("settled-badly", test_settled_badly);
  ADD ("weightless", test_weightless);
  ADD ("bounded", test_bounded);
  ADD ("kept", test_kept);
  ADD ("new-view", test_new_view);
  ADD ("same-seed", test_same_seed);
  ADD ("policy-fails", test_policy_fails);
  return g_test_run ();
}
