/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on a circuit of one hop through a relay that says what the test wants. */
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

static void
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

static const CepaStreamFuncs reader_funcs
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

static void
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
static void
fixture_finish (Fixture *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_circuit_close (self->circuit, reason);
}

static void
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

static void
fixture_pump (Fixture *self)
{
  fake_relay_pump (self->relay, self->channel);
}

static void
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
static guint16
fixture_id (Fixture *self, guint i)
{
  return fake_relay_find_message (self->relay, CEPA_RELAY_BEGIN, i)->message.stream_id;
}

/* Queues a message of the relay, for the next batch. */
static void
fixture_queue (Fixture *self, guint16 id, guint8 command, const void *data, gsize len)
{
  guint32 circuit_id = fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0)->circuit_id;

  fake_relay_send_message (self->relay, circuit_id, 0, command, id, data, len, NULL);
}

static void
fixture_say (Fixture *self, guint16 id, guint8 command, const void *data, gsize len)
{
  fixture_queue (self, id, command, data, len);
  fixture_pump (self);
}

static void
fixture_queue_data (Fixture *self, guint16 id, guint n)
{
  guint8 data[CEPA_RELAY_MAX_DATA];

  memset (data, 'd', sizeof data);
  for (guint i = 0; i < n; i++)
    fixture_queue (self, id, CEPA_RELAY_DATA, data, sizeof data);
}

/* One stream, connected. */
static guint16
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

static void
fixture_check_violated (Fixture *self)
{
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_cmpint (self->code, ==, CEPA_ERROR_PROTOCOL);
}

static void
fixture_check_open (Fixture *self)
{
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
}

/* SENDMEs of streams; those of the circuit have id 0. */
static guint
fixture_count_sendmes (Fixture *self, guint16 id)
{
  const FakeCell *cell;
  guint n = 0;

  for (guint i = 0; (cell = fake_relay_find_message (self->relay, CEPA_RELAY_SENDME, i)) != NULL; i++)
    n += cell->message.stream_id == id;
  return n;
}

/* ---- beginning ---- */

static void
test_begin (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 body[] = "example.com:80\0\0\0\0\1";
  const FakeCell *begin;
  Reader reader = { 0 };
  guint16 id;

  fixture_begin (self, &reader);
  begin = fake_relay_find_message (self->relay, CEPA_RELAY_BEGIN, 0);
  g_assert_cmpmem (begin->message.data, begin->message.len, body, sizeof body - 1);
  id = begin->message.stream_id;
  g_assert_cmpuint (id, !=, 0);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 1);
  fixture_say (self, id, CEPA_RELAY_CONNECTED, "\300\0\2\1\0\0\0\74", 8);
  g_assert_cmpuint (reader.n_connected, ==, 1);
  g_assert_cmpmem (reader.connected.address, reader.connected.address_len, "\300\0\2\1", 4);
  g_assert_cmpuint (reader.connected.ttl_s, ==, 60);
  fixture_queue_data (self, id, 3);
  fixture_pump (self);
  g_assert_cmpuint (reader.n_data, ==, 3);
  g_assert_cmpuint (reader.received, ==, 3 * CEPA_RELAY_MAX_DATA);
  g_assert_cmpuint (reader.n_batches, ==, 1);
  g_assert_cmpuint (reader.n_ended, ==, 0);
  fixture_finish (self);
}

static void
test_begin_dir (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Reader reader = { .fixture = self };

  reader.stream = cepa_streams_begin (self->streams, NULL, 0, 0, &reader_funcs, &reader, &error);
  g_assert_no_error (error);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_find_message (self->relay, CEPA_RELAY_BEGIN_DIR, 0)->message.len, ==, 0);
  fixture_finish (self);
}

static void
test_begin_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *long_name = g_strnfill (500, 'a');
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_streams_begin (self->streams, long_name, 80, 0, &reader_funcs, NULL, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_BEGIN), ==, 0);
}

