/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/tokens.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "netdoc/limits.h"
#include "netdoc/values.h"

#define TOKENS_BEGIN "-----BEGIN "
#define TOKENS_END "-----END "
#define TOKENS_DASHES "-----"

gboolean
cepa_netdoc_refuse (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, message);
  return FALSE;
}

void
cepa_text_cursor_init (CepaTextCursor *self, const char *text, gsize len)
{
  self->next = len > 0 ? text : "";
  self->end = self->next + len;
  self->line = 1;
}

/* The next line without its end; the cursor moves behind it. */
static gboolean
tokens_read_line (CepaTextCursor *self, CepaSlice *line, GError **error)
{
  const char *end;

  if (cepa_text_cursor_is_done (self))
    return cepa_netdoc_refuse (error, "cut off at the end of a line");
  end = memchr (self->next, '\n', (gsize) (self->end - self->next));
  if (end == NULL)
    return cepa_netdoc_refuse (error, "cut off in the middle of a line");
  if (end - self->next > CEPA_NETDOC_MAX_LINE)
    return cepa_netdoc_refuse (error, "a line of more than %d bytes", CEPA_NETDOC_MAX_LINE);
  line->text = self->next;
  line->len = (gsize) (end - self->next);
  if (line->len > 0 && memchr (line->text, '\0', line->len) != NULL)
    return cepa_netdoc_refuse (error, "a NUL byte in a line");
  self->next = end + 1;
  self->line++;
  return TRUE;
}

/* Letters, digits and dashes, no dash first; "@" may be before them. */
static gboolean
tokens_is_keyword (CepaSlice word)
{
  gsize first = word.text[0] == '@';

  for (gsize i = first; i < word.len; i++)
    if (!g_ascii_isalnum (word.text[i]) && (word.text[i] != '-' || i == first))
      return FALSE;
  return word.len > first;
}

static gboolean
tokens_split_keyword (CepaSlice line, CepaTextItem *item, GError **error)
{
  CepaSlice args = line;

  if (line.len == 0)
    return cepa_netdoc_refuse (error, "an empty line");
  if (!cepa_slice_next_word (&args, &item->keyword) || item->keyword.text != line.text)
    return cepa_netdoc_refuse (error, "a line that begins with a blank");
  if (!tokens_is_keyword (item->keyword))
    {
      g_autofree char *shown = cepa_slice_escape (item->keyword);

      return cepa_netdoc_refuse (error, "malformed keyword \"%s\"", shown);
    }
  while (args.len > 0 && (args.text[0] == ' ' || args.text[0] == '\t'))
    args = cepa_slice_skip (args, 1);
  while (args.len > 0 && (args.text[args.len - 1] == ' ' || args.text[args.len - 1] == '\t'))
    args.len--;
  item->args = args;
  return TRUE;
}

/* The type in "-----BEGIN type-----" or "-----END type-----", @start being what is before it. */
static gboolean
tokens_read_object_tag (CepaSlice line, const char *start, CepaSlice *type)
{
  gsize before = strlen (start), behind = strlen (TOKENS_DASHES);

  if (line.len <= before + behind || !cepa_slice_starts_with (line, start)
      || memcmp (line.text + line.len - behind, TOKENS_DASHES, behind) != 0)
    return FALSE;
  type->text = line.text + before;
  type->len = line.len - before - behind;
  return TRUE;
}

static gboolean
tokens_is_base64 (CepaSlice line)
{
  for (gsize i = 0; i < line.len; i++)
    if (!g_ascii_isalnum (line.text[i]) && line.text[i] != '+' && line.text[i] != '/' && line.text[i] != '=')
      return FALSE;
  return line.len > 0;
}

