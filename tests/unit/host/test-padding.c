/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding plugins in the host: who gets their machines, what they are told for misconduct, how they come and go. */
#include <string.h>

#include <cepa/network.h>

#include "channel/padder.h"
#include "host/fixture.h"
#include "host/padding.h"
#include "support/log-capture.h"

#define ID "padding.flood"

/* A channel or circuit that is open. */
typedef struct
{
  CepaCellCounts counts;
  CepaPadders *padders;
  CepaPadder *padder;
  guint n_sent;
} Target;

static void
target_wake (G_GNUC_UNUSED gpointer user_data)
{
}

static gboolean
target_has_room (G_GNUC_UNUSED gpointer user_data)
{
  return TRUE;
}

static void
target_send (gpointer user_data, G_GNUC_UNUSED guint hop)
{
  Target *self = user_data;

  self->n_sent++;
  self->counts.sent++;
  self->counts.padding_sent++;
}

static void
target_negotiate (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED gboolean start, G_GNUC_UNUSED guint low_ms,
                  G_GNUC_UNUSED guint high_ms)
{
}

static void
target_hold (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED gboolean held)
{
}

static CepaPadding *
padding_of (Fixture *self)
{
  return cepa_host_padding_get (cepa_host_get_padding (self->host));
}

static void
target_open (Target *self, Fixture *fixture, CepaPaddingScope scope)
{
  static const CepaPadderFuncs channel = { target_has_room, target_send, target_negotiate, NULL, NULL };
  static const CepaPadderFuncs circuit = { target_has_room, target_send, NULL, target_hold, NULL };
  CepaPaddingTarget target = { .scope = scope, .n_hops = 3, .link_version = 5 };

  memset (self, 0, sizeof *self);
  self->padders = cepa_padders_new (&self->counts, target_wake, self);
  self->padder = cepa_padder_new (padding_of (fixture), self->padders, &target, &self->counts,
                                  scope == CEPA_PADDING_CHANNEL ? &channel : &circuit, self);
}

static void
target_close (Target *self)
{
  cepa_padder_free (self->padder);
  cepa_padders_free (self->padders);
}

/* Turns while cells come in, so that there is something to be told. */
static void
target_turn (Target *self, Fixture *fixture, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      self->counts.received++;
      self->counts.padding_received++;
      cepa_padders_turn (self->padders, fixture->clock.monotonic_us, self->counts.sent);
    }
}

static CepaHostPlugin *
start (Fixture *self, const char *variant)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = cepa_plugin_host_find (self->host, ID, NULL);

  if (plugin == NULL)
    fixture_install_as (self, variant, ID, "");
  plugin = fixture_start (self, ID, &error);
  g_assert_no_error (error);
  return plugin;
}

/* Stops it; its last line must have @part. */
static void
stop (Fixture *self, CepaHostPlugin *plugin, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_NOTICE);
  g_assert_true (fixture_stop (self, plugin, &error));
  text = log_capture_stop (&capture);
  log_capture_assert_has (text, part);
}

/* Open channels and circuits get machines when the plugin starts, and are without when it stops. */
static void
test_life (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Target channel, circuit;
  CepaHostPlugin *plugin;

  target_open (&channel, self, CEPA_PADDING_CHANNEL);
  g_assert_cmpuint (cepa_padding_count_machines (padding_of (self)), ==, 0);
  for (guint i = 1; i <= 2; i++)
    {
      guint sent;

      plugin = start (self, "flood");
      g_assert_cmpuint (cepa_padding_count_machines (padding_of (self)), ==, 1);
      target_open (&circuit, self, CEPA_PADDING_CIRCUIT);
      g_assert_cmpuint (cepa_padding_count_machines (padding_of (self)), ==, 2);
      target_turn (&channel, self, 3);
      sent = channel.n_sent;
      g_assert_cmpuint (sent, >, 0);
      stop (self, plugin, "0 machines left");
      g_assert_cmpuint (cepa_padding_count_machines (padding_of (self)), ==, 0);
      target_turn (&channel, self, 3);
      g_assert_cmpuint (channel.n_sent, ==, sent);
      target_close (&circuit);
    }
  target_close (&channel);
}

