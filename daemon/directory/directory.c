/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/directory.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "directory/parts-private.h"

#define DIRECTORY_MAX_PROBLEMS_LOGGED 10
/* Applications that wait do not make us ask more often than this. */
#define DIRECTORY_MIN_RETRY_US (10 * G_USEC_PER_SEC)

/* Waits after failures: C Tor's unit of a second, and an end to their growth. */
static const CepaBackoffRange directory_waits
    = { 0, CEPA_DIRECTORY_UNIT_US, G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC };
static const CepaBackoffRange directory_testing_waits = { 0, CEPA_DIRECTORY_TESTING_UNIT_US, 3 * G_USEC_PER_SEC };

void
cepa_directory_config_init (CepaDirectoryConfig *self)
{
  *self = (CepaDirectoryConfig){
    .haste = CEPA_SCHEDULE_CLIENT,
    .authority_rate = 0.1,
    .authority_delay_s = 6,
    .max_tries = 3,
    .guard_fraction = -1,
  };
}

static void
directory_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  cepa_directory_step (user_data);
}

/* @bootstrap: (nullable) */
static CepaDirectory *
directory_make (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaChannelPool *channels,
                CepaBootstrap *bootstrap, const CepaDirectoryConfig *config, const CepaDirectoryFuncs *funcs)
{
  CepaDirectory *self = g_new0 (CepaDirectory, 1);

  self->context = g_main_context_ref (context);
  self->clock = clock;
  self->random = random;
  self->channels = channels;
  self->bootstrap = bootstrap;
  self->config = *config;
  self->flavour = cepa_flavour_get (config->flavour);
  self->totals = &self->own_totals;
  self->skew = &self->own_skew;
  self->supplement.guard_fraction = config->guard_fraction;
  self->funcs = *funcs;
  self->servers = cepa_servers_new (config->authorities, config->fallbacks, config->authority_rate, clock, random);
  self->cancellable = g_cancellable_new ();
  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);
  cepa_directory_init_descriptors (self);
  self->requests = g_ptr_array_new ();
  self->timer = cepa_loop_watch_fd (context, -1, "directory", directory_timer, self);
  return self;
}

/* The other flavour's: nobody waits for it, and it tells nobody anything. */
static void
directory_make_aside (CepaDirectory *self)
{
  const CepaDirectoryFuncs funcs = { NULL, NULL, NULL };
  CepaDirectoryConfig config = self->config;

  config.flavour = config.flavour == CEPA_CONSENSUS_NS ? CEPA_CONSENSUS_MICRODESC : CEPA_CONSENSUS_NS;
  self->aside = directory_make (self->context, self->clock, self->random, self->channels, NULL, &config, &funcs);
  self->aside->main = self;
  self->aside->cache = self->cache;
  self->aside->totals = self->totals;
  self->aside->skew = self->skew;
}

CepaDirectory *
cepa_directory_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaChannelPool *channels,
                    CepaBootstrap *bootstrap, const CepaDirectoryConfig *config, const CepaDirectoryFuncs *funcs)
{
  CepaDirectory *self = directory_make (context, clock, random, channels, bootstrap, config, funcs);

  self->cache = cepa_cache_new (config->data_directory, context);
  if (config->fetches_useless)
    directory_make_aside (self);
  return self;
}

void
cepa_directory_free (CepaDirectory *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->aside, cepa_directory_free);
  g_warn_if_fail (self->requests->len == 0 && self->n_workers == 0);
  cepa_loop_clear (&self->timer);
  cepa_directory_free_consensus (self);
  g_clear_pointer (&self->missing_certificates, g_array_unref);
  g_clear_pointer (&self->servers, cepa_servers_free);
  if (self->main == NULL)
    g_clear_pointer (&self->cache, cepa_cache_free);
  cepa_skew_clear (&self->own_skew);
  cepa_load_supplement_clear (&self->supplement);
  g_ptr_array_unref (self->certificates);
  cepa_directory_free_descriptors (self);
  g_ptr_array_unref (self->requests);
  g_object_unref (self->cancellable);
  g_main_context_unref (self->context);
  g_free (self);
}

void
cepa_directory_set_guards (CepaDirectory *self, const CepaDirectoryGuards *guards)
{
  if (self->config.fetches_useless)
    return;
  self->guards = guards;
  cepa_servers_set_guards (self->servers, guards);
}

void
cepa_directory_set_filter (CepaDirectory *self, const CepaServersFilter *filter)
{
  cepa_servers_set_filter (self->servers, filter);
  if (self->aside != NULL)
    cepa_servers_set_filter (self->aside->servers, filter);
}

void
cepa_directory_tell_changed (CepaDirectory *self)
{
  if (self->funcs.network_changed != NULL)
    self->funcs.network_changed (self->funcs.user_data);
}

void
cepa_directory_reach (CepaDirectory *self, CepaBootstrapPhase phase, int extra)
{
  if (self->bootstrap != NULL)
    cepa_bootstrap_reach (self->bootstrap, phase, extra);
}

CepaNetwork *
cepa_directory_get_network (const CepaDirectory *self)
{
  return self->network;
}

gboolean
cepa_directory_is_sufficient (const CepaDirectory *self)
{
  return self->is_sufficient;
}

CepaSkew *
cepa_directory_get_skew (CepaDirectory *self)
{
  return self->skew;
}

