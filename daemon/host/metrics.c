/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "circuit/circuit.h"
#include "host/host-private.h"

#define METRICS_N_CHANNEL_EVENTS 4
#define METRICS_N_CIRCUIT_EVENTS 5
#define METRICS_N_STREAM_EVENTS 6
#define METRICS_N_PURPOSES 4 /* the last is for any that has no name here */

/* What the numbers themselves need, whoever wants more. */
#define METRICS_OWN_KINDS (CEPA_EVENT_CHANNEL | CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM)
#define METRICS_ALL_KINDS (METRICS_OWN_KINDS | CEPA_EVENT_CELL)

static const char *const metrics_channel_events[METRICS_N_CHANNEL_EVENTS] = { "launched", "opened", "failed", "ended" };
static const char *const metrics_circuit_events[METRICS_N_CIRCUIT_EVENTS]
    = { "launched", "extended", "built", "failed", "ended" };
static const char *const metrics_stream_events[METRICS_N_STREAM_EVENTS]
    = { "new", "attached", "succeeded", "detached", "failed", "ended" };
static const char *const metrics_purposes[METRICS_N_PURPOSES] = { "general", "internal", "directory", "other" };

/* Seconds; circuits that take longer than the build timeout of 10 are given up. */
static const double metrics_build_bounds[] = { 0.1, 0.2, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 10 };
#define METRICS_N_BUILD_BOUNDS G_N_ELEMENTS (metrics_build_bounds)

typedef struct
{
  double sum;
  guint64 count;
  guint64 counts[METRICS_N_BUILD_BOUNDS]; /* at or below each bound */
} MetricsHistogram;

typedef struct
{
  CepaHostListenFunc func;
  gpointer user_data;
} MetricsListener;

/* A metrics plugin that is made. */
typedef struct
{
  CepaHostPlugin *plugin;
  guint32 wanted;
  gboolean is_running;
} MetricsPlugin;

struct _CepaHostMetrics
{
  CepaEventSink sink; /* first: events come with it */
  CepaPluginHost *host;
  GArray *listeners;  /* (element-type MetricsListener) */
  GPtrArray *plugins; /* (element-type MetricsPlugin) */
  CepaHostFiguresFunc figures;
  gpointer figures_data;
  guint64 channels[METRICS_N_CHANNEL_EVENTS];
  guint64 circuits[METRICS_N_CIRCUIT_EVENTS][METRICS_N_PURPOSES];
  guint64 streams[METRICS_N_STREAM_EVENTS];
  MetricsHistogram build[METRICS_N_PURPOSES];
};

/* ---- events ---- */

static void
metrics_observe (MetricsHistogram *histogram, double value)
{
  histogram->sum += value;
  histogram->count++;
  for (guint i = METRICS_N_BUILD_BOUNDS; i-- > 0 && value <= metrics_build_bounds[i];)
    histogram->counts[i]++;
}

static void
metrics_count (CepaHostMetrics *self, const CepaEvent *event, gpointer object)
{
  guint purpose = MIN (event->purpose, METRICS_N_PURPOSES - 1);

  switch (event->kind)
    {
    case CEPA_EVENT_CHANNEL:
      self->channels[event->what]++;
      break;
    case CEPA_EVENT_CIRCUIT:
      self->circuits[event->what][purpose]++;
      if (event->what == CEPA_CIRCUIT_EVENT_BUILT)
        metrics_observe (&self->build[purpose],
                         (double) (event->time_ns / 1000 - cepa_circuit_get_launched_us (object)) / G_USEC_PER_SEC);
      break;
    case CEPA_EVENT_STREAM:
      self->streams[event->what]++;
      break;
    }
}

static void
metrics_event (CepaEventSink *sink, const CepaEvent *event, gpointer object, const GError *reason)
{
  CepaHostMetrics *self = (CepaHostMetrics *) sink;

  if (event->kind != CEPA_EVENT_CELL)
    {
      metrics_count (self, event, object);
      for (guint i = 0; i < self->listeners->len; i++)
        {
          const MetricsListener *listener = &g_array_index (self->listeners, MetricsListener, i);

          listener->func (listener->user_data, event, object, reason);
        }
    }
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const MetricsPlugin *entry = g_ptr_array_index (self->plugins, i);

      if (entry->is_running && (entry->wanted & event->kind) != 0)
        entry->plugin->module->metrics->event (entry->plugin->instance, event);
    }
}

static void
metrics_update_wanted (CepaHostMetrics *self)
{
  self->sink.wanted = METRICS_OWN_KINDS;
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const MetricsPlugin *entry = g_ptr_array_index (self->plugins, i);

      if (entry->is_running)
        self->sink.wanted |= entry->wanted;
    }
}

