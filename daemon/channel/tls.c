/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

/* Only AEAD suites with an ephemeral elliptic-curve exchange. */
#define TLS_PRIORITY \
  "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA:" \
  "+GROUP-SECP256R1:+GROUP-X25519:+GROUP-SECP384R1:+SIGN-ALL:+COMP-NULL:+CTYPE-SRV-X509"

/* How much ciphertext is taken from the socket at once. */
#define TLS_READ_AHEAD (128 * 1024)
/* Plaintext is encrypted only while less than this waits for the socket. */
#define TLS_MAX_UNSENT (64 * 1024)
#define TLS_MAX_RECORD 16384

struct _CepaTls
{
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  int fd;
  CepaBuffer unsent; /* ciphertext */
  gboolean socket_drained; /* the last read gave less than was asked for: no use asking before the next poll */
  gsize ahead_start, ahead_end;
  guint8 *ahead;
};

static ssize_t
tls_pull (gnutls_transport_ptr_t transport, void *out, size_t size)
{
  CepaTls *self = transport;
  gsize n;

  if (self->ahead_start == self->ahead_end)
    {
      ssize_t got = -1;

      errno = EAGAIN;
      if (!self->socket_drained)
        got = recv (self->fd, self->ahead, TLS_READ_AHEAD, 0);
      if (got <= 0)
        {
          self->socket_drained = TRUE;
          gnutls_transport_set_errno (self->session, errno);
          return got;
        }
      self->socket_drained = got < TLS_READ_AHEAD;
      self->ahead_start = 0;
      self->ahead_end = (gsize) got;
    }
  n = MIN (size, self->ahead_end - self->ahead_start);
  memcpy (out, self->ahead + self->ahead_start, n);
  self->ahead_start += n;
  return (ssize_t) n;
}

static ssize_t
tls_push (gnutls_transport_ptr_t transport, const giovec_t *iov, int n_iov)
{
  CepaTls *self = transport;
  ssize_t total = 0;

  for (int i = 0; i < n_iov; i++)
    {
      cepa_buffer_append (&self->unsent, iov[i].iov_base, iov[i].iov_len);
      total += (ssize_t) iov[i].iov_len;
    }
  return total;
}

static gboolean
tls_set_server_name (CepaTls *self, CepaRandom *random)
{
  static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
  char name[4 + 25 + 4 + 1] = "www.";
  guint len = 4 + (guint) cepa_random_below (random, 22);

  for (guint i = 0; i < len; i++)
    name[4 + i] = base32[cepa_random_below (random, 32)];
  memcpy (name + 4 + len, ".com", 5);
  return gnutls_server_name_set (self->session, GNUTLS_NAME_DNS, name, strlen (name)) == 0;
}

CepaTls *
cepa_tls_new (int fd, CepaRandom *random, GError **error)
{
  g_autoptr (CepaTls) self = g_new0 (CepaTls, 1);
  int rc;

  self->fd = fd;
  self->ahead = g_malloc (TLS_READ_AHEAD);
  rc = gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
  if (rc == 0)
    rc = gnutls_certificate_allocate_credentials (&self->credentials);
  if (rc == 0)
    rc = gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  if (rc == 0)
    rc = gnutls_priority_set_direct (self->session, TLS_PRIORITY, NULL);
  if (rc != 0 || !tls_set_server_name (self, random))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "cannot set TLS up: %s", gnutls_strerror (rc));
      return NULL;
    }
  gnutls_transport_set_ptr (self->session, self);
  gnutls_transport_set_pull_function (self->session, tls_pull);
  gnutls_transport_set_vec_push_function (self->session, tls_push);
  return g_steal_pointer (&self);
}

void
cepa_tls_free (CepaTls *self)
{
  if (self == NULL)
    return;
  if (self->session != NULL)
    gnutls_deinit (self->session);
  if (self->credentials != NULL)
    gnutls_certificate_free_credentials (self->credentials);
  cepa_buffer_clear (&self->unsent);
  g_free (self->ahead);
  g_free (self);
}

/* Gives the socket what it takes of the ciphertext. */
static CepaTlsStatus
tls_flush (CepaTls *self, GError **error)
{
  struct iovec iov[16];

  while (self->unsent.len > 0)
    {
      struct msghdr message = { .msg_iov = iov, .msg_iovlen = cepa_buffer_peek (&self->unsent, iov, 16) };
      ssize_t n = sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n >= 0)
        cepa_buffer_drain (&self->unsent, (gsize) n);
      else if (errno == EAGAIN || errno == EWOULDBLOCK)
        return CEPA_TLS_AGAIN;
      else if (errno != EINTR)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED, "cannot write: %s", g_strerror (errno));
          return CEPA_TLS_FAILED;
        }
    }
  return CEPA_TLS_DONE;
}

