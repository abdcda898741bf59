/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuit handshakes, client side: ntor and CREATE_FAST. */
#pragma once

#include <glib.h>

#include "base/random.h"

G_BEGIN_DECLS

#define CEPA_NTOR_ONIONSKIN_LEN 84
#define CEPA_NTOR_REPLY_LEN 64
#define CEPA_CREATE_FAST_LEN 20
#define CEPA_CREATED_FAST_LEN 40

typedef struct _CepaNtor CepaNtor;

/**
 * cepa_ntor_new:
 * @node_id: the relay's RSA identity digest
 * @onion_key: the relay's ntor onion key
 * @onionskin: (out): what goes into CREATE2 or EXTEND2: node id | onion key | our public key
 *
 * tor-spec: create-created-cells § ntor ("ntor-curve25519-sha256-1").
 *
 * Returns: (transfer full): the state that waits for the reply; its secret is in locked memory.
 */
CepaNtor *cepa_ntor_new (CepaRandom *random, const guint8 node_id[20], const guint8 onion_key[32],
                         guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN]);

/**
 * cepa_ntor_finish:
 * @reply: the relay's public key and AUTH
 * @keys: @keys_len bytes of key material: 72 for tor1, 92 with KH
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL when the relay did not prove that it holds the onion key.
 */
gboolean cepa_ntor_finish (const CepaNtor *self, const guint8 reply[CEPA_NTOR_REPLY_LEN], void *keys, gsize keys_len,
                           GError **error);
void cepa_ntor_free (CepaNtor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaNtor, cepa_ntor_free)

/**
 * cepa_create_fast_finish:
 * @x: what CREATE_FAST carried, drawn at random
 * @reply: what CREATED_FAST carried: Y | KH
 * @keys: @keys_len bytes (72 for tor1)
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL when KH is wrong.
 */
gboolean cepa_create_fast_finish (const guint8 x[CEPA_CREATE_FAST_LEN], const guint8 reply[CEPA_CREATED_FAST_LEN],
                                  void *keys, gsize keys_len, GError **error);

G_END_DECLS
