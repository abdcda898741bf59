/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of circuits in time and with guards: what is too slow, what is probed before it goes, what sleeps, and limits. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

typedef struct
{
  FakeNetwork network;
  CepaGuards *guards;   /* (nullable) */
  CepaDormancy *dormancy; /* (nullable) */
  GByteArray *held;     /* (nullable): what was to answer an EXTEND2 to the third relay */
  FakeLink *held_link;
  gboolean holds;       /* the next one is held */
  const FakeCell *begin, *probe; /* (nullable): the last BEGINs of a stream, and of a probe */
  FakeLink *link;
  guint n_circuits[CEPA_N_CIRCUITS_USES]; /* by use, when they were counted */
  guint n_open;
  GPtrArray *uses; /* (element-type utf8): told changes */
} Fixture;

/* Somebody who asks for a circuit and begins a stream on it. */
typedef struct
{
  CepaCircuits *circuits;
  CepaCircuit *circuit; /* (nullable): a reference */
  CepaStream *stream;   /* (nullable) */
  GError *error;
} Asker;

static void
asker_connected (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const CepaConnected *connected)
{
}

static void
asker_data (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const guint8 *data, G_GNUC_UNUSED gsize len)
{
}

static void
asker_nothing (G_GNUC_UNUSED gpointer user_data)
{
}

static void
asker_ended (gpointer user_data, G_GNUC_UNUSED const CepaEnd *end)
{
  ((Asker *) user_data)->stream = NULL;
}

static const CepaStreamFuncs asker_funcs
    = { asker_connected, asker_data, asker_nothing, asker_nothing, asker_ended };

static void
asker_told (gpointer user_data, CepaCircuit *circuit, CepaStreams *streams, const GError *error)
{
  Asker *self = user_data;

  if (error != NULL)
    {
      self->error = g_error_copy (error);
      return;
    }
  self->circuit = cepa_circuit_ref (circuit);
  self->stream = cepa_streams_begin (streams, "a.example", 80, 0, &asker_funcs, self, NULL);
}

static void
ask (Fixture *self, Asker *asker, const char *isolation)
{
  CepaCircuitsWish wish = { .port = 80, .isolation = isolation };

  cepa_circuits_request (self->network.circuits, &wish, asker_told, asker);
}

static void
wait_for (Fixture *self, Asker *asker)
{
  while (asker->circuit == NULL && asker->error == NULL)
    fake_network_turn (&self->network);
  g_assert_no_error (asker->error);
}

static void
asker_clear (Asker *asker)
{
  if (asker->stream != NULL)
    cepa_stream_close (g_steal_pointer (&asker->stream), CEPA_END_MISC);
  g_clear_pointer (&asker->circuit, cepa_circuit_unref);
  g_clear_error (&asker->error);
}

/* ---- the relays ---- */

static void
fixture_heard (FakeLink *link, const FakeCell *cell, gpointer user_data)
{
  Fixture *self = user_data;

  if (cell->command != CEPA_CELL_RELAY && cell->command != CEPA_CELL_RELAY_EARLY)
    return;
  if (cell->message.command == CEPA_RELAY_EXTEND2 && cell->hop == 1 && self->holds)
    {
      self->holds = FALSE;
      self->held = g_byte_array_new ();
      g_byte_array_append (self->held, link->relay->output->data, link->relay->output->len);
      self->held_link = link;
      g_byte_array_set_size (link->relay->output, 0);
    }
  if (cell->message.command != CEPA_RELAY_BEGIN)
    return;
  self->link = link;
  if (cell->message.data[0] == '0')
    self->probe = cell;
  else
    self->begin = cell;
}

/* The answer that was held. */
static void
fixture_release (Fixture *self)
{
  g_byte_array_append (self->held_link->relay->output, self->held->data, self->held->len);
  fake_link_flush (self->held_link);
}

static void
fixture_used (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, CepaCircuitsUse former)
{
  Fixture *self = user_data;
  CepaCircuitsInfo info;

  cepa_circuits_get_info (self->network.circuits, circuit, &info);
  g_ptr_array_add (self->uses, g_strdup_printf ("%u to %u", former, info.use));
}

