/* SPDX-License-Identifier: BSD-3-Clause */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

typedef struct
{
  char *dir;
  char *path; /* of a log file in it */
} LogFixture;

static void
log_set_up (LogFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  (void) data;
  fixture->dir = g_dir_make_tmp ("cepa-log-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->dir, "log", NULL);
  cepa_log_close ();
  cepa_log_set_safe_logging (TRUE);
}

static void
log_tear_down (LogFixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
  const char *name;

  (void) data;
  cepa_log_close ();
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->path);
  g_free (fixture->dir);
}

static char *
log_read (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

/* @severities: bits, for every topic. */
static void
log_add_file (const char *path, guint8 severities)
{
  g_autoptr (GError) error = NULL;
  CepaLogRule rule;

  memset (rule.levels, severities, sizeof rule.levels);
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_FILE, path, &rule, &error));
  g_assert_no_error (error);
}

#define ALL_SEVERITIES 0x1f
#define NOTICE_AND_ABOVE (1 << CEPA_LOG_ERR | 1 << CEPA_LOG_WARN | 1 << CEPA_LOG_NOTICE)

/* C Tor: "Mon DD HH:MM:SS.mmm [sev] text", with the function's name at info and debug. */
static void
test_log_form (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *month = g_date_time_format (now, "%b %d ");

  (void) data;
  log_add_file (fixture->path, ALL_SEVERITIES);
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "Bootstrapped %d%% (%s): %s", 5, "conn", "Connecting");
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u open", 7u);
  cepa_log (CEPA_LOG_BUG, CEPA_LOG_WARN, "cannot be");
  text = log_read (fixture->path);

#define TIME "[A-Z][a-z][a-z] [0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.000 "
  g_assert_true (g_regex_match_simple ("^" TIME "\\[notice\\] Bootstrapped 5% \\(conn\\): Connecting\n"
                                       TIME "\\[info\\] test_log_form\\(\\): circuit 7 open\n"
                                       TIME "\\[warn\\] test_log_form\\(\\): Bug: cannot be\n$", text, 0, 0));
  g_assert_true (g_str_has_prefix (text, month));
}

static void
test_log_rules (LogFixture *fixture, gconstpointer data)
{
  CepaLogRule rule = { { 0 } };
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  g_autofree char *text = NULL, *other_text = NULL;
  g_autoptr (GError) error = NULL;

  (void) data;
  cepa_log_startup_done ();
  for (guint topic = 0; topic < CEPA_LOG_N_TOPICS; topic++)
    g_assert_cmpint (cepa_log_levels[topic], ==, -1);

  /* Circuits at debug alone, not what is above it; the network at notice and above. */
  rule.levels[CEPA_LOG_CIRC] = 1 << CEPA_LOG_DEBUG;
  rule.levels[CEPA_LOG_NET] = NOTICE_AND_ABOVE;
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_FILE, fixture->path, &rule, &error));
  g_assert_no_error (error);
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_CIRC], ==, CEPA_LOG_DEBUG);
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_NET], ==, CEPA_LOG_NOTICE);
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_DIR], ==, -1);
  g_assert_false (cepa_log_enabled (CEPA_LOG_NET, CEPA_LOG_INFO));
  log_add_file (other, 1 << CEPA_LOG_ERR);
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_DIR], ==, CEPA_LOG_ERR);
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_NET], ==, CEPA_LOG_NOTICE);

  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_DEBUG, "yes-1");
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "no-1");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_WARN, "yes-2");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_INFO, "no-2");
  cepa_log (CEPA_LOG_DIR, CEPA_LOG_ERR, "no-3");
  text = log_read (fixture->path);
  other_text = log_read (other);
  g_assert_nonnull (strstr (text, "yes-1\n"));
  g_assert_nonnull (strstr (text, "yes-2\n"));
  g_assert_null (strstr (text, "no-"));
  g_assert_nonnull (strstr (other_text, "no-3\n"));
  g_assert_null (strstr (other_text, "yes-"));

  cepa_log_close ();
  cepa_log_startup_done ();
  g_assert_cmpint (cepa_log_levels[CEPA_LOG_DIR], ==, -1);
}

