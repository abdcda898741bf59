/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks for how many paths, and when: the same whoever works on it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Clients are put together in at most so many blocks; a block is what one thread works on at a time. */
#define CEPA_SIM_MAX_BLOCKS 32

/* Every hour of the day. */
#define CEPA_SIM_ALL_HOURS 0xffffffu

/* A time in which users are active. */
typedef struct
{
  gint64 start_s;
  gint64 length_s;
} CepaSimSpan;

/* While one consensus is in use. */
typedef struct
{
  gint64 start_s, end_s;  /* since 1970 */
  GArray *spans;          /* (element-type CepaSimSpan): of hours of use, in order */
  gint64 active_s;        /* the sum of their lengths */
  gint64 active_before_s; /* of the steps before */
} CepaSimStep;

typedef struct
{
  guint n_steps;
  CepaSimStep *steps;
  guint n_clients, n_blocks, clients_per_block;
  guint64 n_paths;
  gint64 active_s; /* of all steps */
} CepaSimPlan;

/**
 * cepa_sim_plan_new:
 * @valid_after_s: (array length=n_steps): of the consensuses, ascending
 * @end_s: when the last one is out of use
 * @hours: bit N: users are active from N:00 to N+1:00 UTC
 * @clients_per_block: how many share an instance of the plugin; 0: as many as make at most CEPA_SIM_MAX_BLOCKS blocks
 * @n_paths: in all, where @rate is 0
 * @rate: paths that each client asks for in an hour of use
 *
 * Paths are spread evenly over clients and hours of use.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG when no time of use is in the consensuses' time, or
 * there are too many paths to count.
 */
CepaSimPlan *cepa_sim_plan_new (const gint64 *valid_after_s, guint n_steps, gint64 end_s, guint32 hours, guint n_clients,
                                guint clients_per_block, guint64 n_paths, guint rate, GError **error);
void cepa_sim_plan_free (CepaSimPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimPlan, cepa_sim_plan_free)

/* Returns: how many clients @block has, and the number of its first one. */
guint cepa_sim_plan_get_clients (const CepaSimPlan *self, guint block, guint *first);

/* Returns: how many paths the clients of @block ask for in @step. */
guint64 cepa_sim_plan_count (const CepaSimPlan *self, guint step, guint block);

/**
 * CepaSimCursor:
 *
 * Walks through the times of use of a step, forwards.
 */
typedef struct
{
  guint span;
  gint64 before_us; /* of use in the spans before */
} CepaSimCursor;

/* Returns: microseconds since 1970, @position_us into the times of use of @step; the position never goes back. */
gint64 cepa_sim_plan_time_us (const CepaSimPlan *self, guint step, CepaSimCursor *cursor, gint64 position_us);

G_END_DECLS
