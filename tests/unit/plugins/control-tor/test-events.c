/* SPDX-License-Identifier: BSD-3-Clause */
/* SETEVENTS, and each event in C Tor's form. */
#include <string.h>

#include "fixture.h"

#define GUARD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define EXIT "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

static void
set_up_world (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fixture_set_up_world (self);
  fixture_start (self);
}

static Client *
client_new_for (Fixture *self, const char *events)
{
  g_autofree char *command = g_strconcat ("SETEVENTS ", events, NULL);
  Client *client = client_new_ready (self);

  client_check (client, command, "250 OK");
  return client;
}

static void
emit_text (Fixture *self, const char *interface_name, const char *signal, const char *args)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, args, NULL, NULL, &error);

  g_assert_no_error (error);
  fake_words_emit (&self->words, interface_name, signal, value);
}

static void
test_setevents (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self), *other = NULL;

  client_check (client, "SETEVENTS", "250 OK");
  client_check (client, "SETEVENTS circ Stream EXTENDED AUTHDIR_NEWDESCS", "250 OK");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Circuits1", "Changed"), ==, 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Streams1", "Changed"), ==, 1);
  /* What is not known changes nothing. */
  client_check (client, "SETEVENTS CIRC nope", "552 Unrecognized event \"nope\"");
  client_check (client, "SETEVENTS NS", "552 Unrecognized event \"NS\"");
  client_check (client, "SETEVENTS CIRC_BW", "552 Unrecognized event \"CIRC_BW\"");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Streams1", "Changed"), ==, 1);
  /* The log is only listened to while somebody wants it. */
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 0);
  other = client_new_for (self, "DEBUG CIRC");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 1);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Circuits1", "Changed"), ==, 1);
  client_check (client, "SETEVENTS", "250 OK");
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Circuits1", "Changed"), ==, 1);
  client_free (other);
  fixture_wait (self, fake_words_n_subscribed (&self->words, "Circuits1", "Changed") == 0);
  g_assert_cmpuint (fake_words_n_subscribed (&self->words, "Log1", "Debug"), ==, 0);
  client_free (client);
}

/* Everything that GETINFO events/names lists can be asked for. */
static void
test_all_names (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_ready (self);
  g_autofree char *names = NULL, *command = NULL;

  client_send (client, "GETINFO events/names");
  names = client_take (client);
  command = g_strconcat ("SETEVENTS ", names + strlen ("250-events/names="), NULL);
  *strchr (command, '\n') = '\0';
  client_check (client, command, "250 OK");
  client_free (client);
}

static void
test_circuits (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
#define CIRCUIT(event, rest) \
  "(uint64 7, '" event "', {'purpose': <'general'>, 'path': <[('" GUARD "', 'guard'), ('" EXIT "', '')]>, " \
  "'created': <int64 1767225600000123>, " rest "})"
#define TAIL "BUILD_FLAGS=NEED_CAPACITY PURPOSE=GENERAL TIME_CREATED=2026-01-01T00:00:00.000123"
  Client *client = client_new_for (self, "CIRC");

  emit_text (self, "Circuits1", "Changed", CIRCUIT ("launched", "'built': <uint32 0>"));
  client_check_event (client, "650 CIRC 7 LAUNCHED " TAIL);
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("extended", "'built': <uint32 1>"));
  client_check_event (client, "650 CIRC 7 EXTENDED $" GUARD "~guard " TAIL);
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("waiting", "'built': <uint32 2>, 'state': <'waiting'>"));
  client_check_event (client, "650 CIRC 7 GUARD_WAIT $" GUARD "~guard,$" EXIT " " TAIL);
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("built", "'built': <uint32 2>"));
  client_check_event (client, "650 CIRC 7 BUILT $" GUARD "~guard,$" EXIT " " TAIL);
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("something new", "'built': <uint32 2>"));
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("closed", "'built': <uint32 0>, 'reason': <''>"));
  client_check_event (client, "650 CIRC 7 CLOSED " TAIL " REASON=FINISHED");
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("failed", "'built': <uint32 0>, 'reason': <'it took too long'>"));
  client_check_event (client, "650 CIRC 7 FAILED " TAIL " REASON=NONE");
  emit_text (self, "Circuits1", "Changed",
             CIRCUIT ("closed", "'built': <uint32 0>, 'reason': <'x'>, 'remote-reason': <uint32 8>"));
  client_check_event (client, "650 CIRC 7 CLOSED " TAIL " REASON=DESTROYED REMOTE_REASON=CHANNEL_CLOSED");
  emit_text (self, "Circuits1", "Changed", CIRCUIT ("failed", "'built': <uint32 0>, 'remote-reason': <uint32 99>"));
  client_check_event (client, "650 CIRC 7 FAILED " TAIL " REASON=DESTROYED REMOTE_REASON=UNKNOWN_99");
  emit_text (self, "Circuits1", "Changed", "(uint64 8, 'built', {'purpose': <'directory'>, 'path': <[('" GUARD
                                           "', 'a b\\n')]>, 'built': <uint32 9>})");
  client_check_event (client, "650 CIRC 8 BUILT $" GUARD "~a?b? BUILD_FLAGS=ONEHOP_TUNNEL,IS_INTERNAL PURPOSE=GENERAL");
  emit_text (self, "Circuits1", "Changed",
             CIRCUIT ("extended", "'built': <uint32 0>, 'use': <'measured'>, 'stable': <true>"));
  client_check_event (client, "650 CIRC 7 EXTENDED BUILD_FLAGS=NEED_CAPACITY,NEED_UPTIME PURPOSE=MEASURE_TIMEOUT "
                              "TIME_CREATED=2026-01-01T00:00:00.000123");
  client_free (client);
