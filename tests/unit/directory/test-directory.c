/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory as a whole, from a server over TLS in the same loop: good, slow to have things, and evil. */
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/loop.h"
#include "directory/cache.h"
#include "directory/directory.h"
#include "netdoc/maker.h"
#include "support/fake-dialer.h"
#include "support/fake-directory.h"
#include "support/log-capture.h"
#include "support/test-consensus.h"

#define DEADLINE_US (30 * G_USEC_PER_SEC)
#define CONSENSUS "/tor/status-vote/current/consensus-microdesc"
#define KEYS "/tor/keys/fp-sk/"
#define MICRO "/tor/micro/d/"
/* Nobody to ask but the fake server. */
#define FLAGS (TEST_RELAY_FLAGS & ~CEPA_RELAY_V2DIR)
#define N_RELAYS 5

static const TestRelay relays[N_RELAYS] = {
  { .flags = FLAGS | CEPA_RELAY_GUARD, .bandwidth = 100 },
  { .flags = FLAGS, .bandwidth = 100 },
  { .flags = FLAGS, .bandwidth = 100 },
  { .flags = FLAGS | CEPA_RELAY_GUARD, .bandwidth = 100 },
  { .flags = FLAGS | CEPA_RELAY_EXIT, .microdesc = "p accept 80\n", .bandwidth = 100 },
};
static const TestConsensus spec = { relays, N_RELAYS };

typedef struct
{
  char *folder;
  GMainContext *context;
  FakeServer *server;
  FakeDirectory fake;
  FakeDialer *dialer;
  CepaChannelPool *pool;
  CepaBootstrap bootstrap;
  GPtrArray *authorities, *fallbacks;
  CepaDirectory *directory;
  GSource *deadline;
  char *consensus, *certificate, *microdescriptors;
  guint n_changed;
} Fixture;

static void
fixture_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

static void
fixture_changed (gpointer user_data)
{
  ((Fixture *) user_data)->n_changed++;
}

static void
fixture_new_directory (Fixture *self)
{
  CepaDirectoryConfig config = { self->folder, self->authorities, self->fallbacks, TRUE };
  CepaDirectoryFuncs funcs = { fixture_changed, self };

  self->bootstrap = (CepaBootstrap) CEPA_BOOTSTRAP_INIT;
  self->directory = cepa_directory_new (self->context, fake_server_clock (), cepa_random_system (), self->pool,
                                        &self->bootstrap, &config, &funcs);
}

static void
fixture_free_directory (Fixture *self)
{
  cepa_directory_stop (self->directory);
  while (cepa_directory_is_busy (self->directory))
    g_main_context_iteration (self->context, TRUE);
  g_clear_pointer (&self->directory, cepa_directory_free);
}

static void
fixture_make_documents (Fixture *self)
{
  GString *all = g_string_new (NULL);

  self->consensus = test_consensus_text (&spec);
  self->certificate = maker_certificate (maker_authority (0), NULL);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *text = test_consensus_microdescriptor (&spec, i);

      g_string_append (all, text);
    }
  self->microdescriptors = g_string_free (all, FALSE);
}

static void
fixture_serve (Fixture *self)
{
  fake_directory_put (&self->fake, CONSENSUS, self->consensus);
  fake_directory_put (&self->fake, KEYS, self->certificate);
  fake_directory_put (&self->fake, MICRO, self->microdescriptors);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelPoolFuncs funcs = { NULL, NULL };
  CepaDirectorySource *authority;
  CepaChannelTarget target;
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  self->folder = g_dir_make_tmp ("cepa-directory-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->server = fake_server_new (self->context);
  fake_directory_init (&self->fake, self->server);
  self->dialer = fake_dialer_new (self->context);
  self->pool = cepa_channel_pool_new (self->context, fake_server_clock (), cepa_random_system (),
                                      &self->dialer->base, &funcs, NULL);
  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  self->fallbacks = g_ptr_array_new ();
  authority = g_memdup2 (&maker_authority (0)->source, sizeof *authority);
  authority->nickname = g_strdup ("authority");
  fake_server_get_target (self->server, &target);
  memcpy (authority->rsa_id, target.rsa_id, sizeof target.rsa_id);
  authority->ipv4 = target.ipv4;
  authority->or_port = target.or_port;
  g_ptr_array_add (self->authorities, authority);
  fixture_make_documents (self);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", fixture_too_late, self);
  cepa_loop_set_delay (self->deadline, DEADLINE_US);
  fixture_new_directory (self);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");
  g_autoptr (GDir) folder = NULL;
  const char *name;

  fixture_free_directory (self);
  cepa_channel_pool_close_all (self->pool, reason);
  while (!cepa_channel_pool_is_empty (self->pool))
    g_main_context_iteration (self->context, TRUE);
  cepa_channel_pool_free (self->pool);
  fake_dialer_free (self->dialer);
  fake_directory_clear (&self->fake);
  fake_server_free (self->server);
  cepa_loop_clear (&self->deadline);
  folder = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->fallbacks);
  g_free (self->folder);
  g_free (self->consensus);
  g_free (self->certificate);
  g_free (self->microdescriptors);
}

