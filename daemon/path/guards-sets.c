/* SPDX-License-Identifier: BSD-3-Clause */
/* Which guards there are: the sample, who of it may be used, and which are the primary ones (guard-spec 4.1 to 4.5, 4.10). */
#include "base/log.h"
#include "path/guards-private.h"

/* A consensus counts for a day longer than it says, and a day before (C Tor: "reasonably live"). */
#define SETS_LIVE_SLOP_S GUARDS_DAY_S
/* Flags of GUARDS (guard-spec 4.0). */
#define SETS_GUARD_FLAGS \
  (CEPA_RELAY_GUARD | CEPA_RELAY_STABLE | CEPA_RELAY_FAST | CEPA_RELAY_V2DIR | CEPA_RELAY_RUNNING | CEPA_RELAY_VALID)

static gint32
sets_param (const CepaConsensus *consensus, const char *name, gint32 fallback, gint32 most)
{
  gint32 value = consensus != NULL ? cepa_consensus_get_param (consensus, name, fallback) : fallback;

  return CLAMP (value, 1, most);
}

/* Names, defaults and ranges are C Tor 0.4.9.11's (src/feature/client/entrynodes.h). */
void
cepa_guards_settle_params (CepaGuards *self)
{
  const CepaConsensus *consensus = self->network != NULL ? cepa_network_get_consensus (self->network) : NULL;
  const CepaGuardsConfig *config = &self->config;
  gboolean own_lifetime = config->lifetime_s >= GUARDS_DAY_S;
  GuardParams *params = &self->params;

  params->max_sample_percent = sets_param (consensus, "guard-max-sample-threshold-percent", 20, 100);
  params->max_sample = sets_param (consensus, "guard-max-sample-size", 60, GUARDS_MAX);
  params->min_filtered = sets_param (consensus, "guard-min-filtered-sample-size", 20, GUARDS_MAX);
  params->unlisted_s
    = GUARDS_DAY_S * sets_param (consensus, "guard-remove-unlisted-guards-after-days", 20, 3650);
  params->lifetime_s = own_lifetime ? config->lifetime_s
                                    : GUARDS_DAY_S * sets_param (consensus, "guard-lifetime-days", 120, 3650);
  params->confirmed_s
    = own_lifetime ? config->lifetime_s
                   : GUARDS_DAY_S * sets_param (consensus, "guard-confirmed-min-lifetime-days", 60, 3650);
  params->n_primary = config->n_primary_guards > 0 ? (gint32) MIN (config->n_primary_guards, GUARDS_MAX)
                                                   : sets_param (consensus, "guard-n-primary-guards", 3, GUARDS_MAX);
  params->n_data = config->n_entry_guards > 0
                     ? (gint32) MIN (config->n_entry_guards, GUARDS_MAX)
                     : sets_param (consensus, "guard-n-primary-guards-to-use", 1, GUARDS_MAX);
  params->n_directory = config->n_directory_guards > 0
                          ? (gint32) MIN (config->n_directory_guards, GUARDS_MAX)
                          : sets_param (consensus, "guard-n-primary-dir-guards-to-use", 3, GUARDS_MAX);
  params->internet_down_s = sets_param (consensus, "guard-internet-likely-down-interval", 600, G_MAXINT32);
  params->connect_timeout_us
    = G_USEC_PER_SEC * (gint64) sets_param (consensus, "guard-nonprimary-guard-connect-timeout", 15, G_MAXINT32);
  params->idle_timeout_us
    = G_USEC_PER_SEC * (gint64) sets_param (consensus, "guard-nonprimary-guard-idle-timeout", 600, G_MAXINT32);
  params->meaningful_percent = sets_param (consensus, "guard-meaningful-restriction-percent", 20, G_MAXINT32);
  params->extreme_percent = sets_param (consensus, "guard-extreme-restriction-percent", 1, 100);
  cepa_path_bias_limits_settle (&self->limits, &config->path_bias, consensus);
}

