/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits for onion services: built ahead once they are used, taken and made longer, and when they go. */
#include <string.h>

#include "base/error.h"
#include "path/predict.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

#define PREBUILT (CEPA_CIRCUITS_ONION + CEPA_ONION_PREBUILT)

typedef struct
{
  FakeNetwork network;
  CepaPathPolicy policy;
  CepaGuards *guards;
  CepaDormancy *dormancy; /* (nullable) */
  guint32 last;           /* (row): the third relay of onion circuits where it can be */
  FakeLink *held;         /* (nullable): where an EXTEND2 to a fourth relay waits for an answer */
  gboolean holds;         /* such are not answered */
  gboolean destroys;      /* the circuit is destroyed instead */
  guint n_excluded[2];    /* paths that were asked for with the guard excluded, and without */
  guint n_circuits[CEPA_N_CIRCUITS_USES]; /* open ones by use, when they were counted */
  guint n_all[CEPA_N_CIRCUITS_USES];      /* the same, with those on their way */
  CepaCircuit *ready;     /* (nullable) (transfer none): one of those kept ready, when they were counted */
  GPtrArray *told;        /* (element-type utf8) */
} Fixture;

/* Each hop as it is settled; else the guard, an exit for a port, and whoever may stand there. */
static gboolean
fixture_choose (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request,
                CepaPath *path, G_GNUC_UNUSED GError **error)
{
  Fixture *self = policy->context;

  self->n_excluded[!cepa_path_request_excludes (request, FAKE_ROW_GUARD)]++;
  path->n_hops = request->n_hops;
  for (guint hop = 0; hop < request->n_hops; hop++)
    path->hops[hop] = cepa_path_request_fixed (request, hop);
  path->hops[0] = FAKE_ROW_GUARD;
  for (guint hop = 1; hop < request->n_hops; hop++)
    for (guint32 row = self->last, n = 0; path->hops[hop] == CEPA_PATH_ANY_ROW && n < FAKE_N_ROWS;
         row = (row + 1) % FAKE_N_ROWS, n++)
      {
        gboolean fits = request->port == 0 || (hop == 1) == (row == FAKE_ROW_MIDDLE);

        for (guint other = 0; other < request->n_hops; other++)
          fits &= path->hops[other] != row || other == hop;
        if (fits && row != FAKE_ROW_GUARD && !cepa_path_request_excludes (request, row))
          path->hops[hop] = row;
      }
  return TRUE;
}

static void
fixture_result (G_GNUC_UNUSED CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view,
                G_GNUC_UNUSED const CepaPathResult *result)
{
}

/* The answer to an EXTEND2 of the third relay is thrown away. */
static void
fixture_heard (FakeLink *link, const FakeCell *cell, gpointer user_data)
{
  Fixture *self = user_data;

  if ((cell->command != CEPA_CELL_RELAY && cell->command != CEPA_CELL_RELAY_EARLY) || !self->holds
      || cell->message.command != CEPA_RELAY_EXTEND2 || cell->hop != 2)
    return;
  self->held = link;
  g_byte_array_set_size (link->relay->output, 0);
  if (self->destroys)
    fake_relay_send_cell (link->relay, cell->circuit_id, CEPA_CELL_DESTROY, "\6", 1);
}

static void
fixture_used (gpointer user_data, CepaCircuit *circuit, CepaCircuitsUse former)
{
  Fixture *self = user_data;
  CepaCircuitsInfo info;

  cepa_circuits_get_info (self->network.circuits, circuit, &info);
  g_ptr_array_add (self->told, g_strdup_printf ("%u: %u to %u", cepa_circuit_get_number (circuit), former, info.use));
}

static void
fixture_settled (gpointer user_data, CepaCircuit *circuit, gboolean is_waiting)
{
  Fixture *self = user_data;

  g_assert_false (is_waiting);
  g_ptr_array_add (self->told, g_strdup_printf ("%u: longer", cepa_circuit_get_number (circuit)));
}

