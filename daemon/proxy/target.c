/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/target.h"

#include <arpa/inet.h>
#include <string.h>

static const struct
{
  const char *network;
  guint bits;
} target_internal_v4[] = {
  { "0.0.0.0", 8 },      { "10.0.0.0", 8 },    { "100.64.0.0", 10 }, { "127.0.0.0", 8 },
  { "169.254.0.0", 16 }, { "172.16.0.0", 12 }, { "192.168.0.0", 16 },
};

static gboolean
target_is_internal_v4 (guint32 address)
{
  for (guint i = 0; i < G_N_ELEMENTS (target_internal_v4); i++)
    {
      struct in_addr network;
      guint32 mask = G_MAXUINT32 << (32 - target_internal_v4[i].bits);

      inet_pton (AF_INET, target_internal_v4[i].network, &network);
      if ((address & mask) == ntohl (network.s_addr))
        return TRUE;
    }
  return FALSE;
}

static gboolean
target_is_internal_v6 (const struct in6_addr *a)
{
  const guint8 *b = a->s6_addr;
  guint32 v4 = (guint32) b[12] << 24 | (guint32) b[13] << 16 | (guint32) b[14] << 8 | b[15];

  if (IN6_IS_ADDR_V4MAPPED (a))
    return target_is_internal_v4 (v4);
  return IN6_IS_ADDR_UNSPECIFIED (a) || IN6_IS_ADDR_LOOPBACK (a) || (b[0] & 0xfe) == 0xfc /* fc00::/7 */
         || (b[0] == 0xfe && (b[1] & 0xc0) >= 0x80) /* fe80::/10, fec0::/10 */;
}

static gboolean
target_has_suffix (const char *host, const char *suffix)
{
  return g_str_has_suffix (host, suffix) || strcmp (host, suffix + 1) == 0;
}

static gboolean
target_is_internal (const char *host)
{
  struct in_addr v4;
  struct in6_addr v6;

  if (inet_pton (AF_INET, host, &v4) == 1)
    return target_is_internal_v4 (ntohl (v4.s_addr));
  if (inet_pton (AF_INET6, host, &v6) == 1)
    return target_is_internal_v6 (&v6);
  return target_has_suffix (host, ".localhost") || target_has_suffix (host, ".local");
}

static void
target_normalize (char *host)
{
  gsize len = strlen (host);

  for (gsize i = 0; i < len; i++)
    host[i] = g_ascii_tolower (host[i]);
  /* All of them: "x.onion.." must not pass for a name that an exit may be asked for. */
  while (len > 0 && host[len - 1] == '.')
    host[--len] = '\0';
}

const char *
cepa_target_check (char *host, gboolean reject_internal)
{
  target_normalize (host);
  if (host[0] == '\0')
    return "an empty name";
  for (const char *p = host; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-_.:", *p) == NULL)
      return "a name with characters that no name has";
  if (strchr (host, ':') != NULL && !cepa_target_is_ipv6 (host))
    return "a name with a colon in it";
  if (target_has_suffix (host, ".onion"))
    return "an onion service, which this version cannot reach yet";
  if (target_has_suffix (host, ".exit"))
    return "a name that chooses its exit";
  if (reject_internal && target_is_internal (host))
    return "an address inside a private network (ClientRejectInternalAddresses)";
  return NULL;
}

gboolean
cepa_target_is_ipv6 (const char *host)
{
  struct in6_addr v6;

  return inet_pton (AF_INET6, host, &v6) == 1;
}
