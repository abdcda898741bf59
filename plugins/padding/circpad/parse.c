/* SPDX-License-Identifier: BSD-3-Clause */
/* The text that describes a machine. */
#include <math.h>
#include <string.h>

#include "spec.h"

#define PARSE_MAX_LINE 256
#define PARSE_MAX_WORDS 8
#define PARSE_MAX_SHOWN 40 /* bytes of a word in a message */
#define PARSE_MAX_PARAMETER 1e12

typedef struct
{
  const char *file;
  guint line;
  CepaCircpadSpec *spec;
  GArray *states;           /* (element-type CepaCircpadState) */
  GPtrArray *targets;       /* (element-type utf8) (nullable elements): names of next states, CEPA_CIRCPAD_N_EVENTS for
                               each state */
  GArray *target_lines;     /* (element-type guint): where they were said */
  guint n_words;
  char *words[PARSE_MAX_WORDS];
  gboolean has_machine;
} Parse;

typedef struct
{
  const char *name;
  guint n_arguments, max_arguments;
  gboolean of_state;
  gboolean (*func) (Parse *self, GError **error);
} ParseDirective;

static const char *const parse_events[CEPA_CIRCPAD_N_EVENTS] = {
  [CEPA_CIRCPAD_NORMAL_RECEIVED] = "normal-received",   [CEPA_CIRCPAD_NORMAL_SENT] = "normal-sent",
  [CEPA_CIRCPAD_PADDING_RECEIVED] = "padding-received", [CEPA_CIRCPAD_PADDING_SENT] = "padding-sent",
  [CEPA_CIRCPAD_OPENED] = "opened",                     [CEPA_CIRCPAD_IN_USE] = "in-use",
  [CEPA_CIRCPAD_UNUSED] = "unused",                     [CEPA_CIRCPAD_INFINITY] = "infinity",
  [CEPA_CIRCPAD_BINS_EMPTY] = "bins-empty",             [CEPA_CIRCPAD_LENGTH_UP] = "length-up",
};

static const char *const parse_removals[]
    = { "keep", "exact", "higher", "lower", "closest", "closest-time", NULL };
static const char *const parse_shapes[]
    = { "none", "uniform", "logistic", "log-logistic", "geometric", "weibull", "pareto", NULL };
static const char *const parse_purposes[] = { "general", "internal", "directory", NULL };
static const char *const parse_answers[] = { "no", "yes", NULL };

void
cepa_circpad_spec_free (CepaCircpadSpec *self)
{
  if (self == NULL)
    return;
  g_free (self->states);
  g_free (self);
}

gboolean
cepa_circpad_spec_fits (const CepaCircpadSpec *self, const CepaPaddingTarget *target)
{
  return target->scope == CEPA_PADDING_CIRCUIT && target->purpose < G_N_ELEMENTS (parse_purposes) - 1
         && (self->purposes & 1u << target->purpose) != 0 && target->n_hops >= self->min_hops
         && target->n_hops > self->hop;
}

static gboolean G_GNUC_PRINTF (3, 4)
parse_refuse (const Parse *self, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "%s:%u: %s", self->file, self->line, what);
  return FALSE;
}

/* A word as it may stand in a message. */
static const char *
parse_show (char *word)
{
  if (strlen (word) > PARSE_MAX_SHOWN)
    word[PARSE_MAX_SHOWN] = '\0';
  return word;
}

/* ---- values ---- */

static gboolean
parse_number (Parse *self, guint word, const char *what, gint64 minimum, gint64 maximum, gint64 *out, GError **error)
{
  guint64 value;

  if (g_ascii_string_to_unsigned (self->words[word], 10, (guint64) minimum, (guint64) maximum, &value, NULL))
    {
      *out = (gint64) value;
      return TRUE;
    }
  return parse_refuse (self, error, "\"%s\" is no %s: a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " is",
                       parse_show (self->words[word]), what, minimum, maximum);
}

static gboolean
parse_choice (Parse *self, guint word, const char *what, const char *const *choices, guint *out, GError **error)
{
  g_autofree char *all = NULL;

  for (guint i = 0; choices[i] != NULL; i++)
    if (strcmp (self->words[word], choices[i]) == 0)
      {
        *out = i;
        return TRUE;
      }
  all = g_strjoinv (", ", (char **) choices);
  return parse_refuse (self, error, "\"%s\" is no %s: there are %s", parse_show (self->words[word]), what, all);
}