#undef CIRCUIT
#undef TAIL
}

static void
test_clock_jump (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "STATUS_GENERAL STATUS_CLIENT");

  emit_text (self, "Client1", "ClockJumped", "(int64 -3600,)");
  client_check_event (client, "650 STATUS_GENERAL WARN CLOCK_JUMPED TIME=-3600 IDLE=0");
  client_check_event (client, "650 STATUS_CLIENT WARN CIRCUIT_NOT_ESTABLISHED REASON=CLOCK_JUMPED");
  client_free (client);
}

static void
test_minor (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "CIRC_MINOR");

  emit_text (self, "Circuits1", "Changed",
             "(uint64 7, 'use', {'purpose': <'general'>, 'path': <[('" GUARD "', 'guard')]>, 'built': <uint32 1>, "
             "'use': <'probed'>, 'former-use': <'streams'>})");
  client_check_event (client, "650 CIRC_MINOR 7 PURPOSE_CHANGED $" GUARD "~guard BUILD_FLAGS=NEED_CAPACITY "
                              "PURPOSE=PATH_BIAS_TESTING OLD_PURPOSE=GENERAL");
  emit_text (self, "Circuits1", "Changed", "(uint64 7, 'closed', {'purpose': <'general'>})");
  emit_text (self, "Circuits1", "Changed", "(uint64 8, 'use', {'purpose': <'internal'>, 'use': <'apart'>})");
  client_check_event (client, "650 CIRC_MINOR 8 PURPOSE_CHANGED BUILD_FLAGS=IS_INTERNAL PURPOSE=CONTROLLER "
                              "OLD_PURPOSE=GENERAL");
  client_free (client);
}

/* A circuit that was kept ready for onion services is taken for one of their purposes: two events. */
static void
test_cannibalized (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
#define TAIL "BUILD_FLAGS=IS_INTERNAL,NEED_CAPACITY,NEED_UPTIME PURPOSE=HS_CLIENT_INTRO "
  Client *client = client_new_for (self, "CIRC_MINOR");

  emit_text (self, "Circuits1", "Changed",
             "(uint64 7, 'use', {'purpose': <'internal'>, 'use': <'hs-client-intro'>, 'former-use': <'hs-vanguards'>, "
             "'stable': <true>, 'created': <int64 1767225600000123>})");
  client_check_event (client, "650 CIRC_MINOR 7 PURPOSE_CHANGED " TAIL "TIME_CREATED=2026-01-01T00:00:00.000123 "
                              "OLD_PURPOSE=HS_VANGUARDS");
  client_check_event (client, "650 CIRC_MINOR 7 CANNIBALIZED " TAIL "TIME_CREATED=2026-01-01T00:00:00.000123 "
                              "OLD_PURPOSE=HS_VANGUARDS OLD_TIME_CREATED=2026-01-01T00:00:00.000123");
  emit_text (self, "Circuits1", "Changed",
             "(uint64 8, 'use', {'purpose': <'internal'>, 'use': <'measured'>, 'former-use': <'hs-vanguards'>})");
  client_check_event (client, "650 CIRC_MINOR 8 PURPOSE_CHANGED BUILD_FLAGS=IS_INTERNAL PURPOSE=MEASURE_TIMEOUT "
                              "OLD_PURPOSE=HS_VANGUARDS");
  client_free (client);
#undef TAIL
}

