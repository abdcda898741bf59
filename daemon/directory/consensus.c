/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory's consensus: when the next is asked for, as a diff where that can be, and what becomes of it. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/gate.h"
#include "directory/parts-private.h"

/* C Tor's "reasonably live", which cepa_consensus_verify() holds to too. */
#define CONSENSUS_TOLERANCE_S (24 * 3600)
/* Caches are asked for one that is newer than ours by this, or by half an interval where that is less. */
#define CONSENSUS_MODIFIED_S 180
/* C Tor's default of try-diff-for-consensus-newer-than, and what the parameter may be, hours. */
#define CONSENSUS_DIFF_HOURS 72
#define CONSENSUS_MAX_DIFF_HOURS 8192
/* Waits between the tries while there is none. */
#define CONSENSUS_MAX_TRY_US (600 * G_USEC_PER_SEC)

static const guint8 consensus_no_id[20];

static void
consensus_arrival_free (CepaDirectoryArrival *arrival)
{
  if (arrival == NULL)
    return;
  g_free (arrival->origin);
  g_free (arrival);
}

void
cepa_directory_drop_waiting (CepaDirectory *self)
{
  g_clear_pointer (&self->waiting, consensus_arrival_free);
  g_clear_pointer (&self->waiting_text, g_bytes_unref);
  if (self->has_unverified)
    cepa_cache_remove (self->cache, self->flavour->unverified_file);
  self->has_unverified = FALSE;
}

void
cepa_directory_free_consensus (CepaDirectory *self)
{
  g_clear_pointer (&self->network, cepa_network_unref);
  g_clear_pointer (&self->base.text, g_bytes_unref);
  g_clear_pointer (&self->waiting, consensus_arrival_free);
  g_clear_pointer (&self->waiting_text, g_bytes_unref);
  g_free (self->warned_protocols);
}

/* ---- what is in use ---- */

static gboolean
consensus_can_be_used (const CepaDirectory *self, const CepaConsensus *consensus)
{
  gint64 now = cepa_clock_wall_s (self->clock);

  return now >= cepa_consensus_get_valid_after_s (consensus) - CONSENSUS_TOLERANCE_S
         && now <= cepa_consensus_get_valid_until_s (consensus) + CONSENSUS_TOLERANCE_S;
}

/* When to ask for the next one: at once when ours is not valid now. */
static void
consensus_plan (CepaDirectory *self)
{
  const CepaConsensus *consensus = cepa_network_get_consensus (self->network);
  gint64 after = cepa_consensus_get_valid_after_s (consensus), until = cepa_consensus_get_valid_until_s (consensus);
  gint64 now = cepa_clock_wall_s (self->clock);

  self->next_consensus_s = now;
  if (now >= after && now <= until)
    self->next_consensus_s = cepa_schedule_next_consensus_s (after, cepa_consensus_get_fresh_until_s (consensus), until,
                                                             self->config.haste, self->random);
}

/* @digest: of @consensus, 32 bytes */
static void
consensus_set_base (CepaDirectory *self, const CepaConsensus *consensus, const guint8 *digest)
{
  gint32 hours = cepa_consensus_get_param (consensus, "try-diff-for-consensus-newer-than", CONSENSUS_DIFF_HOURS);

  g_clear_pointer (&self->base.text, g_bytes_unref);
  self->base.text = g_bytes_ref (cepa_consensus_get_text (consensus));
  memcpy (self->base.digest, digest, sizeof self->base.digest);
  self->base.after_s = cepa_consensus_get_valid_after_s (consensus);
  self->base.fresh_s = cepa_consensus_get_fresh_until_s (consensus);
  self->base.max_age_s = (gint64) CLAMP (hours, 0, CONSENSUS_MAX_DIFF_HOURS) * 3600;
}

/* A consensus cannot have enough signatures before its authorities give it away: if our clock says that it has, it is
   wrong. One that is long over may be all that its server has. */
