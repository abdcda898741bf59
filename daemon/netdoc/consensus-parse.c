/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a consensus (dir-spec: "Vote and consensus status documents"). */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "netdoc/consensus-private.h"
#include "netdoc/values.h"

#define CONSENSUS_FIRST "network-status-version"
#define CONSENSUS_SIGNATURE "directory-signature"
#define CONSENSUS_WEIGHT_ONE 10000

typedef enum
{
  CONSENSUS_PART_HEADER,
  CONSENSUS_PART_RELAYS,
  CONSENSUS_PART_FOOTER,
  CONSENSUS_PART_SIGNATURES,
} ConsensusPart;

/* A consensus being read. */
typedef struct
{
  CepaConsensusBody *body;
  const char *text;
  ConsensusPart part;
  guint32 header_seen;
  guint32 footer_seen;
  CepaRelayReader relays;
  guint n_voters;
  gboolean voter_has_contact;
  gboolean voter_has_vote_digest;
  guint n_signatures; /* with those of algorithms that we do not know */
} ConsensusReader;

int
cepa_consensus_compare_param (CepaSlice a, CepaSlice b)
{
  gsize n = MIN (a.len, b.len);
  int order = n > 0 ? memcmp (a.text, b.text, n) : 0;

  if (order != 0 || a.len == b.len)
    return order;
  return (guchar) (a.len > n ? a.text[n] : '=') - (guchar) (b.len > n ? b.text[n] : '=');
}

gint32
cepa_consensus_body_get_param (const CepaConsensusBody *self, CepaSlice name, gint32 fallback)
{
  guint low = 0, high = self->params->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const CepaConsensusParam *param = &g_array_index (self->params, CepaConsensusParam, middle);
      int order = cepa_consensus_compare_param (name, param->name);

      if (order == 0)
        return param->value;
      if (order < 0)
        high = middle;
      else
        low = middle + 1;
    }
  return fallback;
}

static gboolean
consensus_read_version (gpointer document, const CepaTextItem *item, GError **error)
{
  const CepaConsensusBody *body = ((ConsensusReader *) document)->body;
  CepaSlice rest = item->args, version, flavour;

  if (!cepa_slice_next_word (&rest, &version) || !cepa_slice_is (version, "3"))
    return cepa_netdoc_refuse (error, "not a network status of version 3");
  if (!cepa_slice_next_word (&rest, &flavour))
    flavour = (CepaSlice) { "ns", 2 }; /* the older one is the one without a word */
  if (!cepa_slice_is (flavour, body->flavour == CEPA_CONSENSUS_NS ? "ns" : "microdesc"))
    return cepa_netdoc_refuse (error, "not of the %s flavour",
                               body->flavour == CEPA_CONSENSUS_NS ? "ns" : "microdescriptor");
  return TRUE;
}

static gboolean
consensus_read_vote_status (G_GNUC_UNUSED gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, status;

  if (!cepa_slice_next_word (&rest, &status) || !cepa_slice_is (status, "consensus"))
    return cepa_netdoc_refuse (error, "a vote, not a consensus");
  return TRUE;
}

static gboolean
consensus_read_method (G_GNUC_UNUSED gpointer document, const CepaTextItem *item, GError **error)
{
  guint64 method;

  if (!cepa_slice_to_uint (item->args, G_MAXUINT32, &method))
    return cepa_netdoc_refuse (error, "\"consensus-method\" without a number");
  if (method < CEPA_CONSENSUS_MIN_METHOD || method > CEPA_CONSENSUS_MAX_METHOD)
    return cepa_netdoc_refuse (error, "consensus method %" G_GUINT64_FORMAT ", of which %d to %d are known",
                               method, CEPA_CONSENSUS_MIN_METHOD, CEPA_CONSENSUS_MAX_METHOD);
  return TRUE;
}

static gboolean
consensus_read_time (const CepaTextItem *item, gint64 *out, GError **error)
{
  if (!cepa_slice_to_time (item->args, out))
    return cepa_netdoc_refuse (error, "\"%.*s\" without a time", (int) item->keyword.len, item->keyword.text);
  return TRUE;
}

static gboolean
consensus_read_valid_after (gpointer document, const CepaTextItem *item, GError **error)
{
  return consensus_read_time (item, &((ConsensusReader *) document)->body->valid_after_s, error);
}

