/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuits for applications: built ahead of use and on demand, kept apart by isolation, retired in time. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "channel/pool.h"
#include "directory/directory.h"
#include "path/build-times.h"
#include "path/circuits-config.h"
#include "path/dormancy.h"
#include "path/guards.h"
#include "path/policy.h"
#include "path/restrictions.h"
#include "stream/stream.h"

G_BEGIN_DECLS

typedef struct _CepaCircuitsRequest CepaCircuitsRequest;

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

/* A stream that keeps it alive (CepaCircuitsWish) has ended or left it: it takes new streams for its whole time again. */
void cepa_circuits_note_kept (CepaCircuits *self, CepaCircuit *circuit);

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

G_END_DECLS
