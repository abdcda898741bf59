/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/circuits.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "directory/servers.h"
#include "path/failures.h"

#define CIRCUITS_N_HOPS 3
/* Clean circuits kept ready while there was use lately. */
#define CIRCUITS_N_READY 2
#define CIRCUITS_PREDICT_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)
/* Circuits being built at a time (C Tor's MaxClientCircuitsPending). */
#define CIRCUITS_MAX_BUILDING 32
#define CIRCUITS_MAX 256
/* No circuit takes new streams for longer than this after its first (C Tor's MaxCircuitDirtiness). */
#define CIRCUITS_MAX_DIRTY_US (600 * G_USEC_PER_SEC)
#define CIRCUITS_BUILD_TIMEOUT_US (10 * G_USEC_PER_SEC)
/* Circuits may fail so often for one request. */
#define CIRCUITS_MAX_TRIES 12
/* So many failures in a row are taken as bad luck; after that there are pauses. */
#define CIRCUITS_FREE_FAILURES 4
#define CIRCUITS_RETRY_US (G_USEC_PER_SEC / 4)
#define CIRCUITS_RETRY_MAX_US (30 * G_USEC_PER_SEC)
/* Circuits in a row that may fail beyond the same first relay before that one is blamed. */
#define CIRCUITS_MAX_BEYOND_FIRST 3

/* A circuit of the pool. */
typedef struct
{
  CepaCircuits *pool;
  CepaCircuit *circuit;
  CepaStreams *streams; /* (nullable): once it is open */
  char *isolation;      /* (nullable): NULL while it is clean */
  gint64 started_us, dirty_us;
  gboolean is_dead;
  gboolean is_retired;  /* takes no new streams */
  gboolean is_replaced; /* so because another policy is in use now */
  CepaPath path;
  guint64 proposed_by;  /* the policy's term */
  guint64 version;      /* of the view that the path's rows are of */
} PoolCircuit;

struct _CepaCircuitsRequest
{
  CepaCircuitsWish wish;
  char *isolation;
  CepaCircuitsFunc func;
  gpointer user_data;
  guint tries;
  PoolCircuit *waits_for; /* (nullable): being built */
};

struct _CepaCircuits
{
  const CepaClock *clock;
  CepaRandom *random;
  CepaChannelPool *channels;
  CepaDirectory *directory;
  CepaBootstrap *bootstrap;
  CepaPathPolicies *policies;
  gboolean enforce_subnets, is_stopped;
  CepaFailures *failures;
  GPtrArray *circuits; /* (element-type PoolCircuit) */
  GPtrArray *dead;     /* (element-type PoolCircuit): to be freed from the timer */
  GPtrArray *requests; /* (element-type CepaCircuitsRequest) */
  GSource *timer;
  gint64 last_use_us;
  gint64 retry_us;     /* after several failures nothing is tried before this */
  guint n_failed;      /* in a row */
  GHashTable *beyond;  /* (element-type utf8 guint): by first relay, failures in a row of later ones */
};

static void circuits_step (CepaCircuits *self);

static void
circuits_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  circuits_step (user_data);
}

/* What nobody has used yet and another policy chose is closed, from the timer: whoever stops a policy may be in the
   middle of a call of it. */
static void
circuits_policy_changed (gpointer user_data)
{
  CepaCircuits *self = user_data;
  guint64 term = cepa_path_policies_get_term (self->policies);

  for (guint i = 0; i < self->circuits->len; i++)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->isolation == NULL && entry->proposed_by != term)
        entry->is_retired = entry->is_replaced = TRUE;
    }
  self->retry_us = 0; /* what the former policy could not do, this one may */
  cepa_loop_set_delay (self->timer, 0);
}

static void
pool_circuit_free (PoolCircuit *entry)
{
  g_clear_pointer (&entry->streams, cepa_streams_free);
  cepa_circuit_unref (entry->circuit);
  g_free (entry->isolation);
  g_free (entry);
}

static void
circuits_request_free (CepaCircuitsRequest *request)
{
  g_free (request->isolation);
  g_free (request);
}

