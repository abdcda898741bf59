/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO: every key, several in one command, answers that come later. Where C Tor 0.4.9.11 as a client gives the same
   answer, it was taken from it. */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "connection.h"
#include "fixture.h"

#define GUARD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define MIDDLE "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define EXIT "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define ABSENT "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"

#define NS_GUARD \
  "r guard qqqqqqqqqqqqqqqqqqqqqqqqqqo AQIDBAUGBwgJCgsMDQ4PEBESExQ 2025-12-31 23:00:00 127.0.0.1 5001 0\n" \
  "a [::1]:5001\ns Fast Guard Running Valid\nw Bandwidth=1000\n"
#define NS_EXIT \
  "r exit zMzMzMzMzMzMzMzMzMzMzMzMzMw AQIDBAUGBwgJCgsMDQ4PEBESExQ 2025-12-31 23:00:00 127.0.0.1 5001 0\n" \
  "s Exit Fast Running Valid\nw Bandwidth=1000\n"
#define MD(name) "onion-key\nntor-onion-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nfamily " name "\n"

static void
set_up_world (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fixture_set_up_world (self);
  fixture_start (self);
}

static void
check_key (Client *client, const char *key, const char *value)
{
  g_autofree char *command = g_strconcat ("GETINFO ", key, NULL);
  g_autofree char *answer = strchr (value, '\n') != NULL
                                ? g_strdup_printf ("250+%s=\n%s%s.\n250 OK", key, value,
                                                   g_str_has_suffix (value, "\n") ? "" : "\n")
                                : g_strdup_printf ("250-%s=%s\n250 OK", key, value);

  client_check (client, command, answer);
}

static void
test_constants (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const keys[][2] = {
    { "version", "0.4.9.11 (Cepa-0.1.0)" },
    { "features/names", "VERBOSE_NAMES EXTENDED_EVENTS" },
    { "config-file", "/etc/cepa/torrc" },
    { "config-can-saveconf", "0" },
    { "dormant", "0" },
    { "status/bootstrap-phase", "NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"" },
    { "status/circuit-established", "1" },
    { "status/enough-dir-info", "1" },
    { "status/version/current", "unknown" },
    { "status/reachability-succeeded", "OR=1 DIR=1" },
    { "status/good-server-descriptor", "0" },
    { "network-liveness", "up" },
    { "traffic/read", "1000" },
    { "traffic/written", "500" },
    { "uptime", "77" },
    { "bw-event-cache", "" },
    { "accounting/enabled", "0" },
    { "exit-policy/default", "reject *:*" },
    { "address-mappings/all", "" },
    { "onions/current", "" },
    { "net/listeners/socks", "\"127.0.0.1:9250\" \"unix:/run/x\"" },
    { "net/listeners/metrics", "\"[::1]:1\"" },
    { "net/listeners/or", "" },
    { "md/download-enabled", "1" },
    { "desc/download-enabled", "0" },
    { "desc/all-recent", "" },
    { "ip-to-country/ipv4-available", "1" },
    { "ip-to-country/ipv6-available", "0" },
    { "ip-to-country/192.0.2.1", "de" },
    { "ip-to-country/[2001:db8::1]", "fr" },
    { "ip-to-country/2001:db8::1", "fr" },
    { "ip-to-country/192.0.2.2", "??" },
    { "current-time/utc", "2026-01-01T00:00:00" },
    { "consensus/valid-after", "2025-12-31 23:00:00" },
    { "consensus/fresh-until", "2026-01-01 00:00:00" },
    { "consensus/valid-until", "2026-01-01 02:00:00" },
    { "signal/names", "RELOAD HUP SHUTDOWN HALT TERM INT NEWNYM CLEARDNSCACHE ACTIVE DORMANT" },
    { "events/names",
      "CIRC CIRC_MINOR STREAM ORCONN BW DEBUG INFO NOTICE WARN ERR NEWDESC ADDRMAP DESCCHANGED STATUS_GENERAL "
      "STATUS_CLIENT STATUS_SERVER GUARD STREAM_BW CLIENTS_SEEN NEWCONSENSUS BUILDTIMEOUT_SET SIGNAL CONF_CHANGED "
      "CONN_BW CELL_STATS TRANSPORT_LAUNCHED HS_DESC HS_DESC_CONTENT NETWORK_LIVENESS" },
  };
  Client *client = client_new_ready (self);

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    check_key (client, keys[i][0], keys[i][1]);
  client_free (client);
}

static void
test_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const keys[][2] = {
    { "fingerprint", "551 Not running in server mode" },
    { "address", "551 Address unknown" },
    { "address/v6", "551 Address unknown" },
    { "ip-to-country/198.51.100.1", "551 GeoIP data not loaded" },
    { "ip-to-country/home", "552 Unrecognized key \"ip-to-country/home\"" },
    { "status/fresh-relay-descs", "551 Only relays have descriptors" },
    { "exit-policy/full", "552 Not running in server mode" },
    { "desc/id/" GUARD, "552 We fetch microdescriptors, not router descriptors. You'll need to use md/id/* instead of "
                        "desc/id/*." },
    { "desc/name/x", "552 We fetch microdescriptors, not router descriptors. You'll need to use md/name/* instead of "
                     "desc/name/*." },
    { "md/id/" ABSENT, "552 Unrecognized key \"md/id/" ABSENT "\"" },
    { "md/id/x", "552 Unrecognized key \"md/id/x\"" },
    { "md/name/nobody", "552 Unrecognized key \"md/name/nobody\"" },
    { "md/name/\xff", "552 Unrecognized key \"md/name/\xef\xbf\xbd\"" },
    { "ns/id/" ABSENT, "552 Unrecognized key \"ns/id/" ABSENT "\"" },
    { "ns/id/xyz", "551 Data not decodeable as hex" },
    { "ns/name/nobody", "552 Unrecognized key \"ns/name/nobody\"" },
    { "net/listeners/nonsense", "552 Unrecognized key \"net/listeners/nonsense\"" },
    { "process/nonsense", "552 Unrecognized key \"process/nonsense\"" },
    { "current-time/nonsense", "552 Unrecognized key \"current-time/nonsense\"" },
    { "consensus/nonsense", "552 Unrecognized key \"consensus/nonsense\"" },
    { "VERSION", "552 Unrecognized key \"VERSION\"" },
    { "status/nonsense", "552 Unrecognized key \"status/nonsense\"" },
  };
  Client *client = client_new_ready (self);

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *command = g_strconcat ("GETINFO ", keys[i][0], NULL);

      client_check (client, command, keys[i][1]);
    }
  client_free (client);
}

