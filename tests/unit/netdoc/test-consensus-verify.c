/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus.h"

#include <string.h>

#include <cepa/network.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"

#define DAY_S (24 * 60 * 60)
#define NETWORK_VALID_AFTER_S 1795362207 /* 2026-11-22 15:43:27 */
#define MADE_VALID_AFTER_S 1780315200    /* 2026-06-01 12:00:00 */
#define MADE_VALID_UNTIL_S (MADE_VALID_AFTER_S + 3 * 60 * 60)

static CepaUnverifiedConsensus *
parse (const char *text, gsize len)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, len);
  g_autoptr (GError) error = NULL;
  CepaUnverifiedConsensus *consensus = cepa_consensus_parse (bytes, &error);

  g_assert_no_error (error);
  return consensus;
}

static void
assert_refused (const char *text, const GPtrArray *sources, const GPtrArray *certificates, gint64 now_s,
                int code, const char *reason)
{
  g_autoptr (CepaUnverifiedConsensus) unverified = parse (text, strlen (text));
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_consensus_verify (unverified, sources, certificates, now_s, &error));
  maker_assert_error (error, code, reason);
}

static CepaConsensus *
verify (const char *text, const GPtrArray *sources, const GPtrArray *certificates, gint64 now_s)
{
  g_autoptr (CepaUnverifiedConsensus) unverified = parse (text, strlen (text));
  g_autoptr (GError) error = NULL;
  CepaConsensus *consensus = cepa_consensus_verify (unverified, sources, certificates, now_s, &error);

  g_assert_no_error (error);
  g_assert_nonnull (consensus);
  return consensus;
}

/* Signatures of the authorities in @signers, by their digits; a "!" behind one makes its signature wrong, an
   "s" one of SHA-256. */
static char *
sign_text (const char *text, const char *signers)
{
  GString *out = g_string_new (text);

  /* The first keyword is there already. */
  g_string_truncate (out, out->len - strlen ("directory-signature "));
  for (const char *p = signers; *p != '\0'; p++)
    {
      gboolean sha256 = p[1] == 's', wrong = p[1] == '!';
      g_autofree char *altered = wrong ? g_strconcat (text, "x", NULL) : g_strdup (text);
      MakerAuthority *signer = maker_authority ((guint) (*p - '0'));
      g_autofree char *item = maker_directory_signature (signer, sha256, altered);

      g_string_append (out, item);
      p += sha256 || wrong;
    }
  return g_string_free (out, FALSE);
}

static char *
make_signed (guint n_voters, const char *signers)
{
  g_autoptr (GString) text = maker_consensus (n_voters, 3, NULL);

  return sign_text (text->str, signers);
}

typedef struct
{
  char *text;
  gsize len;
  GPtrArray *sources;
  GPtrArray *certificates;
} NetworkData;

