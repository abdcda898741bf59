/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake host of sdk/check, as unit tests of plugins use it. */
#include <fcntl.h>
#include <unistd.h>

#include "fake-host.h"
#include "fake-network.h"

static void
test_count (void *data)
{
  (*(guint *) data)++;
}

static void
test_clock (void)
{
  g_autoptr (CepaFakeHost) fake = cepa_fake_host_new (1);
  const CepaHost *host = cepa_fake_host_get_table (fake);
  gint64 start_us = cepa_host_monotonic_us (host), wall_s = cepa_host_wall_s (host);
  guint n = 0;
  guint64 timer = cepa_host_timer_new (host, test_count, &n);

  cepa_fake_host_advance (fake, G_TIME_SPAN_SECOND);
  g_assert_cmpuint (n, ==, 0);
  cepa_host_timer_set (host, timer, 5 * G_TIME_SPAN_SECOND);
  cepa_fake_host_advance (fake, 5 * G_TIME_SPAN_SECOND - 1);
  g_assert_cmpuint (n, ==, 0);
  cepa_fake_host_advance (fake, 1);
  g_assert_cmpuint (n, ==, 1);
  cepa_fake_host_advance (fake, 100 * G_TIME_SPAN_SECOND);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpint (cepa_host_monotonic_us (host) - start_us, ==, 106 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (cepa_host_wall_s (host) - wall_s, ==, 106);
  g_assert_cmpuint (cepa_fake_host_get_n_timers (fake), ==, 1);
  cepa_host_timer_free (host, timer);
  g_assert_cmpuint (cepa_fake_host_get_n_timers (fake), ==, 0);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 0);
}

static void
test_chance (void)
{
  guint64 values[3];

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (CepaFakeHost) fake = cepa_fake_host_new (i < 2 ? 7 : 8);

      cepa_host_random (cepa_fake_host_get_table (fake), &values[i], sizeof values[i]);
    }
  g_assert_cmpuint (values[0], ==, values[1]);
  g_assert_cmpuint (values[0], !=, values[2]);
}

static void
test_watch (void *data, int fd, guint32 events)
{
  char byte;

  g_assert_cmpuint (events, ==, CEPA_WATCH_READ);
  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  test_count (data);
}

static void
test_watches (void)
{
  g_autoptr (CepaFakeHost) fake = cepa_fake_host_new (1);
  const CepaHost *host = cepa_fake_host_get_table (fake);
  guint n = 0;
  int ends[2];
  guint64 watch;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  watch = cepa_host_watch_new (host, ends[0], CEPA_WATCH_READ, test_watch, &n);
  cepa_fake_host_run (fake, NULL, NULL, 0);
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpint (write (ends[1], "ab", 2), ==, 2);
  cepa_fake_host_run (fake, NULL, NULL, 0);
  g_assert_cmpuint (n, ==, 2);
  cepa_host_watch_free (host, watch);
  close (ends[0]);
  close (ends[1]);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 0);
}

static void
test_tasks (void)
{
  g_autoptr (CepaFakeHost) fake = cepa_fake_host_new (1);
  const CepaHost *host = cepa_fake_host_get_table (fake);
  guint64 first = cepa_fake_host_begin_task (fake), second = cepa_fake_host_begin_task (fake);

  cepa_host_complete (host, first, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "no"));
  g_assert_true (cepa_fake_host_run_task (fake, first, 0));
  g_assert_cmpint (cepa_fake_host_get_task (fake, first), ==, CEPA_FAKE_TASK_FAILED);
  g_assert_error (cepa_fake_host_get_task_error (fake, first), CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 0);
  cepa_host_complete (host, first, NULL);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 1);
  cepa_fake_host_end_task (fake, second);
  cepa_host_complete (host, second, NULL);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 2);
  cepa_host_complete (host, 4711, NULL);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 3);
}

