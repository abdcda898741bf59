/* SPDX-License-Identifier: BSD-3-Clause */
/* Properties, methods and signals as a client of the socket sees them. */
#include <string.h>

#include "fixture.h"

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture_set_up (self, data);
  fake_host_set_option (&self->words.host, "bus", "none", NULL);
  error = fixture_start (self);
  g_assert_no_error (error);
}

/* What there is must be what data/org.cepa.Cepa1.xml says, to the last argument. */
static void
test_introspection (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "data", "org.cepa.Cepa1.xml", NULL);
  g_autoptr (GDBusNodeInfo) wanted = NULL;
  g_autoptr (GDBusNodeInfo) got = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *xml = NULL;
  const char *text;

  g_assert_true (g_file_get_contents (path, &xml, NULL, &error));
  wanted = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  reply = fixture_call (self, client, NULL, "org.freedesktop.DBus.Introspectable.Introspect", NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(&s)", &text);
  got = g_dbus_node_info_new_for_xml (text, &error);
  g_assert_no_error (error);
  for (gsize i = 0; wanted->interfaces[i] != NULL; i++)
    {
      g_autoptr (GString) a = g_string_new (NULL);
      g_autoptr (GString) b = g_string_new (NULL);
      GDBusInterfaceInfo *found = g_dbus_node_info_lookup_interface (got, wanted->interfaces[i]->name);

      g_assert_nonnull (found);
      g_dbus_interface_info_generate_xml (wanted->interfaces[i], 0, a);
      g_dbus_interface_info_generate_xml (found, 0, b);
      g_assert_cmpstr (a->str, ==, b->str);
    }
  g_assert_nonnull (g_dbus_node_info_lookup_interface (got, "org.cepa.Signals1"));
}

static void
test_properties (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const char *get = "org.freedesktop.DBus.Properties.Get";
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  GVariant *reply, *all;
  const char *version;

  fake_words_set_property (&self->words, "Client1.Version", g_variant_new_string ("9.9"));
  fake_words_set_property (&self->words, "Client1.BytesRead", g_variant_new_uint64 (G_MAXUINT64));
  reply = fixture_call (self, client, NULL, get, g_variant_new ("(ss)", "org.cepa.Client1", "Version"), &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(v)", &all);
  g_assert_cmpstr (g_variant_get_string (all, NULL), ==, "9.9");
  g_variant_unref (all);
  g_variant_unref (reply);
  g_assert_null (fixture_call (self, client, NULL, get, g_variant_new ("(ss)", "org.cepa.Client1", "State"), &error));
  fixture_assert_error (&error, "org.cepa.Error.Unsupported", "there is no property Client1.State");
  g_assert_null (fixture_call (self, client, NULL, get, g_variant_new ("(ss)", "org.cepa.Client1", "Nose"), &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.InvalidArgs", "Nose");
  /* Of all properties, those that the host has. */
  reply = fixture_call (self, client, NULL, "org.freedesktop.DBus.Properties.GetAll",
                        g_variant_new ("(s)", "org.cepa.Client1"), &error);
  g_assert_no_error (error);
  all = g_variant_get_child_value (reply, 0);
  g_assert_cmpuint (g_variant_n_children (all), ==, 3);
  g_assert_true (g_variant_lookup (all, "Version", "&s", &version));
  g_assert_cmpstr (version, ==, "9.9");
  g_variant_unref (all);
  g_variant_unref (reply);
  /* A host that says another type than it should is not believed. */
  fake_words_set_property (&self->words, "Client1.Version", g_variant_new_uint32 (9));
  g_assert_null (
      fixture_call (self, client, NULL, get, g_variant_new ("(ss)", "org.cepa.Client1", "Version"), &error));
  fixture_assert_error (&error, "org.cepa.Error.Failed", "another type");
}

static void
test_calls (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *text = NULL;

  fake_words_set_result (&self->words, "Options1.Get", g_variant_new_parsed ("('SocksPort', ['9050', 'auto'])"));
  fake_words_set_result (&self->words, "Circuits1.Close", g_variant_new ("()"));
  reply = fixture_call (self, client, NULL, "org.cepa.Options1.Get", g_variant_new ("(s)", "socksport"), &error);
  g_assert_no_error (error);
  text = g_variant_print (reply, FALSE);
  g_assert_cmpstr (text, ==, "('SocksPort', ['9050', 'auto'])");
  g_clear_pointer (&reply, g_variant_unref);
  reply = fixture_call (self, client, NULL, "org.cepa.Circuits1.Close", g_variant_new ("(tb)", (guint64) 7, TRUE),
                        &error);
  g_assert_no_error (error);
  g_assert_cmpstr (self->words.calls->str, ==, "Options1.Get ('socksport',)\nCircuits1.Close (uint64 7, true)\n");
  /* What is not as the XML says does not reach the host. */
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Circuits1.Close", g_variant_new ("(s)", "7"), &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.InvalidArgs", "");
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Circuits1.Explode", NULL, &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.UnknownMethod", "");
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Nothing1.List", NULL, &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.UnknownMethod", "");
  g_assert_false (g_strstr_len (self->words.calls->str, -1, "Explode") != NULL);
}

