/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/host.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "host/host-private.h"
#include "host/metrics.h"
#include "host/padding.h"
#include "host/scan.h"
#include "host/side-tables.h"
#include "host/transport.h"
#include "host/vocabulary.h"

#define HOST_DEFAULT_POLICY "path.weighted"
#define HOST_TRANSPORT "transport.direct"

struct _CepaPluginHost
{
  GMainContext *context;
  GThread *thread;
  const CepaClock *clock;
  CepaRandom *random;
  char *data_directory;     /* (nullable) */
  CepaPluginHostFuncs funcs;
  GPtrArray *directories;   /* (element-type utf8): where it was looked */
  GPtrArray *plugins;       /* (element-type CepaHostPlugin) */
  CepaPathPolicies *policies;
  CepaHostTransport *transport;
  CepaHostMetrics *metrics;
  CepaHostPadding *padding;
  CepaHostVocabulary *vocabulary;
  char *policy_id;          /* the path policy that is to be asked */
  const CepaNetworkView *view; /* (nullable) */
  CepaLoopWatch *pump;            /* goes on with those that wait for others */
  guint64 last_number;
  gboolean is_started, is_stopping;
  CepaHostSideTables *side_tables;
  void (*countries_wanted) (gpointer user_data); /* (nullable) */
  gpointer countries_data;
};

static void host_pump (gpointer user_data, GIOCondition revents);

CepaPluginHost *
cepa_plugin_host_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, const char *data_directory,
                      const CepaPluginHostFuncs *funcs)
{
  CepaPluginHost *self = g_new0 (CepaPluginHost, 1);

  self->context = g_main_context_ref (context);
  self->thread = g_thread_self ();
  self->clock = clock;
  self->random = random;
  self->data_directory = g_strdup (data_directory);
  self->funcs = *funcs;
  self->directories = g_ptr_array_new_with_free_func (g_free);
  self->plugins = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_host_plugin_free);
  self->policies = cepa_path_policies_new ();
  self->transport = cepa_host_transport_new (self);
  self->metrics = cepa_host_metrics_new (self);
  self->padding = cepa_host_padding_new (self);
  self->side_tables = cepa_host_side_tables_new ();
  self->vocabulary = cepa_host_vocabulary_new (self);
  self->policy_id = g_strdup (HOST_DEFAULT_POLICY);
  self->pump = cepa_loop_watch_fd (context, -1, "plugins", host_pump, self);
  return self;
}

void
cepa_plugin_host_free (CepaPluginHost *self)
{
  if (self == NULL)
    return;
  self->is_stopping = TRUE;
  self->funcs = (CepaPluginHostFuncs){ NULL, NULL };
  g_ptr_array_unref (self->plugins);
  cepa_loop_clear (&self->pump);
  cepa_path_policies_free (self->policies);
  cepa_host_transport_free (self->transport);
  cepa_host_vocabulary_free (self->vocabulary);
  cepa_host_padding_free (self->padding);
  cepa_host_side_tables_free (self->side_tables);
  cepa_host_metrics_free (self->metrics);
  g_ptr_array_unref (self->directories);
  g_main_context_unref (self->context);
  g_free (self->policy_id);
  g_free (self->data_directory);
  g_free (self);
}

/* ---- what its parts ask ---- */

GMainContext *
cepa_host_get_context (const CepaPluginHost *self)
{
  return self->context;
}

GThread *
cepa_host_get_thread (const CepaPluginHost *self)
{
  return self->thread;
}

const CepaClock *
cepa_host_get_clock (const CepaPluginHost *self)
{
  return self->clock;
}

CepaRandom *
cepa_host_get_random (const CepaPluginHost *self)
{
  return self->random;
}

const char *
cepa_host_get_data_directory (const CepaPluginHost *self)
{
  return self->data_directory;
}

const CepaNetworkView *
cepa_host_get_view (const CepaPluginHost *self)
{
  return self->view;
}

guint64
cepa_host_draw_number (CepaPluginHost *self)
{
  return ++self->last_number;
}

gboolean
cepa_host_has (const CepaPluginHost *self, const CepaHostPlugin *plugin)
{
  return g_ptr_array_find (self->plugins, plugin, NULL);
}

CepaPathPolicies *
cepa_plugin_host_get_policies (CepaPluginHost *self)
{
  return self->policies;
}

CepaDialer *
cepa_plugin_host_get_dialer (CepaPluginHost *self)
{
  return cepa_host_transport_get_dialer (self->transport);
}

void
cepa_plugin_host_set_reachability (CepaPluginHost *self, const CepaReachability *reachability)
{
  cepa_host_transport_set_reachability (self->transport, reachability);
}

