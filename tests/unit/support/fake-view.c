/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-view.h"

#include <math.h>
#include <string.h>

static int
view_exit_allows (G_GNUC_UNUSED const CepaNetworkView *view, uint32_t policy, uint16_t port, int ipv6)
{
  return fake_view_exit_allows (policy, port, ipv6 != 0);
}

static int
view_same_family (G_GNUC_UNUSED const CepaNetworkView *view, uint32_t a, uint32_t b)
{
  return (a + b) % 2 == 0;
}

static int32_t
view_param (G_GNUC_UNUSED const CepaNetworkView *view, G_GNUC_UNUSED const char *name, int32_t fallback)
{
  return fallback;
}

static void
view_random (const CepaHost *host, void *out, size_t len)
{
  cepa_random_fill (host->context, out, len);
}

void
fake_view_init (FakeView *self)
{
  memset (self, 0, sizeof *self);
  cepa_random_seeded_init (&self->random, 20260601);
  self->view.size = sizeof self->view;
  self->view.stride = sizeof (CepaRelay);
  self->view.relays = self->relays;
  self->view.version = 1;
  self->view.exit_allows = view_exit_allows;
  self->view.same_family = view_same_family;
  self->view.param = view_param;
  self->host.size = sizeof self->host;
  self->host.context = &self->random;
  self->host.random = view_random;
}

CepaRelay *
fake_view_add (FakeView *self, guint32 flags, guint32 weight, guint32 policy)
{
  guint32 row = self->view.n_relays++;
  CepaRelay *relay = &self->relays[row];

  g_assert_cmpuint (row, <, FAKE_VIEW_MAX_RELAYS);
  relay->ipv4 = (row + 1) << 16 | 1;
  relay->flags = flags;
  relay->exit_policy = policy;
  relay->weight[CEPA_PLACE_MIDDLE] = weight;
  relay->weight[CEPA_PLACE_GUARD] = (flags & CEPA_RELAY_GUARD) != 0 ? weight : 0;
  relay->weight[CEPA_PLACE_EXIT] = (flags & CEPA_RELAY_EXIT) != 0 ? weight : 0;
  return relay;
}

void
fake_view_add_random (FakeView *self)
{
  static const guint32 rare[] = { CEPA_RELAY_RUNNING, CEPA_RELAY_VALID, CEPA_RELAY_HAS_KEYS, CEPA_RELAY_FAST,
                                  CEPA_RELAY_STABLE };
  CepaRandom *random = &self->random.random;
  guint32 flags = FAKE_VIEW_USABLE;
  CepaRelay *relay;

  for (guint i = 0; i < G_N_ELEMENTS (rare); i++)
    if (cepa_random_below (random, 12) == 0)
      flags &= ~rare[i];
  flags |= cepa_random_below (random, 2) != 0 ? CEPA_RELAY_GUARD : 0;
  flags |= cepa_random_below (random, 3) == 0 ? CEPA_RELAY_EXIT : 0;
  flags |= cepa_random_below (random, 15) == 0 ? CEPA_RELAY_BAD_EXIT : 0;
  flags |= cepa_random_below (random, 10) == 0 ? CEPA_RELAY_MIDDLE_ONLY : 0;
  relay = fake_view_add (self, flags, (guint32) cepa_random_below (random, 1000), FAKE_POLICY_NONE);
  relay->exit_policy = (guint32) cepa_random_below (random, 3);
  relay->family = (guint32) cepa_random_below (random, 20);
  relay->ipv4 = (guint32) (1 + cepa_random_below (random, 100)) << 16 | 1;
  relay->ipv6_port = cepa_random_below (random, 3) == 0 ? 443 : 0;
  if (relay->ipv6_port != 0)
    relay->ipv6[3] = (guint8) cepa_random_below (random, 40);
}

gboolean
fake_view_exit_allows (guint32 policy, guint16 port, gboolean ipv6)
{
  if (policy == FAKE_POLICY_WEB)
    return !ipv6 && (port == 0 || port == 80 || port == 443);
  if (policy == FAKE_POLICY_MAIL)
    return port == 0 || port == (ipv6 ? 443 : 25);
  return FALSE;
}

gboolean
fake_view_may_meet (const FakeView *self, guint32 a, guint32 b, gboolean any_subnet)
{
  const CepaRelay *x = &self->relays[a], *y = &self->relays[b];

  if (a == b || (x->family != 0 && x->family == y->family && (a + b) % 2 == 0))
    return FALSE;
  if (any_subnet)
    return TRUE;
  return x->ipv4 >> 16 != y->ipv4 >> 16
         && (x->ipv6_port == 0 || y->ipv6_port == 0 || memcmp (x->ipv6, y->ipv6, 4) != 0);
}

