/* SPDX-License-Identifier: BSD-3-Clause */
/* Which guard the next circuit goes through, and which circuits may be used (guard-spec 4.6 to 4.9). */
#include "base/log.h"
#include "path/guards-private.h"

/* With fewer usable guards, who lacked documents before is asked again (C Tor: MIN_GUARDS_FOR_MD_RESTRICTION). */
#define CHOOSE_MIN_FOR_OUTDATED 10

typedef enum
{
  TICKET_USABLE_ON_COMPLETION,
  TICKET_USABLE_IF_NO_BETTER,
  TICKET_WAITING,
  TICKET_COMPLETE,
  TICKET_DEAD,
} TicketState;

struct _CepaGuardTicket
{
  CepaGuards *guards; /* (nullable): NULL when they are gone */
  Guard *guard;       /* (nullable): NULL when it has left its set */
  CepaGuardKind kind;
  TicketState state;
  gint64 state_set_us; /* monotonic */
  gboolean is_due;     /* @func is to be told @verdict */
  CepaGuardVerdict verdict;
  CepaGuardTicketFunc func;
  gpointer user_data;
  gboolean has_exit, any_subnet;
  guint8 exit_id[20];
  GArray *excluded, *outdated; /* (nullable) (element-type guint8[20]) */
  CepaPathBiasStage stage;
};

static gboolean
choose_contains (const guint8 (*ids)[20], guint n, const guint8 rsa_id[20])
{
  for (guint i = 0; i < n; i++)
    if (memcmp (ids[i], rsa_id, 20) == 0)
      return TRUE;
  return FALSE;
}

/* Whether the path, and not what the guard can do, rules it out. */
static gboolean
choose_path_allows (const CepaGuards *self, const Guard *guard, const CepaGuardRestriction *restriction)
{
  gint exit_row;

  if (restriction == NULL)
    return TRUE;
  if (choose_contains (restriction->excluded, restriction->n_excluded, guard->rsa_id))
    return FALSE;
  if (restriction->exit_id == NULL)
    return TRUE;
  if (memcmp (restriction->exit_id, guard->rsa_id, sizeof guard->rsa_id) == 0)
    return FALSE;
  exit_row = self->network != NULL ? cepa_network_find (self->network, restriction->exit_id) : -1;
  if (exit_row < 0 || guard->row < 0)
    return TRUE;
  return !cepa_network_same_family (self->network, (guint) guard->row, (guint) exit_row)
         && (restriction->any_subnet
             || !cepa_network_same_subnet (self->network, (guint) guard->row, (guint) exit_row));
}

static gboolean
choose_allows (const CepaGuards *self, const Guard *guard, const CepaGuardRestriction *restriction)
{
  return choose_path_allows (self, guard, restriction)
         && (restriction == NULL
             || !choose_contains (restriction->outdated, restriction->n_outdated, guard->rsa_id));
}

static gboolean
choose_can (const Guard *guard, CepaGuardKind kind)
{
  return kind == CEPA_GUARD_DIRECTORY || guard->has_keys;
}

/* The primary guards that a circuit may be spread over, in an order drawn anew; then those besides. */
static void
choose_list_primary (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction, GPtrArray *out)
{
  GPtrArray *primary = self->current->primary;
  guint wanted = (guint) (kind == CEPA_GUARD_DATA ? self->params.n_data : self->params.n_directory);
  guint n_considered = 0, n_first = 0;

  for (guint i = 0; i < primary->len; i++)
    {
      Guard *guard = g_ptr_array_index (primary, i);

      if (!choose_path_allows (self, guard, restriction))
        {
          /* It is one of those to spread over, so that a restriction does not bring in another. */
          n_considered++;
          continue;
        }
      if (!choose_allows (self, guard, restriction) || !cepa_guard_is_usable (guard) || !choose_can (guard, kind))
        continue;
      if (n_considered < wanted || out->len == 0)
        n_first++;
      n_considered++;
      g_ptr_array_add (out, guard);
    }
  for (guint i = n_first; i > 1; i--)
    {
      guint j = (guint) cepa_random_below (self->random, i);
      gpointer other = out->pdata[j];

      out->pdata[j] = out->pdata[i - 1];
      out->pdata[i - 1] = other;
    }
}