static void
test_errors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const names[] = { "Failed", "Invalid", "Unsupported", "NoPath",
                                       "Network", "File", "Timeout", "Cancelled" };
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *name = g_strconcat ("org.cepa.Error.", names[i], NULL);

      fake_words_set_error (&self->words, "Client1.Reload", g_error_new (CEPA_PLUGIN_ERROR, (int) i, "reason %u", i));
      g_assert_null (fixture_call (self, client, NULL, "org.cepa.Client1.Reload", NULL, &error));
      fixture_assert_error (&error, name, "reason ");
    }
  fake_words_set_error (&self->words, "Client1.Reload", g_error_new (CEPA_PLUGIN_ERROR, 77, "strange code"));
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Client1.Reload", NULL, &error));
  fixture_assert_error (&error, "org.cepa.Error.Failed", "strange code");
  fake_words_set_error (&self->words, "Client1.Reload", g_error_new (G_FILE_ERROR, 1, "bad \xff bytes"));
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Client1.Reload", NULL, &error));
  fixture_assert_error (&error, "org.cepa.Error.Failed", "bad \xef\xbf\xbd bytes");
  fake_words_set_result (&self->words, "Client1.NewIdentity", g_variant_new ("(s)", "too much"));
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Client1.NewIdentity", NULL, &error));
  fixture_assert_error (&error, "org.cepa.Error.Failed", "answered NewIdentity with values of another type");
}

static void
on_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError **error = user_data;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, error);

  g_assert_null (reply);
}

static void
call_start (GDBusConnection *client, GError **error)
{
  g_dbus_connection_call (client, NULL, FIXTURE_PATH, "org.cepa.Plugins1", "Start", g_variant_new ("(s)", "path.x"),
                          NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_reply, error);
}

/* Answers that come later: to who waits, to who has gone, and not at all before the plugin is stopped. */
static void
test_late_answers (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GDBusConnection) leaving = fixture_connect (self);
  g_autoptr (GError) own = g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_TIMEOUT, "too slow");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) lost = NULL;

  fake_words_defer (&self->words, "Plugins1.Start");
  call_start (client, &error);
  fixture_wait (self, fake_words_n_waiting (&self->words) == 1);
  fake_words_answer (&self->words, NULL, own);
  fixture_wait (self, error != NULL);
  fixture_assert_error (&error, "org.cepa.Error.Timeout", "too slow");
  call_start (leaving, &lost);
  fixture_wait (self, fake_words_n_waiting (&self->words) == 1);
  g_dbus_connection_close (leaving, NULL, NULL, NULL);
  fixture_wait (self, lost != NULL);
  fake_words_answer (&self->words, NULL, own);
  call_start (client, &error);
  fixture_wait (self, fake_words_n_waiting (&self->words) == 1);
  fixture_stop (self);
  fixture_wait (self, error != NULL);
  fixture_assert_error (&error, "org.cepa.Error.Cancelled", "being stopped");
}

