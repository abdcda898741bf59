/* SPDX-License-Identifier: BSD-3-Clause */
/* Server descriptors: C Tor's, of its tests and of a network; and changed ones. */
#include "netdoc/server-descriptor.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "descriptor-maker.h"

/* 2014-10-05 12:00:00, when those of C Tor's tests were made; their certificates lasted for a month. */
#define C_TOR_S 1412510400

/* 2026-11-27 18:10:00, when the network's were. */
#define NETWORK_S 1795803000

#define N_NETWORK 10

/* Reads one and checks it. */
static CepaServerDescriptor *
read_next (CepaSlice *rest, gint64 now_s, gboolean *is_end, GError **error)
{
  CepaUnverifiedServerDescriptor *unverified = NULL;
  CepaServerDescriptorStatus status = cepa_unverified_server_descriptor_next (rest, &unverified, error);

  *is_end = status == CEPA_SERVER_DESCRIPTOR_END;
  if (status != CEPA_SERVER_DESCRIPTOR_GOOD)
    return NULL;
  g_assert_nonnull (cepa_unverified_server_descriptor_get_digest (unverified));
  return cepa_server_descriptor_verify (unverified, now_s, error);
}

static CepaServerDescriptor *
read_good (const char *text, gint64 now_s)
{
  g_autoptr (GError) error = NULL;
  CepaSlice rest = { text, strlen (text) };
  gboolean is_end;
  CepaServerDescriptor *descriptor = read_next (&rest, now_s, &is_end, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (rest.len, ==, 0);
  return descriptor;
}

static void
check_refused (const char *text, gint64 now_s, int code, const char *reason)
{
  g_autoptr (GError) error = NULL;
  CepaSlice rest = { text, strlen (text) };
  gboolean is_end;

  g_assert_null (read_next (&rest, now_s, &is_end, &error));
  maker_assert_error (error, code, reason);
}

static gboolean
slice_is (CepaSlice slice, const char *text)
{
  return slice.len == strlen (text) && memcmp (slice.text, text, slice.len) == 0;
}

/* Every case of C Tor's; annotations name it and say why it is refused. Two are good. */
static void
test_c_tor_cases (void)
{
  static const char mark[] = "\n@refused ";
  gsize len;
  g_autofree char *text = maker_read_data ("c-tor-server-descriptors.txt", &len);
  CepaSlice rest = { text, len };
  guint n_good = 0, n_bad = 0;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaServerDescriptor) descriptor = NULL;
      g_autofree char *annotations = g_strndup (rest.text, MIN (rest.len, 200)), *reason = NULL;
      const char *refused = strstr (annotations, mark);
      gboolean is_end;

      descriptor = read_next (&rest, C_TOR_S, &is_end, &error);
      if (is_end)
        break;
      if (refused == NULL)
        {
          g_assert_no_error (error);
          n_good++;
          continue;
        }
      reason = g_strndup (refused + strlen (mark), strcspn (refused + strlen (mark), "\n"));
      g_assert_null (descriptor);
      if (strstr (error->message, reason) == NULL)
        g_error ("%s: %s", annotations, error->message);
      n_bad++;
    }
  g_assert_cmpuint (n_good, ==, 2);
  g_assert_cmpuint (n_bad, ==, 31);
}

