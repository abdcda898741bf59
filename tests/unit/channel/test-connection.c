/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections and their pool, with a relay behind a real socket and TLS. */
#include <string.h>

#include "base/error.h"
#include "base/loop.h"
#include "channel/mux.h"
#include "channel/pool.h"
#include "support/fake-dialer.h"
#include "support/fake-server.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)

typedef struct _Fixture Fixture;

/* A circuit that counts. */
typedef struct
{
  CepaChannelCircuit base; /* first */
  guint n_opened, n_cells, n_batches, n_sendable, n_closed, n_to_send;
  GError *reason;
} Circuit;

struct _Fixture
{
  GMainContext *context;
  FakeServer *server;
  FakeDialer *dialer;
  CepaChannelPool *pool;
  CepaChannelTarget target;
  GString *stages;
  CepaLoopWatch *deadline;
};

static void
circuit_opened (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_opened++;
}

static void
circuit_cell (CepaChannelCircuit *base, G_GNUC_UNUSED guint8 command, guint8 *body)
{
  ((Circuit *) base)->n_cells++;
  g_assert_cmpuint (body[0], ==, 'x');
  memset (body, 0, CEPA_CELL_BODY_LEN);
}

static void
circuit_batch_end (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_batches++;
}

static void
circuit_send (Circuit *self)
{
  for (; self->n_to_send > 0 && cepa_channel_has_room (self->base.channel); self->n_to_send--)
    memset (cepa_channel_reserve_cell (&self->base, CEPA_CELL_CREATED2), (int) self->n_to_send, CEPA_CELL_BODY_LEN);
}

static void
circuit_sendable (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_sendable++;
  circuit_send ((Circuit *) base);
}

static void
circuit_closed (CepaChannelCircuit *base, const GError *reason)
{
  ((Circuit *) base)->n_closed++;
  ((Circuit *) base)->reason = g_error_copy (reason);
}

static const CepaChannelCircuitFuncs circuit_funcs
  = { circuit_opened, circuit_cell, circuit_batch_end, circuit_sendable, circuit_closed };

static void
circuit_clear (Circuit *self)
{
  cepa_channel_detach (&self->base);
  g_clear_error (&self->reason);
}

static void
fixture_progress (gpointer user_data, CepaConnectionStage stage)
{
  g_string_append_printf (((Fixture *) user_data)->stages, "%d", stage);
}

static void
fixture_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelPoolFuncs funcs = { fixture_progress, self };

  self->context = g_main_context_new ();
  self->server = fake_server_new (self->context);
  self->stages = g_string_new (NULL);
  self->dialer = fake_dialer_new (self->context);
  self->pool = cepa_channel_pool_new (self->context, fake_server_clock (), cepa_random_system (),
                                      &self->dialer->base, &funcs, NULL);
  fake_server_get_target (self->server, &self->target);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", fixture_too_late, self);
  cepa_loop_set_delay (self->deadline, DEADLINE_US);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_channel_pool_close_all (self->pool, reason);
  while (!cepa_channel_pool_is_empty (self->pool))
    g_main_context_iteration (self->context, TRUE);
  cepa_channel_pool_free (self->pool);
  fake_dialer_free (self->dialer);
  fake_server_free (self->server);
  cepa_loop_clear (&self->deadline);
  g_main_context_unref (self->context);
  g_string_free (self->stages, TRUE);
}

static CepaChannel *
fixture_attach (Fixture *self, Circuit *circuit)
{
  g_autoptr (CepaChannel) channel = cepa_channel_pool_get (self->pool, &self->target);
  g_autoptr (GError) error = NULL;

  circuit->base.funcs = &circuit_funcs;
  g_assert_true (cepa_channel_attach (channel, &circuit->base, &error));
  g_assert_no_error (error);
  return channel; /* the circuit holds it */
}

static void
fixture_open (Fixture *self, Circuit *circuit)
{
  fixture_attach (self, circuit);
  while (circuit->base.id == 0)
    {
      g_assert_no_error (circuit->reason);
      g_main_context_iteration (self->context, TRUE);
    }
}

