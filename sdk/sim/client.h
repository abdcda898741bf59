/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated user's client: the guards that it keeps. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "network/network.h"

G_BEGIN_DECLS

typedef struct _CepaSimClient CepaSimClient;

/**
 * cepa_sim_client_new:
 * @clock: (transfer none): outlives it
 * @seed: @number: of its chance: the same client keeps the same guards whoever is simulated beside it
 * @keeps_guards: as a daemon with C Tor's defaults; FALSE: any Guard may be first (UseEntryGuards 0)
 */
CepaSimClient *cepa_sim_client_new (const CepaClock *clock, guint64 seed, guint64 number, gboolean keeps_guards);
void cepa_sim_client_free (CepaSimClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimClient, cepa_sim_client_free)

/* @network: (transfer none): the directory from now on, kept by reference. */
void cepa_sim_client_set_network (CepaSimClient *self, CepaNetwork *network);

/**
 * cepa_sim_client_list_guards:
 * @rows: (out) (transfer none) (nullable): for CepaPathRequest.guards, until the next call; NULL: it keeps none
 *
 * Returns: FALSE when it keeps guards and none is usable.
 */
gboolean cepa_sim_client_list_guards (CepaSimClient *self, const guint32 **rows, guint *n);

/**
 * cepa_sim_client_built:
 * @guard: @exit: rows
 * @number: of @guard, in CepaSimScene.numbers
 *
 * A circuit over them was built, as every one is here.
 *
 * Returns: whether this relay is the client's guard for the first time.
 */
gboolean cepa_sim_client_built (CepaSimClient *self, guint32 guard, guint32 exit, guint32 number);

/* Returns: the number of the next stream, from 0. */
guint64 cepa_sim_client_next_stream (CepaSimClient *self);

G_END_DECLS
