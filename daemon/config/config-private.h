/* SPDX-License-Identifier: BSD-3-Clause */
/* From lines to a configuration. */
#pragma once

#include <glib.h>

#include "config/built-in.h"
#include "config/config.h"

G_BEGIN_DECLS

/**
 * cepa_config_new_from_layers:
 * @layers: (array length=n_layers) (element-type GPtrArray): arrays of CepaTorrcLine; a later layer is
 *   stronger
 * @warnings: (element-type utf8): lines to log at warn are added, each with its place
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG that names place, option and fault.
 */
CepaConfig *cepa_config_new_from_layers (GPtrArray *const *layers, guint n_layers, GPtrArray *warnings,
                                         GError **error);

G_END_DECLS
