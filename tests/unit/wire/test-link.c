/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/link.h"

#include <string.h>

#include "base/error.h"
#include "support/link-vector.h"
#include "support/vectors.h"

/* The client's cell is in Arti's tor-proto/src/channel/handshake.rs, VERSIONS. */
static void
test_versions (void)
{
  static const struct
  {
    const char *body;
    guint chosen;
  } cases[] = {
    { "000300040005", 5 }, { "0003", 3 },         { "0004", 4 },   { "00040003", 4 }, { "00050003", 5 },
    { "", 0 },             { "00", 0 },           { "000300", 0 }, { "0002", 0 },     { "0006", 0 },
    { "1234ffff", 0 },     { "000600030000", 3 }, { "0103", 0 },
  };
  guint8 cell[11];

  g_assert_cmpuint (cepa_versions_write (cell), ==, 11);
  vector_assert (cell, sizeof cell, "0000 07 0006 0003 0004 0005");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) body = vector_bytes (cases[i].body);

      g_assert_cmpuint (cepa_versions_choose (body->data, body->len), ==, cases[i].chosen);
    }
}

static void
test_certs (void)
{
  static const guint8 types[] = { 1, 2, 4, 5, 7 };
  g_autoptr (GByteArray) body = vector_bytes (link_vector_certs);
  g_autoptr (GError) error = NULL;
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  const guint8 *end = body->data + 1;
  guint n = 0;

  g_assert_true (cepa_certs_parse (body->data, body->len, certs, &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, body->data[0]);
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (types));
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpuint (certs[i].type, ==, types[i]);
      g_assert_true (certs[i].data == end + 3);
      end = certs[i].data + certs[i].len;
    }
  g_assert_true (end == body->data + body->len);
}

