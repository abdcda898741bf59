/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that every proposed path must keep. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "network/network.h"

G_BEGIN_DECLS

/* With CEPA_PATH_VANGUARDS a relay may be in a path again when it is so many hops further on (prop292 § 2.2): no relay
   extends a circuit to itself, nor back to where it came from. */
#define CEPA_PATH_VANGUARDS_DISTANCE 3

/* So many guards of a request that would fit may be passed over for the one behind them. */
#define CEPA_PATH_MAX_GUARDS_PASSED 2

/* Returns: the place at which the hop @hop of a path for @request stands, whose weights and bars count there. */
CepaPlace cepa_path_place_of (const CepaPathRequest *request, guint hop);

/* Returns: whether @row may be first as far as the request's guards say: it is one of them, or there are none. */
gboolean cepa_path_is_guard_of (const CepaPathRequest *request, guint32 row);

/* Returns: whether streams to @port last long (path-spec: "long-lived" ports): their circuits get
   CEPA_PATH_NEED_STABLE, as long as there is a path with it. @ports: (element-type guint16): LongLivedPorts */
gboolean cepa_path_port_is_long_lived (const GArray *ports, guint16 port);

/**
 * cepa_path_check:
 * @request: what was asked for
 * @path: what was proposed
 * @enforce_subnets: whether two relays of one /16 (IPv4) or /32 (IPv6) are refused
 * @rule: (out) (nullable): the short name of the rule that is broken, below
 *
 * The rules that no plugin can switch off: as many hops as asked (wrong-length); rows that exist (unknown-row); the
 * settled ones where they are settled (not-as-settled); the first one of the request's guards where it has some
 * (not-our-guard), and no more than CEPA_PATH_MAX_GUARDS_PASSED before it that fit beside the others (better-guard);
 * none excluded (excluded-relay) or barred from its place by the user (barred-guard, barred-middle, barred-exit); every
 * relay Running (not-running), Valid (not-valid) and with keys (no-keys); Stable where asked (not-stable), Fast
 * everywhere for general paths (not-fast); nobody MiddleOnly but in the middle (middle-only); of several hops the first
 * a Guard (no-guard-flag); the last of a general path an Exit (no-exit-flag), not BadExit (bad-exit), whose policy
 * allows the port (exit-policy); no relay twice (repeated-relay); no two of one family (same-family) or one network
 * (same-subnet). With CEPA_PATH_VANGUARDS the last three are one: the same relay is not there again within two hops
 * (repeated-relay). Settled hops keep every rule as well.
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN whose message names the rule and the relays.
 */
gboolean cepa_path_check (const CepaNetwork *network, const CepaPathRequest *request, const CepaPath *path,
                          gboolean enforce_subnets, const char **rule, GError **error);

G_END_DECLS
