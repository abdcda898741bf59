/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin control.tor. */
#include <cepa/plugin.h>
#include <cepa/services.h>

#include "control.h"

/* The instance of the tables; the host is needed to end tasks. */
typedef struct
{
  const CepaHost *host;
  CepaTorControl *control;
} PluginInstance;

static void *
plugin_create (const CepaHost *host, GError **error)
{
  CepaTorControl *control = cepa_tor_control_new (host, error);
  PluginInstance *self;

  if (control == NULL)
    return NULL;
  self = g_new0 (PluginInstance, 1);
  self->host = host;
  self->control = control;
  return self;
}

static void
plugin_start (void *instance, uint64_t task)
{
  PluginInstance *self = instance;
  GError *error = NULL;

  (void) cepa_tor_control_start (self->control, &error);
  cepa_host_complete (self->host, task, error);
}

static void
plugin_stop (void *instance, uint64_t task)
{
  PluginInstance *self = instance;

  cepa_tor_control_stop (self->control);
  cepa_host_complete (self->host, task, NULL);
}

static void
plugin_destroy (void *instance)
{
  PluginInstance *self = instance;

  cepa_tor_control_free (self->control);
  g_free (self);
}

static char *
plugin_list_addresses (void *instance)
{
  PluginInstance *self = instance;

  return cepa_tor_control_list_addresses (self->control);
}

static const CepaPluginOption plugin_options[] = {
  { .name = "port", .type = CEPA_PLUGIN_OPTION_TEXT, .is_list = 1,
    .description = "Where controllers connect: PORT, ADDRESS:PORT, unix:PATH, auto, or 0 for nowhere. Behind a path: "
                   "GroupWritable, WorldWritable, RelaxDirModeCheck. ControlPort sets it." },
  { .name = "socket", .type = CEPA_PLUGIN_OPTION_TEXT, .is_list = 1,
    .description = "Path of a Unix socket where controllers connect, with the same flags behind it. ControlSocket "
                   "sets it." },
  { .name = "cookie-authentication", .type = CEPA_PLUGIN_OPTION_BOOL, .default_text = "0",
    .description = "Controllers have to know the content of a file. CookieAuthentication sets it." },
  { .name = "cookie-auth-file", .type = CEPA_PLUGIN_OPTION_FILE,
    .description = "That file; control_auth_cookie in the DataDirectory unless set. CookieAuthFile sets it." },
  { .name = "hashed-password", .type = CEPA_PLUGIN_OPTION_SECRET, .is_list = 1,
    .description = "Controllers have to know a password with this hash: 16: and 58 hex digits. "
                   "HashedControlPassword sets it." },
  { .name = "port-write-to-file", .type = CEPA_PLUGIN_OPTION_FILE,
    .description = "Where the addresses are written once they are open. ControlPortWriteToFile sets it." },
};

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
  .id = "control.tor",
  .name = "Tor control protocol",
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
