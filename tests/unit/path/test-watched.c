/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of circuits for who watches and controls: lists, closing by number, a new identity. */
#include <string.h>

#include "base/error.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

/* Somebody who asks for a circuit. */
typedef struct
{
  CepaCircuit *circuit; /* (nullable): a reference */
  CepaStream *stream;   /* (nullable): on it, when @begins */
  gboolean begins;
  guint n_ended;
} Asker;

static void
asker_connected (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const CepaConnected *connected)
{
}

static void
asker_nothing (G_GNUC_UNUSED gpointer user_data)
{
}

static void
asker_data (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const guint8 *data, G_GNUC_UNUSED gsize len)
{
}

static void
asker_ended (gpointer user_data, G_GNUC_UNUSED const CepaEnd *end)
{
  ((Asker *) user_data)->n_ended++;
}

static const CepaStreamFuncs asker_funcs
    = { asker_connected, asker_data, asker_nothing, asker_nothing, asker_ended };

static void
asker_told (gpointer user_data, CepaCircuit *circuit, CepaStreams *streams, const GError *error)
{
  Asker *self = user_data;

  g_assert_no_error (error);
  self->circuit = cepa_circuit_ref (circuit);
  if (self->begins)
    self->stream = cepa_streams_begin (streams, "a.example", 80, 0, &asker_funcs, self, NULL);
}

static void
ask (FakeNetwork *network, Asker *asker, gboolean begins)
{
  CepaCircuitsWish wish = { .port = 80, .isolation = "a" };

  memset (asker, 0, sizeof *asker);
  asker->begins = begins;
  cepa_circuits_request (network->circuits, &wish, asker_told, asker);
  while (asker->circuit == NULL)
    fake_network_turn (network);
}

/* New identities may follow one another at once. */
static void
fixture_set_up (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsConfig config;

  fake_network_config_init (&config);
  config.identity_interval_us = 0;
  fake_network_init_with (self, &config);
}

static void
fixture_set_up_slow (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsConfig config;

  fake_network_config_init (&config);
  config.identity_interval_us = G_USEC_PER_SEC / 2;
  fake_network_init_with (self, &config);
}

static void
fixture_tear_down (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_network_clear (self);
}

static void
count_circuit (gpointer user_data, CepaCircuit *circuit)
{
  g_assert_cmpint (cepa_circuit_get_state (circuit), !=, CEPA_CIRCUIT_CLOSED);
  (*(guint *) user_data)++;
}

static void
check_channel (gpointer user_data, CepaChannel *channel)
{
  g_assert_cmpuint (cepa_channel_get_number (channel), ==, 1);
  (*(guint *) user_data)++;
}

static void
test_lists (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n = 0, n_channels = 0;
  guint64 number;
  static Asker asker; /* its stream ends after the test */

  ask (self, &asker, TRUE);
  number = cepa_circuit_get_number (asker.circuit);
  g_assert_true (cepa_circuits_find_by_number (self->circuits, number) == asker.circuit);
  g_assert_null (cepa_circuits_find_by_number (self->circuits, 999));
  g_assert_cmpuint (cepa_circuit_get_n_streams (asker.circuit), ==, 1);
  g_assert_cmpuint (cepa_circuit_get_purpose (asker.circuit), ==, CEPA_PURPOSE_GENERAL);
  cepa_circuits_foreach (self->circuits, count_circuit, &n);
  g_assert_cmpuint (n, ==, self->n_chosen[FAKE_ROW_EXIT_A] + self->n_chosen[FAKE_ROW_EXIT_B]);
  cepa_channel_pool_foreach (self->pool, check_channel, &n_channels);
  g_assert_cmpuint (n_channels, ==, 1);
  g_assert_cmpuint (cepa_channel_pool_get_totals (self->pool)->bytes_read, >, 3 * 514);
  g_assert_cmpuint (cepa_channel_pool_get_totals (self->pool)->bytes_written, >, 3 * 514);
  cepa_circuit_unref (asker.circuit);
}

