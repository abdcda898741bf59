/* SPDX-License-Identifier: BSD-3-Clause */
/* A padder between a made-up target and a machine of the test: every event, action and limit. */
#include <string.h>

#include <cepa/network.h>

#include "channel/padder.h"
#include "support/fake-machine.h"

#define SECOND G_USEC_PER_SEC

typedef struct
{
  CepaClockFake clock;
  FakeMachine machine;
  CepaPadding *padding;
  CepaPadders *padders;
  CepaCellCounts channel_counts, counts;
  CepaPadder *padder;
  gboolean full; /* there is no room */
  guint n_wakes, n_sent, last_hop;
  guint n_negotiated, low_ms, high_ms;
  gboolean started, held;
  guint n_released, n_waiting; /* DATA cells */
  gboolean end_in_release;
  gint64 first_us; /* of the first call that a test of patience notes */
} Fixture;

static void
target_wake (gpointer user_data)
{
  ((Fixture *) user_data)->n_wakes++;
}

static gboolean
target_has_room (gpointer user_data)
{
  return !((Fixture *) user_data)->full;
}

static void
target_count_sent (Fixture *self, guint n)
{
  self->channel_counts.sent += n;
  self->counts.sent += n;
}

static void
target_send (gpointer user_data, guint hop)
{
  Fixture *self = user_data;

  self->n_sent++;
  self->last_hop = hop;
  target_count_sent (self, 1);
  self->counts.padding_sent++;
}

static void
target_negotiate (gpointer user_data, gboolean start, guint low_ms, guint high_ms)
{
  Fixture *self = user_data;

  self->n_negotiated++;
  self->started = start;
  self->low_ms = low_ms;
  self->high_ms = high_ms;
}

static void
target_hold (gpointer user_data, gboolean held)
{
  Fixture *self = user_data;

  self->held = held;
  if (held)
    return;
  self->n_released += self->n_waiting;
  self->n_waiting = 0;
  if (self->end_in_release)
    g_clear_pointer (&self->padder, cepa_padder_free);
}

static gboolean
target_release_one (gpointer user_data)
{
  Fixture *self = user_data;

  g_assert_true (self->held);
  if (self->n_waiting == 0)
    return FALSE;
  self->n_waiting--;
  self->n_released++;
  target_count_sent (self, 1);
  return TRUE;
}

static const CepaPadderFuncs channel_funcs = { target_has_room, target_send, target_negotiate, NULL, NULL };
static const CepaPadderFuncs circuit_funcs
    = { target_has_room, target_send, NULL, target_hold, target_release_one };

static void
fixture_open (Fixture *self, CepaPaddingScope scope)
{
  CepaPaddingTarget target = { .scope = scope, .number = 7, .n_hops = 3, .link_version = 5 };

  self->padder = cepa_padder_new (self->padding, self->padders, &target, &self->counts,
                                  scope == CEPA_PADDING_CHANNEL ? &channel_funcs : &circuit_funcs, self);
}

static void
fixture_set_up (Fixture *self, gconstpointer data)
{
  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 100 * SECOND, 0);
  fake_machine_init (&self->machine);
  self->padding = cepa_padding_new (&self->clock.clock, &self->machine.provider);
  self->padders = cepa_padders_new (&self->channel_counts, target_wake, self);
  fixture_open (self, (CepaPaddingScope) GPOINTER_TO_UINT (data));
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_padder_free (self->padder);
  cepa_padders_free (self->padders);
  cepa_padding_free (self->padding);
  fake_machine_clear (&self->machine);
}

/* A turn at the end of which @n_waiting cells are still in the channel's queue. */
static void
fixture_turn_with (Fixture *self, guint n_waiting)
{
  cepa_padders_turn (self->padders, self->clock.monotonic_us, self->channel_counts.sent - n_waiting);
}

static void
fixture_turn (Fixture *self)
{
  fixture_turn_with (self, 0);
}