static void
test_build_timeout (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "BUILDTIMEOUT_SET");

  emit_text (self, "Circuits1", "BuildTimeoutSet",
             "('computed', {'times': <uint32 110>, 'timeout-ms': <uint32 1500>, 'close-ms': <uint32 60000>, "
             "'xm-ms': <uint32 800>, 'alpha': <4.851754>, 'quantile': <0.8>, 'timeout-rate': <0.25>, "
             "'close-rate': <0.125>})");
  client_check_event (client, "650 BUILDTIMEOUT_SET COMPUTED TOTAL_TIMES=110 TIMEOUT_MS=1500 XM=800 ALPHA=4.851754 "
                              "CUTOFF_QUANTILE=0.800000 TIMEOUT_RATE=0.250000 CLOSE_MS=60000 CLOSE_RATE=0.125000");
  emit_text (self, "Circuits1", "BuildTimeoutSet", "('reset', {'quantile': <1.0>, 'close-ms': <uint32 60000>})");
  client_check_event (client, "650 BUILDTIMEOUT_SET RESET TOTAL_TIMES=0 TIMEOUT_MS=0 XM=0 ALPHA=0.000000 "
                              "CUTOFF_QUANTILE=1.000000 TIMEOUT_RATE=0.000000 CLOSE_MS=60000 CLOSE_RATE=0.000000");
  client_free (client);
}

static void
test_streams (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
#define STREAM(event, rest) \
  "(uint64 9, '" event "', {'target': <'web.example:80'>, 'source': <'127.0.0.1:4000'>" rest "})"
  Client *client = client_new_for (self, "STREAM");

  emit_text (self, "Streams1", "Changed", STREAM ("new", ""));
  client_check_event (client, "650 STREAM 9 NEW 0 web.example:80 SOURCE_ADDR=127.0.0.1:4000 PURPOSE=USER");
  emit_text (self, "Streams1", "Changed", STREAM ("attached", ", 'circuit': <uint64 7>"));
  client_check_event (client, "650 STREAM 9 SENTCONNECT 7 web.example:80");
  emit_text (self, "Streams1", "Changed", STREAM ("detached", ", 'circuit': <uint64 7>, 'reason': <uint32 7>"));
  client_check_event (client, "650 STREAM 9 DETACHED 7 web.example:80 REASON=TIMEOUT");
  emit_text (self, "Streams1", "Changed", STREAM ("succeeded", ", 'circuit': <uint64 8>"));
  client_check_event (client, "650 STREAM 9 SUCCEEDED 8 web.example:80");
  emit_text (self, "Streams1", "Changed", STREAM ("closed", ", 'circuit': <uint64 8>, 'reason': <uint32 6>"));
  client_check_event (client, "650 STREAM 9 CLOSED 8 web.example:80 REASON=DONE");
  emit_text (self, "Streams1", "Changed", STREAM ("failed", ", 'reason': <uint32 77>"));
  client_check_event (client, "650 STREAM 9 FAILED 0 web.example:80 REASON=UNKNOWN_77");
  emit_text (self, "Streams1", "Changed", STREAM ("failed", ", 'reason': <uint32 0>"));
  client_check_event (client, "650 STREAM 9 FAILED 0 web.example:80");
  /* An application chooses its target. */
  emit_text (self, "Streams1", "Changed", "(uint64 10, 'attached', {'target': <'x\\r\\n650 BW 1 1:80'>})");
  client_check_event (client, "650 STREAM 10 SENTCONNECT 0 x??650?BW?1?1:80");
  client_free (client);
#undef STREAM
}