static void
fixture_turn (Fixture *self)
{
  g_main_context_iteration (self->context, TRUE);
}

static void
fixture_wait_sufficient (Fixture *self)
{
  while (!cepa_directory_is_sufficient (self->directory))
    fixture_turn (self);
}

static char *
fixture_read (Fixture *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

/* Other bytes for one place of a consensus, of the same length. */
static char *
replaced (const char *text, const char *old, const char *new)
{
  char *copy = g_strdup (text), *at = strstr (copy, old);

  g_assert_cmpuint (strlen (old), ==, strlen (new));
  while (at != NULL)
    {
      memcpy (at, new, strlen (new));
      at = strstr (at, old);
    }
  return copy;
}

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
      while (cepa_directory_is_busy (self->directory)) /* puts its files together */
        fixture_turn (self);
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
  g_autofree char *first = test_consensus_microdescriptor (&spec, 0);
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
  while (cepa_directory_is_busy (self->directory))
    fixture_turn (self);
  fixture_free_directory (self); /* all is written */
  text = fixture_read (self, CEPA_CACHE_MICRODESCRIPTORS);
  added = fixture_read (self, CEPA_CACHE_NEW_MICRODESCRIPTORS);
  g_assert_null (added);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *one = test_consensus_microdescriptor (&spec, i);

      log_capture_assert_has (text, one);
    }
  g_assert_null (strstr (text, "ntor-onion-key AAAA\n"));
  fixture_new_directory (self);
}

/* A row of other relays' microdescriptors: what is wanted is taken, the rest asked for again. */
static void
test_some_at_a_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = test_consensus_microdescriptor (&spec, 0);
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

/* ---- evil, or only unlucky ---- */

/* What the server gives at first, and that it is asked again until it gives something good. */
static void
check_gets_over (Fixture *self, const char *resource, const char *bad, const char *good, const char *logged)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_INFO);
  fixture_serve (self);
  fake_directory_put (&self->fake, resource, bad);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, resource) < 3)
    {
      g_assert_false (cepa_directory_is_sufficient (self->directory));
      fixture_turn (self);
    }
  fake_directory_put (&self->fake, resource, good);
  fixture_wait_sufficient (self);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, logged);
}

static void
test_no_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_gets_over (self, CONSENSUS, NULL, self->consensus, "answers 404 for " CONSENSUS);
}

static void
test_no_keys (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_gets_over (self, KEYS, NULL, self->certificate, "answers 404 for " KEYS);
}

static void
test_no_microdescriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_gets_over (self, MICRO, NULL, self->microdescriptors, "answers 404 for " MICRO);
}

static void
test_empty_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_gets_over (self, CONSENSUS, "", self->consensus, "refused a consensus");
}

static void
test_changed_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *bad = replaced (self->consensus, "Bandwidth=100", "Bandwidth=999");

  check_gets_over (self, CONSENSUS, bad, self->consensus, "refused a consensus");
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
  bad = replaced (self->consensus, own, other);
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
  check_gets_over (self, KEYS, bad, self->certificate, "refused a key certificate");
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
  check_gets_over (self, MICRO, bad, self->microdescriptors, "refused a microdescriptor");
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
