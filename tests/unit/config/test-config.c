/* SPDX-License-Identifier: BSD-3-Clause */
/* From torrc texts and arguments to a configuration, and what is said about wrong ones. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "config/command-line.h"

#define AUTHORITY \
  "DirAuthority a1 orport=5001 v3ident=0123456789ABCDEF0123456789ABCDEF01234567 127.1.0.1:7001 " \
  "89ABCDEF0123456789ABCDEF0123456789ABCDEF\n"

typedef struct
{
  char *old_dir, *dir;
} ConfigFixture;

static void
config_set_up (ConfigFixture *fixture, gconstpointer data)
{
  (void) data;
  fixture->old_dir = g_get_current_dir ();
  fixture->dir = g_dir_make_tmp ("cepa-config-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
  g_assert_cmpint (g_chdir (fixture->dir), ==, 0);
}

static void
config_tear_down (ConfigFixture *fixture, gconstpointer data)
{
  (void) data;
  g_remove ("torrc");
  g_remove ("defaults");
  g_assert_cmpint (g_chdir (fixture->old_dir), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->dir);
  g_free (fixture->old_dir);
}

/* @argv: (nullable): what stands behind "cepad -f torrc". */
static CepaCommandLine *
config_load (const char *torrc, const char *const *argv, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  g_assert_true (g_file_set_contents ("torrc", torrc, -1, NULL));
  g_ptr_array_add (words, (gpointer) "cepad");
  g_ptr_array_add (words, (gpointer) "-f");
  g_ptr_array_add (words, (gpointer) "torrc");
  for (guint i = 0; argv != NULL && argv[i] != NULL; i++)
    g_ptr_array_add (words, (gpointer) argv[i]);
  g_ptr_array_add (words, NULL);
  return cepa_command_line_load ((char *const *) words->pdata, NULL, error);
}

static CepaCommandLine *
config_load_good (const char *torrc, const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  CepaCommandLine *loaded = config_load (torrc, argv, &error);

  g_assert_no_error (error);
  g_assert_nonnull (loaded);
  return loaded;
}

static void
config_assert_listener (const GPtrArray *listeners, guint i, const char *address, guint port,
                        gboolean is_auto)
{
  const CepaListenConfig *listener;

  g_assert_cmpuint (i, <, listeners->len);
  listener = listeners->pdata[i];
  g_assert_cmpstr (listener->address, ==, address);
  g_assert_cmpuint (listener->port, ==, port);
  g_assert_true (listener->is_auto == is_auto);
}

static void
test_config_defaults (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded = config_load_good ("", NULL);
  const CepaConfig *config = loaded->config;
  g_autofree char *data_directory = g_build_filename (g_get_user_state_dir (), "cepa", NULL);

  (void) fixture, (void) data;
  g_assert_cmpint (loaded->action, ==, CEPA_RUN);
  g_assert_cmpint (loaded->console, ==, CEPA_CONSOLE_NOTICE);
  g_assert_cmpuint (loaded->warnings->len, ==, 0);
  g_assert_cmpstr (config->data_directory, ==, data_directory);
  g_assert_cmpuint (config->socks_ports->len, ==, 1);
  config_assert_listener (config->socks_ports, 0, "127.0.0.1", 9250, FALSE);
  g_assert_cmpstr (((CepaListenConfig *) config->socks_ports->pdata[0])->option, ==, "SocksPort");
  g_assert_cmpuint (config->control_ports->len, ==, 0);
  g_assert_false (config->client_only);
  g_assert_false (config->testing_tor_network);
  g_assert_true (config->safe_logging);
  g_assert_true (config->enforce_distinct_subnets);
  g_assert_cmpuint (config->use.long_lived_ports->len, ==, 12);
  g_assert_true (config->reject_internal_addresses);
  g_assert_true (config->is_public_network);
  g_assert_cmpuint (config->authorities->len, ==, 10);
  g_assert_cmpuint (config->fallbacks->len, ==, 200);
  g_assert_cmpuint (g_strv_length (config->logs), ==, 0);
  g_assert_cmpstr (config->path_policy, ==, "weighted");
  g_assert_cmpuint (g_strv_length (config->plugin_directories), ==, 0);
  g_assert_null (config->pid_file);
}

