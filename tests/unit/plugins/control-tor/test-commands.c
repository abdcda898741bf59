/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, signals, closing, and what is refused. Answers that C Tor 0.4.9.11 gives too were taken from it. */
#include <string.h>

#include "fixture.h"

static void
set_up_world (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fixture_set_up_world (self);
  fixture_start (self);
}

static void
check_called (Fixture *self, const char *call)
{
  if (strstr (self->words.calls->str, call) == NULL)
    g_error ("%s was not called: %s", call, self->words.calls->str);
  g_string_truncate (self->words.calls, 0);
}

static void
test_getconf (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const logs[] = { "notice stdout", "info file /x", NULL };
  Client *client = client_new_ready (self);

  client_check (client, "GETCONF", "250 OK");
  client_check (client, "GETCONF socksport", "250 SocksPort=9250");
  client_check (client, "GETCONF SocksPort usemicrodescriptors PathPolicy",
                "250-SocksPort=9250\n250-UseMicrodescriptors\n250 PathPolicy=weighted");
  client_check (client, "GETCONF UseMicrodescriptors", "250 UseMicrodescriptors");
  client_check (client, "GETCONF nope", "552 Unrecognized configuration key \"nope\"");
  client_check (client, "GETCONF nope SocksPort no\xff", "552-Unrecognized configuration key \"nope\"\n"
                                                         "552 Unrecognized configuration key \"no\xef\xbf\xbd\"");
  /* What the daemon does not have, but every controller asks for. */
  client_check (client, "GETCONF orport exitrelay", "250-ORPort\n250 ExitRelay=0");
  g_hash_table_replace (self->options, g_strdup ("Log"), g_strdupv ((char **) logs));
  client_check (client, "GETCONF log", "250-Log=notice stdout\n250 Log=info file /x");
  client_free (client);
}

static void
test_setconf (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  client_check (client, "SETCONF", "250 OK");
  client_check (client, "SETCONF PathPolicy=uniform safelogging=0", "250 OK");
  check_called (self, "Options1.Set ([('PathPolicy', ['uniform']), ('safelogging', ['0'])],)");
  client_check (client, "GETCONF PathPolicy SafeLogging", "250-PathPolicy=uniform\n250 SafeLogging=0");
  client_check (client, "SETCONF Log=\"notice stdout\" PathPolicy log=\"warn file \\\"x\\\"\"", "250 OK");
  check_called (self, "Options1.Set ([('Log', ['notice stdout', 'warn file \"x\"']), ('PathPolicy', [])],)");
  client_check (client, "RESETCONF SafeLogging Log=", "250 OK");
  check_called (self, "Options1.Set ([('SafeLogging', @as []), ('Log', [])],)");
  client_check (client, "SETCONF nope=1", "552 Unrecognized option: Unknown option 'nope'.  Failing.");
  client_check (client, "RESETCONF PathPolicy=weighted nope",
                "552 Unrecognized option: Unknown option 'nope'.  Failing.");
  client_check (client, "GETCONF PathPolicy", "250 PathPolicy");
  client_check (client, "SETCONF SafeLogging=x", "513 Unacceptable option value: SafeLogging: \"x\" is not 0 or 1");
  client_check (client, "SETCONF DataDirectory=/x",
                "553 Transition not allowed: DataDirectory cannot be set while running");
  client_check (client, "SETCONF PathPolicy=broken", "553 Unable to set option: the plugin did not start");
  client_check (client, "SETCONF Log=\"open", "512 Bad arguments to SETCONF: Cannot parse keyword argument(s)");
  client_check (client, "RESETCONF =1", "512 Bad arguments to RESETCONF: Cannot parse keyword argument(s)");
  client_check (client, "SETCONF Log=\xff", "512 Bad arguments to SETCONF: Cannot parse keyword argument(s)");
  client_check (client, "SETCONF Log=\"\\377\"", "512 Bad arguments to SETCONF: Cannot parse keyword argument(s)");
  client_free (client);
}

static void
test_signals (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const ends[] = { "HALT", "TERM", "INT", "SHUTDOWN" };
  Client *client = client_new_ready (self);

  client_check (client, "SETEVENTS SIGNAL", "250 OK");
  client_check (client, "SIGNAL newnym", "250 OK");
  client_check_event (client, "650 SIGNAL NEWNYM");
  check_called (self, "Client1.NewIdentity ()");
  client_check (client, "SIGNAL HUP", "250 OK");
  client_check_event (client, "650 SIGNAL RELOAD");
  check_called (self, "Client1.Reload ()");
  client_check (client, "SIGNAL CLEARDNSCACHE", "250 OK");
  client_check_event (client, "650 SIGNAL CLEARDNSCACHE");
  client_check (client, "SIGNAL", "512 Bad arguments to SIGNAL: Need at least 1 argument(s)");
  client_check (client, "SIGNAL NEWNYM x", "512 Bad arguments to SIGNAL: Cannot accept more than 1 argument(s)");
  client_check (client, "SIGNAL nonsense", "552 Unrecognized signal code \"nonsense\"");
  client_check (client, "SIGNAL DORMANT", "250 OK");
  client_check_event (client, "650 SIGNAL DORMANT");
  check_called (self, "Client1.SetDormant (true,)");
  client_check (client, "SIGNAL active", "250 OK");
  client_check_event (client, "650 SIGNAL ACTIVE");
  check_called (self, "Client1.SetDormant (false,)");
  client_check (client, "SIGNAL dump", "551 DUMP is a signal of C Tor that this daemon has nothing for");
  fake_words_forget (&self->words, "Client1.Reload");
  client_check (client, "SIGNAL RELOAD", "551 RELOAD: there is no method Client1.Reload");
  client_free (client);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *command = g_strconcat ("SIGNAL ", ends[i], NULL);

      client = client_new_ready (self);
      client_check_closed (client, command, "250 OK");
      client_free (client);
      check_called (self, "Client1.Shutdown ()");
    }
}

