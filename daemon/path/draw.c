/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/draw.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "path/check.h"
#include "path/draw-kinds.h"

/* Draws by weight alone before all relays with a weight are looked at. */
#define DRAW_MAX_TRIES 64

/* Rows that may be looked at for one path, some milliseconds' worth. Only in a network where what is likely for one
   place leaves nobody for another does a path take more than a few times the relays. */
#define DRAW_MAX_WORK (1u << 20)

/* Random numbers fetched at once: each fetch may be a call to the system. */
#define DRAW_N_RANDOM 32

struct _CepaPathDraw
{
  CepaPathPolicy *policy; /* (nullable): it is gone */
  guint64 version;        /* of the view that everything below is of; 0 before the first */
  guint32 n_relays;
  CepaDrawKinds kinds;
  guint8 *dead;        /* by row: bit N is set while the row is known to leave no path as draw N */
  GArray *dead_rows;   /* (element-type guint32): those with a bit; the later draws' are last */
  guint32 *candidates; /* room for every row */
  CepaRandom *random_source;
  guint64 random[DRAW_N_RANDOM];
  guint n_random;
};

/* A path in the making. The settled hops count as drawn before all others. */
typedef struct
{
  CepaPathDraw *self;
  CepaRandom *random;
  const CepaNetworkView *view;
  const CepaPathRequest *request;
  const CepaDrawTable *tables[CEPA_DRAW_N_ROLES]; /* (nullable): of those that a relay is drawn for by weight */
  guint n_settled, n_drawn;
  guint8 hops[CEPA_PATH_MAX_HOPS];       /* which hop each draw is for */
  guint32 drawn[CEPA_PATH_MAX_HOPS];     /* the rows, in the same order */
  guint n_before[CEPA_PATH_MAX_HOPS];    /* how many dead rows there were when each draw began */
  guint lacking;                         /* the latest draw that nobody could be found for */
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
draw_clear (CepaPathDraw *self)
{
  cepa_draw_kinds_clear (&self->kinds);
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

/* Whether the first relay is one of the request's guards, for whom no weight counts. */
static gboolean
draw_has_guards (const CepaPathRequest *request, guint hop)
{
  return hop == 0 && cepa_path_request_n_guards (request) > 0;
}

/* Asks the policy how likely each relay is. */
static gboolean
draw_make_table (CepaPathDraw *self, CepaDrawTable *table, const CepaNetworkView *view, const CepaPathRequest *request,
                 CepaDrawRole role, GError **error)
{
  g_autofree guint32 *weights = g_new0 (guint32, view->n_relays);
  CepaPathRequest kind = *request;

  kind.size = sizeof kind;
  kind.excluded = kind.guards = kind.fixed = NULL;
  kind.n_excluded = kind.n_guards = 0;
  if (self->policy == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the policy went away while it was asked");
      return FALSE;
    }
  if (!self->policy->weigh (self->policy, view, &kind, cepa_draw_place_of (request, role), weights, error))
    return FALSE;
  cepa_draw_table_fill (table, view, request, role, weights);
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
draw_by_weight (const DrawPath *path, const CepaDrawTable *table)
{
  return cepa_draw_table_pick (table, draw_random_below (path, table->sums[table->n - 1]));
}

/* Whether @row may be drawn now: not excluded, not known to leave no path, and at one with those drawn before. */
static gboolean
draw_row_agrees (const DrawPath *path, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (path->view, row);
  guint32 flags = path->request->flags;
  gint hop = path->hops[path->n_drawn];

  if (cepa_path_request_excludes (path->request, row) || (path->self->dead[row] & 1u << path->n_drawn) != 0)
    return FALSE;
  for (guint i = 0; i < path->n_drawn; i++)
    {
      guint32 other = path->drawn[i];

      if ((flags & CEPA_PATH_VANGUARDS) != 0)
        {
          if (row == other && ABS (hop - path->hops[i]) < CEPA_PATH_VANGUARDS_DISTANCE)
            return FALSE;
          continue;
        }
      if (cepa_network_view_same_family (path->view, row, other))
        return FALSE;
      if ((flags & CEPA_PATH_ANY_SUBNET) == 0
          && cepa_relay_same_subnet (relay, cepa_network_view_relay (path->view, other)))
        return FALSE;
    }
  return TRUE;
}

static guint64
draw_weight_at (const CepaDrawTable *table, guint32 index)
{
  return table->sums[index] - (index > 0 ? table->sums[index - 1] : 0);
}

/* Draws among all that agree. Returns: FALSE when nobody does. */
static gboolean
draw_among_all (DrawPath *path, const CepaDrawTable *table, guint32 *row)
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

/* The first of the request's guards that agrees. */
static gboolean
draw_guard (DrawPath *path, guint32 *row)
{
  guint n_guards = cepa_path_request_n_guards (path->request);
  CepaDrawRole role = cepa_draw_role_of (path->request, 0);

  path->work += n_guards;
  for (guint i = 0; i < n_guards; i++)
    {
      *row = path->request->guards[i];
      if (*row < path->view->n_relays && cepa_draw_relay_fits (path->view, path->request, role, *row)
          && draw_row_agrees (path, *row))
        return TRUE;
    }
  return FALSE;
}

/* Taking draws by weight until one agrees is drawing by weight among those that agree. */
static gboolean
draw_weighted (DrawPath *path, const CepaDrawTable *table, guint32 *row)
{
  for (guint i = 0; i < DRAW_MAX_TRIES; i++)
    {
      *row = draw_by_weight (path, table);
      if (draw_row_agrees (path, *row))
        return TRUE;
    }
  return draw_among_all (path, table, row);
}

static void
draw_take (DrawPath *path, guint32 row)
{
  path->drawn[path->n_drawn++] = row;
  if (path->n_drawn < path->request->n_hops)
    path->n_before[path->n_drawn] = path->self->dead_rows->len;
}

static gboolean
draw_one (DrawPath *path)
{
  guint hop = path->hops[path->n_drawn];
  guint32 row = 0;
  gboolean is_found = draw_has_guards (path->request, hop)
                          ? draw_guard (path, &row)
                          : draw_weighted (path, path->tables[cepa_draw_role_of (path->request, hop)], &row);

  if (is_found)
    draw_take (path, row);
  return is_found;
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
      is_possible = path->n_drawn > path->n_settled && path->work < DRAW_MAX_WORK;
      if (is_possible)
        draw_step_back (path);
    }
  draw_forget_dead (path->self, 0, G_MAXUINT8);
  return is_possible;
}

/* ---- a whole path ---- */

/* Who is lacking at @hop, for people. */
static char *
draw_name_hop (const DrawPath *path, guint hop)
{
  const CepaPathRequest *request = path->request;
  CepaPlace place = cepa_path_place_of (request, hop);
  GString *what = g_string_new (place == CEPA_PLACE_EXIT        ? "exit"
                                : place == CEPA_PLACE_GUARD     ? "guard"
                                : hop + 1 == request->n_hops    ? "last relay"
                                                                : "middle relay");

  if (place == CEPA_PLACE_EXIT && request->port != 0)
    g_string_append_printf (what, " to port %u", request->port);
  if (place == CEPA_PLACE_EXIT && (request->flags & CEPA_PATH_IPV6) != 0)
    g_string_append (what, " over IPv6");
  if ((request->flags & CEPA_PATH_NEED_STABLE) != 0)
    g_string_append (what, " of a long-lived path");
  return g_string_free (what, FALSE);
}

static const char *
draw_get_id (const DrawPath *path)
{
  return path->self->policy != NULL ? path->self->policy->id : "a policy that went away";
}

/* Says who could not be found for @hop. @table: (nullable): of its role */
static gboolean
draw_refuse (const DrawPath *path, guint hop, const CepaDrawTable *table, GError **error)
{
  const CepaPathRequest *request = path->request;
  g_autofree char *what = draw_name_hop (path, hop);
  const char *id = draw_get_id (path);

  if (table != NULL && table->n_fit == 0)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: none of the %u relays fits as %s", id,
                 path->view->n_relays, what);
  else if (table != NULL && table->n == 0)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: all of the %u relays that fit as %s have the weight 0",
                 id, table->n_fit, what);
  else if (path->work >= DRAW_MAX_WORK)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: gave up the search for a %s of a path of %u after %u looks: nearly all that was drawn before it "
                 "leaves none", id, what, request->n_hops, path->work);
  else if (table == NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: none of the %u guards to choose from fits as %s beside the others of a path of %u, with %u "
                 "relays excluded", id, request->n_guards, what, request->n_hops, request->n_excluded);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: none of the %u relays that fit as %s and have a weight fits beside the others of a path of %u, "
                 "with %u relays excluded", id, table->n, what, request->n_hops, request->n_excluded);
  return FALSE;
}