static gboolean
consensus_read_fresh_until (gpointer document, const CepaTextItem *item, GError **error)
{
  return consensus_read_time (item, &((ConsensusReader *) document)->body->fresh_until_s, error);
}

static gboolean
consensus_read_valid_until (gpointer document, const CepaTextItem *item, GError **error)
{
  return consensus_read_time (item, &((ConsensusReader *) document)->body->valid_until_s, error);
}

static gboolean
consensus_read_voting_delay (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;
  CepaSlice rest = item->args, word;

  for (guint i = 0; i < 2; i++)
    {
      guint64 seconds;

      if (!cepa_slice_next_word (&rest, &word) || !cepa_slice_to_uint (word, G_MAXINT32, &seconds))
        return cepa_netdoc_refuse (error, "\"voting-delay\" without two numbers");
      body->distribution_s = (gint64) seconds; /* the second of them */
    }
  return TRUE;
}

/* dir-spec: in lexical order. */
static gboolean
consensus_read_known_flags (G_GNUC_UNUSED gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, word, last = { NULL, 0 };

  for (guint n = 0; cepa_slice_next_word (&rest, &word); n++)
    {
      gsize shorter = MIN (word.len, last.len);
      int order = n > 0 ? memcmp (last.text, word.text, shorter) : -1;

      if (n == CEPA_NETDOC_MAX_ARGUMENTS)
        return cepa_netdoc_refuse (error, "more than %d known flags", CEPA_NETDOC_MAX_ARGUMENTS);
      if (order > 0 || (order == 0 && last.len >= word.len))
        return cepa_netdoc_refuse (error, "\"known-flags\" not in ascending order");
      last = word;
    }
  return TRUE;
}

static gboolean
consensus_read_protocols (const CepaTextItem *item, char **out, GError **error)
{
  if (!cepa_slice_is_printable (item->args))
    return cepa_netdoc_refuse (error, "\"%.*s\" with other than printable ASCII", (int) item->keyword.len,
                               item->keyword.text);
  *out = g_strndup (item->args.text, item->args.len);
  return TRUE;
}

static gboolean
consensus_read_required_protocols (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;

  return consensus_read_protocols (item, &body->required_client_protocols, error);
}

static gboolean
consensus_read_recommended_protocols (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;

  return consensus_read_protocols (item, &body->recommended_client_protocols, error);
}

static gboolean
consensus_read_param (CepaConsensusBody *body, CepaSlice word, GError **error)
{
  CepaConsensusParam param;
  CepaSlice value;
  int order = -1;

  if (!cepa_slice_split_at (word, '=', &param.name, &value) || !cepa_slice_to_int32 (value, &param.value))
    {
      g_autofree char *shown = cepa_slice_escape (word);

      return cepa_netdoc_refuse (error, "malformed parameter \"%s\"", shown);
    }
  if (body->params->len == CEPA_NETDOC_MAX_ARGUMENTS)
    return cepa_netdoc_refuse (error, "\"params\" with more than %d parameters", CEPA_NETDOC_MAX_ARGUMENTS);
  if (body->params->len > 0)
    order = cepa_consensus_compare_param (
      g_array_index (body->params, CepaConsensusParam, body->params->len - 1).name, param.name);
  if (order >= 0)
    {
      g_autofree char *shown = cepa_slice_escape (param.name);

      return cepa_netdoc_refuse (error, "parameter \"%s\" %s", shown,
                                 order == 0 ? "twice" : "not in ascending order");
    }
  g_array_append_val (body->params, param);
  return TRUE;
}

static gboolean
consensus_read_params (gpointer document, const CepaTextItem *item, GError **error)
{
  ConsensusReader *self = document;
  CepaSlice rest = item->args, word;

  self->body->params_line = g_strndup (rest.text, rest.len);
  rest.text = self->body->params_line;
  while (cepa_slice_next_word (&rest, &word))
    if (!consensus_read_param (self->body, word, error))
      return FALSE;
  return TRUE;
}

