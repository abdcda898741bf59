/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/guards.h"

#include "base/encoding.h"
#include "path/guards-private.h"

void
cepa_guards_config_init (CepaGuardsConfig *self)
{
  memset (self, 0, sizeof *self);
  self->use_entry_guards = TRUE;
  cepa_path_bias_config_init (&self->path_bias);
}

const char *
cepa_guard_event_to_string (CepaGuardEvent event)
{
  static const char *const words[] = {
    [CEPA_GUARD_EVENT_NEW] = "NEW", [CEPA_GUARD_EVENT_UP] = "UP",     [CEPA_GUARD_EVENT_DOWN] = "DOWN",
    [CEPA_GUARD_EVENT_BAD] = "BAD", [CEPA_GUARD_EVENT_GOOD] = "GOOD", [CEPA_GUARD_EVENT_DROPPED] = "DROPPED",
  };

  g_return_val_if_fail ((guint) event < G_N_ELEMENTS (words), NULL);
  return words[event];
}

const char *
cepa_guards_selection_to_string (CepaGuardsSelection selection)
{
  static const char *const words[CEPA_N_GUARDS_SELECTIONS] = { "default", "restricted", "bridges" };

  g_return_val_if_fail ((guint) selection < G_N_ELEMENTS (words), NULL);
  return words[selection];
}

const char *
cepa_guard_describe (const Guard *guard, char out[64])
{
  char hex[41];

  cepa_hex_encode_to (guard->rsa_id, sizeof guard->rsa_id, hex);
  g_snprintf (out, 64, "$%s~%s", hex, guard->nickname[0] != '\0' ? guard->nickname : "Unnamed");
  return out;
}

static void
guard_free (gpointer data)
{
  Guard *guard = data;

  g_free (guard->sampled_by);
  g_clear_pointer (&guard->extra, g_variant_unref);
  g_free (guard);
}

Guard *
cepa_guard_set_find (const GuardSet *set, const guint8 rsa_id[20])
{
  for (guint i = 0; i < set->sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);

      if (memcmp (guard->rsa_id, rsa_id, sizeof guard->rsa_id) == 0)
        return guard;
    }
  return NULL;
}

Guard *
cepa_guard_set_add (GuardSet *set, const guint8 rsa_id[20])
{
  Guard *guard = g_new0 (Guard, 1);

  guard->set = set;
  memcpy (guard->rsa_id, rsa_id, sizeof guard->rsa_id);
  guard->order = set->next_order++;
  guard->confirmed_index = -1;
  guard->row = -1;
  guard->was_filtered = TRUE; /* that it is usable is no news */
  g_ptr_array_add (set->sampled, guard);
  set->is_primary_stale = TRUE;
  return guard;
}

void
cepa_guard_set_clear (CepaGuards *self, GuardSet *set)
{
  for (guint i = 0; i < set->sampled->len; i++)
    cepa_guards_forget_guard (self, g_ptr_array_index (set->sampled, i));
  g_ptr_array_set_size (set->confirmed, 0);
  g_ptr_array_set_size (set->primary, 0);
  g_ptr_array_set_size (set->sampled, 0);
  set->next_order = 0;
  set->is_primary_stale = TRUE;
  set->is_exhausted = FALSE;
}

