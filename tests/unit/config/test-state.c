/* SPDX-License-Identifier: BSD-3-Clause */
/* The state file: what is kept comes back, what is torn or foreign is set aside whole, what is not ours is preserved. */
#include "config/state.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "support/log-capture.h"

#define NOW_S 1780315200 /* 2026-06-01 12:00:00 */

typedef struct
{
  char *folder, *path;
  GMainContext *context;
  CepaClockFake clock;
  CepaState *state;
  const char *value; /* (nullable): of section "mine" */
} Fixture;

static GVariant *
fixture_save (gpointer user_data)
{
  Fixture *self = user_data;
  GVariantDict dict;

  if (self->value == NULL)
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "value", "s", self->value);
  g_variant_dict_insert (&dict, "number", "x", G_GINT64_CONSTANT (1) << 40);
  g_variant_dict_insert (&dict, "part", "d", 0.125);
  return g_variant_dict_end (&dict);
}

static void
fixture_load (Fixture *self)
{
  g_clear_pointer (&self->state, cepa_state_free);
  self->state = cepa_state_load (self->context, &self->clock.clock, self->path);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("cepa-state-XXXXXX", &error);
  g_assert_no_error (error);
  self->path = g_build_filename (self->folder, "state", NULL);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  cepa_clock_fake_init (&self->clock, G_USEC_PER_SEC, NOW_S);
}

static guint
fixture_empty (Fixture *self)
{
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      if (g_unlink (path) != 0)
        g_rmdir (path);
      n++;
    }
  return n;
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer (&self->state, cepa_state_free);
  fixture_empty (self);
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_free (self->folder);
  g_free (self->path);
}

typedef struct
{
  CepaState *state;
  gboolean is_over;
  GError *error;
} Save;

static void
fixture_saved (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  Save *save = user_data;

  cepa_state_save_finish (save->state, result, &save->error);
  save->is_over = TRUE;
}

/* (nullable) (transfer full): the error. */
static GError *
fixture_finish (Fixture *self)
{
  Save save = { self->state, FALSE, NULL };

  cepa_state_save_async (self->state, fixture_saved, &save);
  while (!save.is_over)
    g_main_context_iteration (self->context, TRUE);
  return save.error;
}

static void
fixture_write (Fixture *self, const char *value)
{
  self->value = value;
  cepa_state_add_section (self->state, "mine", fixture_save, self);
  cepa_state_changed (self->state);
  g_assert_no_error (fixture_finish (self));
}

static void
fixture_check (Fixture *self, const char *section, const char *value)
{
  g_autoptr (GVariant) read = cepa_state_get_section (self->state, section);
  const char *text = NULL;

  if (read != NULL)
    g_assert_true (g_variant_lookup (read, "value", "&s", &text));
  g_assert_cmpstr (text, ==, value);
}

static void
fixture_put (Fixture *self, const char *text, gssize len)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (self->path, text, len, &error);
  g_assert_no_error (error);
}

/* What the one file that was set aside has, (transfer full) (nullable); it is removed. */
static char *
fixture_take_aside (Fixture *self, gsize *len)
{
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, NULL);
  const char *name;
  char *text = NULL;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "state.broken-20260601T120000"))
      {
        g_autofree char *path = g_build_filename (self->folder, name, NULL);

        g_assert_null (text);
        g_assert_true (g_file_get_contents (path, &text, len, NULL));
        g_unlink (path);
      }
  return text;
}

static void
test_round_trip (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GVariant) read = NULL;
  gint64 number = 0;
  double part = 0;
  GStatBuf st;

  fixture_load (self);
  fixture_check (self, "mine", NULL);
  fixture_write (self, "a \"b\"\n\\ ü");
  g_assert_cmpint (g_stat (self->path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 0777, ==, 0600);
  fixture_load (self);
  fixture_check (self, "mine", "a \"b\"\n\\ ü");
  read = cepa_state_get_section (self->state, "mine");
  g_assert_true (g_variant_lookup (read, "number", "x", &number));
  g_assert_true (g_variant_lookup (read, "part", "d", &part));
  g_assert_cmpint (number, ==, G_GINT64_CONSTANT (1) << 40);
  g_assert_cmpfloat (part, ==, 0.125);
}

/* Nothing changed: nothing is written, and no timer is set. */
static void
test_idle (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_load (self);
  cepa_state_add_section (self->state, "mine", fixture_save, self);
  g_assert_no_error (fixture_finish (self));
  g_assert_false (g_file_test (self->path, G_FILE_TEST_EXISTS));
  g_assert_false (g_main_context_iteration (self->context, FALSE));
}

/* Sections of parts that are not there, or of later versions, stay. One without content goes. */
static void
test_unknown_sections (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fixture_put (self, "{\"format\": \"cepa-state\", \"version\": 1, \"later\": 7, \"sections\": {\"mine\": {\"value\": \"x\"},"
                     " \"other\": {\"value\": \"kept\", \"deep\": [{\"a\": null}, 1.5, true]}}}", -1);
  fixture_load (self);
  fixture_check (self, "mine", "x");
  fixture_write (self, "y");
  fixture_load (self);
  fixture_check (self, "mine", "y");
  fixture_check (self, "other", "kept");
  fixture_write (self, NULL);
  fixture_load (self);
  fixture_check (self, "mine", NULL);
  fixture_check (self, "other", "kept");
}

