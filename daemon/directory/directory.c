/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/directory.h"

#include <gio/gio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "directory/cache.h"
#include "directory/fetch.h"
#include "directory/load.h"
#include "directory/servers.h"

#define DIRECTORY_MAX_CONSENSUS (32 * 1024 * 1024)
#define DIRECTORY_MAX_CERTS (1024 * 1024)
#define DIRECTORY_MAX_MICRODESCRIPTORS (8 * 1024 * 1024)
/* Microdescriptors asked for in one request, and requests at a time. */
#define DIRECTORY_BATCH 92
#define DIRECTORY_MAX_FETCHES 4
/* Waits after a failure: doubled each time up to the longest. */
#define DIRECTORY_RETRY_MIN_US (G_USEC_PER_SEC / 2)
#define DIRECTORY_RETRY_MAX_US (60 * G_USEC_PER_SEC)
#define DIRECTORY_RETRY_MAX_TESTING_US (3 * G_USEC_PER_SEC)
#define DIRECTORY_MAX_PROBLEMS_LOGGED 10
/* Servers that may fail to give the certificates that a consensus needs before it is dropped. */
#define DIRECTORY_MAX_CERT_TRIES 3

typedef enum
{
  DIRECTORY_CONSENSUS,
  DIRECTORY_CERTS,
  DIRECTORY_MICRODESCRIPTORS,
} DirectoryKind;

/* A request under way. */
typedef struct
{
  DirectoryKind kind;
  CepaDirectory *directory;
  CepaFetch *fetch;
  GHashTable *digests; /* (nullable) (element-type GBytes): the microdescriptors it asks for */
} DirectoryRequest;

struct _CepaDirectory
{
  GMainContext *context;
  const CepaClock *clock;
  CepaRandom *random;
  CepaChannelPool *channels;
  CepaBootstrap *bootstrap;
  CepaDirectoryConfig config;
  CepaDirectoryFuncs funcs;
  CepaServers *servers;
  CepaCache *cache;
  GSource *timer;                 /* the next step */
  GCancellable *cancellable;
  CepaNetwork *network;           /* (nullable) */
  GPtrArray *certificates;        /* (element-type CepaKeyCertificate) */
  GPtrArray *microdescriptors;    /* (element-type GBytes): the texts that the network was made of */
  GBytes *waiting_consensus;      /* (nullable): its certificates are missing */
  GArray *missing_certificates;   /* (nullable) (element-type CepaKeyCertificateId) */
  guint cert_tries;               /* for @missing_certificates */
  guint8 consensus_server[20];    /* who served the consensus that is being checked, or waits */
  char *consensus_origin;         /* (nullable): the same for messages */
  GPtrArray *requests;            /* (element-type DirectoryRequest) */
  guint n_workers;                /* loads under way */
  const CepaConsensus *compacting; /* (nullable): whose microdescriptors a worker puts together; not a reference */
  guint failures;                 /* in a row */
  guint32 last_number;            /* of a circuit */
  gint64 next_consensus_us;       /* monotonic: when to ask for the next one */
  gint64 retry_us;                /* monotonic: not before this after a failure */
  gboolean is_stopped, is_sufficient;
};

static void directory_step (CepaDirectory *self);

static void
directory_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  directory_step (user_data);
}

CepaDirectory *
cepa_directory_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaChannelPool *channels,
                    CepaBootstrap *bootstrap, const CepaDirectoryConfig *config, const CepaDirectoryFuncs *funcs)
{
  CepaDirectory *self = g_new0 (CepaDirectory, 1);

  self->context = g_main_context_ref (context);
  self->clock = clock;
  self->random = random;
  self->channels = channels;
  self->bootstrap = bootstrap;
  self->config = *config;
  self->funcs = *funcs;
  self->servers = cepa_servers_new (config->authorities, config->fallbacks, clock, random);
  self->cache = cepa_cache_new (config->data_directory, context);
  self->cancellable = g_cancellable_new ();
  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);
  self->microdescriptors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->requests = g_ptr_array_new ();
  self->timer = cepa_loop_watch_fd (context, -1, "directory", directory_timer, self);
  return self;
}

