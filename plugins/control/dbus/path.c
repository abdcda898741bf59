/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket's place in the file system: whose it is, what may be replaced, who gets it of two daemons. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dbus-private.h"

#define PATH_BACKLOG 16

static gboolean
dbus_path_fail (GError **error, const char *path, const char *what)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s: %s", path, what);
  return FALSE;
}

/* Returns: (transfer full) (nullable): $XDG_RUNTIME_DIR/cepa/bus; NULL where that folder is not this user's, as it is
   after su(1). */
char *
dbus_path_in_runtime_directory (void)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  struct stat st;

  if (runtime == NULL || !g_path_is_absolute (runtime) || stat (runtime, &st) != 0)
    return NULL;
  if (!S_ISDIR (st.st_mode) || st.st_uid != geteuid ())
    return NULL;
  return g_build_filename (runtime, "cepa", "bus", NULL);
}

/* Opens the folder of a socket. One that is ours alone is made, and closed to others. */
static int
dbus_path_open_folder (const char *folder, gboolean is_ours, GError **error)
{
  struct stat st;
  int fd;

  if (is_ours && mkdir (folder, 0700) != 0 && errno != EEXIST)
    {
      dbus_path_fail (error, folder, g_strerror (errno));
      return -1;
    }
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_ours ? O_NOFOLLOW : 0));
  if (fd < 0 || fstat (fd, &st) != 0)
    {
      dbus_path_fail (error, folder, g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return -1;
    }
  if (is_ours && (st.st_uid != geteuid () || ((st.st_mode & 077) != 0 && fchmod (fd, 0700) != 0)))
    {
      dbus_path_fail (error, folder, "belongs to another user; a folder of this user is needed");
      close (fd);
      return -1;
    }
  return fd;
}

static gboolean
dbus_path_fill_address (const char *path, struct sockaddr_un *address, GError **error)
{
  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (g_strlcpy (address->sun_path, path, sizeof address->sun_path) < sizeof address->sun_path)
    return TRUE;
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
               "%s: the path of a socket has at most %d bytes; set PluginOption control.dbus.socket to a shorter one",
               path, (int) sizeof address->sun_path - 1);
  return FALSE;
}

/* Whether somebody listens at @address. */
static gboolean
dbus_path_is_answered (const struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  gboolean answered = fd >= 0;

  /* A full backlog, EAGAIN, is somebody too. */
  if (fd >= 0 && connect (fd, (const struct sockaddr *) address, sizeof *address) != 0)
    answered = errno == EAGAIN || errno == EINPROGRESS;
  if (fd >= 0)
    close (fd);
  return answered;
}

/* Takes a socket away that nobody listens on any more. Returns: FALSE when what is there has to stay. */
static gboolean
dbus_path_clear (const char *path, const struct sockaddr_un *address, gboolean *is_taken, GError **error)
{
  struct stat st;

  if (lstat (path, &st) != 0)
    return errno == ENOENT || dbus_path_fail (error, path, g_strerror (errno));
  if (!S_ISSOCK (st.st_mode))
    return dbus_path_fail (error, path, "is there and is no socket; remove it or choose another path");
  if (st.st_uid != geteuid ())
    return dbus_path_fail (error, path, "is a socket of another user");
  *is_taken = dbus_path_is_answered (address);
  if (*is_taken)
    return dbus_path_fail (error, path, "another program, most likely another cepad, answers there");
  if (unlink (path) != 0 && errno != ENOENT)
    return dbus_path_fail (error, path, g_strerror (errno));
  return TRUE;
}

/* Returns: a listening socket that only this user can connect to; -1 on failure. */
static int
dbus_path_bind (const char *path, const struct sockaddr_un *address, GError **error)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  /* The mode set before bind(2) is the file's: there is no moment in which it is another. */
  if (fd >= 0 && fchmod (fd, 0600) == 0 && bind (fd, (const struct sockaddr *) address, sizeof *address) == 0
      && listen (fd, PATH_BACKLOG) == 0)
    return fd;
  dbus_path_fail (error, path, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

int
dbus_path_listen (const char *path, gboolean make_folder, gboolean *is_taken, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  struct sockaddr_un address;
  int folder_fd, fd = -1;

  *is_taken = FALSE;
  if (!dbus_path_fill_address (path, &address, error))
    return -1;
  folder_fd = dbus_path_open_folder (folder, make_folder, error);
  if (folder_fd < 0)
    return -1;
  /* Of two daemons that start at once, only one may take a dead socket away; the lock ends with the descriptor. */
  if (flock (folder_fd, LOCK_EX | LOCK_NB) != 0)
    {
      *is_taken = TRUE;
      dbus_path_fail (error, path, "another program is taking this place just now");
    }
  else if (dbus_path_clear (path, &address, is_taken, error))
    fd = dbus_path_bind (path, &address, error);
  close (folder_fd);
  return fd;
}
