/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/options.h"

#include <string.h>

#include "config/known.h"

#define OPTIONS_SUGGEST_MAX 64 /* letters of a name that is compared */

#define OPTION(name, type, default_text, member, description) \
  { name, CEPA_OPTION_##type, default_text, G_STRUCT_OFFSET (CepaConfig, member), description, NULL, NULL, NULL }

/* A number or an interval. */
#define NUMBER(name, type, default_text, member, min, max, zero, description) \
  { name, CEPA_OPTION_##type, default_text, G_STRUCT_OFFSET (CepaConfig, member), description, NULL, NULL, NULL, min, \
    max, zero }

#define MINUTES(n) ((n) * 60)
#define HOURS(n) ((n) * 3600)
#define DAYS(n) ((n) * 86400)

/* Stands for an option of a plugin. */
#define OF_PLUGIN(name, type, argument, plugin_id, plugin_option, description) \
  { name, CEPA_OPTION_##type, NULL, G_STRUCT_OFFSET (CepaConfig, plugin_options), description, argument, plugin_id, \
    plugin_option }

static const CepaOption options_table[] = {
  OPTION ("__DisablePredictedCircuits", BOOL, "0", use.disable_predicted_circuits,
          "Build no circuits ahead of use; streams then wait for theirs to be built."),
  OPTION ("AlternateDirAuthority", AUTHORITIES, NULL, authorities,
          "The same as DirAuthority: the authority for bridges, which C Tor keeps with it, is not asked by Cepa."),
  OPTION ("ASFile", PATH, NULL, relays.as_file,
          "An MMDB file with the autonomous systems of addresses, as GeoLite2-ASN. With it, plugins know which relays are "
          "announced by one network."),
  NUMBER ("CircuitBuildTimeout", INTERVAL, "0", use.circuit_build_timeout_s, 1, HOURS (1), TRUE,
          "How long a circuit may take to be built, until it is known how long they take here, or always with "
          "LearnCircuitBuildTimeout 0. 0: as the consensus says."),
  NUMBER ("CircuitsAvailableTimeout", INTERVAL, "0", use.circuits_available_timeout_s, 60, HOURS (24), TRUE,
          "How long after the last use circuits are kept ready, and ports that were used are thought to be used again; "
          "up to twice as long, by chance. 0: as the consensus says, or 30 minutes."),
  NUMBER ("CircuitStreamTimeout", INTERVAL, "0", use.circuit_stream_timeout_s, 10, HOURS (1), TRUE,
          "How long a stream waits for an answer on one circuit before it tries another. 0: ten seconds the first two "
          "times, then fifteen."),
  NUMBER ("ClientBootstrapConsensusAuthorityDownloadInitialDelay", INTERVAL, "6", bootstrap_authority_delay_s, 0,
          HOURS (24), TRUE,
          "How long fallback directories are tried for a first consensus before an authority is asked. With "
          "TestingTorNetwork the default is 0, of the two below too."),
  NUMBER ("ClientBootstrapConsensusAuthorityOnlyDownloadInitialDelay", INTERVAL, "0", bootstrap_authority_only_delay_s, 0,
          HOURS (24), TRUE, "When authorities are first asked for one where there are no fallback directories."),
  NUMBER ("ClientBootstrapConsensusFallbackDownloadInitialDelay", INTERVAL, "0", bootstrap_fallback_delay_s, 0,
          HOURS (24), TRUE, "When fallback directories are first asked for one."),
  NUMBER ("ClientBootstrapConsensusMaxInProgressTries", UINT, "3", bootstrap_max_tries, 1, 32, FALSE,
          "How many are tried at a time, until one has heard the question."),
  OPTION ("ClientOnly", BOOL, "0", client_only, "Cepa is a client always; both values are accepted."),
  OPTION ("ClientPreferIPv6DirPort", AUTO_BOOL, "auto", relays.client_prefer_ipv6_dir_port,
          "With 1, IPv6 is used even if ClientUseIPv6 is 0; nothing else hangs on it, as in C Tor."),
  OPTION ("ClientPreferIPv6ORPort", AUTO_BOOL, "auto", relays.client_prefer_ipv6_or_port,
          "Whether relays that have both are connected to by IPv6 rather than by IPv4. auto: by IPv4, unless "
          "ClientUseIPv4 is 0."),
  OPTION ("ClientRejectInternalAddresses", BOOL, "1", reject_internal_addresses,
          "Refuse to connect through Tor to addresses of private networks, which no relay can reach for "
          "you. With TestingTorNetwork the default is 0."),
  OPTION ("ClientUseIPv4", BOOL, "1", relays.client_use_ipv4, "Whether relays are connected to over IPv4."),
  OPTION ("ClientUseIPv6", BOOL, "1", relays.client_use_ipv6,
          "Whether relays are connected to over IPv6, where they have no IPv4 address that may be used. It is so as well "
          "when ClientUseIPv4 is 0 or IPv6 is preferred."),
  OF_PLUGIN ("ConnectionPadding", OF_PLUGIN, "0|1|auto", "padding.circpad", "connection-padding",
             "Whether links to relays are padded when they are idle, so that who watches them learns less of when they "
             "are used. auto does it where the relay can."),
  { "ControlPort", CEPA_OPTION_CONTROL_PORTS, NULL, G_STRUCT_OFFSET (CepaConfig, control_ports),
    "Where controllers reach Cepa by the Tor control protocol, which the plugin control.tor speaks. 0, the default, is "
    "for nowhere.", NULL, "control.tor", "port" },
  OF_PLUGIN ("ControlPortWriteToFile", OF_PLUGIN_PATH, NULL, "control.tor", "port-write-to-file",
             "A file that gets the addresses of the control ports."),
  OF_PLUGIN ("ControlSocket", OF_PLUGIN_LIST, "PATH|0", "control.tor", "socket",
             "A Unix socket for controllers."),
  OF_PLUGIN ("CookieAuthentication", OF_PLUGIN_BOOL, NULL, "control.tor", "cookie-authentication",
             "Whether controllers show that they may by a file that only this user can read. Default: 0."),
  OF_PLUGIN ("CookieAuthFile", OF_PLUGIN_PATH, NULL, "control.tor", "cookie-auth-file",
             "That file. Default: control_auth_cookie in the data directory."),
  OPTION ("DataDirectory", PATH, NULL, data_directory,
          "The folder for what Cepa keeps between runs; it is made with access for its owner only. Default: "
          "$XDG_STATE_HOME/cepa, which is ~/.local/state/cepa unless you changed it."),
  OPTION ("DirAuthority", AUTHORITIES, NULL, authorities,
          "A directory authority to trust, in place of all built-in ones. Only for private networks."),
  OPTION ("DirAuthorityFallbackRate", RATE, "0.1", dir_authority_fallback_rate,
          "How likely an authority is asked as if it were a fallback directory, in proportion to one of these."),
  OPTION ("DormantCanceledByStartup", BOOL, "0", use.dormant_canceled_by_startup,
          "Whether a client that ended dormant, or starts for the first time with DormantOnFirstStartup, is awake at the "
          "start."),
  NUMBER ("DormantClientTimeout", INTERVAL, "24 hours", use.dormant_client_timeout_s, MINUTES (10), DAYS (3650), FALSE,
          "After this time without use Cepa goes dormant: it has no circuits and asks for no directory documents, until an "
          "application connects or a controller wakes it."),
  OPTION ("DormantOnFirstStartup", BOOL, "0", use.dormant_on_first_startup,
          "Whether Cepa is dormant when it starts for the first time with its data directory."),
  OPTION ("DormantTimeoutDisabledByIdleStreams", BOOL, "1", use.dormant_timeout_disabled_by_idle_streams,
          "Whether an open connection counts as use, even if nothing moves on it."),
  OPTION ("DormantTimeoutEnabled", BOOL, "1", use.dormant_timeout_enabled,
          "Whether DormantClientTimeout does anything."),
  OPTION ("EnforceDistinctSubnets", BOOL, "1", enforce_distinct_subnets,
          "Never put two relays of one IPv4 /16 or IPv6 /32 network in one circuit. Unlike in C Tor the "
          "default is 1 with TestingTorNetwork too; a test network on one address needs 0."),
  OPTION ("EntryNodes", NODES, NULL, relays.entry_nodes,
          "The relays that circuits may begin with, and no others; see ExcludeNodes for how they are named. Lines are put "
          "together. What ExcludeNodes names is not among them."),
  OPTION ("ExcludeExitNodes", NODES, NULL, relays.exclude_exit_nodes,
          "Relays that no circuit ends with, besides those of ExcludeNodes."),
  OPTION ("ExcludeNodes", NODES, NULL, relays.exclude_nodes,
          "Relays that no circuit goes through: fingerprints (with or without $ before and =nickname behind), nicknames, "
          "countries as {de}, {??} for those whose country is not known, and addresses as 192.0.2.0/24:9001 or "
          "[2001:db8::]/32. Countries need a GeoIPFile. Lines are put together. Where directory documents could not be "
          "had without one of these relays it is asked all the same, unless StrictNodes is 1."),
  OPTION ("ExitNodes", NODES, NULL, relays.exit_nodes,
          "The relays that circuits may end with, and no others; see ExcludeNodes for how they are named."),
  OPTION ("FallbackDir", FALLBACKS, NULL, fallbacks,
          "A relay to get the first directory documents from, in place of all built-in ones."),
  OPTION ("FascistFirewall", BOOL, "0", relays.fascist_firewall,
          "Connect only to relays at ports of FirewallPorts, 443 without any. ReachableAddresses says it better, and "
          "counts instead of it."),
  OPTION ("FetchDirInfoEarly", BOOL, "0", fetch_dir_info_early,
          "Ask for the next consensus as early as directory caches do, and for every relay's microdescriptor at once."),
  OPTION ("FetchDirInfoExtraEarly", BOOL, "0", fetch_dir_info_extra_early,
          "Ask for it within a minute or so. Needs FetchDirInfoEarly 1."),
  OPTION ("FetchServerDescriptors", BOOL, "1", fetch_server_descriptors,
          "With 0 nothing is fetched from directory servers: what is in the data directory is used as long as it can be."),
  OPTION ("FetchUselessDescriptors", BOOL, "0", fetch_useless_descriptors,
          "Fetch and keep both kinds of directory, that of microdescriptors and that of server descriptors, for programs that "
          "read them; paths are chosen from one. What is fetched then comes from all directory caches and not from guards. "
          "Key certificates of authorities that are not yours are not fetched, unlike with C Tor: nothing could be checked "
          "with them, and everybody can make some."),
  OPTION ("FirewallPorts", PORTS, NULL, relays.firewall_ports, "The ports that FascistFirewall lets through."),
  OPTION ("GeoIPExcludeUnknown", AUTO_BOOL, "auto", relays.geoip_exclude_unknown,
          "Whether relays whose country is not known are excluded too: with 1 they are everywhere, with auto where "
          "ExcludeNodes or ExcludeExitNodes name a country."),
  OPTION ("GeoIPFile", PATH, "/usr/share/tor/geoip", relays.geoip_file,
          "The countries of IPv4 addresses, as Debian's package tor-geoipdb has them. Read when something asks for "
          "countries."),
  OPTION ("GeoIPv6File", PATH, "/usr/share/tor/geoip6", relays.geoip6_file, "The same of IPv6 addresses."),
  NUMBER ("GuardLifetime", INTERVAL, "0", guards.lifetime_s, 0, DAYS (3650), FALSE,
          "How long a guard is kept, whether it was used or not. Less than a day: as the consensus says, or 120 days for "
          "one that was never used and 60 for another; by chance up to 12 days less."),
  OF_PLUGIN ("HashedControlPassword", OF_PLUGIN_LIST, "16:HEX", "control.tor", "hashed-password",
             "The hash of a password that controllers may show, as tor --hash-password makes it."),
  OPTION ("HSLayer2Nodes", NODES, NULL, relays.layer2_nodes,
          "The relays that may be the second of circuits for onion services, and no others: few, which you change rarely. "
          "Relays of one family or network may then be in one such circuit. Lines are put together; see ExcludeNodes for "
          "how they are named. Without a line: see VanguardsLiteEnabled."),
  OPTION ("HSLayer3Nodes", NODES, NULL, relays.layer3_nodes,
          "The same for the third relay; such circuits then are one relay longer where the last is somebody else's choice "
          "or would learn of the third."),
  OF_PLUGIN ("HTTPSProxy", OF_PLUGIN, "ADDRESS[:PORT]", "transport.direct", "https-proxy",
             "Connect to relays through this HTTP proxy by CONNECT. Port: 443 without one."),
  OF_PLUGIN ("HTTPSProxyAuthenticator", OF_PLUGIN, "USER:PASSWORD", "transport.direct", "https-proxy-authenticator",
             "What it is shown."),
  OPTION ("LearnCircuitBuildTimeout", BOOL, "1", use.learn_circuit_build_timeout,
          "Learn how long circuits take to be built, and give up the slowest fifth of them. What was learned is kept in "
          "the data directory."),
  OPTION ("Log", LOGS, NULL, logs,
          "What is logged, from the lesser to the greater severity (debug, info, notice, warn, err), and "
          "where to. Domains of messages may be given before a severity: [circ,net]debug [~net]info notice. "
          "Without a Log line: notice and above to standard output."),
  OPTION ("LongLivedPorts", PORTS, "21,22,706,1863,5050,5190,5222,5223,6523,6667,6697,8300", use.long_lived_ports,
          "Ports whose connections last long, as of SSH and chat: they get circuits of relays with the Stable flag alone, "
          "where there are any."),
  NUMBER ("MaxCircuitDirtiness", INTERVAL, "10 minutes", use.max_circuit_dirtiness_s, 10, DAYS (30), FALSE,
          "For how long after its first use a circuit may take new streams."),
  NUMBER ("MaxClientCircuitsPending", UINT, "32", use.max_client_circuits_pending, 1, 1024, FALSE,
          "How many circuits may be under construction at a time."),
  OF_PLUGIN ("MetricsPort", OF_PLUGIN_LIST, "[ADDRESS:]PORT|0", "metrics.prometheus", "port",
             "Where measurements can be had over HTTP, in Prometheus' text format. Read MetricsPortPolicy first."),
  OF_PLUGIN ("MetricsPortPolicy", OF_PLUGIN_LIST, "accept|reject ADDRESS[/BITS]", "metrics.prometheus", "policy",
             "Who may ask there; nobody without such a line."),
  OPTION ("MiddleNodes", NODES, NULL, relays.middle_nodes,
          "The relays that may stand between the first and the last of a circuit, and no others; see ExcludeNodes for how "
          "they are named. For experiments: it says much about you."),
  NUMBER ("NewCircuitPeriod", INTERVAL, "30 seconds", use.new_circuit_period_s, 1, HOURS (1), FALSE,
          "When circuits fail one after the other, the pauses between them grow to this: each such time C Tor forgets how "
          "many failed, and tries anew. Old circuits are closed when they are due, whatever this says."),
  OPTION ("NodeFamily", NODE_FAMILIES, NULL, relays.node_families,
          "Relays that are run by the same people, whether they say so or not: no circuit has two of a line. See "
          "ExcludeNodes for how they are named."),
  NUMBER ("NumDirectoryGuards", UINT, "0", guards.n_directory_guards, 0, 100, FALSE,
          "How many primary guards are asked for directory documents. 0: as the consensus says, or 3."),
  NUMBER ("NumEntryGuards", UINT, "0", guards.n_entry_guards, 0, 100, FALSE,
          "How many primary guards circuits are spread over. 0: as the consensus says, or 1. More guards see more of you."),
  NUMBER ("NumPrimaryGuards", UINT, "0", guards.n_primary_guards, 0, 100, FALSE,
          "How many guards are primary: others are used only when none of these answers. 0: as the consensus says, or 3."),
  NUMBER ("PathBiasCircThreshold", UINT, "-1", guards.circ_threshold, -1, G_MAXINT32, FALSE,
          "Of how many circuits through a guard it is judged whether it lets enough of them through. Less than 5: as the "
          "consensus says, or 150."),
  OPTION ("PathBiasDropGuards", AUTO_BOOL, "0", guards.drop_guards,
          "Whether a guard that fails far too much is not used any more. auto: as the consensus says."),
  OPTION ("PathBiasExtremeRate", RATE, "-1", guards.extreme_rate,
          "With less of its circuits built and closed well than this share, a guard fails far too much. -1: as the "
          "consensus says, or 0.3; 0: never."),
  OPTION ("PathBiasExtremeUseRate", RATE, "-1", guards.extreme_use_rate,
          "The same of circuits that were used. -1: as the consensus says, or 0.6."),
  OPTION ("PathBiasNoticeRate", RATE, "-1", guards.notice_rate,
          "With less than this share that is told in the log. -1: as the consensus says, or 0.7."),
  OPTION ("PathBiasNoticeUseRate", RATE, "-1", guards.notice_use_rate,
          "The same of circuits that were used. -1: as the consensus says, or 0.8."),
  NUMBER ("PathBiasScaleThreshold", UINT, "-1", guards.scale_threshold, -1, G_MAXINT32, FALSE,
          "After how many circuits of a guard their counts are halved, so that what was long ago counts less. Less than "
          "10: as the consensus says, or 300."),
  NUMBER ("PathBiasScaleUseThreshold", UINT, "-1", guards.scale_use_threshold, -1, G_MAXINT32, FALSE,
          "The same of circuits that were used. Less than 10: as the consensus says, or 100."),
  NUMBER ("PathBiasUseThreshold", UINT, "-1", guards.use_threshold, -1, G_MAXINT32, FALSE,
          "Of how many circuits that were used a guard is judged. Less than 3: as the consensus says, or 20."),
  OPTION ("PathBiasWarnRate", RATE, "-1", guards.warn_rate,
          "With less than this share that is a warning in the log. -1: as the consensus says, or 0.5."),
  OPTION ("PathPolicy", NAME, "weighted", path_policy, "The plugin that chooses the relays of a circuit."),
  OPTION ("PathsNeededToBuildCircuits", RATE, "-1", paths_needed,
          "The share of all paths, by weight, that must be known before circuits are built: 0.25 to 0.95. -1: as the "
          "consensus says, or 0.6."),
  OPTION ("PidFile", PATH, NULL, pid_file,
          "The process id is written to this file at the start; the file is removed at the end."),
  OPTION ("Plugin", PLUGINS, NULL, plugins,
          "Whether a plugin is started with the daemon: required, and the daemon ends when it cannot be; optional; or "
          "disabled, until somebody asks for it while the daemon runs."),
  OPTION ("PluginDirectory", PATHS, NULL, plugin_directories,
          "A folder to look for plugins in, before the built-in one: of two plugins of one id the first is used."),
  OPTION ("PluginOption", PLUGIN_OPTIONS, NULL, plugin_options,
          "An option of a plugin; its README says which there are. The plugin is started, even if it is one that is "
          "not unless somebody asks."),
  OPTION ("ReachableAddresses", ADDRESSES, NULL, relays.reachable_addresses,
          "What a firewall lets through: rules with commas between them, the first that fits counts, what none fits is "
          "rejected. An address is IPv4, IPv6 in brackets, *, *4, *6 or private."),
  OPTION ("ReachableDirAddresses", ADDRESSES, NULL, relays.reachable_dir_addresses,
          "Nothing hangs on it, as in C Tor: directories are fetched from the ports of ReachableORAddresses."),
  OPTION ("ReachableORAddresses", ADDRESSES, NULL, relays.reachable_or_addresses,
          "Like ReachableAddresses, and instead of it."),
  OF_PLUGIN ("ReducedConnectionPadding", OF_PLUGIN_BOOL, NULL, "padding.circpad", "reduced-connection-padding",
             "Pad less, to save bytes and battery. Default: 0."),
  OPTION ("SafeLogging", SAFE_LOGGING, "1", safe_logging,
          "Write [scrubbed] in place of the names and addresses that applications connect to. As Cepa is no "
          "relay, relay means the same as 0."),
  OF_PLUGIN ("Socks4Proxy", OF_PLUGIN, "ADDRESS[:PORT]", "transport.direct", "socks4-proxy",
             "Connect to relays through this SOCKS4 proxy. Port: 1080 without one."),
  OF_PLUGIN ("Socks5Proxy", OF_PLUGIN, "ADDRESS[:PORT]", "transport.direct", "socks5-proxy",
             "Connect to relays through this SOCKS5 proxy. Port: 1080 without one."),
  OF_PLUGIN ("Socks5ProxyPassword", OF_PLUGIN, "TEXT", "transport.direct", "socks5-proxy-password",
             "The password that it is shown."),
  OF_PLUGIN ("Socks5ProxyUsername", OF_PLUGIN, "TEXT", "transport.direct", "socks5-proxy-username",
             "The name that it is shown."),
  OPTION ("SocksPort", SOCKS_PORTS, "9250", socks_ports,
          "Where applications reach Cepa by SOCKS5; 0 for nowhere. Without an address it is 127.0.0.1. The "
          "default is 9250 and not C Tor's 9050, so that both can run on one machine. Applications share no "
          "circuit when they connect to another port, from another address, or with another SOCKS user or "
          "password. Flags that are accepted: IsolateClientAddr, IsolateSOCKSAuth, IPv4Traffic and "
          "IPv6Traffic, which are always on; KeepAliveIsolateSOCKSAuth, with which MaxCircuitDirtiness counts from the last "
          "use of a circuit where applications show a SOCKS user or password; and the No form of those that Cepa does not "
          "have yet. A SOCKS user name that "
          "ends in +exit= and the two letters of a country (alice+exit=de) gets exits there alone, by GeoIPFile, or is "
          "refused when there is none."),
  NUMBER ("SocksTimeout", INTERVAL, "2 minutes", use.socks_timeout_s, 1, HOURS (24), FALSE,
          "How long an application's connection may take from its first byte until it is connected through Tor."),
  OPTION ("StrictNodes", BOOL, "0", relays.strict_nodes,
          "Whether relays of ExcludeNodes are not even asked for directory documents when there is no other."),
  OPTION ("TestingTorNetwork", BOOL, "0", testing_tor_network,
          "Use a private network whose DirAuthority lines are given, and the defaults that suit one."),
  OPTION ("TrackHostExits", WORDS, NULL, use.track_host_exits,
          "Hosts to which connections should come from the same exit again: names, addresses, and with a dot before "
          "them domains; a dot alone is every host. This helps with services that end a session when the address "
          "changes, and lets them recognise you for longer."),
  NUMBER ("TrackHostExitsExpire", INTERVAL, "30 minutes", use.track_host_exits_expire_s, 1, DAYS (30), FALSE,
          "How long after its last use such an exit is remembered."),
  OPTION ("UseDefaultFallbackDirs", BOOL, "1", use_default_fallbacks,
          "Whether the built-in fallback directories are used. They never are with DirAuthority lines."),
  OPTION ("UseEntryGuards", BOOL, "1", guards.use_entry_guards,
          "Keep a few relays as guards, through which all circuits go for months. With 0 each circuit begins at another "
          "relay, so that over time many of them see your address: for research only."),
  OPTION ("UseGuardFraction", AUTO_BOOL, "auto", guards.use_guard_fraction,
          "Whether relays that have become guards lately are used more in other places of circuits, until they have the clients "
          "of one: where the consensus says for how long they have been. auto: as the consensus says, or 0."),
  OPTION ("UseMicrodescriptors", AUTO_BOOL, "auto", use_microdescriptors,
          "Whether relays are known by microdescriptors. With 0 it is by the descriptors that they signed themselves, which "
          "are several times as long and take longer to check; each kind has files of its own in the data directory. auto "
          "is 1."),
  OPTION ("VanguardsLiteEnabled", AUTO_BOOL, "auto", relays.vanguards_lite,
          "Keep a few relays to be the second of circuits for onion services, for some days each, so that who makes many "
          "such circuits does not soon find the first. auto: as the consensus says, or yes. HSLayer2Nodes holds in any "
          "case, unlike in C Tor."),
};

G_STATIC_ASSERT (G_N_ELEMENTS (options_table) <= CEPA_OPTIONS_MAX);

const CepaOption *
cepa_options (guint *n)
{
  *n = G_N_ELEMENTS (options_table);
  return options_table;
}

const CepaOption *
cepa_option_find (const char *key)
{
  const char *name = cepa_known_resolve_alias (key);

  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++)
    if (g_ascii_strcasecmp (options_table[i].name, name) == 0)
      return &options_table[i];
  return NULL;
}

