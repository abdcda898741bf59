/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets which circuit of the pool. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "path/check.h"
#include "path/circuits-private.h"

static void
request_free (CepaCircuitsRequest *request)
{
  g_free (request->isolation);
  g_free (request);
}

/* ---- what a circuit is ---- */

gboolean
cepa_pool_circuit_is_in_use (const CepaPoolCircuit *entry)
{
  return entry->streams != NULL && cepa_streams_get_n_open (entry->streams) > 0;
}

gboolean
cepa_pool_circuit_is_building (const CepaPoolCircuit *entry)
{
  return cepa_circuit_get_state (entry->circuit) == CEPA_CIRCUIT_BUILDING;
}

gboolean
cepa_pool_circuit_is_ready (const CepaPoolCircuit *entry)
{
  return entry->streams != NULL;
}

gboolean
cepa_pool_circuit_is_clean (const CepaPoolCircuit *entry)
{
  return entry->isolation == NULL && !entry->is_retired && !entry->is_measured && !entry->is_apart;
}

static const CepaCircuitHop *
pool_circuit_get_exit (const CepaPoolCircuit *entry)
{
  return cepa_circuit_get_hop (entry->circuit, cepa_circuit_get_n_hops (entry->circuit) - 1);
}

gboolean
cepa_circuits_exit_allows (CepaCircuits *self, const CepaPoolCircuit *entry, guint16 port, gboolean ipv6)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  gint row = network != NULL ? cepa_network_find (network, pool_circuit_get_exit (entry)->target.rsa_id) : -1;

  return row >= 0 && cepa_network_exit_allows (network, (guint) row, port, ipv6);
}

/* ---- fitting ---- */

static gboolean
request_is_in (CepaCircuits *self, const CepaCircuitHop *exit, const char *country)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  gint row = network != NULL ? cepa_network_find (network, exit->target.rsa_id) : -1;

  return row >= 0 && g_str_equal (cepa_network_get_relay (network, (guint) row)->country, country);
}

static gboolean
request_exit_fits (CepaCircuits *self, CepaPoolCircuit *entry, const CepaCircuitsWish *wish)
{
  const CepaCircuitHop *exit = pool_circuit_get_exit (entry);

  for (guint i = 0; i < wish->n_avoid; i++)
    if (memcmp (wish->avoid[i], exit->target.rsa_id, sizeof wish->avoid[i]) == 0)
      return FALSE;
  if (wish->has_exit && memcmp (wish->exit, exit->target.rsa_id, sizeof wish->exit) != 0)
    return FALSE;
  if (wish->country[0] != '\0' && !request_is_in (self, exit, wish->country))
    return FALSE;
  return cepa_circuits_exit_allows (self, entry, wish->port, wish->ipv6);
}

/* From then on nobody who waits is made to wait for this one alone. */
static gint64
request_get_patience_end (CepaCircuits *self, const CepaPoolCircuit *entry)
{
  gint64 timeout_us = cepa_build_times_get_timeout_us (self->build_times, CEPA_BUILD_TIMES_GENERAL);

  return entry->started_us + CLAMP (timeout_us, CEPA_CIRCUITS_HEDGE_MIN_US, CEPA_CIRCUITS_HEDGE_MAX_US);
}

static gboolean
request_fits (CepaCircuits *self, CepaPoolCircuit *entry, const CepaCircuitsRequest *request)
{
  const CepaCircuitsWish *wish = &request->wish;
  gint64 now = cepa_clock_monotonic_us (self->clock);

  if (entry->is_retired || entry->is_measured || entry->is_apart || entry->is_onion || (request->is_stable && !entry->is_stable)
      || (!cepa_pool_circuit_is_ready (entry) && now >= request_get_patience_end (self, entry)))
    return FALSE;
  if (entry->isolation != NULL
      && (strcmp (entry->isolation, wish->isolation) != 0 || now - entry->dirty_us > self->config.max_dirty_us))
    return FALSE;
  return request_exit_fits (self, entry, wish);
}

/* An open circuit is better than one being built, one of the same isolation better than a clean one, and of these the
   one that streams go over already. */
static CepaPoolCircuit *
request_find (CepaCircuits *self, const CepaCircuitsRequest *request)
{
  CepaPoolCircuit *best = NULL;
  guint best_score = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);
      guint score = 1 + (cepa_pool_circuit_is_ready (entry) ? 4 : 0) + (entry->is_given ? 2 : 0)
                    + (entry->isolation != NULL ? 1 : 0);

      if (score > best_score && request_fits (self, entry, request))
        {
          best = entry;
          best_score = score;
        }
    }
  return best;
}

