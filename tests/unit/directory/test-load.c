/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the cached files, each good, missing or damaged; checking a consensus; putting microdescriptors together. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "crypto/digest.h"
#include "directory/cache.h"
#include "directory/load.h"
#include "network/node-set.h"
#include "netdoc/consensus-diff.h"
#include "netdoc/maker.h"
#include "support/log-capture.h"
#include "support/test-consensus.h"

#define N_RELAYS 4
#define NOW_S TEST_CONSENSUS_VALID_AFTER_S
#define DAY_S (24 * 3600)
#define MICRODESC cepa_flavour_get (CEPA_CONSENSUS_MICRODESC)

static const TestRelay relays[N_RELAYS] = {
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD },
  { .flags = TEST_RELAY_FLAGS },
  { .flags = TEST_RELAY_FLAGS },
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .microdesc = "p accept 80\n" },
};
static const TestConsensus spec = { relays, N_RELAYS };

typedef struct
{
  char *folder;
  GMainContext *context;
  GPtrArray *sources;
  char *consensus, *certificates, *microdescriptors;
  CepaLoadResult *result;
  gboolean is_done;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GString *all = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  self->folder = g_dir_make_tmp ("cepa-load-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->sources = maker_sources (1);
  self->consensus = test_consensus_text (&spec);
  self->certificates = maker_certificate (maker_authority (0), NULL);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *text = test_consensus_microdescriptor (&spec, i);

      g_string_append (all, text);
    }
  self->microdescriptors = g_string_free (all, FALSE);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) folder = g_dir_open (self->folder, 0, NULL);
  const char *name;

  g_clear_pointer (&self->result, cepa_load_result_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->sources);
  g_free (self->folder);
  g_free (self->consensus);
  g_free (self->certificates);
  g_free (self->microdescriptors);
}

static void
fixture_put (Fixture *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
fixture_put_all (Fixture *self)
{
  fixture_put (self, CEPA_CACHE_CONSENSUS, self->consensus);
  fixture_put (self, CEPA_CACHE_CERTS, self->certificates);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, self->microdescriptors);
}

static void
fixture_loaded (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  Fixture *self = user_data;
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->result, cepa_load_result_free);
  self->result = cepa_load_finish (async, &error);
  g_assert_cmpint (self->result == NULL, ==, error != NULL);
  self->is_done = TRUE;
}

static void
fixture_wait (Fixture *self)
{
  while (!self->is_done)
    g_main_context_iteration (self->context, TRUE);
  self->is_done = FALSE;
}

static void
fixture_load (Fixture *self, gint64 now_s)
{
  cepa_load_cache_async (MICRODESC, self->folder, self->sources, now_s, NULL, NULL, fixture_loaded, self);
  fixture_wait (self);
  g_assert_nonnull (self->result);
}

/* How many rows have their microdescriptor; -1 without a network. */
static int
fixture_count_keys (Fixture *self)
{
  int n = 0;

  if (self->result->network == NULL)
    return -1;
  for (guint row = 0; row < cepa_network_get_n_relays (self->result->network); row++)
    n += (cepa_network_get_relay (self->result->network, row)->flags & CEPA_RELAY_HAS_KEYS) != 0;
  return n;
}

/* @problem: (nullable): a part of the one problem that there must be */
static void
fixture_check (Fixture *self, int n_keys, guint n_certificates, const char *problem)
{
  g_assert_cmpint (fixture_count_keys (self), ==, n_keys);
  g_assert_cmpuint (self->result->certificates->len, ==, n_certificates);
  if (problem == NULL)
    g_assert_cmpuint (self->result->problems->len, ==, 0);
  else
    {
      g_assert_cmpuint (self->result->problems->len, ==, 1);
      log_capture_assert_has (g_ptr_array_index (self->result->problems, 0), problem);
    }
}

/* What the next one can be a diff from. */
static void
fixture_check_base (Fixture *self)
{
  g_autoptr (GBytes) text = g_bytes_new (self->consensus, strlen (self->consensus));
  guint8 digest[32];

  cepa_consensus_diff_base_digest (text, digest);
  g_assert_cmpmem (self->result->base_digest, sizeof self->result->base_digest, digest, sizeof digest);
}

/* ---- the cache ---- */

static void
test_nothing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 0, NULL);
  g_assert_null (self->result->missing_certificates);
}

