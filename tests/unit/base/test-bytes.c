/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/bytes.h"
#include "base/writer.h"

static void
test_reader_integers (void)
{
  static const guint8 data[] = { 0x80, 0x81, 0x82, 0xf3, 0xf4, 0xf5, 0xf6, 0xff };
  CepaReader reader;

  cepa_reader_init (&reader, data, sizeof data);
  g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 0x80);
  g_assert_cmpuint (cepa_reader_u16 (&reader), ==, 0x8182);
  g_assert_cmpuint (cepa_reader_u32 (&reader), ==, 0xf3f4f5f6);
  g_assert_cmpuint (reader.left, ==, 1);
  g_assert_false (cepa_reader_is_done (&reader));
  g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 0xff);
  g_assert_true (cepa_reader_is_done (&reader));
}

/* A read that does not fit gives zeros and moves nothing; no later read works, not even one that fits. */
static void
test_reader_past_the_end (void)
{
  static const guint8 data[] = { 1, 2, 3 };

  for (guint kind = 0; kind < 5; kind++)
    {
      guint8 copy[5] = { 9, 9, 9, 9, 9 };
      CepaReader reader;

      cepa_reader_init (&reader, data, sizeof data);
      if (kind == 0)
        g_assert_cmpuint (cepa_reader_u32 (&reader), ==, 0);
      else if (kind == 1)
        g_assert_null (cepa_reader_take (&reader, 4));
      else if (kind == 2)
        g_assert_false (cepa_reader_copy (&reader, copy, sizeof copy));
      else if (kind == 3)
        g_assert_true (cepa_reader_sub (&reader, 4).failed);
      else
        g_assert_null (cepa_reader_take (&reader, G_MAXSIZE));
      g_assert_true (reader.failed);
      g_assert_true (reader.data == data);
      g_assert_cmpuint (reader.left, ==, 3);
      g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 0);
      g_assert_cmpuint (cepa_reader_u16 (&reader), ==, 0);
      g_assert_null (cepa_reader_take (&reader, 1));
      g_assert_false (cepa_reader_is_done (&reader));
      g_assert_cmpuint (copy[4], ==, kind == 2 ? 0 : 9);
    }
}

static void
test_reader_take_and_copy (void)
{
  static const guint8 data[] = { 1, 2, 3, 4 };
  guint8 copy[3] = { 0, 0, 9 };
  CepaReader reader;

  cepa_reader_init (&reader, data, sizeof data);
  g_assert_true (cepa_reader_take (&reader, 2) == data);
  g_assert_true (cepa_reader_copy (&reader, copy, 2));
  g_assert_cmpmem (copy, 3, "\3\4\x9", 3);
  g_assert_true (cepa_reader_take (&reader, 0) == data + 4);
  g_assert_true (cepa_reader_is_done (&reader));
}

/* What fails in the part does not fail in the whole; what does not fit fails in both. */
static void
test_reader_sub (void)
{
  static const guint8 data[] = { 1, 2, 3, 4 };
  CepaReader reader, sub;

  cepa_reader_init (&reader, data, sizeof data);
  sub = cepa_reader_sub (&reader, 3);
  g_assert_cmpuint (sub.left, ==, 3);
  g_assert_cmpuint (cepa_reader_u32 (&sub), ==, 0);
  g_assert_true (sub.failed);
  g_assert_false (reader.failed);
  g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 4);
  sub = cepa_reader_sub (&reader, 0);
  g_assert_true (cepa_reader_is_done (&sub));
  sub = cepa_reader_sub (&reader, 1);
  g_assert_true (sub.failed && reader.failed);
  g_assert_cmpuint (sub.left, ==, 0);
}

static void
test_writer (void)
{
  guint8 buffer[12];
  CepaWriter writer;

  memset (buffer, 0x5a, sizeof buffer);
  cepa_writer_init (&writer, buffer, sizeof buffer - 1);
  cepa_writer_u8 (&writer, 1);
  cepa_writer_u16 (&writer, 0x0203);
  cepa_writer_u32 (&writer, 0x04050607);
  cepa_writer_bytes (&writer, "\x8\x9", 2);
  cepa_writer_bytes (&writer, NULL, 0);
  memcpy (cepa_writer_reserve (&writer, 2), "\xa\xb", 2);
  g_assert_false (writer.failed);
  g_assert_cmpuint (writer.len, ==, 11);
  g_assert_cmpmem (buffer, sizeof buffer, "\1\2\3\4\5\6\7\x8\x9\xa\xb\x5a", 12);
}

/* The write that does not fit leaves no byte behind, and none does after it. */
static void
test_writer_past_the_end (void)
{
  guint8 buffer[4] = { 9, 9, 9, 9 };
  CepaWriter writer;

  cepa_writer_init (&writer, buffer, 3);
  cepa_writer_u16 (&writer, 0x0102);
  cepa_writer_u16 (&writer, 0x0304);
  g_assert_true (writer.failed);
  g_assert_cmpuint (writer.len, ==, 2);
  cepa_writer_u8 (&writer, 5);
  g_assert_null (cepa_writer_reserve (&writer, 1));
  g_assert_cmpuint (writer.len, ==, 2);
  g_assert_cmpmem (buffer, sizeof buffer, "\1\2\x9\x9", 4);

  cepa_writer_init (&writer, buffer, 3);
  g_assert_null (cepa_writer_reserve (&writer, G_MAXSIZE));
  g_assert_true (writer.failed);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/bytes/reader-integers", test_reader_integers);
  g_test_add_func ("/base/bytes/reader-past-the-end", test_reader_past_the_end);
  g_test_add_func ("/base/bytes/reader-take-and-copy", test_reader_take_and_copy);
  g_test_add_func ("/base/bytes/reader-sub", test_reader_sub);
  g_test_add_func ("/base/bytes/writer", test_writer);
  g_test_add_func ("/base/bytes/writer-past-the-end", test_writer_past_the_end);
  return g_test_run ();
}
