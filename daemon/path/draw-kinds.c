/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/draw-kinds.h"

#include <string.h>

#include "path/check.h"

static void
draw_kind_clear (CepaDrawKind *kind)
{
  for (guint role = 0; role < CEPA_DRAW_N_ROLES; role++)
    {
      g_free (kind->tables[role].rows);
      g_free (kind->tables[role].sums);
    }
  memset (kind, 0, sizeof *kind);
}

void
cepa_draw_kinds_clear (CepaDrawKinds *self)
{
  for (guint i = 0; i < CEPA_DRAW_N_KINDS; i++)
    draw_kind_clear (&self->kinds[i]);
}

CepaDrawKind *
cepa_draw_kinds_find (CepaDrawKinds *self, const CepaPathRequest *request)
{
  guint64 barred_id = request->barred != NULL ? request->barred_id : 0;
  CepaDrawKind *oldest = &self->kinds[0];

  for (guint i = 0; i < CEPA_DRAW_N_KINDS; i++)
    {
      CepaDrawKind *kind = &self->kinds[i];

      if (kind->used != 0 && kind->purpose == request->purpose && kind->n_hops == request->n_hops
          && kind->flags == request->flags && kind->port == request->port && kind->barred_id == barred_id)
        {
          kind->used = ++self->n_uses;
          return kind;
        }
      if (kind->used < oldest->used)
        oldest = kind;
    }
  draw_kind_clear (oldest);
  oldest->purpose = request->purpose;
  oldest->n_hops = request->n_hops;
  oldest->flags = request->flags;
  oldest->port = request->port;
  oldest->barred_id = barred_id;
  oldest->used = ++self->n_uses;
  return oldest;
}

CepaDrawRole
cepa_draw_role_of (const CepaPathRequest *request, guint hop)
{
  return hop + 1 == request->n_hops ? CEPA_DRAW_LAST : hop == 0 ? CEPA_DRAW_FIRST : CEPA_DRAW_BETWEEN;
}

CepaPlace
cepa_draw_place_of (const CepaPathRequest *request, CepaDrawRole role)
{
  guint hop = role == CEPA_DRAW_FIRST ? 0 : role == CEPA_DRAW_LAST ? request->n_hops - 1 : 1;

  return cepa_path_place_of (request, hop);
}

/* What a role asks of a relay. */
typedef struct
{
  guint32 needs, refuses; /* CEPA_RELAY_* */
  const guint8 *barred;   /* (nullable) */
  guint8 bar;             /* its bit in @barred */
  gboolean is_exit;
} DrawNeeds;

static DrawNeeds
draw_needs_of (const CepaPathRequest *request, CepaDrawRole role)
{
  CepaPlace place = cepa_draw_place_of (request, role);
  DrawNeeds self = { CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS, 0, request->barred,
                     (guint8) (1u << place), place == CEPA_PLACE_EXIT };

  self.needs |= request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_RELAY_FAST : 0;
  self.needs |= (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? CEPA_RELAY_STABLE : 0;
  self.needs |= role == CEPA_DRAW_FIRST ? CEPA_RELAY_GUARD : 0;
  self.needs |= self.is_exit ? CEPA_RELAY_EXIT : 0;
  self.refuses |= self.is_exit ? CEPA_RELAY_BAD_EXIT : 0;
  self.refuses |= role != CEPA_DRAW_BETWEEN ? CEPA_RELAY_MIDDLE_ONLY : 0;
  return self;
}

static inline gboolean
draw_needs_met (const DrawNeeds *self, const CepaNetworkView *view, const CepaPathRequest *request, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (view, row);

  if ((relay->flags & self->needs) != self->needs || (relay->flags & self->refuses) != 0)
    return FALSE;
  if (self->barred != NULL && (self->barred[row] & self->bar) != 0)
    return FALSE;
  return !self->is_exit
         || cepa_network_view_exit_allows (view, relay->exit_policy, request->port,
                                           (request->flags & CEPA_PATH_IPV6) != 0);
}

gboolean
cepa_draw_relay_fits (const CepaNetworkView *view, const CepaPathRequest *request, CepaDrawRole role, guint32 row)
{
  const DrawNeeds needs = draw_needs_of (request, role);

  return draw_needs_met (&needs, view, request, row);
}

void
cepa_draw_table_fill (CepaDrawTable *self, const CepaNetworkView *view, const CepaPathRequest *request,
                      CepaDrawRole role, const guint32 *weights)
{
  const DrawNeeds needs = draw_needs_of (request, role);
  guint64 sum = 0;

  self->rows = g_new (guint32, view->n_relays);
  self->sums = g_new (guint64, view->n_relays);
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      if (!draw_needs_met (&needs, view, request, row))
        continue;
      self->n_fit++;
      if (weights[row] == 0)
        continue;
      sum += weights[row];
      self->rows[self->n] = row;
      self->sums[self->n] = sum;
      self->n++;
    }
  self->rows = g_renew (guint32, self->rows, self->n);
  self->sums = g_renew (guint64, self->sums, self->n);
  self->is_made = TRUE;
}

guint32
cepa_draw_table_pick (const CepaDrawTable *self, guint64 target)
{
  guint32 low = 0, high = self->n - 1;

  while (low < high)
    {
      guint32 middle = low + (high - low) / 2;

      if (self->sums[middle] > target)
        high = middle;
      else
        low = middle + 1;
    }
  return self->rows[low];
}