CepaHostMetrics *
cepa_host_metrics_new (CepaPluginHost *host)
{
  CepaHostMetrics *self = g_new0 (CepaHostMetrics, 1);

  self->host = host;
  self->sink.event = metrics_event;
  self->sink.clock = cepa_host_get_clock (host);
  self->listeners = g_array_new (FALSE, FALSE, sizeof (MetricsListener));
  self->plugins = g_ptr_array_new ();
  metrics_update_wanted (self);
  return self;
}

void
cepa_host_metrics_free (CepaHostMetrics *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->listeners);
  g_ptr_array_unref (self->plugins);
  g_free (self);
}

CepaEventSink *
cepa_host_metrics_get_sink (CepaHostMetrics *self)
{
  return &self->sink;
}

void
cepa_host_metrics_set_figures (CepaHostMetrics *self, CepaHostFiguresFunc func, gpointer user_data)
{
  self->figures = func;
  self->figures_data = user_data;
}

void
cepa_host_metrics_listen (CepaHostMetrics *self, CepaHostListenFunc func, gpointer user_data)
{
  MetricsListener listener = { func, user_data };

  g_array_append_val (self->listeners, listener);
}

void
cepa_host_metrics_unlisten (CepaHostMetrics *self, CepaHostListenFunc func, gpointer user_data)
{
  for (guint i = self->listeners->len; i > 0; i--)
    {
      const MetricsListener *listener = &g_array_index (self->listeners, MetricsListener, i - 1);

      if (listener->func == func && listener->user_data == user_data)
        g_array_remove_index (self->listeners, i - 1);
    }
}

/* ---- collecting ---- */

/* Where metrics go, and what those of one name have in common. */
typedef struct
{
  CepaMetricFunc func;
  gpointer user_data;
  guint type;
  const char *name, *help;
} MetricsOut;

static void
metrics_family (MetricsOut *out, guint type, const char *name, const char *help)
{
  out->type = type;
  out->name = name;
  out->help = help;
}

static void
metrics_give (const MetricsOut *out, const char *labels, double value)
{
  CepaMetric metric = { .size = sizeof metric, .type = out->type, .name = out->name, .help = out->help,
                        .labels = labels, .value = value };

  out->func (out->user_data, &metric);
}

/* A family of one gauge without labels. */
static void
metrics_gauge (MetricsOut *out, const char *name, const char *help, double value)
{
  metrics_family (out, CEPA_METRIC_GAUGE, name, help);
  metrics_give (out, "", value);
}

static void
metrics_give_labelled (const MetricsOut *out, const char *label, const char *const *values, const guint64 *numbers,
                       guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *labels = g_strdup_printf ("%s=\"%s\"", label, values[i]);

      metrics_give (out, labels, (double) numbers[i]);
    }
}

static void
metrics_collect_circuits (CepaHostMetrics *self, MetricsOut *out)
{
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_circuits_total", "What happened to circuits, how often.");
  for (guint what = 0; what < METRICS_N_CIRCUIT_EVENTS; what++)
    for (guint purpose = 0; purpose < METRICS_N_PURPOSES; purpose++)
      {
        g_autofree char *labels = g_strdup_printf ("event=\"%s\",purpose=\"%s\"", metrics_circuit_events[what],
                                                   metrics_purposes[purpose]);

        metrics_give (out, labels, (double) self->circuits[what][purpose]);
      }
  metrics_family (out, CEPA_METRIC_HISTOGRAM, "cepa_circuit_build_seconds",
                  "Seconds from the launch of a circuit until it was built.");
  for (guint purpose = 0; purpose < METRICS_N_PURPOSES; purpose++)
    {
      const MetricsHistogram *build = &self->build[purpose];
      g_autofree char *labels = g_strdup_printf ("purpose=\"%s\"", metrics_purposes[purpose]);
      CepaMetric metric = { .size = sizeof metric, .type = out->type, .name = out->name, .help = out->help,
                            .labels = labels, .value = build->sum, .count = build->count,
                            .n_buckets = METRICS_N_BUILD_BOUNDS, .bounds = metrics_build_bounds,
                            .counts = build->counts };

      out->func (out->user_data, &metric);
    }
}

