/* SPDX-License-Identifier: BSD-3-Clause */
/* What a machine for circuits is, as its file describes it: README.md has the format. */
#pragma once

#include <cepa/padding.h>

G_BEGIN_DECLS

#define CEPA_CIRCPAD_MAX_FILE 65536 /* bytes */
#define CEPA_CIRCPAD_MAX_STATES 64
#define CEPA_CIRCPAD_MAX_BINS 64
#define CEPA_CIRCPAD_MAX_NAME 32
#define CEPA_CIRCPAD_MAX_HOPS 8
#define CEPA_CIRCPAD_MAX_TOKENS 1000000          /* in one bin */
#define CEPA_CIRCPAD_MAX_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)
#define CEPA_CIRCPAD_MAX_CELLS 65535
#define CEPA_CIRCPAD_MAX_LENGTH 1000000

typedef enum
{
  CEPA_CIRCPAD_NORMAL_RECEIVED,
  CEPA_CIRCPAD_NORMAL_SENT,
  CEPA_CIRCPAD_PADDING_RECEIVED,
  CEPA_CIRCPAD_PADDING_SENT,
  CEPA_CIRCPAD_OPENED,
  CEPA_CIRCPAD_IN_USE,
  CEPA_CIRCPAD_UNUSED,
  CEPA_CIRCPAD_INFINITY,   /* the draw was: no padding */
  CEPA_CIRCPAD_BINS_EMPTY, /* the last token of the histogram was taken */
  CEPA_CIRCPAD_LENGTH_UP,  /* so many cells as the state is long */
  CEPA_CIRCPAD_N_EVENTS,
} CepaCircpadEvent;

/* In place of a state's number. */
#define CEPA_CIRCPAD_IGNORE (-1)
#define CEPA_CIRCPAD_CANCEL (-2)
#define CEPA_CIRCPAD_END (-3)

/* Which token a cell with a purpose takes, that goes before the padding would have. */
typedef enum
{
  CEPA_CIRCPAD_KEEP, /* none, and padding takes none either */
  CEPA_CIRCPAD_EXACT,
  CEPA_CIRCPAD_HIGHER,
  CEPA_CIRCPAD_LOWER,
  CEPA_CIRCPAD_CLOSEST,      /* by number of bins */
  CEPA_CIRCPAD_CLOSEST_TIME, /* by the middle of the bins */
} CepaCircpadRemoval;

typedef enum
{
  CEPA_CIRCPAD_NONE,
  CEPA_CIRCPAD_UNIFORM,      /* from a to b */
  CEPA_CIRCPAD_LOGISTIC,     /* mean a, scale b */
  CEPA_CIRCPAD_LOG_LOGISTIC, /* scale a, shape b */
  CEPA_CIRCPAD_GEOMETRIC,    /* tries up to the first success, each with chance a */
  CEPA_CIRCPAD_WEIBULL,      /* shape a, scale b */
  CEPA_CIRCPAD_PARETO,       /* generalized: scale a, shape b, from 0 */
} CepaCircpadShape;

typedef struct
{
  CepaCircpadShape shape;
  double a, b;
} CepaCircpadDistribution;

typedef struct
{
  gint64 from_us, to_us;
  guint32 tokens;
} CepaCircpadBin;

typedef struct
{
  char name[CEPA_CIRCPAD_MAX_NAME + 1];
  guint n_bins;
  CepaCircpadBin bins[CEPA_CIRCPAD_MAX_BINS]; /* ascending, none overlaps */
  guint32 infinity;                           /* tokens */
  CepaCircpadRemoval removal;
  CepaCircpadDistribution delay;              /* in place of bins, microseconds */
  gint64 delay_shift_us, delay_max_us;
  CepaCircpadDistribution length;             /* cells */
  guint32 length_min, length_max;             /* added; never more than */
  gboolean length_counts_all;                 /* cells with a purpose too */
  gint next[CEPA_CIRCPAD_N_EVENTS];
} CepaCircpadState;

typedef struct
{
  char name[CEPA_CIRCPAD_MAX_NAME + 1];
  guint hop;         /* from 0, the guard */
  guint min_hops;
  guint32 purposes;  /* bits 1 << CepaPathPurpose */
  gboolean reduced;  /* also where little padding is wanted */
  guint32 allowed_cells, max_percent; /* beyond so many, no more than this of what it sends; 0: no limit */
  guint n_states;
  CepaCircpadState *states; /* (array length=n_states): the first is where it begins */
} CepaCircpadSpec;

/**
 * cepa_circpad_spec_parse:
 * @text: @len bytes of anything
 * @file: for messages
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_INVALID that names file, line, and what is right.
 */
CepaCircpadSpec *cepa_circpad_spec_parse (const char *text, gsize len, const char *file, GError **error);
void cepa_circpad_spec_free (CepaCircpadSpec *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaCircpadSpec, cepa_circpad_spec_free)

/* Whether the machine is for circuits like @target. */
gboolean cepa_circpad_spec_fits (const CepaCircpadSpec *self, const CepaPaddingTarget *target);

G_END_DECLS
