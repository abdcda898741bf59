/* SPDX-License-Identifier: BSD-3-Clause */
/* Event sources on a file descriptor and on a time, held as GSource and never by number. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CepaLoopFunc:
 * @revents: what is ready on the descriptor; 0 when the call comes from the source's time
 *
 * May destroy its own source.
 */
typedef void (*CepaLoopFunc) (gpointer user_data, GIOCondition revents);

/**
 * cepa_loop_watch_fd:
 * @context: where it is dispatched
 * @fd: a descriptor, -1 for a source that has a time only; not owned
 * @name: (transfer none): a literal, for traces
 *
 * Waits for nothing at first: see cepa_loop_set_condition() and cepa_loop_set_delay().
 *
 * Returns: (transfer full): an attached source; end it with cepa_loop_clear().
 */
GSource *cepa_loop_watch_fd (GMainContext *context, int fd, const char *name, CepaLoopFunc func, gpointer user_data);

/* What to wait for on the descriptor: any of G_IO_IN, G_IO_OUT; errors and hang-ups always come. */
void cepa_loop_set_condition (GSource *source, GIOCondition condition);

/* Calls once, @delay_us microseconds from now; replaces an earlier time. Negative: never. */
void cepa_loop_set_delay (GSource *source, gint64 delay_us);

/* Whether a delay is set that has not come yet. */
gboolean cepa_loop_has_delay (GSource *source);

/* Destroys and forgets *@source, which may be NULL. */
void cepa_loop_clear (GSource **source);

G_END_DECLS
