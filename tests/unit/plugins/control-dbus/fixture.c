/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fake_words_init (&self->words);
  self->folder = g_dir_make_tmp ("cepa-dbus-XXXXXX", &error);
  g_assert_no_error (error);
  self->runtime = g_build_filename (self->folder, "run", NULL);
  self->data = g_build_filename (self->folder, "data", NULL);
  g_assert_cmpint (g_mkdir (self->runtime, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (self->data, 0700), ==, 0);
  g_setenv ("XDG_RUNTIME_DIR", self->runtime, TRUE);
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  fake_words_set_property (&self->words, "Client1.DataDirectory", g_variant_new_string (self->data));
  self->dbus = cepa_dbus_new (&self->words.host.base);
}

static void
fixture_remove (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && !g_file_test (path, G_FILE_TEST_IS_SYMLINK) && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      fixture_remove (inner);
    }
  g_remove (path);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  if (self->dbus != NULL)
    fixture_stop (self);
  fixture_remove (self->folder);
  g_free (self->folder);
  g_free (self->runtime);
  g_free (self->data);
  while (g_main_context_iteration (self->words.host.context, FALSE))
    ;
  fake_words_clear (&self->words);
}

GError *
fixture_start (Fixture *self)
{
  GError *error = NULL;

  cepa_dbus_start (self->dbus, 1);
  fixture_wait (self, fake_host_has_ended (&self->words.host, 1, &error));
  return error;
}

void
fixture_stop (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  cepa_dbus_stop (self->dbus, 2);
  fixture_wait (self, fake_host_has_ended (&self->words.host, 2, &error));
  g_assert_no_error (error);
  g_clear_pointer (&self->dbus, cepa_dbus_free);
}

char *
fixture_socket (Fixture *self)
{
  g_autofree char *addresses = cepa_dbus_list_addresses (self->dbus);
  g_auto (GStrv) lines = g_strsplit (addresses, "\n", -1);

  g_assert_true (g_str_has_prefix (lines[0], "unix:/"));
  return g_strdup (lines[0] + strlen ("unix:"));
}

static void
fixture_on_result (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

GDBusConnection *
fixture_try_connect (Fixture *self, const char *path, GError **error)
{
  g_autofree char *escaped = g_dbus_address_escape_value (path);
  g_autofree char *address = g_strconcat ("unix:path=", escaped, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  g_dbus_connection_new_for_address (address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL,
                                     fixture_on_result, &result);
  fixture_wait (self, result != NULL);
  return g_dbus_connection_new_for_address_finish (result, error);
}

GDBusConnection *
fixture_connect (Fixture *self)
{
  g_autofree char *path = fixture_socket (self);
  g_autoptr (GError) error = NULL;
  GDBusConnection *client = fixture_try_connect (self, path, &error);

  g_assert_no_error (error);
  return client;
}

GVariant *
fixture_call (Fixture *self, GDBusConnection *client, const char *name, const char *method, GVariant *args,
              GError **error)
{
  const char *dot = strrchr (method, '.');
  g_autofree char *interface = g_strndup (method, dot - method);
  g_autoptr (GAsyncResult) result = NULL;

  g_dbus_connection_call (client, name, FIXTURE_PATH, interface, dot + 1, args, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                          NULL, fixture_on_result, &result);
  fixture_wait (self, result != NULL);
  return g_dbus_connection_call_finish (client, result, error);
}

void
fixture_assert_error (GError **error, const char *name, const char *part)
{
  g_autofree char *got = NULL;

  g_assert_nonnull (*error);
  got = g_dbus_error_get_remote_error (*error);
  g_assert_cmpstr (got, ==, name);
  if (strstr ((*error)->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, (*error)->message);
  g_clear_error (error);
}

static void
signal_count_on_signal (G_GNUC_UNUSED GDBusConnection *client, G_GNUC_UNUSED const char *sender,
                        G_GNUC_UNUSED const char *path, G_GNUC_UNUSED const char *interface, const char *signal,
                        GVariant *args, gpointer user_data)
{
  SignalCount *self = user_data;
  g_autofree char *text = g_variant_print (args, FALSE);

  self->n++;
  g_free (self->last);
  self->last = g_strdup_printf ("%s %s", signal, text);
}

void
signal_count_start (SignalCount *self, GDBusConnection *client, const char *interface_name)
{
  *self = (SignalCount){ .client = client };
  self->id = g_dbus_connection_signal_subscribe (client, NULL, interface_name, NULL, FIXTURE_PATH, NULL,
                                                 G_DBUS_SIGNAL_FLAGS_NONE, signal_count_on_signal, self, NULL);
}

void
signal_count_stop (SignalCount *self)
{
  g_dbus_connection_signal_unsubscribe (self->client, self->id);
  g_clear_pointer (&self->last, g_free);
}

int
fixture_open_raw (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}
