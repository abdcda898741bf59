/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-relay.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/writer.h"
#include "crypto/certs.h"
#include "crypto/curve.h"
#include "crypto/digest.h"
#include "crypto/handshake.h"
#include "crypto/test-keys.h"

#define HOUR 3600
#define NOW_H ((guint32) (FAKE_NOW_S / HOUR))
#define LIFE_H 24

/* tor-spec: create-created-cells § ntor. */
#define PROTOID "ntor-curve25519-sha256-1"

/* A circuit as the relay sees it: the state of each hop, made with the keys of the two directions exchanged. */
typedef struct
{
  guint n_hops;
  CepaTor1 *layers[FAKE_MAX_HOPS];
} FakeCircuit;

/* ---- who it is ---- */

static gnutls_x509_privkey_t
load_key (const char *pem)
{
  gnutls_datum_t text = { (unsigned char *) pem, (unsigned) strlen (pem) };
  gnutls_x509_privkey_t key;

  g_assert_cmpint (gnutls_x509_privkey_init (&key), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &text, GNUTLS_X509_FMT_PEM), ==, 0);
  return key;
}

/* (transfer full): a certificate of @pem's key, signed by itself. */
static GBytes *
make_x509 (const char *pem)
{
  gnutls_x509_privkey_t key = load_key (pem);
  gnutls_x509_crt_t crt;
  gnutls_datum_t der;
  GBytes *bytes;

  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, "\1\2\3", 3);
  gnutls_x509_crt_set_dn (crt, "CN=www.example.net", NULL);
  gnutls_x509_crt_set_issuer_dn (crt, "CN=www.example.net", NULL);
  gnutls_x509_crt_set_activation_time (crt, FAKE_NOW_S - 24 * HOUR);
  gnutls_x509_crt_set_expiration_time (crt, FAKE_NOW_S + 365 * 24 * HOUR);
  gnutls_x509_crt_set_key (crt, key);
  g_assert_cmpint (gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
  return bytes;
}

static void
make_ed25519 (guint8 number, guint8 public_key[32], guint8 secret[64])
{
  guint8 seed[32];

  memset (seed, number, sizeof seed);
  crypto_sign_seed_keypair (public_key, secret, seed);
}

static void
make_ntor (guint i, guint8 secret[32], guint8 public_key[32])
{
  memset (secret, (int) i + 0x40, 32);
  crypto_scalarmult_curve25519_base (public_key, secret);
}

void
fake_relay_get_target (CepaChannelTarget *out)
{
  /* The digest that OpenSSL gives of test_key_identity. */
  static const guint8 rsa_id[20] = { 0xbd, 0xcf, 0x8c, 0x14, 0x4e, 0x42, 0xb6, 0x35, 0xd0, 0x70,
                                     0x15, 0x39, 0xb9, 0xef, 0x37, 0x05, 0xf2, 0x20, 0x1a, 0xa6 };
  guint8 secret[64];

  memset (out, 0, sizeof *out);
  memcpy (out->rsa_id, rsa_id, sizeof rsa_id);
  out->has_ed25519_id = TRUE;
  make_ed25519 (1, out->ed25519_id, secret);
  out->ipv4 = 0x7f000001;
  out->or_port = 9001;
}

void
fake_relay_get_hop (guint i, CepaCircuitHop *out)
{
  guint8 secret[32];

  memset (out, 0, sizeof *out);
  if (i == 0)
    fake_relay_get_target (&out->target);
  else
    {
      memset (out->target.rsa_id, (int) i + 0x60, sizeof out->target.rsa_id);
      memset (out->target.ed25519_id, (int) i + 0x80, sizeof out->target.ed25519_id);
      out->target.has_ed25519_id = TRUE;
      out->target.ipv4 = 0x0a000001 + (i << 16);
      out->target.or_port = (guint16) (9001 + i);
    }
  out->has_ntor_key = TRUE;
  make_ntor (i, secret, out->ntor_key);
  g_snprintf (out->nickname, sizeof out->nickname, "hop%u", i);
}

/* ---- CERTS ---- */

