/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths whose relays are drawn by the consensus' bandwidth weights. */
#pragma once

#include <cepa/path.h>

G_BEGIN_DECLS

typedef struct _CepaWeighted CepaWeighted;

/* @host: must outlive the instance. */
CepaWeighted *cepa_weighted_new (const CepaHost *host);
void cepa_weighted_free (CepaWeighted *self);

/* Makes the tables for @view, unless they are there. O(n). */
void cepa_weighted_prepare (CepaWeighted *self, const CepaNetworkView *view);

/**
 * cepa_weighted_choose:
 * @path: (out): as CepaPathTable.choose_path
 *
 * Draws the guard, then the last relay, then those in between, each with a chance in proportion to its weight
 * for the place among those that fit the request and the relays drawn before it.
 *
 * Returns: FALSE with CEPA_PLUGIN_ERROR_NO_PATH when none fit, CEPA_PLUGIN_ERROR_UNSUPPORTED for a purpose or
 * length that it does not know.
 */
gboolean cepa_weighted_choose (CepaWeighted *self, const CepaNetworkView *view,
                               const CepaPathRequest *request, CepaPath *path, GError **error);

G_END_DECLS
