/* SPDX-License-Identifier: BSD-3-Clause */
/* The link handshake of a client (tor-spec: negotiating-channels): VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO. */
#include "channel/channel-private.h"

#include <cepa/event.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "wire/link.h"

static void
handshake_trace (CepaChannel *self, guint8 command)
{
  if (cepa_event_sink_wants (self->events, CEPA_EVENT_CELL))
    cepa_channel_trace_queued (self, 0, command, 0);
}

void
cepa_link_handshake_start (CepaChannel *self)
{
  guint8 versions[11];
  gsize len = cepa_versions_write (versions);

  cepa_buffer_append (&self->output, versions, len);
  handshake_trace (self, CEPA_CELL_VERSIONS);
  self->stage = CEPA_LINK_VERSIONS;
}

static gboolean
handshake_wrong_moment (const CepaCell *cell, GError **error)
{
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "cell with command %u at the wrong time of the link handshake",
               cell->command);
  return FALSE;
}

static gboolean
handshake_versions (CepaChannel *self, const CepaCell *cell, GError **error)
{
  self->link_version = cepa_versions_choose (cell->body, cell->body_len);
  if (self->link_version == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "no link protocol in common: it has none of 3, 4 and 5");
      return FALSE;
    }
  self->stage = CEPA_LINK_CERTS;
  return TRUE;
}

static gboolean
handshake_check_identity (CepaChannel *self, const CepaRelayIdentity *identity, GError **error)
{
  g_autofree char *wanted = NULL, *got = NULL;

  if (!cepa_bytes_equal_ct (identity->rsa_id, self->target.rsa_id, sizeof identity->rsa_id))
    {
      wanted = cepa_hex_encode (self->target.rsa_id, sizeof self->target.rsa_id);
      got = cepa_hex_encode (identity->rsa_id, sizeof identity->rsa_id);
    }
  else if (self->target.has_ed25519_id
           && !cepa_bytes_equal_ct (identity->ed25519_id, self->target.ed25519_id, sizeof identity->ed25519_id))
    {
      wanted = cepa_base64_encode_unpadded (self->target.ed25519_id, sizeof self->target.ed25519_id);
      got = cepa_base64_encode_unpadded (identity->ed25519_id, sizeof identity->ed25519_id);
    }
  if (wanted == NULL)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_IDENTITY, "it is %s, but %s was wanted", got, wanted);
  return FALSE;
}

static gboolean
handshake_certs (CepaChannel *self, const CepaCell *cell, GError **error)
{
  CepaLinkCert certs[CEPA_LINK_MAX_CERTS];
  CepaRelayIdentity identity;
  guint n_certs = 0;
  gsize tls_len;
  const guint8 *tls_cert = g_bytes_get_data (self->tls_certificate, &tls_len);

  if (!cepa_certs_parse (cell->body, cell->body_len, certs, &n_certs, error)
      || !cepa_link_certs_verify (certs, n_certs, tls_cert, tls_len, cepa_clock_wall_s (self->clock), &identity, error)
      || !handshake_check_identity (self, &identity, error))
    {
      g_prefix_error (error, "CERTS: ");
      return FALSE;
    }
  self->stage = CEPA_LINK_NETINFO;
  return TRUE;
}

static gboolean
handshake_auth_challenge (CepaChannel *self, const CepaCell *cell, GError **error)
{
  guint n_methods;

  /* Clients do not authenticate: it is read, and that is all. */
  if (self->had_auth_challenge)
    return handshake_wrong_moment (cell, error);
  self->had_auth_challenge = TRUE;
  return cepa_auth_challenge_parse (cell->body, cell->body_len, &n_methods, error);
}

static gboolean
handshake_netinfo (CepaChannel *self, const CepaCell *cell, GError **error)
{
  CepaNetinfo netinfo;
  CepaNetinfoAddress peer = { .len = self->is_over_ipv6 ? 16 : 4 };
  guint8 *out;
  gsize header;

  if (!cepa_netinfo_parse (cell->body, cell->body_len, &netinfo, error))
    return FALSE;
  self->tells_time = netinfo.timestamp_s != 0;
  if (self->tells_time)
    self->skew_s = netinfo.timestamp_s - cepa_clock_wall_s (self->clock);

  if (self->is_over_ipv6)
    memcpy (peer.bytes, self->target.ipv6, sizeof self->target.ipv6);
  else
    for (guint i = 0; i < 4; i++)
      peer.bytes[i] = (guint8) (self->target.ipv4 >> (24 - 8 * i));
  out = cepa_buffer_reserve (&self->output, cepa_cell_fixed_len (self->link_version));
  handshake_trace (self, CEPA_CELL_NETINFO);
  header = cepa_cell_write_header (out, self->link_version, 0, CEPA_CELL_NETINFO);
  cepa_netinfo_write (&peer, out + header);
  self->stage = CEPA_LINK_DONE;
  return TRUE;
}

gboolean
cepa_link_handshake_cell (CepaChannel *self, const CepaCell *cell, GError **error)
{
  switch (cell->command)
    {
    case CEPA_CELL_VPADDING:
      return TRUE;
    case CEPA_CELL_AUTHORIZE:
      return TRUE; /* reserved: ignored at any time */
    case CEPA_CELL_VERSIONS:
      return self->stage == CEPA_LINK_VERSIONS ? handshake_versions (self, cell, error)
                                               : handshake_wrong_moment (cell, error);
    case CEPA_CELL_CERTS:
      return self->stage == CEPA_LINK_CERTS ? handshake_certs (self, cell, error)
                                            : handshake_wrong_moment (cell, error);
    case CEPA_CELL_AUTH_CHALLENGE:
      return self->stage == CEPA_LINK_NETINFO ? handshake_auth_challenge (self, cell, error)
                                              : handshake_wrong_moment (cell, error);
    case CEPA_CELL_PADDING:
      return self->stage != CEPA_LINK_VERSIONS ? TRUE : handshake_wrong_moment (cell, error);
    case CEPA_CELL_NETINFO:
      return self->stage == CEPA_LINK_NETINFO ? handshake_netinfo (self, cell, error)
                                              : handshake_wrong_moment (cell, error);
    default:
      return handshake_wrong_moment (cell, error);
    }
}
