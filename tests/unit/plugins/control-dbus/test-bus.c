/* SPDX-License-Identifier: BSD-3-Clause */
/* On a message bus: the name, signals, and buses that are not there. */
#include <string.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "fixture.h"

#define NAME "org.cepa.Cepa1"

typedef struct
{
  Fixture fixture;
  GTestDBus *bus;
  char *address;
} BusFixture;

static void
set_up (BusFixture *self, gconstpointer data)
{
  fixture_set_up (&self->fixture, data);
  self->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (self->bus);
  self->address = g_strdup (g_test_dbus_get_bus_address (self->bus));
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", self->address, TRUE);
  g_setenv ("XDG_RUNTIME_DIR", self->fixture.runtime, TRUE); /* taken away by GTestDBus */
}

static void
tear_down (BusFixture *self, gconstpointer data)
{
  if (self->fixture.dbus != NULL)
    fixture_stop (&self->fixture);
  if (self->bus != NULL)
    g_test_dbus_stop (self->bus);
  g_clear_object (&self->bus);
  g_free (self->address);
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  fixture_tear_down (&self->fixture, data);
}

static void
on_result (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static GDBusConnection *
connect_to_bus (BusFixture *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GDBusConnection *client;

  g_dbus_connection_new_for_address (self->address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, NULL, on_result, &result);
  fixture_wait (&self->fixture, result != NULL);
  client = g_dbus_connection_new_for_address_finish (result, &error);
  g_assert_no_error (error);
  return client;
}

static char *
call_version (BusFixture *self, GDBusConnection *client)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = fixture_call (&self->fixture, client, NAME, "org.freedesktop.DBus.Properties.Get",
                                             g_variant_new ("(ss)", "org.cepa.Client1", "Version"), &error);
  g_autoptr (GVariant) value = NULL;

  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(v)", &value);
  return g_variant_dup_string (value, NULL);
}

static void
assert_starts (Fixture *self)
{
  g_autoptr (GError) error = fixture_start (self);

  g_assert_no_error (error);
}

static void
test_name (BusFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) client = connect_to_bus (self);
  g_autofree char *version = NULL;
  g_autofree char *addresses = NULL;

  fake_words_set_property (&self->fixture.words, "Client1.Version", g_variant_new_string ("9.9"));
  assert_starts (&self->fixture);
  addresses = cepa_dbus_list_addresses (self->fixture.dbus);
  g_assert_true (g_str_has_suffix (addresses, "\nsession-bus:" NAME));
  version = call_version (self, client);
  g_assert_cmpstr (version, ==, "9.9");
  fixture_stop (&self->fixture);
  g_assert_null (call_version (self, client));
}

static void
subscribe (BusFixture *self, GDBusConnection *client)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = fixture_call (&self->fixture, client, NAME, "org.cepa.Signals1.Subscribe",
                                             g_variant_new ("(ss)", "org.cepa.Streams1", "Changed"), &error);

  g_assert_no_error (error);
  g_assert_nonnull (reply);
}

/* Rare signals are for all of the bus; what somebody has asked for is for that one, and ends with it. */
static void
test_signals (BusFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDBusConnection) asking = connect_to_bus (self);
  g_autoptr (GDBusConnection) spying = connect_to_bus (self);
  FakeWords *words = &self->fixture.words;
  g_autofree char *version = NULL;
  SignalCount seen, spied, rare;

  fake_words_set_property (words, "Client1.Version", g_variant_new_string ("9.9"));
  assert_starts (&self->fixture);
  g_assert_cmpuint (fake_words_n_subscribed (words, "Client1", "Bootstrapped"), ==, 1);
  g_assert_cmpuint (fake_words_n_subscribed (words, "Streams1", "Changed"), ==, 0);
  signal_count_start (&seen, asking, "org.cepa.Streams1");
  signal_count_start (&spied, spying, "org.cepa.Streams1");
  signal_count_start (&rare, spying, "org.cepa.Client1");
  /* Its answer comes after the bus has taken the match rule. */
  version = call_version (self, spying);
  subscribe (self, asking);
  g_assert_cmpuint (fake_words_n_subscribed (words, "Streams1", "Changed"), ==, 1);
  fake_words_emit (words, "Streams1", "Changed", g_variant_new_parsed ("(uint64 1, 'new', @a{sv} {})"));
  fake_words_emit (words, "Client1", "NewIdentityTaken", g_variant_new ("()"));
  fixture_wait (&self->fixture, seen.n == 1 && rare.n == 1);
  g_assert_cmpuint (spied.n, ==, 0);
  signal_count_stop (&seen);
  signal_count_stop (&spied);
  signal_count_stop (&rare);
  g_dbus_connection_close (asking, NULL, NULL, NULL);
  fixture_wait (&self->fixture, fake_words_n_subscribed (words, "Streams1", "Changed") == 0);
}

