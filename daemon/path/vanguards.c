/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/vanguards.h"

#include <string.h>

#include "base/error.h"
#include "path/check.h"

/* As the consensus parameters guard-hs-l2-number and -lifetime-min, -max have it where they are not set (prop333). */
#define VANGUARDS_N 4
#define VANGUARDS_LIFETIME_MIN_S 86400
#define VANGUARDS_LIFETIME_MAX_S (12 * 86400)

/* Who gives so few relays has weighed them; of more one is drawn by bandwidth (C Tor's MAX_SANE_RESTRICTED_NODES). */
#define VANGUARDS_MAX_EVEN 20

/* What every relay needs. */
#define VANGUARDS_USABLE (CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS)

typedef struct
{
  guint8 rsa_id[20];
  gint64 expires_s;
} Vanguard;

/* The user's set for a layer, in the rows of one network. */
typedef struct
{
  CepaNodeSet *set; /* (nullable) */
  guint64 version;  /* of the network; 0: the rows are not there */
  GArray *rows;     /* (element-type guint32) */
} VanguardsLayer;

struct _CepaVanguards
{
  const CepaClock *clock;
  CepaRandom *random;
  gint lite;
  VanguardsLayer layers[2]; /* HSLayer2Nodes, HSLayer3Nodes */
  Vanguard vanguards[CEPA_VANGUARDS_MAX];
  guint n_vanguards;
  GArray *candidates; /* (element-type guint32) */
  CepaVanguardsFunc func; /* (nullable) */
  gpointer func_data;
};

/* Of each purpose: relays without and with HSLayer3Nodes, the target among them; and what else it asks for. Circuits
   that services are introduced at, and all rendezvous circuits, live long (path-spec: "Path selection and
   constraints"), and those that are kept ready may become such. */
static const struct
{
  const char *name;
  guint8 n_hops, n_hops_layer3;
  gboolean has_target, is_long_lived;
} vanguards_purposes[CEPA_N_ONION_PURPOSES] = {
  [CEPA_ONION_PREBUILT] = { "HS_VANGUARDS", 3, 4, FALSE, TRUE },
  [CEPA_ONION_CLIENT_HSDIR] = { "HS_CLIENT_HSDIR", 4, 5, TRUE, FALSE },
  [CEPA_ONION_CLIENT_INTRO] = { "HS_CLIENT_INTRO", 4, 5, TRUE, FALSE },
  [CEPA_ONION_CLIENT_REND] = { "HS_CLIENT_REND", 3, 4, FALSE, TRUE },
  [CEPA_ONION_SERVICE_HSDIR] = { "HS_SERVICE_HSDIR", 4, 4, TRUE, FALSE },
  [CEPA_ONION_SERVICE_INTRO] = { "HS_SERVICE_INTRO", 4, 4, TRUE, TRUE },
  [CEPA_ONION_SERVICE_REND] = { "HS_SERVICE_REND", 4, 5, TRUE, TRUE },
};

/* A path on the drawing board. */
typedef struct
{
  CepaVanguards *self;
  const CepaNetwork *network;
  const CepaPathRequest *request;
  guint32 *fixed;
} VanguardsPlan;

CepaVanguards *
cepa_vanguards_new (const CepaClock *clock, CepaRandom *random, const CepaVanguardsConfig *config)
{
  CepaVanguards *self = g_new0 (CepaVanguards, 1);

  self->clock = clock;
  self->random = random;
  self->candidates = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (guint i = 0; i < G_N_ELEMENTS (self->layers); i++)
    self->layers[i].rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  cepa_vanguards_set_config (self, config);
  return self;
}

void
cepa_vanguards_free (CepaVanguards *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (self->layers); i++)
    {
      g_clear_pointer (&self->layers[i].set, cepa_node_set_unref);
      g_array_unref (self->layers[i].rows);
    }
  g_array_unref (self->candidates);
  g_free (self);
}

void
cepa_vanguards_set_config (CepaVanguards *self, const CepaVanguardsConfig *config)
{
  CepaNodeSet *const sets[] = { config->layer2, config->layer3 };

  self->lite = config->lite;
  for (guint i = 0; i < G_N_ELEMENTS (self->layers); i++)
    {
      CepaNodeSet *set = sets[i] != NULL ? cepa_node_set_ref (sets[i]) : NULL;

      g_clear_pointer (&self->layers[i].set, cepa_node_set_unref);
      self->layers[i].set = set;
      self->layers[i].version = 0;
    }
}

void
cepa_vanguards_set_func (CepaVanguards *self, CepaVanguardsFunc func, gpointer user_data)
{
  self->func = func;
  self->func_data = user_data;
}