static gint
guards_compare_confirmed (gconstpointer a, gconstpointer b)
{
  const Guard *x = *(Guard *const *) a, *y = *(Guard *const *) b;

  if (x->confirmed_index != y->confirmed_index)
    return x->confirmed_index < y->confirmed_index ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

void
cepa_guard_set_sort_confirmed (GuardSet *set)
{
  g_autoptr (GPtrArray) by_index = g_ptr_array_new ();

  g_ptr_array_set_size (set->confirmed, 0);
  for (guint i = 0; i < set->sampled->len; i++)
    {
      Guard *guard = g_ptr_array_index (set->sampled, i);

      if (guard->confirmed_index < 0)
        continue;
      g_ptr_array_add (set->confirmed, guard);
      g_ptr_array_add (by_index, guard);
    }
  g_ptr_array_sort (by_index, guards_compare_confirmed);
  for (guint i = 0; i < by_index->len; i++)
    ((Guard *) g_ptr_array_index (by_index, i))->confirmed_index = (gint) i;
}

CepaGuards *
cepa_guards_new (const CepaClock *clock, CepaRandom *random, const CepaGuardsConfig *config)
{
  CepaGuards *self = g_new0 (CepaGuards, 1);

  self->clock = clock;
  self->random = random;
  self->config = *config;
  self->bridges = g_array_new (FALSE, FALSE, sizeof (CepaGuardBridge));
  self->tickets = g_ptr_array_new ();
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    {
      self->sets[i].kind = (CepaGuardsSelection) i;
      self->sets[i].sampled = g_ptr_array_new_with_free_func (guard_free);
      self->sets[i].confirmed = g_ptr_array_new ();
      self->sets[i].primary = g_ptr_array_new ();
      self->sets[i].is_primary_stale = TRUE;
    }
  self->current = &self->sets[config->use_bridges ? CEPA_GUARDS_BRIDGES : CEPA_GUARDS_DEFAULT];
  self->has_chosen = config->use_bridges;
  cepa_guards_settle_params (self);
  return self;
}

void
cepa_guards_set_funcs (CepaGuards *self, const CepaGuardsFuncs *funcs, gpointer user_data)
{
  self->funcs = funcs;
  self->user_data = user_data;
}

void
cepa_guards_set_config (CepaGuards *self, const CepaGuardsConfig *config)
{
  self->config = *config;
  cepa_guards_settle_params (self);
  cepa_guards_choose_set (self);
  cepa_guards_refresh (self);
}

void
cepa_guards_set_network (CepaGuards *self, CepaNetwork *network, const guint8 *barred)
{
  CepaNetwork *former = self->network;

  self->network = network != NULL ? cepa_network_ref (network) : NULL;
  g_clear_pointer (&former, cepa_network_unref);
  g_clear_pointer (&self->barred, g_free);
  if (network != NULL && barred != NULL)
    self->barred = g_memdup2 (barred, cepa_network_get_n_relays (network));
  cepa_guards_settle_params (self);
  cepa_guards_choose_set (self);
  cepa_guards_refresh (self);
}

void
cepa_guards_set_bridges (CepaGuards *self, const CepaGuardBridge *bridges, guint n_bridges)
{
  g_array_set_size (self->bridges, 0);
  if (n_bridges > 0)
    g_array_append_vals (self->bridges, bridges, n_bridges);
  cepa_guards_choose_set (self);
  cepa_guards_refresh (self);
}

static void
guards_fill_info (const CepaGuards *self, const Guard *guard, CepaGuardInfo *info)
{
  guint index;

  memset (info, 0, sizeof *info);
  memcpy (info->rsa_id, guard->rsa_id, sizeof info->rsa_id);
  memcpy (info->nickname, guard->nickname, sizeof info->nickname);
  memcpy (info->bridge_address, guard->bridge_address, sizeof info->bridge_address);
  info->selection = guard->set->kind;
  info->is_current = guard->set == self->current;
  info->is_listed = guard->is_listed;
  info->is_filtered = guard->is_filtered;
  info->primary_index = guard->is_primary && g_ptr_array_find (guard->set->primary, guard, &index) ? (gint) index : -1;
  info->confirmed_index = guard->confirmed_index;
  info->reachable = guard->reachable;
  info->sampled_on_s = guard->sampled_on_s;
  info->confirmed_on_s = guard->confirmed_on_s;
  info->unlisted_since_s = guard->unlisted_since_s;
  info->failing_since_s = guard->failing_since_s;
  info->path_bias = guard->bias;
}

void
cepa_guards_tell_changed (CepaGuards *self)
{
  if (self->funcs != NULL && self->funcs->changed != NULL)
    self->funcs->changed (self->user_data);
}

void
cepa_guards_tell (CepaGuards *self, CepaGuardEvent event, const Guard *guard)
{
  CepaGuardInfo info;

  if (self->funcs == NULL || self->funcs->event == NULL)
    return;
  guards_fill_info (self, guard, &info);
  self->funcs->event (self->user_data, event, &info);
}

CepaGuardsSelection
cepa_guards_get_selection (const CepaGuards *self)
{
  return self->current->kind;
}

void
cepa_guards_foreach (CepaGuards *self, CepaGuardsEachFunc func, gpointer user_data)
{
  cepa_guards_ensure_primary (self, self->current);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
      {
        GuardSet *set = &self->sets[i];

        if ((set == self->current) != (pass == 0))
          continue;
        for (guint j = 0; j < set->sampled->len; j++)
          {
            CepaGuardInfo info;

            guards_fill_info (self, g_ptr_array_index (set->sampled, j), &info);
            func (user_data, &info);
          }
      }
}

void
cepa_guards_drop_all (CepaGuards *self)
{
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    {
      for (guint j = 0; j < self->sets[i].sampled->len; j++)
        cepa_guards_tell (self, CEPA_GUARD_EVENT_DROPPED, g_ptr_array_index (self->sets[i].sampled, j));
      cepa_guard_set_clear (self, &self->sets[i]);
    }
  cepa_guards_tell_changed (self);
  if (self->funcs != NULL && self->funcs->switched != NULL)
    self->funcs->switched (self->user_data);
  cepa_guards_refresh (self);
}