static void
metrics_collect_open (CepaHostMetrics *self, MetricsOut *out)
{
  guint64 circuits = 0;

  for (guint i = 0; i < METRICS_N_PURPOSES; i++)
    circuits += self->circuits[CEPA_CIRCUIT_EVENT_BUILT][i] - self->circuits[CEPA_CIRCUIT_EVENT_ENDED][i];
  metrics_gauge (out, "cepa_open_channels", "Channels that are open now.",
                 (double) (self->channels[CEPA_CHANNEL_EVENT_OPENED] - self->channels[CEPA_CHANNEL_EVENT_ENDED]));
  metrics_gauge (out, "cepa_open_circuits", "Circuits that are built and open now.", (double) circuits);
  metrics_gauge (out, "cepa_open_streams", "Streams that were asked for and have not ended.",
                 (double) (self->streams[CEPA_STREAM_EVENT_NEW] - self->streams[CEPA_STREAM_EVENT_FAILED]
                           - self->streams[CEPA_STREAM_EVENT_ENDED]));
}

static void
metrics_collect_directory (const CepaHostFigures *figures, MetricsOut *out)
{
  static const char *const labels[] = { "consensus", "certificates", "microdescriptors" };

  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_directory_requests_total", "Requests to directory servers.");
  metrics_give_labelled (out, "document", labels, figures->directory_requests, G_N_ELEMENTS (labels));
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_directory_failures_total",
                  "Requests to directory servers without an answer of use.");
  metrics_give_labelled (out, "document", labels, figures->directory_failures, G_N_ELEMENTS (labels));
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_directory_bytes_total", "Bytes of directory servers' answers.");
  metrics_give (out, "", (double) figures->directory_bytes);
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_directory_diffs_total", "Consensuses that came as a diff.");
  metrics_give (out, "", (double) figures->diffs);
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_directory_diff_bytes_saved_total",
                  "By how much diffs were shorter than the consensuses they made.");
  metrics_give (out, "", (double) figures->diff_bytes_saved);
}

static void
metrics_collect_figures (CepaHostMetrics *self, MetricsOut *out)
{
  static const char *const byte_labels[] = { "read", "written" };
  static const char *const cell_labels[] = { "received", "sent" };
  CepaHostFigures figures = { 0 };

  if (self->figures == NULL)
    return;
  self->figures (self->figures_data, &figures);
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_bytes_total",
                  "Bytes over channels, with the overhead of cells and without that of TLS.");
  metrics_give_labelled (out, "direction", byte_labels,
                         (const guint64[]){ figures.bytes_read, figures.bytes_written }, 2);
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_cells_total", "Cells over channels.");
  metrics_give_labelled (out, "direction", cell_labels,
                         (const guint64[]){ figures.cells_received, figures.cells_sent }, 2);
  metrics_collect_directory (&figures, out);
  metrics_gauge (out, "cepa_bootstrap_percent", "How far the client is on its way to work, 100 when it does.",
                 figures.bootstrap_percent);
  metrics_gauge (out, "cepa_relays", "Relays in the consensus in use.", figures.n_relays);
  if (figures.valid_after_s == 0)
    return;
  metrics_gauge (out, "cepa_consensus_valid_after_timestamp_seconds",
                 "Since when the consensus in use is valid, seconds since 1970.", (double) figures.valid_after_s);
  metrics_gauge (out, "cepa_consensus_fresh_until_timestamp_seconds",
                 "Until when the consensus in use is the latest, seconds since 1970.", (double) figures.fresh_until_s);
  metrics_gauge (out, "cepa_consensus_valid_until_timestamp_seconds",
                 "Until when the consensus in use is valid, seconds since 1970.", (double) figures.valid_until_s);
}

/* (transfer full): @text as the value of a label. */
static char *
metrics_escape (const char *text)
{
  GString *out = g_string_new (text);

  g_string_replace (out, "\\", "\\\\", 0);
  g_string_replace (out, "\"", "\\\"", 0);
  g_string_replace (out, "\n", "\\n", 0);
  return g_string_free (out, FALSE);
}

static void
metrics_collect_plugins (CepaHostMetrics *self, MetricsOut *out)
{
  GPtrArray *plugins = cepa_plugin_host_list (self->host);

  metrics_family (out, CEPA_METRIC_GAUGE, "cepa_plugin_state", "1 for the state in which the plugin is.");
  for (guint i = 0; i < plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (plugins, i);
      g_autofree char *id = metrics_escape (cepa_host_plugin_get_id (plugin));
      g_autofree char *labels
          = g_strdup_printf ("plugin=\"%s\",state=\"%s\"", id, cepa_plugin_state_name (plugin->state));

      if (plugin->file != NULL) /* two refused keyfiles may be for one id */
        metrics_give (out, labels, 1);
    }
  metrics_family (out, CEPA_METRIC_COUNTER, "cepa_plugin_violations_total",
                  "How often a plugin broke a rule of the host.");
  for (guint i = 0; i < plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (plugins, i);
      g_autofree char *id = metrics_escape (cepa_host_plugin_get_id (plugin));
      GHashTableIter iter;
      gpointer rule, n;

      g_hash_table_iter_init (&iter, plugin->violations);
      while (g_hash_table_iter_next (&iter, &rule, &n))
        {
          g_autofree char *name = metrics_escape (rule);
          g_autofree char *labels = g_strdup_printf ("plugin=\"%s\",rule=\"%s\"", id, name);

          metrics_give (out, labels, GPOINTER_TO_UINT (n));
        }
    }
}

