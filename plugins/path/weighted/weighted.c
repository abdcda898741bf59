/* SPDX-License-Identifier: BSD-3-Clause */
#include "weighted.h"

#include <cepa/services.h>

/* Draws by weight alone before all relays are looked at. Some fit at once; few ports need as many. */
#define WEIGHTED_MAX_DRAWS 64

/* Paths begun anew when a later place cannot be filled: only tiny networks and great families need it. */
#define WEIGHTED_MAX_ATTEMPTS 64

/* Random numbers fetched at once. */
#define WEIGHTED_N_RANDOM 32

/* The relays with a weight for one place. */
typedef struct
{
  guint32 n;
  guint32 *rows;
  guint64 *sums; /* of the weights up to and with each row */
} WeightedTable;

struct _CepaWeighted
{
  const CepaHost *host;
  guint64 version;  /* of the view that the tables are of; 0 when there are none */
  guint32 n_relays; /* of that view */
  WeightedTable tables[CEPA_N_PLACES];
  guint32 *candidates; /* room for every row */
  guint64 random[WEIGHTED_N_RANDOM];
  guint n_random; /* how many of them are left */
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

/* A path in the making. */
typedef struct
{
  CepaWeighted *self;
  const CepaNetworkView *view;
  const CepaPathRequest *request;
  guint32 needs; /* CEPA_RELAY_* of every relay */
  guint n_chosen;
  guint32 chosen[CEPA_PATH_MAX_HOPS];  /* in the order of drawing */
  guint n_dead;
  guint32 dead[WEIGHTED_MAX_ATTEMPTS]; /* first draws that left the second without any relay */
} WeightedDraw;

CepaWeighted *
cepa_weighted_new (const CepaHost *host)
{
  CepaWeighted *self = g_new0 (CepaWeighted, 1);

  self->host = host;
  return self;
}

static void
weighted_clear_tables (CepaWeighted *self)
{
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      g_clear_pointer (&self->tables[place].rows, g_free);
      g_clear_pointer (&self->tables[place].sums, g_free);
      self->tables[place].n = 0;
    }
  g_clear_pointer (&self->candidates, g_free);
  self->version = 0;
}

void
cepa_weighted_free (CepaWeighted *self)
{
  weighted_clear_tables (self);
  g_free (self);
}

static void
weighted_fill_table (WeightedTable *table, const CepaNetworkView *view, CepaPlace place)
{
  guint64 sum = 0;

  table->rows = g_new (guint32, view->n_relays);
  table->sums = g_new (guint64, view->n_relays);
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      guint32 weight = cepa_network_view_relay (view, row)->weight[place];

      if (weight == 0)
        continue;
      sum += weight;
      table->rows[table->n] = row;
      table->sums[table->n] = sum;
      table->n++;
    }
}

void
cepa_weighted_prepare (CepaWeighted *self, const CepaNetworkView *view)
{
  if (self->version == view->version && self->n_relays == view->n_relays)
    return;
  weighted_clear_tables (self);
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    weighted_fill_table (&self->tables[place], view, (CepaPlace) place);
  self->candidates = g_new (guint32, view->n_relays);
  self->version = view->version;
  self->n_relays = view->n_relays;
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

/* Whether @row may share a path with what was drawn before. */
static gboolean
weighted_agrees (const WeightedDraw *draw, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (draw->view, row);
  gboolean any_subnet = (draw->request->flags & CEPA_PATH_ANY_SUBNET) != 0;

  for (guint i = 0; i < draw->n_chosen; i++)
    {
      guint32 other = draw->chosen[i];

      if (cepa_network_view_same_family (draw->view, row, other))
        return FALSE;
      if (!any_subnet && cepa_relay_same_subnet (relay, cepa_network_view_relay (draw->view, other)))
        return FALSE;
    }
  for (guint i = 0; draw->n_chosen == 0 && i < draw->n_dead; i++)
    if (draw->dead[i] == row)
      return FALSE;
  return TRUE;
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
  return !cepa_path_request_excludes (request, row) && weighted_agrees (draw, row);
}

/* Draws among all that fit, by weight, or evenly when none of them has any. */
static gboolean
weighted_search (WeightedDraw *draw, const WeightedRole *role, guint32 *row)
{
  guint32 *candidates = draw->self->candidates;
  guint32 n = 0;
  guint64 sum = 0, target;

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

/* Adds a relay for @role to what was drawn. Taking draws by weight until one fits is drawing by weight among
   those that fit. Returns: FALSE when none fits. */
static gboolean
weighted_draw (WeightedDraw *draw, const WeightedRole *role)
{
  const WeightedTable *table = &draw->self->tables[role->place];
  guint32 row = 0;

  for (guint i = 0; table->n > 0 && i < WEIGHTED_MAX_DRAWS; i++)
    {
      row = weighted_draw_row (draw->self, table);
      if (weighted_fits (draw, role, row))
        {
          draw->chosen[draw->n_chosen++] = row;
          return TRUE;
        }
    }
  if (!weighted_search (draw, role, &row))
    return FALSE;
  draw->chosen[draw->n_chosen++] = row;
  return TRUE;
}

/* The role that is filled at @step: the first hop, the last, then those in between. */
static const WeightedRole *
weighted_role_at (const CepaPathRequest *request, guint step)
{
  const WeightedRole *end = request->purpose == CEPA_PURPOSE_GENERAL ? &weighted_exit : &weighted_last;

  if (step == 0)
    return request->n_hops == 1 ? end : &weighted_guard;
  return step == 1 ? end : &weighted_middle;
}

/* Returns: the role that no relay fits; NULL when the path is complete. */
static const WeightedRole *
weighted_attempt (WeightedDraw *draw)
{
  draw->n_chosen = 0;
  for (guint step = 0; step < draw->request->n_hops; step++)
    {
      const WeightedRole *role = weighted_role_at (draw->request, step);

      if (!weighted_draw (draw, role))
        return role;
    }
  return NULL;
}

/* Whether any relay fits @role in a path of its own. */
static gboolean
weighted_is_possible (WeightedDraw *draw, const WeightedRole *role)
{
  guint32 row;

  draw->n_chosen = 0;
  return weighted_search (draw, role, &row);
}

/* Returns: what could not be filled, whatever was drawn for the other places; NULL when there is a path. */
static const WeightedRole *
weighted_run (WeightedDraw *draw)
{
  const WeightedRole *lacking = NULL;

  for (guint i = 0; i < WEIGHTED_MAX_ATTEMPTS; i++)
    {
      const WeightedRole *failed = weighted_attempt (draw);
      guint n_chosen = draw->n_chosen;

      if (failed == NULL)
        return NULL;
      if (n_chosen == 0)
        return lacking != NULL ? lacking : failed;
      if (lacking == NULL && !weighted_is_possible (draw, failed))
        return failed;
      lacking = failed;
      if (n_chosen == 1)
        draw->dead[draw->n_dead++] = draw->chosen[0];
    }
  return lacking;
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
  cepa_weighted_prepare (self, view);
  lacking = weighted_run (&draw);
  if (lacking != NULL)
    return weighted_refuse (&draw, lacking, error);
  path->n_hops = request->n_hops;
  for (guint step = 0; step < request->n_hops; step++)
    path->hops[step == 0 ? 0 : step == 1 ? request->n_hops - 1 : step - 1] = draw.chosen[step];
  return TRUE;
}
