/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "host/host-private.h"

#define TRANSPORT_MAX_TEXT 500 /* characters of why a connection failed */

/* A connection under way. */
typedef struct
{
  CepaHostPlugin *plugin;
  CepaDialerFunc func;
  gpointer user_data;
  CepaAddress addresses[2]; /* that the plugin was given */
  guint n_addresses;
} TransportAttempt;

struct _CepaHostTransport
{
  CepaPluginHost *host;
  CepaDialer dialer;
  GPtrArray *plugins;     /* (element-type CepaHostPlugin): those that run; the first is asked */
  GHashTable *attempts;   /* (element-type guint64 TransportAttempt) */
  CepaReachability reachability;
  CepaAddressPolicy *policy; /* (nullable): its own reference */
};

/* ---- what the core asks ---- */

static void
transport_add_address (TransportAttempt *attempt, guint8 version, const guint8 *bytes, guint16 port)
{
  CepaAddress *address = &attempt->addresses[attempt->n_addresses++];

  address->version = version;
  address->port = port;
  memcpy (address->bytes, bytes, version == 4 ? 4 : 16);
}

/* Returns: (transfer full): with those of the relay's addresses that may be reached, the preferred one first. */
static TransportAttempt *
transport_attempt_new (const CepaHostTransport *self, CepaHostPlugin *plugin, const CepaChannelTarget *target,
                       CepaDialerFunc func, gpointer user_data)
{
  const CepaReachability *reachability = &self->reachability;
  TransportAttempt *attempt = g_new0 (TransportAttempt, 1);
  guint32 ipv4 = GUINT32_TO_BE (target->ipv4);
  CepaReach first = cepa_reachability_choose (reachability, target->ipv4, target->or_port, target->ipv6,
                                              target->ipv6_port);

  attempt->plugin = plugin;
  attempt->func = func;
  attempt->user_data = user_data;
  if (first == CEPA_REACH_IPV6)
    transport_add_address (attempt, 6, target->ipv6, target->ipv6_port);
  if (cepa_reachability_choose (reachability, target->ipv4, target->or_port, NULL, 0) == CEPA_REACH_IPV4)
    transport_add_address (attempt, 4, (const guint8 *) &ipv4, target->or_port);
  if (first == CEPA_REACH_IPV4
      && cepa_reachability_choose (reachability, 0, 0, target->ipv6, target->ipv6_port) == CEPA_REACH_IPV6)
    transport_add_address (attempt, 6, target->ipv6, target->ipv6_port);
  return attempt;
}

/* Nobody is asked: there is no plugin, or no address. */
static guint64
transport_refuse (CepaDialerFunc func, gpointer user_data, CepaErrorKind kind, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (CEPA_ERROR, (gint) kind, message);

  func (user_data, -1, FALSE, error);
  return 0;
}

static guint64
transport_dial (CepaDialer *dialer, const CepaChannelTarget *target, CepaDialerFunc func, gpointer user_data)
{
  CepaHostTransport *self = dialer->context;
  CepaHostPlugin *plugin = self->plugins->len > 0 ? g_ptr_array_index (self->plugins, 0) : NULL;
  CepaTransportTarget wanted = { .size = sizeof wanted };
  CepaAddress addresses[2];
  TransportAttempt *attempt;
  guint64 number;

  if (plugin == NULL)
    return transport_refuse (func, user_data, CEPA_ERROR_PLUGIN, "no transport plugin is running");
  if (target->ipv4 == 0 && target->ipv6_port == 0)
    return transport_refuse (func, user_data, CEPA_ERROR_PLUGIN, "the relay has no address");
  attempt = transport_attempt_new (self, plugin, target, func, user_data);
  if (attempt->n_addresses == 0)
    {
      g_free (attempt);
      return transport_refuse (func, user_data, CEPA_ERROR_NETWORK_DOWN,
                               "ReachableAddresses, ClientUseIPv4 or ClientUseIPv6 let no address of the relay through");
    }
  number = cepa_host_draw_number (self->host);
  memcpy (addresses, attempt->addresses, sizeof addresses); /* the attempt may end before connect returns */
  wanted.addresses = addresses;
  wanted.n_addresses = attempt->n_addresses;
  g_hash_table_insert (self->attempts, g_memdup2 (&number, sizeof number), attempt);
  plugin->module->transport->connect (plugin->instance, number, NULL, &wanted);
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
  self->reachability = (CepaReachability) CEPA_REACHABILITY_INIT;
  self->plugins = g_ptr_array_new ();
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
  g_ptr_array_unref (self->plugins);
  cepa_address_policy_unref (self->policy);
  g_free (self);
}

void
cepa_host_transport_set_reachability (CepaHostTransport *self, const CepaReachability *reachability)
{
  CepaAddressPolicy *policy = (CepaAddressPolicy *) reachability->policy, *old = self->policy;

  self->policy = policy != NULL ? cepa_address_policy_ref (policy) : NULL;
  self->reachability = *reachability;
  cepa_address_policy_unref (old);
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
  return (flags & O_NONBLOCK) == 0 ? "is blocking: set O_NONBLOCK" : NULL;
}

