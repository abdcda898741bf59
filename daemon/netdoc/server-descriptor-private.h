/* SPDX-License-Identifier: BSD-3-Clause */
/* A server descriptor with what its signatures are made of. Private to netdoc. */
#pragma once

#include "crypto/certs.h"
#include "crypto/curve.h"
#include "crypto/rsa.h"
#include "netdoc/limits.h"
#include "netdoc/server-descriptor.h"

G_BEGIN_DECLS

/* What a CepaServerDescriptor is the beginning of. */
typedef struct
{
  CepaServerDescriptor base;
  GArray *policy;   /* of CepaSlice: base.policy */
  char *family_ids; /* (nullable): base.family_ids */
} ServerDescriptor;

typedef struct
{
  guint8 bytes[CEPA_SERVER_DESCRIPTOR_MAX_CERT];
  gsize len;
  CepaEdCert cert; /* of @bytes */
} ServerDescriptorCert;

typedef struct
{
  guint8 bytes[CEPA_SERVER_DESCRIPTOR_MAX_CERT];
  gsize len;
} ServerDescriptorRsaSignature;

struct _CepaUnverifiedServerDescriptor
{
  ServerDescriptor *out; /* NULL when it was taken */
  CepaRsaKey *rsa_key;
  CepaRsaKey *onion_key; /* (nullable): TAP's, which nobody uses any more */
  ServerDescriptorCert identity;
  ServerDescriptorCert ntor_crosscert;
  gboolean ntor_is_negative;
  GPtrArray *family_certs; /* of ServerDescriptorCert */
  ServerDescriptorRsaSignature onion_crosscert;
  ServerDescriptorRsaSignature rsa_signature;
  guint8 ed_signature[CEPA_ED25519_SIGNATURE_LEN];
  gsize ed_signed_len; /* bytes of the text */
  gsize rsa_signed_len;
};

G_END_DECLS
