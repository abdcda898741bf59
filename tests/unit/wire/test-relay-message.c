/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/extend.h"
#include "wire/relay-message.h"

#include "support/vectors.h"

/* tor-spec: relay-cells: command, recognized, stream id, digest, length. */
static void
test_header (void)
{
  guint8 body[CEPA_CELL_BODY_LEN];
  CepaRelayMessage message = { .command = 0x5a };

  memset (body, 0xee, sizeof body);
  cepa_relay_message_write_header (body, CEPA_RELAY_DATA, 0x0102, CEPA_RELAY_MAX_DATA);
  vector_assert (body, 12, "02 0000 0102 00000000 01f2 ee");
  g_assert_true (cepa_relay_message_parse (body, &message));
  g_assert_cmpuint (message.command, ==, CEPA_RELAY_DATA);
  g_assert_cmpuint (message.stream_id, ==, 0x0102);
  g_assert_cmpuint (message.len, ==, 498);
  g_assert_true (message.data == body + 11);
  g_assert_true (message.data + message.len == body + sizeof body);

  message.command = 0x5a;
  body[10]++;
  g_assert_false (cepa_relay_message_parse (body, &message));
  body[9] = body[10] = 0xff;
  g_assert_false (cepa_relay_message_parse (body, &message));
  g_assert_cmpuint (message.command, ==, 0x5a);
}

/* From C Tor's src/test/test_cell_formats.c, test_cfmt_connected_cells, and Arti's testvec_relaymsg.rs. */
static void
test_connected (void)
{
  static const struct
  {
    const char *body, *address;
    guint32 ttl_s;
  } good[] = {
    { "", "", 0 },
    { "20304050", "20304050", 0 },
    { "1112131415", "11121314", 0 },
    { "0203040500000e10", "02030405", 3600 },
    { "02030405f0000000", "02030405", 0 },
    { "7f00000100000e10", "7f000001", 3600 },
    { "00000000 06 2607f8b0400c0c020000000000000068 00000258", "2607f8b0400c0c020000000000000068", 600 },
    { "00000000 06 2607f8b0400c0c020000000000000068 90000258", "2607f8b0400c0c020000000000000068", 0 },
    { "00000000 06 20010db8000000000000000000001122 00000e10", "20010db8000000000000000000001122", 3600 },
  };
  static const char *const bad[] = {
    "000102",
    "00000000 07 2607f8b0400c0c020000000000000068 90000258",
    "00000000 06 2607f8b0400c0c020000000000000068 000002",
    "00000000",
    "00000000 00000e10",
  };
  CepaConnected connected;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GByteArray) body = vector_bytes (good[i].body);

      memset (&connected, 0x5a, sizeof connected);
      g_assert_true (cepa_connected_parse (body->data, body->len, &connected));
      vector_assert (connected.address, connected.address_len, good[i].address);
      g_assert_cmpuint (connected.ttl_s, ==, good[i].ttl_s);
    }
  connected.address_len = 77;
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GByteArray) body = vector_bytes (bad[i]);

      g_assert_false (cepa_connected_parse (body->data, body->len, &connected));
      g_assert_cmpuint (connected.address_len, ==, 77);
    }
}

/* From Arti's tor-cell/tests/testvec_relaymsg.rs, fn test_end; the lengths are those that C Tor knows. */
static void
test_end (void)
{
  static const struct
  {
    const char *body;
    guint8 reason;
    const char *address;
    guint32 ttl_s;
  } cases[] = {
    { "01", CEPA_END_MISC, "", 0 },
    { "06", CEPA_END_DONE, "", 0 },
    { "ff", 255, "", 0 },
    { "04", CEPA_END_EXITPOLICY, "", 0 },
    { "04 7f000007 00000100", CEPA_END_EXITPOLICY, "7f000007", 256 },
    { "04 7f000007", CEPA_END_EXITPOLICY, "7f000007", 0 },
    { "04 20010db800000000000000000000f00b 00000200", CEPA_END_EXITPOLICY, "20010db800000000000000000000f00b",
      512 },
    { "04 20010db800000000000000000000f00b", CEPA_END_EXITPOLICY, "20010db800000000000000000000f00b", 0 },
    { "04 7f000007 ffffffff", CEPA_END_EXITPOLICY, "7f000007", 0 },
    { "04 7f0000", CEPA_END_EXITPOLICY, "", 0 },
    { "04 7f000007 000001", CEPA_END_EXITPOLICY, "", 0 },
    { "01 7f000007 00000100", CEPA_END_MISC, "", 0 },
  };
  CepaEnd end = { .reason = 77 };

  g_assert_false (cepa_end_parse ((const guint8 *) "", 0, &end));
  g_assert_cmpuint (end.reason, ==, 77);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) body = vector_bytes (cases[i].body);

      memset (&end, 0x5a, sizeof end);
      g_assert_true (cepa_end_parse (body->data, body->len, &end));
      g_assert_cmpuint (end.reason, ==, cases[i].reason);
      vector_assert (end.address, end.address_len, cases[i].address);
      g_assert_cmpuint (end.ttl_s, ==, cases[i].ttl_s);
    }
}

