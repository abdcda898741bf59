/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that every proposed path must keep. */
#include "path/check.h"

#include "base/encoding.h"
#include "base/error.h"

typedef struct
{
  const CepaNetwork *network;
  const CepaPathRequest *request;
  const CepaPath *path;
  const char **rule; /* (nullable): where to put the name of the broken one */
} PathCheck;

/* A rule: its short name, which stays, and what broke it. */
typedef struct
{
  const char *name, *fault;
} PathRule;

static const PathRule check_length = { "wrong-length", NULL };
static const PathRule check_unknown = { "unknown-row", NULL };
static const PathRule check_excluded = { "excluded-relay", "the relay is excluded" };
static const PathRule check_not_running = { "not-running", "the relay is not Running" };
static const PathRule check_not_valid = { "not-valid", "the relay is not Valid" };
static const PathRule check_no_keys
    = { "no-keys", "the relay's keys are not known, for its microdescriptor is not here" };
static const PathRule check_not_stable = { "not-stable", "the relay is not Stable" };
static const PathRule check_not_fast = { "not-fast", "the relay is not Fast" };
static const PathRule check_middle_only
    = { "middle-only", "the relay is MiddleOnly and does not stand in the middle" };
static const PathRule check_no_guard_flag = { "no-guard-flag", "the first relay is not a Guard" };
static const PathRule check_no_exit_flag = { "no-exit-flag", "the last relay is not an Exit" };
static const PathRule check_bad_exit = { "bad-exit", "the last relay is a BadExit" };
static const PathRule check_exit_policy
    = { "exit-policy", "the exit's policy does not let the port through" };
static const PathRule check_exit_policy6
    = { "exit-policy", "the exit's policy does not let IPv6 to the port through" };
static const PathRule check_not_settled = { "not-as-settled", "another relay is settled there" };
static const PathRule check_not_our_guard = { "not-our-guard", "the first relay is none of the guards to choose from" };
static const PathRule check_better_guard
    = { "better-guard", "more than two guards that come before it in the request would fit beside the others" };
static const PathRule check_barred[CEPA_N_PLACES] = {
  [CEPA_PLACE_GUARD] = { "barred-guard", "the user does not want the relay as the first" },
  [CEPA_PLACE_MIDDLE] = { "barred-middle", "the user does not want the relay in the middle" },
  [CEPA_PLACE_EXIT] = { "barred-exit", "the user does not want the relay as an exit" },
};
static const PathRule check_repeated = { "repeated-relay", "no relay is twice in a path" };
static const PathRule check_comes_back
    = { "repeated-relay", "no relay of a path over vanguards stands beside itself, nor with one between" };
static const PathRule check_same_family = { "same-family", "no two relays of a path are of one family" };
static const PathRule check_same_subnet = { "same-subnet", "no two relays of a path are in one network" };

static void
check_name_rule (const PathCheck *self, const PathRule *rule)
{
  if (self->rule != NULL)
    *self->rule = rule->name;
}

static gboolean
check_refuse_hop (const PathCheck *self, guint hop, const PathRule *rule, GError **error)
{
  const CepaRelay *relay = cepa_network_get_relay (self->network, self->path->hops[hop]);
  char id[2 * sizeof relay->rsa_id + 1];

  check_name_rule (self, rule);
  cepa_hex_encode_to (relay->rsa_id, sizeof relay->rsa_id, id);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the proposed hop %u of %u, $%s~%s, breaks a rule: %s",
               hop + 1, self->path->n_hops, id, relay->nickname, rule->fault);
  return FALSE;
}

static gboolean
check_refuse_pair (const PathCheck *self, guint first, guint second, const PathRule *rule, GError **error)
{
  const CepaRelay *a = cepa_network_get_relay (self->network, self->path->hops[first]);
  const CepaRelay *b = cepa_network_get_relay (self->network, self->path->hops[second]);
  char id_a[2 * sizeof a->rsa_id + 1], id_b[2 * sizeof b->rsa_id + 1];

  check_name_rule (self, rule);
  cepa_hex_encode_to (a->rsa_id, sizeof a->rsa_id, id_a);
  cepa_hex_encode_to (b->rsa_id, sizeof b->rsa_id, id_b);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN,
               "the proposed hops %u and %u, $%s~%s and $%s~%s, break a rule: %s",
               first + 1, second + 1, id_a, a->nickname, id_b, b->nickname, rule->fault);
  return FALSE;
}

