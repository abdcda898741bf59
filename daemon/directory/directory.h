/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the directory: from the cache at the start, from directory servers after; checked before it is used. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "channel/pool.h"
#include "circuit/circuit.h"
#include "directory/bootstrap.h"
#include "directory/schedule.h"
#include "directory/servers.h"
#include "directory/skew.h"
#include "network/extras.h"
#include "network/network.h"

G_BEGIN_DECLS

typedef struct _CepaDirectory CepaDirectory;

/* What is asked for. */
typedef enum
{
  CEPA_DIRECTORY_CONSENSUS,
  CEPA_DIRECTORY_CERTIFICATES,
  CEPA_DIRECTORY_DESCRIPTORS, /* of relays: microdescriptors or server descriptors */
  CEPA_DIRECTORY_N_KINDS,
} CepaDirectoryKind;

/**
 * CepaDirectoryConfig:
 * @data_directory: of the cached files
 * @flavour: whether paths are chosen from microdescriptors or server descriptors (UseMicrodescriptors)
 * @fetches_useless: the other one is kept too, for who asks for it, and no guards are asked (FetchUselessDescriptors)
 * @authorities: @fallbacks: (element-type CepaDirectorySource)
 * @is_testing: shorter waits between tries
 * @fetches_nothing: only the cache is used (FetchServerDescriptors 0)
 * @haste: FetchDirInfoEarly, FetchDirInfoExtraEarly
 * @paths_needed: the share of paths that can be built before any is; 0: as the consensus says (PathsNeededToBuildCircuits)
 * @authority_rate: DirAuthorityFallbackRate
 * @authority_delay_s: @fallback_delay_s: @authority_only_delay_s: @max_tries: the options ClientBootstrapConsensus...
 * @release_date_s: of this build: older consensuses do not know of it
 * @guard_fraction: UseGuardFraction: 0, 1, or -1: as the consensus says
 *
 * All that is pointed to outlives the directory.
 */
typedef struct
{
  const char *data_directory;
  CepaConsensusFlavour flavour;
  gboolean fetches_useless;
  GPtrArray *authorities, *fallbacks;
  gboolean is_testing, fetches_nothing;
  CepaScheduleHaste haste;
  double paths_needed;
  double authority_rate;
  guint authority_delay_s, fallback_delay_s, authority_only_delay_s;
  guint max_tries;
  gint64 release_date_s;
  gint guard_fraction;
} CepaDirectoryConfig;

/* C Tor's defaults; the pointers are NULL. */
void cepa_directory_config_init (CepaDirectoryConfig *self);

/**
 * CepaDirectoryFuncs:
 * @network_changed: another consensus, or more descriptors, or too old now; ask cepa_directory_get_network()
 * @shut_out: (nullable): the network requires of clients what this build does not have: the list; it must end
 * @described: (nullable): server descriptors of these @rows (element-type guint32) of @network have come
 */
typedef struct
{
  void (*network_changed) (gpointer user_data);
  gpointer user_data;
  void (*shut_out) (gpointer user_data, const char *missing);
  void (*described) (gpointer user_data, const CepaNetwork *network, const GArray *rows);
} CepaDirectoryFuncs;

/* What has been done; each grows. */
typedef struct
{
  guint64 requests[CEPA_DIRECTORY_N_KINDS], failures[CEPA_DIRECTORY_N_KINDS];
  guint64 bytes_received;          /* of answers as they came */
  guint64 diffs, diff_bytes_saved; /* consensuses that came as one; by how much it was shorter, both unpacked */
} CepaDirectoryTotals;

CepaDirectory *cepa_directory_new (GMainContext *context, const CepaClock *clock, CepaRandom *random,
                                   CepaChannelPool *channels, CepaBootstrap *bootstrap,
                                   const CepaDirectoryConfig *config, const CepaDirectoryFuncs *funcs);

/* @guards: (transfer none) (nullable): outlives the directory */
void cepa_directory_set_guards (CepaDirectory *self, const CepaDirectoryGuards *guards);

/* Reads the cache, then fetches what is missing, and goes on for ever. @context is the thread's default one. */
void cepa_directory_start (CepaDirectory *self);

/* Ends every request; nothing is called any more. */
void cepa_directory_stop (CepaDirectory *self);
/* Whether a worker still has its hands on something: keep turning the loop after stop until this is FALSE. */
gboolean cepa_directory_is_busy (const CepaDirectory *self);
void cepa_directory_free (CepaDirectory *self);

/* Which servers the user lets be asked. @filter: (transfer none) (nullable): outlives the directory */
void cepa_directory_set_filter (CepaDirectory *self, const CepaServersFilter *filter);

/**
 * cepa_directory_set_supplement:
 * @extras: what is beside the rows: countries, autonomous systems, side tables
 * @node_families: (nullable) (element-type CepaNodeSet): NodeFamily lines
 *
 * The network in use gets it from a worker, with network_changed() when it has; later ones come with it. Both are kept
 * by reference, and are not changed any more.
 */
void cepa_directory_set_supplement (CepaDirectory *self, CepaExtras *extras, GPtrArray *node_families);

/* Whether the network in use does not have what was set last yet. */
gboolean cepa_directory_lacks_supplement (const CepaDirectory *self);

/* An application waits for the network: where that is not known well enough, what waits after failures is tried at once. */
void cepa_directory_retry (CepaDirectory *self);
void cepa_directory_set_dormant (CepaDirectory *self, gboolean is_dormant); /* TRUE: nothing is asked for */

/* The computer's clock was set, or it slept: everything is planned anew. */
void cepa_directory_clock_changed (CepaDirectory *self);

/* Returns: (transfer none) (nullable): the network now. */
CepaNetwork *cepa_directory_get_network (const CepaDirectory *self);

/* Whether enough descriptors are here to build circuits (min_paths_for_circs_pct), of a consensus less than a day too old. */
gboolean cepa_directory_is_sufficient (const CepaDirectory *self);

/* Returns: (transfer none): whether our clock is wrong; a part that hears the time notes it there. */
CepaSkew *cepa_directory_get_skew (CepaDirectory *self);

/* A relay has said the time in NETINFO: @theirs_minus_ours_s. */
void cepa_directory_note_relay_time (CepaDirectory *self, const CepaChannelTarget *relay, gint64 theirs_minus_ours_s);

const CepaDirectoryTotals *cepa_directory_get_totals (const CepaDirectory *self); /* (transfer none) */

typedef void (*CepaDirectoryCircuitFunc) (gpointer user_data, CepaCircuit *circuit);

/* Calls @func for the circuit of every request under way; it closes none. */
void cepa_directory_foreach_circuit (CepaDirectory *self, CepaDirectoryCircuitFunc func, gpointer user_data);

/* Other parts that make circuits take their numbers here. */
guint32 cepa_directory_draw_circuit_number (CepaDirectory *self);

G_END_DECLS
