/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuits of a channel: ids, calls, closing, and who may send. */
#include "fixture.h"

static void
check_ids (guint version, guint32 high)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  Circuit circuits[300] = { 0 };
  Fixture f;

  fixture_set_up_version (&f, version);
  fixture_open (&f);
  for (guint i = 0; i < G_N_ELEMENTS (circuits); i++)
    {
      fixture_attach (&f, &circuits[i]);
      g_assert_cmpuint (circuits[i].base.id & ~(high - 1), ==, high);
      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (circuits[i].base.id)));
    }
  g_assert_cmpuint (cepa_channel_get_n_circuits (f.channel), ==, G_N_ELEMENTS (circuits));
  for (guint i = 0; i < G_N_ELEMENTS (circuits); i++)
    cepa_channel_detach (&circuits[i].base);
  fixture_tear_down (&f, NULL);
}

static void
test_circuit_ids (void)
{
  check_ids (3, 0x8000);
  check_ids (4, 0x80000000);
  check_ids (5, 0x80000000);
}

/* Draws that give one and the same id. */
static void
random_stuck_fill (G_GNUC_UNUSED CepaRandom *self, void *out, gsize len)
{
  memset (out, 0x33, len);
}

static void
test_circuit_ids_used_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaRandom stuck = { random_stuck_fill };
  g_autoptr (GError) error = NULL;
  Circuit first = { 0 }, second = { .base.funcs = &circuit_funcs }, early[2] = { 0 };

  g_clear_pointer (&self->channel, cepa_channel_unref);
  self->channel = cepa_channel_new (&self->target, &self->clock.clock, &stuck);
  fixture_attach (self, &early[0]);
  fixture_attach (self, &early[1]);
  fixture_open (self);
  /* One of those that waited gets the id; the other is told that there is none. */
  g_assert_cmpuint (early[0].n_opened, ==, 1);
  g_assert_cmpuint (early[1].n_opened, ==, 0);
  g_assert_cmpuint (early[1].n_closed, ==, 1);
  g_assert_cmpint (early[1].code, ==, CEPA_ERROR_LIMIT);
  cepa_channel_detach (&early[0].base);

  fixture_attach (self, &first);
  g_assert_false (cepa_channel_attach (self->channel, &second.base, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
  g_assert_null (second.base.channel);
  cepa_channel_detach (&first.base);
}

static void
test_attached_before_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    fixture_attach (self, &circuits[i]);
  g_assert_cmpuint (circuits[0].base.id, ==, 0);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 3);
  cepa_channel_detach (&circuits[1].base);
  fixture_open (self);
  g_assert_cmpuint (circuits[0].n_opened, ==, 1);
  g_assert_cmpuint (circuits[1].n_opened, ==, 0);
  g_assert_cmpuint (circuits[2].n_opened, ==, 1);
  g_assert_cmpuint (circuits[0].base.id, !=, 0);
  g_assert_cmpuint (circuits[0].base.id, !=, circuits[2].base.id);
  cepa_channel_detach (&circuits[0].base);
  cepa_channel_detach (&circuits[2].base);
}

/* Detaches the circuit that is called, and another one. */
static Circuit *other_circuit;

static void
act_detach_both (CepaChannelCircuit *self)
{
  cepa_channel_detach (&other_circuit->base);
  cepa_channel_detach (self);
}

static void
test_detached_in_opened (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { { .act = act_detach_both } };

  other_circuit = &circuits[1];
  fixture_attach (self, &circuits[0]);
  fixture_attach (self, &circuits[1]);
  fixture_open (self);
  g_assert_cmpuint (circuits[0].n_opened, ==, 1);
  g_assert_cmpuint (circuits[1].n_opened, ==, 0);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
}

/* What has come for both in one batch; the first ends both of them. */
static void
test_detached_in_cell_and_batch (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint in_batch = 0; in_batch < 2; in_batch++)
    {
      Circuit circuits[2] = { 0 };

      if (in_batch == 0)
        fixture_open (self);
      other_circuit = &circuits[1];
      for (guint i = 0; i < 2; i++)
        fixture_attach (self, &circuits[i]);
      for (guint i = 0; i < 4; i++)
        fake_relay_send_cell (self->relay, circuits[i % 2].base.id, CEPA_CELL_RELAY, NULL, 0);
      if (in_batch == 0)
        circuits[0].act = act_detach_both;
      cepa_channel_receive (self->channel, self->relay->output->data, self->relay->output->len);
      g_byte_array_set_size (self->relay->output, 0);
      g_assert_cmpuint (circuits[0].n_cells, ==, in_batch ? 2 : 1);
      g_assert_cmpuint (circuits[1].n_cells, ==, in_batch ? 2 : 0);
      circuits[0].act = act_detach_both;
      cepa_channel_end_batch (self->channel);
      g_assert_cmpuint (circuits[0].n_batches, ==, in_batch);
      g_assert_cmpuint (circuits[1].n_batches, ==, 0);
      g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
    }
}

