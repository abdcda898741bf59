/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows and what may be sent when. */
#include "fixture.h"

static void
fixture_send (Fixture *self, guint8 command, guint16 stream_id, guint len)
{
  guint8 data[CEPA_RELAY_MAX_DATA];

  memset (data, 0x55, sizeof data);
  cepa_circuit_send_message (self->circuit, command, stream_id, data, len);
}

static guint
count_early (FakeRelay *relay)
{
  guint n = 0;

  while (fake_relay_find_cell (relay, CEPA_CELL_RELAY_EARLY, n) != NULL)
    n++;
  return n;
}

/* 8 or 7 of them, by chance, and never more; the rest are RELAY. */
static void
test_relay_early_budget (void)
{
  guint seen[2] = { 0 };

  for (guint seed = 0; seed < 12; seed++)
    {
      Fixture f;
      guint n;

      fixture_set_up (&f, NULL);
      cepa_random_seeded_init (&f.random, seed);
      fixture_open (&f, 3);
      for (guint i = 0; i < 20; i++)
        fixture_send (&f, CEPA_RELAY_DATA, 1, 10);
      fixture_pump (&f);
      n = count_early (f.relay);
      g_assert_cmpuint (n, >=, 7);
      g_assert_cmpuint (n, <=, 8);
      seen[n - 7]++;
      /* They are the first ones. */
      g_assert_cmpuint (fake_relay_find_message (f.relay, CEPA_RELAY_DATA, n - 3)->command, ==,
                        CEPA_CELL_RELAY_EARLY);
      g_assert_cmpuint (fake_relay_find_message (f.relay, CEPA_RELAY_DATA, n - 2)->command, ==, CEPA_CELL_RELAY);
      fixture_tear_down (&f, NULL);
    }
  g_assert_cmpuint (seen[0], >, 0);
  g_assert_cmpuint (seen[1], >, 0);
}

/* Nothing on a circuit of one hop needs it but EXTEND2. */
static void
test_relay_early_one_hop (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 1);
  fixture_send (self, CEPA_RELAY_BEGIN_DIR, 1, 0);
  fixture_send (self, CEPA_RELAY_DATA, 1, 10);
  fixture_pump (self);
  g_assert_cmpuint (count_early (self->relay), ==, 0);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_DATA), ==, 1);
}

/* 4 zero bytes behind the message, then what looks like random ones. */
static void
check_padding (const FakeCell *cell)
{
  guint used = CEPA_RELAY_HEADER_LEN + cell->message.len, left = CEPA_CELL_BODY_LEN - used, n_values = 0;
  gboolean seen[256] = { FALSE };

  for (guint at = 0; at < cell->message.len; at++)
    g_assert_cmpuint (cell->message.data[at], ==, 0x55);
  for (guint at = 0; at < MIN (left, 4); at++)
    g_assert_cmpuint (cell->body[used + at], ==, 0);
  for (guint at = used + 4; at < CEPA_CELL_BODY_LEN; at++)
    {
      n_values += !seen[cell->body[at]];
      seen[cell->body[at]] = TRUE;
    }
  if (left > 400)
    g_assert_cmpuint (n_values, >, 150);
}

/* Proposal 289: no two cells have the same, and what lay in the queue's memory before is not sent. */
static void
test_padding (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint lengths[] = { 0, 1, 490, 493, 494, 495, 497, 498, 0 };
  const FakeCell *first, *last;

  fixture_open (self, 3);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    fixture_send (self, CEPA_RELAY_DATA, 1, lengths[i]);
  fixture_pump (self);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      const FakeCell *cell = fake_relay_find_message (self->relay, CEPA_RELAY_DATA, i);

      g_assert_cmpuint (cell->message.len, ==, lengths[i]);
      check_padding (cell);
    }
  first = fake_relay_find_message (self->relay, CEPA_RELAY_DATA, 0);
  last = fake_relay_find_message (self->relay, CEPA_RELAY_DATA, G_N_ELEMENTS (lengths) - 1);
  g_assert_cmpint (memcmp (first->body + 50, last->body + 50, 400), !=, 0);
}

/* Nor have two circuits. */
static void
test_padding_of_circuits (void)
{
  guint8 bodies[2][CEPA_CELL_BODY_LEN];

  for (guint i = 0; i < 2; i++)
    {
      Fixture f;

      fixture_set_up (&f, NULL);
      cepa_random_seeded_init (&f.random, i + 1);
      fixture_open (&f, 1);
      fixture_send (&f, CEPA_RELAY_DATA, 1, 0);
      fixture_pump (&f);
      memcpy (bodies[i], fake_relay_find_message (f.relay, CEPA_RELAY_DATA, 0)->body, CEPA_CELL_BODY_LEN);
      fixture_tear_down (&f, NULL);
    }
  g_assert_cmpint (memcmp (bodies[0] + 50, bodies[1] + 50, 400), !=, 0);
}

/* ---- windows ---- */

