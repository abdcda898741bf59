/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths for onion services: which relays stand behind the guard, and how long a path is (prop333, prop292). A state
   machine without I/O: times, randomness and the network are handed in. */
#pragma once

#include <cepa/path.h>
#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "network/node-set.h"

G_BEGIN_DECLS

/* What an onion circuit is for. */
typedef enum
{
  CEPA_ONION_PREBUILT,      /* kept ready, to be extended to a target: C Tor's HS_VANGUARDS */
  CEPA_ONION_CLIENT_HSDIR,  /* a client gets a descriptor */
  CEPA_ONION_CLIENT_INTRO,  /* a client is introduced */
  CEPA_ONION_CLIENT_REND,   /* a client waits at its rendezvous point, which the path policy chooses */
  CEPA_ONION_SERVICE_HSDIR, /* a service posts a descriptor */
  CEPA_ONION_SERVICE_INTRO, /* a service waits at an introduction point */
  CEPA_ONION_SERVICE_REND,  /* a service goes to the client's rendezvous point */
} CepaOnionPurpose;

#define CEPA_N_ONION_PURPOSES 7

/**
 * CepaVanguardsConfig:
 * @lite: VanguardsLiteEnabled: 1, 0, or -1 (auto): as the consensus says, or on
 * @layer2: @layer3: (nullable): HSLayer2Nodes, HSLayer3Nodes: who may be the second relay and the third; kept by
 *   reference
 */
typedef struct
{
  gint lite;
  CepaNodeSet *layer2, *layer3;
} CepaVanguardsConfig;

#define CEPA_VANGUARDS_CONFIG_INIT \
  { -1, NULL, NULL }

/**
 * CepaVanguards:
 *
 * The second relays of onion circuits: of the user's set, or (vanguards-lite) four that are kept for one to twelve days
 * each, in memory alone. They are looked over whenever a path is planned: there is no timer.
 */
typedef struct _CepaVanguards CepaVanguards;

/* A vanguard of the lite layer has come (@is_good) or gone: C Tor's GUARD events GOOD_L2 and BAD_L2. */
typedef void (*CepaVanguardsFunc) (gpointer user_data, const guint8 rsa_id[20], gboolean is_good);

/* @clock: @random: (transfer none): outlive it. @config: copied */
CepaVanguards *cepa_vanguards_new (const CepaClock *clock, CepaRandom *random, const CepaVanguardsConfig *config);
void cepa_vanguards_free (CepaVanguards *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaVanguards, cepa_vanguards_free)

/* Other options in place of the former. */
void cepa_vanguards_set_config (CepaVanguards *self, const CepaVanguardsConfig *config);

/* @func: (nullable): the one listener; called in the middle of things: note it and come back */
void cepa_vanguards_set_func (CepaVanguards *self, CepaVanguardsFunc func, gpointer user_data);

/* A new identity: the lite layer is given up, and drawn anew with the next path. */
void cepa_vanguards_drop (CepaVanguards *self);

/* Returns: how many vanguards the lite layer has now; at most CEPA_VANGUARDS_MAX. */
guint cepa_vanguards_get_n (const CepaVanguards *self);

/* The vanguard @index, below that. @expires_s: (out) (nullable): since 1970 */
const guint8 *cepa_vanguards_get_id (const CepaVanguards *self, guint index, gint64 *expires_s);

#define CEPA_VANGUARDS_MAX 19 /* guard-hs-l2-number is at most that */

/* Returns: how many relays a path for @purpose has, the target among them. */
guint cepa_vanguards_get_n_hops (const CepaVanguards *self, CepaOnionPurpose purpose);

/* Returns: whether a path for @purpose ends at a relay that somebody else may have chosen, which is settled with it. */
gboolean cepa_onion_purpose_has_target (CepaOnionPurpose purpose);

/* Returns: (transfer none): C Tor's word for circuits of @purpose: "HS_CLIENT_REND". */
const char *cepa_onion_purpose_to_string (CepaOnionPurpose purpose);

/**
 * cepa_vanguards_plan:
 * @network: committed; its rows are those of @request
 * @target: row of the last relay where @purpose has one, CEPA_PATH_ANY_ROW where it has not
 * @request: (inout): what it says of guards, excluded and barred rows counts; gets purpose, length, flags and settled
 *   hops, so that any path policy fills the rest. EnforceDistinctSubnets does not count for these
 * @fixed: (out): what @request->fixed points to
 *
 * Lays out a path: guard, second and (HSLayer3Nodes) third relay, a middle one where the target is somebody else's
 * choice, the target. The guard is the first of the request's guards that may be used, whatever the other relays are:
 * who chose the target must not move us to another guard. The relays behind adapt.
 *
 * Returns: FALSE with CEPA_ERROR_NO_PATH and who is lacking.
 */
gboolean cepa_vanguards_plan (CepaVanguards *self, const CepaNetwork *network, CepaOnionPurpose purpose, guint32 target,
                              CepaPathRequest *request, guint32 fixed[CEPA_PATH_MAX_HOPS], GError **error);

/* Returns: the flags of a CepaPathRequest for @purpose; @target: as above. */
guint32 cepa_vanguards_get_flags (CepaOnionPurpose purpose, const CepaNetwork *network, guint32 target);

/**
 * cepa_vanguards_fits:
 * @relays: (array length=n_relays): RSA identities of the hops of a circuit that was built as CEPA_ONION_PREBUILT
 *
 * Whether one would be built like it by the options in force: as long, and over vanguards that are still ours.
 */
gboolean cepa_vanguards_fits (CepaVanguards *self, const CepaNetwork *network, const guint8 (*relays)[20],
                              guint n_relays);

/**
 * cepa_vanguards_may_take:
 * @relays: (array length=n_relays): as above
 * @target_id: (nullable): RSA identity of the relay that it would be extended to, where @purpose has a target
 *
 * Whether the circuit then is what @purpose asks for by the options in force: as long, over vanguards that are still
 * ours, and with the target neither its last relay nor the one before. Never to introduce a service: those circuits live
 * long and are built for that alone, as in C Tor.
 */
gboolean cepa_vanguards_may_take (CepaVanguards *self, const CepaNetwork *network, CepaOnionPurpose purpose,
                                  const guint8 (*relays)[20], guint n_relays, const guint8 *target_id);

G_END_DECLS
