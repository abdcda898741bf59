/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin path.diverse over made-up networks and seeded randomness. */
#include "diverse.h"

#include <string.h>

#include "base/secret.h"
#include "support/path-oracle.h"

typedef struct
{
  FakeView fake;
  CepaDiverse *diverse;
  guint n_lines;
  char *line; /* the last that was logged */
} Fixture;

static const CepaDiverseConfig all_different = { .n_countries = 3, .by_system = TRUE };

static void
fixture_log (const CepaHost *host, G_GNUC_UNUSED CepaHostLogLevel level, const char *text)
{
  Fixture *self = (Fixture *) (gpointer) ((char *) host - G_STRUCT_OFFSET (Fixture, fake.host));

  self->n_lines++;
  g_free (self->line);
  self->line = g_strdup (text);
}

static void
use (Fixture *self, const CepaDiverseConfig *config)
{
  g_clear_pointer (&self->diverse, cepa_diverse_free);
  self->diverse = cepa_diverse_new (&self->fake.host, config);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_view_init (&self->fake);
  self->fake.host.log = fixture_log;
  use (self, &all_different);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_diverse_free (self->diverse);
  g_free (self->line);
}

static CepaPathRequest
make_request (guint32 n_hops)
{
  return (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = n_hops, .port = 80 };
}

static CepaRelay *
add (Fixture *self, guint32 flags, guint32 weight, const char *country, guint32 system)
{
  CepaRelay *relay = fake_view_add (&self->fake, FAKE_VIEW_USABLE | flags, weight,
                                    (flags & CEPA_RELAY_EXIT) != 0 ? FAKE_POLICY_WEB : FAKE_POLICY_NONE);

  g_strlcpy (relay->country, country, sizeof relay->country);
  relay->as_number = system;
  return relay;
}

/* Two countries have most of the weight. */
static void
add_relays (Fixture *self)
{
  add (self, CEPA_RELAY_GUARD, 30, "de", 1);
  add (self, CEPA_RELAY_GUARD, 20, "fr", 2);
  add (self, CEPA_RELAY_GUARD, 10, "nl", 1);
  add (self, CEPA_RELAY_EXIT, 40, "de", 3);
  add (self, CEPA_RELAY_EXIT, 15, "fr", 4);
  add (self, CEPA_RELAY_EXIT, 9, "se", 1);
  add (self, 0, 50, "de", 5);
  add (self, 0, 25, "us", 6);
  add (self, 0, 12, "se", 2);
  add (self, 0, 8, "", 7);
}

static gboolean
same_country (const FakeView *fake, guint32 a, guint32 b)
{
  return fake->relays[a].country[0] != '\0' && strcmp (fake->relays[a].country, fake->relays[b].country) == 0;
}

static guint
count_countries (const FakeView *fake, const CepaPath *path)
{
  guint n = 0;

  for (guint i = 0; i < path->n_hops; i++)
    {
      gboolean is_new = TRUE;

      for (guint j = 0; j < i; j++)
        is_new = is_new && !same_country (fake, path->hops[i], path->hops[j]);
      n += is_new;
    }
  return n;
}

static gboolean
has_distinct_systems (const FakeView *fake, const CepaPath *path)
{
  for (guint i = 0; i < path->n_hops; i++)
    for (guint j = 0; j < i; j++)
      if (fake->relays[path->hops[i]].as_number != 0
          && fake->relays[path->hops[i]].as_number == fake->relays[path->hops[j]].as_number)
        return FALSE;
  return TRUE;
}

static gboolean
is_wanted_all (const FakeView *fake, const CepaPath *path)
{
  return count_countries (fake, path) >= 3 && has_distinct_systems (fake, path);
}

static gboolean
is_wanted_two (const FakeView *fake, const CepaPath *path)
{
  return count_countries (fake, path) >= 2;
}

static gboolean
is_wanted_systems (const FakeView *fake, const CepaPath *path)
{
  return has_distinct_systems (fake, path);
}

static gboolean
choose (Fixture *self, const CepaPathRequest *request, CepaPath *path, GError **error)
{
  *path = (CepaPath){ .size = sizeof *path };
  return cepa_diverse_choose (self->diverse, &self->fake.view, request, path, error);
}

static void
assert_path (Fixture *self, const CepaPathRequest *request, CepaPath *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (choose (self, request, path, &error));
  g_assert_no_error (error);
  fake_view_assert_path (&self->fake, request, path);
}

/* @by: what the chances are worked out for, as far as it is another request */
static void
assert_distribution (Fixture *self, const CepaPathRequest *request, const CepaPathRequest *by,
                     gboolean (*is_wanted) (const FakeView *fake, const CepaPath *path), guint n)
{
  const PathOracle oracle = { .fake = &self->fake, .request = by, .is_wanted = is_wanted };
  guint n_paths = path_oracle_count (&oracle);
  g_autofree double *chances = path_oracle_chances (&oracle);
  g_autofree guint *seen = g_new0 (guint, n_paths);

  for (guint i = 0; i < n; i++)
    {
      CepaPath path;

      assert_path (self, request, &path);
      seen[path_oracle_index (&oracle, &path)]++;
    }
  fake_view_assert_chi_square (seen, chances, n_paths, n);
}

