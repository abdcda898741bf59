/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
circuit_act (CepaChannelCircuit *base)
{
  Circuit *self = (Circuit *) base;

  if (self->act != NULL)
    self->act (base);
}

static void
circuit_opened (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_opened++;
  circuit_act (base);
}

static void
circuit_cell (CepaChannelCircuit *base, guint8 command, G_GNUC_UNUSED guint8 *body)
{
  ((Circuit *) base)->n_cells++;
  ((Circuit *) base)->last_command = command;
  circuit_act (base);
}

static void
circuit_batch_end (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_batches++;
  circuit_act (base);
}

static void
circuit_sendable (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_sendable++;
  circuit_act (base);
}

static void
circuit_closed (CepaChannelCircuit *base, const GError *reason)
{
  g_assert_null (base->channel);
  g_assert_cmpuint (base->id, ==, 0);
  ((Circuit *) base)->n_closed++;
  ((Circuit *) base)->code = reason->code;
  circuit_act (base);
}

const CepaChannelCircuitFuncs circuit_funcs
  = { circuit_opened, circuit_cell, circuit_batch_end, circuit_sendable, circuit_closed };

void
fixture_wants_write (gpointer user_data)
{
  ((Fixture *) user_data)->n_wants_write++;
}

void
fixture_closed (gpointer user_data)
{
  ((Fixture *) user_data)->n_closed++;
}

void
fixture_set_up_version (Fixture *self, guint version)
{
  CepaChannelShell shell = { fixture_wants_write, fixture_closed, self };

  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 1000, FAKE_NOW_S);
  cepa_random_seeded_init (&self->random, 1);
  fake_relay_get_target (&self->target);
  self->relay = fake_relay_new (version);
  self->channel = cepa_channel_new (&self->target, &self->clock.clock, &self->random.random);
  cepa_channel_set_shell (self->channel, &shell);
}

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_set_up_version (self, 5);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_channel_unref (self->channel);
  fake_relay_free (self->relay);
}

void
fixture_start (Fixture *self)
{
  cepa_channel_start_handshake (self->channel, self->relay->tls_certificate);
}

void
fixture_open (Fixture *self)
{
  fixture_start (self);
  fake_relay_pump (self->relay, self->channel);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_OPEN);
}

void
fixture_attach (Fixture *self, Circuit *circuit)
{
  g_autoptr (GError) error = NULL;

  circuit->base.funcs = &circuit_funcs;
  g_assert_true (cepa_channel_attach (self->channel, &circuit->base, &error));
  g_assert_no_error (error);
}

/* The channel must have closed for @code; with the bytes that the relay has sent by now. */
void
fixture_check_refused (Fixture *self, int code)
{
  Circuit circuit = { .code = -1 };

  fixture_attach (self, &circuit);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_CLOSED);
  g_assert_cmpint (circuit.code, ==, code);
  g_assert_cmpuint (circuit.n_closed, ==, 1);
  g_assert_cmpuint (circuit.n_opened, ==, 0);
  g_assert_cmpuint (self->n_closed, ==, 1);
}
