/* SPDX-License-Identifier: BSD-3-Clause */
/* A channel driven with bytes: its link handshake, its circuits, its queue. */
#include <string.h>

#include "base/error.h"
#include "channel/mux.h"
#include "support/fake-relay.h"
#include "support/log-capture.h"

/* A circuit that writes down what it is told. */
typedef struct
{
  CepaChannelCircuit base; /* first */
  guint n_opened, n_cells, n_batches, n_sendable, n_closed;
  guint8 last_command;
  int code; /* of the reason it was closed for */
  void (*act) (CepaChannelCircuit *self);
} Circuit;

typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaChannelTarget target;
  CepaChannel *channel;
  FakeRelay *relay;
  guint n_wants_write, n_closed;
} Fixture;

static void
circuit_act (CepaChannelCircuit *base)
{
  Circuit *self = (Circuit *) base;

  if (self->act != NULL)
    self->act (base);
}

static void
circuit_opened (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_opened++;
  circuit_act (base);
}

static void
circuit_cell (CepaChannelCircuit *base, guint8 command, G_GNUC_UNUSED guint8 *body)
{
  ((Circuit *) base)->n_cells++;
  ((Circuit *) base)->last_command = command;
  circuit_act (base);
}

static void
circuit_batch_end (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_batches++;
  circuit_act (base);
}

static void
circuit_sendable (CepaChannelCircuit *base)
{
  ((Circuit *) base)->n_sendable++;
  circuit_act (base);
}

static void
circuit_closed (CepaChannelCircuit *base, const GError *reason)
{
  g_assert_null (base->channel);
  g_assert_cmpuint (base->id, ==, 0);
  ((Circuit *) base)->n_closed++;
  ((Circuit *) base)->code = reason->code;
  circuit_act (base);
}

static const CepaChannelCircuitFuncs circuit_funcs
  = { circuit_opened, circuit_cell, circuit_batch_end, circuit_sendable, circuit_closed };

static void
fixture_wants_write (gpointer user_data)
{
  ((Fixture *) user_data)->n_wants_write++;
}

static void
fixture_closed (gpointer user_data)
{
  ((Fixture *) user_data)->n_closed++;
}

static void
fixture_set_up_version (Fixture *self, guint version)
{
  CepaChannelShell shell = { fixture_wants_write, fixture_closed, self };

  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 1000, FAKE_NOW_S);
  cepa_random_seeded_init (&self->random, 1);
  fake_relay_get_target (&self->target);
  self->relay = fake_relay_new (version);
  self->channel = cepa_channel_new (&self->target, &self->clock.clock, &self->random.random);
  cepa_channel_set_shell (self->channel, &shell);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_set_up_version (self, 5);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_channel_unref (self->channel);
  fake_relay_free (self->relay);
}

static void
fixture_start (Fixture *self)
{
  cepa_channel_start_handshake (self->channel, self->relay->tls_certificate);
}

static void
fixture_open (Fixture *self)
{
  fixture_start (self);
  fake_relay_pump (self->relay, self->channel);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_OPEN);
}

static void
fixture_attach (Fixture *self, Circuit *circuit)
{
  g_autoptr (GError) error = NULL;

  circuit->base.funcs = &circuit_funcs;
  g_assert_true (cepa_channel_attach (self->channel, &circuit->base, &error));
  g_assert_no_error (error);
}

/* The channel must have closed for @code; with the bytes that the relay has sent by now. */
static void
fixture_check_refused (Fixture *self, int code)
{
  Circuit circuit = { .code = -1 };

  fixture_attach (self, &circuit);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_CLOSED);
  g_assert_cmpint (circuit.code, ==, code);
  g_assert_cmpuint (circuit.n_closed, ==, 1);
  g_assert_cmpuint (circuit.n_opened, ==, 0);
  g_assert_cmpuint (self->n_closed, ==, 1);
}

/* ---- the handshake ---- */