static void
check_misconduct (const char *variant, CepaPaddingScope scope, const char *rule)
{
  Fixture fixture;
  Target target;
  CepaHostPlugin *plugin;

  fixture_set_up (&fixture, NULL);
  plugin = start (&fixture, variant);
  target_open (&target, &fixture, scope);
  target_turn (&target, &fixture, 3);
  g_assert_cmpuint (fixture_violations (plugin, rule), ==, 1);
  g_assert_true (cepa_host_plugin_is_running (plugin));
  target_turn (&target, &fixture, 2000);
  g_assert_cmpuint (fixture_violations (plugin, rule), ==, 1); /* one line in the log for a channel or circuit */
  g_assert_cmpuint (target.n_sent, <=, MAX (CEPA_PADDING_CHANNEL_CELLS, CEPA_PADDING_CIRCUIT_CELLS));
  if (strcmp (rule, "padding-room") != 0)
    g_assert_cmpuint (fixture_violations (plugin, "padding-budget"), ==, 1);
  target_close (&target);
  fixture_tear_down (&fixture, NULL);
}

static void
test_misconduct (void)
{
  check_misconduct ("flood-room", CEPA_PADDING_CHANNEL, "padding-room");
  check_misconduct ("flood-action", CEPA_PADDING_CHANNEL, "padding-action");
  check_misconduct ("flood-hop", CEPA_PADDING_CIRCUIT, "padding-hop");
  check_misconduct ("flood-time", CEPA_PADDING_CIRCUIT, "padding-time");
  check_misconduct ("flood-block", CEPA_PADDING_CHANNEL, "padding-block");
  check_misconduct ("flood-negotiate", CEPA_PADDING_CHANNEL, "padding-negotiate");
}

static void
test_flood (Fixture *self, gconstpointer data)
{
  CepaPaddingScope scope = (CepaPaddingScope) GPOINTER_TO_UINT (data);
  guint budget = scope == CEPA_PADDING_CHANNEL ? CEPA_PADDING_CHANNEL_CELLS : CEPA_PADDING_CIRCUIT_CELLS;
  CepaHostPlugin *plugin = start (self, "flood");
  Target target;

  target_open (&target, self, scope);
  target_turn (&target, self, 1000);
  g_assert_cmpuint (target.n_sent, ==, budget);
  g_assert_cmpuint (fixture_violations (plugin, "padding-budget"), ==, 1);
  target_close (&target);
}

static int32_t
no_param (G_GNUC_UNUSED const CepaNetworkView *view, const char *name, int32_t fallback)
{
  return strcmp (name, "circpad_padding_disabled") == 0 ? 1 : fallback;
}

/* The plugin is told of the network when it changes, and of the one there is when it starts. */
static void
test_network (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaNetworkView view = { .size = sizeof view, .version = 1, .param = no_param };
  CepaHostPlugin *plugin;
  Target circuit;

  cepa_plugin_host_network_changed (self->host, &view);
  plugin = start (self, "flood");
  cepa_plugin_host_network_changed (self->host, &view);
  target_open (&circuit, self, CEPA_PADDING_CIRCUIT);
  target_turn (&circuit, self, 10);
  g_assert_cmpuint (circuit.n_sent, ==, 0); /* the consensus forbids it */
  g_assert_cmpuint (fixture_violations (plugin, "padding-budget"), ==, 0);
  target_close (&circuit);
  stop (self, plugin, "2 changes of the network");
}

#define ADD(path, data, func) g_test_add ("/host/padding/" path, Fixture, data, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("life", NULL, test_life);
  g_test_add_func ("/host/padding/misconduct", test_misconduct);
  ADD ("flood/channel", GUINT_TO_POINTER (CEPA_PADDING_CHANNEL), test_flood);
  ADD ("flood/circuit", GUINT_TO_POINTER (CEPA_PADDING_CIRCUIT), test_flood);
  ADD ("network", NULL, test_network);
  return g_test_run ();
}
