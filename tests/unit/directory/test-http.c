/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of directory servers: whole, compressed, cut, damaged, and made to fill the memory. */
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "directory/http.h"

#define MAX_SIZE (1024 * 1024)
#define GZIP (15 + 16)
#define ZLIB 15

/* (transfer full): @text behind a status line and @headers, each with its CRLF. */
static GByteArray *
make_answer (const char *headers, const void *body, gsize len)
{
  g_autofree char *head = g_strdup_printf ("HTTP/1.0 200 OK\r\n%s\r\n", headers);
  GByteArray *answer = g_byte_array_new ();

  g_byte_array_append (answer, (const guint8 *) head, (guint) strlen (head));
  if (len > 0)
    g_byte_array_append (answer, body, (guint) len);
  return answer;
}

static void
append_compressed (GByteArray *out, int window_bits, const void *data, gsize len)
{
  gsize room = len + len / 100 + 1000;
  g_autofree guint8 *buffer = g_malloc (room);
  z_stream z = { .next_in = (guint8 *) data, .avail_in = (uInt) len, .next_out = buffer, .avail_out = (uInt) room };

  g_assert_cmpint (deflateInit2 (&z, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
  g_assert_cmpint (deflate (&z, Z_FINISH), ==, Z_STREAM_END);
  g_byte_array_append (out, buffer, (guint) z.total_out);
  deflateEnd (&z);
}

static GByteArray *
compressed (int window_bits, const void *data, gsize len)
{
  GByteArray *out = g_byte_array_new ();

  append_compressed (out, window_bits, data, len);
  return out;
}

/* Takes the answer from memory of its own size, so that a sanitizer sees a read behind its end. */
static gboolean
parse (const GByteArray *answer, gsize max_size, CepaHttpResponse *out, GError **error)
{
  g_autofree guint8 *copy = g_memdup2 (answer->data, answer->len);

  return cepa_http_parse_response (copy, answer->len, max_size, out, error);
}

static void
check_body_of (const GByteArray *answer, gsize max_size, const void *body, gsize len)
{
  g_autoptr (GError) error = NULL;
  CepaHttpResponse response = { 0 };

  g_assert_true (parse (answer, max_size, &response, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (response.status, ==, 200);
  g_assert_cmpmem (g_bytes_get_data (response.body, NULL), g_bytes_get_size (response.body), body, len);
  cepa_http_response_clear (&response);
  g_assert_null (response.body);
}

static void
check_body (const GByteArray *answer, const void *body, gsize len)
{
  check_body_of (answer, MAX_SIZE, body, len);
}

static void
check_refused (const GByteArray *answer, gsize max_size, int code)
{
  g_autoptr (GError) error = NULL;
  CepaHttpResponse response = { .status = 77, .date_s = 78 };

  g_assert_false (parse (answer, max_size, &response, &error));
  g_assert_error (error, CEPA_ERROR, code);
  g_assert_cmpuint (response.status, ==, 77);
  g_assert_cmpint (response.date_s, ==, 78);
  g_assert_null (response.body);
}

static void
check_text_refused (const char *text)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();

  g_byte_array_append (answer, (const guint8 *) text, (guint) strlen (text));
  check_refused (answer, MAX_SIZE, CEPA_ERROR_PROTOCOL);
}

static void
check_status (const char *text, guint status, gint64 date_s)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  CepaHttpResponse response = { 0 };

  g_byte_array_append (answer, (const guint8 *) text, (guint) strlen (text));
  g_assert_true (parse (answer, MAX_SIZE, &response, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (response.status, ==, status);
  g_assert_cmpint (response.date_s, ==, date_s);
  cepa_http_response_clear (&response);
}

static void
test_identity (void)
{
  static const char *const headers[] = {
    "", "Content-Encoding: identity\r\n", "Content-Length: 5\r\n", "content-length:5\r\nContent-Type: text/plain\r\n",
    /* Said to be compressed, and plain all the same: servers have been known to. */
    "Content-Encoding: deflate\r\n", "Content-Encoding: x-zstd\r\n", "Content-Encoding: x-tor-lzma\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autoptr (GByteArray) answer = make_answer (headers[i], "hello", 5);

      check_body (answer, "hello", 5);
    }
}

static void
test_empty_body (void)
{
  g_autoptr (GByteArray) answer = make_answer ("", NULL, 0);
  g_autoptr (GByteArray) counted = make_answer ("Content-Length: 0\r\n", NULL, 0);

  check_body (answer, "", 0);
  check_body (counted, "", 0);
}

static void
test_status (void)
{
  check_status ("HTTP/1.0 304 Not modified\r\n\r\n", 304, 0);
  check_status ("HTTP/1.1 503 Directory busy, try again later\r\n\r\n", 503, 0);
  check_status ("HTTP/1.0 404\r\n\r\n", 404, 0);
}

static void
test_date (void)
{
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon, 01 Jun 2026 12:00:00 GMT\r\n\r\n", 200, 1780315200);
  check_status ("HTTP/1.0 200 OK\r\nX: y\r\ndate:   Thu, 01 Jan 1970 00:00:01 GMT  \r\n\r\n", 200, 1);
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon, 01 Jum 2026 12:00:00 GMT\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon, 01 anF 2026 12:00:00 GMT\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon, 32 Jun 2026 12:00:00 GMT\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon, 01 Jun 2026 25:00:00 GMT\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDate:\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDate: Mon\r\n\r\n", 200, 0);
  check_status ("HTTP/1.0 200 OK\r\nDated: Mon, 01 Jun 2026 12:00:00 GMT\r\n\r\n", 200, 0);
}

static void
test_not_http (void)
{
  g_autoptr (GByteArray) nothing = g_byte_array_new ();
  g_autoptr (GByteArray) zero = make_answer ("X: y\r\n", "hello", 5);

  check_refused (nothing, MAX_SIZE, CEPA_ERROR_PROTOCOL);
  check_text_refused ("H");
  check_text_refused ("\r\n\r\n");
  check_text_refused ("HTTP/1.0 200 OK\r\n");
  check_text_refused ("HTTP/1.0 200 OK\n\nhello");
  check_text_refused ("HTTP/1.0 OK\r\n\r\n");
  check_text_refused ("HTTP/2 200 OK\r\n\r\n");
  check_text_refused ("HTTP/1.0 -20 OK\r\n\r\n");
  check_text_refused ("HTTP/1.0-200 OK\r\n\r\n");
  check_text_refused ("SSH-2.0-OpenSSH\r\n\r\n");
  check_text_refused (" HTTP/1.0 200 OK\r\n\r\n");
  zero->data[18] = '\0';
  check_refused (zero, MAX_SIZE, CEPA_ERROR_PROTOCOL);
}

/* The empty line must come within the limit. */
static void
test_headers_limit (void)
{
  const gsize around = strlen ("HTTP/1.0 200 OK\r\nX: \r\n\r\n");

  for (guint over = 0; over < 2; over++)
    {
      g_autofree char *value = g_strnfill (CEPA_HTTP_MAX_HEADERS - around + over, 'a');
      g_autofree char *header = g_strdup_printf ("X: %s\r\n", value);
      g_autoptr (GByteArray) answer = make_answer (header, "hello", 5);

      if (over == 0)
        check_body (answer, "hello", 5);
      else
        check_refused (answer, MAX_SIZE, CEPA_ERROR_PROTOCOL);
    }
}

static void
test_content_length (void)
{
  static const char *const wrong[] = { "6", "4294967295", "99999999999999999999", "-1", "abc", "", "5 5", "0x5" };
  g_autoptr (GByteArray) less = make_answer ("Content-Length: 3\r\n", "hello", 5);

  /* What is behind it is not part of the answer. */
  check_body (less, "hel", 3);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autofree char *header = g_strdup_printf ("Content-Length: %s\r\n", wrong[i]);
      g_autoptr (GByteArray) answer = make_answer (header, "hello", 5);

      check_refused (answer, MAX_SIZE, CEPA_ERROR_PROTOCOL);
    }
}

static void
test_unknown_encoding (void)
{
  static const char *const encodings[] = { "zstd", "br", "gzip, deflate", "" };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autofree char *header = g_strdup_printf ("Content-Encoding: %s\r\n", encodings[i]);
      g_autoptr (GByteArray) answer = make_answer (header, "hello", 5);

      check_refused (answer, MAX_SIZE, CEPA_ERROR_PROTOCOL);
    }
}

static void
test_compressed (void)
{
  static const char *const headers[]
    = { "", "Content-Encoding: deflate\r\n", "Content-Encoding: GZIP\r\n", "Content-Encoding: x-gzip\r\n" };
  static const int kinds[] = { ZLIB, GZIP };
  g_autofree char *text = g_strnfill (100000, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    for (guint kind = 0; kind < G_N_ELEMENTS (kinds); kind++)
      {
        g_autoptr (GByteArray) body = compressed (kinds[kind], text, 100000);
        g_autoptr (GByteArray) answer = make_answer (headers[i], body->data, body->len);

        check_body (answer, text, 100000);
      }
}

/* Members one behind the other, of either kind, are one text. */
static void
test_members (void)
{
  g_autoptr (GByteArray) body = g_byte_array_new (), answer = NULL;

  append_compressed (body, ZLIB, "one ", 4);
  append_compressed (body, GZIP, "two ", 4);
  append_compressed (body, ZLIB, "", 0);
  append_compressed (body, ZLIB, "three", 5);
  answer = make_answer ("", body->data, body->len);
  check_body (answer, "one two three", 13);
}

static void
test_rubbish_behind (void)
{
  g_autoptr (GByteArray) body = compressed (ZLIB, "hello", 5), answer = NULL;

  g_byte_array_append (body, (const guint8 *) "rubbish", 7);
  answer = make_answer ("", body->data, body->len);
  check_refused (answer, MAX_SIZE, CEPA_ERROR_PROTOCOL);
}

static void
test_too_large (void)
{
  g_autofree char *text = g_strnfill (2000, 'x');
  g_autoptr (GByteArray) plain = make_answer ("", text, 2000), body = compressed (ZLIB, text, 2000), packed = NULL;

  packed = make_answer ("", body->data, body->len);
  check_refused (plain, 1999, CEPA_ERROR_LIMIT);
  check_body_of (plain, 2000, text, 2000);
  check_refused (packed, 1999, CEPA_ERROR_LIMIT);
  check_body_of (packed, 2000, text, 2000);
}

/* By size: the largest document that is wanted. By ratio: well before that. */
static void
test_bomb (void)
{
  const gsize len = 40 * 1024 * 1024;
  g_autofree guint8 *zeros = g_malloc0 (len);
  g_autoptr (GByteArray) body = compressed (GZIP, zeros, len), small = NULL, many = g_byte_array_new ();
  g_autoptr (GByteArray) answer = make_answer ("", body->data, body->len), small_answer = NULL, many_answer = NULL;

  check_refused (answer, MAX_SIZE, CEPA_ERROR_LIMIT);
  check_refused (answer, 2 * len, CEPA_ERROR_LIMIT);

  /* The same out of many small members, each of which alone would do. */
  small = compressed (GZIP, zeros, len / 40);
  for (guint i = 0; i < 40; i++)
    g_byte_array_append (many, small->data, small->len);
  many_answer = make_answer ("", many->data, many->len);
  check_refused (many_answer, 2 * len, CEPA_ERROR_LIMIT);
  small_answer = make_answer ("", small->data, small->len);
  check_body (small_answer, zeros, len / 40);
}

/* The head is read while the body is still on its way. */
static void
test_head (void)
{
  static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 1000\r\nContent-Encoding: x-tor-lzma\r\n"
                             "Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n\r\n";
  const gsize len = strlen (text);
  g_autofree char *endless = g_strnfill (CEPA_HTTP_MAX_HEADERS, 'a');
  g_autoptr (GError) error = NULL;
  CepaHttpHead head;

  for (gsize i = 0; i < len; i++)
    g_assert_false (cepa_http_head_is_whole ((const guint8 *) text, i));
  g_assert_true (cepa_http_head_is_whole ((const guint8 *) text, len));
  g_assert_true (cepa_http_parse_head ((const guint8 *) text, len, &head, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (head.len, ==, len);
  g_assert_cmpuint (head.status, ==, 200);
  g_assert_cmpint (head.date_s, ==, 1);
  g_assert_true (head.has_body_len);
  g_assert_cmpuint (head.body_len, ==, 1000);
  g_assert_true (cepa_http_head_is_whole ((const guint8 *) endless, CEPA_HTTP_MAX_HEADERS));
  g_assert_false (cepa_http_parse_head ((const guint8 *) endless, CEPA_HTTP_MAX_HEADERS, &head, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/identity", test_identity);
  g_test_add_func ("/http/empty-body", test_empty_body);
  g_test_add_func ("/http/status", test_status);
  g_test_add_func ("/http/date", test_date);
  g_test_add_func ("/http/not-http", test_not_http);
  g_test_add_func ("/http/headers-limit", test_headers_limit);
  g_test_add_func ("/http/content-length", test_content_length);
  g_test_add_func ("/http/head", test_head);
  g_test_add_func ("/http/unknown-encoding", test_unknown_encoding);
  g_test_add_func ("/http/compressed", test_compressed);
  g_test_add_func ("/http/members", test_members);
  g_test_add_func ("/http/rubbish-behind", test_rubbish_behind);
  g_test_add_func ("/http/too-large", test_too_large);
  g_test_add_func ("/http/bomb", test_bomb);
  return g_test_run ();
}
