/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin transport.direct. */
#include <cepa/plugin.h>

#include "direct.h"

static const CepaPluginOption plugin_options[] = {
  { .name = "socks4-proxy", .type = CEPA_PLUGIN_OPTION_TEXT,
    .description = "HOST[:PORT] of a SOCKS4 proxy through which every connection goes; port 1080 unless it says. "
                   "Relays are reached over IPv4 only. At most one proxy can be set." },
  { .name = "socks5-proxy", .type = CEPA_PLUGIN_OPTION_TEXT,
    .description = "HOST[:PORT] of a SOCKS5 proxy through which every connection goes; port 1080 unless it says." },
  { .name = "socks5-proxy-username", .type = CEPA_PLUGIN_OPTION_TEXT,
    .description = "User name for the SOCKS5 proxy, 1 to 255 bytes; the password must be set too." },
  { .name = "socks5-proxy-password", .type = CEPA_PLUGIN_OPTION_SECRET,
    .description = "Password for the SOCKS5 proxy, 1 to 255 bytes." },
  { .name = "https-proxy", .type = CEPA_PLUGIN_OPTION_TEXT,
    .description = "HOST[:PORT] of an HTTP proxy, by whose CONNECT every connection goes; port 443 unless it says." },
  { .name = "https-proxy-authenticator", .type = CEPA_PLUGIN_OPTION_SECRET,
    .description = "USER:PASSWORD for the HTTP proxy, at most 511 bytes; sent by the scheme Basic." },
  { .name = "client-use-ipv4", .type = CEPA_PLUGIN_OPTION_BOOL, .default_text = "1",
    .description = "Whether relays are reached at their IPv4 addresses." },
  { .name = "client-use-ipv6", .type = CEPA_PLUGIN_OPTION_BOOL, .default_text = "1",
    .description = "Whether relays are reached at their IPv6 addresses." },
  { .name = "outbound-bind-address", .type = CEPA_PLUGIN_OPTION_TEXT, .is_list = 1,
    .description = "IP address of this computer from which connections are made; one of IPv4 and one of IPv6. "
                   "Connections to this computer itself are made from any." },
};

static void *
plugin_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  return cepa_direct_new (host);
}

static void
plugin_start (void *self, uint64_t task)
{
  cepa_direct_start (self, task);
}

static void
plugin_stop (void *self, uint64_t task)
{
  cepa_direct_stop (self, task);
}

static void
plugin_destroy (void *self)
{
  cepa_direct_free (self);
}

static void
plugin_connect (void *self, uint64_t attempt, G_GNUC_UNUSED const char *name, const CepaTransportTarget *target)
{
  cepa_direct_connect (self, attempt, target);
}

static void
plugin_cancel (void *self, uint64_t attempt)
{
  cepa_direct_cancel (self, attempt);
}

static const CepaTransportTable plugin_transport = {
  .size = sizeof (CepaTransportTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .connect = plugin_connect,
  .cancel = plugin_cancel,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "transport.direct",
  .name = "Direct connections",
  .licence = "BSD-3-Clause",
  .options = plugin_options,
  .n_options = G_N_ELEMENTS (plugin_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
  .transport = &plugin_transport,
};
