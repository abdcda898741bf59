/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the directory do for each other: requests.c, consensus.c, certificates.c, descriptors.c. */
#pragma once

#include "directory/directory-private.h"

/* directory.c */

/* Does what is due, and sets the timer for what is due next. */
void cepa_directory_step (CepaDirectory *self);

/* Has that done in the next turn, once for all who ask for it in this one. */
void cepa_directory_wake (CepaDirectory *self);
void cepa_directory_log_problems (const GPtrArray *problems);

/* Tells whoever uses the network that it is another, or has more in it; and bootstrap how far it is. */
void cepa_directory_tell_changed (CepaDirectory *self);
void cepa_directory_reach (CepaDirectory *self, CepaBootstrapPhase phase, int extra);

/* A failure of this kind: the next request waits longer. */
void cepa_directory_note_failure (CepaDirectory *self, CepaDirectoryKind kind);

/* supplement.c */

/* When the network in use has been made without what is to be beside its rows, a worker sees to it. */
void cepa_directory_check_supplement (CepaDirectory *self);

/* requests.c */

/* Asks for @resource; FALSE when there is nobody to ask. @digests: (transfer full) (nullable) */
gboolean cepa_directory_ask (CepaDirectory *self, CepaDirectoryKind kind, CepaServersKind whom, const char *resource,
                             const char *headers, gsize max_size, GBytes *digests);
guint cepa_directory_count_requests (const CepaDirectory *self, CepaDirectoryKind kind);

/* Ends those of @kind, of all with CEPA_DIRECTORY_N_KINDS. */
void cepa_directory_cancel_requests (CepaDirectory *self, CepaDirectoryKind kind);

/* consensus.c */

void cepa_directory_free_consensus (CepaDirectory *self);

/* Microseconds until the next time it has to be called; CEPA_DIRECTORY_NEVER: when something has come. */
gint64 cepa_directory_step_consensus (CepaDirectory *self);

/* What was asked for, or a failure: not from one server alone. @body: (transfer none) */
void cepa_directory_got_consensus (CepaDirectory *self, GBytes *body, const guint8 *server, const char *origin);

/* The cache's. */
void cepa_directory_loaded_consensus (CepaDirectory *self, CepaLoadResult *result);

/* Certificates have come, or do not come: looks at the consensus that waits for them again, or gives it up. */
void cepa_directory_recheck_waiting (CepaDirectory *self);
void cepa_directory_drop_waiting (CepaDirectory *self);

/* certificates.c */

gint64 cepa_directory_step_certificates (CepaDirectory *self);

/* @ids: (transfer full) (nullable): from now on these are asked for */
void cepa_directory_want_certificates (CepaDirectory *self, GArray *ids);
void cepa_directory_got_certificates (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server);
void cepa_directory_certificates_failed (CepaDirectory *self);

/* descriptors.c */

gint64 cepa_directory_step_descriptors (CepaDirectory *self);

void cepa_directory_init_descriptors (CepaDirectory *self);
void cepa_directory_free_descriptors (CepaDirectory *self);

/* Gives back the memory of mapped files, which a worker or somebody who asked has read. */
void cepa_directory_forget_pages (CepaDirectory *self);

/* From now on these are awaited, or not any more. @digests: (nullable): 32 bytes each; outlives that */
void cepa_directory_await (CepaDirectory *self, GBytes *digests, gboolean is_awaited);

/* @asked: (transfer none): digests, 32 bytes each */
void cepa_directory_got_descriptors (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server,
                                     GBytes *asked);

/* Sees whether there are enough of them, and says so to bootstrap. */
void cepa_directory_report_descriptors (CepaDirectory *self);
