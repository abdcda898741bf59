/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin padding.circpad. */
#include <cepa/plugin.h>
#include <cepa/services.h>

#include "circpad.h"

/* What the host holds. */
typedef struct
{
  const CepaHost *host;
  CepaCircpad *circpad;
} Instance;

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Instance *self = g_new0 (Instance, 1);

  self->host = host;
  self->circpad = cepa_circpad_new (host);
  return self;
}

static void
plugin_start (void *instance, uint64_t task)
{
  Instance *self = instance;
  GError *error = NULL;

  cepa_circpad_load (self->circpad, &error);
  cepa_host_complete (self->host, task, error);
}

static void
plugin_destroy (void *instance)
{
  Instance *self = instance;

  cepa_circpad_free (self->circpad);
  g_free (self);
}

static void *
plugin_machine_new (void *instance, const CepaPaddingTarget *target)
{
  return cepa_circpad_machine_new (((Instance *) instance)->circpad, target);
}

static void
plugin_machine_free (G_GNUC_UNUSED void *instance, void *machine)
{
  cepa_circpad_machine_free (machine);
}

static uint32_t
plugin_machine_traits (G_GNUC_UNUSED void *instance, void *machine)
{
  return cepa_circpad_machine_is_patient (machine) ? CEPA_PADDING_PATIENT : 0;
}

static uint32_t
plugin_trigger (G_GNUC_UNUSED void *instance, void *machine, const CepaPaddingEvent *events, uint32_t n_events,
                int64_t now_us, CepaPaddingAction *actions, uint32_t max_actions)
{
  return cepa_circpad_machine_trigger (machine, events, n_events, now_us, actions, max_actions);
}

static void
plugin_network_changed (void *instance, const CepaNetworkView *view)
{
  cepa_circpad_set_params (((Instance *) instance)->circpad, view);
}

static const CepaPaddingTable plugin_padding = {
  .size = sizeof (CepaPaddingTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .machine_new = plugin_machine_new,
  .machine_free = plugin_machine_free,
  .trigger = plugin_trigger,
  .network_changed = plugin_network_changed,
  .machine_traits = plugin_machine_traits,
};

static const CepaPluginOption plugin_options[] = {
  { .name = "connection-padding",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .choices = "0|1|auto",
    .default_text = "auto",
    .description = "Whether idle links to relays are padded: 0 never, and relays are told to stop; 1 always; auto where "
                   "the link protocol can negotiate it." },
  { .name = "reduced-connection-padding",
    .type = CEPA_PLUGIN_OPTION_BOOL,
    .default_text = "0",
    .description = "Less padding of links, none of it by the relay: for those who pay for each byte." },
  { .name = "circuit-padding",
    .type = CEPA_PLUGIN_OPTION_BOOL,
    .default_text = "1",
    .description = "Whether circuits get machines." },
  { .name = "reduced-circuit-padding",
    .type = CEPA_PLUGIN_OPTION_BOOL,
    .default_text = "0",
    .description = "Only machines that say of themselves that they are cheap." },
  { .name = "machines",
    .type = CEPA_PLUGIN_OPTION_FILE,
    .is_list = 1,
    .description = "A file with a machine for circuits. The first one that fits a circuit is used." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "padding.circpad",
  .name = "Netflow padding and histogram machines",
  .licence = "BSD-3-Clause",
  .options = plugin_options,
  .n_options = G_N_ELEMENTS (plugin_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = plugin_create,
  .start = plugin_start,
  .destroy = plugin_destroy,
  .padding = &plugin_padding,
};
