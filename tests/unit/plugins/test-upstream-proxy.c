/* SPDX-License-Identifier: BSD-3-Clause */
/* The handshakes of transport.direct with upstream proxies, without a socket: every answer whole and byte by byte. */
#include <string.h>

#include <cepa/error.h>

#include "proxy.h"

#define IPV4 { .version = 4, .port = 0x2329, .bytes = { 192, 0, 2, 1 } }
#define IPV6 { .version = 6, .port = 0x01bb, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } }

/* Bytes with their number, as a literal. */
typedef struct
{
  const char *bytes;
  gsize len;
} Bytes;

#define B(literal) { literal, sizeof (literal) - 1 }

#define MAX_STEPS 4

/**
 * Case:
 * @says: what is said, step by step
 * @answers: what the proxy answers to each
 * @error: (nullable): the end of the message; NULL when the proxy lets the connection through
 * @n_left: bytes of the last answer that are the relay's
 */
typedef struct
{
  const char *name;
  const CepaUpstreamProtocol *protocol;
  CepaAddress relay;
  CepaUpstreamLogin login;
  Bytes says[MAX_STEPS], answers[MAX_STEPS];
  const char *error;
  gsize n_left;
} Case;

#define SOCKS4 .protocol = &cepa_upstream_socks4, .relay = IPV4, .says = { B ("\4\1\x23\x29\xc0\0\2\1\0") }
#define SOCKS5 .protocol = &cepa_upstream_socks5
#define HTTPS .protocol = &cepa_upstream_https, .relay = IPV4, .says = { B ("CONNECT 192.0.2.1:9001 HTTP/1.0\r\n\r\n") }
#define HELLO B ("\5\1\0")
#define HELLO_LOGIN B ("\5\2\0\2")
#define CONNECT B ("\5\1\0\1\xc0\0\2\1\x23\x29")
#define CONNECTED "\5\0\0\1\0\0\0\0\0\0"
#define LOGIN .login = { "name", "word", NULL }

