/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/address-policy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"

#define POLICY_MAX_TEXT 128  /* bytes of one rule: the longest IPv6 address, its bits and ports, and blanks */
#define POLICY_MAX_SHOWN 60 /* of a rule in a message */
#define POLICY_ROOM 4

/* Bytes behind each other, so that rules may be compared as such. */
typedef struct
{
  guint8 address[16]; /* network byte order; of IPv4 the first four */
  guint16 low, high;  /* ports */
  guint8 bits;        /* of the address that count */
  guint8 is_ipv6;
  guint8 accepts;
  guint8 reserved; /* 0 */
} PolicyRule;

G_STATIC_ASSERT (sizeof (PolicyRule) == 24);

struct _CepaAddressPolicy
{
  gatomicrefcount ref_count;
  GArray *rules; /* of PolicyRule */
};

/* What a rule's text says before its networks are known. */
typedef struct
{
  gboolean accepts, only_ipv6;
  char *address, *mask, *ports; /* (transfer none): in the text that was cut up; the last two are NULL without them */
  gboolean in_brackets;
  guint16 low, high;
} PolicyText;

/* Networks that are nobody's in the Internet; the list of C Tor 0.4.9.11, by which authorities make summaries. */
static const struct
{
  const char *address;
  guint8 bits;
} policy_private[] = {
  { "0.0.0.0", 8 },    { "169.254.0.0", 16 }, { "127.0.0.0", 8 }, { "192.168.0.0", 16 },
  { "10.0.0.0", 8 },   { "172.16.0.0", 12 },  { "::", 8 },        { "fc00::", 7 },
  { "fe80::", 10 },    { "fec0::", 10 },      { "ff00::", 8 },    { "::", 127 },
};

CepaAddressPolicy *
cepa_address_policy_new (void)
{
  CepaAddressPolicy *self = g_new0 (CepaAddressPolicy, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->rules = g_array_sized_new (FALSE, FALSE, sizeof (PolicyRule), POLICY_ROOM);
  return self;
}

CepaAddressPolicy *
cepa_address_policy_ref (CepaAddressPolicy *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_address_policy_unref (CepaAddressPolicy *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_array_unref (self->rules);
  g_free (self);
}

static gboolean G_GNUC_PRINTF (2, 3)
policy_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, text);
  return FALSE;
}

/* Decimal digits alone, at most @max. */
static gboolean
policy_read_number (const char *text, guint max, guint *out)
{
  guint value = 0;

  if (*text == '\0')
    return FALSE;
  for (; *text != '\0'; text++)
    {
      if (!g_ascii_isdigit (*text))
        return FALSE;
      value = value * 10 + (guint) (*text - '0');
      if (value > max)
        return FALSE;
    }
  *out = value;
  return TRUE;
}

/* "80", "80-90" or "*"; everything without a text. @text is cut up. */
static gboolean
policy_read_ports (char *text, guint16 *low, guint16 *high, GError **error)
{
  guint first = 1, last = G_MAXUINT16;
  char *dash = text != NULL ? strchr (text, '-') : NULL;

  if (text != NULL && strcmp (text, "*") != 0)
    {
      if (dash != NULL)
        *dash = '\0';
      if (!policy_read_number (text, G_MAXUINT16, &first)
          || !policy_read_number (dash != NULL ? dash + 1 : text, G_MAXUINT16, &last) || first == 0 || last < first)
        return policy_refuse (error, "a port is a number from 1 to 65535, a range of these, or *");
    }
  *low = (guint16) first;
  *high = (guint16) last;
  return TRUE;
}

/* How many bits of a dotted quad are set, which must be the first ones. */
static gboolean
policy_count_mask (const char *mask, guint *bits)
{
  struct in_addr address;
  guint32 value, n = 0;

  if (inet_pton (AF_INET, mask, &address) != 1)
    return FALSE;
  for (value = ntohl (address.s_addr); (value & 0x80000000u) != 0; value <<= 1)
    n++;
  if (value != 0)
    return FALSE;
  *bits = n;
  return TRUE;
}

static gboolean
policy_read_network (const PolicyText *text, PolicyRule *rule, GError **error)
{
  guint bits;

  if (!text->in_brackets && inet_pton (AF_INET, text->address, rule->address) == 1)
    rule->is_ipv6 = FALSE;
  else if (text->in_brackets && inet_pton (AF_INET6, text->address, rule->address) == 1)
    rule->is_ipv6 = TRUE;
  else
    return policy_refuse (error, "the address is not IPv4, IPv6 in brackets, *, *4 or *6");
  bits = rule->is_ipv6 ? 128 : 32;
  if (text->mask != NULL && !policy_read_number (text->mask, bits, &bits)
      && (rule->is_ipv6 || !policy_count_mask (text->mask, &bits)))
    return policy_refuse (error, "behind / is the number of bits of the network, at most %u", bits);
  if (text->only_ipv6 && !rule->is_ipv6)
    return policy_refuse (error, "accept6 and reject6 take no IPv4 addresses");
  rule->bits = (guint8) bits;
  return TRUE;
}

