/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by circuits.c and the files whose names begin with circuits-. */
#pragma once

#include "path/circuits-types-private.h"

G_BEGIN_DECLS

/* ---- circuits.c ---- */

void cepa_pool_circuit_free (CepaPoolCircuit *entry);

/* Closes it, and not because of what a relay did. */
void cepa_pool_circuit_close (CepaPoolCircuit *entry, const GError *reason);

/* Returns: (transfer none) (nullable): the pool's entry of the circuit; NULL when it is none of the pool. */
CepaPoolCircuit *cepa_circuits_find_entry (CepaCircuits *self, const CepaCircuit *circuit);

/* Whoever watches is told what it is there for, if that is something else now. */
void cepa_circuits_tell_use (CepaPoolCircuit *entry);

/* Whoever watches is told that it may be used now, or waits for a better guard. */
void cepa_circuits_tell_settled (CepaPoolCircuit *entry, gboolean is_waiting);

/* A turn of the timer's own, as soon as can be. */
void cepa_circuits_wake (CepaCircuits *self);

/* A new identity, now. */
void cepa_circuits_take_identity (CepaCircuits *self);

/* ---- circuits-build.c ---- */

/* Whether a circuit may be launched now. @next_us: (inout) (optional): made earlier when it is a matter of time. */
gboolean cepa_circuits_may_launch (CepaCircuits *self, gint64 *next_us);

/* Where the user does not want which relays: fills that in @request. @country: (nullable): of the exit */
gboolean cepa_circuits_bar (CepaCircuits *self, const CepaNetwork *network, const char *country,
                            CepaPathRequest *request, GError **error);

/* Returns: (nullable): a circuit on its way; NULL with an error, or without one when it has ended already. */
CepaPoolCircuit *cepa_circuits_launch (CepaCircuits *self, const CepaCircuitsPlan *plan, GError **error);

/* It has taken too long to be used: it goes on for its time alone. */
void cepa_circuits_set_measured (CepaCircuits *self, CepaPoolCircuit *entry);

/* The first relay does not answer at all. */
void cepa_circuits_blame_channel (CepaCircuits *self, CepaChannel *channel);

/* What the build times know of the network being alive. */
void cepa_circuits_update_live (CepaCircuits *self);

/* It may take streams from now on. */
void cepa_circuits_make_ready (CepaCircuits *self, CepaPoolCircuit *entry);

/* ---- circuits-guards.c ---- */

/* Fills @rows with those that may be first. FALSE: any Guard may. */
gboolean cepa_circuits_list_guards (CepaCircuits *self, GArray *rows);

/* The documents of the best guards are not here: nothing is built before they are. */
gboolean cepa_circuits_lack_guards (CepaCircuits *self);

/* The directory or the restrictions have changed. */
void cepa_circuits_update_guards (CepaCircuits *self);

/* A circuit is about to be built through @hops. FALSE: not through that guard. */
gboolean cepa_circuits_attempt_guard (CepaCircuits *self, CepaPoolCircuit *entry, const CepaCircuitHop *hops,
                                      guint n_hops, GError **error);

/* The circuit has closed. */
void cepa_circuits_end_ticket (CepaCircuits *self, CepaPoolCircuit *entry);

/* Whether it must not be closed yet, for it is to show first whether it works. */
gboolean cepa_circuits_probe (CepaCircuits *self, CepaPoolCircuit *entry);

/* ---- circuits-onion.c ---- */

/* It is kept ready for onion services, or on its way to that. */
gboolean cepa_pool_circuit_is_prebuilt (const CepaPoolCircuit *entry);

/* Whether one like it would be built now. */
gboolean cepa_circuits_prebuilt_fits (CepaCircuits *self, const CepaPoolCircuit *entry);

/* ---- circuits-requests.c ---- */

/* Returns: the number of a new circuit that nobody waits for; 0 with an error. */
guint64 cepa_circuits_build_plan (CepaCircuits *self, const CepaCircuitsPlan *plan, gboolean is_apart, GError **error);

gboolean cepa_pool_circuit_is_in_use (const CepaPoolCircuit *entry);
gboolean cepa_pool_circuit_is_building (const CepaPoolCircuit *entry);

/* It may take streams; not so while it waits for a better guard. */
gboolean cepa_pool_circuit_is_ready (const CepaPoolCircuit *entry);

/* Nobody has used it, and it can be. */
gboolean cepa_pool_circuit_is_clean (const CepaPoolCircuit *entry);

/* Whether its exit lets @port through. */
gboolean cepa_circuits_exit_allows (CepaCircuits *self, const CepaPoolCircuit *entry, guint16 port, gboolean ipv6);

/* Gives circuits to requests, and launches what they need. */
void cepa_circuits_try_requests (CepaCircuits *self, gint64 *next_us);

/* The request is over: with @entry, or with @error. */
void cepa_circuits_finish_request (CepaCircuits *self, CepaCircuitsRequest *request, CepaPoolCircuit *entry,
                                   const GError *error);

/* ---- circuits-time.c ---- */

/* What is due. */
void cepa_circuits_step (CepaCircuits *self);

/* *@next is @due if that is earlier; 0 stands for never. */
static inline void
cepa_circuits_earlier (gint64 *next, gint64 due)
{
  *next = *next == 0 ? due : MIN (*next, due);
}

G_END_DECLS
