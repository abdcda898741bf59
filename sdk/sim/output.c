/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static gboolean
output_fail (const char *path, GError **error)
{
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot write %s: %s",
               strcmp (path, "-") == 0 ? "to the standard output" : path, g_strerror (errno));
  return FALSE;
}

gboolean
cepa_sim_output_check (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  gboolean is_there = access (path, F_OK) == 0;

  if (strcmp (path, "-") == 0)
    return TRUE;
  if (is_there && g_file_test (path, G_FILE_TEST_IS_DIR))
    errno = EISDIR;
  else if (faccessat (AT_FDCWD, is_there ? path : folder, is_there ? W_OK : W_OK | X_OK, AT_EACCESS) == 0)
    return TRUE;
  return output_fail (path, error);
}

int
cepa_sim_output_open (const char *path, GError **error)
{
  int fd;

  if (strcmp (path, "-") == 0)
    return STDOUT_FILENO;
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    output_fail (path, error);
  return fd;
}

gboolean
cepa_sim_output_close (int fd, const char *path, GError **error)
{
  if (fd == STDOUT_FILENO)
    return TRUE;
  return close (fd) == 0 || output_fail (path, error);
}

void
cepa_sim_output_discard (int fd, const char *path)
{
  struct stat st;

  if (fd == STDOUT_FILENO)
    return;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    unlink (path);
  close (fd);
}

gboolean
cepa_sim_output_write (const char *path, const char *text, gsize len, GError **error)
{
  int fd = cepa_sim_output_open (path, error);

  if (fd < 0)
    return FALSE;
  while (len > 0)
    {
      ssize_t n = write (fd, text, len);

      if (n < 0 && errno != EINTR)
        {
          output_fail (path, error);
          cepa_sim_output_discard (fd, path);
          return FALSE;
        }
      text += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }
  return cepa_sim_output_close (fd, path, error);
}
