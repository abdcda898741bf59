/* SPDX-License-Identifier: BSD-3-Clause */
/* Who proposes paths, and the rules that every proposal must keep. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "network/network.h"

G_BEGIN_DECLS

/**
 * CepaPathPolicy:
 * @id: (transfer none): the plugin's id, for messages
 * @choose: as CepaPathTable.choose_path
 * @network_changed: (nullable)
 *
 * What proposes paths: filled by the plugin host, owned by whoever filled it.
 */
typedef struct _CepaPathPolicy CepaPathPolicy;
struct _CepaPathPolicy
{
  const char *id;
  gboolean (*choose) (CepaPathPolicy *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                      GError **error);
  void (*network_changed) (CepaPathPolicy *self, const CepaNetworkView *view);
  void *context;
};

/**
 * cepa_path_check:
 * @request: what was asked for
 * @path: what was proposed
 * @enforce_subnets: whether two relays of one /16 (IPv4) or /32 (IPv6) are refused
 *
 * The rules that no plugin can switch off: as many hops as asked; rows that exist; no relay twice; none
 * excluded; every relay Running, Valid and with keys; no two of one family; no two of one network; the first
 * has Guard (when there is more than one hop) and V2Dir is not needed; nobody MiddleOnly but in the middle;
 * the last of a general path is an Exit, not BadExit, and its policy allows the port; Stable where asked,
 * Fast everywhere for general paths.
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN whose message names the rule and the relay.
 */
gboolean cepa_path_check (const CepaNetwork *network, const CepaPathRequest *request, const CepaPath *path,
                          gboolean enforce_subnets, GError **error);

G_END_DECLS
