/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/socks.h"

#include <string.h>

#include "support/vectors.h"
#include "wire/relay-message.h"

#define NO_AUTH "05 01 00"
#define PASSWORD "05 01 02"
#define OK_METHOD_NONE "0500"
#define OK_METHOD_PASSWORD "0502"
#define OK_PASSWORD "0100"
#define REPLY(code) "05" code "0001 00000000 0000"
#define NAME_REQUEST "05 01 00 03 0b 6578616d706c652e636f6d 01bb" /* example.com:443 */

/* What one connection did, however its bytes came in. */
typedef struct
{
  CepaSocks socks;
  CepaSocksStatus status;
  GByteArray *pending, *reply;
  GError *error;
} Talk;

static void
talk_init (Talk *talk)
{
  memset (talk, 0, sizeof *talk);
  talk->pending = g_byte_array_new ();
  talk->reply = g_byte_array_new ();
}

static void
talk_clear (Talk *talk)
{
  g_byte_array_unref (talk->pending);
  g_byte_array_unref (talk->reply);
  g_clear_error (&talk->error);
}

/* Feeds @len more bytes; those that come after the handshake has ended stay pending. */
static void
talk_feed (Talk *talk, const guint8 *data, gsize len)
{
  gsize consumed = G_MAXSIZE;

  g_byte_array_append (talk->pending, data, (guint) len);
  if (talk->status != CEPA_SOCKS_NEED_MORE)
    return;
  talk->status = cepa_socks_feed (&talk->socks, talk->pending->data, talk->pending->len, &consumed,
                                  talk->reply, &talk->error);
  g_assert_cmpuint (consumed, <=, talk->pending->len);
  g_byte_array_remove_range (talk->pending, 0, (guint) consumed);
  g_assert_true ((talk->status == CEPA_SOCKS_REFUSED) == (talk->error != NULL));
  g_assert_cmpuint (talk->pending->len, <=, CEPA_SOCKS_MAX_REQUEST);
}

typedef struct
{
  const char *input;
  CepaSocksStatus status;
  const char *reply;
  const char *left; /* of the input, with CEPA_SOCKS_REQUEST */
  const char *host;
  gboolean is_address;
  guint16 port;
} Case;

static void
check_talk (const Case *c, const Talk *talk)
{
  g_assert_cmpint (talk->status, ==, c->status);
  vector_assert (talk->reply->data, talk->reply->len, c->reply);
  if (c->status != CEPA_SOCKS_REQUEST)
    return;
  vector_assert (talk->pending->data, talk->pending->len, c->left);
  g_assert_cmpstr (talk->socks.host, ==, c->host);
  g_assert_cmpint (talk->socks.is_address, ==, c->is_address);
  g_assert_cmpuint (talk->socks.port, ==, c->port);
}

/* At once, byte by byte, and cut in two at each place: the outcome is the same. */
static void
check_case (const Case *c)
{
  g_autoptr (GByteArray) input = vector_bytes (c->input);
  Talk talk;

  for (guint cut = 0; cut <= input->len; cut++)
    {
      talk_init (&talk);
      talk_feed (&talk, input->data, cut);
      talk_feed (&talk, input->data + cut, input->len - cut);
      check_talk (c, &talk);
      talk_clear (&talk);
    }
  talk_init (&talk);
  for (guint i = 0; i < input->len; i++)
    talk_feed (&talk, input->data + i, 1);
  check_talk (c, &talk);
  talk_clear (&talk);
}

