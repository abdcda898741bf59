/* SPDX-License-Identifier: BSD-3-Clause */
/* path-draws PLUGIN.so: reads a network and requests from standard input, draws paths by the plugin or, where it only
   weighs, by the daemon, and prints how often each came, and each rule that one broke. tests/stat/README.md has the
   lines. The same input gives the same output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "path-rules.h"
#include "path/check.h"
#include "path/draw.h"
#include "support/path-plugin.h"
#include "support/test-consensus.h"

/* Of so few relays whole paths are counted, of more each hop. */
#define MAX_WHOLE_RELAYS 16

/* Draws for one request, before another one is made by chance. */
#define DRAWS_PER_WISH 500

/* What a request points to. */
typedef struct
{
  CepaPathRequest request;
  GArray *guards, *fixed, *excluded; /* (element-type guint32) */
  guint8 *barred;
} Wish;

typedef struct
{
  CepaNetwork *network;
  const CepaNetworkView *view;
  PathPlugin plugin;
  CepaPathDraw *draw; /* (nullable): of a plugin that only weighs */
  CepaRandomSeeded random;
  guint64 n_paths, n_failed, n_broken;
  GHashTable *broken; /* (element-type utf8 guint): by rule */
} Draws;

/* ---- the network ---- */

static void
fail (const char *what, const char *line)
{
  fprintf (stderr, "path-draws: %s: %s\n", what, line);
  exit (2);
}

/* "relay FLAGS BANDWIDTH IPV4 IPV6 HAS-KEYS MICRODESCRIPTOR", tabs between. */
static void
add_relay (GArray *relays, GArray *has_keys, GPtrArray *texts, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", -1);
  TestRelay relay = { 0 };
  gboolean keys;

  if (g_strv_length (words) != 7)
    fail ("not a relay", line);
  relay.flags = (guint32) g_ascii_strtoull (words[1], NULL, 10);
  relay.bandwidth = (guint32) g_ascii_strtoull (words[2], NULL, 10);
  relay.ipv4 = (guint32) g_ascii_strtoull (words[3], NULL, 10);
  if (words[4][0] != '\0')
    g_ptr_array_add (texts, (gpointer) (relay.ipv6 = g_strdup (words[4])));
  keys = words[5][0] == '1';
  g_ptr_array_add (texts, (gpointer) (relay.microdesc = g_strdelimit (g_strdup (words[6]), "|", '\n')));
  g_array_append_val (relays, relay);
  g_array_append_val (has_keys, keys);
}

static CepaNetwork *
make_network (const TestConsensus *spec, const GArray *has_keys)
{
  g_autoptr (CepaConsensus) consensus = test_consensus_make (spec);
  CepaNetwork *network = cepa_network_new (consensus);

  for (guint i = 0; i < spec->n_relays; i++)
    if (g_array_index (has_keys, gboolean, i))
      test_consensus_add_microdescriptor (spec, network, i);
  cepa_network_commit (network);
  return network;
}

/* ---- drawing ---- */

static gboolean
draw_path (Draws *self, const CepaPathRequest *request, CepaPath *path)
{
  g_autoptr (GError) error = NULL;
  gboolean is_drawn = self->draw != NULL
                          ? cepa_path_draw_run (self->draw, self->view, &self->random.random, request, path, &error)
                          : self->plugin.policy.choose (&self->plugin.policy, self->view, request, path, &error);

  g_assert_true (is_drawn == (error == NULL));
  return is_drawn;
}

static void
note_broken (Draws *self, const char *rule)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->broken, rule));

  g_hash_table_replace (self->broken, g_strdup (rule), GUINT_TO_POINTER (n + 1));
  self->n_broken++;
}

/* Draws one path and judges it by the rules of the daemon, and by those of the checker, which share no code. */
static gboolean
draw_judged (Draws *self, const CepaPathRequest *request, CepaPath *path)
{
  g_autoptr (GError) error = NULL;
  const char *rule = NULL;
  gboolean enforce_subnets = (request->flags & CEPA_PATH_ANY_SUBNET) == 0;

  if (!draw_path (self, request, path))
    {
      self->n_failed++;
      return FALSE;
    }
  self->n_paths++;
  if (!cepa_path_check (self->network, request, path, enforce_subnets, &rule, &error))
    note_broken (self, rule);
  rule = cepa_path_rules_find_broken (self->view, request, path);
  if (rule != NULL)
    note_broken (self, rule);
  return TRUE;
}