/* Nine of the built-in authorities sign consensuses; their relays' ids are all different. */
static void
test_config_built_in (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded = config_load_good ("", NULL);
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                                      (GDestroyNotify) g_bytes_unref, NULL);
  guint n_v3 = 0;

  (void) fixture, (void) data;
  for (guint i = 0; i < loaded->config->authorities->len; i++)
    {
      const CepaDirectorySource *source = loaded->config->authorities->pdata[i];

      n_v3 += source->is_v3 ? 1 : 0;
      g_assert_true (source->is_authority);
      g_assert_nonnull (source->nickname);
      g_assert_true (g_hash_table_add (ids, g_bytes_new (source->rsa_id, sizeof source->rsa_id)));
    }
  g_assert_cmpuint (n_v3, ==, 9);
  for (guint i = 0; i < loaded->config->fallbacks->len; i++)
    {
      const CepaDirectorySource *source = loaded->config->fallbacks->pdata[i];

      g_assert_false (source->is_authority);
      g_assert_cmpuint (source->or_port, !=, 0);
      g_assert_cmpuint (source->ipv4, !=, 0);
      g_assert_true (g_hash_table_add (ids, g_bytes_new (source->rsa_id, sizeof source->rsa_id)));
    }
}

static void
test_config_values (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded =
    config_load_good ("datadirectory ~/tor # names in any case\nPidFile run/pid\nCLIENTONLY 1\n"
                      "SafeLogging relay\nEnforceDistinctSubnets 0\nClientRejectInternalAddresses 0\n"
                      "LongLivedPorts 22, 65535 ,,6667\n"
                      "CookieAuthentication 1\nPathPolicy path.my-own_1\nPluginDirectory /a/b\n"
                      "PluginDirectory ../c\nLog notice stdout\nLog [circ]debug file ~/log\n"
                      "UseDefaultFallbackDirs 0\nControlPort 0\nORPort 0\nRunAsDaemon 0\n"
                      "DisableNetwork 0\n", NULL);
  const CepaConfig *config = loaded->config;
  g_autofree char *data_directory = g_build_filename (g_get_home_dir (), "tor", NULL);
  g_autofree char *pid_file = g_canonicalize_filename ("run/pid", NULL);
  g_autofree char *plugins = g_canonicalize_filename ("../c", NULL);
  const CepaPluginOptionConfig *cookie;

  (void) fixture, (void) data;
  g_assert_cmpstr (config->data_directory, ==, data_directory);
  g_assert_cmpstr (config->pid_file, ==, pid_file);
  g_assert_true (config->client_only);
  g_assert_false (config->safe_logging);
  g_assert_false (config->enforce_distinct_subnets);
  g_assert_cmpuint (config->use.long_lived_ports->len, ==, 3);
  g_assert_cmpuint (g_array_index (config->use.long_lived_ports, guint16, 0), ==, 22);
  g_assert_cmpuint (g_array_index (config->use.long_lived_ports, guint16, 1), ==, 65535);
  g_assert_cmpuint (g_array_index (config->use.long_lived_ports, guint16, 2), ==, 6667);
  g_assert_false (config->reject_internal_addresses);
  g_assert_cmpuint (config->plugin_options->len, ==, 1);
  cookie = g_ptr_array_index (config->plugin_options, 0);
  g_assert_cmpstr (cookie->option, ==, "CookieAuthentication");
  g_assert_cmpstr (cookie->id, ==, "control.tor");
  g_assert_cmpstr (cookie->name, ==, "cookie-authentication");
  g_assert_cmpstr (cookie->value, ==, "1");
  g_assert_cmpstr (config->path_policy, ==, "path.my-own_1");
  g_assert_cmpuint (g_strv_length (config->plugin_directories), ==, 2);
  g_assert_cmpstr (config->plugin_directories[0], ==, "/a/b");
  g_assert_cmpstr (config->plugin_directories[1], ==, plugins);
  g_assert_cmpuint (g_strv_length (config->logs), ==, 2);
  g_assert_cmpstr (config->logs[0], ==, "notice stdout");
  g_assert_cmpstr (config->logs[1], ==, "[circ]debug file ~/log");
  g_assert_cmpuint (config->authorities->len, ==, 10);
  g_assert_cmpuint (config->fallbacks->len, ==, 0);
  g_assert_cmpuint (loaded->warnings->len, ==, 0);
}

