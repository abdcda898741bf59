/* SPDX-License-Identifier: BSD-3-Clause */
#include "block.h"

#include "client.h"

#define BLOCK_N_HOPS CEPA_N_PLACES

/* The refusal of a client whose guards cannot be used. */
#define BLOCK_NO_GUARD "no-guard"

struct _CepaSimBlock
{
  const CepaSimModel *model;
  guint number, first, n_clients;
  CepaSimInstance *instance;
  CepaSimRandom model_random, draw_random;
  GPtrArray *clients; /* (element-type CepaSimClient) */
  guint next_client;
  guint step;
  const CepaSimScene *scene; /* (nullable): before the first step */
  guint64 n_paths, n_drawn;  /* of the step */
  CepaSimCursor cursor;
};

CepaSimBlock *
cepa_sim_block_new (const CepaSimModel *model, guint number, GError **error)
{
  g_autoptr (CepaSimBlock) self = g_new0 (CepaSimBlock, 1);
  gint64 start_us = model->plan->steps[0].start_s * G_USEC_PER_SEC;

  self->model = model;
  self->number = number;
  self->n_clients = cepa_sim_plan_get_clients (model->plan, number, &self->first);
  self->clients = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_sim_client_free);
  cepa_sim_random_init (&self->model_random, model->seed, CEPA_SIM_RANDOM_MODEL, number);
  cepa_sim_random_init (&self->draw_random, model->seed, CEPA_SIM_RANDOM_DRAWS, number);
  self->instance = cepa_sim_instance_new (model->plugin, start_us, model->seed, number, error);
  if (self->instance == NULL)
    return NULL;
  for (guint i = 0; i < self->n_clients; i++)
    g_ptr_array_add (self->clients, cepa_sim_client_new (cepa_sim_instance_get_clock (self->instance), model->seed,
                                                         self->first + i, model->keeps_guards));
  return g_steal_pointer (&self);
}

void
cepa_sim_block_free (CepaSimBlock *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->clients);
  cepa_sim_instance_free (self->instance);
  g_free (self);
}

void
cepa_sim_block_add_side_tables (const CepaSimBlock *self, CepaExtras *extras)
{
  cepa_sim_instance_add_side_tables (self->instance, extras);
}

void
cepa_sim_block_enter (CepaSimBlock *self, guint step, const CepaSimScene *scene)
{
  self->step = step;
  self->scene = scene;
  self->n_paths = cepa_sim_plan_count (self->model->plan, step, self->number);
  self->n_drawn = 0;
  self->cursor = (CepaSimCursor){ 0 };
  cepa_sim_instance_advance (self->instance, self->model->plan->steps[step].start_s * G_USEC_PER_SEC);
  cepa_sim_instance_set_network (self->instance, scene->network);
  for (guint i = 0; i < self->n_clients; i++)
    cepa_sim_client_set_network (g_ptr_array_index (self->clients, i), scene->network);
}

/* When the next path is asked for: at a time drawn from its slot, all of which are of one length. */
static gint64
block_draw_time_us (CepaSimBlock *self)
{
  guint64 active_us = (guint64) self->model->plan->steps[self->step].active_s * G_USEC_PER_SEC;
  guint64 begin = (guint64) ((unsigned __int128) active_us * self->n_drawn / self->n_paths);
  guint64 slot = active_us / self->n_paths;
  guint64 position = begin + (slot > 1 ? cepa_sim_random_below (&self->model_random, slot) : 0);

  return cepa_sim_plan_time_us (self->model->plan, self->step, &self->cursor, (gint64) position);
}

/* Asks for a path of @client. Returns: FALSE with the reason in @refusal. */
static gboolean
block_propose (CepaSimBlock *self, CepaSimClient *client, const CepaSimPort *port, CepaPath *path, const char **refusal)
{
  CepaPathRequest request = { .size = sizeof request, .purpose = CEPA_PURPOSE_GENERAL, .n_hops = BLOCK_N_HOPS,
                              .port = port->port };
  const guint32 *guards;
  guint n_guards;

  request.flags = (port->is_stable ? CEPA_PATH_NEED_STABLE : 0) | (port->is_ipv6 ? CEPA_PATH_IPV6 : 0);
  if (!cepa_sim_client_list_guards (client, &guards, &n_guards))
    {
      *refusal = BLOCK_NO_GUARD;
      cepa_sim_instance_refuse (self->instance, BLOCK_NO_GUARD, "none of the client's guards can be used");
      return FALSE;
    }
  request.guards = guards;
  request.n_guards = n_guards;
  return cepa_sim_instance_propose (self->instance, &self->draw_random.random, &request, self->model->enforce_subnets, path,
                                    refusal);
}

static void
block_draw_one (CepaSimBlock *self, CepaSimTally *tally, CepaSimRows *rows)
{
  gint64 now_us = block_draw_time_us (self);
  guint kind = cepa_sim_ports_draw (self->model->ports, &self->model_random);
  guint index = self->next_client, number = self->first + index;
  CepaSimClient *client = g_ptr_array_index (self->clients, index);
  CepaSimRow row = { .time_s = now_us / G_USEC_PER_SEC, .client = number, .stream = cepa_sim_client_next_stream (client),
                     .kind = kind };
  CepaPath path = { .size = sizeof path };

  self->next_client = index + 1 < self->n_clients ? index + 1 : 0;
  self->n_drawn++;
  cepa_sim_instance_advance (self->instance, now_us);
  if (block_propose (self, client, &self->model->ports->ports[kind], &path, &row.refusal))
    {
      row.hops = path.hops;
      cepa_sim_tally_add (tally, self->scene, path.hops, number, row.time_s);
      if (cepa_sim_client_built (client, path.hops[0], path.hops[2], self->scene->numbers[path.hops[0]]))
        tally->clients[number].n_guards++;
    }
  if (rows != NULL)
    cepa_sim_rows_add (rows, self->scene, &row, self->model->ids_are_rows);
}

gboolean
cepa_sim_block_draw (CepaSimBlock *self, guint64 max, CepaSimTally *tally, CepaSimRows *rows, GError **error)
{
  guint64 end = self->n_drawn + MIN (max, self->n_paths - self->n_drawn);

  while (self->n_drawn < end)
    block_draw_one (self, tally, rows);
  return cepa_sim_instance_check (self->instance, error);
}

void
cepa_sim_block_finish (CepaSimBlock *self, CepaSimTally *tally)
{
  cepa_sim_tally_add_refusals (tally, self->instance, self->number);
}