static void
test_log_replay (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *late = g_build_filename (fixture->dir, "late", NULL);
  g_autofree char *after = g_build_filename (fixture->dir, "after", NULL);
  g_autofree char *last = g_build_filename (fixture->dir, "last", NULL);
  g_autofree char *text = NULL, *late_text = NULL, *after_text = NULL, *last_text = NULL;

  (void) data;
  cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_NOTICE, "first");
  cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_DEBUG, "detail");
  log_add_file (fixture->path, NOTICE_AND_ABOVE);
  cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_NOTICE, "second");
  log_add_file (late, ALL_SEVERITIES);
  cepa_log_startup_done ();
  log_add_file (after, ALL_SEVERITIES);
  cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_NOTICE, "third");
  log_add_file (last, ALL_SEVERITIES);

  text = log_read (fixture->path);
  late_text = log_read (late);
  after_text = log_read (after);
  g_assert_true (g_regex_match_simple ("first\n.*second\n.*third\n$", text, 0, 0));
  g_assert_null (strstr (text, "detail"));
  g_assert_true (g_regex_match_simple ("first\n.*detail\n.*second\n.*third\n$", late_text, 0, 0));
  g_assert_true (g_regex_match_simple ("^[^\n]*third\n$", after_text, 0, 0));
  last_text = log_read (last);
  g_assert_cmpstr (last_text, ==, "");
}

static void
test_log_replay_bound (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  guint n_lines = 0;

  (void) data;
  for (guint i = 1; i <= 1005; i++)
    cepa_log (CEPA_LOG_NET, CEPA_LOG_INFO, "line-%u.", i);
  g_assert_false (cepa_log_enabled (CEPA_LOG_NET, CEPA_LOG_ERR));
  log_add_file (fixture->path, ALL_SEVERITIES);
  text = log_read (fixture->path);
  for (const char *p = text; *p != '\0'; p++)
    n_lines += *p == '\n' ? 1 : 0;
  g_assert_cmpuint (n_lines, ==, 1000);
  g_assert_nonnull (strstr (text, "line-1.\n"));
  g_assert_null (strstr (text, "line-1001."));
}

static guint
log_count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_log_reopen (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *rotated = g_build_filename (fixture->dir, "log.1", NULL);
  g_autofree char *text = NULL, *old_text = NULL;
  GStatBuf st;
  guint n_fds = log_count_fds ();
  CepaLogRule nothing = { { 0 } };

  (void) data;
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_STDERR, NULL, &nothing, NULL));
  log_add_file (fixture->path, ALL_SEVERITIES);
  g_assert_cmpint (g_stat (fixture->path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 0777, ==, 0600);
  cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "before");
  g_assert_cmpint (g_rename (fixture->path, rotated), ==, 0);
  cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "between");
  cepa_log_reopen ();
  cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "behind");
  cepa_log_close ();
  g_assert_cmpuint (log_count_fds (), ==, n_fds);

  text = log_read (fixture->path);
  old_text = log_read (rotated);
  g_assert_true (g_regex_match_simple ("before\n.*between\n$", old_text, 0, 0));
  g_assert_true (g_regex_match_simple ("^[^\n]*behind\n$", text, 0, 0));
}

/* A log that cannot be opened again goes on where it was, and says so. */
static void
test_log_reopen_fails (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *rotated = g_build_filename (fixture->dir, "log.1", NULL);
  g_autofree char *text = NULL;

  (void) data;
  log_add_file (fixture->path, ALL_SEVERITIES);
  g_assert_cmpint (g_rename (fixture->path, rotated), ==, 0);
  g_assert_cmpint (g_mkdir (fixture->path, 0700), ==, 0);
  cepa_log_reopen ();
  cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "behind");
  text = log_read (rotated);
  g_assert_true (g_regex_match_simple ("\\[warn\\] cannot open the log again.*/log: Is a directory\n"
                                       ".*behind\n$", text, 0, 0));
  g_assert_cmpint (g_rmdir (fixture->path), ==, 0);
}