static const CepaDrawTable *
draw_get_table (const DrawPath *path, guint hop)
{
  return draw_has_guards (path->request, hop) ? NULL : path->tables[cepa_draw_role_of (path->request, hop)];
}

static gboolean
draw_refuse_settled (const DrawPath *path, guint hop, guint32 row, GError **error)
{
  const CepaRelay *relay = row < path->view->n_relays ? cepa_network_view_relay (path->view, row) : NULL;
  g_autofree char *what = draw_name_hop (path, hop);
  g_autofree char *id = relay != NULL ? cepa_hex_encode (relay->rsa_id, sizeof relay->rsa_id) : NULL;

  if (relay == NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: the row %u, which is settled as hop %u, is none of the %u",
                 draw_get_id (path), row, hop + 1, path->view->n_relays);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
                 "%s: the relay $%s~%s, which is settled as hop %u of %u, does not fit as %s beside the other settled "
                 "ones", draw_get_id (path), id, relay->nickname, hop + 1, path->request->n_hops, what);
  return FALSE;
}

/* Takes the settled relays, in their order. */
static gboolean
draw_settle (DrawPath *path, GError **error)
{
  const CepaPathRequest *request = path->request;

  for (guint hop = 0; hop < request->n_hops; hop++)
    {
      guint32 row = cepa_path_request_fixed (request, hop);

      if (row == CEPA_PATH_ANY_ROW)
        continue;
      path->hops[path->n_drawn] = (guint8) hop;
      if (row >= path->view->n_relays || (hop == 0 && !cepa_path_is_guard_of (request, row))
          || !cepa_draw_relay_fits (path->view, request, cepa_draw_role_of (request, hop), row)
          || !draw_row_agrees (path, row))
        return draw_refuse_settled (path, hop, row, error);
      draw_take (path, row);
    }
  path->n_settled = path->n_drawn;
  return TRUE;
}