static void
consensus_note_time (CepaDirectory *self, const CepaConsensus *consensus, const guint8 *server, const char *origin)
{
  gint64 now = cepa_clock_wall_s (self->clock);
  gint64 after = cepa_consensus_get_valid_after_s (consensus), until = cepa_consensus_get_valid_until_s (consensus);
  g_autofree char *who = NULL;

  if (now < after - cepa_consensus_get_distribution_s (consensus) - CEPA_SKEW_MAX_CONSENSUS_S)
    cepa_skew_note (self->skew, CEPA_SKEW_CONSENSUS, consensus_no_id, NULL, "the time of the network's consensus",
                    now - after, TRUE);
  else if (server != NULL && now > until + CONSENSUS_TOLERANCE_S)
    {
      who = g_strdup_printf ("the time of the consensus of %s", origin);
      cepa_skew_note (self->skew, CEPA_SKEW_CONSENSUS, server, NULL, who, now - until, FALSE);
    }
}

/* FALSE: this build must not go on. */
static gboolean
consensus_check_protocols (CepaDirectory *self, const CepaConsensus *consensus)
{
  g_autofree char *missing = NULL;
  CepaGate gate = cepa_gate_check (consensus, self->config.release_date_s, &missing);

  if (gate == CEPA_GATE_CLOSING && self->main == NULL && g_strcmp0 (missing, self->warned_protocols) != 0)
    {
      cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_WARN,
                "The network recommends protocols to clients that this version of Cepa does not have: %s. Upgrade: it "
                "will stop working some day.",
                missing);
      g_free (self->warned_protocols);
      self->warned_protocols = g_steal_pointer (&missing);
    }
  if (gate != CEPA_GATE_SHUT)
    return TRUE;
  if (self->funcs.shut_out != NULL)
    self->funcs.shut_out (self->funcs.user_data, missing);
  return FALSE;
}

static void
consensus_use (CepaDirectory *self, CepaLoadResult *result)
{
  CepaConsensus *consensus = cepa_network_get_consensus (result->network);
  g_autofree char *date = NULL;
  g_autoptr (GDateTime) after = g_date_time_new_from_unix_utc (cepa_consensus_get_valid_after_s (consensus));

  if (!consensus_check_protocols (self, consensus))
    return;
  g_clear_pointer (&self->network, cepa_network_unref);
  self->network = g_steal_pointer (&result->network);
  self->is_live = TRUE;
  self->no_diffs = FALSE;
  consensus_set_base (self, consensus, result->base_digest);
  date = g_date_time_format (after, "%Y-%m-%d %H:%M:%S");
  cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "using the consensus of %s UTC with %u relays", date,
            cepa_network_get_n_relays (self->network));
  consensus_plan (self);
  cepa_servers_forget_outdated (self->servers);
  cepa_backoff_reset (&self->backoff[CEPA_DIRECTORY_CONSENSUS], 0);
  cepa_backoff_reset (&self->backoff[CEPA_DIRECTORY_DESCRIPTORS], 0);
  cepa_directory_want_certificates (self, g_steal_pointer (&result->missing_certificates));
  cepa_directory_report_descriptors (self);
  cepa_directory_tell_changed (self);
  cepa_directory_check_supplement (self);
}

/* Time has gone by without a new one, or the clock was set: ours may not be used any more, or again. */
static void
consensus_check_age (CepaDirectory *self)
{
  gboolean is_live = self->network != NULL && consensus_can_be_used (self, cepa_network_get_consensus (self->network));

  if (self->network == NULL || is_live == self->is_live)
    return;
  self->is_live = is_live;
  if (!is_live)
    {
      if (self->main == NULL)
        cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN,
                  "The directory is more than a day too old, and no directory server has given us a newer one yet: nothing "
                  "is sent through Tor until one does.");
      cepa_backoff_reset (&self->fallback_tries, 0);
      cepa_backoff_reset (&self->authority_tries, 0);
    }
  cepa_directory_report_descriptors (self);
  cepa_directory_tell_changed (self);
}

/* ---- what has come ---- */

