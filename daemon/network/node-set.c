/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/node-set.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "netdoc/values.h"
#include "network/address-policy.h"

#define NODE_SET_MAX_NICKNAME 19
#define NODE_SET_MAX_SHOWN 60 /* of an entry in a message */
#define NODE_SET_UNKNOWN "??"

typedef struct
{
  guint8 bytes[20];
} NodeSetId;

struct _CepaNodeSet
{
  gatomicrefcount ref_count;
  guint n_entries;
  GHashTable *ids;            /* (element-type NodeSetId) */
  GHashTable *nicknames;      /* (element-type utf8): in small letters */
  GHashTable *countries;      /* (element-type utf8): the same */
  CepaAddressPolicy *policy;  /* what it rejects is in the set */
};

static guint
node_set_hash_id (gconstpointer id)
{
  guint hash;

  memcpy (&hash, id, sizeof hash);
  return hash;
}

static gboolean
node_set_equal_ids (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (NodeSetId)) == 0;
}

CepaNodeSet *
cepa_node_set_new (void)
{
  CepaNodeSet *self = g_new0 (CepaNodeSet, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->ids = g_hash_table_new_full (node_set_hash_id, node_set_equal_ids, g_free, NULL);
  self->nicknames = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->countries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->policy = cepa_address_policy_new ();
  return self;
}

CepaNodeSet *
cepa_node_set_ref (CepaNodeSet *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_node_set_unref (CepaNodeSet *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_hash_table_unref (self->ids);
  g_hash_table_unref (self->nicknames);
  g_hash_table_unref (self->countries);
  cepa_address_policy_unref (self->policy);
  g_free (self);
}

/* "{de}", "{A1}", "{??}". */
static gboolean
node_set_is_country (const char *text, gsize len)
{
  if (len != 4 || text[0] != '{' || text[3] != '}')
    return FALSE;
  return strncmp (text + 1, NODE_SET_UNKNOWN, 2) == 0 || (g_ascii_isalpha (text[1]) && g_ascii_isalnum (text[2]));
}

static gboolean
node_set_refuse (const char *text, gsize len, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (text, len, NODE_SET_MAX_SHOWN);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "\"%s\": %s", shown, what);
  return FALSE;
}

/* Adds one entry to @self; an address to its policy. */
static gboolean
node_set_add_entry (CepaNodeSet *self, const char *text, gsize len, GError **error)
{
  g_autofree char *entry = g_ascii_strdown (text, (gssize) len);
  g_autoptr (GError) own = NULL;
  const CepaSlice word = { text, len };
  NodeSetId id;

  if (self->n_entries == CEPA_NODE_SET_MAX_ENTRIES)
    return node_set_refuse (text, len, "there are too many entries before it", error);
  if (cepa_slice_to_fingerprint (word, id.bytes))
    g_hash_table_add (self->ids, g_memdup2 (&id, sizeof id));
  else if (cepa_slice_is_nickname (word))
    g_hash_table_add (self->nicknames, g_steal_pointer (&entry));
  else if (node_set_is_country (text, len))
    g_hash_table_add (self->countries, g_strndup (entry + 1, 2));
  else if (strpbrk (entry, ".:*") == NULL)
    return node_set_refuse (text, len,
                            "is not a fingerprint (40 hexadecimal digits), a nickname (up to 19 letters and digits), a "
                            "country as {de}, or an address as 192.0.2.0/24 or [2001:db8::]/32",
                            error);
  else if (!cepa_address_policy_add (self->policy, text, len, CEPA_ADDRESS_POLICY_BARE_REJECTS, &own))
    return node_set_refuse (text, len, own->message, error);
  self->n_entries++;
  return TRUE;
}

static gboolean
node_set_add_entries (CepaNodeSet *self, const char *text, GError **error)
{
  for (;;)
    {
      gsize len, next;

      text += strspn (text, ", \t");
      if (*text == '\0')
        return TRUE;
      next = len = strcspn (text, ",");
      while (len > 1 && g_ascii_isspace (text[len - 1]))
        len--;
      if (!node_set_add_entry (self, text, len, error))
        return FALSE;
      text += next;
    }
}

gboolean
cepa_node_set_add_line (CepaNodeSet *self, const char *text, GError **error)
{
  g_autoptr (CepaNodeSet) trial = cepa_node_set_new ();

  /* Read twice rather than undone: a line with a fault in it ends the start, or the setting. */
  trial->n_entries = self->n_entries;
  if (!node_set_add_entries (trial, text, error))
    return FALSE;
  if (cepa_address_policy_get_n_rules (self->policy) + cepa_address_policy_get_n_rules (trial->policy)
      > CEPA_ADDRESS_POLICY_MAX_RULES)
    return node_set_refuse (text, strlen (text), "there are too many addresses in these lines", error);
  return node_set_add_entries (self, text, error);
}

void
cepa_node_set_add_unknown_countries (CepaNodeSet *self)
{
  static const char *const unknown[] = { NODE_SET_UNKNOWN, "a1" };

  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++)
    if (g_hash_table_add (self->countries, g_strdup (unknown[i])))
      self->n_entries++;
}