static void
test_cells_and_batches (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  fixture_open (self);
  for (guint i = 0; i < 2; i++)
    fixture_attach (self, &circuits[i]);
  for (guint i = 0; i < 6; i++)
    fake_relay_send_cell (self->relay, circuits[0].base.id, CEPA_CELL_RELAY, NULL, 0);
  /* Circuits that are not there: one that has been closed, and one with the relay's own bit. */
  fake_relay_send_cell (self->relay, circuits[0].base.id ^ 1, CEPA_CELL_DESTROY, NULL, 0);
  fake_relay_send_cell (self->relay, 5, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (circuits[0].n_cells, ==, 6);
  g_assert_cmpuint (circuits[0].n_batches, ==, 1);
  g_assert_cmpuint (circuits[1].n_cells, ==, 0);
  g_assert_cmpuint (circuits[1].n_batches, ==, 0);
  cepa_channel_end_batch (self->channel);
  g_assert_cmpuint (circuits[0].n_batches, ==, 1);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_OPEN);
  /* The circuit of the last cell is gone, and has the id 0 like a cell of none. */
  fake_relay_send_cell (self->relay, circuits[0].base.id, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  cepa_channel_detach (&circuits[0].base);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (circuits[0].n_cells, ==, 7);
  cepa_channel_detach (&circuits[1].base);
}

static void
test_idle_since (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 1000);
  fixture_attach (self, &circuits[0]);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 0);
  fixture_open (self);
  fixture_attach (self, &circuits[1]);
  self->clock.monotonic_us = 2000;
  cepa_channel_detach (&circuits[0].base);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 0);
  cepa_channel_detach (&circuits[1].base);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 2000);
  cepa_channel_detach (&circuits[1].base); /* nothing to do */
}

/* ---- the end ---- */

static void
check_closed_once (Fixture *self, gboolean is_open)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "of the test");
  g_autoptr (GError) error = NULL;
  Circuit circuits[5] = { 0 }, late = { .base.funcs = &circuit_funcs };

  if (is_open)
    fixture_open (self);
  for (guint i = 0; i < 5; i++)
    fixture_attach (self, &circuits[i]);
  cepa_channel_close (self->channel, reason);
  cepa_channel_close (self->channel, reason);
  g_assert_cmpuint (self->n_closed, ==, 1);
  for (guint i = 0; i < 5; i++)
    {
      g_assert_cmpuint (circuits[i].n_closed, ==, 1);
      g_assert_cmpint (circuits[i].code, ==, CEPA_ERROR_TIMEOUT);
    }
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
  g_assert_false (cepa_channel_attach (self->channel, &late.base, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED);
  g_assert_false (cepa_channel_has_room (self->channel));
}

static void
test_close_before_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_closed_once (self, FALSE);
}

static void
test_close_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_closed_once (self, TRUE);
}

/* Nothing that comes behind the cell that closed the channel is looked at. */
static void
test_nothing_behind_the_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  fixture_open (self);
  fixture_attach (self, &circuit);
  fake_relay_send_cell (self->relay, circuit.base.id, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_VERSIONS, "\0\5", 2);
  fake_relay_send_cell (self->relay, circuit.base.id, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (circuit.n_cells, ==, 1);
  g_assert_cmpuint (circuit.n_closed, ==, 1);
  g_assert_cmpuint (circuit.n_batches, ==, 0);
}

/* The circuit that is told of the end detaches another one, which then hears nothing. */
static void
test_detached_in_closed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "of the test");
  Circuit circuits[2] = { { .act = act_detach_both } };

  other_circuit = &circuits[1];
  fixture_attach (self, &circuits[0]);
  fixture_attach (self, &circuits[1]);
  cepa_channel_close (self->channel, reason);
  g_assert_cmpuint (circuits[0].n_closed, ==, 1);
  g_assert_cmpuint (circuits[1].n_closed, ==, 0);
}

/* ---- how much is queued ---- */

static void
fill (Fixture *self, Circuit *circuit)
{
  while (cepa_channel_has_room (self->channel))
    memset (cepa_channel_reserve_cell (&circuit->base, CEPA_CELL_RELAY), 0, CEPA_CELL_BODY_LEN);
}