static void
test_options (void)
{
  static const CepaPluginOption options[] = {
    { .name = "least", .type = CEPA_PLUGIN_OPTION_INT, .default_text = "12" },
    { .name = "file", .type = CEPA_PLUGIN_OPTION_FILE },
  };
  const CepaPlugin plugin = { .options = options, .n_options = 2, .option_stride = sizeof options[0] };
  g_autoptr (CepaFakeHost) fake = cepa_fake_host_new (1);
  const CepaHost *host = cepa_fake_host_get_table (fake);

  cepa_fake_host_set_defaults (fake, &plugin);
  g_assert_cmpint (cepa_host_option_int (host, "least", 3), ==, 12);
  g_assert_cmpstr (cepa_host_option_text (host, "file", "none"), ==, "none");
  cepa_fake_host_set_option (fake, "file", "a");
  cepa_fake_host_add_option (fake, "file", "b");
  g_assert_cmpstr (cepa_host_option (host, "file")[1], ==, "b");
  g_assert_null (cepa_host_option (host, "file")[2]);
  cepa_fake_host_set_option (fake, "least", "many");
  g_assert_cmpint (cepa_host_option_int (host, "least", 3), ==, 3);
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 0);
  g_assert_null (cepa_host_option (host, "most"));
  g_assert_cmpuint (cepa_fake_host_get_faults (fake)->len, ==, 1);
}

/* The wrappers of the headers over a table that has nothing. */
static void
test_without (void)
{
  const CepaHost host = { .size = G_STRUCT_OFFSET (CepaHost, log) };
  const CepaNetworkView view = { .size = G_STRUCT_OFFSET (CepaNetworkView, exit_allows) };
  g_autoptr (GError) error = NULL;
  guint64 value = 5;
  int ends[2];

  cepa_host_log (&host, CEPA_HOST_LOG_INFO, "x");
  cepa_host_random (&host, &value, sizeof value);
  g_assert_cmpuint (value, ==, 0);
  g_assert_cmpuint (cepa_host_random_below (&host, 10), ==, 0);
  g_assert_cmpuint (cepa_host_random_below (&host, 0), ==, 0);
  g_assert_cmpint (cepa_host_option_int (&host, "x", 9), ==, 9);
  cepa_host_complete (&host, 1, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "freed"));
  cepa_host_fail (&host, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "freed"));
  g_assert_null (cepa_host_directory (&host, &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
  g_assert_null (cepa_host_network (&host));
  g_assert_cmpstr (cepa_vocabulary_describe (&host), ==, "<node/>");
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  cepa_transport_connected (&host, 1, ends[0], NULL, NULL);
  g_assert_cmpint (fcntl (ends[0], F_GETFD), ==, -1);
  close (ends[1]);
  g_assert_cmpint (cepa_network_view_param (&view, "x", 4), ==, 4);
  g_assert_cmpint (cepa_network_view_exit_allows (&view, 1, 80, 0), ==, 0);
}

static void
test_network (void)
{
  g_autoptr (CepaFakeNetwork) one = cepa_fake_network_new (3, 200, FALSE);
  g_autoptr (CepaFakeNetwork) newer = cepa_fake_network_new (3, 200, TRUE);
  const CepaNetworkView *view = cepa_fake_network_get_view (one);
  guint64 version = view->version;

  g_assert_cmpuint (cepa_fake_network_get_view (newer)->stride, >, view->stride);
  for (guint row = 0; row < 200; row++)
    {
      const CepaRelay *relay = cepa_network_view_relay (view, row);

      g_assert_cmpmem (relay, sizeof *relay, cepa_network_view_relay (cepa_fake_network_get_view (newer), row),
                       sizeof *relay);
      g_assert_cmpint (cepa_network_view_same_family (view, row, row), ==, 1);
      if (row > 0)
        g_assert_cmpint (memcmp (cepa_network_view_relay (view, row - 1)->rsa_id, relay->rsa_id, 20), <, 0);
    }
  cepa_fake_network_set_param (one, "circwindow", 5);
  g_assert_cmpint (cepa_network_view_param (view, "circwindow", 1000), ==, 5);
  g_assert_cmpuint (view->version, !=, version);
  g_assert_null (cepa_fake_network_get_fault (one));
  cepa_fake_network_edit_relay (one, 3)->bandwidth++;
  g_assert_nonnull (cepa_fake_network_get_fault (one));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fake-host/clock", test_clock);
  g_test_add_func ("/fake-host/chance", test_chance);
  g_test_add_func ("/fake-host/watches", test_watches);
  g_test_add_func ("/fake-host/tasks", test_tasks);
  g_test_add_func ("/fake-host/options", test_options);
  g_test_add_func ("/fake-host/without", test_without);
  g_test_add_func ("/fake-host/network", test_network);
  return g_test_run ();
}
