/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a guard lets too few circuits through, as one would that attacks paths (path-spec: "Detecting route manipulation
   by Guard nodes (Path Bias)"): counts, limits, verdicts. Pure; guards.h has them for each guard and circuit. */
#pragma once

#include <glib.h>

#include "netdoc/consensus.h"

G_BEGIN_DECLS

/* How far a circuit has come. */
typedef enum
{
  CEPA_PATH_BIAS_NEW,
  CEPA_PATH_BIAS_BUILD_ATTEMPTED, /* the guard has answered and the second hop has been asked for */
  CEPA_PATH_BIAS_BUILD_SUCCEEDED,
  CEPA_PATH_BIAS_USE_ATTEMPTED, /* a stream was tried, and nothing came back yet */
  CEPA_PATH_BIAS_USE_SUCCEEDED, /* something came back from the last hop */
  CEPA_PATH_BIAS_USE_FAILED,    /* and its probe failed */
  CEPA_PATH_BIAS_COUNTED,       /* closed */
} CepaPathBiasStage;

#define CEPA_N_PATH_BIAS_STAGES 7

/* One guard's counts; they are halved from time to time, hence the fractions. */
typedef struct
{
  double circ_attempts, circ_successes;
  double circuits_closed;    /* built, and closed without a sign of foul play */
  double collapsed_circuits; /* built, and closed by somebody else before use */
  double unusable_circuits;  /* used in vain */
  double timeouts;
  double use_attempts, use_successes;
  guint open[CEPA_N_PATH_BIAS_STAGES]; /* circuits that are there now, by stage; not kept */
  gboolean is_noticed, is_warned, is_extreme, is_use_noticed, is_use_extreme; /* said already */
  gboolean is_disabled; /* the guard is not used any more */
} CepaPathBias;

/* What the user says; negative: as the consensus says. */
typedef struct
{
  gint circ_threshold;   /* PathBiasCircThreshold, from 5 */
  double notice_rate;    /* PathBiasNoticeRate */
  double warn_rate;      /* PathBiasWarnRate */
  double extreme_rate;   /* PathBiasExtremeRate */
  gint scale_threshold;  /* PathBiasScaleThreshold, from 10 */
  gint use_threshold;    /* PathBiasUseThreshold, from 3 */
  double notice_use_rate;    /* PathBiasNoticeUseRate */
  double extreme_use_rate;   /* PathBiasExtremeUseRate */
  gint scale_use_threshold;  /* PathBiasScaleUseThreshold, from 10 */
  gint drop_guards;          /* PathBiasDropGuards */
} CepaPathBiasConfig;

/* The same, settled. */
typedef struct
{
  gint32 min_circuits, min_uses;
  double notice_rate, warn_rate, extreme_rate, notice_use_rate, extreme_use_rate;
  gint32 scale_threshold, scale_use_threshold;
  double scale_ratio;
  gboolean drop_guards;
} CepaPathBiasLimits;

/* What the counts say of a guard that they had not said before. */
typedef enum
{
  CEPA_PATH_BIAS_FINE,
  CEPA_PATH_BIAS_NOTICE,
  CEPA_PATH_BIAS_WARN,
  CEPA_PATH_BIAS_EXTREME,
  CEPA_PATH_BIAS_USE_NOTICE,
  CEPA_PATH_BIAS_USE_EXTREME,
  CEPA_PATH_BIAS_DISABLED, /* extreme, and such guards are to be dropped */
} CepaPathBiasVerdict;

/* Everything as the consensus says. */
void cepa_path_bias_config_init (CepaPathBiasConfig *self);

/* @consensus: (nullable): its parameters pb_*; C Tor's defaults without it. */
void cepa_path_bias_limits_settle (CepaPathBiasLimits *self, const CepaPathBiasConfig *config,
                                   const CepaConsensus *consensus);

/**
 * cepa_path_bias_attempt:
 * @stage: the circuit's; others than CEPA_PATH_BIAS_NEW are left alone
 *
 * The second hop has been asked for: measures what there was before, makes counts smaller that have become large, counts.
 */
CepaPathBiasVerdict cepa_path_bias_attempt (CepaPathBias *self, CepaPathBiasStage *stage,
                                            const CepaPathBiasLimits *limits);

/* Every hop has answered. Does nothing but in stage BUILD_ATTEMPTED. */
void cepa_path_bias_built (CepaPathBias *self, CepaPathBiasStage *stage);

/* A stream is tried on it. Does nothing but in stage BUILD_SUCCEEDED. */
CepaPathBiasVerdict cepa_path_bias_use (CepaPathBias *self, CepaPathBiasStage *stage, const CepaPathBiasLimits *limits);

/* The last hop has answered a stream, or a probe. */
void cepa_path_bias_use_succeeded (CepaPathBias *self, CepaPathBiasStage *stage);

/* A stream left it to be tried elsewhere: what it did before does not count until it is proved again. */
void cepa_path_bias_use_rolled_back (CepaPathBias *self, CepaPathBiasStage *stage);

/* The probe of a circuit that was used in vain came back wrong, or did not come back. */
void cepa_path_bias_probe_failed (CepaPathBias *self, CepaPathBiasStage *stage);

/* It took too long to build. */
void cepa_path_bias_timed_out (CepaPathBias *self, const CepaPathBiasStage *stage);

/**
 * cepa_path_bias_closed:
 * @by_others: a relay closed it, or its channel broke
 *
 * Counts what became of it. A circuit in USE_ATTEMPTED counts as unusable: probe it before.
 */
void cepa_path_bias_closed (CepaPathBias *self, CepaPathBiasStage *stage, gboolean by_others);

G_END_DECLS
