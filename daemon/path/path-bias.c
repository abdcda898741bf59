/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/path-bias.h"

/* C Tor 0.4.9.11's defaults and ranges (src/feature/client/circpathbias.c). */
#define BIAS_MIN_CIRCUITS 150
#define BIAS_NOTICE_PERCENT 70
#define BIAS_WARN_PERCENT 50
#define BIAS_EXTREME_PERCENT 30
#define BIAS_SCALE_CIRCUITS 300
#define BIAS_MIN_USES 20
#define BIAS_NOTICE_USE_PERCENT 80
#define BIAS_EXTREME_USE_PERCENT 60
#define BIAS_SCALE_USES 100
#define BIAS_SCALE_FACTOR 2
#define BIAS_MULTIPLY_FACTOR 1

void
cepa_path_bias_config_init (CepaPathBiasConfig *self)
{
  *self = (CepaPathBiasConfig) {
    .circ_threshold = -1, .notice_rate = -1, .warn_rate = -1, .extreme_rate = -1, .scale_threshold = -1,
    .use_threshold = -1, .notice_use_rate = -1, .extreme_use_rate = -1, .scale_use_threshold = -1, .drop_guards = -1,
  };
}

/* The parameter @name, put into its range. */
static gint32
bias_param (const CepaConsensus *consensus, const char *name, gint32 fallback, gint32 least, gint32 most)
{
  gint32 value = consensus != NULL ? cepa_consensus_get_param (consensus, name, fallback) : fallback;

  return CLAMP (value, least, most);
}

/* What the user says, from @least; else the parameter. */
static gint32
bias_threshold (gint own, const CepaConsensus *consensus, const char *name, gint32 fallback, gint32 least)
{
  return own >= least ? own : bias_param (consensus, name, fallback, least, G_MAXINT32);
}

static double
bias_rate (double own, const CepaConsensus *consensus, const char *name, gint32 fallback)
{
  return own >= 0 ? own : bias_param (consensus, name, fallback, 0, 100) / 100.0;
}

void
cepa_path_bias_limits_settle (CepaPathBiasLimits *self, const CepaPathBiasConfig *config,
                              const CepaConsensus *consensus)
{
  gint32 divisor = bias_param (consensus, "pb_scalefactor", BIAS_SCALE_FACTOR, 2, G_MAXINT32);

  self->min_circuits
    = bias_threshold (config->circ_threshold, consensus, "pb_mincircs", BIAS_MIN_CIRCUITS, 5);
  self->min_uses = bias_threshold (config->use_threshold, consensus, "pb_minuse", BIAS_MIN_USES, 3);
  self->scale_threshold
    = bias_threshold (config->scale_threshold, consensus, "pb_scalecircs", BIAS_SCALE_CIRCUITS, 10);
  self->scale_use_threshold
    = bias_threshold (config->scale_use_threshold, consensus, "pb_scaleuse", BIAS_SCALE_USES, 10);
  self->notice_rate = bias_rate (config->notice_rate, consensus, "pb_noticepct", BIAS_NOTICE_PERCENT);
  self->warn_rate = bias_rate (config->warn_rate, consensus, "pb_warnpct", BIAS_WARN_PERCENT);
  self->extreme_rate = bias_rate (config->extreme_rate, consensus, "pb_extremepct", BIAS_EXTREME_PERCENT);
  self->notice_use_rate
    = bias_rate (config->notice_use_rate, consensus, "pb_noticeusepct", BIAS_NOTICE_USE_PERCENT);
  self->extreme_use_rate
    = bias_rate (config->extreme_use_rate, consensus, "pb_extremeusepct", BIAS_EXTREME_USE_PERCENT);
  self->scale_ratio
    = (double) bias_param (consensus, "pb_multfactor", BIAS_MULTIPLY_FACTOR, 1, divisor) / divisor;
  self->drop_guards = config->drop_guards >= 0 ? config->drop_guards
                                               : bias_param (consensus, "pb_dropguards", 0, 0, 1);
}

