/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a torrc: reading them, and what %include names. */
#include "config/torrc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

typedef struct
{
  GPtrArray *lines; /* (element-type CepaTorrcLine): of all files, in order */
  guint n_files;
  const CepaTorrcLine *include; /* (nullable): the line that names what is read now */
} TorrcLoader;

static gboolean torrc_load_into (TorrcLoader *loader, const char *path, guint depth, GError **error);

static gboolean
torrc_load_fail (const TorrcLoader *loader, const char *name, int cause, GError **error)
{
  if (loader->include != NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s: %%include: cannot read %s: %s",
                 loader->include->where, name, g_strerror (cause));
  else
    g_set_error (error, CEPA_ERROR, cause == ENOENT ? CEPA_ERROR_NOT_FOUND : CEPA_ERROR_CONFIG,
                 "cannot read %s: %s", name, g_strerror (cause));
  return FALSE;
}

/* Reads one byte more than is allowed at most, so that the parser sees that there is too much. */
static gboolean
torrc_load_read (const TorrcLoader *loader, int fd, const char *name, GString *text, GError **error)
{
  char block[16384];
  ssize_t n = 1;

  while (n > 0 && text->len <= CEPA_TORRC_MAX_SIZE)
    {
      n = read (fd, block, MIN (sizeof block, CEPA_TORRC_MAX_SIZE + 1 - text->len));
      if (n < 0 && errno == EINTR)
        n = 1;
      else if (n < 0)
        return torrc_load_fail (loader, name, errno, error);
      else
        g_string_append_len (text, block, n);
    }
  return TRUE;
}

static gboolean
torrc_load_text (const TorrcLoader *loader, const char *path, const char *name, GString *text, GError **error)
{
  gboolean is_input = loader->include == NULL && g_str_equal (path, "-");
  int fd = is_input ? STDIN_FILENO : g_open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
  gboolean ok;

  if (fd < 0)
    return torrc_load_fail (loader, name, errno, error);
  ok = torrc_load_read (loader, fd, name, text, error);
  if (!is_input)
    close (fd);
  return ok;
}

static int
torrc_load_compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The regular files of @folder by name, without those that begin with a dot and without folders in it. */
static gboolean
torrc_load_list_folder (const TorrcLoader *loader, const char *folder, GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  DIR *dir = opendir (folder);
  const struct dirent *entry;

  if (dir == NULL)
    return torrc_load_fail (loader, folder, errno, error);
  while ((entry = readdir (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, entry->d_name, NULL);

      if (entry->d_name[0] != '.' && g_file_test (path, G_FILE_TEST_IS_REGULAR))
        g_ptr_array_add (found, g_steal_pointer (&path));
    }
  closedir (dir);
  g_ptr_array_sort (found, torrc_load_compare);
  g_ptr_array_extend_and_steal (paths, g_steal_pointer (&found));
  return TRUE;
}

/* A pattern that fits nothing names no files, which is no error: a folder for additions may be empty. */
static gboolean
torrc_load_expand (const TorrcLoader *loader, const char *pattern, GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) matches = g_ptr_array_new_with_free_func (g_free);
  glob_t found = { 0 };

  if (strpbrk (pattern, "*?") == NULL)
    g_ptr_array_add (matches, g_strdup (pattern));
  else if (glob (pattern, GLOB_NOSORT, NULL, &found) == 0)
    for (gsize i = 0; i < found.gl_pathc; i++)
      g_ptr_array_add (matches, g_strdup (found.gl_pathv[i]));
  globfree (&found);
  g_ptr_array_sort (matches, torrc_load_compare);

  for (guint i = 0; i < matches->len; i++)
    {
      const char *path = matches->pdata[i];

      if (!g_file_test (path, G_FILE_TEST_IS_DIR))
        g_ptr_array_add (paths, g_strdup (path));
      else if (!torrc_load_list_folder (loader, path, paths, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
torrc_load_include (TorrcLoader *loader, const CepaTorrcLine *line, guint depth, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  const CepaTorrcLine *outer = loader->include;
  gboolean ok;

  if (line->value[0] == '\0')
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                   "%s: %%include: a file, a folder or a pattern is needed", line->where);
      return FALSE;
    }
  if (depth + 1 > CEPA_TORRC_MAX_DEPTH)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                   "%s: %%include: files include each other more than %d deep", line->where,
                   CEPA_TORRC_MAX_DEPTH);
      return FALSE;
    }
  loader->include = line;
  ok = torrc_load_expand (loader, line->value, paths, error);
  for (guint i = 0; ok && i < paths->len; i++)
    ok = torrc_load_into (loader, paths->pdata[i], depth + 1, error);
  loader->include = outer;
  return ok;
}

static gboolean
torrc_load_into (TorrcLoader *loader, const char *path, guint depth, GError **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  g_autoptr (GString) text = g_string_new (NULL);
  const char *name = loader->include == NULL && g_str_equal (path, "-") ? "standard input" : path;

  if (++loader->n_files > CEPA_TORRC_MAX_FILES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s: more than %d files are included", name,
                   CEPA_TORRC_MAX_FILES);
      return FALSE;
    }
  if (!torrc_load_text (loader, path, name, text, error)
      || !cepa_torrc_parse (text->str, text->len, name, lines, error))
    return FALSE;
  for (guint i = 0; i < lines->len; i++)
    {
      CepaTorrcLine *line = lines->pdata[i];

      if (!g_str_equal (line->key, "%include"))
        g_ptr_array_add (loader->lines, g_steal_pointer (&lines->pdata[i]));
      else if (!torrc_load_include (loader, line, depth, error))
        return FALSE;
    }
  return TRUE;
}

GPtrArray *
cepa_torrc_load (const char *path, GError **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  TorrcLoader loader = { .lines = lines };

  return torrc_load_into (&loader, path, 1, error) ? g_steal_pointer (&lines) : NULL;
}