static void
test_config_ports (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded =
    config_load_good ("SocksPort 9999\nSocksPort auto\nSocksPort 127.0.0.2:auto\nSocksPort [::1]:1\n"
                      "SocksPort localhost:65535 IsolateSOCKSAuth isolateClientAddr ipv4traffic "
                      "NoIsolateDestPorts NoPreferIPv6 NoKeepAliveIsolateSOCKSAuth\n"
                      "SocksPort 9998 KeepAliveIsolateSOCKSAuth IsolateSOCKSAuth\n", NULL);
  const GPtrArray *ports = loaded->config->socks_ports;
  g_autoptr (CepaCommandLine) none = config_load_good ("SocksPort 0\n", NULL);

  (void) fixture, (void) data;
  g_assert_cmpuint (ports->len, ==, 6);
  for (guint i = 0; i < ports->len; i++)
    g_assert_cmpint (((const CepaListenConfig *) g_ptr_array_index (ports, i))->keeps_alive, ==, i == 5);
  config_assert_listener (ports, 0, "127.0.0.1", 9999, FALSE);
  config_assert_listener (ports, 1, "127.0.0.1", 0, TRUE);
  config_assert_listener (ports, 2, "127.0.0.2", 0, TRUE);
  config_assert_listener (ports, 3, "::1", 1, FALSE);
  config_assert_listener (ports, 4, "127.0.0.1", 65535, FALSE);
  config_assert_listener (ports, 5, "127.0.0.1", 9998, FALSE);
  g_assert_cmpuint (loaded->warnings->len, ==, 0);
  g_assert_cmpuint (none->config->socks_ports->len, ==, 0);
}

static void
test_config_private_network (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) plain = config_load_good (AUTHORITY, NULL);
  g_autoptr (CepaCommandLine) testing =
    config_load_good ("TestingTorNetwork 1\n" AUTHORITY "DirServer bridges orport=5002 bridge 127.2.0.1:7001 "
                      "99ABCDEF0123456789ABCDEF0123456789ABCDEF\n"
                      "FallbackDir 127.3.0.1:80 orport=5003 id=A9ABCDEF0123456789ABCDEF0123456789ABCDEF\n",
                      NULL);
  g_autoptr (CepaCommandLine) explicit =
    config_load_good ("TestingTorNetwork 1\nClientRejectInternalAddresses 1\n" AUTHORITY, NULL);
  const CepaDirectorySource *authority = testing->config->authorities->pdata[0];

  (void) fixture, (void) data;
  g_assert_false (plain->config->is_public_network);
  g_assert_cmpuint (plain->config->authorities->len, ==, 1);
  g_assert_cmpuint (plain->config->fallbacks->len, ==, 0);
  g_assert_true (plain->config->reject_internal_addresses);

  g_assert_true (testing->config->testing_tor_network);
  g_assert_false (testing->config->reject_internal_addresses);
  g_assert_true (testing->config->enforce_distinct_subnets);
  g_assert_cmpuint (testing->config->authorities->len, ==, 2);
  g_assert_cmpuint (testing->config->fallbacks->len, ==, 1);
  g_assert_cmpstr (authority->nickname, ==, "a1");
  g_assert_cmpuint (authority->or_port, ==, 5001);
  g_assert_cmpuint (authority->ipv4, ==, 0x7f010001);
  g_assert_true (explicit->config->reject_internal_addresses);
}

/* A fallback of one's own replaces the built-in ones in the public network too. */
static void
test_config_own_fallback (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded =
    config_load_good ("FallbackDir 127.3.0.1:80 orport=5003 id=A9ABCDEF0123456789ABCDEF0123456789ABCDEF\n",
                      NULL);

  (void) fixture, (void) data;
  g_assert_true (loaded->config->is_public_network);
  g_assert_cmpuint (loaded->config->authorities->len, ==, 10);
  g_assert_cmpuint (loaded->config->fallbacks->len, ==, 1);
}

