/* SPDX-License-Identifier: BSD-3-Clause */
/* Each rule of cepa_path_check, broken alone. */
#include <string.h>

#include "base/error.h"
#include "path/check.h"
#include "support/test-consensus.h"

#define GUARD (TEST_RELAY_FLAGS | CEPA_RELAY_GUARD)
#define EXIT (TEST_RELAY_FLAGS | CEPA_RELAY_EXIT)
#define WEB "p accept 80,443\np6 accept 443\n"

/* Rows of the network below. */
enum
{
  ROW_GUARD,
  ROW_GUARD_SLOW,
  ROW_GUARD_UNSTABLE,
  ROW_MIDDLE,
  ROW_MIDDLE_DOWN,
  ROW_MIDDLE_INVALID,
  ROW_MIDDLE_KEYLESS,
  ROW_MIDDLE_SLOW,
  ROW_MIDDLE_UNSTABLE,
  ROW_MIDDLE_ONLY,
  ROW_EXIT,
  ROW_EXIT_BAD,
  ROW_EXIT_NONE,
  ROW_EXIT_IPV6,
  ROW_NEAR_GUARD,
  ROW_KIN_A,
  ROW_KIN_B,
  N_ROWS,
};

static const TestRelay relays[N_ROWS] = {
  [ROW_GUARD] = { .flags = GUARD },
  [ROW_GUARD_SLOW] = { .flags = GUARD & ~CEPA_RELAY_FAST },
  [ROW_GUARD_UNSTABLE] = { .flags = GUARD & ~CEPA_RELAY_STABLE },
  [ROW_MIDDLE] = { .nickname = "Middle", .flags = TEST_RELAY_FLAGS },
  [ROW_MIDDLE_DOWN] = { .flags = TEST_RELAY_FLAGS },
  [ROW_MIDDLE_INVALID] = { .flags = TEST_RELAY_FLAGS },
  [ROW_MIDDLE_KEYLESS] = { .flags = TEST_RELAY_FLAGS },
  [ROW_MIDDLE_SLOW] = { .flags = TEST_RELAY_FLAGS & ~CEPA_RELAY_FAST },
  [ROW_MIDDLE_UNSTABLE] = { .flags = TEST_RELAY_FLAGS & ~CEPA_RELAY_STABLE },
  [ROW_MIDDLE_ONLY] = { .flags = GUARD | EXIT | CEPA_RELAY_MIDDLE_ONLY, .microdesc = WEB },
  [ROW_EXIT] = { .flags = EXIT, .microdesc = WEB },
  [ROW_EXIT_BAD] = { .flags = EXIT | CEPA_RELAY_BAD_EXIT, .microdesc = WEB },
  [ROW_EXIT_NONE] = { .flags = EXIT, .microdesc = "p reject 1-65535\n" },
  [ROW_EXIT_IPV6] = { .flags = EXIT, .microdesc = "p6 accept 80\n" },
  [ROW_NEAR_GUARD] = { .flags = TEST_RELAY_FLAGS, .ipv4 = 0x0a00ffff },
  [ROW_KIN_A] = { .flags = GUARD, .microdesc = "family-ids x:kin\n" },
  [ROW_KIN_B] = { .flags = TEST_RELAY_FLAGS, .microdesc = "family-ids x:kin\n" },
};

typedef struct
{
  CepaNetwork *network;
  CepaPathRequest request;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const TestConsensus spec = { relays, N_ROWS };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);

  self->network = cepa_network_new (consensus);
  for (guint i = 0; i < N_ROWS; i++)
    if (i != ROW_MIDDLE_KEYLESS)
      test_consensus_add_microdescriptor (&spec, self->network, i);
  test_network_take_flags (self->network, ROW_MIDDLE_DOWN, CEPA_RELAY_RUNNING);
  test_network_take_flags (self->network, ROW_MIDDLE_INVALID, CEPA_RELAY_VALID);
  cepa_network_commit (self->network);
  self->request = (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = 3, .port = 80 };
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_network_unref (self->network);
}

