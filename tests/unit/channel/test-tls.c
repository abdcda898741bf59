/* SPDX-License-Identifier: BSD-3-Clause */
/* What our ClientHello says and does not say, and which servers it cannot talk to. */
#include "channel/tls.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

#define EXTENSION_SERVER_NAME 0
#define EXTENSION_SESSION_TICKET 35
#define EXTENSION_PRE_SHARED_KEY 41
#define EXTENSION_SUPPORTED_VERSIONS 43

typedef struct
{
  int ours, theirs; /* the ends of a socket pair */
  CepaRandomSeeded random;
  CepaTls *tls;
  gnutls_certificate_credentials_t credentials;
  gnutls_session_t server; /* (nullable) */
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
  self->ours = fds[0];
  self->theirs = fds[1];
  cepa_random_seeded_init (&self->random, 7);
  self->tls = cepa_tls_new (self->ours, &self->random.random, &error);
  g_assert_no_error (error);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_tls_free (self->tls);
  if (self->server != NULL)
    gnutls_deinit (self->server);
  if (self->credentials != NULL)
    gnutls_certificate_free_credentials (self->credentials);
  close (self->ours);
  close (self->theirs);
}

/* A self-signed certificate of a fresh key. */
static void
fixture_make_certificate (Fixture *self)
{
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  guint8 serial = 1;

  gnutls_x509_privkey_init (&key);
  g_assert_cmpint (gnutls_x509_privkey_generate (key, GNUTLS_PK_RSA, 2048, 0), ==, 0);
  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, &serial, 1);
  gnutls_x509_crt_set_activation_time (crt, 0);
  gnutls_x509_crt_set_expiration_time (crt, 4000000000);
  gnutls_x509_crt_set_key (crt, key);
  g_assert_cmpint (gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0), ==, 0);
  gnutls_certificate_allocate_credentials (&self->credentials);
  g_assert_cmpint (gnutls_certificate_set_x509_key (self->credentials, &crt, 1, key), ==, 0);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
}

static void
fixture_make_server (Fixture *self, const char *priority)
{
  fixture_make_certificate (self);
  gnutls_init (&self->server, GNUTLS_SERVER | GNUTLS_NONBLOCK);
  gnutls_credentials_set (self->server, GNUTLS_CRD_CERTIFICATE, self->credentials);
  g_assert_cmpint (gnutls_priority_set_direct (self->server, priority, NULL), ==, 0);
  gnutls_transport_set_int (self->server, self->theirs);
}

/* Turns both ends until ours is through or has failed. */
static CepaTlsStatus
fixture_handshake (Fixture *self, GError **error)
{
  CepaTlsStatus status = CEPA_TLS_AGAIN;
  int rc;

  for (guint i = 0; i < 100 && status == CEPA_TLS_AGAIN; i++)
    {
      cepa_tls_note_readable (self->tls);
      status = cepa_tls_handshake (self->tls, error);
      rc = gnutls_handshake (self->server);
      if (rc < 0 && gnutls_error_is_fatal (rc))
        gnutls_alert_send_appropriate (self->server, rc);
    }
  return status;
}

/* The ClientHello's body, behind record and handshake headers. */
static CepaReader
fixture_read_hello (Fixture *self, guint8 *buffer, gsize size)
{
  CepaReader reader;
  ssize_t n;

  g_assert_cmpint (cepa_tls_handshake (self->tls, NULL), ==, CEPA_TLS_AGAIN);
  n = recv (self->theirs, buffer, size, 0);
  g_assert_cmpint (n, >, 5 + 4);
  cepa_reader_init (&reader, buffer, (gsize) n);
  g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 22);
  cepa_reader_take (&reader, 4);
  g_assert_cmpuint (cepa_reader_u8 (&reader), ==, 1);
  cepa_reader_take (&reader, 3);
  return reader;
}

/* RFC 8446 B.4 and RFC 5289, RFC 7905: TLS 1.3 suites, and ECDHE with GCM or ChaCha20. */
static gboolean
is_aead_with_ecdhe (guint16 suite)
{
  static const guint16 good[] = { 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9 };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    if (suite == good[i])
      return TRUE;
  return suite == 0x00ff; /* says that there is no renegotiation: no suite */
}

static void
test_hello_suites (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 buffer[4096];
  CepaReader hello = fixture_read_hello (self, buffer, sizeof buffer), suites;
  guint n = 0;

  cepa_reader_take (&hello, 2 + 32);
  cepa_reader_take (&hello, cepa_reader_u8 (&hello));
  suites = cepa_reader_sub (&hello, cepa_reader_u16 (&hello));
  for (; suites.left > 0; n++)
    {
      guint16 suite = cepa_reader_u16 (&suites);

      if (!is_aead_with_ecdhe (suite))
        g_error ("suite %04x is offered", suite);
    }
  g_assert_false (suites.failed);
  g_assert_cmpuint (n, >=, 6);
}

static void
check_versions (CepaReader body)
{
  guint n = 0;

  cepa_reader_u8 (&body);
  for (; body.left > 0; n++)
    g_assert_cmpuint (cepa_reader_u16 (&body), >=, 0x0303);
  g_assert_cmpuint (n, ==, 2);
}

static void
check_server_name (CepaReader body)
{
  const guint8 *name;
  guint16 len;

  cepa_reader_take (&body, 3);
  len = cepa_reader_u16 (&body);
  name = cepa_reader_take (&body, len);
  g_assert_true (cepa_reader_is_done (&body));
  g_assert_cmpuint (len, >=, 4 + 4 + 4);
  g_assert_cmpuint (len, <=, 4 + 25 + 4);
  g_assert_cmpmem (name, 4, "www.", 4);
  g_assert_cmpmem (name + len - 4, 4, ".com", 4);
}

