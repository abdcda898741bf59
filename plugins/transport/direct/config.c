/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <string.h>

#include <cepa/services.h>

#include "address.h"

static const struct
{
  const char *option;
  const CepaUpstreamProtocol *protocol;
} config_proxies[] = {
  { "socks4-proxy", &cepa_upstream_socks4 },
  { "socks5-proxy", &cepa_upstream_socks5 },
  { "https-proxy", &cepa_upstream_https },
};

static gboolean G_GNUC_PRINTF (2, 3)
config_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, text);
  return FALSE;
}

static gboolean
config_read_proxy (CepaDirectConfig *self, const CepaHost *host, GError **error)
{
  const char *used = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (config_proxies); i++)
    {
      const char *option = config_proxies[i].option, *text = cepa_host_option_text (host, option, NULL);
      guint16 port;

      if (text == NULL)
        continue;
      if (used != NULL)
        return config_refuse (error, "%s and %s are both set: at most one proxy can be used", used, option);
      used = option;
      self->protocol = config_proxies[i].protocol;
      self->proxy_name = cepa_direct_endpoint_split (text, self->protocol->default_port, &port);
      if (self->proxy_name == NULL)
        return config_refuse (error, "%s is not HOST or HOST:PORT, with an IPv6 address in brackets", option);
      if (cepa_direct_address_parse (self->proxy_name, &self->proxy))
        g_clear_pointer (&self->proxy_name, g_free);
      self->proxy.port = port;
    }
  return TRUE;
}

static gboolean
config_check_login_part (const char *option, const char *text, GError **error)
{
  gsize len = strlen (text);

  if (len < 1 || len > CEPA_UPSTREAM_MAX_LOGIN)
    return config_refuse (error, "%s has %" G_GSIZE_FORMAT " bytes; 1 to %d are possible", option, len,
                          CEPA_UPSTREAM_MAX_LOGIN);
  return TRUE;
}

static gboolean
config_read_login (CepaDirectConfig *self, const CepaHost *host, GError **error)
{
  CepaUpstreamLogin *login = &self->login;

  login->username = cepa_host_option_text (host, "socks5-proxy-username", NULL);
  login->password = cepa_host_option_text (host, "socks5-proxy-password", NULL);
  login->authenticator = cepa_host_option_text (host, "https-proxy-authenticator", NULL);
  if ((login->username == NULL) != (login->password == NULL))
    return config_refuse (error, "of socks5-proxy-username and socks5-proxy-password both must be set, or none");
  if (login->username != NULL
      && (!config_check_login_part ("socks5-proxy-username", login->username, error)
          || !config_check_login_part ("socks5-proxy-password", login->password, error)))
    return FALSE;
  if (login->authenticator != NULL && strlen (login->authenticator) > CEPA_UPSTREAM_MAX_AUTHENTICATOR)
    return config_refuse (error, "https-proxy-authenticator has more than %d bytes", CEPA_UPSTREAM_MAX_AUTHENTICATOR);
  return TRUE;
}

static gboolean
config_read_bind (CepaDirectConfig *self, const CepaHost *host, GError **error)
{
  const char *const *values = cepa_host_option (host, "outbound-bind-address");

  for (guint i = 0; values != NULL && values[i] != NULL; i++)
    {
      CepaAddress address, *place;

      if (!cepa_direct_address_parse (values[i], &address))
        return config_refuse (error, "outbound-bind-address: \"%s\" is not an IP address", values[i]);
      place = address.version == 6 ? &self->bind_ipv6 : &self->bind_ipv4;
      if (place->version != 0)
        return config_refuse (error, "outbound-bind-address is there twice for IPv%u", address.version);
      *place = address;
    }
  return TRUE;
}

gboolean
cepa_direct_config_read (CepaDirectConfig *out, const CepaHost *host, GError **error)
{
  memset (out, 0, sizeof *out);
  out->use_ipv4 = cepa_host_option_int (host, "client-use-ipv4", 1) != 0;
  out->use_ipv6 = cepa_host_option_int (host, "client-use-ipv6", 1) != 0;
  if (!out->use_ipv4 && !out->use_ipv6)
    return config_refuse (error, "client-use-ipv4 and client-use-ipv6 are both 0: no relay could be reached");
  return config_read_proxy (out, host, error) && config_read_login (out, host, error)
         && config_read_bind (out, host, error);
}

void
cepa_direct_config_clear (CepaDirectConfig *self)
{
  g_free (self->proxy_name);
  memset (self, 0, sizeof *self);
}

gboolean
cepa_direct_config_allows (const CepaDirectConfig *self, const CepaAddress *address)
{
  if (address->version == 4)
    return self->use_ipv4;
  return address->version == 6 && self->use_ipv6 && (self->protocol == NULL || self->protocol->has_ipv6);
}

const CepaAddress *
cepa_direct_config_get_bind (const CepaDirectConfig *self, const CepaAddress *peer)
{
  const CepaAddress *address = peer->version == 6 ? &self->bind_ipv6 : &self->bind_ipv4;

  return address->version == 0 || cepa_direct_address_is_loopback (peer) ? NULL : address;
}
