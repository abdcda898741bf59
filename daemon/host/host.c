/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/host.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "host/module.h"

#define HOST_KEYFILE_SUFFIX ".plugin"
#define HOST_MAX_DEPTH 3
#define HOST_MAX_TEXT 500 /* characters of what a plugin says */

struct _CepaPluginHost
{
  const CepaClock *clock;
  CepaRandom *random;
  GPtrArray *directories; /* of char *: where it was looked */
  GPtrArray *plugins;     /* of HostPlugin: those that may be loaded */
  GPtrArray *refused;     /* of char *: a file and why it is not among them */
};

/* A plugin, from its keyfile to its instance. */
typedef struct
{
  CepaPluginHost *host;
  CepaPluginFile *file;
  CepaHost services;
  const CepaPlugin *module;  /* (nullable): not loaded */
  const CepaPathTable *path;
  void *instance;            /* (nullable): not made */
  CepaPathPolicy policy;
} HostPlugin;

static void
host_plugin_free (HostPlugin *self)
{
  if (self->instance != NULL)
    self->module->destroy (self->instance);
  cepa_plugin_file_free (self->file);
  g_free (self);
}

CepaPluginHost *
cepa_plugin_host_new (const CepaClock *clock, CepaRandom *random)
{
  CepaPluginHost *self = g_new0 (CepaPluginHost, 1);

  self->clock = clock;
  self->random = random;
  self->directories = g_ptr_array_new_with_free_func (g_free);
  self->plugins = g_ptr_array_new_with_free_func ((GDestroyNotify) host_plugin_free);
  self->refused = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
cepa_plugin_host_free (CepaPluginHost *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->plugins);
  g_ptr_array_unref (self->directories);
  g_ptr_array_unref (self->refused);
  g_free (self);
}

/* What plugins call. */

static void
host_service_log (const CepaHost *services, CepaHostLogLevel level, const char *text)
{
  const HostPlugin *self = services->context;
  CepaLogSeverity severity = level == CEPA_HOST_LOG_WARNING  ? CEPA_LOG_WARN
                             : level == CEPA_HOST_LOG_NOTICE ? CEPA_LOG_NOTICE
                             : level == CEPA_HOST_LOG_INFO   ? CEPA_LOG_INFO
                                                             : CEPA_LOG_DEBUG;
  g_autofree char *line = NULL;

  if (!cepa_log_enabled (CEPA_LOG_PLUGIN, severity))
    return;
  line = cepa_escape_for_log (text, strlen (text), HOST_MAX_TEXT);
  cepa_log (CEPA_LOG_PLUGIN, severity, "%s: %s", self->file->id, line);
}

static void
host_service_random (const CepaHost *services, void *out, size_t len)
{
  const HostPlugin *self = services->context;

  cepa_random_fill (self->host->random, out, len);
}

static int64_t
host_service_monotonic_us (const CepaHost *services)
{
  const HostPlugin *self = services->context;

  return cepa_clock_monotonic_us (self->host->clock);
}

/* Finding. */

static void
host_refuse (CepaPluginHost *self, const char *keyfile, const char *reason)
{
  cepa_log (CEPA_LOG_PLUGIN, CEPA_LOG_WARN, "The plugin of %s is not used: %s", keyfile, reason);
  g_ptr_array_add (self->refused, g_strdup_printf ("%s: %s", keyfile, reason));
}

static HostPlugin *
host_find (const CepaPluginHost *self, const char *id)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      HostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (strcmp (plugin->file->id, id) == 0)
        return plugin;
    }
  return NULL;
}

static void
host_add_keyfile (CepaPluginHost *self, const char *keyfile)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaPluginFile) file = cepa_plugin_file_read (keyfile, &error);
  const HostPlugin *other = file != NULL ? host_find (self, file->id) : NULL;
  HostPlugin *plugin;

  if (file == NULL)
    {
      host_refuse (self, keyfile, error->message);
      return;
    }
  if (other != NULL)
    {
      const char *taker = other->file->keyfile;
      g_autofree char *reason = g_strdup_printf ("its Id \"%s\" is taken by %s", file->id, taker);

      if (strcmp (taker, keyfile) != 0)
        host_refuse (self, keyfile, reason);
      return;
    }
  plugin = g_new0 (HostPlugin, 1);
  plugin->host = self;
  plugin->file = g_steal_pointer (&file);
  g_ptr_array_add (self->plugins, plugin);
}

static gint
host_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Returns: (transfer full) (nullable): what is in @directory, in the order of its names. */
static GPtrArray *
host_list_directory (const char *directory, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, host_compare_names);
  return g_steal_pointer (&names);
}

