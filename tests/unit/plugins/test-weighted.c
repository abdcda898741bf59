/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin path.weighted over made-up networks and seeded randomness. */
#include "weighted.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/secret.h"

#define MAX_RELAYS 400
#define USABLE \
  (CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS | CEPA_RELAY_FAST | CEPA_RELAY_STABLE)

/* Exit policies of the made-up networks. */
enum
{
  POLICY_NONE,
  POLICY_WEB,  /* 80 and 443 */
  POLICY_MAIL, /* 25, and 443 over IPv6 */
};

/* Two relays with one family number are of one family when the sum of their rows is even. */
typedef struct
{
  CepaNetworkView view;
  CepaRelay relays[MAX_RELAYS];
  CepaHost host;
  CepaRandomSeeded random;
  CepaWeighted *weighted;
} Fixture;

static int
fake_exit_allows (G_GNUC_UNUSED const CepaNetworkView *view, uint32_t policy, uint16_t port, int ipv6)
{
  if (policy == POLICY_WEB)
    return !ipv6 && (port == 0 || port == 80 || port == 443);
  if (policy == POLICY_MAIL)
    return port == 0 || port == (ipv6 ? 443 : 25);
  return 0;
}

static int
fake_same_family (G_GNUC_UNUSED const CepaNetworkView *view, uint32_t a, uint32_t b)
{
  return (a + b) % 2 == 0;
}

static int32_t
fake_param (G_GNUC_UNUSED const CepaNetworkView *view, G_GNUC_UNUSED const char *name, int32_t fallback)
{
  return fallback;
}

static void
fake_random (const CepaHost *host, void *out, size_t len)
{
  cepa_random_fill (host->context, out, len);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  cepa_random_seeded_init (&self->random, 20260601);
  self->view.size = sizeof self->view;
  self->view.stride = sizeof (CepaRelay);
  self->view.relays = self->relays;
  self->view.version = 1;
  self->view.exit_allows = fake_exit_allows;
  self->view.same_family = fake_same_family;
  self->view.param = fake_param;
  self->host.size = sizeof self->host;
  self->host.context = &self->random;
  self->host.random = fake_random;
  self->weighted = cepa_weighted_new (&self->host);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_weighted_free (self->weighted);
}

/* Adds a relay in a /16 of its own, with @weight wherever its flags let it stand. */
static CepaRelay *
add_relay (Fixture *self, guint32 flags, guint32 weight, guint32 policy)
{
  guint32 row = self->view.n_relays++;
  CepaRelay *relay = &self->relays[row];

  g_assert_cmpuint (row, <, MAX_RELAYS);
  relay->ipv4 = (row + 1) << 16 | 1;
  relay->flags = flags;
  relay->exit_policy = policy;
  relay->weight[CEPA_PLACE_MIDDLE] = weight;
  relay->weight[CEPA_PLACE_GUARD] = (flags & CEPA_RELAY_GUARD) != 0 ? weight : 0;
  relay->weight[CEPA_PLACE_EXIT] = (flags & CEPA_RELAY_EXIT) != 0 ? weight : 0;
  return relay;
}

static CepaPathRequest
make_request (guint32 n_hops, guint16 port)
{
  return (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = n_hops, .port = port };
}

/* Whether two relays may be in one path: the rules again, written apart from the plugin. */
static gboolean
may_meet (const Fixture *self, guint32 a, guint32 b, gboolean any_subnet)
{
  const CepaRelay *x = &self->relays[a], *y = &self->relays[b];

  if (a == b || (x->family != 0 && x->family == y->family && (a + b) % 2 == 0))
    return FALSE;
  if (any_subnet)
    return TRUE;
  return x->ipv4 >> 16 != y->ipv4 >> 16
         && (x->ipv6_port == 0 || y->ipv6_port == 0 || memcmp (x->ipv6, y->ipv6, 4) != 0);
}

static double
weight_at (const Fixture *self, guint32 row, CepaPlace place)
{
  return self->relays[row].weight[place];
}

/* The chance of @c as the third draw, for the middle, when @a and @b are in the path. */
static double
chance_of_middle (const Fixture *self, guint32 a, guint32 b, guint32 c)
{
  double sum = 0;

  for (guint32 i = 0; i < self->view.n_relays; i++)
    if (may_meet (self, a, i, FALSE) && may_meet (self, b, i, FALSE))
      sum += weight_at (self, i, CEPA_PLACE_MIDDLE);
  if (sum == 0 || !may_meet (self, a, c, FALSE) || !may_meet (self, b, c, FALSE))
    return 0;
  return weight_at (self, c, CEPA_PLACE_MIDDLE) / sum;
}

