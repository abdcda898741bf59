/* SPDX-License-Identifier: BSD-3-Clause */
/* The words about relays, channels, circuits and streams, on a network that one fake server plays. */
#include <arpa/inet.h>
#include <cepa/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encoding.h"
#include "host/vocabulary.h"
#include "support/fake-network.h"
#include "support/test-consensus.h"

typedef struct
{
  FakeNetwork network;
  CepaHostVocabulary *vocabulary;
  CepaProxy *proxy;
  guint n_replies;
  GVariant *result; /* (nullable): of the last reply */
  GError *error;    /* (nullable): the same */
  GPtrArray *told;  /* (element-type GVariant): arguments of the signals that came */
} Words;

static void
words_event (CepaEventSink *sink, const CepaEvent *event, gpointer object, const GError *reason)
{
  Words *self = (Words *) (void *) ((char *) sink - G_STRUCT_OFFSET (Words, network.events.sink));

  cepa_host_vocabulary_event (self->vocabulary, event, object, reason);
}

static void
words_set_up (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaVocabularyClient client = { .version = "1" };
  CepaProxyConfig proxy_config = CEPA_PROXY_CONFIG_INIT;
  g_autoptr (GError) error = NULL;

  proxy_config.reject_internal = FALSE;
  fake_network_init (&self->network);
  self->told = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->vocabulary = cepa_host_vocabulary_new (NULL);
  self->network.events.sink.wanted = CEPA_EVENT_CHANNEL | CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM;
  self->network.events.sink.event = words_event;
  self->proxy = cepa_proxy_new (self->network.context, fake_server_clock (), self->network.circuits,
                                &proxy_config, &self->network.events.sink);
  g_assert_true (cepa_proxy_listen (self->proxy, "SocksPort", "127.0.0.1", 0, FALSE, &error));
  client.bootstrap = &self->network.bootstrap;
  client.directory = self->network.directory;
  client.circuits = self->network.circuits;
  client.channels = self->network.pool;
  client.proxy = self->proxy;
  cepa_host_vocabulary_set_client (self->vocabulary, &client);
}

static void
words_tear_down (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_proxy_free (self->proxy);
  cepa_host_vocabulary_set_client (self->vocabulary, NULL);
  fake_network_clear (&self->network);
  cepa_host_vocabulary_free (self->vocabulary);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_ptr_array_unref (self->told);
}

