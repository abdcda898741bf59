/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/load.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "directory/cache.h"
#include "directory/digests.h"
#include "netdoc/consensus-diff.h"
#include "netdoc/consensus.h"
#include "network/annotations.h"

/* The pages of a map are given back each time that so much of it has been read. */
#define LOAD_FORGET_BYTES (1024 * 1024)

/* What a worker gets; nothing of it changes meanwhile. */
typedef struct
{
  const CepaFlavour *flavour;
  char *directory;          /* (nullable): of the cache, when that is read */
  CepaConsensus *consensus; /* (nullable): whose descriptors are put together */
  GBytes *text;             /* (nullable): of a consensus that is to be checked, or of a diff */
  GBytes *base;             /* (nullable): what it may be a diff from */
  char *origin;             /* (nullable) */
  GPtrArray *authorities;   /* (nullable) */
  GPtrArray *certificates;  /* (nullable) */
  GPtrArray *descriptors;   /* (nullable) */
  GBytes *asked;            /* (nullable): the digests that were asked for, when @text is descriptors */
  gint64 now_s;
  CepaLoadSupplement supplement;
} LoadInput;

void
cepa_load_supplement_clear (CepaLoadSupplement *self)
{
  g_clear_pointer (&self->extras, cepa_extras_unref);
  g_clear_pointer (&self->node_families, g_ptr_array_unref);
}

static void
load_input_free (LoadInput *self)
{
  cepa_load_supplement_clear (&self->supplement);
  g_free (self->directory);
  g_clear_pointer (&self->text, g_bytes_unref);
  g_clear_pointer (&self->base, g_bytes_unref);
  g_free (self->origin);
  g_clear_pointer (&self->consensus, cepa_consensus_unref);
  g_clear_pointer (&self->authorities, g_ptr_array_unref);
  g_clear_pointer (&self->certificates, g_ptr_array_unref);
  g_clear_pointer (&self->descriptors, g_ptr_array_unref);
  g_clear_pointer (&self->asked, g_bytes_unref);
  g_free (self);
}

static CepaLoadResult *
load_result_new (void)
{
  CepaLoadResult *self = g_new0 (CepaLoadResult, 1);

  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);
  self->descriptors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->mapped = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->problems = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
cepa_load_result_free (CepaLoadResult *self)
{
  g_clear_pointer (&self->network, cepa_network_unref);
  g_clear_pointer (&self->outdated, cepa_consensus_unref);
  g_clear_pointer (&self->certificates, g_ptr_array_unref);
  g_clear_pointer (&self->missing_certificates, g_array_unref);
  g_clear_pointer (&self->consensus_text, g_bytes_unref);
  g_clear_pointer (&self->descriptors, g_ptr_array_unref);
  g_clear_pointer (&self->found, g_array_unref);
  g_clear_pointer (&self->found_text, g_bytes_unref);
  g_clear_pointer (&self->mapped, g_ptr_array_unref);
  g_clear_pointer (&self->problems, g_ptr_array_unref);
  g_free (self);
}

static GPtrArray *
load_copy_array (GPtrArray *array, GBoxedCopyFunc copy, GDestroyNotify release)
{
  GPtrArray *out = g_ptr_array_new_with_free_func (release);

  for (guint i = 0; array != NULL && i < array->len; i++)
    g_ptr_array_add (out, copy (g_ptr_array_index (array, i)));
  return out;
}

static void
load_problem (GPtrArray *problems, const char *document, const char *origin, const char *reason)
{
  g_ptr_array_add (problems, g_strdup_printf ("refused %s from %s: %s", document, origin, reason));
}

void
cepa_load_add_descriptors (CepaNetwork *network, GBytes *text, gboolean is_mapped, gint64 now_s)
{
  const CepaConsensus *consensus = cepa_network_get_consensus (network);
  const CepaFlavour *flavour = cepa_flavour_get (cepa_consensus_get_flavour (consensus));
  CepaSlice rest;
  CepaMicrodescriptorStatus status;
  const char *kept;

  kept = rest.text = g_bytes_get_data (text, &rest.len);
  do
    {
      g_auto (CepaDescriptor) descriptor = { .unverified = NULL };

      status = cepa_descriptor_next (flavour, &rest, &descriptor, NULL);
      if (status == CEPA_MICRODESCRIPTOR_GOOD && cepa_network_wants (network, descriptor.digest)
          && cepa_descriptor_trust (&descriptor, consensus, now_s, NULL))
        cepa_descriptor_add (&descriptor, network);
      if (is_mapped && rest.text - kept >= LOAD_FORGET_BYTES)
        {
          cepa_file_forget_pages (text);
          kept = rest.text;
        }
    }
  while (status != CEPA_MICRODESCRIPTOR_END);
}

