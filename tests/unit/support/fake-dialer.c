/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-dialer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"

typedef struct
{
  FakeDialer *dialer;
  guint64 number;
  int fd;
  CepaLoopWatch *source;
  CepaDialerFunc func;
  gpointer user_data;
} Attempt;

static void
attempt_free (gpointer data)
{
  Attempt *attempt = data;

  cepa_loop_clear (&attempt->source);
  if (attempt->fd >= 0)
    close (attempt->fd);
  g_free (attempt);
}

static void
attempt_ready (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  Attempt *attempt = user_data;
  FakeDialer *self = attempt->dialer;
  CepaDialerFunc func = attempt->func;
  gpointer data = attempt->user_data;
  g_autoptr (GError) error = NULL;
  int fd = attempt->fd, code = 0;
  socklen_t len = sizeof code;

  g_assert_cmpint (getsockopt (fd, SOL_SOCKET, SO_ERROR, &code, &len), ==, 0);
  if (code == 0)
    attempt->fd = -1;
  else
    error = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, g_strerror (code));
  g_hash_table_remove (self->attempts, &attempt->number);
  func (data, code == 0 ? fd : -1, self->says_ipv6, error);
}

static int
dialer_connect (FakeDialer *self, const CepaChannelTarget *target)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (target->or_port),
                                 .sin_addr.s_addr = htonl (target->ipv4) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (self->at_once ? 0 : SOCK_NONBLOCK), 0);

  g_assert_cmpint (fd, >=, 0);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    g_assert_cmpint (errno, ==, EINPROGRESS);
  if (self->at_once)
    g_assert_true (g_unix_set_fd_nonblocking (fd, TRUE, NULL));
  return fd;
}

static guint64
dialer_dial (CepaDialer *base, const CepaChannelTarget *target, CepaDialerFunc func, gpointer user_data)
{
  FakeDialer *self = (FakeDialer *) base;
  Attempt *attempt;

  self->n_dialed++;
  self->target = *target;
  if (self->refuses != NULL)
    {
      g_autoptr (GError) error = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_NETWORK_DOWN, self->refuses);

      func (user_data, -1, FALSE, error);
      return 0;
    }
  if (self->at_once)
    {
      func (user_data, dialer_connect (self, target), self->says_ipv6, NULL);
      return 0;
    }
  attempt = g_new0 (Attempt, 1);
  *attempt = (Attempt){ self, self->n_dialed, -1, NULL, func, user_data };
  if (!self->is_silent)
    {
      attempt->fd = dialer_connect (self, target);
      attempt->source = cepa_loop_watch_fd (self->context, attempt->fd, "fake dialer", attempt_ready, attempt);
      cepa_loop_set_condition (attempt->source, G_IO_OUT);
    }
  g_hash_table_insert (self->attempts, &attempt->number, attempt);
  return attempt->number;
}

static void
dialer_cancel (CepaDialer *base, guint64 attempt)
{
  FakeDialer *self = (FakeDialer *) base;

  self->n_cancelled++;
  g_assert_true (g_hash_table_remove (self->attempts, &attempt));
}

FakeDialer *
fake_dialer_new (GMainContext *context)
{
  FakeDialer *self = g_new0 (FakeDialer, 1);

  self->base = (CepaDialer){ dialer_dial, dialer_cancel, self };
  self->context = g_main_context_ref (context);
  self->attempts = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, attempt_free);
  return self;
}

void
fake_dialer_free (FakeDialer *self)
{
  g_assert_cmpuint (g_hash_table_size (self->attempts), ==, 0);
  g_hash_table_unref (self->attempts);
  g_main_context_unref (self->context);
  g_free (self);
}
