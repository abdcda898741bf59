/* SPDX-License-Identifier: BSD-3-Clause */
/* An application's connection from its SOCKS request to its end, over circuits that one server plays. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/application.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

#define BIG (2 * 1024 * 1024)

static const char *const tracked[] = { "tracked.example", NULL };

typedef struct
{
  FakeNetwork network;
  CepaApplicationShared shared;
  CepaTrackedExits *exits;
  CepaApplication *application; /* (nullable): until it has ended */
  int fd;                       /* the application's end */
  GByteArray *read;             /* what came out of it */
  gboolean is_at_end;
  guint n_begun, n_data; /* what the exit got */
  guint8 refusal;        /* END reason of exit A; 0: it does not refuse */
  GByteArray *sunk;
  gboolean keeps_alive;  /* of the port that applications connect to */
  CepaClockFake clock;   /* of the circuits, with fixture_set_up_timed() */
} Fixture;

/* ---- the exit: what it does is in the name it is asked for ---- */

static gboolean
is_for (const FakeCell *begin, const char *host)
{
  return g_str_has_prefix ((const char *) begin->message.data, host);
}

static void
exit_say (FakeLink *link, const FakeCell *cell, guint8 command, const void *data, gsize len)
{
  fake_relay_send_message (link->relay, cell->circuit_id, cell->hop, command, cell->message.stream_id, data, len,
                           NULL);
}

/* Whether the circuit of @cell ends at exit A: by the identity in its last EXTEND2. */
static gboolean
is_exit_a (FakeLink *link, const FakeCell *cell)
{
  const FakeCell *extend = NULL;
  CepaCircuitHop hop;

  fake_relay_get_hop (2, &hop);
  for (guint i = 0; (extend = fake_relay_find_message (link->relay, CEPA_RELAY_EXTEND2, i)) != NULL; i++)
    if (extend->circuit_id == cell->circuit_id && extend->hop == 1)
      return memcmp (extend->message.data + 11, hop.target.rsa_id, 20) == 0;
  g_assert_not_reached ();
}

static void
exit_begin (Fixture *self, FakeLink *link, const FakeCell *begin)
{
  self->n_begun++;
  if (self->refusal != 0 && (is_for (begin, "refuses") || is_exit_a (link, begin)))
    exit_say (link, begin, CEPA_RELAY_END, &self->refusal, 1);
  else if (is_for (begin, "destroys"))
    fake_relay_send_cell (link->relay, begin->circuit_id, CEPA_CELL_DESTROY, "\11", 1);
  else if (!is_for (begin, "silent"))
    exit_say (link, begin, CEPA_RELAY_CONNECTED, NULL, 0);
}

/* All that the window lets through. */
static void
exit_send_much (FakeLink *link, const FakeCell *begin)
{
  guint8 data[CEPA_RELAY_MAX_DATA];

  memset (data, 's', sizeof data);
  for (guint i = 0; i < CEPA_STREAM_WINDOW; i++)
    exit_say (link, begin, CEPA_RELAY_DATA, data, sizeof data);
  fake_link_flush (link);
}

/* Acknowledges as an exit does that takes all it gets. */
static void
exit_data (Fixture *self, FakeLink *link, const FakeCell *cell)
{
  guint8 sendme[3 + CEPA_TOR1_TAG_LEN] = { 1, 0, CEPA_TOR1_TAG_LEN };

  self->n_data++;
  g_byte_array_append (self->sunk, cell->message.data, cell->message.len);
  if (self->n_data % CEPA_STREAM_WINDOW_STEP == 0)
    exit_say (link, cell, CEPA_RELAY_SENDME, NULL, 0);
  memcpy (sendme + 3, cell->tag, CEPA_TOR1_TAG_LEN);
  if (self->n_data % CEPA_CIRCUIT_WINDOW_STEP == 0)
    fake_relay_send_message (link->relay, cell->circuit_id, cell->hop, CEPA_RELAY_SENDME, 0, sendme, sizeof sendme,
                             NULL);
}

static void
exit_heard (FakeLink *link, const FakeCell *cell, gpointer user_data)
{
  if (cell->command != CEPA_CELL_RELAY && cell->command != CEPA_CELL_RELAY_EARLY)
    return;
  if (cell->message.command == CEPA_RELAY_BEGIN)
    exit_begin (user_data, link, cell);
  else if (cell->message.command == CEPA_RELAY_DATA)
    exit_data (user_data, link, cell);
}

