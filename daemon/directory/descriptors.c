/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory's descriptors of relays: those that are missing are asked for, those that came are kept together. */
#include "directory/descriptors.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/memory.h"
#include "directory/digests.h"
#include "directory/parts-private.h"
#include "netdoc/server-descriptor.h"

/* Requests at a time. */
#define DESCRIPTORS_MAX_REQUESTS 8
/* All texts are put into one when there are more than this, or when those behind the first are more than this share of it. */
#define DESCRIPTORS_MAX_TEXTS 64
#define DESCRIPTORS_LATER_SHARE 16
/* Of an answer, so many are given to the table in a turn: a millisecond. */
#define DESCRIPTORS_STEP 100
/* Few missing ones wait so long for more: C Tor's TestingClientMaxIntervalWithoutRequest and its value in test networks. */
#define DESCRIPTORS_MAX_DELAY_US (600 * G_USEC_PER_SEC)
#define DESCRIPTORS_MAX_DELAY_TESTING_US (5 * G_USEC_PER_SEC)

void
cepa_directory_forget_pages (CepaDirectory *self)
{
  for (guint i = 0; i < self->mapped->len; i++)
    cepa_file_forget_pages (g_ptr_array_index (self->mapped, i));
}

/* ---- reading one ---- */

CepaDirectory *
cepa_directory_get_of_flavour (CepaDirectory *self, CepaConsensusFlavour flavour)
{
  return self->config.flavour == flavour ? self : self->aside;
}

/* What a worker gets; nothing of it changes. */
typedef struct
{
  CepaConsensusFlavour flavour;
  GPtrArray *texts;  /* (element-type GBytes) */
  GPtrArray *mapped; /* (element-type GBytes) */
  guint8 digest[CEPA_DIGEST_LEN];
  guint8 ntor_key[32];
} DescriptorsSearch;

static void
descriptors_search_free (DescriptorsSearch *self)
{
  g_ptr_array_unref (self->texts);
  g_ptr_array_unref (self->mapped);
  g_free (self);
}

static gboolean
descriptors_find_in (const DescriptorsSearch *self, GBytes *bytes, CepaSlice *found)
{
  CepaSlice text;

  text.text = g_bytes_get_data (bytes, &text.len);
  return self->flavour == CEPA_CONSENSUS_NS
           ? cepa_server_descriptor_find_text (text, self->digest, self->ntor_key, found)
           : cepa_microdescriptor_find_text (text, self->digest, self->ntor_key, found);
}

static void
descriptors_search_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data,
                           G_GNUC_UNUSED GCancellable *cancellable)
{
  const DescriptorsSearch *self = task_data;
  CepaSlice found;
  char *text = NULL;

  for (guint i = 0; text == NULL && i < self->texts->len; i++)
    if (descriptors_find_in (self, g_ptr_array_index (self->texts, i), &found))
      text = g_strndup (found.text, found.len);
  for (guint i = 0; i < self->mapped->len; i++)
    cepa_file_forget_pages (g_ptr_array_index (self->mapped, i));
  g_task_return_pointer (task, text, g_free);
}

static GPtrArray *
descriptors_copy (GPtrArray *texts)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < texts->len; i++)
    g_ptr_array_add (copy, g_bytes_ref (g_ptr_array_index (texts, i)));
  return copy;
}

void
cepa_directory_find_descriptor_async (CepaDirectory *self, guint row, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  DescriptorsSearch *search;
  guint n = 0;

  g_return_if_fail (self->network != NULL && row < cepa_network_get_n_relays (self->network));
  g_task_set_name (task, "descriptor search");
  if ((cepa_network_get_relay (self->network, row)->flags & CEPA_RELAY_HAS_KEYS) == 0)
    {
      g_task_return_pointer (task, NULL, NULL);
      return;
    }
  search = g_new0 (DescriptorsSearch, 1);
  search->flavour = self->flavour->consensus;
  search->texts = descriptors_copy (self->descriptors);
  search->mapped = descriptors_copy (self->mapped);
  memcpy (search->digest, cepa_consensus_get_relays (cepa_network_get_consensus (self->network), &n)[row].microdesc_digest,
          sizeof search->digest);
  memcpy (search->ntor_key, cepa_network_get_ntor_key (self->network, row), sizeof search->ntor_key);
  g_task_set_task_data (task, search, (GDestroyNotify) descriptors_search_free);
  g_task_run_in_thread (task, descriptors_search_thread);
}

