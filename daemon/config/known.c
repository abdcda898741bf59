/* SPDX-License-Identifier: BSD-3-Clause */
/* C Tor's options that Cepa does not have, so that a torrc written for it gets an answer and not a riddle. */
#include "config/known.h"

/*
 * Names of C Tor 0.4.9.11: `tor --list-torrc-options` for the first two tables, its list of obsolete options
 * (src/app/config/config.c) for the third, its list of other spellings for the fourth.
 */

/* What only relays, bridges, exits and directory authorities need. */
static const char *const known_relay[] = {
  "__DirPort", "__ExtORPort", "__ORPort", "__SbwsExit", "AccountingMax", "AccountingRule",
  "AccountingStart", "Address", "AddressDisableIPv6", "AlternateBridgeAuthority", "AssumeReachable",
  "AssumeReachableIPv6", "AuthDirBadExit", "AuthDirBadExitCCs", "AuthDirFastGuarantee",
  "AuthDirGuardBWGuarantee", "AuthDirHasIPv6Connectivity", "AuthDirInvalid", "AuthDirInvalidCCs",
  "AuthDirListBadExits", "AuthDirListMiddleOnly", "AuthDirMaxServersPerAddr", "AuthDirMiddleOnly",
  "AuthDirMiddleOnlyCCs", "AuthDirPinKeys", "AuthDirReject", "AuthDirRejectCCs",
  "AuthDirRejectRequestsUnderLoad", "AuthDirSharedRandomness", "AuthDirTestEd25519LinkKeys",
  "AuthDirTestReachability", "AuthDirVoteGuard", "AuthDirVoteGuardBwThresholdFraction",
  "AuthDirVoteGuardGuaranteeTimeKnown", "AuthDirVoteGuardGuaranteeWFU",
  "AuthDirVoteStableGuaranteeMinUptime", "AuthDirVoteStableGuaranteeMTBF", "AuthoritativeDirectory",
  "BridgeAuthoritativeDir", "BridgeDistribution", "BridgePassword", "BridgeRecordUsageByCountry",
  "BridgeRelay", "CellStatistics", "ConnDirectionStatistics", "ConsensusParams", "ContactInfo",
  "DirCache", "DirPolicy", "DirPort", "DirPortFrontPage", "DirReqStatistics", "DoSCircuitCreationBurst",
  "DoSCircuitCreationDefenseTimePeriod", "DoSCircuitCreationDefenseType", "DoSCircuitCreationEnabled",
  "DoSCircuitCreationMinConnections", "DoSCircuitCreationRate", "DoSConnectionConnectBurst",
  "DoSConnectionConnectDefenseTimePeriod", "DoSConnectionConnectRate", "DoSConnectionDefenseType",
  "DoSConnectionEnabled", "DoSConnectionMaxConcurrentCount", "DoSRefuseSingleHopClientRendezvous",
  "DoSStreamCreationBurst", "DoSStreamCreationDefenseType", "DoSStreamCreationEnabled",
  "DoSStreamCreationRate", "EntryStatistics", "ExitPolicy", "ExitPolicyRejectLocalInterfaces",
  "ExitPolicyRejectPrivate", "ExitPortStatistics", "ExitRelay", "ExtORPort", "ExtORPortCookieAuthFile",
  "ExtORPortCookieAuthFileGroupReadable", "ExtraInfoStatistics", "FamilyId", "FamilyKeyDirectory",
  "GuardfractionFile", "HiddenServiceStatistics", "IPv6Exit", "MaxAdvertisedBandwidth",
  "MaxConsensusAgeForDiffs", "MaxHSDirCacheBytes", "MaxOnionQueueDelay", "MinimalAcceptedServerVersion",
  "MinMeasuredBWsForAuthToIgnoreAdvertised", "MinUptimeHidServDirectoryV2", "MyFamily", "Nickname",
  "OfflineMasterKey", "ORPort", "OutboundBindAddressExit", "OverloadStatistics",
  "PublishServerDescriptor", "RecommendedClientVersions", "RecommendedServerVersions",
  "RecommendedVersions", "ReducedExitPolicy", "ReevaluateExitPolicy", "RefuseUnknownExits",
  "RelayBandwidthBurst", "RelayBandwidthRate", "RephistTrackTime", "ServerDNSAllowBrokenConfig",
  "ServerDNSAllowNonRFC953Hostnames", "ServerDNSDetectHijacking", "ServerDNSRandomizeCase",
  "ServerDNSResolvConfFile", "ServerDNSSearchDomains", "ServerDNSTestAddresses",
  "ServerTransportListenAddr", "ServerTransportOptions", "ServerTransportPlugin", "ShutdownWaitLength",
  "SigningKeyLifetime", "SSLKeyLifetime", "TestingAuthDirTimeToLearnReachability",
  "TestingAuthKeyLifetime", "TestingAuthKeySlop", "TestingDirAuthVoteExit",
  "TestingDirAuthVoteExitIsStrict", "TestingDirAuthVoteGuard", "TestingDirAuthVoteGuardIsStrict",
  "TestingDirAuthVoteHSDir", "TestingDirAuthVoteHSDirIsStrict", "TestingLinkCertLifetime",
  "TestingLinkKeySlop", "TestingMinExitFlagThreshold", "TestingMinFastFlagThreshold",
  "TestingMinTimeToReportBandwidth", "TestingServerConsensusDownloadInitialDelay",
  "TestingServerDownloadInitialDelay", "TestingSigningKeySlop", "TestingV3AuthInitialDistDelay",
  "TestingV3AuthInitialVoteDelay", "TestingV3AuthInitialVotingInterval", "TestingV3AuthVotingStartOffset",
  "V3AuthDistDelay", "V3AuthNIntervalsValid", "V3AuthoritativeDirectory", "V3AuthUseLegacyKey",
  "V3AuthVoteDelay", "V3AuthVotingInterval", "V3BandwidthsFile", "VersioningAuthoritativeDirectory",
};