/* The stars: with which families? */
static gboolean
policy_read_star (const PolicyText *text, gboolean *ipv4, gboolean *ipv6)
{
  if (text->in_brackets || text->address[0] != '*' || (text->address[1] != '\0' && text->address[2] != '\0'))
    return FALSE;
  *ipv4 = text->address[1] == '4' || (text->address[1] == '\0' && !text->only_ipv6);
  *ipv6 = text->address[1] == '6' || text->address[1] == '\0';
  return *ipv4 || *ipv6;
}

static PolicyRule
policy_rule_init (const PolicyText *text)
{
  return (PolicyRule) { .low = text->low, .high = text->high, .accepts = text->accepts };
}

static void
policy_append_private (CepaAddressPolicy *self, const PolicyText *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (policy_private); i++)
    {
      PolicyRule rule = policy_rule_init (text);

      rule.is_ipv6 = strchr (policy_private[i].address, ':') != NULL;
      inet_pton (rule.is_ipv6 ? AF_INET6 : AF_INET, policy_private[i].address, rule.address);
      rule.bits = policy_private[i].bits;
      g_array_append_val (self->rules, rule);
    }
}

static gboolean
policy_append (CepaAddressPolicy *self, const PolicyText *text, GError **error)
{
  PolicyRule rule = policy_rule_init (text);
  gboolean ipv4 = FALSE, ipv6 = FALSE;

  if (!text->in_brackets && text->mask == NULL && strcmp (text->address, "private") == 0)
    {
      policy_append_private (self, text);
      return TRUE;
    }
  if (!policy_read_star (text, &ipv4, &ipv6))
    {
      if (!policy_read_network (text, &rule, error))
        return FALSE;
      g_array_append_val (self->rules, rule);
      return TRUE;
    }
  if (text->mask != NULL)
    return policy_refuse (error, "* has no network bits");
  if (text->only_ipv6 && ipv4)
    return policy_refuse (error, "accept6 and reject6 take no IPv4 addresses");
  if (ipv4)
    g_array_append_val (self->rules, rule);
  rule.is_ipv6 = TRUE;
  if (ipv6)
    g_array_append_val (self->rules, rule);
  return TRUE;
}

/* Reads "accept" and its like off the front of @text; returns what is behind it. */
static char *
policy_take_action (char *text, CepaAddressPolicyBare bare, PolicyText *out, GError **error)
{
  static const struct
  {
    const char *word;
    gboolean accepts, only_ipv6;
  } actions[] = {
    { "accept", TRUE, FALSE },
    { "reject", FALSE, FALSE },
    { "accept6", TRUE, TRUE },
    { "reject6", FALSE, TRUE },
  };
  gsize len = strcspn (text, " \t");

  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    if (strlen (actions[i].word) == len && strncmp (text, actions[i].word, len) == 0)
      {
        out->accepts = actions[i].accepts;
        out->only_ipv6 = actions[i].only_ipv6;
        return g_strchug (text + len);
      }
  if (bare == CEPA_ADDRESS_POLICY_BARE_IS_FAULT)
    {
      policy_refuse (error, "accept or reject is missing");
      return NULL;
    }
  out->accepts = bare == CEPA_ADDRESS_POLICY_BARE_ACCEPTS;
  return text;
}

/* Cuts "[::]/8:80" into its parts. */
static gboolean
policy_cut (char *text, PolicyText *out, GError **error)
{
  char *rest = text;

  if (strpbrk (text, " \t") != NULL)
    return policy_refuse (error, "there is a blank in it");
  out->in_brackets = text[0] == '[';
  out->address = text + (out->in_brackets ? 1 : 0);
  if (out->in_brackets)
    {
      rest = strchr (text, ']');
      if (rest == NULL)
        return policy_refuse (error, "] is missing");
      *rest++ = '\0';
      if (*rest != '\0' && *rest != '/' && *rest != ':')
        return policy_refuse (error, "behind ] is / or :");
    }
  out->ports = strchr (rest, ':');
  if (out->ports != NULL)
    *out->ports++ = '\0';
  out->mask = strchr (rest, '/');
  if (out->mask != NULL)
    *out->mask++ = '\0';
  return policy_read_ports (out->ports, &out->low, &out->high, error);
}

