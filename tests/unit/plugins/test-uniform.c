/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin path.uniform, with the core's drawing behind it. */
#include "uniform.h"

#include <string.h>

#include "base/secret.h"
#include "path/draw.h"
#include "support/fake-view.h"

typedef struct
{
  FakeView fake;
  CepaPathPolicy policy;
  CepaPathDraw *draw;
} Fixture;

static gboolean
fixture_weigh (G_GNUC_UNUSED CepaPathPolicy *policy, const CepaNetworkView *view,
               G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED guint32 place, guint32 *weights,
               G_GNUC_UNUSED GError **error)
{
  cepa_uniform_weigh (view, weights);
  return TRUE;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_view_init (&self->fake);
  self->policy = (CepaPathPolicy){ .id = "path.uniform", .weigh = fixture_weigh };
  self->draw = cepa_path_draw_new (&self->policy);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_path_draw_unref (self->draw);
}

static void
draw (Fixture *self, const CepaPathRequest *request, CepaPath *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (
      cepa_path_draw_run (self->draw, &self->fake.view, &self->fake.random.random, request, path, &error));
  g_assert_no_error (error);
  fake_view_assert_path (&self->fake, request, path);
}

/* Every relay gets the same weight, whatever its bandwidth. */
static void
test_weigh (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 weights[4] = { 0, 0, 0, 77 };

  for (guint i = 0; i < 3; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE, 1000 * i, FAKE_POLICY_NONE);
  cepa_uniform_weigh (&self->fake.view, weights);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (weights[i], ==, 1);
  g_assert_cmpuint (weights[3], ==, 77);
}

/* Each exit that fits comes as often as any other, then each guard, then each middle relay: with 40 relays that may
   all meet, the chances of places do not touch each other. */
static void
test_equal_chances (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPathRequest request = { .size = sizeof request, .n_hops = 3, .port = 80 };
  guint seen[3][40] = { 0 };
  double chances[3][40] = { 0 };

  for (guint i = 0; i < 40; i++)
    fake_view_add (&self->fake, FAKE_VIEW_USABLE | (i < 10 ? CEPA_RELAY_GUARD : i < 20 ? CEPA_RELAY_EXIT : 0), 1u << i % 30,
                   i < 18 ? FAKE_POLICY_WEB : FAKE_POLICY_MAIL);
  for (guint i = 0; i < 100000; i++)
    {
      CepaPath path = { .size = sizeof path };

      draw (self, &request, &path);
      for (guint hop = 0; hop < 3; hop++)
        seen[hop][path.hops[hop]]++;
    }
  for (guint i = 0; i < 40; i++)
    {
      /* Who is drawn as guard or exit is not there as middle relay. */
      double is_taken = i < 10 ? 1 / 10.0 : i < 18 ? 1 / 8.0 : 0;

      chances[0][i] = i < 10 ? 1 / 10.0 : 0;
      chances[1][i] = (1 - is_taken) / 38;
      chances[2][i] = i >= 10 && i < 18 ? 1 / 8.0 : 0;
    }
  for (guint hop = 0; hop < 3; hop++)
    fake_view_assert_chi_square (seen[hop], chances[hop], 40, 100000);
}

static void
test_rules (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint16 ports[] = { 0, 25, 80, 443 };
  CepaRandom *random = &self->fake.random.random;

  for (guint i = 0; i < 300; i++)
    fake_view_add_random (&self->fake);
  for (guint i = 0; i < 20000; i++)
    {
      CepaPathRequest request = { .size = sizeof request, .n_hops = 3 };
      CepaPath path = { .size = sizeof path };

      request.port = ports[cepa_random_below (random, G_N_ELEMENTS (ports))];
      request.purpose = (guint32) cepa_random_below (random, 2);
      request.flags = cepa_random_below (random, 2) != 0 ? CEPA_PATH_NEED_STABLE : CEPA_PATH_ANY_SUBNET;
      draw (self, &request, &path);
    }
}

#define ADD(name, function) \
  g_test_add ("/plugins/uniform/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  cepa_secret_init (&error);
  g_assert_no_error (error);
  ADD ("weigh", test_weigh);
  ADD ("equal-chances", test_equal_chances);
  ADD ("rules", test_rules);
  return g_test_run ();
}
