/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/annotations.h"

#include <math.h>
#include <string.h>

/* A side table's turn. */
typedef struct
{
  CepaAnnotations *annotations;
  const CepaNetwork *network;
} AnnotationsTurn;

static void
annotations_side_columns_free (gpointer data)
{
  CepaSideColumns *self = data;

  for (guint i = 0; i < self->n_columns; i++)
    {
      g_free (self->columns[i]);
      g_free (self->numbers[i]);
    }
  g_free (self->columns);
  g_free (self->numbers);
  g_free (self->name);
  g_free (self);
}

static void
annotations_locate (CepaAnnotations *self, const CepaNetwork *network)
{
  const CepaGeoip *geoip = cepa_extras_get_geoip (self->extras);
  const CepaAsMap *as_map = cepa_extras_get_as_map (self->extras);

  if (geoip == NULL && as_map == NULL)
    return;
  self->locations = g_new0 (CepaLocation, MAX (self->n_relays, 1));
  for (guint row = 0; row < self->n_relays; row++)
    {
      guint32 ipv4 = cepa_network_get_relay (network, row)->ipv4;

      if (geoip != NULL)
        cepa_geoip_find_ipv4 (geoip, ipv4, self->locations[row].country);
      if (as_map != NULL)
        self->locations[row].as_number = cepa_as_map_find_ipv4 (as_map, ipv4);
    }
}

/* A microdescriptor may bring another thread's row an IPv6 address: what the consensus says is what counts here. */
static CepaRelay
annotations_key_of (const CepaNetwork *network, guint row)
{
  const CepaRouterStatus *status = cepa_consensus_get_relays (cepa_network_get_consensus (network), &(guint){ 0 }) + row;
  CepaRelay relay = { .ipv4 = status->ipv4, .or_port = status->or_port, .ipv6_port = status->ipv6_port };

  memcpy (relay.rsa_id, status->rsa_id, sizeof relay.rsa_id);
  memcpy (relay.ipv6, status->ipv6, sizeof relay.ipv6);
  return relay;
}

static void
annotations_add_side_table (gpointer user_data, const char *name, const CepaSideTable *table)
{
  const AnnotationsTurn *turn = user_data;
  guint n_relays = turn->annotations->n_relays;
  CepaSideColumns *side = g_new0 (CepaSideColumns, 1);

  side->name = g_strdup (name);
  side->id = cepa_side_table_get_id (table);
  side->n_columns = cepa_side_table_get_n_columns (table);
  side->columns = g_new0 (char *, side->n_columns);
  side->numbers = g_new0 (double *, side->n_columns);
  for (guint i = 0; i < side->n_columns; i++)
    {
      side->columns[i] = g_strdup (cepa_side_table_get_column (table, i));
      side->numbers[i] = g_new (double, MAX (n_relays, 1));
    }
  for (guint row = 0; row < n_relays; row++)
    {
      CepaRelay relay = annotations_key_of (turn->network, row);
      const double *numbers = cepa_side_table_find (table, &relay);

      for (guint i = 0; i < side->n_columns; i++)
        side->numbers[i][row] = numbers != NULL ? numbers[i] : NAN;
    }
  g_ptr_array_add (turn->annotations->side_tables, side);
}

CepaAnnotations *
cepa_annotations_new (const CepaNetwork *network, CepaExtras *extras)
{
  CepaAnnotations *self = g_new0 (CepaAnnotations, 1);
  AnnotationsTurn turn = { self, network };

  self->extras = cepa_extras_ref (extras);
  self->n_relays = cepa_network_get_n_relays (network);
  self->side_tables = g_ptr_array_new_with_free_func (annotations_side_columns_free);
  annotations_locate (self, network);
  cepa_extras_foreach_side_table (extras, annotations_add_side_table, &turn);
  return self;
}

void
cepa_annotations_free (CepaAnnotations *self)
{
  if (self == NULL)
    return;
  cepa_extras_unref (self->extras);
  g_free (self->locations);
  g_ptr_array_unref (self->side_tables);
  g_free (self);
}
