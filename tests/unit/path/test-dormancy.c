/* SPDX-License-Identifier: BSD-3-Clause */
/* Dormant after a long time without use, and until the next. */
#include <string.h>

#include "path/dormancy.h"

#define TIMEOUT_US (600 * G_USEC_PER_SEC)

/* The fake clock says how late it is; the loop's timers come when it is turned after being set to now. */
typedef struct
{
  GMainContext *context;
  CepaClockFake clock;
  CepaDormancyConfig config;
  CepaDormancy *dormancy;
  guint n_told;
  gboolean told, has_streams;
} Fixture;

static void
fixture_changed (gpointer user_data, gboolean is_dormant)
{
  Fixture *self = user_data;

  g_assert_cmpint (cepa_dormancy_is_dormant (self->dormancy), ==, is_dormant);
  self->n_told++;
  self->told = is_dormant;
}

static gboolean
fixture_has_streams (gpointer user_data)
{
  return ((Fixture *) user_data)->has_streams;
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  self->context = g_main_context_new ();
  cepa_clock_fake_init (&self->clock, 1000, 1000);
  self->config = (CepaDormancyConfig) CEPA_DORMANCY_CONFIG_INIT;
  self->config.timeout_us = TIMEOUT_US;
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_dormancy_free (self->dormancy);
  g_main_context_unref (self->context);
}

/* @kept: (nullable): as text */
static void
fixture_start (Fixture *self, const char *kept)
{
  CepaDormancyFuncs funcs = { fixture_changed, fixture_has_streams, self };
  g_autoptr (GVariant) state = kept != NULL ? g_variant_parse (G_VARIANT_TYPE_VARDICT, kept, NULL, NULL, NULL) : NULL;

  g_clear_pointer (&self->dormancy, cepa_dormancy_free);
  self->dormancy = cepa_dormancy_new (self->context, &self->clock.clock, &self->config, state, &funcs);
}

/* A daemon that ended when it had been idle for nearly as long as it takes: its timer comes at once. */
static void
fixture_start_late (Fixture *self)
{
  self->config.timeout_us = 0;
  fixture_start (self, NULL);
}

static void
test_goes_and_wakes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_start_late (self);
  g_assert_false (cepa_dormancy_is_dormant (self->dormancy));
  while (self->n_told == 0)
    g_main_context_iteration (self->context, TRUE);
  g_assert_true (self->told);
  /* A dormant one has nothing to wait for. */
  g_assert_false (g_main_context_iteration (self->context, FALSE));
  cepa_dormancy_note_use (self->dormancy);
  g_assert_cmpuint (self->n_told, ==, 2);
  g_assert_false (self->told);
  cepa_dormancy_note_use (self->dormancy);
  g_assert_cmpuint (self->n_told, ==, 2);
}

/* Open streams count, if the user does not say otherwise. */
static void
test_streams (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->has_streams = TRUE;
  self->config.streams_count = FALSE;
  fixture_start_late (self);
  while (self->n_told == 0)
    g_main_context_iteration (self->context, TRUE);
  self->config.streams_count = TRUE;
  self->config.timeout_us = TIMEOUT_US;
  fixture_start (self, "{'is-dormant': <int64 0>, 'idle-minutes': <int64 999>}");
  self->n_told = 0;
  g_assert_true (g_main_context_iteration (self->context, TRUE));
  g_assert_cmpuint (self->n_told, ==, 0);
  g_assert_false (g_main_context_iteration (self->context, FALSE));
}

static void
test_not_enabled (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  self->config.is_enabled = FALSE;
  fixture_start_late (self);
  g_assert_false (g_main_context_iteration (self->context, FALSE));
  cepa_dormancy_set (self->dormancy, TRUE);
  g_assert_cmpuint (self->n_told, ==, 1);
  cepa_dormancy_set (self->dormancy, TRUE);
  g_assert_cmpuint (self->n_told, ==, 1);
  cepa_dormancy_set (self->dormancy, FALSE);
  g_assert_cmpuint (self->n_told, ==, 2);
}

static void
test_start (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *kept; /* NULL: the first start */
    gboolean on_first, cancelled, is_dormant;
  } starts[] = {
    { NULL, FALSE, FALSE, FALSE },
    { NULL, TRUE, FALSE, TRUE },
    { NULL, TRUE, TRUE, FALSE },
    { "{'is-dormant': <int64 1>, 'idle-minutes': <int64 3>}", FALSE, FALSE, TRUE },
    { "{'is-dormant': <int64 1>, 'idle-minutes': <int64 3>}", FALSE, TRUE, FALSE },
    { "{'is-dormant': <int64 0>, 'idle-minutes': <int64 3>}", TRUE, FALSE, FALSE },
    { "{'is-dormant': <'yes'>}", FALSE, FALSE, FALSE },
    { "{'is-dormant': <int64 0>, 'idle-minutes': <int64 -9223372036854775808>}", FALSE, FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      self->config.is_on_first_start = starts[i].on_first;
      self->config.is_cancelled_by_start = starts[i].cancelled;
      fixture_start (self, starts[i].kept);
      g_assert_cmpint (cepa_dormancy_is_dormant (self->dormancy), ==, starts[i].is_dormant);
      g_assert_cmpuint (self->n_told, ==, 0);
    }
}

/* What the next run is told, and that it goes on counting. */
static void
test_kept (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) kept = NULL;
  g_autofree char *text = NULL;

  fixture_start (self, NULL);
  self->clock.monotonic_us += 4 * 60 * G_USEC_PER_SEC;
  kept = g_variant_ref_sink (cepa_dormancy_to_variant (self->dormancy));
  text = g_variant_print (kept, TRUE);
  g_assert_cmpstr (text, ==, "{'is-dormant': <int64 0>, 'idle-minutes': <int64 4>}");
  fixture_start (self, text);
  g_variant_unref (kept);
  self->clock.monotonic_us += 3 * 60 * G_USEC_PER_SEC;
  kept = g_variant_ref_sink (cepa_dormancy_to_variant (self->dormancy));
  g_free (text);
  text = g_variant_print (kept, TRUE);
  g_assert_cmpstr (text, ==, "{'is-dormant': <int64 0>, 'idle-minutes': <int64 7>}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/dormancy/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
  ADD ("goes-and-wakes", test_goes_and_wakes);
  ADD ("streams", test_streams);
  ADD ("not-enabled", test_not_enabled);
  ADD ("start", test_start);
  ADD ("kept", test_kept);
  return g_test_run ();
}
