/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the socket is, what it replaces, and what happens to the second daemon. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

static void
set_up (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fake_host_set_option (&self->words.host, "bus", "none", NULL);
}

static void
assert_starts_at (Fixture *self, const char *wanted)
{
  g_autoptr (GError) error = fixture_start (self);
  g_autoptr (GDBusConnection) client = NULL;
  g_autofree char *path = NULL;

  g_assert_no_error (error);
  path = fixture_socket (self);
  g_assert_cmpstr (path, ==, wanted);
  client = fixture_connect (self);
}

static void
assert_fails (Fixture *self, int code, const char *part)
{
  g_autoptr (GError) error = fixture_start (self);

  g_assert_error (error, CEPA_PLUGIN_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, error->message);
}

static void
assert_mode (const char *path, mode_t mode)
{
  struct stat st;

  g_assert_cmpint (lstat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, mode);
}

/* Leaves the file of a socket at @path. Returns: the listening socket. */
static int
make_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  return fd;
}

static void
test_modes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *folder = g_build_filename (self->runtime, "cepa", NULL);
  g_autofree char *path = g_build_filename (folder, "bus", NULL);

  /* A folder that is open to others is closed. */
  g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
  assert_starts_at (self, path);
  assert_mode (folder, 0700);
  assert_mode (path, S_IRUSR | S_IWUSR);
  fixture_stop (self);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_stale (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *folder = g_build_filename (self->runtime, "cepa", NULL);
  g_autofree char *path = g_build_filename (folder, "bus", NULL);

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  close (make_socket (path));
  assert_starts_at (self, path);
}

static void
test_no_runtime_directory (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->data, "bus", NULL);

  g_unsetenv ("XDG_RUNTIME_DIR");
  assert_starts_at (self, path);
}

/* As after su(1): the variable names a folder of somebody else. */
static void
test_runtime_directory_of_another (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->data, "bus", NULL);

  if (geteuid () == 0)
    g_assert_cmpint (chown (self->runtime, 65534, 65534), ==, 0);
  else
    g_setenv ("XDG_RUNTIME_DIR", "/", TRUE);
  assert_starts_at (self, path);
}

static void
test_nowhere (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_unsetenv ("XDG_RUNTIME_DIR");
  fake_words_set_property (&self->words, "Client1.DataDirectory", NULL);
  assert_fails (self, CEPA_PLUGIN_ERROR_FILE, "set PluginOption control.dbus.socket");
}

static void
test_option (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "own socket", NULL);

  fake_host_set_option (&self->words.host, "socket", path, NULL);
  assert_starts_at (self, path);
  /* A folder that the user has named stays as it is. */
  g_assert_cmpint (g_chmod (self->folder, 0755), ==, 0);
  fixture_stop (self);
  assert_mode (self->folder, 0755);
}

static void
test_option_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "file", NULL);
  g_autofree char *missing = g_build_filename (self->folder, "missing", "socket", NULL);
  g_autofree char *filler = g_strnfill (120, 'x');
  g_autofree char *longer = g_build_filename (self->folder, filler, NULL);

  g_assert_true (g_file_set_contents (path, "mine", -1, NULL));
  fake_host_set_option (&self->words.host, "socket", path, NULL);
  assert_fails (self, CEPA_PLUGIN_ERROR_FILE, "is there and is no socket");
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
  fake_host_set_option (&self->words.host, "socket", missing, NULL);
  assert_fails (self, CEPA_PLUGIN_ERROR_FILE, "No such file");
  fake_host_set_option (&self->words.host, "socket", longer, NULL);
  assert_fails (self, CEPA_PLUGIN_ERROR_INVALID, "at most 107 bytes");
}

/* Somebody listens who is not a daemon of ours, or does not accept: it stays as well. */
static void
test_option_taken (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "taken", NULL);
  int fd = make_socket (path);

  fake_host_set_option (&self->words.host, "socket", path, NULL);
  assert_fails (self, CEPA_PLUGIN_ERROR_FILE, "most likely another cepad, answers there");
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  close (fd);
}

static void
test_second_daemon (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = g_build_filename (self->runtime, "cepa", "bus", NULL);
  g_autofree char *second = g_build_filename (self->data, "bus", NULL);
  CepaDbus *other;

  assert_starts_at (self, first);
  other = g_steal_pointer (&self->dbus);
  self->dbus = cepa_dbus_new (&self->words.host.base);
  assert_starts_at (self, second);
  g_assert_nonnull (strstr (self->words.host.log->str, "most likely another cepad, answers there"));
  fixture_stop (self);
  g_assert_true (g_file_test (first, G_FILE_TEST_EXISTS));
  self->dbus = other;
  g_object_unref (fixture_connect (self));
}

/* A daemon that ends leaves alone what another one has put into its place. */
static void
test_replaced_while_running (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->runtime, "cepa", "bus", NULL);
  int fd;

  assert_starts_at (self, path);
  g_assert_cmpint (g_unlink (path), ==, 0);
  fd = make_socket (path);
  fixture_stop (self);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  close (fd);
}

static void
test_stop_before_start_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_dbus_start (self->dbus, 1);
  fixture_stop (self);
}

#define ADD(name, function) \
  g_test_add ("/plugins/control-dbus/socket/" name, Fixture, NULL, set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("modes", test_modes);
  ADD ("stale", test_stale);
  ADD ("no-runtime-directory", test_no_runtime_directory);
  ADD ("runtime-directory-of-another", test_runtime_directory_of_another);
  ADD ("nowhere", test_nowhere);
  ADD ("option", test_option);
  ADD ("option-refused", test_option_refused);
  ADD ("option-taken", test_option_taken);
  ADD ("second-daemon", test_second_daemon);
  ADD ("replaced-while-running", test_replaced_while_running);
  ADD ("stop-before-start-ends", test_stop_before_start_ends);
  return g_test_run ();
}
