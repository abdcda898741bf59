/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.prometheus: its policy, its request parser, its text, and its server over loopback. */
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include <cepa/metrics.h>

#include "prometheus/exposition.h"
#include "prometheus/request.h"
#include "prometheus/server.h"
#include "support/fake-host.h"

/* ---- policy ---- */

static gboolean
policy_accepts (const char *lines, const char *address)
{
  g_auto (GStrv) list = g_strsplit (lines, "|", -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaPrometheusPolicy) policy = cepa_prometheus_policy_new ((const char *const *) list, &error);
  g_autoptr (GInetAddress) from = g_inet_address_new_from_string (address);

  g_assert_no_error (error);
  g_assert_nonnull (from);
  return cepa_prometheus_policy_accepts (policy, from);
}

static void
test_policy (void)
{
  g_assert_false (policy_accepts ("", "127.0.0.1"));
  g_assert_true (policy_accepts ("accept 127.0.0.1", "127.0.0.1"));
  g_assert_false (policy_accepts ("accept 127.0.0.1", "127.0.0.2"));
  g_assert_true (policy_accepts ("accept 10.1.2.3/8", "10.200.0.1"));
  g_assert_true (policy_accepts ("accept 10.0.0.0/255.0.0.0", "10.200.0.1"));
  g_assert_false (policy_accepts ("accept 10.0.0.0/255.255.0.0", "10.200.0.1"));
  g_assert_false (policy_accepts ("reject 10.0.0.1, accept *", "10.0.0.1"));
  g_assert_true (policy_accepts ("reject 10.0.0.1, accept *", "10.0.0.2"));
  g_assert_false (policy_accepts ("reject 10.0.0.1|accept *", "10.0.0.1"));
  g_assert_true (policy_accepts ("accept *", "2001:db8::1"));
  g_assert_false (policy_accepts ("accept *4", "2001:db8::1"));
  g_assert_false (policy_accepts ("accept *6", "1.2.3.4"));
  g_assert_false (policy_accepts ("accept6 *", "1.2.3.4"));
  g_assert_true (policy_accepts ("accept6 *", "2001:db8::1"));
  g_assert_true (policy_accepts ("accept [2001:db8::]/32:9035", "2001:db8::1"));
  g_assert_true (policy_accepts ("accept 2001:db8::1", "2001:db8::1"));
  g_assert_true (policy_accepts ("ACCEPT 1.2.3.4:*", "1.2.3.4"));
  g_assert_true (policy_accepts ("accept private", "192.168.7.7"));
  g_assert_true (policy_accepts ("accept private", "::1"));
  g_assert_false (policy_accepts ("accept private", "8.8.8.8"));
  g_assert_true (policy_accepts ("accept 1.2.3.4", "::ffff:1.2.3.4"));
  g_assert_false (policy_accepts ("accept 1.2.3.4", "::ffff:1.2.3.5"));
}

static void
test_policy_bad (void)
{
  static const char *const bad[]
      = { "127.0.0.1", "accept", "accept ", "allow 127.0.0.1", "accept example.com", "accept 1.2.3.4/33",
          "accept 1.2.3.4/255.0.255.0", "accept 1.2.3", "accept [::1", "accept ::1/129", "accept 1.2.3.4:",
          "accept 1.2.3.4:http", "accept 1.2.3.4/", "accept ::1/255.0.0.0", "accept 127.0.0.1, reject nobody" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const char *const lines[] = { bad[i], NULL };
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaPrometheusPolicy) policy = cepa_prometheus_policy_new (lines, &error);

      g_test_message ("%s", bad[i]);
      g_assert_null (policy);
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
    }
}

/* ---- requests ---- */

static CepaPrometheusStatus
request_status (const char *text)
{
  gboolean is_head;

  return cepa_prometheus_parse_request (text, strlen (text), &is_head);
}

