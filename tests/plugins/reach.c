/* SPDX-License-Identifier: BSD-3-Clause */
/* A transport plugin for tests: what it does with an attempt is said by the port that it is to connect to. */
#include <cepa/cepa.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef REACH_ID
#define REACH_ID "transport.reach"
#endif

/* As the test has them. */
enum
{
  REACH_AT_ONCE = 1,
  REACH_LATER,
  REACH_NEVER,
  REACH_FAILS,
  REACH_FAILS_SILENTLY,
  REACH_TWICE,
  REACH_NOT_ASKED,
  REACH_AFTER_CANCEL,
  REACH_PIPE,
  REACH_UNCONNECTED,
  REACH_BLOCKING,
  REACH_DATAGRAM,
  REACH_CLOSED,
  REACH_ELSEWHERE,
  REACH_IPV6,
  REACH_PROGRESS,
  REACH_GIVES_UP,
};

typedef struct
{
  const CepaHost *host;
  uint64_t timer, later; /* one attempt is enough */
  uint16_t port;
} Reach;

static void *
reach_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Reach *self = g_new0 (Reach, 1);

  self->host = host;
  return self;
}

static void
reach_destroy (void *self)
{
  g_free (self);
}

static int
reach_pair (int type)
{
  int fds[2];

  if (socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return -1;
  close (fds[1]);
  return fds[0];
}

static int
reach_make (uint16_t port)
{
  int fds[2];

  switch (port)
    {
    case REACH_PIPE:
      if (pipe (fds) != 0)
        return -1;
      close (fds[1]);
      return fds[0];
    case REACH_UNCONNECTED:
      return socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    case REACH_BLOCKING:
      return reach_pair (SOCK_STREAM);
    case REACH_DATAGRAM:
      return reach_pair (SOCK_DGRAM | SOCK_NONBLOCK);
    case REACH_CLOSED:
      return 999;
    default:
      return reach_pair (SOCK_STREAM | SOCK_NONBLOCK);
    }
}

static void
reach_succeed (Reach *self, uint64_t attempt, const CepaAddress *address)
{
  cepa_transport_connected (self->host, attempt, reach_make (self->port), address, NULL);
}

static void
reach_timer (void *data)
{
  Reach *self = data;

  cepa_host_timer_free (self->host, self->timer);
  self->timer = 0;
  reach_succeed (self, self->later, NULL);
}

static void
reach_fail (Reach *self, uint64_t attempt)
{
  GError *error = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_TIMEOUT, "nobody is\nthere");

  cepa_transport_connected (self->host, attempt, -1, NULL, error);
}

static void
reach_connect (void *data, uint64_t attempt, G_GNUC_UNUSED const char *name, const CepaTransportTarget *target)
{
  const CepaAddress elsewhere = { .version = 4, .port = 1, .bytes = { 9, 9, 9, 9 } };
  Reach *self = data;
  int fd;

  self->port = target->addresses[0].port;
  self->later = attempt;
  switch (self->port)
    {
    case REACH_LATER:
      self->timer = cepa_host_timer_new (self->host, reach_timer, self);
      cepa_host_timer_set (self->host, self->timer, 1000);
      break;
    case REACH_NEVER:
    case REACH_AFTER_CANCEL:
      break;
    case REACH_FAILS:
      reach_fail (self, attempt);
      break;
    case REACH_FAILS_SILENTLY:
      cepa_transport_connected (self->host, attempt, -1, NULL, NULL);
      break;
    case REACH_TWICE:
      fd = reach_make (self->port);
      cepa_transport_connected (self->host, attempt, fd, NULL, NULL);
      cepa_transport_connected (self->host, attempt, fd, NULL, NULL);
      break;
    case REACH_NOT_ASKED:
      cepa_transport_connected (self->host, attempt + 1000, -1, NULL, NULL);
      break;
    case REACH_ELSEWHERE:
      reach_succeed (self, attempt, &elsewhere);
      break;
    case REACH_IPV6:
      reach_succeed (self, attempt, &target->addresses[target->n_addresses - 1]);
      break;
    case REACH_PROGRESS:
      cepa_transport_progress (self->host, attempt, 250);
      cepa_transport_progress (self->host, attempt + 1000, 25);
      reach_succeed (self, attempt, NULL);
      break;
    case REACH_GIVES_UP:
      cepa_host_fail (self->host, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "no way out"));
      break;
    default:
      reach_succeed (self, attempt, NULL);
    }
}

static void
reach_cancel (void *data, uint64_t attempt)
{
  Reach *self = data;

  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, "cancelled");
  cepa_host_timer_free (self->host, self->timer);
  self->timer = 0;
  if (self->port == REACH_AFTER_CANCEL)
    reach_fail (self, attempt);
}

#ifdef REACH_NAMES
static const char *const reach_names[] = { "reach", NULL };
#endif

static const CepaTransportTable reach_transport = {
  .size = sizeof (CepaTransportTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
#ifdef REACH_NAMES
  .names = reach_names,
#endif
  .connect = reach_connect,
  .cancel = reach_cancel,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = REACH_ID,
  .name = "A plugin for tests",
  .licence = "BSD-3-Clause",
  .create = reach_create,
  .destroy = reach_destroy,
  .transport = &reach_transport,
};