/* Callers that want no answer are served as others are. */
static void
test_no_reply_expected (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  fake_words_set_result (&self->words, "Client1.NewIdentity", g_variant_new ("()"));
  fake_words_set_result (&self->words, "Client1.Reload", g_variant_new ("()"));
  /* More of them than may be under way at once. */
  for (guint i = 0; i < 3000; i++)
    {
      g_autoptr (GDBusMessage) message
          = g_dbus_message_new_method_call (NULL, FIXTURE_PATH, "org.cepa.Client1", "NewIdentity");

      g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
      g_dbus_connection_send_message (client, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
      if (i % 100 != 99)
        continue;
      reply = fixture_call (self, client, NULL, "org.cepa.Client1.Reload", NULL, &error);
      g_assert_no_error (error);
      g_clear_pointer (&reply, g_variant_unref);
    }
}

static void
emit_bootstrap (Fixture *self, guint percent)
{
  fake_words_set_property (&self->words, "Client1.Bootstrap", g_variant_new ("(uss)", percent, "conn", "Connecting"));
  fake_words_emit (&self->words, "Client1", "Bootstrapped", g_variant_new ("(uss)", percent, "conn", "Connecting"));
}

/* Rare signals go to everybody who is there, and are wanted of the host only while somebody is. */
static void
test_rare_signals (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GDBusConnection *clients[2];
  SignalCount seen[2], changes;

  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Client1", "Bootstrapped"), ==, 0);
  for (guint i = 0; i < 2; i++)
    {
      clients[i] = fixture_connect (self);
      signal_count_start (&seen[i], clients[i], "org.cepa.Client1");
    }
  signal_count_start (&changes, clients[0], "org.freedesktop.DBus.Properties");
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Client1", "Bootstrapped") == 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Plugins1", "Changed"), ==, 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Circuits1", "Changed"), ==, 0);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 0);
  fixture_wait (self, (emit_bootstrap (self, 5), seen[0].n > 0 && seen[1].n > 0 && changes.n > 0));
  g_assert_cmpstr (seen[1].last, ==, "Bootstrapped (5, 'conn', 'Connecting')");
  g_assert_cmpstr (changes.last, ==,
                   "PropertiesChanged ('org.cepa.Client1', {'Bootstrap': <(uint32 5, 'conn', 'Connecting')>}, [])");
  signal_count_stop (&changes);
  for (guint i = 0; i < 2; i++)
    {
      signal_count_stop (&seen[i]);
      g_dbus_connection_close (clients[i], NULL, NULL, NULL);
      g_object_unref (clients[i]);
    }
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Client1", "Bootstrapped") == 0);
}

static void
subscribe (Fixture *self, GDBusConnection *client, const char *method, const char *interface, const char *signal)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = fixture_call (self, client, NULL, method, g_variant_new ("(ss)", interface, signal),
                                             &error);

  g_assert_no_error (error);
  g_assert_nonnull (reply);
}

/* The others go to who has asked, and the host makes them only then. */
static void
test_asked_signals (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) asking = fixture_connect (self);
  g_autoptr (GDBusConnection) other = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  SignalCount seen, unseen;

  signal_count_start (&seen, asking, "org.cepa.Log1");
  signal_count_start (&unseen, other, "org.cepa.Log1");
  subscribe (self, asking, "org.cepa.Signals1.Subscribe", "org.cepa.Log1", "Notice");
  subscribe (self, asking, "org.cepa.Signals1.Subscribe", "org.cepa.Log1", "Notice");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Notice"), ==, 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 0);
  fake_words_emit (&self->words, "Log1", "Notice", g_variant_new ("(ss)", "net", "hello"));
  fixture_wait (self, seen.n == 1);
  g_assert_cmpstr (seen.last, ==, "Notice ('net', 'hello')");
  /* A call of the other that comes back has overtaken no signal. */
  subscribe (self, other, "org.cepa.Signals1.Subscribe", "org.cepa.Circuits1", "");
  g_assert_cmpuint (unseen.n, ==, 0);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Circuits1", "Changed"), ==, 1);
  subscribe (self, asking, "org.cepa.Signals1.Unsubscribe", "org.cepa.Log1", "");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Notice"), ==, 0);
  g_assert_null (fixture_call (self, asking, NULL, "org.cepa.Signals1.Subscribe",
                               g_variant_new ("(ss)", "org.cepa.Log1", "Whisper"), &error));
  fixture_assert_error (&error, "org.cepa.Error.Invalid", "no signal \"Whisper\" of \"org.cepa.Log1\"");
  signal_count_stop (&seen);
  signal_count_stop (&unseen);
  g_dbus_connection_close (other, NULL, NULL, NULL);
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Circuits1", "Changed") == 0);
}

static void
on_log (G_GNUC_UNUSED GDBusConnection *client, G_GNUC_UNUSED const char *sender, G_GNUC_UNUSED const char *path,
        G_GNUC_UNUSED const char *interface, G_GNUC_UNUSED const char *signal, G_GNUC_UNUSED GVariant *args,
        gpointer user_data)
{
  ++*(guint *) user_data;
}

