/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/path-plugin.h"

#include <gmodule.h>
#include <string.h>

static void
path_plugin_random (const CepaHost *host, void *out, size_t len)
{
  PathPlugin *self = host->context;

  cepa_random_fill (self->random, out, len);
}

static gboolean
path_plugin_choose (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                    GError **error)
{
  PathPlugin *self = policy->context;

  return self->module->path->choose_path (self->instance, view, request, path, error);
}

static gboolean
path_plugin_weigh (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request, guint32 place,
                   guint32 *weights, GError **error)
{
  PathPlugin *self = policy->context;

  return self->module->path->weigh (self->instance, view, request, place, weights, error);
}

void
path_plugin_init (PathPlugin *self, const char *path, CepaRandom *random)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  g_autoptr (GError) error = NULL;
  gpointer symbol;

  if (module == NULL || !g_module_symbol (module, CEPA_PLUGIN_SYMBOL, &symbol))
    g_error ("%s cannot be loaded: %s", path, g_module_error ());
  memset (self, 0, sizeof *self);
  self->module = symbol;
  self->random = random;
  self->host = (CepaHost){ .size = sizeof self->host, .abi_major = CEPA_ABI_MAJOR, .abi_minor = CEPA_ABI_MINOR,
                           .context = self, .random = path_plugin_random };
  self->instance = self->module->create (&self->host, &error);
  g_assert_no_error (error);
  self->policy = (CepaPathPolicy){ .id = self->module->id, .context = self };
  self->policy.choose = self->module->path->choose_path != NULL ? path_plugin_choose : NULL;
  self->policy.weigh = self->module->path->weigh != NULL ? path_plugin_weigh : NULL;
}

void
path_plugin_clear (PathPlugin *self)
{
  self->module->destroy (self->instance);
}