static void
bias_move (CepaPathBias *self, CepaPathBiasStage *stage, CepaPathBiasStage next)
{
  if (self->open[*stage] > 0)
    self->open[*stage]--;
  if (next != CEPA_PATH_BIAS_COUNTED)
    self->open[next]++;
  *stage = next;
}

/* How many circuits are open from stage @first to @last. */
static guint
bias_count_open (const CepaPathBias *self, CepaPathBiasStage first, CepaPathBiasStage last)
{
  guint n = 0;

  for (guint stage = first; stage <= (guint) last; stage++)
    n += self->open[stage];
  return n;
}

static CepaPathBiasVerdict
bias_once (gboolean *is_said, CepaPathBiasVerdict verdict)
{
  if (*is_said)
    return CEPA_PATH_BIAS_FINE;
  *is_said = TRUE;
  return verdict;
}

/* Circuits that are still open get the benefit of the doubt. A rate of 0 never has a share below it: it is off. */
static CepaPathBiasVerdict
bias_measure_circuits (CepaPathBias *self, const CepaPathBiasLimits *limits)
{
  double good = self->circuits_closed
                + bias_count_open (self, CEPA_PATH_BIAS_BUILD_SUCCEEDED, CEPA_PATH_BIAS_USE_SUCCEEDED);
  double share;

  if (self->circ_attempts <= limits->min_circuits)
    return CEPA_PATH_BIAS_FINE;
  share = good / self->circ_attempts;
  if (share < limits->extreme_rate)
    return limits->drop_guards ? bias_once (&self->is_disabled, CEPA_PATH_BIAS_DISABLED)
                               : bias_once (&self->is_extreme, CEPA_PATH_BIAS_EXTREME);
  if (share < limits->warn_rate)
    return bias_once (&self->is_warned, CEPA_PATH_BIAS_WARN);
  if (share < limits->notice_rate)
    return bias_once (&self->is_noticed, CEPA_PATH_BIAS_NOTICE);
  return CEPA_PATH_BIAS_FINE;
}

static CepaPathBiasVerdict
bias_measure_uses (CepaPathBias *self, const CepaPathBiasLimits *limits)
{
  double good = self->use_successes
                + bias_count_open (self, CEPA_PATH_BIAS_USE_ATTEMPTED, CEPA_PATH_BIAS_USE_SUCCEEDED);
  double share;

  if (self->use_attempts <= limits->min_uses)
    return CEPA_PATH_BIAS_FINE;
  share = good / self->use_attempts;
  if (share < limits->extreme_use_rate)
    return limits->drop_guards ? bias_once (&self->is_disabled, CEPA_PATH_BIAS_DISABLED)
                               : bias_once (&self->is_use_extreme, CEPA_PATH_BIAS_USE_EXTREME);
  if (share < limits->notice_use_rate)
    return bias_once (&self->is_use_noticed, CEPA_PATH_BIAS_USE_NOTICE);
  return CEPA_PATH_BIAS_FINE;
}

/* Old counts weigh less; what is open is counted in full when it ends. */
static void
bias_scale_circuits (CepaPathBias *self, const CepaPathBiasLimits *limits)
{
  double attempted = self->open[CEPA_PATH_BIAS_BUILD_ATTEMPTED];
  double built = bias_count_open (self, CEPA_PATH_BIAS_BUILD_SUCCEEDED, CEPA_PATH_BIAS_USE_FAILED);

  if (self->circ_attempts <= limits->scale_threshold)
    return;
  self->circ_attempts = MAX (self->circ_attempts - attempted - built, 0) * limits->scale_ratio + attempted + built;
  self->circ_successes = MAX (self->circ_successes - built, 0) * limits->scale_ratio + built;
  self->timeouts *= limits->scale_ratio;
  self->circuits_closed *= limits->scale_ratio;
  self->collapsed_circuits *= limits->scale_ratio;
  self->unusable_circuits *= limits->scale_ratio;
}