static void
directory_drop_waiting (CepaDirectory *self)
{
  g_clear_pointer (&self->waiting_consensus, g_bytes_unref);
  g_clear_pointer (&self->missing_certificates, g_array_unref);
  self->cert_tries = 0;
}

void
cepa_directory_free (CepaDirectory *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (self->requests->len == 0 && self->n_workers == 0);
  cepa_loop_clear (&self->timer);
  g_clear_pointer (&self->servers, cepa_servers_free);
  g_clear_pointer (&self->cache, cepa_cache_free);
  g_clear_pointer (&self->network, cepa_network_unref);
  directory_drop_waiting (self);
  g_free (self->consensus_origin);
  g_ptr_array_unref (self->certificates);
  g_ptr_array_unref (self->microdescriptors);
  g_ptr_array_unref (self->requests);
  g_object_unref (self->cancellable);
  g_main_context_unref (self->context);
  g_free (self);
}

CepaNetwork *
cepa_directory_get_network (const CepaDirectory *self)
{
  return self->network;
}

gboolean
cepa_directory_is_sufficient (const CepaDirectory *self)
{
  return self->is_sufficient;
}

char *
cepa_directory_get_microdescriptor (const CepaDirectory *self, guint row)
{
  const CepaRouterStatus *statuses;
  const guint8 *ntor_key;
  guint n = 0;

  g_return_val_if_fail (self->network != NULL && row < cepa_network_get_n_relays (self->network), NULL);
  if ((cepa_network_get_relay (self->network, row)->flags & CEPA_RELAY_HAS_KEYS) == 0)
    return NULL;
  statuses = cepa_consensus_get_relays (cepa_network_get_consensus (self->network), &n);
  ntor_key = cepa_network_get_ntor_key (self->network, row);
  for (guint i = 0; i < self->microdescriptors->len; i++)
    {
      CepaSlice text, found;

      text.text = g_bytes_get_data (g_ptr_array_index (self->microdescriptors, i), &text.len);
      if (cepa_microdescriptor_find_text (text, statuses[row].microdesc_digest, ntor_key, &found))
        return g_strndup (found.text, found.len);
    }
  return NULL;
}

guint32
cepa_directory_draw_circuit_number (CepaDirectory *self)
{
  return ++self->last_number;
}

void
cepa_directory_foreach_circuit (CepaDirectory *self, CepaDirectoryCircuitFunc func, gpointer user_data)
{
  for (guint i = 0; i < self->requests->len; i++)
    {
      DirectoryRequest *request = g_ptr_array_index (self->requests, i);
      CepaCircuit *circuit = cepa_fetch_get_circuit (request->fetch);

      if (circuit != NULL && cepa_circuit_get_state (circuit) != CEPA_CIRCUIT_CLOSED)
        func (user_data, circuit);
    }
}

gboolean
cepa_directory_is_busy (const CepaDirectory *self)
{
  return self->n_workers > 0;
}

static void
directory_log_problems (const GPtrArray *problems)
{
  for (guint i = 0; i < MIN (problems->len, DIRECTORY_MAX_PROBLEMS_LOGGED); i++)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "%s", (const char *) g_ptr_array_index (problems, i));
  if (problems->len > DIRECTORY_MAX_PROBLEMS_LOGGED)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "and %u more like these", problems->len - DIRECTORY_MAX_PROBLEMS_LOGGED);
}

/* ---- when ---- */

static void
directory_note_failure (CepaDirectory *self)
{
  gint64 longest = self->config.is_testing ? DIRECTORY_RETRY_MAX_TESTING_US : DIRECTORY_RETRY_MAX_US;
  gint64 wait = MIN (DIRECTORY_RETRY_MIN_US << MIN (self->failures, 10u), longest);

  self->failures++;
  self->retry_us = cepa_clock_monotonic_us (self->clock) + (gint64) cepa_random_below (self->random, (guint64) wait);
}