/* Asserts that a path is good, or refused with @part in the message. */
static void
assert_path (const Fixture *self, const guint32 *hops, guint n, const char *part)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = n };

  memcpy (path.hops, hops, n * sizeof *hops);
  if (part == NULL)
    {
      g_assert_true (cepa_path_check (self->network, &self->request, &path, TRUE, NULL, &error));
      g_assert_no_error (error);
      return;
    }
  g_assert_false (cepa_path_check (self->network, &self->request, &path, TRUE, NULL, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_nonnull (strstr (error->message, part));
}

#define ROWS(...) ((const guint32[]){ __VA_ARGS__ })
#define ASSERT_PATH(self, part, ...) \
  assert_path ((self), ROWS (__VA_ARGS__), G_N_ELEMENTS (ROWS (__VA_ARGS__)), (part))

static void
test_shape (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "2 hops where 3", ROW_GUARD, ROW_EXIT);
  ASSERT_PATH (self, "4 hops where 3", ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE_ONLY, ROW_EXIT);
  ASSERT_PATH (self, "row 17 is none of the 17 relays", ROW_GUARD, N_ROWS, ROW_EXIT);
  ASSERT_PATH (self, "row 4294967295", ROW_GUARD, ROW_MIDDLE, G_MAXUINT32);
  self->request.n_hops = 0;
  ASSERT_PATH (self, "1 hops where 0", ROW_EXIT);
  self->request.n_hops = 2;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_EXIT);
  self->request.n_hops = 1;
  ASSERT_PATH (self, NULL, ROW_EXIT);
  self->request.n_hops = 5;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE_ONLY, ROW_KIN_B, ROW_EXIT);
}

/* More hops than a path has room for are not read. */
static void
test_too_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = 9 };

  self->request.n_hops = 9;
  g_assert_false (cepa_path_check (self->network, &self->request, &path, TRUE, NULL, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
}

static void
test_relays (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { ROW_GUARD_SLOW, ROW_MIDDLE, ROW_EXIT_NONE };

  ASSERT_PATH (self, "not Running", ROW_GUARD, ROW_MIDDLE_DOWN, ROW_EXIT);
  ASSERT_PATH (self, "not Valid", ROW_GUARD, ROW_MIDDLE_INVALID, ROW_EXIT);
  ASSERT_PATH (self, "keys are not known", ROW_GUARD, ROW_MIDDLE_KEYLESS, ROW_EXIT);
  ASSERT_PATH (self, "no relay is twice", ROW_GUARD, ROW_GUARD, ROW_EXIT);
  self->request.excluded = excluded;
  self->request.n_excluded = G_N_ELEMENTS (excluded);
  ASSERT_PATH (self, "$CE00000000000000000000000000000000000003~Middle, breaks a rule: the relay is excluded",
               ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_KIN_A, ROW_EXIT);
}

static void
test_places (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  ASSERT_PATH (self, "not a Guard", ROW_MIDDLE, ROW_GUARD, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE_ONLY, ROW_EXIT);
  ASSERT_PATH (self, "hop 1 of 3", ROW_MIDDLE_ONLY, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "MiddleOnly", ROW_MIDDLE_ONLY, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "MiddleOnly", ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE_ONLY);
  ASSERT_PATH (self, "not an Exit", ROW_GUARD, ROW_EXIT, ROW_MIDDLE);
  ASSERT_PATH (self, "BadExit", ROW_GUARD, ROW_MIDDLE, ROW_EXIT_BAD);
  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_EXIT, ROW_MIDDLE);
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT_BAD);
  ASSERT_PATH (self, "not a Guard", ROW_MIDDLE, ROW_GUARD, ROW_EXIT);
  ASSERT_PATH (self, "MiddleOnly", ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE_ONLY);
  self->request.n_hops = 1;
  ASSERT_PATH (self, NULL, ROW_MIDDLE);
  ASSERT_PATH (self, "MiddleOnly", ROW_MIDDLE_ONLY);
}

static void
test_ports (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  ASSERT_PATH (self, "does not let the port", ROW_GUARD, ROW_MIDDLE, ROW_EXIT_NONE);
  ASSERT_PATH (self, "does not let the port", ROW_GUARD, ROW_MIDDLE, ROW_EXIT_IPV6);
  self->request.port = 25;
  ASSERT_PATH (self, "does not let the port", ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  self->request.port = 0;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "does not let the port", ROW_GUARD, ROW_MIDDLE, ROW_EXIT_NONE);
  self->request.port = 80;
  self->request.flags = CEPA_PATH_IPV6;
  ASSERT_PATH (self, "does not let IPv6", ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT_IPV6);
  self->request.port = 443;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
}