static void
fixture_expect (Fixture *self, const char *events)
{
  guint before = self->machine.n_triggers;
  g_autofree char *got = NULL;

  fixture_turn (self);
  g_assert_cmpuint (self->machine.n_triggers - before, ==, events != NULL);
  got = fake_machine_describe (&self->machine);
  if (events != NULL)
    g_assert_cmpstr (got, ==, events);
}

/* Advances to the next due time, which is @delay_us from now. */
static void
fixture_pass (Fixture *self, gint64 delay_us)
{
  g_assert_cmpint (cepa_padders_get_due_us (self->padders) - self->clock.monotonic_us, ==, delay_us);
  self->clock.monotonic_us += delay_us;
}

/* A turn in which the machine does @action. */
static void
fixture_do (Fixture *self, const CepaPaddingAction *action)
{
  fake_machine_add (&self->machine, action);
  target_count_sent (self, 1);
  fixture_turn (self);
  g_assert_cmpuint (self->machine.n_actions, ==, 0);
}

static void
fixture_check_broken (Fixture *self, const char *rule)
{
  g_assert_cmpuint (self->machine.rules->len, ==, rule != NULL ? 1 : 0);
  if (rule != NULL)
    g_assert_cmpstr (self->machine.rules->pdata[0], ==, rule);
  g_ptr_array_set_size (self->machine.rules, 0);
}

/* ---- events ---- */

/* The time of the first call only. */
static void
test_patient_note_time (gpointer user_data)
{
  Fixture *self = user_data;

  if (self->first_us == 0)
    self->first_us = self->machine.now_us;
}

/* Cells are told with the next other news, before it, with the time of the last of them. */
static void
test_patient (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaPaddingAction timer
      = { .type = CEPA_PADDING_UPDATE_TIMER, .flags = CEPA_PADDING_REPLACE, .duration_us = SECOND };

  cepa_padder_free (self->padder);
  self->machine.is_patient = TRUE;
  fixture_open (self, CEPA_PADDING_CHANNEL);
  fake_machine_add (&self->machine, &timer);
  fixture_expect (self, "12*1"); /* OPENED */
  fixture_pass (self, CEPA_PADDING_MIN_DELAY_US);
  fixture_expect (self, "8*1"); /* TIMER_BEGIN */
  self->counts.received += 10;
  fixture_expect (self, NULL);
  self->clock.monotonic_us += SECOND / 2;
  self->counts.received += 1;
  target_count_sent (self, 2);
  fixture_expect (self, NULL);
  fixture_pass (self, SECOND / 2 - CEPA_PADDING_MIN_DELAY_US);
  memset (self->machine.counts, 0, sizeof self->machine.counts);
  self->machine.act = test_patient_note_time;
  self->machine.user_data = self;
  fixture_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_RECEIVED], ==, 11);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_SENT], ==, 2);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TIMER_END], ==, 1);
  g_assert_cmpint (self->first_us, ==, self->clock.monotonic_us - SECOND / 2 + CEPA_PADDING_MIN_DELAY_US);
  g_assert_cmpint (self->machine.now_us, ==, self->clock.monotonic_us);
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
}

static void
test_counts (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_cmpuint (self->n_wakes, ==, 1);
  g_assert_cmpuint (self->machine.target.number, ==, 7);
  fixture_expect (self, "12*1"); /* OPENED */
  fixture_expect (self, NULL);
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
  self->counts.received += 250;
  self->counts.padding_received += 2;
  target_count_sent (self, 4);
  fixture_expect (self, "5*250 1*248 3*2 0*4 4*4");
  fixture_expect (self, NULL);
}