static void
test_no_folder (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *none = g_build_filename (self->folder, "none", NULL);

  cepa_load_cache_async (MICRODESC, none, self->sources, NOW_S, NULL, NULL, fixture_loaded, self);
  fixture_wait (self);
  fixture_check (self, -1, 0, NULL);
}

static void
test_good (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GBytes *text;

  fixture_put_all (self);
  fixture_load (self, NOW_S);
  fixture_check (self, N_RELAYS, 1, NULL);
  g_assert_cmpuint (self->result->descriptors->len, ==, 1);
  g_assert_true (g_ptr_array_find (self->result->mapped, g_ptr_array_index (self->result->descriptors, 0), NULL));
  fixture_check_base (self);
  g_assert_cmpfloat (cepa_network_usable_fraction (self->result->network), ==, 1.0);
  text = cepa_consensus_get_text (cepa_network_get_consensus (self->result->network));
  g_assert_cmpmem (g_bytes_get_data (text, NULL), g_bytes_get_size (text), self->consensus,
                   strlen (self->consensus));
}

/* What this machine knows besides is in the rows before anybody sees the network. */
static void
test_supplement (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char text[] = "prefix,n\n0.0.0.0/0,7\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (CepaSideTable) table = cepa_side_table_parse (bytes, NULL);
  g_autoptr (CepaExtras) extras = cepa_extras_new ();
  g_autoptr (GPtrArray) families = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_node_set_unref);
  const CepaLoadSupplement supplement = { extras, families };
  CepaNodeSet *everybody = cepa_node_set_new ();
  const CepaNetworkView *view;

  fixture_put_all (self);
  g_assert_true (cepa_extras_set_side_table (extras, "mine", table));
  g_assert_true (cepa_node_set_add_line (everybody, "*", NULL));
  g_ptr_array_add (families, everybody);
  cepa_load_cache_async (MICRODESC, self->folder, self->sources, NOW_S, &supplement, NULL, fixture_loaded, self);
  fixture_wait (self);
  g_assert_true (cepa_network_get_extras (self->result->network) == extras);
  g_assert_true (cepa_network_get_node_families (self->result->network) == families);
  view = cepa_network_get_view (self->result->network);
  for (guint row = 0; row < view->n_relays; row++)
    g_assert_true (view->side_column (view, "mine", "n")[row] == 7);
  g_assert_true (cepa_network_same_family (self->result->network, 0, 1));
  g_assert_cmpuint (view->relays[0].family, !=, 0);
}

/* UseGuardFraction counts for the weights of what is loaded. */
static void
test_guard_fraction (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const TestRelay fresh[] = {
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD, .bandwidth = 10, .w = " GuardFraction=0" },
    { .flags = TEST_RELAY_FLAGS, .bandwidth = 10 },
  };
  static const TestConsensus weighed = {
    fresh, G_N_ELEMENTS (fresh), .params = "UseGuardFraction=1",
    .weights = "Wbd=10000 Wbe=10000 Wbg=10000 Wbm=10000 Wdb=10000 Web=10000 Wed=10000 Wee=10000 Weg=10000 Wem=10000 "
               "Wgb=10000 Wgd=10000 Wgg=10000 Wgm=10000 Wmb=10000 Wmd=10000 Wme=10000 Wmg=5000 Wmm=10000",
  };
  g_autofree char *text = test_consensus_text (&weighed);

  fixture_put_all (self);
  fixture_put (self, CEPA_CACHE_CONSENSUS, text);
  for (gint use = -1; use <= 1; use++)
    {
      const CepaLoadSupplement supplement = { NULL, NULL, use };
      guint32 guard, other;

      cepa_load_cache_async (MICRODESC, self->folder, self->sources, NOW_S, &supplement, NULL, fixture_loaded, self);
      fixture_wait (self);
      guard = cepa_network_get_relay (self->result->network, 0)->weight[CEPA_PLACE_MIDDLE];
      other = cepa_network_get_relay (self->result->network, 1)->weight[CEPA_PLACE_MIDDLE];
      g_assert_cmpuint (other, >, 0);
      g_assert_cmpuint (guard, ==, use == 0 ? other / 2 : other);
    }
}

static void
test_two_files (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = test_consensus_microdescriptor (&spec, 0);

  fixture_put_all (self);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, first);
  fixture_load (self, NOW_S);
  fixture_check (self, 1, 1, NULL);
  fixture_put (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, self->microdescriptors);
  fixture_load (self, NOW_S);
  fixture_check (self, N_RELAYS, 1, NULL);
  g_assert_cmpuint (self->result->descriptors->len, ==, 2);
}