static const Case cases[] = {
  { "socks4/granted", SOCKS4, .answers = { B ("\0\x5a\x12\x34\1\2\3\4") } },
  { "socks4/relay-first", SOCKS4, .answers = { B ("\0\x5a\x12\x34\1\2\3\4hello") }, .n_left = 5 },
  { "socks4/rejected", SOCKS4, .answers = { B ("\0\x5b\0\0\0\0\0\0") }, .error = "refused or could not connect" },
  { "socks4/identd", SOCKS4, .answers = { B ("\0\x5c\0\0\0\0\0\0") }, .error = "from an identd" },
  { "socks4/other-identd", SOCKS4, .answers = { B ("\0\x5d\0\0\0\0\0\0") }, .error = "from an identd" },
  { "socks4/unknown-code", SOCKS4, .answers = { B ("\0\x5e\0\0\0\0\0\0") }, .error = "the unknown code 94" },
  { "socks4/version", SOCKS4, .answers = { B ("\5") }, .error = "version 5 instead of 0: is it one of SOCKS4?" },
  { "socks4/http", SOCKS4, .answers = { B ("HTTP/1.1 400 Bad Request\r\n\r\n") }, .error = "is it one of SOCKS4?" },

  { "socks5/ipv4", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B (CONNECTED) } },
  { "socks5/relay-first", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT },
    .answers = { B ("\5\0"), B (CONNECTED "hello") }, .n_left = 5 },
  { "socks5/ipv6", SOCKS5, .relay = IPV6,
    .says = { HELLO, B ("\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\xbb") },
    .answers = { B ("\5\0"), B ("\5\0\0\4zzzzzzzzzzzzzzzz\0\0") } },
  { "socks5/name", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT },
    .answers = { B ("\5\0"), B ("\5\0\0\3\5proxy\0\0x") }, .n_left = 1 },
  { "socks5/empty-name", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT },
    .answers = { B ("\5\0"), B ("\5\0\0\3\0\0\0x") }, .n_left = 1 },
  { "socks5/login", SOCKS5, .relay = IPV4, LOGIN, .says = { HELLO_LOGIN, B ("\1\4name\4word"), CONNECT },
    .answers = { B ("\5\2"), B ("\1\0"), B (CONNECTED) } },
  { "socks5/login-unneeded", SOCKS5, .relay = IPV4, LOGIN, .says = { HELLO_LOGIN, CONNECT },
    .answers = { B ("\5\0"), B (CONNECTED) } },
  { "socks5/login-refused", SOCKS5, .relay = IPV4, LOGIN, .says = { HELLO_LOGIN, B ("\1\4name\4word") },
    .answers = { B ("\5\2"), B ("\1\1") }, .error = "refused the user name or the password" },
  { "socks5/login-version", SOCKS5, .relay = IPV4, LOGIN, .says = { HELLO_LOGIN, B ("\1\4name\4word") },
    .answers = { B ("\5\2"), B ("\5\0") }, .error = "version 5 instead of 1: is it one of SOCKS5?" },
  { "socks5/login-not-offered", SOCKS5, .relay = IPV4, .says = { HELLO }, .answers = { B ("\5\2") },
    .error = "chose the way 2 to log in, which it was not offered" },
  { "socks5/no-method", SOCKS5, .relay = IPV4, .says = { HELLO }, .answers = { B ("\5\xff") },
    .error = "no user name and password are set for it" },
  { "socks5/no-method-with-login", SOCKS5, .relay = IPV4, LOGIN, .says = { HELLO_LOGIN }, .answers = { B ("\5\xff") },
    .error = "accepts none of the ways to log in that it was offered" },
  { "socks5/version", SOCKS5, .relay = IPV4, .says = { HELLO }, .answers = { B ("\4\0") },
    .error = "version 4 instead of 5: is it one of SOCKS5?" },
  { "socks5/failure", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B ("\5\1") },
    .error = "reports a general failure" },
  { "socks5/rules", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B ("\5\2") },
    .error = "does not allow the connection by its rules" },
  { "socks5/refused", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B ("\5\5\0\1") },
    .error = "says that the connection was refused" },
  { "socks5/unknown-code", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B ("\5\x09") },
    .error = "the unknown code 9" },
  { "socks5/unknown-type", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT },
    .answers = { B ("\5\0"), B ("\5\0\0\2zzzzzzzzzz") }, .error = "the unknown type of address 2" },
  { "socks5/connect-version", SOCKS5, .relay = IPV4, .says = { HELLO, CONNECT }, .answers = { B ("\5\0"), B ("\1\0") },
    .error = "version 1 instead of 5: is it one of SOCKS5?" },

  { "https/granted", HTTPS, .answers = { B ("HTTP/1.0 200 Connection established\r\nX: y\r\n\r\n") } },
  { "https/relay-first", HTTPS, .answers = { B ("HTTP/1.1 200\r\n\r\n\r\nhi") }, .n_left = 4 },
  { "https/newlines", HTTPS, .answers = { B ("HTTP/1.1 204 Fine\n\nhi") }, .n_left = 2 },
  { "https/ipv6", .protocol = &cepa_upstream_https, .relay = IPV6,
    .says = { B ("CONNECT [2001:db8::7]:443 HTTP/1.0\r\n\r\n") }, .answers = { B ("HTTP/1.1 200 OK\r\n\r\n") } },
  { "https/login", .protocol = &cepa_upstream_https, .relay = IPV4, .login = { .authenticator = "Aladdin:open sesame" },
    .says = { B ("CONNECT 192.0.2.1:9001 HTTP/1.1\r\nHost: 192.0.2.1:9001\r\n"
                 "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n") },
    .answers = { B ("HTTP/1.1 200 OK\r\n\r\n") } },
  { "https/login-refused", .protocol = &cepa_upstream_https, .relay = IPV4, .login = { .authenticator = "a:b" },
    .says = { B ("CONNECT 192.0.2.1:9001 HTTP/1.1\r\nHost: 192.0.2.1:9001\r\n"
                 "Proxy-Authorization: Basic YTpi\r\n\r\n") },
    .answers = { B ("HTTP/1.1 407 No\r\n") }, .error = "refused the user name or the password" },
  { "https/login-missing", HTTPS, .answers = { B ("HTTP/1.1 407 Proxy Authentication Required\r\n") },
    .error = "wants a user name and a password, and none are set for it" },
  { "https/forbidden", HTTPS, .answers = { B ("HTTP/1.1 403 Not \"\x1b[31m\xc3\xbf here\r\n") },
    .error = "refused with status 403 \"Not ??[31m?? here\"" },
  { "https/short", HTTPS, .answers = { B ("HTTP/1.1 20\r\n\r\n") }, .error = "does not answer in HTTP/1" },
  { "https/long-status", HTTPS, .answers = { B ("HTTP/1.1 2000 OK\r\n\r\n") }, .error = "more than three digits" },
  { "https/http2", HTTPS, .answers = { B ("HTTP/2 200\r\n\r\n") }, .error = "does not answer in HTTP/1" },
  { "https/socks", HTTPS, .answers = { B ("\5\xff") }, .error = "does not answer in HTTP/1" },
  { "https/continue", HTTPS, .answers = { B ("HTTP/1.1 100 Continue\r\n\r\n") },
    .error = "refused with status 100 \"Continue\"" },
};