static void
test_sendmes_sent (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 tags[3][CEPA_TOR1_TAG_LEN];

  fixture_open (self, 3);
  for (guint i = 0; i < 350; i++)
    {
      guint8 tag[CEPA_TOR1_TAG_LEN];

      fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_DATA, (guint16) (1 + i % 3),
                               "abc", 3, tag);
      if (i % STEP == STEP - 1)
        memcpy (tags[i / STEP], tag, sizeof tag);
      /* What is not DATA does not count. */
      fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_CONNECTED, 1, NULL, 0, NULL);
      if (i == 98 || i == 199)
        {
          fixture_pump (self);
          g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_SENDME), ==, i == 98 ? 0 : 2);
        }
    }
  fixture_pump (self);
  g_assert_cmpuint (self->n_data, ==, 350);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_SENDME), ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      const FakeCell *sendme = fake_relay_find_message (self->relay, CEPA_RELAY_SENDME, i);

      g_assert_cmpuint (sendme->hop, ==, 2);
      g_assert_cmpuint (sendme->message.stream_id, ==, 0);
      g_assert_cmpuint (sendme->message.len, ==, 3 + CEPA_TOR1_TAG_LEN);
      g_assert_cmpmem (sendme->message.data, 3, "\1\0\24", 3);
      g_assert_cmpmem (sendme->message.data + 3, CEPA_TOR1_TAG_LEN, tags[i], CEPA_TOR1_TAG_LEN);
    }
}

/* A SENDME of version 1 with @tag, and @extra more bytes of tag. */
static void
fixture_acknowledge (Fixture *self, const guint8 *tag, guint extra)
{
  guint8 body[3 + CEPA_TOR1_TAG_LEN + 12] = { 1, 0, (guint8) (CEPA_TOR1_TAG_LEN + extra) };

  memcpy (body + 3, tag, CEPA_TOR1_TAG_LEN);
  fixture_say (self, cepa_circuit_get_n_hops (self->circuit) - 1, CEPA_RELAY_SENDME, 0, body,
               3 + CEPA_TOR1_TAG_LEN + extra);
}

static guint
fixture_send_all (Fixture *self)
{
  guint n = 0;

  while (cepa_circuit_can_send_data (self->circuit))
    {
      fixture_send (self, CEPA_RELAY_DATA, 1, 20);
      n++;
      fixture_pump (self); /* so that the channel always has room */
    }
  return n;
}

static const guint8 *
fixture_tag_of_step (Fixture *self, guint step)
{
  return fake_relay_find_message (self->relay, CEPA_RELAY_DATA, (step + 1) * STEP - 1)->tag;
}

static void
test_package_window (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  g_assert_cmpuint (fixture_send_all (self), ==, WINDOW);
  g_assert_cmpuint (self->n_sendable, ==, 0);
  /* Other messages do not wait. */
  fixture_send (self, CEPA_RELAY_BEGIN, 2, 5);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_BEGIN), ==, 1);
  for (guint step = 0; step < 25; step++)
    {
      fixture_acknowledge (self, fixture_tag_of_step (self, step), 0);
      g_assert_cmpuint (self->n_sendable, ==, step + 1);
      g_assert_cmpuint (fixture_send_all (self), ==, STEP);
    }
  /* All ten that are on their way, then none. */
  for (guint step = 25; step < 35; step++)
    fixture_acknowledge (self, fixture_tag_of_step (self, step), 0);
  g_assert_cmpuint (self->n_sendable, ==, 26);
  g_assert_cmpuint (self->n_closed, ==, 0);
  fixture_acknowledge (self, fixture_tag_of_step (self, 34), 0);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_package_window_of_consensus (void)
{
  static const guint windows[][2] = { { 100, 100 }, { 150, 150 }, { 0, 100 }, { 5000, 1000 }, { 999, 999 } };

  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    {
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_new_circuit (&f, 3, FALSE, windows[i][0]);
      fixture_pump (&f);
      g_assert_cmpuint (fixture_send_all (&f), ==, windows[i][1]);
      fixture_acknowledge (&f, fixture_tag_of_step (&f, 0), 0);
      g_assert_cmpuint (fixture_send_all (&f), ==, STEP);
      fixture_tear_down (&f, NULL);
    }
}

/* Of a longer tag the first 20 bytes count. */
static void
test_sendme_longer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fixture_send_all (self);
  fixture_acknowledge (self, fixture_tag_of_step (self, 0), 12);
  g_assert_cmpuint (self->n_sendable, ==, 1);
  g_assert_cmpuint (self->n_closed, ==, 0);
}

static void
test_closed_in_sendable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fixture_send_all (self);
  self->close_in_sendable = TRUE;
  fixture_acknowledge (self, fixture_tag_of_step (self, 0), 0);
  fixture_check_closed (self, CEPA_ERROR_CANCELLED, TRUE);
}

