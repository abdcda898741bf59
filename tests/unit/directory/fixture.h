/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory whose one server is in the same loop, for tests of it as a whole. */
#pragma once

#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "directory/cache.h"
#include "directory/directory.h"
#include "netdoc/maker.h"
#include "support/fake-dialer.h"
#include "support/fake-directory.h"
#include "support/log-capture.h"
#include "support/test-consensus.h"

#define CONSENSUS "/tor/status-vote/current/consensus-microdesc"
#define KEYS "/tor/keys/fp-sk/"
#define MICRO "/tor/micro/d/"
#define N_RELAYS 5

/* The network of these tests. */
extern const TestConsensus fixture_spec;

/* The fake server's clock, with another date. */
typedef struct
{
  CepaClock clock;
  gint64 later_s;
} TestClock;

typedef struct
{
  char *folder;
  GMainContext *context;
  FakeServer *server;
  FakeDirectory fake;
  FakeDialer *dialer;
  CepaChannelPool *pool;
  CepaBootstrap bootstrap;
  GPtrArray *authorities, *fallbacks;
  CepaDirectory *directory;
  CepaLoopWatch *deadline;
  char *consensus, *certificate, *microdescriptors;
  guint n_changed, n_described; /* calls; rows */
  TestClock clock;
  gint64 release_date_s;
  guint authority_delay_s, max_tries;
  CepaConsensusFlavour flavour;
  gboolean fetches_useless;
  char *shut_out;
} Fixture;

void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_tear_down (Fixture *self, gconstpointer data);

/* Another directory over the same folder; and the end of it, with all written. */
void fixture_new_directory (Fixture *self);
void fixture_free_directory (Fixture *self);

/* From now on the server has everything, and it is good. */
void fixture_serve (Fixture *self);

void fixture_turn (Fixture *self);
void fixture_wait_sufficient (Fixture *self);

/* A file of the cache; (transfer full) (nullable): NULL when it is not there. */
void fixture_put (Fixture *self, const char *name, const char *text);
char *fixture_read (Fixture *self, const char *name);

/* (transfer full): other bytes for one place of a consensus, of the same length. */
char *fixture_replaced (const char *text, const char *old, const char *new);

/* What the server gives at first, and that it is asked again until it gives something good. */
void fixture_check_gets_over (Fixture *self, const char *resource, const char *bad, const char *good, const char *logged);
