/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "network/family.h"
#include "support/test-consensus.h"

#define N_RELAYS 6

/* A network whose relays declare what the test says. */
typedef struct
{
  TestRelay relays[N_RELAYS];
  TestConsensus consensus;
  char *lines[N_RELAYS]; /* owned: their microdesc */
  CepaNetwork *network;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  self->consensus.relays = self->relays;
  self->consensus.n_relays = N_RELAYS;
  for (guint i = 0; i < N_RELAYS; i++)
    self->relays[i].flags = TEST_RELAY_FLAGS;
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < N_RELAYS; i++)
    g_free (self->lines[i]);
  g_clear_pointer (&self->network, cepa_network_unref);
}

/* Lets relay @i have @line, in which "%N" is replaced by the fingerprint of relay N. */
static void
fixture_declare (Fixture *self, guint i, const char *line)
{
  GString *out = g_string_new (line);

  for (guint n = 0; n < N_RELAYS; n++)
    {
      char mark[3] = { '%', (char) ('0' + n), '\0' };
      g_autofree char *fingerprint = test_relay_fingerprint (n);

      g_string_replace (out, mark, fingerprint, 0);
    }
  g_string_append_c (out, '\n');
  g_free (self->lines[i]);
  self->lines[i] = g_string_free (out, FALSE);
  self->relays[i].microdesc = self->lines[i];
}

static void
fixture_build (Fixture *self)
{
  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = test_consensus_make_network (&self->consensus);
}

/* Asserts of @pairs, "01 23", that they are families, and of all others that they are not; asks the table and
   the view, which looks at the rows' numbers first, in both directions. */
static void
assert_pairs (Fixture *self, const char *pairs)
{
  const CepaNetworkView *view = cepa_network_get_view (self->network);

  for (guint a = 0; a < N_RELAYS; a++)
    for (guint b = 0; b < N_RELAYS; b++)
      {
        char pair[3] = { (char) ('0' + MIN (a, b)), (char) ('0' + MAX (a, b)), '\0' };
        gboolean expected = a == b || strstr (pairs, pair) != NULL;

        g_assert_cmpint (cepa_network_same_family (self->network, a, b), ==, expected);
        g_assert_cmpint (cepa_network_view_same_family (view, a, b), ==, expected);
      }
}

static void
test_mutual (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_declare (self, 0, "family %1 %0");
  fixture_declare (self, 1, "family %0");
  fixture_declare (self, 2, "family %0 %1 %2"); /* nobody answers */
  fixture_declare (self, 4, "family %5");
  fixture_build (self);
  assert_pairs (self, "01");
  g_assert_cmpuint (cepa_network_get_relay (self->network, 0)->family, !=, 0);
  g_assert_cmpuint (cepa_network_get_relay (self->network, 0)->family, ==,
                    cepa_network_get_relay (self->network, 1)->family);
  for (guint i = 2; i < N_RELAYS; i++)
    g_assert_cmpuint (cepa_network_get_relay (self->network, i)->family, ==, 0);
}

static void
test_not_transitive (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_declare (self, 0, "family %1");
  fixture_declare (self, 1, "family %0 %2");
  fixture_declare (self, 2, "family %1");
  fixture_declare (self, 3, "family %4");
  fixture_declare (self, 4, "family %3");
  fixture_build (self);
  assert_pairs (self, "01 12 34");
  g_assert_cmpuint (cepa_network_get_relay (self->network, 0)->family, !=,
                    cepa_network_get_relay (self->network, 3)->family);
}

static void
test_shared_text (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i < 5; i++)
    fixture_declare (self, i, "family %1 %2 %3 %4");
  fixture_declare (self, 0, "family %1 %2 %3 %4"); /* says the same and is not in it */
  fixture_build (self);
  assert_pairs (self, "12 13 14 23 24 34");
}

