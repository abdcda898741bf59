/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary as such: its words against the XML, who may ask for what, emissions, answers that come late. */
#include "host/vocabulary.h"

#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "host/fixture.h"
#include "host/words.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)

/* What came of calls and signals. */
typedef struct
{
  guint n_replies, n_signals;
  GVariant *result;  /* (nullable): of the last reply */
  GError *error;     /* (nullable): the same */
  GString *signals;  /* "Client1.Bootstrapped (1, 'a', 'b')|" of each */
} Heard;

static void
heard_init (Heard *self)
{
  memset (self, 0, sizeof *self);
  self->signals = g_string_new (NULL);
}

static void
heard_clear (Heard *self)
{
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_string_free (self->signals, TRUE);
}

static void
heard_reply (gpointer user_data, GVariant *result, const GError *error)
{
  Heard *self = user_data;

  g_assert_cmpint (result != NULL, !=, error != NULL);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  self->n_replies++;
  self->result = result != NULL ? g_variant_ref (result) : NULL;
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
heard_signal (gpointer user_data, const char *interface_name, const char *signal, GVariant *args)
{
  Heard *self = user_data;
  g_autofree char *text = g_variant_print (args, FALSE);

  self->n_signals++;
  g_string_append_printf (self->signals, "%s.%s %s|", interface_name, signal, text);
}

static void
call (CepaHostVocabulary *vocabulary, Heard *heard, const char *interface_name, const char *method, GVariant *args)
{
  cepa_host_vocabulary_call (vocabulary, heard, interface_name, method, args, heard_reply, heard);
}

static const char *
short_name (const CepaWords *words)
{
  g_assert_true (g_str_has_prefix (words->info->name, "org.cepa."));
  return words->info->name + strlen ("org.cepa.");
}

/* ---- the words ---- */

static void
assert_complete (const CepaWords *words)
{
  guint n = 0;

  for (; words->methods[n].name != NULL; n++)
    g_assert_nonnull (g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *) words->info, words->methods[n].name));
  for (guint i = 0; words->info->methods != NULL && words->info->methods[i] != NULL; i++)
    n--;
  g_assert_cmpuint (n, ==, 0);
  for (; words->properties[n].name != NULL; n++)
    g_assert_nonnull (
        g_dbus_interface_info_lookup_property ((GDBusInterfaceInfo *) words->info, words->properties[n].name));
  for (guint i = 0; words->info->properties != NULL && words->info->properties[i] != NULL; i++)
    n--;
  g_assert_cmpuint (n, ==, 0);
}

/* (transfer full): GLib writes what was parsed and what was compiled in two ways: both are parsed once more. */
static char *
write_xml (const GDBusInterfaceInfo *info)
{
  g_autoptr (GString) first = g_string_new ("<node>");
  g_autoptr (GDBusNodeInfo) node = NULL;
  GString *second = g_string_new (NULL);

  g_dbus_interface_info_generate_xml ((GDBusInterfaceInfo *) info, 0, first);
  g_string_append (first, "</node>");
  node = g_dbus_node_info_new_for_xml (first->str, NULL);
  g_assert_nonnull (node);
  g_dbus_interface_info_generate_xml (node->interfaces[0], 0, second);
  return g_string_free (second, FALSE);
}

/* Every word of the XML has a handler, and every handler a word. */
static void
test_complete (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (cepa_host_vocabulary_describe (), &error);
  guint n = 0;

  g_assert_no_error (error);
  for (; cepa_words ()[n] != NULL; n++)
    {
      const GDBusInterfaceInfo *info = g_dbus_node_info_lookup_interface (node, cepa_words ()[n]->info->name);
      g_autofree char *text = NULL, *compiled = NULL;

      g_assert_nonnull (info);
      text = write_xml (info);
      compiled = write_xml (cepa_words ()[n]->info);
      g_assert_cmpstr (text, ==, compiled);
      assert_complete (cepa_words ()[n]);
    }
  for (guint i = 0; node->interfaces[i] != NULL; i++)
    n--;
  g_assert_cmpuint (n, ==, 0);
}