/* The fullest of them, read through. What it should say was read by eye; its digest is by Python's hashlib. */
static void
test_c_tor_maximal (void)
{
  gsize len;
  g_autofree char *all = maker_read_data ("c-tor-server-descriptors.txt", &len);
  const char *start = strstr (all, "@case MAXIMAL\n"), *end = strstr (start, "@case BAD_SIG1\n");
  g_autofree char *text = g_strndup (start, (gsize) (end - start));
  g_autoptr (CepaServerDescriptor) descriptor = read_good (text, C_TOR_S);
  g_autofree char *digest = cepa_hex_encode (descriptor->digest, sizeof descriptor->digest);

  g_assert_cmpstr (descriptor->nickname, ==, "fred");
  g_assert_cmphex (descriptor->ipv4, ==, 0x7f000001);
  g_assert_cmpuint (descriptor->or_port, ==, 9001);
  g_assert_cmpuint (descriptor->dir_port, ==, 9002);
  g_assert_cmpuint (descriptor->bandwidth_average_bytes_per_s, ==, 1000);
  g_assert_cmpuint (descriptor->bandwidth_burst_bytes_per_s, ==, 1000);
  g_assert_cmpuint (descriptor->bandwidth_observed_bytes_per_s, ==, 1000);
  g_assert_cmpint (descriptor->published_s, ==, 1412510400);
  g_assert_cmpuint (descriptor->uptime_s, ==, 1000);
  g_assert_false (descriptor->is_hibernating);
  g_assert_true (descriptor->caches_extra_info && descriptor->is_directory);
  g_assert_false (descriptor->is_bridge);
  g_assert_cmpuint (descriptor->ipv6_port, ==, 9999);
  g_assert_cmpuint (descriptor->n_policy, ==, 3);
  g_assert_true (slice_is (descriptor->policy[0], "reject 127.0.0.1:*"));
  g_assert_true (slice_is (descriptor->ipv6_policy, "accept 80,100,101"));
  g_assert_true (slice_is (descriptor->protocols, "Link=5"));
  g_assert_true (g_str_has_prefix (descriptor->family.text, "$AAAA"));
  g_assert_true (slice_is (descriptor->policy[descriptor->n_policy - 1], "reject *:*"));
  g_assert_true (slice_is (descriptor->annotations, "@case MAXIMAL\n"));
  g_assert_null (descriptor->family_ids);
  g_assert_cmpstr (digest, ==, "1F437798ACD1FC9CBD1C3C04DBF80F7E9F819C3F");
}

/* Those of a network: each is signed, and its digest is what the network's next consensus names it by. */
static void
test_network (void)
{
  gsize len, consensus_len;
  g_autofree char *text = maker_read_data ("server-descriptors.txt", &len);
  g_autofree char *consensus = maker_read_data ("consensus-ns-next.txt", &consensus_len);
  CepaSlice rest = { text, len };
  guint n = 0, n_named = 0, n_family = 0;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaServerDescriptor) descriptor = NULL;
      g_autofree char *digest = NULL, *id = NULL, *line = NULL;
      gboolean is_end;

      descriptor = read_next (&rest, NETWORK_S, &is_end, &error);
      if (is_end)
        break;
      g_assert_no_error (error);
      digest = cepa_base64_encode_unpadded (descriptor->digest, sizeof descriptor->digest);
      id = cepa_base64_encode_unpadded (descriptor->rsa_id, sizeof descriptor->rsa_id);
      line = g_strdup_printf ("\nr %s %s %s ", descriptor->nickname, id, digest);
      if (strstr (consensus, line) != NULL)
        n_named++;
      if (descriptor->family_ids != NULL)
        {
          g_assert_true (g_str_has_prefix (descriptor->nickname, "relay"));
          g_assert_cmpstr (descriptor->family_ids, ==, "ed25519:CHBud0hqyrMonFkVlxz6PwljYCCEm/ag0ayzPl0luSw");
          n_family++;
        }
      if (g_str_has_prefix (descriptor->nickname, "exit"))
        {
          g_assert_cmpuint (descriptor->n_policy, ==, 2);
          g_assert_true (slice_is (descriptor->policy[0], "reject *:25"));
          g_assert_true (slice_is (descriptor->policy[1], "accept *:*"));
          g_assert_true (slice_is (descriptor->ipv6_policy, "reject 25"));
        }
      g_assert_true (g_str_has_prefix (descriptor->platform.text, "Tor 0.4.9.11 on Linux"));
      g_assert_true (descriptor->is_directory && !descriptor->is_hibernating);
      n++;
    }
  g_assert_cmpuint (n, ==, N_NETWORK);
  g_assert_cmpuint (n_named, ==, N_NETWORK - 1); /* one wrote a new one before the vote */
  g_assert_cmpuint (n_family, ==, 4);
}

/* (transfer full): the first of the network's that has @word in it. */
static char *
one_with (const char *word)
{
  gsize len;
  g_autofree char *text = maker_read_data ("server-descriptors.txt", &len);
  const char *found = strstr (text, word), *start = found, *end = strstr (found, "-----END SIGNATURE-----\n");

  while (!g_str_has_prefix (start, "router "))
    start--;
  return g_strndup (start, (gsize) (end - start) + strlen ("-----END SIGNATURE-----\n"));
}

