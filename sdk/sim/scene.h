/* SPDX-License-Identifier: BSD-3-Clause */
/* One consensus as the draws of its time need it: shares by weight, numbers and names of rows. */
#pragma once

#include <glib.h>

#include "network/network.h"
#include "ports.h"
#include "relays.h"

G_BEGIN_DECLS

/* "0.123456789" */
#define CEPA_SIM_SHARE_LEN 11

/* Relays that fit a place, with their weights. */
typedef struct
{
  guint32 *weights;                   /* by row; 0 for one that does not fit */
  guint64 sum;
  char (*texts)[CEPA_SIM_SHARE_LEN];  /* (nullable): each row's share */
} CepaSimTable;

/**
 * CepaSimScene:
 * @tables: by kind of stream of the mix and CepaPlace; kinds that need the same share one
 * @numbers: of rows, as of cepa_sim_relays_add()
 * @names: (nullable): the fingerprints of rows
 * @is_adversary: (nullable): by row
 *
 * Immutable.
 */
typedef struct
{
  CepaNetwork *network;
  const CepaSimPorts *ports;
  const CepaSimTable *tables[CEPA_SIM_MAX_PORTS][CEPA_N_PLACES];
  GPtrArray *all_tables; /* (element-type CepaSimTable) */
  guint32 *numbers;
  char (*names)[40];
  guint8 *is_adversary;
} CepaSimScene;

/**
 * cepa_sim_scene_new:
 * @network: (transfer none): kept by reference
 * @ports: (transfer none): outlives it
 * @relays: gets the relays of it
 * @adversary: (nullable)
 * @with_texts: whether shares and names are wanted as texts
 */
CepaSimScene *cepa_sim_scene_new (CepaNetwork *network, const CepaSimPorts *ports, CepaSimRelays *relays,
                                  const CepaSimSet *adversary, gboolean with_texts);
void cepa_sim_scene_free (CepaSimScene *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimScene, cepa_sim_scene_free)

/* Returns: the share that @row has at @place by weight alone, over all kinds of stream of the mix: what exclusions by family
   and network leave out of account. */
double cepa_sim_scene_get_share (const CepaSimScene *self, CepaPlace place, guint row);

/* Puts @part / @whole as "0.123456789" into @out, rounded to nearest. No terminating zero. */
void cepa_sim_share_to_text (guint64 part, guint64 whole, char out[CEPA_SIM_SHARE_LEN]);

G_END_DECLS