CepaCircuits *
cepa_circuits_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaChannelPool *channels,
                   CepaDirectory *directory, CepaBootstrap *bootstrap, CepaPathPolicies *policies,
                   gboolean enforce_subnets)
{
  CepaCircuits *self = g_new0 (CepaCircuits, 1);

  self->clock = clock;
  self->random = random;
  self->channels = channels;
  self->directory = directory;
  self->bootstrap = bootstrap;
  self->policies = policies;
  self->enforce_subnets = enforce_subnets;
  self->failures = cepa_failures_new (clock);
  self->beyond = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->circuits = g_ptr_array_new ();
  self->dead = g_ptr_array_new_with_free_func ((GDestroyNotify) pool_circuit_free);
  self->requests = g_ptr_array_new ();
  self->timer = cepa_loop_watch_fd (context, -1, "circuits", circuits_timer, self);
  self->last_use_us = cepa_clock_monotonic_us (clock);
  cepa_path_policies_set_changed (policies, circuits_policy_changed, self);
  return self;
}

void
cepa_circuits_free (CepaCircuits *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (self->circuits->len == 0 && self->requests->len == 0);
  cepa_path_policies_set_changed (self->policies, NULL, NULL);
  cepa_loop_clear (&self->timer);
  g_ptr_array_unref (self->circuits);
  g_ptr_array_unref (self->dead);
  g_ptr_array_unref (self->requests);
  cepa_failures_free (self->failures);
  g_hash_table_unref (self->beyond);
  g_free (self);
}

/* ---- fitting ---- */

static gboolean
circuits_exit_fits (CepaCircuits *self, PoolCircuit *entry, const CepaCircuitsWish *wish)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  const CepaCircuitHop *exit = cepa_circuit_get_hop (entry->circuit, CIRCUITS_N_HOPS - 1);
  gint row = network != NULL ? cepa_network_find (network, exit->target.rsa_id) : -1;

  for (guint i = 0; i < wish->n_avoid; i++)
    if (memcmp (wish->avoid[i], exit->target.rsa_id, sizeof wish->avoid[i]) == 0)
      return FALSE;
  return row >= 0 && cepa_network_exit_allows (network, (guint) row, wish->port, wish->ipv6);
}

static gboolean
circuits_fits (CepaCircuits *self, PoolCircuit *entry, const CepaCircuitsWish *wish)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);

  if (entry->is_retired)
    return FALSE;
  if (entry->isolation != NULL
      && (strcmp (entry->isolation, wish->isolation) != 0 || now - entry->dirty_us > CIRCUITS_MAX_DIRTY_US))
    return FALSE;
  return circuits_exit_fits (self, entry, wish);
}

/* An open circuit is better than one being built, one of the same isolation better than a clean one. */
static PoolCircuit *
circuits_find (CepaCircuits *self, const CepaCircuitsWish *wish)
{
  PoolCircuit *best = NULL;
  guint best_score = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);
      gboolean is_open = cepa_circuit_get_state (entry->circuit) == CEPA_CIRCUIT_OPEN;
      guint score = 1 + (is_open ? 2 : 0) + (entry->isolation != NULL ? 1 : 0);

      if (score > best_score && circuits_fits (self, entry, wish))
        {
          best = entry;
          best_score = score;
        }
    }
  return best;
}

static gboolean
circuits_is_in_use (const PoolCircuit *entry)
{
  return entry->streams != NULL && cepa_streams_get_n_open (entry->streams) > 0;
}

static void
circuits_claim (CepaCircuits *self, PoolCircuit *entry, const char *isolation)
{
  if (entry->isolation == NULL)
    {
      entry->isolation = g_strdup (isolation);
      entry->dirty_us = cepa_clock_monotonic_us (self->clock);
    }
}

/* ---- building ---- */

