/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#define ROWS_FIRST_SIZE (1024 * 1024)

static char *
rows_put_number (char *at, guint64 number)
{
  char digits[20];
  guint n = 0;

  do
    digits[n++] = (char) ('0' + number % 10);
  while ((number /= 10) > 0);
  while (n > 0)
    *at++ = digits[--n];
  return at;
}

static char *
rows_put (char *at, const char *text, gsize len)
{
  memcpy (at, text, len);
  return at + len;
}

/* Relays and shares of a path; nothing between the commas without one. */
static char *
rows_put_path (char *at, const CepaSimScene *scene, const CepaSimRow *row, gboolean ids_are_rows)
{
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      if (row->hops != NULL && ids_are_rows)
        at = rows_put_number (at, row->hops[place]);
      else if (row->hops != NULL)
        at = rows_put (at, scene->names[row->hops[place]], sizeof *scene->names);
      *at++ = ',';
    }
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      if (row->hops != NULL)
        at = rows_put (at, scene->tables[row->kind][place]->texts[row->hops[place]], CEPA_SIM_SHARE_LEN);
      *at++ = ',';
    }
  return at;
}

void
cepa_sim_rows_add (CepaSimRows *self, const CepaSimScene *scene, const CepaSimRow *row, gboolean ids_are_rows)
{
  const CepaSimPort *port = &scene->ports->ports[row->kind];
  char *at;

  if (G_UNLIKELY (self->size - self->len < CEPA_SIM_MAX_ROW))
    {
      self->size = MAX (2 * self->size, ROWS_FIRST_SIZE);
      self->text = g_realloc (self->text, self->size);
    }
  at = self->text + self->len;
  at = rows_put_number (at, (guint64) MAX (row->time_s, 0));
  *at++ = ',';
  at = rows_put_number (at, row->client);
  *at++ = ',';
  at = rows_put_number (at, row->stream);
  *at++ = ',';
  at = rows_put_number (at, port->port);
  if (port->is_ipv6)
    at = rows_put (at, "v6", 2);
  *at++ = ',';
  at = rows_put_path (at, scene, row, ids_are_rows);
  if (row->refusal != NULL)
    at = rows_put (at, row->refusal, MIN (strlen (row->refusal), 32));
  *at++ = '\n';
  self->len = (gsize) (at - self->text);
}
