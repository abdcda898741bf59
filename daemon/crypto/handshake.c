/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/handshake.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/writer.h"
#include "crypto/curve.h"
#include "crypto/digest.h"

/* tor-spec: create-created-cells § ntor. Written without their ending zeros. */
#define NTOR_PROTOID "ntor-curve25519-sha256-1"
#define NTOR_T_MAC NTOR_PROTOID ":mac"
#define NTOR_T_KEY NTOR_PROTOID ":key_extract"
#define NTOR_T_VERIFY NTOR_PROTOID ":verify"
#define NTOR_M_EXPAND NTOR_PROTOID ":key_expand"
#define NTOR_SERVER "Server"

#define NTOR_NODE_ID_LEN 20
#define NTOR_PROTOID_LEN (sizeof NTOR_PROTOID - 1)
#define NTOR_SECRET_INPUT_LEN (5 * CEPA_X25519_LEN + NTOR_NODE_ID_LEN + NTOR_PROTOID_LEN)
#define NTOR_AUTH_INPUT_LEN \
  (CEPA_SHA256_LEN + NTOR_NODE_ID_LEN + 3 * CEPA_X25519_LEN + NTOR_PROTOID_LEN + sizeof NTOR_SERVER - 1)

G_STATIC_ASSERT (CEPA_NTOR_ONIONSKIN_LEN == NTOR_NODE_ID_LEN + 2 * CEPA_X25519_LEN);
G_STATIC_ASSERT (CEPA_NTOR_REPLY_LEN == CEPA_X25519_LEN + CEPA_SHA256_LEN);

/* Lower-case x and X of the spec are secret and public, B is onion_key, ID is node_id. */
struct _CepaNtor
{
  guint8 secret[CEPA_X25519_LEN];
  guint8 public_key[CEPA_X25519_LEN];
  guint8 onion_key[CEPA_X25519_LEN];
  guint8 node_id[NTOR_NODE_ID_LEN];
};

CepaNtor *
cepa_ntor_new (CepaRandom *random, const guint8 node_id[20], const guint8 onion_key[32],
               guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN])
{
  CepaNtor *self = cepa_secret_alloc (sizeof *self);
  CepaWriter writer;

  memcpy (self->node_id, node_id, sizeof self->node_id);
  memcpy (self->onion_key, onion_key, sizeof self->onion_key);
  cepa_x25519_generate (random, self->secret, self->public_key);

  cepa_writer_init (&writer, onionskin, CEPA_NTOR_ONIONSKIN_LEN);
  cepa_writer_bytes (&writer, self->node_id, sizeof self->node_id);
  cepa_writer_bytes (&writer, self->onion_key, sizeof self->onion_key);
  cepa_writer_bytes (&writer, self->public_key, sizeof self->public_key);
  return self;
}

void
cepa_ntor_free (CepaNtor *self)
{
  cepa_secret_free (self);
}

/* secret_input = EXP(Y,x) | EXP(B,x) | ID | B | X | Y | PROTOID. FALSE when an EXP() is all zeros. */
static gboolean
ntor_write_secret_input (const CepaNtor *self, const guint8 relay_key[CEPA_X25519_LEN],
                         guint8 out[NTOR_SECRET_INPUT_LEN])
{
  CepaWriter writer;
  gboolean good;

  cepa_writer_init (&writer, out, NTOR_SECRET_INPUT_LEN);
  good = cepa_x25519 (self->secret, relay_key, cepa_writer_reserve (&writer, CEPA_X25519_LEN));
  good &= cepa_x25519 (self->secret, self->onion_key, cepa_writer_reserve (&writer, CEPA_X25519_LEN));
  cepa_writer_bytes (&writer, self->node_id, sizeof self->node_id);
  cepa_writer_bytes (&writer, self->onion_key, sizeof self->onion_key);
  cepa_writer_bytes (&writer, self->public_key, sizeof self->public_key);
  cepa_writer_bytes (&writer, relay_key, CEPA_X25519_LEN);
  cepa_writer_bytes (&writer, NTOR_PROTOID, NTOR_PROTOID_LEN);
  return good;
}