/* (transfer full): what is put before each descriptor in a file: with it, the beginning of one that a crash has torn is not
   taken for the end of the one before. */
static char *
load_annotate (gint64 listed_s)
{
  g_autoptr (GDateTime) listed = g_date_time_new_from_unix_utc (listed_s);

  return g_date_time_format (listed, "@last-listed %Y-%m-%d %H:%M:%S\n");
}

guint
cepa_load_take_found (const CepaLoadResult *result, guint *next, guint n_max, CepaNetwork *network, GString *kept,
                      gint64 listed_s)
{
  g_autofree char *annotation = load_annotate (listed_s);
  guint filled = 0, end = *next + MIN (n_max, result->found->len - *next);

  for (; *next < end; (*next)++)
    {
      const CepaDescriptor *descriptor = &g_array_index (result->found, CepaDescriptor, *next);
      guint n = cepa_descriptor_add (descriptor, network);

      filled += n;
      if (n == 0)
        continue;
      g_string_append (kept, annotation);
      g_string_append_len (kept, descriptor->text.text, (gssize) descriptor->text.len);
    }
  return filled;
}

/* Whether one that came is one of @asked, and good. */
static gboolean
load_is_good (CepaLoadResult *result, const LoadInput *input, GHashTable *asked, CepaDescriptor *descriptor)
{
  g_autoptr (GError) error = NULL;

  if (!g_hash_table_contains (asked, descriptor->digest))
    {
      g_autofree char *reason = g_strdup_printf ("its %s digest is not one that the consensus lists and we asked for",
                                                 input->flavour->digest);

      load_problem (result->problems, input->flavour->descriptor, input->origin, reason);
      return FALSE;
    }
  if (cepa_descriptor_verify (descriptor, input->now_s, &error))
    return TRUE;
  load_problem (result->problems, input->flavour->descriptor, input->origin, error->message);
  return FALSE;
}

/* Reads those that were asked for. */
static void
load_find (CepaLoadResult *result, const LoadInput *input)
{
  g_autoptr (GHashTable) asked = cepa_digest_set_new (input->asked);
  CepaSlice rest;
  CepaMicrodescriptorStatus status;

  result->found = g_array_new (FALSE, FALSE, sizeof (CepaDescriptor));
  g_array_set_clear_func (result->found, (GDestroyNotify) cepa_descriptor_clear);
  result->found_text = g_bytes_ref (input->text);
  rest.text = g_bytes_get_data (input->text, &rest.len);
  do
    {
      g_autoptr (GError) error = NULL;
      CepaDescriptor descriptor;

      status = cepa_descriptor_next (input->flavour, &rest, &descriptor, &error);
      if (status == CEPA_MICRODESCRIPTOR_BAD)
        load_problem (result->problems, input->flavour->descriptor, input->origin, error->message);
      if (status != CEPA_MICRODESCRIPTOR_GOOD)
        continue;
      if (load_is_good (result, input, asked, &descriptor))
        g_array_append_val (result->found, descriptor);
      else
        cepa_descriptor_clear (&descriptor);
    }
  while (status != CEPA_MICRODESCRIPTOR_END);
}

/* One that is well signed but too old, or from the future, still serves as what the next one is a diff from. */
static void
load_keep_outdated (CepaLoadResult *result, const CepaUnverifiedConsensus *unverified, GPtrArray *authorities,
                    const GError *reason)
{
  if (!g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_EXPIRED)
      && !g_error_matches (reason, CEPA_ERROR, CEPA_ERROR_CLOCK_SKEW))
    return;
  result->outdated = cepa_consensus_verify (unverified, authorities, result->certificates,
                                            cepa_unverified_consensus_get_valid_after_s (unverified), NULL);
  if (result->outdated != NULL)
    cepa_consensus_diff_base_digest (cepa_consensus_get_text (result->outdated), result->base_digest);
}

