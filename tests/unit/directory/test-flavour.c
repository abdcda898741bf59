/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory of server descriptors (UseMicrodescriptors 0), and both kinds at once (FetchUselessDescriptors 1). */
#include "fixture.h"

#include "base/encoding.h"
#include "directory/descriptors.h"
#include "directory/flavour.h"
#include "support/ns-directory.h"

#define NS_CONSENSUS "/tor/status-vote/current/consensus/"
#define SERVER "/tor/server/d/"

/* Both kinds of the one network that the fake server has. */
typedef struct
{
  Fixture base;
  char *descriptors[NS_DIRECTORY_N];
  char *all; /* in one text */
  char *consensus;
  GAsyncResult *found;
} NsFixture;

static void
ns_new_directory (NsFixture *self, CepaConsensusFlavour flavour, gboolean useless)
{
  fixture_free_directory (&self->base);
  self->base.flavour = flavour;
  self->base.fetches_useless = useless;
  fixture_new_directory (&self->base);
}

static void
ns_set_up (NsFixture *self, gconstpointer data)
{
  memset (self, 0, sizeof *self);
  fixture_set_up (&self->base, data);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    self->descriptors[i] = ns_directory_descriptor (i, MAKER_DESCRIPTOR_GOOD);
  self->all = g_strconcat (self->descriptors[0], self->descriptors[1], self->descriptors[2], self->descriptors[3], NULL);
  self->consensus = ns_directory_consensus (TEST_CONSENSUS_VALID_AFTER_S, self->descriptors);
  ns_new_directory (self, CEPA_CONSENSUS_NS, FALSE);
}

static void
ns_tear_down (NsFixture *self, gconstpointer data)
{
  fixture_tear_down (&self->base, data);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    g_free (self->descriptors[i]);
  g_free (self->all);
  g_free (self->consensus);
}

static void
ns_serve (NsFixture *self)
{
  fake_directory_put (&self->base.fake, NS_CONSENSUS, self->consensus);
  fake_directory_put (&self->base.fake, KEYS, self->base.certificate);
  fake_directory_put (&self->base.fake, SERVER, self->all);
}

static void
ns_bootstrap (NsFixture *self)
{
  ns_serve (self);
  cepa_directory_start (self->base.directory);
  fixture_wait_sufficient (&self->base);
}

/* A file of the cache has this, and nothing else. */
static void
ns_check_file (NsFixture *self, const char *name, const char *text)
{
  g_autofree char *found = fixture_read (&self->base, name);

  g_assert_cmpstr (found, ==, text);
}

static void
ns_on_found (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((NsFixture *) user_data)->found = g_object_ref (result);
}

/* (transfer full) (nullable): the text of the descriptor of relay @i. */
static char *
ns_find (NsFixture *self, CepaDirectory *directory, guint i)
{
  g_autoptr (GAsyncResult) found = NULL;
  guint8 id[20];
  gint row;

  ns_directory_rsa_id (i, id);
  row = cepa_network_find (cepa_directory_get_network (directory), id);
  g_assert_cmpint (row, >=, 0);
  cepa_directory_find_descriptor_async (directory, (guint) row, ns_on_found, self);
  while (self->found == NULL)
    fixture_turn (&self->base);
  found = g_steal_pointer (&self->found);
  return cepa_directory_find_descriptor_finish (found);
}

static void
ns_check_rows (NsFixture *self, CepaDirectory *directory)
{
  CepaNetwork *network = cepa_directory_get_network (directory);

  g_assert_cmpint (cepa_consensus_get_flavour (cepa_network_get_consensus (network)), ==, CEPA_CONSENSUS_NS);
  g_assert_cmpuint (cepa_network_get_n_relays (network), ==, NS_DIRECTORY_N);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    {
      g_autofree char *text = ns_find (self, directory, i);
      guint8 rsa_id[20], ed25519_id[32];
      gint row;

      ns_directory_rsa_id (i, rsa_id);
      ns_directory_ed25519_id (i, ed25519_id);
      row = cepa_network_find (network, rsa_id);
      g_assert_cmpmem (cepa_network_get_relay (network, (guint) row)->ed25519_id, 32, ed25519_id, 32);
      g_assert_cmpint (cepa_network_exit_allows (network, (guint) row, 80, FALSE), ==, i == NS_DIRECTORY_N - 1);
      g_assert_cmpstr (text, ==, self->descriptors[i]);
    }
}

