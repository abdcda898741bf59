/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules run in children: a plugin that crashes, or does not come back, fails one rule and not the checker. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define RUN_MAX_TIMES 32

/* Sentences of one rule that are printed. */
#define RUN_MAX_FAILURES 3

/* What a call may take, real time. It is a hundred times what it should. */
#define RUN_MAX_CALL_MS 500

typedef struct
{
  char name[32];
  guint64 n;
  gint64 sum_ns, longest_ns;
} RunTime;

/* Memory that children and the parent share. */
struct _CepaCheckShared
{
  char call[32]; /* that is being made; empty for none */
  gboolean is_over; /* the rule has come to its end */
  guint n_failures;
  char failures[2048];
  char skipped[512];
  char notes[1024];
  gint64 since_ns;
  RunTime times[RUN_MAX_TIMES];
};

CepaCheckShared *
cepa_check_shared_new (void)
{
  void *shared = mmap (NULL, sizeof (CepaCheckShared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (shared == MAP_FAILED)
    g_error ("no memory: %s", g_strerror (errno));
  return shared;
}

G_GNUC_PRINTF (4, 0) static void
run_append (char *text, gsize size, const char *separator, const char *format, va_list args)
{
  g_autofree char *added = g_strdup_vprintf (format, args);

  g_strdelimit (added, "\r\n", ' ');
  if (text[0] != '\0')
    g_strlcat (text, separator, size);
  g_strlcat (text, added, size);
}

void
cepa_check_fail (CepaCheck *self, const char *format, ...)
{
  va_list args;

  if (self->shared->n_failures++ >= RUN_MAX_FAILURES)
    return;
  va_start (args, format);
  run_append (self->shared->failures, sizeof self->shared->failures, "; ", format, args);
  va_end (args);
}

void
cepa_check_skip (CepaCheck *self, const char *format, ...)
{
  va_list args;

  self->shared->skipped[0] = '\0';
  va_start (args, format);
  run_append (self->shared->skipped, sizeof self->shared->skipped, "; ", format, args);
  va_end (args);
}

void
cepa_check_note (CepaCheck *self, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  run_append (self->shared->notes, sizeof self->shared->notes, "\n", format, args);
  va_end (args);
}

guint
cepa_check_get_n_failures (CepaCheck *self)
{
  return self->shared->n_failures;
}

static gint64
run_get_time_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64) now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

void
cepa_check_begin_call (CepaCheck *self, const char *name)
{
  g_strlcpy (self->shared->call, name, sizeof self->shared->call);
  self->shared->since_ns = run_get_time_ns ();
}

void
cepa_check_end_call (CepaCheck *self)
{
  CepaCheckShared *shared = self->shared;
  gint64 took_ns = run_get_time_ns () - shared->since_ns;

  for (guint i = 0; i < RUN_MAX_TIMES; i++)
    {
      RunTime *time = &shared->times[i];

      if (time->n == 0)
        g_strlcpy (time->name, shared->call, sizeof time->name);
      else if (strcmp (time->name, shared->call) != 0)
        continue;
      time->n++;
      time->sum_ns += took_ns;
      time->longest_ns = MAX (time->longest_ns, took_ns);
      break;
    }
  shared->call[0] = '\0';
}

/* Returns: whether the child has ended; FALSE when it was ended because it took too long. */
static gboolean
run_wait (CepaCheck *self, pid_t child, int end, int *status)
{
  struct pollfd ended = { .fd = end, .events = POLLIN };
  gint64 deadline_us = g_get_monotonic_time () + (gint64) self->deadline_s * G_USEC_PER_SEC;
  int n;

  do
    {
      gint64 left_us = deadline_us - g_get_monotonic_time ();

      n = poll (&ended, 1, left_us > 0 ? (int) (left_us / 1000) + 1 : 0);
    }
  while (n < 0 && errno == EINTR);
  if (n == 0)
    kill (-child, SIGKILL);
  while (waitpid (child, status, 0) < 0 && errno == EINTR)
    ;
  /* Whom the plugin may have started. */
  kill (-child, SIGKILL);
  return n != 0;
}

G_NORETURN static void
run_child (CepaCheck *self, const CepaCheckRule *rule)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  setpgid (0, 0);
  rule->func (self);
  self->shared->is_over = TRUE;
  fflush (NULL);
  exit (0);
}