/* NumReveals Value (srv-spec § "Including the ed25519 shared randomness key in votes"). */
static gboolean
consensus_read_shared_random (const CepaTextItem *item, guint8 out[32], gboolean *has, GError **error)
{
  CepaSlice rest = item->args, reveals, value;
  guint64 n;

  if (!cepa_slice_next_word (&rest, &reveals) || !cepa_slice_to_uint (reveals, G_MAXINT32, &n)
      || !cepa_slice_next_word (&rest, &value) || !cepa_slice_to_base64 (value, out, 32))
    return cepa_netdoc_refuse (error, "\"%.*s\" without a number and 32 bytes", (int) item->keyword.len,
                               item->keyword.text);
  *has = TRUE;
  return TRUE;
}

static gboolean
consensus_read_previous_shared_random (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;

  return consensus_read_shared_random (item, body->previous_shared_random, &body->has_previous_shared_random,
                                       error);
}

static gboolean
consensus_read_current_shared_random (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;

  return consensus_read_shared_random (item, body->current_shared_random, &body->has_current_shared_random,
                                       error);
}

/* Nickname identity hostname IP dirport orport */
static gboolean
consensus_read_dir_source (gpointer document, const CepaTextItem *item, GError **error)
{
  ConsensusReader *self = document;
  CepaSlice rest = item->args, words[6];
  guint8 identity[20];
  guint32 ipv4;
  guint16 port;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (!cepa_slice_next_word (&rest, &words[i]))
      return cepa_netdoc_refuse (error, "\"dir-source\" with fewer than 6 arguments");
  if (!cepa_hex_decode (words[1].text, words[1].len, identity, sizeof identity)
      || !cepa_slice_to_ipv4 (words[3], &ipv4) || !cepa_slice_to_port (words[4], &port)
      || !cepa_slice_to_port (words[5], &port))
    return cepa_netdoc_refuse (error, "malformed \"dir-source\"");
  if (++self->n_voters > CEPA_CONSENSUS_MAX_VOTERS)
    return cepa_netdoc_refuse (error, "more than %d \"dir-source\"", CEPA_CONSENSUS_MAX_VOTERS);
  self->voter_has_contact = FALSE;
  self->voter_has_vote_digest = FALSE;
  return TRUE;
}

static gboolean
consensus_read_contact (gpointer document, G_GNUC_UNUSED const CepaTextItem *item, GError **error)
{
  ConsensusReader *self = document;

  if (self->n_voters == 0 || self->voter_has_contact)
    return cepa_netdoc_refuse (error, "\"contact\" out of place");
  self->voter_has_contact = TRUE;
  return TRUE;
}

static gboolean
consensus_read_vote_digest (gpointer document, const CepaTextItem *item, GError **error)
{
  ConsensusReader *self = document;
  CepaSlice rest = item->args, word;
  guint8 digest[20];

  if (self->n_voters == 0 || self->voter_has_vote_digest)
    return cepa_netdoc_refuse (error, "\"vote-digest\" out of place");
  if (!cepa_slice_next_word (&rest, &word) || !cepa_hex_decode (word.text, word.len, digest, sizeof digest))
    return cepa_netdoc_refuse (error, "\"vote-digest\" without 40 hexadecimal digits");
  self->voter_has_vote_digest = TRUE;
  return TRUE;
}

static const CepaItemRule consensus_header_items[] = {
  { CONSENSUS_FIRST, CEPA_ITEM_REQUIRED, consensus_read_version },
  { "vote-status", CEPA_ITEM_REQUIRED, consensus_read_vote_status },
  { "consensus-method", CEPA_ITEM_REQUIRED, consensus_read_method },
  { "valid-after", CEPA_ITEM_REQUIRED, consensus_read_valid_after },
  { "fresh-until", CEPA_ITEM_REQUIRED, consensus_read_fresh_until },
  { "valid-until", CEPA_ITEM_REQUIRED, consensus_read_valid_until },
  { "voting-delay", CEPA_ITEM_REQUIRED, consensus_read_voting_delay },
  { "client-versions", CEPA_ITEM_ONCE, NULL },
  { "server-versions", CEPA_ITEM_ONCE, NULL },
  { "known-flags", CEPA_ITEM_REQUIRED, consensus_read_known_flags },
  { "recommended-client-protocols", CEPA_ITEM_ONCE, consensus_read_recommended_protocols },
  { "recommended-relay-protocols", CEPA_ITEM_ONCE, NULL },
  { "required-client-protocols", CEPA_ITEM_ONCE, consensus_read_required_protocols },
  { "required-relay-protocols", CEPA_ITEM_ONCE, NULL },
  { "params", CEPA_ITEM_ONCE, consensus_read_params },
  { "shared-rand-previous-value", CEPA_ITEM_ONCE, consensus_read_previous_shared_random },
  { "shared-rand-current-value", CEPA_ITEM_ONCE, consensus_read_current_shared_random },
  { "dir-source", CEPA_ITEM_REQUIRED | CEPA_ITEM_REPEATED, consensus_read_dir_source },
  { "contact", CEPA_ITEM_REQUIRED | CEPA_ITEM_REPEATED, consensus_read_contact },
  { "vote-digest", CEPA_ITEM_REQUIRED | CEPA_ITEM_REPEATED, consensus_read_vote_digest },
};