static void
test_use (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_expect (self, "12*1");
  cepa_padder_set_in_use (self->padder, TRUE);
  cepa_padder_note_stream (self->padder);
  cepa_padder_note_stream (self->padder);
  g_assert_cmpuint (self->n_wakes, ==, 3);
  fixture_expect (self, "10*1 14*1");
  cepa_padder_set_in_use (self->padder, FALSE);
  cepa_padder_set_in_use (self->padder, TRUE);
  fixture_expect (self, NULL); /* as it was */
  cepa_padder_set_in_use (self->padder, FALSE);
  fixture_expect (self, "11*1");
}

/* Cells of others are between those of this circuit; some are still queued. */
static void
test_tunnel_sent (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_turn (self);
  target_count_sent (self, 3);
  self->channel_counts.sent += 10;
  fixture_turn_with (self, 2);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_NORMAL_SENT], ==, 3);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 0);
  target_count_sent (self, 5);
  fixture_turn_with (self, 5); /* the first are gone, the last are not */
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 3);
  fixture_turn_with (self, 1);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 3);
  fixture_turn_with (self, 0);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TUNNEL_SENT], ==, 8);
}

/* ---- SEND ---- */

static void
test_send (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction send = { .type = CEPA_PADDING_SEND, .hop = 2, .timeout_us = 5000 };

  fixture_do (self, &send);
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_pass (self, 5000);
  fixture_expect (self, "2*1"); /* PADDING_SENT */
  fixture_expect (self, "4*1"); /* TUNNEL_SENT */
  g_assert_cmpuint (self->n_sent, ==, 1);
  g_assert_cmpuint (self->last_hop, ==, 2);
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
  send.timeout_us = 0;
  send.hop = 1;
  fixture_do (self, &send); /* at once */
  g_assert_cmpuint (self->n_sent, ==, 2);
  g_assert_cmpuint (self->last_hop, ==, 1);
  fixture_check_broken (self, NULL);
}

static void
test_send_again (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .hop = 2, .timeout_us = 5000 });
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .hop = 0, .timeout_us = 9000 });
  fixture_pass (self, 9000); /* the new one took the place of the old */
  fixture_turn (self);
  g_assert_cmpuint (self->n_sent, ==, 1);
  g_assert_cmpuint (self->last_hop, ==, 0);
}

static void
test_cancel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .timeout_us = 5000 });
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_UPDATE_TIMER, .duration_us = 7000 });
  fixture_pass (self, CEPA_PADDING_MIN_DELAY_US);
  fixture_expect (self, "8*1"); /* TIMER_BEGIN */
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_CANCEL, .timers = CEPA_PADDING_TIMER_ACTION });
  fixture_pass (self, 6000);
  fixture_expect (self, "9*1"); /* TIMER_END alone */
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_UPDATE_TIMER, .duration_us = 7000 });
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_CANCEL, .timers = CEPA_PADDING_TIMER_INTERNAL });
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_check_broken (self, NULL);
}

static void
test_update_timer (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction action = { .type = CEPA_PADDING_UPDATE_TIMER, .duration_us = 9000 };

  fixture_do (self, &action);
  fixture_turn (self);
  action.duration_us = 5000;
  fixture_do (self, &action); /* the longer one stays */
  fixture_pass (self, 9000);
  fixture_expect (self, "9*1");
  action.duration_us = 9000;
  fixture_do (self, &action);
  fixture_turn (self);
  action.duration_us = 5000;
  action.flags = CEPA_PADDING_REPLACE;
  fixture_do (self, &action);
  fixture_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_TIMER_BEGIN], ==, 3);
  fixture_pass (self, 5000);
  fixture_expect (self, "9*1");
}

/* A cell with a purpose that goes out at the same time stands for the padding. */
static void
test_replace (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction action = { .type = CEPA_PADDING_SEND, .flags = CEPA_PADDING_REPLACE, .timeout_us = 5000 };

  fixture_do (self, &action);
  fixture_pass (self, 5000);
  target_count_sent (self, 2);
  fixture_expect (self, "2*1 0*2 4*2");
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_do (self, &action);
  fixture_pass (self, 5000);
  fixture_expect (self, "2*1");
  fixture_turn (self);
  g_assert_cmpuint (self->n_sent, ==, 1);

  /* One that waits for the network still is as good. */
  fake_machine_add (&self->machine, &action);
  target_count_sent (self, 1);
  fixture_turn_with (self, 1);
  self->clock.monotonic_us += 5000;
  fixture_turn_with (self, 1);
  g_assert_cmpuint (self->n_sent, ==, 1);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_PADDING_SENT], ==, 3);
}

