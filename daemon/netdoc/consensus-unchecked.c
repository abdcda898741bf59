/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus-unchecked.h"

#include "netdoc/consensus-private.h"

CepaConsensus *
cepa_consensus_take_unchecked (const CepaUnverifiedConsensus *unverified)
{
  g_return_val_if_fail (unverified != NULL, NULL);
  return cepa_consensus_from_body (unverified->body);
}