static CepaUpstreamStatus
talk_step (CepaUpstreamTalk *talk, Bytes says, const guint8 *answer, gsize len, gsize step, gsize *used, GError **error)
{
  CepaUpstreamStatus status = CEPA_UPSTREAM_MORE;
  gsize n;

  /* Nothing of the answer is taken before all has been said. */
  g_assert_cmpint (cepa_upstream_talk_feed (talk, answer, len, &n, error), ==, CEPA_UPSTREAM_MORE);
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpmem (talk->out, talk->out_len, says.bytes, says.len);
  cepa_upstream_talk_sent (talk, 1);
  g_assert_cmpmem (talk->out, talk->out_len, says.bytes + 1, says.len - 1);
  cepa_upstream_talk_sent (talk, says.len - 1);
  for (*used = 0; *used < len && status == CEPA_UPSTREAM_MORE && talk->out_len == 0; *used += n)
    {
      gsize given = MIN (step, len - *used);
      g_autofree guint8 *copy = g_memdup2 (answer + *used, given);

      status = cepa_upstream_talk_feed (talk, copy, given, &n, error);
      g_assert_cmpuint (n, <=, given);
      g_assert_true (status != CEPA_UPSTREAM_MORE || n == given || talk->out_len > 0);
    }
  return status;
}

static void
check_case (const Case *c, gsize step)
{
  CepaUpstreamStatus status = CEPA_UPSTREAM_MORE;
  g_autoptr (GError) error = NULL;
  CepaUpstreamTalk talk;
  gsize used = 0;
  guint i;

  cepa_upstream_talk_init (&talk, c->protocol, &c->login, &c->relay);
  for (i = 0; i < MAX_STEPS && c->says[i].bytes != NULL; i++)
    {
      g_assert_cmpint (status, ==, CEPA_UPSTREAM_MORE);
      status = talk_step (&talk, c->says[i], (const guint8 *) c->answers[i].bytes, c->answers[i].len, step, &used, &error);
    }
  if (c->error == NULL)
    {
      g_assert_no_error (error);
      g_assert_cmpint (status, ==, CEPA_UPSTREAM_DONE);
      g_assert_cmpuint (c->answers[i - 1].len - used, ==, c->n_left);
    }
  else
    {
      g_autofree char *start = g_strdup_printf ("the %s proxy ", c->protocol->name);

      g_assert_cmpint (status, ==, CEPA_UPSTREAM_FAILED);
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK);
      if (!g_str_has_prefix (error->message, start) || strstr (error->message, c->error) == NULL)
        g_error ("\"%s\" is not in: %s", c->error, error->message);
    }
  cepa_upstream_talk_clear (&talk);
}

