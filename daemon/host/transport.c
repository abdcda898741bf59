/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "host/host-private.h"

/* A connection under way. */
typedef struct
{
  CepaHostPlugin *plugin;
  CepaDialerFunc func;
  gpointer user_data;
} TransportAttempt;

struct _CepaHostTransport
{
  CepaPluginHost *host;
  CepaDialer dialer;
  CepaHostPlugin *plugin; /* (nullable): the one that runs */
  GHashTable *attempts;   /* (element-type guint64 TransportAttempt) */
};

/* ---- what the core asks ---- */

static void
transport_add_address (CepaAddress *addresses, guint *n, guint8 version, const guint8 *bytes, guint16 port)
{
  CepaAddress *address = &addresses[(*n)++];

  memset (address, 0, sizeof *address);
  address->version = version;
  address->port = port;
  memcpy (address->bytes, bytes, version == 4 ? 4 : 16);
}

static guint64
transport_dial (CepaDialer *dialer, const CepaChannelTarget *target, CepaDialerFunc func, gpointer user_data)
{
  CepaHostTransport *self = dialer->context;
  guint32 ipv4 = GUINT32_TO_BE (target->ipv4);
  CepaAddress addresses[2];
  guint n = 0;
  CepaTransportTarget wanted = { .size = sizeof wanted, .addresses = addresses };
  TransportAttempt *attempt;
  guint64 number;

  if (self->plugin == NULL)
    {
      g_autoptr (GError) error = g_error_new (CEPA_ERROR, CEPA_ERROR_PLUGIN, "no transport plugin is running");

      func (user_data, -1, FALSE, error);
      return 0;
    }
  if (target->ipv4 != 0)
    transport_add_address (addresses, &n, 4, (const guint8 *) &ipv4, target->or_port);
  if (target->ipv6_port != 0)
    transport_add_address (addresses, &n, 6, target->ipv6, target->ipv6_port);
  wanted.n_addresses = n;
  number = cepa_host_draw_number (self->host);
  attempt = g_new0 (TransportAttempt, 1);
  attempt->plugin = self->plugin;
  attempt->func = func;
  attempt->user_data = user_data;
  g_hash_table_insert (self->attempts, g_memdup2 (&number, sizeof number), attempt);
  self->plugin->module->transport->connect (self->plugin->instance, number, NULL, &wanted);
  return g_hash_table_contains (self->attempts, &number) ? number : 0;
}

static void
transport_cancel (CepaDialer *dialer, guint64 number)
{
  CepaHostTransport *self = dialer->context;
  const TransportAttempt *attempt = g_hash_table_lookup (self->attempts, &number);
  CepaHostPlugin *plugin;

  if (attempt == NULL)
    return;
  plugin = attempt->plugin;
  g_hash_table_remove (self->attempts, &number);
  plugin->module->transport->cancel (plugin->instance, number);
}

CepaHostTransport *
cepa_host_transport_new (CepaPluginHost *host)
{
  CepaHostTransport *self = g_new0 (CepaHostTransport, 1);

  self->host = host;
  self->dialer = (CepaDialer){ transport_dial, transport_cancel, self };
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  return self;
}

void
cepa_host_transport_free (CepaHostTransport *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (g_hash_table_size (self->attempts) == 0);
  g_hash_table_unref (self->attempts);
  g_free (self);
}

CepaDialer *
cepa_host_transport_get_dialer (CepaHostTransport *self)
{
  return &self->dialer;
}

/* ---- what the plugin answers ---- */

/* Returns: (nullable): what is wrong with a descriptor that a plugin gives. */
static const char *
transport_check_fd (int fd)
{
  struct sockaddr_storage peer;
  socklen_t len = sizeof peer;
  int type = 0, flags = fcntl (fd, F_GETFL);
  socklen_t type_len = sizeof type;

  if (flags < 0)
    return "is not open";
  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM)
    return "is not a stream socket";
  if (getpeername (fd, (struct sockaddr *) &peer, &len) != 0)
    return "is not connected";
  return (flags & O_NONBLOCK) == 0 ? "is not non-blocking" : NULL;
}

