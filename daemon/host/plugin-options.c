/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of one plugin: what the torrc says, against the plugin's own table. */
#include <string.h>

#include "host/host-private.h"
#include "host/module.h"
#include "host/plugin-options.h"

void
cepa_plugin_options_add (GHashTable *lines, const char *option, const char *value)
{
  GPtrArray *values = g_hash_table_lookup (lines, option);

  if (values == NULL)
    {
      values = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (lines, g_strdup (option), values);
    }
  g_ptr_array_add (values, g_strdup (value));
}

void
cepa_host_plugin_add_line (CepaHostPlugin *self, const char *option, const char *value)
{
  cepa_plugin_options_add (self->lines, option, value);
}

static const CepaPluginOption *
options_find (const CepaPlugin *module, const char *name)
{
  for (guint i = 0; i < module->n_options; i++)
    {
      const CepaPluginOption *option = cepa_module_get_option (module, i);

      if (strcmp (option->name, name) == 0)
        return option;
    }
  return NULL;
}

static gboolean
options_refuse_unknown (const CepaPlugin *module, const char *name, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < module->n_options; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", cepa_module_get_option (module, i)->name);
  return cepa_plugin_refuse (error, "it has no option \"%s\"; %s%s", name,
                             names->len > 0 ? "it has: " : "it has none at all", names->str);
}

static gboolean
options_is_choice (const char *choices, const char *value)
{
  g_auto (GStrv) all = g_strsplit (choices, "|", -1);

  return g_strv_contains ((const char *const *) all, value);
}

/* Returns: (transfer full) (nullable): the value as the plugin gets it. */
static char *
options_check_value (const CepaPluginOption *option, const char *value, GError **error)
{
  gint64 number = 0;

  switch (option->type)
    {
    case CEPA_PLUGIN_OPTION_BOOL:
      if (strcmp (value, "0") == 0 || strcmp (value, "1") == 0)
        return g_strdup (value);
      cepa_plugin_refuse (error, "its option %s is \"%s\"; write 0 or 1", option->name, value);
      return NULL;
    case CEPA_PLUGIN_OPTION_INT:
      if (g_ascii_string_to_signed (value, 10, option->minimum, option->maximum, &number, NULL))
        return g_strdup_printf ("%" G_GINT64_FORMAT, number);
      cepa_plugin_refuse (error, "its option %s is \"%s\"; write a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                          option->name, value, option->minimum, option->maximum);
      return NULL;
    case CEPA_PLUGIN_OPTION_FILE:
      return g_canonicalize_filename (value, NULL);
    case CEPA_PLUGIN_OPTION_TEXT:
    default:
      if (option->choices == NULL || options_is_choice (option->choices, value))
        return g_strdup (value);
      cepa_plugin_refuse (error, "its option %s is \"%s\"; write one of %s", option->name, value, option->choices);
      return NULL;
    }
}

/* Returns: (transfer full) (nullable): NULL at its end. */
static char **
options_settle (const CepaPluginOption *option, const GPtrArray *lines, GError **error)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  guint n = lines != NULL ? lines->len : 0;

  if (n > 1 && option->is_list == 0)
    {
      cepa_plugin_refuse (error, "its option %s is given %u times; it takes one value", option->name, n);
      return NULL;
    }
  for (guint i = 0; i < n; i++)
    {
      char *value = options_check_value (option, g_ptr_array_index (lines, i), error);

      if (value == NULL)
        return NULL;
      g_ptr_array_add (values, value);
    }
  if (n == 0 && option->default_text != NULL)
    {
      char *value = options_check_value (option, option->default_text, error);

      if (value == NULL)
        return NULL;
      g_ptr_array_add (values, value);
    }
  g_ptr_array_add (values, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&values), FALSE);
}

GHashTable *
cepa_plugin_options_settle (const CepaPlugin *module, GHashTable *lines, GError **error)
{
  g_autoptr (GHashTable) settled = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_strfreev);
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, lines);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (options_find (module, name) == NULL)
      {
        options_refuse_unknown (module, name, error);
        return NULL;
      }
  for (guint i = 0; i < module->n_options; i++)
    {
      const CepaPluginOption *option = cepa_module_get_option (module, i);
      char **values = options_settle (option, g_hash_table_lookup (lines, option->name), error);

      if (values == NULL)
        return NULL;
      g_hash_table_insert (settled, (gpointer) option->name, values);
    }
  return g_steal_pointer (&settled);
}

gboolean
cepa_host_plugin_settle_options (CepaHostPlugin *self, GError **error)
{
  GHashTable *settled = cepa_plugin_options_settle (self->module, self->lines, error);

  if (settled == NULL)
    return FALSE;
  g_clear_pointer (&self->values, g_hash_table_unref);
  self->values = settled;
  return TRUE;
}