static void
test_close_by_number (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 number;
  static Asker asker; /* its stream ends after the test */

  g_assert_false (cepa_circuits_close_by_number (self->circuits, 999, FALSE, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND);
  ask (self, &asker, TRUE);
  number = cepa_circuit_get_number (asker.circuit);
  g_assert_true (cepa_circuits_close_by_number (self->circuits, number, TRUE, NULL));
  g_assert_cmpint (cepa_circuit_get_state (asker.circuit), ==, CEPA_CIRCUIT_OPEN); /* it is in use */
  g_assert_true (cepa_circuits_close_by_number (self->circuits, number, FALSE, NULL));
  g_assert_cmpint (cepa_circuit_get_state (asker.circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_cmpuint (asker.n_ended, ==, 1);
  g_assert_false (cepa_circuits_close_by_number (self->circuits, number, FALSE, NULL));
  cepa_circuit_unref (asker.circuit);
}

/* A circuit that is built is closed: nobody is blamed, and another one is built. */
static void
test_close_building (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  static Asker asker = { 0 }; /* its stream ends after the test */
  CepaCircuitsWish wish = { .port = 80, .isolation = "a" };

  cepa_circuits_request (self->circuits, &wish, asker_told, &asker);
  g_assert_cmpuint (event_log_count (&self->events, "circuit 1 launched"), ==, 1);
  g_assert_true (cepa_circuits_close_by_number (self->circuits, 1, TRUE, NULL));
  while (asker.circuit == NULL)
    fake_network_turn (self);
  g_assert_cmpuint (cepa_circuit_get_number (asker.circuit), >, 1);
  for (guint i = 0; i < self->results->len; i++)
    g_assert_cmpuint (g_array_index (self->results, CepaPathResult, i).outcome, ==, CEPA_PATH_BUILT);
  cepa_circuit_unref (asker.circuit);
}

/* Unused circuits go, used ones stay for their streams and take no other. */
static void
test_new_identity (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  static Asker before, again, after; /* streams end after the test */

  ask (self, &before, TRUE);
  ask (self, &again, FALSE);
  g_assert_true (again.circuit == before.circuit);
  cepa_circuits_new_identity (self->circuits, NULL, NULL);
  g_assert_cmpint (cepa_circuit_get_state (before.circuit), ==, CEPA_CIRCUIT_OPEN);
  ask (self, &after, TRUE);
  g_assert_false (after.circuit == before.circuit);
  g_assert_cmpuint (cepa_circuit_get_number (after.circuit), >, cepa_circuit_get_number (before.circuit));
  for (guint i = 0; i < self->results->len; i++)
    g_assert_cmpuint (g_array_index (self->results, CepaPathResult, i).outcome, ==, CEPA_PATH_BUILT);
  /* The last of its streams goes, and it with it. */
  cepa_stream_close (before.stream, CEPA_END_MISC);
  cepa_circuits_new_identity (self->circuits, NULL, NULL);
  g_assert_cmpint (cepa_circuit_get_state (before.circuit), ==, CEPA_CIRCUIT_CLOSED);
  g_assert_cmpint (cepa_circuit_get_state (after.circuit), ==, CEPA_CIRCUIT_OPEN);
  cepa_circuit_unref (before.circuit);
  cepa_circuit_unref (again.circuit);
  cepa_circuit_unref (after.circuit);
}

static void
count_identity (gpointer user_data)
{
  (*(guint *) user_data)++;
}

/* The first is taken at once; those that come too soon are one, taken later. */
static void
test_new_identity_too_soon (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaCircuitsWatch watch = { .new_identity = count_identity };
  gint64 begun = g_get_monotonic_time ();
  guint n = 0;

  cepa_circuits_set_watch (self->circuits, &watch, &n);
  cepa_circuits_new_identity (self->circuits, NULL, NULL);
  g_assert_cmpuint (n, ==, 1);
  cepa_circuits_new_identity (self->circuits, NULL, NULL);
  cepa_circuits_new_identity (self->circuits, NULL, NULL);
  g_assert_cmpuint (n, ==, 1);
  while (n < 2)
    fake_network_turn (self);
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, G_USEC_PER_SEC / 2);
  cepa_circuits_set_watch (self->circuits, NULL, NULL);
}

#define ADD(path, func) g_test_add ("/circuits/watched/" path, FakeNetwork, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("lists", test_lists);
  ADD ("close-by-number", test_close_by_number);
  ADD ("close-building", test_close_building);
  ADD ("new-identity", test_new_identity);
  g_test_add ("/circuits/watched/new-identity-too-soon", FakeNetwork, NULL, fixture_set_up_slow,
              test_new_identity_too_soon, fixture_tear_down);
  return g_test_run ();
}
