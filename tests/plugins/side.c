/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin for tests: exits as likely as the column "likes" of a side table says, the others by their weights. */
#include <cepa/cepa.h>
#include <math.h>

typedef struct
{
  const CepaHost *host;
  uint64_t task;
} Side;

static void *
side_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Side *self = g_new0 (Side, 1);

  self->host = host;
  return self;
}

static void
side_loaded (void *data, const GError *error)
{
  Side *self = data;

  cepa_host_complete (self->host, self->task, error != NULL ? g_error_copy (error) : NULL);
}

static void
side_start (void *data, uint64_t task)
{
  Side *self = data;

  self->task = task;
  cepa_host_load_side_table (self->host, "side", cepa_host_option_text (self->host, "table", ""), side_loaded, self);
}

static gboolean
side_weigh (G_GNUC_UNUSED void *self, const CepaNetworkView *view, G_GNUC_UNUSED const CepaPathRequest *request,
            uint32_t place, uint32_t *weights, GError **error)
{
  const double *likes = cepa_network_view_side_column (view, "side", "likes");

  if (likes == NULL)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "there is no column");
      return FALSE;
    }
  for (uint32_t row = 0; row < view->n_relays; row++)
    if (place != CEPA_PLACE_EXIT)
      weights[row] = cepa_network_view_relay (view, row)->weight[place];
    else if (!isnan (likes[row]))
      weights[row] = (uint32_t) likes[row];
  return TRUE;
}

static const CepaPathTable side_path = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .weigh = side_weigh,
};

static const CepaPluginOption side_options[] = {
  { .name = "table", .type = CEPA_PLUGIN_OPTION_FILE, .description = "The table." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "path.side",
  .name = "A plugin for tests",
  .licence = "BSD-3-Clause",
  .options = side_options,
  .n_options = G_N_ELEMENTS (side_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = side_create,
  .start = side_start,
  .destroy = g_free,
  .path = &side_path,
};