static void
test_requests (void)
{
  static const Case cases[] = {
    { NO_AUTH NAME_REQUEST, CEPA_SOCKS_REQUEST, OK_METHOD_NONE, "", "example.com", FALSE, 443 },
    /* Optimistic data stays where it is. */
    { NO_AUTH NAME_REQUEST "4745", CEPA_SOCKS_REQUEST, OK_METHOD_NONE, "4745", "example.com", FALSE, 443 },
    { NO_AUTH "05 01 00 01 c0000201 0050", CEPA_SOCKS_REQUEST, OK_METHOD_NONE, "", "192.0.2.1", TRUE, 80 },
    { NO_AUTH "05 01 00 04 20010db8000000000000000000000001 0016", CEPA_SOCKS_REQUEST, OK_METHOD_NONE, "",
      "2001:db8::1", TRUE, 22 },
    /* A name that looks like an address is still a name; what stands in RSV is nobody's concern. */
    { NO_AUTH "05 01 ff 03 09 3139322e302e322e31 ffff", CEPA_SOCKS_REQUEST, OK_METHOD_NONE, "", "192.0.2.1",
      FALSE, 65535 },
    { PASSWORD "01 04 75736572 04 70617373" NAME_REQUEST "00", CEPA_SOCKS_REQUEST,
      OK_METHOD_PASSWORD OK_PASSWORD, "00", "example.com", FALSE, 443 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i]);
}

typedef struct
{
  const char *input, *reply;
} ShortCase;

static void
check_short_cases (const ShortCase *cases, guint n, CepaSocksStatus status)
{
  for (guint i = 0; i < n; i++)
    check_case (&(Case){ .input = cases[i].input, .status = status, .reply = cases[i].reply });
}

static void
test_unfinished (void)
{
  static const ShortCase cases[] = {
    { "", "" },
    { "05", "" },
    { "05 02 00", "" },
    { NO_AUTH, OK_METHOD_NONE },
    { NO_AUTH "05 01 00 03 0b 6578616d706c652e636f6d 01", OK_METHOD_NONE },
    { PASSWORD "01 04 75736572 04 706173", OK_METHOD_PASSWORD },
    /* Both methods offered, in either order: the one that isolates. */
    { "05 02 00 02", OK_METHOD_PASSWORD },
    { "05 03 01 02 00", OK_METHOD_PASSWORD },
  };

  check_short_cases (cases, G_N_ELEMENTS (cases), CEPA_SOCKS_NEED_MORE);
}

static void
test_refused_requests (void)
{
  static const ShortCase cases[] = {
    /* BIND, UDP ASSOCIATE, and a command that nobody knows. */
    { NO_AUTH "05 02 00 01 c0000201 0050", OK_METHOD_NONE REPLY ("07") },
    { NO_AUTH "05 03 00 01 c0000201 0050", OK_METHOD_NONE REPLY ("07") },
    { NO_AUTH "05 ee 00 03 01 61 0000", OK_METHOD_NONE REPLY ("07") },
    /* Types of address. */
    { NO_AUTH "05 01 00 02", OK_METHOD_NONE REPLY ("08") },
    { NO_AUTH "05 01 00 00 c0000201 0050", OK_METHOD_NONE REPLY ("08") },
    /* An empty name, a zero byte at each end of one, port 0. */
    { NO_AUTH "05 01 00 03 00 0050", OK_METHOD_NONE REPLY ("01") },
    { NO_AUTH "05 01 00 03 03 006162 0050", OK_METHOD_NONE REPLY ("01") },
    { NO_AUTH "05 01 00 03 03 616200 0050", OK_METHOD_NONE REPLY ("01") },
    { NO_AUTH "05 01 00 01 c0000201 0000", OK_METHOD_NONE REPLY ("01") },
    { NO_AUTH "04 01 00 01 c0000201 0050", OK_METHOD_NONE REPLY ("01") },
    /* User and password where none were agreed on. */
    { NO_AUTH "01 01 61 01 62", OK_METHOD_NONE REPLY ("01") },
  };

  check_short_cases (cases, G_N_ELEMENTS (cases), CEPA_SOCKS_REFUSED);
}

static void
test_refused_methods (void)
{
  static const ShortCase cases[] = {
    { "05 00", "05ff" },
    { "05 01 01", "05ff" },
    { "05 03 01 03 ff", "05ff" },
    { PASSWORD "05 01 61 01 62", OK_METHOD_PASSWORD "0101" },
  };

  check_short_cases (cases, G_N_ELEMENTS (cases), CEPA_SOCKS_REFUSED);
}

