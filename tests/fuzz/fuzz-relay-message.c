/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses the input as a whole cell body, as each message's data, and writes messages out of it. */
#include <stdint.h>
#include <stdlib.h>

#include "crypto/tor1.h"
#include "wire/extend.h"
#include "wire/relay-message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
require_address (guint8 len)
{
  require (len == 0 || len == 4 || len == 16);
}

/* The data of a message, in an allocation of its own size so that a read beyond it is seen. */
static void
parse_data (const guint8 *data, gsize len)
{
  CepaConnected connected;
  CepaEnd end;
  CepaSendme sendme;
  const guint8 *reply;
  gsize reply_len;

  if (cepa_connected_parse (data, len, &connected))
    require_address (connected.address_len);
  if (cepa_end_parse (data, len, &end))
    {
      require_address (end.address_len);
      require (end.address_len == 0 || end.reason == CEPA_END_EXITPOLICY);
      require (cepa_end_reason_name (end.reason) != NULL);
    }
  if (cepa_sendme_parse (data, len, &sendme) && sendme.tag != NULL)
    require (sendme.version == 1 && sendme.tag == data + 3 && sendme.tag + CEPA_TOR1_TAG_LEN <= data + len);
  if (cepa_created2_parse (data, len, &reply, &reply_len))
    require (reply == data + 2 && reply_len <= len - 2);
}

static void
parse_cell (const guint8 *data, gsize len)
{
  guint8 body[CEPA_CELL_BODY_LEN] = { 0 }, header[CEPA_CELL_BODY_LEN];
  CepaRelayMessage message;
  g_autofree guint8 *copy = NULL;

  memcpy (body, data, MIN (len, sizeof body));
  if (!cepa_relay_message_parse (body, &message))
    return;
  require (message.data == body + CEPA_RELAY_HEADER_LEN && message.len <= CEPA_RELAY_MAX_DATA);
  cepa_relay_message_write_header (header, message.command, message.stream_id, message.len);
  require (header[0] == body[0]);
  require (memcmp (header + 3, body + 3, 2) == 0 && memcmp (header + 9, body + 9, 2) == 0);
  copy = g_memdup2 (message.data, message.len);
  parse_data (copy, message.len);
}

static void
write_begin (const guint8 *data, gsize len)
{
  g_autofree char *host = g_strndup ((const char *) data, len);
  gsize expected = strlen (host) + strlen (":80") + 1 + (strchr (host, ':') != NULL ? 2 : 0);
  guint8 out[CEPA_RELAY_MAX_DATA];

  require (cepa_begin_write (host, 80, 0, out) == (expected <= sizeof out ? expected : 0));
}

static void
write_handshakes (const guint8 *data, gsize len)
{
  CepaExtendTarget target = { .has_ed25519_id = len % 2 == 0 };
  guint8 out[CEPA_RELAY_MAX_DATA], body[CEPA_CELL_BODY_LEN];
  gsize written = cepa_extend2_write (&target, TRUE, 2, data, len, out), reply_len;
  const guint8 *reply;

  require (written <= sizeof out);
  require (written == 0 || memcmp (out + written - len, data, len) == 0);
  if (cepa_create2_write (2, data, len, body))
    {
      require (cepa_created2_parse (body + 2, sizeof body - 2, &reply, &reply_len));
      require (reply_len == len && memcmp (reply, data, len) == 0);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);

  if (size == 0)
    return 0;
  parse_data (copy, size);
  parse_cell (copy, size);
  write_begin (copy, size);
  write_handshakes (copy, size);
  return 0;
}