static void
host_scan_directory (CepaPluginHost *self, const char *directory, guint depth)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = host_list_directory (directory, &error);

  if (names == NULL)
    {
      host_refuse (self, directory, error->message);
      return;
    }
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autofree char *path = g_build_filename (directory, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          /* Symbolic links to directories could lead round in circles. */
          if (depth < HOST_MAX_DEPTH && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
            host_scan_directory (self, path, depth + 1);
        }
      else if (g_str_has_suffix (name, HOST_KEYFILE_SUFFIX))
        host_add_keyfile (self, path);
    }
}

guint
cepa_plugin_host_scan (CepaPluginHost *self, const char *directory)
{
  g_ptr_array_add (self->directories, g_strdup (directory));
  host_scan_directory (self, directory, 0);
  return self->plugins->len;
}

/* The policy that the core sees. */

/* Says for @self that a plugin's function failed with @own. */
static void
host_take_plugin_error (const HostPlugin *self, const char *function, const GError *own, GError **error)
{
  g_autofree char *text = NULL;

  if (own == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: %s failed and set no error", self->file->id,
                   function);
      return;
    }
  text = cepa_escape_for_log (own->message, strlen (own->message), HOST_MAX_TEXT);
  if (g_error_matches (own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH))
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "%s: %s", self->file->id, text);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: %s failed: %s", self->file->id, function, text);
}

static gboolean
host_policy_choose (CepaPathPolicy *policy, const CepaNetworkView *view, const CepaPathRequest *request,
                    CepaPath *path, GError **error)
{
  const HostPlugin *self = policy->context;
  g_autoptr (GError) own = NULL;
  CepaPath proposed = { .size = sizeof proposed };
  gboolean chosen = self->path->choose_path (self->instance, view, request, &proposed, &own);

  if (chosen && own == NULL && proposed.n_hops <= CEPA_PATH_MAX_HOPS)
    {
      proposed.size = sizeof proposed;
      *path = proposed;
      return TRUE;
    }
  if (!chosen)
    host_take_plugin_error (self, "choose_path", own, error);
  else if (own != NULL)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: choose_path returned TRUE and set an error",
                 self->file->id);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s: choose_path gave %u hops, and %d are the most",
                 self->file->id, proposed.n_hops, CEPA_PATH_MAX_HOPS);
  return FALSE;
}

static void
host_policy_network_changed (CepaPathPolicy *policy, const CepaNetworkView *view)
{
  const HostPlugin *self = policy->context;

  self->path->network_changed (self->instance, view);
}

/* Making. */

static gboolean
host_plugin_make (HostPlugin *self, GError **error)
{
  const CepaPlugin *plugin = cepa_module_load (self->file, error);
  g_autoptr (GError) own = NULL;

  if (plugin == NULL)
    return FALSE;
  self->services.size = sizeof self->services;
  self->services.abi_major = CEPA_ABI_MAJOR;
  self->services.abi_minor = CEPA_ABI_MINOR;
  self->services.context = self;
  self->services.log = host_service_log;
  self->services.random = host_service_random;
  self->services.monotonic_us = host_service_monotonic_us;
  self->module = plugin;
  self->path = plugin->path;
  self->instance = plugin->create (&self->services, &own);
  if (self->instance == NULL)
    {
      host_take_plugin_error (self, "create", own, error);
      return FALSE;
    }
  self->policy.id = self->file->id;
  self->policy.choose = host_policy_choose;
  self->policy.context = self;
  if (CEPA_TABLE_HAS (self->path, CepaPathTable, network_changed))
    self->policy.network_changed = host_policy_network_changed;
  return TRUE;
}

/* Says which plugins there are instead of @id, and why others are not. */
static void
host_set_not_found (const CepaPluginHost *self, const char *id, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "there is no usable plugin \"%s\"", id);
  for (guint i = 0; i < self->directories->len; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? " in " : ", ", (char *) self->directories->pdata[i]);
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const HostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      g_string_append_printf (text, "%s%s", i == 0 ? "; there are: " : ", ", plugin->file->id);
    }
  if (self->plugins->len == 0)
    g_string_append (text, "; there are none at all");
  for (guint i = 0; i < self->refused->len; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "; not used: " : "; ", (char *) self->refused->pdata[i]);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, text->str);
}

CepaPathPolicy *
cepa_plugin_host_get_path_policy (CepaPluginHost *self, const char *id, GError **error)
{
  g_autofree char *full_id = strchr (id, '.') != NULL ? g_strdup (id) : g_strconcat ("path.", id, NULL);
  HostPlugin *plugin = host_find (self, full_id);

  if (plugin == NULL)
    {
      host_set_not_found (self, full_id, error);
      return NULL;
    }
  if (plugin->instance == NULL && !host_plugin_make (plugin, error))
    {
      g_prefix_error (error, "the plugin \"%s\" (%s) is not usable: ", full_id, plugin->file->module);
      return NULL;
    }
  return &plugin->policy;
}