static void
test_log_open_fails (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->dir, "no", "log", NULL);
  g_autofree char *message = g_strdup_printf ("cannot open the log file %s: No such file or directory", path);
  g_autoptr (GError) error = NULL;
  CepaLogRule rule = { { 0 } };

  (void) data;
  g_assert_false (cepa_log_add_sink (CEPA_LOG_SINK_FILE, path, &rule, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_cmpstr (error->message, ==, message);
}

/* What comes from outside cannot make lines of its own or drive a terminal. */
static void
test_log_escape (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;

  (void) data;
  log_add_file (fixture->path, ALL_SEVERITIES);
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "%s",
            "a\nJan 01 00:00:00.000 [notice] b\t\x1b[31m\x7f z\xc3\xbc \xff\xc2\x9b|");
  text = log_read (fixture->path);
  g_assert_true (g_str_has_suffix (text, "a\\nJan 01 00:00:00.000 [notice] b\\t\\x1B[31m\\x7F z\xc3\xbc "
                                         "\\xFF\\x9B|\n"));
  g_assert_true (strchr (text, '\n') == text + strlen (text) - 1);
}

static void
test_log_cut (LogFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) fits = g_string_new (NULL), longer = g_string_new (NULL), umlauts = g_string_new ("z");
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  (void) data;
  log_add_file (fixture->path, ALL_SEVERITIES);
  while (fits->len < 4093)
    g_string_append_c (fits, 'x');
  while (longer->len < 10000)
    g_string_append_c (longer, 'y');
  while (umlauts->len < 10000)
    g_string_append (umlauts, "\xc3\xbc");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "%s", fits->str);
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "%s", longer->str);
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "%s", umlauts->str);
  text = log_read (fixture->path);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 4);
  g_assert_true (g_str_has_suffix (lines[0], "xxx"));
  g_assert_true (g_str_has_suffix (lines[1], "yyy..."));
  g_assert_cmpuint (strlen (strchr (lines[1], ']') + 2), ==, 4096);
  g_assert_true (g_str_has_suffix (lines[2], "\xc3\xbc..."));
}

static void
test_log_scrub (LogFixture *fixture, gconstpointer data)
{
  (void) fixture, (void) data;
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "[scrubbed]");
  cepa_log_set_safe_logging (FALSE);
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "example.com");
  cepa_log_set_safe_logging (TRUE);
  g_assert_cmpstr (cepa_log_scrub ("example.com"), ==, "[scrubbed]");
}

static void
test_log_names (LogFixture *fixture, gconstpointer data)
{
  (void) fixture, (void) data;
  g_assert_cmpstr (cepa_log_topic_name (CEPA_LOG_CIRC), ==, "circ");
  g_assert_cmpstr (cepa_log_topic_name (CEPA_LOG_N_TOPICS), ==, NULL);
  g_assert_cmpstr (cepa_log_severity_name (CEPA_LOG_NOTICE), ==, "notice");
  g_assert_cmpstr (cepa_log_severity_name (CEPA_LOG_N_SEVERITIES), ==, NULL);
  for (guint i = 0; i < CEPA_LOG_N_TOPICS; i++)
    g_assert_nonnull (cepa_log_topic_name (i));
}

static gpointer
log_write_many (gpointer data)
{
  for (guint i = 0; i < 500; i++)
    cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "%s begins and ends", (const char *) data);
  return NULL;
}

