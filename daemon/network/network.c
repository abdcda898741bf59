/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/network.h"

#include <string.h>

#include "network/annotations.h"
#include "network/exit-policy.h"
#include "network/family.h"
#include "network/node-set.h"
#include "network/rows.h"

#define NETWORK_FULL_WEIGHT 10000 /* what stands for 1 in bandwidth weights, which are at most that */
#define NETWORK_USABLE (CEPA_RELAY_RUNNING | CEPA_RELAY_VALID)

struct _CepaNetwork
{
  CepaNetworkView view; /* first: its functions get it back */
  gatomicrefcount ref_count;
  CepaConsensus *consensus;
  const CepaRouterStatus *statuses; /* the consensus', row for row */
  CepaRelay *relays;
  guint n_relays;
  guint8 (*ntor_keys)[32]; /* row for row */
  guint32 *by_digest;      /* rows by ascending microdescriptor digest, then row */
  gboolean shares_digests; /* two rows have the same */
  CepaExitPolicyTable *policies;
  CepaFamilyTable *families;
  GPtrArray *node_families;     /* (nullable) (element-type CepaNodeSet) */
  gboolean is_stale;            /* @families have not been told of them, or of what they are about, since it changed */
  CepaAnnotations *annotations; /* (nullable) */
  gboolean uses_guard_fraction;
  guint32 factors[CEPA_N_PLACES][8]; /* by network_class(): two weights multiplied, up to 10000 * 10000 */
};

/* Classes of relays that bandwidth weights tell apart: these bits, or'ed. */
enum
{
  NETWORK_CLASS_EXIT = 1,
  NETWORK_CLASS_GUARD = 2,
  NETWORK_CLASS_DIR = 4,
};

static guint
network_class (guint32 flags)
{
  gboolean is_exit = (flags & CEPA_RELAY_EXIT) != 0 && (flags & CEPA_RELAY_BAD_EXIT) == 0;

  return (is_exit ? NETWORK_CLASS_EXIT : 0) | ((flags & CEPA_RELAY_GUARD) != 0 ? NETWORK_CLASS_GUARD : 0)
         | ((flags & CEPA_RELAY_V2DIR) != 0 ? NETWORK_CLASS_DIR : 0);
}

/* Whether the consensus lets a relay with @flags stand at @place; its keys are asked for apart. */
static gboolean
network_fits (guint32 flags, CepaPlace place)
{
  if ((flags & NETWORK_USABLE) != NETWORK_USABLE)
    return FALSE;
  if (place == CEPA_PLACE_MIDDLE)
    return TRUE;
  if ((flags & CEPA_RELAY_MIDDLE_ONLY) != 0)
    return FALSE;
  if (place == CEPA_PLACE_GUARD)
    return (flags & CEPA_RELAY_GUARD) != 0;
  return (network_class (flags) & NETWORK_CLASS_EXIT) != 0;
}

/* Weights of the consensus for each place and class (dir-spec: "Computing bandwidth weights"). A relay that
   also serves directories has another factor, Wxb, which leaves it room for them. */
static void
network_prepare_factors (CepaNetwork *self)
{
  static const CepaWeight places[CEPA_N_PLACES][4] = {
    [CEPA_PLACE_GUARD] = { CEPA_WGM, CEPA_WGM, CEPA_WGG, CEPA_WGD },
    [CEPA_PLACE_MIDDLE] = { CEPA_WMM, CEPA_WME, CEPA_WMG, CEPA_WMD },
    [CEPA_PLACE_EXIT] = { CEPA_WEM, CEPA_WEE, CEPA_WEG, CEPA_WED },
  };
  static const CepaWeight dirs[4] = { CEPA_WMB, CEPA_WEB, CEPA_WGB, CEPA_WDB };
  const gint32 *weights = cepa_consensus_get_weights (self->consensus);

  for (guint place = 0; place < CEPA_N_PLACES; place++)
    for (guint i = 0; i < 4; i++)
      {
        guint32 factor = (guint32) weights[places[place][i]];
        guint32 dir_factor = (guint32) weights[dirs[i]];

        self->factors[place][i] = factor * NETWORK_FULL_WEIGHT;
        self->factors[place][i | NETWORK_CLASS_DIR] = factor * dir_factor;
      }
}

gboolean
cepa_network_set_guard_fraction (CepaNetwork *self, gint use)
{
  self->uses_guard_fraction
      = use >= 0 ? use != 0 : cepa_consensus_get_param (self->consensus, "UseGuardFraction", 0) == 1;
  return self->uses_guard_fraction;
}

