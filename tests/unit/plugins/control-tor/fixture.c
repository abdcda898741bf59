/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"

/* ---- life ---- */

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_words_init (&self->words);
  self->options = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
  self->folder = g_dir_make_tmp ("cepa-control-tor-XXXXXX", NULL);
  self->words.host.now_s = 1767225600; /* 2026-01-01 00:00:00 */
}

GError *
fixture_try_start (Fixture *self)
{
  GError *error = NULL;

  g_assert_null (self->control);
  self->control = cepa_tor_control_new (&self->words.host.base, &error);
  if (self->control != NULL && !cepa_tor_control_start (self->control, &error))
    g_clear_pointer (&self->control, cepa_tor_control_free);
  g_assert_true ((self->control == NULL) == (error != NULL));
  return error;
}

void
fixture_start (Fixture *self)
{
  FakeHost *host = &self->words.host;
  g_autoptr (GError) error = NULL;

  if (!g_hash_table_contains (host->options, "port") && !g_hash_table_contains (host->options, "socket"))
    fake_host_set_option (host, "port", "auto", NULL);
  error = fixture_try_start (self);
  g_assert_no_error (error);
}

void
fixture_stop (Fixture *self)
{
  g_clear_pointer (&self->control, cepa_tor_control_free);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_stop (self);
  g_hash_table_unref (self->options);
  /* Whatever a front end leaves behind makes this fail. */
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
  fake_words_clear (&self->words);
}

/* ---- controllers ---- */

static gboolean
client_on_ready (gint fd, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  Client *self = user_data;
  char data[65536];
  ssize_t n = recv (fd, data, sizeof data, MSG_DONTWAIT);

  if (n < 0 && errno == EAGAIN)
    return G_SOURCE_CONTINUE;
  if (n > 0)
    g_string_append_len (self->received, data, n);
  self->ended = n <= 0;
  return !self->ended;
}

Client *
client_new (Fixture *fixture, const char *place)
{
  Client *self = g_new0 (Client, 1);
  g_autofree char *all = cepa_tor_control_list_addresses (fixture->control);
  g_auto (GStrv) places = g_strsplit (all, "\n", -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaTorAddress) address = cepa_tor_address_parse (place != NULL ? place : places[0], &error);
  g_autoptr (GSocket) socket = NULL;

  g_assert_no_error (error);
  socket = g_socket_new (g_socket_address_get_family (address->socket), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                         &error);
  g_assert_no_error (error);
  g_socket_connect (socket, address->socket, NULL, &error);
  g_assert_no_error (error);
  self->fixture = fixture;
  self->received = g_string_new (NULL);
  self->fd = dup (g_socket_get_fd (socket));
  g_unix_set_fd_nonblocking (self->fd, TRUE, NULL);
  self->source = g_unix_fd_source_new (self->fd, G_IO_IN);
  g_source_set_callback (self->source, G_SOURCE_FUNC (client_on_ready), self, NULL);
  g_source_attach (self->source, fixture->words.host.context);
  return self;
}

void
client_free (Client *self)
{
  g_source_destroy (self->source);
  g_source_unref (self->source);
  close (self->fd);
  g_string_free (self->received, TRUE);
  g_free (self);
}

Client *
client_new_ready (Fixture *fixture)
{
  Client *self = client_new (fixture, NULL);

  client_check (self, "AUTHENTICATE", "250 OK");
  return self;
}

void
client_send_bytes (Client *self, const void *bytes, gsize len)
{
  gsize sent = 0;

  while (sent < len && !self->ended)
    {
      ssize_t n = send (self->fd, (const char *) bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        sent += (gsize) n;
      else if (errno == EAGAIN)
        g_main_context_iteration (self->fixture->words.host.context, FALSE);
      else
        break;
    }
}

void
client_send (Client *self, const char *text)
{
  g_autofree char *line = g_strconcat (text, "\r\n", NULL);

  client_send_bytes (self, line, strlen (line));
}

static char *
client_take_bytes (Client *self, gsize len)
{
  gsize end = len >= 2 && memcmp (self->received->str + len - 2, "\r\n", 2) == 0 ? len - 2 : len;
  g_autofree char *text = g_strndup (self->received->str, end);
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);

  g_string_erase (self->received, 0, (gssize) len);
  return g_strjoinv ("\n", lines);
}

/* How long the first whole answer is; 0 when it is not there. */
static gsize
client_find_end (Client *self)
{
  const char *at = self->received->str, *end;
  gboolean in_data = FALSE;

  for (; (end = strstr (at, "\r\n")) != NULL; at = end + 2)
    {
      gboolean is_last = !in_data && end - at >= 4 && at[3] == ' ';

      if (in_data)
        in_data = !g_str_has_prefix (at, ".\r\n");
      else
        in_data = end - at >= 4 && at[3] == '+';
      if (is_last)
        return (gsize) (end + 2 - self->received->str);
    }
  return 0;
}

char *
client_take (Client *self)
{
  gsize len;

  while ((len = client_find_end (self)) == 0)
    {
      g_assert_false (self->ended);
      fake_host_turn (&self->fixture->words.host);
    }
  return client_take_bytes (self, len);
}

char *
client_take_all (Client *self)
{
  fixture_wait (self->fixture, self->ended);
  return client_take_bytes (self, self->received->len);
}

void
client_check (Client *self, const char *command, const char *answer)
{
  g_autofree char *got = NULL;

  client_send (self, command);
  got = client_take (self);
  g_assert_cmpstr (got, ==, answer);
}

void
client_check_closed (Client *self, const char *command, const char *answer)
{
  g_autofree char *got = NULL;

  client_send (self, command);
  got = client_take_all (self);
  g_assert_cmpstr (got, ==, answer);
}

void
client_check_event (Client *self, const char *event)
{
  g_autofree char *got = client_take (self);

  g_assert_cmpstr (got, ==, event);
}
