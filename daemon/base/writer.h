/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded writing of bytes into a buffer of the caller's. */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/**
 * CepaWriter:
 *
 * A cursor over a caller's buffer of fixed size. A write past the end changes nothing and sets @failed.
 */
typedef struct
{
  guint8 *start;
  gsize size;
  gsize len; /* bytes written so far */
  gboolean failed;
} CepaWriter;

static inline void
cepa_writer_init (CepaWriter *self, void *buffer, gsize size)
{
  self->start = buffer;
  self->size = size;
  self->len = 0;
  self->failed = FALSE;
}

/* Returns (transfer none) (nullable): room for @len bytes, counted as written; NULL when there is not enough. */
static inline guint8 *
cepa_writer_reserve (CepaWriter *self, gsize len)
{
  guint8 *p;

  if (self->failed || len > self->size - self->len)
    {
      self->failed = TRUE;
      return NULL;
    }
  p = self->start + self->len;
  self->len += len;
  return p;
}

static inline void
cepa_writer_bytes (CepaWriter *self, const void *data, gsize len)
{
  guint8 *p = cepa_writer_reserve (self, len);

  if (p != NULL && len > 0)
    memcpy (p, data, len);
}

static inline void
cepa_writer_u8 (CepaWriter *self, guint8 value)
{
  cepa_writer_bytes (self, &value, 1);
}

static inline void
cepa_writer_u16 (CepaWriter *self, guint16 value)
{
  guint8 b[2] = { (guint8) (value >> 8), (guint8) value };

  cepa_writer_bytes (self, b, sizeof b);
}

static inline void
cepa_writer_u32 (CepaWriter *self, guint32 value)
{
  guint8 b[4] = { (guint8) (value >> 24), (guint8) (value >> 16), (guint8) (value >> 8), (guint8) value };

  cepa_writer_bytes (self, b, sizeof b);
}

G_END_DECLS
