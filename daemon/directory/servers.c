/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/servers.h"

#include <string.h>

#include "base/encoding.h"
#include "base/secret.h"
#include "netdoc/authority.h"

/* Weights are multiplied by this, so that those of one half and less count too. */
#define SERVERS_WEIGHT_ONE 1000000

struct _CepaServers
{
  const GPtrArray *authorities, *fallbacks;
  double authority_rate;
  const CepaClock *clock;
  CepaRandom *random;
  const CepaDirectoryGuards *guards; /* (nullable) */
  const CepaServersFilter *filter;   /* (nullable) */
  GHashTable *rests;   /* (element-type utf8 gint64): fingerprint, monotonic time until which it is not asked */
  GArray *outdated;    /* (element-type guint8[20]) */
};

/* How hard it is to please: each time nobody is found, less is asked for. */
typedef enum
{
  SERVERS_IDLE,   /* neither failed lately nor asked just now */
  SERVERS_RESTED, /* not failed lately */
  SERVERS_ANY,
  SERVERS_EXCLUDED, /* even whom the user does not want, if only a little */
  SERVERS_N_MOODS,
} ServersMood;

/* A draw by weight from what is seen one after the other. */
typedef struct
{
  guint64 total;
  gboolean is_chosen;
} ServersDraw;

CepaServers *
cepa_servers_new (const GPtrArray *authorities, const GPtrArray *fallbacks, double authority_rate, const CepaClock *clock,
                  CepaRandom *random)
{
  CepaServers *self = g_new0 (CepaServers, 1);

  self->authorities = authorities;
  self->fallbacks = fallbacks;
  self->authority_rate = authority_rate;
  self->clock = clock;
  self->random = random;
  self->rests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->outdated = g_array_new (FALSE, FALSE, 20);
  return self;
}

void
cepa_servers_free (CepaServers *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->rests);
  g_array_unref (self->outdated);
  g_free (self);
}

void
cepa_servers_set_guards (CepaServers *self, const CepaDirectoryGuards *guards)
{
  self->guards = guards;
}

void
cepa_servers_set_filter (CepaServers *self, const CepaServersFilter *filter)
{
  self->filter = filter;
}

static gboolean
servers_has_id (const GArray *ids, const guint8 *rsa_id)
{
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    if (memcmp (ids->data + (gsize) i * 20, rsa_id, 20) == 0)
      return TRUE;
  return FALSE;
}

static void
servers_rest (CepaServers *self, const guint8 *rsa_id, gint64 rest_us)
{
  gint64 *until = g_new (gint64, 1);

  *until = cepa_clock_monotonic_us (self->clock) + rest_us;
  g_hash_table_replace (self->rests, cepa_hex_encode (rsa_id, 20), until);
}

void
cepa_servers_note_failure (CepaServers *self, const guint8 *rsa_id)
{
  servers_rest (self, rsa_id, CEPA_SERVERS_FORGET_US);
}

void
cepa_servers_note_busy (CepaServers *self, const guint8 *rsa_id)
{
  servers_rest (self, rsa_id, CEPA_SERVERS_BUSY_US);
}

void
cepa_servers_note_outdated (CepaServers *self, const guint8 *rsa_id)
{
  if (cepa_servers_is_authority (self, rsa_id) || servers_has_id (self->outdated, rsa_id))
    return;
  if (self->outdated->len == CEPA_SERVERS_MAX_OUTDATED)
    g_array_set_size (self->outdated, 0);
  g_array_append_vals (self->outdated, rsa_id, 1);
}

void
cepa_servers_forget_outdated (CepaServers *self)
{
  g_array_set_size (self->outdated, 0);
}

gboolean
cepa_servers_has_fallbacks (const CepaServers *self)
{
  return self->fallbacks->len > 0;
}

