/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on a circuit of one hop through a relay that says what the test wants. */
#include "fixture.h"

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
  g_autofree Reader *readers = g_new0 (Reader, 65535);
  g_autoptr (GError) error = NULL;
  Reader reader = { 0 };
  guint n = 0;

  fixture_begin (self, &reader);
  cepa_stream_close (g_steal_pointer (&reader.stream), CEPA_END_MISC);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
  for (; cepa_streams_begin (self->streams, "a", 1, 0, &reader_funcs, &readers[n], &error) != NULL; n++)
    if (n % 1000 == 0)
      fixture_pump (self);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
  g_assert_cmpuint (n, ==, 65534);
  fixture_finish (self);
}

/* Where they begin is not to be foreseen. */
static void
test_ids_begin_anywhere (void)
{
  guint16 ids[3];

  for (guint i = 0; i < 3; i++)
    {
      Reader reader = { 0 };
      Fixture f;

      fixture_set_up (&f, NULL);
      cepa_streams_free (f.streams);
      cepa_random_seeded_init (&f.random, 100 + i);
      f.streams = cepa_streams_new (f.circuit, &f.random.random);
      fixture_begin (&f, &reader);
      ids[i] = fixture_id (&f, 0);
      fixture_tear_down (&f, NULL);
    }
  g_assert_cmpuint (ids[0], !=, ids[1]);
  g_assert_cmpuint (ids[1], !=, ids[2]);
  g_assert_cmpuint (ids[0], !=, ids[2]);
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
  fixture_queue_data (self, fixture_id (self, 300 - 256 - 1), WINDOW + 1);
  fixture_check_open (self);
  fixture_queue_data (self, fixture_id (self, 300 - 256), WINDOW);
  fixture_check_open (self);
  fixture_queue_data (self, fixture_id (self, 300 - 256), 1);
  fixture_check_violated (self);
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
  g_test_add_func ("/stream/ids/begin-anywhere", test_ids_begin_anywhere);
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
  return g_test_run ();
}
