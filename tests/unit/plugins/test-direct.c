/* SPDX-License-Identifier: BSD-3-Clause */
/* transport.direct over loopback sockets: which address wins, what a proxy may do, and how attempts end. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "base/loop.h"
#include "config.h"
#include "direct.h"
#include "support/fake-host.h"

#define START 1
#define STOP 2

/* How an attempt ended. */
typedef struct
{
  guint64 attempt;
  int fd;
  gboolean has_address;
  CepaAddress address;
  GError *error;
} Result;

typedef struct
{
  FakeHost host; /* first */
  CepaTransportHost transport;
  CepaDirect *direct;
  GArray *results; /* (element-type Result) */
} Fixture;

static void
fixture_connected (const CepaHost *host, uint64_t attempt, int fd, const CepaAddress *address, GError *error)
{
  Fixture *self = (Fixture *) (void *) host;
  Result result = { attempt, fd, address != NULL, { 0 }, error };

  g_assert_true ((fd >= 0) == (error == NULL));
  if (address != NULL)
    result.address = *address;
  g_array_append_val (self->results, result);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_init (&self->host);
  self->transport = (CepaTransportHost){ .size = sizeof (CepaTransportHost), .connected = fixture_connected };
  self->host.base.transport = &self->transport;
  self->direct = cepa_direct_new (&self->host.base);
  self->results = g_array_new (FALSE, FALSE, sizeof (Result));
}

static void
fixture_forget (Fixture *self)
{
  for (guint i = 0; i < self->results->len; i++)
    {
      Result *result = &g_array_index (self->results, Result, i);

      if (result->fd >= 0)
        close (result->fd);
      g_clear_error (&result->error);
    }
  g_array_set_size (self->results, 0);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_forget (self);
  g_array_unref (self->results);
  cepa_direct_free (self->direct);
  fake_host_clear (&self->host);
}

static void
fixture_start (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  cepa_direct_start (self->direct, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_no_error (error);
}

static void
fixture_connect (Fixture *self, guint64 attempt, const CepaAddress *addresses, guint n)
{
  g_autofree CepaAddress *copy = g_memdup2 (addresses, n * sizeof *addresses);
  CepaTransportTarget target = { .size = sizeof target, .n_addresses = n, .addresses = copy };

  cepa_direct_connect (self->direct, attempt, &target);
}

static Result *
fixture_wait (Fixture *self)
{
  while (self->results->len == 0)
    fake_host_turn (&self->host);
  g_assert_cmpuint (self->results->len, ==, 1);
  g_assert_cmpuint (self->host.n_watches, ==, 0);
  g_assert_cmpuint (self->host.n_timers, ==, 0);
  return &g_array_index (self->results, Result, 0);
}

static void
fixture_check_fails (Fixture *self, const char *message)
{
  Result *result = fixture_wait (self);

  g_assert_cmpint (result->fd, ==, -1);
  g_assert_cmpstr (result->error->message, ==, message);
  fixture_forget (self);
}

/* ---- servers ---- */

/* Connections wait in the kernel until the test takes them. */
static int
server_listen (guint8 version, int backlog, CepaAddress *out)
{
  struct sockaddr_storage native;
  socklen_t len;
  int fd = socket (version == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  g_assert_true (cepa_direct_address_parse (version == 6 ? "::1" : "127.0.0.1", out));
  len = cepa_direct_address_to_native (out, &native);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, len), ==, 0);
  g_assert_cmpint (listen (fd, backlog), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &native, &len), ==, 0);
  out->port = ntohs (version == 6 ? ((struct sockaddr_in6 *) &native)->sin6_port
                                  : ((struct sockaddr_in *) &native)->sin_port);
  return fd;
}

/* An address where nobody listens. */
static CepaAddress
server_nowhere (guint8 version)
{
  CepaAddress address;

  close (server_listen (version, 1, &address));
  return address;
}

/* Listens, and answers nobody: its queue is full. */
static int
server_listen_deaf (guint8 version, CepaAddress *out, int filling[2])
{
  struct sockaddr_storage native;
  int fd = server_listen (version, 0, out);
  socklen_t len = cepa_direct_address_to_native (out, &native);

  for (guint i = 0; i < 2; i++)
    {
      filling[i] = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (connect (filling[i], (struct sockaddr *) &native, len) != 0)
        g_assert_cmpint (errno, ==, EINPROGRESS);
    }
  return fd;
}

