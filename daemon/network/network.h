/* SPDX-License-Identifier: BSD-3-Clause */
/* The verified directory as one compact table: what paths are chosen from. */
#pragma once

#include <cepa/network.h>
#include <glib.h>

#include "netdoc/consensus.h"
#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/**
 * CepaNetwork:
 *
 * One consensus and the microdescriptors that are here for it. The rows are in the consensus' order,
 * ascending by RSA identity. Rows keep their numbers while microdescriptors arrive.
 */
typedef struct _CepaNetwork CepaNetwork;

/* network/annotations.h */
typedef struct _CepaAnnotations CepaAnnotations;
/* network/extras.h */
typedef struct _CepaExtras CepaExtras;

/**
 * cepa_network_new:
 * @consensus: (transfer none): kept by reference
 *
 * Returns: (transfer full): a table with no microdescriptors yet.
 */
CepaNetwork *cepa_network_new (CepaConsensus *consensus);
CepaNetwork *cepa_network_ref (CepaNetwork *self);

/**
 * cepa_network_set_guard_fraction:
 * @use: UseGuardFraction: 0, 1, or -1: as the consensus says, else 0
 *
 * Whether relays that have been guards for a part of the time only weigh accordingly as middles and exits (proposal 236);
 * with the next commit.
 *
 * Returns: whether that is so.
 */
gboolean cepa_network_set_guard_fraction (CepaNetwork *self, gint use);
void cepa_network_unref (CepaNetwork *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaNetwork, cepa_network_unref)

CepaConsensus *cepa_network_get_consensus (const CepaNetwork *self); /* (transfer none) */

/**
 * cepa_network_add_microdescriptor:
 * @microdescriptor: its slices are not kept
 *
 * Fills the rows whose digest the consensus gives as this one's (more than one may share it).
 *
 * Returns: how many rows it filled; 0 when no row wants it.
 */
guint cepa_network_add_microdescriptor (CepaNetwork *self, const CepaMicrodescriptor *microdescriptor);

/* Returns: (transfer full) (element-type guint8[32]): what rows still want, each once, in row order. */
GArray *cepa_network_list_missing (const CepaNetwork *self);

/* Whether some row still wants the microdescriptor with this digest. */
gboolean cepa_network_wants (const CepaNetwork *self, const guint8 digest[32]);

/**
 * cepa_network_commit:
 *
 * Call when a batch of microdescriptors has been added: computes weights and families, and gives the
 * table its version, a number of its content.
 */
void cepa_network_commit (CepaNetwork *self);

/**
 * cepa_network_annotate:
 * @annotations: (transfer full): of this network
 *
 * Countries, autonomous systems and side tables are what @annotations say; in force with the next commit.
 */
void cepa_network_annotate (CepaNetwork *self, CepaAnnotations *annotations);

/* Returns: (transfer none) (nullable): what the annotations are made of; NULL when there are none. */
const CepaExtras *cepa_network_get_extras (const CepaNetwork *self);

/* Whether an empty CepaRelay.country means that it is not known; without a GeoIP file it means nothing. */
gboolean cepa_network_has_countries (const CepaNetwork *self);

/**
 * cepa_network_set_node_families:
 * @sets: (nullable) (element-type CepaNodeSet): NodeFamily lines: relays of one set are of one family. Kept by
 *   reference, not changed any more
 *
 * In force with the next commit.
 */
void cepa_network_set_node_families (CepaNetwork *self, GPtrArray *sets);

/**
 * cepa_network_mark_nicknames:
 * @nicknames: (element-type utf8): its keys, in any case
 * @bits: (array): as of cepa_node_set_mark()
 */
void cepa_network_mark_nicknames (const CepaNetwork *self, GHashTable *nicknames, guint8 *bits);

/* Returns: (transfer none) (nullable): what was set. */
GPtrArray *cepa_network_get_node_families (const CepaNetwork *self);

/* Returns: (transfer none): the table for plugins; changes at cepa_network_add_microdescriptor and commit,
   its weights, families and version only at commit: no plugin may see it in between. */
const CepaNetworkView *cepa_network_get_view (const CepaNetwork *self);

guint cepa_network_get_n_relays (const CepaNetwork *self);
const CepaRelay *cepa_network_get_relay (const CepaNetwork *self, guint row); /* (transfer none) */

/**
 * cepa_network_get_consensus_weight:
 *
 * Returns: bandwidth times the consensus' weights for @place, whether or not its microdescriptor is here: for choices that
 * whoever serves microdescriptors must not sway. 0 when the relay does not fit the place. Below 2^59.
 */
guint64 cepa_network_get_consensus_weight (const CepaNetwork *self, guint row, CepaPlace place);

/* Returns: the row of the relay with this RSA identity, -1 when there is none. */
gint cepa_network_find (const CepaNetwork *self, const guint8 rsa_id[20]);

/* Returns: (transfer none): the ntor onion key (32 bytes) of a row that has CEPA_RELAY_HAS_KEYS. */
const guint8 *cepa_network_get_ntor_key (const CepaNetwork *self, guint row);

/* Whether both rows declare each other as family, have a family id in common, or are of one of the user's families
   (NodeFamily); a row is of its own. */
gboolean cepa_network_same_family (const CepaNetwork *self, guint a, guint b);

/* Whether both rows have IPv4 addresses in one /16, or IPv6 addresses in one /32. */
gboolean cepa_network_same_subnet (const CepaNetwork *self, guint a, guint b);

/* Whether @row's policy summary lets streams to @port through; port 0 asks for any port at all. */
gboolean cepa_network_exit_allows (const CepaNetwork *self, guint row, guint16 port, gboolean ipv6);

/**
 * cepa_network_usable_fraction:
 *
 * The share of guard, middle and exit bandwidth weight for which microdescriptors are here, multiplied: how
 * likely a path drawn by weight can be built (dir-spec, C Tor's "frac_paths_available"). Without any exit in
 * the consensus, exits are left out of the product.
 *
 * Returns: 0.0 to 1.0
 */
double cepa_network_usable_fraction (const CepaNetwork *self);

G_END_DECLS