/* The last BEGIN on a link that is there. */
static const FakeCell *
fixture_last_begin (Fixture *self, FakeLink **link)
{
  const FakeCell *cell, *last = NULL;

  *link = g_ptr_array_index (self->network.server->links, self->network.server->links->len - 1);
  for (guint i = 0; (cell = fake_relay_find_message ((*link)->relay, CEPA_RELAY_BEGIN, i)) != NULL; i++)
    last = cell;
  g_assert_nonnull (last);
  return last;
}

/* ---- the fixture ---- */

static void
fixture_closed (gpointer user_data, CepaApplication *application)
{
  Fixture *self = user_data;

  g_assert_true (application == self->application);
  self->application = NULL;
}

static void
fixture_connect (Fixture *self)
{
  int fds[2], room = 4096;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint (setsockopt (fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), ==, 0);
  self->fd = fds[1];
  self->is_at_end = FALSE;
  g_byte_array_set_size (self->read, 0);
  self->application = cepa_application_new (&self->shared, fds[0], cepa_event_sink_draw_stream (self->shared.events),
                                             "127.0.0.1:9050", self->keeps_alive, "127.0.0.1", 40000);
}

static void
fixture_disconnect (Fixture *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static void
fixture_start (Fixture *self, const CepaClock *clock)
{
  CepaCircuitsConfig config;

  fake_network_config_init (&config);
  fake_network_init_timed (&self->network, &config, clock);
  self->network.server->heard = exit_heard;
  self->network.events.shown = CEPA_EVENT_STREAM;
  self->network.server->user_data = self;
  self->exits = cepa_tracked_exits_new (fake_server_clock (), tracked, 60 * G_USEC_PER_SEC);
  self->shared = (CepaApplicationShared){
    .context = self->network.context,
    .clock = fake_server_clock (),
    .circuits = self->network.circuits,
    .reject_internal = TRUE,
    .timeout_us = 120 * G_USEC_PER_SEC,
    .exits = self->exits,
    .events = &self->network.events.sink,
    .closed = fixture_closed,
    .user_data = self,
  };
  self->read = g_byte_array_new ();
  self->sunk = g_byte_array_new ();
  fixture_connect (self);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  fixture_start (self, fake_server_clock ());
}

static void
fixture_set_up_timed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  self->keeps_alive = TRUE;
  cepa_clock_fake_init (&self->clock, cepa_clock_monotonic_us (fake_server_clock ()),
                        cepa_clock_wall_s (fake_server_clock ()));
  fixture_start (self, &self->clock.clock);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  if (self->application != NULL)
    cepa_application_abort (self->application);
  fixture_disconnect (self);
  fake_network_clear (&self->network);
  cepa_tracked_exits_free (self->exits);
  g_byte_array_unref (self->read);
  g_byte_array_unref (self->sunk);
}

/* Takes what there is to read, and turns the loop. */
static void
fixture_turn (Fixture *self)
{
  guint8 bytes[65536];
  ssize_t n;

  while ((n = recv (self->fd, bytes, sizeof bytes, 0)) > 0)
    g_byte_array_append (self->read, bytes, (guint) n);
  self->is_at_end |= n == 0 || errno != EAGAIN;
  if (!self->is_at_end)
    g_main_context_iteration (self->network.context, FALSE);
}

static void
fixture_read (Fixture *self, gsize len)
{
  while (self->read->len < len)
    {
      g_assert_false (self->is_at_end);
      fixture_turn (self);
    }
}

static void
fixture_expect (Fixture *self, const void *bytes, gsize len)
{
  fixture_read (self, len);
  g_assert_cmpmem (self->read->data, len, bytes, len);
  g_byte_array_remove_range (self->read, 0, (guint) len);
}

static void
fixture_expect_end (Fixture *self)
{
  while (!self->is_at_end)
    fixture_turn (self);
  g_assert_cmpuint (self->read->len, ==, 0);
  while (self->application != NULL)
    fake_network_turn (&self->network);
}