/* The next connection to it; -1 when there is none. */
static int
server_accept (int fd)
{
  return accept4 (fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void
check_socket (int fd, const CepaAddress *peer)
{
  struct sockaddr_storage native, wanted;
  socklen_t len = sizeof native, option_len = sizeof (int);
  int value = 0;

  g_assert_cmpint (getpeername (fd, (struct sockaddr *) &native, &len), ==, 0);
  cepa_direct_address_to_native (peer, &wanted);
  g_assert_cmpmem (&native, len, &wanted, len);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (getsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &value, &option_len), ==, 0);
  g_assert_cmpint (value, !=, 0);
}

/* ---- directly ---- */

static void
test_one_address (Fixture *self, gconstpointer data)
{
  CepaAddress address;
  int server = server_listen ((guint8) GPOINTER_TO_UINT (data), 4, &address);
  Result *result;

  fixture_start (self);
  fixture_connect (self, 17, &address, 1);
  result = fixture_wait (self);
  g_assert_cmpuint (result->attempt, ==, 17);
  g_assert_true (result->has_address);
  g_assert_cmpmem (&result->address, sizeof address, &address, sizeof address);
  check_socket (result->fd, &address);
  close (server);
}

/* Nobody asks the second address when the first connects. */
static void
test_first_wins (Fixture *self, gconstpointer data)
{
  guint8 first = (guint8) GPOINTER_TO_UINT (data);
  CepaAddress addresses[2];
  int servers[2] = { server_listen (first, 4, &addresses[0]), server_listen (10 - first, 4, &addresses[1]) };

  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  check_socket (fixture_wait (self)->fd, &addresses[0]);
  g_assert_cmpint (server_accept (servers[1]), ==, -1);
  close (servers[0]);
  close (servers[1]);
}

static void
test_first_refuses (Fixture *self, gconstpointer data)
{
  guint8 first = (guint8) GPOINTER_TO_UINT (data);
  CepaAddress addresses[2] = { server_nowhere (first) };
  int server = server_listen (10 - first, 4, &addresses[1]);

  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  check_socket (fixture_wait (self)->fd, &addresses[1]);
  close (server);
}

/* The second is tried beside a first that does not answer, and the first is given up. */
static void
test_first_is_deaf (Fixture *self, gconstpointer data)
{
  guint8 first = (guint8) GPOINTER_TO_UINT (data);
  CepaAddress addresses[2];
  int filling[2], deaf = server_listen_deaf (first, &addresses[0], filling);
  int server = server_listen (10 - first, 4, &addresses[1]);

  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  g_assert_cmpuint (self->host.n_watches, ==, 1);
  check_socket (fixture_wait (self)->fd, &addresses[1]);
  close (server);
  close (deaf);
  close (filling[0]);
  close (filling[1]);
}

/* Families take turns, whatever the order in which the addresses come. */
static void
test_in_turn (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaAddress addresses[4] = { server_nowhere (4), server_nowhere (4), server_nowhere (6), server_nowhere (6) };
  static const guint order[] = { 0, 2, 1, 3 };
  g_autoptr (GString) wanted = g_string_new (NULL);

  for (guint i = 0; i < 4; i++)
    {
      char text[CEPA_ADDRESS_TEXT_LEN];

      cepa_direct_address_format (&addresses[order[i]], text);
      g_string_append_printf (wanted, "%s%s: Connection refused", i > 0 ? "; " : "", text);
    }
  fixture_start (self);
  fixture_connect (self, 1, addresses, 4);
  fixture_check_fails (self, wanted->str);
}

static void
test_families (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaAddress addresses[2];
  int servers[2] = { server_listen (4, 4, &addresses[0]), server_listen (6, 4, &addresses[1]) };

  fake_host_set_option (&self->host, "client-use-ipv4", "0", NULL);
  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  check_socket (fixture_wait (self)->fd, &addresses[1]);
  fixture_forget (self);
  fixture_connect (self, 2, addresses, 1);
  fixture_check_fails (self, "the relay has no address of a family that may be used: see client-use-ipv4 and "
                             "client-use-ipv6");
  close (servers[0]);
  close (servers[1]);
}

/* At each moment: nothing is told any more and nothing is left. */
static void
test_cancel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaAddress addresses[2];
  int filling[2], deaf = server_listen_deaf (4, &addresses[0], filling), server = server_listen (6, 1, &addresses[1]);

  fixture_start (self);
  for (guint turns = 0; turns < 2; turns++)
    {
      fixture_connect (self, turns + 1, addresses, 2);
      while (self->host.n_watches < turns + 1)
        fake_host_turn (&self->host); /* until the second address's time has come */
      cepa_direct_cancel (self->direct, turns + 1);
      g_assert_cmpuint (self->host.n_watches, ==, 0);
      g_assert_cmpuint (self->host.n_timers, ==, 0);
    }
  cepa_direct_cancel (self->direct, 99);
  g_assert_cmpuint (self->results->len, ==, 0);
  close (server);
  close (deaf);
  close (filling[0]);
  close (filling[1]);
}

