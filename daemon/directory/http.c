/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/http.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

void
cepa_http_response_clear (CepaHttpResponse *self)
{
  g_clear_pointer (&self->body, g_bytes_unref);
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

/* The number in Content-Length, when there is one. */
static gboolean
http_read_length (char *const *lines, CepaHttpHead *out, GError **error)
{
  g_autofree char *length = http_header (lines, "Content-Length");
  guint64 announced;

  if (length == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (length, 10, 0, G_MAXUINT32, &announced, NULL))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer whose length cannot be read");
      return FALSE;
    }
  out->has_body_len = TRUE;
  out->body_len = (gsize) announced;
  return TRUE;
}

static gboolean
http_check_encoding (char *const *lines, GError **error)
{
  g_autofree char *name = http_header (lines, "Content-Encoding");
  CepaEncoding encoding;

  if (name == NULL || cepa_encoding_from_name (name, &encoding))
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer in an encoding that was not asked for");
  return FALSE;
}

gboolean
cepa_http_head_is_whole (const guint8 *data, gsize len)
{
  return len >= CEPA_HTTP_MAX_HEADERS || (len > 0 && memmem (data, len, "\r\n\r\n", 4) != NULL);
}

gboolean
cepa_http_parse_head (const guint8 *data, gsize len, CepaHttpHead *out, GError **error)
{
  const guint8 *end = len > 0 ? memmem (data, MIN (len, CEPA_HTTP_MAX_HEADERS), "\r\n\r\n", 4) : NULL;
  g_autofree char *head = end != NULL ? g_strndup ((const char *) data, (gsize) (end - data)) : NULL;
  g_auto (GStrv) lines = head != NULL ? g_strsplit (head, "\r\n", -1) : NULL;
  g_autofree char *date = NULL;
  CepaHttpHead read = { .status = 0 };
  char status[4] = "";

  if (lines == NULL || lines[0] == NULL || strlen (head) != (gsize) (end - data)
      || sscanf (lines[0], "HTTP/1.%*1[0-9]%*1[ ]%3[0-9]", status) != 1)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "answer that is not HTTP");
      return FALSE;
    }
  if (!http_read_length (lines, &read, error) || !http_check_encoding (lines, error))
    return FALSE;
  date = http_header (lines, "Date");
  read.len = (gsize) (end + 4 - data);
  read.status = (guint) g_ascii_strtoull (status, NULL, 10);
  read.date_s = http_parse_date (date);
  *out = read;
  return TRUE;
}

gboolean
cepa_http_parse_response (const guint8 *data, gsize len, gsize max_size, CepaHttpResponse *out, GError **error)
{
  CepaHttpHead head;
  const guint8 *body;
  GBytes *decoded;

  if (!cepa_http_parse_head (data, len, &head, error))
    return FALSE;
  body = data + head.len;
  len -= head.len;
  if (head.has_body_len && head.body_len > len)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                   "answer cut short: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes", len, head.body_len);
      return FALSE;
    }
  if (head.has_body_len)
    len = head.body_len;
  decoded = cepa_decompress (cepa_encoding_guess (body, len), body, len, max_size, error);
  if (decoded == NULL)
    return FALSE;
  out->status = head.status;
  out->date_s = head.date_s;
  out->body = decoded;
  return TRUE;
}
