/* SPDX-License-Identifier: BSD-3-Clause */
/* What control plugins get of the vocabulary, and for how long: the test calls as the plugin would. */
#include <string.h>

#include "host/fixture.h"
#include "host/vocabulary.h"

typedef struct
{
  const CepaHost *host;
  guint n_signals, n_replies;
  gboolean is_good;
  guint64 subscription;
} Caller;

static void
caller_signal (void *user_data, const char *interface_name, const char *signal, G_GNUC_UNUSED GVariant *args)
{
  Caller *self = user_data;

  g_assert_cmpstr (interface_name, ==, "Client1");
  g_assert_cmpstr (signal, ==, "NewIdentityTaken");
  self->n_signals++;
}

static void
caller_reply (void *user_data, GVariant *result, const GError *error)
{
  Caller *self = user_data;

  self->n_replies++;
  self->is_good = result != NULL && error == NULL;
}

static CepaHostPlugin *
start (Fixture *self, Caller *caller, const char *variant)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;

  fixture_install_as (self, variant, "control.conduct", "");
  plugin = fixture_start (self, "control.conduct", &error);
  g_assert_no_error (error);
  memset (caller, 0, sizeof *caller);
  caller->host = &plugin->services;
  caller->subscription = cepa_vocabulary_subscribe (caller->host, "Client1", NULL, caller_signal, caller);
  g_assert_cmpuint (caller->subscription, !=, 0);
  return plugin;
}

static void
emit (Fixture *self)
{
  cepa_host_vocabulary_emit (cepa_host_get_vocabulary (self->host), "Client1", "NewIdentityTaken", NULL);
}

static void
test_table (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  Caller caller;

  start (self, &caller, "control");
  g_assert_nonnull (strstr (cepa_vocabulary_describe (caller.host), "org.cepa.Circuits1"));
  value = cepa_vocabulary_get (caller.host, "Client1", "State", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "starting");
  g_assert_null (cepa_vocabulary_get (caller.host, "Client1", "Mood", &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
  cepa_vocabulary_call (caller.host, "Plugins1", "List", NULL, caller_reply, &caller);
  g_assert_true (caller.is_good);
  emit (self);
  g_assert_cmpuint (caller.n_signals, ==, 1);
  cepa_vocabulary_unsubscribe (caller.host, caller.subscription);
  emit (self);
  g_assert_cmpuint (caller.n_signals, ==, 1);
}

/* Asks to be stopped: its subscriptions end, the answer is not given, and a second life is as the first. */
static void
test_stop (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;
  Caller caller;

  plugin = start (self, &caller, "control");
  cepa_vocabulary_call (caller.host, "Plugins1", "Stop", g_variant_new ("(s)", "control.conduct"), caller_reply,
                        &caller);
  while (plugin->state != CEPA_PLUGIN_STOPPED)
    g_main_context_iteration (self->context, TRUE);
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  emit (self);
  g_assert_cmpuint (caller.n_replies, ==, 0);
  g_assert_cmpuint (caller.n_signals, ==, 0);
  g_assert_false (cepa_host_vocabulary_has_listener (cepa_host_get_vocabulary (self->host), "Client1",
                                                     "NewIdentityTaken"));
  g_assert_nonnull (fixture_start (self, "control.conduct", &error));
  g_assert_no_error (error);
  caller.subscription = cepa_vocabulary_subscribe (caller.host, "Client1", NULL, caller_signal, &caller);
  emit (self);
  g_assert_cmpuint (caller.n_signals, ==, 1);
}

/* Between the call of its stop and its end it gets nothing, whatever it tries. */
static void
test_while_stopping (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;
  Caller caller;

  plugin = start (self, &caller, "control-stop-never");
  cepa_plugin_host_stop_plugin (self->host, plugin, NULL, NULL);
  while (plugin->state != CEPA_PLUGIN_STOPPING)
    g_main_context_iteration (self->context, TRUE);
  g_assert_null (cepa_vocabulary_get (caller.host, "Client1", "State", &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_CANCELLED);
  g_assert_cmpuint (cepa_vocabulary_subscribe (caller.host, "Client1", NULL, caller_signal, &caller), ==, 0);
  cepa_vocabulary_call (caller.host, "Plugins1", "Start", g_variant_new ("(s)", "control.conduct"), caller_reply,
                        &caller);
  cepa_vocabulary_unsubscribe (caller.host, caller.subscription);
  emit (self);
  g_assert_cmpuint (caller.n_signals, ==, 0);
  while (plugin->state == CEPA_PLUGIN_STOPPING)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (caller.n_replies, ==, 0);
}

static gpointer
call_from_thread (gpointer user_data)
{
  Caller *self = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_vocabulary_get (self->host, "Client1", "State", &error));
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_CANCELLED);
  cepa_vocabulary_call (self->host, "Plugins1", "List", g_variant_new ("()"), caller_reply, self);
  g_assert_cmpuint (cepa_vocabulary_subscribe (self->host, "Client1", NULL, caller_signal, self), ==, 0);
  return NULL;
}

static void
test_thread (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;
  Caller caller;

  plugin = start (self, &caller, "control");
  g_thread_join (g_thread_new ("trespass", call_from_thread, &caller));
  g_assert_cmpuint (caller.n_replies, ==, 0);
  while (plugin->state != CEPA_PLUGIN_FAILED)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (fixture_violations (plugin, "wrong-thread"), >=, 1);
  emit (self);
  g_assert_cmpuint (caller.n_signals, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/control/table", Fixture, NULL, fixture_set_up, test_table, fixture_tear_down);
  g_test_add ("/control/stop", Fixture, NULL, fixture_set_up, test_stop, fixture_tear_down);
  g_test_add ("/control/while-stopping", Fixture, NULL, fixture_set_up, test_while_stopping, fixture_tear_down);
  g_test_add ("/control/thread", Fixture, NULL, fixture_set_up, test_thread, fixture_tear_down);
  return g_test_run ();
}