static void
test_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (NULL, NULL);
  Reader readers[300] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    {
      guint16 id = fixture_connect (self, &readers[i]);

      g_assert_cmpuint (id, !=, 0);
      g_assert_true (g_hash_table_add (ids, GUINT_TO_POINTER (id)));
    }
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, G_N_ELEMENTS (readers));
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
      fixture_queue_data (self, fixture_id (self, i), 1);
  fixture_pump (self);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    {
      g_assert_cmpuint (readers[i].n_data, ==, 2);
      g_assert_cmpuint (readers[i].n_batches, ==, 1);
      fixture_queue (self, fixture_id (self, i), CEPA_RELAY_END, "\6", 1);
    }
  fixture_pump (self);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_assert_cmpuint (readers[i].n_ended, ==, 1);
  fixture_check_open (self);
  fixture_finish (self);
}

/* Every id but 0 is used before there is none, and one that is free again is found. */
static void
test_ids_used_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree Reader *readers = g_new0 (Reader, 65536);
  g_autoptr (GError) error = NULL;
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  CepaStream *stream;
  guint n = 0;

  while ((stream = cepa_streams_begin (self->streams, "a", 1, 0, &reader_funcs, &readers[n], &error)) != NULL)
    {
      readers[n].fixture = self;
      readers[n++].stream = stream;
      if (n % 1000 == 0)
        fixture_pump (self);
      g_assert_cmpuint (n, <=, 65535);
    }
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
  g_assert_cmpuint (n, ==, 65535);
  g_clear_error (&error);
  fixture_pump (self);
  g_assert_cmpuint (output->len, ==, 0);
  fixture_say (self, 77, CEPA_RELAY_END, "\1", 1);
  stream = cepa_streams_begin (self->streams, "b", 1, 0, &reader_funcs, &readers[0], &error);
  g_assert_no_error (error);
  fixture_pump (self);
  g_assert_cmpuint (fixture_id (self, 65535), ==, 77);
  fixture_finish (self);
}

/* An id that we ended is not used again while the other end may still speak of it. */
static void
test_ids_of_half_closed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < 256; i++)
    {
      Reader reader = { 0 };

      fixture_begin (self, &reader);
      g_assert_true (g_hash_table_add (ids, GUINT_TO_POINTER (fixture_id (self, i))));
      cepa_stream_close (reader.stream, CEPA_END_MISC);
    }
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
  fixture_check_open (self);
  fixture_finish (self);
}

/* ---- what breaks the rules ---- */

static void
test_connected_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_say (self, fixture_connect (self, &reader), CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_check_violated (self);
  g_assert_cmpuint (reader.n_connected, ==, 1);
  g_assert_cmpuint (reader.n_ended, ==, 1);
  g_assert_cmpuint (reader.end.reason, ==, CEPA_END_DESTROY);
  fixture_finish (self);
}

static void
test_connected_malformed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_begin (self, &reader);
  fixture_say (self, fixture_id (self, 0), CEPA_RELAY_CONNECTED, "\1\2\3", 3);
  fixture_check_violated (self);
  g_assert_cmpuint (reader.n_connected, ==, 0);
  fixture_finish (self);
}

static void
test_data_before_connected (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_begin (self, &reader);
  fixture_queue_data (self, fixture_id (self, 0), 1);
  fixture_check_violated (self);
  g_assert_cmpuint (reader.n_data, ==, 0);
  g_assert_cmpuint (reader.n_ended, ==, 1);
  fixture_finish (self);
}

