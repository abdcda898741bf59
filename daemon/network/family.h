/* SPDX-License-Identifier: BSD-3-Clause */
/* Which relays say that they are run by the same people. Private to network. */
#pragma once

#include <cepa/network.h>
#include <glib.h>

#include "netdoc/consensus.h"
#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/* Members of one "family" line that count. Authorities take descriptors of 20,000 bytes: they hold 480. */
#define CEPA_FAMILY_MAX_MEMBERS 1024
/* Words of one "family-ids" line that count. */
#define CEPA_FAMILY_MAX_IDS 256

/**
 * CepaFamilyTable:
 *
 * Two relays are of one family when each declares the other ("family"), unless the consensus parameter
 * use-family-lists is 0; or when they have a family id in common ("family-ids"; the authorities have checked
 * its proof), unless use-family-ids is 0. Neither is transitive, so there are no classes to number: a
 * declaration is kept as the sorted list of whom it names, once for all that declare the same.
 */
typedef struct _CepaFamilyTable CepaFamilyTable;

/* @consensus: (transfer none): must outlive the table. */
CepaFamilyTable *cepa_family_table_new (const CepaConsensus *consensus);
void cepa_family_table_free (CepaFamilyTable *self);

/**
 * cepa_family_table_add:
 * @row: a relay of the consensus that was not added before
 * @family: arguments of "family": `$HEX`, `$HEX=nick`, `$HEX~nick`, `HEX` or a nickname; others do not count
 * @family_ids: arguments of "family-ids"
 */
void cepa_family_table_add (CepaFamilyTable *self, guint row, CepaSlice family, CepaSlice family_ids);

/* Forgets what cepa_family_table_add_group() said. */
void cepa_family_table_clear_groups (CepaFamilyTable *self);

/* The user says that these are of one family, each with each. @bits: (transfer full): n_relays / 8 + 1 bytes with a bit for
   each row, the lowest first */
void cepa_family_table_add_group (CepaFamilyTable *self, guint8 *bits);

/* Sets in @bits those of the rows whose nickname is a key of @nicknames, in any case. */
void cepa_family_table_mark_names (const CepaFamilyTable *self, GHashTable *nicknames, guint8 *bits);

/* Whether @a and @b are of one family; a row is of its own. */
gboolean cepa_family_table_same (const CepaFamilyTable *self, guint a, guint b);

/**
 * cepa_family_table_number:
 * @relays: (array): the rows of the consensus
 *
 * Sets their @family: 0 for a row whose family has nobody else, otherwise a number that everyone of its
 * family has, and perhaps others.
 */
void cepa_family_table_number (CepaFamilyTable *self, CepaRelay *relays);

G_END_DECLS
