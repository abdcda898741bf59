/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/policy.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "path/check.h"
#include "path/draw.h"

/* A policy while it is in use, or stands ready to be asked instead. */
typedef struct
{
  CepaPathPolicy *policy; /* (nullable) */
  guint64 term;           /* 0 without a policy */
  CepaPathDraw *draw;     /* (nullable): of a policy that only weighs */
  guint n_faults;         /* proposals that broke a rule and calls that failed */
} PolicySlot;

struct _CepaPathPolicies
{
  PolicySlot current, fallback;
  guint64 last_term;
  CepaPathPoliciesFunc changed; /* (nullable) */
  gpointer changed_data;
};

/* What is asked of a policy. */
typedef struct
{
  const CepaNetwork *network;
  CepaRandom *random;
  const CepaPathRequest *request;
  gboolean enforce_subnets;
} PolicyQuestion;

CepaPathPolicies *
cepa_path_policies_new (void)
{
  return g_new0 (CepaPathPolicies, 1);
}

static void
policies_clear_slot (PolicySlot *slot)
{
  if (slot->draw != NULL)
    {
      cepa_path_draw_detach (slot->draw);
      cepa_path_draw_unref (slot->draw);
    }
  memset (slot, 0, sizeof *slot);
}

void
cepa_path_policies_free (CepaPathPolicies *self)
{
  if (self == NULL)
    return;
  policies_clear_slot (&self->current);
  policies_clear_slot (&self->fallback);
  g_free (self);
}

guint64
cepa_path_policies_get_term (const CepaPathPolicies *self)
{
  return self->current.policy != NULL ? self->current.term : self->fallback.term;
}

const CepaPathPolicy *
cepa_path_policies_get_first (const CepaPathPolicies *self)
{
  return self->current.policy != NULL ? self->current.policy : self->fallback.policy;
}

/* Puts @policy into @slot. In both slots it is in one term. */
static void
policies_fill_slot (CepaPathPolicies *self, PolicySlot *slot, CepaPathPolicy *policy)
{
  const PolicySlot *other = slot == &self->current ? &self->fallback : &self->current;
  guint64 before = cepa_path_policies_get_term (self);

  if (slot->policy == policy)
    return;
  policies_clear_slot (slot);
  if (policy != NULL)
    {
      slot->policy = policy;
      slot->term = other->policy == policy ? other->term : ++self->last_term;
      if (policy->choose == NULL && policy->weigh != NULL)
        slot->draw = cepa_path_draw_new (policy);
    }
  if (cepa_path_policies_get_term (self) != before && self->changed != NULL)
    self->changed (self->changed_data);
}

void
cepa_path_policies_use (CepaPathPolicies *self, CepaPathPolicy *policy)
{
  policies_fill_slot (self, &self->current, policy);
}

void
cepa_path_policies_set_fallback (CepaPathPolicies *self, CepaPathPolicy *policy)
{
  policies_fill_slot (self, &self->fallback, policy);
}

void
cepa_path_policies_forget (CepaPathPolicies *self, CepaPathPolicy *policy)
{
  g_return_if_fail (policy != NULL);
  if (self->fallback.policy == policy)
    policies_fill_slot (self, &self->fallback, NULL);
  if (self->current.policy == policy)
    policies_fill_slot (self, &self->current, NULL);
}

void
cepa_path_policies_set_changed (CepaPathPolicies *self, CepaPathPoliciesFunc func, gpointer user_data)
{
  self->changed = func;
  self->changed_data = user_data;
}

/* ---- asking ---- */

/* The policy's proposal as it comes. */
static gboolean
policies_call (const PolicySlot *slot, const PolicyQuestion *question, CepaPath *path, GError **error)
{
  const CepaNetworkView *view = cepa_network_get_view (question->network);
  CepaPathPolicy *policy = slot->policy;
  g_autoptr (CepaPathDraw) draw = slot->draw != NULL ? cepa_path_draw_ref (slot->draw) : NULL;

  if (draw != NULL)
    return cepa_path_draw_run (draw, view, question->random, question->request, path, error);
  if (policy->choose != NULL)
    return policy->choose (policy, view, question->request, path, error);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the plugin %s neither chooses paths nor weighs relays", policy->id);
  return FALSE;
}