static gboolean
circuits_choose_path (CepaCircuits *self, const CepaCircuitsWish *wish, CepaPath *path, guint64 *proposed_by,
                      GError **error)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  guint n_avoid = wish != NULL ? wish->n_avoid : 0;
  g_autoptr (GArray) excluded = cepa_failures_list (self->failures, network, n_avoid > 0 ? wish->avoid : NULL, n_avoid);
  g_autoptr (GError) first = NULL;
  CepaPathRequest request = { .size = sizeof request, .purpose = CEPA_PURPOSE_GENERAL, .n_hops = CIRCUITS_N_HOPS };

  request.port = wish != NULL ? wish->port : 0;
  request.flags = wish != NULL && wish->ipv6 ? CEPA_PATH_IPV6 : 0;
  request.excluded = (const guint32 *) (void *) excluded->data;
  request.n_excluded = excluded->len;
  if (cepa_path_policies_propose (self->policies, network, self->random, &request, self->enforce_subnets, path,
                                  proposed_by, &first))
    return TRUE;
  if (excluded->len == 0 || !g_error_matches (first, CEPA_ERROR, CEPA_ERROR_NO_PATH))
    {
      g_propagate_error (error, g_steal_pointer (&first));
      return FALSE;
    }
  /* Too many relays failed lately for a path without them: they get another chance. Not the exits to be avoided: a
     circuit with one of them would not fit the wish. */
  cepa_failures_forget_all (self->failures);
  g_array_unref (excluded);
  excluded = cepa_failures_list (self->failures, network, n_avoid > 0 ? wish->avoid : NULL, n_avoid);
  request.excluded = (const guint32 *) (void *) excluded->data;
  request.n_excluded = excluded->len;
  return cepa_path_policies_propose (self->policies, network, self->random, &request, self->enforce_subnets, path,
                                     proposed_by, error);
}

/* Tells whoever proposed the path what became of it. */
static void
circuits_report (CepaCircuits *self, const PoolCircuit *entry, CepaPathOutcome outcome)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  gint64 took_us = cepa_clock_monotonic_us (self->clock) - entry->started_us;
  CepaPathResult result = { .size = sizeof result, .outcome = outcome, .path = entry->path };

  result.n_built = cepa_circuit_get_n_built (entry->circuit);
  result.build_ms = (guint32) CLAMP (took_us / 1000, 0, G_MAXINT32);
  result.circuit = cepa_circuit_get_number (entry->circuit);
  if (network != NULL)
    cepa_path_policies_report (self->policies, entry->proposed_by, entry->version, cepa_network_get_view (network),
                               &result);
}

static void
circuits_opened (gpointer user_data, CepaCircuit *circuit)
{
  PoolCircuit *entry = user_data;
  CepaCircuits *self = entry->pool;
  g_autofree char *path = cepa_circuit_describe_path (circuit);
  g_autofree char *key = NULL;

  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u open through %s", cepa_circuit_get_number (circuit), path);
  for (guint i = 0; i < cepa_circuit_get_n_hops (circuit); i++)
    cepa_failures_forget (self->failures, cepa_circuit_get_hop (circuit, i)->target.rsa_id);
  key = cepa_hex_encode (cepa_circuit_get_hop (circuit, 0)->target.rsa_id, 20);
  g_hash_table_remove (self->beyond, key);
  self->n_failed = 0;
  self->retry_us = 0;
  entry->streams = cepa_streams_new (circuit, self->random);
  cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_DONE, 0);
  circuits_report (self, entry, CEPA_PATH_BUILT);
  cepa_loop_set_delay (self->timer, 0);
}

/* A later relay did not answer, or the first one does not let us reach any: after some of these it is the first. */
static void
circuits_suspect_first (CepaCircuits *self, PoolCircuit *entry, const GError *reason)
{
  const guint8 *first = cepa_circuit_get_hop (entry->circuit, 0)->target.rsa_id;
  g_autofree char *key = cepa_hex_encode (first, 20);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->beyond, key)) + 1;

  if (n < CIRCUITS_MAX_BEYOND_FIRST && !g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_PROTOCOL))
    {
      g_hash_table_replace (self->beyond, g_steal_pointer (&key), GUINT_TO_POINTER (n));
      return;
    }
  g_hash_table_remove (self->beyond, key);
  cepa_failures_note (self->failures, first);
}

/* Blames whoever did not answer. */
static void
circuits_note_failure (CepaCircuits *self, PoolCircuit *entry, const GError *reason)
{
  guint n_built = cepa_circuit_get_n_built (entry->circuit);
  gint64 wait;

  if (n_built < CIRCUITS_N_HOPS)
    cepa_failures_note (self->failures, cepa_circuit_get_hop (entry->circuit, n_built)->target.rsa_id);
  /* It may as well be the one before that cannot extend; the first is proved by its own answer. */
  if (n_built == 2)
    cepa_failures_note (self->failures, cepa_circuit_get_hop (entry->circuit, 1)->target.rsa_id);
  if (n_built > 0)
    circuits_suspect_first (self, entry, reason);
  if (++self->n_failed < CIRCUITS_FREE_FAILURES)
    return;
  wait = MIN (CIRCUITS_RETRY_US << MIN (self->n_failed - CIRCUITS_FREE_FAILURES, 10u), CIRCUITS_RETRY_MAX_US);
  self->retry_us = cepa_clock_monotonic_us (self->clock) + wait;
}

