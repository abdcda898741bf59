/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards out of a file that is said to be C Tor's state: all that can be read, or none. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "path/guards.h"

#define NOW_S 1780315200

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
check_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  (*(guint *) user_data)++;
  require (guard->sampled_on_s > 0 && guard->sampled_on_s <= NOW_S && guard->confirmed_on_s <= NOW_S);
  require ((guard->confirmed_index >= 0) == (guard->confirmed_on_s > 0));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GVariant) kept = NULL;
  g_autoptr (GError) error = NULL;
  CepaRandomSeeded random;
  CepaClockFake clock;
  CepaGuardsConfig config;
  CepaGuards *guards;
  guint n = 0, n_imported = 0;

  cepa_clock_fake_init (&clock, 1, NOW_S);
  cepa_random_seeded_init (&random, 1);
  cepa_guards_config_init (&config);
  guards = cepa_guards_new (&clock.clock, &random.random, &config);
  if (cepa_guards_import_tor (guards, (const char *) data, size, &n_imported, &error))
    {
      require (error == NULL && n_imported > 0);
      kept = g_variant_ref_sink (cepa_guards_to_variant (guards));
      require (cepa_guards_from_variant (guards, kept, NULL));
    }
  else
    require (error->domain == CEPA_ERROR && n_imported == 0);
  cepa_guards_foreach (guards, check_guard, &n);
  require (n == n_imported);
  cepa_guards_free (guards);
  return 0;
}
