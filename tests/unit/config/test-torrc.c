/* SPDX-License-Identifier: BSD-3-Clause */
/* The grammar of torrc. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/torrc.h"

static GPtrArray *
torrc_new_lines (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
}

/* Parses an exact copy of @text, so that a checked build sees a read behind its end. */
static gboolean
torrc_parse (const char *text, gsize len, GPtrArray *lines, GError **error)
{
  g_autofree char *copy = g_memdup2 (text, len);

  return cepa_torrc_parse (copy, len, "f", lines, error);
}

static void
torrc_assert_line (const GPtrArray *lines, guint i, const char *where, const char *key, const char *value)
{
  const CepaTorrcLine *line;

  g_assert_cmpuint (i, <, lines->len);
  line = lines->pdata[i];
  g_assert_cmpstr (line->where, ==, where);
  g_assert_cmpstr (line->key, ==, key);
  g_assert_cmpstr (line->value, ==, value);
}

/* Text and what it means: from C Tor 0.4.9.11, test_util_config_line in src/test/test_util.c. */
static void
test_torrc_lines (void)
{
  static const char text[] =
    "k v\n key    value with spaces   \nkeykey val\nk2\nk3 \n\n   \n#comment\nk4#a\nk5#abc\n"
    "k6 val #with comment\n"
    "kseven   \"a quoted 'string\"\nk8 \"a \\x71uoted\\n\\\"str\\\\ing\\t\\001\\01\\1\\\"\"\n"
    "k9 a line that\\\n spans two lines.\n\nk10 more than\\\n one contin\\\nuation\n"
    "k11  \\\ncontinuation at the start\nk12 line with a\\\n#comment\n embedded\n"
    "k13\\\ncontinuation at the very start\nk14 a line that has a comment and # ends with a slash \\\n"
    "k15 this should be the next new line\nk16 a line that has a comment and # ends without a slash \n"
    "k17 this should be the next new line\n";
  static const struct
  {
    const char *where, *key, *value;
  } expected[] = {
    { "f:1", "k", "v" },
    { "f:2", "key", "value with spaces" },
    { "f:3", "keykey", "val" },
    { "f:4", "k2", "" },
    { "f:5", "k3", "" },
    { "f:9", "k4", "" },
    { "f:10", "k5", "" },
    { "f:11", "k6", "val" },
    { "f:12", "kseven", "a quoted 'string" },
    { "f:13", "k8", "a quoted\n\"str\\ing\t\x01\x01\x01\"" },
    { "f:14", "k9", "a line that spans two lines." },
    { "f:17", "k10", "more than one continuation" },
    { "f:20", "k11", "continuation at the start" },
    { "f:22", "k12", "line with a embedded" },
    { "f:25", "k13", "continuation at the very start" },
    { "f:27", "k14", "a line that has a comment and" },
    { "f:28", "k15", "this should be the next new line" },
    { "f:29", "k16", "a line that has a comment and" },
    { "f:30", "k17", "this should be the next new line" },
  };
  g_autoptr (GPtrArray) lines = torrc_new_lines ();
  g_autoptr (GError) error = NULL;

  g_assert_true (torrc_parse (text, strlen (text), lines, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (lines->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < lines->len; i++)
    torrc_assert_line (lines, i, expected[i].where, expected[i].key, expected[i].value);
}

/* C Tor 0.4.9.11, doc/torrc_format.txt section 4.1, and test_util_config_line_escaped_content. */
static void
test_torrc_values (void)
{
  static const struct
  {
    const char *text, *key, *value;
  } cases[] = {
    { "Foo    Bar    Baz    \n", "Foo", "Bar    Baz" },
    { "Hello\\\nWorld\n", "Hello", "World" },
    { "Hello World#tomorrow\n", "Hello", "World" },
    { "Hello \"World!\" # there\n", "Hello", "World!" },
    { "Hello\\\nWorld\\\nand\\\nfriends\n", "Hello", "Worldandfriends" },
    { "Too \\\nMany\\\\\\\nBacksl\\ashes \\\\\nhere", "Too", "Many\\\\Backsl\\ashes \\here" },
    { "This entry      \\\n # has comments \\\n and some       \\\n are # generally \\\n silly\n", "This",
      "entry        and some        are  silly" },
    { "This entry      \\\n # has comments\n and some       \\\n are # generally\n silly\n", "This",
      "entry        and some        are  silly" },
    { "k1 \"# in quotes\"\n", "k1", "# in quotes" },
    { "k v \\\n# no line behind this", "k", "v" },
    { "k v\\", "k", "v\\" },
    { "k \"\\x2a\\X2A\\52\\'\"", "k", "***'" },
    { "k\tv\r\n", "k", "v" },
    { "k \"v\"\r\n", "k", "v" },
    { "k one \\\r\n two\r\n", "k", "one  two" },
    { "k z\xc3\xbcrich", "k", "z\xc3\xbcrich" },
    { "# \xff comments may have anything\nk v", "k", "v" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) lines = torrc_new_lines ();
      g_autoptr (GError) error = NULL;

      torrc_parse (cases[i].text, strlen (cases[i].text), lines, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (lines->len, ==, 1);
      g_assert_cmpstr (((CepaTorrcLine *) lines->pdata[0])->key, ==, cases[i].key);
      g_assert_cmpstr (((CepaTorrcLine *) lines->pdata[0])->value, ==, cases[i].value);
    }
}

static void
test_torrc_commands (void)
{
  static const char text[] = "Log a\\\n# comment\n b\n+Log c\n/Log d\n";
  static const CepaTorrcCommand commands[] = { CEPA_TORRC_SET, CEPA_TORRC_ADD, CEPA_TORRC_CLEAR };
  g_autoptr (GPtrArray) lines = torrc_new_lines ();

  g_assert_true (torrc_parse (text, strlen (text), lines, NULL));
  g_assert_cmpuint (lines->len, ==, 3);
  torrc_assert_line (lines, 0, "f:1", "Log", "a b");
  torrc_assert_line (lines, 1, "f:4", "Log", "c");
  torrc_assert_line (lines, 2, "f:5", "Log", "");
  for (guint i = 0; i < lines->len; i++)
    g_assert_cmpint (((CepaTorrcLine *) lines->pdata[i])->command, ==, commands[i]);
}

/* The first nine: C Tor's test_util_config_line_quotes and test_util_config_line_escaped_content. */
static void
test_torrc_faults (void)
{
  static const char escape[] = "a backslash in a quoted value must be followed by";
  static const char open_quote[] = "the quoted value has no closing quote on its line";
  static const char behind[] = "something stands behind the closing quote; quote the whole value";
  static const struct
  {
    const char *text;
    gsize len; /* 0: to the terminating zero */
    const char *where, *message;
  } cases[] = {
    { "kTrailingGarbage \"quoted value\"trailing garbage\n", 0, "f:1: ", behind },
    { "k v\nkTrailingSpaceAndGarbage \"quoted value\" trailing space+g\n", 0, "f:2: ", behind },
    { "kMultilineTrailingSpace \"mline\\ \nvalue w/ trailing sp\"\n", 0, "f:1: ", escape },
    { "\n\nk \"naked multiline\nvalue\"\n", 0, "f:3: ", open_quote },
    { "k \"\\a\"\n", 0, "f:1: ", escape },
    { "k \"\\x\"\n", 0, "f:1: ", escape },
    { "k \"\\8\"\n", 0, "f:1: ", escape },
    { "k \"\\xg4\"\n", 0, "f:1: ", escape },
    { "k \"\\", 0, "f:1: ", escape },
    { "k \"\\x4", 0, "f:1: ", escape },
    { "k \"\\400\"", 0, "f:1: ", escape },
    { "k \"", 0, "f:1: ", open_quote },
    { "k \"v\" \r w\n", 0, "f:1: ", behind },
    { "k \"\\377\"", 0, "f:1: ", "bytes that are not UTF-8 text" },
    { "k v\nk\xff v", 0, "f:2: ", "bytes that are not UTF-8 text" },
    { "k \"a\\000b\"", 0, "f:1: ", "a zero byte, which no option can have" },
    { "k v\0w\n", 6, "f:1: ", "a zero byte, which no option can have" },
    { "# fine\0\nk\0 v\n", 13, "f:2: ", "a zero byte, which no option can have" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) lines = torrc_new_lines ();
      g_autoptr (GError) error = NULL;
      gsize len = cases[i].len != 0 ? cases[i].len : strlen (cases[i].text);
      g_autofree char *message = g_strconcat (cases[i].where, cases[i].message, NULL);

      g_assert_false (torrc_parse (cases[i].text, len, lines, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
      if (!g_str_has_prefix (error->message, message))
        g_assert_cmpstr (error->message, ==, message);
    }
}

static void
test_torrc_size (void)
{
  g_autofree char *text = g_malloc (CEPA_TORRC_MAX_SIZE + 1);
  g_autoptr (GPtrArray) lines = torrc_new_lines ();
  g_autoptr (GError) error = NULL;

  memset (text, '\n', CEPA_TORRC_MAX_SIZE + 1);
  g_assert_true (cepa_torrc_parse (text, CEPA_TORRC_MAX_SIZE, "f", lines, &error));
  g_assert_no_error (error);
  g_assert_false (cepa_torrc_parse (text, CEPA_TORRC_MAX_SIZE + 1, "f", lines, &error));
  g_assert_cmpstr (error->message, ==, "f: longer than 1048576 bytes");
}

typedef struct
{
  char *old_dir, *dir;
} TorrcFixture;

/* The tests below run in a folder of their own, so that messages have short names. */
static void
torrc_set_up (TorrcFixture *fixture, gconstpointer data)
{
  (void) data;
  fixture->old_dir = g_get_current_dir ();
  fixture->dir = g_dir_make_tmp ("cepa-torrc-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
  g_assert_cmpint (g_chdir (fixture->dir), ==, 0);
}

static void
torrc_remove (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      torrc_remove (child);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
torrc_tear_down (TorrcFixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (g_chdir (fixture->old_dir), ==, 0);
  torrc_remove (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->old_dir);
}

static void
torrc_write (const char *path, const char *text)
{
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* The descriptor that the next file gets: it grows when one is left open. */
static int
torrc_find_free_fd (void)
{
  int fd = dup (STDIN_FILENO);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  return fd;
}

static void
test_torrc_include (TorrcFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (GError) error = NULL;
  int free_fd, free_fd_after;

  (void) fixture, (void) data;
  torrc_write ("torrc", "k 1\n%include one # comment\nk 2\n%include \"d\"\n%include d/*.conf\n"
                        "%include none*\nk 3\n");
  torrc_write ("one", "k one\n%include two\nk three\n");
  torrc_write ("two", "\nk two\n");
  torrc_write ("d/b.conf", "k b\n");
  torrc_write ("d/a", "k a\n");
  torrc_write ("d/c.conf", "k c\n");
  torrc_write ("d/.hidden", "k hidden\n");
  torrc_write ("d/e/f", "k deeper\n");
  torrc_write ("d/empty", "");
  free_fd = torrc_find_free_fd ();
  lines = cepa_torrc_load ("torrc", &error);
  free_fd_after = torrc_find_free_fd ();
  g_assert_no_error (error);
  g_assert_cmpint (free_fd_after, ==, free_fd);
  g_assert_cmpuint (lines->len, ==, 11);
  torrc_assert_line (lines, 0, "torrc:1", "k", "1");
  torrc_assert_line (lines, 1, "one:1", "k", "one");
  torrc_assert_line (lines, 2, "two:2", "k", "two");
  torrc_assert_line (lines, 3, "one:3", "k", "three");
  torrc_assert_line (lines, 4, "torrc:3", "k", "2");
  torrc_assert_line (lines, 5, "d/a:1", "k", "a");
  torrc_assert_line (lines, 6, "d/b.conf:1", "k", "b");
  torrc_assert_line (lines, 7, "d/c.conf:1", "k", "c");
  torrc_assert_line (lines, 8, "d/b.conf:1", "k", "b");
  torrc_assert_line (lines, 9, "d/c.conf:1", "k", "c");
  torrc_assert_line (lines, 10, "torrc:7", "k", "3");
}

static void
torrc_assert_load_fails (int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *lines = cepa_torrc_load ("torrc", &error);

  g_assert_null (lines);
  g_assert_error (error, CEPA_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_torrc_load_faults (TorrcFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) many = g_string_new (NULL);
  g_autofree char *long_text = g_strnfill (CEPA_TORRC_MAX_SIZE + 10, '\n');

  (void) fixture, (void) data;
  torrc_assert_load_fails (CEPA_ERROR_NOT_FOUND, "cannot read torrc: No such file or directory");
  torrc_write ("torrc", "k v\n\n%include gone\n");
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "torrc:3: %include: cannot read gone: No such file or "
                                              "directory");
  torrc_write ("torrc", "%include\n");
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "torrc:1: %include: a file, a folder or a pattern is needed");
  torrc_write ("torrc", "%include -\n");
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "torrc:1: %include: cannot read -: No such file or directory");
  torrc_write ("torrc", "%include torrc\n");
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "torrc:1: %include: files include each other more than 31 "
                                              "deep");
  torrc_write ("torrc", "k v\n%include d\n");
  torrc_write ("d/a", "k v\nk \"v\n");
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "d/a:2: the quoted value has no closing quote on its line");
  torrc_write ("torrc", long_text);
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "torrc: longer than 1048576 bytes");

  /* Not deep, but many. */
  torrc_write ("none", "");
  for (guint i = 0; i < CEPA_TORRC_MAX_FILES; i++)
    g_string_append (many, "%include none\n");
  torrc_write ("torrc", many->str);
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "none: more than 1000 files are included");

  g_assert_cmpint (g_remove ("torrc"), ==, 0);
  g_assert_cmpint (g_mkdir ("torrc", 0700), ==, 0);
  torrc_assert_load_fails (CEPA_ERROR_CONFIG, "cannot read torrc: Is a directory");
}

/* A chain as long as is allowed. */
static void
test_torrc_depth (TorrcFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (GError) error = NULL;

  (void) fixture, (void) data;
  torrc_write ("torrc", "%include 2\n");
  for (guint i = 2; i <= CEPA_TORRC_MAX_DEPTH; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);
      g_autofree char *include = g_strdup_printf ("%%include %u\n", i + 1);

      torrc_write (name, i == CEPA_TORRC_MAX_DEPTH ? "k v\n" : include);
    }
  lines = cepa_torrc_load ("torrc", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lines->len, ==, 1);
  torrc_assert_line (lines, 0, "31:1", "k", "v");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/torrc/lines", test_torrc_lines);
  g_test_add_func ("/torrc/values", test_torrc_values);
  g_test_add_func ("/torrc/commands", test_torrc_commands);
  g_test_add_func ("/torrc/faults", test_torrc_faults);
  g_test_add_func ("/torrc/size", test_torrc_size);
  g_test_add ("/torrc/include", TorrcFixture, NULL, torrc_set_up, test_torrc_include, torrc_tear_down);
  g_test_add ("/torrc/load-faults", TorrcFixture, NULL, torrc_set_up, test_torrc_load_faults,
              torrc_tear_down);
  g_test_add ("/torrc/depth", TorrcFixture, NULL, torrc_set_up, test_torrc_depth, torrc_tear_down);
  return g_test_run ();
}
