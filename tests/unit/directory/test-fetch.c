/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to a directory server over a circuit of one hop: answers of every kind, and every way to get none. */
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/loop.h"
#include "directory/fetch.h"
#include "stream/stream.h"
#include "support/fake-dialer.h"
#include "support/fake-directory.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)
#define MAX_SIZE 20000
/* Of what is unpacked in many turns. */
#define LONG_SIZE (4 * 1024 * 1024)
#define LONG_TURNS (LONG_SIZE / CEPA_DECOMPRESS_STEP)

typedef struct
{
  GMainContext *context;
  FakeServer *server;
  FakeDirectory directory;
  FakeDialer *dialer;
  CepaChannelPool *pool;
  CepaCircuitHop hop;
  gsize max_size;
  GBytes *packed; /* (nullable): the body of an answer */
  GString *stages;
  CepaLoopWatch *deadline;
  guint n_done, status, n_turns;
  GBytes *body;
  GError *error;
} Fixture;

static void
fixture_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelPoolFuncs funcs = { NULL, NULL };

  memset (self, 0, sizeof *self);
  self->context = g_main_context_new ();
  self->server = fake_server_new (self->context);
  fake_directory_init (&self->directory, self->server);
  self->dialer = fake_dialer_new (self->context);
  self->pool = cepa_channel_pool_new (self->context, fake_server_clock (), cepa_random_system (),
                                      &self->dialer->base, &funcs, NULL);
  fake_server_get_hop (self->server, 0, &self->hop);
  self->max_size = MAX_SIZE;
  self->stages = g_string_new (NULL);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", fixture_too_late, self);
  cepa_loop_set_delay (self->deadline, DEADLINE_US);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_channel_pool_close_all (self->pool, reason);
  while (!cepa_channel_pool_is_empty (self->pool))
    g_main_context_iteration (self->context, TRUE);
  cepa_channel_pool_free (self->pool);
  fake_dialer_free (self->dialer);
  fake_directory_clear (&self->directory);
  fake_server_free (self->server);
  cepa_loop_clear (&self->deadline);
  g_main_context_unref (self->context);
  g_string_free (self->stages, TRUE);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_clear_pointer (&self->packed, g_bytes_unref);
  g_clear_error (&self->error);
}

static void
fetch_progress (gpointer user_data, G_GNUC_UNUSED CepaFetch *fetch, CepaFetchStage stage)
{
  g_string_append_printf (((Fixture *) user_data)->stages, "%d", stage);
}

static void
fetch_done (gpointer user_data, CepaFetch *fetch, const CepaHttpResponse *response, const GError *error)
{
  Fixture *self = user_data;

  g_assert_cmpint (response == NULL, ==, error != NULL);
  g_assert_cmpstr (cepa_fetch_get_resource (fetch), ==, "/tor/test");
  g_assert_cmpuint (cepa_fetch_get_server (fetch)->target.or_port, ==, self->server->port);
  self->n_done++;
  self->status = response != NULL ? response->status : 0;
  g_clear_pointer (&self->body, g_bytes_unref);
  self->body = response != NULL ? g_bytes_ref (response->body) : NULL;
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

static CepaFetch *
fixture_start (Fixture *self)
{
  static const CepaFetchFuncs funcs = { fetch_progress, fetch_done };

  return cepa_fetch_new (self->context, self->pool, cepa_random_system (), 1, &self->hop, "/tor/test", "X-Of: test\r\n",
                         self->max_size, &funcs, self);
}

static void
fixture_turn (Fixture *self)
{
  g_main_context_iteration (self->context, TRUE);
  self->n_turns++;
}

static void
fixture_fetch (Fixture *self)
{
  guint n = self->n_done;

  fixture_start (self);
  while (self->n_done == n)
    fixture_turn (self);
}

static void
fixture_check_fails (Fixture *self, int code, const char *message)
{
  fixture_fetch (self);
  g_assert_error (self->error, CEPA_ERROR, code);
  if (strstr (self->error->message, message) == NULL)
    g_error ("\"%s\" is not in: %s", message, self->error->message);
  g_assert_cmpuint (self->n_done, ==, 1);
}

static void
test_good (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *body = g_strnfill (MAX_SIZE, 'b');
  g_autofree char *request = g_strdup ("GET /tor/test HTTP/1.0\r\nHost: 127.0.0.1\r\n"
                                       "Accept-Encoding: x-tor-lzma, x-zstd, deflate, gzip, identity\r\nX-Of: test\r\n\r\n");

  fake_directory_put (&self->directory, "/tor/test", body);
  fixture_fetch (self);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->status, ==, 200);
  g_assert_cmpmem (g_bytes_get_data (self->body, NULL), g_bytes_get_size (self->body), body, MAX_SIZE);
  g_assert_cmpstr (self->stages->str, ==, "01");
  g_assert_cmpuint (self->directory.requests->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (self->directory.requests, 0), ==, request);

  /* The channel is there for the next one, the circuit is not. */
  fixture_fetch (self);
  g_assert_cmpuint (self->status, ==, 200);
  g_assert_cmpuint (self->server->n_accepted, ==, 1);
}

