/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of channels, circuits and cells. */
#include "circuit/extend.h"
#include "fixture.h"
#include "support/event-log.h"

#define CELLS 3000 /* more than wait at any time; the ring grows */

typedef struct
{
  Fixture base; /* first */
  EventLog log;
  CepaChannelTotals totals;
} Events;

static void
events_set_up (Events *self, gconstpointer data)
{
  fixture_set_up (&self->base, data);
  memset (&self->totals, 0, sizeof self->totals);
  event_log_init (&self->log, &self->base.clock.clock);
  cepa_channel_launched (self->base.channel, &self->log.sink, &self->totals);
}

static void
events_tear_down (Events *self, gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  self->base.relay->is_silent = TRUE;
  cepa_channel_close (self->base.channel, reason);
  event_log_clear (&self->log);
  fixture_tear_down (&self->base, data);
}

static void
test_life (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  event_log_expect (&self->log, "channel 1 launched\n");
  g_assert_cmpuint (cepa_channel_get_number (self->base.channel), ==, 1);
  fixture_open (&self->base, 3);
  event_log_expect (&self->log, "circuit 7 launched\nchannel 1 opened\ncircuit 7 extended 1\ncircuit 7 extended 2\n"
                                "circuit 7 extended 3\ncircuit 7 built\n");
  g_assert_cmpuint (cepa_circuit_get_channel_number (self->base.circuit), ==, 1);
  g_assert_cmpint (cepa_circuit_get_launched_us (self->base.circuit), ==, 1000);
  g_assert_cmpint (cepa_circuit_get_created_us (self->base.circuit), ==, FAKE_NOW_S * G_USEC_PER_SEC);
  fixture_close (&self->base);
  event_log_expect (&self->log, "circuit 7 ended\n");
  g_assert_cmpuint (cepa_circuit_get_channel_number (self->base.circuit), ==, 1);
}

/* Made longer, it is not built a second time. */
static void
test_made_longer (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitHop hop;

  fixture_open (&self->base, 3);
  event_log_expect (&self->log, "channel 1 launched\ncircuit 7 launched\nchannel 1 opened\ncircuit 7 extended 1\n"
                                "circuit 7 extended 2\ncircuit 7 extended 3\ncircuit 7 built\n");
  fake_relay_get_hop (3, &hop);
  cepa_circuit_extend (self->base.circuit, &hop);
  fixture_pump (&self->base);
  event_log_expect (&self->log, "circuit 7 extended 4\n");
  fixture_close (&self->base);
  event_log_expect (&self->log, "circuit 7 ended\n");
}

static void
test_never_built (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_new_circuit (&self->base, 3, FALSE, WINDOW);
  fixture_close (&self->base);
  event_log_expect (&self->log, "channel 1 launched\ncircuit 7 launched\ncircuit 7 failed\n");
}

static void
test_destroyed_building (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  self->base.relay->is_silent = FALSE;
  fixture_pump (&self->base);
  self->base.relay->is_silent = TRUE;
  fixture_new_circuit (&self->base, 3, FALSE, WINDOW);
  fixture_pump (&self->base);
  fake_relay_send_cell (self->base.relay, fixture_circuit_id (&self->base), CEPA_CELL_DESTROY, "\12", 1);
  fixture_pump (&self->base);
  event_log_expect (&self->log, "channel 1 launched\nchannel 1 opened\ncircuit 7 launched\ncircuit 7 failed reason 10\n");
  g_assert_cmpuint (cepa_circuit_get_remote_reason (self->base.circuit), ==, CEPA_DESTROY_TIMEOUT);
}

static void
test_truncated (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (&self->base, 3);
  g_string_truncate (self->log.lines, 0);
  fixture_say (&self->base, 1, CEPA_RELAY_TRUNCATED, 0, "\10", 1);
  event_log_expect (&self->log, "circuit 7 ended reason 8\n");
}

