/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes after the first consensus: diffs, certificates that expire, time that goes by; and what a network asks of its
   clients. */
#include "base/encoding.h"
#include "crypto/digest.h"
#include "fixture.h"
#include "netdoc/consensus-diff.h"

/* ---- diffs ---- */

#define DAY_S (24 * 3600)
#define DIFF_HEADER "X-Or-Diff-From-Consensus: "

/* Puts into the cache what a run two days ago has left. */
static char *
fixture_put_old (Fixture *self, gint64 later_s)
{
  TestConsensus old = fixture_spec;
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
  g_autofree char *forged = fixture_replaced (self->consensus, "Bandwidth=100", "Bandwidth=999");

  check_wrong_diff (self, old, diff_between (old, forged), "refused a consensus from ");
}

/* A diff where none was asked for. */
static void
test_unasked_diff (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *diff = diff_between (self->consensus, self->consensus);

  fixture_check_gets_over (self, CONSENSUS, diff, self->consensus, "it was not asked for");
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
  TestConsensus other = fixture_spec;
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

#define ADD(path, func) g_test_add ("/directory/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
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
  return g_test_run ();
}