static void
test_resolved (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_say (self, fixture_connect (self, &reader), CEPA_RELAY_RESOLVED, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_end_empty (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_say (self, fixture_connect (self, &reader), CEPA_RELAY_END, NULL, 0);
  fixture_check_violated (self);
  g_assert_cmpuint (reader.n_ended, ==, 1);
  g_assert_cmpuint (reader.end.reason, ==, CEPA_END_DESTROY);
  fixture_finish (self);
}

static void
test_end_reasons (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint reason = 0; reason < 256; reason++)
    {
      guint8 body = (guint8) reason;
      Reader reader = { 0 };

      fixture_begin (self, &reader);
      fixture_say (self, fixture_id (self, reason), CEPA_RELAY_END, &body, 1);
      g_assert_cmpuint (reader.n_ended, ==, 1);
      g_assert_cmpuint (reader.end.reason, ==, reason);
    }
  fixture_check_open (self);
  fixture_finish (self);
}

static void
test_end_with_address (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_begin (self, &reader);
  fixture_say (self, fixture_id (self, 0), CEPA_RELAY_END, "\4\300\0\2\7\0\0\0\12", 9);
  g_assert_cmpuint (reader.end.reason, ==, CEPA_END_EXITPOLICY);
  g_assert_cmpmem (reader.end.address, reader.end.address_len, "\300\0\2\7", 4);
  fixture_finish (self);
}

/* What has come before END is given first, and END ends the batch of the stream. */
static void
test_data_then_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  fixture_queue_data (self, id, 4);
  fixture_queue (self, id, CEPA_RELAY_END, "\6", 1);
  /* Both ends have ended it now: the rest is nothing to anybody. */
  fixture_queue_data (self, id, 2);
  fixture_queue (self, id, CEPA_RELAY_END, "\6", 1);
  fixture_queue (self, id, CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_queue (self, id, CEPA_RELAY_SENDME, NULL, 0);
  fixture_check_open (self);
  g_assert_cmpuint (reader.n_data, ==, 4);
  g_assert_cmpuint (reader.n_batches, ==, 0);
  g_assert_cmpuint (reader.n_ended, ==, 1);
  g_assert_cmpuint (reader.end.reason, ==, CEPA_END_DONE);
  fixture_finish (self);
}

/* ---- half-closed ---- */

static guint16
fixture_half_close (Fixture *self, Reader *reader)
{
  guint16 id = fixture_connect (self, reader);

  cepa_stream_close (g_steal_pointer (&reader->stream), CEPA_END_MISC);
  fixture_pump (self);
  return id;
}

static void
test_close_sends_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *end;
  Reader reader = { 0 };
  guint16 id = fixture_half_close (self, &reader);

  end = fake_relay_find_message (self->relay, CEPA_RELAY_END, 0);
  g_assert_cmpuint (end->message.stream_id, ==, id);
  g_assert_cmpmem (end->message.data, end->message.len, "\1", 1);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
  g_assert_cmpuint (reader.n_ended, ==, 0);
  fixture_finish (self);
}

/* All that an exit may have sent before it heard of the end, and not one cell more. */
static void
test_late_data (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };
  guint16 id = fixture_half_close (self, &reader);

  fixture_queue_data (self, id, WINDOW);
  fixture_check_open (self);
  g_assert_cmpuint (reader.n_data, ==, 0);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 0);
  fixture_queue_data (self, id, 1);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_late_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };
  guint16 id = fixture_half_close (self, &reader);

  fixture_say (self, id, CEPA_RELAY_END, "\6", 1);
  fixture_queue_data (self, id, WINDOW + 1); /* of a stream that is no more */
  fixture_check_open (self);
  g_assert_cmpuint (reader.n_ended, ==, 0);
  fixture_finish (self);
}

