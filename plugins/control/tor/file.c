/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files that others wait for. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cepa/error.h>

static gboolean
tor_file_fail (const char *path, GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "writing %s: %s", path, g_strerror (errno));
  return FALSE;
}

gboolean
cepa_tor_file_adopt (CepaTorFile *self, const char *path, GError **error)
{
  struct stat info;

  if (lstat (path, &info) < 0)
    return tor_file_fail (path, error);
  g_free (self->path);
  *self = (CepaTorFile) { .path = g_strdup (path), .device = info.st_dev, .inode = info.st_ino };
  return TRUE;
}

gboolean
cepa_tor_file_write (CepaTorFile *self, const char *path, const void *data, gsize len, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".tmp", NULL);
  int fd;
  gboolean ok;

  /* What a run that was killed has left. It is made anew, never written to: it could be somebody's link. */
  (void) unlink (temporary);
  fd = open (temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return tor_file_fail (temporary, error);
  ok = write (fd, data, len) == (ssize_t) len;
  ok = close (fd) == 0 && ok;
  ok = ok && rename (temporary, path) == 0;
  if (!ok)
    {
      tor_file_fail (path, error);
      (void) unlink (temporary);
      return FALSE;
    }
  return cepa_tor_file_adopt (self, path, error);
}

void
cepa_tor_file_remove (CepaTorFile *self)
{
  struct stat info;

  if (self->path != NULL && lstat (self->path, &info) == 0 && info.st_dev == self->device
      && info.st_ino == self->inode)
    (void) unlink (self->path);
  g_clear_pointer (&self->path, g_free);
}
