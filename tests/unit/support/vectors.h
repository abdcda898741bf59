/* SPDX-License-Identifier: BSD-3-Clause */
/* Test vectors are written in hexadecimal; white space in them counts for nothing. */
#pragma once

#include <glib.h>

/* Returns: (transfer full): the bytes of @hex, which must be well-formed; data is not NULL even for none. */
static inline GByteArray *
vector_bytes (const char *hex)
{
  GByteArray *bytes = g_byte_array_sized_new (1);
  int high = -1;

  for (; *hex != '\0'; hex++)
    {
      int digit = g_ascii_xdigit_value (*hex);
      guint8 byte;

      if (g_ascii_isspace (*hex))
        continue;
      g_assert_cmpint (digit, >=, 0);
      if (high < 0)
        {
          high = digit;
          continue;
        }
      byte = (guint8) (high << 4 | digit);
      g_byte_array_append (bytes, &byte, 1);
      high = -1;
    }
  g_assert_cmpint (high, ==, -1);
  return bytes;
}

/* Fills @out with @hex, which must be exactly @len bytes. */
static inline void
vector_fill (const char *hex, void *out, gsize len)
{
  g_autoptr (GByteArray) bytes = vector_bytes (hex);

  g_assert_cmpuint (bytes->len, ==, len);
  for (gsize i = 0; i < len; i++)
    ((guint8 *) out)[i] = bytes->data[i];
}

/* Asserts that @len bytes at @data are those of @hex. */
static inline void
vector_assert (const void *data, gsize len, const char *hex)
{
  g_autoptr (GByteArray) bytes = vector_bytes (hex);

  g_assert_cmpmem (data, len, bytes->data, bytes->len);
}
