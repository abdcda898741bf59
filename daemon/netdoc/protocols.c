/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/protocols.h"

#include <cepa/relay.h>
#include <string.h>

#include "base/error.h"
#include "netdoc/limits.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

/* An entry, and in @versions a bit for each version from 0 to 63. */
typedef struct
{
  CepaSlice name;
  guint64 versions;
} ProtocolsEntry;

struct _CepaProtocols
{
  char *text;
  GArray *entries; /* of ProtocolsEntry, names in @text, each once, in the order of the text */
};

/* The number off the front of @rest. */
static gboolean
protocols_take_version (CepaSlice *rest, guint *out)
{
  guint value = 0;
  gsize i;

  for (i = 0; i < rest->len && g_ascii_isdigit (rest->text[i]); i++)
    {
      value = value * 10 + (guint) (rest->text[i] - '0');
      if (value > CEPA_PROTOCOLS_MAX_VERSION)
        return FALSE;
    }
  if (i == 0)
    return FALSE;
  *rest = cepa_slice_skip (*rest, i);
  *out = value;
  return TRUE;
}

/* "1,3-5", or nothing. */
static gboolean
protocols_parse_versions (CepaSlice rest, guint64 *out)
{
  guint64 versions = 0;

  while (rest.len > 0)
    {
      guint low, high;

      if (!protocols_take_version (&rest, &low))
        return FALSE;
      high = low;
      if (rest.len > 0 && rest.text[0] == '-')
        {
          rest = cepa_slice_skip (rest, 1);
          if (!protocols_take_version (&rest, &high) || high < low)
            return FALSE;
        }
      versions |= G_MAXUINT64 >> (CEPA_PROTOCOLS_MAX_VERSION - high) & G_MAXUINT64 << low;
      if (rest.len == 0)
        break;
      if (rest.text[0] != ',' || rest.len == 1)
        return FALSE;
      rest = cepa_slice_skip (rest, 1);
    }
  *out = versions;
  return TRUE;
}

static gboolean
protocols_is_name (CepaSlice name)
{
  for (gsize i = 0; i < name.len; i++)
    if (!g_ascii_isalnum (name.text[i]) && name.text[i] != '-')
      return FALSE;
  return name.len <= CEPA_PROTOCOLS_MAX_NAME;
}

/* Takes an entry off the front of @rest. FALSE when there is none, or, with @bad set, a malformed one. */
static gboolean
protocols_next (CepaSlice *rest, ProtocolsEntry *out, gboolean *bad)
{
  CepaSlice word = { rest->text, 0 }, versions;

  *bad = FALSE;
  while (rest->len > 0 && rest->text[0] == ' ')
    *rest = cepa_slice_skip (*rest, 1);
  if (rest->len == 0)
    return FALSE;
  word.text = rest->text;
  while (word.len < rest->len && rest->text[word.len] != ' ')
    word.len++;
  *rest = cepa_slice_skip (*rest, word.len);
  *bad = !cepa_slice_split_at (word, '=', &out->name, &versions) || !protocols_is_name (out->name)
         || !protocols_parse_versions (versions, &out->versions);
  return !*bad;
}

static ProtocolsEntry *
protocols_find (const CepaProtocols *self, CepaSlice name)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      ProtocolsEntry *entry = &g_array_index (self->entries, ProtocolsEntry, i);

      if (entry->name.len == name.len && memcmp (entry->name.text, name.text, name.len) == 0)
        return entry;
    }
  return NULL;
}

static gboolean
protocols_read (CepaProtocols *self, CepaSlice rest, GError **error)
{
  ProtocolsEntry entry;
  gboolean bad;

  while (protocols_next (&rest, &entry, &bad))
    {
      ProtocolsEntry *same = protocols_find (self, entry.name);

      if (same != NULL)
        same->versions |= entry.versions;
      else if (self->entries->len == CEPA_PROTOCOLS_MAX_ENTRIES)
        return cepa_netdoc_refuse (error, "subprotocols: more than %d names", CEPA_PROTOCOLS_MAX_ENTRIES);
      else
        g_array_append_val (self->entries, entry);
    }
  return bad ? cepa_netdoc_refuse (error, "subprotocols: a malformed entry, number %u or behind it",
                                   self->entries->len + 1)
             : TRUE;
}