/*
 * How many letters must be added, taken away, changed or swapped with their neighbour to make @a of @b
 * ("optimal string alignment"), in either case. Both are at most OPTIONS_SUGGEST_MAX long.
 */
static guint
options_distance (const char *a, const char *b)
{
  guint rows[3][OPTIONS_SUGGEST_MAX + 1];
  gsize len_a = strlen (a), len_b = strlen (b);

  for (gsize j = 0; j <= len_b; j++)
    rows[0][j] = (guint) j;
  for (gsize i = 1; i <= len_a; i++)
    {
      guint *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
      char x = g_ascii_tolower (a[i - 1]);

      row[0] = (guint) i;
      for (gsize j = 1; j <= len_b; j++)
        {
          char y = g_ascii_tolower (b[j - 1]);

          row[j] = MIN (MIN (above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
          if (i > 1 && j > 1 && x == g_ascii_tolower (b[j - 2]) && y == g_ascii_tolower (a[i - 2]))
            row[j] = MIN (row[j], above2[j - 2] + 1);
        }
    }
  return rows[len_a % 3][len_b];
}

char *
cepa_option_suggest (const char *key)
{
  gsize len = strlen (key);
  guint best = len < 5 ? 2 : 3; /* a suggestion must be nearer than this */
  const char *suggestion = NULL, *name;

  if (len == 0 || len > OPTIONS_SUGGEST_MAX)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++)
    {
      guint distance = options_distance (key, options_table[i].name);

      suggestion = distance < best ? options_table[i].name : suggestion;
      best = MIN (best, distance);
    }
  for (guint i = 0; (name = cepa_known_name (i)) != NULL; i++)
    if (strlen (name) <= OPTIONS_SUGGEST_MAX)
      {
        guint distance = options_distance (key, name);

        suggestion = distance < best ? name : suggestion;
        best = MIN (best, distance);
      }
  return g_strdup (suggestion);
}

/* Text for roff: a backslash or a dash is written with a backslash before it. */
static void
options_append_roff (GString *out, const char *text)
{
  for (; *text != '\0'; text++)
    {
      if (*text == '\\' || *text == '-')
        g_string_append_c (out, '\\');
      g_string_append_c (out, *text);
    }
  g_string_append_c (out, '\n');
}

char *
cepa_options_to_man (void)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++)
    {
      const CepaOption *option = &options_table[i];

      g_string_append_printf (out, ".TP\n\\fB%s\\fR ", option->name);
      options_append_roff (out, cepa_option_argument (option));
      options_append_roff (out, option->description);
      if (cepa_option_is_list (option))
        g_string_append (out, "The option may be given several times.\n");
      if (option->default_text != NULL)
        g_string_append_printf (out, "Default: %s.\n", option->default_text);
    }
  return g_string_free (out, FALSE);
}