static void
fixture_write (Fixture *self, const void *bytes, gsize len)
{
  g_assert_cmpint (send (self->fd, bytes, len, MSG_NOSIGNAL), ==, len);
}

/* A request without authentication for @host:80, and @more behind it. */
static void
fixture_request (Fixture *self, const char *host, const char *more)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 len = (guint8) strlen (host);

  g_byte_array_append (bytes, (const guint8 *) "\5\1\0\5\1\0\3", 7);
  g_byte_array_append (bytes, &len, 1);
  g_byte_array_append (bytes, (const guint8 *) host, len);
  g_byte_array_append (bytes, (const guint8 *) "\0\120", 2);
  g_byte_array_append (bytes, (const guint8 *) more, (guint) strlen (more));
  fixture_write (self, bytes->data, bytes->len);
  fixture_expect (self, "\5\0", 2);
}

/* The same as a user, without a password. */
static void
fixture_request_as (Fixture *self, const char *user, const char *host)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 user_len = (guint8) strlen (user), len = (guint8) strlen (host);

  g_byte_array_append (bytes, (const guint8 *) "\5\1\2\1", 4);
  g_byte_array_append (bytes, &user_len, 1);
  g_byte_array_append (bytes, (const guint8 *) user, user_len);
  g_byte_array_append (bytes, (const guint8 *) "\0\5\1\0\3", 5);
  g_byte_array_append (bytes, &len, 1);
  g_byte_array_append (bytes, (const guint8 *) host, len);
  g_byte_array_append (bytes, (const guint8 *) "\0\120", 2);
  fixture_write (self, bytes->data, bytes->len);
  fixture_expect (self, "\5\2\1\0", 4);
}

static void
fixture_expect_reply (Fixture *self, guint8 reply)
{
  guint8 bytes[10] = { 5, reply, 0, 1 };

  fixture_expect (self, bytes, sizeof bytes);
}

/* The events of streams since the last call, without the numbers of circuits. */
static void
fixture_expect_events (Fixture *self, const char *lines)
{
  g_autoptr (GRegex) circuit = g_regex_new (" on [0-9]+", 0, 0, NULL);
  g_autofree char *told = g_regex_replace_literal (circuit, self->network.events.lines->str, -1, 0, "", 0, NULL);

  g_assert_cmpstr (told, ==, lines);
  g_string_truncate (self->network.events.lines, 0);
}

static void
fixture_check_refused (Fixture *self, const char *host, guint8 reply)
{
  fixture_request (self, host, "");
  fixture_expect_reply (self, reply);
  fixture_expect_end (self);
  fixture_disconnect (self);
}

/* ---- good ---- */

static void
test_talk (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *begin;
  FakeLink *link;

  fixture_request (self, "Example.COM", "");
  fixture_expect_reply (self, 0);
  begin = fixture_last_begin (self, &link);
  g_assert_cmpmem (begin->message.data, begin->message.len, "example.com:80\0\0\0\0\1", 19);
  fixture_write (self, "hello", 5);
  while (self->sunk->len < 5)
    fixture_turn (self);
  g_assert_cmpmem (self->sunk->data, self->sunk->len, "hello", 5);
  exit_say (link, begin, CEPA_RELAY_DATA, "good ", 5);
  exit_say (link, begin, CEPA_RELAY_DATA, "day", 3);
  exit_say (link, begin, CEPA_RELAY_END, "\6", 1);
  fake_link_flush (link);
  fixture_expect (self, "good day", 8);
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 succeeded\nstream 1 ended reason 6\n");
}

/* What is sent before the other end is there goes ahead of it, byte for byte and once. */
static void
test_early_data (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_request (self, "a.example", "GET / ");
  fixture_write (self, "HTTP/1.0", 8);
  fixture_expect_reply (self, 0);
  fixture_write (self, "\r\n\r\n", 4);
  while (self->sunk->len < 18)
    fixture_turn (self);
  g_assert_cmpmem (self->sunk->data, self->sunk->len, "GET / HTTP/1.0\r\n\r\n", 18);
}

