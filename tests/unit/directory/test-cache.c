/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache's files: written whole, in the order of the calls, and errors told to the log. */
#include <sys/stat.h>
#include <unistd.h>

#include "directory/cache.h"
#include "support/log-capture.h"

typedef struct
{
  char *folder;
  GMainContext *context;
  CepaCache *cache;
  GBytes *content, *mapped; /* of the last asynchronous write */
  gboolean has_content, is_done;
} Fixture;

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("cepa-cache-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->cache = cepa_cache_new (self->folder, self->context);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const names[] = { "a", "b" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (self->folder, names[i], NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_clear_pointer (&self->cache, cepa_cache_free);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_free (self->folder);
}

static void
fixture_write (Fixture *self, const char *name, const char *text, gboolean append)
{
  g_autoptr (GBytes) content = g_bytes_new (text, strlen (text));

  if (append)
    cepa_cache_append (self->cache, name, content);
  else
    cepa_cache_write (self->cache, name, content);
}

/* Waits for all of it: freeing the cache does. */
static void
fixture_check (Fixture *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autofree char *content = NULL;
  GStatBuf st;

  g_clear_pointer (&self->cache, cepa_cache_free);
  self->cache = cepa_cache_new (self->folder, self->context);
  g_file_get_contents (path, &content, NULL, NULL);
  g_assert_cmpstr (content, ==, text);
  if (text != NULL)
    {
      g_assert_cmpint (g_stat (path, &st), ==, 0);
      g_assert_cmpuint (st.st_mode & 0777, ==, 0600);
    }
}

static void
fixture_written (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  Fixture *self = user_data;
  g_autoptr (GBytes) content = NULL;

  self->mapped = cepa_cache_write_finish (async, &content);
  self->has_content = content == self->content;
  self->is_done = TRUE;
}

/* (transfer full) (nullable): what takes the place of @text. */
static GBytes *
fixture_write_async (Fixture *self, const char *name, const char *text, const char *superseded)
{
  g_autoptr (GBytes) content = g_bytes_new (text, strlen (text));

  self->content = content;
  self->is_done = FALSE;
  cepa_cache_write_async (self->cache, name, content, superseded, fixture_written, self);
  while (!self->is_done)
    g_main_context_iteration (self->context, TRUE);
  g_assert_true (self->has_content);
  return self->mapped;
}

static void
test_mapped (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GBytes) mapped = NULL;

  fixture_write (self, "b", "what came later", FALSE);
  mapped = fixture_write_async (self, "a", "all of it", "b");
  g_assert_cmpmem (g_bytes_get_data (mapped, NULL), g_bytes_get_size (mapped), "all of it", strlen ("all of it"));
  fixture_check (self, "a", "all of it");
  fixture_check (self, "b", NULL);
}

/* What could not be put together anew stays in its two parts. */
static void
test_not_written (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_WARN);
  fixture_write (self, "b", "what came later", FALSE);
  g_assert_null (fixture_write_async (self, "none/a", "all of it", "b"));
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  fixture_check (self, "b", "what came later");
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "none/a: No such file or directory");
}

static void
test_order (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GString *whole = g_string_new ("begin\n");

  fixture_write (self, "a", "old and long", FALSE);
  cepa_cache_remove (self->cache, "a");
  fixture_write (self, "a", "begin\n", FALSE);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u\n", i);

      fixture_write (self, "a", text, TRUE);
      fixture_write (self, "b", text, FALSE);
      g_string_append (whole, text);
    }
  fixture_check (self, "a", whole->str);
  fixture_check (self, "b", "99\n");
  cepa_cache_remove (self->cache, "b");
  fixture_check (self, "b", NULL);
  g_string_free (whole, TRUE);
}

static void
test_append_makes (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_write (self, "a", "one\n", TRUE);
  fixture_write (self, "a", "", TRUE);
  fixture_write (self, "a", "two\n", TRUE);
  fixture_check (self, "a", "one\ntwo\n");
  cepa_cache_remove (self->cache, "never-there");
  fixture_check (self, "never-there", NULL);
}

/* A link is not followed: the file that it names stays as it is. */
static void
test_append_link (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "b", NULL);
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_WARN);
  fixture_write (self, "a", "mine", FALSE);
  fixture_check (self, "a", "mine");
  g_assert_cmpint (symlink ("a", path), ==, 0);
  fixture_write (self, "b", "more", TRUE);
  fixture_check (self, "a", "mine");
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "cannot add to ");
}

/* What failed in the thread is logged from the loop, with the file and the reason; the rest goes on. */
static void
test_errors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_WARN);
  fixture_write (self, "none/a", "x", FALSE);
  fixture_write (self, "none/b", "x", TRUE);
  cepa_cache_remove (self->cache, ".");
  fixture_write (self, "a", "y", FALSE);
  fixture_check (self, "a", "y");
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "none/a: No such file or directory");
  log_capture_assert_has (log, "none/b: No such file or directory");
  log_capture_assert_has (log, "cannot remove");
}

#define ADD(path, func) g_test_add ("/cache/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("order", test_order);
  ADD ("append-makes", test_append_makes);
  ADD ("append-link", test_append_link);
  ADD ("mapped", test_mapped);
  ADD ("not-written", test_not_written);
  ADD ("errors", test_errors);
  return g_test_run ();
}
