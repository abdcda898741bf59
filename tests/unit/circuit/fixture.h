/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of this folder have in common. */
#pragma once

#include <string.h>

#include "base/error.h"
#include "circuit/circuit-private.h"
#include "support/fake-relay.h"

#define WINDOW CEPA_CIRCUIT_WINDOW
#define STEP CEPA_CIRCUIT_WINDOW_STEP

typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaChannel *channel;
  FakeRelay *relay;
  CepaCircuit *circuit;
  guint n_opened, n_closed;
  guint n_messages, n_data, n_batches, n_sendable, n_streams_closed;
  guint8 last_command;
  gsize last_len;
  GError *reason;
  gboolean close_in_opened, close_in_message, close_in_sendable, refuse_message;
} Fixture;

void fixture_close (Fixture *self);
void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_tear_down (Fixture *self, gconstpointer data);
void fixture_pump (Fixture *self);
void fixture_new_circuit (Fixture *self, guint n_hops, gboolean fast, guint window);
void fixture_open (Fixture *self, guint n_hops);
guint32 fixture_circuit_id (Fixture *self);
void fixture_say (Fixture *self, guint hop, guint8 command, guint16 stream_id, const void *data, gsize len);
void fixture_check_closed (Fixture *self, int code, gboolean destroys);
