/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits through a relay that plays every hop: building, relay messages, windows, the end. */
#include "circuit/extend.h"
#include "fixture.h"

/* ---- building ---- */

static void
test_three_hops (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *extend;
  CepaCircuitHop hop;
  g_autofree char *path = NULL;

  fixture_open (self, 3);
  g_assert_cmpuint (self->n_opened, ==, 1);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 3);
  g_assert_cmpuint (fake_relay_count_messages (self->relay, CEPA_RELAY_EXTEND2), ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      guint8 start[] = { 3, 0, 6, 10, (guint8) (i + 1), 0, 1, 0x23, (guint8) (0x29 + i + 1), 2, 20 };

      extend = fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, i);
      fake_relay_get_hop (i + 1, &hop);
      g_assert_cmpuint (extend->hop, ==, i);
      g_assert_cmpuint (extend->command, ==, CEPA_CELL_RELAY_EARLY);
      g_assert_cmpuint (extend->message.stream_id, ==, 0);
      /* IPv4, RSA identity, Ed25519 identity; then type 2 (ntor) and its onionskin. */
      g_assert_cmpmem (extend->message.data, sizeof start, start, sizeof start);
      g_assert_cmpmem (extend->message.data + 11, 20, hop.target.rsa_id, 20);
      g_assert_cmpmem (extend->message.data + 31, 2, "\3\40", 2);
      g_assert_cmpmem (extend->message.data + 33, 32, hop.target.ed25519_id, 32);
      g_assert_cmpuint (extend->message.len, ==, 65 + 4 + 84);
    }
  g_assert_cmpuint (cepa_circuit_get_n_hops (self->circuit), ==, 3);
  g_assert_cmpuint (cepa_circuit_get_number (self->circuit), ==, 7);
  g_assert_true (cepa_circuit_get_channel (self->circuit) == self->channel);
  g_assert_cmpstr (cepa_circuit_get_hop (self->circuit, 2)->nickname, ==, "hop2");
  path = cepa_circuit_describe_path (self->circuit);
  g_assert_cmpstr (path, ==,
                   "$BDCF8C144E42B635D0701539B9EF3705F2201AA6~hop0 at 127.0.0.1:9001, "
                   "$6161616161616161616161616161616161616161~hop1 at 10.1.0.1:9002, "
                   "$6262626262626262626262626262626262626262~hop2 at 10.2.0.1:9003");
  fixture_close (self);
  fixture_check_closed (self, CEPA_ERROR_CANCELLED, TRUE);
}

static void
test_eight_hops (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, CEPA_CIRCUIT_MAX_HOPS);
  for (guint i = 0; i < CEPA_CIRCUIT_MAX_HOPS - 1; i++)
    g_assert_cmpuint (fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, i)->command, ==,
                      CEPA_CELL_RELAY_EARLY);
}

/* ---- longer ---- */

/* One hop more: it is built by the former last one, who may say nothing else from then on. */
static void
test_extend (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const FakeCell *extend;
  CepaCircuitHop hop;

  fixture_open (self, 3);
  fake_relay_get_hop (3, &hop);
  g_assert_true (cepa_circuit_may_extend (self->circuit));
  cepa_circuit_extend (self->circuit, &hop);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_BUILDING);
  g_assert_cmpuint (cepa_circuit_get_n_hops (self->circuit), ==, 4);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 3);
  g_assert_false (cepa_circuit_may_extend (self->circuit));
  g_assert_false (cepa_circuit_can_send_data (self->circuit));
  fixture_pump (self);
  extend = fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, 2);
  g_assert_cmpuint (extend->hop, ==, 2);
  g_assert_cmpuint (extend->command, ==, CEPA_CELL_RELAY_EARLY);
  g_assert_cmpmem (extend->message.data + 11, 20, hop.target.rsa_id, 20);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
  g_assert_cmpuint (self->n_opened, ==, 2);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 4);
  g_assert_cmpstr (cepa_circuit_get_hop (self->circuit, 3)->nickname, ==, "hop3");
  fixture_say (self, 3, CEPA_RELAY_CONNECTED, 5, NULL, 0);
  g_assert_cmpuint (self->last_command, ==, CEPA_RELAY_CONNECTED);
  cepa_circuit_send_message (self->circuit, CEPA_RELAY_BEGIN, 5, "a.example:80", 13);
  fixture_pump (self);
  g_assert_cmpuint (fake_relay_find_message (self->relay, CEPA_RELAY_BEGIN, 0)->hop, ==, 3);
  fixture_say (self, 2, CEPA_RELAY_CONNECTED, 6, NULL, 0);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

