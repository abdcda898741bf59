/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.trace: the lines that it writes, and what happens to them when there is no room. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "support/fake-host.h"
#include "trace.h"

#define START 1
#define STOP 2
#define WALL_S 1700000000

typedef struct
{
  FakeHost host; /* first */
  CepaMetricsHost metrics;
  CepaTrace *trace;
  char *folder, *path;
  guint32 wanted;
} Fixture;

static void
fixture_want (const CepaHost *host, uint32_t kinds)
{
  ((Fixture *) (void *) host)->wanted = kinds;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fake_host_init (&self->host);
  self->host.now_s = WALL_S;
  self->metrics = (CepaMetricsHost){ .size = sizeof (CepaMetricsHost), .want = fixture_want };
  self->host.base.metrics = &self->metrics;
  self->folder = g_dir_make_tmp ("cepa-trace-XXXXXX", &error);
  g_assert_no_error (error);
  self->path = g_build_filename (self->folder, "trace", NULL);
  fake_host_set_option (&self->host, "output", self->path, NULL);
  self->trace = cepa_trace_new (&self->host.base);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_trace_free (self->trace);
  fake_host_clear (&self->host);
  g_unlink (self->path);
  g_rmdir (self->folder);
  g_free (self->path);
  g_free (self->folder);
}