/* Uniform in the interval, "now" included (guard-spec A.2). */
gint64
cepa_guards_back_date (CepaGuards *self, gint64 most_s)
{
  gint64 now_s = cepa_clock_wall_s (self->clock);

  most_s = MAX (MIN (most_s, now_s - 1), 1);
  return MAX (now_s - (gint64) cepa_random_below (self->random, (guint64) most_s), 1);
}

/* Whether the consensus is fit to change the sets by. */
static gboolean
sets_network_is_live (const CepaGuards *self)
{
  const CepaConsensus *consensus = self->network != NULL ? cepa_network_get_consensus (self->network) : NULL;
  gint64 now_s = cepa_clock_wall_s (self->clock);

  return consensus != NULL && now_s <= cepa_consensus_get_valid_until_s (consensus) + SETS_LIVE_SLOP_S
         && now_s >= cepa_consensus_get_valid_after_s (consensus) - SETS_LIVE_SLOP_S;
}

static gboolean
sets_is_possible (const CepaGuards *self, guint row)
{
  guint32 flags = cepa_network_get_relay (self->network, row)->flags;

  return (flags & SETS_GUARD_FLAGS) == SETS_GUARD_FLAGS && (flags & CEPA_RELAY_MIDDLE_ONLY) == 0;
}

static gboolean
sets_is_barred (const CepaGuards *self, guint row)
{
  return self->barred != NULL && (self->barred[row] >> CEPA_PLACE_GUARD & 1) != 0;
}

static const CepaGuardBridge *
sets_find_bridge (const CepaGuards *self, const guint8 rsa_id[20])
{
  for (guint i = 0; i < self->bridges->len; i++)
    {
      const CepaGuardBridge *bridge = &g_array_index (self->bridges, CepaGuardBridge, i);

      if (memcmp (bridge->rsa_id, rsa_id, sizeof bridge->rsa_id) == 0)
        return bridge;
    }
  return NULL;
}

static void
sets_switch (CepaGuards *self, CepaGuardsSelection kind)
{
  gboolean is_first = !self->has_chosen;

  self->has_chosen = TRUE;
  if (self->current->kind == kind)
    return;
  if (!is_first)
    cepa_log (CEPA_LOG_GUARD, CEPA_LOG_NOTICE, "Guards are now of the set \"%s\" (were of \"%s\")",
              cepa_guards_selection_to_string (kind), cepa_guards_selection_to_string (self->current->kind));
  self->current = &self->sets[kind];
  if (!is_first && self->funcs != NULL && self->funcs->switched != NULL)
    self->funcs->switched (self->user_data);
}

/* Default or restricted (guard-spec 2): by how many of the network's guards the options leave. Five percent about the limit
   change nothing, lest it go to and fro. */
void
cepa_guards_choose_set (CepaGuards *self)
{
  guint n_all = 0, n_left = 0;
  double limit;

  if (self->config.use_bridges)
    {
      sets_switch (self, CEPA_GUARDS_BRIDGES);
      return;
    }
  if (self->current->kind == CEPA_GUARDS_BRIDGES)
    sets_switch (self, CEPA_GUARDS_DEFAULT);
  if (!sets_network_is_live (self))
    return;
  for (guint row = 0; row < cepa_network_get_n_relays (self->network); row++)
    if (sets_is_possible (self, row))
      {
        n_all++;
        n_left += !sets_is_barred (self, row);
      }
  if ((gint64) n_left < (gint64) n_all * self->params.extreme_percent / 100 && !self->has_warned_extreme)
    {
      self->has_warned_extreme = TRUE;
      cepa_log (CEPA_LOG_GUARD, CEPA_LOG_WARN,
                "Your configuration leaves %u of %u possible guards: this makes you stand out from other users", n_left,
                n_all);
    }
  limit = n_all * (self->params.meaningful_percent / 100.0);
  if (!self->has_chosen)
    sets_switch (self, n_left >= (guint) limit ? CEPA_GUARDS_DEFAULT : CEPA_GUARDS_RESTRICTED);
  else if (n_left >= (guint) (limit * 1.05))
    sets_switch (self, CEPA_GUARDS_DEFAULT);
  else if (n_left < (guint) (limit * 0.95))
    sets_switch (self, CEPA_GUARDS_RESTRICTED);
}