/* The same of @b as the second draw, the exit to @port, with the guard @a. */
static double
chance_of_exit (const Fixture *self, guint32 a, guint32 b, guint16 port)
{
  double sum = 0;

  for (guint32 i = 0; i < self->view.n_relays; i++)
    if (may_meet (self, a, i, FALSE) && fake_exit_allows (NULL, self->relays[i].exit_policy, port, 0))
      sum += weight_at (self, i, CEPA_PLACE_EXIT);
  if (sum == 0 || !may_meet (self, a, b, FALSE)
      || !fake_exit_allows (NULL, self->relays[b].exit_policy, port, 0))
    return 0;
  return weight_at (self, b, CEPA_PLACE_EXIT) / sum;
}

/* Draws @n paths of three and compares how often each comes with what is expected, by chi-square. The bound
   is six standard deviations above the mean: the seed is fixed, so this passes always or never. */
static void
assert_distribution (Fixture *self, guint16 port, guint n)
{
  const guint32 n_relays = self->view.n_relays;
  g_autofree guint *seen = g_new0 (guint, n_relays * n_relays * n_relays);
  CepaPathRequest request = make_request (3, port);
  double guards = 0, chi_square = 0;
  guint cells = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
      g_assert_cmpuint (path.n_hops, ==, 3);
      seen[(path.hops[0] * n_relays + path.hops[1]) * n_relays + path.hops[2]]++;
    }
  for (guint32 i = 0; i < n_relays; i++)
    guards += weight_at (self, i, CEPA_PLACE_GUARD);
  for (guint32 g = 0; g < n_relays; g++)
    for (guint32 m = 0; m < n_relays; m++)
      for (guint32 e = 0; e < n_relays; e++)
        {
          double chance = weight_at (self, g, CEPA_PLACE_GUARD) / guards * chance_of_exit (self, g, e, port);
          double expected = n * chance * chance_of_middle (self, g, e, m);
          guint got = seen[(g * n_relays + m) * n_relays + e];

          if (expected == 0)
            {
              g_assert_cmpuint (got, ==, 0);
              continue;
            }
          g_assert_cmpfloat (expected, >, 5); /* or the test says nothing */
          chi_square += (got - expected) * (got - expected) / expected;
          cells++;
        }
  g_test_message ("chi-square %.1f with %u cells", chi_square, cells);
  g_assert_cmpuint (cells, >, 20);
  g_assert_cmpfloat (chi_square, <, cells - 1 + 6 * sqrt (2.0 * (cells - 1)));
}

/* Weights are small, so that being off by one shows. */
static void
add_mixed_relays (Fixture *self)
{
  add_relay (self, USABLE | CEPA_RELAY_GUARD, 10, POLICY_NONE);
  add_relay (self, USABLE | CEPA_RELAY_GUARD, 30, POLICY_NONE);
  add_relay (self, USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 20, POLICY_WEB);
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 15, POLICY_WEB);
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 40, POLICY_MAIL);
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 7, POLICY_WEB);
  add_relay (self, USABLE, 25, POLICY_NONE);
  add_relay (self, USABLE, 9, POLICY_NONE);
  add_relay (self, USABLE, 50, POLICY_NONE);
  self->relays[0].weight[CEPA_PLACE_GUARD] = 18;
  self->relays[2].weight[CEPA_PLACE_GUARD] = 5;
  self->relays[2].weight[CEPA_PLACE_EXIT] = 11;
  self->relays[3].weight[CEPA_PLACE_EXIT] = 8;
  /* Guard 1 with exit 3; middle 6 with guard 0. */
  self->relays[1].family = self->relays[3].family = 7;
  self->relays[6].ipv4 = self->relays[0].ipv4 + 1;
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
  self->relays[4].weight[CEPA_PLACE_EXIT] = 4000000000;
  assert_distribution (self, 80, 50000);
}