/* Anything a crash or a bad disk may leave: the rest is used as far as it goes. */
static void
test_damaged_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const gsize cuts[] = { 0, 1, 100, 700 };
  char *flags;

  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++)
    {
      g_autofree char *cut = g_strndup (self->consensus, cuts[i]);

      fixture_put_all (self);
      fixture_put (self, CEPA_CACHE_CONSENSUS, cut);
      fixture_load (self, NOW_S);
      fixture_check (self, -1, 1, "refused a consensus from " CEPA_CACHE_CONSENSUS);
      g_assert_null (self->result->missing_certificates);
    }
  flags = strstr (self->consensus, "\ns ");
  flags[4] ^= 1;
  fixture_put_all (self);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 1, "refused a consensus from " CEPA_CACHE_CONSENSUS);
}

static void
test_damaged_certificates (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_put_all (self);
  strstr (self->certificates, "dir-key-expires")[30] ^= 1;
  fixture_put (self, CEPA_CACHE_CERTS, self->certificates);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 0, "refused a key certificate from " CEPA_CACHE_CERTS);
  g_assert_nonnull (self->result->missing_certificates);
  g_assert_cmpuint (self->result->missing_certificates->len, ==, 1);
}

static void
test_no_certificates (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, CEPA_CACHE_CERTS, NULL);
  const CepaKeyCertificateId *id;

  fixture_put_all (self);
  g_unlink (path);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 0, NULL);
  g_assert_cmpuint (self->result->missing_certificates->len, ==, 1);
  id = &g_array_index (self->result->missing_certificates, CepaKeyCertificateId, 0);
  g_assert_cmpmem (id->identity, 20, maker_authority (0)->identity->digest, 20);
  g_assert_cmpmem (id->signing_key_digest, 20, maker_authority (0)->signing->digest, 20);
  g_assert_cmpuint (g_bytes_get_size (self->result->consensus_text), ==, strlen (self->consensus));
}

/* Someone else's certificate, good in itself, is no help. */
static void
test_other_certificates (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *other = maker_certificate (maker_authority (1), NULL);

  fixture_put_all (self);
  fixture_put (self, CEPA_CACHE_CERTS, other);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 1, NULL);
  g_assert_cmpuint (self->result->missing_certificates->len, ==, 1);
}

/* A torn microdescriptor costs itself alone, as does one that no relay has. */
static void
test_damaged_microdescriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = test_consensus_microdescriptor (&spec, 0);
  g_autofree char *torn = g_strconcat ("onion-key\nntor-onion-key AAA\n@last-listed 2026-06-01 12:00:00\n", self->microdescriptors,
                                       "onion-key\nntor-on", NULL);
  char *wrong;

  fixture_put_all (self);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, torn);
  fixture_load (self, NOW_S);
  fixture_check (self, N_RELAYS, 1, NULL);

  wrong = strstr (self->microdescriptors, "p accept 80");
  wrong[9] = '9';
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, self->microdescriptors);
  fixture_load (self, NOW_S);
  fixture_check (self, N_RELAYS - 1, 1, NULL);

  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, "");
  fixture_load (self, NOW_S);
  fixture_check (self, 0, 1, NULL);
  fixture_put (self, CEPA_CACHE_MICRODESCRIPTORS, "\n\377\376 no document at all");
  fixture_load (self, NOW_S);
  fixture_check (self, 0, 1, NULL);
}

/* Valid until 15:00; a day more is bearable, and a day before its time. */
static void
test_expired (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_put_all (self);
  fixture_load (self, NOW_S + 3 * 3600 + DAY_S);
  fixture_check (self, N_RELAYS, 1, NULL);
  g_assert_null (self->result->outdated);
  fixture_load (self, NOW_S + 3 * 3600 + DAY_S + 1);
  fixture_check (self, -1, 1, NULL);
  g_assert_null (self->result->missing_certificates);
  g_assert_nonnull (self->result->outdated);
  fixture_check_base (self);
  fixture_load (self, NOW_S - DAY_S);
  fixture_check (self, N_RELAYS, 1, NULL);
  fixture_load (self, NOW_S - DAY_S - 1);
  fixture_check (self, -1, 1, NULL);
  g_assert_nonnull (self->result->outdated);
}

