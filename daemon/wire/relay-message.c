/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/relay-message.h"

#include "base/bytes.h"
#include "base/writer.h"
#include "crypto/tor1.h"

#define RELAY_IPV4_LEN 4
#define RELAY_IPV6_LEN 16
#define RELAY_CONNECTED_TYPE_IPV6 6
#define RELAY_SENDME_VERSION_TAGGED 1
#define RELAY_MAX_PORT_LEN 6 /* ":65535" */

const char *
cepa_end_reason_name (guint reason)
{
  static const char *const names[] = {
    [CEPA_END_MISC] = "MISC",
    [CEPA_END_RESOLVEFAILED] = "RESOLVEFAILED",
    [CEPA_END_CONNECTREFUSED] = "CONNECTREFUSED",
    [CEPA_END_EXITPOLICY] = "EXITPOLICY",
    [CEPA_END_DESTROY] = "DESTROY",
    [CEPA_END_DONE] = "DONE",
    [CEPA_END_TIMEOUT] = "TIMEOUT",
    [CEPA_END_NOROUTE] = "NOROUTE",
    [CEPA_END_HIBERNATING] = "HIBERNATING",
    [CEPA_END_INTERNAL] = "INTERNAL",
    [CEPA_END_RESOURCELIMIT] = "RESOURCELIMIT",
    [CEPA_END_CONNRESET] = "CONNRESET",
    [CEPA_END_TORPROTOCOL] = "TORPROTOCOL",
    [CEPA_END_NOTDIRECTORY] = "NOTDIRECTORY",
  };

  return reason < G_N_ELEMENTS (names) && names[reason] != NULL ? names[reason] : "UNKNOWN";
}

/* A TTL that says nothing credible counts as none. */
static guint32
relay_read_ttl (CepaReader *reader)
{
  guint32 ttl_s = cepa_reader_u32 (reader);

  return ttl_s <= G_MAXINT32 ? ttl_s : 0;
}

/* Zeros in the place of the IPv4 address say that the IPv6 form follows. */
gboolean
cepa_connected_parse (const guint8 *data, gsize len, CepaConnected *out)
{
  static const guint8 zeros[RELAY_IPV4_LEN] = { 0 };
  CepaConnected connected = { 0 };
  CepaReader reader;
  const guint8 *ipv4;

  cepa_reader_init (&reader, data, len);
  if (len == 0)
    {
      *out = connected;
      return TRUE;
    }
  ipv4 = cepa_reader_take (&reader, RELAY_IPV4_LEN);
  if (ipv4 == NULL)
    return FALSE;
  if (memcmp (ipv4, zeros, sizeof zeros) != 0)
    {
      connected.address_len = RELAY_IPV4_LEN;
      memcpy (connected.address, ipv4, RELAY_IPV4_LEN);
      /* C Tor takes the address without a TTL behind it, so there may be relays that send it. */
      connected.ttl_s = relay_read_ttl (&reader);
    }
  else
    {
      guint8 type = cepa_reader_u8 (&reader);

      connected.address_len = RELAY_IPV6_LEN;
      cepa_reader_copy (&reader, connected.address, RELAY_IPV6_LEN);
      connected.ttl_s = relay_read_ttl (&reader);
      if (reader.failed || type != RELAY_CONNECTED_TYPE_IPV6)
        return FALSE;
    }
  *out = connected;
  return TRUE;
}

/* The address behind EXITPOLICY is optional, and so is the TTL behind it; other lengths are no address. */
gboolean
cepa_end_parse (const guint8 *data, gsize len, CepaEnd *out)
{
  CepaEnd end = { 0 };
  CepaReader reader;

  cepa_reader_init (&reader, data, len);
  end.reason = cepa_reader_u8 (&reader);
  if (reader.failed)
    return FALSE;
  if (end.reason == CEPA_END_EXITPOLICY)
    {
      gsize left = reader.left;

      if (left == RELAY_IPV4_LEN || left == RELAY_IPV4_LEN + 4)
        end.address_len = RELAY_IPV4_LEN;
      else if (left == RELAY_IPV6_LEN || left == RELAY_IPV6_LEN + 4)
        end.address_len = RELAY_IPV6_LEN;
      cepa_reader_copy (&reader, end.address, end.address_len);
      if (end.address_len > 0)
        end.ttl_s = relay_read_ttl (&reader);
    }
  *out = end;
  return TRUE;
}

/* tor-spec: flow-control: of a longer tag the first 20 bytes count, a shorter one is malformed. */
gboolean
cepa_sendme_parse (const guint8 *data, gsize len, CepaSendme *out)
{
  CepaSendme sendme = { 0 };
  CepaReader reader;

  cepa_reader_init (&reader, data, len);
  if (len > 0)
    sendme.version = cepa_reader_u8 (&reader);
  if (sendme.version == RELAY_SENDME_VERSION_TAGGED)
    {
      gsize tag_len = cepa_reader_u16 (&reader);

      sendme.tag = cepa_reader_take (&reader, tag_len);
      if (sendme.tag == NULL || tag_len < CEPA_TOR1_TAG_LEN)
        return FALSE;
    }
  *out = sendme;
  return TRUE;
}

gsize
cepa_begin_write (const char *host, guint16 port, guint32 flags, guint8 out[CEPA_RELAY_MAX_DATA])
{
  gboolean is_ipv6 = strchr (host, ':') != NULL;
  char port_text[RELAY_MAX_PORT_LEN + 1];
  CepaWriter writer;

  g_snprintf (port_text, sizeof port_text, ":%u", port);
  cepa_writer_init (&writer, out, CEPA_RELAY_MAX_DATA);
  if (is_ipv6)
    cepa_writer_u8 (&writer, '[');
  cepa_writer_bytes (&writer, host, strlen (host));
  if (is_ipv6)
    cepa_writer_u8 (&writer, ']');
  cepa_writer_bytes (&writer, port_text, strlen (port_text) + 1);
  if (flags != 0)
    cepa_writer_u32 (&writer, flags);
  return writer.failed ? 0 : writer.len;
}
