/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

/* Bytes of a file that have its last line: no annotation is longer. */
#define CACHE_TAIL 256

typedef enum
{
  CACHE_WRITE,
  CACHE_APPEND,
  CACHE_REMOVE,
} CacheJobKind;

typedef struct
{
  CacheJobKind kind;
  char *path;
  GBytes *content; /* (nullable) */
  GMainContext *context;
  char *superseded; /* (nullable): a file that goes when @path has been written */
  GTask *task;      /* (nullable): who is told */
} CacheJob;

struct _CepaCache
{
  char *directory;
  GMainContext *context;
  GThreadPool *writer; /* one thread: the order is kept */
};

/* What a crash has torn may end in the middle of a line, where the next document must not go on; or with annotations whose
   document is not there, which an empty line keeps apart from the next one. */
static gboolean
cache_mend_end (int fd, off_t size)
{
  char tail[CACHE_TAIL];
  ssize_t n = pread (fd, tail, sizeof tail, MAX (size - (off_t) sizeof tail, 0));
  gboolean has_newline;
  const char *line;
  char mend[2] = "\n\n";
  size_t len;

  if (n <= 0)
    return n == 0;
  has_newline = tail[n - 1] == '\n';
  line = n > 1 ? memrchr (tail, '\n', (size_t) (n - 1)) : NULL;
  line = line != NULL ? line + 1 : tail;
  len = (has_newline ? 0 : 1) + (*line == '@' ? 1 : 0);
  return len == 0 || write (fd, mend, len) == (ssize_t) len;
}

static gboolean
cache_append (const char *path, GBytes *content, GError **error)
{
  gsize len, done = 0;
  const guint8 *data = g_bytes_get_data (content, &len);
  int fd = g_open (path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat before;
  gboolean has_size = fd >= 0 && fstat (fd, &before) == 0;
  gboolean is_good = has_size && cache_mend_end (fd, before.st_size);

  while (is_good && done < len)
    {
      ssize_t n = write (fd, data + done, len - done);

      if (n < 0 && errno != EINTR)
        break;
      done += n > 0 ? (gsize) n : 0;
    }
  if (!is_good || done < len)
    {
      int reason = errno;
      /* On a disk that is full, what fitted would only be in the way. */
      gboolean is_left = has_size && ftruncate (fd, before.st_size) != 0;

      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot add to %s: %s%s", path, g_strerror (reason),
                   is_left ? "; a part is left at its end" : "");
    }
  if (fd >= 0)
    close (fd);
  return is_good && done == len;
}

static gboolean
cache_report (gpointer message)
{
  cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "%s", (const char *) message);
  return G_SOURCE_REMOVE;
}

static gboolean
cache_unlink (const char *path, GError **error)
{
  if (g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot remove %s: %s", path, g_strerror (errno));
  return FALSE;
}

/* (transfer full) (nullable): what was written, mapped, when somebody waits for that. */
static GBytes *
cache_replace (const CacheJob *job, GError **error)
{
  if (!cepa_file_write (job->path, &job->content, 1, error))
    return NULL;
  if (job->superseded != NULL && !cache_unlink (job->superseded, error))
    return NULL;
  return job->task != NULL ? cepa_file_map (job->path, error) : NULL;
}

/* The log belongs to the loop's thread. */
static void
cache_report_from_thread (GMainContext *context, const GError *error)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, cache_report, g_strdup (error->message), g_free);
  g_source_set_static_name (source, "cache report");
  g_source_attach (source, context);
}

static void
cache_run_job (gpointer data, G_GNUC_UNUSED gpointer user_data)
{
  CacheJob *job = data;
  g_autoptr (GError) error = NULL;
  GBytes *mapped = NULL;

  if (job->kind == CACHE_WRITE)
    mapped = cache_replace (job, &error);
  else if (job->kind == CACHE_APPEND)
    cache_append (job->path, job->content, &error);
  else
    cache_unlink (job->path, &error);
  if (error != NULL)
    cache_report_from_thread (job->context, error);
  g_clear_pointer (&job->content, g_bytes_unref);
  if (job->task != NULL)
    g_task_return_pointer (job->task, mapped, (GDestroyNotify) g_bytes_unref);
  g_clear_object (&job->task);
  g_main_context_unref (job->context);
  g_free (job->path);
  g_free (job->superseded);
  g_free (job);
}

CepaCache *
cepa_cache_new (const char *directory, GMainContext *context)
{
  CepaCache *self = g_new0 (CepaCache, 1);

  self->directory = g_strdup (directory);
  self->context = g_main_context_ref (context);
  self->writer = g_thread_pool_new (cache_run_job, NULL, 1, FALSE, NULL);
  return self;
}

void
cepa_cache_free (CepaCache *self)
{
  if (self == NULL)
    return;
  g_thread_pool_free (self->writer, FALSE, TRUE);
  g_main_context_unref (self->context);
  g_free (self->directory);
  g_free (self);
}

/* @job: (transfer full): its kind and what is special to that */
static void
cache_push_job (CepaCache *self, CacheJob *job, const char *name, GBytes *content)
{
  job->path = g_build_filename (self->directory, name, NULL);
  job->content = content != NULL ? g_bytes_ref (content) : NULL;
  job->context = g_main_context_ref (self->context);
  g_thread_pool_push (self->writer, job, NULL);
}

static void
cache_push (CepaCache *self, CacheJobKind kind, const char *name, GBytes *content)
{
  CacheJob *job = g_new0 (CacheJob, 1);

  job->kind = kind;
  cache_push_job (self, job, name, content);
}

void
cepa_cache_write (CepaCache *self, const char *name, GBytes *content)
{
  cache_push (self, CACHE_WRITE, name, content);
}

void
cepa_cache_write_async (CepaCache *self, const char *name, GBytes *content, const char *superseded,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  CacheJob *job = g_new0 (CacheJob, 1);

  job->kind = CACHE_WRITE;
  job->superseded = superseded != NULL ? g_build_filename (self->directory, superseded, NULL) : NULL;
  job->task = g_task_new (NULL, NULL, callback, user_data);
  g_task_set_name (job->task, "cache write");
  g_task_set_task_data (job->task, g_bytes_ref (content), (GDestroyNotify) g_bytes_unref);
  cache_push_job (self, job, name, content);
}

GBytes *
cepa_cache_write_finish (GAsyncResult *result, GBytes **content)
{
  GTask *task = G_TASK (result);

  *content = g_bytes_ref (g_task_get_task_data (task));
  g_task_set_task_data (task, NULL, NULL);
  return g_task_propagate_pointer (task, NULL);
}

void
cepa_cache_append (CepaCache *self, const char *name, GBytes *content)
{
  cache_push (self, CACHE_APPEND, name, content);
}

void
cepa_cache_remove (CepaCache *self, const char *name)
{
  cache_push (self, CACHE_REMOVE, name, NULL);
}
