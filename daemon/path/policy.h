/* SPDX-License-Identifier: BSD-3-Clause */
/* Who proposes paths: the policy in use, the one that is asked instead, and the check of what they propose. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "base/random.h"
#include "network/network.h"

G_BEGIN_DECLS

/**
 * CepaPathPolicy:
 * @id: (transfer none): the plugin's id, for messages
 * @choose: (nullable): as CepaPathTable.choose_path; errors are of CEPA_ERROR: CEPA_ERROR_NO_PATH when no relays fit
 * @weigh: (nullable): as CepaPathTable.weigh; asked where @choose is NULL. The request has no excluded rows, for the
 *   weights are kept for other requests of the kind
 * @network_changed: (nullable)
 * @result: (nullable): a circuit over a path that it proposed was built, or will not be
 * @violated: (nullable): a proposal of it broke a rule: @rule is a short name of cepa_path_check(), @sentence says
 *   which relays. To be counted and logged; without this, it is logged here
 *
 * What proposes paths: filled by the plugin host, owned by whoever filled it. Any of the calls may end in
 * cepa_path_policies_forget() of the policy itself.
 */
typedef struct _CepaPathPolicy CepaPathPolicy;
struct _CepaPathPolicy
{
  const char *id;
  gboolean (*choose) (CepaPathPolicy *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                      GError **error);
  gboolean (*weigh) (CepaPathPolicy *self, const CepaNetworkView *view, const CepaPathRequest *request, guint32 place,
                     guint32 *weights, GError **error);
  void (*network_changed) (CepaPathPolicy *self, const CepaNetworkView *view);
  void (*result) (CepaPathPolicy *self, const CepaNetworkView *view, const CepaPathResult *result);
  void (*violated) (CepaPathPolicy *self, const char *rule, const char *sentence);
  void *context;
};

/**
 * CepaPathPolicies:
 *
 * The policies of one client: the one in use, and the fallback that is asked when that is not there, fails, or
 * proposes what breaks a rule.
 */
typedef struct _CepaPathPolicies CepaPathPolicies;

CepaPathPolicies *cepa_path_policies_new (void);
void cepa_path_policies_free (CepaPathPolicies *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPathPolicies, cepa_path_policies_free)

/**
 * cepa_path_policies_use:
 * @policy: (nullable) (transfer none): the policy from now on, until another is used or this one is forgotten
 *
 * What it proposed before lives on. Not told of the network as it is: it sees it with the first request.
 */
void cepa_path_policies_use (CepaPathPolicies *self, CepaPathPolicy *policy);

/**
 * cepa_path_policies_set_fallback:
 * @policy: (nullable) (transfer none): who is asked instead; it may be the policy in use as well
 */
void cepa_path_policies_set_fallback (CepaPathPolicies *self, CepaPathPolicy *policy);

/* @policy is going away: it is not asked or told anything any more. Nothing happens when it is not known. */
void cepa_path_policies_forget (CepaPathPolicies *self, CepaPathPolicy *policy);

/* Another policy is the one that is asked first, or none is. Not for asking at once: do it from the loop. */
typedef void (*CepaPathPoliciesFunc) (gpointer user_data);

/* @func: (nullable): the one listener */
void cepa_path_policies_set_changed (CepaPathPolicies *self, CepaPathPoliciesFunc func, gpointer user_data);

/**
 * cepa_path_policies_get_term:
 *
 * Returns: the number of the policy that is asked first, as in @proposed_by: another one each time that a policy is
 * put into use anew, so that an instance never gets what its predecessor left. 0: there is none.
 */
guint64 cepa_path_policies_get_term (const CepaPathPolicies *self);

/* Returns: (transfer none) (nullable): who is asked first. */
const CepaPathPolicy *cepa_path_policies_get_first (const CepaPathPolicies *self);

/**
 * cepa_path_policies_propose:
 * @random: for drawing by weights
 * @enforce_subnets: whether two relays of one /16 (IPv4) or /32 (IPv6) are refused; the request's CEPA_PATH_ANY_SUBNET
 *   follows it
 * @path: (out): keeps every rule of cepa_path_check()
 * @proposed_by: (out): for cepa_path_policies_report()
 *
 * Asks the policy in use; the fallback when that one proposes what breaks a rule, or fails otherwise than with
 * CEPA_ERROR_NO_PATH.
 *
 * Returns: FALSE with CEPA_ERROR_NO_PATH when no relays fit, CEPA_ERROR_PLUGIN when nobody could be asked or nobody's
 * proposal keeps the rules.
 */
gboolean cepa_path_policies_propose (CepaPathPolicies *self, const CepaNetwork *network, CepaRandom *random,
                                     const CepaPathRequest *request, gboolean enforce_subnets, CepaPath *path,
                                     guint64 *proposed_by, GError **error);

/* The directory has changed: tells the policy in use, and the fallback. */
void cepa_path_policies_network_changed (CepaPathPolicies *self, const CepaNetworkView *view);

/**
 * cepa_path_policies_report:
 * @proposed_by: who proposed the path
 * @version: of the view that its rows are of
 *
 * Tells what became of a path, if who proposed it is still there and @view is of @version.
 */
void cepa_path_policies_report (CepaPathPolicies *self, guint64 proposed_by, guint64 version,
                                const CepaNetworkView *view, const CepaPathResult *result);

G_END_DECLS