/* The consensus that real authorities signed, with their certificates. */
static void
network_set_up (NetworkData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  gsize certificates_len, lines_len;
  g_autofree char *certificates = maker_read_data ("key-certificates.txt", &certificates_len);
  g_autofree char *lines = maker_read_data ("authorities.txt", &lines_len);
  g_auto (GStrv) each = g_strsplit (g_strchomp (lines), "\n", -1);

  data->text = maker_read_data ("consensus-microdesc.txt", &data->len);
  data->certificates = cepa_key_certificates_parse_all (certificates, certificates_len, NULL);
  data->sources = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  for (guint i = 0; each[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;

      g_ptr_array_add (data->sources, cepa_directory_source_parse_authority (each[i], &error));
      g_assert_no_error (error);
    }
  g_assert_cmpuint (data->sources->len, ==, 3);
  g_assert_cmpuint (data->certificates->len, ==, 3);
}

static void
network_tear_down (NetworkData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  g_free (data->text);
  g_ptr_array_unref (data->sources);
  g_ptr_array_unref (data->certificates);
}

static void
test_network (NetworkData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  g_autoptr (CepaConsensus) consensus = NULL;
  const CepaRouterStatus *relays;
  guint n;

  consensus = verify (data->text, data->sources, data->certificates, NETWORK_VALID_AFTER_S);
  g_assert_cmpint (cepa_consensus_get_valid_after_s (consensus), ==, NETWORK_VALID_AFTER_S);
  g_assert_cmpint (cepa_consensus_get_fresh_until_s (consensus), ==, NETWORK_VALID_AFTER_S + 20);
  g_assert_cmpint (cepa_consensus_get_valid_until_s (consensus), ==, NETWORK_VALID_AFTER_S + 60);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "cc_alg", 7), ==, 2);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "guard-n-primary-guards", 7), ==, 3);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "guard-n-primary-guards-to-use", 7), ==, 1);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "hsdir_interval", 7), ==, 1440);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "guard-n-primary", 7), ==, 7);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "cc_alg2", 7), ==, 7);
  g_assert_cmpint (cepa_consensus_get_param (consensus, "", 7), ==, 7);
  g_assert_cmpint (cepa_consensus_get_weights (consensus)[CEPA_WBD], ==, 3333);
  g_assert_cmpint (cepa_consensus_get_weights (consensus)[CEPA_WGG], ==, 5834);
  g_assert_cmpint (cepa_consensus_get_weights (consensus)[CEPA_WMM], ==, 10000);
  g_assert_cmpstr (cepa_consensus_get_required_client_protocols (consensus), ==,
                   "Cons=2 Desc=2 FlowCtrl=1 Link=4 Microdesc=2 Relay=2");
  g_assert_cmpstr (cepa_consensus_get_recommended_client_protocols (consensus), ==,
                   "Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4 HSRend=2 Link=4-5 Microdesc=2 "
                   "Relay=2-4");
  g_assert_null (cepa_consensus_get_current_shared_random (consensus));
  g_assert_cmpmem (g_bytes_get_data (cepa_consensus_get_text (consensus), NULL),
                   g_bytes_get_size (cepa_consensus_get_text (consensus)), data->text, data->len);

  relays = cepa_consensus_get_relays (consensus, &n);
  g_assert_cmpuint (n, ==, 10);
  g_assert_cmpstr (relays[0].nickname, ==, "exit2");
  g_assert_cmphex (relays[0].ipv4, ==, 0x7f4cac88);
  g_assert_cmpuint (relays[0].or_port, ==, 54247);
  g_assert_cmpuint (relays[0].ipv6_port, ==, 0);
  g_assert_cmpuint (relays[0].bandwidth, ==, 10000);
  g_assert_false (relays[0].is_unmeasured);
  g_assert_cmphex (relays[0].rsa_id[0], ==, 0x05);
  g_assert_cmphex (relays[0].microdesc_digest[0], ==, 0xd4);
  g_assert_cmphex (relays[0].flags, ==,
                   CEPA_RELAY_EXIT | CEPA_RELAY_FAST | CEPA_RELAY_HSDIR | CEPA_RELAY_RUNNING
                   | CEPA_RELAY_STABLE | CEPA_RELAY_V2DIR | CEPA_RELAY_VALID);
  g_assert_cmpstr (relays[9].nickname, ==, "auth3");
  g_assert_true (relays[9].is_unmeasured);
  g_assert_cmpuint (relays[9].bandwidth, ==, 0);
  g_assert_true (relays[9].flags & CEPA_RELAY_AUTHORITY);
}

/* Any bit of what is signed: it does not parse, or no signature is good. */
static void
test_changed_byte (NetworkData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  const char *signature = strstr (data->text, "\ndirectory-signature ");
  gsize signed_len = (gsize) (signature - data->text) + strlen ("\ndirectory-signature ");
  guint n_parsed = 0;

  for (gsize i = 0; i < signed_len; i++)
    {
      char changed = (char) (1 << i % 7);
      g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GError) error = NULL;

      data->text[i] ^= changed;
      bytes = g_bytes_new (data->text, data->len);
      data->text[i] ^= changed;
      unverified = cepa_consensus_parse (bytes, NULL);
      if (unverified == NULL)
        continue;
      n_parsed++;
      g_assert_null (cepa_consensus_verify (unverified, data->sources, data->certificates,
                                            NETWORK_VALID_AFTER_S, &error));
      maker_assert_error (error, CEPA_ERROR_BAD_SIGNATURE, "0 good, ");
    }
  g_assert_cmpuint (n_parsed, >, 1000);
}

