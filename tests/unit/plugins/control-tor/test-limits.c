/* SPDX-License-Identifier: BSD-3-Clause */
/* What bad input gets: lines without end, binary, half commands, controllers that do not read, too many of them. */
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "fixture.h"

static void
set_up_world (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fixture_set_up_world (self);
  fixture_start (self);
}

/* Sends @len times 'a', as far as anybody reads. */
static void
client_send_filler (Client *client, gsize len)
{
  g_autofree char *filler = g_strnfill (65536, 'a');

  for (gsize sent = 0; sent < len && !client->ended; sent += 65536)
    client_send_bytes (client, filler, MIN (65536, len - sent));
}

/* It is closed; the sentence may be lost, because what it did not read makes the kernel reset the connection. */
static void
check_closed_for_length (Client *client)
{
  g_autofree char *got = client_take_all (client);

  g_assert_true (*got == '\0' || g_str_equal (got, "500 Line too long."));
}

static void
test_long_line (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self), *other = client_new_ready (self), *stranger = client_new (self, NULL);

  client_send_filler (client, 2 * CEPA_TOR_MAX_COMMAND);
  check_closed_for_length (client);
  client_send_filler (stranger, 2 * CEPA_TOR_MAX_COMMAND);
  check_closed_for_length (stranger);
  client_check (other, "GETINFO dormant", "250-dormant=0\n250 OK");
  client_free (client);
  client_free (other);
  client_free (stranger);
}

static void
test_long_command (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *got = NULL;

  /* As long as it may be, with its end. */
  client_send_filler (client, CEPA_TOR_MAX_COMMAND - 2);
  client_send (client, "");
  got = client_take (client);
  g_assert_true (g_str_has_prefix (got, "510 Unrecognized command \"aaaa"));
  g_assert_cmpuint (strlen (got), <, 1024);
  client_send_bytes (client, "+LOADCONF\r\n", 11);
  for (guint i = 0; i < 40 && !client->ended; i++)
    {
      client_send_filler (client, CEPA_TOR_MAX_COMMAND / 32);
      client_send (client, "");
    }
  check_closed_for_length (client);
  client_free (client);
}

static void
test_binary (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self), *stranger = client_new (self, NULL);
  g_autofree char *got = NULL;

  client_send_bytes (client, "GETINFO ver\0sion\r\n\xff\xfe\x80\x01\r\n", 24);
  client_check_event (client, "500 A command has no zero bytes.");
  client_check_event (client, "510 Unrecognized command \"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  client_check (client, "GETINFO dormant", "250-dormant=0\n250 OK");
  client_send_bytes (stranger, "\0\0\0\0\n", 5);
  got = client_take_all (stranger);
  g_assert_cmpstr (got, ==, "514 Authentication required.");
  client_free (client);
  client_free (stranger);
}

static void
test_line_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char bytes[] = "AUTHENTICATE\nGETINFO dormant\n\n\r\nGETINFO up";
  Client *client = client_new (self, NULL);

  for (gsize i = 0; i < strlen (bytes); i++)
    {
      client_send_bytes (client, bytes + i, 1);
      g_main_context_iteration (self->words.host.context, FALSE);
    }
  client_check_event (client, "250 OK");
  client_check_event (client, "250-dormant=0\n250 OK");
  client_check_event (client, "510 Unrecognized command \"\"");
  client_check_event (client, "510 Unrecognized command \"\"");
  client_check (client, "time", "250-uptime=77\n250 OK");
  client_free (client);
}

/* A controller that says all and then stops sending gets its answers. */
static void
test_half_closed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new (self, NULL);
  g_autoptr (GString) commands = g_string_new ("AUTHENTICATE\r\n"), answers = g_string_new ("250 OK");
  g_autofree char *got = NULL;

  for (guint i = 0; i < 500; i++)
    {
      g_string_append (commands, "GETINFO dormant\n");
      g_string_append (answers, "\n250-dormant=0\n250 OK");
    }
  g_string_append (commands, "GETINFO half");
  client_send_bytes (client, commands->str, commands->len);
  g_assert_cmpint (shutdown (client->fd, SHUT_WR), ==, 0);
  got = client_take_all (client);
  g_assert_cmpstr (got, ==, answers->str);
  client_free (client);
}

static void
test_http (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new (self, NULL);
  g_autofree char *got = NULL;

  client_send (client, "GET / HTTP/1.0\r\nHost: x\r\n");
  got = client_take_all (client);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.0 501 "));
  client_free (client);
}

