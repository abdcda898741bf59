/* SPDX-License-Identifier: BSD-3-Clause */
#include "weighted.h"

#include <string.h>

#include <cepa/services.h>

/* Draws by weight alone before all relays are looked at. Some fit at once; few ports need as many. */
#define WEIGHTED_MAX_DRAWS 64

/* Rows that may be looked at for one path, about a millisecond's worth. Only where what is likely for one place leaves
   nobody for another, as in tiny networks, is there more than a look at each relay. */
#define WEIGHTED_MAX_WORK (1u << 18)

/* Random numbers fetched at once. */
#define WEIGHTED_N_RANDOM 32

/* Sets of tables that are kept, one for each content of what the user bars. */
#define WEIGHTED_N_SETS 4

/* With CEPA_PATH_VANGUARDS a relay may be there again so many hops further on. */
#define WEIGHTED_DISTANCE 3

/* The relays with a weight for one place. */
typedef struct
{
  guint32 n;
  guint32 *rows;
  guint64 *sums; /* of the weights up to and with each row */
} WeightedTable;

/* The tables without those whom the user does not want there. */
typedef struct
{
  guint64 barred_id; /* 0: nobody is barred */
  guint64 used;      /* when it was asked for last, of a counter; 0: it is empty */
  WeightedTable tables[CEPA_N_PLACES];
} WeightedSet;

struct _CepaWeighted
{
  const CepaHost *host;
  guint64 version;  /* of the view that the tables are of; 0 when there are none */
  guint32 n_relays; /* of that view */
  WeightedSet sets[WEIGHTED_N_SETS];
  guint64 n_uses;
  guint32 *candidates; /* room for every row */
  guint8 *dead;        /* by row: bit N is set while the row is known to leave no path as draw N */
  GArray *dead_rows;   /* (element-type guint32): those with a bit; the later draws' are last */
  guint64 random[WEIGHTED_N_RANDOM];
  guint n_random; /* how many of them are left */
  CepaWeightedRule rule; /* without .agrees there is none */
};

/* What a place in a path asks for. */
typedef struct
{
  const char *name;
  CepaPlace place;
  guint32 needs, refuses; /* CEPA_RELAY_* */
} WeightedRole;

static const WeightedRole weighted_guard = { "guard", CEPA_PLACE_GUARD, CEPA_RELAY_GUARD,
                                             CEPA_RELAY_MIDDLE_ONLY };
static const WeightedRole weighted_middle = { "middle relay", CEPA_PLACE_MIDDLE, 0, 0 };
static const WeightedRole weighted_last = { "last relay", CEPA_PLACE_MIDDLE, 0, CEPA_RELAY_MIDDLE_ONLY };
static const WeightedRole weighted_exit = { "exit", CEPA_PLACE_EXIT, CEPA_RELAY_EXIT,
                                            CEPA_RELAY_BAD_EXIT | CEPA_RELAY_MIDDLE_ONLY };

/* A path in the making. The settled hops come first. */
typedef struct
{
  CepaWeighted *self;
  const CepaNetworkView *view;
  const CepaPathRequest *request;
  const WeightedSet *set;
  guint32 needs; /* CEPA_RELAY_* of every relay */
  guint n_settled, n_chosen;
  guint8 hops[CEPA_PATH_MAX_HOPS];     /* which hop each draw is for */
  guint32 chosen[CEPA_PATH_MAX_HOPS];  /* in the order of drawing */
  guint n_before[CEPA_PATH_MAX_HOPS];  /* how many dead rows there were when each draw began */
  guint work;                          /* rows looked at */
} WeightedDraw;

G_STATIC_ASSERT (CEPA_PATH_MAX_HOPS <= 8); /* bits of `dead` */

CepaWeighted *
cepa_weighted_new (const CepaHost *host)
{
  CepaWeighted *self = g_new0 (CepaWeighted, 1);

  self->host = host;
  self->dead_rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  return self;
}

