/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of numbers, and who is told of events. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "circuit/circuit-private.h"
#include "host/fixture.h"
#include "host/host-private.h"
#include "host/metrics.h"
#include "watcher.h"

#define OWN_KINDS (CEPA_EVENT_CHANNEL | CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM)

/* ---- what is collected, as text: "name{labels} value" ---- */

typedef struct
{
  GString *text;
  GHashTable *seen;  /* (element-type utf8): names */
  const char *last;  /* (nullable) */
} Collected;

static void
collected_add (void *user_data, const CepaMetric *metric)
{
  Collected *self = user_data;

  g_assert_cmpuint (metric->size, ==, sizeof *metric);
  g_assert_cmpint (g_str_has_suffix (metric->name, "_total"), ==, metric->type == CEPA_METRIC_COUNTER);
  g_assert_cmpstr (metric->help, !=, "");
  if (g_strcmp0 (self->last, metric->name) != 0)
    {
      g_assert_true (g_hash_table_add (self->seen, g_strdup (metric->name))); /* one behind the other */
      self->last = metric->name;
    }
  g_string_append_printf (self->text, "%s{%s} %.15g\n", metric->name, metric->labels, metric->value);
  if (metric->type != CEPA_METRIC_HISTOGRAM)
    return;
  for (guint i = 0; i < metric->n_buckets; i++)
    {
      g_assert_true (i == 0 || metric->bounds[i] > metric->bounds[i - 1]);
      g_assert_true (i == 0 || metric->counts[i] >= metric->counts[i - 1]);
      g_string_append_printf (self->text, "le %g: %" G_GUINT64_FORMAT "\n", metric->bounds[i], metric->counts[i]);
    }
  g_string_append_printf (self->text, "count %" G_GUINT64_FORMAT "\n", metric->count);
}

/* (transfer full) */
static char *
collect (Fixture *self)
{
  Collected collected = { g_string_new (NULL), g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), NULL };

  cepa_host_metrics_collect (cepa_host_get_metrics (self->host), collected_add, &collected);
  g_hash_table_unref (collected.seen);
  return g_string_free (collected.text, FALSE);
}

static void
assert_collected (Fixture *self, const char *line)
{
  g_autofree char *text = collect (self);

  if (strstr (text, line) == NULL)
    g_error ("%s is not in:\n%s", line, text);
}

static void
assert_not_collected (Fixture *self, const char *part)
{
  g_autofree char *text = collect (self);

  g_assert_null (strstr (text, part));
}

/* ---- events ---- */

static void
tell (Fixture *self, guint kind, guint what, gpointer object)
{
  CepaEventSink *sink = cepa_host_metrics_get_sink (cepa_host_get_metrics (self->host));
  CepaEvent event = { .size = sizeof event, .kind = kind, .what = what, .time_ns = 7000000000 };

  if (cepa_event_sink_wants (sink, kind))
    sink->event (sink, &event, object, NULL);
}

static void
test_numbers (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCircuit circuit = { .launched_us = 5500000 };

  assert_collected (self, "cepa_streams_total{event=\"new\"} 0\n");
  assert_collected (self, "cepa_open_circuits{} 0\n");
  tell (self, CEPA_EVENT_CHANNEL, CEPA_CHANNEL_EVENT_OPENED, self);
  tell (self, CEPA_EVENT_CHANNEL, CEPA_CHANNEL_EVENT_OPENED, self);
  tell (self, CEPA_EVENT_CHANNEL, CEPA_CHANNEL_EVENT_ENDED, self);
  tell (self, CEPA_EVENT_CIRCUIT, CEPA_CIRCUIT_EVENT_BUILT, &circuit);
  tell (self, CEPA_EVENT_STREAM, CEPA_STREAM_EVENT_NEW, self);
  tell (self, CEPA_EVENT_STREAM, CEPA_STREAM_EVENT_NEW, self);
  tell (self, CEPA_EVENT_STREAM, CEPA_STREAM_EVENT_FAILED, self);
  assert_collected (self, "cepa_channels_total{event=\"opened\"} 2\n");
  assert_collected (self, "cepa_open_channels{} 1\n");
  assert_collected (self, "cepa_circuits_total{event=\"built\",purpose=\"general\"} 1\n");
  assert_collected (self, "cepa_open_circuits{} 1\n");
  assert_collected (self, "cepa_streams_total{event=\"new\"} 2\n");
  assert_collected (self, "cepa_streams_total{event=\"failed\"} 1\n");
  assert_collected (self, "cepa_open_streams{} 1\n");
  assert_collected (self, "cepa_circuit_build_seconds{purpose=\"general\"} 1.5\nle 0.1: 0\n");
  assert_collected (self, "le 1: 0\nle 1.5: 1\nle 2: 1\nle 3: 1\nle 4: 1\nle 6: 1\nle 8: 1\nle 10: 1\ncount 1\n");
  circuit.launched_us = -60000000;
  tell (self, CEPA_EVENT_CIRCUIT, CEPA_CIRCUIT_EVENT_BUILT, &circuit);
  assert_collected (self, "le 10: 1\ncount 2\n");
}