/* One that waited for certificates when the last run ended is looked at again, but not before one that is good. */
static void
test_unverified (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_put (self, CEPA_CACHE_UNVERIFIED_CONSENSUS, self->consensus);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 0, NULL);
  g_assert_true (self->result->is_unverified);
  g_assert_cmpuint (self->result->missing_certificates->len, ==, 1);
  g_assert_cmpuint (g_bytes_get_size (self->result->consensus_text), ==, strlen (self->consensus));

  fixture_put (self, CEPA_CACHE_CERTS, self->certificates);
  fixture_load (self, NOW_S);
  fixture_check (self, 0, 1, NULL);
  g_assert_true (self->result->is_unverified);

  fixture_put_all (self);
  fixture_load (self, NOW_S);
  fixture_check (self, N_RELAYS, 1, NULL);
  g_assert_false (self->result->is_unverified);
}

/* A file that cannot be read is told of; it is not taken for one that is not there. */
static void
test_unreadable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, CEPA_CACHE_CONSENSUS, NULL);

  g_assert_cmpint (symlink (CEPA_CACHE_CONSENSUS, path), ==, 0);
  fixture_load (self, NOW_S);
  fixture_check (self, -1, 0, CEPA_CACHE_CONSENSUS);
}

static void
test_cancelled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  fixture_put_all (self);
  cepa_load_cache_async (MICRODESC, self->folder, self->sources, NOW_S, NULL, cancellable, fixture_loaded, self);
  g_cancellable_cancel (cancellable);
  fixture_wait (self);
  g_assert_null (self->result);
}

/* ---- what was fetched ---- */

static void
fixture_check_consensus (Fixture *self, const char *text, guint n_certificates, const char *microdescriptors)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr (GPtrArray) certificates = maker_certificates (n_certificates);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  if (microdescriptors != NULL)
    g_ptr_array_add (texts, g_bytes_new (microdescriptors, strlen (microdescriptors)));
  cepa_load_consensus_async (MICRODESC, bytes, NULL, "the test", self->sources, certificates, texts, NOW_S, NULL, NULL,
                             fixture_loaded, self);
  /* The worker has its own: these may change at once. */
  g_ptr_array_set_size (certificates, 0);
  g_ptr_array_set_size (texts, 0);
  fixture_wait (self);
}

static void
test_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_check_consensus (self, self->consensus, 1, self->microdescriptors);
  fixture_check (self, N_RELAYS, 1, NULL);
  fixture_check_consensus (self, self->consensus, 1, NULL);
  fixture_check (self, 0, 1, NULL);
  fixture_check_consensus (self, self->consensus, 0, NULL);
  fixture_check (self, -1, 0, NULL);
  g_assert_cmpuint (self->result->missing_certificates->len, ==, 1);
  fixture_check_consensus (self, "HTML", 1, NULL);
  fixture_check (self, -1, 1, "refused a consensus from the test");
  /* The certificate is known and the signature is not its: there is nothing to wait for. */
  self->consensus[strlen (self->consensus) - 60] ^= 1;
  fixture_check_consensus (self, self->consensus, 1, NULL);
  fixture_check (self, -1, 1, "refused a consensus from the test");
  g_assert_null (self->result->missing_certificates);
}

/* ---- microdescriptors ---- */

/* Has a worker read @text; what it asked for are the digests of @relays' first @n. */
static void
fixture_find (Fixture *self, const char *text, guint n)
{
  g_autoptr (GByteArray) digests = g_byte_array_new ();
  g_autoptr (GBytes) asked = NULL, bytes = g_bytes_new (text, strlen (text));

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *one = test_consensus_microdescriptor (&spec, i);
      guint8 digest[32];

      cepa_sha256 (one, strlen (one), digest);
      g_byte_array_append (digests, digest, sizeof digest);
    }
  asked = g_byte_array_free_to_bytes (g_steal_pointer (&digests));
  cepa_load_descriptors_async (MICRODESC, bytes, "the test", asked, NOW_S, NULL, fixture_loaded, self);
  fixture_wait (self);
}