/* The request for descriptors is for each by its digest, and nothing was asked for of the other kind. */
static void
ns_check_asked (NsFixture *self)
{
  const char *asked = NULL;

  for (guint i = 0; i < self->base.fake.requests->len; i++)
    if (g_str_has_prefix ((const char *) g_ptr_array_index (self->base.fake.requests, i) + 4, SERVER))
      asked = g_ptr_array_index (self->base.fake.requests, i);
  g_assert_nonnull (asked);
  g_assert_true (g_regex_match_simple ("^GET /tor/server/d/([0-9A-F]{40}\\+){3}[0-9A-F]{40}\\.z HTTP/", asked, 0, 0));
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    {
      g_autofree char *hex = NULL;
      guint8 digest[32];

      ns_directory_digest (self->descriptors[i], digest);
      hex = cepa_hex_encode (digest, 20);
      g_assert_nonnull (strstr (asked, hex));
    }
  g_assert_cmpuint (fake_directory_count (&self->base.fake, CONSENSUS), ==, 0);
  g_assert_cmpuint (fake_directory_count (&self->base.fake, MICRO), ==, 0);
}

static void
test_fetches (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  ns_bootstrap (self);
  g_assert_cmpuint (self->base.n_described, ==, NS_DIRECTORY_N);
  ns_check_asked (self);
  ns_check_rows (self, self->base.directory);
  g_assert_null (cepa_directory_get_of_flavour (self->base.directory, CEPA_CONSENSUS_MICRODESC));
  fixture_free_directory (&self->base);
  ns_check_file (self, CEPA_CACHE_NS_CONSENSUS, self->consensus);
  ns_check_file (self, CEPA_CACHE_CONSENSUS, NULL);
  ns_check_file (self, CEPA_CACHE_MICRODESCRIPTORS, NULL);
  ns_check_file (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, NULL);
  fixture_new_directory (&self->base);
}

/* Nothing is asked for; and what was torn at the end of the file costs itself alone. */
static void
test_warm (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *kept = NULL, *torn = NULL;
  guint n;

  ns_bootstrap (self);
  fixture_free_directory (&self->base);
  kept = fixture_read (&self->base, CEPA_CACHE_NEW_SERVER_DESCRIPTORS);
  torn = g_strconcat (kept, "router torn 192.0.2.1 9001 0 0\nidentity-ed255", NULL);
  fixture_put (&self->base, CEPA_CACHE_NEW_SERVER_DESCRIPTORS, torn);
  fixture_new_directory (&self->base);
  n = fake_directory_count (&self->base.fake, "/");
  cepa_directory_start (self->base.directory);
  fixture_wait_sufficient (&self->base);
  g_assert_cmpuint (fake_directory_count (&self->base.fake, "/"), ==, n);
  ns_check_rows (self, self->base.directory);
}

/* (transfer full): what stands where with another letter, as often as it is there. */
static char *
ns_spoil (const char *text, const char *before)
{
  char *copy = g_strdup (text);

  for (char *at = strstr (copy, before); at != NULL; at = strstr (at, before))
    {
      at += strlen (before);
      *at = *at == 'A' ? 'B' : 'A';
    }
  return copy;
}

static void
test_bad_signature (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  /* The digest is not of the signature: only who checks that sees it. */
  g_autofree char *bad = ns_spoil (self->all, "router-signature\n-----BEGIN SIGNATURE-----\n");

  fake_directory_put (&self->base.fake, NS_CONSENSUS, self->consensus);
  fixture_check_gets_over (&self->base, SERVER, bad, self->all, "not signed by its RSA identity");
  ns_check_rows (self, self->base.directory);
}

static void
test_bad_digest (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = ns_spoil (self->all, "published 2026-06-01 12:00:0");

  fake_directory_put (&self->base.fake, NS_CONSENSUS, self->consensus);
  /* No digit any more: a time that does not parse would tell less. */
  for (char *at = strstr (bad, "12:00:0A"); at != NULL; at = strstr (at, "12:00:0A"))
    at[7] = '1';
  fixture_check_gets_over (&self->base, SERVER, bad, self->all,
                           "refused a server descriptor from $");
  ns_check_rows (self, self->base.directory);
}

static void
test_truncated (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = g_strndup (self->descriptors[0], strlen (self->descriptors[0]) - 40);

  fake_directory_put (&self->base.fake, NS_CONSENSUS, self->consensus);
  fixture_check_gets_over (&self->base, SERVER, bad, self->all, "refused a server descriptor from ");
}

/* What all authorities list by mistake, or an old consensus still does, is not used either. */
static void
test_listed_but_bad (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *good = g_steal_pointer (&self->descriptors[1]), *log = NULL;
  LogCapture capture;

  self->descriptors[1] = ns_directory_descriptor (1, MAKER_DESCRIPTOR_BAD_ED);
  g_free (self->consensus);
  self->consensus = ns_directory_consensus (TEST_CONSENSUS_VALID_AFTER_S, self->descriptors);
  g_free (self->all);
  self->all = g_strjoin ("", self->descriptors[0], self->descriptors[1], self->descriptors[2], self->descriptors[3], NULL);
  log_capture_start (&capture, CEPA_LOG_WARN);
  ns_bootstrap (self);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "not signed by its Ed25519 signing key");
  g_assert_null (ns_find (self, self->base.directory, 1));
}