CepaHostSideTables *
cepa_host_get_side_tables (CepaPluginHost *self)
{
  return self->side_tables;
}

void
cepa_plugin_host_set_countries_wanted (CepaPluginHost *self, void (*wanted) (gpointer user_data), gpointer user_data)
{
  self->countries_wanted = wanted;
  self->countries_data = user_data;
}

gboolean
cepa_plugin_host_needs_countries (const CepaPluginHost *self)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->instance != NULL && plugin->file->needs_countries)
        return TRUE;
    }
  return FALSE;
}

CepaHostVocabulary *
cepa_host_get_vocabulary (CepaPluginHost *self)
{
  return self->vocabulary;
}

CepaHostPadding *
cepa_host_get_padding (CepaPluginHost *self)
{
  return self->padding;
}

CepaHostMetrics *
cepa_host_get_metrics (CepaPluginHost *self)
{
  return self->metrics;
}

CepaHostTransport *
cepa_host_get_transport (CepaPluginHost *self)
{
  return self->transport;
}

GPtrArray *
cepa_plugin_host_list (CepaPluginHost *self)
{
  return self->plugins;
}

void
cepa_plugin_host_network_changed (CepaPluginHost *self, const CepaNetworkView *view)
{
  self->view = view;
  cepa_host_padding_network_changed (self->padding, view);
  cepa_host_vocabulary_network_changed (self->vocabulary);
}

/* ---- finding ---- */

guint
cepa_plugin_host_scan (CepaPluginHost *self, const char *directory)
{
  guint n = 0;

  g_ptr_array_add (self->directories, g_strdup (directory));
  cepa_host_scan_directory (self, self->plugins, directory);
  for (guint i = 0; i < self->plugins->len; i++)
    n += ((CepaHostPlugin *) g_ptr_array_index (self->plugins, i))->state != CEPA_PLUGIN_REFUSED;
  return n;
}

static CepaHostPlugin *
host_find (const CepaPluginHost *self, const char *id)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->file != NULL && strcmp (plugin->file->id, id) == 0)
        return plugin;
    }
  return NULL;
}

/* Says which plugins there are instead of @id, and why others are not. */
static void
host_set_not_found (const CepaPluginHost *self, const char *id, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) refused = g_string_new (NULL);
  guint n = 0;

  g_string_append_printf (text, "there is no usable plugin \"%s\"", id);
  for (guint i = 0; i < self->directories->len; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? " in " : ", ", (char *) self->directories->pdata[i]);
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->file != NULL)
        g_string_append_printf (text, "%s%s", n++ == 0 ? "; there are: " : ", ", plugin->file->id);
      else
        g_string_append_printf (refused, "; not used: %s: %s", plugin->keyfile, plugin->reason);
    }
  g_string_append (text, n == 0 ? "; there are none at all" : "");
  g_string_append (text, refused->str);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, text->str);
}

CepaHostPlugin *
cepa_plugin_host_find (CepaPluginHost *self, const char *id, GError **error)
{
  CepaHostPlugin *plugin = host_find (self, id);

  if (plugin == NULL)
    host_set_not_found (self, id, error);
  return plugin;
}

/* ---- configuration ---- */

static gboolean
host_configure_plugin (CepaPluginHost *self, const CepaPluginConfig *line, GError **error)
{
  CepaHostPlugin *plugin = cepa_plugin_host_find (self, line->id, error);

  if (plugin == NULL)
    {
      g_prefix_error (error, "Plugin %s: ", line->id);
      return FALSE;
    }
  plugin->profile = line->profile;
  return TRUE;
}

/* An option that is set asks for its plugin. */
static gboolean
host_configure_option (CepaPluginHost *self, const CepaPluginOptionConfig *line, GError **error)
{
  CepaHostPlugin *plugin = cepa_plugin_host_find (self, line->id, error);

  if (plugin == NULL)
    {
      g_prefix_error (error, "%s: ", line->option);
      return FALSE;
    }
  cepa_host_plugin_add_line (plugin, line->name, line->value);
  plugin->profile = MAX (plugin->profile, CEPA_PLUGIN_OPTIONAL);
  return TRUE;
}