/* The application will say no more and still wants the answer. */
static void
test_half_close (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *begin;
  FakeLink *link;

  fixture_request (self, "a.example", "question");
  g_assert_cmpint (shutdown (self->fd, SHUT_WR), ==, 0);
  fixture_expect_reply (self, 0);
  while (self->sunk->len < 8)
    fixture_turn (self);
  begin = fixture_last_begin (self, &link);
  exit_say (link, begin, CEPA_RELAY_DATA, "answer", 6);
  exit_say (link, begin, CEPA_RELAY_END, "\6", 1);
  fake_link_flush (link);
  fixture_expect (self, "answer", 6);
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 succeeded\nstream 1 ended reason 6\n");
}

static void
test_upload (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc (BIG);
  gsize done = 0;

  for (gsize i = 0; i < BIG; i++)
    bytes[i] = (guint8) (i * 31 >> 7);
  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  while (self->sunk->len < BIG)
    {
      ssize_t n = done < BIG ? send (self->fd, bytes + done, BIG - done, MSG_NOSIGNAL) : 0;

      if (n > 0)
        done += (gsize) n;
      fixture_turn (self);
    }
  g_assert_cmpmem (self->sunk->data, self->sunk->len, bytes, BIG);
}

/* All of it was sent and the connection closed in the right way: nothing is lost, however slow the circuit is. */
static void
test_upload_then_shutdown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (100000);

  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  fixture_write (self, bytes, 100000);
  g_assert_cmpint (shutdown (self->fd, SHUT_WR), ==, 0);
  while (self->sunk->len < 100000)
    fixture_turn (self);
}

/* ---- a reader that does not read ---- */

static guint
count_stream_sendmes (FakeLink *link, guint16 stream_id)
{
  const FakeCell *cell;
  guint n = 0;

  for (guint i = 0; (cell = fake_relay_find_message (link->relay, CEPA_RELAY_SENDME, i)) != NULL; i++)
    n += cell->message.stream_id == stream_id;
  return n;
}

static void
test_slow_reader (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const gsize size = CEPA_STREAM_WINDOW * CEPA_RELAY_MAX_DATA;
  const FakeCell *begin;
  FakeLink *link;

  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  begin = fixture_last_begin (self, &link);
  exit_send_much (link, begin);
  /* The circuit's SENDMEs tell that all 500 have come. */
  while (count_stream_sendmes (link, 0) < CEPA_STREAM_WINDOW / CEPA_CIRCUIT_WINDOW_STEP)
    fake_network_turn (&self->network);
  g_assert_cmpuint (count_stream_sendmes (link, begin->message.stream_id), <, CEPA_STREAM_WINDOW / 50);
  fixture_read (self, size);
  for (gsize i = 0; i < size; i++)
    g_assert_cmpuint (self->read->data[i], ==, 's');
  while (count_stream_sendmes (link, begin->message.stream_id) < CEPA_STREAM_WINDOW / 50)
    fixture_turn (self);
}

/* The stream ends while the application has not read: what was there for it is still given. */
static void
test_slow_reader_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const gsize size = CEPA_STREAM_WINDOW * CEPA_RELAY_MAX_DATA;
  const FakeCell *begin;
  FakeLink *link;

  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  begin = fixture_last_begin (self, &link);
  exit_send_much (link, begin);
  exit_say (link, begin, CEPA_RELAY_END, "\6", 1);
  fake_link_flush (link);
  while (count_stream_sendmes (link, 0) < CEPA_STREAM_WINDOW / CEPA_CIRCUIT_WINDOW_STEP)
    fake_network_turn (&self->network);
  while (!self->is_at_end)
    fixture_turn (self);
  g_assert_cmpuint (self->read->len, ==, size);
}

/* ---- which exit ---- */

/* Whoever asks for a country and cannot have it is refused, not served from anywhere. */
static void
test_exit_country_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const users[] = { "alice+exit=germany", "+exit=", "alice+exit=d1", "alice+exit=de", "+exit=de+exit=f" };

  for (guint i = 0; i < G_N_ELEMENTS (users); i++)
    {
      fixture_request_as (self, users[i], "a.example");
      fixture_expect_reply (self, 2);
      fixture_expect_end (self);
      fixture_disconnect (self);
      fixture_connect (self);
    }
  g_assert_cmpuint (self->n_begun, ==, 0);
}

static void
fixture_again (Fixture *self)
{
  fixture_disconnect (self);
  while (self->application != NULL)
    fake_network_turn (&self->network);
  fixture_connect (self);
}

