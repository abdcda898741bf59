/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool as a whole: its parts, its end, and what others ask of it. */
#include "path/circuits.h"

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "path/circuits-private.h"

/* How long circuits are kept ready where neither the user nor the consensus says. */
#define CIRCUITS_AVAILABLE_S (30 * 60)
#define CIRCUITS_MAX_AVAILABLE_S (24 * 60 * 60)

void
cepa_circuits_config_init (CepaCircuitsConfig *self)
{
  *self = (CepaCircuitsConfig){
    .enforce_subnets = TRUE,
    .predicts = TRUE,
    .max_dirty_us = 600 * G_USEC_PER_SEC,
    .max_pending = 32,
    .retry_max_us = 30 * G_USEC_PER_SEC,
    .learns_timeout = TRUE,
    .identity_interval_us = 10 * G_USEC_PER_SEC,
  };
}

static void
circuits_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  cepa_circuits_step (user_data);
}

void
cepa_circuits_wake (CepaCircuits *self)
{
  cepa_loop_set_delay (self->timer, 0);
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
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->isolation == NULL && entry->proposed_by != term)
        entry->is_retired = entry->is_replaced = TRUE;
    }
  self->retry_us = self->ahead_us = 0; /* what the former policy could not do, this one may */
  cepa_circuits_wake (self);
}

static void
circuits_build_timeout (gpointer user_data, CepaBuildTimesChange change, const CepaBuildTimesFigures *figures)
{
  CepaCircuits *self = user_data;

  if (change != CEPA_BUILD_TIMES_COMPUTED && self->keep != NULL)
    self->keep (self->keep_data);
  if (change != CEPA_BUILD_TIMES_GROWN && self->watch.build_timeout != NULL)
    self->watch.build_timeout (self->watch_data, change, figures);
}

void
cepa_pool_circuit_free (CepaPoolCircuit *entry)
{
  g_clear_pointer (&entry->streams, cepa_streams_free);
  cepa_circuit_unref (entry->circuit);
  g_free (entry->isolation);
  g_free (entry);
}

void
cepa_pool_circuit_close (CepaPoolCircuit *entry, const GError *reason)
{
  entry->is_ours = TRUE;
  cepa_circuit_close (entry->circuit, reason);
}

static gint64
circuits_available_us (const CepaCircuits *self)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  gint64 seconds = CIRCUITS_AVAILABLE_S;

  if (self->config.available_us > 0)
    return self->config.available_us;
  if (network != NULL)
    seconds = cepa_consensus_get_param (cepa_network_get_consensus (network), "nf_conntimeout_clients",
                                        CIRCUITS_AVAILABLE_S);
  return CLAMP (seconds, 60, CIRCUITS_MAX_AVAILABLE_S) * G_USEC_PER_SEC;
}

CepaCircuits *
cepa_circuits_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaChannelPool *channels,
                   CepaDirectory *directory, CepaBootstrap *bootstrap, CepaPathPolicies *policies,
                   const CepaCircuitsConfig *config)
{
  const CepaVanguardsConfig vanguards = CEPA_VANGUARDS_CONFIG_INIT;
  CepaCircuits *self = g_new0 (CepaCircuits, 1);

  self->clock = clock;
  self->random = random;
  self->channels = channels;
  self->directory = directory;
  self->bootstrap = bootstrap;
  self->policies = policies;
  self->config = *config;
  self->failures = cepa_failures_new (clock);
  self->build_times = cepa_build_times_new (config->learns_timeout, config->fixed_timeout_ms, circuits_build_timeout,
                                            self);
  self->predict = cepa_predict_new (clock, random, circuits_available_us (self));
  self->vanguards = cepa_vanguards_new (clock, random, &vanguards);
  self->beyond = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->circuits = g_ptr_array_new ();
  self->dead = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_pool_circuit_free);
  self->requests = g_ptr_array_new ();
  self->takers = g_array_new (FALSE, FALSE, sizeof (CepaCircuitsTaker));
  self->timer = cepa_loop_watch_fd (context, -1, "circuits", circuits_timer, self);
  self->identity_us = G_MININT64 / 2;
  self->test_us = cepa_clock_monotonic_us (clock);
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
  g_array_unref (self->takers);
  cepa_failures_free (self->failures);
  cepa_build_times_free (self->build_times);
  cepa_predict_free (self->predict);
  cepa_vanguards_free (self->vanguards);
  g_hash_table_unref (self->beyond);
  g_free (self);
}

void
cepa_circuits_set_watch (CepaCircuits *self, const CepaCircuitsWatch *watch, gpointer user_data)
{
  static const CepaCircuitsWatch nobody = { NULL, NULL, NULL, NULL };

  self->watch = watch != NULL ? *watch : nobody;
  self->watch_data = user_data;
}

void
cepa_circuits_set_restrictions (CepaCircuits *self, CepaRestrictions *restrictions)
{
  self->restrictions = restrictions;
}