/* Lines of several threads never mix. */
static void
test_log_threads (LogFixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "one", "two", "three" };
  GThread *threads[G_N_ELEMENTS (names)];
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  (void) data;
  cepa_log_startup_done ();
  log_add_file (fixture->path, ALL_SEVERITIES);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    threads[i] = g_thread_new (names[i], log_write_many, (gpointer) names[i]);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_thread_join (threads[i]);
  text = log_read (fixture->path);
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 1501);
  for (guint i = 0; i < 1500; i++)
    g_assert_true (g_regex_match_simple ("\\[notice\\] (one|two|three) begins and ends$", lines[i], 0, 0));
}

static void
test_log_streams (LogFixture *fixture, gconstpointer data)
{
  CepaLogRule rule;
  g_autoptr (GError) error = NULL;

  (void) fixture, (void) data;
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      g_test_trap_assert_stdout ("*[notice] to both*still open*");
      g_test_trap_assert_stdout_unmatched ("*[warn] to one*");
      g_test_trap_assert_stderr ("*[notice] to both*[warn] to one*");
      return;
    }
  memset (rule.levels, 1 << CEPA_LOG_NOTICE, sizeof rule.levels);
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_STDOUT, NULL, &rule, &error));
  memset (rule.levels, NOTICE_AND_ABOVE, sizeof rule.levels);
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_STDERR, NULL, &rule, &error));
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "to both");
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_WARN, "to one");
  cepa_log_close ();
  g_assert_cmpint (write (STDOUT_FILENO, "still open\n", strlen ("still open\n")), >, 0);
}

/*
 * The system log is not written to by tests: these take the place of the C library's functions, under both
 * names that a compiler may call. <syslog.h> is not included, as it may have them inline.
 */
static GString *log_syslog_lines;

void openlog (const char *ident, int options, int facility);
void closelog (void);
void syslog (int priority, const char *format, ...) G_GNUC_PRINTF (2, 3);
void __syslog_chk (int priority, int flag, const char *format, ...) G_GNUC_PRINTF (3, 4);

void
openlog (const char *ident, int options, int facility)
{
  (void) options, (void) facility;
  g_string_append_printf (log_syslog_lines, "open %s\n", ident);
}

void
closelog (void)
{
  g_string_append (log_syslog_lines, "close\n");
}

static void G_GNUC_PRINTF (2, 0)
log_take_syslog (int priority, const char *format, va_list args)
{
  g_string_append_printf (log_syslog_lines, "%d ", priority);
  g_string_append_vprintf (log_syslog_lines, format, args);
}

void
syslog (int priority, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  log_take_syslog (priority, format, args);
  va_end (args);
}

void
__syslog_chk (int priority, int flag, const char *format, ...)
{
  va_list args;

  (void) flag;
  va_start (args, format);
  log_take_syslog (priority, format, args);
  va_end (args);
}

/* The system log has its own time and severity; the numbers are those of RFC 5424, section 6.2.1. */
static void
test_log_syslog (LogFixture *fixture, gconstpointer data)
{
  CepaLogRule rule;
  g_autoptr (GError) error = NULL;

  (void) fixture, (void) data;
  log_syslog_lines = g_string_new (NULL);
  memset (rule.levels, ALL_SEVERITIES, sizeof rule.levels);
  cepa_log (CEPA_LOG_NET, CEPA_LOG_ERR, "first");
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_SYSLOG, NULL, &rule, &error));
  cepa_log (CEPA_LOG_NET, CEPA_LOG_WARN, "100%%s");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_NOTICE, "third");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_INFO, "fourth");
  cepa_log (CEPA_LOG_NET, CEPA_LOG_DEBUG, "fifth");
  cepa_log_close ();
  g_assert_cmpstr (log_syslog_lines->str, ==,
                   "open cepad\n3 first\n4 100%s\n5 third\n6 test_log_syslog(): fourth\n"
                   "7 test_log_syslog(): fifth\nclose\n");
  g_string_free (g_steal_pointer (&log_syslog_lines), TRUE);
}

