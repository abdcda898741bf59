/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa-sim paths as users call it: what comes out, that it is the same with any number of threads, what is refused. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "folder.h"
#include "netdoc/maker.h"
#include "support/test-consensus.h"

#define COLUMNS 11

/* What the program left. */
typedef struct
{
  int status;
  char *out, *err;
} Outcome;

static void
outcome_clear (Outcome *self)
{
  g_free (self->out);
  g_free (self->err);
}

/* Runs "cepa-sim paths ARGUMENT..." in the folder. The arguments end with NULL. */
static Outcome
run (const Folder *folder, ...)
{
  g_autoptr (GPtrArray) args = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  Outcome outcome = { 0 };
  const char *arg;
  va_list list;

  g_ptr_array_add (args, (gpointer) g_getenv ("CEPA_SIM"));
  g_ptr_array_add (args, (gpointer) "paths");
  va_start (list, folder);
  do
    {
      arg = va_arg (list, const char *);
      g_ptr_array_add (args, (gpointer) arg);
    }
  while (arg != NULL);
  va_end (list);
  g_spawn_sync (folder->path, (char **) args->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &outcome.out, &outcome.err,
                &outcome.status, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (outcome.status));
  outcome.status = WEXITSTATUS (outcome.status);
  return outcome;
}

static char *
read_file (const Folder *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

static void
write_bytes (const Folder *folder, const char *name, const char *bytes, gssize len)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);

  g_assert_true (g_file_set_contents (path, bytes, len, NULL));
}

static void
assert_has (const char *text, const char *part)
{
  if (text == NULL || strstr (text, part) == NULL)
    g_error ("there is no \"%s\" in: %s", part, text);
}

static void
assert_succeeds (Outcome outcome)
{
  if (outcome.status != 0)
    g_error ("status %d: %s", outcome.status, outcome.err);
  outcome_clear (&outcome);
}

static void
assert_fails (Outcome outcome, int status, const char *part)
{
  assert_has (outcome.err, part);
  g_assert_cmpint (outcome.status, ==, status);
  outcome_clear (&outcome);
}

/* Without a single draw. */
static void
assert_fails_at_once (Outcome outcome, const char *part)
{
  g_assert_null (strstr (outcome.err, " draws in "));
  assert_fails (outcome, 1, part);
}

/* ---- what comes out ---- */

/* Three consensuses, a mix of ports, users who are away in the second hour: with any number of threads the same. */
static void
test_threads (void)
{
  static const char *const threads[] = { "1", "2", "5", "40" };
  Folder folder;
  g_autofree char *later = NULL, *last = NULL, *first_csv = NULL, *first_json = NULL, *first_svg = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  later = folder_make_later (&folder, 1);
  last = folder_make_later (&folder, 2);
  g_free (folder_write (&folder, "later", later));
  g_free (folder_write (&folder, "last", last));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autofree char *csv = NULL, *json = NULL, *svg = NULL;

      assert_succeeds (run (&folder, "--unchecked", "--threads", threads[i], "--csv", "o.csv", "--summary", "o.json", "--plot",
                            "o.svg", "--ports", "443=6,80=3,6667=1", "--hours", "12,14", "--clients", "37", "--paths", "2001",
                            "--adversary-share", "0.2", "--seed", "77", "--quiet", "cache", "later", "last", NULL));
      csv = read_file (&folder, "o.csv");
      json = read_file (&folder, "o.json");
      svg = read_file (&folder, "o.svg");
      if (i == 0)
        {
          first_csv = g_steal_pointer (&csv);
          first_json = g_steal_pointer (&json);
          first_svg = g_steal_pointer (&svg);
          continue;
        }
      g_assert_cmpstr (csv, ==, first_csv);
      g_assert_cmpstr (json, ==, first_json);
      g_assert_cmpstr (svg, ==, first_svg);
    }
  assert_succeeds (run (&folder, "--unchecked", "--csv", "o.csv", "--ports", "443=6,80=3,6667=1", "--hours", "12,14",
                        "--clients", "37", "--paths", "2001", "--seed", "78", "--quiet", "cache", "later", "last", NULL));
  {
    g_autofree char *other = read_file (&folder, "o.csv");

    g_assert_cmpstr (other, !=, first_csv);
  }
  folder_clear (&folder);
}

/* Each line: times ascend within the hours of use, clients and streams are counted, ports are of the mix, relays are what
   the shares say that they are. */
