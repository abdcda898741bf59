/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO: the table of keys, and those whose answer is always the same. */
#include "getinfo.h"

#include <string.h>

#include "commands.h"

static void tor_getinfo_info_names (CepaTorQuery *query);

/**
 * TorGetinfoKey:
 * @name: the key, or how it begins when it ends with "*"
 * @func: (nullable): who answers; NULL when the answer is @text
 * @text: what is always answered, or why nothing can be, as @kind says
 * @about: for info/names, which leaves out what has none
 */
typedef struct
{
  const char *name;
  CepaTorQueryFunc func;
  enum
  {
    TOR_GETINFO_ANSWER,
    TOR_GETINFO_UNKNOWN, /* 552 */
    TOR_GETINFO_FAIL,    /* 551 */
  } kind;
  const char *text;
  const char *about;
} TorGetinfoKey;

#define ASK(name, func, about) { name, func, TOR_GETINFO_ANSWER, NULL, about }
#define SAY(name, text, about) { name, NULL, TOR_GETINFO_ANSWER, text, about }
#define NOT(name, text) { name, NULL, TOR_GETINFO_UNKNOWN, text, NULL }
#define CANNOT(name, text) { name, NULL, TOR_GETINFO_FAIL, text, NULL }

#define TOR_GETINFO_NO_SERVER "Not running in server mode"

/* The first that fits counts. Sentences of refusals are C Tor's where controllers look at them. */
static const TorGetinfoKey tor_getinfo_keys[] = {
  ASK ("version", cepa_tor_getinfo_version, "Version of the control protocol, and of the daemon."),
  ASK ("info/names", tor_getinfo_info_names, "What GETINFO takes."),
  ASK ("events/names", cepa_tor_getinfo_event_names, "What SETEVENTS takes."),
  ASK ("signal/names", cepa_tor_getinfo_signal_names, "What SIGNAL takes."),
  SAY ("features/names", "VERBOSE_NAMES EXTENDED_EVENTS", "What USEFEATURE takes."),
  ASK ("config-file", cepa_tor_getinfo_config_file, "Where the torrc is."),
  ASK ("config-text", cepa_tor_getinfo_config_text, "The options that have values, as a torrc."),
  SAY ("config-can-saveconf", "0", "Whether SAVECONF can write the torrc."),
  ASK ("config/names", cepa_tor_getinfo_config_names, "Options and their types."),

  ASK ("circuit-status", cepa_tor_getinfo_circuits, "Circuits."),
  ASK ("stream-status", cepa_tor_getinfo_streams, "Streams of applications."),
  ASK ("orconn-status", cepa_tor_getinfo_channels, "Connections to relays."),
  ASK ("entry-guards", cepa_tor_getinfo_guards, "Guards of the set in use, in the order of sampling."),
  ASK ("helper-nodes", cepa_tor_getinfo_guards, NULL),
  ASK ("net/listeners/*", cepa_tor_getinfo_listeners, "Where applications and controllers connect."),
  ASK ("network-liveness", cepa_tor_getinfo_liveness, "Whether relays can be reached."),
  ASK ("traffic/read", cepa_tor_getinfo_traffic, "Bytes read from relays."),
  ASK ("traffic/written", cepa_tor_getinfo_traffic, "Bytes written to relays."),
  ASK ("bw-event-cache", cepa_tor_getinfo_bandwidth, "The last BW events."),
  ASK ("dormant", cepa_tor_getinfo_dormant, "Whether the daemon asks nothing of the network until somebody uses it."),
  ASK ("status/bootstrap-phase", cepa_tor_getinfo_bootstrap, "How far the start has come."),
  ASK ("status/circuit-established", cepa_tor_getinfo_flags, "Whether a circuit for applications has been built."),
  ASK ("status/enough-dir-info", cepa_tor_getinfo_flags, "Whether the directory suffices."),
  SAY ("status/version/current", "unknown", "Whether this version is recommended: nobody recommends it yet."),
  SAY ("status/reachability-succeeded", "OR=1 DIR=1", NULL),
  SAY ("status/reachability-succeeded/or", "1", NULL),
  SAY ("status/reachability-succeeded/dir", "1", NULL),
  SAY ("status/good-server-descriptor", "0", NULL),
  SAY ("status/accepted-server-descriptor", "0", NULL),
  CANNOT ("status/fresh-relay-descs", "Only relays have descriptors"),
  CANNOT ("status/clients-seen", "No bridge-client stats available"),

  ASK ("process/*", cepa_tor_getinfo_process, "pid, uid, user, descriptor-limit."),
  ASK ("uptime", cepa_tor_getinfo_uptime, "Seconds since the start."),
  ASK ("current-time/*", cepa_tor_getinfo_time, "local, utc."),
  CANNOT ("address", "Address unknown"),
  CANNOT ("address/v4", "Address unknown"),
  CANNOT ("address/v6", "Address unknown"),
  CANNOT ("fingerprint", TOR_GETINFO_NO_SERVER),
  SAY ("accounting/enabled", "0", "Whether traffic is limited by time: it cannot be."),
  SAY ("exit-policy/default", "reject *:*", "What this daemon lets others reach: nothing."),
  NOT ("exit-policy/full", TOR_GETINFO_NO_SERVER),
  NOT ("exit-policy/ipv4", TOR_GETINFO_NO_SERVER),
  NOT ("exit-policy/ipv6", TOR_GETINFO_NO_SERVER),
  NOT ("exit-policy/reject-private/default", TOR_GETINFO_NO_SERVER),
  NOT ("exit-policy/reject-private/relay", TOR_GETINFO_NO_SERVER),
  SAY ("address-mappings/all", "", "Addresses that stand for others: there are none."),
  SAY ("address-mappings/cache", "", NULL),
  SAY ("address-mappings/config", "", NULL),
  SAY ("address-mappings/control", "", NULL),
  SAY ("onions/current", "", "Onion services of this controller: there are none."),
  SAY ("onions/detached", "", "Onion services of no controller: there are none."),

  ASK ("ns/all", cepa_tor_getinfo_ns_all, "Every relay of the consensus."),
  ASK ("ns/id/*", cepa_tor_getinfo_ns, "A relay, by fingerprint."),
  ASK ("ns/name/*", cepa_tor_getinfo_ns, "A relay, by nickname."),
  ASK ("md/all", cepa_tor_getinfo_md_all, "Every microdescriptor."),
  ASK ("md/id/*", cepa_tor_getinfo_md, "A microdescriptor, by fingerprint of the relay."),
  ASK ("md/name/*", cepa_tor_getinfo_md, "A microdescriptor, by nickname of the relay."),
  ASK ("md/download-enabled", cepa_tor_getinfo_downloads, "Whether microdescriptors are fetched."),
  ASK ("consensus/*", cepa_tor_getinfo_consensus, "valid-after, fresh-until, valid-until."),
  ASK ("desc/id/*", cepa_tor_getinfo_desc, "A server descriptor, by fingerprint of the relay."),
  ASK ("desc/name/*", cepa_tor_getinfo_desc, "A server descriptor, by nickname of the relay."),
  ASK ("desc/all-recent", cepa_tor_getinfo_desc_all, "Every server descriptor."),
  ASK ("desc/download-enabled", cepa_tor_getinfo_downloads, "Whether server descriptors are fetched."),
  ASK ("ip-to-country/ipv4-available", cepa_tor_getinfo_has_countries, "Whether countries of addresses are known."),
  ASK ("ip-to-country/ipv6-available", cepa_tor_getinfo_has_countries, NULL),
  ASK ("ip-to-country/*", cepa_tor_getinfo_country, "The country of an address, ?? when it is not known."),
};

