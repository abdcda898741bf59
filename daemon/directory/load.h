/* SPDX-License-Identifier: BSD-3-Clause */
/* The heavy work on directory documents, away from the loop: reading the cache, checking a consensus. */
#pragma once

#include <gio/gio.h>

#include "directory/descriptor.h"
#include "directory/flavour.h"
#include "network/extras.h"
#include "network/network.h"

G_BEGIN_DECLS

/**
 * CepaLoadResult:
 * @network: (nullable): what the consensus and the descriptors make; NULL when there is no good consensus
 * @outdated: (nullable): in place of it a consensus that is well signed, but more than a day from our clock's time: the
 *   next one can be had as a diff from it
 * @base_digest: of @network's consensus or of @outdated, as X-Or-Diff-From-Consensus names it
 * @is_unverified: @network or @consensus_text is of the file of consensuses that wait for certificates
 * @is_diff: it came as a diff
 * @certificates: (element-type CepaKeyCertificate): those that were known and those read now
 * @missing_certificates: (nullable) (element-type CepaKeyCertificateId): signatures of our authorities need them; when
 *   @consensus_text is there, it is the consensus that waits for them, and @network could not be made
 * @descriptors: (element-type GBytes): texts with those that @network uses, and maybe others
 * @found: (nullable) (element-type CepaDescriptor): of cepa_load_descriptors_async(); their slices are in @found_text
 * @mapped: (element-type GBytes): those of all these texts that are maps of files: see cepa_file_forget_pages()
 * @problems: (element-type utf8): what was refused, each a sentence for the log
 */
typedef struct
{
  CepaNetwork *network;
  CepaConsensus *outdated;
  guint8 base_digest[32];
  gboolean is_unverified, is_diff;
  GPtrArray *certificates;
  GArray *missing_certificates;
  GBytes *consensus_text;
  GPtrArray *descriptors;
  GArray *found;
  GBytes *found_text;
  GPtrArray *mapped;
  GPtrArray *problems;
} CepaLoadResult;

void cepa_load_result_free (CepaLoadResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaLoadResult, cepa_load_result_free)

/**
 * CepaLoadSupplement:
 * @extras: (nullable): for cepa_network_annotate()
 * @node_families: (nullable) (element-type CepaNodeSet): for cepa_network_set_node_families()
 * @guard_fraction: for cepa_network_set_guard_fraction()
 *
 * What this machine puts beside the rows of a network. Nothing of it changes.
 */
typedef struct
{
  CepaExtras *extras;
  GPtrArray *node_families;
  gint guard_fraction;
} CepaLoadSupplement;

void cepa_load_supplement_clear (CepaLoadSupplement *self);

/**
 * cepa_load_cache_async:
 * @flavour: whose files are read
 * @directory: where the cached files are
 * @authorities: (element-type CepaDirectorySource): not changed while the call is under way
 * @now_s: seconds since 1970
 * @supplement: (nullable): goes into the network
 *
 * Reads and checks the cached files. Files that are not there are no problem. Server descriptors were
 * verified before they were kept: their digests are compared with those of the consensus, see
 * cepa_server_descriptor_trust().
 */
void cepa_load_cache_async (const CepaFlavour *flavour, const char *directory, GPtrArray *authorities, gint64 now_s,
                            const CepaLoadSupplement *supplement, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);

/**
 * cepa_load_consensus_async:
 * @flavour: that it must have
 * @text: a consensus as it was fetched, or a diff
 * @base: (nullable): what it may be a diff from
 * @origin: who it is from, for messages
 * @certificates: (element-type CepaKeyCertificate): those that are known
 * @descriptors: (element-type GBytes): texts to take descriptors from, which have been verified
 */
void cepa_load_consensus_async (const CepaFlavour *flavour, GBytes *text, GBytes *base, const char *origin,
                                GPtrArray *authorities, GPtrArray *certificates, GPtrArray *descriptors, gint64 now_s,
                                const CepaLoadSupplement *supplement, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

/**
 * cepa_load_compact_async:
 * @consensus: what is in use
 *
 * Puts the descriptors that @consensus lists into one text, the only one in the result's.
 */
void cepa_load_compact_async (CepaConsensus *consensus, GPtrArray *descriptors, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data);

/**
 * cepa_load_descriptors_async:
 * @flavour: of the descriptors
 * @text: as it was fetched
 * @origin: who it is from, for messages
 * @asked: the digests that were asked for, 32 bytes each. Others are refused
 * @now_s: seconds since 1970
 *
 * Reads descriptors, computes their digests and verifies their signatures. cepa_load_take_found() gives them to a network.
 */
void cepa_load_descriptors_async (const CepaFlavour *flavour, GBytes *text, const char *origin, GBytes *asked,
                                  gint64 now_s, GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer user_data);

/* Returns: (transfer full) (nullable): of any of these; NULL only when cancelled. */
CepaLoadResult *cepa_load_finish (GAsyncResult *result, GError **error);

/**
 * cepa_load_take_found:
 * @result: with descriptors that were found
 * @next: (inout): the first of them that counts, and the first that does not any more; 0 at first
 * @n_max: how many count at most
 * @network: gets those that it wants; one that it has no use for any more is no problem
 * @kept: gets the text of those that were wanted, each behind an annotation that it was listed at @listed_s
 *
 * Returns: how many rows of @network were filled.
 */
guint cepa_load_take_found (const CepaLoadResult *result, guint *next, guint n_max, CepaNetwork *network, GString *kept,
                            gint64 listed_s);

/**
 * cepa_load_add_descriptors:
 * @network: gets those that it wants
 * @text: any number of them, of its flavour, verified before they were kept; what is malformed is passed over
 * @is_mapped: @text is of cepa_file_map(): its pages are given back as they have been read
 * @now_s: seconds since 1970
 *
 * For workers: it takes long.
 */
void cepa_load_add_descriptors (CepaNetwork *network, GBytes *text, gboolean is_mapped, gint64 now_s);

G_END_DECLS
