/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/authority.h"

#include <string.h>

#include "base/error.h"
#include "maker.h"

#define FINGERPRINT "1A25C6358DB91342AA51720A5038B72742732498"
#define V3IDENT "F533C81CEF0BC0267857C99B2F471ADF249FA232"

static const guint8 fingerprint[20] = {
  0x1a, 0x25, 0xc6, 0x35, 0x8d, 0xb9, 0x13, 0x42, 0xaa, 0x51,
  0x72, 0x0a, 0x50, 0x38, 0xb7, 0x27, 0x42, 0x73, 0x24, 0x98,
};

/* moria1 as in C Tor 0.4.9.11's src/app/config/auth_dirs.inc, with an IPv6 address of the documentation's. */
static void
test_full_line (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaDirectorySource) source = NULL;

  source = cepa_directory_source_parse_authority (
    "moria1 orport=9201 v3ident=" V3IDENT " ipv6=[2001:db8::1]:9202 weight=0.5 no-v2 hs 128.31.0.39:9231 "
    "1A25 C635 8DB9 1342 AA51 720A 5038 B727 4273 2498", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (source->nickname, ==, "moria1");
  g_assert_true (source->is_authority);
  g_assert_true (source->is_v3);
  g_assert_cmpmem (source->rsa_id, 20, fingerprint, 20);
  g_assert_cmpuint (source->v3_id[0], ==, 0xf5);
  g_assert_cmpuint (source->v3_id[19], ==, 0x32);
  g_assert_cmphex (source->ipv4, ==, 0x801f0027);
  g_assert_cmpuint (source->or_port, ==, 9201);
  g_assert_cmpuint (source->dir_port, ==, 9231);
  g_assert_true (source->has_ipv6);
  g_assert_cmpuint (source->ipv6[15], ==, 1);
  g_assert_cmpuint (source->ipv6_port, ==, 9202);
  g_assert_cmpfloat (source->weight, ==, 0.5);
}

static void
test_short_line (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaDirectorySource) source = NULL;

  source = cepa_directory_source_parse_authority ("orport=443 bridge 1.2.3.4:80 " FINGERPRINT, &error);
  g_assert_no_error (error);
  g_assert_null (source->nickname);
  g_assert_true (source->is_authority);
  g_assert_false (source->is_v3);
  g_assert_false (source->has_ipv6);
  g_assert_cmpfloat (source->weight, ==, 1.0);
}

static void
test_refused_authorities (void)
{
  static const struct
  {
    const char *line;
    const char *reason;
  } cases[] = {
    { "", "no address" },
    { "moria1", "no address" },
    { "moria1 orport=1 v3ident=" V3IDENT, "no address" },
    { "moria1 orport=0 1.2.3.4:80 " FINGERPRINT, "\"orport=0\" is not a valid orport" },
    { "moria1 orport=65536 1.2.3.4:80 " FINGERPRINT, "not a valid orport" },
    { "moria1 1.2.3.4:80 " FINGERPRINT, "no orport=" },
    { "moria1 orport=1 v3ident=12 1.2.3.4:80 " FINGERPRINT, "\"v3ident=12\" is not a valid v3ident" },
    { "moria1 orport=1 v3iden=" V3IDENT " 1.2.3.4:80 " FINGERPRINT, "unknown flag \"v3iden=" },
    { "moria1 orport=1 speedy 1.2.3.4:80 " FINGERPRINT, "unknown flag \"speedy\"" },
    { "moria1 orport=1 ipv6=1.2.3.4:80 1.2.3.4:80 " FINGERPRINT, "not a valid ipv6" },
    { "moria1 orport=1 weight=-1 1.2.3.4:80 " FINGERPRINT, "not a valid weight" },
    { "moria1 orport=1 weight=nan 1.2.3.4:80 " FINGERPRINT, "not a valid weight" },
    { "moria1 orport=1 weight=1e999 1.2.3.4:80 " FINGERPRINT, "not a valid weight" },
    { "moria1 orport=1 1.2.3.4 " FINGERPRINT, "\"1.2.3.4\" is not ADDRESS:PORT" },
    { "moria1 orport=1 1.2.3.4:0 " FINGERPRINT, "is not ADDRESS:PORT" },
    { "moria1 orport=1 1.2.3.256:80 " FINGERPRINT, "is not ADDRESS:PORT" },
    { "moria1 orport=1 1.2.3.4:80", "is not 40 hexadecimal digits" },
    { "moria1 orport=1 1.2.3.4:80 1A25C6358DB91342AA51720A5038B7274273249", "is not 40 hexadecimal digits" },
    { "moria1 orport=1 1.2.3.4:80 " FINGERPRINT "FF", "is not 40 hexadecimal digits" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cepa_directory_source_parse_authority (cases[i].line, &error));
      maker_assert_error (error, CEPA_ERROR_CONFIG, cases[i].reason);
      g_assert_true (g_str_has_prefix (error->message, "DirAuthority: "));
    }
}