static const char *const consensus_weight_names[CEPA_N_WEIGHTS] = {
  [CEPA_WBD] = "Wbd", [CEPA_WBE] = "Wbe", [CEPA_WBG] = "Wbg", [CEPA_WBM] = "Wbm", [CEPA_WDB] = "Wdb",
  [CEPA_WEB] = "Web", [CEPA_WED] = "Wed", [CEPA_WEE] = "Wee", [CEPA_WEG] = "Weg", [CEPA_WEM] = "Wem",
  [CEPA_WGB] = "Wgb", [CEPA_WGD] = "Wgd", [CEPA_WGG] = "Wgg", [CEPA_WGM] = "Wgm", [CEPA_WMB] = "Wmb",
  [CEPA_WMD] = "Wmd", [CEPA_WME] = "Wme", [CEPA_WMG] = "Wmg", [CEPA_WMM] = "Wmm",
};

/* @value in 1/@scale, as CepaWeight counts; more than one is taken as one, as C Tor does. */
static gint32
consensus_scale_weight (gint32 value, gint32 scale)
{
  return (gint32) MIN ((gint64) value * CONSENSUS_WEIGHT_ONE / scale, CONSENSUS_WEIGHT_ONE);
}

static gboolean
consensus_read_weight (CepaConsensusBody *body, CepaSlice word, gint32 scale, guint32 *seen, GError **error)
{
  CepaSlice name, value;
  gint32 weight;

  if (!cepa_slice_split_at (word, '=', &name, &value) || !cepa_slice_to_int32 (value, &weight) || weight < 0)
    {
      g_autofree char *shown = cepa_slice_escape (word);

      return cepa_netdoc_refuse (error, "malformed bandwidth weight \"%s\"", shown);
    }
  for (guint i = 0; i < CEPA_N_WEIGHTS; i++)
    {
      if (!cepa_slice_is (name, consensus_weight_names[i]))
        continue;
      if (*seen & 1u << i)
        return cepa_netdoc_refuse (error, "bandwidth weight \"%s\" twice", consensus_weight_names[i]);
      *seen |= 1u << i;
      body->weights[i] = consensus_scale_weight (weight, scale);
    }
  return TRUE;
}

static gboolean
consensus_read_weights (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaConsensusBody *body = ((ConsensusReader *) document)->body;
  CepaSlice rest = item->args, word, scale_name = { "bwweightscale", strlen ("bwweightscale") };
  gint32 scale = cepa_consensus_body_get_param (body, scale_name, CONSENSUS_WEIGHT_ONE);
  guint32 seen = 0;

  scale = MAX (scale, 1);
  for (guint n = 0; cepa_slice_next_word (&rest, &word); n++)
    {
      if (n == CEPA_NETDOC_MAX_ARGUMENTS)
        return cepa_netdoc_refuse (error, "more than %d bandwidth weights", CEPA_NETDOC_MAX_ARGUMENTS);
      if (!consensus_read_weight (body, word, scale, &seen, error))
        return FALSE;
    }
  return TRUE;
}

static const CepaItemRule consensus_footer_items[] = {
  { "directory-footer", CEPA_ITEM_REQUIRED, NULL },
  { "bandwidth-weights", CEPA_ITEM_ONCE, consensus_read_weights },
};

