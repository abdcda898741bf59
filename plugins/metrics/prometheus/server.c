/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"

#include <cepa/loop.h>
#include <cepa/metrics.h>
#include <cepa/services.h>
#include <string.h>

#include "exposition.h"
#include "request.h"

#define SERVER_DEFAULT_ADDRESS "127.0.0.1"
#define SERVER_MAX_PORTS 64
#define SERVER_BACKLOG 16
/* After a connection that could not be taken, for want of descriptors. */
#define SERVER_PAUSE_US G_USEC_PER_SEC

typedef struct
{
  CepaPrometheusServer *server;
  GSocket *socket;
  uint64_t watch;
  char *address; /* "127.0.0.1:9035" */
} ServerPort;

/* A connection: reads a request, writes the answer, and waits for the other side to end. */
typedef struct
{
  CepaPrometheusServer *server;
  GSocket *socket;
  uint64_t watch, timer;
  gsize len;               /* of @request */
  GString *answer;         /* (nullable): once the request is there */
  gsize sent;
  gboolean is_answered;
  char request[CEPA_PROMETHEUS_MAX_REQUEST];
} ServerClient;

struct _CepaPrometheusServer
{
  const CepaHost *host;
  CepaPrometheusPolicy *policy;
  GPtrArray *ports;   /* (element-type ServerPort) */
  GPtrArray *clients; /* (element-type ServerClient) */
  uint64_t pause;     /* of the ports, until connections may be taken again */
};

static void
server_port_free (gpointer data)
{
  ServerPort *port = data;

  cepa_host_watch_free (port->server->host, port->watch);
  g_clear_object (&port->socket);
  g_free (port->address);
  g_free (port);
}

static void
server_client_free (gpointer data)
{
  ServerClient *client = data;

  cepa_host_watch_free (client->server->host, client->watch);
  cepa_host_timer_free (client->server->host, client->timer);
  g_clear_object (&client->socket);
  if (client->answer != NULL)
    g_string_free (client->answer, TRUE);
  g_free (client);
}

static void
server_set_ports (CepaPrometheusServer *self, guint32 events)
{
  for (guint i = 0; i < self->ports->len; i++)
    cepa_host_watch_set (self->host, ((ServerPort *) g_ptr_array_index (self->ports, i))->watch, events);
}

/* Takes new connections, or lets them wait in the kernel while there are enough. */
static void
server_update_ports (void *user_data)
{
  CepaPrometheusServer *self = user_data;

  server_set_ports (self, self->clients->len < CEPA_PROMETHEUS_MAX_CLIENTS ? CEPA_WATCH_READ : 0);
}

CepaPrometheusServer *
cepa_prometheus_server_new (const CepaHost *host, CepaPrometheusPolicy *policy)
{
  CepaPrometheusServer *self = g_new0 (CepaPrometheusServer, 1);

  self->host = host;
  self->policy = policy;
  self->ports = g_ptr_array_new_with_free_func (server_port_free);
  self->clients = g_ptr_array_new_with_free_func (server_client_free);
  self->pause = cepa_host_timer_new (host, server_update_ports, self);
  return self;
}

void
cepa_prometheus_server_free (CepaPrometheusServer *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->clients);
  g_ptr_array_unref (self->ports);
  cepa_host_timer_free (self->host, self->pause);
  cepa_prometheus_policy_free (self->policy);
  g_free (self);
}

/* ---- connections ---- */

static void
server_client_end (ServerClient *client)
{
  CepaPrometheusServer *self = client->server;

  g_ptr_array_remove_fast (self->clients, client);
  server_update_ports (self);
}

static void
server_client_too_late (void *user_data)
{
  server_client_end (user_data);
}

static void
server_client_answer (ServerClient *client, CepaPrometheusStatus status, gboolean is_head)
{
  CepaPrometheusText body;
  gboolean is_ok = status == CEPA_PROMETHEUS_OK;

  cepa_prometheus_text_init (&body);
  if (is_ok)
    cepa_metrics_collect (client->server->host, cepa_prometheus_text_add, &body);
  else
    g_string_append_printf (body.text, "%s\n", cepa_prometheus_status_name (status));
  client->answer = g_string_new (NULL);
  g_string_append_printf (client->answer,
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n%s"
                          "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                          (int) status, cepa_prometheus_status_name (status),
                          is_ok ? CEPA_PROMETHEUS_CONTENT_TYPE : "text/plain; charset=utf-8", body.text->len,
                          status == CEPA_PROMETHEUS_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
  if (!is_head)
    g_string_append_len (client->answer, body.text->str, (gssize) body.text->len);
  cepa_prometheus_text_clear (&body);
}

/* FALSE when the connection is gone. */
static gboolean
server_client_write (ServerClient *client)
{
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_send_with_blocking (client->socket, client->answer->str + client->sent,
                                          client->answer->len - client->sent, FALSE, NULL, &error);

  if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  client->sent += (gsize) MAX (n, 0);
  if (client->sent < client->answer->len)
    {
      cepa_host_watch_set (client->server->host, client->watch, CEPA_WATCH_WRITE);
      return TRUE;
    }
  /* Closed now, with something unread, the kernel would tear the answer down: the other side closes first. */
  client->is_answered = TRUE;
  cepa_host_watch_set (client->server->host, client->watch, CEPA_WATCH_READ);
  return g_socket_shutdown (client->socket, FALSE, TRUE, NULL);
}

/* FALSE when the connection is gone. */
static gboolean
server_client_read (ServerClient *client)
{
  g_autoptr (GError) error = NULL;
  CepaPrometheusStatus status;
  char dropped[1024];
  gboolean is_head;
  gssize n = client->is_answered
                 ? g_socket_receive_with_blocking (client->socket, dropped, sizeof dropped, FALSE, NULL, &error)
                 : g_socket_receive_with_blocking (client->socket, client->request + client->len,
                                                   sizeof client->request - client->len, FALSE, NULL, &error);

  if (n <= 0)
    return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  if (client->is_answered)
    return TRUE;
  client->len += (gsize) n;
  status = cepa_prometheus_parse_request (client->request, client->len, &is_head);
  if (status == CEPA_PROMETHEUS_WAIT)
    return TRUE;
  server_client_answer (client, status, is_head);
  return server_client_write (client);
}

static void
server_client_ready (void *user_data, G_GNUC_UNUSED int fd, G_GNUC_UNUSED uint32_t events)
{
  ServerClient *client = user_data;
  gboolean is_writing = client->answer != NULL && !client->is_answered;

  if (!(is_writing ? server_client_write (client) : server_client_read (client)))
    server_client_end (client);
}

static void
server_add_client (CepaPrometheusServer *self, GSocket *socket)
{
  ServerClient *client = g_new0 (ServerClient, 1);

  client->server = self;
  client->socket = socket;
  g_socket_set_blocking (socket, FALSE);
  client->watch
      = cepa_host_watch_new (self->host, g_socket_get_fd (socket), CEPA_WATCH_READ, server_client_ready, client);
  client->timer = cepa_host_timer_new (self->host, server_client_too_late, client);
  cepa_host_timer_set (self->host, client->timer, CEPA_PROMETHEUS_CLIENT_US);
  g_ptr_array_add (self->clients, client);
  server_update_ports (self);
}

static gboolean
server_accepts (CepaPrometheusServer *self, GSocket *socket)
{
  g_autoptr (GSocketAddress) from = g_socket_get_remote_address (socket, NULL);

  return G_IS_INET_SOCKET_ADDRESS (from)
         && cepa_prometheus_policy_accepts (self->policy,
                                            g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (from)));
}