static gboolean
parse_name (Parse *self, guint word, char *out, GError **error)
{
  const char *name = self->words[word];
  gsize len = strlen (name);

  if (len > CEPA_CIRCPAD_MAX_NAME || !g_ascii_isalpha (name[0])
      || strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_") != len)
    return parse_refuse (self, error, "\"%s\" is no name: up to %u letters, digits, - and _, a letter first",
                         parse_show (self->words[word]), CEPA_CIRCPAD_MAX_NAME);
  memcpy (out, name, len + 1);
  return TRUE;
}

static gboolean
parse_parameter (Parse *self, guint word, double *out, GError **error)
{
  char *end = NULL;

  *out = g_ascii_strtod (self->words[word], &end);
  if (end != self->words[word] && *end == '\0' && isfinite (*out) && fabs (*out) <= PARSE_MAX_PARAMETER)
    return TRUE;
  return parse_refuse (self, error, "\"%s\" is no parameter of a distribution: a decimal number is",
                       parse_show (self->words[word]));
}

/* Words from 1: the shape and its one or two parameters. */
static gboolean
parse_distribution (Parse *self, CepaCircpadDistribution *out, GError **error)
{
  CepaCircpadDistribution value = { 0 };
  guint shape = 0, n;
  gboolean ok = TRUE;

  if (!parse_choice (self, 1, "distribution", parse_shapes, &shape, error))
    return FALSE;
  value.shape = (CepaCircpadShape) shape;
  n = value.shape == CEPA_CIRCPAD_NONE ? 0 : value.shape == CEPA_CIRCPAD_GEOMETRIC ? 1 : 2;
  if (self->n_words != 2 + n)
    return parse_refuse (self, error, "%s takes %u parameters", parse_shapes[shape], n);
  if ((n > 0 && !parse_parameter (self, 2, &value.a, error)) || (n > 1 && !parse_parameter (self, 3, &value.b, error)))
    return FALSE;
  if (value.shape == CEPA_CIRCPAD_UNIFORM)
    ok = value.a >= 0 && value.a <= value.b;
  else if (value.shape == CEPA_CIRCPAD_GEOMETRIC)
    ok = value.a > 0 && value.a <= 1;
  else if (value.shape == CEPA_CIRCPAD_PARETO)
    ok = value.a > 0;
  else if (value.shape == CEPA_CIRCPAD_LOGISTIC)
    ok = value.b > 0;
  else if (value.shape != CEPA_CIRCPAD_NONE)
    ok = value.a > 0 && value.b > 0;
  if (!ok)
    return parse_refuse (self, error, "%s does not take these parameters: see the README", parse_shapes[shape]);
  *out = value;
  return TRUE;
}

/* ---- of the machine ---- */

static gboolean
parse_machine (Parse *self, GError **error)
{
  if (self->has_machine)
    return parse_refuse (self, error, "a second machine: there is one in a file");
  self->has_machine = TRUE;
  return parse_name (self, 1, self->spec->name, error);
}

static gboolean
parse_hop (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "hop", 1, CEPA_CIRCPAD_MAX_HOPS, &value, error))
    return FALSE;
  self->spec->hop = (guint) value - 1;
  return TRUE;
}

static gboolean
parse_min_hops (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "number of hops", 1, CEPA_CIRCPAD_MAX_HOPS, &value, error))
    return FALSE;
  self->spec->min_hops = (guint) value;
  return TRUE;
}

static gboolean
parse_purpose (Parse *self, GError **error)
{
  guint32 purposes = 0;

  for (guint i = 1; i < self->n_words; i++)
    {
      guint purpose = 0;

      if (!parse_choice (self, i, "purpose", parse_purposes, &purpose, error))
        return FALSE;
      purposes |= 1u << purpose;
    }
  self->spec->purposes = purposes;
  return TRUE;
}

static gboolean
parse_reduced (Parse *self, GError **error)
{
  guint answer = 0;

  if (!parse_choice (self, 1, "answer", parse_answers, &answer, error))
    return FALSE;
  self->spec->reduced = answer == 1;
  return TRUE;
}

static gboolean
parse_allowed_cells (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "number of cells", 0, CEPA_CIRCPAD_MAX_CELLS, &value, error))
    return FALSE;
  self->spec->allowed_cells = (guint32) value;
  return TRUE;
}

static gboolean
parse_max_percent (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "share", 0, 100, &value, error))
    return FALSE;
  self->spec->max_percent = (guint32) value;
  return TRUE;
}