static void
append_cert (GByteArray *body, const FakeCerts *certs, guint8 type, const void *data, gsize len)
{
  guint8 head[3] = { type, (guint8) (len >> 8), (guint8) len };
  guint n = certs->without == type ? 0 : certs->twice == type ? 2 : 1;

  for (guint i = 0; i < n; i++)
    {
      body->data[0]++;
      g_byte_array_append (body, head, sizeof head);
      g_byte_array_append (body, data, (guint) len);
    }
}

/* @named: (nullable): the key that signs, in extension 4 */
static void
append_ed_cert (GByteArray *body, const FakeCerts *certs, guint8 type, guint8 key_type, const guint8 *key,
                const guint8 *named, const guint8 *secret)
{
  guint8 buffer[200], signature[64];
  CepaWriter writer;

  cepa_writer_init (&writer, buffer, sizeof buffer);
  cepa_writer_u8 (&writer, 1);
  cepa_writer_u8 (&writer, type);
  cepa_writer_u32 (&writer, certs->expired ? NOW_H - 1 : NOW_H + LIFE_H);
  cepa_writer_u8 (&writer, key_type);
  cepa_writer_bytes (&writer, key, 32);
  cepa_writer_u8 (&writer, named != NULL);
  if (named != NULL)
    {
      cepa_writer_u16 (&writer, 32);
      cepa_writer_u8 (&writer, 4);
      cepa_writer_u8 (&writer, 0);
      cepa_writer_bytes (&writer, named, 32);
    }
  crypto_sign_detached (signature, NULL, buffer, writer.len, secret);
  cepa_writer_bytes (&writer, signature, sizeof signature);
  append_cert (body, certs, type, buffer, writer.len);
}

static void
append_cross (GByteArray *body, const FakeCerts *certs, const guint8 *key, const char *pem)
{
  static const char prefix[] = "Tor TLS RSA/Ed25519 cross-certificate";
  guint8 input[sizeof prefix - 1 + 36], digest[32], buffer[37 + 128];
  gnutls_datum_t hash = { digest, sizeof digest }, signature;
  gnutls_privkey_t signer;
  CepaWriter writer;
  int result;

  cepa_writer_init (&writer, buffer, sizeof buffer);
  cepa_writer_bytes (&writer, key, 32);
  cepa_writer_u32 (&writer, NOW_H + LIFE_H);
  memcpy (input, prefix, sizeof prefix - 1);
  memcpy (input + sizeof prefix - 1, buffer, 36);
  cepa_sha256 (input, sizeof input, digest);
  gnutls_privkey_init (&signer);
  gnutls_privkey_import_x509 (signer, load_key (pem), GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
  result = gnutls_privkey_sign_hash (signer, GNUTLS_DIG_UNKNOWN, GNUTLS_PRIVKEY_SIGN_FLAG_TLS1_RSA, &hash,
                                     &signature);
  g_assert_cmpint (result, ==, 0);
  cepa_writer_u8 (&writer, (guint8) signature.size);
  cepa_writer_bytes (&writer, signature.data, signature.size);
  gnutls_free (signature.data);
  gnutls_privkey_deinit (signer);
  append_cert (body, certs, CEPA_CERT_RSA_ED_CROSS, buffer, writer.len);
}

void
fake_relay_send_certs (FakeRelay *self)
{
  const FakeCerts *certs = &self->certs;
  const char *pem = certs->other_rsa ? test_key_other : test_key_identity;
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GBytes) rsa_id = make_x509 (pem);
  guint8 identity[32], identity_secret[64], signing[32], signing_secret[64], tls_digest[32];

  g_byte_array_append (body, (const guint8 *) "", 1);
  make_ed25519 (certs->other_ed25519 ? 3 : 1, identity, identity_secret);
  make_ed25519 (2, signing, signing_secret);
  cepa_sha256 (g_bytes_get_data (self->tls_certificate, NULL), g_bytes_get_size (self->tls_certificate),
               tls_digest);
  tls_digest[0] ^= certs->other_tls;
  append_ed_cert (body, certs, CEPA_CERT_ED_SIGNING, 1, signing, identity, identity_secret);
  append_ed_cert (body, certs, CEPA_CERT_ED_LINK, 3, tls_digest, NULL, signing_secret);
  append_cert (body, certs, CEPA_CERT_RSA_ID, g_bytes_get_data (rsa_id, NULL), g_bytes_get_size (rsa_id));
  append_cross (body, certs, identity, pem);
  fake_relay_send_cell (self, 0, CEPA_CELL_CERTS, body->data, body->len);
}

