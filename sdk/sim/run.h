/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole run: blocks spread over processes, and what they found put together in one order. */
#pragma once

#include <glib.h>

#include "archive.h"
#include "block.h"

G_BEGIN_DECLS

/* Paths that a block draws before the next one's turn: what is kept in memory for the CSV. */
#define CEPA_SIM_ROUND 65536

/**
 * CepaSimRun:
 * @first: the network of the archive's first consensus, made with @extras
 * @extras: countries and autonomous systems
 * @adversary: (nullable)
 * @n_workers: processes; more than blocks are not started
 * @csv_fd: where lines go; -1: nowhere
 * @csv_name: for messages
 * @progress: (nullable): called when the work on a consensus is over
 * @is_interrupted: (nullable): whether to give up; asked whenever something is waited for
 *
 * What is to be done; nothing of it changes meanwhile.
 */
typedef struct
{
  const CepaSimModel *model;
  const CepaSimArchive *archive;
  CepaNetwork *first;
  CepaExtras *extras;
  const CepaSimSet *adversary;
  guint n_workers;
  int csv_fd;
  const char *csv_name;
  void (*progress) (guint n_done, guint n_steps);
  gboolean (*is_interrupted) (void);
} CepaSimRun;

/* What came of it. */
typedef struct
{
  CepaSimTally *tally;
  GArray *relays; /* (element-type CepaSimRelay): by number */
} CepaSimOutcome;

void cepa_sim_outcome_free (CepaSimOutcome *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimOutcome, cepa_sim_outcome_free)

/**
 * cepa_sim_run:
 *
 * Each worker is a process forked from this one, with one thread: the SDK promises a plugin that its code runs in one
 * thread of a process, and says nothing of others. A plugin that crashes ends its worker, and the run with an error. Call it
 * from a process with one thread.
 *
 * Returns: (transfer full) (nullable): NULL with the error of a worker, CEPA_ERROR_FILE when lines cannot be written, or
 * CEPA_ERROR_CANCELLED.
 */
CepaSimOutcome *cepa_sim_run (const CepaSimRun *self, GError **error);

G_END_DECLS
