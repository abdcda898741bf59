/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/socks.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/relay-message.h"

#define SOCKS_VERSION 5
#define SOCKS_VERSION_4 4
#define SOCKS_AUTH_VERSION 1

#define SOCKS_METHOD_NONE 0x00
#define SOCKS_METHOD_PASSWORD 0x02
#define SOCKS_METHOD_UNACCEPTABLE 0xff

#define SOCKS_COMMAND_CONNECT 1
#define SOCKS_ADDRESS_IPV4 1
#define SOCKS_ADDRESS_NAME 3
#define SOCKS_ADDRESS_IPV6 4

/* prop351: user names that begin so carry parameters; "0" behind it is the one format that is known. */
#define SOCKS_EXTENDED_PREFIX "<torS0X>"
#define SOCKS_EXTENDED_KNOWN "<torS0X>0"

/* First letters of CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT and TRACE. */
#define SOCKS_HTTP_LETTERS "CDGHOPT"

static const char socks_http_page[] =
  "HTTP/1.0 501 This is a SOCKS port\r\n"
  "Content-Type: text/plain; charset=us-ascii\r\n"
  "Connection: close\r\n"
  "\r\n"
  "This port of Cepa, a Tor client, is for the SOCKS5 protocol; what came in was HTTP.\n"
  "In the settings of the application, enter this address and port as its SOCKS5 proxy\n"
  "(\"SOCKS host\"), not as its HTTP proxy, and let the proxy resolve names.\n";

/* CepaSocks.stage */
enum
{
  SOCKS_STAGE_METHODS,
  SOCKS_STAGE_PASSWORD,
  SOCKS_STAGE_REQUEST,
  SOCKS_STAGE_END,
};

static CepaSocksStatus
socks_refuse (CepaSocks *self, GByteArray *reply, const void *last_words, gsize len, GError **error,
              const char *why)
{
  g_byte_array_append (reply, last_words, (guint) len);
  self->stage = SOCKS_STAGE_END;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "SOCKS handshake refused: %s", why);
  return CEPA_SOCKS_REFUSED;
}

static CepaSocksStatus
socks_refuse_request (CepaSocks *self, GByteArray *reply, CepaSocksReply code, GError **error,
                      const char *why)
{
  guint8 bytes[CEPA_SOCKS_MAX_REPLY];

  return socks_refuse (self, reply, bytes, cepa_socks_write_reply (code, bytes), error, why);
}

/* Whoever speaks something else gets an answer that it may understand. */
static CepaSocksStatus
socks_refuse_stranger (CepaSocks *self, guint8 first, GByteArray *reply, GError **error)
{
  static const guint8 socks4_refusal[] = { 0, 0x5b, 0, 0, 0, 0, 0, 0 };

  if (first == SOCKS_VERSION_4)
    return socks_refuse (self, reply, socks4_refusal, sizeof socks4_refusal, error,
                         "the application speaks SOCKS4; it must use SOCKS5");
  if (first != 0 && strchr (SOCKS_HTTP_LETTERS, first) != NULL)
    return socks_refuse (self, reply, socks_http_page, sizeof socks_http_page - 1, error,
                         "the application speaks HTTP to a SOCKS port");
  return socks_refuse (self, reply, NULL, 0, error, "what the application speaks is not SOCKS5");
}

