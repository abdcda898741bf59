/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/proxy.h"

#include "base/error.h"
#include "base/log.h"
#include "proxy/application.h"
#include "proxy/listener.h"

/* A SOCKS port. */
typedef struct
{
  CepaProxy *proxy;
  CepaListener *listener;
  gboolean keeps_alive;
} ProxyPort;

struct _CepaProxy
{
  CepaApplicationShared shared;
  CepaTrackedExits *exits;
  GPtrArray *ports;         /* (element-type ProxyPort) */
  GHashTable *applications; /* (element-type CepaApplication): they free themselves */
};

static void
proxy_port_free (ProxyPort *port)
{
  cepa_listener_free (port->listener);
  g_free (port);
}

static void
proxy_application_closed (gpointer user_data, CepaApplication *application)
{
  CepaProxy *self = user_data;

  g_hash_table_remove (self->applications, application);
}

CepaProxy *
cepa_proxy_new (GMainContext *context, const CepaClock *clock, CepaCircuits *circuits, const CepaProxyConfig *config,
                CepaEventSink *events)
{
  CepaProxy *self = g_new0 (CepaProxy, 1);

  self->exits = cepa_tracked_exits_new (clock, config->tracked_hosts, config->tracked_us);
  self->shared = (CepaApplicationShared){
    .context = context,
    .clock = clock,
    .circuits = circuits,
    .reject_internal = config->reject_internal,
    .timeout_us = config->timeout_us,
    .try_us = config->try_us,
    .exits = self->exits,
    .events = events,
    .closed = proxy_application_closed,
    .user_data = self,
  };
  self->ports = g_ptr_array_new_with_free_func ((GDestroyNotify) proxy_port_free);
  self->applications = g_hash_table_new (NULL, NULL);
  return self;
}

void
cepa_proxy_free (CepaProxy *self)
{
  GHashTableIter iter;
  gpointer application;

  if (self == NULL)
    return;
  g_hash_table_iter_init (&iter, self->applications);
  while (g_hash_table_iter_next (&iter, &application, NULL))
    cepa_application_abort (application);
  g_hash_table_unref (self->applications);
  g_ptr_array_unref (self->ports);
  cepa_tracked_exits_free (self->exits);
  g_free (self);
}

static void
proxy_accepted (gpointer user_data, int fd, const char *peer, guint16 peer_port)
{
  ProxyPort *port = user_data;
  CepaProxy *self = port->proxy;

  g_hash_table_add (self->applications,
                    cepa_application_new (&self->shared, fd, cepa_event_sink_draw_stream (self->shared.events),
                                          cepa_listener_get_address (port->listener), port->keeps_alive, peer,
                                          peer_port));
}

gboolean
cepa_proxy_listen (CepaProxy *self, const char *option, const char *address, guint16 port, gboolean keeps_alive,
                   GError **error)
{
  ProxyPort *entry = g_new0 (ProxyPort, 1);

  entry->proxy = self;
  entry->keeps_alive = keeps_alive;
  entry->listener = cepa_listener_new (self->shared.context, option, address, port, proxy_accepted, entry, error);
  if (entry->listener == NULL)
    {
      g_free (entry);
      return FALSE;
    }
  g_ptr_array_add (self->ports, entry);
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "Opened Socks listener connection (ready) on %s",
            cepa_listener_get_address (entry->listener));
  return TRUE;
}

void
cepa_proxy_foreach (CepaProxy *self, CepaProxyFunc func, gpointer user_data)
{
  GHashTableIter iter;
  gpointer application;

  g_hash_table_iter_init (&iter, self->applications);
  while (g_hash_table_iter_next (&iter, &application, NULL))
    {
      CepaApplicationState state = cepa_application_get_state (application);

      if (state != CEPA_APPLICATION_NONE && state != CEPA_APPLICATION_CLOSED)
        func (user_data, application);
    }
}

gboolean
cepa_proxy_close_stream (CepaProxy *self, guint64 number, guint reason, GError **error)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->applications);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      CepaApplication *application = key;
      CepaApplicationState state = cepa_application_get_state (application);

      if (cepa_application_get_number (application) != number || state == CEPA_APPLICATION_NONE
          || state == CEPA_APPLICATION_CLOSED)
        continue;
      cepa_application_close (application, reason);
      return TRUE;
    }
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "there is no stream %" G_GUINT64_FORMAT, number);
  return FALSE;
}

guint
cepa_proxy_get_n_listeners (const CepaProxy *self)
{
  return self->ports->len;
}

const char *
cepa_proxy_get_address (const CepaProxy *self, guint index)
{
  g_return_val_if_fail (index < self->ports->len, NULL);
  return cepa_listener_get_address (((const ProxyPort *) g_ptr_array_index (self->ports, index))->listener);
}
