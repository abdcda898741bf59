/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of circuits for those who watch and control it. */
#pragma once

#include <glib.h>

#include "circuit/circuit.h"
#include "path/build-times.h"
#include "path/circuits-config.h"
#include "path/vanguards.h"

G_BEGIN_DECLS

/* What a circuit is there for. */
typedef enum
{
  CEPA_CIRCUITS_FOR_STREAMS,
  CEPA_CIRCUITS_MEASURED, /* it took too long to be used: its build time is measured */
  CEPA_CIRCUITS_PROBED,   /* it was used, and shows before it goes whether it works */
  CEPA_CIRCUITS_APART,    /* somebody had it built for himself: it takes no streams */
  CEPA_CIRCUITS_ONION,    /* for onion services: this and the numbers behind it, by CepaOnionPurpose */
} CepaCircuitsUse;

#define CEPA_N_CIRCUITS_USES (CEPA_CIRCUITS_ONION + CEPA_N_ONION_PURPOSES)

/**
 * CepaCircuitsWatch:
 * @new_identity: (nullable): a new identity has been taken
 * @build_timeout: (nullable): circuits are waited for another time from now on
 * @use_changed: (nullable): @circuit is there for something else than @former now
 * @settled: (nullable): what becomes of @circuit, of which its own event says less: its guard was no primary one when it was
 *   built, and it waits for a better one (@is_waiting) or may be used; or it was made longer, and is open again
 *
 * Called in the middle of things: look, note, and come back.
 */
typedef struct
{
  void (*new_identity) (gpointer user_data);
  void (*build_timeout) (gpointer user_data, CepaBuildTimesChange change, const CepaBuildTimesFigures *figures);
  void (*use_changed) (gpointer user_data, CepaCircuit *circuit, CepaCircuitsUse former);
  void (*settled) (gpointer user_data, CepaCircuit *circuit, gboolean is_waiting);
} CepaCircuitsWatch;

/* @watch: (nullable): copied; the one who watches. */
void cepa_circuits_set_watch (CepaCircuits *self, const CepaCircuitsWatch *watch, gpointer user_data);

typedef void (*CepaCircuitsEachFunc) (gpointer user_data, CepaCircuit *circuit);

/* Calls @func for every circuit that is not closed, those of the directory too; it makes and closes none. */
void cepa_circuits_foreach (CepaCircuits *self, CepaCircuitsEachFunc func, gpointer user_data);

/* Returns: (transfer none) (nullable): NULL when there is no open or building circuit of this number. */
CepaCircuit *cepa_circuits_find_by_number (CepaCircuits *self, guint64 number);

/**
 * cepa_circuits_close_by_number:
 * @if_unused: does nothing while it has streams
 *
 * Returns: FALSE with CEPA_ERROR_NOT_FOUND when there is no such circuit.
 */
gboolean cepa_circuits_close_by_number (CepaCircuits *self, guint64 number, gboolean if_unused, GError **error);

/* What the pool knows of a circuit. */
typedef struct
{
  CepaCircuitsUse use;
  gboolean is_waiting; /* it is built, and a better guard may answer yet */
  gboolean may_wait;   /* it would have to wait if it were built now: CepaCircuitsWatch.settled tells */
  gboolean is_stable;  /* for long-lived streams */
} CepaCircuitsInfo;

/* @circuit: of the pool or not */
void cepa_circuits_get_info (CepaCircuits *self, const CepaCircuit *circuit, CepaCircuitsInfo *out);

/**
 * cepa_circuits_build:
 * @wish: what it should be good for; port 0: any exit; without isolation
 * @is_internal: it ends inside the network, and takes no streams
 * @is_apart: it takes no streams of applications, and stays until it is closed by its number
 *
 * Builds one circuit more, by the rules for all.
 *
 * Returns: its number; 0 with CEPA_ERROR_LIMIT when none may be built now, or as cepa_circuits_request() would say.
 */
guint64 cepa_circuits_build (CepaCircuits *self, const CepaCircuitsWish *wish, gboolean is_internal, gboolean is_apart,
                             GError **error);

/* The relays behind the guard of circuits for onion services, by these options from now on; at first by the defaults. */
void cepa_circuits_set_vanguards (CepaCircuits *self, const CepaVanguardsConfig *config);

/* Returns: (transfer none): for who watches. */
CepaVanguards *cepa_circuits_get_vanguards (CepaCircuits *self);

/**
 * cepa_circuits_build_onion:
 * @target_id: (nullable): RSA identity of the last relay, where @purpose has a target
 *
 * Builds a circuit as onion services use them (vanguards.h), or takes one that was kept ready, and makes it longer where
 * there is a target: it may be open when this returns. It takes no streams, and stays until it is closed by its number.
 * From the first time on some are kept ready for the next ones (predict.h).
 *
 * Returns: its number; 0 with an error, as cepa_circuits_build().
 */
guint64 cepa_circuits_build_onion (CepaCircuits *self, CepaOnionPurpose purpose, const guint8 *target_id,
                                   GError **error);

/* @error: (nullable): it was not taken, for the end came before. */
typedef void (*CepaCircuitsTakenFunc) (gpointer user_data, const GError *error);

/**
 * cepa_circuits_new_identity:
 * @func: (nullable): told once, perhaps before this returns
 *
 * No circuit that there is then takes new streams; those without any are closed. At once, or when the last time is long
 * enough ago (C Tor's 10 seconds); several that are put off are one.
 */
void cepa_circuits_new_identity (CepaCircuits *self, CepaCircuitsTakenFunc func, gpointer user_data);

/* Returns: how many new identities were taken: what was learned under another number must not be used. */
guint64 cepa_circuits_get_identity (const CepaCircuits *self);

G_END_DECLS
