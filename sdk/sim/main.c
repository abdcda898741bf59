/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa-sim: the real path policies over recorded networks. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "options.h"
#include "output.h"
#include "plot.h"
#include "report.h"
#include "run.h"

#define MAIN_EXIT_FAILED 1
#define MAIN_EXIT_USAGE 2

/* One run. */
typedef struct
{
  const CepaSimOptions *options;
  CepaSimArchive *archive;
  CepaSimPlugin *plugin;
  CepaNetwork *first;
  CepaExtras *extras;
  CepaSimPlan *plan;
  CepaSimSet *adversary; /* (nullable) */
  CepaSimOutcome *outcome;
  gint64 run_us; /* how long it drew; 0 before */
  double cpu_s;  /* of all workers */
} Main;

static void
main_clear (Main *self)
{
  g_clear_pointer (&self->archive, cepa_sim_archive_free);
  g_clear_pointer (&self->plugin, cepa_sim_plugin_free);
  g_clear_pointer (&self->first, cepa_network_unref);
  g_clear_pointer (&self->extras, cepa_extras_unref);
  g_clear_pointer (&self->plan, cepa_sim_plan_free);
  g_clear_pointer (&self->adversary, cepa_sim_set_free);
  g_clear_pointer (&self->outcome, cepa_sim_outcome_free);
}

/* Where plugins are looked for: where the user says, then in the build tree that we run from, else where they are installed. */
static GPtrArray *
main_list_folders (const CepaSimOptions *options)
{
  g_autofree char *self_path = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (self_path != NULL ? self_path : "/");
  g_autofree char *build = g_build_filename (folder, "..", "..", NULL);
  g_autofree char *marker = g_build_filename (build, "meson-private", NULL);
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; options->plugin_directories != NULL && options->plugin_directories[i] != NULL; i++)
    g_ptr_array_add (folders, g_strdup (options->plugin_directories[i]));
  g_ptr_array_add (folders, g_file_test (marker, G_FILE_TEST_IS_DIR) ? g_build_filename (build, "plugins", NULL)
                                                                     : g_strdup (CEPA_PLUGIN_DIRECTORY));
  g_ptr_array_add (folders, NULL);
  return folders;
}

static gboolean
main_load_plugin (Main *self, GError **error)
{
  g_autoptr (GPtrArray) folders = main_list_folders (self->options);

  self->plugin = cepa_sim_plugin_load (self->options->plugin, (const char *const *) self->options->plugin_options,
                                       (const char *const *) folders->pdata, error);
  return self->plugin != NULL;
}

/* (transfer full) (nullable): a file of countries, when there is to be one. */
static gboolean
main_map (const char *path, GBytes **text, GError **error)
{
  *text = path != NULL ? cepa_file_map (path, error) : NULL;
  return path == NULL || *text != NULL;
}

/* Countries and autonomous systems, where the user gives them. */
static gboolean
main_load_extras (Main *self, GError **error)
{
  const CepaSimOptions *options = self->options;
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GBytes) ipv4 = NULL, ipv6 = NULL;
  g_autoptr (CepaGeoip) geoip = NULL;
  g_autoptr (CepaAsMap) as_map = NULL;

  self->extras = cepa_extras_new ();
  if (!main_map (options->geoip, &ipv4, error) || !main_map (options->geoip6, &ipv6, error))
    return FALSE;
  if (ipv4 != NULL || ipv6 != NULL)
    geoip = cepa_geoip_new (ipv4, ipv6, problems);
  for (guint i = 0; i < problems->len; i++)
    g_printerr ("cepa-sim: %s\n", (const char *) g_ptr_array_index (problems, i));
  if (options->as_file != NULL && (as_map = cepa_as_map_open (options->as_file, error)) == NULL)
    return FALSE;
  cepa_extras_set_geoip (self->extras, geoip);
  cepa_extras_set_as_map (self->extras, as_map);
  return TRUE;
}

static gboolean
main_make_plan (Main *self, GError **error)
{
  const CepaSimOptions *options = self->options;
  guint n = cepa_sim_archive_get_n (self->archive);
  g_autofree gint64 *times = g_new (gint64, n);

  for (guint i = 0; i < n; i++)
    times[i] = cepa_sim_archive_get_valid_after_s (self->archive, i);
  self->plan = cepa_sim_plan_new (times, n, cepa_sim_archive_get_end_s (self->archive), options->hours, options->n_clients,
                                  options->clients_per_instance, options->n_paths, options->rate, error);
  return self->plan != NULL;
}

/* A list of another network's relays, or of another year's, would see nothing. */
static void
main_look_at_adversary (const Main *self)
{
  guint n = cepa_sim_set_get_n (self->adversary), n_there = 0;

  for (guint row = 0; row < cepa_network_get_n_relays (self->first); row++)
    n_there += cepa_sim_set_contains (self->adversary, cepa_network_get_relay (self->first, row)->rsa_id) ? 1 : 0;
  if (n_there < n)
    g_printerr ("cepa-sim: of the %u relays of the adversary %u are in the first consensus\n", n, n_there);
}

