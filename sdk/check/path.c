/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of path plugins. */
#include <string.h>

#include "check.h"
#include "path-rules.h"

/* A request as a host of @is_newer gives it: with more behind what this header knows. */
typedef struct
{
  CepaPathRequest request;
  guint8 beyond[64];
} PathWideRequest;

/* A proposal with something behind it that nobody may write to. */
typedef struct
{
  CepaPath path;
  guint32 guard[16];
} PathGuarded;

#define PATH_GUARD 0x5a5aa5a5u

static void
path_init_request (PathWideRequest *wide, guint n_hops, guint purpose, guint flags, guint16 port)
{
  memset (wide, 0xa5, sizeof *wide);
  wide->request = (CepaPathRequest){ .size = sizeof (CepaPathRequest), .purpose = purpose, .n_hops = n_hops,
                                     .flags = flags, .port = port };
}

static const CepaPathTable *
path_get_table (CepaInstance *instance)
{
  return instance->check->plugin->path;
}

static void
path_describe (CepaCheck *check, const CepaNetworkView *view, const CepaPathRequest *request, const char *what)
{
  cepa_check_fail (check, "%s (%u relays; %u hops, purpose %u, flags 0x%x, port %u, %u excluded, %u guards%s%s)", what,
                   view->n_relays, request->n_hops, request->purpose, request->flags, request->port,
                   request->n_excluded, request->n_guards, request->fixed != NULL ? ", settled hops" : "",
                   request->barred != NULL ? ", barred relays" : "");
}

/* Asks for a path. Returns: whether one was proposed; it has been judged. */
static gboolean
path_choose (CepaInstance *instance, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path)
{
  PathGuarded guarded = { .path.size = sizeof (CepaPath) };
  g_autoptr (GError) error = NULL;
  gboolean is_chosen;
  const char *rule;

  for (guint i = 0; i < G_N_ELEMENTS (guarded.guard); i++)
    guarded.guard[i] = PATH_GUARD;
  CEPA_CHECK_CALL (instance->check, "choose_path",
                   is_chosen = path_get_table (instance)->choose_path (instance->self, view, request, &guarded.path,
                                                                       &error));
  for (guint i = 0; i < G_N_ELEMENTS (guarded.guard); i++)
    if (guarded.guard[i] != PATH_GUARD)
      {
        path_describe (instance->check, view, request, "choose_path wrote behind the path");
        return FALSE;
      }
  *path = guarded.path;
  if (!is_chosen)
    {
      cepa_check_error (instance->check, "choose_path", error);
      return FALSE;
    }
  if (error != NULL)
    cepa_check_fail (instance->check, "choose_path gave a path and an error");
  rule = cepa_path_rules_find_broken (view, request, path);
  if (rule != NULL)
    path_describe (instance->check, view, request, rule);
  return rule == NULL;
}

/* Returns: whether any relay got a weight. */
static gboolean
path_weigh (CepaInstance *instance, const CepaNetworkView *view, const CepaPathRequest *request, guint place)
{
  g_autofree guint32 *weights = g_new0 (guint32, view->n_relays + 1);
  g_autoptr (GError) error = NULL;
  gboolean is_weighed;

  weights[view->n_relays] = PATH_GUARD;
  CEPA_CHECK_CALL (instance->check, "weigh",
                   is_weighed = path_get_table (instance)->weigh (instance->self, view, request, place, weights,
                                                                  &error));
  if (weights[view->n_relays] != PATH_GUARD)
    path_describe (instance->check, view, request, "weigh wrote behind the weights");
  if (!is_weighed)
    cepa_check_error (instance->check, "weigh", error);
  else if (error != NULL)
    cepa_check_fail (instance->check, "weigh gave weights and an error");
  for (guint i = 0; is_weighed && i < view->n_relays; i++)
    if (weights[i] > 0)
      return TRUE;
  return FALSE;
}

