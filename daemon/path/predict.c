/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/predict.h"

typedef struct
{
  CepaPredictNeed need;
  gint64 used_us;
} PredictPort;

struct _CepaPredict
{
  const CepaClock *clock;
  CepaRandom *random;
  gint64 keep_us, drawn_us;
  GArray *ports; /* (element-type PredictPort): in the order in which they were first used */
};

CepaPredict *
cepa_predict_new (const CepaClock *clock, CepaRandom *random, gint64 keep_us)
{
  static const CepaPredictNeed first = { .port = CEPA_PREDICT_FIRST_PORT };
  CepaPredict *self = g_new0 (CepaPredict, 1);

  self->clock = clock;
  self->random = random;
  self->keep_us = keep_us;
  self->ports = g_array_new (FALSE, FALSE, sizeof (PredictPort));
  cepa_predict_note (self, &first);
  return self;
}

void
cepa_predict_free (CepaPredict *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->ports);
  g_free (self);
}

void
cepa_predict_set_keep (CepaPredict *self, gint64 keep_us)
{
  self->keep_us = keep_us;
}

static gint64
predict_end_of (const CepaPredict *self, const PredictPort *port)
{
  return port->used_us + self->drawn_us;
}

static void
predict_drop_old (CepaPredict *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);

  for (guint i = self->ports->len; i-- > 0;)
    if (predict_end_of (self, &g_array_index (self->ports, PredictPort, i)) <= now)
      g_array_remove_index (self->ports, i);
}

static void
predict_make_room (CepaPredict *self)
{
  guint oldest = 0;

  if (self->ports->len < CEPA_PREDICT_MAX_PORTS)
    return;
  for (guint i = 1; i < self->ports->len; i++)
    if (g_array_index (self->ports, PredictPort, i).used_us < g_array_index (self->ports, PredictPort, oldest).used_us)
      oldest = i;
  g_array_remove_index (self->ports, oldest);
}

/* Returns: its index; -1 when it is not predicted. */
static gint
predict_find (const CepaPredict *self, const CepaPredictNeed *need)
{
  for (guint i = 0; i < self->ports->len; i++)
    {
      const CepaPredictNeed *known = &g_array_index (self->ports, PredictPort, i).need;

      if (known->port == need->port && known->ipv6 == need->ipv6 && known->is_stable == need->is_stable
          && known->is_onion == need->is_onion)
        return (gint) i;
    }
  return -1;
}

void
cepa_predict_note (CepaPredict *self, const CepaPredictNeed *need)
{
  PredictPort added = { *need, cepa_clock_monotonic_us (self->clock) };
  gint index;

  predict_drop_old (self);
  if (self->ports->len == 0)
    self->drawn_us = self->keep_us + (gint64) cepa_random_below (self->random, (guint64) MAX (self->keep_us, 1));
  index = predict_find (self, need);
  if (index >= 0)
    {
      g_array_index (self->ports, PredictPort, index).used_us = added.used_us;
      return;
    }
  predict_make_room (self);
  g_array_append_val (self->ports, added);
}

void
cepa_predict_forget (CepaPredict *self, const CepaPredictNeed *need)
{
  gint index = predict_find (self, need);

  if (index >= 0)
    g_array_remove_index (self->ports, (guint) index);
}

void
cepa_predict_forget_all (CepaPredict *self)
{
  g_array_set_size (self->ports, 0);
}

gint64
cepa_predict_get_end_us (CepaPredict *self)
{
  gint64 end = 0;

  predict_drop_old (self);
  for (guint i = 0; i < self->ports->len; i++)
    end = MAX (end, predict_end_of (self, &g_array_index (self->ports, PredictPort, i)));
  return end;
}

/* The first need of a kind of which there are too few. */
static gboolean
predict_next_of (const CepaPredict *self, gboolean is_onion, CepaPredictCountFunc count, gpointer user_data,
                 CepaPredictNeed *need)
{
  guint wanted = is_onion ? CEPA_PREDICT_FOR_ONION : CEPA_PREDICT_PER_PORT;

  for (guint i = 0; i < self->ports->len; i++)
    {
      const PredictPort *port = &g_array_index (self->ports, PredictPort, i);

      if (port->need.is_onion != is_onion || count (user_data, &port->need) >= wanted)
        continue;
      *need = port->need;
      return TRUE;
    }
  return FALSE;
}

gboolean
cepa_predict_next (CepaPredict *self, guint n_clean, CepaPredictCountFunc count, gpointer user_data,
                   CepaPredictNeed *need)
{
  predict_drop_old (self);
  return n_clean < CEPA_PREDICT_MAX_CLEAN
         && (predict_next_of (self, FALSE, count, user_data, need) || predict_next_of (self, TRUE, count, user_data, need));
}