static void
test_closing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  client_check (client, "CLOSECIRCUIT 3", "250 OK");
  check_called (self, "Circuits1.Close (uint64 3, false)");
  client_check (client, "CLOSECIRCUIT 3 Other ifunused", "250 OK");
  check_called (self, "Circuits1.Close (uint64 3, true)");
  client_check (client, "CLOSECIRCUIT 99", "552 Unknown circuit \"99\"");
  client_check (client, "CLOSECIRCUIT x", "552 Unknown circuit \"x\"");
  client_check (client, "CLOSECIRCUIT -1", "552 Unknown circuit \"-1\"");
  client_check (client, "CLOSECIRCUIT 99999999999999999999", "552 Unknown circuit \"99999999999999999999\"");
  client_check (client, "CLOSECIRCUIT", "512 Bad arguments to CLOSECIRCUIT: Need at least 1 argument(s)");
  client_check (client, "CLOSESTREAM 8 1 more", "250 OK");
  check_called (self, "Streams1.Close (uint64 8, uint32 1)");
  client_check (client, "CLOSESTREAM 99 1", "552 Unknown stream \"99\"");
  client_check (client, "CLOSESTREAM 8 256", "552 Unrecognized reason \"256\"");
  client_check (client, "CLOSESTREAM 8 x", "552 Unrecognized reason \"x\"");
  client_check (client, "DROPGUARDS", "250 OK");
  client_check (client, "DROPGUARDS now", "512 Too many arguments to DROPGUARDS");
  client_check (client, "DropTimeouts", "250 OK");
  check_called (self, "Circuits1.DropBuildTimes");
  client_check (client, "DROPTIMEOUTS now", "512 Too many arguments to DROPTIMEOUTS");
  fake_words_forget (&self->words, "Circuits1.DropBuildTimes");
  client_check (client, "DROPTIMEOUTS", "551 Dropping build times: there is no method Circuits1.DropBuildTimes");
  client_check (client, "CLOSESTREAM 8", "512 Bad arguments to CLOSESTREAM: Need at least 2 argument(s)");
  fake_words_forget (&self->words, "Circuits1.Close");
  client_check (client, "CLOSECIRCUIT 3", "551 Closing the circuit: there is no method Circuits1.Close");
  client_free (client);
}

static void
test_ownership (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  client_check (client, "TAKEOWNERSHIP", "250 OK");
  client_check (client, "DROPOWNERSHIP", "250 OK");
  client_check_closed (client, "QUIT", "250 closing connection");
  client_free (client);
  g_assert_null (strstr (self->words.calls->str, "Shutdown"));

  client = client_new_ready (self);
  client_check (client, "takeownership", "250 OK");
  client_free (client);
  fixture_wait (self, strstr (self->words.calls->str, "Client1.Shutdown ()") != NULL);
  g_string_truncate (self->words.calls, 0);

  /* The front end is stopped; nobody left. */
  client = client_new_ready (self);
  client_check (client, "TAKEOWNERSHIP", "250 OK");
  fixture_stop (self);
  g_assert_null (strstr (self->words.calls->str, "Shutdown"));
  client_free (client);
}

static void
test_others (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const unknown[] = {
    "LOADCONF", "MAPADDRESS", "EXTENDCIRCUIT", "SETCIRCUITPURPOSE", "ATTACHSTREAM", "REDIRECTSTREAM", "RESOLVE",
    "+POSTDESCRIPTOR", "HSFETCH", "+HSPOST", "ADD_ONION", "DEL_ONION",
    "ONION_CLIENT_AUTH_ADD", "ONION_CLIENT_AUTH_REMOVE", "ONION_CLIENT_AUTH_VIEW", "nonsense", "+GETINFO", "\xff",
  };
  Client *client = client_new_ready (self);

  client_check (client, "USEFEATURE", "250 OK");
  client_check (client, "usefeature verbose_names EXTENDED_EVENTS", "250 OK");
  client_check (client, "USEFEATURE VERBOSE_NAMES x", "552 Unrecognized feature \"x\"");
  client_check (client, "SAVECONF", "551 Unable to write configuration to disk: the torrc is only read");
  client_check (client, "+LOADCONF\r\nSocksPort 1\r\n.", "553 Unable to set option: a whole configuration cannot be "
                                                         "loaded while running; use SETCONF");
  client_check (client, "SETROUTERPURPOSE x", "511 SETROUTERPURPOSE is obsolete.");
  client_check (client, "", "510 Unrecognized command \"\"");
  client_check (client, " GETINFO version", "510 Unrecognized command \"\"");
  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++)
    {
      const char *name = g_str_equal (unknown[i], "\xff") ? "\xef\xbf\xbd" : unknown[i];
      g_autofree char *command = g_strconcat (unknown[i], " x", *unknown[i] == '+' ? "\r\n." : "", NULL);
      g_autofree char *answer = g_strdup_printf ("510 Unrecognized command \"%s\"", name);

      client_check (client, command, answer);
    }
  client_check (client, "AUTHENTICATE", "250 OK");
  client_check_closed (client, "QUIT now", "250 closing connection");
  client_free (client);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/control-tor/" name, Fixture, NULL, set_up_world, func, fixture_tear_down)
  ADD ("getconf", test_getconf);
  ADD ("setconf", test_setconf);
  ADD ("signals", test_signals);
  ADD ("closing", test_closing);
  ADD ("ownership", test_ownership);
  ADD ("others", test_others);
  return g_test_run ();
}
