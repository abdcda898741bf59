/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of the directory, for its own files: requests.c, consensus.c, certificates.c, microdescriptors.c. */
#pragma once

#include <gio/gio.h>

#include "directory/cache.h"
#include "directory/directory.h"
#include "directory/fetch.h"
#include "directory/load.h"
#include "directory/schedule.h"

/* Of a decoded answer, bytes. */
#define CEPA_DIRECTORY_MAX_CONSENSUS (32 * 1024 * 1024)
#define CEPA_DIRECTORY_MAX_CERTIFICATES (1024 * 1024)
#define CEPA_DIRECTORY_MAX_MICRODESCRIPTORS (8 * 1024 * 1024)

/* What waits of no length count as, so that they can grow; shorter in private networks. */
#define CEPA_DIRECTORY_UNIT_US G_USEC_PER_SEC
#define CEPA_DIRECTORY_TESTING_UNIT_US (G_USEC_PER_SEC / 4)

/* Until the next step when none is due. */
#define CEPA_DIRECTORY_NEVER ((gint64) -1)

/* What the next consensus can be a diff from: the one in use, or one that is too old for that. */
typedef struct
{
  GBytes *text; /* (nullable): NULL: there is none */
  guint8 digest[32];
  gint64 after_s, fresh_s;
  gint64 max_age_s; /* param try-diff-for-consensus-newer-than */
} CepaDirectoryBase;

/* A consensus that came, until it has been checked. */
typedef struct
{
  CepaDirectory *directory;
  guint8 server[20];
  char *origin; /* for messages */
  gsize size;   /* of what came, unpacked */
} CepaDirectoryArrival;

/* A request under way. */
typedef struct
{
  CepaDirectoryKind kind;
  CepaDirectory *directory;
  CepaFetch *fetch;
  guint8 server[20];
  GHashTable *digests; /* (nullable) (element-type GBytes): the microdescriptors it asks for */
  gboolean is_asked;   /* the question is out */
  gint64 answer_s;     /* wall clock: when the answer began */
  gpointer ticket;     /* (nullable): of a directory guard */
} CepaDirectoryRequest;

struct _CepaDirectory
{
  GMainContext *context;
  const CepaClock *clock;
  CepaRandom *random;
  CepaChannelPool *channels;
  CepaBootstrap *bootstrap;
  CepaDirectoryConfig config;
  CepaDirectoryFuncs funcs;
  CepaDirectoryTotals totals;
  CepaSkew skew;
  CepaServers *servers;
  const CepaDirectoryGuards *guards; /* (nullable) */
  CepaCache *cache;
  GSource *timer;         /* the next step */
  GCancellable *cancellable;
  GPtrArray *requests;    /* (element-type CepaDirectoryRequest) */
  guint n_workers;        /* loads under way */
  guint32 last_number;    /* of a circuit */
  CepaBackoff backoff[CEPA_DIRECTORY_N_KINDS]; /* after failures, but for consensuses while there is none */
  CepaLoadSupplement supplement; /* for the network in use and every later one */
  gboolean is_supplementing;     /* a worker is at it for the one in use */
  gboolean is_loaded;     /* the cache has been read */
  gboolean is_stopped;
  gboolean is_dormant;

  /* consensus.c */
  CepaNetwork *network;   /* (nullable) */
  gboolean is_live;       /* the network is not too old to be used */
  CepaDirectoryBase base;
  gboolean no_diffs;      /* the last one was wrong: the next one whole */
  CepaBackoff fallback_tries, authority_tries; /* while there is none: when to ask one more */
  gint64 next_consensus_s;
  guint n_arrivals;       /* consensuses that are being checked */
  CepaDirectoryArrival *waiting; /* (nullable): whose certificates are missing */
  GBytes *waiting_text;   /* (nullable) */
  gboolean has_unverified; /* its file is there */
  char *warned_protocols; /* (nullable): recommended ones that were missing */

  /* certificates.c */
  GPtrArray *certificates;      /* (element-type CepaKeyCertificate) */
  GArray *missing_certificates; /* (nullable) (element-type CepaKeyCertificateId) */
  guint cert_tries;             /* for them */

  /* microdescriptors.c */
  GPtrArray *microdescriptors; /* (element-type GBytes): the texts that the network was made of */
  GPtrArray *mapped;           /* (element-type GBytes): those of them, and of others, that are maps of files */
  GPtrArray *arriving;         /* (element-type GHashTable): what was asked for with answers that are to be read */
  GQueue unread;               /* answers that wait for the worker: one at a time, so that a turn takes one */
  gboolean is_reading;
  const CepaConsensus *compacting; /* (nullable): whose microdescriptors a worker puts together; not a reference */
  gint64 last_asked_us;        /* monotonic: for microdescriptors */
  gboolean is_sufficient;
};

/* directory.c */

/* Does what is due, and sets the timer for what is due next. */
void cepa_directory_step (CepaDirectory *self);
void cepa_directory_log_problems (const GPtrArray *problems);

/* A failure of this kind: the next request waits longer. */
void cepa_directory_note_failure (CepaDirectory *self, CepaDirectoryKind kind);

/* supplement.c */

/* When the network in use has been made without what is to be beside its rows, a worker sees to it. */
void cepa_directory_check_supplement (CepaDirectory *self);

/* requests.c */

/* Asks for @resource; FALSE when there is nobody to ask. @digests: (transfer full) (nullable) */
gboolean cepa_directory_ask (CepaDirectory *self, CepaDirectoryKind kind, CepaServersKind whom, const char *resource,
                             const char *headers, gsize max_size, GHashTable *digests);
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

/* microdescriptors.c */

gint64 cepa_directory_step_microdescriptors (CepaDirectory *self);

void cepa_directory_free_microdescriptors (CepaDirectory *self);

/* Gives back the memory of mapped files, which a worker or somebody who asked has read. */
void cepa_directory_forget_pages (CepaDirectory *self);

/* @asked: (transfer none) */
void cepa_directory_got_microdescriptors (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server,
                                          GHashTable *asked);

/* Sees whether there are enough of them, and says so to bootstrap. */
void cepa_directory_report_descriptors (CepaDirectory *self);