static void
test_lines (void)
{
  Folder folder;
  g_auto (GStrv) lines = NULL;
  g_autofree char *csv = NULL;
  guint n_80 = 0, streams[10] = { 0 };
  gint64 before_s = TEST_CONSENSUS_VALID_AFTER_S;

  folder_init (&folder);
  folder_write_cache (&folder);
  assert_succeeds (run (&folder, "--authority", folder.authority, "--clients", "10", "--clients-per-instance", "10", "--paths",
                        "1000", "--ports", "443=1,80=1", "--csv", "o.csv", "--rows", "--quiet", "cache", NULL));
  csv = read_file (&folder, "o.csv");
  lines = g_strsplit (csv, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 1002);
  g_assert_cmpstr (lines[0], ==, "time,client,stream,port,guard,middle,exit,guard_share,middle_share,exit_share,refusal");
  for (guint i = 1; i <= 1000; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ",", -1);
      gint64 time_s = g_ascii_strtoll (fields[0], NULL, 10);
      guint client = (guint) g_ascii_strtoull (fields[1], NULL, 10);
      guint guard = (guint) g_ascii_strtoull (fields[4], NULL, 10), exit = (guint) g_ascii_strtoull (fields[6], NULL, 10);

      g_assert_cmpuint (g_strv_length (fields), ==, COLUMNS);
      g_assert_cmpint (time_s, >=, before_s);
      g_assert_cmpint (time_s, <, TEST_CONSENSUS_VALID_AFTER_S + 3600);
      before_s = time_s;
      g_assert_cmpuint (client, ==, (i - 1) % 10);
      g_assert_cmpuint (g_ascii_strtoull (fields[2], NULL, 10), ==, streams[client]++);
      g_assert_cmpuint (guard % 3, ==, 0);
      g_assert_cmpuint (exit % 4, ==, 0);
      if (strcmp (fields[3], "80") == 0)
        {
          g_assert_cmpuint (exit % 8, ==, 0);
          n_80++;
        }
      g_assert_cmpfloat (g_ascii_strtod (fields[7], NULL), >, 0);
      g_assert_cmpstr (fields[10], ==, "");
    }
  g_assert_cmpint (ABS ((int) n_80 - 500), <, 80);
  folder_clear (&folder);
}

/* path.uniform draws each exit of a port as often as the other: 20 of 443, in 20,000 paths 1000 each, give or take the
   families of the first eight. The shares by weight are not so. */
static void
test_policies (void)
{
  Folder folder;
  Outcome outcome;
  guint counts[FOLDER_N_RELAYS] = { 0 };
  g_autofree char *csv = NULL;
  g_auto (GStrv) lines = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  outcome = run (&folder, "--authority", folder.authority, "--plugin", "path.uniform", "--paths", "20000", "--csv", "o.csv",
                 "--rows", "cache", NULL);
  assert_has (outcome.out, "Policy:      path.uniform, seed 1\n");
  assert_has (outcome.out, "Paths:       20000 drawn by 100 clients with guards, 0 refused\n");
  assert_has (outcome.err, " draws in ");
  outcome_clear (&outcome);
  csv = read_file (&folder, "o.csv");
  lines = g_strsplit (csv, "\n", -1);
  for (guint i = 1; i <= 20000; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ",", -1);

      counts[g_ascii_strtoull (fields[6], NULL, 10)]++;
    }
  for (guint row = 0; row < FOLDER_N_RELAYS; row++)
    if (row % 4 == 0)
      g_assert_cmpint (ABS ((int) counts[row] - 1000), <, 160);
    else
      g_assert_cmpuint (counts[row], ==, 0);
  folder_clear (&folder);
}

/* The guards that client @number of a CSV file with rows had: bits by row. Returns: how many. */
static guint
collect_guards (const char *csv, const char *number, gboolean *had)
{
  g_auto (GStrv) lines = g_strsplit (csv, "\n", -1);
  guint n = 0;

  for (guint i = 1; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ",", -1);
      guint row = (guint) g_ascii_strtoull (fields[4], NULL, 10);

      if (strcmp (fields[1], number) != 0 || had[row])
        continue;
      had[row] = TRUE;
      n++;
    }
  return n;
}

