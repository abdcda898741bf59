/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buffer.h"

#include <string.h>

struct _CepaBufferChunk
{
  CepaBufferChunk *next;
  guint start, end;
  guint8 data[CEPA_BUFFER_CHUNK_SIZE];
};

static CepaBufferChunk *
buffer_add_chunk (CepaBuffer *self)
{
  CepaBufferChunk *chunk = g_steal_pointer (&self->spare);

  if (chunk == NULL)
    chunk = g_malloc (sizeof *chunk);
  chunk->next = NULL;
  chunk->start = chunk->end = 0;
  if (self->tail != NULL)
    self->tail->next = chunk;
  else
    self->head = chunk;
  self->tail = chunk;
  return chunk;
}

guint8 *
cepa_buffer_reserve (CepaBuffer *self, gsize len)
{
  CepaBufferChunk *chunk = self->tail;
  guint8 *room;

  g_return_val_if_fail (len > 0 && len <= CEPA_BUFFER_CHUNK_SIZE, NULL);
  if (chunk == NULL || CEPA_BUFFER_CHUNK_SIZE - chunk->end < len)
    chunk = buffer_add_chunk (self);
  room = chunk->data + chunk->end;
  chunk->end += len;
  self->len += len;
  return room;
}

void
cepa_buffer_append (CepaBuffer *self, const void *data, gsize len)
{
  const guint8 *from = data;

  while (len > 0)
    {
      CepaBufferChunk *chunk = self->tail;
      gsize n;

      if (chunk == NULL || chunk->end == CEPA_BUFFER_CHUNK_SIZE)
        chunk = buffer_add_chunk (self);
      n = MIN (len, CEPA_BUFFER_CHUNK_SIZE - chunk->end);
      memcpy (chunk->data + chunk->end, from, n);
      chunk->end += n;
      self->len += n;
      from += n;
      len -= n;
    }
}

guint
cepa_buffer_peek (const CepaBuffer *self, struct iovec *iov, guint n_max)
{
  guint n = 0;

  for (CepaBufferChunk *chunk = self->head; chunk != NULL && n < n_max; chunk = chunk->next)
    {
      iov[n].iov_base = chunk->data + chunk->start;
      iov[n].iov_len = chunk->end - chunk->start;
      n++;
    }
  return n;
}

static void
buffer_drop_head (CepaBuffer *self)
{
  CepaBufferChunk *chunk = self->head;

  self->head = chunk->next;
  if (self->head == NULL)
    self->tail = NULL;
  if (self->spare == NULL)
    self->spare = chunk;
  else
    g_free (chunk);
}

void
cepa_buffer_drain (CepaBuffer *self, gsize len)
{
  g_return_if_fail (len <= self->len);
  self->len -= len;
  while (len > 0)
    {
      CepaBufferChunk *chunk = self->head;
      gsize n = MIN (len, chunk->end - chunk->start);

      chunk->start += n;
      len -= n;
      if (chunk->start == chunk->end)
        buffer_drop_head (self);
    }
}

void
cepa_buffer_clear (CepaBuffer *self)
{
  while (self->head != NULL)
    buffer_drop_head (self);
  g_clear_pointer (&self->spare, g_free);
  self->len = 0;
}
