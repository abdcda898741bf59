/* SPDX-License-Identifier: BSD-3-Clause */
/* The second and third relays of onion circuits: shapes of paths, lifetimes, and what others got wrong. */
#include "path/vanguards.h"

#include <string.h>

#include "base/error.h"
#include "path/check.h"
#include "path/draw.h"
#include "support/test-consensus.h"

#define N_RELAYS 40
#define DAY_S 86400

/* Rows: ten guards, ten that are not Stable, twenty others. All are of one family and one network. */
#define IS_GUARD(row) ((row) < 10)
#define IS_UNSTABLE(row) ((row) >= 10 && (row) < 20)

typedef struct
{
  TestRelay relays[N_RELAYS];
  const char *params;
  CepaNetwork *network;
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaVanguards *vanguards;
  CepaPathPolicy policy;
  CepaPathDraw *draw;
  CepaPathRequest request; /* before planning */
  guint n_good, n_bad;     /* events */
} Fixture;

static gboolean
fixture_weigh (G_GNUC_UNUSED CepaPathPolicy *policy, const CepaNetworkView *view,
               G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED guint32 place, guint32 *weights,
               G_GNUC_UNUSED GError **error)
{
  for (guint32 row = 0; row < view->n_relays; row++)
    weights[row] = 1;
  return TRUE;
}

static void
fixture_event (gpointer user_data, G_GNUC_UNUSED const guint8 rsa_id[20], gboolean is_good)
{
  Fixture *self = user_data;

  self->n_good += is_good ? 1 : 0;
  self->n_bad += is_good ? 0 : 1;
}

/* A network of the relays as they are now. */
static void
fixture_make_network (Fixture *self)
{
  const TestConsensus spec = { .relays = self->relays, .n_relays = N_RELAYS, .params = self->params };

  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = test_consensus_make_network (&spec);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaVanguardsConfig config = CEPA_VANGUARDS_CONFIG_INIT;

  for (guint row = 0; row < N_RELAYS; row++)
    self->relays[row] = (TestRelay){ .flags = TEST_RELAY_FLAGS | (IS_GUARD (row) ? CEPA_RELAY_GUARD : 0),
                                     .ipv4 = 0x0a000001 + row, .bandwidth = 1000, .microdesc = "family-ids x:kin\n" };
  for (guint row = 0; row < N_RELAYS; row++)
    if (IS_UNSTABLE (row))
      self->relays[row].flags &= ~(guint32) CEPA_RELAY_STABLE;
  fixture_make_network (self);
  cepa_clock_fake_init (&self->clock, 0, TEST_CONSENSUS_VALID_AFTER_S);
  cepa_random_seeded_init (&self->random, 333);
  self->vanguards = cepa_vanguards_new (&self->clock.clock, &self->random.random, &config);
  cepa_vanguards_set_func (self->vanguards, fixture_event, self);
  self->policy = (CepaPathPolicy){ .id = "path.fake", .weigh = fixture_weigh };
  self->draw = cepa_path_draw_new (&self->policy);
  self->request.size = sizeof self->request;
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_vanguards_free (self->vanguards);
  cepa_path_draw_unref (self->draw);
  cepa_network_unref (self->network);
}

static CepaNodeSet *
make_set (const guint32 *rows, guint n)
{
  CepaNodeSet *set = cepa_node_set_new ();

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *fingerprint = test_relay_fingerprint (rows[i]);
      g_autoptr (GError) error = NULL;

      g_assert_true (cepa_node_set_add_line (set, fingerprint, &error));
      g_assert_no_error (error);
    }
  return set;
}

static void
configure (Fixture *self, gint lite, const guint32 *layer2, guint n_layer2, const guint32 *layer3, guint n_layer3)
{
  g_autoptr (CepaNodeSet) second = layer2 != NULL ? make_set (layer2, n_layer2) : NULL;
  g_autoptr (CepaNodeSet) third = layer3 != NULL ? make_set (layer3, n_layer3) : NULL;
  const CepaVanguardsConfig config = { lite, second, third };

  cepa_vanguards_set_config (self->vanguards, &config);
}

