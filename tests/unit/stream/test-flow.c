/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows and what may be sent when. */
#include "fixture.h"

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

/* Two that close each other when they end. */
static Reader *pair[2];

static void
pair_ended (gpointer user_data, G_GNUC_UNUSED const CepaEnd *end)
{
  Reader *self = user_data, *other = pair[self == pair[0]];

  self->n_ended++;
  self->stream = NULL;
  if (other->stream != NULL)
    cepa_stream_close (g_steal_pointer (&other->stream), CEPA_END_MISC);
}

/* The circuit goes: the first that hears of it closes the other one, which then hears nothing. */
static void
test_close_another_in_ended (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaStreamFuncs pair_funcs = reader_funcs;
  g_autoptr (GError) error = NULL;
  Reader readers[2] = { 0 };

  pair_funcs.ended = pair_ended;
  for (guint i = 0; i < 2; i++)
    {
      pair[i] = &readers[i];
      readers[i].stream = cepa_streams_begin (self->streams, "a", 1, 0, &pair_funcs, &readers[i], &error);
    }
  fixture_finish (self);
  g_assert_cmpuint (readers[0].n_ended + readers[1].n_ended, ==, 1);
  g_assert_cmpuint (cepa_streams_get_n_open (self->streams), ==, 0);
}

/* Who does not wait for a SENDME is not told of it. */
static void
test_sendme_unawaited (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (STEP * CEPA_RELAY_MAX_DATA);
  Reader reader = { 0 };
  guint16 id = fixture_connect (self, &reader);

  g_assert_cmpuint (cepa_stream_send (reader.stream, bytes, STEP * CEPA_RELAY_MAX_DATA), ==,
                    STEP * CEPA_RELAY_MAX_DATA);
  fixture_pump (self);
  fixture_say (self, id, CEPA_RELAY_SENDME, NULL, 0);
  g_assert_cmpuint (reader.n_sendable, ==, 0);
  fixture_check_open (self);
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
  ADD ("window/sendmes", test_sendmes);
  ADD ("window/reader-holds", test_reader_holds);
  ADD ("window/beyond", test_beyond_deliver_window);
  ADD ("window/package", test_package_window);
  ADD ("window/sendme-unawaited", test_sendme_unawaited);
  ADD ("window/sendme-unearned", test_sendme_unearned);
  ADD ("window/early-data", test_early_data);
  ADD ("turns", test_turns);
  ADD ("blocked-by-circuit", test_blocked_by_circuit);
  ADD ("circuit-closes", test_circuit_closes);
  g_test_add_func ("/stream/close-in-callback", test_close_in_callback);
  g_test_add_func ("/stream/close-circuit-in-callback", test_close_circuit_in_callback);
  ADD ("close-another", test_close_another);
  ADD ("close-another-in-ended", test_close_another_in_ended);
  ADD ("close-blocked", test_close_blocked);
  return g_test_run ();
}
