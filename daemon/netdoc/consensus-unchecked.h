/* SPDX-License-Identifier: BSD-3-Clause */
/* A consensus that nobody's signature is looked for on: for the simulator's --unchecked, and nobody else. */
#pragma once

#include "netdoc/consensus.h"

G_BEGIN_DECLS

/**
 * cepa_consensus_take_unchecked:
 * @unverified: (transfer none)
 *
 * For research with made-up or very old documents, where no connection follows. What has it in a file of its own is
 * not in the daemon: no object of cepad refers to it, and the lint lets nobody but sdk/sim include this header.
 *
 * Returns: (transfer full)
 */
CepaConsensus *cepa_consensus_take_unchecked (const CepaUnverifiedConsensus *unverified);

G_END_DECLS
