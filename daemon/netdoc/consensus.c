/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/consensus-private.h"
#include "netdoc/values.h"

/* C Tor's "reasonably live": how long before and behind its time a consensus is still used. */
#define CONSENSUS_TOLERANCE_S (24 * 60 * 60)

struct _CepaConsensus
{
  gatomicrefcount refs;
  CepaConsensusBody *body;
};

CepaUnverifiedConsensus *
cepa_consensus_parse (GBytes *text, GError **error)
{
  return cepa_consensus_parse_flavour (text, CEPA_CONSENSUS_MICRODESC, error);
}

CepaUnverifiedConsensus *
cepa_consensus_parse_flavour (GBytes *text, CepaConsensusFlavour flavour, GError **error)
{
  CepaUnverifiedConsensus *self;
  CepaConsensusBody *body;

  g_return_val_if_fail (text != NULL, NULL);

  body = cepa_consensus_body_parse (text, flavour, error);
  if (body == NULL)
    return NULL;
  self = g_new0 (CepaUnverifiedConsensus, 1);
  self->body = body;
  return self;
}

void
cepa_unverified_consensus_free (CepaUnverifiedConsensus *self)
{
  if (self == NULL)
    return;
  cepa_consensus_body_unref (self->body);
  g_free (self);
}

gint64
cepa_unverified_consensus_get_valid_after_s (const CepaUnverifiedConsensus *self)
{
  return self->body->valid_after_s;
}

/* The v3 authorities, each once however often it is configured. */
static GPtrArray *
consensus_list_v3_authorities (const GPtrArray *authorities)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < authorities->len; i++)
    {
      CepaDirectorySource *source = g_ptr_array_index (authorities, i);
      gboolean is_new = source->is_authority && source->is_v3;

      for (guint j = 0; is_new && j < list->len; j++)
        is_new = memcmp (((CepaDirectorySource *) g_ptr_array_index (list, j))->v3_id, source->v3_id,
                         sizeof source->v3_id) != 0;
      if (is_new)
        g_ptr_array_add (list, source);
    }
  return list;
}

/* The certificate that @signature needs, if it had not expired when the consensus became valid. */
static const CepaKeyCertificate *
consensus_find_certificate (const CepaConsensusBody *body, const CepaConsensusSignature *signature,
                            const GPtrArray *certificates)
{
  for (guint i = 0; i < certificates->len; i++)
    {
      const CepaKeyCertificate *certificate = g_ptr_array_index (certificates, i);
      const guint8 *identity = cepa_key_certificate_get_identity (certificate);
      const guint8 *digest = cepa_key_certificate_get_signing_key_digest (certificate);

      if (memcmp (identity, signature->identity, sizeof signature->identity) == 0
          && memcmp (digest, signature->signing_key_digest, sizeof signature->signing_key_digest) == 0
          && cepa_key_certificate_get_expires_s (certificate) >= body->valid_after_s)
        return certificate;
    }
  return NULL;
}

static gboolean
consensus_has_certificate_id (const GArray *ids, const CepaKeyCertificateId *id)
{
  for (guint i = 0; i < ids->len; i++)
    if (memcmp (&g_array_index (ids, CepaKeyCertificateId, i), id, sizeof *id) == 0)
      return TRUE;
  return FALSE;
}

/* Adds what @authority's signatures need and is not in @certificates. */
static void
consensus_add_missing (const CepaConsensusBody *body, const CepaDirectorySource *authority,
                       const GPtrArray *certificates, GArray *ids)
{
  guint limit = ids->len + CEPA_CONSENSUS_MAX_WANTED_CERTIFICATES;

  for (guint i = 0; i < body->signatures->len && ids->len < limit; i++)
    {
      const CepaConsensusSignature *signature = &g_array_index (body->signatures, CepaConsensusSignature, i);
      CepaKeyCertificateId id;

      if (memcmp (signature->identity, authority->v3_id, sizeof authority->v3_id) != 0
          || consensus_find_certificate (body, signature, certificates) != NULL)
        continue;
      memcpy (id.identity, signature->identity, sizeof id.identity);
      memcpy (id.signing_key_digest, signature->signing_key_digest, sizeof id.signing_key_digest);
      if (!consensus_has_certificate_id (ids, &id))
        g_array_append_val (ids, id);
    }
}

GArray *
cepa_unverified_consensus_missing_certificates (const CepaUnverifiedConsensus *self,
                                                const GPtrArray *authorities,
                                                const GPtrArray *certificates)
{
  g_autoptr (GPtrArray) v3_authorities = NULL;
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (CepaKeyCertificateId));

  v3_authorities = consensus_list_v3_authorities (authorities);
  for (guint i = 0; i < v3_authorities->len; i++)
    consensus_add_missing (self->body, g_ptr_array_index (v3_authorities, i), certificates, ids);
  return ids;
}