gboolean
cepa_address_policy_add (CepaAddressPolicy *self, const char *text, gsize len, CepaAddressPolicyBare bare,
                         GError **error)
{
  char copy[POLICY_MAX_TEXT + 1];
  PolicyText parts = { 0 };
  char *pattern;

  if (len > POLICY_MAX_TEXT || memchr (text, '\0', len) != NULL)
    return policy_refuse (error, "it is longer than %d bytes", POLICY_MAX_TEXT);
  if (self->rules->len >= CEPA_ADDRESS_POLICY_MAX_RULES)
    return policy_refuse (error, "there are more than %d rules", CEPA_ADDRESS_POLICY_MAX_RULES);
  for (gsize i = 0; i < len; i++)
    copy[i] = g_ascii_tolower (text[i]);
  copy[len] = '\0';
  pattern = policy_take_action (g_strstrip (copy), bare, &parts, error);
  return pattern != NULL && policy_cut (pattern, &parts, error) && policy_append (self, &parts, error);
}

gboolean
cepa_address_policy_add_list (CepaAddressPolicy *self, const char *text, CepaAddressPolicyBare bare, GError **error)
{
  guint n_before = self->rules->len;

  for (;;)
    {
      gsize len;

      text += strspn (text, ", \t");
      len = strcspn (text, ",");
      if (len == 0)
        return TRUE;
      if (!cepa_address_policy_add (self, text, len, bare, error))
        {
          g_autofree char *shown = cepa_escape_for_log (text, len, POLICY_MAX_SHOWN);

          g_prefix_error (error, "\"%s\": ", shown);
          g_array_set_size (self->rules, n_before);
          return FALSE;
        }
      text += len;
    }
}

void
cepa_address_policy_end_with_reject (CepaAddressPolicy *self)
{
  PolicyRule rule = { .low = 1, .high = G_MAXUINT16 };

  g_array_append_val (self->rules, rule);
  rule.is_ipv6 = TRUE;
  g_array_append_val (self->rules, rule);
}

guint
cepa_address_policy_get_n_rules (const CepaAddressPolicy *self)
{
  return self->rules->len;
}

static gboolean
policy_is_inside (const guint8 *address, const PolicyRule *rule)
{
  guint bytes = rule->bits / 8, rest = rule->bits % 8;

  if (memcmp (address, rule->address, bytes) != 0)
    return FALSE;
  return rest == 0 || (address[bytes] ^ rule->address[bytes]) >> (8 - rest) == 0;
}

static CepaAddressPolicyAnswer
policy_ask (const CepaAddressPolicy *self, const guint8 *address, gboolean ipv6, guint16 port)
{
  for (guint i = 0; i < self->rules->len; i++)
    {
      const PolicyRule *rule = &g_array_index (self->rules, PolicyRule, i);

      if (rule->is_ipv6 == ipv6 && port >= rule->low && port <= rule->high && policy_is_inside (address, rule))
        return rule->accepts ? CEPA_ADDRESS_POLICY_ACCEPTS : CEPA_ADDRESS_POLICY_REJECTS;
    }
  return CEPA_ADDRESS_POLICY_SILENT;
}

CepaAddressPolicyAnswer
cepa_address_policy_ask_ipv4 (const CepaAddressPolicy *self, guint32 ipv4, guint16 port)
{
  const guint8 address[4] = { (guint8) (ipv4 >> 24), (guint8) (ipv4 >> 16), (guint8) (ipv4 >> 8), (guint8) ipv4 };

  return policy_ask (self, address, FALSE, port);
}

CepaAddressPolicyAnswer
cepa_address_policy_ask_ipv6 (const CepaAddressPolicy *self, const guint8 *ipv6, guint16 port)
{
  return policy_ask (self, ipv6, TRUE, port);
}

gboolean
cepa_address_policy_rejects_all (const CepaAddressPolicy *self, gboolean ipv6)
{
  for (guint i = 0; i < self->rules->len; i++)
    {
      const PolicyRule *rule = &g_array_index (self->rules, PolicyRule, i);

      if (rule->is_ipv6 != ipv6)
        continue;
      if (rule->accepts)
        return FALSE;
      if (rule->bits == 0 && rule->low == 1 && rule->high == G_MAXUINT16)
        return TRUE;
    }
  return FALSE;
}

guint
cepa_address_policy_hash (gconstpointer self)
{
  const GArray *rules = ((const CepaAddressPolicy *) self)->rules;
  guint hash = 5381;

  for (gsize i = 0; i < rules->len * sizeof (PolicyRule); i++)
    hash = hash * 33 + (guint8) rules->data[i];
  return hash;
}

gboolean
cepa_address_policy_equal (gconstpointer a, gconstpointer b)
{
  const GArray *x = ((const CepaAddressPolicy *) a)->rules, *y = ((const CepaAddressPolicy *) b)->rules;

  return x->len == y->len && (x->len == 0 || memcmp (x->data, y->data, x->len * sizeof (PolicyRule)) == 0);
}
