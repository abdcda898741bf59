/* SPDX-License-Identifier: BSD-3-Clause */
#include "descriptor-maker.h"

#include <sodium.h>
#include <string.h>

#include "base/encoding.h"
#include "crypto/digest.h"

#define MAKER_OTHER 99 /* the number of whoever it should not be */

typedef enum
{
  ROLE_IDENTITY = 'i',
  ROLE_SIGNING = 's',
  ROLE_NTOR = 'n',
  ROLE_FAMILY = 'f',
} Role;

typedef struct
{
  guint8 public_key[32];
  guint8 secret[64];
} EdKey;

/* Always the same of the same role and number. */
static EdKey
maker_ed_key (Role role, guint i)
{
  guint8 seed[32] = { (guint8) role, (guint8) i };
  EdKey key;

  crypto_sign_ed25519_seed_keypair (key.public_key, key.secret, seed);
  return key;
}

void
maker_descriptor_identity (guint i, guint8 key[32])
{
  memcpy (key, maker_ed_key (ROLE_IDENTITY, i).public_key, 32);
}

void
maker_descriptor_family (guint i, guint8 key[32])
{
  memcpy (key, maker_ed_key (ROLE_FAMILY, i).public_key, 32);
}

/* (transfer full): an object with a certificate of @type for @key, signed by @signer; it names @named (nullable). */
static char *
maker_ed_cert (const char *object, guint8 type, const guint8 key[32], const EdKey *signer, const EdKey *named,
               gint64 expires_s)
{
  guint32 hours = GUINT32_TO_BE ((guint32) (expires_s / 3600));
  guint8 bytes[256] = { 1, type }, signature[64];
  gsize len = 2;

  memcpy (bytes + len, &hours, 4);
  bytes[len + 4] = 1; /* an Ed25519 key */
  memcpy (bytes + len + 5, key, 32);
  len += 37;
  bytes[len++] = named != NULL;
  if (named != NULL)
    {
      const guint8 head[4] = { 0, 32, 4, 0 };

      memcpy (bytes + len, head, sizeof head);
      memcpy (bytes + len + 4, named->public_key, 32);
      len += 36;
    }
  crypto_sign_ed25519_detached (signature, NULL, bytes, len, signer->secret);
  memcpy (bytes + len, signature, sizeof signature);
  return maker_object (object, bytes, len + sizeof signature);
}

static void
maker_append_ntor (GString *out, guint i, MakerDescriptorFault fault)
{
  EdKey key = maker_ed_key (ROLE_NTOR, i), signer = key;
  EdKey identity = maker_ed_key (ROLE_IDENTITY, fault == MAKER_DESCRIPTOR_NTOR_OTHER ? MAKER_OTHER : i);
  gboolean is_negative = key.public_key[31] >> 7;
  g_autofree char *cert = NULL, *base64 = NULL;
  guint8 ntor[32];

  if (fault == MAKER_DESCRIPTOR_BAD_NTOR)
    signer = maker_ed_key (ROLE_NTOR, MAKER_OTHER);
  if (fault == MAKER_DESCRIPTOR_NTOR_SIGN)
    is_negative = !is_negative;
  g_assert_cmpint (crypto_sign_ed25519_pk_to_curve25519 (ntor, key.public_key), ==, 0);
  cert = maker_ed_cert ("ED25519 CERT", 10, identity.public_key, &signer, NULL, MAKER_DESCRIPTOR_EXPIRES_S);
  base64 = cepa_base64_encode_unpadded (ntor, sizeof ntor);
  g_string_append_printf (out, "ntor-onion-key %s\nntor-onion-key-crosscert %d\n%s", base64, is_negative, cert);
}

static void
maker_append_tap (GString *out, guint i, MakerDescriptorFault fault)
{
  const MakerKey *key = maker_key (i + 1);
  g_autofree char *cert = NULL, *public_key = NULL;
  guint8 identities[60] = { 0 };

  if (fault == MAKER_DESCRIPTOR_NO_TAP)
    return;
  memcpy (identities, maker_key (i)->digest, 20);
  memcpy (identities + 20, maker_ed_key (ROLE_IDENTITY, i).public_key, 32);
  if (fault == MAKER_DESCRIPTOR_BAD_TAP)
    identities[51] ^= 1;
  cert = maker_sign (key, "CROSSCERT", identities, fault == MAKER_DESCRIPTOR_TAP_LONGER ? sizeof identities : 52);
  public_key = maker_object ("RSA PUBLIC KEY", g_bytes_get_data (key->der, NULL), g_bytes_get_size (key->der));
  g_string_append_printf (out, "onion-key\n%sonion-key-crosscert\n%s", public_key, cert);
}

