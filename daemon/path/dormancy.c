/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/dormancy.h"

#include "base/log.h"
#include "base/loop.h"

#define DORMANCY_MINUTE_US (60 * G_USEC_PER_SEC)

struct _CepaDormancy
{
  const CepaClock *clock;
  CepaDormancyConfig config;
  CepaDormancyFuncs funcs;
  CepaLoopWatch *timer;
  gint64 used_us; /* monotonic; may lie before the clock began */
  gboolean is_dormant;
};

static void
dormancy_plan (CepaDormancy *self)
{
  gint64 left = self->used_us + self->config.timeout_us - cepa_clock_monotonic_us (self->clock);

  cepa_loop_set_delay (self->timer, self->is_dormant || !self->config.is_enabled ? -1 : MAX (left, 0));
}

static void
dormancy_become (CepaDormancy *self, gboolean is_dormant)
{
  if (self->is_dormant == is_dormant)
    return;
  self->is_dormant = is_dormant;
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE,
            is_dormant ? "Going dormant: no circuits and no directory requests until somebody uses Tor."
                       : "Awake: Tor is used again.");
  dormancy_plan (self);
  self->funcs.changed (self->funcs.user_data, is_dormant);
}

/* With no use of it, the timer is set once for the whole time: noting use only notes it. */
static void
dormancy_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaDormancy *self = user_data;
  gint64 now = cepa_clock_monotonic_us (self->clock);

  if (self->config.streams_count && self->funcs.has_streams (self->funcs.user_data))
    self->used_us = now;
  if (now - self->used_us >= self->config.timeout_us)
    dormancy_become (self, TRUE);
  else
    dormancy_plan (self);
}

/* What the last run left. A state file that says something else is as none. */
static void
dormancy_take (CepaDormancy *self, GVariant *kept)
{
  gint64 was_dormant = 0, idle_minutes = 0;
  gint64 most = self->config.timeout_us / DORMANCY_MINUTE_US;

  if (kept == NULL || !g_variant_lookup (kept, "is-dormant", "x", &was_dormant)
      || !g_variant_lookup (kept, "idle-minutes", "x", &idle_minutes))
    {
      self->is_dormant = self->config.is_on_first_start && !self->config.is_cancelled_by_start;
      return;
    }
  if (self->config.is_cancelled_by_start)
    return;
  self->is_dormant = was_dormant != 0;
  self->used_us -= CLAMP (idle_minutes, 0, most) * DORMANCY_MINUTE_US;
}

CepaDormancy *
cepa_dormancy_new (GMainContext *context, const CepaClock *clock, const CepaDormancyConfig *config, GVariant *kept,
                   const CepaDormancyFuncs *funcs)
{
  CepaDormancy *self = g_new0 (CepaDormancy, 1);

  self->clock = clock;
  self->config = *config;
  self->funcs = *funcs;
  self->used_us = cepa_clock_monotonic_us (clock);
  self->timer = cepa_loop_watch_fd (context, -1, "dormancy", dormancy_timer, self);
  dormancy_take (self, kept);
  dormancy_plan (self);
  return self;
}

void
cepa_dormancy_free (CepaDormancy *self)
{
  if (self == NULL)
    return;
  cepa_loop_clear (&self->timer);
  g_free (self);
}

gboolean
cepa_dormancy_is_dormant (const CepaDormancy *self)
{
  return self->is_dormant;
}

void
cepa_dormancy_note_use (CepaDormancy *self)
{
  self->used_us = cepa_clock_monotonic_us (self->clock);
  dormancy_become (self, FALSE);
}

void
cepa_dormancy_set (CepaDormancy *self, gboolean is_dormant)
{
  if (is_dormant)
    dormancy_become (self, TRUE);
  else
    cepa_dormancy_note_use (self);
}

GVariant *
cepa_dormancy_to_variant (const CepaDormancy *self)
{
  gint64 idle_us = cepa_clock_monotonic_us (self->clock) - self->used_us;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&out, "{sv}", "is-dormant", g_variant_new_int64 (self->is_dormant));
  g_variant_builder_add (&out, "{sv}", "idle-minutes", g_variant_new_int64 (idle_us / DORMANCY_MINUTE_US));
  return g_variant_builder_end (&out);
}
