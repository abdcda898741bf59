/* SPDX-License-Identifier: BSD-3-Clause */
/* Client1: the daemon as a whole. */
#include <string.h>
#include <unistd.h>
#include <vocabulary-info.h>

#include "base/log.h"
#include "host/plugin.h"
#include "host/words.h"

static GVariant *
words_client_get_version (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  const char *version = cepa_words_get_client (self)->version;

  return g_variant_new_string (version != NULL ? version : "");
}

static GVariant *
words_client_get_state (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return g_variant_new_string (cepa_words_get_state (self));
}

static GVariant *
words_client_make_bootstrap (const CepaBootstrap *bootstrap)
{
  static const CepaBootstrap none = CEPA_BOOTSTRAP_INIT;

  bootstrap = bootstrap != NULL ? bootstrap : &none;
  return g_variant_new ("(uss)", (guint) MAX (bootstrap->percent, 0), cepa_bootstrap_get_tag (bootstrap),
                        cepa_bootstrap_get_summary (bootstrap));
}

static GVariant *
words_client_get_bootstrap (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_client_make_bootstrap (cepa_words_get_client (self)->bootstrap);
}

static GVariant *
words_client_make_skew (const CepaSkew *skew)
{
  return g_variant_new ("(xs)", skew != NULL ? skew->skew_s : (gint64) 0,
                        skew != NULL && skew->source != NULL ? skew->source : "");
}

static GVariant *
words_client_get_clock_skew (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_client_make_skew (cepa_words_get_client (self)->skew);
}

static gboolean
words_client_has_directory (CepaHostVocabulary *self)
{
  const CepaVocabularyClient *client = cepa_words_get_client (self);

  return client->directory != NULL && cepa_directory_is_sufficient (client->directory);
}

static GVariant *
words_client_get_is_ready (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  const CepaBootstrap *bootstrap = cepa_words_get_client (self)->bootstrap;

  return g_variant_new_boolean (bootstrap != NULL && bootstrap->percent >= CEPA_BOOTSTRAP_DONE
                                && words_client_has_directory (self));
}

static GVariant *
words_client_get_has_directory (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return g_variant_new_boolean (words_client_has_directory (self));
}

/* What a plugin listens on goes by its kind: "control". */
static void
words_client_add_plugin (GVariantBuilder *out, CepaHostPlugin *plugin)
{
  g_auto (GStrv) addresses = cepa_host_plugin_list_addresses (plugin);
  const char *id = cepa_host_plugin_get_id (plugin);
  g_autofree char *kind = g_strndup (id, strcspn (id, "."));

  for (guint i = 0; addresses[i] != NULL; i++)
    if (g_utf8_validate (addresses[i], -1, NULL))
      g_variant_builder_add (out, "(ss)", kind, addresses[i]);
}

static GVariant *
words_client_get_listeners (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaProxy *proxy = cepa_words_get_client (self)->proxy;
  CepaPluginHost *host = cepa_words_get_host (self);
  GPtrArray *plugins = host != NULL ? cepa_plugin_host_list (host) : NULL;
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; proxy != NULL && i < cepa_proxy_get_n_listeners (proxy); i++)
    g_variant_builder_add (&out, "(ss)", "socks", cepa_proxy_get_address (proxy, i));
  for (guint i = 0; plugins != NULL && i < plugins->len; i++)
    words_client_add_plugin (&out, g_ptr_array_index (plugins, i));
  return g_variant_builder_end (&out);
}

static GVariant *
words_client_get_bytes_read (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaChannelPool *channels = cepa_words_get_client (self)->channels;

  return g_variant_new_uint64 (channels != NULL ? cepa_channel_pool_get_totals (channels)->bytes_read : 0);
}

static GVariant *
words_client_get_bytes_written (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaChannelPool *channels = cepa_words_get_client (self)->channels;

  return g_variant_new_uint64 (channels != NULL ? cepa_channel_pool_get_totals (channels)->bytes_written : 0);
}

static GVariant *
words_client_get_start_time (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return g_variant_new_int64 (cepa_words_get_client (self)->start_time_s);
}

static GVariant *
words_client_get_pid (G_GNUC_UNUSED CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return g_variant_new_uint32 ((guint32) getpid ());
}

/* A path as the bus can carry it. */
static GVariant *
words_client_make_path (const char *path)
{
  g_autofree char *shown = path != NULL ? g_filename_display_name (path) : NULL;

  return g_variant_new_string (shown != NULL ? shown : "");
}

