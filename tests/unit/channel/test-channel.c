/* SPDX-License-Identifier: BSD-3-Clause */
/* A channel driven with bytes: its link handshake, its circuits, its queue. */
#include "fixture.h"

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
check_skew (gint64 skew_s)
{
  Fixture f;

  fixture_set_up_version (&f, 5);
  f.relay->clock_s = FAKE_NOW_S + skew_s;
  fixture_open (&f);
  g_assert_true (cepa_channel_tells_time (f.channel));
  g_assert_cmpint (cepa_channel_get_skew_s (f.channel), ==, skew_s);
  fixture_tear_down (&f, NULL);
}

static void
test_skew (void)
{
  check_skew (0);
  check_skew (3660 + 3600);
  check_skew (-3601);
}

/* A relay that does not tell the time has no skew. */
static void
test_skew_unknown (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->relay->clock_s = 0;
  fixture_open (self);
  g_assert_false (cepa_channel_tells_time (self->channel));
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
  return g_test_run ();
}
