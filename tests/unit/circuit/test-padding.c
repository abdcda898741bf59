/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding on a circuit: DROP to the hop that was meant, DATA held back, what its machine sees. */
#include "channel/padding.h"
#include "fixture.h"
#include "support/fake-machine.h"

typedef struct
{
  Fixture base; /* first */
  FakeMachine machine;
  CepaPadding *padding;
} Padded;

/* Only circuits get the machine. */
static gboolean
padded_get_machine (gpointer user_data, const CepaPaddingTarget *target, CepaPaddingMachine *out)
{
  FakeMachine *machine = user_data;

  return target->scope == CEPA_PADDING_CIRCUIT && machine->provider.get_machine (machine, target, out);
}

static void
padded_set_up (Padded *self, gconstpointer data)
{
  CepaPaddingProvider provider = { padded_get_machine, &self->machine };

  fixture_set_up (&self->base, data);
  fake_machine_init (&self->machine);
  self->padding = cepa_padding_new (&self->base.clock.clock, &provider);
  cepa_channel_set_padding (self->base.channel, self->padding);
}

static void
padded_tear_down (Padded *self, gconstpointer data)
{
  fixture_tear_down (&self->base, data);
  cepa_padding_free (self->padding);
  fake_machine_clear (&self->machine);
}

static void
padded_turn (Padded *self)
{
  fixture_pump (&self->base);
  cepa_channel_end_turn (self->base.channel);
  fixture_pump (&self->base);
}

/* A turn in which the machine does @action. */
static void
padded_do (Padded *self, const CepaPaddingAction *action)
{
  fake_machine_add (&self->machine, action);
  fixture_say (&self->base, 2, CEPA_RELAY_DROP, 0, NULL, 0);
  padded_turn (self);
  g_assert_cmpuint (self->machine.n_actions, ==, 0);
}

static void
padded_open (Padded *self)
{
  fixture_open (&self->base, 3);
  padded_turn (self);
  g_assert_cmpuint (self->machine.n_made, ==, 1);
}

static void
test_events (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  g_assert_cmpuint (self->machine.target.n_hops, ==, 3);
  g_assert_cmpuint (self->machine.target.number, ==, 7);
  g_assert_cmpuint (self->machine.target.purpose, ==, CEPA_PURPOSE_GENERAL);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_OPENED], ==, 1);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_SENT], ==, 0); /* building is over */
  fixture_say (&self->base, 1, CEPA_RELAY_DROP, 0, NULL, 0);
  fixture_say (&self->base, 2, CEPA_RELAY_DROP, 0, NULL, 0);
  fixture_say (&self->base, 2, CEPA_RELAY_CONNECTED, 1, NULL, 0);
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_DATA, 1, "x", 1);
  padded_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_PADDING_RECEIVED], ==, 2);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_RECEIVED], ==, 1);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_RECEIVED], ==, 3);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_SENT], ==, 1);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 1);
}

static void
test_streams (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  cepa_circuit_note_streams (self->base.circuit, TRUE);
  padded_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_IN_USE], ==, 1);
  cepa_circuit_note_streams (self->base.circuit, FALSE);
  padded_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_UNUSED], ==, 1);
}

static void
test_drop (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  for (guint hop = 0; hop < 3; hop++)
    {
      const FakeCell *drop;

      padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .hop = hop });
      drop = fake_relay_find_message (self->base.relay, CEPA_RELAY_DROP, hop);
      g_assert_cmpuint (drop->hop, ==, hop);
      g_assert_cmpuint (drop->message.len, ==, 0);
      g_assert_cmpuint (drop->message.stream_id, ==, 0);
    }
  /* It takes nothing of the window, and the circuit goes on. */
  for (guint i = 0; i < WINDOW; i++)
    {
      g_assert_true (cepa_circuit_can_send_data (self->base.circuit));
      cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_DATA, 1, "x", 1);
      if (i % 100 == 0)
        padded_turn (self);
    }
  padded_turn (self);
  g_assert_cmpuint (fake_relay_count_messages (self->base.relay, CEPA_RELAY_DATA), ==, WINDOW);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_PADDING_SENT], ==, 3);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_SENT], ==, WINDOW);
}