/* Cut off at any byte, as a crash of a writer that is not atomic would leave it. */
static void
test_torn (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *whole = NULL;
  gsize len;

  fixture_load (self);
  fixture_write (self, "precious");
  g_assert_true (g_file_get_contents (self->path, &whole, &len, NULL));
  for (gsize cut = 0; cut + 1 < len; cut++)
    {
      g_autofree char *aside = NULL;
      gsize aside_len = 0;

      fixture_put (self, whole, (gssize) cut);
      fixture_load (self);
      fixture_check (self, "mine", NULL);
      g_assert_false (g_file_test (self->path, G_FILE_TEST_EXISTS));
      aside = fixture_take_aside (self, &aside_len);
      g_assert_cmpmem (aside, aside_len, whole, cut);
    }
  fixture_put (self, whole, (gssize) len - 1); /* but for the last newline */
  fixture_load (self);
  fixture_check (self, "mine", "precious");
  g_assert_null (fixture_take_aside (self, NULL));
}

static const char *const foreign[] = {
  "# Tor state file last generated on 2026-06-01 12:00:00 local time\nTorVersion Tor 0.4.9.11\n"
  "Guard in=default rsa_id=0123456789ABCDEF0123456789ABCDEF01234567 sampled_on=2026-05-01T00:00:00 listed=1\n",
  "{\"format\": \"cepa-state\", \"version\": 2, \"sections\": {}}",
  "{\"format\": \"cepa-state\", \"version\": \"1\", \"sections\": {}}",
  "{\"format\": \"cepa-state\", \"sections\": {}}",
  "{\"format\": \"cepa-state\", \"version\": 1}",
  "{\"format\": \"cepa-state\", \"version\": 1, \"sections\": []}",
  "{\"format\": \"cepa-state\", \"version\": 1, \"sections\": {\"mine\": 3}}",
  "{\"format\": 4, \"version\": 1, \"sections\": {}}",
  "{\"version\": 1, \"sections\": {}}",
  "[1]",
  "null",
  "\xff\xfe",
};

static void
test_foreign (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *aside = NULL;

      fixture_put (self, foreign[i], -1);
      fixture_load (self);
      fixture_check (self, "mine", NULL);
      aside = fixture_take_aside (self, NULL);
      g_assert_cmpstr (aside, ==, foreign[i]);
      fixture_write (self, "new");
      fixture_load (self);
      fixture_check (self, "mine", "new");
    }
}

/* Lists in lists, deeper than a parser that calls itself should go; and a bare bracket in a text is none. */
static void
test_deep (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  GString *text = g_string_new ("{\"format\": \"cepa-state\", \"version\": 1, \"sections\": {\"mine\": {\"value\": ");
  g_autofree char *aside = NULL;

  for (guint i = 0; i < 100000; i++)
    g_string_append_c (text, '[');
  fixture_put (self, text->str, -1);
  fixture_load (self);
  aside = fixture_take_aside (self, NULL);
  g_assert_cmpstr (aside, ==, text->str);
  g_string_free (text, TRUE);
  fixture_put (self, "{\"format\": \"cepa-state\", \"version\": 1, \"sections\": {\"mine\": {\"value\": "
                     "\"[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}}}", -1);
  fixture_load (self);
  fixture_check (self, "mine", "[[[[[[[[[[[[[[[[[[[[\"[[[");
}

static void
test_names_aside (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  LogCapture capture;
  g_autofree char *logged = NULL;

  log_capture_start (&capture, CEPA_LOG_WARN);
  for (guint i = 0; i < 3; i++)
    {
      fixture_put (self, "?", -1);
      fixture_load (self);
    }
  logged = log_capture_stop (&capture);
  log_capture_assert_has (logged, "state.broken-20260601T120000, ");
  log_capture_assert_has (logged, "state.broken-20260601T120000-3, ");
  g_assert_cmpuint (fixture_empty (self), ==, 3);
}

static void
test_rejected (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char *text = "{\"format\": \"cepa-state\", \"version\": 1, \"sections\": {\"mine\": {\"value\": \"bad\"}, "
                            "\"other\": {\"value\": \"good\"}}}";
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_FILE, "nonsense");
  g_autofree char *aside = NULL;

  fixture_put (self, text, -1);
  fixture_load (self);
  cepa_state_reject_section (self->state, "mine", reason);
  cepa_state_reject_section (self->state, "nobody", reason);
  aside = fixture_take_aside (self, NULL);
  g_assert_cmpstr (aside, ==, text);
  fixture_check (self, "mine", NULL);
  fixture_check (self, "other", "good");
}

static guint
count_parts (const char *text, const char *part)
{
  g_auto (GStrv) pieces = g_strsplit (text, part, -1);

  return g_strv_length (pieces) - 1;
}

