/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/microdescriptor.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"

#define NTOR "ntor-onion-key AppBt6CSeb1kKid/36ototmFA24ddfW5JpjWPLuoJgs=\n"
#define ED25519 "id ed25519 VGhpcyBpc24ndCBhY3R1YWxseSBhIHB1YmxpYyBrZXk\n"

static gboolean
slice_is (CepaSlice slice, const char *text)
{
  return slice.len == strlen (text) && memcmp (slice.text, text, slice.len) == 0;
}

static void
assert_hex (const guint8 digest[32], const char *expected)
{
  g_autofree char *hex = cepa_hex_encode (digest, 32);

  g_assert_cmpint (g_ascii_strcasecmp (hex, expected), ==, 0);
}

/* The only microdescriptor of @text, which is good. */
static CepaMicrodescriptor
parse_good (const char *text)
{
  CepaSlice rest = { text, strlen (text) };
  CepaMicrodescriptor got;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, &error), ==, CEPA_MICRODESCRIPTOR_GOOD);
  g_assert_no_error (error);
  g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, &error), ==, CEPA_MICRODESCRIPTOR_END);
  g_assert_no_error (error);
  return got;
}

/* What C Tor 0.4.9.11's src/test/test_microdesc.c expects of its text, test_md_parse(). */
static void
test_c_tor_vectors (void)
{
  static const char *const bad[] = {
    "5d76bf1c6614e885614a1e0ad074e1ab4ea14655ebeefb1736a71b5ed8a15a51",
    "2fde0ee3343669c2444cd9d53cbd39c6a7d1fc0513513e840ca7f6e68864b36c",
    "20d1576c5ab11bbcff0dedb1db4a3cfcc8bc8dd839d8cbfef92d00a1a7d7b294",
    "074770f394c73dbde7b44412e9692add691a478d4727f9804b77646c95420a96",
  };
  gsize len;
  g_autofree char *text = maker_read_data ("c-tor-microdescriptors.txt", &len);
  CepaSlice rest = { text, len };
  CepaMicrodescriptor good[14];
  guint n_good = 0, n_bad = 0;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *name = NULL;
      CepaMicrodescriptor got;
      CepaMicrodescriptorStatus status = cepa_microdescriptor_next (&rest, &got, &error);
      guint8 digest[32];

      if (status == CEPA_MICRODESCRIPTOR_END)
        break;
      if (status == CEPA_MICRODESCRIPTOR_GOOD)
        {
          g_assert_cmpuint (n_good, <, G_N_ELEMENTS (good));
          good[n_good++] = got;
          continue;
        }
      g_assert_cmpuint (n_bad, <, G_N_ELEMENTS (bad));
      g_assert_true (cepa_hex_decode (bad[n_bad], 64, digest, sizeof digest));
      name = cepa_base64_encode_unpadded (digest, sizeof digest);
      maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, name);
      n_bad++;
    }
  g_assert_cmpuint (n_good, ==, 14);
  g_assert_cmpuint (n_bad, ==, 4);
  assert_hex (good[5].digest, "54bb6d733ddeb375d2456c79ae103961da0cae29620375ac4cf13d54da4d92b3");
  assert_hex (good[6].digest, "53f740bd222ab37f19f604b1d3759aa65eff1fbce9ac254bd0fa50d4af9b1bae");
  assert_hex (good[8].digest, "a0a155562d8093d8fd0feb7b93b7226e17f056c2142aab7a4ea8c5867a0376d5");
  assert_hex (good[10].digest, "409ebd87d23925a2732bd467a92813c921ca378fcb9ca193d354c51550b6d5e9");
  g_assert_cmpint (good[5].last_listed_s, ==, 0);
  g_assert_true (slice_is (good[7].family, "$D8CFEA0D996F5D1473D2063C041B7910DB23981E"));
  for (guint i = 10; i < 14; i++)
    {
      g_assert_true (good[i].has_ipv6);
      g_assert_cmpuint (good[i].ipv6_port, ==, 9090);
      g_assert_cmpuint (good[i].ipv6[15], ==, 4);
    }
  g_assert_true (slice_is (good[13].policy6,
                           "accept 20-23,43,53,79-81,88,110,143,194,220,389,443,464,531,543-544"));
}

static void
test_c_tor_ed25519 (void)
{
  CepaMicrodescriptor got = parse_good ("onion-key\n" NTOR ED25519 "id wumpus dodecahedron\n");

  g_assert_true (got.has_ed25519);
  g_assert_cmpmem (got.ed25519_id, 32, "This isn't actually a public key", 32);
}

