/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is asked: weights, rests after failures, caches that lack microdescriptors, and directory guards. */
#include <string.h>

#include "directory/servers.h"
#include "netdoc/authority.h"
#include "support/test-consensus.h"

#define N_RELAYS 4
#define N_DRAWS 4000

static const TestRelay relays[N_RELAYS] = {
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 100 },
  { .flags = TEST_RELAY_FLAGS, .bandwidth = 300 },
  { .flags = TEST_RELAY_FLAGS & ~CEPA_RELAY_V2DIR, .bandwidth = 1000 },
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_AUTHORITY, .bandwidth = 1000 },
};
static const TestConsensus spec = { relays, N_RELAYS };

/* Names of who was drawn, by the last byte of the identity: relays 0 to 3, fallbacks 'f' and 'g', authority 'a'. */
typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  GPtrArray *authorities, *fallbacks;
  CepaNetwork *network;
  CepaServers *servers;
  guint counts[256];
  guint n_none, n_guards;
  GArray *guard_rows; /* (nullable): no guards are kept */
  guint n_outdated;   /* as the guards were told */
} Fixture;

static CepaDirectorySource *
make_source (char name, gboolean is_authority, double weight)
{
  CepaDirectorySource *source = g_new0 (CepaDirectorySource, 1);

  memset (source->rsa_id, 'x', sizeof source->rsa_id);
  source->rsa_id[19] = (guint8) name;
  source->is_authority = source->is_v3 = is_authority;
  source->ipv4 = 0x7f000001;
  source->or_port = 9001;
  source->weight = weight;
  return source;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, G_USEC_PER_SEC, TEST_CONSENSUS_VALID_AFTER_S);
  cepa_random_seeded_init (&self->random, 1);
  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  self->fallbacks = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  g_ptr_array_add (self->authorities, make_source ('a', TRUE, 1.0));
  g_ptr_array_add (self->fallbacks, make_source ('f', FALSE, 1.0));
  g_ptr_array_add (self->fallbacks, make_source ('g', FALSE, 3.0));
  self->network = test_consensus_make_network (&spec);
  self->servers = cepa_servers_new (self->authorities, self->fallbacks, 0.5, &self->clock.clock, &self->random.random);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_servers_free (self->servers);
  cepa_network_unref (self->network);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->fallbacks);
  g_clear_pointer (&self->guard_rows, g_array_unref);
}

static void
fixture_draw (Fixture *self, CepaServersWish wish)
{
  memset (self->counts, 0, sizeof self->counts);
  self->n_none = self->n_guards = 0;
  for (guint i = 0; i < N_DRAWS; i++)
    {
      CepaCircuitHop hop;
      gboolean is_guard;

      if (!cepa_servers_choose (self->servers, &wish, &hop, &is_guard))
        self->n_none++;
      else
        {
          gint row = cepa_network_find (self->network, hop.target.rsa_id);

          self->counts[row >= 0 ? (guint) row : hop.target.rsa_id[19]]++;
          self->n_guards += is_guard;
        }
    }
}

/* About @share of all draws. */
static void
check_share (Fixture *self, guint who, double share)
{
  double got = self->counts[who] / (double) N_DRAWS;

  g_assert_cmpfloat (got, >, share - 0.04);
  g_assert_cmpfloat (got, <, share + 0.04);
}

static void
test_fallbacks (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_draw (self, (CepaServersWish){ .kind = CEPA_SERVERS_FALLBACK });
  check_share (self, 'f', 1.0 / 4.5);
  check_share (self, 'g', 3.0 / 4.5);
  check_share (self, 'a', 0.5 / 4.5);
  fixture_draw (self, (CepaServersWish){ .kind = CEPA_SERVERS_AUTHORITY });
  g_assert_cmpuint (self->counts['a'], ==, N_DRAWS);
}

static void
test_caches (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_draw (self, (CepaServersWish){ .kind = CEPA_SERVERS_CACHE, .network = self->network });
  check_share (self, 0, 101.0 / 402);
  check_share (self, 1, 301.0 / 402);
  g_assert_cmpuint (self->counts[0] + self->counts[1], ==, N_DRAWS);
  fixture_draw (self, (CepaServersWish){ .kind = CEPA_SERVERS_CACHE });
  g_assert_cmpuint (self->counts['f'] + self->counts['g'] + self->counts['a'], ==, N_DRAWS);
}

