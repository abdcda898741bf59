/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of named numbers, fed from events and counters; and events for the metrics plugins that want them. */
#pragma once

#include <cepa/metrics.h>
#include <glib.h>

#include "base/event-sink.h"
#include "host/host.h"

G_BEGIN_DECLS

typedef struct _CepaHostMetrics CepaHostMetrics;

/**
 * CepaHostFigures:
 *
 * What is not learned from events: asked of the client when the numbers are collected. All zeros at the call.
 */
typedef struct
{
  guint64 bytes_read, bytes_written; /* over channels */
  guint64 cells_received, cells_sent;
  guint bootstrap_percent;
  guint n_relays;                    /* in the consensus; 0 for none */
  gint64 valid_after_s, fresh_until_s, valid_until_s; /* of the consensus; 0 for none */
  guint64 directory_requests[3], directory_failures[3]; /* for consensuses, certificates, microdescriptors */
  guint64 directory_bytes;           /* of answers, as they came */
  guint64 diffs, diff_bytes_saved;   /* consensuses that came as one, and what that was shorter by */
} CepaHostFigures;

typedef void (*CepaHostFiguresFunc) (gpointer user_data, CepaHostFigures *figures);

/* @event: @object: @reason: as CepaEventSink.event */
typedef void (*CepaHostListenFunc) (gpointer user_data, const CepaEvent *event, gpointer object, const GError *reason);

/* @host: whose plugins are fed and counted; outlives it. */
CepaHostMetrics *cepa_host_metrics_new (CepaPluginHost *host);
void cepa_host_metrics_free (CepaHostMetrics *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaHostMetrics, cepa_host_metrics_free)

/* Returns: (transfer none): the host's own, which it makes and frees. In host.c. */
CepaHostMetrics *cepa_host_get_metrics (CepaPluginHost *host);

/* Returns: (transfer none): for the client's pool of channels and its proxy. */
CepaEventSink *cepa_host_metrics_get_sink (CepaHostMetrics *self);

/* Who knows the figures; @func NULL for nobody: then they are left out. */
void cepa_host_metrics_set_figures (CepaHostMetrics *self, CepaHostFiguresFunc func, gpointer user_data);

/* @func is told of every channel, circuit and stream event, not of cells, from now on. */
void cepa_host_metrics_listen (CepaHostMetrics *self, CepaHostListenFunc func, gpointer user_data);
/* Not from an event. */
void cepa_host_metrics_unlisten (CepaHostMetrics *self, CepaHostListenFunc func, gpointer user_data);

/* Gives every metric to @func, those of one name one behind the other, as CepaMetricsHost.collect. */
void cepa_host_metrics_collect (CepaHostMetrics *self, CepaMetricFunc func, gpointer user_data);

G_END_DECLS
