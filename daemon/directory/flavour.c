/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/flavour.h"

#include "base/encoding.h"
#include "directory/cache.h"
#include "directory/schedule.h"

static const CepaFlavour flavours[] = {
  [CEPA_CONSENSUS_MICRODESC] = {
    .consensus = CEPA_CONSENSUS_MICRODESC,
    .consensus_resource = "/tor/status-vote/current/consensus-microdesc/",
    .descriptors_resource = "/tor/micro/d/",
    .separator = "-",
    .digest_len = 32,
    .max_batch = CEPA_SCHEDULE_MAX_BATCH,
    .descriptor = "a microdescriptor",
    .digest = "SHA-256",
    .consensus_file = CEPA_CACHE_CONSENSUS,
    .unverified_file = CEPA_CACHE_UNVERIFIED_CONSENSUS,
    .descriptors_file = CEPA_CACHE_MICRODESCRIPTORS,
    .new_descriptors_file = CEPA_CACHE_NEW_MICRODESCRIPTORS,
  },
  [CEPA_CONSENSUS_NS] = {
    .consensus = CEPA_CONSENSUS_NS,
    .consensus_resource = "/tor/status-vote/current/consensus/",
    .descriptors_resource = "/tor/server/d/",
    .separator = "+",
    .digest_len = 20,
    .is_hex = TRUE,
    .max_batch = CEPA_SCHEDULE_MAX_SERVER_BATCH,
    .descriptor = "a server descriptor",
    .digest = "SHA-1",
    .consensus_file = CEPA_CACHE_NS_CONSENSUS,
    .unverified_file = CEPA_CACHE_UNVERIFIED_NS_CONSENSUS,
    .descriptors_file = CEPA_CACHE_SERVER_DESCRIPTORS,
    .new_descriptors_file = CEPA_CACHE_NEW_SERVER_DESCRIPTORS,
  },
};

const CepaFlavour *
cepa_flavour_get (CepaConsensusFlavour consensus)
{
  g_return_val_if_fail ((guint) consensus < G_N_ELEMENTS (flavours), &flavours[CEPA_CONSENSUS_MICRODESC]);
  return &flavours[consensus];
}

char *
cepa_flavour_write_digest (const CepaFlavour *self, const guint8 digest[32])
{
  return self->is_hex ? cepa_hex_encode (digest, self->digest_len)
                      : cepa_base64_encode_unpadded (digest, self->digest_len);
}