/* One that failed is left alone for a minute, one that is busy for an hour; when all have failed, they are asked. */
static void
test_rests (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaServersWish wish = { .kind = CEPA_SERVERS_CACHE, .network = self->network };
  const guint8 *first = cepa_network_get_relay (self->network, 0)->rsa_id;
  const guint8 *second = cepa_network_get_relay (self->network, 1)->rsa_id;

  cepa_servers_note_failure (self->servers, first);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[1], ==, N_DRAWS);
  cepa_servers_note_busy (self->servers, second);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts['f'] + self->counts['g'] + self->counts['a'], ==, N_DRAWS);
  self->clock.monotonic_us += 61 * G_USEC_PER_SEC;
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[0], ==, N_DRAWS);
  self->clock.monotonic_us += G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC;
  fixture_draw (self, wish);
  check_share (self, 1, 301.0 / 402);
  for (guint i = 0; i < 2; i++)
    cepa_servers_note_failure (self->servers, i == 0 ? first : second);
  for (guint i = 0; i < 2; i++)
    cepa_servers_note_failure (self->servers, ((CepaDirectorySource *) self->fallbacks->pdata[i])->rsa_id);
  cepa_servers_note_failure (self->servers, ((CepaDirectorySource *) self->authorities->pdata[0])->rsa_id);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->n_none, ==, 0);
}

/* A cache that lacked microdescriptors is not asked for them again, but for a consensus it is. */
static void
test_outdated (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaServersWish wish = { .kind = CEPA_SERVERS_CACHE, .network = self->network, .for_microdescriptors = TRUE };

  cepa_servers_note_outdated (self->servers, cepa_network_get_relay (self->network, 1)->rsa_id);
  cepa_servers_note_outdated (self->servers, ((CepaDirectorySource *) self->authorities->pdata[0])->rsa_id);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[0], ==, N_DRAWS);
  wish.for_microdescriptors = FALSE;
  fixture_draw (self, wish);
  check_share (self, 1, 301.0 / 402);
  cepa_servers_forget_outdated (self->servers);
  wish.for_microdescriptors = TRUE;
  fixture_draw (self, wish);
  check_share (self, 1, 301.0 / 402);
}

/* Who is asked something now is asked no more while there are others. */
static void
test_asked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GArray) asked = g_array_new (FALSE, FALSE, 20);
  const CepaServersWish wish = { .kind = CEPA_SERVERS_CACHE, .network = self->network, .asked = asked };

  g_array_append_vals (asked, cepa_network_get_relay (self->network, 0)->rsa_id, 1);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[1], ==, N_DRAWS);
  g_array_append_vals (asked, cepa_network_get_relay (self->network, 1)->rsa_id, 1);
  fixture_draw (self, wish);
  check_share (self, 0, 101.0 / 402);
}

/* Who gave the consensus is asked for its certificates, until it fails. */
static void
test_preferred (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const guint8 *authority = ((CepaDirectorySource *) self->authorities->pdata[0])->rsa_id;
  const CepaServersWish wish = { .kind = CEPA_SERVERS_CACHE, .preferred = authority };

  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts['a'], ==, N_DRAWS);
  cepa_servers_note_failure (self->servers, authority);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts['a'], ==, 0);
}

static gboolean
guards_list (gpointer user_data, G_GNUC_UNUSED const guint8 (*outdated)[20], guint n_outdated, GArray *rows)
{
  Fixture *self = user_data;

  self->n_outdated = n_outdated;
  if (self->guard_rows != NULL)
    g_array_append_vals (rows, self->guard_rows->data, self->guard_rows->len);
  return self->guard_rows != NULL;
}

/* With guards, nobody else is asked once there is a network. */
static void
test_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaDirectoryGuards guards = { .list = guards_list, .user_data = self };
  const CepaServersWish wish = { .kind = CEPA_SERVERS_CACHE, .network = self->network, .for_microdescriptors = TRUE };
  const guint32 rows[] = { 2, 0 };

  cepa_servers_set_guards (self->servers, &guards);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->n_guards, ==, 0);
  check_share (self, 1, 301.0 / 402);
  self->guard_rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  fixture_draw (self, wish);
  g_assert_cmpuint (self->n_none, ==, N_DRAWS);
  g_array_append_vals (self->guard_rows, rows, 2);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[2], ==, N_DRAWS);
  g_assert_cmpuint (self->n_guards, ==, N_DRAWS);
  cepa_servers_note_outdated (self->servers, cepa_network_get_relay (self->network, 2)->rsa_id);
  fixture_draw (self, wish);
  g_assert_cmpuint (self->counts[0], ==, N_DRAWS);
  g_assert_cmpuint (self->n_outdated, ==, 1);
  fixture_draw (self, (CepaServersWish){ .kind = CEPA_SERVERS_FALLBACK, .network = self->network });
  g_assert_cmpuint (self->n_guards, ==, 0);
}

#define ADD(path, func) g_test_add ("/servers/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("fallbacks", test_fallbacks);
  ADD ("caches", test_caches);
  ADD ("rests", test_rests);
  ADD ("outdated", test_outdated);
  ADD ("asked", test_asked);
  ADD ("preferred", test_preferred);
  ADD ("guards", test_guards);
  return g_test_run ();
}
