/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin path.uniform. */
#include <cepa/plugin.h>

#include "uniform.h"

/* There is nothing to remember between two questions: an instance is only its services, which a policy that grows out
   of this one will want. */
typedef struct
{
  const CepaHost *host;
} Uniform;

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Uniform *self = g_new0 (Uniform, 1);

  self->host = host;
  return self;
}

static void
plugin_destroy (void *self)
{
  g_free (self);
}

static gboolean
plugin_weigh (G_GNUC_UNUSED void *self, const CepaNetworkView *view, G_GNUC_UNUSED const CepaPathRequest *request,
              G_GNUC_UNUSED uint32_t place, uint32_t *weights, G_GNUC_UNUSED GError **error)
{
  cepa_uniform_weigh (view, weights);
  return TRUE;
}

static const CepaPathTable plugin_path = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .weigh = plugin_weigh,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "path.uniform",
  .name = "Each relay with the same chance",
  .licence = "BSD-3-Clause",
  .create = plugin_create,
  .destroy = plugin_destroy,
  .path = &plugin_path,
};