static gboolean
main_choose_adversary (Main *self, GError **error)
{
  const CepaSimOptions *options = self->options;
  g_autofree char *text = NULL;

  if (options->adversary_share > 0)
    self->adversary = cepa_sim_set_draw (self->first, options->adversary_share, options->seed, error);
  if (options->adversary == NULL)
    return options->adversary_share <= 0 || self->adversary != NULL;
  text = cepa_sim_options_read_file (options->adversary, error);
  if (text == NULL)
    return FALSE;
  self->adversary = cepa_sim_set_parse (text, error);
  if (self->adversary == NULL)
    g_prefix_error (error, "%s: ", options->adversary);
  else
    main_look_at_adversary (self);
  return self->adversary != NULL;
}

/* What of the first consensus is lacking is said, for it changes what comes out. */
static gboolean
main_look_at_first (const Main *self, GError **error)
{
  guint n = cepa_network_get_n_relays (self->first), n_without = 0;

  for (guint row = 0; row < n; row++)
    n_without += (cepa_network_get_relay (self->first, row)->flags & CEPA_RELAY_HAS_KEYS) == 0 ? 1 : 0;
  if (n_without == n)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "of the %u relays of the first consensus none has its "
                   "microdescriptor here: give those too", n);
      return FALSE;
    }
  if (n_without > 0)
    g_printerr ("cepa-sim: of the %u relays of the first consensus %u have no microdescriptor here, and are not used\n", n,
                n_without);
  return TRUE;
}