static gboolean
check_shape (const PathCheck *self, GError **error)
{
  guint n_relays = cepa_network_get_n_relays (self->network);

  if (self->path->n_hops != self->request->n_hops || self->path->n_hops == 0
      || self->path->n_hops > CEPA_PATH_MAX_HOPS)
    {
      check_name_rule (self, &check_length);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN,
                   "the proposed path breaks a rule: it has %u hops where %u were asked for, of at most %u",
                   self->path->n_hops, self->request->n_hops, CEPA_PATH_MAX_HOPS);
      return FALSE;
    }
  for (guint i = 0; i < self->path->n_hops; i++)
    if (self->path->hops[i] >= n_relays)
      {
        check_name_rule (self, &check_unknown);
        g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN,
                     "the proposed hop %u of %u breaks a rule: row %u is none of the %u relays", i + 1,
                     self->path->n_hops, self->path->hops[i], n_relays);
        return FALSE;
      }
  return TRUE;
}

CepaPlace
cepa_path_place_of (const CepaPathRequest *request, guint hop)
{
  gboolean is_last = hop + 1 == request->n_hops;

  if (hop == 0 && !is_last)
    return CEPA_PLACE_GUARD;
  return is_last && request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_PLACE_EXIT : CEPA_PLACE_MIDDLE;
}

gboolean
cepa_path_port_is_long_lived (const GArray *ports, guint16 port)
{
  for (guint i = 0; i < ports->len; i++)
    if (g_array_index (ports, guint16, i) == port)
      return TRUE;
  return FALSE;
}

gboolean
cepa_path_is_guard_of (const CepaPathRequest *request, guint32 row)
{
  guint n_guards = cepa_path_request_n_guards (request);

  for (guint i = 0; i < n_guards; i++)
    if (request->guards[i] == row)
      return TRUE;
  return n_guards == 0;
}

/* What was asked for this hop. */
static const PathRule *
check_find_request_fault (const PathCheck *self, guint hop)
{
  guint32 row = self->path->hops[hop], fixed = cepa_path_request_fixed (self->request, hop);
  CepaPlace place = cepa_path_place_of (self->request, hop);

  if (fixed != CEPA_PATH_ANY_ROW && fixed != row)
    return &check_not_settled;
  if (hop == 0 && !cepa_path_is_guard_of (self->request, row))
    return &check_not_our_guard;
  if (cepa_path_request_excludes (self->request, row))
    return &check_excluded;
  if (cepa_path_request_bars (self->request, row, place))
    return &check_barred[place];
  return NULL;
}

/* What holds for every hop, wherever it stands. */
static const PathRule *
check_find_relay_fault (const PathCheck *self, guint hop)
{
  guint32 flags = cepa_network_get_relay (self->network, self->path->hops[hop])->flags;

  if ((flags & CEPA_RELAY_RUNNING) == 0)
    return &check_not_running;
  if ((flags & CEPA_RELAY_VALID) == 0)
    return &check_not_valid;
  if ((flags & CEPA_RELAY_HAS_KEYS) == 0)
    return &check_no_keys;
  if ((self->request->flags & CEPA_PATH_NEED_STABLE) != 0 && (flags & CEPA_RELAY_STABLE) == 0)
    return &check_not_stable;
  if (self->request->purpose == CEPA_PURPOSE_GENERAL && (flags & CEPA_RELAY_FAST) == 0)
    return &check_not_fast;
  return NULL;
}

