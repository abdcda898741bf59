/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/test-consensus.h"

#include <string.h>

#include "base/encoding.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "netdoc/maker.h"

/* Behind the number in an identity, so that a search must compare further. */
#define RELAY_ID_PREFIX 0xce

static const struct
{
  guint32 flag;
  const char *name;
} flag_names[] = {
  { CEPA_RELAY_AUTHORITY, "Authority" },
  { CEPA_RELAY_BAD_EXIT, "BadExit" },
  { CEPA_RELAY_EXIT, "Exit" },
  { CEPA_RELAY_FAST, "Fast" },
  { CEPA_RELAY_GUARD, "Guard" },
  { CEPA_RELAY_HSDIR, "HSDir" },
  { CEPA_RELAY_MIDDLE_ONLY, "MiddleOnly" },
  { CEPA_RELAY_NO_ED_CONSENSUS, "NoEdConsensus" },
  { CEPA_RELAY_RUNNING, "Running" },
  { CEPA_RELAY_STABLE, "Stable" },
  { CEPA_RELAY_STALE_DESC, "StaleDesc" },
  { CEPA_RELAY_V2DIR, "V2Dir" },
  { CEPA_RELAY_VALID, "Valid" },
};

void
test_relay_id (guint i, guint8 id[20])
{
  guint32 number = GUINT32_TO_BE (i);

  memset (id, 0, 20);
  id[0] = RELAY_ID_PREFIX;
  memcpy (id + 16, &number, sizeof number);
}

char *
test_relay_fingerprint (guint i)
{
  guint8 id[20];
  char hex[41];

  test_relay_id (i, id);
  cepa_hex_encode_to (id, sizeof id, hex);
  return g_strconcat ("$", hex, NULL);
}

char *
test_consensus_microdescriptor (const TestConsensus *self, guint i)
{
  const char *more = self->relays[i].microdesc;
  guint8 key[32] = { 0 };
  guint32 number = GUINT32_TO_BE (self->relays[i].key != 0 ? self->relays[i].key : i + 1);
  g_autofree char *text = NULL;

  memcpy (key, &number, sizeof number);
  text = cepa_base64_encode_unpadded (key, sizeof key);
  return g_strdup_printf ("onion-key\nntor-onion-key %s\n%s", text, more != NULL ? more : "");
}

static void
append_flags (GString *out, guint32 flags)
{
  g_string_append (out, "s");
  for (guint i = 0; i < G_N_ELEMENTS (flag_names); i++)
    if ((flags & flag_names[i].flag) != 0)
      g_string_append_printf (out, " %s", flag_names[i].name);
  g_string_append_c (out, '\n');
}

static void
append_relay (GString *out, const TestConsensus *self, guint i)
{
  const TestRelay *relay = &self->relays[i];
  guint32 ipv4 = relay->ipv4 != 0 ? relay->ipv4 : 0x0a000001 | (i & 0xff) << 16;
  g_autofree char *microdesc = test_consensus_microdescriptor (self, i);
  g_autofree char *own_name = g_strdup_printf ("relay%u", i);
  guint8 id[20], digest[32];
  g_autofree char *id_text = NULL, *digest_text = NULL;

  test_relay_id (i, id);
  id_text = cepa_base64_encode_unpadded (id, sizeof id);
  cepa_sha256 (microdesc, strlen (microdesc), digest);
  digest_text = cepa_base64_encode_unpadded (digest, sizeof digest);
  g_string_append_printf (out, "r %s %s 2038-01-01 00:00:00 %u.%u.%u.%u 9001 0\n",
                          relay->nickname != NULL ? relay->nickname : own_name, id_text, ipv4 >> 24,
                          ipv4 >> 16 & 255, ipv4 >> 8 & 255, ipv4 & 255);
  if (relay->ipv6 != NULL)
    g_string_append_printf (out, "a %s\n", relay->ipv6);
  g_string_append_printf (out, "m %s\n", digest_text);
  append_flags (out, relay->flags);
  g_string_append_printf (out, "v Tor 0.4.9.11\npr %s\nw Bandwidth=%u%s\n",
                          relay->protocols != NULL ? relay->protocols : "Link=1-5 Relay=1-4", relay->bandwidth,
                          relay->w != NULL ? relay->w : "");
}