/* Lower to higher: the defaults' file, torrc, the command line. */
static void
test_config_layers (ConfigFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *defaults, *torrc;
    const char *argv[6];
    const char *logs; /* joined by | */
  } cases[] = {
    { "Log debug stdout", "", { NULL }, "debug stdout" },
    { "Log debug stdout", "Log info stdout\nLog warn stderr", { NULL }, "info stdout|warn stderr" },
    { "Log debug stdout", "+Log info stdout", { NULL }, "debug stdout|info stdout" },
    { "Log debug stdout", "+Log info stdout\nLog warn stderr", { NULL }, "debug stdout|info stdout|warn "
                                                                         "stderr" },
    { "Log debug stdout", "Log info stdout", { "--Log", "err stderr", NULL }, "err stderr" },
    { "Log debug stdout", "Log info stdout", { "+log", "err stderr", NULL }, "info stdout|err stderr" },
    { "Log debug stdout", "Log info stdout", { "-l", "err", "-l", "warn", NULL }, "err|warn" },
    { "Log debug stdout", "/Log\nLog info stdout", { NULL }, "info stdout" },
    { "Log debug stdout", "/Log", { NULL }, "" },
    { "Log debug stdout", "Log info stdout", { "/Log", "--+Log", "warn", NULL }, "warn" },
    { "Log debug stdout", "Log info stdout\n/Log\nLog err", { NULL }, "err" },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) argv = g_ptr_array_new ();
      g_autoptr (CepaCommandLine) loaded = NULL;
      g_autofree char *logs = NULL;

      g_assert_true (g_file_set_contents ("defaults", cases[i].defaults, -1, NULL));
      g_ptr_array_add (argv, (gpointer) "--defaults-torrc");
      g_ptr_array_add (argv, (gpointer) "defaults");
      for (guint j = 0; cases[i].argv[j] != NULL; j++)
        g_ptr_array_add (argv, (gpointer) cases[i].argv[j]);
      g_ptr_array_add (argv, NULL);
      loaded = config_load_good (cases[i].torrc, (const char *const *) argv->pdata);
      logs = g_strjoinv ("|", loaded->config->logs);
      g_assert_cmpstr (logs, ==, cases[i].logs);
    }
}

static void
test_config_layers_of_one_value (ConfigFixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "SafeLogging", "1", "--defaults-torrc", "defaults", NULL };
  static const char *const cleared[] = { "/SafeLogging", NULL };
  g_autoptr (CepaCommandLine) plain = config_load_good ("SafeLogging 0\n+SafeLogging 0", NULL);
  g_autoptr (CepaCommandLine) over = NULL, clear = NULL;

  (void) fixture, (void) data;
  g_assert_true (g_file_set_contents ("defaults", "ClientOnly 1\nSafeLogging 1", -1, NULL));
  over = config_load_good ("SafeLogging 0", argv);
  clear = config_load_good ("SafeLogging 0", cleared);
  g_assert_false (plain->config->safe_logging);
  g_assert_cmpstr (plain->warnings->pdata[0], ==, "torrc:2: SafeLogging is given more than once; the last "
                                                  "one counts");
  g_assert_true (over->config->safe_logging);
  g_assert_true (over->config->client_only);
  g_assert_cmpuint (over->warnings->len, ==, 0);
  g_assert_true (clear->config->safe_logging);
}

static void
test_config_warnings (ConfigFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *torrc, *warning;
  } cases[] = {
    { "HidServAuth whatever", "torrc:1: HidServAuth is obsolete and is ignored" },
    { "strictexitnode 1", "torrc:1: StrictExitNodes is obsolete and is ignored" },
    { "SocksPort 0.0.0.0:9050", "torrc:1: SocksPort: 0.0.0.0 is not an address of this machine alone: "
                                "whoever can reach it can use your Tor client" },
    { "SocksPort [::]:auto", "torrc:1: SocksPort: :: is not an address of this machine alone: whoever can "
                             "reach it can use your Tor client" },
    { "PidFile a\nPidFile b", "torrc:2: PidFile is given more than once; the last one counts" },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaCommandLine) loaded = config_load_good (cases[i].torrc, NULL);

      g_assert_cmpuint (loaded->warnings->len, ==, 1);
      g_assert_cmpstr (loaded->warnings->pdata[0], ==, cases[i].warning);
    }
}

/* What messages end with. */
#define NOT_A_PORT " is not a port; write a number from 1 to 65535, ADDRESS:PORT, auto, or 0"
#define NOT_AN_ADDRESS " is not a numeric address; write 127.0.0.1:PORT or, for IPv6, [::1]:PORT"
#define NO_FLAG_YET " is a flag that is not supported by this version of Cepa yet"
#define NO_USER ": another user's folder cannot be named by ~; write the whole path"
#define NOT_A_FLAG " is not a flag of this option"
#define NOT_YET " is not supported by this version of Cepa yet"
#define FOR_RELAYS " is an option of relays; Cepa is a client"
#define ZERO_AND_MORE "0 means no port at all, but another line of it names one"

