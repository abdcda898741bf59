/* SPDX-License-Identifier: BSD-3-Clause */
/* What is built ahead of use follows the ports that were used, and ends. */
#include <string.h>

#include "path/predict.h"

#define KEEP_US (G_GINT64_CONSTANT (1800) * G_USEC_PER_SEC)

typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaPredict *predict;
  guint n_for[65536]; /* clean circuits by port */
  guint n_clean;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  memset (self, 0, sizeof *self);
  cepa_clock_fake_init (&self->clock, 1000, 1000);
  cepa_random_seeded_init (&self->random, 7);
  self->predict = cepa_predict_new (&self->clock.clock, &self->random.random, KEEP_US);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_predict_free (self->predict);
}

static guint
fixture_count (gpointer user_data, const CepaPredictNeed *need)
{
  Fixture *self = user_data;

  return self->n_for[need->port];
}

/* The next port for which one is wanted, which is built; 0 when there are enough. */
static guint
build_next (Fixture *self)
{
  CepaPredictNeed need = { 0 };

  if (!cepa_predict_next (self->predict, self->n_clean, fixture_count, self, &need))
    return 0;
  self->n_for[need.port]++;
  self->n_clean++;
  return need.port;
}

static void
note (Fixture *self, guint16 port)
{
  CepaPredictNeed need = { .port = port };

  cepa_predict_note (self->predict, &need);
}

/* Two for 443 at first; then two for what was used. */
static void
test_follows_use (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPredictNeed need = { .port = 22 };

  g_assert_cmpuint (build_next (self), ==, 443);
  g_assert_cmpuint (build_next (self), ==, 443);
  g_assert_cmpuint (build_next (self), ==, 0);
  note (self, 22);
  note (self, 22);
  g_assert_cmpuint (build_next (self), ==, 22);
  g_assert_cmpuint (build_next (self), ==, 22);
  g_assert_cmpuint (build_next (self), ==, 0);
  self->n_for[22] = 0;
  cepa_predict_forget (self->predict, &need);
  g_assert_cmpuint (build_next (self), ==, 0);
}

