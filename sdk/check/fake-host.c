/* SPDX-License-Identifier: BSD-3-Clause */
#include <glib/gstdio.h>
#include <string.h>

#include "fake-host-private.h"

#define FAKE_HOST_START_US (G_GINT64_CONSTANT (1000000) * G_USEC_PER_SEC)

/* 2026-01-01 */
#define FAKE_HOST_WALL_S G_GINT64_CONSTANT (1767225600)

/* Faults that are kept: a plugin that is wrong in a loop does not fill the memory. */
#define FAKE_HOST_MAX_FAULTS 100

void
cepa_fake_host_add_fault (CepaFakeHost *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_mutex_lock (&self->mutex);
  if (self->faults->len < FAKE_HOST_MAX_FAULTS)
    g_ptr_array_add (self->faults, g_steal_pointer (&text));
  g_mutex_unlock (&self->mutex);
}

CepaFakeHost *
cepa_fake_host_enter (const CepaHost *table, const char *service)
{
  CepaFakeHost *self = (CepaFakeHost *) table->context;

  if (g_thread_self () != self->thread)
    {
      g_mutex_lock (&self->mutex);
      self->has_thread_fault = TRUE;
      g_mutex_unlock (&self->mutex);
      cepa_fake_host_add_fault (self, "%s was called from another thread", service);
      return NULL;
    }
  if (self->is_closed)
    {
      cepa_fake_host_add_fault (self, "%s was called after destroy", service);
      return NULL;
    }
  return self;
}

static void
fake_host_log (const CepaHost *table, CepaHostLogLevel level, const char *text)
{
  static const char *const levels[] = { "", "warning", "notice", "info", "debug" };
  CepaFakeHost *self = cepa_fake_host_enter (table, "log");

  if (self == NULL)
    return;
  if (level < CEPA_HOST_LOG_WARNING || level > CEPA_HOST_LOG_DEBUG)
    cepa_fake_host_add_fault (self, "log was called with the level %d, which there is not", (int) level);
  else if (text == NULL)
    cepa_fake_host_add_fault (self, "log was called without a text");
  else if (!g_utf8_validate (text, -1, NULL) || strpbrk (text, "\r\n") != NULL)
    cepa_fake_host_add_fault (self, "log was called with a text that is not UTF-8 in one line");
  else
    g_ptr_array_add (self->log, g_strdup_printf ("%s: %s", levels[level], text));
}

/* SplitMix64. */
static guint64
fake_host_next_random (CepaFakeHost *self)
{
  guint64 value = self->random += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  value = (value ^ value >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  value = (value ^ value >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return value ^ value >> 31;
}

static void
fake_host_random (const CepaHost *table, void *out, size_t len)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "random");
  guint8 *bytes = out;

  if (self == NULL)
    {
      memset (out, 0, len);
      return;
    }
  for (gsize i = 0; i < len; i += 8)
    {
      guint64 value = fake_host_next_random (self);

      memcpy (bytes + i, &value, MIN (len - i, sizeof value));
    }
}

static gint64
fake_host_monotonic_us (const CepaHost *table)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "monotonic_us");

  return self != NULL ? self->now_us : 0;
}

static gint64
fake_host_wall_s (const CepaHost *table)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "wall_s");

  return self != NULL ? FAKE_HOST_WALL_S + (self->now_us - FAKE_HOST_START_US) / G_USEC_PER_SEC : 0;
}

static const char *const *
fake_host_option (const CepaHost *table, const char *name)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "option");
  GPtrArray *values;

  if (self == NULL)
    return NULL;
  values = name != NULL ? g_hash_table_lookup (self->options, name) : NULL;
  if (values == NULL)
    cepa_fake_host_add_fault (self, "option was asked for \"%s\", which is not in the plugin's table",
                              name != NULL ? name : "(null)");
  return values != NULL ? (const char *const *) values->pdata : NULL;
}

