/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory's microdescriptors: those that are missing are asked for, those that came are kept together. */
#include <string.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/memory.h"
#include "directory/digests.h"
#include "directory/parts-private.h"

/* Requests at a time. */
#define MICRODESCRIPTORS_MAX_REQUESTS 8
/* All texts are put into one when there are more than this, or when those behind the first are more than this share of it. */
#define MICRODESCRIPTORS_MAX_TEXTS 64
#define MICRODESCRIPTORS_LATER_SHARE 16
/* Of an answer, so many are given to the table in a turn: a millisecond. */
#define MICRODESCRIPTORS_STEP 100
/* Few missing ones wait so long for more: C Tor's TestingClientMaxIntervalWithoutRequest and its value in test networks. */
#define MICRODESCRIPTORS_MAX_DELAY_US (600 * G_USEC_PER_SEC)
#define MICRODESCRIPTORS_MAX_DELAY_TESTING_US (5 * G_USEC_PER_SEC)

void
cepa_directory_forget_pages (CepaDirectory *self)
{
  for (guint i = 0; i < self->mapped->len; i++)
    cepa_file_forget_pages (g_ptr_array_index (self->mapped, i));
}

static char *
microdescriptors_find (const CepaDirectory *self, const guint8 digest[32], const guint8 ntor_key[32])
{
  for (guint i = 0; i < self->microdescriptors->len; i++)
    {
      CepaSlice text, found;

      text.text = g_bytes_get_data (g_ptr_array_index (self->microdescriptors, i), &text.len);
      if (cepa_microdescriptor_find_text (text, digest, ntor_key, &found))
        return g_strndup (found.text, found.len);
    }
  return NULL;
}

char *
cepa_directory_get_microdescriptor (CepaDirectory *self, guint row)
{
  const CepaRouterStatus *statuses;
  guint n = 0;
  char *text;

  g_return_val_if_fail (self->network != NULL && row < cepa_network_get_n_relays (self->network), NULL);
  if ((cepa_network_get_relay (self->network, row)->flags & CEPA_RELAY_HAS_KEYS) == 0)
    return NULL;
  statuses = cepa_consensus_get_relays (cepa_network_get_consensus (self->network), &n);
  text = microdescriptors_find (self, statuses[row].microdesc_digest, cepa_network_get_ntor_key (self->network, row));
  cepa_directory_forget_pages (self);
  return text;
}

void
cepa_directory_report_descriptors (CepaDirectory *self)
{
  double wanted = self->config.paths_needed;
  double have = cepa_network_usable_fraction (self->network);

  if (wanted <= 0)
    wanted = cepa_consensus_get_param (cepa_network_get_consensus (self->network), "min_paths_for_circs_pct", 60) / 100.0;
  self->is_sufficient = have >= wanted && self->is_live;
  if (self->is_sufficient)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_ENOUGH_DIRINFO, 0);
  else if (have > 0 && have < wanted)
    cepa_bootstrap_reach (self->bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, (int) (have / wanted * 24));
}

/* ---- what has come ---- */

/* The file takes the place of the text in memory. */
static void
microdescriptors_written (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (GBytes) content = NULL;
  g_autoptr (GBytes) mapped = cepa_cache_write_finish (async, &content);
  guint index;

  self->n_workers--;
  if (self->is_stopped || mapped == NULL || !g_ptr_array_find (self->microdescriptors, content, &index))
    return;
  g_bytes_unref (self->microdescriptors->pdata[index]);
  self->microdescriptors->pdata[index] = g_bytes_ref (mapped);
  g_ptr_array_add (self->mapped, g_steal_pointer (&mapped));
  g_clear_pointer (&content, g_bytes_unref);
  cepa_memory_trim ();
}

/* Forgets those maps that are not among the texts any more; the consensus' own stays with it. */
static void
microdescriptors_drop_maps (CepaDirectory *self)
{
  for (guint i = self->mapped->len; i > 0; i--)
    if (g_ptr_array_index (self->mapped, i - 1) != self->base.text)
      g_ptr_array_remove_index_fast (self->mapped, i - 1);
}

