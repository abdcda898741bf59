/* SPDX-License-Identifier: BSD-3-Clause */
/* How long circuits take to be built, and how long to wait for one (path-spec: learning when to give up on slow
   circuits). Pure: the caller says what happened and when. */
#pragma once

#include <glib.h>

#include "base/random.h"
#include "path/build-times-params.h"

G_BEGIN_DECLS

/* Times that are remembered; older ones go. */
#define CEPA_BUILD_TIMES_MAX 1000
/* So many new times are worth a write of the state file. */
#define CEPA_BUILD_TIMES_KEEP_EVERY 10

/* What a circuit is for, as far as the time that it may take goes. */
typedef enum
{
  CEPA_BUILD_TIMES_GENERAL,       /* three hops, or one */
  CEPA_BUILD_TIMES_FOUR_HOPS,     /* four and more */
  CEPA_BUILD_TIMES_CLIENT_INTRO,
  CEPA_BUILD_TIMES_SERVICE_INTRO,
  CEPA_BUILD_TIMES_RENDEZVOUS,    /* until the service is there */
  CEPA_BUILD_TIMES_CANNIBALISED,  /* a built one that is extended once more */
} CepaBuildTimesKind;

typedef enum
{
  CEPA_BUILD_TIMES_COMPUTED, /* from what was measured */
  CEPA_BUILD_TIMES_RESET,    /* what was measured is void */
  CEPA_BUILD_TIMES_GROWN,    /* enough was measured to be kept anew; the timeout is the same */
} CepaBuildTimesChange;

/* How things stand, for who watches. */
typedef struct
{
  guint n_times;
  guint timeout_ms, close_ms;
  guint xm_ms; /* where the curve begins; 0 before it was computed */
  double alpha;
  double quantile; /* of the timeout; 1 after a reset */
  double timeout_rate, close_rate; /* of all circuits */
} CepaBuildTimesFigures;

/* Something has changed. */
typedef void (*CepaBuildTimesFunc) (gpointer user_data, CepaBuildTimesChange change,
                                    const CepaBuildTimesFigures *figures);

typedef struct _CepaBuildTimes CepaBuildTimes;

/**
 * cepa_build_times_new:
 * @learns: option LearnCircuitBuildTimeout
 * @fixed_ms: option CircuitBuildTimeout: the timeout before one is learned, or when none is; 0: the consensus says
 * @changed: (nullable)
 */
CepaBuildTimes *cepa_build_times_new (gboolean learns, guint fixed_ms, CepaBuildTimesFunc changed, gpointer user_data);
void cepa_build_times_free (CepaBuildTimes *self);

/* Of another consensus. */
void cepa_build_times_set_params (CepaBuildTimes *self, const CepaBuildTimesParams *params);
const CepaBuildTimesParams *cepa_build_times_get_params (const CepaBuildTimes *self); /* (transfer none) */

/* The state file cannot be written: nothing is learned until it can. */
void cepa_build_times_set_is_lost (CepaBuildTimes *self, gboolean is_lost);

/* Whether times are recorded at all; and whether there are too few for an estimate yet. */
gboolean cepa_build_times_is_enabled (const CepaBuildTimes *self);
gboolean cepa_build_times_is_learning (const CepaBuildTimes *self);

/* After this a circuit of the kind is too slow to be used; after cepa_build_times_get_close_us() not even measured. */
gint64 cepa_build_times_get_timeout_us (const CepaBuildTimes *self, CepaBuildTimesKind kind);
gint64 cepa_build_times_get_close_us (const CepaBuildTimes *self);

/**
 * cepa_build_times_note_live:
 * @when_us: monotonic: when the last cell came from a relay, as far as is known
 *
 * Call it before the others: what happens while nothing comes at all says nothing about circuits.
 */
void cepa_build_times_note_live (CepaBuildTimes *self, gint64 when_us);

/**
 * cepa_build_times_note_built:
 * @took_us: from the first cell of a circuit until its third hop was there
 * @was_late: cepa_build_times_note_timeout() was called for it before
 */
void cepa_build_times_note_built (CepaBuildTimes *self, gint64 took_us, gboolean was_late);

/* A circuit has taken longer than the timeout. @beyond_first: its first hop is there. */
void cepa_build_times_note_timeout (CepaBuildTimes *self, gboolean beyond_first);

/**
 * cepa_build_times_note_close:
 * @begun_us: monotonic: when its first cell was sent
 * @took_us: since then
 *
 * A circuit has taken so long that its time is not measured to the end; it counts as longer than any.
 */
void cepa_build_times_note_close (CepaBuildTimes *self, gint64 begun_us, gint64 took_us);

/* Forgets every time (C Tor's DROPTIMEOUTS): the timeout is what it is before anything is learned. */
void cepa_build_times_drop (CepaBuildTimes *self);

void cepa_build_times_get_figures (const CepaBuildTimes *self, CepaBuildTimesFigures *out);

/* Returns: (transfer floating): "a{sv}": what is remembered, as a histogram, for the state file. */
GVariant *cepa_build_times_to_variant (const CepaBuildTimes *self);

/**
 * cepa_build_times_from_variant:
 * @random: for the order, which a histogram does not have
 *
 * Takes what cepa_build_times_to_variant() gave in the place of what is remembered.
 *
 * Returns: FALSE with CEPA_ERROR_FILE when it is of another form or contradicts itself; nothing has changed then.
 */
gboolean cepa_build_times_from_variant (CepaBuildTimes *self, GVariant *variant, CepaRandom *random, GError **error);

G_END_DECLS
