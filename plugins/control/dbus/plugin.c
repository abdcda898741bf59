/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin control.dbus. */
#include <cepa/plugin.h>

#include "dbus.h"

static const CepaPluginOption plugin_options[] = {
  {
      .name = "socket",
      .type = CEPA_PLUGIN_OPTION_FILE,
      .description = "The socket, in place of $XDG_RUNTIME_DIR/cepa/bus. Its folder must be there.",
  },
  {
      .name = "bus",
      .type = CEPA_PLUGIN_OPTION_TEXT,
      .choices = "auto|session|system|none",
      .default_text = "auto",
      .description = "The message bus to be on: the session's where there is one (auto), the session's or the system's,"
                     " without which the plugin does not start, or none.",
  },
};

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  return cepa_dbus_new (host);
}

static void
plugin_start (void *self, uint64_t task)
{
  cepa_dbus_start (self, task);
}

static void
plugin_stop (void *self, uint64_t task)
{
  cepa_dbus_stop (self, task);
}

static void
plugin_destroy (void *self)
{
  cepa_dbus_free (self);
}

static char *
plugin_list_addresses (void *self)
{
  return cepa_dbus_list_addresses (self);
}

static const CepaControlTable plugin_control = {
  .size = sizeof (CepaControlTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .list_addresses = plugin_list_addresses,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "control.dbus",
  .name = "D-Bus",
  .licence = "BSD-3-Clause",
  .options = plugin_options,
  .n_options = G_N_ELEMENTS (plugin_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
  .control = &plugin_control,
};