/* After three quarters of an interval beyond fresh-until, spread over most of what is left (ctor.md D5). */
static void
directory_plan_consensus (CepaDirectory *self)
{
  CepaConsensus *consensus = cepa_network_get_consensus (self->network);
  gint64 after = cepa_consensus_get_valid_after_s (consensus), fresh = cepa_consensus_get_fresh_until_s (consensus);
  gint64 start = fresh + (fresh - after) * 3 / 4;
  gint64 span = MAX ((cepa_consensus_get_valid_until_s (consensus) - start) * 7 / 8, 1);
  gint64 due = start + (gint64) cepa_random_below (self->random, (guint64) span);
  gint64 wait_s = MAX (due - cepa_clock_wall_s (self->clock), 0);

  self->next_consensus_us = cepa_clock_monotonic_us (self->clock) + wait_s * G_USEC_PER_SEC;
}

static guint
directory_count_requests (const CepaDirectory *self, DirectoryKind kind)
{
  guint n = 0;

  for (guint i = 0; i < self->requests->len; i++)
    n += ((DirectoryRequest *) g_ptr_array_index (self->requests, i))->kind == kind;
  return n;
}

/* ---- what has come ---- */

static void
directory_report_descriptors (CepaDirectory *self)
{
  double wanted = cepa_consensus_get_param (cepa_network_get_consensus (self->network), "min_paths_for_circs_pct", 60)
                  / 100.0;
  double have = cepa_network_usable_fraction (self->network);

  self->is_sufficient = have >= wanted;
  if (self->is_sufficient)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_ENOUGH_DIRINFO, 0);
  else if (have > 0)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, (int) (have / wanted * 24));
}

static void
directory_compacted (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);
  GBytes *text;

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  text = g_ptr_array_index (result->microdescriptors, 0);
  if (self->compacting == cepa_network_get_consensus (self->network))
    {
      g_ptr_array_unref (self->microdescriptors);
      self->microdescriptors = g_ptr_array_ref (result->microdescriptors);
      cepa_cache_write (self->cache, CEPA_CACHE_MICRODESCRIPTORS, text);
      cepa_cache_remove (self->cache, CEPA_CACHE_NEW_MICRODESCRIPTORS);
    }
  self->compacting = NULL;
  directory_step (self);
}

/* Nothing is missing: all the texts go into one, and those that no relay uses any more are left out. */
static void
directory_compact (CepaDirectory *self)
{
  if (self->compacting != NULL || self->microdescriptors->len <= 1)
    return;
  self->compacting = cepa_network_get_consensus (self->network);
  self->n_workers++;
  cepa_load_compact_async (cepa_network_get_consensus (self->network), self->microdescriptors, self->cancellable, directory_compacted, self);
}

static void
directory_use_network (CepaDirectory *self, CepaLoadResult *result)
{
  g_autofree char *date = NULL;
  g_autoptr (GDateTime) after = NULL;

  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = g_steal_pointer (&result->network);
  after = g_date_time_new_from_unix_utc (cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network)));
  date = g_date_time_format (after, "%Y-%m-%d %H:%M:%S");
  cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "using the consensus of %s UTC with %u relays", date,
            cepa_network_get_n_relays (self->network));
  directory_plan_consensus (self);
  directory_report_descriptors (self);
  self->funcs.network_changed (self->funcs.user_data);
}

static void
directory_cache_loaded (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  directory_log_problems (result->problems);
  g_ptr_array_unref (self->certificates);
  self->certificates = g_steal_pointer (&result->certificates);
  g_ptr_array_unref (self->microdescriptors);
  self->microdescriptors = g_steal_pointer (&result->microdescriptors);
  if (result->network != NULL)
    directory_use_network (self, result);
  directory_step (self);
}

