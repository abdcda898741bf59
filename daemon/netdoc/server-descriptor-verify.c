/* SPDX-License-Identifier: BSD-3-Clause */
/* Who signed a server descriptor (dir-spec: "Server descriptor format"; proposal 321 for families). */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/server-descriptor-private.h"

#define DESCRIPTOR_ED_PREFIX "Tor router descriptor signature v1"
#define DESCRIPTOR_FAMILY_ID "ed25519:"

void
cepa_server_descriptor_free (CepaServerDescriptor *self)
{
  ServerDescriptor *whole = (ServerDescriptor *) self;

  if (self == NULL)
    return;
  g_array_unref (whole->policy);
  g_free (whole->family_ids);
  g_free (whole);
}

static gboolean
descriptor_fail (GError **error, const char *what)
{
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE, what);
  return FALSE;
}

/* The RSA identity signed the text. */
static gboolean
descriptor_verify_rsa (const CepaUnverifiedServerDescriptor *self, GError **error)
{
  const CepaServerDescriptor *out = &self->out->base;

  if (!cepa_rsa_key_verify_digest (self->rsa_key, self->rsa_signature.bytes, self->rsa_signature.len, out->digest,
                                   sizeof out->digest))
    return descriptor_fail (error, "not signed by its RSA identity");
  return TRUE;
}

/* The TAP key signed both identities. */
static gboolean
descriptor_verify_onion_key (const CepaUnverifiedServerDescriptor *self, GError **error)
{
  const CepaServerDescriptor *out = &self->out->base;
  guint8 identities[sizeof out->rsa_id + sizeof out->ed25519_id];

  if (self->onion_key == NULL)
    return TRUE;
  memcpy (identities, out->rsa_id, sizeof out->rsa_id);
  memcpy (identities + sizeof out->rsa_id, out->ed25519_id, sizeof out->ed25519_id);
  if (!cepa_rsa_key_verify_start (self->onion_key, self->onion_crosscert.bytes, self->onion_crosscert.len, identities,
                                  sizeof identities))
    return descriptor_fail (error, "its onion-key has not signed its identities");
  return TRUE;
}

/* The Ed25519 identity certified a key, and that one signed the text. */
static gboolean
descriptor_verify_ed25519 (const CepaUnverifiedServerDescriptor *self, gint64 now_s, GError **error)
{
  const CepaServerDescriptor *out = &self->out->base;
  const gsize prefix = strlen (DESCRIPTOR_ED_PREFIX);
  g_autofree guint8 *text = g_malloc (prefix + self->ed_signed_len);
  guint8 digest[CEPA_SHA256_LEN];

  memcpy (text, DESCRIPTOR_ED_PREFIX, prefix);
  memcpy (text + prefix, out->text.text, self->ed_signed_len);
  cepa_sha256 (text, prefix + self->ed_signed_len, digest);
  if (!cepa_ed25519_verify (self->ed_signature, digest, sizeof digest, self->identity.cert.key))
    return descriptor_fail (error, "not signed by its Ed25519 signing key");
  return cepa_ed_cert_check (&self->identity.cert, out->ed25519_id, now_s, error);
}

/* The ntor key signed the Ed25519 identity. */
static gboolean
descriptor_verify_ntor_key (const CepaUnverifiedServerDescriptor *self, gint64 now_s, GError **error)
{
  const CepaServerDescriptor *out = &self->out->base;
  guint8 key[CEPA_ED25519_KEY_LEN];

  if (memcmp (self->ntor_crosscert.cert.key, out->ed25519_id, sizeof out->ed25519_id) != 0
      || !cepa_ed25519_from_x25519 (out->ntor_key, self->ntor_is_negative, key))
    return descriptor_fail (error, "its ntor-onion-key has not signed its Ed25519 identity");
  return cepa_ed_cert_check (&self->ntor_crosscert.cert, key, now_s, error);
}

static gint
descriptor_compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Each family's key certified the Ed25519 identity. */
static gboolean
descriptor_verify_families (const CepaUnverifiedServerDescriptor *self, GError **error)
{
  for (guint i = 0; i < self->family_certs->len; i++)
    {
      const CepaEdCert *cert = &((const ServerDescriptorCert *) g_ptr_array_index (self->family_certs, i))->cert;

      if (memcmp (cert->key, self->out->base.ed25519_id, sizeof cert->key) != 0)
        return descriptor_fail (error, "a family certificate of another relay");
      if (!cepa_ed_cert_check (cert, cert->signing_key, 0, error))
        return FALSE;
    }
  return TRUE;
}