/* Weights are kept among those who differ. */
static void
test_distribution (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaDiverseConfig two = { .n_countries = 2 }, systems = { .by_system = TRUE }, off = { 0 };
  CepaPathRequest request = make_request (3);

  add_relays (self);
  assert_distribution (self, &request, &request, is_wanted_all, 100000);
  use (self, &two);
  assert_distribution (self, &request, &request, is_wanted_two, 100000);
  use (self, &systems);
  assert_distribution (self, &request, &request, is_wanted_systems, 100000);
  use (self, &off);
  assert_distribution (self, &request, &request, NULL, 100000);
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 0);
  g_assert_cmpuint (self->n_lines, ==, 0);
}

/* The best guard stays, and the others differ from it: the chances are those of a path whose guard is settled. */
static void
test_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 0, 1, 2 }, settled[] = { 0, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW };
  CepaPathRequest request = make_request (3), by = make_request (3);

  add_relays (self);
  request.guards = guards;
  request.n_guards = G_N_ELEMENTS (guards);
  by.fixed = settled;
  assert_distribution (self, &request, &by, is_wanted_all, 100000);
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 0);
}

/* Another guard, where the best one leaves nothing that is diverse. */
static void
test_next_guard (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 0, 1, 2 };
  CepaPathRequest request = make_request (3);
  CepaPath path;

  add_relays (self);
  for (guint row = 3; row < 6; row++)
    g_strlcpy (self->fake.relays[row].country, "de", 4);
  request.guards = guards;
  request.n_guards = G_N_ELEMENTS (guards);
  for (guint i = 0; i < 100; i++)
    {
      assert_path (self, &request, &path);
      g_assert_cmpuint (path.hops[0], ==, 1);
      g_assert_true (is_wanted_all (&self->fake, &path));
    }
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 0);
}

/* What cannot be had is given up in its order, and said once for each directory; or nothing is, when it is strict. */
static void
test_giving_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaDiverseConfig strict = all_different;
  CepaPathRequest request = make_request (3);
  CepaPath path;

  add_relays (self);
  for (guint row = 0; row < 10; row++)
    g_strlcpy (self->fake.relays[row].country, row % 2 == 0 ? "de" : "fr", 4);
  for (guint i = 0; i < 100; i++)
    {
      assert_path (self, &request, &path);
      g_assert_true (has_distinct_systems (&self->fake, &path));
    }
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 100);
  g_assert_cmpuint (self->n_lines, ==, 1);
  g_assert_nonnull (strstr (self->line, "so many countries"));
  for (guint row = 0; row < 10; row++)
    self->fake.relays[row].as_number = 1;
  self->fake.view.version++;
  assert_path (self, &request, &path);
  g_assert_cmpuint (self->n_lines, ==, 2);
  g_assert_nonnull (strstr (self->line, "taking any"));
  strict.is_strict = TRUE;
  use (self, &strict);
  for (guint n_guards = 0; n_guards < 3; n_guards++)
    {
      static const guint32 guards[] = { 0, 1 };
      g_autoptr (GError) error = NULL;

      request.guards = n_guards > 0 ? guards : NULL;
      request.n_guards = n_guards;
      g_assert_false (choose (self, &request, &path, &error));
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH);
    }
}

static void
test_exit_countries (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const wanted[] = { "se", "jp", NULL };
  const CepaDiverseConfig config = { .exit_countries = wanted };
  CepaPathRequest request = make_request (3);
  CepaPath path;

  add_relays (self);
  use (self, &config);
  for (guint i = 0; i < 100; i++)
    {
      assert_path (self, &request, &path);
      g_assert_cmpuint (path.hops[2], ==, 5);
    }
  /* Paths that stay inside have no exit. */
  request.purpose = CEPA_PURPOSE_INTERNAL;
  for (guint i = 0, n = 0; i < 100 && n == 0; i++)
    {
      assert_path (self, &request, &path);
      n += path.hops[2] != 5;
      g_assert_cmpuint (i, <, 99);
    }
  request.purpose = CEPA_PURPOSE_GENERAL;
  self->fake.relays[5].flags &= ~(guint32) CEPA_RELAY_EXIT;
  self->fake.view.version++;
  assert_path (self, &request, &path);
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 1);
  g_assert_nonnull (strstr (self->line, "exit in the countries"));
}

