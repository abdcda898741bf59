/* SPDX-License-Identifier: BSD-3-Clause */
/* Full descriptors of relays and bridges (dir-spec: "Server descriptor format"). */
#pragma once

#include <glib.h>

#include "netdoc/consensus.h"
#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/**
 * CepaServerDescriptor:
 *
 * What one says, with all its signatures checked. Immutable. The slices are in the caller's bytes, which outlive it.
 */
typedef struct
{
  guint8 digest[20];     /* SHA-1 of what is signed: what a consensus of the ns flavour names it by */
  CepaSlice text;        /* from "router" to its end, without annotations */
  CepaSlice annotations; /* lines that begin with "@", or nothing */
  char nickname[20];
  guint32 ipv4; /* host byte order */
  guint16 or_port;
  guint16 dir_port;  /* 0 without one */
  guint16 ipv6_port; /* of the first IPv6 "or-address", 0 without one */
  guint8 ipv6[16];
  guint8 rsa_id[20];
  guint8 ed25519_id[32];
  guint8 ntor_key[32];
  gint64 published_s;
  gint64 expires_s; /* when the first of its certificates does */
  guint32 bandwidth_average_bytes_per_s;
  guint32 bandwidth_burst_bytes_per_s;
  guint32 bandwidth_observed_bytes_per_s;
  guint64 uptime_s;
  gboolean is_hibernating;
  gboolean is_bridge; /* by an annotation "@purpose bridge" */
  gboolean caches_extra_info;
  gboolean is_directory;     /* answers BEGIN_DIR */
  CepaSlice platform;        /* or nothing */
  CepaSlice protocols;       /* arguments of "proto" */
  CepaSlice family;          /* arguments of "family", or nothing */
  const char *family_ids;    /* (nullable): of its family certificates, as microdescriptors write them: "ed25519:..."
                                in order, between spaces */
  CepaSlice ipv6_policy;     /* arguments of "ipv6-policy": "accept 80,443"; nothing is "reject 1-65535" */
  const CepaSlice *policy;   /* "accept 1.2.3.0/24:80" or "reject *:*" in their order, of IPv4 addresses: "*" too means
                                these alone. What none fits is accepted */
  guint n_policy;
} CepaServerDescriptor;

/**
 * CepaUnverifiedServerDescriptor:
 *
 * Parsed, and nothing more. Only cepa_server_descriptor_verify() and cepa_server_descriptor_trust() make it usable.
 */
typedef struct _CepaUnverifiedServerDescriptor CepaUnverifiedServerDescriptor;

typedef enum
{
  CEPA_SERVER_DESCRIPTOR_GOOD,
  CEPA_SERVER_DESCRIPTOR_BAD, /* this one is malformed, @error says how; the next call goes on behind it */
  CEPA_SERVER_DESCRIPTOR_END, /* there are no more */
} CepaServerDescriptorStatus;

/**
 * cepa_unverified_server_descriptor_next:
 * @rest: (inout): text with any number of descriptors, with or without annotations; moved behind the one that was read.
 *   Each call makes progress. The bytes must outlive what comes out.
 * @out: (out) (transfer full): set when CEPA_SERVER_DESCRIPTOR_GOOD
 * @error: set when CEPA_SERVER_DESCRIPTOR_BAD, CEPA_ERROR_BAD_DOCUMENT
 */
CepaServerDescriptorStatus cepa_unverified_server_descriptor_next (CepaSlice *rest,
                                                                   CepaUnverifiedServerDescriptor **out,
                                                                   GError **error);
void cepa_unverified_server_descriptor_free (CepaUnverifiedServerDescriptor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaUnverifiedServerDescriptor, cepa_unverified_server_descriptor_free)

/* 20 bytes: what a consensus names it by. One that nobody has asked for need not be verified. */
const guint8 *cepa_unverified_server_descriptor_get_digest (const CepaUnverifiedServerDescriptor *self);

/**
 * cepa_server_descriptor_verify:
 * @unverified: (transfer full)
 * @now_s: seconds since 1970
 *
 * Checks that the RSA identity signed it, that the Ed25519 identity certified the key that signed it, that the ntor
 * key and the TAP key, when there is one, signed the identities, that each family key certified the Ed25519 identity,
 * and that the certificates have not expired (those of families may have, as with C Tor). Costs 0.3 ms.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_SIGNATURE or CEPA_ERROR_EXPIRED.
 */
CepaServerDescriptor *cepa_server_descriptor_verify (CepaUnverifiedServerDescriptor *unverified, gint64 now_s,
                                                     GError **error);

/**
 * cepa_server_descriptor_trust:
 * @unverified: (transfer full)
 * @consensus: of the ns flavour
 * @now_s: seconds since 1970
 *
 * For one that was verified when it came and has been kept since: what @consensus lists of its relay is its digest, which
 * more than half of the authorities have signed, and it is of all but the RSA signature. Costs a thirtieth of verifying it.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_SIGNATURE when @consensus lists another, or with
 * CEPA_ERROR_EXPIRED.
 */
CepaServerDescriptor *cepa_server_descriptor_trust (CepaUnverifiedServerDescriptor *unverified,
                                                    const CepaConsensus *consensus, gint64 now_s, GError **error);

/**
 * cepa_server_descriptor_find_text:
 * @text: any number of server descriptors, as for cepa_unverified_server_descriptor_next()
 * @digest: of the one that is wanted
 * @ntor_key: of it, by which it is found without reading the others
 * @out: (out): it, without annotations
 *
 * Returns: FALSE when it is not there.
 */
gboolean cepa_server_descriptor_find_text (CepaSlice text, const guint8 digest[20], const guint8 ntor_key[32],
                                           CepaSlice *out);
void cepa_server_descriptor_free (CepaServerDescriptor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaServerDescriptor, cepa_server_descriptor_free)

G_END_DECLS
