/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of circuits on a network that one server plays. */
#include <string.h>

#include "base/error.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

/* Somebody who asks for a circuit. */
typedef struct
{
  CepaCircuitsRequest *request; /* (nullable) */
  guint n_calls;
  CepaCircuit *circuit; /* (nullable): a reference */
  CepaStreams *streams;
  GError *error;
} Asker;

static void
fixture_set_up (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_network_init (self);
}

static void
fixture_tear_down (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_network_clear (self);
}

static void
asker_told (gpointer user_data, CepaCircuit *circuit, CepaStreams *streams, const GError *error)
{
  Asker *self = user_data;

  g_assert_cmpint (circuit == NULL, ==, error != NULL);
  g_assert_cmpint (streams == NULL, ==, error != NULL);
  self->n_calls++;
  if (circuit != NULL)
    {
      g_assert_cmpint (cepa_circuit_get_state (circuit), ==, CEPA_CIRCUIT_OPEN);
      self->circuit = cepa_circuit_ref (circuit);
      self->streams = streams;
    }
  else
    self->error = g_error_copy (error);
}

static void
asker_clear (Asker *self)
{
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_clear_error (&self->error);
  memset (self, 0, sizeof *self);
}

static void
ask (FakeNetwork *network, Asker *asker, guint16 port, const char *isolation)
{
  CepaCircuitsWish wish = { .port = port, .isolation = isolation };

  asker->request = cepa_circuits_request (network->circuits, &wish, asker_told, asker);
}

static void
wait_for (FakeNetwork *network, Asker *asker)
{
  while (asker->n_calls == 0)
    fake_network_turn (network);
  g_assert_cmpuint (asker->n_calls, ==, 1);
}

static const guint8 *
exit_of (Asker *asker)
{
  return cepa_circuit_get_hop (asker->circuit, 2)->target.rsa_id;
}

/* Until two clean circuits are open and nothing more is built. */
static void
wait_ready (FakeNetwork *network)
{
  cepa_circuits_network_changed (network->circuits);
  while (network->bootstrap.percent < CEPA_BOOTSTRAP_DONE || network->n_chosen[FAKE_ROW_EXIT_A] < 2)
    fake_network_turn (network);
}

/* ---- what is built ---- */

static void
test_ahead (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker askers[2] = { 0 };

  wait_ready (self);
  g_assert_cmpint (self->bootstrap.percent, ==, CEPA_BOOTSTRAP_DONE);
  g_assert_cmpuint (fake_network_count_cells (self, CEPA_CELL_CREATE2), ==, 2);
  g_assert_cmpuint (self->server->n_accepted, ==, 1);
  /* One is there at once. */
  while (fake_relay_count_messages (((FakeLink *) g_ptr_array_index (self->server->links, 0))->relay,
                                    CEPA_RELAY_EXTEND2) < 4)
    fake_network_turn (self);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (self->context, FALSE);
  ask (self, &askers[0], 80, "one");
  g_assert_null (askers[0].request);
  g_assert_cmpuint (askers[0].n_calls, ==, 1);
  ask (self, &askers[1], 443, "two");
  g_assert_cmpuint (askers[1].n_calls, ==, 1);
  g_assert_false (askers[0].circuit == askers[1].circuit);
  asker_clear (&askers[0]);
  asker_clear (&askers[1]);
}

static void
test_isolation (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const isolations[] = { "a", "b", "a", "c", "b", "a", "" };
  Asker askers[G_N_ELEMENTS (isolations)] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (isolations); i++)
    ask (self, &askers[i], 80, isolations[i]);
  for (guint i = 0; i < G_N_ELEMENTS (isolations); i++)
    wait_for (self, &askers[i]);
  for (guint i = 0; i < G_N_ELEMENTS (isolations); i++)
    {
      g_assert_no_error (askers[i].error);
      for (guint j = 0; j < i; j++)
        g_assert_cmpint (askers[i].circuit == askers[j].circuit, ==, strcmp (isolations[i], isolations[j]) == 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (isolations); i++)
    asker_clear (&askers[i]);
}

