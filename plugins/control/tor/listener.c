/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that controllers connect to. */
#include "listener.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cepa/loop.h>
#include <cepa/services.h>

#include "file.h"

/* Controllers that are taken in one turn. */
#define TOR_LISTENER_BATCH 16

#define TOR_LISTENER_BACKLOG 32

/* How long nobody is taken after it failed, as it does when there are no descriptors. */
#define TOR_LISTENER_REST_US (1 * G_USEC_PER_SEC)

struct _CepaTorListener
{
  const CepaHost *host;
  GSocket *socket;
  char *address;
  CepaTorFile file;
  uint64_t watch, rest;
  CepaTorAcceptFunc func;
  gpointer user_data;
};

static void
tor_listener_on_rested (void *user_data)
{
  CepaTorListener *self = user_data;

  cepa_host_watch_set (self->host, self->watch, CEPA_WATCH_READ);
}

static void
tor_listener_on_ready (void *user_data, G_GNUC_UNUSED int fd, G_GNUC_UNUSED uint32_t events)
{
  CepaTorListener *self = user_data;

  for (guint i = 0; i < TOR_LISTENER_BATCH; i++)
    {
      g_autoptr (GError) error = NULL;
      GSocket *socket = g_socket_accept (self->socket, NULL, &error);

      if (socket == NULL)
        {
          if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            return;
          cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, error->message);
          cepa_host_watch_set (self->host, self->watch, 0);
          cepa_host_timer_set (self->host, self->rest, TOR_LISTENER_REST_US);
          return;
        }
      g_socket_set_blocking (socket, FALSE);
      self->func (self->user_data, socket);
    }
}

/* Others must not be able to put a socket of theirs in the place of ours. */
static gboolean
tor_listener_check_folder (const CepaTorAddress *address, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (address->path);
  guint forbidden = (address->mode & 0006) != 0 ? 0 : (address->mode & 0060) != 0 ? 0002 : 0022;
  struct stat info;

  if (address->any_folder)
    return TRUE;
  if (stat (folder, &info) < 0)
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "the folder of the control socket, %s: %s", folder,
                 g_strerror (errno));
  else if ((info.st_uid != 0 && info.st_uid != geteuid ()) || (info.st_mode & forbidden) != 0)
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE,
                 "others can write to %s, the folder of the control socket: chmod 700 it, choose another one, or add "
                 "RelaxDirModeCheck behind the path", folder);
  else
    return TRUE;
  return FALSE;
}

/* A socket's file outlives a process that was killed. */
static gboolean
tor_listener_clear_path (const CepaTorAddress *address, GError **error)
{
  g_autoptr (GSocket) probe = NULL;
  struct stat info;

  if (lstat (address->path, &info) < 0)
    return TRUE;
  if (!S_ISSOCK (info.st_mode))
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE,
                   "the place of the control socket, %s, is taken by something that is no socket", address->path);
      return FALSE;
    }
  probe = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (probe == NULL)
    return FALSE;
  g_socket_set_blocking (probe, FALSE);
  if (g_socket_connect (probe, address->socket, NULL, NULL))
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "another process listens at %s",
                   address->path);
      return FALSE;
    }
  (void) unlink (address->path);
  return TRUE;
}

static gboolean
tor_listener_bind (CepaTorListener *self, const CepaTorAddress *address, GError **error)
{
  if (address->path != NULL
      && (!tor_listener_check_folder (address, error) || !tor_listener_clear_path (address, error)))
    return FALSE;
  self->socket = g_socket_new (g_socket_address_get_family (address->socket), G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_DEFAULT, error);
  if (self->socket == NULL)
    return FALSE;
  g_socket_set_blocking (self->socket, FALSE);
  g_socket_set_listen_backlog (self->socket, TOR_LISTENER_BACKLOG);
  if (!g_socket_bind (self->socket, address->socket, TRUE, error))
    return FALSE;
  if (address->path != NULL)
    {
      if (!cepa_tor_file_adopt (&self->file, address->path, error))
        return FALSE;
      /* Nobody can connect before it listens, whatever the umask gave it. */
      if (chmod (address->path, address->mode) < 0)
        {
          g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "setting the mode of %s: %s", address->path,
                       g_strerror (errno));
          return FALSE;
        }
    }
  return g_socket_listen (self->socket, error);
}

CepaTorListener *
cepa_tor_listener_new (const CepaHost *host, const CepaTorAddress *address, CepaTorAcceptFunc func, gpointer user_data,
                       GError **error)
{
  g_autoptr (CepaTorListener) self = g_new0 (CepaTorListener, 1);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autofree char *wanted = cepa_tor_address_to_text (address->socket);

  self->host = host;
  self->func = func;
  self->user_data = user_data;
  if (!tor_listener_bind (self, address, error))
    {
      g_prefix_error (error, "listening at %s: ", wanted);
      if (error != NULL && (*error)->domain != CEPA_PLUGIN_ERROR)
        {
          (*error)->domain = CEPA_PLUGIN_ERROR;
          (*error)->code = CEPA_PLUGIN_ERROR_NETWORK;
        }
      return NULL;
    }
  bound = address->path == NULL ? g_socket_get_local_address (self->socket, NULL) : NULL;
  self->address = bound != NULL ? cepa_tor_address_to_text (bound) : g_steal_pointer (&wanted);
  self->rest = cepa_host_timer_new (host, tor_listener_on_rested, self);
  self->watch = cepa_host_watch_new (host, g_socket_get_fd (self->socket), CEPA_WATCH_READ, tor_listener_on_ready,
                                     self);
  return g_steal_pointer (&self);
}

void
cepa_tor_listener_free (CepaTorListener *self)
{
  cepa_host_watch_free (self->host, self->watch);
  cepa_host_timer_free (self->host, self->rest);
  cepa_tor_file_remove (&self->file);
  g_clear_object (&self->socket);
  g_free (self->address);
  g_free (self);
}

const char *
cepa_tor_listener_get_address (const CepaTorListener *self)
{
  return self->address;
}