static void
circuits_closed (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, const GError *reason)
{
  PoolCircuit *entry = user_data;
  CepaCircuits *self = entry->pool;

  /* Those that we did not want any more say nothing about relays. */
  if (entry->streams == NULL && !self->is_stopped && !entry->is_replaced
      && !g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_CANCELLED))
    {
      circuits_note_failure (self, entry, reason);
      circuits_report (self, entry, g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_TIMEOUT) ? CEPA_PATH_TIMEOUT
                                                                                             : CEPA_PATH_FAILED);
    }
  for (guint i = 0; i < self->requests->len; i++)
    {
      CepaCircuitsRequest *request = g_ptr_array_index (self->requests, i);

      if (request->waits_for == entry)
        request->waits_for = NULL;
    }
  entry->is_dead = TRUE;
  g_ptr_array_remove_fast (self->circuits, entry);
  g_ptr_array_add (self->dead, entry);
  cepa_loop_set_delay (self->timer, 0);
}

static PoolCircuit *
circuits_launch (CepaCircuits *self, const CepaCircuitsWish *wish, GError **error)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  CepaConsensus *consensus = cepa_network_get_consensus (network);
  CepaCircuitHop hops[CIRCUITS_N_HOPS];
  CepaCircuitOwner owner = { circuits_opened, circuits_closed, NULL };
  g_autoptr (CepaChannel) channel = NULL;
  PoolCircuit *entry;
  CepaPath path;
  guint64 proposed_by;

  if (!circuits_choose_path (self, wish, &path, &proposed_by, error))
    return NULL;
  for (guint i = 0; i < CIRCUITS_N_HOPS; i++)
    cepa_servers_hop_from_row (network, path.hops[i], &hops[i]);
  entry = g_new0 (PoolCircuit, 1);
  entry->path = path;
  entry->proposed_by = proposed_by;
  entry->version = cepa_network_get_view (network)->version;
  owner.user_data = entry;
  entry->pool = self;
  entry->started_us = cepa_clock_monotonic_us (self->clock);
  entry->circuit = cepa_circuit_new (cepa_directory_draw_circuit_number (self->directory), hops, CIRCUITS_N_HOPS,
                                     (guint) cepa_consensus_get_param (consensus, "circwindow", CEPA_CIRCUIT_WINDOW),
                                     cepa_consensus_get_param (consensus, "ExtendByEd25519ID", 0) != 0, self->random,
                                     &owner);
  g_ptr_array_add (self->circuits, entry);
  channel = cepa_channel_pool_get (self->channels, &hops[0].target);
  if (cepa_channel_get_state (channel) == CEPA_CHANNEL_OPEN)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_CIRCUIT_CREATE, 0);
  cepa_circuit_build (entry->circuit, channel);
  return entry->is_dead ? NULL : entry;
}

/* ---- requests ---- */

static void
circuits_finish_request (CepaCircuits *self, CepaCircuitsRequest *request, PoolCircuit *entry, const GError *error)
{
  g_ptr_array_remove (self->requests, request);
  if (entry != NULL)
    {
      circuits_claim (self, entry, request->isolation);
      request->func (request->user_data, entry->circuit, entry->streams, NULL);
    }
  else
    request->func (request->user_data, NULL, NULL, error);
  circuits_request_free (request);
}

static guint
circuits_count_building (CepaCircuits *self)
{
  guint n = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      n += cepa_circuit_get_state (entry->circuit) == CEPA_CIRCUIT_BUILDING;
    }
  return n;
}

static gboolean
circuits_may_launch (CepaCircuits *self)
{
  return !self->is_stopped && cepa_clock_monotonic_us (self->clock) >= self->retry_us
         && cepa_directory_is_sufficient (self->directory)
         && circuits_count_building (self) < CIRCUITS_MAX_BUILDING && self->circuits->len < CIRCUITS_MAX;
}

