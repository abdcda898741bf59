/* SPDX-License-Identifier: BSD-3-Clause */
/* Microdescriptors (dir-spec: "Computing microdescriptors"). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Text inside another: not terminated. */
typedef struct
{
  const char *text; /* (nullable) */
  gsize len;
} CepaSlice;

/**
 * CepaMicrodescriptor:
 *
 * What one says. The slices, and @text, are in the caller's bytes.
 */
typedef struct
{
  guint8 digest[32]; /* SHA-256 of @text: what the consensus names it by */
  CepaSlice text;    /* from "onion-key" to its end, without annotations */
  guint8 ntor_key[32];
  gboolean has_ed25519;
  guint8 ed25519_id[32];
  gboolean has_ipv6; /* the first IPv6 "a" line */
  guint8 ipv6[16];
  guint16 ipv6_port;
  CepaSlice family;     /* arguments of "family", or nothing */
  CepaSlice family_ids; /* arguments of "family-ids", or nothing */
  CepaSlice policy;     /* arguments of "p": "accept 80,443"; nothing is "reject 1-65535" */
  CepaSlice policy6;    /* arguments of "p6"; the same */
  gint64 last_listed_s; /* of an @last-listed annotation, 0 without one */
} CepaMicrodescriptor;

typedef enum
{
  CEPA_MICRODESCRIPTOR_GOOD,
  CEPA_MICRODESCRIPTOR_BAD, /* this one is malformed, @error says how; the next call goes on behind it */
  CEPA_MICRODESCRIPTOR_END, /* there are no more */
} CepaMicrodescriptorStatus;

/**
 * cepa_microdescriptor_next:
 * @rest: (inout): text with any number of microdescriptors, with or without annotations; moved behind the one
 *   that was read. Each call makes progress.
 * @out: set when CEPA_MICRODESCRIPTOR_GOOD
 * @error: set when CEPA_MICRODESCRIPTOR_BAD, CEPA_ERROR_BAD_DOCUMENT
 */
CepaMicrodescriptorStatus cepa_microdescriptor_next (CepaSlice *rest, CepaMicrodescriptor *out,
                                                     GError **error);

/**
 * cepa_microdescriptor_find_text:
 * @text: any number of microdescriptors, as for cepa_microdescriptor_next()
 * @ntor_key: of the one that is wanted, by which it is found without reading the others
 * @out: (out): the one whose digest is @digest, without annotations
 *
 * Returns: FALSE when it is not there.
 */
gboolean cepa_microdescriptor_find_text (CepaSlice text, const guint8 digest[32], const guint8 ntor_key[32],
                                         CepaSlice *out);

G_END_DECLS
