/* SPDX-License-Identifier: BSD-3-Clause */
/* SOCKS4: one request with an IPv4 address and an empty user id, one answer of eight bytes. */
#include "proxy.h"

#define SOCKS4_VERSION 4
#define SOCKS4_CONNECT 1
#define SOCKS4_ANSWER_LEN 8

enum
{
  SOCKS4_GRANTED = 90,
  SOCKS4_REJECTED = 91,
  SOCKS4_NO_IDENTD = 92,
  SOCKS4_OTHER_IDENTD = 93,
};

static void
socks4_begin (CepaUpstreamTalk *self)
{
  const guint8 head[] = { SOCKS4_VERSION, SOCKS4_CONNECT, (guint8) (self->relay.port >> 8), (guint8) self->relay.port };

  cepa_upstream_talk_put (self, head, sizeof head);
  cepa_upstream_talk_put (self, self->relay.bytes, 4);
  cepa_upstream_talk_put (self, "", 1);
  self->wanted = 1;
}

static CepaUpstreamStatus
socks4_answer (CepaUpstreamTalk *self, GError **error)
{
  if (self->in[0] != 0)
    return cepa_upstream_talk_fail (self, error, "answers with version %u instead of 0: is it one of SOCKS4?",
                                    self->in[0]);
  if (self->in_len < SOCKS4_ANSWER_LEN)
    {
      self->wanted = SOCKS4_ANSWER_LEN;
      return CEPA_UPSTREAM_MORE;
    }
  switch (self->in[1])
    {
    case SOCKS4_GRANTED:
      return CEPA_UPSTREAM_DONE;
    case SOCKS4_REJECTED:
      return cepa_upstream_talk_fail (self, error, "refused or could not connect");
    case SOCKS4_NO_IDENTD:
    case SOCKS4_OTHER_IDENTD:
      return cepa_upstream_talk_fail (self, error, "refused: it wants to know the user from an identd");
    default:
      return cepa_upstream_talk_fail (self, error, "answers with the unknown code %u", self->in[1]);
    }
}

const CepaUpstreamProtocol cepa_upstream_socks4 = { "SOCKS4", 1080, FALSE, socks4_begin, socks4_answer };