/* All conditions on the relays of a path, written apart from the plugin. */
static void
assert_path_good (const Fixture *self, const CepaPathRequest *request, const CepaPath *path)
{
  gboolean is_general = request->purpose == CEPA_PURPOSE_GENERAL;
  guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS;
  gboolean any_subnet = (request->flags & CEPA_PATH_ANY_SUBNET) != 0;
  gboolean ipv6 = (request->flags & CEPA_PATH_IPV6) != 0;
  const CepaRelay *last = &self->relays[path->hops[path->n_hops - 1]];

  needs |= is_general ? CEPA_RELAY_FAST : 0;
  needs |= (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? CEPA_RELAY_STABLE : 0;
  g_assert_cmpuint (path->n_hops, ==, request->n_hops);
  for (guint i = 0; i < path->n_hops; i++)
    {
      g_assert_cmpuint (path->hops[i], <, self->view.n_relays);
      g_assert_cmphex (self->relays[path->hops[i]].flags & needs, ==, needs);
      for (guint j = 0; j < i; j++)
        g_assert_true (may_meet (self, path->hops[i], path->hops[j], any_subnet));
      for (guint j = 0; j < request->n_excluded; j++)
        g_assert_cmpuint (path->hops[i], !=, request->excluded[j]);
    }
  g_assert_cmphex (last->flags & CEPA_RELAY_MIDDLE_ONLY, ==, 0);
  g_assert_cmphex (self->relays[path->hops[0]].flags & CEPA_RELAY_MIDDLE_ONLY, ==, 0);
  if (path->n_hops > 1)
    g_assert_cmphex (self->relays[path->hops[0]].flags & CEPA_RELAY_GUARD, !=, 0);
  if (!is_general)
    return;
  g_assert_cmphex (last->flags & CEPA_RELAY_EXIT, !=, 0);
  g_assert_cmphex (last->flags & CEPA_RELAY_BAD_EXIT, ==, 0);
  g_assert_true (fake_exit_allows (NULL, last->exit_policy, request->port, ipv6));
}

/* Flags, weights, families and networks by chance, most of them as in a real network. */
static void
add_random_relay (Fixture *self)
{
  static const guint32 rare[] = { CEPA_RELAY_RUNNING, CEPA_RELAY_VALID, CEPA_RELAY_HAS_KEYS, CEPA_RELAY_FAST,
                                  CEPA_RELAY_STABLE };
  CepaRandom *random = &self->random.random;
  guint32 flags = USABLE;
  CepaRelay *relay;

  for (guint i = 0; i < G_N_ELEMENTS (rare); i++)
    if (cepa_random_below (random, 12) == 0)
      flags &= ~rare[i];
  flags |= cepa_random_below (random, 2) != 0 ? CEPA_RELAY_GUARD : 0;
  flags |= cepa_random_below (random, 3) == 0 ? CEPA_RELAY_EXIT : 0;
  flags |= cepa_random_below (random, 15) == 0 ? CEPA_RELAY_BAD_EXIT : 0;
  flags |= cepa_random_below (random, 10) == 0 ? CEPA_RELAY_MIDDLE_ONLY : 0;
  relay = add_relay (self, flags, (guint32) cepa_random_below (random, 1000), POLICY_NONE);
  relay->exit_policy = (guint32) cepa_random_below (random, 3);
  relay->family = (guint32) cepa_random_below (random, 20);
  relay->ipv4 = (guint32) (1 + cepa_random_below (random, 100)) << 16 | 1;
  relay->ipv6_port = cepa_random_below (random, 3) == 0 ? 443 : 0;
  if (relay->ipv6_port != 0)
    relay->ipv6[3] = (guint8) cepa_random_below (random, 40);
}

static void
test_constraints (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint16 ports[] = { 0, 25, 80, 443 };
  CepaRandom *random = &self->random.random;
  guint n_paths[CEPA_PATH_MAX_HOPS + 1] = { 0 };
  guint32 excluded[50];

  for (guint i = 0; i < 300; i++)
    add_random_relay (self);
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
      request.flags = (guint32) cepa_random_below (random, 8);
      request.excluded = excluded;
      request.n_excluded = cepa_random_below (random, 2) != 0 ? G_N_ELEMENTS (excluded) : 0;
      if (!cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error))
        {
          /* Nobody's policy lets these through. */
          g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH);
          g_assert_true (request.purpose == CEPA_PURPOSE_GENERAL && (request.flags & CEPA_PATH_IPV6) != 0);
          g_assert_true (request.port == 25 || request.port == 80);
          continue;
        }
      assert_path_good (self, &request, &path);
      n_paths[n_hops]++;
    }
  for (guint i = 1; i <= CEPA_PATH_MAX_HOPS; i++)
    g_assert_cmpuint (n_paths[i], >, 5000);
}

static void
assert_no_path (Fixture *self, const CepaPathRequest *request, int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = 77 };

  g_assert_false (cepa_weighted_choose (self->weighted, &self->view, request, &path, &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, code);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_cmpuint (path.n_hops, ==, 77);
}

