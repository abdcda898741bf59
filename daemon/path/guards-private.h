/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the guards share. Never leaves this folder. */
#pragma once

#include <string.h>

#include "path/guards.h"

G_BEGIN_DECLS

#define GUARDS_DAY_S G_GINT64_CONSTANT (86400)
/* No state file has more guards. */
#define GUARDS_MAX 4096

typedef struct _GuardSet GuardSet;

/* A member of SAMPLED_GUARDS (guard-spec 4.1). */
typedef struct
{
  GuardSet *set;
  guint8 rsa_id[20];
  char nickname[20];
  char bridge_address[56];
  char *sampled_by;  /* (nullable): version of the program that sampled it */
  GVariant *extra;   /* (nullable): a{sv} that a later version wrote into the state file */
  gint64 sampled_on_s, confirmed_on_s, unlisted_since_s; /* 0: never */
  gint confirmed_index; /* in the order of confirmation; -1: not confirmed */
  gboolean is_listed;
  CepaPathBias bias;
  /* Not kept: */
  guint64 order;     /* of sampling */
  CepaGuardReachable reachable;
  gint64 failing_since_s, last_tried_s; /* 0: never */
  guint n_pending;   /* tickets that are out to see whether it works */
  gboolean is_filtered, was_filtered, is_primary;
  gint row;          /* of the network; -1: it has none */
  gboolean has_keys;
} Guard;

/* One of the sets that are kept apart. */
struct _GuardSet
{
  CepaGuardsSelection kind;
  GPtrArray *sampled;   /* (element-type Guard): in the order of sampling; owns them */
  GPtrArray *confirmed; /* (element-type Guard): in the order of sampling (proposal 310) */
  GPtrArray *primary;   /* (element-type Guard): in the order of sampling */
  gboolean is_primary_stale;
  gboolean is_exhausted; /* no relay of the network as it is could be sampled besides */
  guint64 next_order;
};

/* Consensus parameters and options, settled (guard-spec A.1). */
typedef struct
{
  gint32 max_sample_percent, max_sample, min_filtered;
  gint64 unlisted_s, lifetime_s, confirmed_s;
  gint32 n_primary, n_data, n_directory;
  gint64 internet_down_s, connect_timeout_us, idle_timeout_us;
  gint32 meaningful_percent, extreme_percent;
} GuardParams;

struct _CepaGuards
{
  const CepaClock *clock;
  CepaRandom *random;
  CepaGuardsConfig config;
  const CepaGuardsFuncs *funcs; /* (nullable) */
  gpointer user_data;
  CepaNetwork *network; /* (nullable) */
  guint8 *barred;       /* (nullable): by row */
  GArray *bridges;      /* (element-type CepaGuardBridge) */
  GuardSet sets[CEPA_N_GUARDS_SELECTIONS];
  GuardSet *current;
  gboolean has_chosen;  /* which set to use, by a network or by the options */
  gboolean has_warned_extreme;
  guint n_guards;       /* how many relays (or bridges) of the network the current set could sample */
  GuardParams params;
  CepaPathBiasLimits limits;
  GPtrArray *tickets;   /* (element-type CepaGuardTicket): not owned */
  gint64 last_internet_s; /* 0: never */
};

/* guards.c */
void cepa_guards_tell_changed (CepaGuards *self);
void cepa_guards_tell (CepaGuards *self, CepaGuardEvent event, const Guard *guard);
void cepa_guards_forget_guard (CepaGuards *self, Guard *guard); /* tickets of it are good for nothing any more */
Guard *cepa_guard_set_find (const GuardSet *set, const guint8 rsa_id[20]);
/* Appends it to the sample; the caller fills the rest in. Returns: (transfer none) */
Guard *cepa_guard_set_add (GuardSet *set, const guint8 rsa_id[20]);
void cepa_guard_set_clear (CepaGuards *self, GuardSet *set);
/* Makes confirmed indices dense and the list of confirmed guards anew. */
void cepa_guard_set_sort_confirmed (GuardSet *set);
const char *cepa_guard_describe (const Guard *guard, char out[64]);

/* guards-sets.c */
void cepa_guards_settle_params (CepaGuards *self);
void cepa_guards_choose_set (CepaGuards *self);
void cepa_guards_refresh (CepaGuards *self); /* everything that follows from network, options and time */
void cepa_guards_filter (CepaGuards *self, GuardSet *set);
void cepa_guards_ensure_sample (CepaGuards *self, GuardSet *set);
void cepa_guards_ensure_primary (CepaGuards *self, GuardSet *set);
void cepa_guards_confirm (CepaGuards *self, Guard *guard);
void cepa_guards_consider_retry (CepaGuards *self, Guard *guard);
gint64 cepa_guards_back_date (CepaGuards *self, gint64 most_s); /* now, or up to @most_s before */

static inline gboolean
cepa_guard_is_usable (const Guard *guard)
{
  return guard->is_filtered && guard->reachable != CEPA_GUARD_DOWN;
}

G_END_DECLS
