/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits as onion services use them: some are kept ready, and taken when they fit (C Tor's "cannibalization"). */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "circuit/extend.h"
#include "directory/servers.h"
#include "path/check.h"
#include "path/circuits-private.h"

/* ---- what is there ---- */

gboolean
cepa_pool_circuit_is_prebuilt (const CepaPoolCircuit *entry)
{
  return entry->is_onion && entry->onion == CEPA_ONION_PREBUILT && !entry->is_apart;
}

/* Returns: how many relays it has. */
static guint
onion_get_relays (const CepaPoolCircuit *entry, guint8 relays[CEPA_CIRCUIT_MAX_HOPS][20])
{
  guint n_hops = cepa_circuit_get_n_hops (entry->circuit);

  for (guint i = 0; i < n_hops; i++)
    memcpy (relays[i], cepa_circuit_get_hop (entry->circuit, i)->target.rsa_id, sizeof relays[i]);
  return n_hops;
}

gboolean
cepa_circuits_prebuilt_fits (CepaCircuits *self, const CepaPoolCircuit *entry)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  guint8 relays[CEPA_CIRCUIT_MAX_HOPS][20];
  guint n_relays = onion_get_relays (entry, relays);

  return network != NULL && cepa_vanguards_fits (self->vanguards, network, (const guint8 (*)[20]) relays, n_relays);
}

void
cepa_circuits_set_vanguards (CepaCircuits *self, const CepaVanguardsConfig *config)
{
  cepa_vanguards_set_config (self->vanguards, config);
  cepa_circuits_wake (self); /* what is ready may lie over others */
}

CepaVanguards *
cepa_circuits_get_vanguards (CepaCircuits *self)
{
  return self->vanguards;
}

/* ---- taking ---- */

/* A circuit for @purpose to the row @target where it has one. The rules hold for what it would be, by the network and the
   restrictions of now. */
static gboolean
onion_keeps_rules (CepaCircuits *self, const CepaPoolCircuit *entry, CepaOnionPurpose purpose, guint32 target)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  CepaPathRequest request = { .size = sizeof request, .purpose = CEPA_PURPOSE_INTERNAL };
  CepaPath path = { .size = sizeof path };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < cepa_circuit_get_n_hops (entry->circuit); i++)
    {
      gint row = cepa_network_find (network, cepa_circuit_get_hop (entry->circuit, i)->target.rsa_id);

      if (row < 0)
        return FALSE;
      path.hops[path.n_hops++] = (guint32) row;
    }
  if (target != CEPA_PATH_ANY_ROW)
    path.hops[path.n_hops++] = target;
  request.n_hops = path.n_hops;
  request.flags = cepa_vanguards_get_flags (purpose, network, target);
  return cepa_circuits_bar (self, network, NULL, &request, &error)
         && cepa_path_check (network, &request, &path, self->config.enforce_subnets, NULL, &error);
}

static gboolean
onion_may_take (CepaCircuits *self, const CepaPoolCircuit *entry, CepaOnionPurpose purpose, guint32 target)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  const guint8 *target_id
      = target != CEPA_PATH_ANY_ROW ? cepa_network_get_relay (network, target)->rsa_id : NULL;
  guint8 relays[CEPA_CIRCUIT_MAX_HOPS][20];
  guint n_relays;

  if (!cepa_pool_circuit_is_prebuilt (entry) || !cepa_pool_circuit_is_clean (entry)
      || !cepa_pool_circuit_is_ready (entry) || !cepa_circuit_may_extend (entry->circuit)
      || (entry->ticket != NULL && !cepa_guard_ticket_has_guard (entry->ticket)))
    return FALSE;
  n_relays = onion_get_relays (entry, relays);
  return cepa_vanguards_may_take (self->vanguards, network, purpose, (const guint8 (*)[20]) relays, n_relays, target_id)
         && onion_keeps_rules (self, entry, purpose, target);
}

static void
onion_extend (CepaCircuits *self, CepaPoolCircuit *entry, guint32 target)
{
  CepaCircuitHop hop;

  cepa_servers_hop_from_row (cepa_directory_get_network (self->directory), target, &hop);
  g_clear_pointer (&entry->streams, cepa_streams_free);
  entry->is_extended = TRUE;
  entry->begun_us = cepa_clock_monotonic_us (self->clock);
  cepa_circuit_extend (entry->circuit, &hop);
}

/* Returns: (nullable): a circuit that was kept ready and is for @purpose now. */
static CepaPoolCircuit *
onion_take (CepaCircuits *self, CepaOnionPurpose purpose, const guint8 *target_id)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  CepaPoolCircuit *entry = NULL;
  gint row = -1;

  if (network == NULL || self->is_stopped)
    return NULL;
  if (target_id != NULL)
    row = cepa_network_find (network, target_id);
  if (target_id != NULL && row < 0)
    return NULL;
  for (guint i = 0; i < self->circuits->len && entry == NULL; i++)
    if (onion_may_take (self, g_ptr_array_index (self->circuits, i), purpose,
                        target_id != NULL ? (guint32) row : CEPA_PATH_ANY_ROW))
      entry = g_ptr_array_index (self->circuits, i);
  if (entry == NULL)
    return NULL;
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u is taken for %s", cepa_circuit_get_number (entry->circuit),
            cepa_onion_purpose_to_string (purpose));
  entry->onion = purpose;
  entry->is_apart = TRUE;
  /* Where others chose the target, it must not be able to make our guard look bad by closing what was built without it. */
  if (entry->ticket != NULL && (purpose == CEPA_ONION_CLIENT_INTRO || purpose == CEPA_ONION_SERVICE_REND))
    cepa_guard_ticket_closed (entry->ticket, FALSE);
  cepa_circuits_tell_use (entry);
  if (target_id != NULL)
    onion_extend (self, entry, (guint32) row);
  cepa_circuits_wake (self); /* another one is built in its place */
  return entry;
}

guint64
cepa_circuits_build_onion (CepaCircuits *self, CepaOnionPurpose purpose, const guint8 *target_id, GError **error)
{
  const CepaCircuitsPlan plan = { .exit = target_id, .is_internal = TRUE, .onion = &purpose };
  const CepaPredictNeed need = { .is_onion = TRUE };
  CepaPoolCircuit *entry;

  if (cepa_onion_purpose_has_target (purpose) != (target_id != NULL))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "circuits for %s have %s",
                   cepa_onion_purpose_to_string (purpose),
                   target_id == NULL ? "a target, and none is given" : "no target that is given");
      return 0;
    }
  if (self->dormancy != NULL)
    cepa_dormancy_note_use (self->dormancy);
  if (purpose != CEPA_ONION_PREBUILT)
    cepa_predict_note (self->predict, &need);
  entry = onion_take (self, purpose, target_id);
  if (entry != NULL)
    return cepa_circuit_get_number (entry->circuit);
  cepa_circuits_wake (self);
  return cepa_circuits_build_plan (self, &plan, TRUE, error);
}
