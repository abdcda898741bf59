/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin transport.direct. */
#include <cepa/cepa.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  const CepaHost *host;
  GHashTable *attempts; /* (element-type guint64 DirectAttempt) */
} Direct;

typedef struct
{
  Direct *direct;
  guint64 number, watch;
  int fd;
} DirectAttempt;

static void
direct_attempt_free (gpointer data)
{
  DirectAttempt *self = data;

  cepa_host_watch_free (self->direct->host, self->watch);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

static void *
direct_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Direct *self = g_new0 (Direct, 1);

  self->host = host;
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, direct_attempt_free);
  return self;
}

static void
direct_stop (void *data, uint64_t task)
{
  Direct *self = data;

  g_hash_table_remove_all (self->attempts);
  cepa_host_complete (self->host, task, NULL);
}

static void
direct_destroy (void *data)
{
  Direct *self = data;

  g_hash_table_unref (self->attempts);
  g_free (self);
}

/* @code: of errno, 0 when it is connected */
static void
direct_end (DirectAttempt *attempt, int code)
{
  Direct *self = attempt->direct;
  guint64 number = attempt->number;
  int fd = code == 0 ? attempt->fd : -1;
  GError *error = code == 0 ? NULL
                            : g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, g_strerror (code));

  if (code == 0)
    attempt->fd = -1;
  g_hash_table_remove (self->attempts, &number);
  cepa_transport_connected (self->host, number, fd, NULL, error);
}

static void
direct_ready (void *user_data, int fd, G_GNUC_UNUSED uint32_t events)
{
  int code = 0;
  socklen_t len = sizeof code;

  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
    code = errno;
  direct_end (user_data, code);
}

static socklen_t
direct_fill_address (const CepaAddress *address, struct sockaddr_storage *out)
{
  struct sockaddr_in *v4 = (struct sockaddr_in *) out;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) out;

  memset (out, 0, sizeof *out);
  if (address->version == 4)
    {
      v4->sin_family = AF_INET;
      v4->sin_port = htons (address->port);
      memcpy (&v4->sin_addr, address->bytes, 4);
      return sizeof *v4;
    }
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons (address->port);
  memcpy (&v6->sin6_addr, address->bytes, 16);
  return sizeof *v6;
}

static void
direct_connect (void *data, uint64_t number, G_GNUC_UNUSED const char *name, const CepaTransportTarget *target)
{
  Direct *self = data;
  DirectAttempt *attempt = g_new0 (DirectAttempt, 1);
  struct sockaddr_storage address;
  socklen_t len = direct_fill_address (&target->addresses[0], &address);
  int on = 1;

  attempt->direct = self;
  attempt->number = number;
  attempt->fd = socket (address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  g_hash_table_insert (self->attempts, g_memdup2 (&number, sizeof number), attempt);
  if (attempt->fd < 0)
    {
      direct_end (attempt, errno);
      return;
    }
  setsockopt (attempt->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect (attempt->fd, (struct sockaddr *) &address, len) != 0 && errno != EINPROGRESS)
    {
      direct_end (attempt, errno);
      return;
    }
  attempt->watch = cepa_host_watch_new (self->host, attempt->fd, CEPA_WATCH_WRITE, direct_ready, attempt);
}

static void
direct_cancel (void *data, uint64_t number)
{
  g_hash_table_remove (((Direct *) data)->attempts, &number);
}

static const CepaTransportTable direct_transport = {
  .size = sizeof (CepaTransportTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .connect = direct_connect,
  .cancel = direct_cancel,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "transport.direct",
  .name = "Direct TCP connections",
  .licence = "BSD-3-Clause",
  .create = direct_create,
  .stop = direct_stop,
  .destroy = direct_destroy,
  .transport = &direct_transport,
};