static const char *const known_later[] = {
  "__AllDirActionsPrivate", "__AlwaysCongestionControl", "__ControlPort",
  "__DisableSignalHandlers", "__DNSPort", "__HashedControlSessionPassword", "__HTTPTunnelPort",
  "__LeaveStreamsUnattached", "__MetricsPort", "__NATDPort", "__OwningControllerFD",
  "__OwningControllerProcess", "__ReloadTorrcOnSIGHUP", "__SocksPort", "__TransPort", "AccelDir",
  "AccelName", "AllowNonRFC953Hostnames", "AutomapHostsOnResolve",
  "AutomapHostsSuffixes", "AvoidDiskWrites", "BandwidthBurst", "BandwidthRate", "Bridge",
  "CacheDirectory", "CacheDirectoryGroupReadable", "CircuitPadding",
  "CircuitPriorityHalflife",
  "ClientDNSRejectInternalAddresses", "ClientOnionAuthDir",
  "ClientTransportPlugin",
  "CompiledProofOfWorkHash", "ConfluxClientUX", "ConfluxEnabled", "ConnLimit",
  "ConstrainedSockets", "ConstrainedSockSize", "ControlPortFileGroupReadable",
  "ControlSocketsGroupWritable", "CookieAuthFileGroupReadable",
  "CountPrivateBandwidth", "DataDirectoryGroupReadable", "DirAllowPrivateAddresses",
  "DisableAllSwap", "DisableDebuggerAttachment", "DisableNetwork",
  "DisableOOSCheck", "DNSPort",
  "DownloadExtraInfo",
  "ExtendAllowPrivateAddresses", "ExtendByEd25519ID",
  "FetchHidServDescriptors",
  "HardwareAccel", "HeartbeatPeriod",
  "HiddenServiceAllowUnknownPorts", "HiddenServiceDir", "HiddenServiceDirGroupReadable",
  "HiddenServiceEnableIntroDoSBurstPerSec", "HiddenServiceEnableIntroDoSDefense",
  "HiddenServiceEnableIntroDoSRatePerSec", "HiddenServiceExportCircuitID", "HiddenServiceMaxStreams",
  "HiddenServiceMaxStreamsCloseCircuit", "HiddenServiceNonAnonymousMode",
  "HiddenServiceNumIntroductionPoints", "HiddenServiceOnionBalanceInstance", "HiddenServicePort",
  "HiddenServicePoWDefensesEnabled", "HiddenServicePoWQueueBurst", "HiddenServicePoWQueueRate",
  "HiddenServiceSingleHopMode", "HiddenServiceVersion", "HTTPProxy",
  "HTTPProxyAuthenticator", "HTTPTunnelPort", "KeepalivePeriod",
  "KeepBindCapabilities", "KeyDirectory", "KeyDirectoryGroupReadable", "KISTSchedRunInterval",
  "KISTSockBufSizeFactor", "LogMessageDomains", "LogTimeGranularity",
  "MainloopStats", "MapAddress",
  "MaxMemInQueues", "MaxUnparseableDescSizeToLog",
  "NATDPort", "NoExec", "NumCPUs", "OutboundBindAddress", "OutboundBindAddressOR",
  "OutboundBindAddressPT", "PaddingStatistics", "PerConnBWBurst", "PerConnBWRate", "ProtocolWarnings",
  "PublishHidServDescriptors",
  "ReconfigDropsBridgeDescs", "ReducedCircuitPadding", "RejectPlaintextPorts",
  "RunAsDaemon", "SafeSocks", "Sandbox", "Schedulers",
  "SocksPolicy",
  "SyslogIdentityTag", "TCPProxy", "TestingBridgeBootstrapDownloadInitialDelay",
  "TestingBridgeDownloadInitialDelay", "TestingClientConsensusDownloadInitialDelay",
  "TestingClientDownloadInitialDelay", "TestingClientMaxIntervalWithoutRequest",
  "TestingDirConnectionMaxStall", "TestingEnableCellStatsEvent", "TestingEnableConnBwEvent", "TestSocks",
  "TokenBucketRefillInterval", "TransPort", "TransProxyType",
  "TruncateLogFile", "UnixSocksGroupWritable", "UpdateBridgesFromAuthority", "UseBridges",
  "User",
  "VirtualAddrNetworkIPv4", "VirtualAddrNetworkIPv6", "WarnPlaintextPorts",
};