static void
test_open_with (guint version)
{
  Fixture f;
  const FakeCell *netinfo;
  Circuit circuit = { .code = -1 };
  guint header = version >= 4 ? 5 : 3;

  fixture_set_up_version (&f, version);
  f.clock.monotonic_us = 7000;
  fixture_start (&f);
  /* Circuit id of 2 bytes, command 7, 6 bytes: 3, 4, 5. */
  g_assert_cmpuint (cepa_channel_get_output (f.channel)->len, ==, 11);
  g_assert_cmpuint (f.n_wants_write, ==, 1);
  fake_relay_pump (f.relay, f.channel);
  g_assert_cmpint (cepa_channel_get_state (f.channel), ==, CEPA_CHANNEL_OPEN);
  g_assert_cmpint (cepa_channel_get_skew_s (f.channel), ==, 0);
  g_assert_cmpint (cepa_channel_get_last_received_us (f.channel), ==, 7000);
  g_assert_cmpuint (f.relay->received->len, ==, 1);
  netinfo = fake_relay_find_cell (f.relay, CEPA_CELL_NETINFO, 0);
  /* No time, the address that was connected to, none of our own. */
  g_assert_cmpmem (netinfo->body, 11, "\0\0\0\0\4\4\x7f\0\0\1\0", 11);
  g_assert_cmpuint (netinfo->circuit_id, ==, 0);

  fixture_attach (&f, &circuit);
  memset (cepa_channel_reserve_cell (&circuit.base, CEPA_CELL_CREATE_FAST), 0x11, CEPA_CELL_BODY_LEN);
  g_assert_cmpuint (cepa_channel_get_output (f.channel)->len, ==, header + CEPA_CELL_BODY_LEN);
  fake_relay_pump (f.relay, f.channel);
  g_assert_cmpuint (circuit.n_cells, ==, 1);
  g_assert_cmpuint (circuit.last_command, ==, CEPA_CELL_CREATED_FAST);
  cepa_channel_detach (&circuit.base);
  fixture_tear_down (&f, NULL);
}

static void
test_versions (void)
{
  test_open_with (3);
  test_open_with (4);
  test_open_with (5);
}

/* The highest that both have, whatever else there is and in any order. */
static void
test_versions_chosen (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint16 versions[] = { 4, 1, 3, 6 };

  memcpy (self->relay->versions, versions, sizeof versions);
  self->relay->n_versions = 4;
  fixture_open (self);
  g_assert_cmpuint (self->relay->link_version, ==, 4);
}

static void
test_versions_none (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->versions[0] = 2;
  self->relay->versions[1] = 6;
  self->relay->n_versions = 2;
  fixture_start (self);
  fake_relay_send_versions (self->relay);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

static void
test_versions_odd (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start (self);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_VERSIONS, "\0\5\0", 3);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

/* What the relay may not send at a given moment: each closes the channel. */
typedef enum
{
  BEFORE_VERSIONS,
  BEFORE_CERTS,
  BEFORE_NETINFO,
  OPEN,
  N_MOMENTS
} Moment;

static void
fixture_reach (Fixture *self, Moment moment)
{
  fixture_start (self);
  self->relay->link_version = 0;
  if (moment >= BEFORE_CERTS)
    fake_relay_send_versions (self->relay);
  if (moment >= BEFORE_NETINFO)
    fake_relay_send_certs (self->relay);
  if (moment >= OPEN)
    fake_relay_send_netinfo (self->relay);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==,
                   moment == OPEN ? CEPA_CHANNEL_OPEN : CEPA_CHANNEL_CONNECTING);
}

static void
send_command (Fixture *self, guint8 command)
{
  if (command == CEPA_CELL_CERTS)
    fake_relay_send_certs (self->relay);
  else if (command == CEPA_CELL_NETINFO)
    fake_relay_send_netinfo (self->relay);
  else if (command == CEPA_CELL_AUTH_CHALLENGE)
    fake_relay_send_auth_challenge (self->relay);
  else if (command == CEPA_CELL_VERSIONS)
    fake_relay_send_cell (self->relay, 0, command, "\0\5", 2);
  else
    fake_relay_send_cell (self->relay, 0, command, NULL, 0);
}

