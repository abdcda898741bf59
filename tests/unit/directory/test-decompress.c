/* SPDX-License-Identifier: BSD-3-Clause */
/* Every encoding of answers: whole, in parts, cut, damaged, and made to fill the memory. */
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/encoding.h"
#include "base/error.h"
#include "directory/decompress.h"

#define MAX_SIZE (1024 * 1024)

static const CepaEncoding encodings[]
  = { CEPA_ENCODING_DEFLATE, CEPA_ENCODING_GZIP, CEPA_ENCODING_ZSTD, CEPA_ENCODING_LZMA };

static gsize
pack_zlib (int window_bits, const void *data, gsize len, guint8 *out, gsize room)
{
  z_stream z = { .next_in = (guint8 *) data, .avail_in = (uInt) len, .next_out = out, .avail_out = (uInt) room };

  g_assert_cmpint (deflateInit2 (&z, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
  g_assert_cmpint (deflate (&z, Z_FINISH), ==, Z_STREAM_END);
  deflateEnd (&z);
  return z.total_out;
}

static gsize
pack_zstd (int window_log, const void *data, gsize len, guint8 *out, gsize room)
{
  ZSTD_CCtx *context = ZSTD_createCCtx ();
  gsize packed;

  if (window_log != 0)
    {
      /* Without the size, the frame says how large a window it wants. */
      g_assert_false (ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_contentSizeFlag, 0)));
      g_assert_false (ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_windowLog, window_log)));
    }
  g_assert_false (ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_checksumFlag, 1)));
  if (window_log != 0)
    {
      ZSTD_inBuffer in = { data, len, 0 };
      ZSTD_outBuffer to = { out, room, 0 };

      g_assert_cmpuint (ZSTD_compressStream2 (context, &to, &in, ZSTD_e_continue), <, room);
      g_assert_cmpuint (ZSTD_compressStream2 (context, &to, &in, ZSTD_e_end), ==, 0);
      packed = to.pos;
    }
  else
    packed = ZSTD_compress2 (context, out, room, data, len);
  g_assert_false (ZSTD_isError (packed));
  ZSTD_freeCCtx (context);
  return packed;
}

/* As C Tor makes it: lzma_alone_encoder with a preset. */
static gsize
pack_lzma (guint32 dictionary, const void *data, gsize len, guint8 *out, gsize room)
{
  lzma_stream z = LZMA_STREAM_INIT;
  lzma_options_lzma options;

  lzma_lzma_preset (&options, 0);
  if (dictionary != 0)
    options.dict_size = dictionary;
  g_assert_cmpint (lzma_alone_encoder (&z, &options), ==, LZMA_OK);
  z.next_in = data;
  z.avail_in = len;
  z.next_out = out;
  z.avail_out = room;
  g_assert_cmpint (lzma_code (&z, LZMA_FINISH), ==, LZMA_STREAM_END);
  lzma_end (&z);
  return room - z.avail_out;
}

static void
append_packed (GByteArray *out, CepaEncoding encoding, const void *data, gsize len)
{
  gsize room = len + len / 32 + 1000, packed = len;
  g_autofree guint8 *buffer = g_malloc (room);

  switch (encoding)
    {
    case CEPA_ENCODING_DEFLATE:
      packed = pack_zlib (15, data, len, buffer, room);
      break;
    case CEPA_ENCODING_GZIP:
      packed = pack_zlib (15 + 16, data, len, buffer, room);
      break;
    case CEPA_ENCODING_ZSTD:
      packed = pack_zstd (0, data, len, buffer, room);
      break;
    case CEPA_ENCODING_LZMA:
      packed = pack_lzma (0, data, len, buffer, room);
      break;
    case CEPA_ENCODING_IDENTITY:
    default:
      memcpy (buffer, data, len);
      break;
    }
  g_byte_array_append (out, buffer, (guint) packed);
}

static GByteArray *
pack (CepaEncoding encoding, const void *data, gsize len)
{
  GByteArray *out = g_byte_array_new ();

  append_packed (out, encoding, data, len);
  return out;
}

/* Unpacks @len bytes in parts of @part, from memory of its own size. */
static GBytes *
unpack (CepaEncoding encoding, const guint8 *data, gsize len, gsize part, gsize max_size, GError **error)
{
  g_autofree guint8 *copy = g_memdup2 (data, len);
  g_autoptr (CepaDecompressor) self = cepa_decompressor_new (encoding, max_size);

  for (gsize at = 0; at < len; at += part)
    if (!cepa_decompressor_feed (self, copy + at, MIN (part, len - at), error))
      return NULL;
  return cepa_decompressor_finish (self, error);
}

static void
check (CepaEncoding encoding, const GByteArray *packed, gsize part, const void *text, gsize len)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) out = unpack (encoding, packed->data, packed->len, part, len, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (out, NULL), g_bytes_get_size (out), text, len);
}