static void
count_circuit (gpointer user_data, CepaCircuit *circuit)
{
  Fixture *self = user_data;
  CepaCircuitsInfo info;

  cepa_circuits_get_info (self->network.circuits, circuit, &info);
  self->n_circuits[info.use]++;
  self->n_open += cepa_circuit_get_state (circuit) == CEPA_CIRCUIT_OPEN;
}

static void
count_circuits (Fixture *self)
{
  memset (self->n_circuits, 0, sizeof self->n_circuits);
  self->n_open = 0;
  cepa_circuits_foreach (self->network.circuits, count_circuit, self);
}

static void
fixture_start (Fixture *self, const CepaCircuitsConfig *config, gboolean with_guards)
{
  const CepaCircuitsWatch watch = { .use_changed = fixture_used };
  CepaGuardsConfig guards_config;

  memset (self, 0, sizeof *self);
  fake_network_init_with (&self->network, config);
  self->network.server->heard = fixture_heard;
  self->network.server->user_data = self;
  self->uses = g_ptr_array_new_with_free_func (g_free);
  cepa_circuits_set_watch (self->network.circuits, &watch, self);
  if (!with_guards)
    return;
  cepa_guards_config_init (&guards_config);
  self->guards = cepa_guards_new (fake_server_clock (), cepa_random_system (), &guards_config);
  cepa_circuits_set_guards (self->network.circuits, self->guards);
}

static void
fixture_stop (Fixture *self)
{
  cepa_circuits_set_watch (self->network.circuits, NULL, NULL);
  cepa_circuits_set_dormancy (self->network.circuits, NULL);
  fake_network_clear (&self->network);
  cepa_guards_free (self->guards);
  cepa_dormancy_free (self->dormancy);
  g_ptr_array_unref (self->uses);
  g_clear_pointer (&self->held, g_byte_array_unref);
}

/* Until two clean circuits are open. */
static void
wait_ready (Fixture *self)
{
  cepa_circuits_network_changed (self->network.circuits);
  do
    {
      fake_network_turn (&self->network);
      count_circuits (self);
    }
  while (self->n_open < 2);
}

/* ---- what is too slow ---- */

/* As if a hundred circuits had been measured. */
static void
fixture_teach (Fixture *self, guint ms)
{
  g_autofree char *text = g_strdup_printf ("{'total': <int64 100>, 'abandoned': <int64 0>, 'bins': <[int64 %u, 100]>}", ms);
  g_autoptr (GVariant) kept = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (kept);
  cepa_build_times_from_variant (cepa_circuits_get_build_times (self->network.circuits), kept, cepa_random_system (),
                                 &error);
  g_assert_no_error (error);
}

/* A circuit takes longer than most: who waits gets another, nobody is blamed, and when it is there after all its time is
   taken and it goes. */
static void
test_measured (void)
{
  CepaCircuitsConfig config;
  CepaBuildTimesFigures before, after;
  Asker asker = { 0 };
  Fixture self;
  guint n_late = 0;

  fake_network_config_init (&config);
  config.learns_timeout = TRUE;
  fixture_start (&self, &config, FALSE);
  fixture_teach (&self, 700);
  wait_ready (&self);
  cepa_build_times_get_figures (cepa_circuits_get_build_times (self.network.circuits), &before);
  g_assert_cmpuint (before.timeout_ms, <=, 700);
  self.holds = TRUE;
  cepa_circuits_build (self.network.circuits, &(CepaCircuitsWish){ .port = 80 }, FALSE, FALSE, NULL);
  while (self.uses->len == 0)
    fake_network_turn (&self.network);
  g_assert_cmpstr (self.uses->pdata[0], ==, "0 to 1");
  g_assert_nonnull (self.held);
  ask (&self, &asker, "a");
  wait_for (&self, &asker);
  for (guint i = 0; i < self.network.results->len; i++)
    n_late += g_array_index (self.network.results, CepaPathResult, i).outcome == CEPA_PATH_TIMEOUT;
  g_assert_cmpuint (n_late, ==, 1);
  /* All of those relays are still in paths. */
  g_assert_cmpuint (self.network.n_refused, ==, 0);
  fixture_release (&self);
  do
    {
      fake_network_turn (&self.network);
      count_circuits (&self);
    }
  while (self.n_circuits[CEPA_CIRCUITS_MEASURED] > 0);
  cepa_build_times_get_figures (cepa_circuits_get_build_times (self.network.circuits), &after);
  g_assert_cmpuint (after.n_times, >, before.n_times);
  g_assert_cmpfloat (after.timeout_rate, >, 0);
  asker_clear (&asker);
  fixture_stop (&self);
}