/* Of each command: what it does at each moment. "x" closes, "." is taken or ignored. */
static void
test_moments (void)
{
  static const struct
  {
    guint8 command;
    const char *at; /* before VERSIONS, before CERTS, before NETINFO, open */
  } rules[] = {
    { CEPA_CELL_PADDING, "x..." },
    { CEPA_CELL_VPADDING, "...." },
    { CEPA_CELL_AUTHORIZE, "...." },
    { CEPA_CELL_VERSIONS, ".xxx" },
    { CEPA_CELL_CERTS, "x.xx" },
    { CEPA_CELL_AUTH_CHALLENGE, "xx.x" },
    { CEPA_CELL_NETINFO, "xx.x" },
    { CEPA_CELL_CREATE, "xxxx" },
    { CEPA_CELL_CREATED, "xxx." },
    { CEPA_CELL_RELAY, "xxx." },
    { CEPA_CELL_DESTROY, "xxx." },
    { CEPA_CELL_CREATE_FAST, "xxxx" },
    { CEPA_CELL_CREATED_FAST, "xxx." },
    { CEPA_CELL_RELAY_EARLY, "xxx." },
    { CEPA_CELL_CREATE2, "xxxx" },
    { CEPA_CELL_CREATED2, "xxx." },
    { CEPA_CELL_PADDING_NEGOTIATE, "xxx." },
    { 60, "xxx." },
    { 200, "xxx." },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    for (Moment moment = 0; moment < N_MOMENTS; moment++)
      {
        gboolean closes = rules[i].at[moment] == 'x';
        Fixture f;

        fixture_set_up_version (&f, 5);
        fixture_reach (&f, moment);
        send_command (&f, rules[i].command);
        fake_relay_deliver (f.relay, f.channel);
        if ((cepa_channel_get_state (f.channel) == CEPA_CHANNEL_CLOSED) != closes)
          g_error ("command %u at moment %u: closed is not %d", rules[i].command, moment, closes);
        g_assert_cmpuint (f.n_closed, ==, closes);
        fixture_tear_down (&f, NULL);
      }
}

static void
test_auth_challenge_twice (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_reach (self, BEFORE_NETINFO);
  fake_relay_send_auth_challenge (self->relay);
  fake_relay_send_auth_challenge (self->relay);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

static void
test_auth_challenge_short (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[33] = { 0 };

  fixture_reach (self, BEFORE_NETINFO);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_AUTH_CHALLENGE, body, sizeof body);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

static void
check_certs_refused (FakeCerts certs, int code)
{
  Fixture f;

  fixture_set_up_version (&f, 5);
  fixture_reach (&f, BEFORE_CERTS);
  f.relay->certs = certs;
  fake_relay_send_certs (f.relay);
  fake_relay_send_netinfo (f.relay);
  fixture_check_refused (&f, code);
  g_assert_cmpuint (f.relay->received->len, ==, 0);
  fixture_tear_down (&f, NULL);
}

static void
test_certs (void)
{
  static const guint8 types[] = { 2, 4, 5, 7 };

  check_certs_refused ((FakeCerts){ .other_rsa = TRUE }, CEPA_ERROR_IDENTITY);
  check_certs_refused ((FakeCerts){ .other_ed25519 = TRUE }, CEPA_ERROR_IDENTITY);
  check_certs_refused ((FakeCerts){ .other_tls = TRUE }, CEPA_ERROR_IDENTITY);
  check_certs_refused ((FakeCerts){ .expired = TRUE }, CEPA_ERROR_EXPIRED);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      check_certs_refused ((FakeCerts){ .without = types[i] }, CEPA_ERROR_IDENTITY);
      check_certs_refused ((FakeCerts){ .twice = types[i] }, CEPA_ERROR_IDENTITY);
    }
}

static void
test_certs_cut (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_reach (self, BEFORE_CERTS);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_CERTS, "\1\4\1\0abc", 7);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

/* Without an Ed25519 identity in the target, any will do; the RSA identity always counts. */
static void
test_certs_rsa_only (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer (&self->channel, cepa_channel_unref);
  self->target.has_ed25519_id = FALSE;
  self->channel = cepa_channel_new (&self->target, &self->clock.clock, &self->random.random);
  self->relay->certs.other_ed25519 = TRUE;
  fixture_open (self);
}

static void
test_netinfo_cut (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 body[CEPA_CELL_BODY_LEN] = { 0, 0, 0, 1, 4, 4, 1, 2, 3, 4, 255 };

  for (guint i = 11; i < sizeof body; i += 2)
    body[i + 1] = 200;
  fixture_reach (self, BEFORE_NETINFO);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_NETINFO, body, sizeof body);
  fixture_check_refused (self, CEPA_ERROR_PROTOCOL);
}

