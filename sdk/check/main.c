/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa-plugin-check: loads a plugin against a fake host and says of each rule whether it keeps it. */
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "vocabulary.h"

/* Set in the process that does the work: it has an environment of its own. */
#define MAIN_INNER "CEPA_PLUGIN_CHECK_INNER"

#define MAIN_DEADLINE_S 60
#define MAIN_MAX_DEADLINE_S 86400

/* How much longer things take under valgrind. */
#define MAIN_VALGRIND_FACTOR 10

#define MAIN_EXIT_BROKEN 1
#define MAIN_EXIT_USAGE 2

typedef struct
{
  char *keyfile;
  GStrv options, rules;
  gboolean valgrind;
  int deadline_s;
  char *module;
} MainArguments;

/* Whether there is a rule of that name, whatever the plugin's kind. */
static gboolean
main_is_rule (const char *name)
{
  const CepaCheckRule *const lists[]
      = { cepa_check_file_rules,    cepa_check_load_rules,    cepa_check_table_rules,     cepa_check_agreement_rules,
          cepa_check_life_rules,    cepa_check_path_rules,    cepa_check_padding_rules,   cepa_check_transport_rules,
          cepa_check_control_rules, cepa_check_metrics_rules };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const CepaCheckRule *rule = lists[i]; rule->name != NULL; rule++)
      if (strcmp (rule->name, name) == 0)
        return TRUE;
  return FALSE;
}

static gboolean
main_parse (MainArguments *self, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "keyfile", 'k', 0, G_OPTION_ARG_FILENAME, &self->keyfile, "The keyfile (default: PLUGIN.plugin beside it)", "FILE" },
    { "option", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &self->options, "Sets an option of the plugin", "NAME=VALUE" },
    { "rule", 'r', 0, G_OPTION_ARG_STRING_ARRAY, &self->rules,
      "Calls the plugin for this rule only; may be given several times", "NAME" },
    { "valgrind", 0, 0, G_OPTION_ARG_NONE, &self->valgrind, "Runs under valgrind, and fails on what it finds", NULL },
    { "deadline", 0, 0, G_OPTION_ARG_INT, &self->deadline_s, "Seconds that one rule may take (default: 60)", "SECONDS" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("PLUGIN.so");

  self->deadline_s = MAIN_DEADLINE_S;
  g_option_context_set_summary (context, "Loads a plugin for cepad against a host that is made up, and says of each rule "
                                "whether the plugin keeps it.\nExit status: 0 when all are kept, 1 when one is broken, "
                                "2 for a wrong command line.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc != 2 || self->deadline_s < 1 || self->deadline_s > MAIN_MAX_DEADLINE_S)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                           *argc != 2 ? "give one PLUGIN.so" : "a deadline is from 1 second to a day");
      return FALSE;
    }
  for (guint i = 0; self->rules != NULL && self->rules[i] != NULL; i++)
    if (!main_is_rule (self->rules[i]))
      {
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "there is no rule \"%s\"", self->rules[i]);
        return FALSE;
      }
  for (guint i = 0; self->options != NULL && self->options[i] != NULL; i++)
    if (strchr (self->options[i], '=') == NULL)
      {
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--option %s is not NAME=VALUE", self->options[i]);
        return FALSE;
      }
  self->module = g_canonicalize_filename ((*argv)[1], NULL);
  if (self->keyfile == NULL)
    {
      g_autofree char *stem = g_str_has_suffix (self->module, ".so")
                                  ? g_strndup (self->module, strlen (self->module) - 3)
                                  : g_strdup (self->module);

      self->keyfile = g_strconcat (stem, ".plugin", NULL);
    }
  return TRUE;
}

/* Runs the rules of a list. Returns: whether all were kept. */
static gboolean
main_run_all (CepaCheck *check, const CepaCheckRule *rules)
{
  gboolean are_kept = TRUE;

  for (; rules->name != NULL; rules++)
    are_kept = cepa_check_run (check, rules) && are_kept;
  return are_kept;
}

/* The same, for those that the user named, where any are named. */
static void
main_run_named (CepaCheck *check, const CepaCheckRule *rules)
{
  for (; rules->name != NULL; rules++)
    if (check->rules == NULL || g_strv_contains ((const char *const *) check->rules, rules->name))
      cepa_check_run (check, rules);
}

static const CepaPlugin *
main_load (const char *module)
{
  void *handle = dlopen (module, RTLD_NOW | RTLD_LOCAL);

  return handle != NULL ? dlsym (handle, CEPA_PLUGIN_SYMBOL) : NULL;
}

/* An option that the plugin does not have is a mistake of the command line. */
static gboolean
main_check_options (const CepaCheck *check)
{
  for (guint i = 0; check->options != NULL && check->options[i] != NULL; i++)
    {
      gsize len = strcspn (check->options[i], "=");
      gboolean is_known = FALSE;

      for (guint j = 0; j < check->plugin->n_options && !is_known; j++)
        {
          const char *row = (const char *) check->plugin->options + (gsize) j * check->plugin->option_stride;
          const CepaPluginOption *option = (gconstpointer) row;

          is_known = strlen (option->name) == len && strncmp (option->name, check->options[i], len) == 0;
        }
      if (!is_known)
        {
          fprintf (stderr, "cepa-plugin-check: the plugin has no option \"%.*s\"\n", (int) len, check->options[i]);
          return FALSE;
        }
    }
  return TRUE;
}

