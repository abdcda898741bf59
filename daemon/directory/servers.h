/* SPDX-License-Identifier: BSD-3-Clause */
/* Which directory server is asked next. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "circuit/circuit.h"
#include "network/network.h"

G_BEGIN_DECLS

/* A server that failed is not asked again for so long, unless there is no other. */
#define CEPA_SERVERS_FORGET_US (60 * G_USEC_PER_SEC)

typedef struct _CepaServers CepaServers;

/**
 * cepa_servers_new:
 * @authorities: @fallbacks: (element-type CepaDirectorySource): outlive it
 */
CepaServers *cepa_servers_new (const GPtrArray *authorities, const GPtrArray *fallbacks, const CepaClock *clock,
                               CepaRandom *random);
void cepa_servers_free (CepaServers *self);

/**
 * cepa_servers_choose:
 * @network: (nullable): a relay of it with V2Dir when there is one; else a fallback; else an authority
 * @out: (out): who
 *
 * Draws among those that have not failed lately; among all of them when each has.
 *
 * Returns: FALSE when there is none at all.
 */
gboolean cepa_servers_choose (CepaServers *self, const CepaNetwork *network, CepaCircuitHop *out);

/* @rsa_id: 20 bytes: it did not give what was asked for. */
void cepa_servers_note_failure (CepaServers *self, const guint8 *rsa_id);

/* Fills a hop from a row of @network that has its keys. */
void cepa_servers_hop_from_row (const CepaNetwork *network, guint row, CepaCircuitHop *out);

G_END_DECLS