/* The next channel fails; others stay. */
static void
fixture_check_fails_beside (Fixture *self, int code, const char *message)
{
  Circuit circuit = { 0 };

  fixture_attach (self, &circuit);
  while (circuit.n_closed == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_error (circuit.reason, CEPA_ERROR, code);
  if (strstr (circuit.reason->message, message) == NULL)
    g_error ("\"%s\" is not in: %s", message, circuit.reason->message);
  g_assert_cmpuint (circuit.n_opened, ==, 0);
  g_assert_cmpuint (circuit.n_closed, ==, 1);
  circuit_clear (&circuit);
}

static void
fixture_check_fails (Fixture *self, int code, const char *message)
{
  fixture_check_fails_beside (self, code, message);
  while (!cepa_channel_pool_is_empty (self->pool))
    g_main_context_iteration (self->context, TRUE);
}

/* ---- connecting ---- */

static void
test_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  fixture_open (self, &circuit);
  while (self->stages->len < 4)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpstr (self->stages->str, ==, "0123");
  circuit_clear (&circuit);
}

static void
test_refused (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_server_free (self->server);
  self->server = fake_server_new (self->context); /* another port: nobody is at the first */
  g_assert_cmpuint (self->server->port, !=, self->target.or_port);
  fixture_check_fails (self, CEPA_ERROR_NETWORK_DOWN, "Connection refused");
  g_assert_cmpstr (self->stages->str, ==, "0");
}

static void
test_not_tls (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->greeting = "SSH-2.0-OpenSSH_9.2\r\nwhat is this, and what are you?\r\n";
  fixture_check_fails (self, CEPA_ERROR_PROTOCOL, "TLS handshake");
  g_assert_cmpstr (self->stages->str, ==, "012");
}

static void
test_hung_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->hangs_up = TRUE;
  fixture_check_fails (self, CEPA_ERROR_CLOSED, "closed the connection");
}

static void
prepare_other_identity (FakeLink *link, G_GNUC_UNUSED gpointer user_data)
{
  link->relay->certs.other_ed25519 = TRUE;
}

static void
test_other_identity (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->prepare = prepare_other_identity;
  fixture_check_fails (self, CEPA_ERROR_IDENTITY, "was wanted");
  g_assert_cmpstr (self->stages->str, ==, "012");
}

static void
prepare_other_tls (FakeLink *link, G_GNUC_UNUSED gpointer user_data)
{
  link->relay->certs.other_tls = TRUE;
}

static void
test_other_tls (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->server->prepare = prepare_other_tls;
  fixture_check_fails (self, CEPA_ERROR_IDENTITY, "TLS certificate");
}

/* Closed by ourselves at each stage of connecting. */
static void
test_closed_at_any_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  for (guint turns = 0; turns < 12; turns++)
    {
      Circuit circuit = { 0 };
      CepaChannel *channel = fixture_attach (self, &circuit);

      for (guint i = 0; i < turns; i++)
        g_main_context_iteration (self->context, FALSE);
      cepa_channel_close (channel, reason);
      g_assert_cmpuint (circuit.n_closed, ==, 1);
      while (!cepa_channel_pool_is_empty (self->pool))
        g_main_context_iteration (self->context, TRUE);
      circuit_clear (&circuit);
    }
}

/* ---- the dialer ---- */

/* It answers before dial returns. */
static void
test_dialer_at_once (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  self->dialer->at_once = TRUE;
  fixture_open (self, &circuit);
  g_assert_cmpuint (self->dialer->n_dialed, ==, 1);
  circuit_clear (&circuit);
  self->dialer->refuses = "no plugin of kind transport runs";
  self->target.or_port++;
  g_string_truncate (self->stages, 0);
  fixture_check_fails_beside (self, CEPA_ERROR_NETWORK_DOWN, "connecting: no plugin of kind transport runs");
  g_assert_cmpstr (self->stages->str, ==, "0");
}

/* Its attempt ends with the channel. */
static void
test_dialer_cancelled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");
  Circuit circuit = { 0 };
  CepaChannel *channel;

  self->dialer->is_silent = TRUE;
  channel = fixture_attach (self, &circuit);
  while (self->dialer->n_dialed == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (self->dialer->n_cancelled, ==, 0);
  cepa_channel_close (channel, reason);
  g_assert_cmpuint (self->dialer->n_cancelled, ==, 1);
  circuit_clear (&circuit);
}