/* Gives the request a circuit, or one being built to wait for. Returns whether it is over. */
static gboolean
circuits_try_request (CepaCircuits *self, CepaCircuitsRequest *request)
{
  g_autoptr (GError) error = NULL;
  PoolCircuit *entry = circuits_find (self, &request->wish);

  if (entry != NULL && entry->streams != NULL)
    {
      circuits_finish_request (self, request, entry, NULL);
      return TRUE;
    }
  if (entry == NULL && circuits_may_launch (self))
    {
      if (request->tries++ < CIRCUITS_MAX_TRIES)
        entry = circuits_launch (self, &request->wish, &error);
      else
        g_set_error (&error, CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, "%u circuits failed", CIRCUITS_MAX_TRIES);
    }
  if (entry != NULL)
    {
      circuits_claim (self, entry, request->isolation);
      request->waits_for = entry;
    }
  if (error == NULL)
    return FALSE;
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "no circuit for a stream to port %u: %s", request->wish.port,
            error->message);
  circuits_finish_request (self, request, NULL, error);
  return TRUE;
}

CepaCircuitsRequest *
cepa_circuits_request (CepaCircuits *self, const CepaCircuitsWish *wish, CepaCircuitsFunc func, gpointer user_data)
{
  CepaCircuitsRequest *request = g_new0 (CepaCircuitsRequest, 1);

  request->wish = *wish;
  request->isolation = g_strdup (wish->isolation);
  request->wish.isolation = request->isolation;
  request->func = func;
  request->user_data = user_data;
  self->last_use_us = cepa_clock_monotonic_us (self->clock);
  g_ptr_array_add (self->requests, request);
  if (circuits_try_request (self, request))
    return NULL;
  cepa_loop_set_delay (self->timer, 0);
  return request;
}

void
cepa_circuits_cancel (CepaCircuits *self, CepaCircuitsRequest *request)
{
  g_ptr_array_remove (self->requests, request);
  circuits_request_free (request);
}

void
cepa_circuits_note_timeout (CepaCircuits *self, CepaCircuit *circuit, gint64 since_us)
{
  CepaChannel *channel = cepa_circuit_get_channel (circuit);
  gboolean is_silent = channel != NULL && cepa_channel_get_last_received_us (channel) < since_us;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->circuit == circuit || (is_silent && cepa_circuit_get_channel (entry->circuit) == channel))
        entry->is_retired = TRUE;
    }
  if (is_silent)
    {
      cepa_channel_set_bad (channel);
      cepa_failures_note (self->failures, cepa_channel_get_target (channel)->rsa_id);
    }
  cepa_loop_set_delay (self->timer, 0);
}

/* ---- for those who watch and control ---- */

void
cepa_circuits_foreach (CepaCircuits *self, CepaCircuitsEachFunc func, gpointer user_data)
{
  cepa_directory_foreach_circuit (self->directory, func, user_data);
  for (guint i = 0; i < self->circuits->len; i++)
    func (user_data, ((PoolCircuit *) g_ptr_array_index (self->circuits, i))->circuit);
}

/* What cepa_circuits_find_by_number() looks for. */
typedef struct
{
  guint64 number;
  CepaCircuit *found; /* (nullable) */
} CircuitsSearch;

static void
circuits_compare_number (gpointer user_data, CepaCircuit *circuit)
{
  CircuitsSearch *search = user_data;

  if (cepa_circuit_get_number (circuit) == search->number)
    search->found = circuit;
}

CepaCircuit *
cepa_circuits_find_by_number (CepaCircuits *self, guint64 number)
{
  CircuitsSearch search = { number, NULL };

  cepa_circuits_foreach (self, circuits_compare_number, &search);
  return search.found;
}

gboolean
cepa_circuits_close_by_number (CepaCircuits *self, guint64 number, gboolean if_unused, GError **error)
{
  CepaCircuit *circuit = cepa_circuits_find_by_number (self, number);
  g_autoptr (GError) reason = NULL;

  if (circuit == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "there is no circuit %" G_GUINT64_FORMAT, number);
      return FALSE;
    }
  if (if_unused && cepa_circuit_get_n_streams (circuit) > 0)
    return TRUE;
  reason = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "closed by a controller");
  cepa_circuit_close (circuit, reason);
  return TRUE;
}

void
cepa_circuits_new_identity (CepaCircuits *self)
{
  g_autoptr (GError) reason
      = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "a new identity was asked for before it was used");

  for (guint i = self->circuits->len; i-- > 0;)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      entry->is_retired = TRUE;
      if (!circuits_is_in_use (entry))
        cepa_circuit_close (entry->circuit, reason);
    }
  cepa_loop_set_delay (self->timer, 0);
}