/* ---- one kind after the other ---- */

static void
test_switch (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n;

  ns_bootstrap (self);
  ns_new_directory (self, CEPA_CONSENSUS_MICRODESC, FALSE);
  fixture_serve (&self->base);
  cepa_directory_start (self->base.directory);
  fixture_wait_sufficient (&self->base);
  g_assert_cmpuint (fake_directory_count (&self->base.fake, CONSENSUS), ==, 1);
  g_assert_cmpuint (cepa_network_get_n_relays (cepa_directory_get_network (self->base.directory)), ==, N_RELAYS);

  /* Both are there now. */
  ns_new_directory (self, CEPA_CONSENSUS_NS, FALSE);
  n = fake_directory_count (&self->base.fake, "/");
  cepa_directory_start (self->base.directory);
  fixture_wait_sufficient (&self->base);
  ns_check_rows (self, self->base.directory);
  ns_new_directory (self, CEPA_CONSENSUS_MICRODESC, FALSE);
  cepa_directory_start (self->base.directory);
  fixture_wait_sufficient (&self->base);
  g_assert_cmpuint (fake_directory_count (&self->base.fake, "/"), ==, n);
}

/* One of the other flavour, signed as well as it may be, from a server and in the file. */
static void
test_other_flavour (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_put (&self->base, CEPA_CACHE_NS_CONSENSUS, self->base.consensus);
  fixture_put (&self->base, CEPA_CACHE_CERTS, self->base.certificate);
  fake_directory_put (&self->base.fake, SERVER, self->all);
  fixture_check_gets_over (&self->base, NS_CONSENSUS, self->base.consensus, self->consensus,
                           "refused a consensus from " CEPA_CACHE_NS_CONSENSUS);
  ns_check_rows (self, self->base.directory);
}

/* ---- both ---- */

static gboolean
guards_list (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const guint8 (*outdated)[20], G_GNUC_UNUSED guint n_outdated,
             G_GNUC_UNUSED GArray *rows)
{
  g_assert_not_reached ();
}

static gboolean
ns_has_all (CepaDirectory *directory)
{
  g_autoptr (GArray) missing = NULL;

  if (cepa_directory_get_network (directory) == NULL)
    return FALSE;
  missing = cepa_network_list_missing (cepa_directory_get_network (directory));
  return missing->len == 0;
}

static void
test_useless (NsFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaDirectoryGuards guards = { .list = guards_list };
  g_autoptr (CepaExtras) extras = cepa_extras_new ();
  g_autofree char *first = NULL;
  CepaDirectory *aside;

  ns_new_directory (self, CEPA_CONSENSUS_MICRODESC, TRUE);
  cepa_directory_set_guards (self->base.directory, &guards);
  cepa_directory_set_supplement (self->base.directory, extras, NULL);
  fixture_serve (&self->base);
  ns_serve (self);
  cepa_directory_start (self->base.directory);
  aside = cepa_directory_get_of_flavour (self->base.directory, CEPA_CONSENSUS_NS);
  g_assert_true (aside != NULL && aside != self->base.directory);
  g_assert_true (cepa_directory_get_of_flavour (self->base.directory, CEPA_CONSENSUS_MICRODESC) == self->base.directory);
  while (!cepa_directory_is_sufficient (self->base.directory) || !ns_has_all (aside))
    fixture_turn (&self->base);
  /* The texts are there a turn after the rows. */
  while (first == NULL)
    first = ns_find (self, aside, 0);
  ns_check_rows (self, aside);
  g_assert_cmpuint (self->base.n_described, ==, NS_DIRECTORY_N);
  g_assert_true (cepa_network_get_extras (cepa_directory_get_network (aside)) == extras);
  g_assert_cmpuint (cepa_network_get_n_relays (cepa_directory_get_network (self->base.directory)), ==, N_RELAYS);
  /* Both are counted, under numbers of their own. */
  g_assert_cmpuint (cepa_directory_get_totals (self->base.directory)->requests[CEPA_DIRECTORY_CONSENSUS], ==, 2);
  fixture_free_directory (&self->base);
  ns_check_file (self, CEPA_CACHE_NS_CONSENSUS, self->consensus);
  ns_check_file (self, CEPA_CACHE_CONSENSUS, self->base.consensus);
  fixture_new_directory (&self->base);
}

#define ADD(path, func) g_test_add ("/flavour/" path, NsFixture, NULL, ns_set_up, func, ns_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("ns/fetches", test_fetches);
  ADD ("ns/warm", test_warm);
  ADD ("ns/bad-signature", test_bad_signature);
  ADD ("ns/bad-digest", test_bad_digest);
  ADD ("ns/truncated", test_truncated);
  ADD ("ns/listed-but-bad", test_listed_but_bad);
  ADD ("switch", test_switch);
  ADD ("other-flavour", test_other_flavour);
  ADD ("useless", test_useless);
  return g_test_run ();
}
