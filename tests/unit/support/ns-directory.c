/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/ns-directory.h"

#include <string.h>

#include "base/encoding.h"

/* Keys of the maker from here on are the relays'; those before are authorities'. */
#define NS_FIRST 10

char *
ns_directory_descriptor (guint i, MakerDescriptorFault fault)
{
  return maker_server_descriptor (NS_FIRST + i, fault, i == NS_DIRECTORY_N - 1 ? "accept *:80\n" : NULL);
}

void
ns_directory_digest (const char *descriptor, guint8 digest[32])
{
  g_autoptr (CepaUnverifiedServerDescriptor) read = NULL;
  g_autoptr (GError) error = NULL;
  CepaSlice rest = { descriptor, strlen (descriptor) };

  cepa_unverified_server_descriptor_next (&rest, &read, &error);
  g_assert_no_error (error);
  memset (digest, 0, 32);
  memcpy (digest, cepa_unverified_server_descriptor_get_digest (read), 20);
}

void
ns_directory_rsa_id (guint i, guint8 id[20])
{
  memcpy (id, maker_key (NS_FIRST + i)->digest, 20);
}

void
ns_directory_ed25519_id (guint i, guint8 id[32])
{
  maker_descriptor_identity (NS_FIRST + i, id);
}

static void
ns_append_date (GString *out, const char *keyword, gint64 date_s)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (date_s);
  g_autofree char *text = g_date_time_format (date, "%Y-%m-%d %H:%M:%S");

  g_string_append_printf (out, "%s %s\n", keyword, text);
}

static void
ns_append_relay (GString *out, guint i, const char *descriptor)
{
  guint8 id[20], digest[32];
  g_autofree char *id_text = NULL, *digest_text = NULL;

  ns_directory_rsa_id (i, id);
  ns_directory_digest (descriptor, digest);
  id_text = cepa_base64_encode_unpadded (id, sizeof id);
  digest_text = cepa_base64_encode_unpadded (digest, 20);
  g_string_append_printf (out, "r made%u %s %s 2038-01-01 00:00:00 10.%u.0.1 9001 0\n", NS_FIRST + i, id_text, digest_text,
                          i);
  g_string_append_printf (out, "s Fast%s%s Running Stable Valid\n", i == NS_DIRECTORY_N - 1 ? " Exit" : "",
                          i == 0 ? " Guard" : "");
  g_string_append_printf (out, "v Tor 0.4.9.11\npr Link=1-5 Relay=1-4\nw Bandwidth=100\np %s\n",
                          i == NS_DIRECTORY_N - 1 ? "accept 80" : "reject 1-65535");
}

static gint
ns_compare (gconstpointer a, gconstpointer b)
{
  guint8 x[20], y[20];

  ns_directory_rsa_id (*(const guint *) a, x);
  ns_directory_rsa_id (*(const guint *) b, y);
  return memcmp (x, y, sizeof x);
}

char *
ns_directory_consensus (gint64 valid_after_s, char *const descriptors[NS_DIRECTORY_N])
{
  const MakerAuthority *authority = maker_authority (0);
  GString *out = g_string_new ("network-status-version 3\nvote-status consensus\nconsensus-method 34\n");
  guint order[NS_DIRECTORY_N];
  g_autofree char *signature = NULL;
  char identity[41];

  ns_append_date (out, "valid-after", valid_after_s);
  ns_append_date (out, "fresh-until", valid_after_s + 3600);
  ns_append_date (out, "valid-until", valid_after_s + 3 * 3600);
  cepa_hex_encode_to (authority->identity->digest, 20, identity);
  g_string_append_printf (out,
                          "voting-delay 300 300\nclient-versions\nserver-versions\n"
                          "known-flags Exit Fast Guard Running Stable V2Dir Valid\n"
                          "dir-source test0 %s 127.0.0.1 127.0.0.1 9030 9001\ncontact nobody\n"
                          "vote-digest 0000000000000000000000000000000000000000\n",
                          identity);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    order[i] = i;
  qsort (order, NS_DIRECTORY_N, sizeof *order, ns_compare);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    ns_append_relay (out, order[i], descriptors[order[i]]);
  g_string_append (out, "directory-footer\ndirectory-signature ");
  signature = maker_directory_signature (authority, TRUE, out->str);
  g_string_append (out, signature + strlen ("directory-signature "));
  return g_string_free (out, FALSE);
}
