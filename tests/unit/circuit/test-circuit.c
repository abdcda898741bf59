/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits through a relay that plays every hop: building, relay messages, windows, the end. */
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

static void
fixture_close (Fixture *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_circuit_close (self->circuit, reason);
}

static void
owner_opened (gpointer user_data, CepaCircuit *circuit)
{
  Fixture *self = user_data;

  g_assert_cmpint (cepa_circuit_get_state (circuit), ==, CEPA_CIRCUIT_OPEN);
  self->n_opened++;
  if (self->close_in_opened)
    fixture_close (self);
}

static void
owner_closed (gpointer user_data, CepaCircuit *circuit, const GError *reason)
{
  Fixture *self = user_data;

  g_assert_cmpint (cepa_circuit_get_state (circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_null (cepa_circuit_get_channel (circuit));
  self->n_closed++;
  g_assert_null (self->reason);
  self->reason = g_error_copy (reason);
  fixture_close (self); /* does nothing */
}

static gboolean
streams_message (gpointer user_data, const CepaRelayMessage *message, GError **error)
{
  Fixture *self = user_data;

  self->n_messages++;
  self->n_data += message->command == CEPA_RELAY_DATA;
  self->last_command = message->command;
  self->last_len = message->len;
  if (self->close_in_message)
    fixture_close (self);
  if (self->refuse_message)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "of the test");
      return FALSE;
    }
  return TRUE;
}

static void
streams_batch_end (gpointer user_data)
{
  ((Fixture *) user_data)->n_batches++;
}

static void
streams_sendable (gpointer user_data)
{
  Fixture *self = user_data;

  g_assert_true (cepa_circuit_can_send_data (self->circuit));
  self->n_sendable++;
  if (self->close_in_sendable)
    fixture_close (self);
}

static void
streams_closed (gpointer user_data, G_GNUC_UNUSED const GError *reason)
{
  ((Fixture *) user_data)->n_streams_closed++;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelTarget target;

  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 1000, FAKE_NOW_S);
  cepa_random_seeded_init (&self->random, 1);
  fake_relay_get_target (&target);
  self->relay = fake_relay_new (5);
  self->channel = cepa_channel_new (&target, &self->clock.clock, &self->random.random);
  cepa_channel_start_handshake (self->channel, self->relay->tls_certificate);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
  cepa_channel_unref (self->channel);
  fake_relay_free (self->relay);
  g_clear_error (&self->reason);
}

static void
fixture_pump (Fixture *self)
{
  fake_relay_pump (self->relay, self->channel);
}

static void
fixture_new_circuit (Fixture *self, guint n_hops, gboolean fast, guint window)
{
  CepaCircuitOwner owner = { .opened = owner_opened, .closed = owner_closed, .user_data = self };
  CepaCircuitStreams streams
    = { streams_message, streams_batch_end, streams_sendable, streams_closed, self };
  CepaCircuitHop hops[CEPA_CIRCUIT_MAX_HOPS];

  for (guint i = 0; i < n_hops; i++)
    fake_relay_get_hop (i, &hops[i]);
  if (fast)
    hops[0].has_ntor_key = FALSE;
  self->circuit = cepa_circuit_new (7, hops, n_hops, window, TRUE, &self->random.random, &owner);
  cepa_circuit_set_streams (self->circuit, &streams);
  cepa_circuit_build (self->circuit, self->channel);
}

static void
fixture_open (Fixture *self, guint n_hops)
{
  fixture_new_circuit (self, n_hops, FALSE, WINDOW);
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
}

static guint32
fixture_circuit_id (Fixture *self)
{
  const FakeCell *create = fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0);

  return create != NULL ? create->circuit_id
                        : fake_relay_find_cell (self->relay, CEPA_CELL_CREATE_FAST, 0)->circuit_id;
}