static void
test_late_end_empty (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_say (self, fixture_half_close (self, &reader), CEPA_RELAY_END, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_late_sendme (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 bytes[STEP * CEPA_RELAY_MAX_DATA] = { 0 };
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  g_assert_cmpuint (cepa_stream_send (reader.stream, bytes, sizeof bytes), ==, sizeof bytes);
  cepa_stream_close (g_steal_pointer (&reader.stream), CEPA_END_MISC);
  fixture_say (self, id, CEPA_RELAY_SENDME, NULL, 0);
  fixture_check_open (self);
  fixture_say (self, id, CEPA_RELAY_SENDME, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

/* We gave up before the exit answered; its answer and data may be on their way. */
static void
test_late_connected (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };
  guint16 id;

  fixture_begin (self, &reader);
  id = fixture_id (self, 0);
  cepa_stream_close (g_steal_pointer (&reader.stream), CEPA_END_MISC);
  fixture_queue (self, id, CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_queue_data (self, id, 3);
  fixture_check_open (self);
  g_assert_cmpuint (reader.n_connected, ==, 0);
  fixture_say (self, id, CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_late_data_before_connected (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_begin (self, &reader);
  cepa_stream_close (g_steal_pointer (&reader.stream), CEPA_END_MISC);
  fixture_queue_data (self, fixture_id (self, 0), 1);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_late_connected_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_say (self, fixture_half_close (self, &reader), CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

/* The oldest of very many are forgotten; what comes for them does no harm. */
static void
test_half_closed_limit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < 300; i++)
    {
      Reader reader = { 0 };

      fixture_half_close (self, &reader);
    }
  fixture_queue_data (self, fixture_id (self, 0), WINDOW + 1);
  fixture_check_open (self);
  fixture_queue_data (self, fixture_id (self, 299), WINDOW);
  fixture_check_open (self);
  fixture_queue_data (self, fixture_id (self, 299), 1);
  fixture_check_violated (self);
  fixture_finish (self);
}

static void
test_unknown_stream (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 commands[] = { CEPA_RELAY_DATA, CEPA_RELAY_END, CEPA_RELAY_CONNECTED, CEPA_RELAY_SENDME,
                                     CEPA_RELAY_RESOLVED };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fixture_say (self, 500, commands[i], NULL, 0);
  fixture_check_open (self);
}

/* ---- windows ---- */

static void
test_sendmes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  fixture_queue_data (self, id, STEP - 1);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 0);
  fixture_queue_data (self, id, 1);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 1);
  g_assert_cmpuint (fake_relay_find_message (self->relay, CEPA_RELAY_SENDME, 0)->message.len, ==, 0);
  fixture_queue_data (self, id, 5 * STEP);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 6);
  /* As much as it likes in the end. */
  for (guint i = 0; i < 30; i++)
    {
      fixture_queue_data (self, id, STEP);
      fixture_pump (self);
    }
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 36);
  g_assert_cmpuint (reader.n_data, ==, 36 * STEP);
  fixture_check_open (self);
  fixture_finish (self);
}

/* A reader that holds data gets no SENDMEs sent for it: the other end stops at the window. */
static void
test_reader_holds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { .queued = CEPA_STREAM_MAX_QUEUED + 1 };
  guint16 id = fixture_connect (self, &reader);

  for (guint i = 0; i < 10; i++)
    {
      fixture_queue_data (self, id, STEP);
      fixture_pump (self);
    }
  g_assert_cmpuint (reader.n_data, ==, WINDOW);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 0);
  /* The circuit does not wait for it. */
  g_assert_cmpuint (fixture_count_sendmes (self, 0), ==, WINDOW / CEPA_CIRCUIT_WINDOW_STEP);
  cepa_stream_note_queued (reader.stream, CEPA_STREAM_MAX_QUEUED + 1);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, 0);
  cepa_stream_note_queued (reader.stream, CEPA_STREAM_MAX_QUEUED);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, WINDOW / STEP);
  cepa_stream_note_queued (reader.stream, 0);
  fixture_pump (self);
  g_assert_cmpuint (fixture_count_sendmes (self, id), ==, WINDOW / STEP);
  fixture_finish (self);
}

static void
test_beyond_deliver_window (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { .queued = G_MAXSIZE };
  guint16 id = fixture_connect (self, &reader);

  fixture_queue_data (self, id, WINDOW);
  fixture_check_open (self);
  fixture_queue_data (self, id, 1);
  fixture_check_violated (self);
  g_assert_cmpuint (reader.n_data, ==, WINDOW);
  g_assert_cmpuint (reader.n_ended, ==, 1);
  fixture_finish (self);
}

static void
test_package_window (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (2 * WINDOW * CEPA_RELAY_MAX_DATA);
  gsize done = 0, n;
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  while ((n = cepa_stream_send (reader.stream, bytes + done, 2 * WINDOW * CEPA_RELAY_MAX_DATA - done)) > 0)
    {
      done += n;
      fixture_pump (self);
    }
  g_assert_cmpuint (done, ==, WINDOW * CEPA_RELAY_MAX_DATA);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_DATA), ==, WINDOW);
  reader.n_sendable = 0;
  fixture_say (self, id, CEPA_RELAY_SENDME, NULL, 0);
  g_assert_cmpuint (reader.n_sendable, ==, 1);
  g_assert_cmpuint (cepa_stream_send (reader.stream, bytes, STEP * CEPA_RELAY_MAX_DATA + 1), ==,
                    STEP * CEPA_RELAY_MAX_DATA);
  fixture_check_open (self);
  fixture_finish (self);
}