static void
test_end_reasons (void)
{
  static const char *const names[] = {
    "UNKNOWN", "MISC",    "RESOLVEFAILED", "CONNECTREFUSED", "EXITPOLICY",    "DESTROY",
    "DONE",    "TIMEOUT", "NOROUTE",       "HIBERNATING",    "INTERNAL",      "RESOURCELIMIT",
    "CONNRESET", "TORPROTOCOL", "NOTDIRECTORY", "UNKNOWN",
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpstr (cepa_end_reason_name (i), ==, names[i]);
  g_assert_cmpstr (cepa_end_reason_name (255), ==, "UNKNOWN");
}

/* tor-spec: flow-control § SENDME cell format. */
static void
test_sendme (void)
{
  static const char tag[] = "000102030405060708090a0b0c0d0e0f10111213";
  static const char *const bad[] = { "01", "0100", "010014", "0100 13 00 01", "01 0000", "01 0010 ffff" };
  g_autoptr (GByteArray) version_1 = vector_bytes ("01 0014 000102030405060708090a0b0c0d0e0f10111213");
  g_autoptr (GByteArray) longer = vector_bytes ("01 0016 000102030405060708090a0b0c0d0e0f101112131415 ff");
  g_autoptr (GByteArray) shorter = vector_bytes ("01 0013 000102030405060708090a0b0c0d0e0f101112 ff");
  CepaSendme sendme = { .version = 0x5a };

  g_assert_true (cepa_sendme_parse ((const guint8 *) "", 0, &sendme));
  g_assert_cmpuint (sendme.version, ==, 0);
  g_assert_null (sendme.tag);
  g_assert_true (cepa_sendme_parse ((const guint8 *) "\0\0\0", 3, &sendme));
  g_assert_cmpuint (sendme.version, ==, 0);
  g_assert_null (sendme.tag);

  g_assert_true (cepa_sendme_parse (version_1->data, version_1->len, &sendme));
  g_assert_cmpuint (sendme.version, ==, 1);
  vector_assert (sendme.tag, 20, tag);
  g_assert_true (cepa_sendme_parse (longer->data, longer->len, &sendme));
  vector_assert (sendme.tag, 20, tag);

  sendme.version = 0x5a;
  g_assert_false (cepa_sendme_parse (shorter->data, shorter->len, &sendme));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GByteArray) body = vector_bytes (bad[i]);

      g_assert_false (cepa_sendme_parse (body->data, body->len, &sendme));
    }
  for (gsize len = 1; len < version_1->len; len++)
    g_assert_false (cepa_sendme_parse (version_1->data, len, &sendme));
  g_assert_cmpuint (sendme.version, ==, 0x5a);
  g_assert_true (cepa_sendme_parse ((const guint8 *) "\2anything", 9, &sendme));
  g_assert_cmpuint (sendme.version, ==, 2);
  g_assert_null (sendme.tag);
}

/* From Arti's tor-cell/tests/testvec_relaymsg.rs, fn test_begin. */
static void
test_begin (void)
{
  static const struct
  {
    const char *host;
    guint16 port;
    guint32 flags;
    const char *expected;
  } cases[] = {
    { "127.0.0.1", 7003, 0, "3132372e302e302e313a3730303300" },
    { "www.xkcd.com", 443, 3, "7777772e786b63642e636f6d3a34343300 00000003" },
    { "2001:db8::1", 22, 0, "5b323030313a6462383a3a315d3a323200" },
    { "a", 65535, 0, "613a363535333500" },
    { "a", 1, 0x80000001, "613a3100 80000001" },
    { "", 80, 0, "3a383000" },
  };
  guint8 out[CEPA_RELAY_MAX_DATA];
  char host[512];

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gsize len = cepa_begin_write (cases[i].host, cases[i].port, cases[i].flags, out);

      vector_assert (out, len, cases[i].expected);
    }
  memset (host, 'a', sizeof host);
  host[498 - 7 - 4] = '\0';
  g_assert_cmpuint (cepa_begin_write (host, 65535, 1, out), ==, 498);
  host[498 - 7 - 4] = 'a';
  host[498 - 7 - 3] = '\0';
  g_assert_cmpuint (cepa_begin_write (host, 65535, 1, out), ==, 0);
  g_assert_cmpuint (cepa_begin_write (host, 65535, 0, out), ==, 495);
}

