/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded reading of bytes: everything that comes from the network passes a CepaReader. */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/**
 * CepaReader:
 *
 * A cursor over bytes that it does not own. A read past the end gives zeros and sets @failed, which stays
 * set: a parser may read a whole structure and check once. Integers are big-endian.
 */
typedef struct
{
  const guint8 *data; /* the next byte to be read */
  gsize left;
  gboolean failed;
} CepaReader;

static inline void
cepa_reader_init (CepaReader *self, const void *data, gsize len)
{
  self->data = data;
  self->left = len;
  self->failed = FALSE;
}

/* Returns (transfer none) (nullable): @len bytes and moves past them, or NULL when fewer are left. */
static inline const guint8 *
cepa_reader_take (CepaReader *self, gsize len)
{
  const guint8 *start = self->data;

  if (self->failed || len > self->left)
    {
      self->failed = TRUE;
      return NULL;
    }
  self->data += len;
  self->left -= len;
  return start;
}

static inline guint8
cepa_reader_u8 (CepaReader *self)
{
  const guint8 *p = cepa_reader_take (self, 1);

  return p != NULL ? p[0] : 0;
}

static inline guint16
cepa_reader_u16 (CepaReader *self)
{
  const guint8 *p = cepa_reader_take (self, 2);

  return p != NULL ? (guint16) (p[0] << 8 | p[1]) : 0;
}

static inline guint32
cepa_reader_u32 (CepaReader *self)
{
  const guint8 *p = cepa_reader_take (self, 4);

  return p != NULL ? (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3] : 0;
}

/* Copies @len bytes to @out; @out is zeroed when fewer are left. Returns whether they were there. */
static inline gboolean
cepa_reader_copy (CepaReader *self, void *out, gsize len)
{
  const guint8 *p = cepa_reader_take (self, len);

  if (p == NULL)
    {
      memset (out, 0, len);
      return FALSE;
    }
  memcpy (out, p, len);
  return TRUE;
}

/* A reader over the next @len bytes, which are skipped in @self; a failed one when fewer are left. */
static inline CepaReader
cepa_reader_sub (CepaReader *self, gsize len)
{
  CepaReader sub;
  const guint8 *p = cepa_reader_take (self, len);

  cepa_reader_init (&sub, p, p != NULL ? len : 0);
  sub.failed = p == NULL;
  return sub;
}

/* Whether all was read and nothing failed. */
static inline gboolean
cepa_reader_is_done (const CepaReader *self)
{
  return !self->failed && self->left == 0;
}

G_END_DECLS
