/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool in time: what is too old goes, what will be wanted is built. */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "path/circuits-private.h"

/* ---- what goes ---- */

static void
time_close (CepaPoolCircuit *entry, CepaErrorKind kind, const char *why)
{
  g_autoptr (GError) reason = g_error_new_literal (CEPA_ERROR, (gint) kind, why);

  cepa_pool_circuit_close (entry, reason);
}

static gboolean
time_has_open (CepaCircuits *self)
{
  for (guint i = 0; i < self->circuits->len; i++)
    if (((CepaPoolCircuit *) g_ptr_array_index (self->circuits, i))->was_built)
      return TRUE;
  return FALSE;
}

/* Told to the build times once. */
static void
time_note_late (CepaCircuits *self, CepaPoolCircuit *entry)
{
  if (entry->is_late)
    return;
  entry->is_late = TRUE;
  cepa_circuits_update_live (self);
  cepa_build_times_note_timeout (self->build_times, cepa_circuit_get_n_built (entry->circuit) > 0);
}

/* Nothing has come over its channel since it was begun. */
static gboolean
time_is_silent (const CepaPoolCircuit *entry)
{
  CepaChannel *channel = cepa_circuit_get_channel (entry->circuit);

  return cepa_circuit_get_n_built (entry->circuit) == 0 && channel != NULL
         && cepa_channel_get_last_received_us (channel) < entry->begun_us;
}

static void
time_end_building (CepaCircuits *self, CepaPoolCircuit *entry, gint64 now)
{
  gboolean learns = !cepa_build_times_is_learning (self->build_times);

  time_note_late (self, entry);
  if (learns && now - entry->begun_us >= cepa_build_times_get_close_us (self->build_times))
    cepa_build_times_note_close (self->build_times, entry->begun_us, now - entry->begun_us);
  if (time_is_silent (entry))
    cepa_channel_set_bad (cepa_circuit_get_channel (entry->circuit));
  if (entry->ticket != NULL)
    cepa_guard_ticket_timed_out (entry->ticket);
  if (entry->ticket != NULL && cepa_circuit_get_n_built (entry->circuit) == 0)
    cepa_guard_ticket_failed (entry->ticket);
  time_close (entry, CEPA_ERROR_TIMEOUT, "a relay did not answer in time");
}

/* One that was made longer may take its time. It says nothing of how long circuits take. */
static gint64
time_look_at_extending (CepaCircuits *self, CepaPoolCircuit *entry, gint64 now)
{
  gint64 end = entry->begun_us + cepa_build_times_get_timeout_us (self->build_times, CEPA_BUILD_TIMES_CANNIBALISED);

  if (now < end)
    return end;
  time_close (entry, CEPA_ERROR_TIMEOUT, "the relay that it was extended to did not answer in time");
  return 0;
}

/* A circuit that is being built: closed when it is too late. When it has taken longer than most, nobody waits for it,
   unless there is no other; but its time is measured to the end, so that slow ones are not left out of what is learned.
   Returns when it is to be looked at again. */
static gint64
time_look_at_building (CepaCircuits *self, CepaPoolCircuit *entry, gint64 now)
{
  gboolean is_longer = cepa_circuit_get_n_hops (entry->circuit) > CEPA_CIRCUITS_N_HOPS;
  CepaBuildTimesKind kind = is_longer ? CEPA_BUILD_TIMES_FOUR_HOPS : CEPA_BUILD_TIMES_GENERAL;
  gint64 late = entry->begun_us + cepa_build_times_get_timeout_us (self->build_times, kind);
  gint64 end = MAX (late, entry->begun_us + cepa_build_times_get_close_us (self->build_times));

  if (entry->is_extended)
    return time_look_at_extending (self, entry, now);
  if (entry->begun_us == 0) /* the channel has a deadline of its own */
    return 0;
  if (time_is_silent (entry))
    end = MIN (end, entry->begun_us + CEPA_CIRCUITS_SILENT_US);
  if (now >= end)
    {
      time_end_building (self, entry, now);
      return 0;
    }
  if (entry->is_measured || now < late)
    return MIN (end, entry->is_measured ? end : late);
  time_note_late (self, entry);
  if (time_has_open (self) && !cepa_build_times_is_learning (self->build_times))
    cepa_circuits_set_measured (self, entry);
  return end;
}

