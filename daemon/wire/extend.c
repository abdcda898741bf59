/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/extend.h"

#include <string.h>

#include "base/bytes.h"
#include "base/writer.h"

/* Link specifiers (tor-spec: create-created-cells § EXTEND). */
#define EXTEND_SPEC_IPV4 0
#define EXTEND_SPEC_RSA_ID 2
#define EXTEND_SPEC_ED25519_ID 3

static void
extend_write_specifier_header (CepaWriter *writer, guint8 type, guint8 len)
{
  cepa_writer_u8 (writer, type);
  cepa_writer_u8 (writer, len);
}

static void
extend_write_handshake (CepaWriter *writer, guint16 type, const guint8 *handshake, gsize len)
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
  extend_write_specifier_header (&writer, EXTEND_SPEC_IPV4, 6);
  cepa_writer_u32 (&writer, target->ipv4);
  cepa_writer_u16 (&writer, target->or_port);
  extend_write_specifier_header (&writer, EXTEND_SPEC_RSA_ID, sizeof target->rsa_id);
  cepa_writer_bytes (&writer, target->rsa_id, sizeof target->rsa_id);
  if (name_ed25519)
    {
      extend_write_specifier_header (&writer, EXTEND_SPEC_ED25519_ID, sizeof target->ed25519_id);
      cepa_writer_bytes (&writer, target->ed25519_id, sizeof target->ed25519_id);
    }
  extend_write_handshake (&writer, handshake_type, handshake, handshake_len);
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
  extend_write_handshake (&writer, handshake_type, handshake, handshake_len);
  return !writer.failed;
}
