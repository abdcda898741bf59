/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP connections to relays, directly or through an upstream proxy. */
#pragma once

#include <cepa/transport.h>

G_BEGIN_DECLS

typedef struct _CepaDirect CepaDirect;

/* @host: outlives the instance. */
CepaDirect *cepa_direct_new (const CepaHost *host);
void cepa_direct_free (CepaDirect *self);

/* As CepaPlugin's start and stop. */
void cepa_direct_start (CepaDirect *self, uint64_t task);
void cepa_direct_stop (CepaDirect *self, uint64_t task);

/* As CepaTransportTable's. */
void cepa_direct_connect (CepaDirect *self, uint64_t attempt, const CepaTransportTarget *target);
void cepa_direct_cancel (CepaDirect *self, uint64_t attempt);

G_END_DECLS
