/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/authority.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "netdoc/values.h"

#define AUTHORITY_MAX_LINE 4096

/* A line being read. */
typedef struct
{
  CepaDirectorySource *source;
  const char *option; /* the name of the torrc option, for messages */
  gboolean has_or_port;
  gboolean has_rsa_id;
} AuthorityReader;

static gboolean G_GNUC_PRINTF (2, 3)
authority_refuse (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG, message);
  return FALSE;
}

static gboolean
authority_read_or_port (AuthorityReader *self, CepaSlice value)
{
  self->has_or_port = TRUE;
  return cepa_slice_to_port (value, &self->source->or_port) && self->source->or_port != 0;
}

static gboolean
authority_read_v3_id (AuthorityReader *self, CepaSlice value)
{
  self->source->is_v3 = TRUE;
  return cepa_hex_decode (value.text, value.len, self->source->v3_id, sizeof self->source->v3_id);
}

static gboolean
authority_read_rsa_id (AuthorityReader *self, CepaSlice value)
{
  self->has_rsa_id = TRUE;
  return cepa_hex_decode (value.text, value.len, self->source->rsa_id, sizeof self->source->rsa_id);
}

static gboolean
authority_read_ipv6 (AuthorityReader *self, CepaSlice value)
{
  self->source->has_ipv6 = TRUE;
  return cepa_slice_to_ipv6_port (value, self->source->ipv6, &self->source->ipv6_port);
}

static gboolean
authority_read_weight (AuthorityReader *self, CepaSlice value)
{
  g_autofree char *text = g_strndup (value.text, value.len);
  char *end;
  double weight = g_ascii_strtod (text, &end);

  if (!g_ascii_isdigit (text[0]) || *end != '\0' || !isfinite (weight))
    return FALSE;
  self->source->weight = weight;
  return TRUE;
}

/* For the authority's own uploads, which a client makes none of. */
static gboolean
authority_pass_over (G_GNUC_UNUSED AuthorityReader *self, G_GNUC_UNUSED CepaSlice value)
{
  return TRUE;
}

typedef struct
{
  const char *name;
  gboolean (*read) (AuthorityReader *self, CepaSlice value);
} AuthoritySetting;

static const AuthoritySetting authority_settings[] = {
  { "orport", authority_read_or_port },
  { "v3ident", authority_read_v3_id },
  { "ipv6", authority_read_ipv6 },
  { "weight", authority_read_weight },
  { "upload", authority_pass_over },
  { "download", authority_pass_over },
  { "vote", authority_pass_over },
};

static const AuthoritySetting authority_fallback_settings[] = {
  { "orport", authority_read_or_port },
  { "id", authority_read_rsa_id },
  { "ipv6", authority_read_ipv6 },
  { "weight", authority_read_weight },
};

/* Reads the word when it is one of @settings with a value; @is_known says whether it was. */
static gboolean
authority_read_setting (AuthorityReader *self, const AuthoritySetting *settings, guint n, CepaSlice word,
                        gboolean *is_known, GError **error)
{
  CepaSlice name, value;

  *is_known = FALSE;
  if (!cepa_slice_split_at (word, '=', &name, &value))
    return TRUE;
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *shown = NULL;

      if (strlen (settings[i].name) != name.len
          || g_ascii_strncasecmp (settings[i].name, name.text, name.len) != 0)
        continue;
      *is_known = TRUE;
      if (settings[i].read (self, value))
        return TRUE;
      shown = cepa_slice_escape (word);
      return authority_refuse (error, "%s: \"%s\" is not a valid %s", self->option, shown, settings[i].name);
    }
  return TRUE;
}

/* "ADDR:PORT"; without ":PORT" the port is 0 when @port_optional. */
static gboolean
authority_read_address (AuthorityReader *self, CepaSlice word, gboolean port_optional, GError **error)
{
  CepaSlice address = word, port = { NULL, 0 };
  gboolean has_port = cepa_slice_split_at (word, ':', &address, &port);

  if (!cepa_slice_to_ipv4 (address, &self->source->ipv4)
      || (has_port && !cepa_slice_to_port (port, &self->source->dir_port))
      || (!port_optional && self->source->dir_port == 0))
    {
      g_autofree char *shown = cepa_slice_escape (word);

      return authority_refuse (error, "%s: \"%s\" is not %s", self->option, shown,
                               port_optional ? "ADDRESS or ADDRESS:PORT in IPv4" : "ADDRESS:PORT in IPv4");
    }
  return TRUE;
}

/* 40 digits, in as many words as one likes. */
static gboolean
authority_read_fingerprint (AuthorityReader *self, CepaSlice rest, GError **error)
{
  g_autoptr (GString) digits = g_string_new (NULL);
  CepaSlice word;

  while (cepa_slice_next_word (&rest, &word))
    g_string_append_len (digits, word.text, (gssize) word.len);
  if (!authority_read_rsa_id (self, (CepaSlice) { digits->str, digits->len }))
    {
      g_autofree char *shown = cepa_escape_for_log (digits->str, digits->len, 60);

      return authority_refuse (error, "%s: the fingerprint \"%s\" is not 40 hexadecimal digits", self->option,
                               shown);
    }
  return TRUE;
}

