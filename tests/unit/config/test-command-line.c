/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: words, files, what is printed. What options mean is in test-config.c. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/command-line.h"

#define MAX_WORDS 8

typedef struct
{
  char *old_dir, *dir;
} CommandLineFixture;

static void
command_line_set_up (CommandLineFixture *fixture, gconstpointer data)
{
  (void) data;
  fixture->old_dir = g_get_current_dir ();
  fixture->dir = g_dir_make_tmp ("cepa-command-line-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
  g_assert_cmpint (g_chdir (fixture->dir), ==, 0);
  g_assert_true (g_file_set_contents ("torrc", "SocksPort 1111\n", -1, NULL));
  g_assert_true (g_file_set_contents ("other", "SocksPort 2222\n", -1, NULL));
  g_assert_true (g_file_set_contents ("bad", "SocksPort banana\n", -1, NULL));
  g_assert_true (g_file_set_contents ("open", "k \"v\n", -1, NULL));
}

static void
command_line_tear_down (CommandLineFixture *fixture, gconstpointer data)
{
  (void) data;
  g_remove ("torrc");
  g_remove ("other");
  g_remove ("bad");
  g_remove ("open");
  g_assert_cmpint (g_chdir (fixture->old_dir), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->dir);
  g_free (fixture->old_dir);
}

static CepaCommandLine *
command_line_load_good (const char *const *argv, const char *torrc_default)
{
  g_autoptr (GError) error = NULL;
  CepaCommandLine *loaded = cepa_command_line_load ((char *const *) argv, torrc_default, &error);

  g_assert_no_error (error);
  g_assert_nonnull (loaded);
  return loaded;
}

static guint
command_line_port (const CepaCommandLine *loaded)
{
  g_assert_nonnull (loaded->config);
  g_assert_cmpuint (loaded->config->socks_ports->len, ==, 1);
  return ((const CepaListenConfig *) loaded->config->socks_ports->pdata[0])->port;
}

static void
test_command_line_files (CommandLineFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *argv[MAX_WORDS];
    const char *torrc_default;
    guint port;
  } cases[] = {
    { { NULL }, "torrc", 1111 },
    { { "cepad", NULL }, "torrc", 1111 },
    { { "cepad", NULL }, "gone", 9250 },
    { { "cepad", NULL }, NULL, 9250 },
    { { "cepad", "-f", "other", NULL }, "torrc", 2222 },
    { { "cepad", "--torrc-file", "other", NULL }, "torrc", 2222 },
    { { "cepad", "-f", "gone", "--ignore-missing-torrc", NULL }, "torrc", 9250 },
    { { "cepad", "--allow-missing-torrc", "-f", "gone", NULL }, "torrc", 9250 },
    { { "cepad", "--defaults-torrc", "other", NULL }, "gone", 2222 },
    { { "cepad", "--defaults-torrc", "other", NULL }, "torrc", 1111 },
    { { "cepad", "--defaults-torrc", "gone", NULL }, "torrc", 1111 },
    { { "cepad", "SocksPort", "3333", NULL }, "torrc", 3333 },
    { { "cepad", "-SocksPort", "3333", NULL }, "torrc", 3333 },
    { { "cepad", "--SocksPort", "3333", "--quiet", NULL }, "torrc", 3333 },
    { { "cepad", "/SocksPort", NULL }, "torrc", 9250 },
    { { "cepad", "--/SocksPort", "--+SocksPort", "4444", NULL }, "torrc", 4444 },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaCommandLine) loaded = command_line_load_good (cases[i].argv, cases[i].torrc_default);

      g_assert_cmpint (loaded->action, ==, CEPA_RUN);
      g_assert_null (loaded->output);
      g_assert_cmpuint (command_line_port (loaded), ==, cases[i].port);
    }
}

