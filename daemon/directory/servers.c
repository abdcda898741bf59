/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/servers.h"

#include <string.h>

#include "base/encoding.h"
#include "base/secret.h"
#include "netdoc/authority.h"

struct _CepaServers
{
  const GPtrArray *authorities, *fallbacks;
  const CepaClock *clock;
  CepaRandom *random;
  GHashTable *failures; /* (element-type utf8 gint64): fingerprint, monotonic time of the last failure */
};

CepaServers *
cepa_servers_new (const GPtrArray *authorities, const GPtrArray *fallbacks, const CepaClock *clock, CepaRandom *random)
{
  CepaServers *self = g_new0 (CepaServers, 1);

  self->authorities = authorities;
  self->fallbacks = fallbacks;
  self->clock = clock;
  self->random = random;
  self->failures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
cepa_servers_free (CepaServers *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->failures);
  g_free (self);
}

void
cepa_servers_note_failure (CepaServers *self, const guint8 *rsa_id)
{
  gint64 *when = g_new (gint64, 1);

  *when = cepa_clock_monotonic_us (self->clock);
  g_hash_table_replace (self->failures, cepa_hex_encode (rsa_id, 20), when);
}

static gboolean
servers_failed_lately (CepaServers *self, const guint8 *rsa_id)
{
  char hex[41];
  const gint64 *when;

  cepa_hex_encode_to (rsa_id, 20, hex);
  when = g_hash_table_lookup (self->failures, hex);
  return when != NULL && cepa_clock_monotonic_us (self->clock) - *when < CEPA_SERVERS_FORGET_US;
}

void
cepa_servers_hop_from_row (const CepaNetwork *network, guint row, CepaCircuitHop *out)
{
  const CepaRelay *relay = cepa_network_get_relay (network, row);

  memset (out, 0, sizeof *out);
  memcpy (out->target.rsa_id, relay->rsa_id, sizeof out->target.rsa_id);
  memcpy (out->target.ed25519_id, relay->ed25519_id, sizeof out->target.ed25519_id);
  out->target.has_ed25519_id = !cepa_bytes_is_zero_ct (relay->ed25519_id, sizeof relay->ed25519_id);
  out->target.ipv4 = relay->ipv4;
  out->target.or_port = relay->or_port;
  out->target.ipv6_port = relay->ipv6_port;
  memcpy (out->target.ipv6, relay->ipv6, sizeof out->target.ipv6);
  memcpy (out->nickname, relay->nickname, sizeof out->nickname);
  memcpy (out->target.nickname, relay->nickname, sizeof out->target.nickname);
  if ((relay->flags & CEPA_RELAY_HAS_KEYS) != 0)
    {
      out->has_ntor_key = TRUE;
      memcpy (out->ntor_key, cepa_network_get_ntor_key (network, row), sizeof out->ntor_key);
    }
}

static void
servers_hop_from_source (const CepaDirectorySource *source, CepaCircuitHop *out)
{
  memset (out, 0, sizeof *out);
  memcpy (out->target.rsa_id, source->rsa_id, sizeof out->target.rsa_id);
  out->target.ipv4 = source->ipv4;
  out->target.or_port = source->or_port;
  if (source->has_ipv6)
    {
      out->target.ipv6_port = source->ipv6_port;
      memcpy (out->target.ipv6, source->ipv6, sizeof out->target.ipv6);
    }
  if (source->nickname != NULL)
    {
      g_strlcpy (out->nickname, source->nickname, sizeof out->nickname);
      g_strlcpy (out->target.nickname, source->nickname, sizeof out->target.nickname);
    }
}

/* Draws one of those that fit, each equally likely (reservoir sampling); FALSE when none fits. */
static gboolean
servers_draw_row (CepaServers *self, const CepaNetwork *network, gboolean even_failed, CepaCircuitHop *out)
{
  const guint32 wanted = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_V2DIR | CEPA_RELAY_HAS_KEYS;
  guint n = cepa_network_get_n_relays (network), seen = 0, chosen = 0;

  for (guint row = 0; row < n; row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (network, row);

      if ((relay->flags & wanted) != wanted || (relay->flags & CEPA_RELAY_AUTHORITY) != 0)
        continue;
      if (!even_failed && servers_failed_lately (self, relay->rsa_id))
        continue;
      if (cepa_random_below (self->random, ++seen) == 0)
        chosen = row;
    }
  if (seen > 0)
    cepa_servers_hop_from_row (network, chosen, out);
  return seen > 0;
}

static gboolean
servers_draw_source (CepaServers *self, const GPtrArray *sources, gboolean even_failed, CepaCircuitHop *out)
{
  const CepaDirectorySource *chosen = NULL;
  guint seen = 0;

  for (guint i = 0; i < sources->len; i++)
    {
      const CepaDirectorySource *source = g_ptr_array_index (sources, i);

      if (source->is_authority && !source->is_v3)
        continue; /* a bridge authority has no consensus */
      if (!even_failed && servers_failed_lately (self, source->rsa_id))
        continue;
      if (cepa_random_below (self->random, ++seen) == 0)
        chosen = source;
    }
  if (chosen != NULL)
    servers_hop_from_source (chosen, out);
  return chosen != NULL;
}

gboolean
cepa_servers_choose (CepaServers *self, const CepaNetwork *network, CepaCircuitHop *out)
{
  for (int even_failed = 0; even_failed <= 1; even_failed++)
    {
      if (network != NULL && servers_draw_row (self, network, even_failed, out))
        return TRUE;
      if (servers_draw_source (self, self->fallbacks, even_failed, out)
          || servers_draw_source (self, self->authorities, even_failed, out))
        return TRUE;
    }
  return FALSE;
}