static void
words_reply (gpointer user_data, GVariant *result, const GError *error)
{
  Words *self = user_data;

  self->n_replies++;
  self->result = result != NULL ? g_variant_ref (result) : NULL;
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

/* Waits for the answer, which is @self's until the next call. */
static void
words_call (Words *self, const char *interface_name, const char *method, GVariant *args)
{
  guint n = self->n_replies;

  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  cepa_host_vocabulary_call (self->vocabulary, self, interface_name, method, args, words_reply, self);
  while (self->n_replies == n)
    fake_network_turn (&self->network);
}

static void
words_signal (gpointer user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
              GVariant *args)
{
  Words *self = user_data;

  g_ptr_array_add (self->told, g_variant_ref (args));
}

static void
words_watch (Words *self, const char *interface_name)
{
  g_assert_cmpuint (cepa_host_vocabulary_subscribe (self->vocabulary, self, interface_name, NULL, words_signal, self), !=,
                    0);
}

/* Whether a Changed with @event has come; (transfer none): the row of the last one. */
static GVariant *
words_find_event (Words *self, const char *event)
{
  for (guint i = self->told->len; i > 0; i--)
    {
      GVariant *args = g_ptr_array_index (self->told, i - 1);
      const char *got;

      g_variant_get (args, "(t&sa{sv})", NULL, &got, NULL);
      if (g_str_equal (got, event))
        return args;
    }
  return NULL;
}

static GVariant *
words_wait_event (Words *self, const char *event)
{
  GVariant *args;

  while ((args = words_find_event (self, event)) == NULL)
    fake_network_turn (&self->network);
  return args;
}

/* The first row of the last result, a tuple of a list. (transfer full) */
static GVariant *
words_first_row (Words *self)
{
  g_autoptr (GVariant) list = NULL;

  g_assert_no_error (self->error);
  list = g_variant_get_child_value (self->result, 0);
  g_assert_cmpuint (g_variant_n_children (list), >, 0);
  return g_variant_get_child_value (list, 0);
}

static void
assert_value (GVariant *row, const char *key, const char *expected)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (row, key, NULL);
  g_autofree char *text = NULL;

  g_assert_nonnull (value);
  text = g_variant_print (value, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

/* Exactly these keys, with these types: "id t|state s|". */
static void
assert_keys (GVariant *row, const char *expected)
{
  g_auto (GStrv) keys = g_strsplit (expected, "|", -1);

  g_assert_cmpuint (g_variant_n_children (row), ==, g_strv_length (keys));
  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (keys[i], " ", 2);
      g_autoptr (GVariant) value = g_variant_lookup_value (row, words[0], NULL);

      g_test_message ("%s", keys[i]);
      g_assert_nonnull (value);
      g_assert_cmpstr (g_variant_get_type_string (value), ==, words[1]);
    }
}

static void
assert_property (Words *self, const char *interface_name, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = cepa_host_vocabulary_get (self->vocabulary, interface_name, name, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

static void
wait_ready (Words *self)
{
  cepa_circuits_network_changed (self->network.circuits);
  while (self->network.bootstrap.percent < CEPA_BOOTSTRAP_DONE)
    fake_network_turn (&self->network);
}

/* ---- relays ---- */

#define RELAY_KEYS \
  "nickname s|fingerprint s|ed25519 ay|published x|address s|or-port q|ipv6 s|flags as|bandwidth u|digest ay|" \
  "has-microdescriptor b|country s|as-number u"

static void
test_relays (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) row = NULL, list = NULL;
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint32 exit = FAKE_ROW_EXIT_A;

  words_call (self, "Network1", "List", NULL);
  row = words_first_row (self);
  list = g_variant_get_child_value (self->result, 0);
  g_assert_cmpuint (g_variant_n_children (list), ==, FAKE_N_ROWS);
  assert_keys (row, RELAY_KEYS);
  assert_value (row, "published", "2145916800");
  assert_value (row, "flags", "['Fast', 'Running', 'Stable', 'Valid']");
  assert_value (row, "has-microdescriptor", "true");
  assert_value (row, "bandwidth", "100");
  assert_value (row, "ipv6", "''");
  assert_property (self, "Network1", "NRelays", "4");
  assert_property (self, "Network1", "ValidAfter", "1780315200");
  assert_property (self, "Network1", "FreshUntil", "1780318800");
  assert_property (self, "Network1", "ValidUntil", "1780326000");
  assert_property (self, "Client1", "HasDirectory", "true");
  words_watch (self, "Network1");
  cepa_host_vocabulary_network_changed (self->vocabulary);
  g_assert_cmpuint (self->told->len, ==, 1);
  g_array_append_val (rows, exit);
  cepa_host_vocabulary_relays_described (self->vocabulary, cepa_directory_get_network (self->network.directory), rows);
  g_assert_cmpuint (self->told->len, ==, 2);
}

static void
assert_finds (Words *self, const char *format, guint row, gboolean finds)
{
  const CepaRelay *relay = cepa_network_get_relay (cepa_directory_get_network (self->network.directory), row);
  g_autofree char *fingerprint = cepa_hex_encode (relay->rsa_id, sizeof relay->rsa_id);
  g_autofree char *lower = g_ascii_strdown (fingerprint, -1), *printed = NULL;
  g_autoptr (GString) name = g_string_new (format);

  g_string_replace (name, "FP", fingerprint, 0);
  g_string_replace (name, "fp", lower, 0);
  g_string_replace (name, "NICK", relay->nickname, 0);
  g_test_message ("%s", name->str);
  words_call (self, "Network1", "Find", g_variant_new ("(s)", name->str));
  if (finds)
    {
      g_autoptr (GVariant) found = NULL;

      g_assert_no_error (self->error);
      found = g_variant_get_child_value (self->result, 0);
      assert_keys (found, RELAY_KEYS);
      printed = g_strdup_printf ("'%s'", fingerprint);
      assert_value (found, "fingerprint", printed);
    }
  else
    {
      g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
      g_test_message ("%s", self->error->message);
    }
}

static void
test_find (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const good[] = { "FP", "$FP", "fp", "$fp", "$FP~NICK", "$FP=NICK", "FP~NICK", "NICK" };
  static const char *const bad[] = { "",         "$",          "$NICK", "FP0", "$FP~other", "$FP~", "$FPx",
                                     "notarelay", "$0123456789012345678901234567890123456789", "$FP$FP" };

  for (guint row = 0; row < FAKE_N_ROWS; row++)
    for (guint i = 0; i < G_N_ELEMENTS (good); i++)
      assert_finds (self, good[i], row, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_finds (self, bad[i], FAKE_ROW_GUARD, FALSE);
}

static void
test_microdescriptor (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaNetwork *network = cepa_directory_get_network (self->network.directory);

  for (guint row = 0; row < FAKE_N_ROWS; row++)
    {
      g_autofree char *ntor = cepa_base64_encode_unpadded (cepa_network_get_ntor_key (network, row), 32);
      const char *text;

      words_call (self, "Network1", "Microdescriptor",
                  g_variant_new ("(s)", cepa_network_get_relay (network, row)->nickname));
      g_assert_no_error (self->error);
      g_variant_get (self->result, "(&s)", &text);
      g_assert_true (g_str_has_prefix (text, "onion-key\nntor-onion-key "));
      g_assert_nonnull (strstr (text, ntor));
      g_assert_null (strstr (text + 1, "onion-key\nntor"));
      g_assert_cmpint (strstr (text, "p accept 80") != NULL, ==, row == FAKE_ROW_EXIT_A || row == FAKE_ROW_EXIT_B);
    }
  words_call (self, "Network1", "Microdescriptor", g_variant_new ("(s)", "notarelay"));
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  assert_property (self, "Network1", "Descriptors", "['microdescriptors']");
  words_call (self, "Network1", "ServerDescriptor", g_variant_new ("(s)", cepa_network_get_relay (network, 0)->nickname));
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED);
  words_call (self, "Network1", "Parameter", g_variant_new ("(si)", "no-such-parameter", -7));
  g_assert_no_error (self->error);
  assert_property (self, "Client1", "IsReady", "false");
}

/* ---- circuits and channels ---- */

#define CIRCUIT_KEYS "id t|state s|purpose s|use s|stable b|path a(ss)|built u|streams u|created x|channel t"

static void
test_circuits (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) row = NULL, closed = NULL, path = NULL;
  guint64 id;

  words_watch (self, "Circuits1");
  words_watch (self, "Client1");
  wait_ready (self);
  assert_property (self, "Client1", "IsReady", "true");
  g_ptr_array_set_size (self->told, 0);
  words_call (self, "Circuits1", "List", NULL);
  row = words_first_row (self);
  assert_keys (row, CIRCUIT_KEYS);
  assert_value (row, "purpose", "'general'");
  path = g_variant_lookup_value (row, "path", NULL);
  g_assert_cmpuint (g_variant_n_children (path), ==, 3);
  g_assert_true (g_variant_lookup (row, "id", "t", &id));
  g_assert_cmpuint (id, >, 0);

  words_call (self, "Circuits1", "Close", g_variant_new ("(tb)", (guint64) 9999, FALSE));
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  words_call (self, "Circuits1", "Close", g_variant_new ("(tb)", id, TRUE));
  g_assert_no_error (self->error);
  g_assert_nonnull (words_find_event (self, "closed") != NULL ? words_find_event (self, "closed")
                                                              : words_find_event (self, "failed"));
  closed = g_variant_get_child_value (g_ptr_array_index (self->told, 0), 2);
  assert_keys (closed, CIRCUIT_KEYS "|reason s|remote-reason u");
  assert_value (closed, "state", "'closed'");
}

static void
test_circuit_events (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const events[] = { "launched", "extended", "built" };

  words_watch (self, "Circuits1");
  wait_ready (self);
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (words_wait_event (self, events[i]), 2);

      assert_keys (row, CIRCUIT_KEYS);
      if (g_str_equal (events[i], "built"))
        {
          assert_value (row, "state", "'open'");
          assert_value (row, "built", "3");
        }
    }
}

