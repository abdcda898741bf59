/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/padder.h"

#include <string.h>

#include "channel/padder-private.h"

/* The most that one turn tells: three changes of use, three counts each way, and what comes of actions. */
#define PADDER_MAX_EVENTS (3 + 6 + CEPA_PADDER_MAX_OWN)
#define PADDER_ALL_FLAGS (CEPA_PADDING_BYPASS | CEPA_PADDING_REPLACE)
#define PADDER_ALL_TIMERS (CEPA_PADDING_TIMER_ACTION | CEPA_PADDING_TIMER_INTERNAL)

/* What a machine may break; each is told once. */
typedef enum
{
  PADDER_RULE_BUDGET,
  PADDER_RULE_ROOM,
  PADDER_RULE_ACTION,
  PADDER_RULE_HOP,
  PADDER_RULE_BLOCK,
  PADDER_RULE_TIME,
  PADDER_RULE_NEGOTIATE,
} PadderRule;

static const char *const padder_rules[]
    = { "padding-budget", "padding-room", "padding-action", "padding-hop", "padding-block", "padding-time",
        "padding-negotiate" };

struct _CepaPadders
{
  const CepaCellCounts *counts; /* of the channel */
  void (*wake) (gpointer user_data);
  gpointer user_data;
  GPtrArray *list; /* (element-type CepaPadder) (nullable elements) */
  gint64 due_us;
};

CepaPadders *
cepa_padders_new (const CepaCellCounts *counts, void (*wake) (gpointer user_data), gpointer user_data)
{
  CepaPadders *self = g_new0 (CepaPadders, 1);

  self->counts = counts;
  self->wake = wake;
  self->user_data = user_data;
  self->list = g_ptr_array_new ();
  self->due_us = CEPA_PADDER_NEVER;
  return self;
}

void
cepa_padders_free (CepaPadders *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->list);
  g_free (self);
}

gboolean
cepa_padders_has_any (const CepaPadders *self)
{
  return self->list->len > 0;
}

gint64
cepa_padders_get_due_us (const CepaPadders *self)
{
  return self->due_us;
}

CepaPadder *
cepa_padder_new (CepaPadding *padding, CepaPadders *padders, const CepaPaddingTarget *target,
                 const CepaCellCounts *counts, const CepaPadderFuncs *funcs, gpointer user_data)
{
  CepaPadder *self = g_new0 (CepaPadder, 1);

  self->padding = padding;
  self->padders = padders;
  self->target = *target;
  self->target.size = sizeof self->target;
  self->counts = counts;
  self->funcs = funcs;
  self->user_data = user_data;
  self->opened_us = cepa_clock_monotonic_us (cepa_padding_get_clock (padding));
  cepa_padding_add (padding, self);
  return self;
}

void
cepa_padder_free (CepaPadder *self)
{
  if (self == NULL)
    return;
  cepa_padding_remove (self->padding, self);
  for (guint i = 0; self->is_listed && i < self->padders->list->len; i++)
    if (g_ptr_array_index (self->padders->list, i) == self)
      self->padders->list->pdata[i] = NULL;
  if (self->machine.trigger != NULL)
    self->machine.free (self->machine.machine);
  self->machine = (CepaPaddingMachine){ 0 };
  self->is_dead = TRUE;
  if (!self->is_turning) /* or its turn ends it */
    g_free (self);
}

void
cepa_padder_take_machine (CepaPadder *self, const CepaPaddingMachine *machine)
{
  self->machine = *machine;
  memset (&self->run, 0, sizeof self->run);
  self->run.seen = self->run.noticed = *self->counts;
  self->run.own_due_us = self->run.action_due_us = self->run.timer_due_us = CEPA_PADDER_NEVER;
  if (!self->is_listed)
    g_ptr_array_add (self->padders->list, self);
  self->is_listed = TRUE;
  self->padders->wake (self->padders->user_data);
}