/* It is given both addresses, and NETINFO names the one that it took. */
static void
test_dialer_ipv6 (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
  Circuit circuit = { 0 };
  const FakeCell *netinfo;
  FakeLink *link;

  self->dialer->says_ipv6 = TRUE;
  memcpy (self->target.ipv6, ipv6, sizeof ipv6);
  self->target.ipv6_port = 443;
  fixture_open (self, &circuit);
  g_assert_cmpmem (self->dialer->target.ipv6, 16, ipv6, sizeof ipv6);
  g_assert_cmpuint (self->dialer->target.ipv6_port, ==, 443);
  link = g_ptr_array_index (self->server->links, 0);
  while (link->relay->received->len == 0)
    g_main_context_iteration (self->context, TRUE);
  netinfo = g_ptr_array_index (link->relay->received, 0);
  g_assert_cmpuint (netinfo->command, ==, CEPA_CELL_NETINFO);
  g_assert_cmpuint (netinfo->body[4], ==, 6);
  g_assert_cmpmem (netinfo->body + 6, 16, ipv6, sizeof ipv6);
  circuit_clear (&circuit);
}

static void
check_relay_goes (Fixture *self, void (*go) (FakeLink *link))
{
  Circuit circuit = { 0 };

  fixture_open (self, &circuit);
  go (g_ptr_array_index (self->server->links, 0));
  while (circuit.n_closed == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_error (circuit.reason, CEPA_ERROR, CEPA_ERROR_CLOSED);
  circuit_clear (&circuit);
}

static void
test_relay_goes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_relay_goes (self, fake_link_close);
  check_relay_goes (self, fake_link_bye);
}

/* ---- data ---- */

/* Far more than one turn reads, with cells of every length between. */
static void
test_much_data (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint paddings[] = { 0, 1, 509, 16384, 65535 };
  g_autofree guint8 *padding = g_malloc0 (65535);
  Circuit circuit = { 0 };
  FakeLink *link;
  guint n = 4000;

  fixture_open (self, &circuit);
  link = g_ptr_array_index (self->server->links, 0);
  for (guint i = 0; i < n; i++)
    {
      fake_relay_send_cell (link->relay, circuit.base.id, CEPA_CELL_RELAY, "x", 1);
      if (i % 50 == 0)
        fake_relay_send_cell (link->relay, 0, CEPA_CELL_VPADDING, padding, paddings[i / 50 % 5]);
    }
  fake_link_flush (link);
  while (circuit.n_cells < n)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (circuit.n_cells, ==, n);
  g_assert_cmpuint (circuit.n_batches, <, n / 10);
  circuit_clear (&circuit);
}

/* A turn reads 128 KiB. What is left of it is the beginning of the longest cell, in every length up to all but one
   byte; the next turn must have room for as much again. */
static void
test_longest_cells (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *padding = g_malloc0 (CEPA_CELL_MAX_VARIABLE_BODY);

  for (guint left = CEPA_CELL_MAX_VARIABLE_LEN - 8; left < CEPA_CELL_MAX_VARIABLE_LEN; left++)
    {
      Circuit circuit = { 0 };
      FakeLink *link;

      fixture_open (self, &circuit);
      link = g_ptr_array_index (self->server->links, 0);
      fake_relay_send_cell (link->relay, 0, CEPA_CELL_VPADDING, padding, 128 * 1024 - left - 7);
      for (guint i = 0; i < 4; i++)
        fake_relay_send_cell (link->relay, 0, CEPA_CELL_VPADDING, padding, CEPA_CELL_MAX_VARIABLE_BODY);
      fake_relay_send_cell (link->relay, circuit.base.id, CEPA_CELL_RELAY, "x", 1);
      fake_link_flush (link);
      while (circuit.n_cells == 0)
        {
          g_assert_no_error (circuit.reason);
          g_main_context_iteration (self->context, TRUE);
        }
      circuit_clear (&circuit);
    }
}

/* The relay does not read for a while; the circuit stops, and goes on when it can. */
static void
test_sending (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { .n_to_send = 20000 };
  FakeLink *link;

  fixture_open (self, &circuit);
  link = g_ptr_array_index (self->server->links, 0);
  circuit_send (&circuit);
  g_assert_cmpuint (circuit.n_to_send, >, 19000);
  while (link->relay->received->len < 20001) /* and NETINFO */
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (circuit.n_to_send, ==, 0);
  g_assert_cmpuint (circuit.n_sendable, >, 10);
  for (guint i = 0; i < 20000; i++)
    {
      const FakeCell *cell = g_ptr_array_index (link->relay->received, i + 1);

      g_assert_cmpuint (cell->circuit_id, ==, circuit.base.id);
      g_assert_cmpuint (cell->body[508], ==, (guint8) (20000 - i));
    }
  circuit_clear (&circuit);
}

