/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept between runs: the file "state" of the data directory, JSON in sections. */
#pragma once

#include <gio/gio.h>

#include "base/clock.h"

G_BEGIN_DECLS

typedef struct _CepaState CepaState;

/* Returns: (transfer full) (nullable): a floating or full a{sv}: what a section holds now. NULL: leave it out. */
typedef GVariant *(*CepaStateFunc) (gpointer user_data);

/**
 * cepa_state_load:
 * @context: of the timer
 * @clock: (transfer none): outlives it
 * @path: of the file; its directory is there
 *
 * Reads the file. What is not a whole state file of a version that this one knows (torn, C Tor's own, a later version's)
 * is set aside as "state.broken-DATE" beside it, and that is said in the log: it is not trusted and not lost. Where even
 * that fails, nothing is ever written over it.
 *
 * Returns: (transfer full)
 */
CepaState *cepa_state_load (GMainContext *context, const CepaClock *clock, const char *path);

/* Without another write: cepa_state_save_async() first. A write that is under way goes on; who waits
   for one gets CEPA_ERROR_CANCELLED. */
void cepa_state_free (CepaState *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaState, cepa_state_free)

/**
 * cepa_state_get_section:
 * @name: "guards"
 *
 * Returns: (transfer full) (nullable): a{sv} of what was read, numbers as x or d, texts as s, lists as av; NULL when
 * there is none.
 */
GVariant *cepa_state_get_section (CepaState *self, const char *name);

/**
 * cepa_state_add_section:
 * @name: (transfer none): a literal
 * @save: (nullable): gives what it holds at each write, in the thread of the loop; NULL: as it was read from now on
 *
 * Sections that nobody adds are written as they were read.
 */
void cepa_state_add_section (CepaState *self, const char *name, CepaStateFunc save, gpointer user_data);

/**
 * cepa_state_reject_section:
 * @reason: what is wrong with it
 *
 * Whoever owns a section cannot make sense of what was read: a copy of the file is set aside, which is said in the log, and
 * the section is as if it had not been there.
 */
void cepa_state_reject_section (CepaState *self, const char *name, const GError *reason);

/* A section has changed: the file is written within half a minute, however many changes follow. */
void cepa_state_changed (CepaState *self);

/**
 * cepa_state_save_async:
 *
 * Writes it now if something has changed, in a thread, and waits for a write that is under way. For the end of the daemon,
 * and for tests. A file that cannot be written is said once in the log; the next change tries again.
 */
void cepa_state_save_async (CepaState *self, GAsyncReadyCallback callback, gpointer user_data);

/* Whether the last write failed: what is learned now may be lost. */
gboolean cepa_state_is_failing (const CepaState *self);

/* Returns: FALSE with CEPA_ERROR_FILE when it could not be written. */
gboolean cepa_state_save_finish (CepaState *self, GAsyncResult *result, GError **error);

/* Writes it at once, in this thread: where there is no loop yet. Returns: FALSE with CEPA_ERROR_FILE */
gboolean cepa_state_write_now (CepaState *self, GError **error);

G_END_DECLS