static void
check_refused (CepaEncoding encoding, const GByteArray *packed, gsize max_size, CepaErrorKind kind)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) out = unpack (encoding, packed->data, packed->len, packed->len, max_size, &error);

  g_assert_null (out);
  g_assert_error (error, CEPA_ERROR, (int) kind);
}

/* Made by the programs xz 5.4.1 (--format=lzma), zstd 1.5.4 (-19), and Python's gzip and zlib. */
static void
test_vectors (void)
{
  static const struct
  {
    CepaEncoding encoding;
    const char *hex;
  } cases[] = {
    { CEPA_ENCODING_LZMA, "5d00008000ffffffffffffffff00341949ee8de94f7f35c5a3ffff78a40000" },
    { CEPA_ENCODING_ZSTD, "28b52ffd24116500003068656c6c6f200100314a11a2ed1e0c" },
    { CEPA_ENCODING_DEFLATE, "78dacb48cdc9c957c84090003a2e067d" },
    { CEPA_ENCODING_GZIP, "1f8b0800000000000203cb48cdc9c957c84090008088f9e511000000" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint8 packed[64];
      gsize len = strlen (cases[i].hex) / 2;
      g_autoptr (GBytes) out = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (cepa_hex_decode (cases[i].hex, 2 * len, packed, len));
      g_assert_cmpint (cepa_encoding_guess (packed, len), ==, cases[i].encoding);
      out = cepa_decompress (cases[i].encoding, packed, len, MAX_SIZE, &error);
      g_assert_no_error (error);
      g_assert_cmpmem (g_bytes_get_data (out, NULL), g_bytes_get_size (out), "hello hello hello", 17);
    }
}

/* One consensus as an authority of C Tor 0.4.9.11 answered three times; its SHA-256 is by Python's hashlib. */
static void
test_c_tor (void)
{
  static const char *const names[] = { "deflate", "x-zstd", "x-tor-lzma" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *name = g_strconcat ("consensus.", names[i], NULL), *data = NULL, *digest = NULL;
      g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "directory", name, NULL);
      g_autoptr (GBytes) out = NULL;
      g_autoptr (GError) error = NULL;
      CepaEncoding encoding;
      gsize len;

      g_assert_true (g_file_get_contents (path, &data, &len, &error));
      g_assert_true (cepa_encoding_from_name (names[i], &encoding));
      g_assert_cmpint (cepa_encoding_guess ((const guint8 *) data, len), ==, encoding);
      out = cepa_decompress (encoding, (const guint8 *) data, len, MAX_SIZE, &error);
      g_assert_no_error (error);
      digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, out);
      g_assert_cmpstr (digest, ==, "5377166ad389b4758da899eeaffe1fb8d251521c0062b57c8d15a5c8b8756b00");
    }
}

static void
test_parts (void)
{
  static const gsize parts[] = { 1, 7, 1000, 1024 * 1024 };
  const gsize len = 150000;
  g_autofree char *text = g_malloc (len);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (gsize i = 0; i < len; i++)
    text[i] = (char) g_rand_int_range (rand, 'a', 'f');
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], text, len);

      g_assert_cmpint (cepa_encoding_guess (packed->data, packed->len), ==, encodings[i]);
      for (guint j = 0; j < G_N_ELEMENTS (parts); j++)
        check (encodings[i], packed, parts[j], text, len);
    }
}

/* Sizes around that of the decoder's turns, and nothing; alone, and with another stream behind. */
static void
test_sizes (void)
{
  static const gsize sizes[] = { 0, 1, 32767, 32768, 32769, 65535, 65536, 65537, 131072 };
  g_autofree char *text = g_strnfill (131073, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    for (guint j = 0; j < G_N_ELEMENTS (sizes); j++)
      {
        g_autoptr (GByteArray) packed = pack (encodings[i], text, sizes[j]);

        check (encodings[i], packed, packed->len, text, sizes[j]);
        append_packed (packed, encodings[i], text, 1);
        check (encodings[i], packed, packed->len, text, sizes[j] + 1);
      }
}

/* No step takes or gives more than it may, and all of them give all, whether it is packed well or not at all. */
static void
test_steps (void)
{
  const gsize len = 500000;
  g_autofree guint8 *text = g_malloc (len);
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);

  for (gsize i = 0; i < len; i++)
    text[i] = (guint8) (i < len / 2 ? 'x' : g_rand_int (rand));
  for (CepaEncoding encoding = CEPA_ENCODING_IDENTITY; encoding <= CEPA_ENCODING_LZMA; encoding++)
    {
      g_autoptr (GByteArray) packed = pack (encoding, text, len);
      g_autoptr (CepaDecompressor) self = cepa_decompressor_new (encoding, len);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) out = NULL;
      gboolean is_done = FALSE;
      gsize at = 0;

      while (!is_done)
        {
          gsize before = cepa_decompressor_get_size (self), used;

          g_assert_true (cepa_decompressor_step (self, packed->data + at, packed->len - at, &used, &is_done, &error));
          g_assert_no_error (error);
          g_assert_cmpuint (used, <=, CEPA_DECOMPRESS_STEP);
          g_assert_cmpuint (cepa_decompressor_get_size (self) - before, <=, CEPA_DECOMPRESS_STEP);
          at += used;
        }
      g_assert_cmpuint (at, ==, packed->len);
      out = cepa_decompressor_finish (self, &error);
      g_assert_cmpmem (g_bytes_get_data (out, NULL), g_bytes_get_size (out), text, len);
    }
}