static void
check_sendme_refused (const guint8 *body, guint len, guint n_sent)
{
  Fixture f;

  fixture_set_up (&f, NULL);
  fixture_open (&f, 3);
  for (guint i = 0; i < n_sent; i++)
    fixture_send (&f, CEPA_RELAY_DATA, 1, 20);
  fixture_pump (&f);
  fixture_say (&f, 2, CEPA_RELAY_SENDME, 0, body, len);
  fixture_check_closed (&f, CEPA_ERROR_PROTOCOL, TRUE);
  fixture_tear_down (&f, NULL);
}

static void
test_sendme_wrong (void)
{
  guint8 body[3 + CEPA_TOR1_TAG_LEN] = { 1, 0, CEPA_TOR1_TAG_LEN };

  check_sendme_refused (body, sizeof body, 100);     /* another tag */
  check_sendme_refused (body, sizeof body, 99);      /* nothing to acknowledge */
  check_sendme_refused (NULL, 0, 100);               /* version 0 */
  check_sendme_refused (body, sizeof body - 1, 100); /* cut */
  check_sendme_refused (body, 1, 100);
  body[0] = 0;
  check_sendme_refused (body, sizeof body, 100);
  body[0] = 2;
  check_sendme_refused (body, sizeof body, 100);
  body[0] = 1;
  body[2] = 19;
  check_sendme_refused (body, sizeof body, 100); /* a tag that is too short */
}

/* The tags come back in the order in which they were sent. */
static void
test_sendme_out_of_order (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fixture_send_all (self);
  fixture_acknowledge (self, fixture_tag_of_step (self, 1), 0);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

/* We acknowledge each hundred at once, so that the window never closes on an exit, however much it sends. */
static void
test_deliver_window (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 1);
  for (guint i = 0; i < 3 * WINDOW; i++)
    fake_relay_send_message (self->relay, fixture_circuit_id (self), 0, CEPA_RELAY_DATA, 1, "a", 1, NULL);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (self->n_data, ==, 3 * WINDOW);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_SENDME), ==, 3 * WINDOW / STEP);
}

static void
test_deliver_window_closed (void)
{
  g_autoptr (GError) error = NULL;
  CepaCircuitFlow flow;
  gboolean wants_sendme = TRUE;

  cepa_circuit_flow_init (&flow, WINDOW);
  flow.deliver_window = 1;
  g_assert_true (cepa_circuit_flow_note_received (&flow, &wants_sendme, &error));
  g_assert_no_error (error);
  g_assert_false (wants_sendme);
  g_assert_false (cepa_circuit_flow_note_received (&flow, &wants_sendme, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
}

/* The channel is full: streams are told no, and again yes when it has room. */
static void
test_channel_full (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n = 0;

  fixture_open (self, 3);
  for (; cepa_circuit_can_send_data (self->circuit); n++)
    fixture_send (self, CEPA_RELAY_DATA, 1, 20);
  g_assert_cmpuint (n, ==, (CEPA_CHANNEL_HIGH_WATER + CEPA_CELL_MAX_LEN - 1) / CEPA_CELL_MAX_LEN);
  g_assert_cmpuint (self->n_sendable, ==, 0);
  fixture_pump (self);
  g_assert_cmpuint (self->n_sendable, ==, 1);
}

/* Both at once: the window opens first, and streams hear of it when the channel has room too. */
static void
test_window_opens_while_channel_full (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[3 + CEPA_TOR1_TAG_LEN] = { 1, 0, CEPA_TOR1_TAG_LEN };

  fixture_open (self, 3);
  fixture_send_all (self);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_HIGH_WATER);
  memcpy (body + 3, fixture_tag_of_step (self, 0), CEPA_TOR1_TAG_LEN);
  fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_SENDME, 0, body, sizeof body, NULL);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (self->n_sendable, ==, 0);
  cepa_channel_note_sent (self->channel, 0);
  g_assert_cmpuint (self->n_sendable, ==, 1);
}

#define ADD(path, func) g_test_add ("/circuit/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  g_test_add_func ("/circuit/relay-early/budget", test_relay_early_budget);
  ADD ("relay-early/one-hop", test_relay_early_one_hop);
  ADD ("padding", test_padding);
  g_test_add_func ("/circuit/padding-of-circuits", test_padding_of_circuits);
  ADD ("window/sendmes-sent", test_sendmes_sent);
  ADD ("window/package", test_package_window);
  g_test_add_func ("/circuit/window/package-of-consensus", test_package_window_of_consensus);
  ADD ("window/sendme-longer", test_sendme_longer);
  ADD ("window/closed-in-sendable", test_closed_in_sendable);
  g_test_add_func ("/circuit/window/sendme-wrong", test_sendme_wrong);
  ADD ("window/sendme-out-of-order", test_sendme_out_of_order);
  ADD ("window/deliver", test_deliver_window);
  g_test_add_func ("/circuit/window/deliver-closed", test_deliver_window_closed);
  ADD ("window/channel-full", test_channel_full);
  ADD ("window/opens-while-channel-full", test_window_opens_while_channel_full);
  return g_test_run ();
}
