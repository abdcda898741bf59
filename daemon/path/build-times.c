/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/build-times.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

/* Stands for a circuit that was closed before its time was known: longer than any. */
#define BUILD_TIMES_ABANDONED G_MAXUINT32
/* Nothing that is computed is longer; twice this fits a guint. */
#define BUILD_TIMES_LIMIT_MS G_MAXINT32

struct _CepaBuildTimes
{
  CepaBuildTimesParams params;
  gboolean learns, is_lost;
  guint fixed_ms;
  CepaBuildTimesFunc changed; /* (nullable) */
  gpointer user_data;

  double timeout_ms, close_ms;
  guint xm_ms;
  double alpha;

  guint32 times[CEPA_BUILD_TIMES_MAX]; /* a ring, milliseconds: the first n_times of it while it fills */
  guint n_times, next;

  guint8 recent[CEPA_BUILD_TIMES_MAX_RECENT]; /* a ring of recent_count: whether it timed out after its first hop */
  guint recent_next;

  gint64 live_us;
  guint n_dead; /* circuits closed since anything came over the network */
  guint64 n_succeeded, n_timed_out, n_closed;
};

static guint
build_times_param (const CepaConsensus *consensus, const char *name, gint32 fallback, gint32 min, gint32 max)
{
  gint32 value = consensus != NULL ? cepa_consensus_get_param (consensus, name, fallback) : fallback;

  return (guint) CLAMP (value, min, max);
}

/* Defaults and limits are those of C Tor 0.4.9 (circuitstats.h). */
void
cepa_build_times_params_init (CepaBuildTimesParams *self, const CepaConsensus *consensus)
{
  self->is_disabled = build_times_param (consensus, "cbtdisabled", 0, 0, 1) != 0;
  self->quantile = build_times_param (consensus, "cbtquantile", 80, 10, 99);
  self->close_quantile = MAX (build_times_param (consensus, "cbtclosequantile", 99, 10, 99), self->quantile);
  self->min_circuits = build_times_param (consensus, "cbtmincircs", 100, 1, 10000);
  self->min_ms = build_times_param (consensus, "cbtmintimeout", CEPA_BUILD_TIMES_BIN_MS, CEPA_BUILD_TIMES_BIN_MS,
                                    BUILD_TIMES_LIMIT_MS);
  self->initial_ms = MAX (build_times_param (consensus, "cbtinitialtimeout", 60000, CEPA_BUILD_TIMES_BIN_MS,
                                             BUILD_TIMES_LIMIT_MS), self->min_ms);
  self->recent_count = build_times_param (consensus, "cbtrecentcount", 20, 3, CEPA_BUILD_TIMES_MAX_RECENT);
  self->max_timeouts = build_times_param (consensus, "cbtmaxtimeouts", 18, 3, 10000);
  self->n_modes = build_times_param (consensus, "cbtnummodes", 10, 1, CEPA_BUILD_TIMES_MAX_MODES);
  self->test_freq_s = build_times_param (consensus, "cbttestfreq", 10, 1, G_MAXINT32);
  self->max_open = build_times_param (consensus, "cbtmaxopencircs", 10, 0, 14);
  self->learn_timeout_s = build_times_param (consensus, "cbtlearntimeout", 180, 10, 60000);
}

gboolean
cepa_build_times_is_enabled (const CepaBuildTimes *self)
{
  return self->learns && !self->is_lost && !self->params.is_disabled;
}

gboolean
cepa_build_times_is_learning (const CepaBuildTimes *self)
{
  return cepa_build_times_is_enabled (self) && self->n_times < self->params.min_circuits;
}

/* Before anything is learned, and without learning. */
static guint
build_times_initial_ms (const CepaBuildTimes *self)
{
  if (self->fixed_ms == 0)
    return self->params.initial_ms;
  return cepa_build_times_is_enabled (self) ? MAX (self->fixed_ms, self->params.min_ms) : self->fixed_ms;
}

static void
build_times_use_initial (CepaBuildTimes *self)
{
  self->timeout_ms = self->close_ms = build_times_initial_ms (self);
  self->xm_ms = 0;
  self->alpha = 0;
}

static void
build_times_tell (CepaBuildTimes *self, CepaBuildTimesChange change)
{
  CepaBuildTimesFigures figures;

  if (self->changed == NULL)
    return;
  cepa_build_times_get_figures (self, &figures);
  if (change == CEPA_BUILD_TIMES_RESET)
    figures.quantile = 1;
  self->changed (self->user_data, change, &figures);
}

