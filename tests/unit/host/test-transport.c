/* SPDX-License-Identifier: BSD-3-Clause */
/* The dialer that the core gets, over the transport plugin of tests/plugins/reach.c, which does everything wrong. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "host/fixture.h"
#include "support/log-capture.h"

#define ID "transport.reach"

/* What reach.c does, by the port. */
enum
{
  REACH_AT_ONCE = 1,
  REACH_LATER,
  REACH_NEVER,
  REACH_FAILS,
  REACH_FAILS_SILENTLY,
  REACH_TWICE,
  REACH_NOT_ASKED,
  REACH_AFTER_CANCEL,
  REACH_PIPE,
  REACH_UNCONNECTED,
  REACH_BLOCKING,
  REACH_DATAGRAM,
  REACH_CLOSED,
  REACH_ELSEWHERE,
  REACH_IPV6,
  REACH_PROGRESS,
  REACH_GIVES_UP,
};

/* How an attempt ended. */
typedef struct
{
  Fixture *fixture;
  guint64 attempt;
  guint n_ends;
  int fd;
  gboolean is_ipv6;
  GError *error;
} Dial;

static CepaHostPlugin *
start (Fixture *self, const char *variant, const char *id)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin;

  fixture_install_as (self, variant, id, "");
  plugin = fixture_start (self, id, &error);
  g_assert_no_error (error);
  return plugin;
}

static void
dial_ended (gpointer user_data, int fd, gboolean is_ipv6, const GError *error)
{
  Dial *dial = user_data;

  g_assert_true ((fd >= 0) == (error == NULL));
  dial->n_ends++;
  dial->fd = fd;
  dial->is_ipv6 = is_ipv6;
  dial->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
dial_start_at (Dial *dial, Fixture *fixture, guint16 port, guint16 ipv6_port)
{
  CepaDialer *dialer = cepa_plugin_host_get_dialer (fixture->host);
  const CepaChannelTarget target
      = { .ipv4 = 0x7f000001, .or_port = port, .ipv6_port = ipv6_port, .ipv6 = { [15] = 1 } };

  memset (dial, 0, sizeof *dial);
  dial->fixture = fixture;
  dial->fd = -1;
  dial->attempt = dialer->dial (dialer, &target, dial_ended, dial);
  g_assert_true ((dial->attempt == 0) == (dial->n_ends == 1));
}

static void
dial_start (Dial *dial, Fixture *fixture, guint16 port)
{
  dial_start_at (dial, fixture, port, 443);
}

static void
dial_wait (Dial *dial)
{
  while (dial->n_ends == 0)
    g_main_context_iteration (dial->fixture->context, TRUE);
  g_assert_cmpuint (dial->n_ends, ==, 1);
}

static void
dial_clear (Dial *dial)
{
  if (dial->fd >= 0)
    g_assert_cmpint (close (dial->fd), ==, 0);
  g_clear_error (&dial->error);
}

static void
dial_assert_fails (Dial *dial, int code, const char *message)
{
  dial_wait (dial);
  g_assert_error (dial->error, CEPA_ERROR, code);
  g_assert_cmpstr (dial->error->message, ==, message);
  dial_clear (dial);
}

static void
test_no_plugin (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaDialer *dialer = cepa_plugin_host_get_dialer (self->host);
  const CepaChannelTarget nowhere = { .or_port = 1 };
  Dial dial;

  start (self, "reach-bridges", "transport.bridges"); /* knows no relays without a bridge line */
  dial_start (&dial, self, REACH_AT_ONCE);
  dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, "no transport plugin is running");
  start (self, "reach", ID);
  dial_start (&dial, self, REACH_AT_ONCE);
  g_assert_no_error (dial.error);
  dial_clear (&dial);
  dial.n_ends = 0;
  g_assert_cmpuint (dialer->dial (dialer, &nowhere, dial_ended, &dial), ==, 0);
  dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, "the relay has no address");
}

