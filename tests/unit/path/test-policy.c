/* SPDX-License-Identifier: BSD-3-Clause */
/* The set of path policies: who is asked, what is refused, who is asked instead, and who is told. */
#include "path/policy.h"

#include <string.h>

#include "base/error.h"
#include "support/log-capture.h"
#include "support/test-consensus.h"

#define GUARD (TEST_RELAY_FLAGS | CEPA_RELAY_GUARD)
#define EXIT (TEST_RELAY_FLAGS | CEPA_RELAY_EXIT)
#define WEB "p accept 80,443\n"

/* Rows of the network below. */
enum
{
  ROW_GUARD,
  ROW_MIDDLE,
  ROW_EXIT,
  ROW_DOWN,
  ROW_INVALID,
  ROW_KEYLESS,
  ROW_SLOW,
  ROW_UNSTABLE,
  ROW_MIDDLE_ONLY,
  ROW_BAD_EXIT,
  ROW_NO_WEB,
  ROW_NEAR_GUARD,
  ROW_KIN_A,
  ROW_KIN_B,
  N_ROWS,
};

static const TestRelay relays[N_ROWS] = {
  [ROW_GUARD] = { .nickname = "Guardian", .flags = GUARD },
  [ROW_MIDDLE] = { .nickname = "Middle", .flags = TEST_RELAY_FLAGS },
  [ROW_EXIT] = { .nickname = "Way", .flags = EXIT, .microdesc = WEB },
  [ROW_DOWN] = { .flags = TEST_RELAY_FLAGS },
  [ROW_INVALID] = { .flags = TEST_RELAY_FLAGS },
  [ROW_KEYLESS] = { .flags = TEST_RELAY_FLAGS },
  [ROW_SLOW] = { .flags = TEST_RELAY_FLAGS & ~CEPA_RELAY_FAST },
  [ROW_UNSTABLE] = { .flags = TEST_RELAY_FLAGS & ~CEPA_RELAY_STABLE },
  [ROW_MIDDLE_ONLY] = { .flags = GUARD | CEPA_RELAY_MIDDLE_ONLY },
  [ROW_BAD_EXIT] = { .flags = EXIT | CEPA_RELAY_BAD_EXIT, .microdesc = WEB },
  [ROW_NO_WEB] = { .flags = EXIT, .microdesc = "p accept 25\n" },
  [ROW_NEAR_GUARD] = { .flags = TEST_RELAY_FLAGS, .ipv4 = 0x0a00ffff },
  [ROW_KIN_A] = { .flags = GUARD, .microdesc = "family-ids x:kin\n" },
  [ROW_KIN_B] = { .flags = TEST_RELAY_FLAGS, .microdesc = "family-ids x:kin\n" },
};

typedef struct _Fixture Fixture;

/**
 * Plugin:
 * @path: what it proposes; with no hops it sets an error of @kind
 * @goes: it is forgotten when it is called, or when it is told of what it broke
 */
typedef struct
{
  Fixture *fixture;
  CepaPathPolicy policy;
  CepaPath path;
  CepaErrorKind kind;
  gboolean goes, goes_when_blamed, sets_no_error;
  guint n_asked, n_changes, n_results, n_violations;
  guint32 flags; /* of the request */
  char *rule, *sentence;
  CepaPathResult result;
} Plugin;

struct _Fixture
{
  CepaNetwork *network;
  CepaRandomSeeded random;
  CepaPathRequest request;
  CepaPathPolicies *policies;
  Plugin first, second;
  guint n_changed;
};

static void
plugin_called (Plugin *self, gboolean goes)
{
  if (goes)
    cepa_path_policies_forget (self->fixture->policies, &self->policy);
}

static gboolean
plugin_choose (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request,
               CepaPath *path, GError **error)
{
  Plugin *self = policy->context;

  self->n_asked++;
  self->flags = request->flags;
  plugin_called (self, self->goes);
  *path = self->path;
  if (self->path.n_hops == 0 && !self->sets_no_error)
    g_set_error (error, CEPA_ERROR, (gint) self->kind, "%s: nothing comes to mind", policy->id);
  return self->path.n_hops > 0;
}