static void
test_stop (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaAddress address;
  int filling[2], deaf = server_listen_deaf (4, &address, filling);

  fixture_connect (self, 1, &address, 1);
  fixture_check_fails (self, "it has not been started");
  fixture_start (self);
  fixture_connect (self, 2, &address, 1);
  fixture_connect (self, 3, &address, 1);
  g_assert_cmpuint (self->host.n_watches, ==, 2);
  cepa_direct_stop (self->direct, STOP);
  g_assert_null (fake_host_wait_for_task (&self->host, STOP));
  g_assert_cmpuint (self->host.n_watches, ==, 0);
  g_assert_cmpuint (self->results->len, ==, 0);
  fixture_connect (self, 4, &address, 1);
  fixture_check_fails (self, "it has not been started");
  close (deaf);
  close (filling[0]);
  close (filling[1]);
}

/* ---- through a proxy ---- */

/* A proxy that says what it is told to. */
typedef struct
{
  Fixture *fixture;
  int server, fd;
  CepaLoopWatch *source;
  GByteArray *heard;
  const char *answers; /* sent when as many bytes as @wants have come, in pieces of @step, then the end */
  gsize n_answers, wants, step;
  gboolean hangs_up;
  CepaAddress address;
} Proxy;

static void
proxy_answer (Proxy *self)
{
  gsize n = MIN (self->step, self->n_answers);

  g_assert_cmpint (send (self->fd, self->answers, n, MSG_NOSIGNAL), ==, n);
  self->answers += n;
  self->n_answers -= n;
  if (self->n_answers > 0)
    cepa_loop_set_delay (self->source, 0);
  else if (self->hangs_up)
    self->hangs_up = shutdown (self->fd, SHUT_WR) != 0;
}

static void
proxy_ready (gpointer user_data, GIOCondition revents)
{
  Proxy *self = user_data;
  guint8 data[2048];
  ssize_t n = revents != 0 ? recv (self->fd, data, sizeof data, 0) : 0;

  if (n > 0)
    g_byte_array_append (self->heard, data, (guint) n);
  if (n <= 0 && revents != 0)
    cepa_loop_set_condition (self->source, 0);
  else if (self->heard->len >= self->wants && (self->n_answers > 0 || self->hangs_up))
    proxy_answer (self);
}

static void
proxy_accept (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  Proxy *self = user_data;
  int one = 1;

  self->fd = server_accept (self->server);
  g_assert_cmpint (self->fd, >=, 0);
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  cepa_loop_clear (&self->source);
  self->source = cepa_loop_watch_fd (self->fixture->host.context, self->fd, "proxy", proxy_ready, self);
  cepa_loop_set_condition (self->source, G_IO_IN);
}

static void
proxy_init (Proxy *self, Fixture *fixture, const char *option)
{
  char text[CEPA_ADDRESS_TEXT_LEN];

  memset (self, 0, sizeof *self);
  self->fixture = fixture;
  self->fd = -1;
  self->server = server_listen (4, 4, &self->address);
  self->heard = g_byte_array_new ();
  self->step = G_MAXSIZE;
  self->source = cepa_loop_watch_fd (fixture->host.context, self->server, "proxy", proxy_accept, self);
  cepa_loop_set_condition (self->source, G_IO_IN);
  cepa_direct_address_format (&self->address, text);
  fake_host_set_option (&fixture->host, option, text, NULL);
}

static void
proxy_clear (Proxy *self)
{
  cepa_loop_clear (&self->source);
  if (self->fd >= 0)
    close (self->fd);
  close (self->server);
  g_byte_array_unref (self->heard);
}