static gboolean
is_row_lite (Fixture *self, guint32 row)
{
  const guint8 *rsa_id = cepa_network_get_relay (self->network, row)->rsa_id;

  for (guint i = 0; i < cepa_vanguards_get_n (self->vanguards); i++)
    if (memcmp (cepa_vanguards_get_id (self->vanguards, i, NULL), rsa_id, 20) == 0)
      return TRUE;
  return FALSE;
}

/* Plans a path and lets the core draw the rest; what comes must keep the rules. */
static void
assert_path (Fixture *self, CepaOnionPurpose purpose, guint32 target, CepaPath *path)
{
  CepaPathRequest request = self->request;
  guint32 fixed[CEPA_PATH_MAX_HOPS];
  g_autoptr (GError) error = NULL;

  *path = (CepaPath){ .size = sizeof *path };
  g_assert_true (cepa_vanguards_plan (self->vanguards, self->network, purpose, target, &request, fixed, &error));
  g_assert_no_error (error);
  g_assert_true (cepa_path_draw_run (self->draw, cepa_network_get_view (self->network), &self->random.random, &request,
                                     path, &error));
  g_assert_no_error (error);
  g_assert_true (cepa_path_check (self->network, &request, path, TRUE, NULL, &error));
  g_assert_no_error (error);
  if (target != CEPA_PATH_ANY_ROW)
    g_assert_cmpuint (path->hops[path->n_hops - 1], ==, target);
}

static void
assert_no_plan (Fixture *self, CepaOnionPurpose purpose, guint32 target, const char *part)
{
  CepaPathRequest request = self->request;
  guint32 fixed[CEPA_PATH_MAX_HOPS];
  g_autoptr (GError) error = NULL;

  g_assert_false (cepa_vanguards_plan (self->vanguards, self->network, purpose, target, &request, fixed, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, error->message);
  g_assert_cmpmem (&request, sizeof request, &self->request, sizeof self->request);
}

/* ---- shapes ---- */

/* Of C Tor 0.4.9.11 (route_len_for_purpose) and its manual page (HSLayer2Nodes, HSLayer3Nodes). Circuits one relay short
   were TROVE-2024-003 (lite) and TROVE-2024-004 (full) of Arti. */
static const struct
{
  CepaOnionPurpose purpose;
  guint n_lite, n_layer3;
  gboolean has_target;
} shapes[CEPA_N_ONION_PURPOSES] = {
  { CEPA_ONION_PREBUILT, 3, 4, FALSE },
  { CEPA_ONION_CLIENT_HSDIR, 4, 5, TRUE },  /* C - G - L2 - L3 - M - HSDIR */
  { CEPA_ONION_CLIENT_INTRO, 4, 5, TRUE },  /* C - G - L2 - L3 - M - I */
  { CEPA_ONION_CLIENT_REND, 3, 4, FALSE },  /* C - G - L2 - L3 - R */
  { CEPA_ONION_SERVICE_HSDIR, 4, 4, TRUE }, /* S - G - L2 - L3 - HSDIR */
  { CEPA_ONION_SERVICE_INTRO, 4, 4, TRUE }, /* S - G - L2 - L3 - I */
  { CEPA_ONION_SERVICE_REND, 4, 5, TRUE },  /* S - G - L2 - L3 - M - R */
};

static void
test_shapes_lite (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3, 5 };

  self->request.guards = guards;
  self->request.n_guards = G_N_ELEMENTS (guards);
  for (guint i = 0; i < 700; i++)
    {
      guint which = i % G_N_ELEMENTS (shapes);
      CepaPath path;

      assert_path (self, shapes[which].purpose, shapes[which].has_target ? i % N_RELAYS : CEPA_PATH_ANY_ROW, &path);
      g_assert_cmpuint (path.n_hops, ==, shapes[which].n_lite);
      g_assert_cmpuint (path.n_hops, ==, cepa_vanguards_get_n_hops (self->vanguards, shapes[which].purpose));
      g_assert_cmpuint (path.hops[0], ==, 3);
      g_assert_true (is_row_lite (self, path.hops[1]));
    }
  g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 4);
}