/* ---- of a state ---- */

static CepaCircpadState *
parse_current (Parse *self)
{
  return &g_array_index (self->states, CepaCircpadState, self->states->len - 1);
}

static gboolean
parse_state (Parse *self, GError **error)
{
  CepaCircpadState state = { .delay_max_us = CEPA_CIRCPAD_MAX_US, .length_max = CEPA_CIRCPAD_MAX_LENGTH };
  guint no_line = 0;

  if (self->states->len == CEPA_CIRCPAD_MAX_STATES)
    return parse_refuse (self, error, "more than %u states", CEPA_CIRCPAD_MAX_STATES);
  if (!parse_name (self, 1, state.name, error))
    return FALSE;
  if (strcmp (state.name, "end") == 0 || strcmp (state.name, "cancel") == 0 || strcmp (state.name, "ignore") == 0)
    return parse_refuse (self, error, "a state cannot be called \"%s\": that has a meaning where it is gone to",
                         state.name);
  for (guint i = 0; i < self->states->len; i++)
    if (strcmp (g_array_index (self->states, CepaCircpadState, i).name, state.name) == 0)
      return parse_refuse (self, error, "a second state \"%s\"", state.name);
  for (guint i = 0; i < CEPA_CIRCPAD_N_EVENTS; i++)
    {
      state.next[i] = CEPA_CIRCPAD_IGNORE;
      g_ptr_array_add (self->targets, NULL);
      g_array_append_val (self->target_lines, no_line);
    }
  g_array_append_val (self->states, state);
  return TRUE;
}

static gboolean
parse_bin (Parse *self, GError **error)
{
  CepaCircpadState *state = parse_current (self);
  gint64 from = 0, to = 0, tokens = 0, least = state->n_bins > 0 ? state->bins[state->n_bins - 1].to_us : 0;

  if (state->n_bins == CEPA_CIRCPAD_MAX_BINS)
    return parse_refuse (self, error, "more than %u bins", CEPA_CIRCPAD_MAX_BINS);
  if (state->delay.shape != CEPA_CIRCPAD_NONE)
    return parse_refuse (self, error, "a state has bins, or a delay");
  if (!parse_number (self, 1, "begin of a bin in microseconds, behind the last", least, CEPA_CIRCPAD_MAX_US - 1, &from,
                     error)
      || !parse_number (self, 2, "end of a bin in microseconds, behind its begin", from + 1, CEPA_CIRCPAD_MAX_US, &to,
                        error)
      || !parse_number (self, 3, "number of tokens", 0, CEPA_CIRCPAD_MAX_TOKENS, &tokens, error))
    return FALSE;
  state->bins[state->n_bins++] = (CepaCircpadBin){ from, to, (guint32) tokens };
  return TRUE;
}

static gboolean
parse_infinity (Parse *self, GError **error)
{
  CepaCircpadState *state = parse_current (self);
  gint64 tokens = 0;

  if (state->delay.shape != CEPA_CIRCPAD_NONE)
    return parse_refuse (self, error, "a state has bins, or a delay");
  if (!parse_number (self, 1, "number of tokens", 0, CEPA_CIRCPAD_MAX_TOKENS, &tokens, error))
    return FALSE;
  state->infinity = (guint32) tokens;
  return TRUE;
}

static gboolean
parse_tokens (Parse *self, GError **error)
{
  guint removal = 0;

  if (!parse_choice (self, 1, "way to take tokens", parse_removals, &removal, error))
    return FALSE;
  parse_current (self)->removal = (CepaCircpadRemoval) removal;
  return TRUE;
}

static gboolean
parse_delay (Parse *self, GError **error)
{
  CepaCircpadState *state = parse_current (self);

  if (state->n_bins > 0 || state->infinity > 0)
    return parse_refuse (self, error, "a state has bins, or a delay");
  return parse_distribution (self, &state->delay, error);
}

static gboolean
parse_delay_shift (Parse *self, GError **error)
{
  return parse_number (self, 1, "time in microseconds", 0, CEPA_CIRCPAD_MAX_US, &parse_current (self)->delay_shift_us,
                       error);
}

static gboolean
parse_delay_max (Parse *self, GError **error)
{
  return parse_number (self, 1, "time in microseconds", 0, CEPA_CIRCPAD_MAX_US, &parse_current (self)->delay_max_us,
                       error);
}