/* Asks in every way that the table has. Returns: whether a good path was proposed, and some weight for each place. */
static gboolean
path_ask (CepaInstance *instance, const CepaNetworkView *view, const CepaPathRequest *request)
{
  CepaPath path;
  gboolean is_chosen = TRUE;

  if (path_get_table (instance)->choose_path != NULL)
    is_chosen = path_choose (instance, view, request, &path);
  for (guint place = 0; path_get_table (instance)->weigh != NULL && place < CEPA_N_PLACES; place++)
    is_chosen = path_weigh (instance, view, request, place) && is_chosen;
  return is_chosen;
}

static void
path_show_network (CepaInstance *instance, CepaFakeNetwork *network)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (network);

  cepa_fake_host_set_network (instance->host, view);
  if (path_get_table (instance)->network_changed != NULL)
    CEPA_CHECK_CALL (instance->check, "network_changed",
                     path_get_table (instance)->network_changed (instance->self, view));
}

static void
path_tell_result (CepaInstance *instance, const CepaNetworkView *view, const CepaPath *path, guint outcome)
{
  struct
  {
    CepaPathResult result;
    guint8 beyond[32];
  } wide;

  memset (&wide, 0xa5, sizeof wide);
  wide.result = (CepaPathResult){ .size = sizeof wide, .outcome = outcome, .n_built = outcome == 0 ? path->n_hops : 1,
                                  .build_ms = 300, .circuit = 17, .path = *path };
  if (path_get_table (instance)->result != NULL)
    CEPA_CHECK_CALL (instance->check, "result",
                     path_get_table (instance)->result (instance->self, view, &wide.result));
}

void
cepa_check_use_path (CepaInstance *instance)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (instance->network);
  PathWideRequest wide;
  CepaPath path;

  path_init_request (&wide, 3, CEPA_PURPOSE_GENERAL, 0, 443);
  path_show_network (instance, instance->network);
  path_ask (instance, view, &wide.request);
  if (path_get_table (instance)->choose_path != NULL && path_choose (instance, view, &wide.request, &path))
    path_tell_result (instance, view, &path, CEPA_PATH_BUILT);
}

/* Runs @func on an instance that was started; with its network in place of the instance's own when there is one. */
static void
path_with_instance (CepaCheck *check, guint64 seed, void (*func) (CepaInstance *instance, gpointer data), gpointer data)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, seed))
    return;
  if (cepa_instance_start (&instance))
    {
      func (&instance, data);
      cepa_fake_host_set_network (instance.host, cepa_fake_network_get_view (instance.network));
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

static void
path_report_network (CepaInstance *instance, CepaFakeNetwork *network)
{
  const char *fault = cepa_fake_network_get_fault (network);

  if (fault != NULL)
    cepa_check_fail (instance->check, "%s", fault);
}

static void
path_try_usual (CepaInstance *instance, gpointer data)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (100, 1000, FALSE);
  const CepaNetworkView *view = cepa_fake_network_get_view (network);
  const struct
  {
    guint n_hops, purpose, flags;
    guint16 port;
  } usual[] = {
    { 3, CEPA_PURPOSE_GENERAL, 0, 443 }, { 3, CEPA_PURPOSE_GENERAL, 0, 0 },
    { 3, CEPA_PURPOSE_INTERNAL, CEPA_PATH_NEED_STABLE, 0 }, { 3, CEPA_PURPOSE_GENERAL, CEPA_PATH_NEED_STABLE, 80 },
  };

  (void) data;
  path_show_network (instance, network);
  for (guint i = 0; i < G_N_ELEMENTS (usual) * 50; i++)
    {
      guint n = i % G_N_ELEMENTS (usual);
      PathWideRequest wide;

      path_init_request (&wide, usual[n].n_hops, usual[n].purpose, usual[n].flags, usual[n].port);
      if (!path_ask (instance, view, &wide.request) && cepa_check_get_n_failures (instance->check) == 0)
        path_describe (instance->check, view, &wide.request, "no path in a network that has many");
    }
  path_report_network (instance, network);
}