static void
fixture_say (Fixture *self, guint hop, guint8 command, guint16 stream_id, const void *data, gsize len)
{
  fake_relay_send_message (self->relay, fixture_circuit_id (self), hop, command, stream_id, data, len, NULL);
  fixture_pump (self);
}

/* The circuit closed for @code, once, and DESTROY went out unless the relay itself had sent one. */
static void
fixture_check_closed (Fixture *self, int code, gboolean destroys)
{
  const FakeCell *destroy;

  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_cmpuint (self->n_streams_closed, ==, 1);
  g_assert_error (self->reason, CEPA_ERROR, code);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_OPEN);
  destroy = fake_relay_find_cell (self->relay, CEPA_CELL_DESTROY, 0);
  g_assert_cmpint (destroy != NULL, ==, destroys);
  if (destroys)
    {
      /* An origin gives no reason. */
      g_assert_cmpuint (destroy->body[0], ==, CEPA_DESTROY_NONE);
      g_assert_null (fake_relay_find_cell (self->relay, CEPA_CELL_DESTROY, 1));
    }
  g_assert_false (cepa_circuit_can_send_data (self->circuit));
}

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

/* Two hops are there, the second was asked to extend, and the first answers. */
static void
test_extended_by_another (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[66] = { 0, 64 };

  fixture_create (self);
  fake_relay_answer (self->relay, fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0));
  fixture_pump (self);
  fake_relay_answer (self->relay, fake_relay_find_message (self->relay, CEPA_RELAY_EXTEND2, 0));
  fixture_pump (self);
  g_assert_cmpuint (cepa_circuit_get_n_built (self->circuit), ==, 2);
  fixture_say (self, 0, CEPA_RELAY_EXTENDED2, 0, body, sizeof body);
  fixture_check_closed (self, CEPA_ERROR_PROTOCOL, TRUE);
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

/* Proposal 289: 4 zero bytes behind the message, then random ones, which no two cells share. */
static void
test_padding (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint lengths[] = { 0, 1, 490, 493, 494, 495, 497, 498, 0 };
  const FakeCell *first = NULL;

  fixture_open (self, 3);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      guint used = CEPA_RELAY_HEADER_LEN + lengths[i], left = CEPA_CELL_BODY_LEN - used;
      const FakeCell *cell;

      fixture_send (self, CEPA_RELAY_DATA, 1, lengths[i]);
      fixture_pump (self);
      cell = fake_relay_find_message (self->relay, CEPA_RELAY_DATA, i);
      g_assert_cmpuint (cell->message.len, ==, lengths[i]);
      for (guint at = 0; at < lengths[i]; at++)
        g_assert_cmpuint (cell->message.data[at], ==, 0x55);
      for (guint at = 0; at < MIN (left, 4); at++)
        g_assert_cmpuint (cell->body[used + at], ==, 0);
      if (left <= 20)
        continue;
      for (guint at = used + 4, zeros = 0; at < CEPA_CELL_BODY_LEN; at++)
        {
          zeros = cell->body[at] == 0 ? zeros + 1 : 0;
          g_assert_cmpuint (zeros, <, 5);
        }
      if (first == NULL)
        first = cell;
      else
        g_assert_cmpint (memcmp (first->body + 50, cell->body + 50, 400), !=, 0);
    }
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
  ADD ("build/three-hops", test_three_hops);
  ADD ("build/eight-hops", test_eight_hops);
  ADD ("build/create-fast", test_create_fast);
  ADD ("build/create-fast-wrong", test_create_fast_wrong);
  ADD ("build/wrong-auth", test_wrong_auth);
  ADD ("build/wrong-auth-extended", test_wrong_auth_extended);
  g_test_add_func ("/circuit/build/created-wrong", test_created_wrong);
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
  g_test_add_func ("/circuit/relay-early/budget", test_relay_early_budget);
  ADD ("relay-early/one-hop", test_relay_early_one_hop);
  ADD ("padding", test_padding);
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
