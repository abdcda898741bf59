/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <math.h>
#include <string.h>

#include <cepa/services.h>

#define ENGINE_NEVER G_MAXINT64
#define ENGINE_ENDLESS G_MAXUINT32 /* of a state's length */
/* Transitions that one event may lead to, one after the other: a machine that goes in circles stops there until the
   next event. */
#define ENGINE_MAX_STEPS 16

/* What is to be said when all events have been taken in. */
typedef enum
{
  ENGINE_NOTHING,
  ENGINE_SEND,
  ENGINE_CANCEL,
} EngineOrder;

struct _CepaCircpadEngine
{
  const CepaCircpadSpec *spec;
  const CepaHost *host;
  const CepaCircpadState *state; /* (nullable): NULL at the end */
  guint32 tokens[CEPA_CIRCPAD_MAX_BINS + 1]; /* of this state; the one behind the bins is infinity */
  guint32 length;                /* cells that are left to the state */
  gboolean is_scheduled;
  gint64 scheduled_us;           /* when it was */
  guint chosen;                  /* the bin of it */
  guint64 n_padding, n_normal;   /* sent */
  gint64 now_us;
  EngineOrder order;
  gint64 delay_us;
  guint steps;
};

static gboolean engine_step (CepaCircpadEngine *self, CepaCircpadEvent event);

static void
engine_enter (CepaCircpadEngine *self, const CepaCircpadState *state)
{
  double length;

  self->state = state;
  self->length = ENGINE_ENDLESS;
  self->chosen = CEPA_CIRCPAD_MAX_BINS; /* what is scheduled takes no token of this state */
  if (state == NULL)
    return;
  for (guint i = 0; i < state->n_bins; i++)
    self->tokens[i] = state->bins[i].tokens;
  self->tokens[state->n_bins] = state->infinity;
  if (state->length.shape == CEPA_CIRCPAD_NONE)
    return;
  length = round (cepa_circpad_distribution_draw (&state->length, self->host)) + state->length_min;
  self->length = (guint32) MIN (length, state->length_max);
}

CepaCircpadEngine *
cepa_circpad_engine_new (const CepaCircpadSpec *spec, const CepaHost *host)
{
  CepaCircpadEngine *self = g_new0 (CepaCircpadEngine, 1);

  self->spec = spec;
  self->host = host;
  engine_enter (self, &spec->states[0]);
  return self;
}

void
cepa_circpad_engine_free (CepaCircpadEngine *self)
{
  g_free (self);
}

const char *
cepa_circpad_engine_get_state (const CepaCircpadEngine *self)
{
  return self->state != NULL ? self->state->name : "end";
}

guint32
cepa_circpad_engine_get_tokens (const CepaCircpadEngine *self, guint bin)
{
  g_return_val_if_fail (bin <= CEPA_CIRCPAD_MAX_BINS, 0);
  return self->tokens[bin];
}

/* ---- delays ---- */

static gint64
engine_draw_from_bins (CepaCircpadEngine *self)
{
  const CepaCircpadState *state = self->state;
  const CepaCircpadBin *bin;
  guint64 total = 0, draw;
  guint i = 0;

  for (guint b = 0; b <= state->n_bins; b++)
    total += self->tokens[b];
  if (total == 0)
    return ENGINE_NEVER;
  for (draw = cepa_host_random_below (self->host, total); draw >= self->tokens[i]; i++)
    draw -= self->tokens[i];
  self->chosen = i;
  if (i == state->n_bins)
    {
      self->tokens[i] -= state->removal != CEPA_CIRCPAD_KEEP;
      return ENGINE_NEVER;
    }
  bin = &state->bins[i];
  return bin->from_us + (gint64) cepa_host_random_below (self->host, (guint64) (bin->to_us - bin->from_us));
}

static gint64
engine_draw_delay (CepaCircpadEngine *self)
{
  const CepaCircpadState *state = self->state;
  double delay;

  if (state->delay.shape == CEPA_CIRCPAD_NONE)
    return engine_draw_from_bins (self);
  delay = cepa_circpad_distribution_draw (&state->delay, self->host);
  return (gint64) MIN (delay, (double) state->delay_max_us) + state->delay_shift_us;
}

/* Whether the machine has used up what its file allows it. */
static gboolean
engine_is_over_limit (const CepaCircpadEngine *self)
{
  const CepaCircpadSpec *spec = self->spec;

  return spec->max_percent > 0 && self->n_padding >= spec->allowed_cells && self->n_padding > 0
         && self->n_padding * 100 > (self->n_padding + self->n_normal) * spec->max_percent;
}