static void
print_counts (Draws *self, const char *kind)
{
  GHashTableIter iter;
  gpointer rule, n;

  printf ("%s-done %" G_GUINT64_FORMAT " paths %" G_GUINT64_FORMAT " failed %" G_GUINT64_FORMAT " violations\n", kind,
          self->n_paths, self->n_failed, self->n_broken);
  g_hash_table_iter_init (&iter, self->broken);
  while (g_hash_table_iter_next (&iter, &rule, &n))
    printf ("violated %u %s\n", GPOINTER_TO_UINT (n), (const char *) rule);
  self->n_paths = self->n_failed = self->n_broken = 0;
  g_hash_table_remove_all (self->broken);
}

/* ---- one request ---- */

static GArray *
parse_rows (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; words[i] != NULL && *text != '\0'; i++)
    {
      guint32 row = g_str_equal (words[i], "*") ? CEPA_PATH_ANY_ROW : (guint32) g_ascii_strtoull (words[i], NULL, 10);

      g_array_append_val (rows, row);
    }
  return rows;
}

static void
wish_clear (Wish *self)
{
  g_clear_pointer (&self->guards, g_array_unref);
  g_clear_pointer (&self->fixed, g_array_unref);
  g_clear_pointer (&self->excluded, g_array_unref);
  g_clear_pointer (&self->barred, g_free);
}

/* Points the request to what there is. */
static void
wish_settle (Wish *self, guint64 barred_id)
{
  CepaPathRequest *request = &self->request;

  request->size = sizeof *request;
  request->guards = self->guards->len > 0 ? (const guint32 *) (gpointer) self->guards->data : NULL;
  request->n_guards = self->guards->len;
  request->fixed = self->fixed->len > 0 ? (const guint32 *) (gpointer) self->fixed->data : NULL;
  request->excluded = (const guint32 *) (gpointer) self->excluded->data;
  request->n_excluded = self->excluded->len;
  request->barred = self->barred;
  request->barred_id = self->barred != NULL ? barred_id : 0;
}

/* "request NAME DRAWS SEED PURPOSE HOPS FLAGS PORT GUARDS FIXED BARRED EXCLUDED", tabs between. */
static void
run_request (Draws *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", -1);
  guint n_relays = self->view->n_relays, n_hops, n_cells = 1;
  gboolean is_whole = n_relays <= MAX_WHOLE_RELAYS;
  g_autofree guint *seen = NULL;
  Wish wish = { 0 };
  static guint64 n_requests;

  if (g_strv_length (words) != 12)
    fail ("not a request", line);
  cepa_random_seeded_init (&self->random, g_ascii_strtoull (words[3], NULL, 10));
  wish.request.purpose = (guint32) g_ascii_strtoull (words[4], NULL, 10);
  wish.request.n_hops = n_hops = (guint32) g_ascii_strtoull (words[5], NULL, 10);
  wish.request.flags = (guint32) g_ascii_strtoull (words[6], NULL, 10);
  wish.request.port = (guint16) g_ascii_strtoull (words[7], NULL, 10);
  wish.guards = parse_rows (words[8]);
  wish.fixed = parse_rows (words[9]);
  wish.excluded = parse_rows (words[11]);
  if (words[10][0] != '\0')
    {
      g_autoptr (GArray) bars = parse_rows (words[10]);

      wish.barred = g_new0 (guint8, n_relays);
      for (guint row = 0; row < MIN (bars->len, n_relays); row++)
        wish.barred[row] = (guint8) g_array_index (bars, guint32, row);
    }
  wish_settle (&wish, ++n_requests);
  for (guint i = 0; i < n_hops; i++)
    n_cells *= is_whole ? n_relays : 1;
  seen = g_new0 (guint, is_whole ? n_cells : n_relays * n_hops);
  for (guint64 i = g_ascii_strtoull (words[2], NULL, 10); i > 0; i--)
    {
      CepaPath path = { .size = sizeof path };
      guint index = 0;

      if (!draw_judged (self, &wish.request, &path))
        continue;
      for (guint hop = 0; hop < n_hops; hop++)
        if (is_whole)
          index = index * n_relays + path.hops[hop];
        else
          seen[hop * n_relays + path.hops[hop]]++;
      seen[index] += is_whole;
    }
  printf ("request %s\n", words[1]);
  for (guint i = 0; i < (is_whole ? n_cells : n_relays * n_hops); i++)
    if (seen[i] > 0)
      printf ("%s %u %u\n", is_whole ? "path" : "hop", i, seen[i]);
  print_counts (self, "request");
  wish_clear (&wish);
}

/* ---- many requests by chance ---- */

static void
add_random_rows (CepaRandom *random, GArray *rows, guint n_relays, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      guint32 row = (guint32) cepa_random_below (random, n_relays);

      g_array_append_val (rows, row);
    }
}