static gboolean
parse_length (Parse *self, GError **error)
{
  return parse_distribution (self, &parse_current (self)->length, error);
}

static gboolean
parse_length_min (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "number of cells", 0, CEPA_CIRCPAD_MAX_LENGTH, &value, error))
    return FALSE;
  parse_current (self)->length_min = (guint32) value;
  return TRUE;
}

static gboolean
parse_length_max (Parse *self, GError **error)
{
  gint64 value = 0;

  if (!parse_number (self, 1, "number of cells", 1, CEPA_CIRCPAD_MAX_LENGTH, &value, error))
    return FALSE;
  parse_current (self)->length_max = (guint32) value;
  return TRUE;
}

static gboolean
parse_length_counts (Parse *self, GError **error)
{
  static const char *const choices[] = { "padding", "all", NULL };
  guint choice = 0;

  if (!parse_choice (self, 1, "kind of cells", choices, &choice, error))
    return FALSE;
  parse_current (self)->length_counts_all = choice == 1;
  return TRUE;
}

static gboolean
parse_on (Parse *self, GError **error)
{
  const char *events[CEPA_CIRCPAD_N_EVENTS + 1] = { NULL };
  char name[CEPA_CIRCPAD_MAX_NAME + 1];
  guint event = 0, place;

  memcpy (events, parse_events, sizeof parse_events);
  if (!parse_choice (self, 1, "event", events, &event, error) || !parse_name (self, 2, name, error))
    return FALSE;
  place = (self->states->len - 1) * CEPA_CIRCPAD_N_EVENTS + event;
  if (self->targets->pdata[place] != NULL)
    return parse_refuse (self, error, "a second \"on %s\" of the state", parse_events[event]);
  self->targets->pdata[place] = g_strdup (name);
  g_array_index (self->target_lines, guint, place) = self->line;
  return TRUE;
}

static const ParseDirective parse_directives[] = {
  { "machine", 1, 1, FALSE, parse_machine },
  { "hop", 1, 1, FALSE, parse_hop },
  { "min-hops", 1, 1, FALSE, parse_min_hops },
  { "purposes", 1, 3, FALSE, parse_purpose },
  { "reduced", 1, 1, FALSE, parse_reduced },
  { "allowed-cells", 1, 1, FALSE, parse_allowed_cells },
  { "max-percent", 1, 1, FALSE, parse_max_percent },
  { "state", 1, 1, FALSE, parse_state },
  { "bin", 3, 3, TRUE, parse_bin },
  { "infinity", 1, 1, TRUE, parse_infinity },
  { "tokens", 1, 1, TRUE, parse_tokens },
  { "delay", 1, 3, TRUE, parse_delay },
  { "delay-shift", 1, 1, TRUE, parse_delay_shift },
  { "delay-max", 1, 1, TRUE, parse_delay_max },
  { "length", 1, 3, TRUE, parse_length },
  { "length-min", 1, 1, TRUE, parse_length_min },
  { "length-max", 1, 1, TRUE, parse_length_max },
  { "length-counts", 1, 1, TRUE, parse_length_counts },
  { "on", 2, 2, TRUE, parse_on },
};

/* ---- lines ---- */

static gboolean
parse_words (Parse *self, GError **error)
{
  const ParseDirective *directive = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (parse_directives) && directive == NULL; i++)
    if (strcmp (self->words[0], parse_directives[i].name) == 0)
      directive = &parse_directives[i];
  if (directive == NULL)
    return parse_refuse (self, error, "there is no \"%s\": see the README for what there is",
                         parse_show (self->words[0]));
  if (self->n_words - 1 < directive->n_arguments || self->n_words - 1 > directive->max_arguments)
    return parse_refuse (self, error, "\"%s\" takes %u to %u words", directive->name, directive->n_arguments,
                         directive->max_arguments);
  if (!self->has_machine && directive->func != parse_machine)
    return parse_refuse (self, error, "\"%s\" before \"machine NAME\", which comes first", directive->name);
  if (directive->of_state && self->states->len == 0)
    return parse_refuse (self, error, "\"%s\" before the first \"state NAME\"", directive->name);
  if (!directive->of_state && directive->func != parse_state && self->states->len > 0)
    return parse_refuse (self, error, "\"%s\" behind a state: it belongs before the first", directive->name);
  return directive->func (self, error);
}

