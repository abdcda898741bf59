/* SPDX-License-Identifier: BSD-3-Clause */
#include "path-rules.h"

/* What a relay has to have at a place, and must not have. */
static const char *
path_rules_judge_relay (const CepaNetworkView *view, const CepaPathRequest *request, const CepaPath *path, guint hop)
{
  const CepaRelay *relay = cepa_network_view_relay (view, path->hops[hop]);
  gboolean is_first = hop == 0, is_last = hop == path->n_hops - 1;
  const struct
  {
    gboolean counts;
    guint32 mask, wanted;
    const char *rule;
  } rules[] = {
    { TRUE, CEPA_RELAY_RUNNING, CEPA_RELAY_RUNNING, "a relay is not Running" },
    { TRUE, CEPA_RELAY_VALID, CEPA_RELAY_VALID, "a relay is not Valid" },
    { TRUE, CEPA_RELAY_HAS_KEYS, CEPA_RELAY_HAS_KEYS, "a relay's keys are not known" },
    { (request->flags & CEPA_PATH_NEED_STABLE) != 0, CEPA_RELAY_STABLE, CEPA_RELAY_STABLE, "a relay is not Stable" },
    { request->purpose == CEPA_PURPOSE_GENERAL, CEPA_RELAY_FAST, CEPA_RELAY_FAST, "a relay is not Fast" },
    { is_first && !is_last, CEPA_RELAY_GUARD, CEPA_RELAY_GUARD, "the first relay is not a Guard" },
    { is_first || is_last, CEPA_RELAY_MIDDLE_ONLY, 0, "a MiddleOnly relay is first or last" },
    { is_last && request->purpose == CEPA_PURPOSE_GENERAL, CEPA_RELAY_EXIT | CEPA_RELAY_BAD_EXIT, CEPA_RELAY_EXIT,
      "the last relay is not an Exit, or is a BadExit" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rules[i].counts && (relay->flags & rules[i].mask) != rules[i].wanted)
      return rules[i].rule;
  if (is_last && request->purpose == CEPA_PURPOSE_GENERAL
      && !cepa_network_view_exit_allows (view, relay->exit_policy, request->port,
                                         (request->flags & CEPA_PATH_IPV6) != 0))
    return "the exit's policy does not let the port through";
  return NULL;
}

/* What the request says of a hop: who is settled there, who may be first, whom the user does not want. */
static const char *
path_rules_judge_wishes (const CepaPathRequest *request, const CepaPath *path, guint hop)
{
  gboolean is_general = request->purpose == CEPA_PURPOSE_GENERAL, is_first = hop == 0, is_last = hop == path->n_hops - 1;
  guint place = is_last && is_general ? CEPA_PLACE_EXIT : is_first && !is_last ? CEPA_PLACE_GUARD : CEPA_PLACE_MIDDLE;
  gboolean is_guard = !is_first || request->guards == NULL;

  for (guint i = 0; !is_guard && i < request->n_guards; i++)
    is_guard = request->guards[i] == path->hops[hop];
  if (!is_guard)
    return "the first relay is none of the guards of the request";
  if (request->fixed != NULL && request->fixed[hop] != CEPA_PATH_ANY_ROW && request->fixed[hop] != path->hops[hop])
    return "another relay is settled for a hop";
  if (request->barred != NULL && (request->barred[path->hops[hop]] & 1u << place) != 0)
    return "the user bars a relay from its place";
  return NULL;
}

static const char *
path_rules_judge_pair (const CepaNetworkView *view, const CepaPathRequest *request, guint32 a, guint32 b, guint apart)
{
  if ((request->flags & CEPA_PATH_VANGUARDS) != 0)
    return a == b && apart <= 2 ? "over vanguards, a relay is in it again within two hops" : NULL;
  if (a == b)
    return "a relay is in it twice";
  if (cepa_network_view_same_family (view, a, b))
    return "two relays are of one family";
  if ((request->flags & CEPA_PATH_ANY_SUBNET) == 0
      && cepa_relay_same_subnet (cepa_network_view_relay (view, a), cepa_network_view_relay (view, b)))
    return "two relays are in one subnet";
  return NULL;
}

/* A search of its own, without regard to the order of the rows. */
static gboolean
path_rules_is_excluded (const CepaPathRequest *request, guint32 row)
{
  for (guint i = 0; i < request->n_excluded; i++)
    if (request->excluded[i] == row)
      return TRUE;
  return FALSE;
}

const char *
cepa_path_rules_find_broken (const CepaNetworkView *view, const CepaPathRequest *request, const CepaPath *path)
{
  const char *rule = NULL;

  if (path->n_hops != request->n_hops || path->n_hops == 0 || path->n_hops > CEPA_PATH_MAX_HOPS)
    return "it has another number of hops than was asked for";
  for (guint i = 0; i < path->n_hops && rule == NULL; i++)
    {
      if (path->hops[i] >= view->n_relays)
        return "a row is none of the table";
      if (path_rules_is_excluded (request, path->hops[i]))
        return "a relay is excluded";
      rule = path_rules_judge_wishes (request, path, i);
      if (rule == NULL)
        rule = path_rules_judge_relay (view, request, path, i);
      for (guint j = 0; j < i && rule == NULL; j++)
        rule = path_rules_judge_pair (view, request, path->hops[j], path->hops[i], i - j);
    }
  return rule;
}