static void
test_several (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  client_check (client, "GETINFO", "250 OK");
  client_check (client, "getinfo dormant uptime", "250-dormant=0\n250-uptime=77\n250 OK");
  client_check (client, "GETINFO nope dormant no\xff", "552-Unrecognized key \"nope\"\n"
                                                       "552 Unrecognized key \"no\xef\xbf\xbd\"");
  client_check (client, "GETINFO dormant nope fingerprint uptime", "551 Not running in server mode");
  client_check (client, "GETINFO circuit-status dormant md/id/" EXIT,
                "250+circuit-status=\n"
                "3 BUILT $" GUARD "~guard,$" MIDDLE "~middle,$" EXIT "~exit BUILD_FLAGS=NEED_CAPACITY PURPOSE=GENERAL "
                "TIME_CREATED=2026-01-01T00:00:00.000123\n"
                "4 LAUNCHED BUILD_FLAGS=IS_INTERNAL PURPOSE=GENERAL TIME_CREATED=2026-01-01T00:00:01.000000\n.\n"
                "250-dormant=0\n250+md/id/" EXIT "=\n" MD ("exit") ".\n250 OK");
  client_free (client);
}

static void
test_lists (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *control = cepa_tor_control_list_addresses (self->control);
  g_autofree char *quoted = g_strdup_printf ("\"%s\"", control);

  check_key (client, "stream-status", "8 SUCCEEDED 3 web.example:80");
  check_key (client, "orconn-status", "$" GUARD "~guard CONNECTED\n127.0.0.1:5002 LAUNCHED");
  check_key (client, "entry-guards", "$" GUARD "~guard up\n$" MIDDLE "~middle down 2026-01-01 00:00:00\n$" EXIT
                                     " never-connected");
  check_key (client, "helper-nodes", "$" GUARD "~guard up\n$" MIDDLE "~middle down 2026-01-01 00:00:00\n$" EXIT
                                     " never-connected");
  check_key (client, "net/listeners/control", quoted);
  check_key (client, "ns/all", NS_GUARD NS_EXIT);
  check_key (client, "ns/id/" GUARD, NS_GUARD);
  check_key (client, "ns/id/$" EXIT, NS_EXIT);
  check_key (client, "ns/name/guard", NS_GUARD);
  check_key (client, "md/all", MD ("guard") MD ("exit"));
  check_key (client, "md/name/guard", MD ("guard"));
  check_key (client, "config/names", "ControlPort LineList\nDataDirectory Filename\nLog String\nPathPolicy String\n"
                                     "SafeLogging String\nSocksPort LineList\nUseMicrodescriptors Boolean\n");
  fake_words_set_result (&self->words, "Streams1.List", g_variant_new_parsed ("(@aa{sv} [],)"));
  check_key (client, "stream-status", "");
  client_free (client);
}