static void
on_result (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
on_connection (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  *(GDBusConnection **) user_data = g_dbus_connection_new_for_address_finish (result, &error);
  g_assert_no_error (error);
}

/* A client that takes the socket for a message bus: it says Hello, and its match rules say what it wants. */
static void
test_as_a_bus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = fixture_socket (self);
  g_autofree char *address = g_strconcat ("unix:path=", path, NULL);
  g_autoptr (GDBusConnection) client = NULL;
  SignalCount seen;
  guint id;

  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, NULL, on_connection, &client);
  fixture_wait (self, client != NULL);
  signal_count_start (&seen, client, "org.cepa.Streams1");
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Streams1", "Changed") == 1);
  fake_words_emit (&self->words, "Streams1", "Changed", g_variant_new_parsed ("(uint64 1, 'new', @a{sv} {})"));
  fixture_wait (self, seen.n == 1);
  id = g_dbus_connection_signal_subscribe (client, "org.cepa.Cepa1", "org.cepa.Log1", "Warn", NULL, NULL,
                                           G_DBUS_SIGNAL_FLAGS_NONE, on_log, &seen.n, NULL);
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Log1", "Warn") == 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 0);
  fake_words_emit (&self->words, "Log1", "Warn", g_variant_new ("(ss)", "net", "x"));
  fixture_wait (self, seen.n == 2);
  g_dbus_connection_signal_unsubscribe (client, id);
  signal_count_stop (&seen);
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Streams1", "Changed") == 0
                          && fake_words_n_subscribed (&self->words, "Log1", "Warn") == 0);
}

static GVariant *
call_driver (Fixture *self, GDBusConnection *client, const char *method, const char *text, GError **error)
{
  g_autoptr (GDBusMessage) message
      = g_dbus_message_new_method_call (NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus", method);
  g_autoptr (GDBusMessage) reply = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  GVariant *body;

  g_dbus_message_set_body (message, g_variant_new ("(s)", text));
  g_dbus_connection_send_message_with_reply (client, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, -1, NULL, NULL, on_result,
                                             &result);
  fixture_wait (self, result != NULL);
  reply = g_dbus_connection_send_message_with_reply_finish (client, result, error);
  if (reply == NULL || g_dbus_message_to_gerror (reply, error))
    return NULL;
  body = g_dbus_message_get_body (reply);
  return g_variant_ref_sink (body != NULL ? body : g_variant_new ("()"));
}

static void
test_match_rules (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const good[] = { "", "type='signal'", "interface=org.cepa.Log1,member='Err',arg0='a,b'",
                                      "type='signal', interface='org.cepa.Log1'", "interface='no.such'",
                                      "arg0=\\',interface='org.cepa.Log1',member=Nose" };
  static const char *const bad[] = { "x", "=", "interface='org", "a='b',c", ",", "a='b',,c='d'" };
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GVariant) reply = call_driver (self, client, "AddMatch", good[i], &error);

      g_assert_no_error (error);
      g_assert_nonnull (reply);
      g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Err"), ==, i >= 2);
      g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, i >= 3);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (call_driver (self, client, "AddMatch", bad[i], &error));
      fixture_assert_error (&error, "org.freedesktop.DBus.Error.MatchRuleInvalid", "");
    }
  g_assert_null (call_driver (self, client, "RemoveMatch", "type='nose'", &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.MatchRuleNotFound", "");
  g_assert_null (call_driver (self, client, "GetNameOwner", "org.freedesktop.NetworkManager", &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.NameHasNoOwner", "");
  for (guint i = G_N_ELEMENTS (good); i < 256; i++)
    g_variant_unref (call_driver (self, client, "AddMatch", "", &error));
  g_assert_null (call_driver (self, client, "AddMatch", "", &error));
  fixture_assert_error (&error, "org.freedesktop.DBus.Error.LimitsExceeded", "");
}

#define ADD(name, function) \
  g_test_add ("/plugins/control-dbus/" name, Fixture, NULL, set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("introspection", test_introspection);
  ADD ("properties", test_properties);
  ADD ("calls", test_calls);
  ADD ("errors", test_errors);
  ADD ("late-answers", test_late_answers);
  ADD ("no-reply-expected", test_no_reply_expected);
  ADD ("rare-signals", test_rare_signals);
  ADD ("asked-signals", test_asked_signals);
  ADD ("as-a-bus", test_as_a_bus);
  ADD ("match-rules", test_match_rules);
  return g_test_run ();
}
