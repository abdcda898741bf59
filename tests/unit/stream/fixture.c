/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
reader_act (Reader *self, const char *where)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  if (g_strcmp0 (self->close_in, where) == 0 && self->stream != NULL)
    cepa_stream_close (g_steal_pointer (&self->stream), CEPA_END_MISC);
  if (g_strcmp0 (self->close_circuit_in, where) == 0)
    cepa_circuit_close (self->fixture->circuit, reason);
}

static void
reader_connected (gpointer user_data, const CepaConnected *connected)
{
  Reader *self = user_data;

  self->n_connected++;
  self->connected = *connected;
  reader_act (self, "connected");
}

static void
reader_data (gpointer user_data, const guint8 *data, gsize len)
{
  Reader *self = user_data;

  for (gsize i = 0; i < len; i++)
    g_assert_cmpuint (data[i], ==, 'd');
  self->n_data++;
  self->received += len;
  reader_act (self, "data");
}

static void
reader_batch_end (gpointer user_data)
{
  Reader *self = user_data;

  self->n_batches++;
  if (self->stream != NULL)
    cepa_stream_note_queued (self->stream, self->queued);
  reader_act (self, "batch_end");
}

void
reader_sendable (gpointer user_data)
{
  static const guint8 data[64 * CEPA_RELAY_MAX_DATA];
  Reader *self = user_data;

  self->n_sendable++;
  while (self->is_greedy && cepa_stream_can_send (self->stream))
    cepa_stream_send (self->stream, data, sizeof data);
  reader_act (self, "sendable");
}

static void
reader_ended (gpointer user_data, const CepaEnd *end)
{
  Reader *self = user_data;

  self->n_ended++;
  self->end = *end;
  self->stream = NULL;
  reader_act (self, "ended");
}

const CepaStreamFuncs reader_funcs
  = { reader_connected, reader_data, reader_batch_end, reader_sendable, reader_ended };

static void
owner_opened (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit)
{
}

static void
owner_closed (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, const GError *reason)
{
  Fixture *self = user_data;

  self->n_closed++;
  self->code = reason->code;
}

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitOwner owner = { .opened = owner_opened, .closed = owner_closed, .user_data = self };
  CepaCircuitHop hop;

  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 1000, FAKE_NOW_S);
  cepa_random_seeded_init (&self->random, 1);
  fake_relay_get_hop (0, &hop);
  self->relay = fake_relay_new (5);
  self->channel = cepa_channel_new (&hop.target, &self->clock.clock, &self->random.random);
  cepa_channel_start_handshake (self->channel, self->relay->tls_certificate);
  self->circuit = cepa_circuit_new (1, &hop, 1, CEPA_CIRCUIT_WINDOW, FALSE, &self->random.random, &owner);
  cepa_circuit_build (self->circuit, self->channel);
  fake_relay_pump (self->relay, self->channel);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
  self->streams = cepa_streams_new (self->circuit, &self->random.random);
}

/* The end of the circuit, which all readers hear of: they are on the stack of the test. */
void
fixture_finish (Fixture *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_circuit_close (self->circuit, reason);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_finish (self);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
  cepa_streams_free (self->streams);
  cepa_circuit_unref (self->circuit);
  cepa_channel_unref (self->channel);
  fake_relay_free (self->relay);
}

void
fixture_pump (Fixture *self)
{
  fake_relay_pump (self->relay, self->channel);
}

void
fixture_begin (Fixture *self, Reader *reader)
{
  g_autoptr (GError) error = NULL;

  reader->fixture = self;
  reader->stream = cepa_streams_begin (self->streams, "example.com", 80, 1, &reader_funcs, reader, &error);
  g_assert_no_error (error);
  g_assert_nonnull (reader->stream);
  fixture_pump (self);
}

/* The stream id of the @i-th BEGIN. */
guint16
fixture_id (Fixture *self, guint i)
{
  return fake_relay_find_message (self->relay, CEPA_RELAY_BEGIN, i)->message.stream_id;
}

/* Queues a message of the relay, for the next batch. */
void
fixture_queue (Fixture *self, guint16 id, guint8 command, const void *data, gsize len)
{
  guint32 circuit_id = fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0)->circuit_id;

  fake_relay_send_message (self->relay, circuit_id, 0, command, id, data, len, NULL);
}

void
fixture_say (Fixture *self, guint16 id, guint8 command, const void *data, gsize len)
{
  fixture_queue (self, id, command, data, len);
  fixture_pump (self);
}

void
fixture_queue_data (Fixture *self, guint16 id, guint n)
{
  guint8 data[CEPA_RELAY_MAX_DATA];

  memset (data, 'd', sizeof data);
  for (guint i = 0; i < n; i++)
    fixture_queue (self, id, CEPA_RELAY_DATA, data, sizeof data);
}

/* One stream, connected. */
guint16
fixture_connect (Fixture *self, Reader *reader)
{
  guint n = fake_relay_count_messages (self->relay, CEPA_RELAY_BEGIN);
  guint16 id;

  fixture_begin (self, reader);
  id = fixture_id (self, n);
  fixture_say (self, id, CEPA_RELAY_CONNECTED, NULL, 0);
  g_assert_cmpuint (reader->n_connected, ==, 1);
  return id;
}

void
fixture_check_violated (Fixture *self)
{
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_cmpint (self->code, ==, CEPA_ERROR_PROTOCOL);
}

void
fixture_check_open (Fixture *self)
{
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
}

/* SENDMEs of streams; those of the circuit have id 0. */
guint
fixture_count_sendmes (Fixture *self, guint16 id)
{
  const FakeCell *cell;
  guint n = 0;

  for (guint i = 0; (cell = fake_relay_find_message (self->relay, CEPA_RELAY_SENDME, i)) != NULL; i++)
    n += cell->message.stream_id == id;
  return n;
}
