/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuits for applications: built ahead of use and on demand, kept apart by isolation, retired in time. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "channel/pool.h"
#include "directory/directory.h"
#include "path/build-times.h"
#include "path/dormancy.h"
#include "path/guards.h"
#include "path/policy.h"
#include "path/restrictions.h"
#include "path/vanguards.h"
#include "stream/stream.h"

G_BEGIN_DECLS

#define CEPA_CIRCUITS_MAX_AVOID 4

typedef struct _CepaCircuits CepaCircuits;
typedef struct _CepaCircuitsRequest CepaCircuitsRequest;

/**
 * CepaCircuitsWish:
 * @port: that the exit must let through, 1 to 65535
 * @ipv6: whether to an IPv6 address
 * @isolation: streams with different texts never share a circuit
 * @avoid: (array length=n_avoid): RSA identities of exits that have been tried in vain
 * @country: two small letters: exits there alone; empty: anywhere
 * @has_exit: @exit: the RSA identity of the one exit that will do
 */
typedef struct
{
  guint16 port;
  gboolean ipv6;
  const char *isolation;
  guint n_avoid;
  guint8 avoid[CEPA_CIRCUITS_MAX_AVOID][20];
  char country[4];
  gboolean has_exit;
  guint8 exit[20];
} CepaCircuitsWish;

/**
 * CepaCircuitsConfig:
 * @enforce_subnets: EnforceDistinctSubnets
 * @predicts: whether circuits are built ahead of use: __DisablePredictedCircuits is 0
 * @max_dirty_us: MaxCircuitDirtiness: after its first use no circuit takes new streams for longer
 * @max_pending: MaxClientCircuitsPending: circuits that are built at a time
 * @available_us: CircuitsAvailableTimeout: how long after the last use circuits are kept ready; 0: the consensus says
 * @learns_timeout: @fixed_timeout_ms: LearnCircuitBuildTimeout, CircuitBuildTimeout (0: the consensus says)
 * @identity_interval_us: new identities that are asked for sooner after the last are put off
 * @long_lived_ports: (nullable) (element-type guint16): LongLivedPorts; outlive the circuits
 */
typedef struct
{
  gboolean enforce_subnets;
  gboolean predicts;
  gint64 max_dirty_us;
  guint max_pending;
  gint64 available_us;
  gboolean learns_timeout;
  guint fixed_timeout_ms;
  gint64 identity_interval_us;
  const GArray *long_lived_ports;
} CepaCircuitsConfig;

/* C Tor's defaults, without long-lived ports. */
void cepa_circuits_config_init (CepaCircuitsConfig *self);

/* What a circuit is there for. */
typedef enum
{
  CEPA_CIRCUITS_FOR_STREAMS,
  CEPA_CIRCUITS_MEASURED, /* it took too long to be used: its build time is measured */
  CEPA_CIRCUITS_PROBED,   /* it was used, and shows before it goes whether it works */
  CEPA_CIRCUITS_APART,    /* somebody had it built for himself: it takes no streams */
} CepaCircuitsUse;

/**
 * CepaCircuitsWatch:
 * @new_identity: (nullable): a new identity has been taken
 * @build_timeout: (nullable): circuits are waited for another time from now on
 * @use_changed: (nullable): @circuit is there for something else than @former now
 *
 * Called in the middle of things: look, note, and come back.
 */
typedef struct
{
  void (*new_identity) (gpointer user_data);
  void (*build_timeout) (gpointer user_data, CepaBuildTimesChange change, const CepaBuildTimesFigures *figures);
  void (*use_changed) (gpointer user_data, CepaCircuit *circuit, CepaCircuitsUse former);
} CepaCircuitsWatch;

/**
 * CepaCircuitsFunc:
 * @circuit: @streams: (nullable) (transfer none): an open circuit; begin the stream before returning
 * @error: (nullable): set when there is no circuit and will be none
 *
 * The request is over when it is called.
 */
typedef void (*CepaCircuitsFunc) (gpointer user_data, CepaCircuit *circuit, CepaStreams *streams,
                                  const GError *error);

/**
 * cepa_circuits_new:
 * @policies: (transfer none): outlive it; it listens to their changes: when another policy is used, circuits that the
 *   former built and nobody has used are closed, those in use live on
 * @config: copied
 */
