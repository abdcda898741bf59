/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "network/annotations.h"

typedef struct
{
  const CepaSimRun *run;
  guint number, n_workers;
  int fd;
  GPtrArray *blocks;    /* (element-type CepaSimBlock): the block number + n * n_workers */
  CepaSimRelays *relays;
  CepaSimTally *tally;
  CepaSimScene *scene;  /* (nullable) */
  CepaSimRows rows;
} Worker;

guint64
cepa_sim_run_count_rounds (const CepaSimPlan *plan, guint step)
{
  guint64 most = 0;

  for (guint block = 0; block < plan->n_blocks; block++)
    most = MAX (most, cepa_sim_plan_count (plan, step, block));
  return (most + CEPA_SIM_ROUND - 1) / CEPA_SIM_ROUND;
}

/* The other end waits for all of it, or is gone, and then so are we. */
static void
worker_write (int fd, const void *data, gsize len)
{
  const char *at = data;

  while (len > 0)
    {
      ssize_t n = write (fd, at, len);

      if (n < 0 && errno != EINTR)
        _exit (1);
      at += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }
}

static void
worker_send (Worker *self, CepaSimMessageKind kind, const void *data, gsize len)
{
  CepaSimMessageHead head = { .kind = kind, .len = len };

  worker_write (self->fd, &head, sizeof head);
  worker_write (self->fd, data, len);
}

/* (transfer full) (nullable): the network of @step, with the side tables that plugins have loaded. */
static CepaNetwork *
worker_make_network (Worker *self, guint step, GError **error)
{
  g_autoptr (CepaExtras) extras = cepa_extras_copy (self->run->extras);
  CepaNetwork *network;

  for (guint i = 0; i < self->blocks->len; i++)
    cepa_sim_block_add_side_tables (g_ptr_array_index (self->blocks, i), extras);
  if (step > 0)
    return cepa_sim_archive_load (self->run->archive, step, extras, error);
  network = cepa_network_ref (self->run->first);
  cepa_network_annotate (network, cepa_annotations_new (network, extras));
  cepa_network_commit (network);
  return network;
}

/* The consensus of @step, in place of the one before. */
static gboolean
worker_load (Worker *self, guint step, GError **error)
{
  const CepaSimModel *model = self->run->model;
  g_autoptr (CepaNetwork) network = worker_make_network (self, step, error);
  CepaSimScene *scene;
  guint n_relays, i = 0;

  if (network == NULL)
    return FALSE;
  scene = cepa_sim_scene_new (network, model->ports, self->relays, self->run->adversary, model->with_rows);
  cepa_sim_relays_get (self->relays, &n_relays);
  cepa_sim_tally_grow (self->tally, n_relays);
  for (guint block = self->number; block < model->plan->n_blocks; block += self->n_workers)
    cepa_sim_block_enter (g_ptr_array_index (self->blocks, i++), step, scene);
  g_clear_pointer (&self->scene, cepa_sim_scene_free);
  self->scene = scene;
  return TRUE;
}

static guint64
worker_count_step (const CepaSimPlan *plan, guint step)
{
  guint64 n = 0;

  for (guint block = 0; block < plan->n_blocks; block++)
    n += cepa_sim_plan_count (plan, step, block);
  return n;
}

static gboolean
worker_draw_step (Worker *self, guint step, GError **error)
{
  const CepaSimModel *model = self->run->model;
  guint64 n_rounds = cepa_sim_run_count_rounds (model->plan, step);

  for (guint64 round = 0; round < n_rounds; round++)
    for (guint i = 0; i < self->blocks->len; i++)
      {
        self->rows.len = 0;
        if (!cepa_sim_block_draw (g_ptr_array_index (self->blocks, i), CEPA_SIM_ROUND, self->tally,
                                  model->with_rows ? &self->rows : NULL, error))
          return FALSE;
        if (model->with_rows)
          worker_send (self, CEPA_SIM_MESSAGE_ROWS, self->rows.text, self->rows.len);
      }
  if (self->number == 0)
    {
      cepa_sim_tally_expect (self->tally, self->scene, worker_count_step (model->plan, step));
      worker_send (self, CEPA_SIM_MESSAGE_STEP, NULL, 0);
    }
  return TRUE;
}

static gboolean
worker_make_blocks (Worker *self, GError **error)
{
  for (guint number = self->number; number < self->run->model->plan->n_blocks; number += self->n_workers)
    {
      CepaSimBlock *block = cepa_sim_block_new (self->run->model, number, error);

      if (block == NULL)
        return FALSE;
      g_ptr_array_add (self->blocks, block);
    }
  return TRUE;
}

static gboolean
worker_do (Worker *self, GError **error)
{
  if (!worker_make_blocks (self, error))
    return FALSE;
  for (guint step = 0; step < self->run->model->plan->n_steps; step++)
    if (!worker_load (self, step, error) || !worker_draw_step (self, step, error))
      return FALSE;
  for (guint i = 0; i < self->blocks->len; i++)
    cepa_sim_block_finish (g_ptr_array_index (self->blocks, i), self->tally);
  return TRUE;
}

static void
worker_send_result (Worker *self)
{
  g_autoptr (GBytes) packed = cepa_sim_tally_pack (self->tally);
  const CepaSimRelay *relays;
  guint n_relays;

  relays = cepa_sim_relays_get (self->relays, &n_relays);
  if (self->number == 0)
    worker_send (self, CEPA_SIM_MESSAGE_RELAYS, relays, n_relays * sizeof *relays);
  worker_send (self, CEPA_SIM_MESSAGE_TALLY, g_bytes_get_data (packed, NULL), g_bytes_get_size (packed));
}

int
cepa_sim_worker_run (const CepaSimRun *run, guint number, guint n_workers, int fd)
{
  g_autoptr (GError) error = NULL;
  Worker self = { .run = run, .number = number, .n_workers = n_workers, .fd = fd };

  self.blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_sim_block_free);
  self.relays = cepa_sim_relays_new ();
  self.tally = cepa_sim_tally_new (run->model->plan->n_clients);
  if (worker_do (&self, &error))
    worker_send_result (&self);
  else
    worker_send (&self, CEPA_SIM_MESSAGE_ERROR, error->message, strlen (error->message));
  g_ptr_array_unref (self.blocks);
  g_clear_pointer (&self.scene, cepa_sim_scene_free);
  cepa_sim_tally_free (self.tally);
  cepa_sim_relays_free (self.relays);
  g_free (self.rows.text);
  return error == NULL ? 0 : 1;
}
