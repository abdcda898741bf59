/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of this folder have in common. */
#pragma once

#include <string.h>

#include "base/error.h"
#include "stream/stream.h"
#include "support/fake-relay.h"

#define WINDOW CEPA_STREAM_WINDOW
#define STEP CEPA_STREAM_WINDOW_STEP

typedef struct _Fixture Fixture;

/* A reader that writes down what it is told. */
typedef struct
{
  Fixture *fixture;
  CepaStream *stream; /* (nullable): NULL when it has ended */
  guint n_connected, n_data, n_batches, n_sendable, n_ended;
  gsize received, queued; /* bytes that it got, and that it tells the stream of */
  CepaConnected connected;
  CepaEnd end;
  gboolean is_greedy; /* sends as much as it can */
  const char *close_in, *close_circuit_in; /* (nullable): the name of a callback */
} Reader;

struct _Fixture
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaChannel *channel;
  FakeRelay *relay;
  CepaCircuit *circuit;
  CepaStreams *streams;
  guint n_closed;
  int code;
};

void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_finish (Fixture *self);
void fixture_tear_down (Fixture *self, gconstpointer data);
void fixture_pump (Fixture *self);
void fixture_begin (Fixture *self, Reader *reader);
guint16 fixture_id (Fixture *self, guint i);
void fixture_queue (Fixture *self, guint16 id, guint8 command, const void *data, gsize len);
void fixture_say (Fixture *self, guint16 id, guint8 command, const void *data, gsize len);
void fixture_queue_data (Fixture *self, guint16 id, guint n);
guint16 fixture_connect (Fixture *self, Reader *reader);
void fixture_check_violated (Fixture *self);
void fixture_check_open (Fixture *self);
guint fixture_count_sendmes (Fixture *self, guint16 id);

extern const CepaStreamFuncs reader_funcs;

void reader_sendable (gpointer user_data);
