/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/http.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"

void
cepa_http_response_clear (CepaHttpResponse *self)
{
  g_clear_pointer (&self->body, g_bytes_unref);
}

/* Room for more output; FALSE when there must not be more. */
static gboolean
http_grow (GByteArray *out, gsize consumed, gsize max_size, GError **error)
{
  if (out->len > max_size || (out->len > CEPA_HTTP_BOMB_SIZE && out->len / CEPA_HTTP_BOMB_RATIO > consumed))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "compressed answer grows beyond %u bytes", out->len);
      return FALSE;
    }
  return TRUE;
}

static gboolean
http_inflate_all (z_stream *z, GByteArray *out, gsize max_size, GError **error)
{
  const guint8 *start = z->next_in;
  guint8 chunk[16384];
  int rc = Z_OK;

  while (rc == Z_OK || (rc == Z_STREAM_END && z->avail_in > 0))
    {
      if (rc == Z_STREAM_END && inflateReset (z) != Z_OK)
        break;
      z->next_out = chunk;
      z->avail_out = sizeof chunk;
      rc = inflate (z, Z_NO_FLUSH);
      g_byte_array_append (out, chunk, (guint) (sizeof chunk - z->avail_out));
      /* Counted over all members; z->total_in begins again with each. */
      if ((rc == Z_OK || rc == Z_STREAM_END) && !http_grow (out, (gsize) (z->next_in - start), max_size, error))
        return FALSE;
    }
  if (rc == Z_STREAM_END)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "compressed answer is %s",
               rc == Z_BUF_ERROR ? "cut short" : "damaged");
  return FALSE;
}

GBytes *
cepa_http_inflate (const guint8 *data, gsize len, gsize max_size, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  z_stream z = { .next_in = (guint8 *) data, .avail_in = (uInt) len };
  gboolean ok;

  if (len > G_MAXUINT32 || inflateInit2 (&z, 15 + 32) != Z_OK) /* 32: zlib or gzip, as the data says */
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "cannot unpack an answer of %" G_GSIZE_FORMAT " bytes", len);
      return NULL;
    }
  ok = http_inflate_all (&z, out, max_size, error);
  inflateEnd (&z);
  return ok ? g_byte_array_free_to_bytes (g_steal_pointer (&out)) : NULL;
}

/* The value of header @name among the lines, without white space around it; NULL when it is not there. */
static char *
http_header (char *const *lines, const char *name)
{
  gsize n = strlen (name);

  for (guint i = 1; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp (lines[i], name, n) == 0 && lines[i][n] == ':')
      return g_strstrip (g_strdup (lines[i] + n + 1));
  return NULL;
}

/* RFC 1123 dates, as all directory servers write them. */
static gint64
http_parse_date (const char *text)
{
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4] = "";
  int day, year, hour, minute, second;
  const char *found;
  g_autoptr (GDateTime) date = NULL;

  if (text == NULL || strlen (text) < 5
      || sscanf (text + 5, "%2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6)
    return 0;
  found = strlen (month) == 3 ? strstr (months, month) : NULL;
  if (found == NULL || (found - months) % 3 != 0)
    return 0;
  date = g_date_time_new_utc (year, (int) (found - months) / 3 + 1, day, hour, minute, second);
  return date != NULL ? g_date_time_to_unix (date) : 0;
}

static gboolean
http_looks_compressed (const guint8 *body, gsize len)
{
  if (len < 2)
    return FALSE;
  return (body[0] == 0x1f && body[1] == 0x8b) || ((body[0] & 15) == 8 && (body[0] << 8 | body[1]) % 31 == 0);
}

static GBytes *
http_decode_body (char *const *lines, const guint8 *body, gsize len, gsize max_size, GError **error)
{
  g_autofree char *length = http_header (lines, "Content-Length");
  g_autofree char *encoding = http_header (lines, "Content-Encoding");
  guint64 announced = len;

  if (length != NULL)
    {
      if (!g_ascii_string_to_unsigned (length, 10, 0, G_MAXUINT32, &announced, NULL))
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer whose length cannot be read");
          return NULL;
        }
      if (announced > len)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                       "answer cut short: %" G_GSIZE_FORMAT " of %" G_GUINT64_FORMAT " bytes", len, announced);
          return NULL;
        }
      len = (gsize) announced;
    }
  if (encoding != NULL && g_ascii_strcasecmp (encoding, "identity") != 0 && g_ascii_strcasecmp (encoding, "deflate") != 0
      && g_ascii_strcasecmp (encoding, "gzip") != 0 && g_ascii_strcasecmp (encoding, "x-gzip") != 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer in an encoding that was not asked for");
      return NULL;
    }
  if (len > 0 && http_looks_compressed (body, len))
    return cepa_http_inflate (body, len, max_size, error);
  if (len > max_size)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "answer of %" G_GSIZE_FORMAT " bytes", len);
      return NULL;
    }
  return g_bytes_new (body, len);
}

gboolean
cepa_http_parse_response (const guint8 *data, gsize len, gsize max_size, CepaHttpResponse *out, GError **error)
{
  const guint8 *end = len > 0 ? memmem (data, MIN (len, CEPA_HTTP_MAX_HEADERS), "\r\n\r\n", 4) : NULL;
  g_autofree char *head = end != NULL ? g_strndup ((const char *) data, (gsize) (end - data)) : NULL;
  g_auto (GStrv) lines = head != NULL ? g_strsplit (head, "\r\n", -1) : NULL;
  g_autofree char *date = NULL;
  char status[4] = "";
  GBytes *body;

  if (lines == NULL || lines[0] == NULL || strlen (head) != (gsize) (end - data)
      || sscanf (lines[0], "HTTP/1.%*1[0-9]%*1[ ]%3[0-9]", status) != 1)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer that is not HTTP");
      return FALSE;
    }
  body = http_decode_body (lines, end + 4, len - (gsize) (end + 4 - data), max_size, error);
  if (body == NULL)
    return FALSE;
  date = http_header (lines, "Date");
  out->status = (guint) g_ascii_strtoull (status, NULL, 10);
  out->date_s = http_parse_date (date);
  out->body = body;
  return TRUE;
}
