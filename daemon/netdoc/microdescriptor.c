/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/microdescriptor.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/limits.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

/* What is kept while one is read. */
typedef struct
{
  CepaMicrodescriptor out;
  gboolean has_rsa1024;
} MicrodescriptorReader;

static gboolean
microdescriptor_read_ntor_key (gpointer document, const CepaTextItem *item, GError **error)
{
  MicrodescriptorReader *self = document;
  CepaSlice args = item->args, word;

  if (!cepa_slice_next_word (&args, &word)
      || !cepa_slice_to_base64 (word, self->out.ntor_key, sizeof self->out.ntor_key))
    return cepa_netdoc_refuse (error, "\"ntor-onion-key\" without a key of 32 bytes");
  return TRUE;
}

static gboolean
microdescriptor_read_ed25519 (MicrodescriptorReader *self, CepaSlice word, GError **error)
{
  static const guint8 zero[32];

  if (self->out.has_ed25519)
    return cepa_netdoc_refuse (error, "a second \"id ed25519\"");
  if (!cepa_slice_to_base64 (word, self->out.ed25519_id, sizeof self->out.ed25519_id))
    return cepa_netdoc_refuse (error, "\"id ed25519\" without a key of 32 bytes");
  /* Zeros stand for "none" in the relay table. */
  if (memcmp (self->out.ed25519_id, zero, sizeof zero) == 0)
    return cepa_netdoc_refuse (error, "\"id ed25519\" with a key of zeros");
  self->out.has_ed25519 = TRUE;
  return TRUE;
}

/* The RSA identity is the consensus' to say: here it is only checked. */
static gboolean
microdescriptor_read_rsa1024 (MicrodescriptorReader *self, CepaSlice word, GError **error)
{
  guint8 digest[20];

  if (self->has_rsa1024)
    return cepa_netdoc_refuse (error, "a second \"id rsa1024\"");
  if (!cepa_slice_to_base64 (word, digest, sizeof digest))
    return cepa_netdoc_refuse (error, "\"id rsa1024\" without a digest of 20 bytes");
  self->has_rsa1024 = TRUE;
  return TRUE;
}

static gboolean
microdescriptor_read_id (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice args = item->args, type, word;

  if (!cepa_slice_next_word (&args, &type) || !cepa_slice_next_word (&args, &word))
    return cepa_netdoc_refuse (error, "\"id\" without a type and a key");
  if (cepa_slice_is (type, "ed25519"))
    return microdescriptor_read_ed25519 (document, word, error);
  if (cepa_slice_is (type, "rsa1024"))
    return microdescriptor_read_rsa1024 (document, word, error);
  return TRUE;
}

/* Addresses that are not IPv6 are of a kind that is yet to come: they are passed over, as C Tor does. */
static gboolean
microdescriptor_read_address (gpointer document, const CepaTextItem *item, GError **error)
{
  MicrodescriptorReader *self = document;
  CepaSlice args = item->args, word;

  if (!cepa_slice_next_word (&args, &word))
    return cepa_netdoc_refuse (error, "\"a\" without an address");
  if (!self->out.has_ipv6)
    self->out.has_ipv6 = cepa_slice_to_ipv6_port (word, self->out.ipv6, &self->out.ipv6_port);
  return TRUE;
}

static gboolean
microdescriptor_read_family (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((MicrodescriptorReader *) document)->out.family = item->args;
  return TRUE;
}

static gboolean
microdescriptor_read_family_ids (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((MicrodescriptorReader *) document)->out.family_ids = item->args;
  return TRUE;
}

static gboolean
microdescriptor_read_policy (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((MicrodescriptorReader *) document)->out.policy = item->args;
  return TRUE;
}

static gboolean
microdescriptor_read_policy6 (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((MicrodescriptorReader *) document)->out.policy6 = item->args;
  return TRUE;
}

static gboolean
microdescriptor_read_last_listed (gpointer document, const CepaTextItem *item, GError **error)
{
  MicrodescriptorReader *self = document;

  if (!cepa_slice_to_time (item->args, &self->out.last_listed_s))
    return cepa_netdoc_refuse (error, "\"@last-listed\" without a time");
  return TRUE;
}

static const CepaItemRule microdescriptor_annotations[] = {
  { "@last-listed", CEPA_ITEM_ONCE, microdescriptor_read_last_listed },
};

/* The key of the first line was that of the TAP handshake, which nothing uses any more. */
static const CepaItemRule microdescriptor_items[] = {
  { "onion-key", CEPA_ITEM_REQUIRED | CEPA_ITEM_MAY_OBJECT | CEPA_ITEM_NO_ARGUMENTS, NULL },
  { "ntor-onion-key", CEPA_ITEM_REQUIRED, microdescriptor_read_ntor_key },
  { "id", CEPA_ITEM_REPEATED, microdescriptor_read_id },
  { "a", CEPA_ITEM_REPEATED, microdescriptor_read_address },
  { "family", CEPA_ITEM_ONCE, microdescriptor_read_family },
  { "family-ids", CEPA_ITEM_ONCE, microdescriptor_read_family_ids },
  { "p", CEPA_ITEM_ONCE, microdescriptor_read_policy },
  { "p6", CEPA_ITEM_ONCE, microdescriptor_read_policy6 },
};