guint
cepa_vanguards_get_n (const CepaVanguards *self)
{
  return self->n_vanguards;
}

const guint8 *
cepa_vanguards_get_id (const CepaVanguards *self, guint index, gint64 *expires_s)
{
  g_return_val_if_fail (index < self->n_vanguards, NULL);
  if (expires_s != NULL)
    *expires_s = self->vanguards[index].expires_s;
  return self->vanguards[index].rsa_id;
}

guint
cepa_vanguards_get_n_hops (const CepaVanguards *self, CepaOnionPurpose purpose)
{
  g_return_val_if_fail ((guint) purpose < CEPA_N_ONION_PURPOSES, 0);
  return self->layers[1].set != NULL ? vanguards_purposes[purpose].n_hops_layer3 : vanguards_purposes[purpose].n_hops;
}

gboolean
cepa_onion_purpose_has_target (CepaOnionPurpose purpose)
{
  g_return_val_if_fail ((guint) purpose < CEPA_N_ONION_PURPOSES, FALSE);
  return vanguards_purposes[purpose].has_target;
}

const char *
cepa_onion_purpose_to_string (CepaOnionPurpose purpose)
{
  g_return_val_if_fail ((guint) purpose < CEPA_N_ONION_PURPOSES, NULL);
  return vanguards_purposes[purpose].name;
}

/* ---- the lite layer ---- */

static void
vanguards_tell (const CepaVanguards *self, const guint8 rsa_id[20], gboolean is_good)
{
  if (self->func != NULL)
    self->func (self->func_data, rsa_id, is_good);
}

static void
vanguards_remove (CepaVanguards *self, guint index)
{
  Vanguard gone = self->vanguards[index];

  self->vanguards[index] = self->vanguards[--self->n_vanguards];
  vanguards_tell (self, gone.rsa_id, FALSE);
}

void
cepa_vanguards_drop (CepaVanguards *self)
{
  while (self->n_vanguards > 0)
    vanguards_remove (self, self->n_vanguards - 1);
}

static gint32
vanguards_get_param (const CepaNetwork *network, const char *name, gint32 fallback, gint32 min, gint32 max)
{
  gint32 value = cepa_consensus_get_param (cepa_network_get_consensus (network), name, fallback);

  return CLAMP (value, min, max);
}

static gboolean
vanguards_is_lite (const CepaVanguards *self, const CepaNetwork *network)
{
  return self->lite >= 0 ? self->lite != 0 : vanguards_get_param (network, "vanguards-lite-enabled", 1, 0, 1) != 0;
}

static void
vanguards_get_lifetimes (const CepaNetwork *network, gint64 *min_s, gint64 *max_s)
{
  *min_s = vanguards_get_param (network, "guard-hs-l2-lifetime-min", VANGUARDS_LIFETIME_MIN_S, 1, G_MAXINT32);
  *max_s = vanguards_get_param (network, "guard-hs-l2-lifetime-max", VANGUARDS_LIFETIME_MAX_S, 1, G_MAXINT32);
}

static gint64
vanguards_draw_lifetime_s (CepaVanguards *self, const CepaNetwork *network)
{
  gint64 min_s, max_s;

  vanguards_get_lifetimes (network, &min_s, &max_s);
  return max_s > min_s ? min_s + (gint64) cepa_random_below (self->random, (guint64) (max_s - min_s)) : min_s;
}

static gboolean
vanguards_has_row (const CepaVanguards *self, const CepaRelay *relay)
{
  for (guint i = 0; i < self->n_vanguards; i++)
    if (memcmp (self->vanguards[i].rsa_id, relay->rsa_id, sizeof relay->rsa_id) == 0)
      return TRUE;
  return FALSE;
}

/* Draws a row of @rows by @weigh; CEPA_PATH_ANY_ROW when there is none. When nobody has a weight all are alike. */
static guint32
vanguards_draw (CepaVanguards *self, const CepaNetwork *network, const GArray *rows,
                guint32 (*weigh) (const CepaRelay *relay))
{
  guint64 sum = 0, target;

  for (guint i = 0; i < rows->len; i++)
    sum += weigh (cepa_network_get_relay (network, g_array_index (rows, guint32, i)));
  if (rows->len == 0)
    return CEPA_PATH_ANY_ROW;
  target = cepa_random_below (self->random, sum > 0 ? sum : rows->len);
  for (guint i = 0; i < rows->len; i++)
    {
      guint32 row = g_array_index (rows, guint32, i);
      guint32 weight = sum > 0 ? weigh (cepa_network_get_relay (network, row)) : 1;

      if (target < weight)
        return row;
      target -= weight;
    }
  g_return_val_if_reached (CEPA_PATH_ANY_ROW);
}

