/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "worker.h"

/* What a worker may put into its pipe before it waits. */
#define RUN_PIPE_BYTES (1024 * 1024)

/* Of one message that is taken whole; a tally of 100 million clients has 2.4 GB. */
#define RUN_MAX_MESSAGE (G_GUINT64_CONSTANT (1) << 33)

typedef struct
{
  pid_t pid;
  int fd; /* -1: closed */
} RunWorker;

typedef struct
{
  const CepaSimRun *run;
  guint n_workers;
  RunWorker *workers;
  CepaSimOutcome *outcome;
  char *buffer; /* of RUN_PIPE_BYTES */
} Run;

void
cepa_sim_outcome_free (CepaSimOutcome *self)
{
  if (self == NULL)
    return;
  cepa_sim_tally_free (self->tally);
  g_array_unref (self->relays);
  g_free (self);
}

/* ---- starting and ending ---- */

/* In a worker: what ends a program ends it, whatever its parent does about it. */
static void
run_reset_signals (void)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      struct sigaction now;

      if (sigaction (signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        signal (signals[i], SIG_DFL);
    }
}

static gboolean
run_fork (Run *self, guint number, GError **error)
{
  int fds[2];
  pid_t pid;

  if (pipe2 (fds, O_CLOEXEC) != 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "no pipe for a worker: %s", g_strerror (errno));
      return FALSE;
    }
  fcntl (fds[1], F_SETPIPE_SZ, RUN_PIPE_BYTES);
  pid = fork ();
  if (pid == 0)
    {
      run_reset_signals ();
      prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      for (guint i = 0; i < number; i++)
        close (self->workers[i].fd);
      close (fds[0]);
      _exit (cepa_sim_worker_run (self->run, number, self->n_workers, fds[1]));
    }
  close (fds[1]);
  if (pid < 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_INTERNAL, "no process for a worker: %s", g_strerror (errno));
      close (fds[0]);
      return FALSE;
    }
  self->workers[number] = (RunWorker){ pid, fds[0] };
  return TRUE;
}

/* Waits until worker @number has ended. Returns: its status, as waitpid() gives it. */
static int
run_reap (Run *self, guint number)
{
  RunWorker *worker = &self->workers[number];
  int status = 0;

  if (worker->fd >= 0)
    close (worker->fd);
  while (worker->pid > 0 && waitpid (worker->pid, &status, 0) < 0 && errno == EINTR)
    ;
  *worker = (RunWorker){ 0, -1 };
  return status;
}

/* Ends those that are still at work. */
static void
run_end (Run *self)
{
  for (guint i = 0; i < self->n_workers; i++)
    if (self->workers[i].pid > 0)
      {
        kill (self->workers[i].pid, SIGKILL);
        run_reap (self, i);
      }
}

/* ---- messages ---- */

static gboolean
run_is_interrupted (const Run *self, GError **error)
{
  if (self->run->is_interrupted == NULL || !self->run->is_interrupted ())
    return FALSE;
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CANCELLED, "it was interrupted");
  return TRUE;
}

static gboolean
run_fail_worker (Run *self, guint number, GError **error)
{
  const char *id = cepa_sim_plugin_get_id (self->run->model->plugin);
  int status = run_reap (self, number);

  /* A worker that gets the same signal ends by it. */
  if (run_is_interrupted (self, error))
    return FALSE;
  if (WIFSIGNALED (status))
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "a process that asks %s for paths was ended by a signal: %s", id,
                 g_strsignal (WTERMSIG (status)));
  else
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "a process that asks %s for paths ended too early, with status %d",
                 id, WEXITSTATUS (status));
  return FALSE;
}

/* Reads @len bytes from worker @number. */
static gboolean
run_read (Run *self, guint number, void *out, gsize len, GError **error)
{
  char *at = out;

  while (len > 0)
    {
      ssize_t n;

      if (run_is_interrupted (self, error))
        return FALSE;
      n = read (self->workers[number].fd, at, len);
      if (n == 0 || (n < 0 && errno != EINTR))
        return run_fail_worker (self, number, error);
      at += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }
  return TRUE;
}

static gboolean
run_read_all (Run *self, guint number, guint64 len, GByteArray *out, GError **error)
{
  if (len > RUN_MAX_MESSAGE || len > G_MAXUINT)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "there are too many clients for one run");
      return FALSE;
    }
  g_byte_array_set_size (out, (guint) len);
  return run_read (self, number, out->data, len, error);
}