static void
consensus_wait (CepaDirectory *self, CepaLoadResult *result, CepaDirectoryArrival *arrival)
{
  g_autofree char *origin = g_strdup (arrival->origin);

  if (self->waiting_text != NULL)
    return; /* the earlier one has its tries first */
  self->waiting = g_new0 (CepaDirectoryArrival, 1);
  *self->waiting = *arrival;
  self->waiting->origin = g_steal_pointer (&origin);
  self->waiting_text = g_bytes_ref (result->consensus_text);
  if (!result->is_unverified)
    cepa_cache_write (self->cache, self->flavour->unverified_file, self->waiting_text);
  self->has_unverified = TRUE;
  cepa_directory_want_certificates (self, g_steal_pointer (&result->missing_certificates));
}

static gboolean
consensus_is_newer (const CepaDirectory *self, const CepaNetwork *network)
{
  return self->network == NULL || !self->is_live
         || cepa_consensus_get_valid_after_s (cepa_network_get_consensus (network))
                > cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network));
}

/* The file takes the place of the text in memory. */
static void
consensus_written (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (GBytes) content = NULL;
  g_autoptr (GBytes) mapped = cepa_cache_write_finish (async, &content);
  CepaConsensus *consensus = self->network != NULL ? cepa_network_get_consensus (self->network) : NULL;

  self->n_workers--;
  if (self->is_stopped || mapped == NULL || consensus == NULL || cepa_consensus_get_text (consensus) != content
      || !cepa_consensus_move_text (consensus, mapped))
    return;
  if (self->base.text == content)
    {
      g_bytes_unref (self->base.text);
      self->base.text = g_bytes_ref (mapped);
    }
  g_ptr_array_add (self->mapped, g_steal_pointer (&mapped));
  g_clear_pointer (&content, g_bytes_unref);
  cepa_memory_trim ();
}

/* It is good, and newer than ours: those that others were asked for are not needed any more. */
static void
consensus_take (CepaDirectory *self, CepaLoadResult *result, const CepaDirectoryArrival *arrival)
{
  GBytes *text = cepa_consensus_get_text (cepa_network_get_consensus (result->network));

  if (result->is_diff)
    {
      gsize whole = g_bytes_get_size (text);

      self->totals->diffs++;
      self->totals->diff_bytes_saved += whole - MIN (arrival->size, whole);
      cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "the consensus of %s came as a diff of %" G_GSIZE_FORMAT " bytes in place of "
                "%" G_GSIZE_FORMAT, arrival->origin, arrival->size, whole);
    }
  cepa_directory_cancel_requests (self, CEPA_DIRECTORY_CONSENSUS);
  cepa_directory_drop_waiting (self);
  self->n_workers++;
  cepa_cache_write_async (self->cache, self->flavour->consensus_file, text, NULL, consensus_written, self);
  consensus_note_time (self, cepa_network_get_consensus (result->network), arrival->server, arrival->origin);
  consensus_use (self, result);
}

static void
consensus_checked (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectoryArrival *arrival = user_data;
  CepaDirectory *self = arrival->directory;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);

  self->n_workers--;
  self->n_arrivals--;
  if (!self->is_stopped && result != NULL)
    {
      cepa_directory_log_problems (result->problems);
      if (result->network != NULL && consensus_is_newer (self, result->network))
        consensus_take (self, result, arrival);
      else if (result->consensus_text != NULL)
        consensus_wait (self, result, arrival);
      else
        {
          /* Refused, or not newer than ours: whoever served it is not asked again for a while, and nobody for a diff. */
          if (result->outdated != NULL)
            consensus_note_time (self, result->outdated, arrival->server, arrival->origin);
          self->no_diffs = self->no_diffs || result->is_diff;
          cepa_servers_note_failure (self->servers, arrival->server);
          cepa_directory_note_failure (self, CEPA_DIRECTORY_CONSENSUS);
        }
      cepa_directory_forget_pages (self);
      cepa_directory_wake (self);
    }
  consensus_arrival_free (arrival);
}

/* @arrival: (transfer full) */
static void
consensus_check (CepaDirectory *self, GBytes *text, CepaDirectoryArrival *arrival)
{
  self->n_workers++;
  self->n_arrivals++;
  cepa_load_consensus_async (self->flavour, text, self->base.text, arrival->origin, self->config.authorities,
                             self->certificates, self->descriptors, cepa_clock_wall_s (self->clock), &self->supplement,
                             self->cancellable, consensus_checked, arrival);
}