static void
fake_host_complete (const CepaHost *table, guint64 number, GError *error)
{
  g_autoptr (GError) own = error;
  CepaFakeHost *self = cepa_fake_host_enter (table, "complete");
  FakeTask *task = self != NULL ? g_hash_table_lookup (self->tasks, &number) : NULL;

  if (self == NULL)
    return;
  if (task == NULL)
    cepa_fake_host_add_fault (self, "complete was called for the task %" G_GUINT64_FORMAT ", which nobody gave", number);
  else if (task->state == CEPA_FAKE_TASK_OVER)
    cepa_fake_host_add_fault (self, "complete was called for the task of start, which was over: stop or destroy had "
                              "been called");
  else if (task->state != CEPA_FAKE_TASK_PENDING)
    cepa_fake_host_add_fault (self, "complete was called twice for one task");
  else
    {
      task->state = error == NULL ? CEPA_FAKE_TASK_DONE : CEPA_FAKE_TASK_FAILED;
      task->error = g_steal_pointer (&own);
    }
}

static void
fake_host_fail (const CepaHost *table, GError *error)
{
  g_autoptr (GError) own = error;
  CepaFakeHost *self = cepa_fake_host_enter (table, "fail");

  if (self == NULL)
    return;
  if (error == NULL)
    cepa_fake_host_add_fault (self, "fail was called without an error");
  else if (self->failure == NULL)
    self->failure = g_steal_pointer (&own);
}

static char *
fake_host_directory (const CepaHost *table, GError **error)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "directory");

  if (self != NULL && self->directory == NULL)
    self->directory = g_dir_make_tmp ("cepa-fake-host-XXXXXX", NULL);
  if (self != NULL && self->directory != NULL)
    return g_strdup (self->directory);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "the folder for files cannot be made");
  return NULL;
}

static const CepaNetworkView *
fake_host_network (const CepaHost *table)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "network");

  return self != NULL ? self->view : NULL;
}

static void
fake_host_free_task (gpointer data)
{
  FakeTask *task = data;

  g_clear_error (&task->error);
  g_free (task);
}

static void
fake_host_init_table (CepaFakeHost *self)
{
  self->table = (CepaHost){
    .size = sizeof self->table + sizeof self->beyond,
    .abi_major = CEPA_ABI_MAJOR,
    .abi_minor = CEPA_ABI_MINOR,
    .context = self,
    .log = fake_host_log,
    .random = fake_host_random,
    .monotonic_us = fake_host_monotonic_us,
    .wall_s = fake_host_wall_s,
    .option = fake_host_option,
    .complete = fake_host_complete,
    .fail = fake_host_fail,
    .directory = fake_host_directory,
    .network = fake_host_network,
    .padding = &self->padding,
  };
  memset (self->beyond, 0xa5, sizeof self->beyond);
  self->padding.size = sizeof self->padding;
}

CepaFakeHost *
cepa_fake_host_new (guint64 seed)
{
  CepaFakeHost *self = g_new0 (CepaFakeHost, 1);

  self->thread = g_thread_self ();
  self->context = g_main_context_new ();
  self->now_us = FAKE_HOST_START_US;
  self->random = seed;
  self->last_id = 1000;
  self->options = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->tasks = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, fake_host_free_task);
  self->faults = g_ptr_array_new_with_free_func (g_free);
  self->log = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&self->mutex);
  fake_host_init_table (self);
  cepa_fake_loop_init (self);
  cepa_fake_kinds_init (self);
  cepa_fake_vocabulary_init (self);
  cepa_fake_side_tables_init (self);
  g_main_context_push_thread_default (self->context);
  return self;
}

/* Plugins keep files in it, no folders. */
static void
fake_host_remove_directory (CepaFakeHost *self)
{
  g_autoptr (GDir) folder = self->directory != NULL ? g_dir_open (self->directory, 0, NULL) : NULL;
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->directory, name, NULL);

      g_remove (path);
    }
  if (self->directory != NULL)
    g_rmdir (self->directory);
  g_free (self->directory);
}

