/* SPDX-License-Identifier: BSD-3-Clause */
#include "scene.h"

#include <string.h>

#include "base/encoding.h"

#define SCENE_SHARE_ONE 1000000000u

void
cepa_sim_share_to_text (guint64 part, guint64 whole, char out[CEPA_SIM_SHARE_LEN])
{
  guint32 share
      = whole > 0 ? (guint32) (((unsigned __int128) part * SCENE_SHARE_ONE + whole / 2) / whole) : 0;

  out[0] = (char) ('0' + share / SCENE_SHARE_ONE);
  out[1] = '.';
  for (guint i = CEPA_SIM_SHARE_LEN - 1; i >= 2; i--, share /= 10)
    out[i] = (char) ('0' + share % 10);
}

/* Whether the rules that are of the relay alone let it stand at @place for a stream of @port. */
static gboolean
scene_fits (const CepaNetwork *network, const CepaSimPort *port, CepaPlace place, guint row)
{
  guint32 flags = cepa_network_get_relay (network, row)->flags;
  guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS | CEPA_RELAY_FAST;
  guint32 refuses = place == CEPA_PLACE_MIDDLE ? 0 : CEPA_RELAY_MIDDLE_ONLY;

  needs |= port->is_stable ? CEPA_RELAY_STABLE : 0;
  needs |= place == CEPA_PLACE_GUARD ? CEPA_RELAY_GUARD : place == CEPA_PLACE_EXIT ? CEPA_RELAY_EXIT : 0;
  refuses |= place == CEPA_PLACE_EXIT ? CEPA_RELAY_BAD_EXIT : 0;
  if ((flags & needs) != needs || (flags & refuses) != 0)
    return FALSE;
  return place != CEPA_PLACE_EXIT || cepa_network_exit_allows (network, row, port->port, port->is_ipv6);
}

static CepaSimTable *
scene_make_table (const CepaNetwork *network, const CepaSimPort *port, CepaPlace place, gboolean with_texts)
{
  CepaSimTable *self = g_new0 (CepaSimTable, 1);
  guint n = cepa_network_get_n_relays (network);

  self->weights = g_new (guint32, n);
  for (guint row = 0; row < n; row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (network, row);

      self->weights[row] = scene_fits (network, port, place, row) ? relay->weight[place] : 0;
      self->sum += self->weights[row];
    }
  if (!with_texts)
    return self;
  self->texts = g_malloc_n (n, sizeof *self->texts);
  for (guint row = 0; row < n; row++)
    cepa_sim_share_to_text (self->weights[row], self->sum, self->texts[row]);
  return self;
}

static void
scene_free_table (gpointer data)
{
  CepaSimTable *table = data;

  g_free (table->weights);
  g_free (table->texts);
  g_free (table);
}

/* Of the first kinds up to @kind: one that asks for the same at @place. */
static const CepaSimTable *
scene_find_table (const CepaSimScene *self, guint kind, CepaPlace place)
{
  for (guint other = 0; place != CEPA_PLACE_EXIT && other < kind; other++)
    if (self->ports->ports[other].is_stable == self->ports->ports[kind].is_stable)
      return self->tables[other][place];
  return NULL;
}

static void
scene_make_names (CepaSimScene *self)
{
  guint n = cepa_network_get_n_relays (self->network);

  self->names = g_malloc_n (n, sizeof *self->names);
  for (guint row = 0; row < n; row++)
    {
      char name[sizeof *self->names + 1];

      cepa_hex_encode_to (cepa_network_get_relay (self->network, row)->rsa_id, 20, name);
      memcpy (self->names[row], name, sizeof *self->names);
    }
}

CepaSimScene *
cepa_sim_scene_new (CepaNetwork *network, const CepaSimPorts *ports, CepaSimRelays *relays, const CepaSimSet *adversary,
                    gboolean with_texts)
{
  CepaSimScene *self = g_new0 (CepaSimScene, 1);
  guint n = cepa_network_get_n_relays (network);

  self->network = cepa_network_ref (network);
  self->ports = ports;
  self->numbers = g_new (guint32, n);
  self->all_tables = g_ptr_array_new_with_free_func (scene_free_table);
  cepa_sim_relays_add (relays, network, self->numbers);
  for (guint kind = 0; kind < ports->n; kind++)
    for (guint place = 0; place < CEPA_N_PLACES; place++)
      {
        const CepaSimTable *same = scene_find_table (self, kind, (CepaPlace) place);
        CepaSimTable *made = NULL;

        if (same == NULL)
          {
            made = scene_make_table (network, &ports->ports[kind], (CepaPlace) place, with_texts);
            g_ptr_array_add (self->all_tables, made);
          }
        self->tables[kind][place] = same != NULL ? same : made;
      }
  if (with_texts)
    scene_make_names (self);
  if (adversary != NULL)
    self->is_adversary = g_new0 (guint8, n);
  for (guint row = 0; adversary != NULL && row < n; row++)
    self->is_adversary[row] = cepa_sim_set_contains (adversary, cepa_network_get_relay (network, row)->rsa_id) ? 1 : 0;
  return self;
}

void
cepa_sim_scene_free (CepaSimScene *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->all_tables);
  g_free (self->numbers);
  g_free (self->names);
  g_free (self->is_adversary);
  cepa_network_unref (self->network);
  g_free (self);
}

double
cepa_sim_scene_get_share (const CepaSimScene *self, CepaPlace place, guint row)
{
  double share = 0;

  for (guint kind = 0; kind < self->ports->n; kind++)
    {
      const CepaSimTable *table = self->tables[kind][place];

      if (table->weights[row] > 0)
        share += (double) self->ports->ports[kind].weight / (double) self->ports->sum * (double) table->weights[row]
                 / (double) table->sum;
    }
  return share;
}
