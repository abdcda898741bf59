/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths in which each relay that fits has the same chance. */
#pragma once

#include <cepa/path.h>

G_BEGIN_DECLS

/**
 * cepa_uniform_weigh:
 * @weights: (out) (array length=view->n_relays): as CepaPathTable.weigh
 *
 * Gives every relay the weight 1. Which of them fit the place and the request is the core's work.
 */
void cepa_uniform_weigh (const CepaNetworkView *view, uint32_t *weights);

G_END_DECLS