static void
path_check_usual (CepaCheck *check)
{
  path_with_instance (check, 100, path_try_usual, NULL);
}

/* Every number of hops, purpose and combination of flags that there is, over ports of every kind. */
static void
path_try_all (CepaInstance *instance, const CepaNetworkView *view, const guint32 *excluded, guint n_excluded)
{
  static const guint16 ports[] = { 0, 1, 80, 6667, 65535 };

  for (guint n_hops = 1; n_hops <= CEPA_PATH_MAX_HOPS; n_hops++)
    for (guint purpose = CEPA_PURPOSE_GENERAL; purpose <= CEPA_PURPOSE_INTERNAL; purpose++)
      for (guint flags = 0; flags < 8; flags++)
        {
          PathWideRequest wide;

          path_init_request (&wide, n_hops, purpose, flags, ports[(n_hops + flags) % G_N_ELEMENTS (ports)]);
          wide.request.excluded = excluded;
          wide.request.n_excluded = n_excluded;
          path_ask (instance, view, &wide.request);
        }
}

static void
path_try_network (CepaInstance *instance, gpointer data)
{
  CepaFakeNetwork *network = data;
  const CepaNetworkView *view = cepa_fake_network_get_view (network);
  g_autofree guint32 *rows = g_new (guint32, view->n_relays + 1);

  for (guint i = 0; i < view->n_relays; i++)
    rows[i] = i;
  path_show_network (instance, network);
  path_try_all (instance, view, NULL, 0);
  path_try_all (instance, view, rows, view->n_relays);
  path_try_all (instance, view, rows, view->n_relays / 2);
  path_report_network (instance, network);
}

static void
path_check_sizes (CepaCheck *check)
{
  static const guint sizes[] = { 0, 1, 3, 8, 50, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes) && cepa_check_get_n_failures (check) == 0; i++)
    {
      g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (200 + i, sizes[i], FALSE);

      path_with_instance (check, 200, path_try_network, network);
    }
}

static void
path_check_newer (CepaCheck *check)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (210, 300, TRUE);

  path_with_instance (check, 210, path_try_network, network);
}

static void
path_try_newer_request (CepaInstance *instance, gpointer data)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (instance->network);
  guint n = 0;

  (void) data;
  path_show_network (instance, instance->network);
  for (guint i = 0; i < 100; i++)
    {
      PathWideRequest wide;

      path_init_request (&wide, 3, CEPA_PURPOSE_GENERAL, 0, 80);
      wide.request.size = sizeof wide;
      n += path_ask (instance, view, &wide.request);
    }
  if (n == 0 && cepa_check_get_n_failures (instance->check) == 0)
    cepa_check_fail (instance->check, "no path for any request of a newer host, which is longer");
}

static void
path_check_newer_request (CepaCheck *check)
{
  path_with_instance (check, 220, path_try_newer_request, NULL);
}

/* The table changes between calls, with and without a word, and shrinks. */
static void
path_try_changes (CepaInstance *instance, gpointer data)
{
  static const guint sizes[] = { 1000, 3, 0, 300, 1, 50 };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (sizes) * 2; i++)
    {
      g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (300 + i, sizes[i % G_N_ELEMENTS (sizes)], FALSE);
      const CepaNetworkView *view = cepa_fake_network_get_view (network);
      PathWideRequest wide;

      if (i % 3 == 0)
        cepa_fake_host_set_network (instance->host, view);
      else
        path_show_network (instance, network);
      path_init_request (&wide, 3, CEPA_PURPOSE_GENERAL, 0, 443);
      for (guint j = 0; j < 20; j++)
        path_ask (instance, view, &wide.request);
      for (guint row = 0; row < view->n_relays; row += 2)
        cepa_fake_network_edit_relay (network, row)->flags &= ~(guint32) CEPA_RELAY_RUNNING;
      cepa_fake_network_touch (network);
      for (guint j = 0; j < 20; j++)
        path_ask (instance, view, &wide.request);
      path_report_network (instance, network);
      cepa_fake_host_set_network (instance->host, NULL);
    }
}

