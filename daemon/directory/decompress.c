/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/decompress.h"

#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"

#define DECOMPRESS_FIRST_ROOM (256 * 1024)
#define DECOMPRESS_WINDOW_BITS (15 + 32) /* 32: zlib or gzip, as each stream says */

/* What a turn of a decoder came to. */
typedef enum
{
  DECOMPRESS_MORE,    /* all input is used, or there is no more room for output */
  DECOMPRESS_END,     /* the stream is at its end; there may be another one behind it */
  DECOMPRESS_DAMAGED,
  DECOMPRESS_MEMORY,  /* wants more memory than it may have */
} DecompressStatus;

/* Bytes on their way through a decoder. */
typedef struct
{
  const guint8 *in;
  gsize in_len;
  guint8 *out;
  gsize out_len;
} DecompressTurn;

struct _CepaDecompressor
{
  CepaEncoding encoding;
  gsize max_size;
  guint64 consumed;  /* over all streams */
  gboolean is_open;  /* a stream has begun and not ended */
  gboolean is_ready; /* the decoder is there, for a first stream or a next one */
  guint n_streams;   /* that have ended */
  GByteArray *out;
  z_stream zlib;
  lzma_stream lzma;
  ZSTD_DStream *zstd; /* (nullable) */
};

static const struct
{
  const char *name;
  CepaEncoding encoding;
} decompress_names[] = {
  { "identity", CEPA_ENCODING_IDENTITY }, { "deflate", CEPA_ENCODING_DEFLATE },  { "gzip", CEPA_ENCODING_GZIP },
  { "x-gzip", CEPA_ENCODING_GZIP },       { "x-zstd", CEPA_ENCODING_ZSTD },      { "x-tor-lzma", CEPA_ENCODING_LZMA },
};

gboolean
cepa_encoding_from_name (const char *name, CepaEncoding *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (decompress_names); i++)
    if (g_ascii_strcasecmp (name, decompress_names[i].name) == 0)
      {
        *out = decompress_names[i].encoding;
        return TRUE;
      }
  return FALSE;
}

CepaEncoding
cepa_encoding_guess (const guint8 *data, gsize len)
{
  static const guint8 zstd[4] = { 0x28, 0xb5, 0x2f, 0xfd };

  /* No document begins with any of these. */
  if (len >= 4 && memcmp (data, zstd, sizeof zstd) == 0)
    return CEPA_ENCODING_ZSTD;
  if (len >= 3 && data[0] == 0x5d && data[1] == 0 && data[2] == 0)
    return CEPA_ENCODING_LZMA;
  if (len >= 2 && data[0] == 0x1f && data[1] == 0x8b)
    return CEPA_ENCODING_GZIP;
  if (len >= 2 && (data[0] & 15) == 8 && (data[0] << 8 | data[1]) % 31 == 0)
    return CEPA_ENCODING_DEFLATE;
  return CEPA_ENCODING_IDENTITY;
}

CepaDecompressor *
cepa_decompressor_new (CepaEncoding encoding, gsize max_size)
{
  CepaDecompressor *self;

  g_return_val_if_fail (max_size <= G_MAXINT32, NULL);
  self = g_new0 (CepaDecompressor, 1);
  self->encoding = encoding;
  self->max_size = max_size;
  self->out = g_byte_array_sized_new ((guint) MIN (max_size, DECOMPRESS_FIRST_ROOM));
  self->lzma = (lzma_stream) LZMA_STREAM_INIT;
  return self;
}

void
cepa_decompressor_free (CepaDecompressor *self)
{
  if (self == NULL)
    return;
  if (self->is_ready && (self->encoding == CEPA_ENCODING_DEFLATE || self->encoding == CEPA_ENCODING_GZIP))
    inflateEnd (&self->zlib);
  lzma_end (&self->lzma);
  ZSTD_freeDStream (self->zstd);
  g_clear_pointer (&self->out, g_byte_array_unref);
  g_free (self);
}

static DecompressStatus
decompress_zlib_turn (CepaDecompressor *self, DecompressTurn *turn)
{
  int rc;

  self->zlib.next_in = (guint8 *) turn->in;
  self->zlib.avail_in = (uInt) MIN (turn->in_len, G_MAXUINT32);
  self->zlib.next_out = turn->out;
  self->zlib.avail_out = (uInt) turn->out_len;
  rc = inflate (&self->zlib, Z_NO_FLUSH);
  turn->in_len -= (gsize) (self->zlib.next_in - turn->in);
  turn->in = self->zlib.next_in;
  turn->out_len = self->zlib.avail_out;
  switch (rc)
    {
    case Z_STREAM_END:
      return DECOMPRESS_END;
    case Z_OK:
    case Z_BUF_ERROR: /* nothing could be done in this turn */
      return DECOMPRESS_MORE;
    case Z_MEM_ERROR:
      return DECOMPRESS_MEMORY;
    default:
      return DECOMPRESS_DAMAGED;
    }
}