static void
give_figures (gpointer user_data, CepaHostFigures *figures)
{
  *figures = *(const CepaHostFigures *) user_data;
}

static void
test_figures (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostFigures figures = { .bytes_read = 123456789012345, .bytes_written = 1, .cells_received = 2, .cells_sent = 3,
                              .directory_requests = { 5, 6, 7 }, .directory_failures = { 0, 0, 8 }, .diffs = 9,
                              .diff_bytes_saved = 10,
                              .bootstrap_percent = 75, .n_relays = 9000 };

  assert_not_collected (self, "cepa_bytes_total");
  cepa_host_metrics_set_figures (cepa_host_get_metrics (self->host), give_figures, &figures);
  assert_collected (self, "cepa_bytes_total{direction=\"read\"} 123456789012345\n"
                          "cepa_bytes_total{direction=\"written\"} 1\n");
  assert_collected (self, "cepa_directory_requests_total{document=\"consensus\"} 5\n"
                          "cepa_directory_requests_total{document=\"certificates\"} 6\n"
                          "cepa_directory_requests_total{document=\"microdescriptors\"} 7\n");
  assert_collected (self, "cepa_directory_failures_total{document=\"microdescriptors\"} 8\n");
  assert_collected (self, "cepa_directory_diffs_total{} 9\n");
  assert_collected (self, "cepa_directory_diff_bytes_saved_total{} 10\n");
  assert_collected (self, "cepa_cells_total{direction=\"received\"} 2\ncepa_cells_total{direction=\"sent\"} 3\n");
  assert_collected (self, "cepa_bootstrap_percent{} 75\n");
  assert_collected (self, "cepa_relays{} 9000\n");
  assert_not_collected (self, "cepa_consensus");
  figures.valid_after_s = 100;
  figures.fresh_until_s = 200;
  figures.valid_until_s = 300;
  assert_collected (self, "cepa_consensus_valid_after_timestamp_seconds{} 100\n"
                          "cepa_consensus_fresh_until_timestamp_seconds{} 200\n"
                          "cepa_consensus_valid_until_timestamp_seconds{} 300\n");
  cepa_host_metrics_set_figures (cepa_host_get_metrics (self->host), NULL, NULL);
  assert_not_collected (self, "cepa_bytes_total");
}

static void
count_event (gpointer user_data, const CepaEvent *event, gpointer object, const GError *reason)
{
  g_assert_cmpuint (event->kind, !=, CEPA_EVENT_CELL);
  g_assert_nonnull (object);
  g_assert_null (reason);
  (*(guint *) user_data)++;
}

/* ---- plugins ---- */

static Watcher *
start_watcher (Fixture *self, const char *want, CepaHostPlugin **plugin)
{
  g_autoptr (GError) error = NULL;

  fixture_install_as (self, "watcher", "metrics.watcher", "");
  cepa_host_plugin_add_line (fixture_find (self, "metrics.watcher"), "want", want);
  *plugin = fixture_start (self, "metrics.watcher", &error);
  g_assert_no_error (error);
  return (*plugin)->instance;
}

