/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory as a whole, from a server over TLS in the same loop: good, slow to have things, and evil. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/loop.h"
#include "crypto/digest.h"
#include "directory/cache.h"
#include "directory/directory.h"
#include "netdoc/consensus-diff.h"
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

/* The fake server's clock, with another date. */
typedef struct
{
  CepaClock clock;
  gint64 later_s;
} TestClock;

static gint64
clock_monotonic_us (G_GNUC_UNUSED const CepaClock *clock)
{
  return g_get_monotonic_time ();
}

static gint64
clock_wall_s (const CepaClock *clock)
{
  return TEST_CONSENSUS_VALID_AFTER_S + ((const TestClock *) clock)->later_s;
}

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
  TestClock clock;
  gint64 release_date_s;
  guint authority_delay_s, max_tries;
  char *shut_out;
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
fixture_shut_out (gpointer user_data, const char *missing)
{
  Fixture *self = user_data;

  g_free (self->shut_out);
  self->shut_out = g_strdup (missing);
}

static void
fixture_new_directory (Fixture *self)
{
  CepaDirectoryConfig config;
  CepaDirectoryFuncs funcs = { fixture_changed, self, fixture_shut_out };

  cepa_directory_config_init (&config);
  config.data_directory = self->folder;
  config.authorities = self->authorities;
  config.fallbacks = self->fallbacks;
  config.is_testing = TRUE;
  config.authority_delay_s = self->authority_delay_s;
  config.max_tries = self->max_tries;
  config.release_date_s = self->release_date_s;
  self->bootstrap = (CepaBootstrap) CEPA_BOOTSTRAP_INIT;
  self->directory = cepa_directory_new (self->context, &self->clock.clock, cepa_random_system (), self->pool,
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
  self->max_tries = 1; /* however slowly the machine does it, each request is made once */
  self->clock.clock = (CepaClock){ clock_monotonic_us, clock_wall_s, NULL };
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
  g_free (self->shut_out);
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

static void
fixture_put (Fixture *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
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

/* ---- the next one ---- */

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

#define DAY_S (24 * 3600)
#define DIFF_HEADER "X-Or-Diff-From-Consensus: "

/* Puts into the cache what a run two days ago has left. */
static char *
fixture_put_old (Fixture *self, gint64 later_s)
{
  TestConsensus old = spec;
  char *text;

  old.valid_after_s = TEST_CONSENSUS_VALID_AFTER_S + later_s;
  text = test_consensus_text (&old);
  fixture_put (self, CEPA_CACHE_CONSENSUS, text);
  fixture_put (self, CEPA_CACHE_CERTS, self->certificate);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, self->microdescriptors);
  return text;
}

/* (transfer full): the digits that X-Or-Diff-From-Consensus names @text by */
static char *
digest_of_base (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  guint8 digest[32];

  cepa_consensus_diff_base_digest (bytes, digest);
  return cepa_hex_encode (digest, sizeof digest);
}

/* (transfer full): a diff that changes every line. */
static char *
diff_between (const char *from, const char *to)
{
  g_autofree char *from_hex = digest_of_base (from), *to_hex = NULL;
  guint8 to_digest[32];
  guint n_lines = 0;

  for (const char *c = from; *c != '\0'; c++)
    n_lines += *c == '\n';
  cepa_sha3_256 (to, strlen (to), to_digest);
  to_hex = cepa_hex_encode (to_digest, sizeof to_digest);
  return g_strdup_printf ("network-status-diff-version 1\nhash %s %s\n1,%uc\n%s.\n", from_hex, to_hex, n_lines, to);
}

/* The first request for a consensus asked for a diff from @text. */
static void
fixture_check_asked_for_diff (Fixture *self, guint i, const char *text)
{
  g_autofree char *hex = digest_of_base (text);
  g_autofree char *header = g_strconcat (DIFF_HEADER, hex, "\r\n", NULL);

  log_capture_assert_has (g_ptr_array_index (self->fake.requests, i), header);
}

/* What is too old to be used costs a diff, not a download. */
static void
test_diff_from_old (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -2 * DAY_S), *diff = diff_between (old, self->consensus), *stored = NULL;
  const CepaDirectoryTotals *totals = cepa_directory_get_totals (self->directory);

  fake_directory_put (&self->fake, CONSENSUS, diff);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  g_assert_cmpuint (self->fake.requests->len, ==, 1);
  fixture_check_asked_for_diff (self, 0, old);
  log_capture_assert_has (g_ptr_array_index (self->fake.requests, 0), "If-Modified-Since: Sat, 30 May 2026 12:03:00 GMT\r\n");
  g_assert_cmpuint (totals->diffs, ==, 1);
  g_assert_cmpuint (totals->requests[CEPA_DIRECTORY_CONSENSUS], ==, 1);
  fixture_free_directory (self);
  stored = fixture_read (self, CEPA_CACHE_CONSENSUS);
  g_assert_cmpstr (stored, ==, self->consensus);
  fixture_new_directory (self);
}

/* From an older one than the network keeps diffs for, the whole is asked for. */
static void
test_no_diff_from_ancient (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -4 * DAY_S);

  fixture_serve (self);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  g_assert_cmpuint (self->fake.requests->len, ==, 1);
  g_assert_null (strstr (g_ptr_array_index (self->fake.requests, 0), DIFF_HEADER));
  log_capture_assert_has (g_ptr_array_index (self->fake.requests, 0), "If-Modified-Since: ");
}