void
cepa_padder_drop_machine (CepaPadder *self)
{
  CepaPaddingMachine machine = self->machine;

  self->machine = (CepaPaddingMachine){ 0 };
  self->must_release |= self->run.is_blocked;
  machine.free (machine.machine);
  /* The link is left as it was found: the relay pads as the consensus says. */
  if (self->run.has_negotiated)
    self->funcs->negotiate (self->user_data, TRUE, 0, 0);
  self->padders->wake (self->padders->user_data);
}

void
cepa_padder_set_in_use (CepaPadder *self, gboolean in_use)
{
  if (self == NULL || self->in_use == in_use)
    return;
  self->in_use = in_use;
  if (self->machine.trigger != NULL)
    self->padders->wake (self->padders->user_data);
}

void
cepa_padder_note_stream (CepaPadder *self)
{
  if (self == NULL || self->has_stream)
    return;
  self->has_stream = TRUE;
  if (self->machine.trigger != NULL)
    self->padders->wake (self->padders->user_data);
}

/* ---- what the machine did wrong ---- */

static void G_GNUC_PRINTF (3, 4)
padder_violated (CepaPadder *self, PadderRule rule, const char *format, ...)
{
  g_autofree char *sentence = NULL;
  va_list args;

  if (self->machine.trigger == NULL || (self->run.broken & 1u << rule) != 0)
    return;
  self->run.broken |= 1u << rule;
  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);
  self->machine.violated (self->machine.machine, padder_rules[rule], sentence);
}

/* ---- events ---- */

static void
padder_want_turn (CepaPadder *self, gint64 due_us)
{
  CepaPadderRun *run = &self->run;

  run->own_due_us = run->own_due_us == CEPA_PADDER_NEVER ? due_us : MIN (run->own_due_us, due_us);
}

/* An event of the machine's own doing, told in the next turn, which comes by @due_us. */
static void
padder_tell_own (CepaPadder *self, CepaPaddingEventType type, gint64 due_us)
{
  CepaPadderRun *run = &self->run;
  CepaPaddingEvent *last = run->n_own > 0 ? &run->own[run->n_own - 1] : NULL;

  if (last != NULL && last->type == type)
    last->count++;
  else if (run->n_own < CEPA_PADDER_MAX_OWN)
    run->own[run->n_own++] = (CepaPaddingEvent){ type, 1 };
  padder_want_turn (self, due_us);
}

static guint
padder_add_event (CepaPaddingEvent *events, guint n, CepaPaddingEventType type, guint64 count)
{
  if (count > 0)
    events[n++] = (CepaPaddingEvent){ type, (guint32) MIN (count, G_MAXUINT32) };
  return n;
}

static guint
padder_collect_use (CepaPadder *self, CepaPaddingEvent *events)
{
  CepaPadderRun *run = &self->run;
  guint n = 0;

  n = padder_add_event (events, n, CEPA_PADDING_OPENED, !run->told_opened);
  if (run->told_in_use != self->in_use)
    n = padder_add_event (events, n, self->in_use ? CEPA_PADDING_IN_USE : CEPA_PADDING_UNUSED, 1);
  n = padder_add_event (events, n, CEPA_PADDING_STREAM, self->has_stream && !run->told_stream);
  run->told_opened = TRUE;
  run->told_in_use = self->in_use;
  run->told_stream = self->has_stream;
  return n;
}

static guint
padder_collect_received (CepaPadder *self, CepaPaddingEvent *events, guint n)
{
  CepaCellCounts *seen = &self->run.seen;
  guint64 all = self->counts->received - seen->received;
  guint64 padding = self->counts->padding_received - seen->padding_received;

  n = padder_add_event (events, n, CEPA_PADDING_TUNNEL_RECEIVED, all);
  n = padder_add_event (events, n, CEPA_PADDING_NORMAL_RECEIVED, all - padding);
  n = padder_add_event (events, n, CEPA_PADDING_PADDING_RECEIVED, padding);
  seen->received = self->counts->received;
  seen->padding_received = self->counts->padding_received;
  return n;
}

/* How many cells have left for the network. Those of others are between them in the channel's queue: all up to a mark
   are known to have left when the mark has. */