gboolean
cepa_plugin_host_configure (CepaPluginHost *self, const CepaConfig *config, GError **error)
{
  const char *const wanted[] = { HOST_DEFAULT_POLICY, HOST_TRANSPORT };
  CepaHostPlugin *policy;

  g_free (self->policy_id);
  self->policy_id = strchr (config->path_policy, '.') != NULL ? g_strdup (config->path_policy)
                                                              : g_strconcat ("path.", config->path_policy, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      CepaHostPlugin *plugin = host_find (self, wanted[i]);

      if (plugin != NULL)
        plugin->profile = CEPA_PLUGIN_OPTIONAL;
    }
  policy = cepa_plugin_host_find (self, self->policy_id, error);
  if (policy == NULL)
    {
      g_prefix_error (error, "PathPolicy %s: ", config->path_policy);
      return FALSE;
    }
  policy->profile = CEPA_PLUGIN_OPTIONAL;
  for (guint i = 0; i < config->plugin_options->len; i++)
    if (!host_configure_option (self, g_ptr_array_index (config->plugin_options, i), error))
      return FALSE;
  for (guint i = 0; i < config->plugins->len; i++)
    if (!host_configure_plugin (self, g_ptr_array_index (config->plugins, i), error))
      return FALSE;
  return TRUE;
}

/* ---- who waits for whom ---- */

/* Returns: (transfer none) (nullable): a plugin of @ids that @test is true of. */
static CepaHostPlugin *
host_find_any (const CepaPluginHost *self, GStrv ids, gboolean (*test) (const CepaHostPlugin *plugin))
{
  for (guint i = 0; ids != NULL && ids[i] != NULL; i++)
    {
      CepaHostPlugin *plugin = host_find (self, ids[i]);

      if (plugin != NULL && test (plugin))
        return plugin;
    }
  return NULL;
}

static gboolean
host_is_on_its_way (const CepaHostPlugin *plugin)
{
  return plugin->state == CEPA_PLUGIN_WAITING || plugin->state == CEPA_PLUGIN_STARTING;
}

/* Returns: (transfer full) (nullable): why @plugin cannot have what it requires; sets @must_wait. */
static char *
host_check_requires (CepaPluginHost *self, const CepaHostPlugin *plugin, gboolean *must_wait)
{
  for (guint i = 0; plugin->file->requires != NULL && plugin->file->requires[i] != NULL; i++)
    {
      const char *id = plugin->file->requires[i];
      CepaHostPlugin *other = host_find (self, id);

      if (other == NULL)
        return g_strdup_printf ("it requires the plugin %s, which is not there: install it", id);
      if (cepa_host_plugin_is_running (other))
        continue;
      if (!host_is_on_its_way (other))
        return g_strdup_printf ("it requires the plugin %s, which is %s%s%s", id, cepa_plugin_state_name (other->state),
                                other->reason != NULL ? ": " : "", other->reason != NULL ? other->reason : "");
      *must_wait = TRUE;
    }
  return NULL;
}

/* Goes on with one that waits; TRUE when it does not wait any more. */
static gboolean
host_try_to_start (CepaPluginHost *self, CepaHostPlugin *plugin)
{
  gboolean must_wait = FALSE;
  g_autofree char *reason = host_check_requires (self, plugin, &must_wait);

  if (reason != NULL)
    {
      cepa_host_plugin_set_state (plugin, CEPA_PLUGIN_FAILED, reason);
      return TRUE;
    }
  if (must_wait || host_find_any (self, plugin->file->wants, host_is_on_its_way) != NULL)
    return FALSE;
  cepa_host_plugin_start (plugin);
  return TRUE;
}

static gboolean
host_requires (const CepaHostPlugin *plugin, const CepaHostPlugin *other)
{
  return plugin->file != NULL && other->file != NULL && plugin->file->requires != NULL
         && g_strv_contains ((const char *const *) plugin->file->requires, other->file->id);
}

/* Whether somebody who requires @plugin has not stopped yet; those who run are told to. */
static gboolean
host_has_dependents (CepaPluginHost *self, const CepaHostPlugin *plugin)
{
  gboolean has = FALSE;

  for (guint i = 0; i < self->plugins->len; i++)
    {
      CepaHostPlugin *other = g_ptr_array_index (self->plugins, i);

      if (!host_requires (other, plugin))
        continue;
      if (cepa_host_plugin_is_running (other))
        cepa_host_plugin_set_state (other, CEPA_PLUGIN_HOLDING, NULL);
      has |= !cepa_host_plugin_is_settled (other);
    }
  return has;
}