static void
test_no_room (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->full = TRUE;
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND, .timeout_us = 0 });
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_pass (self, CEPA_PADDING_REFUSAL_DELAY_US);
  fixture_expect (self, "13*1"); /* REFUSED */
  fixture_check_broken (self, NULL);
}

/* ---- BLOCK ---- */

static void
test_block (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .timeout_us = 2000, .duration_us = 8000 });
  g_assert_false (self->held);
  fixture_pass (self, 2000);
  fixture_expect (self, "6*1");
  g_assert_true (self->held);
  self->n_waiting = 3;
  fixture_pass (self, 8000);
  fixture_expect (self, "7*1");
  g_assert_false (self->held);
  g_assert_cmpuint (self->n_released, ==, 3);
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
}

static void
test_block_duration (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction action = { .type = CEPA_PADDING_BLOCK, .duration_us = 9000 };

  fixture_do (self, &action);
  fixture_turn (self);
  action.duration_us = 5000;
  fixture_do (self, &action); /* the longer one stays */
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, self->clock.monotonic_us + 9000);
  action.flags = CEPA_PADDING_REPLACE;
  fixture_do (self, &action);
  fixture_turn (self);
  g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, self->clock.monotonic_us + 5000);
  action.duration_us = 0;
  fixture_do (self, &action); /* ends it */
  g_assert_false (self->held);
  fixture_turn (self);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_BLOCKING_BEGIN], ==, 2);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_BLOCKING_END], ==, 1);
}

/* Padding waits for the end of blocking, unless both say that it need not. */
static void
test_bypass (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction block = { .type = CEPA_PADDING_BLOCK, .duration_us = 50000 };
  CepaPaddingAction send = { .type = CEPA_PADDING_SEND, .timeout_us = 1000 };

  for (guint i = 0; i < 4; i++)
    {
      guint before = self->n_sent;

      block.flags = (i & 1) != 0 ? CEPA_PADDING_BYPASS : 0;
      send.flags = (i & 2) != 0 ? CEPA_PADDING_BYPASS : 0;
      fixture_do (self, &block);
      fixture_turn (self);
      fixture_do (self, &send);
      self->clock.monotonic_us += 1000;
      fixture_turn (self);
      g_assert_cmpuint (self->n_sent - before, ==, i == 3);
      self->clock.monotonic_us += 49000;
      fixture_turn (self);
      g_assert_false (self->held);
      g_assert_cmpuint (self->n_sent - before, ==, 1);
    }
}

/* With both flags a cell that is held back goes in place of the padding: constant rate. */
static void
test_bypass_replace (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingAction send
      = { .type = CEPA_PADDING_SEND, .flags = CEPA_PADDING_BYPASS | CEPA_PADDING_REPLACE, .timeout_us = 1000 };

  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .flags = CEPA_PADDING_BYPASS,
                                          .duration_us = 50000 });
  fixture_turn (self);
  self->n_waiting = 1;
  for (guint i = 0; i < 2; i++)
    {
      fixture_do (self, &send);
      self->clock.monotonic_us += 1000;
      fixture_turn (self);
      g_assert_cmpuint (self->n_released, ==, 1);
      g_assert_cmpuint (self->n_sent, ==, i);
      g_assert_cmpuint (self->machine.counts[CEPA_PADDING_PADDING_SENT], ==, i + 1);
    }
  g_assert_true (self->held);
}