/* Weighs every relay of its path. */
static gboolean
plugin_weigh (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view,
              G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED guint32 place, guint32 *weights,
              GError **error)
{
  Plugin *self = policy->context;

  self->n_asked++;
  plugin_called (self, self->goes);
  for (guint i = 0; i < self->path.n_hops; i++)
    weights[self->path.hops[i]] = 1;
  if (self->path.n_hops == 0 && !self->sets_no_error)
    g_set_error (error, CEPA_ERROR, (gint) self->kind, "%s: nothing comes to mind", policy->id);
  return self->path.n_hops > 0;
}

static void
plugin_network_changed (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view)
{
  Plugin *self = policy->context;

  self->n_changes++;
  plugin_called (self, self->goes);
}

static void
plugin_result (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathResult *result)
{
  Plugin *self = policy->context;

  self->n_results++;
  self->result = *result;
}

static void
plugin_violated (CepaPathPolicy *policy, const char *rule, const char *sentence)
{
  Plugin *self = policy->context;

  self->n_violations++;
  g_free (self->rule);
  g_free (self->sentence);
  self->rule = g_strdup (rule);
  self->sentence = g_strdup (sentence);
  plugin_called (self, self->goes_when_blamed);
}

static void
plugin_init (Plugin *self, Fixture *fixture, const char *id)
{
  self->fixture = fixture;
  self->policy = (CepaPathPolicy){ .id = id, .choose = plugin_choose, .network_changed = plugin_network_changed,
                                   .result = plugin_result, .violated = plugin_violated, .context = self };
  self->path = (CepaPath){ .n_hops = 3, .hops = { ROW_GUARD, ROW_MIDDLE, ROW_EXIT } };
}

static void
plugin_only_weighs (Plugin *self)
{
  self->policy.choose = NULL;
  self->policy.weigh = plugin_weigh;
}

static void
fixture_changed (gpointer user_data)
{
  Fixture *self = user_data;

  self->n_changed++;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const TestConsensus spec = { relays, N_ROWS };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&spec);

  self->network = cepa_network_new (consensus);
  for (guint i = 0; i < N_ROWS; i++)
    if (i != ROW_KEYLESS)
      test_consensus_add_microdescriptor (&spec, self->network, i);
  test_network_take_flags (self->network, ROW_DOWN, CEPA_RELAY_RUNNING);
  test_network_take_flags (self->network, ROW_INVALID, CEPA_RELAY_VALID);
  cepa_network_commit (self->network);
  cepa_random_seeded_init (&self->random, 20260601);
  self->request = (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = 3, .port = 80 };
  self->policies = cepa_path_policies_new ();
  cepa_path_policies_set_changed (self->policies, fixture_changed, self);
  plugin_init (&self->first, self, "path.first");
  plugin_init (&self->second, self, "path.second");
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_path_policies_free (self->policies);
  cepa_network_unref (self->network);
  g_free (self->first.rule);
  g_free (self->first.sentence);
  g_free (self->second.rule);
  g_free (self->second.sentence);
}

/* Returns: the term of who proposed. */
static guint64
assert_proposed (Fixture *self, guint32 middle)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { 0 };
  guint64 proposed_by = 0;

  g_assert_true (cepa_path_policies_propose (self->policies, self->network, &self->random.random, &self->request, TRUE,
                                             &path, &proposed_by, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (path.n_hops, ==, 3);
  g_assert_cmpuint (path.hops[1], ==, middle);
  g_assert_cmpuint (proposed_by, !=, 0);
  return proposed_by;
}

static void
assert_refused (Fixture *self, CepaErrorKind kind, const char *part)
{
  g_autoptr (GError) error = NULL;
  CepaPath path = { .n_hops = 77 };
  guint64 proposed_by = 55;

  g_assert_false (cepa_path_policies_propose (self->policies, self->network, &self->random.random, &self->request, TRUE,
                                              &path, &proposed_by, &error));
  g_assert_error (error, CEPA_ERROR, (gint) kind);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, error->message);
  g_assert_cmpuint (path.n_hops, ==, 77);
  g_assert_cmpuint (proposed_by, ==, 55);
}