static DecompressStatus
decompress_lzma_turn (CepaDecompressor *self, DecompressTurn *turn)
{
  lzma_ret rc;

  self->lzma.next_in = turn->in;
  self->lzma.avail_in = turn->in_len;
  self->lzma.next_out = turn->out;
  self->lzma.avail_out = turn->out_len;
  rc = lzma_code (&self->lzma, LZMA_RUN);
  turn->in = self->lzma.next_in;
  turn->in_len = self->lzma.avail_in;
  turn->out_len = self->lzma.avail_out;
  switch (rc)
    {
    case LZMA_STREAM_END:
      return DECOMPRESS_END;
    case LZMA_OK:
    case LZMA_BUF_ERROR:
      return DECOMPRESS_MORE;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
      return DECOMPRESS_MEMORY;
    default:
      return DECOMPRESS_DAMAGED;
    }
}

static DecompressStatus
decompress_zstd_turn (CepaDecompressor *self, DecompressTurn *turn)
{
  ZSTD_inBuffer in = { turn->in, turn->in_len, 0 };
  ZSTD_outBuffer out = { turn->out, turn->out_len, 0 };
  gsize rc = ZSTD_decompressStream (self->zstd, &out, &in);

  turn->in += in.pos;
  turn->in_len -= in.pos;
  turn->out_len -= out.pos;
  if (!ZSTD_isError (rc))
    return rc == 0 ? DECOMPRESS_END : DECOMPRESS_MORE;
  /* The window of what ZSTD_d_windowLogMax forbids is told by this name alone. */
  return strcmp (ZSTD_getErrorName (rc), "Frame requires too much memory for decoding") == 0 ? DECOMPRESS_MEMORY
                                                                                              : DECOMPRESS_DAMAGED;
}

static DecompressStatus
decompress_turn (CepaDecompressor *self, DecompressTurn *turn)
{
  switch (self->encoding)
    {
    case CEPA_ENCODING_DEFLATE:
    case CEPA_ENCODING_GZIP:
      return decompress_zlib_turn (self, turn);
    case CEPA_ENCODING_LZMA:
      return decompress_lzma_turn (self, turn);
    case CEPA_ENCODING_ZSTD:
      return decompress_zstd_turn (self, turn);
    case CEPA_ENCODING_IDENTITY:
    default:
      return DECOMPRESS_DAMAGED;
    }
}

/* Makes the decoder, or makes it ready for a next stream. */
static gboolean
decompress_begin_stream (CepaDecompressor *self)
{
  gboolean good = FALSE;

  switch (self->encoding)
    {
    case CEPA_ENCODING_DEFLATE:
    case CEPA_ENCODING_GZIP:
      good = (self->is_ready ? inflateReset (&self->zlib) : inflateInit2 (&self->zlib, DECOMPRESS_WINDOW_BITS)) == Z_OK;
      break;
    case CEPA_ENCODING_LZMA:
      good = lzma_alone_decoder (&self->lzma, CEPA_DECOMPRESS_MAX_MEMORY) == LZMA_OK;
      break;
    case CEPA_ENCODING_ZSTD:
      if (self->zstd == NULL)
        self->zstd = ZSTD_createDStream ();
      good = self->zstd != NULL && !ZSTD_isError (ZSTD_DCtx_reset (self->zstd, ZSTD_reset_session_and_parameters))
             && !ZSTD_isError (
               ZSTD_DCtx_setParameter (self->zstd, ZSTD_d_windowLogMax, CEPA_DECOMPRESS_MAX_WINDOW_LOG));
      break;
    case CEPA_ENCODING_IDENTITY:
    default:
      break;
    }
  self->is_ready = self->is_ready || good;
  return good;
}

static gboolean
decompress_check_size (const CepaDecompressor *self, GError **error)
{
  gsize size = self->out->len;

  if (size > self->max_size)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "answer grows beyond %" G_GSIZE_FORMAT " bytes",
                   self->max_size);
      return FALSE;
    }
  if (self->encoding != CEPA_ENCODING_IDENTITY && size > CEPA_DECOMPRESS_BOMB_SIZE
      && size / CEPA_DECOMPRESS_BOMB_RATIO > self->consumed)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT,
                   "answer grows to over %d times its size: %" G_GSIZE_FORMAT " bytes of %" G_GUINT64_FORMAT,
                   CEPA_DECOMPRESS_BOMB_RATIO, size, self->consumed);
      return FALSE;
    }
  return TRUE;
}