/* Checks a consensus; (transfer full) (nullable): NULL with what @result says of it. */
static CepaConsensus *
load_verify (CepaLoadResult *result, GBytes *text, const char *origin, const LoadInput *input)
{
  GPtrArray *authorities = input->authorities;
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaUnverifiedConsensus) unverified
      = cepa_consensus_parse_flavour (text, input->flavour->consensus, &error);
  g_autoptr (GArray) missing = NULL;
  CepaConsensus *consensus;

  if (unverified == NULL)
    {
      load_problem (result->problems, "a consensus", origin, error->message);
      return NULL;
    }
  consensus = cepa_consensus_verify (unverified, authorities, result->certificates, input->now_s, &error);
  missing = cepa_unverified_consensus_missing_certificates (unverified, authorities, result->certificates);
  if (missing->len > 0 && (consensus != NULL || g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE)))
    result->missing_certificates = g_steal_pointer (&missing);
  if (consensus != NULL)
    return consensus;
  if (result->missing_certificates != NULL)
    {
      result->consensus_text = g_bytes_ref (text);
      return NULL;
    }
  load_keep_outdated (result, unverified, authorities, error);
  /* An old file is no wonder after some days. */
  if (result->outdated == NULL || !g_str_equal (origin, input->flavour->consensus_file))
    load_problem (result->problems, "a consensus", origin, error->message);
  return NULL;
}

/* Checks a consensus and makes the network of it and the descriptors in @result. */
static void
load_consensus (CepaLoadResult *result, GBytes *text, const char *origin, const LoadInput *input)
{
  g_autoptr (CepaConsensus) consensus = load_verify (result, text, origin, input);

  if (consensus == NULL)
    return;
  result->network = cepa_network_new (consensus);
  for (guint i = 0; i < result->descriptors->len; i++)
    {
      GBytes *one = g_ptr_array_index (result->descriptors, i);

      cepa_load_add_descriptors (result->network, one, g_ptr_array_find (result->mapped, one, NULL), input->now_s);
    }
  cepa_network_commit (result->network);
  cepa_consensus_diff_base_digest (text, result->base_digest);
}

/* (transfer full) (nullable): the cached file; NULL when there is none. */
static GBytes *
load_file (CepaLoadResult *result, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autoptr (GError) error = NULL;
  GBytes *bytes = cepa_file_map (path, &error);

  if (bytes == NULL && !g_error_matches (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND))
    g_ptr_array_add (result->problems, g_strdup (error->message));
  if (bytes != NULL)
    g_ptr_array_add (result->mapped, g_bytes_ref (bytes));
  return bytes;
}

static void
load_cached_certificates (CepaLoadResult *result, const char *directory)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GBytes) text = load_file (result, directory, CEPA_CACHE_CERTS);

  if (text == NULL)
    return;
  g_clear_pointer (&result->certificates, g_ptr_array_unref);
  result->certificates
      = cepa_key_certificates_parse_all (g_bytes_get_data (text, NULL), g_bytes_get_size (text), errors);
  for (guint i = 0; i < errors->len; i++)
    load_problem (result->problems, "a key certificate", CEPA_CACHE_CERTS,
                  ((GError *) g_ptr_array_index (errors, i))->message);
}

/* One that waited for certificates when the last run ended. */
static void
load_unverified (CepaLoadResult *result, const LoadInput *input)
{
  g_autoptr (GBytes) text = load_file (result, input->directory, input->flavour->unverified_file);
  g_autoptr (CepaConsensus) older = NULL;

  if (text == NULL)
    return;
  result->is_unverified = TRUE;
  older = g_steal_pointer (&result->outdated);
  load_consensus (result, text, input->flavour->unverified_file, input);
  if (older == NULL || result->network != NULL)
    return;
  g_clear_pointer (&result->outdated, cepa_consensus_unref);
  result->outdated = g_steal_pointer (&older);
  cepa_consensus_diff_base_digest (cepa_consensus_get_text (result->outdated), result->base_digest);
}

