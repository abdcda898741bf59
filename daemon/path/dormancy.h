/* SPDX-License-Identifier: BSD-3-Clause */
/* Dormant mode: a client that nobody has used for long leaves the network alone until somebody does. */
#pragma once

#include <glib.h>

#include "base/clock.h"

G_BEGIN_DECLS

/**
 * CepaDormancyConfig:
 * @timeout_us: DormantClientTimeout
 * @is_enabled: DormantTimeoutEnabled: whether that time makes it dormant
 * @streams_count: DormantTimeoutDisabledByIdleStreams: an open stream is use, even when nothing moves on it
 * @is_on_first_start: DormantOnFirstStartup
 * @is_cancelled_by_start: DormantCanceledByStartup
 */
typedef struct
{
  gint64 timeout_us;
  gboolean is_enabled, streams_count, is_on_first_start, is_cancelled_by_start;
} CepaDormancyConfig;

/* C Tor's defaults. */
#define CEPA_DORMANCY_CONFIG_INIT { G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC, TRUE, TRUE, FALSE, FALSE }

/**
 * CepaDormancyFuncs:
 * @changed: it is dormant now, or awake
 * @has_streams: whether an application has a stream open
 */
typedef struct
{
  void (*changed) (gpointer user_data, gboolean is_dormant);
  gboolean (*has_streams) (gpointer user_data);
  gpointer user_data;
} CepaDormancyFuncs;

typedef struct _CepaDormancy CepaDormancy;

/**
 * cepa_dormancy_new:
 * @kept: (nullable): what cepa_dormancy_to_variant() gave in the last run; NULL in the first
 *
 * @funcs->changed is not called for how it begins: ask cepa_dormancy_is_dormant().
 */
CepaDormancy *cepa_dormancy_new (GMainContext *context, const CepaClock *clock, const CepaDormancyConfig *config,
                                 GVariant *kept, const CepaDormancyFuncs *funcs);
void cepa_dormancy_free (CepaDormancy *self);

gboolean cepa_dormancy_is_dormant (const CepaDormancy *self);

/* Somebody uses the client: it wakes, before this returns. */
void cepa_dormancy_note_use (CepaDormancy *self);

/* A controller says what it is to be. */
void cepa_dormancy_set (CepaDormancy *self, gboolean is_dormant);

/* Returns: (transfer floating): "a{sv}", for the state file. */
GVariant *cepa_dormancy_to_variant (const CepaDormancy *self);

G_END_DECLS
