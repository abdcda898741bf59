/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/link.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/text.h"

#define LINK_NAME "org.cepa.Cepa1"
#define LINK_PATH "/org/cepa/Cepa1"
#define LINK_OPEN_SECONDS 5
#define LINK_CALL_SECONDS 20 /* a plugin's start may take 10 */

struct _CepaCtlLink
{
  GMainContext *context;
  GDBusConnection *connection; /* (nullable): NULL before it is found */
  const char *name;            /* (nullable): on a bus */
  gboolean is_closed;
  CepaCtlSignalFunc func;      /* (nullable) */
  gpointer user_data;
  guint n_signals;
};

/* One asynchronous call and how long it has taken. */
typedef struct
{
  CepaCtlLink *link;
  GAsyncResult *result; /* (nullable): NULL while it is under way */
  GCancellable *cancellable;
  const char *doing; /* (nullable) */
  guint seconds;
  guint max_seconds;
} LinkWait;

static void
link_on_result (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  LinkWait *wait = user_data;

  wait->result = g_object_ref (result);
}

/* From the second second on a person at a terminal sees that something is under way. */
static gboolean
link_on_second (gpointer user_data)
{
  LinkWait *wait = user_data;

  wait->seconds++;
  if (wait->seconds >= wait->max_seconds)
    g_cancellable_cancel (wait->cancellable);
  if (wait->doing != NULL && isatty (STDERR_FILENO))
    {
      fprintf (stderr, "\r%s: %u s", wait->doing, wait->seconds);
      fflush (stderr);
    }
  return G_SOURCE_CONTINUE;
}

