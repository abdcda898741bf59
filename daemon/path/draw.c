/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/draw.h"

#include <string.h>

#include "base/error.h"

/* Kinds of request whose tables are kept: each port that is asked for is one. */
#define DRAW_N_KINDS 8

/* Draws by weight alone before all relays with a weight are looked at. */
#define DRAW_MAX_TRIES 64

/* Rows that may be looked at for one path, some milliseconds' worth. Only in a network where what is likely for one
   place leaves nobody for another does a path take more than a few times the relays. */
#define DRAW_MAX_WORK (1u << 20)

/* Random numbers fetched at once: each fetch may be a call to the system. */
#define DRAW_N_RANDOM 32

typedef enum
{
  DRAW_LAST,
  DRAW_FIRST,
  DRAW_BETWEEN,
  DRAW_N_ROLES
} DrawRole;

/* The relays that keep the rules of a role and have a weight. */
typedef struct
{
  gboolean is_made;
  guint32 n_fit; /* with a weight or without */
  guint32 n;
  guint32 *rows;
  guint64 *sums; /* of the weights up to and with each row: of 2^32 rows they still fit */
} DrawTable;

/* What is alike in requests that share tables. */
typedef struct
{
  guint32 purpose, n_hops, flags;
  guint16 port;
  guint64 used; /* when it was asked for last, of a counter; 0: never */
  DrawTable tables[DRAW_N_ROLES];
} DrawKind;

struct _CepaPathDraw
{
  CepaPathPolicy *policy; /* (nullable): it is gone */
  guint64 version;        /* of the view that everything below is of; 0 before the first */
  guint32 n_relays;
  guint64 n_uses;
  DrawKind kinds[DRAW_N_KINDS];
  guint8 *dead;        /* by row: bit N is set while the row is known to leave no path as draw N */
  GArray *dead_rows;   /* (element-type guint32): those with a bit; the later draws' are last */
  guint32 *candidates; /* room for every row */
  CepaRandom *random_source;
  guint64 random[DRAW_N_RANDOM];
  guint n_random;
};

/* A path in the making. */
typedef struct
{
  CepaPathDraw *self;
  CepaRandom *random;
  const CepaNetworkView *view;
  const CepaPathRequest *request;
  const DrawTable *tables[DRAW_N_ROLES];
  guint n_drawn;
  guint32 drawn[CEPA_PATH_MAX_HOPS];  /* in the order of drawing */
  guint n_before[CEPA_PATH_MAX_HOPS]; /* how many dead rows there were when each draw began */
  guint lacking;                      /* the latest draw that nobody could be found for */
  guint work;
} DrawPath;

G_STATIC_ASSERT (CEPA_PATH_MAX_HOPS <= 8); /* bits of `dead` */

/* ---- tables ---- */

CepaPathDraw *
cepa_path_draw_new (CepaPathPolicy *policy)
{
  CepaPathDraw *self = g_rc_box_new0 (CepaPathDraw);

  self->policy = policy;
  self->dead_rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  return self;
}

CepaPathDraw *
cepa_path_draw_ref (CepaPathDraw *self)
{
  return g_rc_box_acquire (self);
}

static void
draw_clear_kind (DrawKind *kind)
{
  for (guint role = 0; role < DRAW_N_ROLES; role++)
    {
      g_free (kind->tables[role].rows);
      g_free (kind->tables[role].sums);
    }
  memset (kind, 0, sizeof *kind);
}

static void
draw_clear (CepaPathDraw *self)
{
  for (guint i = 0; i < DRAW_N_KINDS; i++)
    draw_clear_kind (&self->kinds[i]);
  g_clear_pointer (&self->dead, g_free);
  g_clear_pointer (&self->candidates, g_free);
}

static void
draw_finalize (gpointer box)
{
  CepaPathDraw *self = box;

  draw_clear (self);
  g_array_unref (self->dead_rows);
}

void
cepa_path_draw_unref (CepaPathDraw *self)
{
  g_rc_box_release_full (self, draw_finalize);
}

void
cepa_path_draw_detach (CepaPathDraw *self)
{
  self->policy = NULL;
}

