/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of subprotocols: "Link=3-5 Relay=2-4" (tor-spec: "Subprotocol versioning"). */
#pragma once

#include <glib.h>

#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/* What this client does, in the form of such a list. Each is here because the code does it: Link channel/, FlowCtrl and
   Relay circuit/, Cons, Desc, Microdesc and DirCache (diffs) netdoc/. */
#define CEPA_PROTOCOLS_SUPPORTED "Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1 Link=3-5 Microdesc=1-3 Relay=2"

/* The highest version that a list may name. */
#define CEPA_PROTOCOLS_MAX_VERSION 63

/**
 * CepaProtocols:
 *
 * A parsed list. Immutable.
 */
typedef struct _CepaProtocols CepaProtocols;

/**
 * cepa_protocols_parse:
 * @text: entries "Name=1,3-5" between spaces; may be empty. A name has 1 to 100 letters, digits and dashes, a version
 *   is 0 to 63 without a sign. A name may come twice.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT when any entry is malformed: half a list says
 * nothing.
 */
CepaProtocols *cepa_protocols_parse (CepaSlice text, GError **error);
void cepa_protocols_free (CepaProtocols *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaProtocols, cepa_protocols_free)

/* Whether it has version @version of @name, in this spelling. */
gboolean cepa_protocols_contains (const CepaProtocols *self, const char *name, guint version);

/**
 * cepa_protocols_missing:
 * @wanted: for example, what the consensus requires of clients
 * @have: for example, CEPA_PROTOCOLS_SUPPORTED
 *
 * Returns: (transfer full) (nullable): what of @wanted is not in @have, as such a list in the order of @wanted; NULL
 * when nothing is missing.
 */
char *cepa_protocols_missing (const CepaProtocols *wanted, const CepaProtocols *have);

/**
 * cepa_protocols_relay_bits:
 * @text: the arguments of a relay's "pr" line
 *
 * Returns: CEPA_PROTOCOL_* of cepa/relay.h; none of them when the list is malformed. Allocates nothing.
 */
guint64 cepa_protocols_relay_bits (CepaSlice text);

G_END_DECLS
