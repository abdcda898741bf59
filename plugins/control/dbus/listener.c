/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket, and peers until they are authenticated. GDBusServer is not used: it takes everybody at once, each with a
   thread, and waits for ever for those who say nothing. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbus-private.h"

#define LISTENER_RETRY_US G_USEC_PER_SEC /* when there are no descriptors left */

struct _DbusListener
{
  CepaDbus *dbus;
  char *path;
  dev_t device; /* of the socket's file */
  ino_t inode;
  int fd;
  uint64_t watch;
  uint64_t retry; /* timer */
  GDBusAuthObserver *observer;
  GList *newcomers; /* of DbusNewcomer */
};

/* A peer that is authenticating. */
typedef struct
{
  DbusListener *listener; /* (nullable): NULL when the listener is gone */
  GSocket *socket;
  GCancellable *cancellable;
  uint64_t deadline; /* timer */
} DbusNewcomer;

/* In a thread of GIO's pool. */
static gboolean
dbus_listener_on_mechanism (G_GNUC_UNUSED GDBusAuthObserver *observer, const char *mechanism,
                            G_GNUC_UNUSED gpointer user_data)
{
  return strcmp (mechanism, "EXTERNAL") == 0;
}

static gboolean
dbus_listener_is_welcome (uid_t uid)
{
  return uid == geteuid () || uid == 0;
}

/* In a thread of GIO's pool. */
static gboolean
dbus_listener_on_peer (G_GNUC_UNUSED GDBusAuthObserver *observer, G_GNUC_UNUSED GIOStream *stream,
                       GCredentials *credentials, G_GNUC_UNUSED gpointer user_data)
{
  uid_t uid = credentials != NULL ? g_credentials_get_unix_user (credentials, NULL) : (uid_t) -1;

  return uid != (uid_t) -1 && dbus_listener_is_welcome (uid);
}

/* The kernel's word on who has connected, before a byte of it is read. */
static gboolean
dbus_listener_check_uid (int fd)
{
  struct ucred peer = { .uid = (uid_t) -1 };
  socklen_t len = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && dbus_listener_is_welcome (peer.uid);
}

static gboolean
dbus_listener_is_busy (const DbusListener *self)
{
  return g_list_length (self->newcomers) >= DBUS_MAX_AUTHENTICATING;
}

static void
dbus_newcomer_free (DbusNewcomer *self)
{
  g_object_unref (self->socket);
  g_object_unref (self->cancellable);
  g_free (self);
}

/* Takes @self out of the listener, which may then take the next. */
static void
dbus_newcomer_leave (DbusNewcomer *self)
{
  DbusListener *listener = self->listener;

  listener->newcomers = g_list_remove (listener->newcomers, self);
  cepa_host_timer_free (listener->dbus->host, self->deadline);
  self->deadline = 0;
  self->listener = NULL;
  cepa_host_watch_set (listener->dbus->host, listener->watch, CEPA_WATCH_READ);
}

static void
dbus_newcomer_on_deadline (void *user_data)
{
  DbusNewcomer *self = user_data;

  g_cancellable_cancel (self->cancellable);
  g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
}

static void
dbus_newcomer_on_ready (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  DbusNewcomer *self = user_data;
  CepaDbus *dbus = self->listener != NULL ? self->listener->dbus : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_finish (result, &error);

  if (dbus != NULL)
    {
      dbus_newcomer_leave (self);
      if (connection != NULL && dbus_link_add (dbus, connection, self->socket, &error) != NULL)
        g_dbus_connection_start_message_processing (connection);
      else
        dbus_link_log (dbus, CEPA_HOST_LOG_INFO, "A program on the socket is not let in: %s", error->message);
    }
  else
    g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
  dbus_newcomer_free (self);
}

/* @fd: (transfer full) */
static void
dbus_listener_welcome (DbusListener *self, int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = NULL;
  DbusNewcomer *newcomer;
  guint32 id[4];

  if (socket == NULL)
    {
      close (fd);
      dbus_link_log (self->dbus, CEPA_HOST_LOG_WARNING, "A program on the socket is lost: %s", error->message);
      return;
    }
  stream = g_socket_connection_factory_create_connection (socket);
  cepa_host_random (self->dbus->host, id, sizeof id);
  guid = g_strdup_printf ("%08x%08x%08x%08x", id[0], id[1], id[2], id[3]);
  newcomer = g_new0 (DbusNewcomer, 1);
  newcomer->listener = self;
  newcomer->socket = g_object_ref (socket);
  newcomer->cancellable = g_cancellable_new ();
  newcomer->deadline = cepa_host_timer_new (self->dbus->host, dbus_newcomer_on_deadline, newcomer);
  cepa_host_timer_set (self->dbus->host, newcomer->deadline, DBUS_AUTHENTICATION_US);
  self->newcomers = g_list_prepend (self->newcomers, newcomer);
  g_dbus_connection_new (G_IO_STREAM (stream), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
                             | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         self->observer, newcomer->cancellable, dbus_newcomer_on_ready, newcomer);
}