static void
bias_scale_uses (CepaPathBias *self, const CepaPathBiasLimits *limits)
{
  double open = bias_count_open (self, CEPA_PATH_BIAS_USE_ATTEMPTED, CEPA_PATH_BIAS_USE_SUCCEEDED);

  if (self->use_attempts <= limits->scale_use_threshold)
    return;
  self->use_attempts = MAX (self->use_attempts - open, 0) * limits->scale_ratio + open;
  self->use_successes *= limits->scale_ratio;
}

CepaPathBiasVerdict
cepa_path_bias_attempt (CepaPathBias *self, CepaPathBiasStage *stage, const CepaPathBiasLimits *limits)
{
  CepaPathBiasVerdict verdict;

  if (*stage != CEPA_PATH_BIAS_NEW)
    return CEPA_PATH_BIAS_FINE;
  verdict = bias_measure_circuits (self, limits);
  bias_scale_circuits (self, limits);
  self->circ_attempts++;
  bias_move (self, stage, CEPA_PATH_BIAS_BUILD_ATTEMPTED);
  return verdict;
}

void
cepa_path_bias_built (CepaPathBias *self, CepaPathBiasStage *stage)
{
  if (*stage != CEPA_PATH_BIAS_BUILD_ATTEMPTED)
    return;
  self->circ_successes++;
  bias_move (self, stage, CEPA_PATH_BIAS_BUILD_SUCCEEDED);
}

CepaPathBiasVerdict
cepa_path_bias_use (CepaPathBias *self, CepaPathBiasStage *stage, const CepaPathBiasLimits *limits)
{
  CepaPathBiasVerdict verdict;

  if (*stage != CEPA_PATH_BIAS_BUILD_SUCCEEDED)
    return CEPA_PATH_BIAS_FINE;
  verdict = bias_measure_uses (self, limits);
  bias_scale_uses (self, limits);
  self->use_attempts++;
  bias_move (self, stage, CEPA_PATH_BIAS_USE_ATTEMPTED);
  return verdict;
}

void
cepa_path_bias_use_succeeded (CepaPathBias *self, CepaPathBiasStage *stage)
{
  if (*stage == CEPA_PATH_BIAS_USE_ATTEMPTED)
    bias_move (self, stage, CEPA_PATH_BIAS_USE_SUCCEEDED);
}

void
cepa_path_bias_use_rolled_back (CepaPathBias *self, CepaPathBiasStage *stage)
{
  if (*stage == CEPA_PATH_BIAS_USE_SUCCEEDED)
    bias_move (self, stage, CEPA_PATH_BIAS_USE_ATTEMPTED);
}

void
cepa_path_bias_probe_failed (CepaPathBias *self, CepaPathBiasStage *stage)
{
  if (*stage == CEPA_PATH_BIAS_USE_ATTEMPTED || *stage == CEPA_PATH_BIAS_USE_SUCCEEDED)
    bias_move (self, stage, CEPA_PATH_BIAS_USE_FAILED);
}

void
cepa_path_bias_timed_out (CepaPathBias *self, const CepaPathBiasStage *stage)
{
  if (*stage != CEPA_PATH_BIAS_NEW && *stage != CEPA_PATH_BIAS_USE_SUCCEEDED && *stage != CEPA_PATH_BIAS_COUNTED)
    self->timeouts++;
}

void
cepa_path_bias_closed (CepaPathBias *self, CepaPathBiasStage *stage, gboolean by_others)
{
  switch (*stage)
    {
    case CEPA_PATH_BIAS_BUILD_SUCCEEDED:
      if (by_others)
        self->collapsed_circuits++;
      else
        self->circuits_closed++;
      break;
    case CEPA_PATH_BIAS_USE_ATTEMPTED:
    case CEPA_PATH_BIAS_USE_FAILED:
      self->unusable_circuits++;
      break;
    case CEPA_PATH_BIAS_USE_SUCCEEDED:
      self->circuits_closed++;
      self->use_successes++;
      break;
    case CEPA_PATH_BIAS_NEW:
    case CEPA_PATH_BIAS_BUILD_ATTEMPTED:
    case CEPA_PATH_BIAS_COUNTED:
      break;
    }
  bias_move (self, stage, CEPA_PATH_BIAS_COUNTED);
}
