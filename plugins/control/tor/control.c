/* SPDX-License-Identifier: BSD-3-Clause */
/* One running front end. */
#include "control.h"

#include <string.h>

#include <cepa/services.h>

#include "connection.h"
#include "events.h"
#include "listener.h"

CepaTorControl *
cepa_tor_control_new (const CepaHost *host, GError **error)
{
  g_autoptr (CepaTorControl) self = g_new0 (CepaTorControl, 1);

  self->host = host;
  self->listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_tor_listener_free);
  self->connections = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_tor_connection_unref);
  g_queue_init (&self->calls);
  self->auth = cepa_tor_auth_new (host, error);
  return self->auth != NULL ? g_steal_pointer (&self) : NULL;
}

void
cepa_tor_control_free (CepaTorControl *self)
{
  cepa_tor_control_stop (self);
  g_ptr_array_unref (self->connections);
  g_ptr_array_unref (self->listeners);
  g_clear_pointer (&self->auth, cepa_tor_auth_free);
  g_free (self);
}

void
cepa_tor_control_forget (CepaTorControl *self, CepaTorConnection *connection)
{
  g_ptr_array_remove (self->connections, connection);
}

static void
tor_control_on_accept (gpointer user_data, GSocket *socket)
{
  CepaTorControl *self = user_data;

  for (guint i = 0; i < self->connections->len && self->connections->len >= CEPA_TOR_MAX_CONNECTIONS; i++)
    {
      CepaTorConnection *connection = self->connections->pdata[i];

      if (!connection->authenticated)
        cepa_tor_connection_close (connection);
    }
  if (self->connections->len < CEPA_TOR_MAX_CONNECTIONS)
    {
      cepa_tor_connection_open (self, socket);
      return;
    }
  cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, "a controller was turned away: there are too many");
  g_object_unref (socket);
}

/* Whoever can connect can do with the daemon as he likes. */
static gboolean
tor_control_check_reach (CepaTorControl *self, const CepaTorAddress *address, const char *text, GError **error)
{
  gboolean is_open = cepa_tor_auth_is_open_to_all (self->auth);
  g_autofree char *warning = NULL;

  if (!address->loopback && is_open)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                   "the control port %s can be reached by others, and nobody has to authenticate there: give only a "
                   "port, or set CookieAuthentication or HashedControlPassword", text);
      return FALSE;
    }
  if (!address->loopback)
    warning = g_strdup_printf ("the control port %s can be reached by others, and nothing there is encrypted", text);
  else if (address->path == NULL && is_open)
    warning = g_strdup_printf ("every program on this machine can control the daemon at %s: set CookieAuthentication "
                               "or HashedControlPassword", text);
  if (warning != NULL)
    cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, warning);
  return TRUE;
}

static gboolean
tor_control_listen_at (CepaTorControl *self, CepaTorAddress *parsed, const char *text, GError **error)
{
  g_autoptr (CepaTorAddress) address = parsed;
  g_autofree char *line = NULL;
  CepaTorListener *listener;

  if (address == NULL)
    return FALSE;
  if (address->socket == NULL)
    return TRUE;
  if (!tor_control_check_reach (self, address, text, error))
    return FALSE;
  listener = cepa_tor_listener_new (self->host, address, tor_control_on_accept, self, error);
  if (listener == NULL)
    return FALSE;
  g_ptr_array_add (self->listeners, listener);
  line = g_strdup_printf ("Opened Control listener connection (ready) on %s", cepa_tor_listener_get_address (listener));
  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, line);
  return TRUE;
}

static gboolean
tor_control_listen (CepaTorControl *self, GError **error)
{
  const char *const *ports = cepa_host_option (self->host, "port");
  const char *const *sockets = cepa_host_option (self->host, "socket");

  for (guint i = 0; ports != NULL && ports[i] != NULL; i++)
    if (!tor_control_listen_at (self, cepa_tor_address_parse (ports[i], error), ports[i], error))
      return FALSE;
  for (guint i = 0; sockets != NULL && sockets[i] != NULL; i++)
    if (!g_str_equal (sockets[i], "0")
        && !tor_control_listen_at (self, cepa_tor_address_parse_path (sockets[i], error), sockets[i], error))
      return FALSE;
  return TRUE;
}

/* "PORT=127.0.0.1:9051", "UNIX_PORT=/run/x" */
static gboolean
tor_control_write_ports (CepaTorControl *self, GError **error)
{
  const char *path = cepa_host_option_text (self->host, "port-write-to-file", NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  if (path == NULL)
    return TRUE;
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const char *address = cepa_tor_listener_get_address (self->listeners->pdata[i]);
      gboolean is_unix = g_str_has_prefix (address, "unix:");

      g_string_append_printf (text, "%s=%s\n", is_unix ? "UNIX_PORT" : "PORT",
                              is_unix ? address + strlen ("unix:") : address);
    }
  return cepa_tor_file_write (&self->ports, path, text->str, text->len, error);
}

gboolean
cepa_tor_control_start (CepaTorControl *self, GError **error)
{
  self->events = cepa_tor_events_new (self);
  if (cepa_tor_auth_open (self->auth, error) && tor_control_listen (self, error)
      && tor_control_write_ports (self, error))
    return TRUE;
  cepa_tor_control_stop (self);
  return FALSE;
}

void
cepa_tor_control_stop (CepaTorControl *self)
{
  g_ptr_array_set_size (self->listeners, 0);
  while (self->connections->len > 0)
    {
      CepaTorConnection *connection = self->connections->pdata[0];

      /* It is not the controller that goes. */
      connection->owning = FALSE;
      cepa_tor_connection_close (connection);
    }
  g_clear_pointer (&self->events, cepa_tor_events_free);
  cepa_tor_calls_drop (self);
  cepa_tor_file_remove (&self->ports);
  if (self->auth != NULL)
    cepa_tor_auth_close (self->auth);
}

char *
cepa_tor_control_list_addresses (const CepaTorControl *self)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < self->listeners->len; i++)
    g_string_append_printf (out, "%s%s", i > 0 ? "\n" : "",
                            cepa_tor_listener_get_address (self->listeners->pdata[i]));
  return g_string_free (out, FALSE);
}
