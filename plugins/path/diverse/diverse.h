/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths by the consensus' bandwidth weights whose relays are not all in one hand's reach: of several countries, and no
   two of one autonomous system. */
#pragma once

#include <cepa/path.h>

G_BEGIN_DECLS

/* What counts for relays whose country or autonomous system is not known. */
typedef enum
{
  CEPA_DIVERSE_APART,    /* each is of one of its own */
  CEPA_DIVERSE_TOGETHER, /* all are of one */
  CEPA_DIVERSE_REFUSED,  /* they are not used, but as the guard */
} CepaDiverseUnknown;

/**
 * CepaDiverseConfig:
 * @n_countries: how many countries a path has relays of, at least, or all of a shorter path; 0 and 1: any
 * @by_system: whether no two relays are of one autonomous system
 * @exit_countries: (nullable): two small letters each: exits are there, as long as one fits
 * @is_strict: whether there is no path when there is none like that
 */
typedef struct
{
  guint n_countries;
  gboolean by_system;
  CepaDiverseUnknown unknown;
  const char *const *exit_countries;
  gboolean is_strict;
} CepaDiverseConfig;

typedef struct _CepaDiverse CepaDiverse;

/* @host: must outlive the instance. @config: copied */
CepaDiverse *cepa_diverse_new (const CepaHost *host, const CepaDiverseConfig *config);
void cepa_diverse_free (CepaDiverse *self);

/* Makes the tables for @view, unless they are there. O(n). */
void cepa_diverse_prepare (CepaDiverse *self, const CepaNetworkView *view);

/**
 * cepa_diverse_choose:
 * @path: (out): as CepaPathTable.choose_path
 *
 * Takes the request's best guard, whatever its country, and draws the rest as path.weighted does among the relays that
 * differ from it and from each other. When there is no such path it gives up, in this order: the best guard for one of
 * the next two, the countries of exits, the number of countries, the autonomous systems. What is for onion services
 * (CEPA_PATH_VANGUARDS) is drawn without regard to any of this.
 *
 * Returns: FALSE with CEPA_PLUGIN_ERROR_NO_PATH or CEPA_PLUGIN_ERROR_UNSUPPORTED, as path.weighted.
 */
gboolean cepa_diverse_choose (CepaDiverse *self, const CepaNetworkView *view, const CepaPathRequest *request,
                              CepaPath *path, GError **error);

/* How often something was given up since the start. */
guint64 cepa_diverse_get_n_given_up (const CepaDiverse *self);

G_END_DECLS