/* Says in the log that the policy is at fault: always at first, then ever more rarely, for it may be so with each path. */
static void
policies_log_fault (PolicySlot *slot, const char *what, const char *sentence)
{
  guint n = ++slot->n_faults;

  cepa_log (CEPA_LOG_PLUGIN, (n & (n - 1)) == 0 ? CEPA_LOG_WARN : CEPA_LOG_INFO, "%s of the plugin %s (fault %u): %s",
            what, slot->policy->id, n, sentence);
}

/* One question. The policy may be gone from @slot afterwards. */
static gboolean
policies_ask (PolicySlot *slot, const PolicyQuestion *question, CepaPath *path, GError **error)
{
  guint64 term = slot->term;
  g_autofree char *id = g_strdup (slot->policy->id);
  g_autoptr (GError) own = NULL;
  const char *rule = NULL;
  CepaPath proposal = { .size = sizeof proposal };
  gboolean is_proposed = policies_call (slot, question, &proposal, &own);

  if (slot->term != term)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the plugin %s went away while it was asked for a path", id);
      return FALSE;
    }
  if (is_proposed && own == NULL
      && cepa_path_check (question->network, question->request, &proposal, question->enforce_subnets, &rule, &own))
    {
      *path = proposal;
      return TRUE;
    }
  if (own == NULL)
    g_set_error (&own, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: no path and no error came of it", id);
  if (rule != NULL && slot->policy->violated != NULL)
    slot->policy->violated (slot->policy, rule, own->message);
  else if (rule != NULL)
    policies_log_fault (slot, "Refused a path", own->message);
  else if (!g_error_matches (own, CEPA_ERROR, CEPA_ERROR_NO_PATH))
    policies_log_fault (slot, "No path", own->message);
  if (rule != NULL)
    g_prefix_error (&own, "the plugin %s proposes no path that may be used: ", id);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

gboolean
cepa_path_policies_propose (CepaPathPolicies *self, const CepaNetwork *network, CepaRandom *random,
                            const CepaPathRequest *request, gboolean enforce_subnets, CepaPath *path,
                            guint64 *proposed_by, GError **error)
{
  CepaPathRequest asked = *request;
  PolicyQuestion question = { network, random, &asked, enforce_subnets };
  guint64 term = self->current.term, fallback_term;
  g_autoptr (GError) failure = NULL;

  asked.flags &= ~(guint32) CEPA_PATH_ANY_SUBNET;
  asked.flags |= enforce_subnets ? 0 : CEPA_PATH_ANY_SUBNET;
  if (term != 0)
    {
      if (policies_ask (&self->current, &question, path, &failure))
        {
          *proposed_by = term;
          return TRUE;
        }
      if (g_error_matches (failure, CEPA_ERROR, CEPA_ERROR_NO_PATH))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  fallback_term = self->fallback.term;
  if (fallback_term != 0 && fallback_term != term)
    {
      g_clear_error (&failure);
      if (!policies_ask (&self->fallback, &question, path, error))
        return FALSE;
      *proposed_by = fallback_term;
      return TRUE;
    }
  if (failure == NULL)
    g_set_error (&failure, CEPA_ERROR, CEPA_ERROR_PLUGIN,
                 "no path plugin is running that is to be asked: start path.weighted, or set PathPolicy to one that can be");
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* ---- telling ---- */

void
cepa_path_policies_network_changed (CepaPathPolicies *self, const CepaNetworkView *view)
{
  guint64 told = self->current.term;

  if (self->current.policy != NULL && self->current.policy->network_changed != NULL)
    self->current.policy->network_changed (self->current.policy, view);
  if (self->fallback.policy != NULL && self->fallback.term != told && self->fallback.policy->network_changed != NULL)
    self->fallback.policy->network_changed (self->fallback.policy, view);
}

void
cepa_path_policies_report (CepaPathPolicies *self, guint64 proposed_by, guint64 version, const CepaNetworkView *view,
                           const CepaPathResult *result)
{
  CepaPathPolicy *policy = self->current.term == proposed_by    ? self->current.policy
                           : self->fallback.term == proposed_by ? self->fallback.policy
                                                                : NULL;

  if (policy != NULL && policy->result != NULL && view->version == version)
    policy->result (policy, view, result);
}