/* ---- the sample ---- */

static guint
sets_max_sample (const CepaGuards *self)
{
  guint most = (guint) MIN ((guint64) self->n_guards * (guint) self->params.max_sample_percent / 100,
                            (guint64) self->params.max_sample);

  if (self->current->kind == CEPA_GUARDS_BRIDGES)
    return GUARDS_MAX;
  return MAX (most, (guint) self->params.min_filtered);
}

static void
sets_finish_adding (CepaGuards *self, Guard *guard)
{
  guard->sampled_on_s = cepa_guards_back_date (self, self->params.lifetime_s / 10);
  guard->sampled_by = g_strdup (CEPA_VERSION);
  guard->is_listed = TRUE;
}

static Guard *
sets_add_row (CepaGuards *self, GuardSet *set, guint row)
{
  const CepaRelay *relay = cepa_network_get_relay (self->network, row);
  Guard *guard = cepa_guard_set_add (set, relay->rsa_id);

  memcpy (guard->nickname, relay->nickname, sizeof guard->nickname);
  sets_finish_adding (self, guard);
  guard->row = (gint) row;
  return guard;
}

/* A relay that could be sampled. */
typedef struct
{
  guint row; /* or of the bridge */
  guint64 weight;
} Eligible;

static GArray *
sets_list_eligible (CepaGuards *self, GuardSet *set)
{
  GArray *eligible = g_array_new (FALSE, FALSE, sizeof (Eligible));
  g_autofree guint8 *is_sampled = NULL;
  guint n_rows;

  if (set->kind == CEPA_GUARDS_BRIDGES)
    {
      for (guint i = 0; i < self->bridges->len; i++)
        {
          Eligible one = { i, 1 };

          if (cepa_guard_set_find (set, g_array_index (self->bridges, CepaGuardBridge, i).rsa_id) == NULL)
            g_array_append_val (eligible, one);
        }
      return eligible;
    }
  n_rows = cepa_network_get_n_relays (self->network);
  is_sampled = g_malloc0 (MAX (n_rows, 1));
  for (guint i = 0; i < set->sampled->len; i++)
    {
      gint row = cepa_network_find (self->network, ((Guard *) g_ptr_array_index (set->sampled, i))->rsa_id);

      if (row >= 0)
        is_sampled[row] = 1;
    }
  for (guint row = 0; row < n_rows; row++)
    {
      Eligible one = { row, cepa_network_get_consensus_weight (self->network, row, CEPA_PLACE_GUARD) };

      if (!is_sampled[row] && sets_is_possible (self, row)
          && (set->kind != CEPA_GUARDS_RESTRICTED || !sets_is_barred (self, row)))
        g_array_append_val (eligible, one);
    }
  return eligible;
}

/* Draws one in proportion to its weight, all alike when nobody has any. Returns: its place in @eligible */
static guint
sets_draw (CepaGuards *self, const GArray *eligible)
{
  double sum = 0, at;

  for (guint i = 0; i < eligible->len; i++)
    sum += (double) g_array_index (eligible, Eligible, i).weight;
  if (sum <= 0)
    return (guint) cepa_random_below (self->random, eligible->len);
  at = (double) cepa_random_below (self->random, G_GUINT64_CONSTANT (1) << 53) / (double) (G_GUINT64_CONSTANT (1) << 53);
  at *= sum;
  for (guint i = 0; i < eligible->len; i++)
    {
      double weight = (double) g_array_index (eligible, Eligible, i).weight;

      if (at < weight)
        return i;
      at -= weight;
    }
  for (guint i = eligible->len; i-- > 1;) /* what rounding left */
    if (g_array_index (eligible, Eligible, i).weight > 0)
      return i;
  return 0;
}

