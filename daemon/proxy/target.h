/* SPDX-License-Identifier: BSD-3-Clause */
/* Which targets of applications are refused before they go anywhere. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_target_check:
 * @host: (inout): a name or an address; changed to lower case, and final dots are taken off
 * @reject_internal: whether private and loopback addresses and names of this host are refused
 *
 * Refused: names over 255 or with characters that no name has, ".exit", ".onion" (this version has no onion
 * services), and what @reject_internal says.
 *
 * Returns: NULL when it may be asked for, else why not (transfer none).
 */
const char *cepa_target_check (char *host, gboolean reject_internal);

/* Whether @host is an IPv6 address. */
gboolean cepa_target_is_ipv6 (const char *host);

G_END_DECLS
