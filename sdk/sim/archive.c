/* SPDX-License-Identifier: BSD-3-Clause */
#include "archive.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "netdoc/consensus-unchecked.h"
#include "netdoc/values.h"
#include "network/annotations.h"

/* Folders in folders that are looked through; CollecTor's microdescriptors are three deep. */
#define ARCHIVE_MAX_DEPTH 8

/* Files above are mapped; an archive has more small ones than a process may map. */
#define ARCHIVE_MAP_BYTES (256 * 1024)

/* A file of an archive may hold many documents. */
#define ARCHIVE_MAX_BYTES (G_GUINT64_CONSTANT (1) << 32)

/* Where the times of a consensus must be. */
#define ARCHIVE_HEADER_BYTES 2048

/* Sentences that are kept. */
#define ARCHIVE_MAX_NOTES 20

typedef struct
{
  char *path;
  GBytes *text; /* from "network-status-version" on */
  gint64 valid_after_s, fresh_until_s;
} ArchiveConsensus;

struct _CepaSimArchive
{
  GPtrArray *authorities; /* (nullable) (element-type CepaDirectorySource) */
  GPtrArray *certificates;
  GArray *consensuses;          /* (element-type ArchiveConsensus): by time, once the archive is open */
  GPtrArray *texts;             /* (element-type GBytes): what the microdescriptors are slices of */
  GHashTable *microdescriptors; /* (element-type CepaMicrodescriptor CepaMicrodescriptor): by digest */
  GPtrArray *notes;
  guint n_notes, n_passed_over;
};

typedef enum
{
  ARCHIVE_UNKNOWN,
  ARCHIVE_CONSENSUS,
  ARCHIVE_MICRODESCRIPTORS,
  ARCHIVE_CERTIFICATES,
} ArchiveKind;

static const struct
{
  const char *start;
  ArchiveKind kind;
} archive_kinds[] = {
  { "network-status-version 3 microdesc\n", ARCHIVE_CONSENSUS },
  { "onion-key\n", ARCHIVE_MICRODESCRIPTORS },
  { "dir-key-certificate-version ", ARCHIVE_CERTIFICATES },
};

static void
archive_clear_consensus (gpointer data)
{
  ArchiveConsensus *consensus = data;

  g_free (consensus->path);
  g_bytes_unref (consensus->text);
}

static guint
archive_hash_digest (gconstpointer key)
{
  guint hash;

  memcpy (&hash, ((const CepaMicrodescriptor *) key)->digest, sizeof hash);
  return hash;
}

static gboolean
archive_equal_digest (gconstpointer a, gconstpointer b)
{
  const CepaMicrodescriptor *x = a, *y = b;

  return memcmp (x->digest, y->digest, sizeof x->digest) == 0;
}

void
cepa_sim_archive_free (CepaSimArchive *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->authorities, g_ptr_array_unref);
  g_ptr_array_unref (self->certificates);
  g_array_unref (self->consensuses);
  g_hash_table_unref (self->microdescriptors);
  g_ptr_array_unref (self->texts);
  g_ptr_array_unref (self->notes);
  g_free (self);
}

static void
archive_note (CepaSimArchive *self, const char *path, const char *sentence)
{
  if (self->n_notes++ < ARCHIVE_MAX_NOTES)
    g_ptr_array_add (self->notes, g_strdup_printf ("%s: %s", path, sentence));
}

/* ---- one document ---- */

static ArchiveKind
archive_find_kind (CepaSlice text)
{
  for (guint i = 0; i < G_N_ELEMENTS (archive_kinds); i++)
    if (cepa_slice_starts_with (text, archive_kinds[i].start))
      return archive_kinds[i].kind;
  return ARCHIVE_UNKNOWN;
}

/* The time behind @keyword, at the start of a line of the header. */
static gboolean
archive_find_time (CepaSlice text, const char *keyword, gint64 *time_s)
{
  gsize len = strlen (keyword);
  const char *found = memmem (text.text, MIN (text.len, ARCHIVE_HEADER_BYTES), keyword, len);
  CepaSlice rest;

  if (found == NULL)
    return FALSE;
  rest = cepa_slice_skip (text, (gsize) (found - text.text) + len);
  rest.len = MIN (rest.len, strlen ("2026-01-01 00:00:00"));
  return cepa_slice_to_time (rest, time_s);
}