static void
microdescriptors_compacted (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);
  GBytes *text;

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  text = g_ptr_array_index (result->microdescriptors, 0);
  if (self->compacting == cepa_network_get_consensus (self->network))
    {
      g_ptr_array_unref (self->microdescriptors);
      self->microdescriptors = g_ptr_array_ref (result->microdescriptors);
      microdescriptors_drop_maps (self);
      self->n_workers++;
      cepa_cache_write_async (self->cache, CEPA_CACHE_MICRODESCRIPTORS, text, CEPA_CACHE_NEW_MICRODESCRIPTORS,
                              microdescriptors_written, self);
    }
  self->compacting = NULL;
  cepa_directory_step (self);
}

/* Whether what has come since is much beside the first text, or of many parts. */
static gboolean
microdescriptors_are_scattered (const CepaDirectory *self)
{
  gsize later = 0;

  if (self->microdescriptors->len <= 1)
    return FALSE;
  for (guint i = 1; i < self->microdescriptors->len; i++)
    later += g_bytes_get_size (g_ptr_array_index (self->microdescriptors, i));
  return self->microdescriptors->len > MICRODESCRIPTORS_MAX_TEXTS
         || later > g_bytes_get_size (g_ptr_array_index (self->microdescriptors, 0)) / MICRODESCRIPTORS_LATER_SHARE;
}

/* Nothing is missing: all the texts go into one, and those that no relay uses any more are left out. */
static void
microdescriptors_compact (CepaDirectory *self)
{
  if (self->compacting != NULL || !microdescriptors_are_scattered (self))
    return;
  self->compacting = cepa_network_get_consensus (self->network);
  self->n_workers++;
  cepa_load_compact_async (cepa_network_get_consensus (self->network), self->microdescriptors, self->cancellable,
                           microdescriptors_compacted, self);
}

/* Whether any of @asked is still wanted. */
static gboolean
microdescriptors_lacks (const CepaDirectory *self, GBytes *asked)
{
  gsize len;
  const guint8 *digests = g_bytes_get_data (asked, &len);

  for (gsize at = 0; at < len; at += CEPA_DIGEST_LEN)
    if (cepa_network_wants (self->network, digests + at))
      return TRUE;
  return FALSE;
}

/* An answer. A worker reads it; the loop's thread only gives what it found to the table, a step each turn. */
typedef struct
{
  CepaDirectory *directory;
  GBytes *body;
  char *origin; /* for messages */
  guint8 server[20];
  GBytes *asked; /* digests that the directory awaits */
  CepaLoadResult *result; /* (nullable): when it has been read */
  guint n_taken;          /* of those that were found */
  guint n_filled;         /* rows */
  GString *kept;          /* the text of those that filled rows */
} MicrodescriptorsArrival;

static void
microdescriptors_arrival_free (MicrodescriptorsArrival *arrival)
{
  cepa_directory_await (arrival->directory, arrival->asked, FALSE);
  g_bytes_unref (arrival->asked);
  g_clear_pointer (&arrival->result, cepa_load_result_free);
  if (arrival->kept != NULL)
    g_string_free (arrival->kept, TRUE);
  g_bytes_unref (arrival->body);
  g_free (arrival->origin);
  g_free (arrival);
}

void
cepa_directory_free_microdescriptors (CepaDirectory *self)
{
  cepa_loop_clear (&self->taker);
  g_queue_clear_full (&self->unread, (GDestroyNotify) microdescriptors_arrival_free);
  g_ptr_array_unref (self->microdescriptors);
  g_ptr_array_unref (self->mapped);
  g_hash_table_unref (self->awaited);
}