static void
fixture_start (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  cepa_trace_start (self->trace, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_no_error (error);
}

static void
fixture_stop (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  cepa_trace_stop (self->trace, STOP);
  error = fake_host_wait_for_task (&self->host, STOP);
  g_assert_no_error (error);
  g_assert_cmpuint (self->wanted, ==, 0);
  g_assert_cmpuint (self->host.n_timers, ==, 0);
}

static void
fixture_check_start_fails (Fixture *self, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_array_set_size (self->host.tasks, 0);
  cepa_trace_start (self->trace, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_nonnull (error);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, error->message);
  g_assert_cmpuint (self->wanted, ==, 0);
}

static char *
fixture_read (const Fixture *self)
{
  g_autoptr (GError) error = NULL;
  char *text;

  g_file_get_contents (self->path, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (text[0] == '\0' || g_str_has_suffix (text, "\n"));
  return text;
}

/* Without those of the trace itself, whose times are of today. */
static char *
fixture_read_events (const Fixture *self)
{
  g_autofree char *text = fixture_read (self);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *events = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0' && strstr (lines[i], "trace") == NULL)
      g_string_append_printf (events, "%s\n", lines[i]);
  return g_string_free (events, FALSE);
}

static void
fixture_cell (Fixture *self, guint64 circuit)
{
  const CepaEvent event = { .size = sizeof event, .kind = CEPA_EVENT_CELL, .time_ns = 5, .channel = 1,
                            .circuit = circuit, .command = 3 };

  cepa_trace_event (self->trace, &event);
}

/* ---- lines ---- */

typedef struct
{
  CepaEvent event;
  const char *json, *csv;
} Line;

static const Line lines[] = {
  { { .kind = CEPA_EVENT_CHANNEL, .what = CEPA_CHANNEL_EVENT_OPENED, .time_ns = 12, .channel = 3 },
    "{\"time_ns\":12,\"event\":\"channel\",\"what\":\"opened\",\"channel\":3}\n", "12,channel,opened,,3,,,,,,,,\n" },
  { { .kind = CEPA_EVENT_CIRCUIT, .what = CEPA_CIRCUIT_EVENT_EXTENDED, .time_ns = 13, .channel = 3, .circuit = 4, .n = 2 },
    "{\"time_ns\":13,\"event\":\"circuit\",\"what\":\"extended\",\"channel\":3,\"circuit\":4,\"purpose\":\"general\","
    "\"hops\":2,\"reason\":0}\n",
    "13,circuit,extended,,3,4,,general,2,,,0,\n" },
  { { .kind = CEPA_EVENT_CIRCUIT, .what = CEPA_CIRCUIT_EVENT_ENDED, .time_ns = 14, .circuit = 4, .n = 1, .reason = 11,
      .purpose = CEPA_PURPOSE_DIRECTORY },
    "{\"time_ns\":14,\"event\":\"circuit\",\"what\":\"ended\",\"channel\":0,\"circuit\":4,\"purpose\":\"directory\","
    "\"hops\":1,\"reason\":11}\n",
    "14,circuit,ended,,0,4,,directory,1,,,11,\n" },
  { { .kind = CEPA_EVENT_STREAM, .what = CEPA_STREAM_EVENT_DETACHED, .time_ns = 15, .circuit = 4, .stream = 9,
      .reason = 2 },
    "{\"time_ns\":15,\"event\":\"stream\",\"what\":\"detached\",\"circuit\":4,\"stream\":9,\"reason\":2}\n",
    "15,stream,detached,,,4,9,,,,,2,\n" },
  { { .kind = CEPA_EVENT_CELL, .what = CEPA_CELL_EVENT_SENT, .time_ns = 16, .queued_ns = 15, .channel = 3, .circuit = 4,
      .command = 3, .relay_command = 2 },
    "{\"time_ns\":16,\"event\":\"cell\",\"what\":\"sent\",\"queued_ns\":15,\"channel\":3,\"circuit\":4,\"command\":3,"
    "\"relay_command\":2}\n",
    "16,cell,sent,15,3,4,,,,3,2,,\n" },
  { { .kind = CEPA_EVENT_CELL, .what = CEPA_CELL_EVENT_RECEIVED, .time_ns = 17, .channel = 3, .command = 8 },
    "{\"time_ns\":17,\"event\":\"cell\",\"what\":\"received\",\"channel\":3,\"circuit\":0,\"command\":8,"
    "\"relay_command\":0}\n",
    "17,cell,received,,3,0,,,,8,0,,\n" },
  { { .kind = CEPA_TRACE_OWN, .what = CEPA_TRACE_LOST, .time_ns = 18, .queued_ns = 1000 },
    "{\"time_ns\":18,\"event\":\"trace\",\"what\":\"lost\",\"value\":1000}\n", "18,trace,lost,,,,,,,,,,1000\n" },
  /* Of a later host. */
  { { .kind = CEPA_EVENT_STREAM, .what = 99, .time_ns = -1, .stream = G_MAXINT64 },
    "{\"time_ns\":-1,\"event\":\"stream\",\"what\":\"other\",\"circuit\":0,\"stream\":9223372036854775807,\"reason\":0}\n",
    "-1,stream,other,,,0,9223372036854775807,,,,,0,\n" },
  { { .kind = 1u << 20, .what = 1, .time_ns = G_MININT64 },
    "{\"time_ns\":-9223372036854775808,\"event\":\"other\",\"what\":\"other\"}\n",
    "-9223372036854775808,other,other,,,,,,,,,,\n" },
};

static void
test_lines (void)
{
  char out[CEPA_TRACE_MAX_LINE];
  gsize len;

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      guint commas = 0;

      len = cepa_trace_format (CEPA_TRACE_JSON, &lines[i].event, out);
      g_assert_cmpmem (out, len, lines[i].json, strlen (lines[i].json));
      len = cepa_trace_format (CEPA_TRACE_CSV, &lines[i].event, out);
      g_assert_cmpmem (out, len, lines[i].csv, strlen (lines[i].csv));
      for (const char *p = CEPA_TRACE_CSV_HEADER, *q = lines[i].csv; *p != '\0'; p++)
        {
          commas += *p == ',';
          if (*p == ',')
            g_assert_nonnull (q = strchr (q, ',') + 1);
        }
      g_assert_cmpuint (commas, ==, 12);
    }
}

/* Whatever the numbers are. */
static void
test_longest_lines (void)
{
  static const guint32 kinds[] = { CEPA_EVENT_CHANNEL, CEPA_EVENT_CIRCUIT, CEPA_EVENT_STREAM, CEPA_EVENT_CELL,
                                   CEPA_TRACE_OWN };
  char out[CEPA_TRACE_MAX_LINE];
  CepaEvent event;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (guint what = 0; what < 8; what++)
      {
        memset (&event, 0xff, sizeof event);
        event.time_ns = event.queued_ns = G_MININT64;
        event.channel = event.circuit = event.stream = (guint64) 1 << 63;
        event.kind = kinds[i];
        event.what = what;
        g_assert_cmpuint (cepa_trace_format (CEPA_TRACE_JSON, &event, out), <, CEPA_TRACE_MAX_LINE);
        g_assert_cmpuint (cepa_trace_format (CEPA_TRACE_CSV, &event, out), <, CEPA_TRACE_MAX_LINE);
      }
}

/* Those of an older host are shorter, those of a later one longer. */
static void
test_sizes (void)
{
  struct
  {
    CepaEvent event;
    char more[40];
  } longer = { { .size = sizeof longer, .kind = CEPA_EVENT_CELL, .relay_command = 7 }, "" };
  const CepaEvent part = { .size = G_STRUCT_OFFSET (CepaEvent, relay_command), .kind = CEPA_EVENT_STREAM };
  g_autofree CepaEvent *shorter = g_memdup2 (&part, part.size);
  CepaTraceRing ring;

  cepa_trace_ring_init (&ring, 4);
  cepa_trace_ring_push (&ring, &longer.event);
  cepa_trace_ring_push (&ring, shorter);
  g_assert_cmpuint (cepa_trace_ring_peek (&ring)->relay_command, ==, 7);
  cepa_trace_ring_pop (&ring);
  g_assert_cmpuint (cepa_trace_ring_peek (&ring)->kind, ==, CEPA_EVENT_STREAM);
  g_assert_cmpuint (cepa_trace_ring_peek (&ring)->relay_command, ==, 0);
  cepa_trace_ring_clear (&ring);
}

/* What is lost is counted where it is missing. */
static void
test_ring (void)
{
  CepaEvent event = { .size = sizeof event, .kind = CEPA_EVENT_CELL };
  g_autoptr (GString) seen = g_string_new (NULL);
  CepaTraceRing ring;

  cepa_trace_ring_init (&ring, 4);
  for (guint64 round = 0; round < 3; round++)
    {
      for (event.circuit = 10 * round; event.circuit < 10 * round + 7; event.circuit++)
        cepa_trace_ring_push (&ring, &event);
      /* The last of the round is left in. */
      while (ring.n > (round < 2 ? 1 : 0))
        {
          const CepaEvent *oldest = cepa_trace_ring_peek (&ring);

          g_string_append_printf (seen, "%s%" G_GINT64_FORMAT " ", oldest->kind == CEPA_TRACE_OWN ? "lost " : "",
                                  oldest->kind == CEPA_TRACE_OWN ? oldest->queued_ns : (gint64) oldest->circuit);
          cepa_trace_ring_pop (&ring);
        }
    }
  g_assert_cmpstr (seen->str, ==, "0 1 2 lost 4 10 11 lost 5 20 21 lost 5 ");
  g_assert_null (cepa_trace_ring_peek (&ring));
  cepa_trace_ring_clear (&ring);
}

/* ---- files ---- */

static void
test_file (Fixture *self, gconstpointer data)
{
  gboolean is_csv = data != NULL;
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autofree char *text = NULL, *events = NULL;
  struct stat info;

  fake_host_set_option (&self->host, "format", is_csv ? "csv" : "json", NULL);
  fixture_start (self);
  g_assert_cmpuint (self->wanted, ==, CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      CepaEvent event = lines[i].event;

      if (event.kind == CEPA_TRACE_OWN)
        continue;
      event.size = sizeof event;
      cepa_trace_event (self->trace, &event);
      g_string_append (wanted, is_csv ? lines[i].csv : lines[i].json);
    }
  g_assert_cmpint (g_stat (self->path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  do /* it is written without more ado */
    {
      g_free (events);
      fake_host_turn (&self->host);
      events = fixture_read_events (self);
    }
  while (!g_str_has_suffix (events, wanted->str));
  fixture_stop (self);
  text = fixture_read (self);
  g_assert_true (g_str_has_prefix (text, is_csv ? CEPA_TRACE_CSV_HEADER : "{"));
  g_assert_nonnull (strstr (text, is_csv ? ",trace,started,,,,,,,,,,1700000000\n"
                                         : ",\"event\":\"trace\",\"what\":\"started\",\"value\":1700000000}\n"));
  g_assert_true (g_str_has_suffix (text, is_csv ? ",trace,stopped,,,,,,,,,,0\n"
                                                : ",\"event\":\"trace\",\"what\":\"stopped\",\"value\":0}\n"));
  cepa_trace_event (self->trace, &lines[0].event); /* nobody listens any more */
}

/* As anybody's parser reads it. */
static void
test_python (Fixture *self, gconstpointer data)
{
  const char *script = data != NULL ? "import csv, sys\n"
                                      "rows = list(csv.DictReader(open(sys.argv[1], newline='')))\n"
                                      "assert rows[1]['event'] == 'cell' and rows[1]['circuit'] == '77', rows\n"
                                      "assert len({len(row) for row in rows}) == 1\n"
                                    : "import json, sys\n"
                                      "rows = [json.loads(line) for line in open(sys.argv[1])]\n"
                                      "assert rows[1]['event'] == 'cell' and rows[1]['circuit'] == 77, rows\n";
  const char *argv[] = { "/usr/bin/python3", "-c", script, self->path, NULL };
  g_autoptr (GError) error = NULL;
  int status = -1;

  fake_host_set_option (&self->host, "format", data != NULL ? "csv" : "json", NULL);
  fixture_start (self);
  fixture_cell (self, 77);
  fixture_stop (self);
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
test_kinds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_set_option (&self->host, "events", "cell", "channel", NULL);
  fixture_start (self);
  g_assert_cmpuint (self->wanted, ==, CEPA_EVENT_CELL | CEPA_EVENT_CHANNEL);
  fixture_stop (self);
}

/* A trace goes on behind what is there, in a line of its own, with the names once. */
static void
test_append (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (self->path, "whole\npart", -1, &error));
  fake_host_set_option (&self->host, "format", "csv", NULL);
  for (guint i = 0; i < 2; i++)
    {
      g_array_set_size (self->host.tasks, 0);
      fixture_start (self);
      fixture_cell (self, i);
      fixture_stop (self);
    }
  text = fixture_read (self);
  g_assert_true (g_str_has_prefix (text, "whole\npart\n"));
  g_assert_null (strstr (text, CEPA_TRACE_CSV_HEADER));
  g_assert_nonnull (strstr (text, "\n5,cell,received,,1,0,,,,3,0,,\n"));
  g_assert_nonnull (strstr (text, "\n5,cell,received,,1,1,,,,3,0,,\n"));
}

/* Freed without a stop, as when a start was too slow: whole lines, no leak. */
static void
test_freed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self);
  fixture_cell (self, 1);
  g_clear_pointer (&self->trace, cepa_trace_free);
  g_free (fixture_read (self));
}

