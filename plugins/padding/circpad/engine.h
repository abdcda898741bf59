/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine at work on one circuit. */
#pragma once

#include "spec.h"

G_BEGIN_DECLS

typedef struct _CepaCircpadEngine CepaCircpadEngine;

/* @spec: @host: outlive it */
CepaCircpadEngine *cepa_circpad_engine_new (const CepaCircpadSpec *spec, const CepaHost *host);
void cepa_circpad_engine_free (CepaCircpadEngine *self);

guint32 cepa_circpad_engine_trigger (CepaCircpadEngine *self, const CepaPaddingEvent *events, guint32 n_events,
                                     gint64 now_us, CepaPaddingAction *actions, guint32 max_actions);

/* For tests: the name of the state, "end"; tokens of a bin, the one behind the last is infinity. */
const char *cepa_circpad_engine_get_state (const CepaCircpadEngine *self);
guint32 cepa_circpad_engine_get_tokens (const CepaCircpadEngine *self, guint bin);

/* Returns: a draw, never below 0. */
double cepa_circpad_distribution_draw (const CepaCircpadDistribution *self, const CepaHost *host);

G_END_DECLS
