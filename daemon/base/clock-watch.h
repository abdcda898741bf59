/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells when the computer's clock was set, or the computer slept: what was planned by the time of day is wrong then. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaClockWatch CepaClockWatch;

/* @jump_s: how far the time of day went on beyond the time that timers saw go by, seconds; negative: it was set back. */
typedef void (*CepaClockWatchFunc) (gpointer user_data, gint64 jump_s);

/**
 * cepa_clock_watch_new:
 *
 * The kernel tells it: nothing is polled.
 *
 * Returns: (transfer full) (nullable): NULL where the kernel cannot.
 */
CepaClockWatch *cepa_clock_watch_new (GMainContext *context, CepaClockWatchFunc func, gpointer user_data);
void cepa_clock_watch_free (CepaClockWatch *self);

G_END_DECLS