static void
sets_add_one (CepaGuards *self, GuardSet *set, GArray *eligible)
{
  guint place = set->kind == CEPA_GUARDS_BRIDGES ? (guint) cepa_random_below (self->random, eligible->len)
                                                 : sets_draw (self, eligible);
  guint row = g_array_index (eligible, Eligible, place).row;
  Guard *guard;

  g_array_remove_index (eligible, place);
  if (set->kind == CEPA_GUARDS_BRIDGES)
    {
      const CepaGuardBridge *bridge = &g_array_index (self->bridges, CepaGuardBridge, row);

      guard = cepa_guard_set_add (set, bridge->rsa_id);
      g_strlcpy (guard->nickname, bridge->nickname, sizeof guard->nickname);
      g_strlcpy (guard->bridge_address, bridge->address, sizeof guard->bridge_address);
      sets_finish_adding (self, guard);
    }
  else
    guard = sets_add_row (self, set, row);
  cepa_guards_filter (self, set);
  cepa_guards_tell (self, CEPA_GUARD_EVENT_NEW, guard);
}

static guint
sets_count_usable (CepaGuards *self, const GuardSet *set)
{
  guint n = 0;

  for (guint i = 0; i < set->sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);

      cepa_guards_consider_retry (self, guard);
      n += cepa_guard_is_usable (guard);
    }
  return n;
}

/* Samples until enough may be reachable, or the sample is as large as it may be (guard-spec 4.2). */
void
cepa_guards_ensure_sample (CepaGuards *self, GuardSet *set)
{
  guint n_usable = sets_count_usable (self, set), most = sets_max_sample (self), n_before = set->sampled->len;
  g_autoptr (GArray) eligible = NULL;

  if (n_usable >= (guint) self->params.min_filtered || set->is_exhausted || set->sampled->len >= most
      || (set->kind != CEPA_GUARDS_BRIDGES && !sets_network_is_live (self)))
    return;
  eligible = sets_list_eligible (self, set);
  while (n_usable < (guint) self->params.min_filtered && set->sampled->len < most && eligible->len > 0)
    {
      sets_add_one (self, set, eligible);
      n_usable += cepa_guard_is_usable (g_ptr_array_index (set->sampled, set->sampled->len - 1));
    }
  set->is_exhausted = eligible->len == 0;
  if (set->sampled->len > n_before)
    {
      cepa_log (CEPA_LOG_GUARD, CEPA_LOG_INFO, "Sampled %u more guards; there are %u of at most %u",
                set->sampled->len - n_before, set->sampled->len, most);
      cepa_guards_tell_changed (self);
    }
}

static gboolean
sets_is_listed (const CepaGuards *self, const Guard *guard)
{
  gint row;

  if (guard->set->kind == CEPA_GUARDS_BRIDGES)
    return sets_find_bridge (self, guard->rsa_id) != NULL;
  row = cepa_network_find (self->network, guard->rsa_id);
  return row >= 0 && sets_is_possible (self, (guint) row);
}

static gboolean
sets_update_listed (CepaGuards *self, Guard *guard)
{
  gboolean is_listed = sets_is_listed (self, guard);

  if (is_listed == guard->is_listed && (is_listed || guard->unlisted_since_s != 0))
    return FALSE;
  guard->is_listed = is_listed;
  guard->unlisted_since_s = is_listed ? 0 : cepa_guards_back_date (self, self->params.unlisted_s / 5);
  return TRUE;
}

/* The rules of 0.4.9.10 and later: a guard that was never used goes by the date of its sampling, another by that of its
   first use alone. */
static gboolean
sets_is_too_old (const CepaGuards *self, const Guard *guard)
{
  gint64 now_s = cepa_clock_wall_s (self->clock);

  if (!guard->is_listed && guard->unlisted_since_s < now_s - self->params.unlisted_s)
    return TRUE;
  if (guard->confirmed_on_s == 0)
    return guard->sampled_on_s < now_s - self->params.lifetime_s;
  return guard->confirmed_on_s < now_s - self->params.confirmed_s;
}