static void
test_case (gconstpointer data)
{
  check_case (data, G_MAXSIZE);
  for (gsize step = 1; step < 12; step++)
    check_case (data, step);
}

/* An answer that ends before it is whole is no answer yet, wherever it ends. */
static void
test_cut (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CepaUpstreamTalk talk;
      gsize used;

      if (cases[i].error != NULL || cases[i].says[1].bytes != NULL)
        continue;
      for (gsize len = 0; len < cases[i].answers[0].len - cases[i].n_left; len++)
        {
          g_autofree guint8 *answer = g_memdup2 (cases[i].answers[0].bytes, len);

          cepa_upstream_talk_init (&talk, cases[i].protocol, &cases[i].login, &cases[i].relay);
          cepa_upstream_talk_sent (&talk, talk.out_len);
          g_assert_cmpint (cepa_upstream_talk_feed (&talk, answer, len, &used, NULL), ==, CEPA_UPSTREAM_MORE);
          g_assert_cmpuint (used, ==, len);
        }
    }
}

static CepaUpstreamStatus
talk_endless (const char *start, const char *more, GError **error)
{
  static const CepaUpstreamLogin login;
  const CepaAddress relay = IPV4;
  CepaUpstreamStatus status;
  CepaUpstreamTalk talk;
  gsize used, n = 0;

  cepa_upstream_talk_init (&talk, &cepa_upstream_https, &login, &relay);
  cepa_upstream_talk_sent (&talk, talk.out_len);
  status = cepa_upstream_talk_feed (&talk, (const guint8 *) start, strlen (start), &used, error);
  for (; status == CEPA_UPSTREAM_MORE; n += used)
    {
      g_assert_cmpuint (n, <=, CEPA_UPSTREAM_MAX_HEADER);
      status = cepa_upstream_talk_feed (&talk, (const guint8 *) more, strlen (more), &used, error);
    }
  return status;
}

static void
test_endless (void)
{
  static const char *const starts[] = { "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nX: " };
  static const char *const mores[] = { "z", "X: y\r\n", "abc" };

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (talk_endless (starts[i], mores[i], &error), ==, CEPA_UPSTREAM_FAILED);
      g_assert_nonnull (strstr (error->message, "answers with more than 16384 bytes"));
    }
}

/* The longest that can be set fits, and nothing of it is left behind. */
static void
test_longest (void)
{
  g_autofree char *word = g_strnfill (CEPA_UPSTREAM_MAX_LOGIN, 'w'), *both = g_strnfill (CEPA_UPSTREAM_MAX_AUTHENTICATOR, 'b');
  const CepaUpstreamLogin login = { word, word, both };
  const CepaAddress relay = { .version = 6, .port = 65535, .bytes = { [0 ... 15] = 0xff } };
  static const CepaUpstreamTalk zero;
  CepaUpstreamTalk talk;
  gsize used;

  cepa_upstream_talk_init (&talk, &cepa_upstream_https, &login, &relay);
  g_assert_cmpmem (talk.out + talk.out_len - 4, 4, "\r\n\r\n", 4);
  cepa_upstream_talk_sent (&talk, talk.out_len);
  g_assert_cmpmem (talk.out, sizeof talk.out, zero.out, sizeof zero.out);
  cepa_upstream_talk_init (&talk, &cepa_upstream_socks5, &login, &relay);
  cepa_upstream_talk_sent (&talk, talk.out_len);
  g_assert_cmpint (cepa_upstream_talk_feed (&talk, (const guint8 *) "\5\2", 2, &used, NULL), ==, CEPA_UPSTREAM_MORE);
  g_assert_cmpuint (talk.out_len, ==, 3 + 255 + 255);
  cepa_upstream_talk_clear (&talk);
  g_assert_cmpmem (&talk, sizeof talk, &zero, sizeof zero);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/upstream-proxy/%s", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/upstream-proxy/cut", test_cut);
  g_test_add_func ("/upstream-proxy/endless", test_endless);
  g_test_add_func ("/upstream-proxy/longest", test_longest);
  return g_test_run ();
}