static void
test_channels (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
#define CHANNEL(event, rest) "(uint64 2, '" event "', {'address': <'127.0.0.1:5001'>" rest "})"
#define NAMED ", 'fingerprint': <'" GUARD "'>, 'nickname': <'guard'>"
  Client *client = client_new_for (self, "ORCONN");

  emit_text (self, "Channels1", "Changed", CHANNEL ("launched", ""));
  client_check_event (client, "650 ORCONN 127.0.0.1:5001 LAUNCHED ID=2");
  emit_text (self, "Channels1", "Changed", CHANNEL ("opened", NAMED));
  client_check_event (client, "650 ORCONN $" GUARD "~guard CONNECTED ID=2");
  emit_text (self, "Channels1", "Changed", CHANNEL ("closed", NAMED ", 'reason': <''>"));
  client_check_event (client, "650 ORCONN $" GUARD "~guard CLOSED REASON=DONE ID=2");
  emit_text (self, "Channels1", "Changed", CHANNEL ("failed", NAMED ", 'reason': <'refused'>, 'circuits': <uint32 3>"));
  client_check_event (client, "650 ORCONN $" GUARD "~guard FAILED REASON=MISC NCIRCS=3 ID=2");
  client_free (client);
}

static void
test_guards (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const events[][2] = {
    { "new", "NEW" }, { "up", "UP" }, { "down", "DOWN" }, { "bad", "BAD" }, { "good", "GOOD" }, { "dropped", "DROPPED" },
    { "good-l2", "GOOD_L2" }, { "bad-l2", "BAD_L2" },
  };
  Client *client = client_new_for (self, "GUARD");

  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autofree char *args = g_strdup_printf ("('%s', {'fingerprint': <'" GUARD "'>, 'nickname': <'guard'>})",
                                               events[i][0]);
      g_autofree char *line = g_strdup_printf ("650 GUARD ENTRY $" GUARD "~guard %s", events[i][1]);

      emit_text (self, "Guards1", "Changed", args);
      client_check_event (client, line);
    }
  emit_text (self, "Guards1", "Changed", "('moved', {'fingerprint': <'" GUARD "'>})"); /* of a later version: not told */
  emit_text (self, "Guards1", "Changed", "('bad-l2', {'fingerprint': <'" GUARD "'>, 'nickname': <''>})");
  client_check_event (client, "650 GUARD ENTRY $" GUARD "~None BAD_L2");
  emit_text (self, "Guards1", "Changed", "('up', {'fingerprint': <'" GUARD "'>, 'nickname': <'a\r\nb'>})");
  client_check_event (client, "650 GUARD ENTRY $" GUARD "~a??b UP");
  client_free (client);
}

static void
test_liveness (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "NETWORK_LIVENESS");

  /* Another channel is open. */
  emit_text (self, "Channels1", "Changed", CHANNEL ("failed", ""));
  client_check (client, "GETINFO network-liveness", "250-network-liveness=up\n250 OK");
  fake_words_set_result (&self->words, "Channels1.List", g_variant_new_parsed ("(@aa{sv} [],)"));
  emit_text (self, "Channels1", "Changed", CHANNEL ("closed", ""));
  client_check (client, "GETINFO network-liveness", "250-network-liveness=up\n250 OK");
  emit_text (self, "Channels1", "Changed", CHANNEL ("failed", ""));
  client_check_event (client, "650 NETWORK_LIVENESS DOWN");
  client_check (client, "GETINFO network-liveness", "250-network-liveness=down\n250 OK");
  emit_text (self, "Channels1", "Changed", CHANNEL ("opened", ""));
  client_check_event (client, "650 NETWORK_LIVENESS UP");
  client_free (client);
}

/* C Tor's words for a clock that is wrong. */
static void
test_clock_skew (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *general = client_new_for (self, "STATUS_GENERAL"), *client;

  fake_words_set_property (&self->words, "Client1.IsReady", g_variant_new_boolean (FALSE));
  fake_words_set_property (&self->words, "Client1.Bootstrap",
                           g_variant_new ("(uss)", 10, "conn_done", "Connected to a relay"));
  client = client_new_for (self, "STATUS_CLIENT");
  emit_text (self, "Client1", "ClockSkewed", "(int64 -7500, 'OR:192.0.2.1:443')");
  client_check_event (general, "650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-7500 SOURCE=OR:192.0.2.1:443");
  client_check_event (client, "650 STATUS_CLIENT WARN BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY=\"Connected to a relay\" "
                              "WARNING=\"Clock skew -7500 from OR:192.0.2.1:443\" REASON=CLOCK_SKEW COUNT=1 "
                              "RECOMMENDATION=warn");
  /* Right again, and then wrong with a circuit there. */
  emit_text (self, "Client1", "ClockSkewed", "(int64 0, '')");
  fake_words_set_property (&self->words, "Client1.IsReady", g_variant_new_boolean (TRUE));
  emit_text (self, "Client1", "ClockSkewed", "(int64 90000, 'CONSENSUS')");
  client_check_event (general, "650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=90000 SOURCE=CONSENSUS");
  emit_text (self, "Client1", "Bootstrapped", "(uint32 5, 'conn', 'Connecting')");
  client_check_event (client, "650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting\"");
  client_free (general);
  client_free (client);
}