static void
maker_append_families (GString *out, guint i, MakerDescriptorFault fault)
{
  static const guint families[] = { 2, 1, 2 };
  EdKey relay = maker_ed_key (ROLE_IDENTITY, fault == MAKER_DESCRIPTOR_FAMILY_OTHER ? MAKER_OTHER : i);
  gint64 expires_s = fault == MAKER_DESCRIPTOR_FAMILY_EXPIRED ? 3600 : MAKER_DESCRIPTOR_EXPIRES_S;

  for (guint n = 0; n < G_N_ELEMENTS (families); n++)
    {
      EdKey named = maker_ed_key (ROLE_FAMILY, families[n]), signer = named;
      g_autofree char *cert = NULL;

      if (fault == MAKER_DESCRIPTOR_BAD_FAMILY && n == 1)
        signer = maker_ed_key (ROLE_FAMILY, MAKER_OTHER);
      cert = maker_ed_cert ("FAMILY CERT", 12, relay.public_key, &signer, &named, expires_s);
      g_string_append_printf (out, "family-cert\n%s", cert);
    }
}

static void
maker_append_signatures (GString *out, guint i, MakerDescriptorFault fault)
{
  EdKey signing = maker_ed_key (ROLE_SIGNING, fault == MAKER_DESCRIPTOR_BAD_ED ? MAKER_OTHER : i);
  const MakerKey *rsa = maker_key (fault == MAKER_DESCRIPTOR_BAD_RSA ? i + 1 : i);
  g_autofree char *text = NULL, *base64 = NULL, *signature = NULL;
  guint8 digest[32], ed_signature[64];

  g_string_append (out, "router-sig-ed25519 ");
  text = g_strconcat ("Tor router descriptor signature v1", out->str, NULL);
  cepa_sha256 (text, strlen (text), digest);
  crypto_sign_ed25519_detached (ed_signature, NULL, digest, sizeof digest, signing.secret);
  base64 = cepa_base64_encode_unpadded (ed_signature, sizeof ed_signature);
  g_string_append_printf (out, "%s\nrouter-signature\n", base64);
  cepa_sha1 (out->str, out->len, digest);
  signature = maker_sign (rsa, "SIGNATURE", digest, CEPA_SHA1_LEN);
  g_string_append (out, signature);
}

char *
maker_server_descriptor (guint i, MakerDescriptorFault fault, const char *extra)
{
  EdKey identity = maker_ed_key (ROLE_IDENTITY, i), certifier = identity;
  EdKey signing = maker_ed_key (ROLE_SIGNING, i);
  const MakerKey *rsa = maker_key (i);
  g_autofree char *cert = NULL, *base64 = cepa_base64_encode_unpadded (identity.public_key, 32), *key = NULL;
  GString *out = g_string_new (NULL);

  if (fault == MAKER_DESCRIPTOR_BAD_IDENTITY)
    certifier = maker_ed_key (ROLE_IDENTITY, MAKER_OTHER);
  cert = maker_ed_cert ("ED25519 CERT", 4, signing.public_key, &certifier, &identity, MAKER_DESCRIPTOR_EXPIRES_S);
  key = maker_object ("RSA PUBLIC KEY", g_bytes_get_data (rsa->der, NULL), g_bytes_get_size (rsa->der));
  g_string_append_printf (out, "router made%u 192.0.2.%u 9001 0 0\nidentity-ed25519\n%smaster-key-ed25519 %s\n", i, i,
                          cert, base64);
  g_string_append (out, "proto Link=3-5 Relay=2-4\npublished 2026-06-01 12:00:00\nbandwidth 1000 2000 3000\n");
  g_string_append_printf (out, "signing-key\n%s", key);
  maker_append_tap (out, i, fault);
  maker_append_ntor (out, i, fault);
  maker_append_families (out, i, fault);
  g_string_append_printf (out, "%sreject *:*\n", extra != NULL ? extra : "");
  maker_append_signatures (out, i, fault);
  return g_string_free (out, FALSE);
}