static const CepaAddress relay_ipv4 = { .version = 4, .port = 0x2329, .bytes = { 192, 0, 2, 1 } };
static const CepaAddress relay_ipv6 = { .version = 6, .port = 443, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } };

/* What comes behind the proxy's answer, in the same packet or not, is there for who gets the socket. */
static void
test_proxy (Fixture *self, gconstpointer data)
{
  static const char answer[] = "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrelay";
  char rest[16];
  Result *result;
  Proxy proxy;

  proxy_init (&proxy, self, "https-proxy");
  proxy.answers = answer;
  proxy.n_answers = sizeof answer - 1;
  proxy.wants = 35;
  proxy.step = GPOINTER_TO_SIZE (data);
  fixture_start (self);
  g_assert_nonnull (strstr (self->host.log->str, "2 Relays are reached through a HTTPS proxy\n"));
  fixture_connect (self, 5, &relay_ipv4, 1);
  result = fixture_wait (self);
  g_assert_no_error (result->error);
  check_socket (result->fd, &proxy.address);
  g_assert_cmpmem (&result->address, sizeof relay_ipv4, &relay_ipv4, sizeof relay_ipv4);
  g_assert_cmpmem (proxy.heard->data, proxy.heard->len, "CONNECT 192.0.2.1:9001 HTTP/1.0\r\n\r\n", 35);
  while (proxy.n_answers > 0)
    fake_host_turn (&self->host);
  g_assert_cmpint (recv (result->fd, rest, sizeof rest, MSG_WAITALL), ==, 5);
  g_assert_cmpmem (rest, 5, "relay", 5);
  proxy_clear (&proxy);
}

/* One address after the other: the second is asked for when the proxy has refused the first. */
static void
test_proxy_addresses (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaAddress addresses[] = { relay_ipv4, relay_ipv6 };
  Proxy proxy;

  proxy_init (&proxy, self, "socks5-proxy");
  proxy.answers = "\5\0\5\4";
  proxy.n_answers = 4;
  proxy.wants = 3;
  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  while (proxy.n_answers > 0)
    fake_host_turn (&self->host);
  cepa_loop_clear (&proxy.source);
  proxy.source = cepa_loop_watch_fd (self->host.context, proxy.server, "proxy", proxy_accept, &proxy);
  cepa_loop_set_condition (proxy.source, G_IO_IN);
  proxy.answers = "\5\0\5\0\0\1aaaapp";
  proxy.n_answers = 12;
  close (proxy.fd);
  g_byte_array_set_size (proxy.heard, 0);
  g_assert_no_error (fixture_wait (self)->error);
  g_assert_cmpmem (&g_array_index (self->results, Result, 0).address, sizeof relay_ipv6, &relay_ipv6, sizeof relay_ipv6);
  proxy_clear (&proxy);
}

static void
test_proxy_login (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char said[] = "\5\2\0\2\1\4name\4word\5\1\0\1\xc0\0\2\1\x23\x29";
  Proxy proxy;

  proxy_init (&proxy, self, "socks5-proxy");
  fake_host_set_option (&self->host, "socks5-proxy-username", "name", NULL);
  fake_host_set_option (&self->host, "socks5-proxy-password", "word", NULL);
  proxy.answers = "\5\2\1\0\5\0\0\1aaaapp";
  proxy.n_answers = 14;
  proxy.step = 1;
  fixture_start (self);
  fixture_connect (self, 1, &relay_ipv4, 1);
  g_assert_no_error (fixture_wait (self)->error);
  while (proxy.heard->len < sizeof said - 1)
    fake_host_turn (&self->host);
  g_assert_cmpmem (proxy.heard->data, proxy.heard->len, said, sizeof said - 1);
  proxy_clear (&proxy);
}

/* What it answers before it hangs up, in three bytes at most. */
static void
test_proxy_hangs_up (Fixture *self, gconstpointer data)
{
  Proxy proxy;

  proxy_init (&proxy, self, "socks5-proxy");
  proxy.answers = "\5\0\5";
  proxy.n_answers = GPOINTER_TO_SIZE (data);
  proxy.hangs_up = TRUE;
  fixture_start (self);
  fixture_connect (self, 1, &relay_ipv4, 1);
  fixture_check_fails (self, "192.0.2.1:9001: the SOCKS5 proxy closed the connection before it had answered");
  proxy_clear (&proxy);
}

