/* SPDX-License-Identifier: BSD-3-Clause */
/* SIGNAL, CLOSECIRCUIT, CLOSESTREAM, DROPGUARDS, DROPTIMEOUTS. */
#include <string.h>

#include "commands.h"
#include "events.h"
#include "text.h"

/* @method: (nullable): of Client1; NULL for nothing to do. @event: (nullable): what is told then. @is_put_off: it may be
   done some time later, and the controller does not wait for that. @args: (nullable): of the method, as text */
typedef struct
{
  const char *name, *method, *event;
  gboolean is_put_off;
  const char *args;
} TorActionsSignal;

static const TorActionsSignal tor_actions_signals[] = {
  { "RELOAD", "Reload", "RELOAD", FALSE, NULL },
  { "HUP", "Reload", "RELOAD", FALSE, NULL },
  { "SHUTDOWN", "Shutdown", NULL, FALSE, NULL },
  { "HALT", "Shutdown", NULL, FALSE, NULL },
  { "TERM", "Shutdown", NULL, FALSE, NULL },
  { "INT", "Shutdown", NULL, FALSE, NULL },
  { "NEWNYM", "NewIdentity", NULL, TRUE, NULL }, /* told when it has been taken, whoever asked */
  { "CLEARDNSCACHE", NULL, "CLEARDNSCACHE", FALSE, NULL }, /* answers of exits are not kept */
  { "ACTIVE", "SetDormant", "ACTIVE", FALSE, "(false,)" },
  { "DORMANT", "SetDormant", "DORMANT", FALSE, "(true,)" },
};

static const char *const tor_actions_refused[] = {
  "DUMP", "USR1", "DEBUG", "USR2", "HEARTBEAT",
};

char *
cepa_tor_signal_names (void)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tor_actions_signals); i++)
    g_string_append_printf (out, "%s%s", i > 0 ? " " : "", tor_actions_signals[i].name);
  return g_string_free (out, FALSE);
}

static void
tor_actions_succeed (CepaTorConnection *connection, const TorActionsSignal *signal)
{
  g_autofree char *event = g_strdup_printf ("650 SIGNAL %s\r\n", signal->event != NULL ? signal->event : "");

  if (signal->event != NULL)
    cepa_tor_events_emit (connection->control, CEPA_TOR_EVENT_SIGNAL, event, strlen (event));
  cepa_tor_connection_reply (connection, 250, "OK");
}

static void
tor_actions_on_signal (CepaTorConnection *connection, gpointer data, G_GNUC_UNUSED GVariant *result,
                       const GError *error)
{
  const TorActionsSignal *signal = data;

  if (error != NULL)
    cepa_tor_connection_reply (connection, 551, "%s: %s", signal->name, error->message);
  else
    tor_actions_succeed (connection, signal);
}

static void
tor_actions_run_signal (CepaTorConnection *connection, const TorActionsSignal *signal)
{
  CepaTorControl *control = connection->control;

  if (signal->is_put_off)
    cepa_tor_call (control, "Client1", signal->method, NULL, NULL, NULL, NULL);
  if (signal->method == NULL || signal->is_put_off)
    tor_actions_succeed (connection, signal);
  else if (!g_str_equal (signal->method, "Shutdown"))
    cepa_tor_connection_call (connection, "Client1", signal->method,
                              signal->args != NULL ? g_variant_new_parsed (signal->args) : NULL,
                              tor_actions_on_signal, (gpointer) signal, NULL);
  else
    {
      /* The daemon may be gone before another turn of the loop. */
      g_string_append (connection->output, "250 OK\r\n");
      cepa_tor_connection_flush (connection);
      cepa_tor_connection_finish (connection);
      cepa_tor_connection_reply_lines (connection, "", 0);
      cepa_tor_call (control, "Client1", "Shutdown", NULL, NULL, NULL, NULL);
    }
}

void
cepa_tor_command_signal (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);
  g_autofree char *echo = NULL;

  if (words->len != 1)
    {
      cepa_tor_connection_reply (connection, 512, words->len == 0
                                                    ? "Bad arguments to SIGNAL: Need at least 1 argument(s)"
                                                    : "Bad arguments to SIGNAL: Cannot accept more than 1 argument(s)");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (tor_actions_signals); i++)
    if (g_ascii_strcasecmp (words->pdata[0], tor_actions_signals[i].name) == 0)
      {
        tor_actions_run_signal (connection, &tor_actions_signals[i]);
        return;
      }
  for (guint i = 0; i < G_N_ELEMENTS (tor_actions_refused); i++)
    if (g_ascii_strcasecmp (words->pdata[0], tor_actions_refused[i]) == 0)
      {
        cepa_tor_connection_reply (connection, 551, "%s is a signal of C Tor that this daemon has nothing for",
                                   tor_actions_refused[i]);
        return;
      }
  echo = cepa_tor_text_echo (words->pdata[0]);
  cepa_tor_connection_reply (connection, 552, "Unrecognized signal code \"%s\"", echo);
}