/* A full or closed place must not end the daemon; /dev/full gives ENOSPC on every write. */
static void
test_log_full (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;

  (void) data;
  log_add_file ("/dev/full", ALL_SEVERITIES);
  log_add_file (fixture->path, ALL_SEVERITIES);
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "goes on");
  text = log_read (fixture->path);
  g_assert_nonnull (strstr (text, "goes on\n"));
}

static void
test_log_glib (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;

  (void) data;
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      g_test_trap_assert_stderr_unmatched ("*libfoo*");
      return;
    }
  cepa_log_capture_glib ();
  log_add_file (fixture->path, NOTICE_AND_ABOVE | 1 << CEPA_LOG_INFO);
  g_log ("libfoo", G_LOG_LEVEL_MESSAGE, "says %d", 1);
  g_log ("libfoo", G_LOG_LEVEL_INFO, "says %d", 2);
  g_log_structured ("libfoo", G_LOG_LEVEL_WARNING, "CODE_FUNC", "foo_run", "MESSAGE", "says %d", 3);
  g_log_structured ("libfoo", G_LOG_LEVEL_CRITICAL, "CODE_FUNC", "foo_run", "MESSAGE", "says %d", 4);
  text = log_read (fixture->path);
  g_assert_true (g_regex_match_simple ("\\[notice\\] libfoo: says 1\n.*\\[info\\] libfoo: says 2\n.*"
                                       "\\[warn\\] libfoo: says 3\n"
                                       ".*\\[warn\\] foo_run\\(\\): Bug: libfoo: says 4\n$", text, 0, 0));
}

/* The last words of a process that GLib ends are in the log and on standard error. */
static void
test_log_glib_fatal (LogFixture *fixture, gconstpointer data)
{
  CepaLogRule rule;

  (void) data;
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_failed ();
      g_test_trap_assert_stdout ("*[err] Bug: libfoo: the end*");
      g_test_trap_assert_stderr ("*libfoo*the end*");
      return;
    }
  cepa_log_capture_glib ();
  memset (rule.levels, ALL_SEVERITIES, sizeof rule.levels);
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_STDOUT, NULL, &rule, NULL));
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_log ("libfoo", G_LOG_LEVEL_ERROR, "the end");
}

typedef struct
{
  GString *lines;      /* "topic severity text|" of each */
  guint severities;    /* what to listen for when a line comes, if @is_changing */
  gboolean is_chatty;  /* logs a line for each that it gets */
  gboolean is_changing;
} LogHeard;

static void
log_hear (gpointer user_data, CepaLogTopic topic, CepaLogSeverity severity, const char *text)
{
  LogHeard *heard = user_data;

  g_string_append_printf (heard->lines, "%s %s %s|", cepa_log_topic_name (topic), cepa_log_severity_name (severity),
                          text);
  if (heard->is_chatty)
    cepa_log (CEPA_LOG_CONTROL, severity, "heard %u", (guint) heard->lines->len);
  if (heard->is_changing)
    cepa_log_listen (heard->severities, log_hear, heard);
}

static void
test_log_listen (LogFixture *fixture, gconstpointer data)
{
  LogHeard heard = { .lines = g_string_new (NULL) };

  (void) data;
  log_add_file (fixture->path, 1 << CEPA_LOG_ERR);
  cepa_log_startup_done ();
  g_assert_false (cepa_log_enabled (CEPA_LOG_CIRC, CEPA_LOG_NOTICE));
  cepa_log_listen (1 << CEPA_LOG_WARN | 1 << CEPA_LOG_INFO, log_hear, &heard);
  g_assert_true (cepa_log_enabled (CEPA_LOG_CIRC, CEPA_LOG_INFO));
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "not wanted");
  cepa_log (CEPA_LOG_APP, CEPA_LOG_WARN, "to %s\x1b", cepa_log_scrub ("example.com"));
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "two");
  g_assert_cmpstr (heard.lines->str, ==, "app warn to [scrubbed]\\x1B|circ info test_log_listen(): two|");
  g_string_truncate (heard.lines, 0);

  cepa_log_listen (1 << CEPA_LOG_WARN, log_hear, &heard);
  g_assert_false (cepa_log_enabled (CEPA_LOG_CIRC, CEPA_LOG_INFO));
  cepa_log (CEPA_LOG_APP, CEPA_LOG_WARN, "once");
  g_assert_cmpstr (heard.lines->str, ==, "app warn once|");
  cepa_log_listen (0, log_hear, &heard);
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_WARN));
  g_assert_true (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_ERR));
  cepa_log (CEPA_LOG_APP, CEPA_LOG_ERR, "over");
  g_assert_cmpstr (heard.lines->str, ==, "app warn once|");
  g_string_free (heard.lines, TRUE);
}