/* Control cells do not ask for room. A relay that lets them pile up, as one can that sends data and reads no SENDME,
   is let go. */
static void
test_sending_to_the_deaf (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };
  FakeLink *link;
  guint n = 0;

  fixture_open (self, &circuit);
  link = g_ptr_array_index (self->server->links, 0);
  link->is_deaf = TRUE;
  fake_link_flush (link);
  while (circuit.n_closed == 0)
    {
      for (guint i = 0; i < 1000; i++)
        memset (cepa_channel_reserve_cell (&circuit.base, CEPA_CELL_CREATED2), 0, CEPA_CELL_BODY_LEN);
      n += 1000;
      g_assert_cmpuint (n, <, 100000);
      g_main_context_iteration (self->context, FALSE);
    }
  g_assert_error (circuit.reason, CEPA_ERROR, CEPA_ERROR_LIMIT);
  circuit_clear (&circuit);
}

/* ---- the pool ---- */

static void
test_pool (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[4] = { 0 };
  CepaChannel *first = fixture_attach (self, &circuits[0]);

  g_assert_true (fixture_attach (self, &circuits[1]) == first); /* connecting is enough */
  while (circuits[1].n_opened == 0)
    g_main_context_iteration (self->context, TRUE);
  self->target.has_ed25519_id = FALSE;
  g_assert_true (fixture_attach (self, &circuits[2]) == first);
  self->target.has_ed25519_id = TRUE;
  cepa_channel_set_bad (first);
  g_assert_false (fixture_attach (self, &circuits[3]) == first);
  while (circuits[3].n_opened == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (self->server->n_accepted, ==, 2);
  g_assert_cmpint (cepa_channel_get_state (first), ==, CEPA_CHANNEL_OPEN); /* what it has goes on */
  for (guint i = 0; i < 4; i++)
    circuit_clear (&circuits[i]);
}

/* What has not proved an identity is not used where that is wanted, nor what is somewhere else. */
static void
test_pool_others (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[5] = { 0 };
  CepaChannel *channels[5];

  self->target.has_ed25519_id = FALSE;
  channels[0] = fixture_attach (self, &circuits[0]);
  self->target.has_ed25519_id = TRUE;
  channels[1] = fixture_attach (self, &circuits[1]);
  self->target.ed25519_id[0] ^= 1;
  channels[2] = fixture_attach (self, &circuits[2]);
  self->target.ed25519_id[0] ^= 1;
  self->target.ipv4++;
  channels[3] = fixture_attach (self, &circuits[3]);
  self->target.ipv4--;
  self->target.rsa_id[0] ^= 1;
  channels[4] = fixture_attach (self, &circuits[4]);
  for (guint i = 0; i < 5; i++)
    for (guint j = 0; j < i; j++)
      g_assert_false (channels[i] == channels[j]);
  for (guint i = 0; i < 5; i++)
    circuit_clear (&circuits[i]);
}

#define ADD(path, func) g_test_add ("/connection/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  ADD ("open", test_open);
  ADD ("refused", test_refused);
  ADD ("not-tls", test_not_tls);
  ADD ("hung-up", test_hung_up);
  ADD ("other-identity", test_other_identity);
  ADD ("other-tls", test_other_tls);
  ADD ("closed-at-any-time", test_closed_at_any_time);
  ADD ("dialer/at-once", test_dialer_at_once);
  ADD ("dialer/cancelled", test_dialer_cancelled);
  ADD ("dialer/ipv6", test_dialer_ipv6);
  ADD ("relay-goes", test_relay_goes);
  ADD ("much-data", test_much_data);
  ADD ("longest-cells", test_longest_cells);
  ADD ("sending", test_sending);
  ADD ("sending-to-the-deaf", test_sending_to_the_deaf);
  ADD ("pool/same", test_pool);
  ADD ("pool/others", test_pool_others);
  return g_test_run ();
}