/* Runs the loop until the call has come back. */
static void
link_wait_for (LinkWait *wait)
{
  GSource *timer = g_timeout_source_new_seconds (1);

  g_source_set_callback (timer, link_on_second, wait, NULL);
  g_source_attach (timer, wait->link->context);
  while (wait->result == NULL)
    g_main_context_iteration (wait->link->context, TRUE);
  g_source_destroy (timer);
  g_source_unref (timer);
  if (wait->seconds > 0 && wait->doing != NULL && isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[K");
}

static void
link_wait_clear (LinkWait *wait)
{
  g_clear_object (&wait->result);
  g_clear_object (&wait->cancellable);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LinkWait, link_wait_clear)

static void
link_on_closed (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED gboolean by_peer,
                G_GNUC_UNUSED GError *error, gpointer user_data)
{
  CepaCtlLink *self = user_data;

  self->is_closed = TRUE;
}

static gboolean
link_connect (CepaCtlLink *self, const char *address, gboolean is_bus, GError **error)
{
  g_auto (LinkWait) wait = { .link = self, .cancellable = g_cancellable_new (), .doing = "Connecting",
                             .max_seconds = LINK_OPEN_SECONDS };
  GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT;
  g_autoptr (GError) own = NULL;

  flags |= is_bus ? G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION : 0;
  g_dbus_connection_new_for_address (address, flags, NULL, wait.cancellable, link_on_result, &wait);
  link_wait_for (&wait);
  self->connection = g_dbus_connection_new_for_address_finish (wait.result, &own);
  if (self->connection == NULL && g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_NO_DAEMON, "has not answered for %d s", LINK_OPEN_SECONDS);
  else if (self->connection == NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  if (self->connection == NULL)
    return FALSE;
  g_signal_connect (self->connection, "closed", G_CALLBACK (link_on_closed), self);
  return TRUE;
}

static gboolean
link_connect_socket (CepaCtlLink *self, const char *path, GError **error)
{
  g_autofree char *escaped = g_dbus_address_escape_value (path);
  g_autofree char *address = g_strconcat ("unix:path=", escaped, NULL);

  return link_connect (self, address, FALSE, error);
}

/* Returns: (transfer full) (nullable): the address of a bus. */
static char *
link_find_bus (const char *kind)
{
  gboolean is_session = strcmp (kind, "session") == 0;
  const char *address = g_getenv (is_session ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  g_autofree char *escaped = NULL;

  if (address != NULL)
    return g_strdup (address);
  if (is_session && runtime == NULL)
    return NULL;
  path = is_session ? g_build_filename (runtime, "bus", NULL) : g_strdup ("/run/dbus/system_bus_socket");
  escaped = g_dbus_address_escape_value (path);
  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_strconcat ("unix:path=", escaped, NULL) : NULL;
}

/* A call of the bus itself or of the daemon. */
static GVariant *
link_call (CepaCtlLink *self, const char *name, const char *interface, const char *method, GVariant *args,
           const char *type, const char *doing, GError **error)
{
  g_auto (LinkWait) wait = { .link = self, .cancellable = g_cancellable_new (), .doing = doing,
                             .max_seconds = LINK_CALL_SECONDS };
  gboolean is_bus = g_strcmp0 (name, "org.freedesktop.DBus") == 0;

  g_dbus_connection_call (self->connection, name, is_bus ? "/org/freedesktop/DBus" : LINK_PATH, interface, method,
                          args, G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT, wait.cancellable,
                          link_on_result, &wait);
  link_wait_for (&wait);
  return g_dbus_connection_call_finish (self->connection, wait.result, error);
}

static gboolean
link_connect_bus (CepaCtlLink *self, const char *kind, GError **error)
{
  g_autofree char *address = link_find_bus (kind);
  g_autoptr (GVariant) reply = NULL;
  gboolean has_owner = FALSE;

  if (address == NULL)
    {
      g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_NO_DAEMON, "there is no %s bus", kind);
      return FALSE;
    }
  if (!link_connect (self, address, TRUE, error))
    return FALSE;
  reply = link_call (self, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameHasOwner",
                     g_variant_new ("(s)", LINK_NAME), "(b)", NULL, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(b)", &has_owner);
  if (!has_owner)
    {
      g_set_error_literal (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_NO_DAEMON, "nobody there is " LINK_NAME);
      g_clear_object (&self->connection);
      return FALSE;
    }
  self->name = LINK_NAME;
  return TRUE;
}

/* (transfer full): the places where the daemon's socket usually is. */
static GPtrArray *
link_list_sockets (void)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  const char *state = g_getenv ("XDG_STATE_HOME");

  if (runtime != NULL && g_path_is_absolute (runtime))
    g_ptr_array_add (paths, g_build_filename (runtime, "cepa", "bus", NULL));
  if (state != NULL && g_path_is_absolute (state))
    g_ptr_array_add (paths, g_build_filename (state, "cepa", "bus", NULL));
  else
    g_ptr_array_add (paths, g_build_filename (g_get_home_dir (), ".local", "state", "cepa", "bus", NULL));
  return paths;
}

/* Adds to what is said when there is no daemon anywhere. */
static void
link_add_reason (GString *text, const char *where, const GError *error)
{
  g_autofree char *reason = g_strdup (error->message);

  g_string_append_printf (text, "\n  %s: %s", where, reason);
}

/* Returns: FALSE with what was tried in @tried. */
static gboolean
link_search (CepaCtlLink *self, GString *tried)
{
  g_autoptr (GPtrArray) paths = link_list_sockets ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = g_ptr_array_index (paths, i);

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        g_set_error_literal (&error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_NO_DAEMON, "is not there");
      else if (link_connect_socket (self, path, &error))
        return TRUE;
      link_add_reason (tried, path, error);
      g_clear_error (&error);
    }
  if (link_connect_bus (self, "session", &error))
    return TRUE;
  link_add_reason (tried, "the session bus", error);
  return FALSE;
}

static gboolean
link_open (CepaCtlLink *self, const CepaCtlOptions *options, GError **error)
{
  g_autoptr (GString) tried = g_string_new (NULL);
  g_autoptr (GError) own = NULL;

  if (options->socket != NULL && link_connect_socket (self, options->socket, &own))
    return TRUE;
  if (options->socket != NULL)
    link_add_reason (tried, options->socket, own);
  else if (options->bus != NULL)
    {
      if (link_connect_bus (self, options->bus, &own))
        return TRUE;
      link_add_reason (tried, strcmp (options->bus, "system") == 0 ? "the system bus" : "the session bus", own);
    }
  else if (link_search (self, tried))
    return TRUE;
  g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_NO_DAEMON,
               "there is no daemon that answers. Start one with \"cepad\", or say with --socket where it is.\n"
               "It was looked for here:%s", tried->str);
  return FALSE;
}

CepaCtlLink *
cepa_ctl_link_open (const CepaCtlOptions *options, GError **error)
{
  CepaCtlLink *self = g_new0 (CepaCtlLink, 1);

  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  if (link_open (self, options, error))
    return self;
  cepa_ctl_link_free (self);
  return NULL;
}

void
cepa_ctl_link_free (CepaCtlLink *self)
{
  if (self->connection != NULL)
    g_signal_handlers_disconnect_by_data (self->connection, self);
  g_clear_object (&self->connection);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_free (self);
}

/* Says a failed call as people should read it. */
static void
link_explain (const CepaCtlLink *self, const char *method, GError *own, GError **error)
{
  gboolean is_cancelled = g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  if (self->is_closed || g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CLOSED)
      || g_error_matches (own, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY))
    g_set_error_literal (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_GONE, "the daemon has ended the connection");
  else if (is_cancelled)
    g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_FAILED, "the daemon has not answered %s for %d s", method,
                 LINK_CALL_SECONDS);
  else
    {
      g_dbus_error_strip_remote_error (own);
      g_set_error_literal (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_FAILED, own->message);
    }
}

