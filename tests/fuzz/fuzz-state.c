/* SPDX-License-Identifier: BSD-3-Clause */
/* A state file that somebody else wrote, or the disk: it is read or set aside, and guards of it are whole or none. */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/state.h"
#include "path/guards.h"

#define NOW_S 1780315200

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

/* No dates to come, and what is confirmed has a date. */
static void
check_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  (*(guint *) user_data)++;
  require (guard->sampled_on_s > 0 && guard->sampled_on_s <= NOW_S && guard->confirmed_on_s <= NOW_S);
  require ((guard->confirmed_index >= 0) == (guard->confirmed_on_s > 0));
  require (guard->is_listed == (guard->unlisted_since_s == 0));
  require (guard->path_bias.circ_attempts >= 0 && guard->path_bias.circ_attempts <= 1e9);
}

static void
run_guards (GVariant *section)
{
  g_autoptr (GVariant) kept = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  CepaRandomSeeded random;
  CepaClockFake clock;
  CepaGuardsConfig config;
  CepaGuards *guards;
  guint n = 0;

  cepa_clock_fake_init (&clock, 1, NOW_S);
  cepa_random_seeded_init (&random, 1);
  cepa_guards_config_init (&config);
  guards = cepa_guards_new (&clock.clock, &random.random, &config);
  if (cepa_guards_from_variant (guards, section, &error))
    {
      cepa_guards_foreach (guards, check_guard, &n);
      kept = g_variant_ref_sink (cepa_guards_to_variant (guards));
      require (cepa_guards_from_variant (guards, kept, NULL)); /* what we write we read */
      again = g_variant_ref_sink (cepa_guards_to_variant (guards));
      require (g_variant_equal (kept, again));
    }
  else
    {
      require (error->domain == CEPA_ERROR);
      cepa_guards_foreach (guards, check_guard, &n);
      require (n == 0);
    }
  cepa_guards_free (guards);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *folder = g_dir_make_tmp ("cepa-fuzz-state-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "state", NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GVariant) section = NULL;
  g_autoptr (GDir) dir = NULL;
  CepaClockFake clock;
  CepaState *state;
  const char *name;
  guint n_files = 0;
  FILE *file;

  cepa_clock_fake_init (&clock, 1, NOW_S);
  file = g_fopen (path, "w"); /* without waiting for the disk */
  require (file != NULL && (size == 0 || fwrite (data, 1, size, file) == size) && fclose (file) == 0);
  state = cepa_state_load (context, &clock.clock, path);
  section = cepa_state_get_section (state, "guards");
  if (section != NULL)
    run_guards (section);
  cepa_state_free (state);
  dir = g_dir_open (folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *one = g_build_filename (folder, name, NULL);

      g_unlink (one);
      n_files++;
    }
  require (n_files == 1); /* as it was, or set aside: never lost */
  g_rmdir (folder);
  return 0;
}
