/* SPDX-License-Identifier: BSD-3-Clause */
/* Consensus diffs: C Tor's cases (0.4.9.11, src/test/test_consdiff.c), and diffs that are made to do harm. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"
#include "netdoc/consensus-diff.h"

#define VERSION "network-status-diff-version 1\n"
#define FIVE "A\nB\nC\nD\nE\n"

/* test_consdiff_apply_diff. Its "from" hash there is of the whole text, which a real diff never has. */
#define BASE "network-status-version foo\nr name ccccccccccccccccc etc\nfoo\nr name eeeeeeeeeeeeeeeee etc\nbar\n" \
             "directory-signature foo bar\nbar\n"
#define TARGET "network-status-version foo\nr name ccccccccccccccccc etc\nsample\nr name eeeeeeeeeeeeeeeee etc\nbar\n" \
               "directory-signature foo bar\nbar\n"
/* Of "network-status-version ... directory-signature ", by Python's hashlib. */
#define BASE_HASH "95D70F5A3CC65F920AA8B44C4563D7781A082674329661884E19E94B79D539C2"
#define TARGET_HASH "90A418881B2FCAB3D9E60EE02E4D666D56CFA38F8A3B7AA3E0ADBA530DDA9353"
#define OTHER_HASH "3333333333333333333333333333333333333333333333333333333333333333"

static GBytes *
bytes (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static char *
hash (GBytes *text)
{
  guint8 digest[32];
  gsize len;
  const void *data = g_bytes_get_data (text, &len);

  cepa_sha3_256 (data, len, digest);
  return cepa_hex_encode (digest, sizeof digest);
}

/* Applies @commands to @base; the head says that @base becomes @result. */
static GBytes *
apply (const char *base, const char *commands, const char *result, GError **error)
{
  g_autoptr (GBytes) from = bytes (base), to = bytes (result), diff = NULL;
  g_autofree char *from_hash = NULL, *to_hash = hash (to), *text = NULL;
  guint8 digest[32];

  cepa_consensus_diff_base_digest (from, digest);
  from_hash = cepa_hex_encode (digest, sizeof digest);
  text = g_strdup_printf (VERSION "hash %s %s\n%s", from_hash, to_hash, commands);
  diff = bytes (text);
  return cepa_consensus_diff_apply (from, diff, error);
}

static void
check (const char *base, const char *commands, const char *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) got = apply (base, commands, result, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (got, NULL), g_bytes_get_size (got), result, strlen (result));
}

static void
check_refused_of (const char *base, const char *commands, const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) got = apply (base, commands, "", &error);

  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  if (strstr (error->message, why) == NULL)
    g_error ("\"%s\": \"%s\", not \"%s\"", commands, error->message, why);
}

static void
check_refused (const char *commands, const char *why)
{
  check_refused_of (FIVE, commands, why);
}

/* test_consdiff_apply_ed_diff */
static void
test_commands (void)
{
  check (FIVE, "3a\nU\nO\n.\n0a\nV\n.\n", "V\nA\nB\nC\nU\nO\nD\nE\n");
  check (FIVE, "4d\n1,2d\n", "C\nE\n");
  check (FIVE, "4c\nT\nX\n.\n1,2c\nM\n.\n", "M\nC\nT\nX\nE\n");
  check (FIVE, "4c\nT\nX\n.\n2d\n0a\nM\n.\n", "M\nA\nC\nT\nX\nE\n");
}

static void
test_more_commands (void)
{
  check (FIVE, "", FIVE);
  check (FIVE, "2,$d\n", "A\n");
  check (FIVE, "5,$d\n", "A\nB\nC\nD\n");
  check (FIVE, "1,$d\n", "");
  check (FIVE, "4,$d\n3a\nlast\n.\n", "A\nB\nC\nlast\n");
  check (FIVE, "5a\nF\n.\n", "A\nB\nC\nD\nE\nF\n");
  check (FIVE, "1,5c\n..\n. \n\n.\n", "..\n. \n\n");
  check (FIVE, "3a\nX\n.\n3d\n", "A\nB\nX\nD\nE\n");
  check (FIVE, "2a\nsecond\n.\n2a\nfirst\n.\n", "A\nB\nfirst\nsecond\nC\nD\nE\n");
  check (FIVE, "00000000000003d\n", "A\nB\nD\nE\n");
}

/* test_consdiff_apply_ed_diff: each of its refusals. */
static void
test_refused (void)
{
  check_refused ("a\n", "without a number");
  check_refused ("1\n", "not one letter");
  check_refused ("1,\n", "range without an end");
  check_refused ("1,1\n", "ends before it begins");
  check_refused ("3,2\n", "ends before it begins");
  check_refused ("1,2a\n", "\"a\" behind a range");
  check_refused ("1,$c\n", "\"$\"");
  check_refused ("1d\n3d\n", "from back to front");
  check_refused ("1foo\n", "not one letter");
  check_refused ("1e\n", "other than a, c and d");
  check_refused ("0a\n", "does not end with \".\"");
  check_refused ("0a\n.\n", "inserts nothing");
  check_refused ("0a\nhello\n", "does not end with \".\"");
  check_refused ("0, 4d\n", "range without an end");
  check_refused ("+0,4d\n", "without a number");
  check_refused ("0,4d,5d\n", "not one letter");
  check_refused ("0,4 d\n", "not one letter");
  check_refused ("0,4 5d\n", "not one letter");
}