CepaPlace
fake_view_place_of (const CepaPathRequest *request, guint hop)
{
  if (hop == request->n_hops - 1)
    return request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_PLACE_EXIT : CEPA_PLACE_MIDDLE;
  return hop == 0 ? CEPA_PLACE_GUARD : CEPA_PLACE_MIDDLE;
}

/* What the request says of this row, and nothing of what the relay is. */
static gboolean
view_is_asked_for (const CepaPathRequest *request, guint hop, guint32 row)
{
  gboolean is_guard = hop > 0 || request->guards == NULL;

  for (guint i = 0; !is_guard && i < request->n_guards; i++)
    is_guard = request->guards[i] == row;
  for (guint i = 0; i < request->n_excluded; i++)
    if (request->excluded[i] == row)
      return FALSE;
  if (request->barred != NULL && (request->barred[row] & 1 << fake_view_place_of (request, hop)) != 0)
    return FALSE;
  if (request->fixed != NULL && request->fixed[hop] != CEPA_PATH_ANY_ROW && request->fixed[hop] != row)
    return FALSE;
  return is_guard;
}

gboolean
fake_view_may_stand (const FakeView *self, const CepaPathRequest *request, guint hop, guint32 row)
{
  const CepaRelay *relay = &self->relays[row];
  gboolean is_first = hop == 0, is_last = hop == request->n_hops - 1;
  gboolean is_exit = is_last && request->purpose == CEPA_PURPOSE_GENERAL;
  guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS, refuses = 0;

  needs |= request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_RELAY_FAST : 0;
  needs |= (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? CEPA_RELAY_STABLE : 0;
  needs |= is_first && !is_last ? CEPA_RELAY_GUARD : 0;
  needs |= is_exit ? CEPA_RELAY_EXIT : 0;
  refuses |= is_first || is_last ? CEPA_RELAY_MIDDLE_ONLY : 0;
  refuses |= is_exit ? CEPA_RELAY_BAD_EXIT : 0;
  if ((relay->flags & needs) != needs || (relay->flags & refuses) != 0 || !view_is_asked_for (request, hop, row))
    return FALSE;
  return !is_exit
         || fake_view_exit_allows (relay->exit_policy, request->port, (request->flags & CEPA_PATH_IPV6) != 0);
}

gboolean
fake_view_may_share (const FakeView *self, const CepaPathRequest *request, guint hop_a, guint32 a, guint hop_b, guint32 b)
{
  guint apart = hop_a > hop_b ? hop_a - hop_b : hop_b - hop_a;

  if ((request->flags & CEPA_PATH_VANGUARDS) != 0)
    return a != b || apart > 2;
  return fake_view_may_meet (self, a, b, (request->flags & CEPA_PATH_ANY_SUBNET) != 0);
}

void
fake_view_assert_path (const FakeView *self, const CepaPathRequest *request, const CepaPath *path)
{
  g_assert_cmpuint (path->n_hops, ==, request->n_hops);
  for (guint i = 0; i < path->n_hops; i++)
    {
      g_assert_cmpuint (path->hops[i], <, self->view.n_relays);
      g_assert_true (fake_view_may_stand (self, request, i, path->hops[i]));
      for (guint j = 0; j < i; j++)
        g_assert_true (fake_view_may_share (self, request, i, path->hops[i], j, path->hops[j]));
    }
}

void
fake_view_assert_chi_square (const guint *seen, const double *chances, guint n, guint n_draws)
{
  double chi_square = 0, sum = 0;
  guint cells = 0;

  for (guint i = 0; i < n; i++)
    {
      double expected = n_draws * chances[i];

      sum += chances[i];
      if (chances[i] == 0)
        {
          g_assert_cmpuint (seen[i], ==, 0);
          continue;
        }
      g_assert_cmpfloat (expected, >, 5); /* or the test says nothing */
      chi_square += (seen[i] - expected) * (seen[i] - expected) / expected;
      cells++;
    }
  g_test_message ("chi-square %.1f with %u cells", chi_square, cells);
  g_assert_cmpfloat_with_epsilon (sum, 1, 1e-9);
  g_assert_cmpuint (cells, >, 1);
  g_assert_cmpfloat (chi_square, <, cells - 1 + 6 * sqrt (2.0 * (cells - 1)));
}