/* Resident bytes of the process; 0 when they cannot be had. */
static double
metrics_read_memory (void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || sscanf (text, "%lu %lu", &total, &resident) != 2)
    return 0;
  return (double) resident * (double) sysconf (_SC_PAGESIZE);
}

void
cepa_host_metrics_collect (CepaHostMetrics *self, CepaMetricFunc func, gpointer user_data)
{
  MetricsOut out = { .func = func, .user_data = user_data };
  double memory = metrics_read_memory ();

  metrics_family (&out, CEPA_METRIC_COUNTER, "cepa_channels_total", "What happened to channels, how often.");
  metrics_give_labelled (&out, "event", metrics_channel_events, self->channels, METRICS_N_CHANNEL_EVENTS);
  metrics_collect_circuits (self, &out);
  metrics_family (&out, CEPA_METRIC_COUNTER, "cepa_streams_total",
                  "What happened to streams of applications, how often.");
  metrics_give_labelled (&out, "event", metrics_stream_events, self->streams, METRICS_N_STREAM_EVENTS);
  metrics_collect_open (self, &out);
  metrics_collect_figures (self, &out);
  metrics_collect_plugins (self, &out);
  if (memory > 0)
    metrics_gauge (&out, "cepa_resident_memory_bytes", "Memory of the process that is not swapped out.", memory);
}

/* ---- metrics plugins ---- */

static MetricsPlugin *
metrics_find (CepaHostMetrics *self, const CepaHostPlugin *plugin)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      MetricsPlugin *entry = g_ptr_array_index (self->plugins, i);

      if (entry->plugin == plugin)
        return entry;
    }
  return NULL;
}

static void
metrics_services_collect (const CepaHost *services, CepaMetricFunc func, void *user_data)
{
  CepaHostPlugin *plugin = cepa_host_plugin_from_services (services);

  if (cepa_host_services_check_thread (plugin, "collect") && func != NULL)
    cepa_host_metrics_collect (cepa_host_get_metrics (plugin->host), func, user_data);
}

static void
metrics_services_want (const CepaHost *services, uint32_t kinds)
{
  CepaHostPlugin *plugin = cepa_host_plugin_from_services (services);
  CepaHostMetrics *self = cepa_host_get_metrics (plugin->host);
  MetricsPlugin *entry;

  if (!cepa_host_services_check_thread (plugin, "want") || (entry = metrics_find (self, plugin)) == NULL)
    return;
  if ((kinds & ~METRICS_ALL_KINDS) != 0)
    cepa_host_plugin_violated (plugin, "no-such-event", "it wants events of a kind that there is not");
  entry->wanted = plugin->module->metrics->event != NULL ? kinds & METRICS_ALL_KINDS : 0;
  metrics_update_wanted (self);
}

static const CepaMetricsHost metrics_services = {
  .size = sizeof (CepaMetricsHost),
  .collect = metrics_services_collect,
  .want = metrics_services_want,
};

static void
metrics_make (CepaHostPlugin *plugin)
{
  CepaHostMetrics *self = cepa_host_get_metrics (plugin->host);
  MetricsPlugin *entry = g_new0 (MetricsPlugin, 1);

  entry->plugin = plugin;
  plugin->kind = entry;
  plugin->services.metrics = &metrics_services;
  g_ptr_array_add (self->plugins, entry);
}

static void
metrics_set_running (CepaHostPlugin *plugin, gboolean is_running)
{
  CepaHostMetrics *self = cepa_host_get_metrics (plugin->host);

  ((MetricsPlugin *) plugin->kind)->is_running = is_running;
  metrics_update_wanted (self);
}

static void
metrics_running (CepaHostPlugin *plugin)
{
  metrics_set_running (plugin, TRUE);
}

static void
metrics_ending (CepaHostPlugin *plugin)
{
  metrics_set_running (plugin, FALSE);
}

static void
metrics_gone (CepaHostPlugin *plugin)
{
  CepaHostMetrics *self = cepa_host_get_metrics (plugin->host);

  g_ptr_array_remove (self->plugins, plugin->kind);
  g_clear_pointer (&plugin->kind, g_free);
  metrics_update_wanted (self);
}

const CepaHostKind cepa_host_kind_metrics = { metrics_make, metrics_running, metrics_ending, metrics_gone };