CepaBuildTimes *
cepa_circuits_get_build_times (CepaCircuits *self)
{
  return self->build_times;
}

/* ---- for those who watch and control ---- */

void
cepa_circuits_foreach (CepaCircuits *self, CepaCircuitsEachFunc func, gpointer user_data)
{
  cepa_directory_foreach_circuit (self->directory, func, user_data);
  for (guint i = 0; i < self->circuits->len; i++)
    func (user_data, ((CepaPoolCircuit *) g_ptr_array_index (self->circuits, i))->circuit);
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

CepaPoolCircuit *
cepa_circuits_find_entry (CepaCircuits *self, const CepaCircuit *circuit)
{
  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->circuit == circuit)
        return entry;
    }
  return NULL;
}

static CepaCircuitsUse
circuits_get_use (const CepaPoolCircuit *entry)
{
  return entry->is_measured           ? CEPA_CIRCUITS_MEASURED
         : entry->probe_until_us != 0 ? CEPA_CIRCUITS_PROBED
         : entry->is_onion            ? (CepaCircuitsUse) (CEPA_CIRCUITS_ONION + entry->onion)
         : entry->is_apart            ? CEPA_CIRCUITS_APART
                                      : CEPA_CIRCUITS_FOR_STREAMS;
}

void
cepa_circuits_tell_use (CepaPoolCircuit *entry)
{
  CepaCircuits *self = entry->pool;
  CepaCircuitsUse former = entry->told_use;

  entry->told_use = circuits_get_use (entry);
  if (self->watch.use_changed != NULL && former != entry->told_use)
    self->watch.use_changed (self->watch_data, entry->circuit, former);
}

void
cepa_circuits_tell_settled (CepaPoolCircuit *entry, gboolean is_waiting)
{
  const CepaCircuits *self = entry->pool;

  if (self->watch.settled != NULL)
    self->watch.settled (self->watch_data, entry->circuit, is_waiting);
}

void
cepa_circuits_get_info (CepaCircuits *self, const CepaCircuit *circuit, CepaCircuitsInfo *out)
{
  const CepaPoolCircuit *entry = cepa_circuits_find_entry (self, circuit);

  *out = (CepaCircuitsInfo){ CEPA_CIRCUITS_FOR_STREAMS, FALSE, FALSE, FALSE };
  if (entry == NULL)
    return;
  out->use = circuits_get_use (entry);
  out->is_waiting = entry->ticket != NULL && cepa_guard_ticket_is_waiting (entry->ticket);
  out->may_wait = entry->ticket != NULL && !cepa_guard_ticket_is_usable_on_completion (entry->ticket);
  out->is_stable = entry->is_stable;
}

gboolean
cepa_circuits_close_by_number (CepaCircuits *self, guint64 number, gboolean if_unused, GError **error)
{
  CepaCircuit *circuit = cepa_circuits_find_by_number (self, number);
  CepaPoolCircuit *entry;
  g_autoptr (GError) reason = NULL;

  if (circuit == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "there is no circuit %" G_GUINT64_FORMAT, number);
      return FALSE;
    }
  if (if_unused && cepa_circuit_get_n_streams (circuit) > 0)
    return TRUE;
  reason = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "closed by a controller");
  entry = cepa_circuits_find_entry (self, circuit);
  if (entry != NULL)
    entry->is_ours = TRUE;
  cepa_circuit_close (circuit, reason);
  return TRUE;
}

/* @error: (nullable) */
static void
circuits_tell_takers (CepaCircuits *self, const GError *error)
{
  g_autoptr (GArray) takers = g_steal_pointer (&self->takers);

  self->takers = g_array_new (FALSE, FALSE, sizeof (CepaCircuitsTaker));
  for (guint i = 0; i < takers->len; i++)
    {
      const CepaCircuitsTaker *taker = &g_array_index (takers, CepaCircuitsTaker, i);

      if (taker->func != NULL)
        taker->func (taker->user_data, error);
    }
}

void
cepa_circuits_take_identity (CepaCircuits *self)
{
  g_autoptr (GError) reason
      = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "a new identity was asked for before it was used");

  self->n_identities++;
  cepa_vanguards_drop (self->vanguards);
  self->identity_us = cepa_clock_monotonic_us (self->clock);
  for (guint i = self->circuits->len; i-- > 0;)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      entry->is_retired = TRUE;
      if (!cepa_pool_circuit_is_in_use (entry) && !cepa_circuits_probe (self, entry))
        cepa_pool_circuit_close (entry, reason);
    }
  cepa_circuits_wake (self);
  if (self->watch.new_identity != NULL)
    self->watch.new_identity (self->watch_data);
  circuits_tell_takers (self, NULL);
}

guint64
cepa_circuits_get_identity (const CepaCircuits *self)
{
  return self->n_identities;
}

