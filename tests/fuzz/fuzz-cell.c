/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames the input as cells of each link version and parses the bodies of those that have a parser. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/cell.h"
#include "wire/link.h"
#include "wire/extend.h"
#include "wire/relay-message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
require_within (const guint8 *part, gsize len, const CepaCell *cell)
{
  require (part >= cell->body && len <= cell->body_len && part + len <= cell->body + cell->body_len);
}

static void
parse_certs (const CepaCell *cell)
{
  g_autoptr (GError) error = NULL;
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  guint n = 0;

  require (cepa_certs_parse (cell->body, cell->body_len, certs, &n, &error) == (error == NULL));
  require (n <= CEPA_LINK_MAX_CERTS);
  for (guint i = 0; i < n; i++)
    require_within (certs[i].data, certs[i].len, cell);
}

static void
require_address (const CepaNetinfoAddress *address)
{
  require (address->len == 0 || address->len == 4 || address->len == 16);
}

static void
parse_netinfo (const CepaCell *cell)
{
  g_autoptr (GError) error = NULL;
  CepaNetinfo netinfo;

  require (cepa_netinfo_parse (cell->body, cell->body_len, &netinfo, &error) == (error == NULL));
  if (error != NULL)
    return;
  require (netinfo.n_theirs <= G_N_ELEMENTS (netinfo.theirs));
  require_address (&netinfo.ours);
  for (guint i = 0; i < netinfo.n_theirs; i++)
    require_address (&netinfo.theirs[i]);
}

static void
parse_auth_challenge (const CepaCell *cell)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  require (cepa_auth_challenge_parse (cell->body, cell->body_len, &n, &error) == (error == NULL));
  require (error != NULL || 34 + 2 * n <= cell->body_len);
}

static void
parse_body (const CepaCell *cell)
{
  const guint8 *reply;
  CepaRelayMessage message;
  gsize reply_len;
  guint version;

  switch (cell->command)
    {
    case CEPA_CELL_VERSIONS:
      version = cepa_versions_choose (cell->body, cell->body_len);
      require (version == 0 || (version >= 3 && version <= 5));
      break;
    case CEPA_CELL_CERTS:
      parse_certs (cell);
      break;
    case CEPA_CELL_AUTH_CHALLENGE:
      parse_auth_challenge (cell);
      break;
    case CEPA_CELL_NETINFO:
      parse_netinfo (cell);
      break;
    case CEPA_CELL_CREATED2:
      if (cepa_created2_parse (cell->body, cell->body_len, &reply, &reply_len))
        require_within (reply, reply_len, cell);
      break;
    case CEPA_CELL_RELAY:
    case CEPA_CELL_RELAY_EARLY:
      if (cepa_relay_message_parse (cell->body, &message))
        require_within (message.data, message.len, cell);
      break;
    case CEPA_CELL_DESTROY:
      require (cepa_destroy_reason_name (cell->body[0]) != NULL);
      break;
    default:
      break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const guint versions[] = { 0, 3, 4, 5 };

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autofree guint8 *bytes = g_memdup2 (data, size);
      gsize at = 0, len;
      CepaCell cell;

      while (at < size && (len = cepa_cell_parse (bytes + at, size - at, versions[i], &cell)) > 0)
        {
          require (len <= size - at);
          require (cell.body > bytes + at && cell.body + cell.body_len == bytes + at + len);
          require (cepa_cell_command_is_variable (cell.command) || cell.body_len == CEPA_CELL_BODY_LEN);
          parse_body (&cell);
          at += len;
        }
    }
  return 0;
}