char *
cepa_directory_find_descriptor_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

/* ---- how many there are ---- */

void
cepa_directory_report_descriptors (CepaDirectory *self)
{
  double wanted = self->config.paths_needed;
  double have = cepa_network_usable_fraction (self->network);

  if (wanted <= 0)
    wanted = cepa_consensus_get_param (cepa_network_get_consensus (self->network), "min_paths_for_circs_pct", 60) / 100.0;
  self->is_sufficient = have >= wanted && self->is_live;
  if (self->is_sufficient)
    cepa_directory_reach (self, CEPA_BOOTSTRAP_ENOUGH_DIRINFO, 0);
  else if (have > 0 && have < wanted)
    cepa_directory_reach (self, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, (int) (have / wanted * 24));
}

/* ---- what has come ---- */

/* The file takes the place of the text in memory. */
static void
descriptors_written (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (GBytes) content = NULL;
  g_autoptr (GBytes) mapped = cepa_cache_write_finish (async, &content);
  guint index;

  self->n_workers--;
  if (self->is_stopped || mapped == NULL || !g_ptr_array_find (self->descriptors, content, &index))
    return;
  g_bytes_unref (self->descriptors->pdata[index]);
  self->descriptors->pdata[index] = g_bytes_ref (mapped);
  g_ptr_array_add (self->mapped, g_steal_pointer (&mapped));
  g_clear_pointer (&content, g_bytes_unref);
  cepa_memory_trim ();
}

/* Forgets those maps that are not among the texts any more; the consensus' own stays with it. */
static void
descriptors_drop_maps (CepaDirectory *self)
{
  for (guint i = self->mapped->len; i > 0; i--)
    if (g_ptr_array_index (self->mapped, i - 1) != self->base.text)
      g_ptr_array_remove_index_fast (self->mapped, i - 1);
}

static void
descriptors_compacted (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  g_autoptr (CepaLoadResult) result = cepa_load_finish (async, NULL);
  GBytes *text;

  self->n_workers--;
  if (self->is_stopped || result == NULL)
    return;
  text = g_ptr_array_index (result->descriptors, 0);
  if (self->compacting == cepa_network_get_consensus (self->network))
    {
      g_ptr_array_unref (self->descriptors);
      self->descriptors = g_ptr_array_ref (result->descriptors);
      descriptors_drop_maps (self);
      self->n_workers++;
      cepa_cache_write_async (self->cache, self->flavour->descriptors_file, text, self->flavour->new_descriptors_file,
                              descriptors_written, self);
    }
  self->compacting = NULL;
  cepa_directory_step (self);
}

/* Whether what has come since is much beside the first text, or of many parts. */
static gboolean
descriptors_are_scattered (const CepaDirectory *self)
{
  gsize later = 0;

  if (self->descriptors->len <= 1)
    return FALSE;
  for (guint i = 1; i < self->descriptors->len; i++)
    later += g_bytes_get_size (g_ptr_array_index (self->descriptors, i));
  return self->descriptors->len > DESCRIPTORS_MAX_TEXTS
         || later > g_bytes_get_size (g_ptr_array_index (self->descriptors, 0)) / DESCRIPTORS_LATER_SHARE;
}

/* Nothing is missing: all the texts go into one, and those that no relay uses any more are left out. */
static void
descriptors_compact (CepaDirectory *self)
{
  if (self->compacting != NULL || !descriptors_are_scattered (self))
    return;
  self->compacting = cepa_network_get_consensus (self->network);
  self->n_workers++;
  cepa_load_compact_async (cepa_network_get_consensus (self->network), self->descriptors, self->cancellable,
                           descriptors_compacted, self);
}

/* Whether any of @asked is still wanted. */
static gboolean
descriptors_lacks (const CepaDirectory *self, GBytes *asked)
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
} DescriptorsArrival;

static void
descriptors_arrival_free (DescriptorsArrival *arrival)
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
cepa_directory_free_descriptors (CepaDirectory *self)
{
  cepa_loop_clear (&self->taker);
  g_queue_clear_full (&self->unread, (GDestroyNotify) descriptors_arrival_free);
  g_ptr_array_unref (self->descriptors);
  g_ptr_array_unref (self->mapped);
  g_hash_table_unref (self->awaited);
}