static void
path_check_changes (CepaCheck *check)
{
  path_with_instance (check, 300, path_try_changes, NULL);
}

/* What this version does not have: to be refused, or answered within the rules. */
static void
path_try_unknown (CepaInstance *instance, gpointer data)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (instance->network);
  static const guint lengths[] = { 0, CEPA_PATH_MAX_HOPS + 1, 1000, G_MAXUINT32 };
  PathWideRequest wide;

  (void) data;
  path_show_network (instance, instance->network);
  path_init_request (&wide, 3, 77, 0, 443);
  path_ask (instance, view, &wide.request);
  path_init_request (&wide, 3, CEPA_PURPOSE_GENERAL, 0xfffffff8u, 443);
  path_ask (instance, view, &wide.request);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      path_init_request (&wide, lengths[i], CEPA_PURPOSE_GENERAL, 0, 443);
      path_ask (instance, view, &wide.request);
    }
  path_init_request (&wide, 3, CEPA_PURPOSE_GENERAL, 0, 443);
  if (path_get_table (instance)->weigh != NULL)
    path_weigh (instance, view, &wide.request, 99);
}

static void
path_check_unknown (CepaCheck *check)
{
  path_with_instance (check, 400, path_try_unknown, NULL);
}

static void
path_try_results (CepaInstance *instance, gpointer data)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (instance->network);
  CepaPath path = { .size = sizeof path, .n_hops = 3, .hops = { 0, 1, 2 } };
  PathWideRequest wide;

  (void) data;
  path_show_network (instance, instance->network);
  for (guint i = 0; i < 200; i++)
    {
      path_init_request (&wide, 1 + i % CEPA_PATH_MAX_HOPS, CEPA_PURPOSE_INTERNAL, CEPA_PATH_ANY_SUBNET, 0);
      if (path_get_table (instance)->choose_path == NULL || path_choose (instance, view, &wide.request, &path))
        path_tell_result (instance, view, &path, i % 4);
    }
}

static void
path_check_results (CepaCheck *check)
{
  if (check->plugin->path->result == NULL)
    cepa_check_skip (check, "it does not want results");
  else
    path_with_instance (check, 500, path_try_results, NULL);
}

/* The same seed gives the same paths: all chance came from the host. */
static void
path_try_seeded (CepaInstance *instance, gpointer data)
{
  const CepaNetworkView *view = cepa_fake_network_get_view (instance->network);
  GArray *seen = data;

  path_show_network (instance, instance->network);
  for (guint i = 0; i < 50; i++)
    {
      CepaPath path = { 0 };
      PathWideRequest wide;

      path_init_request (&wide, 3, CEPA_PURPOSE_INTERNAL, 0, 0);
      path_choose (instance, view, &wide.request, &path);
      g_array_append_vals (seen, path.hops, 3);
    }
}

static void
path_check_replay (CepaCheck *check)
{
  g_autoptr (GArray) first = g_array_new (FALSE, TRUE, sizeof (guint32));
  g_autoptr (GArray) second = g_array_new (FALSE, TRUE, sizeof (guint32));

  if (check->plugin->path->choose_path == NULL)
    {
      cepa_check_skip (check, "the core draws for it");
      return;
    }
  path_with_instance (check, 600, path_try_seeded, first);
  path_with_instance (check, 600, path_try_seeded, second);
  if (first->len != second->len || memcmp (first->data, second->data, first->len * sizeof (guint32)) != 0)
    cepa_check_fail (check, "the same seed gave other paths: chance and time come from the host alone");
}

/* ---- what came with version 1.1 ---- */

