/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits of the pool from the choice of their path to their end, and who is to blame when they fail. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "directory/servers.h"
#include "path/circuits-private.h"

/* ---- whether ---- */

static guint
build_count (CepaCircuits *self)
{
  guint n = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    n += cepa_pool_circuit_is_building (g_ptr_array_index (self->circuits, i));
  return n;
}

gboolean
cepa_circuits_may_launch (CepaCircuits *self, gint64 *next_us)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);
  gint64 full_us = now + (CEPA_CIRCUITS_BURST - 1) * CEPA_CIRCUITS_RATE_US;

  if (self->is_stopped || self->is_dormant || !cepa_directory_is_sufficient (self->directory)
      || cepa_circuits_lack_guards (self)
      || (self->restrictions != NULL && cepa_restrictions_is_waiting (self->restrictions))
      || self->circuits->len >= CEPA_CIRCUITS_MAX || build_count (self) >= self->config.max_pending)
    return FALSE;
  if (now >= self->retry_us && self->rate_us <= full_us)
    return TRUE;
  if (next_us != NULL)
    cepa_circuits_earlier (next_us, MAX (self->retry_us, now + self->rate_us - full_us));
  return FALSE;
}

/* ---- the path ---- */

gboolean
cepa_circuits_bar (CepaCircuits *self, const CepaNetwork *network, const char *country, CepaPathRequest *request,
                   GError **error)
{
  CepaBarred barred = { NULL, 0 };

  if (self->restrictions == NULL && country != NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "the countries of relays are not known");
      return FALSE;
    }
  if (self->restrictions != NULL
      && !cepa_restrictions_get (self->restrictions, network, country, &barred, error))
    return FALSE;
  request->barred = barred.rows;
  request->barred_id = barred.id;
  return TRUE;
}

/* Those of circuits for onion services lie as vanguards do. A path to an exit that is settled has one hop more, as C Tor's
   have: whoever can make us want it shall not know who stands next to it. */
static gboolean
build_settle (CepaCircuits *self, const CepaNetwork *network, const CepaCircuitsPlan *plan, CepaPathRequest *request,
              guint32 *fixed, GError **error)
{
  gint row = -1;

  if (plan->exit == NULL && plan->onion == NULL)
    return TRUE;
  if (plan->exit != NULL)
    row = cepa_network_find (network, plan->exit);
  if (plan->exit != NULL && row < 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "the last relay that is wanted is not in the network");
      return FALSE;
    }
  if (plan->onion != NULL)
    return cepa_vanguards_plan (self->vanguards, network, *plan->onion,
                                plan->exit != NULL ? (guint32) row : CEPA_PATH_ANY_ROW, request, fixed, error);
  request->n_hops = CEPA_CIRCUITS_N_HOPS + 1;
  for (guint i = 0; i < request->n_hops; i++)
    fixed[i] = CEPA_PATH_ANY_ROW;
  fixed[request->n_hops - 1] = (guint32) row;
  request->fixed = fixed;
  return TRUE;
}

static gboolean
build_propose (CepaCircuits *self, const CepaCircuitsPlan *plan, const GArray *guards, const GArray *excluded,
               CepaPath *path, guint64 *proposed_by, GError **error)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  CepaPathRequest request = { .size = sizeof request, .n_hops = CEPA_CIRCUITS_N_HOPS, .port = plan->port };
  guint32 fixed[CEPA_PATH_MAX_HOPS];

  request.purpose = plan->is_internal ? CEPA_PURPOSE_INTERNAL : CEPA_PURPOSE_GENERAL;
  request.flags = (plan->ipv6 ? CEPA_PATH_IPV6 : 0) | (plan->is_stable ? CEPA_PATH_NEED_STABLE : 0);
  request.excluded = (const guint32 *) (void *) excluded->data;
  request.n_excluded = excluded->len;
  request.guards = guards != NULL ? (const guint32 *) (void *) guards->data : NULL;
  request.n_guards = guards != NULL ? guards->len : 0;
  if (!cepa_circuits_bar (self, network, plan->country, &request, error)
      || !build_settle (self, network, plan, &request, fixed, error))
    return FALSE;
  return cepa_path_policies_propose (self->policies, network, self->random, &request, self->config.enforce_subnets, path,
                                     proposed_by, error);
}

/* Relays that failed lately, and exits that are to be avoided. The guard that is to be tried first stays, whatever became of it
   in another place: circuits over others wait for it (guard-spec), and who can have it fail there shall not choose us another
   one. */