static void
draw_take_view (CepaPathDraw *self, const CepaNetworkView *view)
{
  if (self->version == view->version && self->n_relays == view->n_relays)
    return;
  draw_clear (self);
  self->version = view->version;
  self->n_relays = view->n_relays;
  self->dead = g_new0 (guint8, view->n_relays);
  self->candidates = g_new (guint32, view->n_relays);
}

/* The kind of @request: the one that was not asked for the longest makes room for a new one. */
static DrawKind *
draw_find_kind (CepaPathDraw *self, const CepaPathRequest *request)
{
  DrawKind *oldest = &self->kinds[0];

  for (guint i = 0; i < DRAW_N_KINDS; i++)
    {
      DrawKind *kind = &self->kinds[i];

      if (kind->used != 0 && kind->purpose == request->purpose && kind->n_hops == request->n_hops
          && kind->flags == request->flags && kind->port == request->port)
        {
          kind->used = ++self->n_uses;
          return kind;
        }
      if (kind->used < oldest->used)
        oldest = kind;
    }
  draw_clear_kind (oldest);
  oldest->purpose = request->purpose;
  oldest->n_hops = request->n_hops;
  oldest->flags = request->flags;
  oldest->port = request->port;
  oldest->used = ++self->n_uses;
  return oldest;
}

static DrawRole
draw_role_at (guint draw)
{
  return draw == 0 ? DRAW_LAST : draw == 1 ? DRAW_FIRST : DRAW_BETWEEN;
}

static CepaPlace
draw_place_of (DrawRole role, const CepaPathRequest *request)
{
  if (role == DRAW_FIRST)
    return CEPA_PLACE_GUARD;
  return role == DRAW_LAST && request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_PLACE_EXIT : CEPA_PLACE_MIDDLE;
}

/* Whether the relay keeps the rules that are of it alone. */
static gboolean
draw_relay_fits (const CepaNetworkView *view, const CepaPathRequest *request, DrawRole role, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (view, row);
  gboolean is_general = request->purpose == CEPA_PURPOSE_GENERAL;
  guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS, refuses = 0;

  needs |= is_general ? CEPA_RELAY_FAST : 0;
  needs |= (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? CEPA_RELAY_STABLE : 0;
  needs |= role == DRAW_FIRST ? CEPA_RELAY_GUARD : 0;
  refuses |= role != DRAW_BETWEEN ? CEPA_RELAY_MIDDLE_ONLY : 0;
  if (role == DRAW_LAST && is_general)
    {
      needs |= CEPA_RELAY_EXIT;
      refuses |= CEPA_RELAY_BAD_EXIT;
    }
  if ((relay->flags & needs) != needs || (relay->flags & refuses) != 0)
    return FALSE;
  return role != DRAW_LAST || !is_general
         || cepa_network_view_exit_allows (view, relay->exit_policy, request->port,
                                           (request->flags & CEPA_PATH_IPV6) != 0);
}

static void
draw_fill_table (DrawTable *table, const CepaNetworkView *view, const CepaPathRequest *request, DrawRole role,
                 const guint32 *weights)
{
  guint64 sum = 0;

  table->rows = g_new (guint32, view->n_relays);
  table->sums = g_new (guint64, view->n_relays);
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      if (!draw_relay_fits (view, request, role, row))
        continue;
      table->n_fit++;
      if (weights[row] == 0)
        continue;
      sum += weights[row];
      table->rows[table->n] = row;
      table->sums[table->n] = sum;
      table->n++;
    }
  table->rows = g_renew (guint32, table->rows, table->n);
  table->sums = g_renew (guint64, table->sums, table->n);
  table->is_made = TRUE;
}

/* Asks the policy how likely each relay is. */
static gboolean
draw_make_table (CepaPathDraw *self, DrawTable *table, const CepaNetworkView *view, const CepaPathRequest *request,
                 DrawRole role, GError **error)
{
  g_autofree guint32 *weights = g_new0 (guint32, view->n_relays);
  CepaPathRequest kind = *request;

  kind.size = sizeof kind;
  kind.excluded = NULL;
  kind.n_excluded = 0;
  if (self->policy == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the policy went away while it was asked");
      return FALSE;
    }
  if (!self->policy->weigh (self->policy, view, &kind, draw_place_of (role, request), weights, error))
    return FALSE;
  draw_fill_table (table, view, request, role, weights);
  return TRUE;
}

