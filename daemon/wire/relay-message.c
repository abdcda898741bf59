/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/relay-message.h"

#include "base/bytes.h"
#include "crypto/tor1.h"

#define RELAY_IPV4_LEN 4
#define RELAY_IPV6_LEN 16
#define RELAY_CONNECTED_TYPE_IPV6 6
#define RELAY_SENDME_VERSION_TAGGED 1
#define RELAY_MAX_PORT_LEN 6 /* ":65535" */

/* Link specifiers (tor-spec: create-created-cells § EXTEND). */
#define RELAY_SPEC_IPV4 0
#define RELAY_SPEC_RSA_ID 2
#define RELAY_SPEC_ED25519_ID 3

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

static void
relay_write_specifier_header (CepaWriter *writer, guint8 type, guint8 len)
{
  cepa_writer_u8 (writer, type);
  cepa_writer_u8 (writer, len);
}

static void
relay_write_handshake (CepaWriter *writer, guint16 type, const guint8 *handshake, gsize len)
{
  cepa_writer_u16 (writer, type);
  cepa_writer_u16 (writer, (guint16) len);
  cepa_writer_bytes (writer, handshake, len);
}

gsize
cepa_extend2_write (const CepaExtendTarget *target, gboolean with_ed25519, guint16 handshake_type,
                    const guint8 *handshake, gsize handshake_len, guint8 out[CEPA_RELAY_MAX_DATA])
{
  gboolean name_ed25519 = with_ed25519 && target->has_ed25519_id;
  CepaWriter writer;

  cepa_writer_init (&writer, out, CEPA_RELAY_MAX_DATA);
  cepa_writer_u8 (&writer, name_ed25519 ? 3 : 2);
  relay_write_specifier_header (&writer, RELAY_SPEC_IPV4, 6);
  cepa_writer_u32 (&writer, target->ipv4);
  cepa_writer_u16 (&writer, target->or_port);
  relay_write_specifier_header (&writer, RELAY_SPEC_RSA_ID, sizeof target->rsa_id);
  cepa_writer_bytes (&writer, target->rsa_id, sizeof target->rsa_id);
  if (name_ed25519)
    {
      relay_write_specifier_header (&writer, RELAY_SPEC_ED25519_ID, sizeof target->ed25519_id);
      cepa_writer_bytes (&writer, target->ed25519_id, sizeof target->ed25519_id);
    }
  relay_write_handshake (&writer, handshake_type, handshake, handshake_len);
  return writer.failed ? 0 : writer.len;
}

gboolean
cepa_created2_parse (const guint8 *data, gsize len, const guint8 **reply, gsize *reply_len)
{
  CepaReader reader, inner;

  cepa_reader_init (&reader, data, len);
  inner = cepa_reader_sub (&reader, cepa_reader_u16 (&reader));
  if (reader.failed)
    return FALSE;
  *reply = inner.data;
  *reply_len = inner.left;
  return TRUE;
}

gboolean
cepa_create2_write (guint16 handshake_type, const guint8 *handshake, gsize handshake_len,
                    guint8 body[CEPA_CELL_BODY_LEN])
{
  CepaWriter writer;

  memset (body, 0, CEPA_CELL_BODY_LEN);
  cepa_writer_init (&writer, body, CEPA_CELL_BODY_LEN);
  relay_write_handshake (&writer, handshake_type, handshake, handshake_len);
  return !writer.failed;
}