/* ---- its life ---- */

static void
circuit_free (FakeCircuit *circuit)
{
  for (guint i = 0; i < circuit->n_hops; i++)
    cepa_tor1_free (circuit->layers[i]);
  g_free (circuit);
}

FakeRelay *
fake_relay_new (guint link_version)
{
  FakeRelay *self = g_new0 (FakeRelay, 1);

  self->versions[0] = (guint16) link_version;
  self->n_versions = 1;
  self->clock_s = FAKE_NOW_S;
  self->output = g_byte_array_new ();
  self->input = g_byte_array_new ();
  self->received = g_ptr_array_new_with_free_func (g_free);
  self->circuits = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) circuit_free);
  self->tls_certificate = make_x509 (test_key_ec);
  return self;
}

void
fake_relay_free (FakeRelay *self)
{
  g_byte_array_unref (self->output);
  g_byte_array_unref (self->input);
  g_ptr_array_unref (self->received);
  g_hash_table_unref (self->circuits);
  g_bytes_unref (self->tls_certificate);
  g_free (self);
}

void
fake_relay_set_tls_certificate (FakeRelay *self, GBytes *der)
{
  g_bytes_unref (self->tls_certificate);
  self->tls_certificate = g_bytes_ref (der);
}

/* ---- what it sends ---- */

void
fake_relay_send_cell (FakeRelay *self, guint32 circuit_id, guint8 command, const void *body, gsize len)
{
  static const guint8 zeros[CEPA_CELL_BODY_LEN] = { 0 };
  guint8 head[CEPA_CELL_MAX_HEADER], length[2] = { (guint8) (len >> 8), (guint8) len };
  gsize head_len = cepa_cell_write_header (head, self->link_version, circuit_id, command);

  g_byte_array_append (self->output, head, (guint) head_len);
  if (cepa_cell_command_is_variable (command))
    g_byte_array_append (self->output, length, sizeof length);
  if (len > 0)
    g_byte_array_append (self->output, body, (guint) len);
  if (!cepa_cell_command_is_variable (command))
    g_byte_array_append (self->output, zeros, (guint) (CEPA_CELL_BODY_LEN - len));
}

/* The versions are agreed on with it, so that what follows is framed as both sides then do. */
void
fake_relay_send_versions (FakeRelay *self)
{
  guint8 body[sizeof self->versions];
  guint agreed = 0;

  for (guint i = 0; i < self->n_versions; i++)
    {
      body[2 * i] = (guint8) (self->versions[i] >> 8);
      body[2 * i + 1] = (guint8) self->versions[i];
      if (self->versions[i] >= 3 && self->versions[i] <= 5)
        agreed = MAX (agreed, self->versions[i]);
    }
  self->link_version = 0;
  fake_relay_send_cell (self, 0, CEPA_CELL_VERSIONS, body, 2 * self->n_versions);
  self->link_version = agreed;
}

void
fake_relay_send_auth_challenge (FakeRelay *self)
{
  guint8 body[32 + 2 + 2] = { [33] = 1, [35] = 3 };

  fake_relay_send_cell (self, 0, CEPA_CELL_AUTH_CHALLENGE, body, sizeof body);
}

void
fake_relay_send_netinfo (FakeRelay *self)
{
  guint8 body[] = { 0, 0, 0, 0, 4, 4, 127, 0, 0, 1, 1, 4, 4, 127, 0, 0, 1 };
  guint32 now = GUINT32_TO_BE ((guint32) self->clock_s);

  memcpy (body, &now, sizeof now);
  fake_relay_send_cell (self, 0, CEPA_CELL_NETINFO, body, sizeof body);
}

