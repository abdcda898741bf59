/* SPDX-License-Identifier: BSD-3-Clause */
/* Path plugins as the core sees them: policies. */
#include "base/error.h"
#include "host/host-private.h"

static CepaHostPlugin *
path_plugin (const CepaPathPolicy *policy)
{
  return policy->context;
}

static const CepaPathTable *
path_table (const CepaPathPolicy *policy)
{
  return path_plugin (policy)->module->path;
}

static gboolean
path_choose (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
             GError **error)
{
  CepaHostPlugin *self = path_plugin (policy);
  g_autoptr (GError) own = NULL;
  CepaPath proposed = { .size = sizeof proposed };
  gboolean chosen = path_table (policy)->choose_path (self->instance, view, request, &proposed, &own);

  if (chosen && own == NULL && proposed.n_hops <= CEPA_PATH_MAX_HOPS)
    {
      proposed.size = sizeof proposed;
      *path = proposed;
      return TRUE;
    }
  if (!chosen)
    cepa_host_plugin_take_error (self, "choose_path", own, error);
  else if (own != NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: choose_path returned TRUE and set an error", policy->id);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: choose_path gave %u hops, and %d are the most", policy->id,
                 proposed.n_hops, CEPA_PATH_MAX_HOPS);
  return FALSE;
}

static gboolean
path_weigh (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, guint32 place,
            guint32 *weights, GError **error)
{
  CepaHostPlugin *self = path_plugin (policy);
  g_autoptr (GError) own = NULL;

  if (path_table (policy)->weigh (self->instance, view, request, place, weights, &own) && own == NULL)
    return TRUE;
  cepa_host_plugin_take_error (self, "weigh", own, error);
  return FALSE;
}

static void
path_network_changed (CepaPathPolicy *policy, const CepaNetworkView *view)
{
  path_table (policy)->network_changed (path_plugin (policy)->instance, view);
}

static void
path_result (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathResult *result)
{
  path_table (policy)->result (path_plugin (policy)->instance, view, result);
}

static void
path_violated (CepaPathPolicy *policy, const char *rule, const char *sentence)
{
  cepa_host_plugin_violated (path_plugin (policy), rule, sentence);
}

static void
path_make (CepaHostPlugin *self)
{
  const CepaPathTable *table = self->module->path;
  CepaPathPolicy *policy = g_new0 (CepaPathPolicy, 1);

  policy->id = self->file->id;
  policy->context = self;
  policy->choose = table->choose_path != NULL ? path_choose : NULL;
  policy->weigh = CEPA_TABLE_HAS (table, CepaPathTable, weigh) ? path_weigh : NULL;
  policy->network_changed = CEPA_TABLE_HAS (table, CepaPathTable, network_changed) ? path_network_changed : NULL;
  policy->result = CEPA_TABLE_HAS (table, CepaPathTable, result) ? path_result : NULL;
  policy->violated = path_violated;
  self->kind = policy;
}

static void
path_running (CepaHostPlugin *self)
{
  cepa_host_settle_policies (self->host, self);
}

static void
path_ending (CepaHostPlugin *self)
{
  cepa_path_policies_forget (cepa_plugin_host_get_policies (self->host), self->kind);
}

static void
path_gone (CepaHostPlugin *self)
{
  g_clear_pointer (&self->kind, g_free);
}

const CepaHostKind cepa_host_kind_path = { path_make, path_running, path_ending, path_gone };
