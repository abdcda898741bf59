/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "crypto/test-keys.h"

typedef struct
{
  int fd;
  CepaLoopWatch *source;
  GMainContext *context;
  GBytes *certificate; /* signed anew for each server: ECDSA is not deterministic */
  gnutls_certificate_credentials_t credentials;
} ServerPrivate;

typedef struct
{
  int fd;
  CepaLoopWatch *source;
  gnutls_session_t session; /* (nullable): without TLS */
  gboolean is_secure, is_busy, is_closed;
} LinkPrivate;

static gint64
clock_monotonic_us (G_GNUC_UNUSED const CepaClock *clock)
{
  return g_get_monotonic_time ();
}

static gint64
clock_wall_s (G_GNUC_UNUSED const CepaClock *clock)
{
  return FAKE_NOW_S;
}

const CepaClock *
fake_server_clock (void)
{
  static const CepaClock clock = { clock_monotonic_us, clock_wall_s };

  return &clock;
}

/* ---- links ---- */

static void
link_free (FakeLink *link)
{
  LinkPrivate *priv = link->priv;

  cepa_loop_clear (&priv->source);
  if (priv->session != NULL)
    gnutls_deinit (priv->session);
  close (priv->fd);
  fake_relay_free (link->relay);
  g_free (priv);
  g_free (link);
}

void
fake_link_close (FakeLink *link)
{
  LinkPrivate *priv = link->priv;

  priv->is_closed = TRUE;
  if (priv->is_busy)
    return; /* when its bytes have been dealt with */
  g_ptr_array_remove (link->server->links, link);
}

void
fake_link_bye (FakeLink *link)
{
  gnutls_bye (((LinkPrivate *) link->priv)->session, GNUTLS_SHUT_WR);
  fake_link_close (link);
}

static void
link_heard (G_GNUC_UNUSED FakeRelay *relay, const FakeCell *cell, gpointer user_data)
{
  FakeLink *link = user_data;

  if (link->server->heard != NULL)
    link->server->heard (link, cell, link->server->user_data);
}

void
fake_link_flush (FakeLink *link)
{
  LinkPrivate *priv = link->priv;
  GByteArray *output = link->relay->output;
  gboolean is_blocked = FALSE;

  while (priv->is_secure && output->len > 0 && !is_blocked)
    {
      ssize_t n = gnutls_record_send (priv->session, output->data, MIN (output->len, 16384));

      if (n > 0)
        g_byte_array_remove_range (output, 0, (guint) n);
      else
        is_blocked = TRUE; /* or gone: then reading tells */
    }
  cepa_loop_set_condition (priv->source, (link->is_deaf ? 0 : G_IO_IN) | (is_blocked ? G_IO_OUT : 0));
}

/* TRUE while there may be more. */
static gboolean
link_read (FakeLink *link)
{
  LinkPrivate *priv = link->priv;
  guint8 bytes[16384];
  ssize_t n;

  if (!priv->is_secure)
    {
      int rc = gnutls_handshake (priv->session);

      priv->is_secure = rc == 0;
      priv->is_closed |= rc < 0 && gnutls_error_is_fatal (rc) != 0;
      return rc == 0;
    }
  n = gnutls_record_recv (priv->session, bytes, sizeof bytes);
  if (n > 0)
    fake_relay_receive (link->relay, bytes, (gsize) n);
  else
    priv->is_closed |= n == 0 || gnutls_error_is_fatal ((int) n) != 0;
  return n > 0;
}

static void
link_ready (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  FakeLink *link = user_data;
  LinkPrivate *priv = link->priv;

  priv->is_busy = TRUE;
  while (!priv->is_closed && !link->is_deaf && link_read (link))
    continue;
  if (!priv->is_closed)
    fake_link_flush (link);
  priv->is_busy = FALSE;
  if (priv->is_closed)
    fake_link_close (link);
}

static void
link_start_tls (FakeLink *link, gnutls_certificate_credentials_t credentials)
{
  LinkPrivate *priv = link->priv;

  g_assert_cmpint (gnutls_init (&priv->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), ==, 0);
  g_assert_cmpint (gnutls_set_default_priority (priv->session), ==, 0);
  g_assert_cmpint (gnutls_credentials_set (priv->session, GNUTLS_CRD_CERTIFICATE, credentials), ==, 0);
  gnutls_transport_set_int (priv->session, priv->fd);
  cepa_loop_set_condition (priv->source, G_IO_IN);
}

