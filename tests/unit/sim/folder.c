/* SPDX-License-Identifier: BSD-3-Clause */
#include "folder.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "netdoc/maker.h"
#include "support/test-consensus.h"

#define FOLDER_WEIGHTS \
  "Wbd=0 Wbe=0 Wbg=4000 Wbm=10000 Wdb=10000 Web=10000 Wed=10000 Wee=10000 Weg=10000 Wem=10000 Wgb=10000 Wgd=0 " \
  "Wgg=6000 Wgm=6000 Wmb=10000 Wmd=0 Wme=0 Wmg=4000 Wmm=10000"

/* A third guards, a quarter exits; of the first eight, neighbours are family. */
static void
folder_make_documents (Folder *self)
{
  TestRelay relays[FOLDER_N_RELAYS] = { 0 };
  const TestConsensus spec = { .relays = relays, .n_relays = FOLDER_N_RELAYS, .weights = FOLDER_WEIGHTS };
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GString *all = g_string_new (NULL);

  for (guint i = 0; i < FOLDER_N_RELAYS; i++)
    {
      gboolean is_exit = i % 4 == 0;
      g_autofree char *family = i < 8 ? g_strdup_printf ("family-ids test:kin%u\n", i / 2) : g_strdup ("");
      char *line = g_strconcat (family, is_exit ? i % 8 == 0 ? "p accept 80,443\n" : "p accept 443,6667\n" : "", NULL);

      g_ptr_array_add (lines, line);
      relays[i] = (TestRelay){ .flags = TEST_RELAY_FLAGS | (is_exit ? CEPA_RELAY_EXIT : 0)
                                        | (i % 3 == 0 ? CEPA_RELAY_GUARD : 0),
                               .bandwidth = 100 + 37 * i, .microdesc = line };
    }
  self->consensus = test_consensus_text (&spec);
  for (guint i = 0; i < FOLDER_N_RELAYS; i++)
    {
      g_autofree char *microdescriptor = test_consensus_microdescriptor (&spec, i);

      g_string_append (all, microdescriptor);
    }
  self->microdescriptors = g_string_free (all, FALSE);
}

void
folder_init (Folder *self)
{
  const MakerAuthority *authority = maker_authority (0);
  g_autofree char *v3_id = g_malloc (41), *id = g_malloc (41);

  for (guint i = 0; i < 20; i++)
    {
      g_snprintf (v3_id + 2 * i, 3, "%02X", authority->source.v3_id[i]);
      g_snprintf (id + 2 * i, 3, "%02X", authority->source.rsa_id[i]);
    }
  self->path = g_dir_make_tmp ("cepa-sim-XXXXXX", NULL);
  g_assert_nonnull (self->path);
  self->certificates = maker_certificate (authority, NULL);
  self->authority = g_strdup_printf ("test0 orport=9001 v3ident=%s 127.0.0.1:9030 %s", v3_id, id);
  folder_make_documents (self);
}

static int
folder_remove_entry (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void) st;
  (void) flag;
  (void) ftw;
  return remove (path);
}

void
folder_clear (Folder *self)
{
  nftw (self->path, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_free (self->path);
  g_free (self->consensus);
  g_free (self->microdescriptors);
  g_free (self->certificates);
  g_free (self->authority);
}

char *
folder_write (const Folder *self, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (self->path, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  return path;
}

void
folder_write_cache (const Folder *self)
{
  g_free (folder_write (self, "cache/cached-certs", self->certificates));
  g_free (folder_write (self, "cache/cached-microdesc-consensus", self->consensus));
  g_free (folder_write (self, "cache/cached-microdescs", self->microdescriptors));
}

/* (transfer full): @text with the time behind @keyword @hours later. */
static char *
folder_move (const char *text, const char *keyword, guint hour, guint hours)
{
  g_autoptr (GDateTime) start = g_date_time_new_utc (2026, 6, 1, (gint) hour, 0, 0);
  g_autoptr (GDateTime) moved = g_date_time_add_hours (start, (gint) hours);
  g_autofree char *from = g_date_time_format (start, "%Y-%m-%d %H:%M:%S");
  g_autofree char *to = g_date_time_format (moved, "%Y-%m-%d %H:%M:%S");
  g_autofree char *find = g_strdup_printf ("%s %s", keyword, from);
  g_autofree char *replacement = g_strdup_printf ("%s %s", keyword, to);

  return maker_replace (text, find, replacement);
}

char *
folder_make_later (const Folder *self, guint hours)
{
  g_autofree char *first = folder_move (self->consensus, "valid-after", 12, hours);
  g_autofree char *second = folder_move (first, "fresh-until", 13, hours);

  return folder_move (second, "valid-until", 15, hours);
}