static void
test_majority (void)
{
  static const struct
  {
    guint n_authorities;
    const char *signers;
    const char *reason; /* NULL: it is enough */
  } cases[] = {
    { 1, "0", NULL },
    { 3, "012", NULL },
    { 3, "0s1", NULL },
    { 3, "0", ": 1 good, 0 bad, 0 without key certificate of 3 authorities; 2 are needed; "
              "not signed by: test1 test2" },
    { 3, "01!", ": 1 good, 1 bad, 0 without key certificate of 3 authorities; 2 are needed; bad: test1; "
                "not signed by: test2" },
    { 3, "01!2", NULL },
    { 4, "01", ": 2 good, 0 bad, 0 without key certificate of 4 authorities; 3 are needed" },
    { 4, "013", NULL },
    /* An authority counts once, however often it signs; and one bad signature does not spoil its good one. */
    { 3, "00", ": 1 good, 0 bad" },
    { 3, "00s", ": 1 good, 0 bad" },
    { 3, "00s0s01!", ": 1 good, 1 bad" },
    { 3, "0!01", NULL },
    { 3, "00!1", NULL },
    /* Others' signatures count for nothing, good as they may be. */
    { 3, "0345", ": 1 good, 0 bad, 0 without key certificate of 3 authorities" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = make_signed (cases[i].n_authorities, cases[i].signers);
      g_autoptr (GPtrArray) sources = maker_sources (cases[i].n_authorities);
      g_autoptr (GPtrArray) certificates = maker_certificates (6);

      if (cases[i].reason != NULL)
        assert_refused (text, sources, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                        cases[i].reason);
      else
        cepa_consensus_unref (verify (text, sources, certificates, MADE_VALID_AFTER_S));
    }
}

static void
test_message (void)
{
  g_autofree char *text = make_signed (3, "01!2");
  g_autoptr (GPtrArray) sources = maker_sources (3);
  g_autoptr (GPtrArray) certificates = maker_certificates (2);

  assert_refused (text, sources, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "consensus valid after 2026-06-01 12:00:00: 1 good, 1 bad, 1 without key certificate of 3 "
                  "authorities; 2 are needed; bad: test1; without key certificate: test2");
}

/* One configured twice is one; one without v3ident is none. */
static void
test_authorities (void)
{
  g_autofree char *text = make_signed (3, "0");
  g_autofree char *both = make_signed (3, "01");
  g_autoptr (GPtrArray) twice = maker_sources (2);
  g_autoptr (GPtrArray) mixed = maker_sources (1);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GPtrArray) certificates = maker_certificates (3);
  CepaDirectorySource bridge_authority = maker_authority (1)->source;
  CepaDirectorySource fallback = maker_authority (2)->source;

  g_ptr_array_add (twice, &maker_authority (0)->source);
  assert_refused (text, twice, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "1 good, 0 bad, 0 without key certificate of 2 authorities");

  bridge_authority.is_v3 = FALSE;
  fallback.is_authority = FALSE;
  g_ptr_array_add (mixed, &bridge_authority);
  g_ptr_array_add (mixed, &fallback);
  cepa_consensus_unref (verify (text, mixed, certificates, MADE_VALID_AFTER_S));

  assert_refused (both, none, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "0 good, 0 bad, 0 without key certificate of 0 authorities; 1 are needed");
}

/* The signature by the right key but said to be another's, and the other way round. */
static void
test_borrowed_name (void)
{
  g_autoptr (GString) body = maker_consensus (1, 1, NULL);
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (2);
  char signing[41], other_signing[41], identity[41], other_identity[41];
  g_autofree char *item = NULL;
  g_autofree char *other_item = NULL;
  g_autofree char *forged = NULL;

  cepa_hex_encode_to (maker_authority (0)->signing->digest, 20, signing);
  cepa_hex_encode_to (maker_authority (1)->signing->digest, 20, other_signing);
  cepa_hex_encode_to (maker_authority (0)->identity->digest, 20, identity);
  cepa_hex_encode_to (maker_authority (1)->identity->digest, 20, other_identity);

  /* Signed by authority 1, under the identity of authority 0 and with the key's own digest. */
  item = maker_directory_signature (maker_authority (1), FALSE, body->str);
  other_item = maker_replace (item, other_identity, identity);
  g_string_truncate (body, body->len - strlen ("directory-signature "));
  forged = g_strconcat (body->str, other_item, NULL);
  assert_refused (forged, sources, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "0 good, 0 bad, 1 without key certificate of 1 authorities");
  g_clear_pointer (&forged, g_free);

  /* The same, with the digest of the key of authority 0. */
  forged = g_strconcat (body->str, item, NULL);
  g_clear_pointer (&item, g_free);
  item = maker_replace (forged, other_signing, signing);
  g_clear_pointer (&forged, g_free);
  forged = maker_replace (item, other_identity, identity);
  assert_refused (forged, sources, certificates, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "0 good, 1 bad");
}