/* Confirmed guards (or those that are not), in the order of sampling, that are (not) being tried already. */
static void
choose_list_others (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction,
                    gboolean is_confirmed, gboolean is_pending, GPtrArray *out)
{
  GPtrArray *sampled = self->current->sampled;

  for (guint i = 0; i < sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (sampled, i);

      if (!guard->is_primary && (guard->confirmed_index >= 0) == is_confirmed && (guard->n_pending > 0) == is_pending
          && cepa_guard_is_usable (guard) && choose_can (guard, kind) && choose_allows (self, guard, restriction))
        g_ptr_array_add (out, guard);
    }
}

/* Fills @out with guards, the best first. */
static void
choose_list (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction, GPtrArray *out)
{
  GuardSet *set = self->current;
  CepaGuardRestriction relaxed;
  guint n_usable = 0;

  cepa_guards_ensure_sample (self, set); /* it also looks who may be tried again */
  for (guint i = 0; i < set->sampled->len; i++)
    n_usable += cepa_guard_is_usable (g_ptr_array_index (set->sampled, i));
  cepa_guards_ensure_primary (self, set);
  if (restriction != NULL && restriction->n_outdated > 0 && n_usable < CHOOSE_MIN_FOR_OUTDATED)
    {
      relaxed = *restriction;
      relaxed.n_outdated = 0;
      restriction = &relaxed;
    }
  choose_list_primary (self, kind, restriction, out);
  choose_list_others (self, kind, restriction, TRUE, FALSE, out);
  choose_list_others (self, kind, restriction, FALSE, FALSE, out);
  choose_list_others (self, kind, restriction, TRUE, TRUE, out);
  choose_list_others (self, kind, restriction, FALSE, TRUE, out);
  if (out->len > 0)
    return;
  cepa_log (CEPA_LOG_GUARD, CEPA_LOG_INFO, "No guard is usable: all of them are to be tried again");
  for (guint i = 0; i < set->sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);

      if (guard->reachable == CEPA_GUARD_DOWN)
        guard->reachable = CEPA_GUARD_MAYBE;
    }
}

gboolean
cepa_guards_list_candidates (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction, GArray *rows)
{
  g_autoptr (GPtrArray) guards = NULL;

  g_array_set_size (rows, 0);
  if (!self->config.use_entry_guards || self->current->kind == CEPA_GUARDS_BRIDGES)
    return FALSE;
  guards = g_ptr_array_new ();
  choose_list (self, kind, restriction, guards);
  for (guint i = 0; i < guards->len; i++)
    {
      guint32 row = (guint32) ((Guard *) g_ptr_array_index (guards, i))->row;

      g_array_append_val (rows, row);
    }
  return TRUE;
}

gboolean
cepa_guards_list_identities (CepaGuards *self, CepaGuardKind kind, const CepaGuardRestriction *restriction,
                             GArray *identities)
{
  g_autoptr (GPtrArray) guards = NULL;

  g_array_set_size (identities, 0);
  if (!self->config.use_entry_guards)
    return FALSE;
  guards = g_ptr_array_new ();
  choose_list (self, kind, restriction, guards);
  for (guint i = 0; i < guards->len; i++)
    g_array_append_vals (identities, ((Guard *) g_ptr_array_index (guards, i))->rsa_id, 1);
  return TRUE;
}

guint
cepa_guards_count_missing (CepaGuards *self)
{
  guint n_missing = 0, n_looked_at = 0;

  if (!self->config.use_entry_guards)
    return 0;
  cepa_guards_ensure_primary (self, self->current);
  /* One more than are used: the next one when the first fails (C Tor's rule). */
  for (guint i = 0; i < self->current->primary->len && n_looked_at <= (guint) self->params.n_data; i++)
    {
      Guard *guard = g_ptr_array_index (self->current->primary, i);

      cepa_guards_consider_retry (self, guard);
      if (guard->reachable == CEPA_GUARD_DOWN)
        continue;
      n_looked_at++;
      n_missing += !guard->has_keys;
    }
  return n_missing;
}

/* ---- tickets ---- */