/* @wish: as text */
static void
words_build (Words *self, const char *wish)
{
  g_autoptr (GVariant) parsed = g_variant_parse (G_VARIANT_TYPE_VARDICT, wish, NULL, NULL, NULL);

  words_call (self, "Circuits1", "Build", g_variant_new ("(@a{sv})", parsed));
}

/* One circuit more, as it is wished for. */
static void
test_build (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const refused[] = {
    "{'country': <'d1'>}", "{'purpose': <'rendezvous'>}", "{'exit': <'ab'>}", "{'port': <80>}", "{'colour': <'red'>}",
  };
  g_autofree char *wish = NULL;
  g_autoptr (GVariant) row = NULL, path = NULL;
  CepaCircuitHop exit_b;
  char hex[41];
  guint64 id;

  wait_ready (self);
  words_watch (self, "Circuits1");
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      words_build (self, refused[i]);
      g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
    }
  words_call (self, "Circuits1", "Build", g_variant_new_parsed ("({'purpose': <'hs-service-rend'>},)"));
  g_assert_nonnull (strstr (self->error->message, "HS_SERVICE_REND have a target, and none is given"));
  words_call (self, "Circuits1", "Build", g_variant_new_parsed ("({'country': <'de'>},)"));
  g_assert_nonnull (self->error); /* there is no knowledge of countries */
  fake_relay_get_hop (FAKE_ROW_EXIT_B + 1, &exit_b);
  cepa_hex_encode_to (exit_b.target.rsa_id, 20, hex);
  wish = g_strdup_printf ("{'exit': <'%s'>, 'port': <uint16 80>, 'apart': <true>}", hex);
  words_build (self, wish);
  g_assert_no_error (self->error);
  g_variant_get (self->result, "(t)", &id);
  row = g_variant_get_child_value (words_wait_event (self, "use"), 2);
  assert_keys (row, CIRCUIT_KEYS "|former-use s");
  assert_value (row, "use", "'apart'");
  assert_value (row, "former-use", "'streams'");
  path = g_variant_lookup_value (row, "path", NULL);
  g_assert_cmpuint (g_variant_n_children (path), ==, 4);
  words_call (self, "Circuits1", "Close", g_variant_new ("(tb)", id, FALSE));
  g_assert_no_error (self->error);
}