static void
test_forms (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *one = test_relay_fingerprint (1), *two = test_relay_fingerprint (2);
  g_autofree char *lower = g_ascii_strdown (one, -1);
  g_autofree char *line = g_strdup_printf ("family %s %s~Nick2 %%3=Nick3 %%4 ", lower, two + 1);

  fixture_declare (self, 0, line);
  for (guint i = 1; i < N_RELAYS; i++)
    fixture_declare (self, i, "family %0");
  fixture_build (self);
  assert_pairs (self, "01 02 03 04");
}

static void
test_malformed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_declare (self, 0, "family %1x %2= %3~not.legal $CE0000 $ ~ = %5%5 waytoolongfornickname %4");
  for (guint i = 1; i < N_RELAYS; i++)
    fixture_declare (self, i, "family %0");
  fixture_build (self);
  assert_pairs (self, "04");
}

static void
test_nicknames (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relays[1].nickname = "Alice";
  self->relays[2].nickname = "alice"; /* anybody may take a name */
  self->relays[3].nickname = "Carol";
  fixture_declare (self, 0, "family ALICE carol nobody");
  fixture_declare (self, 1, "family %0");
  fixture_declare (self, 2, "family relay0");
  fixture_declare (self, 3, "family relay1");
  fixture_declare (self, 4, "family alice");
  fixture_build (self);
  assert_pairs (self, "01 02");
}

static void
test_ids (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_declare (self, 0, "family-ids ed25519:AAAA");
  fixture_declare (self, 1, "family-ids ed25519:BBBB ed25519:AAAA");
  fixture_declare (self, 2, "family-ids ed25519:BBBB ed25519:CCCC");
  fixture_declare (self, 3, "family-ids ed25519:aaaa ed25519:AAA");
  fixture_declare (self, 4, "family ed25519:AAAA");
  fixture_build (self);
  assert_pairs (self, "01 12");
}

static void
test_params (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_declare (self, 0, "family %1");
  fixture_declare (self, 1, "family %0");
  fixture_declare (self, 2, "family-ids x:y");
  fixture_declare (self, 3, "family-ids x:y");
  fixture_build (self);
  assert_pairs (self, "01 23");
  self->consensus.params = "use-family-ids=0";
  fixture_build (self);
  assert_pairs (self, "01");
  self->consensus.params = "use-family-lists=0";
  fixture_build (self);
  assert_pairs (self, "23");
}

/* Whatever the order in which microdescriptors come, and however they are parted into batches. */
static void
test_order (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 } };
  g_autoptr (CepaConsensus) consensus = NULL;

  self->relays[3].nickname = "late";
  fixture_declare (self, 0, "family %1 %2");
  fixture_declare (self, 1, "family %0 %2");
  fixture_declare (self, 2, "family %0 late");
  fixture_declare (self, 3, "family %2");
  consensus = test_consensus_make (&self->consensus);
  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      g_clear_pointer (&self->network, cepa_network_unref);
      self->network = cepa_network_new (consensus);
      for (guint j = 0; j < 4; j++)
        {
          test_consensus_add_microdescriptor (&self->consensus, self->network, orders[i][j]);
          cepa_network_commit (self->network);
        }
      assert_pairs (self, "01 02 23");
    }
}

/* A declaration with more members than count keeps the first. */
static void
test_limit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) line = g_string_new ("family %1");

  for (guint i = 1; i < CEPA_FAMILY_MAX_MEMBERS; i++)
    g_string_append (line, " x");
  g_string_append (line, " %2");
  fixture_declare (self, 0, line->str);
  fixture_declare (self, 1, "family %0");
  fixture_declare (self, 2, "family %0");
  fixture_build (self);
  assert_pairs (self, "01");
}

#define ADD(name, function) \
  g_test_add ("/network/family/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("mutual", test_mutual);
  ADD ("not-transitive", test_not_transitive);
  ADD ("shared-text", test_shared_text);
  ADD ("forms", test_forms);
  ADD ("malformed", test_malformed);
  ADD ("nicknames", test_nicknames);
  ADD ("ids", test_ids);
  ADD ("params", test_params);
  ADD ("order", test_order);
  ADD ("limit", test_limit);
  return g_test_run ();
}
