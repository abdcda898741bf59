/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/encoding.h"

#include <string.h>

/* What each digit stands for, and ENCODING_DIGIT; 0 for what is no digit. */
#define ENCODING_DIGIT 0x40
#define D(value) (ENCODING_DIGIT | (value))
static const guint8 encoding_hex_values[256] = {
  ['0'] = D (0), ['1'] = D (1), ['2'] = D (2), ['3'] = D (3), ['4'] = D (4), ['5'] = D (5), ['6'] = D (6),
  ['7'] = D (7), ['8'] = D (8), ['9'] = D (9),
  ['A'] = D (10), ['B'] = D (11), ['C'] = D (12), ['D'] = D (13), ['E'] = D (14), ['F'] = D (15),
  ['a'] = D (10), ['b'] = D (11), ['c'] = D (12), ['d'] = D (13), ['e'] = D (14), ['f'] = D (15),
};
static const guint8 encoding_base64_values[256] = {
  ['A'] = D (0), ['B'] = D (1), ['C'] = D (2), ['D'] = D (3), ['E'] = D (4), ['F'] = D (5), ['G'] = D (6),
  ['H'] = D (7), ['I'] = D (8), ['J'] = D (9), ['K'] = D (10), ['L'] = D (11), ['M'] = D (12), ['N'] = D (13),
  ['O'] = D (14), ['P'] = D (15), ['Q'] = D (16), ['R'] = D (17), ['S'] = D (18), ['T'] = D (19), ['U'] = D (20),
  ['V'] = D (21), ['W'] = D (22), ['X'] = D (23), ['Y'] = D (24), ['Z'] = D (25),
  ['a'] = D (26), ['b'] = D (27), ['c'] = D (28), ['d'] = D (29), ['e'] = D (30), ['f'] = D (31), ['g'] = D (32),
  ['h'] = D (33), ['i'] = D (34), ['j'] = D (35), ['k'] = D (36), ['l'] = D (37), ['m'] = D (38), ['n'] = D (39),
  ['o'] = D (40), ['p'] = D (41), ['q'] = D (42), ['r'] = D (43), ['s'] = D (44), ['t'] = D (45), ['u'] = D (46),
  ['v'] = D (47), ['w'] = D (48), ['x'] = D (49), ['y'] = D (50), ['z'] = D (51),
  ['0'] = D (52), ['1'] = D (53), ['2'] = D (54), ['3'] = D (55), ['4'] = D (56), ['5'] = D (57), ['6'] = D (58),
  ['7'] = D (59), ['8'] = D (60), ['9'] = D (61),
  ['+'] = D (62), ['/'] = D (63),
};
#undef D
/* Texts of no more bytes than this are decoded once, aside, and not looked through before. */
#define ENCODING_SHORT 64

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

/* Whether all of @text are digits of the table @values. */
static gboolean
encoding_are_digits (const guint8 values[256], const guint8 *text, gsize len)
{
  guint8 all = ENCODING_DIGIT;

  for (gsize i = 0; i < len; i++)
    all &= values[text[i]];
  return all != 0;
}

/* Returns: whether all 2 * @n of @text were digits; @out is what they say when they were. */
static gboolean
encoding_read_hex (const guint8 *text, gsize n, guint8 *out)
{
  guint8 all = ENCODING_DIGIT;

  for (gsize i = 0; i < n; i++)
    {
      guint8 high = encoding_hex_values[text[2 * i]], low = encoding_hex_values[text[2 * i + 1]];

      all &= high & low;
      out[i] = (guint8) (high << 4 | (low & 0x0f));
    }
  return all != 0;
}

gboolean
cepa_hex_decode (const char *text, gsize text_len, void *out, gsize out_len)
{
  const guint8 *digits = (const guint8 *) text;
  guint8 bytes[ENCODING_SHORT];

  if (text_len != 2 * out_len)
    return FALSE;
  if (out_len > sizeof bytes)
    return encoding_are_digits (encoding_hex_values, digits, text_len) && encoding_read_hex (digits, out_len, out);
  if (!encoding_read_hex (digits, out_len, bytes))
    return FALSE;
  memcpy (out, bytes, out_len);
  return TRUE;
}

gboolean
cepa_base64_decode (const char *text, gsize text_len, void *out, gsize out_size, gsize *out_len)
{
  const guint8 *digits = (const guint8 *) text, *values = encoding_base64_values;
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
  if (!encoding_are_digits (values, digits, n))
    return FALSE;

  for (; n >= 4; n -= 4, digits += 4)
    {
      bits = (values[digits[0]] & 63u) << 18 | (values[digits[1]] & 63u) << 12 | (values[digits[2]] & 63u) << 6
             | (values[digits[3]] & 63u);
      *p++ = (guint8) (bits >> 16);
      *p++ = (guint8) (bits >> 8);
      *p++ = (guint8) bits;
    }
  for (gsize i = 0; i < n; i++)
    {
      bits = bits << 6 | (values[digits[i]] & 63u);
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