/* A word before the address. Of the flags that are one word, none changes what a client does. */
static gboolean
authority_read_flag (AuthorityReader *self, CepaSlice word, GError **error)
{
  static const char *const flags[] = { "bridge", "hs", "no-hs", "v1", "no-v1", "v2", "no-v2" };
  g_autofree char *shown = NULL;
  gboolean is_known;

  if (!authority_read_setting (self, authority_settings, G_N_ELEMENTS (authority_settings), word, &is_known,
                               error))
    return FALSE;
  if (is_known)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    if (strlen (flags[i]) == word.len && g_ascii_strncasecmp (flags[i], word.text, word.len) == 0)
      return TRUE;
  shown = cepa_slice_escape (word);
  return authority_refuse (error, "%s: unknown flag \"%s\"", self->option, shown);
}

static gboolean
authority_check_line (AuthorityReader *self, const char *line, CepaSlice *rest, GError **error)
{
  gsize len = strlen (line);

  if (len > AUTHORITY_MAX_LINE)
    return authority_refuse (error, "%s: more than %d bytes", self->option, AUTHORITY_MAX_LINE);
  *rest = (CepaSlice) { line, len };
  return TRUE;
}

static gboolean
authority_read_line (AuthorityReader *self, const char *line, GError **error)
{
  CepaSlice rest, behind, word;

  if (!authority_check_line (self, line, &rest, error))
    return FALSE;
  behind = rest;
  if (cepa_slice_next_word (&behind, &word) && cepa_slice_is_nickname (word))
    {
      self->source->nickname = g_strndup (word.text, word.len);
      rest = behind;
    }
  for (;;)
    {
      if (!cepa_slice_next_word (&rest, &word))
        return authority_refuse (error, "%s: no address", self->option);
      if (g_ascii_isdigit (word.text[0]))
        break;
      if (!authority_read_flag (self, word, error))
        return FALSE;
    }
  if (!authority_read_address (self, word, FALSE, error) || !authority_read_fingerprint (self, rest, error))
    return FALSE;
  if (!self->has_or_port)
    return authority_refuse (error, "%s: no orport=", self->option);
  return TRUE;
}

/* Words with "=" that are not known are left for those who know them, as C Tor does. */
static gboolean
authority_read_fallback_line (AuthorityReader *self, const char *line, GError **error)
{
  static const guint8 zero[20];
  CepaSlice rest, word, address = { NULL, 0 };

  if (!authority_check_line (self, line, &rest, error))
    return FALSE;
  while (cepa_slice_next_word (&rest, &word))
    {
      gboolean is_known;

      if (!authority_read_setting (self, authority_fallback_settings,
                                   G_N_ELEMENTS (authority_fallback_settings), word, &is_known, error))
        return FALSE;
      if (is_known || memchr (word.text, '=', word.len) != NULL)
        continue;
      if (address.text != NULL)
        return authority_refuse (error, "%s: more than one address", self->option);
      address = word;
    }
  if (address.text == NULL)
    return authority_refuse (error, "%s: no address", self->option);
  if (!authority_read_address (self, address, TRUE, error))
    return FALSE;
  if (!self->has_or_port)
    return authority_refuse (error, "%s: no orport=", self->option);
  if (!self->has_rsa_id || memcmp (self->source->rsa_id, zero, sizeof zero) == 0)
    return authority_refuse (error, "%s: no id=", self->option);
  return TRUE;
}

static CepaDirectorySource *
authority_new (void)
{
  CepaDirectorySource *self = g_new0 (CepaDirectorySource, 1);

  self->weight = 1.0;
  return self;
}

CepaDirectorySource *
cepa_directory_source_parse_authority (const char *line, GError **error)
{
  g_autoptr (CepaDirectorySource) source = NULL;
  AuthorityReader reader = { .option = "DirAuthority" };

  g_return_val_if_fail (line != NULL, NULL);

  source = reader.source = authority_new ();
  source->is_authority = TRUE;
  if (!authority_read_line (&reader, line, error))
    return NULL;
  return g_steal_pointer (&source);
}

CepaDirectorySource *
cepa_directory_source_parse_fallback (const char *line, GError **error)
{
  g_autoptr (CepaDirectorySource) source = NULL;
  AuthorityReader reader = { .option = "FallbackDir" };

  g_return_val_if_fail (line != NULL, NULL);

  source = reader.source = authority_new ();
  if (!authority_read_fallback_line (&reader, line, error))
    return NULL;
  return g_steal_pointer (&source);
}

void
cepa_directory_source_free (CepaDirectorySource *self)
{
  if (self == NULL)
    return;
  g_free (self->nickname);
  g_free (self);
}
