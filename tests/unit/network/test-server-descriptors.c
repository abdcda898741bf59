/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of the ns flavour, of a network of C Tor 0.4.9.11, and the exit policies of its server descriptors. */
#include "network/server-descriptors.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "netdoc/maker.h"
#include "network/address-policy.h"

#define VALID_AFTER_S 1795803010 /* 2026-11-27 18:10:10 */
#define N_RELAYS 10
#define N_NAMED 9 /* one has written a new descriptor before the authorities voted */

typedef struct
{
  char *text; /* the descriptors point into it */
  GPtrArray *descriptors;
  CepaNetwork *network;
} NsNetwork;

static CepaConsensus *
ns_consensus (void)
{
  gsize len, certificates_len, lines_len;
  g_autofree char *text = maker_read_data ("consensus-ns-next.txt", &len);
  g_autofree char *certificates_text = maker_read_data ("key-certificates-ns.txt", &certificates_len);
  g_autofree char *lines = maker_read_data ("authorities-ns.txt", &lines_len);
  g_auto (GStrv) each = g_strsplit (g_strchomp (lines), "\n", -1);
  g_autoptr (GBytes) bytes = g_bytes_new (text, len);
  g_autoptr (GPtrArray) certificates = cepa_key_certificates_parse_all (certificates_text, certificates_len, NULL);
  g_autoptr (GPtrArray) sources = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (GError) error = NULL;
  CepaConsensus *consensus;

  for (guint i = 0; each[i] != NULL; i++)
    g_ptr_array_add (sources, cepa_directory_source_parse_authority (each[i], NULL));
  unverified = cepa_consensus_parse_flavour (bytes, CEPA_CONSENSUS_NS, &error);
  g_assert_no_error (error);
  consensus = cepa_consensus_verify (unverified, sources, certificates, VALID_AFTER_S, &error);
  g_assert_no_error (error);
  return consensus;
}

static void
ns_set_up (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  g_autoptr (CepaConsensus) consensus = ns_consensus ();
  CepaUnverifiedServerDescriptor *unverified;
  gsize len;
  CepaSlice rest;

  self->text = maker_read_data ("server-descriptors.txt", &len);
  self->descriptors = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_server_descriptor_free);
  self->network = cepa_network_new (consensus);
  rest = (CepaSlice) { self->text, len };
  while (cepa_unverified_server_descriptor_next (&rest, &unverified, NULL) == CEPA_SERVER_DESCRIPTOR_GOOD)
    g_ptr_array_add (self->descriptors, cepa_server_descriptor_verify (unverified, VALID_AFTER_S, NULL));
  g_assert_cmpuint (self->descriptors->len, ==, N_RELAYS);
}

static void
ns_tear_down (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  cepa_network_unref (self->network);
  g_ptr_array_unref (self->descriptors);
  g_free (self->text);
}

static void
test_rows (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  g_autoptr (GArray) missing = NULL;
  gint family = -1;
  guint n = 0;

  for (guint i = 0; i < self->descriptors->len; i++)
    n += cepa_network_add_server_descriptor (self->network, g_ptr_array_index (self->descriptors, i));
  g_assert_cmpuint (n, ==, N_NAMED);
  cepa_network_commit (self->network);
  missing = cepa_network_list_missing (self->network);
  g_assert_cmpuint (missing->len, ==, N_RELAYS - N_NAMED);
  for (guint i = 0; i < self->descriptors->len; i++)
    {
      const CepaServerDescriptor *descriptor = g_ptr_array_index (self->descriptors, i);
      gint row = cepa_network_find (self->network, descriptor->rsa_id);
      const CepaRelay *relay = cepa_network_get_relay (self->network, (guint) row);
      gboolean is_exit = (relay->flags & CEPA_RELAY_EXIT) != 0;

      if ((relay->flags & CEPA_RELAY_HAS_KEYS) == 0)
        continue;
      g_assert_cmpmem (relay->ed25519_id, 32, descriptor->ed25519_id, 32);
      g_assert_cmpmem (cepa_network_get_ntor_key (self->network, (guint) row), 32, descriptor->ntor_key, 32);
      g_assert_cmpint (cepa_network_exit_allows (self->network, (guint) row, 80, FALSE), ==, is_exit);
      g_assert_cmpint (cepa_network_exit_allows (self->network, (guint) row, 80, TRUE), ==, is_exit);
      g_assert_false (cepa_network_exit_allows (self->network, (guint) row, 25, FALSE));
      if (descriptor->family_ids == NULL)
        continue;
      g_assert_true (family < 0 || cepa_network_same_family (self->network, (guint) family, (guint) row));
      family = row;
    }
  g_assert_cmpint (family, >=, 0);
}

/* Only what the consensus names, and once. */
static void
test_others (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  const CepaServerDescriptor *first = NULL;
  CepaServerDescriptor changed;

  for (guint i = 0; i < self->descriptors->len && first == NULL; i++)
    if (g_str_has_prefix (((const CepaServerDescriptor *) g_ptr_array_index (self->descriptors, i))->nickname, "exit"))
      first = g_ptr_array_index (self->descriptors, i);
  changed = *first;
  changed.digest[19] ^= 1;
  g_assert_cmpuint (cepa_network_add_server_descriptor (self->network, &changed), ==, 0);
  changed = *first;
  changed.rsa_id[0] ^= 1;
  g_assert_cmpuint (cepa_network_add_server_descriptor (self->network, &changed), ==, 0);
  g_assert_cmpuint (cepa_network_add_server_descriptor (self->network, first), ==, 1);
  g_assert_cmpuint (cepa_network_add_server_descriptor (self->network, first), ==, 0);
}

