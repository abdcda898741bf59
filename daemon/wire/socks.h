/* SPDX-License-Identifier: BSD-3-Clause */
/* SOCKS5 (RFC 1928, RFC 1929), the server's side, as bytes in and bytes out. */
#pragma once

#include <glib.h>

#include "base/error.h"

G_BEGIN_DECLS

#define CEPA_SOCKS_MAX_REQUEST 1024 /* the longest unfinished input that is kept */
#define CEPA_SOCKS_MAX_REPLY 22

typedef enum
{
  CEPA_SOCKS_SUCCEEDED = 0,
  CEPA_SOCKS_GENERAL_FAILURE = 1,
  CEPA_SOCKS_NOT_ALLOWED = 2,
  CEPA_SOCKS_NETWORK_UNREACHABLE = 3,
  CEPA_SOCKS_HOST_UNREACHABLE = 4,
  CEPA_SOCKS_CONNECTION_REFUSED = 5,
  CEPA_SOCKS_TTL_EXPIRED = 6,
  CEPA_SOCKS_COMMAND_NOT_SUPPORTED = 7,
  CEPA_SOCKS_ADDRESS_NOT_SUPPORTED = 8,
} CepaSocksReply;

typedef enum
{
  CEPA_SOCKS_NEED_MORE, /* feed again when there is more input */
  CEPA_SOCKS_REQUEST,   /* the request is complete: see the fields; input behind it is the application's data */
  CEPA_SOCKS_REFUSED,   /* send what there is to send, then close; @error of feed says why */
} CepaSocksStatus;

/**
 * CepaSocks:
 *
 * One application's handshake. All zeros at the start. Fields are set when the status is CEPA_SOCKS_REQUEST.
 */
typedef struct
{
  guint stage;         /* private */
  char host[256];      /* a name as it was given, or an address in text, IPv6 without brackets */
  gboolean is_address; /* whether the client gave an IPv4 or IPv6 address rather than a name */
  guint16 port;
  gboolean has_auth;   /* user and password were given, each 0 to 255 bytes of anything */
  guint8 user_len, password_len;
  guint8 user[255], password[255];
} CepaSocks;

/**
 * cepa_socks_feed:
 * @data: all unconsumed input, @len bytes
 * @consumed: (out): how many of them are done with
 * @reply: what must be sent to the client now is appended (often nothing)
 * @error: (out) (optional): set with CEPA_SOCKS_REFUSED
 *
 * Methods: no authentication and user/password; with both offered, user/password (it isolates). Commands:
 * CONNECT; others get reply 7. Address types IPv4, IPv6, name; others get reply 8. A name that is empty or
 * has a zero byte, port 0: reply 1. What is no SOCKS5 at all (SOCKS4, HTTP) is refused: HTTP with a short
 * page that says what the port is for, SOCKS4 with its own refusal (0x5b), anything else without a word.
 * User names that begin with "<torS0X>" are refused unless they are exactly "<torS0X>0" (prop351).
 */
CepaSocksStatus cepa_socks_feed (CepaSocks *self, const guint8 *data, gsize len, gsize *consumed, GByteArray *reply,
                                 GError **error);

/**
 * cepa_socks_write_reply:
 * @out: room for CEPA_SOCKS_MAX_REPLY
 *
 * The answer to a request, with 0.0.0.0:0 as the bound address. Returns: its length.
 */
gsize cepa_socks_write_reply (CepaSocksReply reply, guint8 out[CEPA_SOCKS_MAX_REPLY]);

/* The reply for END reason @reason (C Tor's map: facts from its SOCKS5 code table). */
CepaSocksReply cepa_socks_reply_for_end (guint reason);

G_END_DECLS
