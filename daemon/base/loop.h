/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches on a file descriptor and on a time, held by pointer and never by number. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaLoopWatch CepaLoopWatch;

/**
 * CepaLoopFunc:
 * @revents: what is ready on the descriptor; 0 when the call comes from the watch's time
 *
 * May clear its own watch.
 */
typedef void (*CepaLoopFunc) (gpointer user_data, GIOCondition revents);

/**
 * cepa_loop_watch_fd:
 * @context: where it is called, with the other watches of that context, at the default priority; outlives it
 * @fd: a descriptor, -1 for a watch that has a time only; not owned; to be closed after the watch has been cleared
 * @name: (transfer none): a literal, for the log
 *
 * Waits for nothing at first: see cepa_loop_set_condition() and cepa_loop_set_delay().
 *
 * Returns: (transfer full): end it with cepa_loop_clear().
 */
CepaLoopWatch *cepa_loop_watch_fd (GMainContext *context, int fd, const char *name, CepaLoopFunc func,
                                   gpointer user_data);

/* What to wait for on the descriptor: any of G_IO_IN, G_IO_OUT; errors and hang-ups always come. No system call. */
void cepa_loop_set_condition (CepaLoopWatch *watch, GIOCondition condition);

/* Calls once, @delay_us microseconds from now; replaces an earlier time. Negative: never. */
void cepa_loop_set_delay (CepaLoopWatch *watch, gint64 delay_us);

/* The same at @due_us of g_get_monotonic_time(): 0 at once, negative never. It reads no clock. */
void cepa_loop_set_due_us (CepaLoopWatch *watch, gint64 due_us);

/* Whether a delay is set that has not come yet. */
gboolean cepa_loop_has_delay (CepaLoopWatch *watch);

/* Ends and forgets *@watch, which may be NULL. */
void cepa_loop_clear (CepaLoopWatch **watch);

/**
 * cepa_loop_probe_new:
 * @context: to watch; one probe is enough
 *
 * Measures how long each turn of @context takes from the end of its waiting to the next wait, whichever sources it
 * dispatches: also those that are not of this file. A turn over 1 ms that is longer than all before it is told to the
 * log, at level info, and so is one that took more CPU time than all before it. It costs no system call and no wake-up,
 * but two calls each turn while some log has level info of the general topic: for the CPU time.
 *
 * Returns: (transfer full): an attached source; end it with cepa_loop_probe_clear().
 */
GSource *cepa_loop_probe_new (GMainContext *context);

/* The longest turn so far that has ended, in microseconds. */
gint64 cepa_loop_probe_get_longest_us (GSource *probe);

/* The most CPU time of a turn that has ended, of those in which a log wanted to know, in microseconds. */
gint64 cepa_loop_probe_get_longest_cpu_us (GSource *probe);

/* Destroys and forgets *@probe, which may be NULL. */
void cepa_loop_probe_clear (GSource **probe);

G_END_DECLS