/* Sets the ids of its families, in order, each once. */
static void
descriptor_set_families (CepaUnverifiedServerDescriptor *self)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  GString *text;

  if (self->family_certs->len == 0)
    return;
  for (guint i = 0; i < self->family_certs->len; i++)
    {
      const CepaEdCert *cert = &((const ServerDescriptorCert *) g_ptr_array_index (self->family_certs, i))->cert;
      g_autofree char *key = cepa_base64_encode_unpadded (cert->signing_key, sizeof cert->signing_key);

      g_ptr_array_add (ids, g_strconcat (DESCRIPTOR_FAMILY_ID, key, NULL));
    }
  g_ptr_array_sort (ids, descriptor_compare_words);
  text = g_string_new (g_ptr_array_index (ids, 0));
  for (guint i = 1; i < ids->len; i++)
    if (strcmp (g_ptr_array_index (ids, i), g_ptr_array_index (ids, i - 1)) != 0)
      g_string_append_printf (text, " %s", (const char *) g_ptr_array_index (ids, i));
  self->out->family_ids = g_string_free (text, FALSE);
  self->out->base.family_ids = self->out->family_ids;
}

/* (transfer full): what @self says, which may be believed. */
static CepaServerDescriptor *
descriptor_take_out (CepaUnverifiedServerDescriptor *self)
{
  CepaServerDescriptor *out = &self->out->base;

  descriptor_set_families (self);
  out->expires_s = MIN (self->identity.cert.expires_s, self->ntor_crosscert.cert.expires_s);
  self->out = NULL;
  return out;
}

CepaServerDescriptor *
cepa_server_descriptor_verify (CepaUnverifiedServerDescriptor *unverified, gint64 now_s, GError **error)
{
  g_autoptr (CepaUnverifiedServerDescriptor) self = unverified;

  if (!descriptor_verify_rsa (self, error) || !descriptor_verify_ed25519 (self, now_s, error)
      || !descriptor_verify_ntor_key (self, now_s, error) || !descriptor_verify_onion_key (self, error)
      || !descriptor_verify_families (self, error))
    {
      g_prefix_error (error, "server descriptor of %s: ", self->out->base.nickname);
      return NULL;
    }
  return descriptor_take_out (self);
}

static gint
descriptor_compare_status (gconstpointer rsa_id, gconstpointer status)
{
  return memcmp (rsa_id, ((const CepaRouterStatus *) status)->rsa_id, sizeof ((const CepaRouterStatus *) 0)->rsa_id);
}

/* Whether @consensus lists this one, and no other, of its relay. */
static gboolean
descriptor_is_listed (const CepaUnverifiedServerDescriptor *self, const CepaConsensus *consensus)
{
  const CepaServerDescriptor *out = &self->out->base;
  guint n = 0;
  const CepaRouterStatus *relays = cepa_consensus_get_relays (consensus, &n), *found = NULL;

  if (n > 0 && cepa_consensus_get_flavour (consensus) == CEPA_CONSENSUS_NS)
    found = bsearch (out->rsa_id, relays, n, sizeof *relays, descriptor_compare_status);
  return found != NULL && memcmp (found->descriptor_digest, out->digest, sizeof out->digest) == 0;
}

CepaServerDescriptor *
cepa_server_descriptor_trust (CepaUnverifiedServerDescriptor *unverified, const CepaConsensus *consensus, gint64 now_s,
                              GError **error)
{
  g_autoptr (CepaUnverifiedServerDescriptor) self = unverified;

  if (!descriptor_is_listed (self, consensus))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE, "server descriptor of %s: not the one that the consensus lists",
                   self->out->base.nickname);
      return NULL;
    }
  if (self->identity.cert.expires_s <= now_s || self->ntor_crosscert.cert.expires_s <= now_s)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_EXPIRED, "server descriptor of %s: its certificates have expired",
                   self->out->base.nickname);
      return NULL;
    }
  return descriptor_take_out (self);
}