/* What was on the channel ends before it. */
static void
test_channel_gone (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "of the test");

  fixture_open (&self->base, 2);
  g_string_truncate (self->log.lines, 0);
  cepa_channel_close (self->base.channel, reason);
  event_log_expect (&self->log, "circuit 7 ended\nchannel 1 ended\n");
}

static void
test_channel_never_open (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, "of the test");

  fixture_new_circuit (&self->base, 2, FALSE, WINDOW);
  cepa_channel_close (self->base.channel, reason);
  event_log_expect (&self->log, "channel 1 launched\ncircuit 7 launched\ncircuit 7 failed\nchannel 1 failed\n");
}

/* Nothing is told, and nothing kept, that nobody wants. */
static void
test_unwanted (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  event_log_expect (&self->log, "channel 1 launched\n");
  self->log.sink.wanted = 0;
  fixture_open (&self->base, 3);
  event_log_expect (&self->log, "");
  g_assert_cmpuint (self->log.cells->len, ==, 0);
  self->log.sink.wanted = CEPA_EVENT_CELL;
  fixture_close (&self->base);
  fixture_pump (&self->base);
  g_assert_cmpuint (self->log.cells->len, ==, 1); /* DESTROY */
  event_log_expect (&self->log, "");
  self->log.sink.wanted = 0;
  g_hash_table_remove_all (self->log.lives); /* the end of what it knows of will not be told */
}

static void
test_cells (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  self->log.sink.wanted |= CEPA_EVENT_CELL;
  self->log.shown = CEPA_EVENT_CELL;
  g_string_truncate (self->log.lines, 0);
  fixture_open (&self->base, 2);
  event_log_expect (&self->log, "cell 1/0 received 7 relay 0\n"   /* VERSIONS */
                                "cell 1/0 received 129 relay 0\n" /* CERTS */
                                "cell 1/0 received 130 relay 0\n" /* AUTH_CHALLENGE */
                                "cell 1/0 received 8 relay 0\n"   /* NETINFO */
                                "cell 1/0 sent 8 relay 0\n"
                                "cell 1/7 sent 10 relay 0\n"      /* CREATE2 */
                                "cell 1/7 received 11 relay 0\n"  /* CREATED2 */
                                "cell 1/7 sent 9 relay 14\n"      /* EXTEND2 in RELAY_EARLY */
                                "cell 1/7 received 3 relay 15\n"); /* EXTENDED2 */
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_BEGIN, 1, "a", 1);
  fixture_say (&self->base, 1, CEPA_RELAY_CONNECTED, 1, NULL, 0);
  event_log_expect (&self->log, "cell 1/7 received 3 relay 4\ncell 1/7 sent 9 relay 1\n");
  fake_relay_send_cell (self->base.relay, 0, CEPA_CELL_PADDING, NULL, 0);
  fake_relay_send_cell (self->base.relay, 0x80001234, CEPA_CELL_RELAY, NULL, 0); /* of a circuit that is gone */
  fixture_pump (&self->base);
  event_log_expect (&self->log, "cell 1/0 received 0 relay 0\ncell 1/0 received 3 relay 0\n");
  fake_relay_send_cell (self->base.relay, fixture_circuit_id (&self->base), CEPA_CELL_RELAY, "nobody's", 8);
  fixture_pump (&self->base);
  event_log_expect (&self->log, "cell 1/7 received 3 relay 0\ncell 1/7 sent 4 relay 0\n");
}

/* Each cell has the time when it was queued, also when more wait than the ring first had room for. */
static void
test_cell_times (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (&self->base, 1);
  self->log.sink.wanted |= CEPA_EVENT_CELL;
  for (guint i = 0; i < CELLS; i++)
    {
      self->base.clock.monotonic_us = 5000 + i;
      cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
    }
  g_assert_cmpuint (self->log.cells->len, ==, 0);
  self->base.clock.monotonic_us = 20000;
  fixture_pump (&self->base);
  g_assert_cmpuint (self->log.cells->len, ==, CELLS);
  for (guint i = 0; i < CELLS; i++)
    {
      const CepaEvent *cell = &g_array_index (self->log.cells, CepaEvent, i);

      g_assert_cmpint (cell->queued_ns, ==, (5000 + (gint64) i) * 1000);
      g_assert_cmpint (cell->time_ns, ==, 20000 * 1000);
      g_assert_cmpuint (cell->circuit, ==, 7);
      g_assert_cmpuint (cell->relay_command, ==, CEPA_RELAY_SENDME);
    }
}

