/* SPDX-License-Identifier: BSD-3-Clause */
#include "tally.h"

#include <string.h>

/* How a packed tally begins; then the counts and expectations of each place, the clients, the reasons. */
typedef struct
{
  CepaSimTotals totals;
  guint32 n_relays, n_clients, n_reasons, first_refusal_block;
  char first_refusal[512];
} TallyHead;

CepaSimTally *
cepa_sim_tally_new (guint n_clients)
{
  CepaSimTally *self = g_new0 (CepaSimTally, 1);

  self->n_clients = n_clients;
  self->clients = g_new0 (CepaSimClientTally, n_clients);
  self->reasons = g_array_new (FALSE, TRUE, sizeof (CepaSimReason));
  self->first_refusal_block = G_MAXUINT;
  for (guint i = 0; i < n_clients; i++)
    self->clients[i].first_both_s = CEPA_SIM_NEVER;
  return self;
}

void
cepa_sim_tally_free (CepaSimTally *self)
{
  if (self == NULL)
    return;
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      g_free (self->counts[place]);
      g_free (self->expected[place]);
    }
  g_free (self->clients);
  g_array_unref (self->reasons);
  g_free (self);
}

void
cepa_sim_tally_grow (CepaSimTally *self, guint n_relays)
{
  guint more = n_relays > self->n_relays ? n_relays - self->n_relays : 0;

  for (guint place = 0; more > 0 && place < CEPA_N_PLACES; place++)
    {
      self->counts[place] = g_renew (guint64, self->counts[place], n_relays);
      self->expected[place] = g_renew (double, self->expected[place], n_relays);
      memset (self->counts[place] + self->n_relays, 0, more * sizeof (guint64));
      for (guint i = self->n_relays; i < n_relays; i++)
        self->expected[place][i] = 0;
    }
  self->n_relays = MAX (self->n_relays, n_relays);
}

void
cepa_sim_tally_add (CepaSimTally *self, const CepaSimScene *scene, const guint32 *hops, guint client, gint64 time_s)
{
  const CepaRelay *guard = cepa_network_get_relay (scene->network, hops[0]);
  const CepaRelay *exit = cepa_network_get_relay (scene->network, hops[2]);
  CepaSimTotals *totals = &self->totals;
  CepaSimClientTally *own = &self->clients[client];

  totals->n_paths++;
  own->n_paths++;
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    self->counts[place][scene->numbers[hops[place]]]++;
  if (guard->family != 0 && guard->family == exit->family)
    totals->n_same_family += cepa_network_same_family (scene->network, hops[0], hops[2]) ? 1 : 0;
  if (guard->as_number != 0 && exit->as_number != 0)
    {
      totals->n_as_known++;
      totals->n_same_as += guard->as_number == exit->as_number ? 1 : 0;
    }
  if (guard->country[0] != '\0' && exit->country[0] != '\0')
    {
      totals->n_country_known++;
      totals->n_same_country += memcmp (guard->country, exit->country, sizeof guard->country) == 0 ? 1 : 0;
    }
  if (scene->is_adversary != NULL)
    {
      guint at_guard = scene->is_adversary[hops[0]], at_exit = scene->is_adversary[hops[2]];

      totals->n_guard_seen += at_guard;
      totals->n_exit_seen += at_exit;
      totals->n_both_seen += at_guard & at_exit;
      if ((at_guard & at_exit) != 0 && own->first_both_s == CEPA_SIM_NEVER)
        own->first_both_s = time_s;
    }
}

static void
tally_add_reason (CepaSimTally *self, const char *reason, guint64 n)
{
  CepaSimReason fresh = { .n = n };
  guint i;

  g_strlcpy (fresh.reason, reason, sizeof fresh.reason);
  self->totals.n_refused += n;
  for (i = 0; i < self->reasons->len; i++)
    {
      CepaSimReason *known = &g_array_index (self->reasons, CepaSimReason, i);
      int order = strcmp (known->reason, fresh.reason);

      if (order == 0)
        {
          known->n += n;
          return;
        }
      if (order > 0)
        break;
    }
  g_array_insert_val (self->reasons, i, fresh);
}

static void
tally_note_first_refusal (CepaSimTally *self, const char *text, guint block)
{
  if (text == NULL || block >= self->first_refusal_block)
    return;
  self->first_refusal_block = block;
  g_strlcpy (self->first_refusal, text, sizeof self->first_refusal);
}

void
cepa_sim_tally_add_refusals (CepaSimTally *self, const CepaSimInstance *instance, guint block)
{
  guint n;
  const CepaSimRefusal *refusals = cepa_sim_instance_get_refusals (instance, &n);

  for (guint i = 0; i < n; i++)
    tally_add_reason (self, refusals[i].reason, refusals[i].n);
  tally_note_first_refusal (self, cepa_sim_instance_get_first_refusal (instance), block);
}