static void
weighted_clear_set (WeightedSet *set)
{
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      g_free (set->tables[place].rows);
      g_free (set->tables[place].sums);
    }
  memset (set, 0, sizeof *set);
}

static void
weighted_clear_tables (CepaWeighted *self)
{
  for (guint i = 0; i < WEIGHTED_N_SETS; i++)
    weighted_clear_set (&self->sets[i]);
  g_clear_pointer (&self->candidates, g_free);
  g_clear_pointer (&self->dead, g_free);
  self->version = 0;
}

void
cepa_weighted_free (CepaWeighted *self)
{
  weighted_clear_tables (self);
  g_array_unref (self->dead_rows);
  g_free (self);
}

void
cepa_weighted_set_rule (CepaWeighted *self, const CepaWeightedRule *rule)
{
  self->rule = *rule;
}

/* @request: (nullable): nobody is barred */
static void
weighted_fill_table (WeightedTable *table, const CepaNetworkView *view, const CepaPathRequest *request,
                     CepaPlace place)
{
  guint64 sum = 0;

  table->rows = g_new (guint32, view->n_relays);
  table->sums = g_new (guint64, view->n_relays);
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      guint32 weight = cepa_network_view_relay (view, row)->weight[place];

      if (weight == 0 || (request != NULL && cepa_path_request_bars (request, row, place)))
        continue;
      sum += weight;
      table->rows[table->n] = row;
      table->sums[table->n] = sum;
      table->n++;
    }
  table->rows = g_renew (guint32, table->rows, table->n);
  table->sums = g_renew (guint64, table->sums, table->n);
}

/* The set for what @request bars; the one that was not asked for the longest makes room for a new one. */
static WeightedSet *
weighted_find_set (CepaWeighted *self, const CepaNetworkView *view, const CepaPathRequest *request)
{
  gboolean has_barred = request != NULL && CEPA_TABLE_HAS (request, CepaPathRequest, barred);
  guint64 barred_id = has_barred && CEPA_TABLE_REACHES (request, CepaPathRequest, barred_id) ? request->barred_id : 0;
  WeightedSet *oldest = &self->sets[0];

  for (guint i = 0; i < WEIGHTED_N_SETS; i++)
    {
      WeightedSet *set = &self->sets[i];

      if (set->used != 0 && set->barred_id == barred_id)
        {
          set->used = ++self->n_uses;
          return set;
        }
      if (set->used < oldest->used)
        oldest = set;
    }
  weighted_clear_set (oldest);
  oldest->barred_id = barred_id;
  oldest->used = ++self->n_uses;
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    weighted_fill_table (&oldest->tables[place], view, has_barred ? request : NULL, (CepaPlace) place);
  return oldest;
}

static void
weighted_take_view (CepaWeighted *self, const CepaNetworkView *view)
{
  if (self->version == view->version && self->n_relays == view->n_relays)
    return;
  weighted_clear_tables (self);
  self->candidates = g_new (guint32, view->n_relays);
  self->dead = g_new0 (guint8, view->n_relays);
  self->version = view->version;
  self->n_relays = view->n_relays;
}

void
cepa_weighted_prepare (CepaWeighted *self, const CepaNetworkView *view)
{
  weighted_take_view (self, view);
  weighted_find_set (self, view, NULL);
}

/* As cepa_host_random_below, from numbers fetched many at a time: each call may be a call to the system. */
static guint64
weighted_random_below (CepaWeighted *self, guint64 limit)
{
  guint64 bound = G_MAXUINT64 - G_MAXUINT64 % limit, value;

  do
    {
      if (self->n_random == 0)
        {
          cepa_host_random (self->host, self->random, sizeof self->random);
          self->n_random = WEIGHTED_N_RANDOM;
        }
      value = self->random[--self->n_random];
    }
  while (value >= bound);
  return value % limit;
}