static void
sets_remove (CepaGuards *self, Guard *guard)
{
  GuardSet *set = guard->set;
  char name[64];

  cepa_log (CEPA_LOG_GUARD, CEPA_LOG_INFO, "Guard %s leaves the sample: %s", cepa_guard_describe (guard, name),
            !guard->is_listed ? "it has not been in the network for long" : "its time is over");
  cepa_guards_tell (self, CEPA_GUARD_EVENT_DROPPED, guard);
  cepa_guards_forget_guard (self, guard);
  g_ptr_array_remove (set->confirmed, guard);
  g_ptr_array_remove (set->primary, guard);
  g_ptr_array_remove (set->sampled, guard);
  set->is_primary_stale = TRUE;
}

/* What follows from a new consensus (guard-spec 4.10). */
static gboolean
sets_update_sample (CepaGuards *self, GuardSet *set)
{
  gboolean has_changed = FALSE;

  if (set->kind != CEPA_GUARDS_BRIDGES && !sets_network_is_live (self))
    return FALSE;
  for (guint i = set->sampled->len; i-- > 0;)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);

      has_changed |= sets_update_listed (self, guard);
      if (!sets_is_too_old (self, guard))
        continue;
      sets_remove (self, guard);
      has_changed = TRUE;
    }
  cepa_guard_set_sort_confirmed (set);
  return has_changed;
}

/* ---- who may be used ---- */

static gboolean
sets_passes_filter (const CepaGuards *self, Guard *guard)
{
  const CepaGuardBridge *bridge;

  guard->row = -1;
  if (guard->set->kind == CEPA_GUARDS_BRIDGES)
    {
      bridge = sets_find_bridge (self, guard->rsa_id);
      guard->has_keys = bridge != NULL && bridge->has_keys;
      return guard->is_listed && !guard->bias.is_disabled && bridge != NULL;
    }
  guard->row = self->network != NULL ? cepa_network_find (self->network, guard->rsa_id) : -1;
  guard->has_keys = guard->row >= 0
                    && (cepa_network_get_relay (self->network, (guint) guard->row)->flags & CEPA_RELAY_HAS_KEYS) != 0;
  return guard->is_listed && !guard->bias.is_disabled && guard->row >= 0 && sets_is_possible (self, (guint) guard->row)
         && !sets_is_barred (self, (guint) guard->row);
}

/* FILTERED_GUARDS (guard-spec 4.2). */
void
cepa_guards_filter (CepaGuards *self, GuardSet *set)
{
  for (guint i = 0; i < set->sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);
      gboolean is_filtered = sets_passes_filter (self, guard);

      if (is_filtered != guard->is_filtered)
        set->is_primary_stale = TRUE;
      guard->is_filtered = is_filtered;
      if (self->network == NULL && set->kind != CEPA_GUARDS_BRIDGES)
        continue; /* nothing can be said of it yet */
      if (is_filtered != guard->was_filtered)
        cepa_guards_tell (self, is_filtered ? CEPA_GUARD_EVENT_GOOD : CEPA_GUARD_EVENT_BAD, guard);
      guard->was_filtered = is_filtered;
    }
}

/* After how many seconds a guard that has been failing for @failing_s is tried again (guard-spec A.1). */
static gint64
sets_retry_delay (gint64 failing_s, gboolean is_primary)
{
  static const struct
  {
    gint64 most_s, primary_s, other_s;
  } delays[] = {
    { 6 * 3600, 10 * 60, 3600 },
    { 4 * GUARDS_DAY_S, 90 * 60, 4 * 3600 },
    { 7 * GUARDS_DAY_S, 4 * 3600, 18 * 3600 },
    { G_MAXINT64, 9 * 3600, 36 * 3600 },
  };
  guint i = 0;

  while (failing_s > delays[i].most_s)
    i++;
  return is_primary ? delays[i].primary_s : delays[i].other_s;
}