/* ---- drawing ---- */

/* As cepa_random_below (), from numbers fetched many at a time. */
static guint64
draw_random_below (const DrawPath *path, guint64 limit)
{
  CepaPathDraw *self = path->self;
  guint64 bound = G_MAXUINT64 - G_MAXUINT64 % limit, value;

  if (self->random_source != path->random)
    self->n_random = 0;
  self->random_source = path->random;
  do
    {
      if (self->n_random == 0)
        {
          cepa_random_fill (path->random, self->random, sizeof self->random);
          self->n_random = DRAW_N_RANDOM;
        }
      value = GUINT64_FROM_LE (self->random[--self->n_random]);
    }
  while (value >= bound);
  return value % limit;
}

static guint32
draw_by_weight (const DrawPath *path, const DrawTable *table)
{
  guint64 target = draw_random_below (path, table->sums[table->n - 1]);
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

/* Whether @row may be drawn now: not excluded, not known to leave no path, and at one with those drawn before. */
static gboolean
draw_row_agrees (const DrawPath *path, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (path->view, row);
  gboolean any_subnet = (path->request->flags & CEPA_PATH_ANY_SUBNET) != 0;

  if (cepa_path_request_excludes (path->request, row) || (path->self->dead[row] & 1u << path->n_drawn) != 0)
    return FALSE;
  for (guint i = 0; i < path->n_drawn; i++)
    {
      guint32 other = path->drawn[i];

      if (cepa_network_view_same_family (path->view, row, other))
        return FALSE;
      if (!any_subnet && cepa_relay_same_subnet (relay, cepa_network_view_relay (path->view, other)))
        return FALSE;
    }
  return TRUE;
}

static guint64
draw_weight_at (const DrawTable *table, guint32 index)
{
  return table->sums[index] - (index > 0 ? table->sums[index - 1] : 0);
}

/* Draws among all that agree. Returns: FALSE when nobody does. */
static gboolean
draw_among_all (DrawPath *path, const DrawTable *table, guint32 *row)
{
  guint32 *candidates = path->self->candidates;
  guint32 n = 0, i = 0;
  guint64 sum = 0, target;

  path->work += table->n;
  for (guint32 index = 0; index < table->n; index++)
    if (draw_row_agrees (path, table->rows[index]))
      {
        candidates[n++] = index;
        sum += draw_weight_at (table, index);
      }
  if (n == 0)
    return FALSE;
  target = draw_random_below (path, sum);
  while (target >= draw_weight_at (table, candidates[i]))
    target -= draw_weight_at (table, candidates[i++]);
  *row = table->rows[candidates[i]];
  return TRUE;
}

/* Taking draws by weight until one agrees is drawing by weight among those that agree. */
static gboolean
draw_one (DrawPath *path)
{
  const DrawTable *table = path->tables[draw_role_at (path->n_drawn)];
  guint32 row = 0;
  gboolean is_found = FALSE;

  for (guint i = 0; !is_found && i < DRAW_MAX_TRIES; i++)
    {
      row = draw_by_weight (path, table);
      is_found = draw_row_agrees (path, row);
    }
  if (!is_found && !draw_among_all (path, table, &row))
    return FALSE;
  path->drawn[path->n_drawn++] = row;
  if (path->n_drawn < path->request->n_hops)
    path->n_before[path->n_drawn] = path->self->dead_rows->len;
  return TRUE;
}

static void
draw_forget_dead (CepaPathDraw *self, guint n_left, guint8 bits)
{
  for (guint i = n_left; i < self->dead_rows->len; i++)
    self->dead[g_array_index (self->dead_rows, guint32, i)] &= (guint8) ~bits;
  g_array_set_size (self->dead_rows, n_left);
}

/* Nobody can follow those that were drawn: the last of them is not to be drawn again beside those before it. */
static void
draw_step_back (DrawPath *path)
{
  CepaPathDraw *self = path->self;
  guint32 row;

  draw_forget_dead (self, path->n_before[path->n_drawn], (guint8) (1u << path->n_drawn));
  row = path->drawn[--path->n_drawn];
  self->dead[row] |= (guint8) (1u << path->n_drawn);
  g_array_append_val (self->dead_rows, row);
}

/* Returns: FALSE when there is no path, or none was found with as much work as a path may make. */
static gboolean
draw_all (DrawPath *path)
{
  gboolean is_possible = TRUE;

  while (is_possible && path->n_drawn < path->request->n_hops)
    {
      if (draw_one (path))
        continue;
      path->lacking = MAX (path->lacking, path->n_drawn);
      is_possible = path->n_drawn > 0 && path->work < DRAW_MAX_WORK;
      if (is_possible)
        draw_step_back (path);
    }
  draw_forget_dead (path->self, 0, G_MAXUINT8);
  return is_possible;
}

/* Says who could not be found. @table: of its role */
static gboolean
draw_refuse (const DrawPath *path, DrawRole role, const DrawTable *table, GError **error)
{
  const CepaPathRequest *request = path->request;
  gboolean is_exit = draw_place_of (role, request) == CEPA_PLACE_EXIT;
  const char *id = path->self->policy != NULL ? path->self->policy->id : "a policy that went away";
  g_autoptr (GString) what = g_string_new (NULL);

  g_string_append (what, is_exit               ? "exit"
                         : role == DRAW_FIRST ? "guard"
                         : role == DRAW_LAST  ? "last relay"
                                              : "middle relay");
  if (is_exit && request->port != 0)
    g_string_append_printf (what, " to port %u", request->port);
  if (is_exit && (request->flags & CEPA_PATH_IPV6) != 0)
    g_string_append (what, " over IPv6");
  if ((request->flags & CEPA_PATH_NEED_STABLE) != 0)
    g_string_append (what, " of a long-lived path");
  if (table->n_fit == 0)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: none of the %u relays fits as %s", id,
                 path->view->n_relays, what->str);
  else if (table->n == 0)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: all of the %u relays that fit as %s have the weight 0",
                 id, table->n_fit, what->str);
  else if (path->work >= DRAW_MAX_WORK)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: gave up the search for a %s of a path of %u after %u looks: nearly all that was drawn before it "
                 "leaves none", id, what->str, request->n_hops, path->work);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: none of the %u relays that fit as %s and have a weight fits beside the others of a path of %u, "
                 "with %u relays excluded", id, table->n, what->str, request->n_hops, request->n_excluded);
  return FALSE;
}

