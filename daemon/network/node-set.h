/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of relays as the user writes them: ExcludeNodes, ExitNodes, NodeFamily and others. */
#pragma once

#include <glib.h>

#include "network/network.h"

G_BEGIN_DECLS

/* Entries of one set; more are refused. */
#define CEPA_NODE_SET_MAX_ENTRIES 100000

/**
 * CepaNodeSet:
 *
 * Relays by fingerprint (`$FP`, `FP`, `FP=nick`, `FP~nick`: the fingerprint counts), by nickname in any case, by country
 * (`{de}`; `{??}`: not known), or by address and port as cepa_address_policy_add() takes them (a bare pattern puts into
 * the set, `accept` takes out what a later pattern would put in). Counted; not changed any more once it is shared.
 */
typedef struct _CepaNodeSet CepaNodeSet;

CepaNodeSet *cepa_node_set_new (void);
CepaNodeSet *cepa_node_set_ref (CepaNodeSet *self);
void cepa_node_set_unref (CepaNodeSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaNodeSet, cepa_node_set_unref)

/**
 * cepa_node_set_add_line:
 * @text: entries with commas between them; blanks around them do not count, nor empty ones
 *
 * Adds what a line says to the lines before it.
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG that shows the entry and says what one may be; the set is as it was then.
 */
gboolean cepa_node_set_add_line (CepaNodeSet *self, const char *text, GError **error);

/* Adds relays whose country is not known ({??}, and {a1} as old files call proxies nobody can place). */
void cepa_node_set_add_unknown_countries (CepaNodeSet *self);

guint cepa_node_set_get_n_entries (const CepaNodeSet *self);

/* Whether it has countries, which need a GeoIP file to mean anything. */
gboolean cepa_node_set_needs_countries (const CepaNodeSet *self);

/* Returns: (transfer full): its countries, each once: two small letters or "??". */
GStrv cepa_node_set_dup_countries (const CepaNodeSet *self);

/* Whether it names relays one by one, by fingerprint or nickname alone. */
gboolean cepa_node_set_is_list (const CepaNodeSet *self);

/**
 * cepa_node_set_contains_relay:
 * @relay: what is known of a relay; an empty nickname and an address of zeros are nobody's
 * @has_countries: whether an empty country means that it is not known; without a GeoIP file it means nothing
 */
gboolean cepa_node_set_contains_relay (const CepaNodeSet *self, const CepaRelay *relay, gboolean has_countries);

/* The same for a relay of @network. O(1) in the set's fingerprints, nicknames and countries, O(n) in its addresses. */
gboolean cepa_node_set_contains (const CepaNodeSet *self, const CepaNetwork *network, guint row);

/**
 * cepa_node_set_mark:
 * @bits: (array): of row N bit N % 8 of byte N / 8: is set for each relay of @network that the set contains
 *
 * The same for all rows at once: O(entries) and some microseconds for a list, O(rows * addresses) for others.
 */
void cepa_node_set_mark (const CepaNodeSet *self, const CepaNetwork *network, guint8 *bits);

G_END_DECLS