static void
test_hostile (void)
{
  static const char *const huge[] = { "2147483648d\n", "4294967296d\n", "99999999999999999999999999d\n" };
  g_autofree char *digits = g_strnfill (200, '1'), *longest = g_strconcat (digits, "d\n", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (huge); i++)
    check_refused (huge[i], "without a number");
  check_refused (longest, "more than 127 bytes");
  check_refused ("2147483647d\n", "beyond the end");
  check_refused ("2147483647a\nX\n.\n", "beyond the end");
  check_refused ("1,2147483647c\nX\n.\n", "beyond the end");
  check_refused ("6d\n", "beyond the end");
  check_refused ("6,$d\n", "beyond the end");
  check_refused ("6a\nX\n.\n", "beyond the end");
  check_refused ("5,6d\n", "beyond the end");
  check_refused ("0d\n", "line 0");
  check_refused ("0,$d\n", "line 0");
  check_refused ("0c\nX\n.\n", "line 0");
  check_refused ("3d\n3d\n", "from back to front");
  check_refused ("3d\n2,3d\n", "from back to front");
  check_refused ("3c\nX\n.\n3a\nX\n.\n", "from back to front");
  check_refused ("4,5d\n3,4d\n", "from back to front");
  check_refused ("5d\n1,$d\n", "from back to front");
  check_refused ("1,$d\n1,$d\n", "from back to front");
  check_refused ("\n", "without a number");
  check_refused (".\n", "without a number");
  check_refused ("1a\nX\n", "does not end with \".\"");
  check_refused ("1d", "cut off");
  check_refused ("1D\n", "other than a, c and d");
  check_refused ("3d\n", "announced hash");
  check_refused_of ("A", "1d\n", "cut off");
  check_refused_of ("", "0a\nX\n.\n", "cut off");
}

static void
check_head_refused (const char *head)
{
  g_autoptr (GBytes) diff = bytes (head), base = bytes (BASE), got = NULL;
  g_autoptr (GError) error = NULL, digests_error = NULL;
  guint8 from[32], to[32];

  got = cepa_consensus_diff_apply (base, diff, &error);
  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
  g_assert_false (cepa_consensus_diff_digests (diff, from, to, &digests_error));
  g_assert_error (digests_error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
}

/* test_consdiff_apply_diff: each of its refusals of a head. */
static void
test_head (void)
{
  check_head_refused ("");
  check_head_refused ("\n");
  check_head_refused (VERSION);
  check_head_refused ("foo-bar\nheader-line\n");
  check_head_refused (VERSION "word a b\nx\n");
  check_head_refused (VERSION "hash a b c\n");
  check_head_refused (VERSION "hash aaa bbb\n");
  check_head_refused (VERSION "hash ????????????????????????????????????????????????????????????????"
                              " ----------------------------------------------------------------\n");
  check_head_refused ("network-status-diff-version 2\nhash " BASE_HASH " " TARGET_HASH "\n");
  check_head_refused ("network-status-diff-version 1 \nhash " BASE_HASH " " TARGET_HASH "\n");
  check_head_refused (VERSION "hash " BASE_HASH "  " TARGET_HASH "\n");
  check_head_refused (VERSION "hash " BASE_HASH " " TARGET_HASH " \n");
  check_head_refused (VERSION "hash " BASE_HASH " " TARGET_HASH);
}

/* The same, in either case of the digits. */
static void
test_whole (void)
{
  static const char tail[] = "3c\nsample\n.\n";
  g_autoptr (GBytes) base = bytes (BASE);

  for (guint lower = 0; lower < 2; lower++)
    {
      g_autofree char *from = lower ? g_ascii_strdown (BASE_HASH, -1) : g_strdup (BASE_HASH);
      g_autofree char *to = lower ? g_ascii_strdown (TARGET_HASH, -1) : g_strdup (TARGET_HASH);
      g_autofree char *text = g_strdup_printf (VERSION "hash %s %s\n%s", from, to, tail);
      g_autoptr (GBytes) diff = bytes (text), got = NULL;
      g_autoptr (GError) error = NULL;
      guint8 digests[2][32], wanted[32];

      g_assert_true (cepa_consensus_diff_is (diff));
      g_assert_true (cepa_consensus_diff_digests (diff, digests[0], digests[1], &error));
      g_assert_no_error (error);
      g_assert_true (cepa_hex_decode (BASE_HASH, 64, wanted, 32));
      g_assert_cmpmem (digests[0], 32, wanted, 32);
      g_assert_true (cepa_hex_decode (TARGET_HASH, 64, wanted, 32));
      g_assert_cmpmem (digests[1], 32, wanted, 32);
      got = cepa_consensus_diff_apply (base, diff, &error);
      g_assert_no_error (error);
      g_assert_cmpmem (g_bytes_get_data (got, NULL), g_bytes_get_size (got), TARGET, strlen (TARGET));
    }
}

/* A diff that an authority of a network of C Tor 0.4.9.11 made. */
static void
test_network (void)
{
  gsize len[3];
  g_autofree char *base = maker_read_data ("consensus-ns.txt", &len[0]);
  g_autofree char *diff = maker_read_data ("consensus-ns-diff.txt", &len[1]);
  g_autofree char *next = maker_read_data ("consensus-ns-next.txt", &len[2]);
  g_autoptr (GBytes) base_bytes = g_bytes_new (base, len[0]), diff_bytes = g_bytes_new (diff, len[1]), got = NULL;
  g_autoptr (GError) error = NULL;

  got = cepa_consensus_diff_apply (base_bytes, diff_bytes, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (got, NULL), g_bytes_get_size (got), next, len[2]);
}

/* Cut anywhere, it is refused. */
static void
test_cut (void)
{
  gsize base_len, len;
  g_autofree char *base = maker_read_data ("consensus-ns.txt", &base_len);
  g_autofree char *diff = maker_read_data ("consensus-ns-diff.txt", &len);
  g_autoptr (GBytes) base_bytes = g_bytes_new (base, base_len);

  for (gsize i = 0; i < len; i += 1 + i / 200)
    {
      g_autoptr (GBytes) cut = g_bytes_new (diff, i), got = NULL;
      g_autoptr (GError) error = NULL;

      got = cepa_consensus_diff_apply (base_bytes, cut, &error);
      g_assert_null (got);
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
    }
}

static void
test_wrong_hashes (void)
{
  g_autoptr (GBytes) base = bytes (BASE), got = NULL;
  g_autoptr (GBytes) other = bytes (VERSION "hash " OTHER_HASH " " TARGET_HASH "\n3c\nsample\n.\n");
  g_autoptr (GBytes) wrong = bytes (VERSION "hash " BASE_HASH " " OTHER_HASH "\n3c\nsample\n.\n");
  g_autoptr (GError) error = NULL;

  got = cepa_consensus_diff_apply (base, other, &error);
  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND);
  g_clear_error (&error);
  got = cepa_consensus_diff_apply (base, wrong, &error);
  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
}