static void
test_connects (Fixture *self, gconstpointer data)
{
  CepaHostPlugin *plugin = start (self, "reach", ID);
  guint16 port = (guint16) GPOINTER_TO_UINT (data);
  Dial dial;

  dial_start (&dial, self, port);
  dial_wait (&dial);
  g_assert_no_error (dial.error);
  g_assert_cmpint (dial.is_ipv6, ==, port == REACH_IPV6);
  g_assert_cmpint (fcntl (dial.fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpuint (g_hash_table_size (plugin->violations), ==, port == REACH_PROGRESS ? 1 : 0);
  dial_clear (&dial);
}

static void
test_fails (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin = start (self, "reach", ID);
  Dial dial;

  dial_start (&dial, self, REACH_FAILS);
  dial_assert_fails (&dial, CEPA_ERROR_TIMEOUT, "transport.reach: nobody is\\x0athere");
  dial_start (&dial, self, REACH_FAILS_SILENTLY);
  dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, "transport.reach: connect failed and set no error");
  g_assert_cmpuint (g_hash_table_size (plugin->violations), ==, 0);
}

/* The second time it gives the descriptor that the core has by now: that stays open. */
static void
test_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin = start (self, "reach", ID);
  Dial dial;

  dial_start (&dial, self, REACH_TWICE);
  g_assert_cmpuint (dial.n_ends, ==, 1);
  g_assert_no_error (dial.error);
  g_assert_cmpuint (fixture_violations (plugin, "no-such-attempt"), ==, 1);
  dial_clear (&dial);
}

static void
test_not_asked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaDialer *dialer = cepa_plugin_host_get_dialer (self->host);
  CepaHostPlugin *plugin = start (self, "reach", ID);
  Dial dial;

  dial_start (&dial, self, REACH_NOT_ASKED);
  g_assert_cmpuint (dial.n_ends, ==, 0);
  g_assert_cmpuint (fixture_violations (plugin, "no-such-attempt"), ==, 1);
  dialer->cancel (dialer, dial.attempt);
}

static void
test_cancel (Fixture *self, gconstpointer data)
{
  CepaDialer *dialer = cepa_plugin_host_get_dialer (self->host);
  CepaHostPlugin *plugin = start (self, "reach", ID);
  guint16 port = (guint16) GPOINTER_TO_UINT (data);
  g_autofree char *log = NULL;
  LogCapture capture;
  Dial dial;

  dial_start (&dial, self, port);
  log_capture_start (&capture, CEPA_LOG_NOTICE);
  dialer->cancel (dialer, dial.attempt);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "transport.reach: cancelled");
  g_assert_cmpuint (dial.n_ends, ==, 0);
  g_assert_cmpuint (fixture_violations (plugin, "no-such-attempt"), ==, port == REACH_AFTER_CANCEL ? 1 : 0);
}

typedef struct
{
  guint port;
  const char *fault;
} BadDescriptor;

static const BadDescriptor bad_descriptors[] = {
  { REACH_PIPE, "is not a stream socket" },        { REACH_UNCONNECTED, "is not connected" },
  { REACH_BLOCKING, "is blocking: set O_NONBLOCK" }, { REACH_DATAGRAM, "is not a stream socket" },
  { REACH_CLOSED, "is not open" },                 { REACH_ELSEWHERE, "is connected to an address that was not asked for" },
};

static void
test_bad_descriptor (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin = start (self, "reach", ID);

  for (guint i = 0; i < G_N_ELEMENTS (bad_descriptors); i++)
    {
      g_autofree char *message
          = g_strdup_printf ("transport.reach: the descriptor that it gave %s", bad_descriptors[i].fault);
      Dial dial;

      dial_start (&dial, self, (guint16) bad_descriptors[i].port);
      dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, message);
      g_assert_cmpuint (fixture_violations (plugin, "bad-descriptor"), ==, i + 1);
    }
}