/* ---- what is refused ---- */

/* Asserts that a proposal of the first policy is refused by @rule, and that the second is asked instead. */
static void
assert_violation (Fixture *self, const char *rule, guint32 a, guint32 b, guint32 c)
{
  guint n_violations = self->first.n_violations, n_asked = self->second.n_asked;

  self->first.path = (CepaPath){ .n_hops = 3, .hops = { a, b, c } };
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->first.n_violations, ==, n_violations + 1);
  g_assert_cmpstr (self->first.rule, ==, rule);
  g_assert_cmpuint (self->second.n_asked, ==, n_asked + 1);
  g_assert_cmpuint (self->second.n_violations, ==, 0);
}

static void
test_rules (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint32 excluded[] = { ROW_KIN_A };

  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  assert_violation (self, "repeated-relay", ROW_GUARD, ROW_GUARD, ROW_EXIT);
  assert_violation (self, "same-family", ROW_KIN_A, ROW_KIN_B, ROW_EXIT);
  assert_violation (self, "same-subnet", ROW_GUARD, ROW_NEAR_GUARD, ROW_EXIT);
  assert_violation (self, "unknown-row", ROW_GUARD, N_ROWS, ROW_EXIT);
  assert_violation (self, "unknown-row", ROW_GUARD, G_MAXUINT32, ROW_EXIT);
  assert_violation (self, "not-running", ROW_GUARD, ROW_DOWN, ROW_EXIT);
  assert_violation (self, "not-valid", ROW_GUARD, ROW_INVALID, ROW_EXIT);
  assert_violation (self, "no-keys", ROW_GUARD, ROW_KEYLESS, ROW_EXIT);
  assert_violation (self, "no-guard-flag", ROW_MIDDLE, ROW_GUARD, ROW_EXIT);
  assert_violation (self, "no-exit-flag", ROW_GUARD, ROW_EXIT, ROW_MIDDLE);
  assert_violation (self, "exit-policy", ROW_GUARD, ROW_MIDDLE, ROW_NO_WEB);
  assert_violation (self, "bad-exit", ROW_GUARD, ROW_MIDDLE, ROW_BAD_EXIT);
  assert_violation (self, "middle-only", ROW_MIDDLE_ONLY, ROW_MIDDLE, ROW_EXIT);
  assert_violation (self, "not-fast", ROW_GUARD, ROW_SLOW, ROW_EXIT);
  self->request.flags = CEPA_PATH_NEED_STABLE;
  assert_violation (self, "not-stable", ROW_GUARD, ROW_UNSTABLE, ROW_EXIT);
  self->request.excluded = excluded;
  self->request.n_excluded = 1;
  assert_violation (self, "excluded-relay", ROW_KIN_A, ROW_MIDDLE, ROW_EXIT);
  self->first.path.n_hops = 8;
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpstr (self->first.rule, ==, "wrong-length");
  self->first.path.n_hops = G_MAXUINT32;
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpstr (self->first.rule, ==, "wrong-length");
}

/* The sentence names the relays. */
static void
test_sentence (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->first.path.hops[1] = ROW_GUARD;
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpstr (self->first.sentence, ==,
                   "the proposed hops 1 and 2, $CE00000000000000000000000000000000000000~Guardian and "
                   "$CE00000000000000000000000000000000000000~Guardian, break a rule: no relay is twice in a path");
}

/* Asks seven times and returns what was logged. */
static char *
log_of_seven (Fixture *self)
{
  LogCapture capture;

  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  cepa_path_policies_use (self->policies, NULL);
  cepa_path_policies_use (self->policies, &self->first.policy);
  log_capture_start (&capture, CEPA_LOG_WARN);
  for (guint i = 0; i < 7; i++)
    assert_proposed (self, ROW_MIDDLE);
  return log_capture_stop (&capture);
}