/* All of it has been given to the table. */
static void
microdescriptors_finish (CepaDirectory *self, MicrodescriptorsArrival *arrival)
{
  g_autoptr (GBytes) text = g_string_free_to_bytes (g_steal_pointer (&arrival->kept));

  if (microdescriptors_lacks (self, arrival->asked))
    {
      /* It has not kept up: the rest is had elsewhere. */
      cepa_servers_note_outdated (self->servers, arrival->server);
    }
  if (arrival->n_filled == 0)
    {
      cepa_servers_note_failure (self->servers, arrival->server);
      cepa_directory_note_failure (self, CEPA_DIRECTORY_MICRODESCRIPTORS);
      return;
    }
  cepa_backoff_reset (&self->backoff[CEPA_DIRECTORY_MICRODESCRIPTORS], 0);
  cepa_network_commit (self->network);
  cepa_cache_append (self->cache, CEPA_CACHE_NEW_MICRODESCRIPTORS, text);
  g_ptr_array_add (self->microdescriptors, g_steal_pointer (&text));
  cepa_directory_report_descriptors (self);
  self->funcs.network_changed (self->funcs.user_data);
}

static void microdescriptors_read (GObject *source, GAsyncResult *async, gpointer user_data);

static void
microdescriptors_read_next (CepaDirectory *self)
{
  MicrodescriptorsArrival *arrival = self->is_reading ? NULL : g_queue_peek_head (&self->unread);

  if (arrival == NULL)
    return;
  self->is_reading = TRUE;
  self->n_workers++;
  cepa_load_microdescriptors_async (arrival->body, arrival->origin, arrival->asked, self->cancellable,
                                    microdescriptors_read, arrival);
}

static void
microdescriptors_read (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  MicrodescriptorsArrival *arrival = user_data;
  CepaDirectory *self = arrival->directory;

  arrival->result = cepa_load_finish (async, NULL);
  self->n_workers--;
  if (self->is_stopped || arrival->result == NULL)
    return; /* it is freed with the others */
  cepa_directory_log_problems (arrival->result->problems);
  cepa_loop_set_delay (self->taker, 0);
}

static void
microdescriptors_take (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaDirectory *self = user_data;
  MicrodescriptorsArrival *arrival = g_queue_peek_head (&self->unread);

  if (self->is_stopped)
    return;
  if (arrival->n_taken < arrival->result->found->len)
    {
      arrival->n_filled += cepa_load_take_found (
        arrival->result, &arrival->n_taken, MICRODESCRIPTORS_STEP, self->network, arrival->kept,
        cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network)));
      cepa_loop_set_delay (self->taker, 0);
      return;
    }
  g_queue_pop_head (&self->unread);
  self->is_reading = FALSE;
  microdescriptors_read_next (self);
  microdescriptors_finish (self, arrival);
  microdescriptors_arrival_free (arrival);
  cepa_directory_wake (self);
}

void
cepa_directory_init_microdescriptors (CepaDirectory *self)
{
  self->microdescriptors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->mapped = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->awaited = g_hash_table_new (cepa_digest_hash, cepa_digest_equal);
  self->taker = cepa_loop_watch_fd (self->context, -1, "microdescriptors", microdescriptors_take, self);
}

void
cepa_directory_got_microdescriptors (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server,
                                     GBytes *asked)
{
  MicrodescriptorsArrival *arrival = g_new0 (MicrodescriptorsArrival, 1);

  arrival->directory = self;
  arrival->body = g_bytes_ref (body);
  arrival->origin = g_strdup (origin);
  memcpy (arrival->server, server, sizeof arrival->server);
  arrival->asked = g_bytes_ref (asked);
  arrival->kept = g_string_new (NULL);
  cepa_directory_await (self, asked, TRUE);
  g_queue_push_tail (&self->unread, arrival);
  microdescriptors_read_next (self);
}

/* ---- asking ---- */

void
cepa_directory_await (CepaDirectory *self, GBytes *digests, gboolean is_awaited)
{
  gsize len = 0;
  const guint8 *data = digests != NULL ? g_bytes_get_data (digests, &len) : NULL;

  for (gsize at = 0; at < len; at += CEPA_DIGEST_LEN)
    if (is_awaited)
      g_hash_table_add (self->awaited, (gpointer) (data + at));
    else
      g_hash_table_remove (self->awaited, data + at);
}