/* Whom another circuit was given first stays with it, and the slow one is anybody's when it is there after all. */
static void
test_overtaken (void)
{
  CepaCircuitsConfig config;
  Asker askers[3] = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  config.predicts = FALSE;
  fixture_start (&self, &config, FALSE);
  self.holds = TRUE;
  ask (&self, &askers[0], "a");
  while (self.held == NULL)
    fake_network_turn (&self.network);
  cepa_circuits_build (self.network.circuits, &(CepaCircuitsWish){ .port = 80 }, FALSE, FALSE, NULL);
  wait_for (&self, &askers[0]);
  fixture_release (&self);
  do
    {
      fake_network_turn (&self.network);
      count_circuits (&self);
    }
  while (self.n_open < 2);
  ask (&self, &askers[1], "a");
  ask (&self, &askers[2], "b");
  g_assert_true (askers[1].circuit == askers[0].circuit);
  g_assert_nonnull (askers[2].circuit);
  g_assert_false (askers[2].circuit == askers[0].circuit);
  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    asker_clear (&askers[i]);
  fixture_stop (&self);
}

/* There is no other circuit: a slow one is better than none. */
static void
test_relaxed (void)
{
  CepaCircuitsConfig config;
  Asker asker = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  config.learns_timeout = TRUE;
  config.predicts = FALSE;
  fixture_start (&self, &config, FALSE);
  fixture_teach (&self, 200);
  self.holds = TRUE;
  ask (&self, &asker, "a");
  while (self.held == NULL)
    fake_network_turn (&self.network);
  for (gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC / 2; g_get_monotonic_time () < end;)
    g_main_context_iteration (self.network.context, FALSE);
  g_assert_null (asker.circuit);
  g_assert_cmpuint (self.uses->len, ==, 0);
  fixture_release (&self);
  wait_for (&self, &asker);
  g_assert_cmpuint (fake_network_count_cells (&self.network, CEPA_CELL_CREATE2), ==, 1);
  asker_clear (&asker);
  fixture_stop (&self);
}

/* ---- guards ---- */

static void
take_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  *(CepaGuardInfo *) user_data = *guard;
}

/* A stream was tried and nothing came back. Before the circuit goes it is asked whether it works: @answers as only its exit
   can, or with another address. */
static void
check_probe (gboolean answers)
{
  CepaCircuitsConfig config;
  CepaGuardInfo guard = { 0 };
  Asker asker = { 0 };
  guint8 end[9] = { CEPA_END_EXITPOLICY };
  guint parts[3];
  Fixture self;

  fake_network_config_init (&config);
  config.identity_interval_us = 0;
  fixture_start (&self, &config, TRUE);
  wait_ready (&self);
  ask (&self, &asker, "a");
  wait_for (&self, &asker);
  while (self.begin == NULL)
    fake_network_turn (&self.network);
  cepa_guards_foreach (self.guards, take_guard, &guard);
  g_assert_cmpint (guard.reachable, ==, CEPA_GUARD_UP);
  g_assert_cmpfloat (guard.path_bias.use_attempts, ==, 1);
  g_assert_cmpfloat (guard.path_bias.use_successes, ==, 0);
  cepa_stream_close (g_steal_pointer (&asker.stream), CEPA_END_MISC);
  cepa_circuits_new_identity (self.network.circuits, NULL, NULL);
  while (self.probe == NULL)
    fake_network_turn (&self.network);
  g_assert_cmpint (cepa_circuit_get_state (asker.circuit), ==, CEPA_CIRCUIT_OPEN);
  g_assert_cmpstr (self.uses->pdata[self.uses->len - 1], ==, "0 to 2");
  /* "0.a.b.c:25" and no flags */
  g_assert_cmpint (sscanf ((const char *) self.probe->message.data, "0.%u.%u.%u:25", &parts[0], &parts[1], &parts[2]), ==,
                   3);
  g_assert_cmpuint (self.probe->message.len, ==, strlen ((const char *) self.probe->message.data) + 1);
  for (guint i = 0; i < 3; i++)
    end[2 + i] = (guint8) parts[i];
  if (!answers)
    end[4] ^= 1;
  fake_relay_send_message (self.link->relay, self.probe->circuit_id, self.probe->hop, CEPA_RELAY_END,
                           self.probe->message.stream_id, end, sizeof end, NULL);
  fake_link_flush (self.link);
  while (cepa_circuit_get_state (asker.circuit) == CEPA_CIRCUIT_OPEN)
    fake_network_turn (&self.network);
  cepa_guards_foreach (self.guards, take_guard, &guard);
  g_assert_cmpfloat (guard.path_bias.use_successes, ==, answers ? 1 : 0);
  g_assert_cmpfloat (guard.path_bias.unusable_circuits, ==, answers ? 0 : 1);
  asker_clear (&asker);
  fixture_stop (&self);
}