/* A host of TrackHostExits is reached from the exit of the first time, over a circuit with one relay more; after a new
   identity from any. */
static void
test_tracked_exit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitHop exit_b;
  FakeLink *link;

  fake_relay_get_hop (FAKE_ROW_EXIT_B + 1, &exit_b);
  self->refusal = CEPA_END_EXITPOLICY; /* of exit A, which comes first otherwise */
  fixture_request (self, "tracked.example", "");
  fixture_expect_reply (self, 0);
  g_assert_cmpmem (cepa_tracked_exits_find (self->exits, "tracked.example"), 20, exit_b.target.rsa_id, 20);
  self->refusal = 0;
  fixture_again (self);
  fixture_request_as (self, "other", "tracked.example");
  fixture_expect_reply (self, 0);
  g_assert_cmpuint (fixture_last_begin (self, &link)->hop, ==, 3);
  fixture_again (self);
  fixture_request_as (self, "other", "untracked.example");
  fixture_expect_reply (self, 0);
  fixture_again (self);
  cepa_circuits_new_identity (self->network.circuits, NULL, NULL);
  fixture_request_as (self, "third", "tracked.example");
  fixture_expect_reply (self, 0);
  g_assert_cmpuint (fixture_last_begin (self, &link)->hop, ==, 2);
}

/* Whether a stream goes over the same circuit 800 seconds after the first one there, which ended after 400. */
static gboolean
fixture_stays (Fixture *self, const char *user)
{
  guint64 first, second;

  fixture_request_as (self, user, "a.example");
  fixture_expect_reply (self, 0);
  first = cepa_application_get_circuit_number (self->application);
  self->clock.monotonic_us += 400 * G_USEC_PER_SEC;
  fixture_again (self);
  self->clock.monotonic_us += 400 * G_USEC_PER_SEC;
  fixture_request_as (self, user, "a.example");
  fixture_expect_reply (self, 0);
  second = cepa_application_get_circuit_number (self->application);
  g_assert_cmpuint (second, >, 0);
  return first == second;
}

/* KeepAliveIsolateSOCKSAuth: MaxCircuitDirtiness counts from the end of the last stream, of who has a SOCKS user. */
static void
test_keeps_alive (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (fixture_stays (self, "user"));
  fixture_again (self);
  g_assert_false (fixture_stays (self, ""));
  self->keeps_alive = FALSE;
  fixture_again (self);
  g_assert_false (fixture_stays (self, "other"));
}

/* ---- refused ---- */

/* The reasons that are final; the map is C Tor's. */
static void
test_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 pairs[][2] = { { CEPA_END_CONNECTREFUSED, 5 }, { CEPA_END_TIMEOUT, 6 } };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      guint n = self->n_begun;

      if (i > 0)
        fixture_connect (self);
      self->refusal = pairs[i][0];
      fixture_check_refused (self, "refuses", pairs[i][1]);
      g_assert_cmpuint (self->n_begun, ==, n + 1);
      fixture_expect_events (self, i == 0 ? "stream 1 new\nstream 1 attached\nstream 1 failed reason 3\n"
                                          : "stream 2 new\nstream 2 attached\nstream 2 failed reason 7\n");
    }
}

/* An exit that refuses for a reason of its own: the other one is asked, with all that was sent so far. */
static void
test_other_exit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->refusal = CEPA_END_EXITPOLICY;
  fixture_request (self, "a.example", "early");
  fixture_expect_reply (self, 0);
  g_assert_cmpuint (self->n_begun, ==, 2);
  while (self->sunk->len < 10)
    fixture_turn (self);
  g_assert_cmpmem (self->sunk->data, self->sunk->len, "earlyearly", 10);
  fixture_write (self, "more", 4);
  while (self->sunk->len < 14)
    fixture_turn (self);
  g_assert_cmpmem (self->sunk->data, self->sunk->len, "earlyearlymore", 14);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 detached reason 4\nstream 1 attached\n"
                               "stream 1 succeeded\n");
  g_assert_cmpuint (cepa_application_get_bytes_written (self->application), ==, 9); /* once */
  cepa_application_abort (g_steal_pointer (&self->application));
  fixture_expect_events (self, "stream 1 ended\n");
}