static void
test_identity (void)
{
  g_autoptr (GByteArray) text = pack (CEPA_ENCODING_IDENTITY, "hello", 5);
  g_autoptr (CepaDecompressor) empty = cepa_decompressor_new (CEPA_ENCODING_IDENTITY, 0);
  g_autoptr (GBytes) nothing = cepa_decompressor_finish (empty, NULL);

  check (CEPA_ENCODING_IDENTITY, text, 2, "hello", 5);
  check_refused (CEPA_ENCODING_IDENTITY, text, 4, CEPA_ERROR_LIMIT);
  g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
}

/* Streams one behind the other are one text. */
static void
test_streams (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = g_byte_array_new ();

      append_packed (packed, encodings[i], "one ", 4);
      append_packed (packed, encodings[i], "", 0);
      append_packed (packed, encodings[i], "two ", 4);
      append_packed (packed, encodings[i], "three", 5);
      check (encodings[i], packed, packed->len, "one two three", 13);
      check (encodings[i], packed, 1, "one two three", 13);
    }
}

/* Cut anywhere it ends, with an error, but between two streams (C Tor bug 41274: an endless loop). */
static void
test_cut (void)
{
  g_autofree char *text = g_strnfill (1000, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], text, 1000);
      gsize first = packed->len;

      append_packed (packed, encodings[i], text, 1000);
      for (gsize len = 0; len < packed->len; len++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GBytes) out = unpack (encodings[i], packed->data, len, len + 1, MAX_SIZE, &error);

          if (len == first)
            g_assert_cmpuint (g_bytes_get_size (out), ==, 1000);
          else
            g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
        }
    }
}

/* A changed byte is seen by the checksums; lzma has none, but never gives more than the limit. */
static void
test_damaged (void)
{
  static const char text[] = "the quick brown fox jumps over the lazy dog, and over it again";

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], text, sizeof text);

      for (guint at = 0; at < packed->len; at++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GBytes) out = NULL;
          gboolean unchecked = encodings[i] == CEPA_ENCODING_LZMA
                               || (encodings[i] == CEPA_ENCODING_GZIP && at >= 2 && at < 10)
                               || (encodings[i] == CEPA_ENCODING_ZSTD && at >= 4 && at < 6);

          packed->data[at] ^= 0x10;
          out = unpack (encodings[i], packed->data, packed->len, packed->len, MAX_SIZE, &error);
          g_assert_true (out == NULL || unchecked);
          if (out != NULL)
            g_assert_cmpuint (g_bytes_get_size (out), <=, MAX_SIZE);
          else
            g_assert_true (error->domain == CEPA_ERROR);
          packed->data[at] ^= 0x10;
        }
    }
}

static void
test_rubbish_behind (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], "hello", 5);

      g_byte_array_append (packed, (const guint8 *) "rubbish", 7);
      check_refused (encodings[i], packed, MAX_SIZE, CEPA_ERROR_PROTOCOL);
    }
}

static void
test_too_large (void)
{
  g_autofree char *text = g_strnfill (2000, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], text, 2000);

      check (encodings[i], packed, packed->len, text, 2000);
      check_refused (encodings[i], packed, 1999, CEPA_ERROR_LIMIT);
    }
}

/* Well before the largest size that is wanted; and the same out of many streams, each of which alone would do (C Tor
   bug 41275). */