static gboolean
archive_add_consensus (CepaSimArchive *self, const char *path, GBytes *file, CepaSlice text, GError **error)
{
  const char *start = g_bytes_get_data (file, NULL);
  ArchiveConsensus consensus = { 0 };

  if (!archive_find_time (text, "\nvalid-after ", &consensus.valid_after_s)
      || !archive_find_time (text, "\nfresh-until ", &consensus.fresh_until_s)
      || consensus.fresh_until_s <= consensus.valid_after_s)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT,
                   "%s: a consensus without good times valid-after and fresh-until", path);
      return FALSE;
    }
  consensus.path = g_strdup (path);
  consensus.text = g_bytes_new_from_bytes (file, (gsize) (text.text - start), text.len);
  g_array_append_val (self->consensuses, consensus);
  return TRUE;
}

static void
archive_add_microdescriptors (CepaSimArchive *self, const char *path, CepaSlice text)
{
  CepaMicrodescriptorStatus status;
  CepaMicrodescriptor microdescriptor;

  do
    {
      g_autoptr (GError) error = NULL;

      status = cepa_microdescriptor_next (&text, &microdescriptor, &error);
      if (status == CEPA_MICRODESCRIPTOR_BAD)
        archive_note (self, path, error->message);
      else if (status == CEPA_MICRODESCRIPTOR_GOOD
               && !g_hash_table_contains (self->microdescriptors, &microdescriptor))
        g_hash_table_add (self->microdescriptors, g_memdup2 (&microdescriptor, sizeof microdescriptor));
    }
  while (status != CEPA_MICRODESCRIPTOR_END);
}

static void
archive_add_certificates (CepaSimArchive *self, const char *path, CepaSlice text)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) good = cepa_key_certificates_parse_all (text.text, text.len, errors);

  for (guint i = 0; i < good->len; i++)
    g_ptr_array_add (self->certificates, cepa_key_certificate_ref (g_ptr_array_index (good, i)));
  for (guint i = 0; i < errors->len; i++)
    archive_note (self, path, ((GError *) g_ptr_array_index (errors, i))->message);
}

/* ---- files ---- */

/* The first document of @rest, without what is before it, which says what it is; @rest is moved behind it. */
static CepaSlice
archive_take_document (CepaSlice *rest)
{
  static const char *const starts[] = { "\n@type ", "\nnetwork-status-version " };
  CepaSlice text = *rest;
  const char *end = text.text + text.len;

  while (text.len > 0 && text.text[0] == '@')
    {
      const char *line_end = memchr (text.text, '\n', text.len);

      text = cepa_slice_skip (text, line_end != NULL ? (gsize) (line_end - text.text) + 1 : text.len);
    }
  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      const char *found = text.len > 0 ? memmem (text.text, (gsize) (end - text.text), starts[i], strlen (starts[i])) : NULL;

      if (found != NULL)
        end = found + 1;
    }
  text.len = (gsize) (end - text.text);
  *rest = cepa_slice_skip (*rest, (gsize) (end - rest->text));
  return text;
}

/* @is_named: the user gave this file, and did not only have a folder looked through */
static gboolean
archive_pass_over (CepaSimArchive *self, const char *path, CepaSlice text, gboolean is_named, GError **error)
{
  gboolean is_status = cepa_slice_starts_with (text, "network-status-version ");

  self->n_passed_over++;
  if (!is_named)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "%s: %s", path,
               is_status ? "a consensus or vote of another flavour; paths are chosen from the microdescriptor consensus"
                         : "neither a microdescriptor consensus, nor microdescriptors, nor key certificates; "
                           "archives have to be unpacked first");
  return FALSE;
}

