/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of bytes in chunks: what a socket does not take at once waits here. */
#pragma once

#include <glib.h>
#include <sys/uio.h>

G_BEGIN_DECLS

#define CEPA_BUFFER_CHUNK_SIZE 16000

typedef struct _CepaBufferChunk CepaBufferChunk;

/**
 * CepaBuffer:
 * @len: bytes in the queue; read it, do not set it
 *
 * All zeros is an empty buffer. One emptied chunk is kept for the next use, so that steady traffic does
 * not allocate.
 */
typedef struct
{
  CepaBufferChunk *head, *tail, *spare;
  gsize len;
} CepaBuffer;

void cepa_buffer_append (CepaBuffer *self, const void *data, gsize len);

/**
 * cepa_buffer_reserve:
 * @len: 1 to CEPA_BUFFER_CHUNK_SIZE bytes
 *
 * Returns: (transfer none): room for @len bytes in one piece at the end, to be filled before the next
 * call; they count at once.
 */
guint8 *cepa_buffer_reserve (CepaBuffer *self, gsize len);

/* Fills at most @n_max of @iov with what is at the front; returns how many it filled. */
guint cepa_buffer_peek (const CepaBuffer *self, struct iovec *iov, guint n_max);

/* Removes @len bytes, at most @len of the buffer, from the front. */
void cepa_buffer_drain (CepaBuffer *self, gsize len);

/* Removes everything and gives the memory back. */
void cepa_buffer_clear (CepaBuffer *self);

G_END_DECLS
