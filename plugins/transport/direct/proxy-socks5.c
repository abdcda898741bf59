/* SPDX-License-Identifier: BSD-3-Clause */
/* SOCKS5 (RFC 1928) without authentication or with a user's name and password (RFC 1929). */
#include "proxy.h"

#include <string.h>

#define SOCKS5_VERSION 5
#define SOCKS5_LOGIN_VERSION 1
#define SOCKS5_CONNECT 1

enum
{
  SOCKS5_METHOD_NONE = 0,
  SOCKS5_METHOD_PASSWORD = 2,
  SOCKS5_METHOD_REFUSED = 0xff,
};

enum
{
  SOCKS5_ADDRESS_IPV4 = 1,
  SOCKS5_ADDRESS_NAME = 3,
  SOCKS5_ADDRESS_IPV6 = 4,
};

/* What the next answer is to. */
enum
{
  SOCKS5_WAITS_FOR_METHOD,
  SOCKS5_WAITS_FOR_LOGIN,
  SOCKS5_WAITS_FOR_CONNECT,
};

/* Version, reply, reserved, type of address, and the first byte of the address, which is the length of a name. */
#define SOCKS5_ANSWER_HEAD_LEN 5

static void
socks5_want (CepaUpstreamTalk *self, guint stage, gsize wanted)
{
  self->stage = stage;
  self->in_len = 0;
  self->wanted = wanted;
}

static void
socks5_begin (CepaUpstreamTalk *self)
{
  if (self->login->username != NULL)
    cepa_upstream_talk_put (self, "\5\2\0\2", 4);
  else
    cepa_upstream_talk_put (self, "\5\1\0", 3);
  socks5_want (self, SOCKS5_WAITS_FOR_METHOD, 2);
}

static CepaUpstreamStatus
socks5_connect (CepaUpstreamTalk *self)
{
  gboolean is_ipv6 = self->relay.version == 6;
  const guint8 head[] = { SOCKS5_VERSION, SOCKS5_CONNECT, 0, is_ipv6 ? SOCKS5_ADDRESS_IPV6 : SOCKS5_ADDRESS_IPV4 };
  const guint8 port[] = { (guint8) (self->relay.port >> 8), (guint8) self->relay.port };

  cepa_upstream_talk_put (self, head, sizeof head);
  cepa_upstream_talk_put (self, self->relay.bytes, is_ipv6 ? 16 : 4);
  cepa_upstream_talk_put (self, port, sizeof port);
  socks5_want (self, SOCKS5_WAITS_FOR_CONNECT, 2);
  return CEPA_UPSTREAM_MORE;
}

static void
socks5_put_counted (CepaUpstreamTalk *self, const char *text)
{
  gsize len = strnlen (text, CEPA_UPSTREAM_MAX_LOGIN);
  guint8 n = (guint8) len;

  cepa_upstream_talk_put (self, &n, 1);
  cepa_upstream_talk_put (self, text, len);
}

static CepaUpstreamStatus
socks5_log_in (CepaUpstreamTalk *self)
{
  const guint8 version = SOCKS5_LOGIN_VERSION;

  cepa_upstream_talk_put (self, &version, 1);
  socks5_put_counted (self, self->login->username);
  socks5_put_counted (self, self->login->password);
  socks5_want (self, SOCKS5_WAITS_FOR_LOGIN, 2);
  return CEPA_UPSTREAM_MORE;
}

static CepaUpstreamStatus
socks5_fail_version (const CepaUpstreamTalk *self, guint8 wanted, GError **error)
{
  return cepa_upstream_talk_fail (self, error, "answers with version %u instead of %u: is it one of SOCKS5?", self->in[0],
                                  wanted);
}

static CepaUpstreamStatus
socks5_method (CepaUpstreamTalk *self, GError **error)
{
  if (self->in[0] != SOCKS5_VERSION)
    return socks5_fail_version (self, SOCKS5_VERSION, error);
  if (self->in[1] == SOCKS5_METHOD_NONE)
    return socks5_connect (self);
  if (self->in[1] == SOCKS5_METHOD_PASSWORD && self->login->username != NULL)
    return socks5_log_in (self);
  if (self->in[1] == SOCKS5_METHOD_REFUSED)
    return cepa_upstream_talk_fail (self, error, "accepts none of the ways to log in that it was offered%s",
                                    self->login->username != NULL ? "" : "; no user name and password are set for it");
  return cepa_upstream_talk_fail (self, error, "chose the way %u to log in, which it was not offered", self->in[1]);
}

static CepaUpstreamStatus
socks5_logged_in (CepaUpstreamTalk *self, GError **error)
{
  if (self->in[0] != SOCKS5_LOGIN_VERSION)
    return socks5_fail_version (self, SOCKS5_LOGIN_VERSION, error);
  if (self->in[1] != 0)
    return cepa_upstream_talk_fail (self, error, "refused the user name or the password");
  return socks5_connect (self);
}

static const char *
socks5_describe_reply (guint8 reply)
{
  static const char *const replies[] = {
    NULL, "reports a general failure", "does not allow the connection by its rules", "finds the network unreachable",
    "finds the host unreachable", "says that the connection was refused", "says that the connection took too long",
    "does not know CONNECT", "does not know this type of address",
  };

  return reply < G_N_ELEMENTS (replies) ? replies[reply] : NULL;
}

/* The whole length of the answer whose head is there; 0 when there is no such address. */
static gsize
socks5_answer_len (const CepaUpstreamTalk *self)
{
  switch (self->in[3])
    {
    case SOCKS5_ADDRESS_IPV4:
      return 4 + 4 + 2;
    case SOCKS5_ADDRESS_NAME:
      return 4 + 1 + (gsize) self->in[4] + 2;
    case SOCKS5_ADDRESS_IPV6:
      return 4 + 16 + 2;
    default:
      return 0;
    }
}

static CepaUpstreamStatus
socks5_connected (CepaUpstreamTalk *self, GError **error)
{
  const char *reply = socks5_describe_reply (self->in[1]);

  if (self->in[0] != SOCKS5_VERSION)
    return socks5_fail_version (self, SOCKS5_VERSION, error);
  if (reply != NULL)
    return cepa_upstream_talk_fail (self, error, "%s", reply);
  if (self->in[1] != 0)
    return cepa_upstream_talk_fail (self, error, "answers with the unknown code %u", self->in[1]);
  if (self->in_len < SOCKS5_ANSWER_HEAD_LEN)
    {
      self->wanted = SOCKS5_ANSWER_HEAD_LEN;
      return CEPA_UPSTREAM_MORE;
    }
  self->wanted = socks5_answer_len (self);
  if (self->wanted == 0)
    return cepa_upstream_talk_fail (self, error, "answers with the unknown type of address %u", self->in[3]);
  return self->in_len < self->wanted ? CEPA_UPSTREAM_MORE : CEPA_UPSTREAM_DONE;
}

static CepaUpstreamStatus
socks5_answer (CepaUpstreamTalk *self, GError **error)
{
  switch (self->stage)
    {
    case SOCKS5_WAITS_FOR_METHOD:
      return socks5_method (self, error);
    case SOCKS5_WAITS_FOR_LOGIN:
      return socks5_logged_in (self, error);
    default:
      return socks5_connected (self, error);
    }
}

const CepaUpstreamProtocol cepa_upstream_socks5 = { "SOCKS5", 1080, TRUE, socks5_begin, socks5_answer };