static void
test_shapes_full (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 }, second[] = { 20, 21, 22, 3 }, third[] = { 23, 24, 21, 25, 26 };

  self->request.guards = guards;
  self->request.n_guards = 1;
  configure (self, -1, second, G_N_ELEMENTS (second), third, G_N_ELEMENTS (third));
  for (guint i = 0; i < 1400; i++)
    {
      guint which = i % G_N_ELEMENTS (shapes);
      CepaPath path;

      assert_path (self, shapes[which].purpose, shapes[which].has_target ? i % N_RELAYS : CEPA_PATH_ANY_ROW, &path);
      g_assert_cmpuint (path.n_hops, ==, shapes[which].n_layer3);
      g_assert_cmpuint (path.hops[0], ==, 3);
      g_assert_true (path.hops[1] >= 20 && path.hops[1] <= 22);
      g_assert_true (path.hops[2] == 21 || (path.hops[2] >= 23 && path.hops[2] <= 26));
    }
  /* The lite layer is not asked while there is a set. */
  g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 0);
  /* The third layer may be alone: the second is lite then. */
  configure (self, -1, NULL, 0, third, G_N_ELEMENTS (third));
  for (guint i = 0; i < 100; i++)
    {
      CepaPath path;

      assert_path (self, CEPA_ONION_SERVICE_REND, 30, &path);
      g_assert_cmpuint (path.n_hops, ==, 5);
      g_assert_true (is_row_lite (self, path.hops[1]));
    }
}

/* Nobody is settled behind the guard, but lengths and rules are the same: TROVE-2024-006 of Arti let the same relay stand
   in several places when vanguards were off. */
static void
test_shapes_disabled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 };
  guint seen[N_RELAYS] = { 0 }, n_seen = 0;

  self->request.guards = guards;
  self->request.n_guards = 1;
  for (gint lite = 0; lite >= -1; lite--)
    {
      configure (self, lite, NULL, 0, NULL, 0);
      for (guint i = 0; i < 1400; i++)
        {
          guint which = i % G_N_ELEMENTS (shapes);
          CepaPath path;

          assert_path (self, shapes[which].purpose, shapes[which].has_target ? i % N_RELAYS : CEPA_PATH_ANY_ROW, &path);
          g_assert_cmpuint (path.n_hops, ==, shapes[which].n_lite);
          n_seen += seen[path.hops[1]]++ == 0;
        }
      g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 0);
      g_assert_cmpuint (n_seen, >=, 25);
      /* The consensus switches them off as well. */
      self->params = "vanguards-lite-enabled=0";
      fixture_make_network (self);
    }
  configure (self, 1, NULL, 0, NULL, 0);
  for (guint i = 0; i < 10; i++)
    {
      CepaPath path;

      assert_path (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW, &path);
      g_assert_true (is_row_lite (self, path.hops[1]));
    }
}

/* A target that is our guard moves us to no other guard; the relay before it may be the guard where two are between. */
static void
test_target_is_guard (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3, 5 }, second[] = { 20, 21 }, third[] = { 22, 23 };
  guint n_before = 0;

  self->request.guards = guards;
  self->request.n_guards = G_N_ELEMENTS (guards);
  for (guint i = 0; i < 100; i++)
    {
      CepaPath path;

      assert_path (self, CEPA_ONION_SERVICE_REND, 3, &path);
      g_assert_cmpuint (path.hops[0], ==, 3);
      g_assert_cmpuint (path.hops[3], ==, 3);
      g_assert_cmpuint (path.hops[2], !=, 3);
    }
  configure (self, -1, second, G_N_ELEMENTS (second), third, G_N_ELEMENTS (third));
  for (guint i = 0; i < 2000; i++)
    {
      CepaPath path;

      assert_path (self, CEPA_ONION_SERVICE_REND, 30, &path);
      g_assert_cmpuint (path.hops[0], ==, 3);
      n_before += path.hops[3] == 3;
    }
  g_assert_cmpuint (n_before, >, 10);
}