CepaProtocols *
cepa_protocols_parse (CepaSlice text, GError **error)
{
  g_autoptr (CepaProtocols) self = NULL;

  if (text.len > CEPA_PROTOCOLS_MAX_BYTES)
    {
      cepa_netdoc_refuse (error, "subprotocols: more than %d bytes", CEPA_PROTOCOLS_MAX_BYTES);
      return NULL;
    }
  self = g_new0 (CepaProtocols, 1);
  self->text = g_strndup (text.len > 0 ? text.text : "", text.len);
  self->entries = g_array_new (FALSE, FALSE, sizeof (ProtocolsEntry));
  if (!protocols_read (self, (CepaSlice) { self->text, text.len }, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
cepa_protocols_free (CepaProtocols *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->entries);
  g_free (self->text);
  g_free (self);
}

gboolean
cepa_protocols_contains (const CepaProtocols *self, const char *name, guint version)
{
  const ProtocolsEntry *entry = protocols_find (self, (CepaSlice) { name, strlen (name) });

  return entry != NULL && version <= CEPA_PROTOCOLS_MAX_VERSION && (entry->versions >> version & 1) != 0;
}

/* Appends " Name=1,3-5". */
static void
protocols_write_entry (GString *out, CepaSlice name, guint64 versions)
{
  g_string_append_printf (out, "%s%.*s", out->len > 0 ? " " : "", (int) name.len, name.text);
  for (guint low = 0, n = 0; low <= CEPA_PROTOCOLS_MAX_VERSION; low++)
    {
      guint high = low;

      if ((versions >> low & 1) == 0)
        continue;
      while (high < CEPA_PROTOCOLS_MAX_VERSION && (versions >> (high + 1) & 1) != 0)
        high++;
      g_string_append_printf (out, "%c%u", n++ == 0 ? '=' : ',', low);
      if (high > low)
        g_string_append_printf (out, "-%u", high);
      low = high;
    }
}

char *
cepa_protocols_missing (const CepaProtocols *wanted, const CepaProtocols *have)
{
  GString *missing = g_string_new (NULL);

  for (guint i = 0; i < wanted->entries->len; i++)
    {
      const ProtocolsEntry *entry = &g_array_index (wanted->entries, ProtocolsEntry, i);
      const ProtocolsEntry *ours = protocols_find (have, entry->name);
      guint64 versions = entry->versions & ~(ours != NULL ? ours->versions : 0);

      if (versions != 0)
        protocols_write_entry (missing, entry->name, versions);
    }
  return g_string_free (missing, missing->len == 0);
}

guint64
cepa_protocols_relay_bits (CepaSlice text)
{
  static const struct
  {
    const char *name;
    guint version;
    guint64 bit;
  } known[] = {
    { "Conflux", 1, CEPA_PROTOCOL_CONFLUX_1 },     { "Cons", 2, CEPA_PROTOCOL_CONS_2 },
    { "Desc", 2, CEPA_PROTOCOL_DESC_2 },           { "DirCache", 2, CEPA_PROTOCOL_DIRCACHE_2 },
    { "FlowCtrl", 1, CEPA_PROTOCOL_FLOWCTRL_1 },   { "FlowCtrl", 2, CEPA_PROTOCOL_FLOWCTRL_2 },
    { "HSDir", 2, CEPA_PROTOCOL_HSDIR_2 },         { "HSIntro", 4, CEPA_PROTOCOL_HSINTRO_4 },
    { "HSIntro", 5, CEPA_PROTOCOL_HSINTRO_5 },     { "HSRend", 2, CEPA_PROTOCOL_HSREND_2 },
    { "Link", 4, CEPA_PROTOCOL_LINK_4 },           { "Link", 5, CEPA_PROTOCOL_LINK_5 },
    { "Microdesc", 2, CEPA_PROTOCOL_MICRODESC_2 }, { "Padding", 2, CEPA_PROTOCOL_PADDING_2 },
    { "Relay", 2, CEPA_PROTOCOL_RELAY_2 },         { "Relay", 3, CEPA_PROTOCOL_RELAY_3 },
    { "Relay", 4, CEPA_PROTOCOL_RELAY_4 },         { "Relay", 5, CEPA_PROTOCOL_RELAY_5 },
    { "Relay", 6, CEPA_PROTOCOL_RELAY_6 },
  };
  guint64 bits = 0;
  ProtocolsEntry entry;
  gboolean bad;

  if (text.len > CEPA_PROTOCOLS_MAX_BYTES)
    return 0;
  while (protocols_next (&text, &entry, &bad))
    for (guint i = 0; i < G_N_ELEMENTS (known); i++)
      if ((entry.versions >> known[i].version & 1) != 0 && cepa_slice_is (entry.name, known[i].name))
        bits |= known[i].bit;
  return bad ? 0 : bits;
}