static void
test_fast_and_stable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  ASSERT_PATH (self, "not Fast", ROW_GUARD, ROW_MIDDLE_SLOW, ROW_EXIT);
  ASSERT_PATH (self, "not Fast", ROW_GUARD_SLOW, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_GUARD_UNSTABLE, ROW_MIDDLE_UNSTABLE, ROW_EXIT);
  self->request.flags = CEPA_PATH_NEED_STABLE;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "not Stable", ROW_GUARD_UNSTABLE, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "not Stable", ROW_GUARD, ROW_MIDDLE_UNSTABLE, ROW_EXIT);
  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  ASSERT_PATH (self, NULL, ROW_GUARD_SLOW, ROW_MIDDLE_SLOW, ROW_EXIT);
}

static void
test_pairs (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaPath near = { .n_hops = 3, .hops = { ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT } };
  g_autoptr (GError) error = NULL;

  ASSERT_PATH (self, "one family", ROW_KIN_A, ROW_KIN_B, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "hops 1 and 2", ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT);
  ASSERT_PATH (self, "one network", ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT);
  g_assert_true (cepa_path_check (self->network, &self->request, &near, FALSE, NULL, &error));
  g_assert_no_error (error);
  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  ASSERT_PATH (self, "hops 1 and 3", ROW_KIN_A, ROW_MIDDLE, ROW_KIN_B);
}

/* Asserts that a path is refused under the short name @rule. */
static void
assert_rule (const Fixture *self, const guint32 *hops, const char *rule)
{
  g_autoptr (GError) error = NULL;
  const char *found = NULL;
  CepaPath path = { .size = sizeof path, .n_hops = self->request.n_hops };

  memcpy (path.hops, hops, path.n_hops * sizeof *hops);
  g_assert_false (cepa_path_check (self->network, &self->request, &path, TRUE, &found, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN);
  g_assert_cmpstr (found, ==, rule);
}

static void
test_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { ROW_KIN_A, ROW_MIDDLE };

  self->request.guards = guards;
  self->request.n_guards = G_N_ELEMENTS (guards);
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "none of the guards to choose from", ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_EXIT), "not-our-guard");
  assert_rule (self, ROWS (ROW_MIDDLE, ROW_MIDDLE_ONLY, ROW_EXIT), "no-guard-flag");
  self->request.n_hops = 1;
  assert_rule (self, ROWS (ROW_EXIT), "not-our-guard");
}

/* The best that fits, or one of the two behind it; those that do not fit do not count. */
static void
test_better_guard (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 guards[] = { ROW_MIDDLE_DOWN, ROW_GUARD, ROW_EXIT_NONE, ROW_GUARD_UNSTABLE, ROW_GUARD_SLOW, ROW_KIN_A };
  guint32 fixed[] = { ROW_KIN_A, CEPA_PATH_ANY_ROW, CEPA_PATH_ANY_ROW };

  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  self->request.guards = guards;
  self->request.n_guards = G_N_ELEMENTS (guards);
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_GUARD_SLOW, ROW_MIDDLE, ROW_EXIT);
  assert_rule (self, ROWS (ROW_KIN_A, ROW_MIDDLE, ROW_EXIT), "better-guard");
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_NEAR_GUARD, ROW_EXIT);
  self->request.flags = CEPA_PATH_NEED_STABLE;
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_MIDDLE, ROW_EXIT);
  self->request.flags = 0;
  self->request.fixed = fixed;
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_MIDDLE, ROW_EXIT);
}

static void
test_settled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint32 fixed[] = { CEPA_PATH_ANY_ROW, ROW_MIDDLE, CEPA_PATH_ANY_ROW };

  self->request.fixed = fixed;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_EXIT);
  ASSERT_PATH (self, "another relay is settled there", ROW_GUARD, ROW_MIDDLE_ONLY, ROW_EXIT);
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE_ONLY, ROW_EXIT), "not-as-settled");
  fixed[1] = ROW_MIDDLE_DOWN;
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE_DOWN, ROW_EXIT), "not-running");
  fixed[1] = ROW_NEAR_GUARD;
  assert_rule (self, ROWS (ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT), "same-subnet");
}

