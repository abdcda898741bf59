/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool's circuits and their guards: who may be first, which circuits wait for a better guard, and whether used ones
   work (path-spec: path bias, and its probe). */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "path/circuits-private.h"

/* Where the probe asks to be connected to: no exit connects to 0.0.0.0/8 (path-spec: "Measuring path use success"). */
#define GUARDS_PROBE_PORT 25

/* ---- choosing ---- */

static void
guards_take_network (CepaCircuits *self)
{
  CepaNetwork *network = cepa_directory_get_network (self->directory);
  g_autoptr (GError) error = NULL;
  CepaBarred barred = { NULL, 0 };

  if (self->guards == NULL || network == NULL)
    return;
  if (self->restrictions != NULL && !cepa_restrictions_get (self->restrictions, network, NULL, &barred, &error))
    {
      /* Who is allowed is not known, or nobody is; and rows of the former network are none of this one. */
      cepa_log (CEPA_LOG_GUARD, CEPA_LOG_INFO, "no guard may be used: %s", error->message);
      cepa_guards_set_network (self->guards, NULL, NULL);
      return;
    }
  cepa_guards_set_network (self->guards, network, barred.rows);
}

void
cepa_circuits_update_guards (CepaCircuits *self)
{
  guards_take_network (self);
  cepa_circuits_wake (self);
}

void
cepa_circuits_set_guards (CepaCircuits *self, CepaGuards *guards)
{
  self->guards = guards;
  guards_take_network (self);
}

gboolean
cepa_circuits_list_guards (CepaCircuits *self, GArray *rows)
{
  return self->guards != NULL && cepa_guards_list_candidates (self->guards, CEPA_GUARD_DATA, NULL, rows);
}

gboolean
cepa_circuits_lack_guards (CepaCircuits *self)
{
  return self->guards != NULL && cepa_guards_count_missing (self->guards) > 0;
}

/* ---- tickets ---- */

/* What became of a circuit that had to wait. Called from cepa_guards_update(). */
static void
guards_told (gpointer user_data, G_GNUC_UNUSED CepaGuardTicket *ticket, CepaGuardVerdict verdict)
{
  CepaPoolCircuit *entry = user_data;

  if (entry->is_dead)
    return;
  if (verdict == CEPA_GUARD_USE)
    {
      cepa_circuits_make_ready (entry->pool, entry);
      cepa_circuits_tell_settled (entry, FALSE);
    }
  else
    entry->is_retired = TRUE;
  cepa_circuits_wake (entry->pool);
}

gboolean
cepa_circuits_attempt_guard (CepaCircuits *self, CepaPoolCircuit *entry, const CepaCircuitHop *hops, guint n_hops,
                             GError **error)
{
  CepaGuardRestriction restriction = { .exit_id = hops[n_hops - 1].target.rsa_id,
                                       .any_subnet = !self->config.enforce_subnets };

  entry->ticket = cepa_guards_attempt (self->guards, hops[0].target.rsa_id, CEPA_GUARD_DATA, &restriction, guards_told,
                                       entry);
  if (entry->ticket != NULL)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "the relay %s is not one of the guards", hops[0].nickname);
  return FALSE;
}

/* Whether the first relay is to blame for a circuit that was never built: it did not answer, or there was no way to it. A
   DESTROY is an answer. */
static gboolean
guards_is_to_blame (const CepaPoolCircuit *entry)
{
  return !entry->was_built && !entry->is_ours && cepa_circuit_get_n_built (entry->circuit) == 0
         && !cepa_circuit_was_destroyed (entry->circuit);
}

void
cepa_circuits_end_ticket (CepaCircuits *self, CepaPoolCircuit *entry)
{
  if (entry->ticket == NULL)
    return;
  if (guards_is_to_blame (entry) && !self->is_stopped)
    cepa_guard_ticket_failed (entry->ticket);
  /* At the end there is no time for a probe: what is open has the benefit of the doubt, as in C Tor. */
  if (self->is_stopped && cepa_guard_ticket_wants_probe (entry->ticket))
    cepa_guard_ticket_use_succeeded (entry->ticket);
  cepa_guard_ticket_closed (entry->ticket, !entry->is_ours && !self->is_stopped);
  g_clear_pointer (&entry->ticket, cepa_guard_ticket_free);
}

/* ---- the probe ---- */

static void
guards_probe_ended (gpointer user_data, const CepaEnd *end)
{
  CepaPoolCircuit *entry = user_data;

  if (entry->is_dead || entry->ticket == NULL)
    return;
  entry->probe = NULL;
  /* Only the exit knows which address was asked for. */
  if (end->reason == CEPA_END_EXITPOLICY && end->address_len == 4
      && memcmp (end->address, entry->probe_address, sizeof entry->probe_address) == 0)
    {
      cepa_guard_ticket_use_succeeded (entry->ticket);
      cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u passes its probe", cepa_circuit_get_number (entry->circuit));
    }
  else
    {
      cepa_guard_ticket_probe_failed (entry->ticket);
      cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u does not pass its probe: %s",
                cepa_circuit_get_number (entry->circuit), cepa_end_reason_name (end->reason));
    }
  entry->probe_until_us = cepa_clock_monotonic_us (entry->pool->clock);
  cepa_circuits_wake (entry->pool);
}

static void
guards_probe_connected (gpointer user_data, G_GNUC_UNUSED const CepaConnected *connected)
{
  CepaPoolCircuit *entry = user_data;

  /* No exit can do that. */
  entry->probe_until_us = cepa_clock_monotonic_us (entry->pool->clock);
  cepa_circuits_wake (entry->pool);
}

static void
guards_probe_data (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const guint8 *data, G_GNUC_UNUSED gsize len)
{
}

static void
guards_probe_nothing (G_GNUC_UNUSED gpointer user_data)
{
}

static const CepaStreamFuncs guards_probe_funcs
    = { guards_probe_connected, guards_probe_data, guards_probe_nothing, guards_probe_nothing, guards_probe_ended };

gboolean
cepa_circuits_probe (CepaCircuits *self, CepaPoolCircuit *entry)
{
  g_autofree char *host = NULL;

  if (entry->probe_until_us != 0)
    return cepa_clock_monotonic_us (self->clock) < entry->probe_until_us;
  if (entry->ticket == NULL || entry->streams == NULL || entry->is_broken || self->is_stopped
      || !cepa_guard_ticket_wants_probe (entry->ticket))
    return FALSE;
  cepa_random_fill (self->random, entry->probe_address + 1, sizeof entry->probe_address - 1);
  host = g_strdup_printf ("0.%u.%u.%u", entry->probe_address[1], entry->probe_address[2], entry->probe_address[3]);
  entry->probe_until_us
      = cepa_clock_monotonic_us (self->clock) + cepa_build_times_get_close_us (self->build_times);
  entry->probe = cepa_streams_begin (entry->streams, host, GUARDS_PROBE_PORT, 0, &guards_probe_funcs, entry, NULL);
  if (entry->probe != NULL)
    cepa_circuits_tell_use (entry);
  return entry->probe != NULL;
}