/* Takes the attempt out, and tells. @fd: (transfer full) */
static void
transport_end (CepaHostTransport *self, guint64 number, int fd, gboolean is_ipv6, const GError *error)
{
  TransportAttempt attempt = *(TransportAttempt *) g_hash_table_lookup (self->attempts, &number);

  g_hash_table_remove (self->attempts, &number);
  attempt.func (attempt.user_data, fd, is_ipv6, error);
}

static void
transport_connected (const CepaHost *services, uint64_t number, int fd, const CepaAddress *address, GError *error)
{
  CepaHostPlugin *plugin = cepa_host_plugin_from_services (services);
  CepaHostTransport *self = cepa_host_get_transport (plugin->host);
  const TransportAttempt *attempt;
  g_autoptr (GError) own = error, reason = NULL;
  const char *fault;

  if (!cepa_host_services_check_thread (plugin, "connected"))
    return;
  attempt = g_hash_table_lookup (self->attempts, &number);
  if (attempt == NULL || attempt->plugin != plugin)
    {
      cepa_host_plugin_violated (plugin, "no-such-attempt", "it answered an attempt that is over, or was none");
      if (fd >= 0)
        close (fd);
      return;
    }
  fault = fd >= 0 ? transport_check_fd (fd) : NULL;
  if (fd >= 0 && fault == NULL)
    {
      transport_end (self, number, fd, address != NULL && address->version == 6, NULL);
      return;
    }
  if (fault != NULL)
    {
      g_autofree char *sentence = g_strdup_printf ("the descriptor that it gave %s", fault);

      cepa_host_plugin_violated (plugin, "bad-descriptor", sentence);
      g_set_error (&reason, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: %s", cepa_host_plugin_get_id (plugin), sentence);
      if (fcntl (fd, F_GETFD) >= 0)
        close (fd);
    }
  else if (own != NULL)
    reason = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, own->message);
  else
    cepa_host_plugin_take_error (plugin, "connect", NULL, &reason);
  transport_end (self, number, -1, FALSE, reason);
}

static void
transport_progress (const CepaHost *services, uint64_t number, uint32_t percent)
{
  (void) services, (void) number, (void) percent; /* for bridges: relays of the network are reached in one step */
}

/* ---- life ---- */

static void
transport_make (CepaHostPlugin *self)
{
  static const CepaTransportHost table = { sizeof table, 0, transport_connected, transport_progress };

  self->services.transport = &table;
}

/* Plugins with names serve bridges only. */
static void
transport_running (CepaHostPlugin *self)
{
  CepaHostTransport *transport = cepa_host_get_transport (self->host);

  if (transport->plugin == NULL && self->module->transport->names == NULL)
    transport->plugin = self;
}

static void
transport_ending (CepaHostPlugin *self)
{
  CepaHostTransport *transport = cepa_host_get_transport (self->host);
  g_autoptr (GError) error = g_error_new (CEPA_ERROR, CEPA_ERROR_PLUGIN, "the transport plugin %s was stopped",
                                          cepa_host_plugin_get_id (self));
  GHashTableIter iter;
  gpointer key;

  if (transport->plugin == self)
    transport->plugin = NULL;
  for (g_hash_table_iter_init (&iter, transport->attempts); g_hash_table_iter_next (&iter, &key, NULL);
       g_hash_table_iter_init (&iter, transport->attempts)) /* anew: telling may end others */
    {
      guint64 number = *(guint64 *) key;

      self->module->transport->cancel (self->instance, number);
      transport_end (transport, number, -1, FALSE, error);
    }
}

const CepaHostKind cepa_host_kind_transport = { transport_make, transport_running, transport_ending, NULL };