static guint
dbus_listener_count_peers (const DbusListener *self)
{
  guint n = g_list_length (self->newcomers);

  for (guint i = 0; i < self->dbus->links->len; i++)
    n += ((const DbusLink *) g_ptr_array_index (self->dbus->links, i))->is_bus ? 0 : 1;
  return n;
}

static void
dbus_listener_on_retry (void *user_data)
{
  DbusListener *self = user_data;

  cepa_host_watch_set (self->dbus->host, self->watch, CEPA_WATCH_READ);
}

static void
dbus_listener_on_ready (void *user_data, int fd, G_GNUC_UNUSED uint32_t events)
{
  DbusListener *self = user_data;

  while (!dbus_listener_is_busy (self))
    {
      int peer = accept4 (fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (peer >= 0 && dbus_listener_check_uid (peer) && dbus_listener_count_peers (self) < DBUS_MAX_PEERS)
        dbus_listener_welcome (self, peer);
      else if (peer >= 0)
        close (peer);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        {
          cepa_host_watch_set (self->dbus->host, self->watch, 0);
          cepa_host_timer_set (self->dbus->host, self->retry, LISTENER_RETRY_US);
          return;
        }
      else if (errno != ECONNABORTED && errno != EINTR)
        return;
    }
  /* The others wait in the kernel's queue. */
  cepa_host_watch_set (self->dbus->host, self->watch, 0);
}

/* Returns: (transfer full) (nullable): DataDirectory/bus. */
static char *
dbus_listener_find_fallback (CepaDbus *dbus, GError **error)
{
  g_autoptr (GError) own = NULL;
  g_autoptr (GVariant) value = cepa_vocabulary_get (dbus->host, "Client1", "DataDirectory", &own);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      && g_path_is_absolute (g_variant_get_string (value, NULL)))
    return g_build_filename (g_variant_get_string (value, NULL), "bus", NULL);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE,
               "there is no XDG_RUNTIME_DIR and no DataDirectory for the socket%s%s; set PluginOption"
               " control.dbus.socket", own != NULL ? ": " : "", own != NULL ? own->message : "");
  return NULL;
}

/* Listens where the user said, or in the runtime directory, or, where there is none or another daemon has that place, in
   the data directory. */
static gboolean
dbus_listener_bind (DbusListener *self, GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean is_taken = FALSE;

  self->path = g_strdup (cepa_host_option_text (self->dbus->host, "socket", NULL));
  if (self->path != NULL)
    {
      self->fd = dbus_path_listen (self->path, FALSE, &is_taken, error);
      return self->fd >= 0;
    }
  self->path = dbus_path_in_runtime_directory ();
  if (self->path != NULL)
    {
      self->fd = dbus_path_listen (self->path, TRUE, &is_taken, &own);
      if (self->fd >= 0)
        return TRUE;
      dbus_link_log (self->dbus, CEPA_HOST_LOG_NOTICE, "%s. The socket is in the data directory therefore.",
                     own->message);
      g_clear_pointer (&self->path, g_free);
    }
  self->path = dbus_listener_find_fallback (self->dbus, error);
  if (self->path == NULL)
    return FALSE;
  self->fd = dbus_path_listen (self->path, TRUE, &is_taken, error);
  return self->fd >= 0;
}

DbusListener *
dbus_listener_new (CepaDbus *dbus, GError **error)
{
  DbusListener *self = g_new0 (DbusListener, 1);
  struct stat st;

  self->dbus = dbus;
  self->fd = -1;
  if (!dbus_listener_bind (self, error))
    {
      dbus_listener_free (self);
      return NULL;
    }
  if (lstat (self->path, &st) == 0)
    {
      self->device = st.st_dev;
      self->inode = st.st_ino;
    }
  self->observer = g_dbus_auth_observer_new ();
  g_signal_connect (self->observer, "allow-mechanism", G_CALLBACK (dbus_listener_on_mechanism), NULL);
  g_signal_connect (self->observer, "authorize-authenticated-peer", G_CALLBACK (dbus_listener_on_peer), NULL);
  self->retry = cepa_host_timer_new (dbus->host, dbus_listener_on_retry, self);
  self->watch = cepa_host_watch_new (dbus->host, self->fd, CEPA_WATCH_READ, dbus_listener_on_ready, self);
  dbus_link_log (dbus, CEPA_HOST_LOG_NOTICE, "Listening on unix:%s", self->path);
  return self;
}

void
dbus_listener_free (DbusListener *self)
{
  struct stat st;

  cepa_host_watch_free (self->dbus->host, self->watch);
  cepa_host_timer_free (self->dbus->host, self->retry);
  self->watch = 0;
  while (self->newcomers != NULL)
    {
      DbusNewcomer *newcomer = self->newcomers->data;

      dbus_newcomer_on_deadline (newcomer);
      dbus_newcomer_leave (newcomer);
    }
  if (self->fd >= 0)
    {
      /* Another daemon may have put its own there. */
      if (lstat (self->path, &st) == 0 && st.st_dev == self->device && st.st_ino == self->inode)
        unlink (self->path);
      close (self->fd);
    }
  g_clear_object (&self->observer);
  g_free (self->path);
  g_free (self);
}

const char *
dbus_listener_path (const DbusListener *self)
{
  return self->path;
}
