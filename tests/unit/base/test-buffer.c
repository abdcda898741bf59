/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buffer.h"

#include <string.h>

#define CHUNK CEPA_BUFFER_CHUNK_SIZE

/* The byte at @position of the stream that these tests send: 251 is prime to the size of a chunk. */
static guint8
stream_byte (gsize position)
{
  return (guint8) (position % 251);
}

static void
append_stream (CepaBuffer *buffer, gsize *written, gsize len)
{
  g_autofree guint8 *data = g_malloc (len + 1);

  for (gsize i = 0; i < len; i++)
    data[i] = stream_byte (*written + i);
  cepa_buffer_append (buffer, data, len);
  *written += len;
}

static void
assert_stream (const guint8 *data, gsize len, gsize position)
{
  for (gsize i = 0; i < len; i++)
    g_assert_cmpuint (data[i], ==, stream_byte (position + i));
}

/* The first @len bytes, by the pieces that peek gives. */
static void
copy_out (const CepaBuffer *buffer, guint8 *out, gsize len)
{
  struct iovec iov[32];
  guint n = cepa_buffer_peek (buffer, iov, G_N_ELEMENTS (iov));

  for (guint i = 0; i < n && len > 0; i++)
    {
      gsize part = MIN (len, iov[i].iov_len);

      memcpy (out, iov[i].iov_base, part);
      out += part;
      len -= part;
    }
  g_assert_cmpuint (len, ==, 0);
}

static void
test_empty (void)
{
  CepaBuffer buffer = { 0 };
  struct iovec iov[2];

  g_assert_cmpuint (cepa_buffer_peek (&buffer, iov, 2), ==, 0);
  cepa_buffer_append (&buffer, NULL, 0);
  cepa_buffer_drain (&buffer, 0);
  g_assert_cmpuint (buffer.len, ==, 0);
  g_assert_cmpuint (cepa_buffer_peek (&buffer, iov, 2), ==, 0);
  cepa_buffer_clear (&buffer);
}

/* Whatever the sizes, what comes out is what went in, in order. */
static void
test_stream (void)
{
  static const gsize sizes[] = { 1, 509, 514, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7, 2, 0, 100 };
  CepaBuffer buffer = { 0 };
  gsize written = 0, read = 0;

  for (guint round = 0; round < 30; round++)
    {
      gsize take;
      g_autofree guint8 *out = NULL;

      append_stream (&buffer, &written, sizes[round % G_N_ELEMENTS (sizes)]);
      g_assert_cmpuint (buffer.len, ==, written - read);
      take = MIN (buffer.len, sizes[(7 * round + 3) % G_N_ELEMENTS (sizes)]);
      out = g_malloc (take + 1);
      copy_out (&buffer, out, take);
      assert_stream (out, take, read);
      cepa_buffer_drain (&buffer, take);
      read += take;
      g_assert_cmpuint (buffer.len, ==, written - read);
    }
  g_assert_cmpuint (buffer.len, >, 0);
  cepa_buffer_drain (&buffer, buffer.len);
  g_assert_cmpuint (buffer.len, ==, 0);
  cepa_buffer_clear (&buffer);
}

/* The pieces together are the queue; none is empty; a short list gets the first of them. */
static void
test_peek (void)
{
  CepaBuffer buffer = { 0 };
  struct iovec iov[8];
  gsize written = 0, sum = 0;
  guint n;

  append_stream (&buffer, &written, 3 * CHUNK + 10);
  cepa_buffer_drain (&buffer, 5);
  n = cepa_buffer_peek (&buffer, iov, G_N_ELEMENTS (iov));
  g_assert_cmpuint (n, ==, 4);
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpuint (iov[i].iov_len, >, 0);
      assert_stream (iov[i].iov_base, iov[i].iov_len, 5 + sum);
      sum += iov[i].iov_len;
    }
  g_assert_cmpuint (sum, ==, buffer.len);
  g_assert_cmpuint (cepa_buffer_peek (&buffer, iov, 2), ==, 2);
  g_assert_cmpuint (cepa_buffer_peek (&buffer, iov, 0), ==, 0);
  cepa_buffer_clear (&buffer);
}

/* Room is in one piece even when the last chunk has a rest that is too small, and nothing is lost between. */
static void
test_reserve (void)
{
  CepaBuffer buffer = { 0 };
  gsize written = 0, read = 0;

  for (guint i = 0; i < 100; i++)
    {
      gsize len = i == 50 ? CHUNK : 514;
      guint8 *room = cepa_buffer_reserve (&buffer, len);

      for (gsize k = 0; k < len; k++)
        room[k] = stream_byte (written + k);
      written += len;
      g_assert_cmpuint (buffer.len, ==, written);
      append_stream (&buffer, &written, 3);
    }
  while (buffer.len > 0)
    {
      struct iovec iov;

      g_assert_cmpuint (cepa_buffer_peek (&buffer, &iov, 1), ==, 1);
      assert_stream (iov.iov_base, iov.iov_len, read);
      read += iov.iov_len;
      cepa_buffer_drain (&buffer, iov.iov_len);
    }
  g_assert_cmpuint (read, ==, written);
  cepa_buffer_clear (&buffer);
}

/* Steady traffic takes the emptied chunk again; clearing gives everything back. */
static void
test_spare_chunk (void)
{
  CepaBuffer buffer = { 0 };
  CepaBufferChunk *chunk;

  cepa_buffer_append (&buffer, "x", 1);
  chunk = buffer.head;
  for (guint i = 0; i < 10; i++)
    {
      cepa_buffer_drain (&buffer, 1);
      g_assert_null (buffer.head);
      g_assert_null (buffer.tail);
      g_assert_true (buffer.spare == chunk);
      cepa_buffer_append (&buffer, "x", 1);
      g_assert_true (buffer.head == chunk);
      g_assert_null (buffer.spare);
    }
  cepa_buffer_clear (&buffer);
  g_assert_null (buffer.head);
  g_assert_null (buffer.tail);
  g_assert_null (buffer.spare);
  g_assert_cmpuint (buffer.len, ==, 0);
  cepa_buffer_append (&buffer, "again", 5);
  g_assert_cmpuint (buffer.len, ==, 5);
  cepa_buffer_clear (&buffer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/buffer/empty", test_empty);
  g_test_add_func ("/base/buffer/stream", test_stream);
  g_test_add_func ("/base/buffer/peek", test_peek);
  g_test_add_func ("/base/buffer/reserve", test_reserve);
  g_test_add_func ("/base/buffer/spare-chunk", test_spare_chunk);
  return g_test_run ();
}
