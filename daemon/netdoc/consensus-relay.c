/* SPDX-License-Identifier: BSD-3-Clause */
/* The entries of relays in a consensus (dir-spec: "Router status entries"). */
#include <string.h>

#include <cepa/network.h>

#include "netdoc/consensus-private.h"
#include "netdoc/protocols.h"
#include "netdoc/values.h"

/* "r" nickname identity [digest] date time IP ORPort DirPort: the digest is of the ns flavour. */
static gboolean
relay_reader_read_r (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaRelayReader *self = document;
  CepaRouterStatus *entry = &self->entry;
  CepaSlice rest = item->args, words[7], digest, published;
  guint16 dir_port;
  gint64 published_s;

  /* The name first, so that what is wrong with the others can be told of it. */
  if (!cepa_slice_next_word (&rest, &words[0]) || !cepa_slice_is_nickname (words[0]))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed nickname");
  memcpy (entry->nickname, words[0].text, words[0].len);
  for (guint i = 1; i < G_N_ELEMENTS (words); i++)
    if (!cepa_slice_next_word (&rest, &words[i])
        || (i == 1 && self->policies != NULL && !cepa_slice_next_word (&rest, &digest)))
      return cepa_netdoc_refuse (error, "\"r\" with fewer than %d arguments", self->policies != NULL ? 8 : 7);
  if (!cepa_slice_to_base64 (words[1], entry->rsa_id, sizeof entry->rsa_id))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed identity");
  if (self->policies != NULL
      && !cepa_slice_to_base64 (digest, entry->descriptor_digest, sizeof entry->descriptor_digest))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed digest");
  published = (CepaSlice) { words[2].text, (gsize) (words[3].text + words[3].len - words[2].text) };
  if (!cepa_slice_to_time (published, &published_s))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed time");
  if (!cepa_slice_to_ipv4 (words[4], &entry->ipv4))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed address");
  if (!cepa_slice_to_port (words[5], &entry->or_port) || !cepa_slice_to_port (words[6], &dir_port))
    return cepa_netdoc_refuse (error, "\"r\" with a malformed port");
  return TRUE;
}

/* The first IPv6 address; others are of a kind that is yet to come, and passed over. */
static gboolean
relay_reader_read_a (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaRouterStatus *entry = &((CepaRelayReader *) document)->entry;
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word))
    return cepa_netdoc_refuse (error, "\"a\" without an address");
  if (entry->ipv6_port == 0)
    cepa_slice_to_ipv6_port (word, entry->ipv6, &entry->ipv6_port);
  return TRUE;
}

static gboolean
relay_reader_read_m (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaRelayReader *self = document;
  CepaRouterStatus *entry = &self->entry;
  CepaSlice rest = item->args, word;

  if (self->policies != NULL)
    return TRUE; /* of no meaning beside the other digest */
  if (!cepa_slice_next_word (&rest, &word)
      || !cepa_slice_to_base64 (word, entry->microdesc_digest, sizeof entry->microdesc_digest))
    return cepa_netdoc_refuse (error, "\"m\" without a digest of 32 bytes");
  return TRUE;
}

static guint32
relay_reader_get_flag (CepaSlice word)
{
  static const struct
  {
    const char *name;
    guint32 flag;
  } flags[] = {
    { "Running", CEPA_RELAY_RUNNING },
    { "Valid", CEPA_RELAY_VALID },
    { "V2Dir", CEPA_RELAY_V2DIR },
    { "Fast", CEPA_RELAY_FAST },
    { "Stable", CEPA_RELAY_STABLE },
    { "Guard", CEPA_RELAY_GUARD },
    { "HSDir", CEPA_RELAY_HSDIR },
    { "Exit", CEPA_RELAY_EXIT },
    { "BadExit", CEPA_RELAY_BAD_EXIT },
    { "Authority", CEPA_RELAY_AUTHORITY },
    { "MiddleOnly", CEPA_RELAY_MIDDLE_ONLY },
    { "StaleDesc", CEPA_RELAY_STALE_DESC },
    { "NoEdConsensus", CEPA_RELAY_NO_ED_CONSENSUS },
  };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    if (cepa_slice_is (word, flags[i].name))
      return flags[i].flag;
  return 0;
}

static gboolean
relay_reader_read_s (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaRouterStatus *entry = &((CepaRelayReader *) document)->entry;
  CepaSlice rest = item->args, word;

  /* By all methods that we know, a relay that is not both is not listed. */
  entry->flags = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID;
  for (guint n = 0; cepa_slice_next_word (&rest, &word); n++)
    {
      if (n == CEPA_NETDOC_MAX_ARGUMENTS)
        return cepa_netdoc_refuse (error, "\"s\" with more than %d flags", CEPA_NETDOC_MAX_ARGUMENTS);
      entry->flags |= relay_reader_get_flag (word);
    }
  return TRUE;
}