static void
engine_unschedule (CepaCircpadEngine *self)
{
  if (self->is_scheduled)
    self->order = ENGINE_CANCEL;
  self->is_scheduled = FALSE;
}

/* Returns whether the state has changed for it. */
static gboolean
engine_schedule (CepaCircpadEngine *self)
{
  const CepaCircpadState *state = self->state;

  if (state == NULL || (state->n_bins == 0 && state->infinity == 0 && state->delay.shape == CEPA_CIRCPAD_NONE)
      || engine_is_over_limit (self))
    return FALSE;
  engine_unschedule (self);
  self->delay_us = engine_draw_delay (self);
  if (self->delay_us == ENGINE_NEVER)
    return engine_step (self, CEPA_CIRCPAD_INFINITY);
  if (self->length == 0)
    return FALSE; /* the state was not left for it: there is nothing more to send */
  self->is_scheduled = TRUE;
  self->scheduled_us = self->now_us;
  self->order = ENGINE_SEND;
  return FALSE;
}

/* Returns whether the machine is in another state now. */
static gboolean
engine_step (CepaCircpadEngine *self, CepaCircpadEvent event)
{
  gint next = self->state != NULL ? self->state->next[event] : CEPA_CIRCPAD_IGNORE;

  if (next == CEPA_CIRCPAD_IGNORE || self->steps >= ENGINE_MAX_STEPS)
    return FALSE;
  self->steps++;
  if (next == CEPA_CIRCPAD_CANCEL)
    {
      engine_unschedule (self);
      return FALSE;
    }
  if (next == CEPA_CIRCPAD_END)
    {
      /* What is scheduled goes still. */
      engine_enter (self, NULL);
      return TRUE;
    }
  if (self->state == &self->spec->states[next])
    return engine_schedule (self);
  engine_enter (self, &self->spec->states[next]);
  engine_schedule (self);
  return TRUE;
}

/* ---- tokens ---- */

/* The bin in which a delay lies; the last one for what is beyond them. */
static gint
engine_find_bin (const CepaCircpadState *state, gint64 delay_us)
{
  guint i = 0;

  while (i + 1 < state->n_bins && delay_us >= state->bins[i].to_us)
    i++;
  return (gint) i;
}

static gint64
engine_get_distance (const CepaCircpadState *state, gint bin, gint64 delay_us)
{
  gint64 middle = state->bins[bin].from_us + (state->bins[bin].to_us - state->bins[bin].from_us) / 2;

  return ABS (middle - delay_us);
}

/* Which of the bins that have tokens, below and above, is the closest; -1 for none. */
static gint
engine_choose_closest (const CepaCircpadState *state, gint current, gint lower, gint higher, gint64 delay_us)
{
  gboolean prefers_higher;

  if (lower < 0 || higher < 0)
    return MAX (lower, higher);
  if (state->removal == CEPA_CIRCPAD_CLOSEST)
    prefers_higher = higher - current < current - lower;
  else
    prefers_higher = engine_get_distance (state, higher, delay_us) < engine_get_distance (state, lower, delay_us);
  return prefers_higher ? higher : lower;
}

/* A cell with a purpose went @delay_us after padding was scheduled: it takes a token in its place. */
static void
engine_take_token (CepaCircpadEngine *self, gint64 delay_us)
{
  const CepaCircpadState *state = self->state;
  gint current = engine_find_bin (state, delay_us), lower = current, higher = current, bin = -1;

  while (lower >= 0 && self->tokens[lower] == 0)
    lower--;
  while (higher >= 0 && self->tokens[higher] == 0)
    higher = higher + 1 < (gint) state->n_bins ? higher + 1 : -1;
  switch (state->removal)
    {
    case CEPA_CIRCPAD_KEEP:
      break;
    case CEPA_CIRCPAD_EXACT:
      bin = self->tokens[current] > 0 ? current : -1;
      break;
    case CEPA_CIRCPAD_HIGHER:
      bin = higher;
      break;
    case CEPA_CIRCPAD_LOWER:
      bin = lower;
      break;
    case CEPA_CIRCPAD_CLOSEST:
    case CEPA_CIRCPAD_CLOSEST_TIME:
      bin = engine_choose_closest (state, current, lower, higher, delay_us);
      break;
    }
  if (bin >= 0)
    self->tokens[bin]--;
}

static gboolean
engine_has_tokens (const CepaCircpadEngine *self)
{
  for (guint i = 0; i < self->state->n_bins; i++)
    if (self->tokens[i] > 0)
      return TRUE;
  return FALSE;
}

