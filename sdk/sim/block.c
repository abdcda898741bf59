/* SPDX-License-Identifier: BSD-3-Clause */
#include "block.h"

#include <string.h>

#define BLOCK_N_HOPS CEPA_N_PLACES

/* Guards that are looked for one after the other; who has more has a bit for each relay. */
#define BLOCK_FEW_GUARDS 16

/* What is kept of one client. */
typedef struct
{
  guint64 n_streams;
  guint32 few[BLOCK_FEW_GUARDS]; /* numbers of the first relays that were its guard */
  GByteArray *all;               /* (nullable): bits by number, of one who had more */
} BlockClient;

struct _CepaSimBlock
{
  const CepaSimModel *model;
  guint number, first, n_clients;
  CepaSimInstance *instance;
  CepaSimRandom model_random, draw_random;
  BlockClient *clients;
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
  self->clients = g_new0 (BlockClient, self->n_clients);
  cepa_sim_random_init (&self->model_random, model->seed, CEPA_SIM_RANDOM_MODEL, number);
  cepa_sim_random_init (&self->draw_random, model->seed, CEPA_SIM_RANDOM_DRAWS, number);
  self->instance = cepa_sim_instance_new (model->plugin, start_us, model->seed, number, error);
  return self->instance != NULL ? g_steal_pointer (&self) : NULL;
}

void
cepa_sim_block_free (CepaSimBlock *self)
{
  if (self == NULL)
    return;
  cepa_sim_instance_free (self->instance);
  for (guint i = 0; i < self->n_clients; i++)
    if (self->clients[i].all != NULL)
      g_byte_array_unref (self->clients[i].all);
  g_free (self->clients);
  g_free (self);
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

/* Sets the bit of @number. Returns: whether it was set before. */
static gboolean
block_set_bit (GByteArray *bits, guint32 number)
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

static void
block_note_guard (BlockClient *client, guint32 number, CepaSimClientTally *tally)
{
  for (guint i = 0; i < MIN (tally->n_guards, BLOCK_FEW_GUARDS); i++)
    if (client->few[i] == number)
      return;
  if (tally->n_guards < BLOCK_FEW_GUARDS)
    client->few[tally->n_guards++] = number;
  else
    {
      if (client->all == NULL)
        client->all = g_byte_array_new ();
      tally->n_guards += block_set_bit (client->all, number) ? 0 : 1;
    }
}

static void
block_draw_one (CepaSimBlock *self, CepaSimTally *tally, CepaSimRows *rows)
{
  gint64 now_us = block_draw_time_us (self);
  guint kind = cepa_sim_ports_draw (self->model->ports, &self->model_random);
  const CepaSimPort *port = &self->model->ports->ports[kind];
  guint index = self->next_client;
  BlockClient *client = &self->clients[index];
  CepaPathRequest request = { .size = sizeof request, .purpose = CEPA_PURPOSE_GENERAL, .n_hops = BLOCK_N_HOPS,
                              .port = port->port };
  CepaSimRow row = { .time_s = now_us / G_USEC_PER_SEC, .client = self->first + index, .stream = client->n_streams,
                     .kind = kind };
  CepaPath path = { .size = sizeof path };

  request.flags = (port->is_stable ? CEPA_PATH_NEED_STABLE : 0) | (port->is_ipv6 ? CEPA_PATH_IPV6 : 0);
  self->next_client = index + 1 < self->n_clients ? index + 1 : 0;
  client->n_streams++;
  self->n_drawn++;
  cepa_sim_instance_advance (self->instance, now_us);
  if (cepa_sim_instance_propose (self->instance, &self->draw_random.random, &request, self->model->enforce_subnets, &path,
                                 &row.refusal))
    {
      row.hops = path.hops;
      cepa_sim_tally_add (tally, self->scene, path.hops, self->first + index, row.time_s);
      block_note_guard (client, self->scene->numbers[path.hops[0]], &tally->clients[self->first + index]);
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
