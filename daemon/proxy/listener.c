/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"

#define LISTENER_BACKLOG 256
/* Connections taken in one turn of the loop. */
#define LISTENER_TURN 64
/* How long to wait when the process has no descriptor left. */
#define LISTENER_PAUSE_US G_USEC_PER_SEC

typedef union
{
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} ListenerAddress;

struct _CepaListener
{
  int fd;
  CepaLoopWatch *source;
  char *address;
  CepaListenerFunc func;
  gpointer user_data;
};

static gboolean
listener_parse_address (const char *text, guint16 port, ListenerAddress *out, socklen_t *len)
{
  memset (out, 0, sizeof *out);
  if (inet_pton (AF_INET, text, &out->v4.sin_addr) == 1)
    {
      out->v4.sin_family = AF_INET;
      out->v4.sin_port = htons (port);
      *len = sizeof out->v4;
      return TRUE;
    }
  if (inet_pton (AF_INET6, text, &out->v6.sin6_addr) != 1)
    return FALSE;
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons (port);
  *len = sizeof out->v6;
  return TRUE;
}

static char *
listener_format_host (const ListenerAddress *address)
{
  char text[INET6_ADDRSTRLEN] = "";

  if (address->any.sa_family == AF_INET)
    inet_ntop (AF_INET, &address->v4.sin_addr, text, sizeof text);
  else
    inet_ntop (AF_INET6, &address->v6.sin6_addr, text, sizeof text);
  return g_strdup (text);
}

static char *
listener_format (const ListenerAddress *address)
{
  g_autofree char *host = listener_format_host (address);

  if (address->any.sa_family == AF_INET)
    return g_strdup_printf ("%s:%u", host, ntohs (address->v4.sin_port));
  return g_strdup_printf ("[%s]:%u", host, ntohs (address->v6.sin6_port));
}

static guint16
listener_get_port (const ListenerAddress *address)
{
  return ntohs (address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

static void
listener_ready (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaListener *self = user_data;

  cepa_loop_set_condition (self->source, G_IO_IN);
  for (guint i = 0; i < LISTENER_TURN; i++)
    {
      ListenerAddress peer;
      socklen_t len = sizeof peer;
      int fd = accept4 (self->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
      g_autofree char *host = NULL;

      if (fd < 0)
        {
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            {
              cepa_log (CEPA_LOG_NET, CEPA_LOG_WARN, "cannot take a connection on %s: %s", self->address,
                        g_strerror (errno));
              cepa_loop_set_condition (self->source, 0);
              cepa_loop_set_delay (self->source, LISTENER_PAUSE_US);
            }
          return;
        }
      host = listener_format_host (&peer);
      self->func (self->user_data, fd, host, listener_get_port (&peer));
    }
}

/* (transfer full): a bound and listening socket; -1 with errno. */
static int
listener_open (const ListenerAddress *address, socklen_t len)
{
  int fd = socket (address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1, code;

  if (fd < 0)
    return -1;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (address->any.sa_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (bind (fd, &address->any, len) == 0 && listen (fd, LISTENER_BACKLOG) == 0)
    return fd;
  code = errno;
  close (fd);
  errno = code;
  return -1;
}

CepaListener *
cepa_listener_new (GMainContext *context, const char *option, const char *address, guint16 port,
                   CepaListenerFunc func, gpointer user_data, GError **error)
{
  ListenerAddress where;
  socklen_t len = 0;
  CepaListener *self;
  int fd;

  if (!listener_parse_address (address, port, &where, &len))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s: %s is not an address", option, address);
      return NULL;
    }
  fd = listener_open (&where, len);
  if (fd < 0)
    {
      g_autofree char *text = listener_format (&where);

      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "cannot listen on %s, which %s asks for: %s%s", text, option,
                   g_strerror (errno), errno == EADDRINUSE ? ". Is another Tor client running? Choose another port." : "");
      return NULL;
    }
  getsockname (fd, &where.any, &len);
  self = g_new0 (CepaListener, 1);
  self->fd = fd;
  self->address = listener_format (&where);
  self->func = func;
  self->user_data = user_data;
  self->source = cepa_loop_watch_fd (context, fd, "listener", listener_ready, self);
  cepa_loop_set_condition (self->source, G_IO_IN);
  return self;
}

void
cepa_listener_free (CepaListener *self)
{
  if (self == NULL)
    return;
  cepa_loop_clear (&self->source);
  close (self->fd);
  g_free (self->address);
  g_free (self);
}

const char *
cepa_listener_get_address (const CepaListener *self)
{
  return self->address;
}
