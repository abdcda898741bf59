/* SPDX-License-Identifier: BSD-3-Clause */
/* A picture: how often each relay was drawn, against its weight. */
#pragma once

#include <glib.h>

#include "report.h"

G_BEGIN_DECLS

/**
 * cepa_sim_plot:
 *
 * Returns: (transfer full): SVG with a panel for each place: the share of the draws over the share by weight, both
 * logarithmic; the line where they are equal, and the two between which 95 % of the relays of draws by weight alone would
 * be. Relays with a weight that were never drawn are at the bottom. Points that would cover each other are one.
 */
GString *cepa_sim_plot (const CepaSimReport *report);

G_END_DECLS
