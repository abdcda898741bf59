/* SPDX-License-Identifier: BSD-3-Clause */
/* paths PLUGIN-FOLDER [SECONDS [FOLDER]]: how many paths a second of CPU the path plugins give for 10,000 relays, one line for
   each way: "KEY PATHS-PER-SECOND". With a FOLDER the relays are written there too, for the simulator. tests/bench --paths
   runs it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "path/policy.h"
#include "support/path-plugin.h"
#include "support/test-consensus.h"

#define N_RELAYS 10000

/* The public network's proportions in 2026: the consensus gives exits no work but as exits. */
#define WEIGHTS \
  "Wbd=0 Wbe=0 Wbg=4000 Wbm=10000 Wdb=10000 Web=10000 Wed=10000 Wee=10000 Weg=10000 Wem=10000 Wgb=10000 Wgd=0 " \
  "Wgg=6000 Wgm=6000 Wmb=10000 Wmd=0 Wme=0 Wmg=4000 Wmm=10000"

/* A plugin, asked as the daemon does. */
typedef struct
{
  PathPlugin plugin;
  CepaPathPolicies *policies;
} Contender;

typedef struct
{
  CepaNetwork *network;
  CepaPathRequest requests[4];
  guint32 excluded[3];
  guint32 guards[20];
  guint8 barred[N_RELAYS]; /* a twentieth, as by a country */
  double seconds; /* of CPU for each measurement */
} Bench;

/* ---- the network ---- */

static void
bench_write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (path, text, -1, &error))
    g_error ("%s", error->message);
}

static void
bench_write (const TestConsensus *spec, const char *folder)
{
  g_autofree char *consensus = test_consensus_text (spec);
  g_autoptr (GString) microdescriptors = g_string_new (NULL);

  for (guint i = 0; i < spec->n_relays; i++)
    {
      g_autofree char *text = test_consensus_microdescriptor (spec, i);

      g_string_append (microdescriptors, text);
    }
  bench_write_file (folder, "consensus", consensus);
  bench_write_file (folder, "microdescriptors", microdescriptors->str);
}

/* A few relays have most of the bandwidth; a third have Guard, a sixth Exit; a third are in families of ten; three
   share a /16. */
static CepaNetwork *
bench_make_network (const char *folder)
{
  g_autofree TestRelay *relays = g_new0 (TestRelay, N_RELAYS);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  const TestConsensus spec = { .relays = relays, .n_relays = N_RELAYS, .weights = WEIGHTS };
  CepaRandomSeeded random;

  cepa_random_seeded_init (&random, 20260601);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      double even = (double) (1 + cepa_random_below (&random.random, 1u << 30)) / (1u << 30);
      gboolean is_exit = cepa_random_below (&random.random, 6) == 0;
      gboolean has_family = cepa_random_below (&random.random, 3) == 0;
      g_autofree char *family = has_family ? g_strdup_printf ("family-ids x:kin%u\n", i / 30) : g_strdup ("");

      g_ptr_array_add (texts, g_strconcat (family, is_exit ? "p accept 80,443,6667\n" : "", NULL));
      relays[i].bandwidth = (guint32) (100 - 8000 * log (even));
      relays[i].ipv4 = (guint32) (1 + cepa_random_below (&random.random, N_RELAYS / 3)) << 16 | (i & 0xffff);
      relays[i].flags = TEST_RELAY_FLAGS | (is_exit ? CEPA_RELAY_EXIT : 0)
                        | (cepa_random_below (&random.random, 3) == 0 ? CEPA_RELAY_GUARD : 0);
      relays[i].microdesc = g_ptr_array_index (texts, i);
    }
  if (folder != NULL)
    bench_write (&spec, folder);
  return test_consensus_make_network (&spec);
}

static void
bench_init (Bench *self, double seconds, const char *folder)
{
  static const guint16 ports[] = { 443, 80, 443, 0 };

  memset (self, 0, sizeof *self);
  self->network = bench_make_network (folder);
  self->seconds = seconds;
  for (guint i = 0; i < G_N_ELEMENTS (self->excluded); i++)
    self->excluded[i] = N_RELAYS / 4 * (i + 1);
  for (guint32 row = 0, n = 0; row < N_RELAYS && n < G_N_ELEMENTS (self->guards); row++)
    if ((cepa_network_get_relay (self->network, row)->flags & CEPA_RELAY_GUARD) != 0)
      self->guards[n++] = row;
  for (guint row = 7; row < N_RELAYS; row += 20)
    self->barred[row] = 7;
  for (guint i = 0; i < G_N_ELEMENTS (ports); i++)
    self->requests[i] = (CepaPathRequest){ .size = sizeof (CepaPathRequest), .n_hops = 3, .port = ports[i],
                                           .excluded = self->excluded, .n_excluded = G_N_ELEMENTS (self->excluded) };
}