/* (transfer full) (element-type guint8[32]): of the missing ones, those that nobody is asked for now */
static GArray *
microdescriptors_list_wanted (CepaDirectory *self)
{
  g_autoptr (GArray) missing = cepa_network_list_missing (self->network);
  GArray *wanted = g_array_new (FALSE, FALSE, CEPA_DIGEST_LEN);

  for (guint i = 0; i < missing->len; i++)
    {
      const char *digest = missing->data + (gsize) i * CEPA_DIGEST_LEN;

      if (!g_hash_table_contains (self->awaited, digest))
        g_array_append_vals (wanted, digest, 1);
    }
  if (missing->len == 0)
    microdescriptors_compact (self);
  return wanted;
}

/* One request for @n of @wanted from @start. */
static gboolean
microdescriptors_ask (CepaDirectory *self, const GArray *wanted, guint start, guint n)
{
  const char *first = wanted->data + (gsize) start * CEPA_DIGEST_LEN;
  g_autoptr (GString) resource = g_string_new ("/tor/micro/d/");

  n = MIN (n, wanted->len - start);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *base64 = cepa_base64_encode_unpadded (first + (gsize) i * CEPA_DIGEST_LEN, CEPA_DIGEST_LEN);

      if (i > 0)
        g_string_append_c (resource, '-');
      g_string_append (resource, base64);
    }
  g_string_append (resource, ".z");
  return cepa_directory_ask (self, CEPA_DIRECTORY_MICRODESCRIPTORS, CEPA_SERVERS_CACHE, resource->str, NULL,
                             CEPA_DIRECTORY_MAX_MICRODESCRIPTORS,
                             g_bytes_new (first, (gsize) n * CEPA_DIGEST_LEN));
}

/* How long @n wanted ones have to wait for company; negative: no longer. */
static gint64
microdescriptors_delay (const CepaDirectory *self, guint n, gint64 now)
{
  gint64 longest = self->config.is_testing ? MICRODESCRIPTORS_MAX_DELAY_TESTING_US : MICRODESCRIPTORS_MAX_DELAY_US;

  if (n >= CEPA_SCHEDULE_FEW || !self->is_sufficient || self->config.haste != CEPA_SCHEDULE_CLIENT
      || self->last_asked_us == 0)
    return -1;
  return self->last_asked_us + longest - now;
}

gint64
cepa_directory_step_microdescriptors (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);
  CepaBackoff *backoff = &self->backoff[CEPA_DIRECTORY_MICRODESCRIPTORS];
  g_autoptr (GArray) wanted = NULL;
  gint64 wait;
  guint batch, start = 0;

  if (self->network == NULL || !self->is_live || self->config.fetches_nothing)
    return CEPA_DIRECTORY_NEVER;
  /* As many as there may be: it would be of no use to know what else is wanted. */
  if (cepa_directory_count_requests (self, CEPA_DIRECTORY_MICRODESCRIPTORS) >= MICRODESCRIPTORS_MAX_REQUESTS)
    return CEPA_DIRECTORY_NEVER;
  wanted = microdescriptors_list_wanted (self);
  if (wanted->len == 0)
    return CEPA_DIRECTORY_NEVER;
  wait = MAX (backoff->due_us - now, microdescriptors_delay (self, wanted->len, now));
  if (wait > 0)
    return wait;
  batch = cepa_schedule_batch (wanted->len);
  while (start < wanted->len
         && cepa_directory_count_requests (self, CEPA_DIRECTORY_MICRODESCRIPTORS) < MICRODESCRIPTORS_MAX_REQUESTS)
    {
      if (!microdescriptors_ask (self, wanted, start, batch))
        {
          cepa_directory_note_failure (self, CEPA_DIRECTORY_MICRODESCRIPTORS);
          return backoff->delay_us;
        }
      start += batch;
      self->last_asked_us = now;
    }
  return CEPA_DIRECTORY_NEVER;
}
