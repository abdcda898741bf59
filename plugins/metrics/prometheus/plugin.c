/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin metrics.prometheus. */
#include <cepa/cepa.h>

#include "server.h"

typedef struct
{
  const CepaHost *host;
  CepaPrometheusServer *server; /* (nullable): while it runs */
} Prometheus;

static void *
prometheus_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Prometheus *self = g_new0 (Prometheus, 1);

  self->host = host;
  return self;
}

static gboolean
prometheus_open (Prometheus *self, GError **error)
{
  const char *const *ports = cepa_host_option (self->host, "port");
  CepaPrometheusPolicy *policy = cepa_prometheus_policy_new (cepa_host_option (self->host, "policy"), error);

  if (policy == NULL)
    return FALSE;
  if (!cepa_prometheus_policy_has_accept (policy))
    cepa_host_log (self->host, CEPA_HOST_LOG_WARNING,
                   "Nobody may read the metrics. MetricsPortPolicy says who may, as in accept 127.0.0.1");
  self->server = cepa_prometheus_server_new (self->host, policy);
  for (guint i = 0; ports != NULL && ports[i] != NULL; i++)
    if (!cepa_prometheus_server_listen (self->server, ports[i], error))
      return FALSE;
  return TRUE;
}

static void
prometheus_start (void *data, uint64_t task)
{
  Prometheus *self = data;
  GError *error = NULL;

  if (!prometheus_open (self, &error))
    g_clear_pointer (&self->server, cepa_prometheus_server_free);
  cepa_host_complete (self->host, task, error);
}

static void
prometheus_stop (void *data, uint64_t task)
{
  Prometheus *self = data;

  g_clear_pointer (&self->server, cepa_prometheus_server_free);
  cepa_host_complete (self->host, task, NULL);
}

static void
prometheus_destroy (void *data)
{
  Prometheus *self = data;

  g_clear_pointer (&self->server, cepa_prometheus_server_free);
  g_free (self);
}

static char *
prometheus_list_addresses (void *data)
{
  Prometheus *self = data;

  return self->server != NULL ? cepa_prometheus_server_list_addresses (self->server) : g_strdup ("");
}

static const CepaPluginOption prometheus_options[] = {
  {
    .name = "port",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .is_list = 1,
    .description = "PORT or ADDRESS:PORT where GET /metrics is answered, in Prometheus' text format. The address is "
                   "127.0.0.1 unless another is given. The same as MetricsPort.",
  },
  {
    .name = "policy",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .is_list = 1,
    .description = "Who may ask: accept ADDRESS, reject ADDRESS/BITS, with commas between several; the first that is "
                   "about an address counts. Nobody may when none is. The same as MetricsPortPolicy.",
  },
};

static const CepaMetricsTable prometheus_metrics = {
  .size = sizeof (CepaMetricsTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .list_addresses = prometheus_list_addresses,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "metrics.prometheus",
  .name = "Metrics for Prometheus",
  .licence = "BSD-3-Clause",
  .options = prometheus_options,
  .n_options = G_N_ELEMENTS (prometheus_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = prometheus_create,
  .start = prometheus_start,
  .stop = prometheus_stop,
  .destroy = prometheus_destroy,
  .metrics = &prometheus_metrics,
};