/* Without an onion key: all that is known of an authority or a fallback. */
static void
test_create_fast (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_directory_put (&self->directory, "/tor/test", "document");
  self->hop.has_ntor_key = FALSE;
  self->hop.target.has_ed25519_id = FALSE;
  fixture_fetch (self);
  g_assert_cmpuint (self->status, ==, 200);
}

static void
test_not_found (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_fetch (self);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->status, ==, 404);
  g_assert_cmpuint (g_bytes_get_size (self->body), ==, 0);
}

/* ---- evil answers ---- */

static gboolean
answer_nothing (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request,
                G_GNUC_UNUSED gpointer user_data)
{
  fake_directory_answer (link, request, "", "", 0);
  return TRUE;
}

static void
test_nothing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_nothing;
  fixture_check_fails (self, CEPA_ERROR_PROTOCOL, "not HTTP");
  g_assert_cmpstr (self->stages->str, ==, "0");
}

/* Cells of no length, and of one byte each. */
static gboolean
answer_slowly (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request,
               G_GNUC_UNUSED gpointer user_data)
{
  static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  guint16 id = request->message.stream_id;

  for (gsize i = 0; i < strlen (answer); i++)
    {
      fake_relay_send_message (link->relay, request->circuit_id, 0, CEPA_RELAY_DATA, id, NULL, 0, NULL);
      fake_relay_send_message (link->relay, request->circuit_id, 0, CEPA_RELAY_DATA, id, answer + i, 1, NULL);
    }
  fake_relay_send_message (link->relay, request->circuit_id, 0, CEPA_RELAY_END, id, "\6", 1, NULL);
  return TRUE;
}

static void
test_small_cells (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_slowly;
  fixture_fetch (self);
  g_assert_cmpuint (self->status, ==, 200);
  g_assert_cmpuint (g_bytes_get_size (self->body), ==, 3);
  g_assert_cmpstr (self->stages->str, ==, "01");
}

static gboolean
answer_too_much (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request,
                 G_GNUC_UNUSED gpointer user_data)
{
  g_autofree char *filler = g_strnfill (MAX_SIZE + CEPA_HTTP_MAX_HEADERS, 'b');
  g_autofree char *much = g_strconcat ("HTTP/1.0 200 OK\r\n\r\n", filler, NULL);

  /* It would never end. */
  fake_link_send_data (link, request->circuit_id, 0, request->message.stream_id, much, strlen (much));
  fake_link_send_data (link, request->circuit_id, 0, request->message.stream_id, much, strlen (much));
  return TRUE;
}

static void
test_too_much (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_too_much;
  fixture_check_fails (self, CEPA_ERROR_LIMIT, "beyond 20000 bytes");
}

static gboolean
answer_half (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request,
             G_GNUC_UNUSED gpointer user_data)
{
  fake_link_send_data (link, request->circuit_id, 0, request->message.stream_id, "HTTP/1.0 200 OK\r\n\r\nhalf", 23);
  fake_relay_send_message (link->relay, request->circuit_id, 0, CEPA_RELAY_END, request->message.stream_id, "\14", 1,
                           NULL);
  return TRUE;
}

/* What comes before an END that is none of DONE is not taken for the whole. */
static void
test_ended_badly (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_half;
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "CONNRESET");
}

static gboolean
answer_destroy (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request,
                G_GNUC_UNUSED gpointer user_data)
{
  fake_link_send_data (link, request->circuit_id, 0, request->message.stream_id, "HTTP/1.0 200 OK\r\n\r\nhalf", 23);
  fake_relay_send_cell (link->relay, request->circuit_id, CEPA_CELL_DESTROY, "\11", 1);
  return TRUE;
}

static void
test_destroyed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_destroy;
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "FINISHED");
}

static gboolean
answer_close (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, G_GNUC_UNUSED const FakeCell *request,
              G_GNUC_UNUSED gpointer user_data)
{
  fake_link_close (link);
  return TRUE;
}

static void
test_connection_lost (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->directory.takes_over = answer_close;
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "");
}

static void
test_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->hangs_up = TRUE;
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "");
  g_assert_cmpstr (self->stages->str, ==, "");
}

