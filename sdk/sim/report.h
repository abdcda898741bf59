/* SPDX-License-Identifier: BSD-3-Clause */
/* The summary of a run, for people and as JSON: the same bytes for the same run. */
#pragma once

#include <glib.h>

#include "plan.h"
#include "run.h"

G_BEGIN_DECLS

/**
 * CepaSimReport:
 * @plugin_id: who chose
 * @n_adversary: relays of the adversary's set; 0: there is none
 * @n_top: relays that are listed for each place
 * @has_guards: whether the clients kept guards
 *
 * What a summary is made of. Nothing of it changes.
 */
typedef struct
{
  const char *plugin_id;
  guint64 seed;
  const CepaSimPlan *plan;
  const CepaSimOutcome *outcome;
  guint n_adversary;
  guint n_top;
  gboolean has_guards;
} CepaSimReport;

/* Returns: (transfer full): in lines. */
GString *cepa_sim_report_to_text (const CepaSimReport *self);

/* Returns: (transfer full): with every relay that was or might have been drawn. */
GString *cepa_sim_report_to_json (const CepaSimReport *self);

/* Returns: (transfer full) (array length=n): the shares of @place by number of relay, all 0 when nothing was drawn. @n: (out) */
double *cepa_sim_report_get_shares (const CepaSimReport *self, CepaPlace place, guint *n);

/* The same as they would be by weight alone. */
double *cepa_sim_report_get_expected (const CepaSimReport *self, CepaPlace place, guint *n);

G_END_DECLS
