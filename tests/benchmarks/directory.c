/* SPDX-License-Identifier: BSD-3-Clause */
/* directory FOLDER: CPU milliseconds of the work on a full-size directory, one line for each: "KEY MILLISECONDS". FOLDER
   is what tests.benchmarks.directory.write_inputs makes. tests/bench --directory runs it. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/encoding.h"
#include "base/file.h"
#include "directory/cache.h"
#include "directory/load.h"
#include "netdoc/consensus-diff.h"

#define N_ROUNDS 5

typedef struct
{
  GBytes *consensus;
  GBytes *microdescriptors;
  GPtrArray *certificates;
} Input;

typedef struct
{
  GPtrArray *authorities;
  Input now, next;
  GBytes *diff; /* from the one to the other */
} Bench;

static GBytes *
bench_map (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  GBytes *bytes = cepa_file_map (path, &error);

  if (bytes == NULL)
    g_error ("%s", error->message);
  return bytes;
}

static void
input_init (Input *self, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GBytes) certs = bench_map (path, CEPA_CACHE_CERTS);

  self->consensus = bench_map (path, CEPA_CACHE_CONSENSUS);
  self->microdescriptors = bench_map (path, CEPA_CACHE_MICRODESCRIPTORS);
  self->certificates = cepa_key_certificates_parse_all (g_bytes_get_data (certs, NULL), g_bytes_get_size (certs), NULL);
}

static void
input_clear (Input *self)
{
  g_bytes_unref (self->consensus);
  g_bytes_unref (self->microdescriptors);
  g_ptr_array_unref (self->certificates);
}

static void
bench_read_authorities (Bench *self, const char *folder)
{
  g_autoptr (GBytes) bytes = bench_map (folder, "now/authorities");
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      CepaDirectorySource *authority = g_new0 (CepaDirectorySource, 1);

      authority->is_authority = authority->is_v3 = TRUE;
      if (!cepa_hex_decode (lines[i], strlen (lines[i]), authority->v3_id, sizeof authority->v3_id))
        g_error ("no identity: %s", lines[i]);
      g_ptr_array_add (self->authorities, authority);
    }
}

static double
bench_cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* One document, from its text to the table; the times of the three steps are added up. */
static CepaNetwork *
bench_load (const Bench *self, const Input *input, double took[3])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (CepaConsensus) consensus = NULL;
  CepaNetwork *network;
  double began = bench_cpu_ms (), parsed, verified;

  unverified = cepa_consensus_parse (input->consensus, &error);
  parsed = bench_cpu_ms ();
  if (unverified != NULL)
    consensus = cepa_consensus_verify (unverified, self->authorities, input->certificates,
                                       g_get_real_time () / G_USEC_PER_SEC, &error);
  verified = bench_cpu_ms ();
  if (consensus == NULL)
    g_error ("%s", error->message);
  network = cepa_network_new (consensus);
  cepa_load_add_descriptors (network, input->microdescriptors, TRUE, 0);
  cepa_network_commit (network);
  took[0] += parsed - began;
  took[1] += verified - parsed;
  took[2] += bench_cpu_ms () - verified;
  return network;
}

/* From the diff to a consensus whose signatures are good. */
static void
bench_apply_diff (const Bench *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaUnverifiedConsensus) unverified = NULL;
  g_autoptr (CepaConsensus) consensus = NULL;
  g_autoptr (GBytes) text = cepa_consensus_diff_apply (self->now.consensus, self->diff, &error);

  if (text != NULL)
    unverified = cepa_consensus_parse (text, &error);
  if (unverified != NULL)
    consensus = cepa_consensus_verify (unverified, self->authorities, self->next.certificates,
                                       g_get_real_time () / G_USEC_PER_SEC, &error);
  if (consensus == NULL)
    g_error ("%s", error->message);
  g_assert (g_bytes_equal (text, self->next.consensus));
}

static void
bench_run (const Bench *self)
{
  static const char *const keys[] = { "parse", "verify", "network" };
  double took[3] = { 0 }, ignored[3] = { 0 }, change = 0, diff = 0;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      CepaNetwork *network = bench_load (self, &self->now, took);
      double before = ignored[0] + ignored[1] + ignored[2], began;
      CepaNetwork *next = bench_load (self, &self->next, ignored);

      change += ignored[0] + ignored[1] + ignored[2] - before;
      began = bench_cpu_ms ();
      cepa_network_unref (network);
      change += bench_cpu_ms () - began;
      cepa_network_unref (next);
      began = bench_cpu_ms ();
      bench_apply_diff (self);
      diff += bench_cpu_ms () - began;
    }
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    printf ("%s %.3f\n", keys[i], took[i] / N_ROUNDS);
  printf ("diff %.3f\n", diff / N_ROUNDS);
  printf ("change %.3f\n", change / N_ROUNDS);
}

int
main (int argc, char **argv)
{
  Bench bench;

  if (argc != 2)
    {
      fprintf (stderr, "usage: %s FOLDER\n", argv[0]);
      return 2;
    }
  bench_read_authorities (&bench, argv[1]);
  input_init (&bench.now, argv[1], "now");
  input_init (&bench.next, argv[1], "next");
  bench.diff = bench_map (argv[1], "diff");
  bench_run (&bench);
  g_bytes_unref (bench.diff);
  input_clear (&bench.now);
  input_clear (&bench.next);
  g_ptr_array_unref (bench.authorities);
  return 0;
}