static void
test_config_faults (ConfigFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *torrc, *message;
  } cases[] = {
    { "\n\nSocksPort banana", "torrc:3: SocksPort: \"banana\"" NOT_A_PORT },
    { "SocksPort 65536", "torrc:1: SocksPort: \"65536\"" NOT_A_PORT },
    { "SocksPort 127.0.0.1:0", "torrc:1: SocksPort: \"127.0.0.1:0\"" NOT_A_PORT },
    { "SocksPort -1", "torrc:1: SocksPort: \"-1\"" NOT_A_PORT },
    { "SocksPort \" \"", "torrc:1: SocksPort: \" \"" NOT_A_PORT },
    { "SocksPort example.com:9050", "torrc:1: SocksPort: \"example.com\"" NOT_AN_ADDRESS },
    { "SocksPort ::1:9050", "torrc:1: SocksPort: \"::1\"" NOT_AN_ADDRESS },
    { "SocksPort x::1y:9050", "torrc:1: SocksPort: \"x::1y\"" NOT_AN_ADDRESS },
    { "SocksPort [::g]:9050", "torrc:1: SocksPort: \"[::g]\"" NOT_AN_ADDRESS },
    { "SocksPort unix:/run/socks",
      "torrc:1: SocksPort: \"unix:/run/socks\" is a unix: socket; those are not supported by this version "
      "of Cepa yet" },
    { "SocksPort 9050 IsolateDestAddr", "torrc:1: SocksPort: \"IsolateDestAddr\"" NO_FLAG_YET },
    { "SocksPort 9050 NoIsolateSOCKSAuth", "torrc:1: SocksPort: \"NoIsolateSOCKSAuth\"" NO_FLAG_YET },
    { "SocksPort 9050 KeepAliveIsolateSOCKSAuth NoIsolateSOCKSAuth",
      "torrc:1: SocksPort: \"NoIsolateSOCKSAuth\"" NO_FLAG_YET },
    { "ControlPort 9051 KeepAliveIsolateSOCKSAuth",
      "torrc:1: ControlPort: \"KeepAliveIsolateSOCKSAuth\"" NOT_A_FLAG },
    { "SocksPort 9050 NoIsolateClientAddr", "torrc:1: SocksPort: \"NoIsolateClientAddr\"" NO_FLAG_YET },
    { "SocksPort 9050 SessionGroup=1", "torrc:1: SocksPort: \"SessionGroup=1\"" NO_FLAG_YET },
    { "SocksPort 9050 GroupWritable",
      "torrc:1: SocksPort: \"GroupWritable\" is a flag for unix: sockets, not for a port" },
    { "SocksPort 9050 NoOnionTrafficOnly", "torrc:1: SocksPort: \"NoOnionTrafficOnly\"" NOT_A_FLAG },
    { "SocksPort 9050 IsolateEverything", "torrc:1: SocksPort: \"IsolateEverything\"" NOT_A_FLAG },
    { "SocksPort 0\nSocksPort 9050", "torrc:1: SocksPort: " ZERO_AND_MORE },
    { "ControlPort 1\nControlPort 0 # x", "torrc:2: ControlPort: " ZERO_AND_MORE },
    { "ControlPort 9051 IsolateDestAddr", "torrc:1: ControlPort: \"IsolateDestAddr\"" NOT_A_FLAG },
    { "LongLivedPorts 22,ssh", "torrc:1: LongLivedPorts: \"ssh\" is not a port from 1 to 65535; write them with "
      "commas between them" },
    { "LongLivedPorts 22,0", "torrc:1: LongLivedPorts: \"0\" is not a port from 1 to 65535; write them with "
      "commas between them" },
    { "ClientOnly yes", "torrc:1: ClientOnly: \"yes\" is not 0 or 1" },
    { "SafeLogging 2", "torrc:1: SafeLogging: \"2\" is not 0, 1 or relay" },
    { "clientonly", "torrc:1: ClientOnly: a value is needed: 0|1" },
    { "+Log \"\"",
      "torrc:1: Log: a value is needed: SEVERITY[-SEVERITY] ... [stdout|stderr|syslog|file PATH]" },
    { "DataDirectory ~other/tor", "torrc:1: DataDirectory: \"~other/tor\"" NO_USER },
    { "PluginDirectory ~other", "torrc:1: PluginDirectory: \"~other\"" NO_USER },
    { "Log debug file ~other", "torrc:1: Log: \"~other\"" NO_USER },
    { "PathPolicy ../evil",
      "torrc:1: PathPolicy: \"../evil\" is not a name; it has letters, digits, -, _ and . only" },
    { "Log loud",
      "torrc:1: Log: \"loud\" is neither a severity (debug, info, notice, warn, err) nor a place (stdout, "
      "stderr, syslog, file PATH)" },
    { "TestingTorNetwork 1\n",
      "torrc:1: TestingTorNetwork: a private network needs its own DirAuthority lines" },
    { "DirAuthority a orport=5001 bridge 127.1.0.1:7001 89ABCDEF0123456789ABCDEF0123456789ABCDEF",
      "torrc:1: DirAuthority: no line has a v3ident=, so that nobody could sign a consensus" },
    { "SockPort 9050", "torrc:1: unknown option \"SockPort\"; did you mean SocksPort?" },
    { "SocskPort 9050", "torrc:1: unknown option \"SocskPort\"; did you mean SocksPort?" },
    { "usebridge 1", "torrc:1: unknown option \"usebridge\"; did you mean UseBridges?" },
    { "Lgo x", "torrc:1: unknown option \"Lgo\"; did you mean Log?" },
    { "Banana 1", "torrc:1: unknown option \"Banana\"" },
    { "Xy\x01z 1", "torrc:1: unknown option \"Xy\\x01z\"" },
    { "k\n/ x", "torrc:1: unknown option \"k\"" },
    { "/", "torrc:1: unknown option \"\"" },
    { "\nORPort 9001", "torrc:2: ORPort" FOR_RELAYS },
    { "nickname x", "torrc:1: Nickname" FOR_RELAYS },
    { "V3AuthoritativeDirectory 1", "torrc:1: V3AuthoritativeDirectory" FOR_RELAYS },
    { "UseBridges 1", "torrc:1: UseBridges" NOT_YET },
    { "HiddenServiceDir /x", "torrc:1: HiddenServiceDir" NOT_YET },
    { "ExcludeNode {aq", "torrc:1: ExcludeNodes: \"{aq\": is not a fingerprint (40 hexadecimal digits), a nickname (up to "
                         "19 letters and digits), a country as {de}, or an address as 192.0.2.0/24 or [2001:db8::]/32" },
    { "ExitNodes Alice\nExitNodes 192.0.2.0/40", "torrc:2: ExitNodes: \"192.0.2.0/40\": behind / is the number of bits of "
                                                 "the network, at most 32" },
    { "ReachableAddresses *:80, 1.2.3", "torrc:1: ReachableAddresses: \"1.2.3\": the address is not IPv4, IPv6 in "
                                        "brackets, *, *4 or *6" },
    { "GeoIPExcludeUnknown maybe", "torrc:1: GeoIPExcludeUnknown: \"maybe\" is not 0, 1 or auto" },
    { "FirewallPorts 80,0", "torrc:1: FirewallPorts: \"0\" is not a port from 1 to 65535; write them with commas between "
                            "them" },
    { "AutomapHostsOnResolve x", "torrc:1: AutomapHostsOnResolve" NOT_YET },
    { "RunAsDaemon 1", "torrc:1: RunAsDaemon" NOT_YET },
    { "Log notice\nk \"", "torrc:2: the quoted value has no closing quote on its line" },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaCommandLine) loaded = config_load (cases[i].torrc, NULL, &error);

      g_assert_null (loaded);
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

