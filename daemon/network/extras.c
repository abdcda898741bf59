/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/extras.h"

struct _CepaExtras
{
  gatomicrefcount ref_count;
  CepaGeoip *geoip;
  CepaAsMap *as_map;
  GHashTable *side_tables; /* (element-type utf8 CepaSideTable) */
};

CepaExtras *
cepa_extras_new (void)
{
  CepaExtras *self = g_new0 (CepaExtras, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->side_tables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) cepa_side_table_unref);
  return self;
}

CepaExtras *
cepa_extras_copy (const CepaExtras *self)
{
  CepaExtras *copy = cepa_extras_new ();
  GHashTableIter iter;
  gpointer name, table;

  cepa_extras_set_geoip (copy, self->geoip);
  cepa_extras_set_as_map (copy, self->as_map);
  g_hash_table_iter_init (&iter, self->side_tables);
  while (g_hash_table_iter_next (&iter, &name, &table))
    g_hash_table_insert (copy->side_tables, g_strdup (name), cepa_side_table_ref (table));
  return copy;
}

CepaExtras *
cepa_extras_ref (CepaExtras *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_extras_unref (CepaExtras *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  cepa_geoip_unref (self->geoip);
  cepa_as_map_unref (self->as_map);
  g_hash_table_unref (self->side_tables);
  g_free (self);
}

void
cepa_extras_set_geoip (CepaExtras *self, CepaGeoip *geoip)
{
  CepaGeoip *old = self->geoip;

  self->geoip = geoip != NULL ? cepa_geoip_ref (geoip) : NULL;
  cepa_geoip_unref (old);
}

void
cepa_extras_set_as_map (CepaExtras *self, CepaAsMap *as_map)
{
  CepaAsMap *old = self->as_map;

  self->as_map = as_map != NULL ? cepa_as_map_ref (as_map) : NULL;
  cepa_as_map_unref (old);
}

CepaGeoip *
cepa_extras_get_geoip (const CepaExtras *self)
{
  return self->geoip;
}

CepaAsMap *
cepa_extras_get_as_map (const CepaExtras *self)
{
  return self->as_map;
}

gboolean
cepa_extras_set_side_table (CepaExtras *self, const char *name, CepaSideTable *table)
{
  if (table == NULL)
    {
      g_hash_table_remove (self->side_tables, name);
      return TRUE;
    }
  if (g_hash_table_size (self->side_tables) >= CEPA_EXTRAS_MAX_SIDE_TABLES
      && !g_hash_table_contains (self->side_tables, name))
    return FALSE;
  g_hash_table_insert (self->side_tables, g_strdup (name), cepa_side_table_ref (table));
  return TRUE;
}

void
cepa_extras_foreach_side_table (const CepaExtras *self, CepaExtrasEachFunc func, gpointer user_data)
{
  GHashTableIter iter;
  gpointer name, table;

  g_hash_table_iter_init (&iter, self->side_tables);
  while (g_hash_table_iter_next (&iter, &name, &table))
    func (user_data, name, table);
}
