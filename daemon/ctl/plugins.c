/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa plugins */
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/link.h"
#include "ctl/show.h"

/* What can be done to a plugin. */
static const struct
{
  const char *word, *method, *doing;
} plugins_actions[] = {
  { "start", "Plugins1.Start", "Starting" },
  { "stop", "Plugins1.Stop", "Stopping" },
  { "use", "Plugins1.Use", "Starting" },
};

/* Returns: (transfer full): why it is in its state, and which rules it has broken. */
static char *
plugins_format_reason (GVariant *plugin)
{
  g_autoptr (GVariant) violations = g_variant_lookup_value (plugin, "violations", G_VARIANT_TYPE ("a{su}"));
  GString *text = g_string_new (cepa_ctl_get_text (plugin, "reason"));
  const char *rule;
  guint32 n;

  for (gsize i = 0; violations != NULL && i < g_variant_n_children (violations); i++)
    {
      g_variant_get_child (violations, i, "{&su}", &rule, &n);
      g_string_append_printf (text, "%sbroke %s ", text->len > 0 ? "; " : "", rule);
      if (n == 1)
        g_string_append (text, "once");
      else
        g_string_append_printf (text, "%u times", n);
    }
  return g_string_free (text, FALSE);
}

static void
plugins_add_row (CepaCtlTable *table, GVariant *plugin)
{
  gboolean is_used = cepa_ctl_get_boolean (plugin, "is-used");
  gboolean is_default = cepa_ctl_get_boolean (plugin, "is-default");
  const char *id = cepa_ctl_get_text (plugin, "id");

  cepa_ctl_table_add (table, g_strdup (*id != '\0' ? id : cepa_ctl_get_text (plugin, "keyfile")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (plugin, "state")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (plugin, "profile")));
  cepa_ctl_table_add (table, g_strdup (is_used ? "used" : is_default ? "default" : ""));
  cepa_ctl_table_add (table, plugins_format_reason (plugin));
}

/* Returns: (transfer full) (nullable): what the daemon says of the plugin. */
static GVariant *
plugins_find (CepaCtlLink *link, const char *id, GError **error)
{
  g_autoptr (GVariant) reply = cepa_ctl_link_call (link, "Plugins1.List", NULL, "(aa{sv})", "Asking the daemon",
                                                   error);
  g_autoptr (GVariant) list = reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;

  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++)
    {
      GVariant *plugin = g_variant_get_child_value (list, i);

      if (strcmp (cepa_ctl_get_text (plugin, "id"), id) == 0)
        return plugin;
      g_variant_unref (plugin);
    }
  if (list != NULL)
    g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_FAILED, "the daemon has no plugin \"%s\"", id);
  return NULL;
}

static gboolean
plugins_show_one (CepaCtlLink *link, const CepaCtlOptions *options, const char *id, GError **error)
{
  g_autoptr (GVariant) plugin = plugins_find (link, id, error);
  g_autofree char *shown_id = NULL;
  g_autofree char *state = NULL;

  if (plugin == NULL)
    return FALSE;
  if (options->json)
    {
      cepa_ctl_json_print (plugin, TRUE);
      return TRUE;
    }
  shown_id = cepa_ctl_escape (cepa_ctl_get_text (plugin, "id"));
  state = cepa_ctl_escape (cepa_ctl_get_text (plugin, "state"));
  cepa_ctl_print ("%s: %s%s\n", shown_id, state, cepa_ctl_get_boolean (plugin, "is-used") ? ", used" : "");
  return TRUE;
}

static gboolean
plugins_act (const CepaCtlOptions *options, gsize action, const char *id, GError **error)
{
  g_autoptr (CepaCtlLink) link = cepa_ctl_link_open (options, error);
  g_autofree char *shown_id = cepa_ctl_escape (id);
  g_autofree char *doing = g_strdup_printf ("%s %s", plugins_actions[action].doing, shown_id);
  g_autoptr (GVariant) reply = NULL;

  if (link == NULL)
    return FALSE;
  reply = cepa_ctl_link_call (link, plugins_actions[action].method, g_variant_new ("(s)", id), "()", doing, error);
  return reply != NULL && plugins_show_one (link, options, id, error);
}

gboolean
cepa_ctl_plugins (const CepaCtlOptions *options, char **args, GError **error)
{
  if (args[0] == NULL)
    return cepa_ctl_show_list (options, "Plugins1.List", "ID|STATE|PROFILE|USE|REASON", "There are no plugins.",
                               plugins_add_row, error);
  for (gsize i = 0; i < G_N_ELEMENTS (plugins_actions); i++)
    {
      if (strcmp (args[0], plugins_actions[i].word) != 0)
        continue;
      if (args[1] != NULL && args[2] == NULL && g_utf8_validate (args[1], -1, NULL))
        return plugins_act (options, i, args[1], error);
      g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "\"plugins %s\" takes the id of one plugin", args[0]);
      return FALSE;
    }
  g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "\"%s\" cannot be done to a plugin; start, stop and use can",
               args[0]);
  return FALSE;
}