void
fake_relay_send_message (FakeRelay *self, guint32 circuit_id, guint hop, guint8 command, guint16 stream_id,
                         const void *data, gsize len, guint8 *tag)
{
  FakeCircuit *circuit = g_hash_table_lookup (self->circuits, GUINT_TO_POINTER (circuit_id));
  guint8 body[CEPA_CELL_BODY_LEN] = { 0 }, own_tag[CEPA_TOR1_TAG_LEN];

  g_assert_nonnull (circuit);
  g_assert_cmpuint (hop, <, circuit->n_hops);
  cepa_relay_message_write_header (body, command, stream_id, (guint) len);
  if (data != NULL)
    memcpy (body + CEPA_RELAY_HEADER_LEN, data, len);
  cepa_tor1_originate (circuit->layers[hop], body, tag != NULL ? tag : own_tag);
  for (guint i = hop + 1; i-- > 0;)
    cepa_tor1_encrypt (circuit->layers[i], body);
  fake_relay_send_cell (self, circuit_id, CEPA_CELL_RELAY, body, sizeof body);
}

/* ---- circuit handshakes ---- */

/* Df | Db | Kf | Kb as the client has them, so that the relay's "forward" is the client's "backward". */
static void
circuit_add_hop (FakeCircuit *circuit, const guint8 keys[CEPA_TOR1_KEYS_LEN])
{
  guint8 turned[CEPA_TOR1_KEYS_LEN];

  memcpy (turned, keys + 20, 20);
  memcpy (turned + 20, keys, 20);
  memcpy (turned + 40, keys + 56, 16);
  memcpy (turned + 56, keys + 40, 16);
  g_assert_cmpuint (circuit->n_hops, <, FAKE_MAX_HOPS);
  circuit->layers[circuit->n_hops++] = cepa_tor1_new (turned);
}

/* The relay's side of ntor: onionskin is ID | B | X, the reply Y | AUTH. */
static void
answer_ntor (FakeRelay *self, const guint8 *onionskin, guint8 reply[CEPA_NTOR_REPLY_LEN],
             guint8 keys[CEPA_TOR1_KEYS_LEN])
{
  const guint8 *id = onionskin, *b_public = onionskin + 20, *x_public = onionskin + 52;
  guint8 b[32], own[32], y[32], secret_input[204], auth_input[178];
  CepaWriter writer;
  guint hop = 0;

  do
    make_ntor (hop, b, own);
  while (memcmp (own, b_public, 32) != 0 && ++hop < FAKE_MAX_HOPS);
  g_assert_cmpuint (hop, <, FAKE_MAX_HOPS);
  cepa_x25519_generate (cepa_random_system (), y, reply);

  cepa_writer_init (&writer, secret_input, sizeof secret_input);
  g_assert_true (cepa_x25519 (y, x_public, cepa_writer_reserve (&writer, 32)));
  g_assert_true (cepa_x25519 (b, x_public, cepa_writer_reserve (&writer, 32)));
  cepa_writer_bytes (&writer, id, 20);
  cepa_writer_bytes (&writer, b_public, 32);
  cepa_writer_bytes (&writer, x_public, 32);
  cepa_writer_bytes (&writer, reply, 32);
  cepa_writer_bytes (&writer, PROTOID, strlen (PROTOID));
  g_assert_cmpuint (writer.len, ==, sizeof secret_input);

  cepa_writer_init (&writer, auth_input, sizeof auth_input);
  cepa_hmac_sha256 (PROTOID ":verify", strlen (PROTOID ":verify"), secret_input, sizeof secret_input,
                    cepa_writer_reserve (&writer, 32));
  cepa_writer_bytes (&writer, id, 20);
  cepa_writer_bytes (&writer, b_public, 32);
  cepa_writer_bytes (&writer, reply, 32);
  cepa_writer_bytes (&writer, x_public, 32);
  cepa_writer_bytes (&writer, PROTOID "Server", strlen (PROTOID "Server"));
  g_assert_cmpuint (writer.len, ==, sizeof auth_input);
  cepa_hmac_sha256 (PROTOID ":mac", strlen (PROTOID ":mac"), auth_input, sizeof auth_input, reply + 32);
  reply[32] ^= self->spoil_auth;
  cepa_hkdf_sha256 (secret_input, sizeof secret_input, PROTOID ":key_extract", strlen (PROTOID ":key_extract"),
                    PROTOID ":key_expand", strlen (PROTOID ":key_expand"), keys, CEPA_TOR1_KEYS_LEN);
}

