/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of options that say which relays, and which addresses of theirs; and what they come to. */
#pragma once

#include <glib.h>

#include "config/relay-config.h"
#include "path/restrictions.h"
#include "path/vanguards.h"

G_BEGIN_DECLS

/* A line of a node set. @set: (inout) (nullable): made by the first line. FALSE with CEPA_ERROR_CONFIG. */
gboolean cepa_relay_values_parse_node_set (const char *value, CepaNodeSet **set, GError **error);

/* A NodeFamily line: a set of its own. @sets: (element-type CepaNodeSet): gets one more. */
gboolean cepa_relay_values_parse_node_family (const char *value, GPtrArray *sets, GError **error);

/* A line of rules without "accept" needed. @policy: (inout) (nullable): made by the first line. */
gboolean cepa_relay_values_parse_addresses (const char *value, CepaAddressPolicy **policy, GError **error);

/**
 * cepa_relay_values_settle:
 *
 * Works out @config's reachability from its lines, as C Tor does: ReachableORAddresses or else ReachableAddresses
 * with a rule behind that rejects the rest; FascistFirewall where neither is there; IPv6 where an option asks for it.
 *
 * Returns: (transfer full) (nullable): what to warn of: that no relay can be reached by these, or none over IPv4.
 */
char *cepa_relay_values_settle (CepaRelayConfig *config);

void cepa_relay_values_clear (CepaRelayConfig *config);

/* Fills @out, which owns nothing, from the options. */
void cepa_relay_values_get_restrictions (const CepaRelayConfig *config, CepaRestrictionsConfig *out);

/* The same for the relays behind the guard of onion circuits. */
void cepa_relay_values_get_vanguards (const CepaRelayConfig *config, CepaVanguardsConfig *out);

G_END_DECLS