/* All of it has been given to the table. */
static void
descriptors_finish (CepaDirectory *self, DescriptorsArrival *arrival)
{
  g_autoptr (GBytes) text = g_string_free_to_bytes (g_steal_pointer (&arrival->kept));

  if (descriptors_lacks (self, arrival->asked))
    {
      /* It has not kept up: the rest is had elsewhere. */
      cepa_servers_note_outdated (self->servers, arrival->server);
    }
  if (arrival->n_filled == 0)
    {
      cepa_servers_note_failure (self->servers, arrival->server);
      cepa_directory_note_failure (self, CEPA_DIRECTORY_DESCRIPTORS);
      return;
    }
  cepa_backoff_reset (&self->backoff[CEPA_DIRECTORY_DESCRIPTORS], 0);
  cepa_network_commit (self->network);
  cepa_cache_append (self->cache, self->flavour->new_descriptors_file, text);
  g_ptr_array_add (self->descriptors, g_steal_pointer (&text));
  cepa_directory_report_descriptors (self);
  cepa_directory_tell_changed (self);
}

static void descriptors_read (GObject *source, GAsyncResult *async, gpointer user_data);

static void
descriptors_read_next (CepaDirectory *self)
{
  DescriptorsArrival *arrival = self->is_reading ? NULL : g_queue_peek_head (&self->unread);

  if (arrival == NULL)
    return;
  self->is_reading = TRUE;
  self->n_workers++;
  cepa_load_descriptors_async (self->flavour, arrival->body, arrival->origin, arrival->asked,
                               cepa_clock_wall_s (self->clock), self->cancellable, descriptors_read, arrival);
}

static void
descriptors_read (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  DescriptorsArrival *arrival = user_data;
  CepaDirectory *self = arrival->directory;

  arrival->result = cepa_load_finish (async, NULL);
  self->n_workers--;
  if (self->is_stopped || arrival->result == NULL)
    return; /* it is freed with the others */
  cepa_directory_log_problems (arrival->result->problems);
  cepa_loop_set_delay (self->taker, 0);
}

/* (transfer full) (element-type guint32): the rows that the next step's server descriptors will fill. */
static GArray *
descriptors_list_rows (const CepaDirectory *self, const DescriptorsArrival *arrival)
{
  const GArray *found = arrival->result->found;
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = arrival->n_taken; i < MIN (arrival->n_taken + DESCRIPTORS_STEP, found->len); i++)
    {
      const CepaDescriptor *descriptor = &g_array_index (found, CepaDescriptor, i);
      gint row = descriptor->server != NULL ? cepa_network_find (self->network, descriptor->server->rsa_id) : -1;
      guint32 number = (guint32) row;

      if (row >= 0 && cepa_network_wants (self->network, descriptor->digest))
        g_array_append_val (rows, number);
    }
  return rows;
}

/* Whoever is told is told of both kinds of directory. */
static void
descriptors_tell (CepaDirectory *self, const GArray *rows)
{
  const CepaDirectoryFuncs *funcs = self->main != NULL ? &self->main->funcs : &self->funcs;

  if (rows->len > 0 && funcs->described != NULL)
    funcs->described (funcs->user_data, self->network, rows);
}

/* Gives a step's to the table. */
static void
descriptors_take_some (CepaDirectory *self, DescriptorsArrival *arrival)
{
  g_autoptr (GArray) rows = descriptors_list_rows (self, arrival);

  arrival->n_filled += cepa_load_take_found (
    arrival->result, &arrival->n_taken, DESCRIPTORS_STEP, self->network, arrival->kept,
    cepa_consensus_get_valid_after_s (cepa_network_get_consensus (self->network)));
  descriptors_tell (self, rows);
}

static void
descriptors_take (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaDirectory *self = user_data;
  DescriptorsArrival *arrival = g_queue_peek_head (&self->unread);

  if (self->is_stopped)
    return;
  if (arrival->n_taken < arrival->result->found->len)
    {
      descriptors_take_some (self, arrival);
      cepa_loop_set_delay (self->taker, 0);
      return;
    }
  g_queue_pop_head (&self->unread);
  self->is_reading = FALSE;
  descriptors_read_next (self);
  descriptors_finish (self, arrival);
  descriptors_arrival_free (arrival);
  cepa_directory_wake (self);
}