/* Which of the addresses the plugin says it is connected to: the first when it does not say. */
static const CepaAddress *
transport_find_address (const TransportAttempt *attempt, const CepaAddress *said)
{
  for (guint i = 0; said != NULL && i < attempt->n_addresses; i++)
    if (said->version == attempt->addresses[i].version && said->port == attempt->addresses[i].port
        && memcmp (said->bytes, attempt->addresses[i].bytes, said->version == 4 ? 4 : 16) == 0)
      return &attempt->addresses[i];
  return said == NULL ? &attempt->addresses[0] : NULL;
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
transport_succeeded (CepaHostTransport *self, guint64 number, int fd, const CepaAddress *said)
{
  const TransportAttempt *attempt = g_hash_table_lookup (self->attempts, &number);
  const CepaAddress *address = transport_find_address (attempt, said);
  g_autoptr (GError) reason = NULL;
  const char *fault = transport_check_fd (fd);

  if (fault == NULL && address != NULL)
    {
      fcntl (fd, F_SETFD, FD_CLOEXEC);
      transport_end (self, number, fd, address->version == 6, NULL);
      return;
    }
  if (fault == NULL)
    {
      fault = "is connected to an address that was not asked for";
      close (fd);
    }
  /* Any other is left open: what is not what it should be may be somebody else's. */
  g_set_error (&reason, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: the descriptor that it gave %s",
               cepa_host_plugin_get_id (attempt->plugin), fault);
  cepa_host_plugin_violated (attempt->plugin, "bad-descriptor", reason->message);
  transport_end (self, number, -1, FALSE, reason);
}

static void
transport_failed (CepaHostTransport *self, CepaHostPlugin *plugin, guint64 number, const GError *own)
{
  gboolean is_timeout = g_error_matches (own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_TIMEOUT);
  g_autoptr (GError) reason = NULL;
  g_autofree char *text = NULL;

  if (own == NULL)
    cepa_host_plugin_take_error (plugin, "connect", NULL, &reason);
  else
    {
      text = cepa_escape_for_log (own->message, strlen (own->message), TRANSPORT_MAX_TEXT);
      g_set_error (&reason, CEPA_ERROR, is_timeout ? CEPA_ERROR_TIMEOUT : CEPA_ERROR_NETWORK_DOWN, "%s: %s",
                   cepa_host_plugin_get_id (plugin), text);
    }
  transport_end (self, number, -1, FALSE, reason);
}

static gboolean
transport_is_of (CepaHostTransport *self, CepaHostPlugin *plugin, guint64 number)
{
  const TransportAttempt *attempt = g_hash_table_lookup (self->attempts, &number);

  if (attempt != NULL && attempt->plugin == plugin)
    return TRUE;
  cepa_host_plugin_violated (plugin, "no-such-attempt",
                             "it spoke of an attempt that is over, or was none: end each once, and none that was "
                             "cancelled");
  return FALSE;
}

static void
transport_connected (const CepaHost *services, uint64_t number, int fd, const CepaAddress *address, GError *error)
{
  CepaHostPlugin *plugin = cepa_host_plugin_from_services (services);
  CepaHostTransport *self;
  g_autoptr (GError) own = error;

  if (!cepa_host_services_check_thread (plugin, "connected"))
    return;
  self = cepa_host_get_transport (plugin->host);
  if (!transport_is_of (self, plugin, number))
    return; /* with @fd open: of an attempt that is answered twice it is a channel's by now */
  if (fd >= 0)
    transport_succeeded (self, number, fd, address);
  else
    transport_failed (self, plugin, number, own);
}

static void
transport_progress (const CepaHost *services, uint64_t number, uint32_t percent)
{
  CepaHostPlugin *plugin = cepa_host_plugin_from_services (services);

  if (cepa_host_services_check_thread (plugin, "progress")
      && transport_is_of (cepa_host_get_transport (plugin->host), plugin, number))
    cepa_log (CEPA_LOG_NET, CEPA_LOG_INFO, "%s: attempt %" G_GUINT64_FORMAT " to connect is at %u%%",
              cepa_host_plugin_get_id (plugin), number, MIN (percent, 99));
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
  if (self->module->transport->names == NULL)
    g_ptr_array_add (cepa_host_get_transport (self->host)->plugins, self);
}

static void
transport_ending (CepaHostPlugin *self)
{
  CepaHostTransport *transport = cepa_host_get_transport (self->host);
  g_autoptr (GError) error = g_error_new (CEPA_ERROR, CEPA_ERROR_PLUGIN, "the transport plugin %s was stopped",
                                          cepa_host_plugin_get_id (self));
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer key, value;

  g_ptr_array_remove (transport->plugins, self);
  g_hash_table_iter_init (&iter, transport->attempts);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (((TransportAttempt *) value)->plugin == self)
      g_array_append_vals (numbers, key, 1);
  for (guint i = 0; i < numbers->len; i++)
    {
      guint64 number = g_array_index (numbers, guint64, i);

      if (!g_hash_table_contains (transport->attempts, &number)) /* telling of another has ended it */
        continue;
      self->module->transport->cancel (self->instance, number);
      transport_end (transport, number, -1, FALSE, error);
    }
}

const CepaHostKind cepa_host_kind_transport = { transport_make, transport_running, transport_ending, NULL };