/* A user has few guards over three consensuses, the same ones whoever else there is; without guards it has many. */
static void
test_guards (void)
{
  Folder folder;
  g_autofree char *later = NULL, *last = NULL, *alone = NULL, *among = NULL, *without = NULL;
  gboolean had[FOLDER_N_RELAYS] = { FALSE }, any[FOLDER_N_RELAYS] = { FALSE };
  guint n;

  folder_init (&folder);
  folder_write_cache (&folder);
  later = folder_make_later (&folder, 1);
  last = folder_make_later (&folder, 2);
  g_free (folder_write (&folder, "later", later));
  g_free (folder_write (&folder, "last", last));
  assert_succeeds (run (&folder, "--unchecked", "--clients", "8", "--paths", "1600", "--csv", "o.csv", "--rows", "--quiet",
                        "cache", "later", "last", NULL));
  alone = read_file (&folder, "o.csv");
  assert_succeeds (run (&folder, "--unchecked", "--clients", "50", "--paths", "10000", "--csv", "o.csv", "--rows", "--quiet",
                        "cache", "later", "last", NULL));
  among = read_file (&folder, "o.csv");
  assert_succeeds (run (&folder, "--unchecked", "--clients", "8", "--paths", "1600", "--csv", "o.csv", "--rows", "--quiet",
                        "--no-guards", "cache", "later", "last", NULL));
  without = read_file (&folder, "o.csv");
  n = collect_guards (alone, "3", had);
  g_assert_cmpuint (n, >=, 1);
  g_assert_cmpuint (n, <=, 3);
  g_assert_cmpuint (n + collect_guards (among, "3", had), <=, 3);
  g_assert_cmpuint (collect_guards (without, "3", any), >, 12);
  folder_clear (&folder);
}

/* Half a year, a consensus a day: guards grow old, and each user takes others in their place. Within a day none does. */
static void
test_months (void)
{
  Folder folder;
  Outcome outcome;

  folder_init (&folder);
  folder_write_cache (&folder);
  for (guint day = 1; day <= 180; day++)
    {
      g_autofree char *later = folder_make_later (&folder, 24 * day);
      g_autofree char *name = g_strdup_printf ("days/%u", day);

      g_free (folder_write (&folder, name, later));
    }
  outcome = run (&folder, "--unchecked", "--clients", "10", "--rate", "1", "--hours", "8-10", "--summary", "o.json", "--quiet",
                 "cache", "days", NULL);
  g_assert_cmpint (outcome.status, ==, 0);
  outcome_clear (&outcome);
  {
    g_autofree char *json = read_file (&folder, "o.json");
    const char *mean = strstr (json, "\"guards_of_a_client\": {\"mean\": ");

    assert_has (json, "\"consensuses\": 181,");
    assert_has (json, "\"paths\": 3600,");
    g_assert_cmpfloat (g_ascii_strtod (mean + strlen ("\"guards_of_a_client\": {\"mean\": "), NULL), >, 3);
  }
  folder_clear (&folder);
}

/* Everybody is in one country, then nobody is in any. */
static void
test_countries (void)
{
  Folder folder;
  Outcome outcome;

  folder_init (&folder);
  folder_write_cache (&folder);
  g_free (folder_write (&folder, "geoip", "167772160,184549375,XY\n"));
  outcome = run (&folder, "--unchecked", "--paths", "500", "--geoip", "geoip", "cache", NULL);
  assert_has (outcome.out, "in one country: 100.000000 % of the 100.0 % of paths");
  outcome_clear (&outcome);
  outcome = run (&folder, "--unchecked", "--paths", "500", "cache", NULL);
  assert_has (outcome.out, "in one country: 0.000000 % of the 0.0 % of paths");
  outcome_clear (&outcome);
  assert_fails (run (&folder, "--unchecked", "--geoip", "nowhere", "cache", NULL), 1, "cannot read nowhere");
  assert_fails (run (&folder, "--unchecked", "--as-file", "geoip", "cache", NULL), 1, "geoip");
  folder_clear (&folder);
}

/* Somebody who has relays of another network sees nothing of this one, and is told. */
static void
test_adversary (void)
{
  Folder folder;
  Outcome outcome;
  g_autofree char *first = test_relay_fingerprint (40), *list = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  list = g_strdup_printf ("%s~relay # ours\r\n\r\n0123456789012345678901234567890123456789\n", first + 1);
  g_free (folder_write (&folder, "list", list));
  outcome = run (&folder, "--unchecked", "--paths", "500", "--adversary", "list", "cache", NULL);
  assert_has (outcome.err, "of the 2 relays of the adversary 1 are in the first consensus");
  assert_has (outcome.out, "\nAdversary:   2 relays\n");
  outcome_clear (&outcome);
  folder_clear (&folder);
}

