/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of relays: who may stand where, what of them may be reached, what is known of them. */
#pragma once

#include <glib.h>

#include "network/node-set.h"
#include "network/reachability.h"

G_BEGIN_DECLS

/* Part of CepaConfig. */
typedef struct
{
  CepaNodeSet *exclude_nodes;  /* (nullable), as are the next four: without a line there is none */
  CepaNodeSet *exclude_exit_nodes;
  CepaNodeSet *entry_nodes;
  CepaNodeSet *middle_nodes;
  CepaNodeSet *exit_nodes;
  gint vanguards_lite;         /* VanguardsLiteEnabled: 1, 0, -1: auto */
  CepaNodeSet *layer2_nodes, *layer3_nodes; /* (nullable): HSLayer2Nodes, HSLayer3Nodes */
  GPtrArray *node_families;    /* (element-type CepaNodeSet) */
  gboolean strict_nodes;
  gint geoip_exclude_unknown;  /* 0, 1, or -1 for auto; so the two of IPv6 below */
  char *geoip_file;
  char *geoip6_file;
  char *as_file;               /* (nullable) */
  CepaAddressPolicy *reachable_addresses;     /* (nullable), as is the next */
  CepaAddressPolicy *reachable_or_addresses;
  CepaAddressPolicy *reachable_dir_addresses; /* (nullable): nothing hangs on it */
  gboolean fascist_firewall;
  GArray *firewall_ports;      /* (nullable) (element-type guint16) */
  gboolean client_use_ipv4;
  gboolean client_use_ipv6;
  gint client_prefer_ipv6_or_port;
  gint client_prefer_ipv6_dir_port;
  CepaReachability reachability; /* what these come to; its policy is the config's */
} CepaRelayConfig;

G_END_DECLS
