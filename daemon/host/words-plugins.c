/* SPDX-License-Identifier: BSD-3-Clause */
/* Plugins1. */
#include <vocabulary-info.h>

#include "host/plugin.h"
#include "host/words.h"

static void
words_plugins_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaPluginHost *host = cepa_words_get_host (self);
  GPtrArray *plugins = host != NULL ? cepa_plugin_host_list (host) : NULL;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; plugins != NULL && i < plugins->len; i++)
    g_variant_builder_add_value (&out, cepa_host_plugin_to_variant (g_ptr_array_index (plugins, i)));
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &out));
}

static void
words_plugins_settled (gpointer user_data, const GError *error)
{
  if (error != NULL)
    cepa_word_reply_fail (user_data, error);
  else
    cepa_word_reply_return (user_data, NULL);
}

/* (nullable): the plugin that @args names; NULL when there is none and @reply has been answered. */
static CepaHostPlugin *
words_plugins_find (CepaHostVocabulary *self, const char *id, CepaWordReply *reply)
{
  CepaPluginHost *host = cepa_words_get_host (self);
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = host != NULL ? cepa_plugin_host_find (host, id, &error) : NULL;

  if (plugin == NULL)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "%s",
                               error != NULL ? error->message : "there are no plugins");
  return plugin;
}

static void
words_plugins_start (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaHostPlugin *plugin;
  const char *id;

  g_variant_get (args, "(&s)", &id);
  plugin = words_plugins_find (self, id, reply);
  if (plugin != NULL)
    cepa_plugin_host_start_plugin (cepa_words_get_host (self), plugin, words_plugins_settled, reply);
}

static void
words_plugins_stop (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaHostPlugin *plugin;
  const char *id;

  g_variant_get (args, "(&s)", &id);
  plugin = words_plugins_find (self, id, reply);
  if (plugin != NULL)
    cepa_plugin_host_stop_plugin (cepa_words_get_host (self), plugin, words_plugins_settled, reply);
}

/* The option PathPolicy is what it would be, had the torrc said so. */
typedef struct
{
  CepaWordReply *reply;
  char *id;
} WordsPluginsUse;

static void
words_plugins_used (gpointer user_data, const GError *error)
{
  WordsPluginsUse *use = user_data;
  CepaHostVocabulary *vocabulary = cepa_word_reply_get_vocabulary (use->reply);

  if (error == NULL && vocabulary != NULL)
    cepa_words_options_note_policy (vocabulary, use->id);
  words_plugins_settled (use->reply, error);
  g_free (use->id);
  g_free (use);
}

static void
words_plugins_use (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaHostPlugin *plugin;
  WordsPluginsUse *use;
  const char *id;

  g_variant_get (args, "(&s)", &id);
  plugin = words_plugins_find (self, id, reply);
  if (plugin == NULL)
    return;
  use = g_new0 (WordsPluginsUse, 1);
  use->reply = reply;
  use->id = g_strdup (cepa_host_plugin_get_id (plugin));
  cepa_plugin_host_use_policy (cepa_words_get_host (self), plugin, words_plugins_used, use);
}

void
cepa_host_vocabulary_plugin_changed (CepaHostVocabulary *self, CepaHostPlugin *plugin)
{
  g_autofree char *reason = NULL;

  if (!cepa_host_vocabulary_has_listener (self, "Plugins1", "Changed"))
    return;
  reason = plugin->reason != NULL ? g_utf8_make_valid (plugin->reason, -1) : g_strdup ("");
  cepa_host_vocabulary_emit (self, "Plugins1", "Changed",
                             g_variant_new ("(sss)", cepa_host_plugin_get_id (plugin),
                                            cepa_plugin_state_name (plugin->state), reason));
}

static const CepaWordMethod words_plugins_methods[] = {
  { "List", words_plugins_list },
  { "Start", words_plugins_start },
  { "Stop", words_plugins_stop },
  { "Use", words_plugins_use },
  { NULL, NULL },
};

static const CepaWordProperty words_plugins_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_plugins = {
  .info = &org_cepa_plugins1_interface,
  .properties = words_plugins_properties,
  .methods = words_plugins_methods,
};