/* Where a target is a vanguard, another vanguard stands in, if the two are too near. */
static void
test_target_is_vanguard (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 }, second[] = { 20, 21 }, third[] = { 22, 20 };
  guint n_far = 0;

  self->request.guards = guards;
  self->request.n_guards = 1;
  configure (self, -1, second, G_N_ELEMENTS (second), third, G_N_ELEMENTS (third));
  for (guint i = 0; i < 200; i++)
    {
      CepaPath path;

      assert_path (self, CEPA_ONION_SERVICE_INTRO, 20, &path); /* G L2 L3 T */
      g_assert_cmpuint (path.hops[1], ==, 21);
      g_assert_cmpuint (path.hops[2], ==, 22);
      assert_path (self, CEPA_ONION_CLIENT_INTRO, 20, &path); /* G L2 L3 M T */
      g_assert_cmpuint (path.hops[2], ==, 22);
      n_far += path.hops[1] == 20;
    }
  g_assert_cmpuint (n_far, >, 50);
}

/* ---- the lite layer ---- */

static void
plan_one (Fixture *self)
{
  CepaPath path;

  assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
}

static void
test_lifetimes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 earliest = G_MAXINT64, latest = 0, expires;
  guint n_drawn = 0;

  for (guint day = 0; day < 2000; day++, self->clock.wall_s += DAY_S / 2)
    {
      guint before = self->n_good;

      plan_one (self);
      g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 4);
      g_assert_cmpuint (self->n_good - self->n_bad, ==, 4);
      n_drawn += self->n_good - before;
      for (guint i = 0; i < 4; i++)
        {
          cepa_vanguards_get_id (self->vanguards, i, &expires);
          g_assert_cmpint (expires, >, self->clock.wall_s);
          if (i >= 4 - (self->n_good - before))
            {
              earliest = MIN (earliest, expires - self->clock.wall_s);
              latest = MAX (latest, expires - self->clock.wall_s);
            }
        }
    }
  /* 1 to 12 days, and half a day until it is noticed: 4000 days of them. */
  g_assert_cmpuint (n_drawn, >, 500);
  g_assert_cmpuint (n_drawn, <, 680);
  g_assert_cmpint (earliest, >=, DAY_S);
  g_assert_cmpint (earliest, <, 3 * DAY_S / 2);
  g_assert_cmpint (latest, <, 12 * DAY_S);
  g_assert_cmpint (latest, >, 11 * DAY_S);
}

/* Fast and Stable, by the weights for the middle, each once; not where the user does not want them. */
static void
test_choice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint seen[N_RELAYS] = { 0 };
  guint8 barred[N_RELAYS] = { [25] = 1 << CEPA_PLACE_MIDDLE, [26] = 1 << CEPA_PLACE_EXIT };

  self->relays[30].bandwidth = 10000;
  self->relays[31].flags &= ~(guint32) CEPA_RELAY_FAST;
  fixture_make_network (self);
  self->request.barred = barred;
  self->request.barred_id = 1;
  for (guint i = 0; i < 1000; i++)
    {
      cepa_vanguards_drop (self->vanguards);
      g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 0);
      plan_one (self);
      for (guint row = 0; row < N_RELAYS; row++)
        seen[row] += is_row_lite (self, row);
    }
  for (guint row = 0; row < N_RELAYS; row++)
    if (IS_UNSTABLE (row) || row == 31 || row == 25)
      g_assert_cmpuint (seen[row], ==, 0);
    else if (row != 30)
      g_assert_cmpuint (seen[row], >, 70);
  g_assert_cmpuint (seen[30], >, 600);
  g_assert_cmpuint (seen[30], <=, 1000);
}

