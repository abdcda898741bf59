/* SPDX-License-Identifier: BSD-3-Clause */
/* path.mine: relays by their bandwidth, but none that is slow. Copy it, and change what it does. */
#include <cepa/cepa.h>

typedef struct
{
  const CepaHost *host;
  uint32_t least_bandwidth; /* kilobytes per second, as CepaRelay.bandwidth */
} Mine;

static void *
mine_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Mine *self = g_new0 (Mine, 1);

  self->host = host;
  self->least_bandwidth = (uint32_t) cepa_host_option_int (host, "least-bandwidth", 0);
  return self;
}

static void
mine_destroy (void *self)
{
  g_free (self);
}

/* How likely each relay is at @place. The core keeps the rules and draws. */
static gboolean
mine_weigh (void *data, const CepaNetworkView *view, G_GNUC_UNUSED const CepaPathRequest *request, uint32_t place,
            uint32_t *weights, GError **error)
{
  Mine *self = data;

  if (place >= CEPA_N_PLACES)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "place %u is not known here", place);
      return FALSE;
    }
  for (uint32_t row = 0; row < view->n_relays; row++)
    {
      const CepaRelay *relay = cepa_network_view_relay (view, row);

      if (relay->bandwidth >= self->least_bandwidth)
        weights[row] = relay->weight[place];
    }
  cepa_host_log (self->host, CEPA_HOST_LOG_INFO, "weighed the relays");
  return TRUE;
}

static const CepaPathTable mine_path = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .weigh = mine_weigh,
};

static const CepaPluginOption mine_options[] = {
  {
    .name = "least-bandwidth",
    .type = CEPA_PLUGIN_OPTION_INT,
    .minimum = 0,
    .maximum = 1000000,
    .default_text = "0",
    .description = "Relays with a lower bandwidth, in kilobytes per second, are not used.",
  },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "path.mine",
  .name = "My paths",
  .licence = "BSD-3-Clause",
  .options = mine_options,
  .n_options = G_N_ELEMENTS (mine_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = mine_create,
  .destroy = mine_destroy,
  .path = &mine_path,
};