guint
cepa_node_set_get_n_entries (const CepaNodeSet *self)
{
  return self->n_entries;
}

gboolean
cepa_node_set_needs_countries (const CepaNodeSet *self)
{
  return g_hash_table_size (self->countries) > 0;
}

GStrv
cepa_node_set_dup_countries (const CepaNodeSet *self)
{
  GStrv countries = (GStrv) g_hash_table_get_keys_as_array (self->countries, NULL);

  for (guint i = 0; countries[i] != NULL; i++)
    countries[i] = g_strdup (countries[i]);
  return countries;
}

gboolean
cepa_node_set_is_list (const CepaNodeSet *self)
{
  return !cepa_node_set_needs_countries (self) && cepa_address_policy_get_n_rules (self->policy) == 0;
}

static gboolean
node_set_has_nickname (const CepaNodeSet *self, const char *nickname)
{
  char small[NODE_SET_MAX_NICKNAME + 1];
  gsize i;

  if (nickname[0] == '\0' || g_hash_table_size (self->nicknames) == 0)
    return FALSE;
  for (i = 0; i < NODE_SET_MAX_NICKNAME && nickname[i] != '\0'; i++)
    small[i] = g_ascii_tolower (nickname[i]);
  small[i] = '\0';
  return g_hash_table_contains (self->nicknames, small);
}

static gboolean
node_set_has_address (const CepaNodeSet *self, const CepaRelay *relay)
{
  if (cepa_address_policy_get_n_rules (self->policy) == 0)
    return FALSE;
  if (relay->ipv4 != 0
      && cepa_address_policy_ask_ipv4 (self->policy, relay->ipv4, relay->or_port) == CEPA_ADDRESS_POLICY_REJECTS)
    return TRUE;
  return relay->ipv6_port != 0
         && cepa_address_policy_ask_ipv6 (self->policy, relay->ipv6, relay->ipv6_port) == CEPA_ADDRESS_POLICY_REJECTS;
}

gboolean
cepa_node_set_contains_relay (const CepaNodeSet *self, const CepaRelay *relay, gboolean has_countries)
{
  const char *country = relay->country[0] != '\0' ? relay->country : NODE_SET_UNKNOWN;

  if (g_hash_table_size (self->ids) > 0 && g_hash_table_contains (self->ids, relay->rsa_id))
    return TRUE;
  if (node_set_has_nickname (self, relay->nickname) || node_set_has_address (self, relay))
    return TRUE;
  return has_countries && cepa_node_set_needs_countries (self) && g_hash_table_contains (self->countries, country);
}

gboolean
cepa_node_set_contains (const CepaNodeSet *self, const CepaNetwork *network, guint row)
{
  return cepa_node_set_contains_relay (self, cepa_network_get_relay (network, row),
                                       cepa_network_has_countries (network));
}

/* ---- all rows at once ---- */

/* A bit for each two characters. */
typedef struct
{
  guint8 bits[G_MAXUINT16 / 8 + 1];
} NodeSetCountries;

static inline guint
node_set_country_number (const char *country)
{
  return (guint) (guint8) country[0] << 8 | (guint8) country[1];
}

static inline void
node_set_set_bit (guint8 *bits, guint number)
{
  bits[number / 8] |= (guint8) (1u << number % 8);
}

static void
node_set_list_countries (const CepaNodeSet *self, NodeSetCountries *out)
{
  GHashTableIter iter;
  gpointer country;

  g_hash_table_iter_init (&iter, self->countries);
  while (g_hash_table_iter_next (&iter, &country, NULL))
    node_set_set_bit (out->bits, node_set_country_number (country));
}

static void
node_set_mark_countries (const CepaNodeSet *self, const CepaNetwork *network, guint8 *bits)
{
  NodeSetCountries countries = { 0 };

  node_set_list_countries (self, &countries);
  for (guint row = 0; row < cepa_network_get_n_relays (network); row++)
    {
      const char *country = cepa_network_get_relay (network, row)->country;
      guint number = node_set_country_number (country[0] != '\0' ? country : NODE_SET_UNKNOWN);

      if ((countries.bits[number / 8] >> number % 8 & 1) != 0)
        node_set_set_bit (bits, row);
    }
}

void
cepa_node_set_mark (const CepaNodeSet *self, const CepaNetwork *network, guint8 *bits)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->ids);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      gint row = cepa_network_find (network, ((const NodeSetId *) id)->bytes);

      if (row >= 0)
        node_set_set_bit (bits, (guint) row);
    }
  if (g_hash_table_size (self->nicknames) > 0)
    cepa_network_mark_nicknames (network, self->nicknames, bits);
  if (cepa_node_set_needs_countries (self) && cepa_network_has_countries (network))
    node_set_mark_countries (self, network, bits);
  if (cepa_address_policy_get_n_rules (self->policy) == 0)
    return;
  for (guint row = 0; row < cepa_network_get_n_relays (network); row++)
    if (node_set_has_address (self, cepa_network_get_relay (network, row)))
      node_set_set_bit (bits, row);
}
