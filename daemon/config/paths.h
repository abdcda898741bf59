/* SPDX-License-Identifier: BSD-3-Clause */
/* File names as a torrc writes them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_path_expand:
 * @text: a path; "~" or "~/" at its start is the home folder, a relative one starts at the current folder
 *
 * Returns: (transfer full) (nullable): the absolute path; NULL with CEPA_ERROR_CONFIG for "~user".
 */
char *cepa_path_expand (const char *text, GError **error);

G_END_DECLS
