/* SPDX-License-Identifier: BSD-3-Clause */
/* Some clients that share an instance of the plugin, drawing their paths in the order of their times. */
#pragma once

#include <glib.h>

#include "plan.h"
#include "plugin.h"
#include "rows.h"
#include "scene.h"
#include "tally.h"

G_BEGIN_DECLS

/* What is the same for all blocks of a run. Immutable. */
typedef struct
{
  const CepaSimPlan *plan;
  const CepaSimPorts *ports;
  const CepaSimPlugin *plugin;
  guint64 seed;
  gboolean enforce_subnets;
  gboolean keeps_guards;
  gboolean with_rows; /* CSV is wanted */
  gboolean ids_are_rows;
} CepaSimModel;

typedef struct _CepaSimBlock CepaSimBlock;

/**
 * cepa_sim_block_new:
 * @model: (transfer none): outlives it
 * @number: which block of the plan
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_PLUGIN.
 */
CepaSimBlock *cepa_sim_block_new (const CepaSimModel *model, guint number, GError **error);
void cepa_sim_block_free (CepaSimBlock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimBlock, cepa_sim_block_free)

/* Adds the side tables that its plugin has loaded. */
void cepa_sim_block_add_side_tables (const CepaSimBlock *self, CepaExtras *extras);

/* The time of step @step of the plan begins. @scene: (transfer none): of its consensus, until the next call. */
void cepa_sim_block_enter (CepaSimBlock *self, guint step, const CepaSimScene *scene);

/**
 * cepa_sim_block_draw:
 * @max: how many at most
 * @tally: counts them
 * @rows: (nullable): gets a line for each
 *
 * Draws the next paths of the step, as far as there are more.
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN when the plugin gave up.
 */
gboolean cepa_sim_block_draw (CepaSimBlock *self, guint64 max, CepaSimTally *tally, CepaSimRows *rows, GError **error);

/* Counts what was refused; once, behind the last draw. */
void cepa_sim_block_finish (CepaSimBlock *self, CepaSimTally *tally);

G_END_DECLS