/* Both refuse: the application hears what they said. */
static void
test_all_exits_refuse (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->refusal = CEPA_END_RESOLVEFAILED;
  fixture_check_refused (self, "refuses", 4);
  g_assert_cmpuint (self->n_begun, ==, 2);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 detached reason 2\nstream 1 attached\n"
                               "stream 1 detached reason 2\nstream 1 failed reason 2\n");
}

/* An exit says that its circuit is gone, which it is not. That is a refusal as any other, not a reason to ask the
   same exit again and again. */
static void
test_exit_says_destroy (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->refusal = CEPA_END_DESTROY;
  fixture_request (self, "refuses", "");
  while (self->read->len < 10)
    {
      g_assert_cmpuint (self->n_begun, <=, 3);
      fixture_turn (self);
    }
  g_assert_cmpuint (self->read->data[1], !=, 0);
  g_byte_array_set_size (self->read, 0);
  fixture_expect_end (self);
}

static void
test_no_exit_for_port (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_write (self, "\5\1\0\5\1\0\3\1a\0\31", 11);
  fixture_expect (self, "\5\0", 2);
  fixture_expect_reply (self, 2);
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 failed\n");
}

/* Nothing of these leaves the process. */
static void
test_refused_targets (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const hosts[] = { "x.onion", "X.ONION..", "127.0.0.1", "localhost", "a.exit", "a b" };

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      if (i > 0)
        fixture_connect (self);
      fixture_check_refused (self, hosts[i], 2);
    }
  g_assert_cmpuint (self->n_begun, ==, 0);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream"), ==, 2 * G_N_ELEMENTS (hosts));
}

static void
test_not_socks (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_write (self, "GET / HTTP/1.0\r\n\r\n", 18);
  fixture_read (self, 20);
  g_assert_cmpmem (self->read->data, 7, "HTTP/1.", 7);
  g_byte_array_set_size (self->read, 0);
  while (!self->is_at_end)
    fixture_turn (self);
  while (self->application != NULL)
    fake_network_turn (&self->network);
  fixture_expect_events (self, ""); /* it asked for no stream */
}

/* ---- what goes in the middle ---- */

static void
test_circuit_goes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *begin;
  FakeLink *link;

  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  begin = fixture_last_begin (self, &link);
  exit_say (link, begin, CEPA_RELAY_DATA, "last", 4);
  fake_relay_send_cell (link->relay, begin->circuit_id, CEPA_CELL_DESTROY, "\11", 1);
  fake_link_flush (link);
  fixture_expect (self, "last", 4);
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 succeeded\nstream 1 ended reason 5\n");
}

/* Before it is connected another circuit is asked, and another one, but not without end. */
static void
test_circuit_goes_early (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_request (self, "destroys", "early");
  fixture_expect_reply (self, 1);
  fixture_expect_end (self);
  g_assert_cmpuint (self->n_begun, ==, 10);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream 1 attached"), ==, 10);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream 1 detached"), ==, 9);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream 1 failed"), ==, 1);
}

static void
test_relay_goes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  fake_link_close (g_ptr_array_index (self->network.server->links, 0));
  fixture_expect_end (self);
}

/* The exit learns that it is over, and not why. */
static void
test_application_goes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *begin, *end;
  FakeLink *link;

  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  begin = fixture_last_begin (self, &link);
  exit_send_much (link, begin);
  fixture_disconnect (self);
  while ((end = fake_relay_find_message (link->relay, CEPA_RELAY_END, 0)) == NULL || self->application != NULL)
    fake_network_turn (&self->network);
  g_assert_cmpmem (end->message.data, end->message.len, "\1", 1);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 succeeded\nstream 1 ended\n");
}

/* ---- for who watches and controls ---- */