/* @diff: (transfer full): what is served first, until the whole is asked for. */
static void
check_wrong_diff (Fixture *self, const char *old, char *diff, const char *logged)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_INFO);
  fixture_serve (self);
  fake_directory_put (&self->fake, CONSENSUS, diff);
  g_free (diff);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, CONSENSUS) < 2)
    fixture_turn (self);
  fixture_check_asked_for_diff (self, 0, old);
  g_assert_null (strstr (g_ptr_array_index (self->fake.requests, 1), DIFF_HEADER));
  fake_directory_put (&self->fake, CONSENSUS, self->consensus);
  fixture_wait_sufficient (self);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, logged);
}

static void
test_damaged_diff (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -2 * DAY_S);
  char *diff = diff_between (old, self->consensus);

  strstr (diff, "Bandwidth=")[10] = '9';
  check_wrong_diff (self, old, diff, "refused a consensus diff from ");
}

static void
test_diff_from_another (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -2 * DAY_S);

  check_wrong_diff (self, old, diff_between (self->consensus, self->consensus), "refused a consensus diff from ");
}

/* A diff to what nobody has signed: the same checks as for a whole one. */
static void
test_diff_to_forged (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -2 * DAY_S);
  g_autofree char *forged = replaced (self->consensus, "Bandwidth=100", "Bandwidth=999");

  check_wrong_diff (self, old, diff_between (old, forged), "refused a consensus from ");
}

/* A diff where none was asked for. */
static void
test_unasked_diff (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *diff = diff_between (self->consensus, self->consensus);

  check_gets_over (self, CONSENSUS, diff, self->consensus, "it was not asked for");
}

/* One that is past its time by less than a day is used while the next is fetched, by one server at a time. */
static void
test_expired_is_used (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = fixture_put_old (self, -DAY_S);

  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  while (fake_directory_count (&self->fake, CONSENSUS) == 0)
    fixture_turn (self);
  g_assert_true (cepa_directory_is_sufficient (self->directory));
  fixture_serve (self);
  while (cepa_consensus_get_valid_after_s (cepa_network_get_consensus (cepa_directory_get_network (self->directory)))
         != TEST_CONSENSUS_VALID_AFTER_S)
    fixture_turn (self);
  g_assert_true (cepa_directory_is_sufficient (self->directory));
}

/* Time goes by, or the clock is set: a consensus stops being of use, and is again. */
static void
test_gets_too_old (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n_changed;

  fixture_serve (self);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  n_changed = self->n_changed;
  fake_directory_put (&self->fake, CONSENSUS, NULL);
  self->clock.later_s = 3 * 3600 + DAY_S + 1;
  cepa_directory_clock_changed (self->directory);
  g_assert_false (cepa_directory_is_sufficient (self->directory));
  g_assert_cmpuint (self->n_changed, ==, n_changed + 1);
  while (fake_directory_count (&self->fake, CONSENSUS) < 2)
    fixture_turn (self);
  self->clock.later_s = 0;
  cepa_directory_clock_changed (self->directory);
  g_assert_true (cepa_directory_is_sufficient (self->directory));
}

