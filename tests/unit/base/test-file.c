/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

typedef struct
{
  char *directory, *path, *temporary;
} Fixture;

static void
fixture_set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->directory = g_dir_make_tmp ("cepa-test-file-XXXXXX", NULL);
  g_assert_nonnull (fixture->directory);
  fixture->path = g_build_filename (fixture->directory, "file", NULL);
  fixture->temporary = g_strconcat (fixture->path, ".tmp", NULL);
}

static void
fixture_tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->directory, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->path);
  g_free (fixture->temporary);
}

static guint
mode_of (const char *path)
{
  struct stat st;

  g_assert_cmpint (g_lstat (path, &st), ==, 0);
  return st.st_mode & 07777;
}

static void
assert_content (const char *path, const char *expected)
{
  g_autofree char *content = NULL;
  gsize len = 0;

  g_assert_true (g_file_get_contents (path, &content, &len, NULL));
  g_assert_cmpmem (content, len, expected, strlen (expected));
}

static gboolean
write_text (const char *path, const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  GBytes *parts[] = { bytes };

  return cepa_file_write (path, parts, 1, error);
}

static void
test_prepare_directory (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_file_prepare_directory (fixture->path, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mode_of (fixture->path), ==, 0700);
  g_assert_cmpint (g_chmod (fixture->path, 0755), ==, 0);
  g_assert_true (cepa_file_prepare_directory (fixture->path, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mode_of (fixture->path), ==, 0700);
}

static void
test_prepare_directory_parents (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->path, "below", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (cepa_file_prepare_directory (below, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mode_of (fixture->path), ==, 0700);
  g_assert_cmpuint (mode_of (below), ==, 0700);
  g_assert_cmpint (g_rmdir (below), ==, 0);
}

static void
check_directory_refused (const char *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cepa_file_prepare_directory (path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, path));
}

/* A file in its place or above it, and a directory of somebody else. */
static void
test_prepare_directory_refused (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->path, "below", NULL);
  const char *foreign = "/";

  g_assert_true (write_text (fixture->path, "x", NULL));
  check_directory_refused (below);
  check_directory_refused (fixture->path);
  g_remove (fixture->path);
  if (geteuid () == 0)
    {
      g_assert_cmpint (g_mkdir (fixture->path, 0777), ==, 0);
      g_assert_cmpint (chown (fixture->path, 65534, 65534), ==, 0);
      foreign = fixture->path;
    }
  check_directory_refused (foreign);
}

static void
test_write (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GBytes) first = g_bytes_new ("one ", 4), empty = g_bytes_new ("", 0);
  g_autoptr (GBytes) last = g_bytes_new ("two", 3);
  GBytes *parts[] = { first, empty, last };
  g_autoptr (GError) error = NULL;
  mode_t mask = umask (0);

  g_assert_true (cepa_file_write (fixture->path, parts, 3, &error));
  umask (mask);
  g_assert_no_error (error);
  assert_content (fixture->path, "one two");
  g_assert_cmpuint (mode_of (fixture->path), ==, 0600);
  g_assert_false (g_file_test (fixture->temporary, G_FILE_TEST_EXISTS));
  g_assert_true (cepa_file_write (fixture->path, parts, 0, &error));
  assert_content (fixture->path, "");
}

/* What maps the old content keeps it: the new one is another file. */
static void
test_write_replaces (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GBytes) old = NULL, now = NULL;

  g_assert_true (write_text (fixture->path, "the old content", NULL));
  old = cepa_file_map (fixture->path, NULL);
  g_assert_true (write_text (fixture->path, "new", NULL));
  now = cepa_file_map (fixture->path, NULL);
  g_assert_cmpmem (g_bytes_get_data (old, NULL), g_bytes_get_size (old), "the old content", 15);
  g_assert_cmpmem (g_bytes_get_data (now, NULL), g_bytes_get_size (now), "new", 3);
}

/* A temporary file that a crash left behind, open to all, does not make the new one so. */
static void
test_write_left_over (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (g_file_set_contents (fixture->temporary, "a rest that is longer", -1, NULL));
  g_assert_cmpint (g_chmod (fixture->temporary, 0644), ==, 0);
  g_assert_true (write_text (fixture->path, "new", NULL));
  assert_content (fixture->path, "new");
  g_assert_cmpuint (mode_of (fixture->path), ==, 0600);
}