/* [algorithm] identity signing-key-digest: SHA-1 when there are two words. */
static gboolean
consensus_read_signature_line (CepaSlice rest, CepaConsensusSignature *out, gboolean *is_known,
                               GError **error)
{
  CepaSlice words[3], *identity = &words[0], *digest = &words[1];
  guint n = 0;

  while (n < G_N_ELEMENTS (words) && cepa_slice_next_word (&rest, &words[n]))
    n++;
  *is_known = n == 2;
  if (n == 3)
    {
      identity = &words[1];
      digest = &words[2];
      out->is_sha256 = cepa_slice_is (words[0], "sha256");
      *is_known = out->is_sha256 || cepa_slice_is (words[0], "sha1");
      if (!*is_known)
        return TRUE;
    }
  if (n < 2 || !cepa_hex_decode (identity->text, identity->len, out->identity, sizeof out->identity)
      || !cepa_hex_decode (digest->text, digest->len, out->signing_key_digest,
                           sizeof out->signing_key_digest))
    return cepa_netdoc_refuse (error, "malformed \"" CONSENSUS_SIGNATURE "\"");
  return TRUE;
}

static gboolean
consensus_read_signature (ConsensusReader *self, const CepaTextItem *item, GError **error)
{
  CepaConsensusSignature signature = { .is_sha256 = FALSE };
  gboolean is_known;

  if (++self->n_signatures > CEPA_CONSENSUS_MAX_SIGNATURES)
    return cepa_netdoc_refuse (error, "more than %d signatures", CEPA_CONSENSUS_MAX_SIGNATURES);
  if (!consensus_read_signature_line (item->args, &signature, &is_known, error))
    return FALSE;
  if (!is_known)
    return TRUE;
  if (!cepa_text_item_decode_object (item, "SIGNATURE", signature.bytes, sizeof signature.bytes,
                                     &signature.len, error))
    return FALSE;
  if (signature.len < CEPA_CONSENSUS_MIN_SIGNATURE_BYTES)
    return cepa_netdoc_refuse (error, "a signature of %" G_GSIZE_FORMAT " bytes", signature.len);
  g_array_append_val (self->body->signatures, signature);
  return TRUE;
}

static gboolean
consensus_end_header (ConsensusReader *self, GError **error)
{
  const CepaConsensusBody *body = self->body;

  if (!cepa_item_rules_check (consensus_header_items, G_N_ELEMENTS (consensus_header_items),
                              self->header_seen, error))
    return FALSE;
  if (body->valid_after_s >= body->fresh_until_s || body->fresh_until_s >= body->valid_until_s)
    return cepa_netdoc_refuse (error, "valid-after, fresh-until and valid-until are not in ascending order");
  return TRUE;
}

/* The signatures are of everything up to and with the blank behind the first "directory-signature". */
static gboolean
consensus_begin_signatures (ConsensusReader *self, const CepaTextItem *item, GError **error)
{
  const char *end = item->keyword.text + item->keyword.len;

  if (!cepa_item_rules_check (consensus_footer_items, G_N_ELEMENTS (consensus_footer_items),
                              self->footer_seen, error))
    return FALSE;
  if (*end != ' ')
    return cepa_netdoc_refuse (error, "malformed \"" CONSENSUS_SIGNATURE "\"");
  self->body->signed_len = (gsize) (end + 1 - self->text);
  return TRUE;
}

/* Moves to the part that @item begins, if it begins one. */
static gboolean
consensus_change_part (ConsensusReader *self, const CepaTextItem *item, GError **error)
{
  ConsensusPart part = self->part;

  if (part == CONSENSUS_PART_SIGNATURES)
    return TRUE;
  if (cepa_slice_is (item->keyword, CONSENSUS_SIGNATURE))
    part = CONSENSUS_PART_SIGNATURES;
  else if (cepa_slice_is (item->keyword, "directory-footer"))
    part = CONSENSUS_PART_FOOTER;
  else if (part == CONSENSUS_PART_HEADER && cepa_slice_is (item->keyword, "r"))
    part = CONSENSUS_PART_RELAYS;
  if (part == self->part)
    return TRUE;

  if (self->part == CONSENSUS_PART_HEADER && !consensus_end_header (self, error))
    return FALSE;
  if (self->part == CONSENSUS_PART_RELAYS && !cepa_relay_reader_finish (&self->relays, error))
    return FALSE;
  if (part == CONSENSUS_PART_SIGNATURES && !consensus_begin_signatures (self, item, error))
    return FALSE;
  self->part = part;
  return TRUE;
}