static void
check_certs_refused (const guint8 *body, gsize len)
{
  g_autoptr (GError) error = NULL;
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  guint n = 77;

  g_assert_false (cepa_certs_parse (body, len, certs, &n, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
  g_assert_cmpuint (n, ==, 77);
}

static void
test_certs_refused (void)
{
  g_autoptr (GByteArray) body = vector_bytes (link_vector_certs);
  guint8 many[1 + 3 * (CEPA_LINK_MAX_CERTS + 1)] = { CEPA_LINK_MAX_CERTS };
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  guint n;

  for (gsize len = 0; len < body->len; len++)
    check_certs_refused (body->data, len);
  g_assert_true (cepa_certs_parse (many, sizeof many, certs, &n, NULL));
  g_assert_cmpuint (n, ==, CEPA_LINK_MAX_CERTS);
  many[0]++;
  check_certs_refused (many, sizeof many);
}

/* No certificate is a CERTS cell too; what is behind the last one is for versions to come. */
static void
test_certs_edges (void)
{
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  guint n = 77;

  g_assert_true (cepa_certs_parse ((const guint8 *) "\0", 1, certs, &n, NULL));
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (cepa_certs_parse ((const guint8 *) "\1\x63\0\2ab+", 7, certs, &n, NULL));
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpuint (certs[0].type, ==, 99);
  g_assert_cmpmem (certs[0].data, certs[0].len, "ab", 2);
}

static void
test_auth_challenge (void)
{
  g_autoptr (GByteArray) body = vector_bytes (link_vector_auth_challenge);
  guint n = 77;

  for (gsize len = 0; len < body->len; len++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_auth_challenge_parse (body->data, len, &n, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
      g_assert_cmpuint (n, ==, 77);
    }
  g_assert_true (cepa_auth_challenge_parse (body->data, body->len, &n, NULL));
  g_assert_cmpuint (n, ==, 1);
}

/* The longest list of methods: 65535 of them are more than a cell holds. */
static void
test_auth_challenge_long (void)
{
  g_autofree guint8 *body = g_malloc0 (65535);
  guint n;

  body[32] = body[33] = 0xff;
  g_assert_false (cepa_auth_challenge_parse (body, 65535, &n, NULL));
  body[32] = (65535 - 34) / 2 >> 8;
  body[33] = (65535 - 34) / 2 & 0xff;
  g_assert_true (cepa_auth_challenge_parse (body, 65535, &n, NULL));
  g_assert_cmpuint (n, ==, (65535 - 34) / 2);
}

/* What a relay of C Tor 0.4.9.11 sent, and NETINFO_PREFIX_WITH_TIME of Arti's channel/handshake.rs. */
static void
test_netinfo (void)
{
  g_autoptr (GByteArray) body = vector_bytes ("6b030abb 04 04 7f000001 00");
  g_autoptr (GError) error = NULL;
  CepaNetinfo netinfo;

  g_byte_array_set_size (body, CEPA_CELL_BODY_LEN);
  memset (body->data + 11, 0, CEPA_CELL_BODY_LEN - 11);
  g_assert_true (cepa_netinfo_parse (body->data, body->len, &netinfo, &error));
  g_assert_no_error (error);
  g_assert_cmpint (netinfo.timestamp_s, ==, 0x6b030abb);
  g_assert_cmpmem (netinfo.ours.bytes, netinfo.ours.len, "\x7f\0\0\1", 4);
  g_assert_cmpuint (netinfo.n_theirs, ==, 0);

  g_clear_pointer (&body, g_byte_array_unref);
  body = vector_bytes ("48949290 04 04 7f000002 01 04 04 7f000003");
  g_assert_true (cepa_netinfo_parse (body->data, body->len, &netinfo, &error));
  g_assert_cmpint (netinfo.timestamp_s, ==, 0x48949290);
  g_assert_cmpmem (netinfo.ours.bytes, netinfo.ours.len, "\x7f\0\0\2", 4);
  g_assert_cmpuint (netinfo.n_theirs, ==, 1);
  g_assert_cmpmem (netinfo.theirs[0].bytes, netinfo.theirs[0].len, "\x7f\0\0\3", 4);
  for (gsize len = 0; len < body->len; len++)
    {
      g_assert_false (cepa_netinfo_parse (body->data, len, &netinfo, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
      g_clear_error (&error);
    }
}

/* IPv6; an unknown type and known types with lengths that are not theirs are kept as nothing. */
static void
test_netinfo_addresses (void)
{
  g_autoptr (GByteArray) body = vector_bytes ("ffffffff 06 10 20010db8000000000000000000001122"
                                              "05 00 00 f0 03 616263 04 10 20010db8000000000000000000001122"
                                              "06 04 7f000001 04 04 01020304");
  CepaNetinfo netinfo;

  g_assert_true (cepa_netinfo_parse (body->data, body->len, &netinfo, NULL));
  g_assert_cmpint (netinfo.timestamp_s, ==, G_MAXUINT32);
  vector_assert (netinfo.ours.bytes, netinfo.ours.len, "20010db8000000000000000000001122");
  g_assert_cmpuint (netinfo.n_theirs, ==, 5);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (netinfo.theirs[i].len, ==, 0);
  vector_assert (netinfo.theirs[4].bytes, netinfo.theirs[4].len, "01020304");
}

/* More addresses than there is room for are read and left out. */
static void
test_netinfo_many (void)
{
  guint8 body[CEPA_CELL_BODY_LEN] = { 0, 0, 0, 0, 4, 4, 1, 2, 3, 4, 60 };
  CepaNetinfo netinfo;

  for (guint8 i = 0; i < 60; i++)
    memcpy (body + 11 + 6 * i, (guint8[]){ 4, 4, 10, 0, 0, i }, 6);
  g_assert_true (cepa_netinfo_parse (body, sizeof body, &netinfo, NULL));
  g_assert_cmpuint (netinfo.n_theirs, ==, 16);
  g_assert_cmpmem (netinfo.theirs[15].bytes, 4, "\xa\0\0\xf", 4);
  body[10] = 255;
  memset (body + 11 + 6 * 60, 255, sizeof body - 11 - 6 * 60);
  g_assert_false (cepa_netinfo_parse (body, sizeof body, &netinfo, NULL));
}

static void
test_netinfo_write (void)
{
  static const struct
  {
    CepaNetinfoAddress peer;
    const char *head;
  } cases[] = {
    { { 4, { 127, 0, 0, 2 } }, "00000000 04 04 7f000002 00" },
    { { 16, { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, "00000000 06 10 20010db8000000000000000000000001 00" },
    { { 0, { 0 } }, "00000000 04 04 00000000 00" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) expected = vector_bytes (cases[i].head);
      guint head_len = expected->len;
      guint8 body[CEPA_CELL_BODY_LEN];

      g_byte_array_set_size (expected, CEPA_CELL_BODY_LEN);
      memset (expected->data + head_len, 0, CEPA_CELL_BODY_LEN - head_len);
      memset (body, 0x5a, sizeof body);
      cepa_netinfo_write (&cases[i].peer, body);
      g_assert_cmpmem (body, sizeof body, expected->data, expected->len);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/link/versions", test_versions);
  g_test_add_func ("/wire/link/certs", test_certs);
  g_test_add_func ("/wire/link/certs-refused", test_certs_refused);
  g_test_add_func ("/wire/link/certs-edges", test_certs_edges);
  g_test_add_func ("/wire/link/auth-challenge", test_auth_challenge);
  g_test_add_func ("/wire/link/auth-challenge-long", test_auth_challenge_long);
  g_test_add_func ("/wire/link/netinfo", test_netinfo);
  g_test_add_func ("/wire/link/netinfo-addresses", test_netinfo_addresses);
  g_test_add_func ("/wire/link/netinfo-many", test_netinfo_many);
  g_test_add_func ("/wire/link/netinfo-write", test_netinfo_write);
  return g_test_run ();
}