static void
test_hello_extensions (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 buffer[4096];
  CepaReader hello = fixture_read_hello (self, buffer, sizeof buffer), extensions;
  gboolean seen_versions = FALSE, seen_name = FALSE;

  cepa_reader_take (&hello, 2 + 32);
  cepa_reader_take (&hello, cepa_reader_u8 (&hello));
  cepa_reader_take (&hello, cepa_reader_u16 (&hello));
  cepa_reader_take (&hello, cepa_reader_u8 (&hello));
  extensions = cepa_reader_sub (&hello, cepa_reader_u16 (&hello));
  while (extensions.left > 0)
    {
      guint16 type = cepa_reader_u16 (&extensions);
      CepaReader body = cepa_reader_sub (&extensions, cepa_reader_u16 (&extensions));

      g_assert_cmpuint (type, !=, EXTENSION_SESSION_TICKET);
      g_assert_cmpuint (type, !=, EXTENSION_PRE_SHARED_KEY);
      seen_versions |= type == EXTENSION_SUPPORTED_VERSIONS;
      seen_name |= type == EXTENSION_SERVER_NAME;
      if (type == EXTENSION_SUPPORTED_VERSIONS)
        check_versions (body);
      else if (type == EXTENSION_SERVER_NAME)
        check_server_name (body);
    }
  g_assert_false (extensions.failed);
  g_assert_true (seen_versions && seen_name);
}

static void
test_handshake (Fixture *self, gconstpointer priority)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) certificate = NULL;
  const gnutls_datum_t *own;

  fixture_make_server (self, priority);
  g_assert_cmpint (fixture_handshake (self, &error), ==, CEPA_TLS_DONE);
  g_assert_no_error (error);
  certificate = cepa_tls_get_peer_certificate (self->tls);
  own = gnutls_certificate_get_ours (self->server);
  g_assert_cmpmem (g_bytes_get_data (certificate, NULL), g_bytes_get_size (certificate), own->data, own->size);
}

static void
test_refused (Fixture *self, gconstpointer priority)
{
  g_autoptr (GError) error = NULL;

  fixture_make_server (self, priority);
  g_assert_cmpint (fixture_handshake (self, &error), ==, CEPA_TLS_FAILED);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL);
}

/* Tickets come right behind the handshake, and data right behind them: none of it may be left lying. */
static void
test_data_behind_tickets (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint8 out[64];
  gsize n = 0;

  fixture_make_server (self, "NORMAL:-VERS-ALL:+VERS-TLS1.3");
  g_assert_cmpint (fixture_handshake (self, &error), ==, CEPA_TLS_DONE);
  while (gnutls_handshake (self->server) == GNUTLS_E_AGAIN)
    continue;
  g_assert_cmpint (gnutls_session_ticket_send (self->server, 2, 0), ==, 0);
  g_assert_cmpint (gnutls_record_send (self->server, "cells", 5), ==, 5);
  cepa_tls_note_readable (self->tls);
  g_assert_cmpint (cepa_tls_read (self->tls, out, sizeof out, &n, &error), ==, CEPA_TLS_DONE);
  g_assert_cmpmem (out, n, "cells", 5);
  g_assert_cmpint (cepa_tls_read (self->tls, out, sizeof out, &n, &error), ==, CEPA_TLS_AGAIN);
}

static void
test_closed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint8 out[64];
  gsize n = 0;

  fixture_make_server (self, "NORMAL");
  g_assert_cmpint (fixture_handshake (self, &error), ==, CEPA_TLS_DONE);
  while (gnutls_handshake (self->server) == GNUTLS_E_AGAIN)
    continue;
  gnutls_bye (self->server, GNUTLS_SHUT_WR);
  cepa_tls_note_readable (self->tls);
  g_assert_cmpint (cepa_tls_read (self->tls, out, sizeof out, &n, &error), ==, CEPA_TLS_CLOSED);
}

static void
test_cut_off (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint8 out[64];
  gsize n = 0;

  fixture_make_server (self, "NORMAL");
  g_assert_cmpint (fixture_handshake (self, &error), ==, CEPA_TLS_DONE);
  while (gnutls_handshake (self->server) == GNUTLS_E_AGAIN)
    continue;
  shutdown (self->theirs, SHUT_RDWR);
  cepa_tls_note_readable (self->tls);
  g_assert_cmpint (cepa_tls_read (self->tls, out, sizeof out, &n, &error), ==, CEPA_TLS_FAILED);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED);
}

#define ADD(path, data, func) \
  g_test_add ("/channel/tls/" path, Fixture, data, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_true (cepa_secret_init (NULL));
  ADD ("hello-suites", NULL, test_hello_suites);
  ADD ("hello-extensions", NULL, test_hello_extensions);
  ADD ("tls-1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", test_handshake);
  ADD ("tls-1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", test_handshake);
  ADD ("refuses-tls-1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.1", test_refused);
  ADD ("refuses-cbc", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", test_refused);
  ADD ("refuses-static-rsa", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", test_refused);
  ADD ("data-behind-tickets", NULL, test_data_behind_tickets);
  ADD ("closed", NULL, test_closed);
  ADD ("cut-off", NULL, test_cut_off);
  return g_test_run ();
}
