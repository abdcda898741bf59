/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a consensus of the ns flavour and the server descriptors that it names. Link tests/unit/netdoc/maker.c and
   descriptor-maker.c with it. */
#pragma once

#include "netdoc/descriptor-maker.h"
#include "netdoc/server-descriptor.h"

G_BEGIN_DECLS

#define NS_DIRECTORY_N 4

/* (transfer full): the descriptor of relay @i, below NS_DIRECTORY_N; the first is a guard, the last an exit. */
char *ns_directory_descriptor (guint i, MakerDescriptorFault fault);

/* (transfer full): the consensus with all relays, by the test authority 0 of netdoc/maker.h, that names @descriptors. */
char *ns_directory_consensus (gint64 valid_after_s, char *const descriptors[NS_DIRECTORY_N]);

/* What a consensus names it by, and zeros. */
void ns_directory_digest (const char *descriptor, guint8 digest[32]);

/* The identities of relay @i. */
void ns_directory_rsa_id (guint i, guint8 id[20]);
void ns_directory_ed25519_id (guint i, guint8 id[32]);

G_END_DECLS