/* The first row at or behind @from, and then from the beginning, that has all of @flags. */
static guint32
path_find_row (const CepaNetworkView *view, guint32 from, guint32 flags)
{
  const guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS | CEPA_RELAY_FAST | flags;

  for (guint32 i = 0; i < view->n_relays; i++)
    {
      guint32 row = (from + i) % view->n_relays, has = cepa_network_view_relay (view, row)->flags;

      if ((has & needs) == needs && (has & (CEPA_RELAY_MIDDLE_ONLY | CEPA_RELAY_BAD_EXIT)) == 0)
        return row;
    }
  return CEPA_PATH_ANY_ROW;
}

static void
path_try_guards (CepaInstance *instance, gpointer data)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (700, 100, FALSE);
  const CepaNetworkView *view = cepa_fake_network_get_view (network);
  guint n_paths = 0, n_first = 0;

  (void) data;
  path_show_network (instance, network);
  for (guint i = 0; i < 200; i++)
    {
      guint32 guards[5];
      PathWideRequest wide;
      CepaPath path;

      path_init_request (&wide, 2 + i % 4, i % 3 == 0 ? CEPA_PURPOSE_INTERNAL : CEPA_PURPOSE_GENERAL,
                         CEPA_PATH_ANY_SUBNET, 443);
      for (guint j = 0; j < G_N_ELEMENTS (guards); j++)
        guards[j] = path_find_row (view, i * 7 + j * 13, CEPA_RELAY_GUARD);
      wide.request.guards = guards;
      wide.request.n_guards = 1 + i % G_N_ELEMENTS (guards);
      if (!path_choose (instance, view, &wide.request, &path))
        continue;
      n_paths++;
      n_first += path.hops[0] == guards[0];
    }
  if (n_paths == 0 && cepa_check_get_n_failures (instance->check) == 0)
    cepa_check_fail (instance->check, "no path for any request that has guards to choose from");
  else if (n_first < n_paths / 2 && cepa_check_get_n_failures (instance->check) == 0)
    cepa_check_note (instance->check, "the best guard was first in %u of %u paths: another one is for when it does not "
                     "fit the rest", n_first, n_paths);
  path_report_network (instance, network);
}

static void
path_try_settled (CepaInstance *instance, gpointer data)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (710, 100, FALSE);
  const CepaNetworkView *view = cepa_fake_network_get_view (network);
  guint n_paths = 0;

  (void) data;
  path_show_network (instance, network);
  for (guint i = 0; i < 200; i++)
    {
      guint32 fixed[CEPA_PATH_MAX_HOPS];
      PathWideRequest wide;
      CepaPath path;

      path_init_request (&wide, 1 + i % 5, CEPA_PURPOSE_GENERAL, CEPA_PATH_ANY_SUBNET, 0);
      for (guint hop = 0; hop < wide.request.n_hops; hop++)
        fixed[hop] = i % (hop + 2) == 0 ? path_find_row (view, i * 11 + hop * 29,
                                                         hop + 1 == wide.request.n_hops ? CEPA_RELAY_EXIT
                                                         : hop == 0                     ? CEPA_RELAY_GUARD
                                                                                        : 0)
                                        : CEPA_PATH_ANY_ROW;
      wide.request.fixed = fixed;
      n_paths += path_choose (instance, view, &wide.request, &path);
    }
  if (n_paths == 0 && cepa_check_get_n_failures (instance->check) == 0)
    cepa_check_fail (instance->check, "no path for any request that has a hop settled");
  path_report_network (instance, network);
}