/* From the best that an authority can have to the worst. */
typedef enum
{
  CONSENSUS_SIGNED_WELL,
  CONSENSUS_SIGNED_BADLY,
  CONSENSUS_WITHOUT_CERTIFICATE,
  CONSENSUS_NOT_SIGNED,
  CONSENSUS_N_VERDICTS,
} ConsensusVerdict;

/* A consensus being verified. */
typedef struct
{
  const CepaConsensusBody *body;
  const GPtrArray *certificates;
  guint8 sha1[CEPA_SHA1_LEN];
  guint8 sha256[CEPA_SHA256_LEN];
  GPtrArray *authorities;                  /* v3 ones, each once */
  guint n[CONSENSUS_N_VERDICTS];           /* of authorities */
  GString *names[CONSENSUS_N_VERDICTS];    /* of authorities */
} ConsensusVerifier;

static ConsensusVerdict
consensus_judge_signature (const ConsensusVerifier *self, const CepaConsensusSignature *signature)
{
  const CepaKeyCertificate *certificate;
  gboolean good;

  certificate = consensus_find_certificate (self->body, signature, self->certificates);
  if (certificate == NULL)
    return CONSENSUS_WITHOUT_CERTIFICATE;
  good = cepa_rsa_key_verify_digest (cepa_key_certificate_get_signing_key (certificate), signature->bytes,
                                     signature->len, signature->is_sha256 ? self->sha256 : self->sha1,
                                     signature->is_sha256 ? sizeof self->sha256 : sizeof self->sha1);
  return good ? CONSENSUS_SIGNED_WELL : CONSENSUS_SIGNED_BADLY;
}

/* The best of an authority's signatures counts, and counts once. */
static ConsensusVerdict
consensus_judge_authority (const ConsensusVerifier *self, const CepaDirectorySource *authority)
{
  const GArray *signatures = self->body->signatures;
  ConsensusVerdict best = CONSENSUS_NOT_SIGNED;

  for (guint i = 0; i < signatures->len && best != CONSENSUS_SIGNED_WELL; i++)
    {
      const CepaConsensusSignature *signature = &g_array_index (signatures, CepaConsensusSignature, i);

      if (memcmp (signature->identity, authority->v3_id, sizeof authority->v3_id) == 0)
        best = MIN (best, consensus_judge_signature (self, signature));
    }
  return best;
}

static void
consensus_judge_all (ConsensusVerifier *self)
{
  const char *text = g_bytes_get_data (self->body->text, NULL);

  cepa_sha1 (text, self->body->signed_len, self->sha1);
  cepa_sha256 (text, self->body->signed_len, self->sha256);
  for (guint i = 0; i < self->authorities->len; i++)
    {
      const CepaDirectorySource *authority = g_ptr_array_index (self->authorities, i);
      ConsensusVerdict verdict = consensus_judge_authority (self, authority);
      GString *names = self->names[verdict];
      char id[2 * sizeof authority->v3_id + 1];

      self->n[verdict]++;
      cepa_hex_encode_to (authority->v3_id, sizeof authority->v3_id, id);
      g_string_append_printf (names, "%s%s", names->len > 0 ? " " : "",
                              authority->nickname != NULL ? authority->nickname : id);
    }
}

static void
consensus_describe (const ConsensusVerifier *self, GString *out, ConsensusVerdict verdict, const char *label)
{
  if (self->n[verdict] > 0)
    g_string_append_printf (out, "; %s: %s", label, self->names[verdict]->str);
}

static gboolean
consensus_check_majority (const ConsensusVerifier *self, GError **error)
{
  g_autofree char *valid_after = NULL;
  g_autoptr (GString) who = NULL;

  if (self->n[CONSENSUS_SIGNED_WELL] * 2 > self->authorities->len)
    return TRUE;
  valid_after = cepa_netdoc_format_time (self->body->valid_after_s);
  who = g_string_new (NULL);
  consensus_describe (self, who, CONSENSUS_SIGNED_BADLY, "bad");
  consensus_describe (self, who, CONSENSUS_WITHOUT_CERTIFICATE, "without key certificate");
  consensus_describe (self, who, CONSENSUS_NOT_SIGNED, "not signed by");
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE,
               "consensus valid after %s: %u good, %u bad, %u without key certificate of %u authorities; "
               "%u are needed%s",
               valid_after, self->n[CONSENSUS_SIGNED_WELL], self->n[CONSENSUS_SIGNED_BADLY],
               self->n[CONSENSUS_WITHOUT_CERTIFICATE], self->authorities->len,
               self->authorities->len / 2 + 1, who->str);
  return FALSE;
}

static gboolean
consensus_check_signatures (const CepaConsensusBody *body, const GPtrArray *authorities,
                            const GPtrArray *certificates, GError **error)
{
  ConsensusVerifier verifier = { .body = body, .certificates = certificates };
  gboolean good;

  verifier.authorities = consensus_list_v3_authorities (authorities);
  for (guint i = 0; i < CONSENSUS_N_VERDICTS; i++)
    verifier.names[i] = g_string_new (NULL);
  consensus_judge_all (&verifier);
  good = consensus_check_majority (&verifier, error);
  for (guint i = 0; i < CONSENSUS_N_VERDICTS; i++)
    g_string_free (verifier.names[i], TRUE);
  g_ptr_array_unref (verifier.authorities);
  return good;
}

