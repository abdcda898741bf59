/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin path.weighted. */
#include <cepa/plugin.h>

#include "weighted.h"

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  return cepa_weighted_new (host);
}

static void
plugin_destroy (void *self)
{
  cepa_weighted_free (self);
}

static gboolean
plugin_choose_path (void *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                    GError **error)
{
  return cepa_weighted_choose (self, view, request, path, error);
}

static void
plugin_network_changed (void *self, const CepaNetworkView *view)
{
  cepa_weighted_prepare (self, view);
}

static const CepaPathTable plugin_path = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .choose_path = plugin_choose_path,
  .network_changed = plugin_network_changed,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "path.weighted",
  .name = "Bandwidth-weighted paths",
  .licence = "BSD-3-Clause",
  .create = plugin_create,
  .destroy = plugin_destroy,
  .path = &plugin_path,
};