static GArray *
build_list_excluded (CepaCircuits *self, const CepaCircuitsPlan *plan, const GArray *guards)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  GArray *excluded = cepa_failures_list (self->failures, network, plan->avoid, plan->n_avoid);
  guint32 first = guards != NULL && guards->len > 0 ? g_array_index (guards, guint32, 0) : CEPA_PATH_ANY_ROW;

  for (guint i = 0; i < plan->n_avoid; i++)
    if (cepa_network_find (network, plan->avoid[i]) == (gint) first)
      return excluded;
  for (guint i = excluded->len; i-- > 0;)
    if (g_array_index (excluded, guint32, i) == first)
      g_array_remove_index (excluded, i);
  return excluded;
}

/* @guards: (nullable): rows that may be first */
static gboolean
build_choose_from_all (CepaCircuits *self, const CepaCircuitsPlan *plan, const GArray *guards, CepaPath *path,
                       guint64 *proposed_by, GError **error)
{
  g_autoptr (GArray) excluded = build_list_excluded (self, plan, guards);
  g_autoptr (GError) first = NULL;

  if (build_propose (self, plan, guards, excluded, path, proposed_by, &first))
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
  excluded = build_list_excluded (self, plan, guards);
  return build_propose (self, plan, guards, excluded, path, proposed_by, error);
}

/* For long-lived streams by Stable relays alone, as long as there is a path of them. */
static gboolean
build_choose_path (CepaCircuits *self, const CepaCircuitsPlan *plan, const GArray *guards, CepaPath *path,
                   guint64 *proposed_by, GError **error)
{
  g_autoptr (GError) first = NULL;
  CepaCircuitsPlan any = *plan;

  if (build_choose_from_all (self, plan, guards, path, proposed_by, &first))
    return TRUE;
  any.is_stable = FALSE;
  if (plan->is_stable && g_error_matches (first, CEPA_ERROR, CEPA_ERROR_NO_PATH))
    return build_choose_from_all (self, &any, guards, path, proposed_by, error);
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

/* Tells whoever proposed the path what became of it. */
static void
build_report (CepaCircuits *self, const CepaPoolCircuit *entry, CepaPathOutcome outcome)
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

/* ---- who is to blame ---- */

/* A later relay did not answer, or the first one does not let us reach any: after some of these it is the first. Where
   guards are kept, they are counted instead (path-bias.h). */
static void
build_suspect_first (CepaCircuits *self, CepaPoolCircuit *entry, const GError *reason)
{
  const guint8 *first = cepa_circuit_get_hop (entry->circuit, 0)->target.rsa_id;
  g_autofree char *key = cepa_hex_encode (first, 20);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->beyond, key)) + 1;

  if (n < CEPA_CIRCUITS_MAX_BEYOND_FIRST && !g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_PROTOCOL))
    {
      g_hash_table_replace (self->beyond, g_steal_pointer (&key), GUINT_TO_POINTER (n));
      return;
    }
  g_hash_table_remove (self->beyond, key);
  cepa_failures_note (self->failures, first);
}

/* After several failures in a row, ever longer ones. */
static void
build_pause (CepaCircuits *self)
{
  gint64 wait;

  if (++self->n_failed < CEPA_CIRCUITS_FREE_FAILURES)
    return;
  wait = MIN (CEPA_CIRCUITS_RETRY_US << MIN (self->n_failed - CEPA_CIRCUITS_FREE_FAILURES, 10u),
              self->config.retry_max_us);
  self->retry_us = cepa_clock_monotonic_us (self->clock) + wait;
}

/* Blames whoever did not answer. */
static void
build_note_failure (CepaCircuits *self, CepaPoolCircuit *entry, const GError *reason)
{
  guint n_built = cepa_circuit_get_n_built (entry->circuit);

  if (n_built < cepa_circuit_get_n_hops (entry->circuit) && (n_built > 0 || entry->ticket == NULL))
    cepa_failures_note (self->failures, cepa_circuit_get_hop (entry->circuit, n_built)->target.rsa_id);
  /* It may as well be the one before that cannot extend; the first is proved by its own answer. */
  if (n_built >= 2)
    cepa_failures_note (self->failures, cepa_circuit_get_hop (entry->circuit, n_built - 1)->target.rsa_id);
  if (n_built > 0 && entry->ticket == NULL)
    build_suspect_first (self, entry, reason);
  build_pause (self);
}

void
cepa_circuits_blame_channel (CepaCircuits *self, CepaChannel *channel)
{
  gboolean is_guard = FALSE;

  cepa_channel_set_bad (channel);
  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->ticket == NULL || cepa_circuit_get_channel (entry->circuit) != channel)
        continue;
      cepa_guard_ticket_failed (entry->ticket);
      is_guard = TRUE;
    }
  if (!is_guard)
    cepa_failures_note (self->failures, cepa_channel_get_target (channel)->rsa_id);
}

/* ---- build times ---- */