static gboolean
tor_getinfo_fits (const TorGetinfoKey *key, const char *word)
{
  gsize len = strlen (key->name);

  return key->name[len - 1] == '*' ? strncmp (key->name, word, len - 1) == 0 : g_str_equal (key->name, word);
}

static void
tor_getinfo_ask (CepaTorQuery *query)
{
  const char *word = cepa_tor_query_word (query);
  const TorGetinfoKey *key = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (tor_getinfo_keys) && key == NULL; i++)
    if (tor_getinfo_fits (&tor_getinfo_keys[i], word))
      key = &tor_getinfo_keys[i];
  if (key == NULL)
    cepa_tor_query_unknown (query, NULL);
  else if (key->func != NULL)
    key->func (query);
  else if (key->kind == TOR_GETINFO_ANSWER)
    cepa_tor_query_answer (query, key->text);
  else if (key->kind == TOR_GETINFO_UNKNOWN)
    cepa_tor_query_unknown (query, key->text);
  else
    cepa_tor_query_fail (query, key->text);
}

static void
tor_getinfo_info_names (CepaTorQuery *query)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tor_getinfo_keys); i++)
    if (tor_getinfo_keys[i].about != NULL)
      g_string_append_printf (out, "%s -- %s\n", tor_getinfo_keys[i].name, tor_getinfo_keys[i].about);
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_command_getinfo (CepaTorConnection *connection, const CepaTorCommand *command)
{
  cepa_tor_query_start (connection, cepa_tor_command_split (command->args), tor_getinfo_ask, "Unrecognized key", TRUE);
}