/* When nobody wants it any more; 0: never. */
static gint64
time_get_end (CepaCircuits *self, const CepaPoolCircuit *entry, gint64 now)
{
  if (entry->probe_until_us != 0)
    return now;
  if (entry->is_apart || (cepa_pool_circuit_is_in_use (entry) && !entry->is_broken))
    return 0; /* until its last stream has ended */
  if (entry->is_retired || (cepa_pool_circuit_is_prebuilt (entry) && !cepa_circuits_prebuilt_fits (self, entry)))
    return now;
  return entry->isolation != NULL ? entry->dirty_us + self->config.max_dirty_us : entry->idle_until_us;
}

/* How long a clean circuit that has been built is kept: somewhat beyond the time for which it is predicted. While there is
   much to learn, others are built in its place. */
static gint64
time_draw_idle_end (CepaCircuits *self, gint64 now)
{
  gint64 left = MAX (cepa_predict_get_end_us (self->predict) - now, G_USEC_PER_SEC);

  if (cepa_build_times_is_learning (self->build_times))
    return now + cepa_build_times_get_params (self->build_times)->learn_timeout_s * G_USEC_PER_SEC;
  return now + left + (gint64) cepa_random_below (self->random, (guint64) (left / 20 + 1));
}

static void
time_look_at_all (CepaCircuits *self, gint64 now, gint64 *next)
{
  for (guint i = self->circuits->len; i-- > 0;)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);
      gint64 due;

      if (cepa_pool_circuit_is_building (entry) && (!entry->is_replaced || entry->is_apart))
        due = time_look_at_building (self, entry, now);
      else
        {
          if (entry->idle_until_us == 0)
            entry->idle_until_us = time_draw_idle_end (self, now);
          due = time_get_end (self, entry, now);
          if (due != 0 && due <= now && cepa_circuits_probe (self, entry))
            due = entry->probe_until_us;
          else if (due != 0 && due <= now)
            {
              time_close (entry, CEPA_ERROR_CLOSED, entry->is_replaced ? "another path policy is in use"
                                                    : entry->is_broken   ? "its exit breaks the protocol"
                                                    : entry->is_measured ? "its time has been measured"
                                                                         : "it has been in use for long enough");
              continue;
            }
        }
      if (due != 0)
        cepa_circuits_earlier (next, due);
    }
}

/* ---- what is built ---- */

static guint
time_count_clean (CepaCircuits *self)
{
  guint n = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    n += cepa_pool_circuit_is_clean (g_ptr_array_index (self->circuits, i));
  return n;
}

static guint
time_count_for (gpointer user_data, const CepaPredictNeed *need)
{
  CepaCircuits *self = user_data;
  guint n = 0;

  for (guint i = 0; i < self->circuits->len; i++)
    {
      CepaPoolCircuit *entry = g_ptr_array_index (self->circuits, i);

      if (!cepa_pool_circuit_is_clean (entry) || entry->is_onion != need->is_onion)
        continue;
      n += entry->is_onion ? cepa_pool_circuit_is_prebuilt (entry)
                           : (entry->is_stable || !need->is_stable)
                                 && cepa_circuits_exit_allows (self, entry, need->port, need->ipv6);
    }
  return n;
}

