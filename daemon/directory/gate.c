/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/gate.h"

#include <string.h>

#include "base/log.h"
#include "netdoc/protocols.h"

/* (transfer full) (nullable): what of @list this build does not have. A list that cannot be read asks for nothing. */
static char *
gate_list_missing (const char *list, const char *what)
{
  static const char supported[] = CEPA_PROTOCOLS_SUPPORTED;
  g_autoptr (CepaProtocols) have = cepa_protocols_parse ((CepaSlice) { supported, strlen (supported) }, NULL);
  g_autoptr (CepaProtocols) wanted = NULL;
  g_autoptr (GError) error = NULL;

  if (list == NULL)
    return NULL;
  wanted = cepa_protocols_parse ((CepaSlice) { list, strlen (list) }, &error);
  if (wanted == NULL)
    {
      cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "the consensus' %s of clients cannot be read: %s", what, error->message);
      return NULL;
    }
  return cepa_protocols_missing (wanted, have);
}

CepaGate
cepa_gate_check (const CepaConsensus *consensus, gint64 release_date_s, char **missing)
{
  *missing = NULL;
  if (cepa_consensus_get_valid_after_s (consensus) < release_date_s)
    return CEPA_GATE_OPEN;
  *missing = gate_list_missing (cepa_consensus_get_required_client_protocols (consensus), "required protocols");
  if (*missing != NULL)
    return CEPA_GATE_SHUT;
  *missing = gate_list_missing (cepa_consensus_get_recommended_client_protocols (consensus), "recommended protocols");
  return *missing != NULL ? CEPA_GATE_CLOSING : CEPA_GATE_OPEN;
}