/* (transfer full) (nullable) */
static GBytes *
archive_read_file (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  struct stat st;
  char *content;
  gsize len;

  if (stat (path, &st) != 0 || !S_ISREG (st.st_mode) || (guint64) st.st_size > ARCHIVE_MAX_BYTES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot read %s: %s", path,
                   errno != 0 ? g_strerror (errno) : "it is not a regular file of less than 4 GiB");
      return NULL;
    }
  if (st.st_size > ARCHIVE_MAP_BYTES)
    return cepa_file_map (path, error);
  if (g_file_get_contents (path, &content, &len, &cause))
    return g_bytes_new_take (content, len);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot read %s: %s", path, cause->message);
  return NULL;
}

static gboolean
archive_add_file (CepaSimArchive *self, const char *path, gboolean is_named, GError **error)
{
  g_autoptr (GBytes) file = NULL;
  CepaSlice rest;
  gboolean is_good = TRUE;

  errno = 0;
  file = archive_read_file (path, error);
  if (file == NULL)
    return FALSE;
  rest.text = g_bytes_get_data (file, &rest.len);
  if (rest.len == 0)
    return archive_pass_over (self, path, rest, is_named, error);
  while (is_good && rest.len > 0)
    {
      CepaSlice text = archive_take_document (&rest);

      switch (archive_find_kind (text))
        {
        case ARCHIVE_CONSENSUS:
          is_good = archive_add_consensus (self, path, file, text, error);
          break;
        case ARCHIVE_MICRODESCRIPTORS:
          archive_add_microdescriptors (self, path, text);
          break;
        case ARCHIVE_CERTIFICATES:
          archive_add_certificates (self, path, text);
          break;
        case ARCHIVE_UNKNOWN:
        default:
          is_good = archive_pass_over (self, path, text, is_named, error);
        }
    }
  g_ptr_array_add (self->texts, g_steal_pointer (&file));
  return is_good;
}

static int
archive_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean archive_add_path (CepaSimArchive *self, const char *path, guint depth, GError **error);

static gboolean
archive_add_folder (CepaSimArchive *self, const char *path, guint depth, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GDir) folder = g_dir_open (path, 0, &cause);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;
  gboolean is_good = TRUE;

  if (folder == NULL || depth == ARCHIVE_MAX_DEPTH)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot look through %s: %s", path,
                   folder == NULL ? cause->message : "too many folders in folders");
      return FALSE;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, archive_compare_names);
  for (guint i = 0; is_good && i < names->len; i++)
    is_good = archive_add_path (self, g_ptr_array_index (names, i), depth + 1, error);
  return is_good;
}

/* @depth: folders above that were looked through; 0: the user gave it */
static gboolean
archive_add_path (CepaSimArchive *self, const char *path, guint depth, GError **error)
{
  struct stat st;

  if ((depth == 0 ? stat (path, &st) : lstat (path, &st)) != 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot read %s: %s", path, g_strerror (errno));
      return FALSE;
    }
  if (S_ISDIR (st.st_mode))
    return archive_add_folder (self, path, depth, error);
  if (S_ISREG (st.st_mode) || depth == 0)
    return archive_add_file (self, path, depth == 0, error);
  self->n_passed_over++;
  return TRUE;
}

/* ---- the whole ---- */

static int
archive_compare_times (gconstpointer a, gconstpointer b)
{
  const ArchiveConsensus *x = a, *y = b;
  int order = (x->valid_after_s > y->valid_after_s) - (x->valid_after_s < y->valid_after_s);

  return order != 0 ? order : strcmp (x->path, y->path);
}

/* Puts them in order. The same document twice, as a client's cache may have it, counts once. */
static gboolean
archive_sort (CepaSimArchive *self, GError **error)
{
  g_array_sort (self->consensuses, archive_compare_times);
  for (guint i = 1; i < self->consensuses->len;)
    {
      const ArchiveConsensus *before = &g_array_index (self->consensuses, ArchiveConsensus, i - 1);
      const ArchiveConsensus *consensus = &g_array_index (self->consensuses, ArchiveConsensus, i);
      g_autofree char *when = NULL;

      if (before->valid_after_s < consensus->valid_after_s)
        {
          i++;
          continue;
        }
      if (g_bytes_equal (before->text, consensus->text))
        {
          g_array_remove_index (self->consensuses, i);
          continue;
        }
      when = cepa_netdoc_format_time (consensus->valid_after_s);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "%s and %s: two consensuses valid after %s", before->path,
                   consensus->path, when);
      return FALSE;
    }
  return TRUE;
}