static void
test_sendme_unearned (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (STEP * CEPA_RELAY_MAX_DATA);
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  cepa_stream_send (reader.stream, bytes, (STEP - 1) * CEPA_RELAY_MAX_DATA);
  fixture_pump (self);
  fixture_say (self, id, CEPA_RELAY_SENDME, NULL, 0);
  fixture_check_violated (self);
  fixture_finish (self);
}

/* Data may go before the other end is there. */
static void
test_early_data (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Reader reader = { 0 };

  fixture_begin (self, &reader);
  g_assert_true (cepa_stream_can_send (reader.stream));
  g_assert_cmpuint (cepa_stream_send (reader.stream, (const guint8 *) "GET", 3), ==, 3);
  g_assert_cmpuint (cepa_stream_send (reader.stream, (const guint8 *) "", 0), ==, 0);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_DATA), ==, 1);
  g_assert_cmpmem (fake_relay_find_message (self->relay, CEPA_RELAY_DATA, 0)->message.data, 3, "GET", 3);
  fixture_finish (self);
}

/* The channel is full for four that each would take all of it: each gets its turn, in order. */
static void
test_turns (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Reader readers[4] = { 0 };
  guint least = G_MAXUINT, most = 0;

  for (guint i = 0; i < 4; i++)
    {
      fixture_connect (self, &readers[i]);
      readers[i].is_greedy = TRUE;
    }
  for (guint i = 0; i < 4; i++)
    reader_sendable (&readers[i]);
  g_assert_false (cepa_channel_has_room (self->channel));
  for (guint i = 0; i < 4; i++)
    readers[i].n_sendable = 0;
  for (guint turn = 0; turn < 5; turn++)
    {
      cepa_buffer_drain (output, output->len);
      cepa_channel_note_sent (self->channel, 0);
    }
  for (guint i = 0; i < 4; i++)
    {
      least = MIN (least, readers[i].n_sendable);
      most = MAX (most, readers[i].n_sendable);
    }
  g_assert_cmpuint (least, >, 0);
  g_assert_cmpuint (most - least, <=, 1);
  fixture_finish (self);
}

/* The circuit's window is closed for three of them; one has used up its own as well. */
static void
test_blocked_by_circuit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (WINDOW * CEPA_RELAY_MAX_DATA);
  guint8 sendme[3 + CEPA_TOR1_TAG_LEN] = { 1, 0, CEPA_TOR1_TAG_LEN };
  Reader readers[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    fixture_connect (self, &readers[i]);
  for (guint i = 0; i < 2; i++)
    for (guint sent = 0; sent < WINDOW; sent++)
      {
        g_assert_cmpuint (cepa_stream_send (readers[i].stream, bytes, CEPA_RELAY_MAX_DATA), ==,
                          CEPA_RELAY_MAX_DATA);
        fixture_pump (self);
      }
  for (guint i = 0; i < 3; i++)
    g_assert_false (cepa_stream_can_send (readers[i].stream));
  fixture_pump (self);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (readers[i].n_sendable, ==, 0);

  memcpy (sendme + 3, fake_relay_find_message (self->relay, CEPA_RELAY_DATA, 99)->tag, CEPA_TOR1_TAG_LEN);
  fixture_say (self, 0, CEPA_RELAY_SENDME, sendme, sizeof sendme);
  g_assert_cmpuint (readers[0].n_sendable, ==, 0);
  g_assert_cmpuint (readers[1].n_sendable, ==, 0);
  g_assert_cmpuint (readers[2].n_sendable, ==, 1);
  fixture_say (self, fixture_id (self, 1), CEPA_RELAY_SENDME, NULL, 0);
  g_assert_cmpuint (readers[1].n_sendable, ==, 1);
  g_assert_cmpuint (readers[0].n_sendable, ==, 0);
  fixture_finish (self);
}

/* ---- the end of the circuit, and calls from below ---- */