/* ---- what is refused ---- */

static void
test_usage (void)
{
  Folder folder;

  folder_init (&folder);
  folder_write_cache (&folder);
  assert_fails (run (&folder, NULL), 2, "give files or folders");
  assert_fails (run (&folder, "--nonsense", "cache", NULL), 2, "nonsense");
  assert_fails (run (&folder, "--ports", "web", "cache", NULL), 2, "\"web\" in the mix of ports");
  assert_fails (run (&folder, "--hours", "25", "cache", NULL), 2, "not an hour");
  assert_fails (run (&folder, "--paths", "0", "cache", NULL), 2, "--paths 0");
  assert_fails (run (&folder, "--paths", "1", "--rate", "1", "cache", NULL), 2, "--paths or --rate");
  assert_fails (run (&folder, "--threads", "many", "cache", NULL), 2, "--threads many");
  assert_fails (run (&folder, "--adversary-share", "2", "cache", NULL), 2, "--adversary-share 2");
  assert_fails (run (&folder, "--authority", "x", "cache", NULL), 2, "DirAuthority");
  assert_fails (run (&folder, "--unchecked", "--torrc", "x", "cache", NULL), 2, "--unchecked");
  assert_fails (run (&folder, "--summary", "o.xml", "cache", NULL), 2, ".json or .txt");
  assert_fails (run (&folder, "--csv", "o.txt", "--summary", "o.txt", "cache", NULL), 2, "to one file: o.txt");
  folder_clear (&folder);
}

static void
test_documents (void)
{
  Folder folder;
  g_autofree char *later = NULL, *half = NULL, *csv = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  later = folder_make_later (&folder, 1);
  half = g_strndup (later, strlen (later) / 2);
  g_free (folder_write (&folder, "later", half));
  /* In the middle of a run. */
  assert_fails (run (&folder, "--unchecked", "--paths", "1000", "--csv", "o.csv", "cache", "later", NULL), 1, "later: ");
  csv = read_file (&folder, "o.csv");
  g_assert_null (csv);
  g_free (folder_write (&folder, "torrc", "SocksPort 0\n"));
  g_free (folder_write (&folder, "none", "# nobody\n"));
  /* The public network's authorities have not signed it. */
  assert_fails (run (&folder, "cache", NULL), 1, "0 good");
  assert_fails (run (&folder, "--unchecked", "cache/nothing", NULL), 1, "cannot read cache/nothing");
  assert_fails (run (&folder, "--unchecked", "cache/cached-microdesc-consensus", NULL), 1, "none has its microdescriptor");
  assert_fails (run (&folder, "--torrc", "torrc", "cache", NULL), 2, "no DirAuthority line");
  assert_fails (run (&folder, "--torrc", "nowhere", "cache", NULL), 1, "cannot read nowhere");
  assert_fails (run (&folder, "--unchecked", "--ports-file", "nowhere", "cache", NULL), 1, "cannot read nowhere");
  assert_fails (run (&folder, "--unchecked", "--adversary", "none", "cache", NULL), 1, "none: there is no fingerprint");
  write_bytes (&folder, "zero", "443=1\0,80=1\n", 12);
  assert_fails (run (&folder, "--unchecked", "--adversary", "zero", "cache", NULL), 1, "zero: this is no text");
  assert_fails (run (&folder, "--unchecked", "--ports-file", "zero", "cache", NULL), 1, "zero: this is no text");
  assert_fails (run (&folder, "--unchecked", "--hours", "3", "cache", NULL), 1, "no hour of use");
  folder_clear (&folder);
}

static void
test_full_disk (void)
{
  Folder folder;
  g_autofree char *csv = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  assert_fails (run (&folder, "--unchecked", "--paths", "100000", "--csv", "/dev/full", "cache", NULL), 1,
                "cannot write /dev/full: No space left");
  assert_fails (run (&folder, "--unchecked", "--paths", "10", "--summary", "/dev/full.txt/x.txt", "cache", NULL), 1,
                "cannot write /dev/full.txt");
  assert_fails (run (&folder, "--unchecked", "--paths", "10", "--plot", "nowhere/o.svg", "cache", NULL), 1,
                "cannot write nowhere/o.svg");
  /* Before the work is done, not after it. */
  assert_fails_at_once (run (&folder, "--unchecked", "--plot", "nowhere/o.svg", "cache", NULL), "cannot write nowhere/o.svg");
  assert_fails_at_once (run (&folder, "--unchecked", "--plot", "cache", "cache", NULL), "cannot write cache: Is a directory");
  /* A run that fails leaves no half of a file. */
  assert_fails (run (&folder, "--unchecked", "--ports", "25", "--plugin", "path.nowhere", "--csv", "o.csv", "cache", NULL), 1,
                "no plugin path.nowhere");
  csv = read_file (&folder, "o.csv");
  g_assert_null (csv);
  folder_clear (&folder);
}

