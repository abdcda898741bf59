/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding on a channel: what its machine sees, and what goes over the wire. */
#include "channel/padding.h"
#include "fixture.h"
#include "support/fake-machine.h"

typedef struct
{
  Fixture base; /* first */
  FakeMachine machine;
  CepaPadding *padding;
} Padded;

static void
padded_set_up_version (Padded *self, guint version)
{
  fixture_set_up_version (&self->base, version);
  fake_machine_init (&self->machine);
  self->padding = cepa_padding_new (&self->base.clock.clock, &self->machine.provider);
  cepa_channel_set_padding (self->base.channel, self->padding);
}

static void
padded_set_up (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  padded_set_up_version (self, 5);
}

static void
padded_tear_down (Padded *self, gconstpointer data)
{
  fixture_tear_down (&self->base, data);
  cepa_padding_free (self->padding);
  fake_machine_clear (&self->machine);
}

/* Bytes go both ways until there are none, then the turn ends. Returns what the machine was told in it. */
static char *
padded_turn (Padded *self)
{
  guint before = self->machine.n_triggers;

  fake_relay_pump (self->base.relay, self->base.channel);
  cepa_channel_end_turn (self->base.channel);
  return self->machine.n_triggers > before ? fake_machine_describe (&self->machine) : g_strdup ("");
}

static void
padded_expect (Padded *self, const char *events)
{
  g_autofree char *got = padded_turn (self);

  g_assert_cmpstr (got, ==, events);
}

static void
padded_add (Padded *self, CepaPaddingActionType type, gint64 us)
{
  CepaPaddingAction action = { .type = type, .timeout_us = us, .duration_us = us };

  fake_machine_add (&self->machine, &action);
}

static void
test_events (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { .code = -1 };
  Fixture *f = &self->base;

  fixture_start (f);
  padded_expect (self, "12*1"); /* OPENED: nothing of the handshake */
  g_assert_cmpuint (self->machine.target.scope, ==, CEPA_PADDING_CHANNEL);
  g_assert_cmpuint (self->machine.target.link_version, ==, 5);
  fixture_attach (f, &circuit);
  memset (cepa_channel_reserve_cell (&circuit.base, CEPA_CELL_CREATE_FAST), 0x11, CEPA_CELL_BODY_LEN);
  padded_expect (self, "5*1 1*1 0*1 4*1"); /* CREATE_FAST went, CREATED_FAST came */
  fake_relay_send_cell (f->relay, 0, CEPA_CELL_PADDING, NULL, 0);
  fake_relay_send_cell (f->relay, 0, CEPA_CELL_VPADDING, "abc", 3);
  fake_relay_send_cell (f->relay, 0, CEPA_CELL_VPADDING, NULL, 0);
  padded_expect (self, "5*3 3*3");
  g_assert_cmpuint (cepa_channel_get_cell_counts (f->channel)->received, ==, 4);
  g_assert_cmpuint (cepa_channel_get_cell_counts (f->channel)->padding_received, ==, 3);
  padded_expect (self, "");
  cepa_channel_detach (&circuit.base);
  padded_expect (self, ""); /* it was not for applications */
}

static void
test_in_use (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit first = { .code = -1 }, second = { .code = -1 };
  Fixture *f = &self->base;
  guint n;

  first.base.for_applications = second.base.for_applications = TRUE;
  fixture_attach (f, &first); /* before it is open */
  fixture_start (f);
  padded_expect (self, "12*1 10*1");
  fixture_attach (f, &second);
  cepa_channel_detach (&first.base);
  padded_expect (self, "");
  n = f->n_wants_write;
  cepa_channel_note_stream (f->channel);
  g_assert_cmpuint (f->n_wants_write, ==, n + 1); /* or nobody would turn */
  padded_expect (self, "14*1");
  cepa_channel_detach (&second.base);
  g_assert_cmpuint (f->n_wants_write, ==, n + 2);
  padded_expect (self, "11*1");
}

/* The bytes of PADDING, at the time that the machine said. */
static void
test_padding_cell (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 zeros[CEPA_CELL_BODY_LEN];
  Fixture *f = &self->base;
  const FakeCell *cell;
  guint n;

  fixture_start (f);
  g_assert_cmpint (cepa_channel_get_turn_due_us (f->channel), ==, -1);
  padded_add (self, CEPA_PADDING_SEND, 30000);
  padded_expect (self, "12*1");
  g_assert_cmpint (cepa_channel_get_turn_due_us (f->channel) - f->clock.monotonic_us, ==, 30000);
  f->clock.monotonic_us += 29999;
  padded_expect (self, "");
  g_assert_cmpuint (cepa_channel_get_output (f->channel)->len, ==, 0);
  f->clock.monotonic_us += 1;
  n = f->n_wants_write;
  padded_expect (self, "2*1");
  g_assert_cmpuint (f->n_wants_write, ==, n + 1);
  g_assert_cmpint (cepa_channel_get_turn_due_us (f->channel), ==, -1);
  padded_expect (self, "4*1");
  cell = fake_relay_find_cell (f->relay, CEPA_CELL_PADDING, 0);
  g_assert_cmpuint (cell->circuit_id, ==, 0);
  g_assert_cmpmem (cell->body, CEPA_CELL_BODY_LEN, zeros, sizeof zeros);
  g_assert_cmpuint (cepa_channel_get_cell_counts (f->channel)->padding_sent, ==, 1);
}

