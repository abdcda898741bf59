/* SPDX-License-Identifier: BSD-3-Clause */
/* Cells: the framing of a channel (tor-spec: cell-packet-format). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_CELL_BODY_LEN 509
#define CEPA_CELL_MAX_HEADER 5                                          /* circuit id 4, command 1 */
#define CEPA_CELL_MAX_LEN (CEPA_CELL_MAX_HEADER + CEPA_CELL_BODY_LEN)   /* of a fixed-length cell */
#define CEPA_CELL_MAX_VARIABLE_BODY 65535
#define CEPA_CELL_MAX_VARIABLE_LEN (CEPA_CELL_MAX_HEADER + 2 + CEPA_CELL_MAX_VARIABLE_BODY)

typedef enum
{
  CEPA_CELL_PADDING = 0,
  CEPA_CELL_CREATE = 1,
  CEPA_CELL_CREATED = 2,
  CEPA_CELL_RELAY = 3,
  CEPA_CELL_DESTROY = 4,
  CEPA_CELL_CREATE_FAST = 5,
  CEPA_CELL_CREATED_FAST = 6,
  CEPA_CELL_VERSIONS = 7,
  CEPA_CELL_NETINFO = 8,
  CEPA_CELL_RELAY_EARLY = 9,
  CEPA_CELL_CREATE2 = 10,
  CEPA_CELL_CREATED2 = 11,
  CEPA_CELL_PADDING_NEGOTIATE = 12,
  CEPA_CELL_VPADDING = 128,
  CEPA_CELL_CERTS = 129,
  CEPA_CELL_AUTH_CHALLENGE = 130,
  CEPA_CELL_AUTHENTICATE = 131,
  CEPA_CELL_AUTHORIZE = 132,
} CepaCellCommand;

/* Reasons of DESTROY and TRUNCATED (tor-spec: tearing-down-circuits). */
typedef enum
{
  CEPA_DESTROY_NONE = 0,
  CEPA_DESTROY_PROTOCOL = 1,
  CEPA_DESTROY_INTERNAL = 2,
  CEPA_DESTROY_REQUESTED = 3,
  CEPA_DESTROY_HIBERNATING = 4,
  CEPA_DESTROY_RESOURCELIMIT = 5,
  CEPA_DESTROY_CONNECTFAILED = 6,
  CEPA_DESTROY_OR_IDENTITY = 7,
  CEPA_DESTROY_CHANNEL_CLOSED = 8,
  CEPA_DESTROY_FINISHED = 9,
  CEPA_DESTROY_TIMEOUT = 10,
  CEPA_DESTROY_DESTROYED = 11,
  CEPA_DESTROY_NOSUCHSERVICE = 12,
} CepaDestroyReason;

/* Returns: (transfer none): the spec's name of a reason, "UNKNOWN" for others. */
const char *cepa_destroy_reason_name (guint reason);

/**
 * CepaCell:
 * @body: in the caller's bytes; 509 of a fixed-length cell, any number of a variable-length one
 */
typedef struct
{
  guint32 circuit_id;
  guint8 command;
  guint body_len;
  guint8 *body;
} CepaCell;

static inline gboolean
cepa_cell_command_is_variable (guint8 command)
{
  return command == CEPA_CELL_VERSIONS || command >= 128;
}

/**
 * cepa_cell_parse:
 * @data: @len bytes that begin with a cell
 * @link_version: 0 before VERSIONS were exchanged (circuit ids of 2 bytes), 3 (2 bytes), 4 or 5 (4 bytes)
 * @out: points into @data
 *
 * Returns: the bytes that the cell takes, 0 when @data does not have the whole cell yet. Never fails: any
 * bytes frame some cell; whether its command is allowed now is the channel's to say.
 */
static inline gsize
cepa_cell_parse (guint8 *data, gsize len, guint link_version, CepaCell *out)
{
  gsize id_len = link_version >= 4 ? 4 : 2, head = id_len + 1, body_len = CEPA_CELL_BODY_LEN;

  if (len < head)
    return 0;
  if (cepa_cell_command_is_variable (data[id_len]))
    {
      if (len < head + 2)
        return 0;
      body_len = (gsize) data[head] << 8 | data[head + 1];
      head += 2;
    }
  if (len < head + body_len)
    return 0;
  out->circuit_id = id_len == 4 ? (guint32) data[0] << 24 | (guint32) data[1] << 16 | (guint32) data[2] << 8 | data[3]
                                : (guint32) data[0] << 8 | data[1];
  out->command = data[id_len];
  out->body = data + head;
  out->body_len = (guint) body_len;
  return head + body_len;
}

/* The bytes of a fixed-length cell on a link of @link_version. */
static inline gsize
cepa_cell_fixed_len (guint link_version)
{
  return (link_version >= 4 ? 5 : 3) + CEPA_CELL_BODY_LEN;
}

/**
 * cepa_cell_write_header:
 * @out: room for CEPA_CELL_MAX_HEADER
 *
 * Returns: the bytes written, 3 or 5. For fixed-length commands only.
 */
static inline gsize
cepa_cell_write_header (guint8 *out, guint link_version, guint32 circuit_id, guint8 command)
{
  gsize n = 0;

  if (link_version >= 4)
    {
      out[n++] = (guint8) (circuit_id >> 24);
      out[n++] = (guint8) (circuit_id >> 16);
    }
  out[n++] = (guint8) (circuit_id >> 8);
  out[n++] = (guint8) circuit_id;
  out[n++] = command;
  return n;
}

G_END_DECLS