static gboolean
microdescriptor_read_annotations (MicrodescriptorReader *self, CepaSlice text, GError **error)
{
  const guint n_rules = G_N_ELEMENTS (microdescriptor_annotations);
  CepaTextCursor cursor;
  guint32 seen = 0;

  cepa_text_cursor_init (&cursor, text.text, text.len);
  while (!cepa_text_cursor_is_done (&cursor))
    {
      CepaTextItem item;

      if (!cepa_text_cursor_next (&cursor, &item, error)
          || !cepa_item_rules_apply (microdescriptor_annotations, n_rules, &seen, self, &item, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
microdescriptor_read_items (MicrodescriptorReader *self, GError **error)
{
  const guint n_rules = G_N_ELEMENTS (microdescriptor_items);
  CepaTextCursor cursor;
  guint32 seen = 0;

  if (self->out.text.len > CEPA_MICRODESCRIPTOR_MAX_BYTES)
    return cepa_netdoc_refuse (error, "more than %d bytes", CEPA_MICRODESCRIPTOR_MAX_BYTES);
  cepa_text_cursor_init (&cursor, self->out.text.text, self->out.text.len);
  while (!cepa_text_cursor_is_done (&cursor))
    {
      CepaTextItem item;

      if (!cepa_text_cursor_next (&cursor, &item, error)
          || !cepa_item_rules_apply (microdescriptor_items, n_rules, &seen, self, &item, error))
        return FALSE;
    }
  return cepa_item_rules_check (microdescriptor_items, n_rules, seen, error);
}

/* Behind the line that begins at @p. */
static const char *
microdescriptor_next_line (const char *p, const char *end)
{
  const char *newline = memchr (p, '\n', (gsize) (end - p));

  return newline != NULL ? newline + 1 : end;
}

/* Whether the line at @p is the first of a microdescriptor. */
static gboolean
microdescriptor_is_start (const char *p, const char *end)
{
  static const char keyword[] = "onion-key";
  const gsize len = sizeof keyword - 1;

  if ((gsize) (end - p) < len || memcmp (p, keyword, len) != 0)
    return FALSE;
  return (gsize) (end - p) == len || p[len] == '\n' || p[len] == ' ' || p[len] == '\t';
}

/* Takes one microdescriptor off @rest: the annotations before it and its text, which is empty when there is
   none behind the annotations, or begins with something else than a microdescriptor does. */
static void
microdescriptor_split (CepaSlice *rest, CepaSlice *annotations, CepaSlice *text)
{
  const char *start = rest->text, *end = start + rest->len, *p = start, *body;

  while (p < end && *p == '@')
    p = microdescriptor_next_line (p, end);
  body = p;
  if (p < end)
    p = microdescriptor_next_line (p, end);
  while (p < end && *p != '@' && !microdescriptor_is_start (p, end))
    p = microdescriptor_next_line (p, end);

  *annotations = (CepaSlice) { start, (gsize) (body - start) };
  *text = (CepaSlice) { body, (gsize) (p - body) };
  *rest = (CepaSlice) { p, (gsize) (end - p) };
}

static gboolean
microdescriptor_parse (MicrodescriptorReader *self, CepaSlice annotations, CepaSlice text, GError **error)
{
  g_autofree char *name = NULL;

  if (!microdescriptor_is_start (text.text, text.text + text.len))
    return cepa_netdoc_refuse (error, "text without \"onion-key\" where a microdescriptor should begin");
  self->out.text = text;
  cepa_sha256 (text.text, text.len, self->out.digest);
  if (microdescriptor_read_annotations (self, annotations, error) && microdescriptor_read_items (self, error))
    return TRUE;
  name = cepa_base64_encode_unpadded (self->out.digest, sizeof self->out.digest);
  g_prefix_error (error, "microdescriptor %s: ", name);
  return FALSE;
}

CepaMicrodescriptorStatus
cepa_microdescriptor_next (CepaSlice *rest, CepaMicrodescriptor *out, GError **error)
{
  MicrodescriptorReader reader = { .out = { .last_listed_s = 0 } };
  CepaSlice annotations, text;

  while (rest->len > 0 && rest->text[0] == '\n')
    *rest = cepa_slice_skip (*rest, 1);
  if (rest->len == 0)
    return CEPA_MICRODESCRIPTOR_END;
  microdescriptor_split (rest, &annotations, &text);
  if (!microdescriptor_parse (&reader, annotations, text, error))
    return CEPA_MICRODESCRIPTOR_BAD;
  *out = reader.out;
  return CEPA_MICRODESCRIPTOR_GOOD;
}

/* The start of the microdescriptor that @p is in; NULL when none begins so far before it as one may be long. */
static const char *
microdescriptor_find_start (const char *text, const char *p, const char *end)
{
  const char *first = p - MIN (p - text, CEPA_MICRODESCRIPTOR_MAX_BYTES);

  while (!((p == text || p[-1] == '\n') && microdescriptor_is_start (p, end)))
    {
      if (p == first)
        return NULL;
      p--;
    }
  return p;
}

gboolean
cepa_microdescriptor_find_text (CepaSlice text, const guint8 digest[32], const guint8 ntor_key[32], CepaSlice *out)
{
  g_autofree char *base64 = cepa_base64_encode_unpadded (ntor_key, 32);
  const char *p = text.text, *end = text.text + text.len, *start;

  while (p != NULL && (p = memmem (p, (gsize) (end - p), base64, strlen (base64))) != NULL)
    {
      guint8 found[32];

      start = microdescriptor_find_start (text.text, p, end);
      p += strlen (base64);
      if (start != NULL)
        {
          CepaSlice rest = { start, (gsize) (end - start) }, annotations, body;

          microdescriptor_split (&rest, &annotations, &body);
          cepa_sha256 (body.text, body.len, found);
          if (memcmp (found, digest, sizeof found) == 0)
            {
              *out = body;
              return TRUE;
            }
        }
    }
  return FALSE;
}