static void
test_proxy_refuses (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Proxy proxy;

  proxy_init (&proxy, self, "socks4-proxy");
  proxy.answers = "\0\x5b......";
  proxy.n_answers = 8;
  fixture_start (self);
  fixture_connect (self, 1, &relay_ipv4, 1);
  fixture_check_fails (self, "192.0.2.1:9001: the SOCKS4 proxy refused or could not connect");
  fixture_connect (self, 2, &relay_ipv6, 1);
  fixture_check_fails (self, "the relay has no address that may be used: SOCKS4 knows IPv4 only");
  proxy_clear (&proxy);
}

/* Nothing goes around it. */
static void
test_proxy_away (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaAddress address = server_nowhere (4), relay;
  int server = server_listen (4, 4, &relay);
  g_autofree char *wanted = NULL;
  char text[CEPA_ADDRESS_TEXT_LEN];

  cepa_direct_address_format (&address, text);
  fake_host_set_option (&self->host, "https-proxy", text, NULL);
  cepa_direct_address_format (&relay, text);
  wanted = g_strdup_printf ("%s: connecting to the HTTPS proxy: Connection refused", text);
  fixture_start (self);
  fixture_connect (self, 1, &relay, 1);
  fixture_check_fails (self, wanted);
  g_assert_cmpint (server_accept (server), ==, -1);
  close (server);
}

/* It accepts and says nothing: the attempt lasts until the core ends it, and no other address is asked for. */
static void
test_proxy_silent (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaAddress addresses[] = { relay_ipv4, relay_ipv6 };
  Proxy proxy;
  char byte;

  proxy_init (&proxy, self, "socks5-proxy");
  fixture_start (self);
  fixture_connect (self, 1, addresses, 2);
  while (proxy.heard->len < 3)
    fake_host_turn (&self->host);
  g_assert_cmpuint (self->results->len, ==, 0);
  g_assert_cmpuint (self->host.n_delays, ==, 0);
  cepa_direct_cancel (self->direct, 1);
  g_assert_cmpint (recv (proxy.fd, &byte, 1, 0), ==, 0);
  proxy_clear (&proxy);
}

/* ---- a proxy's name ---- */

#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

/* Knows "both" and "neither", fails for "unknown" and never answers for any other. */
struct _TestResolver
{
  GResolver parent;
  GTask *waiting;
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static void
test_resolver_lookup (GResolver *base, const char *name, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (base, cancellable, callback, user_data);

  if (g_str_equal (name, "both"))
    g_task_return_pointer (task,
                           g_list_append (g_list_append (NULL, g_inet_address_new_from_string ("::1")),
                                          g_inet_address_new_from_string ("127.0.0.1")),
                           (GDestroyNotify) g_resolver_free_addresses);
  else if (g_str_equal (name, "unknown"))
    g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "Name or service not known");
  else
    TEST_RESOLVER (base)->waiting = g_steal_pointer (&task);
}

static GList *
test_resolver_finish (G_GNUC_UNUSED GResolver *base, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *class)
{
  class->parent_class.lookup_by_name_async = test_resolver_lookup;
  class->parent_class.lookup_by_name_finish = test_resolver_finish;
}

static void
test_resolver_init (G_GNUC_UNUSED TestResolver *self)
{
}

static void
test_proxy_name (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = NULL;
  Proxy proxy;

  proxy_init (&proxy, self, "socks4-proxy");
  text = g_strdup_printf ("both:%u", proxy.address.port);
  fake_host_set_option (&self->host, "socks4-proxy", text, NULL);
  proxy.answers = "\0\x5a......";
  proxy.n_answers = 8;
  fixture_start (self);
  fixture_connect (self, 1, &relay_ipv4, 1);
  check_socket (fixture_wait (self)->fd, &proxy.address);
  proxy_clear (&proxy);
}

static void
test_proxy_unknown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fake_host_set_option (&self->host, "https-proxy", "unknown", NULL);
  cepa_direct_start (self->direct, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK);
  g_assert_cmpstr (error->message, ==,
                   "looking up the name of the HTTPS proxy: Name or service not known. An IP address needs no look-up");
}