static gboolean
directory_is_newer (CepaDirectory *self, CepaNetwork *network)
{
  return self->network == NULL
         || cepa_consensus_get_valid_after_s (cepa_network_get_consensus (network))
                > cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network));
}

/* Refused, or not newer than ours: whoever served it is not asked again for a while. */
static void
directory_consensus_useless (CepaDirectory *self)
{
  cepa_servers_note_failure (self->servers, self->consensus_server);
  directory_note_failure (self);
}

/* A server did not give the certificates. When several did not, the consensus that needs them may be made up. */
static void
directory_certs_failed (CepaDirectory *self)
{
  directory_note_failure (self);
  if (self->waiting_consensus == NULL || ++self->cert_tries < DIRECTORY_MAX_CERT_TRIES)
    return;
  cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN,
            "refused a consensus: %u directory servers do not have the key certificates that its signatures need",
            self->cert_tries);
  directory_drop_waiting (self);
  directory_consensus_useless (self);
}

static void
directory_consensus_loaded (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  directory_log_problems (result->problems);
  g_clear_pointer (&self->waiting_consensus, g_bytes_unref);
  g_clear_pointer (&self->missing_certificates, g_array_unref);
  if (result->network != NULL && directory_is_newer (self, result->network))
    {
      self->failures = 0;
      cepa_cache_write (self->cache, CEPA_CACHE_CONSENSUS,
                        cepa_consensus_get_text (cepa_network_get_consensus (result->network)));
      directory_use_network (self, result);
    }
  else if (result->missing_certificates != NULL)
    {
      self->waiting_consensus = g_steal_pointer (&result->consensus_text);
      self->missing_certificates = g_steal_pointer (&result->missing_certificates);
      self->cert_tries = 0;
      cepa_cache_write (self->cache, CEPA_CACHE_UNVERIFIED_CONSENSUS, self->waiting_consensus);
    }
  else
    directory_consensus_useless (self);
  directory_step (self);
}

static void
directory_load_consensus (CepaDirectory *self, GBytes *text, const char *origin)
{
  self->n_workers++;
  cepa_load_consensus_async (text, origin, self->config.authorities, self->certificates, self->microdescriptors,
                             cepa_clock_wall_s (self->clock), self->cancellable, directory_consensus_loaded, self);
}

static gboolean
directory_is_authority (CepaDirectory *self, const guint8 *v3_id)
{
  for (guint i = 0; i < self->config.authorities->len; i++)
    {
      const CepaDirectorySource *authority = g_ptr_array_index (self->config.authorities, i);

      if (authority->is_v3 && memcmp (authority->v3_id, v3_id, sizeof authority->v3_id) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Keeps those of our authorities that are new; returns how many. */
static guint
directory_take_certificates (CepaDirectory *self, GPtrArray *parsed)
{
  guint n = 0;

  for (guint i = 0; i < parsed->len; i++)
    {
      CepaKeyCertificate *certificate = g_ptr_array_index (parsed, i);
      gboolean known = !directory_is_authority (self, cepa_key_certificate_get_identity (certificate));

      for (guint j = 0; j < self->certificates->len && !known; j++)
        known = memcmp (cepa_key_certificate_get_signing_key_digest (certificate),
                        cepa_key_certificate_get_signing_key_digest (g_ptr_array_index (self->certificates, j)), 20)
                == 0;
      if (known)
        continue;
      g_ptr_array_add (self->certificates, cepa_key_certificate_ref (certificate));
      n++;
    }
  return n;
}

static void
directory_store_certificates (CepaDirectory *self)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GBytes) content = NULL;

  for (guint i = 0; i < self->certificates->len; i++)
    {
      GBytes *text = cepa_key_certificate_get_text (g_ptr_array_index (self->certificates, i));

      g_byte_array_append (all, g_bytes_get_data (text, NULL), (guint) g_bytes_get_size (text));
    }
  content = g_byte_array_free_to_bytes (g_steal_pointer (&all));
  cepa_cache_write (self->cache, CEPA_CACHE_CERTS, content);
}

static void
directory_got_certs (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) parsed
      = cepa_key_certificates_parse_all (g_bytes_get_data (body, NULL), g_bytes_get_size (body), errors);

  for (guint i = 0; i < errors->len; i++)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "refused a key certificate from %s: %s", origin,
              ((GError *) g_ptr_array_index (errors, i))->message);
  if (directory_take_certificates (self, parsed) == 0)
    {
      cepa_servers_note_failure (self->servers, server);
      directory_certs_failed (self);
      return;
    }
  directory_store_certificates (self);
  if (self->waiting_consensus != NULL)
    directory_load_consensus (self, self->waiting_consensus, self->consensus_origin);
}

