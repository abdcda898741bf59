/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"

static gint64
clock_system_monotonic_us (G_GNUC_UNUSED const CepaClock *self)
{
  return g_get_monotonic_time ();
}

static gint64
clock_system_wall_s (G_GNUC_UNUSED const CepaClock *self)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static gint64
clock_system_wall_us (G_GNUC_UNUSED const CepaClock *self)
{
  return g_get_real_time ();
}

const CepaClock *
cepa_clock_system (void)
{
  static const CepaClock clock = { clock_system_monotonic_us, clock_system_wall_s, clock_system_wall_us };

  return &clock;
}

static gint64
clock_fake_monotonic_us (const CepaClock *self)
{
  return ((const CepaClockFake *) self)->monotonic_us;
}

static gint64
clock_fake_wall_s (const CepaClock *self)
{
  return ((const CepaClockFake *) self)->wall_s;
}

void
cepa_clock_fake_init (CepaClockFake *self, gint64 monotonic_us, gint64 wall_s)
{
  self->clock.monotonic_us = clock_fake_monotonic_us;
  self->clock.wall_s = clock_fake_wall_s;
  self->clock.wall_us = NULL;
  self->monotonic_us = monotonic_us;
  self->wall_s = wall_s;
}
