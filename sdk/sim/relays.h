/* SPDX-License-Identifier: BSD-3-Clause */
/* The relays of all consensuses of a run, each with one number; and sets of them. */
#pragma once

#include <glib.h>

#include "network/network.h"
#include "random.h"

G_BEGIN_DECLS

/* A relay as it was last listed. */
typedef struct
{
  guint8 rsa_id[20];
  char nickname[20];
  char country[4];
  guint32 as_number;
} CepaSimRelay;

typedef struct _CepaSimRelays CepaSimRelays;

CepaSimRelays *cepa_sim_relays_new (void);
void cepa_sim_relays_free (CepaSimRelays *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimRelays, cepa_sim_relays_free)

/* Adds those of @network that are not there. The same networks in the same order give the same numbers. @numbers:
   (out caller-allocates) (array): of each row */
void cepa_sim_relays_add (CepaSimRelays *self, const CepaNetwork *network, guint32 *numbers);

/* Returns: (transfer none) (array length=n): by number; valid until the next call of cepa_sim_relays_add(). */
const CepaSimRelay *cepa_sim_relays_get (const CepaSimRelays *self, guint *n);

/**
 * CepaSimSet:
 *
 * Relays by their fingerprints: those of an adversary.
 */
typedef struct _CepaSimSet CepaSimSet;

/**
 * cepa_sim_set_parse:
 * @text: a fingerprint a line: 40 hexadecimal digits, perhaps behind "$", before blanks or a comma and whatever follows;
 *   "#" begins a comment
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG that names the line.
 */
CepaSimSet *cepa_sim_set_parse (const char *text, GError **error);

/**
 * cepa_sim_set_draw:
 * @share: above 0, at most 1
 *
 * Returns: (transfer full) (nullable): relays of @network, each as likely as the other, until they have @share of its
 * bandwidth; NULL with CEPA_ERROR_NOT_FOUND when it has none.
 */
CepaSimSet *cepa_sim_set_draw (const CepaNetwork *network, double share, guint64 seed, GError **error);
void cepa_sim_set_free (CepaSimSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimSet, cepa_sim_set_free)

gboolean cepa_sim_set_contains (const CepaSimSet *self, const guint8 rsa_id[20]);
guint cepa_sim_set_get_n (const CepaSimSet *self);

G_END_DECLS
