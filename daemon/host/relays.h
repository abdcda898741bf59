/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user's options and this machine say of relays, put where it counts and kept in step with the options. */
#pragma once

#include <glib.h>

#include "config/config.h"
#include "directory/directory.h"
#include "directory/knowledge.h"
#include "host/host.h"
#include "path/circuits.h"
#include "path/restrictions.h"

G_BEGIN_DECLS

typedef struct _CepaHostRelays CepaHostRelays;

/**
 * cepa_host_relays_new:
 * @host: @directory: (transfer none): outlive it: what is dialed, who is asked for documents, what is beside the rows
 *   follow @config from now on, and plugins can load side tables
 * @config: as of cepa_host_relays_set_config()
 */
CepaHostRelays *cepa_host_relays_new (CepaPluginHost *host, CepaDirectory *directory, const CepaConfig *config);

/* Files are read from here on. */
void cepa_host_relays_start (CepaHostRelays *self);

/* Nothing is read any more; keep turning the loop until it is not busy before it is freed, after the circuits. */
void cepa_host_relays_stop (CepaHostRelays *self);
gboolean cepa_host_relays_is_busy (const CepaHostRelays *self);
void cepa_host_relays_free (CepaHostRelays *self);

/* @circuits: (transfer none): keep to the restrictions from now on */
void cepa_host_relays_set_circuits (CepaHostRelays *self, CepaCircuits *circuits);

/* Other options are in force. @config: kept only for this call */
void cepa_host_relays_set_config (CepaHostRelays *self, const CepaConfig *config);

/* The directory has changed: call it before others are told. */
void cepa_host_relays_network_changed (CepaHostRelays *self);

/* Returns: (transfer none): who may be asked for directory documents; the directory has it already. */
const CepaServersFilter *cepa_host_relays_get_filter (CepaHostRelays *self);
CepaRestrictions *cepa_host_relays_get_restrictions (CepaHostRelays *self); /* (transfer none) */
CepaKnowledge *cepa_host_relays_get_knowledge (CepaHostRelays *self);       /* (transfer none) */

G_END_DECLS
