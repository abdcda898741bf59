/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory as a whole, from a server over TLS in the same loop: good, slow to have things, and evil. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/encoding.h"
#include "fixture.h"

/* ---- good ---- */

static void
test_bootstrap (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *consensus = NULL, *certificates = NULL, *identity = NULL;
  char hex[7];

  fixture_serve (self);
  cepa_directory_start (self->directory);
  g_assert_true (cepa_directory_is_busy (self->directory));
  g_assert_null (cepa_directory_get_network (self->directory));
  fixture_wait_sufficient (self);
  g_assert_cmpint (self->bootstrap.percent, ==, CEPA_BOOTSTRAP_ENOUGH_DIRINFO);
  g_assert_cmpuint (self->n_changed, ==, 2);
  g_assert_cmpuint (cepa_network_get_n_relays (cepa_directory_get_network (self->directory)), ==, N_RELAYS);
  g_assert_cmpuint (fake_directory_count (&self->fake, "/"), ==, 3);
  g_assert_cmpuint (fake_directory_count (&self->fake, KEYS), ==, 1);
  g_assert_cmpuint (fake_directory_count (&self->fake, MICRO), ==, 1);
  cepa_hex_encode_to (maker_authority (0)->identity->digest, 3, hex);
  identity = g_strdup_printf (CONSENSUS "/%s.z", hex);
  g_assert_cmpuint (fake_directory_count (&self->fake, identity), ==, 1);

  fixture_free_directory (self);
  consensus = fixture_read (self, CEPA_CACHE_CONSENSUS);
  g_assert_cmpstr (consensus, ==, self->consensus);
  certificates = fixture_read (self, CEPA_CACHE_CERTS);
  g_assert_cmpstr (certificates, ==, self->certificate);
  fixture_new_directory (self);
}

/* What one has fetched is enough for the next: nobody is asked. */
static void
test_restart (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *unverified = NULL;

  fixture_serve (self);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  fixture_free_directory (self);
  g_ptr_array_set_size (self->fake.requests, 0);
  for (guint i = 0; i < 2; i++)
    {
      fixture_new_directory (self);
      cepa_directory_start (self->directory);
      fixture_wait_sufficient (self);
      g_assert_cmpint (self->bootstrap.percent, ==, CEPA_BOOTSTRAP_ENOUGH_DIRINFO);
      do /* puts its files together */
        fixture_turn (self);
      while (cepa_directory_is_busy (self->directory));
      if (i == 0)
        fixture_free_directory (self);
    }
  g_assert_cmpuint (self->fake.requests->len, ==, 0);
}

/* When nothing is missing any more, the two files become one. */
static void
test_compacts (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, CEPA_CACHE_MICRODESCRIPTORS, NULL);
  g_autofree char *first = test_consensus_microdescriptor (&fixture_spec, 0);
  g_autofree char *rest = g_strdup (self->microdescriptors + strlen (first));
  g_autofree char *stranger = g_strconcat ("onion-key\nntor-onion-key AAAA\n", first, NULL);
  g_autofree char *text = NULL, *added = NULL;
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, stranger, -1, &error);
  g_assert_no_error (error);
  fixture_serve (self);
  fake_directory_put (&self->fake, MICRO, rest);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  do
    fixture_turn (self);
  while (cepa_directory_is_busy (self->directory));
  fixture_free_directory (self); /* all is written */
  text = fixture_read (self, CEPA_CACHE_MICRODESCRIPTORS);
  added = fixture_read (self, CEPA_CACHE_NEW_MICRODESCRIPTORS);
  g_assert_null (added);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *one = test_consensus_microdescriptor (&fixture_spec, i);

      log_capture_assert_has (text, one);
    }
  g_assert_null (strstr (text, "ntor-onion-key AAAA\n"));
  fixture_new_directory (self);
}