/* The order in which the others are drawn: the last, the first, those between. */
static void
draw_plan (DrawPath *path)
{
  guint n_hops = path->request->n_hops, n = path->n_settled;

  for (guint i = 0; i < n_hops; i++)
    {
      guint hop = i == 0 ? n_hops - 1 : i - 1;

      if (cepa_path_request_fixed (path->request, hop) == CEPA_PATH_ANY_ROW)
        path->hops[n++] = (guint8) hop;
    }
}

/* The tables of every role that relays are drawn for. */
static gboolean
draw_prepare (DrawPath *path, GError **error)
{
  CepaDrawKind *kind = cepa_draw_kinds_find (&path->self->kinds, path->request);

  for (guint i = path->n_settled; i < path->request->n_hops; i++)
    {
      guint hop = path->hops[i];
      CepaDrawRole role = cepa_draw_role_of (path->request, hop);
      CepaDrawTable *table = &kind->tables[role];

      if (draw_has_guards (path->request, hop) || path->tables[role] != NULL)
        continue;
      if (!table->is_made && !draw_make_table (path->self, table, path->view, path->request, role, error))
        return FALSE;
      if (table->n == 0)
        return draw_refuse (path, hop, table, error);
      path->tables[role] = table;
    }
  return TRUE;
}

gboolean
cepa_path_draw_run (CepaPathDraw *self, const CepaNetworkView *view, CepaRandom *random,
                    const CepaPathRequest *request, CepaPath *path, GError **error)
{
  DrawPath drawing = { .self = self, .random = random, .view = view, .request = request };
  guint lacking;

  g_return_val_if_fail (request->n_hops >= 1 && request->n_hops <= CEPA_PATH_MAX_HOPS, FALSE);
  draw_take_view (self, view);
  if (!draw_settle (&drawing, error))
    return FALSE;
  draw_plan (&drawing);
  if (!draw_prepare (&drawing, error))
    return FALSE;
  if (!draw_all (&drawing))
    {
      lacking = drawing.hops[drawing.lacking];
      return draw_refuse (&drawing, lacking, draw_get_table (&drawing, lacking), error);
    }
  path->size = sizeof *path;
  path->n_hops = request->n_hops;
  for (guint i = 0; i < request->n_hops; i++)
    path->hops[drawing.hops[i]] = drawing.drawn[i];
  return TRUE;
}