void
cepa_directory_init_descriptors (CepaDirectory *self)
{
  self->descriptors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->mapped = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->awaited = g_hash_table_new (cepa_digest_hash, cepa_digest_equal);
  self->taker = cepa_loop_watch_fd (self->context, -1, "descriptors", descriptors_take, self);
}

void
cepa_directory_got_descriptors (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server,
                                     GBytes *asked)
{
  DescriptorsArrival *arrival = g_new0 (DescriptorsArrival, 1);

  arrival->directory = self;
  arrival->body = g_bytes_ref (body);
  arrival->origin = g_strdup (origin);
  memcpy (arrival->server, server, sizeof arrival->server);
  arrival->asked = g_bytes_ref (asked);
  arrival->kept = g_string_new (NULL);
  cepa_directory_await (self, asked, TRUE);
  g_queue_push_tail (&self->unread, arrival);
  descriptors_read_next (self);
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
descriptors_list_wanted (CepaDirectory *self)
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
    descriptors_compact (self);
  return wanted;
}

/* One request for @n of @wanted from @start. */
static gboolean
descriptors_ask (CepaDirectory *self, const GArray *wanted, guint start, guint n)
{
  const char *first = wanted->data + (gsize) start * CEPA_DIGEST_LEN;
  g_autoptr (GString) resource = g_string_new (self->flavour->descriptors_resource);

  n = MIN (n, wanted->len - start);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *digest
        = cepa_flavour_write_digest (self->flavour, (const guint8 *) first + (gsize) i * CEPA_DIGEST_LEN);

      if (i > 0)
        g_string_append (resource, self->flavour->separator);
      g_string_append (resource, digest);
    }
  g_string_append (resource, ".z");
  return cepa_directory_ask (self, CEPA_DIRECTORY_DESCRIPTORS, CEPA_SERVERS_CACHE, resource->str, NULL,
                             CEPA_DIRECTORY_MAX_DESCRIPTORS,
                             g_bytes_new (first, (gsize) n * CEPA_DIGEST_LEN));
}

/* How long @n wanted ones have to wait for company; negative: no longer. */
static gint64
descriptors_delay (const CepaDirectory *self, guint n, gint64 now)
{
  gint64 longest = self->config.is_testing ? DESCRIPTORS_MAX_DELAY_TESTING_US : DESCRIPTORS_MAX_DELAY_US;

  if (n >= CEPA_SCHEDULE_FEW || !self->is_sufficient || self->config.haste != CEPA_SCHEDULE_CLIENT
      || self->last_asked_us == 0)
    return -1;
  return self->last_asked_us + longest - now;
}

gint64
cepa_directory_step_descriptors (CepaDirectory *self)
{
  gint64 now = cepa_clock_monotonic_us (self->clock);
  CepaBackoff *backoff = &self->backoff[CEPA_DIRECTORY_DESCRIPTORS];
  g_autoptr (GArray) wanted = NULL;
  gint64 wait;
  guint batch, start = 0;

  if (self->network == NULL || !self->is_live || self->config.fetches_nothing)
    return CEPA_DIRECTORY_NEVER;
  /* As many as there may be: it would be of no use to know what else is wanted. */
  if (cepa_directory_count_requests (self, CEPA_DIRECTORY_DESCRIPTORS) >= DESCRIPTORS_MAX_REQUESTS)
    return CEPA_DIRECTORY_NEVER;
  wanted = descriptors_list_wanted (self);
  if (wanted->len == 0)
    return CEPA_DIRECTORY_NEVER;
  wait = MAX (backoff->due_us - now, descriptors_delay (self, wanted->len, now));
  if (wait > 0)
    return wait;
  batch = cepa_schedule_batch (wanted->len, self->flavour->max_batch);
  while (start < wanted->len
         && cepa_directory_count_requests (self, CEPA_DIRECTORY_DESCRIPTORS) < DESCRIPTORS_MAX_REQUESTS)
    {
      if (!descriptors_ask (self, wanted, start, batch))
        {
          cepa_directory_note_failure (self, CEPA_DIRECTORY_DESCRIPTORS);
          return backoff->delay_us;
        }
      start += batch;
      self->last_asked_us = now;
    }
  return CEPA_DIRECTORY_NEVER;
}
