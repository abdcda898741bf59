/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers of bad conduct: each is ended or bounded, and a good one is served meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define N_MANY 100

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture_set_up (self, data);
  fake_host_set_option (&self->words.host, "bus", "none", NULL);
  fake_words_set_property (&self->words, "Client1.Version", g_variant_new_string ("9.9"));
  error = fixture_start (self);
  g_assert_no_error (error);
}

static int
open_raw (Fixture *self)
{
  g_autofree char *path = fixture_socket (self);

  return fixture_open_raw (path);
}

static void
send_text (int fd, const char *text, gsize len)
{
  g_assert_cmpint (send (fd, text, len, MSG_NOSIGNAL), ==, (gssize) len);
}

/* Whether the plugin has closed its end; what it wrote before goes to @said. */
static gboolean
is_ended (int fd, GString *said)
{
  char buffer[4096];
  gssize n;

  while ((n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
    if (said != NULL)
      g_string_append_len (said, buffer, n);
  return n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Turns of the loop, that end every now and then without anything to do. */
static gboolean
on_tick (G_GNUC_UNUSED gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static GSource *
tick_new (Fixture *self)
{
  GSource *source = g_timeout_source_new (20);

  g_source_set_callback (source, on_tick, NULL, NULL);
  g_source_attach (source, self->words.host.context);
  return source;
}

static void
tick_free (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
assert_serves (Fixture *self)
{
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = fixture_call (self, client, NULL, "org.freedesktop.DBus.Properties.Get",
                                             g_variant_new ("(ss)", "org.cepa.Client1", "Version"), &error);

  g_assert_no_error (error);
  g_assert_nonnull (reply);
  g_dbus_connection_close (client, NULL, NULL, NULL);
}

/* What is no D-Bus at all, at the beginning: ended after a while at the latest. */
static void
test_garbage (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const openings[] = { "", "GET / HTTP/1.0\r\n\r\n", "AUTH EXTERNAL\r\n", "\xff\xff\xff\xff\n" };
  GSource *tick = tick_new (self);
  int fds[G_N_ELEMENTS (openings)];

  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      fds[i] = open_raw (self);
      send_text (fds[i], "", 1);
      send_text (fds[i], openings[i], strlen (openings[i]));
    }
  assert_serves (self);
  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      fixture_wait (self, is_ended (fds[i], NULL));
      close (fds[i]);
    }
  tick_free (tick);
}

/* GDBus says itself that it could not understand a peer, as a warning: no fault of ours. */
static gboolean
is_fatal (const char *domain, G_GNUC_UNUSED GLogLevelFlags level, G_GNUC_UNUSED const char *message,
          G_GNUC_UNUSED gpointer user_data)
{
  return g_strcmp0 (domain, "GLib-GIO") != 0;
}

static void
on_gdbus_warning (G_GNUC_UNUSED const char *domain, G_GNUC_UNUSED GLogLevelFlags level, const char *message,
                  G_GNUC_UNUSED gpointer user_data)
{
  g_test_message ("GDBus: %s", message);
}

/* Garbage in place of messages, when it has authenticated. */
static void
test_garbage_after_authentication (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *uid = g_strdup_printf ("%u", (guint) geteuid ());
  g_autoptr (GString) hello = g_string_new ("AUTH EXTERNAL ");
  g_autoptr (GString) said = g_string_new (NULL);
  GSource *tick = tick_new (self);
  int fd = open_raw (self);
  guint handler;

  g_test_log_set_fatal_handler (is_fatal, NULL);
  handler = g_log_set_handler ("GLib-GIO", G_LOG_LEVEL_WARNING | G_LOG_FLAG_FATAL, on_gdbus_warning, NULL);
  for (const char *p = uid; *p != '\0'; p++)
    g_string_append_printf (hello, "%02x", (guint) *p);
  g_string_append (hello, "\r\nBEGIN\r\n");
  send_text (fd, "", 1);
  send_text (fd, hello->str, hello->len);
  for (guint i = 0; i < 64; i++)
    send_text (fd, "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377", 16);
  fixture_wait (self, is_ended (fd, said));
  g_assert_nonnull (strstr (said->str, "OK "));
  g_log_remove_handler ("GLib-GIO", handler);
  close (fd);
  assert_serves (self);
  tick_free (tick);
}

/* Only EXTERNAL is offered. */
static void
test_other_mechanisms (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const mechanisms[] = { "ANONYMOUS", "DBUS_COOKIE_SHA1 30", "" };
  GSource *tick = tick_new (self);

  for (guint i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      g_autofree char *line = g_strdup_printf ("AUTH %s\r\nBEGIN\r\n", mechanisms[i]);
      g_autoptr (GString) said = g_string_new (NULL);
      int fd = open_raw (self);

      send_text (fd, "", 1);
      send_text (fd, line, strlen (line));
      fixture_wait (self, is_ended (fd, said));
      g_assert_cmpstr (said->str, ==, "REJECTED EXTERNAL\r\n");
      close (fd);
    }
  tick_free (tick);
}

static gboolean
has_ended (pid_t child, int *status)
{
  return waitpid (child, status, WNOHANG) == child;
}

/* Another user gets nothing, even where the modes of folder and socket would let it through. */
static void
test_other_user (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = fixture_socket (self);
  g_autofree char *folder = g_path_get_dirname (path);
  GSource *tick;
  pid_t child;
  int status = 0;

  if (geteuid () != 0)
    {
      g_test_message ("only root can become another user");
      return;
    }
  g_assert_cmpint (chmod (self->folder, 0755) | chmod (self->runtime, 0755) | chmod (folder, 0755)
                       | chmod (path, 0666), ==, 0);
  tick = tick_new (self);
  child = fork ();
  if (child == 0)
    {
      char byte;
      int fd;

      if (setresgid (65534, 65534, 65534) != 0 || setresuid (65534, 65534, 65534) != 0)
        _exit (2);
      fd = fixture_open_raw (path);
      if (send (fd, "\0AUTH EXTERNAL 30\r\n", 19, MSG_NOSIGNAL) < 0 && errno != EPIPE)
        _exit (3);
      /* The end comes without a word, or as a reset with the word unread. */
      _exit (recv (fd, &byte, 1, 0) > 0 ? 4 : 0);
    }
  fixture_wait (self, has_ended (child, &status));
  g_assert_cmpint (status, ==, 0);
  tick_free (tick);
}

/* A hundred come at once: the first are served, the others are turned away, and when those have gone there is room. */
static void
test_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = fixture_socket (self);
  GDBusConnection *clients[N_MANY] = { NULL };
  guint n = 0;

  for (guint i = 0; i < N_MANY; i++)
    {
      g_autoptr (GError) error = NULL;

      clients[n] = fixture_try_connect (self, path, &error);
      n += clients[n] != NULL ? 1 : 0;
    }
  g_assert_cmpuint (n, ==, 32);
  for (guint i = 0; i < n; i++)
    {
      g_dbus_connection_close (clients[i], NULL, NULL, NULL);
      g_object_unref (clients[i]);
    }
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Client1", "Bootstrapped") == 0);
  assert_serves (self);
}

/* A peer that is there and of which nothing is read: frozen by its own full receive buffer. */
typedef struct
{
  int fd;
  guint32 serial;
} Glutton;

static void
glutton_open (Fixture *self, Glutton *glutton)
{
  g_autofree char *uid = g_strdup_printf ("%u", (guint) geteuid ());
  g_autoptr (GString) hello = g_string_new ("AUTH EXTERNAL ");

  *glutton = (Glutton){ .fd = open_raw (self) };
  for (const char *p = uid; *p != '\0'; p++)
    g_string_append_printf (hello, "%02x", (guint) *p);
  g_string_append (hello, "\r\nBEGIN\r\n");
  send_text (glutton->fd, "", 1);
  send_text (glutton->fd, hello->str, hello->len);
}

/* Returns: FALSE when it is closed. */
static gboolean
glutton_send (Glutton *self, const char *interface, const char *method, GVariant *args)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (NULL, FIXTURE_PATH, interface, method);
  g_autofree guchar *blob = NULL;
  gsize len;

  if (args != NULL)
    g_dbus_message_set_body (message, args);
  g_dbus_message_set_serial (message, ++self->serial);
  blob = g_dbus_message_to_blob (message, &len, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  return send (self->fd, blob, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (gssize) len || errno == EAGAIN;
}

/* Whether its connection has been shut down; what is there for it stays unread. */
static gboolean
glutton_is_ended (const Glutton *self)
{
  struct pollfd poller = { .fd = self->fd, .events = 0 };

  return poll (&poller, 1, 0) == 1 && (poller.revents & POLLHUP) != 0;
}

/* Signals for somebody who does not read them. */
static void
test_never_reads_signals (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *line = g_strnfill (100000, 'x');
  GSource *tick = tick_new (self);
  Glutton glutton;
  guint n = 0;

  glutton_open (self, &glutton);
  g_assert_true (
      glutton_send (&glutton, "org.cepa.Signals1", "Subscribe", g_variant_new ("(ss)", "org.cepa.Log1", "Debug")));
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Log1", "Debug") == 1);
  while (!glutton_is_ended (&glutton))
    {
      fake_words_emit (&self->words, "Log1", "Debug", g_variant_new ("(ss)", "net", line));
      n++;
      g_assert_cmpuint (n, <, 1000);
      g_main_context_iteration (self->words.host.context, FALSE);
    }
  g_assert_cmpuint (n, >, 100);
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Log1", "Debug") == 0);
  g_assert_nonnull (strstr (self->words.host.log->str, "does not read them"));
  close (glutton.fd);
  assert_serves (self);
  tick_free (tick);
}

/* Calls whose answers are not read, of the vocabulary and of what GDBus answers by itself. */
static void
flood (Fixture *self, const char *interface, const char *method)
{
  GSource *tick = tick_new (self);
  Glutton glutton;

  fake_words_set_result (&self->words, "Client1.Reload", g_variant_new ("()"));
  glutton_open (self, &glutton);
  while (!glutton_is_ended (&glutton))
    {
      glutton_send (&glutton, interface, method, NULL);
      g_main_context_iteration (self->words.host.context, FALSE);
      g_assert_cmpuint (glutton.serial, <, 10000000);
    }
  close (glutton.fd);
  assert_serves (self);
  tick_free (tick);
}

static void
test_never_reads_answers (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  flood (self, "org.cepa.Client1", "Reload");
}

static void
test_never_reads_introspection (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  flood (self, "org.freedesktop.DBus.Introspectable", "Introspect");
}

static void
test_never_reads_errors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  flood (self, "org.cepa.Nothing1", "Nothing");
}

/* Answers of many MiB go to those who read them. */
static void
test_large_answer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = g_strnfill (20 * 1024 * 1024, 'x');
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;

  fake_words_set_result (&self->words, "Network1.Microdescriptor", g_variant_new ("(s)", text));
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GVariant) reply = fixture_call (self, client, NULL, "org.cepa.Network1.Microdescriptor",
                                                 g_variant_new ("(s)", "x"), &error);

      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_get_size (reply), >, 20 * 1024 * 1024);
    }
}

