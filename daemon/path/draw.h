/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws paths by a policy's weights: the policy says how likely each relay is, the core keeps the rules. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "base/random.h"
#include "path/policy.h"

G_BEGIN_DECLS

/**
 * CepaPathDraw:
 *
 * The tables of one policy's weights: of the relays that keep the rules of a place, for the last kinds of request
 * (purpose, n_hops, flags, port, barred_id) that were asked for. They are made when first needed, and again for another
 * version of the view.
 */
typedef struct _CepaPathDraw CepaPathDraw;

/* @policy: (transfer none): it has weigh */
CepaPathDraw *cepa_path_draw_new (CepaPathPolicy *policy);
CepaPathDraw *cepa_path_draw_ref (CepaPathDraw *self);
void cepa_path_draw_unref (CepaPathDraw *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPathDraw, cepa_path_draw_unref)

/* The policy is going away: it is not asked any more, also by a draw that is being made. */
void cepa_path_draw_detach (CepaPathDraw *self);

/**
 * cepa_path_draw_run:
 * @request: of 1 to CEPA_PATH_MAX_HOPS hops
 * @path: (out): keeps every rule of cepa_path_check()
 *
 * Takes the settled relays, then draws the last, then the first, then those between in their order: each with a chance
 * in proportion to its weight among those that keep the rules beside the relays taken before it, and leave a path
 * possible. A relay without weight is never drawn. Where the request has guards, the first relay is the first of them
 * of whom this holds, and no weight counts. O(log n) but when few relays fit, when all with a weight are looked at.
 *
 * Returns: FALSE with CEPA_ERROR_NO_PATH and what is lacking; or with the policy's error.
 */
gboolean cepa_path_draw_run (CepaPathDraw *self, const CepaNetworkView *view, CepaRandom *random,
                             const CepaPathRequest *request, CepaPath *path, GError **error);

G_END_DECLS