static void
test_no_exit (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker asker = { 0 };

  ask (self, &asker, 25, "a");
  g_assert_null (asker.request);
  g_assert_error (asker.error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  asker_clear (&asker);
}

/* Exits that were tried in vain are not tried again: when there is no other, the asker is told, and nothing is built
   for it. */
static void
test_avoid (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuitsWish wish = { .port = 80, .isolation = "a" };
  guint n_circuits;
  Asker asker = { 0 };

  ask (self, &asker, 80, "a");
  wait_for (self, &asker);
  memcpy (wish.avoid[wish.n_avoid++], exit_of (&asker), 20);
  g_assert_cmpuint (exit_of (&asker)[0], ==, 0x62);
  asker_clear (&asker);
  asker.request = cepa_circuits_request (self->circuits, &wish, asker_told, &asker);
  wait_for (self, &asker);
  g_assert_no_error (asker.error);
  g_assert_cmpuint (exit_of (&asker)[0], ==, 0x63);
  memcpy (wish.avoid[wish.n_avoid++], exit_of (&asker), 20);
  asker_clear (&asker);

  n_circuits = self->n_chosen[FAKE_ROW_EXIT_A] + self->n_chosen[FAKE_ROW_EXIT_B];
  asker.request = cepa_circuits_request (self->circuits, &wish, asker_told, &asker);
  wait_for (self, &asker);
  g_assert_error (asker.error, CEPA_ERROR, CEPA_ERROR_NO_PATH);
  g_assert_cmpuint (self->n_chosen[FAKE_ROW_EXIT_A] + self->n_chosen[FAKE_ROW_EXIT_B], ==, n_circuits);
  asker_clear (&asker);
}

static void
test_breaks_rules (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker asker = { 0 };

  self->breaks_rules = TRUE;
  ask (self, &asker, 80, "a");
  g_assert_error (asker.error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (asker.error->message, "path.fake"));
  g_assert_nonnull (strstr (asker.error->message, "no relay is twice"));
  g_assert_cmpuint (self->server->n_accepted, ==, 0);
  asker_clear (&asker);
}

/* ---- the policy ---- */

/* A policy like the network's, but with the other exit first. */
static gboolean
other_choose (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request,
              CepaPath *path, G_GNUC_UNUSED GError **error)
{
  guint *n_asked = policy->context;

  g_assert_true (request->port == 443 || request->port == 80);
  (*n_asked)++;
  path->n_hops = 3;
  path->hops[0] = FAKE_ROW_GUARD;
  path->hops[1] = FAKE_ROW_MIDDLE;
  path->hops[2] = request->port == 443 ? FAKE_ROW_EXIT_A : FAKE_ROW_EXIT_B;
  return TRUE;
}

/* Who breaks a rule is not asked for long: the circuit is made through a path of the fallback. */
static void
test_fallback (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n_asked = 0;
  CepaPathPolicy other = { .id = "path.other", .choose = other_choose, .context = &n_asked };
  Asker asker = { 0 };

  self->breaks_rules = TRUE;
  cepa_path_policies_set_fallback (self->policies, &other);
  ask (self, &asker, 80, "a");
  wait_for (self, &asker);
  g_assert_no_error (asker.error);
  g_assert_cmpuint (exit_of (&asker)[0], ==, 0x63);
  g_assert_cmpuint (n_asked, >, 0);
  g_assert_cmpuint (self->results->len, ==, 0);
  asker_clear (&asker);
}

/* Another policy: a circuit in use lives on and takes its own streams; those that nobody has used are closed, blaming no
   relay; the next is chosen by the new one. */
static void
test_exchange (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n_asked = 0, n_destroyed;
  CepaPathPolicy other = { .id = "path.other", .choose = other_choose, .context = &n_asked };
  Asker first = { 0 }, again = { 0 }, second = { 0 };

  wait_ready (self);
  ask (self, &first, 80, "a");
  wait_for (self, &first);
  g_assert_cmpuint (exit_of (&first)[0], ==, 0x62);
  n_destroyed = fake_network_count_cells (self, CEPA_CELL_DESTROY);
  cepa_path_policies_use (self->policies, &other);
  /* Also before the timer has come: nothing more goes over what is to be closed. */
  ask (self, &second, 80, "b");
  wait_for (self, &second);
  g_assert_no_error (second.error);
  g_assert_cmpuint (exit_of (&second)[0], ==, 0x63);
  g_assert_cmpint (cepa_circuit_get_state (first.circuit), ==, CEPA_CIRCUIT_OPEN);
  ask (self, &again, 80, "a");
  g_assert_true (again.circuit == first.circuit);
  while (fake_network_count_cells (self, CEPA_CELL_DESTROY) == n_destroyed)
    fake_network_turn (self);
  for (guint i = 0; i < self->results->len; i++)
    g_assert_cmpuint (g_array_index (self->results, CepaPathResult, i).outcome, ==, CEPA_PATH_BUILT);
  cepa_path_policies_forget (self->policies, &other);
  asker_clear (&first);
  asker_clear (&again);
  asker_clear (&second);
}

/* Circuits that are still being built for nobody are closed as well, and that is no failure of theirs. */
static void
test_exchange_while_building (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n_asked = 0;
  CepaPathPolicy other = { .id = "path.other", .choose = other_choose, .context = &n_asked };
  Asker asker = { 0 };

  cepa_circuits_network_changed (self->circuits);
  while (self->n_chosen[FAKE_ROW_EXIT_A] < 2)
    fake_network_turn (self);
  cepa_path_policies_set_fallback (self->policies, &self->policy); /* still there to be told */
  cepa_path_policies_use (self->policies, &other);
  g_assert_cmpuint (self->results->len, ==, 0);
  ask (self, &asker, 80, "a");
  wait_for (self, &asker);
  g_assert_no_error (asker.error);
  g_assert_cmpuint (exit_of (&asker)[0], ==, 0x63);
  g_assert_cmpuint (self->results->len, ==, 0);
  cepa_path_policies_forget (self->policies, &other);
  asker_clear (&asker);
}

/* While there is no policy, askers are told so at once; with one again, circuits are made again, without the pause that
   failures bring. */
static void
test_no_policy (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker without = { 0 }, with = { 0 };

  wait_ready (self);
  cepa_path_policies_forget (self->policies, &self->policy);
  ask (self, &without, 80, "a");
  wait_for (self, &without);
  g_assert_error (without.error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (without.error->message, "no path plugin is running"));
  cepa_circuits_network_changed (self->circuits);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (self->context, FALSE);
  cepa_path_policies_use (self->policies, &self->policy);
  ask (self, &with, 80, "a");
  wait_for (self, &with);
  g_assert_no_error (with.error);
  asker_clear (&without);
  asker_clear (&with);
}

/* ---- what fails ---- */

static guint n_to_destroy;

/* Ends circuits when they are to be extended the second time. */
static void
heard_destroy (FakeLink *link, const FakeCell *cell, G_GNUC_UNUSED gpointer user_data)
{
  if ((cell->command == CEPA_CELL_RELAY_EARLY || cell->command == CEPA_CELL_RELAY)
      && cell->message.command == CEPA_RELAY_EXTEND2 && cell->hop == 1 && n_to_destroy > 0)
    {
      n_to_destroy--;
      g_byte_array_set_size (link->relay->output, 0);
      fake_relay_send_cell (link->relay, cell->circuit_id, CEPA_CELL_DESTROY, "\6", 1);
    }
}

/* The policy was told of circuits that failed at their third relay, and of @circuit. */
static void
assert_results (FakeNetwork *self, CepaCircuit *circuit)
{
  guint n_failed = 0, n_late = 0, n_of_circuit = 0;

  for (guint i = 0; i < self->results->len; i++)
    {
      const CepaPathResult *result = &g_array_index (self->results, CepaPathResult, i);

      g_assert_cmpuint (result->size, ==, sizeof *result);
      g_assert_cmpuint (result->path.n_hops, ==, 3);
      g_assert_cmpuint (result->path.hops[0], ==, FAKE_ROW_GUARD);
      n_failed += result->outcome == CEPA_PATH_FAILED && result->n_built == 2;
      n_late += result->outcome == CEPA_PATH_TIMEOUT && result->build_ms >= 10000;
      if (result->circuit != cepa_circuit_get_number (circuit))
        continue;
      n_of_circuit++;
      g_assert_cmpuint (result->outcome, ==, CEPA_PATH_BUILT);
      g_assert_cmpuint (result->n_built, ==, 3);
      g_assert_cmpuint (result->build_ms, <, 1000 * FAKE_NETWORK_DEADLINE_S);
    }
  /* One DESTROY may have gone with what was on its way before the other: that circuit is waited for by nobody. */
  g_assert_cmpuint (n_failed, >, 0);
  g_assert_cmpuint (n_failed + n_late, <=, 2);
  g_assert_cmpuint (n_of_circuit, ==, 1);
}

/* Somebody waits for a circuit that is not to be: it gets the next one. */
static void
test_destroyed_while_building (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker asker = { 0 };

  n_to_destroy = 2;
  self->server->heard = heard_destroy;
  ask (self, &asker, 80, "a");
  wait_for (self, &asker);
  g_assert_no_error (asker.error);
  g_assert_cmpuint (n_to_destroy, ==, 0);
  assert_results (self, asker.circuit);
  asker_clear (&asker);
}

static void
prepare_spoiled (FakeLink *link, G_GNUC_UNUSED gpointer user_data)
{
  link->relay->spoil_auth = TRUE;
}

static guint
count_chosen (FakeNetwork *self)
{
  return self->n_chosen[FAKE_ROW_EXIT_A] + self->n_chosen[FAKE_ROW_EXIT_B];
}

/* Nothing works: there are pauses between the tries, and the asker can give up. */
static void
test_nothing_works (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 begun = g_get_monotonic_time ();
  Asker asker = { 0 };

  self->server->prepare = prepare_spoiled;
  ask (self, &asker, 80, "a");
  while (count_chosen (self) < 8)
    fake_network_turn (self);
  g_assert_cmpint (g_get_monotonic_time () - begun, >, G_USEC_PER_SEC / 2);
  g_assert_cmpuint (asker.n_calls, ==, 0);
  cepa_circuits_cancel (self->circuits, asker.request);
  g_assert_cmpuint (asker.n_calls, ==, 0);
}

/* The relay goes with all circuits on it: the next asker gets a new one. */
static void
test_relay_goes (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker first = { 0 }, second = { 0 };

  ask (self, &first, 80, "a");
  wait_for (self, &first);
  fake_link_close (g_ptr_array_index (self->server->links, 0));
  while (cepa_circuit_get_state (first.circuit) == CEPA_CIRCUIT_OPEN)
    fake_network_turn (self);
  ask (self, &second, 80, "a");
  wait_for (self, &second);
  g_assert_no_error (second.error);
  g_assert_false (first.circuit == second.circuit);
  g_assert_cmpuint (self->server->n_accepted, ==, 2);
  asker_clear (&first);
  asker_clear (&second);
}

/* ---- timeouts and the end ---- */

/* A circuit that did not answer gets nothing new; when its whole channel was silent, neither does that. */
static void
test_timeout (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker askers[3] = { 0 };

  ask (self, &askers[0], 80, "a");
  wait_for (self, &askers[0]);
  cepa_circuits_note_timeout (self->circuits, askers[0].circuit, 0); /* something came since */
  ask (self, &askers[1], 80, "a");
  wait_for (self, &askers[1]);
  g_assert_false (askers[0].circuit == askers[1].circuit);
  g_assert_cmpuint (self->server->n_accepted, ==, 1);
  cepa_circuits_note_timeout (self->circuits, askers[1].circuit, G_MAXINT64);
  ask (self, &askers[2], 80, "a");
  wait_for (self, &askers[2]);
  g_assert_no_error (askers[2].error);
  g_assert_cmpuint (self->server->n_accepted, ==, 2);
  for (guint i = 0; i < 3; i++)
    asker_clear (&askers[i]);
}

static void
test_cancelled (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  Asker askers[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    ask (self, &askers[i], 80, "a");
  cepa_circuits_cancel (self->circuits, askers[0].request);
  cepa_circuits_cancel (self->circuits, askers[2].request);
  wait_for (self, &askers[1]);
  g_assert_cmpuint (askers[0].n_calls + askers[2].n_calls, ==, 0);
  asker_clear (&askers[1]);
}

/* At any moment of building: each asker is told once. */
static void
test_stopped (FakeNetwork *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");
  Asker askers[5] = { 0 };

  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *isolation = g_strdup_printf ("%u", i);

      ask (self, &askers[i], 80, isolation);
      for (guint turn = 0; turn < i; turn++)
        fake_network_turn (self);
    }
  cepa_circuits_stop (self->circuits, reason);
  for (guint i = 0; i < 5; i++)
    {
      g_assert_cmpuint (askers[i].n_calls, ==, 1);
      if (askers[i].circuit != NULL)
        g_assert_cmpint (cepa_circuit_get_state (askers[i].circuit), ==, CEPA_CIRCUIT_CLOSED);
      else
        g_assert_error (askers[i].error, CEPA_ERROR, CEPA_ERROR_CANCELLED);
      asker_clear (&askers[i]);
    }
}

#define ADD(path, func) g_test_add ("/circuits/" path, FakeNetwork, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("ahead", test_ahead);
  ADD ("isolation", test_isolation);
  ADD ("no-exit", test_no_exit);
  ADD ("avoid", test_avoid);
  ADD ("breaks-rules", test_breaks_rules);
  ADD ("fallback", test_fallback);
  ADD ("exchange", test_exchange);
  ADD ("exchange-while-building", test_exchange_while_building);
  ADD ("no-policy", test_no_policy);
  ADD ("destroyed-while-building", test_destroyed_while_building);
  ADD ("nothing-works", test_nothing_works);
  ADD ("relay-goes", test_relay_goes);
  ADD ("timeout", test_timeout);
  ADD ("cancelled", test_cancelled);
  ADD ("stopped", test_stopped);
  return g_test_run ();
}