static guint64
padder_count_left (CepaPadder *self, guint64 n_new, guint64 n_left)
{
  CepaPadderRun *run = &self->run;
  guint64 n_queued = self->padders->counts->sent, n = 0;

  run->waiting += n_new;
  if (run->marked > 0 && n_left >= run->mark)
    {
      n += run->marked;
      run->marked = 0;
    }
  if (run->marked == 0 && run->waiting > 0)
    {
      if (n_left >= n_queued)
        n += run->waiting;
      else
        {
          run->marked = run->waiting;
          run->mark = n_queued;
        }
      run->waiting = 0;
    }
  return n;
}

static guint
padder_collect_sent (CepaPadder *self, CepaPaddingEvent *events, guint n, guint64 n_left)
{
  CepaCellCounts *seen = &self->run.seen;
  guint64 all = self->counts->sent - seen->sent;
  guint64 padding = self->counts->padding_sent - seen->padding_sent;

  n = padder_add_event (events, n, CEPA_PADDING_PADDING_SENT, padding + self->run.n_replaced);
  n = padder_add_event (events, n, CEPA_PADDING_NORMAL_SENT, all - padding);
  n = padder_add_event (events, n, CEPA_PADDING_TUNNEL_SENT, padder_count_left (self, all, n_left));
  self->run.n_replaced = 0;
  if (self->target.scope == CEPA_PADDING_CIRCUIT)
    cepa_padding_note_normal (self->padding, all - padding);
  seen->sent = self->counts->sent;
  seen->padding_sent = self->counts->padding_sent;
  return n;
}

/* ---- actions ---- */

/* A cell with a purpose goes out now: one was queued in this turn, or waits still. */
static gboolean
padder_is_busy (const CepaPadder *self)
{
  const CepaPadderRun *run = &self->run;
  guint64 normal = self->counts->sent - self->counts->padding_sent;

  return normal != run->seen.sent - run->seen.padding_sent || run->waiting + run->marked > 0;
}

static void
padder_refuse (CepaPadder *self, CepaPaddingVerdict verdict, gint64 now_us)
{
  if (verdict == CEPA_PADDING_OVER_BUDGET)
    padder_violated (self, PADDER_RULE_BUDGET,
                     "it sent more padding than its budget, %" G_GUINT64_FORMAT " cells so far, has for %s %"
                     G_GUINT64_FORMAT ": heed CEPA_PADDING_REFUSED", self->n_spent,
                     self->target.scope == CEPA_PADDING_CHANNEL ? "channel" : "circuit", (guint64) self->target.number);
  padder_tell_own (self, CEPA_PADDING_REFUSED, now_us + CEPA_PADDING_REFUSAL_DELAY_US);
}

/* Padding that a cell with a purpose stands for: FALSE when there is none. */
static gboolean
padder_replace (CepaPadder *self)
{
  if (!self->run.is_blocked)
    return padder_is_busy (self);
  return self->funcs->release_one != NULL && self->funcs->release_one (self->user_data);
}

static void
padder_send (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  CepaPaddingVerdict verdict;

  if ((action->flags & CEPA_PADDING_REPLACE) != 0 && padder_replace (self))
    {
      self->run.n_replaced++;
      padder_want_turn (self, now_us);
      return;
    }
  if (self->is_dead)
    return;
  if (!self->funcs->has_room (self->user_data))
    {
      padder_refuse (self, CEPA_PADDING_FORBIDDEN, now_us);
      return;
    }
  verdict = cepa_padding_spend (self->padding, self, TRUE, now_us);
  if (verdict == CEPA_PADDING_ALLOWED)
    self->funcs->send (self->user_data, action->hop);
  else
    padder_refuse (self, verdict, now_us);
}

static void
padder_unblock (CepaPadder *self, gint64 now_us)
{
  self->run.is_blocked = FALSE;
  self->must_release = TRUE;
  padder_tell_own (self, CEPA_PADDING_BLOCKING_END, now_us);
}

/* What was held back goes, which may close the circuit. */
static void
padder_release (CepaPadder *self)
{
  if (self->is_dead || !self->must_release)
    return;
  self->must_release = FALSE;
  self->funcs->hold (self->user_data, FALSE);
}