static guint32
vanguards_weigh_middle (const CepaRelay *relay)
{
  return relay->weight[CEPA_PLACE_MIDDLE];
}

static guint32
vanguards_weigh_bandwidth (const CepaRelay *relay)
{
  return relay->bandwidth;
}

static guint32
vanguards_weigh_evenly (G_GNUC_UNUSED const CepaRelay *relay)
{
  return 1;
}

/* Adds one by the weights for the middle. Those who are there may be of its family. Returns: FALSE when nobody fits. */
static gboolean
vanguards_add (CepaVanguards *self, const CepaNetwork *network, const CepaPathRequest *request)
{
  const guint32 needs = VANGUARDS_USABLE | CEPA_RELAY_FAST | CEPA_RELAY_STABLE;
  Vanguard *added = &self->vanguards[self->n_vanguards];
  const CepaRelay *relay;
  guint32 row;

  g_array_set_size (self->candidates, 0);
  for (row = 0; row < cepa_network_get_n_relays (network); row++)
    {
      relay = cepa_network_get_relay (network, row);
      if ((relay->flags & needs) == needs && !cepa_path_request_bars (request, row, CEPA_PLACE_MIDDLE)
          && !vanguards_has_row (self, relay))
        g_array_append_val (self->candidates, row);
    }
  row = vanguards_draw (self, network, self->candidates, vanguards_weigh_middle);
  if (row == CEPA_PATH_ANY_ROW)
    return FALSE;
  relay = cepa_network_get_relay (network, row);
  memcpy (added->rsa_id, relay->rsa_id, sizeof added->rsa_id);
  added->expires_s = cepa_clock_wall_s (self->clock) + vanguards_draw_lifetime_s (self, network);
  self->n_vanguards++;
  vanguards_tell (self, relay->rsa_id, TRUE);
  return TRUE;
}

/* Lets go whose time is over, who has left the consensus or is no longer Fast and Stable, and who would stay for longer
   than any may, as after the clock was set back; and brings the layer up to its number. */
static void
vanguards_maintain (CepaVanguards *self, const CepaNetwork *network, const CepaPathRequest *request)
{
  guint n = (guint) vanguards_get_param (network, "guard-hs-l2-number", VANGUARDS_N, 1, CEPA_VANGUARDS_MAX);
  gint64 now_s = cepa_clock_wall_s (self->clock), min_s, max_s;

  vanguards_get_lifetimes (network, &min_s, &max_s);

  for (guint i = self->n_vanguards; i-- > 0;)
    {
      const Vanguard *vanguard = &self->vanguards[i];
      gint row = cepa_network_find (network, vanguard->rsa_id);
      guint32 flags = row >= 0 ? cepa_network_get_relay (network, (guint) row)->flags : 0;
      const guint32 needs = CEPA_RELAY_FAST | CEPA_RELAY_STABLE;

      if (vanguard->expires_s <= now_s || vanguard->expires_s > now_s + MAX (min_s, max_s) || (flags & needs) != needs)
        vanguards_remove (self, i);
    }
  while (self->n_vanguards < n && vanguards_add (self, network, request))
    ;
}

/* ---- the user's sets ---- */

static const GArray *
vanguards_resolve (VanguardsLayer *layer, const CepaNetwork *network)
{
  guint64 version = cepa_network_get_view (network)->version;

  if (layer->version == version)
    return layer->rows;
  g_array_set_size (layer->rows, 0);
  for (guint32 row = 0; row < cepa_network_get_n_relays (network); row++)
    if (cepa_node_set_contains (layer->set, network, row))
      g_array_append_val (layer->rows, row);
  layer->version = version;
  return layer->rows;
}

/* ---- planning ---- */

/* Whether @row may stand as the hop @hop beside the settled ones. */
static gboolean
plan_may_stand (const VanguardsPlan *plan, guint hop, guint32 row)
{
  const CepaRelay *relay = cepa_network_get_relay (plan->network, row);
  const CepaPathRequest *request = plan->request;
  CepaPlace place = cepa_path_place_of (request, hop);
  guint32 needs = VANGUARDS_USABLE;

  needs |= hop == 0 ? CEPA_RELAY_GUARD : CEPA_RELAY_FAST;
  needs |= (request->flags & CEPA_PATH_NEED_STABLE) != 0 ? CEPA_RELAY_STABLE : 0;
  if ((relay->flags & needs) != needs || cepa_path_request_excludes (request, row)
      || cepa_path_request_bars (request, row, place) || (hop == 0 && (relay->flags & CEPA_RELAY_MIDDLE_ONLY) != 0))
    return FALSE;
  for (guint other = 0; other < request->n_hops; other++)
    if (other != hop && plan->fixed[other] == row
        && MAX (hop, other) - MIN (hop, other) < CEPA_PATH_VANGUARDS_DISTANCE)
      return FALSE;
  return TRUE;
}