static void
test_probe (void)
{
  check_probe (TRUE);
}

static void
test_probe_fails (void)
{
  check_probe (FALSE);
}

/* The way to the guard is barred: it is to blame, and nothing is asked of anybody else. */
static void
test_guard_down (void)
{
  CepaCircuitsConfig config;
  CepaGuardInfo guard = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  fixture_start (&self, &config, TRUE);
  self.network.dialer->refuses = "there is no route";
  cepa_circuits_network_changed (self.network.circuits);
  do
    {
      fake_network_turn (&self.network);
      cepa_guards_foreach (self.guards, take_guard, &guard);
    }
  while (guard.reachable != CEPA_GUARD_DOWN);
  g_assert_cmpint (guard.failing_since_s, >, 0);
  g_assert_cmpfloat (guard.path_bias.circ_attempts, ==, 0);
  fixture_stop (&self);
}

/* ---- sleep and limits ---- */

/* Asleep, all unused circuits and then the channel go; a request wakes. */
static void
test_dormant (void)
{
  const CepaDormancyConfig dormancy_config = CEPA_DORMANCY_CONFIG_INIT;
  CepaCircuitsConfig config;
  Asker asker = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  fixture_start (&self, &config, FALSE);
  self.dormancy = fake_network_make_dormancy (&self.network, &dormancy_config);
  wait_ready (&self);
  ask (&self, &asker, "a");
  wait_for (&self, &asker);
  g_assert_true (cepa_circuits_has_streams (self.network.circuits));
  cepa_dormancy_set (self.dormancy, TRUE);
  do
    {
      fake_network_turn (&self.network);
      count_circuits (&self);
    }
  while (self.n_circuits[CEPA_CIRCUITS_FOR_STREAMS] > 1);
  /* That one has a stream. */
  g_assert_cmpint (cepa_circuit_get_state (asker.circuit), ==, CEPA_CIRCUIT_OPEN);
  asker_clear (&asker);
  g_assert_false (cepa_circuits_has_streams (self.network.circuits));
  while (!cepa_channel_pool_is_empty (self.network.pool))
    fake_network_turn (&self.network);
  count_circuits (&self);
  g_assert_cmpuint (self.n_circuits[CEPA_CIRCUITS_FOR_STREAMS], ==, 0);
  g_assert_true (cepa_dormancy_is_dormant (self.dormancy));
  ask (&self, &asker, "a");
  g_assert_false (cepa_dormancy_is_dormant (self.dormancy));
  wait_for (&self, &asker);
  asker_clear (&asker);
  fixture_stop (&self);
}

/* Only so many are built at a time; the others wait for them, and all are served. */
static void
test_pending (void)
{
  CepaCircuitsConfig config;
  Asker askers[6] = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  config.max_pending = 2;
  config.predicts = FALSE;
  fixture_start (&self, &config, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    {
      const char isolation[] = { (char) ('a' + i), '\0' };

      ask (&self, &askers[i], isolation);
      count_circuits (&self);
      g_assert_cmpuint (self.n_circuits[CEPA_CIRCUITS_FOR_STREAMS] - self.n_open, <=, 2);
    }
  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    while (askers[i].circuit == NULL)
      {
        fake_network_turn (&self.network);
        count_circuits (&self);
        g_assert_cmpuint (self.n_circuits[CEPA_CIRCUITS_FOR_STREAMS] - self.n_open, <=, 2);
      }
  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    asker_clear (&askers[i]);
  fixture_stop (&self);
}

/* Circuits that may be launched at once, the time for one more, and as many as there may be. */
#define BURST 128
#define RATE_US (G_USEC_PER_SEC / 4)
#define MAX_CIRCUITS 256

/* Somebody of a crowd; @served: (element-type guint): in the order in which they were told */
typedef struct
{
  guint number;
  GArray *served;
} Crowd;

static void
crowd_told (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, G_GNUC_UNUSED CepaStreams *streams,
            const GError *error)
{
  Crowd *self = user_data;

  if (error != NULL)
    g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CANCELLED); /* those who wait at the end */
  else
    g_array_append_val (self->served, self->number);
}

