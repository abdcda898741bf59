/* SPDX-License-Identifier: BSD-3-Clause */
/* What is different about a directory of microdescriptors and one of server descriptors (UseMicrodescriptors 0). */
#pragma once

#include "netdoc/consensus.h"

G_BEGIN_DECLS

/**
 * CepaFlavour:
 * @consensus: which consensus names them
 * @consensus_resource: what is asked for, up to the authorities' identities
 * @descriptors_resource: the same, up to the digests; @separator: between these
 * @digest_len: bytes of a digest, behind which there are zeros up to 32
 * @is_hex: how digests are written: else base64
 * @max_batch: how many are asked for at once
 * @descriptor: @digest: for messages: "a microdescriptor", "SHA-256"
 * @consensus_file: @unverified_file: @descriptors_file: @new_descriptors_file: of the cache. No two flavours share one
 */
typedef struct
{
  CepaConsensusFlavour consensus;
  const char *consensus_resource;
  const char *descriptors_resource, *separator;
  gsize digest_len;
  gboolean is_hex;
  guint max_batch;
  const char *descriptor, *digest;
  const char *consensus_file, *unverified_file, *descriptors_file, *new_descriptors_file;
} CepaFlavour;

const CepaFlavour *cepa_flavour_get (CepaConsensusFlavour consensus); /* (transfer none) */

/* Returns: (transfer full): the digest as resources write it. */
char *cepa_flavour_write_digest (const CepaFlavour *self, const guint8 digest[32]);

G_END_DECLS