/* A certificate counts while it had not expired when the consensus became valid. */
static void
test_expired_certificate (void)
{
  const MakerFaults on_time = { .expires = "2026-06-01 12:00:00" };
  const MakerFaults late = { .expires = "2026-06-01 11:59:59" };
  g_autofree char *text = make_signed (1, "0");
  g_autoptr (CepaUnverifiedConsensus) unverified = parse (text, strlen (text));
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) good = g_ptr_array_new ();
  g_autoptr (GPtrArray) expired = g_ptr_array_new ();
  g_autofree char *good_text = maker_certificate (maker_authority (0), &on_time);
  g_autofree char *expired_text = maker_certificate (maker_authority (0), &late);
  g_autoptr (CepaKeyCertificate) fresh = NULL;
  g_autoptr (CepaKeyCertificate) stale = NULL;
  g_autoptr (GArray) missing = NULL;

  fresh = cepa_key_certificate_parse (good_text, strlen (good_text), NULL);
  stale = cepa_key_certificate_parse (expired_text, strlen (expired_text), NULL);
  g_ptr_array_add (good, fresh);
  g_ptr_array_add (expired, stale);
  cepa_consensus_unref (verify (text, sources, good, MADE_VALID_AFTER_S));
  assert_refused (text, sources, expired, MADE_VALID_AFTER_S, CEPA_ERROR_BAD_SIGNATURE,
                  "0 good, 0 bad, 1 without key certificate");
  missing = cepa_unverified_consensus_missing_certificates (unverified, sources, expired);
  g_assert_cmpuint (missing->len, ==, 1);

  /* A newer one for the same key beside it does. */
  g_ptr_array_add (expired, fresh);
  cepa_consensus_unref (verify (text, sources, expired, MADE_VALID_AFTER_S));
}

static void
test_times (void)
{
  g_autofree char *text = make_signed (1, "0");
  g_autofree char *forged = make_signed (1, "0!");
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);

  cepa_consensus_unref (verify (text, sources, certificates, MADE_VALID_AFTER_S - DAY_S));
  cepa_consensus_unref (verify (text, sources, certificates, MADE_VALID_UNTIL_S + DAY_S));
  assert_refused (text, sources, certificates, MADE_VALID_AFTER_S - DAY_S - 1, CEPA_ERROR_CLOCK_SKEW,
                  "consensus valid after 2026-06-01 12:00:00: from the future, more than 24 hours from our "
                  "clock's 2026-05-31 11:59:59");
  assert_refused (text, sources, certificates, MADE_VALID_UNTIL_S + DAY_S + 1, CEPA_ERROR_EXPIRED,
                  "consensus valid until 2026-06-01 15:00:00: expired more than 24 hours before our clock's "
                  "2026-06-02 15:00:01");
  assert_refused (text, sources, certificates, G_MAXINT64, CEPA_ERROR_EXPIRED, "expired");
  assert_refused (text, sources, certificates, G_MININT64, CEPA_ERROR_CLOCK_SKEW, "from the future");
  /* What is not signed is not believed about its time either. */
  assert_refused (forged, sources, certificates, G_MAXINT64, CEPA_ERROR_BAD_SIGNATURE, "0 good, 1 bad");
}

static void
test_missing_certificates (void)
{
  g_autofree char *text = make_signed (3, "00s123");
  g_autoptr (CepaUnverifiedConsensus) unverified = parse (text, strlen (text));
  g_autoptr (GPtrArray) sources = maker_sources (3);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GPtrArray) two = maker_certificates (2);
  g_autoptr (GArray) all = cepa_unverified_consensus_missing_certificates (unverified, sources, none);
  g_autoptr (GArray) rest = cepa_unverified_consensus_missing_certificates (unverified, sources, two);
  const CepaKeyCertificateId *last;

  g_assert_cmpuint (all->len, ==, 3);
  g_assert_cmpuint (rest->len, ==, 1);
  last = &g_array_index (rest, CepaKeyCertificateId, 0);
  g_assert_cmpmem (last->identity, 20, maker_authority (2)->identity->digest, 20);
  g_assert_cmpmem (last->signing_key_digest, 20, maker_authority (2)->signing->digest, 20);
}

