/* SPDX-License-Identifier: BSD-3-Clause */
/* fake-daemon SOCKET [BUS]: the plugin control.dbus over a vocabulary that is told on standard input what to say, a line
   each, answered by "ok":

     property Client1.Version 'text'       a property's value
     result Circuits1.List (@aa{sv} [],)   what a method returns
     error Plugins1.Start CODE text        what it fails with
     defer Plugins1.Start                  it never answers
     emit Client1 Bootstrapped (uint32 5, 'tag', 'summary')
     wait Client1 Bootstrapped             until somebody has subscribed
     calls                                 the calls so far, one a line, before the "ok"

   It ends with standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>

#include "dbus.h"
#include "support/fake-words.h"

static GVariant *
fake_parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, text, NULL, NULL, &error);

  if (value == NULL)
    g_error ("%s: %s", text, error->message);
  return value;
}

static void
fake_run_line (FakeWords *host, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);
  guint n = g_strv_length (words);
  const char *rest = n > 2 ? strchr (line, ' ') + strlen (words[1]) + 2 : NULL;

  if (n > 2 && strcmp (words[0], "property") == 0)
    fake_words_set_property (host, words[1], fake_parse (rest));
  else if (n > 2 && strcmp (words[0], "result") == 0)
    fake_words_set_result (host, words[1], fake_parse (rest));
  else if (n > 3 && strcmp (words[0], "error") == 0)
    fake_words_set_error (host, words[1], g_error_new_literal (CEPA_PLUGIN_ERROR, atoi (words[2]), words[3]));
  else if (n == 2 && strcmp (words[0], "defer") == 0)
    fake_words_defer (host, words[1]);
  else if (n == 4 && strcmp (words[0], "emit") == 0)
    fake_words_emit (host, words[1], words[2], fake_parse (words[3]));
  else if (n == 3 && strcmp (words[0], "wait") == 0)
    while (fake_words_n_subscribed (host, words[1], words[2]) == 0)
      fake_host_turn (&host->host);
  else if (n == 1 && strcmp (words[0], "calls") == 0)
    printf ("%s", host->calls->str);
  else
    g_error ("not understood: %s", line);
  puts ("ok");
  fflush (stdout);
}

typedef struct
{
  GAsyncResult *result;
} FakeLine;

static void
fake_on_line (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((FakeLine *) user_data)->result = g_object_ref (result);
}

static void
fake_wait_for (FakeWords *host, uint64_t task)
{
  g_autoptr (GError) error = NULL;

  while (!fake_host_has_ended (&host->host, task, &error))
    fake_host_turn (&host->host);
  if (error != NULL)
    g_error ("%s", error->message);
}

int
main (int argc, char **argv)
{
  FakeWords host;
  g_autoptr (GFile) file = g_file_new_for_path ("/dev/stdin");
  g_autoptr (GInputStream) raw = NULL;
  g_autoptr (GDataInputStream) input = NULL;
  CepaDbus *dbus;

  fake_words_init (&host);
  fake_host_be_patient (&host.host);
  fake_host_set_option (&host.host, "socket", argv[1], NULL);
  fake_host_set_option (&host.host, "bus", argc > 2 ? argv[2] : "none", NULL);
  raw = G_INPUT_STREAM (g_file_read (file, NULL, NULL));
  input = g_data_input_stream_new (raw);
  dbus = cepa_dbus_new (&host.host.base);
  cepa_dbus_start (dbus, 1);
  fake_wait_for (&host, 1);
  puts ("ok");
  fflush (stdout);
  while (TRUE)
    {
      FakeLine line = { NULL };
      g_autofree char *text = NULL;

      g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, fake_on_line, &line);
      while (line.result == NULL)
        fake_host_turn (&host.host);
      text = g_data_input_stream_read_line_finish (input, line.result, NULL, NULL);
      g_object_unref (line.result);
      if (text == NULL)
        break;
      fake_run_line (&host, text);
    }
  cepa_dbus_stop (dbus, 2);
  fake_wait_for (&host, 2);
  cepa_dbus_free (dbus);
  g_clear_object (&input);
  fake_words_clear (&host);
  return 0;
}