static void
directory_got_microdescriptors (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server,
                                GHashTable *asked)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  GString *kept = g_string_new (NULL);
  g_autoptr (GBytes) text = NULL;
  guint n;

  n = cepa_load_add_microdescriptors (self->network, body, origin, asked, problems, kept,
                                      cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network)));
  text = g_string_free_to_bytes (kept);
  directory_log_problems (problems);
  if (n == 0)
    {
      cepa_servers_note_failure (self->servers, server);
      directory_note_failure (self);
      return;
    }
  self->failures = 0;
  cepa_network_commit (self->network);
  g_ptr_array_add (self->microdescriptors, g_steal_pointer (&text));
  cepa_cache_append (self->cache, CEPA_CACHE_NEW_MICRODESCRIPTORS,
                     g_ptr_array_index (self->microdescriptors, self->microdescriptors->len - 1));
  directory_report_descriptors (self);
  self->funcs.network_changed (self->funcs.user_data);
}

/* ---- requests ---- */

static void
directory_request_free (DirectoryRequest *request)
{
  g_ptr_array_remove_fast (request->directory->requests, request);
  g_clear_pointer (&request->digests, g_hash_table_unref);
  g_free (request);
}

static void
directory_answer (CepaDirectory *self, DirectoryKind kind, const CepaHttpResponse *response,
                  const CepaChannelTarget *server, GHashTable *digests)
{
  g_autofree char *origin = cepa_channel_target_describe (server);

  if (kind == DIRECTORY_CONSENSUS)
    {
      memcpy (self->consensus_server, server->rsa_id, sizeof self->consensus_server);
      g_free (self->consensus_origin);
      self->consensus_origin = g_strdup (origin);
      directory_load_consensus (self, response->body, origin);
    }
  else if (kind == DIRECTORY_CERTS)
    directory_got_certs (self, response->body, origin, server->rsa_id);
  else if (self->network != NULL)
    directory_got_microdescriptors (self, response->body, origin, server->rsa_id, digests);
}

static void
directory_fetch_done (gpointer user_data, CepaFetch *fetch, const CepaHttpResponse *response, const GError *error)
{
  DirectoryRequest *request = user_data;
  CepaDirectory *self = request->directory;
  DirectoryKind kind = request->kind;
  const CepaChannelTarget *server = &cepa_fetch_get_server (fetch)->target;
  g_autofree char *who = cepa_channel_target_describe (server);
  g_autoptr (GHashTable) digests = g_steal_pointer (&request->digests);

  directory_request_free (request);
  if (response != NULL && response->status == 200)
    directory_answer (self, kind, response, server, digests);
  else if (response != NULL && response->status == 304)
    directory_note_failure (self); /* ours is the newest: ask again a little later */
  else
    {
      if (response != NULL)
        cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "%s answers %u for %.80s", who, response->status,
                  cepa_fetch_get_resource (fetch));
      else
        cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "asking %s failed: %s", who, error->message);
      cepa_servers_note_failure (self->servers, server->rsa_id);
      if (kind == DIRECTORY_CERTS)
        directory_certs_failed (self);
      else
        directory_note_failure (self);
    }
  directory_step (self);
}

