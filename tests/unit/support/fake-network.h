/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's own parts from the channels to the pool of circuits, on a network that one fake server plays: a
   guard, a middle and two exits. */
#pragma once

#include "base/loop.h"
#include "path/circuits-watch.h"
#include "path/circuits.h"
#include "support/event-log.h"
#include "support/fake-dialer.h"
#include "support/fake-server.h"

G_BEGIN_DECLS

/* Rows of the consensus; identities ascend. What each is as a hop of fake_relay_get_hop() is behind it. */
enum
{
  FAKE_ROW_MIDDLE, /* 1 */
  FAKE_ROW_EXIT_A, /* 2: lets 80 and 443 through */
  FAKE_ROW_EXIT_B, /* 3: lets 80 through */
  FAKE_ROW_GUARD,  /* 0: the server itself */
  FAKE_N_ROWS
};

/* Nothing that a test waits for takes as long. */
#define FAKE_NETWORK_DEADLINE_S 25

/**
 * FakeNetwork:
 * @breaks_rules: the policy proposes paths that no one may use
 * @n_chosen: paths that it proposed, and with which exit
 * @n_refused: times that it found none
 * @events: what is told of channels and circuits
 * @results: (element-type CepaPathResult): what it was told
 */
typedef struct
{
  char *folder;
  GMainContext *context;
  FakeServer *server;
  FakeDialer *dialer;
  EventLog events;
  CepaChannelPool *pool;
  CepaBootstrap bootstrap;
  GPtrArray *authorities, *fallbacks;
  CepaDirectory *directory;
  CepaPathPolicies *policies; /* @policy is in use, no fallback */
  CepaPathPolicy policy;
  CepaCircuits *circuits;
  CepaLoopWatch *deadline;
  gboolean breaks_rules;
  guint n_chosen[FAKE_N_ROWS], n_refused;
  GArray *results;
} FakeNetwork;

/* Up to a directory that is sufficient, from a cache that is made here. The context is the thread's default. Circuits that
   are not built after ten seconds are given up; @config: (nullable): another one for them */
void fake_network_init (FakeNetwork *self);
void fake_network_init_with (FakeNetwork *self, const CepaCircuitsConfig *config);

/* @clock: the circuits' time, begun at fake_server_clock()'s; their timer waits in real time for what it says */
void fake_network_init_timed (FakeNetwork *self, const CepaCircuitsConfig *config, const CepaClock *clock);

/* What fake_network_init() gives the circuits. */
void fake_network_config_init (CepaCircuitsConfig *config);
void fake_network_clear (FakeNetwork *self);

/* One turn of the loop, which may wait; fails the test when the deadline has passed. */
void fake_network_turn (FakeNetwork *self);

/* Cells with @command that the server got on the links that are there. */
guint fake_network_count_cells (FakeNetwork *self, guint8 command);

/* Returns: (transfer full): what lets the network's circuits sleep, which they know already. */
CepaDormancy *fake_network_make_dormancy (FakeNetwork *self, const CepaDormancyConfig *config);

G_END_DECLS