/* REACH_IPV6 connects to the last of the addresses that it is given. */
static void
test_reachability (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    CepaReachability reachability;
    gboolean is_ipv6; /* what the last address is */
  } cases[] = {
    { { NULL, TRUE, TRUE, FALSE }, TRUE },
    { { NULL, TRUE, TRUE, TRUE }, FALSE },
    { { NULL, TRUE, FALSE, FALSE }, FALSE },
    { { NULL, FALSE, TRUE, TRUE }, TRUE },
  };
  g_autoptr (CepaAddressPolicy) policy = cepa_address_policy_new ();
  CepaReachability only_80 = { policy, TRUE, TRUE, FALSE };
  Dial dial;

  start (self, "reach", ID);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      cepa_plugin_host_set_reachability (self->host, &cases[i].reachability);
      dial_start_at (&dial, self, REACH_IPV6, REACH_IPV6);
      dial_wait (&dial);
      g_assert_no_error (dial.error);
      g_assert_cmpint (dial.is_ipv6, ==, cases[i].is_ipv6);
      dial_clear (&dial);
    }
  g_assert_true (cepa_address_policy_add_list (policy, "*:80, reject *", CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL));
  cepa_plugin_host_set_reachability (self->host, &only_80);
  dial_start (&dial, self, REACH_AT_ONCE);
  dial_assert_fails (&dial, CEPA_ERROR_NETWORK_DOWN,
                     "ReachableAddresses, ClientUseIPv4 or ClientUseIPv6 let no address of the relay through");
}

/* Its attempts fail; later ones go to the next that runs, or nowhere. */
static void
test_stopped (Fixture *self, gconstpointer data)
{
  CepaHostPlugin *plugin = start (self, "reach", ID), *second = start (self, "reach-second", "transport.second");
  Dial dials[3];
  Dial dial;

  for (guint i = 0; i < G_N_ELEMENTS (dials); i++)
    dial_start (&dials[i], self, REACH_NEVER);
  if (data != NULL)
    {
      dial_start (&dial, self, REACH_GIVES_UP);
      dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, "the transport plugin transport.reach was stopped");
    }
  else
    g_assert_true (fixture_stop (self, plugin, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (dials); i++)
    dial_assert_fails (&dials[i], CEPA_ERROR_PLUGIN, "the transport plugin transport.reach was stopped");
  dial_start (&dial, self, REACH_FAILS);
  dial_assert_fails (&dial, CEPA_ERROR_TIMEOUT, "transport.second: nobody is\\x0athere");
  g_assert_true (fixture_stop (self, second, NULL));
  dial_start (&dial, self, REACH_FAILS);
  dial_assert_fails (&dial, CEPA_ERROR_PLUGIN, "no transport plugin is running");
}

#define ADD_DATA(path, data, func) \
  g_test_add ("/transport/" path, Fixture, GUINT_TO_POINTER (data), fixture_set_up, func, fixture_tear_down)
#define ADD(path, func) ADD_DATA (path, 0, func)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("no-plugin", test_no_plugin);
  ADD ("reachability", test_reachability);
  ADD_DATA ("at-once", REACH_AT_ONCE, test_connects);
  ADD_DATA ("later", REACH_LATER, test_connects);
  ADD_DATA ("ipv6", REACH_IPV6, test_connects);
  ADD_DATA ("progress", REACH_PROGRESS, test_connects);
  ADD ("fails", test_fails);
  ADD ("twice", test_twice);
  ADD ("not-asked", test_not_asked);
  ADD_DATA ("cancel", REACH_NEVER, test_cancel);
  ADD_DATA ("cancel-later", REACH_LATER, test_cancel);
  ADD_DATA ("after-cancel", REACH_AFTER_CANCEL, test_cancel);
  ADD ("bad-descriptor", test_bad_descriptor);
  ADD ("stopped", test_stopped);
  ADD_DATA ("gives-up", 1, test_stopped);
  return g_test_run ();
}