GVariant *
cepa_ctl_link_call (CepaCtlLink *self, const char *method, GVariant *args, const char *type, const char *doing,
                    GError **error)
{
  const char *dot = strchr (method, '.');
  g_autofree char *interface = g_strdup_printf (CEPA_CTL_PREFIX "%.*s", (int) (dot - method), method);
  g_autoptr (GError) own = NULL;
  GVariant *reply = link_call (self, self->name, interface, dot + 1, args, type, doing, &own);

  if (reply == NULL)
    link_explain (self, method, own, error);
  return reply;
}

GVariant *
cepa_ctl_link_properties (CepaCtlLink *self, const char *interface_name, GError **error)
{
  g_autofree char *interface = g_strconcat (CEPA_CTL_PREFIX, interface_name, NULL);
  g_autoptr (GError) own = NULL;
  g_autoptr (GVariant) reply = link_call (self, self->name, "org.freedesktop.DBus.Properties", "GetAll",
                                          g_variant_new ("(s)", interface), "(a{sv})", "Asking the daemon", &own);

  if (reply != NULL)
    return g_variant_get_child_value (reply, 0);
  link_explain (self, interface_name, own, error);
  return NULL;
}

static void
link_on_signal (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED const char *sender,
                G_GNUC_UNUSED const char *path, const char *interface, const char *signal, GVariant *args,
                gpointer user_data)
{
  CepaCtlLink *self = user_data;

  self->n_signals++;
  if (g_str_has_prefix (interface, CEPA_CTL_PREFIX))
    self->func (self->user_data, interface + strlen (CEPA_CTL_PREFIX), signal, args);
}

static void
link_on_owner (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED const char *sender,
               G_GNUC_UNUSED const char *path, G_GNUC_UNUSED const char *interface, G_GNUC_UNUSED const char *signal,
               G_GNUC_UNUSED GVariant *args, gpointer user_data)
{
  CepaCtlLink *self = user_data;

  self->is_closed = TRUE;
}

void
cepa_ctl_link_listen (CepaCtlLink *self, CepaCtlSignalFunc func, gpointer user_data)
{
  self->func = func;
  self->user_data = user_data;
  g_dbus_connection_signal_subscribe (self->connection, self->name, NULL, NULL, LINK_PATH, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, link_on_signal, self, NULL);
  if (self->name != NULL)
    g_dbus_connection_signal_subscribe (self->connection, "org.freedesktop.DBus", "org.freedesktop.DBus",
                                        "NameOwnerChanged", NULL, self->name, G_DBUS_SIGNAL_FLAGS_NONE, link_on_owner,
                                        self, NULL);
}

static gboolean
link_on_timeout (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

gboolean
cepa_ctl_link_wait (CepaCtlLink *self, int timeout_ms, GError **error)
{
  gboolean is_over = FALSE;
  GSource *timer = timeout_ms >= 0 ? g_timeout_source_new ((guint) timeout_ms) : NULL;

  if (timer != NULL)
    {
      g_source_set_callback (timer, link_on_timeout, &is_over, NULL);
      g_source_attach (timer, self->context);
    }
  while (self->n_signals == 0 && !is_over && !self->is_closed)
    g_main_context_iteration (self->context, TRUE);
  if (timer != NULL)
    {
      g_source_destroy (timer);
      g_source_unref (timer);
    }
  /* What was said before it went is not lost. */
  if (self->n_signals == 0 && self->is_closed)
    {
      g_set_error_literal (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_GONE, "the daemon has ended the connection");
      return FALSE;
    }
  self->n_signals = 0;
  return TRUE;
}