/* ---- in time ---- */

static void
circuits_close_due (PoolCircuit *entry, gboolean building)
{
  gboolean is_late = building && !entry->is_replaced;
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, is_late ? CEPA_ERROR_TIMEOUT : CEPA_ERROR_CLOSED, "%s",
                                           entry->is_replaced ? "another path policy is in use"
                                           : is_late          ? "a relay did not answer in time"
                                                              : "it has been in use for long enough");

  if (is_late && cepa_circuit_get_n_built (entry->circuit) == 0 && cepa_circuit_get_channel (entry->circuit) != NULL)
    cepa_channel_set_bad (cepa_circuit_get_channel (entry->circuit));
  cepa_circuit_close (entry->circuit, reason);
}

/* Closes what is too old; returns microseconds (monotonic) when the next is due, 0 for none. */
static gint64
circuits_retire (CepaCircuits *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock), next = 0;

  for (guint i = self->circuits->len; i-- > 0;)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);
      gboolean building = cepa_circuit_get_state (entry->circuit) == CEPA_CIRCUIT_BUILDING;
      gboolean in_use = circuits_is_in_use (entry);
      gint64 due = entry->is_retired && !in_use ? now
                   : building ? entry->started_us + CIRCUITS_BUILD_TIMEOUT_US
                   : entry->isolation != NULL ? entry->dirty_us + CIRCUITS_MAX_DIRTY_US
                                              : entry->started_us + CIRCUITS_PREDICT_US;

      if (in_use)
        due = MAX (due, now + 30 * G_USEC_PER_SEC); /* looked at again when its streams may have ended */
      if (now < due)
        {
          next = next == 0 ? due : MIN (next, due);
          continue;
        }
      circuits_close_due (entry, building);
    }
  return next;
}

/* Clean circuits, ready or on their way. */
static guint
circuits_count_clean (CepaCircuits *self)
{
  guint n = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      PoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      n += entry->isolation == NULL && !entry->is_retired;
    }
  return n;
}

static void
circuits_build_ahead (CepaCircuits *self, gint64 now)
{
  while (now - self->last_use_us < CIRCUITS_PREDICT_US && circuits_may_launch (self)
         && circuits_count_clean (self) < CIRCUITS_N_READY)
    {
      g_autoptr (GError) error = NULL;

      if (circuits_launch (self, NULL, &error) != NULL)
        continue;
      if (error != NULL)
        {
          cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "cannot build a circuit: %s", error->message);
          self->retry_us = now + CIRCUITS_RETRY_MAX_US;
        }
      return;
    }
}

static void
circuits_step (CepaCircuits *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock), next;
  g_autoptr (GPtrArray) requests = NULL;

  g_ptr_array_set_size (self->dead, 0);
  if (self->is_stopped)
    return;
  next = circuits_retire (self);
  requests = g_ptr_array_copy (self->requests, NULL, NULL);
  for (guint i = 0; i < requests->len; i++)
    {
      CepaCircuitsRequest *request = g_ptr_array_index (requests, i);

      if (g_ptr_array_find (self->requests, request, NULL)
          && (request->waits_for == NULL || request->waits_for->streams != NULL))
        circuits_try_request (self, request);
    }
  circuits_build_ahead (self, now);
  if (self->retry_us > now && (circuits_count_clean (self) < CIRCUITS_N_READY || self->requests->len > 0))
    next = next == 0 ? self->retry_us : MIN (next, self->retry_us);
  if (self->circuits->len > 0)
    next = next == 0 ? now + CIRCUITS_BUILD_TIMEOUT_US : next;
  cepa_loop_set_delay (self->timer, self->dead->len > 0 ? 0 : next == 0 ? -1 : MAX (next - now, 0));
}

void
cepa_circuits_network_changed (CepaCircuits *self)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);

  cepa_path_policies_network_changed (self->policies, cepa_network_get_view (network));
  cepa_loop_set_delay (self->timer, 0);
}

void
cepa_circuits_stop (CepaCircuits *self, const GError *reason)
{
  self->is_stopped = TRUE;
  while (self->requests->len > 0)
    circuits_finish_request (self, g_ptr_array_index (self->requests, 0), NULL, reason);
  while (self->circuits->len > 0)
    cepa_circuit_close (((PoolCircuit *) g_ptr_array_index (self->circuits, 0))->circuit, reason);
}