/* Down is forgotten after a while, or when the clock was set back. A bridge without its descriptor is tried by whoever
   fetches that (C Tor's rule). */
void
cepa_guards_consider_retry (CepaGuards *self, Guard *guard)
{
  gint64 now_s;

  if (guard->reachable != CEPA_GUARD_DOWN || (guard->set->kind == CEPA_GUARDS_BRIDGES && !guard->has_keys))
    return;
  now_s = cepa_clock_wall_s (self->clock);
  if (now_s >= guard->last_tried_s
      && now_s < guard->last_tried_s + sets_retry_delay (now_s - guard->failing_since_s, guard->is_primary))
    return;
  guard->reachable = CEPA_GUARD_MAYBE;
}

void
cepa_guards_confirm (CepaGuards *self, Guard *guard)
{
  guard->confirmed_on_s = cepa_guards_back_date (self, self->params.lifetime_s / 10);
  guard->confirmed_index = G_MAXINT;
  cepa_guard_set_sort_confirmed (guard->set);
  guard->set->is_primary_stale = TRUE;
  cepa_guards_tell_changed (self);
}

static gint
sets_compare_order (gconstpointer a, gconstpointer b)
{
  const Guard *x = *(Guard *const *) a, *y = *(Guard *const *) b;

  return (x->order > y->order) - (x->order < y->order);
}

static void
sets_add_primary (GuardSet *set, Guard *guard, guint most)
{
  if (set->primary->len >= most || guard->is_primary || !guard->is_filtered)
    return;
  guard->is_primary = TRUE;
  g_ptr_array_add (set->primary, guard);
}

/* PRIMARY_GUARDS (guard-spec 4.4): confirmed ones, then those that were primary before, then the sample. */
void
cepa_guards_ensure_primary (CepaGuards *self, GuardSet *set)
{
  g_autoptr (GPtrArray) former = NULL;
  guint most = (guint) self->params.n_primary;

  if (!set->is_primary_stale)
    return;
  set->is_primary_stale = FALSE;
  former = g_steal_pointer (&set->primary);
  set->primary = g_ptr_array_new ();
  for (guint i = 0; i < set->sampled->len; i++)
    ((Guard *) g_ptr_array_index (set->sampled, i))->is_primary = FALSE;
  for (guint i = 0; i < set->confirmed->len; i++)
    sets_add_primary (set, g_ptr_array_index (set->confirmed, i), most);
  for (guint i = 0; i < former->len; i++)
    sets_add_primary (set, g_ptr_array_index (former, i), most);
  if (set->primary->len < most)
    cepa_guards_ensure_sample (self, set);
  for (guint i = 0; i < set->sampled->len; i++)
    if (cepa_guard_is_usable (g_ptr_array_index (set->sampled, i)))
      sets_add_primary (set, g_ptr_array_index (set->sampled, i), most);
  g_ptr_array_sort (set->primary, sets_compare_order);
  set->is_primary_stale = FALSE; /* what was sampled in between is in it */
}

void
cepa_guards_refresh (CepaGuards *self)
{
  GuardSet *set = self->current;
  gboolean has_changed;

  set->is_exhausted = FALSE;
  self->n_guards = 0;
  if (set->kind == CEPA_GUARDS_BRIDGES)
    self->n_guards = self->bridges->len;
  else if (self->network != NULL)
    for (guint row = 0; row < cepa_network_get_n_relays (self->network); row++)
      self->n_guards += sets_is_possible (self, row)
                        && (set->kind != CEPA_GUARDS_RESTRICTED || !sets_is_barred (self, row));
  has_changed = sets_update_sample (self, set);
  cepa_guards_filter (self, set);
  set->is_primary_stale = TRUE;
  cepa_guards_ensure_sample (self, set);
  cepa_guards_ensure_primary (self, set);
  if (has_changed)
    cepa_guards_tell_changed (self);
}
