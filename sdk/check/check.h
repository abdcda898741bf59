/* SPDX-License-Identifier: BSD-3-Clause */
/* A run of cepa-plugin-check: rules, each in a process of its own, and what they find. */
#pragma once

#include <cepa/cepa.h>
#include <glib.h>

#include "fake-host.h"
#include "fake-network.h"

G_BEGIN_DECLS

/* How long the rules of the header give start and stop, by the simulated clock. */
#define CEPA_CHECK_START_US (10 * G_TIME_SPAN_SECOND)
#define CEPA_CHECK_STOP_US (1 * G_TIME_SPAN_SECOND)

typedef struct _CepaCheckShared CepaCheckShared;

/* What is checked, and how. */
typedef struct
{
  const char *module;       /* path of the .so */
  const char *keyfile;      /* path */
  GStrv options;            /* "name=value" */
  GStrv rules;              /* (nullable): names of those that call the plugin; NULL for all */
  const char *vocabulary;   /* introspection XML */
  guint deadline_s;         /* real time for one rule */
  gboolean is_slow;         /* under valgrind or sanitizers: times and allocations say nothing */
  const CepaPlugin *plugin; /* (nullable): NULL before it was loaded */
  CepaCheckShared *shared;
  guint n_rules, n_failed, n_skipped;
} CepaCheck;

/* A rule; @func says what it found by cepa_check_fail() and others. */
typedef struct
{
  const char *name;
  void (*func) (CepaCheck *check);
} CepaCheckRule;

CepaCheckShared *cepa_check_shared_new (void);

/* Runs a rule in a child process and prints the verdict. Returns: whether it was kept. */
gboolean cepa_check_run (CepaCheck *self, const CepaCheckRule *rule);

/* Prints how long calls took, and judges it. */
void cepa_check_judge_times (CepaCheck *self);

/* In a rule: it is broken. The first sentences are printed. */
void cepa_check_fail (CepaCheck *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* In a rule: it cannot be judged, and why. */
void cepa_check_skip (CepaCheck *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* In a rule: something to know that breaks nothing. */
void cepa_check_note (CepaCheck *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* In a rule: how many failures there are so far. */
guint cepa_check_get_n_failures (CepaCheck *self);

/* In a rule: around each call of the plugin, so that its name and time are known. @name: a literal. */
void cepa_check_begin_call (CepaCheck *self, const char *name);
void cepa_check_end_call (CepaCheck *self);

#define CEPA_CHECK_CALL(check, name, statement) \
  G_STMT_START \
  { \
    cepa_check_begin_call ((check), (name)); \
    statement; \
    cepa_check_end_call (check); \
  } \
  G_STMT_END

/* An instance of the plugin with a host of its own. */
typedef struct
{
  CepaCheck *check;
  CepaFakeHost *host;
  CepaFakeNetwork *network;
  void *self;
} CepaInstance;

/* Makes the host, and the instance with what the user said of its options. cepa_instance_prepare() makes the host alone,
   so that it can be changed before cepa_instance_create(). FALSE, with a failure, when create gives none. */
gboolean cepa_instance_init (CepaInstance *self, CepaCheck *check, guint64 seed);
void cepa_instance_prepare (CepaInstance *self, CepaCheck *check, guint64 seed);
gboolean cepa_instance_create (CepaInstance *self);

/* Starts it and waits until that is complete, or too late. FALSE, with a failure, when it does not work. */
gboolean cepa_instance_start (CepaInstance *self);

/* Calls start, and gives the task; 0 where there is no start. */
guint64 cepa_instance_begin_start (CepaInstance *self);

/* Calls stop and waits until that is complete; looks for what is left. */
void cepa_instance_stop (CepaInstance *self);
guint64 cepa_instance_begin_stop (CepaInstance *self);

/* Destroys it, lets what is left in the loop come, and reports what it did wrong. */
void cepa_instance_destroy (CepaInstance *self);

/* The same, without an instance: frees what prepare made. */
void cepa_instance_clear (CepaInstance *self);

/* Calls everything in the kind's table once, in a usual way, on an instance that was started. */
void cepa_instance_use (CepaInstance *self);

/* An error that the plugin set: FALSE, with a failure, when there is none, or it is not one of the SDK. */
gboolean cepa_check_error (CepaCheck *check, const char *call, const GError *error);

/* The rules of each file; a name of NULL is the end. */
extern const CepaCheckRule cepa_check_file_rules[];
extern const CepaCheckRule cepa_check_load_rules[];
extern const CepaCheckRule cepa_check_table_rules[];
extern const CepaCheckRule cepa_check_agreement_rules[];
extern const CepaCheckRule cepa_check_life_rules[];
extern const CepaCheckRule cepa_check_path_rules[];
extern const CepaCheckRule cepa_check_padding_rules[];
extern const CepaCheckRule cepa_check_transport_rules[];
extern const CepaCheckRule cepa_check_control_rules[];
extern const CepaCheckRule cepa_check_metrics_rules[];

/* What cepa_instance_use() does for each kind. */
void cepa_check_use_path (CepaInstance *instance);
void cepa_check_use_padding (CepaInstance *instance);
void cepa_check_use_transport (CepaInstance *instance);
void cepa_check_use_control (CepaInstance *instance);
void cepa_check_use_metrics (CepaInstance *instance);

G_END_DECLS
