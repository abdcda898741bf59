/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa: asks and tells a running cepad, over D-Bus. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

#define MAIN_STATUS_FAILURE 1
#define MAIN_STATUS_USAGE 2

static const CepaCtlCommand main_commands[] = {
  { "status", "", "what the daemon is doing",
    "Shows how far the daemon has come, whether it can be used, where it listens\n"
    "and what it has moved. With --watch it goes on until it is interrupted or the\n"
    "daemon ends: on a terminal a line that is redrawn, elsewhere a line for each\n"
    "thing that happens, with --json an object in a line.",
    TRUE, cepa_ctl_status },
  { "circuits", "", "the circuits through the network",
    "Lists the circuits, each with its relays: the first one knows you, the last\n"
    "one where you go.",
    FALSE, cepa_ctl_circuits },
  { "streams", "", "the connections of applications",
    "Lists what applications have open through Tor, and which circuit it is on.", FALSE, cepa_ctl_streams },
  { "guards", "[drop]", "the relays that see who you are",
    "Lists the guards: the few relays through which all circuits begin, for months.\n"
    "With drop all of them are forgotten and others chosen: more relays then see\n"
    "your address than need to.",
    FALSE, cepa_ctl_guards },
  { "plugins", "[start|stop|use ID]", "the plugins, and which of them run",
    "Lists the plugins with their states; or starts or stops one, or has the path\n"
    "policy ID choose the relays of every circuit from now on. What is open stays\n"
    "open.",
    FALSE, cepa_ctl_plugins },
  { "newnym", "", "a new identity",
    "From now on streams share no circuit with earlier ones. Streams that are open\n"
    "stay as they are. When the last one is less than ten seconds ago it waits for\n"
    "the rest of them.",
    FALSE, cepa_ctl_newnym },
  { "dormant", "", "leave the network alone until Tor is used",
    "The daemon closes its circuits and asks the network for nothing, until an\n"
    "application connects or it is woken.",
    FALSE, cepa_ctl_dormant },
  { "wake", "", "the opposite of dormant", "Wakes a dormant daemon.", FALSE, cepa_ctl_wake },
};

G_DEFINE_QUARK (cepa-ctl-error-quark, cepa_ctl_error)

gboolean
cepa_ctl_no_arguments (char **args, GError **error)
{
  if (args[0] == NULL)
    return TRUE;
  g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "\"%s\" is one word too many", args[0]);
  return FALSE;
}

static void
main_complain (const char *text)
{
  g_autofree char *message = g_utf8_make_valid (text, -1);
  g_auto (GStrv) lines = g_strsplit (message, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *line = cepa_ctl_escape (lines[i]);

      fprintf (stderr, "%s%s\n", i == 0 ? "cepa: " : "", line);
    }
}

static const CepaCtlCommand *
main_find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (main_commands); i++)
    if (strcmp (main_commands[i].name, name) == 0)
      return &main_commands[i];
  return NULL;
}

/* @command: (nullable): NULL for the program as a whole. Options go into @options. */
static GOptionContext *
main_make_context (const CepaCtlCommand *command, CepaCtlOptions *options, gboolean *version)
{
  g_autofree char *parameters = command != NULL ? g_strconcat (command->name, " ", command->arguments, NULL) : NULL;
  GOptionContext *context = g_option_context_new (command != NULL ? g_strchomp (parameters) : "COMMAND");
  GOptionEntry common[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print JSON", NULL },
    { "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "The daemon's socket", "PATH" },
    { "bus", 0, 0, G_OPTION_ARG_STRING, &options->bus, "Look for the daemon on this bus", "session|system" },
    { NULL },
  };
  GOptionEntry watch[] = {
    { "watch", 0, 0, G_OPTION_ARG_NONE, &options->watch, "Go on showing what happens", NULL },
    { NULL },
  };
  GOptionEntry about[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, version, "Print the version", NULL },
    { NULL },
  };

  g_option_context_add_main_entries (context, common, NULL);
  if (command != NULL && command->can_watch)
    g_option_context_add_main_entries (context, watch, NULL);
  if (command == NULL)
    {
      g_autoptr (GString) text = g_string_new ("Commands:");

      g_option_context_add_main_entries (context, about, NULL);
      for (gsize i = 0; i < G_N_ELEMENTS (main_commands); i++)
        g_string_append_printf (text, "\n  %-9s %s", main_commands[i].name, main_commands[i].summary);
      g_string_append (text, "\n  help      this text, or that of a command");
      g_option_context_set_summary (context, text->str);
      g_option_context_set_strict_posix (context, TRUE);
    }
  else
    g_option_context_set_summary (context, command->description);
  return context;
}