static void
padded_negotiate (Padded *self, guint low, guint high)
{
  fake_machine_add (&self->machine,
                    &(CepaPaddingAction){ .type = CEPA_PADDING_NEGOTIATE, .low_ms = low, .high_ms = high });
  fake_relay_send_cell (self->base.relay, 0, CEPA_CELL_PADDING, NULL, 0);
  g_free (padded_turn (self));
  g_free (padded_turn (self));
}

/* Version 0, command 2 with the range, or 1 (padding-spec: PADDING_NEGOTIATE). */
static void
test_negotiate_cell (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Fixture *f = &self->base;

  fixture_start (f);
  g_free (padded_turn (self));
  padded_negotiate (self, 1500, 9500);
  padded_negotiate (self, 0, 0);
  g_assert_cmpmem (fake_relay_find_cell (f->relay, CEPA_CELL_PADDING_NEGOTIATE, 0)->body, 7, "\0\2\x5\xdc\x25\x1c\0", 7);
  g_assert_cmpmem (fake_relay_find_cell (f->relay, CEPA_CELL_PADDING_NEGOTIATE, 1)->body, 7, "\0\1\0\0\0\0\0", 7);
  g_assert_cmpuint (self->machine.rules->len, ==, 0);
  /* The plugin is stopped: as at the start, which is padding by the consensus' range. */
  self->machine.refuses = TRUE;
  cepa_padding_withdraw (self->padding, &self->machine);
  g_free (padded_turn (self));
  g_assert_cmpmem (fake_relay_find_cell (f->relay, CEPA_CELL_PADDING_NEGOTIATE, 2)->body, 7, "\0\2\0\0\0\0\0", 7);
  g_assert_null (fake_relay_find_cell (f->relay, CEPA_CELL_PADDING_NEGOTIATE, 3));
}

/* PADDING is for every link version, PADDING_NEGOTIATE for 5. */
static void
test_old_link (void)
{
  for (guint version = 3; version <= 4; version++)
    {
      Padded self;

      padded_set_up_version (&self, version);
      fixture_start (&self.base);
      padded_add (&self, CEPA_PADDING_SEND, 0);
      padded_expect (&self, "12*1");
      padded_negotiate (&self, 1, 2);
      g_assert_nonnull (fake_relay_find_cell (self.base.relay, CEPA_CELL_PADDING, 0));
      g_assert_null (fake_relay_find_cell (self.base.relay, CEPA_CELL_PADDING_NEGOTIATE, 0));
      g_assert_cmpuint (self.machine.rules->len, ==, 1);
      g_assert_cmpstr (self.machine.rules->pdata[0], ==, "padding-negotiate");
      padded_tear_down (&self, NULL);
    }
}

/* No padding behind a queue that is full. */
static void
test_full (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { .code = -1 };
  Fixture *f = &self->base;
  gsize len;

  fixture_start (f);
  g_free (padded_turn (self));
  fixture_attach (f, &circuit);
  while (cepa_channel_has_room (f->channel))
    memset (cepa_channel_reserve_cell (&circuit.base, CEPA_CELL_RELAY), 0, CEPA_CELL_BODY_LEN);
  len = cepa_channel_get_output (f->channel)->len;
  padded_add (self, CEPA_PADDING_SEND, 0);
  cepa_channel_end_turn (f->channel);
  g_assert_cmpuint (cepa_channel_get_output (f->channel)->len, ==, len);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 0);
  cepa_channel_detach (&circuit.base);
}

/* A closed channel has no machine, and does nothing more. */
static void
test_closed (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "of the test");
  Fixture *f = &self->base;

  fixture_start (f);
  padded_add (self, CEPA_PADDING_SEND, 1000);
  g_free (padded_turn (self));
  cepa_channel_close (f->channel, reason);
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
  f->clock.monotonic_us += 5000;
  cepa_channel_end_turn (f->channel);
  g_assert_cmpint (cepa_channel_get_turn_due_us (f->channel), ==, -1);
  g_assert_cmpuint (cepa_channel_get_cell_counts (f->channel)->padding_sent, ==, 0);
}

/* A relay cannot tell us how to pad: its PADDING_NEGOTIATE is ignored. */
static void
test_relay_negotiates (Padded *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (&self->base);
  g_free (padded_turn (self));
  fake_relay_send_cell (self->base.relay, 0, CEPA_CELL_PADDING_NEGOTIATE, "\0\1\0\0\0\0", 6);
  padded_expect (self, "5*1 1*1");
  g_assert_cmpint (cepa_channel_get_state (self->base.channel), ==, CEPA_CHANNEL_OPEN);
}

#define ADD(path, func) g_test_add ("/channel/padding/" path, Padded, NULL, padded_set_up, func, padded_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("events", test_events);
  ADD ("in-use", test_in_use);
  ADD ("padding-cell", test_padding_cell);
  ADD ("negotiate-cell", test_negotiate_cell);
  g_test_add_func ("/channel/padding/old-link", test_old_link);
  ADD ("full", test_full);
  ADD ("closed", test_closed);
  ADD ("relay-negotiates", test_relay_negotiates);
  return g_test_run ();
}
