/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay's side of a channel for tests, without a socket: the link handshake with certificates made here, and
   circuits of which it plays every hop. */
#pragma once

#include <glib.h>

#include "channel/channel.h"
#include "circuit/circuit.h"
#include "crypto/tor1.h"
#include "wire/cell.h"
#include "wire/relay-message.h"

G_BEGIN_DECLS

/* 2026-06-01 12:00:00 UTC, when the certificates are made. */
#define FAKE_NOW_S G_GINT64_CONSTANT (1780315200)

#define FAKE_MAX_HOPS 8

/* What the relay's certificates are and which are in its CERTS cell. All zeros is as it should be. */
typedef struct
{
  gboolean other_rsa;     /* proves another RSA identity than fake_relay_get_target() gives */
  gboolean other_ed25519; /* and another Ed25519 identity */
  gboolean other_tls;     /* the certificate of another TLS link */
  gboolean expired;       /* those of the signing key and the link */
  guint8 without;         /* the type of certificate that is left out */
  guint8 twice;           /* the type that is there a second time */
} FakeCerts;

/* A cell that the client sent. */
typedef struct
{
  guint32 circuit_id;
  guint8 command;           /* of the cell */
  guint hop;                /* of RELAY and RELAY_EARLY: for whom it was */
  CepaRelayMessage message; /* points into @body */
  guint8 tag[CEPA_TOR1_TAG_LEN];
  guint8 body[CEPA_CELL_BODY_LEN]; /* as the hop sees it */
} FakeCell;

typedef struct _FakeRelay FakeRelay;

/**
 * FakeRelay:
 * @versions: (array length=n_versions): of its VERSIONS cell
 * @link_version: what was agreed on; 0 before
 * @is_silent: it answers neither VERSIONS, CREATE nor EXTEND2 by itself
 * @spoil_auth: its handshake replies have a wrong AUTH
 * @output: what it has sent and nobody has taken
 * @received: (element-type FakeCell): what came from the client, but VERSIONS, in order
 * @heard: (nullable): called for each of these when it has been added
 */
struct _FakeRelay
{
  guint16 versions[4];
  guint n_versions, link_version;
  FakeCerts certs;
  gboolean is_silent, spoil_auth;
  gint64 clock_s;
  GByteArray *output;
  GPtrArray *received;
  void (*heard) (FakeRelay *self, const FakeCell *cell, gpointer user_data);
  gpointer user_data;
  GByteArray *input; /* private */
  GHashTable *circuits;
  GBytes *tls_certificate;
};

/* A relay that speaks @link_version alone, with its clock at FAKE_NOW_S. */
FakeRelay *fake_relay_new (guint link_version);
void fake_relay_free (FakeRelay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeRelay, fake_relay_free)

/* Where it is (127.0.0.1:9001) and who, with both identities. */
void fake_relay_get_target (CepaChannelTarget *out);

/* Hop @i of a path through it: 0 is the relay itself. */
void fake_relay_get_hop (guint i, CepaCircuitHop *out);

/* The certificate of its TLS side, self-signed with test_key_ec. */
void fake_relay_set_tls_certificate (FakeRelay *self, GBytes *der);

/* Bytes from the client: what it does about them is in output. */
void fake_relay_receive (FakeRelay *self, const void *data, gsize len);

/* Puts a cell into the output, as it is; fixed-length ones are filled with zeros. */
void fake_relay_send_cell (FakeRelay *self, guint32 circuit_id, guint8 command, const void *body, gsize len);

/* The cells of its side of the link handshake, one at a time. */
void fake_relay_send_versions (FakeRelay *self);
void fake_relay_send_certs (FakeRelay *self);
void fake_relay_send_auth_challenge (FakeRelay *self);
void fake_relay_send_netinfo (FakeRelay *self);

/* A relay message from @hop; without @data it is only said to have @len bytes. @tag (out) (optional): of the
   cell. */
void fake_relay_send_message (FakeRelay *self, guint32 circuit_id, guint hop, guint8 command, guint16 stream_id,
                              const void *data, gsize len, guint8 *tag);

/* The reply to what @create, CREATE2 or EXTEND2, asked for. */
void fake_relay_answer (FakeRelay *self, const FakeCell *create);

/* (transfer none): the @i-th of what was received with this relay command, or cell command; NULL if there are
   not so many. */
const FakeCell *fake_relay_find_message (FakeRelay *self, guint8 command, guint i);
const FakeCell *fake_relay_find_cell (FakeRelay *self, guint8 command, guint i);

/* How many messages with this command came. */
guint fake_relay_count_messages (FakeRelay *self, guint8 command);

/* Moves bytes between the two, each turn as one batch, until neither has any. */
void fake_relay_pump (FakeRelay *self, CepaChannel *channel);

/* The relay's output to the client, as one batch, and nothing back. */
void fake_relay_deliver (FakeRelay *self, CepaChannel *channel);

/* Prepares the libraries; call it in main(). */
void fake_relay_init (void);

G_END_DECLS
