/* SPDX-License-Identifier: BSD-3-Clause */
/* Relays that failed lately: left out of paths for a while. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "network/network.h"

G_BEGIN_DECLS

/* For how long a relay that failed is left out. */
#define CEPA_FAILURES_FORGET_US (60 * G_USEC_PER_SEC)

typedef struct _CepaFailures CepaFailures;

CepaFailures *cepa_failures_new (const CepaClock *clock);
void cepa_failures_free (CepaFailures *self);

/* @rsa_id: 20 bytes */
void cepa_failures_note (CepaFailures *self, const guint8 *rsa_id);

/* It works: forgets its failure. */
void cepa_failures_forget (CepaFailures *self, const guint8 *rsa_id);
void cepa_failures_forget_all (CepaFailures *self);

/**
 * cepa_failures_list:
 * @more: (array length=n_more): RSA identities that are left out in any case
 *
 * Returns: (transfer full) (element-type guint32): rows of @network, ascending, each once.
 */
GArray *cepa_failures_list (CepaFailures *self, const CepaNetwork *network, const guint8 (*more)[20], guint n_more);

G_END_DECLS