static void
ticket_set_state (CepaGuardTicket *self, TicketState state)
{
  if (self->state == TICKET_USABLE_IF_NO_BETTER && self->guard != NULL && self->guard->n_pending > 0)
    self->guard->n_pending--;
  if (state == TICKET_USABLE_IF_NO_BETTER)
    self->guard->n_pending++;
  self->state = state;
  self->state_set_us = cepa_clock_monotonic_us (self->guards->clock);
}

static GArray *
ticket_copy_ids (const guint8 (*ids)[20], guint n)
{
  GArray *copy;

  if (n == 0)
    return NULL;
  copy = g_array_new (FALSE, FALSE, sizeof *ids);
  g_array_append_vals (copy, ids, n);
  return copy;
}

CepaGuardTicket *
cepa_guards_attempt (CepaGuards *self, const guint8 rsa_id[20], CepaGuardKind kind,
                     const CepaGuardRestriction *restriction, CepaGuardTicketFunc func, gpointer user_data)
{
  Guard *guard = self->config.use_entry_guards ? cepa_guard_set_find (self->current, rsa_id) : NULL;
  CepaGuardTicket *ticket;

  if (guard == NULL || !guard->is_filtered)
    return NULL;
  cepa_guards_ensure_primary (self, self->current);
  ticket = g_new0 (CepaGuardTicket, 1);
  ticket->guards = self;
  ticket->guard = guard;
  ticket->kind = kind;
  ticket->func = func;
  ticket->user_data = user_data;
  if (restriction != NULL)
    {
      ticket->has_exit = restriction->exit_id != NULL;
      if (ticket->has_exit)
        memcpy (ticket->exit_id, restriction->exit_id, sizeof ticket->exit_id);
      ticket->any_subnet = restriction->any_subnet;
      ticket->excluded = ticket_copy_ids (restriction->excluded, restriction->n_excluded);
      ticket->outdated = ticket_copy_ids (restriction->outdated, restriction->n_outdated);
    }
  g_ptr_array_add (self->tickets, ticket);
  guard->last_tried_s = cepa_clock_wall_s (self->clock);
  ticket_set_state (ticket, guard->is_primary ? TICKET_USABLE_ON_COMPLETION : TICKET_USABLE_IF_NO_BETTER);
  return ticket;
}

gboolean
cepa_guard_ticket_is_usable_on_completion (const CepaGuardTicket *self)
{
  return self->state == TICKET_USABLE_ON_COMPLETION || self->state == TICKET_COMPLETE;
}

gboolean
cepa_guard_ticket_is_waiting (const CepaGuardTicket *self)
{
  return self->state == TICKET_WAITING;
}

void
cepa_guards_note_internet (CepaGuards *self)
{
  self->last_internet_s = cepa_clock_wall_s (self->clock);
}

/* The network seems to have been down for a while: that the primary guards failed then means nothing. */
static void
choose_retry_primary (GuardSet *set)
{
  for (guint i = 0; i < set->primary->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->primary, i);

      if (guard->reachable == CEPA_GUARD_DOWN)
        guard->reachable = CEPA_GUARD_MAYBE;
    }
}

CepaGuardVerdict
cepa_guard_ticket_succeeded (CepaGuardTicket *self)
{
  CepaGuards *guards = self->guards;
  Guard *guard = self->guard;
  gint64 last_internet_s;

  if (guards == NULL || guard == NULL || self->state == TICKET_DEAD)
    return CEPA_GUARD_DROP;
  last_internet_s = guards->last_internet_s;
  cepa_guards_note_internet (guards);
  cepa_path_bias_built (&guard->bias, &self->stage);
  guard->failing_since_s = 0;
  if (guard->reachable != CEPA_GUARD_UP)
    {
      guard->reachable = CEPA_GUARD_UP;
      cepa_guards_tell (guards, CEPA_GUARD_EVENT_UP, guard);
    }
  if (guard->confirmed_index < 0)
    cepa_guards_confirm (guards, guard);
  if (guard->set == guards->current)
    cepa_guards_ensure_primary (guards, guard->set);
  if (!guard->is_primary && last_internet_s + guards->params.internet_down_s < guards->last_internet_s)
    choose_retry_primary (guard->set);
  if (self->state == TICKET_USABLE_IF_NO_BETTER && !guard->is_primary)
    {
      ticket_set_state (self, TICKET_WAITING);
      return CEPA_GUARD_WAIT;
    }
  ticket_set_state (self, TICKET_COMPLETE);
  return CEPA_GUARD_USE;
}