static void
load_cache (CepaLoadResult *result, const LoadInput *input)
{
  const char *const names[] = { input->flavour->descriptors_file, input->flavour->new_descriptors_file };
  g_autoptr (GBytes) consensus = load_file (result, input->directory, input->flavour->consensus_file);

  load_cached_certificates (result, input->directory);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      GBytes *text = load_file (result, input->directory, names[i]);

      if (text != NULL)
        g_ptr_array_add (result->descriptors, text);
    }
  if (consensus != NULL)
    load_consensus (result, consensus, input->flavour->consensus_file, input);
  if (result->network == NULL && result->consensus_text == NULL)
    load_unverified (result, input);
}

/* (transfer full) (element-type guint8[32]): the digests that the relays of @consensus have; it must stay. */
static GHashTable *
load_list_digests (const CepaConsensus *consensus)
{
  GHashTable *digests = g_hash_table_new (cepa_digest_hash, cepa_digest_equal);
  guint n;
  const CepaRouterStatus *relays = cepa_consensus_get_relays (consensus, &n);

  for (guint i = 0; i < n; i++)
    g_hash_table_add (digests, (gpointer) relays[i].microdesc_digest);
  return digests;
}

/* All of @text that is wanted goes to @kept. */
static void
load_compact_text (const LoadInput *input, GBytes *text, GHashTable *wanted, const char *annotation, GString *kept)
{
  gint64 listed_s = cepa_consensus_get_valid_after_s (input->consensus);
  CepaSlice rest;
  CepaMicrodescriptorStatus status;

  rest.text = g_bytes_get_data (text, &rest.len);
  do
    {
      g_auto (CepaDescriptor) descriptor = { .unverified = NULL };

      status = cepa_descriptor_next (input->flavour, &rest, &descriptor, NULL);
      if (status != CEPA_MICRODESCRIPTOR_GOOD || !g_hash_table_contains (wanted, descriptor.digest)
          || !cepa_descriptor_trust (&descriptor, input->consensus, listed_s, NULL))
        continue;
      g_hash_table_remove (wanted, descriptor.digest);
      g_string_append (kept, annotation);
      g_string_append_len (kept, descriptor.text.text, (gssize) descriptor.text.len);
    }
  while (status != CEPA_MICRODESCRIPTOR_END);
}

static void
load_compact (CepaLoadResult *result, const LoadInput *input)
{
  g_autoptr (GHashTable) wanted = load_list_digests (input->consensus);
  g_autofree char *annotation = load_annotate (cepa_consensus_get_valid_after_s (input->consensus));
  GString *kept = g_string_new (NULL);

  for (guint i = 0; i < input->descriptors->len; i++)
    load_compact_text (input, g_ptr_array_index (input->descriptors, i), wanted, annotation, kept);
  g_ptr_array_add (result->descriptors, g_string_free_to_bytes (kept));
}

/* (transfer full) (nullable): the consensus that has come, put together when it is a diff. */
static GBytes *
load_patched (CepaLoadResult *result, const LoadInput *input)
{
  g_autoptr (GError) error = NULL;
  GBytes *text;

  if (!cepa_consensus_diff_is (input->text))
    return g_bytes_ref (input->text);
  result->is_diff = TRUE;
  if (input->base != NULL)
    text = cepa_consensus_diff_apply (input->base, input->text, &error);
  else
    text = NULL;
  if (text == NULL)
    load_problem (result->problems, "a consensus diff", input->origin,
                  error != NULL ? error->message : "it was not asked for");
  return text;
}

static void
load_fetched (CepaLoadResult *result, const LoadInput *input)
{
  g_autoptr (GBytes) text = NULL;

  g_ptr_array_unref (result->certificates);
  result->certificates = load_copy_array (input->certificates, (GBoxedCopyFunc) cepa_key_certificate_ref,
                                          (GDestroyNotify) cepa_key_certificate_unref);
  g_ptr_array_unref (result->descriptors);
  result->descriptors
      = load_copy_array (input->descriptors, (GBoxedCopyFunc) g_bytes_ref, (GDestroyNotify) g_bytes_unref);
  text = load_patched (result, input);
  if (text != NULL)
    load_consensus (result, text, input->origin, input);
}

/* What a new network gets besides before anybody sees it. */
static void
load_supplement (CepaNetwork *network, const CepaLoadSupplement *supplement)
{
  gboolean has_fractions = cepa_network_set_guard_fraction (network, supplement->guard_fraction);

  if (supplement->extras == NULL && supplement->node_families == NULL && !has_fractions)
    return;
  if (supplement->extras != NULL)
    cepa_network_annotate (network, cepa_annotations_new (network, supplement->extras));
  cepa_network_set_node_families (network, supplement->node_families);
  cepa_network_commit (network);
}

