/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <cepa/loop.h>

#include "address.h"

/* Looked at in one turn of a proxy's answer. */
#define CONNECTOR_TURN_SIZE 1024

struct _CepaDirectConnector
{
  const CepaHost *host;
  const CepaDirectConfig *config;
  CepaAddress relay;
  CepaDirectConnectorFunc func;
  gpointer user_data;
  int fd;
  uint64_t watch;
  gboolean is_connected;
  CepaUpstreamTalk talk; /* once connected to a proxy */
};

static void
connector_set_errno (const CepaDirectConnector *self, const char *doing, int code, GError **error)
{
  const CepaUpstreamProtocol *protocol = self->config->protocol;

  if (protocol != NULL)
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "%s the %s proxy: %s", doing, protocol->name,
                 g_strerror (code));
  else
    g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, g_strerror (code));
}

static void
connector_fail (CepaDirectConnector *self, GError *error)
{
  cepa_host_watch_free (self->host, self->watch);
  self->watch = 0;
  self->func (self->user_data, self, -1, error);
}

static void
connector_fail_errno (CepaDirectConnector *self, const char *doing, int code)
{
  GError *error = NULL;

  connector_set_errno (self, doing, code, &error);
  connector_fail (self, error);
}

static void
connector_succeed (CepaDirectConnector *self)
{
  int fd = self->fd;

  cepa_host_watch_free (self->host, self->watch);
  self->watch = 0;
  self->fd = -1;
  self->func (self->user_data, self, fd, NULL);
}

/* FALSE when it has ended. */
static gboolean
connector_send (CepaDirectConnector *self)
{
  ssize_t n = send (self->fd, self->talk.out, self->talk.out_len, MSG_NOSIGNAL);

  if (n >= 0)
    cepa_upstream_talk_sent (&self->talk, (gsize) n);
  else if (errno != EAGAIN && errno != EINTR)
    {
      connector_fail_errno (self, "sending to", errno);
      return FALSE;
    }
  return TRUE;
}

/* Looks at what has come, and takes of it what is the proxy's. FALSE when it has ended. */
static gboolean
connector_receive (CepaDirectConnector *self)
{
  guint8 data[CONNECTOR_TURN_SIZE];
  ssize_t n = recv (self->fd, data, sizeof data, MSG_PEEK);
  CepaUpstreamStatus status;
  GError *error = NULL;
  gsize used;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  if (n < 0)
    {
      connector_fail_errno (self, "waiting for the answer of", errno);
      return FALSE;
    }
  if (n == 0)
    {
      cepa_upstream_talk_fail (&self->talk, &error, "closed the connection before it had answered");
      connector_fail (self, error);
      return FALSE;
    }
  status = cepa_upstream_talk_feed (&self->talk, data, (gsize) n, &used, &error);
  if (recv (self->fd, data, used, 0) != (ssize_t) used && status != CEPA_UPSTREAM_FAILED)
    {
      connector_fail_errno (self, "taking the answer of", errno);
      return FALSE;
    }
  if (status == CEPA_UPSTREAM_FAILED)
    connector_fail (self, error);
  else if (status == CEPA_UPSTREAM_DONE)
    connector_succeed (self);
  return status == CEPA_UPSTREAM_MORE;
}

static void
connector_talk (CepaDirectConnector *self)
{
  if (self->talk.out_len > 0 && !connector_send (self))
    return;
  if (self->talk.out_len == 0 && !connector_receive (self))
    return;
  cepa_host_watch_set (self->host, self->watch, self->talk.out_len > 0 ? CEPA_WATCH_WRITE : CEPA_WATCH_READ);
}

static void
connector_ready (void *user_data, int fd, G_GNUC_UNUSED uint32_t events)
{
  CepaDirectConnector *self = user_data;
  int code = 0;
  socklen_t len = sizeof code;

  if (self->is_connected)
    {
      connector_talk (self);
      return;
    }
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
    code = errno;
  if (code != 0)
    {
      connector_fail_errno (self, "connecting to", code);
      return;
    }
  self->is_connected = TRUE;
  if (self->config->protocol == NULL)
    {
      connector_succeed (self);
      return;
    }
  cepa_upstream_talk_init (&self->talk, self->config->protocol, &self->config->login, &self->relay);
  connector_talk (self);
}

/* FALSE with errno. */
static gboolean
connector_open (CepaDirectConnector *self, const CepaAddress *peer)
{
  const CepaAddress *own = cepa_direct_config_get_bind (self->config, peer);
  struct sockaddr_storage address;
  socklen_t len;
  int one = 1;

  self->fd = socket (peer->version == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (self->fd < 0)
    return FALSE;
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (own != NULL)
    {
      /* The port is chosen when it is known to where, so that many connections may have the same one. */
      setsockopt (self->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
      len = cepa_direct_address_to_native (own, &address);
      if (bind (self->fd, (struct sockaddr *) &address, len) != 0)
        return FALSE;
    }
  len = cepa_direct_address_to_native (peer, &address);
  return connect (self->fd, (struct sockaddr *) &address, len) == 0 || errno == EINPROGRESS;
}

CepaDirectConnector *
cepa_direct_connector_new (const CepaHost *host, const CepaDirectConfig *config, const CepaAddress *relay,
                           CepaDirectConnectorFunc func, gpointer user_data, GError **error)
{
  CepaDirectConnector *self = g_new0 (CepaDirectConnector, 1);

  self->host = host;
  self->config = config;
  self->relay = *relay;
  self->func = func;
  self->user_data = user_data;
  if (!connector_open (self, config->protocol != NULL ? &config->proxy : relay))
    {
      connector_set_errno (self, "connecting to", errno, error);
      cepa_direct_connector_free (self);
      return NULL;
    }
  self->watch = cepa_host_watch_new (host, self->fd, CEPA_WATCH_WRITE, connector_ready, self);
  if (self->watch == 0)
    {
      g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "the host watches no descriptors");
      cepa_direct_connector_free (self);
      return NULL;
    }
  return self;
}

void
cepa_direct_connector_free (CepaDirectConnector *self)
{
  if (self == NULL)
    return;
  cepa_host_watch_free (self->host, self->watch);
  if (self->fd >= 0)
    close (self->fd);
  cepa_upstream_talk_clear (&self->talk);
  g_free (self);
}

const CepaAddress *
cepa_direct_connector_get_relay (const CepaDirectConnector *self)
{
  return &self->relay;
}