static const char *const known_obsolete[] = {
  "__UseFilteringSSLBufferevents", "AllowDotExit", "AllowInvalidNodes", "AllowSingleHopCircuits",
  "AllowSingleHopExits", "AlternateHSAuthority", "AndroidIdentityTag", "AuthDirBadDir",
  "AuthDirBadDirCCs", "AuthDirListBadDirs", "AuthDirMaxServersPerAuthAddr", "AuthDirRejectUnlisted",
  "CircuitIdleTimeout", "ClientAutoIPv6ORPort", "ClientBootstrapConsensusAuthorityOnlyMaxDownloadTries",
  "ClientBootstrapConsensusMaxDownloadTries", "CloseHSClientCircuitsImmediatelyOnTimeout",
  "CloseHSServiceRendCircuitsImmediatelyOnTimeout", "ControlListenAddress", "DirListenAddress",
  "DisableIOCP", "DisableV2DirectoryInfo_", "DNSListenAddress", "DynamicDHGroups",
  "ExcludeSingleHopRelays", "FallbackNetworkstatusFile", "FastFirstHopPK", "FetchV2Networkstatus",
  "Group", "HiddenServiceAuthorizeClient", "HidServAuth", "HidServDirectoryV2", "MaxOnionsPending",
  "NamingAuthoritativeDirectory", "NATDListenAddress", "OptimisticData", "ORListenAddress",
  "PathBiasDisableRate", "PathBiasMultFactor", "PathBiasScaleFactor", "PathBiasUseCloseCounts",
  "PortForwarding", "PortForwardingHelper", "PredictedPortsRelevanceTime", "PreferTunneledDirConns",
  "RecommendedPackages", "RunTesting", "SchedulerHighWaterMark__", "SchedulerLowWaterMark__",
  "SchedulerMaxFlushCells__", "SocksListenAddress", "StrictEntryNodes", "StrictExitNodes",
  "Support022HiddenServices", "TestingCertMaxDownloadTries", "TestingConsensusMaxDownloadTries",
  "TestingDescriptorMaxDownloadTries", "TestingEnableTbEmptyEvent",
  "TestingEstimatedDescriptorPropagationTime", "TestingMicrodescMaxDownloadTries", "TLSECGroup",
  "Tor2webMode", "Tor2webRendezvousPoints", "TransListenAddress", "TunnelDirConns",
  "UseEntryGuardsAsDirGuards", "UseFilteringSSLBufferevents", "UseNTorHandshake", "UserspaceIOCPBuffers",
  "V1AuthoritativeDirectory", "V2AuthoritativeDirectory", "VoteOnHidServDirectoriesV2", "WarnUnsafeSocks",
};

typedef struct
{
  const char *from, *to;
} KnownPair;