/* A relay that has been a guard for F percent of the time weighs in other places as a guard by that, and as none by the rest:
   for as long it has not had the clients of one. */
static guint32
network_get_factor (const CepaNetwork *self, const CepaRelay *relay, CepaPlace place)
{
  const guint32 *factors = self->factors[place];
  guint class = network_class (relay->flags), percent = self->statuses[relay - self->relays].guard_fraction;

  if (!self->uses_guard_fraction || place == CEPA_PLACE_GUARD || percent > 100 || (class & NETWORK_CLASS_GUARD) == 0)
    return factors[class];
  return (guint32) (((guint64) factors[class] * percent
                     + (guint64) factors[class & ~(guint) NETWORK_CLASS_GUARD] * (100 - percent)) / 100);
}

/* Bandwidth times weights; 0 for a relay that does not fit. Fits 59 bits. */
static guint64
network_weigh (const CepaNetwork *self, const CepaRelay *relay, CepaPlace place)
{
  if (!network_fits (relay->flags, place))
    return 0;
  return (guint64) relay->bandwidth * network_get_factor (self, relay, place);
}

static gint
network_compare_digests (gconstpointer a, gconstpointer b, gpointer statuses)
{
  const guint32 *x = a, *y = b;
  const CepaRouterStatus *s = statuses;
  int order = memcmp (s[*x].microdesc_digest, s[*y].microdesc_digest, 32);

  return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* The first place in @by_digest whose digest is not below @digest. */
static guint
network_find_digest (const CepaNetwork *self, const guint8 digest[32])
{
  guint low = 0, high = self->n_relays;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (memcmp (self->statuses[self->by_digest[middle]].microdesc_digest, digest, 32) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

/* Whether place @index of @by_digest is there and has @digest. */
static gboolean
network_has_digest (const CepaNetwork *self, guint index, const guint8 digest[32])
{
  return index < self->n_relays
         && memcmp (self->statuses[self->by_digest[index]].microdesc_digest, digest, 32) == 0;
}

static const CepaNetwork *
network_of_view (const CepaNetworkView *view)
{
  return (const CepaNetwork *) (const void *) view;
}

static int
network_view_exit_allows (const CepaNetworkView *view, uint32_t policy, uint16_t port, int ipv6)
{
  return cepa_exit_policy_table_allows (network_of_view (view)->policies, policy, port, ipv6 != 0);
}

static int
network_view_same_family (const CepaNetworkView *view, uint32_t a, uint32_t b)
{
  const CepaNetwork *self = network_of_view (view);

  return a < self->n_relays && b < self->n_relays && cepa_network_same_family (self, a, b);
}

static int32_t
network_view_param (const CepaNetworkView *view, const char *name, int32_t fallback)
{
  return cepa_consensus_get_param (network_of_view (view)->consensus, name, fallback);
}

static const double *
network_view_side_column (const CepaNetworkView *view, const char *table, const char *column)
{
  const CepaAnnotations *annotations = network_of_view (view)->annotations;

  for (guint i = 0; annotations != NULL && i < annotations->side_tables->len; i++)
    {
      const CepaSideColumns *side = g_ptr_array_index (annotations->side_tables, i);

      for (guint j = 0; g_str_equal (side->name, table) && j < side->n_columns; j++)
        if (g_str_equal (side->columns[j], column))
          return side->numbers[j];
    }
  return NULL;
}

static void
network_fill_row (CepaRelay *relay, const CepaRouterStatus *status)
{
  memcpy (relay->rsa_id, status->rsa_id, sizeof relay->rsa_id);
  relay->ipv4 = status->ipv4;
  relay->or_port = status->or_port;
  memcpy (relay->ipv6, status->ipv6, sizeof relay->ipv6);
  relay->ipv6_port = status->ipv6_port;
  relay->flags = status->flags & ~CEPA_RELAY_HAS_KEYS;
  relay->bandwidth = status->bandwidth;
  relay->protocols = status->protocols;
  relay->exit_policy = CEPA_EXIT_POLICY_NONE;
  g_strlcpy (relay->nickname, status->nickname, sizeof relay->nickname);
}

CepaNetwork *
cepa_network_new (CepaConsensus *consensus)
{
  CepaNetwork *self = g_new0 (CepaNetwork, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->consensus = cepa_consensus_ref (consensus);
  self->statuses = cepa_consensus_get_relays (consensus, &self->n_relays);
  self->relays = g_new0 (CepaRelay, self->n_relays);
  self->ntor_keys = g_malloc0_n (self->n_relays, sizeof *self->ntor_keys);
  self->by_digest = g_new (guint32, self->n_relays);
  for (guint row = 0; row < self->n_relays; row++)
    {
      network_fill_row (&self->relays[row], &self->statuses[row]);
      self->by_digest[row] = row;
    }
  g_qsort_with_data (self->by_digest, (gint) self->n_relays, sizeof *self->by_digest, network_compare_digests,
                     (gpointer) self->statuses);
  for (guint i = 1; i < self->n_relays && !self->shares_digests; i++)
    self->shares_digests = network_has_digest (self, i, self->statuses[self->by_digest[i - 1]].microdesc_digest);
  self->policies = cepa_exit_policy_table_new ();
  self->families = cepa_family_table_new (consensus);
  network_prepare_factors (self);

  self->view.size = sizeof self->view;
  self->view.n_relays = self->n_relays;
  self->view.stride = sizeof (CepaRelay);
  self->view.relays = self->relays;
  self->view.valid_after_s = cepa_consensus_get_valid_after_s (consensus);
  self->view.exit_allows = network_view_exit_allows;
  self->view.same_family = network_view_same_family;
  self->view.param = network_view_param;
  self->view.side_column = network_view_side_column;
  cepa_network_commit (self);
  return self;
}

CepaNetwork *
cepa_network_ref (CepaNetwork *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_network_unref (CepaNetwork *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->annotations, cepa_annotations_free);
  g_clear_pointer (&self->node_families, g_ptr_array_unref);
  cepa_family_table_free (self->families);
  cepa_exit_policy_table_free (self->policies);
  cepa_consensus_unref (self->consensus);
  g_free (self->relays);
  g_free (self->ntor_keys);
  g_free (self->by_digest);
  g_free (self);
}

CepaConsensus *
cepa_network_get_consensus (const CepaNetwork *self)
{
  return self->consensus;
}

guint
cepa_network_add_microdescriptor (CepaNetwork *self, const CepaMicrodescriptor *microdescriptor)
{
  guint index = network_find_digest (self, microdescriptor->digest);
  guint32 policy;
  guint n = 0;

  if (!network_has_digest (self, index, microdescriptor->digest)
      || (self->relays[self->by_digest[index]].flags & CEPA_RELAY_HAS_KEYS) != 0)
    return 0;
  policy = cepa_exit_policy_table_intern (self->policies, microdescriptor->policy, microdescriptor->policy6);
  for (; network_has_digest (self, index, microdescriptor->digest); index++, n++)
    {
      guint32 row = self->by_digest[index];
      CepaRelay *relay = &self->relays[row];

      memcpy (self->ntor_keys[row], microdescriptor->ntor_key, sizeof *self->ntor_keys);
      /* With NoEdConsensus the authorities disagree on the key: it may not identify the relay. */
      if (microdescriptor->has_ed25519 && (relay->flags & CEPA_RELAY_NO_ED_CONSENSUS) == 0)
        memcpy (relay->ed25519_id, microdescriptor->ed25519_id, sizeof relay->ed25519_id);
      if (relay->ipv6_port == 0 && microdescriptor->has_ipv6)
        {
          memcpy (relay->ipv6, microdescriptor->ipv6, sizeof relay->ipv6);
          relay->ipv6_port = microdescriptor->ipv6_port;
          self->is_stale = TRUE;
        }
      relay->exit_policy = policy;
      relay->flags |= CEPA_RELAY_HAS_KEYS;
      cepa_family_table_add (self->families, row, microdescriptor->family, microdescriptor->family_ids);
    }
  return n;
}

gboolean
cepa_network_wants (const CepaNetwork *self, const guint8 digest[32])
{
  for (guint i = network_find_digest (self, digest); network_has_digest (self, i, digest); i++)
    if ((self->relays[self->by_digest[i]].flags & CEPA_RELAY_HAS_KEYS) == 0)
      return TRUE;
  return FALSE;
}

GArray *
cepa_network_list_missing (const CepaNetwork *self)
{
  GArray *digests = g_array_new (FALSE, FALSE, sizeof *self->ntor_keys);

  for (guint row = 0; row < self->n_relays; row++)
    {
      const guint8 *digest = self->statuses[row].microdesc_digest;

      if ((self->relays[row].flags & CEPA_RELAY_HAS_KEYS) != 0)
        continue;
      /* The first of those that share a digest has the lowest row. */
      if (!self->shares_digests || self->by_digest[network_find_digest (self, digest)] == row)
        g_array_append_vals (digests, digest, 1);
    }
  return digests;
}

/* By how many bits products of bandwidth and weights are shifted so that each fits 32: as few as can be. */
static guint
network_find_shift (const CepaNetwork *self)
{
  guint64 greatest = 0;
  guint shift = 0;

  for (guint row = 0; row < self->n_relays; row++)
    for (guint place = 0; place < CEPA_N_PLACES; place++)
      greatest = MAX (greatest, network_weigh (self, &self->relays[row], (CepaPlace) place));
  while (greatest >> shift > G_MAXUINT32)
    shift++;
  return shift;
}

/* Sets the weights of all rows for @place. */
static void
network_set_weights (CepaNetwork *self, CepaPlace place, guint shift)
{
  guint64 sum = 0;

  for (guint row = 0; row < self->n_relays; row++)
    {
      CepaRelay *relay = &self->relays[row];
      guint64 product = (relay->flags & CEPA_RELAY_HAS_KEYS) != 0 ? network_weigh (self, relay, place) : 0;

      relay->weight[place] = product == 0 ? 0 : MAX ((guint32) (product >> shift), 1);
      sum += relay->weight[place];
    }
  if (sum > 0)
    return;
  /* Small private networks have no measured bandwidth: everyone who fits is as good as the other. */
  for (guint row = 0; row < self->n_relays; row++)
    if ((self->relays[row].flags & CEPA_RELAY_HAS_KEYS) != 0 && network_fits (self->relays[row].flags, place))
      self->relays[row].weight[place] = 1;
}

void
cepa_network_annotate (CepaNetwork *self, CepaAnnotations *annotations)
{
  g_return_if_fail (annotations->n_relays == self->n_relays);

  g_clear_pointer (&self->annotations, cepa_annotations_free);
  self->annotations = annotations;
  self->is_stale = TRUE;
  for (guint row = 0; row < self->n_relays; row++)
    {
      CepaLocation location = { .as_number = 0 };

      if (annotations->locations != NULL)
        location = annotations->locations[row];
      memcpy (self->relays[row].country, location.country, sizeof location.country);
      self->relays[row].as_number = location.as_number;
    }
  /* The rows have them now. */
  g_clear_pointer (&annotations->locations, g_free);
}

const CepaExtras *
cepa_network_get_extras (const CepaNetwork *self)
{
  return self->annotations != NULL ? self->annotations->extras : NULL;
}

gboolean
cepa_network_has_countries (const CepaNetwork *self)
{
  const CepaGeoip *geoip = self->annotations != NULL ? cepa_extras_get_geoip (self->annotations->extras) : NULL;

  return geoip != NULL && cepa_geoip_has_ipv4 (geoip);
}

void
cepa_network_set_node_families (CepaNetwork *self, GPtrArray *sets)
{
  GPtrArray *old = self->node_families;

  self->node_families = sets != NULL && sets->len > 0 ? g_ptr_array_ref (sets) : NULL;
  self->is_stale = TRUE;
  g_clear_pointer (&old, g_ptr_array_unref);
}

void
cepa_network_mark_nicknames (const CepaNetwork *self, GHashTable *nicknames, guint8 *bits)
{
  cepa_family_table_mark_names (self->families, nicknames, bits);
}

GPtrArray *
cepa_network_get_node_families (const CepaNetwork *self)
{
  return self->node_families;
}

/* Tells the families which rows the user puts together. */
static void
network_settle_node_families (CepaNetwork *self)
{
  guint n = self->node_families != NULL ? self->node_families->len : 0;

  if (!self->is_stale)
    return;
  self->is_stale = FALSE;
  cepa_family_table_clear_groups (self->families);
  for (guint i = 0; i < n; i++)
    {
      const CepaNodeSet *set = g_ptr_array_index (self->node_families, i);
      guint8 *bits = g_new0 (guint8, self->n_relays / 8 + 1);

      cepa_node_set_mark (set, self, bits);
      cepa_family_table_add_group (self->families, bits);
    }
}

/* Added up, for tables are in no order. */
static guint64
network_hash_side_table (const CepaSideColumns *side)
{
  return (side->id ^ g_str_hash (side->name)) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

/* A number of what the table says, never 0: no counter could tell apart the tables of two consensuses. */
static guint64
network_hash (const CepaNetwork *self)
{
  const guint8 *bytes = (const guint8 *) self->relays;
  gsize left = self->n_relays * sizeof (CepaRelay);
  guint64 hash = (guint64) self->view.valid_after_s, word;

  while (left > 0)
    {
      gsize n = MIN (left, sizeof word);

      word = 0;
      memcpy (&word, bytes, n);
      hash = (hash ^ word) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
      hash ^= hash >> 32;
      bytes += n;
      left -= n;
    }
  for (guint i = 0; self->annotations != NULL && i < self->annotations->side_tables->len; i++)
    hash += network_hash_side_table (g_ptr_array_index (self->annotations->side_tables, i));
  return MAX (hash, 1);
}

void
cepa_network_commit (CepaNetwork *self)
{
  guint shift = network_find_shift (self);

  /* Padding in rows would get into the hash. */
  G_STATIC_ASSERT (sizeof (CepaRelay) == 20 + 32 + 4 + 16 + 2 + 2 + 4 + 4 + 4 * CEPA_N_PLACES + 4 + 4 + 20
                   + 4 + 8 + 4 + 4);
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    network_set_weights (self, (CepaPlace) place, shift);
  network_settle_node_families (self);
  cepa_family_table_number (self->families, self->relays);
  self->view.version = network_hash (self);
}

const CepaNetworkView *
cepa_network_get_view (const CepaNetwork *self)
{
  return &self->view;
}

guint
cepa_network_get_n_relays (const CepaNetwork *self)
{
  return self->n_relays;
}

const CepaRelay *
cepa_network_get_relay (const CepaNetwork *self, guint row)
{
  g_return_val_if_fail (row < self->n_relays, NULL);
  return &self->relays[row];
}

guint64
cepa_network_get_consensus_weight (const CepaNetwork *self, guint row, CepaPlace place)
{
  g_return_val_if_fail (row < self->n_relays, 0);
  return network_weigh (self, &self->relays[row], place);
}

gint
cepa_network_find (const CepaNetwork *self, const guint8 rsa_id[20])
{
  return cepa_rows_find (self->statuses, self->n_relays, rsa_id);
}

const guint8 *
cepa_network_get_ntor_key (const CepaNetwork *self, guint row)
{
  g_return_val_if_fail (row < self->n_relays, NULL);
  return self->ntor_keys[row];
}

gboolean
cepa_network_same_family (const CepaNetwork *self, guint a, guint b)
{
  g_return_val_if_fail (a < self->n_relays && b < self->n_relays, TRUE);
  return cepa_family_table_same (self->families, a, b);
}

gboolean
cepa_network_same_subnet (const CepaNetwork *self, guint a, guint b)
{
  g_return_val_if_fail (a < self->n_relays && b < self->n_relays, TRUE);
  return cepa_relay_same_subnet (&self->relays[a], &self->relays[b]);
}

gboolean
cepa_network_exit_allows (const CepaNetwork *self, guint row, guint16 port, gboolean ipv6)
{
  g_return_val_if_fail (row < self->n_relays, FALSE);
  return cepa_exit_policy_table_allows (self->policies, self->relays[row].exit_policy, port, ipv6);
}

/* The share of the weight of @place for which microdescriptors are here; -1 when no relay fits it. */
static double
network_place_fraction (const CepaNetwork *self, CepaPlace place)
{
  double weight = 0, weight_here = 0;
  guint n = 0, n_here = 0;

  for (guint row = 0; row < self->n_relays; row++)
    {
      const CepaRelay *relay = &self->relays[row];
      gboolean is_here = (relay->flags & CEPA_RELAY_HAS_KEYS) != 0;
      double own = (double) network_weigh (self, relay, place);

      if (!network_fits (relay->flags, place))
        continue;
      /* An exit that turns out to let nothing through is none. */
      if (place == CEPA_PLACE_EXIT && is_here && !cepa_network_exit_allows (self, row, 0, FALSE)
          && !cepa_network_exit_allows (self, row, 0, TRUE))
        continue;
      n++;
      n_here += is_here;
      weight += own;
      weight_here += is_here ? own : 0;
    }
  if (n == 0)
    return -1;
  return weight > 0 ? weight_here / weight : (double) n_here / n;
}

double
cepa_network_usable_fraction (const CepaNetwork *self)
{
  double guard = network_place_fraction (self, CEPA_PLACE_GUARD);
  double middle = network_place_fraction (self, CEPA_PLACE_MIDDLE);
  double exit = network_place_fraction (self, CEPA_PLACE_EXIT);

  return MAX (guard, 0) * MAX (middle, 0) * (exit < 0 ? 1 : exit);
}