/* A line about a line would bring forth the next: it goes to the sinks alone. */
static void
test_log_listen_recursion (LogFixture *fixture, gconstpointer data)
{
  LogHeard heard = { .lines = g_string_new (NULL), .is_chatty = TRUE };
  g_autofree char *text = NULL;

  (void) data;
  log_add_file (fixture->path, ALL_SEVERITIES);
  cepa_log_startup_done ();
  cepa_log_listen (1 << CEPA_LOG_NOTICE, log_hear, &heard);
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "a");
  heard.is_changing = TRUE;
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "b");
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "c");
  g_assert_cmpstr (heard.lines->str, ==, "app notice a|app notice b|");
  text = log_read (fixture->path);
  g_assert_nonnull (strstr (text, "[notice] heard 13\n"));
  g_assert_nonnull (strstr (text, "[notice] heard 26\n"));
  g_assert_null (strstr (text, "heard 39"));
  g_string_free (heard.lines, TRUE);
}

/* A new set of sinks in the place of the old one, and back. */
static void
test_log_replace_sinks (LogFixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  g_autofree char *first = NULL, *second = NULL;

  (void) data;
  cepa_log_remove_sinks (1);
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 0);
  log_add_file (fixture->path, NOTICE_AND_ABOVE);
  cepa_log_startup_done ();
  log_add_file (other, ALL_SEVERITIES);
  cepa_log_truncate_sinks (1);
  g_assert_false (cepa_log_enabled (CEPA_LOG_APP, CEPA_LOG_INFO));
  cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "a");
  log_add_file (other, ALL_SEVERITIES);
  g_assert_cmpuint (cepa_log_get_n_sinks (), ==, 2);
  cepa_log_remove_sinks (1);
  cepa_log (CEPA_LOG_APP, CEPA_LOG_DEBUG, "b");
  first = log_read (fixture->path);
  second = log_read (other);
  g_assert_true (g_str_has_suffix (first, "[notice] a\n"));
  g_assert_true (g_str_has_suffix (second, "(): b\n"));
  g_assert_null (strstr (second, "] a\n"));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (LogFixture *fixture, gconstpointer data);
  } tests[] = {
    { "/log/form", test_log_form },
    { "/log/rules", test_log_rules },
    { "/log/replay", test_log_replay },
    { "/log/replay-bound", test_log_replay_bound },
    { "/log/reopen", test_log_reopen },
    { "/log/reopen-fails", test_log_reopen_fails },
    { "/log/open-fails", test_log_open_fails },
    { "/log/escape", test_log_escape },
    { "/log/cut", test_log_cut },
    { "/log/scrub", test_log_scrub },
    { "/log/names", test_log_names },
    { "/log/threads", test_log_threads },
    { "/log/streams", test_log_streams },
    { "/log/syslog", test_log_syslog },
    { "/log/full", test_log_full },
    { "/log/listen", test_log_listen },
    { "/log/listen-recursion", test_log_listen_recursion },
    { "/log/replace-sinks", test_log_replace_sinks },
    { "/log/glib", test_log_glib },
    { "/log/glib-fatal", test_log_glib_fatal },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, LogFixture, NULL, log_set_up, tests[i].test, log_tear_down);
  return g_test_run ();
}