static void
fixture_start (Fixture *self, const CepaCircuitsConfig *config)
{
  const CepaCircuitsWatch watch = { .use_changed = fixture_used, .settled = fixture_settled };
  CepaGuardsConfig guards_config;

  memset (self, 0, sizeof *self);
  fake_network_init_with (&self->network, config);
  self->network.server->heard = fixture_heard;
  self->network.server->user_data = self;
  self->last = FAKE_ROW_MIDDLE;
  self->policy = (CepaPathPolicy){ .id = "path.onion", .choose = fixture_choose, .result = fixture_result,
                                   .context = self };
  cepa_path_policies_use (self->network.policies, &self->policy);
  self->told = g_ptr_array_new_with_free_func (g_free);
  cepa_circuits_set_watch (self->network.circuits, &watch, self);
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
  g_ptr_array_unref (self->told);
}

/* New identities may follow one another at once. */
static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsConfig config;

  fake_network_config_init (&config);
  config.identity_interval_us = 0;
  fixture_start (self, &config);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_stop (self);
}

static void
count_circuit (gpointer user_data, CepaCircuit *circuit)
{
  Fixture *self = user_data;
  CepaCircuitsInfo info;

  cepa_circuits_get_info (self->network.circuits, circuit, &info);
  self->n_all[info.use]++;
  if (cepa_circuit_get_state (circuit) != CEPA_CIRCUIT_OPEN)
    return;
  self->n_circuits[info.use]++;
  if (info.use == PREBUILT)
    self->ready = circuit;
}

static void
count_circuits (Fixture *self)
{
  memset (self->n_circuits, 0, sizeof self->n_circuits);
  memset (self->n_all, 0, sizeof self->n_all);
  self->ready = NULL;
  cepa_circuits_foreach (self->network.circuits, count_circuit, self);
}

static const guint8 *
id_of (Fixture *self, guint32 row)
{
  return cepa_network_get_relay (cepa_directory_get_network (self->network.directory), row)->rsa_id;
}

static CepaCircuit *
build (Fixture *self, CepaOnionPurpose purpose, const guint8 *target_id)
{
  g_autoptr (GError) error = NULL;
  guint64 number = cepa_circuits_build_onion (self->network.circuits, purpose, target_id, &error);

  g_assert_no_error (error);
  return cepa_circuits_find_by_number (self->network.circuits, number);
}

static void
wait_open (Fixture *self, CepaCircuit *circuit)
{
  while (cepa_circuit_get_state (circuit) == CEPA_CIRCUIT_BUILDING)
    fake_network_turn (&self->network);
  g_assert_cmpint (cepa_circuit_get_state (circuit), ==, CEPA_CIRCUIT_OPEN);
}

/* Until as many as there should be are ready, and @n_streams for streams. */
static void
wait_ready (Fixture *self)
{
  do
    {
      fake_network_turn (&self->network);
      count_circuits (self);
    }
  while (self->n_circuits[PREBUILT] < CEPA_PREDICT_FOR_ONION || self->n_circuits[CEPA_CIRCUITS_FOR_STREAMS] < 2);
  g_assert_cmpuint (self->n_all[PREBUILT], ==, CEPA_PREDICT_FOR_ONION);
}

/* As wait_ready(), after a first use. */
static void
start_use (Fixture *self)
{
  CepaCircuit *first;

  cepa_circuits_network_changed (self->network.circuits);
  first = build (self, CEPA_ONION_CLIENT_REND, NULL);
  wait_open (self, first);
  wait_ready (self);
  g_ptr_array_set_size (self->told, 0);
}

static void
assert_told (Fixture *self, const char *line)
{
  for (guint i = 0; i < self->told->len; i++)
    if (g_str_equal (self->told->pdata[i], line))
      return;
  g_error ("not told: %s", line);
}

/* ---- ahead of use ---- */