/* Nobody goes on though some wait: they require each other. */
static void
host_break_circle (CepaPluginHost *self)
{
  g_autoptr (GString) names = g_string_new (NULL);
  g_autoptr (GPtrArray) circle = g_ptr_array_new ();
  g_autofree char *reason = NULL;

  for (guint i = 0; i < self->plugins->len; i++)
    {
      CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->state == CEPA_PLUGIN_STARTING)
        return; /* they wait for this one */
      if (plugin->state != CEPA_PLUGIN_WAITING)
        continue;
      g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", plugin->file->id);
      g_ptr_array_add (circle, plugin);
    }
  reason = g_strdup_printf ("plugins require or want each other in a circle: %s; take one Requires or Wants away",
                            names->str);
  for (guint i = 0; i < circle->len; i++)
    cepa_host_plugin_set_state (g_ptr_array_index (circle, i), CEPA_PLUGIN_FAILED, reason);
}

/* The loop's turn: whoever waits for others is looked at again, as long as something changes. */
static void
host_pump (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaPluginHost *self = user_data;
  gboolean has_moved, is_waiting;

  do
    {
      has_moved = is_waiting = FALSE;
      for (guint i = 0; i < self->plugins->len; i++)
        {
          CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

          if (plugin->state == CEPA_PLUGIN_WAITING)
            {
              gboolean moved = host_try_to_start (self, plugin);

              has_moved |= moved;
              is_waiting |= !moved;
            }
          else if (plugin->state == CEPA_PLUGIN_HOLDING && !host_has_dependents (self, plugin))
            {
              cepa_host_plugin_stop (plugin);
              has_moved = TRUE;
            }
          else if (plugin->state == CEPA_PLUGIN_FAILED)
            host_has_dependents (self, plugin); /* they stop */
        }
    }
  while (has_moved);
  if (is_waiting)
    host_break_circle (self);
}

/* ---- states ---- */

/* One that runs, or is on its way. */
static gboolean
host_has_of_kind (const CepaPluginHost *self, CepaPluginKind kind)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->file != NULL && plugin->file->kind == kind
          && (cepa_host_plugin_is_running (plugin) || !cepa_host_plugin_is_settled (plugin)))
        return TRUE;
    }
  return FALSE;
}

/* The daemon cannot do without some: says which is not there. */
static void
host_check_needs (CepaPluginHost *self, const CepaHostPlugin *plugin)
{
  g_autoptr (GError) error = NULL;
  gboolean is_down = plugin->state == CEPA_PLUGIN_FAILED || plugin->state == CEPA_PLUGIN_REFUSED;

  if (!self->is_started || self->is_stopping || !is_down || self->funcs.failed == NULL)
    return;
  if (plugin->profile == CEPA_PLUGIN_REQUIRED)
    g_set_error (&error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "the required plugin \"%s\" (%s) is not usable: %s",
                 cepa_host_plugin_get_id (plugin), plugin->keyfile, plugin->reason);
  else if (plugin->file != NULL && plugin->file->kind <= CEPA_PLUGIN_KIND_TRANSPORT
           && plugin->file->kind != CEPA_PLUGIN_KIND_PADDING && !host_has_of_kind (self, plugin->file->kind))
    g_set_error (&error, CEPA_ERROR, CEPA_ERROR_PLUGIN,
                 "no plugin of kind %s is left that could be used; the last was \"%s\" (%s): %s",
                 cepa_plugin_kind_name (plugin->file->kind), cepa_host_plugin_get_id (plugin), plugin->file->module,
                 plugin->reason);
  if (error != NULL)
    self->funcs.failed (self->funcs.user_data, error);
}

void
cepa_host_state_changed (CepaPluginHost *self, CepaHostPlugin *plugin)
{
  if (self->pump == NULL)
    return;
  cepa_loop_set_delay (self->pump, 0);
  cepa_host_vocabulary_plugin_changed (self->vocabulary, plugin);
  host_check_needs (self, plugin);
  if (plugin->state == CEPA_PLUGIN_STARTING && plugin->file->needs_countries && self->countries_wanted != NULL)
    self->countries_wanted (self->countries_data);
}

void
cepa_host_settle_policies (CepaPluginHost *self, CepaHostPlugin *plugin)
{
  if (strcmp (plugin->file->id, HOST_DEFAULT_POLICY) == 0)
    cepa_path_policies_set_fallback (self->policies, plugin->kind);
  if (strcmp (plugin->file->id, self->policy_id) == 0)
    cepa_path_policies_use (self->policies, plugin->kind);
}

/* Asks for @plugin and, before, for what it requires or wants. */
static void
host_want (CepaPluginHost *self, CepaHostPlugin *plugin, guint depth)
{
  if (plugin->file == NULL || plugin->state == CEPA_PLUGIN_RUNNING || !cepa_host_plugin_is_settled (plugin)
      || depth > self->plugins->len)
    return;
  cepa_host_plugin_set_state (plugin, CEPA_PLUGIN_WAITING, NULL);
  for (guint i = 0; plugin->file->requires != NULL && plugin->file->requires[i] != NULL; i++)
    {
      CepaHostPlugin *other = host_find (self, plugin->file->requires[i]);

      if (other != NULL)
        host_want (self, other, depth + 1);
    }
}

