/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include "base/error.h"

#define PLAN_HOUR_S 3600
#define PLAN_MAX_PATHS (G_GUINT64_CONSTANT (1) << 40)

static void
plan_add_span (CepaSimStep *step, gint64 start_s, gint64 end_s)
{
  CepaSimSpan span = { start_s, end_s - start_s };
  CepaSimSpan *last = step->spans->len > 0 ? &g_array_index (step->spans, CepaSimSpan, step->spans->len - 1) : NULL;

  step->active_s += span.length_s;
  if (last != NULL && last->start_s + last->length_s == start_s)
    last->length_s += span.length_s;
  else
    g_array_append_val (step->spans, span);
}

static void
plan_init_step (CepaSimStep *step, gint64 start_s, gint64 end_s, guint32 hours)
{
  step->start_s = start_s;
  step->end_s = end_s;
  step->spans = g_array_new (FALSE, FALSE, sizeof (CepaSimSpan));
  for (gint64 at_s = start_s; at_s < end_s;)
    {
      gint64 next_s = MIN (end_s, (at_s / PLAN_HOUR_S + 1) * PLAN_HOUR_S);

      if ((hours >> (at_s / PLAN_HOUR_S % 24) & 1u) != 0)
        plan_add_span (step, at_s, next_s);
      at_s = next_s;
    }
}

/* From a rate, or what was asked for. */
static gboolean
plan_count_all (CepaSimPlan *self, guint64 n_paths, guint rate, GError **error)
{
  unsigned __int128 n = rate == 0 ? n_paths : (unsigned __int128) self->n_clients * rate * (guint64) self->active_s / PLAN_HOUR_S;

  if (self->active_s == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "no hour of use is in the time of the consensuses");
      return FALSE;
    }
  if (n > PLAN_MAX_PATHS || n == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, n == 0 ? "clients, rate and hours of use make no path at all"
                                                                : "more than 2^40 paths are too many for one run");
      return FALSE;
    }
  self->n_paths = (guint64) n;
  return TRUE;
}

CepaSimPlan *
cepa_sim_plan_new (const gint64 *valid_after_s, guint n_steps, gint64 end_s, guint32 hours, guint n_clients,
                   guint clients_per_block, guint64 n_paths, guint rate, GError **error)
{
  g_autoptr (CepaSimPlan) self = g_new0 (CepaSimPlan, 1);

  g_return_val_if_fail (n_steps > 0 && n_clients > 0, NULL);
  self->n_steps = n_steps;
  self->steps = g_new0 (CepaSimStep, n_steps);
  self->n_clients = n_clients;
  self->clients_per_block
      = clients_per_block > 0 ? clients_per_block : (n_clients + CEPA_SIM_MAX_BLOCKS - 1) / CEPA_SIM_MAX_BLOCKS;
  self->n_blocks = (n_clients + self->clients_per_block - 1) / self->clients_per_block;
  for (guint i = 0; i < n_steps; i++)
    {
      plan_init_step (&self->steps[i], valid_after_s[i], i + 1 < n_steps ? valid_after_s[i + 1] : end_s, hours);
      self->steps[i].active_before_s = self->active_s;
      self->active_s += self->steps[i].active_s;
    }
  return plan_count_all (self, n_paths, rate, error) ? g_steal_pointer (&self) : NULL;
}

void
cepa_sim_plan_free (CepaSimPlan *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->n_steps; i++)
    if (self->steps[i].spans != NULL)
      g_array_unref (self->steps[i].spans);
  g_free (self->steps);
  g_free (self);
}

guint
cepa_sim_plan_get_clients (const CepaSimPlan *self, guint block, guint *first)
{
  *first = block * self->clients_per_block;
  return MIN (self->clients_per_block, self->n_clients - *first);
}

guint64
cepa_sim_plan_count (const CepaSimPlan *self, guint step, guint block)
{
  guint first, n = cepa_sim_plan_get_clients (self, block, &first);
  guint64 active = (guint64) self->steps[step].active_s;
  unsigned __int128 all = (unsigned __int128) (guint64) self->active_s * self->n_clients;
  unsigned __int128 begin
      = (unsigned __int128) (guint64) self->steps[step].active_before_s * self->n_clients + (guint64) first * active;
  unsigned __int128 end = begin + (guint64) n * active;

  return (guint64) (end * self->n_paths / all) - (guint64) (begin * self->n_paths / all);
}

gint64
cepa_sim_plan_time_us (const CepaSimPlan *self, guint step, CepaSimCursor *cursor, gint64 position_us)
{
  const GArray *spans = self->steps[step].spans;
  const CepaSimSpan *span = &g_array_index (spans, CepaSimSpan, cursor->span);

  while (cursor->span + 1 < spans->len && position_us - cursor->before_us >= span->length_s * G_USEC_PER_SEC)
    {
      cursor->before_us += span->length_s * G_USEC_PER_SEC;
      span = &g_array_index (spans, CepaSimSpan, ++cursor->span);
    }
  return span->start_s * G_USEC_PER_SEC + (position_us - cursor->before_us);
}