void
cepa_sim_tally_expect (CepaSimTally *self, const CepaSimScene *scene, guint64 n_paths)
{
  guint n = cepa_network_get_n_relays (scene->network);

  for (guint place = 0; place < CEPA_N_PLACES; place++)
    for (guint row = 0; row < n; row++)
      self->expected[place][scene->numbers[row]]
          += (double) n_paths * cepa_sim_scene_get_share (scene, (CepaPlace) place, row);
}

/* ---- between processes ---- */

GBytes *
cepa_sim_tally_pack (const CepaSimTally *self)
{
  GByteArray *out = g_byte_array_new ();
  TallyHead head;

  memset (&head, 0, sizeof head);
  head.totals = self->totals;
  head.n_relays = self->n_relays;
  head.n_clients = self->n_clients;
  head.n_reasons = self->reasons->len;
  head.first_refusal_block = self->first_refusal_block;
  memcpy (head.first_refusal, self->first_refusal, sizeof head.first_refusal);
  g_byte_array_append (out, (const guint8 *) &head, sizeof head);
  for (guint place = 0; place < CEPA_N_PLACES && self->n_relays > 0; place++)
    {
      g_byte_array_append (out, (const guint8 *) self->counts[place], self->n_relays * sizeof (guint64));
      g_byte_array_append (out, (const guint8 *) self->expected[place], self->n_relays * sizeof (double));
    }
  g_byte_array_append (out, (const guint8 *) self->clients, self->n_clients * sizeof *self->clients);
  if (self->reasons->len > 0)
    g_byte_array_append (out, (const guint8 *) self->reasons->data, self->reasons->len * sizeof (CepaSimReason));
  return g_byte_array_free_to_bytes (out);
}

static void
tally_merge_totals (CepaSimTotals *self, const CepaSimTotals *other)
{
  self->n_paths += other->n_paths;
  self->n_same_family += other->n_same_family;
  self->n_as_known += other->n_as_known;
  self->n_same_as += other->n_same_as;
  self->n_country_known += other->n_country_known;
  self->n_same_country += other->n_same_country;
  self->n_guard_seen += other->n_guard_seen;
  self->n_exit_seen += other->n_exit_seen;
  self->n_both_seen += other->n_both_seen;
}

static void
tally_merge_clients (CepaSimTally *self, const guint8 *clients)
{
  for (guint i = 0; i < self->n_clients; i++)
    {
      CepaSimClientTally other;

      memcpy (&other, clients + i * sizeof other, sizeof other);
      self->clients[i].first_both_s = MIN (self->clients[i].first_both_s, other.first_both_s);
      self->clients[i].n_paths += other.n_paths;
      self->clients[i].n_guards += other.n_guards;
    }
}

gboolean
cepa_sim_tally_merge (CepaSimTally *self, const void *packed, gsize len)
{
  const guint8 *at = packed;
  TallyHead head;

  if (len < sizeof head)
    return FALSE;
  memcpy (&head, at, sizeof head);
  if (head.n_clients != self->n_clients
      || len != sizeof head + (gsize) head.n_relays * CEPA_N_PLACES * (sizeof (guint64) + sizeof (double))
                    + (gsize) head.n_clients * sizeof (CepaSimClientTally)
                    + (gsize) head.n_reasons * sizeof (CepaSimReason))
    return FALSE;
  at += sizeof head;
  cepa_sim_tally_grow (self, head.n_relays);
  tally_merge_totals (&self->totals, &head.totals);
  for (guint i = 0; i < 2 * CEPA_N_PLACES; i++)
    for (guint relay = 0; relay < head.n_relays; relay++, at += sizeof (guint64))
      {
        guint64 count;
        double expected;

        memcpy (&count, at, sizeof count);
        memcpy (&expected, at, sizeof expected);
        if (i % 2 == 0)
          self->counts[i / 2][relay] += count;
        else
          self->expected[i / 2][relay] += expected;
      }
  tally_merge_clients (self, at);
  at += (gsize) head.n_clients * sizeof (CepaSimClientTally);
  for (guint i = 0; i < head.n_reasons; i++, at += sizeof (CepaSimReason))
    {
      CepaSimReason reason;

      memcpy (&reason, at, sizeof reason);
      tally_add_reason (self, reason.reason, reason.n);
    }
  if (head.first_refusal_block != G_MAXUINT)
    tally_note_first_refusal (self, head.first_refusal, head.first_refusal_block);
  return TRUE;
}