/* Turns the end of a child into a failure, if it was not a good one. */
static void
run_judge_end (CepaCheck *self, gboolean has_ended, int status)
{
  g_autofree char *where
      = self->shared->call[0] != '\0' ? g_strdup_printf (" in %s", self->shared->call) : g_strdup ("");

  if (!has_ended)
    cepa_check_fail (self, "it did not come back%s within %u seconds", where, self->deadline_s);
  else if (WIFSIGNALED (status))
    cepa_check_fail (self, "it crashed%s: signal %d, %s", where, WTERMSIG (status), strsignal (WTERMSIG (status)));
  else if (WEXITSTATUS (status) != 0)
    cepa_check_fail (self, "the process ended%s with the code %d: what is printed above says why", where,
                     WEXITSTATUS (status));
  else if (!self->shared->is_over)
    cepa_check_fail (self, "the process was ended%s, by exit or what is like it, before all was done", where);
}

static gboolean
run_print (CepaCheck *self, const char *name)
{
  CepaCheckShared *shared = self->shared;
  g_auto (GStrv) notes = g_strsplit (shared->notes, "\n", -1);

  self->n_rules++;
  if (shared->n_failures > RUN_MAX_FAILURES)
    printf ("FAIL  %s: %s; and %u more\n", name, shared->failures, shared->n_failures - RUN_MAX_FAILURES);
  else if (shared->n_failures > 0)
    printf ("FAIL  %s: %s\n", name, shared->failures);
  else if (shared->skipped[0] != '\0')
    printf ("skip  %s: %s\n", name, shared->skipped);
  else
    printf ("ok    %s\n", name);
  for (guint i = 0; notes[i] != NULL; i++)
    printf ("      %s\n", notes[i]);
  fflush (stdout);
  self->n_failed += shared->n_failures > 0;
  self->n_skipped += shared->n_failures == 0 && shared->skipped[0] != '\0';
  return shared->n_failures == 0;
}

static void
run_clear (CepaCheckShared *shared)
{
  shared->call[0] = shared->failures[0] = shared->skipped[0] = shared->notes[0] = '\0';
  shared->n_failures = 0;
  shared->is_over = FALSE;
}

gboolean
cepa_check_run (CepaCheck *self, const CepaCheckRule *rule)
{
  int ends[2], status = 0;
  gboolean has_ended;
  pid_t child;

  run_clear (self->shared);
  fflush (NULL);
  if (pipe2 (ends, O_CLOEXEC) != 0 || (child = fork ()) < 0)
    g_error ("no process for the rule %s: %s", rule->name, g_strerror (errno));
  if (child == 0)
    {
      close (ends[0]);
      run_child (self, rule);
    }
  close (ends[1]);
  has_ended = run_wait (self, child, ends[0], &status);
  close (ends[0]);
  run_judge_end (self, has_ended, status);
  return run_print (self, rule->name);
}

void
cepa_check_judge_times (CepaCheck *self)
{
  run_clear (self->shared);
  for (guint i = 0; i < RUN_MAX_TIMES && self->shared->times[i].n > 0; i++)
    {
      const RunTime *time = &self->shared->times[i];

      cepa_check_note (self, "%s: %" G_GUINT64_FORMAT " calls, %.1f us on average, %.0f us the longest", time->name,
                       time->n, (double) time->sum_ns / 1000.0 / (double) time->n, (double) time->longest_ns / 1000.0);
      if (!self->is_slow && time->longest_ns > RUN_MAX_CALL_MS * G_GINT64_CONSTANT (1000000))
        cepa_check_fail (self, "%s held the thread for %.0f ms; a call comes back within milliseconds", time->name,
                         (double) time->longest_ns / 1e6);
    }
  if (self->is_slow)
    cepa_check_skip (self, "under valgrind or a sanitizer");
  run_print (self, "comes-back");
}
