/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes server descriptors with all their signatures, or with one that is wrong. */
#pragma once

#include "maker.h"

G_BEGIN_DECLS

/* 2026-06-01 12:00:00, when they are published, and when their certificates expire (whole hours, as these count). */
#define MAKER_DESCRIPTOR_PUBLISHED_S 1780315200
#define MAKER_DESCRIPTOR_EXPIRES_S (MAKER_DESCRIPTOR_PUBLISHED_S + 720 * 3600)

typedef enum
{
  MAKER_DESCRIPTOR_GOOD,
  MAKER_DESCRIPTOR_BAD_RSA,       /* signed by another RSA key */
  MAKER_DESCRIPTOR_BAD_ED,        /* signed by another Ed25519 key */
  MAKER_DESCRIPTOR_BAD_IDENTITY,  /* the signing key is certified by another identity than it names */
  MAKER_DESCRIPTOR_BAD_NTOR,      /* the ntor key is another one than has signed */
  MAKER_DESCRIPTOR_NTOR_SIGN,     /* the other sign of the ntor key */
  MAKER_DESCRIPTOR_NTOR_OTHER,    /* the ntor key has signed another identity */
  MAKER_DESCRIPTOR_BAD_TAP,       /* the TAP key has signed other identities */
  MAKER_DESCRIPTOR_NO_TAP,        /* no TAP key at all, which is good */
  MAKER_DESCRIPTOR_TAP_LONGER,    /* the TAP key has signed more than the identities, which is good */
  MAKER_DESCRIPTOR_BAD_FAMILY,    /* certified by another family than is named */
  MAKER_DESCRIPTOR_FAMILY_OTHER,  /* the family has certified another relay */
  MAKER_DESCRIPTOR_FAMILY_EXPIRED, /* the family's certificates are long over, which is good, as with C Tor */
} MakerDescriptorFault;

/* (transfer full): of relay @i, with the lines @extra (nullable) in it. It is in the families 1 and 2, in this by two
   certificates. Its RSA identity is maker_key (@i), its TAP key maker_key (@i + 1). */
char *maker_server_descriptor (guint i, MakerDescriptorFault fault, const char *extra);

/* The Ed25519 public keys of relay @i, and of family @i. */
void maker_descriptor_identity (guint i, guint8 key[32]);
void maker_descriptor_family (guint i, guint8 key[32]);

G_END_DECLS