static gint
compare_rows (gconstpointer a, gconstpointer b)
{
  const guint32 *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

/* Every kind of request that there is, and hostile ones. */
static void
wish_randomize (Wish *self, CepaRandom *random, guint n_relays, guint64 number)
{
  static const guint16 ports[] = { 0, 80, 443, 443, 6667, 25 };

  wish_clear (self);
  memset (self, 0, sizeof *self);
  self->guards = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->fixed = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->excluded = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->request.purpose = (guint32) cepa_random_below (random, 2);
  self->request.n_hops = cepa_random_below (random, 2) != 0 ? 3 : 1 + (guint32) cepa_random_below (random, 8);
  self->request.flags = cepa_random_below (random, 2) != 0 ? 0 : (guint32) cepa_random_below (random, 16);
  self->request.port = ports[cepa_random_below (random, G_N_ELEMENTS (ports))];
  if (cepa_random_below (random, 2) != 0)
    add_random_rows (random, self->guards, n_relays, 60);
  if (cepa_random_below (random, 2) != 0)
    add_random_rows (random, self->excluded, n_relays, n_relays / 10);
  g_array_sort (self->excluded, compare_rows);
  if (cepa_random_below (random, 3) == 0)
    {
      const guint32 any = CEPA_PATH_ANY_ROW;

      for (guint hop = 0; hop < self->request.n_hops; hop++)
        if (cepa_random_below (random, self->request.n_hops) == 0)
          add_random_rows (random, self->fixed, n_relays, 1);
        else
          g_array_append_val (self->fixed, any);
    }
  if (cepa_random_below (random, 2) != 0)
    {
      self->barred = g_new0 (guint8, n_relays);
      for (guint row = 0; row < n_relays; row++)
        self->barred[row] = cepa_random_below (random, 4) == 0 ? (guint8) cepa_random_below (random, 8) : 0;
    }
  wish_settle (self, (guint64) 1 << 32 | number);
}

/* "rules DRAWS SEED", tabs between. */
static void
run_rules (Draws *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", -1);
  CepaRandomSeeded wishes;
  Wish wish = { 0 };
  guint64 n, seed;

  if (g_strv_length (words) != 3)
    fail ("not a number of draws and a seed", line);
  n = g_ascii_strtoull (words[1], NULL, 10);
  seed = g_ascii_strtoull (words[2], NULL, 10);
  cepa_random_seeded_init (&wishes, seed);
  cepa_random_seeded_init (&self->random, seed + 1);
  for (guint64 number = 0; self->n_paths < n; number++)
    {
      CepaPath path = { .size = sizeof path };

      wish_randomize (&wish, &wishes.random, self->view->n_relays, number);
      for (guint i = 0; i < DRAWS_PER_WISH && self->n_paths < n && draw_judged (self, &wish.request, &path); i++)
        ;
    }
  wish_clear (&wish);
  print_counts (self, "rules");
}

/* ---- input ---- */

/* The lines of relays come first. */
static void
run_lines (Draws *self, GStrv lines, const char *plugin)
{
  g_autoptr (GArray) relays = g_array_new (FALSE, FALSE, sizeof (TestRelay));
  g_autoptr (GArray) has_keys = g_array_new (FALSE, FALSE, sizeof (gboolean));
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  TestConsensus spec = { 0 };

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "weights\t"))
      spec.weights = lines[i] + strlen ("weights\t");
    else if (g_str_has_prefix (lines[i], "relay\t"))
      add_relay (relays, has_keys, texts, lines[i]);
  spec.relays = (const TestRelay *) (gpointer) relays->data;
  spec.n_relays = relays->len;
  self->network = make_network (&spec, has_keys);
  self->view = cepa_network_get_view (self->network);
  path_plugin_init (&self->plugin, plugin, &self->random.random);
  if (self->plugin.policy.choose == NULL)
    self->draw = cepa_path_draw_new (&self->plugin.policy);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "request\t"))
      run_request (self, lines[i]);
    else if (g_str_has_prefix (lines[i], "rules\t"))
      run_rules (self, lines[i]);
  g_clear_pointer (&self->draw, cepa_path_draw_unref);
  path_plugin_clear (&self->plugin);
  cepa_network_unref (self->network);
}

int
main (int argc, char **argv)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;
  Draws draws = { 0 };
  char part[65536];
  size_t n;

  if (argc != 2)
    {
      fprintf (stderr, "usage: %s PLUGIN.so <LINES\n", argv[0]);
      return 2;
    }
  while ((n = fread (part, 1, sizeof part, stdin)) > 0)
    g_string_append_len (text, part, (gssize) n);
  lines = g_strsplit (text->str, "\n", -1);
  test_consensus_init ();
  draws.broken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run_lines (&draws, lines, argv[1]);
  g_hash_table_unref (draws.broken);
  return 0;
}