static void
test_all_items (void)
{
  CepaMicrodescriptor got = parse_good ("\n@last-listed 2026-01-02 03:04:05\n@unknown annotation\n"
                                        "onion-key\n" NTOR ED25519 "id rsa1024 GEo59/iR1GWSIWZDzXTd5QxtqnU\n"
                                        "a 1.2.3.4:5\na [2001:db8::7]:443\na [2001:db8::8]:444\n"
                                        "family $AA $BB\nfamily-ids ed25519:abc ed25519:def\n"
                                        "p accept 80,443\np6 reject 25\nwhatever comes\n");

  g_assert_cmpint (got.last_listed_s, ==, 1767323045);
  g_assert_true (g_str_has_prefix (got.text.text, "onion-key\n"));
  g_assert_true (g_str_has_suffix (got.text.text, "whatever comes\n"));
  g_assert_cmpuint (got.ntor_key[0], ==, 0x02);
  g_assert_cmpuint (got.ntor_key[31], ==, 0x0b);
  g_assert_cmpuint (got.ipv6[15], ==, 7);
  g_assert_cmpuint (got.ipv6_port, ==, 443);
  g_assert_true (slice_is (got.family, "$AA $BB"));
  g_assert_true (slice_is (got.family_ids, "ed25519:abc ed25519:def"));
  g_assert_true (slice_is (got.policy, "accept 80,443"));
  g_assert_true (slice_is (got.policy6, "reject 25"));
}

static void
test_least (void)
{
  CepaMicrodescriptor got = parse_good ("onion-key\n" NTOR);

  g_assert_false (got.has_ed25519);
  g_assert_false (got.has_ipv6);
  g_assert_null (got.family.text);
  g_assert_null (got.policy.text);
  g_assert_cmpint (got.last_listed_s, ==, 0);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    const char *reason;
  } cases[] = {
    { "onion-key\n", "no \"ntor-onion-key\"" },
    { "onion-key\n" NTOR NTOR, "a second \"ntor-onion-key\"" },
    { "onion-key more\n" NTOR, "an argument of \"onion-key\"" },
    { "onion-key\nntor-onion-key\n", "\"ntor-onion-key\" without" },
    { "onion-key\nntor-onion-key AppB\n", "\"ntor-onion-key\" without" },
    { "onion-key\n" NTOR ED25519 ED25519, "a second \"id ed25519\"" },
    { "onion-key\n" NTOR "id ed25519 AAAA\n", "\"id ed25519\" without" },
    { "onion-key\n" NTOR "id ed25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "key of zeros" },
    { "onion-key\n" NTOR "id ed25519\n", "\"id\" without a type" },
    { "onion-key\n" NTOR "id rsa1024 AAAA\n", "\"id rsa1024\" without" },
    { "onion-key\n" NTOR "id rsa1024 GEo59/iR1GWSIWZDzXTd5QxtqnU\nid rsa1024 GEo59/iR1GWSIWZDzXTd5QxtqnU\n",
      "a second \"id rsa1024\"" },
    { "onion-key\n" NTOR "a\n", "\"a\" without" },
    { "onion-key\n" NTOR "p accept 1\np accept 2\n", "a second \"p\"" },
    { "onion-key\n" NTOR "p6 accept 1\np6 accept 2\n", "a second \"p6\"" },
    { "onion-key\n" NTOR "family a\nfamily b\n", "a second \"family\"" },
    { "onion-key\n" NTOR "family-ids a\nfamily-ids b\n", "a second \"family-ids\"" },
    { "onion-key\n" NTOR "\np accept 1\n", "an empty line" },
    { "onion-key\n" NTOR "p accept 1", "middle of a line" },
    { "@last-listed 2026\nonion-key\n" NTOR, "\"@last-listed\" without a time" },
    { "@last-listed 2026-01-01 00:00:00\n@last-listed 2026-01-01 00:00:00\nonion-key\n" NTOR,
      "a second \"@last-listed\"" },
    { "@last-listed 2026-01-01 00:00:00", "without \"onion-key\"" },
    { "@", "without \"onion-key\"" },
    { "onion-key-crosscert\n", "without \"onion-key\"" },
    { "onion-ke", "without \"onion-key\"" },
    { NTOR, "without \"onion-key\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *behind = g_str_has_suffix (cases[i].text, "\n") ? "onion-key\n" NTOR : "";
      g_autofree char *text = g_strconcat (cases[i].text, behind, NULL);
      CepaSlice rest = { text, strlen (text) };
      g_autoptr (GError) error = NULL;
      CepaMicrodescriptor got = { .ipv6_port = 77 };

      g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, &error), ==, CEPA_MICRODESCRIPTOR_BAD);
      maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, cases[i].reason);
      g_assert_cmpuint (got.ipv6_port, ==, 77);
      /* The good one behind it is found. */
      if (strlen (text) > strlen (cases[i].text))
        g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, NULL), ==, CEPA_MICRODESCRIPTOR_GOOD);
      g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, NULL), ==, CEPA_MICRODESCRIPTOR_END);
    }
}

static void
test_nul (void)
{
  static const char text[] = "onion-key\n" NTOR "p accept\0 1\n";
  CepaSlice rest = { text, sizeof text - 1 };
  g_autoptr (GError) error = NULL;
  CepaMicrodescriptor got;

  g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, &error), ==, CEPA_MICRODESCRIPTOR_BAD);
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "NUL");
}

static void
test_too_large (void)
{
  g_autoptr (GString) text = g_string_new ("onion-key\n" NTOR);
  g_autoptr (GError) error = NULL;
  CepaMicrodescriptor got;
  CepaSlice rest;

  while (text->len <= 256 * 1024)
    g_string_append (text, "filler\n");
  rest = (CepaSlice) { text->str, text->len };
  g_assert_cmpint (cepa_microdescriptor_next (&rest, &got, &error), ==, CEPA_MICRODESCRIPTOR_BAD);
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "more than 262144 bytes");
}