/* The directory lines have their own tests; here it counts that the place and the option are named. */
static void
test_config_directory_faults (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) authority_error = NULL, fallback_error = NULL;

  (void) fixture, (void) data;
  g_assert_null (config_load (AUTHORITY "DirAuthority banana\n", NULL, &authority_error));
  g_assert_error (authority_error, CEPA_ERROR, CEPA_ERROR_CONFIG);
  g_assert_true (g_str_has_prefix (authority_error->message, "torrc:2: DirAuthority: "));
  g_assert_null (config_load ("FallbackDir banana\n", NULL, &fallback_error));
  g_assert_error (fallback_error, CEPA_ERROR, CEPA_ERROR_CONFIG);
  g_assert_true (g_str_has_prefix (fallback_error->message, "torrc:1: FallbackDir: "));
}

static void
test_config_too_many (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) torrc = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  (void) fixture, (void) data;
  for (guint i = 0; i < 1001; i++)
    g_string_append (torrc, "Log err\n");
  g_assert_null (config_load (torrc->str, NULL, &error));
  g_assert_cmpstr (error->message, ==, "torrc:1001: Log is given more than 1000 times");
}

/* Options of the directory: C Tor's defaults, those of private networks, and what does not go together. */
static void
test_config_directory (ConfigFixture *fixture, gconstpointer data)
{
  static const char authority[]
      = "AlternateDirAuthority one orport=9001 v3ident=0123456789012345678901234567890123456789 10.0.0.1:80 "
        "0123456789012345678901234567890123456789\nTestingTorNetwork 1\n";
  static const char *const bad[] = {
    "FetchDirInfoExtraEarly 1", "DirAuthorityFallbackRate -1", "DirAuthorityFallbackRate 1.5", "DirAuthorityFallbackRate x",
    "ClientBootstrapConsensusMaxInProgressTries 0", "FetchServerDescriptors yes", "UseMicrodescriptors 2",
  };
  g_autofree char *later = g_strconcat (authority, "ClientBootstrapConsensusAuthorityDownloadInitialDelay 2", NULL);
  g_autoptr (CepaCommandLine) usual = config_load_good ("", NULL), private = config_load_good (authority, NULL),
                              delayed = config_load_good (later, NULL),
                              few = config_load_good ("PathsNeededToBuildCircuits 0.1\nFetchDirInfoEarly 1\n"
                                                      "FetchDirInfoExtraEarly 1\nFetchServerDescriptors 0\n"
                                                      "FetchUselessDescriptors 1\nUseMicrodescriptors 0", NULL);

  (void) fixture, (void) data;
  g_assert_cmpint (usual->config->bootstrap_authority_delay_s, ==, 6);
  g_assert_cmpint (usual->config->bootstrap_fallback_delay_s, ==, 0);
  g_assert_cmpint (usual->config->bootstrap_authority_only_delay_s, ==, 0);
  g_assert_cmpuint (usual->config->bootstrap_max_tries, ==, 3);
  g_assert_cmpfloat (usual->config->dir_authority_fallback_rate, ==, 0.1);
  g_assert_cmpfloat (usual->config->paths_needed, ==, -1);
  g_assert_true (usual->config->fetch_server_descriptors);
  g_assert_cmpint (private->config->bootstrap_authority_delay_s, ==, 0);
  g_assert_cmpuint (private->config->authorities->len, ==, 1);
  g_assert_cmpint (delayed->config->bootstrap_authority_delay_s, ==, 2);
  g_assert_cmpfloat (few->config->paths_needed, ==, 0.25);
  g_assert_cmpuint (few->warnings->len, ==, 1);
  g_assert_true (few->config->fetch_dir_info_extra_early);
  g_assert_false (few->config->fetch_server_descriptors);
  g_assert_true (few->config->fetch_useless_descriptors && !usual->config->fetch_useless_descriptors);
  g_assert_cmpint (few->config->use_microdescriptors, ==, 0);
  g_assert_cmpint (usual->config->use_microdescriptors, ==, -1);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (config_load (bad[i], NULL, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
    }
}

/* C Tor's units; what is out of bounds is brought inside, and that is said. */
static void
test_config_numbers (ConfigFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *torrc;
    gint64 seconds;
    guint n_warnings;
  } intervals[] = {
    { "", 600, 0 },
    { "MaxCircuitDirtiness 30", 30, 0 },
    { "MaxCircuitDirtiness 1 minute", 60, 0 },
    { "MaxCircuitDirtiness 2hours", 7200, 0 },
    { "MaxCircuitDirtiness 1 Week", 7 * 86400, 0 },
    { "MaxCircuitDirtiness 3", 10, 1 },
    { "MaxCircuitDirtiness 2 months", 30 * 86400, 1 },
  };
  static const char *const bad[] = {
    "MaxCircuitDirtiness minutes", "MaxCircuitDirtiness 10 parsecs", "MaxCircuitDirtiness 1 s",
    "MaxCircuitDirtiness -5", "MaxCircuitDirtiness 99999999999 days", "MaxClientCircuitsPending 0",
    "MaxClientCircuitsPending 1025", "MaxClientCircuitsPending many",
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (intervals); i++)
    {
      g_autoptr (CepaCommandLine) loaded = config_load_good (intervals[i].torrc, NULL);

      g_assert_cmpint (loaded->config->use.max_circuit_dirtiness_s, ==, intervals[i].seconds);
      g_assert_cmpuint (loaded->warnings->len, ==, intervals[i].n_warnings);
      g_assert_cmpuint (loaded->config->use.max_client_circuits_pending, ==, 32);
      g_assert_cmpint (loaded->config->use.circuit_stream_timeout_s, ==, 0);
      g_assert_cmpint (loaded->config->use.new_circuit_period_s, ==, 30);
      g_assert_null (loaded->config->use.track_host_exits);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (config_load (bad[i], NULL, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
    }
}

static void
test_config_guards (ConfigFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *torrc, *message;
  } bad[] = {
    { "NumEntryGuards 4\nNumPrimaryGuards 3\n", "NumEntryGuards: there cannot be more than NumPrimaryGuards" },
    { "UseEntryGuards 0\nEntryNodes {de}\n", "UseEntryGuards: without guards EntryNodes cannot be kept to" },
    { "NumEntryGuards -1\n", "is not a number from 0 to 100" },
    { "PathBiasCircThreshold -2\n", "is not a number from -1" },
    { "PathBiasNoticeRate 1.5\n", "is not a number from 0 to 1, or -1" },
    { "PathBiasWarnRate 0.5x\n", "is not a number from 0 to 1, or -1" },
    { "UseGuardFraction maybe\n", "\"maybe\" is not 0, 1 or auto" },
  };
  g_autoptr (CepaCommandLine) plain = config_load_good ("UseGuardFraction 0\n", NULL);
  g_autoptr (CepaCommandLine) none = config_load_good ("", NULL);
  g_autoptr (CepaCommandLine) set
    = config_load_good ("UseGuardFraction 1\nNumEntryGuards 2\nNumPrimaryGuards 2\nNumDirectoryGuards 1\nGuardLifetime 30 days\n"
                        "UseHelperNodes 1\nPathBiasNoticeRate 0.25\nPathBiasScaleThreshold 400\nPathBiasDropGuards auto\n",
                        NULL);
  CepaGuardsConfig config;

  (void) fixture, (void) data;
  g_assert_cmpint (none->config->guards.use_guard_fraction, ==, -1);
  g_assert_cmpint (plain->config->guards.use_guard_fraction, ==, 0);
  g_assert_cmpint (set->config->guards.use_guard_fraction, ==, 1);
  cepa_guard_options_settle (&plain->config->guards, &config);
  g_assert_true (config.use_entry_guards);
  g_assert_cmpuint (config.n_entry_guards + config.n_primary_guards + config.n_directory_guards, ==, 0);
  g_assert_cmpint (config.path_bias.circ_threshold, ==, -1);
  g_assert_cmpfloat (config.path_bias.warn_rate, ==, -1);
  g_assert_cmpint (config.path_bias.drop_guards, ==, 0);
  cepa_guard_options_settle (&set->config->guards, &config);
  g_assert_cmpuint (config.n_entry_guards, ==, 2);
  g_assert_cmpuint (config.n_directory_guards, ==, 1);
  g_assert_cmpint (config.lifetime_s, ==, 30 * 86400);
  g_assert_cmpfloat (config.path_bias.notice_rate, ==, 0.25);
  g_assert_cmpint (config.path_bias.scale_threshold, ==, 400);
  g_assert_cmpint (config.path_bias.drop_guards, ==, -1);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (config_load (bad[i].torrc, NULL, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].message));
    }
}