static void
check_skew (gint64 skew_s, const char *text)
{
  g_autofree char *log = NULL;
  LogCapture capture;
  Fixture f;

  fixture_set_up_version (&f, 5);
  f.relay->clock_s = FAKE_NOW_S + skew_s;
  log_capture_start (&capture, CEPA_LOG_WARN);
  fixture_open (&f);
  log = log_capture_stop (&capture);
  g_assert_cmpint (cepa_channel_get_skew_s (f.channel), ==, skew_s);
  if (text == NULL)
    g_assert_null (strstr (log, "clock"));
  else
    log_capture_assert_has (log, text);
  fixture_tear_down (&f, NULL);
}

static void
test_skew (void)
{
  check_skew (3600, NULL);
  check_skew (-3600, NULL);
  check_skew (3660 + 3600, "its clock is 2 hours 1 minutes ahead of ours");
  check_skew (-3601, "its clock is 1 hours 0 minutes behind ours");
  check_skew (3601, "$BDCF8C144E42B635D0701539B9EF3705F2201AA6 at 127.0.0.1:9001");
}

/* A relay that does not tell the time has no skew. */
static void
test_skew_unknown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->clock_s = 0;
  fixture_open (self);
  g_assert_cmpint (cepa_channel_get_skew_s (self->channel), ==, 0);
}

/* ---- framing ---- */

/* The relay's bytes in two parts, cut everywhere, come to the same. */
static void
test_cut_everywhere (void)
{
  g_autoptr (GByteArray) bytes = NULL;
  Fixture f;

  fixture_set_up_version (&f, 4);
  fake_relay_send_versions (f.relay);
  fake_relay_send_cell (f.relay, 0, CEPA_CELL_VPADDING, "abc", 3);
  fake_relay_send_certs (f.relay);
  fake_relay_send_cell (f.relay, 0, CEPA_CELL_PADDING, NULL, 0);
  fake_relay_send_netinfo (f.relay);
  bytes = g_byte_array_ref (f.relay->output);
  for (guint cut = 0; cut <= bytes->len; cut++)
    {
      g_autoptr (CepaChannel) channel
        = cepa_channel_new (&f.target, &f.clock.clock, &f.random.random);
      g_autofree guint8 *copy = g_memdup2 (bytes->data, bytes->len);
      gsize done;

      cepa_channel_start_handshake (channel, f.relay->tls_certificate);
      done = cepa_channel_receive (channel, copy, cut);
      g_assert_cmpuint (done, <=, cut);
      g_assert_cmpint (cepa_channel_get_state (channel), ==,
                       cut == bytes->len ? CEPA_CHANNEL_OPEN : CEPA_CHANNEL_CONNECTING);
      g_assert_cmpuint (cepa_channel_receive (channel, copy + done, bytes->len - done), ==, bytes->len - done);
      g_assert_cmpint (cepa_channel_get_state (channel), ==, CEPA_CHANNEL_OPEN);
    }
  fixture_tear_down (&f, NULL);
}

/* The longest cell there can be is taken, and nothing of it before it is whole. */
static void
test_longest_cell (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree guint8 *body = g_malloc0 (CEPA_CELL_MAX_VARIABLE_BODY);
  GByteArray *output = self->relay->output;

  fixture_open (self);
  output = self->relay->output;
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_VPADDING, body, CEPA_CELL_MAX_VARIABLE_BODY);
  g_assert_cmpuint (output->len, ==, CEPA_CELL_MAX_VARIABLE_LEN);
  g_assert_cmpuint (cepa_channel_receive (self->channel, output->data, output->len - 1), ==, 0);
  g_assert_cmpuint (cepa_channel_receive (self->channel, output->data, output->len), ==, output->len);
}

