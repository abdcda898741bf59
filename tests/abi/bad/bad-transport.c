/* SPDX-License-Identifier: BSD-3-Clause */
/* A transport plugin that tries one address after the other, or is bad in one way. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bad.h"

#define BAD_MAX_ADDRESSES 8

typedef struct
{
  const CepaHost *host;
  GHashTable *attempts; /* number -> BadAttempt */
} Bad;

typedef struct
{
  Bad *bad;
  guint64 number, watch;
  CepaAddress addresses[BAD_MAX_ADDRESSES];
  guint n, next;
  int fd;
} BadAttempt;

static void bad_try (BadAttempt *self);

static void
bad_close (BadAttempt *self)
{
  cepa_host_watch_free (self->bad->host, self->watch);
  if (self->fd >= 0)
    close (self->fd);
  self->watch = 0;
  self->fd = -1;
}

static void
bad_free_attempt (gpointer data)
{
  BadAttempt *self = data;

  bad_close (self);
  g_free (self);
}

static void
bad_end (BadAttempt *self, int fd)
{
  Bad *bad = self->bad;
  guint64 number = self->number;
  GError *error = fd < 0 ? g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "no address answers") : NULL;

  if (bad_is ("both") && fd >= 0)
    error = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "not sure");
  if (bad_is ("blocking") && fd >= 0)
    fcntl (fd, F_SETFL, 0);
  g_hash_table_remove (bad->attempts, &number);
  cepa_transport_connected (bad->host, number, fd, NULL, error);
  if (bad_is ("ends-twice"))
    cepa_transport_connected (bad->host, number, -1, NULL,
                              g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "again"));
}

static void
bad_ready (void *data, int fd, G_GNUC_UNUSED guint32 events)
{
  BadAttempt *self = data;
  int code = 0;
  socklen_t len = sizeof code;

  getsockopt (fd, SOL_SOCKET, SO_ERROR, &code, &len);
  if (code != 0)
    {
      bad_close (self);
      bad_try (self);
      return;
    }
  cepa_host_watch_free (self->bad->host, self->watch);
  self->watch = 0;
  self->fd = -1;
  bad_end (self, fd);
}

static gboolean
bad_open (BadAttempt *self, const CepaAddress *address)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons (address->port) };

  if (address->version != 4)
    return FALSE;
  memcpy (&to.sin_addr, address->bytes, 4);
  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->fd < 0)
    return FALSE;
  if (connect (self->fd, (struct sockaddr *) &to, sizeof to) != 0 && errno != EINPROGRESS)
    {
      bad_close (self);
      return FALSE;
    }
  self->watch = cepa_host_watch_new (self->bad->host, self->fd, CEPA_WATCH_WRITE, bad_ready, self);
  return TRUE;
}

static void
bad_try (BadAttempt *self)
{
  while (self->next < self->n && !(bad_is ("one-address") && self->next > 0))
    if (bad_open (self, &self->addresses[self->next++]))
      return;
  bad_end (self, -1);
}

static void
bad_connect (void *data, uint64_t number, const char *name, const CepaTransportTarget *target)
{
  Bad *bad = data;
  BadAttempt *self = g_new0 (BadAttempt, 1);

  self->bad = bad;
  self->number = number;
  self->fd = -1;
  self->n = MIN (target->n_addresses, BAD_MAX_ADDRESSES);
  memcpy (self->addresses, target->addresses, self->n * sizeof (CepaAddress));
  g_hash_table_insert (bad->attempts, &self->number, self);
  if (bad_is ("never"))
    return;
  if (bad_is ("names") && name != NULL)
    bad_crash ();
  if (bad_is ("elsewhere"))
    {
      int ends[2];

      if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0)
        close (ends[1]);
      bad_end (self, ends[0]);
      return;
    }
  bad_try (self);
}

static void
bad_cancel (void *data, uint64_t number)
{
  Bad *self = data;

  if (bad_is ("cancel-unknown") && !g_hash_table_contains (self->attempts, &number))
    bad_crash ();
  if (!bad_is ("not-cancelled"))
    g_hash_table_remove (self->attempts, &number);
}

static void *
bad_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Bad *self = g_new0 (Bad, 1);

  self->host = host;
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, bad_free_attempt);
  return self;
}

static void
bad_start (void *data, guint64 task)
{
  Bad *self = data;

  cepa_host_complete (self->host, task, NULL);
}

static void
bad_stop (void *data, guint64 task)
{
  Bad *self = data;

  if (!bad_is ("stop-forgets"))
    g_hash_table_remove_all (self->attempts);
  cepa_host_complete (self->host, task, NULL);
}

static void
bad_destroy (void *data)
{
  Bad *self = data;

  if (!bad_is ("destroy-forgets"))
    g_hash_table_unref (self->attempts);
  g_free (self);
}

#ifdef BAD_NAME
static const char *const bad_names[] = { BAD_NAME, NULL };
#endif

static const CepaTransportTable bad_transport = {
  .size = sizeof (CepaTransportTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
#ifdef BAD_NAME
  .names = bad_names,
#endif
  .connect = bad_connect,
  .cancel = bad_cancel,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "transport.bad",
  .name = "A bad plugin",
  .licence = "BSD-3-Clause",
  .create = bad_create,
  .start = bad_start,
  .stop = bad_stop,
  .destroy = bad_destroy,
  .transport = &bad_transport,
};