void
cepa_guard_ticket_failed (CepaGuardTicket *self)
{
  Guard *guard = self->guard;
  char name[64];

  if (self->guards == NULL || guard == NULL || self->state == TICKET_DEAD)
    return;
  ticket_set_state (self, TICKET_DEAD);
  if (guard->failing_since_s == 0)
    guard->failing_since_s = cepa_clock_wall_s (self->guards->clock);
  if (guard->reachable == CEPA_GUARD_DOWN)
    return;
  guard->reachable = CEPA_GUARD_DOWN;
  cepa_log (CEPA_LOG_GUARD, CEPA_LOG_INFO, "Guard %s%s does not answer", guard->is_primary ? "(primary) " : "",
            cepa_guard_describe (guard, name));
  cepa_guards_tell (self->guards, CEPA_GUARD_EVENT_DOWN, guard);
}

void
cepa_guard_ticket_free (CepaGuardTicket *self)
{
  if (self == NULL)
    return;
  if (self->guards != NULL)
    {
      if (self->guard != NULL)
        {
          if (self->stage < CEPA_PATH_BIAS_COUNTED && self->guard->bias.open[self->stage] > 0)
            self->guard->bias.open[self->stage]--;
          ticket_set_state (self, TICKET_DEAD);
        }
      g_ptr_array_remove_fast (self->guards->tickets, self);
    }
  g_clear_pointer (&self->excluded, g_array_unref);
  g_clear_pointer (&self->outdated, g_array_unref);
  g_free (self);
}

void
cepa_guards_forget_guard (CepaGuards *self, Guard *guard)
{
  for (guint i = 0; i < self->tickets->len; i++)
    {
      CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      if (ticket->guard == guard)
        ticket->guard = NULL;
    }
}

/* ---- who waits for whom ---- */

static void
ticket_get_restriction (const CepaGuardTicket *self, CepaGuardRestriction *restriction)
{
  *restriction = (CepaGuardRestriction) {
    .exit_id = self->has_exit ? self->exit_id : NULL,
    .any_subnet = self->any_subnet,
    .n_excluded = self->excluded != NULL ? self->excluded->len : 0,
    .n_outdated = self->outdated != NULL ? self->outdated->len : 0,
    .excluded = self->excluded != NULL ? (const guint8 (*)[20]) (const void *) self->excluded->data : NULL,
    .outdated = self->outdated != NULL ? (const guint8 (*)[20]) (const void *) self->outdated->data : NULL,
  };
}

/* Whether @a would be used rather than @b if both could be (guard-spec 4.3). */
static gboolean
choose_is_better (const Guard *a, const Guard *b)
{
  gboolean a_confirmed = a->confirmed_index >= 0, b_confirmed = b->confirmed_index >= 0;

  if (a == b)
    return FALSE;
  if (a_confirmed != b_confirmed)
    return a_confirmed;
  if (a_confirmed)
    return a->order < b->order;
  if ((a->n_pending > 0) != (b->n_pending > 0))
    return a->n_pending > 0;
  return a->n_pending > 0 && a->last_tried_s < b->last_tried_s;
}

/* Whether no primary guard that would do for @ticket may be up. A primary guard that its path rules out never will do, so
   that there is nothing to wait for. */
static gboolean
choose_is_primary_down (CepaGuards *self, const CepaGuardTicket *ticket)
{
  CepaGuardRestriction restriction;

  ticket_get_restriction (ticket, &restriction);
  cepa_guards_ensure_primary (self, self->current);
  for (guint i = 0; i < self->current->primary->len; i++)
    {
      Guard *guard = g_ptr_array_index (self->current->primary, i);

      cepa_guards_consider_retry (self, guard);
      if (guard->reachable != CEPA_GUARD_DOWN && choose_allows (self, guard, &restriction))
        return FALSE;
    }
  return TRUE;
}

