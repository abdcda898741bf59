/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake-network.h"

#include <math.h>
#include <string.h>

/* Fewer relays than these are all good, so that there is a path. */
#define FAKE_NETWORK_ALL_GOOD 8

/* Bytes that a newer host has behind each row. Rows stay aligned. */
#define FAKE_NETWORK_BEYOND 40

struct _CepaFakeNetwork
{
  CepaNetworkView view;
  guint8 beyond[64];
  guint8 *rows;
  guint32 checksum;
  guint64 random;
  GHashTable *params; /* name -> number */
  GHashTable *columns; /* "table,column" -> array of double */
  char *fault;
};

/* Exit policies: what CepaRelay.exit_policy numbers. 0 lets nothing through. */
static const struct
{
  guint16 ports[4]; /* 0: none; one of 1: all */
  gboolean ipv6;
} fake_network_policies[] = {
  { { 0 }, FALSE }, { { 1 }, FALSE }, { { 80, 443 }, FALSE }, { { 6667 }, FALSE }, { { 1 }, TRUE },
};

static guint32
fake_network_draw (CepaFakeNetwork *self, guint32 limit)
{
  self->random = self->random * G_GUINT64_CONSTANT (6364136223846793005) + G_GUINT64_CONSTANT (1442695040888963407);
  return (guint32) (self->random >> 33) % limit;
}

static gboolean
fake_network_chance (CepaFakeNetwork *self, guint percent)
{
  return fake_network_draw (self, 100) < percent;
}

static void
fake_network_note (CepaFakeNetwork *self, const char *text)
{
  if (self->fault == NULL)
    self->fault = g_strdup (text);
}

/* Plugins get a view; it is the first member. */
static CepaFakeNetwork *
fake_network_of (const CepaNetworkView *view)
{
  return (CepaFakeNetwork *) (gpointer) view;
}

static int
fake_network_exit_allows (const CepaNetworkView *view, uint32_t policy, uint16_t port, int ipv6)
{
  if (policy >= G_N_ELEMENTS (fake_network_policies))
    {
      fake_network_note (fake_network_of (view), "exit_allows was called for a policy that no relay has");
      return 0;
    }
  if (ipv6 && !fake_network_policies[policy].ipv6)
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS (fake_network_policies[policy].ports); i++)
    {
      guint16 allowed = fake_network_policies[policy].ports[i];

      if (allowed != 0 && (allowed == 1 || allowed == port || port == 0))
        return 1;
    }
  return 0;
}

static int
fake_network_same_family (const CepaNetworkView *view, uint32_t a, uint32_t b)
{
  guint32 family;

  if (a >= view->n_relays || b >= view->n_relays)
    {
      fake_network_note (fake_network_of (view), "same_family was called for a row that there is not");
      return 0;
    }
  family = cepa_network_view_relay (view, a)->family;
  if (a == b)
    return 1;
  return family != 0 && family == cepa_network_view_relay (view, b)->family && (a + b) % 4 != 0;
}

static int32_t
fake_network_param (const CepaNetworkView *view, const char *name, int32_t fallback)
{
  CepaFakeNetwork *self = fake_network_of (view);
  gpointer value;

  if (name == NULL)
    fake_network_note (self, "param was called without a name");
  else if (g_hash_table_lookup_extended (self->params, name, NULL, &value))
    return GPOINTER_TO_INT (value);
  return fallback;
}

/* The same numbers whenever the same column is asked for. */
static const double *
fake_network_side_column (const CepaNetworkView *view, const char *table, const char *column)
{
  CepaFakeNetwork *self = fake_network_of (view);
  g_autofree char *name = NULL;
  double *numbers;

  if (table == NULL || column == NULL)
    {
      fake_network_note (self, "side_column was called without a table or a column");
      return NULL;
    }
  name = g_strconcat (table, ",", column, NULL);
  numbers = g_hash_table_lookup (self->columns, name);
  if (numbers != NULL)
    return numbers;
  numbers = g_new (double, view->n_relays + 1);
  for (guint i = 0; i < view->n_relays; i++)
    {
      guint hash = (g_str_hash (name) ^ i) * 2654435761u >> 8;

      numbers[i] = hash % 4 == 0 ? (double) NAN : (double) (hash % 1000) / 8;
    }
  g_hash_table_insert (self->columns, g_steal_pointer (&name), numbers);
  return numbers;
}