/* One that does not read its events is closed once they are too many; others do not notice. */
static void
test_unread_events (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *deaf = client_new_ready (self), *client = client_new_ready (self);
  g_autofree char *filler = g_strnfill (100000, 'x');
  gsize told = 0;

  client_check (deaf, "SETEVENTS NOTICE", "250 OK");
  client_check (client, "SETEVENTS NOTICE", "250 OK");
  g_source_destroy (deaf->source);
  for (; fake_words_n_subscribed (&self->words, "Log1", "Notice") == 1 && self->control->connections->len == 2;
       told += 100000)
    {
      g_autofree char *got = NULL;

      g_assert_cmpuint (told, <, 4 * CEPA_TOR_MAX_EVENTS);
      fake_words_emit (&self->words, "Log1", "Notice", g_variant_new ("(ss)", "net", filler));
      got = client_take (client);
      g_assert_cmpuint (strlen (got), ==, 100000 + strlen ("650 NOTICE "));
    }
  g_assert_cmpuint (told, >, CEPA_TOR_MAX_EVENTS / 2);
  g_assert_nonnull (strstr (self->words.host.log->str, "has not read its events"));
  client_check (client, "GETINFO dormant", "250-dormant=0\n250 OK");
  client_free (deaf);
  client_free (client);
}

/* Nor does one that asks and asks and does not read get more than a bounded amount made for it. */
static void
test_unread_answers (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *deaf = client_new_ready (self), *client = client_new_ready (self);
  g_autoptr (GString) commands = g_string_new (NULL);
  CepaTorConnection *connection = self->control->connections->pdata[0];
  gsize sent = 0;

  g_source_destroy (deaf->source);
  for (guint i = 0; i < 4000; i++)
    g_string_append (commands, "GETINFO info/names events/names\r\n");
  for (guint idle = 0; sent < 100 * commands->len && idle < 100; idle++)
    {
      ssize_t n = send (deaf->fd, commands->str, commands->len, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        {
          sent += (gsize) n;
          idle = 0;
        }
      g_main_context_iteration (self->words.host.context, FALSE);
      g_assert_cmpuint (connection->output->len - connection->sent, <, CEPA_TOR_OUTPUT_HIGH + 65536);
      g_assert_cmpuint (connection->input.bytes->len, <, CEPA_TOR_MAX_COMMAND + 65536);
    }
  g_assert_cmpuint (sent, <, 100 * commands->len);
  client_check (client, "GETINFO dormant", "250-dormant=0\n250 OK");

  /* Once it reads, it goes on. */
  for (gsize received = 0; received < 64 * CEPA_TOR_OUTPUT_HIGH;)
    {
      char answer[65536];
      ssize_t n = recv (deaf->fd, answer, sizeof answer, MSG_DONTWAIT);

      received += n > 0 ? (gsize) n : 0;
      g_main_context_iteration (self->words.host.context, FALSE);
    }
  client_free (deaf);
  client_free (client);
}

/* Whoever has not authenticated makes room. */
static void
test_too_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *known = client_new_ready (self), *clients[CEPA_TOR_MAX_CONNECTIONS];

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = client_new (self, NULL);
      g_main_context_iteration (self->words.host.context, FALSE);
    }
  fixture_wait (self, clients[0]->ended);
  g_assert_cmpuint (self->control->connections->len, <=, CEPA_TOR_MAX_CONNECTIONS);
  client_check (clients[CEPA_TOR_MAX_CONNECTIONS - 1], "AUTHENTICATE", "250 OK");
  client_check (known, "GETINFO dormant", "250-dormant=0\n250 OK");
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    client_free (clients[i]);
  client_free (known);
}

/* An answer has a limit too. */
static void
test_long_answer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *filler = g_strnfill (1000000, 'x');
  g_autoptr (GString) command = g_string_new ("GETINFO");

  fake_words_set_property (&self->words, "Client1.ConfigFile", g_variant_new_string (filler));
  for (guint i = 0; i < 80; i++)
    g_string_append (command, " config-file");
  client_check (client, command->str, "551 The answer is too long; ask for less at once");
  client_free (client);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/control-tor/" name, Fixture, NULL, set_up_world, func, fixture_tear_down)
  ADD ("long-line", test_long_line);
  ADD ("long-command", test_long_command);
  ADD ("binary", test_binary);
  ADD ("line-ends", test_line_ends);
  ADD ("half-closed", test_half_closed);
  ADD ("http", test_http);
  ADD ("unread-events", test_unread_events);
  ADD ("unread-answers", test_unread_answers);
  ADD ("too-many", test_too_many);
  ADD ("long-answer", test_long_answer);
  return g_test_run ();
}
