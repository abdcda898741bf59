/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin metrics.trace. */
#include <cepa/plugin.h>

#include "trace.h"

static const CepaPluginOption plugin_options[] = {
  { .name = "output", .type = CEPA_PLUGIN_OPTION_FILE,
    .description = "The file that events are written to, made with mode 0600 when it is missing, appended to when it "
                   "is there. Must be set." },
  { .name = "format", .type = CEPA_PLUGIN_OPTION_TEXT, .choices = "json|csv", .default_text = "json",
    .description = "JSON lines, or CSV with a line of names first." },
  { .name = "events", .type = CEPA_PLUGIN_OPTION_TEXT, .is_list = 1, .choices = "channel|circuit|stream|cell",
    .description = "What is written, once for each kind. Without this: circuit and stream." },
  { .name = "max-bytes", .type = CEPA_PLUGIN_OPTION_INT, .maximum = G_MAXINT64, .default_text = "0",
    .description = "The size of the file at which writing ends; 0: none." },
};

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  return cepa_trace_new (host);
}

static void
plugin_start (void *self, uint64_t task)
{
  cepa_trace_start (self, task);
}

static void
plugin_stop (void *self, uint64_t task)
{
  cepa_trace_stop (self, task);
}

static void
plugin_destroy (void *self)
{
  cepa_trace_free (self);
}

static void
plugin_event (void *self, const CepaEvent *event)
{
  cepa_trace_event (self, event);
}

static const CepaMetricsTable plugin_metrics = {
  .size = sizeof (CepaMetricsTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .event = plugin_event,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "metrics.trace",
  .name = "Events into a file",
  .licence = "BSD-3-Clause",
  .options = plugin_options,
  .n_options = G_N_ELEMENTS (plugin_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
  .metrics = &plugin_metrics,
};
