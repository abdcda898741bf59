/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of CSV put together without a call for each field. */
#pragma once

#include <glib.h>
#include <string.h>

#include "scene.h"

G_BEGIN_DECLS

/* No line is longer. */
#define CEPA_SIM_MAX_ROW 320

/* What the columns are, with a line end. */
#define CEPA_SIM_ROWS_HEADER \
  "time,client,stream,port,guard,middle,exit,guard_share,middle_share,exit_share,refusal\n"

/* Lines in a buffer that grows. */
typedef struct
{
  char *text; /* g_free() */
  gsize len, size;
} CepaSimRows;

/* A draw. */
typedef struct
{
  gint64 time_s;
  guint64 client, stream;
  guint kind;              /* of stream, in the mix */
  const guint32 *hops;     /* (nullable) (array length=3): rows; NULL when there is no path */
  const char *refusal;     /* (nullable): why */
} CepaSimRow;

/* Adds a line. @ids_are_rows: rows in the place of fingerprints */
void cepa_sim_rows_add (CepaSimRows *self, const CepaSimScene *scene, const CepaSimRow *row, gboolean ids_are_rows);

G_END_DECLS