static gboolean
relay_reader_read_w (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaRouterStatus *entry = &((CepaRelayReader *) document)->entry;
  CepaSlice rest = item->args, word, name, value;

  while (cepa_slice_next_word (&rest, &word))
    {
      guint64 bandwidth, percent;

      if (!cepa_slice_split_at (word, '=', &name, &value))
        continue;
      if (cepa_slice_is (name, "Unmeasured"))
        entry->is_unmeasured = cepa_slice_is (value, "1");
      if (cepa_slice_is (name, "GuardFraction") && cepa_slice_to_uint (value, 100, &percent))
        entry->guard_fraction = (guint8) percent;
      if (!cepa_slice_is (name, "Bandwidth"))
        continue;
      if (!cepa_slice_to_uint (value, G_MAXUINT32, &bandwidth))
        return cepa_netdoc_refuse (error, "\"w\" with a malformed bandwidth");
      entry->bandwidth = (guint32) bandwidth;
    }
  return TRUE;
}

/* The line of a relay is in most cases one that was there before: it is not parsed again. */
static gboolean
relay_reader_read_pr (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  CepaRelayReader *self = document;

  for (guint i = 0; i < self->n_protocols; i++)
    if (self->protocols[i].text.len == item->args.len
        && memcmp (self->protocols[i].text.text, item->args.text, item->args.len) == 0)
      {
        self->entry.protocols = self->protocols[i].bits;
        return TRUE;
      }
  self->entry.protocols = cepa_protocols_relay_bits (item->args);
  if (self->n_protocols < CEPA_RELAY_READER_N_PROTOCOLS)
    {
      self->protocols[self->n_protocols].text = item->args;
      self->protocols[self->n_protocols++].bits = self->entry.protocols;
    }
  return TRUE;
}

static gboolean
relay_reader_read_p (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((CepaRelayReader *) document)->policy = item->args;
  return TRUE;
}

enum
{
  RELAY_R = 1 << 0,
  RELAY_M = 1 << 1,
};

/* A relay without "m" is let pass, as C Tor does, but left out of the table: see relay_reader_is_usable(). */
static const CepaItemRule relay_items[] = {
  { "r", CEPA_ITEM_REQUIRED, relay_reader_read_r },
  { "m", CEPA_ITEM_ONCE, relay_reader_read_m },
  { "a", CEPA_ITEM_REPEATED, relay_reader_read_a },
  { "s", CEPA_ITEM_REQUIRED, relay_reader_read_s },
  { "v", CEPA_ITEM_ONCE, NULL },
  { "pr", CEPA_ITEM_ONCE, relay_reader_read_pr },
  { "w", CEPA_ITEM_ONCE, relay_reader_read_w },
  { "p", CEPA_ITEM_ONCE, relay_reader_read_p },
};

/* Without a descriptor there are no keys to build a circuit with, without a port no way to it. */
static gboolean
relay_reader_is_usable (const CepaRelayReader *self)
{
  return (self->policies != NULL || (self->seen & RELAY_M) != 0) && self->entry.or_port != 0;
}

/* Adds the one being read, if there is one. */
static gboolean
relay_reader_end_entry (CepaRelayReader *self, GError **error)
{
  if (self->seen == 0)
    return TRUE;
  if (!cepa_item_rules_check (relay_items, G_N_ELEMENTS (relay_items), self->seen, error))
    return FALSE;
  if (relay_reader_is_usable (self))
    {
      g_array_append_val (self->relays, self->entry);
      if (self->policies != NULL)
        g_array_append_val (self->policies, self->policy);
    }
  self->seen = 0;
  return TRUE;
}

/* Begins the entry of the relay of @item, an "r" line. */
static gboolean
relay_reader_begin_entry (CepaRelayReader *self, const CepaTextItem *item, GError **error)
{
  guint8 last_id[20];
  int order;

  if (self->n_entries == CEPA_CONSENSUS_MAX_RELAYS)
    return cepa_netdoc_refuse (error, "more than %d relays", CEPA_CONSENSUS_MAX_RELAYS);
  memcpy (last_id, self->entry.rsa_id, sizeof last_id);
  memset (&self->entry, 0, sizeof self->entry);
  self->entry.guard_fraction = CEPA_NO_GUARD_FRACTION;
  self->policy = (CepaSlice) { NULL, 0 };
  if (!cepa_item_rules_apply (relay_items, G_N_ELEMENTS (relay_items), &self->seen, self, item, error))
    return FALSE;
  order = memcmp (last_id, self->entry.rsa_id, sizeof last_id);
  if (self->n_entries > 0 && order == 0)
    return cepa_netdoc_refuse (error, "listed twice");
  if (self->n_entries > 0 && order > 0)
    return cepa_netdoc_refuse (error, "not in ascending order of identity");
  self->n_entries++;
  return TRUE;
}

static gboolean
relay_reader_name_relay (const CepaRelayReader *self, GError **error)
{
  if (self->entry.nickname[0] != '\0')
    g_prefix_error (error, "relay %s: ", self->entry.nickname);
  return FALSE;
}

gboolean
cepa_relay_reader_read (CepaRelayReader *self, const CepaTextItem *item, GError **error)
{
  gboolean good;

  if (cepa_slice_is (item->keyword, "r"))
    good = relay_reader_end_entry (self, error) && relay_reader_begin_entry (self, item, error);
  else
    good = cepa_item_rules_apply (relay_items, G_N_ELEMENTS (relay_items), &self->seen, self, item, error);
  return good || relay_reader_name_relay (self, error);
}

gboolean
cepa_relay_reader_finish (CepaRelayReader *self, GError **error)
{
  return relay_reader_end_entry (self, error) || relay_reader_name_relay (self, error);
}