static gboolean
consensus_read_item (ConsensusReader *self, const CepaTextItem *item, GError **error)
{
  if (item->start == self->text && !cepa_slice_is (item->keyword, CONSENSUS_FIRST))
    return cepa_netdoc_refuse (error, "does not begin with \"" CONSENSUS_FIRST "\"");
  if (!consensus_change_part (self, item, error))
    return FALSE;
  switch (self->part)
    {
    case CONSENSUS_PART_HEADER:
      return cepa_item_rules_apply (consensus_header_items, G_N_ELEMENTS (consensus_header_items),
                                    &self->header_seen, self, item, error);
    case CONSENSUS_PART_RELAYS:
      return cepa_relay_reader_read (&self->relays, item, error);
    case CONSENSUS_PART_FOOTER:
      return cepa_item_rules_apply (consensus_footer_items, G_N_ELEMENTS (consensus_footer_items),
                                    &self->footer_seen, self, item, error);
    case CONSENSUS_PART_SIGNATURES:
    default:
      if (!cepa_slice_is (item->keyword, CONSENSUS_SIGNATURE))
        return cepa_netdoc_refuse (error, "unsigned text behind the signatures");
      return consensus_read_signature (self, item, error);
    }
}

static gboolean
consensus_read_text (ConsensusReader *self, gsize len, GError **error)
{
  CepaTextCursor cursor;

  if (len > CEPA_CONSENSUS_MAX_BYTES)
    return cepa_netdoc_refuse (error, "consensus: more than %d bytes", CEPA_CONSENSUS_MAX_BYTES);
  cepa_text_cursor_init (&cursor, self->text, len);
  while (!cepa_text_cursor_is_done (&cursor))
    {
      guint line = cursor.line;
      CepaTextItem item;

      if (!cepa_text_cursor_next (&cursor, &item, error) || !consensus_read_item (self, &item, error))
        {
          g_prefix_error (error, "consensus, line %u: ", line);
          return FALSE;
        }
    }
  if (self->body->signatures->len == 0)
    return cepa_netdoc_refuse (error, "consensus, line %u: ends without a signature", cursor.line);
  return TRUE;
}

CepaConsensusBody *
cepa_consensus_body_parse (GBytes *text, CepaConsensusFlavour flavour, GError **error)
{
  g_autoptr (CepaConsensusBody) body = g_new0 (CepaConsensusBody, 1);
  ConsensusReader reader = { .body = body };
  gsize len;

  g_atomic_ref_count_init (&body->refs);
  body->text = g_bytes_ref (text);
  body->flavour = flavour;
  body->params = g_array_new (FALSE, FALSE, sizeof (CepaConsensusParam));
  body->relays = g_array_new (FALSE, FALSE, sizeof (CepaRouterStatus));
  if (flavour == CEPA_CONSENSUS_NS)
    body->policies = g_array_new (FALSE, FALSE, sizeof (CepaSlice));
  body->signatures = g_array_new (FALSE, FALSE, sizeof (CepaConsensusSignature));
  for (guint i = 0; i < CEPA_N_WEIGHTS; i++)
    body->weights[i] = CONSENSUS_WEIGHT_ONE;
  reader.relays.relays = body->relays;
  reader.relays.policies = body->policies;
  reader.text = g_bytes_get_data (text, &len);
  if (!consensus_read_text (&reader, len, error))
    return NULL;
  return g_steal_pointer (&body);
}

CepaConsensusBody *
cepa_consensus_body_ref (CepaConsensusBody *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
cepa_consensus_body_unref (CepaConsensusBody *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->text, g_bytes_unref);
  g_clear_pointer (&self->required_client_protocols, g_free);
  g_clear_pointer (&self->recommended_client_protocols, g_free);
  g_free (self->params_line);
  g_clear_pointer (&self->params, g_array_unref);
  g_clear_pointer (&self->relays, g_array_unref);
  g_clear_pointer (&self->policies, g_array_unref);
  g_clear_pointer (&self->signatures, g_array_unref);
  g_free (self);
}