static void
test_status (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client;

  fake_words_set_property (&self->words, "Client1.IsReady", g_variant_new_boolean (FALSE));
  fake_words_set_property (&self->words, "Client1.HasDirectory", g_variant_new_boolean (FALSE));
  client = client_new_for (self, "STATUS_CLIENT STATUS_SERVER");
  emit_text (self, "Client1", "Bootstrapped", "(uint32 5, 'conn', 'Connecting to a \"relay\"')");
  client_check_event (client, "650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn "
                              "SUMMARY=\"Connecting to a \\\"relay\\\"\"");
  emit_text (self, "Network1", "Changed", "(uint32 10, int64 1767229200)");
  client_check_event (client, "650 STATUS_CLIENT NOTICE CONSENSUS_ARRIVED");
  /* The same consensus with more microdescriptors. */
  fake_words_set_property (&self->words, "Client1.HasDirectory", g_variant_new_boolean (TRUE));
  emit_text (self, "Network1", "Changed", "(uint32 10, int64 1767229200)");
  client_check_event (client, "650 STATUS_CLIENT NOTICE ENOUGH_DIR_INFO");
  fake_words_set_property (&self->words, "Client1.IsReady", g_variant_new_boolean (TRUE));
  emit_text (self, "Circuits1", "Changed", "(uint64 1, 'built', @a{sv} {})");
  client_check_event (client, "650 STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED");
  fake_words_set_property (&self->words, "Client1.HasDirectory", g_variant_new_boolean (FALSE));
  emit_text (self, "Network1", "Changed", "(uint32 0, int64 1767229200)");
  client_check_event (client, "650 STATUS_CLIENT NOTICE NOT_ENOUGH_DIR_INFO");
  client_free (client);
}

static void
test_consensus (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "NEWCONSENSUS");

  emit_text (self, "Network1", "Changed", "(uint32 2, int64 1767222000)");
  emit_text (self, "Network1", "Changed", "(uint32 2, int64 1767225600)");
  client_check_event (client,
                      "650+NEWCONSENSUS\n"
                      "r guard qqqqqqqqqqqqqqqqqqqqqqqqqqo AQIDBAUGBwgJCgsMDQ4PEBESExQ 2025-12-31 23:00:00 127.0.0.1 "
                      "5001 0\na [::1]:5001\ns Fast Guard Running Valid\nw Bandwidth=1000\n"
                      "r exit zMzMzMzMzMzMzMzMzMzMzMzMzMw AQIDBAUGBwgJCgsMDQ4PEBESExQ 2025-12-31 23:00:00 127.0.0.1 "
                      "5001 0\ns Exit Fast Running Valid\nw Bandwidth=1000\n.\n650 OK");
  client_check (client, "GETINFO dormant", "250-dormant=0\n250 OK");
  client_free (client);
}

static void
test_described (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "NEWDESC");

  emit_text (self, "Network1", "Described", "([('AB01', 'guard'), ('CD02', 'exit')],)");
  client_check_event (client, "650 NEWDESC $AB01~guard $CD02~exit");
  client_free (client);
}

static void
test_options (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const logs[] = { "notice stdout", "info file /x", NULL };
  Client *client = client_new_for (self, "CONF_CHANGED"), *other = client_new_ready (self);

  g_hash_table_replace (self->options, g_strdup ("Log"), g_strdupv ((char **) logs));
  emit_text (self, "Options1", "Changed", "(['Log', 'nonsense', 'UseMicrodescriptors'],)");
  client_check_event (client, "650-CONF_CHANGED\n650-Log=notice stdout\n650-Log=info file /x\n"
                              "650-UseMicrodescriptors\n650 OK");
  client_check (other, "SETCONF SafeLogging=0", "250 OK");
  client_check_event (client, "650-CONF_CHANGED\n650-SafeLogging=0\n650 OK");
  client_free (client);
  client_free (other);
}