static void
answer_create_fast (FakeRelay *self, FakeCircuit *circuit, const FakeCell *create)
{
  guint8 secret[40], material[20 + CEPA_TOR1_KEYS_LEN], reply[CEPA_CREATED_FAST_LEN];

  memcpy (secret, create->body, 20);
  memset (secret + 20, 0x79, 20);
  cepa_kdf_tor (secret, sizeof secret, material, sizeof material);
  memcpy (reply, secret + 20, 20);
  memcpy (reply + 20, material, 20);
  reply[20] ^= self->spoil_auth;
  circuit_add_hop (circuit, material + 20);
  fake_relay_send_cell (self, create->circuit_id, CEPA_CELL_CREATED_FAST, reply, sizeof reply);
}

void
fake_relay_answer (FakeRelay *self, const FakeCell *create)
{
  FakeCircuit *circuit = g_hash_table_lookup (self->circuits, GUINT_TO_POINTER (create->circuit_id));
  guint8 reply[2 + CEPA_NTOR_REPLY_LEN] = { 0, CEPA_NTOR_REPLY_LEN }, keys[CEPA_TOR1_KEYS_LEN];
  CepaReader reader;

  if (create->command == CEPA_CELL_CREATE_FAST)
    {
      answer_create_fast (self, circuit, create);
      return;
    }
  if (create->command == CEPA_CELL_CREATE2)
    cepa_reader_init (&reader, create->body, CEPA_CELL_BODY_LEN);
  else
    {
      cepa_reader_init (&reader, create->message.data, create->message.len);
      for (guint n = cepa_reader_u8 (&reader); n > 0; n--)
        {
          cepa_reader_u8 (&reader);
          cepa_reader_take (&reader, cepa_reader_u8 (&reader));
        }
    }
  g_assert_cmpuint (cepa_reader_u16 (&reader), ==, 2);
  g_assert_cmpuint (cepa_reader_u16 (&reader), ==, CEPA_NTOR_ONIONSKIN_LEN);
  answer_ntor (self, cepa_reader_take (&reader, CEPA_NTOR_ONIONSKIN_LEN), reply + 2, keys);
  if (create->command == CEPA_CELL_CREATE2)
    fake_relay_send_cell (self, create->circuit_id, CEPA_CELL_CREATED2, reply, sizeof reply);
  else
    fake_relay_send_message (self, create->circuit_id, create->hop, CEPA_RELAY_EXTENDED2, 0, reply, sizeof reply,
                             NULL);
  circuit_add_hop (circuit, keys);
}

/* ---- what comes ---- */

static void
receive_relay (FakeRelay *self, FakeCell *cell)
{
  FakeCircuit *circuit = g_hash_table_lookup (self->circuits, GUINT_TO_POINTER (cell->circuit_id));

  g_assert_nonnull (circuit);
  for (cell->hop = 0; cell->hop < circuit->n_hops; cell->hop++)
    {
      cepa_tor1_decrypt (circuit->layers[cell->hop], cell->body);
      if (cepa_tor1_recognize (circuit->layers[cell->hop], cell->body, cell->tag))
        break;
    }
  g_assert_cmpuint (cell->hop, <, circuit->n_hops);
  g_assert_true (cepa_relay_message_parse (cell->body, &cell->message));
  if (cell->message.command == CEPA_RELAY_EXTEND2 && !self->is_silent)
    fake_relay_answer (self, cell);
}