/* cepa help [COMMAND] */
static int
main_help (char **args)
{
  CepaCtlOptions options = { 0 };
  const CepaCtlCommand *command = args[0] != NULL ? main_find (args[0]) : NULL;
  gboolean version;
  g_autoptr (GOptionContext) context = NULL;
  g_autofree char *text = NULL;

  if (args[0] != NULL && (command == NULL || args[1] != NULL))
    {
      g_autofree char *message = g_strdup_printf ("there is no help on \"%s\"", args[command != NULL]);

      main_complain (message);
      return MAIN_STATUS_USAGE;
    }
  context = main_make_context (command, &options, &version);
  text = g_option_context_get_help (context, TRUE, NULL);
  cepa_ctl_print ("%s", text);
  return 0;
}

static int
main_fail (const GError *error, const CepaCtlCommand *command)
{
  gboolean is_usage = error->domain == G_OPTION_ERROR
                      || g_error_matches (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE);

  fflush (stdout);
  main_complain (error->message);
  if (is_usage)
    fprintf (stderr, "Try \"cepa help%s%s\".\n", command != NULL ? " " : "", command != NULL ? command->name : "");
  return is_usage ? MAIN_STATUS_USAGE : MAIN_STATUS_FAILURE;
}

/* Parses what stands behind the command and runs it. */
static gboolean
main_run (const CepaCtlCommand *command, CepaCtlOptions *options, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = main_make_context (command, options, NULL);

  if (!g_option_context_parse_strv (context, argv, error))
    return FALSE;
  if (options->bus != NULL && strcmp (options->bus, "session") != 0 && strcmp (options->bus, "system") != 0)
    {
      g_set_error (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "--bus takes session or system, not \"%s\"",
                   options->bus);
      return FALSE;
    }
  if (options->bus != NULL && options->socket != NULL)
    {
      g_set_error_literal (error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "--bus and --socket exclude each other");
      return FALSE;
    }
  return command->run (options, *argv + 1, error);
}

/* Takes the first of the words away that is left of the program's own options. */
static int
main_dispatch (char ***argv, CepaCtlOptions *options)
{
  const CepaCtlCommand *command = main_find ((*argv)[1]);
  g_autoptr (GError) error = NULL;

  if (strcmp ((*argv)[1], "help") == 0)
    return main_help (*argv + 2);
  if (command == NULL)
    {
      g_set_error (&error, CEPA_CTL_ERROR, CEPA_CTL_ERROR_USAGE, "there is no command \"%s\"", (*argv)[1]);
      return main_fail (error, NULL);
    }
  g_free ((*argv)[1]);
  memmove (*argv + 1, *argv + 2, (g_strv_length (*argv + 2) + 1) * sizeof **argv);
  return main_run (command, options, argv, &error) ? 0 : main_fail (error, command);
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) words = g_strdupv (argv);
  g_autofree char *socket_path = NULL;
  g_autofree char *bus = NULL;
  CepaCtlOptions options = { 0 };
  gboolean version = FALSE;
  g_autoptr (GOptionContext) context = main_make_context (NULL, &options, &version);
  g_autoptr (GError) error = NULL;
  int status;

  setlocale (LC_ALL, "");
  g_set_prgname ("cepa");
  if (argc < 1 || !g_option_context_parse_strv (context, &words, &error))
    return error != NULL ? main_fail (error, NULL) : MAIN_STATUS_USAGE;
  if (version)
    {
      cepa_ctl_print ("cepa %s\n", CEPA_VERSION);
      return 0;
    }
  if (words[1] == NULL)
    {
      main_help (words + 1);
      return MAIN_STATUS_USAGE;
    }
  status = main_dispatch (&words, &options);
  socket_path = options.socket;
  bus = options.bus;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  main_complain ("the output could not be written");
  return MAIN_STATUS_FAILURE;
}