/* When a ticket that is being tried no longer holds others up: monotonic. */
static gint64
ticket_get_patience_us (const CepaGuardTicket *self)
{
  return self->state_set_us + self->guards->params.connect_timeout_us;
}

static gboolean
ticket_is_blocked (const CepaGuardTicket *self)
{
  CepaGuards *guards = self->guards;
  gint64 now_us = cepa_clock_monotonic_us (guards->clock);
  CepaGuardRestriction restriction;

  ticket_get_restriction (self, &restriction);
  for (guint i = 0; i < guards->tickets->len; i++)
    {
      const CepaGuardTicket *other = g_ptr_array_index (guards->tickets, i);
      gboolean may_block = other->state == TICKET_COMPLETE || other->state == TICKET_WAITING
                           || (other->state == TICKET_USABLE_IF_NO_BETTER && now_us < ticket_get_patience_us (other));

      if (may_block && other->guard != NULL && other->guard->set == self->guard->set
          && choose_is_better (other->guard, self->guard) && choose_allows (guards, other->guard, &restriction))
        return TRUE;
    }
  return FALSE;
}

static void
ticket_decide (CepaGuardTicket *self, CepaGuardVerdict verdict)
{
  ticket_set_state (self, verdict == CEPA_GUARD_USE ? TICKET_COMPLETE : TICKET_DEAD);
  self->is_due = self->func != NULL;
  self->verdict = verdict;
}

/* Decides about what waits. Returns: whether something was decided */
static gboolean
choose_decide (CepaGuards *self)
{
  gint64 now_us = cepa_clock_monotonic_us (self->clock);
  gboolean has_decided = FALSE;

  for (guint i = 0; i < self->tickets->len; i++)
    {
      CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      if (ticket->state != TICKET_WAITING)
        continue;
      if (ticket->guard == NULL || ticket->guard->set != self->current
          || now_us >= ticket->state_set_us + self->params.idle_timeout_us)
        ticket_decide (ticket, CEPA_GUARD_DROP);
      else if (ticket->guard->is_primary
               || (choose_is_primary_down (self, ticket) && !ticket_is_blocked (ticket)))
        ticket_decide (ticket, CEPA_GUARD_USE);
      else
        continue;
      has_decided = TRUE;
    }
  return has_decided;
}

/* Functions may free tickets and make new ones: the list is looked at anew after each. */
static void
choose_tell (CepaGuards *self)
{
  for (guint i = 0; i < self->tickets->len;)
    {
      CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      if (!ticket->is_due)
        {
          i++;
          continue;
        }
      ticket->is_due = FALSE;
      ticket->func (ticket->user_data, ticket, ticket->verdict);
      i = 0;
    }
}

gint64
cepa_guards_update (CepaGuards *self)
{
  gint64 now_us = cepa_clock_monotonic_us (self->clock), due_us = G_MAXINT64;
  gboolean is_waiting = FALSE;

  while (choose_decide (self))
    choose_tell (self);
  for (guint i = 0; i < self->tickets->len; i++)
    {
      const CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      if (ticket->state != TICKET_WAITING)
        continue;
      is_waiting = TRUE;
      due_us = MIN (due_us, ticket->state_set_us + self->params.idle_timeout_us);
    }
  if (!is_waiting)
    return -1;
  for (guint i = 0; i < self->tickets->len; i++)
    {
      const CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      if (ticket->state == TICKET_USABLE_IF_NO_BETTER && ticket_get_patience_us (ticket) > now_us)
        due_us = MIN (due_us, ticket_get_patience_us (ticket));
    }
  return due_us;
}

/* ---- path bias ---- */