static void
receive_cell (FakeRelay *self, const CepaCell *raw)
{
  FakeCell *cell = g_new0 (FakeCell, 1);

  cell->circuit_id = raw->circuit_id;
  cell->command = raw->command;
  memcpy (cell->body, raw->body, MIN (raw->body_len, CEPA_CELL_BODY_LEN));
  g_ptr_array_add (self->received, cell);
  switch (raw->command)
    {
    case CEPA_CELL_CREATE2:
    case CEPA_CELL_CREATE_FAST:
      g_assert_false (g_hash_table_contains (self->circuits, GUINT_TO_POINTER (raw->circuit_id)));
      g_hash_table_insert (self->circuits, GUINT_TO_POINTER (raw->circuit_id), g_new0 (FakeCircuit, 1));
      if (!self->is_silent)
        fake_relay_answer (self, cell);
      break;
    case CEPA_CELL_RELAY:
    case CEPA_CELL_RELAY_EARLY:
      receive_relay (self, cell);
      break;
    case CEPA_CELL_DESTROY:
      g_hash_table_remove (self->circuits, GUINT_TO_POINTER (raw->circuit_id));
      break;
    default:
      break;
    }
  if (self->heard != NULL)
    self->heard (self, cell, self->user_data);
}

void
fake_relay_receive (FakeRelay *self, const void *data, gsize len)
{
  gsize n, done = 0;
  CepaCell cell;

  g_byte_array_append (self->input, data, (guint) len);
  while ((n = cepa_cell_parse (self->input->data + done, self->input->len - done, self->link_version, &cell)) > 0)
    {
      done += n;
      if (cell.command != CEPA_CELL_VERSIONS)
        receive_cell (self, &cell);
      else if (!self->is_silent)
        {
          fake_relay_send_versions (self);
          fake_relay_send_certs (self);
          fake_relay_send_auth_challenge (self);
          fake_relay_send_netinfo (self);
        }
    }
  g_byte_array_remove_range (self->input, 0, (guint) done);
}

static gboolean
is_message (const FakeCell *cell, guint8 command)
{
  return (cell->command == CEPA_CELL_RELAY || cell->command == CEPA_CELL_RELAY_EARLY)
         && cell->message.command == command;
}

const FakeCell *
fake_relay_find_message (FakeRelay *self, guint8 command, guint i)
{
  for (guint at = 0; at < self->received->len; at++)
    if (is_message (g_ptr_array_index (self->received, at), command) && i-- == 0)
      return g_ptr_array_index (self->received, at);
  return NULL;
}

const FakeCell *
fake_relay_find_cell (FakeRelay *self, guint8 command, guint i)
{
  for (guint at = 0; at < self->received->len; at++)
    if (((const FakeCell *) g_ptr_array_index (self->received, at))->command == command && i-- == 0)
      return g_ptr_array_index (self->received, at);
  return NULL;
}

guint
fake_relay_count_messages (FakeRelay *self, guint8 command)
{
  guint n = 0;

  for (guint at = 0; at < self->received->len; at++)
    n += is_message (g_ptr_array_index (self->received, at), command);
  return n;
}

/* ---- between the two ---- */

void
fake_relay_deliver (FakeRelay *self, CepaChannel *channel)
{
  g_autoptr (GByteArray) bytes = g_steal_pointer (&self->output);
  gsize done;

  self->output = g_byte_array_new ();
  done = cepa_channel_receive (channel, bytes->data, bytes->len);
  cepa_channel_end_batch (channel);
  g_byte_array_append (self->output, bytes->data + done, (guint) (bytes->len - done));
}

static gboolean
take_output (FakeRelay *self, CepaChannel *channel)
{
  CepaBuffer *output = cepa_channel_get_output (channel);
  gboolean any = output->len > 0;
  struct iovec first;

  while (cepa_buffer_peek (output, &first, 1) > 0)
    {
      fake_relay_receive (self, first.iov_base, first.iov_len);
      cepa_buffer_drain (output, first.iov_len);
      cepa_channel_note_written (channel, first.iov_len);
    }
  cepa_channel_note_sent (channel, 0);
  return any;
}

void
fake_relay_pump (FakeRelay *self, CepaChannel *channel)
{
  gsize left;

  do
    {
      left = self->output->len;
      if (left > 0)
        fake_relay_deliver (self, channel);
    }
  while (take_output (self, channel) || (self->output->len > 0 && self->output->len != left));
}

void
fake_relay_init (void)
{
  g_autoptr (GError) error = NULL;

  cepa_secret_init (&error);
  g_assert_no_error (error);
  cepa_crypto_init (&error);
  g_assert_no_error (error);
}