/* What goes again may close the circuit. */
static void
test_block_end_closes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .duration_us = 5000 });
  self->end_in_release = TRUE;
  self->clock.monotonic_us += 5000;
  fixture_turn (self);
  g_assert_null (self->padder);
  g_assert_false (cepa_padders_has_any (self->padders));
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
}

/* ---- NEGOTIATE ---- */

static void
test_negotiate (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_NEGOTIATE, .low_ms = 1500, .high_ms = 9500 });
  g_assert_cmpuint (self->n_negotiated, ==, 1);
  g_assert_true (self->started);
  g_assert_cmpuint (self->low_ms, ==, 1500);
  g_assert_cmpuint (self->high_ms, ==, 9500);
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_NEGOTIATE });
  g_assert_false (self->started);
  fixture_check_broken (self, NULL);
  /* The machine goes, and leaves the relay as it was. */
  cepa_padding_withdraw (self->padding, &self->machine);
  g_assert_cmpuint (self->n_negotiated, ==, 3);
  g_assert_true (self->started);
  g_assert_cmpuint (self->high_ms, ==, 0);
}

/* ---- misconduct ---- */

typedef struct
{
  CepaPaddingAction action;
  const char *rule;
} Misdeed;

static void
check_misdeeds (Fixture *self, const Misdeed *misdeeds, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      fixture_do (self, &misdeeds[i].action);
      fixture_check_broken (self, misdeeds[i].rule);
      fixture_do (self, &misdeeds[i].action); /* told once for each machine */
      fixture_check_broken (self, NULL);
      g_assert_cmpint (cepa_padders_get_due_us (self->padders), ==, -1);
      cepa_padding_withdraw (self->padding, &self->machine); /* and there is a new one */
    }
  g_assert_cmpuint (self->n_sent + self->n_negotiated, ==, 0);
  g_assert_false (self->held);
}

static void
test_misdeeds_of_circuit (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const Misdeed misdeeds[] = {
    { { .type = 5 }, "padding-action" },
    { { .type = CEPA_PADDING_SEND, .flags = 4 }, "padding-action" },
    { { .type = CEPA_PADDING_CANCEL }, "padding-action" },
    { { .type = CEPA_PADDING_CANCEL, .timers = 4 }, "padding-action" },
    { { .type = CEPA_PADDING_SEND, .hop = 3 }, "padding-hop" },
    { { .type = CEPA_PADDING_SEND, .timeout_us = -1 }, "padding-time" },
    { { .type = CEPA_PADDING_SEND, .timeout_us = CEPA_PADDING_MAX_DELAY_US + 1 }, "padding-time" },
    { { .type = CEPA_PADDING_BLOCK, .duration_us = -1 }, "padding-time" },
    { { .type = CEPA_PADDING_BLOCK, .duration_us = CEPA_PADDING_MAX_BLOCK_US + 1 }, "padding-time" },
    { { .type = CEPA_PADDING_UPDATE_TIMER, .duration_us = G_MININT64 }, "padding-time" },
    { { .type = CEPA_PADDING_UPDATE_TIMER, .duration_us = G_MAXINT64 }, "padding-time" },
    { { .type = CEPA_PADDING_NEGOTIATE, .low_ms = 1, .high_ms = 2 }, "padding-negotiate" },
  };

  check_misdeeds (self, misdeeds, G_N_ELEMENTS (misdeeds));
}

static void
test_misdeeds_of_channel (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const Misdeed misdeeds[] = {
    { { .type = CEPA_PADDING_BLOCK, .duration_us = 1000 }, "padding-block" },
    { { .type = CEPA_PADDING_NEGOTIATE, .low_ms = 2, .high_ms = 1 }, "padding-negotiate" },
    { { .type = CEPA_PADDING_NEGOTIATE, .low_ms = 1, .high_ms = 60001 }, "padding-negotiate" },
  };

  check_misdeeds (self, misdeeds, G_N_ELEMENTS (misdeeds));
}