CepaBuildTimes *
cepa_build_times_new (gboolean learns, guint fixed_ms, CepaBuildTimesFunc changed, gpointer user_data)
{
  CepaBuildTimes *self = g_new0 (CepaBuildTimes, 1);

  cepa_build_times_params_init (&self->params, NULL);
  self->learns = learns;
  self->fixed_ms = fixed_ms;
  self->changed = changed;
  self->user_data = user_data;
  self->live_us = G_MININT64;
  build_times_use_initial (self);
  return self;
}

void
cepa_build_times_free (CepaBuildTimes *self)
{
  g_free (self);
}

const CepaBuildTimesParams *
cepa_build_times_get_params (const CepaBuildTimes *self)
{
  return &self->params;
}

/* ---- the estimate ---- */

static gint
build_times_compare (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;

  return x < y ? -1 : x > y;
}

typedef struct
{
  guint32 bin;
  guint n;
} BuildTimesMode;

/* Puts @mode among the @n_modes most frequent so far; of two that are as frequent the shorter comes first. */
static void
build_times_rank (BuildTimesMode *modes, guint n_modes, BuildTimesMode mode)
{
  guint i = n_modes;

  while (i > 0 && modes[i - 1].n < mode.n)
    {
      if (i < n_modes)
        modes[i] = modes[i - 1];
      i--;
    }
  if (i < n_modes)
    modes[i] = mode;
}

/* The mean of the most frequent bins' middles: where the Pareto curve is taken to begin. 0: no time is known. */
static guint
build_times_xm (const CepaBuildTimes *self)
{
  BuildTimesMode modes[CEPA_BUILD_TIMES_MAX_MODES] = { 0 }, mode = { 0 };
  guint32 sorted[CEPA_BUILD_TIMES_MAX];
  guint64 sum = 0, n = 0;

  memcpy (sorted, self->times, self->n_times * sizeof *sorted);
  qsort (sorted, self->n_times, sizeof *sorted, build_times_compare);
  for (guint i = 0; i < self->n_times && sorted[i] != BUILD_TIMES_ABANDONED; i++)
    {
      guint32 bin = sorted[i] / CEPA_BUILD_TIMES_BIN_MS;

      if (bin != mode.bin)
        {
          build_times_rank (modes, self->params.n_modes, mode);
          mode = (BuildTimesMode){ bin, 0 };
        }
      mode.n++;
    }
  build_times_rank (modes, self->params.n_modes, mode);
  for (guint i = 0; i < self->params.n_modes; i++)
    {
      sum += (guint64) modes[i].n * (modes[i].bin * CEPA_BUILD_TIMES_BIN_MS + CEPA_BUILD_TIMES_BIN_MS / 2);
      n += modes[i].n;
    }
  return n > 0 ? (guint) (sum / n) : 0;
}

static guint32
build_times_longest (const CepaBuildTimes *self)
{
  guint32 longest = 0;

  for (guint i = 0; i < self->n_times; i++)
    if (self->times[i] != BUILD_TIMES_ABANDONED)
      longest = MAX (longest, self->times[i]);
  return longest;
}

/* The maximum likelihood estimate of the exponent, from the times that are known. FALSE: there is none. */
static gboolean
build_times_fit (CepaBuildTimes *self)
{
  guint xm = build_times_xm (self), n = 0;
  double sum = 0;

  if (xm == 0)
    return FALSE;
  for (guint i = 0; i < self->n_times; i++)
    if (self->times[i] != BUILD_TIMES_ABANDONED)
      {
        n++;
        sum += log (MAX (self->times[i], xm));
      }
  sum -= n * log (xm);
  self->xm_ms = xm;
  self->alpha = sum > 0 ? n / sum : 0; /* 0: all as fast as can be; the longest time is the limit then */
  return TRUE;
}

/* The time within which @percent of circuits are built, by the curve. */
static double
build_times_quantile (const CepaBuildTimes *self, guint percent)
{
  double power = self->alpha > 0 ? pow (1 - percent / 100.0, 1 / self->alpha) : 0;

  return power > 0 ? MIN (self->xm_ms / power, BUILD_TIMES_LIMIT_MS) : BUILD_TIMES_LIMIT_MS;
}