/* The same port for IPv6, or for long-lived streams, is another need. */
static void
test_kinds (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPredictNeed wanted[] = { { 443, TRUE, FALSE }, { 443, FALSE, TRUE } }, need;

  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    cepa_predict_note (self->predict, &wanted[i]);
  need = (CepaPredictNeed){ .port = 443 };
  cepa_predict_forget (self->predict, &need);
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      g_assert_true (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
      g_assert_cmpint (need.ipv6, ==, wanted[i].ipv6);
      g_assert_cmpint (need.is_stable, ==, wanted[i].is_stable);
      cepa_predict_forget (self->predict, &wanted[i]);
    }
  g_assert_false (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
}

/* After a use three circuits for onion services are wanted, behind those for ports, and for as long. */
static void
test_onion (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  const CepaPredictNeed onion = { .is_onion = TRUE };
  CepaPredictNeed need = { 0 };
  gint64 end;

  cepa_predict_note (self->predict, &onion);
  note (self, 22);
  self->clock.monotonic_us += KEEP_US / 2;
  cepa_predict_note (self->predict, &onion);
  for (guint i = 0; i < 4; i++)
    {
      g_assert_true (cepa_predict_next (self->predict, self->n_clean, fixture_count, self, &need));
      g_assert_false (need.is_onion);
      g_assert_cmpuint (build_next (self), ==, i < 2 ? 443 : 22);
    }
  for (guint i = 0; i < CEPA_PREDICT_FOR_ONION; i++)
    {
      g_assert_true (cepa_predict_next (self->predict, self->n_clean, fixture_count, self, &need));
      g_assert_true (need.is_onion);
      g_assert_cmpuint (build_next (self), ==, 0); /* the test counts it at port 0 */
    }
  g_assert_cmpuint (self->n_for[0], ==, 3);
  g_assert_false (cepa_predict_next (self->predict, self->n_clean, fixture_count, self, &need));
  end = cepa_predict_get_end_us (self->predict);
  self->n_for[0] = self->n_clean = 0;
  self->clock.monotonic_us = end - 1; /* the ports were used before */
  g_assert_true (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
  g_assert_true (need.is_onion);
  self->clock.monotonic_us = end;
  g_assert_false (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
  cepa_predict_note (self->predict, &onion);
  cepa_predict_forget (self->predict, &onion);
  g_assert_cmpint (cepa_predict_get_end_us (self->predict), ==, 0);
}

static void
test_ceiling (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  guint n = 0;

  for (guint16 port = 1; port <= 20; port++)
    note (self, port);
  while (build_next (self) != 0)
    n++;
  g_assert_cmpuint (n, ==, 14);
}

/* Between once and twice the time after the last use, nothing is predicted any more; use begins it anew. */
static void
test_ends (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 end;

  self->clock.monotonic_us += KEEP_US / 2;
  note (self, 80);
  end = cepa_predict_get_end_us (self->predict) - self->clock.monotonic_us;
  g_assert_cmpint (end, >=, KEEP_US);
  g_assert_cmpint (end, <, 2 * KEEP_US);
  self->clock.monotonic_us += end - 1;
  g_assert_cmpuint (build_next (self), ==, 80); /* 443 has gone */
  self->clock.monotonic_us += 1;
  g_assert_cmpint (cepa_predict_get_end_us (self->predict), ==, 0);
  g_assert_cmpuint (build_next (self), ==, 0);
  note (self, 25);
  g_assert_cmpint (cepa_predict_get_end_us (self->predict), >, self->clock.monotonic_us);
  cepa_predict_forget_all (self->predict);
  g_assert_cmpint (cepa_predict_get_end_us (self->predict), ==, 0);
}

/* The time is another one for each client, and each time that it comes back. */
static void
test_is_drawn (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gint64 least = G_MAXINT64, most = 0;

  cepa_predict_set_keep (self->predict, 100 * G_USEC_PER_SEC);
  for (guint i = 0; i < 100; i++)
    {
      gint64 length;

      cepa_predict_forget_all (self->predict);
      note (self, 80);
      length = cepa_predict_get_end_us (self->predict) - self->clock.monotonic_us;
      least = MIN (least, length);
      most = MAX (most, length);
    }
  g_assert_cmpint (least, >=, 100 * G_USEC_PER_SEC);
  g_assert_cmpint (least, <, 110 * G_USEC_PER_SEC);
  g_assert_cmpint (most, >, 190 * G_USEC_PER_SEC);
  g_assert_cmpint (most, <, 200 * G_USEC_PER_SEC);
}

/* Whoever scans all ports does not fill the memory, and the ports of others stay. */
static void
test_many_ports (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaPredictNeed need = { 0 };

  for (guint16 port = 1000; port < 1000 + 2 * CEPA_PREDICT_MAX_PORTS; port++)
    {
      self->clock.monotonic_us++;
      note (self, 443);
      self->clock.monotonic_us++;
      note (self, port);
    }
  g_assert_true (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
  g_assert_cmpuint (need.port, ==, 443);
  for (guint i = 0; i < CEPA_PREDICT_MAX_PORTS; i++)
    {
      g_assert_true (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
      cepa_predict_forget (self->predict, &need);
    }
  g_assert_false (cepa_predict_next (self->predict, 0, fixture_count, self, &need));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) \
  g_test_add ("/path/predict/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
  ADD ("follows-use", test_follows_use);
  ADD ("kinds", test_kinds);
  ADD ("onion", test_onion);
  ADD ("ceiling", test_ceiling);
  ADD ("ends", test_ends);
  ADD ("is-drawn", test_is_drawn);
  ADD ("many-ports", test_many_ports);
  return g_test_run ();
}
