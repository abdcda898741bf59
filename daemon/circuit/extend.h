/* SPDX-License-Identifier: BSD-3-Clause */
/* One hop more for a circuit that is open. */
#pragma once

#include "circuit/circuit.h"

G_BEGIN_DECLS

/* Whether it can be made longer by a hop: it is open, without streams, shorter than CEPA_CIRCUIT_MAX_HOPS, and may send one
   RELAY_EARLY cell more. */
gboolean cepa_circuit_may_extend (const CepaCircuit *self);

/**
 * cepa_circuit_extend:
 * @hop: with an ntor key
 *
 * Makes a circuit that cepa_circuit_may_extend() longer. It is being built until that relay has answered: then the owner's
 * opened is told again. What came from the former last hop has no meaning any more.
 */
void cepa_circuit_extend (CepaCircuit *self, const CepaCircuitHop *hop);

G_END_DECLS