static guint32
weighted_draw_row (CepaWeighted *self, const WeightedTable *table)
{
  guint64 target = weighted_random_below (self, table->sums[table->n - 1]);
  guint32 low = 0, high = table->n - 1;

  while (low < high)
    {
      guint32 middle = low + (high - low) / 2;

      if (table->sums[middle] > target)
        high = middle;
      else
        low = middle + 1;
    }
  return table->rows[low];
}

/* The role of the hop @hop. */
static const WeightedRole *
weighted_role_of (const CepaPathRequest *request, guint hop)
{
  if (hop + 1 == request->n_hops)
    return request->purpose == CEPA_PURPOSE_GENERAL ? &weighted_exit : &weighted_last;
  return hop == 0 ? &weighted_guard : &weighted_middle;
}

/* Whether @row may be the hop @hop beside @other as the hop @other_hop. */
static gboolean
weighted_may_meet (const WeightedDraw *draw, guint hop, guint32 row, guint other_hop, guint32 other)
{
  guint32 flags = draw->request->flags;

  if ((flags & CEPA_PATH_VANGUARDS) != 0)
    return row != other || MAX (hop, other_hop) - MIN (hop, other_hop) >= WEIGHTED_DISTANCE;
  if (cepa_network_view_same_family (draw->view, row, other))
    return FALSE;
  return (flags & CEPA_PATH_ANY_SUBNET) != 0
         || !cepa_relay_same_subnet (cepa_network_view_relay (draw->view, row),
                                     cepa_network_view_relay (draw->view, other));
}

/* Whether @row may share a path with what was drawn before, and is not known to leave none. */
static gboolean
weighted_agrees (const WeightedDraw *draw, guint32 row)
{
  const CepaWeightedRule *rule = &draw->self->rule;
  guint hop = draw->hops[draw->n_chosen];

  if ((draw->self->dead[row] & 1u << draw->n_chosen) != 0)
    return FALSE;
  for (guint i = 0; i < draw->n_chosen; i++)
    if (!weighted_may_meet (draw, hop, row, draw->hops[i], draw->chosen[i]))
      return FALSE;
  return rule->agrees == NULL
         || rule->agrees (rule->context, draw->view, draw->request, hop, row, draw->chosen, draw->n_chosen);
}

static gboolean
weighted_fits (const WeightedDraw *draw, const WeightedRole *role, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (draw->view, row);
  const CepaPathRequest *request = draw->request;
  guint32 needs = draw->needs | role->needs;

  if ((relay->flags & needs) != needs || (relay->flags & role->refuses) != 0)
    return FALSE;
  if (role == &weighted_exit
      && !cepa_network_view_exit_allows (draw->view, relay->exit_policy, request->port,
                                         (request->flags & CEPA_PATH_IPV6) != 0))
    return FALSE;
  return !cepa_path_request_excludes (request, row) && !cepa_path_request_bars (request, row, role->place)
         && weighted_agrees (draw, row);
}

/* Draws among all that fit, by weight, or evenly when none of them has any. */
static gboolean
weighted_search (WeightedDraw *draw, const WeightedRole *role, guint32 *row)
{
  guint32 *candidates = draw->self->candidates;
  guint32 n = 0;
  guint64 sum = 0, target;

  draw->work += draw->view->n_relays;
  for (guint32 i = 0; i < draw->view->n_relays; i++)
    if (weighted_fits (draw, role, i))
      {
        candidates[n++] = i;
        sum += cepa_network_view_relay (draw->view, i)->weight[role->place];
      }
  if (n == 0)
    return FALSE;
  target = weighted_random_below (draw->self, sum > 0 ? sum : n);
  for (guint32 i = 0; i < n; i++)
    {
      guint64 weight = sum > 0 ? cepa_network_view_relay (draw->view, candidates[i])->weight[role->place] : 1;

      *row = candidates[i];
      if (target < weight)
        break;
      target -= weight;
    }
  return TRUE;
}