/* A row of other relays' microdescriptors: what is wanted is taken, the rest asked for again. */
static void
test_some_at_a_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = test_consensus_microdescriptor (&fixture_spec, 0);
  g_autofree char *some = g_strconcat ("onion-key\nntor-onion-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", first, NULL);

  fixture_serve (self);
  fake_directory_put (&self->fake, MICRO, some);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, MICRO) < 2)
    fixture_turn (self);
  g_assert_false (cepa_directory_is_sufficient (self->directory));
  fake_directory_put (&self->fake, MICRO, self->microdescriptors);
  fixture_wait_sufficient (self);
}

/* ---- several at once ---- */

/* A port that takes connections, by the kernel, and says nothing. */
static int
listen_silently (guint16 *port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t len = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, len), ==, 0);
  g_assert_cmpint (listen (fd, 10), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &len), ==, 0);
  *port = ntohs (address.sin_port);
  return fd;
}

static void
count_circuit (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit)
{
  *(guint *) user_data += 1;
}

/* Two fallback directories do not answer: they are not waited for, the authority is tried besides; when it has answered,
   they are left alone. */
static void
test_several_at_once (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaDirectoryTotals *totals;
  CepaDirectorySource silent[2] = { 0 };
  guint n = 0;
  guint16 port;
  int fd = listen_silently (&port);

  for (guint i = 0; i < 2; i++)
    {
      memset (silent[i].rsa_id, (int) i + 1, sizeof silent[i].rsa_id);
      silent[i].ipv4 = 0x7f000001;
      silent[i].or_port = port;
      silent[i].weight = 1000;
      g_ptr_array_add (self->fallbacks, &silent[i]);
    }
  self->authority_delay_s = 1;
  self->max_tries = 3;
  fixture_free_directory (self);
  fixture_new_directory (self);
  fixture_serve (self);
  totals = cepa_directory_get_totals (self->directory);
  cepa_directory_start (self->directory);
  while (cepa_directory_get_network (self->directory) == NULL)
    fixture_turn (self);
  g_assert_cmpuint (totals->requests[CEPA_DIRECTORY_CONSENSUS], ==, 3);
  g_assert_cmpuint (totals->failures[CEPA_DIRECTORY_CONSENSUS], ==, 0);
  g_assert_cmpuint (fake_directory_count (&self->fake, CONSENSUS), ==, 1);
  cepa_directory_stop (self->directory);
  cepa_directory_foreach_circuit (self->directory, count_circuit, &n);
  g_assert_cmpuint (n, ==, 0);
  close (fd);
}

/* ---- evil, or only unlucky ---- */

static void
test_no_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_check_gets_over (self, CONSENSUS, NULL, self->consensus, "answers 404 for " CONSENSUS);
}

static void
test_no_keys (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_check_gets_over (self, KEYS, NULL, self->certificate, "answers 404 for " KEYS);
}

static void
test_no_microdescriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_check_gets_over (self, MICRO, NULL, self->microdescriptors, "answers 404 for " MICRO);
}

static void
test_empty_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_check_gets_over (self, CONSENSUS, "", self->consensus, "refused a consensus");
}

static void
test_changed_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = fixture_replaced (self->consensus, "Bandwidth=100", "Bandwidth=999");

  fixture_check_gets_over (self, CONSENSUS, bad, self->consensus, "refused a consensus");
}

/* A consensus that nobody signed, said to be by keys that nobody has: there is no certificate to wait for. */
static void
test_keys_that_are_not_there (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = NULL;
  char own[41], other[41];

  cepa_hex_encode_to (maker_authority (0)->signing->digest, 20, own);
  memset (other, 'A', 40);
  other[40] = '\0';
  bad = fixture_replaced (self->consensus, own, other);
  fixture_serve (self);
  fake_directory_put (&self->fake, CONSENSUS, bad);
  fake_directory_put (&self->fake, KEYS, NULL);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, KEYS) == 0)
    fixture_turn (self);
  fake_directory_put (&self->fake, CONSENSUS, self->consensus);
  while (fake_directory_count (&self->fake, CONSENSUS) < 2)
    fixture_turn (self);
  fake_directory_put (&self->fake, KEYS, self->certificate);
  fixture_wait_sufficient (self);
}