/* Who leaves the consensus, or is no longer Stable, is replaced; who is only without keys for now stays, unused. */
static void
test_replaced (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 rows[4];
  guint n = 0;
  CepaPath path;

  plan_one (self);
  for (guint32 row = 0; row < N_RELAYS; row++)
    if (is_row_lite (self, row))
      rows[n++] = row;
  g_assert_cmpuint (n, ==, 4);
  test_network_take_flags (self->network, rows[0], CEPA_RELAY_STABLE);
  test_network_take_flags (self->network, rows[1], CEPA_RELAY_HAS_KEYS);
  cepa_network_commit (self->network);
  for (guint i = 0; i < 100; i++)
    {
      assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
      g_assert_cmpuint (path.hops[1], !=, rows[0]);
      g_assert_cmpuint (path.hops[1], !=, rows[1]);
    }
  g_assert_false (is_row_lite (self, rows[0]));
  g_assert_true (is_row_lite (self, rows[1]));
  g_assert_cmpuint (self->n_bad, ==, 1);
  g_assert_cmpuint (self->n_good, ==, 5);
  /* Barred by the user: it stays, and is not used. */
  {
    guint8 barred[N_RELAYS] = { 0 };

    barred[rows[2]] = 1 << CEPA_PLACE_MIDDLE;
    self->request.barred = barred;
    self->request.barred_id = 1;
    for (guint i = 0; i < 100; i++)
      {
        assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
        g_assert_cmpuint (path.hops[1], !=, rows[2]);
      }
    g_assert_true (is_row_lite (self, rows[2]));
    self->request.barred = NULL;
  }
  /* One that is not there at all. */
  {
    const TestConsensus spec = { .relays = self->relays, .n_relays = rows[3] };

    cepa_network_unref (self->network);
    self->network = test_consensus_make_network (&spec);
    self->n_bad = 0;
    plan_one (self);
    g_assert_cmpuint (self->n_bad, ==, 1);
    g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 4);
  }
}

static void
test_parameters (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 expires;

  self->params = "guard-hs-l2-lifetime-max=200 guard-hs-l2-lifetime-min=100 guard-hs-l2-number=7";
  fixture_make_network (self);
  plan_one (self);
  g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, 7);
  for (guint i = 0; i < 7; i++)
    {
      cepa_vanguards_get_id (self->vanguards, i, &expires);
      g_assert_cmpint (expires, >=, self->clock.wall_s + 100);
      g_assert_cmpint (expires, <, self->clock.wall_s + 200);
    }
  /* The clock is set back: they would stay for longer than any may. */
  self->clock.wall_s -= DAY_S;
  self->n_bad = 0;
  plan_one (self);
  g_assert_cmpuint (self->n_bad, ==, 7);
  /* Out of bounds, and the wrong way round. */
  self->params = "guard-hs-l2-lifetime-max=0 guard-hs-l2-lifetime-min=5000 guard-hs-l2-number=1000";
  fixture_make_network (self);
  cepa_vanguards_drop (self->vanguards);
  plan_one (self);
  g_assert_cmpuint (cepa_vanguards_get_n (self->vanguards), ==, CEPA_VANGUARDS_MAX);
  cepa_vanguards_get_id (self->vanguards, 0, &expires);
  g_assert_cmpint (expires, ==, self->clock.wall_s + 5000);
}

/* ---- what does not work ---- */

static void
test_impossible (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 }, second[] = { 3, 20 }, third[] = { 20, 3 };

  self->request.guards = guards;
  self->request.n_guards = 1;
  configure (self, -1, second, 1, NULL, 0);
  assert_no_plan (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW,
                  "none of the 1 relays of HSLayer2Nodes that are in the network fits as relay 2 of an onion circuit of "
                  "3");
  configure (self, -1, second, 2, NULL, 0);
  assert_no_plan (self, CEPA_ONION_SERVICE_REND, 20, "relay 2 of an onion circuit of 4");
  configure (self, -1, second, 2, third, 2);
  assert_no_plan (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW,
                  "none of the 2 relays of HSLayer3Nodes that are in the network fits as relay 3 of an onion circuit of "
                  "4");
  configure (self, -1, second, 0, NULL, 0);
  assert_no_plan (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW, "none of the 0 relays of HSLayer2Nodes");
}