/* As long as there is no client, every property has a value, of its type. */
static void
test_properties_without_client (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);

  for (const CepaWords *const *words = cepa_words (); *words != NULL; words++)
    for (const CepaWordProperty *word = (*words)->properties; word->name != NULL; word++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) value = cepa_host_vocabulary_get (vocabulary, short_name (*words), word->name, &error);

        g_assert_no_error (error);
        g_assert_cmpstr (g_variant_get_type_string (value), ==,
                         g_dbus_interface_info_lookup_property ((GDBusInterfaceInfo *) (*words)->info, word->name)
                             ->signature);
      }
}

static void
assert_property (CepaHostVocabulary *vocabulary, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = cepa_host_vocabulary_get (vocabulary, "Client1", name, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

/* (transfer floating): nothing of each type that @args has, and @n_more strings. */
static GVariant *
make_args (GDBusArgInfo *const *args, guint n_more)
{
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE_TUPLE);
  for (; args != NULL && *args != NULL; args++)
    {
      const GVariantType *type = G_VARIANT_TYPE ((*args)->signature);

      if (g_variant_type_is_array (type))
        g_variant_builder_add_value (&out, g_variant_new_array (g_variant_type_element (type), NULL, 0));
      else if (g_variant_type_equal (type, G_VARIANT_TYPE_STRING))
        g_variant_builder_add (&out, "s", "");
      else if (g_variant_type_equal (type, G_VARIANT_TYPE_UINT64))
        g_variant_builder_add (&out, "t", (guint64) 77);
      else if (g_variant_type_equal (type, G_VARIANT_TYPE_UINT32))
        g_variant_builder_add (&out, "u", 1);
      else if (g_variant_type_equal (type, G_VARIANT_TYPE_INT32))
        g_variant_builder_add (&out, "i", -5);
      else
        g_variant_builder_add (&out, "b", TRUE);
    }
  for (guint i = 0; i < n_more; i++)
    g_variant_builder_add (&out, "s", "more");
  return g_variant_builder_end (&out);
}

/* Every method answers at once, with the types of the XML or an error that is not about a broken word; with another
   argument none does anything. */
static void
test_methods_without_client (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);
  Heard heard;
  guint n = 0;

  heard_init (&heard);
  for (const CepaWords *const *words = cepa_words (); *words != NULL; words++)
    for (const CepaWordMethod *word = (*words)->methods; word->name != NULL; word++)
      {
        const GDBusMethodInfo *info
            = g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *) (*words)->info, word->name);

        call (vocabulary, &heard, short_name (*words), word->name, make_args (info->in_args, 0));
        g_assert_cmpuint (heard.n_replies, ==, ++n);
        if (heard.error != NULL)
          {
            g_test_message ("%s.%s: %s", short_name (*words), word->name, heard.error->message);
            g_assert_cmpint ((gint) heard.error->domain, ==, (gint) CEPA_PLUGIN_ERROR);
            g_assert_null (strstr (heard.error->message, "broken"));
          }
        call (vocabulary, &heard, short_name (*words), word->name, make_args (info->in_args, 1));
        g_assert_cmpuint (heard.n_replies, ==, ++n);
        g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
        g_assert_nonnull (strstr (heard.error->message, "takes ("));
      }
  g_assert_cmpuint (n, >=, 2 * 18);
  heard_clear (&heard);
}