static void
ticket_tell_bias (CepaGuardTicket *self, CepaPathBiasVerdict verdict)
{
  static const struct
  {
    CepaLogSeverity severity;
    const char *what;
  } words[] = {
    [CEPA_PATH_BIAS_NOTICE] = { CEPA_LOG_NOTICE, "lets fewer circuits through than usual: the network may be overloaded" },
    [CEPA_PATH_BIAS_WARN] = { CEPA_LOG_WARN, "fails many circuits: the network may be overloaded, or somebody attacks it "
                                             "or you" },
    [CEPA_PATH_BIAS_EXTREME] = { CEPA_LOG_WARN, "fails most circuits: this may be an attack on the choice of paths, or a "
                                                "very bad connection" },
    [CEPA_PATH_BIAS_USE_NOTICE] = { CEPA_LOG_NOTICE, "carries fewer streams than usual: the network may be overloaded" },
    [CEPA_PATH_BIAS_USE_EXTREME] = { CEPA_LOG_WARN, "fails most streams: this may be an attack on the choice of paths, or "
                                                    "a very bad connection" },
    [CEPA_PATH_BIAS_DISABLED] = { CEPA_LOG_WARN, "fails so much that it is not used any more (PathBiasDropGuards)" },
  };
  const CepaPathBias *bias = &self->guard->bias;
  char name[64];

  cepa_guards_tell_changed (self->guards);
  if (verdict == CEPA_PATH_BIAS_FINE)
    return;
  cepa_log (CEPA_LOG_CIRC, words[verdict].severity,
            "Guard %s %s. Of %.0f circuits %.0f were built and %.0f closed well, %.0f collapsed, %.0f timed out; of %.0f "
            "that were used %.0f worked and %.0f were unusable",
            cepa_guard_describe (self->guard, name), words[verdict].what, bias->circ_attempts, bias->circ_successes,
            bias->circuits_closed, bias->collapsed_circuits, bias->timeouts, bias->use_attempts, bias->use_successes,
            bias->unusable_circuits);
  if (verdict == CEPA_PATH_BIAS_DISABLED)
    {
      cepa_guards_filter (self->guards, self->guard->set);
      if (self->guard->set == self->guards->current)
        cepa_guards_ensure_primary (self->guards, self->guard->set);
    }
}

gboolean
cepa_guard_ticket_has_guard (const CepaGuardTicket *self)
{
  return self->guards != NULL && self->guard != NULL;
}

void
cepa_guard_ticket_first_hop_built (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self))
    ticket_tell_bias (self, cepa_path_bias_attempt (&self->guard->bias, &self->stage, &self->guards->limits));
}

void
cepa_guard_ticket_used (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self) && self->stage == CEPA_PATH_BIAS_BUILD_SUCCEEDED)
    ticket_tell_bias (self, cepa_path_bias_use (&self->guard->bias, &self->stage, &self->guards->limits));
}

void
cepa_guard_ticket_use_succeeded (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self))
    cepa_path_bias_use_succeeded (&self->guard->bias, &self->stage);
}

void
cepa_guard_ticket_use_rolled_back (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self))
    cepa_path_bias_use_rolled_back (&self->guard->bias, &self->stage);
}

void
cepa_guard_ticket_timed_out (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self))
    cepa_path_bias_timed_out (&self->guard->bias, &self->stage);
}

void
cepa_guard_ticket_probe_failed (CepaGuardTicket *self)
{
  if (cepa_guard_ticket_has_guard (self))
    cepa_path_bias_probe_failed (&self->guard->bias, &self->stage);
}

gboolean
cepa_guard_ticket_wants_probe (const CepaGuardTicket *self)
{
  return cepa_guard_ticket_has_guard (self) && self->stage == CEPA_PATH_BIAS_USE_ATTEMPTED;
}

void
cepa_guard_ticket_closed (CepaGuardTicket *self, gboolean by_others)
{
  if (!cepa_guard_ticket_has_guard (self) || self->stage == CEPA_PATH_BIAS_NEW || self->stage == CEPA_PATH_BIAS_COUNTED)
    return;
  cepa_path_bias_closed (&self->guard->bias, &self->stage, by_others);
  cepa_guards_tell_changed (self->guards);
}

void
cepa_guards_free (CepaGuards *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->tickets->len; i++)
    {
      CepaGuardTicket *ticket = g_ptr_array_index (self->tickets, i);

      ticket->guards = NULL;
      ticket->guard = NULL;
    }
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    {
      g_ptr_array_unref (self->sets[i].primary);
      g_ptr_array_unref (self->sets[i].confirmed);
      g_ptr_array_unref (self->sets[i].sampled);
    }
  g_ptr_array_unref (self->tickets);
  g_array_unref (self->bridges);
  g_clear_pointer (&self->network, cepa_network_unref);
  g_free (self->barred);
  g_free (self);
}
