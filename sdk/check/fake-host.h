/* SPDX-License-Identifier: BSD-3-Clause */
/* A host for tests of plugins: a clock that is set, seeded chance, and an eye on what the plugin does. */
#pragma once

#include <cepa/cepa.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaFakeHost CepaFakeHost;

/* How a task that was given to a plugin stands. */
typedef enum
{
  CEPA_FAKE_TASK_PENDING, /* the plugin has it */
  CEPA_FAKE_TASK_DONE,    /* it was completed */
  CEPA_FAKE_TASK_FAILED,  /* it was completed with an error */
  CEPA_FAKE_TASK_OVER,    /* taken back: nobody may complete it any more */
} CepaFakeTaskState;

/* Makes a host of its own GMainContext, which is the thread's default one until it is freed; hosts are freed in the
   reverse order. @seed: the same one gives the same chance. The clock stands at 1,000,000 s. */
CepaFakeHost *cepa_fake_host_new (guint64 seed);

/* Frees it with what the plugin left behind. The instance must have been destroyed before. */
void cepa_fake_host_free (CepaFakeHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaFakeHost, cepa_fake_host_free)

/* Returns: (transfer none): what create takes. */
const CepaHost *cepa_fake_host_get_table (CepaFakeHost *self);

/* Returns: (transfer none): the same, to be changed: tests take functions away, or shorten the table. */
CepaHost *cepa_fake_host_edit_table (CepaFakeHost *self);

/* (transfer none): the tables for one kind, to be changed; they are in the host's table from the beginning. */
CepaMetricsHost *cepa_fake_host_edit_metrics (CepaFakeHost *self);
CepaTransportHost *cepa_fake_host_edit_transport (CepaFakeHost *self);
CepaVocabulary *cepa_fake_host_edit_vocabulary (CepaFakeHost *self);

/* Gives every option of the plugin its default. Options that are not set are not there. */
void cepa_fake_host_set_defaults (CepaFakeHost *self, const CepaPlugin *plugin);

/* Sets an option; NULL for no value. */
void cepa_fake_host_set_option (CepaFakeHost *self, const char *name, const char *value);

/* Adds a value to an option that may have several. */
void cepa_fake_host_add_option (CepaFakeHost *self, const char *name, const char *value);

/* @view: (nullable) (transfer none): what cepa_host_network() gives from now on; NULL at first. */
void cepa_fake_host_set_network (CepaFakeHost *self, const CepaNetworkView *view);

/* @xml: (transfer none): D-Bus introspection data of the vocabulary; must outlive the host. */
void cepa_fake_host_set_vocabulary (CepaFakeHost *self, const char *xml);

/* A task for start or stop. */
guint64 cepa_fake_host_begin_task (CepaFakeHost *self);
CepaFakeTaskState cepa_fake_host_get_task (CepaFakeHost *self, guint64 task);

/* Returns: (transfer none) (nullable): with what a task failed. */
const GError *cepa_fake_host_get_task_error (CepaFakeHost *self, guint64 task);

/* Takes a pending task back, as stop does with that of start. */
void cepa_fake_host_end_task (CepaFakeHost *self, guint64 task);

/* Returns: (transfer none) (nullable): what the plugin gave to cepa_host_fail(). */
const GError *cepa_fake_host_get_failure (CepaFakeHost *self);

/* Sets the clock @delay_us on and calls the timers that come due on the way, each at its time; sources of the context
   that are ready are dispatched, without waiting for others. */
void cepa_fake_host_advance (CepaFakeHost *self, gint64 delay_us);

/**
 * cepa_fake_host_run:
 * @done: (nullable): whether it has come; NULL: until nothing happens any more
 * @limit_us: how far the clock may go
 *
 * Lets timers, watches and other sources come until @done says so. The clock moves on when nothing else does for some
 * real milliseconds. Returns: FALSE when it did not come: @limit_us passed, or nothing was left that could bring it.
 */
gboolean cepa_fake_host_run (CepaFakeHost *self, gboolean (*done) (gpointer data), gpointer data, gint64 limit_us);

/* Runs until a task is not pending any more. */
gboolean cepa_fake_host_run_task (CepaFakeHost *self, guint64 task, gint64 limit_us);

/* What the plugin has, and has not freed. */
guint cepa_fake_host_get_n_timers (CepaFakeHost *self);
guint cepa_fake_host_get_n_watches (CepaFakeHost *self);
guint cepa_fake_host_get_n_subscriptions (CepaFakeHost *self);

/* The longest time that a timer or a watch held the thread: real microseconds. */
gint64 cepa_fake_host_get_longest_us (CepaFakeHost *self);

/* From now on calls are faults: the instance was destroyed. */
void cepa_fake_host_close (CepaFakeHost *self);

/* Returns: (transfer none): (element-type utf8): sentences about what the plugin did and may not do: calls with values
   that there are not, tasks completed twice, calls from other threads or after the end. */
GPtrArray *cepa_fake_host_get_faults (CepaFakeHost *self);

/* Returns: whether a call came from another thread; each is among the faults too. */
gboolean cepa_fake_host_has_thread_fault (CepaFakeHost *self);

/* Returns: (transfer none): (element-type utf8): lines that the plugin logged: "notice: made". */
GPtrArray *cepa_fake_host_get_log (CepaFakeHost *self);

/* How an attempt to connect ended. */
typedef struct
{
  guint n;       /* how often: more than once is a fault as well */
  int fd;        /* -1 with @error; closed with the host */
  GError *error; /* (nullable) */
} CepaFakeAttempt;

/* Makes a number for an attempt to connect. */
guint64 cepa_fake_host_begin_attempt (CepaFakeHost *self);

/* Takes it back, as cancel does: connected is a fault from now on. */
void cepa_fake_host_end_attempt (CepaFakeHost *self, guint64 attempt);

/* Returns: (transfer none) (nullable): NULL for a number that was not begun. */
const CepaFakeAttempt *cepa_fake_host_get_attempt (CepaFakeHost *self, guint64 attempt);

/* Returns: the last that the plugin said to cepa_metrics_want(). */
guint32 cepa_fake_host_get_wanted_events (CepaFakeHost *self);

/* Sends a signal of the vocabulary, with an empty value for each argument, to who has subscribed to it.
   Returns: to how many. */
guint cepa_fake_host_emit (CepaFakeHost *self, const char *interface_name, const char *signal);

/* Sends every signal that the vocabulary has. Returns: to how many subscriptions. */
guint cepa_fake_host_emit_all (CepaFakeHost *self);

G_END_DECLS