static void
test_wrong (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);
  static const char *const no_methods[][2] = {
    { "Client2", "Reload" }, { "Client1", "reload" }, { "Client1", "Version" }, { "org.cepa.Client1", "Reload" },
    { "", "" },              { "Log1", "Err" },       { NULL, "Reload" },       { "Client1", NULL },
  };
  g_autoptr (GError) error = NULL;
  Heard heard;

  heard_init (&heard);
  for (guint i = 0; i < G_N_ELEMENTS (no_methods); i++)
    {
      call (vocabulary, &heard, no_methods[i][0], no_methods[i][1], NULL);
      g_assert_cmpuint (heard.n_replies, ==, i + 1);
      g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
    }
  call (vocabulary, &heard, "Streams1", "Close", g_variant_new ("(uu)", 1, 1));
  g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  g_assert_cmpstr (heard.error->message, ==, "the method Streams1.Close takes (tu), not (uu)");
  call (vocabulary, &heard, "Streams1", "Close", g_variant_new ("s", "no tuple"));
  g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  call (vocabulary, &heard, "Streams1", "Close", g_variant_new ("(tu)", (guint64) 1, 256));
  g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  cepa_host_vocabulary_call (vocabulary, &heard, "Client1", "Reload", NULL, NULL, NULL);
  g_assert_null (cepa_host_vocabulary_get (vocabulary, "Client1", "NewIdentity", &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
  g_assert_cmpuint (cepa_host_vocabulary_subscribe (vocabulary, &heard, "Client1", "Gone", heard_signal, &heard), ==, 0);
  g_assert_cmpuint (cepa_host_vocabulary_subscribe (vocabulary, &heard, "Client2", NULL, heard_signal, &heard), ==, 0);
  heard_clear (&heard);
}

static void
note_shutdown (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static void
test_client (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);
  CepaBootstrap bootstrap = CEPA_BOOTSTRAP_INIT;
  CepaConfig config = { .data_directory = (char *) "/data" };
  gboolean is_shut_down = FALSE;
  CepaSkew skew = { .skew_s = 0 };
  CepaVocabularyClient client
      = { .version = "1.2.3", .config_file = "/torrc", .start_time_s = 77, .config = &config, .bootstrap = &bootstrap,
          .skew = &skew, .shutdown = note_shutdown, .user_data = &is_shut_down };
  Heard heard;

  heard_init (&heard);
  assert_property (vocabulary, "State", "'starting'");
  cepa_host_vocabulary_set_client (vocabulary, &client);
  assert_property (vocabulary, "State", "'starting'");
  assert_property (vocabulary, "Version", "'1.2.3'");
  assert_property (vocabulary, "ConfigFile", "'/torrc'");
  assert_property (vocabulary, "DataDirectory", "'/data'");
  assert_property (vocabulary, "StartTime", "77");
  assert_property (vocabulary, "Bootstrap", "(0, 'starting', 'Starting')");
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_CONN, 0);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Client1", "Bootstrapped", heard_signal, &heard);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 3);
  g_assert_cmpstr (heard.signals->str, ==,
                   "Client1.Bootstrapped (53, 'loading_descriptors', 'Loading relay descriptors')|");
  assert_property (vocabulary, "Bootstrap", "(53, 'loading_descriptors', 'Loading relay descriptors')");
  assert_property (vocabulary, "IsReady", "false");
  assert_property (vocabulary, "ClockSkew", "(0, '')");
  g_string_truncate (heard.signals, 0);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Client1", "ClockSkewed", heard_signal, &heard);
  skew.skew_s = -7500;
  skew.source = (char *) "CONSENSUS";
  skew.changed (skew.user_data, &skew);
  g_assert_cmpstr (heard.signals->str, ==, "Client1.ClockSkewed (-7500, 'CONSENSUS')|");
  assert_property (vocabulary, "ClockSkew", "(-7500, 'CONSENSUS')");
  call (vocabulary, &heard, "Client1", "Shutdown", NULL);
  g_assert_no_error (heard.error);
  g_assert_true (is_shut_down);
  cepa_host_vocabulary_set_client (vocabulary, NULL);
  assert_property (vocabulary, "State", "'stopping'");
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_DONE, 0);
  g_assert_cmpuint (heard.n_signals, ==, 2);
  call (vocabulary, &heard, "Client1", "Shutdown", NULL);
  g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED);
  heard_clear (&heard);
}

/* ---- emissions ---- */

static void
emit (CepaHostVocabulary *vocabulary)
{
  cepa_host_vocabulary_emit (vocabulary, "Client1", "NewIdentityTaken", NULL);
}

