/* SPDX-License-Identifier: BSD-3-Clause */
/* Text, the parser of commands, addresses, and what authentication calculates. */
#include <cepa/error.h>
#include <string.h>

#include "address.h"
#include "command.h"
#include "secret.h"
#include "text.h"

static void
check_text (void (*append) (GString *, const char *), const char *from, const char *to)
{
  g_autoptr (GString) out = g_string_new (NULL);

  append (out, from);
  g_assert_cmpstr (out->str, ==, to);
}

static void
test_text (void)
{
  g_autofree char *echo = cepa_tor_text_echo ("a\r\n650 BW\t\001\xff");
  g_autofree char *filler = g_strnfill (2 * CEPA_TOR_MAX_ECHO, 'x');
  g_autofree char *cut = cepa_tor_text_echo (filler);
  g_autofree char *odd = g_strconcat (filler + CEPA_TOR_MAX_ECHO + 1, "\xc3\xa4zzz", NULL);
  g_autofree char *cut_odd = cepa_tor_text_echo (odd);

  g_assert_cmpstr (echo, ==, "a  650 BW  \xef\xbf\xbd");
  g_assert_cmpuint (strlen (cut), ==, CEPA_TOR_MAX_ECHO);
  g_assert_cmpuint (strlen (cut_odd), ==, CEPA_TOR_MAX_ECHO - 1);
  g_assert_true (g_utf8_validate (cut_odd, -1, NULL));
  check_text (cepa_tor_text_append_word, "a b\r\n\xc3\xa4~$=", "a?b????~$=");
  check_text (cepa_tor_text_append_line, "two\nlines \n", "two lines");
  check_text (cepa_tor_text_append_quoted, "a\"b\\c\n\r\t'\x01\xff", "\"a\\\"b\\\\c\\n\\r\\t\\'\\001\\377\"");
  check_text (cepa_tor_text_append_data, "a\n.b\n..\r\nc", "a\r\n..b\r\n...\r\nc\r\n.\r\n");
  check_text (cepa_tor_text_append_data, "", ".\r\n");
  check_text (cepa_tor_text_append_data, "\n", "\r\n.\r\n");
}

static void
test_time (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *day = cepa_tor_text_time (1767225600, "%Y-%m-%d %H:%M:%S");
  g_autofree char *never = cepa_tor_text_time (G_MAXINT64, "%Y");

  g_assert_cmpstr (day, ==, "2026-01-01 00:00:00");
  g_assert_cmpstr (never, ==, "");
  cepa_tor_text_append_time_us (out, 1767225600000045);
  g_assert_cmpstr (out->str, ==, "2026-01-01T00:00:00.000045");
  cepa_tor_text_append_time_us (out, -1);
  g_assert_cmpuint (out->len, ==, strlen ("2026-01-01T00:00:00.000045"));
}

/* Feeds @text in pieces of @step bytes, and writes down what came out. */
static char *
read_commands (const char *text, gsize len, gsize step)
{
  GString *out = g_string_new (NULL);
  CepaTorInput input;

  cepa_tor_input_init (&input);
  for (gsize at = 0; at < len; at += step)
    {
      CepaTorInputResult result;
      CepaTorCommand *command = NULL;

      cepa_tor_input_add (&input, (const guint8 *) text + at, MIN (step, len - at));
      while ((result = cepa_tor_input_next (&input, &command)) == CEPA_TOR_INPUT_COMMAND
             || result == CEPA_TOR_INPUT_BINARY)
        {
          if (result == CEPA_TOR_INPUT_BINARY)
            {
              g_string_append (out, "(binary)");
              continue;
            }
          g_string_append_printf (out, "[%s|%s]", command->name, command->args);
          cepa_tor_command_free (command);
        }
    }
  cepa_tor_input_clear (&input);
  return g_string_free (out, FALSE);
}

static void
test_commands (void)
{
  static const char text[] = "GETINFO version\r\n\r\nquit \n x y\n+LOADCONF a\r\nSocksPort 1\r\n..\r\n.\r\nB\0C d\r\n"
                             "+X\n.\nGETINFO\ta\xff\r\nhalf";
  static const char wanted[] = "[GETINFO|version][|][quit|][|x y][+LOADCONF|a](binary)[+X|][GETINFO|a\xff]";

  for (gsize step = 1; step < sizeof text; step++)
    {
      g_autofree char *got = read_commands (text, sizeof text - 1, step);

      g_assert_cmpstr (got, ==, wanted);
    }
}