static void
test_back_pressure (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Circuit circuits[3] = { 0 };

  g_assert_false (cepa_channel_has_room (self->channel));
  fixture_open (self);
  for (guint i = 0; i < 3; i++)
    fixture_attach (self, &circuits[i]);
  cepa_channel_note_sent (self->channel, 0);
  g_assert_cmpuint (circuits[0].n_sendable, ==, 0);
  fill (self, &circuits[0]);
  g_assert_cmpuint (output->len, >=, CEPA_CHANNEL_HIGH_WATER);
  g_assert_cmpuint (output->len, <, CEPA_CHANNEL_HIGH_WATER + CEPA_CELL_MAX_LEN);

  /* With TLS now: counted all the same. */
  cepa_buffer_drain (output, output->len);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_HIGH_WATER);
  g_assert_false (cepa_channel_has_room (self->channel));
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_LOW_WATER);
  g_assert_true (cepa_channel_has_room (self->channel));
  g_assert_cmpuint (circuits[0].n_sendable, ==, 0);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_LOW_WATER - 1);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (circuits[i].n_sendable, ==, 1);
  cepa_channel_note_sent (self->channel, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (circuits[i].n_sendable, ==, 1);
      cepa_channel_detach (&circuits[i].base);
    }
}

/* TLS makes bytes more: the channel may become full without a cell being queued, and circuits that ask then
   must hear when there is room again. */
static void
test_full_by_the_shell (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  fixture_open (self);
  fixture_attach (self, &circuit);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_HIGH_WATER + 100);
  g_assert_false (cepa_channel_has_room (self->channel));
  cepa_channel_note_sent (self->channel, 0);
  g_assert_true (cepa_channel_has_room (self->channel));
  g_assert_cmpuint (circuit.n_sendable, ==, 1);
  cepa_channel_detach (&circuit.base);
}

static Fixture *filling_fixture;

static void
act_fill (CepaChannelCircuit *self)
{
  fill (filling_fixture, (Circuit *) self);
}

/* Each of them takes all the room there is: the others get their turn, not always the same one. */
static void
test_turns (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Circuit circuits[3] = { 0 };
  guint n = 0;

  filling_fixture = self;
  fixture_open (self);
  for (guint i = 0; i < 3; i++)
    {
      fixture_attach (self, &circuits[i]);
      circuits[i].act = act_fill;
    }
  fill (self, &circuits[0]);
  for (guint turn = 0; turn < 60; turn++)
    {
      cepa_buffer_drain (output, output->len);
      cepa_channel_note_sent (self->channel, 0);
    }
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (circuits[i].n_sendable, >=, 10);
      n += circuits[i].n_sendable;
      cepa_channel_detach (&circuits[i].base);
    }
  g_assert_cmpuint (n, ==, 60);
}

static Circuit *first_circuit;

static void
act_detach_first (CepaChannelCircuit *self)
{
  cepa_channel_detach (&first_circuit->base);
  cepa_channel_detach (self);
}

static void
test_detached_in_sendable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  fixture_open (self);
  for (guint i = 0; i < 2; i++)
    fixture_attach (self, &circuits[i]);
  fill (self, &circuits[0]);
  other_circuit = &circuits[1];
  circuits[0].act = act_detach_both;
  circuits[1].act = act_detach_first;
  first_circuit = &circuits[0];
  cepa_buffer_drain (cepa_channel_get_output (self->channel), cepa_channel_get_output (self->channel)->len);
  cepa_channel_note_sent (self->channel, 0);
  /* Whichever came first ended both. */
  g_assert_cmpuint (circuits[0].n_sendable + circuits[1].n_sendable, ==, 1);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
}

static void
test_describe (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = cepa_channel_target_describe (cepa_channel_get_target (self->channel));

  g_assert_cmpstr (text, ==, "$BDCF8C144E42B635D0701539B9EF3705F2201AA6 at 127.0.0.1:9001");
  g_assert_false (cepa_channel_is_bad (self->channel));
  cepa_channel_set_bad (self->channel);
  g_assert_true (cepa_channel_is_bad (self->channel));
}

#define ADD(path, func) g_test_add ("/channel/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  g_test_add_func ("/channel/circuits/ids", test_circuit_ids);
  ADD ("circuits/ids-used-up", test_circuit_ids_used_up);
  ADD ("circuits/attached-before-open", test_attached_before_open);
  ADD ("circuits/detached-in-opened", test_detached_in_opened);
  ADD ("circuits/detached-in-cell-and-batch", test_detached_in_cell_and_batch);
  ADD ("circuits/cells-and-batches", test_cells_and_batches);
  ADD ("circuits/idle-since", test_idle_since);
  ADD ("close/before-open", test_close_before_open);
  ADD ("close/open", test_close_open);
  ADD ("close/nothing-behind", test_nothing_behind_the_end);
  ADD ("close/detached-in-closed", test_detached_in_closed);
  ADD ("room/back-pressure", test_back_pressure);
  ADD ("room/full-by-the-shell", test_full_by_the_shell);
  ADD ("room/turns", test_turns);
  ADD ("room/detached-in-sendable", test_detached_in_sendable);
  ADD ("describe", test_describe);
  return g_test_run ();
}
