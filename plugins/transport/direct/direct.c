/* SPDX-License-Identifier: BSD-3-Clause */
#include "direct.h"

#include <gio/gio.h>
#include <string.h>

#include <cepa/services.h>

#include "config.h"
#include "eyeballs.h"

struct _CepaDirect
{
  const CepaHost *host;
  CepaDirectConfig config;
  gboolean is_running;
  uint64_t start;            /* the task, while the proxy's name is looked up */
  GCancellable *cancellable; /* (nullable): of that */
  GHashTable *attempts;      /* (element-type guint64 DirectAttempt) */
};

typedef struct
{
  CepaDirect *direct;
  guint64 number;
  CepaEyeballs *eyeballs;
} DirectAttempt;

static void
direct_attempt_free (gpointer data)
{
  DirectAttempt *attempt = data;

  cepa_eyeballs_free (attempt->eyeballs);
  g_free (attempt);
}

CepaDirect *
cepa_direct_new (const CepaHost *host)
{
  CepaDirect *self = g_new0 (CepaDirect, 1);

  self->host = host;
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, direct_attempt_free);
  return self;
}

/* Ends everything that start and connect began. */
static void
direct_end (CepaDirect *self)
{
  self->is_running = FALSE;
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_hash_table_remove_all (self->attempts);
  cepa_direct_config_clear (&self->config);
}

void
cepa_direct_free (CepaDirect *self)
{
  if (self == NULL)
    return;
  direct_end (self);
  g_hash_table_unref (self->attempts);
  g_free (self);
}

/* ---- start and stop ---- */

static void
direct_started (CepaDirect *self, uint64_t task, GError *error)
{
  self->is_running = error == NULL;
  if (error == NULL && self->config.protocol != NULL)
    {
      g_autofree char *text = g_strdup_printf ("Relays are reached through a %s proxy", self->config.protocol->name);

      cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, text);
    }
  cepa_host_complete (self->host, task, error);
}

/* The first IPv4 address of the list, the first of all where there is none: as C Tor chooses. */
static gboolean
direct_take_proxy_address (CepaDirect *self, const GList *found)
{
  GInetAddress *chosen = NULL;

  for (const GList *link = found; link != NULL; link = link->next)
    if (chosen == NULL
        || (g_inet_address_get_family (chosen) != G_SOCKET_FAMILY_IPV4
            && g_inet_address_get_family (link->data) == G_SOCKET_FAMILY_IPV4))
      chosen = link->data;
  if (chosen == NULL)
    return FALSE;
  self->config.proxy.version = g_inet_address_get_family (chosen) == G_SOCKET_FAMILY_IPV4 ? 4 : 6;
  memcpy (self->config.proxy.bytes, g_inet_address_to_bytes (chosen), g_inet_address_get_native_size (chosen));
  return TRUE;
}

/* After a cancel @user_data may be gone: the error says so before it is looked at. */
static void
direct_proxy_found (GObject *resolver, GAsyncResult *result, gpointer user_data)
{
  CepaDirect *self = user_data;
  g_autoptr (GError) error = NULL;
  GList *found = g_resolver_lookup_by_name_finish (G_RESOLVER (resolver), result, &error);
  GError *failure = NULL;

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_object (&self->cancellable);
      if (!direct_take_proxy_address (self, found))
        g_set_error (&failure, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK,
                     "looking up the name of the %s proxy: %s. An IP address needs no look-up",
                     self->config.protocol->name, error != NULL ? error->message : "it has no address");
      direct_started (self, self->start, failure);
    }
  g_resolver_free_addresses (found);
}

void
cepa_direct_start (CepaDirect *self, uint64_t task)
{
  g_autoptr (GResolver) resolver = NULL;
  GError *error = NULL;

  direct_end (self);
  if (!cepa_direct_config_read (&self->config, self->host, &error) || self->config.proxy_name == NULL)
    {
      direct_started (self, task, error);
      return;
    }
  self->start = task;
  self->cancellable = g_cancellable_new ();
  resolver = g_resolver_get_default ();
  g_resolver_lookup_by_name_async (resolver, self->config.proxy_name, self->cancellable, direct_proxy_found, self);
}

void
cepa_direct_stop (CepaDirect *self, uint64_t task)
{
  direct_end (self);
  cepa_host_complete (self->host, task, NULL);
}

/* ---- attempts ---- */

static void
direct_attempt_done (gpointer user_data, int fd, const CepaAddress *address, GError *error)
{
  DirectAttempt *attempt = user_data;
  const CepaHost *host = attempt->direct->host;
  guint64 number = attempt->number;

  g_hash_table_remove (attempt->direct->attempts, &number);
  cepa_transport_connected (host, number, fd, address, error);
}

static guint
direct_choose_addresses (const CepaDirect *self, const CepaTransportTarget *target, CepaAddress *out)
{
  guint n = 0;

  for (guint i = 0; i < target->n_addresses && n < CEPA_EYEBALLS_MAX_ADDRESSES; i++)
    if (cepa_direct_config_allows (&self->config, &target->addresses[i]))
      out[n++] = target->addresses[i];
  return n;
}

static void
direct_refuse (const CepaDirect *self, uint64_t number, const char *why)
{
  GError *error = g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, why);

  cepa_transport_connected (self->host, number, -1, NULL, error);
}

void
cepa_direct_connect (CepaDirect *self, uint64_t number, const CepaTransportTarget *target)
{
  CepaAddress addresses[CEPA_EYEBALLS_MAX_ADDRESSES];
  guint n = direct_choose_addresses (self, target, addresses);
  DirectAttempt *attempt;

  if (!self->is_running)
    {
      direct_refuse (self, number, "it has not been started");
      return;
    }
  if (n == 0)
    {
      direct_refuse (self, number, self->config.protocol == &cepa_upstream_socks4
                                     ? "the relay has no address that may be used: SOCKS4 knows IPv4 only"
                                     : "the relay has no address of a family that may be used: see client-use-ipv4 "
                                       "and client-use-ipv6");
      return;
    }
  attempt = g_new0 (DirectAttempt, 1);
  attempt->direct = self;
  attempt->number = number;
  attempt->eyeballs = cepa_eyeballs_new (self->host, &self->config, addresses, n, direct_attempt_done, attempt);
  g_hash_table_replace (self->attempts, &attempt->number, attempt);
  cepa_eyeballs_start (attempt->eyeballs);
}

void
cepa_direct_cancel (CepaDirect *self, uint64_t number)
{
  g_hash_table_remove (self->attempts, &number);
}