/* A cell counts as sent when all of it has been taken. */
static void
test_cells_partly (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->base.channel);
  static const struct
  {
    gsize len;
    guint n_cells;
  } steps[] = { { 3 * 514 + 100, 3 }, { 413, 3 }, { 1, 4 }, { 6 * 514, 10 } };

  fixture_open (&self->base, 1);
  self->log.sink.wanted |= CEPA_EVENT_CELL;
  for (guint i = 0; i < 10; i++)
    cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      cepa_buffer_drain (output, steps[i].len);
      cepa_channel_note_written (self->base.channel, steps[i].len);
      g_assert_cmpuint (self->log.cells->len, ==, steps[i].n_cells);
    }
  g_assert_cmpuint (output->len, ==, 0);
}

/* Who stops wanting cells while some are queued, and wants them again, is told of those queued since. */
static void
test_cells_wanted_again (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_open (&self->base, 1);
  self->log.sink.wanted |= CEPA_EVENT_CELL;
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  self->log.sink.wanted &= ~CEPA_EVENT_CELL;
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  fixture_pump (&self->base);
  g_assert_cmpuint (self->log.cells->len, ==, 0);
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  self->log.sink.wanted |= CEPA_EVENT_CELL;
  cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_BEGIN, 1, "a", 1);
  fixture_pump (&self->base);
  g_assert_cmpuint (self->log.cells->len, ==, 1);
  g_assert_cmpuint (g_array_index (self->log.cells, CepaEvent, 0).relay_command, ==, CEPA_RELAY_BEGIN);
}

/* Bytes and cells are counted whether or not events are wanted. */
static void
test_totals (Events *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelTotals before;

  fixture_open (&self->base, 1);
  before = self->totals;
  g_assert_cmpuint (before.bytes_read, >, 514);
  g_assert_cmpuint (before.cells_received, ==, 5); /* VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO, CREATED2 */
  g_assert_cmpuint (before.cells_sent, ==, 2);     /* NETINFO, CREATE2; VERSIONS is no whole one */
  for (guint i = 0; i < 100; i++)
    cepa_circuit_send_message (self->base.circuit, CEPA_RELAY_SENDME, 1, NULL, 0);
  fixture_say (&self->base, 0, CEPA_RELAY_DROP, 0, NULL, 0);
  g_assert_cmpuint (self->totals.bytes_written - before.bytes_written, ==, 100 * 514);
  g_assert_cmpuint (self->totals.cells_sent - before.cells_sent, ==, 100);
  g_assert_cmpuint (self->totals.bytes_read - before.bytes_read, ==, 514);
  g_assert_cmpuint (self->totals.cells_received - before.cells_received, ==, 1);
}

#define ADD(path, func) g_test_add ("/circuit/events/" path, Events, NULL, events_set_up, func, events_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("life", test_life);
  ADD ("made-longer", test_made_longer);
  ADD ("never-built", test_never_built);
  ADD ("destroyed-building", test_destroyed_building);
  ADD ("truncated", test_truncated);
  ADD ("channel-gone", test_channel_gone);
  ADD ("channel-never-open", test_channel_never_open);
  ADD ("unwanted", test_unwanted);
  ADD ("cells", test_cells);
  ADD ("cell-times", test_cell_times);
  ADD ("cells-partly", test_cells_partly);
  ADD ("cells-wanted-again", test_cells_wanted_again);
  ADD ("totals", test_totals);
  return g_test_run ();
}