/* The clock goes on, and those who are served by then are. */
static void
crowd_advance (FakeNetwork *network, CepaClockFake *clock, gint64 us, const GArray *served, guint n)
{
  clock->monotonic_us += us;
  cepa_circuits_network_changed (network->circuits);
  do
    fake_network_turn (network);
  while (served->len < n);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (network->context, FALSE);
  g_assert_cmpuint (served->len, ==, n);
}

/* 128 circuits at once, then one each quarter of a second, for whoever has waited longest; what was not launched is saved up
   for later, to 128 again. */
static void
test_launch_limit (void)
{
  g_autoptr (GArray) served = g_array_new (FALSE, FALSE, sizeof (guint));
  CepaCircuitsConfig config;
  CepaClockFake clock;
  FakeNetwork network;
  Crowd crowd[300];

  fake_network_config_init (&config);
  config.predicts = FALSE;
  config.max_pending = MAX_CIRCUITS;
  cepa_clock_fake_init (&clock, cepa_clock_monotonic_us (fake_server_clock ()), cepa_clock_wall_s (fake_server_clock ()));
  fake_network_init_timed (&network, &config, &clock.clock);
  for (guint i = 0; i < G_N_ELEMENTS (crowd); i++)
    {
      g_autofree char *isolation = g_strdup_printf ("%u", i);
      const CepaCircuitsWish wish = { .port = 80, .isolation = isolation };

      crowd[i] = (Crowd){ i, served };
      cepa_circuits_request (network.circuits, &wish, crowd_told, &crowd[i]);
    }
  crowd_advance (&network, &clock, 0, served, BURST);
  g_assert_cmpuint (fake_network_count_cells (&network, CEPA_CELL_CREATE2), ==, BURST);
  crowd_advance (&network, &clock, RATE_US - 1, served, BURST);
  crowd_advance (&network, &clock, 1, served, BURST + 1);
  crowd_advance (&network, &clock, G_USEC_PER_SEC, served, BURST + 5);
  for (guint i = 0; i < served->len; i++)
    g_assert_cmpuint (g_array_index (served, guint, i), ==, i);
  /* So many circuits are there at most. */
  crowd_advance (&network, &clock, 1000 * RATE_US, served, MAX_CIRCUITS);
  fake_network_clear (&network);
}

/* A circuit takes no streams any more when it has for long enough; it goes with the last of them, without being looked at
   before. */
static void
test_dirty (void)
{
  CepaCircuitsConfig config;
  Asker first = { 0 }, second = { 0 };
  Fixture self;

  fake_network_config_init (&config);
  config.max_dirty_us = G_USEC_PER_SEC / 2;
  fixture_start (&self, &config, FALSE);
  ask (&self, &first, "a");
  wait_for (&self, &first);
  for (gint64 end = g_get_monotonic_time () + config.max_dirty_us; g_get_monotonic_time () <= end;)
    g_main_context_iteration (self.network.context, FALSE);
  ask (&self, &second, "a");
  wait_for (&self, &second);
  g_assert_false (first.circuit == second.circuit);
  g_assert_cmpint (cepa_circuit_get_state (first.circuit), ==, CEPA_CIRCUIT_OPEN);
  cepa_stream_close (g_steal_pointer (&first.stream), CEPA_END_MISC);
  while (cepa_circuit_get_state (first.circuit) == CEPA_CIRCUIT_OPEN)
    fake_network_turn (&self.network);
  asker_clear (&first);
  asker_clear (&second);
  fixture_stop (&self);
}

/* ---- by the clock ---- */

