/* SPDX-License-Identifier: BSD-3-Clause */
/* The flavour that names server descriptors, of a network of C Tor 0.4.9.11. */
#include <string.h>

#include <cepa/network.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "maker.h"
#include "netdoc/consensus-text.h"

#define NETWORK_VALID_AFTER_S 1795803001 /* 2026-11-27 18:10:01 */
#define N_RELAYS 10
#define P_R "p reject 1-65535\nr relay1 " /* the end of one entry and the start of the next */

typedef struct
{
  char *text;
  gsize len;
  GPtrArray *sources;
  GPtrArray *certificates;
} NsData;

static void
ns_set_up (NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  gsize certificates_len, lines_len;
  g_autofree char *certificates = maker_read_data ("key-certificates-ns.txt", &certificates_len);
  g_autofree char *lines = maker_read_data ("authorities-ns.txt", &lines_len);
  g_auto (GStrv) each = g_strsplit (g_strchomp (lines), "\n", -1);

  data->text = maker_read_data ("consensus-ns.txt", &data->len);
  data->certificates = cepa_key_certificates_parse_all (certificates, certificates_len, NULL);
  data->sources = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  for (guint i = 0; each[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;

      g_ptr_array_add (data->sources, cepa_directory_source_parse_authority (each[i], &error));
      g_assert_no_error (error);
    }
}

static void
ns_tear_down (NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  g_free (data->text);
  g_ptr_array_unref (data->sources);
  g_ptr_array_unref (data->certificates);
}

static CepaConsensus *
ns_verify (const NsData *data)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data->text, data->len);
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (GError) error = NULL;
  CepaConsensus *consensus;

  unverified = cepa_consensus_parse_flavour (bytes, CEPA_CONSENSUS_NS, &error);
  g_assert_no_error (error);
  consensus
    = cepa_consensus_verify (unverified, data->sources, data->certificates, NETWORK_VALID_AFTER_S, &error);
  g_assert_no_error (error);
  return consensus;
}

/* Signed, and each relay's digest and policy are those of its lines. */
static void
test_network (NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  g_autoptr (CepaConsensus) consensus = ns_verify (data);
  const CepaRouterStatus *relays;
  const CepaSlice *policies;
  gsize offset = 0;
  guint n, n_policies;

  g_assert_cmpint (cepa_consensus_get_flavour (consensus), ==, CEPA_CONSENSUS_NS);
  relays = cepa_consensus_get_relays (consensus, &n);
  policies = cepa_consensus_get_policies (consensus, &n_policies);
  g_assert_cmpuint (n, ==, N_RELAYS);
  g_assert_cmpuint (n_policies, ==, N_RELAYS);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *id = cepa_base64_encode_unpadded (relays[i].rsa_id, 20);
      g_autofree char *digest = cepa_base64_encode_unpadded (relays[i].descriptor_digest, 20);
      g_autofree char *line = g_strdup_printf ("\nr %s %s %s 2026-11-27 18:", relays[i].nickname, id, digest);
      g_autofree char *policy = g_strndup (policies[i].text, policies[i].len);
      CepaRouterText text;

      g_assert_nonnull (strstr (data->text, line));
      g_assert_cmpstr (policy, ==, relays[i].flags & CEPA_RELAY_EXIT ? "reject 25" : "reject 1-65535");
      g_assert_cmphex (relays[i].ipv4 >> 24, ==, 127);
      g_assert_cmpuint (relays[i].or_port, !=, 0);
      g_assert_true (cepa_consensus_read_text (consensus, cepa_consensus_get_text (consensus), i, &offset, &text));
      g_assert_cmpint (ABS (text.published_s - NETWORK_VALID_AFTER_S), <, 3600);
    }
}

/* Whoever asked for one flavour does not get the other. */
static void
test_other_flavour (NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  gsize len;
  g_autofree char *microdesc = maker_read_data ("consensus-microdesc.txt", &len);
  g_autoptr (GBytes) ns_bytes = g_bytes_new (data->text, data->len), microdesc_bytes = g_bytes_new (microdesc, len);
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_consensus_parse (ns_bytes, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "not of the microdescriptor flavour");
  g_clear_error (&error);
  g_assert_null (cepa_consensus_parse_flavour (microdesc_bytes, CEPA_CONSENSUS_NS, &error));
  maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, "not of the ns flavour");
}

static void
test_microdesc (G_GNUC_UNUSED NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  g_autoptr (GString) text = maker_consensus (1, 3, NULL);
  g_autoptr (GPtrArray) sources = maker_sources (1), certificates = maker_certificates (1);
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autofree char *signature = maker_directory_signature (maker_authority (0), FALSE, text->str);
  g_autofree char *whole = g_strconcat (text->str, signature + strlen ("directory-signature "), NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (whole, strlen (whole));
  g_autoptr (GError) error = NULL;
  guint n = 1;

  unverified = cepa_consensus_parse (bytes, &error);
  g_assert_no_error (error);
  consensus = cepa_consensus_verify (unverified, sources, certificates, 1780315200, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cepa_consensus_get_flavour (consensus), ==, CEPA_CONSENSUS_MICRODESC);
  g_assert_null (cepa_consensus_get_policies (consensus, &n));
  g_assert_cmpuint (n, ==, 0);
}

static void
test_malformed (NsData *data, G_GNUC_UNUSED gconstpointer user_data)
{
  static const struct
  {
    const char *find;
    const char *replacement;
    const char *reason; /* NULL: it is still a consensus */
  } changes[] = {
    { "network-status-version 3\n", "network-status-version 3 ns\n", NULL },
    { "network-status-version 3\n", "network-status-version 3 nsx\n", "not of the ns flavour" },
    { " f0IjEZRGVKiGBQpq26JJwNIWrAY ", " ", "fewer than 8 arguments" },
    { " f0IjEZRGVKiGBQpq26JJwNIWrAY ", " f0IjEZRGVKiGBQpq26JJwNIWrAY x ", "malformed time" },
    { " f0IjEZRGVKiGBQpq26JJwNIWrAY ", " f0IjEZRGVKiGBQpq26JJwNIWrA ", "malformed digest" },
    { " f0IjEZRGVKiGBQpq26JJwNIWrAY ", " f0IjEZRGVKiGBQpq26JJwNIWrAY= ", NULL },
    { P_R, "r relay1 ", NULL },
    { P_R, "p reject 1-65535\np accept 80\nr relay1 ", "a second \"p\"" },
    { P_R, "m whatever\nr relay1 ", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *text = maker_replace (data->text, changes[i].find, changes[i].replacement);
      g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
      g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
      g_autoptr (GError) error = NULL;

      unverified = cepa_consensus_parse_flavour (bytes, CEPA_CONSENSUS_NS, &error);
      if (changes[i].reason == NULL)
        g_assert_no_error (error);
      else
        maker_assert_error (error, CEPA_ERROR_BAD_DOCUMENT, changes[i].reason);
    }
}

int
main (int argc, char **argv)
{
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/consensus-ns/network", NsData, NULL, ns_set_up, test_network, ns_tear_down);
  g_test_add ("/consensus-ns/other-flavour", NsData, NULL, ns_set_up, test_other_flavour, ns_tear_down);
  g_test_add ("/consensus-ns/microdesc", NsData, NULL, ns_set_up, test_microdesc, ns_tear_down);
  g_test_add ("/consensus-ns/malformed", NsData, NULL, ns_set_up, test_malformed, ns_tear_down);
  return g_test_run ();
}