/* As far as there is a RELAY_EARLY cell for it, and places; an EXTEND2 is never sent in RELAY. */
static void
test_extend_limit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitHop hop;
  guint n_hops = 3;

  fixture_open (self, n_hops);
  /* Six or five are left; two go with messages to the last hop. */
  for (guint i = 0; i < 2; i++)
    cepa_circuit_send_message (self->circuit, CEPA_RELAY_BEGIN, 5, "a.example:80", 13);
  for (; cepa_circuit_may_extend (self->circuit); n_hops++)
    {
      fake_relay_get_hop (n_hops, &hop);
      cepa_circuit_extend (self->circuit, &hop);
      fixture_pump (self);
      g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
    }
  g_assert_cmpuint (n_hops, >=, 6);
  g_assert_cmpuint (n_hops, <=, 7);
  for (guint i = 0; i < n_hops - 1; i++)
    g_assert_cmpuint (fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, i)->command, ==,
                      CEPA_CELL_RELAY_EARLY);
}

/* The relay that it is extended to is not there. */
static void
test_extend_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const guint8 reason = CEPA_DESTROY_CONNECTFAILED;
  CepaCircuitHop hop;

  fixture_open (self, 3);
  self->relay->is_silent = TRUE;
  fake_relay_get_hop (3, &hop);
  cepa_circuit_extend (self->circuit, &hop);
  fixture_pump (self);
  fixture_say (self, 2, CEPA_RELAY_TRUNCATED, 0, &reason, 1);
  fixture_check_closed (self, CEPA_ERROR_CLOSED, TRUE);
  g_assert_cmpuint (cepa_circuit_get_remote_reason (self->circuit), ==, reason);
}

static void
test_create_fast (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_new_circuit (self, 1, TRUE, WINDOW);
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
  g_assert_nonnull (fake_relay_find_cell (self->relay, CEPA_CELL_CREATE_FAST, 0));
  g_assert_null (fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fixture_say (self, 0, CEPA_RELAY_CONNECTED, 5, NULL, 0);
  g_assert_cmpuint (self->last_command, ==, CEPA_RELAY_CONNECTED);
}

static void
test_create_fast_wrong (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->spoil_auth = TRUE;
  fixture_new_circuit (self, 1, TRUE, WINDOW);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_wrong_auth (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->spoil_auth = TRUE;
  fixture_new_circuit (self, 3, FALSE, WINDOW);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 0);
}

/* Spoils what comes after the first hop. */
static void
spoil_after_create (FakeRelay *relay, const FakeCell *cell, G_GNUC_UNUSED gpointer user_data)
{
  relay->spoil_auth |= cell->command == CEPA_CELL_CREATE2;
}

static void
test_wrong_auth_extended (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->heard = spoil_after_create;
  fixture_new_circuit (self, 3, FALSE, WINDOW);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 1);
}

/* A circuit whose CREATE2 is out and not answered. */
static void
fixture_create (Fixture *self)
{
  fixture_pump (self);
  self->relay->is_silent = TRUE;
  fixture_new_circuit (self, 3, FALSE, WINDOW);
  fixture_pump (self);
  g_assert_nonnull (fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
}

static void
check_created_refused (guint8 command, const guint8 *body, gsize len)
{
  Fixture f;

  fixture_set_up (&f, NULL);
  fixture_create (&f);
  fake_relay_send_cell (f.relay, fixture_circuit_id (&f), command, body, len);
  fixture_check_closed (&f, CEPA_ERROR_PROTOCOL, TRUE);
  fixture_tear_down (&f, NULL);
}

static void
test_created_wrong (void)
{
  guint8 body[CEPA_CELL_BODY_LEN] = { 0 };
  static const guint8 commands[] = { CEPA_CELL_CREATED, CEPA_CELL_CREATED_FAST, CEPA_CELL_RELAY };
  static const guint lengths[] = { 0, 63, 65, 507, 508, 65535 };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    check_created_refused (commands[i], body, sizeof body);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      body[0] = (guint8) (lengths[i] >> 8);
      body[1] = (guint8) lengths[i];
      check_created_refused (CEPA_CELL_CREATED2, body, sizeof body);
    }
  /* Of the right length, all zeros: the point that gives no secret. */
  body[0] = 0;
  body[1] = 64;
  check_created_refused (CEPA_CELL_CREATED2, body, sizeof body);
}