static void
test_build_timeout (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) figures = NULL;
  const char *cause;

  figures = cepa_host_vocabulary_get (self->vocabulary, "Circuits1", "BuildTimeout", NULL);
  assert_keys (figures, "times u|timeout-ms u|close-ms u|xm-ms u|alpha d|quantile d|timeout-rate d|close-rate d");
  assert_value (figures, "timeout-ms", "10000");
  words_watch (self, "Circuits1");
  words_call (self, "Circuits1", "DropBuildTimes", NULL);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->told->len, ==, 1);
  g_variant_get_child (g_ptr_array_index (self->told, 0), 0, "&s", &cause);
  g_assert_cmpstr (cause, ==, "reset");
}

static void
test_new_identity (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  wait_ready (self);
  words_watch (self, "Client1");
  words_call (self, "Client1", "NewIdentity", NULL);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->told->len, ==, 1);
  words_call (self, "Client1", "Reload", NULL);
  g_assert_no_error (self->error);
}

static void
test_channels (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) row = NULL, opened = NULL, read = NULL;

  words_watch (self, "Channels1");
  wait_ready (self);
  words_call (self, "Channels1", "List", NULL);
  row = words_first_row (self);
  assert_keys (row, "id t|state s|fingerprint s|nickname s|address s|circuits u");
  assert_value (row, "state", "'open'");
  g_assert_nonnull (words_find_event (self, "launched"));
  opened = g_variant_get_child_value (words_find_event (self, "opened"), 2);
  assert_value (opened, "state", "'open'");
  read = cepa_host_vocabulary_get (self->vocabulary, "Client1", "BytesRead", NULL);
  g_assert_cmpuint (g_variant_get_uint64 (read), >, 514);
  g_clear_pointer (&read, g_variant_unref);
  read = cepa_host_vocabulary_get (self->vocabulary, "Client1", "BytesWritten", NULL);
  g_assert_cmpuint (g_variant_get_uint64 (read), >, 514);
}