/* ---- circuits ---- */

static void
check_ids (guint version, guint32 high)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  Circuit circuits[300] = { 0 };
  Fixture f;

  fixture_set_up_version (&f, version);
  fixture_open (&f);
  for (guint i = 0; i < G_N_ELEMENTS (circuits); i++)
    {
      fixture_attach (&f, &circuits[i]);
      g_assert_cmpuint (circuits[i].base.id & ~(high - 1), ==, high);
      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (circuits[i].base.id)));
    }
  g_assert_cmpuint (cepa_channel_get_n_circuits (f.channel), ==, G_N_ELEMENTS (circuits));
  for (guint i = 0; i < G_N_ELEMENTS (circuits); i++)
    cepa_channel_detach (&circuits[i].base);
  fixture_tear_down (&f, NULL);
}

static void
test_circuit_ids (void)
{
  check_ids (3, 0x8000);
  check_ids (4, 0x80000000);
  check_ids (5, 0x80000000);
}

/* Draws that give one and the same id. */
static void
random_stuck_fill (G_GNUC_UNUSED CepaRandom *self, void *out, gsize len)
{
  memset (out, 0x33, len);
}

static void
test_circuit_ids_used_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaRandom stuck = { random_stuck_fill };
  g_autoptr (GError) error = NULL;
  Circuit first = { 0 }, second = { .base.funcs = &circuit_funcs }, early[2] = { 0 };

  g_clear_pointer (&self->channel, cepa_channel_unref);
  self->channel = cepa_channel_new (&self->target, &self->clock.clock, &stuck);
  fixture_attach (self, &early[0]);
  fixture_attach (self, &early[1]);
  fixture_open (self);
  /* One of those that waited gets the id; the other is told that there is none. */
  g_assert_cmpuint (early[0].n_opened, ==, 1);
  g_assert_cmpuint (early[1].n_opened, ==, 0);
  g_assert_cmpuint (early[1].n_closed, ==, 1);
  g_assert_cmpint (early[1].code, ==, CEPA_ERROR_LIMIT);
  cepa_channel_detach (&early[0].base);

  fixture_attach (self, &first);
  g_assert_false (cepa_channel_attach (self->channel, &second.base, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT);
  g_assert_null (second.base.channel);
  cepa_channel_detach (&first.base);
}

static void
test_attached_before_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    fixture_attach (self, &circuits[i]);
  g_assert_cmpuint (circuits[0].base.id, ==, 0);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 3);
  cepa_channel_detach (&circuits[1].base);
  fixture_open (self);
  g_assert_cmpuint (circuits[0].n_opened, ==, 1);
  g_assert_cmpuint (circuits[1].n_opened, ==, 0);
  g_assert_cmpuint (circuits[2].n_opened, ==, 1);
  g_assert_cmpuint (circuits[0].base.id, !=, 0);
  g_assert_cmpuint (circuits[0].base.id, !=, circuits[2].base.id);
  cepa_channel_detach (&circuits[0].base);
  cepa_channel_detach (&circuits[2].base);
}

/* Detaches the circuit that is called, and another one. */
static Circuit *other_circuit;

static void
act_detach_both (CepaChannelCircuit *self)
{
  cepa_channel_detach (&other_circuit->base);
  cepa_channel_detach (self);
}

static void
test_detached_in_opened (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { { .act = act_detach_both } };

  other_circuit = &circuits[1];
  fixture_attach (self, &circuits[0]);
  fixture_attach (self, &circuits[1]);
  fixture_open (self);
  g_assert_cmpuint (circuits[0].n_opened, ==, 1);
  g_assert_cmpuint (circuits[1].n_opened, ==, 0);
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
}