static guint32
fake_network_make_flags (CepaFakeNetwork *self, gboolean is_good)
{
  static const struct
  {
    guint32 flag;
    guint percent;
    gboolean of_good;
  } chances[] = {
    { CEPA_RELAY_RUNNING, 96, TRUE },       { CEPA_RELAY_VALID, 97, TRUE },    { CEPA_RELAY_HAS_KEYS, 96, TRUE },
    { CEPA_RELAY_FAST, 88, TRUE },          { CEPA_RELAY_STABLE, 70, TRUE },   { CEPA_RELAY_GUARD, 45, TRUE },
    { CEPA_RELAY_EXIT, 35, TRUE },          { CEPA_RELAY_BAD_EXIT, 3, FALSE }, { CEPA_RELAY_MIDDLE_ONLY, 3, FALSE },
    { CEPA_RELAY_HSDIR, 60, TRUE },         { CEPA_RELAY_V2DIR, 90, TRUE },    { CEPA_RELAY_AUTHORITY, 1, FALSE },
    { CEPA_RELAY_NO_ED_CONSENSUS, 1, FALSE }, { CEPA_RELAY_STALE_DESC, 1, FALSE },
  };
  guint32 flags = 0;

  for (guint i = 0; i < G_N_ELEMENTS (chances); i++)
    if (is_good ? chances[i].of_good : fake_network_chance (self, chances[i].percent))
      flags |= chances[i].flag;
  return flags;
}

static void
fake_network_make_weights (CepaRelay *relay)
{
  const guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS;
  gboolean is_ended = (relay->flags & CEPA_RELAY_MIDDLE_ONLY) == 0;

  if ((relay->flags & needs) != needs)
    return;
  relay->weight[CEPA_PLACE_MIDDLE] = relay->bandwidth;
  if (is_ended && (relay->flags & CEPA_RELAY_GUARD) != 0)
    relay->weight[CEPA_PLACE_GUARD] = relay->bandwidth;
  if (is_ended && (relay->flags & CEPA_RELAY_EXIT) != 0 && (relay->flags & CEPA_RELAY_BAD_EXIT) == 0)
    relay->weight[CEPA_PLACE_EXIT] = relay->bandwidth;
}

static void
fake_network_make_relay (CepaFakeNetwork *self, CepaRelay *relay, guint row, gboolean is_good)
{
  guint32 rank = GUINT32_TO_BE (row * 1000 + 7);

  memcpy (relay->rsa_id, &rank, sizeof rank);
  for (guint i = sizeof rank; i < sizeof relay->rsa_id; i++)
    relay->rsa_id[i] = (guint8) fake_network_draw (self, 256);
  for (guint i = 0; i < sizeof relay->ed25519_id; i++)
    relay->ed25519_id[i] = (guint8) fake_network_draw (self, 256);
  relay->ipv4 = is_good ? (10 + row) << 24 | row << 16 | 1 : (1 + fake_network_draw (self, 220)) << 24
                                                               | fake_network_draw (self, 1u << 24);
  relay->or_port = (guint16) (1 + fake_network_draw (self, 65535));
  if (!is_good && fake_network_chance (self, 40))
    {
      relay->ipv6[0] = 0x20;
      relay->ipv6[2] = (guint8) fake_network_draw (self, 20);
      relay->ipv6[15] = (guint8) fake_network_draw (self, 256);
      relay->ipv6_port = relay->or_port;
    }
  relay->flags = fake_network_make_flags (self, is_good);
  relay->bandwidth = is_good ? 1000 : fake_network_draw (self, 100000);
  relay->family = !is_good && fake_network_chance (self, 30) ? 1 + fake_network_draw (self, 20) : 0;
  relay->exit_policy = is_good ? 4 : (relay->flags & CEPA_RELAY_EXIT) != 0 ? 1 + fake_network_draw (self, 4) : 0;
  g_snprintf (relay->nickname, sizeof relay->nickname, "relay%u", row);
  fake_network_make_weights (relay);
}