static void
test_find (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);
  g_autoptr (CepaNetwork) network = cepa_network_new (consensus);
  g_autofree char *first = test_consensus_microdescriptor (&spec, 0);
  g_autofree char *doubled = g_strconcat (first, self->microdescriptors, "onion-key\nntor-onion-key A\n", NULL);
  g_autofree char *annotated = g_strconcat ("@last-listed 2026-06-01 12:00:00\n", first, NULL);
  GString *kept = g_string_new (NULL);
  guint next = 0;

  fixture_find (self, doubled, N_RELAYS);
  g_assert_cmpuint (self->result->problems->len, ==, 1);
  log_capture_assert_has (g_ptr_array_index (self->result->problems, 0), "refused a microdescriptor from the test: ");
  g_assert_cmpuint (self->result->found->len, ==, N_RELAYS + 1);
  /* In steps; the second is the first again. */
  g_assert_cmpuint (cepa_load_take_found (self->result, &next, 3, network, kept, NOW_S), ==, 2);
  g_assert_cmpuint (next, ==, 3);
  g_assert_cmpuint (cepa_load_take_found (self->result, &next, 0, network, kept, NOW_S), ==, 0);
  g_assert_cmpuint (cepa_load_take_found (self->result, &next, G_MAXUINT, network, kept, NOW_S), ==, N_RELAYS - 2);
  g_assert_cmpuint (next, ==, N_RELAYS + 1);
  g_assert_cmpuint (cepa_load_take_found (self->result, &next, G_MAXUINT, network, kept, NOW_S), ==, 0);
  /* Each that was wanted once, behind when it was listed. */
  g_assert_true (g_str_has_prefix (kept->str, annotated));
  g_assert_cmpuint (kept->len, ==, strlen (self->microdescriptors) + N_RELAYS * strlen ("@last-listed 2026-06-01 12:00:00\n"));

  /* One that was asked for and has come another way meanwhile is no problem. */
  g_string_truncate (kept, 0);
  next = 0;
  g_assert_cmpuint (cepa_load_take_found (self->result, &next, G_MAXUINT, network, kept, NOW_S), ==, 0);
  g_assert_cmpuint (kept->len, ==, 0);
  g_string_free (kept, TRUE);
}

static void
test_find_unasked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_find (self, self->microdescriptors, 1);
  g_assert_cmpuint (self->result->found->len, ==, 1);
  g_assert_cmpuint (self->result->problems->len, ==, N_RELAYS - 1);
  log_capture_assert_has (g_ptr_array_index (self->result->problems, 0), "refused a microdescriptor from the test: its SHA-256");
}

static void
test_compact (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const TestRelay others[2] = { { .flags = TEST_RELAY_FLAGS, .key = 77 }, { .flags = TEST_RELAY_FLAGS } };
  static const TestConsensus later = { others, 2 };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&later);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autofree char *first = test_consensus_microdescriptor (&later, 0);
  g_autofree char *second = test_consensus_microdescriptor (&later, 1);
  g_autofree char *wanted = g_strconcat ("@last-listed 2026-06-01 12:00:00\n", second,
                                         "@last-listed 2026-06-01 12:00:00\n", first, NULL);
  GBytes *text;

  g_ptr_array_add (texts, g_bytes_new (self->microdescriptors, strlen (self->microdescriptors)));
  g_ptr_array_add (texts, g_bytes_new (first, strlen (first)));
  g_ptr_array_add (texts, g_bytes_new (first, strlen (first)));
  cepa_load_compact_async (consensus, texts, NULL, fixture_loaded, self);
  fixture_wait (self);
  g_assert_cmpuint (self->result->descriptors->len, ==, 1);
  text = g_ptr_array_index (self->result->descriptors, 0);
  g_assert_cmpmem (g_bytes_get_data (text, NULL), g_bytes_get_size (text), wanted, strlen (wanted));
}

#define ADD(path, func) g_test_add ("/load/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("cache/nothing", test_nothing);
  ADD ("cache/no-folder", test_no_folder);
  ADD ("cache/good", test_good);
  ADD ("cache/supplement", test_supplement);
  ADD ("cache/guard-fraction", test_guard_fraction);
  ADD ("cache/two-files", test_two_files);
  ADD ("cache/damaged-consensus", test_damaged_consensus);
  ADD ("cache/damaged-certificates", test_damaged_certificates);
  ADD ("cache/no-certificates", test_no_certificates);
  ADD ("cache/other-certificates", test_other_certificates);
  ADD ("cache/damaged-microdescriptors", test_damaged_microdescriptors);
  ADD ("cache/expired", test_expired);
  ADD ("cache/unverified", test_unverified);
  ADD ("cache/unreadable", test_unreadable);
  ADD ("cache/cancelled", test_cancelled);
  ADD ("consensus", test_consensus);
  ADD ("microdescriptors/find", test_find);
  ADD ("microdescriptors/find-unasked", test_find_unasked);
  ADD ("microdescriptors/compact", test_compact);
  return g_test_run ();
}