/* @descriptor again, as one that was kept. */
static CepaServerDescriptor *
ns_trust (const CepaServerDescriptor *descriptor, const CepaConsensus *consensus, gint64 now_s, GError **error)
{
  CepaSlice rest = descriptor->text;
  CepaUnverifiedServerDescriptor *unverified;

  g_assert_cmpint (cepa_unverified_server_descriptor_next (&rest, &unverified, NULL), ==, CEPA_SERVER_DESCRIPTOR_GOOD);
  return cepa_server_descriptor_trust (unverified, consensus, now_s, error);
}

/* What the consensus lists is believed without its signatures, and says the same as with them. */
static void
test_trust (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  const CepaConsensus *consensus = cepa_network_get_consensus (self->network);
  guint n = 0;

  for (guint i = 0; i < self->descriptors->len; i++)
    {
      const CepaServerDescriptor *verified = g_ptr_array_index (self->descriptors, i);
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaServerDescriptor) trusted = ns_trust (verified, consensus, VALID_AFTER_S, &error);
      gboolean is_named = cepa_network_add_server_descriptor (self->network, verified) > 0;

      g_assert_cmpint (trusted != NULL, ==, is_named);
      if (!is_named)
        {
          maker_assert_error (error, CEPA_ERROR_BAD_SIGNATURE, "not the one that the consensus lists");
          continue;
        }
      n++;
      g_assert_cmpmem (trusted->ed25519_id, 32, verified->ed25519_id, 32);
      g_assert_cmpmem (trusted->ntor_key, 32, verified->ntor_key, 32);
      g_assert_cmpstr (trusted->family_ids, ==, verified->family_ids);
      g_assert_cmpint (trusted->expires_s, ==, verified->expires_s);
      g_assert_null (ns_trust (verified, consensus, verified->expires_s, &error));
      maker_assert_error (error, CEPA_ERROR_EXPIRED, "its certificates have expired");
    }
  g_assert_cmpuint (n, ==, N_NAMED);
}

static void
test_find_text (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  const CepaSlice all = { self->text, strlen (self->text) };
  guint8 other[20] = { 1 };
  CepaSlice found = { NULL, 7 };

  for (guint i = 0; i < self->descriptors->len; i++)
    {
      const CepaServerDescriptor *descriptor = g_ptr_array_index (self->descriptors, i);

      g_assert_false (cepa_server_descriptor_find_text (all, other, descriptor->ntor_key, &found));
      g_assert_cmpuint (found.len, ==, 7);
      g_assert_true (cepa_server_descriptor_find_text (all, descriptor->digest, descriptor->ntor_key, &found));
      g_assert_true (found.text == descriptor->text.text);
      g_assert_cmpuint (found.len, ==, descriptor->text.len);
      found.len = 7;
    }
}

/* The whole policies, compiled: what is not in the summary. */
static void
test_policies (NsNetwork *self, G_GNUC_UNUSED gconstpointer user_data)
{
  for (guint i = 0; i < self->descriptors->len; i++)
    {
      const CepaServerDescriptor *descriptor = g_ptr_array_index (self->descriptors, i);
      g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
      gboolean is_exit = g_str_has_prefix (descriptor->nickname, "exit");

      for (guint line = 0; line < descriptor->n_policy; line++)
        {
          g_autoptr (GError) error = NULL;

          cepa_address_policy_add (policy, descriptor->policy[line].text, descriptor->policy[line].len,
                                   CEPA_ADDRESS_POLICY_BARE_IS_FAULT, &error);
          g_assert_no_error (error);
        }
      g_assert_cmpint (cepa_address_policy_ask_ipv4 (policy, 0x7f000001, 80), ==,
                       is_exit ? CEPA_ADDRESS_POLICY_ACCEPTS : CEPA_ADDRESS_POLICY_REJECTS);
      g_assert_cmpint (cepa_address_policy_ask_ipv4 (policy, 0x7f000001, 25), ==, CEPA_ADDRESS_POLICY_REJECTS);
      g_assert_cmpint (cepa_address_policy_rejects_all (policy, FALSE), ==, !is_exit);
    }
}

int
main (int argc, char **argv)
{
  if (!cepa_secret_init (NULL) || !cepa_crypto_init (NULL))
    return 1;
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/server-descriptors/rows", NsNetwork, NULL, ns_set_up, test_rows, ns_tear_down);
  g_test_add ("/server-descriptors/others", NsNetwork, NULL, ns_set_up, test_others, ns_tear_down);
  g_test_add ("/server-descriptors/trust", NsNetwork, NULL, ns_set_up, test_trust, ns_tear_down);
  g_test_add ("/server-descriptors/find-text", NsNetwork, NULL, ns_set_up, test_find_text, ns_tear_down);
  g_test_add ("/server-descriptors/policies", NsNetwork, NULL, ns_set_up, test_policies, ns_tear_down);
  return g_test_run ();
}