static void
padder_block (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  CepaPadderRun *run = &self->run;
  gint64 until_us = now_us + action->duration_us;

  if (run->is_blocked && until_us <= run->blocked_until_us && (action->flags & CEPA_PADDING_REPLACE) == 0)
    return;
  if (until_us <= now_us)
    {
      if (run->is_blocked)
        padder_unblock (self, now_us);
      return;
    }
  run->lets_bypass = (action->flags & CEPA_PADDING_BYPASS) != 0;
  run->blocked_until_us = until_us;
  padder_tell_own (self, CEPA_PADDING_BLOCKING_BEGIN, now_us);
  if (run->is_blocked)
    return;
  run->is_blocked = TRUE;
  self->must_release = FALSE;
  self->funcs->hold (self->user_data, TRUE);
}

/* When the pending SEND or BLOCK is to be done. Padding that blocking does not let through waits for its end. */
static gint64
padder_get_action_due (const CepaPadder *self)
{
  const CepaPadderRun *run = &self->run;
  gboolean waits = run->is_blocked && run->action.type == CEPA_PADDING_SEND
                   && !(run->lets_bypass && (run->action.flags & CEPA_PADDING_BYPASS) != 0);

  if (run->action_due_us == CEPA_PADDER_NEVER)
    return CEPA_PADDER_NEVER;
  return waits ? MAX (run->action_due_us, run->blocked_until_us) : run->action_due_us;
}

static void
padder_run_action (CepaPadder *self, gint64 now_us)
{
  gint64 due_us = padder_get_action_due (self);

  if (due_us == CEPA_PADDER_NEVER || due_us > now_us)
    return;
  self->run.action_due_us = CEPA_PADDER_NEVER;
  if (self->run.action.type == CEPA_PADDING_SEND)
    padder_send (self, &self->run.action, now_us);
  else
    padder_block (self, &self->run.action, now_us);
}

static void
padder_run_timers (CepaPadder *self, gint64 now_us)
{
  CepaPadderRun *run = &self->run;

  if (run->timer_due_us != CEPA_PADDER_NEVER && run->timer_due_us <= now_us)
    {
      run->timer_due_us = CEPA_PADDER_NEVER;
      padder_tell_own (self, CEPA_PADDING_TIMER_END, now_us);
    }
  if (run->is_blocked && run->blocked_until_us <= now_us)
    padder_unblock (self, now_us);
  padder_run_action (self, now_us);
}

static gboolean
padder_check_time (CepaPadder *self, const char *what, gint64 value_us, gint64 maximum_us)
{
  if (value_us >= 0 && value_us <= maximum_us)
    return TRUE;
  padder_violated (self, PADDER_RULE_TIME, "an action with a %s of %" G_GINT64_FORMAT " us: from 0 to %" G_GINT64_FORMAT
                   " is possible", what, value_us, maximum_us);
  return FALSE;
}

static void
padder_schedule (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  gboolean is_circuit = self->target.scope == CEPA_PADDING_CIRCUIT;

  if (!padder_check_time (self, "timeout", action->timeout_us, CEPA_PADDING_MAX_DELAY_US))
    return;
  if (action->type == CEPA_PADDING_SEND && is_circuit && action->hop >= self->target.n_hops)
    {
      padder_violated (self, PADDER_RULE_HOP, "SEND to hop %u of a circuit with %u: count from 0, the guard",
                       action->hop, self->target.n_hops);
      return;
    }
  if (action->type == CEPA_PADDING_BLOCK && !is_circuit)
    {
      padder_violated (self, PADDER_RULE_BLOCK, "BLOCK on a channel, where circuits alone can be blocked");
      return;
    }
  if (action->type == CEPA_PADDING_BLOCK
      && !padder_check_time (self, "duration of blocking", action->duration_us, CEPA_PADDING_MAX_BLOCK_US))
    return;
  self->run.action = *action;
  self->run.action_due_us = now_us + action->timeout_us;
  padder_run_action (self, now_us);
}