/* A guard of the list that may not be used is passed over; with none, the policy finds one that agrees. */
static void
test_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 77, 25, 4, 3 }, excluded[] = { 4 }, second[] = { 3 };
  CepaPath path;

  self->request.guards = guards;
  self->request.n_guards = G_N_ELEMENTS (guards);
  assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
  g_assert_cmpuint (path.hops[0], ==, 4);
  self->request.excluded = excluded;
  self->request.n_excluded = 1;
  assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
  g_assert_cmpuint (path.hops[0], ==, 3);
  self->request.guards = NULL;
  self->request.n_guards = 0;
  configure (self, -1, second, 1, NULL, 0);
  for (guint i = 0; i < 100; i++)
    {
      assert_path (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW, &path);
      g_assert_cmpuint (path.hops[0], !=, 3);
      g_assert_cmpuint (path.hops[1], ==, 3);
    }
}

/* Long-lived circuits are Stable, but where the target is not. */
static void
test_stable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 };
  CepaPath path;
  guint n_unstable = 0;

  self->request.guards = guards;
  self->request.n_guards = 1;
  for (guint i = 0; i < 200; i++)
    {
      assert_path (self, CEPA_ONION_SERVICE_REND, 30, &path);
      g_assert_false (IS_UNSTABLE (path.hops[2]));
      assert_path (self, CEPA_ONION_CLIENT_REND, CEPA_PATH_ANY_ROW, &path);
      g_assert_false (IS_UNSTABLE (path.hops[2]));
      assert_path (self, CEPA_ONION_SERVICE_REND, 12, &path);
      assert_path (self, CEPA_ONION_CLIENT_HSDIR, 30, &path);
      n_unstable += IS_UNSTABLE (path.hops[2]);
    }
  g_assert_cmpuint (n_unstable, >, 10);
}

/* ---- circuits that are there ---- */

static gboolean
may_take (Fixture *self, CepaOnionPurpose purpose, const CepaPath *path, guint32 target)
{
  const guint8 *target_id
      = target != CEPA_PATH_ANY_ROW ? cepa_network_get_relay (self->network, target)->rsa_id : NULL;
  guint8 relays[CEPA_PATH_MAX_HOPS][20];

  for (guint i = 0; i < path->n_hops; i++)
    memcpy (relays[i], cepa_network_get_relay (self->network, path->hops[i])->rsa_id, 20);
  return cepa_vanguards_may_take (self->vanguards, self->network, purpose, (const guint8 (*)[20]) relays, path->n_hops,
                                  target_id);
}

static gboolean
fits (Fixture *self, const CepaPath *path)
{
  guint8 relays[CEPA_PATH_MAX_HOPS][20];

  for (guint i = 0; i < path->n_hops; i++)
    memcpy (relays[i], cepa_network_get_relay (self->network, path->hops[i])->rsa_id, 20);
  return cepa_vanguards_fits (self->vanguards, self->network, (const guint8 (*)[20]) relays, path->n_hops);
}

/* TROVE-2024-005 of Arti: circuits were taken that had been built under other options, of the wrong length, or whose
   last relays were the target. */
