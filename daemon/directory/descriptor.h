/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay's descriptor of either flavour, on its way from a text into the table. */
#pragma once

#include "directory/flavour.h"
#include "netdoc/microdescriptor.h"
#include "netdoc/server-descriptor.h"
#include "network/network.h"

G_BEGIN_DECLS

/**
 * CepaDescriptor:
 * @digest: what a consensus names it by: 32 bytes, or 20 and zeros behind them
 * @text: itself, without annotations, once it may be believed
 * @microdescriptor: of that flavour
 * @unverified: (nullable): @server: (nullable): of the other: what was read, and what may be believed
 *
 * The slices are in the caller's bytes.
 */
typedef struct
{
  guint8 digest[32];
  CepaSlice text;
  CepaMicrodescriptor microdescriptor;
  CepaUnverifiedServerDescriptor *unverified;
  CepaServerDescriptor *server;
} CepaDescriptor;

/**
 * cepa_descriptor_next:
 * @out: (out): set when CEPA_MICRODESCRIPTOR_GOOD; to be cleared
 *
 * As cepa_microdescriptor_next().
 */
CepaMicrodescriptorStatus cepa_descriptor_next (const CepaFlavour *flavour, CepaSlice *rest, CepaDescriptor *out,
                                                GError **error);
void cepa_descriptor_clear (CepaDescriptor *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CepaDescriptor, cepa_descriptor_clear)

/* One that somebody gave us: all its signatures are checked. A microdescriptor has none but what names its digest. */
gboolean cepa_descriptor_verify (CepaDescriptor *self, gint64 now_s, GError **error);

/* One that was verified before it was kept: it is enough that @consensus lists its digest, which is for the caller to see
   of a microdescriptor. */
gboolean cepa_descriptor_trust (CepaDescriptor *self, const CepaConsensus *consensus, gint64 now_s, GError **error);

/* Gives one that may be believed to @network, of its flavour. Returns: how many rows it filled. */
guint cepa_descriptor_add (const CepaDescriptor *self, CepaNetwork *network);

G_END_DECLS
