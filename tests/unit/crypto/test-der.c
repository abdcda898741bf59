/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/der.h"

#include <string.h>

#include "support/vectors.h"

static CepaReader
reader_over (GByteArray *bytes)
{
  CepaReader reader;

  cepa_reader_init (&reader, bytes->data, bytes->len);
  return reader;
}

/* X.690 § 8.1.3 and 10.1: the length in its shortest form. */
static void
test_lengths (void)
{
  for (gsize len = 0; len <= 65535; len += len < 300 ? 1 : 5431)
    {
      g_autofree guint8 *bytes = g_malloc0 (len + 5);
      CepaWriter writer;
      CepaReader reader, inner;

      cepa_writer_init (&writer, bytes, len + 5);
      cepa_der_write_header (&writer, CEPA_DER_SEQUENCE, len);
      g_assert_false (writer.failed);
      g_assert_cmpuint (writer.len, ==, len < 128 ? 2 : len < 256 ? 3 : 4);
      cepa_reader_init (&reader, bytes, writer.len + len);
      inner = cepa_der_read (&reader, CEPA_DER_SEQUENCE);
      g_assert_true (cepa_reader_is_done (&reader));
      g_assert_false (inner.failed);
      g_assert_cmpuint (inner.left, ==, len);
      g_assert_true (inner.data == bytes + writer.len);
      if (len == 0)
        continue;
      cepa_reader_init (&reader, bytes, writer.len + len - 1);
      inner = cepa_der_read (&reader, CEPA_DER_SEQUENCE);
      g_assert_true (reader.failed && inner.failed);
    }
}

static void
test_refused_elements (void)
{
  static const char *const elements[] = {
    "", "30", "3081", "308200", "3005 00000000",
    "3100",                /* another tag */
    "3080 0000",           /* indefinite */
    "308100",              /* not the shortest form */
    "30817f" "00",         /* not the shortest form, and cut off */
    "30820080" "00",       /* not the shortest form */
    "3083000001" "00",     /* three bytes of length */
    "30ff",                /* reserved */
  };

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    {
      g_autoptr (GByteArray) bytes = vector_bytes (elements[i]);
      CepaReader reader = reader_over (bytes), inner = cepa_der_read (&reader, CEPA_DER_SEQUENCE);

      g_assert_true (reader.failed);
      g_assert_true (inner.failed);
    }
}

/* There are bytes enough: only the form of the length is wrong. */
static void
test_refused_lengths (void)
{
  static const guint8 forms[][4] = { { 0x30, 0x81, 0x7f, 0 }, { 0x30, 0x82, 0, 0xff }, { 0x30, 0x83, 1, 0 },
                                     { 0x30, 0x80, 1, 0 },    { 0x30, 0xff, 1, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      guint8 bytes[300] = { 0 };
      CepaReader reader, inner;

      memcpy (bytes, forms[i], sizeof forms[i]);
      cepa_reader_init (&reader, bytes, sizeof bytes);
      inner = cepa_der_read (&reader, CEPA_DER_SEQUENCE);
      g_assert_true (reader.failed && inner.failed);
    }
}

/* X.690 § 8.3.2: the nine first bits of an INTEGER are not all the same. */
static void
test_unsigned (void)
{
  static const struct
  {
    const char *element, *magnitude;
  } good[] = {
    { "020100", "" }, { "020101", "01" }, { "02017f", "7f" }, { "02020080", "80" }, { "02020100", "0100" },
    { "0204 00ffffff", "ffffff" },
  };
  static const char *const bad[] = {
    "0200", "020005", "020180", "0202ff80", "02020000", "0202007f", "030101",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GByteArray) bytes = vector_bytes (good[i].element);
      g_autoptr (GByteArray) magnitude = vector_bytes (good[i].magnitude);
      CepaReader reader = reader_over (bytes), number = cepa_der_read_unsigned (&reader);
      guint8 written[16];
      CepaWriter writer;

      g_assert_true (cepa_reader_is_done (&reader));
      g_assert_false (number.failed);
      g_assert_cmpmem (number.data, number.left, magnitude->data, magnitude->len);
      cepa_writer_init (&writer, written, sizeof written);
      cepa_der_write_unsigned (&writer, magnitude->data, magnitude->len);
      g_assert_cmpmem (written, writer.len, bytes->data, bytes->len);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GByteArray) bytes = vector_bytes (bad[i]);
      CepaReader reader = reader_over (bytes), number = cepa_der_read_unsigned (&reader);

      g_assert_true (reader.failed && number.failed);
    }
}

static void
test_write_drops_zeros (void)
{
  guint8 written[16];
  CepaWriter writer;

  cepa_writer_init (&writer, written, sizeof written);
  cepa_der_write_unsigned (&writer, (const guint8 *) "\0\0\0\1\2", 5);
  vector_assert (written, writer.len, "02020102");
  cepa_writer_init (&writer, written, sizeof written);
  cepa_der_write_unsigned (&writer, (const guint8 *) "\0\0\xfe", 3);
  vector_assert (written, writer.len, "020200fe");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/crypto/der/lengths", test_lengths);
  g_test_add_func ("/crypto/der/refused-elements", test_refused_elements);
  g_test_add_func ("/crypto/der/refused-lengths", test_refused_lengths);
  g_test_add_func ("/crypto/der/unsigned", test_unsigned);
  g_test_add_func ("/crypto/der/write-drops-zeros", test_write_drops_zeros);
  return g_test_run ();
}