/* What holds for a hop because of where it stands. */
static const PathRule *
check_find_place_fault (const PathCheck *self, guint hop)
{
  guint32 row = self->path->hops[hop];
  guint32 flags = cepa_network_get_relay (self->network, row)->flags;
  gboolean is_last = hop + 1 == self->path->n_hops;
  gboolean ipv6 = (self->request->flags & CEPA_PATH_IPV6) != 0;

  if ((hop == 0 || is_last) && (flags & CEPA_RELAY_MIDDLE_ONLY) != 0)
    return &check_middle_only;
  if (hop == 0 && !is_last && (flags & CEPA_RELAY_GUARD) == 0)
    return &check_no_guard_flag;
  if (!is_last || self->request->purpose != CEPA_PURPOSE_GENERAL)
    return NULL;
  if ((flags & CEPA_RELAY_EXIT) == 0)
    return &check_no_exit_flag;
  if ((flags & CEPA_RELAY_BAD_EXIT) != 0)
    return &check_bad_exit;
  if (!cepa_network_exit_allows (self->network, row, self->request->port, ipv6))
    return ipv6 ? &check_exit_policy6 : &check_exit_policy;
  return NULL;
}

/* What holds between two hops. */
static const PathRule *
check_find_pair_fault (const PathCheck *self, guint first, guint second, gboolean enforce_subnets)
{
  guint32 a = self->path->hops[first], b = self->path->hops[second];

  if ((self->request->flags & CEPA_PATH_VANGUARDS) != 0)
    return a == b && second - first < CEPA_PATH_VANGUARDS_DISTANCE ? &check_comes_back : NULL;
  if (a == b)
    return &check_repeated;
  if (cepa_network_same_family (self->network, a, b))
    return &check_same_family;
  if (enforce_subnets && cepa_network_same_subnet (self->network, a, b))
    return &check_same_subnet;
  return NULL;
}

/* Whether a path would keep all rules with @guard as its first relay. */
static gboolean
check_guard_fits (const PathCheck *self, guint32 guard, gboolean enforce_subnets)
{
  CepaPath other = *self->path;
  const PathCheck with = { self->network, self->request, &other, NULL };

  other.hops[0] = guard;
  if (guard >= cepa_network_get_n_relays (self->network) || check_find_request_fault (&with, 0) != NULL
      || check_find_relay_fault (&with, 0) != NULL || check_find_place_fault (&with, 0) != NULL)
    return FALSE;
  for (guint hop = 1; hop < other.n_hops; hop++)
    if (check_find_pair_fault (&with, 0, hop, enforce_subnets) != NULL)
      return FALSE;
  return TRUE;
}

/* A policy may pass over the best guard, for one of the next two, and not go down the list to whom it likes. */
static gboolean
check_passes_over (const PathCheck *self, gboolean enforce_subnets)
{
  const CepaPathRequest *request = self->request;
  guint n_guards = cepa_path_request_n_guards (request), n_fit = 0;

  if (cepa_path_request_fixed (request, 0) != CEPA_PATH_ANY_ROW)
    return FALSE;
  for (guint i = 0; i < n_guards && request->guards[i] != self->path->hops[0]; i++)
    n_fit += check_guard_fits (self, request->guards[i], enforce_subnets) ? 1 : 0;
  return n_fit > CEPA_PATH_MAX_GUARDS_PASSED;
}

gboolean
cepa_path_check (const CepaNetwork *network, const CepaPathRequest *request, const CepaPath *path,
                 gboolean enforce_subnets, const char **rule, GError **error)
{
  const PathCheck self = { network, request, path, rule };

  if (!check_shape (&self, error))
    return FALSE;
  for (guint hop = 0; hop < path->n_hops; hop++)
    {
      const PathRule *fault = check_find_request_fault (&self, hop);

      if (fault == NULL)
        fault = check_find_relay_fault (&self, hop);
      if (fault == NULL)
        fault = check_find_place_fault (&self, hop);
      if (fault != NULL)
        return check_refuse_hop (&self, hop, fault, error);
      for (guint before = 0; before < hop; before++)
        {
          fault = check_find_pair_fault (&self, before, hop, enforce_subnets);
          if (fault != NULL)
            return check_refuse_pair (&self, before, hop, fault, error);
        }
    }
  if (check_passes_over (&self, enforce_subnets))
    return check_refuse_hop (&self, 0, &check_better_guard, error);
  return TRUE;
}