static void
test_watched (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *target = NULL;
  const FakeCell *begin;
  FakeLink *link;

  g_assert_cmpint (cepa_application_get_state (self->application), ==, CEPA_APPLICATION_NONE);
  fixture_request (self, "Example.com", "");
  g_assert_cmpint (cepa_application_get_state (self->application), ==, CEPA_APPLICATION_NEW);
  g_assert_cmpuint (cepa_application_get_circuit_number (self->application), ==, 0);
  fixture_expect_reply (self, 0);
  g_assert_cmpint (cepa_application_get_state (self->application), ==, CEPA_APPLICATION_OPEN);
  target = cepa_application_dup_target (self->application);
  g_assert_cmpstr (target, ==, "example.com:80");
  g_assert_cmpstr (cepa_application_get_source (self->application), ==, "127.0.0.1:40000");
  g_assert_cmpint (cepa_application_get_created_us (self->application), ==, FAKE_NOW_S * G_USEC_PER_SEC);
  g_assert_nonnull (cepa_circuits_find_by_number (self->network.circuits,
                                                  cepa_application_get_circuit_number (self->application)));
  fixture_write (self, "hello", 5);
  while (self->sunk->len < 5)
    fixture_turn (self);
  begin = fixture_last_begin (self, &link);
  exit_say (link, begin, CEPA_RELAY_DATA, "good day", 8);
  fake_link_flush (link);
  fixture_expect (self, "good day", 8);
  g_assert_cmpuint (cepa_application_get_bytes_read (self->application), ==, 8);
  g_assert_cmpuint (cepa_application_get_bytes_written (self->application), ==, 5);
}

static void
test_closed_by_controller (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_request (self, "a.example", "");
  fixture_expect_reply (self, 0);
  cepa_application_close (self->application, CEPA_END_MISC);
  g_assert_cmpint (cepa_application_get_state (self->application), ==, CEPA_APPLICATION_CLOSED);
  cepa_application_close (self->application, CEPA_END_MISC); /* does nothing */
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 succeeded\nstream 1 ended reason 1\n");
  fixture_disconnect (self);
}

/* Before it is connected: the application is told. */
static void
test_closed_by_controller_early (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_request (self, "silent", "");
  while (self->n_begun == 0)
    fixture_turn (self);
  cepa_application_close (self->application, CEPA_END_CONNECTREFUSED);
  fixture_expect_reply (self, 5);
  fixture_expect_end (self);
  fixture_expect_events (self, "stream 1 new\nstream 1 attached\nstream 1 failed reason 3\n");
}

/* The application goes away, or is sent away, at any moment of the way up. */
static void
test_goes_at_any_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint turns = 0; turns < 60; turns += 2)
    for (guint aborts = 0; aborts < 2; aborts++)
      {
        if (self->application == NULL)
          fixture_connect (self);
        fixture_write (self, "\5\1\0\5\1\0\3\6source\0\120early", 21);
        for (guint i = 0; i < turns; i++)
          g_main_context_iteration (self->network.context, FALSE);
        if (aborts)
          cepa_application_abort (g_steal_pointer (&self->application));
        fixture_disconnect (self);
        while (self->application != NULL)
          fake_network_turn (&self->network);
      }
}

#define ADD(path, func) g_test_add ("/application/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("talk", test_talk);
  ADD ("early-data", test_early_data);
  ADD ("half-close", test_half_close);
  ADD ("upload", test_upload);
  ADD ("upload-then-shutdown", test_upload_then_shutdown);
  ADD ("slow-reader", test_slow_reader);
  ADD ("slow-reader-end", test_slow_reader_end);
  ADD ("exit-country-refused", test_exit_country_refused);
  ADD ("tracked-exit", test_tracked_exit);
  g_test_add ("/application/keeps-alive", Fixture, NULL, fixture_set_up_timed, test_keeps_alive, fixture_tear_down);
  ADD ("refused", test_refused);
  ADD ("other-exit", test_other_exit);
  ADD ("all-exits-refuse", test_all_exits_refuse);
  ADD ("exit-says-destroy", test_exit_says_destroy);
  ADD ("no-exit-for-port", test_no_exit_for_port);
  ADD ("refused-targets", test_refused_targets);
  ADD ("not-socks", test_not_socks);
  ADD ("circuit-goes", test_circuit_goes);
  ADD ("circuit-goes-early", test_circuit_goes_early);
  ADD ("relay-goes", test_relay_goes);
  ADD ("application-goes", test_application_goes);
  ADD ("watched", test_watched);
  ADD ("closed-by-controller", test_closed_by_controller);
  ADD ("closed-by-controller-early", test_closed_by_controller_early);
  ADD ("goes-at-any-time", test_goes_at_any_time);
  return g_test_run ();
}