static void
test_log (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "DEBUG INFO NOTICE WARN ERR STATUS_GENERAL");

  emit_text (self, "Log1", "Debug", "('net', 'one')");
  client_check_event (client, "650 DEBUG one");
  emit_text (self, "Log1", "Info", "('net', 'two\\nlines\\r\\n')");
  client_check_event (client, "650 INFO two lines");
  emit_text (self, "Log1", "Notice", "('net', '')");
  client_check_event (client, "650 NOTICE ");
  emit_text (self, "Log1", "Warn", "('bug', 'a \"bad\" one')");
  client_check_event (client, "650 WARN a \"bad\" one");
  client_check_event (client, "650 STATUS_GENERAL WARN BUG REASON=\"a \\\"bad\\\" one\"");
  emit_text (self, "Log1", "Err", "('net', 'end')");
  client_check_event (client, "650 ERR end");
  client_free (client);
}

/* The plugin's own clock: one event a second, and none when nobody wants it. */
static void
test_bandwidth (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "BW STREAM_BW");

  fake_words_set_property (&self->words, "Client1.BytesRead", g_variant_new_uint64 (5000));
  fake_words_set_property (&self->words, "Client1.BytesWritten", g_variant_new_uint64 (499));
  fake_words_set_result (&self->words, "Streams1.List",
                         g_variant_new_parsed ("([{'id': <uint64 8>, 'bytes-read': <uint64 130>, 'bytes-written': "
                                               "<uint64 20>}, {'id': <uint64 9>, 'bytes-written': <uint64 5>}],)"));
  client_check_event (client, "650 BW 4000 0");
  client_check_event (client, "650 STREAM_BW 8 0 30 2026-01-01T00:00:00.000000");
  client_check_event (client, "650 STREAM_BW 9 5 0 2026-01-01T00:00:00.000000");
  client_check (client, "GETINFO bw-event-cache", "250-bw-event-cache=4000,0\n250 OK");
  fake_words_set_result (&self->words, "Streams1.List", g_variant_new_parsed ("(@aa{sv} [],)"));
  emit_text (self, "Streams1", "Changed",
             "(uint64 9, 'closed', {'bytes-written': <uint64 6>, 'bytes-read': <uint64 1>})");
  client_check_event (client, "650 STREAM_BW 9 1 1 2026-01-01T00:00:00.000000");
  client_check_event (client, "650 BW 0 0");
  client_check (client, "SETEVENTS", "250 OK");
  client_check (client, "GETINFO bw-event-cache", "250-bw-event-cache=\n250 OK");
  client_free (client);
}

/* Arguments that the vocabulary does not promise. */
static void
test_other_vocabulary (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client = client_new_for (self, "CIRC STATUS_CLIENT NOTICE");

  emit_text (self, "Circuits1", "Changed", "(uint32 7, 'built')");
  emit_text (self, "Client1", "Bootstrapped", "('soon',)");
  emit_text (self, "Log1", "Notice", "('net', 'still here')");
  client_check_event (client, "650 NOTICE still here");
  client_free (client);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/control-tor/" name, Fixture, NULL, set_up_world, func, fixture_tear_down)
  ADD ("setevents", test_setevents);
  ADD ("all-names", test_all_names);
  ADD ("circuits", test_circuits);
  ADD ("minor", test_minor);
  ADD ("cannibalized", test_cannibalized);
  ADD ("clock-jump", test_clock_jump);
  ADD ("build-timeout", test_build_timeout);
  ADD ("streams", test_streams);
  ADD ("channels", test_channels);
  ADD ("guards", test_guards);
  ADD ("liveness", test_liveness);
  ADD ("clock-skew", test_clock_skew);
  ADD ("status", test_status);
  ADD ("consensus", test_consensus);
  ADD ("described", test_described);
  ADD ("options", test_options);
  ADD ("log", test_log);
  ADD ("bandwidth", test_bandwidth);
  ADD ("other-vocabulary", test_other_vocabulary);
  return g_test_run ();
}
