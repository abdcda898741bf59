/* SPDX-License-Identifier: BSD-3-Clause */
/* Text as the control protocol writes it. */
#include "text.h"

#include <string.h>

char *
cepa_tor_text_echo (const char *text)
{
  GString *out = g_string_new (NULL);

  cepa_tor_text_append_line (out, text);
  if (out->len > CEPA_TOR_MAX_ECHO)
    {
      const char *end = g_utf8_find_prev_char (out->str, out->str + CEPA_TOR_MAX_ECHO + 1);

      g_string_truncate (out, end != NULL ? (gsize) (end - out->str) : 0);
    }
  return g_string_free (out, FALSE);
}

void
cepa_tor_text_append_line (GString *out, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  for (char *c = valid; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  g_string_append (out, g_strchomp (valid));
}

void
cepa_tor_text_append_word (GString *out, const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    g_string_append_c (out, g_ascii_isgraph (*c) ? *c : '?');
}

void
cepa_tor_text_append_quoted (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *c = text; *c != '\0'; c++)
    switch (*c)
      {
      case '"':
      case '\'':
      case '\\':
        g_string_append_c (out, '\\');
        g_string_append_c (out, *c);
        break;
      case '\n':
        g_string_append (out, "\\n");
        break;
      case '\r':
        g_string_append (out, "\\r");
        break;
      case '\t':
        g_string_append (out, "\\t");
        break;
      default:
        if (g_ascii_isprint (*c))
          g_string_append_c (out, *c);
        else
          g_string_append_printf (out, "\\%03o", (guint) (guchar) *c);
      }
  g_string_append_c (out, '"');
}

void
cepa_tor_text_append_data (GString *out, const char *text)
{
  while (*text != '\0')
    {
      gsize len = strcspn (text, "\n");
      gsize kept = len > 0 && text[len - 1] == '\r' ? len - 1 : len;

      if (*text == '.')
        g_string_append_c (out, '.');
      g_string_append_len (out, text, (gssize) kept);
      g_string_append (out, "\r\n");
      text += len + (text[len] == '\n');
    }
  g_string_append (out, ".\r\n");
}

void
cepa_tor_text_append_time_us (GString *out, gint64 time_us)
{
  g_autofree char *seconds = cepa_tor_text_time (time_us / G_USEC_PER_SEC, "%Y-%m-%dT%H:%M:%S");

  if (time_us >= 0 && *seconds != '\0')
    g_string_append_printf (out, "%s.%06d", seconds, (int) (time_us % G_USEC_PER_SEC));
}

char *
cepa_tor_text_time (gint64 time_s, const char *format)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (time_s);

  return time != NULL ? g_date_time_format (time, format) : g_strdup ("");
}

gboolean
cepa_tor_text_is_hex (const char *text, gsize len)
{
  if (strlen (text) != len)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isxdigit (text[i]))
      return FALSE;
  return TRUE;
}

guint8 *
cepa_tor_text_unhex (const char *text, gsize *len)
{
  gsize digits = strlen (text);
  guint8 *bytes;

  if (digits % 2 != 0 || !cepa_tor_text_is_hex (text, digits))
    return NULL;
  bytes = g_malloc (digits / 2 + 1);
  for (gsize i = 0; i < digits / 2; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  bytes[digits / 2] = 0;
  *len = digits / 2;
  return bytes;
}

void
cepa_tor_text_append_hex (GString *out, const guint8 *bytes, gsize len)
{
  for (gsize i = 0; i < len; i++)
    g_string_append_printf (out, "%02X", bytes[i]);
}