static void
prepare_spoiled (FakeLink *link, G_GNUC_UNUSED gpointer user_data)
{
  link->relay->spoil_auth = TRUE;
}

static void
test_wrong_handshake (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->prepare = prepare_spoiled;
  fixture_check_fails (self, CEPA_ERROR_PROTOCOL, "onion key");
}

/* ---- long answers ---- */

/* (transfer full): @len bytes of text, packed to about a 25th. */
static GBytes *
pack_text (gsize len)
{
  g_autofree guint8 *text = g_malloc (len);
  gulong packed = compressBound (len);
  guint8 *out = g_malloc (packed);

  for (gsize i = 0; i < len; i++)
    text[i] = i % 64 == 0 ? (guint8) (i / 64 * 2654435761u >> 24 | 128) : 'x';
  g_assert_cmpint (compress2 (out, &packed, text, len, 1), ==, Z_OK);
  return g_bytes_new_take (out, packed);
}

/* All of it and no END. */
static gboolean
answer_packed (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  Fixture *self = user_data;
  static const char head[] = "HTTP/1.0 200 OK\r\nContent-Encoding: deflate\r\n\r\n";
  guint16 id = request->message.stream_id;

  fake_link_send_data (link, request->circuit_id, 0, id, head, strlen (head));
  fake_link_send_data (link, request->circuit_id, 0, id, g_bytes_get_data (self->packed, NULL),
                       g_bytes_get_size (self->packed));
  return TRUE;
}

/* @reason: as text, one byte */
static void
end_stream (FakeLink *link, const FakeCell *request, const char *reason)
{
  fake_relay_send_message (link->relay, request->circuit_id, 0, CEPA_RELAY_END, request->message.stream_id, reason, 1,
                           NULL);
}

static gboolean
answer_packed_whole (FakeDirectory *directory, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  answer_packed (directory, link, request, user_data);
  end_stream (link, request, "\6");
  return TRUE;
}

static gboolean
answer_packed_badly (FakeDirectory *directory, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  answer_packed (directory, link, request, user_data);
  end_stream (link, request, "\14");
  return TRUE;
}

static gboolean
answer_packed_destroy (FakeDirectory *directory, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  answer_packed (directory, link, request, user_data);
  fake_relay_send_cell (link->relay, request->circuit_id, CEPA_CELL_DESTROY, "\11", 1);
  return TRUE;
}

static void
fixture_answer_long (Fixture *self, gsize len,
                     gboolean (*answer) (FakeDirectory *, FakeLink *, const FakeCell *, gpointer))
{
  self->packed = pack_text (len);
  self->max_size = LONG_SIZE;
  self->directory.takes_over = answer;
  self->directory.user_data = self;
}

/* Each turn of the loop unpacks a step, and others have theirs in between. */
static void
test_turns (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE, answer_packed_whole);
  fixture_fetch (self);
  g_assert_no_error (self->error);
  g_assert_cmpuint (g_bytes_get_size (self->body), ==, LONG_SIZE);
  g_assert_cmpuint (self->n_turns, >=, LONG_TURNS);
}

/* What is not packed costs nothing to take: a server that does not wait for SENDMEs gets them before its window is used
   up. */
static gboolean
answer_plain (G_GNUC_UNUSED FakeDirectory *directory, FakeLink *link, const FakeCell *request, gpointer user_data)
{
  g_autofree char *body = g_strnfill (((Fixture *) user_data)->max_size, 'b');

  fake_directory_answer (link, request, "HTTP/1.0 200 OK\r\n\r\n", body, strlen (body));
  return TRUE;
}

static void
test_plain (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->max_size = 3 * CEPA_STREAM_WINDOW / 2 * CEPA_RELAY_MAX_DATA;
  self->directory.takes_over = answer_plain;
  self->directory.user_data = self;
  fixture_fetch (self);
  g_assert_no_error (self->error);
  g_assert_cmpuint (g_bytes_get_size (self->body), ==, self->max_size);
}

static gboolean
has_sent_for_more (FakeRelay *relay)
{
  for (guint i = 0; i < fake_relay_count_messages (relay, CEPA_RELAY_SENDME); i++)
    if (fake_relay_find_message (relay, CEPA_RELAY_SENDME, i)->message.stream_id != 0)
      return TRUE;
  return FALSE;
}