static void
test_room (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->machine.n_claimed = CEPA_PADDING_MAX_ACTIONS + 1;
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_check_broken (self, "padding-room");
  self->machine.n_claimed = 0;
  for (guint i = 0; i < CEPA_PADDING_MAX_ACTIONS; i++)
    fake_machine_add (&self->machine, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
  fixture_turn (self);
  target_count_sent (self, 1);
  fixture_turn (self);
  g_assert_cmpuint (self->n_sent, ==, CEPA_PADDING_MAX_ACTIONS);
}

/* ---- the budget ---- */

static void
fixture_flood (Fixture *self, guint n_turns, gint64 step_us)
{
  self->machine.repeats = TRUE;
  self->machine.n_actions = 0;
  for (guint i = 0; i < CEPA_PADDING_MAX_ACTIONS; i++)
    fake_machine_add (&self->machine, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
  self->counts.received++; /* something to be told at all */
  self->counts.padding_received++;
  for (guint i = 0; i < n_turns; i++)
    {
      fixture_turn (self);
      self->clock.monotonic_us += step_us;
    }
}

static void
test_flood (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gboolean is_channel = data == GUINT_TO_POINTER (CEPA_PADDING_CHANNEL);
  guint budget = is_channel ? CEPA_PADDING_CHANNEL_CELLS : CEPA_PADDING_CIRCUIT_CELLS;

  fixture_flood (self, 5000, 0);
  g_assert_cmpuint (self->n_sent, ==, budget);
  fixture_check_broken (self, "padding-budget");
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_REFUSED], >, 0);
  /* Refused, it is left alone for a while. */
  g_assert_cmpint (cepa_padders_get_due_us (self->padders) - self->clock.monotonic_us, ==,
                   CEPA_PADDING_REFUSAL_DELAY_US);

  /* Ten minutes; then a thousand cells with a purpose. */
  self->clock.monotonic_us += 600 * SECOND;
  budget += 10 * (is_channel ? CEPA_PADDING_CHANNEL_CELLS_PER_MINUTE : CEPA_PADDING_CIRCUIT_CELLS_PER_MINUTE);
  fixture_flood (self, 5000, 0);
  g_assert_cmpuint (self->n_sent, ==, budget);
  self->counts.received += 500;
  target_count_sent (self, 500);
  budget += 10 * (is_channel ? CEPA_PADDING_CHANNEL_PERCENT : CEPA_PADDING_CIRCUIT_PERCENT);
  fixture_flood (self, 5000, 0);
  g_assert_cmpuint (self->n_sent, ==, budget);

  /* Another machine on the same target has no other budget. */
  cepa_padding_withdraw (self->padding, &self->machine);
  fixture_flood (self, 100, 0);
  g_assert_cmpuint (self->n_sent, ==, budget);
}

/* A machine that answers to its own timers does not hold the loop. */
static void
test_spin (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->machine.repeats = TRUE;
  fake_machine_add (&self->machine, &(CepaPaddingAction){ .type = CEPA_PADDING_UPDATE_TIMER,
                                                          .flags = CEPA_PADDING_REPLACE });
  fixture_turn (self);
  for (guint i = 0; i < 100; i++)
    {
      fixture_pass (self, CEPA_PADDING_MIN_DELAY_US);
      fixture_turn (self);
    }
  g_assert_cmpuint (self->machine.n_triggers, ==, 101);
}

static void
test_params (Fixture *self, gconstpointer data)
{
  gboolean is_channel = data == GUINT_TO_POINTER (CEPA_PADDING_CHANNEL);
  CepaPaddingParams params = { .channels_disabled = is_channel, .circuits_disabled = !is_channel };
  CepaPaddingAction send = { .type = CEPA_PADDING_SEND };

  cepa_padding_set_params (self->padding, &params);
  fixture_do (self, &send);
  fixture_turn (self);
  g_assert_cmpuint (self->n_sent, ==, 0);
  g_assert_cmpuint (self->machine.counts[CEPA_PADDING_REFUSED], ==, 1);
  params = (CepaPaddingParams){ .channels_disabled = !is_channel, .circuits_disabled = is_channel };
  cepa_padding_set_params (self->padding, &params);
  fixture_do (self, &send);
  g_assert_cmpuint (self->n_sent, ==, 1);
  fixture_check_broken (self, NULL); /* the network's wish is not the plugin's fault */
}