void
cepa_plugin_host_start (CepaPluginHost *self)
{
  self->is_started = TRUE;
  for (guint i = 0; i < self->plugins->len; i++)
    {
      CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->profile != CEPA_PLUGIN_DISABLED)
        host_want (self, plugin, 0);
    }
  host_pump (self, 0);
}

/* Whether the daemon waits for @plugin before it begins. Padding is there from the first link on. */
static gboolean
host_is_needed (const CepaPluginHost *self, const CepaHostPlugin *plugin)
{
  if (plugin->profile == CEPA_PLUGIN_REQUIRED || plugin->file == NULL)
    return TRUE;
  if (plugin->file->kind == CEPA_PLUGIN_KIND_PATH)
    return strcmp (plugin->file->id, self->policy_id) == 0 || strcmp (plugin->file->id, HOST_DEFAULT_POLICY) == 0;
  return plugin->file->kind == CEPA_PLUGIN_KIND_TRANSPORT || plugin->file->kind == CEPA_PLUGIN_KIND_PADDING;
}

gboolean
cepa_plugin_host_is_ready (const CepaPluginHost *self)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (!cepa_host_plugin_is_settled (plugin) && host_is_needed (self, plugin))
        return FALSE;
    }
  return self->is_started;
}

void
cepa_plugin_host_stop (CepaPluginHost *self)
{
  self->is_stopping = TRUE;
  for (guint i = 0; i < self->plugins->len; i++)
    cepa_plugin_host_stop_plugin (self, g_ptr_array_index (self->plugins, i), NULL, NULL);
}

gboolean
cepa_plugin_host_is_stopped (const CepaPluginHost *self)
{
  for (guint i = 0; i < self->plugins->len; i++)
    {
      const CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (plugin->instance != NULL || !cepa_host_plugin_is_settled (plugin))
        return FALSE;
    }
  return !cepa_host_side_tables_is_busy (self->side_tables);
}

/* ---- on demand ---- */

void
cepa_plugin_host_start_plugin (CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func,
                               gpointer user_data)
{
  if (!self->is_stopping)
    host_want (self, plugin, 0);
  cepa_host_plugin_wait (plugin, TRUE, func, user_data);
}

void
cepa_plugin_host_stop_plugin (G_GNUC_UNUSED CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func,
                              gpointer user_data)
{
  if (plugin->state == CEPA_PLUGIN_RUNNING)
    cepa_host_plugin_set_state (plugin, CEPA_PLUGIN_HOLDING, NULL);
  else if (plugin->state == CEPA_PLUGIN_STARTING)
    cepa_host_plugin_stop (plugin);
  else if (plugin->state == CEPA_PLUGIN_WAITING)
    cepa_host_plugin_set_state (plugin, CEPA_PLUGIN_STOPPED, NULL);
  cepa_host_plugin_wait (plugin, FALSE, func, user_data);
}

/* Who was to be asked until then, and whom to tell. */
typedef struct
{
  CepaPluginHost *host;
  char *id, *before;
  CepaPluginHostFunc func; /* (nullable) */
  gpointer user_data;
} HostUse;

/* One that cannot be had takes nobody's place. */
static void
host_on_used (gpointer user_data, const GError *error)
{
  HostUse *use = user_data;
  CepaPluginHost *self = use->host;

  if (error != NULL && strcmp (self->policy_id, use->id) == 0)
    {
      g_free (self->policy_id);
      self->policy_id = g_steal_pointer (&use->before);
    }
  if (use->func != NULL)
    use->func (use->user_data, error);
  g_free (use->id);
  g_free (use->before);
  g_free (use);
}

void
cepa_plugin_host_use_policy (CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  HostUse *use;

  if (plugin->file == NULL || plugin->file->kind != CEPA_PLUGIN_KIND_PATH)
    {
      g_set_error (&error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%s is no path policy", cepa_host_plugin_get_id (plugin));
      if (func != NULL)
        func (user_data, error);
      return;
    }
  use = g_new0 (HostUse, 1);
  *use = (HostUse){ self, g_strdup (plugin->file->id), g_steal_pointer (&self->policy_id), func, user_data };
  self->policy_id = g_strdup (plugin->file->id);
  if (cepa_host_plugin_is_running (plugin))
    cepa_path_policies_use (self->policies, plugin->kind);
  cepa_plugin_host_start_plugin (self, plugin, host_on_used, use);
}
