/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scan.h"

#include <string.h>

#include "base/log.h"

#define SCAN_KEYFILE_SUFFIX ".plugin"
#define SCAN_MAX_DEPTH 3

typedef struct
{
  CepaPluginHost *host;
  GPtrArray *plugins;
} Scan;

/* What is refused is kept too, to be shown with the reason. */
static void
scan_refuse (Scan *self, const char *keyfile, const char *reason)
{
  CepaHostPlugin *plugin = cepa_host_plugin_new (self->host, keyfile, NULL);

  g_ptr_array_add (self->plugins, plugin);
  cepa_host_plugin_set_state (plugin, CEPA_PLUGIN_REFUSED, reason);
}

static const CepaHostPlugin *
scan_find (const Scan *self, const char *id)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->file != NULL && strcmp (plugin->file->id, id) == 0)
        return plugin;
    }
  return NULL;
}

static void
scan_keyfile (Scan *self, const char *keyfile)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaPluginFile) file = cepa_plugin_file_read (keyfile, &error);
  const CepaHostPlugin *other = file != NULL ? scan_find (self, file->id) : NULL;

  if (file == NULL)
    scan_refuse (self, keyfile, error->message);
  else if (other == NULL)
    g_ptr_array_add (self->plugins, cepa_host_plugin_new (self->host, keyfile, g_steal_pointer (&file)));
  else if (strcmp (other->keyfile, keyfile) != 0)
    {
      g_autofree char *reason = g_strdup_printf ("its Id \"%s\" is taken by %s", file->id, other->keyfile);

      scan_refuse (self, keyfile, reason);
    }
}

static gint
scan_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Returns: (transfer full) (nullable): what is in @directory, in the order of its names. */
static GPtrArray *
scan_list_directory (const char *directory, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, scan_compare_names);
  return g_steal_pointer (&names);
}

static void
scan_directory (Scan *self, const char *directory, guint depth)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = scan_list_directory (directory, &error);

  if (names == NULL)
    {
      scan_refuse (self, directory, error->message);
      return;
    }
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autofree char *path = g_build_filename (directory, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          /* Symbolic links to directories could lead round in circles. */
          if (depth < SCAN_MAX_DEPTH && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
            scan_directory (self, path, depth + 1);
        }
      else if (g_str_has_suffix (name, SCAN_KEYFILE_SUFFIX))
        scan_keyfile (self, path);
    }
}

void
cepa_host_scan_directory (CepaPluginHost *host, GPtrArray *plugins, const char *directory)
{
  Scan self = { host, plugins };

  scan_directory (&self, directory, 0);
}