/* The second daemon waits for the name, and has it when the first has ended. */
static void
test_second_daemon (BusFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Fixture *fixture = &self->fixture;
  g_autofree char *addresses = NULL;
  g_autoptr (GError) error = NULL;
  CepaDbus *second;

  assert_starts (fixture);
  second = cepa_dbus_new (&fixture->words.host.base);
  cepa_dbus_start (second, 7);
  fixture_wait (fixture, fake_host_has_ended (&fixture->words.host, 7, &error));
  g_assert_no_error (error);
  addresses = cepa_dbus_list_addresses (second);
  g_assert_null (strstr (addresses, NAME));
  if (strstr (fixture->words.host.log->str, "when that one ends, this one gets it") == NULL)
    g_error ("%s", fixture->words.host.log->str);
  fixture_stop (fixture);
  fixture->dbus = second;
  do
    {
      fake_host_turn (&fixture->words.host);
      g_free (addresses);
      addresses = cepa_dbus_list_addresses (second);
    }
  while (strstr (addresses, NAME) == NULL);
}

/* The bus goes: the socket stays. */
static void
test_bus_ends (BusFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *addresses = NULL;

  assert_starts (&self->fixture);
  g_test_dbus_stop (self->bus);
  fixture_wait (&self->fixture, strstr (self->fixture.words.host.log->str, "bus has closed") != NULL);
  addresses = cepa_dbus_list_addresses (self->fixture.dbus);
  g_assert_null (strstr (addresses, NAME));
  g_object_unref (fixture_connect (&self->fixture));
  g_clear_object (&self->bus);
}

static void
test_stop_while_connecting (BusFixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_dbus_start (self->fixture.dbus, 1);
  fixture_stop (&self->fixture);
  g_assert_false (fake_host_has_ended (&self->fixture.words.host, 1, NULL));
}

static void
assert_without_bus (Fixture *self, const char *address, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
  assert_starts (self);
  g_object_unref (fixture_connect (self));
  if (strstr (self->words.host.log->str, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, self->words.host.log->str);
  fixture_stop (self);
  /* With auto that is all; who asks for a bus must have it. */
  fake_host_set_option (&self->words.host, "bus", "session", NULL);
  self->dbus = cepa_dbus_new (&self->words.host.base);
  error = fixture_start (self);
  g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK);
  fixture_stop (self);
  fake_host_set_option (&self->words.host, "bus", "auto", NULL);
  self->dbus = cepa_dbus_new (&self->words.host.base);
}

static void
test_no_bus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  assert_without_bus (self, "autolaunch:", "there is no session bus");
  assert_without_bus (self, "tcp:host=127.0.0.1,port=1", "there is no session bus");
  assert_without_bus (self, "unix:path=/nonexistent", "connecting to the session bus: ");
  assert_without_bus (self, "unix:garbage", "connecting to the session bus: ");
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  assert_starts (self);
}

/* A bus that accepts and says nothing: the start does not wait for ever. */
static void
test_silent_bus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autofree char *path = g_build_filename (self->folder, "silent", NULL);
  g_autofree char *address = g_strconcat ("unix:path=", path, NULL);
  g_autoptr (GSocketAddress) socket = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_socket_listener_add_address (listener, socket, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL,
                                                NULL, &error));
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
  assert_starts (self);
  g_assert_nonnull (strstr (self->words.host.log->str, "the session bus does not answer"));
}

#define ADD(name, function) \
  g_test_add ("/plugins/control-dbus/bus/" name, BusFixture, NULL, set_up, function, tear_down)
#define ADD_WITHOUT(name, function) \
  g_test_add ("/plugins/control-dbus/bus/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("name", test_name);
  ADD ("signals", test_signals);
  ADD ("second-daemon", test_second_daemon);
  ADD ("bus-ends", test_bus_ends);
  ADD ("stop-while-connecting", test_stop_while_connecting);
  ADD_WITHOUT ("no-bus", test_no_bus);
  ADD_WITHOUT ("silent-bus", test_silent_bus);
  return g_test_run ();
}