/* The digests that the private network's consensus has for them; any changed byte gives another. */
static void
test_network (void)
{
  gsize len, consensus_len;
  g_autofree char *text = maker_read_data ("microdescriptors.txt", &len);
  g_autofree char *consensus = maker_read_data ("consensus-microdesc.txt", &consensus_len);
  CepaSlice rest = { text, len };
  CepaMicrodescriptor got;
  guint n = 0;

  while (cepa_microdescriptor_next (&rest, &got, NULL) == CEPA_MICRODESCRIPTOR_GOOD)
    {
      g_autofree char *name = cepa_base64_encode_unpadded (got.digest, sizeof got.digest);
      g_autofree char *line = g_strdup_printf ("\nm %s\n", name);

      g_assert_nonnull (strstr (consensus, line));
      g_assert_true (got.has_ed25519);
      g_assert_cmpint (got.last_listed_s, ==, 1795362196);
      n++;
    }
  g_assert_cmpuint (n, ==, 10);
}

static void
test_changed_byte (void)
{
  g_autofree char *text = g_strdup ("onion-key\n" NTOR "p accept 80\n");
  CepaMicrodescriptor before = parse_good (text);
  gsize len = strlen (text);

  for (gsize i = 0; i < len; i++)
    {
      CepaSlice rest = { text, len };
      CepaMicrodescriptor after;

      text[i] ^= 1;
      if (cepa_microdescriptor_next (&rest, &after, NULL) == CEPA_MICRODESCRIPTOR_GOOD)
        g_assert_cmpint (memcmp (before.digest, after.digest, sizeof before.digest), !=, 0);
      text[i] ^= 1;
    }
}

/* Cut anywhere: no more good ones than before, always an end. */
static void
test_cut (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("microdescriptors.txt", &len);

  for (gsize cut = 0; cut < len; cut++)
    {
      /* A copy of exact size, so that a sanitizer sees a read behind it. */
      g_autofree char *part = g_memdup2 (text, MAX (cut, 1));
      CepaSlice rest = { part, cut };
      CepaMicrodescriptor got;
      CepaMicrodescriptorStatus status;
      guint n = 0, calls = 0;

      while ((status = cepa_microdescriptor_next (&rest, &got, NULL)) != CEPA_MICRODESCRIPTOR_END)
        {
          n += status == CEPA_MICRODESCRIPTOR_GOOD;
          g_assert_cmpuint (++calls, <=, 10);
        }
      g_assert_cmpuint (n, <=, 10);
    }
}

/* Each is found again by its key, also between others; and with another digest it is not. */
static void
test_find_text (void)
{
  gsize len;
  g_autofree char *text = maker_read_data ("c-tor-microdescriptors.txt", &len);
  CepaSlice all = { text, len }, rest = all, found;
  CepaMicrodescriptorStatus status;
  CepaMicrodescriptor got;
  guint n = 0;

  do
    {
      g_autoptr (GError) error = NULL;

      status = cepa_microdescriptor_next (&rest, &got, &error);
      if (status != CEPA_MICRODESCRIPTOR_GOOD)
        continue;
      n++;
      g_assert_true (cepa_microdescriptor_find_text (all, got.digest, got.ntor_key, &found));
      g_assert_cmpmem (found.text, found.len, got.text.text, got.text.len);
      got.digest[0] ^= 1;
      g_assert_false (cepa_microdescriptor_find_text (all, got.digest, got.ntor_key, &found));
      got.digest[0] ^= 1;
      got.ntor_key[5] ^= 1;
      g_assert_false (cepa_microdescriptor_find_text (all, got.digest, got.ntor_key, &found));
    }
  while (status != CEPA_MICRODESCRIPTOR_END);
  g_assert_cmpuint (n, >, 3);
  g_assert_false (cepa_microdescriptor_find_text ((CepaSlice) { NULL, 0 }, got.digest, got.ntor_key, &found));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add_func ("/netdoc/microdescriptor/c-tor-vectors", test_c_tor_vectors);
  g_test_add_func ("/netdoc/microdescriptor/c-tor-ed25519", test_c_tor_ed25519);
  g_test_add_func ("/netdoc/microdescriptor/all-items", test_all_items);
  g_test_add_func ("/netdoc/microdescriptor/least", test_least);
  g_test_add_func ("/netdoc/microdescriptor/refused", test_refused);
  g_test_add_func ("/netdoc/microdescriptor/nul", test_nul);
  g_test_add_func ("/netdoc/microdescriptor/too-large", test_too_large);
  g_test_add_func ("/netdoc/microdescriptor/network", test_network);
  g_test_add_func ("/netdoc/microdescriptor/changed-byte", test_changed_byte);
  g_test_add_func ("/netdoc/microdescriptor/cut", test_cut);
  g_test_add_func ("/netdoc/microdescriptor/find-text", test_find_text);
  return g_test_run ();
}