/* Ten cells free; from then on a fifth of what circuits send. */
static void
test_global_share (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPaddingParams params = { .allowed_cells = 10, .max_percent = 20 };

  cepa_padding_set_params (self->padding, &params);
  fixture_flood (self, 10, 0);
  g_assert_cmpuint (self->n_sent, ==, 10);
  self->machine.repeats = FALSE;
  self->machine.n_actions = 0;
  target_count_sent (self, 400);
  fixture_turn (self);
  fixture_flood (self, 100, 0);
  g_assert_cmpuint (self->n_sent, ==, 101); /* the first that is over: 101 of 501 */
  fixture_check_broken (self, NULL);
}

static int32_t
view_param (const CepaNetworkView *view, const char *name, int32_t fallback)
{
  static const char *const names[] = { "nf_ito_low", "nf_ito_high", "circpad_padding_disabled" };
  gboolean known = strcmp (name, "circpad_global_allowed_cells") == 0
                   || strcmp (name, "circpad_global_max_padding_pct") == 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      return view->n_relays == i ? 1 : view->n_relays == 3 ? 0 : fallback;
  g_assert_true (known);
  return fallback;
}

/* nf_ito_* of 0 and 0 forbid it on channels, circpad_padding_disabled on circuits. */
static void
test_network (Fixture *self, gconstpointer data)
{
  gboolean is_channel = data == GUINT_TO_POINTER (CEPA_PADDING_CHANNEL);
  CepaNetworkView view = { .size = sizeof view, .param = view_param };

  for (guint i = 0; i < 4; i++)
    {
      guint before = self->n_sent;

      view.n_relays = i;
      cepa_padding_network_changed (self->padding, &view);
      fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
      g_assert_cmpuint (self->n_sent - before, ==, is_channel ? i != 3 : i != 2);
    }
}

/* ---- machines come and go ---- */

static void
test_none (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->machine.refuses = TRUE;
  cepa_padding_withdraw (self->padding, &self->machine);
  fixture_turn (self);
  g_assert_false (cepa_padders_has_any (self->padders));
  g_assert_cmpuint (cepa_padding_count_machines (self->padding), ==, 0);
  target_count_sent (self, 5);
  cepa_padder_set_in_use (self->padder, TRUE);
  fixture_turn (self);
  g_assert_cmpuint (self->machine.n_triggers, ==, 0);

  /* A plugin is started: what is open gets a machine, which knows nothing of what was before. */
  self->machine.refuses = FALSE;
  cepa_padding_offer (self->padding);
  cepa_padding_offer (self->padding);
  g_assert_cmpuint (cepa_padding_count_machines (self->padding), ==, 1);
  g_assert_cmpuint (self->machine.n_made, ==, 2);
  fixture_expect (self, "12*1 10*1");
}

static void
test_withdrawn_while_blocked (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_BLOCK, .duration_us = 50000 });
  self->n_waiting = 2;
  self->machine.refuses = TRUE;
  cepa_padding_withdraw (self->padding, &self->machine);
  g_assert_cmpuint (self->machine.n_freed, ==, 1);
  fixture_turn (self);
  g_assert_false (self->held);
  g_assert_cmpuint (self->n_released, ==, 2);
  g_assert_false (cepa_padders_has_any (self->padders));
}

static void
withdraw (gpointer user_data)
{
  Fixture *self = user_data;

  self->machine.refuses = TRUE;
  cepa_padding_withdraw (self->padding, &self->machine);
}