/* Faults are logged, more rarely with time; violations only when nobody else is told of them. */
static void
test_log (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *told = NULL, *refused = NULL, *failed = NULL;

  self->first.path.hops[1] = ROW_GUARD;
  told = log_of_seven (self);
  g_assert_cmpstr (told, ==, "");
  g_assert_cmpuint (self->first.n_violations, ==, 7);
  self->first.policy.violated = NULL;
  refused = log_of_seven (self);
  log_capture_assert_has (refused, "Refused a path of the plugin path.first (fault 1): the proposed hops 1 and 2, $CE");
  log_capture_assert_has (refused, "(fault 2)");
  log_capture_assert_has (refused, "(fault 4)");
  g_assert_null (strstr (refused, "(fault 3)"));
  g_assert_null (strstr (refused, "(fault 7)"));
  self->first.path.n_hops = 0;
  self->first.kind = CEPA_ERROR_PLUGIN;
  failed = log_of_seven (self);
  log_capture_assert_has (failed, "No path of the plugin path.first (fault 1): path.first: nothing comes to mind");
}

/* Also what the fallback proposes is checked. */
static void
test_both_break_rules (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->first.path.hops[1] = ROW_DOWN;
  self->second.path.hops[1] = ROW_SLOW;
  cepa_path_policies_use (self->policies, &self->first.policy);
  assert_refused (self, CEPA_ERROR_PLUGIN, "the plugin path.first proposes no path that may be used: the proposed hop 2");
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  assert_refused (self, CEPA_ERROR_PLUGIN, "the plugin path.second proposes no path that may be used: the proposed hop 2");
  g_assert_cmpstr (self->first.rule, ==, "not-running");
  g_assert_cmpstr (self->second.rule, ==, "not-fast");
  /* It is not asked twice for being both. */
  cepa_path_policies_use (self->policies, &self->second.policy);
  self->second.n_asked = 0;
  assert_refused (self, CEPA_ERROR_PLUGIN, "path.second");
  g_assert_cmpuint (self->second.n_asked, ==, 1);
}

/* The network's rule for subnets is what the request says, too. */
static void
test_subnets (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 proposed_by;
  CepaPath path;

  self->first.path.hops[1] = ROW_NEAR_GUARD;
  self->request.flags = CEPA_PATH_ANY_SUBNET;
  cepa_path_policies_use (self->policies, &self->first.policy);
  assert_refused (self, CEPA_ERROR_PLUGIN, "one network");
  g_assert_cmphex (self->first.flags, ==, 0);
  self->request.flags = 0;
  g_assert_true (cepa_path_policies_propose (self->policies, self->network, &self->random.random, &self->request, FALSE,
                                             &path, &proposed_by, &error));
  g_assert_no_error (error);
  g_assert_cmphex (self->first.flags, ==, CEPA_PATH_ANY_SUBNET);
}

/* ---- who is asked ---- */

static void
test_failures (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  self->second.path.hops[1] = ROW_KIN_B;
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->second.n_asked, ==, 0);
  self->first.path.n_hops = 0;
  self->first.kind = CEPA_ERROR_PLUGIN;
  assert_proposed (self, ROW_KIN_B);
  self->first.sets_no_error = TRUE;
  assert_proposed (self, ROW_KIN_B);
  cepa_path_policies_set_fallback (self->policies, NULL);
  assert_refused (self, CEPA_ERROR_PLUGIN, "path.first: no path and no error came of it");
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  /* That no relays fit is an answer, not a fault. */
  self->first.sets_no_error = FALSE;
  self->first.kind = CEPA_ERROR_NO_PATH;
  self->second.n_asked = 0;
  assert_refused (self, CEPA_ERROR_NO_PATH, "path.first: nothing comes to mind");
  g_assert_cmpuint (self->second.n_asked, ==, 0);
  g_assert_cmpuint (self->first.n_violations, ==, 0);
  self->first.policy.choose = NULL;
  assert_proposed (self, ROW_KIN_B);
}