static gint64
consensus_valid_after_s (const TestConsensus *self)
{
  return self->valid_after_s != 0 ? self->valid_after_s : TEST_CONSENSUS_VALID_AFTER_S;
}

static void
append_date (GString *out, const char *keyword, gint64 date_s)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (date_s);
  g_autofree char *text = g_date_time_format (date, "%Y-%m-%d %H:%M:%S");

  g_string_append_printf (out, "%s %s\n", keyword, text);
}

char *
test_consensus_text (const TestConsensus *self)
{
  const MakerAuthority *authority = maker_authority (0);
  gint64 valid_after_s = consensus_valid_after_s (self);
  GString *out = g_string_new ("network-status-version 3 microdesc\n"
                               "vote-status consensus\n"
                               "consensus-method 34\n");
  g_autofree char *signature = NULL;
  char identity[41];

  append_date (out, "valid-after", valid_after_s);
  append_date (out, "fresh-until", valid_after_s + 3600);
  append_date (out, "valid-until", valid_after_s + 3 * 3600);
  g_string_append (out, "voting-delay 300 300\n"
                        "client-versions\n"
                        "server-versions\n"
                        "known-flags Authority BadExit Exit Fast Guard HSDir MiddleOnly NoEdConsensus "
                        "Running Stable StaleDesc V2Dir Valid\n");
  if (self->protocols != NULL)
    g_string_append (out, self->protocols);
  if (self->params != NULL)
    g_string_append_printf (out, "params %s\n", self->params);
  cepa_hex_encode_to (authority->identity->digest, 20, identity);
  g_string_append_printf (out,
                          "dir-source test0 %s 127.0.0.1 127.0.0.1 9030 9001\n"
                          "contact nobody\n"
                          "vote-digest 0000000000000000000000000000000000000000\n",
                          identity);
  for (guint i = 0; i < self->n_relays; i++)
    if (!self->relays[i].is_absent)
      append_relay (out, self, i);
  g_string_append (out, "directory-footer\n");
  if (self->weights != NULL)
    g_string_append_printf (out, "bandwidth-weights %s\n", self->weights);
  g_string_append (out, "directory-signature ");
  signature = maker_directory_signature (authority, TRUE, out->str);
  g_string_append (out, signature + strlen ("directory-signature "));
  return g_string_free (out, FALSE);
}

CepaConsensus *
test_consensus_make (const TestConsensus *self)
{
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autoptr (GPtrArray) certificates = maker_certificates (1);
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  CepaConsensus *consensus;
  char *text = test_consensus_text (self);

  bytes = g_bytes_new_take (text, strlen (text));
  unverified = cepa_consensus_parse (bytes, &error);
  g_assert_no_error (error);
  consensus = cepa_consensus_verify (unverified, sources, certificates, consensus_valid_after_s (self),
                                     &error);
  g_assert_no_error (error);
  return consensus;
}

guint
test_consensus_add_microdescriptor (const TestConsensus *self, CepaNetwork *network, guint i)
{
  g_autofree char *text = test_consensus_microdescriptor (self, i);
  g_autoptr (GError) error = NULL;
  CepaSlice rest = { text, strlen (text) };
  CepaMicrodescriptor parsed;

  g_assert_cmpint (cepa_microdescriptor_next (&rest, &parsed, &error), ==, CEPA_MICRODESCRIPTOR_GOOD);
  return cepa_network_add_microdescriptor (network, &parsed);
}

CepaNetwork *
test_consensus_make_network (const TestConsensus *self)
{
  g_autoptr (CepaConsensus) consensus = test_consensus_make (self);
  CepaNetwork *network = cepa_network_new (consensus);

  for (guint i = 0; i < self->n_relays; i++)
    test_consensus_add_microdescriptor (self, network, i);
  cepa_network_commit (network);
  return network;
}

void
test_network_take_flags (CepaNetwork *network, guint row, guint32 flags)
{
  CepaRelay *relay = (CepaRelay *) cepa_network_get_relay (network, row);

  relay->flags &= ~flags;
}

void
test_consensus_init (void)
{
  g_autoptr (GError) error = NULL;

  cepa_secret_init (&error);
  g_assert_no_error (error);
  cepa_crypto_init (&error);
  g_assert_no_error (error);
}
