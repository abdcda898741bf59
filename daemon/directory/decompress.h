/* SPDX-License-Identifier: BSD-3-Clause */
/* The encodings of directory answers (dir-spec: "Compression"), unpacked with a ceiling on what comes out. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Output over this many bytes must not be more than this many times the input: else it is a bomb (C Tor's numbers). */
#define CEPA_DECOMPRESS_BOMB_SIZE (5 * 1024 * 1024)
#define CEPA_DECOMPRESS_BOMB_RATIO 25

/* Bytes that a step takes and gives at most. Of lzma, the slowest, they take half a millisecond. */
#define CEPA_DECOMPRESS_STEP (32 * 1024)

/* Memory that a decoder may take for itself, bytes: C Tor's limit for lzma, and the window of zstd. */
#define CEPA_DECOMPRESS_MAX_MEMORY (16 * 1024 * 1024)
#define CEPA_DECOMPRESS_MAX_WINDOW_LOG 23

typedef enum
{
  CEPA_ENCODING_IDENTITY,
  CEPA_ENCODING_DEFLATE, /* zlib, RFC 1950 */
  CEPA_ENCODING_GZIP,    /* RFC 1952 */
  CEPA_ENCODING_ZSTD,    /* RFC 8878 */
  CEPA_ENCODING_LZMA,    /* the .lzma file format ("alone"), which C Tor calls x-tor-lzma */
} CepaEncoding;

/* For an Accept-Encoding header of a request that is not anonymous, best first. */
#define CEPA_ENCODINGS_ALL "x-tor-lzma, x-zstd, deflate, gzip, identity"

/* Whether @name, in any case, is that of a Content-Encoding that we know: identity, deflate, gzip, x-gzip, x-zstd,
   x-tor-lzma. */
gboolean cepa_encoding_from_name (const char *name, CepaEncoding *out);

/* Returns: the encoding that the first of @len bytes are of; CEPA_ENCODING_IDENTITY when of none that we know. */
CepaEncoding cepa_encoding_guess (const guint8 *data, gsize len);

/**
 * CepaDecompressor:
 *
 * Takes an answer in parts and unpacks each as it comes, so that a bomb is stopped long before its end. One answer may
 * be several streams of the same encoding, one behind the other (of deflate and gzip, either): limits are of all of
 * them together.
 */
typedef struct _CepaDecompressor CepaDecompressor;

/**
 * cepa_decompressor_new:
 * @max_size: of all that comes out, bytes; at most G_MAXINT32
 *
 * Returns: (transfer full)
 */
CepaDecompressor *cepa_decompressor_new (CepaEncoding encoding, gsize max_size);
void cepa_decompressor_free (CepaDecompressor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaDecompressor, cepa_decompressor_free)

/**
 * cepa_decompressor_step:
 * @data: the next @len bytes, of which it takes some: at most CEPA_DECOMPRESS_STEP
 * @used: (out): how many
 * @is_done: (out): all are used, and nothing more comes out of them
 *
 * Unpacks at most CEPA_DECOMPRESS_STEP bytes, so that whoever has other things to do can do them in between: it is to be
 * called again, with what is left, until @is_done.
 *
 * Returns: as cepa_decompressor_feed().
 */
gboolean cepa_decompressor_step (CepaDecompressor *self, const guint8 *data, gsize len, gsize *used, gboolean *is_done,
                                 GError **error);

/**
 * cepa_decompressor_feed:
 * @data: the next @len bytes
 *
 * All steps at once, however long that takes.
 *
 * Returns: FALSE with CEPA_ERROR_LIMIT (too large, a bomb, too much memory for the decoder) or CEPA_ERROR_PROTOCOL
 * (damaged); it must not be fed again then.
 */
gboolean cepa_decompressor_feed (CepaDecompressor *self, const guint8 *data, gsize len, GError **error);

/* Bytes that have come out so far. */
gsize cepa_decompressor_get_size (const CepaDecompressor *self);

/**
 * cepa_decompressor_finish:
 *
 * Says that there is no more; it must not be fed again.
 *
 * Returns: (transfer full) (nullable): all that came out; NULL with CEPA_ERROR_PROTOCOL when a stream is cut short,
 * which one without any byte is too, unless it is identity.
 */
GBytes *cepa_decompressor_finish (CepaDecompressor *self, GError **error);

/* All of it at once. Returns: (transfer full) (nullable): as above. */
GBytes *cepa_decompress (CepaEncoding encoding, const guint8 *data, gsize len, gsize max_size, GError **error);

G_END_DECLS
