/* SPDX-License-Identifier: BSD-3-Clause */
/* What a consensus says, before and after it is verified. Private to netdoc. */
#pragma once

#include "netdoc/consensus.h"
#include "netdoc/limits.h"
#include "netdoc/tokens.h"

G_BEGIN_DECLS

typedef struct
{
  CepaSlice name; /* in the text */
  gint32 value;
} CepaConsensusParam;

/* A directory-signature line of an algorithm that we know. */
typedef struct
{
  guint8 identity[20];
  guint8 signing_key_digest[20];
  gboolean is_sha256; /* else SHA-1 */
  gsize len;
  guint8 bytes[CEPA_CONSENSUS_MAX_SIGNATURE_BYTES];
} CepaConsensusSignature;

/**
 * CepaConsensusBody:
 *
 * Immutable once it is parsed, but for where @text is kept; an unverified consensus and the verified one share it.
 */
typedef struct
{
  gatomicrefcount refs;
  GBytes *text;
  CepaConsensusFlavour flavour;
  gsize signed_len; /* bytes of @text that the signatures are of */
  gint64 valid_after_s;
  gint64 fresh_until_s;
  gint64 valid_until_s;
  gint64 distribution_s; /* of voting-delay */
  char *required_client_protocols;    /* (nullable) */
  char *recommended_client_protocols; /* (nullable) */
  gboolean has_previous_shared_random;
  gboolean has_current_shared_random;
  guint8 previous_shared_random[32];
  guint8 current_shared_random[32];
  char *params_line; /* (nullable): what the names in @params are parts of */
  GArray *params; /* (element-type CepaConsensusParam): in the order of cepa_consensus_compare_param() */
  GArray *relays; /* (element-type CepaRouterStatus): in ascending order of identity */
  GArray *policies; /* (nullable) (element-type CepaSlice): as many as @relays, with CEPA_CONSENSUS_NS */
  gint32 weights[CEPA_N_WEIGHTS];
  GArray *signatures; /* (element-type CepaConsensusSignature) */
} CepaConsensusBody;

/* Returns: (transfer full) (nullable): NULL with CEPA_ERROR_BAD_DOCUMENT. */
CepaConsensusBody *cepa_consensus_body_parse (GBytes *text, CepaConsensusFlavour flavour, GError **error);
CepaConsensusBody *cepa_consensus_body_ref (CepaConsensusBody *self);
void cepa_consensus_body_unref (CepaConsensusBody *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaConsensusBody, cepa_consensus_body_unref)

struct _CepaUnverifiedConsensus
{
  CepaConsensusBody *body;
};

/* Returns: (transfer full): what is verified from now on. @body: (transfer none): kept by reference */
CepaConsensus *cepa_consensus_from_body (CepaConsensusBody *body);

/* The order of the params line: that of the names with a "=" behind them, by bytes. */
int cepa_consensus_compare_param (CepaSlice a, CepaSlice b);

/* @fallback when there is none. */
gint32 cepa_consensus_body_get_param (const CepaConsensusBody *self, CepaSlice name, gint32 fallback);

/* "pr" lines that are remembered while relays are read: a whole network has a few dozen different ones. */
#define CEPA_RELAY_READER_N_PROTOCOLS 64

/**
 * CepaRelayReader:
 *
 * Puts the lines of one relay after the other together to entries of @relays.
 */
typedef struct
{
  GArray *relays;   /* (element-type CepaRouterStatus) (transfer none) */
  GArray *policies; /* (nullable) (element-type CepaSlice) (transfer none): the "p" lines, with the ns flavour alone */
  CepaRouterStatus entry;
  CepaSlice policy; /* of @entry */
  guint32 seen; /* which items of @entry there were; 0: none is being read */
  guint n_entries;
  guint n_protocols;
  struct
  {
    CepaSlice text;
    guint64 bits;
  } protocols[CEPA_RELAY_READER_N_PROTOCOLS];
} CepaRelayReader;

/* Reads an item from the first "r" to the footer. FALSE with CEPA_ERROR_BAD_DOCUMENT naming the relay. */
gboolean cepa_relay_reader_read (CepaRelayReader *self, const CepaTextItem *item, GError **error);

/* To be called behind the last item; the same errors. */
gboolean cepa_relay_reader_finish (CepaRelayReader *self, GError **error);

G_END_DECLS