static void
test_subscriptions (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);
  Heard all, one, other;
  guint64 id;

  heard_init (&all);
  heard_init (&one);
  heard_init (&other);
  g_assert_false (cepa_host_vocabulary_has_listener (vocabulary, "Client1", "NewIdentityTaken"));
  emit (vocabulary);
  id = cepa_host_vocabulary_subscribe (vocabulary, &one, "Client1", "NewIdentityTaken", heard_signal, &one);
  g_assert_cmpuint (id, !=, 0);
  g_assert_true (cepa_host_vocabulary_has_listener (vocabulary, "Client1", "NewIdentityTaken"));
  g_assert_false (cepa_host_vocabulary_has_listener (vocabulary, "Client1", "Bootstrapped"));
  g_assert_false (cepa_host_vocabulary_has_listener (vocabulary, "Network1", "Changed"));
  cepa_host_vocabulary_subscribe (vocabulary, &all, "Client1", NULL, heard_signal, &all);
  g_assert_true (cepa_host_vocabulary_has_listener (vocabulary, "Client1", "Bootstrapped"));
  cepa_host_vocabulary_subscribe (vocabulary, &other, "Network1", NULL, heard_signal, &other);
  emit (vocabulary);
  cepa_host_vocabulary_emit (vocabulary, "Network1", "Changed", g_variant_new ("(ux)", 3, (gint64) 4));
  g_assert_cmpstr (one.signals->str, ==, "Client1.NewIdentityTaken ()|");
  g_assert_cmpstr (all.signals->str, ==, "Client1.NewIdentityTaken ()|");
  g_assert_cmpstr (other.signals->str, ==, "Network1.Changed (3, 4)|");
  /* Of somebody else's: nothing happens. */
  cepa_host_vocabulary_unsubscribe (vocabulary, &all, id);
  emit (vocabulary);
  g_assert_cmpuint (one.n_signals, ==, 2);
  cepa_host_vocabulary_unsubscribe (vocabulary, &one, id);
  cepa_host_vocabulary_unsubscribe (vocabulary, &one, id);
  cepa_host_vocabulary_drop (vocabulary, &all);
  emit (vocabulary);
  g_assert_cmpuint (one.n_signals, ==, 2);
  g_assert_cmpuint (all.n_signals, ==, 2);
  g_assert_false (cepa_host_vocabulary_has_listener (vocabulary, "Client1", "NewIdentityTaken"));
  heard_clear (&all);
  heard_clear (&one);
  heard_clear (&other);
}

/* An emission of other types than the XML says tells nobody, and the log. */
static void
test_emit_wrong (void)
{
  g_autoptr (CepaHostVocabulary) vocabulary = cepa_host_vocabulary_new (NULL);
  Heard heard;

  heard_init (&heard);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Network1", NULL, heard_signal, &heard);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Log1", "Warn", heard_signal, &heard);
  cepa_host_vocabulary_emit (vocabulary, "Network1", "Changed", g_variant_new ("(uu)", 3, 4));
  g_assert_cmpuint (heard.n_signals, ==, 1);
  g_assert_nonnull (strstr (heard.signals->str, "Log1.Warn ('bug', "));
  g_assert_nonnull (strstr (heard.signals->str, "word Changed should give (ux), but gave (uu)"));
  heard_clear (&heard);
}

typedef struct
{
  CepaHostVocabulary *vocabulary;
  guint64 own, next;  /* subscriptions */
  Heard *heard;
  guint n_calls, depth;
} Nasty;

/* Ends itself and the one behind it, makes one that must not be told of this, emits again, calls. */
static void
nasty_signal (gpointer user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
              G_GNUC_UNUSED GVariant *args)
{
  Nasty *self = user_data;

  self->n_calls++;
  if (self->depth++ == 0)
    {
      emit (self->vocabulary);
      cepa_host_vocabulary_unsubscribe (self->vocabulary, self, self->own);
      cepa_host_vocabulary_drop (self->vocabulary, self->heard);
      for (guint i = 0; i < 50; i++)
        cepa_host_vocabulary_subscribe (self->vocabulary, self->heard, "Client1", NULL, heard_signal, self->heard);
      call (self->vocabulary, self->heard, "Circuits1", "List", NULL);
    }
  self->depth--;
}