static void
path_try_barred (CepaInstance *instance, gpointer data)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (720, 200, FALSE);
  const CepaNetworkView *view = cepa_fake_network_get_view (network);
  g_autofree guint8 *barred = g_new0 (guint8, view->n_relays);
  guint n_paths = 0;

  (void) data;
  path_show_network (instance, network);
  for (guint i = 0; i < 200; i++)
    {
      PathWideRequest wide;
      CepaPath path;

      path_init_request (&wide, 1 + i % 4, i % 2 == 0 ? CEPA_PURPOSE_INTERNAL : CEPA_PURPOSE_GENERAL, 0, 80);
      if (i % 20 == 0)
        for (guint row = 0; row < view->n_relays; row++)
          barred[row] = (guint8) ((row * 7 + i) % 3 == 0 ? (row * 5 + i / 20) % 8 : 0);
      wide.request.barred = barred;
      wide.request.barred_id = 1 + i / 20;
      n_paths += path_choose (instance, view, &wide.request, &path);
    }
  if (n_paths == 0 && cepa_check_get_n_failures (instance->check) == 0)
    cepa_check_fail (instance->check, "no path for any request of a user who bars relays");
  path_report_network (instance, network);
}

static void
path_try_vanguards (CepaInstance *instance, gpointer data)
{
  g_autoptr (CepaFakeNetwork) network = cepa_fake_network_new (730, 60, FALSE);
  const CepaNetworkView *view = cepa_fake_network_get_view (network);

  (void) data;
  path_show_network (instance, network);
  for (guint i = 0; i < 300; i++)
    {
      guint32 guards[1], fixed[5];
      PathWideRequest wide;
      CepaPath path;

      path_init_request (&wide, 3 + i % 3, CEPA_PURPOSE_INTERNAL, CEPA_PATH_VANGUARDS, 0);
      for (guint hop = 0; hop < wide.request.n_hops; hop++)
        fixed[hop] = CEPA_PATH_ANY_ROW;
      guards[0] = path_find_row (view, i * 3, CEPA_RELAY_GUARD);
      fixed[1] = path_find_row (view, guards[0] + 1, 0);
      /* The target may be the guard where two relays are between. */
      fixed[wide.request.n_hops - 1] = i % 2 == 0 && wide.request.n_hops > 3 ? guards[0] : CEPA_PATH_ANY_ROW;
      wide.request.guards = guards;
      wide.request.n_guards = 1;
      wide.request.fixed = fixed;
      if (!path_choose (instance, view, &wide.request, &path) && cepa_check_get_n_failures (instance->check) == 0)
        path_describe (instance->check, view, &wide.request, "no path over vanguards in a network that has many");
    }
  path_report_network (instance, network);
}

/* Runs @func for a plugin that chooses paths, and says what it means when one for 1.0 fails. */
static void
path_check_wishes (CepaCheck *check, guint64 seed, void (*func) (CepaInstance *instance, gpointer data))
{
  if (check->plugin->path->choose_path == NULL)
    {
      cepa_check_skip (check, "the core draws for it");
      return;
    }
  path_with_instance (check, seed, func, NULL);
  if (cepa_check_get_n_failures (check) > 0 && check->plugin->abi_minor == 0)
    cepa_check_note (check, "it was built for version 1.0, which does not have these members of CepaPathRequest: the "
                     "daemon refuses such paths and asks path.weighted instead");
}

static void
path_check_guards (CepaCheck *check)
{
  path_check_wishes (check, 700, path_try_guards);
}

static void
path_check_settled (CepaCheck *check)
{
  path_check_wishes (check, 710, path_try_settled);
}

static void
path_check_barred (CepaCheck *check)
{
  path_check_wishes (check, 720, path_try_barred);
}

static void
path_check_vanguards (CepaCheck *check)
{
  path_check_wishes (check, 730, path_try_vanguards);
}

const CepaCheckRule cepa_check_path_rules[] = {
  { "path-usual", path_check_usual },
  { "path-sizes", path_check_sizes },
  { "path-newer-network", path_check_newer },
  { "path-newer-request", path_check_newer_request },
  { "path-changes", path_check_changes },
  { "path-unknown", path_check_unknown },
  { "path-results", path_check_results },
  { "path-replay", path_check_replay },
  { "path-guards", path_check_guards },
  { "path-settled", path_check_settled },
  { "path-barred", path_check_barred },
  { "path-vanguards", path_check_vanguards },
  { NULL, NULL },
};