/* What is to be closed, for the answer. */
typedef struct
{
  const char *what; /* "circuit" */
  char *word;       /* as the controller named it */
} TorActionsTarget;

static void
tor_actions_free_target (gpointer data)
{
  TorActionsTarget *target = data;

  g_free (target->word);
  g_free (target);
}

static void
tor_actions_refuse_target (CepaTorConnection *connection, const char *what, const char *word)
{
  g_autofree char *echo = cepa_tor_text_echo (word);

  cepa_tor_connection_reply (connection, 552, "Unknown %s \"%s\"", what, echo);
}

static void
tor_actions_on_closed (CepaTorConnection *connection, gpointer data, G_GNUC_UNUSED GVariant *result,
                       const GError *error)
{
  TorActionsTarget *target = data;

  if (error == NULL)
    cepa_tor_connection_reply (connection, 250, "OK");
  else if (g_error_matches (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID))
    tor_actions_refuse_target (connection, target->what, target->word);
  else
    cepa_tor_connection_reply (connection, 551, "Closing the %s: %s", target->what, error->message);
}

static void
tor_actions_close (CepaTorConnection *connection, const char *interface_name, GVariant *args, const char *what,
                   const char *word)
{
  TorActionsTarget *target = g_new0 (TorActionsTarget, 1);

  *target = (TorActionsTarget) { .what = what, .word = g_strdup (word) };
  cepa_tor_connection_call (connection, interface_name, "Close", args, tor_actions_on_closed, target,
                            tor_actions_free_target);
}

void
cepa_tor_command_closecircuit (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);
  gboolean if_unused = FALSE;
  guint64 id;

  if (words->len == 0)
    {
      cepa_tor_connection_reply (connection, 512, "Bad arguments to CLOSECIRCUIT: Need at least 1 argument(s)");
      return;
    }
  for (guint i = 1; i < words->len; i++)
    if_unused = if_unused || g_ascii_strcasecmp (words->pdata[i], "IfUnused") == 0;
  if (g_ascii_string_to_unsigned (words->pdata[0], 10, 1, G_MAXUINT64, &id, NULL))
    tor_actions_close (connection, "Circuits1", g_variant_new ("(tb)", id, if_unused), "circuit", words->pdata[0]);
  else
    tor_actions_refuse_target (connection, "circuit", words->pdata[0]);
}

void
cepa_tor_command_closestream (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);
  g_autofree char *echo = NULL;
  guint64 id, reason;

  if (words->len < 2)
    {
      cepa_tor_connection_reply (connection, 512, "Bad arguments to CLOSESTREAM: Need at least 2 argument(s)");
      return;
    }
  if (!g_ascii_string_to_unsigned (words->pdata[0], 10, 1, G_MAXUINT64, &id, NULL))
    tor_actions_refuse_target (connection, "stream", words->pdata[0]);
  else if (!g_ascii_string_to_unsigned (words->pdata[1], 10, 0, 255, &reason, NULL))
    {
      echo = cepa_tor_text_echo (words->pdata[1]);
      cepa_tor_connection_reply (connection, 552, "Unrecognized reason \"%s\"", echo);
    }
  else
    tor_actions_close (connection, "Streams1", g_variant_new ("(tu)", id, (guint32) reason), "stream",
                       words->pdata[0]);
}

static void
tor_actions_on_dropped (CepaTorConnection *connection, gpointer data, G_GNUC_UNUSED GVariant *result,
                        const GError *error)
{
  if (error == NULL)
    cepa_tor_connection_reply (connection, 250, "OK");
  else
    cepa_tor_connection_reply (connection, 551, "Dropping %s: %s", (const char *) data, error->message);
}

void
cepa_tor_command_drop (CepaTorConnection *connection, const CepaTorCommand *command)
{
  gboolean is_guards = g_ascii_strcasecmp (command->name, "DROPGUARDS") == 0;
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);

  if (words->len > 0)
    cepa_tor_connection_reply (connection, 512, "Too many arguments to %s", is_guards ? "DROPGUARDS" : "DROPTIMEOUTS");
  else if (is_guards)
    cepa_tor_connection_call (connection, "Guards1", "Drop", NULL, tor_actions_on_dropped, (gpointer) "guards", NULL);
  else
    cepa_tor_connection_call (connection, "Circuits1", "DropBuildTimes", NULL, tor_actions_on_dropped,
                              (gpointer) "build times", NULL);
}