/* The tables of every role that the path needs. */
static gboolean
draw_prepare (DrawPath *path, GError **error)
{
  DrawKind *kind = draw_find_kind (path->self, path->request);

  for (guint role = 0; role < MIN (path->request->n_hops, (guint) DRAW_N_ROLES); role++)
    {
      DrawTable *table = &kind->tables[role];

      if (!table->is_made && !draw_make_table (path->self, table, path->view, path->request, role, error))
        return FALSE;
      if (table->n == 0)
        return draw_refuse (path, role, table, error);
      path->tables[role] = table;
    }
  return TRUE;
}

gboolean
cepa_path_draw_run (CepaPathDraw *self, const CepaNetworkView *view, CepaRandom *random,
                    const CepaPathRequest *request, CepaPath *path, GError **error)
{
  DrawPath drawing = { .self = self, .random = random, .view = view, .request = request };

  g_return_val_if_fail (request->n_hops >= 1 && request->n_hops <= CEPA_PATH_MAX_HOPS, FALSE);
  draw_take_view (self, view);
  if (!draw_prepare (&drawing, error))
    return FALSE;
  if (!draw_all (&drawing))
    return draw_refuse (&drawing, draw_role_at (drawing.lacking), drawing.tables[draw_role_at (drawing.lacking)], error);
  path->size = sizeof *path;
  path->n_hops = request->n_hops;
  for (guint draw = 0; draw < request->n_hops; draw++)
    path->hops[draw == 0 ? request->n_hops - 1 : draw == 1 ? 0 : draw - 1] = drawing.drawn[draw];
  return TRUE;
}