void
cepa_fake_host_free (CepaFakeHost *self)
{
  if (self == NULL)
    return;
  cepa_fake_loop_clear (self);
  cepa_fake_kinds_clear (self);
  cepa_fake_vocabulary_clear (self);
  cepa_fake_side_tables_clear (self);
  fake_host_remove_directory (self);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_hash_table_unref (self->options);
  g_hash_table_unref (self->tasks);
  g_ptr_array_unref (self->faults);
  g_ptr_array_unref (self->log);
  g_clear_error (&self->failure);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

const CepaHost *
cepa_fake_host_get_table (CepaFakeHost *self)
{
  return &self->table;
}

CepaHost *
cepa_fake_host_edit_table (CepaFakeHost *self)
{
  return &self->table;
}

void
cepa_fake_host_set_option (CepaFakeHost *self, const char *name, const char *value)
{
  GPtrArray *values = g_ptr_array_new_with_free_func (g_free);

  if (value != NULL)
    g_ptr_array_add (values, g_strdup (value));
  g_ptr_array_add (values, NULL);
  g_hash_table_insert (self->options, g_strdup (name), values);
}

void
cepa_fake_host_add_option (CepaFakeHost *self, const char *name, const char *value)
{
  GPtrArray *values = g_hash_table_lookup (self->options, name);

  if (values == NULL)
    cepa_fake_host_set_option (self, name, value);
  else
    g_ptr_array_insert (values, (gint) values->len - 1, g_strdup (value));
}

void
cepa_fake_host_set_defaults (CepaFakeHost *self, const CepaPlugin *plugin)
{
  const char *options = (const char *) plugin->options;

  for (guint i = 0; i < plugin->n_options; i++)
    {
      const CepaPluginOption *option = (gconstpointer) (options + (gsize) i * plugin->option_stride);

      cepa_fake_host_set_option (self, option->name, option->default_text);
    }
}

void
cepa_fake_host_set_network (CepaFakeHost *self, const CepaNetworkView *view)
{
  self->view = view;
}

guint64
cepa_fake_host_begin_task (CepaFakeHost *self)
{
  guint64 number = ++self->last_id;

  g_hash_table_insert (self->tasks, g_memdup2 (&number, sizeof number), g_new0 (FakeTask, 1));
  return number;
}

CepaFakeTaskState
cepa_fake_host_get_task (CepaFakeHost *self, guint64 task)
{
  const FakeTask *found = g_hash_table_lookup (self->tasks, &task);

  g_return_val_if_fail (found != NULL, CEPA_FAKE_TASK_OVER);
  return found->state;
}

const GError *
cepa_fake_host_get_task_error (CepaFakeHost *self, guint64 task)
{
  const FakeTask *found = g_hash_table_lookup (self->tasks, &task);

  g_return_val_if_fail (found != NULL, NULL);
  return found->error;
}

void
cepa_fake_host_end_task (CepaFakeHost *self, guint64 task)
{
  FakeTask *found = g_hash_table_lookup (self->tasks, &task);

  g_return_if_fail (found != NULL);
  if (found->state == CEPA_FAKE_TASK_PENDING)
    found->state = CEPA_FAKE_TASK_OVER;
}

const GError *
cepa_fake_host_get_failure (CepaFakeHost *self)
{
  return self->failure;
}

void
cepa_fake_host_close (CepaFakeHost *self)
{
  self->is_closed = TRUE;
}

GPtrArray *
cepa_fake_host_get_faults (CepaFakeHost *self)
{
  return self->faults;
}

gboolean
cepa_fake_host_has_thread_fault (CepaFakeHost *self)
{
  gboolean has;

  g_mutex_lock (&self->mutex);
  has = self->has_thread_fault;
  g_mutex_unlock (&self->mutex);
  return has;
}

GPtrArray *
cepa_fake_host_get_log (CepaFakeHost *self)
{
  return self->log;
}