static void
test_reentrancy (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  CepaHostVocabulary *vocabulary;
  Nasty nasty = { NULL };
  Heard heard, last;

  heard_init (&heard);
  heard_init (&last);
  g_main_context_push_thread_default (context);
  vocabulary = cepa_host_vocabulary_new (NULL);
  nasty.vocabulary = vocabulary;
  nasty.heard = &heard;
  nasty.own = cepa_host_vocabulary_subscribe (vocabulary, &nasty, "Client1", NULL, nasty_signal, &nasty);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Client1", NULL, heard_signal, &heard);
  cepa_host_vocabulary_subscribe (vocabulary, &last, "Client1", NULL, heard_signal, &last);
  emit (vocabulary);
  g_assert_cmpuint (nasty.n_calls, ==, 2);
  g_assert_cmpuint (heard.n_signals, ==, 1); /* of the emission inside, before it was dropped */
  g_assert_cmpuint (last.n_signals, ==, 2);
  /* What was called inside is done in a turn of its own, and what was not done then is never. */
  g_assert_cmpuint (heard.n_replies, ==, 0);
  g_main_context_iteration (context, FALSE);
  g_assert_cmpuint (heard.n_replies, ==, 1);
  g_assert_no_error (heard.error);
  emit (vocabulary);
  g_assert_cmpuint (nasty.n_calls, ==, 2);
  g_assert_cmpuint (heard.n_signals, ==, 1 + 50);
  g_assert_cmpuint (last.n_signals, ==, 3);
  for (guint i = 0; i < 2; i++)
    {
      nasty.own = cepa_host_vocabulary_subscribe (vocabulary, &nasty, "Client1", NULL, nasty_signal, &nasty);
      emit (vocabulary);
      if (i == 0)
        cepa_host_vocabulary_drop (vocabulary, &heard);
      else
        g_clear_pointer (&vocabulary, cepa_host_vocabulary_free);
      while (g_main_context_iteration (context, FALSE))
        continue;
      g_assert_cmpuint (heard.n_replies, ==, 1);
    }
  g_main_context_pop_thread_default (context);
  heard_clear (&heard);
  heard_clear (&last);
}

/* ---- plugins, and answers that come late ---- */

static void
test_plugins (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostVocabulary *vocabulary = cepa_host_vocabulary_new (self->host);
  Heard heard;
  guint n = 0;

  heard_init (&heard);
  fixture_install_as (self, "later", "metrics.conduct", "");
  call (vocabulary, &heard, "Plugins1", "List", NULL);
  g_assert_cmpuint (g_variant_n_children (heard.result), ==, 1);
  call (vocabulary, &heard, "Plugins1", "Start", g_variant_new ("(s)", "metrics.gone"));
  g_assert_error (heard.error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  g_assert_nonnull (strstr (heard.error->message, "metrics.conduct"));
  n = heard.n_replies;

  /* The answer comes when it runs. */
  call (vocabulary, &heard, "Plugins1", "Start", g_variant_new ("(s)", "metrics.conduct"));
  g_assert_cmpuint (heard.n_replies, ==, n);
  while (heard.n_replies == n)
    g_main_context_iteration (self->context, TRUE);
  g_assert_no_error (heard.error);
  g_assert_true (cepa_host_plugin_is_running (fixture_find (self, "metrics.conduct")));
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Plugins1", "Changed", heard_signal, &heard);
  cepa_host_vocabulary_plugin_changed (vocabulary, fixture_find (self, "metrics.conduct"));
  g_assert_cmpstr (heard.signals->str, ==, "Plugins1.Changed ('metrics.conduct', 'running', '')|");
  cepa_host_vocabulary_free (vocabulary);
  heard_clear (&heard);
}

/* Whoever asked has stopped, or the vocabulary is gone: nobody is told. */
static void
test_late_replies (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostVocabulary *vocabulary = cepa_host_vocabulary_new (self->host);
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;
  Heard heard;

  heard_init (&heard);
  fixture_install_as (self, "later", "metrics.conduct", "");
  plugin = fixture_find (self, "metrics.conduct");
  call (vocabulary, &heard, "Plugins1", "Start", g_variant_new ("(s)", "metrics.conduct"));
  cepa_host_vocabulary_drop (vocabulary, &heard);
  while (!cepa_host_plugin_is_running (plugin))
    g_main_context_iteration (self->context, TRUE);
  g_assert_true (fixture_stop (self, plugin, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (heard.n_replies, ==, 0);
  call (vocabulary, &heard, "Plugins1", "Start", g_variant_new ("(s)", "metrics.conduct"));
  cepa_host_vocabulary_free (vocabulary);
  while (!cepa_host_plugin_is_running (plugin))
    g_main_context_iteration (self->context, TRUE);
  g_assert_true (fixture_stop (self, plugin, &error));
  g_assert_cmpuint (heard.n_replies, ==, 0);
  heard_clear (&heard);
}

/* ---- log ---- */

static void
log_back (gpointer user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal, GVariant *args)
{
  Heard *self = user_data;
  const char *text;

  g_variant_get (args, "(s&s)", NULL, &text);
  self->n_signals++;
  cepa_log (CEPA_LOG_CONTROL, CEPA_LOG_NOTICE, "about %s", text);
}

static void
test_log (void)
{
  CepaHostVocabulary *vocabulary = cepa_host_vocabulary_new (NULL);
  guint64 info;
  Heard heard;

  heard_init (&heard);
  cepa_log_close ();
  cepa_log_startup_done ();
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Log1", "Warn", heard_signal, &heard);
  info = cepa_host_vocabulary_subscribe (vocabulary, &heard, "Log1", "Info", heard_signal, &heard);
  g_assert_true (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_INFO));
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_DEBUG));
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "not this");
  cepa_log (CEPA_LOG_APP, CEPA_LOG_WARN, "to %s", cepa_log_scrub ("example.com"));
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "b");
  g_assert_cmpstr (heard.signals->str, ==,
                   "Log1.Warn ('app', 'to [scrubbed]')|Log1.Info ('circ', 'test_log(): b')|");
  cepa_host_vocabulary_unsubscribe (vocabulary, &heard, info);
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_INFO));
  g_assert_true (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  cepa_host_vocabulary_free (vocabulary);
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  heard_clear (&heard);
}