/* RFC 1928 § 3: VER | NMETHODS | METHODS. */
static CepaSocksStatus
socks_read_methods (CepaSocks *self, CepaReader *reader, GByteArray *reply, GError **error)
{
  guint8 answer[2] = { SOCKS_VERSION, SOCKS_METHOD_UNACCEPTABLE };
  guint8 version = cepa_reader_u8 (reader), n_methods;
  const guint8 *methods;

  if (!reader->failed && version != SOCKS_VERSION)
    return socks_refuse_stranger (self, version, reply, error);
  n_methods = cepa_reader_u8 (reader);
  methods = cepa_reader_take (reader, n_methods);
  if (reader->failed)
    return CEPA_SOCKS_NEED_MORE;

  if (memchr (methods, SOCKS_METHOD_PASSWORD, n_methods) != NULL)
    {
      answer[1] = SOCKS_METHOD_PASSWORD;
      self->stage = SOCKS_STAGE_PASSWORD;
    }
  else if (memchr (methods, SOCKS_METHOD_NONE, n_methods) != NULL)
    {
      answer[1] = SOCKS_METHOD_NONE;
      self->stage = SOCKS_STAGE_REQUEST;
    }
  else
    return socks_refuse (self, reply, answer, sizeof answer, error,
                         "the application offers neither user and password nor no authentication");
  g_byte_array_append (reply, answer, sizeof answer);
  return CEPA_SOCKS_NEED_MORE;
}

static gboolean
socks_user_is_reserved (const guint8 *user, gsize len)
{
  static const char prefix[] = SOCKS_EXTENDED_PREFIX, known[] = SOCKS_EXTENDED_KNOWN;

  if (len < sizeof prefix - 1 || memcmp (user, prefix, sizeof prefix - 1) != 0)
    return FALSE;
  return len != sizeof known - 1 || memcmp (user, known, sizeof known - 1) != 0;
}

/* RFC 1929 § 2: VER | ULEN | UNAME | PLEN | PASSWD. Any will do: they only tell streams apart. */
static CepaSocksStatus
socks_read_password (CepaSocks *self, CepaReader *reader, GByteArray *reply, GError **error)
{
  static const guint8 accepted[] = { SOCKS_AUTH_VERSION, 0 }, rejected[] = { SOCKS_AUTH_VERSION, 1 };
  guint8 version = cepa_reader_u8 (reader), user_len, password_len;
  const guint8 *user, *password;

  if (!reader->failed && version != SOCKS_AUTH_VERSION)
    return socks_refuse (self, reply, rejected, sizeof rejected, error,
                         "user and password were asked for, not sent");
  user_len = cepa_reader_u8 (reader);
  user = cepa_reader_take (reader, user_len);
  password_len = cepa_reader_u8 (reader);
  password = cepa_reader_take (reader, password_len);
  if (reader->failed)
    return CEPA_SOCKS_NEED_MORE;
  if (socks_user_is_reserved (user, user_len))
    return socks_refuse (self, reply, rejected, sizeof rejected, error,
                         "the user name has extended parameters of a kind that is not known");
  self->has_auth = TRUE;
  self->user_len = user_len;
  self->password_len = password_len;
  memcpy (self->user, user, user_len);
  memcpy (self->password, password, password_len);
  self->stage = SOCKS_STAGE_REQUEST;
  g_byte_array_append (reply, accepted, sizeof accepted);
  return CEPA_SOCKS_NEED_MORE;
}

/* Reads DST.ADDR into self->host. Returns FALSE when it is a name that no name can be. */
static gboolean
socks_read_host (CepaSocks *self, CepaReader *reader, guint8 address_type)
{
  gsize len = address_type == SOCKS_ADDRESS_IPV4 ? 4 : 16;
  const guint8 *bytes;

  self->is_address = address_type != SOCKS_ADDRESS_NAME;
  if (!self->is_address)
    len = cepa_reader_u8 (reader);
  bytes = cepa_reader_take (reader, len);
  if (bytes == NULL)
    return TRUE;
  if (self->is_address)
    return inet_ntop (len == 4 ? AF_INET : AF_INET6, bytes, self->host, sizeof self->host) != NULL;
  memcpy (self->host, bytes, len);
  self->host[len] = '\0';
  return len > 0 && memchr (bytes, 0, len) == NULL;
}