/* Whoever is told where the file is may be in another folder. */
static void
test_command_line_config_file (CommandLineFixture *fixture, gconstpointer data)
{
  static const char *const relative[] = { "cepad", "-f", "./other", NULL }, *const standard[] = { "cepad", NULL };
  g_autoptr (CepaCommandLine) named = command_line_load_good (relative, "torrc");
  g_autoptr (CepaCommandLine) usual = command_line_load_good (standard, "/nowhere/torrc");
  g_autoptr (CepaCommandLine) none = command_line_load_good (standard, NULL);
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *other = g_build_filename (here, "other", NULL);

  (void) fixture, (void) data;
  g_assert_cmpstr (named->config_file, ==, other);
  g_assert_cmpstr (usual->config_file, ==, "/nowhere/torrc");
  g_assert_null (none->config_file);
}

static void
test_command_line_standard_input (CommandLineFixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "cepad", "-f", "-", NULL };
  int saved = dup (STDIN_FILENO), fd = g_open ("other", O_RDONLY | O_CLOEXEC, 0);
  g_autoptr (CepaCommandLine) loaded = NULL;
  g_autoptr (GError) error = NULL;

  (void) fixture, (void) data;
  g_assert_cmpint (dup2 (fd, STDIN_FILENO), ==, STDIN_FILENO);
  loaded = command_line_load_good (argv, "torrc");
  g_assert_cmpuint (command_line_port (loaded), ==, 2222);
  g_assert_cmpstr (loaded->config_file, ==, "-");
  g_assert_cmpint (fcntl (STDIN_FILENO, F_GETFD), !=, -1);
  close (fd);

  fd = g_open ("bad", O_RDONLY | O_CLOEXEC, 0);
  g_assert_cmpint (dup2 (fd, STDIN_FILENO), ==, STDIN_FILENO);
  g_assert_null (cepa_command_line_load ((char *const *) argv, "torrc", &error));
  g_assert_true (g_str_has_prefix (error->message, "standard input:1: SocksPort: \"banana\" is not a port"));
  g_assert_cmpint (dup2 (saved, STDIN_FILENO), ==, STDIN_FILENO);
  close (fd);
  close (saved);
}

static void
test_command_line_console (CommandLineFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *argv[MAX_WORDS];
    CepaConsole console;
    CepaAction action;
  } cases[] = {
    { { "cepad", NULL }, CEPA_CONSOLE_NOTICE, CEPA_RUN },
    { { "cepad", "--hush", NULL }, CEPA_CONSOLE_HUSH, CEPA_RUN },
    { { "cepad", "--quiet", NULL }, CEPA_CONSOLE_QUIET, CEPA_RUN },
    { { "cepad", "--quiet", "--hush", NULL }, CEPA_CONSOLE_QUIET, CEPA_RUN },
    { { "cepad", "--verify-config", "--hush", NULL }, CEPA_CONSOLE_HUSH, CEPA_VERIFY },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaCommandLine) loaded = command_line_load_good (cases[i].argv, "torrc");

      g_assert_cmpint (loaded->console, ==, cases[i].console);
      g_assert_cmpint (loaded->action, ==, cases[i].action);
      g_assert_nonnull (loaded->config);
    }
}

/* These do not look at the torrc, which here is a bad one. */
static void
test_command_line_output (CommandLineFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *argv[MAX_WORDS];
    const char *output; /* a pattern */
  } cases[] = {
    { { "cepad", "--version", NULL }, "^Cepa [0-9]+\\.[0-9]+\\.[0-9]+\\.$" },
    { { "cepad", "--version", "--verify-config", NULL }, "^Cepa [0-9]+\\.[0-9]+\\.[0-9]+\\.$" },
    { { "cepad", "--verify-config", "--version", NULL }, "^Cepa [0-9]+\\.[0-9]+\\.[0-9]+\\.$" },
    { { "cepad", "-h", NULL }, "^Usage: cepad \\[-f TORRC\\](.*\n)+.*cepad\\(1\\)\\.$" },
    { { "cepad", "--help", NULL }, "^Usage: cepad \\[-f TORRC\\](.*\n)+.*cepad\\(1\\)\\.$" },
    { { "cepad", "--list-torrc-options", NULL },
      "^[A-Za-z0-9_]+\n([A-Za-z0-9]+\n)+SocksPort\n([A-Za-z0-9]+\n)+[A-Za-z0-9]+$" },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CepaCommandLine) loaded = command_line_load_good (cases[i].argv, "bad");

      g_assert_cmpint (loaded->action, ==, CEPA_PRINT_AND_EXIT);
      g_assert_null (loaded->config);
      if (!g_regex_match_simple (cases[i].output, loaded->output, 0, 0))
        g_assert_cmpstr (loaded->output, ==, cases[i].output);
    }
}

