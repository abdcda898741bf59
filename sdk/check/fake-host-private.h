/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the fake host share. */
#pragma once

#include <gio/gio.h>

#include "fake-host.h"

G_BEGIN_DECLS

typedef struct
{
  guint64 id;
  CepaTimerFunc func;
  gpointer data;
  gint64 due_us; /* -1: not set */
} FakeTimer;

typedef struct
{
  CepaFakeHost *host;
  guint64 id;
  int fd;
  CepaWatchFunc func;
  gpointer data;
  GSource *source;
} FakeWatch;

typedef struct
{
  guint64 id;
  char *interface_name;
  char *signal; /* (nullable): NULL for all */
  CepaSignalFunc func;
  gpointer data;
} FakeSubscription;

typedef struct
{
  CepaFakeTaskState state;
  GError *error;
} FakeTask;

struct _CepaFakeHost
{
  CepaHost table;
  guint8 beyond[64]; /* what a newer host has there */
  CepaMetricsHost metrics;
  CepaTransportHost transport;
  CepaPaddingHost padding;
  CepaVocabulary vocabulary;
  GThread *thread;
  GMainContext *context;
  gint64 now_us;
  guint64 random;
  guint64 last_id;
  GHashTable *options;    /* name -> GPtrArray of its values and NULL */
  GHashTable *tasks;      /* number -> FakeTask */
  GHashTable *attempts;   /* number -> CepaFakeAttempt */
  GPtrArray *timers;
  GHashTable *watches;    /* number -> FakeWatch */
  GPtrArray *subscriptions;
  GPtrArray *side_tables; /* that are to be told of */
  GDBusNodeInfo *node;    /* (nullable) */
  const char *xml;
  const CepaNetworkView *view;
  GError *failure;
  gint64 longest_us;
  guint32 wanted_events;
  gboolean is_closed;
  char *directory;        /* (nullable) */
  GMutex mutex;           /* of what follows: calls may come from other threads */
  GPtrArray *faults;
  gboolean has_thread_fault;
  GPtrArray *log;
};

/* Writes a fault down. From any thread. */
void cepa_fake_host_add_fault (CepaFakeHost *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Begins a call of a service. Returns: (nullable): the host; NULL, with a fault, when it must do nothing. */
CepaFakeHost *cepa_fake_host_enter (const CepaHost *table, const char *service);

/* Fills in timers and watches, what is of one kind, the vocabulary, side tables; and frees what they hold. */
void cepa_fake_loop_init (CepaFakeHost *self);
void cepa_fake_loop_clear (CepaFakeHost *self);
void cepa_fake_kinds_init (CepaFakeHost *self);
void cepa_fake_kinds_clear (CepaFakeHost *self);
void cepa_fake_vocabulary_init (CepaFakeHost *self);
void cepa_fake_vocabulary_clear (CepaFakeHost *self);
void cepa_fake_side_tables_init (CepaFakeHost *self);
void cepa_fake_side_tables_clear (CepaFakeHost *self);

G_END_DECLS
