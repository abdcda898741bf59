/* SPDX-License-Identifier: BSD-3-Clause */
/* A host for plugins' tests: every service of CepaHost, in a loop of the test, with what the plugin did kept. */
#pragma once

#include <cepa/host.h>

#include "base/loop.h"

G_BEGIN_DECLS

/**
 * FakeHost:
 * @base: for the plugin; a test adds the tables of its kind
 * @now_s: what wall_s() gives
 * @log: lines "2 text\n", with the level
 * @tasks: (element-type guint64): those that were completed
 * @error: (nullable): of the last task that was completed with one, or of fail()
 * @n_failed: how often fail() was called
 * @n_timers: @n_watches: that the plugin has
 * @n_delays: how often it has set a timer to a time
 */
typedef struct
{
  CepaHost base; /* first */
  GMainContext *context;
  GThread *thread; /* private: every service is for this one */
  gint64 now_s;
  GString *log;
  GArray *tasks;
  GError *error;
  guint n_failed;
  guint n_timers, n_watches, n_delays;
  GHashTable *options; /* private */
  GHashTable *sources; /* private */
  guint64 last_source; /* private */
  CepaLoopWatch *deadline;   /* private */
} FakeHost;

/* Makes a loop and pushes its context as the thread's default; a test that runs over 30 seconds is aborted. */
void fake_host_init (FakeHost *self);

/* It is no test, and may run as long as it likes. */
void fake_host_be_patient (FakeHost *self);

/* The plugin must have freed its timers and watches. */
void fake_host_clear (FakeHost *self);

/* Sets an option; NULL at the end: its values. An option that was not set has none. */
void fake_host_set_option (FakeHost *self, const char *name, ...) G_GNUC_NULL_TERMINATED;

/* Runs the loop until something has happened. */
void fake_host_turn (FakeHost *self);

/* Whether @task is complete; then it is forgotten. @error: (out) (nullable): its error. */
gboolean fake_host_has_ended (FakeHost *self, guint64 task, GError **error);

/* Runs the loop until @task is complete, and takes its error (transfer full) (nullable). */
GError *fake_host_wait_for_task (FakeHost *self, guint64 task);

G_END_DECLS