/* Settles the guard. Without guards in the request, or when none of them may be used, that is left to the policy. */
static void
plan_settle_guard (VanguardsPlan *plan)
{
  guint n_guards = cepa_path_request_n_guards (plan->request);

  for (guint i = 0; i < n_guards; i++)
    {
      guint32 row = plan->request->guards[i];

      if (row < cepa_network_get_n_relays (plan->network) && plan_may_stand (plan, 0, row))
        {
          plan->fixed[0] = row;
          return;
        }
    }
}

/* The candidates of @rows for @hop. Returns: how to draw among them. */
static guint32 (*plan_find_candidates (VanguardsPlan *plan, const GArray *rows, guint hop)) (const CepaRelay *relay)
{
  GArray *candidates = plan->self->candidates;

  g_array_set_size (candidates, 0);
  for (guint i = 0; i < rows->len; i++)
    {
      guint32 row = g_array_index (rows, guint32, i);

      if (plan_may_stand (plan, hop, row))
        g_array_append_val (candidates, row);
    }
  return candidates->len <= VANGUARDS_MAX_EVEN ? vanguards_weigh_evenly : vanguards_weigh_bandwidth;
}

static guint32
plan_draw (VanguardsPlan *plan, const GArray *rows, guint hop)
{
  guint32 (*weigh) (const CepaRelay *relay) = plan_find_candidates (plan, rows, hop);

  return vanguards_draw (plan->self, plan->network, plan->self->candidates, weigh);
}

/* The rows of the layer that is behind the guard: (transfer full) (nullable): NULL when there is none. */
static GArray *
plan_get_layer2 (VanguardsPlan *plan)
{
  CepaVanguards *self = plan->self;
  GArray *rows;

  if (self->layers[0].set != NULL)
    return g_array_ref ((GArray *) vanguards_resolve (&self->layers[0], plan->network));
  if (!vanguards_is_lite (self, plan->network))
    return NULL;
  vanguards_maintain (self, plan->network, plan->request);
  rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (guint i = 0; i < self->n_vanguards; i++)
    {
      gint found = cepa_network_find (plan->network, self->vanguards[i].rsa_id);
      guint32 row = (guint32) found;

      if (found >= 0)
        g_array_append_val (rows, row);
    }
  return rows;
}

static gboolean
plan_refuse (const VanguardsPlan *plan, guint hop, guint n_rows, GError **error)
{
  const char *option = hop == 1 ? plan->self->layers[0].set != NULL ? "HSLayer2Nodes" : "the second layer"
                                : "HSLayer3Nodes";

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH,
               "none of the %u relays of %s that are in the network fits as relay %u of an onion circuit of %u",
               n_rows, option, hop + 1, plan->request->n_hops);
  return FALSE;
}

/* Settles the third relay, and before that the second, with whom one for the third must be left. */
static gboolean
plan_settle_layers (VanguardsPlan *plan, GError **error)
{
  VanguardsLayer *third = &plan->self->layers[1];
  g_autoptr (GArray) rows = plan_get_layer2 (plan);
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (guint32));

  if (rows != NULL)
    g_array_append_vals (left, rows->data, rows->len);
  for (;;)
    {
      if (rows != NULL)
        plan->fixed[1] = plan_draw (plan, left, 1);
      if (rows != NULL && plan->fixed[1] == CEPA_PATH_ANY_ROW)
        return plan_refuse (plan, left->len < rows->len ? 2 : 1, left->len < rows->len ? third->rows->len : rows->len,
                            error);
      if (third->set == NULL)
        return TRUE;
      plan->fixed[2] = plan_draw (plan, vanguards_resolve (third, plan->network), 2);
      if (plan->fixed[2] != CEPA_PATH_ANY_ROW)
        return TRUE;
      if (rows == NULL)
        return plan_refuse (plan, 2, third->rows->len, error);
      for (guint i = left->len; i-- > 0;)
        if (g_array_index (left, guint32, i) == plan->fixed[1])
          g_array_remove_index_fast (left, i);
      plan->fixed[1] = CEPA_PATH_ANY_ROW;
    }
}

