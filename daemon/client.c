/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <string.h>

#include "base/clock-watch.h"
#include "base/error.h"
#include "base/log.h"
#include "channel/pool.h"
#include "client-kept.h"
#include "config/relay-values.h"
#include "directory/directory.h"
#include "host/metrics.h"
#include "host/padding.h"
#include "host/relays.h"
#include "host/vocabulary.h"
#include "path/circuits.h"
#include "path/dormancy.h"
#include "path/directory-guards.h"
#include "proxy/proxy.h"

/* A jump of the clock that people are told of: C Tor's number. */
#define CLIENT_MAX_JUMP_S 100

struct _CepaClient
{
  CepaClientFuncs funcs;
  CepaClockWatch *clock_watch; /* (nullable) */
  CepaPluginHost *host;
  const CepaConfig *config;
  CepaBootstrap bootstrap;
  CepaClientKept *kept;
  CepaDirectoryGuards directory_guards;
  CepaChannelPool *channels;
  CepaDirectory *directory;
  CepaHostRelays *relays;
  CepaCircuits *circuits;
  CepaDormancy *dormancy;
  CepaProxy *proxy; /* (nullable): until it stops */
};

/* Channels are for directory requests first, then for circuits. */
static void
client_channel_progress (gpointer user_data, CepaConnectionStage stage)
{
  static const CepaBootstrapPhase phases[][2] = {
    [CEPA_CONNECTION_CONNECTING] = { CEPA_BOOTSTRAP_CONN, CEPA_BOOTSTRAP_AP_CONN },
    [CEPA_CONNECTION_CONNECTED] = { CEPA_BOOTSTRAP_CONN_DONE, CEPA_BOOTSTRAP_AP_CONN_DONE },
    [CEPA_CONNECTION_HANDSHAKE] = { CEPA_BOOTSTRAP_HANDSHAKE, CEPA_BOOTSTRAP_AP_HANDSHAKE },
    [CEPA_CONNECTION_HANDSHAKE_DONE] = { CEPA_BOOTSTRAP_HANDSHAKE_DONE, CEPA_BOOTSTRAP_AP_HANDSHAKE_DONE },
  };
  CepaClient *self = user_data;
  gboolean for_circuits = self->bootstrap.percent >= CEPA_BOOTSTRAP_ENOUGH_DIRINFO;

  cepa_bootstrap_reach (&self->bootstrap, phases[stage][for_circuits], 0);
  if (stage == CEPA_CONNECTION_HANDSHAKE_DONE)
    cepa_bootstrap_reach (&self->bootstrap, for_circuits ? CEPA_BOOTSTRAP_CIRCUIT_CREATE : CEPA_BOOTSTRAP_ONEHOP_CREATE,
                          0);
}

/* A relay's NETINFO. */
static void
client_channel_opened (gpointer user_data, CepaChannel *channel)
{
  CepaClient *self = user_data;

  if (cepa_channel_tells_time (channel))
    cepa_directory_note_relay_time (self->directory, cepa_channel_get_target (channel),
                                    cepa_channel_get_skew_s (channel));
}

static void
client_shut_out (gpointer user_data, const char *missing)
{
  CepaClient *self = user_data;
  g_autoptr (GError) error
      = g_error_new (CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                     "The network requires protocols of clients that this version of Cepa does not have: %s. Upgrade: "
                     "it does not work on the network any more.",
                     missing);

  self->funcs.failed (self->funcs.user_data, error);
}

static void
client_clock_changed (gpointer user_data, gint64 jump_s)
{
  CepaClient *self = user_data;
  g_autofree char *amount = cepa_skew_format (jump_s);

  if (ABS (jump_s) > CLIENT_MAX_JUMP_S)
    {
      cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE,
                "The clock jumped %s %s: the computer slept, or its time was set. Circuits are built anew.", amount,
                jump_s > 0 ? "forward" : "back");
      cepa_circuits_clock_jumped (self->circuits);
      cepa_host_vocabulary_clock_jumped (cepa_host_get_vocabulary (self->host), jump_s);
    }
  cepa_directory_clock_changed (self->directory);
}

static void
client_network_changed (gpointer user_data)
{
  CepaClient *self = user_data;

  cepa_host_relays_network_changed (self->relays);
  cepa_plugin_host_network_changed (self->host, cepa_network_get_view (cepa_directory_get_network (self->directory)));
  cepa_circuits_network_changed (self->circuits);
}

static void
client_described (gpointer user_data, const CepaNetwork *network, const GArray *rows)
{
  CepaClient *self = user_data;

  cepa_host_vocabulary_relays_described (cepa_host_get_vocabulary (self->host), network, rows);
}

