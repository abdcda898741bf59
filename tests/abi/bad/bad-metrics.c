/* SPDX-License-Identifier: BSD-3-Clause */
/* A metrics plugin that is good, or bad in one way. */
#include "bad.h"

typedef struct
{
  const CepaHost *host;
  guint64 counts[4];
} Bad;

static void *
bad_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Bad *self = g_new0 (Bad, 1);

  self->host = host;
  return self;
}

static void
bad_start (void *data, guint64 task)
{
  Bad *self = data;

  if (bad_is ("raw-want") && CEPA_TABLE_HAS (self->host, CepaHost, metrics)
      && CEPA_TABLE_REACHES (self->host->metrics, CepaMetricsHost, want))
    self->host->metrics->want (self->host, CEPA_EVENT_CELL);
  cepa_metrics_want (self->host, bad_is ("wants-unknown") ? 1u << 20 : CEPA_EVENT_CELL | CEPA_EVENT_CIRCUIT);
  cepa_host_complete (self->host, task, NULL);
}

static void
bad_stop (void *data, guint64 task)
{
  Bad *self = data;

  cepa_host_complete (self->host, task, NULL);
}

static void
bad_destroy (void *self)
{
  g_free (self);
}

static void G_GNUC_UNUSED
bad_event (void *data, const CepaEvent *event)
{
  Bad *self = data;

  for (guint bit = 0; bit < G_N_ELEMENTS (self->counts); bit++)
    if (event->kind == 1u << bit)
      self->counts[bit]++;
  if (bad_is ("unknown-kind") && event->kind > CEPA_EVENT_CELL)
    bad_crash ();
  if (bad_is ("allocates"))
    g_free (g_strdup_printf ("%u", event->kind));
}

static char *
bad_list_addresses (G_GNUC_UNUSED void *self)
{
  return bad_is ("no-addresses") ? NULL : g_strdup ("127.0.0.1:9035");
}

static const CepaMetricsTable bad_metrics = {
  .size = sizeof (CepaMetricsTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
#ifndef BAD_NO_EVENT
  .event = bad_event,
#endif
  .list_addresses = bad_list_addresses,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "metrics.bad",
  .name = "A bad plugin",
  .licence = "BSD-3-Clause",
  .create = bad_create,
  .start = bad_start,
  .stop = bad_stop,
  .destroy = bad_destroy,
  .metrics = &bad_metrics,
};
