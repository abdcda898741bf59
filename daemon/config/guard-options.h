/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user says of guards and of path bias. */
#pragma once

#include <glib.h>

#include "path/guards.h"

G_BEGIN_DECLS

/**
 * CepaGuardOptions:
 * @n_entry_guards: @n_directory_guards: @n_primary_guards: @lifetime_s: NumEntryGuards and its kin, GuardLifetime; 0: the
 *   consensus says
 * @circ_threshold: and those below: PathBias*; negative: the consensus says
 * @use_guard_fraction: UseGuardFraction, for the directory; -1: the consensus says
 */
typedef struct
{
  gboolean use_entry_guards;
  guint n_entry_guards, n_directory_guards, n_primary_guards;
  gint64 lifetime_s;
  gint circ_threshold, scale_threshold, use_threshold, scale_use_threshold;
  double notice_rate, warn_rate, extreme_rate, notice_use_rate, extreme_use_rate;
  gint drop_guards;
  gint use_guard_fraction;
} CepaGuardOptions;

/* As the guards take it. */
void cepa_guard_options_settle (const CepaGuardOptions *self, CepaGuardsConfig *config);

G_END_DECLS