/* Without a standard output the summary goes nowhere, and not into the file that is opened next. */
static void
test_no_output (void)
{
  Folder folder;
  g_autofree char *command = NULL, *csv = NULL;
  int status;

  folder_init (&folder);
  folder_write_cache (&folder);
  command = g_strdup_printf ("sh -c 'cd %s && %s paths --unchecked --paths 10 --csv o.csv cache >&- 2>&-'", folder.path,
                             g_getenv ("CEPA_SIM"));
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  csv = read_file (&folder, "o.csv");
  assert_has (csv, "time,client");
  g_assert_null (strstr (csv, "Policy:"));
  folder_clear (&folder);
}

/* Nor does one that is interrupted while it draws. */
static void
test_interrupted (void)
{
  const char *const args[] = { g_getenv ("CEPA_SIM"), "paths", "--unchecked", "--paths", "1000000000", "--csv", "o.csv", "cache",
                               NULL };
  Folder folder;
  g_autofree char *path = NULL;
  g_autoptr (GFile) file = NULL;
  g_autoptr (GFileMonitor) monitor = NULL;
  GStatBuf st = { 0 };
  GPid pid;
  int status;

  folder_init (&folder);
  folder_write_cache (&folder);
  path = g_build_filename (folder.path, "o.csv", NULL);
  file = g_file_new_for_path (path);
  monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, NULL);
  g_assert_nonnull (monitor);
  g_assert_true (g_spawn_async (folder.path, (char **) args, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL));
  while (g_stat (path, &st) != 0 || st.st_size == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (kill (pid, SIGTERM), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  folder_clear (&folder);
}

/* ---- plugins that are at fault ---- */

/* Puts a module of tests/plugins and its keyfile into the folder. Returns: (transfer full): the keyfile's path. */
static char *
add_plugin (const Folder *folder, const char *name)
{
  gboolean is_side = strcmp (name, "side") == 0;
  g_autofree char *source = g_strdup_printf ("%s/plugins/%s.so", g_getenv ("G_TEST_BUILDDIR"), name);
  g_autofree char *target = g_strdup_printf ("%s/%s.so", folder->path, name);
  g_autofree char *keyfile = g_strdup_printf ("%s.plugin", name);
  g_autofree char *text = g_strdup_printf ("[Plugin]\nId=path.%s\nName=A plugin for tests\nModule=%s.so\nAbiMajor=1\n"
                                           "AbiMinor=%u\n", is_side ? "side" : "variant", name, is_side ? 1 : 0);
  g_autofree char *content = NULL;
  gsize len;

  g_assert_true (g_file_get_contents (source, &content, &len, NULL));
  g_assert_true (g_file_set_contents (target, content, (gssize) len, NULL));
  return folder_write (folder, keyfile, text);
}

static void
test_faults (void)
{
  static const struct
  {
    const char *name, *reason, *sentence;
  } faults[] = {
    { "twice", "repeated-relay", "no relay is twice" },   { "unknown-row", "unknown-row", "is none of the 80 relays" },
    { "same-family", "same-family", "of one family" },    { "no-exit", "no-exit-flag", "not an Exit" },
    { "too-many", "plugin-error", "more hops" },          { "silent", "plugin-error", "set no error" },
    { "no-path", "no-path", "path.variant: choose_path" }, { "fails", "plugin-error", "the table is torn" },
    { "both", "plugin-error", "a path and an error" },    { "ticks-never", "repeated-relay", "no relay is twice" },
  };
  Folder folder;

  folder_init (&folder);
  folder_write_cache (&folder);
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *keyfile = add_plugin (&folder, faults[i].name);
      g_autofree char *counted = g_strdup_printf ("refused:   200 for %s\n", faults[i].reason);
      g_autofree char *line = g_strdup_printf (",,,,,,%s\n", faults[i].reason);
      g_autofree char *csv = NULL;
      Outcome outcome
          = run (&folder, "--unchecked", "--no-guards", "--plugin", keyfile, "--paths", "200", "--csv", "o.csv", "cache",
                 NULL);

      assert_has (outcome.out, counted);
      assert_has (outcome.out, faults[i].sentence);
      csv = read_file (&folder, "o.csv");
      assert_has (csv, line);
      assert_fails (outcome, 1, "no path at all was drawn");
    }
  folder_clear (&folder);
}