static void
test_nobody (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaPathResult result = { .size = sizeof result };

  g_assert_cmpuint (cepa_path_policies_get_term (self->policies), ==, 0);
  assert_refused (self, CEPA_ERROR_PLUGIN, "no path plugin is running");
  cepa_path_policies_network_changed (self->policies, cepa_network_get_view (self->network));
  cepa_path_policies_report (self->policies, 0, cepa_network_get_view (self->network)->version,
                             cepa_network_get_view (self->network), &result);
  cepa_path_policies_use (self->policies, NULL);
  cepa_path_policies_forget (self->policies, &self->first.policy);
  g_assert_cmpuint (self->n_changed, ==, 0);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  assert_proposed (self, ROW_MIDDLE);
  cepa_path_policies_forget (self->policies, &self->second.policy);
  assert_refused (self, CEPA_ERROR_PLUGIN, "no path plugin is running");
}

static void
test_exchange (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint64 term;

  self->second.path.hops[1] = ROW_KIN_B;
  cepa_path_policies_use (self->policies, &self->first.policy);
  g_assert_cmpuint (self->n_changed, ==, 1);
  cepa_path_policies_use (self->policies, &self->first.policy);
  g_assert_cmpuint (self->n_changed, ==, 1);
  term = assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (term, ==, cepa_path_policies_get_term (self->policies));
  /* A new fallback changes nothing as long as there is a policy. */
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  g_assert_cmpuint (self->n_changed, ==, 1);
  cepa_path_policies_use (self->policies, NULL);
  g_assert_cmpuint (self->n_changed, ==, 2);
  term = assert_proposed (self, ROW_KIN_B);
  /* Who was asked for want of another is now the one in use: for the circuits that is the same. */
  cepa_path_policies_use (self->policies, &self->second.policy);
  g_assert_cmpuint (self->n_changed, ==, 2);
  g_assert_cmpuint (assert_proposed (self, ROW_KIN_B), ==, term);
  cepa_path_policies_forget (self->policies, &self->second.policy);
  g_assert_cmpuint (self->n_changed, ==, 3);
  cepa_path_policies_use (self->policies, &self->second.policy);
  g_assert_cmpuint (self->n_changed, ==, 4);
  g_assert_cmpuint (assert_proposed (self, ROW_KIN_B), !=, term);
  cepa_path_policies_set_changed (self->policies, NULL, NULL);
  cepa_path_policies_use (self->policies, &self->first.policy);
  g_assert_cmpuint (self->n_changed, ==, 4);
}

/* A policy that only weighs. */
static void
test_weighs (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  plugin_only_weighs (&self->first);
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  for (guint i = 0; i < 10; i++)
    assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->first.n_asked, ==, 3);
  g_assert_cmpuint (self->second.n_asked, ==, 0);
  /* Weights of relays that do not fit break no rule: they are not drawn. */
  self->first.path = (CepaPath){ .n_hops = 3, .hops = { ROW_DOWN, ROW_SLOW, ROW_BAD_EXIT } };
  self->request.port = 443;
  assert_refused (self, CEPA_ERROR_NO_PATH, "path.first: all of the 1 relays that fit as exit to port 443");
  self->first.path.n_hops = 0;
  self->first.kind = CEPA_ERROR_PLUGIN;
  self->request.port = 0;
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->second.n_asked, ==, 1);
  g_assert_cmpuint (self->first.n_violations, ==, 0);
}

/* A policy may be stopped by what it does in a call: nothing of it is used or touched afterwards. */
static void
test_goes_when_asked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->first.goes = TRUE;
  self->second.path.hops[1] = ROW_KIN_B;
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  cepa_path_policies_use (self->policies, &self->first.policy);
  assert_proposed (self, ROW_KIN_B);
  g_assert_cmpuint (self->first.n_asked, ==, 1);
  assert_proposed (self, ROW_KIN_B);
  g_assert_cmpuint (self->first.n_asked, ==, 1);
  plugin_only_weighs (&self->first);
  cepa_path_policies_use (self->policies, &self->first.policy);
  assert_proposed (self, ROW_KIN_B);
  g_assert_cmpuint (self->first.n_asked, ==, 2);
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_network_changed (self->policies, cepa_network_get_view (self->network));
  assert_proposed (self, ROW_KIN_B);
  g_assert_cmpuint (self->first.n_asked, ==, 2);
  cepa_path_policies_set_fallback (self->policies, NULL);
  cepa_path_policies_use (self->policies, &self->first.policy);
  assert_refused (self, CEPA_ERROR_PLUGIN, "path.first went away");
  assert_refused (self, CEPA_ERROR_PLUGIN, "no path plugin is running");
}

