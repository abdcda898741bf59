/* SPDX-License-Identifier: BSD-3-Clause */
/* What only front ends ask for of a relay: not kept, but read from the consensus' text when it is wanted. */
#pragma once

#include "netdoc/consensus.h"
#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/* The slices are in the text that was read. */
typedef struct
{
  gint64 published_s; /* seconds; consensuses of today give a time that means nothing */
  CepaSlice flags;    /* arguments of the "s" line: words with spaces between them */
} CepaRouterText;

/**
 * cepa_consensus_read_text:
 * @whole: (transfer none): cepa_consensus_get_text(), which a worker is given: the consensus may get another place for it
 * @row: of cepa_consensus_get_relays()
 * @offset: (inout): bytes of the text that lie before the entry, 0 at first; moved behind it. Rows that are read
 *   in ascending order with one @offset cost one pass over the text.
 *
 * Returns: FALSE when the entry is not behind @offset.
 */
gboolean cepa_consensus_read_text (const CepaConsensus *self, GBytes *whole, guint row, gsize *offset,
                                   CepaRouterText *out);

G_END_DECLS
