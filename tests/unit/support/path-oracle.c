/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/path-oracle.h"

/* A path on its way. */
typedef struct
{
  const PathOracle *oracle;
  CepaPath path;
  gboolean is_taken[CEPA_PATH_MAX_HOPS];
  double *chances;
} OracleWalk;

static guint
oracle_get_n_relays (const PathOracle *self)
{
  return self->fake->view.n_relays;
}

guint
path_oracle_count (const PathOracle *self)
{
  guint n = 1;

  g_assert_cmpuint (oracle_get_n_relays (self), <=, PATH_ORACLE_MAX_RELAYS);
  for (guint i = 0; i < self->request->n_hops; i++)
    n *= oracle_get_n_relays (self);
  return n;
}

guint
path_oracle_index (const PathOracle *self, const CepaPath *path)
{
  guint index = 0;

  for (guint hop = 0; hop < path->n_hops; hop++)
    index = index * oracle_get_n_relays (self) + path->hops[hop];
  return index;
}

/* Which hop is next; n_hops when all are taken. */
static guint
oracle_next_hop (const OracleWalk *walk)
{
  guint n_hops = walk->oracle->request->n_hops, hop = 0;

  for (guint i = 0; i < n_hops; i++)
    if (!walk->is_taken[i] && walk->oracle->request->fixed != NULL
        && walk->oracle->request->fixed[i] != CEPA_PATH_ANY_ROW)
      return i;
  if (!walk->is_taken[n_hops - 1])
    return n_hops - 1;
  while (walk->is_taken[hop] && hop < n_hops - 1)
    hop++;
  return hop < n_hops - 1 ? hop : n_hops;
}

/* Whether @row may be taken for @hop now, whatever its weight. */
static gboolean
oracle_may_take (const OracleWalk *walk, guint hop, guint32 row)
{
  const PathOracle *self = walk->oracle;

  if (!fake_view_may_stand (self->fake, self->request, hop, row))
    return FALSE;
  for (guint i = 0; i < self->request->n_hops; i++)
    if (walk->is_taken[i] && !fake_view_may_share (self->fake, self->request, hop, row, i, walk->path.hops[i]))
      return FALSE;
  return TRUE;
}

static double
oracle_weight (const OracleWalk *walk, guint hop, guint32 row)
{
  const PathOracle *self = walk->oracle;
  CepaPlace place = fake_view_place_of (self->request, hop);

  if (!oracle_may_take (walk, hop, row))
    return 0;
  if ((self->request->fixed != NULL && self->request->fixed[hop] == row)
      || (hop == 0 && self->request->guards != NULL))
    return 1;
  return self->weights[place] != NULL ? self->weights[place][row] : self->fake->relays[row].weight[place];
}

static gboolean
oracle_is_possible (OracleWalk *walk)
{
  guint hop = oracle_next_hop (walk);
  const PathOracle *self = walk->oracle;
  gboolean is_whole = hop == self->request->n_hops;
  gboolean is_possible = is_whole && (self->is_wanted == NULL || self->is_wanted (self->fake, &walk->path));

  for (guint32 row = 0; !is_whole && !is_possible && row < oracle_get_n_relays (walk->oracle); row++)
    {
      if (oracle_weight (walk, hop, row) == 0)
        continue;
      walk->path.hops[hop] = row;
      walk->is_taken[hop] = TRUE;
      is_possible = oracle_is_possible (walk);
      walk->is_taken[hop] = FALSE;
    }
  return is_possible;
}

/* Of the guards only the first that leaves a path keeps its weight. */
static void
oracle_prefer_guard (const CepaPathRequest *request, guint n_relays, double *weights)
{
  for (guint i = 0; i < request->n_guards; i++)
    if (request->guards[i] < n_relays && weights[request->guards[i]] > 0)
      {
        for (guint32 row = 0; row < n_relays; row++)
          weights[row] = row == request->guards[i];
        return;
      }
}

/* Adds the chance of each whole path that begins so. */
static void
oracle_fill (OracleWalk *walk, double chance)
{
  const PathOracle *self = walk->oracle;
  guint n_relays = oracle_get_n_relays (self), hop = oracle_next_hop (walk);
  double weights[PATH_ORACLE_MAX_RELAYS] = { 0 }, sum = 0;

  if (hop == self->request->n_hops)
    {
      walk->chances[path_oracle_index (self, &walk->path)] += chance;
      return;
    }
  for (guint32 row = 0; row < n_relays; row++)
    {
      double weight = oracle_weight (walk, hop, row);

      walk->path.hops[hop] = row;
      walk->is_taken[hop] = TRUE;
      if (weight > 0 && oracle_is_possible (walk))
        weights[row] = weight;
      walk->is_taken[hop] = FALSE;
    }
  if (hop == 0 && self->request->guards != NULL)
    oracle_prefer_guard (self->request, n_relays, weights);
  for (guint32 row = 0; row < n_relays; row++)
    sum += weights[row];
  for (guint32 row = 0; row < n_relays; row++)
    if (weights[row] > 0)
      {
        walk->path.hops[hop] = row;
        walk->is_taken[hop] = TRUE;
        oracle_fill (walk, chance * weights[row] / sum);
        walk->is_taken[hop] = FALSE;
      }
}

double *
path_oracle_chances (const PathOracle *self)
{
  OracleWalk walk = { .oracle = self, .path.n_hops = self->request->n_hops };

  walk.chances = g_new0 (double, path_oracle_count (self));
  oracle_fill (&walk, 1);
  return walk.chances;
}