/* A key certificate that has expired is asked for again, and the new one of the same key takes its place. */
static void
test_renews_certificate (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const MakerFaults past = { .published = "2025-01-01 00:00:00", .expires = "2026-05-31 00:00:00" };
  g_autofree char *expired = maker_certificate (maker_authority (0), &past), *stored = NULL;

  fixture_put (self, CEPA_CACHE_CONSENSUS, self->consensus);
  fixture_put (self, CEPA_CACHE_CERTS, expired);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, self->microdescriptors);
  fixture_serve (self);
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  g_assert_cmpuint (fake_directory_count (&self->fake, KEYS), ==, 1);
  g_assert_cmpuint (fake_directory_count (&self->fake, "/"), ==, 1);
  fixture_free_directory (self);
  stored = fixture_read (self, CEPA_CACHE_CERTS);
  g_assert_cmpstr (stored, ==, self->certificate);
  fixture_new_directory (self);
}

/* An application that waits makes it try at once, but not again and again. */
static void
test_retry (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n;

  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, CONSENSUS) < 2)
    fixture_turn (self);
  n = cepa_directory_get_totals (self->directory)->requests[CEPA_DIRECTORY_CONSENSUS];
  for (guint i = 0; i < 10; i++)
    cepa_directory_retry (self->directory);
  g_assert_cmpuint (cepa_directory_get_totals (self->directory)->requests[CEPA_DIRECTORY_CONSENSUS], <=, n + 1);
  g_assert_cmpuint (cepa_directory_get_totals (self->directory)->requests[CEPA_DIRECTORY_CONSENSUS], >=, n);
  fixture_serve (self);
  fixture_wait_sufficient (self);
  n = fake_directory_count (&self->fake, "/");
  cepa_directory_retry (self->directory);
  g_assert_cmpuint (fake_directory_count (&self->fake, "/"), ==, n);
}

/* ---- what the network asks of its clients ---- */

static void
fixture_serve_protocols (Fixture *self, const char *protocols)
{
  TestConsensus other = spec;
  g_autofree char *text = NULL;

  other.protocols = protocols;
  text = test_consensus_text (&other);
  fixture_serve (self);
  fake_directory_put (&self->fake, CONSENSUS, text);
}

static void
test_shut_out (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_serve_protocols (self, "recommended-client-protocols Bar=2\nrequired-client-protocols Foo=1 Link=4\n");
  cepa_directory_start (self->directory);
  while (self->shut_out == NULL)
    fixture_turn (self);
  g_assert_cmpstr (self->shut_out, ==, "Foo=1");
  g_assert_null (cepa_directory_get_network (self->directory));
}

/* A consensus from before this build says nothing about it. */
static void
test_older_than_us (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_free_directory (self);
  self->release_date_s = TEST_CONSENSUS_VALID_AFTER_S + 1;
  fixture_new_directory (self);
  fixture_serve_protocols (self, "required-client-protocols Foo=1 Link=4\n");
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  g_assert_null (self->shut_out);
}

static void
test_recommended (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_WARN);
  fixture_serve_protocols (self, "recommended-client-protocols Bar=2 Link=4\nrequired-client-protocols Link=4\n");
  cepa_directory_start (self->directory);
  fixture_wait_sufficient (self);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "recommends protocols to clients that this version of Cepa does not have: Bar=2.");
}

/* ---- evil, or only unlucky ---- */

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
  ADD ("several-at-once", test_several_at_once);
  ADD ("next/diff-from-old", test_diff_from_old);
  ADD ("next/no-diff-from-ancient", test_no_diff_from_ancient);
  ADD ("next/damaged-diff", test_damaged_diff);
  ADD ("next/diff-from-another", test_diff_from_another);
  ADD ("next/diff-to-forged", test_diff_to_forged);
  ADD ("next/unasked-diff", test_unasked_diff);
  ADD ("next/expired-is-used", test_expired_is_used);
  ADD ("next/gets-too-old", test_gets_too_old);
  ADD ("next/renews-certificate", test_renews_certificate);
  ADD ("next/retry", test_retry);
  ADD ("protocols/shut-out", test_shut_out);
  ADD ("protocols/older-than-us", test_older_than_us);
  ADD ("protocols/recommended", test_recommended);
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