static void
test_series (void)
{
  g_autofree char *relay = one_with ("router relay1 "), *exit = one_with ("router exit1 ");
  g_autofree char *text = g_strconcat ("\n@downloaded-at 2026-11-27 18:10:00\n@purpose bridge\n", relay,
                                       "\n\n@source \"x\"\n", exit, "rubbish\nrouter x\n", relay, NULL);
  CepaSlice rest = { text, strlen (text) };
  static const char *const names[] = { "relay1", NULL, NULL, "relay1" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaServerDescriptor) descriptor = NULL;
      gboolean is_end;

      descriptor = read_next (&rest, NETWORK_S, &is_end, &error);
      g_assert_cmpstr (descriptor != NULL ? descriptor->nickname : NULL, ==, names[i]);
      g_assert_true ((descriptor == NULL) == (error != NULL));
      g_assert_cmpint (descriptor != NULL && descriptor->is_bridge, ==, i == 0);
    }
  g_assert_cmpuint (rest.len, ==, 0);
}

/* Each of the signatures alone is wrong. */
static void
test_signatures (void)
{
  static const struct
  {
    MakerDescriptorFault fault;
    const char *reason;
  } cases[] = {
    { MAKER_DESCRIPTOR_BAD_RSA, "not signed by its RSA identity" },
    { MAKER_DESCRIPTOR_BAD_ED, "not signed by its Ed25519 signing key" },
    { MAKER_DESCRIPTOR_BAD_IDENTITY, "signing key certificate (type 4): its signature is wrong" },
    { MAKER_DESCRIPTOR_BAD_NTOR, "ntor key's certificate (type 10): its signature is wrong" },
    { MAKER_DESCRIPTOR_NTOR_SIGN, "ntor key's certificate (type 10): its signature is wrong" },
    { MAKER_DESCRIPTOR_NTOR_OTHER, "ntor-onion-key has not signed its Ed25519 identity" },
    { MAKER_DESCRIPTOR_BAD_TAP, "onion-key has not signed its identities" },
    { MAKER_DESCRIPTOR_BAD_FAMILY, "family certificate (type 12): its signature is wrong" },
    { MAKER_DESCRIPTOR_FAMILY_OTHER, "a family certificate of another relay" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = maker_server_descriptor (1, cases[i].fault, NULL);

      check_refused (text, MAKER_DESCRIPTOR_PUBLISHED_S, CEPA_ERROR_BAD_SIGNATURE, cases[i].reason);
    }
}

/* What may be otherwise, and the families: in order, each once. */
static void
test_made (void)
{
  static const MakerDescriptorFault good[] = { MAKER_DESCRIPTOR_GOOD, MAKER_DESCRIPTOR_NO_TAP,
                                               MAKER_DESCRIPTOR_TAP_LONGER, MAKER_DESCRIPTOR_FAMILY_EXPIRED };

  for (guint relay = 0; relay < 8; relay++)
    for (guint i = 0; i < G_N_ELEMENTS (good); i++)
      {
        g_autofree char *text = maker_server_descriptor (relay, good[i], "or-address 192.0.2.1:1\nhibernating 1\n");
        g_autoptr (CepaServerDescriptor) descriptor = read_good (text, MAKER_DESCRIPTOR_PUBLISHED_S);
        g_autofree char *one = NULL, *two = NULL, *families = NULL;
        guint8 keys[3][32];

        maker_descriptor_identity (relay, keys[0]);
        maker_descriptor_family (1, keys[1]);
        maker_descriptor_family (2, keys[2]);
        g_assert_cmpmem (descriptor->ed25519_id, 32, keys[0], 32);
        g_assert_cmpmem (descriptor->rsa_id, 20, maker_key (relay)->digest, 20);
        one = cepa_base64_encode_unpadded (keys[1], 32);
        two = cepa_base64_encode_unpadded (keys[2], 32);
        families = strcmp (one, two) < 0 ? g_strdup_printf ("ed25519:%s ed25519:%s", one, two)
                                         : g_strdup_printf ("ed25519:%s ed25519:%s", two, one);
        g_assert_cmpstr (descriptor->family_ids, ==, families);
        g_assert_cmpint (descriptor->expires_s, ==, MAKER_DESCRIPTOR_EXPIRES_S);
        g_assert_cmpuint (descriptor->ipv6_port, ==, 0);
        g_assert_true (descriptor->is_hibernating);
        g_assert_false (descriptor->is_directory);
      }
}

static void
test_times (void)
{
  g_autofree char *text = one_with ("router relay1 ");
  g_autoptr (CepaServerDescriptor) descriptor = read_good (text, NETWORK_S);
  g_autoptr (CepaServerDescriptor) last = read_good (text, descriptor->expires_s);

  g_assert_cmpint (descriptor->expires_s, >, NETWORK_S);
  check_refused (text, descriptor->expires_s + 1, CEPA_ERROR_EXPIRED, "it ended at");
}

/* Cut anywhere it is refused. */
static void
test_cut (void)
{
  g_autofree char *text = one_with ("router relay1 ");
  gsize len = strlen (text);

  for (gsize i = 0; i < len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *copy = g_memdup2 (text, i);
      CepaSlice rest = { copy, i };
      gboolean is_end;

      g_assert_null (read_next (&rest, NETWORK_S, &is_end, &error));
      g_assert_true (is_end == (i == 0));
      g_assert_cmpuint (rest.len, ==, 0);
    }
}

static void
check_changed (const char *find, const char *replacement, const char *reason)
{
  g_autofree char *good = one_with ("router relay1 "), *text = maker_replace (good, find, replacement);

  check_refused (text, NETWORK_S, CEPA_ERROR_BAD_DOCUMENT, reason);
}

/* Refused before any signature is looked at. */
static void
test_malformed (void)
{
  g_autoptr (GString) many = g_string_new ("");

  check_changed ("router relay1 ", "router relay1 192.0.2.1 65536 0 0 ", "malformed port");
  check_changed ("router relay1 ", "router relay.1 ", "nickname");
  check_changed ("router relay1 ", "router ", "fewer than 5");
  check_changed ("\nidentity-ed25519\n", "\ncontact nobody\nidentity-ed25519\n", "second item");
  check_changed ("\npublished 2026", "\npublished 20x6", "published");
  check_changed ("\nproto ", "\nprotos ", "no \"proto\"");
  check_changed ("\nreject *:*\n", "\n", "no exit policy");
  check_changed ("\nreject *:*\n", "\nreject *:*\naccept6 *:*\n", "accept6");
  check_changed ("\nreject *:*\n", "\nreject\n", "without a pattern");
  check_changed ("\nreject *:*\n", "\nreject *:*\nipv6-policy accept x\n", "ipv6-policy");
  check_changed ("\nreject *:*\n", "\nreject *:*\nfamily a.b\n", "member");
  check_changed ("\nreject *:*\n", "\nreject *:*\nfamily $1234\n", "member");
  check_changed ("\nreject *:*\n", "\nreject *:*\nbandwidth 1 2 3\n", "a second \"bandwidth\"");
  check_changed ("-----BEGIN FAMILY CERT-----", "-----BEGIN ED25519 CERT-----", "END is not");
  check_changed ("\nrouter-sig-ed25519 ", "\nrouter-sig-ed25519\t", "router-sig-ed25519");
  check_changed ("\nrouter-signature\n", "\ncontact x\nrouter-signature\n", "contact");
  check_changed ("\nrouter-signature\n", "\nx\nrouter-signature\n", "not the last items");
  for (guint i = 0; i <= 1024; i++)
    g_string_append (many, "\nreject *:*");
  check_changed ("\nreject *:*", many->str, "more than 1024 lines");
}

/* The RSA signature before the other one, so that it is not of that. */
static void
test_order (void)
{
  g_autofree char *good = one_with ("router relay1 "), *line = NULL, *rest = NULL, *text = NULL;
  const char *at = strstr (good, "router-sig-ed25519 ");

  line = g_strndup (at, strcspn (at, "\n") + 1);
  rest = maker_replace (good, line, "");
  text = g_strconcat (rest, line, "x\n", NULL);
  check_refused (text, NETWORK_S, CEPA_ERROR_BAD_DOCUMENT, "not the last items");
}

int
main (int argc, char **argv)
{
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server-descriptor/c-tor-cases", test_c_tor_cases);
  g_test_add_func ("/server-descriptor/c-tor-maximal", test_c_tor_maximal);
  g_test_add_func ("/server-descriptor/network", test_network);
  g_test_add_func ("/server-descriptor/series", test_series);
  g_test_add_func ("/server-descriptor/signatures", test_signatures);
  g_test_add_func ("/server-descriptor/made", test_made);
  g_test_add_func ("/server-descriptor/times", test_times);
  g_test_add_func ("/server-descriptor/cut", test_cut);
  g_test_add_func ("/server-descriptor/malformed", test_malformed);
  g_test_add_func ("/server-descriptor/order", test_order);
  return g_test_run ();
}