/* What has come for both in one batch; the first ends both of them. */
static void
test_detached_in_cell_and_batch (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint in_batch = 0; in_batch < 2; in_batch++)
    {
      Circuit circuits[2] = { 0 };

      if (in_batch == 0)
        fixture_open (self);
      other_circuit = &circuits[1];
      for (guint i = 0; i < 2; i++)
        fixture_attach (self, &circuits[i]);
      for (guint i = 0; i < 4; i++)
        fake_relay_send_cell (self->relay, circuits[i % 2].base.id, CEPA_CELL_RELAY, NULL, 0);
      if (in_batch == 0)
        circuits[0].act = act_detach_both;
      cepa_channel_receive (self->channel, self->relay->output->data, self->relay->output->len);
      g_byte_array_set_size (self->relay->output, 0);
      g_assert_cmpuint (circuits[0].n_cells, ==, in_batch ? 2 : 1);
      g_assert_cmpuint (circuits[1].n_cells, ==, in_batch ? 2 : 0);
      circuits[0].act = act_detach_both;
      cepa_channel_end_batch (self->channel);
      g_assert_cmpuint (circuits[0].n_batches, ==, in_batch);
      g_assert_cmpuint (circuits[1].n_batches, ==, 0);
      g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
    }
}

static void
test_cells_and_batches (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  fixture_open (self);
  for (guint i = 0; i < 2; i++)
    fixture_attach (self, &circuits[i]);
  for (guint i = 0; i < 6; i++)
    fake_relay_send_cell (self->relay, circuits[0].base.id, CEPA_CELL_RELAY, NULL, 0);
  /* Circuits that are not there: one that has been closed, and one with the relay's own bit. */
  fake_relay_send_cell (self->relay, circuits[0].base.id ^ 1, CEPA_CELL_DESTROY, NULL, 0);
  fake_relay_send_cell (self->relay, 5, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (circuits[0].n_cells, ==, 6);
  g_assert_cmpuint (circuits[0].n_batches, ==, 1);
  g_assert_cmpuint (circuits[1].n_cells, ==, 0);
  g_assert_cmpuint (circuits[1].n_batches, ==, 0);
  cepa_channel_end_batch (self->channel);
  g_assert_cmpuint (circuits[0].n_batches, ==, 1);
  g_assert_cmpint (cepa_channel_get_state (self->channel), ==, CEPA_CHANNEL_OPEN);
  for (guint i = 0; i < 2; i++)
    cepa_channel_detach (&circuits[i].base);
}

static void
test_idle_since (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 1000);
  fixture_attach (self, &circuits[0]);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 0);
  fixture_open (self);
  fixture_attach (self, &circuits[1]);
  self->clock.monotonic_us = 2000;
  cepa_channel_detach (&circuits[0].base);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 0);
  cepa_channel_detach (&circuits[1].base);
  g_assert_cmpint (cepa_channel_get_idle_since_us (self->channel), ==, 2000);
  cepa_channel_detach (&circuits[1].base); /* nothing to do */
}

/* ---- the end ---- */

static void
check_closed_once (Fixture *self, gboolean is_open)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "of the test");
  g_autoptr (GError) error = NULL;
  Circuit circuits[5] = { 0 }, late = { .base.funcs = &circuit_funcs };

  if (is_open)
    fixture_open (self);
  for (guint i = 0; i < 5; i++)
    fixture_attach (self, &circuits[i]);
  cepa_channel_close (self->channel, reason);
  cepa_channel_close (self->channel, reason);
  g_assert_cmpuint (self->n_closed, ==, 1);
  for (guint i = 0; i < 5; i++)
    {
      g_assert_cmpuint (circuits[i].n_closed, ==, 1);
      g_assert_cmpint (circuits[i].code, ==, CEPA_ERROR_TIMEOUT);
    }
  g_assert_cmpuint (cepa_channel_get_n_circuits (self->channel), ==, 0);
  g_assert_false (cepa_channel_attach (self->channel, &late.base, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED);
  g_assert_false (cepa_channel_has_room (self->channel));
}

static void
test_close_before_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_closed_once (self, FALSE);
}