static void
server_port_ready (void *user_data, G_GNUC_UNUSED int fd, G_GNUC_UNUSED uint32_t events)
{
  ServerPort *port = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_accept (port->socket, NULL, &error);

  if (socket == NULL)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          server_set_ports (port->server, 0);
          cepa_host_timer_set (port->server->host, port->server->pause, SERVER_PAUSE_US);
        }
      return;
    }
  if (server_accepts (port->server, socket))
    server_add_client (port->server, g_steal_pointer (&socket));
  else
    cepa_host_log (port->server->host, CEPA_HOST_LOG_INFO, "a connection was refused, as MetricsPortPolicy says");
}

/* ---- ports ---- */

/* (transfer full) (nullable): of "PORT", "ADDRESS:PORT", "[ADDRESS]:PORT". */
static GSocketAddress *
server_parse_port (const char *text)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (SERVER_DEFAULT_ADDRESS);
  const char *digits = colon != NULL ? colon + 1 : text;
  g_autoptr (GInetAddress) address = NULL;
  gsize len = strlen (host);
  guint64 port = 0;

  if (host[0] == '[' && host[len - 1] == ']')
    {
      memmove (host, host + 1, len - 2);
      host[len - 2] = '\0';
    }
  else if (strchr (host, ':') != NULL)
    return NULL;
  address = g_inet_address_new_from_string (host);
  if (address == NULL
      || (strcmp (digits, "auto") != 0 && !g_ascii_string_to_unsigned (digits, 10, 1, G_MAXUINT16, &port, NULL)))
    return NULL;
  return g_inet_socket_address_new (address, (guint16) port);
}

/* (transfer full) (nullable): a listening socket. */
static GSocket *
server_open (GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) socket
      = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  g_socket_set_listen_backlog (socket, SERVER_BACKLOG);
  if (!g_socket_bind (socket, address, TRUE, error) || !g_socket_listen (socket, error))
    return NULL;
  return g_steal_pointer (&socket);
}

static void
server_add_port (CepaPrometheusServer *self, GSocket *socket)
{
  g_autoptr (GSocketAddress) bound = g_socket_get_local_address (socket, NULL);
  g_autofree char *line = NULL;
  ServerPort *port = g_new0 (ServerPort, 1);

  port->server = self;
  port->socket = socket;
  port->address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (bound));
  port->watch = cepa_host_watch_new (self->host, g_socket_get_fd (socket), CEPA_WATCH_READ, server_port_ready, port);
  g_ptr_array_add (self->ports, port);
  line = g_strdup_printf ("Opened Metrics listener connection (ready) on %s", port->address);
  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, line);
}

gboolean
cepa_prometheus_server_listen (CepaPrometheusServer *self, const char *port, GError **error)
{
  gsize len = strcspn (port, " \t");
  g_autofree char *where = g_strndup (port, len);
  g_autofree char *format = g_strstrip (g_strdup (port + len));
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) reason = NULL;
  GSocket *socket;

  if (strcmp (port, "0") == 0)
    return TRUE;
  address = server_parse_port (where);
  if (address == NULL || (*format != '\0' && strcmp (format, "prometheus") != 0)
      || self->ports->len >= SERVER_MAX_PORTS)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                   "the port \"%.100s\" is not PORT or ADDRESS:PORT, as in 127.0.0.1:9035", port);
      return FALSE;
    }
  socket = server_open (address, &reason);
  if (socket == NULL)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "cannot listen on the port %s: %s", where,
                   reason->message);
      return FALSE;
    }
  server_add_port (self, socket);
  return TRUE;
}

char *
cepa_prometheus_server_list_addresses (const CepaPrometheusServer *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->ports->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "\n" : "",
                            ((ServerPort *) g_ptr_array_index (self->ports, i))->address);
  return g_string_free (text, FALSE);
}
