/* SPDX-License-Identifier: BSD-3-Clause */
#include "diverse.h"

#include <cepa/services.h>

#include "weighted.h"

/* Guards that are tried one after the other before what they differ in is given up. */
#define DIVERSE_MAX_GUARDS 3

/* What is asked for, from all of it to nothing. */
typedef enum
{
  DIVERSE_ALL,
  DIVERSE_ANY_EXIT,    /* exits of any country */
  DIVERSE_ANY_COUNTRY, /* any number of countries too */
  DIVERSE_NOTHING,
  DIVERSE_N_LEVELS
} DiverseLevel;

struct _CepaDiverse
{
  const CepaHost *host;
  CepaDiverseConfig config;
  GStrv exit_countries; /* (nullable) */
  CepaWeighted *weighted;
  DiverseLevel level; /* of the draw that is being made */
  guint64 looked_at; /* the version of the directory that these two are of; 0: none yet */
  gboolean by_system;
  guint n_countries;
  guint64 n_given_up;
  guint64 told_of; /* the version of the directory that the log has a line for */
};

/* Where a relay is, as far as it is known. */
typedef struct
{
  const char *country; /* (nullable) */
  guint32 system;      /* 0: not known */
} DiversePlace;

static DiversePlace
diverse_find_place (const CepaNetworkView *view, guint32 row)
{
  const CepaRelay *relay = cepa_network_view_relay (view, row);
  const DiversePlace place = { relay->country[0] != '\0' ? relay->country : NULL, relay->as_number };

  return place;
}

/* Whether both are in one country. */
static gboolean
diverse_same_country (const CepaDiverse *self, const DiversePlace *a, const DiversePlace *b)
{
  if (a->country == NULL || b->country == NULL)
    return a->country == b->country && self->config.unknown == CEPA_DIVERSE_TOGETHER;
  return memcmp (a->country, b->country, 2) == 0;
}

static gboolean
diverse_same_system (const CepaDiverse *self, const DiversePlace *a, const DiversePlace *b)
{
  if (a->system == 0 || b->system == 0)
    return a->system == b->system && self->config.unknown == CEPA_DIVERSE_TOGETHER;
  return a->system == b->system;
}

/* Whether enough countries can still come of it when @place follows @others. */
static gboolean
diverse_leaves_countries (const CepaDiverse *self, const CepaPathRequest *request, const DiversePlace *place,
                          const DiversePlace *others, guint n_others)
{
  guint wanted = MIN (self->n_countries, request->n_hops), left = request->n_hops - n_others - 1, n = 0;
  gboolean is_new = TRUE;

  for (guint i = 0; i < n_others; i++)
    {
      gboolean is_first = TRUE;

      for (guint j = 0; is_first && j < i; j++)
        is_first = !diverse_same_country (self, &others[i], &others[j]);
      n += is_first ? 1 : 0;
      is_new = is_new && !diverse_same_country (self, place, &others[i]);
    }
  return n + (is_new ? 1 : 0) + left >= wanted;
}

static gboolean
diverse_is_exit_wanted (const CepaDiverse *self, const DiversePlace *place)
{
  return place->country != NULL && g_strv_contains ((const char *const *) self->exit_countries, place->country);
}

/* The rule that path.weighted has more here. */
static gboolean
diverse_agrees (void *context, const CepaNetworkView *view, const CepaPathRequest *request, guint hop, guint32 row,
                const guint32 *others, guint n_others)
{
  const CepaDiverse *self = context;
  DiversePlace place = diverse_find_place (view, row), places[CEPA_PATH_MAX_HOPS];
  gboolean is_exit = hop + 1 == request->n_hops && request->purpose == CEPA_PURPOSE_GENERAL;

  if (self->level == DIVERSE_NOTHING)
    return TRUE;
  if (self->level < DIVERSE_ANY_EXIT && is_exit && self->exit_countries != NULL
      && !diverse_is_exit_wanted (self, &place))
    return FALSE;
  if (self->config.unknown == CEPA_DIVERSE_REFUSED && hop > 0
      && ((self->by_system && place.system == 0)
          || (self->level < DIVERSE_ANY_COUNTRY && self->n_countries > 1 && place.country == NULL)))
    return FALSE;
  for (guint i = 0; i < n_others; i++)
    {
      places[i] = diverse_find_place (view, others[i]);
      if (self->by_system && diverse_same_system (self, &place, &places[i]))
        return FALSE;
    }
  return self->level >= DIVERSE_ANY_COUNTRY || diverse_leaves_countries (self, request, &place, places, n_others);
}

CepaDiverse *
cepa_diverse_new (const CepaHost *host, const CepaDiverseConfig *config)
{
  CepaDiverse *self = g_new0 (CepaDiverse, 1);
  const CepaWeightedRule rule = { diverse_agrees, self };

  self->host = host;
  self->config = *config;
  self->exit_countries = g_strdupv ((GStrv) config->exit_countries);
  self->config.exit_countries = NULL;
  self->weighted = cepa_weighted_new (host);
  cepa_weighted_set_rule (self->weighted, &rule);
  return self;
}