static void
test_request (void)
{
  static const struct
  {
    const char *text;
    CepaPrometheusStatus status;
  } cases[] = {
    { "", CEPA_PROMETHEUS_WAIT },
    { "GET /metrics HTTP/1.0\r\n", CEPA_PROMETHEUS_WAIT },
    { "GET /metrics HTTP/1.0\r\n\r", CEPA_PROMETHEUS_WAIT },
    { "GET /metrics HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_OK },
    { "GET /metrics HTTP/1.0\n\n", CEPA_PROMETHEUS_OK },
    { "GET /metrics HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\n\r\nmore", CEPA_PROMETHEUS_OK },
    { "GET /metrics?a=b HTTP/1.1\r\nhost:\r\n\r\n", CEPA_PROMETHEUS_OK },
    { "GET http://a:9035/metrics HTTP/1.1\r\nHost: a\r\n\r\n", CEPA_PROMETHEUS_OK },
    { "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", CEPA_PROMETHEUS_OK },
    { "GET / HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_NOT_FOUND },
    { "GET /metrics/ HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_NOT_FOUND },
    { "POST /elsewhere HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_NOT_FOUND },
    { "POST /metrics HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_NOT_ALLOWED },
    { "get /metrics HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_NOT_ALLOWED },
    { "GET /metrics HTTP/1.1\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/2.0\r\n\r\n", CEPA_PROMETHEUS_BAD_VERSION },
    { "GET /metrics HTTP/1.01\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET  /metrics HTTP/1.0\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/1.0\r\nno colon\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/1.0\r\nA: b\r\n folded: c\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/1.0\r\nA : b\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "GET /metrics HTTP/1.0\r\nA: \001\r\n\r\n", CEPA_PROMETHEUS_BAD_REQUEST },
    { "\026\003\001 TLS\n\n", CEPA_PROMETHEUS_BAD_REQUEST },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s", cases[i].text);
      g_assert_cmpint (request_status (cases[i].text), ==, cases[i].status);
    }
}

static void
test_request_size (void)
{
  GString *text = g_string_new ("GET /metrics HTTP/1.0\r\nA: ");
  gboolean is_head;

  while (text->len < CEPA_PROMETHEUS_MAX_REQUEST - 1)
    g_string_append_c (text, 'a');
  g_assert_cmpint (cepa_prometheus_parse_request (text->str, text->len, &is_head), ==, CEPA_PROMETHEUS_WAIT);
  g_string_append_c (text, 'a');
  g_assert_cmpint (cepa_prometheus_parse_request (text->str, text->len, &is_head), ==, CEPA_PROMETHEUS_TOO_LARGE);
  g_string_append (text, "\r\n\r\n");
  g_assert_cmpint (cepa_prometheus_parse_request (text->str, text->len, &is_head), ==, CEPA_PROMETHEUS_TOO_LARGE);
  g_string_free (text, TRUE);
}

/* ---- text ---- */

static void
collect (G_GNUC_UNUSED const CepaHost *host, CepaMetricFunc func, void *user_data)
{
  static const double bounds[] = { 0.1, 2.5 };
  static const guint64 counts[] = { 1, 3 };
  CepaMetric metric = { .size = sizeof metric, .type = CEPA_METRIC_COUNTER, .name = "test_things_total",
                        .help = "With a \\ and\na line.", .labels = "event=\"one\"", .value = 12345678901234 };

  func (user_data, &metric);
  metric.labels = "event=\"two\",of=\"\\\"\"";
  metric.value = 0;
  func (user_data, &metric);
  metric = (CepaMetric){ .size = sizeof metric, .type = CEPA_METRIC_GAUGE, .name = "test_level", .help = "A level.",
                         .labels = "", .value = -0.1 };
  func (user_data, &metric);
  metric.name = "test-not-a-name";
  func (user_data, &metric);
  metric = (CepaMetric){ .size = sizeof metric, .type = CEPA_METRIC_HISTOGRAM, .name = "test_seconds",
                         .help = "Times.", .labels = "", .value = 9.25, .count = 4, .n_buckets = 2,
                         .bounds = bounds, .counts = counts };
  func (user_data, &metric);
  metric.labels = "of=\"x\"";
  func (user_data, &metric);
}

static const CepaMetricsHost metrics_host = { .size = sizeof (CepaMetricsHost), .collect = collect };

static const char expected_text[]
    = "# HELP test_things_total With a \\\\ and\\na line.\n"
      "# TYPE test_things_total counter\n"
      "test_things_total{event=\"one\"} 12345678901234\n"
      "test_things_total{event=\"two\",of=\"\\\"\"} 0\n"
      "# HELP test_level A level.\n"
      "# TYPE test_level gauge\n"
      "test_level -0.1\n"
      "# HELP test_seconds Times.\n"
      "# TYPE test_seconds histogram\n"
      "test_seconds_bucket{le=\"0.1\"} 1\n"
      "test_seconds_bucket{le=\"2.5\"} 3\n"
      "test_seconds_bucket{le=\"+Inf\"} 4\n"
      "test_seconds_sum 9.25\n"
      "test_seconds_count 4\n"
      "test_seconds_bucket{of=\"x\",le=\"0.1\"} 1\n"
      "test_seconds_bucket{of=\"x\",le=\"2.5\"} 3\n"
      "test_seconds_bucket{of=\"x\",le=\"+Inf\"} 4\n"
      "test_seconds_sum{of=\"x\"} 9.25\n"
      "test_seconds_count{of=\"x\"} 4\n";

/* Asks the checker, which knows promtool's rules. */
static void
check_text (const char *text)
{
  g_autofree char *checker = g_test_build_filename (G_TEST_DIST, "net", "exposition.py", NULL);
  g_autofree char *out = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "/usr/bin/python3", checker, NULL);

  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, text, NULL, &out, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (out, ==, "\n");
  g_assert_true (g_subprocess_get_successful (process));
}

static void
test_text (void)
{
  CepaPrometheusText text;
  CepaMetric metric = { .size = sizeof metric, .type = CEPA_METRIC_GAUGE, .name = "a", .help = "", .labels = "" };

  cepa_prometheus_text_init (&text);
  collect (NULL, cepa_prometheus_text_add, &text);
  g_assert_cmpstr (text.text->str, ==, expected_text);
  check_text (text.text->str);

  g_string_set_size (text.text, 0);
  metric.value = NAN;
  cepa_prometheus_text_add (&text, &metric);
  metric.value = -INFINITY;
  cepa_prometheus_text_add (&text, &metric);
  g_assert_cmpstr (text.text->str, ==, "# HELP a \n# TYPE a gauge\na NaN\na -Inf\n");
  cepa_prometheus_text_clear (&text);
}

/* ---- the server ---- */

typedef struct
{
  FakeHost host; /* first */
  CepaPrometheusServer *server;
  GSocketAddress *address;
} Fixture;

static void (*timer_set) (const CepaHost *host, uint64_t timer, int64_t delay_us);

/* The server's ten seconds are a tenth of one. */
static void
fixture_timer_set (const CepaHost *host, uint64_t timer, int64_t delay_us)
{
  timer_set (host, timer, delay_us > 0 ? delay_us / 100 : delay_us);
}

static void
fixture_set_up (Fixture *self, gconstpointer data)
{
  const char *const lines[] = { data, NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *where = NULL;
  CepaPrometheusPolicy *policy;
  const char *colon;

  fake_host_init (&self->host);
  self->host.base.metrics = &metrics_host;
  timer_set = self->host.base.timer_set;
  policy = cepa_prometheus_policy_new (lines, &error);
  self->server = cepa_prometheus_server_new (&self->host.base, policy);
  g_assert_true (cepa_prometheus_server_listen (self->server, "auto prometheus", &error));
  g_assert_no_error (error);
  where = cepa_prometheus_server_list_addresses (self->server);
  g_assert_true (g_str_has_prefix (where, "127.0.0.1:"));
  colon = strchr (where, ':');
  self->address = g_inet_socket_address_new_from_string ("127.0.0.1", (guint) g_ascii_strtoull (colon + 1, NULL, 10));
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_prometheus_server_free (self->server);
  g_clear_object (&self->address);
  fake_host_clear (&self->host);
}

static GSocket *
fixture_connect (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_connect (socket, self->address, NULL, &error));
  g_socket_set_blocking (socket, FALSE);
  return socket;
}

/* (transfer full): what comes until the server closes. */
static GString *
fixture_read_all (Fixture *self, GSocket *socket)
{
  GString *out = g_string_new (NULL);

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      char bytes[4096];
      gssize n = g_socket_receive (socket, bytes, sizeof bytes, NULL, &error);

      if (n == 0 || (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)))
        return out;
      if (n > 0)
        g_string_append_len (out, bytes, n);
      else
        g_main_context_iteration (self->host.context, FALSE);
    }
}

static GString *
fixture_ask (Fixture *self, const char *request)
{
  g_autoptr (GSocket) socket = fixture_connect (self);

  g_assert_cmpint (g_socket_send (socket, request, strlen (request), NULL, NULL), ==, strlen (request));
  return fixture_read_all (self, socket);
}

static void
fixture_assert_answer (Fixture *self, const char *request, const char *first_line, const char *body)
{
  GString *answer = fixture_ask (self, request);
  char *end = strstr (answer->str, "\r\n\r\n");

  g_assert_true (g_str_has_prefix (answer->str, first_line));
  g_assert_nonnull (end);
  if (body != NULL)
    g_assert_cmpstr (end + 4, ==, body);
  g_string_free (answer, TRUE);
}

static void
test_server (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GString *answer = fixture_ask (self, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  g_autofree char *length = g_strdup_printf ("\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n", strlen (expected_text));

  g_assert_true (g_str_has_prefix (answer->str, "HTTP/1.1 200 OK\r\n"));
  g_assert_nonnull (strstr (answer->str, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  g_assert_nonnull (strstr (answer->str, "\r\nConnection: close\r\n"));
  g_assert_nonnull (strstr (answer->str, length));
  g_assert_true (g_str_has_suffix (answer->str, expected_text));
  g_string_free (answer, TRUE);
  fixture_assert_answer (self, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", expected_text);
  fixture_assert_answer (self, "HEAD /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "");
  fixture_assert_answer (self, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "Not Found\n");
  fixture_assert_answer (self, "PUT /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n", NULL);
  fixture_assert_answer (self, "nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", NULL);
}

static void
test_server_large (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *padding = g_strnfill (5 * CEPA_PROMETHEUS_MAX_REQUEST, 'a');
  g_autofree char *request = g_strdup_printf ("GET /metrics HTTP/1.0\r\nA: %s\r\n\r\n", padding);

  fixture_assert_answer (self, request, "HTTP/1.1 431 ", NULL);
}

static void
test_server_refuses (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GString *answer = fixture_ask (self, "GET /metrics HTTP/1.0\r\n\r\n");

  g_assert_cmpuint (answer->len, ==, 0);
  g_assert_nonnull (strstr (self->host.log->str, "MetricsPortPolicy"));
  g_string_free (answer, TRUE);
}

/* Clients that say nothing are ended in time, and no more than a few are held: others wait for them. */
static void
test_server_slow (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GSocket *slow[CEPA_PROMETHEUS_MAX_CLIENTS + 4];
  const guint n_ports = self->host.n_watches;

  self->host.base.timer_set = fixture_timer_set;
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    {
      slow[i] = fixture_connect (self);
      g_socket_send (slow[i], "GET", 3, NULL, NULL);
      for (guint turn = 0; turn < 3; turn++)
        g_main_context_iteration (self->host.context, FALSE);
      g_assert_cmpuint (self->host.n_watches, <=, n_ports + CEPA_PROMETHEUS_MAX_CLIENTS);
    }
  g_assert_cmpuint (self->host.n_watches, ==, n_ports + CEPA_PROMETHEUS_MAX_CLIENTS);
  fixture_assert_answer (self, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", expected_text);
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    {
      g_string_free (fixture_read_all (self, slow[i]), TRUE); /* it ends */
      g_object_unref (slow[i]);
    }
}

static void
test_server_bad_ports (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const bad[] = { "", "x", "70000", "1.2.3.4", "example.com:9035", "::1:9035", "[::1:9035", "9035 json",
                                     "127.0.0.1:0", "unix:/run/x" };
  g_autofree char *taken = cepa_prometheus_server_list_addresses (self->server);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_test_message ("%s", bad[i]);
      g_assert_false (cepa_prometheus_server_listen (self->server, bad[i], &error));
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
      g_clear_error (&error);
    }
  g_assert_false (cepa_prometheus_server_listen (self->server, taken, &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK);
  g_assert_nonnull (strstr (error->message, taken));
  g_assert_true (cepa_prometheus_server_listen (self->server, "0", NULL));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugins/prometheus/policy", test_policy);
  g_test_add_func ("/plugins/prometheus/policy-bad", test_policy_bad);
  g_test_add_func ("/plugins/prometheus/request", test_request);
  g_test_add_func ("/plugins/prometheus/request-size", test_request_size);
  g_test_add_func ("/plugins/prometheus/text", test_text);
  g_test_add ("/plugins/prometheus/server", Fixture, "accept 127.0.0.1", fixture_set_up, test_server,
              fixture_tear_down);
  g_test_add ("/plugins/prometheus/server-large", Fixture, "accept 127.0.0.1", fixture_set_up, test_server_large,
              fixture_tear_down);
  g_test_add ("/plugins/prometheus/server-refuses", Fixture, "accept 127.0.0.2", fixture_set_up, test_server_refuses,
              fixture_tear_down);
  g_test_add ("/plugins/prometheus/server-slow", Fixture, "accept 127.0.0.1", fixture_set_up, test_server_slow,
              fixture_tear_down);
  g_test_add ("/plugins/prometheus/server-bad-ports", Fixture, "", fixture_set_up, test_server_bad_ports,
              fixture_tear_down);
  return g_test_run ();
}
