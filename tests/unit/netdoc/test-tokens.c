/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/tokens.h"

#include <string.h>

#include "base/error.h"
#include "maker.h"
#include "netdoc/limits.h"
#include "netdoc/values.h"

static gboolean
next_of (const char *text, gsize len, CepaTextItem *item, GError **error)
{
  CepaTextCursor cursor;

  cepa_text_cursor_init (&cursor, text, len);
  return cepa_text_cursor_next (&cursor, item, error);
}

static void
test_items (void)
{
  static const char text[] = "first  a b \t\n"
                             "second\n-----BEGIN THE TYPE-----\nAQID\nBAU=\n-----END THE TYPE-----\n"
                             "third-3\n";
  CepaTextCursor cursor;
  CepaTextItem item;
  guint8 out[16];
  gsize len;

  cepa_text_cursor_init (&cursor, text, strlen (text));
  g_assert_true (cepa_text_cursor_next (&cursor, &item, NULL));
  g_assert_true (cepa_slice_is (item.keyword, "first"));
  g_assert_true (cepa_slice_is (item.args, "a b"));
  g_assert_null (item.object_type.text);
  g_assert_cmpuint (item.line, ==, 1);

  g_assert_true (cepa_text_cursor_next (&cursor, &item, NULL));
  g_assert_true (cepa_slice_is (item.keyword, "second"));
  g_assert_cmpuint (item.args.len, ==, 0);
  g_assert_true (cepa_slice_is (item.object_type, "THE TYPE"));
  g_assert_true (cepa_slice_is (item.object, "AQID\nBAU=\n"));
  g_assert_true (cepa_text_item_decode_object (&item, "THE TYPE", out, sizeof out, &len, NULL));
  g_assert_cmpmem (out, len, "\1\2\3\4\5", 5);

  g_assert_false (cepa_text_cursor_is_done (&cursor));
  g_assert_true (cepa_text_cursor_next (&cursor, &item, NULL));
  g_assert_true (cepa_slice_is (item.keyword, "third-3"));
  g_assert_cmpuint (item.line, ==, 7);
  g_assert_true (cepa_text_cursor_is_done (&cursor));
  g_assert_true (item.end == text + strlen (text));
}

static void
test_malformed (void)
{
  static const struct
  {
    const char *text;
    const char *reason;
  } cases[] = {
    { "keyword", "middle of a line" },
    { "\n", "empty line" },
    { " keyword\n", "begins with a blank" },
    { "key_word\n", "malformed keyword \"key_word\"" },
    { "k\xc3\xa9y\n", "malformed keyword \"k\\xc3\\xa9y\"" },
    { "a@b\n", "malformed keyword" },
    { "@\n", "malformed keyword \"@\"" },
    { "-key\n", "malformed keyword" },
    { "-----BEGIN X-----\n", "malformed keyword" },
    { "k\n-----BEGIN X\n", "malformed BEGIN" },
    { "k\n-----BEGIN -----\n", "malformed BEGIN" },
    { "k\n-----BEGIN X-----\n", "end of a line" },
    { "k\n-----BEGIN X-----\nAAAA\n", "end of a line" },
    { "k\n-----BEGIN X-----\nAAAA\n-----END X-----", "middle of a line" },
    { "k\n-----BEGIN X-----\nAAAA\n-----END Y-----\n", "END is not that of its BEGIN" },
    { "k\n-----BEGIN X-----\nAAAA\n-----END X----\n", "END is not that of its BEGIN" },
    { "k\n-----BEGIN X-----\nAA AA\n-----END X-----\n", "not base64" },
    { "k\n-----BEGIN X-----\n\n-----END X-----\n", "not base64" },
    { "k\n-----BEGIN X-----\ndirectory-signature x\n-----END X-----\n", "not base64" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      CepaTextItem item = { .line = 77 };

      g_assert_false (next_of (cases[i].text, strlen (cases[i].text), &item, &error));
      maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, cases[i].reason);
      g_assert_cmpuint (item.line, ==, 77);
    }
}