/* The file cannot be put in its place: it is as it was, and no rest stays. */
static void
test_write_fails (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->path, "file", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (fixture->path, 0700), ==, 0);
  g_assert_false (write_text (fixture->path, "x", &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, fixture->path));
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_IS_DIR));
  g_assert_false (g_file_test (fixture->temporary, G_FILE_TEST_EXISTS));
  g_clear_error (&error);

  g_assert_cmpint (g_rmdir (fixture->path), ==, 0);
  g_assert_false (write_text (below, "x", &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
}

/* A link laid out where the temporary file goes is removed, not followed. */
static void
test_write_link (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *victim = g_build_filename (fixture->directory, "victim", NULL);

  g_assert_true (g_file_set_contents (victim, "precious", -1, NULL));
  g_assert_cmpint (symlink (victim, fixture->temporary), ==, 0);
  g_assert_true (write_text (fixture->path, "x", NULL));
  assert_content (victim, "precious");
  assert_content (fixture->path, "x");
  g_assert_false (g_file_test (fixture->temporary, G_FILE_TEST_IS_SYMLINK));
}

static void
test_map (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (cepa_file_map (fixture->path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (cepa_file_map (fixture->directory, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  g_assert_null (cepa_file_map (fixture->path, &error));
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_clear_error (&error);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  g_assert_true (write_text (fixture->path, "", NULL));
  bytes = cepa_file_map (fixture->path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
}

static void
test_lock (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fd = cepa_file_lock (fixture->path, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (cepa_file_lock (fixture->path, &error), ==, -1);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, fixture->path));
  g_clear_error (&error);
  close (fd);
  fd = cepa_file_lock (fixture->path, &error);
  g_assert_no_error (error);
  close (fd);
  g_assert_cmpint (cepa_file_lock (fixture->directory, &error), ==, -1);
  g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
}

/* Kibibytes of files that this process has in memory. */
static guint64
resident_kib (void)
{
  g_autofree char *status = NULL;
  const char *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, "\nRssFile:");
  g_assert_nonnull (line);
  return g_ascii_strtoull (line + strlen ("\nRssFile:"), NULL, 10);
}

static guint
add_up (GBytes *bytes)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (bytes, &len);
  guint sum = 0;

  for (gsize i = 0; i < len; i++)
    sum += data[i];
  return sum;
}

static void
test_forget_pages (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const gsize len = 16 * 1024 * 1024;
  g_autofree char *content = g_malloc (len);
  g_autoptr (GBytes) bytes = NULL;
  guint64 before;

  memset (content, 1, len);
  g_assert_true (g_file_set_contents (fixture->path, content, (gssize) len, NULL));
  bytes = cepa_file_map (fixture->path, NULL);
  g_assert_cmpuint (add_up (bytes), ==, len);
  before = resident_kib ();
  cepa_file_forget_pages (bytes);
  g_assert_cmpuint (resident_kib (), <, before - len / 1024 / 2);
  g_assert_cmpuint (add_up (bytes), ==, len);
  cepa_file_forget_pages (NULL);
}

static void
test_forget_nothing (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  bytes = cepa_file_map (fixture->path, NULL);
  cepa_file_forget_pages (bytes);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
}

#define ADD(name, function) g_test_add (name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/base/file/prepare-directory", test_prepare_directory);
  ADD ("/base/file/prepare-directory-parents", test_prepare_directory_parents);
  ADD ("/base/file/prepare-directory-refused", test_prepare_directory_refused);
  ADD ("/base/file/write", test_write);
  ADD ("/base/file/write-replaces", test_write_replaces);
  ADD ("/base/file/write-left-over", test_write_left_over);
  ADD ("/base/file/write-fails", test_write_fails);
  ADD ("/base/file/write-link", test_write_link);
  ADD ("/base/file/map", test_map);
  ADD ("/base/file/forget-pages", test_forget_pages);
  ADD ("/base/file/forget-nothing", test_forget_nothing);
  ADD ("/base/file/lock", test_lock);
  return g_test_run ();
}