/* Stopped, or gone, while the name is looked up. The answer comes later. */
static void
test_proxy_name_cancelled (Fixture *self, gconstpointer data)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  TestResolver *fake = TEST_RESOLVER (resolver);

  fake_host_set_option (&self->host, "https-proxy", "silent:8080", NULL);
  cepa_direct_start (self->direct, START);
  if (data != NULL)
    {
      cepa_direct_stop (self->direct, STOP);
      g_assert_null (fake_host_wait_for_task (&self->host, STOP));
    }
  g_clear_pointer (&self->direct, cepa_direct_free);
  g_task_return_pointer (fake->waiting, NULL, NULL);
  g_clear_object (&fake->waiting);
  while (g_main_context_iteration (self->host.context, FALSE))
    continue;
  g_assert_cmpuint (self->host.tasks->len, ==, data != NULL ? 1 : 0);
}

/* ---- options ---- */

typedef struct
{
  const char *names[3], *values[3];
  const char *error;
} BadOptions;

static const BadOptions bad_options[] = {
  { { "socks4-proxy", "https-proxy" }, { "127.0.0.1", "127.0.0.1" },
    "socks4-proxy and https-proxy are both set: at most one proxy can be used" },
  { { "socks5-proxy" }, { "127.0.0.1:0" }, "socks5-proxy is not HOST or HOST:PORT, with an IPv6 address in brackets" },
  { { "socks5-proxy-username" }, { "name" },
    "of socks5-proxy-username and socks5-proxy-password both must be set, or none" },
  { { "socks5-proxy-password" }, { "word" },
    "of socks5-proxy-username and socks5-proxy-password both must be set, or none" },
  { { "socks5-proxy-username", "socks5-proxy-password" }, { "", "word" },
    "socks5-proxy-username has 0 bytes; 1 to 255 are possible" },
  { { "client-use-ipv4", "client-use-ipv6" }, { "0", "0" },
    "client-use-ipv4 and client-use-ipv6 are both 0: no relay could be reached" },
  { { "outbound-bind-address" }, { "eth0" }, "outbound-bind-address: \"eth0\" is not an IP address" },
};

static void
test_bad_options (Fixture *self, gconstpointer data)
{
  const BadOptions *options = data;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; options->names[i] != NULL; i++)
    fake_host_set_option (&self->host, options->names[i], options->values[i], NULL);
  cepa_direct_start (self->direct, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, options->error);
}

static void
test_long_options (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *word = g_strnfill (256, 'w'), *both = g_strnfill (512, 'b');
  g_autoptr (GError) error = NULL, other = NULL;

  fake_host_set_option (&self->host, "https-proxy-authenticator", both, NULL);
  cepa_direct_start (self->direct, START);
  error = fake_host_wait_for_task (&self->host, START);
  g_assert_cmpstr (error->message, ==, "https-proxy-authenticator has more than 511 bytes");
  fake_host_set_option (&self->host, "socks5-proxy-username", "name", NULL);
  fake_host_set_option (&self->host, "socks5-proxy-password", word, NULL);
  cepa_direct_start (self->direct, START + 2);
  other = fake_host_wait_for_task (&self->host, START + 2);
  g_assert_cmpstr (other->message, ==, "socks5-proxy-password has 256 bytes; 1 to 255 are possible");
}

static void
test_bind (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaAddress local_ipv4 = { .version = 4, .bytes = { 127, 0, 0, 9 } };
  const CepaAddress local_ipv6 = { .version = 6, .bytes = { [15] = 1 } };
  g_autoptr (GError) error = NULL;
  CepaDirectConfig config;

  fake_host_set_option (&self->host, "outbound-bind-address", "192.0.2.9", "[2001:db8::9]", NULL);
  g_assert_true (cepa_direct_config_read (&config, &self->host.base, &error));
  g_assert_cmpuint (cepa_direct_config_get_bind (&config, &relay_ipv4)->bytes[3], ==, 9);
  g_assert_cmpuint (cepa_direct_config_get_bind (&config, &relay_ipv6)->bytes[15], ==, 9);
  g_assert_null (cepa_direct_config_get_bind (&config, &local_ipv4));
  g_assert_null (cepa_direct_config_get_bind (&config, &local_ipv6));
  cepa_direct_config_clear (&config);
  fake_host_set_option (&self->host, "outbound-bind-address", "192.0.2.9", "192.0.2.10", NULL);
  g_assert_false (cepa_direct_config_read (&config, &self->host.base, &error));
  g_assert_cmpstr (error->message, ==, "outbound-bind-address is there twice for IPv4");
  cepa_direct_config_clear (&config);
}