/* SOCKS4 gets its refusal, TLS and rubbish get silence. */
static void
test_strangers (void)
{
  static const ShortCase cases[] = {
    { "04 01 0050 c0000201 00", "00 5b 0000 00000000" },
    { "16 03 01 02 00", "" },
    { "00", "" },
    { "01 01 61 01 62", "" },
    { "ff", "" },
  };

  check_short_cases (cases, G_N_ELEMENTS (cases), CEPA_SOCKS_REFUSED);
}

static void
test_http (void)
{
  static const char *const requests[] = {
    "GET / HTTP/1.1\r\n\r\n",  "HEAD / HTTP/1.0\r\n",     "POST / HTTP/1.1\r\n",    "PUT / HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "DELETE / HTTP/1.1\r\n", "TRACE / HTTP/1.1\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autofree char *text = NULL;
      Talk talk;

      talk_init (&talk);
      talk_feed (&talk, (const guint8 *) requests[i], strlen (requests[i]));
      g_assert_cmpint (talk.status, ==, CEPA_SOCKS_REFUSED);
      text = g_strndup ((const char *) talk.reply->data, talk.reply->len);
      g_assert_cmpuint (strlen (text), ==, talk.reply->len);
      g_assert_true (g_str_has_prefix (text, "HTTP/1.0 501 "));
      g_assert_nonnull (strstr (text, "\r\n\r\n"));
      g_assert_nonnull (strstr (text, "SOCKS5"));
      talk_clear (&talk);
    }
}

/* Each of the two may be empty, as in C Tor, may hold any byte, and may be as long as its length can say. */
static void
test_password (void)
{
  static const struct
  {
    guint8 user_len, password_len;
  } cases[] = { { 0, 0 }, { 0, 3 }, { 3, 0 }, { 255, 255 }, { 1, 255 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) input = vector_bytes (PASSWORD "01"), tail = vector_bytes (NAME_REQUEST);
      guint8 user[255], password[255];
      Talk talk;

      for (guint k = 0; k < 255; k++)
        {
          user[k] = (guint8) k;
          password[k] = (guint8) (255 - k);
        }
      g_byte_array_append (input, &cases[i].user_len, 1);
      g_byte_array_append (input, user, cases[i].user_len);
      g_byte_array_append (input, &cases[i].password_len, 1);
      g_byte_array_append (input, password, cases[i].password_len);
      g_byte_array_append (input, tail->data, tail->len);
      talk_init (&talk);
      for (guint k = 0; k < input->len; k++)
        talk_feed (&talk, input->data + k, 1);
      g_assert_cmpint (talk.status, ==, CEPA_SOCKS_REQUEST);
      g_assert_true (talk.socks.has_auth);
      g_assert_cmpmem (talk.socks.user, talk.socks.user_len, user, cases[i].user_len);
      g_assert_cmpmem (talk.socks.password, talk.socks.password_len, password, cases[i].password_len);
      talk_clear (&talk);
    }
}

static void
test_no_password (void)
{
  g_autoptr (GByteArray) input = vector_bytes (NO_AUTH NAME_REQUEST);
  Talk talk;

  talk_init (&talk);
  talk_feed (&talk, input->data, input->len);
  g_assert_cmpint (talk.status, ==, CEPA_SOCKS_REQUEST);
  g_assert_false (talk.socks.has_auth);
  talk_clear (&talk);
}