/* Arti's testvec_relaymsg.rs, fn test_extend2; then C Tor's order and values (test_cfmt_extend_cells). */
static void
test_extend2 (void)
{
  static const char handshake_hex[] =
    "03479e93ebf3ff2c58c1c9dbf2de9de9c2801b3e36a3e0bdb1f1a10579820243dd2e228b902940eb49ef842646e3926768c28410"
    "074bee50a535116d657c6bfb7e5114119dc69f05df907ef62002ea782b0a357f";
  g_autoptr (GByteArray) handshake = vector_bytes (handshake_hex), expected = NULL;
  CepaExtendTarget target = { .ipv4 = 0x7f000001, .or_port = 5000 };
  guint8 out[CEPA_RELAY_MAX_DATA], filler[CEPA_RELAY_MAX_DATA] = { 0 };
  gsize len;

  vector_fill ("03479e93ebf3ff2c58c1c9dbf2de9de9c2801b3e", target.rsa_id, sizeof target.rsa_id);
  len = cepa_extend2_write (&target, TRUE, 2, handshake->data, handshake->len, out);
  expected = vector_bytes ("02 00 06 7f0000011388 02 14 03479e93ebf3ff2c58c1c9dbf2de9de9c2801b3e 0002 0054");
  g_byte_array_append (expected, handshake->data, handshake->len);
  g_assert_cmpmem (out, len, expected->data, expected->len);

  target.ipv4 = 0x12f40001;
  target.or_port = 61681;
  target.has_ed25519_id = TRUE;
  memcpy (target.rsa_id, "anthropomorphization", 20);
  memcpy (target.ed25519_id, "brownshoesdontmakeit/brownshoesd", 32);
  len = cepa_extend2_write (&target, TRUE, 0x0105, (const guint8 *) "hand", 4, out);
  vector_assert (out, len,
                 "03 0006 12f40001f0f1 0214 616e7468726f706f6d6f727068697a6174696f6e"
                 "0320 62726f776e73686f6573646f6e746d616b6569742f62726f776e73686f657364 0105 0004 68616e64");
  len = cepa_extend2_write (&target, FALSE, 0x0105, (const guint8 *) "hand", 4, out);
  vector_assert (out, len,
                 "02 0006 12f40001f0f1 0214 616e7468726f706f6d6f727068697a6174696f6e 0105 0004 68616e64");

  g_assert_cmpuint (cepa_extend2_write (&target, FALSE, 2, filler, 498 - 35, out), ==, 498);
  g_assert_cmpuint (cepa_extend2_write (&target, FALSE, 2, filler, 498 - 34, out), ==, 0);
}

/* From Arti's testvec_relaymsg.rs, fn test_extended2. */
static void
test_created2 (void)
{
  static const char reply_hex[] = "0026619058eb2661834d54c2624828728f28915587cdad1ad3373b85f33a480e"
                                  "ea9d3b2cef8d39c1dbd2fa519e75296b96960690c79a28d6a0d9454f8e9634bd";
  g_autoptr (GByteArray) body = vector_bytes ("0040");
  g_autoptr (GByteArray) reply_bytes = vector_bytes (reply_hex);
  const guint8 *reply = NULL;
  gsize reply_len = 77;

  g_byte_array_append (body, reply_bytes->data, reply_bytes->len);
  for (gsize len = 0; len < body->len; len++)
    g_assert_false (cepa_created2_parse (body->data, len, &reply, &reply_len));
  g_assert_null (reply);
  g_assert_cmpuint (reply_len, ==, 77);
  g_assert_true (cepa_created2_parse (body->data, body->len, &reply, &reply_len));
  vector_assert (reply, reply_len, reply_hex);
  g_byte_array_append (body, (const guint8 *) "\0\0", 2);
  g_assert_true (cepa_created2_parse (body->data, body->len, &reply, &reply_len));
  vector_assert (reply, reply_len, reply_hex);
  g_assert_true (cepa_created2_parse ((const guint8 *) "\0\0", 2, &reply, &reply_len));
  g_assert_cmpuint (reply_len, ==, 0);
}

static void
test_create2 (void)
{
  guint8 body[CEPA_CELL_BODY_LEN], handshake[CEPA_CELL_BODY_LEN];

  memset (handshake, 0xab, sizeof handshake);
  memset (body, 0x5a, sizeof body);
  g_assert_true (cepa_create2_write (2, handshake, 84, body));
  vector_assert (body, 5, "0002 0054 ab");
  g_assert_cmpuint (body[4 + 83], ==, 0xab);
  for (guint i = 4 + 84; i < sizeof body; i++)
    g_assert_cmpuint (body[i], ==, 0);
  g_assert_true (cepa_create2_write (2, handshake, 505, body));
  vector_assert (body, 5, "0002 01f9 ab");
  g_assert_cmpuint (body[508], ==, 0xab);
  g_assert_false (cepa_create2_write (2, handshake, 506, body));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/relay-message/header", test_header);
  g_test_add_func ("/wire/relay-message/connected", test_connected);
  g_test_add_func ("/wire/relay-message/end", test_end);
  g_test_add_func ("/wire/relay-message/end-reasons", test_end_reasons);
  g_test_add_func ("/wire/relay-message/sendme", test_sendme);
  g_test_add_func ("/wire/relay-message/begin", test_begin);
  g_test_add_func ("/wire/relay-message/extend2", test_extend2);
  g_test_add_func ("/wire/relay-message/created2", test_created2);
  g_test_add_func ("/wire/relay-message/create2", test_create2);
  return g_test_run ();
}