/* ---- the server ---- */

static void
server_accepted (FakeServer *self, int fd)
{
  ServerPrivate *server_priv = self->priv;
  FakeLink *link = g_new0 (FakeLink, 1);
  LinkPrivate *priv = g_new0 (LinkPrivate, 1);

  self->n_accepted++;
  link->server = self;
  link->relay = fake_relay_new (5);
  fake_relay_set_tls_certificate (link->relay, server_priv->certificate);
  link->relay->heard = link_heard;
  link->relay->user_data = link;
  link->priv = priv;
  priv->fd = fd;
  priv->source = cepa_loop_watch_fd (server_priv->context, fd, "fake link", link_ready, link);
  g_ptr_array_add (self->links, link);
  if (self->prepare != NULL)
    self->prepare (link, self->user_data);
  if (self->greeting != NULL)
    g_assert_cmpint (write (fd, self->greeting, strlen (self->greeting)), >, 0);
  else if (self->hangs_up)
    fake_link_close (link);
  else
    link_start_tls (link, server_priv->credentials);
}

static void
server_ready (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  FakeServer *self = user_data;
  ServerPrivate *priv = self->priv;
  int fd;

  while ((fd = accept4 (priv->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    server_accepted (self, fd);
}

static void
server_listen (FakeServer *self)
{
  ServerPrivate *priv = self->priv;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;

  priv->fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (priv->fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (priv->fd, 64), ==, 0);
  g_assert_cmpint (getsockname (priv->fd, (struct sockaddr *) &address, &len), ==, 0);
  self->port = ntohs (address.sin_port);
  priv->source = cepa_loop_watch_fd (priv->context, priv->fd, "fake server", server_ready, self);
  cepa_loop_set_condition (priv->source, G_IO_IN);
}

static void
server_load_certificate (ServerPrivate *priv)
{
  gnutls_datum_t pem = { (unsigned char *) test_key_ec, sizeof test_key_ec - 1 }, der;
  g_autoptr (FakeRelay) relay = fake_relay_new (5);
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;

  priv->certificate = g_bytes_ref (relay->tls_certificate);
  der.data = (unsigned char *) g_bytes_get_data (priv->certificate, NULL);
  der.size = (unsigned int) g_bytes_get_size (priv->certificate);
  gnutls_x509_crt_init (&crt);
  gnutls_x509_privkey_init (&key);
  g_assert_cmpint (gnutls_x509_crt_import (crt, &der, GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &pem, GNUTLS_X509_FMT_PEM), ==, 0);
  gnutls_certificate_allocate_credentials (&priv->credentials);
  g_assert_cmpint (gnutls_certificate_set_x509_key (priv->credentials, &crt, 1, key), ==, 0);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
}

FakeServer *
fake_server_new (GMainContext *context)
{
  FakeServer *self = g_new0 (FakeServer, 1);
  ServerPrivate *priv = g_new0 (ServerPrivate, 1);

  self->priv = priv;
  self->links = g_ptr_array_new_with_free_func ((GDestroyNotify) link_free);
  priv->context = g_main_context_ref (context);
  server_load_certificate (priv);
  server_listen (self);
  return self;
}

void
fake_server_free (FakeServer *self)
{
  ServerPrivate *priv = self->priv;

  g_ptr_array_unref (self->links);
  cepa_loop_clear (&priv->source);
  close (priv->fd);
  gnutls_certificate_free_credentials (priv->credentials);
  g_bytes_unref (priv->certificate);
  g_main_context_unref (priv->context);
  g_free (priv);
  g_free (self);
}

void
fake_server_get_target (FakeServer *self, CepaChannelTarget *out)
{
  fake_relay_get_target (out);
  out->or_port = self->port;
}

void
fake_server_get_hop (FakeServer *self, guint i, CepaCircuitHop *out)
{
  fake_relay_get_hop (i, out);
  if (i == 0)
    out->target.or_port = self->port;
}

void
fake_link_send_data (FakeLink *link, guint32 circuit_id, guint hop, guint16 stream_id, const void *data, gsize len)
{
  const guint8 *from = data;

  for (gsize done = 0, n; done < len; done += n)
    {
      n = MIN (len - done, CEPA_RELAY_MAX_DATA);
      fake_relay_send_message (link->relay, circuit_id, hop, CEPA_RELAY_DATA, stream_id, from + done, n, NULL);
    }
}
