/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of Log lines. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: FALSE with CEPA_ERROR_CONFIG that says what is wrong with @value. Opens nothing. */
gboolean cepa_log_config_check (const char *value, GError **error);

G_END_DECLS