static void
test_unknown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaDiverseConfig config = all_different;
  CepaPathRequest request = make_request (3);
  guint n_unknown = 0;
  CepaPath path;

  add_relays (self);
  /* Of the guard, an exit and a middle relay nothing is known. */
  for (guint row = 0; row < 10; row += 3)
    {
      self->fake.relays[row].country[0] = '\0';
      self->fake.relays[row].as_number = 0;
    }
  for (guint i = 0; i < 500; i++)
    {
      assert_path (self, &request, &path);
      n_unknown += path.hops[0] == 0 && path.hops[2] == 3;
    }
  g_assert_cmpuint (n_unknown, >, 20);
  config.unknown = CEPA_DIVERSE_TOGETHER;
  config.is_strict = TRUE;
  use (self, &config);
  for (guint i = 0; i < 500; i++)
    {
      guint n = 0;

      assert_path (self, &request, &path);
      for (guint hop = 0; hop < 3; hop++)
        n += path.hops[hop] % 3 == 0;
      g_assert_cmpuint (n, <=, 1);
    }
  config.unknown = CEPA_DIVERSE_REFUSED;
  use (self, &config);
  n_unknown = 0;
  for (guint i = 0; i < 500; i++)
    {
      assert_path (self, &request, &path);
      g_assert_cmpuint (path.hops[1] % 3, !=, 0);
      g_assert_cmpuint (path.hops[2] % 3, !=, 0);
      n_unknown += path.hops[0] == 0;
    }
  g_assert_cmpuint (n_unknown, >, 20);
}

/* Without a file of systems, or of countries, what is known counts still; strictly there is no path then. */
static void
test_nothing_known (Fixture *self, gconstpointer data)
{
  gboolean has_systems = GPOINTER_TO_INT (data);
  CepaDiverseConfig config = all_different;
  CepaPathRequest request = make_request (3);
  CepaPath path;

  add_relays (self);
  for (guint row = 0; row < 10; row++)
    if (has_systems)
      self->fake.relays[row].country[0] = '\0';
    else
      self->fake.relays[row].as_number = 0;
  for (config.unknown = CEPA_DIVERSE_TOGETHER; config.unknown <= CEPA_DIVERSE_REFUSED; config.unknown++)
    {
      config.is_strict = FALSE;
      use (self, &config);
      for (guint i = 0; i < 200; i++)
        {
          assert_path (self, &request, &path);
          if (has_systems)
            g_assert_true (has_distinct_systems (&self->fake, &path));
          else
            g_assert_cmpuint (count_countries (&self->fake, &path), ==, 3);
        }
      g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 0);
      config.is_strict = TRUE;
      use (self, &config);
      g_assert_false (choose (self, &request, &path, NULL));
    }
}

/* Other lengths, and what is for onion services. */
static void
test_lengths (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 0 };
  guint n_same = 0;

  add_relays (self);
  for (guint32 n_hops = 1; n_hops <= 5; n_hops++)
    for (guint i = 0; i < 100; i++)
      {
        CepaPathRequest request = make_request (n_hops);
        CepaPath path;

        assert_path (self, &request, &path);
        g_assert_cmpuint (count_countries (&self->fake, &path), >=, MIN (n_hops, 3));
      }
  for (guint i = 0; i < 200; i++)
    {
      CepaPathRequest request = make_request (3);
      CepaPath path;

      request.purpose = CEPA_PURPOSE_INTERNAL;
      request.flags = CEPA_PATH_VANGUARDS;
      request.guards = guards;
      request.n_guards = 1;
      assert_path (self, &request, &path);
      n_same += count_countries (&self->fake, &path) < 3;
    }
  g_assert_cmpuint (n_same, >, 20);
  g_assert_cmpuint (cepa_diverse_get_n_given_up (self->diverse), ==, 0);
}

/* What it does not know is refused as path.weighted refuses it, also when it is strict. */
static void
test_unsupported (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { 0 };
  CepaDiverseConfig config = all_different;

  add_relays (self);
  for (guint i = 0; i < 4; i++)
    {
      guint n_guards = i % 2;
      CepaPathRequest request = make_request (n_guards == 0 ? 9 : 3);
      g_autoptr (GError) error = NULL;
      CepaPath path;

      config.is_strict = i >= 2;
      use (self, &config);
      request.purpose = n_guards == 0 ? CEPA_PURPOSE_GENERAL : 7;
      request.guards = n_guards > 0 ? guards : NULL;
      request.n_guards = n_guards;
      g_assert_false (choose (self, &request, &path, &error));
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
    }
}

#define ADD(name, function) \
  g_test_add ("/plugins/diverse/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  cepa_secret_init (&error);
  g_assert_no_error (error);
  ADD ("distribution", test_distribution);
  ADD ("guards", test_guards);
  ADD ("next-guard", test_next_guard);
  ADD ("giving-up", test_giving_up);
  ADD ("exit-countries", test_exit_countries);
  ADD ("unknown", test_unknown);
  ADD ("lengths", test_lengths);
  g_test_add ("/plugins/diverse/no-systems", Fixture, GINT_TO_POINTER (FALSE), fixture_set_up, test_nothing_known,
              fixture_tear_down);
  g_test_add ("/plugins/diverse/no-countries", Fixture, GINT_TO_POINTER (TRUE), fixture_set_up, test_nothing_known,
              fixture_tear_down);
  ADD ("unsupported", test_unsupported);
  return g_test_run ();
}
