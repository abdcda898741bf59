/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of a padding machine; one that can be read is run for a while. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include <cepa/host.h>

#include "engine.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_padding_random (const CepaHost *host, void *out, size_t len)
{
  uint64_t *state = host->context;

  for (size_t i = 0; i < len; i++)
    {
      *state = *state * G_GUINT64_CONSTANT (6364136223846793005) + 1442695040888963407u;
      ((uint8_t *) out)[i] = (uint8_t) (*state >> 56);
    }
}

static void
fuzz_padding_check_spec (const CepaCircpadSpec *spec)
{
  g_assert_cmpuint (spec->n_states, >, 0);
  g_assert_cmpuint (spec->n_states, <=, CEPA_CIRCPAD_MAX_STATES);
  g_assert_cmpuint (spec->hop, <, spec->min_hops);
  for (guint i = 0; i < spec->n_states; i++)
    {
      const CepaCircpadState *state = &spec->states[i];

      g_assert_cmpuint (state->n_bins, <=, CEPA_CIRCPAD_MAX_BINS);
      for (guint bin = 0; bin < state->n_bins; bin++)
        g_assert_cmpint (state->bins[bin].from_us, <, state->bins[bin].to_us);
      for (guint event = 0; event < CEPA_CIRCPAD_N_EVENTS; event++)
        g_assert_true (state->next[event] >= CEPA_CIRCPAD_END && state->next[event] < (gint) spec->n_states);
    }
}

static void
fuzz_padding_run (const CepaCircpadSpec *spec)
{
  uint64_t seed = 1;
  CepaHost host = { .size = sizeof host, .context = &seed, .random = fuzz_padding_random };
  CepaCircpadEngine *engine = cepa_circpad_engine_new (spec, &host);
  gint64 now = 0;

  for (guint i = 0; i < 200; i++)
    {
      CepaPaddingEvent events[2] = { { i * 7 % 15, 1 + i % 3 * 100 }, { i % 15, 1 } };
      CepaPaddingAction action = { 0 };
      guint32 n = cepa_circpad_engine_trigger (engine, events, 2, now, &action, 1);

      g_assert_cmpuint (n, <=, 1);
      if (n == 1 && action.type == CEPA_PADDING_SEND)
        {
          g_assert_cmpint (action.timeout_us, >=, 0);
          g_assert_cmpint (action.timeout_us, <=, 2 * CEPA_CIRCPAD_MAX_US);
          g_assert_cmpuint (action.hop, ==, spec->hop);
        }
      now += 777;
    }
  cepa_circpad_engine_free (engine);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaCircpadSpec) spec = cepa_circpad_spec_parse ((const char *) data, size, "fuzz", &error);

  g_assert_true ((spec == NULL) == (error != NULL));
  if (error != NULL)
    g_assert_true (g_str_has_prefix (error->message, "fuzz:"));
  if (spec != NULL)
    {
      fuzz_padding_check_spec (spec);
      fuzz_padding_run (spec);
    }
  return 0;
}