static void
test_bad_files (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *missing = g_build_filename (self->folder, "no", "where", NULL);

  fake_host_set_option (&self->host, "output", NULL);
  fixture_check_start_fails (self, "its option output is not set");
  fake_host_set_option (&self->host, "output", missing, NULL);
  fixture_check_start_fails (self, "/no/where: No such file or directory");
  fake_host_set_option (&self->host, "output", self->folder, NULL);
  fixture_check_start_fails (self, "Is a directory");
  fake_host_set_option (&self->host, "output", self->path, NULL);
  g_assert_cmpint (symlink ("/dev/null", self->path), ==, 0);
  fixture_check_start_fails (self, "is a symbolic link");
  g_assert_cmpint (g_unlink (self->path), ==, 0);
  g_assert_cmpint (mkfifo (self->path, 0600), ==, 0);
  fixture_check_start_fails (self, "/trace: is not a file");
}

/* ---- no room ---- */

static void
test_overflow (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = NULL, *wanted = NULL;
  guint n_lines = 0;

  fixture_start (self);
  for (guint i = 0; i < CEPA_TRACE_RING_SIZE + 1000; i++)
    fixture_cell (self, i);
  while (self->host.n_timers > 0 && (text == NULL || strstr (text, "\"lost\"") == NULL))
    {
      g_free (text);
      fake_host_turn (&self->host);
      text = fixture_read (self);
    }
  fixture_cell (self, 999999);
  fixture_stop (self);
  g_free (text);
  text = fixture_read (self);
  for (const char *p = text; *p != '\0'; p++)
    n_lines += *p == '\n';
  /* The first place was the start's, the last the count's. */
  g_assert_cmpuint (n_lines, ==, CEPA_TRACE_RING_SIZE + 2);
  wanted = g_strdup_printf ("\"circuit\":%u,\"command\":3,\"relay_command\":0}\n{\"time_ns\":5,\"event\":\"trace\","
                            "\"what\":\"lost\",\"value\":1002}\n{\"time_ns\":5,\"event\":\"cell\",\"what\":\"received\","
                            "\"channel\":1,\"circuit\":999999", CEPA_TRACE_RING_SIZE - 3);
  g_assert_nonnull (strstr (text, wanted));
}