static void
test_command_line_faults (CommandLineFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *argv[MAX_WORDS];
    const char *message;
  } cases[] = {
    { { "cepad", "-f", "gone", NULL }, "cannot read gone: No such file or directory" },
    { { "cepad", "-f", NULL }, "command line: -f has no value behind it" },
    { { "cepad", "--defaults-torrc", NULL }, "command line: --defaults-torrc has no value behind it" },
    { { "cepad", "-f", "torrc", "--torrc-file", "other", NULL },
      "command line: --torrc-file names a second file; only one can be read" },
    { { "cepad", "--import-guards", NULL }, "command line: --import-guards has no value behind it" },
    { { "cepad", "--import-guards", "state", "--import-guards", "state", NULL },
      "command line: --import-guards names a second file; only one can be read" },
    { { "cepad", "--defaults-torrc", "bad", NULL },
      "bad:1: SocksPort: \"banana\" is not a port; write a number from 1 to 65535, ADDRESS:PORT, auto, or "
      "0" },
    { { "cepad", "--defaults-torrc", "open", NULL },
      "open:1: the quoted value has no closing quote on its line" },
    { { "cepad", "--SocksPort", NULL }, "command line: --SocksPort has no value behind it" },
    { { "cepad", "--version", "+Log", NULL }, "command line: +Log has no value behind it" },
    { { "cepad", "SocksPort", "", NULL },
      "command line: SocksPort: a value is needed: [ADDRESS:]PORT|[ADDRESS:]auto|0 [FLAG ...]" },
    { { "cepad", "SafeLogging", "maybe", NULL }, "command line: SafeLogging: \"maybe\" is not 0, 1 or "
                                                 "relay" },
    { { "cepad", "--sokcsport", "1", NULL }, "command line: unknown option \"sokcsport\"; did you mean "
                                             "SocksPort?" },
    { { "cepad", "--Version", "1", NULL }, "command line: unknown option \"Version\"" },
    { { "cepad", "---SocksPort", "1", NULL }, "command line: unknown option \"-SocksPort\"; did you mean "
                                              "SocksPort?" },
    { { "cepad", "ORPort", "9001", NULL }, "command line: ORPort is an option of relays; Cepa is a client" },
    { { "cepad", "--dump-config", "short", NULL },
      "command line: --dump-config is not supported by this version of Cepa yet" },
    { { "cepad", "--keygen", NULL }, "command line: --keygen is for relays; Cepa is a client" },
    { { "cepad", "Log", "\xff", NULL }, "command line: Log or its value has bytes that are not UTF-8 text" },
    { { "cepad", "\xff", "Log", NULL }, "command line: \\xff or its value has bytes that are not UTF-8 "
                                        "text" },
  };

  (void) fixture, (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cepa_command_line_load ((char *const *) cases[i].argv, "gone", &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (CommandLineFixture *fixture, gconstpointer data);
  } tests[] = {
    { "/command-line/files", test_command_line_files },
    { "/command-line/config-file", test_command_line_config_file },
    { "/command-line/standard-input", test_command_line_standard_input },
    { "/command-line/console", test_command_line_console },
    { "/command-line/output", test_command_line_output },
    { "/command-line/faults", test_command_line_faults },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, CommandLineFixture, NULL, command_line_set_up, tests[i].test,
                command_line_tear_down);
  return g_test_run ();
}
