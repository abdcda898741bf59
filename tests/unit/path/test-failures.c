/* SPDX-License-Identifier: BSD-3-Clause */
/* Relays that failed are left out for a minute, and forgiven after. */
#include "path/failures.h"
#include "support/test-consensus.h"

#define N_RELAYS 6

typedef struct
{
  CepaClockFake clock;
  CepaNetwork *network;
  CepaFailures *failures;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  TestRelay relays[N_RELAYS];
  TestConsensus spec = { relays, N_RELAYS };

  for (guint i = 0; i < N_RELAYS; i++)
    relays[i] = (TestRelay){ .flags = TEST_RELAY_FLAGS };
  self->network = test_consensus_make_network (&spec);
  cepa_clock_fake_init (&self->clock, 1000, TEST_CONSENSUS_VALID_AFTER_S);
  self->failures = cepa_failures_new (&self->clock.clock);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_failures_free (self->failures);
  cepa_network_unref (self->network);
}

static void
fixture_note (Fixture *self, guint i)
{
  guint8 id[20];

  test_relay_id (i, id);
  cepa_failures_note (self->failures, id);
}

/* @rows: the digits of those that are left out. */
static void
fixture_check (Fixture *self, const guint8 (*more)[20], guint n_more, const char *rows)
{
  g_autoptr (GArray) listed = cepa_failures_list (self->failures, self->network, more, n_more);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < listed->len; i++)
    g_string_append_printf (text, "%u", g_array_index (listed, guint32, i));
  g_assert_cmpstr (text->str, ==, rows);
  g_string_free (text, TRUE);
}

static void
test_list (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const guint8 stranger[20] = { 1 };

  fixture_check (self, NULL, 0, "");
  fixture_note (self, 4);
  fixture_note (self, 1);
  fixture_note (self, 4);
  cepa_failures_note (self->failures, stranger); /* not in the consensus */
  fixture_check (self, NULL, 0, "14");
}

static void
test_more (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 more[4][20] = { 0 };

  test_relay_id (5, more[0]);
  test_relay_id (1, more[1]);
  test_relay_id (0, more[2]);
  fixture_note (self, 1);
  fixture_note (self, 3);
  fixture_check (self, (const guint8 (*)[20]) more, 4, "0135");
  fixture_check (self, (const guint8 (*)[20]) more, 1, "135");
  fixture_check (self, NULL, 0, "13");
}

static void
test_time (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_note (self, 2);
  self->clock.monotonic_us += CEPA_FAILURES_FORGET_US / 2;
  fixture_note (self, 3);
  self->clock.monotonic_us += CEPA_FAILURES_FORGET_US / 2;
  fixture_check (self, NULL, 0, "23");
  self->clock.monotonic_us += 1;
  fixture_check (self, NULL, 0, "3");
  fixture_note (self, 3); /* it failed again: its minute begins again */
  self->clock.monotonic_us += CEPA_FAILURES_FORGET_US;
  fixture_check (self, NULL, 0, "3");
  self->clock.monotonic_us += 1;
  fixture_check (self, NULL, 0, "");
}

static void
test_forget (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint8 id[20];

  for (guint i = 0; i < N_RELAYS; i++)
    fixture_note (self, i);
  test_relay_id (3, id);
  cepa_failures_forget (self->failures, id);
  cepa_failures_forget (self->failures, id);
  fixture_check (self, NULL, 0, "01245");
  cepa_failures_forget_all (self->failures);
  fixture_check (self, NULL, 0, "");
}

#define ADD(path, func) g_test_add ("/failures/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("list", test_list);
  ADD ("more", test_more);
  ADD ("time", test_time);
  ADD ("forget", test_forget);
  return g_test_run ();
}