/* Other spellings, and the option that is meant. */
static const KnownPair known_aliases[] = {
  { "AuthDirBadDirCC", "AuthDirBadDirCCs" },
  { "AuthDirBadExitCC", "AuthDirBadExitCCs" },
  { "AuthDirInvalidCC", "AuthDirInvalidCCs" },
  { "AuthDirMiddleOnlyCC", "AuthDirMiddleOnlyCCs" },
  { "AuthDirRejectCC", "AuthDirRejectCCs" },
  { "EntryNode", "EntryNodes" },
  { "ExcludeNode", "ExcludeNodes" },
  { "FirewallPort", "FirewallPorts" },
  { "LongLivedPort", "LongLivedPorts" },
  { "NumCPU", "NumCPUs" },
  { "RecommendedPackage", "RecommendedPackages" },
  { "StrictEntryNode", "StrictEntryNodes" },
  { "StrictExitNode", "StrictExitNodes" },
  { "StrictNode", "StrictNodes" },
  { "AllowUnverifiedNodes", "AllowInvalidNodes" },
  { "AutomapHostSuffixes", "AutomapHostsSuffixes" },
  { "AutomapHostOnResolve", "AutomapHostsOnResolve" },
  { "BandwidthRateBytes", "BandwidthRate" },
  { "BandwidthBurstBytes", "BandwidthBurst" },
  { "DirServer", "DirAuthority" },
  { "MaxConn", "ConnLimit" },
  { "MaxMemInCellQueues", "MaxMemInQueues" },
  { "ORBindAddress", "ORListenAddress" },
  { "DirBindAddress", "DirListenAddress" },
  { "SocksBindAddress", "SocksListenAddress" },
  { "UseHelperNodes", "UseEntryGuards" },
  { "NumHelperNodes", "NumEntryGuards" },
  { "UseEntryNodes", "UseEntryGuards" },
  { "NumEntryNodes", "NumEntryGuards" },
  { "ResolvConf", "ServerDNSResolvConfFile" },
  { "SearchDomains", "ServerDNSSearchDomains" },
  { "ServerDNSAllowBrokenResolvConf", "ServerDNSAllowBrokenConfig" },
  { "PreferTunnelledDirConns", "PreferTunneledDirConns" },
  { "BridgeAuthoritativeDirectory", "BridgeAuthoritativeDir" },
  { "VirtualAddrNetwork", "VirtualAddrNetworkIPv4" },
  { "SocksSocketsGroupWritable", "UnixSocksGroupWritable" },
  { "_HSLayer2Nodes", "HSLayer2Nodes" },
  { "_HSLayer3Nodes", "HSLayer3Nodes" },
  { "ClientBootstrapConsensusAuthorityDownloadSchedule",
    "ClientBootstrapConsensusAuthorityDownloadInitialDelay" },
  { "ClientBootstrapConsensusAuthorityOnlyDownloadSchedule",
    "ClientBootstrapConsensusAuthorityOnlyDownloadInitialDelay" },
  { "ClientBootstrapConsensusFallbackDownloadSchedule",
    "ClientBootstrapConsensusFallbackDownloadInitialDelay" },
  { "TestingBridgeDownloadSchedule", "TestingBridgeDownloadInitialDelay" },
  { "TestingBridgeBootstrapDownloadSchedule", "TestingBridgeBootstrapDownloadInitialDelay" },
  { "TestingClientDownloadSchedule", "TestingClientDownloadInitialDelay" },
  { "TestingClientConsensusDownloadSchedule", "TestingClientConsensusDownloadInitialDelay" },
  { "TestingServerDownloadSchedule", "TestingServerDownloadInitialDelay" },
  { "TestingServerConsensusDownloadSchedule", "TestingServerConsensusDownloadInitialDelay" },
};

/* Values at which an option that Cepa does not have asks for what Cepa does anyway. */
static const KnownPair known_values[] = {
  { "AuthoritativeDirectory", "0" },
  { "BridgeRelay", "0" },
  { "DirPort", "0" },
  { "DisableNetwork", "0" },
  { "DNSPort", "0" },
  { "ExitRelay", "0" },
  { "ExtORPort", "0" },
  { "HTTPTunnelPort", "0" },
  { "NATDPort", "0" },
  { "ORPort", "0" },
  { "RunAsDaemon", "0" },
  { "Sandbox", "0" },
  { "TransPort", "0" },
  { "UseBridges", "0" },
};

static gboolean
known_contains (const char *const *names, gsize n_names, const char *key, const char **name)
{
  for (gsize i = 0; i < n_names; i++)
    if (g_ascii_strcasecmp (names[i], key) == 0)
      {
        *name = names[i];
        return TRUE;
      }
  return FALSE;
}

static const char *
known_pair_find (const KnownPair *pairs, gsize n_pairs, const char *from)
{
  for (gsize i = 0; i < n_pairs; i++)
    if (g_ascii_strcasecmp (pairs[i].from, from) == 0)
      return pairs[i].to;
  return NULL;
}

const char *
cepa_known_resolve_alias (const char *key)
{
  const char *name = known_pair_find (known_aliases, G_N_ELEMENTS (known_aliases), key);

  return name != NULL ? name : key;
}

CepaKnownKind
cepa_known_find (const char *key, const char **name)
{
  if (known_contains (known_relay, G_N_ELEMENTS (known_relay), key, name))
    return CEPA_KNOWN_RELAY;
  if (known_contains (known_later, G_N_ELEMENTS (known_later), key, name))
    return CEPA_KNOWN_LATER;
  if (known_contains (known_obsolete, G_N_ELEMENTS (known_obsolete), key, name))
    return CEPA_KNOWN_OBSOLETE;
  return CEPA_KNOWN_NOT;
}

const char *
cepa_known_value (const char *name)
{
  return known_pair_find (known_values, G_N_ELEMENTS (known_values), name);
}

const char *
cepa_known_name (guint i)
{
  if (i < G_N_ELEMENTS (known_later))
    return known_later[i];
  i -= G_N_ELEMENTS (known_later);
  return i < G_N_ELEMENTS (known_relay) ? known_relay[i] : NULL;
}
