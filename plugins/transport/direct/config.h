/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin's options, checked and parsed. */
#pragma once

#include <cepa/host.h>

#include "proxy.h"

G_BEGIN_DECLS

/**
 * CepaDirectConfig:
 * @protocol: (nullable): of the upstream proxy
 * @login: what the proxy is told; strings are the host's
 * @proxy: its address; version 0 while @proxy_name has not been looked up
 * @proxy_name: (nullable): its name, when the user gave no address
 * @use_ipv4: @use_ipv6: whether relays are connected to over these
 * @bind_ipv4: @bind_ipv6: our own addresses; version 0: the system's choice
 */
typedef struct
{
  const CepaUpstreamProtocol *protocol;
  CepaUpstreamLogin login;
  CepaAddress proxy;
  char *proxy_name;
  gboolean use_ipv4, use_ipv6;
  CepaAddress bind_ipv4, bind_ipv6;
} CepaDirectConfig;

/* Returns: FALSE with CEPA_PLUGIN_ERROR_INVALID that names the option; @out is to be cleared in any case. */
gboolean cepa_direct_config_read (CepaDirectConfig *out, const CepaHost *host, GError **error);
void cepa_direct_config_clear (CepaDirectConfig *self);

/* Whether relays at @address are connected to. */
gboolean cepa_direct_config_allows (const CepaDirectConfig *self, const CepaAddress *address);

/* Returns: (transfer none) (nullable): our own address for a connection to @peer. */
const CepaAddress *cepa_direct_config_get_bind (const CepaDirectConfig *self, const CepaAddress *peer);

G_END_DECLS