/* FALSE: there is no path for it now. */
static gboolean
time_launch (CepaCircuits *self, const CepaPredictNeed *need, gint64 now, gint64 *next)
{
  const CepaOnionPurpose prebuilt = CEPA_ONION_PREBUILT;
  CepaCircuitsPlan plan = { .port = need->port, .ipv6 = need->ipv6, .is_stable = need->is_stable,
                            .is_internal = need->is_onion, .onion = need->is_onion ? &prebuilt : NULL };
  g_autoptr (GError) error = NULL;

  if (cepa_circuits_launch (self, &plan, &error) != NULL || error == NULL)
    return TRUE;
  if ((need->port != 0 || need->is_onion) && g_error_matches (error, CEPA_ERROR, CEPA_ERROR_NO_PATH))
    {
      g_autofree char *port = g_strdup_printf ("port %u", need->port);

      cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "no circuit ahead of use for %s: %s",
                need->is_onion ? "onion services" : port, error->message);
      cepa_predict_forget (self->predict, need);
      return TRUE;
    }
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "cannot build a circuit: %s", error->message);
  self->ahead_us = now + self->config.retry_max_us;
  cepa_circuits_earlier (next, self->ahead_us);
  return FALSE;
}

/* One circuit at a time for the sake of learning how long they take, with pauses, as long as there is use. */
static void
time_build_to_learn (CepaCircuits *self, gint64 now, gint64 *next)
{
  const CepaBuildTimesParams *params = cepa_build_times_get_params (self->build_times);
  gint64 due = self->test_us + params->test_freq_s * G_USEC_PER_SEC;
  CepaPredictNeed any = { 0 };

  if (!cepa_build_times_is_learning (self->build_times) || time_count_clean (self) >= params->max_open)
    return;
  if (now < due)
    {
      cepa_circuits_earlier (next, due);
      return;
    }
  if (!cepa_circuits_may_launch (self, next))
    return;
  self->test_us = now;
  time_launch (self, &any, now, next);
  cepa_circuits_earlier (next, now + params->test_freq_s * G_USEC_PER_SEC);
}

static void
time_build_ahead (CepaCircuits *self, gint64 now, gint64 *next)
{
  CepaPredictNeed need;

  if (!self->config.predicts || cepa_predict_get_end_us (self->predict) == 0)
    return;
  if (now < self->ahead_us)
    {
      cepa_circuits_earlier (next, self->ahead_us);
      return;
    }
  while (cepa_predict_next (self->predict, time_count_clean (self), time_count_for, self, &need)
         && cepa_circuits_may_launch (self, next))
    if (!time_launch (self, &need, now, next))
      return;
  time_build_to_learn (self, now, next);
}

/* ---- all of it ---- */

static void
time_take_identity (CepaCircuits *self, gint64 now, gint64 *next)
{
  gint64 due = self->identity_us + self->config.identity_interval_us;

  if (self->takers->len == 0)
    return;
  if (now >= due)
    cepa_circuits_take_identity (self);
  else
    cepa_circuits_earlier (next, due);
}

/* Which circuits that wait for a better guard may be used, and which have waited too long. */
static void
time_update_guards (CepaCircuits *self, gint64 *next)
{
  gint64 due = self->guards != NULL ? cepa_guards_update (self->guards) : -1;

  if (due >= 0)
    cepa_circuits_earlier (next, due);
}

static void
time_close_channels (CepaCircuits *self)
{
  g_autoptr (GError) reason = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "the client is dormant");

  cepa_channel_pool_close_unused (self->channels, reason);
}

void
cepa_circuits_step (CepaCircuits *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock), next = 0;

  g_ptr_array_set_size (self->dead, 0);
  if (self->is_stopped)
    return;
  time_take_identity (self, now, &next);
  time_update_guards (self, &next);
  time_look_at_all (self, now, &next);
  cepa_circuits_try_requests (self, &next);
  time_build_ahead (self, now, &next);
  if (self->is_dormant && self->circuits->len == 0)
    time_close_channels (self);
  /* What fails at once, or is closed here, is freed in another turn. */
  cepa_loop_set_delay (self->timer, self->dead->len > 0 ? 0 : next == 0 ? -1 : MAX (next - now, 0));
}
