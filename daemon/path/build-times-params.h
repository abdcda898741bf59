/* SPDX-License-Identifier: BSD-3-Clause */
/* What the consensus says of build times. */
#pragma once

#include <glib.h>

#include "netdoc/consensus.h"

G_BEGIN_DECLS

/* Width of what is told apart when the most frequent times are looked for, milliseconds. */
#define CEPA_BUILD_TIMES_BIN_MS 10
#define CEPA_BUILD_TIMES_MAX_MODES 20
#define CEPA_BUILD_TIMES_MAX_RECENT 1000

/**
 * CepaBuildTimesParams:
 * @is_disabled: cbtdisabled
 * @quantile: @close_quantile: cbtquantile, cbtclosequantile: percent of circuits that are to be built before they are
 *   given up, and before they are closed
 * @min_circuits: cbtmincircs: times that it takes for an estimate
 * @initial_ms: @min_ms: cbtinitialtimeout, cbtmintimeout
 * @max_timeouts: @recent_count: cbtmaxtimeouts of the last cbtrecentcount circuits that time out after their first hop
 *   make all that was learned void
 * @n_modes: cbtnummodes: the most frequent times whose mean is where the Pareto curve begins
 * @test_freq_s: cbttestfreq: seconds between circuits that are built for the sake of learning
 * @max_open: cbtmaxopencircs: clean circuits above which none of those is built
 * @learn_timeout_s: cbtlearntimeout: seconds that a clean circuit is kept while learning
 *
 * The consensus parameters, within the limits of C Tor.
 */
typedef struct
{
  gboolean is_disabled;
  guint quantile, close_quantile;
  guint min_circuits;
  guint initial_ms, min_ms;
  guint max_timeouts, recent_count;
  guint n_modes;
  guint test_freq_s, max_open, learn_timeout_s;
} CepaBuildTimesParams;

/* @consensus: (nullable): NULL gives the defaults. */
void cepa_build_times_params_init (CepaBuildTimesParams *self, const CepaConsensus *consensus);

G_END_DECLS
