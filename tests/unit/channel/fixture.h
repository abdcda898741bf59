/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of this folder have in common. */
#pragma once

#include <string.h>

#include "base/error.h"
#include "channel/mux.h"
#include "support/fake-relay.h"
#include "support/log-capture.h"

/* A circuit that writes down what it is told. */
typedef struct
{
  CepaChannelCircuit base; /* first */
  guint n_opened, n_cells, n_batches, n_sendable, n_closed;
  guint8 last_command;
  int code; /* of the reason it was closed for */
  void (*act) (CepaChannelCircuit *self);
} Circuit;

typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaChannelTarget target;
  CepaChannel *channel;
  FakeRelay *relay;
  guint n_wants_write, n_closed;
} Fixture;

void fixture_wants_write (gpointer user_data);
void fixture_closed (gpointer user_data);
void fixture_set_up_version (Fixture *self, guint version);
void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_tear_down (Fixture *self, gconstpointer data);
void fixture_start (Fixture *self);
void fixture_open (Fixture *self);
void fixture_attach (Fixture *self, Circuit *circuit);
void fixture_check_refused (Fixture *self, int code);

extern const CepaChannelCircuitFuncs circuit_funcs;