/* What the metrics cannot learn from events. */
static void
client_figures (gpointer user_data, CepaHostFigures *figures)
{
  CepaClient *self = user_data;
  const CepaChannelTotals *totals = cepa_channel_pool_get_totals (self->channels);
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  const CepaDirectoryTotals *directory = cepa_directory_get_totals (self->directory);

  figures->bytes_read = totals->bytes_read;
  figures->bytes_written = totals->bytes_written;
  figures->cells_received = totals->cells_received;
  figures->cells_sent = totals->cells_sent;
  figures->bootstrap_percent = (guint) MAX (self->bootstrap.percent, 0);
  memcpy (figures->directory_requests, directory->requests, sizeof figures->directory_requests);
  memcpy (figures->directory_failures, directory->failures, sizeof figures->directory_failures);
  figures->directory_bytes = directory->bytes_received;
  figures->diffs = directory->diffs;
  figures->diff_bytes_saved = directory->diff_bytes_saved;
  if (network != NULL)
    {
      const CepaConsensus *consensus = cepa_network_get_consensus (network);

      figures->n_relays = cepa_network_get_n_relays (network);
      figures->valid_after_s = cepa_consensus_get_valid_after_s (consensus);
      figures->fresh_until_s = cepa_consensus_get_fresh_until_s (consensus);
      figures->valid_until_s = cepa_consensus_get_valid_until_s (consensus);
    }
}

/* ---- what is kept between runs, besides guards ---- */

/* As in C Tor, nothing is learned while it cannot be kept: the client would begin anew with each start. */
static GVariant *
client_save_build_times (gpointer user_data)
{
  CepaClient *self = user_data;
  CepaBuildTimes *times = cepa_circuits_get_build_times (self->circuits);

  cepa_build_times_set_is_lost (times, cepa_state_is_failing (cepa_client_kept_get_state (self->kept)));
  return cepa_build_times_to_variant (times);
}

static GVariant *
client_save_dormancy (gpointer user_data)
{
  return cepa_dormancy_to_variant (((CepaClient *) user_data)->dormancy);
}

static void
client_state_changed (gpointer user_data)
{
  cepa_state_changed (cepa_client_kept_get_state (((CepaClient *) user_data)->kept));
}

static void
client_load_build_times (CepaClient *self)
{
  CepaState *state = cepa_client_kept_get_state (self->kept);
  g_autoptr (GVariant) kept = cepa_state_get_section (state, "build-times");
  g_autoptr (GError) error = NULL;

  if (kept != NULL && !cepa_build_times_from_variant (cepa_circuits_get_build_times (self->circuits), kept,
                                                      cepa_random_system (), &error))
    cepa_state_reject_section (state, "build-times", error);
  cepa_state_add_section (state, "build-times", client_save_build_times, self);
  cepa_circuits_set_keep (self->circuits, client_state_changed, self);
}

/* ---- dormancy ---- */

static void
client_dormant_changed (gpointer user_data, gboolean is_dormant)
{
  CepaClient *self = user_data;

  cepa_directory_set_dormant (self->directory, is_dormant);
  cepa_circuits_set_dormant (self->circuits, is_dormant);
  client_state_changed (self);
  cepa_host_vocabulary_dormant_changed (cepa_host_get_vocabulary (self->host), is_dormant);
}

static gboolean
client_has_streams (gpointer user_data)
{
  return cepa_circuits_has_streams (((CepaClient *) user_data)->circuits);
}

static void
client_make_dormancy (CepaClient *self, GMainContext *context)
{
  CepaState *state = cepa_client_kept_get_state (self->kept);
  g_autoptr (GVariant) kept = cepa_state_get_section (state, "dormant");
  const CepaDormancyFuncs funcs = { client_dormant_changed, client_has_streams, self };
  const CepaDormancyConfig config = {
    .timeout_us = self->config->use.dormant_client_timeout_s * G_USEC_PER_SEC,
    .is_enabled = self->config->use.dormant_timeout_enabled,
    .streams_count = self->config->use.dormant_timeout_disabled_by_idle_streams,
    .is_on_first_start = self->config->use.dormant_on_first_startup,
    .is_cancelled_by_start = self->config->use.dormant_canceled_by_startup,
  };

  self->dormancy = cepa_dormancy_new (context, cepa_clock_system (), &config, kept, &funcs);
  cepa_state_add_section (state, "dormant", client_save_dormancy, self);
  cepa_circuits_set_dormancy (self->circuits, self->dormancy);
  if (!cepa_dormancy_is_dormant (self->dormancy))
    return;
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "Dormant, as at the end of the last run or by DormantOnFirstStartup: "
            "nothing is asked of the network until somebody uses Tor.");
  cepa_directory_set_dormant (self->directory, TRUE);
  cepa_circuits_set_dormant (self->circuits, TRUE);
}