/* ---- streams ---- */

#define STREAM_KEYS "id t|state s|circuit t|target s|source s|created x|bytes-read t|bytes-written t"

/* A connection that has asked for @host. */
static int
words_connect (Words *self, const char *host, guint16 port)
{
  const char *text = strrchr (cepa_proxy_get_address (self->proxy, 0), ':');
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((guint16) atoi (text + 1)),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  g_autoptr (GByteArray) request = g_byte_array_new ();
  const guint8 ends[] = { (guint8) (port >> 8), (guint8) port };
  const guint8 len = (guint8) strlen (host);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_byte_array_append (request, (const guint8 *) "\5\1\0" "\5\1\0\3", 7);
  g_byte_array_append (request, &len, 1);
  g_byte_array_append (request, (const guint8 *) host, len);
  g_byte_array_append (request, ends, 2);
  g_assert_cmpint (write (fd, request->data, request->len), ==, request->len);
  return fd;
}

static void
test_streams (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *expected = g_strdup_printf ("[('socks', '%s')]", cepa_proxy_get_address (self->proxy, 0));
  g_autoptr (GVariant) row = NULL, failed = NULL;
  guint64 id;
  int fd;

  assert_property (self, "Client1", "Listeners", expected);
  wait_ready (self);
  words_watch (self, "Streams1");
  words_call (self, "Streams1", "List", NULL);
  g_assert_no_error (self->error);
  fd = words_connect (self, "silent.example", 80);
  row = g_variant_get_child_value (words_wait_event (self, "new"), 2);
  assert_keys (row, STREAM_KEYS);
  assert_value (row, "target", "'silent.example:80'");
  g_clear_pointer (&row, g_variant_unref);
  words_wait_event (self, "attached");
  words_call (self, "Streams1", "List", NULL);
  row = words_first_row (self);
  assert_keys (row, STREAM_KEYS);
  assert_value (row, "state", "'attached'");
  g_assert_true (g_variant_lookup (row, "id", "t", &id));

  words_call (self, "Streams1", "Close", g_variant_new ("(tu)", id + 1000, 1));
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
  words_call (self, "Streams1", "Close", g_variant_new ("(tu)", id, 6));
  g_assert_no_error (self->error);
  failed = g_variant_get_child_value (words_wait_event (self, "failed"), 2);
  assert_keys (failed, STREAM_KEYS "|reason u");
  assert_value (failed, "state", "'closed'");
  close (fd);
}

static void
words_guard_event (gpointer user_data, CepaGuardEvent event, const CepaGuardInfo *guard)
{
  cepa_host_vocabulary_guard_event (((Words *) user_data)->vocabulary, event, guard);
}

#define GUARD_KEYS \
  "bridge-address s|confirmed i|confirmed-on x|fingerprint s|is-allowed b|is-current b|is-listed b|nickname s|path-bias " \
  "a{sd}|primary i|reachable s|sampled-on x|selection s|since x|state s|unlisted-since x"

