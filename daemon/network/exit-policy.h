/* SPDX-License-Identifier: BSD-3-Clause */
/* Exit policy summaries, each text compiled once. Private to network. */
#pragma once

#include <glib.h>

#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/* Of a relay whose microdescriptor is not here: nothing is let through. */
#define CEPA_EXIT_POLICY_NONE 0

/* Port entries of one summary; C Tor's MAX_EXITPOLICY_SUMMARY_LEN. One with more lets nothing through. */
#define CEPA_EXIT_POLICY_MAX_ENTRIES 1000

typedef struct _CepaExitPolicyTable CepaExitPolicyTable;

CepaExitPolicyTable *cepa_exit_policy_table_new (void);
void cepa_exit_policy_table_free (CepaExitPolicyTable *self);

/**
 * cepa_exit_policy_table_intern:
 * @policy: arguments of "p": "accept 80,443-445"; nothing lets nothing through
 * @policy6: arguments of "p6"; the same
 *
 * A malformed summary lets nothing through. Entries that do not begin with a digit are skipped, as C Tor
 * does: they may be of a later form.
 *
 * Returns: the number of the pair; the same for equal texts.
 */
guint32 cepa_exit_policy_table_intern (CepaExitPolicyTable *self, CepaSlice policy, CepaSlice policy6);

/* Whether @policy lets streams to @port (0: to any port) through; FALSE for a number that is none. */
gboolean cepa_exit_policy_table_allows (const CepaExitPolicyTable *self, guint32 policy, guint16 port,
                                        gboolean ipv6);

G_END_DECLS