/* @line: @len bytes without the newline. */
static gboolean
parse_line (Parse *self, const char *line, gsize len, GError **error)
{
  char buffer[PARSE_MAX_LINE + 1];
  char *rest = buffer;

  self->line++;
  if (len > PARSE_MAX_LINE)
    return parse_refuse (self, error, "the line is longer than %u bytes", PARSE_MAX_LINE);
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isprint (line[i]) && line[i] != '\t' && line[i] != '\r')
      return parse_refuse (self, error, "byte %u is not printable ASCII", (guint) i + 1);
  memcpy (buffer, line, len);
  buffer[len] = '\0';
  buffer[strcspn (buffer, "#")] = '\0';
  self->n_words = 0;
  while (rest[strspn (rest, " \t\r")] != '\0')
    {
      rest += strspn (rest, " \t\r");
      if (self->n_words == PARSE_MAX_WORDS)
        return parse_refuse (self, error, "more than %u words", PARSE_MAX_WORDS);
      self->words[self->n_words++] = rest;
      rest += strcspn (rest, " \t\r");
      if (*rest != '\0')
        *rest++ = '\0';
    }
  return self->n_words == 0 || parse_words (self, error);
}

static gboolean
parse_resolve_one (Parse *self, guint state, guint event, GError **error)
{
  guint place = state * CEPA_CIRCPAD_N_EVENTS + event;
  const char *name = self->targets->pdata[place];
  gint *next = &g_array_index (self->states, CepaCircpadState, state).next[event];

  if (name == NULL || strcmp (name, "ignore") == 0)
    return TRUE;
  *next = strcmp (name, "end") == 0 ? CEPA_CIRCPAD_END : strcmp (name, "cancel") == 0 ? CEPA_CIRCPAD_CANCEL : G_MININT;
  for (guint i = 0; *next == G_MININT && i < self->states->len; i++)
    if (strcmp (g_array_index (self->states, CepaCircpadState, i).name, name) == 0)
      *next = (gint) i;
  if (*next != G_MININT)
    return TRUE;
  self->line = g_array_index (self->target_lines, guint, place);
  return parse_refuse (self, error, "there is no state \"%s\"", name);
}

/* When every line is there. */
static gboolean
parse_finish (Parse *self, GError **error)
{
  CepaCircpadSpec *spec = self->spec;

  if (!self->has_machine)
    return parse_refuse (self, error, "there is no machine: \"machine NAME\" comes first");
  if (self->states->len == 0)
    return parse_refuse (self, error, "the machine has no state");
  if (spec->min_hops == 0)
    spec->min_hops = spec->hop + 1;
  if (spec->min_hops <= spec->hop)
    return parse_refuse (self, error, "circuits of %u hops have no hop %u: min-hops must be at least hop", spec->min_hops,
                         spec->hop + 1);
  for (guint state = 0; state < self->states->len; state++)
    for (guint event = 0; event < CEPA_CIRCPAD_N_EVENTS; event++)
      if (!parse_resolve_one (self, state, event, error))
        return FALSE;
  spec->n_states = self->states->len;
  spec->states = g_memdup2 (self->states->data, self->states->len * sizeof (CepaCircpadState));
  return TRUE;
}

static gboolean
parse_text (Parse *self, const char *text, gsize len, GError **error)
{
  if (len > CEPA_CIRCPAD_MAX_FILE)
    return parse_refuse (self, error, "the file is longer than %u bytes", CEPA_CIRCPAD_MAX_FILE);
  while (len > 0)
    {
      const char *end = memchr (text, '\n', len);
      gsize n = end != NULL ? (gsize) (end - text) : len;

      if (!parse_line (self, text, n, error))
        return FALSE;
      text += n + (end != NULL);
      len -= n + (end != NULL);
    }
  return parse_finish (self, error);
}

CepaCircpadSpec *
cepa_circpad_spec_parse (const char *text, gsize len, const char *file, GError **error)
{
  g_autoptr (CepaCircpadSpec) spec = g_new0 (CepaCircpadSpec, 1);
  g_autoptr (GArray) states = g_array_new (FALSE, FALSE, sizeof (CepaCircpadState));
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) target_lines = g_array_new (FALSE, FALSE, sizeof (guint));
  Parse self = { .file = file, .spec = spec, .states = states, .targets = targets, .target_lines = target_lines };

  spec->hop = 1;
  spec->purposes = 1u << CEPA_PURPOSE_GENERAL | 1u << CEPA_PURPOSE_INTERNAL;
  return parse_text (&self, text, len, error) ? g_steal_pointer (&spec) : NULL;
}