static void
request_claim (CepaCircuits *self, CepaPoolCircuit *entry, const char *isolation)
{
  if (entry->isolation != NULL)
    return;
  entry->isolation = g_strdup (isolation);
  entry->dirty_us = cepa_clock_monotonic_us (self->clock);
}

/* The circuit that @request waited for can be anybody's, unless somebody else of that isolation has it or waits for it. */
static void
request_release (CepaCircuits *self, const CepaCircuitsRequest *request)
{
  CepaPoolCircuit *entry = request->waits_for;

  if (entry == NULL || entry->is_given)
    return;
  for (guint i = 0; i < self->requests->len; i++)
    {
      const CepaCircuitsRequest *other = g_ptr_array_index (self->requests, i);

      if (other != request && other->waits_for == entry)
        return;
    }
  g_clear_pointer (&entry->isolation, g_free);
  entry->dirty_us = 0;
}

/* ---- requests ---- */

void
cepa_circuits_finish_request (CepaCircuits *self, CepaCircuitsRequest *request, CepaPoolCircuit *entry,
                              const GError *error)
{
  g_ptr_array_remove (self->requests, request);
  if (entry != request->waits_for)
    request_release (self, request);
  if (entry != NULL)
    {
      request_claim (self, entry, request->isolation);
      entry->is_given = TRUE;
      if (request->wish.keeps_alive)
        entry->dirty_us = cepa_clock_monotonic_us (self->clock);
      if (entry->ticket != NULL)
        cepa_guard_ticket_used (entry->ticket);
      request->func (request->user_data, entry->circuit, entry->streams, NULL);
    }
  else
    request->func (request->user_data, NULL, NULL, error);
  request_free (request);
}

static CepaPoolCircuit *
request_launch (CepaCircuits *self, CepaCircuitsRequest *request, GError **error)
{
  const CepaCircuitsWish *wish = &request->wish;
  CepaCircuitsPlan plan = { wish->port, wish->ipv6, request->is_stable, wish->n_avoid, wish->avoid,
                            wish->country[0] != '\0' ? wish->country : NULL, wish->has_exit ? wish->exit : NULL,
                            FALSE };
  guint max_tries = wish->has_exit ? CEPA_CIRCUITS_MAX_EXIT_TRIES : CEPA_CIRCUITS_MAX_TRIES;
  CepaPoolCircuit *entry;

  if (request->tries >= max_tries)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, "%u circuits failed", max_tries);
      return NULL;
    }
  entry = cepa_circuits_launch (self, &plan, error);
  request->tries += entry == NULL;
  return entry;
}

/* Gives the request a circuit, or one being built to wait for. Returns whether it is over. */
static gboolean
request_try (CepaCircuits *self, CepaCircuitsRequest *request, gint64 *next_us)
{
  g_autoptr (GError) error = NULL;
  CepaPoolCircuit *entry = request_find (self, request);

  if (entry != NULL && cepa_pool_circuit_is_ready (entry))
    {
      cepa_circuits_finish_request (self, request, entry, NULL);
      return TRUE;
    }
  if (entry == NULL && cepa_circuits_may_launch (self, next_us))
    entry = request_launch (self, request, &error);
  if (entry != NULL)
    {
      if (entry != request->waits_for)
        request_release (self, request);
      request_claim (self, entry, request->isolation);
      request->waits_for = entry;
      if (next_us != NULL)
        cepa_circuits_earlier (next_us, request_get_patience_end (self, entry));
    }
  else if (error == NULL)
    cepa_circuits_may_launch (self, next_us); /* when that will be */
  if (error == NULL)
    return FALSE;
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "no circuit for a stream to port %u: %s", request->wish.port,
            error->message);
  cepa_circuits_finish_request (self, request, NULL, error);
  return TRUE;
}

void
cepa_circuits_try_requests (CepaCircuits *self, gint64 *next_us)
{
  g_autoptr (GPtrArray) requests = g_ptr_array_copy (self->requests, NULL, NULL);

  for (guint i = 0; i < requests->len; i++)
    if (g_ptr_array_find (self->requests, requests->pdata[i], NULL))
      request_try (self, requests->pdata[i], next_us);
}