static void
test_extended (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 3 }, second[] = { 20, 21, 22 }, third[] = { 23, 24, 25 };
  CepaPath lite, full;

  self->request.guards = guards;
  self->request.n_guards = 1;
  assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &lite);
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (guint32 target = 0; target < N_RELAYS; target++)
      g_assert_cmpint (may_take (self, shapes[i].purpose, &lite, target), ==,
                       shapes[i].has_target && shapes[i].purpose != CEPA_ONION_SERVICE_INTRO && target != lite.hops[1]
                           && target != lite.hops[2]);
  g_assert_true (fits (self, &lite));
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    g_assert_cmpint (may_take (self, shapes[i].purpose, &lite, CEPA_PATH_ANY_ROW), ==,
                     shapes[i].purpose == CEPA_ONION_CLIENT_REND);
  configure (self, -1, second, G_N_ELEMENTS (second), third, G_N_ELEMENTS (third));
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    g_assert_false (may_take (self, shapes[i].purpose, &lite, 30));
  g_assert_false (fits (self, &lite));
  assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &full);
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (guint32 target = 0; target < N_RELAYS; target++)
      g_assert_cmpint (may_take (self, shapes[i].purpose, &full, target), ==,
                       shapes[i].n_layer3 == 5 && target != full.hops[2] && target != full.hops[3]);
  g_assert_true (fits (self, &full));
  g_assert_true (may_take (self, CEPA_ONION_CLIENT_REND, &full, CEPA_PATH_ANY_ROW));
  /* Back to lite: too long now; the old one is over the right vanguard, until that is given up. */
  configure (self, -1, NULL, 0, NULL, 0);
  g_assert_false (may_take (self, CEPA_ONION_CLIENT_INTRO, &full, 30));
  g_assert_true (may_take (self, CEPA_ONION_CLIENT_INTRO, &lite, lite.hops[0]));
  cepa_vanguards_drop (self->vanguards);
  g_assert_false (may_take (self, CEPA_ONION_CLIENT_INTRO, &lite, lite.hops[0]));
  g_assert_false (fits (self, &lite));
  configure (self, 0, NULL, 0, NULL, 0);
  g_assert_true (may_take (self, CEPA_ONION_CLIENT_INTRO, &lite, lite.hops[0]));
  /* Another set for the second layer. */
  configure (self, -1, second, 1, NULL, 0);
  lite.hops[1] = 20;
  g_assert_true (may_take (self, CEPA_ONION_CLIENT_INTRO, &lite, lite.hops[0]));
  lite.hops[1] = 21;
  g_assert_false (may_take (self, CEPA_ONION_CLIENT_INTRO, &lite, lite.hops[0]));
}

/* Few of a user's set are drawn evenly, many by bandwidth. */
static void
test_weights (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 rows[30];
  guint n_few = 0, n_many = 0;
  CepaPath path;

  self->relays[20].bandwidth = 1000000;
  fixture_make_network (self);
  for (guint i = 0; i < 20; i++)
    rows[i] = 20 + i;
  for (guint i = 20; i < 30; i++)
    rows[i] = i - 20;
  configure (self, -1, rows, 20, NULL, 0);
  for (guint i = 0; i < 1000; i++)
    {
      assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
      n_few += path.hops[1] == 20;
    }
  configure (self, -1, rows, 30, NULL, 0);
  for (guint i = 0; i < 1000; i++)
    {
      assert_path (self, CEPA_ONION_PREBUILT, CEPA_PATH_ANY_ROW, &path);
      n_many += path.hops[1] == 20;
    }
  g_assert_cmpuint (n_few, >, 20);
  g_assert_cmpuint (n_few, <, 90);
  g_assert_cmpuint (n_many, >, 900);
}

static void
test_words (G_GNUC_UNUSED Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_assert_true (g_str_has_prefix (cepa_onion_purpose_to_string (shapes[i].purpose), "HS_"));
      g_assert_cmpint (cepa_onion_purpose_has_target (shapes[i].purpose), ==, shapes[i].has_target);
    }
  g_assert_cmpstr (cepa_onion_purpose_to_string (CEPA_ONION_CLIENT_REND), ==, "HS_CLIENT_REND");
}

#define ADD(name, function) \
  g_test_add ("/path/vanguards/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("shapes-lite", test_shapes_lite);
  ADD ("shapes-full", test_shapes_full);
  ADD ("shapes-disabled", test_shapes_disabled);
  ADD ("target-is-guard", test_target_is_guard);
  ADD ("target-is-vanguard", test_target_is_vanguard);
  ADD ("lifetimes", test_lifetimes);
  ADD ("choice", test_choice);
  ADD ("replaced", test_replaced);
  ADD ("parameters", test_parameters);
  ADD ("impossible", test_impossible);
  ADD ("guards", test_guards);
  ADD ("stable", test_stable);
  ADD ("extended", test_extended);
  ADD ("weights", test_weights);
  ADD ("words", test_words);
  return g_test_run ();
}
