/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"

#define SIGNATURE \
  "0123456789012345678901234567890123456789 0123456789012345678901234567890123456789\n" \
  "-----BEGIN SIGNATURE-----\n" \
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" \
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" \
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" \
  "-----END SIGNATURE-----\n"

/* The bytes are a copy of exact size: a sanitizer sees a read behind them. */
static gboolean
parses (const char *text, gsize len, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, len);
  g_autoptr (CepaUnverifiedConsensus) consensus = cepa_consensus_parse (bytes, error);

  return consensus != NULL;
}

static void
assert_refused (const char *text, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (parses (text, strlen (text), &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, reason);
  g_assert_true (g_str_has_prefix (error->message, "consensus"));
}

static void
assert_accepted (const char *text)
{
  g_autoptr (GError) error = NULL;

  parses (text, strlen (text), &error);
  g_assert_no_error (error);
}

typedef struct
{
  const char *find;
  const char *replacement;
  const char *reason; /* NULL: it is still a consensus */
} Change;

static void
check_changes (const char *good, const Change *changes, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = maker_replace (good, changes[i].find, changes[i].replacement);

      if (changes[i].reason != NULL)
        assert_refused (text, changes[i].reason);
      else
        assert_accepted (text);
    }
}

static void
test_network (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("consensus-microdesc.txt", &len);

  assert_accepted (text);
}

static void
test_header (void)
{
  static const Change changes[] = {
    { "network-status-version 3 microdesc\n", "", "line 1: does not begin with \"network-status-version\"" },
    { "network-status-version", "opt\nnetwork-status-version", "line 1: does not begin with" },
    { "version 3 microdesc", "version 4 microdesc", "line 1: not a network status of version 3" },
    { "version 3 microdesc", "version 3", "line 1: not of the microdescriptor flavour" },
    { "version 3 microdesc", "version 3 ns", "not of the microdescriptor flavour" },
    { "vote-status consensus", "vote-status vote", "line 2: a vote, not a consensus" },
    { "consensus-method 34", "consensus-method 36", "line 3: consensus method 36, of which 28 to" },
    { "consensus-method 34", "consensus-method 35", NULL },
    { "consensus-method 34", "consensus-method 28", NULL },
    { "consensus-method 34", "consensus-method 27", "consensus method 27" },
    { "consensus-method 34", "consensus-method 34 35", "\"consensus-method\" without a number" },
    { "consensus-method 34\n", "", "no \"consensus-method\"" },
    { "valid-after 2026-06-01 12:00:00\n", "", "no \"valid-after\"" },
    { "valid-after 2026-06-01 12:00:00", "valid-after 2026-06-01", "line 4: \"valid-after\" without a time" },
    { "valid-after 2026-06-01 12:00:00", "valid-after 2026-06-01 13:00:00", "not in ascending order" },
    { "fresh-until 2026-06-01 13:00:00", "fresh-until 2026-06-01 15:00:00", "not in ascending order" },
    { "fresh-until", "valid-after", "a second \"valid-after\"" },
    { "voting-delay 300 300", "voting-delay 300", "\"voting-delay\" without two numbers" },
    { "voting-delay 300 300", "voting-delay 300 -1", "\"voting-delay\" without two numbers" },
    { "client-versions 0.4.8.10,0.4.9.11", "client-versions ", NULL },
    { "known-flags Authority Exit", "known-flags Exit Authority", "\"known-flags\" not in ascending order" },
    { "known-flags Authority", "known-flags Authority Authority", "\"known-flags\" not in ascending order" },
    { "known-flags Authority Exit", "known-flags Authority Auth Exit", "not in ascending order" },
    { "voting-delay", "required-client-protocols A=1\nrequired-client-protocols A=1\nvoting-delay",
      "a second \"required-client-protocols\"" },
    { "voting-delay", "required-client-protocols \xff\nvoting-delay", "other than printable ASCII" },
    { "voting-delay", "whatever comes\n-----BEGIN X-----\nAAAA\n-----END X-----\nvoting-delay", NULL },
    { "voting-delay", "whatever\n\nvoting-delay", "an empty line" },
    { "dir-source test0", "contact early\ndir-source test0", "\"contact\" out of place" },
    { "dir-source test0", "vote-digest 00\ndir-source test0", "\"vote-digest\" out of place" },
    { "dir-source test1", "contact again\ndir-source test1", "\"contact\" out of place" },
    { "dir-source test0 ", "dir-source ", "\"dir-source\" with fewer than 6 arguments" },
    { "dir-source test0 ", "dir-source test0 z", "malformed \"dir-source\"" },
    /* Made by C Tor for authorities with an old identity: without the other two lines. */
    { "dir-source test1 ", "dir-source test1-legacy 0000000000000000000000000000000000000000 a 1.2.3.4 0 0\n"
                           "dir-source test1 ", NULL },
  };
  g_autoptr (GString) good = maker_consensus (2, 2, NULL);

  g_string_append (good, SIGNATURE);
  assert_accepted (good->str);
  check_changes (good->str, changes, G_N_ELEMENTS (changes));
}