gboolean
cepa_servers_is_authority (const CepaServers *self, const guint8 *rsa_id)
{
  for (guint i = 0; i < self->authorities->len; i++)
    if (memcmp (((CepaDirectorySource *) g_ptr_array_index (self->authorities, i))->rsa_id, rsa_id, 20) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
servers_fits (CepaServers *self, const CepaServersWish *wish, ServersMood mood, const guint8 *rsa_id)
{
  char hex[41];
  const gint64 *until;

  if (mood >= SERVERS_ANY)
    return TRUE;
  if (wish->for_microdescriptors && servers_has_id (self->outdated, rsa_id))
    return FALSE;
  if (mood == SERVERS_IDLE && servers_has_id (wish->asked, rsa_id))
    return FALSE;
  if (g_hash_table_size (self->rests) == 0)
    return TRUE;
  cepa_hex_encode_to (rsa_id, 20, hex);
  until = g_hash_table_lookup (self->rests, hex);
  return until == NULL || *until <= cepa_clock_monotonic_us (self->clock);
}

static gboolean
servers_allows (CepaServers *self, ServersMood mood, const CepaRelay *relay, gboolean has_countries)
{
  return self->filter == NULL
         || self->filter->allows (self->filter->user_data, relay, has_countries, mood == SERVERS_EXCLUDED);
}

/* What of a source the user's options can be about; its country is not known. */
static CepaRelay
servers_relay_of_source (const CepaDirectorySource *source)
{
  CepaRelay relay = { .ipv4 = source->ipv4, .or_port = source->or_port };

  memcpy (relay.rsa_id, source->rsa_id, sizeof relay.rsa_id);
  if (source->has_ipv6)
    {
      memcpy (relay.ipv6, source->ipv6, sizeof relay.ipv6);
      relay.ipv6_port = source->ipv6_port;
    }
  if (source->nickname != NULL)
    g_strlcpy (relay.nickname, source->nickname, sizeof relay.nickname);
  return relay;
}

/* Whether the one seen now is the one, until a later one is: each with a chance by its weight (reservoir sampling). */
static gboolean
servers_draw (CepaServers *self, ServersDraw *draw, guint64 weight)
{
  draw->total += weight;
  if (weight == 0 || cepa_random_below (self->random, draw->total) >= weight)
    return FALSE;
  draw->is_chosen = TRUE;
  return TRUE;
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

static gboolean
servers_draw_row (CepaServers *self, const CepaServersWish *wish, ServersMood mood, CepaCircuitHop *out)
{
  const guint32 wanted = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_V2DIR | CEPA_RELAY_HAS_KEYS;
  gboolean has_countries = cepa_network_has_countries (wish->network);
  guint n = cepa_network_get_n_relays (wish->network), chosen = 0;
  ServersDraw draw = { 0 };

  for (guint row = 0; row < n; row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (wish->network, row);

      if ((relay->flags & wanted) == wanted && (relay->flags & CEPA_RELAY_AUTHORITY) == 0
          && servers_fits (self, wish, mood, relay->rsa_id) && servers_allows (self, mood, relay, has_countries)
          && servers_draw (self, &draw, (guint64) relay->bandwidth + 1))
        chosen = row;
    }
  if (draw.is_chosen)
    cepa_servers_hop_from_row (wish->network, chosen, out);
  return draw.is_chosen;
}

/* Goes on with @draw over @sources. */
static void
servers_draw_source (CepaServers *self, const CepaServersWish *wish, ServersMood mood, const GPtrArray *sources,
                     double rate, ServersDraw *draw, const CepaDirectorySource **chosen)
{
  for (guint i = 0; i < sources->len; i++)
    {
      const CepaDirectorySource *source = g_ptr_array_index (sources, i);
      CepaRelay relay = servers_relay_of_source (source);

      if (source->is_authority && !source->is_v3)
        continue; /* a bridge authority has no consensus */
      if (servers_fits (self, wish, mood, source->rsa_id) && servers_allows (self, mood, &relay, FALSE)
          && servers_draw (self, draw, (guint64) (CLAMP (source->weight * rate, 0, 1000000) * SERVERS_WEIGHT_ONE)))
        *chosen = source;
    }
}

static gboolean
servers_choose_preferred (CepaServers *self, const CepaServersWish *wish, CepaCircuitHop *out)
{
  const GPtrArray *const lists[] = { self->fallbacks, self->authorities };

  for (guint i = 0; wish->preferred != NULL && wish->network == NULL && i < G_N_ELEMENTS (lists); i++)
    for (guint j = 0; j < lists[i]->len; j++)
      {
        const CepaDirectorySource *source = g_ptr_array_index (lists[i], j);
        CepaRelay relay = servers_relay_of_source (source);

        if (memcmp (source->rsa_id, wish->preferred, sizeof source->rsa_id) != 0
            || !servers_fits (self, wish, SERVERS_RESTED, source->rsa_id)
            || !servers_allows (self, SERVERS_RESTED, &relay, FALSE))
          continue;
        servers_hop_from_source (source, out);
        return TRUE;
      }
  return FALSE;
}

static gboolean
servers_choose_source (CepaServers *self, const CepaServersWish *wish, ServersMood mood, CepaCircuitHop *out)
{
  const CepaDirectorySource *chosen = NULL;
  gboolean has_fallbacks = wish->kind != CEPA_SERVERS_AUTHORITY && self->fallbacks->len > 0;
  ServersDraw draw = { 0 };

  if (has_fallbacks)
    servers_draw_source (self, wish, mood, self->fallbacks, 1.0, &draw, &chosen);
  servers_draw_source (self, wish, mood, self->authorities, has_fallbacks ? self->authority_rate : 1.0, &draw, &chosen);
  if (chosen != NULL)
    servers_hop_from_source (chosen, out);
  return chosen != NULL;
}

/* The guards are in the order in which they are to be asked. */
static gboolean
servers_choose_guard (CepaServers *self, const CepaServersWish *wish, const GArray *rows, CepaCircuitHop *out)
{
  for (int mood = 0; mood < SERVERS_N_MOODS; mood++)
    for (guint i = 0; i < rows->len; i++)
      {
        guint row = g_array_index (rows, guint32, i);

        if (!servers_fits (self, wish, (ServersMood) mood, cepa_network_get_relay (wish->network, row)->rsa_id))
          continue;
        cepa_servers_hop_from_row (wish->network, row, out);
        return TRUE;
      }
  return FALSE;
}

gboolean
cepa_servers_choose (CepaServers *self, const CepaServersWish *wish, CepaCircuitHop *out, gboolean *is_guard)
{
  gboolean from_network = wish->kind == CEPA_SERVERS_CACHE && wish->network != NULL;
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));

  *is_guard = FALSE;
  if (servers_choose_preferred (self, wish, out))
    return TRUE;
  if (from_network && self->guards != NULL
      && self->guards->list (self->guards->user_data,
                             wish->for_microdescriptors ? (const guint8 (*)[20]) (gpointer) self->outdated->data : NULL,
                             wish->for_microdescriptors ? self->outdated->len : 0, rows))
    {
      *is_guard = servers_choose_guard (self, wish, rows, out);
      return *is_guard;
    }
  for (int mood = 0; from_network && mood < SERVERS_ANY; mood++)
    if (servers_draw_row (self, wish, (ServersMood) mood, out))
      return TRUE;
  for (int mood = 0; mood < SERVERS_ANY; mood++)
    if (servers_choose_source (self, wish, (ServersMood) mood, out))
      return TRUE;
  for (int mood = SERVERS_ANY; mood < SERVERS_N_MOODS; mood++)
    if ((from_network && servers_draw_row (self, wish, (ServersMood) mood, out))
        || servers_choose_source (self, wish, (ServersMood) mood, out))
      return TRUE;
  return FALSE;
}