/* AUTH = H(verify | ID | B | Y | X | PROTOID | "Server", t_mac), verify = H(secret_input, t_verify). */
static void
ntor_compute_auth (const CepaNtor *self, const guint8 relay_key[CEPA_X25519_LEN],
                   const guint8 secret_input[NTOR_SECRET_INPUT_LEN], guint8 auth[CEPA_SHA256_LEN])
{
  guint8 auth_input[NTOR_AUTH_INPUT_LEN];
  CepaWriter writer;

  cepa_writer_init (&writer, auth_input, sizeof auth_input);
  cepa_hmac_sha256 (NTOR_T_VERIFY, sizeof NTOR_T_VERIFY - 1, secret_input, NTOR_SECRET_INPUT_LEN,
                    cepa_writer_reserve (&writer, CEPA_SHA256_LEN));
  cepa_writer_bytes (&writer, self->node_id, sizeof self->node_id);
  cepa_writer_bytes (&writer, self->onion_key, sizeof self->onion_key);
  cepa_writer_bytes (&writer, relay_key, CEPA_X25519_LEN);
  cepa_writer_bytes (&writer, self->public_key, sizeof self->public_key);
  cepa_writer_bytes (&writer, NTOR_PROTOID, NTOR_PROTOID_LEN);
  cepa_writer_bytes (&writer, NTOR_SERVER, sizeof NTOR_SERVER - 1);
  cepa_hmac_sha256 (NTOR_T_MAC, sizeof NTOR_T_MAC - 1, auth_input, sizeof auth_input, auth);
  cepa_secret_wipe (auth_input, sizeof auth_input);
}

gboolean
cepa_ntor_finish (const CepaNtor *self, const guint8 reply[CEPA_NTOR_REPLY_LEN], void *keys, gsize keys_len,
                  GError **error)
{
  const guint8 *relay_key = reply, *relay_auth = reply + CEPA_X25519_LEN;
  guint8 secret_input[NTOR_SECRET_INPUT_LEN], auth[CEPA_SHA256_LEN];
  gboolean good = ntor_write_secret_input (self, relay_key, secret_input);

  ntor_compute_auth (self, relay_key, secret_input, auth);
  good &= cepa_bytes_equal_ct (auth, relay_auth, sizeof auth);
  if (good)
    cepa_hkdf_sha256 (secret_input, sizeof secret_input, NTOR_T_KEY, sizeof NTOR_T_KEY - 1, NTOR_M_EXPAND,
                      sizeof NTOR_M_EXPAND - 1, keys, keys_len);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                 "the relay's ntor reply does not prove that it holds its onion key");
  cepa_secret_wipe (secret_input, sizeof secret_input);
  cepa_secret_wipe (auth, sizeof auth);
  return good;
}

gboolean
cepa_create_fast_finish (const guint8 x[CEPA_CREATE_FAST_LEN], const guint8 reply[CEPA_CREATED_FAST_LEN],
                         void *keys, gsize keys_len, GError **error)
{
  guint8 secret[2 * CEPA_CREATE_FAST_LEN], *material;
  gsize material_len = CEPA_SHA1_LEN + keys_len;
  gboolean good;

  /* K0 = X | Y; what KDF-TOR makes of it is KH and then the keys. */
  memcpy (secret, x, CEPA_CREATE_FAST_LEN);
  memcpy (secret + CEPA_CREATE_FAST_LEN, reply, CEPA_CREATE_FAST_LEN);
  material = cepa_secret_alloc (material_len);
  cepa_kdf_tor (secret, sizeof secret, material, material_len);
  good = cepa_bytes_equal_ct (material, reply + CEPA_CREATE_FAST_LEN, CEPA_SHA1_LEN);
  if (good)
    memcpy (keys, material + CEPA_SHA1_LEN, keys_len);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "the relay's CREATED_FAST has a wrong key hash");
  cepa_secret_free (material);
  cepa_secret_wipe (secret, sizeof secret);
  return good;
}