void
cepa_directory_note_relay_time (CepaDirectory *self, const CepaChannelTarget *relay, gint64 theirs_minus_ours_s)
{
  g_autofree char *described = cepa_channel_target_describe (relay);
  g_autofree char *who = g_strdup_printf ("the relay %s", described);
  const char *address = strrchr (described, ' ');

  cepa_skew_note (self->skew, CEPA_SKEW_OR, relay->rsa_id, address != NULL ? address + 1 : described, who,
                  -theirs_minus_ours_s, cepa_servers_is_authority (self->servers, relay->rsa_id));
}

const CepaDirectoryTotals *
cepa_directory_get_totals (const CepaDirectory *self)
{
  return self->totals;
}

guint32
cepa_directory_draw_circuit_number (CepaDirectory *self)
{
  return self->main != NULL ? cepa_directory_draw_circuit_number (self->main) : ++self->last_number;
}

void
cepa_directory_foreach_circuit (CepaDirectory *self, CepaDirectoryCircuitFunc func, gpointer user_data)
{
  for (guint i = 0; i < self->requests->len; i++)
    {
      CepaDirectoryRequest *request = g_ptr_array_index (self->requests, i);
      CepaCircuit *circuit = cepa_fetch_get_circuit (request->fetch);

      if (circuit != NULL && cepa_circuit_get_state (circuit) != CEPA_CIRCUIT_CLOSED)
        func (user_data, circuit);
    }
  if (self->aside != NULL)
    cepa_directory_foreach_circuit (self->aside, func, user_data);
}

gboolean
cepa_directory_is_busy (const CepaDirectory *self)
{
  return self->n_workers > 0 || (self->aside != NULL && cepa_directory_is_busy (self->aside));
}

void
cepa_directory_log_problems (const GPtrArray *problems)
{
  for (guint i = 0; i < MIN (problems->len, DIRECTORY_MAX_PROBLEMS_LOGGED); i++)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "%s", (const char *) g_ptr_array_index (problems, i));
  if (problems->len > DIRECTORY_MAX_PROBLEMS_LOGGED)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "and %u more like these", problems->len - DIRECTORY_MAX_PROBLEMS_LOGGED);
}

void
cepa_directory_note_failure (CepaDirectory *self, CepaDirectoryKind kind)
{
  self->totals->failures[kind]++;
  cepa_backoff_count (&self->backoff[kind], self->config.is_testing ? &directory_testing_waits : &directory_waits,
                      cepa_clock_monotonic_us (self->clock), self->random);
}

void
cepa_directory_step (CepaDirectory *self)
{
  gint64 (*const steps[]) (CepaDirectory *)
      = { cepa_directory_step_consensus, cepa_directory_step_certificates, cepa_directory_step_descriptors };
  gint64 wait = CEPA_DIRECTORY_NEVER;

  if (self->is_stopped || !self->is_loaded || self->is_dormant)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      gint64 due = steps[i](self);

      if (due >= 0)
        wait = wait < 0 ? due : MIN (wait, due);
    }
  cepa_loop_set_delay (self->timer, wait);
}

void
cepa_directory_wake (CepaDirectory *self)
{
  cepa_loop_set_delay (self->timer, 0);
}

static void
directory_cache_loaded (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  cepa_directory_log_problems (result->problems);
  g_ptr_array_unref (self->certificates);
  self->certificates = g_steal_pointer (&result->certificates);
  g_ptr_array_unref (self->descriptors);
  self->descriptors = g_steal_pointer (&result->descriptors);
  g_ptr_array_unref (self->mapped);
  self->mapped = g_steal_pointer (&result->mapped);
  self->is_loaded = TRUE;
  cepa_directory_loaded_consensus (self, result);
  cepa_directory_wake (self);
}

void
cepa_directory_start (CepaDirectory *self)
{
  self->n_workers++;
  cepa_load_cache_async (self->flavour, self->config.data_directory, self->config.authorities,
                         cepa_clock_wall_s (self->clock), &self->supplement, self->cancellable, directory_cache_loaded,
                         self);
  if (self->aside != NULL)
    cepa_directory_start (self->aside);
}

void
cepa_directory_stop (CepaDirectory *self)
{
  if (self->aside != NULL)
    cepa_directory_stop (self->aside);
  self->is_stopped = TRUE;
  g_cancellable_cancel (self->cancellable);
  cepa_loop_set_delay (self->timer, -1);
  cepa_directory_cancel_requests (self, CEPA_DIRECTORY_N_KINDS);
}

static void
directory_retry (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);

  for (guint i = 0; i < CEPA_DIRECTORY_N_KINDS; i++)
    cepa_backoff_reset (&self->backoff[i], now);
  cepa_backoff_reset (&self->fallback_tries, 0);
  cepa_backoff_reset (&self->authority_tries, 0);
  cepa_directory_step (self);
}

void
cepa_directory_set_dormant (CepaDirectory *self, gboolean is_dormant)
{
  if (self->aside != NULL)
    cepa_directory_set_dormant (self->aside, is_dormant);
  self->is_dormant = is_dormant;
  if (is_dormant)
    {
      cepa_loop_set_delay (self->timer, -1);
      cepa_directory_cancel_requests (self, CEPA_DIRECTORY_N_KINDS);
    }
  else
    directory_retry (self);
}

void
cepa_directory_retry (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);

  if (self->is_sufficient || now < self->next_retry_us)
    return;
  self->next_retry_us = now + DIRECTORY_MIN_RETRY_US;
  directory_retry (self);
}

void
cepa_directory_clock_changed (CepaDirectory *self)
{
  cepa_skew_forget (self->skew);
  directory_retry (self);
  if (self->aside != NULL)
    directory_retry (self->aside);
}
