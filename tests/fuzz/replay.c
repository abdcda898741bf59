/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target over a corpus without a fuzzer: each file whole, cut short, and with bytes changed. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

#define REPLAY_CUTS 64
#define REPLAY_CHANGES 256

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A copy in memory of its own size, so that a sanitizer sees a read behind the end. */
static void
replay_one (const guint8 *data, gsize size)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);

  LLVMFuzzerTestOneInput (copy, size);
}

static void
replay_file (const char *path)
{
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  gsize size;

  if (!g_file_get_contents (path, &data, &size, &error))
    g_error ("%s", error->message);
  replay_one ((const guint8 *) data, size);
  for (guint i = 0; i < REPLAY_CUTS && size > 0; i++)
    replay_one ((const guint8 *) data, (gsize) g_rand_int_range (rand, 0, (gint32) size));
  for (guint i = 0; i < REPLAY_CHANGES && size > 0; i++)
    {
      gsize where = (gsize) g_rand_int_range (rand, 0, (gint32) size);
      char old = data[where];

      data[where] = (char) g_rand_int (rand);
      replay_one ((const guint8 *) data, size);
      data[where] = old;
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) folder = NULL;
  const char *name;
  guint n = 0;

  if (argc != 2 || (folder = g_dir_open (argv[1], 0, NULL)) == NULL)
    {
      fprintf (stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
      return 2;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (argv[1], name, NULL);

      replay_file (path);
      n++;
    }
  printf ("%u files\n", n);
  return n > 0 ? 0 : 1;
}