static void
padder_cancel (CepaPadder *self, const CepaPaddingAction *action)
{
  if (action->timers == 0 || (action->timers & ~PADDER_ALL_TIMERS) != 0)
    {
      padder_violated (self, PADDER_RULE_ACTION, "CANCEL of the timers %#x: bits of CEPA_PADDING_TIMER_* are known",
                       action->timers);
      return;
    }
  if ((action->timers & CEPA_PADDING_TIMER_ACTION) != 0)
    self->run.action_due_us = CEPA_PADDER_NEVER;
  if ((action->timers & CEPA_PADDING_TIMER_INTERNAL) != 0)
    self->run.timer_due_us = CEPA_PADDER_NEVER;
}

static void
padder_update_timer (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  CepaPadderRun *run = &self->run;

  if (!padder_check_time (self, "duration of the timer", action->duration_us, CEPA_PADDING_MAX_DELAY_US))
    return;
  if ((action->flags & CEPA_PADDING_REPLACE) == 0 && run->timer_due_us >= now_us + action->duration_us)
    return;
  run->timer_due_us = now_us + action->duration_us;
  padder_tell_own (self, CEPA_PADDING_TIMER_BEGIN, now_us);
}

static void
padder_negotiate (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  CepaPaddingVerdict verdict;

  if (self->funcs->negotiate == NULL || self->target.link_version < 5)
    {
      padder_violated (self, PADDER_RULE_NEGOTIATE, "NEGOTIATE on a %s: it is for channels of link version 5",
                       self->funcs->negotiate == NULL ? "circuit" : "channel of an older link version");
      return;
    }
  if (action->low_ms > action->high_ms || action->high_ms > CEPA_PADDING_MAX_NEGOTIATED_MS)
    {
      padder_violated (self, PADDER_RULE_NEGOTIATE, "NEGOTIATE of %u to %u ms: low first, up to %u", action->low_ms,
                       action->high_ms, CEPA_PADDING_MAX_NEGOTIATED_MS);
      return;
    }
  verdict = cepa_padding_spend (self->padding, self, FALSE, now_us);
  if (verdict != CEPA_PADDING_ALLOWED)
    {
      padder_refuse (self, verdict, now_us);
      return;
    }
  self->funcs->negotiate (self->user_data, action->high_ms > 0, action->low_ms, action->high_ms);
  self->run.has_negotiated = TRUE;
}

static void
padder_act (CepaPadder *self, const CepaPaddingAction *action, gint64 now_us)
{
  if ((action->flags & ~PADDER_ALL_FLAGS) != 0)
    {
      padder_violated (self, PADDER_RULE_ACTION, "an action with the flags %#x: BYPASS and REPLACE are known",
                       action->flags);
      return;
    }
  switch (action->type)
    {
    case CEPA_PADDING_CANCEL:
      padder_cancel (self, action);
      break;
    case CEPA_PADDING_SEND:
    case CEPA_PADDING_BLOCK:
      padder_schedule (self, action, now_us);
      break;
    case CEPA_PADDING_UPDATE_TIMER:
      padder_update_timer (self, action, now_us);
      break;
    case CEPA_PADDING_NEGOTIATE:
      padder_negotiate (self, action, now_us);
      break;
    default:
      padder_violated (self, PADDER_RULE_ACTION, "an action of type %u, which is none of CepaPaddingActionType",
                       action->type);
    }
}

/* ---- turns ---- */

static void
padder_trigger (CepaPadder *self, const CepaPaddingEvent *events, guint n_events, gint64 now_us)
{
  CepaPaddingAction actions[CEPA_PADDING_MAX_ACTIONS];
  guint32 n;

  memset (actions, 0, sizeof actions);
  n = self->machine.trigger (self->machine.machine, events, n_events, now_us, actions, CEPA_PADDING_MAX_ACTIONS);
  if (n > CEPA_PADDING_MAX_ACTIONS)
    {
      padder_violated (self, PADDER_RULE_ROOM, "trigger said that there are %u actions in a room for %u: all are dropped",
                       n, CEPA_PADDING_MAX_ACTIONS);
      return;
    }
  for (guint32 i = 0; i < n && self->machine.trigger != NULL; i++)
    padder_act (self, &actions[i], now_us);
}

