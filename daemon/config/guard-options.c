/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/guard-options.h"

void
cepa_guard_options_settle (const CepaGuardOptions *self, CepaGuardsConfig *config)
{
  cepa_guards_config_init (config);
  config->use_entry_guards = self->use_entry_guards;
  config->n_entry_guards = self->n_entry_guards;
  config->n_directory_guards = self->n_directory_guards;
  config->n_primary_guards = self->n_primary_guards;
  config->lifetime_s = self->lifetime_s;
  config->path_bias = (CepaPathBiasConfig) {
    .circ_threshold = self->circ_threshold,
    .notice_rate = self->notice_rate,
    .warn_rate = self->warn_rate,
    .extreme_rate = self->extreme_rate,
    .scale_threshold = self->scale_threshold,
    .use_threshold = self->use_threshold,
    .notice_use_rate = self->notice_use_rate,
    .extreme_use_rate = self->extreme_use_rate,
    .scale_use_threshold = self->scale_use_threshold,
    .drop_guards = self->drop_guards,
  };
}
