/* SPDX-License-Identifier: BSD-3-Clause */
/* A made-up table of relays for tests of plugins. */
#pragma once

#include <cepa/network.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaFakeNetwork CepaFakeNetwork;

/**
 * cepa_fake_network_new:
 * @seed: the same one makes the same relays
 * @n_relays: up to 8 of them are all good for everything; of more, some lack flags, keys, an open exit policy
 * @is_newer: rows, and the view itself, are greater than this header's, as a newer host's would be
 *
 * There are numbers for every column of every side table, of three relays in four. There are families (not transitive: some of one number are not of one family), relays in one subnet, IPv6, exit
 * policies from none to all.
 */
CepaFakeNetwork *cepa_fake_network_new (guint64 seed, guint n_relays, gboolean is_newer);
void cepa_fake_network_free (CepaFakeNetwork *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaFakeNetwork, cepa_fake_network_free)

/* Returns: (transfer none): what plugins get; valid as long as the network. */
const CepaNetworkView *cepa_fake_network_get_view (CepaFakeNetwork *self);

/* Returns: (transfer none): a row, to be changed; followed by cepa_fake_network_touch(). */
CepaRelay *cepa_fake_network_edit_relay (CepaFakeNetwork *self, guint row);

/* Gives the view another version, as when anything in it has changed. */
void cepa_fake_network_touch (CepaFakeNetwork *self);

/* Sets a consensus parameter. */
void cepa_fake_network_set_param (CepaFakeNetwork *self, const char *name, gint32 value);

/* Takes the view's functions away, as of a host that does not have them. */
void cepa_fake_network_omit_functions (CepaFakeNetwork *self);

/* Returns: (transfer none) (nullable): a sentence about a call with arguments that there are not, or a row that was
   written to. */
const char *cepa_fake_network_get_fault (CepaFakeNetwork *self);

G_END_DECLS
