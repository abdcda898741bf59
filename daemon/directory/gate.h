/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether this build still speaks what the network asks of its clients (tor-spec: "Subprotocol versioning"). */
#pragma once

#include "netdoc/consensus.h"

G_BEGIN_DECLS

typedef enum
{
  CEPA_GATE_OPEN,    /* nothing is missing, or the consensus is older than this build and so says nothing of it */
  CEPA_GATE_CLOSING, /* a recommended one is missing */
  CEPA_GATE_SHUT,    /* a required one is missing */
} CepaGate;

/**
 * cepa_gate_check:
 * @release_date_s: of this build, seconds since 1970
 * @missing: (out) (transfer full): what is missing, as a list ("Link=6"); NULL with CEPA_GATE_OPEN
 */
CepaGate cepa_gate_check (const CepaConsensus *consensus, gint64 release_date_s, char **missing);

G_END_DECLS