static void
build_find_live (gpointer user_data, CepaChannel *channel)
{
  gint64 *live_us = user_data;

  *live_us = MAX (*live_us, cepa_channel_get_last_received_us (channel));
}

void
cepa_circuits_update_live (CepaCircuits *self)
{
  gint64 live_us = 0;

  cepa_channel_pool_foreach (self->channels, build_find_live, &live_us);
  cepa_build_times_note_live (self->build_times, live_us);
}

/* The time until the third hop, of circuits of any length. Neither the channel's handshake nor waiting for it counts: they
   say nothing about the relays beyond. */
static void
build_measure (CepaCircuits *self, CepaPoolCircuit *entry)
{
  gint64 took_us = cepa_clock_monotonic_us (self->clock) - entry->begun_us;

  if (entry->is_counted || cepa_circuit_get_n_built (entry->circuit) != CEPA_CIRCUITS_N_HOPS)
    return;
  entry->is_counted = TRUE;
  cepa_circuits_update_live (self);
  cepa_build_times_note_built (self->build_times, took_us, entry->is_late);
}

/* ---- a circuit's life ---- */

static void
build_progress (gpointer user_data, CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = user_data;

  if (cepa_circuit_get_n_built (circuit) > 0)
    {
      if (entry->ticket != NULL && cepa_circuit_get_n_built (circuit) == 1)
        cepa_guard_ticket_first_hop_built (entry->ticket);
      build_measure (entry->pool, entry);
      return;
    }
  entry->begun_us = cepa_clock_monotonic_us (entry->pool->clock);
  cepa_circuits_wake (entry->pool); /* its time runs from now on */
}

/* Nobody waits for it any more. @has_failed: that is one of the tries that a request has */
static void
build_release (CepaCircuits *self, const CepaPoolCircuit *entry, gboolean has_failed)
{
  for (guint i = 0; i < self->requests->len; i++)
    {
      CepaCircuitsRequest *request = g_ptr_array_index (self->requests, i);

      if (request->waits_for != entry)
        continue;
      request->waits_for = NULL;
      request->tries += has_failed;
    }
}

/* Relays are not blamed: one circuit of five is to take longer. */
void
cepa_circuits_set_measured (CepaCircuits *self, CepaPoolCircuit *entry)
{
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u takes too long: it is measured, and not used",
            cepa_circuit_get_number (entry->circuit));
  entry->is_measured = TRUE;
  if (entry->ticket != NULL)
    cepa_guard_ticket_timed_out (entry->ticket);
  build_release (self, entry, FALSE);
  build_report (self, entry, CEPA_PATH_TIMEOUT);
  cepa_circuits_tell_use (entry);
  cepa_circuits_wake (self);
}

void
cepa_circuits_make_ready (CepaCircuits *self, CepaPoolCircuit *entry)
{
  entry->streams = cepa_streams_new (entry->circuit, self->random);
  cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_DONE, 0);
}

static void
build_opened (gpointer user_data, CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = user_data;
  CepaCircuits *self = entry->pool;
  g_autofree char *path = cepa_circuit_describe_path (circuit);
  g_autofree char *key = NULL;
  gboolean may_wait = entry->ticket != NULL && !cepa_guard_ticket_is_usable_on_completion (entry->ticket);
  CepaGuardVerdict verdict;

  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u open through %s", cepa_circuit_get_number (circuit), path);
  if (entry->is_extended)
    {
      cepa_circuits_make_ready (self, entry); /* the rest is known since it was built */
      cepa_circuits_tell_settled (entry, FALSE);
      return;
    }
  for (guint i = 0; i < cepa_circuit_get_n_hops (circuit); i++)
    cepa_failures_forget (self->failures, cepa_circuit_get_hop (circuit, i)->target.rsa_id);
  key = cepa_hex_encode (cepa_circuit_get_hop (circuit, 0)->target.rsa_id, 20);
  g_hash_table_remove (self->beyond, key);
  self->n_failed = 0;
  self->retry_us = 0;
  entry->was_built = TRUE;
  build_measure (self, entry);
  if (!entry->is_measured)
    build_report (self, entry, CEPA_PATH_BUILT);
  verdict = entry->ticket != NULL ? cepa_guard_ticket_succeeded (entry->ticket) : CEPA_GUARD_USE;
  if (entry->is_measured || verdict == CEPA_GUARD_DROP)
    entry->is_retired = TRUE;
  else if (verdict == CEPA_GUARD_USE)
    cepa_circuits_make_ready (self, entry);
  else
    cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u waits: a better guard may answer",
              cepa_circuit_get_number (circuit));
  if (may_wait)
    cepa_circuits_tell_settled (entry, verdict == CEPA_GUARD_WAIT);
  cepa_circuits_wake (self);
}

