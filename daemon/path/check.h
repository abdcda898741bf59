/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that every proposed path must keep. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "network/network.h"

G_BEGIN_DECLS

/**
 * cepa_path_check:
 * @request: what was asked for
 * @path: what was proposed
 * @enforce_subnets: whether two relays of one /16 (IPv4) or /32 (IPv6) are refused
 * @rule: (out) (nullable): the short name of the rule that is broken, below
 *
 * The rules that no plugin can switch off: as many hops as asked (wrong-length); rows that exist (unknown-row); none
 * excluded (excluded-relay); every relay Running (not-running), Valid (not-valid) and with keys (no-keys); Stable where
 * asked (not-stable), Fast everywhere for general paths (not-fast); nobody MiddleOnly but in the middle (middle-only);
 * of several hops the first a Guard (no-guard-flag); the last of a general path an Exit (no-exit-flag), not BadExit
 * (bad-exit), whose policy allows the port (exit-policy); no relay twice (repeated-relay); no two of one family
 * (same-family) or one network (same-subnet).
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN whose message names the rule and the relays.
 */
gboolean cepa_path_check (const CepaNetwork *network, const CepaPathRequest *request, const CepaPath *path,
                          gboolean enforce_subnets, const char **rule, GError **error);

G_END_DECLS