static gboolean
main_check_outputs (const CepaSimOptions *options, GError **error)
{
  const char *const paths[] = { options->csv, options->summary, options->plot };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    if (paths[i] != NULL && !cepa_sim_output_check (paths[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
main_prepare (Main *self, GError **error)
{
  const GPtrArray *notes;

  if (!main_check_outputs (self->options, error) || !main_load_plugin (self, error) || !main_load_extras (self, error))
    return FALSE;
  self->archive
      = cepa_sim_archive_open ((const char *const *) self->options->inputs, self->options->authorities, error);
  if (self->archive == NULL)
    return FALSE;
  notes = cepa_sim_archive_get_notes (self->archive);
  for (guint i = 0; i < notes->len; i++)
    g_printerr ("cepa-sim: %s\n", (const char *) g_ptr_array_index (notes, i));
  self->first = cepa_sim_archive_load (self->archive, 0, self->extras, error);
  return self->first != NULL && main_look_at_first (self, error) && main_make_plan (self, error)
         && main_choose_adversary (self, error);
}

static void
main_show_progress (guint n_done, guint n_steps)
{
  if (n_steps > 1)
    g_printerr ("\rcepa-sim: %u of %u consensuses%s", n_done, n_steps, n_done == n_steps ? "\n" : "");
}

/* A signal that came during the draws; 0: none. */
static volatile sig_atomic_t main_signal;

static void
main_on_signal (int number)
{
  main_signal = number;
}

static gboolean
main_is_interrupted (void)
{
  return main_signal != 0;
}

/* Whoever interrupts the draws gets no half of a file that looks whole. What nohup has ignored stays so. */
static void
main_watch_signals (gboolean watch)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
  const struct sigaction wanted = { .sa_handler = watch ? main_on_signal : SIG_DFL };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      struct sigaction now;

      if (sigaction (signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        sigaction (signals[i], &wanted, NULL);
    }
}

/* CPU time of the processes that have ended. */
static double
main_children_s (void)
{
  struct rusage usage;

  getrusage (RUSAGE_CHILDREN, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static gboolean
main_draw (Main *self, int csv_fd, GError **error)
{
  const CepaSimOptions *options = self->options;
  CepaSimModel model = { .plan = self->plan, .ports = &options->ports, .plugin = self->plugin, .seed = options->seed,
                         .enforce_subnets = !options->any_subnet, .keeps_guards = !options->no_guards, .with_rows = csv_fd >= 0,
                         .ids_are_rows = options->ids_are_rows };
  CepaSimRun run = { .model = &model, .archive = self->archive, .first = self->first, .extras = self->extras,
                     .adversary = self->adversary, .n_workers = options->n_threads, .csv_fd = csv_fd, .csv_name = options->csv };
  gint64 began_us = g_get_monotonic_time ();

  run.progress = !options->is_quiet && isatty (STDERR_FILENO) ? main_show_progress : NULL;
  run.is_interrupted = main_is_interrupted;
  main_watch_signals (TRUE);
  self->outcome = cepa_sim_run (&run, error);
  main_watch_signals (FALSE);
  self->run_us = MAX (g_get_monotonic_time () - began_us, 1);
  self->cpu_s = MAX (main_children_s (), 1e-6);
  return self->outcome != NULL;
}

/* With the file of lines, which stays only when it is whole. */
static gboolean
main_draw_to_file (Main *self, GError **error)
{
  const char *path = self->options->csv;
  int fd = path != NULL ? cepa_sim_output_open (path, error) : -1;

  if (path == NULL)
    return main_draw (self, -1, error);
  if (fd < 0)
    return FALSE;
  if (main_draw (self, fd, error))
    return cepa_sim_output_close (fd, path, error);
  cepa_sim_output_discard (fd, path);
  return FALSE;
}

static gboolean
main_write (const char *path, GString *text, GError **error)
{
  gboolean is_written = cepa_sim_output_write (path, text->str, text->len, error);

  g_string_free (text, TRUE);
  return is_written;
}

static gboolean
main_write_results (const Main *self, GError **error)
{
  const CepaSimOptions *options = self->options;
  CepaSimReport report = { .plugin_id = cepa_sim_plugin_get_id (self->plugin), .seed = options->seed, .plan = self->plan,
                           .outcome = self->outcome, .n_top = options->n_top, .has_guards = !options->no_guards };
  gboolean is_json = options->summary != NULL && g_str_has_suffix (options->summary, ".json");

  report.n_adversary = self->adversary != NULL ? cepa_sim_set_get_n (self->adversary) : 0;
  if (options->summary != NULL
      && !main_write (options->summary, is_json ? cepa_sim_report_to_json (&report) : cepa_sim_report_to_text (&report),
                      error))
    return FALSE;
  if (options->plot != NULL && !main_write (options->plot, cepa_sim_plot (&report), error))
    return FALSE;
  if (options->is_quiet || g_strcmp0 (options->csv, "-") == 0 || g_strcmp0 (options->plot, "-") == 0)
    return TRUE;
  return main_write ("-", cepa_sim_report_to_text (&report), error);
}

/* Not among the results: it is another each time. */
static void
main_tell_speed (const Main *self)
{
  const CepaSimTotals *totals = &self->outcome->tally->totals;
  guint64 n = totals->n_paths + totals->n_refused;

  g_printerr ("cepa-sim: %" G_GUINT64_FORMAT " draws in %.2f s: %.0f a second, %.0f a second of CPU time\n", n,
              (double) self->run_us / 1e6, (double) n / (double) self->run_us * 1e6, (double) n / self->cpu_s);
}

static gboolean
main_run_paths (Main *self, GError **error)
{
  const CepaSimTally *tally;

  if (!main_prepare (self, error) || !main_draw_to_file (self, error))
    return FALSE;
  tally = self->outcome->tally;
  main_tell_speed (self);
  if (!main_write_results (self, error))
    return FALSE;
  if (tally->totals.n_paths > 0)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "no path at all was drawn: %s", tally->first_refusal);
  return FALSE;
}

static int
main_paths (char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSimOptions) options = cepa_sim_options_parse (argv, &error);
  Main self = { .options = options };
  int status = 0;

  if (options == NULL)
    {
      g_printerr ("cepa-sim: %s\n", error->message);
      return g_error_matches (error, CEPA_ERROR, CEPA_ERROR_FILE) ? MAIN_EXIT_FAILED : MAIN_EXIT_USAGE;
    }
  if (!cepa_secret_init (&error) || !cepa_crypto_init (&error) || !main_run_paths (&self, &error))
    {
      g_printerr ("cepa-sim: %s\n", error->message);
      status = MAIN_EXIT_FAILED;
    }
  main_clear (&self);
  return status;
}

static const char main_help[] =
  "Usage: cepa-sim paths [OPTION...] FILE|FOLDER...\n"
  "       cepa-sim --version\n\n"
  "Draws paths over recorded directories with the very policy that cepad uses. \"cepa-sim paths --help\" lists the\n"
  "options; cepa-sim(1) says more.\n";

/* Where there is no standard output, a file that is opened would be taken for it. */
static void
main_fill_descriptors (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

int
main (int argc, char **argv)
{
  main_fill_descriptors ();
  setlocale (LC_CTYPE, "");
  signal (SIGPIPE, SIG_IGN);
  if (argc > 1 && strcmp (argv[1], "paths") == 0)
    {
      argv[1] = argv[0];
      g_set_prgname ("cepa-sim paths");
      return main_paths (argv + 1);
    }
  if (argc == 2 && strcmp (argv[1], "--version") == 0)
    {
      puts ("cepa-sim " CEPA_VERSION);
      return 0;
    }
  if (argc == 2 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0))
    {
      fputs (main_help, stdout);
      return 0;
    }
  fputs (main_help, stderr);
  return MAIN_EXIT_USAGE;
}