/* prop351: of the names that begin so, "<torS0X>0" alone is known. */
static void
test_reserved_users (void)
{
  static const struct
  {
    const char *user;
    gboolean accepted;
  } cases[] = {
    { "<torS0X>0", TRUE },   { "<torS0X>", FALSE },  { "<torS0X>1", FALSE }, { "<torS0X>0x", FALSE },
    { "<torS0X>00", FALSE }, { "<torS0X", TRUE },    { "<torS0x>1", TRUE },  { "a<torS0X>1", TRUE },
    { "<TorS0X>1", TRUE },   { "<torS0X>x", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) input = vector_bytes (PASSWORD "01");
      guint8 len = (guint8) strlen (cases[i].user);
      Talk talk;

      g_byte_array_append (input, &len, 1);
      g_byte_array_append (input, (const guint8 *) cases[i].user, len);
      g_byte_array_append (input, (const guint8 *) "\2pw", 3);
      talk_init (&talk);
      talk_feed (&talk, input->data, input->len);
      g_assert_cmpint (talk.status, ==, cases[i].accepted ? CEPA_SOCKS_NEED_MORE : CEPA_SOCKS_REFUSED);
      vector_assert (talk.reply->data, talk.reply->len, cases[i].accepted ? "0502 0100" : "0502 0101");
      talk_clear (&talk);
    }
}

/* The longest name, and the longest list of methods. */
static void
test_longest (void)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  guint8 methods[257] = { 5, 255 }, name[255];
  Talk talk;

  memset (methods + 2, 0x80, 255);
  methods[256] = 0;
  memset (name, 'n', sizeof name);
  g_byte_array_append (input, methods, sizeof methods);
  g_byte_array_append (input, (const guint8 *) "\5\1\0\3\xff", 5);
  g_byte_array_append (input, name, sizeof name);
  g_byte_array_append (input, (const guint8 *) "\0\1rest", 6);
  talk_init (&talk);
  talk_feed (&talk, input->data, input->len);
  g_assert_cmpint (talk.status, ==, CEPA_SOCKS_REQUEST);
  g_assert_cmpuint (strlen (talk.socks.host), ==, 255);
  g_assert_cmpuint (talk.socks.port, ==, 1);
  g_assert_cmpmem (talk.pending->data, talk.pending->len, "rest", 4);
  talk_clear (&talk);
}

/* RFC 1928 § 6. */
static void
test_write_reply (void)
{
  guint8 out[CEPA_SOCKS_MAX_REPLY];

  vector_assert (out, cepa_socks_write_reply (CEPA_SOCKS_SUCCEEDED, out), "05 00 00 01 00000000 0000");
  vector_assert (out, cepa_socks_write_reply (CEPA_SOCKS_TTL_EXPIRED, out), "05 06 00 01 00000000 0000");
}

/* C Tor's src/core/or/reasons.c, stream_end_reason_to_socks5_response(). */
static void
test_reply_for_end (void)
{
  static const guint8 expected[] = { 1, 1, 4, 5, 2, 1, 5, 6, 4, 1, 1, 1, 5, 1, 1, 1 };

  for (guint reason = 0; reason < G_N_ELEMENTS (expected); reason++)
    g_assert_cmpint (cepa_socks_reply_for_end (reason), ==, expected[reason]);
  g_assert_cmpint (cepa_socks_reply_for_end (CEPA_END_EXITPOLICY), ==, CEPA_SOCKS_NOT_ALLOWED);
  g_assert_cmpint (cepa_socks_reply_for_end (255), ==, CEPA_SOCKS_GENERAL_FAILURE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/socks/requests", test_requests);
  g_test_add_func ("/wire/socks/unfinished", test_unfinished);
  g_test_add_func ("/wire/socks/refused-requests", test_refused_requests);
  g_test_add_func ("/wire/socks/refused-methods", test_refused_methods);
  g_test_add_func ("/wire/socks/strangers", test_strangers);
  g_test_add_func ("/wire/socks/http", test_http);
  g_test_add_func ("/wire/socks/password", test_password);
  g_test_add_func ("/wire/socks/no-password", test_no_password);
  g_test_add_func ("/wire/socks/reserved-users", test_reserved_users);
  g_test_add_func ("/wire/socks/longest", test_longest);
  g_test_add_func ("/wire/socks/write-reply", test_write_reply);
  g_test_add_func ("/wire/socks/reply-for-end", test_reply_for_end);
  return g_test_run ();
}
