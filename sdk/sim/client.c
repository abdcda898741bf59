/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <string.h>

#include "path/guards.h"
#include "random.h"

/* Guards that are looked for one after the other; who has had more has a bit for each relay. */
#define CLIENT_FEW_GUARDS 16

/* Guards that are known to work with one consensus; others are told of again. */
#define CLIENT_MAX_WORKING 8

struct _CepaSimClient
{
  guint64 n_streams;
  guint n_had;                    /* different relays that were its guard, up to CLIENT_FEW_GUARDS */
  guint32 had[CLIENT_FEW_GUARDS]; /* their numbers */
  GByteArray *all;                /* (nullable): bits by number, of one who had more */

  CepaGuards *guards; /* (nullable): it keeps none */
  CepaRandomSeeded random;
  const CepaClock *clock;
  CepaNetwork *network; /* (nullable) */
  GArray *rows;         /* (nullable) (element-type guint32): the guards, best first, while @is_listed */
  gboolean is_listed;
  guint n_spread;       /* of the first rows: primary guards that circuits are spread over */
  guint n_working;
  guint32 working[CLIENT_MAX_WORKING]; /* rows of the guards that the guard code knows to work */
  gint64 due_us;        /* monotonic: when guards want to be called; -1: never */
};

/* ---- the guard code's callbacks ---- */

static void
client_guards_changed (gpointer user_data)
{
  ((CepaSimClient *) user_data)->is_listed = FALSE;
}

static const CepaGuardsFuncs client_guards_funcs = { .changed = client_guards_changed };

/* No path of a simulation waits: whether another guard would have been better is known at once, for all are up. */
static void
client_ticket_told (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED CepaGuardTicket *ticket,
                    G_GNUC_UNUSED CepaGuardVerdict verdict)
{
}

/* ---- life ---- */

CepaSimClient *
cepa_sim_client_new (const CepaClock *clock, guint64 seed, guint64 number, gboolean keeps_guards)
{
  CepaSimClient *self = g_new0 (CepaSimClient, 1);
  CepaGuardsConfig config;

  self->clock = clock;
  self->due_us = -1;
  if (!keeps_guards)
    return self;
  cepa_sim_random_seed (&self->random, seed, CEPA_SIM_RANDOM_GUARDS, number);
  cepa_guards_config_init (&config);
  self->guards = cepa_guards_new (clock, &self->random.random, &config);
  self->rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  cepa_guards_set_funcs (self->guards, &client_guards_funcs, self);
  return self;
}

void
cepa_sim_client_free (CepaSimClient *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->guards, cepa_guards_free);
  g_clear_pointer (&self->rows, g_array_unref);
  g_clear_pointer (&self->all, g_byte_array_unref);
  g_clear_pointer (&self->network, cepa_network_unref);
  g_free (self);
}

/* ---- guards ---- */

static void
client_update (CepaSimClient *self)
{
  self->due_us = cepa_guards_update (self->guards);
}

void
cepa_sim_client_set_network (CepaSimClient *self, CepaNetwork *network)
{
  if (self->guards == NULL)
    return;
  cepa_network_ref (network);
  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = network;
  self->is_listed = FALSE;
  self->n_working = 0;
  cepa_guards_set_network (self->guards, network, NULL);
  client_update (self);
}

/* A look for how many of the first rows are primary guards. */
typedef struct
{
  const CepaSimClient *client;
  guint n_most; /* rows that are looked at */
  guint32 is_primary; /* bit N: row N is */
} ClientLook;

static void
client_look_at (gpointer user_data, const CepaGuardInfo *guard)
{
  ClientLook *look = user_data;

  for (guint i = 0; guard->is_current && guard->primary_index >= 0 && i < look->n_most; i++)
    {
      guint32 row = g_array_index (look->client->rows, guint32, i);

      if (memcmp (cepa_network_get_relay (look->client->network, row)->rsa_id, guard->rsa_id, 20) == 0)
        look->is_primary |= 1u << i;
    }
}

/* Asks the guard code. Of its answer only the order of the first ones is drawn by chance: nothing else of it changes until
   it says so, or its time has come. */