static void
test_guards (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  static const CepaGuardsFuncs funcs = { NULL, words_guard_event, NULL };
  CepaVocabularyClient client = { .version = "1", .circuits = self->network.circuits };
  CepaNetwork *network = cepa_directory_get_network (self->network.directory);
  const CepaRelay *relay = cepa_network_get_relay (network, FAKE_ROW_GUARD);
  g_autoptr (GVariant) row = NULL, told = NULL;
  g_autofree char *fingerprint = NULL;
  g_autoptr (CepaGuards) guards = NULL;
  CepaRandomSeeded random;
  CepaGuardsConfig config;
  CepaGuardTicket *ticket;

  ((CepaRelay *) relay)->flags |= CEPA_RELAY_V2DIR; /* as guards must have */
  words_call (self, "Guards1", "List", NULL); /* there are none yet */
  g_assert_no_error (self->error);
  words_call (self, "Guards1", "Drop", NULL);
  g_assert_error (self->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED);
  cepa_guards_config_init (&config);
  cepa_random_seeded_init (&random, 1);
  guards = cepa_guards_new (fake_server_clock (), &random.random, &config);
  cepa_guards_set_funcs (guards, &funcs, self);
  client.guards = guards;
  cepa_host_vocabulary_set_client (self->vocabulary, &client);
  words_watch (self, "Guards1");
  cepa_guards_set_network (guards, network, NULL);
  assert_property (self, "Guards1", "Selection", "'default'");
  g_assert_cmpuint (self->told->len, ==, 1);
  told = g_variant_get_child_value (g_ptr_array_index (self->told, 0), 0);
  g_assert_cmpstr (g_variant_get_string (told, NULL), ==, "new");

  words_call (self, "Guards1", "List", NULL);
  row = words_first_row (self);
  assert_keys (row, GUARD_KEYS);
  fingerprint = cepa_hex_encode (relay->rsa_id, sizeof relay->rsa_id);
  {
    g_autofree char *quoted = g_strdup_printf ("'%s'", fingerprint);

    assert_value (row, "fingerprint", quoted);
  }
  assert_value (row, "state", "'never-connected'");
  assert_value (row, "primary", "0");
  assert_value (row, "confirmed", "-1");
  assert_value (row, "confirmed-on", "0");
  g_clear_pointer (&row, g_variant_unref);

  ticket = cepa_guards_attempt (guards, relay->rsa_id, CEPA_GUARD_DATA, NULL, NULL, NULL);
  g_assert_nonnull (ticket);
  g_assert_cmpint (cepa_guard_ticket_succeeded (ticket), ==, CEPA_GUARD_USE);
  cepa_guard_ticket_free (ticket);
  words_call (self, "Guards1", "List", NULL);
  row = words_first_row (self);
  assert_value (row, "state", "'up'");
  assert_value (row, "reachable", "'up'");
  assert_value (row, "confirmed", "0");
  words_call (self, "Guards1", "Drop", NULL);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->told->len, ==, 4); /* new, up, dropped, new */
  cepa_host_vocabulary_set_client (self->vocabulary, NULL);
}

/* The second relays of circuits for onion services come with the first of these, and go with a new identity. */
static void
test_vanguards (Words *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n;

  words_watch (self, "Guards1");
  words_call (self, "Circuits1", "Build", g_variant_new_parsed ("({'purpose': <'hs-client-rend'>},)"));
  n = self->told->len;
  g_assert_cmpuint (n, ==, FAKE_N_ROWS);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) event = g_variant_get_child_value (g_ptr_array_index (self->told, i), 0);
      g_autoptr (GVariant) row = g_variant_get_child_value (g_ptr_array_index (self->told, i), 1);

      g_assert_cmpstr (g_variant_get_string (event, NULL), ==, "good-l2");
      assert_keys (row, "fingerprint s|nickname s");
    }
  words_call (self, "Client1", "NewIdentity", NULL);
  g_assert_no_error (self->error);
  g_assert_cmpuint (self->told->len, ==, 2 * n);
  for (guint i = n; i < 2 * n; i++)
    {
      g_autoptr (GVariant) event = g_variant_get_child_value (g_ptr_array_index (self->told, i), 0);

      g_assert_cmpstr (g_variant_get_string (event, NULL), ==, "bad-l2");
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (Words *self, gconstpointer data);
  } tests[] = {
    { "/words/relays", test_relays },
    { "/words/find", test_find },
    { "/words/microdescriptor", test_microdescriptor },
    { "/words/circuits", test_circuits },
    { "/words/circuit-events", test_circuit_events },
    { "/words/build", test_build },
    { "/words/build-timeout", test_build_timeout },
    { "/words/new-identity", test_new_identity },
    { "/words/channels", test_channels },
    { "/words/guards", test_guards },
    { "/words/vanguards", test_vanguards },
    { "/words/streams", test_streams },
  };

  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Words, NULL, words_set_up, tests[i].test, words_tear_down);
  return g_test_run ();
}
