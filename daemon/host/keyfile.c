/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/keyfile.h"

#include <cepa/version.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

#define KEYFILE_GROUP "Plugin"
#define KEYFILE_MODULE_SUFFIX ".so"

static const char *const keyfile_kinds[CEPA_PLUGIN_N_KINDS] = {
  [CEPA_PLUGIN_KIND_PATH] = "path",       [CEPA_PLUGIN_KIND_PADDING] = "padding",
  [CEPA_PLUGIN_KIND_TRANSPORT] = "transport", [CEPA_PLUGIN_KIND_CONTROL] = "control",
  [CEPA_PLUGIN_KIND_METRICS] = "metrics",
};

const char *
cepa_plugin_kind_name (CepaPluginKind kind)
{
  return keyfile_kinds[kind];
}

gboolean
cepa_plugin_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, text);
  return FALSE;
}

gboolean
cepa_plugin_check_abi (const char *what, gint64 major, gint64 minor, GError **error)
{
  if (major == CEPA_ABI_MAJOR && minor >= 0 && minor <= CEPA_ABI_MINOR)
    return TRUE;
  return cepa_plugin_refuse (error,
                             "%s is for version %" G_GINT64_FORMAT ".%" G_GINT64_FORMAT " of the interface and "
                             "this daemon has %d.%d; the first number must be the same and the second not above: "
                             "build it with this daemon's headers or use a newer daemon",
                             what, major, minor, CEPA_ABI_MAJOR, CEPA_ABI_MINOR);
}

/* Whether @id is a kind, a dot and a name of small letters, digits and dashes. */
static gboolean
keyfile_check_id (const char *id, CepaPluginKind *kind, GError **error)
{
  const char *dot = strchr (id, '.');

  if (dot == NULL || dot == id || dot[1] == '\0')
    return cepa_plugin_refuse (error, "its Id \"%s\" is not a kind, a dot and a name", id);
  for (const char *p = id; *p != '\0'; p++)
    if (p != dot && !g_ascii_islower (*p) && !g_ascii_isdigit (*p) && *p != '-')
      return cepa_plugin_refuse (error, "its Id \"%s\" has other characters than a-z, 0-9 and -", id);
  for (guint i = 0; i < CEPA_PLUGIN_N_KINDS; i++)
    if (strncmp (keyfile_kinds[i], id, (gsize) (dot - id)) == 0 && keyfile_kinds[i][dot - id] == '\0')
      {
        *kind = i;
        return TRUE;
      }
  return cepa_plugin_refuse (error, "it is of kind \"%.*s\", and this daemon knows plugins of kind path, padding, "
                             "transport, control and metrics", (int) (dot - id), id);
}

static gboolean
keyfile_check_module (const char *module, GError **error)
{
  if (strchr (module, '/') != NULL || !g_str_has_suffix (module, KEYFILE_MODULE_SUFFIX))
    return cepa_plugin_refuse (error, "its Module \"%s\" is not the name of a " KEYFILE_MODULE_SUFFIX
                               " file beside it", module);
  return TRUE;
}

static GKeyFile *
keyfile_load (const char *path, GError **error)
{
  g_autoptr (GKeyFile) keyfile = g_key_file_new ();
  g_autoptr (GError) own = NULL;
  struct stat st;

  if (stat (path, &st) != 0)
    {
      cepa_plugin_refuse (error, "it cannot be read: %s", g_strerror (errno));
      return NULL;
    }
  if (!S_ISREG (st.st_mode) || st.st_size > CEPA_PLUGIN_MAX_KEYFILE)
    {
      cepa_plugin_refuse (error, "it is not a file of at most %d bytes", CEPA_PLUGIN_MAX_KEYFILE);
      return NULL;
    }
  if (!g_key_file_load_from_file (keyfile, path, G_KEY_FILE_NONE, &own))
    {
      cepa_plugin_refuse (error, "it cannot be read: %s", own->message);
      return NULL;
    }
  return g_steal_pointer (&keyfile);
}

/* Returns: (transfer full) (nullable): NULL with an error when the keyfile does not have @key. */
static char *
keyfile_get_string (GKeyFile *keyfile, const char *key, GError **error)
{
  g_autofree char *value = g_key_file_get_string (keyfile, KEYFILE_GROUP, key, NULL);

  if (value == NULL || *value == '\0')
    {
      cepa_plugin_refuse (error, "it has no %s in a group [" KEYFILE_GROUP "]", key);
      return NULL;
    }
  return g_steal_pointer (&value);
}

static gboolean
keyfile_get_number (GKeyFile *keyfile, const char *key, gint64 *number, GError **error)
{
  g_autoptr (GError) own = NULL;
  gint64 value = g_key_file_get_int64 (keyfile, KEYFILE_GROUP, key, &own);

  if (own != NULL)
    return cepa_plugin_refuse (error, "it has no number %s in a group [" KEYFILE_GROUP "]", key);
  *number = value;
  return TRUE;
}

/* An installed plugin does nothing before somebody asks for it, but for those that say otherwise. */
static gboolean
keyfile_get_profile (GKeyFile *keyfile, CepaPluginProfile *profile, GError **error)
{
  g_autofree char *text = g_key_file_get_string (keyfile, KEYFILE_GROUP, "Profile", NULL);

  *profile = CEPA_PLUGIN_DISABLED;
  if (text == NULL || strcmp (text, "disabled") == 0)
    return TRUE;
  *profile = CEPA_PLUGIN_OPTIONAL;
  if (strcmp (text, "optional") == 0)
    return TRUE;
  return cepa_plugin_refuse (error, "its Profile \"%s\" is neither optional nor disabled", text);
}

CepaPluginFile *
cepa_plugin_file_read (const char *keyfile, GError **error)
{
  g_autoptr (CepaPluginFile) self = g_new0 (CepaPluginFile, 1);
  g_autoptr (GKeyFile) parsed = keyfile_load (keyfile, error);
  g_autofree char *module = NULL, *folder = g_path_get_dirname (keyfile);
  gint64 major = -1, minor = -1;

  if (parsed == NULL)
    return NULL;
  self->keyfile = g_strdup (keyfile);
  if ((self->id = keyfile_get_string (parsed, "Id", error)) == NULL
      || !keyfile_check_id (self->id, &self->kind, error)
      || (self->name = keyfile_get_string (parsed, "Name", error)) == NULL
      || (module = keyfile_get_string (parsed, "Module", error)) == NULL || !keyfile_check_module (module, error)
      || !keyfile_get_number (parsed, "AbiMajor", &major, error)
      || !keyfile_get_number (parsed, "AbiMinor", &minor, error)
      || !cepa_plugin_check_abi ("it", major, minor, error)
      || !keyfile_get_profile (parsed, &self->profile, error))
    return NULL;
  self->module = g_build_filename (folder, module, NULL);
  self->requires = g_key_file_get_string_list (parsed, KEYFILE_GROUP, "Requires", NULL, NULL);
  self->wants = g_key_file_get_string_list (parsed, KEYFILE_GROUP, "Wants", NULL, NULL);
  self->needs_countries = g_key_file_get_boolean (parsed, KEYFILE_GROUP, "NeedsCountries", NULL);
  self->abi_major = (guint) major;
  self->abi_minor = (guint) minor;
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
  g_strfreev (self->requires);
  g_strfreev (self->wants);
  g_free (self);
}
