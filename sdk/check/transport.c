/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of transport plugins. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define TRANSPORT_MAX_ADDRESSES 4

/* How long the core would wait for an attempt, by the simulated clock. */
#define TRANSPORT_PATIENCE_US (60 * G_TIME_SPAN_SECOND)

/* A target as a newer host gives it. */
typedef struct
{
  CepaTransportTarget target;
  guint8 beyond[48];
  CepaAddress addresses[TRANSPORT_MAX_ADDRESSES];
} TransportTarget;

typedef struct
{
  CepaInstance *instance;
  guint64 attempt;
} TransportWait;

static const CepaTransportTable *
transport_get_table (CepaInstance *instance)
{
  return instance->check->plugin->transport;
}

static const char *
transport_get_name (CepaInstance *instance)
{
  const char *const *names = transport_get_table (instance)->names;

  return names != NULL ? names[0] : NULL;
}

/* Opens a listener on loopback. Returns: its port; 0 with a failure. */
static guint16
transport_listen (CepaCheck *check, int *listener)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;

  *listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (*listener < 0 || bind (*listener, (struct sockaddr *) &address, sizeof address) != 0 || listen (*listener, 64) != 0
      || getsockname (*listener, (struct sockaddr *) &address, &len) != 0)
    {
      cepa_check_fail (check, "the checker has no port to listen at");
      return 0;
    }
  return ntohs (address.sin_port);
}

/* A port at which nobody listens. */
static guint16
transport_find_closed_port (CepaCheck *check)
{
  int listener;
  guint16 port = transport_listen (check, &listener);

  close (listener);
  return port;
}

static void
transport_init_target (TransportTarget *self)
{
  memset (self, 0, sizeof *self);
  memset (self->beyond, 0xa5, sizeof self->beyond);
  self->target.size = sizeof self->target + sizeof self->beyond;
  self->target.addresses = self->addresses;
}

static void
transport_add_address (TransportTarget *self, guint version, guint16 port)
{
  static const guint8 ipv4[] = { 127, 0, 0, 1 };
  CepaAddress *address = &self->addresses[self->target.n_addresses++];

  address->version = (guint8) version;
  address->port = port;
  if (version == 4)
    memcpy (address->bytes, ipv4, sizeof ipv4);
  else
    address->bytes[15] = 1;
}

static guint64
transport_connect (CepaInstance *instance, TransportTarget *target)
{
  guint64 attempt = cepa_fake_host_begin_attempt (instance->host);

  CEPA_CHECK_CALL (instance->check, "connect",
                   transport_get_table (instance)->connect (instance->self, attempt, transport_get_name (instance),
                                                            &target->target));
  /* What it was given is gone when connect has come back. */
  memset (target->addresses, 0xa5, sizeof target->addresses);
  memset (&target->target, 0xa5, sizeof target->target);
  return attempt;
}

static void
transport_cancel (CepaInstance *instance, guint64 attempt)
{
  if (cepa_fake_host_get_attempt (instance->host, attempt) != NULL)
    cepa_fake_host_end_attempt (instance->host, attempt);
  CEPA_CHECK_CALL (instance->check, "cancel", transport_get_table (instance)->cancel (instance->self, attempt));
}

static gboolean
transport_has_ended (gpointer data)
{
  const TransportWait *wait = data;

  return cepa_fake_host_get_attempt (wait->instance->host, wait->attempt)->n > 0;
}

/* Returns: (nullable): how it ended; NULL, with a failure, when it did not. */
static const CepaFakeAttempt *
transport_wait (CepaInstance *instance, guint64 attempt)
{
  TransportWait wait = { instance, attempt };

  cepa_check_begin_call (instance->check, "connect's callbacks");
  if (!cepa_fake_host_run (instance->host, transport_has_ended, &wait, TRANSPORT_PATIENCE_US))
    {
      cepa_check_fail (instance->check, "an attempt did not end: neither with a descriptor nor with an error");
      transport_cancel (instance, attempt);
      return NULL;
    }
  cepa_check_begin_call (instance->check, "");
  return cepa_fake_host_get_attempt (instance->host, attempt);
}

static guint64
transport_begin (CepaInstance *instance, guint16 port)
{
  TransportTarget target;

  transport_init_target (&target);
  transport_add_address (&target, 4, port);
  return transport_connect (instance, &target);
}

void
cepa_check_use_transport (CepaInstance *instance)
{
  guint64 attempt = transport_begin (instance, transport_find_closed_port (instance->check));

  cepa_fake_host_advance (instance->host, G_TIME_SPAN_SECOND);
  transport_cancel (instance, attempt);
}

