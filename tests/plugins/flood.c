/* SPDX-License-Identifier: BSD-3-Clause */
/* A padding plugin that sends as much as it can, at every call. FLOOD_COUNT: what trigger returns. FLOOD_FIRST: the
   action that comes before the others. */
#include <cepa/plugin.h>
#include <cepa/services.h>

#ifndef FLOOD_COUNT
#define FLOOD_COUNT max_actions
#endif

typedef struct
{
  const CepaHost *host;
  gsize n_machines, n_changes;
} Flood;

static void *
flood_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Flood *self = g_new0 (Flood, 1);

  self->host = host;
  return self;
}

/* The host takes the machines away before. */
static void
flood_destroy (void *instance)
{
  Flood *self = instance;
  g_autofree char *text = g_strdup_printf ("%" G_GSIZE_FORMAT " machines left, %" G_GSIZE_FORMAT " changes of the network",
                                           self->n_machines, self->n_changes);

  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, text);
  g_free (self);
}

static void *
flood_machine_new (void *instance, const CepaPaddingTarget *target)
{
  ((Flood *) instance)->n_machines++;
  return g_memdup2 (target, sizeof *target);
}

static void
flood_machine_free (void *instance, void *machine)
{
  ((Flood *) instance)->n_machines--;
  g_free (machine);
}

static uint32_t
flood_trigger (G_GNUC_UNUSED void *instance, G_GNUC_UNUSED void *machine, G_GNUC_UNUSED const CepaPaddingEvent *events,
               G_GNUC_UNUSED uint32_t n_events, G_GNUC_UNUSED int64_t now_us, CepaPaddingAction *actions,
               uint32_t max_actions)
{
  for (uint32_t i = 0; i < max_actions; i++)
    actions[i] = (CepaPaddingAction){ .type = CEPA_PADDING_SEND };
#ifdef FLOOD_FIRST
  actions[0] = (CepaPaddingAction){ FLOOD_FIRST };
#endif
  return FLOOD_COUNT;
}

static void
flood_network_changed (void *instance, G_GNUC_UNUSED const CepaNetworkView *view)
{
  ((Flood *) instance)->n_changes++;
}

static const CepaPaddingTable flood_padding = {
  .size = sizeof (CepaPaddingTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .machine_new = flood_machine_new,
  .machine_free = flood_machine_free,
  .trigger = flood_trigger,
  .network_changed = flood_network_changed,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "padding.flood",
  .name = "Padding without end",
  .licence = "BSD-3-Clause",
  .create = flood_create,
  .destroy = flood_destroy,
  .padding = &flood_padding,
};
