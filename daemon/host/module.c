/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/module.h"

#include <errno.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define MODULE_GROUP "Plugin"
#define MODULE_SUFFIX ".so"

static gboolean
module_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
module_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, text);
  return FALSE;
}

/* Whether @id is "path.NAME" of small letters, digits and dashes. */
static gboolean
module_check_id (const char *id, GError **error)
{
  const char *dot = strchr (id, '.');

  if (dot == NULL || dot == id || dot[1] == '\0')
    return module_refuse (error, "its Id \"%s\" is not a kind, a dot and a name", id);
  for (const char *p = id; *p != '\0'; p++)
    if (p != dot && !g_ascii_islower (*p) && !g_ascii_isdigit (*p) && *p != '-')
      return module_refuse (error, "its Id \"%s\" has other characters than a-z, 0-9 and -", id);
  if (!g_str_has_prefix (id, "path."))
    return module_refuse (error, "it is of kind \"%.*s\", and this daemon knows plugins of kind \"path\"",
                          (int) (dot - id), id);
  return TRUE;
}

static gboolean
module_check_abi (const char *what, gint64 major, gint64 minor, GError **error)
{
  if (major == CEPA_ABI_MAJOR && minor >= 0 && minor <= CEPA_ABI_MINOR)
    return TRUE;
  return module_refuse (error,
                        "%s is for version %" G_GINT64_FORMAT ".%" G_GINT64_FORMAT " of the interface and "
                        "this daemon has %d.%d; the first number must be the same and the second not above: "
                        "build it with this daemon's headers or use a newer daemon",
                        what, major, minor, CEPA_ABI_MAJOR, CEPA_ABI_MINOR);
}

static gboolean
module_check_name (const char *module, GError **error)
{
  if (strchr (module, '/') != NULL || !g_str_has_suffix (module, MODULE_SUFFIX))
    return module_refuse (error, "its Module \"%s\" is not the name of a " MODULE_SUFFIX " file beside it",
                          module);
  return TRUE;
}

static GKeyFile *
module_load_keyfile (const char *path, GError **error)
{
  g_autoptr (GKeyFile) keyfile = g_key_file_new ();
  g_autoptr (GError) own = NULL;
  struct stat st;

  if (stat (path, &st) != 0)
    {
      module_refuse (error, "it cannot be read: %s", g_strerror (errno));
      return NULL;
    }
  if (!S_ISREG (st.st_mode) || st.st_size > CEPA_PLUGIN_MAX_KEYFILE)
    {
      module_refuse (error, "it is not a file of at most %d bytes", CEPA_PLUGIN_MAX_KEYFILE);
      return NULL;
    }
  if (!g_key_file_load_from_file (keyfile, path, G_KEY_FILE_NONE, &own))
    {
      module_refuse (error, "it cannot be read: %s", own->message);
      return NULL;
    }
  return g_steal_pointer (&keyfile);
}

/* Returns: (transfer full) (nullable): NULL with an error when the keyfile does not have @key. */
static char *
module_get_string (GKeyFile *keyfile, const char *key, GError **error)
{
  g_autofree char *value = g_key_file_get_string (keyfile, MODULE_GROUP, key, NULL);

  if (value == NULL || *value == '\0')
    {
      module_refuse (error, "it has no %s in a group [" MODULE_GROUP "]", key);
      return NULL;
    }
  return g_steal_pointer (&value);
}

static gboolean
module_get_number (GKeyFile *keyfile, const char *key, gint64 *number, GError **error)
{
  g_autoptr (GError) own = NULL;
  gint64 value = g_key_file_get_int64 (keyfile, MODULE_GROUP, key, &own);

  if (own != NULL)
    return module_refuse (error, "it has no number %s in a group [" MODULE_GROUP "]", key);
  *number = value;
  return TRUE;
}

CepaPluginFile *
cepa_plugin_file_read (const char *keyfile, GError **error)
{
  g_autoptr (CepaPluginFile) self = g_new0 (CepaPluginFile, 1);
  g_autoptr (GKeyFile) parsed = module_load_keyfile (keyfile, error);
  g_autofree char *module = NULL, *folder = g_path_get_dirname (keyfile);
  gint64 major = -1, minor = -1;

  if (parsed == NULL)
    return NULL;
  self->keyfile = g_strdup (keyfile);
  if ((self->id = module_get_string (parsed, "Id", error)) == NULL || !module_check_id (self->id, error)
      || (self->name = module_get_string (parsed, "Name", error)) == NULL
      || (module = module_get_string (parsed, "Module", error)) == NULL || !module_check_name (module, error)
      || !module_get_number (parsed, "AbiMajor", &major, error)
      || !module_get_number (parsed, "AbiMinor", &minor, error)
      || !module_check_abi ("it", major, minor, error))
    return NULL;
  self->module = g_build_filename (folder, module, NULL);
  return g_steal_pointer (&self);
}

void
cepa_plugin_file_free (CepaPluginFile *self)
{
  if (self == NULL)
    return;
  g_free (self->keyfile);
  g_free (self->module);
  g_free (self->id);
  g_free (self->name);
  g_free (self);
}