/* Reads from the line with BEGIN to the one with END. */
static gboolean
tokens_read_object (CepaTextCursor *self, CepaTextItem *item, GError **error)
{
  CepaSlice line, type;

  if (!tokens_read_line (self, &line, error))
    return FALSE;
  if (!tokens_read_object_tag (line, TOKENS_BEGIN, &item->object_type))
    return cepa_netdoc_refuse (error, "malformed BEGIN line of an object");
  item->object = (CepaSlice) { self->next, 0 };
  for (;;)
    {
      if (!tokens_read_line (self, &line, error))
        return FALSE;
      if (cepa_slice_starts_with (line, TOKENS_END))
        break;
      if (!tokens_is_base64 (line))
        return cepa_netdoc_refuse (error, "an object with a line that is not base64");
      item->object.len = (gsize) (self->next - item->object.text);
      if (item->object.len > CEPA_NETDOC_MAX_OBJECT)
        return cepa_netdoc_refuse (error, "an object of more than %d bytes", CEPA_NETDOC_MAX_OBJECT);
    }
  if (!tokens_read_object_tag (line, TOKENS_END, &type) || type.len != item->object_type.len
      || memcmp (type.text, item->object_type.text, type.len) != 0)
    return cepa_netdoc_refuse (error, "an object whose END is not that of its BEGIN");
  return TRUE;
}

gboolean
cepa_text_cursor_next (CepaTextCursor *self, CepaTextItem *item, GError **error)
{
  CepaTextCursor cursor = *self;
  CepaTextItem found = { .start = self->next, .line = self->line };
  CepaSlice line;

  if (!tokens_read_line (&cursor, &line, error) || !tokens_split_keyword (line, &found, error))
    return FALSE;
  if (cepa_slice_starts_with ((CepaSlice) { cursor.next, (gsize) (cursor.end - cursor.next) }, TOKENS_BEGIN)
      && !tokens_read_object (&cursor, &found, error))
    return FALSE;
  found.end = cursor.next;
  *self = cursor;
  *item = found;
  return TRUE;
}

gboolean
cepa_text_item_decode_object (const CepaTextItem *self, const char *type, guint8 *out, gsize size, gsize *len,
                              GError **error)
{
  char base64[CEPA_NETDOC_MAX_DECODED_OBJECT];
  gsize n = 0;

  if (self->object_type.text == NULL || !cepa_slice_is (self->object_type, type))
    return cepa_netdoc_refuse (error, "no object of type \"%s\"", type);
  for (gsize i = 0; i < self->object.len; i++)
    {
      if (self->object.text[i] == '\n')
        continue;
      if (n == sizeof base64)
        return cepa_netdoc_refuse (error, "too large an object of type \"%s\"", type);
      base64[n++] = self->object.text[i];
    }
  if (!cepa_base64_decode (base64, n, out, size, len))
    return cepa_netdoc_refuse (error, "object \"%s\" is not base64 of at most %" G_GSIZE_FORMAT " bytes",
                               type, size);
  return TRUE;
}

static gboolean
tokens_check_rule (const CepaItemRule *rule, gboolean was_seen, const CepaTextItem *item, GError **error)
{
  gboolean has_object = item->object_type.text != NULL;

  if (was_seen && !(rule->flags & CEPA_ITEM_REPEATED))
    return cepa_netdoc_refuse (error, "a second \"%s\"", rule->keyword);
  if (has_object && !(rule->flags & (CEPA_ITEM_MAY_OBJECT | CEPA_ITEM_MUST_OBJECT)))
    return cepa_netdoc_refuse (error, "an object behind \"%s\"", rule->keyword);
  if (!has_object && (rule->flags & CEPA_ITEM_MUST_OBJECT))
    return cepa_netdoc_refuse (error, "no object behind \"%s\"", rule->keyword);
  if (item->args.len > 0 && (rule->flags & CEPA_ITEM_NO_ARGUMENTS))
    return cepa_netdoc_refuse (error, "an argument of \"%s\"", rule->keyword);
  return TRUE;
}

gboolean
cepa_item_rules_apply (const CepaItemRule *rules, guint n_rules, guint32 *seen, gpointer document,
                       const CepaTextItem *item, GError **error)
{
  for (guint i = 0; i < n_rules; i++)
    {
      if (!cepa_slice_is (item->keyword, rules[i].keyword))
        continue;
      if (!tokens_check_rule (&rules[i], (*seen & 1u << i) != 0, item, error))
        return FALSE;
      *seen |= 1u << i;
      return rules[i].read == NULL || rules[i].read (document, item, error);
    }
  return TRUE;
}

gboolean
cepa_item_rules_check (const CepaItemRule *rules, guint n_rules, guint32 seen, GError **error)
{
  for (guint i = 0; i < n_rules; i++)
    if ((rules[i].flags & CEPA_ITEM_REQUIRED) && !(seen & 1u << i))
      return cepa_netdoc_refuse (error, "no \"%s\"", rules[i].keyword);
  return TRUE;
}