static void
test_close_open (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  check_closed_once (self, TRUE);
}

/* Nothing that comes behind the cell that closed the channel is looked at. */
static void
test_nothing_behind_the_end (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  fixture_open (self);
  fixture_attach (self, &circuit);
  fake_relay_send_cell (self->relay, circuit.base.id, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_send_cell (self->relay, 0, CEPA_CELL_VERSIONS, "\0\5", 2);
  fake_relay_send_cell (self->relay, circuit.base.id, CEPA_CELL_RELAY, NULL, 0);
  fake_relay_deliver (self->relay, self->channel);
  g_assert_cmpuint (circuit.n_cells, ==, 1);
  g_assert_cmpuint (circuit.n_closed, ==, 1);
  g_assert_cmpuint (circuit.n_batches, ==, 0);
}

/* The circuit that is told of the end detaches another one, which then hears nothing. */
static void
test_detached_in_closed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "of the test");
  Circuit circuits[2] = { { .act = act_detach_both } };

  other_circuit = &circuits[1];
  fixture_attach (self, &circuits[0]);
  fixture_attach (self, &circuits[1]);
  cepa_channel_close (self->channel, reason);
  g_assert_cmpuint (circuits[0].n_closed, ==, 1);
  g_assert_cmpuint (circuits[1].n_closed, ==, 0);
}

/* ---- how much is queued ---- */

static void
fill (Fixture *self, Circuit *circuit)
{
  while (cepa_channel_has_room (self->channel))
    memset (cepa_channel_reserve_cell (&circuit->base, CEPA_CELL_RELAY), 0, CEPA_CELL_BODY_LEN);
}

static void
test_back_pressure (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Circuit circuits[3] = { 0 };

  g_assert_false (cepa_channel_has_room (self->channel));
  fixture_open (self);
  for (guint i = 0; i < 3; i++)
    fixture_attach (self, &circuits[i]);
  cepa_channel_note_sent (self->channel, 0);
  g_assert_cmpuint (circuits[0].n_sendable, ==, 0);
  fill (self, &circuits[0]);
  g_assert_cmpuint (output->len, >=, CEPA_CHANNEL_HIGH_WATER);
  g_assert_cmpuint (output->len, <, CEPA_CHANNEL_HIGH_WATER + CEPA_CELL_MAX_LEN);

  /* With TLS now: counted all the same. */
  cepa_buffer_drain (output, output->len);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_HIGH_WATER);
  g_assert_false (cepa_channel_has_room (self->channel));
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_LOW_WATER);
  g_assert_true (cepa_channel_has_room (self->channel));
  g_assert_cmpuint (circuits[0].n_sendable, ==, 0);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_LOW_WATER - 1);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (circuits[i].n_sendable, ==, 1);
  cepa_channel_note_sent (self->channel, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (circuits[i].n_sendable, ==, 1);
      cepa_channel_detach (&circuits[i].base);
    }
}

/* TLS makes bytes more: the channel may become full without a cell being queued, and circuits that ask then
   must hear when there is room again. */
static void
test_full_by_the_shell (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuit = { 0 };

  fixture_open (self);
  fixture_attach (self, &circuit);
  cepa_channel_note_sent (self->channel, CEPA_CHANNEL_HIGH_WATER + 100);
  g_assert_false (cepa_channel_has_room (self->channel));
  cepa_channel_note_sent (self->channel, 0);
  g_assert_true (cepa_channel_has_room (self->channel));
  g_assert_cmpuint (circuit.n_sendable, ==, 1);
  cepa_channel_detach (&circuit.base);
}

static Fixture *filling_fixture;

static void
act_fill (CepaChannelCircuit *self)
{
  fill (filling_fixture, (Circuit *) self);
}

