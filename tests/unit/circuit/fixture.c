/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

void
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

void
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

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
  cepa_channel_unref (self->channel);
  fake_relay_free (self->relay);
  g_clear_error (&self->reason);
}

void
fixture_pump (Fixture *self)
{
  fake_relay_pump (self->relay, self->channel);
}

void
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

void
fixture_open (Fixture *self, guint n_hops)
{
  fixture_new_circuit (self, n_hops, FALSE, WINDOW);
  fixture_pump (self);
  g_assert_cmpint (cepa_circuit_get_state (self->circuit), ==, CEPA_CIRCUIT_OPEN);
}

guint32
fixture_circuit_id (Fixture *self)
{
  const FakeCell *create = fake_relay_find_cell (self->relay, CEPA_CELL_CREATE2, 0);

  return create != NULL ? create->circuit_id
                        : fake_relay_find_cell (self->relay, CEPA_CELL_CREATE_FAST, 0)->circuit_id;
}

void
fixture_say (Fixture *self, guint hop, guint8 command, guint16 stream_id, const void *data, gsize len)
{
  fake_relay_send_message (self->relay, fixture_circuit_id (self), hop, command, stream_id, data, len, NULL);
  fixture_pump (self);
}

/* The circuit closed for @code, once, and DESTROY went out unless the relay itself had sent one. */
void
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