static void
test_goes_when_blamed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_path_policies_use (self->policies, &self->first.policy);
  self->first.path.hops[1] = ROW_DOWN;
  self->first.goes_when_blamed = TRUE;
  assert_refused (self, CEPA_ERROR_PLUGIN, "the plugin path.first proposes no path that may be used");
  g_assert_cmpuint (self->first.n_violations, ==, 1);
  assert_refused (self, CEPA_ERROR_PLUGIN, "no path plugin is running");
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->first.n_violations, ==, 2);
  assert_proposed (self, ROW_MIDDLE);
  g_assert_cmpuint (self->first.n_asked, ==, 2);
}

/* ---- who is told ---- */

static void
test_network_changed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaNetworkView *view = cepa_network_get_view (self->network);

  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_network_changed (self->policies, view);
  cepa_path_policies_set_fallback (self->policies, &self->first.policy);
  cepa_path_policies_network_changed (self->policies, view);
  g_assert_cmpuint (self->first.n_changes, ==, 2);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  cepa_path_policies_network_changed (self->policies, view);
  g_assert_cmpuint (self->first.n_changes, ==, 3);
  g_assert_cmpuint (self->second.n_changes, ==, 1);
  self->first.policy.network_changed = NULL;
  cepa_path_policies_network_changed (self->policies, view);
  g_assert_cmpuint (self->second.n_changes, ==, 2);
}

static void
test_result (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaNetworkView *view = cepa_network_get_view (self->network);
  const CepaPathResult result = { .size = sizeof result, .outcome = CEPA_PATH_TIMEOUT, .n_built = 2, .circuit = 9 };
  guint64 first, second;

  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_set_fallback (self->policies, &self->second.policy);
  first = assert_proposed (self, ROW_MIDDLE);
  cepa_path_policies_report (self->policies, first, view->version, view, &result);
  g_assert_cmpuint (self->first.n_results, ==, 1);
  g_assert_cmpuint (self->first.result.circuit, ==, 9);
  g_assert_cmpuint (self->first.result.n_built, ==, 2);
  self->first.path.hops[1] = ROW_DOWN;
  second = assert_proposed (self, ROW_MIDDLE);
  cepa_path_policies_report (self->policies, second, view->version, view, &result);
  g_assert_cmpuint (self->second.n_results, ==, 1);
  /* The rows are of another directory. */
  cepa_path_policies_report (self->policies, second, view->version + 1, view, &result);
  g_assert_cmpuint (self->second.n_results, ==, 1);
  /* Another instance, at the same place in memory. */
  cepa_path_policies_forget (self->policies, &self->first.policy);
  cepa_path_policies_use (self->policies, &self->first.policy);
  cepa_path_policies_report (self->policies, first, view->version, view, &result);
  g_assert_cmpuint (self->first.n_results, ==, 1);
  self->second.policy.result = NULL;
  cepa_path_policies_report (self->policies, second, view->version, view, &result);
  g_assert_cmpuint (self->second.n_results, ==, 1);
}

#define ADD(name, function) \
  g_test_add ("/path/policy/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("rules", test_rules);
  ADD ("sentence", test_sentence);
  ADD ("log", test_log);
  ADD ("both-break-rules", test_both_break_rules);
  ADD ("subnets", test_subnets);
  ADD ("failures", test_failures);
  ADD ("nobody", test_nobody);
  ADD ("exchange", test_exchange);
  ADD ("weighs", test_weighs);
  ADD ("goes-when-asked", test_goes_when_asked);
  ADD ("goes-when-blamed", test_goes_when_blamed);
  ADD ("network-changed", test_network_changed);
  ADD ("result", test_result);
  return g_test_run ();
}
