/* SPDX-License-Identifier: BSD-3-Clause */
/* What guards are, and what happens to them: for whoever watches, keeps or uses them. */
#pragma once

#include <glib.h>

#include "path/path-bias.h"

G_BEGIN_DECLS

typedef struct _CepaGuards CepaGuards;
typedef struct _CepaGuardTicket CepaGuardTicket;

/* What a guard is wanted for. */
typedef enum
{
  CEPA_GUARD_DATA,      /* a circuit of several hops: the guard's keys must be here */
  CEPA_GUARD_DIRECTORY, /* a circuit of one hop, to ask it for directory documents */
} CepaGuardKind;

/* The sets of guards that are kept apart (guard-spec 2). */
typedef enum
{
  CEPA_GUARDS_DEFAULT,
  CEPA_GUARDS_RESTRICTED, /* the user's options leave too few of the network's guards */
  CEPA_GUARDS_BRIDGES,
} CepaGuardsSelection;

#define CEPA_N_GUARDS_SELECTIONS 3

/* A bridge that the user has given. */
typedef struct
{
  guint8 rsa_id[20];
  char address[56];       /* "192.0.2.1:443", "[2001:db8::1]:443" */
  char nickname[20];      /* empty when it is not known */
  gboolean has_keys;      /* its descriptor is here */
} CepaGuardBridge;

/* What a guard is known to do. */
typedef enum
{
  CEPA_GUARD_MAYBE, /* not tried since the start, or long enough ago to try again */
  CEPA_GUARD_UP,
  CEPA_GUARD_DOWN,
} CepaGuardReachable;

/* A guard of a set, for those who watch. */
typedef struct
{
  guint8 rsa_id[20];
  char nickname[20];
  char bridge_address[56]; /* empty but for bridges */
  CepaGuardsSelection selection;
  gboolean is_current;     /* its set is the one in use */
  gboolean is_listed;      /* in the consensus, or among the user's bridges */
  gboolean is_filtered;    /* the user's options allow it */
  gint primary_index;      /* -1: not a primary guard */
  gint confirmed_index;    /* -1: never used */
  CepaGuardReachable reachable;
  gint64 sampled_on_s, confirmed_on_s, unlisted_since_s; /* since 1970, back-dated by chance; 0: not so */
  gint64 failing_since_s;  /* 0: not failing */
  CepaPathBias path_bias;
} CepaGuardInfo;

/* What happens to guards; C Tor's words for GUARD events. */
typedef enum
{
  CEPA_GUARD_EVENT_NEW,     /* it has been sampled */
  CEPA_GUARD_EVENT_UP,
  CEPA_GUARD_EVENT_DOWN,
  CEPA_GUARD_EVENT_BAD,     /* not usable any more: unlisted, barred, or dropped for its path bias */
  CEPA_GUARD_EVENT_GOOD,    /* usable again */
  CEPA_GUARD_EVENT_DROPPED, /* it has left the set */
} CepaGuardEvent;

/* Returns: (transfer none): "NEW" and so on. */
const char *cepa_guard_event_to_string (CepaGuardEvent event);

/* Returns: (transfer none): "default", "restricted", "bridges". */
const char *cepa_guards_selection_to_string (CepaGuardsSelection selection);

G_END_DECLS
