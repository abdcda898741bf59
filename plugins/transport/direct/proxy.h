/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said to an upstream proxy before the bytes go to the relay: bytes in, bytes out, no socket. */
#pragma once

#include <cepa/types.h>

G_BEGIN_DECLS

/* SOCKS5's request for a name and password is the longest of SOCKS; CONNECT with credentials the longest of all. */
#define CEPA_UPSTREAM_MAX_OUT 1280

/* What is kept of an answer: SOCKS5's with a name is the longest that must be whole. */
#define CEPA_UPSTREAM_MAX_IN 262

/* An HTTP proxy's answer up to its empty line. */
#define CEPA_UPSTREAM_MAX_HEADER 16384

#define CEPA_UPSTREAM_MAX_LOGIN 255         /* bytes of a SOCKS5 name or password: RFC 1929 */
#define CEPA_UPSTREAM_MAX_AUTHENTICATOR 511 /* bytes of "user:password" */

typedef enum
{
  CEPA_UPSTREAM_MORE, /* send what is to be sent, then give more */
  CEPA_UPSTREAM_DONE, /* the next byte is the relay's */
  CEPA_UPSTREAM_FAILED,
} CepaUpstreamStatus;

/* (transfer none), alive as long as whatever was given it. */
typedef struct
{
  const char *username, *password; /* (nullable): of SOCKS5; both or none */
  const char *authenticator;       /* (nullable): of HTTPS: "user:password" */
} CepaUpstreamLogin;

typedef struct _CepaUpstreamTalk CepaUpstreamTalk;

/**
 * CepaUpstreamProtocol:
 * @name: for messages: "SOCKS5"
 * @begin: fills @out with the first request and says how many bytes of an answer are wanted
 * @answer: what was wanted is there: as cepa_upstream_talk_feed()
 */
typedef struct
{
  const char *name;
  guint16 default_port;
  gboolean has_ipv6; /* whether it can be asked for an IPv6 address */
  void (*begin) (CepaUpstreamTalk *self);
  CepaUpstreamStatus (*answer) (CepaUpstreamTalk *self, GError **error);
} CepaUpstreamProtocol;

extern const CepaUpstreamProtocol cepa_upstream_socks4; /* proxy-socks4.c */
extern const CepaUpstreamProtocol cepa_upstream_socks5; /* proxy-socks5.c: RFC 1928, 1929 */
extern const CepaUpstreamProtocol cepa_upstream_https;  /* proxy-https.c: CONNECT of RFC 9110 */

/**
 * CepaUpstreamTalk:
 * @out: what is to be sent; whoever has sent it calls cepa_upstream_talk_sent()
 * @in: what has come of the answer: @wanted bytes in all
 *
 * One handshake.
 */
struct _CepaUpstreamTalk
{
  const CepaUpstreamProtocol *protocol;
  const CepaUpstreamLogin *login;
  CepaAddress relay;
  guint stage;    /* of the protocol */
  gsize n_header; /* of HTTP: bytes so far */
  gsize n_line;   /* of HTTP: bytes of the line so far */
  gsize out_len, in_len, wanted;
  guint8 out[CEPA_UPSTREAM_MAX_OUT];
  guint8 in[CEPA_UPSTREAM_MAX_IN];
};

/* @login: outlives the talk. */
void cepa_upstream_talk_init (CepaUpstreamTalk *self, const CepaUpstreamProtocol *protocol,
                              const CepaUpstreamLogin *login, const CepaAddress *relay);

/* Wipes what was said. */
void cepa_upstream_talk_clear (CepaUpstreamTalk *self);

/* The first @len bytes of @out have been sent. */
void cepa_upstream_talk_sent (CepaUpstreamTalk *self, gsize len);

/**
 * cepa_upstream_talk_feed:
 * @data: @len bytes from the proxy
 * @used: (out): how many of them were of the handshake; the others are to be given again, or are the relay's
 *
 * Takes nothing while there is something to be sent.
 *
 * Returns: CEPA_UPSTREAM_FAILED with CEPA_PLUGIN_ERROR_NETWORK: what the proxy said, never what it was told.
 */
CepaUpstreamStatus cepa_upstream_talk_feed (CepaUpstreamTalk *self, const guint8 *data, gsize len, gsize *used,
                                            GError **error);

/* For the protocols: sets "the SOCKS5 proxy ..." and returns CEPA_UPSTREAM_FAILED. */
CepaUpstreamStatus cepa_upstream_talk_fail (const CepaUpstreamTalk *self, GError **error, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* For the protocols: puts @len bytes to be sent, which fit. */
void cepa_upstream_talk_put (CepaUpstreamTalk *self, const void *data, gsize len);

G_END_DECLS
