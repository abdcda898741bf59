/* SPDX-License-Identifier: BSD-3-Clause */
/* Which circuits are likely to be wanted soon: by the ports that were asked for lately, and for onion services. Pure. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"

G_BEGIN_DECLS

/* Clean circuits above which none is built ahead (C Tor's MAX_UNUSED_OPEN_CIRCUITS), and those wanted for each port. */
#define CEPA_PREDICT_MAX_CLEAN 14
#define CEPA_PREDICT_PER_PORT 2
/* Circuits wanted for onion services while they are used (C Tor's SUFFICIENT_INTERNAL_HS_CLIENTS). */
#define CEPA_PREDICT_FOR_ONION 3
/* Ports that are remembered; the one that was used longest ago makes room. */
#define CEPA_PREDICT_MAX_PORTS 64
/* What is predicted at the start, and when somebody comes back after a long time. */
#define CEPA_PREDICT_FIRST_PORT 443

/* What a circuit should be good for. */
typedef struct
{
  guint16 port;
  gboolean ipv6;
  gboolean is_stable; /* for one of LongLivedPorts */
  gboolean is_onion;  /* for onion services: no exit, and nothing of the above */
} CepaPredictNeed;

typedef struct _CepaPredict CepaPredict;

/**
 * cepa_predict_new:
 * @keep_us: for how long a port is predicted after its last use, at least; up to twice as long, drawn anew whenever
 *   nothing was predicted any more: it ends at another time for each
 */
CepaPredict *cepa_predict_new (const CepaClock *clock, CepaRandom *random, gint64 keep_us);
void cepa_predict_free (CepaPredict *self);

/* Another least time; counts from the next draw on. */
void cepa_predict_set_keep (CepaPredict *self, gint64 keep_us);

/* A circuit for this was asked for. */
void cepa_predict_note (CepaPredict *self, const CepaPredictNeed *need);

/* There are no relays for @need: it is not predicted until it is noted again. */
void cepa_predict_forget (CepaPredict *self, const CepaPredictNeed *need);

/* Nothing is predicted until the next use. */
void cepa_predict_forget_all (CepaPredict *self);

/* Returns: when the last prediction ends, microseconds (monotonic); 0: there is none. */
gint64 cepa_predict_get_end_us (CepaPredict *self);

/* Returns: how many clean circuits, ready or on their way, there are for @need. */
typedef guint (*CepaPredictCountFunc) (gpointer user_data, const CepaPredictNeed *need);

/**
 * cepa_predict_next:
 * @n_clean: clean circuits of any kind, ready or on their way
 * @need: (out): what the next circuit should be good for: first all ports, then onion services
 *
 * Returns: FALSE when there are enough of them.
 */
gboolean cepa_predict_next (CepaPredict *self, guint n_clean, CepaPredictCountFunc count, gpointer user_data,
                            CepaPredictNeed *need);

G_END_DECLS