void
cepa_directory_got_consensus (CepaDirectory *self, GBytes *body, const guint8 *server, const char *origin)
{
  CepaDirectoryArrival *arrival = g_new0 (CepaDirectoryArrival, 1);

  arrival->directory = self;
  memcpy (arrival->server, server, sizeof arrival->server);
  arrival->origin = g_strdup (origin);
  arrival->size = g_bytes_get_size (body);
  consensus_check (self, body, arrival);
}

void
cepa_directory_recheck_waiting (CepaDirectory *self)
{
  g_autoptr (GBytes) text = g_steal_pointer (&self->waiting_text);

  if (text != NULL)
    consensus_check (self, text, g_steal_pointer (&self->waiting));
}

void
cepa_directory_loaded_consensus (CepaDirectory *self, CepaLoadResult *result)
{
  CepaDirectoryArrival arrival = { .directory = self, .origin = (char *) self->flavour->unverified_file };

  self->has_unverified = result->is_unverified;
  if (result->outdated != NULL)
    {
      consensus_set_base (self, result->outdated, result->base_digest);
      consensus_note_time (self, result->outdated, NULL, NULL);
      cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "the cached consensus is too old to be used; the next may come as a diff from it");
    }
  if (result->network != NULL)
    consensus_use (self, result);
  else if (result->consensus_text != NULL)
    consensus_wait (self, result, &arrival);
}

/* ---- asking ---- */

/* (transfer full) (nullable): what a server is told of the one that is here */
static char *
consensus_make_headers (const CepaDirectory *self)
{
  const CepaDirectoryBase *base = &self->base;
  g_autofree char *date = NULL, *diff = NULL;
  g_autoptr (GDateTime) since = NULL;

  if (base->text == NULL)
    return NULL;
  since = g_date_time_new_from_unix_utc (base->after_s + MIN (CONSENSUS_MODIFIED_S, (base->fresh_s - base->after_s) / 2));
  date = g_date_time_format (since, "%a, %d %b %Y %H:%M:%S GMT");
  if (!self->no_diffs && base->after_s >= cepa_clock_wall_s (self->clock) - base->max_age_s)
    {
      g_autofree char *hex = cepa_hex_encode (base->digest, sizeof base->digest);

      diff = g_strdup_printf ("X-Or-Diff-From-Consensus: %s\r\n", hex);
    }
  return g_strdup_printf ("If-Modified-Since: %s\r\n%s", date, diff != NULL ? diff : "");
}

static gboolean
consensus_ask (CepaDirectory *self, CepaServersKind whom)
{
  g_autoptr (GString) resource = g_string_new (self->flavour->consensus_resource);
  g_autofree char *headers = consensus_make_headers (self);
  const char *separator = "";

  for (guint i = 0; i < self->config.authorities->len; i++)
    {
      const CepaDirectorySource *authority = g_ptr_array_index (self->config.authorities, i);
      char hex[7];

      if (!authority->is_v3)
        continue;
      cepa_hex_encode_to (authority->v3_id, 3, hex);
      g_string_append_printf (resource, "%s%s", separator, hex);
      separator = "+";
    }
  g_string_append (resource, ".z");
  return cepa_directory_ask (self, CEPA_DIRECTORY_CONSENSUS, whom, resource->str, headers, CEPA_DIRECTORY_MAX_CONSENSUS,
                             NULL);
}

/* Whether one has got as far as a server that has heard the question: no other is asked meanwhile. */
static gboolean
consensus_is_on_its_way (const CepaDirectory *self)
{
  for (guint i = 0; i < self->requests->len; i++)
    {
      const CepaDirectoryRequest *request = g_ptr_array_index (self->requests, i);

      if (request->kind == CEPA_DIRECTORY_CONSENSUS && request->is_asked)
        return TRUE;
    }
  return self->n_arrivals > 0;
}

/* One more try of this schedule when it is due; it counts tries, not failures, so that several are under way when
   servers do not answer at once. Returns: microseconds until the next is due. */