static void
build_times_compute (CepaBuildTimes *self)
{
  double longest = build_times_longest (self);

  if (!cepa_build_times_is_enabled (self) || self->n_times < self->params.min_circuits || !build_times_fit (self))
    return;
  self->timeout_ms = MIN (build_times_quantile (self, self->params.quantile), longest);
  self->timeout_ms = MAX (self->timeout_ms, self->params.min_ms);
  /* A very fast guard makes the curve so steep that this would end as soon as the timeout does: never below the
     initial one. */
  self->close_ms = MIN (build_times_quantile (self, self->params.close_quantile), 2 * longest);
  self->close_ms = MAX (MAX (self->close_ms, self->params.initial_ms), self->timeout_ms);
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO,
            "circuits are waited for %.0f ms, and measured for %.0f ms, by %u build times (Xm %u, alpha %.3f)",
            self->timeout_ms, self->close_ms, self->n_times, self->xm_ms, self->alpha);
  build_times_tell (self, CEPA_BUILD_TIMES_COMPUTED);
}

void
cepa_build_times_set_params (CepaBuildTimes *self, const CepaBuildTimesParams *params)
{
  gboolean had_estimate = self->xm_ms != 0;

  if (params->recent_count != self->params.recent_count)
    {
      memset (self->recent, 0, sizeof self->recent);
      self->recent_next = 0;
    }
  self->params = *params;
  if (!cepa_build_times_is_enabled (self) || self->n_times < params->min_circuits)
    build_times_use_initial (self);
  else if (!had_estimate)
    build_times_compute (self);
}

void
cepa_build_times_set_is_lost (CepaBuildTimes *self, gboolean is_lost)
{
  if (self->is_lost == is_lost)
    return;
  self->is_lost = is_lost;
  if (!cepa_build_times_is_enabled (self))
    build_times_use_initial (self);
  else
    build_times_compute (self);
}

gint64
cepa_build_times_get_close_us (const CepaBuildTimes *self)
{
  return (gint64) (self->close_ms * 1000);
}

/* Longer circuits send more cells over each link: the time is scaled by how many, and there is a second more for what
   does not grow so. */
gint64
cepa_build_times_get_timeout_us (const CepaBuildTimes *self, CepaBuildTimesKind kind)
{
  double timeout_us = self->timeout_ms * 1000;

  switch (kind)
    {
    case CEPA_BUILD_TIMES_FOUR_HOPS:
      return (gint64) (timeout_us * 10 / 6) + G_USEC_PER_SEC;
    case CEPA_BUILD_TIMES_CLIENT_INTRO:
      return (gint64) (timeout_us * 14 / 6) + G_USEC_PER_SEC;
    case CEPA_BUILD_TIMES_SERVICE_INTRO:
      return (gint64) (timeout_us * 9 / 6) + G_USEC_PER_SEC;
    case CEPA_BUILD_TIMES_RENDEZVOUS:
      return (gint64) (timeout_us * 3) + G_USEC_PER_SEC;
    case CEPA_BUILD_TIMES_CANNIBALISED:
      return cepa_build_times_get_close_us (self) * 4 / 6 + G_USEC_PER_SEC;
    case CEPA_BUILD_TIMES_GENERAL:
    default:
      return (gint64) timeout_us;
    }
}

/* ---- what happens ---- */

void
cepa_build_times_note_live (CepaBuildTimes *self, gint64 when_us)
{
  if (when_us <= self->live_us)
    return;
  if (self->n_dead > 0)
    cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE,
              "relays are heard of again, after %u circuits that got no answer; build times are recorded again",
              self->n_dead);
  self->live_us = when_us;
  self->n_dead = 0;
}

static void
build_times_add (CepaBuildTimes *self, guint32 ms)
{
  self->times[self->next] = ms;
  self->next = (self->next + 1) % CEPA_BUILD_TIMES_MAX;
  self->n_times = MIN (self->n_times + 1, (guint) CEPA_BUILD_TIMES_MAX);
  if (self->next % CEPA_BUILD_TIMES_KEEP_EVERY == 0)
    build_times_tell (self, CEPA_BUILD_TIMES_GROWN);
}

static void
build_times_add_recent (CepaBuildTimes *self, gboolean timed_out)
{
  self->recent[self->recent_next] = timed_out;
  self->recent_next = (self->recent_next + 1) % self->params.recent_count;
}

