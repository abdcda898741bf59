/* SPDX-License-Identifier: BSD-3-Clause */
/* What a forked process of a run does, and the messages in which it tells. */
#pragma once

#include "run.h"

G_BEGIN_DECLS

typedef enum
{
  CEPA_SIM_MESSAGE_ROWS = 1,   /* lines of CSV of a block's round */
  CEPA_SIM_MESSAGE_STEP,       /* a step is over; from worker 0 */
  CEPA_SIM_MESSAGE_RELAYS,     /* CepaSimRelay by number; from worker 0 */
  CEPA_SIM_MESSAGE_TALLY,      /* the end */
  CEPA_SIM_MESSAGE_ERROR,      /* a sentence: the end too */
} CepaSimMessageKind;

/* Before each message. */
typedef struct
{
  guint32 kind, reserved;
  guint64 len;
} CepaSimMessageHead;

/* Returns: how many rounds it takes until every block has drawn its paths of @step. */
guint64 cepa_sim_run_count_rounds (const CepaSimPlan *plan, guint step);

/* Does worker @number's share and writes what it finds to @fd. Returns: its exit status. */
int cepa_sim_worker_run (const CepaSimRun *run, guint number, guint n_workers, int fd);

G_END_DECLS