guint64
cepa_circuits_build_plan (CepaCircuits *self, const CepaCircuitsPlan *plan, gboolean is_apart, GError **error)
{
  g_autoptr (GError) own = NULL;
  CepaPoolCircuit *entry = NULL;

  if (cepa_circuits_may_launch (self, NULL))
    entry = cepa_circuits_launch (self, plan, &own);
  if (entry != NULL)
    {
      entry->is_apart = is_apart;
      cepa_circuits_tell_use (entry);
      return cepa_circuit_get_number (entry->circuit);
    }
  if (own == NULL)
    g_set_error (&own, CEPA_ERROR, CEPA_ERROR_LIMIT, "no circuit can be built now");
  g_propagate_error (error, g_steal_pointer (&own));
  return 0;
}

guint64
cepa_circuits_build (CepaCircuits *self, const CepaCircuitsWish *wish, gboolean is_internal, gboolean is_apart,
                     GError **error)
{
  const CepaCircuitsPlan plan = { wish->port, wish->ipv6, FALSE, wish->n_avoid, wish->avoid,
                                  wish->country[0] != '\0' ? wish->country : NULL, wish->has_exit ? wish->exit : NULL,
                                  is_internal, NULL };

  return cepa_circuits_build_plan (self, &plan, is_apart || is_internal, error);
}

CepaCircuitsRequest *
cepa_circuits_request (CepaCircuits *self, const CepaCircuitsWish *wish, CepaCircuitsFunc func, gpointer user_data)
{
  CepaCircuitsRequest *request = g_new0 (CepaCircuitsRequest, 1);
  const GArray *long_lived = self->config.long_lived_ports;
  gboolean is_stable = long_lived != NULL && cepa_path_port_is_long_lived (long_lived, wish->port);
  CepaPredictNeed need = { .port = wish->port, .ipv6 = wish->ipv6, .is_stable = is_stable };

  request->wish = *wish;
  request->isolation = g_strdup (wish->isolation);
  request->wish.isolation = request->isolation;
  request->is_stable = need.is_stable;
  request->func = func;
  request->user_data = user_data;
  if (wish->country[0] != '\0' && self->restrictions != NULL)
    cepa_restrictions_want_countries (self->restrictions, cepa_directory_get_network (self->directory));
  if (self->dormancy != NULL)
    cepa_dormancy_note_use (self->dormancy);
  cepa_predict_note (self->predict, &need);
  cepa_directory_retry (self->directory);
  g_ptr_array_add (self->requests, request);
  cepa_circuits_wake (self); /* another one is built in the place of the one that it takes */
  return request_try (self, request, NULL) ? NULL : request;
}

void
cepa_circuits_cancel (CepaCircuits *self, CepaCircuitsRequest *request)
{
  g_ptr_array_remove (self->requests, request);
  request_release (self, request);
  request_free (request);
}

void
cepa_circuits_note_timeout (CepaCircuits *self, CepaCircuit *circuit, gint64 since_us)
{
  CepaChannel *channel = cepa_circuit_get_channel (circuit);
  gboolean is_silent = channel != NULL && cepa_channel_get_last_received_us (channel) < since_us;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (entry->circuit == circuit || (is_silent && cepa_circuit_get_channel (entry->circuit) == channel))
        entry->is_retired = TRUE;
    }
  if (is_silent)
    cepa_circuits_blame_channel (self, channel);
  cepa_circuits_wake (self);
}

void
cepa_circuits_note_kept (CepaCircuits *self, CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = cepa_circuits_find_entry (self, circuit);

  if (entry != NULL)
    entry->dirty_us = cepa_clock_monotonic_us (self->clock);
}

void
cepa_circuits_note_answer (CepaCircuits *self, CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = cepa_circuits_find_entry (self, circuit);

  if (entry != NULL && entry->ticket != NULL)
    cepa_guard_ticket_use_succeeded (entry->ticket);
}

void
cepa_circuits_note_left (CepaCircuits *self, CepaCircuit *circuit)
{
  CepaPoolCircuit *entry = cepa_circuits_find_entry (self, circuit);

  if (entry != NULL && entry->ticket != NULL)
    cepa_guard_ticket_use_rolled_back (entry->ticket);
}

void
cepa_circuits_note_refusal (CepaCircuits *self, CepaCircuit *circuit, guint reason)
{
  CepaPoolCircuit *entry = cepa_circuits_find_entry (self, circuit);

  if (entry == NULL)
    return;
  switch (reason)
    {
    case CEPA_END_HIBERNATING:
    case CEPA_END_RESOURCELIMIT:
      cepa_failures_note (self->failures, pool_circuit_get_exit (entry)->target.rsa_id);
      entry->is_retired = TRUE;
      break;
    case CEPA_END_DESTROY:
    case CEPA_END_TORPROTOCOL:
      entry->is_retired = entry->is_broken = TRUE;
      break;
    default:
      return;
    }
  cepa_circuits_wake (self);
}