static void
load_take_supplement (LoadInput *input, const CepaLoadSupplement *supplement)
{
  input->supplement.guard_fraction = supplement != NULL ? supplement->guard_fraction : -1;
  if (supplement != NULL && supplement->extras != NULL)
    input->supplement.extras = cepa_extras_ref (supplement->extras);
  if (supplement != NULL && supplement->node_families != NULL)
    input->supplement.node_families = g_ptr_array_ref (supplement->node_families);
}

static void
load_forget_pages (gpointer mapped, G_GNUC_UNUSED gpointer user_data)
{
  cepa_file_forget_pages (mapped);
}

static void
load_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data, G_GNUC_UNUSED GCancellable *cancellable)
{
  const LoadInput *input = task_data;
  CepaLoadResult *result = load_result_new ();

  if (input->directory != NULL)
    load_cache (result, input);
  else if (input->consensus != NULL)
    load_compact (result, input);
  else if (input->asked != NULL)
    load_find (result, input);
  else
    load_fetched (result, input);
  if (result->network != NULL)
    load_supplement (result->network, &input->supplement);
  g_ptr_array_foreach (result->mapped, load_forget_pages, NULL);
  g_task_return_pointer (task, result, (GDestroyNotify) cepa_load_result_free);
}

static void
load_run (LoadInput *input, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_name (task, "directory load");
  g_task_set_task_data (task, input, (GDestroyNotify) load_input_free);
  g_task_run_in_thread (task, load_thread);
}

void
cepa_load_cache_async (const CepaFlavour *flavour, const char *directory, GPtrArray *authorities, gint64 now_s,
                       const CepaLoadSupplement *supplement, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data)
{
  LoadInput *input = g_new0 (LoadInput, 1);

  load_take_supplement (input, supplement);
  input->flavour = flavour;
  input->directory = g_strdup (directory);
  input->authorities = g_ptr_array_ref (authorities);
  input->now_s = now_s;
  load_run (input, cancellable, callback, user_data);
}

void
cepa_load_consensus_async (const CepaFlavour *flavour, GBytes *text, GBytes *base, const char *origin,
                           GPtrArray *authorities, GPtrArray *certificates, GPtrArray *descriptors, gint64 now_s,
                           const CepaLoadSupplement *supplement, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  LoadInput *input = g_new0 (LoadInput, 1);

  load_take_supplement (input, supplement);
  input->flavour = flavour;
  input->text = g_bytes_ref (text);
  input->base = base != NULL ? g_bytes_ref (base) : NULL;
  input->origin = g_strdup (origin);
  input->authorities = g_ptr_array_ref (authorities);
  /* Copies: the arrays of the loop's thread may change while the worker reads. */
  input->certificates = load_copy_array (certificates, (GBoxedCopyFunc) cepa_key_certificate_ref,
                                         (GDestroyNotify) cepa_key_certificate_unref);
  input->descriptors = load_copy_array (descriptors, (GBoxedCopyFunc) g_bytes_ref, (GDestroyNotify) g_bytes_unref);
  input->now_s = now_s;
  load_run (input, cancellable, callback, user_data);
}

void
cepa_load_compact_async (CepaConsensus *consensus, GPtrArray *descriptors, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  LoadInput *input = g_new0 (LoadInput, 1);

  input->flavour = cepa_flavour_get (cepa_consensus_get_flavour (consensus));
  input->consensus = cepa_consensus_ref (consensus);
  input->descriptors = load_copy_array (descriptors, (GBoxedCopyFunc) g_bytes_ref, (GDestroyNotify) g_bytes_unref);
  load_run (input, cancellable, callback, user_data);
}

void
cepa_load_descriptors_async (const CepaFlavour *flavour, GBytes *text, const char *origin, GBytes *asked,
                             gint64 now_s, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  LoadInput *input = g_new0 (LoadInput, 1);

  input->flavour = flavour;
  input->text = g_bytes_ref (text);
  input->origin = g_strdup (origin);
  input->asked = g_bytes_ref (asked);
  input->now_s = now_s;
  load_run (input, cancellable, callback, user_data);
}

CepaLoadResult *
cepa_load_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