/* What follows from a token or a place less. Returns whether the state has changed. */
static gboolean
engine_check_supply (CepaCircpadEngine *self)
{
  if (self->state->n_bins > 0 && self->state->removal != CEPA_CIRCPAD_KEEP && !engine_has_tokens (self)
      && engine_step (self, CEPA_CIRCPAD_BINS_EMPTY))
    return TRUE;
  return self->length == 0 && engine_step (self, CEPA_CIRCPAD_LENGTH_UP);
}

/* ---- cells ---- */

static void
engine_count_length (CepaCircpadEngine *self, guint32 n)
{
  if (self->length != ENGINE_ENDLESS)
    self->length -= MIN (self->length, n);
}

/* A cell of padding was sent. Returns whether the state has changed. */
static gboolean
engine_padding_sent (CepaCircpadEngine *self)
{
  if (self->state == NULL)
    return FALSE;
  engine_count_length (self, 1);
  if (self->is_scheduled && self->chosen < self->state->n_bins && self->state->removal != CEPA_CIRCPAD_KEEP
      && self->tokens[self->chosen] > 0)
    self->tokens[self->chosen]--;
  self->is_scheduled = FALSE;
  return engine_check_supply (self) || engine_step (self, CEPA_CIRCPAD_PADDING_SENT);
}

static gboolean
engine_normal_sent (CepaCircpadEngine *self)
{
  if (self->state == NULL)
    return FALSE;
  if (self->state->length_counts_all)
    engine_count_length (self, 1);
  if (self->is_scheduled && self->state->n_bins > 0 && self->state->removal != CEPA_CIRCPAD_KEEP)
    {
      engine_take_token (self, self->now_us - self->scheduled_us);
      engine_unschedule (self);
    }
  return engine_check_supply (self) || engine_step (self, CEPA_CIRCPAD_NORMAL_SENT);
}

/* Cells of one kind, @n at the same time: as long as each leads to another state they are taken one by one. The rest
   would only draw again what was drawn last, and is counted. */
static void
engine_sent (CepaCircpadEngine *self, gboolean is_padding, guint32 n)
{
  gboolean counts;

  *(is_padding ? &self->n_padding : &self->n_normal) += n;
  while (n-- > 0)
    if (!(is_padding ? engine_padding_sent (self) : engine_normal_sent (self)))
      break;
  counts = self->state != NULL && (is_padding || self->state->length_counts_all);
  if (!counts || n == 0 || n == G_MAXUINT32)
    return;
  engine_count_length (self, n);
  engine_check_supply (self);
}

static void
engine_received (CepaCircpadEngine *self, CepaCircpadEvent event, guint32 n)
{
  while (n-- > 0 && engine_step (self, event))
    continue;
}

static void
engine_handle (CepaCircpadEngine *self, const CepaPaddingEvent *event)
{
  self->steps = 0;
  switch (event->type)
    {
    case CEPA_PADDING_NORMAL_SENT:
      engine_sent (self, FALSE, event->count);
      break;
    case CEPA_PADDING_PADDING_SENT:
      engine_sent (self, TRUE, event->count);
      break;
    case CEPA_PADDING_NORMAL_RECEIVED:
      engine_received (self, CEPA_CIRCPAD_NORMAL_RECEIVED, event->count);
      break;
    case CEPA_PADDING_PADDING_RECEIVED:
      engine_received (self, CEPA_CIRCPAD_PADDING_RECEIVED, event->count);
      break;
    case CEPA_PADDING_OPENED:
      engine_step (self, CEPA_CIRCPAD_OPENED);
      break;
    case CEPA_PADDING_IN_USE:
      engine_step (self, CEPA_CIRCPAD_IN_USE);
      break;
    case CEPA_PADDING_UNUSED:
      engine_step (self, CEPA_CIRCPAD_UNUSED);
      break;
    case CEPA_PADDING_REFUSED:
      if (self->now_us >= self->scheduled_us + self->delay_us)
        self->is_scheduled = FALSE; /* it was this one */
      break;
    default:
      break;
    }
}

guint32
cepa_circpad_engine_trigger (CepaCircpadEngine *self, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                             CepaPaddingAction *actions, guint32 max_actions)
{
  self->now_us = now_us;
  self->order = ENGINE_NOTHING;
  for (guint32 i = 0; i < n_events; i++)
    engine_handle (self, &events[i]);
  if (max_actions == 0 || self->order == ENGINE_NOTHING)
    return 0;
  if (self->order == ENGINE_SEND)
    actions[0] = (CepaPaddingAction){ .type = CEPA_PADDING_SEND, .hop = self->spec->hop, .timeout_us = self->delay_us };
  else
    actions[0] = (CepaPaddingAction){ .type = CEPA_PADDING_CANCEL, .timers = CEPA_PADDING_TIMER_ACTION };
  return 1;
}
