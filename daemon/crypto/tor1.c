/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/tor1.h"

#include <gcrypt.h>
#include <nettle/sha1.h>
#include <string.h>

#include "base/secret.h"

#define TOR1_AES_KEY_LEN 16

/* Fields of a relay message of format v0 (tor-spec: relay-cells). */
#define TOR1_RECOGNIZED_OFFSET 1
#define TOR1_DIGEST_OFFSET 5
#define TOR1_DIGEST_LEN 4
#define TOR1_DIGEST_END (TOR1_DIGEST_OFFSET + TOR1_DIGEST_LEN)

/* One direction. libgcrypt's SHA-1 cannot be copied without an allocation; nettle's is a plain struct. */
typedef struct
{
  gcry_cipher_hd_t cipher; /* its counter runs on from cell to cell */
  struct sha1_ctx digest;  /* of the key's seed and of every cell of this hop so far */
} Tor1Direction;

struct _CepaTor1
{
  Tor1Direction forward, backward;
  struct sha1_ctx trial, final; /* scratch, here so that no key state is left on the stack */
};

static void
tor1_direction_init (Tor1Direction *self, const guint8 *digest_seed, const guint8 *key)
{
  static const guint8 counter[TOR1_AES_KEY_LEN] = { 0 };
  gcry_error_t result = gcry_cipher_open (&self->cipher, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CTR, 0);

  if (result == 0)
    result = gcry_cipher_setkey (self->cipher, key, TOR1_AES_KEY_LEN);
  if (result == 0)
    result = gcry_cipher_setctr (self->cipher, counter, sizeof counter);
  if (result != 0)
    g_error ("AES-128-CTR cannot be set up: %s", gcry_strerror (result));
  sha1_init (&self->digest);
  sha1_update (&self->digest, CEPA_TOR1_TAG_LEN, digest_seed);
}

CepaTor1 *
cepa_tor1_new (const guint8 keys[CEPA_TOR1_KEYS_LEN])
{
  CepaTor1 *self = cepa_secret_alloc (sizeof *self);
  const guint8 *forward_seed = keys, *backward_seed = keys + CEPA_TOR1_TAG_LEN;
  const guint8 *forward_key = keys + 2 * CEPA_TOR1_TAG_LEN, *backward_key = forward_key + TOR1_AES_KEY_LEN;

  tor1_direction_init (&self->forward, forward_seed, forward_key);
  tor1_direction_init (&self->backward, backward_seed, backward_key);
  return self;
}

void
cepa_tor1_free (CepaTor1 *self)
{
  if (self == NULL)
    return;
  gcry_cipher_close (self->forward.cipher);
  gcry_cipher_close (self->backward.cipher);
  cepa_secret_free (self);
}

/* Leaves the running digest after @body in self->trial, its value in @tag; the digest field is as zeros. */
static void
tor1_digest (CepaTor1 *self, const struct sha1_ctx *running, const guint8 *body,
             guint8 tag[CEPA_TOR1_TAG_LEN])
{
  static const guint8 zeros[TOR1_DIGEST_LEN] = { 0 };

  self->trial = *running;
  sha1_update (&self->trial, TOR1_DIGEST_OFFSET, body);
  sha1_update (&self->trial, TOR1_DIGEST_LEN, zeros);
  sha1_update (&self->trial, CEPA_CELL_BODY_LEN - TOR1_DIGEST_END, body + TOR1_DIGEST_END);
  self->final = self->trial;
  sha1_digest (&self->final, CEPA_TOR1_TAG_LEN, tag);
}

void
cepa_tor1_originate (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN], guint8 tag[CEPA_TOR1_TAG_LEN])
{
  guint8 digest[CEPA_TOR1_TAG_LEN];

  tor1_digest (self, &self->forward.digest, body, digest);
  self->forward.digest = self->trial;
  memcpy (body + TOR1_DIGEST_OFFSET, digest, TOR1_DIGEST_LEN);
  if (tag != NULL)
    memcpy (tag, digest, sizeof digest);
}

/* CTR with a key and equal lengths cannot fail; if it did, the cell would go out in the clear. */
static inline void
tor1_apply (Tor1Direction *self, guint8 *body)
{
  if (G_UNLIKELY (gcry_cipher_encrypt (self->cipher, body, CEPA_CELL_BODY_LEN, NULL, 0) != 0))
    g_error ("AES-128-CTR failed");
}

void
cepa_tor1_encrypt (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN])
{
  tor1_apply (&self->forward, body);
}

void
cepa_tor1_decrypt (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN])
{
  tor1_apply (&self->backward, body);
}

gboolean
cepa_tor1_recognize (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN], guint8 tag[CEPA_TOR1_TAG_LEN])
{
  guint8 digest[CEPA_TOR1_TAG_LEN];

  if (body[TOR1_RECOGNIZED_OFFSET] != 0 || body[TOR1_RECOGNIZED_OFFSET + 1] != 0)
    return FALSE;
  tor1_digest (self, &self->backward.digest, body, digest);
  if (!cepa_bytes_equal_ct (digest, body + TOR1_DIGEST_OFFSET, TOR1_DIGEST_LEN))
    return FALSE;
  self->backward.digest = self->trial;
  memset (body + TOR1_DIGEST_OFFSET, 0, TOR1_DIGEST_LEN);
  memcpy (tag, digest, sizeof digest);
  return TRUE;
}