static void
client_guards_switched (gpointer user_data)
{
  cepa_circuits_retire_all (((CepaClient *) user_data)->circuits);
}

static gboolean
client_open_ports (CepaClient *self, GError **error)
{
  for (guint i = 0; i < self->config->socks_ports->len; i++)
    {
      const CepaListenConfig *port = g_ptr_array_index (self->config->socks_ports, i);

      if (!cepa_proxy_listen (self->proxy, port->option, port->address, port->is_auto ? 0 : port->port,
                              port->keeps_alive, error))
        return FALSE;
    }
  return TRUE;
}

/* Who asks and watches by the vocabulary sees this client. */
static void
client_enter_vocabulary (CepaClient *self, const CepaCommandLine *line, const CepaClientFuncs *funcs)
{
  CepaVocabularyClient words = {
    .version = CEPA_VERSION,
    .config_file = line->config_file,
    .start_time_s = cepa_clock_wall_s (cepa_clock_system ()),
    .console = line->console,
    .config = self->config,
    .bootstrap = &self->bootstrap,
    .skew = cepa_directory_get_skew (self->directory),
    .directory = self->directory,
    .circuits = self->circuits,
    .guards = cepa_client_kept_get_guards (self->kept),
    .dormancy = self->dormancy,
    .proxy = self->proxy,
    .channels = self->channels,
    .relays = self->relays,
    .shutdown = funcs->shutdown,
    .user_data = funcs->user_data,
  };

  cepa_host_vocabulary_set_client (cepa_host_get_vocabulary (self->host), &words);
}

static CepaDirectory *
client_make_directory (CepaClient *self, GMainContext *context)
{
  CepaDirectoryFuncs funcs = { client_network_changed, self, client_shut_out, client_described };
  CepaDirectoryConfig config;

  cepa_directory_config_init (&config);
  config.data_directory = self->config->data_directory;
  config.authorities = self->config->authorities;
  config.fallbacks = self->config->fallbacks;
  config.is_testing = self->config->testing_tor_network;
  config.release_date_s = CEPA_RELEASE_DATE_S;
  config.flavour = self->config->use_microdescriptors == 0 ? CEPA_CONSENSUS_NS : CEPA_CONSENSUS_MICRODESC;
  config.fetches_useless = self->config->fetch_useless_descriptors;
  config.fetches_nothing = !self->config->fetch_server_descriptors;
  config.haste = self->config->fetch_dir_info_extra_early ? CEPA_SCHEDULE_EXTRA_EARLY
                 : self->config->fetch_dir_info_early     ? CEPA_SCHEDULE_EARLY
                                                          : CEPA_SCHEDULE_CLIENT;
  config.paths_needed = MAX (self->config->paths_needed, 0);
  config.authority_rate = self->config->dir_authority_fallback_rate;
  config.authority_delay_s = (guint) self->config->bootstrap_authority_delay_s;
  config.fallback_delay_s = (guint) self->config->bootstrap_fallback_delay_s;
  config.authority_only_delay_s = (guint) self->config->bootstrap_authority_only_delay_s;
  config.max_tries = self->config->bootstrap_max_tries;
  config.guard_fraction = self->config->guards.use_guard_fraction;
  return cepa_directory_new (context, cepa_clock_system (), cepa_random_system (), self->channels, &self->bootstrap,
                             &config, &funcs);
}

static void
client_make_circuits_config (const CepaConfig *config, CepaCircuitsConfig *out)
{
  cepa_circuits_config_init (out);
  out->enforce_subnets = config->enforce_distinct_subnets;
  out->predicts = !config->use.disable_predicted_circuits;
  out->max_dirty_us = config->use.max_circuit_dirtiness_s * G_USEC_PER_SEC;
  out->retry_max_us = config->use.new_circuit_period_s * G_USEC_PER_SEC;
  out->max_pending = config->use.max_client_circuits_pending;
  out->available_us = config->use.circuits_available_timeout_s * G_USEC_PER_SEC;
  out->learns_timeout = config->use.learn_circuit_build_timeout;
  out->long_lived_ports = config->use.long_lived_ports;
  out->fixed_timeout_ms = (guint) config->use.circuit_build_timeout_s * 1000;
}