static void
test_max_bytes (Fixture *self, gconstpointer data)
{
  g_autofree char *text = NULL, *log = NULL;
  struct stat info;

  fake_host_set_option (&self->host, "max-bytes", "1000", NULL);
  fixture_start (self);
  for (guint i = 0; i < 100; i++)
    fixture_cell (self, i);
  while (data != NULL && self->host.log->len == 0)
    fake_host_turn (&self->host);
  fixture_cell (self, 1000);
  fixture_stop (self);
  text = fixture_read (self);
  g_assert_cmpint (g_stat (self->path, &info), ==, 0);
  g_assert_cmpint (info.st_size, <=, 1000);
  g_assert_cmpint (info.st_size, >, 800);
  log = g_strdup_printf ("1 %s has come to its max-bytes of 1000: nothing more is written\n", self->path);
  g_assert_cmpstr (self->host.log->str, ==, log);
  g_assert_cmpuint (self->host.n_failed, ==, 0);
}

static void
test_disk_full (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_set_option (&self->host, "output", "/dev/full", NULL);
  fixture_start (self);
  while (self->host.n_failed == 0)
    fake_host_turn (&self->host);
  g_assert_cmpuint (self->host.n_failed, ==, 1);
  g_assert_cmpstr (self->host.error->message, ==,
                   "writing to /dev/full: No space left on device; the trace ends there");
  g_assert_cmpuint (self->host.n_timers, ==, 0);
  g_assert_cmpuint (self->wanted, ==, 0);
  g_clear_error (&self->host.error);
  fixture_cell (self, 1);
  fixture_stop (self);
  fake_host_set_option (&self->host, "format", "csv", NULL);
  fixture_check_start_fails (self, "No space left on device");
}

