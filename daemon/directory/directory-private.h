/* SPDX-License-Identifier: BSD-3-Clause */
/* What the directory consists of, for its own files. What they do for each other is in parts-private.h. */
#pragma once

#include <gio/gio.h>

#include "base/loop.h"
#include "directory/cache.h"
#include "directory/directory.h"
#include "directory/fetch.h"
#include "directory/flavour.h"
#include "directory/load.h"
#include "directory/schedule.h"

/* Of a decoded answer, bytes. */
#define CEPA_DIRECTORY_MAX_CONSENSUS (32 * 1024 * 1024)
#define CEPA_DIRECTORY_MAX_CERTIFICATES (1024 * 1024)
#define CEPA_DIRECTORY_MAX_DESCRIPTORS (8 * 1024 * 1024)

/* What waits of no length count as, so that they can grow; shorter in private networks. */
#define CEPA_DIRECTORY_UNIT_US G_USEC_PER_SEC
#define CEPA_DIRECTORY_TESTING_UNIT_US (G_USEC_PER_SEC / 10)

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
  GBytes *digests;     /* (nullable): of the descriptors it asks for, 32 bytes each */
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
  const CepaFlavour *flavour;
  CepaDirectory *aside; /* (nullable) (owned): of the other flavour */
  CepaDirectory *main;  /* (nullable): whose @aside this is: then nobody waits for it, and it has no bootstrap */
  CepaDirectoryFuncs funcs;
  CepaDirectoryTotals own_totals, *totals; /* these three, of @main and @aside, are @main's */
  CepaSkew own_skew, *skew;
  CepaServers *servers;
  const CepaDirectoryGuards *guards; /* (nullable) */
  CepaCache *cache;
  CepaLoopWatch *timer;         /* the next step */
  GCancellable *cancellable;
  GPtrArray *requests;    /* (element-type CepaDirectoryRequest) */
  guint n_workers;        /* loads under way */
  guint32 last_number;    /* of a circuit */
  CepaBackoff backoff[CEPA_DIRECTORY_N_KINDS]; /* after failures, but for consensuses while there is none */
  CepaLoadSupplement supplement; /* for the network in use and every later one */
  gboolean is_supplementing;     /* a worker is at it for the one in use */
  gint64 next_retry_us;   /* monotonic: of cepa_directory_retry() */
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

  /* descriptors.c */
  GPtrArray *descriptors;      /* (element-type GBytes): the texts that the network was made of */
  GPtrArray *mapped;           /* (element-type GBytes): those of them, and of others, that are maps of files */
  GHashTable *awaited;         /* (element-type guint8[32]): what is asked for, or is in answers that are to be read */
  GQueue unread;               /* answers; the first of them is with the worker, or is given to the table */
  gboolean is_reading;         /* there is such a first one */
  CepaLoopWatch *taker;        /* gives it to the table, some of it each turn */
  const CepaConsensus *compacting; /* (nullable): whose descriptors a worker puts together; not a reference */
  gint64 last_asked_us;        /* monotonic: for descriptors */
  gboolean is_sufficient;
};