/* Longer than anything that is waited for: the machine slept meanwhile. */
static gboolean
build_times_is_strange (const CepaBuildTimes *self, gint64 took_us)
{
  return took_us < 0 || took_us > 2 * cepa_build_times_get_close_us (self) + G_USEC_PER_SEC;
}

void
cepa_build_times_note_built (CepaBuildTimes *self, gint64 took_us, gboolean was_late)
{
  if (!cepa_build_times_is_enabled (self) || build_times_is_strange (self, took_us))
    return;
  if (self->n_dead == 0)
    {
      build_times_add (self, (guint32) CLAMP (took_us / 1000, 1, BUILD_TIMES_LIMIT_MS));
      build_times_compute (self);
    }
  if (was_late)
    return;
  self->n_succeeded++;
  build_times_add_recent (self, FALSE);
}

static void
build_times_forget (CepaBuildTimes *self)
{
  self->n_times = self->next = 0;
  self->n_succeeded = self->n_timed_out = self->n_closed = 0;
  memset (self->recent, 0, sizeof self->recent);
  self->recent_next = 0;
}

void
cepa_build_times_drop (CepaBuildTimes *self)
{
  build_times_forget (self);
  build_times_use_initial (self);
  build_times_tell (self, CEPA_BUILD_TIMES_RESET);
}

/* So many of the last circuits timed out that the network must be another one than what was measured. */
static void
build_times_start_anew (CepaBuildTimes *self, guint n_timeouts)
{
  guint initial = build_times_initial_ms (self);

  build_times_forget (self);
  if (self->timeout_ms < initial)
    build_times_use_initial (self);
  else if (self->timeout_ms <= BUILD_TIMES_LIMIT_MS / 2 && self->close_ms <= BUILD_TIMES_LIMIT_MS / 2)
    {
      /* Not the first time: for those whose network is as slow as that. */
      self->timeout_ms *= 2;
      self->close_ms *= 2;
    }
  self->xm_ms = 0;
  self->alpha = 0;
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE,
            "%u of the last %u circuits took too long: the network has changed. Circuits are waited for %.0f seconds "
            "until it is known how long they take now.", n_timeouts, self->params.recent_count,
            self->timeout_ms / 1000);
  build_times_tell (self, CEPA_BUILD_TIMES_RESET);
}

void
cepa_build_times_note_timeout (CepaBuildTimes *self, gboolean beyond_first)
{
  guint n = 0;

  if (!cepa_build_times_is_enabled (self))
    return;
  self->n_timed_out++;
  if (beyond_first)
    build_times_add_recent (self, TRUE);
  for (guint i = 0; i < self->params.recent_count; i++)
    n += self->recent[i];
  if (n >= self->params.max_timeouts)
    build_times_start_anew (self, n);
}

void
cepa_build_times_note_close (CepaBuildTimes *self, gint64 begun_us, gint64 took_us)
{
  if (!cepa_build_times_is_enabled (self) || build_times_is_strange (self, took_us))
    return;
  self->n_closed++;
  if (self->live_us < begun_us)
    {
      if (self->n_dead++ == 0)
        cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE,
                  "nothing has come from any relay while a circuit was built; build times are not recorded until "
                  "something does");
    }
  if (self->n_dead > 0)
    return;
  build_times_add (self, BUILD_TIMES_ABANDONED);
  build_times_compute (self);
}

void
cepa_build_times_get_figures (const CepaBuildTimes *self, CepaBuildTimesFigures *out)
{
  double n = (double) (self->n_succeeded + self->n_timed_out);

  *out = (CepaBuildTimesFigures){
    .n_times = self->n_times,
    .timeout_ms = (guint) self->timeout_ms,
    .close_ms = (guint) self->close_ms,
    .xm_ms = self->xm_ms,
    .alpha = self->alpha,
    .quantile = self->params.quantile / 100.0,
    .timeout_rate = n > 0 ? self->n_timed_out / n : 0,
    .close_rate = n > 0 ? self->n_closed / n : 0,
  };
}

/* ---- the state file ---- */