static gboolean
consensus_check_times (const CepaConsensusBody *body, gint64 now_s, GError **error)
{
  g_autofree char *now = NULL;
  g_autofree char *limit = NULL;

  if (now_s >= body->valid_after_s - CONSENSUS_TOLERANCE_S
      && now_s <= body->valid_until_s + CONSENSUS_TOLERANCE_S)
    return TRUE;
  now = cepa_netdoc_format_time (now_s);
  if (now_s < body->valid_after_s)
    {
      limit = cepa_netdoc_format_time (body->valid_after_s);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOCK_SKEW,
                   "consensus valid after %s: from the future, more than 24 hours from our clock's %s", limit,
                   now);
    }
  else
    {
      limit = cepa_netdoc_format_time (body->valid_until_s);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_EXPIRED,
                   "consensus valid until %s: expired more than 24 hours before our clock's %s", limit, now);
    }
  return FALSE;
}

CepaConsensus *
cepa_consensus_from_body (CepaConsensusBody *body)
{
  CepaConsensus *self = g_new0 (CepaConsensus, 1);

  g_atomic_ref_count_init (&self->refs);
  self->body = cepa_consensus_body_ref (body);
  return self;
}

CepaConsensus *
cepa_consensus_verify (const CepaUnverifiedConsensus *unverified, const GPtrArray *authorities,
                       const GPtrArray *certificates, gint64 now_s, GError **error)
{
  g_return_val_if_fail (unverified != NULL && authorities != NULL && certificates != NULL, NULL);

  /* First the signatures: what it says of its times is not known to be true before. */
  if (!consensus_check_signatures (unverified->body, authorities, certificates, error)
      || !consensus_check_times (unverified->body, now_s, error))
    return NULL;
  return cepa_consensus_from_body (unverified->body);
}

CepaConsensus *
cepa_consensus_ref (CepaConsensus *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
cepa_consensus_unref (CepaConsensus *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->refs))
    return;
  cepa_consensus_body_unref (self->body);
  g_free (self);
}

gint64
cepa_consensus_get_valid_after_s (const CepaConsensus *self)
{
  return self->body->valid_after_s;
}

gint64
cepa_consensus_get_fresh_until_s (const CepaConsensus *self)
{
  return self->body->fresh_until_s;
}

gint64
cepa_consensus_get_valid_until_s (const CepaConsensus *self)
{
  return self->body->valid_until_s;
}

gint64
cepa_consensus_get_distribution_s (const CepaConsensus *self)
{
  return self->body->distribution_s;
}

const CepaRouterStatus *
cepa_consensus_get_relays (const CepaConsensus *self, guint *n)
{
  *n = self->body->relays->len;
  return (const CepaRouterStatus *) (gpointer) self->body->relays->data;
}

CepaConsensusFlavour
cepa_consensus_get_flavour (const CepaConsensus *self)
{
  return self->body->flavour;
}

const CepaSlice *
cepa_consensus_get_policies (const CepaConsensus *self, guint *n)
{
  const GArray *policies = self->body->policies;

  *n = policies != NULL ? policies->len : 0;
  return policies != NULL ? (const CepaSlice *) (gconstpointer) policies->data : NULL;
}

gint32
cepa_consensus_get_param (const CepaConsensus *self, const char *name, gint32 fallback)
{
  return cepa_consensus_body_get_param (self->body, (CepaSlice) { name, strlen (name) }, fallback);
}

const gint32 *
cepa_consensus_get_weights (const CepaConsensus *self)
{
  return self->body->weights;
}

gboolean
cepa_consensus_move_text (CepaConsensus *self, GBytes *text)
{
  CepaConsensusBody *body = self->body;

  g_return_val_if_fail (g_bytes_get_size (text) == g_bytes_get_size (body->text), FALSE);
  if (body->flavour != CEPA_CONSENSUS_MICRODESC)
    return FALSE;
  g_bytes_unref (body->text);
  body->text = g_bytes_ref (text);
  return TRUE;
}

GBytes *
cepa_consensus_get_text (const CepaConsensus *self)
{
  return self->body->text;
}

const char *
cepa_consensus_get_required_client_protocols (const CepaConsensus *self)
{
  return self->body->required_client_protocols;
}

const char *
cepa_consensus_get_recommended_client_protocols (const CepaConsensus *self)
{
  return self->body->recommended_client_protocols;
}

const guint8 *
cepa_consensus_get_previous_shared_random (const CepaConsensus *self)
{
  return self->body->has_previous_shared_random ? self->body->previous_shared_random : NULL;
}

const guint8 *
cepa_consensus_get_current_shared_random (const CepaConsensus *self)
{
  return self->body->has_current_shared_random ? self->body->current_shared_random : NULL;
}