/* A policy that weighs by a column of its own side table, from its start on: the exits that the table has. */
static void
test_side_table (void)
{
  Folder folder;
  g_autofree char *keyfile = NULL, *table = NULL, *option = NULL, *csv = NULL;
  g_autofree char *first = test_relay_fingerprint (40), *second = test_relay_fingerprint (48);
  g_auto (GStrv) lines = NULL;
  guint counts[FOLDER_N_RELAYS] = { 0 };

  folder_init (&folder);
  folder_write_cache (&folder);
  keyfile = add_plugin (&folder, "side");
  table = g_strdup_printf ("fingerprint,likes\n%s,1\n%s,3\n", first + 1, second + 1);
  g_free (folder_write (&folder, "table.csv", table));
  option = g_strdup_printf ("table=%s/table.csv", folder.path);
  assert_succeeds (run (&folder, "--unchecked", "--plugin", keyfile, "--option", option, "--paths", "2000", "--csv", "o.csv",
                        "--rows", "--quiet", "cache", NULL));
  csv = read_file (&folder, "o.csv");
  lines = g_strsplit (csv, "\n", -1);
  for (guint i = 1; i <= 2000; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ",", -1);

      counts[g_ascii_strtoull (fields[6], NULL, 10)]++;
    }
  g_assert_cmpuint (counts[40] + counts[48], ==, 2000);
  g_assert_cmpint (ABS ((int) counts[48] - 1500), <, 150);
  g_free (folder_write (&folder, "table.csv", "fingerprint,likes\nnobody,1\n"));
  assert_fails (run (&folder, "--unchecked", "--plugin", keyfile, "--option", option, "cache", NULL), 1, "table.csv");
  folder_clear (&folder);
}

static void
test_bad_modules (void)
{
  static const struct
  {
    const char *name, *sentence;
  } bad[] = { { "create-fails", "no table of latencies" }, { "abi-major", "interface" }, { "no-symbol", "does not export" },
              { "other-id", "path.other" },                 { "crashes", "ended by a signal: Killed" },
              { "ticks-at-once", "while no time passed" } };
  Folder folder;

  folder_init (&folder);
  folder_write_cache (&folder);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *keyfile = add_plugin (&folder, bad[i].name);
      g_autofree char *module = g_strndup (keyfile, strlen (keyfile) - strlen (".plugin"));
      g_autofree char *path = g_strconcat (module, ".so", NULL);

      assert_fails (run (&folder, "--unchecked", "--plugin", path, "--paths", "200", "cache", NULL), 1, bad[i].sentence);
    }
  assert_fails (run (&folder, "--unchecked", "--plugin", "path.weighted", "--option", "speed=1", "cache", NULL), 1,
                "no option \"speed\"");
  g_free (folder_write (&folder, "torn.plugin", "[Plugin]\nId=path.torn\n"));
  assert_fails (run (&folder, "--unchecked", "--plugin", "path.torn", "--plugin-directory", ".", "cache", NULL), 1,
                "torn.plugin was refused: ");
  assert_fails (run (&folder, "--unchecked", "--plugin", "transport.direct", "cache", NULL), 1, "of kind transport");
  folder_clear (&folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/sim/paths/threads", test_threads);
  g_test_add_func ("/sim/paths/lines", test_lines);
  g_test_add_func ("/sim/paths/policies", test_policies);
  g_test_add_func ("/sim/paths/guards", test_guards);
  g_test_add_func ("/sim/paths/months", test_months);
  g_test_add_func ("/sim/paths/countries", test_countries);
  g_test_add_func ("/sim/paths/adversary", test_adversary);
  g_test_add_func ("/sim/paths/usage", test_usage);
  g_test_add_func ("/sim/paths/documents", test_documents);
  g_test_add_func ("/sim/paths/full-disk", test_full_disk);
  g_test_add_func ("/sim/paths/no-output", test_no_output);
  g_test_add_func ("/sim/paths/interrupted", test_interrupted);
  g_test_add_func ("/sim/paths/faults", test_faults);
  g_test_add_func ("/sim/paths/side-table", test_side_table);
  g_test_add_func ("/sim/paths/bad-modules", test_bad_modules);
  return g_test_run ();
}