GVariant *
cepa_build_times_to_variant (const CepaBuildTimes *self)
{
  guint32 sorted[CEPA_BUILD_TIMES_MAX];
  GVariantBuilder out, bins;
  guint n_abandoned = 0;

  memcpy (sorted, self->times, self->n_times * sizeof *sorted);
  qsort (sorted, self->n_times, sizeof *sorted, build_times_compare);
  g_variant_builder_init (&bins, G_VARIANT_TYPE ("ax"));
  for (guint i = 0, end; i < self->n_times; i = end)
    {
      guint32 bin = sorted[i] / CEPA_BUILD_TIMES_BIN_MS;

      for (end = i; end < self->n_times && sorted[end] / CEPA_BUILD_TIMES_BIN_MS == bin; end++)
        ;
      if (sorted[i] == BUILD_TIMES_ABANDONED)
        {
          n_abandoned = end - i;
          continue;
        }
      g_variant_builder_add (&bins, "x", (gint64) bin * CEPA_BUILD_TIMES_BIN_MS + CEPA_BUILD_TIMES_BIN_MS / 2);
      g_variant_builder_add (&bins, "x", (gint64) (end - i));
    }
  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&out, "{sv}", "total", g_variant_new_int64 (self->n_times));
  g_variant_builder_add (&out, "{sv}", "abandoned", g_variant_new_int64 (n_abandoned));
  g_variant_builder_add (&out, "{sv}", "bins", g_variant_builder_end (&bins));
  return g_variant_builder_end (&out);
}

static gboolean
build_times_refuse (const char *what, GError **error)
{
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "the build times that were saved %s", what);
  return FALSE;
}

/* The number at @index of a list, which JSON makes one of "v". FALSE: it is none from 0 to @max. */
static gboolean
build_times_get_number (GVariant *list, gsize index, gint64 max, gint64 *out)
{
  g_autoptr (GVariant) child = g_variant_get_child_value (list, index);
  g_autoptr (GVariant) value
      = g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (child) : g_variant_ref (child);

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return FALSE;
  *out = g_variant_get_int64 (value);
  return *out >= 0 && *out <= max;
}

/* Adds @n times @ms to @times, which has @n_times already. */
static gboolean
build_times_unfold (guint32 *times, guint *n_times, guint32 ms, gint64 n)
{
  if (n < 0 || n > CEPA_BUILD_TIMES_MAX - (gint64) *n_times)
    return FALSE;
  while (n-- > 0)
    times[(*n_times)++] = ms;
  return TRUE;
}

static gboolean
build_times_read (GVariant *variant, guint32 *times, guint *n_times, GError **error)
{
  g_autoptr (GVariant) bins = NULL;
  gint64 total, n_abandoned;

  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT) || !g_variant_lookup (variant, "total", "x", &total)
      || !g_variant_lookup (variant, "abandoned", "x", &n_abandoned)
      || (bins = g_variant_lookup_value (variant, "bins", G_VARIANT_TYPE_ARRAY)) == NULL
      || g_variant_n_children (bins) % 2 != 0)
    return build_times_refuse ("have another form", error);
  for (gsize i = 0; i < g_variant_n_children (bins); i += 2)
    {
      gint64 ms, n;

      if (!build_times_get_number (bins, i, BUILD_TIMES_LIMIT_MS, &ms) || ms == 0
          || !build_times_get_number (bins, i + 1, CEPA_BUILD_TIMES_MAX, &n)
          || !build_times_unfold (times, n_times, (guint32) ms, n))
        return build_times_refuse ("are too long or too many", error);
    }
  if (!build_times_unfold (times, n_times, BUILD_TIMES_ABANDONED, n_abandoned) || *n_times != total)
    return build_times_refuse ("are not as many as they say", error);
  return TRUE;
}

gboolean
cepa_build_times_from_variant (CepaBuildTimes *self, GVariant *variant, CepaRandom *random, GError **error)
{
  guint32 times[CEPA_BUILD_TIMES_MAX];
  guint n_times = 0;

  if (!build_times_read (variant, times, &n_times, error))
    return FALSE;
  /* Not by length: the ring drops the oldest first, and they must not all be the shortest. */
  for (guint i = n_times; i > 1; i--)
    {
      guint other = (guint) cepa_random_below (random, i);
      guint32 kept = times[i - 1];

      times[i - 1] = times[other];
      times[other] = kept;
    }
  memcpy (self->times, times, n_times * sizeof *times);
  self->n_times = n_times;
  self->next = n_times % CEPA_BUILD_TIMES_MAX;
  build_times_compute (self);
  return TRUE;
}
