/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers which key of GETINFO. */
#pragma once

#include "query.h"

G_BEGIN_DECLS

/* In getinfo-status.c */
void cepa_tor_getinfo_circuits (CepaTorQuery *query);
void cepa_tor_getinfo_streams (CepaTorQuery *query);
void cepa_tor_getinfo_channels (CepaTorQuery *query);
void cepa_tor_getinfo_guards (CepaTorQuery *query);
void cepa_tor_getinfo_listeners (CepaTorQuery *query);
void cepa_tor_getinfo_bootstrap (CepaTorQuery *query);
void cepa_tor_getinfo_traffic (CepaTorQuery *query);
void cepa_tor_getinfo_flags (CepaTorQuery *query);
void cepa_tor_getinfo_liveness (CepaTorQuery *query);
void cepa_tor_getinfo_dormant (CepaTorQuery *query);
void cepa_tor_getinfo_bandwidth (CepaTorQuery *query);

/* In getinfo-process.c */
void cepa_tor_getinfo_version (CepaTorQuery *query);
void cepa_tor_getinfo_process (CepaTorQuery *query);
void cepa_tor_getinfo_uptime (CepaTorQuery *query);
void cepa_tor_getinfo_time (CepaTorQuery *query);
void cepa_tor_getinfo_config_file (CepaTorQuery *query);
void cepa_tor_getinfo_config_names (CepaTorQuery *query);
void cepa_tor_getinfo_config_text (CepaTorQuery *query);
void cepa_tor_getinfo_event_names (CepaTorQuery *query);
void cepa_tor_getinfo_signal_names (CepaTorQuery *query);

/* In getinfo-network.c */
void cepa_tor_getinfo_ns_all (CepaTorQuery *query);
void cepa_tor_getinfo_ns (CepaTorQuery *query);
void cepa_tor_getinfo_md_all (CepaTorQuery *query);
void cepa_tor_getinfo_md (CepaTorQuery *query);
void cepa_tor_getinfo_desc_all (CepaTorQuery *query);
void cepa_tor_getinfo_desc (CepaTorQuery *query);
void cepa_tor_getinfo_downloads (CepaTorQuery *query);
void cepa_tor_getinfo_consensus (CepaTorQuery *query);
void cepa_tor_getinfo_country (CepaTorQuery *query);
void cepa_tor_getinfo_has_countries (CepaTorQuery *query);

/* In auth-commands.c: Returns: (transfer full): "0.4.9.11 (Cepa-0.1.0)". */
char *cepa_tor_version (CepaTorControl *control);

G_END_DECLS