static void
test_withdrawn_in_trigger (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->machine.act = withdraw;
  self->machine.user_data = self;
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
  g_assert_cmpuint (self->n_sent, ==, 0);
  fixture_turn (self);
  g_assert_cmpuint (self->machine.n_triggers, ==, 1);
}

static void
end (gpointer user_data)
{
  Fixture *self = user_data;

  g_clear_pointer (&self->padder, cepa_padder_free);
}

static void
test_ends_in_trigger (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->machine.act = end;
  self->machine.user_data = self;
  fixture_do (self, &(CepaPaddingAction){ .type = CEPA_PADDING_SEND });
  g_assert_cmpuint (self->n_sent, ==, 0);
  g_assert_false (cepa_padders_has_any (self->padders));
}

#define ADD(path, scope, func) \
  g_test_add ("/padder/" path, Fixture, GUINT_TO_POINTER (scope), fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("counts", CEPA_PADDING_CHANNEL, test_counts);
  ADD ("patient", CEPA_PADDING_CHANNEL, test_patient);
  ADD ("use", CEPA_PADDING_CHANNEL, test_use);
  ADD ("tunnel-sent", CEPA_PADDING_CIRCUIT, test_tunnel_sent);
  ADD ("send", CEPA_PADDING_CIRCUIT, test_send);
  ADD ("send-again", CEPA_PADDING_CIRCUIT, test_send_again);
  ADD ("cancel", CEPA_PADDING_CIRCUIT, test_cancel);
  ADD ("update-timer", CEPA_PADDING_CIRCUIT, test_update_timer);
  ADD ("replace", CEPA_PADDING_CHANNEL, test_replace);
  ADD ("no-room", CEPA_PADDING_CIRCUIT, test_no_room);
  ADD ("block", CEPA_PADDING_CIRCUIT, test_block);
  ADD ("block-duration", CEPA_PADDING_CIRCUIT, test_block_duration);
  ADD ("bypass", CEPA_PADDING_CIRCUIT, test_bypass);
  ADD ("bypass-replace", CEPA_PADDING_CIRCUIT, test_bypass_replace);
  ADD ("block-end-closes", CEPA_PADDING_CIRCUIT, test_block_end_closes);
  ADD ("negotiate", CEPA_PADDING_CHANNEL, test_negotiate);
  ADD ("misdeeds/circuit", CEPA_PADDING_CIRCUIT, test_misdeeds_of_circuit);
  ADD ("misdeeds/channel", CEPA_PADDING_CHANNEL, test_misdeeds_of_channel);
  ADD ("misdeeds/room", CEPA_PADDING_CHANNEL, test_room);
  ADD ("flood/channel", CEPA_PADDING_CHANNEL, test_flood);
  ADD ("flood/circuit", CEPA_PADDING_CIRCUIT, test_flood);
  ADD ("spin", CEPA_PADDING_CIRCUIT, test_spin);
  ADD ("params/channel", CEPA_PADDING_CHANNEL, test_params);
  ADD ("params/circuit", CEPA_PADDING_CIRCUIT, test_params);
  ADD ("params/share", CEPA_PADDING_CIRCUIT, test_global_share);
  ADD ("params/network-channel", CEPA_PADDING_CHANNEL, test_network);
  ADD ("params/network-circuit", CEPA_PADDING_CIRCUIT, test_network);
  ADD ("machines/none", CEPA_PADDING_CIRCUIT, test_none);
  ADD ("machines/withdrawn-blocked", CEPA_PADDING_CIRCUIT, test_withdrawn_while_blocked);
  ADD ("machines/withdrawn-in-trigger", CEPA_PADDING_CIRCUIT, test_withdrawn_in_trigger);
  ADD ("machines/ends-in-trigger", CEPA_PADDING_CIRCUIT, test_ends_in_trigger);
  return g_test_run ();
}