/* A good answer, but to CREATE_FAST, which was not sent: its secret would be all zeros. */
static void
test_created_fast_unasked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  FakeCell create = { .command = CEPA_CELL_CREATE_FAST };

  fixture_create (self);
  create.circuit_id = fixture_circuit_id (self);
  fake_relay_answer (self->relay, &create);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 0);
}

/* A good answer that says it is longer. */
static void
test_created_longer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  g_assert_cmpuint (self->relay->output->data[CEPA_CELL_MAX_HEADER + 1], ==, 64);
  self->relay->output->data[CEPA_CELL_MAX_HEADER + 1] = 65;
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 0);
}

static void
test_created_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[66] = { 0, 64 };

  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fake_relay_send_cell (self->relay, fixture_circuit_id (self), CEPA_CELL_CREATED2, body, sizeof body);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 1);
}

static void
test_created_when_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[66] = { 0, 64 };

  fixture_open (self, 1);
  fake_relay_send_cell (self->relay, fixture_circuit_id (self), CEPA_CELL_CREATED2, body, sizeof body);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_extended_unasked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[66] = { 0, 64 };

  fixture_open (self, 3);
  fixture_say (self, 2, CEPA_RELAY_EXTENDED2, 0, body, sizeof body);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

/* Two hops are there, the second was asked to extend, and the first answers, in the right way. */
static void
test_extended_by_another (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  FakeCell extend;

  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fixture_pump (self);
  fake_relay_answer (self->relay, fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, 0));
  fixture_pump (self);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 2);
  extend = *fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, 1);
  extend.hop = 0;
  fake_relay_answer (self->relay, &extend);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 2);
}

static void
test_extended_wrong_length (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[66] = { 0, 65 };

  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fixture_pump (self);
  fixture_say (self, 0, CEPA_RELAY_EXTENDED2, 0, body, sizeof body);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_closed_in_opened (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->close_in_opened = TRUE;
  fixture_new_circuit (self, 2, FALSE, WINDOW);
  fixture_check_closed (self, CEPA_ERROR_CANCELLED, TRUE);
  g_assert_cmpuint (self->n_opened, ==, 1);
}

static void
test_closed_before_channel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_new_circuit (self, 3, FALSE, WINDOW);
  fixture_close (self);
  fixture_check_closed (self, CEPA_ERROR_CANCELLED, FALSE);
  g_assert_null (fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
}

static void
test_channel_gone (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "of the test");

  fixture_open (self, 3);
  cepa_channel_close (self->channel, reason);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_cmpuint (self->n_streams_closed, ==, 1);
  g_assert_error (self->reason, CEPA_ERROR, CEPA_ERROR_TIMEOUT);
  g_assert_cmpuint (cepa_channel_get_output (self->channel)->len, ==, 0);
}

/* On a channel that is gone the owner hears of it within the call. */
static void
test_build_on_closed_channel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "of the test");

  cepa_channel_close (self->channel, reason);
  fixture_new_circuit (self, 3, FALSE, WINDOW);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_error (self->reason, CEPA_ERROR, CEPA_ERROR_CLOSED);
}

/* ---- what ends an open circuit ---- */

static void
test_destroy (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fake_relay_send_cell (self->relay, fixture_circuit_id (self), CEPA_CELL_DESTROY, "\5", 1);
  fixture_check_closed (self, CEPA_ERROR_CLOSED, FALSE);
  g_assert_nonnull (strstr (self->reason->message, "RESOURCELIMIT"));
}

static void
test_destroy_unknown_reason (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_create (self);
  fake_relay_send_cell (self->relay, fixture_circuit_id (self), CEPA_CELL_DESTROY, "\377", 1);
  fixture_check_closed (self, CEPA_ERROR_CLOSED, FALSE);
  g_assert_nonnull (strstr (self->reason->message, "UNKNOWN"));
}