/* RFC 1928 § 4: VER | CMD | RSV | ATYP | DST.ADDR | DST.PORT. */
static CepaSocksStatus
socks_read_request (CepaSocks *self, CepaReader *reader, GByteArray *reply, GError **error)
{
  guint8 version = cepa_reader_u8 (reader), command = cepa_reader_u8 (reader), address_type;
  gboolean good_host;

  if (!reader->failed && version != SOCKS_VERSION)
    return socks_refuse_request (self, reply, CEPA_SOCKS_GENERAL_FAILURE, error,
                                 "the request is not of version 5");
  cepa_reader_u8 (reader);
  address_type = cepa_reader_u8 (reader);
  if (reader->failed)
    return CEPA_SOCKS_NEED_MORE;
  if (address_type != SOCKS_ADDRESS_IPV4 && address_type != SOCKS_ADDRESS_NAME
      && address_type != SOCKS_ADDRESS_IPV6)
    return socks_refuse_request (self, reply, CEPA_SOCKS_ADDRESS_NOT_SUPPORTED, error,
                                 "unknown type of address");
  good_host = socks_read_host (self, reader, address_type);
  self->port = cepa_reader_u16 (reader);
  if (reader->failed)
    return CEPA_SOCKS_NEED_MORE;
  if (command != SOCKS_COMMAND_CONNECT)
    return socks_refuse_request (self, reply, CEPA_SOCKS_COMMAND_NOT_SUPPORTED, error,
                                 "a command other than CONNECT");
  if (!good_host)
    return socks_refuse_request (self, reply, CEPA_SOCKS_GENERAL_FAILURE, error,
                                 "the name is empty or has a zero byte");
  if (self->port == 0)
    return socks_refuse_request (self, reply, CEPA_SOCKS_GENERAL_FAILURE, error, "port 0");
  self->stage = SOCKS_STAGE_END;
  return CEPA_SOCKS_REQUEST;
}

static CepaSocksStatus
socks_read_stage (CepaSocks *self, CepaReader *reader, GByteArray *reply, GError **error)
{
  switch (self->stage)
    {
    case SOCKS_STAGE_METHODS:
      return socks_read_methods (self, reader, reply, error);
    case SOCKS_STAGE_PASSWORD:
      return socks_read_password (self, reader, reply, error);
    default:
      return socks_read_request (self, reader, reply, error);
    }
}

CepaSocksStatus
cepa_socks_feed (CepaSocks *self, const guint8 *data, gsize len, gsize *consumed, GByteArray *reply,
                 GError **error)
{
  CepaSocksStatus status;
  CepaReader unread;
  guint stage;

  g_return_val_if_fail (self->stage < SOCKS_STAGE_END, CEPA_SOCKS_REFUSED);
  cepa_reader_init (&unread, data, len);
  do
    {
      CepaReader reader = unread;

      stage = self->stage;
      status = socks_read_stage (self, &reader, reply, error);
      if (self->stage != stage)
        unread = reader;
    }
  while (status == CEPA_SOCKS_NEED_MORE && self->stage != stage);
  *consumed = status == CEPA_SOCKS_REFUSED ? len : len - unread.left;
  return status;
}

gsize
cepa_socks_write_reply (CepaSocksReply reply, guint8 out[CEPA_SOCKS_MAX_REPLY])
{
  const guint8 bytes[] = { SOCKS_VERSION, (guint8) reply, 0, SOCKS_ADDRESS_IPV4, 0, 0, 0, 0, 0, 0 };

  memcpy (out, bytes, sizeof bytes);
  return sizeof bytes;
}

CepaSocksReply
cepa_socks_reply_for_end (guint reason)
{
  switch (reason)
    {
    case CEPA_END_RESOLVEFAILED:
    case CEPA_END_NOROUTE:
      return CEPA_SOCKS_HOST_UNREACHABLE;
    case CEPA_END_CONNECTREFUSED:
    case CEPA_END_CONNRESET:
    case CEPA_END_DONE: /* before any reply of ours: closed before it was connected */
      return CEPA_SOCKS_CONNECTION_REFUSED;
    case CEPA_END_EXITPOLICY:
      return CEPA_SOCKS_NOT_ALLOWED;
    case CEPA_END_TIMEOUT:
      return CEPA_SOCKS_TTL_EXPIRED;
    default:
      return CEPA_SOCKS_GENERAL_FAILURE;
    }
}
