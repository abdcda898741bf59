/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/mmdb.h"

#include <string.h>

#define MMDB_MARKER "\xab\xcd\xefMaxMind.com"
#define MMDB_SEPARATOR 16 /* bytes of zeros between tree and data */
#define MMDB_EMPTY G_MAXUINT32
#define MMDB_DATA 0x80000000u /* in a record: an offset in the data, until the count of nodes is known */

/* Numbers of types; those above 7 are extended. */
enum
{
  MMDB_TEXT = 2,
  MMDB_UINT16 = 5,
  MMDB_UINT32 = 6,
  MMDB_MAP = 7,
  MMDB_UINT64 = 9,
  MMDB_ARRAY = 11,
};

typedef struct
{
  guint32 records[2];
} MmdbNode;

static void
mmdb_put_control (GByteArray *out, guint type, gsize size)
{
  guint8 bytes[2] = { (guint8) ((type > 7 ? 0 : type) << 5 | size), (guint8) (type - 7) };

  g_assert_cmpuint (size, <, 29);
  g_byte_array_append (out, bytes, type > 7 ? 2 : 1);
}

static void
mmdb_put_text (GByteArray *out, const char *text)
{
  mmdb_put_control (out, MMDB_TEXT, strlen (text));
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

static void
mmdb_put_number (GByteArray *out, guint type, guint64 value)
{
  guint8 bytes[8];
  guint n = 0;

  for (guint shift = 64; shift > 0; shift -= 8)
    if (n > 0 || (value >> (shift - 8) & 0xff) != 0)
      bytes[n++] = (guint8) (value >> (shift - 8));
  mmdb_put_control (out, type, n);
  g_byte_array_append (out, bytes, n);
}

static void
mmdb_put_metadata (GByteArray *out, guint n_nodes)
{
  g_byte_array_append (out, (const guint8 *) MMDB_MARKER, (guint) strlen (MMDB_MARKER));
  mmdb_put_control (out, MMDB_MAP, 9);
  mmdb_put_text (out, "binary_format_major_version");
  mmdb_put_number (out, MMDB_UINT16, 2);
  mmdb_put_text (out, "binary_format_minor_version");
  mmdb_put_number (out, MMDB_UINT16, 0);
  mmdb_put_text (out, "build_epoch");
  mmdb_put_number (out, MMDB_UINT64, 1780315200);
  mmdb_put_text (out, "database_type");
  mmdb_put_text (out, "Test-ASN");
  mmdb_put_text (out, "description");
  mmdb_put_control (out, MMDB_MAP, 0);
  mmdb_put_text (out, "ip_version");
  mmdb_put_number (out, MMDB_UINT16, 4);
  mmdb_put_text (out, "languages");
  mmdb_put_control (out, MMDB_ARRAY, 0);
  mmdb_put_text (out, "node_count");
  mmdb_put_number (out, MMDB_UINT32, n_nodes);
  mmdb_put_text (out, "record_size");
  mmdb_put_number (out, MMDB_UINT16, 24);
}

static void
mmdb_add (GArray *nodes, const TestMmdbPrefix *prefix, guint32 record)
{
  const MmdbNode empty = { { MMDB_EMPTY, MMDB_EMPTY } };
  guint node = 0;

  for (guint depth = 0; depth + 1 < prefix->bits; depth++)
    {
      guint side = prefix->ipv4 >> (31 - depth) & 1;

      if (g_array_index (nodes, MmdbNode, node).records[side] == MMDB_EMPTY)
        {
          g_array_append_val (nodes, empty);
          g_array_index (nodes, MmdbNode, node).records[side] = nodes->len - 1;
        }
      node = g_array_index (nodes, MmdbNode, node).records[side];
    }
  g_array_index (nodes, MmdbNode, node).records[prefix->ipv4 >> (32 - prefix->bits) & 1] = record;
}

GBytes *
test_mmdb_make (const TestMmdbPrefix *prefixes, guint n, gboolean as_text)
{
  const MmdbNode empty = { { MMDB_EMPTY, MMDB_EMPTY } };
  static const guint8 separator[MMDB_SEPARATOR];
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (MmdbNode));
  GByteArray *data = g_byte_array_new (), *out = g_byte_array_new ();

  g_array_append_val (nodes, empty);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = g_strdup_printf ("AS%u", prefixes[i].as_number);

      mmdb_add (nodes, &prefixes[i], MMDB_DATA | data->len);
      mmdb_put_control (data, MMDB_MAP, 1);
      mmdb_put_text (data, as_text ? "asn" : "autonomous_system_number");
      if (as_text)
        mmdb_put_text (data, text);
      else
        mmdb_put_number (data, MMDB_UINT32, prefixes[i].as_number);
    }
  for (guint i = 0; i < 2 * nodes->len; i++)
    {
      guint32 record = g_array_index (nodes, MmdbNode, i / 2).records[i % 2];
      guint8 bytes[3];

      if (record == MMDB_EMPTY)
        record = nodes->len;
      else if ((record & MMDB_DATA) != 0)
        record = nodes->len + MMDB_SEPARATOR + (record & ~MMDB_DATA);
      bytes[0] = (guint8) (record >> 16);
      bytes[1] = (guint8) (record >> 8);
      bytes[2] = (guint8) record;
      g_byte_array_append (out, bytes, sizeof bytes);
    }
  g_byte_array_append (out, separator, sizeof separator);
  g_byte_array_append (out, data->data, data->len);
  mmdb_put_metadata (out, nodes->len);
  g_byte_array_unref (data);
  return g_byte_array_free_to_bytes (out);
}
