/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/schedule.h"

/* How long caches are given beyond fresh-until; a sixteenth of the interval where that is less. */
#define SCHEDULE_SLACK_S 120
#define SCHEDULE_EXTRA_EARLY_SPREAD_S 60

void
cepa_backoff_reset (CepaBackoff *self, gint64 due_us)
{
  self->due_us = due_us;
  self->delay_us = 0;
  self->n = 0;
}

void
cepa_backoff_count (CepaBackoff *self, const CepaBackoffRange *range, gint64 now_us, CepaRandom *random)
{
  gint64 low = MAX (range->min_us, range->unit_us);
  gint64 last = MAX (self->delay_us, range->min_us);
  gint64 high = MAX (last < G_MAXINT64 / 3 ? 3 * last : G_MAXINT64, low + range->unit_us);

  self->delay_us = low + (gint64) cepa_random_below (random, (guint64) (high - low));
  /* The longest waits are drawn too. */
  if (self->delay_us > range->max_us)
    self->delay_us = range->max_us / 2 + (gint64) cepa_random_below (random, (guint64) range->max_us / 2 + 1);
  self->due_us = now_us + self->delay_us;
  self->n++;
}

gint64
cepa_schedule_next_consensus_s (gint64 after_s, gint64 fresh_s, gint64 until_s, CepaScheduleHaste haste,
                                CepaRandom *random)
{
  gint64 interval = fresh_s - after_s;
  gint64 slack = CLAMP (interval / 16, 1, SCHEDULE_SLACK_S);
  gint64 start, spread;

  if (haste == CEPA_SCHEDULE_CLIENT)
    {
      start = fresh_s + interval * 3 / 4;
      spread = (until_s - start) * 7 / 8;
    }
  else
    {
      start = fresh_s + slack;
      spread = interval / 2;
      if (haste == CEPA_SCHEDULE_EXTRA_EARLY && slack + SCHEDULE_EXTRA_EARLY_SPREAD_S <= interval)
        spread = SCHEDULE_EXTRA_EARLY_SPREAD_S;
    }
  spread = MAX (spread, 1);
  /* In networks that vote every few seconds. */
  if (start + spread >= until_s)
    start = MAX (until_s - spread - 1, fresh_s);
  spread = CLAMP (until_s - start, 1, spread);
  return start + (gint64) cepa_random_below (random, (guint64) spread);
}

guint
cepa_schedule_batch (guint n_missing, guint max)
{
  guint even = (n_missing + CEPA_SCHEDULE_MIN_REQUESTS - 1) / CEPA_SCHEDULE_MIN_REQUESTS;

  return CLAMP (even, CEPA_SCHEDULE_MIN_BATCH, max);
}
