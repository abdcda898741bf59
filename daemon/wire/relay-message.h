/* SPDX-License-Identifier: BSD-3-Clause */
/* Relay messages inside cells, format v0 (tor-spec: relay-cells). */
#pragma once

#include <glib.h>
#include <string.h>

#include "wire/cell.h"

G_BEGIN_DECLS

#define CEPA_RELAY_HEADER_LEN 11
#define CEPA_RELAY_MAX_DATA (CEPA_CELL_BODY_LEN - CEPA_RELAY_HEADER_LEN) /* 498 */

typedef enum
{
  CEPA_RELAY_BEGIN = 1,
  CEPA_RELAY_DATA = 2,
  CEPA_RELAY_END = 3,
  CEPA_RELAY_CONNECTED = 4,
  CEPA_RELAY_SENDME = 5,
  CEPA_RELAY_TRUNCATE = 8,
  CEPA_RELAY_TRUNCATED = 9,
  CEPA_RELAY_DROP = 10,
  CEPA_RELAY_RESOLVE = 11,
  CEPA_RELAY_RESOLVED = 12,
  CEPA_RELAY_BEGIN_DIR = 13,
  CEPA_RELAY_EXTEND2 = 14,
  CEPA_RELAY_EXTENDED2 = 15,
} CepaRelayCommand;

/* Reasons of END (tor-spec: closing-streams). */
typedef enum
{
  CEPA_END_MISC = 1,
  CEPA_END_RESOLVEFAILED = 2,
  CEPA_END_CONNECTREFUSED = 3,
  CEPA_END_EXITPOLICY = 4,
  CEPA_END_DESTROY = 5,
  CEPA_END_DONE = 6,
  CEPA_END_TIMEOUT = 7,
  CEPA_END_NOROUTE = 8,
  CEPA_END_HIBERNATING = 9,
  CEPA_END_INTERNAL = 10,
  CEPA_END_RESOURCELIMIT = 11,
  CEPA_END_CONNRESET = 12,
  CEPA_END_TORPROTOCOL = 13,
  CEPA_END_NOTDIRECTORY = 14,
} CepaEndReason;

/* Returns: (transfer none): the spec's name ("RESOLVEFAILED"), "UNKNOWN" for others. */
const char *cepa_end_reason_name (guint reason);

/* A message as it lies in a decrypted cell body. */
typedef struct
{
  guint8 command;
  guint16 stream_id;
  guint len; /* 0 to CEPA_RELAY_MAX_DATA */
  const guint8 *data;
} CepaRelayMessage;

/**
 * cepa_relay_message_parse:
 * @body: a recognized cell
 *
 * Returns: FALSE when its length field is over CEPA_RELAY_MAX_DATA.
 */
static inline gboolean
cepa_relay_message_parse (const guint8 body[CEPA_CELL_BODY_LEN], CepaRelayMessage *out)
{
  guint len = (guint) body[9] << 8 | body[10];

  if (len > CEPA_RELAY_MAX_DATA)
    return FALSE;
  out->command = body[0];
  out->stream_id = (guint16) (body[3] << 8 | body[4]);
  out->len = len;
  out->data = body + CEPA_RELAY_HEADER_LEN;
  return TRUE;
}

/**
 * cepa_relay_message_write_header:
 * @body: gets the header with "recognized" and digest zero; the data behind it is the caller's to write
 * @len: 0 to CEPA_RELAY_MAX_DATA
 */
static inline void
cepa_relay_message_write_header (guint8 body[CEPA_CELL_BODY_LEN], guint8 command, guint16 stream_id, guint len)
{
  memset (body, 0, CEPA_RELAY_HEADER_LEN);
  body[0] = command;
  body[3] = (guint8) (stream_id >> 8);
  body[4] = (guint8) stream_id;
  body[9] = (guint8) (len >> 8);
  body[10] = (guint8) len;
}

/* What CONNECTED says: the address that the exit connected to, if it says one. */
typedef struct
{
  guint8 address_len; /* 0 (none), 4 or 16 */
  guint8 address[16];
  guint32 ttl_s;
} CepaConnected;

/* Returns: FALSE when the body has an impossible length or address type. */
gboolean cepa_connected_parse (const guint8 *data, gsize len, CepaConnected *out);

/* What END says; an empty body is malformed. */
typedef struct
{
  guint8 reason;
  guint8 address_len; /* with EXITPOLICY: 0, 4 or 16 */
  guint8 address[16];
  guint32 ttl_s;
} CepaEnd;

gboolean cepa_end_parse (const guint8 *data, gsize len, CepaEnd *out);

/* What SENDME at circuit level says. */
typedef struct
{
  guint8 version;
  const guint8 *tag; /* (nullable): version 1 only, CEPA_TOR1_TAG_LEN bytes in the message */
} CepaSendme;

gboolean cepa_sendme_parse (const guint8 *data, gsize len, CepaSendme *out);

/**
 * cepa_begin_write:
 * @host: a lower-case name, IPv4 or IPv6 address (IPv6 without brackets)
 * @port: 1 to 65535
 * @flags: BEGIN flags: 1 IPv6 is fine, 2 IPv4 is not, 4 IPv6 is preferred; 0 leaves them out
 * @out: room for CEPA_RELAY_MAX_DATA bytes
 *
 * Returns: the bytes written, 0 when @host is too long or has a zero byte in it.
 */
gsize cepa_begin_write (const char *host, guint16 port, guint32 flags, guint8 out[CEPA_RELAY_MAX_DATA]);

G_END_DECLS
