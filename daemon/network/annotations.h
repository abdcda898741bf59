/* SPDX-License-Identifier: BSD-3-Clause */
/* What the extras say of each relay of a network: computed by a worker, put into the rows in one go. */
#pragma once

#include <glib.h>

#include "network/extras.h"
#include "network/network.h"

G_BEGIN_DECLS

/* Of a relay; 8 bytes. */
typedef struct
{
  char country[4];
  guint32 as_number;
} CepaLocation;

/* A side table's numbers row for row. */
typedef struct
{
  char *name;       /* of the table */
  guint64 id;       /* of its content */
  guint n_columns;
  char **columns;   /* (array length=n_columns): their names */
  double **numbers; /* (array length=n_columns): each one a number for each relay */
} CepaSideColumns;

/**
 * CepaAnnotations:
 * @extras: what they are made of
 * @locations: (nullable) (array length=n_relays): NULL when the extras have neither countries nor systems
 * @side_tables: (element-type CepaSideColumns)
 */
struct _CepaAnnotations
{
  CepaExtras *extras;
  guint n_relays;
  CepaLocation *locations;
  GPtrArray *side_tables;
};

/**
 * cepa_annotations_new:
 * @network: read, what changes with microdescriptors is not: another thread may be adding some
 * @extras: (transfer none): kept by reference
 *
 * For a worker: 10,000 relays take some milliseconds.
 *
 * Returns: (transfer full): for cepa_network_annotate().
 */
CepaAnnotations *cepa_annotations_new (const CepaNetwork *network, CepaExtras *extras);
void cepa_annotations_free (CepaAnnotations *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaAnnotations, cepa_annotations_free)

G_END_DECLS