/* An address that is not of this computer is a failure, not a connection from another one. */
static void
test_bind_elsewhere (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_set_option (&self->host, "outbound-bind-address", "192.0.2.9", NULL);
  fixture_start (self);
  fixture_connect (self, 1, &relay_ipv4, 1);
  fixture_check_fails (self, "192.0.2.1:9001: Cannot assign requested address");
}

static void
test_endpoints (void)
{
  static const struct
  {
    const char *text, *host;
    guint port;
  } good[] = {
    { "127.0.0.1", "127.0.0.1", 1080 }, { "127.0.0.1:9", "127.0.0.1", 9 }, { "[::1]", "::1", 1080 },
    { "[::1]:65535", "::1", 65535 },    { "::1", "::1", 1080 },            { "proxy", "proxy", 1080 },
    { "proxy.example:443", "proxy.example", 443 },
  };
  static const char *const bad[] = { "", ":", ":80", "a:", "a:0", "a:65536", "a:+1", "a:1x", "[::1", "[::1]x", "[::1]:",
                                     "[a]:1", "[127.0.0.1]:1", "::g", "a:b:1", "[]", "[]:1" };
  guint16 port;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *host = cepa_direct_endpoint_split (good[i].text, 1080, &port);

      g_assert_cmpstr (host, ==, good[i].host);
      g_assert_cmpuint (port, ==, good[i].port);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (cepa_direct_endpoint_split (bad[i], 1080, &port));
}

#define ADD_DATA(path, data, func) \
  g_test_add ("/direct/" path, Fixture, (gconstpointer) (gsize) (data), fixture_set_up, func, fixture_tear_down)
#define ADD(path, func) ADD_DATA (path, 0, func)

static void
add_options (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_options); i++)
    {
      g_autofree char *path = g_strdup_printf ("/direct/options/%u", i);

      g_test_add (path, Fixture, &bad_options[i], fixture_set_up, test_bad_options, fixture_tear_down);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GResolver) resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);

  g_test_init (&argc, &argv, NULL);
  g_resolver_set_default (resolver);
  ADD_DATA ("ipv4", 4, test_one_address);
  ADD_DATA ("ipv6", 6, test_one_address);
  ADD_DATA ("first-wins/ipv4", 4, test_first_wins);
  ADD_DATA ("first-wins/ipv6", 6, test_first_wins);
  ADD_DATA ("first-refuses/ipv4", 4, test_first_refuses);
  ADD_DATA ("first-refuses/ipv6", 6, test_first_refuses);
  ADD_DATA ("first-is-deaf/ipv4", 4, test_first_is_deaf);
  ADD_DATA ("first-is-deaf/ipv6", 6, test_first_is_deaf);
  ADD ("in-turn", test_in_turn);
  ADD ("families", test_families);
  ADD ("cancel", test_cancel);
  ADD ("stop", test_stop);
  ADD_DATA ("proxy/whole", G_MAXSIZE, test_proxy);
  ADD_DATA ("proxy/bytes", 1, test_proxy);
  ADD_DATA ("proxy/pieces", 7, test_proxy);
  ADD ("proxy/addresses", test_proxy_addresses);
  ADD ("proxy/login", test_proxy_login);
  ADD_DATA ("proxy/hangs-up/0", 0, test_proxy_hangs_up);
  ADD_DATA ("proxy/hangs-up/1", 1, test_proxy_hangs_up);
  ADD_DATA ("proxy/hangs-up/3", 3, test_proxy_hangs_up);
  ADD ("proxy/refuses", test_proxy_refuses);
  ADD ("proxy/away", test_proxy_away);
  ADD ("proxy/silent", test_proxy_silent);
  ADD ("proxy/name", test_proxy_name);
  ADD ("proxy/name-unknown", test_proxy_unknown);
  ADD_DATA ("proxy/name-stopped", 1, test_proxy_name_cancelled);
  ADD_DATA ("proxy/name-freed", 0, test_proxy_name_cancelled);
  add_options ();
  ADD ("options/long", test_long_options);
  ADD ("options/bind", test_bind);
  ADD ("options/bind-elsewhere", test_bind_elsewhere);
  g_test_add_func ("/direct/options/endpoints", test_endpoints);
  return g_test_run ();
}