/* One turn of the decoder, into at most a step's room behind what is there. */
static gboolean
decompress_run (CepaDecompressor *self, DecompressTurn *turn, GError **error)
{
  guint before = self->out->len;
  gsize in_before = turn->in_len;
  DecompressStatus status;

  g_byte_array_set_size (self->out, before + CEPA_DECOMPRESS_STEP);
  turn->out = self->out->data + before;
  turn->out_len = CEPA_DECOMPRESS_STEP;
  status = decompress_turn (self, turn);
  g_byte_array_set_size (self->out, before + CEPA_DECOMPRESS_STEP - (guint) turn->out_len);
  self->consumed += in_before - turn->in_len;
  if (status == DECOMPRESS_DAMAGED || status == DECOMPRESS_MEMORY)
    {
      g_set_error (error, CEPA_ERROR, status == DECOMPRESS_MEMORY ? CEPA_ERROR_LIMIT : CEPA_ERROR_PROTOCOL, "%s",
                   status == DECOMPRESS_MEMORY ? "compressed answer needs too much memory"
                                               : "compressed answer is damaged");
      return FALSE;
    }
  if (status == DECOMPRESS_END)
    {
      self->is_open = FALSE;
      self->n_streams++;
    }
  return decompress_check_size (self, error);
}

static gboolean
decompress_step_encoded (CepaDecompressor *self, const guint8 *data, gsize len, gsize *used, gboolean *is_done,
                         GError **error)
{
  DecompressTurn turn = { .in = data, .in_len = MIN (len, CEPA_DECOMPRESS_STEP) };
  guint before = self->out->len;

  *used = 0;
  *is_done = len == 0 && !self->is_open;
  if (*is_done)
    return TRUE;
  if (!self->is_open && !decompress_begin_stream (self))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "no memory to unpack an answer");
      return FALSE;
    }
  self->is_open = TRUE;
  if (!decompress_run (self, &turn, error))
    return FALSE;
  *used = (gsize) (turn.in - data);
  /* With room left over, it waits for input. */
  *is_done = *used == len && (turn.out_len > 0 || !self->is_open);
  /* A decoder that neither takes nor gives anything, whatever it says, would do so for ever. */
  if (*is_done || before != self->out->len || *used > 0)
    return TRUE;
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "compressed answer is damaged");
  return FALSE;
}

gboolean
cepa_decompressor_step (CepaDecompressor *self, const guint8 *data, gsize len, gsize *used, gboolean *is_done,
                        GError **error)
{
  gsize taken = MIN (len, CEPA_DECOMPRESS_STEP);

  g_return_val_if_fail (self->out != NULL, FALSE);

  if (self->encoding != CEPA_ENCODING_IDENTITY)
    return decompress_step_encoded (self, data, len, used, is_done, error);
  self->consumed += taken;
  if (taken > self->max_size - MIN (self->max_size, self->out->len))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "answer grows beyond %" G_GSIZE_FORMAT " bytes",
                   self->max_size);
      return FALSE;
    }
  g_byte_array_append (self->out, data, (guint) taken);
  *used = taken;
  *is_done = taken == len;
  return TRUE;
}

gboolean
cepa_decompressor_feed (CepaDecompressor *self, const guint8 *data, gsize len, GError **error)
{
  gboolean is_done = len == 0;

  while (!is_done)
    {
      gsize used;

      if (!cepa_decompressor_step (self, data, len, &used, &is_done, error))
        return FALSE;
      data += used;
      len -= used;
    }
  return TRUE;
}

gsize
cepa_decompressor_get_size (const CepaDecompressor *self)
{
  return self->out != NULL ? self->out->len : 0;
}

GBytes *
cepa_decompressor_finish (CepaDecompressor *self, GError **error)
{
  g_return_val_if_fail (self->out != NULL, NULL);

  if (self->encoding != CEPA_ENCODING_IDENTITY && (self->is_open || self->n_streams == 0))
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "compressed answer is cut short");
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&self->out));
}

GBytes *
cepa_decompress (CepaEncoding encoding, const guint8 *data, gsize len, gsize max_size, GError **error)
{
  g_autoptr (CepaDecompressor) self = cepa_decompressor_new (encoding, max_size);

  return cepa_decompressor_feed (self, data, len, error) ? cepa_decompressor_finish (self, error) : NULL;
}