static void
test_fan_out (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaEventSink *sink = cepa_host_metrics_get_sink (cepa_host_get_metrics (self->host));
  CepaHostPlugin *plugin;
  Watcher *watcher;
  guint n = 0;

  cepa_host_metrics_listen (cepa_host_get_metrics (self->host), count_event, &n);
  g_assert_cmphex (sink->wanted, ==, OWN_KINDS);
  watcher = start_watcher (self, "10", &plugin); /* circuits and cells */
  g_assert_cmphex (sink->wanted, ==, OWN_KINDS | CEPA_EVENT_CELL);
  tell (self, CEPA_EVENT_STREAM, CEPA_STREAM_EVENT_NEW, self);
  tell (self, CEPA_EVENT_CIRCUIT, CEPA_CIRCUIT_EVENT_LAUNCHED, self);
  tell (self, CEPA_EVENT_CELL, CEPA_CELL_EVENT_SENT, self);
  tell (self, CEPA_EVENT_CELL, CEPA_CELL_EVENT_RECEIVED, self);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (watcher->n_events[0] + watcher->n_events[2], ==, 0);
  g_assert_cmpuint (watcher->n_events[1], ==, 1);
  g_assert_cmpuint (watcher->n_events[3], ==, 2);
  g_assert_cmpint (watcher->last.time_ns, ==, 7000000000);
  cepa_metrics_want (watcher->host, CEPA_EVENT_STREAM);
  g_assert_cmphex (sink->wanted, ==, OWN_KINDS);
  tell (self, CEPA_EVENT_STREAM, CEPA_STREAM_EVENT_FAILED, self);
  tell (self, CEPA_EVENT_CELL, CEPA_CELL_EVENT_SENT, self);
  g_assert_cmpuint (watcher->n_events[2], ==, 1);
  g_assert_cmpuint (watcher->n_events[3], ==, 2);
  cepa_metrics_want (watcher->host, CEPA_EVENT_CELL);
  g_assert_true (fixture_stop (self, plugin, NULL));
  g_assert_cmphex (sink->wanted, ==, OWN_KINDS);
  tell (self, CEPA_EVENT_CELL, CEPA_CELL_EVENT_SENT, self); /* the instance is no more */
}

static void
test_unknown_kinds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaEventSink *sink = cepa_host_metrics_get_sink (cepa_host_get_metrics (self->host));
  CepaHostPlugin *plugin;

  start_watcher (self, "72", &plugin); /* cells, and what there is not */
  g_assert_cmphex (sink->wanted, ==, OWN_KINDS | CEPA_EVENT_CELL);
  g_assert_cmpuint (fixture_violations (plugin, "no-such-event"), ==, 1);
  assert_collected (self, "cepa_plugin_state{plugin=\"metrics.watcher\",state=\"running\"} 1\n");
  assert_collected (self, "cepa_plugin_violations_total{plugin=\"metrics.watcher\",rule=\"no-such-event\"} 1\n");
  cepa_host_plugin_violated (plugin, "odd \"rule\"\\", "of the test");
  assert_collected (self, "rule=\"odd \\\"rule\\\"\\\\\"} 1\n");
  g_assert_true (fixture_stop (self, plugin, NULL));
  assert_collected (self, "cepa_plugin_state{plugin=\"metrics.watcher\",state=\"stopped\"} 1\n");
}

/* A plugin's own call gives it all of them. */
static void
test_collect_service (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Collected collected = { g_string_new (NULL), g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), NULL };
  CepaHostPlugin *plugin;
  Watcher *watcher = start_watcher (self, "0", &plugin);

  cepa_metrics_collect (watcher->host, collected_add, &collected);
  g_assert_nonnull (strstr (collected.text->str, "cepa_channels_total{event=\"launched\"} 0\n"));
  g_assert_nonnull (strstr (collected.text->str, "cepa_resident_memory_bytes{} "));
  g_hash_table_unref (collected.seen);
  g_string_free (collected.text, TRUE);
}

#define ADD(path, func) g_test_add ("/host/metrics/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("numbers", test_numbers);
  ADD ("figures", test_figures);
  ADD ("fan-out", test_fan_out);
  ADD ("unknown-kinds", test_unknown_kinds);
  ADD ("collect-service", test_collect_service);
  return g_test_run ();
}
