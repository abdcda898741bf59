/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is believed about the time, what is said of it, and that it is said once. */
#include <string.h>

#include "directory/skew.h"
#include "support/log-capture.h"

static const guint8 alice[20] = { 1 }, bob[20] = { 2 };

typedef struct
{
  CepaSkew skew;
  LogCapture capture;
  guint n_changed;
} Fixture;

static void
fixture_changed (gpointer user_data, G_GNUC_UNUSED const CepaSkew *skew)
{
  ((Fixture *) user_data)->n_changed++;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  self->skew.changed = fixture_changed;
  self->skew.user_data = self;
  log_capture_start (&self->capture, CEPA_LOG_NOTICE);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_clear (&self->skew);
}

/* Ends the capture. */
static void
fixture_check (Fixture *self, guint n_changed, gint64 skew_s, const char *source, const char *logged)
{
  g_autofree char *log = log_capture_stop (&self->capture);

  g_assert_cmpuint (self->n_changed, ==, n_changed);
  g_assert_cmpint (self->skew.skew_s, ==, skew_s);
  g_assert_cmpstr (self->skew.source, ==, source);
  if (logged != NULL)
    log_capture_assert_has (log, logged);
  else
    g_assert_cmpstr (log, ==, "");
}

static void
test_authority (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < 3; i++)
    cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "192.0.2.1:443", "the relay alice", -7500, TRUE);
  fixture_check (self, 1, -7500, "OR:192.0.2.1:443", "This computer's clock is 2 hours 5 minutes behind the relay alice.");
}

static void
test_tolerance (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "a", "a", 3600, TRUE);
  cepa_skew_note (&self->skew, CEPA_SKEW_DIRSERV, alice, "a", "a", -1800, TRUE);
  cepa_skew_note (&self->skew, CEPA_SKEW_CONSENSUS, alice, NULL, "a", -60, TRUE);
  fixture_check (self, 0, 0, NULL, NULL);
}

static void
test_each_source (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_note (&self->skew, CEPA_SKEW_DIRSERV, alice, "192.0.2.1:443", "the directory server", 1801, TRUE);
  g_assert_cmpstr (self->skew.source, ==, "DIRSERV:192.0.2.1:443");
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "192.0.2.1:443", "the relay", 3601, TRUE);
  g_assert_cmpstr (self->skew.source, ==, "OR:192.0.2.1:443");
  cepa_skew_note (&self->skew, CEPA_SKEW_CONSENSUS, alice, NULL, "the consensus", -90000, TRUE);
  fixture_check (self, 3, -90000, "CONSENSUS", "This computer's clock is 1 day 1 hour behind the consensus.");
}

/* One relay alone may lie, as often as it likes and by what it likes; two that agree are believed. */
static void
test_two_relays (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "a", "alice", 90000, FALSE);
  cepa_skew_note (&self->skew, CEPA_SKEW_DIRSERV, alice, "a", "alice", 90000, FALSE);
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, bob, "b", "bob", 5000, FALSE);
  g_assert_cmpint (self->skew.skew_s, ==, 0);
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, bob, "b", "bob", 90300, FALSE);
  fixture_check (self, 1, 90300, "OR:b", "clock is 1 day 1 hour ahead of bob");
}

static void
test_right_again (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "a", "alice", 90000, TRUE);
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, bob, "b", "bob", 1, FALSE);
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "a", "alice", 700, TRUE);
  g_assert_cmpint (self->skew.skew_s, ==, 90000);
  cepa_skew_note (&self->skew, CEPA_SKEW_DIRSERV, alice, "a", "alice", 0, TRUE);
  fixture_check (self, 2, 0, NULL, "it is right again");
}

static void
test_forgets (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, alice, "a", "alice", 90000, FALSE);
  cepa_skew_forget (&self->skew);
  cepa_skew_note (&self->skew, CEPA_SKEW_OR, bob, "b", "bob", 90000, FALSE);
  fixture_check (self, 0, 0, NULL, NULL);
}

static void
test_format (void)
{
  static const struct
  {
    gint64 seconds;
    const char *text;
  } cases[] = {
    { 0, "0 seconds" },          { 1, "1 second" },        { -61, "1 minute 1 second" }, { 7500, "2 hours 5 minutes" },
    { 7200 + 5, "2 hours 5 seconds" }, { 86400, "1 day" }, { -200000, "2 days 7 hours" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cepa_skew_format (cases[i].seconds);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

#define ADD(path, func) g_test_add ("/skew/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("authority", test_authority);
  ADD ("tolerance", test_tolerance);
  ADD ("each-source", test_each_source);
  ADD ("two-relays", test_two_relays);
  ADD ("right-again", test_right_again);
  ADD ("forgets", test_forgets);
  g_test_add_func ("/skew/format", test_format);
  return g_test_run ();
}