static void
build_idle (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = user_data;

  if (!entry->is_dead)
    cepa_circuits_wake (entry->pool); /* it may have been kept for its streams alone */
}

/* It was never built, and not because nobody wanted it any more: that would say nothing about relays. */
static void
build_failed (CepaCircuits *self, CepaPoolCircuit *entry, const GError *reason)
{
  if (entry->was_built || self->is_stopped || entry->is_replaced || entry->is_measured
      || g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_CANCELLED))
    return;
  build_note_failure (self, entry, reason);
  build_report (self, entry, g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_TIMEOUT) ? CEPA_PATH_TIMEOUT
                                                                                        : CEPA_PATH_FAILED);
}

static void
build_closed (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, const GError *reason)
{
  CepaPoolCircuit *entry = user_data;
  CepaCircuits *self = entry->pool;

  build_failed (self, entry, reason);
  cepa_circuits_end_ticket (self, entry);
  build_release (self, entry, !entry->was_built);
  entry->is_dead = TRUE;
  g_ptr_array_remove_fast (self->circuits, entry);
  g_ptr_array_add (self->dead, entry);
  cepa_circuits_wake (self);
}

static const CepaCircuitOwner build_owner = { build_opened, build_closed, NULL, build_progress, build_idle };

CepaPoolCircuit *
cepa_circuits_launch (CepaCircuits *self, const CepaCircuitsPlan *plan, GError **error)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  CepaConsensus *consensus = cepa_network_get_consensus (network);
  CepaCircuitHop hops[CEPA_PATH_MAX_HOPS];
  CepaCircuitOwner owner = build_owner;
  g_autoptr (CepaChannel) channel = NULL;
  gint64 now = cepa_clock_monotonic_us (self->clock);
  g_autoptr (GArray) guards = g_array_new (FALSE, FALSE, sizeof (guint32));
  gboolean has_guards = cepa_circuits_list_guards (self, guards);
  g_autoptr (GError) failure = NULL;
  CepaPoolCircuit *entry;
  CepaPath path = { .size = sizeof path };
  guint64 proposed_by;

  if (has_guards && guards->len == 0)
    {
      build_pause (self);
      self->retry_us = MAX (self->retry_us, now + CEPA_CIRCUITS_RETRY_US);
      return NULL;
    }
  if (!build_choose_path (self, plan, has_guards ? guards : NULL, &path, &proposed_by, &failure))
    {
      /* Countries that nobody asked for before are read now: that is to be waited for. */
      if (self->restrictions == NULL || !cepa_restrictions_is_waiting (self->restrictions))
        g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  for (guint i = 0; i < path.n_hops; i++)
    cepa_servers_hop_from_row (network, path.hops[i], &hops[i]);
  entry = g_new0 (CepaPoolCircuit, 1);
  entry->pool = self;
  if (has_guards && !cepa_circuits_attempt_guard (self, entry, hops, path.n_hops, error))
    {
      g_free (entry);
      return NULL;
    }
  entry->path = path;
  entry->proposed_by = proposed_by;
  entry->version = cepa_network_get_view (network)->version;
  entry->is_stable = plan->is_stable;
  entry->is_onion = plan->onion != NULL;
  if (plan->onion != NULL)
    {
      guint32 target = plan->exit != NULL ? path.hops[path.n_hops - 1] : CEPA_PATH_ANY_ROW;

      entry->is_stable = (cepa_vanguards_get_flags (*plan->onion, network, target) & CEPA_PATH_NEED_STABLE) != 0;
      entry->onion = *plan->onion;
      entry->told_use = (CepaCircuitsUse) (CEPA_CIRCUITS_ONION + *plan->onion); /* whoever sees it launched sees that */
    }
  entry->started_us = now;
  owner.user_data = entry;
  entry->circuit = cepa_circuit_new (cepa_directory_draw_circuit_number (self->directory), hops, path.n_hops,
                                     (guint) cepa_consensus_get_param (consensus, "circwindow", CEPA_CIRCUIT_WINDOW),
                                     cepa_consensus_get_param (consensus, "ExtendByEd25519ID", 0) != 0, self->random,
                                     &owner);
  cepa_circuit_set_purpose (entry->circuit, plan->is_internal ? CEPA_PURPOSE_INTERNAL : CEPA_PURPOSE_GENERAL);
  g_ptr_array_add (self->circuits, entry);
  self->rate_us = MAX (self->rate_us, now) + CEPA_CIRCUITS_RATE_US;
  channel = cepa_channel_pool_get (self->channels, &hops[0].target);
  if (cepa_channel_get_state (channel) == CEPA_CHANNEL_OPEN)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_CIRCUIT_CREATE, 0);
  cepa_circuit_build (entry->circuit, channel);
  return entry->is_dead ? NULL : entry;
}