static CepaTlsStatus
tls_fail (CepaTls *self, int rc, const char *doing, GError **error)
{
  gnutls_alert_description_t alert = gnutls_alert_get (self->session);
  gboolean alerted = rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED;

  if (rc == GNUTLS_E_PREMATURE_TERMINATION || rc == GNUTLS_E_PULL_ERROR)
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED, "%s: the relay closed the connection", doing);
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "%s: %s%s%s", doing, gnutls_strerror (rc),
                 alerted ? ": " : "", alerted ? gnutls_alert_get_name (alert) : "");
  return CEPA_TLS_FAILED;
}

CepaTlsStatus
cepa_tls_handshake (CepaTls *self, GError **error)
{
  int rc;
  CepaTlsStatus flushed;

  do
    rc = gnutls_handshake (self->session);
  while (rc < 0 && rc != GNUTLS_E_AGAIN && gnutls_error_is_fatal (rc) == 0);
  flushed = tls_flush (self, error);
  if (flushed == CEPA_TLS_FAILED)
    return flushed;
  if (rc == GNUTLS_E_AGAIN)
    return CEPA_TLS_AGAIN;
  return rc == 0 ? CEPA_TLS_DONE : tls_fail (self, rc, "TLS handshake", error);
}

GBytes *
cepa_tls_get_peer_certificate (CepaTls *self)
{
  unsigned int n = 0;
  const gnutls_datum_t *list = gnutls_certificate_get_peers (self->session, &n);

  return list != NULL && n > 0 ? g_bytes_new (list[0].data, list[0].size) : NULL;
}

char *
cepa_tls_describe (CepaTls *self)
{
  g_autofree char *suite = gnutls_session_get_desc (self->session);

  return g_strdup (suite != NULL ? suite : "TLS");
}

void
cepa_tls_note_readable (CepaTls *self)
{
  self->socket_drained = FALSE;
}

/* GnuTLS also says "again" when it has dealt with a message of its own, such as a session ticket. */
static gboolean
tls_has_more (const CepaTls *self)
{
  return self->ahead_start != self->ahead_end || !self->socket_drained;
}

CepaTlsStatus
cepa_tls_read (CepaTls *self, guint8 *out, gsize size, gsize *n, GError **error)
{
  ssize_t rc;

  do
    rc = gnutls_record_recv (self->session, out, size);
  while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED
         || (rc == GNUTLS_E_AGAIN && tls_has_more (self)));
  if (rc > 0)
    {
      *n = (gsize) rc;
      return CEPA_TLS_DONE;
    }
  if (rc == GNUTLS_E_AGAIN)
    return CEPA_TLS_AGAIN;
  return rc == 0 ? CEPA_TLS_CLOSED : tls_fail (self, (int) rc, "TLS", error);
}

/* Encrypts one record from the front of @from. */
static gboolean
tls_encrypt_record (CepaTls *self, CepaBuffer *from, GError **error)
{
  struct iovec first;
  ssize_t rc;

  cepa_buffer_peek (from, &first, 1);
  rc = gnutls_record_send (self->session, first.iov_base, MIN (first.iov_len, TLS_MAX_RECORD));
  if (rc <= 0)
    {
      tls_fail (self, (int) rc, "TLS", error);
      return FALSE;
    }
  cepa_buffer_drain (from, (gsize) rc);
  return TRUE;
}

CepaTlsStatus
cepa_tls_write (CepaTls *self, CepaBuffer *from, GError **error)
{
  CepaTlsStatus status;

  do
    {
      while (from->len > 0 && self->unsent.len < TLS_MAX_UNSENT)
        if (!tls_encrypt_record (self, from, error))
          return CEPA_TLS_FAILED;
      status = tls_flush (self, error);
    }
  while (status == CEPA_TLS_DONE && from->len > 0);
  return status;
}

gsize
cepa_tls_get_unsent (const CepaTls *self)
{
  return self->unsent.len;
}

void
cepa_tls_bye (CepaTls *self)
{
  gnutls_bye (self->session, GNUTLS_SHUT_WR);
  tls_flush (self, NULL);
}
