/* SPDX-License-Identifier: BSD-3-Clause */
/* When directory documents are asked for, and how many in one request (dir-spec: "Client operation"). No I/O. */
#pragma once

#include <glib.h>

#include "base/random.h"

G_BEGIN_DECLS

/* Microdescriptors in one request, and requests that they are spread over: C Tor's numbers. Server descriptors are large
   and cost time to verify: no more of them than C Tor asks for without a circuit. */
#define CEPA_SCHEDULE_MAX_BATCH 500
#define CEPA_SCHEDULE_MAX_SERVER_BATCH 96
#define CEPA_SCHEDULE_MIN_BATCH 32
#define CEPA_SCHEDULE_MIN_REQUESTS 3

/* So few missing ones wait for more, once there are enough to build circuits. */
#define CEPA_SCHEDULE_FEW 16

/**
 * CepaBackoffRange:
 * @min_us: the shortest wait
 * @unit_us: what a wait of 0 counts as
 * @max_us: waits grow up to this
 */
typedef struct
{
  gint64 min_us, unit_us, max_us;
} CepaBackoffRange;

/**
 * CepaBackoff:
 * @due_us: monotonic: not before this
 * @delay_us: the last wait
 * @n: tries, or failures, since the last reset
 *
 * Waits that grow by chance: each is drawn between the shortest and three times the last ("decorrelated jitter", what
 * C Tor does), so that clients that failed together do not come back together.
 */
typedef struct
{
  gint64 due_us, delay_us;
  guint n;
} CepaBackoff;

void cepa_backoff_reset (CepaBackoff *self, gint64 due_us);

/* One more try or failure at @now_us: draws the next wait. */
void cepa_backoff_count (CepaBackoff *self, const CepaBackoffRange *range, gint64 now_us, CepaRandom *random);

/* How early the next consensus is asked for. */
typedef enum
{
  CEPA_SCHEDULE_CLIENT,      /* when the caches have had the time to get it */
  CEPA_SCHEDULE_EARLY,       /* FetchDirInfoEarly: as a cache */
  CEPA_SCHEDULE_EXTRA_EARLY, /* FetchDirInfoExtraEarly: within a minute */
} CepaScheduleHaste;

/**
 * cepa_schedule_next_consensus_s:
 * @after_s: @fresh_s: @until_s: of the consensus in use: ascending
 *
 * A client asks after three quarters of an interval beyond fresh-until, at a time drawn over seven eighths of what is
 * left of its life (C Tor's, ctor.md D5).
 *
 * Returns: seconds since 1970
 */
gint64 cepa_schedule_next_consensus_s (gint64 after_s, gint64 fresh_s, gint64 until_s, CepaScheduleHaste haste,
                                       CepaRandom *random);

/* Returns: how many descriptors go into each request when @n_missing are missing, at most @max. */
guint cepa_schedule_batch (guint n_missing, guint max);

G_END_DECLS
