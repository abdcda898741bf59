/* SPDX-License-Identifier: BSD-3-Clause */
/* The proxy's port, and its streams for who watches and controls. */
#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "proxy/proxy.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

#define REQUEST "\5\1\0\5\1\0\3\6a.test\0\120"

typedef struct
{
  FakeNetwork network; /* first */
  CepaProxy *proxy;
  GSocketAddress *address;
  guint64 number; /* of the last stream that was listed */
  char *source;   /* (nullable): of it */
  guint n_listed;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaProxyConfig config = CEPA_PROXY_CONFIG_INIT;
  g_autoptr (GError) error = NULL;
  const char *where;

  memset (self, 0, sizeof *self);
  fake_network_init (&self->network);
  self->network.events.shown = CEPA_EVENT_STREAM;
  self->proxy = cepa_proxy_new (self->network.context, fake_server_clock (), self->network.circuits, &config,
                                &self->network.events.sink);
  g_assert_true (cepa_proxy_listen (self->proxy, "SocksPort", "127.0.0.1", 0, FALSE, &error));
  where = cepa_proxy_get_address (self->proxy, 0);
  self->address = g_inet_socket_address_new_from_string (
      "127.0.0.1", (guint) g_ascii_strtoull (strchr (where, ':') + 1, NULL, 10));
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_proxy_free (self->proxy);
  g_clear_object (&self->address);
  g_free (self->source);
  fake_network_clear (&self->network);
}

static GSocket *
fixture_connect (Fixture *self)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);

  g_assert_true (g_socket_connect (socket, self->address, NULL, NULL));
  g_socket_set_blocking (socket, FALSE);
  return socket;
}

static void
fixture_listed (gpointer user_data, CepaApplication *application)
{
  Fixture *self = user_data;

  self->n_listed++;
  self->number = cepa_application_get_number (application);
  g_free (self->source);
  self->source = g_strdup (cepa_application_get_source (application));
}

static guint
fixture_list (Fixture *self)
{
  self->n_listed = 0;
  cepa_proxy_foreach (self->proxy, fixture_listed, self);
  return self->n_listed;
}

static void
test_lists (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GSocket) silent = fixture_connect (self);
  g_autoptr (GSocket) socket = fixture_connect (self);
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
  g_autofree char *source = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (local));

  g_assert_cmpuint (fixture_list (self), ==, 0);
  g_socket_send (socket, REQUEST, sizeof REQUEST - 1, NULL, NULL);
  while (fixture_list (self) == 0)
    fake_network_turn (&self->network);
  g_assert_cmpuint (self->n_listed, ==, 1); /* the silent one has asked for no stream */
  g_assert_cmpstr (self->source, ==, source);
  g_socket_close (socket, NULL);
  while (fixture_list (self) > 0)
    fake_network_turn (&self->network);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream"), >=, 2);
  g_assert_true (g_socket_is_connected (silent));
}

static void
test_close_stream (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GSocket) socket = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  char bytes[64];
  gssize n = -1;

  g_assert_false (cepa_proxy_close_stream (self->proxy, 1, CEPA_END_CONNECTREFUSED, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND);
  g_socket_send (socket, REQUEST, sizeof REQUEST - 1, NULL, NULL);
  while (fixture_list (self) == 0)
    fake_network_turn (&self->network);
  g_assert_true (cepa_proxy_close_stream (self->proxy, self->number, CEPA_END_CONNECTREFUSED, NULL));
  g_assert_cmpuint (fixture_list (self), ==, 0);
  g_assert_false (cepa_proxy_close_stream (self->proxy, self->number, CEPA_END_CONNECTREFUSED, NULL));
  while ((n = g_socket_receive (socket, bytes, sizeof bytes, NULL, NULL)) < 0)
    fake_network_turn (&self->network);
  g_assert_cmpint (n, ==, 12);
  g_assert_cmpmem (bytes, 4, "\5\0\5\5", 4);
}

/* What is open when the proxy ends is told. */
static void
test_shutdown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GSocket) socket = fixture_connect (self);

  g_socket_send (socket, REQUEST, sizeof REQUEST - 1, NULL, NULL);
  while (fixture_list (self) == 0)
    fake_network_turn (&self->network);
  g_clear_pointer (&self->proxy, cepa_proxy_free);
  g_assert_cmpuint (event_log_count (&self->network.events, "stream 1 failed")
                        + event_log_count (&self->network.events, "stream 1 ended"), ==, 1);
}

#define ADD(path, func) g_test_add ("/proxy/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("lists", test_lists);
  ADD ("close-stream", test_close_stream);
  ADD ("shutdown", test_shutdown);
  return g_test_run ();
}