/* While much is to be unpacked, nothing more is sent for. */
static void
test_made_to_wait (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaFetch *fetch;
  FakeLink *link;

  fixture_answer_long (self, LONG_SIZE, answer_packed);
  fetch = fixture_start (self);
  while (cepa_fetch_get_received (fetch) <= g_bytes_get_size (self->packed))
    fixture_turn (self);
  link = g_ptr_array_index (self->server->links, 0);
  self->n_turns = 0;
  g_assert_cmpuint (g_bytes_get_size (self->packed), >, CEPA_STREAM_WINDOW_STEP * CEPA_RELAY_MAX_DATA);
  while (!has_sent_for_more (link->relay))
    fixture_turn (self);
  g_assert_cmpuint (self->n_turns, >, LONG_TURNS / 4);
  cepa_fetch_cancel (fetch);
}

/* What came before an END or DESTROY is unpacked, and what is wrong with it is told rather than that. */
static void
test_bomb_before_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE + 1, answer_packed_badly);
  fixture_check_fails (self, CEPA_ERROR_LIMIT, "beyond 4194304 bytes");
}

static void
test_bomb_before_destroy (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE + 1, answer_packed_destroy);
  fixture_check_fails (self, CEPA_ERROR_LIMIT, "beyond 4194304 bytes");
}

static void
test_bomb (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE + 1, answer_packed);
  fixture_check_fails (self, CEPA_ERROR_LIMIT, "beyond 4194304 bytes");
}

static void
test_long_ended_badly (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE, answer_packed_badly);
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "CONNRESET");
}

static void
test_long_destroyed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_answer_long (self, LONG_SIZE, answer_packed_destroy);
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "FINISHED");
}

static void
test_cancelled_while_unpacking (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaFetch *fetch;

  fixture_answer_long (self, LONG_SIZE, answer_packed_whole);
  fetch = fixture_start (self);
  while (cepa_fetch_get_received (fetch) <= g_bytes_get_size (self->packed))
    fixture_turn (self);
  fixture_turn (self);
  g_assert_cmpuint (self->n_done, ==, 0);
  cepa_fetch_cancel (fetch);
  fixture_fetch (self);
  g_assert_cmpuint (self->n_done, ==, 1);
  g_assert_cmpuint (g_bytes_get_size (self->body), ==, LONG_SIZE);
}

/* ---- cancelled ---- */

static void
test_cancelled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_directory_put (&self->directory, "/tor/test", "document");
  for (guint turns = 0; turns < 30 && self->n_done == 0; turns++)
    {
      CepaFetch *fetch = fixture_start (self);

      for (guint i = 0; i < turns && self->n_done == 0; i++)
        g_main_context_iteration (self->context, FALSE);
      if (self->n_done == 0)
        cepa_fetch_cancel (fetch);
    }
  /* No circuit is left of any of them. */
  self->n_done = 0;
  fixture_fetch (self);
  g_assert_cmpuint (self->status, ==, 200);
}

static gboolean
answer_later (G_GNUC_UNUSED FakeDirectory *directory, G_GNUC_UNUSED FakeLink *link,
              G_GNUC_UNUSED const FakeCell *request, G_GNUC_UNUSED gpointer user_data)
{
  return TRUE;
}

static void
test_cancelled_while_answering (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaFetch *fetch;
  FakeLink *link;

  self->directory.takes_over = answer_later;
  fetch = fixture_start (self);
  while (self->directory.requests->len == 0)
    g_main_context_iteration (self->context, TRUE);
  link = g_ptr_array_index (self->server->links, 0);
  cepa_fetch_cancel (fetch);
  while (fake_relay_find_cell (link->relay, CEPA_CELL_DESTROY, 0) == NULL)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (self->n_done, ==, 0);
}

#define ADD(path, func) g_test_add ("/fetch/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("good", test_good);
  ADD ("create-fast", test_create_fast);
  ADD ("not-found", test_not_found);
  ADD ("nothing", test_nothing);
  ADD ("small-cells", test_small_cells);
  ADD ("too-much", test_too_much);
  ADD ("ended-badly", test_ended_badly);
  ADD ("destroyed", test_destroyed);
  ADD ("connection-lost", test_connection_lost);
  ADD ("refused", test_refused);
  ADD ("wrong-handshake", test_wrong_handshake);
  ADD ("turns", test_turns);
  ADD ("plain", test_plain);
  ADD ("made-to-wait", test_made_to_wait);
  ADD ("bomb", test_bomb);
  ADD ("bomb-before-end", test_bomb_before_end);
  ADD ("bomb-before-destroy", test_bomb_before_destroy);
  ADD ("long-ended-badly", test_long_ended_badly);
  ADD ("long-destroyed", test_long_destroyed);
  ADD ("cancelled", test_cancelled);
  ADD ("cancelled-while-unpacking", test_cancelled_while_unpacking);
  ADD ("cancelled-while-answering", test_cancelled_while_answering);
  return g_test_run ();
}