/* Nothing is there for onion services before somebody uses one; from then on three are kept ready. */
static void
test_ahead (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsInfo info;
  CepaCircuit *first;

  cepa_circuits_network_changed (self->network.circuits);
  do
    {
      fake_network_turn (&self->network);
      count_circuits (self);
    }
  while (self->n_circuits[CEPA_CIRCUITS_FOR_STREAMS] < 2);
  g_assert_cmpuint (self->n_all[PREBUILT], ==, 0);
  first = build (self, CEPA_ONION_CLIENT_REND, NULL);
  g_assert_cmpint (cepa_circuit_get_state (first), ==, CEPA_CIRCUIT_BUILDING);
  cepa_circuits_get_info (self->network.circuits, first, &info);
  g_assert_cmpuint (info.use, ==, CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_REND);
  g_assert_true (info.is_stable);
  wait_ready (self);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (self->network.context, FALSE);
  count_circuits (self);
  g_assert_cmpuint (self->n_all[PREBUILT], ==, CEPA_PREDICT_FOR_ONION);
  g_assert_cmpuint (self->n_all[CEPA_CIRCUITS_FOR_STREAMS], ==, 2);
  g_assert_cmpuint (cepa_circuit_get_n_hops (self->ready), ==, 3);
  g_assert_cmpuint (cepa_circuit_get_purpose (self->ready), ==, CEPA_PURPOSE_INTERNAL);
  g_assert_cmpuint (self->told->len, ==, 0); /* that is what each was from the beginning */
}

static void
asker_told (gpointer user_data, CepaCircuit *circuit, G_GNUC_UNUSED CepaStreams *streams, const GError *error)
{
  g_assert_no_error (error);
  g_assert_cmpuint (cepa_circuit_get_purpose (circuit), ==, CEPA_PURPOSE_GENERAL);
  (*(guint *) user_data)++;
}

/* No stream goes over one of them, though an exit that would do is its last relay. */
static void
test_no_streams (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsWish wish = { .port = 80 };
  guint n = 0;

  self->last = FAKE_ROW_EXIT_A;
  start_use (self);
  for (guint i = 0; i < 4; i++)
    {
      const char isolation[] = { (char) ('a' + i), '\0' };

      wish.isolation = isolation;
      cepa_circuits_request (self->network.circuits, &wish, asker_told, &n);
    }
  while (n < 4)
    fake_network_turn (&self->network);
}

/* The next rendezvous circuit is one that was kept ready, at once; another one is built in its place. */
static void
test_taken (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *change = NULL;
  CepaCircuit *taken, *ready;
  guint n;

  start_use (self);
  n = fake_network_count_cells (&self->network, CEPA_CELL_CREATE2);
  taken = build (self, CEPA_ONION_CLIENT_REND, NULL);
  g_assert_cmpint (cepa_circuit_get_state (taken), ==, CEPA_CIRCUIT_OPEN);
  g_assert_cmpuint (cepa_circuit_get_n_hops (taken), ==, 3);
  change = g_strdup_printf ("%u: %u to %u", cepa_circuit_get_number (taken), PREBUILT,
                            CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_REND);
  g_assert_cmpuint (self->told->len, ==, 1);
  assert_told (self, change);
  ready = build (self, CEPA_ONION_CLIENT_REND, NULL);
  g_assert_true (ready != taken);
  wait_ready (self);
  g_assert_cmpuint (self->n_circuits[CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_REND], ==, 3);
  g_assert_cmpuint (fake_network_count_cells (&self->network, CEPA_CELL_CREATE2), ==, n + 2);
  /* Nobody else has a say in when it goes. */
  g_assert_true (cepa_circuits_close_by_number (self->network.circuits, cepa_circuit_get_number (taken), FALSE, NULL));
}

static void
take_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  *(CepaGuardInfo *) user_data = *guard;
}

/* To a target it is made longer by that; who closes it then does not count against the guard where somebody else chose the
   target. */
static void
test_extended (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *change = NULL, *longer = NULL;
  CepaGuardInfo before = { 0 }, after = { 0 };
  CepaCircuit *taken;

  start_use (self);
  cepa_guards_foreach (self->guards, take_guard, &before);
  taken = build (self, CEPA_ONION_CLIENT_INTRO, id_of (self, FAKE_ROW_GUARD));
  change = g_strdup_printf ("%u: %u to %u", cepa_circuit_get_number (taken), PREBUILT,
                            CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_INTRO);
  longer = g_strdup_printf ("%u: longer", cepa_circuit_get_number (taken));
  assert_told (self, change);
  g_assert_cmpuint (self->told->len, ==, 1);
  g_assert_cmpint (cepa_circuit_get_state (taken), ==, CEPA_CIRCUIT_BUILDING);
  g_assert_cmpuint (cepa_circuit_get_n_built (taken), ==, 3);
  wait_open (self, taken);
  assert_told (self, longer);
  g_assert_cmpuint (cepa_circuit_get_n_hops (taken), ==, 4);
  g_assert_cmpmem (cepa_circuit_get_hop (taken, 3)->target.rsa_id, 20, id_of (self, FAKE_ROW_GUARD), 20);
  cepa_guards_foreach (self->guards, take_guard, &after);
  g_assert_cmpfloat (after.path_bias.circuits_closed, ==, before.path_bias.circuits_closed + 1);
  wait_ready (self);
}

