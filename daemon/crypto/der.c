/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/der.h"

#define DER_MAX_LEN 65535
#define DER_LONG_FORM 0x80

/* A length of 0 to 65535 in its shortest form; the reader fails otherwise. */
static gsize
der_read_length (CepaReader *reader)
{
  guint8 first = cepa_reader_u8 (reader);
  gsize len, shortest;

  if (first < DER_LONG_FORM)
    return first;
  if (first == (DER_LONG_FORM | 1))
    {
      len = cepa_reader_u8 (reader);
      shortest = DER_LONG_FORM;
    }
  else
    {
      len = cepa_reader_u16 (reader);
      shortest = 256;
      reader->failed |= first != (DER_LONG_FORM | 2);
    }
  reader->failed |= len < shortest;
  return len;
}

CepaReader
cepa_der_read (CepaReader *reader, guint8 tag)
{
  gsize len;

  reader->failed |= cepa_reader_u8 (reader) != tag;
  len = der_read_length (reader);
  return cepa_reader_sub (reader, len);
}

CepaReader
cepa_der_read_unsigned (CepaReader *reader)
{
  CepaReader number = cepa_der_read (reader, CEPA_DER_INTEGER);
  gboolean wrong = number.failed || number.left == 0;

  if (!wrong && number.data[0] == 0)
    {
      cepa_reader_u8 (&number);
      /* The sign byte must be needed; zero itself is the one number that has nothing behind it. */
      wrong = number.left > 0 && number.data[0] < 0x80;
    }
  else if (!wrong)
    wrong = number.data[0] >= 0x80;
  number.failed |= wrong;
  reader->failed |= wrong;
  return number;
}

void
cepa_der_write_header (CepaWriter *writer, guint8 tag, gsize len)
{
  g_return_if_fail (len <= DER_MAX_LEN);
  cepa_writer_u8 (writer, tag);
  if (len >= 256)
    {
      cepa_writer_u8 (writer, DER_LONG_FORM | 2);
      cepa_writer_u16 (writer, (guint16) len);
      return;
    }
  if (len >= DER_LONG_FORM)
    cepa_writer_u8 (writer, DER_LONG_FORM | 1);
  cepa_writer_u8 (writer, (guint8) len);
}

void
cepa_der_write_unsigned (CepaWriter *writer, const guint8 *magnitude, gsize len)
{
  gboolean sign;

  while (len > 0 && magnitude[0] == 0)
    {
      magnitude++;
      len--;
    }
  sign = len == 0 || magnitude[0] >= 0x80;
  cepa_der_write_header (writer, CEPA_DER_INTEGER, len + sign);
  if (sign)
    cepa_writer_u8 (writer, 0);
  cepa_writer_bytes (writer, magnitude, len);
}
