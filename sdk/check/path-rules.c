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

static const char *
path_rules_judge_pair (const CepaNetworkView *view, const CepaPathRequest *request, guint32 a, guint32 b)
{
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
      rule = path_rules_judge_relay (view, request, path, i);
      for (guint j = 0; j < i && rule == NULL; j++)
        rule = path_rules_judge_pair (view, request, path->hops[j], path->hops[i]);
    }
  return rule;
}