/* DATA waits; everything else goes. */
static void
test_block (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Fixture *f = &self->base;

  padded_open (self);
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .duration_us = 40000 });
  g_assert_false (cepa_circuit_can_send_data (f->circuit));
  cepa_circuit_send_message (f->circuit, CEPA_RELAY_BEGIN, 1, "a:1", 4);
  cepa_circuit_send_message (f->circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  cepa_circuit_send_message (f->circuit, CEPA_RELAY_END, 1, "\6", 1);
  padded_turn (self);
  g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_BEGIN), ==, 1);
  g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_SENDME), ==, 1);
  g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_END), ==, 1);
  g_assert_cmpint (cepa_channel_get_turn_due_us (f->channel) - f->clock.monotonic_us, ==, 40000);
  f->clock.monotonic_us += 40000;
  g_assert_cmpuint (f->n_sendable, ==, 0);
  padded_turn (self);
  g_assert_true (cepa_circuit_can_send_data (f->circuit));
  g_assert_cmpuint (f->n_sendable, ==, 1);
}

/* The channel has room again while DATA is held back: nobody is told. */
static void
test_blocked_sendable (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Fixture *f = &self->base;

  padded_open (self);
  while (cepa_circuit_can_send_data (f->circuit))
    cepa_circuit_send_message (f->circuit, CEPA_RELAY_DATA, 1, "x", 1);
  fake_machine_add (&self->machine, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .duration_us = 40000 });
  cepa_channel_end_turn (f->channel);
  padded_turn (self);
  g_assert_cmpuint (f->n_sendable, ==, 0);
  f->clock.monotonic_us += 40000;
  padded_turn (self);
  g_assert_cmpuint (f->n_sendable, ==, 1);
}

static gboolean
padded_send_one (Padded *self)
{
  if (!cepa_circuit_can_send_data (self->base.circuit))
    return FALSE;
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_DATA, 1, "x", 1);
  return TRUE;
}

static void
padded_send_all (gpointer user_data)
{
  while (padded_send_one (user_data))
    continue;
}

static void
padded_send_nothing (G_GNUC_UNUSED gpointer user_data)
{
}

/* One DATA cell in place of each padding, as long as there is any: constant rate. */
static void
test_release (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitStreams streams = { NULL, NULL, padded_send_all, NULL, self };
  CepaPaddingAction send = { .type = CEPA_PADDING_SEND, .flags = CEPA_PADDING_BYPASS | CEPA_PADDING_REPLACE };
  Fixture *f = &self->base;

  padded_open (self);
  cepa_circuit_set_streams (f->circuit, &streams);
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .flags = CEPA_PADDING_BYPASS,
                                         .duration_us = 40000 });
  for (guint i = 1; i <= 3; i++)
    {
      padded_do (self, &send);
      g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_DATA), ==, i);
      g_assert_false (cepa_circuit_can_send_data (f->circuit));
    }
  g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_DROP), ==, 0);
  streams.sendable = padded_send_nothing;
  cepa_circuit_set_streams (f->circuit, &streams);
  padded_do (self, &send);
  g_assert_cmpuint (fake_relay_count_messages (f->relay, CEPA_RELAY_DROP), ==, 1);
  g_assert_false (cepa_circuit_can_send_data (f->circuit));
}

/* What goes again closes the circuit. */
static void
test_close_in_release (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .duration_us = 40000 });
  self->base.close_in_sendable = TRUE;
  self->base.clock.monotonic_us += 40000;
  padded_turn (self);
  g_assert_cmpuint (self->base.n_closed, ==, 1);
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
}

static void
test_close_in_replace (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .flags = CEPA_PADDING_BYPASS,
                                         .duration_us = 40000 });
  self->base.close_in_sendable = TRUE;
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND,
                                         .flags = CEPA_PADDING_BYPASS | CEPA_PADDING_REPLACE });
  g_assert_cmpuint (self->base.n_closed, ==, 1);
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
  g_assert_cmpuint (fake_relay_count_messages (self->base.relay, CEPA_RELAY_DROP), ==, 0);
}

static void
test_closed (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_open (self);
  padded_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .timeout_us = 1000 });
  fixture_close (&self->base);
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
  self->base.clock.monotonic_us += 1000;
  padded_turn (self);
  g_assert_cmpuint (fake_relay_count_messages (self->base.relay, CEPA_RELAY_DROP), ==, 0);
}

#define ADD(path, func) g_test_add ("/circuit/padding/" path, Padded, NULL, padded_set_up, func, padded_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("events", test_events);
  ADD ("streams", test_streams);
  ADD ("drop", test_drop);
  ADD ("block", test_block);
  ADD ("blocked-sendable", test_blocked_sendable);
  ADD ("release", test_release);
  ADD ("close-in-release", test_close_in_release);
  ADD ("close-in-replace", test_close_in_replace);
  ADD ("closed", test_closed);
  return g_test_run ();
}