static void
test_config_words (ConfigFixture *fixture, gconstpointer data)
{
  g_autoptr (CepaCommandLine) loaded
      = config_load_good ("TrackHostExits a.example,.b.example , 192.0.2.1\nTrackHostExits .\n", NULL);
  g_autofree char *all = g_strjoinv (" ", loaded->config->use.track_host_exits);

  (void) fixture, (void) data;
  g_assert_cmpstr (all, ==, "a.example .b.example 192.0.2.1 .");
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (ConfigFixture *fixture, gconstpointer data);
  } tests[] = {
    { "/config/defaults", test_config_defaults },
    { "/config/numbers", test_config_numbers },
    { "/config/directory", test_config_directory },
    { "/config/guards", test_config_guards },
    { "/config/words", test_config_words },
    { "/config/built-in", test_config_built_in },
    { "/config/values", test_config_values },
    { "/config/ports", test_config_ports },
    { "/config/private-network", test_config_private_network },
    { "/config/own-fallback", test_config_own_fallback },
    { "/config/layers", test_config_layers },
    { "/config/layers-of-one-value", test_config_layers_of_one_value },
    { "/config/warnings", test_config_warnings },
    { "/config/faults", test_config_faults },
    { "/config/directory-faults", test_config_directory_faults },
    { "/config/too-many", test_config_too_many },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, ConfigFixture, NULL, config_set_up, tests[i].test, config_tear_down);
  return g_test_run ();
}