CepaCircuits *cepa_circuits_new (GMainContext *context, const CepaClock *clock, CepaRandom *random,
                                 CepaChannelPool *channels, CepaDirectory *directory, CepaBootstrap *bootstrap,
                                 CepaPathPolicies *policies, const CepaCircuitsConfig *config);
void cepa_circuits_free (CepaCircuits *self);

/* @watch: (nullable): copied; the one who watches. */
void cepa_circuits_set_watch (CepaCircuits *self, const CepaCircuitsWatch *watch, gpointer user_data);

/* @func: (nullable): what the build times' cepa_build_times_to_variant() gives is worth a write of the state file */
void cepa_circuits_set_keep (CepaCircuits *self, void (*func) (gpointer user_data), gpointer user_data);

/**
 * cepa_circuits_set_dormancy:
 * @dormancy: (nullable) (transfer none): outlives it: told when somebody wants a circuit
 */
void cepa_circuits_set_dormancy (CepaCircuits *self, CepaDormancy *dormancy);

/* A dormant client has no circuits but those that streams are on; with the last of them its channels go too. Awake, ports
   are predicted as at the start. */
void cepa_circuits_set_dormant (CepaCircuits *self, gboolean is_dormant);

/* Whether an application has a stream open. */
gboolean cepa_circuits_has_streams (CepaCircuits *self);

/* The computer slept, or its clock was set: no circuit that there is takes new streams, and unused ones go. */
void cepa_circuits_clock_jumped (CepaCircuits *self);

/* Returns: (transfer none): how long circuits take; for the state file, and for who watches. */
CepaBuildTimes *cepa_circuits_get_build_times (CepaCircuits *self);

/**
 * cepa_circuits_set_guards:
 * @guards: (nullable) (transfer none): outlive it
 *
 * Who may be first, from now on; they are told of networks and restrictions by the circuits. Without them any Guard may.
 */
void cepa_circuits_set_guards (CepaCircuits *self, CepaGuards *guards);

/* No circuit that there is now takes new streams: another set of guards is in use. */
void cepa_circuits_retire_all (CepaCircuits *self);

/**
 * cepa_circuits_set_restrictions:
 * @restrictions: (nullable) (transfer none): outlive it
 *
 * Where the user does not want which relays. Without them there are no exit countries.
 */
void cepa_circuits_set_restrictions (CepaCircuits *self, CepaRestrictions *restrictions);

/* They are others now: circuits that break them take no new streams. */
void cepa_circuits_restrictions_changed (CepaCircuits *self);

/* The directory has changed: goes on with what waited for it. */
void cepa_circuits_network_changed (CepaCircuits *self);

/* Closes every circuit, fails every request, and makes no more. */
void cepa_circuits_stop (CepaCircuits *self, const GError *reason);

/**
 * cepa_circuits_request:
 * @wish: copied
 *
 * @func may be called before this returns, when a circuit that fits is open.
 *
 * Returns: (transfer none) (nullable): for cepa_circuits_cancel() until @func is called; NULL when it was
 * called already.
 */
CepaCircuitsRequest *cepa_circuits_request (CepaCircuits *self, const CepaCircuitsWish *wish, CepaCircuitsFunc func,
                                            gpointer user_data);
void cepa_circuits_cancel (CepaCircuits *self, CepaCircuitsRequest *request);

/**
 * cepa_circuits_note_timeout:
 * @circuit: an open circuit on which a stream got no answer
 * @since_us: monotonic: when it asked
 *
 * The circuit takes no new streams. When nothing at all has come over its channel since then, neither do the
 * others on that channel, and its relay is left out of paths for a while.
 */
void cepa_circuits_note_timeout (CepaCircuits *self, CepaCircuit *circuit, gint64 since_us);

/* The last relay has answered a stream, whatever it said: the circuit works. */
void cepa_circuits_note_answer (CepaCircuits *self, CepaCircuit *circuit);

/* A stream has left it, to be tried on another one. */
void cepa_circuits_note_left (CepaCircuits *self, CepaCircuit *circuit);

/**
 * cepa_circuits_note_refusal:
 * @reason: of END, which came before CONNECTED
 *
 * An exit that is full or asleep is left out of paths for a while; a circuit whose exit breaks the protocol is closed.
 */
void cepa_circuits_note_refusal (CepaCircuits *self, CepaCircuit *circuit, guint reason);

/* ---- for those who watch and control ---- */

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
 * Builds a circuit as onion services use them (vanguards.h). It takes no streams, and stays until it is closed by its
 * number.
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