static void
test_params (void)
{
  static const struct
  {
    const char *line;
    const char *reason;
  } cases[] = {
    { "params\n", NULL },
    { "params a=1 b=-2147483648 c=2147483647\n", NULL },
    /* C Tor sorts the words, not the names: a dash comes before "=". */
    { "params guard-n-primary-guards-to-use=2 guard-n-primary-guards=3\n", NULL },
    { "params guard-n-primary-guards=3 guard-n-primary-guards-to-use=2\n", "not in ascending order" },
    { "params b=1 a=1\n", "parameter \"a\" not in ascending order" },
    { "params a=1 a=2\n", "parameter \"a\" twice" },
    { "params a=1 a=1\n", "parameter \"a\" twice" },
    { "params a\n", "malformed parameter \"a\"" },
    { "params =1\n", "malformed parameter \"=1\"" },
    { "params a=\n", "malformed parameter \"a=\"" },
    { "params a=1.5\n", "malformed parameter" },
    { "params a=2147483648\n", "malformed parameter" },
    { "params a=1=2\n", "malformed parameter" },
    { "params a=1\nparams b=1\n", "a second \"params\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) text = maker_consensus (1, 1, cases[i].line);

      g_string_append (text, SIGNATURE);
      if (cases[i].reason != NULL)
        assert_refused (text->str, cases[i].reason);
      else
        assert_accepted (text->str);
    }
}

static void
test_too_many_params (void)
{
  g_autoptr (GString) line = g_string_new ("params");
  g_autoptr (GString) text = NULL;

  for (guint i = 0; i < 513; i++)
    g_string_append_printf (line, " p%03u=1", i);
  g_string_append_c (line, '\n');
  text = maker_consensus (1, 1, line->str);
  g_string_append (text, SIGNATURE);
  assert_refused (text->str, "more than 512 parameters");
}

/* @find becomes itself and 513 words behind it. */
static void
check_too_many_words (const char *find, const char *reason)
{
  g_autoptr (GString) made = maker_consensus (1, 1, NULL);
  g_autoptr (GString) words = g_string_new (find);
  g_autofree char *good = NULL;
  g_autofree char *text = NULL;

  g_string_append (made, SIGNATURE);
  good = maker_replace (made->str, "directory-footer\n", "directory-footer\nbandwidth-weights\n");
  for (guint i = 0; i < 513; i++)
    g_string_append_printf (words, " W%03u=1", i);
  text = maker_replace (good, find, words->str);
  assert_refused (text, reason);
}

static void
test_too_many_words (void)
{
  check_too_many_words ("known-flags Authority Exit Fast Guard HSDir Running Stable V2Dir Valid",
                        "more than 512 known flags");
  check_too_many_words ("s Exit Fast Guard HSDir Running Stable V2Dir Valid",
                        "relay relay0: \"s\" with more than 512 flags");
  check_too_many_words ("directory-footer\nbandwidth-weights", "more than 512 bandwidth weights");
}

static void
test_shared_random (void)
{
  static const struct
  {
    const char *line;
    const char *reason;
  } cases[] = {
    { "shared-rand-previous-value 9 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", NULL },
    { "shared-rand-current-value 9 AAAA\n", "\"shared-rand-current-value\" without a number and 32 bytes" },
    { "shared-rand-current-value AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "without a number" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) text = maker_consensus (1, 1, cases[i].line);

      g_string_append (text, SIGNATURE);
      if (cases[i].reason != NULL)
        assert_refused (text->str, cases[i].reason);
      else
        assert_accepted (text->str);
    }
}

static void
test_relays (void)
{
  static const Change changes[] = {
    { "r relay0 AAAA", "r relay-0 AAAA", "\"r\" with a malformed nickname" },
    { "r relay0 AAAA", "r 01234567890123456789 AAAA", "\"r\" with a malformed nickname" },
    { "r relay0 AAAA", "r relay0 AAA", "relay relay0: \"r\" with a malformed identity" },
    { "r relay0 ", "r ", "\"r\" with" },
    { "2038-01-01 00:00:00 10.0.0.0 9001", "2038-01-01 00:00 10.0.0.0 9001", "\"r\" with a malformed time" },
    { "2038-01-01 00:00:00 10.0.0.0", "2038-01-01  00:00:00 10.0.0.0", "\"r\" with a malformed time" },
    { "10.0.0.0 9001", "10.0.0 9001", "relay relay0: \"r\" with a malformed address" },
    { "10.0.0.0 9001", "10.0.0.0 x", "relay relay0: \"r\" with a malformed port" },
    { "10.0.0.0 9001 0", "10.0.0.0 9001", "relay relay0: \"r\" with fewer than 7 arguments" },
    { "10.0.0.0 9001 0", "10.0.0.0 9001 65536", "relay relay0: \"r\" with a malformed port" },
    { "10.0.0.0 9001 0", "10.0.0.0 9001 0 more", NULL },
    { "a [2001:db8::0]:9001\n", "a\n", "relay relay0: \"a\" without an address" },
    { "a [2001:db8::0]:9001\n", "a new:style\n", NULL },
    { "a [2001:db8::0]:9001\n", "m AAAA\n", "relay relay0: \"m\" without a digest of 32 bytes" },
    { "a [2001:db8::0]:9001\n", "m\n", "relay relay0: \"m\" without a digest" },
    { "a [2001:db8::0]:9001\n", "m AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "a second \"m\"" },
    { "a [2001:db8::0]:9001\n", "s Fast\n", "relay relay0: a second \"s\"" },
    { "a [2001:db8::0]:9001\n", "w Bandwidth=1\n", "relay relay0: a second \"w\"" },
    { "a [2001:db8::0]:9001\n", "v 1\n", "relay relay0: a second \"v\"" },
    { "a [2001:db8::0]:9001\n", "pr A=1\n", "relay relay0: a second \"pr\"" },
    { "a [2001:db8::0]:9001\n", "valid-after 2026-01-01 00:00:00\n", NULL },
    { "w Bandwidth=0\n", "w Bandwidth=4294967296\n", "relay relay0: \"w\" with a malformed bandwidth" },
    { "w Bandwidth=0\n", "w Bandwidth=-1\n", "relay relay0: \"w\" with a malformed bandwidth" },
    { "w Bandwidth=0\n", "w Bandwidth=1 Unmeasured=1 Other\n", NULL },
    { "w Bandwidth=0\n", "", NULL },
    { "s Exit Fast Guard HSDir Running Stable V2Dir Valid\n", "", "relay relay0: no \"s\"" },
    { "s Exit Fast Guard HSDir Running Stable V2Dir Valid\n", "s\n", NULL },
    { "v Tor 0.4.9.11\n", "", NULL },
  };
  g_autoptr (GString) good = maker_consensus (1, 1, NULL);

  g_string_append (good, SIGNATURE);
  check_changes (good->str, changes, G_N_ELEMENTS (changes));
}

static void
test_order (void)
{
  g_autoptr (GString) good = maker_consensus (1, 2, NULL);
  g_autoptr (GString) text = g_string_new_len (good->str, (gssize) good->len);
  const char *first = strstr (good->str, "r relay0"), *second = strstr (good->str, "r relay1");
  const char *footer = strstr (good->str, "directory-footer");

  g_string_truncate (text, (gsize) (first - good->str));
  g_string_append_len (text, second, footer - second);
  g_string_append_len (text, first, second - first);
  g_string_append (text, footer);
  g_string_append (text, SIGNATURE);
  assert_refused (text->str, "relay relay0: not in ascending order of identity");

  g_string_assign (text, "");
  g_string_append_len (text, good->str, footer - good->str);
  g_string_append_len (text, second, footer - second);
  g_string_append (text, footer);
  g_string_append (text, SIGNATURE);
  assert_refused (text->str, "relay relay1: listed twice");
}

static void
test_footer (void)
{
  static const Change changes[] = {
    { "directory-footer\n", "", "no \"directory-footer\"" },
    { "directory-footer\n", "directory-footer\ndirectory-footer\n", "a second \"directory-footer\"" },
    { "directory-footer\n", "directory-footer\nwhatever comes\n", NULL },
    { "directory-footer\n", "directory-footer\nr relay9 is ignored\n", NULL },
    { "directory-footer\n", "directory-footer\nbandwidth-weights Wbd=1 Xxx=2\n", NULL },
    { "directory-footer\n", "directory-footer\nbandwidth-weights Wbd=1 Wbd=1\n",
      "bandwidth weight \"Wbd\" twice" },
    { "directory-footer\n", "directory-footer\nbandwidth-weights Wbd\n",
      "malformed bandwidth weight \"Wbd\"" },
    { "directory-footer\n", "directory-footer\nbandwidth-weights Wbd=-1\n", "malformed bandwidth weight" },
    { "directory-footer\n", "directory-footer\nbandwidth-weights Wbd=x\n", "malformed bandwidth weight" },
    { "directory-footer\n", "directory-footer\nbandwidth-weights\nbandwidth-weights\n",
      "a second \"bandwidth-weights\"" },
  };
  g_autoptr (GString) good = maker_consensus (1, 1, NULL);

  g_string_append (good, SIGNATURE);
  check_changes (good->str, changes, G_N_ELEMENTS (changes));
}

static void
test_signatures (void)
{
  static const Change changes[] = {
    { "directory-signature ", "directory-signature\t", "malformed \"directory-signature\"" },
    { "directory-signature 0", "directory-signature 1 0", NULL },
    { "directory-signature 01", "directory-signature 0", "malformed \"directory-signature\"" },
    { "directory-signature ", "directory-signature sha256 ", NULL },
    { "directory-signature ", "directory-signature sha1 ", NULL },
    { " 0123456789012345678901234567890123456789\n", "\n", "malformed \"directory-signature\"" },
    { "-----BEGIN SIGNATURE-----", "-----BEGIN SIGN-----", "END is not that of its BEGIN" },
    { "AAAA=\n-----END", "A\n-----END", "a signature of 126 bytes" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----", "middle of a line" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----\nmore\n", "unsigned text behind the signatures" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----\n\n", "an empty line" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----\nparams a=1\n", "unsigned text" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----\ndirectory-footer\n", "unsigned text" },
    { "-----END SIGNATURE-----\n", "-----END SIGNATURE-----\nnetwork-status-version 3 microdesc\n",
      "unsigned text" },
  };
  g_autoptr (GString) good = maker_consensus (1, 1, NULL);
  gsize unsigned_len = (gsize) (strstr (good->str, "directory-signature") - good->str);
  g_autofree char *unsigned_text = g_strndup (good->str, unsigned_len);
  g_autofree char *future = g_strconcat (good->str, "sha3 " SIGNATURE, NULL);
  g_autofree char *bare = g_strconcat (good->str, "sha256 0123456789012345678901234567890123456789 "
                                       "0123456789012345678901234567890123456789\n", NULL);

  assert_refused (unsigned_text, "ends without a signature");
  assert_refused (future, "ends without a signature");
  assert_refused (bare, "no object of type \"SIGNATURE\"");
  g_string_append (good, SIGNATURE);
  check_changes (good->str, changes + 2, G_N_ELEMENTS (changes) - 2);
  check_changes (good->str, changes, 1);
}

static void
test_too_many_signatures (void)
{
  g_autoptr (GString) text = maker_consensus (1, 1, NULL);

  g_string_append (text, SIGNATURE);
  for (guint i = 1; i < 128; i++)
    g_string_append (text, "directory-signature " SIGNATURE);
  assert_accepted (text->str);
  g_string_append (text, "directory-signature " SIGNATURE);
  assert_refused (text->str, "more than 128 signatures");
}

static void
test_too_many_voters (void)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GString) text = NULL;

  for (guint i = 0; i < 128; i++)
    g_string_append (lines, "dir-source a 0000000000000000000000000000000000000000 a 1.2.3.4 0 0\n");
  text = maker_consensus (1, 1, lines->str);
  g_string_append (text, SIGNATURE);
  assert_refused (text->str, "more than 128 \"dir-source\"");
}

static void
test_too_many_relays (void)
{
  g_autoptr (GString) text = maker_consensus (1, 100001, NULL);

  g_string_append (text, SIGNATURE);
  assert_refused (text->str, "more than 100000 relays");
}

static void
test_nul (void)
{
  g_autoptr (GString) text = maker_consensus (1, 1, NULL);
  g_autoptr (GError) error = NULL;

  g_string_append (text, SIGNATURE);
  text->str[text->len / 2] = '\0';
  g_assert_false (parses (text->str, text->len, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "NUL");
}

static void
test_empty (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (parses (NULL, 0, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "ends without a signature");
}

/* Cut behind a whole signature it is a consensus still, with fewer signatures; cut elsewhere it is none. */
static void
test_cut (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("consensus-microdesc.txt", &len);
  guint n_good = 0;

  for (gsize cut = 0; cut <= len; cut++)
    {
      g_autoptr (GError) error = NULL;

      if (parses (text, cut, &error))
        {
          n_good++;
          g_assert_true (memcmp (text + cut - 24, "-----END SIGNATURE-----\n", 24) == 0);
          continue;
        }
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT);
    }
  g_assert_cmpuint (n_good, ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/netdoc/consensus-parse/network", test_network);
  g_test_add_func ("/netdoc/consensus-parse/header", test_header);
  g_test_add_func ("/netdoc/consensus-parse/params", test_params);
  g_test_add_func ("/netdoc/consensus-parse/too-many-params", test_too_many_params);
  g_test_add_func ("/netdoc/consensus-parse/too-many-words", test_too_many_words);
  g_test_add_func ("/netdoc/consensus-parse/shared-random", test_shared_random);
  g_test_add_func ("/netdoc/consensus-parse/relays", test_relays);
  g_test_add_func ("/netdoc/consensus-parse/order", test_order);
  g_test_add_func ("/netdoc/consensus-parse/footer", test_footer);
  g_test_add_func ("/netdoc/consensus-parse/signatures", test_signatures);
  g_test_add_func ("/netdoc/consensus-parse/too-many-signatures", test_too_many_signatures);
  g_test_add_func ("/netdoc/consensus-parse/too-many-voters", test_too_many_voters);
  g_test_add_func ("/netdoc/consensus-parse/too-many-relays", test_too_many_relays);
  g_test_add_func ("/netdoc/consensus-parse/nul", test_nul);
  g_test_add_func ("/netdoc/consensus-parse/empty", test_empty);
  g_test_add_func ("/netdoc/consensus-parse/cut", test_cut);
  return g_test_run ();
}