/* The target does not answer: the circuit goes after its time, and nobody is blamed. */
static void
test_extended_in_vain (void)
{
  CepaCircuitsConfig config;
  CepaGuardInfo guard = { 0 };
  CepaCircuit *taken;
  Fixture self;

  fake_network_config_init (&config);
  config.fixed_timeout_ms = 1500;
  fixture_start (&self, &config);
  start_use (&self);
  self.holds = TRUE;
  taken = cepa_circuit_ref (build (&self, CEPA_ONION_CLIENT_HSDIR, id_of (&self, FAKE_ROW_GUARD)));
  while (cepa_circuit_get_state (taken) != CEPA_CIRCUIT_CLOSED)
    fake_network_turn (&self.network);
  g_assert_nonnull (self.held);
  g_assert_cmpuint (cepa_circuit_get_n_built (taken), ==, 3);
  cepa_guards_foreach (self.guards, take_guard, &guard);
  g_assert_cmpint (guard.reachable, ==, CEPA_GUARD_UP);
  g_assert_cmpfloat (guard.path_bias.collapsed_circuits, ==, 0);
  g_assert_cmpfloat (guard.path_bias.timeouts, ==, 0);
  self.holds = FALSE;
  /* The next one is taken all the same. */
  wait_ready (&self);
  cepa_circuit_unref (taken);
  taken = build (&self, CEPA_ONION_CLIENT_HSDIR, id_of (&self, FAKE_ROW_GUARD));
  g_assert_cmpuint (cepa_circuit_get_n_built (taken), ==, 3);
  wait_open (&self, taken);
  fixture_stop (&self);
}

/* Somebody has a circuit fail at a relay that is our guard: it stays our guard. */
static void
test_guard_as_target (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (CepaCircuit) circuit = NULL;

  self->holds = self->destroys = TRUE;
  cepa_circuits_network_changed (self->network.circuits);
  circuit = cepa_circuit_ref (build (self, CEPA_ONION_SERVICE_INTRO, id_of (self, FAKE_ROW_GUARD)));
  while (cepa_circuit_get_state (circuit) != CEPA_CIRCUIT_CLOSED)
    fake_network_turn (&self->network);
  g_assert_cmpuint (cepa_circuit_get_n_built (circuit), ==, 3);
  self->holds = FALSE;
  memset (self->n_excluded, 0, sizeof self->n_excluded);
  wait_open (self, build (self, CEPA_ONION_SERVICE_INTRO, id_of (self, FAKE_ROW_GUARD)));
  g_assert_cmpuint (self->n_excluded[0], ==, 0);
  g_assert_cmpuint (self->n_excluded[1], >, 0);
}

/* ---- what is not taken ---- */

static void
assert_new (Fixture *self, CepaOnionPurpose purpose, const guint8 *target_id)
{
  CepaCircuit *circuit = build (self, purpose, target_id);

  g_assert_cmpint (cepa_circuit_get_state (circuit), ==, CEPA_CIRCUIT_BUILDING);
  g_assert_cmpuint (cepa_circuit_get_n_built (circuit), ==, 0);
}

/* To introduce a service a circuit is built for that, as is one to be kept ready; and whose last relays are the target, it
   does not go back there. */
static void
test_not_taken (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 row;

  start_use (self);
  assert_new (self, CEPA_ONION_SERVICE_INTRO, id_of (self, FAKE_ROW_GUARD));
  /* Of three relays two stand behind the guard in each. */
  for (row = FAKE_ROW_MIDDLE; row <= FAKE_ROW_EXIT_B; row++)
    {
      CepaCircuit *circuit = build (self, CEPA_ONION_SERVICE_REND, id_of (self, row));
      guint n_hops;

      wait_open (self, circuit);
      n_hops = cepa_circuit_get_n_hops (circuit);
      g_assert_cmpuint (n_hops, ==, 4);
      for (guint hop = 1; hop < 3; hop++)
        g_assert_cmpint (memcmp (cepa_circuit_get_hop (circuit, hop)->target.rsa_id, id_of (self, row), 20), !=, 0);
      wait_ready (self);
    }
  assert_new (self, CEPA_ONION_PREBUILT, NULL);
}