static void
test_long_commands (void)
{
  g_autofree char *line = g_strnfill (CEPA_TOR_MAX_COMMAND, 'a');
  CepaTorCommand *command = NULL;
  CepaTorInput input;

  line[CEPA_TOR_MAX_COMMAND - 1] = '\n';
  cepa_tor_input_init (&input);
  cepa_tor_input_add (&input, (guint8 *) line, CEPA_TOR_MAX_COMMAND);
  g_assert_cmpint (cepa_tor_input_next (&input, &command), ==, CEPA_TOR_INPUT_COMMAND);
  cepa_tor_command_free (command);
  line[CEPA_TOR_MAX_COMMAND - 1] = 'a';
  cepa_tor_input_add (&input, (guint8 *) line, CEPA_TOR_MAX_COMMAND);
  g_assert_cmpint (cepa_tor_input_next (&input, &command), ==, CEPA_TOR_INPUT_MORE);
  cepa_tor_input_add (&input, (const guint8 *) "\n", 1);
  g_assert_cmpint (cepa_tor_input_next (&input, &command), ==, CEPA_TOR_INPUT_TOO_LONG);
  cepa_tor_input_clear (&input);

  /* All lines of one command count. */
  cepa_tor_input_init (&input);
  cepa_tor_input_add (&input, (const guint8 *) "+X\n", 3);
  for (guint i = 0; i < CEPA_TOR_MAX_COMMAND / 2 - 1; i++)
    cepa_tor_input_add (&input, (const guint8 *) "a\n", 2);
  g_assert_cmpint (cepa_tor_input_next (&input, &command), ==, CEPA_TOR_INPUT_TOO_LONG);
  cepa_tor_input_clear (&input);
}

static void
test_words (void)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split ("  a  b\tc \r d ");

  g_assert_cmpuint (words->len, ==, 3);
  g_assert_cmpstr (words->pdata[0], ==, "a");
  g_assert_cmpstr (words->pdata[1], ==, "b\tc");
  g_assert_cmpstr (words->pdata[2], ==, "d");
}

static void
check_pairs (const char *text, guint flags, const char *wanted)
{
  g_autoptr (GPtrArray) pairs = cepa_tor_command_pairs (text, flags);
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; pairs != NULL && i < pairs->len; i++)
    {
      const CepaTorPair *pair = pairs->pdata[i];

      g_string_append_printf (out, "[%s|%s]", pair->key != NULL ? pair->key : "-",
                              pair->value != NULL ? pair->value : "-");
    }
  g_assert_cmpstr (pairs != NULL ? out->str : NULL, ==, wanted);
}

static void
test_pairs (void)
{
  guint set = CEPA_TOR_PAIRS_NO_VALUES | CEPA_TOR_PAIRS_C_QUOTED, auth = CEPA_TOR_PAIRS_NO_KEYS | CEPA_TOR_PAIRS_QUOTED;

  check_pairs ("", set, "");
  check_pairs ("A=1 B=\"x y\" C D= E=\"\"", set, "[A|1][B|x y][C|-][D|][E|]");
  check_pairs ("A=\"q\\\"\\\\\\n\\x41\\101\"", set, "[A|q\"\\\nAA]");
  check_pairs ("A=\"open", set, NULL);
  check_pairs ("A=\"open\\", set, NULL);
  check_pairs ("A=\"\\q\"", set, NULL);
  check_pairs ("A=\"\\000\"", set, NULL);
  check_pairs ("A=\"\\x0\"", set, NULL);
  check_pairs ("=1", set, NULL);
  check_pairs ("\"v\"", set, NULL);
  check_pairs ("abc", auth, "[-|abc]");
  check_pairs ("\"p\\\"w\\n\"", auth, "[-|p\"wn]");
  check_pairs ("a=b", auth, "[a|b]");
  check_pairs ("x\"y", auth, "[-|x\"y]");
  check_pairs ("\"", auth, NULL);
  check_pairs ("A=\"x\"", CEPA_TOR_PAIRS_NO_VALUES, NULL);
}

/* From C Tor 0.4.9: its test of RFC 2440 hashes (src/test/test_crypto_slow.c) takes "vrbacrda", 96 and "12345678", and
   SHA-1 over 64 KiB of them; and what tor --hash-password printed. */
static void
test_hashed_password (void)
{
  static const struct
  {
    const char *hashed, *password;
  } vectors[] = {
    { "16:703D7F2AFD17A0C3609396644CF55DD18F0DF66459D30D60955C0C43A0", "foo" },
    { "16:2D5974EFB676CDD660A149F166E3DB53C4B14B4F81767FFA6E877A4C86", "a \"b\" \\ c" },
    { "16:8F62E31DD6A359AB60368D671401E5D67CDFB3497A9AC2D56A50AD68F3", "" },
  };
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 hashed[CEPA_TOR_HASHED_LEN] = "vrbacrda\x60";
  gsize len = 20;

  for (guint i = 0; i < 65536 / 16; i++)
    g_checksum_update (sum, (const guint8 *) "vrbacrda12345678", 16);
  g_checksum_get_digest (sum, hashed + 9, &len);
  g_assert_true (cepa_tor_hashed_check (hashed, (const guint8 *) "12345678", 8));
  g_assert_false (cepa_tor_hashed_check (hashed, (const guint8 *) "12345679", 8));

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_assert_true (cepa_tor_hashed_parse (vectors[i].hashed, hashed));
      g_assert_true (cepa_tor_hashed_check (hashed, (const guint8 *) vectors[i].password,
                                            strlen (vectors[i].password)));
      g_assert_false (cepa_tor_hashed_check (hashed, (const guint8 *) "bar", 3));
    }
  g_assert_false (cepa_tor_hashed_parse ("703D7F2AFD17A0C3609396644CF55DD18F0DF66459D30D60955C0C43A0", hashed));
  g_assert_false (cepa_tor_hashed_parse ("16:703D", hashed));
  g_assert_false (cepa_tor_hashed_parse ("16:703D7F2AFD17A0C3609396644CF55DD18F0DF66459D30D60955C0C43AX", hashed));
}