static void
test_fallback (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaDirectorySource) full = NULL;
  g_autoptr (CepaDirectorySource) brief = NULL;

  full = cepa_directory_source_parse_fallback (
    "128.31.0.39:9231 orport=9201 id=" FINGERPRINT " ipv6=[2001:db8::1]:9202 weight=3 later=1", &error);
  g_assert_no_error (error);
  g_assert_null (full->nickname);
  g_assert_false (full->is_authority);
  g_assert_cmpmem (full->rsa_id, 20, fingerprint, 20);
  g_assert_cmpuint (full->dir_port, ==, 9231);
  g_assert_true (full->has_ipv6);
  g_assert_cmpfloat (full->weight, ==, 3.0);

  brief = cepa_directory_source_parse_fallback ("id=" FINGERPRINT " 1.2.3.4 orport=9001", &error);
  g_assert_no_error (error);
  g_assert_cmphex (brief->ipv4, ==, 0x01020304);
  g_assert_cmpuint (brief->or_port, ==, 9001);
  g_assert_cmpuint (brief->dir_port, ==, 0);
}

static void
test_refused_fallbacks (void)
{
  static const struct
  {
    const char *line;
    const char *reason;
  } cases[] = {
    { "", "no address" },
    { "1.2.3.4:80 id=" FINGERPRINT, "no orport=" },
    { "1.2.3.4:80 orport=1", "no id=" },
    { "1.2.3.4:80 orport=1 id=0000000000000000000000000000000000000000", "no id=" },
    { "1.2.3.4:80 orport=1 id=12", "\"id=12\" is not a valid id" },
    { "1.2.3.4:80 5.6.7.8:80 orport=1 id=" FINGERPRINT, "more than one address" },
    { "host.example:80 orport=1 id=" FINGERPRINT, "is not ADDRESS" },
    { "1.2.3.4:x orport=1 id=" FINGERPRINT, "is not ADDRESS" },
    { "1.2.3.4:80 orport=1 ipv6=[::1] id=" FINGERPRINT, "not a valid ipv6" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cepa_directory_source_parse_fallback (cases[i].line, &error));
      maker_assert_error (error, CEPA_ERROR_CONFIG, cases[i].reason);
      g_assert_true (g_str_has_prefix (error->message, "FallbackDir: "));
    }
}

static void
test_too_long (void)
{
  g_autofree char *line = g_strnfill (5000, 'a');
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_directory_source_parse_authority (line, &error));
  maker_assert_error (error, CEPA_ERROR_CONFIG, "more than 4096 bytes");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/netdoc/authority/full-line", test_full_line);
  g_test_add_func ("/netdoc/authority/short-line", test_short_line);
  g_test_add_func ("/netdoc/authority/refused-authorities", test_refused_authorities);
  g_test_add_func ("/netdoc/authority/fallback", test_fallback);
  g_test_add_func ("/netdoc/authority/refused-fallbacks", test_refused_fallbacks);
  g_test_add_func ("/netdoc/authority/too-long", test_too_long);
  return g_test_run ();
}
