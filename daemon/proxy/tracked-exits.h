/* SPDX-License-Identifier: BSD-3-Clause */
/* TrackHostExits: hosts that are to be reached from the same exit again. */
#pragma once

#include <glib.h>

#include "base/clock.h"

G_BEGIN_DECLS

/* Failures in a row after which an exit is forgotten. */
#define CEPA_TRACKED_EXITS_MAX_FAILURES 5
/* Hosts that are remembered; the one that was used longest ago makes room. */
#define CEPA_TRACKED_EXITS_MAX 1024

typedef struct _CepaTrackedExits CepaTrackedExits;

/**
 * cepa_tracked_exits_new:
 * @patterns: (nullable): hosts in any case; with a dot before it a domain with all that is in it, a dot alone for every
 *   host; kept
 * @keep_us: how long after its last use an exit is remembered
 */
CepaTrackedExits *cepa_tracked_exits_new (const CepaClock *clock, const char *const *patterns, gint64 keep_us);
void cepa_tracked_exits_free (CepaTrackedExits *self);

/**
 * cepa_tracked_exits_find:
 * @host: in lower case
 *
 * Returns: (transfer none) (nullable): the RSA identity (20 bytes) of the exit for @host; valid until the next call.
 */
const guint8 *cepa_tracked_exits_find (CepaTrackedExits *self, const char *host);

/* @host was reached from @rsa_id. Nothing happens with hosts that are not to be tracked, and with those for which there is
   another exit: that one is forgotten when it has failed often enough. */
void cepa_tracked_exits_note (CepaTrackedExits *self, const char *host, const guint8 rsa_id[20]);

/* @host could not be reached from @rsa_id. */
void cepa_tracked_exits_note_failure (CepaTrackedExits *self, const char *host, const guint8 rsa_id[20]);

/* The exit for @host is not there any more. */
void cepa_tracked_exits_forget (CepaTrackedExits *self, const char *host);

/* @number: of the identity that is in use: all exits of another one are forgotten. */
void cepa_tracked_exits_set_identity (CepaTrackedExits *self, guint64 number);

G_END_DECLS
