/* SPDX-License-Identifier: BSD-3-Clause */
/* The message bus of the session or of the system, and the name on it. */
#include <string.h>

#include "dbus-private.h"

#define BUS_TIMEOUT_US (5 * G_USEC_PER_SEC) /* for the connection and the name */

struct _DbusBus
{
  CepaDbus *dbus; /* (nullable): NULL when the plugin has been stopped */
  const char *kind; /* "session", "system" */
  DbusBusFunc ended; /* (nullable): NULL once it was called */
  GCancellable *cancellable;
  uint64_t deadline; /* timer */
  GDBusConnection *connection; /* (nullable) */
  guint names; /* subscription */
  gboolean owns_name;
  gboolean is_busy; /* a call of ours is under way and comes back */
};

/* Returns: (transfer full) (nullable): where the bus is. Nothing is started to find out: neither GLib's look-up, which
   may run dbus-launch and wait for it, nor anything but a local socket is used. */
static char *
dbus_bus_find (const char *kind)
{
  gboolean is_session = strcmp (kind, "session") == 0;
  const char *address = g_getenv (is_session ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  g_autofree char *escaped = NULL;

  if (address != NULL)
    return g_str_has_prefix (address, "unix:") ? g_strdup (address) : NULL;
  if (!is_session)
    path = g_strdup ("/run/dbus/system_bus_socket");
  else if (runtime != NULL && g_path_is_absolute (runtime))
    path = g_build_filename (runtime, "bus", NULL);
  if (path == NULL || !g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  escaped = g_dbus_address_escape_value (path);
  return g_strconcat ("unix:path=", escaped, NULL);
}

static void
dbus_bus_end (DbusBus *self, const GError *error)
{
  DbusBusFunc ended = g_steal_pointer (&self->ended);

  cepa_host_timer_set (self->dbus->host, self->deadline, -1);
  if (ended != NULL)
    ended (self->dbus, error);
}

static void
dbus_bus_set_owner (DbusBus *self, gboolean owns_name)
{
  if (self->owns_name == owns_name)
    return;
  self->owns_name = owns_name;
  dbus_link_log (self->dbus, CEPA_HOST_LOG_INFO, "On the %s bus this daemon is %s " DBUS_NAME, self->kind,
                 owns_name ? "now" : "no longer");
}

/* The name may come later, when another daemon that has it ends. */
static void
dbus_bus_on_name_signal (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED const char *sender,
                         G_GNUC_UNUSED const char *path, G_GNUC_UNUSED const char *interface, const char *signal,
                         G_GNUC_UNUSED GVariant *args, gpointer user_data)
{
  dbus_bus_set_owner (user_data, strcmp (signal, "NameAcquired") == 0);
}

static void
dbus_bus_free_now (DbusBus *self)
{
  g_clear_object (&self->cancellable);
  g_clear_object (&self->connection);
  g_free (self);
}

/* The answer to RequestName: 1 is the owner, 2 waits in the queue. */
static void
dbus_bus_on_request (GObject *source, GAsyncResult *result, gpointer user_data)
{
  DbusBus *self = user_data;
  g_autoptr (GError) own = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &own);
  guint32 answer = 0;

  self->is_busy = FALSE;
  if (self->dbus == NULL)
    {
      dbus_bus_free_now (self);
      return;
    }
  if (reply != NULL)
    g_variant_get (reply, "(u)", &answer);
  if (answer == 1 || answer == 4)
    dbus_bus_set_owner (self, TRUE);
  else
    g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                 "the %s bus does not give the name " DBUS_NAME " to this daemon: %s", self->kind,
                 own != NULL ? own->message : "another one has it; when that one ends, this one gets it");
  dbus_bus_end (self, error);
}

/* The connection's end gives the name back: g_bus_own_name() would wait for that. */
static void
dbus_bus_request_name (DbusBus *self, GDBusConnection *connection)
{
  self->connection = g_object_ref (connection);
  self->names = g_dbus_connection_signal_subscribe (connection, "org.freedesktop.DBus", "org.freedesktop.DBus", NULL,
                                                    "/org/freedesktop/DBus", DBUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE,
                                                    dbus_bus_on_name_signal, self, NULL);
  self->is_busy = TRUE;
  g_dbus_connection_call (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "RequestName", g_variant_new ("(su)", DBUS_NAME, 0), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, -1, self->cancellable, dbus_bus_on_request, self);
}

static void
dbus_bus_on_connection (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  DbusBus *self = user_data;
  g_autoptr (GError) own = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_for_address_finish (result, &own);

  self->is_busy = FALSE;
  if (self->dbus == NULL)
    {
      if (connection != NULL)
        g_dbus_connection_close (connection, NULL, NULL, NULL);
      dbus_bus_free_now (self);
      return;
    }
  if (connection != NULL && dbus_link_add (self->dbus, connection, NULL, &own) != NULL)
    {
      dbus_bus_request_name (self, connection);
      return;
    }
  g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "connecting to the %s bus: %s", self->kind,
               own->message);
  dbus_bus_end (self, error);
}

static void
dbus_bus_on_deadline (void *user_data)
{
  DbusBus *self = user_data;
  g_autoptr (GError) error = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_TIMEOUT,
                                          "the %s bus does not answer", self->kind);

  g_cancellable_cancel (self->cancellable);
  dbus_bus_end (self, error);
}

DbusBus *
dbus_bus_new (CepaDbus *dbus, DbusBusFunc ended)
{
  const char *option = cepa_host_option_text (dbus->host, "bus", "auto");
  DbusBus *self = g_new0 (DbusBus, 1);

  self->dbus = dbus;
  self->kind = strcmp (option, "system") == 0 ? "system" : "session";
  self->ended = ended;
  self->cancellable = g_cancellable_new ();
  self->deadline = cepa_host_timer_new (dbus->host, dbus_bus_on_deadline, self);
  return self;
}

void
dbus_bus_connect (DbusBus *self)
{
  g_autofree char *address = dbus_bus_find (self->kind);
  g_autoptr (GError) error = NULL;

  if (address == NULL)
    {
      g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "there is no %s bus", self->kind);
      dbus_bus_end (self, error);
      return;
    }
  cepa_host_timer_set (self->dbus->host, self->deadline, BUS_TIMEOUT_US);
  self->is_busy = TRUE;
  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, self->cancellable, dbus_bus_on_connection, self);
}

void
dbus_bus_free (DbusBus *self)
{
  cepa_host_timer_free (self->dbus->host, self->deadline);
  if (self->names != 0)
    g_dbus_connection_signal_unsubscribe (self->connection, self->names);
  self->dbus = NULL;
  g_cancellable_cancel (self->cancellable);
  /* What is on its way comes back, and finds that nobody waits for it. */
  if (!self->is_busy)
    dbus_bus_free_now (self);
}

gboolean
dbus_bus_owns_name (const DbusBus *self)
{
  return self->owns_name && !g_dbus_connection_is_closed (self->connection);
}

const char *
dbus_bus_kind (const DbusBus *self)
{
  return self->kind;
}