/* The head of the next message, which is of @kind, or the worker's error. */
static gboolean
run_expect (Run *self, guint number, CepaSimMessageKind kind, guint64 *len, GError **error)
{
  CepaSimMessageHead head;
  g_autoptr (GByteArray) text = g_byte_array_new ();

  if (!run_read (self, number, &head, sizeof head, error))
    return FALSE;
  if (head.kind == kind)
    {
      *len = head.len;
      return TRUE;
    }
  if (head.kind != CEPA_SIM_MESSAGE_ERROR || !run_read_all (self, number, head.len, text, error))
    return run_fail_worker (self, number, error);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PLUGIN, "%.*s", (int) text->len, (const char *) text->data);
  return FALSE;
}

static gboolean
run_write (const Run *self, const char *at, gsize len, GError **error)
{
  while (len > 0)
    {
      ssize_t n = write (self->run->csv_fd, at, len);

      if (n < 0 && errno != EINTR)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot write %s: %s", self->run->csv_name, g_strerror (errno));
          return FALSE;
        }
      at += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }
  return TRUE;
}

/* ---- the course of a run ---- */

static gboolean
run_copy_rows (Run *self, guint number, GError **error)
{
  guint64 left;

  if (!run_expect (self, number, CEPA_SIM_MESSAGE_ROWS, &left, error))
    return FALSE;
  while (left > 0)
    {
      gsize n = MIN (left, RUN_PIPE_BYTES);

      if (!run_read (self, number, self->buffer, n, error) || !run_write (self, self->buffer, n, error))
        return FALSE;
      left -= n;
    }
  return TRUE;
}

/* Takes what the workers send in the order of rounds and blocks, which is no matter of how many they are. */
static gboolean
run_follow_step (Run *self, guint step, GError **error)
{
  const CepaSimPlan *plan = self->run->model->plan;
  guint64 n_rounds = cepa_sim_run_count_rounds (plan, step), len;

  for (guint64 round = 0; self->run->model->with_rows && round < n_rounds; round++)
    for (guint block = 0; block < plan->n_blocks; block++)
      if (!run_copy_rows (self, block % self->n_workers, error))
        return FALSE;
  if (!run_expect (self, 0, CEPA_SIM_MESSAGE_STEP, &len, error))
    return FALSE;
  if (self->run->progress != NULL)
    self->run->progress (step + 1, plan->n_steps);
  return TRUE;
}

static gboolean
run_take_result (Run *self, guint number, GError **error)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  guint64 len;

  if (number == 0)
    {
      if (!run_expect (self, number, CEPA_SIM_MESSAGE_RELAYS, &len, error)
          || !run_read_all (self, number, len, packed, error))
        return FALSE;
      g_array_append_vals (self->outcome->relays, packed->data, (guint) (len / sizeof (CepaSimRelay)));
    }
  if (!run_expect (self, number, CEPA_SIM_MESSAGE_TALLY, &len, error)
      || !run_read_all (self, number, len, packed, error))
    return FALSE;
  if (!cepa_sim_tally_merge (self->outcome->tally, packed->data, packed->len))
    return run_fail_worker (self, number, error);
  run_reap (self, number);
  return TRUE;
}

static gboolean
run_do (Run *self, GError **error)
{
  static const char header[] = CEPA_SIM_ROWS_HEADER;

  if (self->run->model->with_rows && !run_write (self, header, strlen (header), error))
    return FALSE;
  for (guint i = 0; i < self->n_workers; i++)
    if (!run_fork (self, i, error))
      return FALSE;
  for (guint step = 0; step < self->run->model->plan->n_steps; step++)
    if (!run_follow_step (self, step, error))
      return FALSE;
  for (guint i = 0; i < self->n_workers; i++)
    if (!run_take_result (self, i, error))
      return FALSE;
  return TRUE;
}

CepaSimOutcome *
cepa_sim_run (const CepaSimRun *run, GError **error)
{
  Run self = { .run = run, .n_workers = MIN (run->n_workers, run->model->plan->n_blocks) };
  gboolean is_done;

  self.outcome = g_new0 (CepaSimOutcome, 1);
  self.outcome->tally = cepa_sim_tally_new (run->model->plan->n_clients);
  self.outcome->relays = g_array_new (FALSE, FALSE, sizeof (CepaSimRelay));
  self.workers = g_new0 (RunWorker, self.n_workers);
  for (guint i = 0; i < self.n_workers; i++)
    self.workers[i].fd = -1;
  self.buffer = g_malloc (RUN_PIPE_BYTES);
  is_done = run_do (&self, error);
  run_end (&self);
  g_free (self.workers);
  g_free (self.buffer);
  if (!is_done)
    g_clear_pointer (&self.outcome, cepa_sim_outcome_free);
  return self.outcome;
}