/* Each of them takes all the room there is: the others get their turn, not always the same one. */
static void
test_turns (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  Circuit circuits[3] = { 0 };
  guint n = 0;

  filling_fixture = self;
  fixture_open (self);
  for (guint i = 0; i < 3; i++)
    {
      fixture_attach (self, &circuits[i]);
      circuits[i].act = act_fill;
    }
  fill (self, &circuits[0]);
  for (guint turn = 0; turn < 60; turn++)
    {
      cepa_buffer_drain (output, output->len);
      cepa_channel_note_sent (self->channel, 0);
    }
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (circuits[i].n_sendable, >=, 10);
      n += circuits[i].n_sendable;
      cepa_channel_detach (&circuits[i].base);
    }
  g_assert_cmpuint (n, ==, 60);
}

static void
test_detached_in_sendable (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Circuit circuits[2] = { 0 };

  fixture_open (self);
  for (guint i = 0; i < 2; i++)
    fixture_attach (self, &circuits[i]);
  fill (self, &circuits[0]);
  other_circuit = &circuits[1];
  circuits[0].act = act_detach_both;
  circuits[1].act = act_detach_both;
  cepa_buffer_drain (cepa_channel_get_output (self->channel), cepa_channel_get_output (self->channel)->len);
  cepa_channel_note_sent (self->channel, 0);
  g_assert_cmpuint (circuits[0].n_sendable + circuits[1].n_sendable, >=, 1);
  if (circuits[0].n_sendable == 1)
    g_assert_cmpuint (circuits[1].n_sendable + cepa_channel_get_n_circuits (self->channel), <=, 1);
  cepa_channel_detach (&circuits[0].base);
  cepa_channel_detach (&circuits[1].base);
}

static void
test_describe (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *text = cepa_channel_target_describe (cepa_channel_get_target (self->channel));

  g_assert_cmpstr (text, ==, "$BDCF8C144E42B635D0701539B9EF3705F2201AA6 at 127.0.0.1:9001");
  g_assert_false (cepa_channel_is_bad (self->channel));
  cepa_channel_set_bad (self->channel);
  g_assert_true (cepa_channel_is_bad (self->channel));
}

#define ADD(path, func) g_test_add ("/channel/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fake_relay_init ();
  g_test_add_func ("/channel/handshake/versions", test_versions);
  ADD ("handshake/versions-chosen", test_versions_chosen);
  ADD ("handshake/versions-none", test_versions_none);
  ADD ("handshake/versions-odd", test_versions_odd);
  g_test_add_func ("/channel/handshake/moments", test_moments);
  ADD ("handshake/auth-challenge-twice", test_auth_challenge_twice);
  ADD ("handshake/auth-challenge-short", test_auth_challenge_short);
  g_test_add_func ("/channel/handshake/certs", test_certs);
  ADD ("handshake/certs-cut", test_certs_cut);
  ADD ("handshake/certs-rsa-only", test_certs_rsa_only);
  ADD ("handshake/netinfo-cut", test_netinfo_cut);
  g_test_add_func ("/channel/handshake/skew", test_skew);
  ADD ("handshake/skew-unknown", test_skew_unknown);
  g_test_add_func ("/channel/cut-everywhere", test_cut_everywhere);
  ADD ("longest-cell", test_longest_cell);
  g_test_add_func ("/channel/circuits/ids", test_circuit_ids);
  ADD ("circuits/ids-used-up", test_circuit_ids_used_up);
  ADD ("circuits/attached-before-open", test_attached_before_open);
  ADD ("circuits/detached-in-opened", test_detached_in_opened);
  ADD ("circuits/detached-in-cell-and-batch", test_detached_in_cell_and_batch);
  ADD ("circuits/cells-and-batches", test_cells_and_batches);
  ADD ("circuits/idle-since", test_idle_since);
  ADD ("close/before-open", test_close_before_open);
  ADD ("close/open", test_close_open);
  ADD ("close/nothing-behind", test_nothing_behind_the_end);
  ADD ("close/detached-in-closed", test_detached_in_closed);
  ADD ("room/back-pressure", test_back_pressure);
  ADD ("room/full-by-the-shell", test_full_by_the_shell);
  ADD ("room/turns", test_turns);
  ADD ("room/detached-in-sendable", test_detached_in_sendable);
  ADD ("describe", test_describe);
  return g_test_run ();
}
