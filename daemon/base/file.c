/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

gboolean
cepa_file_prepare_directory (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  struct stat st;

  if (g_mkdir_with_parents (parent, 0700) == 0 && g_mkdir (path, 0700) == 0)
    return TRUE;
  if (errno != EEXIST)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot make the directory %s: %s", path, g_strerror (errno));
      return FALSE;
    }
  if (stat (path, &st) != 0 || !S_ISDIR (st.st_mode))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s is not a directory", path);
      return FALSE;
    }
  if (st.st_uid != geteuid ())
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s belongs to user %u, not to this one (%u)", path,
                   (guint) st.st_uid, (guint) geteuid ());
      return FALSE;
    }
  if ((st.st_mode & 077) != 0 && chmod (path, 0700) != 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot keep others out of %s: %s", path, g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

static gboolean
file_write_all (int fd, const guint8 *data, gsize len)
{
  while (len > 0)
    {
      ssize_t n = write (fd, data, len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      data += n;
      len -= (gsize) n;
    }
  return TRUE;
}

gboolean
cepa_file_write (const char *path, GBytes *const *parts, guint n_parts, GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("%s.tmp", path);
  gboolean ok;
  int fd;

  g_unlink (temporary); /* one that a crash left behind may have any mode and owner */
  fd = g_open (temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  ok = fd >= 0;
  for (guint i = 0; ok && i < n_parts; i++)
    {
      gsize len;
      const guint8 *data = g_bytes_get_data (parts[i], &len);

      ok = file_write_all (fd, data, len);
    }
  ok = ok && fsync (fd) == 0;
  ok = ok && g_rename (temporary, path) == 0;
  if (!ok)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot write %s: %s", path, g_strerror (errno));
      if (fd >= 0)
        g_unlink (temporary);
    }
  if (fd >= 0)
    close (fd);
  return ok;
}

/* A descriptor for reading; -1 with an error. */
static int
file_open (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = errno;
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    return fd;
  g_set_error (error, CEPA_ERROR, fd < 0 && code == ENOENT ? CEPA_ERROR_NOT_FOUND : CEPA_ERROR_FILE, "cannot read %s: %s",
               path, fd < 0 ? g_strerror (code) : "it is not a regular file");
  if (fd >= 0)
    close (fd);
  return -1;
}

GBytes *
cepa_file_map (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GMappedFile) file = NULL;
  int fd = file_open (path, error);

  if (fd < 0)
    return NULL;
  file = g_mapped_file_new_from_fd (fd, FALSE, &cause);
  close (fd);
  if (file != NULL)
    return g_mapped_file_get_bytes (file);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot read %s: %s", path, cause->message);
  return NULL;
}

void
cepa_file_forget_pages (GBytes *mapped)
{
  gsize len = 0;
  gconstpointer data = mapped != NULL ? g_bytes_get_data (mapped, &len) : NULL;

  /* A mapping of GLib's begins at a page's start. It is private and was never written to. */
  if (len > 0)
    madvise ((gpointer) data, len, MADV_DONTNEED);
}

int
cepa_file_lock (const char *path, GError **error)
{
  int fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (errno == EWOULDBLOCK)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "another process holds %s: is a Tor client already running there?",
                 path);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot lock %s: %s", path, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}