/* Calculated with Python's hmac module: cookie of 0x55, client's nonce "nonce", ours of 0xaa. */
static void
test_safecookie (void)
{
  guint8 cookie[CEPA_TOR_COOKIE_LEN], nonce[CEPA_TOR_NONCE_LEN], out[CEPA_TOR_HMAC_LEN];
  g_autoptr (GString) server = g_string_new (NULL), controller = g_string_new (NULL);

  memset (cookie, 0x55, sizeof cookie);
  memset (nonce, 0xaa, sizeof nonce);
  cepa_tor_safecookie (CEPA_TOR_SAFECOOKIE_SERVER, cookie, (const guint8 *) "nonce", 5, nonce, out);
  cepa_tor_text_append_hex (server, out, sizeof out);
  cepa_tor_safecookie (CEPA_TOR_SAFECOOKIE_CONTROLLER, cookie, (const guint8 *) "nonce", 5, nonce, out);
  cepa_tor_text_append_hex (controller, out, sizeof out);
  g_assert_cmpstr (server->str, ==, "C28BB71A255494A025F5B2EB12061E27A9A8EFD60C787E477370E2F04D8C9850");
  g_assert_cmpstr (controller->str, ==, "0470F3FC0A65DC250AC36C370E31009269E7096D998EDDD03D619574830286AE");
}

static void
check_address (const char *text, const char *wanted, gboolean loopback)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaTorAddress) address = cepa_tor_address_parse (text, &error);
  g_autofree char *got = NULL;

  if (wanted == NULL)
    {
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
      g_assert_null (address);
      return;
    }
  g_assert_no_error (error);
  got = address->socket != NULL ? cepa_tor_address_to_text (address->socket) : g_strdup ("");
  g_assert_cmpstr (got, ==, wanted);
  if (address->socket != NULL)
    g_assert_cmpint (address->loopback, ==, loopback);
}

static void
test_addresses (void)
{
  g_autoptr (CepaTorAddress) address = NULL;
  g_autofree char *filler = g_strnfill (107, 'x');
  g_autofree char *longest = g_strconcat ("unix:/", filler, NULL);

  check_address ("9051", "127.0.0.1:9051", TRUE);
  check_address (" auto ", "127.0.0.1:0", TRUE);
  check_address ("127.0.0.2:9051", "127.0.0.2:9051", TRUE);
  check_address ("0.0.0.0:9051", "0.0.0.0:9051", FALSE);
  check_address ("192.0.2.1:auto", "192.0.2.1:0", FALSE);
  check_address ("[::1]:9051", "[::1]:9051", TRUE);
  check_address ("[::]:9051", "[::]:9051", FALSE);
  check_address ("localhost:9051", "127.0.0.1:9051", TRUE);
  check_address ("0", "", TRUE);
  check_address ("unix:/run/x", "unix:/run/x", TRUE);
  check_address ("unix:\"/run/x y\" WorldWritable", "unix:/run/x y", TRUE);
  check_address ("unix:x", NULL, TRUE);
  check_address ("unix:/run/x Nonsense", NULL, TRUE);
  check_address (longest, NULL, TRUE);
  check_address ("::1:9051", NULL, TRUE);
  check_address ("example.com:9051", NULL, TRUE);
  check_address ("65536", NULL, TRUE);
  check_address ("127.0.0.1:", NULL, TRUE);
  check_address ("", NULL, TRUE);
  check_address (":", NULL, TRUE);
  check_address ("[]:1", NULL, TRUE);
  address = cepa_tor_address_parse ("unix:/run/x GroupWritable RelaxDirModeCheck", NULL);
  g_assert_cmpint (address->mode, ==, 0660);
  g_assert_true (address->any_folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/control-tor/text", test_text);
  g_test_add_func ("/control-tor/time", test_time);
  g_test_add_func ("/control-tor/commands", test_commands);
  g_test_add_func ("/control-tor/long-commands", test_long_commands);
  g_test_add_func ("/control-tor/words", test_words);
  g_test_add_func ("/control-tor/pairs", test_pairs);
  g_test_add_func ("/control-tor/hashed-password", test_hashed_password);
  g_test_add_func ("/control-tor/safecookie", test_safecookie);
  g_test_add_func ("/control-tor/addresses", test_addresses);
  return g_test_run ();
}
