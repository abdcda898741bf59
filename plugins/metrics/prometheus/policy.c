/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy.h"

#include <cepa/error.h>
#include <string.h>

#define POLICY_MAX_ENTRIES 1000
#define POLICY_MAX_SHOWN 60 /* characters of an entry in a message */

typedef struct
{
  gboolean accepts;
  gboolean ipv4, ipv6;     /* of which families */
  GInetAddressMask *mask;  /* (nullable): NULL: every address of the families */
} PolicyEntry;

struct _CepaPrometheusPolicy
{
  GArray *entries; /* (element-type PolicyEntry) */
};

/* What "private" stands for: addresses that are of no use beyond a site. */
static const char *const policy_private[]
    = { "0.0.0.0/8", "169.254.0.0/16", "127.0.0.0/8", "192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12",
        "::/8",      "fc00::/7",       "fe80::/10",   "fec0::/10",      "ff00::/8" };

static void
policy_entry_clear (gpointer data)
{
  g_clear_object (&((PolicyEntry *) data)->mask);
}

static void
policy_add (CepaPrometheusPolicy *self, gboolean accepts, gboolean ipv4, gboolean ipv6, GInetAddressMask *mask)
{
  PolicyEntry entry = { accepts, ipv4, ipv6, mask };

  g_array_append_val (self->entries, entry);
}

/* A mask of ones and then zeros as the number of ones; -1 when it is none. */
static int
policy_count_bits (const char *text)
{
  g_autoptr (GInetAddress) mask = g_inet_address_new_from_string (text);
  const guint8 *bytes;
  guint32 value;

  if (mask == NULL || g_inet_address_get_family (mask) != G_SOCKET_FAMILY_IPV4)
    return -1;
  bytes = g_inet_address_to_bytes (mask);
  value = (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 | (guint32) bytes[2] << 8 | bytes[3];
  if ((~value & (~value + 1)) != 0)
    return -1;
  return __builtin_popcount (value);
}

/* (transfer full): @address with zeros behind its first @bits bits. */
static GInetAddress *
policy_clear_host_bits (GInetAddress *address, guint bits)
{
  guint8 bytes[16] = { 0 };

  memcpy (bytes, g_inet_address_to_bytes (address), g_inet_address_get_native_size (address));
  for (guint i = bits; i < sizeof bytes * 8; i++)
    bytes[i / 8] &= (guint8) ~(0x80 >> i % 8);
  return g_inet_address_new_from_bytes (bytes, g_inet_address_get_family (address));
}

/* (transfer full) (nullable): of "ADDRESS", "ADDRESS/BITS" or "ADDRESS/MASK", without brackets. */
static GInetAddressMask *
policy_parse_mask (const char *address, const char *bits)
{
  g_autoptr (GInetAddress) base = g_inet_address_new_from_string (address);
  g_autoptr (GInetAddress) network = NULL;
  guint64 n = 0;

  if (base == NULL)
    return NULL;
  if (bits == NULL)
    n = g_inet_address_get_native_size (base) * 8;
  else if (strchr (bits, '.') != NULL)
    {
      int ones = policy_count_bits (bits);

      if (ones < 0 || g_inet_address_get_family (base) != G_SOCKET_FAMILY_IPV4)
        return NULL;
      n = (guint64) ones;
    }
  else if (!g_ascii_string_to_unsigned (bits, 10, 0, g_inet_address_get_native_size (base) * 8, &n, NULL))
    return NULL;
  network = policy_clear_host_bits (base, (guint) n);
  return g_inet_address_mask_new (network, (guint) n, NULL);
}

/* Takes ":PORT" off, which has no meaning here, as C Tor does; FALSE when it is nothing of the kind. */
static gboolean
policy_drop_port (char *text)
{
  char *colon = strrchr (text, ':');
  const char *port;

  if (colon == NULL || (text[0] != '[' && strchr (text, ':') != colon) || strchr (colon, ']') != NULL)
    return TRUE; /* none, or an IPv6 address without brackets */
  for (port = colon + 1; *port != '\0'; port++)
    if (!g_ascii_isdigit (*port) && *port != '-' && *port != '*')
      return FALSE;
  if (port == colon + 1)
    return FALSE;
  *colon = '\0';
  return TRUE;
}

static gboolean
policy_parse_pattern (CepaPrometheusPolicy *self, gboolean accepts, gboolean only_ipv6, const char *pattern)
{
  g_autofree char *text = g_strdup (pattern);
  g_autofree char *address = NULL;
  GInetAddressMask *mask;
  char *bits;
  gsize len;

  if (!policy_drop_port (text))
    return FALSE;
  if (strcmp (text, "*") == 0 || strcmp (text, "*4") == 0 || strcmp (text, "*6") == 0)
    {
      policy_add (self, accepts, !only_ipv6 && text[1] != '6', text[1] != '4', NULL);
      return TRUE;
    }
  if (strcmp (text, "private") == 0)
    {
      for (guint i = 0; i < G_N_ELEMENTS (policy_private); i++)
        if (!policy_parse_pattern (self, accepts, only_ipv6, policy_private[i]))
          return FALSE;
      return TRUE;
    }
  bits = strchr (text, '/');
  if (bits != NULL)
    *bits++ = '\0';
  len = strlen (text);
  address = text[0] == '[' && text[len - 1] == ']' ? g_strndup (text + 1, len - 2) : g_strdup (text);
  mask = policy_parse_mask (address, bits);
  if (mask != NULL)
    policy_add (self, accepts, !only_ipv6, TRUE, mask);
  return mask != NULL;
}

static gboolean
policy_parse_entry (CepaPrometheusPolicy *self, char *text)
{
  char *pattern = text + strcspn (text, " \t");
  gboolean only_ipv6;

  if (*pattern == '\0')
    return FALSE;
  *pattern++ = '\0';
  pattern = g_strchug (pattern);
  only_ipv6 = g_ascii_strcasecmp (text, "accept6") == 0 || g_ascii_strcasecmp (text, "reject6") == 0;
  if (!only_ipv6 && g_ascii_strcasecmp (text, "accept") != 0 && g_ascii_strcasecmp (text, "reject") != 0)
    return FALSE;
  return policy_parse_pattern (self, g_ascii_tolower (text[0]) == 'a', only_ipv6, pattern);
}

CepaPrometheusPolicy *
cepa_prometheus_policy_new (const char *const *lines, GError **error)
{
  g_autoptr (CepaPrometheusPolicy) self = g_new0 (CepaPrometheusPolicy, 1);

  self->entries = g_array_new (FALSE, FALSE, sizeof (PolicyEntry));
  g_array_set_clear_func (self->entries, policy_entry_clear);
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    {
      g_auto (GStrv) entries = g_strsplit (lines[i], ",", -1);

      for (guint j = 0; entries[j] != NULL; j++)
        {
          g_autofree char *copy = g_strdup (g_strstrip (entries[j]));

          if (*copy == '\0')
            continue;
          if (policy_parse_entry (self, copy) && self->entries->len <= POLICY_MAX_ENTRIES)
            continue;
          g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                       "the policy \"%.*s\" is not accept or reject and an address, as in accept 127.0.0.1",
                       POLICY_MAX_SHOWN, entries[j]);
          return NULL;
        }
    }
  return g_steal_pointer (&self);
}

