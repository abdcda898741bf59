/* SPDX-License-Identifier: BSD-3-Clause */
/* Curve25519 key agreement and Ed25519 verification. */
#pragma once

#include <glib.h>

#include "base/random.h"

G_BEGIN_DECLS

#define CEPA_X25519_LEN 32
#define CEPA_ED25519_KEY_LEN 32
#define CEPA_ED25519_SIGNATURE_LEN 64

/* Draws a secret key and gives its public key. The caller keeps @secret in CepaSecret memory. */
void cepa_x25519_generate (CepaRandom *random, guint8 secret[CEPA_X25519_LEN], guint8 public_key[CEPA_X25519_LEN]);

/* X25519 (RFC 7748). Returns: FALSE when the result is all zeros (a peer's low-order point); never use it then. */
gboolean cepa_x25519 (const guint8 secret[CEPA_X25519_LEN], const guint8 public_key[CEPA_X25519_LEN],
                      guint8 shared[CEPA_X25519_LEN]);

/* Whether @signature is @key's over @len bytes (RFC 8032). */
gboolean cepa_ed25519_verify (const guint8 signature[CEPA_ED25519_SIGNATURE_LEN], const void *data, gsize len,
                              const guint8 key[CEPA_ED25519_KEY_LEN]);

/**
 * cepa_ed25519_from_x25519:
 * @public_key: a Curve25519 public key
 * @is_negative: the sign of the x-coordinate that is wanted
 *
 * The Ed25519 key of the same secret (dir-spec: "Converting a curve25519 public key to an ed25519 public key").
 * For public keys alone: its time depends on them.
 *
 * Returns: FALSE when there is none.
 */
gboolean cepa_ed25519_from_x25519 (const guint8 public_key[CEPA_X25519_LEN], gboolean is_negative,
                                   guint8 out[CEPA_ED25519_KEY_LEN]);

G_END_DECLS