CepaClient *
cepa_client_new (GMainContext *context, const CepaCommandLine *line, CepaPluginHost *host,
                 const CepaClientFuncs *funcs, GError **error)
{
  const CepaConfig *config = line->config;
  CepaClient *self = g_new0 (CepaClient, 1);
  const CepaClock *clock = cepa_clock_system ();
  CepaRandom *random = cepa_random_system ();
  CepaChannelPoolFuncs pool_funcs = { client_channel_progress, self, client_channel_opened };
  CepaHostMetrics *metrics = cepa_host_get_metrics (host);
  CepaEventSink *events = cepa_host_metrics_get_sink (metrics);
  CepaCircuitsConfig circuits_config;
  CepaVanguardsConfig vanguards_config;
  const CepaProxyConfig proxy_config = {
    .reject_internal = config->reject_internal_addresses,
    .timeout_us = config->use.socks_timeout_s * G_USEC_PER_SEC,
    .try_us = config->use.circuit_stream_timeout_s * G_USEC_PER_SEC,
    .tracked_hosts = (const char *const *) config->use.track_host_exits,
    .tracked_us = config->use.track_host_exits_expire_s * G_USEC_PER_SEC,
  };

  self->funcs = *funcs;
  self->host = host;
  self->config = config;
  self->bootstrap = (CepaBootstrap) CEPA_BOOTSTRAP_INIT;
  self->kept = cepa_client_kept_new (context, config, host);
  self->channels = cepa_channel_pool_new (context, clock, random, cepa_plugin_host_get_dialer (host), &pool_funcs,
                                          events);
  cepa_channel_pool_set_padding (self->channels, cepa_host_padding_get (cepa_host_get_padding (host)));
  self->directory = client_make_directory (self, context);
  self->relays = cepa_host_relays_new (host, self->directory, config);
  self->clock_watch = cepa_clock_watch_new (context, client_clock_changed, self);
  client_make_circuits_config (config, &circuits_config);
  self->circuits = cepa_circuits_new (context, clock, random, self->channels, self->directory, &self->bootstrap,
                                      cepa_plugin_host_get_policies (host), &circuits_config);
  cepa_host_relays_set_circuits (self->relays, self->circuits);
  cepa_relay_values_get_vanguards (&config->relays, &vanguards_config);
  cepa_circuits_set_vanguards (self->circuits, &vanguards_config);
  cepa_directory_guards_init (&self->directory_guards, cepa_client_kept_get_guards (self->kept));
  cepa_directory_set_guards (self->directory, &self->directory_guards);
  cepa_circuits_set_guards (self->circuits, cepa_client_kept_get_guards (self->kept));
  cepa_client_kept_set_switched (self->kept, client_guards_switched, self);
  client_load_build_times (self);
  client_make_dormancy (self, context);
  self->proxy = cepa_proxy_new (context, clock, self->circuits, &proxy_config, events);
  cepa_host_metrics_set_figures (metrics, client_figures, self);
  client_enter_vocabulary (self, line, funcs);
  if (client_open_ports (self, error))
    return self;
  cepa_client_free (self);
  return NULL;
}

void
cepa_client_start (CepaClient *self)
{
  cepa_bootstrap_reach (&self->bootstrap, CEPA_BOOTSTRAP_STARTING, 0);
  cepa_host_relays_start (self->relays);
  cepa_directory_start (self->directory);
}

void
cepa_client_stop (CepaClient *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "shutting down");

  cepa_host_vocabulary_set_client (cepa_host_get_vocabulary (self->host), NULL);
  g_clear_pointer (&self->clock_watch, cepa_clock_watch_free);
  g_clear_pointer (&self->proxy, cepa_proxy_free);
  cepa_circuits_stop (self->circuits, reason);
  cepa_directory_stop (self->directory);
  cepa_host_relays_stop (self->relays);
  cepa_channel_pool_close_all (self->channels, reason);
  cepa_client_kept_save (self->kept);
}

gboolean
cepa_client_is_stopped (const CepaClient *self)
{
  return self->proxy == NULL && cepa_channel_pool_is_empty (self->channels) && !cepa_directory_is_busy (self->directory)
         && !cepa_host_relays_is_busy (self->relays) && cepa_client_kept_is_saved (self->kept);
}

void
cepa_client_free (CepaClient *self)
{
  if (self == NULL)
    return;
  cepa_host_metrics_set_figures (cepa_host_get_metrics (self->host), NULL, NULL);
  cepa_host_vocabulary_set_client (cepa_host_get_vocabulary (self->host), NULL);
  g_clear_pointer (&self->clock_watch, cepa_clock_watch_free);
  g_clear_pointer (&self->proxy, cepa_proxy_free);
  g_clear_pointer (&self->circuits, cepa_circuits_free);
  g_clear_pointer (&self->relays, cepa_host_relays_free);
  g_clear_pointer (&self->dormancy, cepa_dormancy_free);
  g_clear_pointer (&self->directory, cepa_directory_free);
  g_clear_pointer (&self->channels, cepa_channel_pool_free);
  g_clear_pointer (&self->kept, cepa_client_kept_free);
  g_free (self);
}
