/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding and loading the plugin. */
#include <string.h>

#include "base/error.h"
#include "host/module.h"
#include "host/plugin-options.h"
#include "plugin-private.h"

#define PLUGIN_MAX_DEPTH 3
#define PLUGIN_KEYFILE_SUFFIX ".plugin"
#define PLUGIN_MODULE_SUFFIX ".so"

/* @fault: as plugin_find_in() */
static CepaPluginFile *
plugin_read_keyfile (const char *path, GError **fault)
{
  g_autoptr (GError) error = NULL;
  CepaPluginFile *file = cepa_plugin_file_read (path, &error);

  if (file == NULL && *fault == NULL)
    g_propagate_prefixed_error (fault, g_steal_pointer (&error), "%s was refused: ", path);
  return file;
}

/* Looks for the keyfile of @id in @folder. @fault: gets what is wrong with the first keyfile that is refused: it may be the
   one. */
static CepaPluginFile *
plugin_find_in (const char *folder, const char *id, guint depth, GError **fault)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  CepaPluginFile *found = NULL;

  while (dir != NULL && found == NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_str_has_suffix (name, PLUGIN_KEYFILE_SUFFIX))
        found = plugin_read_keyfile (path, fault);
      else if (depth < PLUGIN_MAX_DEPTH && g_file_test (path, G_FILE_TEST_IS_DIR))
        found = plugin_find_in (path, id, depth + 1, fault);
      if (found != NULL && strcmp (found->id, id) != 0)
        g_clear_pointer (&found, cepa_plugin_file_free);
    }
  return found;
}

static CepaPluginFile *
plugin_find (const char *id, const char *const *folders, GError **error)
{
  g_autofree char *where = g_strjoinv (", ", (char **) folders);
  g_autoptr (GError) fault = NULL;

  for (guint i = 0; folders[i] != NULL; i++)
    {
      CepaPluginFile *found = plugin_find_in (folders[i], id, 0, &fault);

      if (found != NULL)
        return found;
    }
  cepa_plugin_refuse (error, "there is no plugin %s in %s%s%s", id, where, fault != NULL ? "; " : "",
                      fault != NULL ? fault->message : "");
  return NULL;
}

/* The keyfile that belongs to what the user named. */
static CepaPluginFile *
plugin_read_file (const char *name, const char *const *folders, GError **error)
{
  CepaPluginFile *file;

  if (g_str_has_suffix (name, PLUGIN_KEYFILE_SUFFIX))
    file = cepa_plugin_file_read (name, error);
  else if (g_str_has_suffix (name, PLUGIN_MODULE_SUFFIX))
    {
      g_autofree char *stem = g_strndup (name, strlen (name) - strlen (PLUGIN_MODULE_SUFFIX));
      g_autofree char *keyfile = g_strconcat (stem, PLUGIN_KEYFILE_SUFFIX, NULL);

      file = cepa_plugin_file_read (keyfile, error);
      if (file == NULL)
        g_prefix_error (error, "its keyfile %s: ", keyfile);
    }
  else
    return plugin_find (name, folders, error);
  return file;
}

static gboolean
plugin_settle (CepaSimPlugin *self, const char *const *options, GError **error)
{
  g_autoptr (GHashTable) lines
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);

  for (guint i = 0; options != NULL && options[i] != NULL; i++)
    {
      g_auto (GStrv) parts = g_strsplit (options[i], "=", 2);

      if (parts[0] == NULL || parts[1] == NULL)
        return cepa_plugin_refuse (error, "its option \"%s\" is not NAME=VALUE", options[i]);
      cepa_plugin_options_add (lines, parts[0], parts[1]);
    }
  self->values = cepa_plugin_options_settle (self->module, lines, error);
  return self->values != NULL;
}

static gboolean
plugin_load (CepaSimPlugin *self, const char *name, const char *const *options, const char *const *folders, GError **error)
{
  self->file = plugin_read_file (name, folders, error);
  if (self->file == NULL)
    return FALSE;
  if (self->file->kind != CEPA_PLUGIN_KIND_PATH)
    return cepa_plugin_refuse (error, "%s is of kind %s; the simulator asks for paths", self->file->id,
                               cepa_plugin_kind_name (self->file->kind));
  self->module = cepa_module_load (self->file, error);
  return self->module != NULL && plugin_settle (self, options, error);
}

CepaSimPlugin *
cepa_sim_plugin_load (const char *name, const char *const *options, const char *const *folders, GError **error)
{
  g_autoptr (CepaSimPlugin) self = g_new0 (CepaSimPlugin, 1);

  if (plugin_load (self, name, options, folders, error))
    return g_steal_pointer (&self);
  g_prefix_error (error, "the plugin %s: ", name);
  return NULL;
}

void
cepa_sim_plugin_free (CepaSimPlugin *self)
{
  if (self == NULL)
    return;
  cepa_plugin_file_free (self->file);
  g_clear_pointer (&self->values, g_hash_table_unref);
  g_free (self);
}

const char *
cepa_sim_plugin_get_id (const CepaSimPlugin *self)
{
  return self->file->id;
}
