/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands, and those that need no file of their own. */
#include "commands.h"

#include <string.h>

#include "text.h"

static void
tor_commands_quit (CepaTorConnection *connection, G_GNUC_UNUSED const CepaTorCommand *command)
{
  cepa_tor_connection_finish (connection);
  cepa_tor_connection_reply (connection, 250, "closing connection");
}

static void
tor_commands_usefeature (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);

  for (guint i = 0; i < words->len; i++)
    if (g_ascii_strcasecmp (words->pdata[i], "VERBOSE_NAMES") != 0
        && g_ascii_strcasecmp (words->pdata[i], "EXTENDED_EVENTS") != 0)
      {
        g_autofree char *echo = cepa_tor_text_echo (words->pdata[i]);

        cepa_tor_connection_reply (connection, 552, "Unrecognized feature \"%s\"", echo);
        return;
      }
  cepa_tor_connection_reply (connection, 250, "OK");
}

static void
tor_commands_takeownership (CepaTorConnection *connection, const CepaTorCommand *command)
{
  connection->owning = g_ascii_strcasecmp (command->name, "TAKEOWNERSHIP") == 0;
  cepa_tor_connection_reply (connection, 250, "OK");
}

/* What C Tor has and this daemon has not, or not yet; the sentence says which. */
static const struct
{
  const char *name;
  guint code;
  const char *why;
} tor_commands_refused[] = {
  { "SAVECONF", 551, "Unable to write configuration to disk: the torrc is only read" },
  { "+LOADCONF", 553, "Unable to set option: a whole configuration cannot be loaded while running; use SETCONF" },
  { "SETROUTERPURPOSE", 511, "SETROUTERPURPOSE is obsolete." },
};

static const struct
{
  const char *name;
  CepaTorCommandFunc func;
  gboolean before_authentication;
} tor_commands[] = {
  { "PROTOCOLINFO", cepa_tor_command_protocolinfo, TRUE },
  { "AUTHCHALLENGE", cepa_tor_command_authchallenge, TRUE },
  { "AUTHENTICATE", cepa_tor_command_authenticate, TRUE },
  { "QUIT", tor_commands_quit, TRUE },
  { "GETINFO", cepa_tor_command_getinfo, FALSE },
  { "GETCONF", cepa_tor_command_getconf, FALSE },
  { "SETCONF", cepa_tor_command_setconf, FALSE },
  { "RESETCONF", cepa_tor_command_setconf, FALSE },
  { "SETEVENTS", cepa_tor_command_setevents, FALSE },
  { "SIGNAL", cepa_tor_command_signal, FALSE },
  { "CLOSECIRCUIT", cepa_tor_command_closecircuit, FALSE },
  { "CLOSESTREAM", cepa_tor_command_closestream, FALSE },
  { "DROPGUARDS", cepa_tor_command_drop, FALSE },
  { "DROPTIMEOUTS", cepa_tor_command_drop, FALSE },
  { "USEFEATURE", tor_commands_usefeature, FALSE },
  { "TAKEOWNERSHIP", tor_commands_takeownership, FALSE },
  { "DROPOWNERSHIP", tor_commands_takeownership, FALSE },
};

static void
tor_commands_refuse (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autofree char *echo = cepa_tor_text_echo (command->name);

  for (guint i = 0; i < G_N_ELEMENTS (tor_commands_refused); i++)
    if (g_ascii_strcasecmp (command->name, tor_commands_refused[i].name) == 0)
      {
        cepa_tor_connection_reply (connection, tor_commands_refused[i].code, "%s", tor_commands_refused[i].why);
        return;
      }
  cepa_tor_connection_reply (connection, 510, "Unrecognized command \"%s\"", echo);
}

/* Once each: what it says is no secret, but nobody needs it twice (C Tor closes too). */
static gboolean
tor_commands_is_allowed (const CepaTorConnection *connection, guint index)
{
  if (connection->authenticated)
    return TRUE;
  if (tor_commands[index].func == cepa_tor_command_protocolinfo)
    return !connection->told_protocol && connection->wanted == NULL;
  if (tor_commands[index].func == cepa_tor_command_authchallenge)
    return connection->wanted == NULL;
  return tor_commands[index].before_authentication;
}

void
cepa_tor_commands_run (CepaTorConnection *connection, const CepaTorCommand *command)
{
  guint index = 0;

  while (index < G_N_ELEMENTS (tor_commands) && g_ascii_strcasecmp (command->name, tor_commands[index].name) != 0)
    index++;
  if (index < G_N_ELEMENTS (tor_commands) ? !tor_commands_is_allowed (connection, index) : !connection->authenticated)
    {
      cepa_tor_connection_finish (connection);
      cepa_tor_connection_reply (connection, 514, "Authentication required.");
    }
  else if (index < G_N_ELEMENTS (tor_commands))
    tor_commands[index].func (connection, command);
  else
    tor_commands_refuse (connection, command);
}