static void
transport_with_instance (CepaCheck *check, guint64 seed, void (*func) (CepaInstance *instance))
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, seed))
    return;
  if (cepa_instance_start (&instance))
    {
      func (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

/* Whether bytes that go into the descriptor come out of the listener. Transports with a protocol of their own are not
   asked. */
static void
transport_check_bytes (CepaInstance *instance, int listener, int fd)
{
  int accepted = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  char bytes[4] = { 0 };

  if (accepted < 0)
    cepa_check_fail (instance->check, "the descriptor is not connected to the address");
  else if (write (fd, "cepa", 4) != 4 || read (accepted, bytes, 4) != 4 || memcmp (bytes, "cepa", 4) != 0)
    cepa_check_fail (instance->check, "bytes that went into the descriptor did not come out at the other end");
  if (accepted >= 0)
    close (accepted);
}

static void
transport_try_open (CepaInstance *instance)
{
  int listener;
  guint16 port = transport_listen (instance->check, &listener);
  const CepaFakeAttempt *end;

  if (port == 0)
    return;
  end = transport_wait (instance, transport_begin (instance, port));
  if (end != NULL && transport_get_name (instance) == NULL)
    {
      if (end->error != NULL)
        cepa_check_fail (instance->check, "an address that listens was not reached: %s", end->error->message);
      else if (end->fd >= 0)
        transport_check_bytes (instance, listener, end->fd);
    }
  close (listener);
}

static void
transport_check_open (CepaCheck *check)
{
  transport_with_instance (check, 100, transport_try_open);
}

static void
transport_try_closed (CepaInstance *instance)
{
  const CepaFakeAttempt *end
      = transport_wait (instance, transport_begin (instance, transport_find_closed_port (instance->check)));

  if (end != NULL && end->error == NULL && transport_get_name (instance) == NULL)
    cepa_check_fail (instance->check, "a closed port was reached");
  else if (end != NULL && end->error != NULL)
    cepa_check_error (instance->check, "connect", end->error);
}

static void
transport_check_closed (CepaCheck *check)
{
  transport_with_instance (check, 200, transport_try_closed);
}

/* Two closed ports, one of a version of IP that there is not, and a good one: another address is tried. */
static void
transport_try_several (CepaInstance *instance)
{
  TransportTarget target;
  int listener;
  guint16 closed = transport_find_closed_port (instance->check), port = transport_listen (instance->check, &listener);
  const CepaFakeAttempt *end;

  transport_init_target (&target);
  transport_add_address (&target, 4, closed);
  transport_add_address (&target, 6, closed);
  transport_add_address (&target, 9, closed);
  transport_add_address (&target, 4, port);
  end = transport_wait (instance, transport_connect (instance, &target));
  if (end != NULL && end->error != NULL && transport_get_name (instance) == NULL)
    cepa_check_fail (instance->check, "the good one of four addresses was not reached: %s", end->error->message);
  close (listener);
}

static void
transport_check_several (CepaCheck *check)
{
  transport_with_instance (check, 300, transport_try_several);
}

static void
transport_try_cancel (CepaInstance *instance)
{
  int listener;
  guint16 port = transport_listen (instance->check, &listener);
  guint16 closed = transport_find_closed_port (instance->check);

  /* At once, after some turns, twice, after the end, and without a beginning. */
  for (guint i = 0; i < 20; i++)
    {
      guint64 attempt = transport_begin (instance, i % 2 == 0 ? port : closed);

      for (guint turn = 0; turn < i / 4; turn++)
        cepa_fake_host_advance (instance->host, G_TIME_SPAN_MILLISECOND);
      transport_cancel (instance, attempt);
      if (i % 3 == 0)
        transport_cancel (instance, attempt);
    }
  transport_cancel (instance, 123456789);
  cepa_fake_host_run (instance->host, NULL, NULL, TRANSPORT_PATIENCE_US);
  close (listener);
}

static void
transport_check_cancel (CepaCheck *check)
{
  transport_with_instance (check, 400, transport_try_cancel);
}

/* Many at once; cancelled in another order, and some left for stop. */
static void
transport_try_many (CepaInstance *instance)
{
  guint64 attempts[40];
  int listener;
  guint16 port = transport_listen (instance->check, &listener);
  guint16 closed = transport_find_closed_port (instance->check);

  for (guint i = 0; i < G_N_ELEMENTS (attempts); i++)
    attempts[i] = transport_begin (instance, i % 3 == 0 ? closed : port);
  for (guint i = 0; i < G_N_ELEMENTS (attempts); i += 2)
    transport_cancel (instance, attempts[(i * 7) % G_N_ELEMENTS (attempts)]);
  close (listener);
}

static void
transport_check_stop (CepaCheck *check)
{
  transport_with_instance (check, 500, transport_try_many);
}

static void
transport_check_destroy (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 600))
    return;
  if (cepa_instance_start (&instance))
    transport_try_many (&instance);
  cepa_instance_destroy (&instance);
}

static void
transport_try_names (CepaInstance *instance)
{
  const CepaTransportArgument arguments[] = { { "cert", "abc" }, { "iat-mode", "" }, { "", "=" } };
  const char *const names[] = { "obfs4", "no-such-transport", "", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      guint64 attempt = cepa_fake_host_begin_attempt (instance->host);
      TransportTarget target;

      transport_init_target (&target);
      transport_add_address (&target, 4, transport_find_closed_port (instance->check));
      target.target.arguments = arguments;
      target.target.n_arguments = G_N_ELEMENTS (arguments);
      CEPA_CHECK_CALL (instance->check, "connect",
                       transport_get_table (instance)->connect (instance->self, attempt, names[i], &target.target));
      transport_wait (instance, attempt);
    }
}

static void
transport_check_names (CepaCheck *check)
{
  const char *const *names = check->plugin->transport->names;

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    if (!g_regex_match_simple ("^[a-zA-Z_][a-zA-Z0-9_]*$", names[i], 0, 0))
      cepa_check_fail (check, "\"%s\" is no name of a transport", names[i]);
  transport_with_instance (check, 700, transport_try_names);
}

const CepaCheckRule cepa_check_transport_rules[] = {
  { "transport-open", transport_check_open },       { "transport-closed", transport_check_closed },
  { "transport-several", transport_check_several }, { "transport-cancel", transport_check_cancel },
  { "transport-stop", transport_check_stop },       { "transport-destroy", transport_check_destroy },
  { "transport-names", transport_check_names },     { NULL, NULL },
};
