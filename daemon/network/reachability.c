/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/reachability.h"

CepaReach
cepa_reachability_choose (const CepaReachability *self, guint32 ipv4, guint16 port, const guint8 *ipv6,
                          guint16 ipv6_port)
{
  gboolean may_ipv4 = self->use_ipv4 && ipv4 != 0 && port != 0, may_ipv6 = self->use_ipv6 && ipv6_port != 0;

  if (self->policy != NULL)
    {
      may_ipv4 = may_ipv4
                 && cepa_address_policy_ask_ipv4 (self->policy, ipv4, port) != CEPA_ADDRESS_POLICY_REJECTS;
      may_ipv6 = may_ipv6
                 && cepa_address_policy_ask_ipv6 (self->policy, ipv6, ipv6_port) != CEPA_ADDRESS_POLICY_REJECTS;
    }
  if (may_ipv6 && (self->prefer_ipv6 || !may_ipv4))
    return CEPA_REACH_IPV6;
  return may_ipv4 ? CEPA_REACH_IPV4 : CEPA_REACH_NONE;
}
