/* SPDX-License-Identifier: BSD-3-Clause */
/* What turns one consensus into the next (dir-spec: "Consensus diffs", "Limited ed diff format"). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether @text begins as a consensus diff does, of any version. */
gboolean cepa_consensus_diff_is (GBytes *text);

/**
 * cepa_consensus_diff_digests:
 * @diff: the whole document; its head is read
 * @from: (out): SHA3-256 of the signed part of what it applies to
 * @to: (out): SHA3-256 of the whole of what comes out
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT when it is not a diff of version 1, or its hashes are malformed.
 */
gboolean cepa_consensus_diff_digests (GBytes *diff, guint8 from[32], guint8 to[32], GError **error);

/**
 * cepa_consensus_diff_base_digest:
 * @consensus: the whole text as it came
 * @digest: (out): SHA3-256 of what its signatures are of: up to and with the space behind the first
 *   "directory-signature". Of all of @consensus when there is none.
 *
 * This is what the header X-Or-Diff-From-Consensus names, in hexadecimal digits.
 */
void cepa_consensus_diff_base_digest (GBytes *consensus, guint8 digest[32]);

/**
 * cepa_consensus_diff_apply:
 * @base: the text of the consensus that the diff is from
 *
 * Takes linear time, but 15 ms for the public network: call it on a worker. The result is not believed before its own
 * signatures are checked.
 *
 * Returns: (transfer full) (nullable): the new text; NULL with CEPA_ERROR_BAD_DOCUMENT (malformed, commands out of
 * order, beyond the end of @base, a result that has not the announced hash), CEPA_ERROR_NOT_FOUND (from another
 * consensus than @base) or CEPA_ERROR_LIMIT (the result would be too large).
 */
GBytes *cepa_consensus_diff_apply (GBytes *base, GBytes *diff, GError **error);

G_END_DECLS
