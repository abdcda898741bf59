/* SPDX-License-Identifier: BSD-3-Clause */
/* The one clock, handed to whatever needs a time: the system's in the daemon, a set one in tests. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CepaClock:
 * @monotonic_us: microseconds that never go back; for timers
 * @wall_s: seconds since 1970 UTC; for documents and certificates
 * @wall_us: (nullable): the same in microseconds; for what people are shown
 *
 * The caller keeps it alive as long as whatever was given it.
 */
typedef struct _CepaClock CepaClock;
struct _CepaClock
{
  gint64 (*monotonic_us) (const CepaClock *self);
  gint64 (*wall_s) (const CepaClock *self);
  gint64 (*wall_us) (const CepaClock *self);
};

/* Returns: (transfer none): the system's clock. */
const CepaClock *cepa_clock_system (void);

static inline gint64
cepa_clock_monotonic_us (const CepaClock *self)
{
  return self->monotonic_us (self);
}

static inline gint64
cepa_clock_wall_s (const CepaClock *self)
{
  return self->wall_s (self);
}

static inline gint64
cepa_clock_wall_us (const CepaClock *self)
{
  return self->wall_us != NULL ? self->wall_us (self) : self->wall_s (self) * G_USEC_PER_SEC;
}

/**
 * CepaClockFake:
 *
 * A clock whose times are its fields: set them.
 */
typedef struct
{
  CepaClock clock;
  gint64 monotonic_us;
  gint64 wall_s;
} CepaClockFake;

void cepa_clock_fake_init (CepaClockFake *self, gint64 monotonic_us, gint64 wall_s);

G_END_DECLS
