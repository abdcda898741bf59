/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of weights that paths are drawn by, of the last kinds of request. Private to path/draw. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

G_BEGIN_DECLS

/* Kinds of request whose tables are kept: each port that is asked for is one. */
#define CEPA_DRAW_N_KINDS 8

/* By where a relay stands. One alone is the last. */
typedef enum
{
  CEPA_DRAW_LAST,
  CEPA_DRAW_FIRST,
  CEPA_DRAW_BETWEEN,
  CEPA_DRAW_N_ROLES
} CepaDrawRole;

/* The relays that keep the rules of a role and have a weight. */
typedef struct
{
  gboolean is_made;
  guint32 n_fit; /* with a weight or without */
  guint32 n;
  guint32 *rows;
  guint64 *sums; /* of the weights up to and with each row: of 2^32 rows they still fit */
} CepaDrawTable;

/* What is alike in requests that share tables. */
typedef struct
{
  guint32 purpose, n_hops, flags;
  guint16 port;
  guint64 barred_id;
  guint64 used; /* when it was asked for last, of a counter; 0: never */
  CepaDrawTable tables[CEPA_DRAW_N_ROLES];
} CepaDrawKind;

/* Zeros are none. */
typedef struct
{
  guint64 n_uses;
  CepaDrawKind kinds[CEPA_DRAW_N_KINDS];
} CepaDrawKinds;

/* Returns: the kind of @request; the one that was not asked for the longest makes room for a new one. */
CepaDrawKind *cepa_draw_kinds_find (CepaDrawKinds *self, const CepaPathRequest *request);

/* Frees every table. */
void cepa_draw_kinds_clear (CepaDrawKinds *self);

/* Returns: the role of the hop @hop, below n_hops. */
CepaDrawRole cepa_draw_role_of (const CepaPathRequest *request, guint hop);

/* Returns: the place of @role. Nobody is first or between where there is one hop. */
CepaPlace cepa_draw_place_of (const CepaPathRequest *request, CepaDrawRole role);

/* Returns: whether the relay keeps the rules that are of it alone; not whether it is excluded or one of the guards. */
gboolean cepa_draw_relay_fits (const CepaNetworkView *view, const CepaPathRequest *request, CepaDrawRole role,
                               guint32 row);

/* Makes the table of those that fit. @weights: (array length=view->n_relays) */
void cepa_draw_table_fill (CepaDrawTable *self, const CepaNetworkView *view, const CepaPathRequest *request,
                           CepaDrawRole role, const guint32 *weights);

/* Returns: the row at @target, which is below the sum of all weights: O(log n). */
guint32 cepa_draw_table_pick (const CepaDrawTable *self, guint64 target);

G_END_DECLS