void
cepa_prometheus_policy_free (CepaPrometheusPolicy *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->entries);
  g_free (self);
}

/* (transfer full): what is behind an IPv4 address written as an IPv6 one (::ffff:0:0/96). */
static GInetAddress *
policy_unmap (GInetAddress *address)
{
  static const guint8 prefix[12] = { [10] = 0xff, [11] = 0xff };
  const guint8 *bytes = g_inet_address_to_bytes (address);

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 && memcmp (bytes, prefix, sizeof prefix) == 0)
    return g_inet_address_new_from_bytes (bytes + sizeof prefix, G_SOCKET_FAMILY_IPV4);
  return g_object_ref (address);
}

gboolean
cepa_prometheus_policy_accepts (const CepaPrometheusPolicy *self, GInetAddress *from)
{
  g_autoptr (GInetAddress) address = policy_unmap (from);
  gboolean is_ipv4 = g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4;

  for (guint i = 0; i < self->entries->len; i++)
    {
      const PolicyEntry *entry = &g_array_index (self->entries, PolicyEntry, i);

      if ((is_ipv4 ? entry->ipv4 : entry->ipv6)
          && (entry->mask == NULL || g_inet_address_mask_matches (entry->mask, address)))
        return entry->accepts;
    }
  return FALSE;
}

gboolean
cepa_prometheus_policy_has_accept (const CepaPrometheusPolicy *self)
{
  for (guint i = 0; i < self->entries->len; i++)
    if (g_array_index (self->entries, PolicyEntry, i).accepts)
      return TRUE;
  return FALSE;
}