/* The same relays in another place are not barred. */
static void
test_barred (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const guint8 barred[N_ROWS] = { [ROW_GUARD] = 1 << CEPA_PLACE_GUARD, [ROW_MIDDLE] = 1 << CEPA_PLACE_MIDDLE,
                                  [ROW_EXIT] = 1 << CEPA_PLACE_EXIT, [ROW_KIN_A] = 1 << CEPA_PLACE_EXIT };
  guint32 none[] = { CEPA_PATH_ANY_ROW, ROW_MIDDLE, CEPA_PATH_ANY_ROW };

  self->request.port = 0;
  self->request.barred = barred;
  self->request.barred_id = 1;
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE_ONLY, ROW_EXIT_IPV6), "barred-guard");
  assert_rule (self, ROWS (ROW_KIN_A, ROW_MIDDLE, ROW_EXIT), "barred-middle");
  assert_rule (self, ROWS (ROW_KIN_A, ROW_GUARD, ROW_EXIT), "barred-exit");
  self->request.fixed = none;
  assert_rule (self, ROWS (ROW_KIN_A, ROW_MIDDLE, ROW_EXIT), "barred-middle");
  self->request.fixed = NULL;
  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_GUARD, ROW_EXIT);
  assert_rule (self, ROWS (ROW_KIN_A, ROW_GUARD, ROW_MIDDLE), "barred-middle");
}

/* Family and subnet count for nobody. A relay may be there again three hops further on, not sooner. */
static void
test_vanguards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->request.purpose = CEPA_PURPOSE_INTERNAL;
  self->request.flags = CEPA_PATH_VANGUARDS;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT);
  ASSERT_PATH (self, NULL, ROW_KIN_A, ROW_KIN_B, ROW_EXIT);
  ASSERT_PATH (self, "nor with one between", ROW_GUARD, ROW_MIDDLE, ROW_GUARD);
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_GUARD), "repeated-relay");
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE), "repeated-relay");
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_MIDDLE_ONLY), "middle-only");
  self->request.n_hops = 5;
  ASSERT_PATH (self, NULL, ROW_GUARD, ROW_MIDDLE, ROW_KIN_A, ROW_GUARD, ROW_MIDDLE);
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_KIN_A, ROW_MIDDLE, ROW_EXIT), "repeated-relay");
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_KIN_A, ROW_EXIT, ROW_KIN_A), "repeated-relay");
  self->request.flags = 0;
  assert_rule (self, ROWS (ROW_GUARD, ROW_MIDDLE, ROW_KIN_A, ROW_GUARD, ROW_EXIT), "repeated-relay");
}

static void
test_long_lived (G_GNUC_UNUSED Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const guint16 numbers[] = { 22, 6667 };
  g_autoptr (GArray) ports = g_array_new (FALSE, FALSE, sizeof (guint16));

  g_assert_false (cepa_path_port_is_long_lived (ports, 22));
  g_array_append_vals (ports, numbers, G_N_ELEMENTS (numbers));
  g_assert_true (cepa_path_port_is_long_lived (ports, 22));
  g_assert_true (cepa_path_port_is_long_lived (ports, 6667));
  g_assert_false (cepa_path_port_is_long_lived (ports, 80));
}

#define ADD(name, function) \
  g_test_add ("/path/check/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("shape", test_shape);
  ADD ("too-many", test_too_many);
  ADD ("relays", test_relays);
  ADD ("places", test_places);
  ADD ("ports", test_ports);
  ADD ("fast-and-stable", test_fast_and_stable);
  ADD ("pairs", test_pairs);
  ADD ("guards", test_guards);
  ADD ("better-guard", test_better_guard);
  ADD ("settled", test_settled);
  ADD ("barred", test_barred);
  ADD ("vanguards", test_vanguards);
  ADD ("long-lived", test_long_lived);
  return g_test_run ();
}
