/* SPDX-License-Identifier: BSD-3-Clause */
/* The exit's country, which an application can ask for in its SOCKS user name. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What stands before the country at the end of a user name: "alice+exit=de". */
#define CEPA_EXIT_WISH_MARK "+exit="

/**
 * cepa_exit_wish_parse:
 * @user: @len bytes of anything
 * @country: (out): two small letters and zeros; empty when none is asked for
 *
 * A user name with the mark anywhere is meant: what stands behind its last one must be a country's two letters.
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG when it is something else.
 */
gboolean cepa_exit_wish_parse (const guint8 *user, gsize len, char country[4], GError **error);

G_END_DECLS