static gboolean
weighted_has_guards (const WeightedDraw *draw, guint hop)
{
  return hop == 0 && cepa_path_request_n_guards (draw->request) > 0;
}

/* The first of the request's guards that fits. */
static gboolean
weighted_find_guard (WeightedDraw *draw, const WeightedRole *role, guint32 *row)
{
  draw->work += draw->request->n_guards;
  for (guint i = 0; i < draw->request->n_guards; i++)
    {
      *row = draw->request->guards[i];
      if (*row < draw->view->n_relays && weighted_fits (draw, role, *row))
        return TRUE;
    }
  return FALSE;
}

/* Taking draws by weight until one fits is drawing by weight among those that fit. */
static gboolean
weighted_draw (WeightedDraw *draw, const WeightedRole *role, guint32 *row)
{
  const WeightedTable *table = &draw->set->tables[role->place];

  for (guint i = 0; table->n > 0 && i < WEIGHTED_MAX_DRAWS; i++)
    {
      *row = weighted_draw_row (draw->self, table);
      if (weighted_fits (draw, role, *row))
        return TRUE;
    }
  return weighted_search (draw, role, row);
}

static void
weighted_take (WeightedDraw *draw, guint32 row)
{
  draw->chosen[draw->n_chosen++] = row;
  if (draw->n_chosen < draw->request->n_hops)
    draw->n_before[draw->n_chosen] = draw->self->dead_rows->len;
}

/* Fills the next place. Returns: FALSE when no relay fits. */
static gboolean
weighted_fill (WeightedDraw *draw)
{
  guint hop = draw->hops[draw->n_chosen];
  const WeightedRole *role = weighted_role_of (draw->request, hop);
  guint32 row = 0;
  gboolean is_found = weighted_has_guards (draw, hop) ? weighted_find_guard (draw, role, &row)
                                                      : weighted_draw (draw, role, &row);

  if (is_found)
    weighted_take (draw, row);
  return is_found;
}

static void
weighted_forget_dead (CepaWeighted *self, guint n_left, guint8 bits)
{
  for (guint i = n_left; i < self->dead_rows->len; i++)
    self->dead[g_array_index (self->dead_rows, guint32, i)] &= (guint8) ~bits;
  g_array_set_size (self->dead_rows, n_left);
}

/* Nobody can follow those that were drawn: the last of them is not to be drawn again beside those before it. */
static void
weighted_step_back (WeightedDraw *draw)
{
  guint32 row;

  weighted_forget_dead (draw->self, draw->n_before[draw->n_chosen], (guint8) (1u << draw->n_chosen));
  row = draw->chosen[--draw->n_chosen];
  draw->self->dead[row] |= (guint8) (1u << draw->n_chosen);
  g_array_append_val (draw->self->dead_rows, row);
}

/* Whether any relay fits the place that could not be filled beside the settled ones alone. */
static gboolean
weighted_is_possible (const WeightedDraw *draw)
{
  WeightedDraw alone = *draw;
  guint hop = draw->hops[draw->n_chosen];
  const WeightedRole *role = weighted_role_of (draw->request, hop);
  guint32 row;

  alone.n_chosen = draw->n_settled;
  alone.hops[alone.n_chosen] = (guint8) hop;
  return weighted_has_guards (draw, hop) ? weighted_find_guard (&alone, role, &row)
                                         : weighted_search (&alone, role, &row);
}

/* Returns: what could not be filled, whatever was drawn for the other places; NULL when there is a path. */
static const WeightedRole *
weighted_run (WeightedDraw *draw)
{
  const WeightedRole *lacking = NULL;
  guint deepest = 0;

  while (draw->n_chosen < draw->request->n_hops)
    {
      gboolean is_first = lacking == NULL;

      if (weighted_fill (draw))
        continue;
      if (is_first || draw->n_chosen > deepest)
        {
          deepest = draw->n_chosen;
          lacking = weighted_role_of (draw->request, draw->hops[deepest]);
        }
      if (draw->n_chosen == draw->n_settled || draw->work >= WEIGHTED_MAX_WORK
          || (is_first && !weighted_is_possible (draw)))
        break;
      weighted_step_back (draw);
    }
  weighted_forget_dead (draw->self, 0, G_MAXUINT8);
  return draw->n_chosen < draw->request->n_hops ? lacking : NULL;
}