static void
test_circuit_closes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "of the test");
  Reader readers[50] = { 0 };

  for (guint i = 0; i < 50; i++)
    {
      fixture_begin (self, &readers[i]);
      if (i % 3 == 0)
        cepa_stream_close (g_steal_pointer (&readers[i].stream), CEPA_END_MISC);
    }
  cepa_circuit_close (self->circuit, reason);
  for (guint i = 0; i < 50; i++)
    {
      g_assert_cmpuint (readers[i].n_ended, ==, i % 3 == 0 ? 0 : 1);
      if (i % 3 != 0)
        g_assert_cmpuint (readers[i].end.reason, ==, CEPA_END_DESTROY);
    }
  fixture_finish (self);
}

static const char *const callbacks[] = { "connected", "data", "batch_end", "sendable", "ended" };

/* Makes every callback of @reader come: CONNECTED, data, room to send, END. */
static void
fixture_play (Fixture *self, Reader *reader, Reader *other)
{
  g_autofree guint8 *bytes = g_malloc0 (STEP * CEPA_RELAY_MAX_DATA);
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  guint16 id, other_id;
  Reader *sender;

  fixture_begin (self, reader);
  fixture_begin (self, other);
  id = fixture_id (self, 0);
  other_id = fixture_id (self, 1);
  fixture_queue (self, other_id, CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_queue (self, id, CEPA_RELAY_CONNECTED, NULL, 0);
  for (guint i = 0; i < 3; i++)
    {
      fixture_queue_data (self, other_id, 1);
      fixture_queue_data (self, id, 1);
    }
  fake_relay_deliver (self->relay, self->channel);
  sender = reader->stream != NULL ? reader : other;
  while (sender->stream != NULL && cepa_stream_can_send (sender->stream))
    cepa_stream_send (sender->stream, bytes, STEP * CEPA_RELAY_MAX_DATA);
  if (other->stream != NULL)
    cepa_stream_can_send (other->stream);
  cepa_buffer_drain (output, output->len);
  cepa_channel_note_sent (self->channel, 0);
  if (self->n_closed == 0)
    {
      fixture_queue (self, id, CEPA_RELAY_END, "\6", 1);
      fixture_queue_data (self, other_id, 1);
      fake_relay_deliver (self->relay, self->channel);
    }
}

static guint
count_of (const Reader *reader, const char *callback)
{
  const guint counts[]
    = { reader->n_connected, reader->n_data, reader->n_batches, reader->n_sendable, reader->n_ended };

  for (guint i = 0; i < G_N_ELEMENTS (callbacks); i++)
    if (strcmp (callbacks[i], callback) == 0)
      return counts[i];
  g_assert_not_reached ();
}

static void
test_close_in_callback (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (callbacks); i++)
    {
      Reader reader = { .close_in = callbacks[i] }, other = { 0 };
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_play (&f, &reader, &other);
      g_assert_cmpuint (count_of (&reader, callbacks[i]), ==, 1);
      g_assert_cmpuint (reader.n_ended, ==, strcmp (callbacks[i], "ended") == 0 ? 1 : 0);
      g_assert_cmpuint (other.n_data, ==, 4);
      g_assert_cmpuint (other.n_sendable, ==, 1);
      g_assert_cmpuint (other.n_batches, ==, 2);
      g_assert_cmpuint (cepa_streams_get_n_open (f.streams), ==, 1);
      fixture_tear_down (&f, NULL);
      g_assert_cmpuint (other.n_ended, ==, 1);
    }
}

static void
test_close_circuit_in_callback (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (callbacks); i++)
    {
      Reader reader = { .close_circuit_in = callbacks[i] }, other = { 0 };
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_play (&f, &reader, &other);
      g_assert_cmpuint (count_of (&reader, callbacks[i]), ==, 1);
      g_assert_cmpuint (f.n_closed, ==, 1);
      g_assert_cmpuint (reader.n_ended, ==, 1);
      g_assert_cmpuint (other.n_ended, ==, 1);
      g_assert_cmpuint (cepa_streams_get_n_open (f.streams), ==, 0);
      fixture_tear_down (&f, NULL);
    }
}

