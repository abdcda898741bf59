/* SPDX-License-Identifier: BSD-3-Clause */
/* Side tables of plugins: read by a worker, handed on, taken back with the instance. Private to host. */
#pragma once

#include <cepa/types.h>
#include <glib.h>

#include "host/host-private.h"
#include "network/side-table.h"

G_BEGIN_DECLS

typedef struct _CepaHostSideTables CepaHostSideTables;

/* @set: as cepa_extras_set_side_table(): puts a table beside the rows; NULL takes it back. */
typedef struct
{
  gboolean (*set) (gpointer user_data, const char *name, CepaSideTable *table);
  gpointer user_data;
} CepaHostSideTableFuncs;

CepaHostSideTables *cepa_host_side_tables_new (void);
void cepa_host_side_tables_free (CepaHostSideTables *self);

/* In host.c. */
CepaHostSideTables *cepa_host_get_side_tables (CepaPluginHost *host);

/* @funcs: (nullable): copied; without them no table can be loaded. */
void cepa_host_side_tables_set_funcs (CepaHostSideTables *self, const CepaHostSideTableFuncs *funcs);

/* CepaHost.load_side_table of @plugin: @done is called from a later turn of the loop, unless it is forgotten before. */
void cepa_host_side_tables_load (CepaHostSideTables *self, CepaHostPlugin *plugin, const char *name, const char *path,
                                 CepaDoneFunc done, gpointer user_data);

/* The instance of @plugin is gone: its tables go too, and nothing of it is called any more. */
void cepa_host_side_tables_forget (CepaHostSideTables *self, CepaHostPlugin *plugin);

/* Whether a worker still reads. */
gboolean cepa_host_side_tables_is_busy (const CepaHostSideTables *self);

G_END_DECLS