void
cepa_circuits_new_identity (CepaCircuits *self, CepaCircuitsTakenFunc func, gpointer user_data)
{
  gint64 since_us = cepa_clock_monotonic_us (self->clock) - self->identity_us;
  CepaCircuitsTaker taker = { func, user_data };

  g_array_append_val (self->takers, taker);
  if (since_us >= self->config.identity_interval_us)
    {
      cepa_circuits_take_identity (self);
      return;
    }
  if (self->takers->len == 1)
    cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "a new identity is taken %" G_GINT64_FORMAT " seconds from now, for the "
              "last one is not long ago", (self->config.identity_interval_us - since_us) / G_USEC_PER_SEC + 1);
  cepa_circuits_wake (self);
}

/* ---- the network, and the end ---- */

static gboolean
circuits_is_allowed (CepaCircuits *self, const CepaNetwork *network, const CepaPoolCircuit *entry)
{
  gboolean has_exit = cepa_circuit_get_purpose (entry->circuit) == CEPA_PURPOSE_GENERAL;
  guint n_hops = cepa_circuit_get_n_hops (entry->circuit);

  for (guint i = 0; i < n_hops; i++)
    {
      gint row = cepa_network_find (network, cepa_circuit_get_hop (entry->circuit, i)->target.rsa_id);
      CepaPlace place = i == 0                            ? CEPA_PLACE_GUARD
                        : has_exit && i == n_hops - 1 ? CEPA_PLACE_EXIT
                                                          : CEPA_PLACE_MIDDLE;

      if (row >= 0 && !cepa_restrictions_allows (self->restrictions, network, (guint) row, place))
        return FALSE;
    }
  return TRUE;
}

void
cepa_circuits_restrictions_changed (CepaCircuits *self)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);

  if (self->restrictions == NULL || network == NULL)
    return;
  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      entry->is_retired = entry->is_retired || !circuits_is_allowed (self, network, entry);
    }
  self->retry_us = self->ahead_us = 0;
  cepa_circuits_update_guards (self);
}

void
cepa_circuits_set_keep (CepaCircuits *self, void (*func) (gpointer user_data), gpointer user_data)
{
  self->keep = func;
  self->keep_data = user_data;
}

void
cepa_circuits_set_dormancy (CepaCircuits *self, CepaDormancy *dormancy)
{
  self->dormancy = dormancy;
}

void
cepa_circuits_set_dormant (CepaCircuits *self, gboolean is_dormant)
{
  const CepaPredictNeed first = { .port = CEPA_PREDICT_FIRST_PORT };

  self->is_dormant = is_dormant;
  if (is_dormant)
    {
      cepa_predict_forget_all (self->predict);
      cepa_circuits_retire_all (self);
    }
  else
    {
      cepa_predict_note (self->predict, &first);
      self->retry_us = self->ahead_us = 0;
      self->test_us = cepa_clock_monotonic_us (self->clock);
    }
  cepa_circuits_wake (self);
}

gboolean
cepa_circuits_has_streams (CepaCircuits *self)
{
  for (guint i = 0; i < self->circuits->len; i++)
    if (cepa_pool_circuit_is_in_use (g_ptr_array_index (self->circuits, i)))
      return TRUE;
  return FALSE;
}

void
cepa_circuits_clock_jumped (CepaCircuits *self)
{
  cepa_circuits_retire_all (self);
  self->n_failed = 0;
  self->retry_us = self->ahead_us = 0;
}

void
cepa_circuits_retire_all (CepaCircuits *self)
{
  for (guint i = 0; i < self->circuits->len; i++)
    ((CepaPoolCircuit *) g_ptr_array_index (self->circuits, i))->is_retired = TRUE;
  cepa_circuits_wake (self);
}

void
cepa_circuits_network_changed (CepaCircuits *self)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);

  const CepaPredictNeed first = { .port = CEPA_PREDICT_FIRST_PORT };
  CepaBuildTimesParams params;

  cepa_build_times_params_init (&params, cepa_network_get_consensus (network));
  cepa_build_times_set_params (self->build_times, &params);
  cepa_predict_set_keep (self->predict, circuits_available_us (self));
  if (self->bootstrap->percent < CEPA_BOOTSTRAP_DONE)
    cepa_predict_note (self->predict, &first); /* the former network may have had no exit for it */
  cepa_path_policies_network_changed (self->policies, cepa_network_get_view (network));
  cepa_circuits_update_guards (self);
}

void
cepa_circuits_stop (CepaCircuits *self, const GError *reason)
{
  self->is_stopped = TRUE;
  circuits_tell_takers (self, reason);
  while (self->requests->len > 0)
    cepa_circuits_finish_request (self, g_ptr_array_index (self->requests, 0), NULL, reason);
  while (self->circuits->len > 0)
    cepa_circuit_close (((CepaPoolCircuit *) g_ptr_array_index (self->circuits, 0))->circuit, reason);
}