/* Another stream is closed from a callback while it has data of the same batch. */
static Reader *victim;

static void
killer_batch_end (G_GNUC_UNUSED gpointer user_data)
{
  if (victim->stream != NULL)
    cepa_stream_close (g_steal_pointer (&victim->stream), CEPA_END_MISC);
}

static void
test_close_another (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaStreamFuncs killer_funcs = reader_funcs;
  g_autoptr (GError) error = NULL;
  Reader killer = { .fixture = self }, reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  victim = &reader;
  killer_funcs.batch_end = killer_batch_end;
  killer.stream = cepa_streams_begin (self->streams, "a", 1, 0, &killer_funcs, &killer, &error);
  fixture_pump (self);
  fixture_say (self, fixture_id (self, 1), CEPA_RELAY_CONNECTED, NULL, 0);
  fixture_queue_data (self, fixture_id (self, 1), 1);
  fixture_queue_data (self, id, 1);
  fixture_check_open (self);
  g_assert_cmpuint (reader.n_data, ==, 1);
  g_assert_cmpuint (reader.n_batches, ==, 0);
  g_assert_cmpuint (reader.n_ended, ==, 0);
  fixture_finish (self);
}

/* A stream that waits for room and is closed is not told of it. */
static void
test_close_blocked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (200 * CEPA_RELAY_MAX_DATA);
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Reader reader = { 0 };

  fixture_connect (self, &reader);
  g_assert_cmpuint (cepa_stream_send (reader.stream, bytes, 200 * CEPA_RELAY_MAX_DATA), <,
                    200 * CEPA_RELAY_MAX_DATA);
  cepa_stream_close (g_steal_pointer (&reader.stream), CEPA_END_MISC);
  cepa_buffer_drain (output, output->len);
  cepa_channel_note_sent (self->channel, 0);
  g_assert_cmpuint (reader.n_sendable, ==, 0);
  fixture_finish (self);
}

#define ADD(path, func) g_test_add ("/stream/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("begin", test_begin);
  ADD ("begin-dir", test_begin_dir);
  ADD ("begin-refused", test_begin_refused);
  ADD ("many", test_many);
  ADD ("ids/used-up", test_ids_used_up);
  ADD ("ids/of-half-closed", test_ids_of_half_closed);
  ADD ("violation/connected-twice", test_connected_twice);
  ADD ("violation/connected-malformed", test_connected_malformed);
  ADD ("violation/data-before-connected", test_data_before_connected);
  ADD ("violation/resolved", test_resolved);
  ADD ("violation/end-empty", test_end_empty);
  ADD ("end/reasons", test_end_reasons);
  ADD ("end/with-address", test_end_with_address);
  ADD ("end/behind-data", test_data_then_end);
  ADD ("half-closed/sends-end", test_close_sends_end);
  ADD ("half-closed/late-data", test_late_data);
  ADD ("half-closed/late-end", test_late_end);
  ADD ("half-closed/late-end-empty", test_late_end_empty);
  ADD ("half-closed/late-sendme", test_late_sendme);
  ADD ("half-closed/late-connected", test_late_connected);
  ADD ("half-closed/late-data-before-connected", test_late_data_before_connected);
  ADD ("half-closed/late-connected-twice", test_late_connected_twice);
  ADD ("half-closed/limit", test_half_closed_limit);
  ADD ("unknown-stream", test_unknown_stream);
  ADD ("window/sendmes", test_sendmes);
  ADD ("window/reader-holds", test_reader_holds);
  ADD ("window/beyond", test_beyond_deliver_window);
  ADD ("window/package", test_package_window);
  ADD ("window/sendme-unearned", test_sendme_unearned);
  ADD ("window/early-data", test_early_data);
  ADD ("turns", test_turns);
  ADD ("blocked-by-circuit", test_blocked_by_circuit);
  ADD ("circuit-closes", test_circuit_closes);
  g_test_add_func ("/stream/close-in-callback", test_close_in_callback);
  g_test_add_func ("/stream/close-circuit-in-callback", test_close_circuit_in_callback);
  ADD ("close-another", test_close_another);
  ADD ("close-blocked", test_close_blocked);
  return g_test_run ();
}