/* Takes the settled relays, and plans the others: the last, the first, those between. Returns: the number of the hop
   whose settled relay does not fit; n_hops when all do. */
static guint
weighted_settle (WeightedDraw *draw)
{
  const CepaPathRequest *request = draw->request;
  guint n;

  for (guint hop = 0; hop < request->n_hops; hop++)
    {
      guint32 row = cepa_path_request_fixed (request, hop);
      gboolean is_guard = !weighted_has_guards (draw, hop);

      if (row == CEPA_PATH_ANY_ROW)
        continue;
      for (guint i = 0; !is_guard && i < request->n_guards; i++)
        is_guard = request->guards[i] == row;
      draw->hops[draw->n_chosen] = (guint8) hop;
      if (!is_guard || row >= draw->view->n_relays || !weighted_fits (draw, weighted_role_of (request, hop), row))
        return hop;
      weighted_take (draw, row);
      draw->n_settled = draw->n_chosen;
    }
  n = draw->n_settled;
  for (guint i = 0; i < request->n_hops; i++)
    {
      guint hop = i == 0 ? request->n_hops - 1 : i - 1;

      if (cepa_path_request_fixed (request, hop) == CEPA_PATH_ANY_ROW)
        draw->hops[n++] = (guint8) hop;
    }
  return request->n_hops;
}

static gboolean
weighted_refuse (const WeightedDraw *draw, const WeightedRole *lacking, GError **error)
{
  const CepaPathRequest *request = draw->request;
  const char *stable = (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? " of a long-lived path" : "";
  g_autofree char *port = NULL;

  if (lacking == &weighted_exit && request->port != 0)
    port = g_strdup_printf (" to port %u%s", request->port,
                            (request->flags & CEPA_PATH_IPV6) != 0 ? " over IPv6" : "");
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH,
               "none of the %u relays fits as %s%s%s beside the others of a path of %u", draw->view->n_relays,
               lacking->name, port != NULL ? port : "", stable, request->n_hops);
  return FALSE;
}

gboolean
cepa_weighted_choose (CepaWeighted *self, const CepaNetworkView *view, const CepaPathRequest *request,
                      CepaPath *path, GError **error)
{
  WeightedDraw draw = { .self = self, .view = view, .request = request };
  const WeightedRole *lacking;
  guint unfit;

  if (request->purpose > CEPA_PURPOSE_INTERNAL || request->n_hops == 0
      || request->n_hops > CEPA_PATH_MAX_HOPS)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                   "paths of purpose %u with %u relays are not known here",
                   request->purpose, request->n_hops);
      return FALSE;
    }
  draw.needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS;
  if (request->purpose == CEPA_PURPOSE_GENERAL)
    draw.needs |= CEPA_RELAY_FAST;
  if ((request->flags & CEPA_PATH_NEED_STABLE) != 0)
    draw.needs |= CEPA_RELAY_STABLE;
  weighted_take_view (self, view);
  draw.set = weighted_find_set (self, view, request);
  unfit = weighted_settle (&draw);
  if (unfit < request->n_hops)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH,
                   "the relay that is settled as hop %u of %u does not fit there", unfit + 1, request->n_hops);
      return FALSE;
    }
  lacking = weighted_run (&draw);
  if (lacking != NULL)
    return weighted_refuse (&draw, lacking, error);
  path->n_hops = request->n_hops;
  for (guint i = 0; i < request->n_hops; i++)
    path->hops[draw.hops[i]] = draw.chosen[i];
  return TRUE;
}