/* Lines that name keys of an authority without end do not make us ask without end. */
static void
test_missing_limit (void)
{
  g_autofree char *text = make_signed (1, "0");
  g_autoptr (GString) many = g_string_new (text);
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GArray) missing = NULL;
  const char *item = strstr (text, "directory-signature ");
  char signing[41];

  cepa_hex_encode_to (maker_authority (0)->signing->digest, 20, signing);
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *other = g_strdup_printf ("%040x", i);
      g_autofree char *line = maker_replace (item, signing, other);

      g_string_append (many, line);
    }
  unverified = parse (many->str, many->len);
  missing = cepa_unverified_consensus_missing_certificates (unverified, sources, none);
  g_assert_cmpuint (missing->len, ==, 2);
}

/* A relay that nothing can be built with is not in the table. */
static void
test_unusable_relays (void)
{
  g_autoptr (GString) made = maker_consensus (1, 3, NULL);
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autofree char *without_port = maker_replace (made->str, "10.0.0.2 9001", "10.0.0.2 0");
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (GString) changed = g_string_new (without_port);
  const CepaRouterStatus *relays;
  g_autofree char *text = NULL;
  guint n;
  char *m;

  /* Of two addresses the first counts. */
  g_string_insert (changed, strstr (changed->str, "a [2001:db8::1]:9001\n") - changed->str
                   + (gssize) strlen ("a [2001:db8::1]:9001\n"), "a [2001:db8::ff]:9999\n");
  m = strstr (changed->str, "\nm ") + 1;
  /* The first relay's "m" becomes a line that is not known. */
  *m = 'x';
  text = sign_text (changed->str, "0");
  consensus = verify (text, sources, certificates, MADE_VALID_AFTER_S);
  relays = cepa_consensus_get_relays (consensus, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpstr (relays[0].nickname, ==, "relay1");
  g_assert_cmpuint (relays[0].ipv6_port, ==, 9001);
  g_assert_cmphex (relays[0].ipv6[15], ==, 1);
}

static void
test_flags (void)
{
  g_autoptr (GString) made = maker_consensus (1, 1, NULL);
  g_autofree char *all = maker_replace (made->str, "s Exit Fast Guard HSDir Running Stable V2Dir Valid",
                                        "s Authority BadExit Exit Fast Guard HSDir MiddleOnly NoEdConsensus "
                                        "Running Stable StaleDesc Sybil V2Dir Valid Zeal");
  g_autofree char *none = maker_replace (made->str, "s Exit Fast Guard HSDir Running Stable V2Dir Valid",
                                         "s");
  g_autofree char *all_signed = sign_text (all, "0");
  g_autofree char *none_signed = sign_text (none, "0");
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autoptr (CepaConsensus) first = verify (all_signed, sources, certificates, MADE_VALID_AFTER_S);
  g_autoptr (CepaConsensus) second = verify (none_signed, sources, certificates, MADE_VALID_AFTER_S);
  guint n;

  g_assert_cmphex (cepa_consensus_get_relays (first, &n)->flags, ==, (CEPA_RELAY_VALID << 1) - 1);
  g_assert_cmphex (cepa_consensus_get_relays (second, &n)->flags, ==, CEPA_RELAY_RUNNING | CEPA_RELAY_VALID);
}

static void
test_shared_random (void)
{
  g_autoptr (GString) made = maker_consensus (1, 1,
                                              "shared-rand-previous-value 9 "
                                              "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
                                              "shared-rand-current-value 8 "
                                              "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n");
  g_autofree char *text = sign_text (made->str, "0");
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autoptr (CepaConsensus) consensus = verify (text, sources, certificates, MADE_VALID_AFTER_S);
  guint8 previous[32], current[32];

  memset (previous, 1, sizeof previous);
  memset (current, 2, sizeof current);
  g_assert_cmpmem (cepa_consensus_get_previous_shared_random (consensus), 32, previous, 32);
  g_assert_cmpmem (cepa_consensus_get_current_shared_random (consensus), 32, current, 32);
}

static void
check_weights (const char *params, const char *weights, gint32 wbd, gint32 wmm)
{
  g_autoptr (GString) made = maker_consensus (1, 1, params);
  g_autofree char *footer = g_strconcat ("directory-footer\n", weights, NULL);
  g_autofree char *with = maker_replace (made->str, "directory-footer\n", footer);
  g_autofree char *text = sign_text (with, "0");
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autoptr (CepaConsensus) consensus = verify (text, sources, certificates, MADE_VALID_AFTER_S);

  g_assert_cmpint (cepa_consensus_get_weights (consensus)[CEPA_WBD], ==, wbd);
  g_assert_cmpint (cepa_consensus_get_weights (consensus)[CEPA_WMM], ==, wmm);
}

static void
test_weights (void)
{
  check_weights (NULL, "", 10000, 10000);
  check_weights (NULL, "bandwidth-weights Wbd=1 Wmm=2\n", 1, 2);
  check_weights (NULL, "bandwidth-weights Wbd=0\n", 0, 10000);
  check_weights (NULL, "bandwidth-weights Wbd=10001 Wmm=2147483647\n", 10000, 10000);
  check_weights ("params bwweightscale=100\n", "bandwidth-weights Wbd=50 Wmm=100\n", 5000, 10000);
  check_weights ("params bwweightscale=0\n", "bandwidth-weights Wbd=0 Wmm=1\n", 0, 10000);
}

/* It outlives what it was made from. */
static void
test_lifetime (void)
{
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autofree char *text = make_signed (1, "0");
  CepaConsensus *consensus = verify (text, sources, certificates, MADE_VALID_AFTER_S);
  CepaConsensus *second = cepa_consensus_ref (consensus);
  guint n;

  g_ptr_array_set_size (certificates, 0);
  cepa_consensus_unref (consensus);
  g_assert_cmpstr (cepa_consensus_get_relays (second, &n)->nickname, ==, "relay0");
  g_assert_cmpuint (n, ==, 3);
  cepa_consensus_unref (second);
}

/* As large as the public network: well under 300 ms is wanted. The bound is ten times that, for slow machines
   and sanitizers. */
static void
test_large (void)
{
  g_autoptr (GString) made = maker_consensus (1, 10000, NULL);
  g_autofree char *text = sign_text (made->str, "0");
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  gint64 began = g_get_monotonic_time (), parsed, verified;
  guint n;

  unverified = parse (text, strlen (text));
  parsed = g_get_monotonic_time ();
  consensus = cepa_consensus_verify (unverified, sources, certificates, MADE_VALID_AFTER_S, NULL);
  verified = g_get_monotonic_time ();
  g_test_message ("%zu bytes: parsed in %.1f ms, verified in %.1f ms", strlen (text),
                  (double) (parsed - began) / 1000, (double) (verified - parsed) / 1000);
  g_assert_cmpint (verified - began, <, 3 * G_USEC_PER_SEC);
  g_assert_cmpstr (cepa_consensus_get_relays (consensus, &n)[9999].nickname, ==, "relay9999");
  g_assert_cmpuint (n, ==, 10000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_add ("/netdoc/consensus-verify/network", NetworkData, NULL, network_set_up, test_network,
              network_tear_down);
  g_test_add ("/netdoc/consensus-verify/changed-byte", NetworkData, NULL, network_set_up, test_changed_byte,
              network_tear_down);
  g_test_add_func ("/netdoc/consensus-verify/majority", test_majority);
  g_test_add_func ("/netdoc/consensus-verify/message", test_message);
  g_test_add_func ("/netdoc/consensus-verify/authorities", test_authorities);
  g_test_add_func ("/netdoc/consensus-verify/borrowed-name", test_borrowed_name);
  g_test_add_func ("/netdoc/consensus-verify/expired-certificate", test_expired_certificate);
  g_test_add_func ("/netdoc/consensus-verify/times", test_times);
  g_test_add_func ("/netdoc/consensus-verify/missing-certificates", test_missing_certificates);
  g_test_add_func ("/netdoc/consensus-verify/missing-limit", test_missing_limit);
  g_test_add_func ("/netdoc/consensus-verify/unusable-relays", test_unusable_relays);
  g_test_add_func ("/netdoc/consensus-verify/flags", test_flags);
  g_test_add_func ("/netdoc/consensus-verify/shared-random", test_shared_random);
  g_test_add_func ("/netdoc/consensus-verify/weights", test_weights);
  g_test_add_func ("/netdoc/consensus-verify/lifetime", test_lifetime);
  g_test_add_func ("/netdoc/consensus-verify/large", test_large);
  return g_test_run ();
}