guint32
cepa_vanguards_get_flags (CepaOnionPurpose purpose, const CepaNetwork *network, guint32 target)
{
  gboolean is_stable;

  g_return_val_if_fail ((guint) purpose < CEPA_N_ONION_PURPOSES, 0);
  is_stable = vanguards_purposes[purpose].is_long_lived;
  /* Where somebody else's relay is not Stable the circuit cannot be, and goes there all the same. */
  if (target != CEPA_PATH_ANY_ROW && (cepa_network_get_relay (network, target)->flags & CEPA_RELAY_STABLE) == 0)
    is_stable = FALSE;
  return CEPA_PATH_VANGUARDS | (is_stable ? CEPA_PATH_NEED_STABLE : 0);
}

gboolean
cepa_vanguards_plan (CepaVanguards *self, const CepaNetwork *network, CepaOnionPurpose purpose, guint32 target,
                     CepaPathRequest *request, guint32 fixed[CEPA_PATH_MAX_HOPS], GError **error)
{
  CepaPathRequest planned = *request;
  guint32 settled[CEPA_PATH_MAX_HOPS];
  VanguardsPlan plan = { self, network, &planned, settled };

  g_return_val_if_fail ((guint) purpose < CEPA_N_ONION_PURPOSES, FALSE);
  g_return_val_if_fail ((target != CEPA_PATH_ANY_ROW) == vanguards_purposes[purpose].has_target, FALSE);
  g_return_val_if_fail (target == CEPA_PATH_ANY_ROW || target < cepa_network_get_n_relays (network), FALSE);
  planned.purpose = CEPA_PURPOSE_INTERNAL;
  planned.n_hops = cepa_vanguards_get_n_hops (self, purpose);
  planned.flags = cepa_vanguards_get_flags (purpose, network, target);
  planned.port = 0;
  planned.fixed = NULL;
  for (guint hop = 0; hop < CEPA_PATH_MAX_HOPS; hop++)
    settled[hop] = CEPA_PATH_ANY_ROW;
  settled[planned.n_hops - 1] = target;
  plan_settle_guard (&plan);
  if (!plan_settle_layers (&plan, error))
    return FALSE;
  memcpy (fixed, settled, sizeof settled);
  *request = planned;
  request->fixed = fixed;
  return TRUE;
}

/* ---- circuits that are there ---- */

/* Whether the relay stands where the vanguards of @hop do, by the options in force. */
static gboolean
vanguards_is_one_of (CepaVanguards *self, const CepaNetwork *network, guint hop, const guint8 rsa_id[20])
{
  gint row = cepa_network_find (network, rsa_id);

  if (hop <= 2 && self->layers[hop - 1].set != NULL)
    return row >= 0 && cepa_node_set_contains (self->layers[hop - 1].set, network, (guint) row);
  if (hop > 1 || !vanguards_is_lite (self, network))
    return TRUE;
  for (guint i = 0; i < self->n_vanguards; i++)
    if (memcmp (self->vanguards[i].rsa_id, rsa_id, 20) == 0)
      return self->vanguards[i].expires_s > cepa_clock_wall_s (self->clock);
  return FALSE;
}

static gboolean
vanguards_are_ours (CepaVanguards *self, const CepaNetwork *network, const guint8 (*relays)[20], guint n_relays)
{
  for (guint hop = 1; hop < MIN (n_relays, 3); hop++)
    if (!vanguards_is_one_of (self, network, hop, relays[hop]))
      return FALSE;
  return TRUE;
}

gboolean
cepa_vanguards_fits (CepaVanguards *self, const CepaNetwork *network, const guint8 (*relays)[20], guint n_relays)
{
  return n_relays == cepa_vanguards_get_n_hops (self, CEPA_ONION_PREBUILT)
         && vanguards_are_ours (self, network, relays, n_relays);
}

gboolean
cepa_vanguards_may_take (CepaVanguards *self, const CepaNetwork *network, CepaOnionPurpose purpose,
                         const guint8 (*relays)[20], guint n_relays, const guint8 *target_id)
{
  guint n_more = target_id != NULL ? 1 : 0;

  if (cepa_onion_purpose_has_target (purpose) != (target_id != NULL) || purpose == CEPA_ONION_PREBUILT
      || purpose == CEPA_ONION_SERVICE_INTRO || n_relays + n_more != cepa_vanguards_get_n_hops (self, purpose))
    return FALSE;
  for (guint i = n_relays - MIN (n_relays, CEPA_PATH_VANGUARDS_DISTANCE - 1); target_id != NULL && i < n_relays; i++)
    if (memcmp (relays[i], target_id, 20) == 0)
      return FALSE;
  return vanguards_are_ours (self, network, relays, n_relays);
}