static guint
taken_by (FakeNetwork *network, Asker *asker, gboolean keeps_alive)
{
  const CepaCircuitsWish wish = { .port = 80, .isolation = "a", .keeps_alive = keeps_alive };

  asker_clear (asker);
  cepa_circuits_request (network->circuits, &wish, asker_told, asker);
  while (asker->circuit == NULL)
    fake_network_turn (network);
  return cepa_circuit_get_number (asker->circuit);
}

/* Each stream that keeps its circuit alive gives it its whole time again; others do not. */
static void
test_kept_alive (void)
{
  CepaCircuitsConfig config;
  CepaClockFake clock;
  FakeNetwork network;
  Asker asker = { 0 };
  guint first;

  fake_network_config_init (&config);
  cepa_clock_fake_init (&clock, cepa_clock_monotonic_us (fake_server_clock ()), cepa_clock_wall_s (fake_server_clock ()));
  fake_network_init_timed (&network, &config, &clock.clock);
  first = taken_by (&network, &asker, TRUE);
  clock.monotonic_us += 400 * G_USEC_PER_SEC;
  g_assert_cmpuint (taken_by (&network, &asker, TRUE), ==, first);
  clock.monotonic_us += 400 * G_USEC_PER_SEC;
  g_assert_cmpuint (taken_by (&network, &asker, FALSE), ==, first);
  cepa_circuits_note_kept (network.circuits, asker.circuit);
  clock.monotonic_us += 500 * G_USEC_PER_SEC;
  g_assert_cmpuint (taken_by (&network, &asker, FALSE), ==, first);
  clock.monotonic_us += 200 * G_USEC_PER_SEC;
  g_assert_cmpuint (taken_by (&network, &asker, FALSE), !=, first);
  asker_clear (&asker);
  fake_network_clear (&network);
}

/* Circuits fail one after the other: the pauses become as long as NewCircuitPeriod, and no longer. */
static void
test_period (void)
{
  CepaCircuitsConfig config;
  CepaClockFake clock;
  FakeNetwork network;
  Asker asker = { 0 };
  gint64 begun;

  fake_network_config_init (&config);
  config.predicts = FALSE;
  config.retry_max_us = G_USEC_PER_SEC;
  cepa_clock_fake_init (&clock, cepa_clock_monotonic_us (fake_server_clock ()), cepa_clock_wall_s (fake_server_clock ()));
  fake_network_init_timed (&network, &config, &clock.clock);
  begun = clock.monotonic_us;
  network.dialer->refuses = "there is no route";
  cepa_circuits_request (network.circuits, &(CepaCircuitsWish){ .port = 80, .isolation = "a" }, asker_told, &asker);
  while (asker.error == NULL)
    {
      clock.monotonic_us += G_USEC_PER_SEC / 8;
      cepa_circuits_network_changed (network.circuits);
      for (guint i = 0; i < 10; i++)
        g_main_context_iteration (network.context, FALSE);
    }
  /* Twelve circuits: four without a pause, then a quarter, half of a second, and whole ones. */
  g_assert_cmpuint (network.dialer->n_dialed, >=, 12);
  g_assert_cmpint (clock.monotonic_us - begun, >=, 6 * G_USEC_PER_SEC);
  g_assert_cmpint (clock.monotonic_us - begun, <, 15 * G_USEC_PER_SEC);
  asker_clear (&asker);
  fake_network_clear (&network);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/circuits/pool/measured", test_measured);
  g_test_add_func ("/circuits/pool/overtaken", test_overtaken);
  g_test_add_func ("/circuits/pool/relaxed", test_relaxed);
  g_test_add_func ("/circuits/pool/probe", test_probe);
  g_test_add_func ("/circuits/pool/probe-fails", test_probe_fails);
  g_test_add_func ("/circuits/pool/guard-down", test_guard_down);
  g_test_add_func ("/circuits/pool/dormant", test_dormant);
  g_test_add_func ("/circuits/pool/pending", test_pending);
  g_test_add_func ("/circuits/pool/launch-limit", test_launch_limit);
  g_test_add_func ("/circuits/pool/dirty", test_dirty);
  g_test_add_func ("/circuits/pool/kept-alive", test_kept_alive);
  g_test_add_func ("/circuits/pool/period", test_period);
  return g_test_run ();
}
