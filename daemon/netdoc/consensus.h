/* SPDX-License-Identifier: BSD-3-Clause */
/* The consensus (dir-spec: "Computing a consensus"), of either flavour. */
#pragma once

#include <glib.h>

#include "netdoc/authority.h"
#include "netdoc/key-certificate.h"
#include "netdoc/microdescriptor.h"
#include "netdoc/router-status.h"

G_BEGIN_DECLS

/* What a consensus names: microdescriptors, as clients use them, or server descriptors (UseMicrodescriptors 0). */
typedef enum { CEPA_CONSENSUS_MICRODESC, CEPA_CONSENSUS_NS } CepaConsensusFlavour;

/* The numbers of bandwidth-weights, in their order in @weights; 10000 is one. */
typedef enum
{
  CEPA_WBD, CEPA_WBE, CEPA_WBG, CEPA_WBM, CEPA_WDB, CEPA_WEB, CEPA_WED, CEPA_WEE, CEPA_WEG, CEPA_WEM,
  CEPA_WGB, CEPA_WGD, CEPA_WGG, CEPA_WGM, CEPA_WMB, CEPA_WMD, CEPA_WME, CEPA_WMG, CEPA_WMM,
} CepaWeight;

#define CEPA_N_WEIGHTS 19

/**
 * CepaUnverifiedConsensus:
 *
 * Parsed, and nothing more: who made it is not known. Only cepa_consensus_verify() makes it usable.
 */
typedef struct _CepaUnverifiedConsensus CepaUnverifiedConsensus;

/**
 * CepaConsensus:
 *
 * Signed by more than half of the authorities. Immutable.
 */
typedef struct _CepaConsensus CepaConsensus;

/**
 * cepa_consensus_parse:
 * @text: the whole document, of the microdesc flavour
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT naming line and reason. Relays must
 * be in strictly ascending order of identity; valid-after < fresh-until < valid-until; a consensus method
 * that is known (28 to 35); anything behind the last signature is an error.
 */
CepaUnverifiedConsensus *cepa_consensus_parse (GBytes *text, GError **error);

/* The same of @flavour: one of another flavour is refused. */
CepaUnverifiedConsensus *cepa_consensus_parse_flavour (GBytes *text, CepaConsensusFlavour flavour, GError **error);
void cepa_unverified_consensus_free (CepaUnverifiedConsensus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaUnverifiedConsensus, cepa_unverified_consensus_free)

/* What it says of its own time, seconds since 1970; to be believed only once cepa_consensus_verify() has done so. */
gint64 cepa_unverified_consensus_get_valid_after_s (const CepaUnverifiedConsensus *self);

/* A key certificate that is wanted. */
typedef struct
{
  guint8 identity[20];
  guint8 signing_key_digest[20];
} CepaKeyCertificateId;

/**
 * cepa_unverified_consensus_missing_certificates:
 * @authorities: (element-type CepaDirectorySource): the v3 ones among them count
 * @certificates: (element-type CepaKeyCertificate): those that are here
 *
 * Returns: (transfer full) (element-type CepaKeyCertificateId): those that signatures of our authorities
 * need and that are not here.
 */
GArray *cepa_unverified_consensus_missing_certificates (const CepaUnverifiedConsensus *self,
                                                        const GPtrArray *authorities,
                                                        const GPtrArray *certificates);

/**
 * cepa_consensus_verify:
 * @unverified: (transfer none)
 * @authorities: (element-type CepaDirectorySource)
 * @certificates: (element-type CepaKeyCertificate)
 * @now_s: seconds since 1970
 *
 * Checks the signatures (each authority counts once; its certificate must not have expired at valid-after)
 * and the times: now may be up to 24 hours before valid-after or behind valid-until, as C Tor's "reasonably
 * live"; the document names the authorities that it lacks.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_SIGNATURE (how many good, bad, without
 * certificate, of how many authorities, how many needed), CEPA_ERROR_EXPIRED, or CEPA_ERROR_CLOCK_SKEW for
 * one from the future.
 */
CepaConsensus *cepa_consensus_verify (const CepaUnverifiedConsensus *unverified, const GPtrArray *authorities,
                                      const GPtrArray *certificates, gint64 now_s, GError **error);
CepaConsensus *cepa_consensus_ref (CepaConsensus *self);
void cepa_consensus_unref (CepaConsensus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaConsensus, cepa_consensus_unref)

gint64 cepa_consensus_get_valid_after_s (const CepaConsensus *self);
gint64 cepa_consensus_get_fresh_until_s (const CepaConsensus *self);
gint64 cepa_consensus_get_valid_until_s (const CepaConsensus *self);
gint64 cepa_consensus_get_distribution_s (const CepaConsensus *self); /* the second of voting-delay */

/* Returns: (transfer none) (array length=n): the relays in ascending order of identity. */
const CepaRouterStatus *cepa_consensus_get_relays (const CepaConsensus *self, guint *n);

CepaConsensusFlavour cepa_consensus_get_flavour (const CepaConsensus *self);

/* Returns: (transfer none) (nullable) (array length=n): of each relay, in their order, the arguments of its "p" line
   (nothing means "reject 1-65535"); NULL in the microdesc flavour, whose microdescriptors have it. */
const CepaSlice *cepa_consensus_get_policies (const CepaConsensus *self, guint *n);

/* The parameter @name, @fallback when the document does not have it. */
gint32 cepa_consensus_get_param (const CepaConsensus *self, const char *name, gint32 fallback);

/* Returns: (transfer none): CEPA_N_WEIGHTS numbers; all 10000 when the document has none. */
const gint32 *cepa_consensus_get_weights (const CepaConsensus *self);

GBytes *cepa_consensus_get_text (const CepaConsensus *self); /* (transfer none) */

/**
 * cepa_consensus_move_text:
 * @text: (transfer none): the same bytes in another place, as in a mapped file
 *
 * The old text can go then. Only the thread that calls cepa_consensus_get_text() may call it. A consensus of the ns
 * flavour, of which more than the text is in that place, stays as it is.
 *
 * Returns: whether @text has taken the old one's place
 */
gboolean cepa_consensus_move_text (CepaConsensus *self, GBytes *text);

/* The subprotocols required of clients, as written; (nullable) (transfer none). */
const char *cepa_consensus_get_required_client_protocols (const CepaConsensus *self);
const char *cepa_consensus_get_recommended_client_protocols (const CepaConsensus *self);

/* The shared random values (srv-spec), 32 bytes; (nullable) (transfer none). */
const guint8 *cepa_consensus_get_previous_shared_random (const CepaConsensus *self);
const guint8 *cepa_consensus_get_current_shared_random (const CepaConsensus *self);

G_END_DECLS