static void
directory_fetch_progress (gpointer user_data, G_GNUC_UNUSED CepaFetch *fetch, CepaFetchStage stage)
{
  static const CepaBootstrapPhase phases[][2] = {
    [DIRECTORY_CONSENSUS] = { CEPA_BOOTSTRAP_REQUESTING_STATUS, CEPA_BOOTSTRAP_LOADING_STATUS },
    [DIRECTORY_CERTS] = { CEPA_BOOTSTRAP_LOADING_KEYS, CEPA_BOOTSTRAP_LOADING_KEYS },
    [DIRECTORY_MICRODESCRIPTORS] = { CEPA_BOOTSTRAP_REQUESTING_DESCRIPTORS, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS },
  };
  DirectoryRequest *request = user_data;

  cepa_bootstrap_reach (request->directory->bootstrap, phases[request->kind][stage], 0);
}

/* Asks for @resource; FALSE when there is nobody to ask. @digests: (transfer full) (nullable) */
static gboolean
directory_ask (CepaDirectory *self, DirectoryKind kind, const char *resource, const char *headers, gsize max_size,
               GHashTable *digests)
{
  static const CepaFetchFuncs funcs = { directory_fetch_progress, directory_fetch_done };
  DirectoryRequest *request;
  CepaCircuitHop server;

  if (!cepa_servers_choose (self->servers, self->network, &server))
    {
      g_clear_pointer (&digests, g_hash_table_unref);
      return FALSE;
    }
  request = g_new0 (DirectoryRequest, 1);
  request->kind = kind;
  request->directory = self;
  request->digests = digests;
  g_ptr_array_add (self->requests, request);
  request->fetch = cepa_fetch_new (self->context, self->channels, self->random,
                                   cepa_directory_draw_circuit_number (self), &server, resource, headers, max_size,
                                   &funcs, request);
  return TRUE;
}

static void
directory_ask_consensus (CepaDirectory *self)
{
  GString *resource = g_string_new ("/tor/status-vote/current/consensus-microdesc/");
  g_autofree char *headers = NULL;
  const char *separator = "";

  for (guint i = 0; i < self->config.authorities->len; i++)
    {
      const CepaDirectorySource *authority = g_ptr_array_index (self->config.authorities, i);
      char hex[7];

      if (!authority->is_v3)
        continue;
      cepa_hex_encode_to (authority->v3_id, 3, hex);
      g_string_append_printf (resource, "%s%s", separator, hex);
      separator = "+";
    }
  g_string_append (resource, ".z");
  if (self->network != NULL)
    {
      g_autoptr (GDateTime) since = g_date_time_new_from_unix_utc (
          cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network)));
      g_autofree char *date = g_date_time_format (since, "%a, %d %b %Y %H:%M:%S GMT");

      headers = g_strdup_printf ("If-Modified-Since: %s\r\n", date);
    }
  directory_ask (self, DIRECTORY_CONSENSUS, resource->str, headers, DIRECTORY_MAX_CONSENSUS, NULL);
  g_string_free (resource, TRUE);
}

static void
directory_ask_certs (CepaDirectory *self)
{
  GString *resource = g_string_new ("/tor/keys/fp-sk/");

  for (guint i = 0; i < self->missing_certificates->len; i++)
    {
      const CepaKeyCertificateId *id = &g_array_index (self->missing_certificates, CepaKeyCertificateId, i);
      char identity[41], key[41];

      cepa_hex_encode_to (id->identity, sizeof id->identity, identity);
      cepa_hex_encode_to (id->signing_key_digest, sizeof id->signing_key_digest, key);
      g_string_append_printf (resource, "%s%s-%s", i > 0 ? "+" : "", identity, key);
    }
  g_string_append (resource, ".z");
  directory_ask (self, DIRECTORY_CERTS, resource->str, NULL, DIRECTORY_MAX_CERTS, NULL);
  g_string_free (resource, TRUE);
}

