/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus-text.h"

#include <string.h>

#include "base/encoding.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

/* Reads @text from its start as the entry of the relay whose identity is @base64. */
static gboolean
consensus_text_read_r (CepaTextCursor *cursor, const char *base64, CepaConsensusFlavour flavour, CepaRouterText *out)
{
  const guint date = flavour == CEPA_CONSENSUS_NS ? 3 : 2; /* behind the digest, where there is one */
  CepaSlice rest, words[5], published;
  CepaTextItem item;

  if (!cepa_text_cursor_next (cursor, &item, NULL) || !cepa_slice_is (item.keyword, "r"))
    return FALSE;
  rest = item.args;
  for (guint i = 0; i <= date + 1; i++)
    if (!cepa_slice_next_word (&rest, &words[i]))
      return FALSE;
  if (!cepa_slice_starts_with (words[1], base64))
    return FALSE;
  published.text = words[date].text;
  published.len = (gsize) (words[date + 1].text + words[date + 1].len - published.text);
  return cepa_slice_to_time (published, &out->published_s);
}

/* The rest of the entry, up to the next one. */
static gboolean
consensus_text_read_s (CepaTextCursor *cursor, CepaRouterText *out)
{
  CepaTextItem item;

  while (!cepa_text_cursor_is_done (cursor) && cepa_text_cursor_next (cursor, &item, NULL)
         && !cepa_slice_is (item.keyword, "r"))
    if (cepa_slice_is (item.keyword, "s"))
      {
        out->flags = item.args;
        return TRUE;
      }
  return FALSE;
}

gboolean
cepa_consensus_read_text (const CepaConsensus *self, GBytes *whole, guint row, gsize *offset, CepaRouterText *out)
{
  gsize len;
  const char *text = g_bytes_get_data (whole, &len), *hit = text + *offset, *line;
  guint n;
  const CepaRouterStatus *relays = cepa_consensus_get_relays (self, &n);
  g_autofree char *base64 = NULL;

  g_return_val_if_fail (row < n && *offset <= len, FALSE);
  base64 = cepa_base64_encode_unpadded (relays[row].rsa_id, sizeof relays[row].rsa_id);
  while ((hit = memmem (hit, (gsize) (text + len - hit), base64, strlen (base64))) != NULL)
    {
      CepaTextCursor cursor;
      CepaRouterText found;

      line = memrchr (text, '\n', (gsize) (hit - text));
      line = line != NULL ? line + 1 : text;
      hit += strlen (base64);
      cepa_text_cursor_init (&cursor, line, (gsize) (text + len - line));
      if (!consensus_text_read_r (&cursor, base64, cepa_consensus_get_flavour (self), &found)
          || !consensus_text_read_s (&cursor, &found))
        continue;
      *out = found;
      *offset = (gsize) (cursor.next - text);
      return TRUE;
    }
  return FALSE;
}