static gint64
consensus_try (CepaDirectory *self, CepaBackoff *tries, guint delay_s, CepaServersKind whom)
{
  const CepaBackoffRange range = { (gint64) delay_s * G_USEC_PER_SEC,
                                   self->config.is_testing ? CEPA_DIRECTORY_TESTING_UNIT_US : CEPA_DIRECTORY_UNIT_US,
                                   CONSENSUS_MAX_TRY_US };
  gint64 now = cepa_clock_monotonic_us (self->clock);

  if (tries->due_us == 0) /* the first is due so much after the beginning */
    tries->due_us = now + range.min_us;
  if (tries->due_us <= now)
    {
      consensus_ask (self, whom);
      cepa_backoff_count (tries, &range, now, self->random);
    }
  return tries->due_us - now;
}

/* There is none that can be used: several servers are tried, fallback directories before authorities. */
static gint64
consensus_step_bootstrap (CepaDirectory *self)
{
  guint max_tries = MAX (self->config.max_tries, 1);
  gboolean has_fallbacks = cepa_servers_has_fallbacks (self->servers);
  gint64 wait = 0;

  while (wait <= 0)
    {
      if (consensus_is_on_its_way (self)
          || cepa_directory_count_requests (self, CEPA_DIRECTORY_CONSENSUS) >= max_tries)
        return CEPA_DIRECTORY_NEVER;
      wait = has_fallbacks ? consensus_try (self, &self->fallback_tries, self->config.fallback_delay_s,
                                            CEPA_SERVERS_FALLBACK)
                           : G_MAXINT64;
      if (cepa_directory_count_requests (self, CEPA_DIRECTORY_CONSENSUS) < max_tries)
        wait = MIN (wait, consensus_try (self, &self->authority_tries,
                                         has_fallbacks ? self->config.authority_delay_s
                                                       : self->config.authority_only_delay_s,
                                         CEPA_SERVERS_AUTHORITY));
    }
  return wait;
}

/* The next one, in place of the one that is in use; one server at a time. */
static gint64
consensus_step_next (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock), now_s = cepa_clock_wall_s (self->clock);
  gint64 wait = MAX (self->backoff[CEPA_DIRECTORY_CONSENSUS].due_us - now,
                     (self->next_consensus_s - now_s) * G_USEC_PER_SEC);

  if (cepa_directory_count_requests (self, CEPA_DIRECTORY_CONSENSUS) > 0 || self->n_arrivals > 0)
    return CEPA_DIRECTORY_NEVER;
  if (wait > 0)
    return wait;
  if (consensus_ask (self, CEPA_SERVERS_CACHE))
    return CEPA_DIRECTORY_NEVER;
  cepa_directory_note_failure (self, CEPA_DIRECTORY_CONSENSUS);
  return self->backoff[CEPA_DIRECTORY_CONSENSUS].delay_us;
}

/* Until the consensus in use becomes too old for that; or, from the future, may be used. */
static gint64
consensus_until_age (const CepaDirectory *self)
{
  const CepaConsensus *consensus = cepa_network_get_consensus (self->network);
  gint64 now = cepa_clock_wall_s (self->clock);
  gint64 first = cepa_consensus_get_valid_after_s (consensus) - CONSENSUS_TOLERANCE_S;
  gint64 last = cepa_consensus_get_valid_until_s (consensus) + CONSENSUS_TOLERANCE_S;

  if (now < first)
    return (first - now) * G_USEC_PER_SEC;
  return now <= last ? (last - now + 1) * G_USEC_PER_SEC : CEPA_DIRECTORY_NEVER;
}

gint64
cepa_directory_step_consensus (CepaDirectory *self)
{
  gint64 wait = CEPA_DIRECTORY_NEVER, age;

  consensus_check_age (self);
  if (self->config.fetches_nothing || self->waiting_text != NULL)
    wait = CEPA_DIRECTORY_NEVER;
  else if (self->is_live)
    wait = consensus_step_next (self);
  else
    wait = consensus_step_bootstrap (self);
  if (self->network == NULL)
    return wait;
  age = consensus_until_age (self);
  return wait < 0 ? age : age < 0 ? wait : MIN (wait, age);
}