static gboolean
directory_is_asked_for (CepaDirectory *self, GBytes *digest)
{
  for (guint i = 0; i < self->requests->len; i++)
    {
      DirectoryRequest *request = g_ptr_array_index (self->requests, i);

      if (request->digests != NULL && g_hash_table_contains (request->digests, digest))
        return TRUE;
    }
  return FALSE;
}

/* One request for the next of the missing that nobody has been asked for; FALSE when there are none. */
static gboolean
directory_ask_microdescriptors (CepaDirectory *self, const GArray *missing, guint *next)
{
  GHashTable *digests = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  GString *resource = g_string_new ("/tor/micro/d/");
  gboolean asked = FALSE;

  for (; *next < missing->len && g_hash_table_size (digests) < DIRECTORY_BATCH; (*next)++)
    {
      const guint8 *digest = (const guint8 *) missing->data + (gsize) *next * 32;
      GBytes *key = g_bytes_new (digest, 32);
      g_autofree char *base64 = cepa_base64_encode_unpadded (digest, 32);

      if (directory_is_asked_for (self, key))
        {
          g_bytes_unref (key);
          continue;
        }
      g_string_append_printf (resource, "%s%s", g_hash_table_size (digests) > 0 ? "-" : "", base64);
      g_hash_table_add (digests, key);
    }
  g_string_append (resource, ".z");
  if (g_hash_table_size (digests) > 0)
    asked = directory_ask (self, DIRECTORY_MICRODESCRIPTORS, resource->str, NULL, DIRECTORY_MAX_MICRODESCRIPTORS,
                           g_hash_table_ref (digests));
  g_hash_table_unref (digests);
  g_string_free (resource, TRUE);
  return asked;
}

static void
directory_step_microdescriptors (CepaDirectory *self)
{
  g_autoptr (GArray) missing = cepa_network_list_missing (self->network);
  guint next = 0;

  if (missing->len == 0)
    {
      directory_compact (self);
      return;
    }
  while (directory_count_requests (self, DIRECTORY_MICRODESCRIPTORS) < DIRECTORY_MAX_FETCHES
         && directory_ask_microdescriptors (self, missing, &next))
    continue;
}

/* Does what is due, and sets the timer for what is due next. */
static void
directory_step (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock), wait = -1;
  gboolean idle = self->requests->len == 0 && self->n_workers == 0;

  if (self->is_stopped)
    return;
  if (now < self->retry_us && self->failures > 0)
    {
      cepa_loop_set_delay (self->timer, self->retry_us - now);
      return;
    }
  if (self->waiting_consensus != NULL && idle)
    directory_ask_certs (self);
  else if (self->network == NULL && idle)
    directory_ask_consensus (self);
  else if (self->network != NULL)
    {
      if (now >= self->next_consensus_us && directory_count_requests (self, DIRECTORY_CONSENSUS) == 0
          && self->n_workers == 0 && self->waiting_consensus == NULL)
        directory_ask_consensus (self);
      directory_step_microdescriptors (self);
      wait = MAX (self->next_consensus_us - now, G_USEC_PER_SEC);
    }
  cepa_loop_set_delay (self->timer, wait);
}

void
cepa_directory_start (CepaDirectory *self)
{
  self->n_workers++;
  cepa_load_cache_async (self->config.data_directory, self->config.authorities, cepa_clock_wall_s (self->clock),
                         self->cancellable, directory_cache_loaded, self);
}

void
cepa_directory_stop (CepaDirectory *self)
{
  self->is_stopped = TRUE;
  g_cancellable_cancel (self->cancellable);
  cepa_loop_set_delay (self->timer, -1);
  while (self->requests->len > 0)
    {
      DirectoryRequest *request = g_ptr_array_index (self->requests, 0);
      CepaFetch *fetch = request->fetch;

      directory_request_free (request);
      cepa_fetch_cancel (fetch);
    }
}
