/* SPDX-License-Identifier: BSD-3-Clause */
/* A metrics plugin for tests: wants the events that its option "want" says, and counts them. */
#include "watcher.h"

static void *
watcher_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Watcher *self = g_new0 (Watcher, 1);

  self->host = host;
  cepa_metrics_want (host, (uint32_t) cepa_host_option_int (host, "want", 0));
  return self;
}

static void
watcher_event (void *data, const CepaEvent *event)
{
  Watcher *self = data;

  self->n_events[g_bit_nth_lsf (event->kind, -1)]++;
  self->last = *event;
}

static const CepaPluginOption watcher_options[] = {
  { .name = "want", .type = CEPA_PLUGIN_OPTION_INT, .maximum = 0xffff, .default_text = "0", .description = "Kinds." },
};

static const CepaMetricsTable watcher_metrics = {
  .size = sizeof (CepaMetricsTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .event = watcher_event,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "metrics.watcher",
  .name = "Watcher",
  .licence = "BSD-3-Clause",
  .options = watcher_options,
  .n_options = G_N_ELEMENTS (watcher_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = watcher_create,
  .destroy = g_free,
  .metrics = &watcher_metrics,
};