static void
test_is (void)
{
  static const struct
  {
    const char *text;
    gboolean is;
  } cases[] = {
    { "", FALSE }, { "network-status-version 3 microdesc\n", FALSE }, { "network-status-diff-version", FALSE },
    { "network-status-diff-version 1\n", TRUE }, { "network-status-diff-version 2\n", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) text = bytes (cases[i].text);

      g_assert_cmpint (cepa_consensus_diff_is (text), ==, cases[i].is);
    }
}

static void
check_base_digest (const char *text, gsize signed_len)
{
  g_autoptr (GBytes) whole = bytes (text);
  guint8 got[32], wanted[32];

  cepa_consensus_diff_base_digest (whole, got);
  cepa_sha3_256 (text, signed_len, wanted);
  g_assert_cmpmem (got, 32, wanted, 32);
}

/* Up to the space behind the first signature's keyword; signatures that differ do not matter. */
static void
test_base_digest (void)
{
  check_base_digest ("", 0);
  check_base_digest ("network-status-version 3\n", 25);
  check_base_digest ("network-status-version 3\ndirectory-signature sha256 A\n", 25 + 20);
  check_base_digest ("network-status-version 3\ndirectory-signature X\ndirectory-signature Y\n", 25 + 20);
  check_base_digest ("network-status-version 3\ndirectory-signature", 25 + 19);
}

/* A result over the limit costs no more than the limit. */
static void
test_limits (void)
{
  const gsize len = 40 * 1024 * 1024;
  g_autofree char *x = g_strnfill (len, 'x'), *base = g_strconcat (x, "\n", NULL);
  g_autofree char *commands = g_strdup_printf ("1a\n%s\n.\n", x);
  g_autoptr (GString) many = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) got = apply (base, commands, "", &error);

  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
  g_clear_error (&error);
  for (guint i = 0; i <= 500000; i++)
    g_string_append (many, "1a\nx\n.\n");
  got = apply (FIVE, many->str, "", &error);
  g_assert_null (got);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/consensus-diff/commands", test_commands);
  g_test_add_func ("/consensus-diff/more-commands", test_more_commands);
  g_test_add_func ("/consensus-diff/refused", test_refused);
  g_test_add_func ("/consensus-diff/hostile", test_hostile);
  g_test_add_func ("/consensus-diff/head", test_head);
  g_test_add_func ("/consensus-diff/whole", test_whole);
  g_test_add_func ("/consensus-diff/network", test_network);
  g_test_add_func ("/consensus-diff/cut", test_cut);
  g_test_add_func ("/consensus-diff/wrong-hashes", test_wrong_hashes);
  g_test_add_func ("/consensus-diff/is", test_is);
  g_test_add_func ("/consensus-diff/base-digest", test_base_digest);
  g_test_add_func ("/consensus-diff/limits", test_limits);
  return g_test_run ();
}
