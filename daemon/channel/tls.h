/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS to a relay over a non-blocking socket: AEAD suites, no sessions, no tickets. */
#pragma once

#include <glib.h>

#include "base/buffer.h"
#include "base/random.h"

G_BEGIN_DECLS

typedef struct _CepaTls CepaTls;

typedef enum
{
  CEPA_TLS_DONE,   /* it went on: bytes were moved or the handshake is over */
  CEPA_TLS_AGAIN,  /* the socket has to become ready first */
  CEPA_TLS_CLOSED, /* the peer ended the connection in order */
  CEPA_TLS_FAILED, /* @error says why */
} CepaTlsStatus;

/**
 * cepa_tls_new:
 * @fd: a connected non-blocking socket; not owned, outlives the session
 * @random: for the server name, which is made up as C Tor does
 *
 * The peer's certificate is not checked here: a relay proves itself in the CERTS cell.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_INTERNAL.
 */
CepaTls *cepa_tls_new (int fd, CepaRandom *random, GError **error);
void cepa_tls_free (CepaTls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTls, cepa_tls_free)

CepaTlsStatus cepa_tls_handshake (CepaTls *self, GError **error);

/* Returns: (transfer full) (nullable): the DER of the peer's certificate, after the handshake. */
GBytes *cepa_tls_get_peer_certificate (CepaTls *self);

/* Returns: (transfer full): version and suite, for the log. */
char *cepa_tls_describe (CepaTls *self);

/* Call when the socket polled readable, before reading. */
void cepa_tls_note_readable (CepaTls *self);

/**
 * cepa_tls_read:
 * @out: room for @size bytes
 * @n: (out): set when CEPA_TLS_DONE: at least 1
 *
 * One record at most. Reads ahead from the socket.
 */
CepaTlsStatus cepa_tls_read (CepaTls *self, guint8 *out, gsize size, gsize *n, GError **error);

/**
 * cepa_tls_write:
 * @from: what is to be sent; what was taken is drained
 *
 * CEPA_TLS_DONE when all of it is with the socket; CEPA_TLS_AGAIN when the socket must become writable.
 */
CepaTlsStatus cepa_tls_write (CepaTls *self, CepaBuffer *from, GError **error);

/* Bytes that are encrypted and wait for the socket. */
gsize cepa_tls_get_unsent (const CepaTls *self);

/* Says goodbye to the peer if the socket takes it now. */
void cepa_tls_bye (CepaTls *self);

G_END_DECLS