static guint32
fake_network_sum (CepaFakeNetwork *self)
{
  gsize len = (gsize) self->view.n_relays * self->view.stride;
  guint32 sum = 1;

  for (gsize i = 0; i < len; i++)
    sum = sum * 31 + self->rows[i];
  return sum ^ self->view.n_relays ^ self->view.stride;
}

static gpointer
fake_network_get_row (CepaFakeNetwork *self, guint row)
{
  return self->rows + (gsize) row * self->view.stride;
}

CepaFakeNetwork *
cepa_fake_network_new (guint64 seed, guint n_relays, gboolean is_newer)
{
  CepaFakeNetwork *self = g_new0 (CepaFakeNetwork, 1);

  self->random = seed * 2 + 1;
  self->params = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->columns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  memset (self->beyond, 0xa5, sizeof self->beyond);
  self->view = (CepaNetworkView){
    .size = is_newer ? sizeof self->view + sizeof self->beyond : sizeof self->view,
    .n_relays = n_relays,
    .stride = sizeof (CepaRelay) + (is_newer ? FAKE_NETWORK_BEYOND : 0),
    .valid_after_s = G_GINT64_CONSTANT (1767225600),
    .version = 1 + (seed & 0xffff),
    .exit_allows = fake_network_exit_allows,
    .same_family = fake_network_same_family,
    .param = fake_network_param,
    .side_column = fake_network_side_column,
  };
  self->rows = g_malloc0 ((gsize) n_relays * self->view.stride);
  self->view.relays = (gpointer) self->rows;
  for (guint i = 0; i < n_relays; i++)
    {
      memset (fake_network_get_row (self, i), 0xa5, self->view.stride);
      memset (fake_network_get_row (self, i), 0, sizeof (CepaRelay));
      fake_network_make_relay (self, fake_network_get_row (self, i), i, n_relays <= FAKE_NETWORK_ALL_GOOD);
    }
  self->checksum = fake_network_sum (self);
  return self;
}

void
cepa_fake_network_free (CepaFakeNetwork *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->params);
  g_hash_table_unref (self->columns);
  g_free (self->rows);
  g_free (self->fault);
  g_free (self);
}

const CepaNetworkView *
cepa_fake_network_get_view (CepaFakeNetwork *self)
{
  return &self->view;
}

CepaRelay *
cepa_fake_network_edit_relay (CepaFakeNetwork *self, guint row)
{
  g_return_val_if_fail (row < self->view.n_relays, NULL);
  return fake_network_get_row (self, row);
}

void
cepa_fake_network_touch (CepaFakeNetwork *self)
{
  self->view.version++;
  self->checksum = fake_network_sum (self);
}

void
cepa_fake_network_set_param (CepaFakeNetwork *self, const char *name, gint32 value)
{
  g_hash_table_insert (self->params, g_strdup (name), GINT_TO_POINTER (value));
  cepa_fake_network_touch (self);
}

void
cepa_fake_network_omit_functions (CepaFakeNetwork *self)
{
  self->view.exit_allows = NULL;
  self->view.same_family = NULL;
  self->view.param = NULL;
  self->view.side_column = NULL;
}

const char *
cepa_fake_network_get_fault (CepaFakeNetwork *self)
{
  if (fake_network_sum (self) != self->checksum)
    fake_network_note (self, "the table of relays was written to");
  return self->fault;
}