static void
main_run_kinds (CepaCheck *check)
{
  if (check->plugin->path != NULL)
    main_run_named (check, cepa_check_path_rules);
  if (check->plugin->padding != NULL)
    main_run_named (check, cepa_check_padding_rules);
  if (check->plugin->transport != NULL)
    main_run_named (check, cepa_check_transport_rules);
  if (check->plugin->control != NULL)
    main_run_named (check, cepa_check_control_rules);
  if (check->plugin->metrics != NULL)
    main_run_named (check, cepa_check_metrics_rules);
}

static gboolean
main_is_sanitized (void)
{
  return dlsym (RTLD_DEFAULT, "__asan_init") != NULL || dlsym (RTLD_DEFAULT, "__tsan_init") != NULL;
}

static int
main_check (const MainArguments *arguments)
{
  CepaCheck check = {
    .module = arguments->module,
    .keyfile = arguments->keyfile,
    .options = arguments->options,
    .rules = arguments->rules,
    .vocabulary = cepa_check_vocabulary,
    .is_slow = arguments->valgrind || main_is_sanitized (),
    .shared = cepa_check_shared_new (),
  };
  gboolean is_usable;

  check.deadline_s = (guint) arguments->deadline_s * (arguments->valgrind ? MAIN_VALGRIND_FACTOR : 1);
  main_run_all (&check, cepa_check_file_rules);
  if (main_run_all (&check, cepa_check_load_rules))
    check.plugin = main_load (arguments->module);
  is_usable = check.plugin != NULL && main_run_all (&check, cepa_check_table_rules);
  if (is_usable && !main_check_options (&check))
    return MAIN_EXIT_USAGE;
  if (is_usable)
    {
      main_run_all (&check, cepa_check_agreement_rules);
      main_run_named (&check, cepa_check_life_rules);
      main_run_kinds (&check);
      cepa_check_judge_times (&check);
    }
  else
    printf ("Its functions were not called.\n");
  printf ("%u rules: %u kept, %u broken, %u not judged\n", check.n_rules,
          check.n_rules - check.n_failed - check.n_skipped, check.n_failed, check.n_skipped);
  return check.n_failed > 0 || !is_usable ? MAIN_EXIT_BROKEN : 0;
}

static int
main_remove_entry (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void) st;
  (void) flag;
  (void) ftw;
  return remove (path);
}

/* The plugin under check finds nothing of the user's: no files, no bus; and every allocation is one of malloc. */
static void
main_set_environment (const char *folder)
{
  g_setenv (MAIN_INNER, "1", TRUE);
  g_setenv ("HOME", folder, TRUE);
  g_setenv ("TMPDIR", folder, TRUE);
  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  g_setenv ("XDG_CONFIG_HOME", folder, TRUE);
  g_setenv ("XDG_STATE_HOME", folder, TRUE);
  g_setenv ("XDG_CACHE_HOME", folder, TRUE);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", TRUE);
  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", TRUE);
  g_setenv ("GIO_USE_VFS", "local", TRUE);
  g_setenv ("G_SLICE", "always-malloc", TRUE);
  g_setenv ("G_DEBUG", "fatal-criticals", TRUE);
  g_setenv ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", TRUE);
}

static void
main_exec (const MainArguments *arguments, char **argv)
{
  static const char *const valgrind[] = { "valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite",
                                          "--show-leak-kinds=definite", "--error-exitcode=99", "--child-silent-after-fork=no",
                                          "--track-fds=no" };
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  for (guint i = 0; arguments->valgrind && i < G_N_ELEMENTS (valgrind); i++)
    g_ptr_array_add (command, (gpointer) valgrind[i]);
  g_ptr_array_add (command, self);
  for (guint i = 1; argv[i] != NULL; i++)
    g_ptr_array_add (command, argv[i]);
  g_ptr_array_add (command, NULL);
  execvp (command->pdata[0], (char **) command->pdata);
  fprintf (stderr, "cepa-plugin-check: %s cannot be run: %s\n", (const char *) command->pdata[0], g_strerror (errno));
  _exit (MAIN_EXIT_USAGE);
}

/* Runs the program again, in an environment of its own, and gives its exit status. */
static int
main_run_inner (const MainArguments *arguments, char **argv)
{
  g_autofree char *folder = g_dir_make_tmp ("cepa-plugin-check-XXXXXX", NULL);
  int status = 0;
  pid_t child;

  if (folder == NULL || (child = fork ()) < 0)
    {
      fprintf (stderr, "cepa-plugin-check: no folder or process: %s\n", g_strerror (errno));
      return MAIN_EXIT_USAGE;
    }
  if (child == 0)
    {
      main_set_environment (folder);
      main_exec (arguments, argv);
    }
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  nftw (folder, main_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return WIFEXITED (status) ? WEXITSTATUS (status) : MAIN_EXIT_BROKEN;
}

int
main (int argc, char **argv)
{
  MainArguments arguments = { 0 };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) own_argv = g_strdupv (argv);
  char **parsed = argv;
  int status = MAIN_EXIT_USAGE;

  setlocale (LC_ALL, "");
  if (!main_parse (&arguments, &argc, &parsed, &error))
    fprintf (stderr, "cepa-plugin-check: %s\n", error->message);
  else
    status = g_getenv (MAIN_INNER) != NULL ? main_check (&arguments) : main_run_inner (&arguments, own_argv);
  g_free (arguments.keyfile);
  g_free (arguments.module);
  g_strfreev (arguments.options);
  g_strfreev (arguments.rules);
  return status;
}