static void
test_truncated (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fixture_say (self, 1, CEPA_RELAY_TRUNCATED, 0, "\6", 1);
  fixture_check_closed (self, CEPA_ERROR_CLOSED, TRUE);
  g_assert_nonnull (strstr (self->reason->message, "CONNECTFAILED"));
}

static void
test_truncated_empty (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fixture_say (self, 1, CEPA_RELAY_TRUNCATED, 0, NULL, 0);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_truncated_building (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fixture_pump (self);
  fixture_say (self, 0, CEPA_RELAY_TRUNCATED, 0, "\7", 1);
  fixture_check_closed (self, CEPA_ERROR_CLOSED, TRUE);
}

static void
test_relay_early_inbound (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  /* A good message, but for the command of its cell. */
  fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_DROP, 0, NULL, 0, NULL);
  g_assert_cmpuint (self->relay->output->data[4], ==, CEPA_CELL_RELAY);
  self->relay->output->data[4] = CEPA_CELL_RELAY_EARLY;
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

static void
test_unrecognised (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_DROP, 0, NULL, 0, NULL);
  self->relay->output->data[100] ^= 1;
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

/* A message as long as there is room for is good; a hop that says it has more is not believed. */
static void
test_message_too_long (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 bytes[CEPA_RELAY_MAX_DATA] = { 0 };

  fixture_open (self, 1);
  fixture_say (self, 0, CEPA_RELAY_DATA, 1, bytes, CEPA_RELAY_MAX_DATA);
  g_assert_cmpuint (self->last_len, ==, CEPA_RELAY_MAX_DATA);
  fixture_say (self, 0, CEPA_RELAY_DATA, 1, NULL, CEPA_RELAY_MAX_DATA + 1);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
  g_assert_cmpuint (self->n_data, ==, 1);
}

/* Everything that only the last hop of an open circuit may send, from another hop or before. */
static void
test_wrong_hop (void)
{
  static const guint8 commands[] = { CEPA_RELAY_DATA, CEPA_RELAY_END, CEPA_RELAY_CONNECTED, CEPA_RELAY_SENDME,
                                     CEPA_RELAY_RESOLVED };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    for (guint building = 0; building < 2; building++)
      {
        Fixture f;

        fixture_set_up (&f, NULL);
        if (building)
          {
            fixture_create (&f);
            fake_relay_answer (f.relay, fake_relay_find_cell (f.relay, CEPA_CELL_CREATE2, 0));
            fixture_pump (&f);
          }
        else
          fixture_open (&f, 3);
        fixture_say (&f, 0, commands[i], 1, "\1", 1);
        fixture_check_closed (&f, CEPA_ERROR_PROTOCOL, TRUE);
        g_assert_cmpuint (f.n_messages, ==, 0);
        fixture_tear_down (&f, NULL);
      }
}

static void
test_messages_of_clients (void)
{
  static const guint8 commands[] = { CEPA_RELAY_BEGIN, CEPA_RELAY_BEGIN_DIR, CEPA_RELAY_RESOLVE,
                                     CEPA_RELAY_EXTEND2, CEPA_RELAY_TRUNCATE };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_open (&f, 3);
      fixture_say (&f, 2, commands[i], 1, "\1", 1);
      fixture_check_closed (&f, CEPA_ERROR_PROTOCOL, TRUE);
      fixture_tear_down (&f, NULL);
    }
}

static void
test_no_stream_id (void)
{
  static const guint8 commands[] = { CEPA_RELAY_DATA, CEPA_RELAY_END, CEPA_RELAY_CONNECTED };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_open (&f, 3);
      fixture_say (&f, 2, commands[i], 0, "\1", 1);
      fixture_check_closed (&f, CEPA_ERROR_PROTOCOL, TRUE);
      g_assert_cmpuint (f.n_messages, ==, 0);
      fixture_tear_down (&f, NULL);
    }
}

/* Padding, and commands that nobody knows, from any hop. */
static void
test_ignored (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  for (guint hop = 0; hop < 3; hop++)
    {
      fixture_say (self, hop, CEPA_RELAY_DROP, 0, NULL, 0);
      fixture_say (self, hop, CEPA_RELAY_DROP, 9, "abc", 3);
      fixture_say (self, hop, 250, 3, "abc", 3);
    }
  g_assert_cmpuint (self->n_messages, ==, 0);
  fixture_say (self, 2, CEPA_RELAY_CONNECTED, 1, NULL, 0);
  g_assert_cmpuint (self->n_messages, ==, 1);
}

