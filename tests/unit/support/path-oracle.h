/* SPDX-License-Identifier: BSD-3-Clause */
/* How likely each path is, worked out by the rules apart from the daemon and the plugins, for small networks. */
#pragma once

#include "support/fake-view.h"

G_BEGIN_DECLS

#define PATH_ORACLE_MAX_RELAYS 12

/**
 * PathOracle:
 * @weights: (nullable): by place; NULL: the weights of the relays
 * @is_wanted: (nullable): what else a whole path must be
 *
 * Settled hops are taken, then the last is drawn, the first, those between, each in proportion to its weight among
 * those that leave a path; of a request's guards the first that leaves one is taken.
 */
typedef struct
{
  const FakeView *fake;
  const CepaPathRequest *request;
  const guint32 *weights[CEPA_N_PLACES];
  gboolean (*is_wanted) (const FakeView *fake, const CepaPath *path);
} PathOracle;

/* How many paths there are, good or not: the length of what follows. */
guint path_oracle_count (const PathOracle *self);

/* The number of a path. */
guint path_oracle_index (const PathOracle *self, const CepaPath *path);

/* (transfer full): the chance of each path by its number. */
double *path_oracle_chances (const PathOracle *self);

G_END_DECLS
