/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/encoding.h"

#include <string.h>

static void
test_hex_encode (void)
{
  static const guint8 data[] = { 0x00, 0x0f, 0xf0, 0xab, 0xcd, 0xff };
  g_autofree char *text = cepa_hex_encode (data, sizeof data);
  g_autofree char *empty = cepa_hex_encode (NULL, 0);
  char out[2 * sizeof data + 1];

  g_assert_cmpstr (text, ==, "000FF0ABCDFF");
  g_assert_cmpstr (empty, ==, "");
  cepa_hex_encode_to (data, sizeof data, out);
  g_assert_cmpstr (out, ==, text);
}

static void
test_hex_decode (void)
{
  static const char *const bad[] = {
    "", "0", "00F", "00ff0", "00ff00ff0", "00fg", "g0ff", " 0ff", "0x00", "-1ff",
  };
  guint8 out[2] = { 9, 9 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (cepa_hex_decode (bad[i], strlen (bad[i]), out, 2));
      g_assert_cmpmem (out, 2, "\x9\x9", 2);
    }
  g_assert_true (cepa_hex_decode ("aBCd", 4, out, 2));
  g_assert_cmpmem (out, 2, "\xab\xcd", 2);
  g_assert_true (cepa_hex_decode ("0f12beyond", 4, out, 2));
  g_assert_cmpmem (out, 2, "\x0f\x12", 2);
  g_assert_true (cepa_hex_decode ("", 0, out, 0));
}

/* RFC 4648 § 10, with its padding and without. */
static void
test_base64_vectors (void)
{
  static const struct
  {
    const char *text, *bytes;
  } cases[] = {
    { "", "" },
    { "Zg==", "f" },
    { "Zm8=", "fo" },
    { "Zm9v", "foo" },
    { "Zm9vYg==", "foob" },
    { "Zm9vYmE=", "fooba" },
    { "Zm9vYmFy", "foobar" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gsize bytes_len = strlen (cases[i].bytes), text_len = strlen (cases[i].text), len = 77;
      g_autofree char *encoded = cepa_base64_encode_unpadded (cases[i].bytes, bytes_len);
      gsize unpadded_len = strlen (encoded);
      guint8 out[8];

      g_assert_true (g_str_has_prefix (cases[i].text, encoded));
      g_assert_cmpuint (strspn (cases[i].text + unpadded_len, "="), ==, text_len - unpadded_len);
      memset (out, 9, sizeof out);
      g_assert_true (cepa_base64_decode (cases[i].text, text_len, out, bytes_len, &len));
      g_assert_cmpmem (out, len, cases[i].bytes, bytes_len);
      g_assert_cmpuint (out[len], ==, 9);
      g_assert_true (cepa_base64_decode (encoded, unpadded_len, out, sizeof out, &len));
      g_assert_cmpmem (out, len, cases[i].bytes, bytes_len);
    }
}

/* Every character has its value, and the bytes come out in order. */
static void
test_base64_alphabet (void)
{
  static const char text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  guint8 out[48];
  gsize len;

  g_assert_true (cepa_base64_decode (text, 64, out, sizeof out, &len));
  g_assert_cmpuint (len, ==, 48);
  for (guint i = 0; i < 64; i++)
    {
      guint bit = 6 * i;
      guint value = (guint) out[bit / 8] << 8 | (bit / 8 + 1 < 48 ? out[bit / 8 + 1] : 0);

      g_assert_cmpuint (value >> (10 - bit % 8) & 63, ==, i);
    }
}

static void
test_base64_refused (void)
{
  static const char *const bad[] = {
    "Z",     "Zm9vY", "=",        "==",   "===",  "====", "Z===",   "Zg=",   "Zm8==",
    "Zm9v=", "Zg=Z",  "Zg==Zg==", "Z=8=", "=Zm8", "Zm 8", "Zm8\n", " Zg==", "Zm-_",
    "Zm9v\r\nYg==", "Zg\0=",
  };
  guint8 out[16];
  gsize len = 77;

  memset (out, 9, sizeof out);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      gsize text_len = i == G_N_ELEMENTS (bad) - 1 ? 4 : strlen (bad[i]);

      g_assert_false (cepa_base64_decode (bad[i], text_len, out, sizeof out, &len));
      g_assert_cmpuint (len, ==, 77);
    }
  for (guint i = 0; i < sizeof out; i++)
    g_assert_cmpuint (out[i], ==, 9);
  /* No room. */
  g_assert_false (cepa_base64_decode ("Zm9vYmFy", 8, out, 5, &len));
  g_assert_cmpuint (out[0], ==, 9);
}

/* Printable ASCII stays; a backslash does not, or what it begins could be taken for ours. */
static void
test_escape (void)
{
  static const struct
  {
    const char *text;
    gsize len, max;
    const char *expected;
  } cases[] = {
    { "", 0, 10, "" },
    { "plain text!", 11, 20, "plain text!" },
    { "a\nb\0c\x1b\x7f\xc3\xbc", 9, 100, "a\\x0ab\\x00c\\x1b\\x7f\\xc3\\xbc" },
    { "back\\slash", 10, 100, "back\\x5cslash" },
    { "abcdef", 6, 3, "abc..." },
    { "abc", 3, 3, "abc" }, /* it fits: nothing is cut */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *escaped = cepa_escape_for_log (cases[i].text, cases[i].len, cases[i].max);

      g_assert_cmpstr (escaped, ==, cases[i].expected);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/encoding/hex-encode", test_hex_encode);
  g_test_add_func ("/base/encoding/hex-decode", test_hex_decode);
  g_test_add_func ("/base/encoding/base64-vectors", test_base64_vectors);
  g_test_add_func ("/base/encoding/base64-alphabet", test_base64_alphabet);
  g_test_add_func ("/base/encoding/base64-refused", test_base64_refused);
  g_test_add_func ("/base/encoding/escape", test_escape);
  return g_test_run ();
}
