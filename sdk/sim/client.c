/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <string.h>

#include "path/guards.h"
#include "random.h"

/* Guards that are looked for one after the other; who has had more has a bit for each relay. */
#define CLIENT_FEW_GUARDS 16

#define CLIENT_NO_ROW G_MAXUINT32

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
  gboolean is_spread;   /* over several guards, drawn anew each time */
  guint32 latest;       /* row of the guard that is known to work; CLIENT_NO_ROW */
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
  self->latest = CLIENT_NO_ROW;
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
  self->latest = CLIENT_NO_ROW;
  self->is_spread = cepa_network_view_param (cepa_network_get_view (network), "guard-n-primary-guards-to-use", 1) > 1;
  cepa_guards_set_network (self->guards, network, NULL);
  client_update (self);
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
  if (!self->is_listed || self->is_spread)
    {
      self->is_listed = TRUE;
      if (!cepa_guards_list_candidates (self->guards, CEPA_GUARD_DATA, NULL, self->rows))
        g_array_set_size (self->rows, 0);
    }
  *rows = (const guint32 *) (gpointer) self->rows->data;
  *n = self->rows->len;
  return *n > 0;
}

/* The guard code learns that the guard works: at first, and whenever it is another than before. */
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
  self->latest = guard;
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
  if (self->guards != NULL && guard != self->latest)
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
