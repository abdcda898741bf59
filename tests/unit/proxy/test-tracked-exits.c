/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/tracked-exits.h"

#include <string.h>

#define KEEP_US (1800 * G_USEC_PER_SEC)

typedef struct
{
  CepaClockFake clock;
  CepaTrackedExits *exits;
} Fixture;

static const guint8 exit_a[20] = "aaaaaaaaaaaaaaaaaaa", exit_b[20] = "bbbbbbbbbbbbbbbbbbb";

static void
fixture_set_up (Fixture *self, gconstpointer patterns)
{
  cepa_clock_fake_init (&self->clock, 1000, 1000);
  self->exits = cepa_tracked_exits_new (&self->clock.clock, patterns, KEEP_US);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_tracked_exits_free (self->exits);
}

static gboolean
is_kept (Fixture *self, const char *host)
{
  cepa_tracked_exits_note (self->exits, host, exit_a);
  return cepa_tracked_exits_find (self->exits, host) != NULL;
}

static const char *const some[] = { "One.Example", ".two.example", "192.0.2.1", NULL };
static const char *const all[] = { ".", NULL };

static void
test_patterns (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (is_kept (self, "one.example"));
  g_assert_false (is_kept (self, "www.one.example"));
  g_assert_true (is_kept (self, "two.example"));
  g_assert_true (is_kept (self, "a.b.two.example"));
  g_assert_false (is_kept (self, "nottwo.example"));
  g_assert_true (is_kept (self, "192.0.2.1"));
  g_assert_false (is_kept (self, "192.0.2.12"));
}

static void
test_nothing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_false (is_kept (self, "one.example"));
}

/* It is remembered for half an hour after its last use. */
static void
test_expires (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_tracked_exits_note (self->exits, "a", exit_a);
  self->clock.monotonic_us += KEEP_US;
  cepa_tracked_exits_note (self->exits, "a", exit_a);
  self->clock.monotonic_us += KEEP_US;
  g_assert_cmpmem (cepa_tracked_exits_find (self->exits, "a"), 20, exit_a, 20);
  self->clock.monotonic_us++;
  g_assert_null (cepa_tracked_exits_find (self->exits, "a"));
}

/* Another exit takes its place when it has failed five times in a row, not before. */
static void
test_failures (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_tracked_exits_note (self->exits, "a", exit_a);
  for (guint i = 0; i < 4; i++)
    {
      cepa_tracked_exits_note_failure (self->exits, "a", exit_a);
      cepa_tracked_exits_note_failure (self->exits, "a", exit_b);
      cepa_tracked_exits_note (self->exits, "a", exit_b);
    }
  g_assert_cmpmem (cepa_tracked_exits_find (self->exits, "a"), 20, exit_a, 20);
  cepa_tracked_exits_note (self->exits, "a", exit_a);
  for (guint i = 0; i < 5; i++)
    cepa_tracked_exits_note_failure (self->exits, "a", exit_a);
  g_assert_null (cepa_tracked_exits_find (self->exits, "a"));
  cepa_tracked_exits_note (self->exits, "a", exit_b);
  g_assert_cmpmem (cepa_tracked_exits_find (self->exits, "a"), 20, exit_b, 20);
}

static void
test_forget (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_tracked_exits_note (self->exits, "a", exit_a);
  cepa_tracked_exits_note (self->exits, "b", exit_a);
  cepa_tracked_exits_forget (self->exits, "a");
  g_assert_null (cepa_tracked_exits_find (self->exits, "a"));
  cepa_tracked_exits_set_identity (self->exits, 0);
  g_assert_nonnull (cepa_tracked_exits_find (self->exits, "b"));
  cepa_tracked_exits_set_identity (self->exits, 1);
  g_assert_null (cepa_tracked_exits_find (self->exits, "b"));
}

static void
test_many (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i <= CEPA_TRACKED_EXITS_MAX; i++)
    {
      g_autofree char *host = g_strdup_printf ("h%u", i);

      self->clock.monotonic_us++;
      cepa_tracked_exits_note (self->exits, host, exit_a);
    }
  g_assert_null (cepa_tracked_exits_find (self->exits, "h0"));
  g_assert_nonnull (cepa_tracked_exits_find (self->exits, "h1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, patterns, func) \
  g_test_add ("/tracked-exits/" name, Fixture, patterns, fixture_set_up, func, fixture_tear_down)
  ADD ("patterns", some, test_patterns);
  ADD ("nothing", NULL, test_nothing);
  ADD ("expires", all, test_expires);
  ADD ("failures", all, test_failures);
  ADD ("forget", all, test_forget);
  ADD ("many", all, test_many);
  return g_test_run ();
}
