/* SPDX-License-Identifier: BSD-3-Clause */
/* Which directory server is asked next. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "circuit/circuit.h"
#include "network/network.h"

G_BEGIN_DECLS

/* A server that failed is not asked again for so long, and a busy one (503) for an hour, unless there is no other. */
#define CEPA_SERVERS_FORGET_US (60 * G_USEC_PER_SEC)
#define CEPA_SERVERS_BUSY_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

/* So many that lack microdescriptors are remembered; one more, and the fault is likely ours: all are forgotten. */
#define CEPA_SERVERS_MAX_OUTDATED 30

typedef struct _CepaServers CepaServers;

/* What became of a request to a directory guard. */
typedef enum
{
  CEPA_DIRECTORY_GUARD_ANSWERED,
  CEPA_DIRECTORY_GUARD_FAILED, /* no connection, no circuit, no answer */
  CEPA_DIRECTORY_GUARD_LEFT,   /* not its fault: the request was given up */
} CepaDirectoryGuardOutcome;

/**
 * CepaDirectoryGuards:
 * @list: fills @rows (element-type guint32, empty) with rows of the network, the best first. @outdated: RSA identities of
 *   @n_outdated relays that lack microdescriptors which others have. FALSE when no guards are kept: any directory cache
 *   may be asked; TRUE with no rows when none can be asked now.
 * @used: one of them is being asked. Returns: (transfer full) (nullable): a ticket, given back to @done
 * @done: the end of that request; frees the ticket
 *
 * The guards that relays are asked for directory documents by, once there is a network: they are kept in a higher layer.
 */
typedef struct
{
  gboolean (*list) (gpointer user_data, const guint8 (*outdated)[20], guint n_outdated, GArray *rows);
  gpointer (*used) (gpointer user_data, const guint8 rsa_id[20]);
  void (*done) (gpointer user_data, gpointer ticket, CepaDirectoryGuardOutcome outcome);
  gpointer user_data;
} CepaDirectoryGuards;

/**
 * CepaServersFilter:
 * @allows: whether @relay may be asked. @has_countries: whether an empty country means that it is not known.
 *   @even_excluded: whether the user's ExcludeNodes do not count, for there is nobody else
 *
 * What the user does not want, by options that are known in a higher layer.
 */
typedef struct
{
  gboolean (*allows) (gpointer user_data, const CepaRelay *relay, gboolean has_countries, gboolean even_excluded);
  gpointer user_data;
} CepaServersFilter;

/* Who is wanted. */
typedef enum
{
  CEPA_SERVERS_AUTHORITY,
  CEPA_SERVERS_FALLBACK, /* a fallback directory, or with less weight an authority */
  CEPA_SERVERS_CACHE,    /* a directory guard; without guards a relay with V2Dir; without a network a fallback */
} CepaServersKind;

/**
 * CepaServersWish:
 * @network: (nullable): for CEPA_SERVERS_CACHE
 * @for_microdescriptors: not one that lacked some
 * @asked: (nullable) (element-type guint8[20]): these are asked something just now: others are better
 * @preferred: (nullable): RSA identity of a fallback directory or authority that is likely to have it: without a network
 *   it is the one, unless it has failed lately
 */
typedef struct
{
  CepaServersKind kind;
  const CepaNetwork *network;
  gboolean for_microdescriptors;
  const GArray *asked;
  const guint8 *preferred;
} CepaServersWish;

/**
 * cepa_servers_new:
 * @authorities: @fallbacks: (element-type CepaDirectorySource): outlive it
 * @authority_rate: the weight of authorities among fallbacks is multiplied by this (DirAuthorityFallbackRate)
 */
CepaServers *cepa_servers_new (const GPtrArray *authorities, const GPtrArray *fallbacks, double authority_rate,
                               const CepaClock *clock, CepaRandom *random);
void cepa_servers_free (CepaServers *self);

/* @guards: (transfer none) (nullable): outlives it */
void cepa_servers_set_guards (CepaServers *self, const CepaDirectoryGuards *guards);

/* @filter: (transfer none) (nullable): outlives it; NULL: everybody may be asked. Guards have been filtered already. */
void cepa_servers_set_filter (CepaServers *self, const CepaServersFilter *filter);

/**
 * cepa_servers_choose:
 * @out: (out): who
 * @is_guard: (out): one of the directory guards: say so to CepaDirectoryGuards.used
 *
 * Draws by weight among those that have not failed lately; among all of them when each has; at last among those that
 * the user would rather not ask.
 *
 * Returns: FALSE when there is none.
 */
gboolean cepa_servers_choose (CepaServers *self, const CepaServersWish *wish, CepaCircuitHop *out, gboolean *is_guard);

/* @rsa_id: 20 bytes: it did not give what was asked for; it is busy; it does not have microdescriptors that it should. */
void cepa_servers_note_failure (CepaServers *self, const guint8 *rsa_id);
void cepa_servers_note_busy (CepaServers *self, const guint8 *rsa_id);
void cepa_servers_note_outdated (CepaServers *self, const guint8 *rsa_id);

/* With another consensus, every cache may have what it asks for. */
void cepa_servers_forget_outdated (CepaServers *self);

/* Whether there are fallback directories besides the authorities; whether @rsa_id is an authority's. */
gboolean cepa_servers_has_fallbacks (const CepaServers *self);
gboolean cepa_servers_is_authority (const CepaServers *self, const guint8 *rsa_id);

/* Fills a hop from a row of @network, with its keys when they are here. */
void cepa_servers_hop_from_row (const CepaNetwork *network, guint row, CepaCircuitHop *out);

G_END_DECLS