/* A folder that is not there stands for a disk that is full or read-only: root may write to any other. */
static void
test_cannot_write (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *nowhere = g_build_filename (self->folder, "sub", "state", NULL);
  g_autofree char *sub = g_path_get_dirname (nowhere);
  LogCapture capture;
  g_autofree char *logged = NULL;

  log_capture_start (&capture, CEPA_LOG_NOTICE);
  self->state = cepa_state_load (self->context, &self->clock.clock, nowhere);
  self->value = "x";
  cepa_state_add_section (self->state, "mine", fixture_save, self);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      cepa_state_changed (self->state);
      error = fixture_finish (self);
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
    }
  g_assert_cmpint (g_mkdir (sub, 0700), ==, 0);
  cepa_state_changed (self->state);
  g_assert_no_error (fixture_finish (self));
  logged = log_capture_stop (&capture);
  g_assert_cmpuint (count_parts (logged, "cannot be written"), ==, 1);
  log_capture_assert_has (logged, "can be written again");
  g_clear_pointer (&self->state, cepa_state_free);
  g_unlink (nowhere);
}

/* Changes while a write is under way are in the file that the end waits for. */
static void
test_changed_while_writing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Save first = { NULL, FALSE, NULL };

  fixture_load (self);
  cepa_state_add_section (self->state, "mine", fixture_save, self);
  self->value = "one";
  cepa_state_changed (self->state);
  first.state = self->state;
  cepa_state_save_async (self->state, fixture_saved, &first); /* takes "one" */
  self->value = "two";
  cepa_state_changed (self->state);
  g_assert_no_error (fixture_finish (self));
  g_assert_true (first.is_over);
  fixture_load (self);
  fixture_check (self, "mine", "two");
}

/* Whether the file has no "two" yet. */
static gboolean
fixture_is_old (Fixture *self)
{
  g_autofree char *text = NULL;

  return !g_file_get_contents (self->path, &text, NULL, NULL) || strstr (text, "two") == NULL;
}

static void
test_freed_while_writing (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Save save = { NULL, FALSE, NULL };

  fixture_load (self);
  fixture_write (self, "one");
  self->value = "two";
  cepa_state_changed (self->state);
  cepa_state_save_async (self->state, fixture_saved, &save);
  g_clear_pointer (&self->state, cepa_state_free);
  while (!save.is_over)
    g_main_context_iteration (self->context, TRUE);
  g_assert_error (save.error, CEPA_ERROR, CEPA_ERROR_CANCELLED);
  g_clear_error (&save.error);
  /* The thread still comes back to the loop, and finds nobody. */
  while (fixture_is_old (self))
    g_main_context_iteration (self->context, FALSE);
  fixture_load (self);
  fixture_check (self, "mine", "two");
}

/* A process that writes is killed at any moment: the file is one of those that it wrote, whole. */
static void
test_killed (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  for (guint round = 0; round < 8; round++)
    {
      int ready[2], status;
      char byte;
      pid_t child;

      g_assert_cmpint (pipe (ready), ==, 0);
      child = fork ();
      g_assert_cmpint (child, >=, 0);
      if (child == 0)
        {
          /* In the child, no more than the write itself: its threads are gone. */
          for (guint i = 0;; i++)
            {
              g_autofree char *many = g_strnfill (1 + (i % 2) * 100000, 'x');
              g_autofree char *text = g_strdup_printf ("{\"format\": \"cepa-state\", \"version\": 1, \"sections\": "
                                                       "{\"mine\": {\"value\": \"%s\"}}}", many);
              g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

              if (!cepa_file_write (self->path, &bytes, 1, NULL) || write (ready[1], "x", 1) != 1)
                _exit (1);
            }
        }
      close (ready[1]);
      for (guint i = 0; i < 1 + round; i++)
        g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
      g_assert_cmpint (kill (child, SIGKILL), ==, 0);
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      g_assert_true (WIFSIGNALED (status));
      close (ready[0]);
      fixture_load (self);
      {
        g_autoptr (GVariant) section = cepa_state_get_section (self->state, "mine");
        const char *value = NULL;

        g_assert_nonnull (section);
        g_assert_true (g_variant_lookup (section, "value", "&s", &value));
        g_assert_true (strlen (value) == 1 || strlen (value) == 100001);
      }
      g_assert_null (fixture_take_aside (self, NULL));
    }
}

#define ADD(name, func) g_test_add ("/config/state/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("round-trip", test_round_trip);
  ADD ("idle", test_idle);
  ADD ("unknown-sections", test_unknown_sections);
  ADD ("torn", test_torn);
  ADD ("foreign", test_foreign);
  ADD ("deep", test_deep);
  ADD ("names-aside", test_names_aside);
  ADD ("rejected", test_rejected);
  ADD ("cannot-write", test_cannot_write);
  ADD ("changed-while-writing", test_changed_while_writing);
  ADD ("freed-while-writing", test_freed_while_writing);
  ADD ("killed", test_killed);
  return g_test_run ();
}