static void
client_list (CepaSimClient *self)
{
  const CepaNetworkView *view = cepa_network_get_view (self->network);
  ClientLook look = { .client = self };

  self->is_listed = TRUE;
  if (!cepa_guards_list_candidates (self->guards, CEPA_GUARD_DATA, NULL, self->rows))
    g_array_set_size (self->rows, 0);
  look.n_most = (guint) CLAMP (cepa_network_view_param (view, "guard-n-primary-guards-to-use", 1), 1, 10);
  look.n_most = MIN (look.n_most, self->rows->len);
  cepa_guards_foreach (self->guards, client_look_at, &look);
  for (self->n_spread = 0; (look.is_primary >> self->n_spread & 1) != 0;)
    self->n_spread++;
}

/* As the guard code does for each circuit. */
static void
client_shuffle (CepaSimClient *self)
{
  for (guint i = self->n_spread; i > 1; i--)
    {
      guint j = (guint) cepa_random_below (&self->random.random, i);
      guint32 row = g_array_index (self->rows, guint32, j);

      g_array_index (self->rows, guint32, j) = g_array_index (self->rows, guint32, i - 1);
      g_array_index (self->rows, guint32, i - 1) = row;
    }
}

gboolean
cepa_sim_client_list_guards (CepaSimClient *self, const guint32 **rows, guint *n)
{
  *rows = NULL;
  *n = 0;
  if (self->guards == NULL)
    return TRUE;
  if (self->due_us >= 0 && cepa_clock_monotonic_us (self->clock) >= self->due_us)
    {
      client_update (self);
      self->is_listed = FALSE;
    }
  if (self->is_listed)
    client_shuffle (self);
  else
    client_list (self);
  *rows = (const guint32 *) (gpointer) self->rows->data;
  *n = self->rows->len;
  return *n > 0;
}

static gboolean
client_knows_to_work (const CepaSimClient *self, guint32 guard)
{
  for (guint i = 0; i < self->n_working; i++)
    if (self->working[i] == guard)
      return TRUE;
  return FALSE;
}

/* The guard code learns that the guard works. */
static void
client_use_guard (CepaSimClient *self, guint32 guard, guint32 exit)
{
  const guint8 *guard_id = cepa_network_get_relay (self->network, guard)->rsa_id;
  CepaGuardRestriction restriction = { .exit_id = cepa_network_get_relay (self->network, exit)->rsa_id };
  CepaGuardTicket *ticket
      = cepa_guards_attempt (self->guards, guard_id, CEPA_GUARD_DATA, &restriction, client_ticket_told, self);

  if (ticket != NULL)
    cepa_guard_ticket_succeeded (ticket);
  client_update (self);
  cepa_guard_ticket_free (ticket);
  if (self->n_working < CLIENT_MAX_WORKING)
    self->working[self->n_working++] = guard;
}

/* Sets the bit of @number. Returns: whether it was set before. */
static gboolean
client_set_bit (GByteArray *bits, guint32 number)
{
  guint8 bit = (guint8) (1u << number % 8);
  guint before = bits->len;
  gboolean was_set;

  if (number / 8 >= before)
    {
      g_byte_array_set_size (bits, MAX (2 * before, number / 8 + 1));
      memset (bits->data + before, 0, bits->len - before);
    }
  was_set = (bits->data[number / 8] & bit) != 0;
  bits->data[number / 8] |= bit;
  return was_set;
}

gboolean
cepa_sim_client_built (CepaSimClient *self, guint32 guard, guint32 exit, guint32 number)
{
  if (self->guards != NULL && !client_knows_to_work (self, guard))
    client_use_guard (self, guard, exit);
  for (guint i = 0; i < self->n_had; i++)
    if (self->had[i] == number)
      return FALSE;
  if (self->n_had < CLIENT_FEW_GUARDS)
    {
      self->had[self->n_had++] = number;
      return TRUE;
    }
  if (self->all == NULL)
    self->all = g_byte_array_new ();
  return !client_set_bit (self->all, number);
}

guint64
cepa_sim_client_next_stream (CepaSimClient *self)
{
  return self->n_streams++;
}