/* UseMicrodescriptors 0, and FetchUselessDescriptors 1. */
static void
test_server_descriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  fake_words_set_property (&self->words, "Network1.Descriptors", g_variant_new_parsed ("['server-descriptors']"));
  check_key (client, "desc/download-enabled", "1");
  check_key (client, "md/download-enabled", "0");
  check_key (client, "desc/id/" GUARD, "guard");
  check_key (client, "desc/name/exit", "exit");
  check_key (client, "desc/all-recent", "guardexit");
  check_key (client, "md/all", "");
  client_check (client, "GETINFO desc/id/" ABSENT, "552 Unrecognized key \"desc/id/" ABSENT "\"");
  client_check (client, "GETINFO desc/id/x", "552 Unrecognized key \"desc/id/x\"");
  fake_words_set_property (&self->words, "Network1.Descriptors", g_variant_new_parsed ("['microdescriptors', 'server-descriptors']"));
  check_key (client, "md/download-enabled", "1");
  check_key (client, "desc/download-enabled", "1");
  check_key (client, "md/all", MD ("guard") MD ("exit"));
  client_free (client);
}

/* A long list does not hold the loop: others are answered before it. */
static void
test_long_lists (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const keys[] = { "ns/all", "md/all" };
  Client *client = client_new_ready (self), *other = client_new_ready (self);
  g_autoptr (GString) relays = g_string_new ("([");

  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (relays, "%s{'nickname': <'relay%u'>, 'fingerprint': <'" EXIT "'>, 'has-microdescriptor': <true>}",
                            i > 0 ? ", " : "", i);
  g_string_append (relays, "],)");
  fake_words_set_result (&self->words, "Network1.List", g_variant_new_parsed (relays->str));
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *command = g_strconcat ("GETINFO ", keys[i], NULL);
      g_autofree char *answer = NULL;

      client_send (client, command);
      fixture_wait (self, strstr (self->words.calls->str, "Network1.List") != NULL);
      g_string_truncate (self->words.calls, 0);
      for (guint j = 0; j < 10; j++)
        client_check (other, "GETINFO dormant", "250-dormant=0\n250 OK");
      g_assert_cmpuint (client->received->len, ==, 0);
      answer = client_take (client);
      g_assert_true (g_str_has_suffix (answer, "\n.\n250 OK"));
      g_assert_cmpuint (strlen (answer), >, 1000 * strlen (MD ("exit")));
    }
  client_free (client);
  client_free (other);
}

static void
test_process (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ()), *uid = g_strdup_printf ("%u", geteuid ());
  g_autofree char *limit = NULL, *config = g_strdup_printf ("ControlPort auto\nDataDirectory %s\nLog notice stdout\n"
                                                            "PathPolicy weighted\nSafeLogging 1\nSocksPort 9250\n",
                                                            self->folder);
  struct rlimit descriptors;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &descriptors), ==, 0);
  limit = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) descriptors.rlim_cur);
  check_key (client, "process/pid", pid);
  check_key (client, "process/uid", uid);
  check_key (client, "process/user", g_get_user_name ());
  check_key (client, "process/descriptor-limit", limit);
  check_key (client, "config-text", config);
  client_free (client);
}

static void
test_info_names (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *got = NULL;

  client_send (client, "GETINFO info/names");
  got = client_take (client);
  g_assert_true (g_str_has_prefix (got, "250+info/names=\nversion -- "));
  g_assert_nonnull (strstr (got, "\nmd/id/* -- "));
  client_free (client);
}