static GVariant *
words_client_get_data_directory (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  const CepaConfig *config = cepa_words_get_client (self)->config;

  return words_client_make_path (config != NULL ? config->data_directory : NULL);
}

static GVariant *
words_client_get_config_file (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  return words_client_make_path (cepa_words_get_client (self)->config_file);
}

static void
words_client_identity_taken (gpointer user_data, const GError *error)
{
  CepaWordReply *reply = user_data;

  if (error != NULL)
    cepa_word_reply_fail (reply, error);
  else
    cepa_word_reply_return (reply, NULL);
}

static void
words_client_new_identity (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;

  if (circuits == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  cepa_circuits_new_identity (circuits, words_client_identity_taken, reply);
}

static void
words_client_reload (G_GNUC_UNUSED CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  cepa_log_reopen ();
  cepa_word_reply_return (reply, NULL);
}

/* Answered first: what asked is one of those that are stopped. */
static void
words_client_shutdown (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaVocabularyClient client = *cepa_words_get_client (self);

  if (client.shutdown == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  cepa_word_reply_return (reply, NULL);
  client.shutdown (client.user_data);
}

static GVariant *
words_client_get_dormant (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  const CepaDormancy *dormancy = cepa_words_get_client (self)->dormancy;

  return g_variant_new_boolean (dormancy != NULL && cepa_dormancy_is_dormant (dormancy));
}

static void
words_client_set_dormant (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaDormancy *dormancy = cepa_words_get_client (self)->dormancy;
  gboolean is_dormant;

  g_variant_get (args, "(b)", &is_dormant);
  if (dormancy == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  cepa_dormancy_set (dormancy, is_dormant);
  cepa_word_reply_return (reply, NULL);
}

void
cepa_host_vocabulary_dormant_changed (CepaHostVocabulary *self, gboolean is_dormant)
{
  if (cepa_host_vocabulary_has_listener (self, "Client1", "DormantChanged"))
    cepa_host_vocabulary_emit (self, "Client1", "DormantChanged", g_variant_new ("(b)", is_dormant));
}

void
cepa_host_vocabulary_clock_jumped (CepaHostVocabulary *self, gint64 jump_s)
{
  if (cepa_host_vocabulary_has_listener (self, "Client1", "ClockJumped"))
    cepa_host_vocabulary_emit (self, "Client1", "ClockJumped", g_variant_new ("(x)", jump_s));
}

void
cepa_words_bootstrapped (gpointer self, const CepaBootstrap *bootstrap)
{
  if (cepa_host_vocabulary_has_listener (self, "Client1", "Bootstrapped"))
    cepa_host_vocabulary_emit (self, "Client1", "Bootstrapped", words_client_make_bootstrap (bootstrap));
}

void
cepa_words_clock_skewed (gpointer self, const CepaSkew *skew)
{
  if (cepa_host_vocabulary_has_listener (self, "Client1", "ClockSkewed"))
    cepa_host_vocabulary_emit (self, "Client1", "ClockSkewed", words_client_make_skew (skew));
}

static const CepaWordProperty words_client_properties[] = {
  { "Version", words_client_get_version },
  { "State", words_client_get_state },
  { "Bootstrap", words_client_get_bootstrap },
  { "IsReady", words_client_get_is_ready },
  { "HasDirectory", words_client_get_has_directory },
  { "ClockSkew", words_client_get_clock_skew },
  { "Listeners", words_client_get_listeners },
  { "BytesRead", words_client_get_bytes_read },
  { "BytesWritten", words_client_get_bytes_written },
  { "StartTime", words_client_get_start_time },
  { "Pid", words_client_get_pid },
  { "DataDirectory", words_client_get_data_directory },
  { "ConfigFile", words_client_get_config_file },
  { "Dormant", words_client_get_dormant },
  { NULL, NULL },
};

static const CepaWordMethod words_client_methods[] = {
  { "NewIdentity", words_client_new_identity },
  { "SetDormant", words_client_set_dormant },
  { "Reload", words_client_reload },
  { "Shutdown", words_client_shutdown },
  { NULL, NULL },
};

const CepaWords cepa_words_client = {
  .info = &org_cepa_client1_interface,
  .properties = words_client_properties,
  .methods = words_client_methods,
};