/* A write that is cut short, here by the limit of a file's size: no part of a line is left. */
static void
test_cut (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  struct rlimit before, limit;
  g_autofree char *text = NULL;
  struct stat info;

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 5000;
  fixture_start (self);
  for (guint i = 0; i < 200; i++)
    fixture_cell (self, i);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  while (self->host.n_failed == 0)
    fake_host_turn (&self->host);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_nonnull (strstr (self->host.error->message, "File too large"));
  text = fixture_read (self);
  g_assert_cmpint (g_stat (self->path, &info), ==, 0);
  g_assert_cmpint (info.st_size, >, 4900);
  g_assert_cmpint (info.st_size, <, 5000);
}

#define ADD_DATA(path, data, func) \
  g_test_add ("/trace/" path, Fixture, (gconstpointer) (gsize) (data), fixture_set_up, func, fixture_tear_down)
#define ADD(path, func) ADD_DATA (path, 0, func)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/trace/lines", test_lines);
  g_test_add_func ("/trace/longest-lines", test_longest_lines);
  g_test_add_func ("/trace/sizes", test_sizes);
  g_test_add_func ("/trace/ring", test_ring);
  ADD_DATA ("json", 0, test_file);
  ADD_DATA ("csv", 1, test_file);
  ADD_DATA ("python/json", 0, test_python);
  ADD_DATA ("python/csv", 1, test_python);
  ADD ("kinds", test_kinds);
  ADD ("append", test_append);
  ADD ("freed", test_freed);
  ADD ("bad-files", test_bad_files);
  ADD ("overflow", test_overflow);
  ADD_DATA ("max-bytes/stop", 0, test_max_bytes);
  ADD_DATA ("max-bytes/running", 1, test_max_bytes);
  ADD ("disk-full", test_disk_full);
  ADD ("cut", test_cut);
  return g_test_run ();
}