static void
test_without_streams (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitStreams none = { 0 };

  fixture_open (self, 3);
  cepa_circuit_set_streams (self->circuit, &none);
  fixture_say (self, 2, CEPA_RELAY_DATA, 1, "a", 1);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_error (self->reason, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
}

static void
test_streams_refuse (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  self->refuse_message = TRUE;
  fixture_say (self, 2, CEPA_RELAY_END, 1, "\1", 1);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
}

/* Closed by the streams in mid-batch, with and without an error: what comes behind in the batch is not told. */
static void
test_closed_in_message (void)
{
  for (guint refuses = 0; refuses < 2; refuses++)
    {
      Fixture f;

      fixture_set_up (&f, NULL);
      fixture_open (&f, 3);
      f.n_batches = 0;
      f.close_in_message = TRUE;
      f.refuse_message = refuses;
      for (guint i = 0; i < 3; i++)
        fake_relay_send_message (f.relay, fixture_circuit_id (&f), 2, CEPA_RELAY_DATA, 1, "a", 1, NULL);
      fixture_check_closed (&f, CEPA_ERROR_CANCELLED, TRUE);
      g_assert_cmpuint (f.n_messages, ==, 1);
      g_assert_cmpuint (f.n_batches, ==, 0);
      fixture_tear_down (&f, NULL);
    }
}

static void
test_batches (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (self, 3);
  self->n_batches = 0;
  for (guint i = 0; i < 5; i++)
    fake_relay_send_message (self->relay, fixture_circuit_id (self), 2, CEPA_RELAY_DATA, 1, "a", 1, NULL);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (self->n_data, ==, 5);
  g_assert_cmpuint (self->n_batches, ==, 1);
}

/* ---- what goes out ---- */

#define ADD(path, func) g_test_add ("/circuit/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("build/three-hops", test_three_hops);
  ADD ("build/eight-hops", test_eight_hops);
  ADD ("build/extend", test_extend);
  ADD ("build/extend-limit", test_extend_limit);
  ADD ("build/extend-refused", test_extend_refused);
  ADD ("build/create-fast", test_create_fast);
  ADD ("build/create-fast-wrong", test_create_fast_wrong);
  ADD ("build/wrong-auth", test_wrong_auth);
  ADD ("build/wrong-auth-extended", test_wrong_auth_extended);
  g_test_add_func ("/circuit/build/created-wrong", test_created_wrong);
  ADD ("build/created-fast-unasked", test_created_fast_unasked);
  ADD ("build/created-longer", test_created_longer);
  ADD ("build/created-twice", test_created_twice);
  ADD ("build/created-when-open", test_created_when_open);
  ADD ("build/extended-unasked", test_extended_unasked);
  ADD ("build/extended-by-another", test_extended_by_another);
  ADD ("build/extended-wrong-length", test_extended_wrong_length);
  ADD ("build/closed-in-opened", test_closed_in_opened);
  ADD ("build/closed-before-channel", test_closed_before_channel);
  ADD ("build/channel-gone", test_channel_gone);
  ADD ("build/on-closed-channel", test_build_on_closed_channel);
  ADD ("end/destroy", test_destroy);
  ADD ("end/destroy-unknown-reason", test_destroy_unknown_reason);
  ADD ("end/truncated", test_truncated);
  ADD ("end/truncated-empty", test_truncated_empty);
  ADD ("end/truncated-building", test_truncated_building);
  ADD ("end/relay-early-inbound", test_relay_early_inbound);
  ADD ("end/unrecognised", test_unrecognised);
  ADD ("end/message-too-long", test_message_too_long);
  g_test_add_func ("/circuit/end/wrong-hop", test_wrong_hop);
  g_test_add_func ("/circuit/end/messages-of-clients", test_messages_of_clients);
  g_test_add_func ("/circuit/end/no-stream-id", test_no_stream_id);
  ADD ("end/without-streams", test_without_streams);
  ADD ("end/streams-refuse", test_streams_refuse);
  g_test_add_func ("/circuit/end/closed-in-message", test_closed_in_message);
  ADD ("ignored", test_ignored);
  ADD ("batches", test_batches);
  return g_test_run ();
}