/* Before there is a directory. */
static void
test_no_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  fake_words_set_property (&self->words, "Network1.NRelays", g_variant_new_uint32 (0));
  fake_words_set_property (&self->words, "Network1.ValidAfter", g_variant_new_int64 (0));
  fake_words_set_result (&self->words, "Network1.List", g_variant_new_parsed ("(@aa{sv} [],)"));
  check_key (client, "ns/all", "");
  check_key (client, "ns/id/x", "");
  check_key (client, "md/all", "");
  check_key (client, "consensus/valid-after", "");
  client_free (client);
}

/* What the vocabulary does not have, or has otherwise. */
static void
test_other_vocabulary (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);

  fake_words_set_property (&self->words, "Client1.BytesRead", g_variant_new_string ("many"));
  fake_words_set_property (&self->words, "Client1.Bootstrap", g_variant_new_string ("soon"));
  fake_words_set_result (&self->words, "Circuits1.List", g_variant_new ("(s)", "some"));
  fake_words_set_result (&self->words, "Network1.List", g_variant_new ("(s)", "some"));
  fake_words_forget (&self->words, "Streams1.List");
  client_check (client, "GETINFO traffic/read", "551 Internal error");
  client_check (client, "GETINFO status/bootstrap-phase", "551 Internal error");
  client_check (client, "GETINFO circuit-status", "551 The list cannot be had");
  client_check (client, "GETINFO stream-status", "551 The list cannot be had");
  client_check (client, "GETINFO md/all", "551 The list of relays cannot be had");
  client_free (client);
}

/* Answers come in the order of the commands, whenever the vocabulary answers; a controller that has gone in between
   does no harm, nor does the end of the front end. */
static void
test_later (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self), *other = client_new_ready (self);

  fake_words_defer (&self->words, "Circuits1.List");
  fake_words_defer (&self->words, "Network1.Microdescriptor");
  client_send (client, "GETINFO circuit-status md/id/" EXIT "\r\nGETINFO dormant");
  client_send (other, "GETINFO circuit-status");
  fixture_wait (self, fake_words_n_waiting (&self->words) == 2);
  g_assert_cmpuint (client->received->len, ==, 0);
  client_free (other);
  fake_words_answer (&self->words, g_variant_new_parsed ("(@aa{sv} [],)"), NULL);
  fake_words_answer (&self->words, g_variant_new_parsed ("(@aa{sv} [],)"), NULL);
  fixture_wait (self, fake_words_n_waiting (&self->words) == 1);
  fake_words_answer (&self->words, g_variant_new ("(s)", "m"), NULL);
  client_check_event (client, "250-circuit-status=\n250-md/id/" EXIT "=m\n250 OK");
  client_check_event (client, "250-dormant=0\n250 OK");
  client_send (client, "GETINFO circuit-status");
  fixture_wait (self, fake_words_n_waiting (&self->words) == 1);
  fixture_stop (self);
  fixture_wait (self, client->ended);
  client_free (client);
}

/* Many questions in one command take several turns of the loop. */
static void
test_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) command = g_string_new ("GETINFO"), answer = g_string_new (NULL);
  Client *client = client_new_ready (self);

  for (guint i = 0; i < 1000; i++)
    {
      g_string_append (command, i % 2 == 0 ? " dormant" : " md/id/" EXIT);
      g_string_append (answer, i % 2 == 0 ? "250-dormant=0\n" : "250+md/id/" EXIT "=\n" MD ("exit") ".\n");
    }
  g_string_append (answer, "250 OK");
  client_check (client, command->str, answer->str);
  client_free (client);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/control-tor/" name, Fixture, NULL, set_up_world, func, fixture_tear_down)
  ADD ("constants", test_constants);
  ADD ("refused", test_refused);
  ADD ("several", test_several);
  ADD ("lists", test_lists);
  ADD ("server-descriptors", test_server_descriptors);
  ADD ("long-lists", test_long_lists);
  ADD ("process", test_process);
  ADD ("info-names", test_info_names);
  ADD ("no-consensus", test_no_consensus);
  ADD ("other-vocabulary", test_other_vocabulary);
  ADD ("later", test_later);
  ADD ("many", test_many);
  return g_test_run ();
}