static void
test_wrong_keys (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const MakerFaults none;
  MakerFaults faults = none;
  g_autofree char *bad = NULL;

  faults.certifier = maker_key (2);
  bad = maker_certificate (maker_authority (0), &faults);
  fixture_check_gets_over (self, KEYS, bad, self->certificate, "refused a key certificate");
}

/* A certificate of somebody who is no authority of ours. */
static void
test_stranger_keys (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = maker_certificate (maker_authority (1), NULL);
  g_autofree char *stored = NULL;

  fixture_serve (self);
  fake_directory_put (&self->fake, KEYS, bad);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, CONSENSUS) < 2)
    fixture_turn (self);
  fake_directory_put (&self->fake, KEYS, self->certificate);
  fixture_wait_sufficient (self);
  fixture_free_directory (self);
  stored = fixture_read (self, CEPA_CACHE_CERTS);
  g_assert_cmpstr (stored, ==, self->certificate);
  fixture_new_directory (self);
}

static void
test_wrong_microdescriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = g_strdup (self->microdescriptors);

  for (char *key = bad; (key = strstr (key, "ntor-onion-key ")) != NULL; key += 20)
    key[17] = 'Z';
  fixture_check_gets_over (self, MICRO, bad, self->microdescriptors, "refused a microdescriptor");
}

static gboolean
answer_not_modified (FakeDirectory *fake, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  Fixture *self = user_data;

  if (fake_directory_count (fake, CONSENSUS) > 2)
    fake->takes_over = NULL;
  fake_directory_answer (link, request, "HTTP/1.0 304 Not modified\r\n\r\n", "", 0);
  g_assert_null (cepa_directory_get_network (self->directory));
  return TRUE;
}

/* Of what we do not have. */
static void
test_not_modified (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_serve (self);
  self->fake.takes_over = answer_not_modified;
  self->fake.user_data = self;
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  g_assert_cmpuint (fake_directory_count (&self->fake, CONSENSUS), ==, 4);
}

/* ---- the end ---- */

static void
test_stopped_at_any_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gboolean was_sufficient = FALSE;

  fixture_serve (self);
  for (guint turns = 0; turns < 400 && !was_sufficient; turns += 1 + turns / 8)
    {
      cepa_directory_start (self->directory);
      for (guint i = 0; i < turns && !cepa_directory_is_sufficient (self->directory); i++)
        fixture_turn (self); /* beyond sufficient, the next turn may be an hour away */
      was_sufficient = cepa_directory_is_sufficient (self->directory);
      fixture_free_directory (self);
      for (const char *const *name = (const char *const[]){ CEPA_CACHE_CERTS, CEPA_CACHE_CONSENSUS,
             CEPA_CACHE_UNVERIFIED_CONSENSUS, CEPA_CACHE_MICRODESCRIPTORS, CEPA_CACHE_NEW_MICRODESCRIPTORS, NULL };
           *name != NULL; name++)
        {
          g_autofree char *path = g_build_filename (self->folder, *name, NULL);

          g_unlink (path);
        }
      fixture_new_directory (self);
    }
  g_assert_true (was_sufficient);
}

#define ADD(path, func) g_test_add ("/directory/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("bootstrap", test_bootstrap);
  ADD ("restart", test_restart);
  ADD ("compacts", test_compacts);
  ADD ("some-at-a-time", test_some_at_a_time);
  ADD ("several-at-once", test_several_at_once);
  ADD ("bad/no-consensus", test_no_consensus);
  ADD ("bad/no-keys", test_no_keys);
  ADD ("bad/no-microdescriptors", test_no_microdescriptors);
  ADD ("bad/empty-consensus", test_empty_consensus);
  ADD ("bad/changed-consensus", test_changed_consensus);
  ADD ("bad/keys-that-are-not-there", test_keys_that_are_not_there);
  ADD ("bad/wrong-keys", test_wrong_keys);
  ADD ("bad/stranger-keys", test_stranger_keys);
  ADD ("bad/wrong-microdescriptors", test_wrong_microdescriptors);
  ADD ("bad/not-modified", test_not_modified);
  ADD ("stopped-at-any-time", test_stopped_at_any_time);
  return g_test_run ();
}
