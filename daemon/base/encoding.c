/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/encoding.h"

#include <string.h>

void
cepa_hex_encode_to (const void *data, gsize len, char *out)
{
  static const char digits[] = "0123456789ABCDEF";
  const guint8 *p = data;

  for (gsize i = 0; i < len; i++)
    {
      out[2 * i] = digits[p[i] >> 4];
      out[2 * i + 1] = digits[p[i] & 15];
    }
  out[2 * len] = '\0';
}

char *
cepa_hex_encode (const void *data, gsize len)
{
  char *out = g_malloc (2 * len + 1);

  cepa_hex_encode_to (data, len, out);
  return out;
}

gboolean
cepa_hex_decode (const char *text, gsize text_len, void *out, gsize out_len)
{
  guint8 *p = out;

  if (text_len != 2 * out_len)
    return FALSE;
  for (gsize i = 0; i < text_len; i++)
    if (!g_ascii_isxdigit (text[i]))
      return FALSE;
  for (gsize i = 0; i < out_len; i++)
    p[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return TRUE;
}

static int
encoding_base64_value (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '+')
    return 62;
  return c == '/' ? 63 : -1;
}

gboolean
cepa_base64_decode (const char *text, gsize text_len, void *out, gsize out_size, gsize *out_len)
{
  guint8 *p = out;
  gsize n = text_len, produced;
  guint32 bits = 0;
  guint have = 0;

  if (text_len % 4 == 0)
    for (guint i = 0; i < 2 && n > 0 && text[n - 1] == '='; i++)
      n--;
  produced = n * 6 / 8;
  if (n % 4 == 1 || produced > out_size)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (encoding_base64_value (text[i]) < 0)
      return FALSE;

  for (gsize i = 0; i < n; i++)
    {
      bits = bits << 6 | (guint32) encoding_base64_value (text[i]);
      have += 6;
      if (have >= 8)
        {
          have -= 8;
          *p++ = (guint8) (bits >> have);
        }
    }
  *out_len = produced;
  return TRUE;
}

char *
cepa_base64_encode_unpadded (const void *data, gsize len)
{
  char *out = g_base64_encode (data, len);
  gsize n = strlen (out);

  while (n > 0 && out[n - 1] == '=')
    out[--n] = '\0';
  return out;
}

char *
cepa_escape_for_log (const char *text, gsize len, gsize max)
{
  GString *out = g_string_new (NULL);

  for (gsize i = 0; i < len && out->len <= max; i++)
    {
      if (g_ascii_isprint (text[i]) && text[i] != '\\')
        g_string_append_c (out, text[i]);
      else
        g_string_append_printf (out, "\\x%02x", (guint8) text[i]);
    }
  if (out->len > max)
    {
      g_string_truncate (out, max);
      g_string_append (out, "...");
    }
  return g_string_free (out, FALSE);
}