static void
test_impossible (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint32 excluded[] = { 0 };

  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "none of the 0 relays fits as guard");
  add_relay (self, USABLE | CEPA_RELAY_GUARD, 10, POLICY_NONE);
  self->view.version++;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "fits as exit to port 80 beside");
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 10, POLICY_MAIL);
  self->view.version++;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "none of the 2 relays fits as exit to port 80");
  request.flags = CEPA_PATH_IPV6;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "to port 80 over IPv6");
  request.port = 443;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as middle relay");
  add_relay (self, USABLE & ~CEPA_RELAY_STABLE, 10, POLICY_NONE);
  self->view.version++;
  request.flags |= CEPA_PATH_NEED_STABLE;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "as middle relay of a long-lived path");
  self->relays[2].flags |= CEPA_RELAY_STABLE;
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

/* The likeliest guards leave no exit, for they are it or of its family: another guard is found. */
static void
test_dead_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);

  add_relay (self, USABLE | CEPA_RELAY_GUARD | CEPA_RELAY_EXIT, 4000000000, POLICY_WEB);
  for (guint i = 1; i < 20; i++)
    add_relay (self, USABLE | CEPA_RELAY_GUARD, 1000000000, POLICY_NONE)->family = i % 2 == 0 ? 5 : 0;
  self->relays[0].family = 5;
  for (guint i = 1; i < 20; i += 2)
    self->relays[i].weight[CEPA_PLACE_GUARD] = 1;
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
      assert_path_good (self, &request, &path);
      g_assert_cmpuint (path.hops[2], ==, 0);
      g_assert_cmpuint (path.hops[0] % 2, ==, 1);
    }
}

/* When only relays without weight are left, each of them has the same chance. */
static void
test_weightless (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  guint seen[6] = { 0 };

  add_relay (self, USABLE | CEPA_RELAY_GUARD, 5, POLICY_NONE);
  for (guint i = 1; i < 6; i++)
    add_relay (self, USABLE | CEPA_RELAY_EXIT, 0, POLICY_WEB);
  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GError) error = NULL;
      CepaPath path = { .size = sizeof path };

      g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
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

  add_relay (self, USABLE | CEPA_RELAY_GUARD, 1, POLICY_NONE);
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 1, POLICY_WEB);
  add_relay (self, USABLE | CEPA_RELAY_MIDDLE_ONLY, 1000000, POLICY_NONE);
  g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 1);
  request.n_hops = 2;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 0);
  g_assert_cmpuint (path.hops[1], ==, 1);
  request.n_hops = 3;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
  g_assert_cmpuint (path.hops[1], ==, 2);
  request.purpose = CEPA_PURPOSE_INTERNAL;
  request.n_hops = 1;
  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
      g_assert_cmpuint (path.hops[0], <, 2);
    }
}

static void
test_any_subnet (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = make_request (3, 80);
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path };

  add_relay (self, USABLE | CEPA_RELAY_GUARD, 1, POLICY_NONE)->ipv4 = 0x7f000001;
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 1, POLICY_WEB)->ipv4 = 0x7f000001;
  add_relay (self, USABLE, 1, POLICY_NONE)->ipv4 = 0x7f000001;
  assert_no_path (self, &request, CEPA_PLUGIN_ERROR_NO_PATH, "exit");
  request.flags = CEPA_PATH_ANY_SUBNET;
  g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
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

  add_relay (self, USABLE | CEPA_RELAY_EXIT, 1, POLICY_WEB);
  add_relay (self, USABLE | CEPA_RELAY_EXIT, 0, POLICY_WEB);
  g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
  g_assert_cmpuint (path.hops[0], ==, 0);
  rows[0].relay = self->relays[0];
  rows[1].relay = self->relays[1];
  rows[0].relay.weight[CEPA_PLACE_EXIT] = 0;
  rows[1].relay.weight[CEPA_PLACE_EXIT] = 1;
  self->view.relays = &rows[0].relay;
  self->view.stride = sizeof rows[0];
  self->view.version++;
  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (cepa_weighted_choose (self->weighted, &self->view, &request, &path, &error));
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
  ADD ("constraints", test_constraints);
  ADD ("impossible", test_impossible);
  ADD ("dead-ends", test_dead_ends);
  ADD ("weightless", test_weightless);
  ADD ("lengths", test_lengths);
  ADD ("any-subnet", test_any_subnet);
  ADD ("new-view", test_new_view);
  return g_test_run ();
}
