/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes to a configuration while the daemon runs. */
#pragma once

#include "config/config.h"

G_BEGIN_DECLS

/* Values for one option; none: its default. */
typedef struct
{
  const char *name; /* in any spelling that a torrc may have */
  const char *const *values;
} CepaConfigChange;

/**
 * cepa_config_new_changed:
 * @changes: (array length=n_changes): a later one of the same option counts
 * @warnings: (element-type utf8): lines to log at warn are added
 *
 * Returns: (transfer full) (nullable): @self with these values instead, checked as a torrc is; NULL with
 * CEPA_ERROR_CONFIG that names option and fault. Nothing is done with it yet.
 */
CepaConfig *cepa_config_new_changed (const CepaConfig *self, const CepaConfigChange *changes, guint n_changes,
                                     GPtrArray *warnings, GError **error);

G_END_DECLS
