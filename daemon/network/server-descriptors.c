/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/server-descriptors.h"

#include <string.h>

guint
cepa_network_add_server_descriptor (CepaNetwork *self, const CepaServerDescriptor *descriptor)
{
  CepaMicrodescriptor same = { .text = descriptor->text, .has_ed25519 = TRUE, .has_ipv6 = descriptor->ipv6_port != 0 };
  const CepaConsensus *consensus = cepa_network_get_consensus (self);
  const CepaRouterStatus *statuses;
  const CepaSlice *policies;
  guint n;
  gint row = cepa_network_find (self, descriptor->rsa_id);

  statuses = cepa_consensus_get_relays (consensus, &n);
  policies = cepa_consensus_get_policies (consensus, &n);
  /* Of this relay, and not only of some relay. */
  if (row < 0 || (guint) row >= n
      || memcmp (statuses[row].descriptor_digest, descriptor->digest, sizeof descriptor->digest) != 0)
    return 0;
  memcpy (same.digest, descriptor->digest, sizeof descriptor->digest); /* and zeros, as in the consensus */
  memcpy (same.ntor_key, descriptor->ntor_key, sizeof same.ntor_key);
  memcpy (same.ed25519_id, descriptor->ed25519_id, sizeof same.ed25519_id);
  memcpy (same.ipv6, descriptor->ipv6, sizeof same.ipv6);
  same.ipv6_port = descriptor->ipv6_port;
  same.family = descriptor->family;
  if (descriptor->family_ids != NULL)
    same.family_ids = (CepaSlice) { descriptor->family_ids, strlen (descriptor->family_ids) };
  same.policy = policies[row];
  same.policy6 = descriptor->ipv6_policy;
  return cepa_network_add_microdescriptor (self, &same);
}
