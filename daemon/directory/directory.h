/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the directory: from the cache at the start, from directory servers after; checked before it is used. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "channel/pool.h"
#include "circuit/circuit.h"
#include "directory/bootstrap.h"
#include "network/network.h"

G_BEGIN_DECLS

typedef struct _CepaDirectory CepaDirectory;

/**
 * CepaDirectoryConfig:
 * @data_directory: of the cached files
 * @authorities: @fallbacks: (element-type CepaDirectorySource)
 * @is_testing: shorter waits between tries
 *
 * All of it outlives the directory.
 */
typedef struct
{
  const char *data_directory;
  GPtrArray *authorities;
  GPtrArray *fallbacks;
  gboolean is_testing;
} CepaDirectoryConfig;

/**
 * CepaDirectoryFuncs:
 * @network_changed: another consensus, or more microdescriptors; ask cepa_directory_get_network()
 */
typedef struct
{
  void (*network_changed) (gpointer user_data);
  gpointer user_data;
} CepaDirectoryFuncs;

CepaDirectory *cepa_directory_new (GMainContext *context, const CepaClock *clock, CepaRandom *random,
                                   CepaChannelPool *channels, CepaBootstrap *bootstrap,
                                   const CepaDirectoryConfig *config, const CepaDirectoryFuncs *funcs);

/* Reads the cache, then fetches what is missing, and goes on for ever. @context is the thread's default one. */
void cepa_directory_start (CepaDirectory *self);

/* Ends every request; nothing is called any more. */
void cepa_directory_stop (CepaDirectory *self);

/* Whether a worker still has its hands on something: keep turning the loop after stop until this is FALSE. */
gboolean cepa_directory_is_busy (const CepaDirectory *self);
void cepa_directory_free (CepaDirectory *self);

/* Returns: (transfer none) (nullable): the network now. */
CepaNetwork *cepa_directory_get_network (const CepaDirectory *self);

/* Whether enough of the microdescriptors are here to build circuits (param min_paths_for_circs_pct, 60). */
gboolean cepa_directory_is_sufficient (const CepaDirectory *self);

typedef void (*CepaDirectoryCircuitFunc) (gpointer user_data, CepaCircuit *circuit);

/* Calls @func for the circuit of every request under way; it closes none. */
void cepa_directory_foreach_circuit (CepaDirectory *self, CepaDirectoryCircuitFunc func, gpointer user_data);

/* Returns: (transfer full) (nullable): the microdescriptor of @row of the network, as text; NULL when it is not here. */
char *cepa_directory_get_microdescriptor (const CepaDirectory *self, guint row);

/* Other parts that make circuits take their numbers here. */
guint32 cepa_directory_draw_circuit_number (CepaDirectory *self);

G_END_DECLS
