/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/plugins.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"

#define PLUGINS_ID_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

const char *
cepa_plugin_profile_name (CepaPluginProfile profile)
{
  static const char *const names[] = {
    [CEPA_PLUGIN_DISABLED] = "disabled", [CEPA_PLUGIN_OPTIONAL] = "optional", [CEPA_PLUGIN_REQUIRED] = "required",
  };

  return names[profile];
}

void
cepa_plugin_config_free (CepaPluginConfig *self)
{
  g_free (self->id);
  g_free (self);
}

void
cepa_plugin_option_config_free (CepaPluginOptionConfig *self)
{
  g_free (self->option);
  g_free (self->id);
  g_free (self->name);
  g_free (self->value);
  g_free (self);
}

static gboolean
plugins_fail (const char *value, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (value, strlen (value), 60);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "\"%s\" %s", shown, what);
  return FALSE;
}

/* Whether @text is @n_parts names with dots between them. */
static gboolean
plugins_is_name (const char *text, guint n_parts)
{
  for (guint i = 0; i < n_parts; i++)
    {
      gsize len = strspn (text, PLUGINS_ID_CHARACTERS);

      if (len == 0 || text[len] != (i + 1 < n_parts ? '.' : '\0'))
        return FALSE;
      text += len + 1;
    }
  return TRUE;
}

gboolean
cepa_plugins_parse_plugin (const char *value, GPtrArray *plugins, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (value, " \t", -1);
  guint n = 0;

  for (guint i = 0; words[i] != NULL; i++) /* several blanks make empty words */
    if (words[i][0] != '\0')
      {
        char *word = words[i];

        words[i] = words[n];
        words[n++] = word;
      }
  for (guint i = 0; n == 2 && plugins_is_name (words[0], 2) && i < CEPA_PLUGIN_N_PROFILES; i++)
    if (strcmp (words[1], cepa_plugin_profile_name ((CepaPluginProfile) i)) == 0)
      {
        CepaPluginConfig *plugin = g_new0 (CepaPluginConfig, 1);

        plugin->id = g_strdup (words[0]);
        plugin->profile = (CepaPluginProfile) i;
        g_ptr_array_add (plugins, plugin);
        return TRUE;
      }
  return plugins_fail (value, "is not a plugin, as in path.uniform, and one of required, optional and disabled", error);
}

static void
plugins_add (GPtrArray *options, const char *option, const char *id, const char *name, const char *value)
{
  CepaPluginOptionConfig *line = g_new0 (CepaPluginOptionConfig, 1);

  line->option = g_strdup (option);
  line->id = g_strdup (id);
  line->name = g_strdup (name);
  line->value = g_strdup (value);
  g_ptr_array_add (options, line);
}

gboolean
cepa_plugins_parse_option (const char *value, GPtrArray *options, GError **error)
{
  gsize len = strcspn (value, " \t");
  g_autofree char *id = g_strndup (value, len);
  g_autofree char *option = g_strconcat ("PluginOption ", id, NULL);
  g_autofree char *text = g_strstrip (g_strdup (value + len));
  char *dot;

  if (!plugins_is_name (id, 3) || *text == '\0')
    return plugins_fail (value, "is not an option of a plugin and its value, as in path.mine.depth 3", error);
  dot = strrchr (id, '.');
  *dot = '\0';
  plugins_add (options, option, id, dot + 1, text);
  return TRUE;
}

gboolean
cepa_plugins_parse_of_plugin (const CepaOption *option, const char *value, GPtrArray *options,
                              G_GNUC_UNUSED GError **error)
{
  /* C Tor: 0 in place of an address or a file is for none. */
  if (option->type != CEPA_OPTION_OF_PLUGIN_LIST || strcmp (value, "0") != 0)
    plugins_add (options, option->name, option->plugin_id, option->plugin_option, value);
  return TRUE;
}
