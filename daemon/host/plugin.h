/* SPDX-License-Identifier: BSD-3-Clause */
/* One plugin from its keyfile to its instance: its life, its services, its misconduct. Private to host. */
#pragma once

#include <cepa/plugin.h>
#include <glib.h>

#include "base/loop.h"
#include "host/host.h"
#include "host/keyfile.h"

G_BEGIN_DECLS

/* Times that a plugin has for each. */
#define CEPA_PLUGIN_START_US (10 * G_USEC_PER_SEC)
#define CEPA_PLUGIN_STOP_US (1 * G_USEC_PER_SEC)

typedef enum
{
  CEPA_PLUGIN_REFUSED,  /* its files, versions or tables are wrong */
  CEPA_PLUGIN_FOUND,    /* there, not started, and nobody said that it should */
  CEPA_PLUGIN_WAITING,  /* is to start when the plugins are there that it requires */
  CEPA_PLUGIN_STARTING,
  CEPA_PLUGIN_RUNNING,
  CEPA_PLUGIN_HOLDING,  /* is to stop when those that require it have stopped */
  CEPA_PLUGIN_STOPPING,
  CEPA_PLUGIN_STOPPED,
  CEPA_PLUGIN_FAILED,
} CepaPluginState;

/* Returns: (transfer none): as the vocabulary says it: "running". */
const char *cepa_plugin_state_name (CepaPluginState state);

/* When the plugin has come to RUNNING, STOPPED, REFUSED or FAILED; @error: (nullable): it is not where it was asked to. */
typedef void (*CepaPluginSettledFunc) (gpointer user_data, const GError *error);

typedef struct
{
  gboolean to_run; /* what was asked for */
  CepaPluginSettledFunc func;
  gpointer user_data;
} CepaPluginWaiter;

struct _CepaHostPlugin
{
  CepaPluginHost *host;
  char *keyfile;              /* its path */
  CepaPluginFile *file;       /* (nullable): of a keyfile that was refused */
  CepaPluginProfile profile;
  CepaPluginState state;
  char *reason;               /* (nullable): why it is in this state */
  const CepaPlugin *module;   /* (nullable): until it is loaded; then for good */
  GHashTable *lines;          /* (element-type utf8 GPtrArray): what the torrc says for its options */
  GHashTable *values;         /* (nullable) (element-type utf8 GStrv): settled with @module */
  gpointer instance;          /* (nullable) */
  CepaHost services;
  guint64 task;               /* of the start or stop under way; 0 for none */
  GError *outcome;            /* (nullable): how the task that is over went */
  GError *failure;            /* (nullable): why it is being ended */
  CepaLoopWatch *deadline;          /* of the task */
  CepaLoopWatch *step;              /* what it said is acted on in a turn of its own */
  GHashTable *sources;        /* (element-type guint64 HostSource): timers and watches */
  GHashTable *violations;     /* (element-type utf8 guint): how often it broke which rule */
  GArray *waiters;            /* (element-type CepaPluginWaiter) */
  gpointer kind;              /* (nullable): of transport.c, padding.c, ...: made and freed by them with the instance */
};

const char *cepa_host_plugin_get_id (const CepaHostPlugin *self); /* (transfer none): the keyfile's path without one */
gboolean cepa_host_plugin_is_running (const CepaHostPlugin *self);

/* Where it is and why; tells the log and whoever watches the host. @reason: (nullable): a sentence. */
void cepa_host_plugin_set_state (CepaHostPlugin *self, CepaPluginState state, const char *reason);

/**
 * cepa_host_plugin_violated:
 * @rule: (transfer none): a short fixed name: "same-family", "wrong-thread"
 * @sentence: what it did, and what would be right
 *
 * Counts and logs that the plugin broke a rule.
 */
void cepa_host_plugin_violated (CepaHostPlugin *self, const char *rule, const char *sentence);

/* Stops it as failed for @reason (transfer none), as the plugin's own fail does. */
void cepa_host_plugin_fail (CepaHostPlugin *self, const GError *reason);

/* Turns what a plugin's function said into an error of ours with the plugin's id. @own: (nullable) */
void cepa_host_plugin_take_error (const CepaHostPlugin *self, const char *function, const GError *own, GError **error);

/* Begins, in plugin-life.c: load, make, start; stop, free. Progress is told by the state. The first for one that does
   not run, the other for one that runs or starts. */
void cepa_host_plugin_start (CepaHostPlugin *self);
void cepa_host_plugin_stop (CepaHostPlugin *self);

/* In services.c. */
void cepa_host_services_init (CepaHostPlugin *self);
/* Frees timers and watches; returns how many the plugin had left. */
guint cepa_host_services_clear (CepaHostPlugin *self);
/* Whether this is the protocol thread; counts it against the plugin and fails it from the loop when it is not. */
gboolean cepa_host_services_check_thread (CepaHostPlugin *self, const char *function);

static inline CepaHostPlugin *
cepa_host_plugin_from_services (const CepaHost *services)
{
  return services->context;
}

/**
 * CepaHostKind:
 * @make: before create: sets members of @services for its kind, and @kind
 * @running: start is complete: the core may use it
 * @ending: the core must use it no more; called before stop, also of one whose start has not ended
 * @gone: the instance is destroyed: frees @kind
 *
 * What a kind's file gives the life of plugins; each may be NULL.
 */
typedef struct
{
  void (*make) (CepaHostPlugin *self);
  void (*running) (CepaHostPlugin *self);
  void (*ending) (CepaHostPlugin *self);
  void (*gone) (CepaHostPlugin *self);
} CepaHostKind;

extern const CepaHostKind cepa_host_kind_path;      /* path.c */
extern const CepaHostKind cepa_host_kind_padding;   /* padding.c */
extern const CepaHostKind cepa_host_kind_transport; /* transport.c */
extern const CepaHostKind cepa_host_kind_control;   /* control.c */
extern const CepaHostKind cepa_host_kind_metrics;   /* metrics.c */

/* What the host holds of each kind; (transfer none). */
struct _CepaHostTransport *cepa_host_get_transport (CepaPluginHost *self);

G_END_DECLS