static void
set_second (Fixture *self, guint32 row)
{
  const CepaNetwork *network = cepa_directory_get_network (self->network.directory);
  g_autoptr (CepaNodeSet) set = cepa_node_set_new ();
  const CepaVanguardsConfig config = { -1, set, NULL };
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_node_set_add_line (set, cepa_network_get_relay (network, row)->nickname, &error));
  g_assert_no_error (error);
  cepa_circuits_set_vanguards (self->network.circuits, &config);
}

/* Those that lie over the former vanguards go, and others come. */
static void
test_other_vanguards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuit *former;

  set_second (self, FAKE_ROW_EXIT_A);
  start_use (self);
  former = cepa_circuit_ref (self->ready);
  g_assert_cmpmem (cepa_circuit_get_hop (former, 1)->target.rsa_id, 20, id_of (self, FAKE_ROW_EXIT_A), 20);
  set_second (self, FAKE_ROW_EXIT_B);
  assert_new (self, CEPA_ONION_CLIENT_REND, NULL);
  while (cepa_circuit_get_state (former) == CEPA_CIRCUIT_OPEN)
    fake_network_turn (&self->network);
  wait_ready (self);
  g_assert_cmpmem (cepa_circuit_get_hop (self->ready, 1)->target.rsa_id, 20, id_of (self, FAKE_ROW_EXIT_B), 20);
  cepa_circuit_unref (former);
}

/* ---- when they go ---- */

/* A new identity: none of them is used any more, others are built. */
static void
test_new_identity (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuit *former;

  start_use (self);
  former = cepa_circuit_ref (self->ready);
  cepa_circuits_new_identity (self->network.circuits, NULL, NULL);
  g_assert_cmpint (cepa_circuit_get_state (former), ==, CEPA_CIRCUIT_CLOSED);
  count_circuits (self);
  g_assert_cmpuint (self->n_all[PREBUILT], ==, 0);
  wait_ready (self);
  cepa_circuit_unref (former);
}

/* Nobody has used an onion service for as long as circuits are kept ready: they are closed, and no others built. */
static void
test_idle (void)
{
  CepaCircuitsConfig config;
  Fixture self;

  fake_network_config_init (&config);
  config.available_us = G_USEC_PER_SEC / 2;
  fixture_start (&self, &config);
  start_use (&self);
  do
    {
      fake_network_turn (&self.network);
      count_circuits (&self);
    }
  while (self.n_all[PREBUILT] > 0);
  /* What somebody has asked for stays. */
  g_assert_cmpuint (self.n_all[CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_REND], ==, 1);
  fixture_stop (&self);
}

/* Asleep there are none; who asks for one wakes. */
static void
test_dormant (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaDormancyConfig config = CEPA_DORMANCY_CONFIG_INIT;

  self->dormancy = fake_network_make_dormancy (&self->network, &config);
  start_use (self);
  cepa_dormancy_set (self->dormancy, TRUE);
  do
    {
      fake_network_turn (&self->network);
      count_circuits (self);
    }
  while (self->n_all[PREBUILT] > 0);
  assert_new (self, CEPA_ONION_CLIENT_REND, NULL);
  g_assert_false (cepa_dormancy_is_dormant (self->dormancy));
  wait_ready (self);
}

#define ADD(path, func) g_test_add ("/onion/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("ahead", test_ahead);
  ADD ("no-streams", test_no_streams);
  ADD ("taken", test_taken);
  ADD ("extended", test_extended);
  g_test_add_func ("/onion/extended-in-vain", test_extended_in_vain);
  ADD ("guard-as-target", test_guard_as_target);
  ADD ("not-taken", test_not_taken);
  ADD ("other-vanguards", test_other_vanguards);
  ADD ("new-identity", test_new_identity);
  g_test_add_func ("/onion/idle", test_idle);
  ADD ("dormant", test_dormant);
  return g_test_run ();
}
