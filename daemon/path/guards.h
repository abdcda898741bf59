/* SPDX-License-Identifier: BSD-3-Clause */
/* Which relays a client goes through first: few, and the same for months (guard-spec, which is proposal 271; proposal 310
   for the order). A state machine without I/O: times, randomness and the network are handed in. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "network/network.h"
#include "path/guard-info.h"
#include "path/guard-ticket.h"
#include "path/guards-keep.h"

G_BEGIN_DECLS

/**
 * CepaGuardsConfig:
 *
 * The user's options. Numbers of 0 are as the consensus says.
 */
typedef struct
{
  gboolean use_entry_guards; /* FALSE: no guards are kept: any relay with the Guard flag may be first */
  gboolean use_bridges;
  guint n_entry_guards;      /* NumEntryGuards: how many primary guards circuits are spread over */
  guint n_directory_guards;  /* NumDirectoryGuards: and requests for directory documents */
  guint n_primary_guards;    /* NumPrimaryGuards */
  gint64 lifetime_s;         /* GuardLifetime */
  CepaPathBiasConfig path_bias;
} CepaGuardsConfig;

/* C Tor's defaults. */
void cepa_guards_config_init (CepaGuardsConfig *self);

/**
 * CepaGuardsFuncs:
 * @changed: (nullable): what cepa_guards_to_variant() gives is another; to be saved some time
 * @event: (nullable): something happened to a guard
 * @switched: (nullable): another set is in use: no circuit that there is may take new streams
 *
 * Called in the middle of things: look, note, and come back.
 */
typedef struct
{
  void (*changed) (gpointer user_data);
  void (*event) (gpointer user_data, CepaGuardEvent event, const CepaGuardInfo *guard);
  void (*switched) (gpointer user_data);
} CepaGuardsFuncs;

/**
 * cepa_guards_new:
 * @clock: @random: (transfer none): outlive it
 * @config: copied
 *
 * Returns: (transfer full): no guards yet: give it what was kept (cepa_guards_from_variant()), then a network.
 */
CepaGuards *cepa_guards_new (const CepaClock *clock, CepaRandom *random, const CepaGuardsConfig *config);

/* Its tickets may live on: they are good for nothing then but to be freed. */
void cepa_guards_free (CepaGuards *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaGuards, cepa_guards_free)

/* @funcs: (transfer none): a table of constants */
void cepa_guards_set_funcs (CepaGuards *self, const CepaGuardsFuncs *funcs, gpointer user_data);

/* Other options in place of the former: filters, sizes and limits follow. */
void cepa_guards_set_config (CepaGuards *self, const CepaGuardsConfig *config);

/**
 * cepa_guards_set_network:
 * @network: (transfer none) (nullable): kept by reference; committed
 * @barred: (nullable) (array): bits of CepaPlace by row, as CepaPathRequest.barred; copied. Rows whose bit for
 *   CEPA_PLACE_GUARD is set are filtered out: ExcludeNodes, EntryNodes, addresses that cannot be reached
 *
 * A new consensus, more microdescriptors, or other restrictions: chooses the set to use, notes who is listed, drops who is
 * too old, samples. An expired consensus of more than a day changes nothing in the sets (C Tor's "reasonably live").
 */
void cepa_guards_set_network (CepaGuards *self, CepaNetwork *network, const guint8 *barred);

/* The user's bridges, in place of the former; copied. */
void cepa_guards_set_bridges (CepaGuards *self, const CepaGuardBridge *bridges, guint n_bridges);

/* Returns: (transfer none): of the set in use. */
CepaGuardsSelection cepa_guards_get_selection (const CepaGuards *self);

typedef void (*CepaGuardsEachFunc) (gpointer user_data, const CepaGuardInfo *guard);

/* Calls @func for every guard of every set, those of the set in use first, each in sample order. */
void cepa_guards_foreach (CepaGuards *self, CepaGuardsEachFunc func, gpointer user_data);

/* Forgets every guard, and samples anew (C Tor's DROPGUARDS): it costs the user much of what guards are for. */
void cepa_guards_drop_all (CepaGuards *self);

G_END_DECLS