static void
archive_sum_up (CepaSimArchive *self)
{
  if (self->n_notes > ARCHIVE_MAX_NOTES)
    g_ptr_array_add (self->notes, g_strdup_printf ("and %u more", self->n_notes - ARCHIVE_MAX_NOTES));
  if (self->n_passed_over > 0)
    g_ptr_array_add (self->notes, g_strdup_printf ("%u files or documents of other kinds were passed over",
                                                   self->n_passed_over));
}

CepaSimArchive *
cepa_sim_archive_open (const char *const *paths, GPtrArray *authorities, GError **error)
{
  g_autoptr (CepaSimArchive) self = g_new0 (CepaSimArchive, 1);

  self->authorities = authorities != NULL ? g_ptr_array_ref (authorities) : NULL;
  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_key_certificate_unref);
  self->consensuses = g_array_new (FALSE, FALSE, sizeof (ArchiveConsensus));
  g_array_set_clear_func (self->consensuses, archive_clear_consensus);
  self->texts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->microdescriptors = g_hash_table_new_full (archive_hash_digest, archive_equal_digest, g_free, NULL);
  self->notes = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; paths[i] != NULL; i++)
    if (!archive_add_path (self, paths[i], 0, error))
      return NULL;
  if (self->consensuses->len == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "there is no microdescriptor consensus in %s%s", paths[0],
                   paths[1] != NULL ? " and the others" : "");
      return NULL;
    }
  if (!archive_sort (self, error))
    return NULL;
  archive_sum_up (self);
  return g_steal_pointer (&self);
}

guint
cepa_sim_archive_get_n (const CepaSimArchive *self)
{
  return self->consensuses->len;
}

gint64
cepa_sim_archive_get_valid_after_s (const CepaSimArchive *self, guint i)
{
  return g_array_index (self->consensuses, ArchiveConsensus, i).valid_after_s;
}

gint64
cepa_sim_archive_get_end_s (const CepaSimArchive *self)
{
  return g_array_index (self->consensuses, ArchiveConsensus, self->consensuses->len - 1).fresh_until_s;
}

const GPtrArray *
cepa_sim_archive_get_notes (const CepaSimArchive *self)
{
  return self->notes;
}

CepaNetwork *
cepa_sim_archive_load (const CepaSimArchive *self, guint i, CepaExtras *extras, GError **error)
{
  const ArchiveConsensus *source = &g_array_index (self->consensuses, ArchiveConsensus, i);
  g_autoptr (CepaUnverifiedConsensus) unverified = cepa_consensus_parse (source->text, error);
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (CepaNetwork) network = NULL;
  const CepaRouterStatus *relays;
  guint n_relays;

  if (unverified != NULL)
    consensus = self->authorities == NULL ? cepa_consensus_take_unchecked (unverified)
                                          : cepa_consensus_verify (unverified, self->authorities, self->certificates,
                                                                   source->valid_after_s, error);
  if (consensus == NULL)
    {
      g_prefix_error (error, "%s: ", source->path);
      return NULL;
    }
  network = cepa_network_new (consensus);
  relays = cepa_consensus_get_relays (consensus, &n_relays);
  for (guint row = 0; row < n_relays; row++)
    {
      CepaMicrodescriptor wanted;
      const CepaMicrodescriptor *found;

      memcpy (wanted.digest, relays[row].microdesc_digest, sizeof wanted.digest);
      found = g_hash_table_lookup (self->microdescriptors, &wanted);
      if (found != NULL)
        cepa_network_add_microdescriptor (network, found);
    }
  if (extras != NULL)
    cepa_network_annotate (network, cepa_annotations_new (network, extras));
  cepa_network_commit (network);
  return g_steal_pointer (&network);
}