static void
test_nul (void)
{
  g_autoptr (GError) error = NULL;
  CepaTextItem item;

  g_assert_false (next_of ("key\0word\n", 9, &item, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "NUL");
}

/* The text ends where it is said to, though more is behind. */
static void
test_bounds (void)
{
  CepaTextItem item;

  g_assert_true (next_of ("key word\n-----BEGIN X-----\n", 9, &item, NULL));
  g_assert_null (item.object_type.text);
  g_assert_false (next_of ("key word\n", 8, &item, NULL));
}

static void
test_limits (void)
{
  g_autoptr (GString) text = g_string_new ("k ");
  g_autoptr (GError) error = NULL;
  CepaTextItem item;

  while (text->len < CEPA_NETDOC_MAX_LINE)
    g_string_append_c (text, 'a');
  g_string_append_c (text, '\n');
  g_assert_true (next_of (text->str, text->len, &item, &error));
  g_string_insert_c (text, 2, 'a');
  g_assert_false (next_of (text->str, text->len, &item, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "more than 131072 bytes");
  g_clear_error (&error);

  g_string_assign (text, "k\n-----BEGIN X-----\n");
  for (guint i = 0; i < CEPA_NETDOC_MAX_OBJECT / 5 + 1; i++)
    g_string_append (text, "AAAA\n");
  g_string_append (text, "-----END X-----\n");
  g_assert_false (next_of (text->str, text->len, &item, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "an object of more than");
}

static void
test_decode (void)
{
  static const char text[] = "k\n-----BEGIN X-----\nAAAAAAAA\n-----END X-----\n";
  static const char odd[] = "k\n-----BEGIN X-----\nAA=A\n-----END X-----\n";
  g_autoptr (GError) error = NULL;
  CepaTextItem item;
  guint8 out[8];
  gsize len = 77;

  g_assert_true (next_of (text, strlen (text), &item, NULL));
  g_assert_false (cepa_text_item_decode_object (&item, "Y", out, sizeof out, &len, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "no object of type \"Y\"");
  g_clear_error (&error);
  g_assert_false (cepa_text_item_decode_object (&item, "X", out, 5, &len, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "base64 of at most 5 bytes");
  g_clear_error (&error);
  g_assert_cmpuint (len, ==, 77);
  g_assert_true (cepa_text_item_decode_object (&item, "X", out, 6, &len, NULL));
  g_assert_cmpuint (len, ==, 6);

  g_assert_true (next_of (odd, strlen (odd), &item, NULL));
  g_assert_false (cepa_text_item_decode_object (&item, "X", out, sizeof out, &len, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "base64");
}

/* One that is larger than any key or signature. */
static void
test_decode_large (void)
{
  g_autoptr (GString) text = g_string_new ("k\n-----BEGIN X-----\n");
  g_autofree guint8 *out = g_malloc (16384);
  g_autoptr (GError) error = NULL;
  CepaTextItem item;
  gsize len;

  for (guint i = 0; i < CEPA_NETDOC_MAX_DECODED_OBJECT / 64; i++)
    g_string_append (text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
  g_string_append (text, "-----END X-----\n");
  g_assert_true (next_of (text->str, text->len, &item, NULL));
  g_assert_true (cepa_text_item_decode_object (&item, "X", out, 16384, &len, NULL));
  g_assert_cmpuint (len, ==, CEPA_NETDOC_MAX_DECODED_OBJECT / 4 * 3);
  g_string_insert (text, (gssize) strlen ("k\n-----BEGIN X-----\n"), "AAAA\n");
  g_assert_true (next_of (text->str, text->len, &item, NULL));
  g_assert_false (cepa_text_item_decode_object (&item, "X", out, 16384, &len, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "too large an object");
}

static gboolean
count_item (gpointer document, G_GNUC_UNUSED const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ++*(guint *) document;
  return TRUE;
}

static void
test_rules (void)
{
  static const CepaItemRule rules[] = {
    { "once", CEPA_ITEM_ONCE, count_item },
    { "many", CEPA_ITEM_REQUIRED | CEPA_ITEM_REPEATED, count_item },
    { "object", CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS, count_item },
  };
  static const struct
  {
    const char *text;
    const char *reason; /* NULL: good */
    guint n;
  } cases[] = {
    { "once\nmany\nmany\nother\n", NULL, 3 },
    { "once\nonce\n", "a second \"once\"", 1 },
    { "once\n", "no \"many\"", 1 },
    { "many\n-----BEGIN X-----\n-----END X-----\n", "an object behind \"many\"", 0 },
    { "object\n", "no object behind \"object\"", 0 },
    { "object 1\n-----BEGIN X-----\n-----END X-----\n", "an argument of \"object\"", 0 },
    { "many\nother\n-----BEGIN X-----\n-----END X-----\n", NULL, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean good = TRUE;
      CepaTextCursor cursor;
      guint32 seen = 0;
      guint n = 0;

      cepa_text_cursor_init (&cursor, cases[i].text, strlen (cases[i].text));
      while (good && !cepa_text_cursor_is_done (&cursor))
        {
          CepaTextItem item;

          g_assert_true (cepa_text_cursor_next (&cursor, &item, NULL));
          good = cepa_item_rules_apply (rules, G_N_ELEMENTS (rules), &seen, &n, &item, &error);
        }
      good = good && cepa_item_rules_check (rules, G_N_ELEMENTS (rules), seen, &error);
      g_assert_cmpuint (n, ==, cases[i].n);
      g_assert_true (good == (cases[i].reason == NULL));
      if (!good)
        maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, cases[i].reason);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/netdoc/tokens/items", test_items);
  g_test_add_func ("/netdoc/tokens/malformed", test_malformed);
  g_test_add_func ("/netdoc/tokens/nul", test_nul);
  g_test_add_func ("/netdoc/tokens/bounds", test_bounds);
  g_test_add_func ("/netdoc/tokens/limits", test_limits);
  g_test_add_func ("/netdoc/tokens/decode", test_decode);
  g_test_add_func ("/netdoc/tokens/decode-large", test_decode_large);
  g_test_add_func ("/netdoc/tokens/rules", test_rules);
  return g_test_run ();
}