static gpointer
log_from_thread (G_GNUC_UNUSED gpointer data)
{
  for (guint i = 0; i < 3; i++)
    cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "line %u of another thread", i);
  return NULL;
}

static void
log_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("the lines of the other thread have not come");
}

/* Listeners are called in the protocol's thread, and what they log themselves is not told. */
static void
test_log_threads (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  CepaLoopWatch *deadline = cepa_loop_watch_fd (context, -1, "deadline", log_too_late, NULL);
  CepaHostVocabulary *vocabulary;
  Heard heard;

  heard_init (&heard);
  cepa_log_close ();
  cepa_log_startup_done ();
  g_main_context_push_thread_default (context);
  cepa_loop_set_delay (deadline, DEADLINE_US);
  vocabulary = cepa_host_vocabulary_new (NULL);
  cepa_host_vocabulary_subscribe (vocabulary, &heard, "Log1", NULL, log_back, &heard);
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "ours");
  g_assert_cmpuint (heard.n_signals, ==, 1);
  g_thread_join (g_thread_new ("logs", log_from_thread, NULL));
  g_assert_cmpuint (heard.n_signals, ==, 1);
  while (heard.n_signals < 4)
    g_main_context_iteration (context, TRUE);
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_assert_cmpuint (heard.n_signals, ==, 4);
  /* Those that wait when it ends are nobody's. */
  g_thread_join (g_thread_new ("logs", log_from_thread, NULL));
  cepa_host_vocabulary_free (vocabulary);
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_assert_cmpuint (heard.n_signals, ==, 4);
  cepa_loop_clear (&deadline);
  g_main_context_pop_thread_default (context);
  heard_clear (&heard);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vocabulary/complete", test_complete);
  g_test_add_func ("/vocabulary/properties-without-client", test_properties_without_client);
  g_test_add_func ("/vocabulary/methods-without-client", test_methods_without_client);
  g_test_add_func ("/vocabulary/wrong", test_wrong);
  g_test_add_func ("/vocabulary/client", test_client);
  g_test_add_func ("/vocabulary/subscriptions", test_subscriptions);
  g_test_add_func ("/vocabulary/emit-wrong", test_emit_wrong);
  g_test_add_func ("/vocabulary/reentrancy", test_reentrancy);
  g_test_add ("/vocabulary/plugins", Fixture, NULL, fixture_set_up, test_plugins, fixture_tear_down);
  g_test_add ("/vocabulary/late-replies", Fixture, NULL, fixture_set_up, test_late_replies, fixture_tear_down);
  g_test_add_func ("/vocabulary/log", test_log);
  g_test_add_func ("/vocabulary/log-threads", test_log_threads);
  return g_test_run ();
}
