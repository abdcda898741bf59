/* SPDX-License-Identifier: BSD-3-Clause */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void
cepa_direct_address_format (const CepaAddress *self, char out[CEPA_ADDRESS_TEXT_LEN])
{
  char host[INET6_ADDRSTRLEN] = "?";

  inet_ntop (self->version == 6 ? AF_INET6 : AF_INET, self->bytes, host, sizeof host);
  g_snprintf (out, CEPA_ADDRESS_TEXT_LEN, self->version == 6 ? "[%s]:%u" : "%s:%u", host, self->port);
}

gboolean
cepa_direct_address_parse (const char *text, CepaAddress *out)
{
  g_autofree char *bare = NULL;
  gsize len = strlen (text);

  memset (out, 0, sizeof *out);
  if (inet_pton (AF_INET, text, out->bytes) == 1)
    {
      out->version = 4;
      return TRUE;
    }
  bare = len > 2 && text[0] == '[' && text[len - 1] == ']' ? g_strndup (text + 1, len - 2) : g_strdup (text);
  if (inet_pton (AF_INET6, bare, out->bytes) == 1)
    {
      out->version = 6;
      return TRUE;
    }
  return FALSE;
}

static gboolean
address_parse_port (const char *text, guint16 *port)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &value, NULL))
    return FALSE;
  *port = (guint16) value;
  return TRUE;
}

char *
cepa_direct_endpoint_split (const char *text, guint16 default_port, guint16 *port)
{
  const char *colon = strrchr (text, ':'), *end = strchr (text, ']');
  g_autofree char *host = NULL;
  CepaAddress address;

  *port = default_port;
  if (text[0] == '[')
    {
      if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !address_parse_port (end + 2, port))))
        return NULL;
      host = g_strndup (text + 1, (gsize) (end - text - 1));
      return cepa_direct_address_parse (host, &address) && address.version == 6 ? g_steal_pointer (&host) : NULL;
    }
  if (colon != NULL && strchr (text, ':') != colon) /* IPv6 has no room for a port without brackets */
    return cepa_direct_address_parse (text, &address) ? g_strdup (text) : NULL;
  if (colon != NULL && !address_parse_port (colon + 1, port))
    return NULL;
  host = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
  return host[0] != '\0' ? g_steal_pointer (&host) : NULL;
}

gboolean
cepa_direct_address_is_loopback (const CepaAddress *self)
{
  static const guint8 ipv6[16] = { [15] = 1 };

  return self->version == 6 ? memcmp (self->bytes, ipv6, sizeof ipv6) == 0 : self->bytes[0] == 127;
}

socklen_t
cepa_direct_address_to_native (const CepaAddress *self, struct sockaddr_storage *out)
{
  memset (out, 0, sizeof *out);
  if (self->version == 6)
    {
      struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *) out;

      ipv6->sin6_family = AF_INET6;
      ipv6->sin6_port = htons (self->port);
      memcpy (&ipv6->sin6_addr, self->bytes, sizeof ipv6->sin6_addr);
      return sizeof *ipv6;
    }
  else
    {
      struct sockaddr_in *ipv4 = (struct sockaddr_in *) out;

      ipv4->sin_family = AF_INET;
      ipv4->sin_port = htons (self->port);
      memcpy (&ipv4->sin_addr, self->bytes, sizeof ipv4->sin_addr);
      return sizeof *ipv4;
    }
}
