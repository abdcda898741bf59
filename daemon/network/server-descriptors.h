/* SPDX-License-Identifier: BSD-3-Clause */
/* A table whose consensus names server descriptors instead of microdescriptors (UseMicrodescriptors 0). */
#pragma once

#include "netdoc/server-descriptor.h"
#include "network/network.h"

G_BEGIN_DECLS

/**
 * cepa_network_add_server_descriptor:
 * @descriptor: not kept
 *
 * Fills the row of its relay when the consensus, of the ns flavour, names this descriptor, as
 * cepa_network_add_microdescriptor() does. Ports are those of the consensus' summary of its exit policy, which is what
 * all clients go by, and of its "ipv6-policy".
 *
 * Returns: how many rows it filled.
 */
guint cepa_network_add_server_descriptor (CepaNetwork *self, const CepaServerDescriptor *descriptor);

G_END_DECLS