/* A patient machine is told of cells when there is something else to tell, with the time of the last of them. */
static gboolean
padder_has_news (const CepaPadder *self)
{
  const CepaPadderRun *run = &self->run;

  return run->n_own > 0 || run->n_replaced > 0 || !run->told_opened || run->told_in_use != self->in_use
         || run->told_stream != self->has_stream;
}

static void
padder_tell_cells_late (CepaPadder *self, gint64 now_us, guint64 n_left)
{
  CepaPadderRun *run = &self->run;
  CepaPaddingEvent events[PADDER_MAX_EVENTS];
  guint n;

  if (memcmp (&run->noticed, self->counts, sizeof run->noticed) != 0)
    {
      run->noticed = *self->counts;
      run->noticed_us = now_us;
    }
  if (!padder_has_news (self))
    return;
  n = padder_collect_received (self, events, 0);
  n = padder_collect_sent (self, events, n, n_left);
  if (n > 0)
    padder_trigger (self, events, n, run->noticed_us);
}

static void
padder_tell (CepaPadder *self, gint64 now_us, guint64 n_left)
{
  CepaPadderRun *run = &self->run;
  CepaPaddingEvent events[PADDER_MAX_EVENTS];
  guint n;

  if (self->machine.is_patient)
    {
      padder_tell_cells_late (self, now_us, n_left);
      if (self->machine.trigger == NULL)
        return;
      if (!padder_has_news (self))
        {
          run->own_due_us = CEPA_PADDER_NEVER;
          return;
        }
    }
  n = padder_collect_use (self, events);
  n = padder_collect_received (self, events, n);
  memcpy (events + n, run->own, run->n_own * sizeof *events);
  n += run->n_own;
  run->n_own = 0;
  run->own_due_us = CEPA_PADDER_NEVER;
  n = padder_collect_sent (self, events, n, n_left);
  if (n > 0)
    padder_trigger (self, events, n, now_us);
}

static void
padder_turn (CepaPadder *self, gint64 now_us, guint64 n_left)
{
  self->is_turning = TRUE;
  if (self->machine.trigger != NULL)
    padder_run_timers (self, now_us);
  padder_release (self);
  if (self->machine.trigger != NULL)
    padder_tell (self, now_us, n_left);
  padder_release (self);
  self->is_turning = FALSE;
  if (self->is_dead)
    g_free (self);
}

static gint64
padder_sooner (gint64 a, gint64 b)
{
  return a == CEPA_PADDER_NEVER ? b : b == CEPA_PADDER_NEVER ? a : MIN (a, b);
}

static gint64
padder_get_due (const CepaPadder *self)
{
  const CepaPadderRun *run = &self->run;
  gint64 due = padder_sooner (padder_get_action_due (self), run->timer_due_us);

  if (run->is_blocked)
    due = padder_sooner (due, run->blocked_until_us);
  return padder_sooner (due, run->own_due_us);
}

/* Forgets those that are gone, and finds when the next turn is due. */
static void
padders_tidy (CepaPadders *self, gint64 now_us)
{
  gint64 due = CEPA_PADDER_NEVER;
  guint n = 0;

  for (guint i = 0; i < self->list->len; i++)
    {
      CepaPadder *padder = g_ptr_array_index (self->list, i);

      if (padder == NULL)
        continue;
      padder->is_listed = padder->machine.trigger != NULL || padder->must_release;
      if (!padder->is_listed)
        continue;
      due = padder_sooner (due, padder->machine.trigger != NULL ? padder_get_due (padder) : now_us);
      self->list->pdata[n++] = padder;
    }
  g_ptr_array_set_size (self->list, (gint) n);
  self->due_us = due == CEPA_PADDER_NEVER ? due : MAX (due, now_us + CEPA_PADDING_MIN_DELAY_US);
}

void
cepa_padders_turn (CepaPadders *self, gint64 now_us, guint64 n_left)
{
  for (guint i = 0; i < self->list->len; i++)
    {
      CepaPadder *padder = g_ptr_array_index (self->list, i);

      if (padder != NULL)
        padder_turn (padder, now_us, n_left);
    }
  padders_tidy (self, now_us);
}