static void
test_bomb (void)
{
  const gsize len = 8 * 1024 * 1024, n = 8;
  g_autofree guint8 *zeros = g_malloc0 (len);

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) bomb = pack (encodings[i], zeros, len), small = pack (encodings[i], zeros, len / n);
      g_autoptr (GByteArray) many = g_byte_array_new ();
      g_autoptr (CepaDecompressor) self = cepa_decompressor_new (encodings[i], 2 * len);

      check_refused (encodings[i], bomb, 2 * len, CEPA_ERROR_LIMIT);
      for (guint j = 0; j < n; j++)
        g_byte_array_append (many, small->data, small->len);
      check_refused (encodings[i], many, 2 * len, CEPA_ERROR_LIMIT);
      check (encodings[i], small, small->len, zeros, len / n);

      /* It is seen as soon as the limit is passed, not at the end. */
      for (guint j = 0; j < bomb->len && cepa_decompressor_feed (self, bomb->data + j, 1, NULL); j++)
        ;
      g_assert_cmpuint (cepa_decompressor_get_size (self), <, CEPA_DECOMPRESS_BOMB_SIZE + 100 * 1024);
    }
}

/* Big streams that hardly shrink are no bomb. */
static void
test_big_streams (void)
{
  const gsize half = 3 * 1024 * 1024;
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autofree guint8 *text = g_malloc (2 * half);

  for (gsize i = 0; i < 2 * half; i++)
    text[i] = (guint8) g_rand_int (rand);
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GByteArray) packed = pack (encodings[i], text, half);

      append_packed (packed, encodings[i], text + half, half);
      check (encodings[i], packed, 100000, text, 2 * half);
    }
}

/* A decoder that would have to hold 64 MiB of what it gave. */
static void
test_memory (void)
{
  const gsize room = 4096;
  g_autoptr (GByteArray) zstd = g_byte_array_sized_new (room), lzma = g_byte_array_sized_new (room);
  g_autoptr (GByteArray) allowed = g_byte_array_sized_new (room);
  g_autofree char *text = g_strnfill (1000, 'x');

  g_byte_array_set_size (zstd, room);
  g_byte_array_set_size (zstd, (guint) pack_zstd (26, text, 1000, zstd->data, room));
  check_refused (CEPA_ENCODING_ZSTD, zstd, MAX_SIZE, CEPA_ERROR_LIMIT);
  g_byte_array_set_size (allowed, room);
  g_byte_array_set_size (allowed, (guint) pack_zstd (CEPA_DECOMPRESS_MAX_WINDOW_LOG, text, 1000, allowed->data, room));
  check (CEPA_ENCODING_ZSTD, allowed, 10, text, 1000);
  g_byte_array_set_size (lzma, room);
  g_byte_array_set_size (lzma, (guint) pack_lzma (64 * 1024 * 1024, text, 1000, lzma->data, room));
  check_refused (CEPA_ENCODING_LZMA, lzma, MAX_SIZE, CEPA_ERROR_LIMIT);
}

static void
test_names (void)
{
  static const struct
  {
    const char *name;
    CepaEncoding encoding;
  } names[] = {
    { "identity", CEPA_ENCODING_IDENTITY }, { "deflate", CEPA_ENCODING_DEFLATE },
    { "gzip", CEPA_ENCODING_GZIP },         { "X-Gzip", CEPA_ENCODING_GZIP },
    { "x-zstd", CEPA_ENCODING_ZSTD },       { "x-tor-lzma", CEPA_ENCODING_LZMA },
  };
  static const char *const unknown[] = { "", "br", "zstd", "x-lzma", "gzip, deflate", "compress" };
  static const char *const plain[] = { "", "n", "network-status-version 3 microdesc\n", "onion-key\n", "x", "(\xb5" };
  CepaEncoding encoding = CEPA_ENCODING_LZMA;

  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++)
    g_assert_false (cepa_encoding_from_name (unknown[i], &encoding));
  g_assert_cmpint (encoding, ==, CEPA_ENCODING_LZMA);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_true (cepa_encoding_from_name (names[i].name, &encoding));
      g_assert_cmpint (encoding, ==, names[i].encoding);
    }
  for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
    g_assert_cmpint (cepa_encoding_guess ((const guint8 *) plain[i], strlen (plain[i])), ==, CEPA_ENCODING_IDENTITY);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/decompress/vectors", test_vectors);
  g_test_add_func ("/decompress/c-tor", test_c_tor);
  g_test_add_func ("/decompress/parts", test_parts);
  g_test_add_func ("/decompress/sizes", test_sizes);
  g_test_add_func ("/decompress/steps", test_steps);
  g_test_add_func ("/decompress/identity", test_identity);
  g_test_add_func ("/decompress/streams", test_streams);
  g_test_add_func ("/decompress/cut", test_cut);
  g_test_add_func ("/decompress/damaged", test_damaged);
  g_test_add_func ("/decompress/rubbish-behind", test_rubbish_behind);
  g_test_add_func ("/decompress/too-large", test_too_large);
  g_test_add_func ("/decompress/bomb", test_bomb);
  g_test_add_func ("/decompress/big-streams", test_big_streams);
  g_test_add_func ("/decompress/memory", test_memory);
  g_test_add_func ("/decompress/names", test_names);
  return g_test_run ();
}
