/* SPDX-License-Identifier: BSD-3-Clause */
/* What the pool of circuits is made of. Shared by circuits.c and the files whose names begin with circuits-. */
#pragma once

#include "base/loop.h"
#include "path/build-times.h"
#include "path/circuits-watch.h"
#include "path/circuits.h"
#include "path/failures.h"
#include "path/guards.h"
#include "path/predict.h"

G_BEGIN_DECLS

#define CEPA_CIRCUITS_N_HOPS 3
#define CEPA_CIRCUITS_MAX 256
/* Circuits may fail so often for one request. */
#define CEPA_CIRCUITS_MAX_TRIES 12
/* The same where only one exit will do: then any is better (C Tor's TRACKHOSTEXITS_RETRIES). */
#define CEPA_CIRCUITS_MAX_EXIT_TRIES 5
/* So many failures in a row are taken as bad luck; after that there are pauses. */
#define CEPA_CIRCUITS_FREE_FAILURES 4
#define CEPA_CIRCUITS_RETRY_US (G_USEC_PER_SEC / 4)
/* Circuits in a row that may fail beyond the same first relay before that one is blamed. */
#define CEPA_CIRCUITS_MAX_BEYOND_FIRST 3
/* Who waits for a circuit that takes longer than its timeout, but at least and at most so long, gets another one. */
#define CEPA_CIRCUITS_HEDGE_MIN_US (5 * G_USEC_PER_SEC)
#define CEPA_CIRCUITS_HEDGE_MAX_US (10 * G_USEC_PER_SEC)
/* A first relay of which nothing comes for so long after a circuit was begun is not waited for. */
#define CEPA_CIRCUITS_SILENT_US (15 * G_USEC_PER_SEC)
/* Circuits that may be launched at once, and how long it takes until one more may be. */
#define CEPA_CIRCUITS_BURST 128
#define CEPA_CIRCUITS_RATE_US (G_USEC_PER_SEC / 4)

/* A circuit of the pool. */
typedef struct
{
  CepaCircuits *pool;
  CepaCircuit *circuit;
  CepaStreams *streams; /* (nullable): once it is built and may be used */
  CepaGuardTicket *ticket; /* (nullable): without guards */
  char *isolation;      /* (nullable): NULL while it is clean */
  gint64 started_us;    /* its path was chosen */
  gint64 begun_us;      /* its first cell was sent; 0 before: the channel is not open */
  gboolean is_given;    /* a stream was to go over it */
  gint64 dirty_us;
  gint64 idle_until_us; /* while it is clean and open; 0 before */
  gboolean was_built;   /* every hop answered */
  gboolean is_dead;
  gboolean is_ours;     /* we close it, or have closed it */
  gboolean is_retired;  /* takes no new streams */
  gboolean is_broken;   /* and those that it has are lost */
  gboolean is_replaced; /* so because another policy is in use now */
  gboolean is_late;     /* it has taken longer than the timeout, and that was counted */
  gboolean is_measured; /* so it goes on for its time alone */
  gboolean is_apart;    /* it takes no streams, and stays until it is closed by its number */
  gboolean is_onion;    /* it is for @onion; CEPA_ONION_PREBUILT and not @is_apart: until it is taken for something */
  CepaOnionPurpose onion;
  gboolean is_extended; /* it was taken when it had been built, and made longer; @begun_us is when that was begun */
  CepaCircuitsUse told_use; /* as far as who watches knows */
  gboolean is_stable;   /* for long-lived streams: every relay is Stable, if there was such a path */
  gboolean is_counted;  /* its build time has been recorded */
  CepaStream *probe;    /* (nullable): asks whether it works, before it is closed */
  gint64 probe_until_us; /* 0: it was not asked */
  guint8 probe_address[4];
  CepaPath path;
  guint64 proposed_by;  /* the policy's term */
  guint64 version;      /* of the view that the path's rows are of */
} CepaPoolCircuit;

struct _CepaCircuitsRequest
{
  CepaCircuitsWish wish;
  char *isolation;
  gboolean is_stable;
  CepaCircuitsFunc func;
  gpointer user_data;
  guint tries;                /* circuits for it that failed */
  CepaPoolCircuit *waits_for; /* (nullable): being built */
};

/* Who asked for a new identity. */
typedef struct
{
  CepaCircuitsTakenFunc func; /* (nullable) */
  gpointer user_data;
} CepaCircuitsTaker;

struct _CepaCircuits
{
  const CepaClock *clock;
  CepaRandom *random;
  CepaChannelPool *channels;
  CepaDirectory *directory;
  CepaBootstrap *bootstrap;
  CepaPathPolicies *policies;
  CepaRestrictions *restrictions; /* (nullable) */
  CepaGuards *guards;             /* (nullable) */
  CepaCircuitsConfig config;
  CepaCircuitsWatch watch;
  gpointer watch_data;
  CepaFailures *failures;
  CepaBuildTimes *build_times;
  void (*keep) (gpointer user_data); /* (nullable) */
  gpointer keep_data;
  CepaDormancy *dormancy;         /* (nullable) */
  gboolean is_dormant;
  CepaPredict *predict;
  CepaVanguards *vanguards;
  gboolean is_stopped;
  GPtrArray *circuits; /* (element-type CepaPoolCircuit) */
  GPtrArray *dead;     /* (element-type CepaPoolCircuit): to be freed from the timer */
  GPtrArray *requests; /* (element-type CepaCircuitsRequest) */
  CepaLoopWatch *timer;
  gint64 retry_us;     /* after several failures nothing is tried before this */
  gint64 ahead_us;     /* nor is anything built ahead of use, for there was no path */
  gint64 rate_us;      /* the bucket of launches is full when this is now or earlier */
  gint64 test_us;      /* a circuit was last built for the sake of learning */
  guint n_failed;      /* in a row */
  gint64 identity_us;  /* the last new identity was taken */
  GArray *takers;      /* (element-type CepaCircuitsTaker): who waits for a new one; empty when none is wanted */
  guint64 n_identities;
  GHashTable *beyond;  /* (element-type utf8 guint): by first relay, failures in a row of later ones */
};

/* What a circuit that is to be built should be like. */
typedef struct
{
  guint16 port;
  gboolean ipv6, is_stable;
  guint n_avoid;
  const guint8 (*avoid)[20]; /* exits */
  const char *country;       /* (nullable): of the exit */
  const guint8 *exit;        /* (nullable): its RSA identity */
  gboolean is_internal;      /* it ends inside the network */
  const CepaOnionPurpose *onion; /* (nullable): it is for this; @exit is its target, where it has one */
} CepaCircuitsPlan;

G_END_DECLS