/* Looks at one component, the last of @path, which has no symbolic links. */
static gboolean
module_check_component (const char *path, gboolean is_file, GError **error)
{
  struct stat st;

  if (lstat (path, &st) != 0)
    return module_refuse (error, "%s cannot be looked at: %s", path, g_strerror (errno));
  if (is_file ? !S_ISREG (st.st_mode) : !S_ISDIR (st.st_mode))
    return module_refuse (error, "%s is not a %s", path, is_file ? "regular file" : "directory");
  if (st.st_uid != 0 && st.st_uid != geteuid ())
    return module_refuse (error, "%s belongs to user %u, and only root and user %u may own plugins and the "
                          "directories above them", path, (guint) st.st_uid, (guint) geteuid ());
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (!is_file && (st.st_mode & S_ISVTX) != 0))
    return TRUE;
  return module_refuse (error, "%s can be written by %s: run chmod go-w on it", path,
                        (st.st_mode & S_IWOTH) != 0 ? "everyone" : "its group");
}

char *
cepa_module_check_path (const char *path, GError **error)
{
  g_autofree char *resolved = NULL;
  char *real = realpath (path, NULL);

  if (real == NULL)
    {
      module_refuse (error, "%s cannot be found: %s", path, g_strerror (errno));
      return NULL;
    }
  resolved = g_strdup (real);
  free (real);
  if (!module_check_component ("/", FALSE, error))
    return NULL;
  for (char *slash = strchr (resolved + 1, '/'); slash != NULL; slash = strchr (slash + 1, '/'))
    {
      gboolean good;

      *slash = '\0';
      good = module_check_component (resolved, FALSE, error);
      *slash = '/';
      if (!good)
        return NULL;
    }
  return module_check_component (resolved, TRUE, error) ? g_steal_pointer (&resolved) : NULL;
}

static gboolean
module_refuse_size (guint size, GError **error)
{
  return module_refuse (error, "the size of its table %s is %u: set .size = sizeof (CepaPlugin)",
                        CEPA_PLUGIN_SYMBOL, size);
}

static gboolean
module_check_path_table (const CepaPathTable *table, GError **error)
{
  if (table == NULL)
    return module_refuse (error, "its table " CEPA_PLUGIN_SYMBOL " has no .path, the table of its kind");
  if (!CEPA_TABLE_REACHES (table, CepaPathTable, choose_path))
    return module_refuse (error, "the size of its path table is %u: set .size = sizeof (CepaPathTable)",
                          table->size);
  if (!module_check_abi ("its path table", table->abi_major, table->abi_minor, error))
    return FALSE;
  if (table->create == NULL || table->destroy == NULL || table->choose_path == NULL)
    return module_refuse (error, "its path table has no function %s",
                          table->create == NULL    ? "create"
                          : table->destroy == NULL ? "destroy"
                                                   : "choose_path");
  return TRUE;
}

gboolean
cepa_module_check_tables (const CepaPluginFile *file, const CepaPlugin *plugin, GError **error)
{
  /* The ABI before the whole size: a plugin of another major may have another table behind it. */
  if (!CEPA_TABLE_REACHES (plugin, CepaPlugin, abi_minor))
    return module_refuse_size (plugin->size, error);
  if (!module_check_abi ("it", plugin->abi_major, plugin->abi_minor, error))
    return FALSE;
  if (!CEPA_TABLE_REACHES (plugin, CepaPlugin, path))
    return module_refuse_size (plugin->size, error);
  if (plugin->id == NULL || plugin->name == NULL || plugin->licence == NULL)
    return module_refuse (error, "its table " CEPA_PLUGIN_SYMBOL " has no %s",
                          plugin->id == NULL ? ".id" : plugin->name == NULL ? ".name" : ".licence");
  if (strcmp (plugin->id, file->id) != 0)
    return module_refuse (error, "its table " CEPA_PLUGIN_SYMBOL " has the id \"%s\" and its keyfile \"%s\"",
                          plugin->id, file->id);
  return module_check_path_table (plugin->path, error);
}

const CepaPlugin *
cepa_module_load (const CepaPluginFile *file, GError **error)
{
  g_autofree char *keyfile = cepa_module_check_path (file->keyfile, error);
  g_autofree char *path = keyfile != NULL ? cepa_module_check_path (file->module, error) : NULL;
  GModule *module;
  gpointer plugin = NULL;

  if (path == NULL)
    return NULL;
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (module == NULL)
    {
      module_refuse (error, "it cannot be loaded: %s", g_module_error ());
      return NULL;
    }
  /* Types and quarks that its code registered would dangle if it went. */
  g_module_make_resident (module);
  if (!g_module_symbol (module, CEPA_PLUGIN_SYMBOL, &plugin) || plugin == NULL)
    {
      module_refuse (error, "it does not export the symbol %s: declare it with CEPA_PLUGIN_EXPORT",
                     CEPA_PLUGIN_SYMBOL);
      return NULL;
    }
  return cepa_module_check_tables (file, plugin, error) ? plugin : NULL;
}
