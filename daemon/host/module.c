/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/module.h"

#include <errno.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE_HAS(table, type, member) ((table)->member != NULL)

/* Looks at one component, the last of @path, which has no symbolic links. */
static gboolean
module_check_component (const char *path, gboolean is_file, GError **error)
{
  struct stat st;

  if (lstat (path, &st) != 0)
    return cepa_plugin_refuse (error, "%s cannot be looked at: %s", path, g_strerror (errno));
  if (is_file ? !S_ISREG (st.st_mode) : !S_ISDIR (st.st_mode))
    return cepa_plugin_refuse (error, "%s is not a %s", path, is_file ? "regular file" : "directory");
  if (st.st_uid != 0 && st.st_uid != geteuid ())
    return cepa_plugin_refuse (error, "%s belongs to user %u, and only root and user %u may own plugins and the "
                          "directories above them", path, (guint) st.st_uid, (guint) geteuid ());
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (!is_file && (st.st_mode & S_ISVTX) != 0))
    return TRUE;
  return cepa_plugin_refuse (error, "%s can be written by %s: run chmod go-w on it", path,
                        (st.st_mode & S_IWOTH) != 0 ? "everyone" : "its group");
}

char *
cepa_module_check_path (const char *path, GError **error)
{
  g_autofree char *resolved = NULL;
  char *real = realpath (path, NULL);

  if (real == NULL)
    {
      cepa_plugin_refuse (error, "%s cannot be found: %s", path, g_strerror (errno));
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

/* How every table begins. */
typedef struct
{
  guint32 size;
  guint16 abi_major, abi_minor;
} ModuleTableHead;

static gboolean
module_refuse_size (guint size, const char *table, const char *type, GError **error)
{
  return cepa_plugin_refuse (error, "the size of its %s is %u: set .size = sizeof (%s)", table, size, type);
}

/* @required: bytes up to the end of the last member of the first version */
static gboolean
module_check_head (gconstpointer table, const char *member, const char *type, gsize required, GError **error)
{
  const ModuleTableHead *head = table;
  g_autofree char *what = g_strdup_printf ("%s table", member);
  g_autofree char *its = g_strdup_printf ("its %s", what);

  if (head == NULL)
    return cepa_plugin_refuse (error, "its table " CEPA_PLUGIN_SYMBOL " has no .%s, the table of its kind", member);
  if (head->size < required)
    return module_refuse_size (head->size, what, type, error);
  return cepa_plugin_check_abi (its, head->abi_major, head->abi_minor, error);
}

#define MODULE_END(type, member) (G_STRUCT_OFFSET (type, member) + sizeof (((type *) NULL)->member))

static gboolean
module_check_path (const CepaPathTable *table, GError **error)
{
  if (!module_check_head (table, "path", "CepaPathTable", MODULE_END (CepaPathTable, choose_path), error))
    return FALSE;
  if (table->choose_path == NULL && !CEPA_TABLE_HAS (table, CepaPathTable, weigh))
    return cepa_plugin_refuse (error, "its path table has neither a function choose_path nor weigh");
  return TRUE;
}

static gboolean
module_check_padding (const CepaPaddingTable *table, GError **error)
{
  if (!module_check_head (table, "padding", "CepaPaddingTable", MODULE_END (CepaPaddingTable, trigger), error))
    return FALSE;
  if (table->machine_new == NULL || table->machine_free == NULL || table->trigger == NULL)
    return cepa_plugin_refuse (error, "its padding table has no function %s",
                               table->machine_new == NULL    ? "machine_new"
                               : table->machine_free == NULL ? "machine_free"
                                                             : "trigger");
  return TRUE;
}

static gboolean
module_check_transport (const CepaTransportTable *table, GError **error)
{
  if (!module_check_head (table, "transport", "CepaTransportTable", MODULE_END (CepaTransportTable, cancel), error))
    return FALSE;
  if (table->connect == NULL || table->cancel == NULL)
    return cepa_plugin_refuse (error, "its transport table has no function %s",
                               table->connect == NULL ? "connect" : "cancel");
  return TRUE;
}

static gboolean
module_check_kind (const CepaPluginFile *file, const CepaPlugin *plugin, GError **error)
{
  switch (file->kind)
    {
    case CEPA_PLUGIN_KIND_PATH:
      return module_check_path (plugin->path, error);
    case CEPA_PLUGIN_KIND_PADDING:
      return module_check_padding (plugin->padding, error);
    case CEPA_PLUGIN_KIND_TRANSPORT:
      return module_check_transport (plugin->transport, error);
    case CEPA_PLUGIN_KIND_CONTROL:
      return module_check_head (plugin->control, "control", "CepaControlTable", sizeof (ModuleTableHead), error);
    case CEPA_PLUGIN_KIND_METRICS:
    default:
      return module_check_head (plugin->metrics, "metrics", "CepaMetricsTable", sizeof (ModuleTableHead), error);
    }
}

static gboolean
module_check_option (const CepaPluginOption *option, guint i, GError **error)
{
  const char *p = option->name;

  if (p == NULL || *p == '\0' || option->description == NULL)
    return cepa_plugin_refuse (error, "its option number %u has no %s", i + 1, p == NULL || *p == '\0' ? "name" : "description");
  for (; *p != '\0'; p++)
    if (!g_ascii_islower (*p) && !g_ascii_isdigit (*p) && *p != '-')
      return cepa_plugin_refuse (error, "its option \"%s\" has other characters than a-z, 0-9 and -", option->name);
  if (option->type > CEPA_PLUGIN_OPTION_SECRET)
    return cepa_plugin_refuse (error, "its option \"%s\" is of type %u, which is none", option->name, option->type);
  if (option->type == CEPA_PLUGIN_OPTION_INT && option->minimum > option->maximum)
    return cepa_plugin_refuse (error, "the least value of its option \"%s\" is above the greatest", option->name);
  return TRUE;
}

static gboolean
module_check_options (const CepaPlugin *plugin, GError **error)
{
  if (plugin->n_options > 0 && plugin->options == NULL)
    return cepa_plugin_refuse (error, "it has n_options and no .options");
  if (plugin->n_options > 0 && plugin->option_stride < sizeof (CepaPluginOption))
    return cepa_plugin_refuse (error, "its option_stride is %u: set .option_stride = sizeof (CepaPluginOption)",
                               plugin->option_stride);
  for (guint i = 0; i < plugin->n_options; i++)
    if (!module_check_option (cepa_module_get_option (plugin, i), i, error))
      return FALSE;
  return TRUE;
}

const CepaPluginOption *
cepa_module_get_option (const CepaPlugin *plugin, guint i)
{
  return (const CepaPluginOption *) (gconstpointer) ((const char *) plugin->options
                                                     + (gsize) i * plugin->option_stride);
}

gboolean
cepa_module_check_tables (const CepaPluginFile *file, const CepaPlugin *plugin, GError **error)
{
  static const char *const missing = "its table " CEPA_PLUGIN_SYMBOL " has no %s";

  /* The ABI before the whole size: a plugin of another major may have another table behind it. */
  if (!CEPA_TABLE_REACHES (plugin, CepaPlugin, abi_minor))
    return module_refuse_size (plugin->size, "table " CEPA_PLUGIN_SYMBOL, "CepaPlugin", error);
  if (!cepa_plugin_check_abi ("it", plugin->abi_major, plugin->abi_minor, error))
    return FALSE;
  if (!CEPA_TABLE_REACHES (plugin, CepaPlugin, metrics))
    return module_refuse_size (plugin->size, "table " CEPA_PLUGIN_SYMBOL, "CepaPlugin", error);
  if (plugin->id == NULL || plugin->name == NULL || plugin->licence == NULL)
    return cepa_plugin_refuse (error, missing, plugin->id == NULL ? ".id" : plugin->name == NULL ? ".name" : ".licence");
  if (strcmp (plugin->id, file->id) != 0)
    return cepa_plugin_refuse (error, "its table " CEPA_PLUGIN_SYMBOL " has the id \"%s\" and its keyfile \"%s\"",
                               plugin->id, file->id);
  if (plugin->create == NULL || plugin->destroy == NULL)
    return cepa_plugin_refuse (error, missing, plugin->create == NULL ? ".create" : ".destroy");
  return module_check_kind (file, plugin, error) && module_check_options (plugin, error);
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
      cepa_plugin_refuse (error, "it cannot be loaded: %s", g_module_error ());
      return NULL;
    }
  /* Types and quarks that its code registered would dangle if it went. */
  g_module_make_resident (module);
  if (!g_module_symbol (module, CEPA_PLUGIN_SYMBOL, &plugin) || plugin == NULL)
    {
      cepa_plugin_refuse (error, "it does not export the symbol %s: declare it with CEPA_PLUGIN_EXPORT",
                          CEPA_PLUGIN_SYMBOL);
      return NULL;
    }
  return cepa_module_check_tables (file, plugin, error) ? plugin : NULL;
}
