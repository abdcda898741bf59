/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin that puts a side table beside the relays and weighs them by a column of it, through the SDK alone. */
#include <cepa/cepa.h>
#include <math.h>

#ifndef BESIDE_ID
#define BESIDE_ID "path.beside"
#endif

typedef struct
{
  const CepaHost *host;
  uint64_t task; /* of the start, until the table is there */
} Beside;

static void *
beside_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Beside *self = g_new0 (Beside, 1);

  self->host = host;
  return self;
}

static void
beside_destroy (void *self)
{
  g_free (self);
}

static void
beside_loaded (void *data, const GError *error)
{
  Beside *self = data;

  cepa_host_complete (self->host, self->task, error != NULL ? g_error_copy (error) : NULL);
}

static void
beside_start (void *data, uint64_t task)
{
  Beside *self = data;

  self->task = task;
  cepa_host_load_side_table (self->host, cepa_host_option_text (self->host, "name", "beside"),
                             cepa_host_option_text (self->host, "file", ""), beside_loaded, self);
}

static gboolean
beside_weigh (G_GNUC_UNUSED void *self, const CepaNetworkView *view, G_GNUC_UNUSED const CepaPathRequest *request,
              G_GNUC_UNUSED uint32_t place, uint32_t *weights, GError **error)
{
  const double *column = cepa_network_view_side_column (view, "beside", "weight");

  if (column == NULL)
    {
      g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the table is not there");
      return FALSE;
    }
  for (uint32_t row = 0; row < view->n_relays; row++)
    weights[row] = isnan (column[row]) ? 0 : (uint32_t) column[row];
  return TRUE;
}

static const CepaPathTable beside_table = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .weigh = beside_weigh,
};

static const CepaPluginOption beside_options[] = {
  { .name = "file", .type = CEPA_PLUGIN_OPTION_FILE, .description = "The table." },
  { .name = "name", .type = CEPA_PLUGIN_OPTION_TEXT, .description = "What it is called." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = BESIDE_ID,
  .name = "Weights from a file",
  .licence = "BSD-3-Clause",
  .options = beside_options,
  .n_options = G_N_ELEMENTS (beside_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = beside_create,
  .start = beside_start,
  .destroy = beside_destroy,
  .path = &beside_table,
};