/* One that D-Bus cannot carry is an error of that call alone. */
static void
test_impossible_answer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = g_strnfill (129 * 1024 * 1024, 'x');
  g_autoptr (GDBusConnection) client = fixture_connect (self);
  g_autoptr (GError) error = NULL;

  fake_words_set_result (&self->words, "Network1.Microdescriptor", g_variant_new ("(s)", text));
  g_assert_null (fixture_call (self, client, NULL, "org.cepa.Network1.Microdescriptor", g_variant_new ("(s)", "x"),
                               &error));
  fixture_assert_error (&error, "org.cepa.Error.Failed", "a message of D-Bus 134217728 at the most");
  assert_serves (self);
}

/* The end does not wait for one that does not read. */
static void
test_stop_with_a_glutton (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *line = g_strnfill (3000000, 'x');
  Glutton glutton;

  glutton_open (self, &glutton);
  glutton_send (&glutton, "org.cepa.Signals1", "Subscribe", g_variant_new ("(ss)", "org.cepa.Log1", "Debug"));
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Log1", "Debug") == 1);
  fake_words_emit (&self->words, "Log1", "Debug", g_variant_new ("(ss)", "net", line));
  fixture_stop (self);
  close (glutton.fd);
}

#define ADD(name, function) \
  g_test_add ("/plugins/control-dbus/peers/" name, Fixture, NULL, set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("garbage", test_garbage);
  ADD ("garbage-after-authentication", test_garbage_after_authentication);
  ADD ("other-mechanisms", test_other_mechanisms);
  ADD ("other-user", test_other_user);
  ADD ("many", test_many);
  ADD ("never-reads-signals", test_never_reads_signals);
  ADD ("never-reads-answers", test_never_reads_answers);
  ADD ("never-reads-introspection", test_never_reads_introspection);
  ADD ("never-reads-errors", test_never_reads_errors);
  ADD ("large-answer", test_large_answer);
  ADD ("impossible-answer", test_impossible_answer);
  ADD ("stop-with-a-glutton", test_stop_with_a_glutton);
  return g_test_run ();
}
