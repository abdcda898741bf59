/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses of relays this machine may connect to, and which of two it takes. */
#pragma once

#include <cepa/relay.h>
#include <glib.h>

#include "network/address-policy.h"

G_BEGIN_DECLS

/**
 * CepaReachability:
 * @policy: (nullable): what a firewall lets through (ReachableORAddresses or ReachableAddresses); NULL: everything
 * @use_ipv4: ClientUseIPv4
 * @use_ipv6: ClientUseIPv6, or what implies it
 * @prefer_ipv6: of a relay that may be reached over both
 *
 * Relays are reached over their OR ports alone, for directories too. Filled in by its owner, who keeps @policy.
 */
typedef struct
{
  const CepaAddressPolicy *policy;
  gboolean use_ipv4, use_ipv6, prefer_ipv6;
} CepaReachability;

/* Everything, IPv4 first. */
#define CEPA_REACHABILITY_INIT { NULL, TRUE, TRUE, FALSE }

/* Which of a relay's addresses to connect to. */
typedef enum
{
  CEPA_REACH_NONE, /* neither may be */
  CEPA_REACH_IPV4,
  CEPA_REACH_IPV6,
} CepaReach;

/**
 * cepa_reachability_choose:
 * @ipv4: host byte order; 0 without one
 * @ipv6: 16 bytes; not looked at when @ipv6_port is 0
 */
CepaReach cepa_reachability_choose (const CepaReachability *self, guint32 ipv4, guint16 port, const guint8 *ipv6,
                                    guint16 ipv6_port);

/* The same for a relay of the directory. */
static inline CepaReach
cepa_reachability_choose_relay (const CepaReachability *self, const CepaRelay *relay)
{
  return cepa_reachability_choose (self, relay->ipv4, relay->or_port, relay->ipv6, relay->ipv6_port);
}

G_END_DECLS