void
cepa_diverse_free (CepaDiverse *self)
{
  cepa_weighted_free (self->weighted);
  g_strfreev (self->exit_countries);
  g_free (self);
}

/* What is known of no relay at all is no reason to give up the rest with it. */
static void
diverse_look_at (CepaDiverse *self, const CepaNetworkView *view)
{
  gboolean has_systems = self->config.is_strict, has_countries = self->config.is_strict;

  if (self->looked_at == view->version)
    return;
  for (guint32 row = 0; row < view->n_relays && !(has_systems && has_countries); row++)
    {
      const DiversePlace place = diverse_find_place (view, row);

      has_systems = has_systems || place.system != 0;
      has_countries = has_countries || place.country != NULL;
    }
  self->looked_at = view->version;
  self->by_system = self->config.by_system && has_systems;
  self->n_countries = has_countries ? self->config.n_countries : 0;
}

void
cepa_diverse_prepare (CepaDiverse *self, const CepaNetworkView *view)
{
  diverse_look_at (self, view);
  cepa_weighted_prepare (self->weighted, view);
}

guint64
cepa_diverse_get_n_given_up (const CepaDiverse *self)
{
  return self->n_given_up;
}

/* ---- choosing ---- */

/* Draws with one guard after the other settled, so that who differs is the exit and not the guard; then, as when the
   request has no guards or has settled one, with what it says. */
static gboolean
diverse_draw (CepaDiverse *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
              GError **error)
{
  guint n_guards = MIN (cepa_path_request_n_guards (request), DIVERSE_MAX_GUARDS);
  guint32 fixed[CEPA_PATH_MAX_HOPS];
  CepaPathRequest settled = { 0 };
  GError *own = NULL;

  if (n_guards == 0 || request->n_hops < 2 || request->n_hops > CEPA_PATH_MAX_HOPS
      || cepa_path_request_fixed (request, 0) != CEPA_PATH_ANY_ROW)
    return cepa_weighted_choose (self->weighted, view, request, path, error);
  memcpy (&settled, request, MIN (request->size, sizeof settled));
  settled.size = sizeof settled; /* it has guards, which come last but for room that is kept free */
  settled.fixed = fixed;
  for (guint hop = 1; hop < request->n_hops; hop++)
    fixed[hop] = cepa_path_request_fixed (request, hop);
  for (guint i = 0; i < n_guards; i++)
    {
      fixed[0] = request->guards[i];
      if (cepa_weighted_choose (self->weighted, view, &settled, path, &own))
        return TRUE;
      if (!g_error_matches (own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH))
        {
          g_propagate_error (error, own);
          return FALSE;
        }
      g_clear_error (&own);
    }
  return self->level == DIVERSE_NOTHING && cepa_weighted_choose (self->weighted, view, request, path, error);
}

/* The next level at which something is given up that was asked for. */
static DiverseLevel
diverse_find_next (const CepaDiverse *self, DiverseLevel level)
{
  if (level < DIVERSE_ANY_EXIT && self->exit_countries != NULL)
    return DIVERSE_ANY_EXIT;
  if (level < DIVERSE_ANY_COUNTRY && self->n_countries > 1)
    return DIVERSE_ANY_COUNTRY;
  return level < DIVERSE_NOTHING ? DIVERSE_NOTHING : DIVERSE_N_LEVELS;
}

static void
diverse_note_given_up (CepaDiverse *self, const CepaNetworkView *view)
{
  static const char *const lines[DIVERSE_N_LEVELS] = {
    [DIVERSE_ANY_EXIT] = "there is no path with an exit in the countries that are wanted: taking others",
    [DIVERSE_ANY_COUNTRY] = "there is no path of so many countries: taking one of fewer",
    [DIVERSE_NOTHING] = "there is no path that is as diverse as is wanted: taking any",
  };

  self->n_given_up++;
  if (self->told_of == view->version)
    return;
  self->told_of = view->version;
  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, lines[self->level]);
}

gboolean
cepa_diverse_choose (CepaDiverse *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                     GError **error)
{
  gboolean is_onion = (request->flags & CEPA_PATH_VANGUARDS) != 0;
  GError *last = NULL;

  diverse_look_at (self, view);
  for (self->level = is_onion ? DIVERSE_NOTHING : DIVERSE_ALL; self->level < DIVERSE_N_LEVELS;
       self->level = self->config.is_strict && !is_onion ? DIVERSE_N_LEVELS : diverse_find_next (self, self->level))
    {
      g_clear_error (&last);
      if (diverse_draw (self, view, request, path, &last))
        {
          if (!is_onion && self->level != DIVERSE_ALL)
            diverse_note_given_up (self, view);
          return TRUE;
        }
      if (last != NULL && !g_error_matches (last, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH))
        break;
    }
  if (last == NULL)
    g_set_error (&last, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH,
                 "none of the %u relays make a path of %u that is as diverse as is wanted, behind the guards there are",
                 view->n_relays, request->n_hops);
  g_propagate_error (error, last);
  return FALSE;
}