/* ---- the plugins ---- */

static void
contender_init (Contender *self, const char *folder, const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/%s/%s.so", folder, name, name);

  path_plugin_init (&self->plugin, path, cepa_random_system ());
  self->policies = cepa_path_policies_new ();
  cepa_path_policies_use (self->policies, &self->plugin.policy);
}

static void
contender_clear (Contender *self)
{
  cepa_path_policies_free (self->policies);
  path_plugin_clear (&self->plugin);
}

/* ---- measuring ---- */

static void
ask_table (Contender *self, const Bench *bench, const CepaPathRequest *request)
{
  CepaPath path = { .size = sizeof path };
  g_autoptr (GError) error = NULL;

  if (!self->plugin.policy.choose (&self->plugin.policy, cepa_network_get_view (bench->network), request, &path, &error))
    g_error ("no path: %s", error->message);
}

static void
ask_daemon (Contender *self, const Bench *bench, const CepaPathRequest *request)
{
  CepaPath path = { .size = sizeof path };
  g_autoptr (GError) error = NULL;
  guint64 proposed_by;

  if (!cepa_path_policies_propose (self->policies, bench->network, cepa_random_system (), request, TRUE, &path,
                                   &proposed_by, &error))
    g_error ("no path: %s", error->message);
}

/* With guards to choose from, and relays that the user bars. */
static void
ask_guarded (Contender *self, const Bench *bench, const CepaPathRequest *request)
{
  CepaPathRequest guarded = *request;

  guarded.guards = bench->guards;
  guarded.n_guards = G_N_ELEMENTS (bench->guards);
  guarded.barred = bench->barred;
  guarded.barred_id = 1;
  ask_daemon (self, bench, &guarded);
}

/* Each request of a kind that is not kept any more when it comes again: the tables are made anew. */
static void
ask_new_kind (Contender *self, const Bench *bench, const CepaPathRequest *request)
{
  static guint n;
  CepaPathRequest other = *request;

  n++;
  other.n_hops = 2 + n % 7;
  other.flags = n / 7 % 2 != 0 ? CEPA_PATH_NEED_STABLE : 0;
  ask_daemon (self, bench, &other);
}

static double
bench_cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
bench_run (const Bench *self, const char *key, Contender *contender,
           void (*ask) (Contender *contender, const Bench *bench, const CepaPathRequest *request))
{
  double began, took = 0;
  guint64 n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (self->requests); i++)
    ask (contender, self, &self->requests[i]); /* makes the tables */
  began = bench_cpu_seconds ();
  while (took < self->seconds)
    {
      for (guint i = 0; i < 100; i++, n++)
        ask (contender, self, &self->requests[n % G_N_ELEMENTS (self->requests)]);
      took = bench_cpu_seconds () - began;
    }
  printf ("%s %.0f\n", key, (double) n / took);
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  Contender weighted, uniform;
  Bench bench;

  if (argc < 2 || argc > 4)
    {
      fprintf (stderr, "usage: %s PLUGIN-FOLDER [SECONDS [FOLDER]]\n", argv[0]);
      return 2;
    }
  test_consensus_init ();
  bench_init (&bench, argc > 2 ? g_ascii_strtod (argv[2], NULL) : 2, argc > 3 ? argv[3] : NULL);
  contender_init (&weighted, argv[1], "weighted");
  contender_init (&uniform, argv[1], "uniform");
  bench_run (&bench, "weighted_table", &weighted, ask_table);
  bench_run (&bench, "weighted_daemon", &weighted, ask_daemon);
  bench_run (&bench, "weighted_guarded", &weighted, ask_guarded);
  bench_run (&bench, "uniform_daemon", &uniform, ask_daemon);
  bench_run (&bench, "uniform_guarded", &uniform, ask_guarded);
  bench_run (&bench, "uniform_new", &uniform, ask_new_kind);
  contender_clear (&weighted);
  contender_clear (&uniform);
  cepa_network_unref (bench.network);
  return 0;
}
