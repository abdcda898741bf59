/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a microdescriptor consensus. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "netdoc/consensus-private.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_consensus_check_relays (const CepaConsensusBody *body)
{
  const CepaRouterStatus *relays = (const CepaRouterStatus *) (gpointer) body->relays->data;

  g_assert (body->relays->len <= CEPA_CONSENSUS_MAX_RELAYS);
  for (guint i = 0; i < body->relays->len; i++)
    {
      gsize len = strnlen (relays[i].nickname, sizeof relays[i].nickname);

      g_assert (len >= 1 && len < sizeof relays[i].nickname);
      g_assert (relays[i].or_port != 0);
      g_assert (i == 0 || memcmp (relays[i - 1].rsa_id, relays[i].rsa_id, sizeof relays[i].rsa_id) < 0);
    }
}

static void
fuzz_consensus_check_params (const CepaConsensusBody *body)
{
  for (guint i = 0; i < body->params->len; i++)
    {
      const CepaConsensusParam *param = &g_array_index (body->params, CepaConsensusParam, i);

      g_assert (cepa_consensus_body_get_param (body, param->name, ~param->value) == param->value);
    }
  for (guint i = 0; i < CEPA_N_WEIGHTS; i++)
    g_assert (body->weights[i] >= 0 && body->weights[i] <= 10000);
}

static void
fuzz_consensus_check_body (const CepaConsensusBody *body, const char *text, gsize size)
{
  static const char signed_end[] = "\ndirectory-signature ";
  const gsize len = sizeof signed_end - 1;

  g_assert (body->signed_len > len && body->signed_len < size);
  g_assert (memcmp (text + body->signed_len - len, signed_end, len) == 0);
  g_assert (memmem (text, body->signed_len - 1, signed_end, len) == NULL);
  g_assert (g_str_has_prefix (text, "network-status-version 3"));
  g_assert (body->valid_after_s >= 0 && body->valid_after_s < body->fresh_until_s
            && body->fresh_until_s < body->valid_until_s);
  g_assert (body->signatures->len >= 1 && body->signatures->len <= CEPA_CONSENSUS_MAX_SIGNATURES);
  fuzz_consensus_check_relays (body);
  fuzz_consensus_check_params (body);
}

/* Nobody has signed it that we know. */
static void
fuzz_consensus_check_verify (GBytes *text, CepaConsensusFlavour flavour)
{
  g_autoptr (CepaUnverifiedConsensus) unverified = cepa_consensus_parse_flavour (text, flavour, NULL);
  g_autoptr (GPtrArray) authorities = g_ptr_array_new ();
  g_autoptr (GPtrArray) certificates = g_ptr_array_new ();
  g_autoptr (GArray) missing = NULL;
  g_autoptr (GError) error = NULL;
  CepaDirectorySource source = { .is_authority = TRUE, .is_v3 = TRUE };

  g_ptr_array_add (authorities, &source);
  missing = cepa_unverified_consensus_missing_certificates (unverified, authorities, certificates);
  g_assert (cepa_consensus_verify (unverified, authorities, certificates, 0, &error) == NULL);
  g_assert (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE));
}

/* Whether it is a consensus of @flavour. */
static gboolean
fuzz_consensus_check_flavour (GBytes *text, CepaConsensusFlavour flavour)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaConsensusBody) body = cepa_consensus_body_parse (text, flavour, &error);
  gsize size;
  const char *data = g_bytes_get_data (text, &size);

  if (body == NULL)
    {
      g_assert (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT));
      g_assert (g_utf8_validate (error->message, -1, NULL));
      return FALSE;
    }
  g_assert (error == NULL);
  g_assert ((body->policies != NULL) == (flavour == CEPA_CONSENSUS_NS));
  g_assert (body->policies == NULL || body->policies->len == body->relays->len);
  fuzz_consensus_check_body (body, data, size);
  fuzz_consensus_check_verify (text, flavour);
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) text = g_bytes_new (data, size);
  gboolean is_microdesc = fuzz_consensus_check_flavour (text, CEPA_CONSENSUS_MICRODESC);

  g_assert (!fuzz_consensus_check_flavour (text, CEPA_CONSENSUS_NS) || !is_microdesc);
  return 0;
}
