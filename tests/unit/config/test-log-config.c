/* SPDX-License-Identifier: BSD-3-Clause */
/* Log lines: which severities of which domains go where. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "config/command-line.h"
#include "config/log-config.h"

/*
 * What a Log value lets through, written as one letter a severity for three domains: "circ/net/general",
 * each of e w n i d. Meanings from C Tor 0.4.9.11, doc/man/tor.1.txt, option Log.
 */
static const struct
{
  const char *value, *wanted;
} log_config_rules[] = {
  { "notice", "ewn/ewn/ewn" },
  { "DEBUG stdout", "ewnid/ewnid/ewnid" },
  { "err", "e/e/e" },
  { "debug-warn stderr", "wnid/wnid/wnid" },
  { "info-info", "i/i/i" },
  { "[net]notice", "/ewn/" },
  { "[circ]debug [~circ]warn", "ewnid/ew/ew" },
  { "[ CIRC , net ] info-notice notice", "ewni/ewni/ewn" },
  { "[*]err [net]info-info", "e/ei/e" },
  { "[*,~net]info", "ewni//ewni" },
  { "[net,~net]info [circ]err", "e//" },
  { "[~circ,~net]warn", "//ew" },
  { "[or]debug [pt,general]info", "//ewni" },
  { "[*]warn [circ]notice notice", "ewn/ewn/ewn" },
  { "[handshake]debug\t[~net,~mm]info\tnotice", "ewni/ewn/ewni" },
};

static char *
log_config_describe (const char *path)
{
  static const CepaLogTopic topics[] = { CEPA_LOG_CIRC, CEPA_LOG_NET, CEPA_LOG_GENERAL };
  g_autofree char *text = NULL;
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    for (guint severity = CEPA_LOG_ERR; severity <= CEPA_LOG_DEBUG; severity++)
      cepa_log_write (topics[i], severity, NULL, "<%u%c>", i, cepa_log_severity_name (severity)[0]);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++)
    {
      if (i > 0)
        g_string_append_c (out, '/');
      for (guint severity = CEPA_LOG_ERR; severity <= CEPA_LOG_DEBUG; severity++)
        {
          char letter = cepa_log_severity_name (severity)[0];
          g_autofree char *mark = g_strdup_printf ("<%u%c>", i, letter);

          if (strstr (text, mark) != NULL)
            g_string_append_c (out, letter);
        }
    }
  return g_string_free (out, FALSE);
}

static void
test_log_config_rules (void)
{
  g_autofree char *dir = g_dir_make_tmp ("cepa-log-config-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "a log", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (log_config_rules); i++)
    {
      g_auto (GStrv) words = g_strsplit (log_config_rules[i].value, " std", 2);
      g_autofree char *value = g_strdup_printf ("%s file %s", words[0], path);
      const char *const logs[] = { value, NULL };
      g_autofree char *wanted = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (cepa_log_config_check (log_config_rules[i].value, &error));
      g_assert_no_error (error);
      cepa_log_close ();
      g_assert_true (cepa_log_config_apply (logs, CEPA_CONSOLE_NOTICE, &error));
      g_assert_no_error (error);
      wanted = log_config_describe (path);
      g_assert_cmpstr (wanted, ==, log_config_rules[i].wanted);
      cepa_log_close ();
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

static void
test_log_config_faults (void)
{
  static const char neither[] = "is neither a severity (debug, info, notice, warn, err) nor a place "
                                "(stdout, stderr, syslog, file PATH)";
  static const char no_severity[] = "names no severity; write debug, info, notice, warn or err first";
  static const char no_domain[] = "is not a log domain; the man page lists them";
  static const struct
  {
    const char *value, *shown, *message;
  } cases[] = {
    { "loud", "loud", neither },
    { "notice banana", "banana", neither },
    { "notice-", "", neither },
    { "-notice", "", neither },
    { "notice-loud", "loud", neither },
    { "stdout", "stdout", no_severity },
    { "file /x", "file /x", no_severity },
    { " ", " ", no_severity },
    { "[net] stdout", "stdout", neither },
    { "[net", "[net", "has no closing bracket" },
    { "[nets]notice", "nets", no_domain },
    { "[net,]notice", "", no_domain },
    { "[]notice", "", no_domain },
    { "[~*]notice", "*", no_domain },
    { "[net circ]notice", "[net circ]", "needs commas between its domains" },
    { "err-debug", "err-debug", "runs the wrong way; write the lesser severity first" },
    { "notice warn stdout", "notice warn stdout", "has two severities without domains; only one can be "
                                                  "meant" },
    { "notice file", "file", "needs a path behind it" },
    { "notice stdout /x", "/x", "cannot stand behind stdout, stderr or syslog" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *message = g_strdup_printf ("\"%s\" %s", cases[i].shown, cases[i].message);
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_log_config_check (cases[i].value, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      g_assert_cmpstr (error->message, ==, message);
    }
}

static void
test_log_config_open_fails (void)
{
  static const char *const logs[] = { "notice file /nonexistent/log", NULL };
  g_autoptr (GError) error = NULL;

  cepa_log_close ();
  g_assert_false (cepa_log_config_apply (logs, CEPA_CONSOLE_NOTICE, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_cmpstr (error->message, ==, "Log: cannot open the log file /nonexistent/log: No such file or "
                                       "directory");
}

/* What goes to the console when no Log line says otherwise. */
static void
log_config_run_console (CepaConsole console)
{
  g_autoptr (GError) error = NULL;

  cepa_log_close ();
  g_assert_true (cepa_log_config_apply (NULL, console, &error));
  g_assert_no_error (error);
  cepa_log_write (CEPA_LOG_GENERAL, CEPA_LOG_INFO, NULL, "<info>");
  cepa_log_write (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, NULL, "<notice>");
  cepa_log_write (CEPA_LOG_GENERAL, CEPA_LOG_WARN, NULL, "<warn>");
  cepa_log_write (CEPA_LOG_GENERAL, CEPA_LOG_ERR, NULL, "<err>");
}

static void
test_log_config_console (gconstpointer data)
{
  CepaConsole console = GPOINTER_TO_INT (data);

  if (g_test_subprocess ())
    {
      log_config_run_console (console);
      return;
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stdout_unmatched ("*<info>*");
  if (console == CEPA_CONSOLE_QUIET)
    g_test_trap_assert_stdout_unmatched ("*<*");
  else
    g_test_trap_assert_stdout ("*<warn>*<err>*");
  if (console == CEPA_CONSOLE_NOTICE)
    g_test_trap_assert_stdout ("*<notice>*");
  else
    g_test_trap_assert_stdout_unmatched ("*<notice>*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log-config/rules", test_log_config_rules);
  g_test_add_func ("/log-config/faults", test_log_config_faults);
  g_test_add_func ("/log-config/open-fails", test_log_config_open_fails);
  g_test_add_data_func ("/log-config/console/notice", GINT_TO_POINTER (CEPA_CONSOLE_NOTICE),
                        test_log_config_console);
  g_test_add_data_func ("/log-config/console/hush", GINT_TO_POINTER (CEPA_CONSOLE_HUSH),
                        test_log_config_console);
  g_test_add_data_func ("/log-config/console/quiet", GINT_TO_POINTER (CEPA_CONSOLE_QUIET),
                        test_log_config_console);
  return g_test_run ();
}
