/* SPDX-License-Identifier: BSD-3-Clause */
/* What is counted over the draws. Counts are whole numbers, so that it does not matter who counted which draws. */
#pragma once

#include <glib.h>

#include "plugin.h"
#include "scene.h"

G_BEGIN_DECLS

/* No draw of a client was seen at both ends. */
#define CEPA_SIM_NEVER G_MAXINT64

/* Over the paths that were drawn. */
typedef struct
{
  guint64 n_paths, n_refused;
  guint64 n_same_family;                   /* guard and exit */
  guint64 n_as_known, n_same_as;           /* paths with the AS of both; those where it is one */
  guint64 n_country_known, n_same_country; /* the same for countries */
  guint64 n_guard_seen, n_exit_seen, n_both_seen; /* by the adversary */
} CepaSimTotals;

/* Of one client. */
typedef struct
{
  gint64 first_both_s; /* when the adversary first saw both ends, since 1970; CEPA_SIM_NEVER */
  guint64 n_paths;
  guint32 n_guards;    /* different ones that it used */
  guint32 reserved;    /* 0: bytes of it are compared and sent */
} CepaSimClientTally;

typedef struct
{
  char reason[40];
  guint64 n;
} CepaSimReason;

typedef struct
{
  CepaSimTotals totals;
  guint n_relays;                  /* room in @counts and @expected */
  guint64 *counts[CEPA_N_PLACES];  /* by number of relay */
  double *expected[CEPA_N_PLACES]; /* the same, by weight alone; counted by one worker for all */
  guint n_clients;
  CepaSimClientTally *clients;
  GArray *reasons;                 /* (element-type CepaSimReason): of refusals, by name */
  guint first_refusal_block;       /* G_MAXUINT: none */
  char first_refusal[512];
} CepaSimTally;

CepaSimTally *cepa_sim_tally_new (guint n_clients);
void cepa_sim_tally_free (CepaSimTally *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimTally, cepa_sim_tally_free)

/* Makes room for relays with numbers below @n_relays. */
void cepa_sim_tally_grow (CepaSimTally *self, guint n_relays);

/* Counts a path of three hops. */
void cepa_sim_tally_add (CepaSimTally *self, const CepaSimScene *scene, const guint32 *hops, guint client, gint64 time_s);

/* Counts what an instance of @block refused, once at its end. */
void cepa_sim_tally_add_refusals (CepaSimTally *self, const CepaSimInstance *instance, guint block);

/* @n_paths draws were due in @scene's time: adds what would be expected of them. */
void cepa_sim_tally_expect (CepaSimTally *self, const CepaSimScene *scene, guint64 n_paths);

/* Returns: (transfer full): for cepa_sim_tally_merge() in a process of the same program. */
GBytes *cepa_sim_tally_pack (const CepaSimTally *self);

/* Adds what another counted, of as many clients. FALSE when @packed is no such thing. */
gboolean cepa_sim_tally_merge (CepaSimTally *self, const void *packed, gsize len);

G_END_DECLS
